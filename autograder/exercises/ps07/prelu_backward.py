"""The gradients of parametric ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, layouts

from .signs import G_SIGNS, SLOPES, X_SIGNS, G, X, signed, slopes, table

case = case_maker("x", "slope", "grad_out")

IN_MEMORY = (X, SLOPES, G)


def one_example(rng: Rng) -> list[Case]:
    def one(*signs: int) -> Array:
        return signed(rng, *signs).reshape(1, -1)

    slope = slopes(rng, 6)
    return [
        case("all signs", one(*X_SIGNS), slope, one(*G_SIGNS)),
        case("all inputs negative", one(-1, -1, -1), slope[:3].copy(), one(1, -1, 1)),
        case("all inputs positive", one(1, 1, 1), slope[:3].copy(), one(1, -1, 1)),
    ]


def batch(rng: Rng) -> list[Case]:
    def drawn(label: str, n: int, d: int, sizes: Array | float = 1.0) -> Case:
        return case(label, table(rng, n, d), slopes(rng, d), sizes * table(rng, n, d))

    sizes = 10.0 ** rng.uniform(-8, 3, (6, 3))
    return [
        drawn("five examples, three units", 5, 3),
        drawn("as many examples as units", 4, 4),
        drawn("gradients from 1e-8 to 1e3", 6, 3, sizes),
        case("tiny inputs", 1e-8 * table(rng, 5, 3), slopes(rng, 3), table(rng, 5, 3)),
        case("slopes zero", table(rng, 5, 2), np.zeros(2), table(rng, 5, 2)),
        case("gradient zero", table(rng, 5, 2), slopes(rng, 2), np.zeros((5, 2))),
    ]


def at_zero(rng: Rng) -> list[Case]:
    x = table(rng, 4, 3)
    x[2], x[3, 0] = 0, 0
    return [
        case("some inputs exactly 0", x, slopes(rng, 3), table(rng, 4, 3)),
        case("all inputs exactly 0", np.zeros((3, 2)), slopes(rng, 2), table(rng, 3, 2)),
    ]


def unusual(rng: Rng) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return table(rng, n, d), signed(rng, *(1, -1, 1)[:d]), table(rng, n, d)

    return [
        case("slopes above 1 and below 0", *three(4, 3)),
        case("one unit", *three(4, 1)),
        *layouts(case, strided=three(4, 3), column_major=three(4, 2), readonly=three(4, 3)),
    ]


@mistake
def in_place(x, slope, grad_out):
    """Your function changes `grad_out` in place: compute new arrays."""
    grad_slope = (grad_out * np.minimum(0, x)).sum(axis=0)
    grad_out[x <= 0] = (slope * grad_out)[x <= 0]
    return grad_out, grad_slope


EXERCISE = Exercise(
    "prelu_backward",
    title="The gradients of parametric ReLU",
    minutes=15,
    section="activations.md#the-variants",
    parameters=("x", "slope", "grad_out"),
    returns=("grad_x", "grad_slope"),
    reference=reference.prelu_backward,
    checks={
        "one example": Check(
            points=1,
            public=[
                case("all signs", [[2, 3, -1, -4]], [0.1, 0.2, 0.3, 0.4], [[5, -6, 7, -8]]),
                case("all inputs negative", [[-1, -2]], [0.1, 0.2], [[3, -4]]),
                case("all inputs positive", [[1, 2]], [0.1, 0.2], [[3, -4]]),
            ],
            held_out=one_example,
        ),
        "a batch": Check(
            points=2,
            public=[
                case("four examples, three units", X, SLOPES, G),
                case("as many examples as units", X[:3], SLOPES, G[:3]),
                case("gradients from 1e-8 to 1000", X, SLOPES, G * [[1e-8], [1e3], [1], [1e-3]]),
                case("tiny inputs", X * 1e-8, SLOPES, G),
                case("slopes zero", X, np.zeros(3), G),
                case("gradient zero", X, SLOPES, np.zeros((4, 3))),
            ],
            held_out=batch,
        ),
        "at zero": Check(
            points=1,
            public=[
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
        "unusual slopes and memory layouts": Check(
            points=1,
            public=[
                case("slopes above 1 and below 0", X, [2, -0.5, 1.5], G),
                case("one unit", [[1], [-2], [-3]], [0.5], [[2], [1], [4]]),
                *layouts(case, strided=IN_MEMORY, column_major=IN_MEMORY, readonly=IN_MEMORY),
            ],
            held_out=unusual,
        ),
    },
    mistakes={
        "slope-mean-over-batch": edit(
            "Your gradient of the slopes is a mean over the batch: it is the sum, for a slope is "
            "shared by all examples and their gradients add up.",
            ("np.sum", "np.mean"),
        ),
        "slope-not-summed": edit(
            "Your gradient of the slopes has one row an example: a slope is shared by all "
            "examples, so sum over them (axis 0).",
            ("np.sum(grad_out * np.minimum(0, x), axis=0)", "grad_out * np.minimum(0, x)"),
        ),
        "slope-summed-over-units": edit(
            "Your gradient of the slopes sums over the units (axis 1): sum over the examples "
            "(axis 0), which leaves one number a unit.",
            ("axis=0", "axis=1"),
        ),
        "slope-summed-over-all": edit(
            "Your gradient of the slopes is one number: each unit has its own slope, so sum over "
            "the examples only (axis 0).",
            (", axis=0", ""),
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
            ("np.sum(grad_out", "np.sum(slope * grad_out"),
        ),
        "slope-from-grad-x": edit(
            "Your gradient of the slopes is computed from the gradient of x: use `grad_out`, and "
            "only where x < 0.",
            ("grad_out * np.minimum(0, x)", "grad_x * x"),
        ),
        "blocked": edit(
            "Your gradient of x is 0 left of 0, as with the plain ReLU: there it is a times "
            "`grad_out`.",
            ("slope * grad_out", "0"),
        ),
        "sides-swapped": edit(
            "Your gradient of x has the slope on the positive side: it belongs to x ≤ 0.",
            ("grad_out, slope * grad_out", "slope * grad_out, grad_out"),
        ),
        "one-at-zero": edit(
            "Your derivative at x = 0 is 1: the course takes the left one there, the slope a, as "
            "torch does.",
            ("x > 0", "x >= 0"),
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
