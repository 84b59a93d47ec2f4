"""What a hand-in uses is limited as a whole, and how it ended is told from how it was ended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Result, Status
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import LEVELS, Surroundings
from autograder.sandbox.pool import SandboxError, WorkerExit, open_pool
from autograder.sandbox.wire import ChannelClosed

HOARDERS = """
import os, time
for _ in range(7):
    if os.fork() == 0:
        taken = b"1" * (1536 << 20)
        time.sleep(60)
"""
SPINNERS = "import os\nos.fork()\nwhile True: pass"
FRAMES = """
import os
from autograder.sandbox.wire import packed
while True: os.write(3, packed({"text": "x"}, [bytes(3 << 20)]))
"""


Grade = Callable[[str], Result]
HandIn = Callable[[str], Path]


@pytest.fixture(scope="module")
def settings(quick_settings: Settings) -> Settings:
    """Cells may take as long as it takes to fill memory on a busy machine."""
    return replace(quick_settings, time=TimeLimits(cell=120, call=2, notebook=200))


@pytest.fixture(scope="module")
def session(course: CourseDirectory, settings: Settings) -> Iterator[Session]:
    """A session whose hand-ins may compute for as long as usual."""
    with Session(course.assignment("ps01-sgd"), settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def hurried(course: CourseDirectory, settings: Settings) -> Iterator[Session]:
    """A session whose hand-ins may compute for two seconds; to fill memory can take longer."""
    with Session(
        course.assignment("ps01-sgd"), replace(settings, limits=Limits(cpu_seconds=2))
    ) as opened:
        yield opened


@pytest.fixture
def handed_in(right_notebook: Callable[..., Any], hand_in: Callable[..., Path]) -> HandIn:
    """Hands in the right answers with a cell of the given code at the end."""

    def write(code: str) -> Path:
        notebook = right_notebook("ps01-sgd")
        cell = {"cell_type": "code", "metadata": {}, "source": code, "outputs": []}
        notebook["cells"].append(cell)
        return hand_in(notebook)

    return write


@pytest.fixture
def grade(session: Session, handed_in: HandIn) -> Grade:
    """Grades the right answers with a cell of the given code at the end."""
    return lambda code: session.grade(Handin("a", handed_in(code))).result


def test_memory_of_all_processes_together_is_limited(grade: Grade) -> None:
    if not _level_works("full"):
        pytest.skip("what all processes take together is promised by full only")
    result = grade(HOARDERS + "taken = b'1' * (1536 << 20)\ntime.sleep(60)")
    assert result.status is Status.OUT_OF_MEMORY, result.detail
    assert "together took more memory" in result.detail
    assert result.score == result.max_score


def test_hoarders_in_the_background_end_the_notebook_too(
    grade: Grade,
) -> None:
    result = grade(HOARDERS + "time.sleep(100)")
    assert result.status is Status.OUT_OF_MEMORY, result.detail


def test_cpu_time_of_all_processes_together_is_limited(hurried: Session, handed_in: HandIn) -> None:
    result = hurried.grade(Handin("a", handed_in(SPINNERS))).result
    assert result.status is Status.TIMEOUT, result.detail
    assert "computed for longer than allowed" in result.detail


def test_messages_are_limited_in_all(grade: Grade) -> None:
    result = grade(FRAMES)
    assert result.status is Status.CRASHED
    assert "more data than" in result.detail


def test_text_is_limited_in_bytes(grade: Grade) -> None:
    result = grade("print('\\N{EURO SIGN}' * 100_000 + '\\ud800')")
    shown = max((cell.output.text for cell in result.cells), key=len)
    assert 20_000 < len(shown.encode("utf-8")) <= 25_000


def test_exit_status_137_is_no_signal_9(grade: Grade) -> None:
    result = grade("import os; os._exit(137)")
    assert result.status is Status.CRASHED
    assert "exit status 137" in result.detail


def _level_works(level: str) -> bool:
    try:
        open_pool(level, Surroundings(Limits()))[0].close()
    except SandboxError:
        return False
    return True


def _end(level: str, limits: Limits, code: str) -> WorkerExit:
    try:
        pool, _ = open_pool(level, Surroundings(limits))
    except SandboxError as error:
        pytest.skip(str(error))
    with pool, pool.worker() as worker:
        worker.channel.send({"run": code})
        try:
            worker.channel.receive(time.monotonic() + 100)
        except ChannelClosed:
            return worker.end(patience=2)
        return worker.end()


@pytest.mark.parametrize("level", [level.name for level in LEVELS])
def test_exit_status_is_told_from_a_signal_at_every_level(level: str) -> None:
    end = _end(level, Limits(), "import os; os._exit(137)")
    assert (end.status, end.signal, end.overuse) == (137, None, None)


@pytest.mark.parametrize("level", ["bubblewrap", "limits"])
def test_signal_is_told_where_a_process_may_kill_itself(level: str) -> None:
    end = _end(level, Limits(), "import os; os.kill(os.getpid(), 9)")
    assert (end.status, end.signal, end.overuse) == (None, 9, None)


def test_what_processes_share_with_the_zygote_counts_once() -> None:
    fork = "import os, time\nfor _ in range(7):\n    if os.fork() == 0: "
    held = f"{fork}time.sleep(60)\ntime.sleep(1)"
    hoard = f"{fork}x = b'1' * (60 << 20); time.sleep(60)\ntime.sleep(100)"
    limits = Limits(memory=300 << 20)
    assert _end("auto", limits, held).overuse is None
    assert _end("auto", limits, hoard).overuse == "memory"


def test_all_threads_but_the_first_give_way_to_other_hand_ins() -> None:
    code = """
    import os, threading, time
    def given_way():
        while os.getpriority(os.PRIO_PROCESS, 0) < 15: time.sleep(0.01)
    threads = [threading.Thread(target=given_way) for _ in range(2)]
    for thread in threads: thread.start()
    if os.fork() == 0:
        given_way()
        os._exit(7)
    for thread in threads: thread.join()
    status = os.waitstatus_to_exitcode(os.wait()[1])
    print(status, os.getpriority(os.PRIO_PROCESS, 0))
    """
    pool, _ = open_pool("auto", Surroundings(Limits()))
    with pool, pool.worker() as worker:
        worker.channel.send({"run": dedent(code)})
        answer, _ = worker.channel.receive(time.monotonic() + 200)
    assert answer["text"] == f"7 {os.getpriority(os.PRIO_PROCESS, 0)}\n"
