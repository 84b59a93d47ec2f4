"""Having a hand-in run: what its workers are asked, and what they answer.

A worker that is lost is replaced, and the notebook goes on after what cost it. At first all is
asked at once, which is what most hand-ins need. If anything goes wrong, the hand-in is begun anew
and asked one by one: then it is plain what went wrong, and the result does not depend on what was
under way.

All cells come first; where a check stands, the function is kept as it is there. Then come the calls
on public cases, and last those on held-out ones: when held-out inputs come, nothing of the
student's is shown any more.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from autograder.results.inert import inert_picture, inert_text
from autograder.results.result import Output, Status
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
from autograder.selfcheck.judge import NO_ANSWER

from .marking import Marking
from .plan import Plan
from .transcript import Incident, Question, Transcript

_MAX_TEXT = 25_000  # bytes of output that are kept of a cell
_LOSSES = 2  # workers that an exercise may cost before the rest of its checks is given up
_MORE_RESTARTS = 4  # besides those: a bad exercise must not cost the others' points
_SENT_AHEAD = 1 << 16  # bytes of orders; what a socket's buffer takes without blocking
_TRIES = 3  # of starting again when the sandbox itself fails
_MAX_ANSWER = 1 << 21  # bytes that come for the calls of a check, public or held-out
_MAX_RETURNED = 1 << 25  # bytes that all calls of a hand-in may return together
_MAX_SENT = 3 << 25  # bytes that a hand-in's workers may send together, of whatever kind

Task = int | Question  # a step of the plan, by its number, or the calls of a check


class _Late(Exception):
    """Something took too long, and the worker was ended."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(incident.text)
        self.incident = incident


@dataclass(frozen=True)
class _Order:
    """A task, by its number, as a worker is told of it; whether it answers, and about what."""

    at: int
    data: bytes
    answered: bool = True
    held_out: bool = False


class _Talk:
    """The orders for one worker. Those before ``sent`` it has; ``awaited`` is answered next."""

    def __init__(self, worker: Worker, due: list[_Order], window: int) -> None:
        self.worker = worker
        self.orders = due
        self.sent = 0
        self.awaited = 0
        self.waited = 0.0  # seconds that no exercise has been charged with yet
        self._window = window
        self._unanswered = 0  # bytes of orders

    def turn_to(self, number: int) -> bytes:
        """Await the answer to this order from now on; what is to be sent before that.

        Orders are sent ahead, since to wait for each answer in turn costs time; but none with
        held-out inputs before all else is answered.
        """
        self.awaited = number
        order = self.orders[number]
        ready: list[bytes] = []
        if self._unanswered <= self._window // 2:  # refilled when half empty, not for each answer
            for later in self.orders[self.sent :]:
                full = self._unanswered + len(later.data) > self._window
                if (full or later.held_out != order.held_out) and self.sent > number:
                    break
                ready.append(later.data)
                self._unanswered += len(later.data)
                self.sent += 1
        self._unanswered -= len(order.data)
        return b"".join(ready)

    @property
    def begun(self) -> int:
        """The order that the worker is busy with, as it says; it can blame only what is not
        answered."""
        return min(max(self.worker.begun() - 1, self.awaited), self.sent - 1)


