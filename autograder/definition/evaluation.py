"""How the definition of a problem set becomes a spec of plain data.

This module does not import torch at its top: the grader's coordinator reads specs without it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.course.course import Material
from autograder.selfcheck.calls import run_case
from autograder.selfcheck.compare import difference, too_few_right
from autograder.selfcheck.judge import ACCIDENTS
from autograder.selfcheck.language import say, speaking
from autograder.selfcheck.spec import FORM, Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome

from .exercise import Check, DefinitionError, Exercise, Mistake, ProblemSet
from .problem_set import ProblemSetSpec, load_problem_set, material_of

ANOTHER_VARIANT = "another-variant"  # a known mistake of each exercise that has constants


def evaluate(of: Material | str, seed: int, device: str) -> ProblemSetSpec:
    """Evaluate the reference and the known mistakes on all cases of a problem set.

    ``device`` is "cpu" or "cuda"; for a reference in NumPy it is "cpu". Held-out cases depend on
    ``seed`` and nothing else. Raises DefinitionError if a definition is wrong (a mistake that no
    case tells from the right answer, a reference that is not finite, ...).
    """
    problem_set = load_problem_set(of)
    course = material_of(of).course
    place = device if course.library == "torch" else None
    with speaking(course.language):
        variants = tuple(_evaluate_variants(problem_set, seed, place))
    first = {exercise.name: exercise for exercise in variants[0]} if variants else {}
    return ProblemSetSpec(
        problem_set.name,
        problem_set.title,
        seed,
        device,
        tuple(
            first.get(exercise.name) or _evaluate_exercise(exercise, seed, place)
            for exercise in problem_set.exercises
        ),
        tuple(problem_set.written),
        {exercise.name: exercise.section for exercise in problem_set.exercises},
        {name: tuple(values) for name, values in problem_set.constants.items()},
        variants,
    )


def _evaluate_variants(
    problem_set: ProblemSet, seed: int, device: str | None
) -> Iterator[tuple[ExerciseSpec, ...]]:
    """For each variant the exercises that depend on its constants."""
    if not problem_set.constants:
        return
    variants = [problem_set.variant(number) for number in range(problem_set.variants)]
    for number, variant in enumerate(variants):
        yield tuple(
            _evaluate_exercise(
                exercise,
                seed,
                device,
                number,
                {
                    other: each.exercises[place].reference
                    for other, each in enumerate(variants)
                    if _differ(problem_set, exercise, number, other)
                },
            )
            for place, exercise in enumerate(variant.exercises)
            if exercise.constants
        )


def _differ(problem_set: ProblemSet, exercise: Exercise, variant: int, other: int) -> bool:
    """Whether an exercise has other constants in another variant."""
    values = (problem_set.constants[name] for name in exercise.constants)
    return any(each[variant] != each[other] for each in values)


def _evaluate_exercise(
    exercise: Exercise,
    seed: int,
    device: str | None,
    variant: int = 0,
    others: Mapping[int, Callable[..., Any]] | None = None,
) -> ExerciseSpec:
    """Evaluate an exercise; ``others`` are the references of variants with other constants."""

    def placed(reference: Callable[..., Any]) -> Callable[..., Any]:
        return reference if device is None else on_device(reference, device)

    reference = placed(exercise.reference)
    of_others = {f"{ANOTHER_VARIANT}{FORM}{k + 1}": placed(r) for k, r in (others or {}).items()}
    checks = []
    for name, check in exercise.checks.items():
        # one stream a check, so that a new check does not change the cases of the others; all
        # bits of the seed count, however long it is
        stream = zlib.crc32(f"{exercise.name}/{name}".encode())
        held_out = check.held_out(np.random.default_rng([seed, stream]))
        cases = [*check.public, *(_held_out(case) for case in held_out)]
        if not held_out:
            raise DefinitionError(f"{exercise.name}, {name}: there is no held-out case")
        checks.append(
            CheckSpec(
                name,
                check.points,
                tuple(
                    _evaluate_case(exercise, check, reference, case, of_others) for case in cases
                ),
                check.relation,
                check.rtol,
                check.atol,
                check.accuracy,
                check.seconds,
            )
        )
    spec = ExerciseSpec(
        exercise.name,
        tuple(exercise.parameters),
        tuple(exercise.returns),
        tuple(checks),
        {
            **{name: mistake.message for name, mistake in _forms(exercise)},
            **dict.fromkeys(
                of_others,
                say(
                    "Your value is the right one for the constants of another variant of this "
                    "problem set: compute it with those of your own notebook."
                ),
            ),
        },
        exercise.entry,
    )
    _validate(spec, exercise, variant)
    return spec


def _forms(exercise: Exercise) -> Iterator[tuple[str, Mistake]]:
    """The known mistakes by name; further forms of one by the same name and a number."""
    for name, mistake in exercise.mistakes.items():
        yield name, mistake
        for number, other in enumerate(mistake.others, start=2):
            yield f"{name}{FORM}{number}", other


def _held_out(case: Case) -> Case:
    return Case(case.label, case.arguments, case.steps, case.feedback, public=False)


def _evaluate_case(
    exercise: Exercise,
    check: Check,
    reference: Callable[..., Any],
    case: Case,
    others: Mapping[str, Callable[..., Any]],
) -> CaseSpec:
    if tuple(case.arguments) != tuple(exercise.parameters):
        raise DefinitionError(
            f"{exercise.name}, case “{case.label}”: arguments {tuple(case.arguments)} are not the "
            f"parameters {tuple(exercise.parameters)}"
        )
    expected = tuple(run_case(reference, case))
    if len(expected) != case.calls or any(outcome.error for outcome in expected):
        raise DefinitionError(
            f"{exercise.name}, case “{case.label}”: the reference fails: {expected[-1:]}"
        )
    if any(outcome.after is not None for outcome in expected):
        raise DefinitionError(
            f"{exercise.name}, case “{case.label}”: the reference changes its arguments"
        )
    for outcome in expected:
        outputs = outcome.value if len(exercise.returns) > 1 else (outcome.value,)
        if not all(np.all(np.isfinite(output)) for output in outputs):
            raise DefinitionError(
                f"{exercise.name}, case “{case.label}”: the reference is not finite"
            )
    with np.errstate(all="ignore"):
        mistakes = {
            name: tuple(run_case(exercise.runnable(mistake.function), case))
            for name, mistake in _forms(exercise)
        }
        mistakes |= {name: tuple(run_case(other, case)) for name, other in others.items()}
    for name, outcomes in mistakes.items():
        for outcome in outcomes:
            if outcome.error in ACCIDENTS:
                told = f"it raises {outcome.error} by accident: {outcome.detail}"
                raise DefinitionError(f"{exercise.name}, mistake {name}: {told}")
    if check.accuracy is not None:  # the data are large: do not keep them for each mistake
        mistakes = {
            name: tuple(replace(outcome, after=None) for outcome in outcomes)
            for name, outcomes in mistakes.items()
        }
    return CaseSpec(case, expected, mistakes)


def _validate(spec: ExerciseSpec, exercise: Exercise, variant: int) -> None:
    kinds = (False,) if exercise.constants else (True, False)  # of cases that there are
    for mistake in spec.mistakes:
        for public in kinds:
            told = any(
                _tells(spec, check, case, case.mistakes[mistake])
                for check in spec.checks
                for case in check.cases
                if case.case.public is public
            )
            if not told and mistake.startswith(f"{ANOTHER_VARIANT}{FORM}"):
                other = mistake.rpartition(FORM)[2]
                raise DefinitionError(
                    f"{spec.name}: variants {variant + 1} and {other} have the same right values; "
                    "choose constants that give others"
                )
            if not told:
                kind = "public" if public else "held-out"
                raise DefinitionError(
                    f"{spec.name}: no {kind} case tells the mistake {mistake} from the right answer"
                )


def _tells(
    spec: ExerciseSpec, check: CheckSpec, case: CaseSpec, outcomes: tuple[Outcome, ...]
) -> bool:
    if len(outcomes) != len(case.expected):
        return True
    for right, mistaken in zip(case.expected, outcomes, strict=True):
        if mistaken.error is not None:
            return True
        if check.accuracy is not None:
            if mistaken.value is None or too_few_right(
                right.value, mistaken.value, spec.returns[0], check.accuracy
            ):
                return True
            continue
        if difference(right.value, mistaken.value, spec.returns, check.rtol, check.atol):
            return True
        if mistaken.after is not None:
            return True
    return False


def on_device(reference: Callable[..., Any], device: str) -> Callable[..., Any]:
    """A reference on tensors as a function on NumPy arrays, computed on ``device``."""
    import torch  # not at the top: see the module's docstring

    def to_device(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            dtype = torch.int64 if value.dtype.kind in "iu" else torch.float64
            return torch.tensor(np.ascontiguousarray(value), dtype=dtype, device=device).reshape(
                value.shape
            )
        if isinstance(value, (list, tuple)):
            return type(value)(to_device(item) for item in value)
        return value

    def to_host(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.detach().cpu().numpy()
        if isinstance(value, tuple):
            return tuple(to_host(item) for item in value)
        return value

    def function(*arguments: Any) -> Any:
        return to_host(reference(*(to_device(argument) for argument in arguments)))

    return function
