"""What hostile hand-ins gain: the corpus graded here, and by stock nbgrader, in one table."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from autograder.attacks import ATTACKED, ATTACKS, PROBLEM_SET, Attack, Notebook
from autograder.course.course import Course, Material
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.definition import load_problem_set
from autograder.definition.ids import check_id
from autograder.definition.reference_process import evaluate_apart
from autograder.grading.batch import grade_class
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings, TimeLimits, usable_cores
from autograder.release.build import release
from autograder.results.result import Status

from .stock import StockCourse, Verdict, gradebook_scores

ATTACK_TIME = TimeLimits(cell=3, call=2, notebook=20)  # seconds; stock nbgrader has 5 for a cell
_GROUP = 8  # attacks that stock nbgrader gets in one course, and a right hand-in after them

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Ending:
    """How an attack ended: points that were not earned, what happened, and to the next one.

    ``unharmed`` is None if that cannot be told from the hand-in that followed.
    """

    gained: float
    happened: str
    unharmed: bool
    aborted: bool = False


@dataclass(frozen=True)
class Row:
    """An attack and how it ended, here and at stock nbgrader (None: it was not run there)."""

    attack: Attack
    here: Ending
    stock: Ending | None


@dataclass(frozen=True)
class HostileClass:
    """A class of hostile students, with a right hand-in after each: names by attack."""

    assignment: Assignment
    attackers: Mapping[str, Attack]  # by student
    followers: Mapping[str, str]  # the student who comes next, by attacking student
    right: str  # the right notebook's text

    @staticmethod
    def of(attacks: Sequence[Attack], directory: CourseDirectory) -> HostileClass:
        """Name the students; :meth:`hand_in_earlier` and :meth:`hand_in` write their files."""
        names = [a.student or f"{number:03d}-attack" for number, a in enumerate(attacks)]
        assignment = directory.assignment(PROBLEM_SET)
        return HostileClass(
            assignment,
            dict(zip(names, attacks, strict=True)),
            {name: f"{number:03d}-right" for number, name in enumerate(names)},
            json.dumps(right_notebook(assignment.material, released_notebook(assignment))),
        )

    def path(self, student: str) -> Path:
        """Where the notebook of a student lies."""
        return self.assignment.submitted(student)

    def hand_in_earlier(self) -> None:
        """Write right hand-ins for those whose attack is to hand in once more."""
        for student, attack in self.attackers.items():
            if attack.regraded:
                self.path(student).parent.mkdir(parents=True)
                self.path(student).write_text(self.right, encoding="utf-8")

    def hand_in(self) -> None:
        """Write all hostile hand-ins, and the right ones after them."""
        for student, attack in self.attackers.items():
            shutil.rmtree(self.path(student).parent, ignore_errors=True)
            attack.hand_in(json.loads(self.right), self.path(student), self.assignment.root)
            follower = self.path(self.followers[student])
            follower.parent.mkdir(parents=True)
            follower.write_text(self.right, encoding="utf-8")


def right_notebook(material: Material, released: Notebook) -> Notebook:
    """The hand-in that is right in every exercise.

    It lacks what calls the attacked function beside the checks: a student may delete that, and an
    attack would end there, before it met the grader's own calls.
    """
    right = with_answers(released, instructor_answers(material))
    return without_calls_of(ATTACKED, right)


def without_calls_of(exercise: str, notebook: Notebook) -> Notebook:
    """A hand-in without the cells, beside those of the release, that name an exercise."""
    cells = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] != "code"
        or "nbgrader" in cell["metadata"]
        or exercise not in "".join(cell["source"])
    ]
    return {**notebook, "cells": cells}


def grade_hostile_class(hostile: HostileClass, settings: Settings) -> None:
    """Have a hostile class graded as any other: first what was handed in earlier, then all."""
    hostile.hand_in_earlier()
    if any(attack.regraded for attack in hostile.attackers.values()):
        grade_class(hostile.assignment, settings)
    hostile.hand_in()
    grade_class(hostile.assignment, settings)


def endings_here(hostile: HostileClass) -> dict[str, Ending]:
    """How the attacks of a graded class ended, by student, told by results and gradebook."""
    text = hostile.assignment.results.read_text(encoding="utf-8")
    results = {entry["student"]: entry for entry in json.loads(text)["submissions"]}
    database = hostile.assignment.directory.gradebook
    definition = load_problem_set(hostile.assignment.material)
    points = {exercise.name: exercise.points for exercise in definition.exercises}
    endings = {}
    for student in hostile.attackers:
        entry, after = results[student], results[hostile.followers[student]]
        told = {check_id(e["name"]): float(e["score"]) for e in entry["exercises"]}
        entered = gradebook_scores(database, student)
        endings[student] = Ending(
            max(unearned(told, points), unearned(entered, points)),
            entry["status"],
            after["status"] == Status.GRADED and after["score"] == after["max_score"],
        )
    return endings


def unearned(scores: Mapping[str, float], points: Mapping[str, int]) -> float:
    """Points in a hand-in's scores that an attack has gained, given those of each exercise."""
    attacked = scores.get(check_id(ATTACKED), 0.0)
    others = sum(points.values()) - points[ATTACKED]
    return max(0.0, attacked, sum(scores.values()) - others)


