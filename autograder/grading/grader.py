"""Grading one hand-in: read it, run it in a worker, judge what came back."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from autograder.course.reading import Damaged
from autograder.definition import ProblemSetSpec
from autograder.release.released import Release
from autograder.results.adjustments import UNADJUSTED, Adjustments
from autograder.results.result import Result, Status
from autograder.sandbox.pool import Pool
from autograder.selfcheck.language import say

from .conversation import Conversation
from .handin import parse
from .marking import Marking
from .plan import make_plan
from .settings import DRAW, KEEP, TimeLimits
from .verdict import not_run, verdict


@dataclass(frozen=True)
class Grader:
    """How the hand-ins of a problem set are graded: all that it takes but a sandbox.

    It may be sent to other machines, and be used by several threads.
    """

    release: Release
    marking: Marking
    adjustments: Adjustments = UNADJUSTED
    keeps_pictures: bool = False  # those that were saved in the hand-in

    @staticmethod
    def of(
        release: Release,
        spec: ProblemSetSpec,
        limits: TimeLimits,
        adjustments: Adjustments = UNADJUSTED,
        figures: str = DRAW,
    ) -> Grader:
        """The grader of a release, with the cases of a spec; ``figures`` as in the settings."""
        return Grader(release, Marking(spec, limits), adjustments, figures == KEEP)

    def grade(self, student: str, data: bytes, pool: Pool, fingerprint: str = "") -> Result:
        """Grade the hand-in that these bytes are; never raises for what is in it."""
        started = time.monotonic()
        result = replace(self._grade(student, data, pool), fingerprint=fingerprint)
        return replace(result, seconds=round(time.monotonic() - started, 3))

    def _grade(self, student: str, data: bytes, pool: Pool) -> Result:
        try:
            plan = make_plan(parse(data, pictures=self.keeps_pictures), self.release)
        except Damaged as damaged:
            return self.ungraded(student, Status.DAMAGED, str(damaged))
        except (RecursionError, MemoryError):
            told = say("it is nested too deeply to be read")
            return self.ungraded(student, Status.DAMAGED, told)
        try:
            said = Conversation(plan, self.marking, pool).hold()
            return self.adjustments.applied(verdict(student, plan, said, self.marking))
        except Exception as error:  # a mistake of the grader's must not stop the batch
            told = say(
                "the grader itself failed on it ({error}); please report",
                error=f"{type(error).__name__}: {error}",
            )
            return self.ungraded(student, Status.MANUAL, told[:500])

    def ungraded(self, student: str, status: Status, detail: str, fingerprint: str = "") -> Result:
        """The result, with score 0, of a hand-in whose cells were not run."""
        spec = self.marking.spec
        exercises = tuple(
            not_run(each, say("not run"), status, spec.sections.get(each.name, ""))
            for each in spec.exercises
        )
        result = Result(
            student,
            status,
            detail,
            0,
            spec.max_score,
            fingerprint=fingerprint,
            exercises=exercises,
        )
        return self.adjustments.applied(result)
