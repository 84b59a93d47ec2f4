"""The source of a problem set (py:percent text) as a notebook with nbgrader's metadata.

A source is text for people; what nbgrader needs is added here from the definition in
``autograder.exercises``: grade ids, points, locks. Nothing is written twice, so nothing can
disagree; what could (names, parameters, markers) is checked.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any

from autograder.course.course import Course
from autograder.definition import ProblemSet
from autograder.definition.answers import BEGIN, END
from autograder.definition.constants import names_in
from autograder.definition.ids import check_id, driver_id, text_id, written_id
from autograder.selfcheck import __version__

Cell = dict[str, Any]
Notebook = dict[str, Any]

_LONGEST_ID = 64  # characters of a cell's id in a notebook
_END = "end"  # stands for the cell that would follow the last one
_ROLES = ("exercise", "driver", "check", "written")
_LIKE_A_MARKER = re.compile(r"\b(begin|end)[\s_-]*(solution|answer|hidden|mark)", re.IGNORECASE)


# a link to a page or a notebook of the site, not to an address
_LINK = re.compile(r"\[([^][]+)\]\((?![a-z]+:)([^()\s#]+)\.(md|ipynb)((?:#[^()\s]*)?)\)")
_SOLUTION = re.compile(rf"^ *{BEGIN}$.*?^ *{END}$", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"^from selfcheck import .*$", re.MULTILINE)


class SourceError(ValueError):
    """A source that is not as it must be; the text says where and what to do."""


def instructor_notebook(
    problem_set: ProblemSet, path: Path, course: Course | None = None
) -> Notebook:
    """The instructor's notebook of a problem set: answers included, nbgrader metadata complete.

    ``path`` is the source. With ``course`` the notebook can be opened anywhere: links lead to the
    site of the course or, where it has no address, name the page; and the first cell installs
    selfcheck where it is missing. Raises SourceError if the source and the definition do not fit
    together.
    """
    import jupytext  # takes a second: not at the top

    text = path.read_text(encoding="utf-8")
    parsed = jupytext.reads(text, fmt="py:percent")
    builder = _Builder(problem_set, path.name)
    cells = [
        builder.cell(cell.cell_type, cell.source, dict(cell.metadata)) for cell in parsed.cells
    ]
    builder.finish()
    _name_the_others(cells)
    builder.constants(cells)
    if course is not None:
        for cell in cells:
            if cell["cell_type"] == "markdown":
                _make_links_work(cell, course)
        first = next(cell for cell in cells if cell["cell_type"] == "code")
        first["source"] = _IMPORT.sub(lambda found: _installing(found[0], course), first["source"])
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python", "file_extension": ".py"},
            **({"autograder": own} if (own := _own_metadata(problem_set)) else {}),
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _own_metadata(problem_set: ProblemSet) -> dict[str, Any]:
    """What the release is to tell the grading, besides its cells."""
    constants = {name: list(values) for name, values in problem_set.constants.items()}
    return {
        **({"torch": True} if problem_set.torch else {}),
        **({"constants": constants} if constants else {}),
    }


class _Builder:
    def __init__(self, problem_set: ProblemSet, file: str) -> None:
        self.problem_set = problem_set
        self.file = file
        self.exercises = {exercise.name: exercise for exercise in problem_set.exercises}
        self.written = {question.name: question for question in problem_set.written}
        self.seen: list[str] = []

    def fail(self, text: str) -> SourceError:
        return SourceError(f"{self.file}: {text}")

    def cell(self, kind: str, source: str, metadata: dict[str, Any]) -> Cell:
        roles = [role for role in _ROLES if role in metadata]
        unknown = set(metadata) - {*_ROLES, "lines_to_next_cell"}
        if unknown or len(roles) > 1:
            raise self.fail(f"a cell with the options {sorted(metadata)}; see CONTRIBUTING.md")
        self.markers(source, allowed=roles == ["exercise"])
        if not roles:
            return _cell(kind, source, "", None, go_on=bool(self.seen))
        name = metadata[roles[0]]
        if roles == ["driver"]:
            source = self._driver_source(source, name)
        grade_id, nbgrader = getattr(self, f"_{roles[0]}")(kind, source, name)
        if grade_id in self.seen:
            raise self.fail(f"two cells for {roles[0]} “{name}”")
        self.seen.append(grade_id)
        return _cell(kind, source, grade_id, nbgrader, go_on=roles == ["check"])

    def markers(self, source: str, *, allowed: bool) -> None:
        found = []
        for line in source.splitlines():
            if line.strip() in (BEGIN, END):
                found.append(line.strip())
            elif _LIKE_A_MARKER.search(line):
                raise self.fail(f"“{line.strip()}” looks like a marker; write {BEGIN} or {END}")
        wanted = [BEGIN, END] if allowed else []
        if found != wanted:
            where = "needs one pair of markers" if allowed else "must not hold markers"
            raise self.fail(f"this cell {where}:\n{source}")

    def _exercise(self, kind: str, source: str, name: str) -> tuple[str, Cell]:
        if kind != "code" or name not in self.exercises:
            raise self.fail(f"no exercise “{name}” is defined in the course's exercises")
        exercise = self.exercises[name]
        kinds = ast.FunctionDef if exercise.driver is None else ast.ClassDef
        mine = [n for n in ast.parse(source).body if isinstance(n, kinds) and n.name == name]
        if len(mine) != 1:
            what = "function" if exercise.driver is None else "class"
            raise self.fail(f"the cell of exercise “{name}” must define the {what} {name} once")
        if isinstance(mine[0], ast.FunctionDef):
            parameters = tuple(argument.arg for argument in mine[0].args.args)
            if parameters != tuple(exercise.parameters):
                raise self.fail(
                    f"{name} has the parameters {parameters} here, and "
                    f"{tuple(exercise.parameters)} in its definition"
                )
        if ast.get_docstring(mine[0]) is None:
            raise self.fail(f"{name} has no docstring")
        return name, _nbgrader(name, solution=True)

    def _driver_source(self, source: str, name: str) -> str:
        exercise = self.exercises.get(name)
        if exercise is None or exercise.driver is None:
            raise self.fail(
                f"no exercise “{name}” with a driver is defined in the course's exercises"
            )
        code = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
        if code:
            raise self.fail(
                f"the driver cell of “{name}” may hold comments only: its code is added"
            )
        return f"{source.rstrip()}\n{exercise.driver_source()}"

    def _driver(self, kind: str, source: str, name: str) -> tuple[str, Cell]:
        if kind != "code" or name not in self.seen:
            raise self.fail(f"the driver of “{name}” must come after its exercise")
        return driver_id(name), _nbgrader(driver_id(name), locked=True)

    def _check(self, kind: str, source: str, name: str) -> tuple[str, Cell]:
        if kind != "code" or name not in self.seen:
            raise self.fail(f"the check of “{name}” must come after its exercise")
        if source.strip() != f"check({name})":
            raise self.fail(f"the check of “{name}” must be just check({name})")
        points = self.exercises[name].points
        return check_id(name), _nbgrader(check_id(name), grade=True, locked=True, points=points)

    def _written(self, kind: str, source: str, name: str) -> tuple[str, Cell]:
        if kind != "markdown" or name not in self.written:
            raise self.fail(f"no written question “{name}” is defined in the course's exercises")
        points = self.written[name].points
        grade_id = written_id(name)
        return grade_id, _nbgrader(grade_id, grade=True, solution=True, points=points)

    def finish(self) -> None:
        driven = [name for name, exercise in self.exercises.items() if exercise.driver]
        wanted = [
            *self.exercises,
            *map(driver_id, driven),
            *map(check_id, self.exercises),
            *map(written_id, self.written),
        ]
        missing = sorted(set(wanted) - set(self.seen))
        if missing:
            raise self.fail(f"no cell for {', '.join(missing)}")

    def constants(self, cells: list[Cell]) -> None:
        """Require that cells name constants that there are, and that students see each of these."""
        declared = self.problem_set.constants
        if not declared:
            return
        seen: set[str] = set()
        for cell in cells:
            exercise, where = self.exercises.get(cell["id"]), _quoted(cell)
            for name in names_in(cell["source"]):
                if name not in declared:
                    raise self.fail(
                        f"{where} names {{{{{name}}}}}, and the constants of the problem set are "
                        f"{', '.join(declared)}; declare it, or write a space between the braces "
                        "if no constant is meant"
                    )
                if exercise is not None and name not in exercise.constants:
                    raise self.fail(
                        f"{where} names {{{{{name}}}}}, on which {exercise.name} does not depend "
                        f'by its definition; write there: constants=("{name}",)'
                    )
            if cell["id"] not in map(written_id, self.written):  # the model answer
                seen.update(names_in(_SOLUTION.sub("", cell["source"])))
        unseen = [name for name in declared if name not in seen]
        if unseen:
            raise self.fail(
                f"students would not see the constant {unseen[0]}: name it in a text, as "
                f"{{{{{unseen[0]}}}}}"
            )


def _quoted(cell: Cell) -> str:
    """A cell by its id and the beginning of its first line."""
    first = str(cell["source"]).strip().partition("\n")[0]
    return f"the cell “{cell['id']}” (“{first[:60]}{'…' if len(first) > 60 else ''}”)"


def _name_the_others(cells: list[Cell]) -> None:
    """Give ids to texts, and to code that is nobody's exercise, by the named cell that follows."""
    numbers: Counter[tuple[str, str]] = Counter()
    names = [cell["id"] for cell in cells]
    for index, cell in enumerate(cells):
        if cell["id"]:
            continue
        below = next((name for name in names[index:] if name), _END)
        if cell["cell_type"] == "markdown":
            numbers["text", below] += 1
            grade_id = text_id(below, numbers["text", below])
            # locked, so that a hand-in shows the questions as they were asked
            cell["metadata"] = {"nbgrader": _nbgrader(grade_id, locked=True)}
            cell["id"] = grade_id[:_LONGEST_ID]
        else:
            numbers["code", below] += 1
            cell["id"] = f"cell-{below}-{numbers['code', below]}"[:_LONGEST_ID]


