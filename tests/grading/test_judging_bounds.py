"""Whatever plain data a hand-in returns, to judge it takes little time and memory.

The values go the way that they go in a grading: the worker's code makes messages of them, the
coordinator's code takes these in and judges. Messages as only a patched worker sends them are
made here by hand.
"""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.definition import ProblemSetSpec
from autograder.grading import conversation, verdict
from autograder.grading.marking import Marking, Stopwatch, TakesTooLong
from autograder.grading.session import Session
from autograder.grading.transcript import Question
from autograder.results.result import Status
from autograder.sandbox.orders import answer_room
from autograder.sandbox.wire import BadMessage, Frame
from autograder.sandbox.worker import Outbox, _Answer
from autograder.selfcheck.compare import difference
from autograder.selfcheck.spec import ExerciseSpec, Outcome
from autograder.selfcheck.values import Decoder, Room, Unsupported, ValueRefused, encode

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

    frames: dict[str, dict[Question, list[Frame]]]

    @property
    def size(self) -> int:
        """Bytes that came."""
        answers = [frames for of in self.frames.values() for frames in of.values()]
        return sum(len(f.header) + len(f.body) for frames in answers for f in frames)


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
            question = Question(exercise.name, number, public)
            found.setdefault(exercise.name, {})[question] = sink.frames
    return HandIn(found)


def judge(marking: Marking, handin: HandIn) -> int:
    """Judge as the grader does, within its limits on what may come; return the checks passed."""
    assert handin.size <= conversation._MAX_RETURNED
    passed = 0
    for name, frames in handin.frames.items():
        for each in frames.values():
            assert sum(len(f.header) + len(f.body) for f in each) <= conversation._MAX_ANSWER
        results = marking.judge(name, frames)
        assert results is not None
        passed += sum(result.passed for result in results)
        assert all(len(result.message) < 20_000 for result in results)
    return passed


def seconds_for(spec: ProblemSetSpec, handin: HandIn) -> float:
    """Seconds of CPU that judging takes."""
    marking = Marking(spec)
    started = time.thread_time()
    judge(marking, handin)
    return time.thread_time() - started


def memory_of(spec: ProblemSetSpec, handin: HandIn) -> int:
    """Bytes that judging takes, with what came."""
    tracemalloc.start()
    try:
        judge(Marking(spec), handin)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak + handin.size


P = answer_room().parts - 20
S = answer_room().size

