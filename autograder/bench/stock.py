"""Stock nbgrader, to compare with: a course as its documentation has it, run apart from here.

Stock nbgrader has no sandbox, so the whole of it runs in one: bubblewrap, with a private /tmp, no
network but loopback, everything read-only but the course, its own process numbers, and a limit on
the memory of each process.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from autograder.course.course import Material
from autograder.course.errors import UserError
from autograder.definition import ProblemSetSpec, load_problem_set
from autograder.definition.ids import check_id
from autograder.release.making import notebook_text
from autograder.release.source import instructor_notebook
from autograder.selfcheck.calls import arguments
from autograder.selfcheck.spec import CaseSpec, ExerciseSpec

MEMORY = 4 << 30  # bytes of address space a process; a hand-in here has half of it
CELL_SECONDS = 5
_PATIENCE = 120.0  # seconds without a line of its log until it is taken to hang

_CONFIG = f"""c = get_config()
c.CourseDirectory.course_id = "stock"
c.Execute.timeout = {CELL_SECONDS}
"""


def plain_tests(exercise: ExerciseSpec) -> str:
    """The checks of an exercise as asserts in a test cell; held-out cases are hidden tests."""
    lines = {
        public: [
            line
            for check in exercise.checks
            for case in check.cases
            if case.case.public is public
            for line in _asserts(exercise, case)
        ]
        for public in (True, False)
    }
    hidden = ["### BEGIN HIDDEN TESTS", *lines[False], "### END HIDDEN TESTS"]
    return "\n".join(["import numpy as np", *lines[True], *hidden])


def _asserts(exercise: ExerciseSpec, case: CaseSpec) -> Iterator[str]:
    before: Any = None
    for step, expected in enumerate(case.expected):
        given = ", ".join(_literal(value) for value in arguments(case.case, step, before) or ())
        before = expected.value
        call = f"{exercise.name}({given})"
        if len(exercise.returns) == 1:
            yield f"assert np.allclose({call}, {_literal(before)})"
        else:
            wanted = ", ".join(_literal(value) for value in before)
            yield f"for got, want in zip({call}, ({wanted}), strict=True):"
            yield "    assert np.allclose(got, want)"


def _literal(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()!r}, dtype={value.dtype.name!r})"
    return repr(value.item() if isinstance(value, np.generic) else value)


class StockCourse:
    """A course directory of stock nbgrader with one problem set."""

    def __init__(self, root: Path, spec: ProblemSetSpec) -> None:
        self.root = root.resolve()
        self.spec = spec
        self.maximum = float(spec.max_score)

    def generate(self, material: Material) -> dict[str, Any]:
        """Write the course and have nbgrader release its notebook; return what students get."""
        notebook = instructor_notebook(load_problem_set(material), material.source)
        tests = {check_id(exercise.name): exercise for exercise in self.spec.exercises}
        for cell in notebook["cells"]:
            if cell["id"] in tests:
                cell["source"] = plain_tests(tests[cell["id"]])
            elif cell["source"].startswith("import numpy"):
                cell["source"] = "import numpy as np"
        source = self.root / "source" / self.spec.name / f"{self.spec.name}.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(notebook_text(notebook), encoding="utf-8")
        (self.root / "nbgrader_config.py").write_text(_CONFIG, encoding="utf-8")
        done = subprocess.run(
            [*_sandbox(self.root), *_nbgrader("generate_assignment", self.spec.name)],
            capture_output=True,
            text=True,
            check=False,
        )
        released = self.root / "release" / self.spec.name / f"{self.spec.name}.ipynb"
        if done.returncode != 0 or not released.exists():
            raise UserError(f"stock nbgrader could not make its release:\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(released.read_text(encoding="utf-8"))
        return found

    def copy(self, root: Path) -> StockCourse:
        """The same course once more, elsewhere."""
        shutil.copytree(self.root, root)
        return StockCourse(root, self.spec)

    def submitted(self, student: str) -> Path:
        """Where the notebook of a student lies."""
        return self.root / "submitted" / student / self.spec.name / f"{self.spec.name}.ipynb"

    def autograde(self, students: Sequence[str], *options: str) -> dict[str, Verdict]:
        """Run ``nbgrader autograde`` until it has come to all hand-ins; tell what became of them.

        A run that ends early is begun anew with what is left, as an instructor would do it.
        """
        verdicts: dict[str, Verdict] = {}
        while left := [student for student in students if student not in verdicts]:
            found = self._autograde_once(left, options)
            if not found:  # none of them was even begun
                found = {student: Verdict("not graded") for student in left}
            verdicts |= found
            for student in found:
                shutil.rmtree(self.submitted(student).parents[1], ignore_errors=True)
        return verdicts

    def _autograde_once(
        self, students: Sequence[str], options: Sequence[str]
    ) -> dict[str, Verdict]:
        log = self.root.parent / f"{self.root.name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*_sandbox(self.root), *_nbgrader("autograde", self.spec.name, *options)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            hung = _hangs(process, log)
            if hung:
                process.kill()
            process.wait()
        return read_log(log.read_text(encoding="utf-8", errors="replace"), students, hung)

    def scores(self, student: str) -> dict[str, float]:
        """The scores of a student's cells in the gradebook."""
        return gradebook_scores(self.root / "gradebook.db", student)