def _make_links_work(cell: Cell, course: Course) -> None:
    """Turn links to pages of the site into what works wherever the notebook is opened.

    What a link has become is noted in the cell, so that the site's own page can have it back.
    """
    links: dict[str, str] = {}

    def shown(found: re.Match[str]) -> str:
        words, page, kind, anchor = found.groups()
        if course.site:
            place = posixpath.normpath(posixpath.join(course.notebooks, page))
            told = f"[{words}]({course.site.rstrip('/')}/{place}.html{anchor})"
        else:
            told = words if kind == "ipynb" else f"“{words}”"
        links[told] = found[0]
        return told

    cell["source"] = _LINK.sub(shown, cell["source"])
    if links:
        cell["metadata"]["autograder"] = {"links": links}


def _installing(line: str, course: Course) -> str:
    """The import of selfcheck, which installs it where it is missing."""
    wheel = "--no-index --find-links . selfcheck"
    advice = "put its wheel, from the course's website, beside this notebook"
    if course.site:
        # where a site has its static files, whatever the folder of its pages is
        place = course.downloads[max(course.downloads.find("_static"), 0) :]
        name = f"selfcheck-{__version__}-py3-none-any.whl"
        wheel = f"{course.site.rstrip('/')}/{place}/{name}"
        advice = "download and install the wheel of this address"
    return (
        f"\ntry:\n    {line}\n"
        "except ModuleNotFoundError:\n"
        '    print("selfcheck is missing here; installing it. If that fails:")\n'
        f'    print("{advice}, and run this cell again.")\n'
        f"    %pip install -q {wheel}\n"
        f"    {line}"
    )


def _nbgrader(
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: int | None = None,
) -> Cell:
    metadata: Cell = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    return metadata


def _cell(kind: str, source: str, identifier: str, nbgrader: Cell | None, *, go_on: bool) -> Cell:
    """A cell; ``go_on`` has a run of all cells go on if this one raises an exception."""
    cell: Cell = {
        "cell_type": kind,
        "id": identifier[:_LONGEST_ID],
        "metadata": {"nbgrader": nbgrader} if nbgrader else {},
        "source": source,
    }
    if kind == "code":
        cell.update(execution_count=None, outputs=[])
        if go_on:
            cell["metadata"]["tags"] = ["raises-exception"]
    return cell
