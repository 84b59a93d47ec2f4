"""Points that were changed after grading, for everybody and with the reason: ``adjustments.toml``.

It lies in the course directory, and people may edit it. What the judge said is kept beside what
became of it, so that an adjustment can be taken back without running a hand-in again.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from autograder.course.errors import UserError
from autograder.course.files import write_whole
from autograder.definition.ids import check_id
from autograder.selfcheck.judge import CheckResult
from autograder.selfcheck.language import say, say_count
from autograder.selfcheck.spec import ExerciseSpec

from .result import ExerciseResult, Judged, Result

FILE = "adjustments.toml"
MOST_POINTS = 1000
_LONGEST_REASON = 500  # characters
_TABLE = "adjustment"
_HEADING = re.compile(rf"\s*\[\[\s*{_TABLE}\s*\]\]")
_KEYS = ("problem_set", "exercise", "check", "action", "points", "why")
_HEAD = (
    "What was changed after grading, for everybody, and why; students read the reasons.",
    "autograder adjust writes it, and you may edit it. It holds from the next autograder grade on.",
)


class Action(StrEnum):
    """What an adjustment does, as the file has it."""

    FULL_MARKS = "full marks"
    DROP = "drop"
    POINTS = "points"


@dataclass(frozen=True)
class Adjustment:
    """One change: to an exercise, or to one check of it if ``check`` is not empty.

    Full marks: everybody who has handed in gets the points. Drop: it gives none, and counts for
    none. Points: it is worth ``points`` instead; those of an exercise are shared out over its
    checks in proportion, in whole points.
    """

    exercise: str
    check: str
    action: Action
    why: str
    points: int = 0

    @property
    def target(self) -> str:
        """What is adjusted, as ``autograder adjust`` takes it."""
        return f"{self.exercise}/{self.check}" if self.check else self.exercise

    @property
    def told(self) -> str:
        """The sentence that students read."""
        what = say("“{quoted}”", quoted=self.check) if self.check else say("this exercise")
        if self.action is Action.FULL_MARKS:
            done = say("everybody has full marks for {what}", what=what)
        elif self.action is Action.DROP:
            done = say("{what} does not count", what=what)
        else:
            done = say_count(
                "{what} is worth {n} point", "{what} is worth {n} points", self.points, what=what
            )
        return say("Changed after grading: {done}. {why}", done=done, why=self.why)


@dataclass(frozen=True)
class Adjustments:
    """The adjustments to one problem set, in the order in which they apply."""

    all: tuple[Adjustment, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """What is changed, each in a line; two of which differ if and only if the grades may."""
        return tuple(f"{each.target}: {each.told}" for each in self.all)

    def require(self, exercises: Iterable[ExerciseSpec | ExerciseResult], where: Path) -> None:
        """Raise UserError, with the file, unless what is adjusted is among the exercises."""
        checks = {each.name: [check.name for check in each.checks] for each in exercises}
        for each in self.all:
            _require_target(each.exercise, each.check, checks, f"{where}: ")

    def applied(self, result: Result) -> Result:
        """A result with these adjustments, and with none that it had before."""
        if not self.all and not any(each.judged for each in result.exercises):
            return result
        exercises = tuple(self._applied(_as_judged(each)) for each in result.exercises)
        return replace(
            result,
            score=sum(each.score for each in exercises),
            max_score=sum(each.max_score for each in exercises),
            exercises=exercises,
        )

    def worth(self, exercises: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """The points that can be had for exercises that are adjusted, by the cell that has them.

        Given are the points of the checks of all exercises, as they are without adjustments.
        """
        return {
            check_id(name): float(self._applied(_unanswered(name, checks)).max_score)
            for name, checks in exercises.items()
            if any(each.exercise == name for each in self.all)
        }

    def _applied(self, exercise: ExerciseResult) -> ExerciseResult:
        judged = tuple(Judged(check.passed, check.points) for check in exercise.checks)
        own = [each for each in self.all if each.exercise == exercise.name]
        checks = list(exercise.checks)
        for each in own:
            where = [n for n, check in enumerate(checks) if each.check in ("", check.name)]
            worth = [checks[n].points for n in where]
            if each.action is Action.DROP:
                worth = [0] * len(where)
            elif each.action is Action.POINTS:
                worth = shared_out(each.points, worth)
            for n, points in zip(where, worth, strict=True):
                passed = checks[n].passed or each.action is Action.FULL_MARKS
                checks[n] = replace(checks[n], passed=passed, points=points)
        if not own:
            return exercise
        told = tuple(each.told for each in own)
        return replace(_with_checks(exercise, checks), adjusted=told, judged=judged)


UNADJUSTED = Adjustments()


def _as_judged(exercise: ExerciseResult) -> ExerciseResult:
    """An exercise as the judge left it."""
    if len(exercise.judged) != len(exercise.checks):
        return exercise
    checks = [
        replace(check, passed=was.passed, points=was.points)
        for check, was in zip(exercise.checks, exercise.judged, strict=True)
    ]
    return replace(_with_checks(exercise, checks), adjusted=(), judged=())


def _unanswered(name: str, points: Mapping[str, int]) -> ExerciseResult:
    """An exercise of which nothing is answered, with the points of its checks."""
    checks = tuple(CheckResult(check, False, worth) for check, worth in points.items())
    return ExerciseResult(name, 0, sum(points.values()), checks)


def _with_checks(exercise: ExerciseResult, checks: Sequence[CheckResult]) -> ExerciseResult:
    score = sum(check.points for check in checks if check.passed)
    most = sum(check.points for check in checks)
    return replace(exercise, score=score, max_score=most, checks=tuple(checks))


def shared_out(points: int, among: Sequence[int]) -> list[int]:
    """Whole points in proportion to these, with the sum ``points``; the largest rests get one more.

    Where all are 0, all have the same proportion.
    """
    weights = among if any(among) else [1] * len(among)
    total = sum(weights) or 1
    given = [points * weight // total for weight in weights]
    by_rest = sorted(range(len(weights)), key=lambda n: (-(points * weights[n] % total), n))
    for n in by_rest[: points - sum(given)]:
        given[n] += 1
    return given


def read_adjustments(root: Path, problem_set: str) -> Adjustments:
    """The adjustments to a problem set in the course directory ``root``.

    Raises UserError with the file, the number of the entry, and what to do.
    """
    path = root / FILE
    entries = _entries(_read(path), path)
    return Adjustments(tuple(adjustment for of, adjustment in entries if of == problem_set))


def write_adjustment(root: Path, problem_set: str, adjustment: Adjustment) -> None:
    """Add an adjustment to the file; it replaces one of the same exercise or check.

    Comments in the file stay. Raises UserError.
    """
    text = _without(root, problem_set, adjustment.exercise, adjustment.check)
    given = {"problem_set": problem_set, "exercise": adjustment.exercise}
    given |= {"check": adjustment.check} if adjustment.check else {}
    given |= {"action": str(adjustment.action)}
    # texts are printable, so those of JSON are those of TOML
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in given.items()]
    if adjustment.action is Action.POINTS:
        lines.append(f"points = {adjustment.points}")
    lines.append(f"why = {json.dumps(adjustment.why, ensure_ascii=False)}")
    entry = "\n".join([f"[[{_TABLE}]]", *lines])
    whole = f"{text.rstrip()}\n\n{entry}\n"
    path = root / FILE
    if len(_headings(whole)) != len(_entries(text, path)) + 1:
        raise _by_hand(path)
    _write(root, whole)


def remove_adjustment(root: Path, problem_set: str, exercise: str, check: str) -> None:
    """Take an adjustment out of the file. Raises UserError if there is none."""
    there = read_adjustments(root, problem_set).all
    if not any((each.exercise, each.check) == (exercise, check) for each in there):
        told = ", ".join(each.target for each in there) or "none"
        target = f"{exercise}/{check}" if check else exercise
        raise UserError(
            f"{root / FILE} has no adjustment of {problem_set} to {target}; there are: {told}"
        )
    _write(root, _without(root, problem_set, exercise, check))


def require_reason(why: str, where: str = "--why") -> str:
    """The reason without space around it. Raises UserError unless students can read it."""
    text = why.strip()
    if not text or not text.isprintable() or len(text) > _LONGEST_REASON:
        raise UserError(
            f"{where}: write the reason, which students read, in one line of 1 to "
            f"{_LONGEST_REASON} characters"
        )
    return text


def require_points(points: object, where: str = "--points") -> int:
    """Points as an adjustment may give them. Raises UserError for others."""
    if type(points) is not int or not 1 <= points <= MOST_POINTS:
        raise UserError(
            f"{where}: points must be a whole number from 1 to {MOST_POINTS}, not {points!r}; "
            "what shall not count is dropped"
        )
    return points


def split_target(target: str, checks: Mapping[str, Collection[str]]) -> tuple[str, str]:
    """Exercise and check of EXERCISE or EXERCISE/CHECK. Raises UserError if there is none."""
    exercise, _, check = target.partition("/")
    _require_target(exercise, check, checks)
    return exercise, check


def _require_target(
    exercise: str, check: str, checks: Mapping[str, Collection[str]], where: str = ""
) -> None:
    if exercise not in checks:
        raise UserError(
            f"{where}there is no exercise “{exercise}”; the exercises are: {', '.join(checks)} "
            "(written answers are graded in nbgrader's form grader)"
        )
    if check and check not in checks[exercise]:
        raise UserError(
            f"{where}{exercise} has no check “{check}”; its checks are: "
            f"{', '.join(f'“{each}”' for each in checks[exercise])}"
        )


def _read(path: Path) -> str:
    """The text of the file; what a new one begins with if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "".join(f"# {line}\n" for line in _HEAD) + "\n"
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; no grading is lost") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it as UTF-8") from None


