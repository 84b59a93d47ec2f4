"""Killed, told to stop, or out of space at any moment: the same command brings the batch to the
end that it would have had, and until then nothing is half written and no process is left."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.course.directory import CourseDirectory
from autograder.definition import load_problem_set
from autograder.grading.sample import mistaken_answers
from autograder.release.build import release

PS = "ps01-sgd"
# the sources are as they were, also while someone is editing them
PROGRAM = """
from autograder.grading import batch, evaluations
from autograder.release import build
batch.of_grading = evaluations.of_grading = lambda name: "as they were"
build.is_released = lambda assignment: True
from autograder.cli import main
main()
"""
WHOLE = pytest.param(60, 20, marks=pytest.mark.long, id="60 hand-ins, 20 kills")
SHORT = pytest.param(12, 3, id="12 hand-ins, 3 kills")


def command(course: CourseDirectory, *options: str) -> list[str]:
    given = ["grade", PS, "--course-dir", str(course.root), "--isolation", "auto", *options]
    return [sys.executable, "-c", PROGRAM, *given]


def grade(course: CourseDirectory, *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(course, *options), capture_output=True, text=True, timeout=300)
    assert "Traceback" not in done.stderr
    return done


# --- classes -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course directory with the problem set released, and nothing handed in."""
    root = tmp_path_factory.mktemp("released")
    release(CourseDirectory.at(root).assignment(PS))
    return root


