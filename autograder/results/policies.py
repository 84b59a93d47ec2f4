"""Deadlines, extensions, the price of lateness, and what counts of a term: ``policies.toml``.

It lies in the course directory, for dates and extensions are those of a class. People write it. Its
dates are entered in nbgrader's gradebook when a class is graded, so that nbgrader shows the same.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.selfcheck.language import say, say_count, sentence

from .moments import Span, as_long, read_moment, read_span, read_zone, shown

FILE = "policies.toml"
_KEYS = ("time_zone", "late", "problem_set", "group", "extension", "term")
_LATE = ("percent", "per", "grace", "at_most", "closes_after")
_SET = ("due", "closes", "late")
_GROUP = ("students",)
_EXTENSION = ("student", "group", "problem_set", "until", "by", "why")
_TERM = ("drop_lowest", "never_drop")
_UNITS = {"day": 86400, "hour": 3600}
_PER = tuple(f"{unit}{begun}" for unit in _UNITS for begun in (" begun", ""))
_LONGEST_REASON = 500  # characters
_COSTS = {
    "day begun": sentence("{percent} % of the points for each day begun"),
    "day": sentence("{percent} % of the points for each day"),
    "hour begun": sentence("{percent} % of the points for each hour begun"),
    "hour": sentence("{percent} % of the points for each hour"),
}


@dataclass(frozen=True)
class LateRule:
    """What lateness costs: per cent of the points that were earned.

    ``percent`` are taken for each unit of ``per``: of “day begun” and “hour begun” whole ones, of
    “day” and “hour” in proportion; altogether ``at_most``. Up to ``grace`` late is in time; who is
    later than that is late from the due date on. What comes more than ``closes_after`` the due date
    counts nothing.
    """

    percent: float = 0.0
    per: str = _PER[0]
    at_most: float = 100.0
    grace: Span | None = None
    closes_after: Span | None = None

    @property
    def forgiven(self) -> timedelta:
        """How late is in time."""
        return timedelta() if self.grace is None else self.grace.length

    def taken(self, seconds: float) -> float:
        """The per cent that are taken from a hand-in that is so late, before the last moment."""
        if seconds <= self.forgiven.total_seconds():
            return 0.0
        units = seconds / _UNITS[self.per.removesuffix(" begun")]
        return min(
            self.at_most, self.percent * (math.ceil(units) if "begun" in self.per else units)
        )

    @property
    def told(self) -> str:
        """The rule as students read it."""
        costs = say("lateness costs nothing")
        if self.percent:
            costs = say(_COSTS[self.per], percent=f"{self.percent:g}")
            if self.at_most < 100:
                most = f"{self.at_most:g}"
                costs = say("{rule}, at most {percent} %", rule=costs, percent=most)
        parts = [costs]
        if self.grace is not None:
            parts.append(say("up to {span} late is in time", span=self.grace.text))
        if self.closes_after is not None:
            span = self.closes_after.text
            parts.append(say("{span} after the due date nothing counts any more", span=span))
        return "; ".join(parts)


@dataclass(frozen=True)
class Extension:
    """More time for some students, ``until`` a moment or ``by`` so much; for one set or for all."""

    students: frozenset[str]
    problem_set: str
    why: str
    until: datetime | None = None
    by: Span | None = None

    def own_due(self, due: datetime) -> datetime:
        """The due date that it gives."""
        if self.until is not None:
            return self.until
        assert self.by is not None
        return self.by.after(due)


@dataclass(frozen=True)
class _Deadline:
    due: datetime | None = None
    closes: datetime | None = None
    late: LateRule | None = None


@dataclass(frozen=True)
class Policies:
    """What a ``policies.toml`` says; without one, nothing."""

    path: Path
    late: LateRule | None = None
    zone: tzinfo | None = None
    sets: Mapping[str, _Deadline] = field(default_factory=dict)
    extensions: tuple[Extension, ...] = ()
    drop_lowest: int = 0
    never_drop: frozenset[str] = frozenset()

    def due(self, problem_set: str) -> datetime | None:
        """The due date of a problem set, for whom there is no extension; None if it has none."""
        return self._of(problem_set).due

    def rule(self, problem_set: str) -> LateRule | None:
        """What lateness costs in a problem set; None if that is not for this file to say."""
        deadline = self._of(problem_set)
        own = deadline.late or self.late
        # a last moment is a rule, too
        return LateRule() if own is None and deadline.closes is not None else own

    def extension(self, problem_set: str, student: str) -> Extension | None:
        """The extension of a student, of several the one that lasts longest."""
        due = self.due(problem_set)
        if due is None:
            return None
        own = [
            each
            for each in self.extensions
            if student in each.students and each.problem_set in ("", problem_set)
        ]
        return max(own, key=lambda each: each.own_due(due).astimezone(UTC), default=None)

    def own_due(self, problem_set: str, student: str) -> datetime | None:
        """The due date of a student: with the extension."""
        due = self.due(problem_set)
        extension = self.extension(problem_set, student)
        return due if due is None or extension is None else extension.own_due(due)

    def closes(self, problem_set: str, own_due: datetime) -> datetime | None:
        """The last moment at which a hand-in counts something, for somebody with this due date.

        An extension never ends after it: ``closes`` is then when the extension ends. None if there
        is no last moment.
        """
        rule, closes = self.rule(problem_set), self._of(problem_set).closes
        if closes is None and rule is not None and rule.closes_after is not None:
            closes = rule.closes_after.after(own_due)
        if closes is None:
            return None
        in_time = self._in_time_until(problem_set, own_due)
        return max(closes, in_time.astimezone(own_due.tzinfo))

    def deadline(self, problem_set: str, own_due: datetime) -> datetime:
        """Until when somebody with this due date can hand in: to the last moment, if there is one.

        Else it is the due date, with the grace period.
        """
        last = self.closes(problem_set, own_due) or self._in_time_until(problem_set, own_due)
        return last.astimezone(UTC)

    def _in_time_until(self, problem_set: str, own_due: datetime) -> datetime:
        """A due date with the grace period, in UTC."""
        rule = self.rule(problem_set) or LateRule()
        return own_due.astimezone(UTC) + rule.forgiven

    def taken(self, problem_set: str, own_due: datetime, seconds: float) -> tuple[float, str]:
        """The per cent that lateness of so many seconds costs, and why, as students read it."""
        rule = self.rule(problem_set)
        if rule is None:
            return 0.0, ""
        closes = self.closes(problem_set, own_due)
        if closes is not None and own_due.astimezone(UTC) + timedelta(seconds=seconds) > closes:
            moment = shown(closes.astimezone(self._shown_in(own_due)))
            return 100.0, say("after {moment} nothing counts", moment=moment)
        percent = rule.taken(seconds)
        if percent:
            return percent, say(
                "{percent} % of the points are taken off ({rule})",
                percent=f"{percent:.3g}",
                rule=rule.told,
            )
        if rule.percent and seconds > 0 and rule.grace is not None:
            forgiven = rule.grace.text
            return 0.0, say("that is in time, for up to {span} are forgiven", span=forgiven)
        return 0.0, ""

    def shown(self, moment: datetime, problem_set: str) -> str:
        """A moment in the zone of this file, of the due date, or else of UTC."""
        return shown(moment.astimezone(self._shown_in(self.due(problem_set))))

    def _shown_in(self, moment: datetime | None) -> tzinfo:
        return self.zone or (None if moment is None else moment.tzinfo) or UTC

    def of_the_term(self, problem_set: str) -> str:
        """What counts of the term, as students read it with a problem set; empty if all does."""
        if not self.drop_lowest:
            return ""
        if problem_set in self.never_drop:
            return say("In the total of the term this problem set counts in any case.")
        return say_count(
            "In the total of the term the problem set without which your share of the points is "
            "largest does not count.",
            "In the total of the term the {n} problem sets without which your share of the points "
            "is largest do not count.",
            self.drop_lowest,
        )

    def _of(self, problem_set: str) -> _Deadline:
        return self.sets.get(problem_set, _Deadline())

    @property
    def students(self) -> frozenset[str]:
        """All students who have an extension."""
        return frozenset(name for each in self.extensions for name in each.students)


@dataclass(frozen=True)
class Lateness:
    """When a hand-in was due and came, as people read it; all empty where it is not known.

    ``reason`` says what lateness cost, and by which rule.
    """

    due: str
    extended_to: str
    why: str
    handed_in: str
    seconds: float
    extension: float
    reason: str

    @property
    def told(self) -> str:
        """All of it in a line."""
        parts = [say("Due {moment}", moment=self.due)]
        if self.extended_to and self.why:
            extended = sentence("for you extended to {moment} ({why})")
            parts.append(say(extended, moment=self.extended_to, why=self.why))
        elif self.extended_to:
            parts.append(say("for you extended to {moment}", moment=self.extended_to))
        if self.handed_in and self.seconds > 0:
            late = sentence("handed in {moment}, {span} late")
            parts.append(say(late, moment=self.handed_in, span=as_long(self.seconds)))
        elif self.handed_in:
            parts.append(say("handed in {moment}, in time", moment=self.handed_in))
        return "; ".join([*parts, *([self.reason] if self.reason else [])]) + "."


def read_policies(directory: CourseDirectory) -> Policies:
    """What is said in a course directory. Raises UserError with file, key, and what to do."""
    path = directory.root / FILE
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policies(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; no grading is lost") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(
            f'{path} is not TOML: {error}; write times in quotes, as due = "2026-11-30 23:59"'
        ) from None
    return _Reader(path, directory.course.problem_sets()).read(tree)


class _Reader:
    """Makes policies of what is in the file; raises UserError for what cannot be."""

    def __init__(self, path: Path, problem_sets: Collection[str]) -> None:
        self.path = path
        self.problem_sets = problem_sets
        self.zone: tzinfo | None = None
        self.sets: dict[str, _Deadline] = {}

    def read(self, tree: Mapping[str, Any]) -> Policies:
        self._keys(tree, _KEYS, str(self.path))
        if "time_zone" in tree:
            self.zone = read_zone(tree["time_zone"], f"{self.path}: “time_zone”")
        late = self._rule(tree["late"], f"{self.path}, [late]") if "late" in tree else None
        for name, table in self._table(tree, "problem_set", str(self.path)).items():
            where = f"{self.path}, [problem_set.{name}]"
            self._require_set(name, where)
            self.sets[name] = self._deadline(table, where)
        groups = {
            name: self._group(table, f"{self.path}, [group.{name}]")
            for name, table in self._table(tree, "group", str(self.path)).items()
        }
        entries = tree.get("extension", [])
        if not isinstance(entries, list):
            raise UserError(f"{self.path}: write each extension as a table [[extension]]")
        extensions = tuple(
            self._extension(entry, groups, f"{self.path}, extension {number}")
            for number, entry in enumerate(entries, start=1)
        )
        drop, never = self._term(self._table(tree, "term", str(self.path)))
        return Policies(self.path, late, self.zone, self.sets, extensions, drop, never)

    def _deadline(self, table: Any, where: str) -> _Deadline:
        self._keys(table, _SET, where)
        due, closes = (
            read_moment(table[key], self.zone, f"{where}: “{key}”") if key in table else None
            for key in ("due", "closes")
        )
        if closes is not None and due is None:
            raise UserError(f"{where}: “closes” needs a “due” before it; write both")
        if closes is not None and due is not None and closes < due:
            raise UserError(f"{where}: “closes” is before “due”; it is the last moment of all")
        late = self._rule(table["late"], f"{where}, late") if "late" in table else None
        if closes is not None and late is not None and late.closes_after is not None:
            raise UserError(f"{where}: “closes” and “closes_after” say the same; keep one of them")
        return _Deadline(due, closes, late)

    def _rule(self, table: Any, where: str) -> LateRule:
        self._keys(table, _LATE, where)
        per = table.get("per", _PER[0])
        if per not in _PER:
            told = ", ".join(f"“{each}”" for each in _PER)
            raise UserError(f"{where}: “per” cannot be {per!r}; write one of {told}")
        percent, at_most = (
            self._percent(table, key, default, where)
            for key, default in (("percent", 0.0), ("at_most", 100.0))
        )
        if ("per" in table or "at_most" in table) and "percent" not in table:
            raise UserError(f"{where}: write how much is taken off, as percent = 10")
        grace, closes = (
            read_span(table[key], f"{where}: “{key}”") if key in table else None
            for key in ("grace", "closes_after")
        )
        if grace is not None and closes is not None and closes.length < grace.length:
            raise UserError(f"{where}: “closes_after” is shorter than “grace”; make it longer")
        return LateRule(percent, per, at_most, grace, closes)

    def _percent(self, table: Mapping[str, Any], key: str, default: float, where: str) -> float:
        value = table.get(key, default)
        if type(value) not in (int, float) or not 0 <= value <= 100:
            raise UserError(f"{where}: “{key}” must be a number from 0 to 100, not {value!r}")
        return float(value)

    def _group(self, table: Any, where: str) -> frozenset[str]:
        self._keys(table, _GROUP, where)
        students = table.get("students")
        if not isinstance(students, list) or not all(_is_text(each) for each in students):
            raise UserError(f'{where}: write its students as students = ["ada", "bob"]')
        return frozenset(students)

    def _extension(self, entry: Any, groups: Mapping[str, frozenset[str]], where: str) -> Extension:
        self._keys(entry, _EXTENSION, where)
        for key in ("student", "group", "problem_set", "why"):
            if key in entry and not _is_text(entry[key]):
                raise UserError(f"{where}: “{key}” must be a text in quotes, not {entry[key]!r}")
        if ("student" in entry) == ("group" in entry):
            raise UserError(f"{where}: write whom it is for: either a “student” or a “group”")
        if "group" in entry and entry["group"] not in groups:
            told = ", ".join(groups) or "none"
            raise UserError(
                f"{where}: there is no group “{entry['group']}”; there are: {told}; "
                f"make it by [group.{entry['group']}]"
            )
        students = groups[entry["group"]] if "group" in entry else frozenset([entry["student"]])
        if ("until" in entry) == ("by" in entry):
            raise UserError(f"{where}: write either “until” (a time) or “by” (how long)")
        why = entry.get("why", "")
        if len(why) > _LONGEST_REASON:
            raise UserError(f"{where}: “why” has more than {_LONGEST_REASON} characters")
        problem_set = entry.get("problem_set", "")
        due = None
        if problem_set:
            self._require_set(problem_set, where)
            due = self.sets.get(problem_set, _Deadline()).due
            if due is None:
                raise UserError(
                    f"{where}: {problem_set} has no due date here; write it in this file: "
                    f'[problem_set.{problem_set}] with due = "2026-11-30 23:59"'
                )
        if "by" in entry:
            by = read_span(entry["by"], f"{where}: “by”")
            return Extension(students, problem_set, why, by=by)
        if due is None:
            raise UserError(f"{where}: “until” needs a “problem_set”; for all of them write “by”")
        until = read_moment(entry["until"], self.zone, f"{where}: “until”")
        if until <= due:
            raise UserError(
                f"{where}: “until” is not after the due date of {problem_set}, {shown(due)}"
            )
        return Extension(students, problem_set, why, until=until)

    def _term(self, table: Mapping[str, Any]) -> tuple[int, frozenset[str]]:
        where = f"{self.path}, [term]"
        self._keys(table, _TERM, where)
        drop, never = table.get("drop_lowest", 0), table.get("never_drop", [])
        if type(drop) is not int or not 0 <= drop < 100:
            raise UserError(f"{where}: “drop_lowest” must be a whole number of sets, not {drop!r}")
        if not isinstance(never, list):
            raise UserError(f"{where}: write “never_drop” as a list of problem sets, not {never!r}")
        for name in never:
            self._require_set(name, f"{where}: “never_drop”")
        return drop, frozenset(never)

    def _require_set(self, name: Any, where: str) -> None:
        if name not in self.problem_sets:
            told = ", ".join(self.problem_sets) or "none"
            raise UserError(f"{where}: there is no problem set “{name}”; there are: {told}")

    def _table(self, tree: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        value = tree.get(key, {})
        if not isinstance(value, dict):
            raise UserError(f"{where}: “{key}” must be a table, as [{key}]")
        return value

    def _keys(self, table: Any, keys: Collection[str], where: str) -> None:
        if not isinstance(table, dict):
            raise UserError(f"{where} must be a table with the keys {', '.join(keys)}")
        for key in table:
            if key not in keys:
                raise UserError(
                    f"{where}: there is no key “{key}”; the keys are: {', '.join(keys)}"
                )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()
