"""What adam_step and adamax_step share: functions of the same form, with the same checks."""

from typing import Any

import numpy as np

from autograder.definition import Case, Check
from autograder.definition.cases import Array, Rng, case_maker, layouts, spread

PARAMETERS = ("theta", "r", "p", "grad", "t", "lr", "gamma1", "gamma2", "eps")
STATE = ("theta", "r", "p")

step = case_maker(*PARAMETERS, feedback=STATE)


def first(label: str, grad: Array | list[float], *rates: float) -> Case:
    n = len(grad)
    return step(label, np.ones(n), np.zeros(n), np.zeros(n), grad, 1, *rates)


def several(label: str, theta: Array | list[float], grads: Array, *rates: float) -> Case:
    zero, numbers = np.zeros(len(theta)), range(1, len(grads) + 1)
    steps = {"grad": grads, "t": numbers}
    return step(label, theta, zero, zero, zero, 1, *rates, steps=steps)


def falling(label: str, theta: Array | list[float], grads: Array, *rates: float) -> Case:
    zero, numbers = np.zeros(len(theta)), range(1, len(grads) + 1)
    steps = {"grad": grads, "t": numbers, "lr": [rates[0] / t for t in numbers]}
    return step(label, theta, zero, zero, zero, 1, *rates, steps=steps)


def rates(rng: Rng) -> tuple[float, float, float]:
    """lr, gamma1 and gamma2."""
    return rng.uniform(0.05, 0.5), rng.uniform(0.6, 0.85), rng.uniform(0.9, 0.99)


def moving(rng: Rng, *shape: int, size: float = 1.0) -> list[Array]:
    """theta, r, p and grad; ``size`` is that of r."""
    theta, r, grad = rng.normal(size=shape), rng.normal(size=shape) * size, rng.normal(size=shape)
    return [theta, r, r**2 + rng.uniform(0.1, 0.5, size=shape), grad]


def large(*values: Any) -> list[Any]:
    """theta, r, p and grad, beside which no ε in use shows."""
    theta, *others = values
    return [theta, *(np.multiply(1e6, each) for each in others)]


def drawn_first(rng: Rng) -> list[Case]:
    drawn = rates(rng)
    return [
        first("moments zero", rng.normal(size=4), *drawn, 1e-8),
        first("moments zero, usual rates", rng.normal(size=4), drawn[0], 0.9, 0.999, 1e-8),
        first("gradients from 1e-8 to 1e3", spread(rng, 12), *drawn, 1e-8),
        first("tiny gradients", rng.normal(size=3) * 1e-8, 1 + drawn[0], *drawn[1:], 1e-8),
        first("a large ε", rng.normal(size=3), *drawn, rng.uniform(0.1, 0.4)),
    ]


def drawn_next(rng: Rng) -> list[Case]:
    drawn = rates(rng)
    theta, r, p, grad = moving(rng, 4, size=0.3)
    grads = rng.normal(size=(6, 3))
    sizes = grads * np.array([[1.0], [1e-8], [1e3], [0.0], [1e-3], [30.0]])
    return [
        step("an early update", theta, r, p, grad, 5, *drawn, 1e-8),
        step("gradient zero", theta, r, p, np.zeros(4), 5, *drawn, 1e-8),
        step("a small gradient", theta, r, p, grad * 0.01, 2, *drawn, 1e-8),
        step("a large ε", theta, r, p, grad, 3, *drawn, rng.uniform(0.1, 0.4)),
        several("several updates", rng.normal(size=3), grads, *drawn, 1e-8),
        several("gradients of all sizes", rng.normal(size=3), sizes, drawn[0], 0.9, 0.999, 1e-8),
        falling("a falling rate", rng.normal(size=3), grads, *drawn, 1e-3),
    ]


def drawn_late(rng: Rng) -> list[Case]:
    usual = (rng.uniform(0.05, 0.5), 0.9, 0.999, 1e-15)
    theta, r, p, grad = large(*moving(rng, 4, size=0.3))
    return [
        step("long after the start", theta, r, p, grad, 10**6, *usual),
        step("a small gradient", theta, r, p, grad * 0.01, 10**6, *usual),
        step("gradient zero", theta, r, p, np.zeros(4), 10**6, *usual),
        step("learning rate zero", theta, r, p, grad, 10**6, 0.0, *usual[1:]),
    ]


MEANS = ([1, -2], [0.3, -0.2], [0.5, 0.25])  # theta, r and p
FEW = np.array([[2, 1], [-1, 3], [0, 1e-8]])
ROW = large([1, 2], [0.3, 1], [2, 3], [5, 6])
LATE = large(*MEANS, [2, -1])
LATE_ZERO = large(*MEANS, [0, 0])
AT_THREE = (3, 0.2, 0.8, 0.9, 1e-15)

CHECKS = {
    "the first update": Check(
        points=1,
        public=[
            first("the usual decay rates", [0.5, -4], 0.1, 0.9, 0.999, 1e-8),
            first("gradients from 0 to 1000", [0, 1e-8, -1, 30, 1e3], 2.0, 0.9, 0.99, 1e-8),
            first("other decay rates and a large ε", [1 / 3, -4, 0], 0.1, 0.6, 0.7, 0.25),
        ],
        held_out=drawn_first,
    ),
    "the next updates": Check(
        points=2,
        public=[
            step("the fourth update", *MEANS, [2, -1], 4, 0.1, 0.9, 0.99, 1e-8),
            step("gradient zero", *MEANS, [0, 0], 4, 0.1, 0.9, 0.99, 1e-8),
            step("against the mean, a large ε", *MEANS, [-3, 4], 3, 0.1, 0.6, 0.8, 0.25),
            falling("several updates, falling rate", [1, -1], FEW, 0.5, 0.7, 0.8, 1e-3),
        ],
        held_out=drawn_next,
    ),
    # ε does not show from here on: who puts it elsewhere loses the points above, not these
    "long after the start": Check(
        points=1,
        public=[
            step("a million updates", *LATE, 10**6, 0.1, 0.9, 0.999, 1e-15),
            step("gradient zero", *LATE_ZERO, 10**6, 0.1, 0.9, 0.999, 1e-15),
            step("learning rate zero", *LATE, 10**6, 0.0, 0.9, 0.999, 1e-15),
        ],
        held_out=drawn_late,
    ),
    "shapes and memory layouts": Check(
        points=1,
        public=layouts(
            step,
            AT_THREE,
            numbers=large(2, 0.5, 0.75, -1),
            two_d=large(
                [[1, 2], [3, 4]],
                np.full((2, 2), 0.5),
                [[1, 2], [0.5, 0.25]],
                [[0, 1], [-1, 2]],
            ),
            three_d=large(*(np.full((2, 1, 2), x) for x in (1.0, 0.5, 2.0, 3.0))),
            strided=ROW,
            readonly=ROW,
        ),
        held_out=lambda rng: layouts(
            step,
            AT_THREE,
            numbers=large(*moving(rng)),
            two_d=large(*moving(rng, 3, 2)),
            three_d=large(*moving(rng, 2, 2, 3)),
            strided=large(*moving(rng, 4)),
            column_major=large(*moving(rng, 2, 3)),
            readonly=large(*moving(rng, 3)),
        ),
    ),
}
