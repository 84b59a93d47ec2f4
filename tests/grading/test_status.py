"""Each cause has its status, and one bad exercise costs only its own points.

A class grades all causes end to end: everybody first hands in right answers, then what fails.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.grading.batch import grade_class
from autograder.grading.grader import Grader
from autograder.grading.marking import Marking
from autograder.grading.sample import released_notebook, with_answers
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Result, Status

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
PS = "ps01-sgd"
WRITTEN = "written-batch_size_and_rate"
FULL = 27
HEAD = "def sgd_step(theta, grad, lr):\n    "
Notebook = dict[str, Any]


# --- what is handed in ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Cause:
    """A way to end: what is done to a right hand-in, and what must be said of it."""

    status: Status
    change: Callable[[Notebook], Any]
    detail: str = ""
    score: int = FULL - 4


def cell(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    return next(c for c in notebook["cells"] if id_of(c) == grade_id)


def id_of(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def answer(source: str, name: str = "sgd_step") -> Callable[[Notebook], None]:
    """Another source of an answer."""
    return lambda notebook: cell(notebook, name).update(source=source)


def call(body: str) -> Callable[[Notebook], None]:
    """Another body of ``sgd_step``."""
    return answer(HEAD + body.replace("\n", "\n    "))


def unused_call(body: str) -> Callable[[Notebook], None]:
    """Another body of ``condition_number``, which no cell of the notebook calls."""
    return answer(f"def condition_number(H):\n    {body}", "condition_number")


def first(source: str) -> Callable[[Notebook], None]:
    """A cell of the student's own above all others."""
    own = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
    return lambda notebook: notebook["cells"].insert(0, own)


def twice(name: str, *sources: str) -> Callable[[Notebook], None]:
    """Two cells that both claim to be the same answer."""

    def change(notebook: Notebook) -> None:
        at = notebook["cells"].index(cell(notebook, name))
        copies = [{**notebook["cells"][at], "source": source} for source in sources]
        notebook["cells"][at : at + 1] = copies

    return change


