"""Problem sets by their names: the definition, and the plain data that its evaluation gives.

A problem set is a module ``psNN`` in the course's package of exercises, named like its folder in
``solutions/``, with a constant ``PROBLEM_SET`` and one module an exercise. Points, names and
wording exist there once; the notebooks, the gradebook and the reports take them from it.
"""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import autograder
from autograder.course.course import Course, Material
from autograder.course.errors import UserError
from autograder.selfcheck.spec import ExerciseSpec

from .answers import read_answers
from .exercise import DefinitionError, ProblemSet, Written

_MOST_VARIANTS = 100  # each is evaluated


@dataclass(frozen=True)
class ProblemSetSpec:
    """A problem set as plain data, for one seed, as evaluated on one device.

    ``sections`` are the page and heading of the book that explain an exercise, by its name. A
    problem set with ``constants`` has as many variants as each has values: ``exercises`` are those
    of the first one, and ``variants`` has of each those that depend on its constants.
    """

    name: str
    title: str
    seed: int
    device: str
    exercises: tuple[ExerciseSpec, ...]
    written: tuple[Written, ...]
    sections: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    variants: tuple[tuple[ExerciseSpec, ...], ...] = ()

    def variant(self, number: int) -> ProblemSetSpec:
        """The problem set as hand-ins of one variant, counted from 0, are judged."""
        own = {exercise.name: exercise for exercise in self.variants[number]}
        exercises = tuple(own.get(each.name, each) for each in self.exercises)
        return replace(self, exercises=exercises, variants=())

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
    _require_constants(problem_set)
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


def _require_constants(problem_set: ProblemSet) -> None:
    constants = problem_set.constants
    for name, values in constants.items():
        if not name.isidentifier():
            raise DefinitionError(f"the constant “{name}” needs a name like kappa or lr_2")
        if not isinstance(values, tuple | list) or not 2 <= len(values) <= _MOST_VARIANTS:
            raise DefinitionError(
                f"the constant “{name}” needs a tuple with its value for each variant, of which "
                f"there are from 2 to {_MOST_VARIANTS}; it is {values!r}"
            )
        if len(values) != problem_set.variants:
            raise DefinitionError(
                f"each constant needs a value for each variant, and “{name}” has {len(values)}, "
                f"“{next(iter(constants))}” has {problem_set.variants}"
            )
        for value in values:
            if not _can_be_constant(value):
                raise DefinitionError(
                    f"the constant “{name}” cannot be {value!r}; write a Python int, a finite "
                    "float, or a text of one line without double braces"
                )
    for exercise in problem_set.exercises:
        unknown = [name for name in exercise.constants if name not in constants]
        if unknown:
            raise DefinitionError(
                f"{exercise.name} depends on the constant {', '.join(unknown)}, which is none of "
                f"{problem_set.name}; its constants are: {', '.join(constants) or 'none'}"
            )
        public = [name for name, check in exercise.checks.items() if check.public]
        if exercise.constants and public:
            raise DefinitionError(
                f"{exercise.name}, {public[0]}: a public case would show the value that depends "
                f"on the constant {exercise.constants[0]}; have held-out cases alone"
            )


def _can_be_constant(value: Any) -> bool:
    if type(value) is str:
        return bool(value.strip()) and value.isprintable() and "{{" not in value
    return type(value) is int or (type(value) is float and math.isfinite(value))


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
