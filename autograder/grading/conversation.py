"""Having a hand-in run: what its workers are asked, and what they answer.

A worker that is lost is replaced, and the notebook goes on after what cost it. At first all is
asked at once, which is what most hand-ins need. If anything goes wrong, the hand-in is begun anew
and asked one by one: then it is plain what went wrong, and the result does not depend on what was
under way.

All cells come first; where a check stands, the function is kept as it is there. Then come the calls
on public cases, and last those on held-out ones: when held-out inputs come, nothing of the
student's is shown any more.

What counts is what Restart & Run All does where the check stands. If an answer uses something that
a later cell has changed, the notebook is run again and the calls are made at its check: once for
the public cases of all such answers, and once for the held-out ones.
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
from autograder.selfcheck.judge import AN_EXCEPTION, NO_ANSWER
from autograder.selfcheck.language import say

from .clock import Clock
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
_PATIENCE = 10  # the wall time that nothing may take, as a multiple of the limits
_MAX_SENT = 3 << 25  # bytes that a hand-in's workers may send together, of whatever kind


class _Changes:
    """The task to ask which answers use something that was changed after their checks."""


# a step of the plan, by its number, or the calls of a check
Task = int | Question | _Changes


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
        self.clock = Clock(worker.usage)
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
        self.tasks: list[Task] = []
        self.transcript = Transcript()
        self.received = 0  # bytes of answers to questions
        self.allowance: float = _MAX_SENT
        self.spent: defaultdict[str, float] = defaultdict(float)  # seconds of calls, by exercise
        self.charged = 0.0  # seconds, since the cells were last begun to be worked through
        self.skipped: set[int] = set()  # steps that cost a worker
        self.one_by_one = False  # whether each answer is awaited before the next order
        self.foreseen: dict[int, Incident] = {}  # what will go wrong, by the number of the task
        self.changed: set[str] = set()  # exercises that use what was changed after their checks
        self.again = False  # whether the cells were run before, and have been shown
        self.confided = False  # whether a worker has seen held-out inputs

    def hold(self) -> Transcript:
        """Have everything asked that there is time for."""
        steps, questions = range(len(self.plan.steps)), self.marking.questions
        self._work_through([*steps, _Changes(), *questions])
        if self.changed:
            self._forget_changed()
            if not self._is_over():
                self.again = True
                self._work_through(self._at_their_checks(public=True))
                self.confided = True
                others = [q for q in questions if not q.public and q.exercise not in self.changed]
                self._work_through([*self._at_their_checks(public=False), *others])
        self._lose_what_was_not_asked()
        return self.transcript

    def _forget_changed(self) -> None:
        """Drop what was said of exercises whose calls are to be made where their checks stand."""
        said = self.transcript
        said.answers = {q: f for q, f in said.answers.items() if q.exercise not in self.changed}
        said.lost = {at: why for at, why in said.lost.items() if at[0] not in self.changed}

    def _at_their_checks(self, *, public: bool) -> list[Task]:
        """All steps, with the calls of the changed exercises where their checks stand."""
        tasks: list[Task] = []
        for number, step in enumerate(self.plan.steps):
            tasks.append(number)
            if step.check in self.changed:
                of_check = [q for q in self.marking.questions if q.exercise == step.check]
                tasks += [question for question in of_check if question.public is public]
        return tasks

    def _lose_what_was_not_asked(self) -> None:
        text = say("not run: the notebook was stopped before this point")
        for question in self.marking.questions:
            if (
                question not in self.transcript.answers
                and question.exercise not in self.plan.missing
            ):
                of_check = question.exercise, question.check
                self.transcript.lost.setdefault(of_check, Incident(Status.TIMEOUT, text))

    def _keep_point(self, position: int) -> None:
        """From now on, what is begun anew is begun from here."""
        said = self.transcript
        self.point = (
            position,
            said.copy(),
            self.received,
            self.allowance,
            self.spent.copy(),
            self.skipped.copy(),
        )

    def _begin_anew(self, foreseen: dict[int, Incident]) -> int:
        """Go back, to ask one by one; ``foreseen`` is what will go wrong. Returns the position."""
        position, said, self.received, self.allowance, spent, skipped = self.point
        self.transcript, self.spent, self.skipped = said.copy(), spent.copy(), skipped.copy()
        self.one_by_one, self.foreseen = True, foreseen
        return position

    def _work_through(self, tasks: list[Task]) -> None:
        """Do all these tasks, in as many workers as it takes."""
        self.tasks = tasks
        self.one_by_one = False
        self.foreseen = {}
        self._keep_point(0)
        self.charged = 0.0
        self.deadline = time.monotonic() + _PATIENCE * self.limits.notebook
        position = failures = 0
        for _ in range(_LOSSES * len(self.marking.exercises) + _MORE_RESTARTS + 1):
            try:
                position = self._go_on_from(position)
            except SandboxError as error:
                failures += 1
                if failures < _TRIES:
                    continue
                self._happened(
                    Incident(Status.CRASHED, say("the sandbox failed: {error}", error=error))
                )
                break
            if position >= len(self.tasks) or self._is_over():
                break

    def _is_over(self) -> bool:
        """Whether the notebook has had all time that it may take."""
        return self.charged >= self.limits.notebook or time.monotonic() >= self.deadline

    def _go_on_from(self, position: int) -> int:
        """Do the tasks from ``position`` on in a fresh worker; return where to go on."""
        self._give_up(position)
        with self.pool.worker(self.plan.libraries) as worker:
            worker.channel.allowance = self.allowance
            talk = _Talk(worker, self._due(position), 0 if self.one_by_one else _SENT_AHEAD)
            sure = True  # whether what the worker was busy with is to blame
            try:
                for number, order in enumerate(talk.orders):
                    if order.at >= len(self.tasks):  # it turned out to be for another worker
                        break
                    if order.held_out and not self.confided:
                        self.confided = True
                        self._keep_point(order.at)
                    self._tell(talk, talk.turn_to(number))
                    if order.answered:
                        self._take(talk, order, shown=order.at >= position)
                return len(self.tasks)
            except _Late as late:
                incident = late.incident
            except BadMessage as error:
                incident, sure = _nonsense(error), False
            except ChannelClosed:
                end = worker.end(patience=_PATIENCE)
                incident, sure = _death(end), end.overuse is not None
            finally:
                self.allowance = worker.channel.allowance
        culprit = talk.orders[talk.begun].at
        if not self.one_by_one and self.charged < self.limits.notebook / 2 and not self._is_over():
            # what took its time need not take it twice
            return self._begin_anew({culprit: incident} if sure else {})
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
            elif isinstance(task, _Changes):
                if at >= position:
                    due.append(_Order(at, orders.changed()))
            elif task not in self.skipped:
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
                text = say("the notebook's process ended in a held-out call")
                incident = Incident(incident.status, text)
            self.transcript.lost[task.exercise, task.check] = incident
        elif isinstance(task, int):
            self.skipped.add(task)
            if self.again or self.confided:  # what is shown of this cell is what it did before
                if incident.status is Status.CRASHED:
                    text = say("the notebook's process ended when its cells were run again")
                    incident = Incident(incident.status, text)
            else:
                self.transcript.outputs[task] = Output(error=incident.text)
        self._happened(incident)

    # what is said to and heard from the worker

    def _tell(self, talk: _Talk, told: bytes) -> None:
        if not told:
            return
        deadline = min(time.monotonic() + _PATIENCE * self.limits.call, self.deadline)
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
        if isinstance(task, _Changes):
            self._take_changes(answer)
        elif shown and not self.again and not self.confided:
            output, incident = _read_output(answer)
            self.transcript.outputs[task] = output
            if incident is not None:
                self._happened(incident)

    def _take_changes(self, answer: dict[str, Any]) -> None:
        named = answer.get("changed")
        checked = {step.check for step in self.plan.steps if step.check is not None}
        if isinstance(named, list):
            self.changed |= checked.intersection(n for n in named if isinstance(n, str))
        if self.changed:  # held-out calls come when all that is shown has been said
            public = [q for q in self.tasks if not isinstance(q, Question) or q.public]
            self.tasks = public

    def _take_answer(self, talk: _Talk, question: Question) -> None:
        frames: list[Frame] = []
        size = 0
        while True:
            frame = self._hear(talk, question)
            frames.append(frame)
            size += len(frame.header) + len(frame.body)
            self.received += len(frame.header) + len(frame.body)
            if size > _MAX_ANSWER:
                raise BadMessage(say("more data than the calls of a check may return"))
            if self.received > _MAX_RETURNED:
                raise BadMessage(say("more data than a notebook may return"))
            if frame.last:
                self.transcript.answers[question] = frames
                return
            if len(frames) > self.marking.calls(question):
                raise BadMessage(say("more than it was asked for"))

    def _hear(self, talk: _Talk, task: Task) -> Frame:
        """The next message, due for ``task``; it may lie ready, or be held until later ones."""
        channel = talk.worker.channel
        started = time.monotonic()
        look = started + min(self.marking.first_look, self._allowed(task))
        late = False
        while True:
            try:
                frame = channel.receive_frame(min(look, self.deadline))
                break
            except DeadlineMissed:
                late = True
                # the worker may be at a later order, and hold this answer back; that order
                # began when the last message came, or at most HELD_SECONDS later
                allowed = self._allowed(self.tasks[talk.orders[talk.begun].at]) + HELD_SECONDS
                waited = time.monotonic() - started
                left = allowed - talk.clock.charge(waited)
                if left <= 0 or waited >= _PATIENCE * allowed or time.monotonic() >= self.deadline:
                    raise self._late(talk) from None
                look = time.monotonic() + max(left, HELD_SECONDS)
        charged = talk.clock.answered(time.monotonic() - started, late=late)
        self.charged += charged
        # of messages that came together the last one is of the call that took the time: charge it
        talk.waited += charged
        if not channel.has_more:
            if isinstance(task, Question):
                self.spent[task.exercise] += talk.waited
            talk.waited = 0.0
        return frame

    def _allowed(self, task: Task) -> float:
        """Seconds that a cell may take, or a call, of what is left for all of its exercise."""
        left = self.limits.notebook - self.charged
        if not isinstance(task, Question):
            return max(0.0, min(self.limits.cell, left))
        left = min(left, self.marking.exercise_seconds[task.exercise] - self.spent[task.exercise])
        return max(0.0, min(self.marking.call_seconds[task.exercise, task.check], left))

    def _late(self, talk: _Talk) -> _Late:
        talk.worker.end()
        task = self.tasks[talk.orders[talk.begun].at]
        allowed = self._allowed(task)
        self.charged += allowed
        text = say("stopped after {seconds} seconds: an endless loop?", seconds=f"{allowed:g}")
        if self._is_over():
            text = say(
                "stopped: the whole notebook took more than {seconds} seconds",
                seconds=f"{self.limits.notebook:g}",
            )
        elif isinstance(task, Question):
            if allowed < self.marking.call_seconds[task.exercise, task.check]:
                text = say("stopped: all calls of this exercise together took too long")
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
        name = inert_text(error.get("name"), 100) or say(AN_EXCEPTION)
        detail = inert_text(error.get("text"), 500)
        if name == "MemoryError":
            incident = Incident(Status.OUT_OF_MEMORY, say("a cell ran out of memory"))
        elif name != NO_ANSWER:
            told = say("a cell raised {error}", error=f"{name}: {detail}" if detail else name)
            incident = Incident(Status.ERROR, told)
    return Output(inert_text(text, _MAX_TEXT), tuple(pictures[:8]), name, detail), incident


def _nonsense(error: BadMessage) -> Incident:
    return Incident(Status.CRASHED, say("the notebook's process sent {error}", error=error))


def _death(end: WorkerExit) -> Incident:
    """What became of a worker that is gone."""
    if end.overuse == MEMORY:
        text = say("the notebook's processes together took more memory than allowed")
        return Incident(Status.OUT_OF_MEMORY, text)
    if end.overuse == CPU:
        text = say("the notebook's processes together computed for longer than allowed")
        return Incident(Status.TIMEOUT, text)
    if end.had_to_be_killed:
        text = say("the notebook's process cut itself off from the grader")
        return Incident(Status.CRASHED, text)
    if end.signal == 9:
        text = say("the notebook's process was killed by the system, as for memory")
        return Incident(Status.OUT_OF_MEMORY, text)
    if end.signal is not None:
        return Incident(
            Status.CRASHED,
            say("the Python interpreter crashed (signal {number})", number=end.signal),
        )
    return Incident(
        Status.CRASHED,
        say("the notebook ended its own process (exit status {number})", number=end.status),
    )
