"""report.html for the instructor and the feedback pages for students: self-contained, inert.

Whatever comes from a student is text, escaped by the template engine and bounded, or a PNG picture
whose bytes were checked. Feedback pages hold no script at all. The report holds one that sorts its
tables: it is the same in all reports, and its hash is all that the page's policy lets run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from autograder.definition.constants import written
from autograder.results.alike import failed_checks, is_told, key_of
from autograder.results.gradebook import FORM_GRADER, GradebookRow
from autograder.results.inert import script_hash
from autograder.results.result import Result, Run
from autograder.results.tables import Overview, points_text
from autograder.selfcheck.judge import CheckResult, messages
from autograder.selfcheck.language import say, say_count

from .bounds import bounded
from .notebook import LONGEST_ANSWER, heading

_MARKS_BEGIN, _MARKS_END = "<!-- marks -->", "<!-- end of marks -->"
_PART = re.compile(r"<!-- part (\S+) -->.*?<!-- end of part -->", re.DOTALL)
_GROUP = 500  # hand-ins in a table; of a larger class only the tables opened are laid out
_MOST_NAMED = 200  # students whose hand-in has no result, or was skipped
_MOST_NOTES = 20  # shown of a hand-in
_MOST_MISTAKES = 50
_MOST_GROUPS = 30  # of answers that are wrong in the same way
_MOST_TOLD = 1500  # characters of a message to such a group


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("autograder.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(say=say, say_count=say_count)
    return made


@cache
def template(name: str) -> Template:
    """A template of a page, which escapes all that is put into it."""
    return _environment().get_template(name)


class _Script(NamedTuple):
    """A script of a page's own, with its hash as a Content-Security-Policy has it."""

    text: str
    hash: str


@cache
def _script(name: str) -> _Script:
    text = template(name).render()
    return _Script(text, script_hash(text))


def feedback_page(
    result: Result, run: Run, constants: Mapping[str, Any] = MappingProxyType({})
) -> str:
    """The page on which a student reads how the hand-in was graded.

    ``constants`` are those of the student's variant, where the problem set has variants.
    """
    return template("feedback.html").render(
        result=result,
        run=run,
        cells=bounded(result.cells, sources=True),
        by_name={exercise.name: exercise for exercise in result.exercises},
        messages=messages,
        zip=zip,
        heading=heading,
        constants={name: written(value) for name, value in constants.items()},
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
    return template("marks.html").render(row=row, points=points_text, given=given)


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


class _Group(NamedTuple):
    """Hand-ins that stand in one table."""

    first: str
    last: str
    results: list[Result]


def _no_answer(student: str, exercise: str) -> str:
    return ""


def report_page(
    run: Run,
    rows: Mapping[str, GradebookRow],
    overview: Overview | None = None,
    answer_of: Callable[[str, str], str] = _no_answer,
    form_grader: str = FORM_GRADER,
) -> Iterator[str]:
    """The instructor's report, in pieces: the class at a glance, then every hand-in.

    ``answer_of`` gives the code of a student's answer to an exercise, or an empty text; it is asked
    for one of each group of answers that are shown together. ``form_grader`` is the address of
    nbgrader's form grader.
    """
    seen = overview or Overview.of(run.results)
    mistakes, groups = seen.alike.commonest(), seen.alike.groups()
    shown = enumerate(mistakes[:_MOST_MISTAKES], start=1)
    places = {(each.exercise, each.name): f"#mistake-{number}" for number, each in shown}
    return template("report.html").generate(
        run=run,
        rows=rows,
        overview=seen,
        exercises=sorted(
            (exercise for exercise in seen.exercises.values() if exercise.max_score),
            key=lambda exercise: exercise.share,
        ),
        mistakes=mistakes[:_MOST_MISTAKES],
        more_mistakes=len(mistakes[_MOST_MISTAKES:]),
        alike=groups[:_MOST_GROUPS],
        more_alike=len(groups[_MOST_GROUPS:]),
        answer_of=answer_of,
        shell=shlex.quote,
        shortened=_shortened,
        code=lambda text: _shortened(text, LONGEST_ANSWER),
        links=_Links(run.problem_set, form_grader.rstrip("/")),
        points=points_text,
        histogram=_histogram(seen),
        by_hand=sum(row.needs_manual_grade for row in rows.values()),
        most_named=_MOST_NAMED,
        most_notes=_MOST_NOTES,
        groups=lambda: _groups(run.results),
        cells=_Cells(seen, places, {group.key for group in groups[:_MOST_GROUPS]}),
        one_table=seen.count <= _GROUP,
        script=_script("sort.js"),
    )


class _Links(NamedTuple):
    """Where a report leads to. It lies in reports/PS, two folders below the course directory."""

    problem_set: str
    form_grader: str

    def feedback(self, student: str) -> str:
        """The feedback page of a student."""
        problem_set = quote(self.problem_set, safe="")
        return f"../../feedback/{quote(student, safe='')}/{problem_set}/{problem_set}.html"

    def by_hand(self, student: str) -> str:
        """The form grader's page with the hand-in of a student."""
        problem_set = quote(self.problem_set, safe="")
        return f"{self.form_grader}/manage_students/{quote(student, safe='')}/{problem_set}/"


class Cell(NamedTuple):
    """What a check gave: a letter and a sign for it, and the place on the page that tells more."""

    kind: str
    sign: str
    link: str = ""


_PASSED, _FAILED, _KNOWN = Cell("p", "✓"), Cell("f", "✗"), Cell("k", "▲")
_RAISED, _UNANSWERED, _NOT_THERE = Cell("e", "!"), Cell("u", "–"), Cell("n", "")


class _Cells:
    """The cells of a line of the table of students and checks."""

    def __init__(
        self, overview: Overview, mistakes: Mapping[tuple[str, str], str], groups: set[str]
    ) -> None:
        self.columns = {each.name: list(each.passed) for each in overview.exercises.values()}
        self.mistakes = mistakes
        self.groups = groups

    def __call__(self, result: Result) -> Iterator[Cell]:
        """One cell for each check of each exercise of the class."""
        by_name = {exercise.name: exercise for exercise in result.exercises}
        for name, checks in self.columns.items():
            exercise = by_name.get(name)
            if exercise is None:
                yield from [_NOT_THERE] * len(checks)
                continue
            key = key_of(name, failed_checks(exercise))
            link = f"#alike-{key}" if key in self.groups else ""
            given = {check.name: check for check in exercise.checks}
            for check in map(given.get, checks):
                yield self._cell(name, check, link)

    def _cell(self, exercise: str, check: CheckResult | None, link: str) -> Cell:
        if check is None:
            return _NOT_THERE
        if check.passed:
            return _PASSED
        if check.unanswered:
            return _UNANSWERED
        if is_told(check) and check.mistake is not None:
            return _KNOWN._replace(link=self.mistakes.get((exercise, check.mistake), ""))
        return (_FAILED if check.error is None else _RAISED)._replace(link=link)


def _shortened(text: str, most: int = _MOST_TOLD) -> str:
    return text if len(text) <= most else f"{text[:most]}\n…"


def _groups(results: Iterable[Result]) -> Iterator[_Group]:
    remaining = iter(results)
    while group := list(islice(remaining, _GROUP)):
        yield _Group(group[0].student, group[-1].student, group)


def _histogram(overview: Overview) -> list[tuple[str, int, float]]:
    """Ten bins of the score in percent: label, count, height relative to the largest."""
    counts = [overview.tenths[number] for number in range(10)]
    largest = max([*counts, 1])
    return [(f"{10 * i}–{10 * i + 10}", count, count / largest) for i, count in enumerate(counts)]
