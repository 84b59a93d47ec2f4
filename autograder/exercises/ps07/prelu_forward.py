"""Parametric ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import case_maker, column_major, layouts, spread

from .signs import SLOPES, X, signed, slopes, table

case = case_maker("x", "slope")


EXERCISE = Exercise(
    "prelu_forward",
    title="Parametric ReLU",
    minutes=5,
    section="activations.md#the-variants",
    parameters=("x", "slope"),
    returns=("y",),
    reference=reference.prelu_forward,
    checks={
        "one slope a unit": Check(
            points=1,
            public=[
                case("four examples, three units", X, SLOPES),
                case("as many examples as units", X[:3], SLOPES),
                case(
                    "inputs from 1e-8 to 1000", [[1e-8, -1e3], [-1e-8, 1e3], [-30, 0]], [0.2, 0.4]
                ),
                case("slopes zero", X, np.zeros(3)),
            ],
            held_out=lambda rng: [
                case("slopes from 0 to 1", table(rng, 5, 3), slopes(rng, 3)),
                case("as many examples as units", table(rng, 3, 3), slopes(rng, 3)),
                case("inputs from 1e-8 to 1e3", spread(rng, 6, 4), slopes(rng, 4)),
                case("slopes zero", table(rng, 4, 2), np.zeros(2)),
            ],
        ),
        "slopes that learning may reach": Check(
            points=1,
            public=[
                case("slopes above 1", X, [2, 1.5, 3]),
                case("negative slopes", X, [-0.5, -2, -0.1]),
                case("slopes of all kinds", X, [-0.5, 0.5, 2]),
            ],
            held_out=lambda rng: [
                case("slopes above 1", table(rng, 4, 3), rng.uniform(1.2, 3, 3)),
                case("negative slopes", table(rng, 4, 3), -rng.uniform(0.2, 2, 3)),
                case("slopes of all kinds", table(rng, 4, 3), signed(rng, 1, -1, 1)),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one unit", [[1], [-2], [3]], [0.5]),
                *layouts(case, strided=(X, SLOPES)),
                case("an array stored by columns", column_major(X), SLOPES),
                *layouts(case, readonly=(X, SLOPES)),
            ],
            held_out=lambda rng: [
                case("one unit", table(rng, 5, 1), slopes(rng, 1)),
                *layouts(case, strided=(table(rng, 4, 3), [0.1, 0.4, 0.7])),
                case("an array stored by columns", column_major(table(rng, 4, 3)), [0.2, 1, 0]),
                *layouts(case, readonly=(table(rng, 4, 2), [0.3, 0.6])),
            ],
        ),
    },
    mistakes={
        "maximum-trick": edit(
            "Your function takes the larger of x and a x, which is right only while a ≤ 1: slopes "
            "are learned here and may leave that range. Decide by the sign of x.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(x, slope * x)"),
        ),
        "slopes-clipped": edit(
            "Your function replaces negative slopes by 0: they are learned, and taken as they are.",
            ("slope * x", "np.maximum(0, slope) * x"),
        ),
        "slope-per-example": edit(
            "Your function gives each example (row) its slope: each unit (column) has one, so "
            "slope[j] goes with x[:, j].",
            ("slope * x", "slope[:, None] * x"),
        ),
        "mean-slope": edit(
            "Your function uses the mean of the slopes for all units: each unit has its own.",
            ("slope * x", "slope.mean() * x"),
        ),
        "first-slope": edit(
            "Your function uses the first slope for all units: each unit has its own.",
            ("slope * x", "slope[0] * x"),
        ),
        "plain-relu": edit(
            "Your function gives 0 left of 0 and ignores the slopes: there y = a x.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(0, x)"),
        ),
        "sides-swapped": edit(
            "Your function has the slope on the positive side: it belongs to x ≤ 0.",
            ("x, slope * x", "slope * x, x"),
        ),
        "slope-on-both-sides": edit(
            "Your function multiplies positive inputs by the slope, too: they pass as they are.",
            ("np.where(x > 0, x, slope * x)", "slope * x"),
        ),
        "reflected": edit(
            "Your function gives −a x left of 0: it should be a x.", ("slope * x", "-slope * x")
        ),
        "in-place": edit(
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            ("return np.where(x > 0, x, slope * x)", "x[x < 0] = (slope * x)[x < 0]\n    return x"),
        ),
    },
    equivalents={
        "return np.where(x >= 0, x, slope * x)": "At 0 both sides are 0.",
    },
)
