"""Grades into the table that a learning platform exported, to be imported there again.

Canvas    Grades > Export: rows with Student, ID, SIS User ID, SIS Login ID, and a column for each
          assignment, "ps01 (123)"; kept are what names a student, and the one column
Moodle    the grading worksheet of an assignment: Identifier, Full name, Email address, Grade, ...
CSV       any table with names of students in columns that are called as in the roster

The platform's own names for students stay as they are: who is who tells the roster.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.results.gradebook import GradebookRow
from autograder.results.tables import csv_text, guarded, points_text, yes
from autograder.selfcheck.language import say, sentence

from .archive import members
from .collect import canvas_file, student_of
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
_CSV_NAMES: _Names = tuple(
    (column, kinds)
    for column, kinds in (
        ("id", ("id",)),
        ("student_id", ("id",)),
        *((kind, (kind, "id")) for kind in ("canvas_id", "sis_id", "gradescope_sid", "github")),
        ("login", ("login", "id")),
        ("username", ("login", "id")),
        ("email", ("email", "id")),
        ("name", ("name",)),
    )
)
_CSV_COLUMNS = (
    *("id", "last_name", "first_name", "email", "score", "max_score", "late_submission_penalty"),
    *("needs_manual_grade", "penalty_reason"),
)
_POINTS_POSSIBLE = "points possible"
_MOST_COLUMNS = 8  # of a table that are named
_IN_ENGLISH = " Moodle names columns in the language that is set there, which must be English."
_AS_EXPORTED = "give the file as it was exported"
PLATFORMS = ("canvas", "moodle", "gradescope", "csv")


class Points(Protocol):
    """What somebody has, and of how much."""

    @property
    def score(self) -> float: ...

    @property
    def max_score(self) -> float: ...


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
    grades: Mapping[str, Points],
    roster: Roster,
    column: str | None = None,
    *,
    scale: bool = False,
) -> Filled:
    """The platform's table with these grades, by student, in it.

    ``column`` is Canvas's name for the assignment, or its beginning; of any other table the column,
    which is added if it is not there. With ``scale`` points are
    converted to the platform's maximum; without it another maximum is refused. Rows of others stay
    as they are. Raises UserError if the table is none of the platform's.
    """
    given = read_table(table, _AS_EXPORTED)
    rows = given.rows
    head = rows[0]
    if platform == "canvas":
        names, target = _CANVAS_NAMES, _canvas_column(head, column, table)
        kept = [index for index, name in enumerate(head) if name in _CANVAS_KEPT]
        kept.append(target)
    elif platform == "moodle":
        names, kept = _MOODLE_NAMES, list(range(len(head)))
        target = _index(head, "Grade", table, _IN_ENGLISH)
    else:
        names, target = _csv_names(head, table), _csv_column(rows, column or "score")
        kept = list(range(len(head)))
    of_id = {student.id: student for student in roster}
    filled, unknown = [], []
    most = next((given.number(row[target]) for row in rows[1:] if _is_maximum(row)), None)
    for row in rows[1:]:
        if platform == "moodle" and "Maximum Grade" in head:
            most = given.number(row[head.index("Maximum Grade")])
        if not _is_maximum(row) and any(row):
            student = _whose(dict(zip(head, row, strict=True)), names, roster, grades)
            grade = grades.get(student or "")
            if student is None:
                unknown.append(row[head.index(names[-1][0])] if names[-1][0] in head else row[0])
            elif grade is not None:
                row[target] = given.shown(_points(grade, most, scale=scale, table=table))
                filled.append(student)
    nowhere = sorted(set(grades) - set(filled))
    twice = sorted({student for student in filled if filled.count(student) > 1})
    if twice:
        raise UserError(f"{table}: several rows are those of {', '.join(twice)}; mend the roster")
    told = [f"{n} ({of_id[n].name})" if n in of_id and of_id[n].name else n for n in nowhere]
    named = tuple(name for name in unknown if name.strip())  # Canvas has rows of nobody
    text = given.text([row[index] for index in kept] for row in rows)
    return Filled(text, tuple(filled), tuple(told), named)


def plain_csv(grades: Mapping[str, GradebookRow], roster: Roster) -> str:
    """A table of the grades, for whatever reads one; names are the roster's, if it has them."""
    known = {student.id: student for student in roster}
    lines: list[Sequence[str]] = [_CSV_COLUMNS]
    for name, grade in sorted(grades.items()):
        student = known.get(name)
        last, first = grade.last_name, grade.first_name
        email = grade.email
        if student is not None:
            last, first = student.last_name or last, student.first_name or first
            email = dict(student.keys).get("email", email)
        points = map(points_text, (grade.score, grade.max_score, grade.late_submission_penalty))
        waits = yes(grade.needs_manual_grade)
        reason = "" if grade.late is None else grade.late.reason
        who = map(guarded, (name, last, first, email))
        lines.append([*who, *points, waits, guarded(reason)])
    return csv_text(lines)


