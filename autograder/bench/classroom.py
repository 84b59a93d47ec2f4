"""A class of made-up hand-ins, as large as is wanted: right, partly right, wrong, unfinished."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.course.course import Material
from autograder.course.directory import Assignment
from autograder.definition import load_problem_set
from autograder.grading.sample import (
    instructor_answers,
    mistaken_answers,
    released_notebook,
    with_answers,
)
from autograder.release.making import notebook_text

RIGHT = "right"  # hand-ins of this name, with a number, have the instructor's answers
_FIGURE = """import matplotlib.pyplot as plt
import numpy as np

rates = np.linspace(0.01, 0.3, 50)
for curvature in (1.0, 5.0, 10.0):
    plt.plot(rates, (1 - curvature * rates) ** 20, label=f"curvature {curvature}")
plt.xlabel("learning rate")
plt.ylabel("distance after 20 steps")
plt.legend()
plt.show()
"""


def write_class(assignment: Assignment, count: int, *, figure: bool = False) -> list[Path]:
    """Write hand-ins of ``count`` students; return their files.

    One in ten is right in all; of the others' answers, 6 in 10 are right, half of these in cells
    that differ, 2 in 10 have a known mistake, 2 in 10 are missing. None loops or crashes: that
    costs its time limit, whatever the grader. With ``figure`` each notebook draws one.
    """
    released = released_notebook(assignment)
    if figure:
        cell: dict[str, Any] = {
            "cell_type": "code",
            "execution_count": None,
            "id": "my-figure",
            "metadata": {},
            "outputs": [],
            "source": _FIGURE,
        }
        released["cells"].append(cell)
    paths = []
    for student, answers in _answers(assignment.material, count):
        path = assignment.submitted(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook_text(with_answers(released, answers)), encoding="utf-8")
        paths.append(path)
    return paths


def _answers(material: Material, count: int) -> Iterator[tuple[str, dict[str, str]]]:
    definition = load_problem_set(material)
    right = instructor_answers(material)
    most = max(len(exercise.mistakes) for exercise in definition.exercises)
    mistakes = [mistaken_answers(definition, number) for number in range(most)]
    chance = random.Random(0)
    for number in range(count):
        if number % 10 == 0:
            yield f"{RIGHT}{number:05}", right
            continue
        answers = {}
        for name, source in right.items():
            drawn = chance.random()
            wrong = [of_all[name][1] for of_all in mistakes if name in of_all]
            if drawn < 0.3:
                answers[name] = source
            elif drawn < 0.6:
                answers[name] = f"{source}\n\nMY_NUMBER = {number}\n"
            elif drawn < 0.8:
                answers[name] = chance.choice(wrong)
        yield f"student{number:05}", answers
