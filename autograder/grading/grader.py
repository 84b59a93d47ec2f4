"""Grading one hand-in: run its cells in a worker, have the checks' calls made there, judge here."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.definition import ProblemSetSpec
from autograder.sandbox import orders
from autograder.sandbox.pool import Pool, SandboxError, Worker, WorkerExit
from autograder.sandbox.watch import CPU, MEMORY
from autograder.sandbox.wire import (
    HELD_SECONDS,
    BadMessage,
    ChannelClosed,
    DeadlineMissed,
    Frame,
)
from autograder.selfcheck.judge import NO_ANSWER, NONSENSE, REFUSED, CheckResult
from autograder.selfcheck.spec import ExerciseSpec

from .handin import Damaged, parse, read_bytes
from .inert import inert_picture, inert_text
from .marking import Marking, Stopwatch, TakesTooLong
from .plan import Plan, Release, make_plan
from .results import ExerciseResult, GradedCell, Output, Status, Submission

_MAX_TEXT = 25_000  # bytes of output that are kept of a cell


@dataclass(frozen=True)
class TimeLimits:
    """Seconds of wall time for a cell, for a call of a check, and for a whole notebook."""

    cell: float = 20.0
    call: float = 5.0
    notebook: float = 120.0


@dataclass(frozen=True)
class _Incident:
    """Something that ended a worker, or would have."""

    status: Status
    text: str


class _Late(Exception):
    """Something took too long, and the worker was ended."""

    def __init__(self, incident: _Incident) -> None:
        super().__init__(incident.text)
        self.incident = incident


_CALLS = 4  # time for all calls of an exercise, as a multiple of that for its longest call
_LOSSES = 2  # workers that an exercise may cost before the rest of its checks is given up
_MORE_RESTARTS = 4  # besides those: a bad exercise must not cost the others' points
_SENT_AHEAD = 1 << 16  # bytes of orders; what a socket's buffer takes without blocking
_TRIES = 3  # of starting again when the sandbox itself fails
_MAX_ANSWER = 1 << 21  # bytes that come for the calls of a check, public or held-out
_MAX_RETURNED = 1 << 25  # bytes that all calls of a hand-in may return together
_MAX_SENT = 3 << 25  # bytes that a hand-in's workers may send together, of whatever kind
_JUDGING_SECONDS = 5.0  # of CPU time for what a hand-in returned; the worst known takes below 1 s
# the worst comes first: of several things that happened, this is the status
_SEVERITY = (Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.CRASHED, Status.ERROR)


def grade_file(
    student: str,
    path: Path,
    release: Release,
    marking: Marking,
    pool: Pool,
    limits: TimeLimits,
    fingerprint: str = "",
) -> Submission:
    """Grade the hand-in in a file; never raises for what is in it."""
    started = time.monotonic()
    try:
        data = read_bytes(path)
    except Damaged as damaged:
        return ungraded(student, marking.spec, Status.DAMAGED, str(damaged), fingerprint)
    submission = grade_bytes(student, data, release, marking, pool, limits, fingerprint)
    return replace(submission, seconds=round(time.monotonic() - started, 3))


def grade_bytes(
    student: str,
    data: bytes,
    release: Release,
    marking: Marking,
    pool: Pool,
    limits: TimeLimits,
    fingerprint: str = "",
) -> Submission:
    """Grade the hand-in that these bytes are; never raises for what is in it."""
    started = time.monotonic()
    try:
        plan = make_plan(parse(data), release)
    except Damaged as damaged:
        return ungraded(student, marking.spec, Status.DAMAGED, str(damaged), fingerprint)
    except (RecursionError, MemoryError):
        return ungraded(
            student, marking.spec, Status.DAMAGED, "it is nested too deeply to be read", fingerprint
        )
    try:
        submission = _Run(plan, marking, pool, limits).grade(student)
    except Exception as error:  # a mistake of the grader's must not stop the batch
        detail = f"the grader itself failed on it ({type(error).__name__}: {error}); please report"
        submission = ungraded(student, marking.spec, Status.MANUAL, detail[:500])
    return replace(
        submission, seconds=round(time.monotonic() - started, 3), fingerprint=fingerprint
    )


def ungraded(
    student: str, spec: ProblemSetSpec, status: Status, detail: str, fingerprint: str = ""
) -> Submission:
    """The result, with score 0, of a hand-in whose cells were not run."""
    exercises = tuple(
        ExerciseResult(
            exercise.name,
            0,
            exercise.max_score,
            tuple(
                CheckResult(check.name, False, check.points, "not run", error=str(status))
                for check in exercise.checks
            ),
        )
        for exercise in spec.exercises
    )
    return Submission(
        student, status, detail, 0, spec.max_score, 0.0, exercises, fingerprint=fingerprint
    )


@dataclass(frozen=True)
class _Task:
    """Something to have done in the worker: a step, or the calls of a check."""

    step: int | None = None
    exercise: str = ""
    check: int = 0
    public: bool = True


class _Asked:
    """What a worker has been asked: the tasks, by number; entry ``awaited`` is answered next."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.tasks: list[int] = []
        self.awaited = 0
        self.waited = 0.0  # seconds that no exercise has been charged with yet

    @property
    def current(self) -> int:
        """What the worker is busy with, as it says; it can blame only what is not answered."""
        last = len(self.tasks) - 1
        return self.tasks[min(max(self.worker.begun() - 1, self.awaited), last)]