def _csv_names(head: list[str], table: Path) -> _Names:
    """The columns of a table that name students, as they are written there."""
    names = tuple(
        (column, kinds)
        for kind, kinds in _CSV_NAMES
        for column in head
        if column.strip().casefold() == kind
    )
    if not names:
        told = ", ".join(kind for kind, _ in _CSV_NAMES)
        raise UserError(f"{table} has no column that names students; call one of them: {told}")
    return names


def _csv_column(rows: Sequence[list[str]], name: str) -> int:
    """Where the column is, which is added if there is none."""
    if name not in rows[0]:
        for row in rows:
            row.append("")
        rows[0][-1] = name
    return rows[0].index(name)


def _index(head: list[str], name: str, table: Path, advice: str = "") -> int:
    if name not in head:
        told = ", ".join(f"“{each}”" for each in head[:_MOST_COLUMNS])
        raise UserError(
            f"{table} has no column “{name}”: is it the platform's own export?{advice} "
            f"Its columns are: {told}{', …' * (len(head) > _MOST_COLUMNS)}"
        )
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


def _points(grade: Points, most: float | None, *, scale: bool, table: Path) -> float:
    points = grade.score
    if most is not None and most != grade.max_score:
        if not scale:
            raise UserError(
                f"{table}: the platform gives {most:g} points at most, and the gradebook "
                f"{grade.max_score:g}; set it there, or convert with --scale"
            )
        points = points * most / grade.max_score if grade.max_score else 0.0
    return points


def canvas_feedback_zip(
    download: Path, roster: Roster, assignment: Assignment, grades: Mapping[str, GradebookRow]
) -> tuple[bytes, list[str]]:
    """A zip file of notebooks with feedback, for Canvas's “Upload Submissions”; and whose they are.

    ``download`` is what “Download Submissions” gave. Canvas knows a file by its name in there, and
    shows it under the name that was handed in; so feedback is the autograded notebook with the
    grade above, and no page. Raises UserError if the download cannot be read.
    """
    buffer = io.BytesIO()
    given: dict[str, None] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for member in members(download):
            own_name = replace(member, parts=member.parts[-1:])
            whose = None if member.data is None else canvas_file(own_name)
            student = None if whose is None else student_of(whose, roster)[0]
            grade = grades.get(student or "")
            if student is None or grade is None or student in given:
                continue
            place = assignment.autograded(student)
            if place.is_symlink() or not place.is_file():
                continue
            text = _with_grade(place.read_bytes(), grade)
            if text is not None:
                made.writestr(member.name, text)
                given[student] = None
    return buffer.getvalue(), list(given)


def _with_grade(notebook: bytes, grade: GradebookRow) -> str | None:
    """An autograded notebook with the grade in a cell above; None if it is none."""
    of_all = {"points": points_text(grade.score), "all": points_text(grade.max_score)}
    told = [say("{points} of {all} points", **of_all)]
    told += [
        "  " + say(what, points=points_text(points))
        for what, points in (
            (sentence("by machine: {points}"), grade.machine_score),
            (sentence("by a person: {points}"), grade.manual_score),
            (sentence("extra: {points}"), grade.extra_credit),
            (
                sentence("taken off because it was handed in late: {points}"),
                -grade.late_submission_penalty,
            ),
        )
        if points
    ]
    if grade.late is not None:
        told.append(grade.late.told)
    if grade.needs_manual_grade:
        told.append(say("A part is still to be graded by a person."))
    for mark in grade.marks:
        points = ""
        if mark.score is not None:
            points = f", {points_text(mark.score)}/{points_text(mark.max_score)}"
        told.append(f"{mark.name}{points}: {mark.comment}".rstrip(": "))
    try:
        tree = json.loads(notebook)
        # a raw cell is shown as it is, whatever somebody has written in a comment
        first = {"cell_type": "raw", "id": "grade", "metadata": {}, "source": "\n".join(told)}
        tree["cells"].insert(0, first)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return json.dumps(tree, ensure_ascii=False) + "\n"


def feedback_zip(table: Path, roster: Roster, assignment: Assignment) -> bytes:
    """A zip file of the feedback pages, in folders by whose names Moodle knows the students.

    ``table`` is its grading worksheet. Students without a page are left out.
    """
    head, *rows = read_table(table, _AS_EXPORTED).rows
    identifier, name = (
        _index(head, each, table, _IN_ENGLISH) for each in ("Identifier", "Full name")
    )
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
