"""Small helpers for writing cases.

Arrays may be written as lists of numbers, nested or not: they become float64 arrays. Other
dtypes, and arrays without dimensions, are written as NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.selfcheck.spec import Case

Array = np.ndarray[Any, Any]
Rng = np.random.Generator
MakeCase = Callable[..., Case]
Steps = Sequence[Mapping[str, Any]] | Mapping[str, Iterable[Any]]


def case_maker(
    *parameters: str, feedback: Sequence[str] = (), lists: Container[str] = ()
) -> MakeCase:
    """A function ``make(label, *values, steps=(), feedback=feedback)`` for cases of a function.

    ``steps`` are those of :class:`Case`, or one sequence a parameter, with an entry for each step.
    ``feedback`` counts where there are steps. Parameters in ``lists`` keep lists of numbers.
    """

    def arguments(values: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        return {name: v if name in lists else _in_arrays(v) for name, v in values}

    def make(
        label: str, *values: Any, steps: Steps = (), feedback: Sequence[str] = feedback
    ) -> Case:
        if isinstance(steps, Mapping):
            rows = zip(*steps.values(), strict=True)
            steps = [dict(zip(steps, row, strict=True)) for row in rows]
        return Case(
            label,
            arguments(zip(parameters, values, strict=True)),
            tuple(arguments(step.items()) for step in steps),
            tuple(feedback) if steps else (),
        )

    return make


def _in_arrays(value: Any) -> Any:
    """The value with its lists of numbers as arrays; a list of arrays stays one."""
    if not isinstance(value, list):
        return value
    return floats(value) if _are_numbers(value) else [_in_arrays(item) for item in value]


def _are_numbers(values: list[Any]) -> bool:
    return all(
        _are_numbers(item) if isinstance(item, list) else isinstance(item, int | float)
        for item in values
    )


def layouts(
    make: MakeCase, rest: Sequence[Any] = (), *, noun: str = "", **arrays: Iterable[Any]
) -> list[Case]:
    """Cases of several shapes and memory layouts, in the order in which they are given.

    Each keyword gives the leading arguments of one case, and ``rest`` follows them: ``number`` or
    ``numbers`` (0-d), ``two_d``, ``three_d``, and ``strided``, ``column_major`` and ``readonly``,
    which are put into memory so. Labels speak of arrays, or of a ``noun`` ("a matrix", "logits").
    """
    return [_layout(make, kind, list(values), rest, noun) for kind, values in arrays.items()]


def _layout(make: MakeCase, kind: str, values: list[Any], rest: Sequence[Any], noun: str) -> Case:
    some = noun or ("an array" if len(values) == 1 else "arrays")
    article, _, bare = some.rpartition(" ")
    a = "a " if article else ""
    labels = {
        "number": "a single number (0-d)",
        "numbers": "single numbers (0-d)",
        "two_d": f"{a}2-d {bare}",
        "three_d": f"{a}3-d {bare}",
        "strided": f"{some} that skip{'s' if article else ''} memory",
        "column_major": f"{some} stored by columns",
        "readonly": f"{a}read-only {bare}",
    }
    put = {
        "number": floats,
        "numbers": floats,
        "strided": strided,
        "column_major": column_major,
        "readonly": readonly,
    }
    return make(labels[kind], *map(put.get(kind, _in_arrays), values), *rest)


def drawn_layouts(
    make: MakeCase, draw: Callable[..., Iterable[Any]], rest: Sequence[Any] = ()
) -> list[Case]:
    """The usual held-out :func:`layouts`; ``draw(*shape)`` makes the arrays of one case."""
    return layouts(
        make,
        rest,
        number=draw(),
        two_d=draw(3, 2),
        three_d=draw(2, 2, 3),
        strided=draw(4),
        column_major=draw(2, 3),
        readonly=draw(3),
    )


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


def normals(rng: Rng, count: int, *shape: int) -> list[Array]:
    """Arrays of this shape with normal random numbers."""
    return [np.asarray(rng.normal(size=shape)) for _ in range(count)]


def spread(rng: Rng, *shape: int) -> Array:
    """Random numbers of both signs with sizes from 1e-8 to 1e3, and about one in eight zero."""
    size = 10.0 ** rng.uniform(-8, 3, shape)
    sign = rng.choice([-1.0, 1.0], shape)
    return np.asarray(np.where(rng.random(shape) < 0.125, 0.0, size * sign))


def away_from_zero(rng: Rng, *shape: int, low: float = 0.5, high: float = 2.0) -> Array:
    """Random numbers of both signs with sizes from ``low`` to ``high``."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(low, high, shape))


def positive_definite(rng: Rng, n: int, condition: float) -> Array:
    """A random symmetric matrix with eigenvalues from 1 to ``condition``, up to a random scale."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    eigenvalues = np.geomspace(1.0, condition, n) * rng.uniform(0.2, 2.0)
    matrix = (q * eigenvalues) @ q.T
    return np.asarray((matrix + matrix.T) / 2)
