"""Problem sets by their names: the definition, and the plain data that its evaluation gives.

A problem set is a package ``psNN`` in ``autograder/exercises``, named like its folder in
``solutions/``, with a constant ``PROBLEM_SET`` and one module an exercise. Points, names and
wording exist there once; the notebooks, the gradebook and the reports take them from it.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from autograder.paths import PACKAGE
from autograder.selfcheck.spec import ExerciseSpec

from .answers import read_answers, source_path
from .exercise import DefinitionError, ProblemSet, Written


@dataclass(frozen=True)
class ProblemSetSpec:
    """A problem set as plain data, for one seed, as evaluated on one device."""

    name: str
    title: str
    seed: int
    device: str
    exercises: tuple[ExerciseSpec, ...]
    written: tuple[Written, ...]
    minutes: dict[str, int] = field(default_factory=dict)

    @property
    def max_score(self) -> int:
        """Points for what the machine checks; written questions are not in it."""
        return sum(exercise.max_score for exercise in self.exercises)


def definition_files(name: str) -> list[Path]:
    """The files of the definition of a problem set, and of those that it imports."""
    top = PACKAGE / "exercises"
    found: dict[str, list[Path]] = {"__init__": [top / "__init__.py"]}
    todo = [_module_name(name)]
    while todo:
        module = todo.pop()
        found[module] = sorted((top / module).rglob("*.py")) or [top / f"{module}.py"]
        imported = {name for file in found[module] for name in _imported(file)}
        there = {path.stem for path in top.iterdir()}
        todo += (imported & there) - set(found)
    return [file for module in sorted(found) for file in found[module]]


def _imported(file: Path) -> set[str]:
    """All names in a file's import statements."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            dotted = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                dotted.append(node.module or "")
            names.update(part for name in dotted for part in name.split("."))
    return names


def _module_name(name: str) -> str:
    module = name.split("-")[0]
    if not re.fullmatch(r"[a-z]+\d*", module):
        raise KeyError(name)
    return module


@cache
def load_problem_set(name: str) -> ProblemSet:
    """The definition of a problem set by its name, e.g. "ps01-sgd".

    Known mistakes that are edits are made of the answers in ``solutions/``. Raises KeyError for
    a name without a module, DefinitionError if an edit does not fit.
    """
    module_name = _module_name(name)
    if importlib.util.find_spec(f"autograder.exercises.{module_name}") is None:
        raise KeyError(name)
    module = importlib.import_module(f"autograder.exercises.{module_name}")
    problem_set: ProblemSet = getattr(module, "PROBLEM_SET", None)  # type: ignore[assignment]
    if problem_set is None or problem_set.name != name:
        raise KeyError(name)
    path = source_path(name)
    answers = read_answers(path)
    try:
        exercises = [exercise.answered(answers) for exercise in problem_set.exercises]
    except DefinitionError as error:
        raise DefinitionError(f"{path.name}: {error}") from None
    return replace(problem_set, exercises=exercises)
