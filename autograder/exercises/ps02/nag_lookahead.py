"""Where NAG looks."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Rng, case_maker, drawn_layouts, layouts, normals, spread

case = case_maker("theta", "v", "mu")


def drawn(rng: Rng) -> list[Case]:
    mu = rng.uniform(0.55, 0.95)
    return [
        case("moving", *normals(rng, 2, 4), mu),
        case("velocities from 1e-8 to 1e3", rng.normal(size=12), spread(rng, 12), mu),
        case("velocity zero", rng.normal(size=3), np.zeros(3), mu),
        case("momentum zero", *normals(rng, 2, 3), 0.0),
        case("momentum almost one", *normals(rng, 2, 3), 0.999),
    ]


@mistake
def in_place(theta, v, mu):
    """Your function changes `theta` in place (`-=` does that to arrays), and the step would start
    from the wrong point: compute a new array."""
    theta -= mu * v
    return theta


EXERCISE = Exercise(
    "nag_lookahead",
    title="Where NAG looks",
    minutes=5,
    section="momentum.md#nesterov-jump-first-then-correct",
    parameters=("theta", "v", "mu"),
    returns=("y",),
    reference=reference.nag_lookahead,
    checks={
        "the lookahead": Check(
            points=1,
            public=[
                case("two parameters", [1, -2], [0.5, 4], 0.9),
                case("velocities from 0 to 1000", np.zeros(5), [0, 1e-8, -1, 30, 1e3], 0.5),
                case("velocity zero", [1, -2], np.zeros(2), 0.9),
                case("momentum zero", [1, -2], [0.5, 4], 0.0),
            ],
            held_out=drawn,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=layouts(
                case,
                [0.9],
                number=(2, 0.5),
                two_d=([[1, 2], [3, 4]], [[0, 1], [2, 0]]),
                three_d=(np.ones((2, 1, 2)), np.full((2, 1, 2), 3.0)),
                strided=([1, 2], [3, 4]),
                readonly=([1, 2], [3, 4]),
            ),
            held_out=lambda rng: drawn_layouts(case, lambda *shape: normals(rng, 2, *shape), [0.7]),
        ),
    },
    mistakes={
        "look-back": edit(
            "Your lookahead is θ + μv, behind the parameters: v is subtracted in this course, "
            "so ahead is y = θ − μv. (Texts that add v write θ + μv.)",
            ("theta - ", "theta + "),
        ),
        "whole-velocity": edit(
            "Your lookahead subtracts the whole velocity: only μv of it will be carried over, "
            "y = θ − μv.",
            ("mu * v", "v"),
        ),
        "no-lookahead": edit(
            "Your function returns θ itself, which makes NAG plain momentum: y = θ − μv.",
            ("theta - mu * v", "theta.copy()"),
        ),
        "one-minus-mu": edit(
            "Your lookahead has the weight 1 − μ, which belongs to averages: y = θ − μv.",
            ("mu * v", "(1 - mu) * v"),
        ),
        "shrunk-theta": edit(
            "Your function multiplies θ by μ, too: only the velocity has this factor, y = θ − μv.",
            ("theta - mu * v", "mu * (theta - v)"),
        ),
        "only-the-distance": edit(
            "Your function returns μv, the distance to the lookahead: return the point y = θ − μv.",
            ("theta - ", ""),
        ),
        "in-place": in_place,
    },
)
