"""Before a class is graded: does the problem set itself hold what it promises?

The instructor's answers must score full, the release nothing, each known mistake must lose
points and be named, and grading twice must give the same, all of it through the real sandbox. The
public cases must tell the mutants of the instructor's answers. The cases must follow from the seed
alone, and the pages that exercises refer to must be there.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from autograder.course.course import Course
from autograder.course.directory import Assignment
from autograder.definition import ProblemSet, ProblemSetSpec, load_problem_set
from autograder.definition.mutants import mutate
from autograder.definition.reference_process import ReferenceProcess, result_of
from autograder.release.build import release
from autograder.release.variants import notebook_of
from autograder.results.result import Result, Status
from autograder.selfcheck.spec import ExerciseSpec, dump

from .evaluations import fresh_seed, keep
from .handin import Handin
from .sample import (
    Notebook,
    instructor_answers,
    mistaken_answers,
    released_notebook,
    with_answers,
)
from .session import Session
from .settings import Settings

REQUIRED_SHARE_NAMED = 0.95


@dataclass(frozen=True)
class Preflight:
    """What pre-flight found; ``problems`` is empty when the problem set may be graded."""

    problem_set: str
    mistakes: int
    losing: int
    named: int
    mutants: int
    equivalent: int
    problems: tuple[str, ...]
    seed: int
    isolation: str


def preflight(assignments: Sequence[Assignment], settings: Settings) -> Iterator[Preflight]:
    """Release problem sets, grade their own hand-ins, and compare with what must come out.

    One process evaluates all of them, and another one again, so that torch is loaded twice and not
    twice for each; and while one is graded, the next one is released. Raises UserError.
    """
    with (
        ReferenceProcess() as evaluating,
        ReferenceProcess() as process,
        ThreadPoolExecutor(1, thread_name_prefix="preflight") as grading,
    ):
        drawn = []
        for assignment in assignments:
            seed = fresh_seed() if settings.seed is None else settings.seed
            evaluation = evaluating.submit(assignment.material, seed, settings.device)
            drawn.append((assignment, seed, evaluation))
        before: Future[Preflight] | None = None
        for assignment, seed, evaluation in drawn:
            release(assignment)
            keep(assignment, settings.device, result_of(evaluation))
            with_seed = replace(settings, seed=seed)
            graded = grading.submit(_preflight, assignment, with_seed, process)
            if before is not None:
                yield before.result()
            before = graded
        if before is not None:
            yield before.result()


def _preflight(assignment: Assignment, settings: Settings, process: ReferenceProcess) -> Preflight:
    definition = load_problem_set(assignment.material)
    released = released_notebook(assignment)
    right = instructor_answers(assignment.material)
    notebooks: dict[str, Notebook] = {
        "instructor": with_answers(released, right),
        "instructor again": with_answers(released, right),
        "release": with_answers(released, {}),
    }
    most = max((len(exercise.mistakes) for exercise in definition.exercises), default=0)
    mistakes = {number: mistaken_answers(definition, number) for number in range(most)}
    for number, answers in mistakes.items():
        sources = {name: source for name, (_, source) in answers.items()}
        notebooks[f"mistakes {number}"] = with_answers(released, {**right, **sources})
    with Session(assignment, settings) as session:
        seed, level = session.seed, session.executor.level
        again = process.submit(assignment.material, seed, settings.device, stirred=True)
        mutating = process.call(mutate, assignment.material, session.evaluation.spec)
        of_variants = [
            _grade(session, notebooks, number) for number in range(session.release.variants)
        ]
        mutation = result_of(mutating)
        problems = [
            *_differences(session.evaluation.spec, result_of(again).spec),
            *_section_problems(definition, assignment.material.course),
            *mutation.problems,
        ]
    count = losing = named = 0
    for variant, results in enumerate(of_variants, start=1):
        found = [*_instructor_problems(results), *_release_problems(results["release"])]
        for number, answers in mistakes.items():
            exercises = {e.name: e for e in results[f"mistakes {number}"].exercises}
            for name, (mistake, _) in answers.items():
                count += 1
                result = exercises[name]
                if result.score < result.max_score:
                    losing += 1
                else:
                    found.append(f"{name}: the mistake {mistake} scores full marks")
                names = {check.mistake for check in result.checks if not check.passed}
                if mistake in names:
                    named += 1
                elif result.score < result.max_score:
                    told = ", ".join(sorted(n for n in names if n)) or "nothing"
                    found.append(f"{name}: the mistake {mistake} is named as {told}")
        several = len(of_variants) > 1
        problems += [f"variant {variant}: {each}" if several else each for each in found]
    if named >= REQUIRED_SHARE_NAMED * count:
        problems = [p for p in problems if "is named as" not in p]
    return Preflight(
        assignment.problem_set,
        *(count, losing, named),
        *(mutation.killed, mutation.equivalent),
        tuple(problems),
        seed,
        level,
    )


def _grade(session: Session, notebooks: dict[str, Notebook], variant: int) -> dict[str, Result]:
    with tempfile.TemporaryDirectory() as folder:
        handins = []
        for number, (name, notebook) in enumerate(notebooks.items()):
            path = Path(folder) / f"{number}.ipynb"
            path.write_text(json.dumps(notebook_of(notebook, variant)), encoding="utf-8")
            handins.append(Handin(name, path, variant=variant))
        return {each.result.student: each.result for each in session.grade_all(handins)}


def _instructor_problems(results: dict[str, Result]) -> list[str]:
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


def _release_problems(result: Result) -> list[str]:
    if result.score == 0 and result.status is Status.NO_ANSWER:
        return []
    return [f"the untouched release scores {result.score} with status {result.status}"]


def _differences(spec: ProblemSetSpec, again: ProblemSetSpec) -> Iterator[str]:
    """Checks whose cases differ between two evaluations with the same seed."""
    for exercise, other in zip(spec.exercises, again.exercises, strict=True):
        for number, check in enumerate(exercise.checks):
            if _cases(exercise, number) != _cases(other, number):
                yield (
                    f"{exercise.name}, {check.name}: with the same seed the cases differ; draw "
                    "them from the generator that held_out is given, and from no other"
                )


def _cases(exercise: ExerciseSpec, number: int) -> str:
    """The cases of a check as text, without what is expected of them."""
    check = exercise.checks[number]
    bare = (replace(case, expected=(), mistakes={}) for case in check.cases)
    return dump([replace(exercise, checks=(replace(check, cases=tuple(bare)),))])


def _section_problems(definition: ProblemSet, course: Course) -> Iterator[str]:
    """Exercises whose section is on no page of the course, if it says where these are."""
    for exercise in definition.exercises if course.pages else ():
        page, _, anchor = exercise.section.partition("#")
        path = course.root / course.pages / page
        if not exercise.section or not path.is_file():
            yield f"{exercise.name}: its section is “{exercise.section}”: there is no {path}"
            continue
        anchors = _anchors(path.read_text(encoding="utf-8"))
        if anchor and anchor not in anchors:
            near = get_close_matches(anchor, anchors, n=1)
            did = f"; is it “{near[0]}”?" if near else ""
            yield f"{exercise.name}: {page} has no heading with the anchor “{anchor}”{did}"


def _anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as MyST and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.strip().lower()).replace(" ", "-") for each in headings}
