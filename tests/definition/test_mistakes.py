"""Known mistakes: functions that say their sentence, and edits of the instructor's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.definition import DefinitionError, Exercise, Mistake, edit, mistake
from autograder.definition.answers import read_answers

SOURCE = '''\
# %% [markdown]
# # A problem set

# %% exercise="mean"
def mean(x, weights):
    """The weighted mean.

        m = Σ w x / Σ w
    """
    ### BEGIN SOLUTION
    total = (weights * x).sum()
    return total / weights.sum()  # not len(x)
    ### END SOLUTION


# %% check="mean"
check(mean)

# %% exercise="Counter"
class Counter:
    """Counts."""

    ### BEGIN SOLUTION
    def __init__(self, start=0):
        """Begins."""
        self.count = start
    ### END SOLUTION

# %% exercise="broken"
def broken(:

# %% exercise="empty"

# %% exercise="called"
def called():
    return 1

called()
'''


@pytest.fixture
def answers(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "ps.py"
    path.write_text(SOURCE, encoding="utf-8")
    return read_answers(path)


@mistake
def sum_not_divided(x, weights):  # type: ignore[no-untyped-def]
    """Your function returns the sum: divide it by
    the sum of the weights."""
    return (weights * x).sum()


def exercise(known: Mistake, name: str = "mean") -> Exercise:
    return Exercise(
        name,
        title="",
        minutes=1,
        section="",
        parameters=("x", "weights"),
        returns=("m",),
        reference=lambda *_: None,
        checks={},
        mistakes={"some-slip": known},
    )


def test_an_answer_has_no_docstrings_and_no_markers(answers: dict[str, str]) -> None:
    assert answers == {
        "mean": (
            "def mean(x, weights):\n"
            "    total = (weights * x).sum()\n"
            "    return total / weights.sum()  # not len(x)\n"
        ),
        "Counter": (
            "class Counter:\n\n    def __init__(self, start=0):\n        self.count = start\n"
        ),
    }


def test_a_function_is_a_mistake_with_its_sentence() -> None:
    assert sum_not_divided.message == (
        "Your function returns the sum: divide it by the sum of the weights."
    )
    assert sum_not_divided.source("mean") == (
        "def mean(x, weights):  # type: ignore[no-untyped-def]\n    return (weights * x).sum()\n"
    )


def test_an_edit_is_the_answer_with_changes(answers: dict[str, str]) -> None:
    swapped = edit("Swapped.", ("total /", "weights.sum() /"), ("weights.sum()", "total"))
    known = exercise(swapped).answered(answers).mistakes["some-slip"]
    assert known.source("other") == (
        "def other(x, weights):\n"
        "    total = (weights * x).sum()\n"
        "    return weights.sum() / total  # not len(x)\n"
    )
    assert known.function(np.array([1.0, 3.0]), np.array([1.0, 1.0])) == 0.5


def test_further_forms_of_an_edit_are_made_of_the_answer_too(answers: dict[str, str]) -> None:
    rounded = edit("Rounded.", ("x).sum()", "x).round(1).sum()"), others=[[("(weights * x)", "x")]])
    (other,) = exercise(rounded).answered(answers).mistakes["some-slip"].others
    assert "total = x.sum()" in other.code
    assert other.message == "Rounded."


def test_an_edit_of_a_class(answers: dict[str, str]) -> None:
    late = edit("Late.", ("count = start", "count = start + 1"))
    known = exercise(late, name="Counter").answered(answers).mistakes["some-slip"]
    counter: Any = known.function
    assert counter(2).count == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([("lenght", "")], "“lenght” must occur once in the instructor's answer, and occurs 0"),
        ([("weights", "w")], "“weights” must occur once in the instructor's answer, and occurs 2"),
        ([("mean(x, weights)", "")], "occurs 0 times"),  # the signature is not the body
        ([("weighted mean", "")], "occurs 0 times"),  # nor is the docstring
        ([("total /", ""), ("return total", "")], "overlap"),
        ([("return total", "return (total")], "no Python"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(
    changes: list[tuple[str, str]], told: str, answers: dict[str, str]
) -> None:
    with pytest.raises(DefinitionError, match=told) as raised:
        exercise(edit("Slip.", *changes)).answered(answers)
    assert str(raised.value).startswith("mean, mistake some-slip: ")


def test_an_edit_without_an_answer_is_refused(answers: dict[str, str]) -> None:
    slip = edit("Slip.", ("a", "b"))
    for name in ("absent", "broken", "empty", "called"):
        with pytest.raises(DefinitionError, match=f'no cell exercise="{name}"'):
            exercise(slip, name=name).answered(answers)


def test_a_function_that_says_nothing_is_refused() -> None:
    with pytest.raises(DefinitionError, match="silent_slip: no docstring"):

        @mistake
        def silent_slip(x):  # type: ignore[no-untyped-def]
            return x
