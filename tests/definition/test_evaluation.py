"""What evaluation refuses: known mistakes that no student could have written."""

from __future__ import annotations

import pytest

from autograder.definition import Check, DefinitionError, Exercise, ProblemSet, evaluation, mistake
from autograder.definition.cases import case_maker

case = case_maker("x")


@mistake
def needs_a_helper(x):  # type: ignore[no-untyped-def]
    """Your function calls something that is not there."""
    return helper(x)  # type: ignore[name-defined]  # noqa: F821


def test_a_mistake_that_names_something_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # its outcome would be a NameError, and each student's NameError would be taken for it
    check = Check(1, [case("one", [1])], lambda rng: [case("other", rng.normal(size=2))])
    exercise = Exercise(
        "double",
        title="",
        minutes=1,
        section="",
        parameters=("x",),
        returns=("x",),
        reference=lambda x: 2 * x,
        checks={"one": check},
        mistakes={"needs-a-helper": needs_a_helper},
    )
    problem_set = ProblemSet("ps99-test", "", (exercise,), ())
    monkeypatch.setattr(evaluation, "load_problem_set", lambda name: problem_set)
    with pytest.raises(DefinitionError, match=r"double, mistake needs-a-helper: .*helper"):
        evaluation.evaluate("ps01-sgd", 0, "cpu")