class Conversation:
    """One hand-in and the workers that run it, one after the other; :meth:`hold` it once."""

    def __init__(self, plan: Plan, marking: Marking, pool: Pool) -> None:
        self.plan = plan
        self.marking = marking
        self.limits = marking.limits
        self.pool = pool
        self.tasks: list[Task] = [*range(len(plan.steps)), *marking.questions]
        self._begin(one_by_one=False)

    def _begin(self, *, one_by_one: bool, foreseen: dict[int, Incident] | None = None) -> None:
        self.one_by_one = one_by_one  # whether each answer is awaited before the next order
        self.foreseen = foreseen or {}  # what will go wrong, by the number of the task
        self.transcript = Transcript()
        self.received = 0  # bytes of answers to questions
        self.allowance: float = _MAX_SENT
        self.spent: defaultdict[str, float] = defaultdict(float)  # seconds of calls, by exercise
        self.skipped: set[int] = set()  # steps that cost a worker

    def hold(self) -> Transcript:
        """Have everything asked that there is time for."""
        self.deadline = time.monotonic() + self.limits.notebook
        position = failures = 0
        for _ in range(_LOSSES * len(self.marking.exercises) + _MORE_RESTARTS + 1):
            try:
                position = self._go_on_from(position)
            except SandboxError as error:
                failures += 1
                if failures < _TRIES:
                    continue
                self._happened(Incident(Status.CRASHED, f"the sandbox failed: {error}"))
                break
            if position >= len(self.tasks) or time.monotonic() >= self.deadline:
                break
        for task in self.tasks[position:]:
            if isinstance(task, Question):
                text = "not run: the notebook was stopped before this point"
                of_check = task.exercise, task.check
                self.transcript.lost.setdefault(of_check, Incident(Status.TIMEOUT, text))
        return self.transcript

    def _go_on_from(self, position: int) -> int:
        """Do the tasks from ``position`` on in a fresh worker; return where to go on."""
        self._give_up(position)
        with self.pool.worker(self.plan.libraries) as worker:
            worker.channel.allowance = self.allowance
            talk = _Talk(worker, self._due(position), 0 if self.one_by_one else _SENT_AHEAD)
            sure = True  # whether what the worker was busy with is to blame
            try:
                for number, order in enumerate(talk.orders):
                    self._tell(talk, talk.turn_to(number))
                    if order.answered:
                        self._take(talk, order, shown=order.at >= position)
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
        culprit = talk.orders[talk.begun].at
        if not self.one_by_one and time.monotonic() < self.deadline - self.limits.notebook / 2:
            # what took its time need not take it twice
            self._begin(one_by_one=True, foreseen={culprit: incident} if sure else None)
            return 0
        self.one_by_one = True
        self._lose(culprit, incident)
        first = talk.orders[talk.awaited].at
        return max(position, first + (first == culprit))

    def _give_up(self, position: int) -> None:
        """Count checks as lost that would most likely take as long and end alike."""
        lost = self.transcript.lost
        for task in self.tasks[position:]:
            if isinstance(task, Question):
                losses = [each for (name, _), each in lost.items() if name == task.exercise]
                if len(losses) >= _LOSSES:
                    lost.setdefault((task.exercise, task.check), losses[0])

    def _due(self, position: int) -> list[_Order]:
        """The orders for a fresh worker: all cells again, then the calls from ``position`` on."""
        due = []
        for at, task in enumerate(self.tasks):
            if isinstance(task, Question):
                lost = (task.exercise, task.check) in self.transcript.lost
                if at >= position and not lost and task.exercise not in self.plan.missing:
                    data = self.marking.order(task)
                    due.append(_Order(at, data, held_out=not task.public))
            elif at not in self.skipped:
                step = self.plan.steps[task]
                if step.check is not None:
                    data = orders.keep(step.check, self.marking.entry(step.check))
                    due.append(_Order(at, data, answered=False))
                elif step.runs:
                    due.append(_Order(at, orders.run(step.source)))
        return due

    def _happened(self, incident: Incident) -> None:
        self.transcript.incidents.append(incident)

    def _lose(self, at: int, incident: Incident) -> None:
        """Put down what a task has cost the worker for."""
        task = self.tasks[at]
        if isinstance(task, Question):
            if incident.status is Status.CRASHED and not task.public:
                # the number of an exit status or a signal could tell something of a held-out input
                text = "the notebook's process ended in a held-out call"
                incident = Incident(incident.status, text)
            self.transcript.lost[task.exercise, task.check] = incident
        else:
            self.skipped.add(task)
            self.transcript.outputs[task] = Output(error=incident.text)
        self._happened(incident)

    # what is said to and heard from the worker

    def _tell(self, talk: _Talk, told: bytes) -> None:
        if not told:
            return
        deadline = min(time.monotonic() + self.limits.call, self.deadline)
        try:
            talk.worker.channel.send_packed(told, deadline)
        except DeadlineMissed:
            raise self._late(talk) from None
        except ChannelClosed:
            pass  # reading the answer will find that the worker is gone, and why

    def _take(self, talk: _Talk, order: _Order, *, shown: bool) -> None:
        """Take the answer to an order."""
        if order.at in self.foreseen:
            raise _Late(self.foreseen.pop(order.at))
        task = self.tasks[order.at]
        if isinstance(task, Question):
            self._take_answer(talk, task)
            return
        answer, _ = self._hear(talk, task).open()
        if shown:
            output, incident = _read_output(answer)
            self.transcript.outputs[task] = output
            if incident is not None:
                self._happened(incident)

    def _take_answer(self, talk: _Talk, question: Question) -> None:
        # it may have been asked, and half answered, before
        frames = self.transcript.answers[question] = []
        size = 0
        while True:
            frame = self._hear(talk, question)
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
            if len(frames) > self.marking.calls(question):
                raise BadMessage("more than it was asked for")

    def _hear(self, talk: _Talk, task: Task) -> Frame:
        """The next message, due for ``task``; it may lie ready, or be held until later ones."""
        channel = talk.worker.channel
        started = time.monotonic()
        allowed = min(self.marking.first_look, self._allowed(task))
        while True:
            try:
                frame = channel.receive_frame(min(started + allowed, self.deadline))
                break
            except DeadlineMissed:
                # the worker may be at a later order, and hold this answer back; that order
                # began when the last message came, or at most HELD_SECONDS later
                busy_with = self.tasks[talk.orders[talk.begun].at]
                allowed = self._allowed(busy_with) + HELD_SECONDS
                if time.monotonic() >= min(started + allowed, self.deadline):
                    raise self._late(talk) from None
        # of messages that came together the last one is of the call that took the time: charge it
        talk.waited += time.monotonic() - started
        if not channel.has_more:
            if isinstance(task, Question):
                self.spent[task.exercise] += talk.waited
            talk.waited = 0.0
        return frame

    def _allowed(self, task: Task) -> float:
        """Seconds that a cell may take, or a call, of what is left for all of its exercise."""
        if not isinstance(task, Question):
            return self.limits.cell
        left = self.marking.exercise_seconds[task.exercise] - self.spent[task.exercise]
        return max(0.0, min(self.marking.call_seconds[task.exercise, task.check], left))

    def _late(self, talk: _Talk) -> _Late:
        talk.worker.end()
        task = self.tasks[talk.orders[talk.begun].at]
        allowed = self._allowed(task)
        text = f"stopped after {allowed:g} seconds: an endless loop?"
        if time.monotonic() >= self.deadline:
            text = f"stopped: the whole notebook took more than {self.limits.notebook:g} seconds"
        elif isinstance(task, Question):
            if allowed < self.marking.call_seconds[task.exercise, task.check]:
                text = "stopped: all calls of this exercise together took too long"
            self.spent[task.exercise] += allowed
        return _Late(Incident(Status.TIMEOUT, text))


