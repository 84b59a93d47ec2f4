"""The results of an exercise for reading: as text, and as HTML in a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .judge import CheckResult, messages
from .language import say, say_count
from .spec import ExerciseSpec

# white on these is readable, whatever is around it
_BADGE = "color:#ffffff;border-radius:3px;padding:0 0.4em;font-weight:bold;background-color:"
_GREEN, _RED, _GREY = "#1a7f37", "#b3261e", "#5f6368"
_BLOCK = "margin:0.3em 0;padding:0"
_VALUES = "margin:0.2em 0;padding:0;white-space:pre;overflow-x:auto;font-size:90%"


@dataclass(frozen=True)
class Report:
    """What a check has found. Shown by ``display`` it is HTML, and its ``repr`` is text."""

    spec: ExerciseSpec
    results: Sequence[CheckResult]

    @property
    def passed(self) -> bool:
        """Whether all checks pass."""
        return all(result.passed for result in self.results)

    @property
    def points(self) -> int:
        """The points of the checks that pass."""
        return sum(result.points for result in self.results if result.passed)

    @property
    def headline(self) -> str:
        """How many checks pass."""
        if self.results and all(result.unanswered for result in self.results):
            return say(
                "{exercise}: not answered yet. Replace the line that raises NotImplementedError.",
                exercise=self.spec.name,
            )
        if not self.results:
            return f"{self.spec.name}: {_later()}"
        return say(
            "{exercise}: {passed} of {all} checks pass on the public cases",
            exercise=self.spec.name,
            passed=sum(result.passed for result in self.results),
            all=len(self.results),
        )

    @property
    def gist(self) -> str:
        """The headline, with the first line of what fails first."""
        told = [(r.name, r.message) for r in self.results if not r.passed and not r.unanswered]
        if not told:
            return self.headline
        name, message = told[0]
        return f"{self.headline}\n✗ {name}: {message.partition(chr(10))[0]}"

    def __repr__(self) -> str:
        lines = [self.headline]
        for result, message in self._told():
            lines.append(f"  {'✓' if result.passed else '✗'} {_named(result)}")
            for line in message.splitlines():
                lines += [f"      {part}" for part in _wrapped(line)]
        return "\n".join([*lines, *self._how_to_go_on()])

    def _repr_html_(self) -> str:
        parts = [f'<p style="{_BLOCK}"><strong>{escape(self.headline)}</strong></p>']
        told = self._told()
        passed = [_passed(result, message) for result, message in told if result.passed]
        if passed:
            count = say_count("{n} check passes", "{n} checks pass", len(passed))
            items = "".join(f"<li>{each}</li>" for each in passed)
            parts.append(
                f'<details style="{_BLOCK}"><summary>{_badge("✓", _GREEN)} {count}</summary>'
                f'<ul style="margin:0.2em 0">{items}</ul></details>'
            )
        failed = [(result, message) for result, message in told if not result.passed]
        for number, (result, message) in enumerate(failed):
            parts.append(
                f'<details{"" if number else " open"} style="{_BLOCK}">'
                f"<summary>{_badge('✗', _RED)} {escape(_named(result))}</summary>"
                f'<div style="margin:0.2em 0 0.6em 1.2em">{_message_html(message)}</div></details>'
            )
        hints = self._how_to_go_on()
        parts += [f'<p style="{_BLOCK}">{escape(hint.strip())}</p>' for hint in hints]
        return f"<div>{''.join(parts)}</div>"

    def _told(self) -> list[tuple[CheckResult, str]]:
        """The results with their messages; none if there is no answer yet."""
        if self.results and all(result.unanswered for result in self.results):
            return []
        return list(zip(self.results, messages(self.results), strict=True))

    def _how_to_go_on(self) -> list[str]:
        case = next((r.case for r in self.results if not r.passed and r.case), None)
        if case is None:
            return []
        call = f'check({self.spec.name}, case="{case}")'
        return ["  " + say("{call} gives inputs, expected value and result of a case.", call=call)]


@dataclass(frozen=True)
class Overview:
    """The points of a problem set so far: for each exercise its name, and report or why not."""

    name: str
    exercises: Sequence[tuple[ExerciseSpec, Report | str]]

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Mark, colour, name and what is told of each exercise."""
        for spec, found in self.exercises:
            if not spec.checks:
                yield "–", _GREY, spec.name, _later()
            elif isinstance(found, str):
                told = say("{why} (of {points})", why=found, points=points_of(spec.max_score))
                yield "–", _GREY, spec.name, told
            else:
                mark, colour = ("✓", _GREEN) if found.passed else ("✗", _RED)
                yield mark, colour, spec.name, _of_points(found.points, spec.max_score)

    @property
    def headline(self) -> str:
        """The sum of all points."""
        points = sum(found.points for _, found in self.exercises if isinstance(found, Report))
        most = sum(spec.max_score for spec, _ in self.exercises)
        return say(
            "{problem_set}: {points} so far, on the public cases",
            problem_set=self.name,
            points=_of_points(points, most),
        )

    def __repr__(self) -> str:
        width = max((len(spec.name) for spec, _ in self.exercises), default=0)
        rows = [f"  {mark} {name.ljust(width)}  {told}" for mark, _, name, told in self._rows()]
        return "\n".join([self.headline, *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_badge(mark, colour)}</td>"
            f'<td style="text-align:left"><code>{escape(name)}</code></td>'
            f'<td style="text-align:left">{escape(told)}</td></tr>'
            for mark, colour, name, told in self._rows()
        )
        return (
            f'<div><p style="{_BLOCK}"><strong>{escape(self.headline)}</strong></p>'
            f'<table style="color:inherit">{rows}</table></div>'
        )


def points_of(count: int) -> str:
    """So many points, in words."""
    return say_count("{n} point", "{n} points", count)


def _of_points(points: int, most: int) -> str:
    return say_count("{points} of {n} point", "{points} of {n} points", most, points=points)


def _named(result: CheckResult) -> str:
    return f"{result.name} ({points_of(result.points)})"


def _passed(result: CheckResult, message: str) -> str:
    return escape(_named(result) + (f": {message}" if message else ""))


def _badge(mark: str, colour: str) -> str:
    return f'<span style="{_BADGE}{colour}">{mark}</span>'


def _is_as_set(line: str) -> bool:
    """Whether a line is of an array or of code, and so is not wrapped."""
    return line.startswith((f"{say('expected')} ", f"{say('got')} ", " ", say("inputs:")))


def _message_html(message: str) -> str:
    """Sentences as paragraphs; arrays and code as they are set."""
    parts: list[tuple[bool, list[str]]] = []
    for line in message.splitlines():
        as_set = _is_as_set(line)
        if as_set and parts and parts[-1][0]:
            parts[-1][1].append(line)
        else:
            parts.append((as_set, [line]))
    return "".join(
        f'<pre style="{_VALUES}">{escape(chr(10).join(lines))}</pre>'
        if as_set
        else f'<p style="{_BLOCK}">{escape(lines[0])}</p>'
        for as_set, lines in parts
    )


def _wrapped(line: str) -> list[str]:
    """A line of a message in parts that fit a notebook's page; arrays stay as they are set."""
    if _is_as_set(line):
        return [line]
    return textwrap.wrap(line, 74, break_long_words=False) or [""]


def _later() -> str:
    """What is told of an exercise none of whose cases is public."""
    return say("not checked here, for it has no public cases; it is graded when it is handed in")
