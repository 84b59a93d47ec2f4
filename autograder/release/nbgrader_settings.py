"""The settings under which nbgrader's commands work on a course directory.

What they name is given as text, and imported by nbgrader when it needs it: so a release can be made
without the grading, which is built on it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def set_up(config: Any, root: Path, db_url: str | None = None) -> None:
    """Set up nbgrader for the course directory ``root``.

    The gradebook is at ``db_url``, by default where AUTOGRADER_DB_URL says or else in ``root``.
    """
    put_environment_on_path()
    config.CourseDirectory.root = str(root)
    db_url = db_url or os.environ.get("AUTOGRADER_DB_URL")
    if db_url:
        config.CourseDirectory.db_url = db_url
        if not db_url.startswith(
            "sqlite"
        ):  # PostgreSQL refuses an assignment without a course, which SQLite lets pass
            config.CourseDirectory.setdefault("course_id", "default_course")
    config.ClearSolutions.begin_solution_delimeter = "### BEGIN SOLUTION"
    config.ClearSolutions.end_solution_delimeter = "### END SOLUTION"
    config.GenerateAssignment.preprocessors = [
        "nbgrader.preprocessors.IncludeHeaderFooter",
        "nbgrader.preprocessors.LockCells",
        "autograder.release.stubs.NamedStubs",
        "nbgrader.preprocessors.ClearOutput",
        "nbgrader.preprocessors.CheckCellMetadata",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.SaveCells",
        "nbgrader.preprocessors.ClearHiddenTests",
        "nbgrader.preprocessors.ClearMarkScheme",
        "nbgrader.preprocessors.ComputeChecksums",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.Autograde.exporter_class = "autograder.nbgrader_plugin.UnreadHandin"
    config.Autograde.sanitize_preprocessors = []
    config.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugin.GradeInSandbox",
        "autograder.nbgrader_plugin.SaveScores",
        "autograder.nbgrader_plugin.LatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.HTMLExporter.filters = {"markdown2html": "autograder.nbgrader_pages.markdown_to_html"}
    inert = "autograder.nbgrader_pages.InertNotebook"
    config.HTMLExporter.preprocessors = [inert, "autograder.nbgrader_pages.MarkingScheme"]
    config.FeedbackPage.preprocessors = [inert]  # what students get has no marking scheme
    config.GenerateFeedback.exporter_class = "autograder.nbgrader_pages.FeedbackPage"


def put_environment_on_path() -> None:
    """Let nbgrader find its helper ``alembic``, also where no environment is activated."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