def _read_output(answer: dict[str, Any]) -> tuple[Output, Incident | None]:
    """What a cell showed, made inert, and what went wrong in it."""
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
    name, detail, incident = "", "", None
    if isinstance(error, dict):
        name = inert_text(error.get("name"), 100) or "an exception"
        detail = inert_text(error.get("text"), 500)
        if name == "MemoryError":
            incident = Incident(Status.OUT_OF_MEMORY, "a cell ran out of memory")
        elif name != NO_ANSWER:
            told = f"a cell raised {name}: {detail}" if detail else f"a cell raised {name}"
            incident = Incident(Status.ERROR, told)
    return Output(inert_text(text, _MAX_TEXT), tuple(pictures[:8]), name, detail), incident


def _nonsense(error: BadMessage) -> Incident:
    return Incident(Status.CRASHED, f"the notebook's process sent {error}")


def _death(end: WorkerExit) -> Incident:
    """What became of a worker that is gone."""
    if end.overuse == MEMORY:
        text = "the notebook's processes together took more memory than allowed"
        return Incident(Status.OUT_OF_MEMORY, text)
    if end.overuse == CPU:
        text = "the notebook's processes together computed for longer than allowed"
        return Incident(Status.TIMEOUT, text)
    if end.had_to_be_killed:
        text = "the notebook's process cut itself off from the grader"
        return Incident(Status.CRASHED, text)
    if end.signal == 9:
        text = "the notebook's process was killed by the system, as for memory"
        return Incident(Status.OUT_OF_MEMORY, text)
    if end.signal is not None:
        return Incident(Status.CRASHED, f"the Python interpreter crashed (signal {end.signal})")
    return Incident(
        Status.CRASHED, f"the notebook ended its own process (exit status {end.status})"
    )
