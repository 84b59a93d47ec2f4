"""What the commands show: how far a grading is, how a class did, what is left to do."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from autograder.course.errors import some
from autograder.results.comparison import Comparison
from autograder.results.result import Result, Status

if TYPE_CHECKING:
    from autograder.grading.batch import ClassResult
    from autograder.lms.collect import Line

# in a file or a pipe there is no window to fit the table of points into
out = Console(
    highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 200
)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

_STYLES = {Status.GRADED: "green", Status.PARTIAL: "yellow", Status.NO_ANSWER: "yellow"}
_MOST_CHANGES = 40  # students whose points change
_LINE_SECONDS = 5.0  # between two lines about how far it is


class GradingProgress:
    """Tells how far a grading is, how fast, how it goes, and how long it will take.

    On a terminal that is one line, kept up to date, elsewhere a line every few seconds. Use it in
    a ``with`` block.
    """

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.seconds = 0.0
        self._first = 0.0  # when the first hand-in was done: before it, things are being started
        self._last = 0.0
        self._statuses: Counter[str] = Counter()
        self._bar: Progress | None = None

    def __enter__(self) -> GradingProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.started
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, result: Result) -> None:
        self._statuses[str(result.status)] += 1
        now = time.monotonic()
        self._first = self._first or now
        if out.is_terminal:
            self._draw(done, total)
        elif done == total or now - self._last >= _LINE_SECONDS:
            self._last = now
            sys.stdout.write(f"{self._line(done, total, now)}\n")
            sys.stdout.flush()

    def _draw(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("graded"),
                MofNCompleteColumn(),
                BarColumn(bar_width=20),
                TimeRemainingColumn(),
                TextColumn(
                    "{task.fields[how]}",
                    markup=False,
                    table_column=Column(no_wrap=True, overflow="ellipsis"),
                ),
                console=out,
            )
            self._bar.add_task("", total=total, how="")
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, how=counted(self._statuses))

    def _line(self, done: int, total: int, now: float) -> str:
        text = f"graded {done} of {total}"
        if done > 1:
            rate = (done - 1) / max(now - self._first, 1e-9)
            text += f", {rate:.1f}/s, {(total - done) / rate:.0f} s left"
        return f"{text}; {counted(self._statuses)}"


def counted(statuses: Counter[str]) -> str:
    """How many hand-ins have which status, the commonest first."""
    return ", ".join(f"{count} {status}" for status, count in statuses.most_common())


def grade_table(results: Iterable[Result]) -> Table:
    """A table with a row a hand-in."""
    shown = list(results)
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(dict.fromkeys(e.name for result in shown for e in result.exercises))
    table.add_column("student")
    table.add_column("status", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", "\n"), justify="right")
    for result in shown:
        points = {e.name: f"{e.score}/{e.max_score}" for e in result.exercises}
        style = _STYLES.get(result.status, "red")
        table.add_row(
            escape(result.student),
            f"[{style}]{result.status}[/{style}]",
            f"{result.score}/{result.max_score}",
            *(points.get(name, "") for name in names),
        )
    return table


def collection_table(lines: Iterable[Line]) -> Table:
    """A table of what was collected: what is somebody's first, then what is not, then who lacks."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("student", "file", "what"):
        table.add_column(heading)
    for line in sorted(lines, key=lambda line: (not line.taken, not line.source, line.student)):
        style = "green" if line.taken else "red" if line.source else "yellow"
        shown = [printable(text) for text in (line.student or "–", line.source, line.what)]
        table.add_row(escape(shown[0]), escape(shown[1]), f"[{style}]{escape(shown[2])}[/{style}]")
    return table


def printable(text: str) -> str:
    """A text from outside without what could move the cursor or hide a part of it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def tell_what_is_left(graded: ClassResult) -> None:
    """What a person has to do about a graded class."""
    overview, run = graded.overview, graded.run
    by_hand = sum(row.needs_manual_grade for row in graded.rows.values())
    out.print(counted(overview.statuses))
    if by_hand:
        out.print(f"{by_hand} to grade by hand (needs_manual_grade in grades.csv)")
    if overview.urgent:
        named = [f"{each.student} ({each.status})" for each in overview.urgent]
        out.print(f"to look at: {some(named, overview.urgent_count)}", markup=False)
    if overview.outdated:
        out.print(
            f"{overview.outdated} changed since graded (outdated in grades.csv): "
            "grade the whole class again"
        )
    if run.not_graded:
        told = some(run.not_graded, len(run.not_graded))
        out.print(f"{len(run.not_graded)} not graded yet: {told}", markup=False)
    for line in graded.told:
        err.print(line, markup=False)
    if graded.links:
        places = [str(link) for link in graded.links]
        err.print(
            "symbolic links are not followed, so not all was written (see notes in report.html); "
            f"remove {some(places, len(places))} and grade again",
            markup=False,
        )
    if run.skipped:
        told = some(run.skipped, len(run.skipped))
        err.print(f"{len(run.skipped)} skipped: {told}", markup=False)


def tell_changes(found: Comparison) -> None:
    """Whose points change, and from what to what; those who lose first."""
    changes = sorted(found.changes, key=lambda change: (change.gain, change.student))
    for change in changes[:_MOST_CHANGES]:
        (was, of), (now, most) = change.before, change.after
        out.print(
            f"  {printable(change.student)}: {was}/{of} to {now}/{most} ({change.gain:+})",
            markup=False,
        )
    if len(changes) > _MOST_CHANGES:
        out.print(f"  and {len(changes) - _MOST_CHANGES} more")
