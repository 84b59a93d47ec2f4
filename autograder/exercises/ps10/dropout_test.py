"""Dropout in testing, the lecture's form."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, layouts, spread

case = case_maker("W", "b", "keep")

W, B = [[1, -2, 0.5], [0, 3, -1]], [0.5, -1 / 3]


def without_bias(rng: Rng, keep: float) -> list[Case]:
    return [
        case("no bias", rng.normal(size=(3, 2)), np.zeros(3), keep),
        case("weights from 1e-8 to 1e3", spread(rng, 4, 3), np.zeros(4), keep),
        case("a small keep rate", rng.normal(size=(2, 4)), np.zeros(2), rng.uniform(0.1, 0.3)),
    ]


def with_bias(rng: Rng, keep: float) -> list[Case]:
    def layer(m: int, n: int) -> tuple[Array, Array]:
        return rng.normal(size=(m, n)), rng.normal(size=m)

    return [
        case("a layer", *layer(3, 2), keep),
        case("everything kept", *layer(3, 2), 1.0),
        case("one output", *layer(1, 5), keep),
        *layouts(case, [keep], readonly=layer(2, 3), strided=layer(2, 3), column_major=layer(2, 3)),
    ]


EXERCISE = Exercise(
    "dropout_test",
    title="Dropout in testing, the lecture's form",
    minutes=5,
    section="dropout.md#the-rule",
    parameters=("W", "b", "keep"),
    returns=("W", "b"),
    reference=reference.dropout_test,
    checks={
        "the weights": Check(
            points=1,
            public=[
                case("no bias", W, np.zeros(2), 0.8),
                case("weights from 1e-8 to 1000", [[1e-8, 1], [-1e3, 0]], np.zeros(2), 0.6),
                case("a small keep rate", W, np.zeros(2), 0.1),
            ],
            held_out=lambda rng: without_bias(rng, rng.uniform(0.6, 0.9)),
        ),
        "weights and bias": Check(
            points=1,
            public=[
                case("a layer", W, B, 0.8),
                case("everything kept", W, B, 1.0),
                case("one output", W[:1], [2], 0.7),
                *layouts(case, [0.7], readonly=(W, B), strided=(W, B)),
            ],
            held_out=lambda rng: with_bias(rng, rng.uniform(0.6, 0.9)),
        ),
    },
    mistakes={
        "not-scaled": edit(
            "Your function leaves the weights as they are: that fits inverted dropout, which "
            "scales in training; in the lecture's form testing multiplies the weights by the keep "
            "rate.",
            ("keep * W, b.copy()", "W, b"),
        ),
        "divided-by-keep": edit(
            "Your function divides by the keep rate: testing sees all units at once, more than "
            "training did, so the weights have to get smaller.",
            ("keep * W, b.copy()", "W / keep, b"),
        ),
        "drop-rate": edit(
            "Your function multiplies by the share that is dropped, 1 − keep: multiply by `keep`. "
            "(torch's p is the drop rate; with it the factor would be 1 − p.)",
            ("keep * W, b.copy()", "(1 - keep) * W, b"),
        ),
        "bias-scaled-too": edit(
            "Your function scales the bias, too: the bias was never dropped, so it stays.",
            ("b.copy()", "keep * b"),
        ),
        "bias-not-returned": edit(
            "Your function returns the weights only: return the weights and the bias.",
            (", b.copy()", ""),
        ),
        "root-of-keep": edit(
            "Your function scales by the root of the keep rate, which would keep variances: "
            "dropout keeps the mean, so the factor is `keep`.",
            ("keep * W, b.copy()", "np.sqrt(keep) * W, b"),
        ),
        "swapped": edit(
            "Your function returns the bias first: return the weights, then the bias.",
            ("keep * W, b.copy()", "b, keep * W"),
        ),
        "in-place": edit(
            "Your function changes `W` in place (`*=` does that to arrays): compute a new "
            "array; training goes on with the old one.",
            ("return keep * W, b.copy()", "W *= keep\n    return W, b"),
        ),
    },
)
