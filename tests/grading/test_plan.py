"""Cells copied, deleted, moved, renamed, retyped or stripped: put right, or left to a person."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from autograder.grading.sample import released_notebook
from autograder.results.result import Status

Notebook = dict[str, Any]
WRONG = "def sgd_step(theta, grad, lr):\n    return theta + lr * grad\n"
RIGHT = "import numpy as np\n\n\ndef sgd_step(theta, grad, lr):\n    return theta - lr*grad\n"


@pytest.fixture
def notebook(right_notebook: Callable[..., Notebook]) -> Notebook:
    """A right hand-in to problem set 1."""
    return right_notebook("ps01-sgd")


def index_of(notebook: Notebook, grade_id: str) -> int:
    return next(
        i
        for i, cell in enumerate(notebook["cells"])
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )


def cell_of(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    return notebook["cells"][index_of(notebook, grade_id)]


def assert_full(result: Any, *noted: str) -> None:
    assert (result.status, result.score) == (Status.GRADED, result.max_score), result.detail
    notes = "\n".join(result.notes)
    for text in noted:
        assert text in notes
    assert bool(result.notes) == bool(noted)


def test_untouched_right_notebook_needs_no_note(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    assert_full(grade_notebook(notebook))


def test_the_students_summary_is_not_run(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    last = notebook["cells"][-1]
    assert last["source"] == "check_all()"
    assert_full(result := grade_notebook(notebook))
    assert result.cells[-1].source == "check_all()" and result.cells[-1].output.text == ""


def test_copied_answer_counts_once(notebook: Notebook, grade_notebook: Callable[..., Any]) -> None:
    at = index_of(notebook, "sgd_step")
    notebook["cells"].insert(at, copy.deepcopy(notebook["cells"][at]))
    assert_full(grade_notebook(notebook), "a copy of the cell “sgd_step” was left out")


@pytest.mark.parametrize("before", [True, False])
def test_copied_stub_beside_the_answer_is_left_out(
    before: bool,
    notebook: Notebook,
    course: Any,
    grade_notebook: Callable[..., Any],
) -> None:
    at = index_of(notebook, "sgd_step")
    stub = cell_of(released_notebook(course.assignment("ps01-sgd")), "sgd_step")
    notebook["cells"].insert(at if before else at + 1, stub)
    assert_full(grade_notebook(notebook), "a copy of the cell “sgd_step” was left out")


def test_two_different_answers_need_a_person(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    at = index_of(notebook, "sgd_step")
    other = copy.deepcopy(notebook["cells"][at])
    other["source"] = WRONG
    notebook["cells"].insert(at, other)
    result = grade_notebook(notebook)
    assert result.status is Status.MANUAL
    assert "2 different cells for “sgd_step”" in result.detail


def test_copied_check_pays_once(notebook: Notebook, grade_notebook: Callable[..., Any]) -> None:
    at = index_of(notebook, "check-sgd_step")
    for _ in range(5):
        notebook["cells"].insert(at, copy.deepcopy(notebook["cells"][at]))
    assert_full(grade_notebook(notebook), "a copy of the cell “check-sgd_step” was left out")


def test_deleted_checks_are_put_back(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    for name in ("sgd_step", "condition_number"):
        del notebook["cells"][index_of(notebook, f"check-{name}")]
    assert_full(
        grade_notebook(notebook),
        "“check-sgd_step” was missing and was put back",
        "“check-condition_number” was missing and was put back",
    )


def test_reversed_notebook_is_still_full_or_says_why(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    cells = notebook["cells"]
    imports = cells.pop(next(i for i, c in enumerate(cells) if "import numpy" in c["source"]))
    notebook["cells"] = [imports, *reversed(notebook["cells"])]
    assert_full(grade_notebook(notebook), "stood above the answer")


def test_check_above_its_answer_is_moved_below(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    check = notebook["cells"].pop(index_of(notebook, "check-sgd_step"))
    notebook["cells"].insert(0, check)
    assert_full(grade_notebook(notebook), "“check-sgd_step” stood above the answer")


def test_points_and_locked_sources_come_from_the_release(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    cell_of(notebook, "sgd_step")["source"] = WRONG
    check = cell_of(notebook, "check-sgd_step")
    check["source"] = "print('passed')"
    check["metadata"]["nbgrader"].update(points=1000, locked=False, grade=False, solution=True)
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {}).update(points=50)
    result = grade_notebook(notebook)
    points = {e.name: (e.score, e.max_score) for e in result.exercises}
    assert points.pop("sgd_step") == (0, 4)
    assert all(score == most <= 6 for score, most in points.values())
    graded = next(cell for cell in result.cells if cell.check == "sgd_step")
    assert graded.source == "check(sgd_step)"


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("grade_id", ["sgd_step", "check-sgd_step"])
def test_retyped_cell_is_code_again(
    kind: str, grade_id: str, notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    cell = cell_of(notebook, grade_id)
    cell["cell_type"] = kind
    result = grade_notebook(notebook)
    assert (result.status, result.score) == (Status.GRADED, result.max_score), result.detail


def test_cells_that_lost_their_metadata_are_known_by_their_ids(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    assert_full(grade_notebook(notebook), "“sgd_step” had lost its nbgrader metadata")


def test_cells_that_lost_metadata_and_ids_are_known_by_what_they_define(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {"id": "x1y2z3", "colab": {"base_uri": "https://example.org"}}
        cell.pop("id", None)
    result = grade_notebook(notebook)
    assert result.score == result.max_score, result.detail
    assert any("“sgd_step” was found in a cell without its metadata" in n for n in result.notes)


def test_renamed_grade_id_is_known_by_what_the_cell_defines(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    cell = cell_of(notebook, "sgd_step")
    cell["metadata"]["nbgrader"]["grade_id"] = "my_step"
    assert_full(grade_notebook(notebook), "“sgd_step” was found in a cell without its metadata")


def test_answer_under_another_exercises_id_does_not_earn_its_points_twice(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    cell_of(notebook, "linear_decay")["metadata"]["nbgrader"]["grade_id"] = "sgd_step"
    result = grade_notebook(notebook)
    assert result.score <= result.max_score
    assert len(result.exercises) == 6
    assert result.status in (Status.MANUAL, Status.MISSING_CELL, Status.GRADED)
    assert {e.name: e.score for e in result.exercises}["condition_number"] == 4


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_merged_cells_answer_both_exercises(
    order: tuple[int, int], notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    names = ("minibatch_gradient", "sgd_step")
    kept, gone = (names[i] for i in order)
    merged = "\n\n\n".join(cell_of(notebook, name)["source"] for name in names)
    cell_of(notebook, kept)["source"] = merged
    del notebook["cells"][index_of(notebook, gone)]
    result = grade_notebook(notebook)
    assert_full(result, f"“{gone}” was found in a cell without its metadata")
    assert sum(cell.grade_id == kept for cell in result.cells) == 1


def test_all_code_in_one_cell(notebook: Notebook, grade_notebook: Callable[..., Any]) -> None:
    code = [c["source"] for c in notebook["cells"] if c["cell_type"] == "code"]
    one = {"cell_type": "code", "metadata": {}, "source": "\n\n".join(code), "outputs": []}
    notebook["cells"] = [one]
    result = grade_notebook(notebook)
    assert result.score == result.max_score, result.detail


def test_missing_exercise_is_named_and_costs_its_own_points(
    notebook: Notebook, grade_notebook: Callable[..., Any]
) -> None:
    del notebook["cells"][index_of(notebook, "sgd_step")]
    result = grade_notebook(notebook)
    assert (result.status, result.score) == (Status.MISSING_CELL, result.max_score - 4)
    assert "sgd_step" in result.detail


def test_notebook_without_any_of_the_exercises(grade_notebook: Callable[..., Any]) -> None:
    cell = {"cell_type": "markdown", "metadata": {}, "source": "Hello"}
    result = grade_notebook({"cells": [cell], "metadata": {}, "nbformat": 4})
    assert (result.status, result.score) == (Status.MISSING_CELL, 0)
    result = grade_notebook({"cells": [], "metadata": {}, "nbformat": 4})
    assert (result.status, result.score) == (Status.MISSING_CELL, 0)


def test_answer_in_a_cell_of_its_own_beside_the_stub(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    at = index_of(notebook, "sgd_step")
    notebook["cells"][at] = cell_of(released_notebook(course.assignment("ps01-sgd")), "sgd_step")
    own = {"cell_type": "code", "metadata": {}, "source": RIGHT, "outputs": []}
    notebook["cells"].insert(at + 1, own)
    result = grade_notebook(notebook)
    assert result.score == result.max_score


# --- locked texts: what a marker reads is what was asked ------------------------------------------

OWN = "My own thoughts on this question."
INSTEAD = "*Handed in instead of the text above:*"


def texts_of(result: Any) -> list[str]:
    return [cell.source for cell in result.cells if cell.kind == "markdown"]


def asked(course: Any) -> list[str]:
    """The texts of the release, in their order."""
    return [
        cell["source"]
        for cell in released_notebook(course.assignment("ps01-sgd"))["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("text-")
    ]


def question_in(notebook: Notebook) -> dict[str, Any]:
    """The question above the written answer."""
    at = index_of(notebook, "written-batch_size_and_rate")
    cell: dict[str, Any] = notebook["cells"][at - 1]
    assert cell["cell_type"] == "markdown"
    return cell


def test_changed_question_is_put_back_above_what_it_became(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    question = question_in(notebook)["source"]
    question_in(notebook)["source"] = OWN
    result = grade_notebook(notebook)
    assert_full(result, "not all texts are the release's (text-")
    shown = texts_of(result)
    at = shown.index(question)
    assert shown[at : at + 2] == [question, f"{INSTEAD}\n\n{OWN}"]
    assert [text for text in shown if text in asked(course)] == asked(course)


def test_spaces_at_the_ends_of_lines_are_no_change(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    cell = question_in(notebook)
    cell["source"] = cell["source"].replace("\n", "  \n") + "\n\n"
    result = grade_notebook(notebook)
    assert_full(result)
    shown = [c.source for c in result.cells if c.kind == "markdown" and c.grade_id is None]
    assert shown == asked(course)


def test_deleted_texts_are_back_in_their_places(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    question = question_in(notebook)["source"]
    kept = [c for c in notebook["cells"] if c["source"] not in asked(course)]
    assert len(kept) < len(notebook["cells"])
    before = [cell.source for cell in grade_notebook(notebook).cells]
    result = grade_notebook({**notebook, "cells": kept})
    assert_full(result)
    code = [source for source in before if source not in asked(course)]
    shown = [cell.source for cell in result.cells]
    assert [source for source in shown if source not in asked(course)] == code
    assert [source for source in shown if source in asked(course)] == asked(course)
    ids = [cell.grade_id for cell in result.cells]
    assert shown.index(question) == ids.index("written-batch_size_and_rate") - 1


def test_question_without_its_metadata_is_a_text_of_the_students(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    question_in(notebook).update(source=OWN, metadata={}, id="own")
    result = grade_notebook(notebook)
    assert_full(result)
    shown = texts_of(result)
    assert [text for text in shown if text in asked(course)] == asked(course)
    assert OWN in shown


def test_copies_of_a_text_are_left_out_or_marked(
    notebook: Notebook, course: Any, grade_notebook: Callable[..., Any]
) -> None:
    cell = question_in(notebook)
    at = notebook["cells"].index(cell)
    notebook["cells"][at:at] = [copy.deepcopy(cell), {**copy.deepcopy(cell), "source": OWN}]
    result = grade_notebook(notebook)
    shown = texts_of(result)
    assert [text for text in shown if text in asked(course)] == asked(course)
    assert f"{INSTEAD}\n\n{OWN}" in shown
