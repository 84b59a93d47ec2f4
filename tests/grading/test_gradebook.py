"""The gradebook as nbgrader reads it, after all that programs and people may do to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook, get_alembic_version
from nbgrader.utils import parse_utc
from sqlalchemy import event
from sqlalchemy.engine import Engine

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.release.nbgrader_settings import put_environment_on_path
from autograder.results import gradebook
from autograder.results.gradebook import save
from autograder.results.result import ExerciseResult, Result, Status
from autograder.selfcheck.judge import CheckResult

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
PS = "ps01-sgd"
EXERCISES = {"step": 4, "rate": 3}
WRITTEN = "written-why"
STUDENTS = ["ada", "bob", "chen"]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course directory whose gradebook knows a small problem set, and other assignments."""
    root = tmp_path_factory.mktemp("released")
    put_environment_on_path()
    with Gradebook(CourseDirectory.at(root).database_url) as book:
        for assignment, notebooks in {PS: [PS, "appendix"], "ps02-other": ["ps02-other"]}.items():
            book.add_assignment(assignment)
            for notebook in notebooks:
                book.add_notebook(notebook, assignment)
                for name, points in EXERCISES.items():
                    cell = {"max_score": points, "cell_type": "code"}
                    book.add_grade_cell(f"check-{name}", notebook, assignment, **cell)
                    book.add_solution_cell(name, notebook, assignment)
                cell = {"max_score": 2.5, "cell_type": "markdown"}
                book.add_grade_cell(WRITTEN, notebook, assignment, **cell)
                book.add_solution_cell(WRITTEN, notebook, assignment)
        book.add_task_cell("task", PS, PS, max_score=1, cell_type="markdown")
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> CourseDirectory:
    """A course directory of one's own."""
    return copied(released, tmp_path / "course")


def copied(released: Path, to: Path) -> CourseDirectory:
    shutil.copytree(released, to, dirs_exist_ok=True)
    return CourseDirectory.at(to)


def submission(
    student: str,
    scores: dict[str, float] | None = None,
    *,
    status: Status = Status.GRADED,
    written: bool = False,
    unanswered: bool = False,
) -> Result:
    scores = dict.fromkeys(EXERCISES, 1.0) if scores is None else scores
    exercises = tuple(
        ExerciseResult(name, score, 4, (CheckResult("c", False, 4, unanswered=unanswered),))
        for name, score in scores.items()
    )
    answered = frozenset([WRITTEN] if written else [])
    return Result(student, status, "", 0, 7, 0.1, written_answered=answered, exercises=exercises)


def content(course: CourseDirectory) -> dict[str, Any]:
    """All that the gradebook holds of the submissions, read by nbgrader, but for the row ids."""
    with Gradebook(course.database_url) as book:
        return {
            entry.student.id: {
                "names": (entry.student.first_name, entry.student.last_name),
                "timestamp": entry.timestamp,
                "extension": entry.extension,
                "notebooks": {
                    notebook.name: {
                        "flagged": notebook.flagged,
                        "penalty": notebook.late_submission_penalty,
                        "grades": {
                            g.name: (
                                g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade
                            )
                            for g in notebook.grades
                        },
                        "comments": {
                            c.name: (c.auto_comment, c.manual_comment) for c in notebook.comments
                        },
                    }
                    for notebook in entry.notebooks
                },
            }
            for entry in book.assignment_submissions(PS)
        }  # fmt: skip


def rows_of_tables(course: CourseDirectory) -> dict[str, list[Any]]:
    """The whole file, the ids included."""
    with sqlite3.connect(course.gradebook) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=str)
            for (name,) in names.fetchall()
        }


# --- the same as nbgrader ------------------------------------------------------------------------


def enter_with_nbgrader(
    course: CourseDirectory, submissions: list[Result], unchanged: set[str]
) -> None:
    """What ``save`` promises, done with nbgrader's own models, one hand-in at a time."""
    with Gradebook(course.database_url) as book:
        for result in submissions:
            changed = result.student not in unchanged
            book.update_or_create_student(result.student)
            book.update_or_create_submission(PS, result.student)
            for each in book.find_submission(PS, result.student).notebooks:
                each.late_submission_penalty = None  # nothing is due, so nobody is late
            notebook = book.find_submission_notebook(PS, PS, result.student)
            scores = {f"check-{e.name}": e.score for e in result.exercises}
            for grade in notebook.grades:
                if grade.name == "task":
                    continue
                grade.auto_score = scores.get(grade.name, 0.0)
                waits = grade.name in scores and result.status is Status.MANUAL
                if grade.name in result.written_answered:
                    grade.auto_score, waits = None, True
                if grade.manual_score is not None:
                    waits = changed or grade.needs_manual_grade
                grade.needs_manual_grade = waits
            for comment in notebook.comments:
                answers = [e for e in result.exercises if e.name == comment.name]
                answered = comment.name in result.written_answered or any(
                    not check.unanswered for e in answers for check in e.checks
                )
                if comment.name != "task":
                    comment.auto_comment = None if answered else "No response."
            book.db.commit()


