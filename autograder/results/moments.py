"""Moments and spans of time as people write them: with a time zone, or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from autograder.course.errors import UserError
from autograder.selfcheck.language import say, say_count

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?: *(\S+))?")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")
_SPAN = re.compile(r"(\d{1,4}) *(minutes?|hours?|days?|weeks?)")
_YEARS = range(1970, 3000)
_HOW = 'write it as "2026-11-30 23:59", in quotes'
_WHERE_ON_EARTH = "write a place, such as Europe/Berlin, or UTC"


@dataclass(frozen=True)
class Span:
    """A length of time: ``days`` are by the calendar, ``rest`` is by the clock."""

    days: int
    rest: timedelta
    text: str

    @property
    def length(self) -> timedelta:
        """The length, with days of 24 hours."""
        return timedelta(days=self.days) + self.rest

    def after(self, moment: datetime) -> datetime:
        """The moment that is this much later, at the same time of day where it is days only.

        Where the clocks go back just then, it is the later one of two.
        """
        day = moment + timedelta(days=self.days)  # in its own zone, so that 23:59 stays 23:59
        later = max(day.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        return (later + self.rest).astimezone(moment.tzinfo)


def read_zone(name: Any, where: str) -> ZoneInfo:
    """The time zone of this name. Raises UserError where there is none, or there may be several."""
    if not isinstance(name, str):
        raise UserError(f"{where}: a time zone must be a text in quotes, not {name!r}")
    if name != "UTC" and "/" not in name:
        raise UserError(f"{where}: {name!r} may be several time zones, or none; {_WHERE_ON_EARTH}")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UserError(f"{where}: there is no time zone {name!r}; {_WHERE_ON_EARTH}") from None


def read_moment(value: Any, zone: tzinfo | None, where: str) -> datetime:
    """The moment that is meant, in the zone in which it is written, or in ``zone`` if in none.

    Raises UserError where there is no zone, and where a moment is not there, or there twice, for
    the clocks are changed.
    """
    if isinstance(value, datetime):
        naive, zone = value.replace(tzinfo=None), value.tzinfo or zone
    elif isinstance(value, str) and (found := _MOMENT.fullmatch(value.strip())):
        day, time, written = found.groups()
        try:
            naive = datetime.fromisoformat(f"{day} {time}")
            if written is not None and (written == "Z" or _OFFSET.fullmatch(written)):
                zone = datetime.fromisoformat(f"{day}T{time}{written}").tzinfo
            elif written is not None:
                zone = read_zone(written, where)
        except ValueError:
            raise UserError(f"{where}: there is no such time as {value!r}; {_HOW}") from None
    else:
        missing = ", with the time of day" if isinstance(value, date) else ""
        raise UserError(f"{where} cannot be {value!r}; {_HOW}{missing}")
    if zone is None:
        raise UserError(
            f"{where} has no time zone; write one for all at the top of the file, as "
            'time_zone = "Europe/Berlin", or behind the time, as +01:00'
        )
    if naive.year not in _YEARS:
        raise UserError(f"{where} cannot be in the year {naive.year}")
    return _placed(naive, zone, where)


def _placed(naive: datetime, zone: tzinfo, where: str) -> datetime:
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    told = f"{where}: the clocks of {zone} are changed, so {naive:%Y-%m-%d %H:%M}"
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise UserError(f"{told} is not there; write another time")
    offsets = " or ".join(f"{each:%z}"[:3] + ":" + f"{each:%z}"[3:5] for each in (first, second))
    raise UserError(f"{told} is there twice; write {offsets} behind it")


def read_span(value: Any, where: str) -> Span:
    """The length of time that is meant, such as “2 days 12 hours”. Raises UserError."""
    text = value.strip() if isinstance(value, str) else ""
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip(" ,"):
        raise UserError(
            f'{where} cannot be {value!r}; write a length of time as "2 days", "12 hours" or '
            '"15 minutes", or several of them together'
        )
    days, rest = 0, timedelta()
    for number, unit in parts:
        if unit.startswith(("day", "week")):
            days += int(number) * (7 if unit.startswith("week") else 1)
        else:
            rest += int(number) * timedelta(**{unit.rstrip("s") + "s": 1})
    if days > 3660:
        raise UserError(f"{where} cannot be {value!r}: that is more than ten years")
    return Span(days, rest, " ".join(_told(int(number), unit[0]) for number, unit in parts))


def _told(number: int, unit: str) -> str:
    """So many of a unit of time, which its first letter names."""
    if unit == "m":
        return say_count("{n} minute", "{n} minutes", number)
    if unit == "h":
        return say_count("{n} hour", "{n} hours", number)
    if unit == "d":
        return say_count("{n} day", "{n} days", number)
    return say_count("{n} week", "{n} weeks", number)


def shown(moment: datetime) -> str:
    """A moment as people read it, with its distance from UTC; seconds where there are any."""
    offset = f"{moment:%z}"
    seconds = ":%S" if moment.second else ""
    zone = f"UTC{offset[:3]}:{offset[3:5]}" if moment.utcoffset() else "UTC"
    return f"{moment:%Y-%m-%d %H:%M{seconds}} ({zone})"


def as_long(seconds: float) -> str:
    """A length of time as people read it: hours with one digit, minutes where it is less."""
    if seconds < 3600:
        return _told(max(1, round(seconds / 60)), "m")
    hours = f"{seconds / 3600:.1f}"
    if hours.endswith(".0"):
        return _told(int(float(hours)), "h")
    return say("{hours} hours", hours=hours)
