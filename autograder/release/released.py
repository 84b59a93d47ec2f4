"""A released notebook as the grading reads it: what is locked, what is checked, what is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.definition.constants import Constants, count_of, filled, values_of
from autograder.definition.ids import TEXT, WRITTEN, checked_exercise, is_check


@dataclass(frozen=True)
class ReleasedCell:
    """A cell of the release; ``grade_id`` is None for cells that nbgrader does not know."""

    kind: str
    source: str
    grade_id: str | None
    identifier: str
    metadata: dict[str, object]
    locked: bool
    points: int | None = None

    @property
    def is_text(self) -> bool:
        """Whether this is a text of the problem set's."""
        return self.grade_id is not None and self.grade_id.startswith(TEXT)


@dataclass(frozen=True)
class Release:
    """A released notebook, as the reading of hand-ins needs it.

    ``libraries`` are those, of the ones that take long to load, which the notebook uses. Where
    there are variants, ``constants`` have a value for each, and the cells name them.
    """

    problem_set: str
    cells: tuple[ReleasedCell, ...]
    exercises: tuple[str, ...]
    written: tuple[str, ...]
    libraries: frozenset[str] = frozenset()
    constants: Constants = field(default_factory=dict)

    @property
    def variants(self) -> int:
        """How many variants there are, one without constants."""
        return count_of(self.constants)

    def variant(self, number: int) -> Release:
        """The release as students with one variant, counted from 0, have it."""
        values = values_of(self.constants, number)
        cells = (replace(cell, source=filled(cell.source, values)) for cell in self.cells)
        own = {name: (value,) for name, value in values.items()}
        return replace(self, cells=tuple(cells), constants=own)

    def cell(self, grade_id: str) -> ReleasedCell:
        """The cell with this grade id."""
        return next(cell for cell in self.cells if cell.grade_id == grade_id)


def read_release(path: Path) -> Release:
    """Read a released notebook that this package has made."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    cells = []
    for cell in tree["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        cells.append(
            ReleasedCell(
                cell["cell_type"],
                "".join(cell["source"]),
                nbgrader.get("grade_id"),
                cell["id"],
                cell["metadata"],
                bool(nbgrader.get("locked")) or is_check(nbgrader.get("grade_id")),
                nbgrader.get("points"),
            )
        )
    ids = [cell.grade_id for cell in cells if cell.grade_id]
    exercises = tuple(checked_exercise(name) for name in ids if is_check(name))
    written = tuple(name for name in ids if name.startswith(WRITTEN))
    used = libraries_in(cell.source for cell in cells)
    about = tree["metadata"].get("autograder", {})
    if about.get("torch"):
        used |= {"torch"}
    constants = {name: tuple(values) for name, values in about.get("constants", {}).items()}
    return Release(path.stem, tuple(cells), exercises, written, used, constants)


def libraries_in(sources: Iterable[str]) -> frozenset[str]:
    """Which of the libraries that take long to load these cells seem to use."""
    figures = any("matplotlib" in source for source in sources)
    return frozenset({"matplotlib"} if figures else ())
