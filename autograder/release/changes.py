"""What a new version of a problem set changes in a release that students have already.

A hand-in holds the cells of the release that its student got. Texts, points, cases and messages may
change under it; exercises, questions and what a function is given may not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff

from autograder.course.directory import Assignment
from autograder.definition.ids import TEXT, checked_exercise, is_check
from autograder.selfcheck.spec import ExerciseSpec, dump, load

from .released import Release, ReleasedCell, read_release


@dataclass(frozen=True)
class Changes:
    """What is new: each a line, but for ``texts``, which are the lines of a diff.

    ``breaking`` changes need a notebook that students do not have; ``harmless`` ones do not.
    """

    breaking: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.breaking or self.harmless)


def changes(old: Assignment, new: Assignment) -> Changes:
    """What the release of ``new`` changes in that of ``old``; nothing if there is no old one."""
    if not old.release.exists():
        return Changes()
    before, after = read_release(old.release), read_release(new.release)
    return Changes(
        tuple(_breaking(before, after)),
        (*_harmless(before, after), *_cases(_public(old), _public(new))),
        tuple(_diff(before, after)),
    )


def parameters(cell: ReleasedCell) -> Mapping[str, tuple[str, ...]]:
    """The parameters of the functions that a released cell defines, those of classes included."""
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:
        return {}
    return {
        node.name: tuple(argument.arg for argument in node.args.args)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


def _named(release: Release) -> dict[str, ReleasedCell]:
    return {cell.grade_id: cell for cell in release.cells if cell.grade_id}


def _breaking(old: Release, new: Release) -> Iterator[str]:
    yield from (f"the constant {name} is new" for name in new.constants.keys() - old.constants)
    yield from (f"the constant {name} is gone" for name in old.constants.keys() - new.constants)
    if new.variants < old.variants:
        yield f"there are {new.variants} variants instead of {old.variants}"
    for names, what in (
        ((old.exercises, new.exercises), "the exercise"),
        ((old.written, new.written), "the question"),
    ):
        before, after = names
        yield from (f"{what} {name} is new" for name in after if name not in before)
        yield from (f"{what} {name} is gone" for name in before if name not in after)
    for name in old.exercises:
        if name in new.exercises:
            was, now = parameters(old.cell(name)), parameters(new.cell(name))
            for each in was.keys() & now.keys():
                if was[each] != now[each]:
                    told = f"({', '.join(was[each])}) to ({', '.join(now[each])})"
                    yield f"the parameters of {each} change from {told}"


def _harmless(old: Release, new: Release) -> Iterator[str]:
    yield from _constants(old, new)
    before, after = _named(old), _named(new)
    for name, cell in after.items():
        was = before.get(name)
        if was is None:
            if name.startswith(TEXT):
                yield f"a text is new: {name}"
            continue
        if cell.points != was.points:
            what = checked_exercise(name) if is_check(name) else name
            yield f"the points of {what} change from {was.points} to {cell.points}"
        if cell.source != was.source:
            yield f"what is written in {name} changes"
    yield from (
        f"a text is gone: {name}" for name in before if name.startswith(TEXT) and name not in after
    )
    others = [[c.source for c in release.cells if not c.grade_id] for release in (old, new)]
    if others[0] != others[1]:
        yield "code that is nobody's exercise changes; hand-ins keep what they have of it"


def _constants(old: Release, new: Release) -> Iterator[str]:
    if new.variants > old.variants:
        yield f"there are {new.variants} variants instead of {old.variants}; who has one keeps it"
    for name in old.constants.keys() & new.constants.keys():
        values = zip(old.constants[name], new.constants[name], strict=False)
        for number, (was, now) in enumerate(values, start=1):
            if was != now:
                yield (
                    f"the constant {name} of variant {number} changes from {was} to {now}; its "
                    "hand-ins are graded anew with that, whatever stands in them"
                )


def _public(assignment: Assignment) -> dict[str, ExerciseSpec]:
    """The public cases that lie beside a release, by exercise."""
    path = assignment.release.parent / "selfcheck" / "cases" / f"{assignment}.json"
    try:
        return {spec.name: spec for spec in load(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError):  # of another version
        return {}


def _cases(old: Mapping[str, ExerciseSpec], new: Mapping[str, ExerciseSpec]) -> Iterator[str]:
    for name, spec in new.items():
        if name in old and dump([spec]) != dump([old[name]]):
            yield f"the checks, cases or messages of {name} change"


def _diff(old: Release, new: Release) -> Iterator[str]:
    def lines(release: Release) -> list[str]:
        return [
            line
            for cell in release.cells
            for line in (f"[{cell.grade_id or cell.kind}]", *cell.source.splitlines(), "")
        ]

    return unified_diff(lines(old), lines(new), "the release", "the new version", lineterm="", n=2)