def without(*names: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        notebook["cells"] = [c for c in notebook["cells"] if id_of(c) not in names]

    return change


def every_answer(source: Callable[[str], str]) -> Callable[[Notebook], None]:
    """All answers replaced by what ``source`` makes of the exercise's name."""

    def change(notebook: Notebook) -> None:
        checks = [id_of(c)[len("check-") :] for c in notebook["cells"] if "check-" in id_of(c)]
        for name in checks:
            cell(notebook, name)["source"] = source(name)

    return change


def text(data: bytes) -> Callable[[Notebook], bytes]:
    """A file that holds something else."""
    return lambda notebook: data


def file(make: Callable[[Path], Any]) -> Callable[[Notebook], Callable[[Path], Any]]:
    """Something else than a file."""
    return lambda notebook: make


STUB = "raise NotImplementedError  # to do"
CAUSES = {
    "cut off": Cause(Status.DAMAGED, lambda n: json.dumps(n).encode()[:-900], "cut off", 0),
    "not text": Cause(Status.DAMAGED, text(b"\xff\xfe\x00"), "not UTF-8", 0),
    "no cells at all": Cause(Status.DAMAGED, text(b"{}"), "no list of cells", 0),
    "a link": Cause(Status.DAMAGED, file(lambda p: p.symlink_to(__file__)), "symbolic link", 0),
    "a pipe": Cause(Status.DAMAGED, file(os.mkfifo), "not a regular file", 0),
    "gone": Cause(Status.DAMAGED, file(lambda p: None), "there is no file", 0),
    "endless call": Cause(
        Status.TIMEOUT, unused_call("while True: pass"), "stopped after 2 seconds"
    ),
    "endless cell": Cause(
        Status.TIMEOUT, first("while True: pass"), "stopped after 3 seconds", FULL
    ),
    "sleeping call": Cause(
        Status.TIMEOUT, unused_call("import time; time.sleep(1000)"), "stopped after 2 seconds"
    ),
    "endless answer cell": Cause(
        Status.TIMEOUT, answer("while True: pass\n"), "stopped after 3 seconds"
    ),
    "hoarding call": Cause(
        Status.OUT_OF_MEMORY, call("return bytearray(2**40)"), "a call ran out of memory"
    ),
    "hoarding cell": Cause(
        Status.OUT_OF_MEMORY,
        first("import numpy as np; hoard = np.ones(2**34)"),
        "a cell ran out of memory",
        FULL,
    ),
    "hoarding list": Cause(
        Status.OUT_OF_MEMORY, call("return [theta] * 10**12"), "a call ran out of memory"
    ),
    "aborts": Cause(Status.CRASHED, call("import os; os.abort()"), r"crashed \(signal \d+\)"),
    "ends its process": Cause(
        Status.CRASHED, call("import os; os._exit(3)"), r"ended its own process \(exit status 3\)"
    ),
    "reads at address 0": Cause(
        Status.CRASHED, call("import ctypes; ctypes.string_at(0)"), r"crashed \(signal 11\)"
    ),
    "ends its process in a cell": Cause(
        Status.CRASHED, first("import os; os._exit(0)"), "ended its own process", FULL
    ),
    "unknown name": Cause(
        Status.ERROR,
        call("return theta - nowhere * grad"),
        "NameError: name 'nowhere' is not defined",
    ),
    "does not parse": Cause(Status.ERROR, answer("def sgd_step(:\n"), "a cell raised SyntaxError"),
    "other parameters": Cause(
        Status.ERROR, answer("def sgd_step(theta):\n    return theta"), "raised TypeError"
    ),
    "calls itself": Cause(
        Status.ERROR, call("return sgd_step(theta, grad, lr)"), "raised RecursionError"
    ),
    "exits politely": Cause(Status.ERROR, call("import sys; sys.exit(1)"), "raised SystemExit"),
    "cell deleted": Cause(Status.MISSING_CELL, without("sgd_step"), "^no cell for sgd_step$"),
    "all cells deleted": Cause(
        Status.MISSING_CELL, lambda n: n.update(cells=[]), "no cell for softmax.*, condition", 0
    ),
    "other name": Cause(
        Status.MISSING_CELL,
        answer("def step(theta, grad, lr):\n    return theta - lr * grad"),
        "^no function sgd_step$",
    ),
    "not a function": Cause(
        Status.MISSING_CELL, answer("sgd_step = None"), "^no function sgd_step$"
    ),
    "two answers": Cause(
        Status.MANUAL,
        twice("sgd_step", HEAD + "return theta - lr * grad", HEAD + "return theta"),
        "2 different cells for “sgd_step”",
    ),
    "three answers": Cause(
        Status.MANUAL,
        twice("sgd_step", *(HEAD + f"return theta + {n}" for n in range(3))),
        "3 different cells for “sgd_step”",
    ),
    "two written answers": Cause(
        Status.MANUAL, twice(WRITTEN, "One.", "Two."), f"2 different cells for “{WRITTEN}”", FULL
    ),
    "stubs": Cause(
        Status.NO_ANSWER,
        every_answer(lambda name: f"def {name}(*_):\n    {STUB}"),
        "no exercise",
        0,
    ),
    "empty cells": Cause(Status.NO_ANSWER, every_answer(lambda name: ""), "no exercise", 0),
    "plans": Cause(
        Status.NO_ANSWER, every_answer(lambda name: f"# {name}: to do"), "no exercise", 0
    ),
    "one stub": Cause(
        Status.PARTIAL, call("raise NotImplementedError"), "^not answered: sgd_step$"
    ),
    "one empty cell": Cause(Status.PARTIAL, answer("\n"), "^not answered: sgd_step$"),
    "right": Cause(Status.GRADED, lambda notebook: None, "^$", FULL),
    "wrong": Cause(Status.GRADED, call("return theta + 1"), "^$"),
    "wrong type": Cause(Status.GRADED, call("return 'theta'"), "^$"),
    "error without loss": Cause(Status.GRADED, first("1 / 0"), "^$", FULL),
}


def test_every_status_has_two_causes_at_least() -> None:
    for status in Status:
        assert sum(cause.status is status for cause in CAUSES.values()) >= 2, status


# --- a class, end to end -------------------------------------------------------------------------


@dataclass(frozen=True)
class Klass:
    """A course directory in which each cause is a student, and what was written of it."""

    course: CourseDirectory
    settings: Settings
    right: Callable[[], Notebook]
    first: dict[str, Pages] = field(default_factory=dict)  # of the right hand-ins

    @property
    def assignment(self) -> Assignment:
        return self.course.assignment(PS)

    def hand_in(self, student: str, made: Any) -> None:
        path = self.assignment.submitted(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if callable(made):
            made(path)
        else:
            path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())

    def hand_in_cause(self, student: str, cause: Cause) -> None:
        notebook = self.right()
        made = cause.change(notebook)
        self.hand_in(student, notebook if made is None else made)

    def grade(self, **options: Any) -> None:
        grade_class(self.assignment, self.settings, **options)

    def results(self) -> dict[str, dict[str, Any]]:
        tree = json.loads(self.assignment.results.read_text(encoding="utf-8"))
        return {entry["student"]: entry for entry in tree["submissions"]}

    def csv(self) -> dict[str, dict[str, str]]:
        with (self.assignment.reports / "grades.csv").open(
            newline="", encoding="utf-8-sig"
        ) as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def pages(self, student: str) -> Pages:
        return Pages(
            self.assignment.autograded(student).read_text(encoding="utf-8"),
            self.assignment.feedback(student).read_text(encoding="utf-8"),
        )

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        with Gradebook(self.course.database_url) as gradebook:
            yield gradebook

    def entered(self) -> dict[str, dict[str, Any]]:
        """Each student's grades by cell, and the score."""
        with self.gradebook() as gradebook:
            return {
                submission.student.id: {
                    "score": submission.score,
                    **{
                        grade.name: (
                            grade.auto_score,
                            grade.manual_score,
                            grade.extra_credit,
                            grade.needs_manual_grade,
                        )
                        for grade in submission.notebooks[0].grades
                    },
                }
                for submission in gradebook.assignment_submissions(PS)
            }

    def grade_by_hand(self, student: str, grade_id: str, **values: Any) -> None:
        with self.gradebook() as gradebook:
            grade = gradebook.find_grade(grade_id, PS, PS, student)
            for name, value in values.items():
                setattr(grade, name, value)
            grade.needs_manual_grade = False
            gradebook.db.commit()


@dataclass(frozen=True)
class Pages:
    """What a student and the form grader see."""

    notebook: str
    feedback: str

    @property
    def points(self) -> int:
        """The points that the autograded notebook tells of, all exercises together."""
        outputs = [out for c in json.loads(self.notebook)["cells"] for out in c.get("outputs", [])]
        told = "\n".join(out.get("data", {}).get("text/plain", "") for out in outputs)
        return sum(int(points) for points in re.findall(r"^\w+: (\d+) of \d+ points$", told, re.M))


@pytest.fixture(scope="module")
def klass(
    course: CourseDirectory,
    quick_settings: Settings,
    right_notebook: Callable[..., Notebook],
    tmp_path_factory: pytest.TempPathFactory,
) -> Klass:
    """Everybody's right hand-in was graded, by machine and by a person, and then a worse one."""
    root = tmp_path_factory.mktemp("class") / "course"
    shutil.copytree(course.root, root)
    klass = Klass(CourseDirectory.at(root), quick_settings, lambda: right_notebook(PS))
    for student in CAUSES:
        klass.hand_in(student, with_answers(klass.right(), {}, {"batch_size_and_rate": "Because."}))
    klass.grade()
    for student in CAUSES:
        klass.grade_by_hand(student, WRITTEN, manual_score=3, extra_credit=0.5)
    klass.first.update({student: klass.pages(student) for student in CAUSES})
    assert {entry["score"] for entry in klass.results().values()} == {FULL}
    assert {entry["score"] for entry in klass.entered().values()} == {FULL + 3.5}
    for student, cause in CAUSES.items():
        klass.hand_in_cause(student, cause)
    klass.grade()
    return klass


@pytest.fixture(scope="module")
def results(klass: Klass) -> dict[str, dict[str, Any]]:
    return klass.results()


@pytest.fixture(scope="module")
def table(klass: Klass) -> dict[str, dict[str, str]]:
    return klass.csv()


@pytest.fixture(scope="module")
def entered(klass: Klass) -> dict[str, dict[str, Any]]:
    return klass.entered()


@pytest.mark.parametrize("student", CAUSES)
def test_cause_has_its_status_and_costs_only_its_points(
    student: str, results: dict[str, dict[str, Any]]
) -> None:
    cause, result = CAUSES[student], results[student]
    assert (result["status"], result["score"]) == (str(cause.status), cause.score), result["detail"]
    assert re.search(cause.detail, result["detail"]), result["detail"]
    assert bool(result["detail"]) == (cause.status is not Status.GRADED)


@pytest.mark.parametrize("student", CAUSES)
def test_new_score_is_everywhere(
    student: str,
    klass: Klass,
    table: dict[str, dict[str, str]],
    entered: dict[str, dict[str, Any]],
) -> None:
    cause, grades, row = CAUSES[student], entered[student], table[student]
    auto = [grade[0] or 0 for name, grade in grades.items() if name != "score"]
    assert sum(auto) == cause.score
    assert grades["score"] == cause.score + 3.5
    assert (float(row["score"]), row["status"]) == (cause.score + 3.5, str(cause.status))
    before, now = klass.first[student], klass.pages(student)
    assert (before.points, now.points) == (FULL, cause.score)
    assert f"{FULL} of {FULL} points" in before.feedback
    assert f"{cause.score} of {FULL} points" in now.feedback
    assert f"status: {cause.status}" in now.feedback
    if cause.status is Status.DAMAGED:
        assert "This notebook could not be graded: " in now.notebook


@pytest.mark.parametrize("student", CAUSES)
def test_manual_grade_stays_and_is_to_be_looked_at_again(
    student: str, table: dict[str, dict[str, str]], entered: dict[str, dict[str, Any]]
) -> None:
    written = entered[student][WRITTEN]
    answered = CAUSES[student].change is CAUSES["two written answers"].change
    assert written == (None if answered else 0, 3, 0.5, True)
    assert table[student]["needs_manual_grade"] == "yes"


def test_cells_that_only_a_person_can_tell_apart_wait_for_one(
    entered: dict[str, dict[str, Any]],
) -> None:
    for student, cause in CAUSES.items():
        waits = entered[student]["check-sgd_step"][3]
        assert waits == (cause.status is Status.MANUAL), student


# --- several at once -----------------------------------------------------------------------------


def bad(name: str, body: str) -> Callable[[Notebook], None]:
    """Another body of an answer."""
    return answer(f"def {name}(*_):\n    {body}", name)


IN_ORDER = [  # each in another exercise, so that all of them happen
    (Status.TIMEOUT, bad("softmax_cross_entropy", "while True: pass")),
    (Status.OUT_OF_MEMORY, bad("minibatch_gradient", "return bytearray(2**40)")),
    (Status.CRASHED, bad("sgd_step", "import os; os._exit(1)")),
    (Status.ERROR, bad("linear_decay", "raise ValueError")),
    (Status.MISSING_CELL, without("clip_by_norm")),
    (Status.MANUAL, twice("condition_number", *(f"def condition_number(H): {n}" for n in "12"))),
]


@pytest.mark.parametrize("worst", range(len(IN_ORDER)))
def test_first_in_the_list_is_the_status(
    worst: int, grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook(PS)
    for _, change in reversed(IN_ORDER[worst:]):
        change(notebook)
    result = grade_notebook(notebook)
    assert result.status is IN_ORDER[worst][0], result.detail


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (Status.MISSING_CELL, without("sgd_step")),
        (Status.MISSING_CELL, answer("step = 1")),
        (Status.MANUAL, twice("sgd_step", HEAD + STUB, HEAD + STUB + "!")),
        (Status.ERROR, first("1 / 0")),
        (Status.PARTIAL, call("return theta - lr * grad")),
    ],
)
def test_whoever_answers_nothing_else_has_the_status_of_what_is_there(
    status: Status,
    change: Callable[[Notebook], None],
    grade_notebook: Callable[..., Any],
    course: CourseDirectory,
) -> None:
    notebook = released_notebook(course.assignment(PS))
    change(notebook)
    result = grade_notebook(notebook)
    assert result.status is status, result.detail


