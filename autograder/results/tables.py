"""results.json and grades.csv, written in a stream: a class may be larger than memory should be."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .alike import Alike
from .gradebook import GradebookRow
from .result import Result, Run, Status

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
_SUMS = ("machine_score", "manual_score", "extra_credit")  # which make up raw_score
_LATE = ("extension_hours", "hours_late", "penalty_reason")
_BYTE_ORDER_MARK = "\ufeff"
_HEAD_ENDS = ' "submissions": ['
# an instructor should look at these first: most likely something has to be done about them
_URGENT = {Status.DAMAGED, Status.CRASHED, Status.MISSING_CELL, Status.MANUAL}
_MOST_URGENT = 50  # that are listed one by one


@dataclass
class ExerciseOverview:
    """How a class did in one exercise; ``passed`` counts the answers that pass each check."""

    name: str
    max_score: int
    count: int = 0
    total: int = 0
    full: int = 0
    passed: Counter[str] = field(default_factory=Counter)

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def share(self) -> float:
        return self.mean / max(1, self.max_score)


@dataclass
class Overview:
    """The class at a glance: counts, collected one result after the other.

    ``urgent`` are the first results that someone should look at, without their exercises;
    ``alike`` are the answers that are wrong in the same way.
    """

    count: int = 0
    outdated: int = 0
    urgent: list[Result] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    tenths: Counter[int] = field(default_factory=Counter)  # of the full score
    scores: Counter[int] = field(default_factory=Counter)
    max_score: int = 0
    exercises: dict[str, ExerciseOverview] = field(default_factory=dict)
    alike: Alike = field(default_factory=Alike)

    @staticmethod
    def of(results: Iterable[Result]) -> Overview:
        """The overview of a whole class."""
        overview = Overview()
        for result in results:
            overview.add(result)
        return overview

    @property
    def mean(self) -> float:
        """The mean score by machine; 0 of nobody."""
        return statistics.fmean(self.scores.elements()) if self.scores else 0.0

    @property
    def median(self) -> float:
        """The median score by machine; 0 of nobody."""
        return float(statistics.median(self.scores.elements())) if self.scores else 0.0

    @property
    def urgent_count(self) -> int:
        return sum(self.statuses[str(status)] for status in _URGENT)

    def counted(self, results: Iterable[Result]) -> Iterator[Result]:
        """The results, each counted when it is taken."""
        for result in results:
            self.add(result)
            yield result

    def add(self, result: Result) -> None:
        """Count one more."""
        self.count += 1
        self.outdated += result.outdated
        self.statuses[str(result.status)] += 1
        self.scores[result.score] += 1
        self.max_score = max(self.max_score, result.max_score)
        self.tenths[min(9, 10 * result.score // max(1, result.max_score))] += 1
        if result.status in _URGENT and len(self.urgent) < _MOST_URGENT:
            self.urgent.append(replace(result, exercises=()))
        for part in result.exercises:
            exercise = self.exercises.setdefault(
                part.name, ExerciseOverview(part.name, part.max_score)
            )
            exercise.count += 1
            exercise.total += part.score
            exercise.full += part.score == part.max_score
            exercise.passed.update({check.name: int(check.passed) for check in part.checks})
        self.alike.add(result)


def results_json(run: Run) -> Iterator[str]:
    """The text of results.json, as described in autograder/README.md: one result a line."""
    yield json.dumps(run.to_json(), indent=1, ensure_ascii=False).removesuffix("\n}")
    yield f",\n{_HEAD_ENDS}"
    separator = "\n"
    for result in run.results:
        yield separator + result_line(result)
        separator = ",\n"
    yield "\n ]\n}\n"


def result_line(result: Result) -> str:
    """A result as its line in results.json."""
    return json.dumps(result.to_json(), ensure_ascii=False, allow_nan=False)


def read_result(line: bytes) -> Result:
    """The result in a line of results.json. Raises ValueError if there is none."""
    return Result.from_json(json.loads(line.rstrip(b",\n")))


def read_run(path: Path) -> tuple[Run, Results]:
    """The run in a results.json as :func:`results_json` writes it, and what reads its results.

    Raises OSError or ValueError if the file is none.
    """
    head = []
    with path.open("rb") as file:
        for line in file:
            head.append(line)
            if line.rstrip().decode() == _HEAD_ENDS:
                break
    return Run.from_json(json.loads(b"".join([*head, b"]}"]))), Results(path)


class Results:
    """The results in a results.json, read one after the other. What is none is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Result]:
        return (result for _, result in self.with_offsets())

    def with_offsets(self) -> Iterator[tuple[int, Result]]:
        """Each with the offset of its line in the file."""
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                found = None
                if line.startswith(b'{"'):
                    with contextlib.suppress(ValueError):
                        found = read_result(line)
                if found is not None:
                    yield offset, found
                offset += len(line)


def grades_csv(
    run: Run, rows: Mapping[str, GradebookRow], overview: Overview | None = None
) -> Iterator[str]:
    """The text of grades.csv: nbgrader's columns, status, sums, lateness, points per exercise.

    Students with a row and without a result are in it, too. It is RFC 4180 in UTF-8, with the mark
    by which Excel knows that; a cell that a spreadsheet would take for a formula is made text by an
    apostrophe.
    """
    names = list((overview or Overview.of(run.results)).exercises)
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    head = [*_COLUMNS, "status", "needs_manual_grade", "outdated", *_SUMS, *_LATE, *names]
    yield _BYTE_ORDER_MARK + writer.writerow(head)
    without = dict(rows)
    for result in run.results:
        row = without.pop(result.student)
        points = {exercise.name: exercise.score for exercise in result.exercises}
        values = _values(row, str(result.status), yes(result.outdated))
        values += [points.get(name, "") for name in names]
        yield writer.writerow([guarded(value) for value in values])
    for student, row in sorted(without.items()):
        status = "not graded yet" if student in run.not_graded else "no hand-in"
        values = [*_values(row, status, "no"), *("" for _ in names)]
        yield writer.writerow([guarded(value) for value in values])


def _values(row: GradebookRow, status: str, outdated: str) -> list[Any]:
    """The cells of a line before those of the exercises."""
    values: list[Any] = [getattr(row, column) for column in _COLUMNS]
    values += [status, yes(row.needs_manual_grade), outdated]
    values += [getattr(row, column) for column in _SUMS]
    late = row.late
    if late is None:
        return [*values, *("" for _ in _LATE)]
    return [*values, round(late.extension / 3600, 2), round(late.seconds / 3600, 2), late.reason]


class _Echo:
    """What a csv writer writes to it is what its ``writerow`` returns."""

    def write(self, text: str) -> str:
        return text


def csv_text(lines: Iterable[Iterable[Any]]) -> str:
    """A small table as :func:`grades_csv` writes it; guarding cells is the caller's."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    return _BYTE_ORDER_MARK + "".join(map(writer.writerow, lines))


def yes(value: bool) -> str:
    """A truth value in a table."""
    return "yes" if value else "no"


# what begins a formula, also in full width; some spreadsheets part cells at semicolons, too
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r]")
_PARTED = re.compile(r"(;\s*)(?=[=+\-@＝＋－＠])")


def points_text(points: float) -> str:
    """Points as they are read: to a hundredth, without zeros behind the point."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def guarded(value: Any) -> Any:
    """A cell of a table; what a spreadsheet would take for a formula, behind an apostrophe."""
    if not isinstance(value, str):
        return value
    return "'" * bool(_FORMULA.match(value)) + _PARTED.sub(r"\1'", value)
