"""Small helpers for writing cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.selfcheck.spec import Case

Array = np.ndarray[Any, Any]
MakeCase = Callable[..., Case]


def case_maker(*parameters: str) -> MakeCase:
    """A function ``make(label, *values, steps=(), feedback=())`` for cases of these parameters."""

    def make(
        label: str,
        *values: Any,
        steps: Sequence[Mapping[str, Any]] = (),
        feedback: Sequence[str] = (),
    ) -> Case:
        return Case(
            label, dict(zip(parameters, values, strict=True)), tuple(steps), tuple(feedback)
        )

    return make


def floats(values: Any) -> Array:
    """A float64 array."""
    return np.array(values, dtype=np.float64)


def readonly(values: Any) -> Array:
    """A float64 array that cannot be written to."""
    array = floats(values)
    array.flags.writeable = False
    return array


def strided(values: Any) -> Array:
    """A float64 array of which every second number in memory is skipped."""
    array = floats(values)
    view = np.zeros((*array.shape[:-1], 2 * array.shape[-1]))[..., ::2]
    view[...] = array
    return view


def column_major(values: Any) -> Array:
    """A float64 array whose first index runs fastest in memory."""
    return np.array(values, dtype=np.float64, order="F")


def spread(rng: np.random.Generator, *shape: int) -> Array:
    """Random numbers of both signs with sizes from 1e-8 to 1e3, and about one in eight zero."""
    size = 10.0 ** rng.uniform(-8, 3, shape)
    sign = rng.choice([-1.0, 1.0], shape)
    return np.asarray(np.where(rng.random(shape) < 0.125, 0.0, size * sign))


def positive_definite(rng: np.random.Generator, n: int, condition: float) -> Array:
    """A random symmetric matrix with eigenvalues from 1 to ``condition``, up to a random scale."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    eigenvalues = np.geomspace(1.0, condition, n) * rng.uniform(0.2, 2.0)
    matrix = (q * eigenvalues) @ q.T
    return np.asarray((matrix + matrix.T) / 2)
