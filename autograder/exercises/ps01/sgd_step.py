"""One step of SGD."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Rng, case_maker, layouts, normals, spread

case = case_maker("theta", "grad", "lr", feedback=("theta",))


def rate(rng: Rng) -> float:
    return float(10.0 ** rng.uniform(-3, 0))


def falling(rng: Rng) -> Case:
    steps = [
        {"grad": rng.normal(size=3) * 10.0 ** rng.uniform(-2, 1), "lr": 0.5 / (t + 1)}
        for t in range(6)
    ]
    return case("six steps, falling rate", rng.normal(size=3), np.zeros(3), 0.0, steps=steps)


@mistake
def in_place(theta, grad, lr):
    """Your function changes `theta` in place (`-=` does that to arrays): compute a new
    array."""
    theta -= lr * grad
    return theta


EXERCISE = Exercise(
    "sgd_step",
    title="One step of SGD",
    minutes=5,
    section="sgd.md#the-rule",
    parameters=("theta", "grad", "lr"),
    returns=("theta",),
    reference=reference.sgd_step,
    checks={
        "one step": Check(
            points=2,
            public=[
                case("two parameters", [1, -2], [0.5, -4], 0.1),
                case("gradients from 0 to 1000", [1, 2, 3, 4, 5], [0, 1e-8, -1, 30, 1e3], 1 / 30),
                case("a tiny gradient", np.zeros(2), [1e-8, -3e-8], 200.0),
                case("gradient zero", [3, -1], np.zeros(2), 0.1),
                case("learning rate zero", [3, -1], [2, 5], 0.0),
            ],
            held_out=lambda rng: [
                case("an ordinary step", *normals(rng, 2, 5), rate(rng)),
                case("gradients from 1e-8 to 1e3", rng.normal(size=16), spread(rng, 16), rate(rng)),
                case(
                    "a tiny gradient", [0, 0, 0], rng.normal(size=3) * 1e-8, 100 * (1 + rate(rng))
                ),
                case("gradient zero", rng.normal(size=4), np.zeros(4), rate(rng)),
                case("learning rate zero", *normals(rng, 2, 4), 0.0),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("a single number (0-d)", np.array(2.0), np.array(-0.5), 0.2),
                case("a 2-d array", [[1, 2], [3, 4]], [[0, 1], [-1, 2]], 0.2),
                case("a 3-d array", np.ones((2, 1, 2)), [[[1, 2]], [[3, 4]]], 0.2),
                *layouts(
                    case, [0.2], strided=([1, 2, 3], [3, 2, 1]), readonly=([1, 2], [0.5, -0.5])
                ),
            ],
            held_out=lambda rng: [
                case("a single number (0-d)", *normals(rng, 2), 0.3),
                case("a 2-d array", *normals(rng, 2, 3, 4), 0.3),
                case("a 3-d array", *normals(rng, 2, 2, 3, 2), 0.3),
                *layouts(case, [0.3], strided=normals(rng, 2, 4)),
                *layouts(case, [3], column_major=normals(rng, 2, 2, 3)),
                *layouts(case, [0.3], readonly=normals(rng, 2, 3)),
            ],
        ),
        "several steps, changing rate": Check(
            points=1,
            public=[
                case(
                    "three steps, falling rate",
                    [1, -1],
                    [0, 0],
                    0.0,
                    steps={"grad": [[2, 1], [-1, 3], [0.5, 10]], "lr": [0.5, 0.25, 0.125]},
                )
            ],
            held_out=lambda rng: [falling(rng)],
        ),
    },
    mistakes={
        "uphill": edit(
            "Your step adds αg and so climbs (one of the lecture's slides has this sign wrong): "
            "the course subtracts, θ ← θ − αg.",
            ("theta - ", "theta + "),
        ),
        "in-place": in_place,
        "normalized": edit(
            "Your step divides the gradient by its norm, so every step is equally long, and a "
            "zero gradient gives NaN: use the gradient as it is.",
            ("grad", "grad / np.linalg.norm(grad)"),
        ),
        "rate-twice": edit(
            "Your step multiplies by the learning rate twice: once is enough, θ ← θ − αg.",
            ("lr", "lr * lr"),
        ),
        "no-rate": edit(
            "Your step ignores the learning rate: multiply the gradient by `lr`.", ("lr * ", "")
        ),
        "only-the-step": edit(
            "Your function returns the step αg alone: return the new parameters θ − αg.",
            ("theta - ", ""),
        ),
        "sign-only": edit(
            "Your step uses the sign of the gradient only: that is the Manhattan rule of a later "
            "chapter; SGD uses the gradient itself.",
            ("grad", "np.sign(grad)"),
        ),
    },
)
