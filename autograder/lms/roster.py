"""The roster of a class: ``students.csv``, as nbgrader imports it, with what platforms call each.

Columns: ``id`` (the name of the folder in ``submitted``), and as many as there are of
``first_name``, ``last_name``, ``email``, and one for each name that a platform uses: ``canvas_id``,
``sis_id``, ``login``, ``gradescope_sid``, ``github``.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.errors import UserError

from .table import read_table

FILE = "students.csv"
_KEYS = ("id", "email", "canvas_id", "sis_id", "login", "gradescope_sid", "github")
_COLUMNS = (*_KEYS, "first_name", "last_name")


@dataclass(frozen=True)
class Student:
    """A student: the id, which names the folder, the names, and what else the roster has."""

    id: str
    first_name: str = ""
    last_name: str = ""
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Both names, as people write them."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Roster:
    """The students of a class by whatever names them; empty if there is no roster."""

    students: tuple[Student, ...] = ()
    _by_key: dict[tuple[str, str], list[Student]] = field(default_factory=dict, repr=False)

    @staticmethod
    def read(path: Path) -> Roster:
        """Read a roster. Raises UserError, with the line, if it is none."""
        head, *rows = read_table(path, "save it as CSV UTF-8").rows
        names = [name.strip().casefold() for name in head]
        if "id" not in names:
            told = ", ".join(f"“{name}”" for name in head)
            raise UserError(f"{path} has no column “id” in its first line, but: {told}")
        twice = next((name for name in _COLUMNS if names.count(name) > 1), None)
        if twice is not None:
            raise UserError(f"{path} has two columns “{twice}”; take one of them out")
        students = []
        for number, row in enumerate(rows, start=2):
            line = dict(zip(names, row, strict=True))
            given = {name: line.get(name, "").strip() for name in _COLUMNS}
            if not any(given.values()):
                continue
            require_id(given["id"], f"{path}, row {number}")
            keys = tuple((name, given[name]) for name in _KEYS if given[name])
            students.append(Student(given["id"], given["first_name"], given["last_name"], keys))
        return Roster.of(students, path)

    @staticmethod
    def of(students: Iterable[Student], path: Path | str = "the roster") -> Roster:
        """A roster of these. Raises UserError if two have the same id."""
        by_key: defaultdict[tuple[str, str], list[Student]] = defaultdict(list)
        everybody = tuple(students)
        for student in everybody:
            for kind, value in student.keys:
                by_key[kind, value.casefold()].append(student)
            for form in _forms(student):
                by_key["name", form].append(student)
        for student in everybody:
            if len(by_key["id", student.id.casefold()]) > 1:
                raise UserError(f"{path}: the id “{student.id}” is there twice")
        return Roster(everybody, dict(by_key))

    def find(self, kind: str, value: str) -> list[Student]:
        """The students whom this names: one, none, or several of the same name.

        ``kind`` is a column, or “name” for a name in any order, case and spacing.
        """
        key = squeezed(value) if kind == "name" else value.strip().casefold()
        return self._by_key.get((kind, key), []) if key else []

    def __iter__(self) -> Iterator[Student]:
        return iter(self.students)

    def __bool__(self) -> bool:
        return bool(self.students)


def squeezed(name: str) -> str:
    """A name as platforms squeeze it into file names: letters and digits, without accents."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in plain if c.isalnum())


def _forms(student: Student) -> set[str]:
    both = (student.first_name, student.last_name)
    return {squeezed(" ".join(both)), squeezed(" ".join(reversed(both)))} - {""}


def require_id(name: str, where: str) -> None:
    """Raise UserError if a name cannot be that of a student's folder; ``where`` it stands."""
    if not name or name.startswith(".") or not name.isprintable() or set(name) & set('/\\<>:"|?*'):
        raise UserError(
            f"{where}: {name!r} cannot be an id, for it names a folder; use letters, digits, "
            "“-”, “_”, “@” and dots"
        )