def gradebook_scores(database: Path, student: str) -> dict[str, float]:
    """The scores of a student's cells in a gradebook; empty if it does not know the student."""
    query = """
        SELECT base_cell.name, coalesce(grade.manual_score, grade.auto_score) FROM grade
        JOIN base_cell ON base_cell.id = grade.cell_id
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        WHERE submitted_assignment.student_id = ?
    """
    try:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            rows = connection.execute(query, (student,)).fetchall()
    except sqlite3.Error:
        return {}
    return {name: float(score or 0.0) for name, score in rows}


@dataclass(frozen=True)
class Verdict:
    """What stock nbgrader made of a hand-in: ``text`` tells how it ended.

    ``aborted`` says that the run ended with it, so that those after it were not graded.
    """

    text: str
    aborted: bool = False


def _nbgrader(command: str, *arguments: str) -> list[str]:
    start = "from nbgrader.apps.nbgraderapp import main; main()"
    return [sys.executable, "-c", start, command, *arguments]


def _sandbox(course: Path) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise UserError("bubblewrap (bwrap) is not installed; stock nbgrader is not run without")
    programs = str(Path(sys.executable).parent)
    return [
        "prlimit",
        f"--as={MEMORY}",
        f"--fsize={1 << 30}",
        program,
        *("--unshare-all", "--die-with-parent", "--new-session", "--uid", "1000", "--gid", "1000"),
        *("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"),
        *("--size", str(1 << 29), "--tmpfs", "/tmp", "--bind", str(course), str(course)),
        *("--chdir", str(course), "--clearenv"),
        *("--setenv", "PATH", os.pathsep.join([programs, "/usr/bin", "/bin"])),
        *("--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"),
        *("--setenv", "OPENBLAS_NUM_THREADS", "1"),
        "--",
    ]


def _hangs(process: subprocess.Popen[bytes], log: Path) -> bool:
    """Wait for the process to end; True if it says nothing for too long instead."""
    size, since = -1, time.monotonic()
    while process.poll() is None:
        now = log.stat().st_size
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > _PATIENCE:
            return True
        time.sleep(0.1)
    return False


_ERROR = re.compile(
    r"^\s*(?:\w+\.)*([A-Z]\w*(?:Error|Exception|Died|Exit|Interrupt))(?:: |$)", re.MULTILINE
)


def read_log(log: str, students: Sequence[str], hung: bool = False) -> dict[str, Verdict]:
    """Verdicts on the hand-ins that a run of ``nbgrader autograde`` has come to, by its log."""
    verdicts = {
        student: Verdict("not graded: no notebook found")
        for student in students
        if re.search(rf"No notebooks were matched by .*/submitted/{re.escape(student)}/", log)
    }
    places = {s: log.find(f"/submitted/{s}/") for s in students if s not in verdicts}
    begun = sorted(
        (log.rfind("\n", 0, at) + 1, student) for student, at in places.items() if at >= 0
    )
    for (at, student), (following, _) in pairwise([*begun, (len(log), "")]):
        part = log[at:following]
        verdict = Verdict("graded")
        names = _ERROR.findall(part)
        why = f" ({names[-1]})" if names else ""
        if "There was an error processing assignment: " in part or "became unresponsive" in part:
            verdict = Verdict(f"failed{why}")
        elif student == begun[-1][1] and (hung or "destination file permissions" not in part):
            verdict = Verdict("hangs, batch ended" if hung else f"batch ended{why}", aborted=True)
        verdicts[student] = verdict
    return verdicts