def endings_at_stock(
    attacks: Sequence[Attack], course: Course, folder: Path, seed: int, progress: Progress
) -> dict[str, Ending]:
    """How the attacks end at stock nbgrader, by name; those not to be run there are left out."""
    material = course.material(PROBLEM_SET)
    template = StockCourse(folder / "template", evaluate_apart(material, seed, "cpu").spec)
    right = json.dumps(right_notebook(material, template.generate(material)))
    run = [attack for attack in attacks if not attack.not_at_stock]
    together = [attack for attack in run if not attack.alone]
    size = max(1, min(_GROUP, -(-len(together) // usable_cores())))
    groups = [together[i : i + size] for i in range(0, len(together), size)]
    groups += [[attack] for attack in run if attack.alone]
    endings: dict[str, Ending] = {}

    def work(number: int) -> dict[str, Ending]:
        group = groups[number]
        found = _group_at_stock(group, right, template, folder / f"group-{number}")
        if len(group) > 1 and not all(ending.unharmed for ending in found.values()):
            for index, attack in enumerate(group):  # which of them was it?
                if not found[attack.name].aborted:
                    place = folder / f"group-{number}-{index}"
                    found |= _group_at_stock([attack], right, template, place)
        return found

    with ThreadPoolExecutor(usable_cores()) as threads:
        for found in threads.map(work, range(len(groups))):
            endings |= found
            progress(f"stock nbgrader: {len(endings)} of {len(run)} attacks")
    return endings


def _group_at_stock(
    attacks: Sequence[Attack], right: str, template: StockCourse, root: Path
) -> dict[str, Ending]:
    """Grade some attacks, and one right hand-in after them, in a copy of the course."""
    course = template.copy(root)
    names = {a.student or f"{number:03d}-attack": a for number, a in enumerate(attacks)}
    follower = "~right"  # the last in the order of names
    regraded = [student for student, attack in names.items() if attack.regraded]
    for student in regraded:
        _write(course.submitted(student), right)
    if regraded:
        course.autograde(regraded)
    for student, attack in names.items():
        shutil.rmtree(course.submitted(student).parent, ignore_errors=True)
        attack.hand_in(json.loads(right), course.submitted(student), course.root)
    _write(course.submitted(follower), right)
    verdicts = course.autograde([*names, follower], "--force")
    points = {e.name: e.max_score for e in course.spec.exercises}
    unharmed = sum(course.scores(follower).values()) == sum(points.values())
    endings = {}
    for student, attack in names.items():
        verdict = verdicts.get(student, Verdict("not graded"))
        scores = course.scores(student)
        endings[attack.name] = Ending(
            unearned(scores, points),
            verdict.text
            if verdict.text != "graded"
            else f"graded, {sum(scores.values()):g} points",
            unharmed and not verdict.aborted,
            verdict.aborted,
        )
    shutil.rmtree(root, ignore_errors=True)
    return endings


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run_attacks(
    course: Course,
    settings: Settings,
    *,
    with_stock: bool = True,
    kinds: Sequence[str] = (),
    progress: Progress = lambda text: None,
) -> list[Row]:
    """Run the corpus, or some kinds of it, here and at stock nbgrader.

    Both get the same time for a cell as far as their settings allow; the times are short.
    """
    attacks = [a for a in ATTACKS if not kinds or any(kind in a.kind for kind in kinds)]
    if not attacks:
        known = "; ".join(dict.fromkeys(attack.kind for attack in ATTACKS))
        raise UserError(f"no kind of attack is called {' or '.join(kinds)}; there are: {known}")
    settings = replace(settings, time=ATTACK_TIME)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        directory = CourseDirectory(folder / "course", course)
        release(directory.assignment(PROBLEM_SET))
        hostile = HostileClass.of(attacks, directory)
        progress(f"here: {len(attacks)} attacks, and as many right hand-ins between them")
        grade_hostile_class(hostile, settings)
        here = endings_here(hostile)
        stock = endings_at_stock(attacks, course, folder, 0, progress) if with_stock else {}
    return [
        Row(attack, here[student], stock.get(attack.name))
        for student, attack in hostile.attackers.items()
    ]


# --- the table -----------------------------------------------------------------------------------

_HEAD_OF_SUMMARY = (
    "kind of attack",
    "attacks",
    "here: unearned points",
    "next hand-ins harmed",
    "at stock: run",
    "unearned points",
    "attacks that gain",
    "next hand-ins harmed",
)
_HEAD_OF_LIST = (
    "kind",
    "attack",
    "here: unearned points",
    "status",
    "next hand-in",
    "at stock: unearned points",
    "what happened",
    "next hand-in",
)


@dataclass(frozen=True)
class Sum:
    """What the attacks of a kind came to."""

    kind: str
    rows: Sequence[Row]

    @property
    def gained_here(self) -> float:
        """Unearned points here."""
        return sum(row.here.gained for row in self.rows)

    @property
    def harmed_here(self) -> int:
        """Hand-ins that were harmed by the one before, here."""
        return sum(not row.here.unharmed for row in self.rows)

    @property
    def at_stock(self) -> list[Ending]:
        """How those that were run at stock nbgrader ended there."""
        return [row.stock for row in self.rows if row.stock is not None]

    @property
    def gaining_at_stock(self) -> int:
        """Attacks that gained points at stock nbgrader."""
        return sum(ending.gained > 0 for ending in self.at_stock)

    @property
    def harmful_at_stock(self) -> int:
        """Attacks after which the next hand-in was not graded as it should be, at stock."""
        return sum(not ending.unharmed for ending in self.at_stock)


def sums(rows: Sequence[Row]) -> list[Sum]:
    """One sum a kind, and one of all."""
    ordered = sorted(rows, key=lambda row: row.attack.kind)
    kinds = [Sum(kind, list(of)) for kind, of in groupby(ordered, key=lambda row: row.attack.kind)]
    return [*kinds, Sum("all", rows)]


def markdown(rows: Sequence[Row]) -> str:
    """A table with a row a kind, and, folded up (MyST), one with a row an attack."""
    return "\n".join(
        [
            *_table(_HEAD_OF_SUMMARY, map(_summary, sums(rows))),
            "",
            ":::{dropdown} Every attack",
            *_table(_HEAD_OF_LIST, map(_cells, rows)),
            ":::",
            "",
        ]
    )


def _summary(of: Sum) -> tuple[object, ...]:
    here = (f"{of.gained_here:g}", of.harmed_here)
    gained = f"{sum(ending.gained for ending in of.at_stock):g}"
    stock = (len(of.at_stock), gained, of.gaining_at_stock, of.harmful_at_stock)
    return (of.kind, len(of.rows), *here, *stock)


def _cells(row: Row) -> tuple[object, ...]:
    here, stock = row.here, row.stock
    theirs: tuple[object, ...] = ("", f"not run: {row.attack.not_at_stock or 'left out'}", "")
    if stock is not None:
        theirs = (f"{stock.gained:g}", stock.happened, _told(stock))
    attack = row.attack
    return (attack.kind, attack.name, f"{here.gained:g}", here.happened, _told(here), *theirs)


def _told(ending: Ending) -> str:
    return "right" if ending.unharmed else "not graded" if ending.aborted else "harmed"


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield _line(head)
    yield "|" + " --- |" * len(head)
    yield from map(_line, rows)


def _line(cells: Iterable[object]) -> str:
    shown = (str(cell).replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(shown)} |"
