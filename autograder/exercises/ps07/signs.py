"""Inputs, gradients and slopes whose signs are chosen: what a mistake does may hang on them."""

import numpy as np

from autograder.definition.cases import Array, Rng, floats

# all combinations of an input's and a gradient's sign
X_SIGNS = (1, 1, -1, -1, 1, -1)
G_SIGNS = (1, -1, 1, -1, -1, 1)

# a batch of four examples and three units, and a slope for each unit
X = floats([[2, -1, 0.5], [-3, -0.5, -2], [1, 4, -1], [-0.25, 3, -4]])
G = floats([[1, -2, 0.5], [3, 1, -1], [-2, 0.25, 4], [1.5, -1, 2]])
SLOPES = [0.1, 0.5, 0.25]


def signed(rng: Rng, *signs: int) -> Array:
    """Numbers of sizes 0.5 to 3 with the given signs."""
    return np.asarray(rng.uniform(0.5, 3, len(signs)) * floats(signs))


def table(rng: Rng, n: int, d: int) -> Array:
    """Sizes 0.5 to 3, signs so that every column has both (for n ≥ 2)."""
    signs = rng.choice([-1.0, 1.0], (n, d))
    if n > 1:
        signs[0], signs[1] = 1, -1
    return np.asarray(rng.uniform(0.5, 3, (n, d)) * signs)


def slopes(rng: Rng, n: int) -> Array:
    """Slopes between 0 and 1."""
    return rng.uniform(0.1, 0.9, n)
