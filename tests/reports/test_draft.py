"""A known mistake is drafted from answers that are wrong in the same way, and holds when pasted."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from autograder.cli import app
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.files import write_whole
from autograder.definition import Mistake
from autograder.definition.exercise import DefinitionError
from autograder.reports.draft import draft
from autograder.results.alike import Group
from autograder.results.result import ExerciseResult, Result, Run, Status
from autograder.results.tables import results_json
from autograder.selfcheck.judge import CheckResult

PS, EXERCISE = "ps01-sgd", "sgd_step"
HELPED = "def sgd_step(theta, grad, lr):\n    return half(theta)\n"
LONG = '''
@jit
def sgd_step(theta, grad, lr):
    """Made by Ada."""
    # so is this
    def damped(step):
        "and this"
        return np.multiply(step, 0.9)
    return theta - damped(lr * grad)
'''
TELLING = "case “two parameters”: raised E: '''\n\"\"\"import os\nos.abort()\n" + "more\n" * 20


def pasted(text: str, folder: Path) -> dict[str, object]:
    """What a module holds into which a draft was pasted."""
    path = folder / "pasted.py"
    path.write_text(f"from autograder.definition import mistake\n\n\n{text}", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("pasted", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return vars(module)


def test_a_draft_is_a_known_mistake_as_soon_as_it_has_a_sentence(tmp_path: Path) -> None:
    check = CheckResult("one step", False, 2, TELLING)
    group = Group(EXERCISE, "key", ["ada", "bob"], (check,))
    answers = ["def sgd_step(:\n", HELPED, LONG, "x = 1", "def sgd_step():" + " " * 20_000]
    text = draft(group, answers, 30, "nine-tenths")
    assert text.startswith("# 2 of 30 hand-ins give this.")
    assert '#     "nine-tenths": nine_tenths,' in text
    assert "Ada" not in text and "so is this" not in text and "ada" not in text
    with pytest.raises(DefinitionError, match="no docstring says what to tell"):
        pasted(text, tmp_path)
    made = pasted(text.replace('""""""', '"""Your step is nine tenths."""'), tmp_path)
    known = made["nine_tenths"]
    assert isinstance(known, Mistake)
    assert known.message == "Your step is nine tenths."
    values = known.function(np.array([1.0, 2.0]), np.array([1.0, -1.0]), 0.5)
    assert values == pytest.approx([0.55, 2.45])


def test_a_draft_says_what_its_code_lacks_and_is_not_made_of_nothing() -> None:
    group = Group(EXERCISE, "key", ["ada", "bob"])
    assert "# Only np is there, so define these in it: half\n" in draft(group, [HELPED], 3, "new")
    for answers in ([], ["def other():\n    pass\n"], ["(" * 9000], ["-" * 9000 + "1"], ["\0"]):
        with pytest.raises(UserError, match="no answer of this group defines sgd_step"):
            draft(group, answers, 3, "new")


def test_the_command_drafts_from_the_largest_group_or_that_of_a_student(tmp_path: Path) -> None:
    assignment = CourseDirectory.at(tmp_path).assignment(PS)

    def call(*arguments: str, status: int = 0) -> str:
        given = ["draft-mistake", PS, *arguments, "--course-dir", str(tmp_path)]
        done = CliRunner().invoke(app, given)
        if isinstance(done.exception, UserError):
            assert status == 1
            return str(done.exception)
        assert done.exit_code == status, done.output
        return done.output

    assert "there are no results" in call(EXERCISE, status=1)
    results = []
    for student, factor in {"ada": 2, "bob": 3, "cem": 3, "dov": 3, "eve": 2, "fay": 5}.items():
        check = CheckResult("one step", False, 4, f"case “two”: got {factor}")
        exercise = ExerciseResult(EXERCISE, 0, 4, (check,))
        results.append(Result(student, Status.GRADED, "", 0, 4, exercises=(exercise,)))
        source = f"def sgd_step(theta, grad, lr):\n    return theta - {factor} * lr * grad\n"
        cell = {"cell_type": "code", "source": source}
        cell["metadata"] = {"nbgrader": {"grade_id": EXERCISE}}
        write_whole(assignment.autograded(student), json.dumps({"cells": [cell]}))
    run = Run(PS, "A title", 1, "cpu", "full", {}, results=results)
    write_whole(assignment.results, results_json(run))
    assert "theta - 3 * lr * grad" in call(EXERCISE)
    assert "# 3 of 6 hand-ins" in call(EXERCISE)
    told = call(EXERCISE, "--student", "eve", "--name", "twice")
    assert "def twice(" in told and "theta - 2 * lr * grad" in told
    assert "as that of fay is" in call(EXERCISE, "--student", "fay", status=1)
    assert "the exercises are: sgd_step" in call("clip_by_norm", status=1)
    assert "is not like no-rate" in call(EXERCISE, "--name", "No Rate", status=2)
    write_whole(assignment.results, results_json(replace(run, results=results[:2])))
    assert "no two answers to sgd_step are wrong in the same way" in call(EXERCISE, status=1)
