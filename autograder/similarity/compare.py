"""From the hand-ins of a class to a page with the pairs whose answers are least alike by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.course.reading import Damaged, read_bytes
from autograder.definition.answers import read_answers
from autograder.definition.constants import filled, values_of
from autograder.grading.handin import parse
from autograder.grading.locate import locate
from autograder.grading.plan import make_plan
from autograder.release.released import Release, read_release
from autograder.reports.pages import template
from autograder.results.inert import inert_text

from .chance import Pair, Tokens, most_alike
from .tokens import Line, code_lines, names_in, text_lines

_MOST_STUDENTS = 3000  # whose pairs are held in memory
_MOST_SHOWN = 20_000  # characters of an answer
_FEW = 3  # tokens: a line with fewer is much the same in all answers


@dataclass(frozen=True)
class Answer:
    """An answer, and the lines of it that are not the release's."""

    source: str
    lines: tuple[Line, ...]

    @property
    def tokens(self) -> Tokens:
        return tuple(token for line in self.lines for token in line.tokens)


@dataclass
class Similarity:
    """The pairs of a class that are least likely by chance, the least likely first.

    ``left_out`` tells of students whose hand-in cannot be read. ``answers`` are by exercise or
    question, and by student.
    """

    problem_set: str
    students: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)

    @property
    def pair_count(self) -> int:
        """How many pairs the class has."""
        return len(self.students) * (len(self.students) - 1) // 2

    def expected(self, pair: Pair) -> str:
        """How often chance would give such a pair, in words."""
        times = pair.chance * self.pair_count
        if times >= 1:
            return f"chance alone gives about {_round(times):,} such pairs in a class like this"
        if times > 0.1:
            return "chance alone gives such a pair in some classes like this"
        if times < 1e-9:
            return "chance alone gives such a pair in less than one of 1,000,000,000 classes"
        classes = _round(1 / times)
        return f"chance alone gives such a pair in about one of {classes:,} classes like this"


def _round(number: float) -> int:
    """To one digit: more would pretend to be known."""
    digits = len(str(int(number))) - 1
    return int(round(number, -digits))


def compare(assignment: Assignment, most: int) -> Similarity:
    """Compare the answers of all hand-ins as they are now, graded or not.

    Raises UserError if there is no release, or no two hand-ins that can be read.
    """
    handed_in = assignment.students()
    if len(handed_in) > _MOST_STUDENTS:
        raise UserError(f"{len(handed_in)} hand-ins are more than the {_MOST_STUDENTS} compared")
    try:
        release = read_release(assignment.release)
    except (OSError, ValueError, KeyError):
        raise UserError(
            f"there is no release in {assignment.release}, which tells what is an answer; "
            f"run: autograder release {assignment.options}"
        ) from None
    found = Similarity(assignment.problem_set)
    reader = _Reader(release)
    for student in handed_in:
        try:
            answers = dict(reader.answers(assignment, student))
        except Damaged as damaged:
            found.left_out[student] = str(damaged)
            continue
        found.students.append(student)
        for name, answer in answers.items():
            found.answers.setdefault(name, {})[student] = answer
    if len(found.students) < 2:
        told = "; ".join(f"{student}: {why}" for student, why in [*found.left_out.items()][:5])
        raise UserError(
            f"there are no two hand-ins of {assignment} that can be compared"
            + (f" ({told})" if told else "")
        )
    place = {student: number for number, student in enumerate(found.students)}
    found.pairs = most_alike(
        len(place),
        {
            name: {place[student]: answer.tokens for student, answer in of_all.items()}
            for name, of_all in found.answers.items()
        },
        reader.usual(assignment),
        most,
    )
    return found


class _Reader:
    """Reads answers against the release."""

    def __init__(self, release: Release) -> None:
        self.release = release
        code = [cell.source for cell in release.cells if cell.kind == "code"]
        self.names = frozenset().union(*map(names_in, code))
        self.given: dict[str, frozenset[Tokens]] = {}
        variants = (release.variant(number) for number in range(release.variants))
        for cell in chain.from_iterable(each.cells for each in variants):
            if cell.grade_id is not None:
                lines = {line.tokens for line in self._lines(cell.grade_id, cell.source)}
                self.given[cell.grade_id] = self.given.get(cell.grade_id, frozenset()) | lines

    def _lines(self, name: str, source: str) -> list[Line]:
        if name in self.release.written:
            return text_lines(source)
        return code_lines(source, self.names)

    def _answer(self, name: str, source: str) -> Answer:
        given = self.given.get(name, frozenset())
        lines = self._lines(name, source)
        return Answer(source, tuple(line for line in lines if line.tokens not in given))

    def answers(self, assignment: Assignment, student: str) -> Iterator[tuple[str, Answer]]:
        """The answers of a hand-in that have anything of the student's. Raises Damaged."""
        located = locate(assignment, student, self.release)
        if located.unclear:
            raise Damaged(located.unclear)
        try:
            plan = make_plan(parse(read_bytes(located.path)), self.release)
        except (RecursionError, MemoryError):
            raise Damaged("it is too large to be read") from None
        wanted = {*self.release.exercises, *self.release.written}
        for step in plan.steps:
            if step.grade_id in wanted and step.grade_id is not None:
                answer = self._answer(step.grade_id, step.source)
                if answer.lines:
                    yield step.grade_id, answer

    def usual(self, assignment: Assignment) -> dict[str, Tokens]:
        """The instructor's answers, as far as the course has them."""
        try:
            sources = read_answers(assignment.material.source)
        except OSError:
            return {}
        values = values_of(self.release.constants, 0)
        return {name: self._answer(name, filled(s, values)).tokens for name, s in sources.items()}


@dataclass(frozen=True)
class _Side:
    """An answer for reading: its lines, each with whether the other has one like it."""

    student: str
    lines: tuple[tuple[str, bool], ...]


def similar_page(found: Similarity) -> Iterator[str]:
    """The page with the pairs side by side, in pieces. All of a student's on it is escaped text."""
    return template("similar.html").generate(found=found, sides=_sides, few=_FEW)


def _sides(found: Similarity, pair: Pair, name: str) -> list[_Side]:
    students = [found.students[pair.first], found.students[pair.second]]
    answers = [found.answers[name][student] for student in students]
    return [
        _Side(student, tuple(_marked(own, other)))
        for student, own, other in zip(students, answers, answers[::-1], strict=True)
    ]


def _marked(own: Answer, other: Answer) -> Iterator[tuple[str, bool]]:
    theirs = {line.tokens for line in other.lines if len(line.tokens) >= _FEW}
    same = {
        number
        for line in own.lines
        if line.tokens in theirs
        for number in range(line.first, line.last + 1)
    }
    shown = own.source[:_MOST_SHOWN]
    for number, text in enumerate(shown.splitlines(), start=1):
        yield inert_text(text, 10 * len(text)), number in same
    if len(own.source) > len(shown):
        yield "…", False
