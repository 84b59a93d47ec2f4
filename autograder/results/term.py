"""The total of a term: the points of all graded problem sets, less those that are dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError

from .gradebook import GradebookRow, rows_of_others
from .policies import Policies, read_policies
from .tables import csv_text, guarded, yes

NAME = "term"  # of the total, where else a problem set is named


@dataclass(frozen=True)
class Share:
    """A total in per cent: points do not compare where not the same is dropped of all."""

    score: float
    max_score: float = 100.0


@dataclass(frozen=True)
class Standing:
    """What a student has of the term: the rows of the gradebook by problem set, what is dropped."""

    student: GradebookRow
    rows: Mapping[str, GradebookRow]
    dropped: tuple[str, ...]

    @property
    def counted(self) -> list[GradebookRow]:
        """The rows that count."""
        return [row for name, row in self.rows.items() if name not in self.dropped]

    @property
    def score(self) -> float:
        """The points that count."""
        return sum(row.score for row in self.counted)

    @property
    def max_score(self) -> float:
        """The points that could be had for what counts."""
        return sum(row.max_score for row in self.counted)

    @property
    def share(self) -> Share:
        """What share of the points that is; 0 where none can be had."""
        return Share(100 * self.score / self.max_score if self.max_score else 0.0)

    @property
    def needs_manual_grade(self) -> bool:
        """Whether a person has not yet graded all of it, dropped or not."""
        return any(row.needs_manual_grade for row in self.rows.values())


@dataclass(frozen=True)
class Term:
    """The problem sets that have been graded, what each student of the gradebook has of them, and
    how many are to be dropped."""

    graded: tuple[Assignment, ...]
    standings: tuple[Standing, ...]
    drop_lowest: int


def term(directory: CourseDirectory) -> Term:
    """Add up the term so far; who has handed in nothing has 0 points. Raises UserError.

    It is one if nothing is graded.
    """
    policies = read_policies(directory)
    assignments = [directory.assignment(name) for name in directory.course.problem_sets()]
    graded = tuple(each for each in assignments if each.results.is_file())
    if not graded:
        raise UserError(
            f"no problem set is graded in {directory.root}; "
            f"run: autograder grade PS {directory.options}"
        )
    of_set = {str(each): rows_of_others(each, (), policies) for each in graded}
    students = sorted({student for rows in of_set.values() for student in rows})
    standings = (
        _standing(
            {name: rows[student] for name, rows in of_set.items() if student in rows}, policies
        )
        for student in students
    )
    return Term(graded, tuple(standings), policies.drop_lowest)


def _standing(rows: Mapping[str, GradebookRow], policies: Policies) -> Standing:
    names = list(rows)
    points = [(rows[name].score, rows[name].max_score) for name in names]
    free = [index for index, name in enumerate(names) if name not in policies.never_drop]
    gone = lowest(points, free, policies.drop_lowest)
    dropped = tuple(names[index] for index in sorted(gone))
    return Standing(next(iter(rows.values())), rows, dropped)


def lowest(points: Sequence[tuple[float, float]], free: Sequence[int], count: int) -> set[int]:
    """Which ``count`` of these to leave out, so that the share of points is largest in the rest.

    ``points`` are those that were earned and those that could be had; only the indices in ``free``
    may be left out, and one is always left. Of equals the first goes.

    Dinkelbach's method for a ratio of sums: leave out what is worst against the share so far, until
    that is no better; each round raises the share, and there are finitely many choices.
    """
    count = min(count, len(free), len(points) - 1)

    def share(gone: set[int]) -> float:
        kept = [each for index, each in enumerate(points) if index not in gone]
        most = sum(of for _, of in kept)
        return sum(score for score, _ in kept) / most if most else 0.0

    def worst(against: float) -> set[int]:
        return set(
            sorted(free, key=lambda n: points[n][0] - against * points[n][1])[: max(0, count)]
        )

    gone = worst(share(set()))
    while share(better := worst(share(gone))) > share(gone) + 1e-12:
        gone = better
    return gone


def term_csv(graded: Sequence[Assignment], standings: Sequence[Standing]) -> str:
    """The text of term.csv: score and maximum of each problem set, the total, what is dropped."""
    names = [str(each) for each in graded]
    head = [
        *("student_id", "last_name", "first_name", "email"),
        *(column for name in names for column in (name, f"{name}_max_score")),
        *("score", "max_score", "percent", "dropped", "needs_manual_grade"),
    ]
    lines: list[list[object]] = [[*head]]
    for each in standings:
        row = each.student
        points = [
            value
            for name in names
            for value in (
                (each.rows[name].score, each.rows[name].max_score)
                if name in each.rows
                else ("", "")
            )
        ]
        waits = yes(each.needs_manual_grade)
        who = map(guarded, (row.student_id, row.last_name, row.first_name, row.email))
        total = (round(each.score, 2), round(each.max_score, 2), round(each.share.score, 2))
        lines.append([*who, *points, *total, ", ".join(each.dropped), waits])
    return csv_text(lines)
