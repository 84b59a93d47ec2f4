"""Properties that a right answer has whatever its values: relations between outputs.

A relation gets the calls' arguments and outputs and returns None, or a sentence on what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Calls = list[tuple[Mapping[str, Any], list[Any]]]  # per case: arguments by name, outputs
Relation = Callable[[Calls, float, float], str | None]

RELATIONS: dict[str, Relation] = {}


def relation(function: Relation) -> Relation:
    """Register a relation under its own name."""
    RELATIONS[function.__name__] = function
    return function


def _close(a: Any, b: Any, rtol: float, atol: float) -> bool:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= atol + rtol * np.abs(b)))


@relation
def same_first_output(calls: Calls, rtol: float, atol: float) -> str | None:
    """The first output is the same in all cases."""
    first = calls[0][1][0]
    for _, outputs in calls[1:]:
        if not _close(outputs[0], first, rtol, atol):
            return "the result should not change between these inputs, but it does"
    return None
