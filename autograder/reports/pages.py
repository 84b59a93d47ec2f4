"""report.html for the instructor and the feedback pages for students: self-contained, inert.

Whatever comes from a student is text, escaped by the template engine and bounded, or a PNG picture
whose bytes were checked. The pages hold no script at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from autograder.results.gradebook import GradebookRow
from autograder.results.result import Result, Run
from autograder.results.tables import Overview
from autograder.selfcheck.judge import messages

from .bounds import bounded
from .notebook import heading

_MARKS_BEGIN, _MARKS_END = "<!-- marks -->", "<!-- end of marks -->"
_PART = re.compile(r"<!-- part (\S+) -->.*?<!-- end of part -->", re.DOTALL)
_GROUP = 250  # hand-ins in a table; of a larger class only the tables opened are laid out
_MOST_NAMED = 200  # students whose hand-in has no result, or was skipped
_MOST_NOTES = 20  # shown of a hand-in
_MOST_MISTAKES = 20


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("autograder.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def feedback_page(result: Result, run: Run) -> str:
    """The page on which a student reads how the hand-in was graded."""
    return _template("feedback.html").render(
        result=result,
        run=run,
        cells=bounded(result.cells, sources=True),
        by_name={exercise.name: exercise for exercise in result.exercises},
        messages=messages,
        zip=zip,
        heading=heading,
    )


def regraded_page(page: str, result: Result) -> str:
    """A feedback page with the points and messages of another result of the same hand-in.

    A page that is not ours stays as it is.
    """
    no_run = Run("", "", 0, "", "", {})  # of which nothing stands in the parts
    # what a student wrote is escaped, and can hold no comment
    parts = {found[1]: found[0] for found in _PART.finditer(feedback_page(result, no_run))}
    return _PART.sub(lambda found: parts.get(found[1], found[0]), page)


def marks_part(row: GradebookRow) -> str:
    """The part of a feedback page with name and total, and with what persons have given."""
    given = row.marks or row.late_submission_penalty or row.manual_score or row.extra_credit
    return _template("marks.html").render(row=row, points=_points, given=given)


def has_marks(head: str, part: str) -> bool:
    """Whether a page that begins so has this part already."""
    _, begins, rest = head.partition(_MARKS_BEGIN)
    return bool(begins) and rest.startswith(f"\n{part}{_MARKS_END}")


def with_marks(page: str, part: str) -> str | None:
    """A feedback page with another part for the marks; None if it has no place for it."""
    before, begins, rest = page.partition(_MARKS_BEGIN)
    _, ends, after = rest.partition(_MARKS_END)
    # what a student wrote is escaped, and can hold neither
    return f"{before}{begins}\n{part}{ends}{after}" if begins and ends else None


def _points(value: float) -> str:
    """Points as they are read: without zeros behind the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


class _Group(NamedTuple):
    """Hand-ins that stand in one table."""

    first: str
    last: str
    results: list[Result]


def report_page(
    run: Run, rows: Mapping[str, GradebookRow], overview: Overview | None = None
) -> Iterator[str]:
    """The instructor's report, in pieces: the class at a glance, then every hand-in."""
    seen = overview or Overview.of(run.results)
    return _template("report.html").generate(
        run=run,
        rows=rows,
        overview=seen,
        exercises=sorted(
            (exercise for exercise in seen.exercises.values() if exercise.max_score),
            key=lambda exercise: exercise.share,
        ),
        mistakes=seen.mistakes.most_common(_MOST_MISTAKES),
        histogram=_histogram(seen),
        by_hand=sum(row.needs_manual_grade for row in rows.values()),
        most_named=_MOST_NAMED,
        most_notes=_MOST_NOTES,
        groups=_groups(run.results),
        scores=lambda result: {e.name: e.score for e in result.exercises},
        one_table=seen.count <= _GROUP,
    )


def _groups(results: Iterable[Result]) -> Iterator[_Group]:
    remaining = iter(results)
    while group := list(islice(remaining, _GROUP)):
        yield _Group(group[0].student, group[-1].student, group)


def _histogram(overview: Overview) -> list[tuple[str, int, float]]:
    """Ten bins of the score in percent: label, count, height relative to the largest."""
    counts = [overview.tenths[number] for number in range(10)]
    largest = max([*counts, 1])
    return [(f"{10 * i}–{10 * i + 10} %", count, count / largest) for i, count in enumerate(counts)]
