"""Sizes of images and layers."""

import numpy as np

from autograder.definition.cases import Rng


def size(rng: Rng, low: int, high: int) -> int:
    return int(rng.integers(low, high))


def two_sizes(rng: Rng, low: int, high: int) -> tuple[int, int]:
    """Two different sizes."""
    first, second = rng.permutation(np.arange(low, high))[:2]
    return int(first), int(second)
