"""What the coordinator does for a hand-in, without the grading itself: its memory hardly grows with
the class, its time grows in step, and any write may be the last one for a while."""

from __future__ import annotations

import errno
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.grading import batch
from autograder.grading.batch import grade_class
from autograder.grading.executor import Graded
from autograder.grading.handin import Handin
from autograder.grading.settings import Settings
from autograder.release.build import release
from autograder.results.adjustments import UNADJUSTED
from autograder.results.result import ExerciseResult, Result, Run, Status
from autograder.selfcheck.judge import CheckResult

PS = "ps01-sgd"
EXERCISES = ("softmax_cross_entropy", "minibatch_gradient", "sgd_step", "clip_by_norm")


class StandIn:
    """A session that does not run hand-ins: what they score is a matter of their first byte."""

    executor = SimpleNamespace(is_here=True, weaker_because={})
    adjustments = UNADJUSTED

    def __init__(self, assignment: Assignment, settings: Settings, _opening: object) -> None:
        self.seed = settings.seed or 0
        run = Run(assignment.problem_set, "A title", self.seed, "cpu", "full", {"numpy": "2"})
        self.job = SimpleNamespace(run=run)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def grade_all(self, handins: Iterable[Handin]) -> Iterator[Graded]:
        for handin in handins:
            text = f"{handin.student} {self.seed} "
            made = result(handin.student, handin.path.read_bytes()[0], handin.fingerprint)
            yield Graded(made, text * 1000, text * 500)


def result(student: str, number: int, fingerprint: str) -> Result:
    exercises = []
    for name in EXERCISES:
        passed = [(number + each) % 3 > 0 for each in range(4)]
        checks = [
            CheckResult(f"check {i}", p, 1, "" if p else f"{number} is not what is expected " * 8)
            for i, p in enumerate(passed)
        ]
        exercises.append(ExerciseResult(name, sum(passed), 4, tuple(checks)))
    score = sum(exercise.score for exercise in exercises)
    status = Status.GRADED if number % 5 else Status.DAMAGED
    return Result(
        student, status, "", score, 16, 0.01, fingerprint=fingerprint, exercises=tuple(exercises)
    )


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("released")
    release(CourseDirectory.at(root).assignment(PS))
    return root


def class_of(count: int, released: Path, root: Path) -> CourseDirectory:
    course = CourseDirectory.at(root)
    shutil.copytree(released, root)
    for number in range(count):
        path = course.assignment(PS).submitted(f"student{number:05}")
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes([number % 256]) * 100)
    return course


def outcome(course: CourseDirectory) -> dict[str, bytes]:
    """Everything that is written but for the gradebook, whose ids differ."""
    return {
        str(path.relative_to(course.root)): path.read_bytes()
        for folder in ("autograded", "feedback", "reports")
        for path in (course.root / folder).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def here(task: str, *arguments: object) -> dict[str, Any]:
    """What a task of this file prints, done in a process of its own."""
    command = [sys.executable, __file__, task, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "growth"), [(2000, 20), pytest.param(10_000, 50, marks=pytest.mark.long)]
)
def test_memory_hardly_grows_with_the_class_and_time_in_step(
    count: int, growth: float, released: Path, tmp_path: Path
) -> None:
    small, large = (
        here("measure", class_of(number, released, tmp_path / str(number)).root)
        for number in (200, count)
    )
    assert large["megabytes"] - small["megabytes"] < growth
    # the small class bears the start of the gradebook; other work on the machine costs time, too
    assert large["cpu_seconds"] / count < 1.2 * small["cpu_seconds"] / 200
    assert large["cpu_seconds"] / count < 0.005


def measure(root: str) -> dict[str, float]:
    started = time.process_time()
    grade_class(CourseDirectory.at(Path(root)).assignment(PS), Settings(seed=8))
    return {
        "cpu_seconds": time.process_time() - started,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "full"])
def test_any_write_may_be_the_last_one(how: str, released: Path, tmp_path: Path) -> None:
    course = class_of(5, released, tmp_path / "before")
    assert here("end_at_every_write", how, course.root, tmp_path / "copy")["writes"] > 25


def end_at_every_write(how: str, before: str, copy: str) -> dict[str, int]:
    """Have a grading end at its first write, another one at its second, and so on; then resume.

    The class was graded before with another seed, so that old files stand where the new ones go.
    """
    course = CourseDirectory.at(Path(before))
    grade_class(course.assignment(PS), Settings(seed=7))
    undisturbed = CourseDirectory.at(Path(copy))
    shutil.copytree(course.root, undisturbed.root)
    grade_class(undisturbed.assignment(PS), Settings(seed=8))
    expected = outcome(undisturbed)
    for number in itertools.count(1):
        shutil.rmtree(undisturbed.root)
        shutil.copytree(course.root, undisturbed.root)
        ended = killed_at(number, undisturbed) if how == "killed" else full_at(number, undisturbed)
        if not ended:
            return {"writes": number - 1}
        grade_class(undisturbed.assignment(PS), Settings(seed=8))
        found = outcome(undisturbed)
        assert found == expected, (number, [n for n in found if found[n] != expected.get(n)])
    raise AssertionError


def killed_at(number: int, course: CourseDirectory) -> bool:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            on_write(number, lambda: os._exit(9))
            grade_class(course.assignment(PS), Settings(seed=8))
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


def full_at(number: int, course: CourseDirectory) -> bool:
    def refuse() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    undo = on_write(number, refuse)
    try:
        grade_class(course.assignment(PS), Settings(seed=8))
    except UserError as error:
        assert "no space left on device; free some space" in str(error)
        return True
    finally:
        undo()
    return False


def on_write(number: int, act: Callable[[], None]) -> Callable[[], None]:
    """Act instead of the write (or the move of a file) with this number, and of each later one."""
    kept = os.write, os.fchmod, os.replace
    numbers = itertools.count(1)

    def instead(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(numbers) >= number:
                act()
            return function(*arguments, **options)

        return call

    os.write, os.fchmod, os.replace = map(instead, kept)

    def undo() -> None:
        os.write, os.fchmod, os.replace = kept

    return undo


if __name__ == "__main__":
    batch.Session = StandIn  # type: ignore[assignment]
    batch.of_grading = lambda name: "as it is"
    tasks = {"measure": measure, "end_at_every_write": end_at_every_write}
    print(json.dumps(tasks[sys.argv[1]](*sys.argv[2:])))
