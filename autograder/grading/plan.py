"""What is run of a hand-in, in which order: the student's cells, and the release's checks.

Locked cells, checks and points come from the release, never from the hand-in. Cells that were
deleted, copied, moved or stripped of their metadata are put right where only one reading is
possible; where not, the plan says so and a person has to look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .handin import Handin
from .inert import Attachment

_CHECK, _DRIVER, _WRITTEN = "check-", "driver-", "written-"


@dataclass(frozen=True)
class ReleasedCell:
    """A cell of the release; ``grade_id`` is None for cells that nbgrader does not know."""

    kind: str
    source: str
    grade_id: str | None
    identifier: str
    metadata: dict[str, object]
    locked: bool


@dataclass(frozen=True)
class Release:
    """A released notebook, as the reading of hand-ins needs it.

    ``libraries`` are those, of the ones that take long to load, which the notebook uses.
    """

    problem_set: str
    cells: tuple[ReleasedCell, ...]
    exercises: tuple[str, ...]
    written: tuple[str, ...]
    libraries: frozenset[str] = frozenset()

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
                bool(nbgrader.get("locked")) or _is_check(nbgrader.get("grade_id")),
            )
        )
    ids = [cell.grade_id for cell in cells if cell.grade_id]
    exercises = tuple(name[len(_CHECK) :] for name in ids if name.startswith(_CHECK))
    written = tuple(name for name in ids if name.startswith(_WRITTEN))
    used = _libraries(cell.source for cell in cells)
    if tree["metadata"].get("autograder", {}).get("torch"):
        used |= {"torch"}
    return Release(path.stem, tuple(cells), exercises, written, used)


def _libraries(sources: Iterable[str]) -> frozenset[str]:
    """Which of the libraries that take long to load these cells seem to use."""
    figures = any("matplotlib" in source for source in sources)
    return frozenset({"matplotlib"} if figures else ())


def _is_check(grade_id: str | None) -> bool:
    return grade_id is not None and grade_id.startswith(_CHECK)


@dataclass(frozen=True)
class Step:
    """One cell of the notebook as it is graded.

    ``check`` is the exercise to check here; ``runs`` is False for text. ``grade_id`` and
    ``locked`` are the release's; ``source`` is the student's unless the cell is locked.
    """

    kind: str
    source: str
    grade_id: str | None = None
    check: str | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def runs(self) -> bool:
        return self.kind == "code" and self.check is None


@dataclass(frozen=True)
class Plan:
    """The steps of grading one hand-in; ``notes`` tell what was put right.

    ``missing`` are exercises without a cell; ``ambiguous`` tells what a person must decide.
    ``untouched`` are the exercises whose cell is as released, or without any code. ``libraries``
    are worth loading before the notebook is run.
    """

    steps: tuple[Step, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    ambiguous: tuple[str, ...]
    untouched: frozenset[str]
    written_answered: frozenset[str]
    libraries: frozenset[str]


def make_plan(handin: Handin, release: Release) -> Plan:
    """Read a hand-in against the release."""
    return _Planner(handin, release).plan()


class _Planner:
    def __init__(self, handin: Handin, release: Release) -> None:
        self.release = release
        self.by_id = {cell.grade_id: cell for cell in release.cells if cell.grade_id}
        self.notes: list[str] = []
        self.ambiguous: list[str] = []
        self.cells = list(handin.cells)
        self.ids = self._recognise()

    def _recognise(self) -> list[str | None]:
        """The grade id of each handed-in cell: by its metadata, else by its cell id."""
        by_identifier = {
            cell.identifier: cell.grade_id for cell in self.release.cells if cell.grade_id
        }
        ids = [cell.grade_id if cell.grade_id in self.by_id else None for cell in self.cells]
        for index, cell in enumerate(self.cells):
            guess = by_identifier.get(cell.identifier or "")
            if ids[index] is None and cell.grade_id is None and guess and guess not in ids:
                ids[index] = guess
                if not guess.startswith("text-"):
                    self.notes.append(f"cell “{guess}” had lost its nbgrader metadata")
        return ids

    def plan(self) -> Plan:
        last_check = {
            grade_id: index for index, grade_id in enumerate(self.ids) if _is_check(grade_id)
        }
        steps: list[Step] = []
        places: dict[str, int] = {}  # exercise -> step after which its check can run
        answers: dict[str, list[str]] = {name: [] for name in self.release.exercises}
        written: dict[str, list[str]] = {name: [] for name in self.release.written}
        checks: list[str] = []
        for index, (cell, grade_id) in enumerate(zip(self.cells, self.ids, strict=True)):
            if grade_id is None:
                steps.append(Step(cell.kind, cell.source, attachments=cell.attachments))
            elif _is_check(grade_id):
                if last_check[grade_id] == index:
                    checks.append(grade_id[len(_CHECK) :])
                    steps.append(self._check(grade_id))
                else:
                    self.notes.append(f"a copy of the cell “{grade_id}” was left out")
            elif grade_id.startswith(_DRIVER):
                pass  # the release's is put above the check below
            elif self.by_id[grade_id].locked:
                steps.append(Step(cell.kind, cell.source, attachments=cell.attachments))
            else:
                released = self.by_id[grade_id]
                if cell.kind != released.kind:
                    self.notes.append(f"cell “{grade_id}” was turned into {cell.kind}")
                steps.append(
                    Step(released.kind, cell.source, grade_id, attachments=cell.attachments)
                )
                answers.get(grade_id, written.get(grade_id, [])).append(cell.source)
        for name in self.release.exercises:
            self._resolve_copies(name, answers[name], steps)
        for name in self.release.written:
            self._resolve_copies(name, written[name], steps)
        missing = self._place_checks(steps, checks, answers, places)
        self._place_drivers(steps)
        untouched = frozenset(
            name
            for name, sources in answers.items()
            if sources
            and all(_same(s, self.by_id[name].source) or not _has_code(s) for s in sources)
        )
        answered = frozenset(
            name
            for name, sources in written.items()
            if any(s.strip() and not _same(s, self.by_id[name].source) for s in sources)
        )
        return Plan(
            tuple(steps),
            tuple(self.notes),
            tuple(missing),
            tuple(self.ambiguous),
            untouched,
            answered,
            (self.release.libraries - {"matplotlib"}) | _libraries(step.source for step in steps),
        )

    def _check(self, grade_id: str) -> Step:
        return Step("code", self.by_id[grade_id].source, grade_id, grade_id[len(_CHECK) :])

    def _resolve_copies(self, name: str, sources: list[str], steps: list[Step]) -> None:
        """Of several cells with the same id keep the one that is an answer, if only one is."""
        if len(sources) < 2:
            return
        released = self.by_id[name].source
        different = {s.strip() for s in sources if not _same(s, released)}
        if len(different) > 1:
            self.ambiguous.append(
                f"there are {len(sources)} different cells for “{name}”; the last one counted here"
            )
        else:
            self.notes.append(f"a copy of the cell “{name}” was left out")
        wanted = different or {released.strip()}
        keep = max(
            i
            for i, step in enumerate(steps)
            if step.grade_id == name and step.source.strip() in wanted
        )
        for index, step in enumerate(steps):
            if step.grade_id == name and index != keep:
                # other definitions still run: later cells may use what they define
                is_answer = not _same(step.source, released)
                kind = step.kind if is_answer else "raw"
                steps[index] = Step(kind, step.source, attachments=step.attachments)

    def _place_checks(
        self,
        steps: list[Step],
        checks: list[str],
        answers: dict[str, list[str]],
        places: dict[str, int],
    ) -> list[str]:
        missing = []
        for name in self.release.exercises:
            defined = [i for i, s in enumerate(steps) if s.grade_id == name]
            if not defined:
                defined = [i for i, s in enumerate(steps) if s.runs and _defines(s.source, name)]
                if defined:
                    self.notes.append(f"“{name}” was found in a cell without its metadata")
                    answers[name] = [steps[defined[-1]].source]
                    last = steps[defined[-1]]
                    steps[defined[-1]] = Step(last.kind, last.source, last.grade_id or name)
                else:
                    missing.append(name)
            after = defined[-1] if defined else len(steps) - 1
            at = next((i for i, s in enumerate(steps) if s.check == name), None)
            if at is None:
                self.notes.append(f"the cell “{_CHECK}{name}” was missing and was put back")
                steps.insert(after + 1, self._check(_CHECK + name))
            elif at < after and defined:
                self.notes.append(f"the cell “{_CHECK}{name}” stood above the answer")
                step = steps.pop(at)
                steps.insert(after, step)
        return missing

    def _place_drivers(self, steps: list[Step]) -> None:
        """Put each driver right above its check, whatever became of it in the hand-in."""
        for index in reversed(range(len(steps))):
            driver = self.by_id.get(f"{_DRIVER}{steps[index].check}")
            if driver is not None:
                steps.insert(index, Step("code", driver.source))


def _same(source: str, released: str) -> bool:
    return [line.rstrip() for line in source.strip().splitlines()] == [
        line.rstrip() for line in released.strip().splitlines()
    ]


def _has_code(source: str) -> bool:
    lines = (line.strip() for line in source.splitlines())
    return any(line and not line.startswith("#") for line in lines)


def _defines(source: str, name: str) -> bool:
    """Whether a cell seems to define ``name``: by its lines, for parsing could take minutes."""
    start = rf"^(?:(?:async )?def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*=(?!=)"
    return re.search(start, source, re.MULTILINE) is not None
