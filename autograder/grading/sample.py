"""Hand-ins made from the sources: the instructor's, the untouched release, one with mistakes.

Pre-flight grades such hand-ins before a class is graded, the sample class consists of them, and
the tests start from them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from autograder.course.course import Material
from autograder.course.directory import Assignment
from autograder.definition import ProblemSet, load_problem_set
from autograder.definition.ids import written_id
from autograder.definition.problem_set import material_of
from autograder.release.released import read_release
from autograder.release.source import instructor_notebook
from autograder.release.variants import notebook_of, variants_of

Notebook = dict[str, Any]


def released_notebook(assignment: Assignment) -> Notebook:
    """The release, as a student gets it."""
    notebook: Notebook = json.loads(assignment.release.read_text(encoding="utf-8"))
    return notebook


def with_answers(
    released: Notebook, answers: Mapping[str, str], written: Mapping[str, str] | None = None
) -> Notebook:
    """A hand-in: the release with the cells of some exercises (and questions) replaced."""
    notebook = copy.deepcopy(released)
    texts = dict(answers)
    texts.update({written_id(name): text for name, text in (written or {}).items()})
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in texts:
            cell["source"] = texts[grade_id]
    return notebook


def instructor_answers(of: Material | str) -> dict[str, str]:
    """The source of the instructor's answer to each exercise of a problem set.

    Constants are named in it, as in the release: ``notebook_of`` puts in those of a variant.
    """
    material = material_of(of)
    problem_set = load_problem_set(material)
    names = {exercise.name for exercise in problem_set.exercises}
    return {
        cell["id"]: cell["source"]
        for cell in instructor_notebook(problem_set, material.source)["cells"]
        if cell["id"] in names
    }


def mistaken_answers(problem_set: ProblemSet, number: int) -> dict[str, tuple[str, str]]:
    """For each exercise its known mistake number ``number``: name and source.

    Exercises with fewer known mistakes are left out.
    """
    found = {}
    for exercise in problem_set.exercises:
        if number < len(exercise.mistakes):
            name, mistake = list(exercise.mistakes.items())[number]
            source = mistake.source(exercise.name)
            if "np." in source:
                source = f"import numpy as np\n\n\n{source}"
            found[exercise.name] = (name, source)
    return found


def sample_class(assignment: Assignment, *, endless: bool | None = None) -> dict[str, Notebook]:
    """A small class by student name: right, partly right, wrong, unanswered, stopped, broken.

    The one that is stopped is ``endless``, the commonest end, or else ends itself. To wait for an
    endless loop takes its time: if nothing is said, it is the first problem set's that has one.
    Where there are variants, each of them has the constants that it is given.
    """
    definition = load_problem_set(assignment.material)
    released = released_notebook(assignment)
    right = instructor_answers(assignment.material)
    first, *others = [exercise.name for exercise in definition.exercises]
    essay = {question.name: "My answer, in a few sentences." for question in definition.written}
    wrong = {name: source for name, (_, source) in mistaken_answers(definition, 0).items()}
    slips = {name: source for name, (_, source) in mistaken_answers(definition, 1).items()}
    half = {name: right[name] for name in [first, *others[: len(others) // 2]]}
    victim = next(e for e in definition.exercises if e.driver is None)
    if endless is None:
        endless = assignment.problem_set == assignment.material.course.problem_sets()[0]
    end = "    while True:\n        pass\n" if endless else "    __import__('os')._exit(1)\n"
    stopped = _replace_body(right[victim.name], end)
    made = {
        "ada": with_answers(released, right, essay),
        "boris": with_answers(released, {**right, others[-1]: wrong[others[-1]]}, essay),
        "chen": with_answers(released, half, essay),
        "dana": with_answers(released, {**right, **wrong}, essay),
        "emil": with_answers(released, {**right, victim.name: stopped}),
        "fatima": with_answers(released, {**half, first: slips[first]}),
        "goran": with_answers(released, {**right, first: "def broken(:\n"}),
        "hana": with_answers(released, {}),
    }
    variants = variants_of(assignment, read_release(assignment.release), made, first=True)
    return {student: notebook_of(each, variants.get(student, 0)) for student, each in made.items()}


def _replace_body(source: str, body: str) -> str:
    """The function in ``source`` with another body after its signature."""
    lines = source.splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if line.startswith("def "))
    end = next(i for i in range(start, len(lines)) if lines[i].rstrip().endswith(":"))
    return "".join(lines[: end + 1]) + body
