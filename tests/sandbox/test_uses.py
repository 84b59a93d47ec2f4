"""What a function uses is found wherever it is kept; nothing that it does not use counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.sandbox.uses import Uses

UNUSED = "other = 1\nshared = {}\nimport math\nstate = np.random.default_rng(0)\n"


def changed(before: str, later: str) -> bool:
    names: dict[str, Any] = {"__name__": "__main__", "np": np}
    exec(before, names)
    uses = Uses(names["answer"], names)
    exec(later, names)
    return uses.changed()


@pytest.mark.parametrize(
    "later",
    [
        "other = 2; shared['x'] = 1",
        "import numpy as np",
        "eps = 1e-8",
        "values = [1, 2.0, 'x']",
        "array = np.zeros(3)",
        "answer = None",
    ],
)
def test_same_values_and_what_is_not_used_are_no_change(later: str) -> None:
    used = "eps = 1e-8\nvalues = [1, 2.0, 'x']\narray = np.zeros(3)\n"
    assert not changed(
        f"{UNUSED}{used}def answer(x): return np.sum(x + eps, *values, array)", later
    )


@pytest.mark.parametrize("later", ["values += values", "values[0].add(3)", "values[1][2] = 0"])
def test_contents_count(later: str) -> None:
    before = "values = [{1, 2}, {1: 2}]\ndef answer(x): return values"
    assert changed(before, later)


def test_what_holds_itself_ends() -> None:
    before = "values = []\nvalues.append(values)\ndef answer(x): return answer(values)"
    assert not changed(before, "")
    assert changed(before, "values.append(1)")


def test_deep_and_large_values_end() -> None:
    before = "values = []\nfor _ in range(100_000): values = [values]\ndef answer(x): return values"
    assert not changed(before, "")


def test_an_object_that_breaks_when_looked_at_is_no_change() -> None:
    before = "class Broken:\n    def __getattribute__(self, name): raise BaseException\n"
    assert not changed(f"{before}broken = Broken()\ndef answer(x): return broken", "")
