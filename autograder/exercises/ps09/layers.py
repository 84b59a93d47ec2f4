"""Layers and whitening matrices for PRONG's exercises, and the checks that three of them share."""

import numpy as np

from autograder.definition import Case, Check
from autograder.definition.cases import Array, MakeCase, Rng, floats, layouts

W23, B2 = floats([[1, -2, 0.5], [0, 3, 1]]), floats([0.5, -1])
C3, U3 = [1, 2, -1], floats([[2, 1, 0], [0, 1, -1], [1, 0, 1.5]])
GIVEN = (W23, B2, C3, U3)
SQUARE = [[1, 2, 0], [-1, 0.5, 3], [0, 1, 1]]


def mixing(rng: Rng, n: int) -> Array:
    """An invertible matrix, neither symmetric nor orthogonal."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    r, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return np.asarray((q * np.geomspace(0.5, 3.0, n)) @ r)


def layer(rng: Rng, m: int, n: int) -> tuple[Array, Array, Array, Array]:
    """Weights and bias (or their gradients), and the mean and the whitening of the inputs."""
    W, b = rng.normal(size=(m, n)), rng.normal(size=m)
    c = rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n)
    return W, b, c, mixing(rng, n)


def checks(case: MakeCase) -> dict[str, Check]:
    """Checks of a function of a layer and of the mean and the whitening of its inputs."""

    def mean_zero(label: str, W: Array, b: Array, c: Array, U: Array) -> Case:
        return case(label, W, b, 0 * c, U)

    def no_rotation(label: str, W: Array, b: Array, c: Array, U: Array) -> Case:
        return case(label, W, b, c, np.eye(len(U)))

    def both(rng: Rng) -> list[Case]:
        W, b, c, U = layer(rng, 2, 3)
        return [
            case("three inputs", *layer(rng, 2, 3)),
            case("as many outputs as inputs", *layer(rng, 4, 4)),
            case("one input", *layer(rng, 3, 1)),
            case("one output", *layer(rng, 1, 3)),
            case("weights of very different size", W * floats([1e-3, 1, 1e2]), b, c, U),
            case("bias zero", W, np.zeros(2), c, U),
            *layouts(
                case,
                readonly=layer(rng, 2, 3),
                strided=layer(rng, 2, 3),
                column_major=layer(rng, 2, 3),
            ),
        ]

    return {
        "with mean zero": Check(
            points=1,
            public=[
                case("three inputs", W23, B2, np.zeros(3), U3),
                case("as many outputs", SQUARE, C3, np.zeros(3), U3),
            ],
            held_out=lambda rng: [
                mean_zero("three inputs", *layer(rng, 2, 3)),
                mean_zero("as many outputs", *layer(rng, 3, 3)),
            ],
        ),
        "with U the identity": Check(
            points=1,
            public=[
                case("three inputs", W23, B2, C3, np.eye(3)),
                case("as many outputs", SQUARE, [0, 1, 2], C3, np.eye(3)),
            ],
            held_out=lambda rng: [
                no_rotation("two inputs", *layer(rng, 3, 2)),
                no_rotation("as many outputs", *layer(rng, 3, 3)),
            ],
        ),
        "both, shapes and memory layouts": Check(
            points=2,
            public=[
                case("three inputs", *GIVEN),
                case("as many outputs as inputs", SQUARE, [1, 0, -1], C3, U3),
                case("one input", [[2], [-1]], B2, [3], [[0.25]]),
                case("bias zero", W23, np.zeros(2), C3, U3),
                *layouts(case, readonly=(W23 / 3, B2 / 3, C3, U3), strided=GIVEN),
            ],
            held_out=both,
        ),
    }


def same_function(case: MakeCase) -> Check:
    """A check that a layer and its other form compute the same."""
    return Check(
        points=1,
        public=[case("three inputs", -W23, B2, [0.5, -1, 2], U3.T.copy())],
        held_out=lambda rng: [
            case("three inputs", *layer(rng, 2, 3)),
            case("two inputs", *layer(rng, 4, 2)),
        ],
        relation="same_function",
    )
