"""What all hand-ins of a problem set share: the questions, the time for them, results by answer.

Many hand-ins of a class give the same answers to the last bit, right ones above all. Judging is a
pure function of what came back, so each distinct answer is judged once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograder.definition import ProblemSetSpec
from autograder.results.inert import inert_text
from autograder.sandbox import orders
from autograder.sandbox.wire import BadMessage, Frame
from autograder.selfcheck.judge import AN_EXCEPTION, NONSENSE, REFUSED, CheckResult, judge
from autograder.selfcheck.language import say
from autograder.selfcheck.spec import Case, ExerciseSpec, Outcome
from autograder.selfcheck.values import Decoder, ValueRefused

from .settings import TimeLimits
from .transcript import Question

_MAX_REMEMBERED = 4096  # answers

_CALLS = 4  # time for all calls of an exercise, as a multiple of that for its longest call

Answers = Mapping[Question, Sequence[Frame]]


class TakesTooLong(Exception):
    """What a notebook returned cannot be judged in the time for that."""


class Stopwatch:
    """Raises TakesTooLong when asked after ``seconds`` of this thread's CPU time.

    Wall time would depend on what else the machine does, and so would the grade.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def __call__(self) -> None:
        if time.thread_time() > self._end:
            raise TakesTooLong


def _no_hurry() -> None:
    pass


class Marking:
    """Questions, time limits and judgements for one spec. Threads may share it.

    ``questions`` are in the order in which they are asked: the held-out ones after all others.
    ``call_seconds`` are for one call of a check, ``exercise_seconds`` for all of an exercise;
    nothing may take longer than ``first_look`` before it is asked whether it may.
    """

    def __init__(self, spec: ProblemSetSpec, limits: TimeLimits | None = None) -> None:
        self.spec = spec
        self.limits = limits or TimeLimits()
        self.exercises = {exercise.name: exercise for exercise in spec.exercises}
        self.questions = tuple(
            Question(exercise.name, check, public)
            for public in (True, False)
            for exercise in spec.exercises
            for check in range(len(exercise.checks))
            if any(case.case.public is public for case in exercise.checks[check].cases)
        )
        self.call_seconds = {
            (exercise.name, number): check.seconds or self.limits.call
            for exercise in spec.exercises
            for number, check in enumerate(exercise.checks)
        }
        self.exercise_seconds = dict.fromkeys(self.exercises, _CALLS * self.limits.call)
        for (name, _), seconds in self.call_seconds.items():
            self.exercise_seconds[name] = max(self.exercise_seconds[name], _CALLS * seconds)
        self.first_look = min([self.limits.cell, *self.call_seconds.values()])
        self._orders: dict[Question, bytes] = {}
        self._known: dict[bytes, tuple[CheckResult, ...] | None] = {}

    def __reduce__(self) -> tuple[type[Marking], tuple[ProblemSetSpec, TimeLimits]]:
        return Marking, (self.spec, self.limits)  # elsewhere it begins with nothing judged

    def entry(self, name: str) -> str:
        """What is called to check an exercise: the student's function, or a driver."""
        spec = self.exercises.get(name)
        return name if spec is None else spec.entry or name

    def order(self, question: Question) -> bytes:
        """The message that puts a question to a worker.

        It holds the inputs without labels and expected values: all that a worker may know.
        """
        if question not in self._orders:
            name = question.exercise
            cases = (case for _, case in self._cases(question))
            self._orders[question] = orders.call(name, self.entry(name), cases)
        return self._orders[question]

    def calls(self, question: Question) -> int:
        """How many calls that order asks for."""
        return sum(case.calls for _, case in self._cases(question))

    def _cases(self, question: Question) -> list[tuple[int, Case]]:
        cases = self.exercises[question.exercise].checks[question.check].cases
        return [(i, c.case) for i, c in enumerate(cases) if c.case.public is question.public]

    def judge(
        self, exercise: str, answers: Answers, in_time: Callable[[], None] = _no_hurry
    ) -> tuple[CheckResult, ...] | None:
        """Results of the checks of an exercise; None if the notebook has no such function.

        Answers to questions about other exercises are left alone. ``in_time`` is called again and
        again and may raise, as a Stopwatch does.
        """
        own = {each: frames for each, frames in answers.items() if each.exercise == exercise}
        digest = hashlib.blake2b(exercise.encode(), digest_size=16)
        for question in sorted(own):
            digest.update(repr((question[1:], len(own[question]))).encode())
            for frame in own[question]:
                digest.update(b"%d %d " % (len(frame.header), len(frame.body)))
                digest.update(frame.header)
                digest.update(frame.body)
        known = digest.digest()
        if known not in self._known:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[known] = self._judge(self.exercises[exercise], own, in_time)
        return self._known[known]

    def _judge(
        self, spec: ExerciseSpec, answers: Answers, in_time: Callable[[], None]
    ) -> tuple[CheckResult, ...] | None:
        outcomes: list[list[list[Outcome]]] = [[[] for _ in check.cases] for check in spec.checks]
        for question, frames in sorted(answers.items()):
            asked = self._cases(question)
            of_check = outcomes[question.check]
            room = (
                orders.answer_room()
            )  # the worker keeps to the same bound, so what exceeds it is no honest answer
            try:
                for frame in frames:
                    in_time()
                    message, buffers = frame.open()
                    if "absent" in message:
                        return None
                    _take(message, Decoder(buffers, room, views=True), asked, of_check)
            except BadMessage as error:
                index, _ = asked[0]
                of_check[index] = [Outcome(error=NONSENSE, detail=str(error))]
        return tuple(judge(spec, outcomes, in_time))


def _take(
    message: dict[str, Any],
    decoder: Decoder,
    asked: Sequence[tuple[int, Case]],
    of_check: list[list[Outcome]],
) -> None:
    """Put the outcomes in a message where they belong. Raises BadMessage."""
    entries = message.get("outcomes")
    if not isinstance(entries, list):
        raise BadMessage(say("no outcomes"))
    for entry in entries:
        number = entry.get("case") if isinstance(entry, dict) else None
        if type(number) is not int or not 0 <= number < len(asked):
            raise BadMessage(say("an outcome of no case"))
        index, case = asked[number]
        if len(of_check[index]) >= case.calls:
            raise BadMessage(say("more outcomes than it was asked for"))
        of_check[index].append(_outcome(entry, decoder, len(case.arguments)))


def _outcome(entry: dict[str, Any], decoder: Decoder, parameters: int) -> Outcome:
    if "error" in entry:
        error, detail = inert_text(entry["error"], 100), inert_text(entry.get("detail"), 500)
        return Outcome(error=error or AN_EXCEPTION, detail=detail)
    try:
        after = entry.get("after")
        if after is not None and (not isinstance(after, list) or len(after) != parameters):
            raise ValueRefused(say("the arguments are missing"))
        return Outcome(
            decoder.value(entry.get("value")),
            after=None if after is None else tuple(decoder.value(tree) for tree in after),
        )
    except ValueRefused as refused:
        return Outcome(error=REFUSED, detail=str(refused))
