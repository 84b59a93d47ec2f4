"""The autograded notebook: the hand-in as graded, with the messages below each check."""

from __future__ import annotations

import json
import re
from typing import Any

from autograder.course.directory import Assignment
from autograder.course.reading import Damaged, read_bytes
from autograder.definition.ids import checked_exercise, is_check
from autograder.release.released import Release
from autograder.results.inert import inert_text
from autograder.results.result import ExerciseResult, GradedCell, Output, Result
from autograder.selfcheck.judge import messages
from autograder.selfcheck.language import say

from .bounds import bounded
from .markdown import inert_markdown


def autograded_notebook(result: Result, release: Release) -> dict[str, Any]:
    """The notebook that nbgrader's form grader and feedback work on."""
    by_name = {exercise.name: exercise for exercise in result.exercises}
    cells = []
    seen: set[str] = set()
    handed_in = result.cells or (_why_there_are_none(result),)
    for number, cell in enumerate(bounded(handed_in, sources=False), start=1):
        identifier = f"cell-{number}"
        metadata: dict[str, Any] = {}
        if cell.grade_id is not None and cell.grade_id not in seen:
            seen.add(cell.grade_id)
            metadata = dict(release.cell(cell.grade_id).metadata)
        tree: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": identifier,
            "metadata": metadata,
            "source": cell.source,
        }
        if cell.kind == "code":
            tree.update(execution_count=None, outputs=_outputs(cell, by_name))
        else:
            tree.update(_inert(cell))
        cells.append(tree)
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python", "file_extension": ".py"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def autograded_text(result: Result, release: Release) -> str:
    """The autograded notebook as the text of its file."""
    # without indentation, which takes ten times as long and is for nobody to read
    return json.dumps(autograded_notebook(result, release), ensure_ascii=False) + "\n"


def regraded_text(text: str, result: Result) -> str:
    """The text of an autograded notebook, with the points of another result of the same hand-in.

    Raises ValueError if it is none.
    """
    tree = json.loads(text)
    by_name = {exercise.name: exercise for exercise in result.exercises}
    try:
        for cell in tree["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            exercise = by_name.get(checked_exercise(grade_id)) if is_check(grade_id) else None
            if exercise is not None:
                cell["outputs"] = [_results_output(exercise)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no autograded notebook: {error!r}") from None
    return json.dumps(tree, ensure_ascii=False) + "\n"


LONGEST_ANSWER = 10_000  # characters: a longer one is not shown whole, and nothing is made of it


def graded_answer(assignment: Assignment, student: str, exercise: str) -> str:
    """A student's answer as it was graded, from the autograded notebook; empty if there is none."""
    try:
        tree = json.loads(read_bytes(assignment.autograded(student)))
        for cell in tree["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id") == exercise:
                return inert_text("".join(cell["source"]), 10 * LONGEST_ANSWER)
    except (Damaged, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass  # another program's
    return ""


_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # others are written in several ways


def _inert(cell: GradedCell) -> dict[str, Any]:
    """Source and attachments of a cell of text."""
    names = {
        picture.name: picture.name if _NAME.fullmatch(picture.name) else f"picture-{number}"
        for number, picture in enumerate(cell.attachments, start=1)
    }
    if cell.kind != "markdown" or not names:
        return {"source": inert_markdown(cell.source)}
    pictures = {names[p.name]: {p.kind: p.data} for p in cell.attachments}
    return {"source": inert_markdown(cell.source, names), "attachments": pictures}


def _why_there_are_none(result: Result) -> GradedCell:
    text = say("This notebook could not be graded: {why}.", why=result.detail)
    return GradedCell("code", "", None, None, Output(text))


def heading(section: str) -> str:
    """A section of the book as it is read: “momentum, the rule”, of its address or its page."""
    page, _, part = section.rpartition("/")[2].partition("#")
    page = page.removesuffix(".md").removesuffix(".html")
    return ", ".join(each.replace("-", " ") for each in (page, part) if each)


def points_text_of(exercise: ExerciseResult) -> str:
    """The points of an exercise, of how many, in words."""
    return say("{points} of {all} points", points=exercise.score, all=exercise.max_score)


def exercise_text(exercise: ExerciseResult) -> str:
    """The results of one exercise as a student reads them."""
    lines = [f"{exercise.name}: {points_text_of(exercise)}"]
    lines += [f"  {told}" for told in exercise.adjusted]
    if exercise.section and exercise.score < exercise.max_score:
        lines.append("  " + say("to read again: {section}", section=heading(exercise.section)))
        lines[-1] += f" ({exercise.section})" if exercise.section.startswith("http") else ""
    for check, message in zip(exercise.checks, messages(exercise.checks), strict=True):
        points = check.points if check.passed else 0
        lines.append(f"  {'✓' if check.passed else '✗'} {check.name} ({points}/{check.points})")
        lines += [f"      {line}" for line in message.splitlines()]
    return "\n".join(lines)


def _results_output(exercise: ExerciseResult) -> dict[str, Any]:
    """The results of an exercise, as the output of the cell that checks it."""
    text = exercise_text(exercise)
    return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": text}}


def _outputs(cell: GradedCell, results: dict[str, ExerciseResult]) -> list[dict[str, Any]]:
    if cell.check is not None:
        if cell.check not in results:
            return []
        return [_results_output(results[cell.check])]
    outputs: list[dict[str, Any]] = []
    if cell.output.text:
        outputs.append({"output_type": "stream", "name": "stdout", "text": cell.output.text})
    for picture in cell.output.pictures:
        outputs.append(
            {"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}
        )
    if cell.output.error and not cell.output.text:
        outputs.append({"output_type": "stream", "name": "stdout", "text": cell.output.error})
    return outputs
