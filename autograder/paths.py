"""Where things lie: the checkout with the sources, and the course directory with the hand-ins."""

from __future__ import annotations

import errno
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
SOLUTIONS = ROOT / "solutions"
RELEASED = ROOT / "book" / "exercises"
DOWNLOADS = ROOT / "book" / "_static" / "downloads"

LONGEST_NAME = 128  # of a student, in nbgrader's tables on a database server
_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_MOST_SKIPPED = 10  # named if there is nothing else


class UserError(Exception):
    """A mistake in what the user gave; the text says what, where, and what to do."""


def put_environment_on_path() -> None:
    """Let nbgrader find its helper ``alembic``, also where no environment is activated."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])


def problem_set_names() -> list[str]:
    """The problem sets of this course, the folders in ``solutions/``; the capstone last."""
    names = (p.parent.name for p in SOLUTIONS.glob("*/*.py") if p.stem == p.parent.name)
    return sorted(names, key=lambda name: (name.startswith("capstone"), name))


def require_problem_set(name: str) -> str:
    """``name``, if it is a problem set of this course. Raises UserError otherwise."""
    names = problem_set_names()
    if name not in names:
        raise UserError(
            f"there is no problem set “{name}”; the problem sets are: {', '.join(names)}"
        )
    return name


def _shown(name: str) -> str:
    """The name of a folder in quotes; as Python writes its bytes if it is not printable text."""
    return f"'{name}'" if name.isprintable() else repr(os.fsencode(name))[1:]


def _parsed(db_url: str) -> Any:
    from sqlalchemy.engine import make_url  # takes 0.2 seconds, and most courses do without
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(db_url)
    except (ArgumentError, ValueError):  # whose text would show the password
        url = None
    if url is None or not url.database or url.database == ":memory:":
        raise UserError(
            "the URL of the gradebook is not one of a database; "
            "one is like postgresql+psycopg://USER@HOST/NAME"
        )
    return url


@dataclass(frozen=True)
class CourseDirectory:
    """A course directory in nbgrader's layout, and where its gradebook is.

    ``db_url`` is any database URL of SQLAlchemy's; None means ``gradebook.db`` in the directory.
    Raises UserError if it is no such URL.
    """

    root: Path
    db_url: str | None = field(default=None, repr=False)  # a password may be in it

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())
        if self.db_url is not None:
            _parsed(self.db_url)

    @property
    def database_url(self) -> str:
        """The URL of the gradebook; to be shown to nobody."""
        return self.db_url or f"sqlite:///{self.gradebook}"

    @property
    def gradebook(self) -> Path:
        """The file of the gradebook, unless ``db_url`` says that it is elsewhere."""
        return self.root / "gradebook.db"

    @property
    def _is_on_server(self) -> bool:
        return self.db_url is not None and _parsed(self.db_url).get_backend_name() != "sqlite"

    @property
    def gradebook_name(self) -> str:
        """Where the gradebook is, as people may read it: a path, or a URL without its secrets."""
        if self.db_url is None:
            return str(self.gradebook)
        shown: str = _parsed(self.db_url).set(query={}).render_as_string(hide_password=True)
        return shown

    @property
    def options(self) -> str:
        """The options with which a command is to be given for this course directory."""
        told = f"--course-dir {self.root}"
        return told if self.db_url is None else f"{told} --db-url {self.gradebook_name}"

    def source(self, problem_set: str) -> Path:
        return self.root / "source" / problem_set / f"{problem_set}.ipynb"

    def release(self, problem_set: str) -> Path:
        return self.root / "release" / problem_set / f"{problem_set}.ipynb"

    @property
    def submissions(self) -> Path:
        """The folder with a folder for each student."""
        return self.root / "submitted"

    def submitted(self, problem_set: str, student: str) -> Path:
        return self.submissions / student / problem_set / f"{problem_set}.ipynb"

    def autograded(self, problem_set: str, student: str) -> Path:
        return self.root / "autograded" / student / problem_set / f"{problem_set}.ipynb"

    def feedback(self, problem_set: str, student: str) -> Path:
        return self.root / "feedback" / student / problem_set / f"{problem_set}.html"

    def evaluation(self, problem_set: str) -> Path:
        return self.root / "evaluated" / f"{problem_set}.json"

    def reports(self, problem_set: str) -> Path:
        return self.root / "reports" / problem_set

    def results(self, problem_set: str) -> Path:
        return self.reports(problem_set) / "results.json"

    def students(self, problem_set: str) -> list[str]:
        """Names of the students who have a folder for the problem set, sorted.

        Raises UserError if there is no folder ``submitted``, or if nobody handed in.
        """
        students, skipped = self._sorted(problem_set)
        if not students:
            left_out = f"; skipped: {', '.join(skipped[:_MOST_SKIPPED])}" if skipped else ""
            raise UserError(
                f"nobody has handed in {problem_set}: there is no "
                f"{self.submissions}/STUDENT/{problem_set}/{problem_set}.ipynb{left_out}"
            )
        return students

    def skipped(self, problem_set: str) -> list[str]:
        """Folders with a hand-in, or perhaps with one, that cannot be graded, each with why."""
        return self._sorted(problem_set)[1]

    def _sorted(self, problem_set: str) -> tuple[list[str], list[str]]:
        """The students who have a folder for the problem set, and what is skipped."""
        folder = self.submissions
        try:
            paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"there is no folder {folder}; hand-ins are expected as "
                f"{folder}/STUDENT/{problem_set}/{problem_set}.ipynb"
            ) from None
        except OSError as error:
            raise UserError(f"cannot read {folder}: {error.strerror}") from None
        students, skipped = [], []
        for path in paths:
            try:
                handed_in = stat.S_ISDIR((path / problem_set).stat().st_mode)
                why = self._why_no_student(path.name)
            except OSError as error:
                handed_in = error.errno not in _NOTHING_THERE
                why = f"the folder cannot be opened: {(error.strerror or str(error)).lower()}"
            if not handed_in:
                continue
            if why is None:
                students.append(path.name)
            else:
                skipped.append(f"{_shown(path.name)} ({why})")
        return students, skipped

    def _why_no_student(self, name: str) -> str | None:
        """Why a folder's name cannot be a student's: it must fit pages, screens, the gradebook."""
        if not name.isprintable():
            return "the name is not printable text; rename it"
        if len(name) > LONGEST_NAME and self._is_on_server:  # SQLite holds any length
            return f"the name has more than the {LONGEST_NAME} characters of a gradebook; rename it"
        return None
