"""What the tests of problem sets share: specs, the instructor's answers, and judging in a line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest

from autograder.definition import ProblemSetSpec, evaluate
from autograder.selfcheck.calls import run_case
from autograder.selfcheck.judge import CheckResult, judge
from autograder.selfcheck.spec import ExerciseSpec

SOLUTIONS = Path(__file__).parents[2] / "solutions"


@cache
def _spec(name: str, seed: int) -> ProblemSetSpec:
    return evaluate(name, seed, "cpu")


@cache
def _answers(name: str) -> dict[str, Any]:
    notebook = jupytext.reads((SOLUTIONS / name / f"{name}.py").read_text(), fmt="py:percent")
    namespace: dict[str, Any] = {"np": np}
    for cell in notebook.cells:
        if "exercise" in cell.metadata:
            exec(cell.source, namespace)
    return namespace


class Verdict(list[CheckResult]):
    """The results of an answer, one for each check."""

    @property
    def passed(self) -> set[str]:
        """Names of the checks that passed."""
        return {result.name for result in self if result.passed}

    @property
    def failed(self) -> dict[str, CheckResult]:
        """The other results by the names of their checks."""
        return {result.name: result for result in self if not result.passed}

    @property
    def named(self) -> set[str | None]:
        """The known mistakes that are named."""
        return {result.mistake for result in self if not result.passed}


def _grade(spec: ExerciseSpec, function: Callable[..., Any]) -> Verdict:
    with np.errstate(all="ignore"):
        outcomes = [
            [list(run_case(function, case.case)) for case in check.cases] for check in spec.checks
        ]
    return Verdict(judge(spec, outcomes))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of ``right_answer`` for each function in the module's CORRECT, by exercise."""
    if "right_answer" in metafunc.fixturenames:
        answers = [
            pytest.param((exercise, function, seed), id=f"{exercise}-{number}-{seed}")
            for exercise, functions in metafunc.module.CORRECT.items()
            for number, function in enumerate(functions)
            for seed in (0, 7, 99)
        ]
        metafunc.parametrize("right_answer", answers, indirect=True)


@pytest.fixture(scope="session")
def spec_of() -> Callable[[str, int], ProblemSetSpec]:
    """A problem set, evaluated for a seed (once a session)."""
    return _spec


@pytest.fixture(scope="session")
def answers() -> Callable[[str], dict[str, Any]]:
    """The instructor's functions of a problem set, by name."""
    return _answers


@pytest.fixture(scope="session")
def grade() -> Callable[[ExerciseSpec, Callable[..., Any]], Verdict]:
    """Results of a function on all cases of an exercise."""
    return _grade


@pytest.fixture
def spec(request: pytest.FixtureRequest) -> Callable[..., ExerciseSpec]:
    """``spec(exercise, seed=0)``: an exercise of the problem set that is the module's NAME."""

    def of(exercise: str, seed: int = 0) -> ExerciseSpec:
        problem_set = _spec(request.module.NAME, seed)
        return next(e for e in problem_set.exercises if e.name == exercise)

    return of


@pytest.fixture
def judged(spec: Callable[..., ExerciseSpec]) -> Callable[..., Verdict]:
    """``judged(exercise, function, seed=0)``: the verdict on an answer."""
    return lambda exercise, function, seed=0: _grade(spec(exercise, seed), function)


@pytest.fixture
def right_answer(request: pytest.FixtureRequest, judged: Callable[..., Verdict]) -> Verdict:
    """The verdict on one of the module's CORRECT answers."""
    return judged(*request.param)
