"""The gradients of ReLU, leaky ReLU and parametric ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    MakeCase,
    Rng,
    case_maker,
    column_major,
    floats,
    layouts,
)

from .rectifiers import drawn_at_zero, gradients_in_memory
from .signs import G_SIGNS, SLOPES, X_SIGNS, G, X, signed, slopes, table

case = case_maker("x", "slope", "grad_out")

IN_MEMORY = (X, SLOPES, G)


def with_slope(slope: float, kind: str = "") -> MakeCase:
    """Cases of one slope for all units; ``kind`` goes before their labels."""
    return lambda label, x, grad_out: case(kind + label, x, slope, grad_out)


def both_sides(rng: Rng, make: MakeCase) -> list[Case]:
    x, g = signed(rng, *X_SIGNS), signed(rng, *G_SIGNS)
    sizes = 10.0 ** rng.uniform(-8, 3, 6)
    return [
        make("all signs", x, g),
        make("gradients from 1e-8 to 1e3", x, sizes * floats(G_SIGNS)),
        make("inputs from 1e-8 to 1e3", sizes * floats(X_SIGNS), g),
        make("gradient zero", x, np.zeros(6)),
    ]


def shared(rng: Rng) -> list[Case]:
    return [
        *both_sides(rng, with_slope(0.0, "ReLU, ")),
        *both_sides(rng, with_slope(rng.uniform(0.1, 0.4))),
        case("slope 0.01", signed(rng, *X_SIGNS), 0.01, signed(rng, *G_SIGNS)),
        case("four examples, three units", table(rng, 4, 3), 0.3, table(rng, 4, 3)),
    ]


def one_a_unit(rng: Rng) -> list[Case]:
    def one(*signs: int) -> Array:
        return signed(rng, *signs).reshape(1, -1)

    def drawn(label: str, n: int, d: int, sizes: Array | float = 1.0) -> Case:
        return case(label, table(rng, n, d), slopes(rng, d), sizes * table(rng, n, d))

    slope = slopes(rng, 6)
    sizes = 10.0 ** rng.uniform(-8, 3, (6, 3))
    return [
        case("one example, all signs", one(*X_SIGNS), slope, one(*G_SIGNS)),
        case("one example, all negative", one(-1, -1, -1), slope[:3].copy(), one(1, -1, 1)),
        case("one example, all positive", one(1, 1, 1), slope[:3].copy(), one(1, -1, 1)),
        drawn("five examples, three units", 5, 3),
        drawn("as many examples as units", 4, 4),
        drawn("gradients from 1e-8 to 1e3", 6, 3, sizes),
        case("tiny inputs", 1e-8 * table(rng, 5, 3), slopes(rng, 3), table(rng, 5, 3)),
        case("slopes zero", table(rng, 5, 2), np.zeros(2), table(rng, 5, 2)),
        case("gradient zero", table(rng, 5, 2), slopes(rng, 2), np.zeros((5, 2))),
    ]


def at_zero(rng: Rng) -> list[Case]:
    x, g = table(rng, 4, 3), table(rng, 4, 3)
    x[2], x[3, 0] = 0, 0
    return [
        *drawn_at_zero(rng, with_slope(0.0, "ReLU, ")),
        *drawn_at_zero(rng, with_slope(rng.uniform(0.1, 0.4))),
        case("some inputs exactly 0", x, slopes(rng, 3), np.where(x > 0, np.abs(g), g)),
        case("all inputs exactly 0", np.zeros((3, 2)), slopes(rng, 2), table(rng, 3, 2)),
    ]


def unusual(rng: Rng) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return table(rng, n, d), signed(rng, *(1, -1, 1)[:d]), table(rng, n, d)

    x, g = signed(rng, *X_SIGNS), signed(rng, *G_SIGNS)
    make, x_2d, g_2d = with_slope(rng.uniform(0.1, 0.4), "one slope, "), *map(in_two, (x, g))
    return [
        *layouts(
            make,
            number=(-rng.uniform(1, 2), 1.5),
            two_d=(x_2d, g_2d),
            three_d=(x.reshape(3, 1, 2), g.reshape(3, 1, 2)),
            strided=(x, g),
        ),
        make("arrays stored by columns", column_major(x_2d), g_2d),
        *layouts(make, readonly=(x, g)),
        case("slopes above 1 and below 0", *three(4, 3)),
        case("one unit", *three(4, 1)),
        *layouts(case, strided=three(4, 3), column_major=three(4, 2), readonly=three(4, 3)),
    ]


def in_two(row: Array) -> Array:
    return row.reshape(2, 3)


@mistake
def mean_at_zero(x, slope, grad_out):
    """Your derivative at x = 0 is the mean of both sides: the course takes the left one there, the
    slope a, as torch does."""
    grad_x = grad_out * np.where(x > 0, 1, np.where(x == 0, (1 + slope) / 2, slope))
    terms = grad_out * np.minimum(0, x)
    return grad_x, terms.sum(axis=0) if np.ndim(slope) else terms.sum()


@mistake
def in_place(x, slope, grad_out):
    """Your function changes `grad_out` in place: compute new arrays."""
    terms = grad_out * np.minimum(0, x)
    grad_out[x <= 0] = (slope * grad_out)[x <= 0]
    return grad_out, terms.sum(axis=0) if np.ndim(slope) else terms.sum()


EXERCISE = Exercise(
    "rectifier_backward",
    title="The gradients of rectifiers",
    minutes=25,
    section="activations.md#the-variants",
    parameters=("x", "slope", "grad_out"),
    returns=("grad_x", "grad_slope"),
    reference=reference.rectifier_backward,
    checks={
        "one slope for all units": Check(
            points=4,
            public=[
                case("ReLU, all signs", [2, 3, -1, -4], 0.0, [5, -6, 7, -8]),
                case(
                    "ReLU, gradients from 1e-8 to 1000",
                    *([2, 3, 0.5, -1, -4], 0.0, [1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                case(
                    "ReLU, inputs from 1e-8 to 1000",
                    *([1e-8, -1e-8, 1e3, -1e3], 0.0, [5, 6, -7, -8]),
                ),
                case("ReLU, gradient zero", [1, -1], 0.0, np.zeros(2)),
                case("all signs", [2, 3, -1, -4], 0.2, [5, -6, 7, -8]),
                case(
                    "gradients from 1e-8 to 1000",
                    *([2, 3, 0.5, -1, -4], 0.1, [1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                case("inputs from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3], 0.1, [5, 6, -7, -8]),
                case("slope 0.01", [1, -1], 0.01, [2, 3]),
                case("gradient zero", [1, -1], 0.1, np.zeros(2)),
                case("four examples, three units", X, 0.3, G),
            ],
            held_out=shared,
        ),
        "one slope a unit": Check(
            points=4,
            public=[
                case(
                    "one example, all signs",
                    [[2, 3, -1, -4]],
                    [0.1, 0.2, 0.3, 0.4],
                    [[5, -6, 7, -8]],
                ),
                case("one example, all negative", [[-1, -2]], [0.1, 0.2], [[3, -4]]),
                case("one example, all positive", [[1, 2]], [0.1, 0.2], [[3, -4]]),
                case("four examples, three units", X, SLOPES, G),
                case("as many examples as units", X[:3], SLOPES, G[:3]),
                case("gradients from 1e-8 to 1000", X, SLOPES, G * [[1e-8], [1e3], [1], [1e-3]]),
                case("tiny inputs", X * 1e-8, SLOPES, G),
                case("slopes zero", X, np.zeros(3), G),
                case("gradient zero", X, SLOPES, np.zeros((4, 3))),
            ],
            held_out=one_a_unit,
        ),
        "at zero": Check(
            points=3,
            public=[
                case("ReLU, inputs exactly 0", np.zeros(3), 0.0, [3, -2, 0.5]),
                case("ReLU, a negative zero", [-0.0, -0.0], 0.0, [-1, 4]),
                case("ReLU, inputs next to 0", [5e-324, -5e-324, 0], 0.0, [3, 2, 4]),
                case("inputs exactly 0", np.zeros(3), 0.2, [3, -2, 0.5]),
                case("a negative zero", [-0.0, -0.0], 0.2, [-1, 4]),
                case("inputs next to 0", [5e-324, -5e-324, 0], 0.2, [1, 2, 3]),
                case(
                    "some inputs exactly 0",
                    [[1, -1], [0, 0], [-2, 2], [0, 3], [0, 0]],
                    [0.5, 0.2],
                    [[3, 1], [2, -1], [-1, 5], [4, 2], [-3, 6]],
                ),
                case("all inputs exactly 0", np.zeros((2, 2)), [0.5, 0.2], [[1, 2], [3, 5]]),
            ],
            held_out=at_zero,
        ),
        "unusual slopes, shapes and memory layouts": Check(
            points=2,
            public=[
                *gradients_in_memory(with_slope(0.3, "one slope, ")),
                case("slopes above 1 and below 0", X, [2, -0.5, 1.5], G),
                case("one unit", [[1], [-2], [-3]], [0.5], [[2], [1], [4]]),
                *layouts(case, strided=IN_MEMORY, column_major=IN_MEMORY, readonly=IN_MEMORY),
            ],
            held_out=unusual,
        ),
    },
    mistakes={
        "one-at-zero": edit(
            "Your derivative at x = 0 is 1: the course takes the left one there, the slope a, as "
            "torch does (x > 0, not x ≥ 0).",
            ("x > 0", "x >= 0"),
        ),
        "mean-at-zero": mean_at_zero,
        "zero-at-zero": edit(
            "Your derivative at x = 0 is always 0: the course takes the left one there, the "
            "slope a, as torch does.",
            (
                "np.where(x > 0, grad_out, slope * grad_out)",
                "grad_out * ((x > 0) + slope * (x < 0))",
            ),
        ),
        "derivative-alone": edit(
            "Your gradient of x is the derivative alone: by the chain rule it multiplies "
            "`grad_out`.",
            ("grad_out, slope * grad_out", "1.0, slope"),
        ),
        "relu-of-the-gradient": edit(
            "Your function applies ReLU to the gradient: what decides is the sign of the input x; "
            "negative gradients pass where x > 0.",
            ("np.where(x > 0, grad_out, slope * grad_out)", "np.maximum(0, grad_out)"),
        ),
        "nothing-blocked": edit(
            "Your function passes the gradient everywhere: where x ≤ 0 the slope multiplies it.",
            ("np.where(x > 0, grad_out, slope * grad_out)", "grad_out.copy()"),
        ),
        "value-for-slope": edit(
            "Your function multiplies the gradient by the value of the rectifier: multiply by its "
            "slope, 1 or a.",
            ("grad_out, slope * grad_out)", "x, slope * x) * grad_out"),
        ),
        "negative-gradients-blocked": edit(
            "Your function also blocks negative gradients where x > 0: only the sign of x decides.",
            ("x > 0, grad_out", "x > 0, np.maximum(0, grad_out)"),
        ),
        "blocked": edit(
            "Your gradient of x is 0 left of 0, as with the plain ReLU: there it is a times "
            "`grad_out`.",
            ("slope * grad_out", "0"),
        ),
        "fixed-slope": edit(
            "Your gradient of x always has slope 0.01 left of 0 and ignores `slope`.",
            ("slope * grad_out", "0.01 * grad_out"),
        ),
        "slope-alone": edit(
            "Your gradient of x is the slope itself where x ≤ 0: multiply it by `grad_out`.",
            ("slope * grad_out", "slope"),
        ),
        "sides-swapped": edit(
            "Your gradient of x has the slope on the positive side: it belongs to x ≤ 0.",
            ("grad_out, slope * grad_out", "slope * grad_out, grad_out"),
        ),
        "negative-slope": edit(
            "Your gradient of x is multiplied by −a left of 0: the slope there is +a.",
            ("slope * grad_out", "-slope * grad_out"),
        ),
        "sign-of-the-gradient": edit(
            "Your function looks at the sign of the gradient: what decides is the sign of the "
            "input x.",
            ("x > 0", "grad_out > 0"),
        ),
        "slope-mean-over-batch": edit(
            "Your gradient of the slopes is a mean over the batch: it is the sum, for a slope is "
            "shared by all examples and their gradients add up.",
            (
                "terms.sum(axis=0) if np.ndim(slope) else terms.sum()",
                "terms.mean(axis=0) if np.ndim(slope) else terms.mean()",
            ),
        ),
        "slope-not-summed": edit(
            "Your gradient of the slopes has one entry for each output: a slope is shared by all "
            "examples, so sum over them.",
            ("terms.sum(axis=0) if np.ndim(slope) else terms.sum()", "terms"),
        ),
        "slope-summed-over-units": edit(
            "Your gradient of the slopes sums over the units (axis 1): sum over the examples "
            "(axis 0), which leaves one number a unit.",
            ("axis=0", "axis=1"),
        ),
        "slope-summed-over-all": edit(
            "Your gradient of the slopes is always one number: where each unit has its own slope, "
            "sum over the examples only (axis 0).",
            ("terms.sum(axis=0) if np.ndim(slope) else terms.sum()", "terms.sum()"),
        ),
        "slope-summed-over-examples-only": edit(
            "Your gradient of the slope is always summed over the first axis only: where all "
            "units share one slope, sum over everything.",
            ("terms.sum(axis=0) if np.ndim(slope) else terms.sum()", "terms.sum(axis=0)"),
        ),
        "slope-from-all-inputs": edit(
            "Your gradient of the slopes counts positive inputs, too: the output depends on the "
            "slope only where x < 0.",
            ("np.minimum(0, x)", "x"),
        ),
        "slope-from-positive-inputs": edit(
            "Your gradient of the slopes comes from the positive inputs: the output depends on "
            "the slope only where x < 0.",
            ("minimum", "maximum"),
        ),
        "slope-without-gradient": edit(
            "Your gradient of the slopes forgets `grad_out`: by the chain rule it multiplies "
            "min(0, x).",
            ("grad_out * np.minimum", "np.minimum"),
        ),
        "slope-without-input": edit(
            "Your gradient of the slopes adds up `grad_out` alone: the derivative of a x with "
            "respect to a is x.",
            ("np.minimum(0, x)", "(x <= 0)"),
        ),
        "slope-of-opposite-sign": edit(
            "Your gradient of the slopes has the opposite sign: the derivative of a x with respect "
            "to a is x, which is negative there.",
            ("np.minimum(0, x)", "np.maximum(0, -x)"),
        ),
        "slope-times-slope": edit(
            "Your gradient of the slopes is multiplied by the slope: the derivative of a x with "
            "respect to a is x alone.",
            ("terms = grad_out", "terms = slope * grad_out"),
        ),
        "slope-from-grad-x": edit(
            "Your gradient of the slopes is computed from the gradient of x: use `grad_out`, and "
            "only where x < 0.",
            ("grad_out * np.minimum(0, x)", "grad_x * x"),
        ),
        "outputs-swapped": edit(
            "Your function returns the two gradients in the other order: (grad_x, grad_slope).",
            ("return grad_x, grad_slope", "return grad_slope, grad_x"),
        ),
        "slope-gradient-missing": edit(
            "Your function returns the gradient of x alone: without that of the slopes they "
            "cannot be learned. Return both, (grad_x, grad_slope).",
            ("return grad_x, grad_slope", "return grad_x"),
        ),
        "in-place": in_place,
    },
)
