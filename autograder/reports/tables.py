"""results.json and grades.csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.grading.gradebook import GradebookRow
from autograder.grading.results import RESULTS_VERSION, Submission

_COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


@dataclass(frozen=True)
class Run:
    """One grading of a problem set: what was in force, and all the results."""

    problem_set: str
    title: str
    seed: int
    device: str
    isolation: str
    versions: Mapping[str, str]
    submissions: Sequence[Submission]


def results_json(run: Run) -> str:
    """The text of results.json, as described in autograder/README.md."""
    tree = {
        "version": RESULTS_VERSION,
        "problem_set": run.problem_set,
        "title": run.title,
        "seed": run.seed,
        "device": run.device,
        "isolation": run.isolation,
        "versions": dict(run.versions),
        "submissions": [submission.to_json() for submission in run.submissions],
    }
    return json.dumps(tree, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def grades_csv(run: Run, rows: Mapping[str, GradebookRow]) -> str:
    """The text of grades.csv: nbgrader's columns, then status and the points per exercise.

    RFC 4180; a cell that a spreadsheet would take for a formula is made text by an apostrophe.
    """
    exercises = list(
        dict.fromkeys(e.name for submission in run.submissions for e in submission.exercises)
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, "status", "needs_manual_grade", *exercises])
    for submission in run.submissions:
        row = rows[submission.student]
        points = {exercise.name: exercise.score for exercise in submission.exercises}
        values: list[Any] = [getattr(row, column) for column in _COLUMNS]
        values += [str(submission.status), "yes" if row.needs_manual_grade else "no"]
        values += [points.get(name, "") for name in exercises]
        writer.writerow([_guarded(value) for value in values])
    return out.getvalue()


def _guarded(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value
