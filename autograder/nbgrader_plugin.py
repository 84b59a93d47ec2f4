"""nbgrader's own commands and pages, with this package's grading behind them.

``configure`` is called by ``nbgrader_config.py``. It replaces three of nbgrader's preprocessors:

ClearSolutions   by NamedStubs: a stub raises NotImplementedError with the exercise's own name;
Execute          by GradeInSandbox: nothing of a hand-in runs outside the sandbox;
SaveAutoGrades   by SaveScores: scores come from the judge, not from the notebook's outputs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbgrader import utils
from nbgrader.coursedir import CourseDirectory as NbGraderCourse
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Unicode

from autograder.grading.results import Status, Submission
from autograder.grading.session import Session, Settings
from autograder.paths import CourseDirectory, UserError, put_environment_on_path
from autograder.release.source import check_id
from autograder.reports.notebook import autograded_notebook
from autograder.sandbox.isolation import FULL

_RESULT = "autograder"  # key in nbconvert's resources


def configure(config: Any, root: Path, db_url: str | None = None) -> None:
    """Set up nbgrader for the course directory ``root``.

    The gradebook is at ``db_url``, by default where AUTOGRADER_DB_URL says or else in ``root``.
    """
    put_environment_on_path()
    config.CourseDirectory.root = str(root)
    db_url = db_url or os.environ.get("AUTOGRADER_DB_URL")
    if db_url:
        config.CourseDirectory.db_url = db_url
        # nbgrader's own default, no name, breaks a rule of its tables that SQLite does not enforce
        config.CourseDirectory.setdefault("course_id", "default_course")
    config.ClearSolutions.begin_solution_delimeter = "### BEGIN SOLUTION"
    config.ClearSolutions.end_solution_delimeter = "### END SOLUTION"
    config.GenerateAssignment.preprocessors = [
        f"nbgrader.preprocessors.{name}" if name != "NamedStubs" else f"{__name__}.NamedStubs"
        for name in (
            "IncludeHeaderFooter",
            "LockCells",
            "NamedStubs",
            "ClearOutput",
            "CheckCellMetadata",
            "ComputeChecksums",
            "SaveCells",
            "ClearHiddenTests",
            "ClearMarkScheme",
            "ComputeChecksums",
            "CheckCellMetadata",
        )
    ]
    config.Autograde.sanitize_preprocessors = ["nbgrader.preprocessors.ClearOutput"]
    config.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugin.GradeInSandbox",
        "autograder.nbgrader_plugin.SaveScores",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]


class NamedStubs(ClearSolutions):  # type: ignore[misc]
    """ClearSolutions whose code stub names the function that is still to be written."""

    def preprocess_cell(
        self, cell: Any, resources: dict[str, Any], cell_index: int
    ) -> tuple[Any, dict[str, Any]]:
        """Clear the solution in one cell."""
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if re.fullmatch(r"\w+", name):
            self.code_stub = {
                "python": f'# YOUR CODE HERE\nraise NotImplementedError("{name}")',
            }
        cleared: tuple[Any, dict[str, Any]] = super().preprocess_cell(cell, resources, cell_index)
        return cleared


class GradeInSandbox(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades the hand-in as ``autograder grade`` does, in place of executing the notebook."""

    device = Unicode("auto", help="Device of the reference: auto, cpu or cuda").tag(config=True)
    isolation = Unicode(FULL.name, help="Isolation level, as in autograder grade").tag(config=True)

    _sessions: dict[tuple[str, str], Session] = {}  # noqa: RUF012 - shared on purpose

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Replace the notebook by the graded one; keep the result for SaveScores."""
        ids = resources["nbgrader"]
        problem_set, student = ids["assignment"], ids["student"]
        folder = NbGraderCourse(parent=self, config=self.config)
        course = CourseDirectory(Path(folder.root))
        try:
            session = self._session(problem_set, course)
        except UserError as error:  # true of every hand-in: nbgrader would go on to the next
            self.log.error("%s", error)
            graded_to = folder.format_path(folder.autograded_directory, student, problem_set)
            shutil.rmtree(graded_to, ignore_errors=True)  # else nbgrader takes it for graded
            raise SystemExit(1) from None
        submitted = Path(folder.format_path(folder.submitted_directory, student, problem_set))
        submission = session.grade(student, submitted / f"{ids['notebook']}.ipynb")
        resources[_RESULT] = submission
        if submission.status is Status.DAMAGED:
            self.log.error("%s: damaged: %s; it scores 0", student, submission.detail)
            text = f"This notebook could not be graded: {submission.detail}."
            nb.cells = [nbformat.v4.new_markdown_cell(text)]
            return nb, resources
        graded = autograded_notebook(submission, session.release)
        return nbformat.from_dict(graded), resources

    def _session(self, problem_set: str, course: CourseDirectory) -> Session:
        key = (str(course.root), problem_set)
        if key not in self._sessions:
            if not course.release(problem_set).exists():
                raise UserError(
                    f"{problem_set} is not released; run: autograder release {problem_set}"
                )
            settings = Settings(
                device=self.device, isolation=self.isolation, seed=last_seed(problem_set, course)
            )
            self._sessions[key] = Session(problem_set, course, settings)
        return self._sessions[key]


def last_seed(problem_set: str, course: CourseDirectory) -> int | None:
    """The seed of the last grading of a problem set, so that both ways use the same cases."""
    try:
        text = (course.reports(problem_set) / "results.json").read_text(encoding="utf-8")
        seed = json.loads(text)["seed"]
    except (OSError, ValueError, KeyError):
        return None
    return seed if isinstance(seed, int) else None


class SaveScores(SaveAutoGrades):  # type: ignore[misc]
    """Saves the judge's scores; keeps manual scores as SaveAutoGrades does."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Save the scores of all cells, also of those that the hand-in lacks."""
        submission: Submission = resources[_RESULT]
        self._scores = {
            check_id(exercise.name): float(exercise.score) for exercise in submission.exercises
        }
        self._answered = submission.written_answered
        nb, resources = super().preprocess(nb, resources)
        present = {cell.metadata.nbgrader["grade_id"] for cell in nb.cells if utils.is_grade(cell)}
        ids = resources["nbgrader"]
        with self.gradebook as gradebook:
            submitted = gradebook.find_submission_notebook(
                ids["notebook"], ids["assignment"], ids["student"]
            )
            for grade in submitted.grades:
                if grade.name not in present:
                    grade.auto_score = 0.0
                    grade.needs_manual_grade = grade.manual_score is not None
            gradebook.db.commit()
        return nb, resources

    def _add_score(self, cell: Any, resources: dict[str, Any]) -> None:
        ids = resources["nbgrader"]
        name = cell.metadata["nbgrader"]["grade_id"]
        grade = self.gradebook.find_grade(name, ids["notebook"], ids["assignment"], ids["student"])
        if name in self._answered:
            grade.auto_score = None
        else:
            grade.auto_score = self._scores.get(name, 0.0)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        self.gradebook.db.commit()
