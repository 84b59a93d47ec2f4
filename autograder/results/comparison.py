"""What a grading changes in the points of a class, and results of earlier gradings."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.files import PRIVATE, write_whole

from .result import Result

_CHUNK = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS  # zlib's sign for the format of gzip


@dataclass(frozen=True, slots=True)
class Change:
    """The points of a student, and of how many, before and after."""

    student: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def gain(self) -> int:
        return self.after[0] - self.before[0]


@dataclass
class Comparison:
    """What a grading changes, against the one before; ``new`` counts hand-ins without a result."""

    changes: list[Change] = field(default_factory=list)
    new: int = 0

    def add(self, before: Result | None, after: Result) -> None:
        """Compare the results of a student."""
        if before is None:
            self.new += 1
            return
        points = (before.score, before.max_score), (after.score, after.max_score)
        if points[0] != points[1]:
            self.changes.append(Change(after.student, *points))

    @property
    def told(self) -> str:
        """All of it in a line."""
        told = f"; {self.new} graded for the first time" if self.new else ""
        if not self.changes:
            return f"nobody's points change{told}"
        gains = [change.gain for change in self.changes]
        won = sum(gain for gain in gains if gain > 0)
        losses = [-gain for gain in gains if gain < 0]
        count = len(gains)
        lines = f"{count} student{'s change' if count != 1 else ' changes'}, +{won} points"
        if losses:
            lines += f"; {len(losses)} lose{'' if len(losses) != 1 else 's'} {sum(losses)}"
        return lines + told


def keep_earlier(results: Path, below: Path) -> None:
    """Keep a results.json that is to be replaced, packed and numbered, in ``earlier`` beside it.

    Does nothing if it is the last that was kept, or if there is none. Raises UserError.
    """
    try:
        packed = b"".join(_packed(results))
    except OSError:
        return
    folder = results.parent / "earlier"
    there = sorted(folder.glob("results-*.json.gz"), key=_number)
    if there and there[-1].read_bytes() == packed:
        return
    number = _number(there[-1]) + 1 if there else 1
    place = folder / f"results-{number:04}.json.gz"
    write_whole(place, packed, durable=True, mode=PRIVATE, below=below)


def _number(path: Path) -> int:
    digits = path.name.removeprefix("results-").removesuffix(".json.gz")
    return int(digits) if digits.isdecimal() else 0


def _packed(path: Path) -> Iterator[bytes]:
    """A file as gzip packs it, the same each time: without the time that gzip writes."""
    pack = zlib.compressobj(wbits=_GZIP)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield pack.compress(chunk)
    yield pack.flush()
