"""From release to fetched feedback through nbgrader's exchange, its commands and ours in turn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.new import make_course
from autograder.grading.batch import grade_class
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings, TimeLimits
from autograder.release.build import release
from autograder.release.making import notebook_text

PS = "ps01-sums"
QUICK = Settings(isolation="auto", workers=2, seed=5, time=TimeLimits(cell=3, call=1, notebook=20))

pytestmark = pytest.mark.long


class Term:
    """A course, an exchange, and a student with a folder of her own."""

    def __init__(self, root: Path) -> None:
        course = make_course(root / "course")
        self.assignment: Assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
        self.student = root / "student"
        self.student.mkdir()
        (root / "exchange").mkdir(mode=0o777)
        (root / "exchange").chmod(0o777)
        self.exchange = [f"--Exchange.root={root / 'exchange'}", "--course=sums"]
        self.cache = f"--Exchange.cache={root / 'cache'}"

    def nbgrader(self, *arguments: str, folder: Path | None = None) -> str:
        program = Path(sys.executable).parent / "nbgrader"
        environment = {
            **os.environ,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "AUTOGRADER_COURSE": str(self.assignment.directory.course.root),
        }
        done = subprocess.run(
            [str(program), *arguments],
            cwd=folder or self.assignment.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout + done.stderr

    def exchanged(self, command: str, folder: Path | None = None) -> str:
        return self.nbgrader(command, PS, *self.exchange, self.cache, folder=folder)

    def hand_in(self) -> str:
        """Fetch, answer, submit, collect; return the name of the student."""
        self.exchanged("release_assignment")
        self.exchanged("fetch_assignment", self.student)
        notebook = with_answers(
            released_notebook(self.assignment), instructor_answers(self.assignment.material)
        )
        path = self.student / PS / f"{PS}.ipynb"
        path.chmod(0o644)
        path.write_text(notebook_text(notebook), encoding="utf-8")
        self.exchanged("submit", self.student)
        self.exchanged("collect")
        (student,) = (path.name for path in self.assignment.directory.submissions.iterdir())
        return student

    def ours(self, student: str) -> None:
        graded = grade_class(self.assignment, QUICK)
        assert graded.rows[student].machine_score == 6

    def autograde(self, student: str) -> None:
        self.nbgrader("autograde", PS, "--create", "--force", "--GradeInSandbox.isolation=auto")

    def feedback(self, student: str) -> None:
        self.nbgrader("generate_feedback", PS, "--force")

    def by_hand(self, student: str) -> None:
        from nbgrader.api import Gradebook

        with Gradebook(self.assignment.directory.database_url) as book:
            book.find_comment("horner", PS, PS, student).manual_comment = "Well put together."
            book.db.commit()

    def fetched(self) -> str:
        """What the student gets when feedback is released and fetched."""
        self.exchanged("release_feedback")
        shutil.rmtree(self.student / PS / "feedback", ignore_errors=True)
        self.exchanged("fetch_feedback", self.student)
        (page,) = (self.student / PS / "feedback").rglob("*.html")
        return page.read_text(encoding="utf-8")


ORDERS: dict[str, tuple[Callable[[Term, str], None], ...]] = {
    "ours alone": (Term.ours, Term.by_hand, Term.ours),
    "theirs alone": (Term.autograde, Term.by_hand, Term.feedback),
    "ours, then theirs": (Term.ours, Term.by_hand, Term.autograde, Term.feedback),
    "theirs, then ours": (Term.autograde, Term.by_hand, Term.feedback, Term.ours),
    "ours, their pages, ours": (Term.ours, Term.by_hand, Term.feedback, Term.ours),
}


def test_feedback_is_fetched_whoever_graded(tmp_path: Path) -> None:
    start = Term(tmp_path / "start")
    release(start.assignment)
    student = start.hand_in()
    for order, steps in ORDERS.items():
        shutil.rmtree(start.assignment.root / "autograded", ignore_errors=True)
        shutil.rmtree(start.assignment.root / "feedback", ignore_errors=True)
        shutil.rmtree(start.assignment.root / "reports", ignore_errors=True)
        for step in steps:
            step(start, student)
        page = start.fetched()
        assert "Well put together." in page, order
        assert "horner" in page, order
