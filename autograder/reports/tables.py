"""results.json and grades.csv, written in a stream: a class may be larger than memory should be."""

from __future__ import annotations

import contextlib
import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.grading.gradebook import GradebookRow
from autograder.grading.results import RESULTS_VERSION, Status, Submission

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
_HEAD_ENDS = ' "submissions": ['
# an instructor should look at these first: most likely something has to be done about them
_URGENT = {Status.DAMAGED, Status.CRASHED, Status.MISSING_CELL, Status.MANUAL}
_MOST_URGENT = 50  # that are listed one by one


@dataclass(frozen=True)
class Run:
    """One grading of a problem set: what was in force, and all the results by student.

    ``submissions`` may be read from disk each time they are gone through. ``not_graded`` are
    students whose hand-in has no result yet, ``skipped`` folders that were left out, with why.
    """

    problem_set: str
    title: str
    seed: int
    device: str
    isolation: str
    versions: Mapping[str, str]
    submissions: Iterable[Submission] = ()
    not_graded: Sequence[str] = ()
    skipped: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """The head of results.json: all but the submissions."""
        return {
            "version": RESULTS_VERSION,
            "problem_set": self.problem_set,
            "title": self.title,
            "seed": str(self.seed),  # other readers of JSON round a number of this size
            "device": self.device,
            "isolation": self.isolation,
            "versions": dict(self.versions),
            "not_graded": list(self.not_graded),
            "skipped": list(self.skipped),
        }

    def is_comparable_to(self, other: Run) -> bool:
        """Whether results of the two may stand in one report."""
        return (self.seed, self.isolation) == (other.seed, other.isolation)

    @staticmethod
    def from_json(tree: dict[str, Any]) -> Run:
        """A run from the head of results.json. Raises ValueError if that is of another version."""
        if tree["version"] != RESULTS_VERSION:
            raise ValueError("another version")
        return Run(
            tree["problem_set"],
            tree["title"],
            _seed(tree["seed"]),
            tree["device"],
            tree["isolation"],
            tree["versions"],
            not_graded=tree["not_graded"],
            skipped=tree["skipped"],
        )


def _seed(told: Any) -> int:
    """The seed as :meth:`Run.to_json` writes it. Raises ValueError for anything else."""
    if not isinstance(told, str) or not (told.isascii() and told.isdecimal()):
        raise ValueError("no seed")
    return int(told)


@dataclass
class ExerciseOverview:
    """How a class did in one exercise."""

    name: str
    max_score: int
    count: int = 0
    total: int = 0
    full: int = 0

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def share(self) -> float:
        return self.mean / max(1, self.max_score)


@dataclass
class Overview:
    """The class at a glance: counts, collected one submission after the other.

    ``urgent`` are the first submissions that someone should look at, without their exercises.
    """

    count: int = 0
    outdated: int = 0
    urgent: list[Submission] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    tenths: Counter[int] = field(default_factory=Counter)  # of the full score
    exercises: dict[str, ExerciseOverview] = field(default_factory=dict)
    mistakes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (exercise, mistake)

    @staticmethod
    def of(submissions: Iterable[Submission]) -> Overview:
        """The overview of a whole class."""
        overview = Overview()
        for submission in submissions:
            overview.add(submission)
        return overview

    @property
    def urgent_count(self) -> int:
        return sum(self.statuses[str(status)] for status in _URGENT)

    def counted(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        """The submissions, each counted when it is taken."""
        for submission in submissions:
            self.add(submission)
            yield submission

    def add(self, submission: Submission) -> None:
        """Count one more."""
        self.count += 1
        self.outdated += submission.outdated
        self.statuses[str(submission.status)] += 1
        self.tenths[min(9, 10 * submission.score // max(1, submission.max_score))] += 1
        if submission.status in _URGENT and len(self.urgent) < _MOST_URGENT:
            self.urgent.append(replace(submission, exercises=()))
        for result in submission.exercises:
            exercise = self.exercises.get(result.name)
            if exercise is None:
                exercise = ExerciseOverview(result.name, result.max_score)
                self.exercises[result.name] = exercise
            exercise.count += 1
            exercise.total += result.score
            exercise.full += result.score == result.max_score
            for mistake in {check.mistake for check in result.checks if check.mistake}:
                self.mistakes[result.name, mistake] += 1


def results_json(run: Run) -> Iterator[str]:
    """The text of results.json, as described in autograder/README.md: one submission a line."""
    yield json.dumps(run.to_json(), indent=1, ensure_ascii=False).removesuffix("\n}")
    yield f",\n{_HEAD_ENDS}"
    separator = "\n"
    for submission in run.submissions:
        yield separator + submission_line(submission)
        separator = ",\n"
    yield "\n ]\n}\n"


def submission_line(submission: Submission) -> str:
    """A submission as its line in results.json."""
    return json.dumps(submission.to_json(), ensure_ascii=False, allow_nan=False)


def read_submission(line: bytes) -> Submission:
    """The submission in a line of results.json.

    Raises ValueError, KeyError or TypeError if there is none.
    """
    return Submission.from_json(json.loads(line.rstrip(b",\n")))


def read_run(path: Path) -> tuple[Run, Submissions]:
    """The run in a results.json as :func:`results_json` writes it, and what reads its submissions.

    Raises OSError, ValueError, KeyError or TypeError if the file is none.
    """
    head = []
    with path.open("rb") as file:
        for line in file:
            head.append(line)
            if line.rstrip().decode() == _HEAD_ENDS:
                break
    return Run.from_json(json.loads(b"".join([*head, b"]}"]))), Submissions(path)


class Submissions:
    """The submissions in a results.json, read one after the other. What is none is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Submission]:
        return (submission for _, submission in self.with_offsets())

    def with_offsets(self) -> Iterator[tuple[int, Submission]]:
        """Each with the offset of its line in the file."""
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                found = None
                if line.startswith(b'{"'):
                    with contextlib.suppress(ValueError, KeyError, TypeError):
                        found = read_submission(line)
                if found is not None:
                    yield offset, found
                offset += len(line)


def grades_csv(
    run: Run, rows: Mapping[str, GradebookRow], overview: Overview | None = None
) -> Iterator[str]:
    """The text of grades.csv: nbgrader's columns, then status and the points per exercise.

    RFC 4180; a cell that a spreadsheet would take for a formula is made text by an apostrophe.
    """
    names = list((overview or Overview.of(run.submissions)).exercises)
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow([*_COLUMNS, "status", "needs_manual_grade", "outdated", *names])
    for submission in run.submissions:
        row = rows[submission.student]
        points = {exercise.name: exercise.score for exercise in submission.exercises}
        values: list[Any] = [getattr(row, column) for column in _COLUMNS]
        values += [str(submission.status), _yes(row.needs_manual_grade), _yes(submission.outdated)]
        values += [points.get(name, "") for name in names]
        yield writer.writerow([_guarded(value) for value in values])


class _Echo:
    """What a csv writer writes to it is what its ``writerow`` returns."""

    def write(self, text: str) -> str:
        return text


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# what begins a formula, also in full width; some spreadsheets part cells at semicolons, too
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r]")
_PARTED = re.compile(r"(;\s*)(?=[=+\-@＝＋－＠])")


def _guarded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "'" * bool(_FORMULA.match(value)) + _PARTED.sub(r"\1'", value)
