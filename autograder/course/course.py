"""A course: a folder with a ``course.toml``, which says what is taught and where its parts lie."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autograder.selfcheck.language import ENGLISH, languages

from .errors import UserError

FILE = "course.toml"
VARIABLE = "AUTOGRADER_COURSE"  # of the environment: the course where none is named
LIBRARIES = ("torch", "numpy")


@dataclass(frozen=True)
class Course:
    """What a ``course.toml`` says; all folders are relative to ``root``, which holds it.

    ``exercises`` and ``reference`` are Python packages, by their path: ``autograder/exercises``
    is imported as ``autograder.exercises``. ``library`` is what the reference computes with,
    "torch" (then it may run on a GPU) or "numpy". ``pages`` holds the pages that the ``section``
    of an exercise names; ``site`` is the address of the course's website. ``language`` is the one
    that the grader speaks to students, by its code.
    """

    root: Path
    title: str
    site: str = ""
    solutions: str = "solutions"
    exercises: str = "exercises"
    reference: str = "reference"
    library: str = "numpy"
    notebooks: str = "notebooks"
    downloads: str = "downloads"
    pages: str = ""
    language: str = ENGLISH

    @staticmethod
    def read(root: Path) -> Course:
        """The course in a folder. Raises UserError with file, key, and what to do."""
        path = root.resolve() / FILE
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(
                f"there is no {path}; name the folder of a course, or make one: "
                "autograder new-course DIR"
            ) from None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not TOML: {error}") from None
        return Course(path.parent, **_checked(tree, path))

    @staticmethod
    def find(*starts: Path) -> Course:
        """The course that the environment names, or that the first of these folders lies in.

        Without any it is the working directory. Raises UserError if none lies in a course.
        """
        named = os.environ.get(VARIABLE)
        if named:
            return Course.read(Path(named))
        places = [start.resolve() for start in starts or (Path.cwd(),)]
        for place in places:
            for folder in (place, *place.parents):
                if (folder / FILE).is_file():
                    return Course.read(folder)
        told = " or ".join(map(str, places))
        raise UserError(
            f"there is no {FILE} in {told} or above it; name the folder of the course by "
            f"--course DIR (or {VARIABLE}), or make a course: autograder new-course DIR"
        )

    def problem_sets(self) -> list[str]:
        """The problem sets, the folders in ``solutions``; the capstone last."""
        sources = (self.root / self.solutions).glob("*/*.py")
        names = (path.stem for path in sources if path.stem == path.parent.name)
        return sorted(names, key=lambda name: (name.startswith("capstone"), name))

    def material(self, name: str) -> Material:
        """A problem set by its name. Raises UserError if there is none of this name."""
        names = self.problem_sets()
        if name not in names:
            there = f"the problem sets are: {', '.join(names)}" if names else "there is none"
            raise UserError(f"there is no problem set “{name}” in {self.root}; {there}")
        return Material(self, name)

    def address(self, section: str) -> str:
        """The address of a section such as ``page.md#heading``; itself if there is no website."""
        if not (self.site and section):
            return section
        page, mark, heading = section.partition("#")
        folder = f"{self.pages}/" if self.pages else ""
        return f"{self.site.rstrip('/')}/{folder}{page.removesuffix('.md')}.html{mark}{heading}"

    @property
    def packages(self) -> tuple[str, ...]:
        """The names of the packages of exercises and reference, as they are imported."""
        return tuple(folder.replace("/", ".") for folder in (self.exercises, self.reference))

    @property
    def cases(self) -> Path:
        """The folder of the public cases, which are made anew when they are needed."""
        return self.root / ".autograder" / "cases"


@dataclass(frozen=True)
class Material:
    """A problem set of a course: where its source is, and what is made of it for students."""

    course: Course
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> Path:
        """The py:percent file with text, stubs and answers."""
        return self.course.root / self.course.solutions / self.name / f"{self.name}.py"

    @property
    def notebook(self) -> Path:
        """The released notebook as it is published."""
        return self.course.root / self.course.notebooks / f"{self.name}.ipynb"

    @property
    def cases(self) -> Path:
        """The public cases."""
        return self.course.cases / f"{self.name}.json"


def problem_set_names() -> list[str]:
    """The problem sets of the course that the working directory lies in."""
    return Course.find().problem_sets()


_KEYS = tuple(field.name for field in fields(Course) if field.name != "root")
_FOLDERS = ("solutions", "exercises", "reference", "notebooks", "downloads", "pages")


def _checked(tree: dict[str, Any], path: Path) -> dict[str, str]:
    """What is in a course.toml. Raises UserError for keys and values that cannot be."""
    for key, value in tree.items():
        if key not in _KEYS:
            raise UserError(f"{path}: there is no key “{key}”; the keys are: {', '.join(_KEYS)}")
        if not isinstance(value, str):
            raise UserError(f"{path}: “{key}” must be a text in quotes, not {value!r}")
        if not value.isprintable():
            raise UserError(f"{path}: “{key}” has characters that cannot be shown: {value!r}")
        why = _why_not(key, value)
        if why:
            raise UserError(f"{path}: “{key}” cannot be {value!r}: {why}")
    if not tree.get("title", "").strip():
        raise UserError(f'{path} needs a title; write: title = "The name of the course"')
    for key in ("solutions", "exercises", "reference", "pages"):
        folder = tree.get(key, getattr(Course, key))
        if folder and not (path.parent / folder).is_dir():
            raise UserError(
                f"{path}: “{key}” is {folder}, and there is no folder {path.parent / folder}; "
                "make it, or name another one"
            )
    return tree


def _why_not(key: str, value: str) -> str:
    """What is wrong with the value of a key, and what to do; empty if nothing."""
    if key == "library" and value not in LIBRARIES:
        return f"write {' or '.join(LIBRARIES)}"
    if key == "language" and value not in languages():
        known = ", ".join(languages())
        return f"write one of {known}; autograder/README.md tells how to add another"
    if key == "site" and value and urlsplit(value).scheme not in ("http", "https"):
        return "write an address such as https://example.org/course"
    if key in _FOLDERS and value:
        parts = value.split("/")
        if value.startswith("/") or not all(parts) or {".", ".."} & set(parts):
            return f"write the path of a folder below that of {FILE}, such as {key}"
        if key in ("exercises", "reference") and not all(map(str.isidentifier, parts)):
            return "it is imported, so write names of letters, digits and _ only"
    if key in _FOLDERS and key != "pages" and not value:
        return "write the path of a folder, or leave the line out"
    return ""
