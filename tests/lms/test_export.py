"""Grades into each platform's own table: its names and columns stay, and nobody gets another's."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.lms.export import canvas_feedback_zip, feedback_zip, fill, plain_csv
from autograder.lms.gradescope import autograder_zip
from autograder.lms.roster import Roster
from autograder.results.gradebook import GradebookRow, Mark
from autograder.results.policies import Lateness
from autograder.results.result import ExerciseResult, Result, Status
from autograder.selfcheck.judge import CheckResult

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


LATE = Lateness("9:00", "10:00", "Flu.", "11:00", 3600, 3600, "50 % off")
GRADES = {"jane": row("jane", 7.25), "zoe": row("zoe", 9.0)}


def filled(
    platform: str, text: str, roster: Roster, folder: Path, grades: Any = GRADES, **options: Any
) -> tuple[Any, list[list[str]]]:
    table = folder / "table.csv"
    table.write_text(text, encoding="utf-8")
    done = fill(platform, table, grades, roster, options.pop("column", PS), **options)
    assert done.text[:1] == "\ufeff" or text[:1] != "\ufeff"  # Excel's sign stays
    bare = done.text.removeprefix("\ufeff")
    return done, list(csv.reader(io.StringIO(bare, newline=""), strict=True))


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


def test_a_table_stays_as_other_countries_write_it(roster: Roster, tmp_path: Path) -> None:
    """With semicolons, decimal commas, as UTF-16 with tabs, and with blank lines."""
    text = MOODLE.replace("a, b", "a").replace(",", ";").replace("9.00", "100,00")
    (tmp_path / "table.csv").write_text(text.replace("\n", "\n\n"), encoding="utf-8")
    with pytest.raises(UserError, match="gives 100 points at most, and the gradebook 9; set it"):
        fill("moodle", tmp_path / "table.csv", GRADES, roster)
    done = fill("moodle", tmp_path / "table.csv", GRADES, roster, scale=True)
    assert done.text.splitlines()[1] == (
        "Participant 5001;Jane Doe;jane@example.org;Submitted for grading;80,56;100,00;"
    )
    assert len(done.text.splitlines()) == 4
    tabs = ROSTER.replace(",", "\t").replace("id", " ID", 1)
    (tmp_path / "students.csv").write_text(tabs, encoding="utf-16")
    assert Roster.read(tmp_path / "students.csv") == roster
    (tmp_path / "table.csv").write_text("email\tTutor\nzoe@example.org\tBøb\n", "utf-16")
    done = fill("csv", tmp_path / "table.csv", GRADES, roster)
    assert done.text == "\ufeffemail\tTutor\tscore\r\nzoe@example.org\tBøb\t9\r\n"


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
        ("moodle", "a,b\n1,2\n", "no column “Grade”.*must be English. Its columns are: “a”, “b”"),
        ("moodle", "", "is empty"),
        ("moodle", "Grade,Full name\n1,2,3\n", "row 2, has 3 cells, and the first row 2"),
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


def test_any_table_gets_a_column_of_points(roster: Roster, tmp_path: Path) -> None:
    text = "E-mail list,Email,Tutor\nx,JANE@example.org,Ann\ny,zoe@example.org,Bob\nz,who@x.org,\n"
    done, rows = filled("csv", text, roster, tmp_path, column="points")
    assert rows == [
        ["E-mail list", "Email", "Tutor", "points"],
        ["x", "JANE@example.org", "Ann", "7.25"],
        ["y", "zoe@example.org", "Bob", "9"],
        ["z", "who@x.org", "", ""],
    ]
    assert done.unknown == ("who@x.org",)
    again, _ = filled("csv", done.text, roster, tmp_path, column="points")
    assert again.text == done.text
    with pytest.raises(UserError, match="no column that names students; call one of them: id,"):
        filled("csv", "a,b\n1,2\n", roster, tmp_path, column="points")


def test_a_plain_table_has_everybody_and_no_formula(roster: Roster) -> None:
    grades = {
        **GRADES,
        "=1+1": replace(row("=1+1", 0.0), last_name="@x", needs_manual_grade=True),
    }
    grades["zoe"] = replace(grades["zoe"], late=LATE)
    text = plain_csv(grades, roster)
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)) == [
        ["id", "last_name", "first_name", "email", "score", "max_score",
         "late_submission_penalty", "needs_manual_grade", "penalty_reason"],
        ["'=1+1", "'@x", "", "", "0", "9", "0", "yes", ""],
        ["jane", "Doe", "Jane", "jane@example.org", "7.25", "9", "0", "no", ""],
        ["zoe", "Ó Brien", "Zoë", "zoe@example.org", "9", "9", "0", "no", "50 % off"],
    ]  # fmt: skip


def test_canvas_gets_notebooks_with_feedback_under_the_names_that_it_gave(
    roster: Roster, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    for student in ("jane", "zoe", "max"):
        place = assignment.autograded(student)
        place.parent.mkdir(parents=True)
        place.write_text('{"cells": [], "nbformat": 4}')
    assignment.autograded("zoe").write_text("not json")
    names = ["doejane_LATE_101_77_my_sums-1.ipynb", "obrien_102_78_s.ipynb", "x_999_79_s.ipynb"]
    with zipfile.ZipFile(tmp_path / "submissions.zip", "w") as made:
        for name in [*names, "mueller_103_80_s.ipynb", "../doejane_101_81_other.ipynb"]:
            made.writestr(name, "{}")
    grades = dict(GRADES)
    mark = Mark("why", 2.5, 4.0, 0.0, "<b>Nice</b>")
    grades["jane"] = replace(
        row("jane", 7.25), machine_score=5.75, manual_score=2.5, late_submission_penalty=1,
        marks=(mark,), late=LATE,
    )  # fmt: skip
    packed, whose = canvas_feedback_zip(tmp_path / "submissions.zip", roster, assignment, grades)
    assert whose == ["jane"]  # max has no grade, zoe's notebook is none
    with zipfile.ZipFile(io.BytesIO(packed)) as made:
        assert made.namelist() == names[:1]
        (cell,) = json.loads(made.read(names[0]))["cells"]
    assert cell["cell_type"] == "raw"
    assert cell["source"].splitlines() == [
        "7.25 of 9 points",
        "  by machine: 5.75",
        "  by a person: 2.5",
        "  taken off because it was handed in late: -1",
        "Due 9:00; for you extended to 10:00 (Flu.); handed in 11:00, 1 hour late; 50 % off.",
        "why, 2.5/4: <b>Nice</b>",
    ]
    with pytest.raises(UserError, match="is no folder and no zip file"):
        canvas_feedback_zip(tmp_path / "course" / "course.toml", roster, assignment, grades)


def test_gradescope_brings_the_result_of_the_file_that_was_graded(
    roster: Roster, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    checks = (CheckResult("values", True, 2), CheckResult("shapes", False, 3, "is 3, not 4"))
    exercises = (ExerciseResult("step", 2, 5, checks, ("Changed after grading: x.",)),)
    results = [
        Result(student, Status.GRADED, "", 2, 5, exercises=exercises, outdated=student == "max")
        for student in ("jane", "max", "zoe")
    ]
    for student in ("jane", "zoe"):
        place = assignment.submitted(student)
        place.parent.mkdir(parents=True)
        place.write_text(f"the notebook of {student}")
    grades = {**GRADES, "max": row("max", 1)}
    grades["jane"] = replace(
        row("jane", 3),
        late_submission_penalty=1,
        marks=(Mark("why", 2, 4, 0.5, "Nice."),),
        late=LATE,
    )
    packed, given, left = autograder_zip(assignment, results, grades, roster)
    assert (given, left) == (["jane", "zoe"], ["max"])
    root = tmp_path / "autograder"
    with zipfile.ZipFile(io.BytesIO(packed)) as made:
        made.extractall(root / "source")
        for name in ("setup.sh", "run_autograder"):  # both are started there
            assert made.getinfo(name).external_attr >> 16 == 0o100755
    subprocess.run(["/bin/sh", "-n", str(root / "source" / "setup.sh")], check=True)

    def run(email: str, notebook: str) -> dict[str, Any]:
        """What Gradescope would show of a submission."""
        (root / "submission").mkdir(exist_ok=True)
        (root / "submission" / "sums.ipynb").write_text(notebook)
        about = {"users": [{"email": "else@example.org", "sid": None}, {"email": email}]}
        (root / "submission_metadata.json").write_text(json.dumps(about))
        script = root / "source" / "run_autograder"
        subprocess.run([sys.executable, "-I", str(script), str(root)], check=True)
        told: dict[str, Any] = json.loads((root / "results" / "results.json").read_text())
        return told

    told = run("Jane@example.org", "the notebook of jane")
    assert told["score"] == 3
    assert [(test["name"], test.get("score"), test.get("max_score")) for test in told["tests"]] == [
        ("step: values", 2, 2),
        ("step: shapes", 0, 3),
        ("why (graded by a person)", 2.5, 4),
    ]
    assert told["tests"][1]["output"] == "is 3, not 4"
    assert "step: Changed after grading: x." in told["output"]
    assert "Taken off because it was handed in late: 1" in told["output"]
    assert LATE.told in told["output"]
    assert run("jane@example.org", "another version")["output"].startswith("This version of your")
    assert run("jane@example.org", "the notebook of zoe")["score"] == 0
    assert run("max@example.org", "the notebook of jane")["output"].startswith("Nobody with your")


def test_students_of_one_name_are_not_mixed_up_on_gradescope(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    results = [Result(name, Status.GRADED, "", 0, 5) for name in ("jane", "joan")]
    grades = {name: replace(row(name, 0), email="j@example.org") for name in ("jane", "joan")}
    with pytest.raises(UserError, match=r"both jane and joan are called “j@example\.org”"):
        autograder_zip(assignment, results, grades, Roster())
