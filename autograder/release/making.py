"""How a release is made: the instructor's notebook first, and by nbgrader the students' from it."""

from __future__ import annotations

import json
import logging
from typing import Any

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.definition import load_problem_set

from .cases import copy_selfcheck, write_cases
from .nbgrader_settings import set_up
from .source import Notebook, instructor_notebook


def notebook_text(notebook: Notebook) -> str:
    """A notebook as text, always the same for the same content."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_source(assignment: Assignment) -> None:
    """Write COURSE/source/PS: the instructor's notebook, and selfcheck beside it."""
    folder = assignment.source.parent
    folder.mkdir(parents=True, exist_ok=True)
    material = assignment.material
    notebook = instructor_notebook(load_problem_set(material), material.source)
    assignment.source.write_text(notebook_text(notebook), encoding="utf-8")
    copy_selfcheck(folder, [write_cases(material)])


def make_release(assignment: Assignment) -> None:
    """Make COURSE/release/PS of COURSE/source/PS; nbgrader enters it in the gradebook, too."""
    _generate_assignment(assignment)
    notebook: Notebook = json.loads(assignment.release.read_text(encoding="utf-8"))
    _tidy(notebook)
    assignment.release.write_text(notebook_text(notebook), encoding="utf-8")


def _generate_assignment(assignment: Assignment) -> None:
    # imported here: nbgrader takes seconds to import, and most commands do without
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config()
    set_up(config, assignment.root, assignment.directory.database_url)
    log = logging.getLogger("autograder.nbgrader")
    api = NbGraderAPI(config=config)
    api.log = log
    made: dict[str, Any] = api.generate_assignment(assignment.problem_set, force=True, create=True)
    if not made["success"]:
        told = made.get("log") or made.get("error")
        raise UserError(f"nbgrader could not release {assignment.problem_set}:\n{told}")


def _tidy(notebook: Notebook) -> None:
    """Drop what depends on the machine, so that a release is the same wherever it is made."""
    notebook["metadata"] = {
        key: notebook["metadata"][key]
        for key in ("kernelspec", "language_info", "autograder")
        if key in notebook["metadata"]
    }
    notebook["metadata"]["language_info"] = {"name": "python", "file_extension": ".py"}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for cell in notebook["cells"]:
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
