"""Writing scores to nbgrader's gradebook: one writer, one transaction.

The tables are nbgrader's; only how they are filled is ours: a whole class in one transaction
instead of several commits a cell. Manual grades are never touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.paths import CourseDirectory, UserError, put_environment_on_path
from autograder.release.source import check_id

from .results import Status, Submission


@dataclass(frozen=True)
class GradebookRow:
    """What the gradebook holds of a submission; the columns of ``nbgrader export``."""

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


def save(
    problem_set: str,
    course: CourseDirectory,
    submissions: Iterable[Submission],
    unchanged: Collection[str] = (),
) -> dict[str, GradebookRow]:
    """Enter the results in the gradebook; return its rows by student.

    ``unchanged`` are students whose hand-in is as it was when last entered: a manual grade of
    theirs needs no second look.
    """
    from nbgrader.api import Gradebook, MissingEntry  # takes seconds: not at the top
    from sqlalchemy.exc import SQLAlchemyError

    put_environment_on_path()
    try:
        with Gradebook(course.database_url) as gradebook:
            try:
                gradebook.find_notebook(problem_set, problem_set)
            except MissingEntry:
                raise UserError(
                    f"{course.gradebook} does not know {problem_set}; "
                    f"run: autograder release {problem_set} --course-dir {course.root}"
                ) from None
            writer = _Writer(gradebook, problem_set, course)
            rows = {}
            with gradebook.db.no_autoflush:
                for submission in submissions:
                    writer.enter(submission, changed=submission.student not in unchanged)
            gradebook.db.commit()
            for row in writer.rows():
                rows[row.student_id] = row
            return rows
    except SQLAlchemyError as error:
        raise UserError(f"the gradebook {course.gradebook} cannot be written: {error}") from None


class _Writer:
    def __init__(self, gradebook: Any, problem_set: str, course: CourseDirectory) -> None:
        from nbgrader import api

        self.api = api
        self.db = gradebook.db
        self.course = course
        self.problem_set = problem_set
        self.assignment = gradebook.find_assignment(problem_set)
        self.notebook = gradebook.find_notebook(problem_set, problem_set)
        self.grade_cells = {cell.name: cell for cell in self.notebook.grade_cells}
        self.students = {student.id: student for student in self.db.query(api.Student)}
        self.submissions = {
            submission.student_id: submission
            for submission in self.db.query(api.SubmittedAssignment).filter(
                api.SubmittedAssignment.assignment_id == self.assignment.id
            )
        }
        self.entered: list[str] = []

    def enter(self, submission: Submission, *, changed: bool) -> None:
        entry = self.submissions.get(submission.student) or self._new(submission.student)
        timestamp = _timestamp(self.course.submitted(self.problem_set, submission.student).parent)
        if timestamp is not None:
            entry.timestamp = timestamp
        self.entered.append(submission.student)
        notebook = next(nb for nb in entry.notebooks if nb.notebook_id == self.notebook.id)
        scores: dict[str, float] = {
            check_id(exercise.name): float(exercise.score) for exercise in submission.exercises
        }
        cells = {cell.id: cell.name for cell in self.grade_cells.values()}
        for grade in notebook.grades:
            name = cells.get(grade.cell_id)
            if name in scores:
                grade.auto_score = scores[name]
                grade.needs_manual_grade = (
                    submission.status is Status.MANUAL and grade.manual_score is None
                ) or (changed and grade.manual_score is not None)
            elif name in submission.written_answered:
                grade.auto_score = None
                grade.needs_manual_grade = changed or grade.manual_score is None
            else:
                grade.auto_score = 0.0
                grade.needs_manual_grade = changed and grade.manual_score is not None
        for comment in notebook.comments:
            answered = comment.cell.name in submission.written_answered or comment.cell.name in {
                e.name for e in submission.exercises if not all(c.unanswered for c in e.checks)
            }
            comment.auto_comment = None if answered else "No response."

    def _new(self, student_id: str) -> Any:
        api = self.api
        student = self.students.get(student_id)
        if student is None:
            student = api.Student(id=student_id)
            self.db.add(student)
            self.students[student_id] = student
        entry = api.SubmittedAssignment(assignment=self.assignment, student=student)
        notebook = api.SubmittedNotebook(notebook=self.notebook, assignment=entry)
        for cell in self.notebook.grade_cells:
            api.Grade(cell=cell, cell_id=cell.id, notebook=notebook)
        for cell in self.notebook.solution_cells:
            api.Comment(cell=cell, cell_id=cell.id, notebook=notebook)
        self.db.add(entry)
        self.db.flush()  # gives the new rows their ids
        self.submissions[student_id] = entry
        return entry

    def rows(self) -> Iterable[GradebookRow]:
        for student_id in self.entered:
            entry = self.submissions[student_id]
            student = self.students[student_id]
            penalty = float(entry.late_submission_penalty or 0.0)
            yield GradebookRow(
                self.problem_set,
                str(self.assignment.duedate or ""),
                str(entry.timestamp or ""),
                student_id,
                student.last_name or "",
                student.first_name or "",
                student.email or "",
                float(entry.score),
                penalty,
                max(0.0, float(entry.score) - penalty),
                float(entry.max_score),
                bool(entry.needs_manual_grade),
            )


def _timestamp(folder: Path) -> Any:
    """The time in nbgrader's timestamp.txt, or None; students may have written it."""
    from nbgrader.utils import parse_utc

    try:
        text = (folder / "timestamp.txt").read_bytes()[:100].decode().strip()
        return parse_utc(text) if text else None
    except (OSError, ValueError, OverflowError):
        return None
