"""Grades into each platform's own table: its names and columns stay, and nobody gets another's."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.lms.export import feedback_zip, fill
from autograder.lms.roster import Roster
from autograder.results.gradebook import GradebookRow

PS = "ps01-sums"
CANVAS = """\
\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,ps01-sums (77),ps01-sums extra (78),Final Score
,,,,,Manual Posting,,
    Points Possible,,,,,9.00,1.00,(read only)
"Doe, Jane",101,x1,jdoe,A,,0.5,33
"Ó Brien, Zoë",102,x2,zob,A,1,,
"Müller, Max",103,x3,mm,B,4,,
"Student, Test",,,testy,A,,,
"""
MOODLE = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Feedback comments
Participant 5001,Jane Doe,jane@example.org,Submitted for grading,,9.00,
Participant 5002,Zoë Ó Brien,zoe@example.org,No submission,,9.00,"a, b"
Participant 5003,Someone Else,else@example.org,No submission,,9.00,
"""
ROSTER = "id,first_name,last_name,email,canvas_id\n" + "\n".join(
    [
        "jane,Jane,Doe,jane@example.org,101",
        "zoe,Zoë,Ó Brien,zoe@example.org,",
        "max,Max,Müller,,103",
    ]
)


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    (tmp_path / "students.csv").write_text(ROSTER, encoding="utf-8")
    return Roster.read(tmp_path / "students.csv")


def row(student: str, score: float) -> GradebookRow:
    return GradebookRow(PS, "", "", student, "", "", "", score, 0.0, score, 9.0, False)


GRADES = {"jane": row("jane", 7.25), "zoe": row("zoe", 9.0)}


def filled(
    platform: str, text: str, roster: Roster, folder: Path, grades: Any = GRADES, **options: Any
) -> tuple[Any, list[list[str]]]:
    table = folder / "table.csv"
    table.write_text(text, encoding="utf-8")
    done = fill(platform, table, grades, roster, options.pop("column", PS), **options)
    return done, list(csv.reader(io.StringIO(done.text, newline=""), strict=True))


def test_canvas_gets_its_names_and_the_one_column(roster: Roster, tmp_path: Path) -> None:
    done, rows = filled("canvas", CANVAS, roster, tmp_path, column="ps01-sums (77)")
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "ps01-sums (77)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "9.00"],
        ["Doe, Jane", "101", "x1", "jdoe", "A", "7.25"],
        ["Ó Brien, Zoë", "102", "x2", "zob", "A", "9"],
        ["Müller, Max", "103", "x3", "mm", "B", "4"],
        ["Student, Test", "", "", "testy", "A", ""],
    ]
    assert done.filled == ("jane", "zoe")
    assert done.unknown == ("Student, Test",)
    assert done.nowhere == ()


def test_moodle_gets_its_worksheet_with_grades(roster: Roster, tmp_path: Path) -> None:
    done, rows = filled("moodle", MOODLE, roster, tmp_path)
    given = list(csv.reader(io.StringIO(MOODLE)))
    assert [r[4] for r in rows] == ["Grade", "7.25", "9", ""]
    assert [r[:4] + r[5:] for r in rows] == [r[:4] + r[5:] for r in given]
    assert done.unknown == ("Someone Else",)


def test_another_maximum_is_refused_or_converted(roster: Roster, tmp_path: Path) -> None:
    text = MOODLE.replace("9.00", "100.00")
    with pytest.raises(UserError, match="gives 100 points at most, and the gradebook 9; set it"):
        filled("moodle", text, roster, tmp_path)
    _, rows = filled("moodle", text, roster, tmp_path, scale=True)
    assert [r[4] for r in rows[1:]] == ["80.56", "100", ""]


def test_who_is_not_in_the_table_is_told_by_name(roster: Roster, tmp_path: Path) -> None:
    done, _ = filled("moodle", MOODLE, roster, tmp_path, {**GRADES, "max": row("max", 1)})
    assert done.nowhere == ("max (Max Müller)",)


def test_two_rows_of_one_student_are_refused(roster: Roster, tmp_path: Path) -> None:
    twice = MOODLE + "Participant 5004,Jane Doe,other@example.org,Submitted,,9.00,\n"
    with pytest.raises(UserError, match="several rows are those of jane"):
        filled("moodle", twice, roster, tmp_path)


@pytest.mark.parametrize(
    ("platform", "text", "told"),
    [
        ("canvas", CANVAS.replace("(77)", ""), "0 columns are called"),
        ("canvas", CANVAS.replace("ps01-sums (77)", "ps01-sums too (77)"), "2 columns are called"),
        ("canvas", "a,b\n1,2\n", "no column “Student”"),
        ("moodle", "a,b\n1,2\n", "no column “Grade”"),
        ("moodle", "", "is empty"),
        ("moodle", "Grade\n1,2\n", "rows that are longer"),
    ],
)
def test_a_table_of_another_kind_is_told(
    platform: str, text: str, told: str, roster: Roster, tmp_path: Path
) -> None:
    column = "ps01-sums (77)" if "0 col" in told else PS
    with pytest.raises(UserError, match=told):
        filled(platform, text, roster, tmp_path, column=column)


def test_feedback_is_packed_in_the_folders_that_moodle_knows(
    roster: Roster, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    for student in ("jane", "zoe"):
        assignment.submitted(student).parent.mkdir(parents=True)
    assignment.feedback("jane").parent.mkdir(parents=True)
    assignment.feedback("jane").write_text("<p>jane")
    (tmp_path / "table.csv").write_text(MOODLE, encoding="utf-8")
    data = feedback_zip(tmp_path / "table.csv", roster, assignment)
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        assert made.namelist() == [f"Jane Doe_5001_assignsubmission_file_/{PS}.html"]
        assert made.read(made.namelist()[0]) == b"<p>jane"
