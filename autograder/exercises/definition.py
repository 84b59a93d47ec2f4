"""How an exercise is defined, and how its definition becomes a spec of plain data.

A problem set is one module ``psNN.py`` beside this one, named like its folder in ``solutions/``,
with a constant ``PROBLEM_SET``. Points, names and wording of a problem set exist there once; the
notebooks, the gradebook and the reports take them from it.

This module does not import torch: the grader's coordinator reads specs without it.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autograder.selfcheck.calls import run_case
from autograder.selfcheck.compare import difference, too_few_right
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome


class DefinitionError(ValueError):
    """A problem set that contradicts itself; the text says where."""


@dataclass(frozen=True)
class Mistake:
    """A wrong variant that students are known to write.

    ``function`` is NumPy code as a student would write it, with the exercise's parameters (or,
    where the exercise has a driver, the class, which may use torch); ``message`` is one sentence
    that tells the student what the variant does and what to do.
    """

    name: str
    message: str
    function: Callable[..., Any]

    def source(self, name: str) -> str:
        """The variant's code as a definition of a function called ``name``."""
        text = textwrap.dedent(inspect.getsource(self.function))
        return re.sub(r"^(def|class) \w+", rf"\1 {name}", text, count=1, flags=re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """A named check with its points and cases.

    ``public`` cases are fixed and travel to students; ``held_out(rng)`` makes further ones from
    the seed of a grading run: at least one, for public expected values are known to students.
    With ``relation`` (a name in selfcheck.relations), that relation between the student's own
    outputs is checked as well as their values. ``accuracy`` and ``seconds`` are those of
    selfcheck.spec.CheckSpec.
    """

    name: str
    points: int
    public: Sequence[Case]
    held_out: Callable[[np.random.Generator], Sequence[Case]]
    relation: str | None = None
    rtol: float = 1e-7
    atol: float = 1e-9
    accuracy: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Exercise:
    """A function for students to write, or a class that a driver runs on the cases.

    ``reference`` takes torch tensors where the case has arrays (float64, or int64 for integers),
    lists of them where it has lists, and plain numbers where it has numbers; it returns tensors
    or numbers. ``returns`` names the outputs; ``section`` is the page and heading of the book
    that explains the rule.

    A ``driver`` is a function that gets the student's class before the ``parameters``, and makes
    plain data of it. Its code becomes a locked cell of the notebook, and may use np and torch.
    """

    name: str
    title: str
    minutes: int
    section: str
    parameters: tuple[str, ...]
    returns: tuple[str, ...]
    reference: Callable[..., Any]
    checks: Sequence[Check]
    mistakes: Sequence[Mistake]
    driver: Callable[..., Any] | None = None

    @property
    def entry(self) -> str | None:
        """Name of the function to call instead of the student's class; None without a driver."""
        return None if self.driver is None else f"run_{self.name}"

    def driver_source(self) -> str:
        """The code of the locked cell that defines the entry."""
        if self.driver is None:
            raise DefinitionError(f"{self.name} has no driver")
        driver = textwrap.dedent(inspect.getsource(self.driver)).rstrip()
        return (
            "import numpy as np\nimport torch\n\n\n"
            f"{driver}\n\n\n"
            f"def {self.entry}(*case):\n    return {self.driver.__name__}({self.name}, *case)"
        )

    def runnable(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        """An answer as a function of the parameters."""
        return answer if self.driver is None else partial(self.driver, answer)

    @property
    def points(self) -> int:
        """Sum of the points of all checks."""
        return sum(check.points for check in self.checks)


@dataclass(frozen=True)
class Written:
    """A written question, graded by a person along the marking scheme in the solution."""

    name: str
    points: int


@dataclass(frozen=True)
class ProblemSet:
    """A notebook of exercises; ``name`` is its folder in ``solutions/``.

    ``torch`` says that answers need torch: it is loaded before a hand-in runs.
    """

    name: str
    title: str
    exercises: Sequence[Exercise]
    written: Sequence[Written]
    torch: bool = False


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


def load_problem_set(name: str) -> ProblemSet:
    """The definition of a problem set by its name, e.g. "ps01-sgd".

    Raises KeyError for a name without a module.
    """
    module_name = name.split("-")[0]
    if not re.fullmatch(r"[a-z]+\d*", module_name):
        raise KeyError(name)
    if not (Path(__file__).parent / f"{module_name}.py").is_file():
        raise KeyError(name)
    module = importlib.import_module(f"autograder.exercises.{module_name}")
    problem_set: ProblemSet = getattr(module, "PROBLEM_SET", None)  # type: ignore[assignment]
    if problem_set is None or problem_set.name != name:
        raise KeyError(name)
    return problem_set


def evaluate(name: str, seed: int, device: str) -> ProblemSetSpec:
    """Evaluate the reference and the known mistakes on all cases of a problem set.

    ``device`` is "cpu" or "cuda". Held-out cases depend on ``seed`` and nothing else. Raises
    DefinitionError if a definition is wrong (a mistake that no case tells from the right answer,
    a reference that is not finite, ...).
    """
    problem_set = load_problem_set(name)
    return ProblemSetSpec(
        problem_set.name,
        problem_set.title,
        seed,
        device,
        tuple(_evaluate_exercise(exercise, seed, device) for exercise in problem_set.exercises),
        tuple(problem_set.written),
        {exercise.name: exercise.minutes for exercise in problem_set.exercises},
    )


def _evaluate_exercise(exercise: Exercise, seed: int, device: str) -> ExerciseSpec:
    reference = on_device(exercise.reference, device)
    checks = []
    for check in exercise.checks:
        # one stream a check, so that a new check does not change the cases of the others; all
        # bits of the seed count, however long it is
        stream = zlib.crc32(f"{exercise.name}/{check.name}".encode())
        held_out = check.held_out(np.random.default_rng([seed, stream]))
        cases = [*check.public, *(_held_out(case) for case in held_out)]
        if not held_out:
            raise DefinitionError(f"{exercise.name}, {check.name}: there is no held-out case")
        checks.append(
            CheckSpec(
                check.name,
                check.points,
                tuple(_evaluate_case(exercise, check, reference, case) for case in cases),
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
        {mistake.name: mistake.message for mistake in exercise.mistakes},
        exercise.entry,
    )
    _validate(exercise, spec)
    return spec


def _held_out(case: Case) -> Case:
    return Case(case.label, case.arguments, case.steps, case.feedback, public=False)


def _evaluate_case(
    exercise: Exercise, check: Check, reference: Callable[..., Any], case: Case
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
            mistake.name: tuple(run_case(exercise.runnable(mistake.function), case))
            for mistake in exercise.mistakes
        }
    if check.accuracy is not None:  # the data are large: do not keep them for each mistake
        mistakes = {
            name: tuple(replace(outcome, after=None) for outcome in outcomes)
            for name, outcomes in mistakes.items()
        }
    return CaseSpec(case, expected, mistakes)


def _validate(exercise: Exercise, spec: ExerciseSpec) -> None:
    if len(spec.mistakes) != len(exercise.mistakes):
        raise DefinitionError(f"{exercise.name}: two known mistakes have the same name")
    for mistake in exercise.mistakes:
        for public in (True, False):
            told = any(
                _tells(spec, check, case, case.mistakes[mistake.name])
                for check in spec.checks
                for case in check.cases
                if case.case.public is public
            )
            if not told:
                kind = "public" if public else "held-out"
                raise DefinitionError(
                    f"{exercise.name}: no {kind} case tells the mistake {mistake.name} from the "
                    "right answer"
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
