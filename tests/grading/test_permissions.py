"""Folders that the grader may not open stop nobody else. Root, who may, gives that up here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.reading import Damaged, read_bytes
from autograder.sandbox.confine import NOBODY

PS = "ps01-sgd"


@contextmanager
def as_nobody(root: Path) -> Iterator[None]:
    """A block in which this process is not root; ``root`` is a folder it may read."""
    if os.geteuid() != 0:
        yield
        return
    for folder in (root, *list(root.parents)[:-1]):
        if folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def course(tmp_path: Path) -> Iterator[CourseDirectory]:
    """Hand-ins of ada, bob and cem, of whom bob and cem forbid something."""
    made = CourseDirectory.at(tmp_path)
    for name in ("ada", "bob", "cem"):
        path = made.assignment(PS).submitted(name)
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    closed = made.submissions / "bob", made.submissions / "cem" / PS
    for folder in closed:
        folder.chmod(0)
    yield made
    for folder in closed:
        folder.chmod(0o700)


def test_closed_folder_of_a_student_is_skipped_and_told(course: CourseDirectory) -> None:
    with as_nobody(course.root):
        assert course.assignment(PS).students() == ["ada", "cem"]
        assert course.assignment(PS).skipped() == [
            "'bob' (the folder cannot be opened: permission denied)"
        ]


def test_closed_folder_of_a_problem_set_is_a_damaged_hand_in(course: CourseDirectory) -> None:
    with as_nobody(course.root):
        for name in ("bob", "cem"):  # bob: closed since the class was listed
            with pytest.raises(Damaged, match="cannot be opened: Permission denied"):
                read_bytes(course.assignment(PS).submitted(name))
        assert read_bytes(course.assignment(PS).submitted("ada")) == b"{}"


def test_class_of_closed_folders_only_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    course = CourseDirectory.at(tmp_path)
    folder = course.submissions / "bob"
    folder.mkdir(parents=True)
    folder.chmod(0)
    try:
        with as_nobody(tmp_path), pytest.raises(UserError, match=r"nobody .*; skipped: 'bob' \("):
            course.assignment(PS).students()
    finally:
        folder.chmod(0o700)


def test_closed_folder_of_all_hand_ins_is_told(tmp_path: Path) -> None:
    course = CourseDirectory.at(tmp_path)
    course.submissions.mkdir()
    course.submissions.chmod(0)
    try:
        with as_nobody(tmp_path), pytest.raises(UserError, match=r"cannot read .*: Permission den"):
            course.assignment(PS).students()
    finally:
        course.submissions.chmod(0o700)
