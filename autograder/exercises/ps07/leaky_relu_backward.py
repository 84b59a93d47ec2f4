"""The gradient of leaky ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import MakeCase, Rng, case_maker, column_major, floats, layouts

from .rectifiers import drawn_at_zero, gradients_in_memory
from .signs import G_SIGNS, X_SIGNS, signed

case = case_maker("x", "slope", "grad_out")


def with_slope(slope: float) -> MakeCase:
    return lambda label, x, grad_out: case(label, x, slope, grad_out)


def both_sides(rng: Rng, slope: float) -> list[Case]:
    x, g = signed(rng, *X_SIGNS), signed(rng, *G_SIGNS)
    sizes = 10.0 ** rng.uniform(-8, 3, 6)
    return [
        case("all signs", x, slope, g),
        case("gradients from 1e-8 to 1e3", x, slope, sizes * floats(G_SIGNS)),
        case("inputs from 1e-8 to 1e3", sizes * floats(X_SIGNS), slope, g),
        case("slope 0.01", x, 0.01, g),
        case("slope zero", x, 0.0, g),
        case("gradient zero", x, slope, np.zeros(6)),
    ]


def in_memory(rng: Rng, slope: float) -> list[Case]:
    x, g = signed(rng, *X_SIGNS), signed(rng, *G_SIGNS)
    make, x_2d, g_2d = with_slope(slope), x.reshape(2, 3), g.reshape(2, 3)
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
    ]


@mistake
def mean_at_zero(x, slope, grad_out):
    """Your derivative at x = 0 is the mean of both sides: the course takes the left one there, the
    slope a, as torch does."""
    return grad_out * np.where(x > 0, 1, np.where(x == 0, (1 + slope) / 2, slope))


EXERCISE = Exercise(
    "leaky_relu_backward",
    title="The gradient of leaky ReLU",
    minutes=5,
    section="activations.md#the-variants",
    parameters=("x", "slope", "grad_out"),
    returns=("grad_x",),
    reference=reference.leaky_relu_backward,
    checks={
        "on both sides of zero": Check(
            points=2,
            public=[
                case("all signs", [2, 3, -1, -4], 0.2, [5, -6, 7, -8]),
                case(
                    "gradients from 1e-8 to 1000",
                    *([2, 3, 0.5, -1, -4], 0.1, [1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                case("inputs from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3], 0.1, [5, 6, -7, -8]),
                case("slope 0.01", [1, -1], 0.01, [2, 3]),
                case("slope zero", [1, -1], 0.0, [2, 3]),
                case("gradient zero", [1, -1], 0.1, np.zeros(2)),
            ],
            held_out=lambda rng: both_sides(rng, rng.uniform(0.1, 0.4)),
        ),
        "at zero": Check(
            points=1,
            public=[
                case("inputs exactly 0", np.zeros(3), 0.2, [3, -2, 0.5]),
                case("a negative zero", [-0.0, -0.0], 0.2, [-1, 4]),
                case("inputs next to 0", [5e-324, -5e-324, 0], 0.2, [1, 2, 3]),
            ],
            held_out=lambda rng: drawn_at_zero(rng, with_slope(rng.uniform(0.1, 0.4))),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=gradients_in_memory(with_slope(0.3)),
            held_out=lambda rng: in_memory(rng, rng.uniform(0.1, 0.4)),
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
            "Your derivative at x = 0 is 0: both sides of a leaky ReLU have a slope, and the "
            "course takes the left one there, a, as torch does.",
            (
                "np.where(x > 0, grad_out, slope * grad_out)",
                "grad_out * ((x > 0) + slope * (x < 0))",
            ),
        ),
        "blocked": edit(
            "Your function blocks the gradient left of 0, as the plain ReLU does: multiply it by "
            "the slope there.",
            ("slope * grad_out", "0"),
        ),
        "fixed-slope": edit(
            "Your function always has slope 0.01 and ignores `slope`.",
            ("slope * grad_out", "0.01 * grad_out"),
        ),
        "derivative-alone": edit(
            "Your function returns the derivative alone: by the chain rule it multiplies "
            "`grad_out`.",
            ("grad_out, slope * grad_out", "1.0, slope"),
        ),
        "slope-alone": edit(
            "Your function returns the slope itself where x ≤ 0: multiply it by `grad_out`.",
            ("slope * grad_out", "slope"),
        ),
        "sides-swapped": edit(
            "Your function has the slope on the positive side: it belongs to x ≤ 0.",
            ("grad_out, slope * grad_out", "slope * grad_out, grad_out"),
        ),
        "negative-slope": edit(
            "Your function multiplies by −a left of 0: the function rises there, too, so the "
            "slope is +a.",
            ("slope * grad_out", "-slope * grad_out"),
        ),
        "value-for-slope": edit(
            "Your function multiplies the gradient by the value of the leaky ReLU: multiply by "
            "its slope, 1 or a.",
            ("grad_out, slope * grad_out)", "x, slope * x) * grad_out"),
        ),
        "sign-of-the-gradient": edit(
            "Your function looks at the sign of the gradient: what decides is the sign of the "
            "input x.",
            ("x > 0", "grad_out > 0"),
        ),
        "in-place": edit(
            "Your function changes `grad_out` in place: compute a new array.",
            (
                "return np.where(x > 0, grad_out, slope * grad_out)",
                "grad_out[x <= 0] *= slope\n    return grad_out",
            ),
        ),
    },
)
