"""No hand-in, however hostile, gains points, harms another one, or leaves anything behind.

The corpus is graded once as a class, with a right hand-in after each attack; the tests look at what
came out: results, gradebook, feedback, and the machine. Where slow tests are left out, the class is
a small one, with ``SOME`` attacks: of each kind and way in, and those that a test asks for by name.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from autograder.attacks import ARGUMENT, ATTACKED, ATTACKS, MARKER, PROBLEM_SET, Attack
from autograder.attacks.notebooks import EASY_QUESTION
from autograder.bench.attacks import (
    ATTACK_TIME,
    HostileClass,
    endings_here,
    grade_hostile_class,
    right_notebook,
)
from autograder.bench.stock import gradebook_scores
from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.sample import released_notebook
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.results.result import Status

POINTS = 4  # of the exercise that is wrong
NEEDS_BUBBLEWRAP = (  # other levels say that files of the machine can be read
    "reads the sources",
    "searches the whole disk",
    "reads the environment and its arguments",
)
MAX_PAGE = 20 << 20  # bytes of a feedback page or an autograded notebook
TELLING = "tells a held-out input"  # how their names begin
EASIER = ("asks easier questions", "asks easier questions in cells of its own")


def _some() -> list[Attack]:
    seen: set[object] = set()
    chosen = []
    for attack in ATTACKS:
        new = {attack.kind, ("where", attack.where), ("regraded", attack.regraded)} - seen
        if new or attack.name.startswith(TELLING) or attack.name in EASIER:
            chosen.append(attack)
        seen |= new
    return chosen


SOME = _some()


@dataclass(frozen=True)
class Aftermath:
    """What came out of grading all attacks."""

    hostile: HostileClass
    results: dict[str, dict[str, Any]]  # by student, as in results.json
    isolation: str


def processes() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.fixture(scope="module")
def aftermath(
    course: CourseDirectory,
    quick_settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    whole: bool,
) -> Aftermath:
    root = tmp_path_factory.mktemp("hostile") / "course"
    shutil.copytree(course.root, root)
    hostile = HostileClass.of(ATTACKS if whole else SOME, CourseDirectory.at(root))
    grade_hostile_class(hostile, replace(quick_settings, time=ATTACK_TIME, workers=4))
    text = hostile.assignment.results.read_text(encoding="utf-8")
    tree = json.loads(text)
    results = {entry["student"]: entry for entry in tree["submissions"]}
    return Aftermath(hostile, results, tree["isolation"])


@pytest.fixture(scope="module")
def students(aftermath: Aftermath) -> dict[str, str]:
    """The student who hands in an attack, by its name."""
    return {attack.name: student for student, attack in aftermath.hostile.attackers.items()}


def test_every_attack_has_its_own_name_and_result(aftermath: Aftermath, whole: bool) -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60
    assert len(aftermath.hostile.attackers) == len(ATTACKS if whole else SOME)
    assert {attack.kind for attack in SOME} == {attack.kind for attack in ATTACKS}
    assert set(aftermath.results) == {
        *aftermath.hostile.attackers,
        *aftermath.hostile.followers.values(),
    }


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, marks=[] if attack in SOME else pytest.mark.slow, id=attack.name)
        for attack in ATTACKS
    ],
)
def test_attack_earns_nothing_and_ends_in_one_status(
    aftermath: Aftermath, students: dict[str, str], attack: Attack
) -> None:
    if attack.name in NEEDS_BUBBLEWRAP and aftermath.isolation in ("namespaces", "limits"):
        pytest.skip(f"isolation {aftermath.isolation} lets files of the machine be read")
    result = aftermath.results[students[attack.name]]
    points = {exercise["name"]: exercise["score"] for exercise in result["exercises"]}
    status, detail = Status(result["status"]), result["detail"]
    assert points[ATTACKED] == 0
    assert result["score"] == sum(points.values()) <= result["max_score"] - POINTS
    assert status in attack.ends, detail
    if attack.keeps:
        assert result["score"] == result["max_score"] - POINTS, points
    if status is not Status.GRADED:
        assert detail.strip()
        assert len(detail) < 1000
    assert_readable(detail)
    for exercise in result["exercises"]:
        for check in exercise["checks"]:
            assert_readable(check["message"])
            assert check["passed"] or check["message"].strip()


def assert_readable(text: str) -> None:
    """No order to a terminal, nothing that turns text round, no half characters."""
    assert all(char.isprintable() or char == "\n" for char in text), ascii(text)


def test_right_handins_after_the_attacks_are_full(aftermath: Aftermath) -> None:
    endings = endings_here(aftermath.hostile)
    assert len(endings) == len(aftermath.hostile.attackers)
    harmed = [aftermath.hostile.attackers[s].name for s, e in endings.items() if not e.unharmed]
    assert harmed == []


def test_gradebook_holds_what_was_earned_and_nothing_else(aftermath: Aftermath) -> None:
    from nbgrader.api import Gradebook

    course = aftermath.hostile.assignment.directory
    with Gradebook(course.database_url) as gradebook:
        assert {student.id for student in gradebook.students} == set(aftermath.results)
        notebook = gradebook.find_notebook(PROBLEM_SET, PROBLEM_SET)
        most = {cell.name: cell.max_score for cell in notebook.grade_cells}
        rows = {row.student_id: row.score for row in gradebook.assignment_submissions(PROBLEM_SET)}
    assert rows == {student: result["score"] for student, result in aftermath.results.items()}
    for student, result in aftermath.results.items():
        entered = gradebook_scores(course.gradebook, student)
        written = {name: 0.0 for name in entered if name.startswith("written-")}
        checked = {f"check-{e['name']}": e["score"] for e in result["exercises"]}
        assert entered == {**written, **checked}, student
        assert {f"check-{e['name']}": e["max_score"] for e in result["exercises"]} == {
            name: points for name, points in most.items() if name not in written
        }


def test_feedback_and_notebook_of_every_handin_are_there_and_bounded(aftermath: Aftermath) -> None:
    course = aftermath.hostile.assignment.directory
    for student in aftermath.results:
        for path in (
            course.assignment(PROBLEM_SET).feedback(student),
            course.assignment(PROBLEM_SET).autograded(student),
        ):
            assert 0 < path.stat().st_size < MAX_PAGE, path
        page = course.assignment(PROBLEM_SET).feedback(student).read_text(encoding="utf-8")
        assert "<script" not in page
        json.loads(course.assignment(PROBLEM_SET).autograded(student).read_bytes())


def test_no_digit_of_a_held_out_input_is_told(
    aftermath: Aftermath, students: dict[str, str], ps01: Session
) -> None:
    spec = next(e for e in ps01.evaluation.spec.exercises if e.name == ATTACKED)
    cases = [case.case for check in spec.checks for case in check.cases if not case.case.public]
    first = [abs(float(np.ravel(case.arguments["theta"])[0])) for case in cases]
    secrets = [re.sub(r"\D", "", f"{value:.12f}").strip("0") for value in first]
    secrets = [secret for secret in secrets if len(secret) >= 9]
    assert len(secrets) > 3
    telling = [attack for attack in ATTACKS if attack.name.startswith(TELLING)]
    assert telling
    for attack in telling:
        result = aftermath.results[students[attack.name]]
        told = [result["detail"], *result["notes"]]
        told += [c["message"] for e in result["exercises"] for c in e["checks"]]
        digits = [re.sub(r"\D", "", text) for text in told]
        for secret in secrets:
            for at in range(4):
                assert not any(secret[at : at + 5] in text for text in digits), (attack.name, told)


@pytest.mark.parametrize("how", EASIER)
def test_questions_stand_as_they_were_asked(
    aftermath: Aftermath, students: dict[str, str], how: str
) -> None:
    assignment = aftermath.hostile.assignment
    asked = [
        cell["source"]
        for cell in released_notebook(assignment)["cells"]
        if cell["cell_type"] == "markdown" and cell["metadata"]["nbgrader"]["locked"]
    ]
    assert len(asked) > 3
    notebook = json.loads(assignment.autograded(students[how]).read_bytes())
    shown = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    assert [text for text in shown if text in asked] == asked
    for at, text in enumerate(shown):
        if text == EASY_QUESTION:  # as a text of the student's own: the answer is not below it
            assert next(below for below in shown[at:] if below != EASY_QUESTION) in asked


def test_how_a_held_out_call_ended_its_process_is_not_told(
    aftermath: Aftermath, students: dict[str, str]
) -> None:
    for how in ("an exit status", "a signal"):
        result = aftermath.results[students[f"{TELLING} by {how}"]]
        if result["status"] == "crashed":  # some signals a process cannot send itself there
            assert result["detail"] == "the notebook's process ended in a held-out call"
        assert not re.search(r"(status|signal) \d", json.dumps(result))
    ended = aftermath.results[students[f"{TELLING} by an exit status"]]
    assert ended["status"] == "crashed"


def test_nothing_is_left(aftermath: Aftermath) -> None:
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not any(ARGUMENT in argument for command in commands for argument in command)
    if aftermath.isolation != "limits":
        left = [
            path
            for folder in ("/tmp", "/dev/shm", "/var/tmp", ".")
            for path in Path(folder).glob(f"*{MARKER}*")
        ]
        assert left == []
    course = aftermath.hostile.assignment.directory
    ours = {"autograded", "feedback", "reports", "source", "release", "evaluated", "gradebook.db"}
    found = {path.name for path in course.root.iterdir()}
    assert found <= {*ours, "submitted", "nbgrader_config.py", ".course"}
    students = set(aftermath.results)
    handed_in = students | {f".{student}-other" for student in students}  # what a link leads to
    for folder, allowed in (
        ("submitted", handed_in),
        ("autograded", students),
        ("feedback", students),
    ):
        assert students <= {path.name for path in (course.root / folder).iterdir()} <= allowed
    assert not [path for path in course.root.rglob("*") if MARKER in path.name]


def test_no_attack_holds_up_the_batch(aftermath: Aftermath) -> None:
    # three runs, where later cells changed what an answer uses, each of ten times its limit at most
    limit = 30 * ATTACK_TIME.notebook
    slow = {name: r["seconds"] for name, r in aftermath.results.items() if r["seconds"] > limit}
    assert not slow


def test_processes_of_a_worker_end_with_it(
    ps01: Session, tmp_path: Path, course: CourseDirectory, whole: bool
) -> None:
    """Not only with the sandbox: the next hand-in must not share the machine with them."""
    assignment = course.assignment(PROBLEM_SET)
    right = json.dumps(right_notebook(assignment.material, released_notebook(assignment)))
    chosen = [attack for attack in ATTACKS if attack.kind == "processes and threads"]
    chosen = chosen if whole else chosen[:4]
    handins = []
    for number, attack in enumerate(chosen):
        path = tmp_path / str(number) / "x.ipynb"
        attack.hand_in(json.loads(right), path, course.root)
        handins.append(Handin(attack.name, path))
    (tmp_path / "right.ipynb").write_text(right)
    full = ps01.evaluation.spec.max_score
    assert ps01.grade(Handin("warm", tmp_path / "right.ipynb")).result.score == full
    before = processes()
    results = list(ps01.grade_all(handins))
    assert len(results) == len(chosen)
    deadline = time.monotonic() + 60  # they end at once, however long the machine takes for it
    while (left := processes() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == set()
    assert ps01.grade(Handin("after", tmp_path / "right.ipynb")).result.score == full


def test_kinds_are_of_a_size_to_read() -> None:
    kinds = Counter(attack.kind for attack in ATTACKS)
    assert 10 <= len(kinds) <= 15
    assert min(kinds.values()) >= 5


def test_folders_whose_names_give_orders_are_no_students_and_are_told(tmp_path: Path) -> None:
    course = CourseDirectory.at(tmp_path)
    for name in (b"ada", b"a\nb", b"\x1b[2J", b"\xff\xfe", "\u202eada".encode(), b"\t", b".git"):
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/submitted/" + name))
        (folder / PROBLEM_SET).mkdir(parents=True)
    assert course.assignment(PROBLEM_SET).students() == ["ada"]
    told = course.assignment(PROBLEM_SET).skipped()
    assert len(told) == 5  # hidden folders are nobody's
    assert all(name.isprintable() for name in told)
