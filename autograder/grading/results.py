"""What grading a hand-in gives, and its form in results.json (see autograder/README.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autograder.selfcheck.judge import CheckResult

from .inert import Attachment

RESULTS_VERSION = 2


class Status(StrEnum):
    """How the grading of a hand-in ended. Each hand-in has exactly one; the worst one counts."""

    GRADED = "graded"
    PARTIAL = "partial"  # some exercises are not answered
    NO_ANSWER = "no answer"  # none is
    ERROR = "error"  # a cell or a call raised an exception
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"  # the interpreter ended
    DAMAGED = "damaged"  # the file is not a notebook that can be read
    MISSING_CELL = "missing cell"  # an exercise is nowhere to be found
    MANUAL = "needs manual grading"  # only a person can tell which cell counts


@dataclass(frozen=True, slots=True)
class Output:
    """What a cell of the student's showed: text, and pictures as base64 PNG."""

    text: str = ""
    pictures: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class GradedCell:
    """A cell of the notebook as graded, with what it showed."""

    kind: str
    source: str
    grade_id: str | None
    check: str | None
    output: Output
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """Result of one exercise."""

    name: str
    score: int
    max_score: int
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """Result of one hand-in. ``score`` and ``max_score`` count what the machine checks.

    ``outdated`` says that the hand-in, or what it is graded with, has changed since.
    """

    student: str
    status: Status
    detail: str
    score: int
    max_score: int
    seconds: float
    exercises: tuple[ExerciseResult, ...]
    notes: tuple[str, ...] = ()
    written_answered: frozenset[str] = frozenset()
    fingerprint: str = ""
    outdated: bool = False
    cells: tuple[GradedCell, ...] = field(default=(), compare=False)

    def to_json(self) -> dict[str, Any]:
        """The hand-in's entry in results.json."""
        return {
            "student": self.student,
            "status": str(self.status),
            "detail": self.detail,
            "score": self.score,
            "max_score": self.max_score,
            "seconds": self.seconds,
            "notes": list(self.notes),
            "written_answered": sorted(self.written_answered),
            "fingerprint": self.fingerprint,
            "outdated": self.outdated,
            "exercises": [
                {
                    "name": exercise.name,
                    "score": exercise.score,
                    "max_score": exercise.max_score,
                    "checks": [dict(vars(check)) for check in exercise.checks],
                }
                for exercise in self.exercises
            ],
        }

    @staticmethod
    def from_json(tree: dict[str, Any]) -> Submission:
        """A hand-in from its entry in results.json (without its cells)."""
        return Submission(
            tree["student"],
            Status(tree["status"]),
            tree["detail"],
            tree["score"],
            tree["max_score"],
            tree["seconds"],
            tuple(
                ExerciseResult(
                    exercise["name"],
                    exercise["score"],
                    exercise["max_score"],
                    tuple(CheckResult(**check) for check in exercise["checks"]),
                )
                for exercise in tree["exercises"]
            ),
            tuple(tree["notes"]),
            frozenset(tree["written_answered"]),
            tree["fingerprint"],
            tree["outdated"],
        )
