"""No hand-in, however hostile, gains points, harms another one, or leaves anything behind.

All attacks are graded once, in parallel, with a right hand-in after each few; the tests look at
what came out.
"""

from __future__ import annotations

import json
import runpy
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from autograder.grading.results import Status, Submission
from autograder.grading.session import Session
from autograder.paths import ROOT, CourseDirectory

_TABLE = runpy.run_path(str(Path(__file__).with_name("attacks.py")), run_name="attacks")
ATTACKS, MARKER, ARGUMENT = _TABLE["ATTACKS"], _TABLE["MARKER"], _TABLE["ARGUMENT"]

ATTACKED = "sgd_step"
WRONG = "def sgd_step(theta, grad, lr):\n{body}    return theta + 1\n"
_INTACT = "intact"
NEEDS_BUBBLEWRAP = (  # other levels say that files of the machine can be read
    "reads the sources",
    "searches the whole disk",
    "reads the environment and its arguments",
)
_RIGHT_EVERY = 6  # attacks between two right hand-ins


def hostile_notebook(notebook: dict[str, Any], attack: Any, course: CourseDirectory) -> Any:
    """The hand-in of an attack, given one that is right but for the wrong ``sgd_step``."""
    code = attack.code.replace("{ROOT}", str(ROOT)).replace("{COURSE}", str(course.root))
    code = code.replace("{HOME}", str(Path.home()))
    cells = notebook["cells"]
    answer = next(c for c in cells if _grade_id(c) == ATTACKED)
    answer["source"] = "import numpy as np\n\n" + WRONG.format(body="")
    extra = {"cell_type": "code", "metadata": {}, "source": code, "outputs": []}
    if attack.where == "call":
        body = textwrap.indent(code, "    ") + "\n"
        answer["source"] = "import numpy as np\n\n" + WRONG.format(body=body)
    elif attack.where == "cell":
        answer["source"] += "\n" + code
    else:
        cells.insert(0 if attack.where == "top" else len(cells), extra)
    return notebook


def _grade_id(cell: dict[str, Any]) -> str | None:
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


@dataclass(frozen=True)
class Aftermath:
    """What came out of grading all attacks: results by name, and what the machine looked like."""

    attacked: dict[str, Submission]
    right: list[Submission]
    processes: tuple[set[int], set[int]]  # below the grader, before and after
    files: tuple[set[Path], set[Path]]  # in the course directory
    seconds: float


def _processes() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def _files(course: CourseDirectory) -> set[Path]:
    return set(course.root.rglob("*"))


@pytest.fixture(scope="module")
def aftermath(
    ps01: Session,
    course: CourseDirectory,
    right_notebook: Callable[..., Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Aftermath:
    folder = tmp_path_factory.mktemp("hostile")
    right = folder / "right.ipynb"
    right.write_text(json.dumps(right_notebook("ps01-sgd")))
    handins = []
    for number, attack in enumerate(ATTACKS):
        path = folder / f"{number}.ipynb"
        notebook = hostile_notebook(right_notebook("ps01-sgd"), attack, course)
        path.write_text(json.dumps(notebook))
        handins.append((attack.name, path, ""))
        if number % _RIGHT_EVERY == 0:
            handins.append((f"{_INTACT} {number}", right, ""))
    handins.append((f"{_INTACT} at last", right, ""))
    assert ps01.grade("warm", right).score == ps01.evaluation.spec.max_score
    before, files = _processes(), _files(course)
    started = time.monotonic()
    results = list(ps01.grade_all(handins))
    seconds = time.monotonic() - started
    deadline = time.monotonic() + 5
    while _processes() - before and time.monotonic() < deadline:
        time.sleep(0.05)
    return Aftermath(
        {r.student: r for r in results if not r.student.startswith(_INTACT)},
        [r for r in results if r.student.startswith(_INTACT)],
        (before, _processes()),
        (files, _files(course)),
        seconds,
    )


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.name for attack in ATTACKS])
def test_attack_earns_nothing_and_ends_in_one_status(
    aftermath: Aftermath, attack: Any, ps01: Session
) -> None:
    if attack.name in NEEDS_BUBBLEWRAP and not ps01.pool.level.bubblewrap:
        pytest.skip(f"isolation {ps01.pool.level.name}: {ps01.pool.level.meaning}")
    result = aftermath.attacked[attack.name]
    points = {exercise.name: exercise.score for exercise in result.exercises}
    assert points[ATTACKED] == 0
    assert result.score == sum(points.values()) <= result.max_score - 4
    assert result.status in attack.ends, result.detail
    if attack.keeps:
        assert result.score == result.max_score - 4, points
    if result.status is not Status.GRADED:
        assert result.detail.strip()
        assert len(result.detail) < 1000


def test_right_handins_between_the_attacks_are_full(aftermath: Aftermath) -> None:
    assert len(aftermath.right) > len(ATTACKS) // _RIGHT_EVERY
    for result in aftermath.right:
        assert (result.score, result.status) == (result.max_score, Status.GRADED), result.student


def test_every_attack_has_its_own_name_and_result(aftermath: Aftermath) -> None:
    assert len(aftermath.attacked) == len(ATTACKS) >= 60


def test_nothing_survives(aftermath: Aftermath) -> None:
    before, after = aftermath.processes
    assert after - before == set()
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert not any(ARGUMENT in command for command in commands)


def test_no_file_is_left(aftermath: Aftermath, ps01: Session) -> None:
    before, after = aftermath.files
    assert after == before
    if ps01.pool.level.namespaces or ps01.pool.level.bubblewrap:
        left = [
            path
            for folder in ("/tmp", "/dev/shm", "/var/tmp", ".")
            for path in Path(folder).glob(f"*{MARKER}*")
        ]
        assert left == []


def test_no_attack_holds_up_the_batch(aftermath: Aftermath, ps01: Session) -> None:
    limit = ps01.settings.time.notebook + 15  # and the time to notice
    slow = {name: r.seconds for name, r in aftermath.attacked.items() if r.seconds > limit}
    assert not slow
    assert aftermath.seconds < 180


def test_result_of_an_attack_is_plain_text_of_bounded_size(aftermath: Aftermath) -> None:
    for result in aftermath.attacked.values():
        text = json.dumps(result.to_json())
        assert len(text) < 100_000
        shown = sum(len(cell.output.text) for cell in result.cells)
        assert shown < 200_000
        for cell in result.cells:
            assert len(cell.output.pictures) <= 8