points = st.integers(0, 16).map(lambda quarters: quarters / 4)
results = st.builds(
    submission,
    st.sampled_from(STUDENTS),
    st.dictionaries(st.sampled_from([*EXERCISES, "unknown"]), points),
    status=st.sampled_from([Status.GRADED, Status.MANUAL, Status.TIMEOUT]),
    written=st.booleans(),
    unanswered=st.booleans(),
)
enter = st.tuples(
    st.just("enter"),
    st.lists(results, unique_by=lambda r: r.student),
    st.sets(st.sampled_from(STUDENTS)),
)
cells = st.sampled_from(["check-step", "check-rate", WRITTEN, "task"])
grade_by_hand = st.tuples(
    st.just("grade"),
    st.sampled_from(STUDENTS),
    st.sampled_from([PS, "appendix"]),
    cells,
    st.fixed_dictionaries(
        {},
        optional={
            "auto_score": st.none() | points,
            "manual_score": st.none() | points,
            "extra_credit": st.none() | points,
            "needs_manual_grade": st.booleans(),
        },
    ),
)
change_entry = st.tuples(
    st.sampled_from(["name", "penalty", "comment", "flag"]), st.sampled_from(STUDENTS), points
)


def apply(course: CourseDirectory, step: tuple[Any, ...], entering: Callable[..., Any]) -> Any:
    """Do one thing that happens to a gradebook: a batch, or what a person does with nbgrader."""
    what, *given = step
    if what == "enter":
        return entering(course, *given)
    student = given[0]
    with Gradebook(course.database_url) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(PS, student)
        if what == "grade":
            _, notebook, cell, changes = given
            grades = book.find_submission_notebook(notebook, PS, student).grades
            for grade in (grade for grade in grades if grade.name == cell):
                for name, value in changes.items():
                    setattr(grade, name, value)
        elif what == "name":
            book.update_or_create_student(student, last_name=f"L{given[1]}", email="a@b.org")
        elif what == "comment":
            book.find_comment("step", PS, PS, student).manual_comment = f"well, {given[1]}"
        else:
            notebook = book.find_submission_notebook(PS, PS, student)
            notebook.late_submission_penalty = given[1]
            notebook.flagged = what == "flag"
        book.db.commit()
    return None


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(enter | grade_by_hand | change_entry, min_size=1, max_size=7))
def test_tables_and_rows_are_what_nbgraders_models_give(
    released: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    ours = copied(released, tmp_path_factory.mktemp("ours"))
    theirs = copied(released, tmp_path_factory.mktemp("theirs"))
    for step in steps:
        rows = apply(ours, step, lambda course, *given: save(course.assignment(PS), *given))
        apply(theirs, step, enter_with_nbgrader)
        assert content(ours) == content(theirs)
        with Gradebook(ours.database_url) as book:
            for student, row in (rows or {}).items():
                entry = book.find_submission(PS, student)
                assert (
                    row.raw_score, row.max_score, row.needs_manual_grade,
                    row.late_submission_penalty, row.last_name, row.email, row.student_id,
                ) == (
                    entry.score, entry.max_score, entry.needs_manual_grade,
                    entry.late_submission_penalty, entry.student.last_name or "",
                    entry.student.email or "", student,
                )  # fmt: skip
                assert row.score == max(0, entry.score - entry.late_submission_penalty)


@pytest.mark.parametrize(
    "text",
    [
        "2015-02-02 15:58:23.948203 America/Los_Angeles",
        "2015-02-02 15:58:23.948203 UTC",
        "2015-02-02 15:58:23 +0100",
        "2015-02-02 15:58:23 PST",
        "2015-02-02T15:58:23+01:00",
        "2015-02-02 15:58:23",
        " 2015-02-02 15:58 \n",
    ],
)
def test_time_of_handing_in_is_read_as_by_nbgrader(course: CourseDirectory, text: str) -> None:
    folder = course.assignment(PS).submitted("ada").parent
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text(text)
    row = save(course.assignment(PS), [submission("ada")])["ada"]
    assert content(course)["ada"]["timestamp"] == parse_utc(text.strip())
    assert row.timestamp == str(parse_utc(text.strip()))
    (folder / "timestamp.txt").unlink()  # what is known is kept
    assert save(course.assignment(PS), [submission("ada")])["ada"] == row


@pytest.mark.parametrize(
    "data",
    [b"", b"yesterday-ish", b"\xff\xfe\x00", b"9999-12-31 23:59:59 -100000", b"1 2 /etc/passwd"],
)
def test_time_that_cannot_be_read_is_none(course: CourseDirectory, data: bytes) -> None:
    folder = course.assignment(PS).submitted("ada").parent
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_bytes(data)
    assert save(course.assignment(PS), [submission("ada")])["ada"].timestamp == ""


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_time_is_read_from_a_regular_file_only(course: CourseDirectory, kind: str) -> None:
    path = course.assignment(PS).submitted("ada").parent / "timestamp.txt"
    path.parent.mkdir(parents=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (course.root / "elsewhere").write_text("2015-02-02 15:58:23")
        path.symlink_to(course.root / "elsewhere")
    else:
        path.mkdir()
    assert save(course.assignment(PS), [submission("ada")])["ada"].timestamp == ""


def test_due_date_and_other_assignments_are_left_alone(course: CourseDirectory) -> None:
    with Gradebook(course.database_url) as book:
        book.update_or_create_assignment(PS, duedate="2030-01-01 00:00:00 UTC")
        book.update_or_create_student("ada")
        book.update_or_create_submission("ps02-other", "ada")
        book.find_grade("check-step", "ps02-other", "ps02-other", "ada").auto_score = 3
        book.db.commit()
    row = save(course.assignment(PS), [submission("ada", {"step": 4.0})])["ada"]
    assert (row.duedate, row.score, row.max_score) == ("2030-01-01 00:00:00", 4, 20)
    with Gradebook(course.database_url) as book:
        assert book.find_submission("ps02-other", "ada").score == 3


# --- in bulk -------------------------------------------------------------------------------------


def test_entering_again_changes_nothing(course: CourseDirectory) -> None:
    class_ = [submission(f"s{n:03}", {"step": n % 5}, written=n % 2 == 0) for n in range(40)]
    first = save(course.assignment(PS), class_)
    before = rows_of_tables(course)
    assert save(course.assignment(PS), class_) == first
    assert rows_of_tables(course) == before


def test_size_of_the_parts_makes_no_difference(
    released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_ = [submission(f"s{n}", {"step": n % 5}, written=n % 2 == 0) for n in range(7)]
    found = []
    for chunk in (1, 3, 7, 100):
        monkeypatch.setattr(gradebook, "_CHUNK", chunk)
        course = copied(released, tmp_path / str(chunk))
        found.append((save(course.assignment(PS), iter(class_)), content(course)))
    assert found.count(found[0]) == len(found)
    assert list(found[0][0]) == [result.student for result in class_]


def test_number_of_statements_is_that_of_parts_not_of_hand_ins(course: CourseDirectory) -> None:
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        numbers = []
        for size in (1, 400):
            statements.clear()
            save(course.assignment(PS), [submission(f"{size}-{n}") for n in range(size)])
            numbers.append(len(statements))
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert numbers[0] == numbers[1]


def test_nbgrader_is_not_imported(course: CourseDirectory) -> None:
    code = """
import sys
from pathlib import Path
from autograder.results.gradebook import save
from autograder.results.result import Result, Status
from autograder.course.directory import CourseDirectory
course = CourseDirectory.at(Path(sys.argv[1]))
rows = save(course.assignment(sys.argv[2]), [Result("ada", Status.NO_ANSWER, "", 0, 7, 0.1)])
assert rows["ada"].max_score == 20
print([name for name in sys.modules if name.split(".")[0] in ("nbgrader", "torch")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(course.root), PS], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


# --- all or nothing ------------------------------------------------------------------------------


def test_interruption_leaves_the_gradebook_as_it_was(
    course: CourseDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "_CHUNK", 2)
    save(course.assignment(PS), [submission("ada", {"step": 4.0})])
    before = rows_of_tables(course)

    def interrupted() -> Iterator[Result]:
        yield from (submission(f"s{n}") for n in range(5))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(course.assignment(PS), interrupted())
    assert rows_of_tables(course) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from autograder.results import gradebook
from autograder.results.result import Result, Status
from autograder.course.directory import CourseDirectory
gradebook._CHUNK = 50
def class_():
    for number in range(1000):
        yield Result(f"s{number}", Status.GRADED, "", 0, 7, 0.1)
    os.kill(os.getpid(), signal.SIGKILL)
gradebook.save(CourseDirectory.at(Path(sys.argv[1])).assignment(sys.argv[2]), class_())
"""


def test_killed_while_entering_leaves_the_gradebook_as_it_was(course: CourseDirectory) -> None:
    save(course.assignment(PS), [submission("ada", {"step": 4.0})])
    before = content(course)
    done = subprocess.run([sys.executable, "-c", KILLED, str(course.root), PS])
    assert done.returncode == -9
    assert content(course) == before
    save(course.assignment(PS), [submission("s1"), submission("ada", {"step": 2.0})])
    assert content(course).keys() == {"ada", "s1"}


# --- what cannot be used ----------------------------------------------------------------------


@pytest.fixture
def locked(course: CourseDirectory) -> Iterator[sqlite3.Connection]:
    """A connection of another program's that is in the middle of writing."""
    other = sqlite3.connect(course.gradebook, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


def test_gradebook_that_stays_locked_is_told(
    course: CourseDirectory, locked: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gradebook, "_PATIENCE", 0.2)
    with pytest.raises(UserError, match=r"gradebook\.db was locked by another program for 0\.2 s"):
        save(course.assignment(PS), [submission("ada")])
    locked.execute("ROLLBACK")
    assert save(course.assignment(PS), [submission("ada")])["ada"].score == 2


def test_locked_gradebook_is_waited_for(
    course: CourseDirectory, locked: sqlite3.Connection
) -> None:
    threading.Timer(0.5, lambda: locked.execute("COMMIT")).start()
    started = time.monotonic()
    save(course.assignment(PS), [submission("ada")])
    assert time.monotonic() - started > 0.4


def test_full_disk_is_told_and_nothing_entered(course: CourseDirectory) -> None:
    save(course.assignment(PS), [submission("ada", {"step": 4.0})])
    before = rows_of_tables(course)

    def fill(connection: Any, _: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    event.listen(Engine, "connect", fill)
    try:
        with pytest.raises(UserError, match="cannot be used: database or disk is full"):
            save(course.assignment(PS), [submission(f"s{n}") for n in range(1000)])
    finally:
        event.remove(Engine, "connect", fill)
    assert rows_of_tables(course) == before


def test_read_only_gradebook_is_told(course: CourseDirectory) -> None:
    def protect(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA query_only = on")

    event.listen(Engine, "connect", protect)
    try:
        with pytest.raises(UserError, match="cannot be used: attempt to write a readonly"):
            save(course.assignment(PS), [submission("ada")])
    finally:
        event.remove(Engine, "connect", protect)


def test_unknown_schema_is_told_with_the_versions(course: CourseDirectory) -> None:
    with sqlite3.connect(course.gradebook) as connection:
        connection.execute("ALTER TABLE grade DROP COLUMN extra_credit")
        connection.execute("UPDATE alembic_version SET version_num = '50a4d84c131a'")
    with pytest.raises(UserError) as told:
        save(course.assignment(PS), [submission("ada")])
    for part in ("grade.extra_credit", "50a4d84c131a", "nbgrader 0.9.6 has", "nbgrader db upgrade"):
        assert part in str(told.value)


def test_expected_schema_is_nbgraders() -> None:
    put_environment_on_path()
    assert get_alembic_version() == gradebook._SCHEMA


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "does not know ps01-sgd; run: autograder release"),
        (b"not a database" * 100, "cannot be used: file is not a database"),
        (None, "does not know ps01-sgd; run: autograder release"),
    ],
)
def test_what_is_no_gradebook_is_told(tmp_path: Path, data: bytes | None, told: str) -> None:
    course = CourseDirectory.at(tmp_path)
    if data is not None:
        course.gradebook.write_bytes(data)
    with pytest.raises(UserError, match=told) as raised:
        save(course.assignment(PS), [submission("ada")])
    assert "\n" not in str(raised.value)


def test_unknown_problem_set_is_told(course: CourseDirectory) -> None:
    with pytest.raises(UserError, match="does not know ps03-x; run: autograder release ps03-x"):
        save(course.assignment("ps03-x"), [submission("ada")])
