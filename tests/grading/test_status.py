"""Each cause has its status, and one bad exercise costs only its own points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.grading.results import Status

HEAD = "def sgd_step(theta, grad, lr):\n    "
CAUSES = {
    "graded": ("return theta - lr * grad", Status.GRADED),
    "wrong": ("return theta + 1", Status.GRADED),
    "not answered": ("raise NotImplementedError('sgd_step')", Status.PARTIAL),
    "error": ("return theta - rate * grad", Status.ERROR),
    "timeout": ("while True: pass", Status.TIMEOUT),
    "out of memory": ("return bytearray(2**40)", Status.OUT_OF_MEMORY),
    "crashed": ("import os; os.abort()", Status.CRASHED),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_cause_has_its_status_and_costs_only_its_points(
    cause: str, grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    body, status = CAUSES[cause]
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": HEAD + body}))
    assert result.status is status, result.detail
    lost = 0 if cause == "graded" else 4
    assert result.score == result.max_score - lost
    assert bool(result.detail) == (status is not Status.GRADED)


def test_detail_names_the_error_and_where(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": HEAD + "return rate"}))
    assert "raised NameError: name 'rate' is not defined" in result.detail
    assert "case “" in result.detail
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": "def sgd_step(:\n"}))
    assert "SyntaxError" in result.detail


def test_nothing_answered(
    grade_notebook: Callable[..., Any], course: Any, right_answers: Callable[..., Any]
) -> None:
    from autograder.grading.sample import released_notebook, with_answers

    released = released_notebook("ps01-sgd", course)
    result = grade_notebook(released)
    assert (result.status, result.score) == (Status.NO_ANSWER, 0)
    written = with_answers(released, {}, {"batch_size_and_rate": "An answer."})
    assert grade_notebook(written).written_answered == {"written-batch_size_and_rate"}
    one = {"sgd_step": right_answers("ps01-sgd")["sgd_step"]}
    result = grade_notebook(with_answers(released, one))
    assert (result.status, result.score) == (Status.PARTIAL, 4)
    assert "condition_number" in result.detail
    assert "sgd_step" not in result.detail


def test_five_bad_exercises_leave_the_sixth_its_points(
    grade_notebook: Callable[..., Any], right_answers: Callable[..., Any], course: Any
) -> None:
    from autograder.grading.sample import released_notebook, with_answers

    answers = right_answers("ps01-sgd")
    for name in list(answers)[:5]:
        head = answers[name].split('"""')[0].rstrip()
        answers[name] = f"{head}\n    import os; os._exit(1)\n"
    result = grade_notebook(with_answers(released_notebook("ps01-sgd", course), answers))
    assert [e.score for e in result.exercises] == [0, 0, 0, 0, 0, 4]
    assert result.status is Status.CRASHED


def test_points_earned_before_a_loop_are_kept(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    body = "if np.ndim(theta) != 1:\n        while True: pass\n    return theta - lr * grad"
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": HEAD + body}))
    assert result.status is Status.TIMEOUT
    assert result.max_score - 4 < result.score < result.max_score


def test_notebook_that_takes_too_long_in_all_is_stopped_and_told_so(
    ps01: Any, right_notebook: Callable[..., Any], hand_in: Callable[..., Any]
) -> None:
    from autograder.grading.grader import TimeLimits, grade_file

    notebook = right_notebook("ps01-sgd")
    slow = {"cell_type": "code", "metadata": {}, "source": "import time; time.sleep(0.4)"}
    notebook["cells"] = [dict(slow) for _ in range(20)] + notebook["cells"]
    result = grade_file(
        "s", hand_in(notebook), ps01.release, ps01.marking, ps01.pool, TimeLimits(2, 2, 1.5)
    )
    assert (result.status, result.score) == (Status.TIMEOUT, 0)
    assert "the whole notebook took more than 1.5 seconds" in result.detail
    assert result.seconds < 4


def test_worst_of_several_incidents_is_the_status(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    answers = {
        "sgd_step": HEAD + "while True: pass",
        "condition_number": "def condition_number(H):\n    raise ValueError\n",
    }
    assert grade_notebook(right_notebook("ps01-sgd", answers)).status is Status.TIMEOUT


def test_error_that_costs_no_point_is_no_status(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "source": "1 / 0"})
    result = grade_notebook(notebook)
    assert (result.status, result.score) == (Status.GRADED, result.max_score)


def test_same_hand_in_and_seed_give_the_same_result(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook("ps01-sgd", {"sgd_step": HEAD + "return theta + lr * grad"})
    results = [grade_notebook(notebook) for _ in range(3)]
    assert {r.exercises for r in results} == {results[0].exercises}
    assert results[0].exercises[2].checks[0].mistake is not None
