"""Every level of isolation that works here grades, stops a loop, and leaves nothing; and which
level is taken where a stronger one is not to be had."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.layout import PACKAGE
from autograder.results.result import Status
from autograder.sandbox import isolation
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import LEVELS, Level, Surroundings, level_named
from autograder.sandbox.pool import Pool, SandboxError, open_pool

LOOP = "def sgd_step(theta, grad, lr):\n    while True:\n        pass\n"
DAEMON = """import subprocess
import tempfile
subprocess.Popen(["sleep", "{seconds}"], start_new_session=True)
"""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(level.name, marks=[pytest.mark.slow] if level in LEVELS[1:-1] else [])
        for level in LEVELS
    ],
)
def level_session(
    request: pytest.FixtureRequest, course: CourseDirectory, quick_settings: Settings
) -> Iterator[Session]:
    """An open session of problem set 1 at each level that works on this machine."""
    from dataclasses import replace

    try:
        pool, _ = open_pool(request.param, Surroundings(Limits()))
    except SandboxError as error:
        pytest.skip(f"level {request.param} does not work here: {error}")
    pool.close()
    with Session(
        course.assignment("ps01-sgd"), replace(quick_settings, isolation=request.param)
    ) as session:
        assert session.executor.pool.level.name == request.param
        yield session


def test_right_answers_are_full_at_every_level(
    level_session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    result = level_session.grade(Handin("a", hand_in(right_notebook("ps01-sgd")))).result
    assert (result.status, result.score) == (Status.GRADED, result.max_score), result.detail


def test_endless_loop_ends_at_every_level_and_costs_only_its_points(
    level_session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    result = level_session.grade(
        Handin("a", hand_in(right_notebook("ps01-sgd", {"sgd_step": LOOP})))
    ).result
    assert (result.status, result.score) == (Status.TIMEOUT, result.max_score - 4), result.detail


def test_daemon_ends_with_its_hand_in_at_every_level(
    level_session: Session,
    right_notebook: Callable[..., Any],
    hand_in: Callable[..., Path],
) -> None:
    seconds = f"86{LEVELS.index(level_session.executor.pool.level)}99.25"
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].append(_code(DAEMON.format(seconds=seconds)))
    result = level_session.grade(Handin("a", hand_in(notebook))).result
    assert result.status is Status.GRADED, result.detail
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert ["sleep", seconds] not in commands


def test_folder_of_a_hand_in_is_gone_afterwards(
    level_session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].insert(0, _code("import os\nopen('left', 'w').close()\nos.getcwd()"))
    result = level_session.grade(Handin("a", hand_in(notebook))).result
    assert result.status is Status.GRADED, result.detail
    folder = Path(result.cells[0].output.text.strip().strip("'"))
    assert folder.name.startswith("work-")
    assert not folder.exists()


def test_secrets_are_hidden_where_there_are_namespaces_or_bubblewrap(
    level_session: Session,
    course: CourseDirectory,
    right_notebook: Callable[..., Any],
    hand_in: Callable[..., Path],
) -> None:
    if not (
        level_session.executor.pool.level.namespaces or level_session.executor.pool.level.bubblewrap
    ):
        pytest.skip("this level hides nothing, and says so")
    code = "import os\n" + "\n".join(
        f"print(os.path.isdir({str(folder)!r}) and os.listdir({str(folder)!r}))"
        for folder in (course.root, PACKAGE / "exercises", PACKAGE.parent)
    )
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].insert(0, _code(code))
    result = level_session.grade(Handin("a", hand_in(notebook))).result
    shown = result.cells[0].output.text
    assert shown.splitlines()[:2] in ([["False"] * 2, ["[]"] * 2, ["False", "[]"], ["[]", "False"]])
    assert "PROBLEM_SET" not in shown


def test_disk_of_this_machine_is_read_only_where_there_are_namespaces_or_bubblewrap(
    level_session: Session,
    tmp_path: Path,
    right_notebook: Callable[..., Any],
    hand_in: Callable[..., Path],
) -> None:
    if not (
        level_session.executor.pool.level.namespaces or level_session.executor.pool.level.bubblewrap
    ):
        pytest.skip("this level protects no file, and says so")
    target = Path(__file__).with_name("written-by-a-hand-in")
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].insert(
        0, _code(f"try: open({str(target)!r}, 'w')\nexcept OSError as e: print(type(e).__name__)")
    )
    result = level_session.grade(Handin("a", hand_in(notebook))).result
    assert not target.exists()
    assert "Error" in result.cells[0].output.text


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


def test_without_bubblewrap_the_next_level_is_taken_and_the_reason_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # others may be grading beside us
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    pool, reasons = open_pool("auto", Surroundings(Limits()))
    with pool:
        assert not pool.level.bubblewrap
        assert set(reasons) >= {"full", "bubblewrap"}
        assert "bubblewrap (bwrap) is not installed" in reasons["full"]
        assert pool.level.name in ("namespaces", "limits")
    assert not list(tmp_path.iterdir())


def test_asked_for_a_level_that_does_not_work_is_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    with pytest.raises(SandboxError, match=r"bubblewrap .bwrap. is not installed"):
        open_pool("full", Surroundings(Limits()))


def test_broken_bubblewrap_is_not_taken_for_working(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: no permission to create a namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(isolation.shutil, "which", lambda name: str(broken))
    with pytest.raises(SandboxError, match="no permission to create a namespace"):
        open_pool("full", Surroundings(Limits()))


def test_levels_are_named_once_and_explained() -> None:
    assert [level.name for level in LEVELS] == [
        "full",
        "unfiltered",
        "bubblewrap",
        "namespaces",
        "limits",
    ]
    assert all(level_named(level.name) is level and level.meaning for level in LEVELS)
    with pytest.raises(KeyError):
        level_named("none")


def test_dead_zygote_costs_no_hand_in_its_points(
    course: CourseDirectory,
    quick_settings: Settings,
    right_notebook: Callable[..., Any],
    hand_in: Callable[..., Path],
) -> None:
    slow = right_notebook("ps01-sgd")
    slow["cells"].insert(0, _code("import time; time.sleep(1)"))
    path = hand_in(slow)
    with Session(course.assignment("ps01-sgd"), quick_settings) as session:
        assert session.evaluation.spec.max_score > 0
        handins = [Handin(str(i), path) for i in range(4)]
        with ThreadPoolExecutor(1) as thread:
            results = thread.submit(lambda: list(session.grade_all(handins)))
            time.sleep(0.7)  # the first three are asleep in their first cell now
            (killed,) = session.executor.pool._zygotes.values()
            psutil.Process(killed._process.pid).children()[0].kill()
            scores = [(each.result.score, each.result.status) for each in results.result()]
        assert list(session.executor.pool._zygotes.values()) != [killed]
    assert scores == [(session.evaluation.spec.max_score, Status.GRADED)] * 4


def test_pool_of_each_level_ends_with_its_processes() -> None:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    for level in LEVELS:
        pool = _pool(level)
        if pool is not None:
            pool.close()
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before


def _pool(level: Level) -> Pool | None:
    try:
        return open_pool(level.name, Surroundings(Limits()))[0]
    except SandboxError:
        return None


def test_bubblewrap_is_here_if_the_machine_has_it() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    pool, reasons = open_pool("auto", Surroundings(Limits()))
    with pool:
        assert pool.level.bubblewrap, reasons
