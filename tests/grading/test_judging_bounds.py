"""Whatever plain data a hand-in returns, to judge it takes little time and memory.

The values go the way that they go in a grading: the worker's code makes messages of them, the
coordinator's code takes these in and judges. Messages as only a patched worker sends them are
made here by hand.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.exercises.definition import ProblemSetSpec
from autograder.grading import grader
from autograder.grading.marking import Marking, Stopwatch, TakesTooLong
from autograder.grading.results import Status
from autograder.grading.session import Session
from autograder.sandbox.orders import answer_room
from autograder.sandbox.wire import BadMessage, Frame
from autograder.sandbox.worker import Outbox, _Answer
from autograder.selfcheck.compare import difference
from autograder.selfcheck.spec import ExerciseSpec, Outcome
from autograder.selfcheck.values import Decoder, Room, ValueRefused, encode

SECONDS = 1.0  # of CPU for judging a hand-in
MEMORY = 64 << 20

Return = Callable[[int], Any]  # what the call of this number returns


class Sink:
    """Where the worker's code sends to: takes the messages apart as the channel would."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def send_packed(self, data: bytes) -> None:
        while data:
            last, header, body = data[0], *(int.from_bytes(data[i : i + 4]) for i in (1, 5))
            end = 9 + header + body
            self.frames.append(Frame(last != 0, data[9 : 9 + header], data[9 + header : end]))
            data = data[end:]


@dataclass
class HandIn:
    """What the workers of a hand-in sent, by exercise, check and kind of case."""

    frames: dict[str, dict[tuple[int, bool], list[Frame]]]

    @property
    def size(self) -> int:
        return sum(len(f.header) + len(f.body) for e in self.frames.values() for fs in e.values() for f in fs)


def orders_of(spec: ExerciseSpec) -> Iterator[tuple[int, bool, list[tuple[int, int, int]]]]:
    """The orders of an exercise; of each case its number in the order, its calls, its arguments."""
    for number, check in enumerate(spec.checks):
        for public in (True, False):
            cases = [c.case for c in check.cases if c.case.public is public]
            yield number, public, [(i, c.calls, len(c.arguments)) for i, c in enumerate(cases)]


def returned(spec: ProblemSetSpec, value: Return, *, after: bool) -> HandIn:
    """A hand-in all of whose functions return these, and change their arguments to the same."""
    found: dict[str, dict[tuple[int, bool], list[Frame]]] = {}
    count = 0
    for exercise in spec.exercises:
        for number, public, cases in orders_of(exercise):
            sink = Sink()
            outbox = Outbox(sink)  # type: ignore[arg-type]
            answer = _Answer(outbox)
            for case, calls, arguments in cases:
                for _ in range(calls):
                    item = value(count)
                    changed = (item,) * arguments if after else None
                    answer.add(case, Outcome(item, after=changed))
                    count += 1
            answer.send(last=True)
            outbox.flush()
            found.setdefault(exercise.name, {})[number, public] = sink.frames
    return HandIn(found)


def judge(marking: Marking, handin: HandIn) -> int:
    """Judge as the grader does, within its limits on what may come; return the checks passed."""
    assert handin.size <= grader._MAX_RETURNED
    passed = 0
    for name, frames in handin.frames.items():
        for each in frames.values():
            assert sum(len(f.header) + len(f.body) for f in each) <= grader._MAX_ANSWER
        results = marking.judge(name, frames)
        assert results is not None
        passed += sum(result.passed for result in results)
        assert all(len(result.message) < 20_000 for result in results)
    return passed


def cost(spec: ProblemSetSpec, handin: HandIn) -> tuple[float, int]:
    """Seconds of CPU, and bytes beyond what came, that judging takes."""
    marking = Marking(spec)
    started = time.thread_time()
    judge(marking, handin)
    seconds = time.thread_time() - started
    tracemalloc.start()
    try:
        judge(Marking(spec), handin)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return seconds, peak + handin.size


def near(spec: ProblemSetSpec) -> list[Any]:
    """Values of the shapes that are expected, as lists: what costs the comparison most."""
    wanted = [c.expected[0].value for e in spec.exercises for k in e.checks for c in k.cases]
    return [[np.asarray(x).tolist() for x in w] if isinstance(w, tuple) else np.asarray(w).tolist() for w in wanted]


LARGE: dict[str, Return] = {
    "a long text among short ones": lambda i: ["x" * 10_000] + [""] * 99_980,
    "texts": lambda i: ["x" * 3900] + [""] * 90,
    "many short texts": lambda i: ["" for _ in range(7990)],
    "numbers": lambda i: [0.5] * 7990,
    "numbers and one text": lambda i: [0.5] * 7980 + ["x"],
    "integers": lambda i: [2**62] * 7990,
    "integers beyond 64 bits": lambda i: [10**10_000] * 80,
    "NaN": lambda i: [float("nan")] * 7990,
    "numbers of NumPy's": lambda i: [np.float64(0.1)] * 1500,
    "lists of one": lambda i: [[0.5] for _ in range(3900)],
    "empty lists": lambda i: [[] for _ in range(7990)],
    "lists in lists": lambda i: [[[[[[[[[0.5]]]]]]]] for _ in range(700)],
    "ragged lists": lambda i: [[0.5] * (k % 7) for k in range(2000)],
    "an array": lambda i: np.zeros((255, 256)),
    "an array of bytes": lambda i: np.zeros(500_000, np.int8),
    "twenty dimensions": lambda i: np.zeros((2,) * 18, np.int8),
    "eight dimensions": lambda i: np.zeros((5,) * 8, np.int8),
    "dimensions of one": lambda i: np.zeros((1,) * 32),
    "an empty array of a huge shape": lambda i: np.zeros((0, 2**30, 2**30))[:, :5],
    "a row of nothing": lambda i: np.zeros((2**31 - 1, 0), np.int8),
    "a small array and one of complex numbers": lambda i: [
        *(np.zeros(20_000, np.int8) for _ in range(9)),
        np.zeros(20_000, np.complex128),
    ],
    "arrays in lists": lambda i: [np.zeros(8) for _ in range(1500)],
    "objects": lambda i: [object() for _ in range(800)],
    "an order's worth in its last call": lambda i: 0.5 if i % 7 else [0.5] * 7000,
}


@pytest.fixture(scope="module", params=["ps01-sgd", "ps07-initialization"])
def spec(request: pytest.FixtureRequest, session_of: Callable[[str], Session]) -> ProblemSetSpec:
    """The smallest problem set, and that with the most checks."""
    return session_of(request.param).evaluation.spec


@pytest.mark.parametrize("after", [False, True], ids=["returned", "left in the arguments"])
@pytest.mark.parametrize("name", LARGE)
def test_large_values_cost_little(spec: ProblemSetSpec, name: str, after: bool) -> None:
    seconds, memory = cost(spec, returned(spec, LARGE[name], after=after))
    print(f"{seconds:.3f} s, {memory / 2**20:.1f} MB")
    assert seconds < SECONDS
    assert memory < MEMORY
