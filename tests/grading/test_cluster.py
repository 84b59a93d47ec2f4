"""A Dask cluster grades as this machine does, whatever becomes of its workers and its scheduler."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from autograder.bench.cluster import LoopbackCluster, speedup
from autograder.cli import app
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.grading import cluster as cluster_module
from autograder.grading.batch import grade_class
from autograder.grading.executor import Graded
from autograder.grading.handin import Handin
from autograder.grading.preflight import preflight
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Result, Status

PS = "ps01-sgd"
HEAD = "def sgd_step(theta, grad, lr):\n    "
SLOW = {"cell_type": "code", "metadata": {}, "source": "import time; time.sleep(0.2)"}

Notebooks = dict[str, bytes]


@pytest.fixture(scope="module")
def notebooks(right_notebook: Callable[..., Any]) -> Notebooks:
    """A small class, by student."""
    bodies = {
        "right": "return theta - lr * grad",
        "wrong": "return theta + lr * grad",
        "unanswered": "raise NotImplementedError('sgd_step')",
        "failing": "return theta - nowhere * grad",
        "crashing": "import os; os.abort()",
        "looping": "while True: pass",
    }
    found = {
        student: json.dumps(right_notebook(PS, {"sgd_step": HEAD + body})).encode()
        for student, body in bodies.items()
    }
    found |= {f"same {number}": found["wrong"] for number in range(4)}
    return found | {"cut": found["right"][:5000], "=1+1": found["right"]}


@pytest.fixture(scope="module")
def slow_notebooks(right_notebook: Callable[..., Any]) -> Notebooks:
    """A class that takes a while to grade."""
    notebook = right_notebook(PS)
    notebook["cells"].insert(0, SLOW)
    return {f"student {n}": json.dumps(notebook).encode() for n in range(10)}


@pytest.fixture
def klass(
    ps01: Session, tmp_path: Path
) -> Callable[[Notebooks], tuple[CourseDirectory, list[Handin]]]:
    """Hands notebooks in, in a course directory of one's own; the reference is evaluated."""

    def make(notebooks: Notebooks) -> tuple[CourseDirectory, list[Handin]]:
        assert ps01.evaluation
        made = CourseDirectory.at(tmp_path / "course")
        for folder in ("source", "release", "evaluated"):
            shutil.copytree(ps01.assignment.root / folder, made.root / folder)
        shutil.copy(ps01.assignment.directory.gradebook, made.gradebook)
        for student, data in notebooks.items():
            path = made.assignment(PS).submitted(student)
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
        return made, [
            Handin(student, made.assignment(PS).submitted(student)) for student in notebooks
        ]

    return make


@pytest.fixture(scope="module")
def scheduler() -> Iterator[LoopbackCluster]:
    """A scheduler that most tests here use in turn, each with its own workers."""
    with LoopbackCluster() as opened:
        yield opened


