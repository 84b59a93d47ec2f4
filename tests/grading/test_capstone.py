"""The capstone in the sandbox: torch is there, drivers are the release's, training has its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.grading.grader import Grader
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Status

NAME = "capstone-optimizer"
CHEAT = "def run_CourseAdam(*case):\n    return 'whatever'\n"
QUICK_TRAINING = """def train_and_predict(X, y, X_val):
    import numpy as np
    distances = ((X_val[:, None].astype(float) - X[None]) ** 2).sum(axis=2)
    return y[np.argmin(distances, axis=1)]
"""

Notebook = dict[str, Any]


@pytest.fixture(scope="module")
def session(course: CourseDirectory, quick_settings: Settings) -> Iterator[Session]:
    """An open session of the capstone, with time to train on a busy machine."""
    patient = replace(quick_settings, time=TimeLimits(cell=10, call=10, notebook=90))
    with Session(course.assignment(NAME), patient) as opened:
        yield opened


@pytest.fixture
def grade(
    session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> Callable[..., Any]:
    """Grades the instructor's notebook with some answers replaced, and otherwise changed."""

    def result(
        answers: dict[str, str] | None = None, change: Callable[[Notebook], None] | None = None
    ) -> Any:
        notebook = right_notebook(NAME, {"train_and_predict": QUICK_TRAINING, **(answers or {})})
        if change is not None:
            change(notebook)
        return session.grade(Handin("student", hand_in(notebook))).result

    return result


def driver_of(notebook: Notebook) -> Notebook:
    (found,) = (cell for cell in notebook["cells"] if cell["id"] == "driver-CourseAdam")
    return found


def assert_full(result: Any) -> None:
    assert (result.status, result.score) == (Status.GRADED, result.max_score), result.detail


@pytest.mark.slow
def test_the_instructors_notebook_is_full(
    session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    assert_full(session.grade(Handin("student", hand_in(right_notebook(NAME)))).result)


def test_the_release_is_unanswered(
    session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    from autograder.grading.sample import released_notebook

    result = session.grade(Handin("student", hand_in(released_notebook(session.assignment)))).result
    assert (result.status, result.score) == (Status.NO_ANSWER, 0), result.detail


def test_a_driver_that_was_rewritten_does_not_count(grade: Callable[..., Any]) -> None:
    def rewrite(notebook: Notebook) -> None:
        driver_of(notebook)["source"] = CHEAT

    assert_full(grade(change=rewrite))


@pytest.mark.slow
def test_a_driver_that_was_deleted_is_put_back(grade: Callable[..., Any]) -> None:
    assert_full(grade(change=lambda notebook: notebook["cells"].remove(driver_of(notebook))))


@pytest.mark.slow
def test_a_driver_defined_in_another_cell_does_not_count(grade: Callable[..., Any]) -> None:
    def add(notebook: Notebook) -> None:
        at = notebook["cells"].index(driver_of(notebook)) + 1
        cell = {"cell_type": "code", "metadata": {}, "source": CHEAT, "id": "mine"}
        notebook["cells"].insert(at, cell | {"execution_count": None, "outputs": []})

    assert_full(grade(change=add))


def test_a_wrong_optimizer_still_has_the_points_for_training(grade: Callable[..., Any]) -> None:
    broken = "class CourseAdam(torch.optim.Optimizer):\n    pass\n"
    result = grade({"CourseAdam": broken})
    assert {e.name: e.score for e in result.exercises} == {"CourseAdam": 0, "train_and_predict": 5}


def test_a_class_that_does_not_compile_is_told(grade: Callable[..., Any]) -> None:
    result = grade({"CourseAdam": "class CourseAdam(:\n"})
    assert (result.status, result.score) == (Status.ERROR, 5)
    assert "is not valid Python: SyntaxError, line 1" in result.exercises[0].checks[0].message


def test_the_worker_has_torch_on_one_core_and_no_gpu(session: Session) -> None:
    with session.executor.pool.worker() as worker:
        for source in (
            "import sys\nloaded = 'torch' in sys.modules\nimport torch",
            "assert loaded and torch.get_num_threads() == 1 and not torch.cuda.is_available()",
            "w = torch.zeros(3, requires_grad=True)\n(w * w).sum().backward()",
            "import resource\nassert 0 < resource.getrlimit(resource.RLIMIT_AS)[0] < 64 << 30",
        ):
            worker.channel.send({"run": source})
            answer, _ = worker.channel.receive()
            assert answer["error"] is None


def test_training_that_does_not_end_is_stopped(
    session: Session, right_notebook: Callable[..., Any], hand_in: Callable[..., Path]
) -> None:
    loop = "def train_and_predict(X, y, X_val):\n    while True:\n        pass\n"
    spec = session.evaluation.spec
    adam, train = spec.exercises
    hasty = replace(train, checks=tuple(replace(check, seconds=2.0) for check in train.checks))
    impatient = Grader.of(
        session.release, replace(spec, exercises=(adam, hasty)), session.settings.time
    )
    data = hand_in(right_notebook(NAME, {"train_and_predict": loop})).read_bytes()
    result = impatient.grade("student", data, session.executor.pool)
    assert (result.status, result.score) == (Status.TIMEOUT, 8), result.detail
    assert "stopped after 2 seconds" in result.detail


def test_no_other_problem_set_loads_torch(ps01: Session) -> None:
    with ps01.executor.pool.worker() as worker:
        worker.channel.send({"run": "import sys\nassert 'torch' not in sys.modules"})
        answer, _ = worker.channel.receive()
        assert answer["error"] is None
