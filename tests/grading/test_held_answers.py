"""A worker's answers come together; who is to blame when one does not come is still told apart."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from autograder.attacks.secrets import RIGHT_IN_PUBLIC
from autograder.bench.attacks import without_calls_of
from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.sample import instructor_answers
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Result, Status
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.orders import run
from autograder.sandbox.pool import Pool, open_pool
from autograder.sandbox.wire import HELD_SECONDS, ChannelClosed, DeadlineMissed

Grade = Callable[[dict[str, str]], Result]
LAST = "condition_number"
LOOP = f"def {LAST}(eigenvalues):\n    while True: pass\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    opened, _ = open_pool("auto", Surroundings(Limits()))
    with opened:
        yield opened


@pytest.fixture(scope="module")
def session(course: CourseDirectory, quick_settings: Settings) -> Iterator[Session]:
    """A session in which nothing is waited for long."""
    limits = TimeLimits(cell=2, call=0.5, notebook=20)
    with Session(course.assignment("ps01-sgd"), replace(quick_settings, time=limits)) as opened:
        yield opened


@pytest.fixture
def grade(
    session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> Grade:
    """Grades right answers, but for those given."""
    return lambda answers: (
        session.grade(Handin("a", hand_in(right_notebook("ps01-sgd", answers)))).result
    )


def lost(result: Result) -> set[str]:
    return {exercise.name for exercise in result.exercises if exercise.score < exercise.max_score}


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def test_answers_to_orders_sent_together_come_together(pool: Pool) -> None:
    with pool.worker() as worker:
        worker.channel.send_packed(b"".join(run(f"print({n})") for n in range(5)), soon())
        texts = [worker.channel.receive(soon())[0]["text"]]
        assert worker.channel.has_more
        texts += [worker.channel.receive(soon())[0]["text"] for _ in range(4)]
        assert texts == [f"{n}\n" for n in range(5)]
        assert worker.begun() == 5


def test_what_took_long_is_answered_before_the_next_order_is_done(pool: Pool) -> None:
    long = run(f"import time; time.sleep({2 * HELD_SECONDS})")
    with pool.worker() as worker:
        worker.channel.send_packed(run("1") + long + run("time.sleep(60)"), soon())
        for _ in range(2):
            worker.channel.receive(soon())
        end = soon()
        while worker.begun() < 3 and time.monotonic() < end:
            time.sleep(0.01)
        assert worker.begun() == 3
        with pytest.raises(DeadlineMissed):
            worker.channel.receive(soon(0.2))


def test_what_was_begun_can_be_asked_of_a_worker_that_is_gone(pool: Pool) -> None:
    with pool.worker() as worker:
        worker.channel.send_packed(run("1") + run("import os; os._exit(3)") + run("2"), soon())
        with pytest.raises(ChannelClosed):
            worker.channel.receive(soon())
        worker.end(patience=60)
        assert worker.begun() == 2


def test_endless_call_costs_no_other_exercise_and_its_time_but_once(grade: Grade) -> None:
    result = grade({LAST: LOOP})
    assert result.status is Status.TIMEOUT
    assert "stopped after 0.5 seconds" in result.detail
    assert lost(result) == {LAST}
    stopped = [c for e in result.exercises for c in e.checks if c.error == Status.TIMEOUT]
    assert len(stopped) > 2  # two of them waited for; then the rest is given up
    assert {check.message for check in stopped} == {stopped[0].message}


def test_call_that_ends_the_process_costs_no_other_exercise(grade: Grade) -> None:
    result = grade({LAST: f"def {LAST}(eigenvalues):\n    import os\n    os._exit(3)\n"})
    assert result.status is Status.CRASHED
    assert lost(result) == {LAST}


def test_nonsense_is_blamed_on_the_call_that_sent_it(grade: Grade) -> None:
    forger = "def clip_by_norm(g, c):\n    import os\n    os.write(3, b'x' * 9)\n    return g\n"
    result = grade({"clip_by_norm": forger})
    assert result.status is Status.CRASHED
    assert lost(result) == {"clip_by_norm"}


@pytest.mark.parametrize("notes", ["os.close(4)", "os.dup2(os.open('/dev/null', 1), 4)", "fill()"])
def test_notes_are_not_needed_for_honest_answers(grade: Grade, notes: str) -> None:
    code = f"""