def _entries(text: str, path: Path) -> list[tuple[str, Adjustment]]:
    """What the file holds, each with the problem set that it is about. Raises UserError."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(
            f"{path} is not TOML: {error}; mend it, or move it away and adjust again"
        ) from None
    for key in content:
        if key != _TABLE:
            raise UserError(f"{path}: there is no key “{key}”; write tables [[{_TABLE}]]")
    entries = content.get(_TABLE, [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise UserError(f"{path}: write each adjustment as a table [[{_TABLE}]]")
    found = []
    for number, entry in enumerate(entries, start=1):
        where = f"{path}, adjustment {number}"
        found.append((_text(entry, "problem_set", where), _adjustment(entry, where)))
    seen = [(of, each.target) for of, each in found]
    twice = next((each for each in seen if seen.count(each) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: {twice[1]} of {twice[0]} is adjusted twice; remove one of them")
    return found


def _adjustment(entry: Mapping[str, Any], where: str) -> Adjustment:
    for key in entry:
        if key not in _KEYS:
            raise UserError(f"{where}: there is no key “{key}”; the keys are: {', '.join(_KEYS)}")
    told = _text(entry, "action", where)
    if told not in list(Action):
        raise UserError(
            f"{where}: “action” cannot be {told!r}; write one of "
            f"{', '.join(f'“{each}”' for each in Action)}"
        )
    action = Action(told)
    points = 0
    if action is Action.POINTS:
        points = require_points(entry.get("points"), where)
    elif "points" in entry:
        raise UserError(f"{where}: “points” goes with the action “points” only; leave it out")
    check = _text(entry, "check", where) if "check" in entry else ""
    why = require_reason(_text(entry, "why", where), where)
    return Adjustment(_text(entry, "exercise", where), check, action, why, points)


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise UserError(f"{where}: “{key}” must be a text in quotes, not {value!r}")
    return str(value)


def _without(root: Path, problem_set: str, exercise: str, check: str) -> str:
    """The text of the file without the adjustment to this; comments stay."""
    path = root / FILE
    text = _read(path)
    entries = _entries(text, path)
    gone = {
        number
        for number, (of, each) in enumerate(entries)
        if (of, each.exercise, each.check) == (problem_set, exercise, check)
    }
    if not gone:
        return text
    number = -1
    kept = []
    for line in text.splitlines(keepends=True):
        number += bool(_HEADING.match(line))
        if number not in gone or line.lstrip().startswith("#"):
            kept.append(line)
    left = "".join(kept)
    wanted = [entry for number, entry in enumerate(entries) if number not in gone]
    if number + 1 != len(entries) or _entries(left, path) != wanted:
        raise _by_hand(path)
    return left


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if _HEADING.match(line)]


def _by_hand(path: Path) -> UserError:
    """What to tell where a person has written the file in another of TOML's ways."""
    return UserError(
        f"{path}: write each adjustment as a table [[{_TABLE}]] with a line for each key, so "
        "that it can be changed here; or change it there"
    )


def _write(root: Path, text: str) -> None:
    write_whole(root / FILE, text, durable=True, below=root)