@pytest.fixture(scope="module")
def hand_in_class(right_notebook: Callable[..., Any]) -> Callable[[CourseDirectory, int], None]:
    """Puts hand-ins of every kind into a course: right, wrong, partial, damaged, failing."""
    mistakes = [mistaken_answers(load_problem_set(PS), number) for number in range(3)]
    stub = "def sgd_step(theta, grad, lr):\n    raise NotImplementedError\n"
    ends = "def sgd_step(theta, grad, lr):\n    __import__('os')._exit(3)\n"
    fails = "def sgd_step(theta, grad, lr):\n    raise ValueError('no')\n"

    def content(number: int) -> bytes:
        kind = number % 8
        answers = {
            1: {name: source for name, (_, source) in mistakes[number % 3].items()},
            2: {"sgd_step": stub},
            3: {"sgd_step": fails},
            4: {"sgd_step": ends},
        }.get(kind, {})
        notebook = right_notebook(PS, answers)
        notebook["cells"].append(
            {"cell_type": "code", "metadata": {}, "source": f"print({number})", "outputs": []}
        )
        for cell in notebook["cells"] if kind == 5 else ():
            if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("written"):
                cell["source"] = "An answer."
        data = json.dumps(notebook).encode()
        return {6: data[: len(data) // 2], 7: b"\xff\xfe nothing"}.get(kind, data)

    def hand_in(course: CourseDirectory, count: int) -> None:
        for number in range(count):
            path = course.assignment(PS).submitted(f"s{number:02}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(number))

    return hand_in


@pytest.fixture
def graded_once(
    released: Path, tmp_path: Path, hand_in_class: Callable[[CourseDirectory, int], None]
) -> Callable[[int], CourseDirectory]:
    """A course that was graded before, in part by hand, and since then handed in anew."""

    def make(count: int) -> CourseDirectory:
        course = CourseDirectory.at(tmp_path / "before")
        shutil.copytree(released, course.root)
        hand_in_class(course, count)
        for number in range(0, count, 3):  # a third had handed in something else, or nothing
            path = course.assignment(PS).submitted(f"s{number:02}")
            if number % 2:
                shutil.rmtree(path.parent)
            else:
                path.write_bytes(b"{}")
        assert grade(course, "--seed", "7").returncode == 0
        with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as db:
            db.execute(
                "update grade set manual_score = 2, needs_manual_grade = 0 where id in "
                "(select id from grade order by notebook_id, cell_id limit 40)"
            )
            db.commit()
        hand_in_class(course, count)
        shutil.rmtree(course.root / "evaluated")  # else the reference would never be at work
        return course

    return make


# --- what came out -------------------------------------------------------------------------------


def gradebook(course: CourseDirectory) -> dict[str, list[str]]:
    """All tables of the gradebook, with names in the place of the ids made while grading."""
    with contextlib.closing(sqlite3.connect(course.root / "gradebook.db")) as db:
        names: dict[str, str] = {}
        for key, student, assignment in db.execute(
            "select id, student_id, assignment_id from submitted_assignment"
        ):
            names[key] = f"{assignment} by {student}"
        for key, notebook, entry in db.execute(
            "select id, notebook_id, assignment_id from submitted_notebook"
        ):
            names[key] = f"notebook {notebook} of {names[entry]}"
        tables = [n for (n,) in db.execute("select name from sqlite_master where type = 'table'")]
        found = {}
        for table in tables:
            rows = db.execute(f"select * from {table}")
            columns = [column[0] for column in rows.description]
            made = table in ("grade", "comment")
            found[table] = sorted(
                str([names.get(v, v) for c, v in zip(columns, row, strict=True) if c != "id"])
                if made
                else str([names.get(v, v) for v in row])
                for row in rows
            )
        return found


def outcome(course: CourseDirectory) -> dict[str, Any]:
    """Everything that a batch writes, but for seconds."""
    files = {}
    for folder in ("autograded", "feedback", "reports"):
        for path in sorted((course.root / folder).rglob("*")):
            if path.is_file() and path.name != ".lock":
                files[str(path.relative_to(course.root))] = path.read_bytes()
    folder = f"reports/{PS}"
    seconds = rb'"seconds": [0-9.e-]+'
    files[f"{folder}/results.json"] = re.sub(seconds, b"", files[f"{folder}/results.json"])
    seconds = rb'<td class="number">[0-9]+\.[0-9]+</td></tr>'
    files[f"{folder}/report.html"] = re.sub(seconds, b"", files[f"{folder}/report.html"])
    return {**files, **gradebook(course)}


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert set(one) == set(other)
    assert [name for name in one if one[name] != other[name]] == []


# --- processes -----------------------------------------------------------------------------------


@pytest.fixture
def orphans() -> Iterator[Callable[[], list[str]]]:
    """Processes that lost their parent become this one's children: it tells which stay."""
    set_subreaper = 36
    libc = ctypes.CDLL(None)
    libc.prctl(set_subreaper, 1, 0, 0, 0)
    before = set(psutil.Process().children(recursive=True))

    def left() -> list[str]:
        end = time.monotonic() + 5
        while True:
            found = []
            for process in set(psutil.Process().children(recursive=True)) - before:
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.status() != psutil.STATUS_ZOMBIE:
                        found.append(" ".join(process.cmdline())[:200])
                    elif process.ppid() == os.getpid():
                        with contextlib.suppress(ChildProcessError):
                            os.waitpid(process.pid, os.WNOHANG)
            if not found or time.monotonic() > end:
                return found
            time.sleep(0.02)

    yield left
    libc.prctl(set_subreaper, 0, 0, 0, 0)


def start(course: CourseDirectory, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(course, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(process: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """Wait for a condition; False if the process ended before."""
    end = time.monotonic() + 120
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.0005)
    return True


def lines(course: CourseDirectory) -> int:
    try:
        return (course.assignment(PS).reports / "journal.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def is_alone(course: CourseDirectory) -> bool:
    """Whether one is graded alone that was being graded at a kill: a second one would blame it."""
    return any((course.assignment(PS).reports / "under-way").glob("*.alone"))


def is_at(course: CourseDirectory, phase: str, before: int, moment: float) -> Callable[[], bool]:
    """Whether a run is in a phase; ``moment`` from 0 to 1 says where in it."""
    folder = course.assignment(PS).reports
    began = time.monotonic()
    if phase == "start":
        return lambda: time.monotonic() - began > 4 * moment and not is_alone(course)
    if phase == "grading":
        return lambda: lines(course) - before > 1 + 8 * moment and not is_alone(course)
    if phase == "gradebook":
        return lambda: (course.root / "gradebook.db-journal").exists()
    names = (".grades.csv.new", ".report.html.new", ".results.json.new")
    return lambda: (folder / names[int(3 * moment)]).exists()


@pytest.mark.parametrize(("count", "kills"), [SHORT, WHOLE])
def test_killed_batch_comes_to_the_end_of_an_undisturbed_one(
    count: int,
    kills: int,
    graded_once: Callable[[int], CourseDirectory],
    orphans: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    before = graded_once(count)
    undisturbed = CourseDirectory.at(tmp_path / "undisturbed")
    shutil.copytree(before.root, undisturbed.root)
    assert grade(undisturbed, "--seed", "8").returncode == 0
    expected = outcome(undisturbed)
    rng = random.Random(count)
    phases = ["start", "grading", "grading", "gradebook", "reports"]
    done = rounds = 0
    while done < kills:
        rounds += 1
        assert rounds < 4 * kills
        course = CourseDirectory.at(tmp_path / f"round-{rounds}")
        shutil.copytree(before.root, course.root)
        ended = False
        while not ended and done < kills:
            phase, moment = phases[done % len(phases)], rng.random()
            process = start(course, "--seed", "8")
            if wait_until(process, is_at(course, phase, lines(course), moment)):
                if phase in ("gradebook", "reports"):
                    time.sleep(0.02 * rng.random())
                if rng.random() < 0.5:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            process.communicate()
            assert orphans() == []
            ended = process.returncode == 0
            done += not ended
        last = grade(course, "--seed", "8")
        assert last.returncode == 0, last.stderr
        assert_same(outcome(course), expected)
        shutil.rmtree(course.root)


# --- signals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_told_to_stop_it_enters_what_is_done_and_goes_on_later(
    number: signal.Signals,
    released: Path,
    tmp_path: Path,
    right_notebook: Callable[..., Any],
    orphans: Callable[[], list[str]],
) -> None:
    course = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(released, course.root)
    loop = "def sgd_step(theta, grad, lr):\n    while True:\n        pass\n"
    for name in ("ada", "bob", "cem", "dov", "eva"):
        path = course.assignment(PS).submitted(name)
        path.parent.mkdir(parents=True)
        answers = {} if name == "ada" else {"sgd_step": loop}
        path.write_text(json.dumps(right_notebook(PS, answers)))
    process = start(course, "--seed", "8", "--workers", "2")
    assert wait_until(process, lambda: lines(course) > 1)
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == 128 + number
    assert "1 of 5 hand-ins are graded" in told  # it waits for none of the endless loops
    assert "--resume" in told
    assert "Traceback" not in told
    assert orphans() == []
    tree = json.loads(course.assignment(PS).results.read_text())
    assert [entry["student"] for entry in tree["submissions"]] == ["ada"]
    assert tree["not_graded"] == ["bob", "cem", "dov", "eva"]
    assert "ada" in (course.assignment(PS).reports / "grades.csv").read_text()
    for name in ("bob", "cem", "dov", "eva"):
        course.assignment(PS).submitted(name).write_text("{}")
    done = grade(course, "--resume")
    assert done.returncode == 0
    assert "4 graded, 1 unchanged" in done.stdout
    assert json.loads(course.assignment(PS).results.read_text())["seed"] == "8"
    assert "nothing to resume" in grade(course, "--resume").stderr


# --- disks ---------------------------------------------------------------------------------------

IN_A_NAMESPACE = """
set -e
mount -t tmpfs -o size=64m tmpfs "$1"
cp -a "$2/." "$1"
{before}
status=0
"${{@:4}}" || status=$?
{after}
"${{@:4}}" > /dev/null
cp -a "$1/." "$3"
exit $status
"""
FULL = (
    'free=$(df --output=avail -k "$1" | tail -1)\n'
    'head -c $(((free - {left}) * 1024)) /dev/zero > "$1/filler"',
    'rm "$1/filler"',
)
READ_ONLY = ('mount -o remount,ro "$1"', 'mount -o remount,rw "$1"')


def in_a_namespace(
    course: CourseDirectory, scratch: Path, before: str, after: str
) -> subprocess.CompletedProcess[str]:
    """Grade on a small disk of its own, twice; what came out replaces the course directory."""
    mounted, result = scratch / "mounted", scratch / "result"
    mounted.mkdir()
    result.mkdir()
    script = IN_A_NAMESPACE.format(before=before, after=after)
    given = command(CourseDirectory.at(mounted), "--seed", "8")
    given[given.index("auto")] = "limits"  # these hand-ins can be trusted; namespaces nest badly
    folders = [str(mounted), str(course.root), str(result)]
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, "-", *folders, *given],
        capture_output=True,
        text=True,
        timeout=300,
    )
    shutil.rmtree(course.root)
    result.rename(course.root)
    return done


def no_namespaces() -> bool:
    try:
        tried = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"])
    except FileNotFoundError:
        return True
    return tried.returncode != 0


@pytest.fixture
def small_class(
    released: Path, tmp_path: Path, hand_in_class: Callable[[CourseDirectory, int], None]
) -> CourseDirectory:
    if no_namespaces():
        pytest.skip("a disk of one's own needs user namespaces, which are not allowed here")
    course = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(released, course.root)
    hand_in_class(course, 12)
    return course


def kilobytes_written(course: CourseDirectory) -> int:
    """What a disk needs for the files of a batch, but for the journal and the gradebook."""
    folders = (course.root / name for name in ("autograded", "feedback", "reports"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(4 * -(-path.stat().st_size // 4096) for path in files)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0, 0.3, 1, pytest.param(1.05, marks=pytest.mark.long)])
def test_full_disk_is_told_in_one_line_and_costs_nothing(
    share: float, small_class: CourseDirectory, tmp_path: Path
) -> None:
    undisturbed = CourseDirectory.at(tmp_path / "undisturbed")
    shutil.copytree(small_class.root, undisturbed.root)
    done = grade(undisturbed, "--seed", "8", "--isolation", "limits")
    assert done.returncode == 0, done.stderr
    shutil.copytree(undisturbed.root / "evaluated", small_class.root / "evaluated")
    left = int(share * kilobytes_written(undisturbed))
    before, after = FULL
    done = in_a_namespace(small_class, tmp_path, before.format(left=left), after)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("autograder: ")
    assert re.search(r"cannot write /.*: no space left on device|disk is full", done.stderr)
    assert "run the same command again" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert_same(outcome(small_class), outcome(undisturbed))


def test_read_only_course_is_told_in_one_line(small_class: CourseDirectory, tmp_path: Path) -> None:
    done = in_a_namespace(small_class, tmp_path, *READ_ONLY)
    assert done.returncode == 1
    assert re.fullmatch(
        r"autograder: cannot write .*: read-only file system; make it writable and run the same "
        r"command again: no grading is lost\n",
        done.stderr,
    )
    assert small_class.assignment(PS).results.exists()
