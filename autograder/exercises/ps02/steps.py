"""What momentum_step and nag_step share: functions of the same form, with the same checks."""

import numpy as np

from autograder.definition import Case, Check
from autograder.definition.cases import (
    MakeCase,
    Rng,
    case_maker,
    drawn_layouts,
    layouts,
    normals,
    spread,
)

AT_REST = ([1, -1], np.zeros(2), np.zeros(2))
MOVING = ([1, -2], [0.3, -0.2])  # theta and v
GRADS = [[2, 1], [-1, 3], [0.5, -10], [0, 0.25]]
ROW = ([1, 2], [3, 4], [5, 6])


def rates(rng: Rng) -> tuple[float, float]:
    """lr and mu."""
    return rng.uniform(0.05, 0.5), rng.uniform(0.5, 0.95)


def first(step: MakeCase, rng: Rng) -> list[Case]:
    lr, mu = rates(rng)
    tiny = "velocity zero, a tiny gradient"
    wide = "velocity zero, gradients from 1e-8 to 1e3"
    return [
        step("velocity zero", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, mu),
        step(wide, rng.normal(size=12), np.zeros(12), spread(rng, 12), lr, mu),
        step(tiny, np.zeros(3), np.zeros(3), rng.normal(size=3) * 1e-8, 100 * (1 + lr), mu),
    ]


def later(step: MakeCase, rng: Rng) -> list[Case]:
    lr, mu = rates(rng)
    theta, v, grad = normals(rng, 3, 4)
    return [
        step("moving", theta, v, grad, lr, mu),
        step("gradients from 1e-8 to 1e3", theta, v, spread(rng, 4), lr, mu),
        step("gradient zero", theta, v, np.zeros(4), lr, mu),
        step("momentum zero", theta, v, grad, lr, 0.0),
        step("learning rate zero", theta, v, grad, 0.0, mu),
    ]


def several(step: MakeCase, rng: Rng, gradient: str) -> list[Case]:
    zero, t = np.zeros(3), range(6)
    constant = [{gradient: rng.normal(size=3)} for _ in t]
    falling = [{gradient: rng.normal(size=3), "lr": rng.uniform(0.3, 0.6) / (k + 1)} for k in t]
    growing = [{gradient: rng.normal(size=3), "mu": 1 - 1 / (k + 2), "lr": 0.1} for k in t]
    return [
        step("constant rate", rng.normal(size=3), zero, zero, 0.2, 0.8, steps=constant),
        step("falling rate", rng.normal(size=3), zero, zero, 0.2, 0.8, steps=falling),
        step("growing momentum", rng.normal(size=3), zero, zero, 0.2, 0.8, steps=growing),
    ]


def checks(gradient: str) -> dict[str, Check]:
    """Checks of a step; ``gradient`` is the name of its third parameter."""
    step = case_maker("theta", "v", gradient, "lr", "mu", feedback=("theta", "v"))
    falling = {gradient: GRADS, "lr": [0.5, 0.25, 0.125, 0.125]}
    wide = [0, 1e-8, -1, 30, 1e3]
    return {
        "the first step": Check(
            points=1,
            public=[
                step("velocity zero", [1, -2], [0, 0], [0.5, -4], 0.1, 0.9),
                step("gradients from 0 to 1000", np.zeros(5), np.zeros(5), wide, 20.0, 0.5),
            ],
            held_out=lambda rng: first(step, rng),
        ),
        "a later step": Check(
            points=2,
            public=[
                step("velocity along the gradient", *MOVING, [2, -1], 0.1, 0.9),
                step("velocity against the gradient", *MOVING, [-3, 4], 0.1, 0.9),
                step("gradient zero", *MOVING, [0, 0], 0.1, 0.9),
                step("momentum zero", *MOVING, [2, -1], 0.1, 0.0),
                step("learning rate zero", *MOVING, [2, -1], 0.0, 0.9),
            ],
            held_out=lambda rng: later(step, rng),
        ),
        "several steps": Check(
            points=1,
            public=[
                step("constant rate", *AT_REST, 0.1, 0.9, steps={gradient: GRADS}),
                step("falling rate", *AT_REST, 0.0, 0.9, steps=falling),
            ],
            held_out=lambda rng: several(step, rng, gradient),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=layouts(
                step,
                (0.2, 0.9),
                number=(2, 0.5, -1),
                two_d=([[1, 2], [3, 4]], np.ones((2, 2)), [[0, 1], [-1, 2]]),
                three_d=[np.full((2, 1, 2), x) for x in (1.0, 1.0, 3.0)],
                strided=ROW,
                readonly=ROW,
            ),
            held_out=lambda rng: drawn_layouts(
                step, lambda *shape: normals(rng, 3, *shape), (0.2, 0.7)
            ),
        ),
    }
