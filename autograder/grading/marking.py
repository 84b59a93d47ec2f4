"""What all hand-ins of a problem set share: the orders that workers get, and results by answer.

Many hand-ins of a class give the same answers to the last bit, right ones above all. Judging is a
pure function of what came back, so each distinct answer is judged once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograder.definition import ProblemSetSpec
from autograder.sandbox import orders
from autograder.sandbox.wire import BadMessage, Frame
from autograder.selfcheck.judge import NONSENSE, REFUSED, CheckResult, judge
from autograder.selfcheck.spec import Case, ExerciseSpec, Outcome
from autograder.selfcheck.values import Decoder, ValueRefused

from .inert import inert_text

_MAX_REMEMBERED = 4096  # answers

Answers = Mapping[tuple[int, bool], Sequence[Frame]]  # by check and whether its cases are public


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
    """Orders and judgements for one spec. Threads may share it."""

    def __init__(self, spec: ProblemSetSpec) -> None:
        self.spec = spec
        self._specs = {exercise.name: exercise for exercise in spec.exercises}
        self._orders: dict[tuple[str, int, bool], bytes] = {}
        self._known: dict[bytes, tuple[CheckResult, ...] | None] = {}

    def order(self, exercise: str, check: int, public: bool) -> bytes:
        """The message that asks a worker for the calls of a check on its public or other cases.

        It holds the inputs without labels and expected values: all that a worker may know.
        """
        key = exercise, check, public
        if key not in self._orders:
            spec = self._specs[exercise]
            cases = (case for _, case in self._cases(*key))
            self._orders[key] = orders.call(spec.name, spec.entry or spec.name, cases)
        return self._orders[key]

    def calls(self, exercise: str, check: int, public: bool) -> int:
        """How many calls that order asks for."""
        return sum(case.calls for _, case in self._cases(exercise, check, public))

    def _cases(self, exercise: str, check: int, public: bool) -> list[tuple[int, Case]]:
        cases = self._specs[exercise].checks[check].cases
        return [(i, c.case) for i, c in enumerate(cases) if c.case.public is public]

    def judge(
        self, exercise: str, answers: Answers, in_time: Callable[[], None] = _no_hurry
    ) -> tuple[CheckResult, ...] | None:
        """Results of the checks of an exercise; None if the notebook has no such function.

        ``in_time`` is called again and again and may raise, as a Stopwatch does.
        """
        digest = hashlib.blake2b(exercise.encode(), digest_size=16)
        for key in sorted(answers):
            digest.update(repr((key, len(answers[key]))).encode())
            for frame in answers[key]:
                digest.update(b"%d %d " % (len(frame.header), len(frame.body)))
                digest.update(frame.header)
                digest.update(frame.body)
        known = digest.digest()
        if known not in self._known:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            self._known[known] = self._judge(self._specs[exercise], answers, in_time)
        return self._known[known]

    def _judge(
        self, spec: ExerciseSpec, answers: Answers, in_time: Callable[[], None]
    ) -> tuple[CheckResult, ...] | None:
        outcomes: list[list[list[Outcome]]] = [[[] for _ in check.cases] for check in spec.checks]
        for (check, public), frames in sorted(answers.items()):
            asked = self._cases(spec.name, check, public)
            room = orders.answer_room()  # of an honest worker nothing more comes
            try:
                for frame in frames:
                    in_time()
                    message, buffers = frame.open()
                    if "absent" in message:
                        return None
                    _take(message, Decoder(buffers, room, views=True), asked, outcomes[check])
            except BadMessage as error:
                index, _ = asked[0]
                outcomes[check][index] = [Outcome(error=NONSENSE, detail=str(error))]
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
        raise BadMessage("no outcomes")
    for entry in entries:
        number = entry.get("case") if isinstance(entry, dict) else None
        if type(number) is not int or not 0 <= number < len(asked):
            raise BadMessage("an outcome of no case")
        index, case = asked[number]
        if len(of_check[index]) >= case.calls:
            raise BadMessage("more outcomes than it was asked for")
        of_check[index].append(_outcome(entry, decoder, len(case.arguments)))


def _outcome(entry: dict[str, Any], decoder: Decoder, parameters: int) -> Outcome:
    if "error" in entry:
        error, detail = inert_text(entry["error"], 100), inert_text(entry.get("detail"), 500)
        return Outcome(error=error or "an exception", detail=detail)
    try:
        after = entry.get("after")
        if after is not None and (not isinstance(after, list) or len(after) != parameters):
            raise ValueRefused("the arguments are missing")
        return Outcome(
            decoder.value(entry.get("value")),
            after=None if after is None else tuple(decoder.value(tree) for tree in after),
        )
    except ValueRefused as refused:
        return Outcome(error=REFUSED, detail=str(refused))
