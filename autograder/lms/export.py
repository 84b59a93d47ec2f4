"""Grades into the table that a learning platform exported, to be imported there again.

Canvas    Grades > Export: rows with Student, ID, SIS User ID, SIS Login ID, and a column for each
          assignment, "ps01 (123)"; kept are what names a student, and the one column
Moodle    the grading worksheet of an assignment: Identifier, Full name, Email address, Grade, ...

The platform's own names for students stay as they are: who is who tells the roster.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.results.gradebook import GradebookRow

from .roster import Roster, Student
from .table import read_table

_CANVAS_KEPT = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_Names = tuple[tuple[str, tuple[str, ...]], ...]
# what a platform's column holds, as columns of the roster, the surest first
_CANVAS_NAMES: _Names = (
    ("ID", ("canvas_id",)),
    ("SIS User ID", ("sis_id", "id")),
    ("SIS Login ID", ("login", "email", "id")),
    ("Student", ("name",)),
)
_MOODLE_NAMES: _Names = (
    ("ID number", ("sis_id", "id")),
    ("Email address", ("email", "id")),
    ("Username", ("login", "id")),
    ("Full name", ("name",)),
)
_POINTS_POSSIBLE = "points possible"
PLATFORMS = ("canvas", "moodle")


@dataclass(frozen=True)
class Filled:
    """A platform's table with grades: the text of the CSV, and what did not work out.

    ``filled`` are students whose grade is in it; ``nowhere`` have a grade and no row;
    ``unknown`` are names in rows that are nobody's.
    """

    text: str
    filled: tuple[str, ...]
    nowhere: tuple[str, ...]
    unknown: tuple[str, ...]


def fill(
    platform: str,
    table: Path,
    grades: Mapping[str, GradebookRow],
    roster: Roster,
    column: str | None = None,
    *,
    scale: bool = False,
) -> Filled:
    """The platform's table with these grades, by student, in it.

    ``column`` is Canvas's name for the assignment, or its beginning. With ``scale`` points are
    converted to the platform's maximum; without it another maximum is refused. Rows of others stay
    as they are. Raises UserError if the table is none of the platform's.
    """
    rows = _rows(table)
    head = rows[0]
    if platform == "canvas":
        names, target = _CANVAS_NAMES, _canvas_column(head, column, table)
        kept = [index for index, name in enumerate(head) if name in _CANVAS_KEPT]
        kept.append(target)
    else:
        names, kept = _MOODLE_NAMES, list(range(len(head)))
        target = _index(head, "Grade", table)
    of_id = {student.id: student for student in roster}
    filled, unknown = [], []
    most = next((_number(row[target]) for row in rows[1:] if _is_maximum(row)), None)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([head[index] for index in kept])
    for row in rows[1:]:
        if platform == "moodle" and "Maximum Grade" in head:
            most = _number(row[head.index("Maximum Grade")])
        if not _is_maximum(row) and any(row):
            student = _whose(dict(zip(head, row, strict=True)), names, roster, grades)
            grade = grades.get(student or "")
            if student is None:
                unknown.append(row[head.index(names[-1][0])] if names[-1][0] in head else row[0])
            elif grade is not None:
                row[target] = _points(grade, most, scale=scale, table=table)
                filled.append(student)
        writer.writerow([row[index] for index in kept])
    nowhere = sorted(set(grades) - set(filled))
    twice = sorted({student for student in filled if filled.count(student) > 1})
    if twice:
        raise UserError(f"{table}: several rows are those of {', '.join(twice)}; mend the roster")
    told = [f"{n} ({of_id[n].name})" if n in of_id and of_id[n].name else n for n in nowhere]
    named = tuple(name for name in unknown if name.strip())  # Canvas has rows of nobody
    return Filled(out.getvalue(), tuple(filled), tuple(told), named)


def _rows(table: Path) -> list[list[str]]:
    """The rows of a CSV, all as long as its first. Raises UserError."""
    text = read_table(table, "give the file as it was exported")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise UserError(f"{table} is no CSV: {error}") from None
    if not rows:
        raise UserError(f"{table} is empty; give the file as it was exported")
    width = len(rows[0])
    if any(len(row) > width for row in rows):
        raise UserError(f"{table} has rows that are longer than its first; give it as exported")
    return [row + [""] * (width - len(row)) for row in rows]


def _index(head: list[str], name: str, table: Path) -> int:
    if name not in head:
        raise UserError(f"{table} has no column “{name}”: is it the platform's own export?")
    return head.index(name)


def _canvas_column(head: list[str], column: str | None, table: Path) -> int:
    """Where the assignment is, whose column is called like “ps01 (123)”."""
    _index(head, "Student", table)
    assignments = [name for name in head if re.fullmatch(r".+ \(\d+\)", name)]
    wanted = (column or "").casefold()
    found = [n for n in assignments if n.casefold() == wanted] or [
        n for n in assignments if wanted and n.casefold().startswith(wanted)
    ]
    if len(found) != 1:
        told = ", ".join(assignments) or "none"
        raise UserError(
            f"{table}: {len(found)} columns are called “{column}”; name one by --column: {told}"
        )
    return head.index(found[0])


def _is_maximum(row: list[str]) -> bool:
    return row[0].strip().casefold() == _POINTS_POSSIBLE


def _whose(
    row: Mapping[str, str],
    names: _Names,
    roster: Roster,
    ids: Mapping[str, object],
) -> str | None:
    """The student whose row this is, by the first of its names that is one's alone."""
    for column, kinds in names:
        value = row.get(column, "").strip()
        for kind in kinds if value else ():
            found: list[Student] = roster.find(kind, value)
            if len(found) == 1:
                return found[0].id
            if kind == "id" and value in ids:
                return value
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _points(grade: GradebookRow, most: float | None, *, scale: bool, table: Path) -> str:
    points = grade.score
    if most is not None and most != grade.max_score:
        if not scale:
            raise UserError(
                f"{table}: the platform gives {most:g} points at most, and the gradebook "
                f"{grade.max_score:g}; set it there, or convert with --scale"
            )
        points = points * most / grade.max_score if grade.max_score else 0.0
    return f"{points:.2f}".rstrip("0").rstrip(".")


def feedback_zip(table: Path, roster: Roster, assignment: Assignment) -> bytes:
    """A zip file of the feedback pages, in folders by whose names Moodle knows the students.

    ``table`` is its grading worksheet. Students without a page are left out.
    """
    head, *rows = _rows(table)
    identifier, name = _index(head, "Identifier", table), _index(head, "Full name", table)
    ids = dict.fromkeys(assignment.students())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for row in rows:
            student = _whose(dict(zip(head, row, strict=True)), _MOODLE_NAMES, roster, ids)
            number = re.search(r"\d+", row[identifier])
            if student is None or number is None:
                continue
            page = assignment.feedback(student)
            if page.is_file() and not page.is_symlink():
                whose = re.sub(r"[/\\]", " ", row[name])
                folder = f"{whose}_{number[0]}_assignsubmission_file_"
                made.writestr(f"{folder}/{page.name}", page.read_bytes())
    return buffer.getvalue()
