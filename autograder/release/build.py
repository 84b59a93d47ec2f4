"""Release: sources, released notebooks, public cases. Freshness is decided by fingerprints.

solutions/PS/PS.py            -> COURSE/source/PS/PS.ipynb     the instructor's notebook
COURSE/source/PS              -> COURSE/release/PS/PS.ipynb    by nbgrader generate_assignment
COURSE/release/PS/PS.ipynb    -> book/exercises/PS.ipynb       committed, a page of the book
autograder/exercises/psNN/    -> selfcheck/cases/PS.json       public cases for students
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.definition import ProblemSetSpec, load_problem_set
from autograder.definition.answers import source_path
from autograder.definition.problem_set import definition_files
from autograder.paths import (
    PACKAGE,
    RELEASED,
    ROOT,
    CourseDirectory,
    UserError,
)
from autograder.selfcheck.check import CASES
from autograder.selfcheck.spec import dump

from .source import Notebook, instructor_notebook

_PUBLIC_SEED = 0  # public cases are fixed; the seed makes the held-out ones


def notebook_text(notebook: Notebook) -> str:
    """A notebook as text, always the same for the same content."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


_MADE_WITH = ("definition", "reference", "selfcheck", "release")
_GRADED_WITH = (*_MADE_WITH, "sandbox", "grading")


def fingerprint(problem_set: str) -> str:
    """Hash of everything that a released notebook and its cases depend on."""
    return _hash_of(problem_set, _MADE_WITH)


def grading_fingerprint(problem_set: str) -> str:
    """Hash of everything that a grade depends on, besides the hand-in and the seed."""
    return _hash_of(problem_set, _GRADED_WITH)


def _hash_of(problem_set: str, folders: Iterable[str]) -> str:
    digest = hashlib.sha256()
    files = [source_path(problem_set), *definition_files(problem_set)]
    for folder in folders:
        files += sorted((PACKAGE / folder).rglob("*.py"))
    for file in files:
        digest.update(file.relative_to(ROOT).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write_cases(problem_set: str) -> Path:
    """Write the public cases of a problem set for selfcheck, if they are not up to date."""
    path = CASES / f"{problem_set}.json"
    stamp = path.with_suffix(".fingerprint")
    now = fingerprint(problem_set)
    if path.exists() and stamp.exists() and stamp.read_text() == now:
        return path
    from autograder.definition.reference_process import evaluate_apart

    spec = evaluate_apart(problem_set, _PUBLIC_SEED, "cpu").spec
    CASES.mkdir(exist_ok=True)
    path.write_text(public_cases(spec), encoding="utf-8")
    stamp.write_text(now)
    return path


def public_cases(spec: ProblemSetSpec) -> str:
    """The public part of a spec as the JSON text that selfcheck reads."""
    return dump([exercise.public_part() for exercise in spec.exercises])


def prepare_course(course: CourseDirectory) -> None:
    """Make a course directory: the folder, and nbgrader's configuration in it."""
    course.root.mkdir(parents=True, exist_ok=True)
    config = course.root / "nbgrader_config.py"
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")


_CONFIG = '''"""Makes nbgrader's commands and its JupyterLab pages work on this course directory."""

from pathlib import Path

from autograder.nbgrader_plugin import configure

c = get_config()  # noqa: F821 - provided by nbgrader
configure(c, Path(__file__).resolve().parent)
'''


def write_source(problem_set: str, course: CourseDirectory) -> Path:
    """Write COURSE/source/PS: the instructor's notebook, and selfcheck beside it."""
    prepare_course(course)
    path = course.source(problem_set)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = notebook_text(instructor_notebook(load_problem_set(problem_set)))
    path.write_text(text, encoding="utf-8")
    copy_selfcheck(path.parent, [write_cases(problem_set)])
    return path


def copy_selfcheck(folder: Path, cases: list[Path]) -> Path:
    """Put the package selfcheck, with these public cases, into a folder."""
    target = folder / "selfcheck"
    shutil.rmtree(target, ignore_errors=True)
    (target / "cases").mkdir(parents=True)
    for file in sorted((PACKAGE / "selfcheck").glob("*.py")):
        shutil.copy(file, target / file.name)
    for file in cases:
        shutil.copy(file, target / "cases" / file.name)
    return target


def is_released(problem_set: str, course: CourseDirectory) -> bool:
    """Whether the release in the course directory is made of the present sources."""
    from autograder.grading.gradebook import knows

    stamp = course.release(problem_set).with_suffix(".fingerprint")
    return (
        course.release(problem_set).exists()
        and stamp.exists()
        and stamp.read_text() == fingerprint(problem_set)
        and knows(problem_set, course)
    )


def release(problem_set: str, course: CourseDirectory) -> bool:
    """Release a problem set into the course directory, unless it is up to date; True if done.

    The release itself is made by nbgrader, which also enters the assignment in the gradebook.
    """
    from autograder.grading.gradebook import knows

    if is_released(problem_set, course):
        return False
    prepare_course(course)
    knows(problem_set, course)  # a gradebook that cannot be used stops this before nbgrader does
    write_source(problem_set, course)
    _generate_assignment(problem_set, course)
    path = course.release(problem_set)
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    _tidy(notebook)
    path.write_text(notebook_text(notebook), encoding="utf-8")
    path.with_suffix(".fingerprint").write_text(fingerprint(problem_set))
    return True


def _generate_assignment(problem_set: str, course: CourseDirectory) -> None:
    # imported here: nbgrader takes seconds to import, and most commands do without
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    from autograder.nbgrader_plugin import configure

    config = Config()
    configure(config, course.root, course.database_url)
    log = logging.getLogger("autograder.nbgrader")
    api = NbGraderAPI(config=config)
    api.log = log
    result: dict[str, Any] = api.generate_assignment(problem_set, force=True, create=True)
    if not result["success"]:
        raise UserError(
            f"nbgrader could not release {problem_set}:\n{result.get('log') or result.get('error')}"
        )


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


def publish(problem_set: str, course: CourseDirectory) -> bool:
    """Copy a release to book/exercises; True if that changed the committed file."""
    text = course.release(problem_set).read_text(encoding="utf-8")
    path = RELEASED / f"{problem_set}.ipynb"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    RELEASED.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def is_published(problem_set: str, course: CourseDirectory) -> bool:
    """Whether book/exercises holds this release."""
    path = RELEASED / f"{problem_set}.ipynb"
    return path.exists() and path.read_bytes() == course.release(problem_set).read_bytes()
