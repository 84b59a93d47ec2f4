"""What was asked of the workers of a hand-in, and what came back: all that its verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from autograder.results.result import Output, Status
from autograder.sandbox.wire import Frame


class Question(NamedTuple):
    """The calls of a check, on its public cases or on its held-out ones."""

    exercise: str
    check: int
    public: bool


class Incident(NamedTuple):
    """Something that ended a worker, or that went wrong in it."""

    status: Status
    text: str


@dataclass
class Transcript:
    """``outputs`` of cells by their step, ``answers`` by question; ``lost`` are checks that cost a
    worker, or were not asked any more, by exercise and number."""

    outputs: dict[int, Output] = field(default_factory=dict)
    answers: dict[Question, list[Frame]] = field(default_factory=dict)
    incidents: list[Incident] = field(default_factory=list)
    lost: dict[tuple[str, int], Incident] = field(default_factory=dict)

    def copy(self) -> Transcript:
        """Another one that says the same, so far."""
        return Transcript(
            dict(self.outputs), dict(self.answers), list(self.incidents), dict(self.lost)
        )