class _Run:
    """The grading of one hand-in. A worker that is lost is replaced, and its cells run again.

    At first all is asked at once, which is what most hand-ins need. If anything goes wrong, the
    hand-in is graded anew and asked one by one: then it is plain what went wrong.

    All cells come first; where a check stands, the function is kept as it is there. Then come the
    calls on public cases, and last those on held-out ones: when held-out inputs come, nothing of
    the student's is shown any more.
    """

    def __init__(self, plan: Plan, marking: Marking, pool: Pool, limits: TimeLimits) -> None:
        self.plan = plan
        self.marking = marking
        self.specs = {exercise.name: exercise for exercise in marking.spec.exercises}
        self.pool = pool
        self.limits = limits
        self.seconds = {  # for a call of a check, and for all calls of an exercise
            (name, number): check.seconds or limits.call
            for name, spec in self.specs.items()
            for number, check in enumerate(spec.checks)
        }
        self.budgets = dict.fromkeys(self.specs, _CALLS * limits.call)
        for (name, _), seconds in self.seconds.items():
            self.budgets[name] = max(self.budgets[name], _CALLS * seconds)
        self.first_look = min([limits.cell, *self.seconds.values()])
        self.absent = {name: f"there is no cell with the function {name}" for name in plan.missing}
        self.undefined: list[str] = []  # exercises with a cell, but without the function
        self._start(one_by_one=False)
        self.tasks = [
            *(_Task(step=index) for index in range(len(plan.steps))),
            *(
                _Task(exercise=name, check=check, public=public)
                for public in (True, False)
                for name, spec in self.specs.items()
                for check in range(len(spec.checks))
            ),
        ]

    def _start(self, *, one_by_one: bool, foreseen: dict[int, _Incident] | None = None) -> None:
        self.one_by_one = one_by_one  # whether each answer is awaited before the next order
        self.foreseen = foreseen or {}  # what will go wrong, by the number of the task
        self.incidents: list[_Incident] = []
        self.outputs: dict[int, Output] = {}
        self.frames: dict[tuple[str, int, bool], list[Frame]] = {}
        self.received = 0  # bytes of these
        self.allowance: float = _MAX_SENT
        self.spent: defaultdict[str, float] = defaultdict(float)  # seconds of calls, by exercise
        self.lost: dict[tuple[str, int], _Incident] = {}  # checks that cost a worker
        self.skipped: set[int] = set()  # cells that did

    def grade(self, student: str) -> Submission:
        self.deadline = time.monotonic() + self.limits.notebook
        position = failures = 0
        for _ in range(_LOSSES * len(self.specs) + _MORE_RESTARTS + 1):
            try:
                position = self._run_from(position)
            except SandboxError as error:
                failures += 1
                if failures < _TRIES:
                    continue
                self.incidents.append(_Incident(Status.CRASHED, f"the sandbox failed: {error}"))
                break
            if position >= len(self.tasks) or time.monotonic() >= self.deadline:
                break
        for task in self.tasks[position:]:
            if task.exercise:
                text = "not run: the notebook was stopped before this point"
                self.lost.setdefault((task.exercise, task.check), _Incident(Status.TIMEOUT, text))
        return self._submission(student)

    def _run_from(self, position: int) -> int:
        """Do the tasks from ``position`` on in a fresh worker; return where to go on."""
        with self.pool.worker(self.plan.libraries) as worker:
            worker.channel.allowance = self.allowance
            asked = _Asked(worker)
            sure = True  # that what the worker was busy with is to blame
            try:
                for at, task in self._sent_ahead(asked, position):
                    if at in self.foreseen:
                        raise _Late(self.foreseen.pop(at))
                    if task.step is not None:
                        self._take_output(asked, task.step, shown=at >= position)
                    else:
                        self._take_answer(asked, task)
                return len(self.tasks)
            except _Late as late:
                incident = late.incident
            except BadMessage as error:
                incident, sure = _nonsense(error), False
            except ChannelClosed:
                end = worker.end(patience=2.0)
                incident, sure = _death(end), end.overuse is not None
            finally:
                self.allowance = worker.channel.allowance
        if not self.one_by_one and time.monotonic() < self.deadline - self.limits.notebook / 2:
            # again from the start, so that the result does not depend on what was under way; but
            # what took its time need not take it twice
            self._start(one_by_one=True, foreseen={asked.current: incident} if sure else None)
            return 0
        self.one_by_one = True
        self._record(incident, self.tasks[asked.current])
        first = asked.tasks[asked.awaited]
        return max(position, first + (first == asked.current))

    def _sent_ahead(self, asked: _Asked, position: int) -> Iterator[tuple[int, _Task]]:
        """Send the tasks' orders; yield each task, by number, when its answer is to be read.

        Orders are sent ahead, since waiting for each answer in turn costs time; but none with
        held-out inputs before all else is answered.
        """
        window = 0 if self.one_by_one else _SENT_AHEAD
        due = [
            (at, task, order)
            for at, task in enumerate(self.tasks)
            if (order := self._order(task, due=at >= position)) is not None
        ]
        waiting = 0  # bytes of orders without an answer yet
        for number, (at, task, order) in enumerate(due):
            ready: list[bytes] = []
            if waiting <= window // 2:  # else it would be one by one, answer by answer
                for later_at, later, data in due[len(asked.tasks) :]:
                    full = later.public != task.public or waiting + len(data) > window
                    if full and len(asked.tasks) > number:
                        break
                    ready.append(data)
                    waiting += len(data)
                    asked.tasks.append(later_at)
            asked.awaited = number
            if ready:
                self._tell(asked, b"".join(ready))
            waiting -= len(order)
            if task.step is None or self.plan.steps[task.step].runs:
                yield at, task

    def _order(self, task: _Task, *, due: bool) -> bytes | None:
        """What the worker is told to do; None if this task is not for it."""
        if task.step is None:
            if not due or self._given_up(task):
                return None
            return self.marking.order(task.exercise, task.check, task.public)
        step = self.plan.steps[task.step]
        if task.step in self.skipped:
            return None
        if step.check is not None:
            return orders.keep(step.check, self._entry(step.check))
        return orders.run(step.source) if step.runs else None

    def _given_up(self, task: _Task) -> bool:
        if task.exercise in self.absent or (task.exercise, task.check) in self.lost:
            return True
        losses = [lost for (name, _), lost in self.lost.items() if name == task.exercise]
        if len(losses) >= _LOSSES:  # further checks would most likely take as long and end alike
            self.lost[task.exercise, task.check] = losses[0]
        return len(losses) >= _LOSSES

    def _record(self, incident: _Incident, task: _Task) -> None:
        if incident.status is Status.CRASHED and not task.public:
            # the number of an exit status or a signal could tell something of a held-out input
            incident = _Incident(incident.status, "the notebook's process ended in a held-out call")
        self.incidents.append(incident)
        if task.step is None:
            self.lost[task.exercise, task.check] = incident
        else:
            self.skipped.add(task.step)
            self.outputs[task.step] = Output(error=incident.text)

    # what is said to and heard from the worker

    def _tell(self, asked: _Asked, told: bytes) -> None:
        deadline = min(time.monotonic() + self.limits.call, self.deadline)
        try:
            asked.worker.channel.send_packed(told, deadline)
        except DeadlineMissed:
            raise self._late(asked) from None
        except ChannelClosed:
            pass  # that no answer comes will tell

    def _hear(self, asked: _Asked, task: _Task) -> Frame:
        """The next message, due for ``task``; it may lie ready, or be held until later ones."""
        channel = asked.worker.channel
        started = time.monotonic()
        allowed = min(self.first_look, self._allowed(task))
        while True:
            try:
                frame = channel.receive_frame(min(started + allowed, self.deadline))
                break
            except DeadlineMissed:
                # what it is busy with began when the last message came, or HELD_SECONDS later
                allowed = self._allowed(self.tasks[asked.current]) + HELD_SECONDS
                if time.monotonic() >= min(started + allowed, self.deadline):
                    raise self._late(asked) from None
        # of messages that came together, the last is that of the call that took the time
        asked.waited += time.monotonic() - started
        if not channel.has_more:
            self.spent[task.exercise] += asked.waited
            asked.waited = 0.0
        return frame

    def _allowed(self, task: _Task) -> float:
        """Seconds that a cell may take, or a call, of what is left for all of its exercise."""
        if task.step is not None:
            return self.limits.cell
        left = self.budgets[task.exercise] - self.spent[task.exercise]
        return max(0.0, min(self.seconds[task.exercise, task.check], left))

    def _late(self, asked: _Asked) -> _Late:
        asked.worker.end()
        task = self.tasks[asked.current]
        allowed = self._allowed(task)
        text = f"stopped after {allowed:g} seconds: an endless loop?"
        if time.monotonic() >= self.deadline:
            text = f"stopped: the whole notebook took more than {self.limits.notebook:g} seconds"
        elif task.step is None:
            if allowed < self.seconds[task.exercise, task.check]:
                text = "stopped: all calls of this exercise together took too long"
            self.spent[task.exercise] += allowed
        return _Late(_Incident(Status.TIMEOUT, text))

    # cells

    def _take_output(self, asked: _Asked, index: int, *, shown: bool) -> None:
        answer, _ = self._hear(asked, self.tasks[index]).open()
        if shown:
            self.outputs[index] = self._read_output(answer)

    def _read_output(self, answer: dict[str, Any]) -> Output:
        text = inert_text(answer.get("text"), _MAX_TEXT)
        pictures = []
        displays = answer.get("displays")
        for display in displays[:64] if isinstance(displays, list) else []:
            if not isinstance(display, dict):
                continue
            picture = inert_picture(display.get("image/png"))
            if isinstance(display.get("text/plain"), str):
                text += inert_text(display["text/plain"], _MAX_TEXT) + "\n"
            elif picture is not None:
                pictures.append(picture)
        error = answer.get("error")
        name = ""
        if isinstance(error, dict):
            name = inert_text(error.get("name"), 100) or "an exception"
            detail = inert_text(error.get("text"), 500)
            if name == "MemoryError":
                self.incidents.append(_Incident(Status.OUT_OF_MEMORY, "a cell ran out of memory"))
            elif name != NO_ANSWER:
                told = f"a cell raised {name}: {detail}" if detail else f"a cell raised {name}"
                self.incidents.append(_Incident(Status.ERROR, told))
        return Output(inert_text(text, _MAX_TEXT), tuple(pictures[:8]), name)

    # checks

    def _entry(self, name: str) -> str:
        """What is called to check an exercise: the student's function, or a driver."""
        spec = self.specs.get(name)
        return name if spec is None else spec.entry or name

    def _take_answer(self, asked: _Asked, task: _Task) -> None:
        of_check = task.exercise, task.check, task.public
        frames = self.frames[of_check] = []  # it may have been asked, and half answered, before
        size = 0
        while True:
            frame = self._hear(asked, task)
            frames.append(frame)
            size += len(frame.header) + len(frame.body)
            self.received += len(frame.header) + len(frame.body)
            if size > _MAX_ANSWER:
                frames.clear()
                raise BadMessage("more data than the calls of a check may return")
            if self.received > _MAX_RETURNED:
                raise BadMessage("more data than a notebook may return")
            if frame.last:
                return
            if len(frames) > self.marking.calls(*of_check):
                raise BadMessage("more than it was asked for")

    def _not_judged(self, spec: ExerciseSpec) -> ExerciseResult:
        told = "not judged: to compare what the notebook returned took too long"
        self.incidents.append(_Incident(Status.TIMEOUT, told))
        results = tuple(
            CheckResult(check.name, False, check.points, told, error=str(Status.TIMEOUT))
            for check in spec.checks
        )
        return ExerciseResult(spec.name, 0, spec.max_score, results)

    def _result(self, spec: ExerciseSpec, in_time: Stopwatch) -> ExerciseResult:
        missing = self.absent.get(spec.name)
        frames = {key[1:]: value for key, value in self.frames.items() if key[0] == spec.name}
        judged = None
        if missing is None:
            try:
                judged = self.marking.judge(spec.name, frames, in_time)
            except TakesTooLong:
                return self._not_judged(spec)
        if judged is None:
            told = missing or f"the notebook defines no function {spec.name} that can be called"
            untouched = spec.name in self.plan.untouched
            if missing is None and not untouched:
                self.undefined.append(spec.name)
            results = [
                CheckResult(check.name, False, check.points, told, unanswered=untouched)
                for check in spec.checks
            ]
        else:
            results = list(judged)
        self._note_errors(results)
        for check, result in enumerate(results):
            lost = self.lost.get((spec.name, check))
            if lost is not None:
                results[check] = replace(
                    result, passed=False, message=lost.text, mistake=None, error=str(lost.status)
                )
        score = sum(result.points for result in results if result.passed)
        return ExerciseResult(spec.name, score, spec.max_score, tuple(results))

    def _note_errors(self, results: Sequence[CheckResult]) -> None:
        for result in results:
            if result.error == NONSENSE:
                text = "the notebook's process sent something else than results of its calls"
                self.incidents.append(_Incident(Status.CRASHED, text))
            elif result.error == REFUSED:
                text = "a call returned something that cannot be compared"
                self.incidents.append(_Incident(Status.ERROR, text))
            elif result.error == "MemoryError":
                self.incidents.append(_Incident(Status.OUT_OF_MEMORY, "a call ran out of memory"))
            elif result.error not in (None, NO_ANSWER):
                told = [line for line in result.message.splitlines() if "raised" in line]
                self.incidents.append(_Incident(Status.ERROR, told[0] if told else result.message))

    # the whole

    def _submission(self, student: str) -> Submission:
        in_time = Stopwatch(_JUDGING_SECONDS)
        exercises = tuple(self._result(spec, in_time) for spec in self.specs.values())
        score = sum(exercise.score for exercise in exercises)
        max_score = sum(spec.max_score for spec in self.specs.values())
        status, detail = self._status(exercises, score == max_score)
        cells = tuple(
            GradedCell(
                step.kind,
                step.source,
                step.grade_id,
                step.check,
                self.outputs.get(i, Output()),
                step.attachments,
            )
            for i, step in enumerate(self.plan.steps)
        )
        return Submission(
            student,
            status,
            detail,
            score,
            max_score,
            0.0,
            exercises,
            self.plan.notes,
            self.plan.written_answered,
            cells=cells,
        )

    def _status(self, exercises: Sequence[ExerciseResult], full: bool) -> tuple[Status, str]:
        unanswered = [
            e.name
            for e in exercises
            if (e.name in self.plan.untouched and not e.score)  # it may be answered elsewhere
            or all(check.unanswered for check in e.checks)
        ]
        for status in _SEVERITY:
            found = [incident for incident in self.incidents if incident.status is status]
            if found and not (status is Status.ERROR and full):
                return status, found[0].text
        if self.plan.missing:
            return Status.MISSING_CELL, f"no cell for {', '.join(self.plan.missing)}"
        if self.undefined:
            return Status.MISSING_CELL, f"no function {', '.join(self.undefined)}"
        if self.plan.ambiguous:
            return Status.MANUAL, "; ".join(self.plan.ambiguous)
        if exercises and len(unanswered) == len(exercises):
            return Status.NO_ANSWER, "no exercise is answered"
        if unanswered:
            return Status.PARTIAL, f"not answered: {', '.join(unanswered)}"
        return Status.GRADED, ""


def _nonsense(error: BadMessage) -> _Incident:
    return _Incident(Status.CRASHED, f"the notebook's process sent {error}")


def _death(end: WorkerExit) -> _Incident:
    if end.overuse == MEMORY:
        return _Incident(
            Status.OUT_OF_MEMORY, "the notebook's processes together took more memory than allowed"
        )
    if end.overuse == CPU:
        return _Incident(
            Status.TIMEOUT, "the notebook's processes together computed for longer than allowed"
        )
    if end.had_to_be_killed:
        return _Incident(Status.CRASHED, "the notebook's process cut itself off from the grader")
    if end.signal == 9:
        return _Incident(
            Status.OUT_OF_MEMORY, "the notebook's process was killed by the system, as for memory"
        )
    if end.signal is not None:
        return _Incident(Status.CRASHED, f"the Python interpreter crashed (signal {end.signal})")
    return _Incident(
        Status.CRASHED, f"the notebook ended its own process (exit status {end.status})"
    )
