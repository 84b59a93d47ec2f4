"""The gradebook on a PostgreSQL server: the same as in a file, whatever happens to the server."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from nbgrader.api import Gradebook, Student
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from autograder.course.directory import LONGEST_NAME, CourseDirectory
from autograder.course.errors import UserError
from autograder.grading.batch import grade_class
from autograder.grading.sample import sample_class
from autograder.grading.settings import Settings
from autograder.release.build import release
from autograder.release.making import notebook_text
from autograder.release.nbgrader_settings import put_environment_on_path
from autograder.results import gradebook
from autograder.results.gradebook import knows, save
from autograder.results.policies import FILE as POLICIES
from autograder.results.result import Result, Status

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
PS = "ps01-sgd"
PASSWORD = "never-show-this"


class Server:
    """A PostgreSQL server of the test's own: on the loopback device, its data in a folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs = programs
        self.data = folder / "data"
        # PostgreSQL refuses to run as root
        self.user: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            self.user.update(user="nobody", group="nogroup", extra_groups=())
            shutil.chown(folder, "nobody", "nogroup")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [
                programs / "initdb", "-D", self.data, "-U", "grader", "--no-sync",
                "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self.user,
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                self.programs / "postgres", "-D", self.data, "-p", str(self.port), "-F",
                "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.user,
        )  # fmt: skip
        for _ in range(100):
            try:
                psycopg.connect(self.address("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        pytest.fail("the PostgreSQL server did not start")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT breaks all connections, SIGQUIT is like a power failure."""
        self.process.send_signal(how)
        self.process.wait(20)

    def address(self, database: str) -> str:
        return f"postgresql://grader:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """Make a database, the copy of another; return its URL for SQLAlchemy."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            name = f"course{connection.info.backend_pid}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name).replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A running server; skips with the reason where there is none to be run."""
    programs = [Path(found).parent for found in [shutil.which("initdb")] if found]
    programs += sorted(file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed: sudo apt-get install postgresql")
    with tempfile.TemporaryDirectory() as folder:  # pytest's are closed to other users
        running = Server(programs[-1], Path(folder))
        yield running
        running.stop()


@pytest.fixture(scope="module")
def quick(quick_settings: Settings) -> Settings:
    return replace(quick_settings, isolation="auto")


@pytest.fixture(scope="module")
def on_file(tmp_path_factory: pytest.TempPathFactory, quick: Settings) -> CourseDirectory:
    """A small class, released and graded with the gradebook in a file."""
    course = CourseDirectory.at(tmp_path_factory.mktemp("file"))
    release(course.assignment(PS))
    hand_in(course)
    grade_class(course.assignment(PS), quick)
    return course


def hand_in(course: CourseDirectory) -> None:
    for student, notebook in sample_class(course.assignment(PS)).items():
        if student in ("ada", "chen", "dana", "hana"):
            path = course.assignment(PS).submitted(student)
            path.parent.mkdir(parents=True)
            path.write_text(notebook_text(notebook), encoding="utf-8")
    broken = course.assignment(PS).submitted("igor")
    broken.parent.mkdir(parents=True)
    broken.write_text("{ broken")
    (broken.parent / "timestamp.txt").write_text("2030-02-02 15:58:23 Europe/Berlin")


@pytest.fixture(scope="module")
def released(
    on_file: CourseDirectory, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> CourseDirectory:
    """The same class, released but not graded, with the gradebook on the server."""
    course = CourseDirectory.at(tmp_path_factory.mktemp("server"), server.new_database())
    shutil.copytree(on_file.root / "submitted", course.root / "submitted")
    release(course.assignment(PS))
    return course


@pytest.fixture
def on_server(released: CourseDirectory, server: Server, tmp_path: Path) -> CourseDirectory:
    """A copy of that course directory and of its gradebook."""
    shutil.copytree(released.root, tmp_path / "course")
    template = released.database_url.rpartition("/")[2]
    return CourseDirectory.at(tmp_path / "course", server.new_database(template))


def content(course: CourseDirectory) -> dict[str, Any]:
    """All that nbgrader reads of the submissions, but for the row ids."""
    with Gradebook(course.database_url) as book:
        return {
            entry.student.id: {
                "score": (entry.score, entry.max_score, entry.needs_manual_grade),
                "timestamp": entry.timestamp,
                "grades": {
                    grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                    for grade in entry.notebooks[0].grades
                },
                "comments": {c.name: c.auto_comment for c in entry.notebooks[0].comments},
            }
            for entry in book.assignment_submissions(PS)
        }


def grades(course: CourseDirectory) -> list[dict[str, str]]:
    with (course.assignment(PS).reports / "grades.csv").open(
        newline="", encoding="utf-8-sig"
    ) as file:
        return list(csv.DictReader(file))


def test_server_and_file_hold_the_same(
    on_file: CourseDirectory, on_server: CourseDirectory, quick: Settings
) -> None:
    grade_class(on_server.assignment(PS), quick)
    assert content(on_server) == content(on_file)
    assert len({str(entry) for entry in content(on_server).values()}) == 5  # all are different
    assert grades(on_server) == grades(on_file)
    assert not on_server.gradebook.exists()


@pytest.mark.slow
def test_graded_class_is_entered_in_another_gradebook(
    on_file: CourseDirectory, server: Server, tmp_path: Path, quick: Settings
) -> None:
    shutil.copytree(on_file.root, tmp_path / "course")
    course = CourseDirectory.at(tmp_path / "course", server.new_database())
    assert not knows(course.assignment(PS))
    release(course.assignment(PS))
    assert grade_class(course.assignment(PS), quick).graded == 0
    assert content(course) == content(on_file)


@pytest.mark.slow
def test_manual_grade_is_kept(on_server: CourseDirectory, quick: Settings) -> None:
    grade_class(on_server.assignment(PS), quick)
    with Gradebook(on_server.database_url) as book:
        grade = book.find_grade("check-sgd_step", PS, PS, "dana")
        grade.manual_score, grade.needs_manual_grade = 2.5, False
        book.db.commit()
    again = grade_class(on_server.assignment(PS), quick, everything=True)
    assert content(on_server)["dana"]["grades"]["check-sgd_step"][1] == 2.5
    assert again.rows["dana"].score == content(on_server)["dana"]["score"][0]
    # and so are a due date and an extension, which a server keeps in its own way
    dates = f'[problem_set.{PS}]\ndue = "2030-01-01 12:00 UTC"\n[[extension]]\n'
    (on_server.root / POLICIES).write_text(f'{dates}student = "dana"\nby = "1 day 2 hours"\n')
    time = on_server.assignment(PS).submitted("dana").with_name("timestamp.txt")
    time.write_text("2030-01-02 15:00:00 UTC")
    for _ in range(2):
        row = grade_class(on_server.assignment(PS), quick).rows["dana"]
        assert row.late is not None
        assert (row.late.extension, row.late.seconds) == (26 * 3600, 3600)
    with Gradebook(on_server.database_url) as book:
        assert book.find_submission(PS, "dana").extension == timedelta(hours=26)
        assert book.find_submission(PS, "dana").total_seconds_late == 3600


@pytest.mark.slow
def test_commands_take_the_server_and_never_tell_its_password(
    on_file: CourseDirectory, server: Server, tmp_path: Path
) -> None:
    url = server.new_database()
    root = tmp_path / "course"
    shutil.copytree(on_file.root / "submitted" / "hana", root / "submitted" / "hana")
    environment = {**os.environ, "AUTOGRADER_DB_URL": url}
    told = run("autograder", "grade", PS, "--course-dir", root, "--db-url", url)
    told += run("autograder", "release", PS, "--course-dir", root, environment=environment)
    told += run("autograder", "grade", PS, "--course-dir", root, environment=environment)
    assert PASSWORD not in told
    assert f"gradebook  postgresql+psycopg://grader:***@127.0.0.1:{server.port}/" in told
    assert "up to date" in told
    told = run("nbgrader", "autograde", PS, "--force", folder=root, environment=environment)
    told += run("nbgrader", "export", "--to", "out.csv", folder=root, environment=environment)
    assert PASSWORD not in told
    assert "hana" in (root / "out.csv").read_text()
    assert not (root / "gradebook.db").exists()
    with Gradebook(url) as book:
        assert book.find_submission(PS, "hana").score == 0


def run(
    program: str,
    *arguments: str | Path,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> str:
    done = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- what goes wrong -----------------------------------------------------------------------------


@contextmanager
def when_entering(what: Any) -> Iterator[None]:
    """Do something just before the first grade is written."""
    done = []

    def before(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO grade ") and not done:
            done.append(statement)
            what()

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)
    assert done


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_server_that_stops_loses_nothing(
    on_file: CourseDirectory,
    on_server: CourseDirectory,
    server: Server,
    quick: Settings,
    how: signal.Signals,
) -> None:
    try:
        with when_entering(lambda: server.stop(how)), pytest.raises(UserError) as told:
            grade_class(on_server.assignment(PS), quick)
        assert PASSWORD not in str(told.value)
        assert "cannot be used: " in str(told.value)
        assert "\n" not in str(told.value)
        with pytest.raises(UserError, match="cannot be used: connection failed"):
            grade_class(on_server.assignment(PS), quick)
    finally:
        server.start()
    assert content(on_server) == {}
    assert grade_class(on_server.assignment(PS), quick).graded == 0
    assert content(on_server) == content(on_file)


def blank(student: str, score: int = 0) -> Result:
    return Result(student, Status.GRADED, "", score, 27, 0.1)


def test_gradebook_that_stays_locked_is_told(
    on_server: CourseDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "_PATIENCE", 0.2)
    with Gradebook(on_server.database_url) as book:
        book.db.execute(text("SELECT * FROM course FOR UPDATE"))
        with pytest.raises(UserError, match=r"was locked by another program for 0\.2 s"):
            save(on_server.assignment(PS), [blank("ada")])
    assert save(on_server.assignment(PS), [blank("ada")])["ada"].score == 0


def test_two_programs_may_enter_at_a_time(on_server: CourseDirectory) -> None:
    put_environment_on_path()
    with Gradebook(on_server.database_url) as book:
        book.add_assignment("ps02")
        book.add_notebook("ps02", "ps02")
    students = [f"s{number}" for number in range(300)]
    found: dict[str, set[str]] = {}

    def enter(problem_set: str) -> None:
        rows = save(on_server.assignment(problem_set), [blank(student) for student in students])
        found[problem_set] = set(rows)

    threads = [threading.Thread(target=enter, args=(name,)) for name in (PS, "ps02")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {PS: set(students), "ps02": set(students)}


@pytest.mark.slow
def test_a_name_that_is_too_long_stops_nobody_else(
    on_server: CourseDirectory, right_notebook: Callable[..., Any]
) -> None:
    longest, longer = "y" * LONGEST_NAME, "x" * (LONGEST_NAME + 1)
    for name in (longest, longer):
        path = on_server.assignment(PS).submitted(name)
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(right_notebook(PS)))
    settings = Settings(device="cpu", isolation="auto")
    result = grade_class(on_server.assignment(PS), settings, students=[longest])
    assert {name: row.score for name, row in result.rows.items()} == {longest: 27}
    assert list(result.run.skipped) == [
        f"'{longer}' (the name has more than the 128 characters of a gradebook; rename it)"
    ]
    on_file = CourseDirectory.at(on_server.root)
    assert {longest, longer} < set(on_file.assignment(PS).students())
    assert on_file.assignment(PS).skipped() == []


def test_longest_name_is_that_of_nbgraders_tables() -> None:
    assert Student.__table__.c.id.type.length == LONGEST_NAME


def test_name_that_is_too_long_is_told(on_server: CourseDirectory) -> None:
    with pytest.raises(UserError, match=r"submitted/xxx.* is longer than the 128 characters"):
        save(on_server.assignment(PS), [blank("x" * 129)])


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nonsense", "is not one of a database"),
        ("postgresql://u:never-show-this@h:port/db", "is not one of a database"),
        ("sqlite://", "is not one of a database"),
        ("postgres://u:never-show-this@127.0.0.1:1/db", "Can't load plugin"),
        ("mysql://u:never-show-this@127.0.0.1:1/db", "No module named"),
        ("postgresql://u:never-show-this@127.0.0.1:1/db", "Connection refused"),
        ("postgresql://u@127.0.0.1:1/db?password=never-show-this", "Connection refused"),
    ],
)
def test_url_that_cannot_be_used_is_told_without_its_password(
    tmp_path: Path, url: str, told: str
) -> None:
    with pytest.raises(UserError, match=told) as raised:
        release(CourseDirectory.at(tmp_path, url).assignment(PS))
    assert PASSWORD not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert PASSWORD not in repr(raised.value.__context__)
    assert not (tmp_path / "release").exists()


@pytest.mark.slow
def test_course_directory_never_shows_a_password(tmp_path: Path) -> None:
    course = CourseDirectory.at(
        tmp_path, f"postgresql+psycopg://u:{PASSWORD}@h/db?sslpassword=hidden"
    )
    shown = f"{course!r} {course.gradebook_name} {course.options}"
    assert PASSWORD not in shown
    assert "hidden" not in shown
    assert "--db-url postgresql+psycopg://u:***@h/db" in shown
