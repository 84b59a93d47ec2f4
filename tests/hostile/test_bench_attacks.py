"""The comparison with stock nbgrader: fair tests, a log read rightly, and tables that add up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from autograder.attacks import ATTACKS, Attack
from autograder.bench.attacks import (
    Ending,
    Row,
    endings_at_stock,
    markdown,
    sums,
    unearned,
)
from autograder.bench.stock import Verdict, plain_tests, read_log
from autograder.cli import app
from autograder.course.course import Course
from autograder.definition import load_problem_set
from autograder.grading.session import Session


def named(name: str) -> Attack:
    return next(attack for attack in ATTACKS if attack.name == name)


@pytest.mark.slow
def test_tests_of_the_stock_course_pass_right_answers_and_no_mistake(
    ps01: Session, right_answers: Any
) -> None:
    answers = right_answers("ps01-sgd")
    definitions = {e.name: e for e in load_problem_set("ps01-sgd").exercises}
    for exercise in ps01.evaluation.spec.exercises:
        tests = plain_tests(exercise)
        assert "### BEGIN HIDDEN TESTS" in tests
        assert tests.count("assert") > 3
        names: dict[str, Any] = {"np": np}
        exec(answers[exercise.name], names)
        with np.errstate(all="ignore"):
            exec(tests, names)
        caught = 0
        for mistake in definitions[exercise.name].mistakes.values():
            exec(mistake.source(exercise.name), names)
            try:
                with np.errstate(all="ignore"):
                    exec(tests, names)
            except Exception:
                caught += 1
        # asserts cannot tell whether an argument was changed
        assert caught >= len(definitions[exercise.name].mistakes) - 1


LOG = """\
[AutogradeApp | WARNING] No notebooks were matched by '/c/submitted/none/ps01-sgd/*.ipynb'
[AutogradeApp | INFO] Sanitizing /c/submitted/a/ps01-sgd/ps01-sgd.ipynb
[AutogradeApp | INFO] Setting destination file permissions to 444
[AutogradeApp | INFO] Sanitizing /c/submitted/b/ps01-sgd/ps01-sgd.ipynb
[AutogradeApp | ERROR] There was an error processing assignment: /c/submitted/b/ps01-sgd
[AutogradeApp | ERROR] Traceback (most recent call last):
    nbclient.exceptions.DeadKernelError: Kernel died
[AutogradeApp | ERROR] There was an error processing assignment: /c/submitted/early/ps01-sgd
[AutogradeApp | ERROR] Traceback (most recent call last):
    IsADirectoryError: [Errno 21] Is a directory
[AutogradeApp | INFO] Sanitizing /c/submitted/c/ps01-sgd/ps01-sgd.ipynb
"""
STUDENTS = ["a", "b", "c", "d", "early", "none"]


def test_log_of_a_run_that_ended_early() -> None:
    assert read_log(LOG, STUDENTS) == {
        "none": Verdict("not graded: no notebook found"),
        "a": Verdict("graded"),
        "b": Verdict("failed (DeadKernelError)"),
        "early": Verdict("failed (IsADirectoryError)"),
        "c": Verdict("batch ended", aborted=True),
    }


def test_log_of_a_run_that_hung_and_of_one_that_did_not() -> None:
    assert read_log(LOG, STUDENTS, hung=True)["c"] == Verdict("hangs, batch ended", aborted=True)
    whole = f"{LOG}[AutogradeApp | INFO] Setting destination file permissions to 444\n"
    assert read_log(whole, STUDENTS)["c"] == Verdict("graded")
    assert read_log("", STUDENTS) == {}


POINTS = {"sgd_step": 4, "linear_decay": 4, "clip_by_norm": 5}


@pytest.mark.parametrize(
    ("scores", "gained"),
    [
        ({}, 0),
        ({"check-sgd_step": 0, "check-linear_decay": 4, "check-clip_by_norm": 5}, 0),
        ({"check-sgd_step": 4, "check-linear_decay": 4, "check-clip_by_norm": 5}, 4),
        ({"check-sgd_step": 2, "check-linear_decay": 0, "check-clip_by_norm": 0}, 2),
        ({"check-sgd_step": 0, "check-linear_decay": 4, "check-clip_by_norm": 1000}, 995),
        ({"check-sgd_step": 0, "check-linear_decay": 0, "check-clip_by_norm": 0}, 0),
    ],
)
def test_points_that_were_not_earned(scores: dict[str, float], gained: float) -> None:
    assert unearned(scores, POINTS) == gained


def test_tables_add_up_and_break_no_row() -> None:
    rows = [
        Row(Attack("a kind", "pipes | here", "call"), Ending(0, "graded", True), None),
        Row(
            Attack("a kind", "<b>", "call"),
            Ending(0, "timeout", True),
            Ending(4, "graded, 27 points", False, True),
        ),
        Row(
            Attack("z", "c", "call", not_at_stock="would only exhaust the machine"),
            Ending(4, "error", False),
            None,
        ),
    ]
    first, second, whole = sums(rows)
    assert (first.kind, second.kind, whole.kind) == ("a kind", "z", "all")
    assert (first.gained_here, first.gaining_at_stock, first.harmful_at_stock) == (0, 1, 1)
    assert (whole.gained_here, whole.harmed_here, len(whole.at_stock)) == (4, 1, 1)
    lines = markdown(rows).splitlines()
    assert "| all | 3 | 4 | 1 | 1 | 4 | 1 | 1 |" in lines
    assert "| z | c | 4 | error | harmed |  | not run: would only exhaust the machine |  |" in lines
    assert "| a kind | &lt;b> | 0 | timeout | right | 4 | graded, 27 points | not graded |" in lines
    assert any("pipes \\| here" in line for line in lines)


@pytest.mark.slow
def test_command_grades_a_kind_here_and_writes_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "table.md"
    told = CliRunner().invoke(
        app,
        ["bench", "attacks", "--no-stock", "--kind", "links", "--output", str(file)],
        catch_exceptions=False,
    )
    assert told.exit_code == 0
    count = sum("links" in attack.kind for attack in ATTACKS)
    assert f"here: {count} attacks" in told.output
    text = file.read_text(encoding="utf-8")
    assert f"| all | {count} | 0 | 0 | 0 | 0 | 0 | 0 |" in text
    for attack in ATTACKS:
        assert (f" {attack.name} " in text) == ("links" in attack.kind)


def test_command_tells_of_a_kind_that_there_is_not() -> None:
    told = CliRunner().invoke(app, ["bench", "attacks", "--no-stock", "--kind", "poetry"])
    assert "no kind of attack is called poetry" in str(told.exception)


@pytest.mark.long
def test_stock_nbgrader_gives_points_to_one_who_patches(tmp_path: Path) -> None:
    chosen = [
        named("patches just allclose"),
        named("kills its parent"),
        named("NaN"),
        named("gives itself the points in the gradebook"),
    ]
    told: list[str] = []
    endings = endings_at_stock(chosen, Course.find(), tmp_path, 0, told.append)
    assert endings["patches just allclose"].gained == 4
    assert endings["kills its parent"].aborted
    assert not endings["kills its parent"].unharmed
    assert endings["NaN"] == Ending(0, "graded, 23 points", True)
    assert endings["gives itself the points in the gradebook"].gained == 4
    assert told
