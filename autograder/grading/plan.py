"""What is run of a hand-in, in which order: the student's cells, and the release's checks.

Locked cells, checks and points come from the release, never from the hand-in. Cells that were
deleted, copied, moved or stripped of their metadata are put right where only one reading is
possible; where not, the plan says so and a person has to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.definition.ids import DRIVER, TEXT, check_id, checked_exercise, driver_id, is_check
from autograder.release.released import Release, libraries_in
from autograder.results.inert import Attachment
from autograder.selfcheck.language import say, sentence

from .handin import HandedCell

_MOST_NAMED = 5  # texts that are not the release's
CHECK_ALL = "check_all()"  # a summary for the student, who is told the whole verdict instead
_INSTEAD = sentence("Handed in instead of the text above:")
_COPY = sentence("a copy of the cell “{name}” was left out")


@dataclass(frozen=True)
class Step:
    """One cell of the notebook as it is graded.

    ``check`` is the exercise to check here; ``runs`` is False for text, and for what only checks.
    ``grade_id`` and ``locked`` are the release's; ``source`` is the student's unless the cell is
    locked. ``pictures`` were saved below the student's cell, where these are to be shown.
    """

    kind: str
    source: str
    grade_id: str | None = None
    check: str | None = None
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        return self.kind == "code" and self.check is None and self.source.strip() != CHECK_ALL


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


def make_plan(cells: Sequence[HandedCell], release: Release) -> Plan:
    """Read the cells of a hand-in against the release."""
    return _Planner(cells, release).plan()


class _Planner:
    def __init__(self, cells: Sequence[HandedCell], release: Release) -> None:
        self.release = release
        self.by_id = {cell.grade_id: cell for cell in release.cells if cell.grade_id}
        self.notes: list[str] = []
        self.ambiguous: list[str] = []
        self.cells = list(cells)
        self.ids = self._recognise()
        self.shown: set[str] = set()  # of the locked texts
        self.changed: dict[str, None] = {}  # of these, in their order
        self.lost = {
            name
            for name, cell in self.by_id.items()
            if cell.locked and name.startswith(TEXT) and name not in self.ids
        }

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
                if not guess.startswith(TEXT):
                    self.notes.append(
                        say("cell “{name}” had lost its nbgrader metadata", name=guess)
                    )
        return ids

    def plan(self) -> Plan:
        last_check = {
            grade_id: index for index, grade_id in enumerate(self.ids) if is_check(grade_id)
        }
        graded = (each for each in self.by_id if not each.startswith(TEXT))
        steps = self._lost_texts_above(next(graded, None))
        answers: dict[str, list[str]] = {name: [] for name in self.release.exercises}
        written: dict[str, list[str]] = {name: [] for name in self.release.written}
        for index, (cell, grade_id) in enumerate(zip(self.cells, self.ids, strict=True)):
            if grade_id is None:
                steps.append(
                    Step(
                        cell.kind,
                        cell.source,
                        attachments=cell.attachments,
                        pictures=cell.pictures,
                    )
                )
                continue
            steps += self._lost_texts_above(grade_id)
            if is_check(grade_id):
                if last_check[grade_id] == index:
                    steps.append(self._check(grade_id))
                else:
                    self.notes.append(say(_COPY, name=grade_id))
            elif grade_id.startswith(DRIVER):
                pass  # the release's is put above the check below
            elif self.by_id[grade_id].locked:
                steps += self._text(grade_id, cell)
            else:
                released = self.by_id[grade_id]
                if cell.kind != released.kind:
                    self.notes.append(
                        say("cell “{name}” was turned into {kind}", name=grade_id, kind=cell.kind)
                    )
                steps.append(
                    Step(
                        released.kind,
                        cell.source,
                        grade_id,
                        attachments=cell.attachments,
                        pictures=cell.pictures,
                    )
                )
                answers.get(grade_id, written.get(grade_id, [])).append(cell.source)
        steps += self._lost_texts_above(None)
        for name in self.release.exercises:
            self._resolve_copies(name, answers[name], steps)
        for name in self.release.written:
            self._resolve_copies(name, written[name], steps)
        if self.changed:  # by the student, or in the release since it was handed out
            named = ", ".join(list(self.changed)[:_MOST_NAMED])
            more = ", …" if len(self.changed) > _MOST_NAMED else ""
            self.notes.append(
                say(
                    "not all texts are the release's ({names}): those are shown, and below each "
                    "what was handed in",
                    names=named + more,
                )
            )
        missing = self._place_checks(steps, answers)
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
            (self.release.libraries - {"matplotlib"}) | libraries_in(step.source for step in steps),
        )

    def _text(self, grade_id: str, cell: HandedCell) -> Iterator[Step]:
        """A locked text, as released; and what was handed in instead, marked as that."""
        released = self.by_id[grade_id]
        if grade_id not in self.shown:
            self.shown.add(grade_id)
            yield Step(released.kind, released.source)
        if cell.kind == released.kind and _same(cell.source, released.source):
            return
        self.changed[grade_id] = None
        source = f"*{say(_INSTEAD)}*\n\n{cell.source}" if cell.kind == "markdown" else cell.source
        yield Step(cell.kind, source, attachments=cell.attachments)

    def _lost_texts_above(self, grade_id: str | None) -> list[Step]:
        """The texts of the release above a cell, or all, that are nowhere in the hand-in."""
        steps = []
        for cell in self.release.cells:
            if cell.grade_id is not None and cell.grade_id == grade_id:
                break
            if cell.grade_id in self.lost:
                self.lost.remove(cell.grade_id)
                steps.append(Step(cell.kind, cell.source))
        return steps

    def _check(self, grade_id: str) -> Step:
        return Step("code", self.by_id[grade_id].source, grade_id, checked_exercise(grade_id))

    def _resolve_copies(self, name: str, sources: list[str], steps: list[Step]) -> None:
        """Of several cells with the same id keep the one that is an answer, if only one is."""
        if len(sources) < 2:
            return
        released = self.by_id[name].source
        different = {s.strip() for s in sources if not _same(s, released)}
        if len(different) > 1:
            self.ambiguous.append(
                say(
                    "there are {n} different cells for “{name}”; the last one counted here",
                    n=len(sources),
                    name=name,
                )
            )
        else:
            self.notes.append(say(_COPY, name=name))
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

    def _place_checks(self, steps: list[Step], answers: dict[str, list[str]]) -> list[str]:
        """Have each check stand once, below its answer; return the exercises without a cell."""
        missing = []
        for name in self.release.exercises:
            defined = [i for i, s in enumerate(steps) if s.grade_id == name]
            if not defined:
                defined = [i for i, s in enumerate(steps) if s.runs and _defines(s.source, name)]
                if defined:
                    self.notes.append(
                        say("“{name}” was found in a cell without its metadata", name=name)
                    )
                    answers[name] = [steps[defined[-1]].source]
                    last = steps[defined[-1]]
                    steps[defined[-1]] = Step(last.kind, last.source, last.grade_id or name)
                else:
                    missing.append(name)
            after = defined[-1] if defined else len(steps) - 1
            at = next((i for i, s in enumerate(steps) if s.check == name), None)
            if at is None:
                self.notes.append(
                    say("the cell “{name}” was missing and was put back", name=check_id(name))
                )
                steps.insert(after + 1, self._check(check_id(name)))
            elif at < after and defined:
                self.notes.append(
                    say("the cell “{name}” stood above the answer", name=check_id(name))
                )
                step = steps.pop(at)
                steps.insert(after, step)
        return missing

    def _place_drivers(self, steps: list[Step]) -> None:
        """Put each driver right above its check, whatever became of it in the hand-in."""
        for index in reversed(range(len(steps))):
            driver = self.by_id.get(driver_id(steps[index].check or ""))
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
