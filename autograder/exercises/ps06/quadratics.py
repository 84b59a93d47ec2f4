"""Quadratics ½ xᵀAx − bᵀx, which these methods are measured on."""

import numpy as np

from autograder.definition.cases import Array, Rng, floats, positive_definite

A2 = floats([[3, 1], [1, 2]])
A3 = floats([[4, 1, -1], [1, 3, 0.5], [-1, 0.5, 2]])
NARROW = np.diag([1.0, 50.0])

# A, b and where to start
TWO_D = (A2, [1, -1], [2, 1.5])
THREE_D = (A3, [1, -1, 2], [2, 1.5, -1])


def problem(rng: Rng, n: int) -> tuple[Array, Array, Array]:
    """A, b and where to start."""
    return positive_definite(rng, n, 20), rng.normal(size=n), rng.normal(size=n) * 2
