"""Whether the course still is the one that was released, so that hand-ins can be graded with it."""

from __future__ import annotations

from dataclasses import replace

from autograder.course.errors import UserError
from autograder.definition import ProblemSetSpec
from autograder.definition.ids import check_id, written_id
from autograder.release.changes import parameters
from autograder.release.released import Release
from autograder.selfcheck.spec import ExerciseSpec


def fitted(spec: ProblemSetSpec, release: Release, options: str) -> ProblemSetSpec:
    """The part of a spec that was released, in the order of the release.

    What the course has got since then is left out. ``options`` are the arguments for commands.
    Raises UserError if an exercise is gone, takes other parameters, or gives other points, or if
    constants are others.
    """
    defined = {exercise.name: exercise for exercise in spec.exercises}
    asked = {question.name: question for question in spec.written}
    written = [name for name in asked if written_id(name) in release.written]
    gone = [name for name in release.exercises if name not in defined]
    gone += [name for name in release.written if name not in map(written_id, written)]
    if gone:
        raise UserError(
            f"{release.problem_set} was released with {', '.join(gone)}, which the course does not "
            "define any more; hand-ins can be graded when it does again"
        )
    for name in release.exercises:
        _require_parameters(defined[name], release)
    given = {check_id(name): defined[name].max_score for name in release.exercises}
    given |= {written_id(name): asked[name].points for name in written}
    for name, points in given.items():
        released = release.cell(name).points
        if released != points:
            raise UserError(
                f"{release.problem_set}: {name} gives {points} points in the course, and "
                f"{released} in the release; to take the change over, with all hand-ins as they "
                f"are, run: autograder release {options}"
            )
    if dict(spec.constants) != dict(release.constants):
        raise UserError(
            f"{release.problem_set} has other constants in the course than in the release; to take "
            f"the change over, with all hand-ins as they are, run: autograder release {options}"
        )
    exercises = tuple(defined[name] for name in release.exercises)
    return replace(spec, exercises=exercises, written=tuple(asked[name] for name in written))


def _require_parameters(exercise: ExerciseSpec, release: Release) -> None:
    if exercise.entry is not None:  # a class, which a function of the release calls
        return
    released = parameters(release.cell(exercise.name)).get(exercise.name)
    if released is not None and released != exercise.parameters:
        raise UserError(
            f"{release.problem_set} was released with "
            f"{exercise.name}({', '.join(released)}), and the course now defines "
            f"{exercise.name}({', '.join(exercise.parameters)}); hand-ins can be graded when both "
            "agree again"
        )
