"""What grading a hand-in gives, and its form in results.json (see autograder/README.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autograder.definition.ids import check_id
from autograder.selfcheck.judge import CheckResult
from autograder.selfcheck.language import ENGLISH, sentence
from autograder.selfcheck.records import UNTOLD, record_of, tree_of
from autograder.selfcheck.values import ValueRefused

from .inert import Attachment

RESULTS_VERSION = 2


class Status(StrEnum):
    """How the grading of a hand-in ended: each has one; autograder/README.md says what they mean.

    In the order of their weight: of several that apply, the first is the status.
    """

    DAMAGED = sentence("damaged")
    TIMEOUT = sentence("timeout")
    OUT_OF_MEMORY = sentence("out of memory")
    CRASHED = sentence("crashed")
    ERROR = sentence("error")
    MISSING_CELL = sentence("missing cell")
    MANUAL = sentence("needs manual grading")
    NO_ANSWER = sentence("no answer")
    PARTIAL = sentence("partial")
    GRADED = sentence("graded")


@dataclass(frozen=True, slots=True)
class Output:
    """What a cell of the student's showed: text, and pictures as base64 PNG.

    ``error`` is the type of the exception that ended it, or why it did not run; ``detail`` is the
    exception's text.
    """

    text: str = ""
    pictures: tuple[str, ...] = ()
    error: str = ""
    detail: str = ""


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
class Judged:
    """What the judge said of a check that has been adjusted since, and its points then."""

    passed: bool
    points: int


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """Result of one exercise.

    ``adjusted`` are sentences on what was changed after grading; then ``judged`` has an entry for
    each check. ``section`` is the part of the book that explains it: an address, or a page and a
    heading where the course has no website.
    """

    name: str
    score: int
    max_score: int
    checks: tuple[CheckResult, ...]
    adjusted: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    section: str = ""

    @property
    def points(self) -> tuple[int, int]:
        """The score, and of how many."""
        return self.score, self.max_score


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one hand-in. ``score`` and ``max_score`` count what the machine checks.

    ``answers`` are hashes of the answers by the cell that has the points for each.
    ``outdated`` says that the hand-in, or what it is graded with, has changed since.
    """

    student: str
    status: Status
    detail: str
    score: int
    max_score: int
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    written_answered: frozenset[str] = frozenset()
    fingerprint: str = ""
    outdated: bool = False
    exercises: tuple[ExerciseResult, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[GradedCell, ...] = field(default=(), compare=False, metadata=UNTOLD)

    def same_answers(self, earlier: Result) -> frozenset[str]:
        """The cells with points whose answer, and whose points by machine, are as they were."""
        before = {check_id(each.name): each for each in earlier.exercises}
        now = {check_id(each.name): each for each in self.exercises}
        return frozenset(
            name
            for name, answer in self.answers.items()
            if earlier.answers.get(name) == answer
            and (name not in now or (name in before and now[name].points == before[name].points))
        )

    @property
    def worth(self) -> dict[str, float]:
        """The points that can be had for each exercise, by the cell that has them."""
        return {check_id(each.name): float(each.max_score) for each in self.exercises}

    @property
    def lost_to_time(self) -> bool:
        """Whether points were lost, and something was stopped because it took long."""
        checks = (check for exercise in self.exercises for check in exercise.checks)
        stopped = self.status is Status.TIMEOUT or any(
            check.error == Status.TIMEOUT for check in checks
        )
        return stopped and self.score < self.max_score

    def to_json(self) -> dict[str, Any]:
        """The hand-in's entry in results.json."""
        tree: dict[str, Any] = tree_of(self)
        return tree

    @staticmethod
    def from_json(tree: Any) -> Result:
        """A hand-in from its entry in results.json (without its cells). Raises ValueError."""
        result: Result = record_of(Result, tree)
        return result


@dataclass(frozen=True)
class Run:
    """One grading of a problem set: what was in force, and all the results by student.

    ``results`` may be read from disk each time they are gone through. ``not_graded`` are
    students whose hand-in has no result yet, ``skipped`` folders that were left out, with why;
    ``adjustments`` are lines on what was changed after grading. ``language`` is the one in which
    students are told.
    """

    problem_set: str
    title: str
    seed: int
    device: str
    isolation: str
    versions: Mapping[str, str]
    figures: str = "draw"
    not_graded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    results: Iterable[Result] = field(default=(), metadata=UNTOLD)
    adjustments: tuple[str, ...] = ()
    language: str = ENGLISH

    def to_json(self) -> dict[str, Any]:
        """The head of results.json: all but the results."""
        # as text, for other readers of JSON round a number of this size
        return {"version": RESULTS_VERSION, **tree_of(self), "seed": str(self.seed)}

    @staticmethod
    def from_json(tree: Any) -> Run:
        """A run from the head of results.json. Raises ValueError if that is of another version."""
        if not isinstance(tree, dict) or tree.get("version") != RESULTS_VERSION:
            raise ValueRefused("another version")
        run: Run = record_of(Run, {**tree, "seed": _seed(tree.get("seed"))})
        return run

    def is_comparable_to(self, other: Run) -> bool:
        """Whether results of the two may stand in one report."""
        return (self.seed, self.isolation, self.adjustments) == (
            other.seed,
            other.isolation,
            other.adjustments,
        )


def _seed(told: Any) -> int:
    """The seed as :meth:`Run.to_json` writes it. Raises ValueError for anything else."""
    if not isinstance(told, str) or not (told.isascii() and told.isdecimal()):
        raise ValueRefused("no seed")
    return int(told)
