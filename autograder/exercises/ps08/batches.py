"""Batches, scales and shifts, and running statistics: given ones and drawn ones."""

from collections.abc import Callable, Sequence

import numpy as np

from autograder.definition import Case
from autograder.definition.cases import (
    Array,
    MakeCase,
    Rng,
    column_major,
    floats,
    readonly,
    strided,
)

X = floats([[1, -2, 0.5], [3, 0, 4], [-2, 1, 1.5], [0.5, 5, -3]])
GAMMA, BETA = floats([2, -0.5, 1.5]), floats([0.25, -1, 3])
MEAN, VAR = floats([0.5, -2, 1]), floats([4, 0.25, 2])

CONSTANT, ALMOST_CONSTANT = np.tile([2.0, 5, -3], (4, 1)), 2 + X * [1e-2, 1e-3, 1e-5]
TINY = [1e-4, 1e-6, 1e-8]
LARGE_MEAN = X / 3 + 1e6
MANY = np.arange(2002.0).reshape(1001, 2) % 7

# what three features are multiplied by, and what four examples are
FEATURE_SIZES = floats([1e-4, 1, 1e3])
EXAMPLE_SIZES = floats([[1e-8], [1e3], [1], [1e-3]])


def batch(rng: Rng, n: int, d: int) -> Array:
    """A batch whose features have means and deviations of their own, none of them near 0."""
    centre = rng.uniform(0.5, 3, d) * rng.choice([-1.0, 1.0], d)
    return np.asarray(centre + rng.uniform(0.5, 2, d) * rng.normal(size=(n, d)))


def hardly_varying(rng: Rng) -> tuple[Array, Array]:
    """A batch of constant features, and one of almost constant features."""
    constant = np.tile(rng.uniform(1, 5, 3), (4, 1))
    almost = rng.uniform(1, 2, 3) + rng.normal(size=(5, 3)) * 10.0 ** floats([-2, -3, -5])
    return constant, almost


def of_large_mean(rng: Rng, n: int, d: int) -> Array:
    """A batch of means of about a million, and deviations of about one."""
    return 1e6 + batch(rng, n, d)


def scales(rng: Rng, d: int) -> Array:
    return np.asarray(rng.uniform(0.3, 0.8, d) + np.arange(d) * rng.choice([-1.0, 1.0]))


def shifts(rng: Rng, d: int) -> Array:
    return np.asarray(rng.uniform(0.5, 2, d) * rng.choice([-1.0, 1.0], d))


def parameters(rng: Rng, d: int) -> tuple[Array, Array]:
    """gamma and beta."""
    return scales(rng, d), shifts(rng, d)


def statistics(rng: Rng, d: int) -> tuple[Array, Array]:
    """A running mean and a running variance."""
    mean = shifts(rng, d)
    return mean, np.where(np.arange(d) % 2, rng.uniform(0.1, 0.6, d), rng.uniform(2, 9, d))


def in_memory(
    case: MakeCase, draw: Callable[[], Sequence[Array]], rest: float, stored: str = "an array"
) -> list[Case]:
    """Three memory layouts of the arrays that ``draw`` gives; ``rest`` follows them."""
    return [
        case("arrays that skip memory", *map(strided, draw()), rest),
        case(f"{stored} stored by columns", *map(column_major, draw()), rest),
        case("read-only arrays", *map(readonly, draw()), rest),
    ]
