"""Which file in a student's folder is the hand-in, where it does not have the name it should."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.course.directory import Assignment
from autograder.course.errors import some
from autograder.course.reading import Damaged, read_bytes
from autograder.release.released import Release

from .handin import parse

_MOST_FILES = 20  # notebooks of a student that are looked into
_MOST_NAMED = 5


@dataclass(frozen=True)
class Located:
    """The notebook to grade.

    ``note`` says that it has another name; ``unclear`` that a person must choose, and of what: then
    there is no file at ``path``.
    """

    path: Path
    note: str = ""
    unclear: str = ""


def locate(assignment: Assignment, student: str, release: Release) -> Located:
    """The hand-in of a student: the file of the right name, whatever it holds, if there is one.

    Else a notebook of another name: the only one, or of several the only one that has cells of the
    problem set. Links are not followed.
    """
    expected = assignment.submitted(student)
    if os.path.lexists(expected):
        return Located(expected)
    found = sorted(_notebooks(expected.parent))
    if not found:
        return Located(expected)
    looked_into = found[:_MOST_FILES]
    taken = found if len(found) == 1 else [p for p in looked_into if _is_of(p, release)]
    if len(taken) == 1:
        return Located(taken[0], f"{_shown(taken[0])} was taken: there is no file {expected.name}")
    candidates = taken or found
    named = some([*map(_shown, candidates)], most=_MOST_NAMED)
    why = "several have its cells" if taken else "none has its cells"
    return Located(
        expected,
        unclear=f"there is no file {expected.name}, and of the notebooks that are there {why}: "
        f"{named}; give the right one that name",
    )


def _notebooks(folder: Path) -> Iterator[Path]:
    """Files in a folder that could be notebooks. What cannot be listed holds none."""
    if any(os.path.islink(place) for place in (folder, folder.parent)):  # noqa: PTH114
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                is_one = name.lower().endswith(".ipynb") and not name.startswith(".")
                if is_one and entry.is_file(follow_symlinks=False):
                    yield folder / name
    except OSError:
        return


def _is_of(path: Path, release: Release) -> bool:
    """Whether a notebook has a cell that the release has for an answer or a check."""
    own = {cell.grade_id for cell in release.cells if cell.grade_id and not cell.is_text}
    try:
        cells = parse(read_bytes(path))
    except (Damaged, RecursionError, MemoryError):
        return False
    return any(cell.grade_id in own or cell.identifier in own for cell in cells)


def _shown(path: Path) -> str:
    """The name of a file as it may stand on a page."""
    name = path.name
    return name if name.isprintable() else repr(os.fsencode(name))[1:]
