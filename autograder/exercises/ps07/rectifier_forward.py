"""ReLU, leaky ReLU and parametric ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Rng, case_maker, column_major, layouts, spread

from .rectifiers import drawn_in_memory, in_memory
from .signs import SLOPES, X_SIGNS, X, signed, slopes, table

case = case_maker("x", "slope")


def relu(rng: Rng) -> list[Case]:
    return [
        case("both signs", signed(rng, *X_SIGNS), 0.0),
        case("sizes from 1e-8 to 1e3", spread(rng, 12), 0.0),
        case("all negative", signed(rng, -1, -1, -1), 0.0),
        case("all positive", signed(rng, 1, 1, 1), 0.0),
        *drawn_in_memory(rng, case, 0.0),
    ]


def shared(rng: Rng, slope: float) -> list[Case]:
    return [
        case("both signs", signed(rng, *X_SIGNS), slope),
        case("sizes from 1e-8 to 1e3", spread(rng, 12), slope),
        case("slope 0.01", signed(rng, *X_SIGNS), 0.01),
        *drawn_in_memory(rng, case, slope),
    ]


@mistake
def absolute_value(x, slope):
    """Your function takes the absolute value: negative inputs are multiplied by the slope, and
    become 0 with slope 0."""
    return np.abs(x)


EXERCISE = Exercise(
    "rectifier_forward",
    title="Rectifiers",
    minutes=10,
    section="activations.md#the-variants",
    parameters=("x", "slope"),
    returns=("y",),
    reference=reference.rectifier_forward,
    checks={
        "ReLU, slope 0": Check(
            points=2,
            public=[
                case("both signs and zero", [2, -3, 0, 0.3, -0.7], 0.0),
                case("sizes from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3, -0.0], 0.0),
                case("all negative", [-1, -2, -3], 0.0),
                case("all positive", [1, 2, 3], 0.0),
                *in_memory(case, 0.0),
            ],
            held_out=relu,
        ),
        "one slope for all units": Check(
            points=2,
            public=[
                case("both signs and zero", [2, -3, 0, 0.5, -0.25], 0.2),
                case("sizes from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3], 0.1),
                case("slope 0.01", [3, -5], 0.01),
                *in_memory(case, 0.25),
            ],
            held_out=lambda rng: shared(rng, rng.uniform(0.1, 0.4)),
        ),
        "one slope a unit": Check(
            points=2,
            public=[
                case("four examples, three units", X, SLOPES),
                case("as many examples as units", X[:3], SLOPES),
                case(
                    "inputs from 1e-8 to 1000", [[1e-8, -1e3], [-1e-8, 1e3], [-30, 0]], [0.2, 0.4]
                ),
                case("slopes zero", X, np.zeros(3)),
                case("one unit", [[1], [-2], [3]], [0.5]),
                *layouts(case, strided=(X, SLOPES)),
                case("an array stored by columns", column_major(X), SLOPES),
                *layouts(case, readonly=(X, SLOPES)),
            ],
            held_out=lambda rng: [
                case("slopes from 0 to 1", table(rng, 5, 3), slopes(rng, 3)),
                case("as many examples as units", table(rng, 3, 3), slopes(rng, 3)),
                case("inputs from 1e-8 to 1e3", spread(rng, 6, 4), slopes(rng, 4)),
                case("slopes zero", table(rng, 4, 2), np.zeros(2)),
                case("one unit", table(rng, 5, 1), slopes(rng, 1)),
                *layouts(case, strided=(table(rng, 4, 3), [0.1, 0.4, 0.7])),
                case("an array stored by columns", column_major(table(rng, 4, 3)), [0.2, 1, 0]),
                *layouts(case, readonly=(table(rng, 4, 2), [0.3, 0.6])),
            ],
        ),
        "slopes that learning may reach": Check(
            points=1,
            public=[
                case("slopes above 1", X, [2, 1.5, 3]),
                case("negative slopes", X, [-0.5, -2, -0.1]),
                case("slopes of all kinds", X, [-0.5, 0.5, 2]),
                case("one slope above 1 for all units", X, 1.5),
            ],
            held_out=lambda rng: [
                case("slopes above 1", table(rng, 4, 3), rng.uniform(1.2, 3, 3)),
                case("negative slopes", table(rng, 4, 3), -rng.uniform(0.2, 2, 3)),
                case("slopes of all kinds", table(rng, 4, 3), signed(rng, 1, -1, 1)),
                case("one slope above 1 for all units", table(rng, 4, 3), rng.uniform(1.2, 3)),
            ],
        ),
    },
    mistakes={
        "absolute-value": absolute_value,
        "step": edit(
            "Your function returns the slopes 1 and a, the derivative: positive inputs pass as "
            "they are, and a multiplies the others.",
            ("x, slope * x", "1.0, slope"),
        ),
        "softplus": edit(
            "Your function is the softplus log(1 + eˣ), a smooth relative: the rectifiers here "
            "are straight on both sides of 0.",
            ("np.where(x > 0, x, slope * x)", "np.logaddexp(0, x)"),
        ),
        "one-number": edit(
            "Your function returns the one largest number: a rectifier decides for each entry.",
            ("np.where(x > 0, x, slope * x)", "np.max(np.where(x > 0, x, slope * x))"),
        ),
        "positive-ones-selected": edit(
            "Your function drops the negative entries: they are multiplied by the slope and stay "
            "in their place.",
            ("np.where(x > 0, x, slope * x)", "x[x > 0]"),
        ),
        "plain-relu": edit(
            "Your function gives 0 left of 0 and ignores the slope: there y = a x.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(0, x)"),
        ),
        "fixed-slope": edit(
            "Your function always has slope 0.01 and ignores `slope`.", ("slope * x", "0.01 * x")
        ),
        "minimum": edit(
            "Your function takes the smaller of x and a x: positive inputs pass as they are, "
            "negative ones are multiplied by a.",
            ("np.where(x > 0, x, slope * x)", "np.minimum(x, slope * x)"),
        ),
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
            ("slope * x", "(slope[:, None] if np.ndim(slope) else slope) * x"),
        ),
        "mean-slope": edit(
            "Your function uses the mean of the slopes for all units: each unit has its own.",
            ("slope * x", "np.mean(slope) * x"),
        ),
        "first-slope": edit(
            "Your function uses the first slope for all units: each unit has its own.",
            ("slope * x", "np.ravel(slope)[0] * x"),
        ),
        "sides-swapped": edit(
            "Your function has the slope on the positive side: it belongs to x ≤ 0.",
            ("x, slope * x", "slope * x, x"),
        ),
        "slope-on-both-sides": edit(
            "Your function multiplies positive inputs by the slope, too: they pass as they are.",
            ("np.where(x > 0, x, slope * x)", "slope * x"),
        ),
        "slope-added": edit(
            "Your function adds a x on both sides, so positive inputs grow to (1 + a) x: a x "
            "belongs to the left side only.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(0, x) + slope * x"),
        ),
        "slope-as-value": edit(
            "Your function returns the slope itself where x is negative: multiply it by x.",
            ("slope * x", "slope"),
        ),
        "reflected": edit(
            "Your function gives −a x left of 0: it should be a x, which has the sign of x where "
            "a is positive.",
            ("slope * x", "-slope * x"),
        ),
        "exponential": edit(
            "Your function is the exponential linear unit (ELU), a(eˣ − 1) left of 0: a "
            "rectifier has the straight line a x.",
            ("slope * x", "slope * (np.exp(np.minimum(x, 0)) - 1)"),
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
