"""What dropout in training shares with inverted dropout: an array, a mask and the keep rate."""

import numpy as np

from autograder.definition import Case, Check
from autograder.definition.cases import (
    Array,
    MakeCase,
    Rng,
    away_from_zero,
    floats,
    layouts,
    spread,
)

X, MASK = floats([1, -2, 3]) / 3, [1, 0, 1]


def masked(rng: Rng, keep: float, *shape: int) -> tuple[Array, Array]:
    """Activations and a mask in which one entry at least is kept and one is dropped."""
    mask = (rng.random(shape) < keep).astype(np.float64)
    mask.flat[0], mask.flat[-1] = 1.0, 0.0
    return rng.normal(size=shape), mask


def layer(case: MakeCase, rng: Rng, keep: float) -> list[Case]:
    return [
        case("six units", *masked(rng, keep, 6), keep),
        case("a batch", *masked(rng, keep, 4, 5), keep),
        case("a small keep rate", *masked(rng, 0.2, 8), rng.uniform(0.1, 0.3)),
    ]


def limits(case: MakeCase, rng: Rng, keep: float) -> list[Case]:
    x, mask = masked(rng, keep, 3, 4)
    return [
        case("everything kept", x, np.ones((3, 4)), 1.0),
        case("everything dropped", x, np.zeros((3, 4)), keep),
        case("everything kept by chance", x, np.ones((3, 4)), keep),
        case("from 1e-8 to 1e3", spread(rng, 3, 4), mask, keep),
        case("a 3-d array", *masked(rng, keep, 2, 3, 2), keep),
        *layouts(case, [keep], readonly=(x, mask), strided=(x, mask), column_major=(x, mask)),
    ]


def every_mask(case: MakeCase, x: Array | list[float], keep: float) -> list[Case]:
    n = len(x)
    masks = [[i >> j & 1 for j in range(n)] for i in range(2**n)]
    return [
        case(f"mask {i} of {len(masks)} possible", x, mask, keep)
        for i, mask in enumerate(masks, start=1)
    ]


def checks(case: MakeCase) -> dict[str, Check]:
    return {
        "a layer": Check(
            points=1,
            public=[
                case("four units", [1, -2, 3, 0.5], [1, 0, 1, 1], 0.8),
                case("a batch", [[1, 2, -3], [-4, 0.5, 6]], [[0, 1, 1], [1, 0, 1]], 0.6),
                case("a small keep rate", [1, -2, 3, 4], [0, 0, 1, 0], 0.1),
            ],
            held_out=lambda rng: layer(case, rng, rng.uniform(0.6, 0.9)),
        ),
        "limits and memory layouts": Check(
            points=1,
            public=[
                case("everything kept", X, np.ones(3), 1.0),
                case("everything dropped", X, np.zeros(3), 0.7),
                case("everything kept by chance", X, np.ones(3), 0.7),
                case("from 0 to 1000", [0, 1e-8, -1, 1e3], [1, 1, 0, 1], 0.9),
                case("a 3-d array", np.full((2, 1, 2), 3.0), [[[1, 0]], [[0, 0]]], 0.3),
                *layouts(case, [0.6], readonly=(X, MASK), strided=(X, MASK)),
            ],
            held_out=lambda rng: limits(case, rng, rng.uniform(0.6, 0.9)),
        ),
    }


def mean_over_masks(case: MakeCase, relation: str) -> Check:
    return Check(
        points=1,
        public=every_mask(case, [2, -1, 0.5], 0.75),
        held_out=lambda rng: every_mask(
            case, away_from_zero(rng, 3, high=3), rng.uniform(0.6, 0.9)
        ),
        relation=relation,
    )