import os
def fill():
    os.set_blocking(4, False)
    try:
        while True: os.write(4, b"." * 4096)
    except BlockingIOError: pass
{notes}
"""
    result = grade({"softmax_cross_entropy": code + _right()["softmax_cross_entropy"]})
    assert result.status is Status.GRADED, result.detail
    assert not lost(result)


@pytest.mark.parametrize(
    "crash",
    ["os._exit(3)", "os.close(3)", "os.write(3, b'x' * 9)", "__import__('ctypes').string_at(0)"],
)
def test_result_does_not_depend_on_how_many_answers_were_held(
    grade: Grade, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    code = f"""
import os
calls = 0
def crashing(*_):
    global calls
    calls += 1
    if calls % 17 == 0:
        {crash}
"""
    answers = {}
    for name, source in _right().items():
        head, colon, body = source.partition(":\n")
        answers[name] = f"{code}{head}{colon}    crashing()\n{body}"
    together = grade(answers)
    monkeypatch.setattr("autograder.grading.conversation._SENT_AHEAD", 0)
    apart = grade(answers)
    assert together.status is apart.status
    assert together.exercises == apart.exercises
    assert 0 < together.score < together.max_score


def test_lie_about_what_was_begun_earns_nothing_and_ends(grade: Grade) -> None:
    liar = "import os\ntry: os.write(4, b'.' * 30)\nexcept OSError: pass\n"
    result = grade({LAST: liar + LOOP})
    assert result.status is Status.TIMEOUT
    assert LAST in lost(result)


def _right() -> dict[str, str]:
    return instructor_answers("ps01-sgd")


# what the worker is a grandchild of; to kill all that it may would end other tests' sandboxes, too
END_SANDBOX = """
    parent = os.getppid()
    with open(f"/proc/{parent}/stat") as stat:
        os.kill(int(stat.read().rpartition(")")[2].split()[1]), 9)
    os.kill(parent, 9)
"""


@pytest.mark.parametrize("end", ["    os._exit(3)\n", END_SANDBOX], ids=["worker", "sandbox"])
def test_nothing_is_shown_of_a_run_after_held_out_inputs_were_seen(
    course: CourseDirectory,
    quick_settings: Settings,
    right_notebook: Callable[..., Any],
    hand_in: Callable[..., Path],
    end: str,
) -> None:
    """At the weakest level a hand-in can leave word for its next run, and end its sandbox."""
    word = Path(tempfile.gettempdir()) / f"word-{uuid4()}"
    function = f"    open({str(word)!r}, 'w').write('seen')\n    import os\n{end}"
    answers = {"sgd_step": f"import numpy as np\n{RIGHT_IN_PUBLIC}{function}"}
    notebook = without_calls_of("sgd_step", right_notebook("ps01-sgd", answers))
    look = f"import os\nprint('it was', 'seen' if os.path.exists({str(word)!r}) else 'new')"
    cell = {"cell_type": "code", "metadata": {}, "source": look, "outputs": []}
    notebook["cells"].insert(0, cell)
    handed_in = Handin("a", hand_in(notebook))
    try:
        with Session(
            course.assignment("ps01-sgd"), replace(quick_settings, isolation="limits")
        ) as opened:
            result = opened.grade(handed_in).result
        assert word.exists()
    finally:
        word.unlink(missing_ok=True)
    assert result.status is Status.CRASHED
    assert "sgd_step" in lost(result)  # and all others, if it ended its sandbox
    assert [c.output.text for c in result.cells if "it was" in c.output.text] == ["it was new\n"]