def test_answer_in_another_cell_counts(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook(PS, {"sgd_step": ""})
    own = {"cell_type": "code", "metadata": {}, "source": HEAD + "return theta - lr * grad"}
    notebook["cells"].insert(notebook["cells"].index(cell(notebook, "check-sgd_step")), own)
    result = grade_notebook(notebook)
    assert (result.status, result.score) == (Status.GRADED, FULL)


# --- one hand-in ---------------------------------------------------------------------------------


def test_detail_names_the_error_and_where(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    result = grade_notebook(right_notebook(PS, {"sgd_step": HEAD + "return nowhere"}))
    assert "raised NameError: name 'nowhere' is not defined" in result.detail
    assert "case “" in result.detail
    result = grade_notebook(right_notebook(PS, {"sgd_step": HEAD + "return theta -\n"}))
    assert result.detail == "a cell raised SyntaxError: line 2: invalid syntax"
    (step,) = (each for each in result.exercises if each.name == "sgd_step")
    told = "the cell of sgd_step is not valid Python: SyntaxError, line 2: invalid syntax"
    assert {check.message for check in step.checks} == {told}


def test_nothing_answered(
    grade_notebook: Callable[..., Any], course: Any, right_answers: Callable[..., Any]
) -> None:
    released = released_notebook(course.assignment(PS))
    result = grade_notebook(released)
    assert (result.status, result.score) == (Status.NO_ANSWER, 0)
    written = with_answers(released, {}, {"batch_size_and_rate": "An answer."})
    assert grade_notebook(written).written_answered == {"written-batch_size_and_rate"}
    one = {"sgd_step": right_answers(PS)["sgd_step"]}
    result = grade_notebook(with_answers(released, one))
    assert (result.status, result.score) == (Status.PARTIAL, 4)
    assert "condition_number" in result.detail
    assert "sgd_step" not in result.detail


def test_five_bad_exercises_leave_the_sixth_its_points(
    grade_notebook: Callable[..., Any], right_answers: Callable[..., Any], course: Any
) -> None:
    answers = right_answers(PS)
    for name in list(answers)[:5]:
        head = answers[name].split('"""')[0].rstrip()
        answers[name] = f"{head}\n    import os; os._exit(1)\n"
    result = grade_notebook(with_answers(released_notebook(course.assignment(PS)), answers))
    assert [e.score for e in result.exercises] == [0, 0, 0, 0, 0, 4]
    assert result.status is Status.CRASHED


def test_points_earned_before_a_loop_are_kept(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    body = "if np.ndim(theta) != 1:\n        while True: pass\n    return theta - lr * grad"
    result = grade_notebook(right_notebook(PS, {"sgd_step": HEAD + body}))
    assert result.status is Status.TIMEOUT
    assert result.max_score - 4 < result.score < result.max_score


def graded_within(limits: TimeLimits, session: Session, path: Path) -> Result:
    grader = Grader.of(session.release, session.evaluation.spec, limits)
    return grader.grade("s", path.read_bytes(), session.executor.pool)


def test_notebook_that_takes_too_long_in_all_is_stopped_and_told_so(
    ps01: Any, right_notebook: Callable[..., Any], hand_in: Callable[..., Any]
) -> None:
    notebook = right_notebook(PS)
    slow = {"cell_type": "code", "metadata": {}, "source": "import time; time.sleep(0.4)"}
    notebook["cells"] = [dict(slow) for _ in range(20)] + notebook["cells"]
    result = graded_within(TimeLimits(2, 2, 1.5), ps01, hand_in(notebook))
    assert (result.status, result.score) == (Status.TIMEOUT, 0)
    assert "the whole notebook took more than 1.5 seconds" in result.detail


def test_calls_of_an_exercise_that_are_slow_together_are_stopped_and_told_so(
    ps01: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Any]
) -> None:
    body = "import time\n    time.sleep(0.3)\n    return float(np.linalg.cond(H))"
    slow = f"def condition_number(H):\n    {body}"
    path = hand_in(right_notebook(PS, {"condition_number": slow}))
    limits = TimeLimits(cell=3, call=0.6, notebook=20)
    result = graded_within(limits, ps01, path)
    assert result.status is Status.TIMEOUT
    assert "all calls of this exercise together took too long" in result.detail
    assert FULL - 4 <= result.score < FULL


def test_mistake_of_the_graders_is_for_a_person(
    ps01: Session,
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Marking, "judge", broken)
    result = grade_notebook(right_notebook(PS))
    assert (result.status, result.score) == (Status.MANUAL, 0)
    assert "the grader itself failed on it (ZeroDivisionError: a bug)" in result.detail


def test_same_hand_in_and_seed_give_the_same_result(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook(PS, {"sgd_step": HEAD + "return theta + lr * grad"})
    results = [grade_notebook(notebook) for _ in range(3)]
    assert {r.exercises for r in results} == {results[0].exercises}
    assert results[0].exercises[2].checks[0].mistake is not None


# --- manual grades -------------------------------------------------------------------------------


@dataclass(frozen=True)
class ByHand:
    """What a person gave a student: a check, a written answer, extra credit, a comment."""

    klass: Klass
    student: str = "ada"

    def give(self) -> None:
        self.klass.grade_by_hand(self.student, "check-sgd_step", manual_score=1.5)
        self.klass.grade_by_hand(self.student, WRITTEN, manual_score=3, extra_credit=0.5)
        with self.klass.gradebook() as gradebook:
            comment = gradebook.find_comment("sgd_step", PS, PS, self.student)
            comment.manual_comment = "Well tried."
            gradebook.db.commit()

    def is_kept(self) -> bool:
        grades = self.klass.entered()[self.student]
        with self.klass.gradebook() as gradebook:
            comment = gradebook.find_comment("sgd_step", PS, PS, self.student).comment
        return (grades["check-sgd_step"][1], *grades[WRITTEN][1:3], comment) == (
            1.5,
            3,
            0.5,
            "Well tried.",
        )

    def is_flagged(self) -> bool:
        return bool(self.klass.entered()[self.student]["check-sgd_step"][3])


@pytest.fixture
def small(klass: Klass, course: CourseDirectory, tmp_path: Path) -> ByHand:
    """A class of two, graded, one of them also by a person."""
    shutil.copytree(course.root, tmp_path / "course")
    small = replace(klass, course=CourseDirectory.at(tmp_path / "course"), first={})
    for student in ("ada", "bob"):
        small.hand_in(student, with_answers(small.right(), {}, {"batch_size_and_rate": "Because."}))
    small.grade()
    by_hand = ByHand(small)
    by_hand.give()
    return by_hand


def test_manual_grades_survive_every_failing_hand_in(small: ByHand) -> None:
    failing = ("cut off", "gone", "hoarding call", "aborts", "unknown name", "cell deleted",
               "two answers", "stubs", "one stub", "endless answer cell", "right")  # fmt: skip
    for name in failing:
        small.klass.hand_in_cause(small.student, CAUSES[name])
        small.klass.grade()
        assert small.klass.results()[small.student]["status"] == str(CAUSES[name].status)
        assert small.is_kept(), name
        assert small.is_flagged(), name
    scores = {name: row["score"] for name, row in small.klass.csv().items()}
    assert scores == {"ada": f"{FULL - 4 + 1.5 + 3.5}", "bob": f"{FULL}.0"}


def test_manual_grades_survive_grading_again(small: ByHand) -> None:
    small.klass.grade()
    assert small.is_kept()
    assert not small.is_flagged()  # nothing has changed
    for options in ({"seed": None}, {"seed": 99}, {"workers": 1}):
        settings = replace(small.klass.settings, **options)
        replace(small.klass, settings=settings).grade(everything=True)
        assert small.is_kept(), options


def test_manual_grades_survive_a_folder_that_was_deleted(small: ByHand) -> None:
    path = small.klass.assignment.submitted(small.student)
    saved = path.read_bytes()
    shutil.rmtree(path.parent.parent)
    small.klass.grade()
    assert set(small.klass.results()) == {"bob"}
    assert small.is_kept()
    path.parent.mkdir(parents=True)
    path.write_bytes(saved)
    small.klass.grade()
    assert small.is_kept()
    assert set(small.klass.results()) == {"ada", "bob"}


@pytest.mark.slow
def test_manual_grades_survive_nbgraders_autograde(small: ByHand) -> None:
    programs = Path(sys.executable).parent
    for cause in ("right", "cut off"):
        small.klass.hand_in_cause(small.student, CAUSES[cause])
        subprocess.run(
            [programs / "nbgrader", "autograde", PS, "--force", "--GradeInSandbox.isolation=auto"],
            cwd=small.klass.course.root,
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            check=True,
            timeout=200,
        )
        assert small.is_kept(), cause
        assert small.is_flagged(), cause


def test_flag_stays_until_a_person_has_looked(small: ByHand) -> None:
    small.klass.hand_in_cause(small.student, CAUSES["wrong"])
    for _ in range(3):
        small.klass.grade()
        assert small.is_flagged()
    small.give()
    small.klass.grade()
    assert not small.is_flagged()
    assert small.is_kept()


def test_locked_gradebook_loses_no_grading(small: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.results.gradebook._PATIENCE", 0.2)
    small.klass.hand_in_cause("bob", CAUSES["wrong"])
    other = sqlite3.connect(small.klass.course.gradebook, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UserError, match="was locked by another program"):
        small.klass.grade()
    other.close()
    again = grade_class(small.klass.assignment, small.klass.settings)
    assert again.graded == 0  # it had been graded before the gradebook was needed
    assert small.klass.entered()["bob"]["score"] == FULL - 4
    assert small.is_kept()
