"""Grading a class: what changed is graded, everything is written, nothing old is left standing.

Files of one hand-in (autograded notebook, feedback) are written as soon as it is graded, and its
result is appended to a journal; the gradebook and the reports are written at the end. A run that
was interrupted goes on from the journal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.paths import CourseDirectory, UserError
from autograder.release.build import grading_fingerprint
from autograder.reports.files import write_whole
from autograder.reports.pages import report_page
from autograder.reports.tables import Run, grades_csv, results_json

from .gradebook import GradebookRow, save
from .handin import Damaged, read_bytes
from .results import RESULTS_VERSION, Submission
from .session import Session, Settings, open_session

Progress = Callable[[int, int, Submission], None]


@dataclass(frozen=True)
class ClassResult:
    """A graded class: the run, the gradebook's rows, and how many hand-ins were graded anew."""

    run: Run
    rows: dict[str, GradebookRow]
    graded: int
    weaker_because: dict[str, str]


def grade_class(
    problem_set: str,
    course: CourseDirectory,
    settings: Settings,
    *,
    students: Sequence[str] | None = None,
    everything: bool = False,
    progress: Progress | None = None,
) -> ClassResult:
    """Grade the hand-ins of a problem set and write gradebook, notebooks, feedback and reports.

    Only hand-ins that changed since the last run are graded, or all with ``everything``; and of
    these only those of ``students``, if given (the reports then hold the others as last graded,
    unless their hand-in has changed). The seed of the last run is used again unless the settings
    give one.
    """
    wanted = _wanted(problem_set, course, students)
    previous = _Previous(problem_set, course)
    settings = replace(settings, seed=previous.seed if settings.seed is None else settings.seed)
    known = previous.usable(settings)
    base = grading_fingerprint(problem_set)
    everyone = course.students(problem_set)
    prints = {student: _fingerprint(base, problem_set, course, student) for student in everyone}
    reused = [
        known[student]
        for student in everyone
        if student in known
        and known[student].fingerprint == prints[student]
        and _files_exist(problem_set, course, student)
        and not (everything and student in wanted)
    ]
    due = sorted(set(wanted) - {submission.student for submission in reused})
    if not due and previous.run is not None and previous.head is None:
        run = replace(previous.run, submissions=reused)
        return _finish(run, course, {s.student for s in reused}, 0, {})
    with open_session(problem_set, course, settings) as session:
        if not previous.levels <= {session.level}:  # one report, one level of isolation
            due, reused = wanted, []
        handins = [(s, course.submitted(problem_set, s), prints[s]) for s in due]
        graded = list(_graded(session, handins, previous, progress))
        everyone_graded = sorted([*reused, *graded], key=lambda submission: submission.student)
        run = session.run(everyone_graded)
        weaker = session.weaker_because
    entered = previous.fingerprints.items() & {(s.student, s.fingerprint) for s in reused}
    result = _finish(run, course, {student for student, _ in entered}, len(graded), weaker)
    previous.forget_journal()
    return result


def _wanted(problem_set: str, course: CourseDirectory, students: Sequence[str] | None) -> list[str]:
    everyone = course.students(problem_set)
    if not students:
        return everyone
    unknown = sorted(set(students) - set(everyone))
    if unknown:
        raise UserError(f"no hand-in of {problem_set} by {', '.join(unknown)} in {course.root}")
    return sorted(set(students))


def _graded(
    session: Session,
    due: Iterable[tuple[str, Path, str]],
    previous: _Previous,
    progress: Progress | None,
) -> Iterator[Submission]:
    todo = list(due)
    previous.start_journal(session)
    for number, graded in enumerate(session.process_all(todo), start=1):
        student = graded.submission.student
        course, problem_set = session.course, session.problem_set
        write_whole(course.autograded(problem_set, student), graded.notebook)
        write_whole(course.feedback(problem_set, student), graded.feedback)
        previous.remember(graded.submission)
        if progress is not None:
            progress(number, len(todo), graded.submission)
        yield graded.submission


