"""``check(function)``: what students run below each exercise."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from .calls import fresh, inputs, run_case
from .compare import difference
from .judge import CheckResult, judge
from .language import say
from .report import Overview, Report
from .showing import inputs_text
from .spec import CaseSpec, CheckSpec, ExerciseSpec, load
from .stale import Undefined, watch, why_stale
from .traces import own_lines, without_ours

CASES = Path(__file__).parent / "cases"
watch()


class CheckFailed(AssertionError):
    """A check did not pass; the text says which, and what was expected."""

    shown: str | None = None  # what is left to be said when the text is on the page already
    _rendered = False

    def _render_traceback_(self) -> list[str]:
        """What Jupyter shows instead of a traceback: the message is all that helps.

        Asked a second time, by ``%tb``, it is the traceback of the student's own exception.
        """
        again, self._rendered = self._rendered, True
        if again and self.__cause__ is not None:
            return "".join(traceback.format_exception(self.__cause__)).splitlines()
        return (self.shown or str(self)).splitlines()


class Replay(NamedTuple):
    """One case: ``inputs`` by name, what was ``expected`` and the ``result`` of the function.

    Of a case with several calls it is the first one that goes wrong, or the last.
    """

    inputs: dict[str, Any]
    expected: Any
    result: Any

    def __repr__(self) -> str:
        parts = [inputs_text(self.inputs)]
        for name, value in ((say("expected"), self.expected), (say("result"), self.result)):
            parts.append(inputs_text({name: value}).partition("\n")[2].removeprefix("  "))
        return "\n".join(parts)


@dataclass(frozen=True)
class _Checked:
    """What was checked last of an exercise, and what came out."""

    function: Any
    report: Report


_checked: dict[str, _Checked] = {}  # by exercise


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


def check(function: Callable[..., Any], *, case: str | None = None) -> Replay | None:
    """Compare a function, or a class, with the course's answers on the public cases.

    Shows a line a check. Raises CheckFailed with all the differences if one does not pass, so
    that a notebook does not look finished when it is not.

    With ``case``, the name of a case, that case alone is run: it returns its inputs, the expected
    value and the function's result, to look into. What the function raises comes through.
    """
    __tracebackhide__ = True  # in IPython, of what the function raises
    namespace = sys._getframe(1).f_globals
    spec = _exercise_of(function, namespace)
    wrong = why_stale(spec.name, function)
    if wrong is not None and isinstance(function, Undefined):
        raise CheckFailed(
            say(
                "{exercise}: not checked, for its cell has an error of syntax ({error}). Mend that "
                "cell and run it first.",
                exercise=spec.name,
                error=wrong,
            )
        )
    if wrong is not None:
        raise CheckFailed(
            say(
                "{exercise}: not checked, for its cell has an error of syntax ({error}), and what "
                "is defined is the function of before. Mend that cell and run it first.",
                exercise=spec.name,
                error=wrong,
            )
        )
    called = _called(spec, function, namespace)
    if case is not None:
        return _replay(spec, called, case)
    raised: list[BaseException] = []
    report = _report(spec, called, raised)
    _checked[spec.name] = _Checked(function, report)
    shown = _show(report)
    if report.passed:
        return None
    failed = CheckFailed(repr(report))
    failed.shown = report.gist if shown else None
    if not raised:
        raise failed
    # so that %debug stands where the student's function failed
    first = raised[0].with_traceback(without_ours(raised[0]))
    raise failed.with_traceback(first.__traceback__) from first


def check_all() -> None:
    """Show the points so far of the problem set whose functions the notebook defines.

    What was checked and is the same since is not run again, nor what takes long.
    """
    namespace = sys._getframe(1).f_globals
    found = [
        (sum(callable(namespace.get(name)) for name in specs), path, specs)
        for path in _case_files()
        if (specs := _read(path))
    ]
    if not found:
        raise CheckFailed(_no_cases())
    _, path, specs = max(found, key=lambda each: each[0])
    exercises = [(spec, _state_of(spec, namespace)) for spec in specs.values()]
    overview = Overview(path.stem, exercises)
    if not _show(overview):
        print(overview)


def _state_of(spec: ExerciseSpec, namespace: Mapping[str, Any]) -> Report | str:
    """The report on an exercise, or why there is none."""
    function = namespace.get(spec.name)
    wrong = why_stale(spec.name, function)
    if wrong is not None:
        return say("error of syntax in its cell, {error}", error=wrong)
    if not callable(function):
        return say("not defined")
    last = _checked.get(spec.name)
    if last is not None and last.function is function:
        report = last.report
    elif any(check.seconds is not None for check in spec.checks):
        return say("takes a while: run its check first")
    else:
        try:
            report = _report(spec, _called(spec, function, namespace), [])
        except CheckFailed:
            return say("its locked cell was not run")
        _checked[spec.name] = _Checked(function, report)
    return say("not answered yet") if all(r.unanswered for r in report.results) else report


def _called(
    spec: ExerciseSpec, function: Callable[..., Any], namespace: Mapping[str, Any]
) -> Callable[..., Any]:
    """What is called on the cases: the function, or what drives it."""
    if spec.entry is None:
        return function
    entry = namespace.get(spec.entry)
    if not callable(entry):
        raise CheckFailed(
            say(
                "`{name}` is not defined: run the locked cell above this one first.",
                name=spec.entry,
            )
        )
    driver: Callable[..., Any] = entry
    return driver


def _report(
    spec: ExerciseSpec, function: Callable[..., Any], raised: list[BaseException]
) -> Report:
    """Run all public cases; what the function raises is added to ``raised``."""

    def caught(error: BaseException) -> str:
        if not isinstance(error, NotImplementedError):
            raised.append(error)
        return "\n".join(f"  {line}" for line in own_lines(error))

    outcomes, late = [], []
    for check in spec.checks:
        started = time.monotonic()
        outcomes.append([list(run_case(function, case.case, caught)) for case in check.cases])
        each = (time.monotonic() - started) / sum(case.case.calls for case in check.cases)
        late.append(check.seconds is not None and each > check.seconds)
    results = [
        _too_late(result, check.seconds) if result.passed and is_late else result
        for check, result, is_late in zip(spec.checks, judge(spec, outcomes), late, strict=True)
    ]
    return Report(spec, results)


def _too_late(result: CheckResult, seconds: float | None) -> CheckResult:
    told = say("took too long: the limit is {seconds} s", seconds=f"{seconds:g}")
    return replace(result, passed=False, message=told)


def _show(report: Report | Overview) -> bool:
    """Show a report as HTML where IPython runs; otherwise print it, if it is no failure.

    Returns whether it was shown; a failure in plain Python is told by its exception.
    """
    ipython = sys.modules.get("IPython.display")
    if ipython is not None:
        ipython.display(report)
        return True
    if isinstance(report, Report) and not report.passed:
        return False
    print(report)
    return True


def _replay(spec: ExerciseSpec, function: Callable[..., Any], label: str) -> Replay:
    __tracebackhide__ = True
    found = [(c, each) for c in spec.checks for each in c.cases if each.case.label == label]
    if not found:
        labels = dict.fromkeys(each.case.label for c in spec.checks for each in c.cases)
        near = get_close_matches(label, labels, n=1)
        told = [
            say("{exercise} has no public case “{case}”.", exercise=spec.name, case=label),
            *(say("Did you mean “{case}”?", case=each) for each in near),
            say(
                "Its cases are: {cases}.",
                cases="; ".join(say("“{quoted}”", quoted=each) for each in labels),
            ),
        ]
        raise CheckFailed(" ".join(told))
    for check, case in found:  # cases of several checks may be called alike: show one that fails
        replay, right = _run_through(spec, check, case, function)
        if not right:
            break
    return replay


def _run_through(
    spec: ExerciseSpec, check: CheckSpec, case: CaseSpec, function: Callable[..., Any]
) -> tuple[Replay, bool]:
    """The calls of a case up to the first that goes wrong, and whether all are right."""
    __tracebackhide__ = True
    result: Any = None
    for step in range(case.case.calls):
        given = inputs(case.case, step, result)
        assert given is not None  # or the call before would have been wrong
        result = function(*map(fresh, given.values()))
        expected = case.expected[step].value
        replay = Replay({name: fresh(each) for name, each in given.items()}, expected, result)
        if check.accuracy is None:
            wrong = difference(expected, result, spec.returns, check.rtol, check.atol)
            if wrong is not None:
                return replay, False
    return replay, True


def _no_cases() -> str:
    return say(
        "There are no cases of this version in {folder}. Install the selfcheck wheel from the "
        "course's website, or put the folder `selfcheck` from there beside this notebook.",
        folder=CASES,
    )


def _exercise_of(function: Callable[..., Any], namespace: dict[str, Any]) -> ExerciseSpec:
    # by the name that the notebook gives it, for a function may be a lambda or a partial
    bound = [name for name, item in namespace.items() if item is function]
    called = getattr(function, "__name__", repr(function))
    found = next(filter(None, map(_find, [*bound, str(called)])), None)
    if found is None:
        exercises = public_exercises()
        if not exercises:
            raise CheckFailed(_no_cases())
        name = bound[0] if bound else called
        known = ", ".join(sorted(exercises))
        raise CheckFailed(
            say(
                "There are no cases for `{name}` here. The exercises at hand are: {known}. Is the "
                "name right, and is `selfcheck` the one from the course's website?",
                name=name,
                known=known,
            )
        )
    if not callable(function):
        kind = type(function).__name__
        told = say("`{name}` should be a function, but it is a {kind}.", name=found.name, kind=kind)
        raise CheckFailed(told)
    return found
