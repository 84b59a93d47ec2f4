"""The benchmark runs, on a small class, and its figures are what they say."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from autograder.bench.account import IDLE, KERNEL, OTHERS, USER, account_of
from autograder.bench.classroom import RIGHT, write_class
from autograder.bench.speed import Figure, Sizes, floor_of, markdown, measure, run_speed
from autograder.bench.term import run_term
from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.definition.ids import is_check
from autograder.grading.evaluations import prepare
from autograder.grading.settings import usable_cores
from autograder.release.build import release


def test_class_is_the_same_each_time_and_as_large_as_wanted(
    course: CourseDirectory, tmp_path: Path
) -> None:
    texts = []
    for name in "ab":
        other = CourseDirectory.at(tmp_path / name)
        other.assignment("ps01-sgd").release.parent.mkdir(parents=True)
        other.assignment("ps01-sgd").release.write_text(
            course.assignment("ps01-sgd").release.read_text()
        )
        paths = write_class(other.assignment("ps01-sgd"), 25, figure=name == "b")
        texts.append([path.read_text() for path in paths])
        assert [path.parent.parent.name.startswith(RIGHT) for path in paths] == [
            number % 10 == 0 for number in range(25)
        ]
    for plain, drawing in zip(*texts, strict=True):
        cells = json.loads(drawing)["cells"]
        assert "plt.show()" in cells.pop()["source"]
        assert cells == json.loads(plain)["cells"]


def test_a_command_is_measured_with_its_children(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "held = bytearray(200 << 20)\n"
        "burn = 'import time\\nwhile time.process_time() < 0.5: pass'\n"
        "subprocess.run([sys.executable, '-c', burn])\n"
    )
    usage = measure([sys.executable, "-c", code], tmp_path)
    assert usage.cpu_seconds > 0.5
    assert usage.seconds > 0.5
    assert usage.peak_bytes > 200 << 20


def test_a_command_that_fails_tells_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such thing"):
        measure([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


@pytest.fixture
def small_class(tmp_path: Path) -> tuple[Assignment, list[Path]]:
    """A released problem set with ten hand-ins."""
    assignment = CourseDirectory.at(tmp_path).assignment("ps01-sgd")
    release(assignment)
    prepare([assignment])
    return assignment, write_class(assignment, 10)


@pytest.mark.slow
def test_the_account_and_the_floor(small_class: tuple[Assignment, list[Path]]) -> None:
    assignment, files = small_class
    account = account_of(assignment, "without a figure")
    assert len(json.loads(assignment.results.read_text())["submissions"]) == len(files)
    assert min(account.spent.values()) >= 0
    assert account.spent[USER] + account.spent[KERNEL] > 0
    steps = [what for what in account.spent if what.startswith("grader")]
    assert len(steps) >= 8
    assert account.used == pytest.approx(
        sum(account.spent.values()) - account.spent[IDLE] - account.spent[OTHERS]
    )
    assert account.markdown().count("\n") == len(account.spent) + 4
    # the floor makes all calls, and runs no check
    for path in files:
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            if is_check(cell["metadata"].get("nbgrader", {}).get("grade_id")):
                cell["source"] = "import os; os._exit(1)"
        path.write_text(json.dumps(notebook))
    assert floor_of(assignment, files) > 0  # it counts its calls, and refuses if there are few
    whole = [path.read_text() for path in files]
    with pytest.raises(UserError, match="calls of the floor lacked a name"):
        for path, text in zip(files, whole, strict=True):
            path.write_text(text.replace("import numpy as np", "import numpy"))
        floor_of(assignment, files)
    with pytest.raises(UserError, match="the floor made 0 calls"):
        for path in files:
            path.write_text(json.dumps({"cells": []}))
        floor_of(assignment, files)


@pytest.mark.long
def test_all_figures_come_out() -> None:
    told = list(run_speed(Course.find().material("ps01-sgd"), Sizes(20, 60, 4), lambda _: None))
    figures = [each for each in told if isinstance(each, Figure)]
    assert len(figures) == 7 + (usable_cores() > 1)
    assert all(figure.figure and figure.raw for figure in figures)
    table, goals, *accounts = markdown(told).split("\n\n")
    met = sum(figure.met for figure in figures)
    assert goals == f"Of the {len(figures)} goals, {met} are met in this run."
    assert table.count("\n") == len(figures) + 1
    assert len(accounts) == len(told) - len(figures) == 2


@pytest.mark.slow
def test_a_term_is_measured_step_by_step() -> None:
    said: list[str] = []
    figures = list(run_term(Course.find(), ["ps01-sgd"], 10, said.append))
    assert [figure.what.split(",")[0] for figure in figures] == [
        "collecting hand-ins from Canvas's zip file",
        "the report",
        "comparing all answers",
        "exporting the grades",
    ]
    assert all(re.fullmatch(r"[\d.]+ s; grading [\d.]+ s", figure.raw) for figure in figures)
    assert len(said) == 1