def _files_exist(problem_set: str, course: CourseDirectory, student: str) -> bool:
    return (
        course.autograded(problem_set, student).exists()
        and course.feedback(problem_set, student).exists()
    )


def _fingerprint(base: str, problem_set: str, course: CourseDirectory, student: str) -> str:
    """Hash of the hand-in and of everything that its grade depends on."""
    digest = hashlib.sha256(base.encode())
    try:
        digest.update(read_bytes(course.submitted(problem_set, student)))
    except Damaged as damaged:
        digest.update(str(damaged).encode())
    return digest.hexdigest()


def _finish(
    run: Run, course: CourseDirectory, unchanged: set[str], graded: int, weaker: dict[str, str]
) -> ClassResult:
    rows = save(run.problem_set, course, run.submissions, unchanged)
    folder = course.reports(run.problem_set)
    write_whole(folder / "results.json", results_json(run))
    write_whole(folder / "grades.csv", grades_csv(run, rows))
    write_whole(folder / "report.html", report_page(run, rows))
    return ClassResult(run, rows, graded, weaker)


class _Previous:
    """Results of the last run of this problem set, finished or not."""

    def __init__(self, problem_set: str, course: CourseDirectory) -> None:
        folder = course.reports(problem_set)
        self.results = folder / "results.json"
        self.journal = folder / "journal.jsonl"
        self.run = self._read_results()
        self.head, self.journaled = self._read_journal()
        self.seed: int | None = None
        if self.head is not None:
            self.seed = self.head["seed"]
        elif self.run is not None:
            self.seed = self.run.seed

    @property
    def levels(self) -> set[str]:
        """The levels of isolation at which the results were made."""
        found = {self.run.isolation} if self.run is not None else set()
        return found | ({self.head["isolation"]} if self.head is not None else set())

    @property
    def fingerprints(self) -> dict[str, str]:
        """What has reached the gradebook: student -> fingerprint of the hand-in."""
        return {s.student: s.fingerprint for s in self.run.submissions} if self.run else {}

    def _read_results(self) -> Run | None:
        try:
            tree = json.loads(self.results.read_text(encoding="utf-8"))
            if tree["version"] != RESULTS_VERSION:
                return None
            return Run(
                tree["problem_set"],
                tree["title"],
                tree["seed"],
                tree["device"],
                tree["isolation"],
                tree["versions"],
                [Submission.from_json(entry) for entry in tree["submissions"]],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # none yet, or not ours: grade everything

    def _read_journal(self) -> tuple[dict[str, Any] | None, list[Submission]]:
        try:
            lines = self.journal.read_text(encoding="utf-8").splitlines()
            head = json.loads(lines[0])
            head = {"seed": head["seed"], "isolation": head["isolation"]}
        except (OSError, ValueError, IndexError, KeyError, TypeError):
            return None, []
        found = []
        for line in lines[1:]:
            with contextlib.suppress(ValueError, KeyError, TypeError):  # the last may be cut off
                found.append(Submission.from_json(json.loads(line)))
        return head, found

    def usable(self, settings: Settings) -> dict[str, Submission]:
        """Results that need not be made again, by student."""
        found: dict[str, Submission] = {}
        if (
            self.run is not None
            and self.run.seed == settings.seed
            and settings.isolation in ("auto", self.run.isolation)
        ):
            found.update({s.student: s for s in self.run.submissions})
        if self.head is not None and self.head["seed"] == settings.seed:
            found.update({s.student: s for s in self.journaled})
        return found

    def start_journal(self, session: Session) -> None:
        head = {"seed": session.seed, "isolation": session.level}
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        if self.head != head:
            self.journal.write_text(json.dumps(head) + "\n", encoding="utf-8")

    def remember(self, submission: Submission) -> None:
        with self.journal.open("a", encoding="utf-8", errors="replace") as file:
            file.write(json.dumps(submission.to_json(), ensure_ascii=True) + "\n")

    def forget_journal(self) -> None:
        self.journal.unlink(missing_ok=True)
