"""One step of the Manhattan rule."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    drawn_layouts,
    layouts,
    normals,
    spread,
)

from .sizes import sizes

case = case_maker("theta", "delta", "grad", feedback=("theta",))

ROW = ([1, 2], [0.5, 0.25], [3, -4])


def drawn(rng: Rng) -> list[Case]:
    step = rng.uniform(0.05, 0.5)
    some_zero = np.array([0, 1, 0, -1])
    return [
        case("ordinary gradients", rng.normal(size=4), step, rng.normal(size=4)),
        case("gradients from 1e-8 to 1e3", rng.normal(size=12), step, spread(rng, 12)),
        case("some gradients zero", rng.normal(size=4), step, some_zero * rng.uniform(1, 2, 4)),
        case("step zero", rng.normal(size=4), 0.0, rng.normal(size=4)),
        case("a step for each weight", rng.normal(size=4), sizes(rng, 4), spread(rng, 4)),
        case(
            "several steps",
            *(rng.normal(size=4), step, np.zeros(4)),
            steps={"grad": rng.normal(size=(5, 4))},
        ),
    ]


def scaled(rng: Rng, label: str, scale: float) -> list[Case]:
    theta, step, grad = rng.normal(size=4), rng.uniform(0.1, 1), rng.normal(size=4)
    return [
        case(f"before a {label} factor", theta, step, grad),
        case(f"after a {label} factor", theta, step, grad * scale),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def three(*shape: int) -> list[Array]:
        theta, grad = normals(rng, 2, *shape)
        return [theta, sizes(rng, *shape), grad]

    return drawn_layouts(case, three)


@mistake
def in_place(theta, delta, grad):
    """Your function changes its argument `theta` in place (`-=` does that to arrays): return a new
    array."""
    theta -= delta * np.sign(grad)
    return theta


EXERCISE = Exercise(
    "manhattan_step",
    title="One step of the Manhattan rule",
    minutes=5,
    section="rprop.md#only-the-sign",
    parameters=("theta", "delta", "grad"),
    returns=("theta",),
    reference=reference.manhattan_step,
    checks={
        "the step": Check(
            points=1,
            public=[
                case("two weights", [1, -2], 0.25, [3, -0.5]),
                case("gradients from 0 to 1000", np.zeros(6), 0.5, [0, 1e-8, -1e-8, -1, 30, 1e3]),
                case("step zero", [1, -2], 0.0, [3, -0.5]),
                case("a step for each weight", [1, -2, 3], [1 / 3, 0.2, 4], [3, -0.5, 1]),
                case(
                    "several steps",
                    *([1, -2], 0.25, [0, 0]),
                    steps={"grad": [[3, 1], [0.1, -2], [-4, 0]]},
                ),
            ],
            held_out=drawn,
        ),
        "the size of the gradient does not matter": Check(
            points=1,
            public=[
                case("before a small factor", [1, 2], 0.25, [3, -0.5]),
                case("after a small factor", [1, 2], 0.25, [3e-6, -0.5e-6]),
                case("before a large factor", [1, 2], 0.25, [3, -0.5]),
                case("after a large factor", [1, 2], 0.25, [3e5, -0.5e5]),
            ],
            held_out=lambda rng: [
                *scaled(rng, "small", 1e-6),
                *scaled(rng, "large", 1e5),
            ],
            relation="same_for_scaled_gradients",
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                *layouts(
                    case,
                    number=(2, 0.5, -3),
                    two_d=([[1, 2], [3, 4]], np.full((2, 2), 0.5), [[0, 2], [-3, 4e-8]]),
                ),
                case("3-d arrays", np.ones((2, 1, 2)), 0.5, np.full((2, 1, 2), 3.0)),
                *layouts(case, strided=ROW, readonly=ROW),
            ],
            held_out=in_memory,
        ),
    },
    mistakes={
        "climbs": edit(
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − sign(g)Δ.",
            ("theta - ", "theta + "),
        ),
        "sign-missing": edit(
            "Your step is θ − Δ, as the lecture's slide on Rprop (L1) prints it: sign(g) is "
            "missing there, so that θ only ever decreases.",
            ("np.sign(grad) * ", ""),
        ),
        "times-gradient": edit(
            "Your step is gΔ, which is plain gradient descent: use the gradient's sign only.",
            ("np.sign(grad)", "grad"),
        ),
        "unit-gradient": edit(
            "Your step divides the gradient by its norm: that keeps its direction; the Manhattan "
            "rule takes the sign of each entry by itself.",
            ("np.sign(grad) * delta", "delta * grad / np.linalg.norm(grad)"),
        ),
        "largest-gradient": edit(
            "Your step divides the gradient by its largest entry: take the sign of each entry by "
            "itself.",
            ("np.sign(grad) * delta", "delta * grad / np.abs(grad).max()"),
        ),
        "epsilon": edit(
            "Your sign is g/(|g| + ε), which is no sign for tiny gradients: np.sign needs no ε.",
            ("np.sign(grad) * delta", "delta * grad / (np.abs(grad) + 1e-8)"),
        ),
        "zero-over-zero": edit(
            "Your sign is g/|g|, which is NaN for a gradient of zero: np.sign(0) is 0, and the "
            "weight stays.",
            ("np.sign(grad) * delta", "delta * grad / np.abs(grad)"),
        ),
        "zero-steps-down": edit(
            "Your function counts a gradient of zero as positive: sign(0) = 0, so the weight "
            "stays.",
            ("np.sign(grad)", "np.where(grad >= 0, 1.0, -1.0)"),
        ),
        "zero-steps-up": edit(
            "Your function counts a gradient of zero as negative: sign(0) = 0, so the weight "
            "stays.",
            ("np.sign(grad)", "np.where(grad > 0, 1.0, -1.0)"),
        ),
        "sign-of-theta": edit(
            "Your step has the sign of θ, which only shrinks the weights: it is the sign of the "
            "gradient that counts.",
            ("sign(grad)", "sign(theta)"),
        ),
        "in-place": in_place,
    },
)
