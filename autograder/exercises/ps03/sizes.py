"""What rprop_step and manhattan_step share: step sizes of different magnitudes."""

import numpy as np

from autograder.definition.cases import Array, Rng


def sizes(rng: Rng, *shape: int) -> Array:
    return np.asarray(10.0 ** rng.uniform(-2, 1, shape))