@pytest.fixture
def cluster(scheduler: LoopbackCluster) -> Iterator[LoopbackCluster]:
    """The scheduler; the workers of a test are gone when the next one starts."""
    yield scheduler
    for worker in scheduler.workers:
        scheduler.end(worker)  # one that is killed with its nanny leaves semaphores behind
    scheduler.wait_for_workers(0)
    scheduler.workers.clear()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for what does not come."""
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 10)
    monkeypatch.setattr(cluster_module, "_TICK", 0.5)


def graded(session: Session, handins: list[Handin]) -> dict[str, Graded]:
    """What the session makes of them, without how long it took."""
    found = {}
    for each in session.grade_all(handins):
        assert each.result.student not in found
        plain = replace(each.result, seconds=0.0)
        found[plain.student] = replace(each, result=plain)
    return found


def test_results_are_those_of_this_machine_and_the_sandboxes_go_with_the_session(
    cluster: LoopbackCluster,
    klass: Callable[..., Any],
    notebooks: Notebooks,
    quick_settings: Settings,
) -> None:
    workers = [cluster.add_worker("--nthreads", "2", "--no-nanny"), cluster.add_worker()]
    course, handins = klass(notebooks)
    settings = replace(quick_settings, time=TimeLimits(cell=3, call=1, notebook=20))
    with Session(course.assignment(PS), settings) as session:
        here = graded(session, handins)
    cluster.wait_for_workers(2)
    settings = replace(settings, scheduler=cluster.address)
    with Session(course.assignment(PS), settings) as session:
        there = graded(session, handins)
        assert zygotes(workers)
        assert session.grade(handins[0]).result.score == here["right"].result.score
    assert there == here
    assert {each.result.status for each in there.values()} == {
        *(Status.GRADED, Status.PARTIAL, Status.ERROR, Status.CRASHED, Status.TIMEOUT),
        Status.DAMAGED,
    }
    wait_until(lambda: not zygotes(workers), 10)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def zygotes(workers: list[subprocess.Popen[bytes]]) -> list[psutil.Process]:
    """The sandboxes' processes below these."""
    found = []
    for worker in workers:
        for process in psutil.Process(worker.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any("autograder.sandbox.zygote" in word for word in process.cmdline()):
                    found.append(process)
    return found


@pytest.mark.slow
def test_worker_killed_in_the_middle_loses_nothing(
    cluster: LoopbackCluster,
    klass: Callable[..., Any],
    slow_notebooks: Notebooks,
    quick_settings: Settings,
) -> None:
    first, _ = cluster.add_worker("--no-nanny"), cluster.add_worker("--no-nanny")
    cluster.wait_for_workers(2)
    course, _ = klass(slow_notebooks)
    settings = replace(quick_settings, scheduler=cluster.address)

    def kill(done: int, total: int, result: Result) -> None:
        if done == 2:
            cluster.kill(first)

    result = grade_class(course.assignment(PS), settings, progress=kill)
    assert {s.student: s.score for s in result.run.results} == dict.fromkeys(slow_notebooks, 27)
    assert result.graded == len(slow_notebooks)


@pytest.mark.slow
def test_the_only_worker_killed_and_another_one_joining_loses_nothing(
    cluster: LoopbackCluster,
    klass: Callable[..., Any],
    slow_notebooks: Notebooks,
    quick_settings: Settings,
) -> None:
    first = cluster.add_worker("--no-nanny")
    course, _ = klass(slow_notebooks)
    settings = replace(quick_settings, scheduler=cluster.address)

    def replace_worker(done: int, total: int, result: Result) -> None:
        if done == 2:
            cluster.kill(first)
            cluster.add_worker("--no-nanny")

    result = grade_class(course.assignment(PS), settings, progress=replace_worker)
    assert {s.student: s.score for s in result.run.results} == dict.fromkeys(slow_notebooks, 27)


@pytest.mark.slow
def test_all_workers_lost_is_told_and_can_be_gone_on_from(
    cluster: LoopbackCluster,
    klass: Callable[..., Any],
    slow_notebooks: Notebooks,
    quick_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only = cluster.add_worker("--no-nanny")
    course, _ = klass(slow_notebooks)
    settings = replace(quick_settings, scheduler=cluster.address)

    def kill(done: int, total: int, result: Result) -> None:
        if done == 3:
            cluster.kill(only)
            monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 1)

    with pytest.raises(UserError, match=r"no worker is left at tcp://.*run the same command again"):
        grade_class(course.assignment(PS), settings, progress=kill)
    result = grade_class(course.assignment(PS), quick_settings)
    assert 0 < result.graded <= len(slow_notebooks) - 3
    assert {s.student: s.score for s in result.run.results} == dict.fromkeys(slow_notebooks, 27)


@pytest.mark.slow
def test_scheduler_lost_is_told_and_can_be_gone_on_from(
    klass: Callable[..., Any], slow_notebooks: Notebooks, quick_settings: Settings
) -> None:
    course, _ = klass(slow_notebooks)
    with LoopbackCluster() as cluster:
        cluster.add_worker("--no-nanny")

        def kill(done: int, total: int, result: Result) -> None:
            if done == 3:
                cluster.kill(cluster.scheduler)

        with pytest.raises(UserError, match=r"the scheduler at tcp://.* was lost"):
            settings = replace(quick_settings, scheduler=cluster.address)
            grade_class(course.assignment(PS), settings, progress=kill)
    result = grade_class(course.assignment(PS), quick_settings)
    assert 0 < result.graded <= len(slow_notebooks) - 3
    assert {s.student: s.score for s in result.run.results} == dict.fromkeys(slow_notebooks, 27)


DEADLY = """
    import os
    from autograder.grading.grader import Grader

    grade = getattr(Grader, "unharmed", Grader.grade)  # this is loaded twice
    Grader.unharmed = grade

    def die_of_it(self, student, *arguments):
        if student == "deadly":
            os._exit(1)
        return grade(self, student, *arguments)

    Grader.grade = die_of_it
"""


def test_hand_in_that_kills_workers_has_a_status_and_stops_nobody(
    klass: Callable[..., Any], notebooks: Notebooks, quick_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "deadly.py").write_text(textwrap.dedent(DEADLY))
    course, handins = klass(dict.fromkeys(("deadly", *"abcdefgh"), notebooks["right"]))
    with LoopbackCluster({"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}) as cluster:
        cluster.add_worker("--preload", str(tmp_path / "deadly.py"))
        cluster.add_worker("--preload", str(tmp_path / "deadly.py"))
        cluster.wait_for_workers(2)
        settings = replace(quick_settings, scheduler=cluster.address)
        with Session(course.assignment(PS), settings) as session:
            results = graded(session, handins)
    deadly = results.pop("deadly").result
    assert (deadly.status, deadly.score) == (Status.CRASHED, 0)
    assert "workers of the cluster died" in deadly.detail
    assert {name: each.result.score for name, each in results.items()} == dict.fromkeys(
        "abcdefgh", 27
    )


def test_no_scheduler_is_told(course: CourseDirectory, quick_settings: Settings) -> None:
    settings = replace(quick_settings, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(
        UserError, match=r"no Dask scheduler can be reached at tcp://127\.0\.0\.1:9"
    ):
        Session(course.assignment(PS), settings)


def test_cluster_without_workers_is_told(
    cluster: LoopbackCluster,
    course: CourseDirectory,
    quick_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_module, "WORKER_SECONDS", 1)
    with pytest.raises(UserError, match=r"no worker at tcp://.*; start some: dask worker tcp"):
        Session(course.assignment(PS), replace(quick_settings, scheduler=cluster.address))


OTHER_COMMIT = """
from autograder.grading import cluster
cluster.of_grader = lambda: "0123456789abcdef"
cluster.platform.python_version = lambda: "3.99.0"
"""


def test_workers_that_would_grade_otherwise_are_refused_by_name(
    cluster: LoopbackCluster, course: CourseDirectory, quick_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "other.py").write_text(OTHER_COMMIT)
    cluster.add_worker("--no-nanny", "--preload", str(tmp_path / "other.py"))
    with pytest.raises(UserError) as told:
        Session(course.assignment(PS), replace(quick_settings, scheduler=cluster.address))
    version = sys.version.split()[0]
    assert re.search(
        rf"the worker tcp://.* on .*Python 3\.99\.0 instead of {version}", str(told.value)
    )
    assert re.search(r"hash, 0123456789ab instead of [0-9a-f]{12}; install", str(told.value))
    assert "NumPy" not in str(told.value)  # which is the same


def test_scheduler_that_would_not_understand_is_refused(
    cluster: LoopbackCluster,
    course: CourseDirectory,
    quick_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_module, "of_grader", lambda: "0123456789abcdef")
    with pytest.raises(UserError, match=r"the scheduler tcp://.* instead of 0123456789ab;"):
        Session(course.assignment(PS), replace(quick_settings, scheduler=cluster.address))


@pytest.mark.slow
def test_worker_that_comes_late_and_would_grade_otherwise_ends_the_batch(
    cluster: LoopbackCluster,
    klass: Callable[..., Any],
    slow_notebooks: Notebooks,
    quick_settings: Settings,
    tmp_path: Path,
) -> None:
    (tmp_path / "other.py").write_text(OTHER_COMMIT)
    first = cluster.add_worker("--no-nanny")
    course, _ = klass(slow_notebooks)

    def replace_worker(done: int, total: int, result: Result) -> None:
        if done == 2:
            cluster.add_worker("--no-nanny", "--preload", str(tmp_path / "other.py"))
            cluster.wait_for_workers(2)
            cluster.kill(first)

    with pytest.raises(UserError, match=r"worker tcp://.* has .* 0123456789ab instead of"):
        settings = replace(quick_settings, scheduler=cluster.address)
        grade_class(course.assignment(PS), settings, progress=replace_worker)


@pytest.mark.slow
def test_workers_that_isolate_less_than_others_are_named(
    cluster: LoopbackCluster, course: CourseDirectory, quick_settings: Settings, tmp_path: Path
) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, so no worker is better than another")
    (tmp_path / "bare.py").write_text("import os\nos.environ['PATH'] = '/nowhere'\n")
    cluster.add_worker("--no-nanny")
    cluster.add_worker("--no-nanny", "--preload", str(tmp_path / "bare.py"))
    cluster.wait_for_workers(2)
    settings = replace(quick_settings, scheduler=cluster.address)
    with pytest.raises(UserError, match=r"do not isolate hand-ins alike.*bwrap.* is not installed"):
        Session(course.assignment(PS), settings)
    with pytest.raises(UserError, match=r"worker tcp://.*bwrap.* is not installed"):
        Session(course.assignment(PS), replace(settings, isolation="full"))


@pytest.mark.slow
def test_ctrl_c_enters_what_is_graded_and_leaves_no_sandbox(
    cluster: LoopbackCluster, klass: Callable[..., Any], slow_notebooks: Notebooks
) -> None:
    worker = cluster.add_worker("--no-nanny")
    course, _ = klass(slow_notebooks)
    program = Path(sys.executable).parent / "autograder"
    options = ["--course-dir", str(course.root), "--isolation", "auto"]
    coordinator = subprocess.Popen(
        [str(program), "grade", PS, *options, "--scheduler", cluster.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    journal = course.assignment(PS).reports / "journal.jsonl"
    wait_until(lambda: journal.exists() and len(journal.read_text().splitlines()) > 2, 120)
    coordinator.send_signal(signal.SIGINT)
    _, told = coordinator.communicate(timeout=60)
    assert coordinator.returncode == 130
    assert re.search(r"interrupted: \d+ of 10 hand-ins are graded, and these are in the", told), (
        told
    )
    assert "Traceback" not in told
    results = json.loads(course.assignment(PS).results.read_text())["submissions"]
    assert 0 < len(results) < len(slow_notebooks)
    assert {result["score"] for result in results} == {27}
    wait_until(lambda: not zygotes([worker]), 10)


@pytest.mark.slow
def test_a_problem_set_is_checked_on_a_cluster_as_here(
    cluster: LoopbackCluster, quick_settings: Settings, tmp_path: Path
) -> None:
    cluster.add_worker("--no-nanny")
    made = CourseDirectory(tmp_path / "scratch", make_course(tmp_path / "course"))
    assignment = made.assignment("ps01-sums")
    on_cluster = replace(quick_settings, scheduler=cluster.address, workers=None)
    (here,), (there,) = (
        preflight([assignment], settings) for settings in (quick_settings, on_cluster)
    )
    assert here.problems == ()
    assert there == here


@pytest.mark.long
def test_sandboxes_go_with_a_coordinator_that_is_killed(
    cluster: LoopbackCluster, klass: Callable[..., Any], slow_notebooks: Notebooks
) -> None:
    worker = cluster.add_worker("--no-nanny")
    course, _ = klass(slow_notebooks)
    program = Path(sys.executable).parent / "autograder"
    options = ["--course-dir", str(course.root), "--isolation", "auto"]
    coordinator = subprocess.Popen(
        [str(program), "grade", PS, *options, "--scheduler", cluster.address],
        stdout=subprocess.DEVNULL,
    )
    journal = course.assignment(PS).reports / "journal.jsonl"
    wait_until(lambda: journal.exists() and len(journal.read_text().splitlines()) > 2, 60)
    assert zygotes([worker])
    coordinator.kill()
    coordinator.wait()
    wait_until(lambda: not zygotes([worker]), 10)


@pytest.mark.long
def test_two_workers_are_faster_than_one(
    klass: Callable[..., Any], slow_notebooks: Notebooks, quick_settings: Settings
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("there is only one core here, which two workers would share")
    course, handins = klass(slow_notebooks)
    paths = [handin.path for handin in handins]
    found = speedup(course.assignment(PS), paths, settings=quick_settings, rounds=2)
    assert (found.handins, len(found.one), len(found.two)) == (len(paths), 2, 2)
    assert 1.2 < found.ratio < 2.5


def test_dask_is_not_loaded_unless_it_is_asked_for() -> None:
    code = (
        "import sys, autograder.cli, autograder.grading.batch; print('distributed' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--scheduler", "10.0.0.5:8786"], "is not like tcp://HOST:PORT"),
        (["--scheduler", "tcp://host"], "is not like tcp://HOST:PORT"),
        (["--scheduler", "tcp://host:1", "--workers", "2"], "the cluster says how many workers"),
    ],
)
def test_bad_options_are_told(options: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["grade", PS, *options])
    assert done.exit_code == 2
    assert told in done.output