# what fills the room that there is
FULL: dict[str, Return] = {
    "a text": lambda i: ["x" * 3_600] * (P // 901),
    "short texts": lambda i: [""] * P,
    "numbers": lambda i: [0.1234567890123456] * P,
    "numbers and one text": lambda i: [0.5] * (P - 1) + ["x"],
    "integers": lambda i: [2**62] * P,
    "NaN": lambda i: [float("nan")] * P,
    "integers beyond 64 bits": lambda i: [1 << 10_000] * (P // 9),
    "numbers of NumPy's": lambda i: [np.float64(0.1)] * (P // 9),
    "lists of one": lambda i: [[0.5] for _ in range(P // 5)],
    "empty lists": lambda i: [[] for _ in range(P // 4)],
    "lists in lists": lambda i: [[[[[[[[[0.5]]]]]]]] for _ in range(P // 33)],
    "ragged lists": lambda i: [[0.5] * (k % 7) for k in range(P // 7)],
    "objects": lambda i: [object() for _ in range(P // 9)],
    "small arrays": lambda i: [np.zeros(8) for _ in range(P // 9)],
    "an array": lambda i: np.zeros(S // 8),
    "an array of bytes": lambda i: np.zeros(S, np.int8),
    "many dimensions": lambda i: np.zeros((2,) * (S.bit_length() - 1), np.int8),
    "arrays of bytes and one of complex numbers": lambda i: [
        *(np.zeros(S // 32, np.int8) for _ in range(16)),
        np.zeros(S // 32, np.complex128),
    ],
}
LARGE: dict[str, Return] = {
    **FULL,
    "a long text among short ones": lambda i: ["x" * 10_000] + [""] * 99_980,
    "dimensions of one": lambda i: np.zeros((1,) * 32),
    "an empty array of a huge shape": lambda i: np.zeros((0, 2**20, 2**20)),
    "a row of nothing": lambda i: np.zeros((2**31 - 1, 0), np.int8),
    "too much in the last calls": lambda i: 0.5 if i % 7 else [0.5] * (P - 50),
}


@pytest.mark.parametrize("name", FULL)
def test_values_of_these_tests_fill_the_room(name: str) -> None:
    room = answer_room()
    encode(FULL[name](0), [], room)
    assert room.parts < P / 10 or room.size < S / 10


def events(work: Callable[[], object]) -> int:
    """How many functions are called: what work costs, on a busy machine, too."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.fixture(scope="module")
def one(ps01: Session) -> ProblemSetSpec:
    """A problem set of one exercise."""
    spec = ps01.evaluation.spec
    return replace(spec, exercises=spec.exercises[2:3])


@pytest.mark.parametrize("name", LARGE)
def test_large_values_cost_little(one: ProblemSetSpec, name: str) -> None:
    orders = sum(1 for exercise in one.exercises for _ in orders_of(exercise))
    handin = returned(one, LARGE[name], after=False)
    calls = events(lambda: judge(Marking(one), handin))
    assert calls < 30_000 + orders * answer_room().parts * 12
    assert memory_of(one, handin) < MEMORY / 60 * orders  # there are problem sets with 60


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["returned", "left in the arguments"])
@pytest.mark.parametrize("problem_set", ["ps01-sgd", "ps07-initialization"])
def test_no_hand_in_costs_more_than_a_second_or_64_mb(
    session_of: Callable[[str], Session], problem_set: str, after: bool
) -> None:
    spec = session_of(problem_set).evaluation.spec
    for name, value in LARGE.items():
        handin = returned(spec, value, after=after)
        seconds, memory = seconds_for(spec, handin), memory_of(spec, handin)
        print(f"{name}: {seconds:.3f} s, {memory / 2**20:.1f} MB")
        assert seconds < SECONDS, name
        assert memory < MEMORY, name


# --- the comparison ------------------------------------------------------------------------------

_numbers = st.floats() | st.integers(-(2**63), 2**63 - 1)
_leaves = _numbers | st.sampled_from(
    [None, True, "", "x" * 200, Unsupported("Model"), 2**62, np.float64(1), np.array(1.5)]
)
_arrays = st.sampled_from(["f8", "i1", "c16", "?"]).flatmap(
    lambda dtype: st.lists(st.integers(0, 4), max_size=6).map(lambda shape: np.zeros(shape, dtype))
)
_plain = st.recursive(
    _leaves | _arrays,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple),
    max_leaves=12,
)
_wanted = st.sampled_from([2.0, np.zeros(3), np.ones((2, 3)), np.arange(4.0), np.zeros((0, 2))])


def blown_up(value: Any, by: int, where: list[int]) -> Any:
    """The value with one list in it, or all of it, ``by`` times as long."""
    if where and isinstance(value, (list, tuple)) and value:
        at = where[0] % len(value)
        items = [*value[:at], blown_up(value[at], by, where[1:]), *value[at + 1 :]]
        return type(value)(items)
    if isinstance(value, str):
        return value * by
    if isinstance(value, np.ndarray) and value.ndim:
        return np.zeros((value.shape[0] * by, *value.shape[1:]), value.dtype)
    return [value] * by


@settings(max_examples=200, deadline=None)
@given(_wanted, _plain, st.lists(st.integers(0, 3), max_size=3), st.booleans())
def test_comparing_costs_what_is_expected_costs(
    wanted: Any, value: Any, where: list[int], several: bool
) -> None:
    large = blown_up(value, 3000, where)
    names = ("a", "b") if several else ("a",)
    expected = (wanted, wanted) if several else wanted

    def compare() -> None:
        difference(expected, large, names, 1e-7, 1e-9)
        difference(expected, [large, large], names, 1e-7, 1e-9)
        difference(expected, [wanted, large], names, 1e-7, 1e-9)

    tracemalloc.start()
    try:
        assert events(compare) < 2000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


@settings(max_examples=100, deadline=None)
@given(_wanted, _plain, st.lists(st.integers(0, 3), max_size=3))
def test_words_for_a_difference_are_few(wanted: Any, value: Any, where: list[int]) -> None:
    for large in (blown_up(value, 1000, where), [wanted, blown_up(value, 1000, where)]):
        found = difference(wanted, large, ("a",), 1e-7, 1e-9)
        for public in (True, False):
            assert found is None or len(found.text(public)) < 20_000


def test_an_array_of_many_dimensions_is_put_into_few_words() -> None:
    for shape in ((2,) * 20, (6,) * 8, (3, *(1,) * 20, 500)):
        large = np.zeros(shape, np.int8)
        found = difference(np.zeros(3), large, ("a",), 1e-7, 1e-9)
        assert found is not None
        assert str(shape) in found.text(True)
        assert len(found.text(True)) < 2000


# --- what only a patched worker sends ------------------------------------------------------------

ARRAY = {"dtype": "<f8", "shape": [30_000], "buffer": 0, "layout": "strided", "readonly": False}


def frame(outcomes: list[dict[str, Any]], *buffers: bytes) -> Frame:
    header = {"outcomes": outcomes, "buffers": [len(b) for b in buffers]}
    return Frame(True, json.dumps(header).encode(), b"".join(buffers))


def test_one_buffer_named_many_times_counts_each_time(one: ProblemSetSpec) -> None:
    (exercise,) = one.exercises
    named = {"array": ARRAY}
    frames = {}
    for number, public, cases in orders_of(exercise):
        entries = [
            {"case": case, "value": named, "after": [named] * arguments}
            for case, calls, arguments in cases
            for _ in range(calls)
        ]
        frames[Question(exercise.name, number, public)] = [frame(entries, bytes(240_000))]
    handin = HandIn({exercise.name: frames})
    assert judge(Marking(one), handin) == 0
    memory = memory_of(one, handin)
    assert memory < 2 * handin.size + (2 << 20)  # views take none, however they are laid out


def test_buffer_is_named_once_in_a_message_and_room_is_that_of_all() -> None:
    decoder = Decoder([bytes(240_000), bytes(240_000), bytes(240_000)], Room(100, 500_000))
    decoder.value({"array": ARRAY})
    with pytest.raises(ValueRefused, match="does not fit"):
        decoder.value({"array": ARRAY})
    decoder.value({"array": {**ARRAY, "buffer": 1}})
    with pytest.raises(ValueRefused, match="too large"):
        decoder.value({"array": {**ARRAY, "buffer": 2}})


def test_many_values_share_the_room() -> None:
    room = Room(parts=100)
    encode([0.5] * 60, [], room)
    with pytest.raises(ValueRefused, match="too many parts"):
        encode([0.5] * 60, [], room)


@pytest.mark.parametrize("unit", ["{},", "[],", '{"a":0},', "[[[[[[]]]]]],", "0,", '"",'])
def test_header_of_many_parts_is_not_opened(unit: str) -> None:
    header = '{"outcomes": [' + unit * (1 << 18) + '0], "buffers": []}'
    tracemalloc.start()
    try:
        with pytest.raises(BadMessage, match="too many parts"):
            Frame(True, header.encode(), b"").open()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(header)


# --- a hand-in as a whole ------------------------------------------------------------------------


def test_large_return_value_costs_its_own_points_only(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    source = "def sgd_step(theta, grad, lr):\n    return ['x' * 10_000] + [''] * 99_980\n"
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": source}))
    assert (result.status, result.score) == (Status.ERROR, result.max_score - 4)
    told = result.exercises[2].checks[0].message
    assert "the result cannot be compared: the value has too many parts" in told


def test_what_takes_too_long_to_judge_is_given_up(
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = "def sgd_step(theta, grad, lr):\n    return theta + 1.0625\n"
    monkeypatch.setattr(verdict, "_JUDGING_SECONDS", -1.0)
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": wrong}))
    assert result.status is Status.TIMEOUT
    assert result.exercises[2].score == 0  # of the others, answers may have been judged before
    assert "took too long" in result.detail
    assert {check.error for check in result.exercises[2].checks} == {"timeout"}


def test_stopwatch_counts_the_work_of_its_own_thread() -> None:
    watch = Stopwatch(0.05)
    time.sleep(0.1)
    watch()
    with pytest.raises(TakesTooLong):
        while True:
            watch()
