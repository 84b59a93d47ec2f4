"""Before a class is graded: does the problem set itself hold what it promises?

The instructor's answers must score full, the release nothing, each known mistake must lose
points and be named, and grading twice must give the same, all of it through the real sandbox.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.definition import load_problem_set
from autograder.paths import CourseDirectory

from .results import Status, Submission
from .sample import (
    Notebook,
    instructor_answers,
    mistaken_answers,
    released_notebook,
    with_answers,
)
from .session import Session, Settings

REQUIRED_SHARE_NAMED = 0.95


@dataclass(frozen=True)
class Preflight:
    """What pre-flight found; ``problems`` is empty when the problem set may be graded."""

    problem_set: str
    mistakes: int
    losing: int
    named: int
    problems: tuple[str, ...]
    seed: int
    isolation: str


def preflight(problem_set: str, course: CourseDirectory, settings: Settings) -> Preflight:
    """Grade the problem set's own hand-ins and compare with what must come out."""
    definition = load_problem_set(problem_set)
    released = released_notebook(problem_set, course)
    right = instructor_answers(definition)
    notebooks: dict[str, Notebook] = {
        "instructor": with_answers(released, right),
        "instructor again": with_answers(released, right),
        "release": with_answers(released, {}),
    }
    most = max(len(exercise.mistakes) for exercise in definition.exercises)
    mistakes = {number: mistaken_answers(definition, number) for number in range(most)}
    for number, answers in mistakes.items():
        sources = {name: source for name, (_, source) in answers.items()}
        notebooks[f"mistakes {number}"] = with_answers(released, {**right, **sources})
    with Session(problem_set, course, settings) as session:
        results = _grade(session, notebooks)
        seed, level = session.seed, session.pool.level.name
    problems = [*_instructor_problems(results), *_release_problems(results["release"])]
    count = losing = named = 0
    for number, answers in mistakes.items():
        exercises = {e.name: e for e in results[f"mistakes {number}"].exercises}
        for name, (mistake, _) in answers.items():
            count += 1
            result = exercises[name]
            if result.score < result.max_score:
                losing += 1
            else:
                problems.append(f"{name}: the mistake {mistake} scores full marks")
            names = {check.mistake for check in result.checks if not check.passed}
            if mistake in names:
                named += 1
            elif result.score < result.max_score:
                told = ", ".join(sorted(n for n in names if n)) or "nothing"
                problems.append(f"{name}: the mistake {mistake} is named as {told}")
    if named >= REQUIRED_SHARE_NAMED * count:
        problems = [p for p in problems if "is named as" not in p]
    return Preflight(problem_set, count, losing, named, tuple(problems), seed, level)


def _grade(session: Session, notebooks: dict[str, Notebook]) -> dict[str, Submission]:
    with tempfile.TemporaryDirectory() as folder:
        handins = []
        for number, (name, notebook) in enumerate(notebooks.items()):
            path = Path(folder) / f"{number}.ipynb"
            path.write_text(json.dumps(notebook), encoding="utf-8")
            handins.append((name, path, ""))
        return {result.student: result for result in session.grade_all(handins)}


def _instructor_problems(results: dict[str, Submission]) -> list[str]:
    problems = []
    result, again = results["instructor"], results["instructor again"]
    if result.status is not Status.GRADED or result.score != result.max_score:
        problems.append(
            f"the instructor's answers score {result.score} of {result.max_score} "
            f"({result.status}{': ' + result.detail if result.detail else ''})"
        )
        for exercise in result.exercises:
            for check in exercise.checks:
                if not check.passed:
                    first = check.message.splitlines()[0] if check.message else ""
                    problems.append(f"{exercise.name}, {check.name}: {first}")
    if result.exercises != again.exercises:
        problems.append("grading the instructor's answers twice gives different results")
    return problems


def _release_problems(result: Submission) -> list[str]:
    if result.score == 0 and result.status is Status.NO_ANSWER:
        return []
    return [f"the untouched release scores {result.score} with status {result.status}"]
