"""What l2_step and l1_step share: functions of the same form, with the same checks."""

import numpy as np

from autograder.definition import Case, Check
from autograder.definition.cases import Array, Rng, away_from_zero, case_maker, floats, layouts

PARAMETERS = ("w", "b", "grad_w", "grad_b", "lr", "lam")
STATE = ("w", "b")

case = case_maker(*PARAMETERS, feedback=STATE)

W, B = floats([[0.5, -2, 0.01], [1, 3, -0.02]]), floats([2, -1])
G, H = floats([[1, 0.5, 2], [-1, 0, -3]]), floats([-0.5, 4])
GIVEN = (W, B, G, H)
NOT_ROUND = [array / number for number, array in enumerate(GIVEN, start=6)]


def rates(rng: Rng) -> tuple[float, float]:
    """lr and lam."""
    return rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.6)


def drawn(rng: Rng, m: int, n: int) -> list[Array]:
    w, b = rng.normal(size=(m, n)), away_from_zero(rng, m)
    g, h = rng.normal(size=(m, n)), rng.normal(size=m)
    w[0, 0], g[0, 0] = 0.01, rng.uniform(1, 2)  # a step across zero
    return [w, b, g, h]


def weights(rng: Rng, lr: float, lam: float) -> list[Case]:
    w, b, g, h = drawn(rng, 2, 3)
    usual = case("biases zero", w, 0 * b, g, h, lr, lam)
    w, b, g, h = drawn(rng, 4, 3)
    g *= 10.0 ** rng.integers(-8, 3, (4, 3))
    g[0, 0] = 1.5
    return [usual, case("gradients of very different size", w, 0 * b, g, h, lr, lam)]


def biases(rng: Rng, lr: float, lam: float) -> list[Case]:
    w, b, g, h = drawn(rng, 3, 2)
    return [
        case("with biases", *drawn(rng, 2, 3), lr, lam),
        case("no gradient, only the penalty", w, b, 0 * g, 0 * h, lr, lam),
    ]


def several(rng: Rng, lr: float, lam: float) -> list[Case]:
    def run(label: str, rates: list[float]) -> Case:
        start = drawn(rng, 2, 3)
        grads = [(rng.normal(size=(2, 3)), rng.normal(size=2)) for _ in rates]
        grads_w, grads_b = zip(*grads, strict=True)
        steps = {"grad_w": grads_w, "grad_b": grads_b, "lr": rates}
        return case(label, *start, 0.0, lam, steps=steps)

    return [
        run("constant rate", [lr] * 6),
        run("falling rate", [lr / (t + 1) for t in range(6)]),
    ]


def limits(rng: Rng, lr: float, lam: float) -> list[Case]:
    w, b, g, h = arrays = drawn(rng, 2, 3)
    zeros = w.copy()
    zeros[:, 1] = 0.0
    return [
        case("weights that are zero", zeros, b, g, h, lr, lam),
        case("no penalty", *arrays, lr, 0.0),
        case("learning rate zero", *arrays, 0.0, lam),
        *layouts(case, (lr, lam), readonly=arrays, strided=arrays, column_major=arrays),
    ]


CHECKS = {
    "the weights, with biases zero": Check(
        points=1,
        public=[
            case("two outputs", W, np.zeros(2), G, H, 0.2, 0.5),
            case(
                "gradients from 0 to 1000",
                *([[1, -2, 0.02, 3]], [0], [[0, 1e-8, 1, -1e3]], [1]),
                *(0.25, 0.4),
            ),
        ],
        held_out=lambda rng: weights(rng, *rates(rng)),
    ),
    "weights and biases": Check(
        points=1,
        public=[
            case("two outputs", *GIVEN, 0.2, 0.5),
            case("no gradient, only the penalty", W, B, 0 * G, 0 * H, 0.2, 0.5),
        ],
        held_out=lambda rng: biases(rng, *rates(rng)),
    ),
    "several steps": Check(
        points=1,
        public=[
            case(
                "falling rate",
                *(W, B, np.zeros((2, 3)), np.zeros(2), 0.0, 0.3),
                steps={
                    "grad_w": [
                        [[2, 1, 0.7], [0.1, 1, 1]],
                        [[-1, 3, 1], [2, 0.2, -4]],
                        [[0.5, -9, 1], [1, 1, 1]],
                    ],
                    "grad_b": [[1, -1], [2, 0.5], [0, 4]],
                    "lr": [0.5, 0.25, 0.125],
                },
            )
        ],
        held_out=lambda rng: several(rng, *rates(rng)),
    ),
    "limits and memory layouts": Check(
        points=1,
        public=[
            case("weights that are zero", [[0, 1, 0.01], [0, -2, 0]], B, G, H, 0.2, 0.5),
            case("no penalty", *GIVEN, 0.2, 0.0),
            case("learning rate zero", *GIVEN, 0.0, 0.5),
            *layouts(case, (0.2, 0.5), readonly=NOT_ROUND, strided=GIVEN),
        ],
        held_out=lambda rng: limits(rng, *rates(rng)),
    ),
}
