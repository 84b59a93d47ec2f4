"""Entering a release in the gradebook, all of it or nothing, also when there are hand-ins.

``nbgrader generate_assignment`` refuses any added or removed cell as soon as there is a submission,
be it a paragraph. Here texts come and go as they please; cells that hold grades or answers stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError

from .nbgrader_settings import put_environment_on_path


def make_scratch_gradebook(directory: CourseDirectory) -> None:
    """Make an empty gradebook for one release.

    It has no version of its schema: for that nbgrader starts a program which takes longer than all
    the rest.
    """
    from nbgrader import api
    from sqlalchemy import create_engine

    engine = create_engine(directory.database_url)
    api.Base.metadata.create_all(engine)
    engine.dispose()


def enter(made: Assignment, directory: CourseDirectory, worth: Mapping[str, float]) -> None:
    """Copy notebooks and cells of an assignment from the gradebook that it was made in.

    What is there already is changed, so that grades and comments stay. ``worth`` are the points
    that can be had for cells, by their names, where these have been adjusted. Raises UserError if
    that cannot be done: then the gradebook is as it was.
    """
    from nbgrader import api  # takes seconds to import, and most commands do without
    from sqlalchemy.exc import SQLAlchemyError

    put_environment_on_path()
    name = made.problem_set
    # PostgreSQL refuses an assignment without a course, which SQLite lets pass
    course_id = "default_course" if directory.is_on_server else ""
    try:
        with (
            api.Gradebook(made.directory.database_url) as new,
            api.Gradebook(directory.database_url, course_id) as book,
        ):
            assignment = book.db.query(api.Assignment).filter_by(name=name).one_or_none()
            if assignment is None:
                assignment = api.Assignment(name=name, course_id=course_id)
                book.db.add(assignment)
            there = {notebook.name: notebook for notebook in assignment.notebooks}
            frozen = bool(assignment.submissions)
            for notebook in new.find_assignment(name).notebooks:
                old = there.pop(notebook.name, None)
                if old is None:
                    _require(not frozen, directory, name, {notebook.name})
                    old = api.Notebook(name=notebook.name, kernelspec=notebook.kernelspec)
                    assignment.notebooks.append(old)
                names = _enter_cells(book.db, notebook, old, worth)
                _require(not (frozen and names), directory, name, names)
            _require(not (frozen and there), directory, name, set(there))
            for notebook in there.values():
                for cell in _cells(notebook).values():
                    book.db.delete(cell)
                book.db.delete(notebook)
            book.db.commit()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise UserError(
            f"the gradebook {directory.gradebook_name} cannot be written: {reason}; "
            "nothing was released: run the same command again when it can be"
        ) from None


def _cells(notebook: Any) -> dict[tuple[str, str], Any]:
    """The cells of a notebook in a gradebook, by kind and name; one may be of several kinds."""
    cells = [
        *notebook.grade_cells,
        *notebook.solution_cells,
        *notebook.task_cells,
        *notebook.source_cells,
    ]
    return {(type(cell).__name__, cell.name): cell for cell in cells}


def _enter_cells(db: Any, new: Any, old: Any, worth: Mapping[str, float]) -> set[str]:
    """Make the cells of ``old`` those of ``new``; return those come and gone that hold grades."""
    wanted, there = _cells(new), _cells(old)
    for key, cell in wanted.items():
        own = there.get(key)
        if own is None:
            own = type(cell)(name=cell.name)
            own.notebook = old
            db.add(own)
        for column in ("cell_type", "source", "checksum", "locked"):
            if hasattr(cell, column):
                setattr(own, column, getattr(cell, column))
        if hasattr(cell, "max_score"):
            own.max_score = worth.get(cell.name, cell.max_score)
    for key in there.keys() - wanted.keys():
        db.delete(there[key])
    return {name for kind, name in wanted.keys() ^ there.keys() if kind != "SourceCell"}


def _require(fits: bool, directory: CourseDirectory, name: str, cells: set[str]) -> None:
    if not fits:
        raise UserError(
            f"{directory.gradebook_name} has hand-ins of {name}, so that no cell that holds an "
            f"answer or points can come or go: {', '.join(sorted(cells))}"
        )
