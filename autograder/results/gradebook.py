"""Entering scores in nbgrader's gradebook: one writer, one transaction, a class at a time.

The tables are nbgrader's, made by ``nbgrader generate_assignment`` at release; here they are read
and filled without nbgrader, whose import takes as long as grading a hundred hand-ins. Manual
scores, extra credit and manual comments are never written.
"""

from __future__ import annotations

import importlib.metadata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError, some
from autograder.course.reading import read_bytes
from autograder.definition.ids import WRITTEN, check_id, checked_exercise, is_check

from .late import late_policy, require_no_plugin
from .moments import as_long
from .policies import Lateness, Policies, read_policies
from .result import Result, Status

FORM_GRADER = "http://localhost:8888/formgrader"  # where JupyterLab has nbgrader's by default
_EPOCH = datetime(1970, 1, 1)
_PATIENCE = 60  # seconds to wait for another program that is writing
_CHUNK = 500  # results whose rows are held in memory at a time
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL's code for a time-out
_SCHEMA = "e43177bfe90b"  # of the gradebooks that nbgrader 0.9.6 makes
# what is read or written, all of it there since that schema
_COLUMNS = {
    "course": ("id",),
    "assignment": ("id", "name", "duedate", "course_id"),
    "notebook": ("id", "name", "assignment_id"),
    "base_cell": ("id", "name", "notebook_id", "type"),
    "grade_cells": ("id", "max_score"),
    "task_cells": ("id", "max_score"),
    "student": ("id", "first_name", "last_name", "email"),
    "submitted_assignment": ("id", "assignment_id", "student_id", "timestamp", "extension"),
    "submitted_notebook": (
        "id",
        "assignment_id",
        "notebook_id",
        "flagged",
        "late_submission_penalty",
    ),
    "grade": (
        "id",
        "notebook_id",
        "cell_id",
        "auto_score",
        "manual_score",
        "extra_credit",
        "needs_manual_grade",
    ),
    "comment": ("id", "notebook_id", "cell_id", "auto_comment", "manual_comment"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person has given for a cell, whose name it has: points, points beyond, words."""

    name: str
    score: float | None
    max_score: float
    extra_credit: float
    comment: str


@dataclass(frozen=True, slots=True)
class GradebookRow:
    """What the gradebook holds of a submission; the columns of ``nbgrader export``, and more.

    ``raw_score`` is the sum of ``machine_score``, of ``manual_score``, which is what persons gave
    or took from it, and of ``extra_credit``; ``score`` is what the penalty leaves of it. ``late``
    is there where there is a due date; ``of_the_term`` says which problem sets do not count.
    """

    assignment: str
    duedate: str
    timestamp: str
    student_id: str
    last_name: str
    first_name: str
    email: str
    raw_score: float
    late_submission_penalty: float
    score: float
    max_score: float
    needs_manual_grade: bool
    machine_score: float = 0.0
    manual_score: float = 0.0
    extra_credit: float = 0.0
    marks: tuple[Mark, ...] = ()
    late: Lateness | None = None
    of_the_term: str = ""


def save(
    assignment: Assignment,
    results: Iterable[Result],
    unchanged: Collection[str] = (),
    same_answers: Callable[[str], Collection[str]] = lambda student: (),
    worth: Mapping[str, float] | None = None,
    tell: Callable[[str], None] = lambda line: None,
    policies: Policies | None = None,
) -> dict[str, GradebookRow]:
    """Enter the results in the gradebook; return its rows by student.

    All are entered, or, if this fails or is interrupted, none; entering the same results again
    changes nothing. Others wait with writing while the ``results`` are taken. ``unchanged``
    are students whose hand-in is as it was when last entered: a manual grade of theirs needs no
    second look. ``same_answers`` gives the cells with points of a student of which that is true; it
    is asked only about students with such a grade. ``worth`` are the points that can be had for
    cells that check exercises, where these are others than at the release, or were.

    Due date and extensions are entered from the course directory's ``policies.toml``, if it has a
    due date. What lateness costs it says, too, or else nbgrader's plugin, as ``nbgrader_config.py``
    sets it; penalties are those for the scores that are then in the gradebook. What a person should
    know of this goes to ``tell``, a line each. ``policies`` are those, if they are read already.

    Raises UserError if the gradebook cannot be written or does not know the problem set, and if
    ``policies.toml`` holds what cannot be.
    """
    rows: dict[str, GradebookRow] = {}
    with _transaction(assignment.directory) as connection:
        writer = _Writer(connection, assignment, policies)
        writer.enter_worth(worth or {})
        writer.enter_due_date()
        remaining = iter(results)
        while chunk := {each.student: each for each in islice(remaining, _CHUNK)}:
            entered = writer.enter(chunk, unchanged, same_answers)
            rows.update((row.student_id, row) for row in entered)
        told = writer.told
    for line in told:
        tell(line)
    return rows


def rows_of_others(
    assignment: Assignment, but: Collection[str], policies: Policies | None = None
) -> dict[str, GradebookRow]:
    """The rows of all students in the gradebook except ``but``: who has handed in nothing has 0.

    ``policies`` are those of the course directory, if they are read already. Raises UserError if
    the gradebook cannot be read.
    """
    with _transaction(assignment.directory) as connection:
        return _Writer(connection, assignment, policies).others(but)


def expected_rows(
    assignment: Assignment, policies: Policies | None = None
) -> Callable[[Result], GradebookRow]:
    """What :func:`save` will most likely return for a result, as the gradebook is now.

    That is so unless a person has graded the hand-in, or points are taken off because it is late.
    Raises UserError if the gradebook cannot be read.
    """
    with _transaction(assignment.directory) as connection:
        writer = _Writer(connection, assignment, policies)
        students = {row.id: row for row in writer._rows("student")}
    due = writer.policies.due(assignment.problem_set)
    if due is not None:  # which is not entered yet
        writer.duedate = _naive(due)
    return partial(writer.expected, students)


def knows(assignment: Assignment) -> bool:
    """Whether an assignment has been released into the gradebook.

    Raises UserError if the gradebook cannot be used.
    """
    with _transaction(assignment.directory) as connection:
        try:
            _Writer(connection, assignment)
        except _NotReleased:
            return False
        return True


def has_submissions(assignment: Assignment) -> bool:
    """Whether submissions of an assignment have been entered in the gradebook.

    Raises UserError if the gradebook cannot be used.
    """
    with _transaction(assignment.directory) as connection:
        try:
            writer = _Writer(connection, assignment)
        except _NotReleased:
            return False
        return bool(writer._rows("submitted_assignment", assignment_id=[writer.row.id]))


def last_deadline(assignment: Assignment, policies: Policies) -> tuple[datetime, str] | None:
    """Until when anybody can hand in, and that as people read it; None if nobody knows.

    It is the latest of all that policies and gradebook say: due dates with extensions and grace
    periods, and where lateness is allowed until a last moment, that. Raises UserError.
    """
    name = assignment.problem_set
    moments: list[datetime] = []
    due = policies.due(name)
    if due is not None:
        everybody = {policies.own_due(name, student) or due for student in policies.students}
        moments = [due, *everybody]
    if assignment.directory.is_on_server or assignment.directory.gradebook.is_file():
        with _transaction(assignment.directory) as connection:
            try:
                writer = _Writer(connection, assignment, policies)
            except _NotReleased:
                pass
            else:
                moments += writer.own_due_dates()
    if not moments:
        return None
    last = max(policies.deadline(name, moment) for moment in moments)
    return last, policies.shown(last, name)


class _NotReleased(UserError):
    """The gradebook has no such assignment, or nothing at all."""


@contextmanager
def _transaction(course: CourseDirectory) -> Iterator[Any]:
    """A connection that alone writes; what it wrote is kept if the block ends without an error."""
    import sqlalchemy as sa  # takes 0.2 seconds: not at the top

    url = sa.make_url(course.database_url)
    on_file = url.get_backend_name() == "sqlite"
    # time-out in seconds, and no transaction but those begun here
    how: dict[str, Any] = {"timeout": _PATIENCE, "isolation_level": None} if on_file else {}
    try:
        engine = sa.create_engine(url, connect_args=how, hide_parameters=True)
        # take the lock before reading, so that what was read is still true when writing
        if on_file:
            sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        elif url.get_backend_name() == "postgresql":
            patience = f"SET LOCAL lock_timeout = '{_PATIENCE}s'"
            sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql(patience))
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()
    except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as error:
        raise UserError(_told(course, error)) from None


def _told(course: CourseDirectory, error: Exception) -> str:
    """What went wrong with the gradebook, in one line, without what was being written."""
    cause = getattr(error, "orig", None) or error
    again = "no grading is lost; run the same command again"
    busy = getattr(cause, "sqlite_errorname", "").startswith("SQLITE_BUSY")
    if busy or getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return f"{course.gradebook_name} was locked by another program for {_PATIENCE} s: {again}"
    reason = str(cause).strip().partition("\n")[0]
    return f"the gradebook {course.gradebook_name} cannot be used: {reason}; {again} when it can be"


def _reflect(connection: Any, course: CourseDirectory) -> Mapping[str, Any]:
    """nbgrader's tables by name. Raises UserError if one lacks what is read or written."""
    import sqlalchemy as sa

    found = sa.MetaData()
    found.reflect(connection, only=lambda name, _: name in {*_COLUMNS, "alembic_version"})
    tables: Mapping[str, Any] = found.tables
    if not tables:  # an empty database
        return tables
    for name, columns in _COLUMNS.items():
        there = tables[name].c if name in tables else ()
        missing = [column for column in columns if column not in there]
        if missing:
            version = tables.get("alembic_version")
            schema = None if version is None else connection.scalar(sa.select(version))
            raise UserError(
                f"the gradebook {course.gradebook_name} has no {name}.{missing[0]}: its schema is "
                f"{schema or 'none of nbgrader'}, where nbgrader "
                f"{importlib.metadata.version('nbgrader')} has {_SCHEMA}; "
                f"make a copy of it, then run in {course.root}: nbgrader db upgrade"
            )
    return tables


class _NewStudent(NamedTuple):
    """A student as nbgrader enters one of whom only the folder's name is known."""

    id: str
    last_name: None = None
    first_name: None = None
    email: None = None


class _NewEntry(NamedTuple):
    """A submission that has not been entered yet."""

    timestamp: datetime | None
    extension: timedelta | None


class _NewGrade(NamedTuple):
    """A grade as nbgrader makes it for a new submission."""

    id: None = None
    auto_score: None = None
    manual_score: None = None
    extra_credit: None = None
    needs_manual_grade: bool = True


@dataclass(slots=True)
class _Sums:
    """What the gradebook holds of one submission, added up; ``machine`` is what we judge."""

    machine: float = 0.0
    extra: float = 0.0
    penalty: float = 0.0
    waits: bool = False
    of_notebook: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    by_hand: dict[str, Any] = field(default_factory=dict)  # rows of grades by their cell
    words: dict[tuple[str, str], str] = field(default_factory=dict)  # by notebook and subject

    def add(self, notebook: str, cell: Any, row: Any, auto: float | None, ours: bool) -> None:
        """Add a grade in a notebook, by its id; the automatic score may be a new one."""
        self.of_notebook[notebook] += _score(auto, row.manual_score, row.extra_credit)
        if ours and is_check(cell.name):
            self.machine += auto or 0.0
        if auto is not None or row.manual_score is not None:
            self.extra += row.extra_credit or 0.0
        if row.manual_score is not None or row.extra_credit:
            self.by_hand[cell.id] = row


class _Writer:
    """Enters results of one assignment."""

    def __init__(
        self, connection: Any, assignment: Assignment, policies: Policies | None = None
    ) -> None:
        self.connection = connection
        self.assignment = assignment
        self._read_policies = policies
        self.tables = _reflect(connection, assignment.directory)
        name = assignment.problem_set
        entered = self._rows("assignment", name=[name]) if self.tables else []
        # an assignment may have further notebooks and tasks: they are for people to grade
        ids = [row.id for row in entered]
        notebooks = self._rows("notebook", assignment_id=ids) if ids else []
        own = [row.id for row in notebooks if row.name == name]
        if not own:
            raise _NotReleased(
                f"{assignment.directory.gradebook_name} does not know {name}; "
                f"run: autograder release {assignment.options}"
            )
        self.row = entered[0]
        # other programs that would enter submissions wait from here on
        self._locked_rows("course", id=[self.row.course_id])
        self.notebook_id = own[0]
        self.notebook_ids = [row.id for row in notebooks]
        cells = self._rows("base_cell", notebook_id=self.notebook_ids)
        self.graded = [cell for cell in cells if cell.type in ("GradeCell", "TaskCell")]
        self.commented = [cell for cell in cells if cell.type in ("SolutionCell", "TaskCell")]
        ids = [cell.id for cell in self.graded]
        points = [*self._rows("grade_cells", id=ids), *self._rows("task_cells", id=ids)]
        self.max_scores = {row.id: float(row.max_score) for row in points}
        self.max_score = sum(self.max_scores.values())
        self.duedate: datetime | None = self.row.duedate
        self._changes: list[str] = []
        self._undated: list[str] = []  # students whose time of handing in nobody knows

    @cached_property
    def policies(self) -> Policies:
        """What ``policies.toml`` says."""
        return self._read_policies or read_policies(self.assignment.directory)

    def enter(
        self,
        results: Mapping[str, Result],
        unchanged: Collection[str],
        same_answers: Callable[[str], Collection[str]],
    ) -> Iterator[GradebookRow]:
        """Enter results, given by student; yield what the gradebook then holds of them."""
        students = {row.id: row for row in self._students(list(results))}
        entries = self._entries(list(results))
        of_entry = {row.id: results[row.student_id] for row in entries}
        notebooks = self._notebooks(list(of_entry))
        sums = self._enter_grades(notebooks, of_entry, unchanged, same_answers)
        self._enter_comments(notebooks, of_entry, sums)
        self._enter_penalties(notebooks, {row.id: row for row in entries}, sums)
        for entry in entries:
            yield self._row(students[entry.student_id], entry, sums[entry.id])

    def enter_due_date(self) -> None:
        """Enter the due date that the policies have, if they have one."""
        due = self.policies.due(self.assignment.problem_set)
        if due is None or self.duedate == _naive(due):
            return
        if self.duedate is not None:
            self._changes.append(
                f"the due date was {self._shown(self.duedate)} in the gradebook, and is now "
                f"{self._shown(_naive(due))}, as in {self.policies.path}"
            )
        self.duedate = _naive(due)
        self._update("assignment", [{"id": self.row.id, "duedate": self.duedate}])

    def own_due_dates(self) -> list[datetime]:
        """The due dates, by the gradebook: that of all, and those of submissions."""
        if self.duedate is None:
            return []
        entries = self._rows("submitted_assignment", assignment_id=[self.row.id])
        extensions = {timedelta(), *map(_extension, entries)}
        return [(self.duedate + each).replace(tzinfo=UTC) for each in extensions]

    @property
    def told(self) -> list[str]:
        """What a person should know of due dates and extensions, a line each."""
        lines = list(self._changes)
        if self.duedate is not None and self._undated:
            lines.append(
                f"no timestamp.txt says when {some(self._undated, rest='others')} handed in: "
                "this counts as in time"
            )
        if self.policies.extensions:
            unknown = self.policies.students - {row.id for row in self._rows("student")}
            if unknown:
                names = some(sorted(unknown), rest="others")
                lines.append(
                    f"{self.policies.path} has extensions for {names}, and the gradebook nobody of "
                    "that name"
                )
        return lines

    def enter_worth(self, worth: Mapping[str, float]) -> None:
        """Enter the points that can be had for cells, by their names."""
        changed = []
        for cell in self.graded:
            most = worth.get(cell.name) if self._is_ours(cell) else None
            if most is not None and most != self.max_scores[cell.id]:
                changed.append({"id": cell.id, "max_score": most})
                self.max_scores[cell.id] = most
        self._update("grade_cells", changed)
        self.max_score = sum(self.max_scores.values())

    def others(self, but: Collection[str]) -> dict[str, GradebookRow]:
        """The rows of all students except ``but``, as they are."""
        students = [row for row in self._rows("student") if row.id not in but]
        found = {}
        for start in range(0, len(students), _CHUNK):
            chunk = {row.id: row for row in students[start : start + _CHUNK]}
            wanted = {"assignment_id": [self.row.id], "student_id": list(chunk)}
            entries = {row.student_id: row for row in self._rows("submitted_assignment", **wanted)}
            ids = [row.id for row in entries.values()]
            notebooks = self._rows(
                "submitted_notebook", notebook_id=self.notebook_ids, assignment_id=ids
            )
            sums: defaultdict[str, _Sums] = defaultdict(_Sums)
            for notebook, cell, row in self._places("grade", self.graded, notebooks):
                if row is not None:
                    own, ours = sums[notebook.assignment_id], self._is_ours(cell)
                    own.add(notebook.id, cell, row, row.auto_score, ours)
                    own.waits |= bool(row.needs_manual_grade)
            for notebook in notebooks:
                sums[notebook.assignment_id].penalty += notebook.late_submission_penalty or 0.0
            for student in chunk.values():
                entry = entries.get(student.id)
                own = _Sums() if entry is None else sums[entry.id]
                found[student.id] = self._row(student, entry, own)
        return found

    def expected(self, students: Mapping[str, Any], result: Result) -> GradebookRow:
        """The row of a hand-in in time that no person has graded; the gradebook is not asked."""
        points = _points(result)
        sums = _Sums()
        for cell in self.graded:
            row = _NewGrade()
            auto, waits = row.auto_score, row.needs_manual_grade
            if self._is_ours(cell):
                auto, waits = _judged(cell.name, points, result)
            sums.add(cell.notebook_id, cell, row, auto, self._is_ours(cell))
            sums.waits |= waits
        student = students.get(result.student) or _NewStudent(result.student)
        folder = self.assignment.submitted(student.id).parent
        handed_in = None if self.duedate is None else _timestamp(folder)
        return self._row(student, _NewEntry(handed_in, self._given_extension(student.id)), sums)

    def _row(self, student: Any, entry: Any | None, sums: _Sums) -> GradebookRow:
        raw = sum(sums.of_notebook.values(), 0.0)
        return GradebookRow(
            self.assignment.problem_set,
            str(self.duedate or ""),
            str((entry is not None and entry.timestamp) or ""),
            student.id,
            student.last_name or "",
            student.first_name or "",
            student.email or "",
            raw,
            sums.penalty,
            max(0.0, raw - sums.penalty),
            self.max_score,
            sums.waits,
            sums.machine,
            raw - sums.machine - sums.extra,
            sums.extra,
            tuple(self._marks(sums)),
            self._lateness(student.id, entry, sums.penalty, raw),
            self.policies.of_the_term(self.assignment.problem_set),
        )

    def _marks(self, sums: _Sums) -> Iterator[Mark]:
        """What persons gave, in the order of the cells in the gradebook."""
        for cell in self.graded:
            row = sums.by_hand.get(cell.id)
            words = sums.words.pop((cell.notebook_id, _subject(cell.name)), "")
            if row is None and not words:
                continue
            score, extra = (None, 0.0) if row is None else (row.manual_score, row.extra_credit)
            most = self.max_scores[cell.id]
            yield Mark(_subject(cell.name), score, most, extra or 0.0, words)
        for (_, name), words in sums.words.items():
            yield Mark(name, None, 0.0, 0.0, words)

    def _students(self, students: list[str]) -> Sequence[Any]:
        self._check_lengths(students)
        found = self._rows("student", id=students)
        new = sorted(set(students) - {row.id for row in found})
        self._insert("student", [{"id": student} for student in new])
        return self._rows("student", id=students) if new else found

    def _check_lengths(self, students: list[str]) -> None:
        longest = self.tables["student"].c.id.type.length
        too_long = [name for name in students if len(name) > longest]
        if too_long and self.connection.dialect.name != "sqlite":  # which holds any length
            raise UserError(
                f"the name of the folder submitted/{too_long[0]} is longer than the {longest} "
                f"characters that {self.assignment.directory.gradebook_name} holds; rename it"
            )

    def _entries(self, students: list[str]) -> Sequence[Any]:
        """The submissions of the assignment by these students, with the time of handing in."""
        wanted = {"assignment_id": [self.row.id], "student_id": students}
        found = {row.student_id: row for row in self._rows("submitted_assignment", **wanted)}
        new, changed, extended = [], [], []
        for student in students:
            entry = found.get(student)
            timestamp = _timestamp(self.assignment.submitted(student).parent)
            given = self._given_extension(student)
            if entry is None:
                place = {"assignment_id": self.row.id, "student_id": student}
                granted = {} if given is None else {"extension": self._interval(given)}
                new.append({"id": _new_id(), **place, "timestamp": timestamp, **granted})
                known = timestamp is not None
            else:
                if timestamp is not None and timestamp != entry.timestamp:
                    changed.append({"id": entry.id, "timestamp": timestamp})
                if given is not None and given != _extension(entry):
                    extended.append({"id": entry.id, "extension": self._interval(given)})
                    self._tell_extension(student, _extension(entry), given)
                known = timestamp is not None or entry.timestamp is not None
            if not known:
                self._undated.append(student)
        self._insert("submitted_assignment", new)
        self._update("submitted_assignment", changed)
        self._update("submitted_assignment", extended)
        rows = {row.student_id: row for row in self._rows("submitted_assignment", **wanted)}
        return [rows[student] for student in students]

    def _given_extension(self, student: str) -> timedelta | None:
        """The extension by the policies; None if the gradebook's is not for them to say."""
        due = self.policies.due(self.assignment.problem_set)
        own = self.policies.own_due(self.assignment.problem_set, student)
        return None if due is None or own is None else _naive(own) - _naive(due)

    def _interval(self, extension: timedelta) -> Any:
        """An extension as the gradebook's database keeps it; None for none."""
        import sqlalchemy as sa

        kind = self.tables["submitted_assignment"].c.extension.type
        if not extension:
            return None
        # databases without intervals keep the moment that is so long after 1970
        return _EPOCH + extension if isinstance(kind, sa.DateTime) else extension

    def _tell_extension(self, student: str, was: timedelta, now: timedelta) -> None:
        if was:
            told = f"is now {as_long(now.total_seconds())}" if now else "goes"
            self._changes.append(
                f"the extension of {student} was {as_long(was.total_seconds())} in the gradebook, "
                f"and {told}, as in {self.policies.path}"
            )

    def _shown(self, moment: datetime) -> str:
        return self.policies.shown(moment.replace(tzinfo=UTC), self.assignment.problem_set)

    def _lateness(
        self, student: str, entry: Any | None, penalty: float, raw: float
    ) -> Lateness | None:
        """When the hand-in was due and came, and what that costs; None if nothing is due."""
        if self.duedate is None:
            return None
        name = self.assignment.problem_set
        granted = self.policies.extension(name, student)
        own = self.policies.own_due(name, student)
        extension = _extension(entry)
        if entry is None and own is not None:
            extension = _naive(own) - self.duedate
        own_due = self.duedate + extension
        handed_in = None if entry is None else entry.timestamp
        seconds = 0.0 if entry is None else max(0.0, _seconds_late(entry, self.duedate))
        percent, reason = self._taken(own_due, seconds)
        if penalty and abs(penalty - _penalty(raw, percent)) > 0.011:  # by a plugin, or rounded
            reason = f"{f'{penalty:.2f}'.rstrip('0').rstrip('.')} points are taken off"
        elif percent and not penalty:  # nothing was there to be taken, or it is not yet graded so
            reason = ""
        return Lateness(
            self._shown(self.duedate),
            self._shown(own_due) if extension else "",
            granted.why
            if granted is not None and own is not None and _naive(own) == own_due
            else "",
            "" if handed_in is None else self._shown(handed_in),
            seconds,
            extension.total_seconds(),
            reason,
        )

    def _taken(self, own_due: datetime, seconds: float) -> tuple[float, str]:
        due = own_due.replace(tzinfo=UTC)
        written = self.policies.due(self.assignment.problem_set)
        if written is not None:
            due = due.astimezone(written.tzinfo)
        return self.policies.taken(self.assignment.problem_set, due, seconds)

    def _notebooks(self, entries: list[str]) -> Sequence[Any]:
        """All notebooks of these submissions."""
        wanted = {"notebook_id": self.notebook_ids, "assignment_id": entries}
        found = self._rows("submitted_notebook", **wanted)
        there = {(row.assignment_id, row.notebook_id) for row in found}
        new = [
            {"id": _new_id(), "assignment_id": entry, "notebook_id": notebook, "flagged": False}
            for entry in entries
            for notebook in self.notebook_ids
            if (entry, notebook) not in there
        ]
        self._insert("submitted_notebook", new)
        return self._rows("submitted_notebook", **wanted) if new else found

    def _enter_grades(
        self,
        notebooks: Sequence[Any],
        of_entry: Mapping[str, Result],
        unchanged: Collection[str],
        same_answers: Callable[[str], Collection[str]],
    ) -> defaultdict[str, _Sums]:
        """Enter the points; return their sums by submission."""
        points = {entry: _points(result) for entry, result in of_entry.items()}
        sums: defaultdict[str, _Sums] = defaultdict(_Sums)
        new, changed = [], []
        for notebook, cell, found in self._places("grade", self.graded, notebooks):
            entry = notebook.assignment_id
            row = found or _NewGrade()
            auto, waits = row.auto_score, row.needs_manual_grade
            if self._is_ours(cell):
                auto, waits = _judged(cell.name, points[entry], of_entry[entry])
                if (
                    row.manual_score is not None
                ):  # the manual score stands; if the answer changed, a person has to look again
                    student = of_entry[entry].student
                    same = student in unchanged or cell.name in same_answers(student)
                    waits = not same or row.needs_manual_grade
            values = {"auto_score": auto, "needs_manual_grade": waits}
            if found is None:
                new.append({"id": _new_id(), **_place(notebook, cell), **values})
            elif (auto, waits) != (row.auto_score, row.needs_manual_grade):
                changed.append({"id": row.id, **values})
            sums[entry].add(notebook.id, cell, row, auto, self._is_ours(cell))
            sums[entry].waits |= bool(waits)
        self._insert("grade", new)
        self._update("grade", changed)
        return sums

    def _enter_penalties(
        self, notebooks: Sequence[Any], entries: Mapping[str, Any], sums: Mapping[str, _Sums]
    ) -> None:
        """Enter the penalties of late submissions, and take away those of others."""
        changed = []
        for notebook in notebooks:
            entry, own = entries[notebook.assignment_id], sums[notebook.assignment_id]
            seconds = _seconds_late(entry, self.duedate)
            penalty = None
            if seconds > 0:
                score = own.of_notebook[notebook.id]
                penalty = self._late_policy(entry, score, seconds)
            own.penalty += penalty or 0.0
            if penalty != notebook.late_submission_penalty:
                changed.append({"id": notebook.id, "late_submission_penalty": penalty})
        self._update("submitted_notebook", changed)

    @cached_property
    def _late_policy(self) -> Callable[[Any, float, float], float | None]:
        """What is taken from a submission, its score, so many seconds late."""
        root, rule = self.assignment.root, self.policies.rule(self.assignment.problem_set)
        if rule is None:
            plugin = late_policy(root)
            return lambda entry, score, seconds: plugin(entry.student_id, score, seconds)
        require_no_plugin(root, self.policies.path)

        def by_the_file(entry: Any, score: float, seconds: float) -> float | None:
            assert self.duedate is not None
            percent, _ = self._taken(self.duedate + _extension(entry), seconds)
            return _penalty(score, percent) or None

        return by_the_file

    def _enter_comments(
        self, notebooks: Sequence[Any], of_entry: Mapping[str, Result], sums: Mapping[str, _Sums]
    ) -> None:
        """Say “No response.” where an answer is as released; note what persons have said."""
        answered = {entry: _answered(result) for entry, result in of_entry.items()}
        new, changed = [], []
        for notebook, cell, row in self._places("comment", self.commented, notebooks):
            comment = None if row is None else row.auto_comment
            if self._is_ours(cell):
                there = cell.name in answered[notebook.assignment_id]
                comment = None if there else "No response."
            words = "" if row is None else (row.manual_comment or "").strip()
            if words:
                place_of = cell.notebook_id, _subject(cell.name)
                sums[notebook.assignment_id].words[place_of] = words
            if row is None:
                place = _place(notebook, cell)
                new.append({"id": _new_id(), **place, "auto_comment": comment})
            elif row.auto_comment != comment:
                changed.append({"id": row.id, "auto_comment": comment})
        self._insert("comment", new)
        self._update("comment", changed)

    def _is_ours(self, cell: Any) -> bool:
        """Whether what is entered for a cell is for this package to say."""
        return bool(cell.notebook_id == self.notebook_id and cell.type != "TaskCell")

    def _places(
        self, table: str, cells: Sequence[Any], notebooks: Sequence[Any]
    ) -> Iterator[tuple[Any, Any, Any]]:
        """Each cell of each submitted notebook with its row in a table, or None."""
        wanted = {"cell_id": [c.id for c in cells], "notebook_id": [n.id for n in notebooks]}
        rows = {(r.notebook_id, r.cell_id): r for r in self._locked_rows(table, **wanted)}
        for notebook in notebooks:
            for cell in cells:
                if cell.notebook_id == notebook.notebook_id:
                    yield notebook, cell, rows.get((notebook.id, cell.id))

    # statements

    def _rows(self, table: str, **among: Sequence[str]) -> Sequence[Any]:
        """The rows of a table in which each column named has one of the values."""
        rows: Sequence[Any] = self.connection.execute(self._select(table, among)).all()
        return rows

    def _locked_rows(self, table: str, **among: Sequence[str]) -> Sequence[Any]:
        """These rows, which nobody else can change until the transaction ends."""
        statement = self._select(table, among).with_for_update()
        rows: Sequence[Any] = self.connection.execute(statement).all()
        return rows

    def _select(self, table: str, among: Mapping[str, Sequence[str]]) -> Any:
        import sqlalchemy as sa

        columns = self.tables[table].c
        conditions = (columns[name].in_(values) for name, values in among.items())
        return sa.select(*(columns[name] for name in _COLUMNS[table])).where(*conditions)

    def _insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            self.connection.execute(self.tables[table].insert(), rows)

    def _update(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Set columns of the rows with these ids, the same columns in all."""
        import sqlalchemy as sa

        if rows:
            target = self.tables[table]
            values = {name: sa.bindparam(name) for name in rows[0] if name != "id"}
            statement = target.update().where(target.c.id == sa.bindparam("row")).values(values)
            self.connection.execute(statement, [{"row": row.pop("id"), **row} for row in rows])


def _points(result: Result) -> dict[str, float]:
    """The points of each cell that checks an exercise."""
    return {check_id(each.name): float(each.score) for each in result.exercises}


def _judged(cell: str, points: Mapping[str, float], result: Result) -> tuple[float | None, bool]:
    """The automatic score of a cell, and whether it waits for a person who has not graded it."""
    if cell in result.written_answered:
        return None, True
    return points.get(cell, 0.0), cell in points and result.status is Status.MANUAL


def _answered(result: Result) -> frozenset[str]:
    """The cells that hold an answer."""
    return result.written_answered | {
        exercise.name
        for exercise in result.exercises
        if not all(check.unanswered for check in exercise.checks)
    }


def _score(auto: float | None, manual: float | None, extra: float | None) -> float:
    """The points of a cell, as in nbgrader's models: extra credit needs a score to be added to."""
    score = auto if manual is None else manual
    return 0.0 if score is None else score + (extra or 0.0)


def _subject(cell: str) -> str:
    """What a person's mark or comment on a cell is about: the exercise, or the question."""
    return checked_exercise(cell) if is_check(cell) else cell.removeprefix(WRITTEN)


def _seconds_late(entry: Any, duedate: datetime | None) -> float:
    """How late a submission is, with its extension: as in nbgrader's models."""
    if duedate is None or entry.timestamp is None:
        return 0.0
    return float((entry.timestamp - duedate - _extension(entry)).total_seconds())


def _extension(entry: Any | None) -> timedelta:
    """The extension that a submission has in the gradebook."""
    extension = None if entry is None else entry.extension
    if isinstance(extension, datetime):  # as SQLAlchemy keeps intervals in SQLite
        return extension - _EPOCH
    return extension or timedelta()


def _penalty(score: float, percent: float) -> float:
    """So many per cent of a score, to a hundredth of a point; never more than there is."""
    return min(score, round(score * percent / 100, 2)) if score > 0 else 0.0


def _naive(moment: datetime) -> datetime:
    """A moment as the gradebook has it: in UTC, without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _place(notebook: Any, cell: Any) -> dict[str, str]:
    return {"notebook_id": notebook.id, "cell_id": cell.id}


def _new_id() -> str:
    """An id as nbgrader makes them."""
    return uuid4().hex


def _timestamp(folder: Path) -> datetime | None:
    """The time in nbgrader's timestamp.txt, in UTC, or None; students may have written it.

    It is read as ``nbgrader.utils.parse_utc`` does.
    """
    from dateutil import parser, tz

    try:
        text = read_bytes(folder / "timestamp.txt")[:100].decode().strip()
        *rest, zone = text.split(" ")
        zones = None
        if len(rest) == 2:  # a date, a time, and the name of a zone or seconds from UTC
            zones = {"TZ": int(zone) if zone.lstrip("+-").isdecimal() else tz.gettz(zone)}
            text = " ".join([*rest, "TZ"])
        time: datetime = parser.parse(text, tzinfos=zones)
        return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    except Exception:  # of every kind, for what can be in the file
        return None
