"""What counts is what Restart & Run All does where a check stands, whatever later cells change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.bench.attacks import without_calls_of
from autograder.results.result import Result, Status

Grade = Callable[[Any], Result]
Right = Callable[..., dict[str, Any]]
PS = "ps01-sgd"
SGD = "sgd_step"
OTHER = "clip_by_norm"
USES = {
    "a helper": ("def helper(a): return a\n", "helper(lr)", "def helper(a): return -a"),
    "a constant": ("eps = 0.0\n", "(lr + eps)", "eps = 0.1"),
    "an alias": ("import numpy as xx\n", "xx.multiply(lr, 1)", "xx = 3"),
    "a name of Python's": ("", "max(lr, lr)", "max = min = None"),
    "a helper of a helper": (
        "def one(a): return a\ndef two(a): return one(a)\n",
        "two(lr)",
        "def one(a): return 2 * a",
    ),
    "a table": ("table = {'f': [1.0]}\n", "table['f'][0] * lr", "table['f'][0] = 2.0"),
    "an array": ("one = np.ones(1)\n", "one[0] * lr", "one += 1"),
    "a list": ("extra = []\n", "(lr + len(extra))", "extra.append(1)"),
    "a class": ("class Config:\n    factor = 1\n", "Config.factor * lr", "Config.factor = 2"),
    "an object": (
        "class Config:\n    def __init__(self): self.factor = 1\nconfig = Config()\n",
        "config.factor * lr",
        "config.factor = 2",
    ),
    "a deleted name": ("one = 1\n", "one * lr", "del one"),
    "a name in a text": ("one = 1\n", "eval('one') * lr", "one = 2"),
    "a function's own code": (
        "def helper(a): return a\n",
        "helper(lr)",
        "helper.__code__ = (lambda a: 2 * a).__code__",
    ),
    "a default": (
        "def helper(a, f=[1]): return a * f[0]\n",
        "helper(lr)",
        "helper.__defaults__[0][0] = 2",
    ),
    "a closure": (
        "def made(f):\n    def helper(a): return a * f[0]\n    return helper\n"
        "f = [1]\nhelper = made(f)\n",
        "helper(lr)",
        "f[0] = 2",
    ),
    "a wrapped function": (
        "import functools\none = 1\n@functools.lru_cache\ndef helper(a): return one * a\n",
        "helper(lr)",
        "one = 2; helper.cache_clear()",
    ),
}


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


def with_last(notebook: dict[str, Any], source: str) -> dict[str, Any]:
    notebook["cells"].append(code(source))
    return notebook


def answer(before: str, rate: str) -> dict[str, str]:
    body = f"def {SGD}(theta, grad, lr):\n    return theta - {rate} * grad\n"
    return {SGD: f"import numpy as np\n{before}{body}"}


def lost(result: Result) -> set[str]:
    return {exercise.name for exercise in result.exercises if exercise.score < exercise.max_score}


@pytest.mark.parametrize("what", USES)
def test_what_a_later_cell_changes_costs_nothing(
    grade_notebook: Grade, right_notebook: Right, what: str
) -> None:
    before, rate, later = USES[what]
    result = grade_notebook(with_last(right_notebook(PS, answer(before, rate)), later))
    assert lost(result) == set()
    assert result.status is Status.GRADED, result.detail


def test_two_answers_with_a_helper_of_the_same_name(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    first = answer("def helper(a): return a\n", "helper(lr)")
    second = {
        OTHER: "def helper(g): return np.linalg.norm(g)\n"
        f"def {OTHER}(g, c):\n    n = helper(g)\n    return g if n <= c else g * (c / n)\n"
    }
    result = grade_notebook(right_notebook(PS, {**first, **second}))
    assert lost(result) == set()


def test_what_is_right_only_later_is_wrong_at_its_check(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    notebook = right_notebook(PS, answer("def helper(a): return -a\n", "helper(lr)"))
    result = grade_notebook(with_last(notebook, "def helper(a): return a"))
    assert lost(result) == {SGD}


def test_what_is_there_only_later_can_be_meant_in_one_way(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    notebook = right_notebook(PS, answer("", "helper(lr)"))
    result = grade_notebook(with_last(notebook, "def helper(a): return a"))
    assert lost(result) == set()


def test_other_answers_lose_nothing_if_calls_at_the_check_end_the_process(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    before = "import os\ndef helper(a):\n    os._exit(3)\n"
    notebook = right_notebook(PS, answer(before, "helper(lr)"))
    result = grade_notebook(with_last(notebook, "def helper(a): return a"))
    assert lost(result) == {SGD}
    assert result.status is Status.CRASHED


def test_cells_are_shown_as_they_were_the_first_time(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    before = "held = []\ndef helper(a):\n    held.append(a)\n    return a\n"
    notebook = without_calls_of(SGD, right_notebook(PS, answer(before, "helper(lr)")))
    notebook["cells"].append(code("def helper(a): return 5"))
    notebook["cells"].append(code("print('held', len(held))"))
    result = grade_notebook(notebook)
    assert lost(result) == set()
    assert "held 0\n" in [cell.output.text for cell in result.cells]


@pytest.mark.parametrize("how", ["raise", "warn"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_numpy_that_raises_what_it_warns_of_costs_nothing(
    grade_notebook: Grade, right_notebook: Right, how: str, place: str
) -> None:
    source = "import numpy as np, warnings\n"
    source += f"np.seterr(all='{how}')\nwarnings.simplefilter('error')"
    notebook = right_notebook(PS)
    notebook["cells"].insert(0 if place == "first" else len(notebook["cells"]), code(source))
    result = grade_notebook(notebook)
    assert lost(result) == set()


def test_worker_that_says_all_was_changed_earns_nothing(
    grade_notebook: Grade, right_notebook: Right
) -> None:
    liar = "from autograder.sandbox import uses\nuses.Uses.changed = lambda self: True\n"
    wrong = {SGD: f"{liar}def {SGD}(theta, grad, lr):\n    return theta + 1\n"}
    result = grade_notebook(right_notebook(PS, wrong))
    assert lost(result) == {SGD}
    assert result.status is Status.GRADED, result.detail
