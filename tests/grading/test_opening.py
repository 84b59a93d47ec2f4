"""A sandbox that is opened before it is known whether, and how, it is needed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.grading.journal import JOURNAL
from autograder.grading.local import Opening
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import LEVELS

PS = "ps01-sgd"


def started() -> set[int]:
    """Processes below this one, but for those that have ended and wait to be fetched."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


@contextmanager
def leaving_no_process() -> Iterator[None]:
    before = started()
    yield
    deadline = time.monotonic() + 5
    while started() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started() <= before


def test_it_is_taken_once_and_belongs_to_the_taker(
    course: CourseDirectory, quick_settings: Settings
) -> None:
    with leaving_no_process():
        with Opening(course.assignment(PS), quick_settings) as opening:
            taken = opening.take(quick_settings)
            assert taken is not None
            assert opening.take(quick_settings) is None
        with taken[0].worker() as worker:
            worker.channel.send({"run": "1"})
            assert worker.channel.receive()[0]["error"] is None
        taken[0].close()


def test_what_nobody_takes_is_closed(course: CourseDirectory, quick_settings: Settings) -> None:
    with leaving_no_process(), Opening(course.assignment(PS), quick_settings):
        pass


def test_a_session_takes_it_whatever_its_seed(
    course: CourseDirectory, quick_settings: Settings
) -> None:
    settings = replace(quick_settings, seed=4)
    with (
        Opening(course.assignment(PS), quick_settings) as opening,
        Session(course.assignment(PS), settings, opening) as session,
    ):
        assert opening.take(settings) is None
        assert session.executor.pool.level.name in {level.name for level in LEVELS}


@pytest.mark.parametrize("other", [{"limits": Limits(cpu_seconds=7)}, {"isolation": "limits"}])
def test_it_is_not_taken_for_other_limits_or_another_level(
    course: CourseDirectory, quick_settings: Settings, other: dict[str, object]
) -> None:
    with leaving_no_process(), Opening(course.assignment(PS), quick_settings) as opening:
        assert opening.take(replace(quick_settings, **other)) is None


def test_none_is_opened_before_the_course_is_there(
    tmp_path: Path, quick_settings: Settings
) -> None:
    with Opening(CourseDirectory.at(tmp_path / "later").assignment(PS), quick_settings) as opening:
        assert opening.take(quick_settings) is None


def test_none_is_opened_for_a_cluster(course: CourseDirectory, quick_settings: Settings) -> None:
    settings = replace(quick_settings, scheduler="tcp://127.0.0.1:1")
    with Opening(course.assignment(PS), settings) as opening:
        assert opening.take(settings) is None


def test_none_is_opened_where_nothing_seems_due(
    tmp_path: Path, course: CourseDirectory, quick_settings: Settings
) -> None:
    copy = shutil.copytree(course.root, tmp_path / "course")
    assignment = replace(course, root=copy).assignment(PS)
    shutil.rmtree(copy / "submitted", ignore_errors=True)
    path = assignment.submitted("ada")
    path.parent.mkdir(parents=True)
    shutil.copy(assignment.release, path)

    def is_opened(*, everything: bool = False) -> bool:
        with Opening(assignment, quick_settings, everything=everything) as opening:
            taken = opening.take(quick_settings)
            if taken is not None:
                taken.pool.close()
            return taken is not None

    assert is_opened()  # nothing was graded yet
    assignment.reports.mkdir(parents=True, exist_ok=True)
    assignment.results.write_text("{}")
    later = path.stat().st_ctime_ns + 10**9
    os.utime(assignment.results, ns=(later, later))
    assert not is_opened()
    assert is_opened(everything=True)
    (assignment.reports / JOURNAL).touch()
    assert is_opened()  # a run was cut short
    (assignment.reports / JOURNAL).unlink()
    os.utime(assignment.results, ns=(0, 0))
    assert is_opened()  # a hand-in is newer


def test_a_level_that_does_not_work_is_told_to_the_taker_only(
    course: CourseDirectory, quick_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise UserError("it does not work")

    monkeypatch.setattr("autograder.grading.local.open_sandbox", fails)
    with Opening(course.assignment(PS), quick_settings):
        pass
    with Opening(course.assignment(PS), quick_settings) as opening, pytest.raises(UserError):
        opening.take(quick_settings)
