"""What is done with each hand-in of a run, and what does it: this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from autograder.definition.constants import values_of
from autograder.reports.notebook import autograded_text
from autograder.reports.pages import feedback_page
from autograder.results.result import Result, Run, Status
from autograder.sandbox.pool import Pool
from autograder.selfcheck.language import speaking

from .grader import Grader
from .handin import Handin


@dataclass(frozen=True)
class Graded:
    """A graded hand-in, and what is put on disk of it. From a cluster, it comes without cells."""

    result: Result
    notebook: str
    feedback: str


@dataclass(frozen=True)
class Job:
    """What is done with each hand-in: it is graded, and what is written of it is made.

    ``run`` is what stands on the pages. Where there are variants, each has a grader of its own.
    """

    grader: Grader
    run: Run
    variants: tuple[Grader, ...] = ()

    def do(self, handin: Handin, data: bytes, pool: Pool) -> Graded:
        """Grade a hand-in, whose bytes these are, in a worker of the pool."""
        grader = self._grader(handin)
        with speaking(self.run.language):
            graded = grader.grade(handin.student, data, pool, handin.fingerprint)
            return self._made(grader, graded)

    def leave(self, handin: Handin, status: Status, detail: str) -> Graded:
        """What is made of a hand-in that cannot be graded."""
        grader = self._grader(handin)
        with speaking(self.run.language):
            left = grader.ungraded(handin.student, status, detail, handin.fingerprint)
            return self._made(grader, left)

    def _grader(self, handin: Handin) -> Grader:
        return self.variants[handin.variant] if self.variants else self.grader

    def _made(self, grader: Grader, result: Result) -> Graded:
        return Graded(
            result,
            autograded_text(result, grader.release),
            feedback_page(result, self.run, values_of(grader.release.constants, 0)),
        )


class Executor(Protocol):
    """Where hand-ins are graded. ``level`` is the isolation there, by name, and
    ``weaker_because`` says why it is no stronger one.

    ``is_here``: a hand-in on which the grader dies takes this process with it.
    """

    level: str
    weaker_because: Mapping[str, str]
    is_here: bool

    def run(self, job: Job, handins: Iterable[Handin]) -> Iterator[Graded]:
        """Do the job with all hand-ins; yield what comes of it as it comes.

        At most a few more hand-ins than are being graded are taken at a time. Raises UserError if
        it cannot go on. When it is interrupted, what is being graded is dropped.
        """
        ...

    def close(self) -> None:
        """End the sandboxes."""
        ...
