"""A course directory in nbgrader's layout: where it and its gradebook are, and its assignments."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .course import FILE, VARIABLE, Course, Material
from .errors import UserError

# what nbgrader's exchange puts beside a hand-in, and wants beside its feedback
EXCHANGED = ("timestamp.txt", "submission_secret.txt")
LONGEST_NAME = 128  # of a student, in nbgrader's tables on a database server
_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
_MOST_SKIPPED = 10  # named if there is nothing else
_REMEMBERED = ".course"  # the file with the folder of the course


def _shown(name: str) -> str:
    """The name of a folder in quotes; as Python writes its bytes if it is not printable text."""
    return f"'{name}'" if name.isprintable() else repr(os.fsencode(name))[1:]


def _course_of(root: Path) -> Course:
    """The course of a course directory. Raises UserError."""
    try:
        remembered = Path((root / _REMEMBERED).read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return Course.find(root, Path.cwd())
    if os.environ.get(VARIABLE) or (remembered / FILE).is_file():
        return Course.find(remembered)
    raise UserError(
        f"{root} was released from the course in {remembered}, which has no {FILE} any more; "
        "name the folder where the course is now by --course DIR"
    )


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
    """A course directory in nbgrader's layout: one class that takes a course.

    ``course`` is what is taught. ``db_url`` says where the gradebook is, as a database URL of
    SQLAlchemy's; None means ``gradebook.db`` in the directory. Raises UserError if it is no such
    URL.
    """

    root: Path
    course: Course
    db_url: str | None = field(default=None, repr=False)  # a password may be in it

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())
        if self.db_url is not None:
            _parsed(self.db_url)

    @staticmethod
    def at(root: Path, db_url: str | None = None, course: Course | None = None) -> CourseDirectory:
        """A course directory, with the course that is given, or that belongs to it.

        That is the one that it was released from; else the one that it lies in, and else that of
        the working directory. Raises UserError if there is none.
        """
        return CourseDirectory(root, course or _course_of(root), db_url)

    def remember_course(self) -> None:
        """Write down of which course this is, where its place does not tell."""
        if not self.root.is_relative_to(self.course.root):
            (self.root / _REMEMBERED).write_text(f"{self.course.root}\n", encoding="utf-8")

    @property
    def database_url(self) -> str:
        """The URL of the gradebook; to be shown to nobody."""
        return self.db_url or f"sqlite:///{self.gradebook}"

    @property
    def gradebook(self) -> Path:
        """The file of the gradebook, unless ``db_url`` says that it is elsewhere."""
        return self.root / "gradebook.db"

    @property
    def is_on_server(self) -> bool:
        """Whether the gradebook is on a database server, which has bounds of its own."""
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

    @property
    def submissions(self) -> Path:
        """The folder with a folder for each student."""
        return self.root / "submitted"

    def assignment(self, problem_set: str) -> Assignment:
        """One problem set in this directory."""
        return Assignment(self, problem_set)


@dataclass(frozen=True)
class Assignment:
    """A problem set in a course directory: what of it lies where, and who has handed it in.

    Its ``str`` is the name of the problem set.
    """

    directory: CourseDirectory
    problem_set: str

    def __str__(self) -> str:
        return self.problem_set

    @property
    def material(self) -> Material:
        """The problem set in the course."""
        return Material(self.directory.course, self.problem_set)

    @property
    def root(self) -> Path:
        """The course directory, below which all of it lies."""
        return self.directory.root

    @property
    def options(self) -> str:
        """The arguments with which a command is to be given for this assignment."""
        return f"{self.problem_set} {self.directory.options}"

    @property
    def source(self) -> Path:
        """The instructor's notebook."""
        return self._notebook("source")

    @property
    def release(self) -> Path:
        """The notebook that students get."""
        return self._notebook("release")

    def _notebook(self, *folders: str) -> Path:
        return self.root.joinpath(*folders, self.problem_set, f"{self.problem_set}.ipynb")

    def submitted(self, student: str) -> Path:
        """The notebook that a student has handed in."""
        return self._notebook("submitted", student)

    def autograded(self, student: str) -> Path:
        """The notebook as graded, for the form grader."""
        return self._notebook("autograded", student)

    def feedback(self, student: str) -> Path:
        """The page that a student gets."""
        return self._notebook("feedback", student).with_suffix(".html")

    @property
    def evaluation(self) -> Path:
        """The cases with their expected values, as evaluated for the seed."""
        return self.root / "evaluated" / f"{self.problem_set}.json"

    @property
    def variants(self) -> Path:
        """Which variant of the problem set each student has been given."""
        return self.root / "variants" / f"{self.problem_set}.json"

    @property
    def reports(self) -> Path:
        """The folder of the reports."""
        return self.root / "reports" / self.problem_set

    @property
    def results(self) -> Path:
        """The results of the last grading."""
        return self.reports / "results.json"

    def students(self) -> list[str]:
        """Names of the students who have a folder for the problem set, sorted.

        Raises UserError if there is no folder ``submitted``, or if nobody handed in.
        """
        students, skipped = self._sorted()
        if not students:
            left_out = f"; skipped: {', '.join(skipped[:_MOST_SKIPPED])}" if skipped else ""
            raise UserError(
                f"nobody has handed in {self.problem_set}: there is no "
                f"{self.directory.submissions}/STUDENT/{self.problem_set}/{self.problem_set}.ipynb{left_out}"
            )
        return students

    def has_hand_ins(self) -> bool:
        """Whether any student has a folder for the problem set."""
        try:
            return bool(self._sorted()[0])
        except UserError:
            return False

    def skipped(self) -> list[str]:
        """Folders with a hand-in, or perhaps with one, that cannot be graded, each with why."""
        return self._sorted()[1]

    def _sorted(self) -> tuple[list[str], list[str]]:
        """The students who have a folder for the problem set, and what is skipped."""
        folder = self.directory.submissions
        try:
            paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"there is no folder {folder}; hand-ins are expected as "
                f"{folder}/STUDENT/{self.problem_set}/{self.problem_set}.ipynb"
            ) from None
        except OSError as error:
            raise UserError(f"cannot read {folder}: {error.strerror}") from None
        students, skipped = [], []
        for path in paths:
            try:
                handed_in = stat.S_ISDIR((path / self.problem_set).stat().st_mode)
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
        if len(name) > LONGEST_NAME and self.directory.is_on_server:  # SQLite holds any length
            return f"the name has more than the {LONGEST_NAME} characters of a gradebook; rename it"
        return None
