"""What ReLU and leaky ReLU share: arrays in memory, and inputs at zero."""

import numpy as np

from autograder.definition import Case
from autograder.definition.cases import MakeCase, Rng, layouts

from .signs import X_SIGNS, signed


def in_memory(case: MakeCase, *slope: float) -> list[Case]:
    return layouts(
        case,
        slope,
        number=[-4],
        two_d=[[[1, -2], [-3, 4]]],
        three_d=[[[[1, -2]], [[-3, 4]]]],
        strided=[[[1, -2, 3], [-4, 5, -6]]],
        readonly=[[1, -2]],
    )


def drawn_in_memory(rng: Rng, case: MakeCase, *slope: float) -> list[Case]:
    return layouts(
        case,
        slope,
        number=[-rng.uniform(1, 2)],
        two_d=[signed(rng, *X_SIGNS).reshape(2, 3)],
        three_d=[rng.normal(size=(2, 3, 2))],
        strided=[rng.normal(size=(2, 3))],
        column_major=[rng.normal(size=(2, 3))],
        readonly=[signed(rng, *X_SIGNS)],
    )


def gradients_in_memory(case: MakeCase) -> list[Case]:
    """``case`` makes one of a label, inputs and gradients."""
    return layouts(
        case,
        number=(-4, 2),
        two_d=([[2, 3], [-1, -4]], [[0.5, -0.6], [0.7, -0.8]]),
        three_d=([[[2, -3]]], [[[-4, 5]]]),
        strided=([1, -2, 3], [-4, 5, 6]),
        readonly=([1, -2], [3, 4]),
    )


def drawn_at_zero(rng: Rng, case: MakeCase) -> list[Case]:
    """``case`` makes one of a label, inputs and gradients."""
    return [
        case("inputs exactly 0", np.zeros(4), signed(rng, 1, -1, -1, 1)),
        case("a negative zero", [-0.0, -0.0], signed(rng, -1, 1)),
        case("inputs next to 0", [5e-324, -5e-324, 0], signed(rng, 1, 1, 1)),
    ]
