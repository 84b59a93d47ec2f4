"""``check(function)``: what students run below each exercise."""

from __future__ import annotations

import contextlib
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from .calls import run_case
from .judge import CheckResult, judge, messages
from .spec import ExerciseSpec, load

CASES = Path(__file__).parent / "cases"


class CheckFailed(AssertionError):
    """A check did not pass; the text says which, and what was expected."""

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows instead of a traceback: the message is all that helps."""
        return [str(self)]


def public_exercises() -> dict[str, ExerciseSpec]:
    """The exercises of all problem sets at hand, by name, with their public cases."""
    return {name: spec for path in _case_files() for name, spec in _read(path).items()}


def _case_files() -> list[Path]:
    return sorted(CASES.glob("*.json"))


@cache
def _read(path: Path) -> dict[str, ExerciseSpec]:
    """The exercises in a file; none if it is damaged or of another version."""
    try:
        return {e.name: e for e in load(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError, OSError):
        return {}


def _find(name: str) -> ExerciseSpec | None:
    """The exercise of that name. Reading all files would take a while; most are not it."""
    for path in _case_files():
        with contextlib.suppress(OSError):
            if f'"name":"{name}"'.encode() in path.read_bytes() and name in _read(path):
                return _read(path)[name]
    return None


def check(function: Callable[..., Any]) -> None:
    """Compare a function, or a class, with the course's answers on the public cases.

    Prints one line a check. Raises CheckFailed with all the differences if one does not pass, so
    that a notebook does not look finished when it is not.
    """
    namespace = sys._getframe(1).f_globals
    spec = _exercise_of(function, namespace)
    if spec.entry is not None:
        function = namespace.get(spec.entry)  # type: ignore[assignment]
        if not callable(function):
            raise CheckFailed(
                f"`{spec.entry}` is not defined: run the locked cell above this one first."
            )
    outcomes, late = [], []
    for check in spec.checks:
        started = time.monotonic()
        outcomes.append([list(run_case(function, case.case)) for case in check.cases])
        each = (time.monotonic() - started) / sum(case.case.calls for case in check.cases)
        late.append(check.seconds is not None and each > check.seconds)
    results = [
        replace(result, passed=False, message=f"took too long: the limit is {check.seconds:g} s")
        if result.passed and is_late
        else result
        for check, result, is_late in zip(spec.checks, judge(spec, outcomes), late, strict=True)
    ]
    text = report(spec, results)
    if all(result.passed for result in results):
        print(text)
    else:
        raise CheckFailed(text)


def report(spec: ExerciseSpec, results: list[CheckResult]) -> str:
    """The results of one exercise as text, a line a check and the messages below."""
    if results and all(result.unanswered for result in results):
        return f"{spec.name}: not answered yet. Replace the line that raises NotImplementedError."
    passed = sum(result.passed for result in results)
    lines = [f"{spec.name}: {passed} of {len(results)} checks pass on the public cases"]
    for result, message in zip(results, messages(results), strict=True):
        points = f"{result.points} point{'s' if result.points != 1 else ''}"
        lines.append(f"  {'✓' if result.passed else '✗'} {result.name} ({points})")
        for line in message.splitlines():
            lines += [f"      {part}" for part in _wrapped(line)]
    return "\n".join(lines)


def _wrapped(line: str) -> list[str]:
    """A line of a message in parts that fit a notebook's page; arrays stay as they are set."""
    if line.startswith(("expected ", "got ", " ")):
        return [line]
    return textwrap.wrap(line, 74, break_long_words=False) or [""]


def _exercise_of(function: Callable[..., Any], namespace: dict[str, Any]) -> ExerciseSpec:
    # by the name that the notebook gives it, for a function may be a lambda or a partial
    bound = [name for name, item in namespace.items() if item is function]
    called = getattr(function, "__name__", repr(function))
    found = next(filter(None, map(_find, [*bound, str(called)])), None)
    if found is None:
        exercises = public_exercises()
        if not exercises:
            raise CheckFailed(
                f"There are no cases of this version in {CASES}. Install the selfcheck wheel from "
                "the course's website, or put the folder `selfcheck` from there beside this "
                "notebook."
            )
        name = bound[0] if bound else called
        known = ", ".join(sorted(exercises))
        raise CheckFailed(
            f"There are no cases for `{name}` here. The exercises at hand are: {known}. Is the "
            "name right, and is `selfcheck` the one from the course's website?"
        )
    if not callable(function):
        kind = type(function).__name__
        raise CheckFailed(f"`{found.name}` should be a function, but it is a {kind}.")
    return found
