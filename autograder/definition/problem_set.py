"""Problem sets by their names: the definition, and the plain data that its evaluation gives.

A problem set is a module ``psNN`` in the course's package of exercises, named like its folder in
``solutions/``, with a constant ``PROBLEM_SET`` and one module an exercise. Points, names and
wording exist there once; the notebooks, the gradebook and the reports take them from it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType

import autograder
from autograder.course.course import Course, Material
from autograder.course.errors import UserError
from autograder.selfcheck.spec import ExerciseSpec

from .answers import read_answers
from .exercise import DefinitionError, ProblemSet, Written


@dataclass(frozen=True)
class ProblemSetSpec:
    """A problem set as plain data, for one seed, as evaluated on one device.

    ``sections`` are the page and heading of the book that explain an exercise, by its name.
    """

    name: str
    title: str
    seed: int
    device: str
    exercises: tuple[ExerciseSpec, ...]
    written: tuple[Written, ...]
    sections: Mapping[str, str] = field(default_factory=dict)

    @property
    def max_score(self) -> int:
        """Points for what the machine checks; written questions are not in it."""
        return sum(exercise.max_score for exercise in self.exercises)


def module_of(material: Material) -> str:
    """The name of the module that defines a problem set, by which it is imported."""
    exercises, _ = material.course.packages
    return f"{exercises}.{material.name.split('-')[0]}"


def material_of(of: Material | str) -> Material:
    """A problem set; by its name alone, that of the working directory's course."""
    return Course.find().material(of) if isinstance(of, str) else of


@cache
def load_problem_set(of: Material | str) -> ProblemSet:
    """The definition of a problem set, as :func:`material_of` takes it.

    Known mistakes that are edits are made of the answers in the source. Raises UserError if there
    is no such module or source, DefinitionError if an edit does not fit.
    """
    material = material_of(of)
    name = module_of(material)
    with _importing(material.course):
        try:
            module = importlib.import_module(name)
        except Exception as error:  # of every kind, for it is code that somebody is writing
            told = f"{type(error).__name__}: {error}"
            raise UserError(f"{material}: its module {name} cannot be imported: {told}") from error
    problem_set = getattr(module, "PROBLEM_SET", None)
    if not isinstance(problem_set, ProblemSet) or problem_set.name != material.name:
        raise UserError(
            f"{module.__file__} must define PROBLEM_SET, a ProblemSet with the name “{material}”"
        )
    _require_whole_points(problem_set)
    answers = read_answers(material.source)
    try:
        exercises = [exercise.answered(answers) for exercise in problem_set.exercises]
    except DefinitionError as error:
        raise DefinitionError(f"{material.source.name}: {error}") from None
    return replace(problem_set, exercises=exercises)


def _require_whole_points(problem_set: ProblemSet) -> None:
    given = [
        (f"{exercise.name}, {name}", check.points)
        for exercise in problem_set.exercises
        for name, check in exercise.checks.items()
    ]
    for what, points in [*given, *((each.name, each.points) for each in problem_set.written)]:
        if type(points) is not int or points < 1:
            raise DefinitionError(f"{what}: {points!r} points; write a whole number from 1 on")


@contextmanager
def _importing(course: Course) -> Iterator[None]:
    """Let the packages of a course be imported; those of another one make way for them."""
    root = str(course.root)
    for package in course.packages:
        top = package.split(".")[0]
        if top == autograder.__name__:  # the engine, which may be installed elsewhere
            place = str(course.root / top)
            if place not in autograder.__path__:
                autograder.__path__.append(place)
        elif not _lies_in(sys.modules.get(top), course.root):
            for name in [n for n in sys.modules if n == top or n.startswith(f"{top}.")]:
                del sys.modules[name]
    sys.path.insert(0, root)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(root)


def _lies_in(module: ModuleType | None, folder: Path) -> bool:
    return module is not None and any(
        Path(place).is_relative_to(folder) for place in getattr(module, "__path__", ())
    )
