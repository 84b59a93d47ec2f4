"""What a class takes beside grading, over the problem sets of a term: each against grading it."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.files import write_whole
from autograder.grading.evaluations import prepare
from autograder.release import build
from autograder.reports.notebook import graded_answer
from autograder.reports.pages import report_page
from autograder.results.gradebook import rows_of_others
from autograder.results.tables import Overview, read_run

from .classroom import write_class
from .speed import Figure, measure

_STEPS = {
    "collect": "collecting hand-ins from Canvas's zip file",
    "report": "the report",
    "similar": "comparing all answers",
    "export": "exporting the grades",
}
_GRADE = "grade"
_MOST = 25  # percent of grading


def run_term(
    course: Course, names: Sequence[str], handins: int, say: Callable[[str], None]
) -> Iterator[Figure]:
    """Measure each step over these problem sets, with so many hand-ins each."""
    seconds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as folder:
        directory = CourseDirectory(Path(folder) / "course", course)
        for name in names:
            say(f"{name}: {handins} hand-ins collected, graded, reported, compared, exported")
            seconds.update(_one_set(directory.assignment(name), handins))
    grading = seconds[_GRADE]
    for step, what in _STEPS.items():
        share = 100 * seconds[step] / grading
        yield Figure(
            f"{what}, {len(names)} problem set{'s' * (len(names) != 1)} of {handins} hand-ins, "
            "against grading them",
            f"{share:.1f} %",
            f"at most {_MOST} %",
            share <= _MOST,
            f"{seconds[step]:.1f} s; grading {grading:.1f} s",
        )


def _one_set(assignment: Assignment, handins: int) -> dict[str, float]:
    """Seconds of each step for one problem set, by its name."""
    build.release(assignment)
    prepare([assignment])
    packed = assignment.root / f"{assignment}.zip"
    with zipfile.ZipFile(packed, "w") as made:
        for number, path in enumerate(write_class(assignment, handins), start=1000):
            made.write(path, f"student{number}_{number}_{number}_{assignment}.ipynb")
    shutil.rmtree(assignment.directory.submissions)
    run = partial(_command, assignment)
    return {
        "collect": run("collect", assignment.problem_set, str(packed)),
        _GRADE: run(_GRADE, assignment.problem_set, "--isolation", "auto"),
        "report": _report(assignment),
        "similar": run("similar", assignment.problem_set),
        "export": run("export", "csv", assignment.problem_set),
    }


def _command(assignment: Assignment, *words: str) -> float:
    where = ("--course-dir", str(assignment.root), "--course", str(assignment.material.course.root))
    command = [sys.executable, "-m", "autograder.cli", *words, *where]
    return measure(command, assignment.root).seconds


def _report(assignment: Assignment) -> float:
    """Seconds in which the report is made anew from the results; grading makes it, too."""
    rows = rows_of_others(assignment, ())
    started = time.monotonic()
    run, results = read_run(assignment.results)
    run = replace(run, results=results)
    answer_of = partial(graded_answer, assignment)
    page = report_page(run, rows, Overview.of(results), answer_of)
    write_whole(assignment.reports / "report.html", page, below=assignment.root)
    return time.monotonic() - started
