"""What is checked, as plain data: exercises made of checks, checks made of cases.

A spec holds inputs, expected values and the values that known mistakes give, but no code: the
grader computes it from the reference, and the public part of it travels to students as JSON.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .values import ValueRefused, decode, encode

FORMAT = 3  # of the JSON written by dump()


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

    ``error`` is the exception's type name, ``detail`` its text. ``after`` are the arguments as
    they were afterwards; None if the call left them as they were.
    """

    value: Any = None
    error: str | None = None
    detail: str = ""
    after: tuple[Any, ...] | None = None


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

    ``mistakes`` maps the name of a known mistake to the sentence that a student reads. ``entry``
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


def dump(exercises: list[ExerciseSpec]) -> str:
    """JSON text of the specs; :func:`load` reads it."""
    buffers: list[bytes] = []

    def value(item: Any) -> Any:
        return encode(item, buffers)

    def outcome(item: Outcome) -> dict[str, Any]:
        if item.error is not None:
            return {"error": item.error}
        tree = {"value": value(item.value)}
        if item.after is not None:
            tree["after"] = [value(v) for v in item.after]
        return tree

    def case(item: CaseSpec) -> Any:
        return {
            "label": item.case.label,
            "arguments": {k: value(v) for k, v in item.case.arguments.items()},
            "steps": [{k: value(v) for k, v in step.items()} for step in item.case.steps],
            "feedback": list(item.case.feedback),
            "public": item.case.public,
            "expected": [outcome(o) for o in item.expected],
            "mistakes": {k: [outcome(o) for o in v] for k, v in item.mistakes.items()},
        }

    tree: dict[str, Any] = {
        "format": FORMAT,
        "exercises": [
            {
                "name": exercise.name,
                "parameters": list(exercise.parameters),
                "returns": list(exercise.returns),
                "mistakes": dict(exercise.mistakes),
                "entry": exercise.entry,
                "checks": [
                    {
                        "name": check.name,
                        "points": check.points,
                        "relation": check.relation,
                        "rtol": check.rtol,
                        "atol": check.atol,
                        "accuracy": check.accuracy,
                        "seconds": check.seconds,
                        "cases": [case(item) for item in check.cases],
                    }
                    for check in exercise.checks
                ],
            }
            for exercise in exercises
        ],
    }
    tree["buffers"] = [base64.b64encode(item).decode("ascii") for item in buffers]
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def load(text: str) -> list[ExerciseSpec]:
    """Specs from the JSON text that :func:`dump` wrote."""
    tree = json.loads(text)
    if tree.get("format") != FORMAT:
        raise ValueRefused(f"cases of format {tree.get('format')}; this version reads {FORMAT}")
    buffers = [base64.b64decode(item) for item in tree["buffers"]]

    def value(item: Any) -> Any:
        return decode(item, buffers)

    def outcome(item: Any) -> Outcome:
        if "error" in item:
            return Outcome(error=item["error"])
        after = tuple(value(v) for v in item["after"]) if "after" in item else None
        return Outcome(value(item["value"]), after=after)

    def case(item: Any) -> CaseSpec:
        of = Case(
            item["label"],
            {k: value(v) for k, v in item["arguments"].items()},
            tuple({k: value(v) for k, v in step.items()} for step in item["steps"]),
            tuple(item["feedback"]),
            item["public"],
        )
        return CaseSpec(
            of,
            tuple(outcome(o) for o in item["expected"]),
            {k: tuple(outcome(o) for o in v) for k, v in item["mistakes"].items()},
        )

    return [
        ExerciseSpec(
            exercise["name"],
            tuple(exercise["parameters"]),
            tuple(exercise["returns"]),
            tuple(
                CheckSpec(
                    check["name"],
                    check["points"],
                    tuple(case(item) for item in check["cases"]),
                    check["relation"],
                    check["rtol"],
                    check["atol"],
                    check["accuracy"],
                    check["seconds"],
                )
                for check in exercise["checks"]
            ),
            exercise["mistakes"],
            exercise["entry"],
        )
        for exercise in tree["exercises"]
    ]
