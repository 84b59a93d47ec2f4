"""The gradient of ReLU."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

from .rectifiers import drawn_at_zero, gradients_in_memory
from .signs import G_SIGNS, X_SIGNS, signed

case = case_maker("x", "grad_out")


def both_sides(x: Array, g: Array, sizes: Array) -> list[Case]:
    return [
        case("all signs", x, g),
        case("gradients from 1e-8 to 1e3", x, sizes * floats(G_SIGNS)),
        case("inputs from 1e-8 to 1e3", sizes * floats(X_SIGNS), g),
        case("gradient zero", x, np.zeros(6)),
    ]


def in_memory(rng: Rng) -> list[Case]:
    x, g = signed(rng, *X_SIGNS), signed(rng, *G_SIGNS)
    return layouts(
        case,
        number=(-rng.uniform(1, 2), rng.uniform(1, 2)),
        two_d=(x.reshape(2, 3), g.reshape(2, 3)),
        three_d=(x.reshape(3, 1, 2), g.reshape(3, 1, 2)),
        strided=(x, g),
        column_major=(x.reshape(2, 3), g.reshape(2, 3)),
        readonly=(x, g),
    )


EXERCISE = Exercise(
    "relu_backward",
    title="The gradient of ReLU",
    minutes=5,
    section="activations.md#the-rule",
    parameters=("x", "grad_out"),
    returns=("grad_x",),
    reference=reference.relu_backward,
    checks={
        "on both sides of zero": Check(
            points=2,
            public=[
                case("all signs", [2, 3, -1, -4], [5, -6, 7, -8]),
                case(
                    "gradients from 1e-8 to 1000",
                    *([2, 3, 0.5, -1, -4], [1e-8, -1e3, 30, 1e3, -1e-8]),
                ),
                case("inputs from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3], [5, 6, -7, -8]),
                case("gradient zero", [1, -1], np.zeros(2)),
            ],
            held_out=lambda rng: both_sides(
                signed(rng, *X_SIGNS), signed(rng, *G_SIGNS), 10.0 ** rng.uniform(-8, 3, 6)
            ),
        ),
        "at zero": Check(
            points=1,
            public=[
                case("inputs exactly 0", np.zeros(3), [3, -2, 0.5]),
                case("a negative zero", [-0.0, -0.0], [-1, 4]),
                case("inputs next to 0", [5e-324, -5e-324, 0], [3, 2, 4]),
            ],
            held_out=lambda rng: drawn_at_zero(rng, case),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=gradients_in_memory(case),
            held_out=in_memory,
        ),
    },
    mistakes={
        "one-at-zero": edit(
            "Your derivative at x = 0 is 1: there every slope from 0 to 1 would do, and the "
            "course takes 0, as torch does (x > 0, not x ≥ 0).",
            ("x > 0", "x >= 0"),
        ),
        "half-at-zero": edit(
            "Your derivative at x = 0 is ½: there every slope from 0 to 1 would do, and the "
            "course takes 0, as torch does.",
            ("(x > 0)", "np.heaviside(x, 0.5)"),
        ),
        "derivative-alone": edit(
            "Your function returns the derivative of ReLU alone: by the chain rule it multiplies "
            "`grad_out`.",
            ("grad_out * (x > 0)", "(x > 0) * 1.0"),
        ),
        "relu-of-the-gradient": edit(
            "Your function applies ReLU to the gradient: what decides is the sign of the input x; "
            "negative gradients pass where x > 0.",
            ("grad_out * (x > 0)", "np.maximum(0, grad_out)"),
        ),
        "nothing-blocked": edit(
            "Your function passes the gradient everywhere: where x ≤ 0 the output is constant, so "
            "the gradient is 0.",
            ("grad_out * (x > 0)", "grad_out.copy()"),
        ),
        "value-for-slope": edit(
            "Your function multiplies by the value max(0, x): multiply by the slope, which is 1 "
            "where x > 0.",
            ("(x > 0)", "np.maximum(0, x)"),
        ),
        "other-side": edit(
            "Your function passes the gradient where x < 0: it passes where x > 0.",
            ("x > 0", "x < 0"),
        ),
        "leaky": edit(
            "Your function lets 0.01 of the gradient through left of 0: that is the leaky ReLU; "
            "ReLU blocks all of it.",
            ("grad_out * (x > 0)", "np.where(x > 0, grad_out, 0.01 * grad_out)"),
        ),
        "negative-gradients-blocked": edit(
            "Your function also blocks negative gradients: only the sign of x decides.",
            ("(x > 0)", "(x > 0) * (grad_out > 0)"),
        ),
        "in-place": edit(
            "Your function changes `grad_out` in place: compute a new array.",
            ("return grad_out * (x > 0)", "grad_out[x <= 0] = 0\n    return grad_out"),
        ),
    },
)
