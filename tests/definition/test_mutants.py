"""Mutants of an answer: what is changed, what the cases tell, and what is said of the rest."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from autograder.definition import Exercise
from autograder.definition.mutants import Mutant, mutants_of, survivors
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome

ANSWER = """\
def ramp(x, low):
    total = np.zeros_like(x)
    for _ in range(1):
        if low < 0 or low > 5:
            total += np.maximum(x, -low)
    return total if low != 3 else np.sqrt(x)
"""


def exercise(answer: str = ANSWER) -> Exercise:
    parts = ("f", "", 5, "", ("x", "low"), ("y",), lambda x, low: x, {}, {})
    return Exercise(*parts, answer=answer)


def spec(*cases: tuple[Case, object]) -> ExerciseSpec:
    specs = tuple(CaseSpec(case, (Outcome(value),), {}) for case, value in cases)
    return ExerciseSpec("f", ("x", "low"), ("y",), (CheckSpec("c", 1, specs),), {})


def given(x: object, low: float, *, public: bool = True) -> Case:
    return Case("a case", {"x": np.asarray(x, float), "low": low}, public=public)


ONE = spec((given([0.1, -0.7], 1.0), np.array([0.2, 0.3])))


@pytest.mark.parametrize(
    "key",
    [
        "total = np.ones_like(x)",
        "for _ in range(2):",
        "break",
        "if True:",
        "if False:",
        "if low < 0 and low > 5:",
        "if low <= 0 or low > 5:",
        "if low < 1e-06 or low > 5:",
        "if low < 0 or low > 6:",
        "if low < 0 or low >= 5:",
        "pass",
        "total += np.minimum(x, -low)",
        "total += x",
        "total += -low",
        "total += np.maximum(x, low)",
        "return total if low == 3 else np.sqrt(x)",
        "return total",
        "return np.sqrt(x)",
        "return total if low != 3 else x",
        "y in float32",
        "y rounded to six places",
    ],
)
def test_each_kind_of_change_is_made(key: str) -> None:
    mutants = {mutant.key: mutant for mutant in mutants_of(exercise(), ONE)}
    assert mutants[key].code == ANSWER.strip() or key in mutants[key].code


def test_no_two_mutants_have_one_code_and_one_change_or_one_key() -> None:
    answer = "def f(x, low):\n    x = x + 1\n    x = x + 1\n    return x\n"
    mutants = [m for m in mutants_of(exercise(answer), ONE) if not m.key.startswith("y ")]
    assert [m.key for m in mutants if m.key.startswith("x = x - 1")] == [
        "x = x - 1",
        "x = x - 1 (2)",
    ]
    assert len({m.code for m in mutants}) == len({m.key for m in mutants}) == len(mutants)


def test_comparisons_in_a_chain_are_changed_one_by_one() -> None:
    answer = "def f(x, low):\n    return x if 0 <= low < 5 in x else -x\n"
    keys = {mutant.key for mutant in mutants_of(exercise(answer), ONE)}
    assert {
        "return x if 0 < low < 5 in x else -x",
        "return x if 0 <= low <= 5 in x else -x",
    } <= keys


def test_an_answer_that_is_not_there_or_judged_by_accuracy_has_none() -> None:
    assert mutants_of(exercise(""), ONE) == []
    check = replace(ONE.checks[0], accuracy=0.9)
    assert mutants_of(exercise(), replace(ONE, checks=(check,))) == []


def test_what_the_public_cases_do_not_tell_survives() -> None:
    steps = exercise("def f(x, low):\n    return x if low > 0 else -x\n")
    x = np.array([1 / 3, -0.7])
    found = survivors(steps, one := spec((given(x, 1.0), x)), mutants_of(steps, one))
    assert set(found) == {
        "return x",
        "return x if low >= 0 else -x",
        "return x if low > 1e-06 else -x",
        "return x if low > 0 else x",
    }
    both = spec((given(x, 1.0), x), (given(x, 0.0), -x))
    assert survivors(steps, both, mutants_of(steps, both)) == ["return x if low > 1e-06 else -x"]
    # a held-out case is another for each seed, and so does not count
    hidden = spec((given(x, 1.0), x), (given(x, 0.0, public=False), -x))
    assert survivors(steps, hidden, mutants_of(steps, hidden)) == found


def test_a_mutant_that_never_ends_is_told_from_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.definition.mutants._SECONDS", 0.1)
    endless = Mutant("endless", "def f(x, low):\n    while True:\n        low += 1\n")
    started = time.process_time()
    assert survivors(exercise(), ONE, [endless]) == []
    assert time.process_time() - started < 60
