"""nbgrader's own commands and pages, with this package's grading behind them.

``configure`` is called by ``nbgrader_config.py``. It replaces five parts of nbgrader's:

ClearSolutions    by NamedStubs: a stub raises NotImplementedError with the exercise's own name;
NotebookExporter  by UnreadHandin: a hand-in that nbformat cannot read is graded like any other;
Execute           by GradeInSandbox: nothing of a hand-in runs outside the sandbox;
SaveAutoGrades    by SaveScores: scores come from the judge, not from the notebook's outputs;
AssignLatePenalties  by LatePenalties: what ``policies.toml`` says of lateness is taken off once.

The pages that nbgrader makes of autograded notebooks are inert: see ``nbgrader_pages``.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.coursedir import CourseDirectory as NbGraderCourse
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor
from traitlets import Unicode

from autograder.course.directory import EXCHANGED, Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.files import cannot_read, find_link
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.nbgrader_pages import guard_form_grader
from autograder.release.nbgrader_settings import set_up
from autograder.release.variants import variants_of
from autograder.results.adjustments import FILE as ADJUSTMENTS
from autograder.results.gradebook import save
from autograder.results.late import require_one_rule
from autograder.results.policies import read_policies
from autograder.results.result import Status
from autograder.results.tables import read_run
from autograder.sandbox.isolation import FULL

_RESULT, _POLICIES = "autograder", "autograder policies"  # keys in nbconvert's resources


def configure(config: Any, root: Path, db_url: str | None = None) -> None:
    """Set up nbgrader for the course directory ``root``.

    The gradebook is at ``db_url``, by default where AUTOGRADER_DB_URL says or else in ``root``.
    """
    set_up(config, root, db_url)
    guard_form_grader()


class UnreadHandin(NotebookExporter):
    """Starts from an empty notebook, whatever the file holds.

    GradeInSandbox reads the hand-in itself, with care. What nbformat cannot read would end before
    that, and keep its old score.
    """

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The text of the notebook that the preprocessors make, and their resources."""
        empty = nbformat.v4.new_notebook()
        made: tuple[str, dict[str, Any]] = self.from_notebook_node(  # type: ignore[no-untyped-call]
            empty, resources, **options
        )
        return made


class GradeInSandbox(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades the hand-in as ``autograder grade`` does, in place of executing the notebook."""

    device = Unicode("auto", help="Device of the reference: auto, cpu or cuda").tag(config=True)
    isolation = Unicode(FULL.name, help="Isolation level, as in autograder grade").tag(config=True)

    # open sessions, shared on purpose, with what they were opened for
    _sessions: dict[Assignment, tuple[object, Session]] = {}  # noqa: RUF012

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Replace the notebook by the graded one; keep the result for SaveScores."""
        ids = resources["nbgrader"]
        problem_set, student = ids["assignment"], ids["student"]
        folder = NbGraderCourse(parent=self, config=self.config)
        try:
            assignment = CourseDirectory.at(Path(folder.root)).assignment(problem_set)
            session = self._session(assignment)
            policies = resources[_POLICIES] = read_policies(assignment.directory)
            require_one_rule(assignment.root, policies, problem_set)
            _ = session.job  # raises what is wrong with the course, which is true of every hand-in
            variants = variants_of(assignment, session.release, [student])
        except UserError as error:  # true of every hand-in: nbgrader would go on to the next
            raise _stopped(self, error, folder, student, problem_set) from None
        submitted = Path(folder.format_path(folder.submitted_directory, student, problem_set))
        path = submitted / f"{ids['notebook']}.ipynb"
        graded = session.grade(Handin(student, path, variant=variants.get(student, 0)))
        result = resources[_RESULT] = graded.result
        source = Path(folder.format_path(folder.source_directory, ".", problem_set))
        graded_to = Path(folder.format_path(folder.autograded_directory, student, problem_set))
        _remove_what_else_was_handed_in(graded_to, source)
        if result.status is Status.DAMAGED:
            self.log.error("%s: damaged: %s; it scores 0", student, result.detail)
        return nbformat.from_dict(json.loads(graded.notebook)), resources

    def _session(self, assignment: Assignment) -> Session:
        if not assignment.release.exists():
            raise UserError(f"{assignment} is not released; run: autograder release {assignment}")
        depends_on = (assignment.release, assignment.results, assignment.root / ADJUSTMENTS)
        state = [_changed(path) for path in depends_on]
        opened_for, session = self._sessions.get(assignment, (None, None))
        if session is None or opened_for != state:  # JupyterLab may run for weeks
            if session is not None:
                session.close()
            seed = last_seed(assignment)
            settings = Settings(device=self.device, isolation=self.isolation, seed=seed)
            session = Session(assignment, settings)
            self._sessions[assignment] = (state, session)
        return session


def _stopped(
    step: NbGraderPreprocessor,
    error: UserError,
    folder: NbGraderCourse,
    student: str,
    problem_set: str,
) -> SystemExit:
    """Tell what is wrong, and what ends the command: nbgrader would go on to the next hand-in."""
    step.log.error("%s", error)
    graded_to = folder.format_path(folder.autograded_directory, student, problem_set)
    shutil.rmtree(graded_to, ignore_errors=True)  # else nbgrader takes it for graded
    return SystemExit(1)


def _remove_what_else_was_handed_in(folder: Path, source: Path) -> None:
    """Remove what nbgrader has copied from beside the hand-in: pages, for instance, with scripts.

    It would copy it to the feedback, too. The release's own files stay.
    """
    if find_link(folder, folder.parents[2]):  # what is behind it is not ours to remove
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # it holds something of the release
                path.rmdir()
        elif path.name in EXCHANGED or path.suffix == ".ipynb":  # nbgrader's own
            continue
        elif not (source / path.relative_to(folder)).exists():
            path.unlink()


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def last_seed(assignment: Assignment) -> int | None:
    """The seed of the last grading of an assignment, so that both ways use the same cases.

    Raises UserError if this user may not know it.
    """
    try:
        run, _ = read_run(assignment.results)
    except PermissionError as error:
        raise cannot_read(assignment.results, error) from None
    except (OSError, ValueError):
        return None
    return run.seed


class SaveScores(NbGraderPreprocessor):  # type: ignore[misc]
    """Enters the judge's scores in the gradebook, as ``autograder grade`` does."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Enter the scores of all cells, also of those that the hand-in lacks."""
        ids = resources["nbgrader"]
        folder = NbGraderCourse(parent=self, config=self.config)
        directory = CourseDirectory.at(Path(folder.root), ids["db_url"])
        result = resources[_RESULT]
        assignment = directory.assignment(ids["assignment"])
        try:
            save(
                assignment,
                [result],
                worth=result.worth,
                tell=self.log.warning,
                policies=resources[_POLICIES],
            )
        except UserError as error:  # the gradebook, or what lateness costs
            raise _stopped(self, error, folder, ids["student"], str(assignment)) from None
        return nb, resources


class LatePenalties(AssignLatePenalties):  # type: ignore[misc]
    """Asks the plugin for late submissions, unless ``policies.toml`` says what lateness costs.

    Then SaveScores has entered that.
    """

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Enter the penalty that the plugin gives."""
        if resources[_POLICIES].rule(resources["nbgrader"]["assignment"]) is not None:
            return nb, resources
        done: tuple[Any, dict[str, Any]] = super().preprocess(nb, resources)
        return done
