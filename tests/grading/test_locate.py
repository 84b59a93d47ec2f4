"""A hand-in under another name is found, or a person is asked; it is never just worth nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.new import make_course
from autograder.grading.batch import grade_class
from autograder.grading.locate import locate
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings, TimeLimits
from autograder.release.build import release
from autograder.release.released import read_release
from autograder.results.result import Result, Status

PS = "ps01-sums"
QUICK = Settings(isolation="auto", workers=2, seed=5, time=TimeLimits(cell=3, call=1, notebook=20))
FOREIGN = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    course = make_course(tmp_path_factory.mktemp("misnamed") / "course")
    made = CourseDirectory(course.root / "spring", course).assignment(PS)
    release(made)
    return made


@pytest.fixture(scope="module")
def right(assignment: Assignment) -> bytes:
    answers = instructor_answers(assignment.material)
    return json.dumps(with_answers(released_notebook(assignment), answers)).encode()


@pytest.fixture
def put(assignment: Assignment, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Puts files into the folder of a student who is this test's own, and locates the hand-in."""
    student = f"s{abs(hash(request.node.name)) % 10**9}"

    def make(**files: bytes) -> Any:
        folder = assignment.submitted(student).parent
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / f"{name}.ipynb").write_bytes(data)
        return locate(assignment, student, read_release(assignment.release))

    return make


@pytest.mark.slow
def test_the_right_name_counts_whatever_is_beside_it(put: Any, right: bytes) -> None:
    found = put(**{PS: b"{ broken", "Untitled": right})
    assert (found.path.name, found.note, found.unclear) == (f"{PS}.ipynb", "", "")


def test_a_sole_notebook_is_taken_with_a_note(put: Any) -> None:
    found = put(Untitled=FOREIGN)
    assert found.path.name == "Untitled.ipynb"
    assert found.note == f"Untitled.ipynb was taken: there is no file {PS}.ipynb"
    assert not found.unclear


def test_of_several_the_one_with_the_cells_is_taken(put: Any, right: bytes) -> None:
    found = put(Untitled=FOREIGN, Untitled1=b"{ broken", mine=right)
    assert (found.path.name, found.unclear) == ("mine.ipynb", "")


@pytest.mark.parametrize(
    ("kinds", "why"),
    [("rr", "several have its cells: a.ipynb, b.ipynb"), ("ff", "none has its cells: a.ipynb, b")],
)
def test_else_a_person_is_asked(put: Any, right: bytes, kinds: str, why: str) -> None:
    contents = {"r": right, "f": FOREIGN}
    found = put(**{name: contents[kind] for name, kind in zip("ab", kinds, strict=True)})
    assert why in found.unclear
    assert "give the right one that name" in found.unclear


def test_links_and_hidden_files_are_not_taken(
    assignment: Assignment, right: bytes, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "another.ipynb"
    elsewhere.write_bytes(right)
    folder = assignment.submitted("linked").parent
    folder.mkdir(parents=True)
    (folder / "a.ipynb").symlink_to(elsewhere)
    (folder / ".hidden.ipynb").write_bytes(right)
    (folder / "folder.ipynb").mkdir()
    os.mkfifo(folder / "pipe.ipynb")
    found = locate(assignment, "linked", read_release(assignment.release))
    assert (found.path, found.note, found.unclear) == (assignment.submitted("linked"), "", "")


def test_a_class_of_misnamed_hand_ins(tmp_path: Path, right: bytes) -> None:
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    release(assignment)
    for place in ("ada/Untitled", f"bob/{PS}-1", f"bob/{PS}-2", f"eve/{PS}"):
        student, name = place.split("/")
        path = assignment.submitted(student).with_name(f"{name}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(right)

    def grade() -> dict[str, Result]:
        return {each.student: each for each in grade_class(assignment, QUICK).run.results}

    results = grade()
    assert [(name, each.score, each.status) for name, each in results.items()] == [
        ("ada", 6, Status.GRADED),
        ("bob", 0, Status.MANUAL),
        ("eve", 6, Status.GRADED),
    ]
    assert results["ada"].notes == (f"Untitled.ipynb was taken: there is no file {PS}.ipynb",)
    assert f"{PS}-1.ipynb, {PS}-2.ipynb" in results["bob"].detail
    assert "bob" in (assignment.reports / "report.html").read_text(encoding="utf-8")
    assert grade_class(assignment, QUICK).graded == 0
    folder = assignment.submitted("bob").parent
    (folder / f"{PS}-2.ipynb").rename(assignment.submitted("bob"))
    again = grade_class(assignment, QUICK)
    assert again.graded == 1
    assert {each.student: each.score for each in again.run.results}["bob"] == 6
