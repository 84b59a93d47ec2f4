"""What is checked, as plain data: exercises made of checks, checks made of cases.

A spec holds inputs, expected values and the values that known mistakes give, but no code: the
grader computes it from the reference, and the public part of it travels to students as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .records import UNTOLD, dumps, loads
from .values import decode, encode

FORM = "/"  # parts the name of a known mistake from the number of a further form of it


@dataclass(frozen=True)
class Case:
    """One use of the student's function, or a trajectory of several uses.

    ``arguments`` are given by position, in the order of the signature. With ``steps``, the
    function is called once a step: a step's own arguments replace those of the same name, and
    the outputs of the step before are fed into the arguments named by ``feedback``.
    ``label`` says in a few words what is special, and is shown also where the inputs are not.
    """

    label: str
    arguments: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...] = ()
    feedback: tuple[str, ...] = ()
    public: bool = True

    @property
    def calls(self) -> int:
        """How often the function is called."""
        return len(self.steps) or 1

    def __reduce__(self) -> Any:
        # pickle alone forgets that an array is read-only, or skips memory
        buffers: list[bytes] = []
        given = [(k, encode(v, buffers)) for k, v in self.arguments.items()]
        steps = [[(k, encode(v, buffers)) for k, v in step.items()] for step in self.steps]
        return _case, (self.label, given, steps, self.feedback, self.public, buffers)


def _case(
    label: str,
    given: list[tuple[str, Any]],
    steps: list[list[tuple[str, Any]]],
    feedback: tuple[str, ...],
    public: bool,
    buffers: list[bytes],
) -> Case:
    """The case that was pickled."""
    arguments = {k: decode(tree, buffers) for k, tree in given}
    later = tuple({k: decode(tree, buffers) for k, tree in step} for step in steps)
    return Case(label, arguments, later, feedback, public)


@dataclass(frozen=True)
class Outcome:
    """What one call gave: a value, or an error.

    ``error`` is the exception's type name, ``detail`` its text, ``trace`` the student's lines
    that led to it, where these are known. ``after`` are the arguments as
    they were afterwards; None if the call left them as they were.
    """

    value: Any = None
    error: str | None = None
    detail: str = field(default="", metadata=UNTOLD)
    after: tuple[Any, ...] | None = None
    trace: str = field(default="", metadata=UNTOLD)


@dataclass(frozen=True)
class CaseSpec:
    """A case with the outcomes that the reference and the known mistakes have on it."""

    case: Case
    expected: tuple[Outcome, ...]
    mistakes: Mapping[str, tuple[Outcome, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckSpec:
    """A named check: passed, for all its points, when every case agrees within the tolerance.

    With a ``relation`` (a name in :mod:`.relations`), that relation between the student's own
    values must hold as well; it is named first when it does not. (Alone it would give points to
    wrong answers: a constant has every invariance.)

    With an ``accuracy``, the output holds labels, and at least this share of them must be the
    expected ones. ``seconds`` is the time for one call, where the usual time is too short.
    """

    name: str
    points: int
    cases: tuple[CaseSpec, ...]
    relation: str | None = None
    rtol: float = 1e-7
    atol: float = 1e-9
    accuracy: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class ExerciseSpec:
    """A function to write: its parameters, what it returns, its checks and known mistakes.

    ``mistakes`` maps the name of a known mistake to the sentence that a student reads; what follows
    a ``FORM`` in a name numbers the forms of one mistake, which are told as the same. ``entry``
    is the function to call instead, where the student writes something else, such as a class.
    """

    name: str
    parameters: tuple[str, ...]
    returns: tuple[str, ...]
    checks: tuple[CheckSpec, ...]
    mistakes: Mapping[str, str]
    entry: str | None = None

    @property
    def max_score(self) -> int:
        """Sum of the points of all checks."""
        return sum(check.points for check in self.checks)

    def public_part(self) -> ExerciseSpec:
        """The same exercise with its public cases only."""
        checks = (
            replace(check, cases=tuple(spec for spec in check.cases if spec.case.public))
            for check in self.checks
        )
        return replace(self, checks=tuple(check for check in checks if check.cases))


def dump(exercises: Sequence[ExerciseSpec]) -> str:
    """JSON text of the specs; :func:`load` reads it."""
    return dumps(_Specs, exercises)


def load(text: str) -> list[ExerciseSpec]:
    """Specs from the JSON text that :func:`dump` wrote. Raises ValueError if it is none."""
    return list(loads(_Specs, text))


_Specs = tuple[ExerciseSpec, ...]
