"""Answers of a class that are wrong in the same way: by a known mistake, or by one nobody foresaw.

What an answer did is in the messages of its checks: which fail, on which case, and with which
values. Two answers of which all that is the same are taken to be the same mistake. Where a function
raised, the exception counts and not the lines that led to it, which differ from student to student.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from autograder.selfcheck.judge import CHANGED, CheckResult

from .result import ExerciseResult, Result

_OF_CHANGED = "The function changes an argument in place."


@dataclass
class KnownMistake:
    """A known mistake, its sentence, and who made it."""

    exercise: str
    name: str
    sentence: str
    students: list[str] = field(default_factory=list)


@dataclass
class Group:
    """Students whose answers to an exercise are wrong in the same way, which no mistake explains.

    ``checks`` are those that fail, with their messages; none while there is one student.
    """

    exercise: str
    key: str
    students: list[str] = field(default_factory=list)
    checks: tuple[CheckResult, ...] = ()


@dataclass
class Alike:
    """All wrong answers of a class, collected one result after the other."""

    mistakes: dict[tuple[str, str], KnownMistake] = field(default_factory=dict)
    by_key: dict[str, Group] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Take in the answers of one more student."""
        for exercise in result.exercises:
            failed = failed_checks(exercise)
            for check in failed:
                if is_told(check) and check.mistake is not None:
                    self._know(exercise.name, check, check.mistake, result.student)
            key = key_of(exercise.name, failed)
            if key is None:
                continue
            group = self.by_key.setdefault(key, Group(exercise.name, key))
            group.students.append(result.student)
            if len(group.students) == 2:  # most are one student's: their messages are not kept
                group.checks = failed

    def _know(self, exercise: str, check: CheckResult, name: str, student: str) -> None:
        sentence = _OF_CHANGED if name == CHANGED else check.message.partition("\n")[0]
        known = self.mistakes.setdefault((exercise, name), KnownMistake(exercise, name, sentence))
        if student not in known.students[-1:]:
            known.students.append(student)

    def commonest(self) -> list[KnownMistake]:
        """The known mistakes, the commonest first."""
        return sorted(self.mistakes.values(), key=lambda known: -len(known.students))

    def groups(self) -> list[Group]:
        """The groups of several students, the largest first."""
        several = (group for group in self.by_key.values() if len(group.students) > 1)
        return sorted(several, key=lambda group: -len(group.students))


def failed_checks(exercise: ExerciseResult) -> tuple[CheckResult, ...]:
    """The checks that fail by the judge, whatever was adjusted since."""
    judged = [each.passed for each in exercise.judged] or [each.passed for each in exercise.checks]
    pairs = zip(exercise.checks, judged, strict=False)
    return tuple(check for check, passed in pairs if not passed)


def key_of(exercise: str, failed: tuple[CheckResult, ...]) -> str | None:
    """What answers that are wrong in the same way have in common.

    None if nothing is wrong or answered, or if one known mistake explains all that fails.
    """
    answered = [check for check in failed if not check.unanswered]
    if not answered or (
        all(is_told(check) for check in answered)
        and len({check.mistake for check in answered}) == 1
    ):
        return None
    outcome = [(check.name, check.error, _told(check)) for check in answered]
    told = json.dumps([exercise, outcome])
    return hashlib.blake2b(told.encode(), digest_size=6).hexdigest()


def is_told(check: CheckResult) -> bool:
    """Whether the student is told a known mistake as the own one."""
    return check.mistake is not None and not check.only_here


def _told(check: CheckResult) -> str:
    return check.raised or check.message
