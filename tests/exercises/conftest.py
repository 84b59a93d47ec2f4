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


def _grade(spec: ExerciseSpec, function: Callable[..., Any]) -> list[CheckResult]:
    with np.errstate(all="ignore"):
        outcomes = [
            [list(run_case(function, case.case)) for case in check.cases] for check in spec.checks
        ]
    return judge(spec, outcomes)


@pytest.fixture(scope="session")
def spec_of() -> Callable[[str, int], ProblemSetSpec]:
    """A problem set, evaluated for a seed (once a session)."""
    return _spec


@pytest.fixture(scope="session")
def answers() -> Callable[[str], dict[str, Any]]:
    """The instructor's functions of a problem set, by name."""
    return _answers


@pytest.fixture(scope="session")
def grade() -> Callable[[ExerciseSpec, Callable[..., Any]], list[CheckResult]]:
    """Results of a function on all cases of an exercise."""
    return _grade
