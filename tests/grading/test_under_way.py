"""A hand-in whose grading kills the grader cannot stop a class for ever.

The grader is really killed: it is a process of its own, which ends with SIGKILL when it comes to
judge the hand-in of a certain student, as it would for want of memory.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.grading.under_way import UnderWay

PS = "ps01-sgd"
# what is to end it is told by the hand-in: a text that a cell of it shows
PROGRAM = """
import os, time
from autograder.grading import grader
verdict = grader.verdict
def deadly(student, plan, said, marking):
    made = verdict(student, plan, said, marking)
    if any("deadly" in cell.output.text for cell in made.cells):
        os.kill(os.getpid(), int(os.environ["BY"]))
        time.sleep(2)  # until that has come
    return made
grader.verdict = deadly
from autograder.cli import main
main()
"""


@pytest.fixture
def hand_in(
    course: CourseDirectory, tmp_path: Path, right_notebook: Callable[..., Any]
) -> Callable[..., CourseDirectory]:
    """A course with these students' hand-ins, those of ``deadly`` deadly ones."""

    def make(students: str, deadly: str) -> CourseDirectory:
        made = CourseDirectory.at(tmp_path / "course")
        if not made.root.exists():
            shutil.copytree(course.root, made.root)
        for student in students.split():
            notebook = right_notebook(PS)
            if student in deadly.split():
                notebook["cells"].append(cell("print('deadly')"))
            path = made.assignment(PS).submitted(student)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(notebook))
        return made

    return make


def cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


def grade(course: CourseDirectory, *options: str, by: int = 9) -> subprocess.CompletedProcess[str]:
    given = ["grade", PS, "--course-dir", str(course.root), "--isolation", "auto", *options]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *given, "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=300,
        env={**__import__("os").environ, "BY": str(by)},
    )


def results(course: CourseDirectory) -> dict[str, dict[str, Any]]:
    tree = json.loads(course.assignment(PS).results.read_text(encoding="utf-8"))
    assert tree["not_graded"] == []
    return {entry["student"]: entry for entry in tree["submissions"]}


def marks(course: CourseDirectory) -> list[str]:
    folder = course.assignment(PS).reports / "under-way"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_hand_in_that_kills_the_grader_twice_is_set_aside(
    hand_in: Callable[..., CourseDirectory],
) -> None:
    course = hand_in("ada bob cem dov eva fay", "bob")
    first = grade(course, "--seed", "3")
    assert first.returncode == -9
    suspected = len(marks(course))  # what was handed out and had no result yet
    assert 0 < suspected <= 4
    second = grade(course, "--seed", "3")
    assert second.returncode == -9
    lines = (course.assignment(PS).reports / "journal.jsonl").read_text().splitlines()
    graded = {json.loads(line)["result"]["student"] for line in lines if '"result"' in line}
    assert len(graded) >= 6 - suspected  # of whom nobody had reason to suspect anything
    assert "bob" not in graded
    assert len([name for name in marks(course) if name.endswith(".alone")]) == 1
    third = grade(course, "--seed", "3")
    assert third.returncode == 0, third.stderr
    found = results(course)
    assert found["bob"]["status"] == "crashed"
    assert "the grader was killed while it graded this hand-in" in found["bob"]["detail"]
    assert found["bob"]["score"] == 0
    others = [entry for name, entry in found.items() if name != "bob"]
    assert len(others) == 5
    assert {entry["status"] for entry in others} == {"graded"}
    assert {entry["score"] for entry in others} == {found["ada"]["max_score"]}
    assert not (course.assignment(PS).reports / "under-way").exists()
    from nbgrader.api import Gradebook

    with Gradebook(course.database_url) as gradebook:
        assert gradebook.find_submission(PS, "bob").score == 0
        assert gradebook.find_submission(PS, "ada").score == found["ada"]["max_score"]
    again = grade(course)
    assert again.returncode == 0
    assert "0 graded" in again.stdout
    hand_in("bob", "")  # something else is graded as anything is
    assert grade(course).returncode == 0
    assert results(course)["bob"]["status"] == "graded"


@pytest.mark.slow
def test_two_of_them_take_a_run_more(hand_in: Callable[..., CourseDirectory]) -> None:
    course = hand_in("ada bob cem", "ada cem")
    codes = [grade(course, "--seed", "3").returncode for _ in range(4)]
    assert codes == [-9, -9, -9, 0]
    statuses = {name: entry["status"] for name, entry in results(course).items()}
    assert statuses == {"ada": "crashed", "bob": "graded", "cem": "crashed"}


@pytest.mark.slow
def test_order_to_stop_blames_nobody(hand_in: Callable[..., CourseDirectory]) -> None:
    course = hand_in("ada bob", "bob")
    assert grade(course, "--seed", "3").returncode == -9
    before = marks(course)
    for _ in range(2):  # alone by now
        assert grade(course, "--seed", "3", by=15).returncode == 143
        assert set(marks(course)) <= set(before)
    assert grade(course, "--seed", "3").returncode == -9


def test_marks(tmp_path: Path) -> None:
    marks = UnderWay(tmp_path)
    marks.begin("ada", "1")
    marks.begin("bob", "1")
    marks.end("ada", "1")
    later = UnderWay(tmp_path)
    assert later.was_left("bob", "1") and not later.is_to_blame("bob", "1")
    assert not later.was_left("ada", "1")
    assert not later.was_left("bob", "2")  # handed in anew since
    later.begin("bob", "1", alone=True)
    assert UnderWay(tmp_path).is_to_blame("bob", "1")
    later.stop()
    last = UnderWay(tmp_path)
    assert last.was_left("bob", "1") and not last.is_to_blame("bob", "1")
    last.close(complete=False)
    assert UnderWay(tmp_path).was_left("bob", "1")
    last.close(complete=True)
    assert not (tmp_path / "under-way").exists()


def test_marks_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "under-way").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        UnderWay(tmp_path).begin("ada", "1")
