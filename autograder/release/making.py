"""How a release is made: the instructor's notebook first, and by nbgrader the students' from it."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.files import cannot_write
from autograder.definition import load_problem_set
from autograder.results.adjustments import read_adjustments

from .cases import copy_selfcheck, write_cases
from .entering import enter, make_scratch_gradebook
from .fingerprints import of_release
from .nbgrader_settings import set_up
from .source import Notebook, instructor_notebook


def notebook_text(notebook: Notebook) -> str:
    """A notebook as text, always the same for the same content."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@contextmanager
def made_aside(assignment: Assignment) -> Iterator[Assignment]:
    """A release of the present sources in a folder of its own, with a gradebook of its own.

    Nothing of the course directory is touched but that folder, which goes when the block ends.
    Raises UserError, or SourceError, if it cannot be made.
    """
    folder = assignment.root / f".release-{assignment}"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed one left
    aside = CourseDirectory(folder, assignment.directory.course).assignment(str(assignment))
    try:
        try:
            folder.mkdir(parents=True)
            if assignment.source.parent.is_dir():  # there may be data and further notebooks in it
                shutil.copytree(assignment.source.parent, aside.source.parent)
        except OSError as error:
            raise cannot_write(folder, error) from None
        write_source(aside)
        make_scratch_gradebook(aside.directory)
        make_release(aside)
        aside.release.with_suffix(".fingerprint").write_text(of_release(assignment.material))
        yield aside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(made: Assignment, assignment: Assignment) -> None:
    """Enter a release that was made aside in the gradebook, and move its files to their places.

    The points that can be had are entered with the course directory's adjustments. Raises
    UserError, and then the old release is as it was.
    """
    adjustments = read_adjustments(assignment.root, assignment.problem_set)
    points = {
        exercise.name: {name: check.points for name, check in exercise.checks.items()}
        for exercise in load_problem_set(assignment.material).exercises
    }
    enter(made, assignment.directory, adjustments.worth(points))
    try:
        _move_files(made.source.parent, assignment.source.parent, last=())
        # while the stamp is not there, the release counts as none that is up to date
        stamp = made.release.with_suffix(".fingerprint").name
        _move_files(made.release.parent, assignment.release.parent, last=(stamp,))
    except OSError as error:
        raise cannot_write(assignment.release.parent, error) from None


def _move_files(new: Path, place: Path, last: tuple[str, ...]) -> None:
    """Replace the files of a folder one by one, so that none is missing meanwhile."""
    files = [path.relative_to(new) for path in new.rglob("*") if not path.is_dir()]
    for file in sorted(files, key=lambda file: (file.name in last, file)):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (new / file).replace(place / file)
    kept = {place / file for file in files}
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):  # there are files in it
                path.rmdir()
        elif path not in kept:
            path.unlink()


def write_source(assignment: Assignment) -> None:
    """Write COURSE/source/PS: the instructor's notebook, and selfcheck beside it."""
    folder = assignment.source.parent
    folder.mkdir(parents=True, exist_ok=True)
    material = assignment.material
    notebook = instructor_notebook(load_problem_set(material), material.source, material.course)
    assignment.source.write_text(notebook_text(notebook), encoding="utf-8")
    copy_selfcheck(folder, write_cases(material), material.course.language)


def make_release(assignment: Assignment) -> None:
    """Make COURSE/release/PS of COURSE/source/PS; nbgrader enters it in its gradebook, too."""
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
