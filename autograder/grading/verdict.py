"""From the transcript of a hand-in to its result. Pure: nothing is run here, nothing is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autograder.definition.ids import check_id, written_id
from autograder.results.result import ExerciseResult, GradedCell, Output, Result, Status
from autograder.selfcheck.judge import NO_ANSWER, NONSENSE, REFUSED, CheckResult
from autograder.selfcheck.language import say
from autograder.selfcheck.spec import CheckSpec, ExerciseSpec

from .marking import Marking, Stopwatch, TakesTooLong
from .plan import Plan, Step
from .transcript import Incident, Transcript

_OF_SYNTAX = frozenset({"SyntaxError", "IndentationError", "TabError"})
_JUDGING_SECONDS = 5.0  # of CPU time for what a hand-in returned; the worst known takes below 1 s


def verdict(student: str, plan: Plan, said: Transcript, marking: Marking) -> Result:
    """The result of a hand-in that was run along this plan."""
    in_time = Stopwatch(_JUDGING_SECONDS)
    judged = [_judged(spec, plan, said, marking, in_time) for spec in marking.spec.exercises]
    exercises = tuple(each.result for each in judged)
    score = sum(exercise.score for exercise in exercises)
    incidents = [*said.incidents, *(incident for each in judged for incident in each.incidents)]
    undefined = [each.result.name for each in judged if each.undefined]
    full = score == marking.spec.max_score
    status, detail = _status(plan, exercises, incidents, undefined, full=full)
    return Result(
        student,
        status,
        detail,
        score,
        marking.spec.max_score,
        notes=plan.notes,
        written_answered=plan.written_answered,
        exercises=exercises,
        answers=_answers(plan, marking),
        cells=tuple(
            GradedCell(
                step.kind,
                step.source,
                step.grade_id,
                step.check,
                _shown(said.outputs.get(number, Output()), step),
                step.attachments,
            )
            for number, step in enumerate(plan.steps)
        ),
    )


def _shown(output: Output, step: Step) -> Output:
    """What is shown below a cell: pictures of before in the place of those that were not drawn."""
    return replace(output, pictures=step.pictures) if step.pictures else output


def _answers(plan: Plan, marking: Marking) -> dict[str, str]:
    """Hashes of the answers, by the cell that has the points; with the points of questions."""
    cell_of = {each.name: check_id(each.name) for each in marking.spec.exercises}
    points = {written_id(each.name): each.points for each in marking.spec.written}
    hashes = {}
    for name, cell in [*cell_of.items(), *((each, each) for each in points)]:
        sources = [step.source for step in plan.steps if step.grade_id == name]
        told = json.dumps([points.get(name), *sources])
        hashes[cell] = hashlib.sha256(told.encode()).hexdigest()[:16]
    return hashes


@dataclass(frozen=True)
class _Judged:
    """The result of an exercise, what went wrong in its calls, and whether its function lacks."""

    result: ExerciseResult
    incidents: Sequence[Incident] = ()
    undefined: bool = False


def _judged(
    spec: ExerciseSpec, plan: Plan, said: Transcript, marking: Marking, in_time: Stopwatch
) -> _Judged:
    undefined = False
    if spec.name in plan.missing:
        results = [
            _failed(check, say("there is no cell with the function {name}", name=spec.name))
            for check in spec.checks
        ]
    else:
        try:
            judged = marking.judge(spec.name, said.answers, in_time)
        except TakesTooLong:
            return _not_judged(spec, marking)
        untouched = spec.name in plan.untouched
        undefined = judged is None and not untouched
        told = _why_undefined(spec.name, plan, said)
        results = [
            *(judged or [_failed(check, told, unanswered=untouched) for check in spec.checks])
        ]
    incidents = [incident for result in results if (incident := _incident(result)) is not None]
    for check, result in enumerate(results):
        lost = said.lost.get((spec.name, check))
        if lost is not None:
            results[check] = replace(
                result,
                passed=False,
                message=lost.text,
                mistake=None,
                error=str(lost.status),
                raised="",
            )
    score = sum(result.points for result in results if result.passed)
    section = marking.spec.sections.get(spec.name, "")
    exercise = ExerciseResult(spec.name, score, spec.max_score, tuple(results), section=section)
    return _Judged(exercise, incidents, undefined)


def _why_undefined(name: str, plan: Plan, said: Transcript) -> str:
    """Why there is no function to call: an error of syntax in its cell, if that is so."""
    for number, step in enumerate(plan.steps):
        output = said.outputs.get(number)
        if step.grade_id == name and output is not None and output.error in _OF_SYNTAX:
            return say(
                "the cell of {name} is not valid Python: {error}",
                name=name,
                error=f"{output.error}, {output.detail}",
            )
    return say("the notebook defines no function {name} that can be called", name=name)


def not_run(spec: ExerciseSpec, why: str, status: Status, section: str = "") -> ExerciseResult:
    """The result, with no points, of an exercise whose answer was not looked at."""
    checks = tuple(_failed(check, why, error=str(status)) for check in spec.checks)
    return ExerciseResult(spec.name, 0, spec.max_score, checks, section=section)


def _not_judged(spec: ExerciseSpec, marking: Marking) -> _Judged:
    told = say("not judged: to compare what the notebook returned took too long")
    section = marking.spec.sections.get(spec.name, "")
    result = not_run(spec, told, Status.TIMEOUT, section)
    return _Judged(result, [Incident(Status.TIMEOUT, told)])


def _failed(
    check: CheckSpec, message: str, *, unanswered: bool = False, error: str | None = None
) -> CheckResult:
    return CheckResult(check.name, False, check.points, message, unanswered=unanswered, error=error)


def _incident(result: CheckResult) -> Incident | None:
    """What went wrong in the calls of a check, if it was more than a wrong value."""
    if result.error is None or result.error == NO_ANSWER:
        return None
    if result.error == NONSENSE:
        text = say("the notebook's process sent something else than results of its calls")
        return Incident(Status.CRASHED, text)
    if result.error == REFUSED:
        return Incident(Status.ERROR, say("a call returned something that cannot be compared"))
    if result.error == "MemoryError":
        return Incident(Status.OUT_OF_MEMORY, say("a call ran out of memory"))
    return Incident(Status.ERROR, result.raised or result.message)


def _status(
    plan: Plan,
    exercises: Sequence[ExerciseResult],
    incidents: Sequence[Incident],
    undefined: Sequence[str],
    *,
    full: bool,
) -> tuple[Status, str]:
    """The status and its reason: of several that apply, the first in the order of Status."""
    for status in Status:
        found = [incident for incident in incidents if incident.status is status]
        if found and not (status is Status.ERROR and full):
            return status, found[0].text
    if plan.missing:
        return Status.MISSING_CELL, say("no cell for {names}", names=", ".join(plan.missing))
    if undefined:
        return Status.MISSING_CELL, say("no function {names}", names=", ".join(undefined))
    if plan.ambiguous:
        return Status.MANUAL, "; ".join(plan.ambiguous)
    unanswered = list(_unanswered(plan, exercises))
    if exercises and len(unanswered) == len(exercises):
        return Status.NO_ANSWER, say("no exercise is answered")
    if unanswered:
        return Status.PARTIAL, say("not answered: {names}", names=", ".join(unanswered))
    return Status.GRADED, ""


def _unanswered(plan: Plan, exercises: Sequence[ExerciseResult]) -> Iterable[str]:
    for exercise in exercises:
        # an untouched cell may be answered elsewhere
        untouched = exercise.name in plan.untouched and not exercise.score
        if untouched or all(check.unanswered for check in exercise.checks):
            yield exercise.name
