"""Leaky ReLU."""

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Rng, case_maker, spread

from .rectifiers import drawn_in_memory, in_memory
from .signs import X_SIGNS, signed

case = case_maker("x", "slope")


def drawn(rng: Rng, slope: float) -> list[Case]:
    return [
        case("both signs", signed(rng, *X_SIGNS), slope),
        case("sizes from 1e-8 to 1e3", spread(rng, 12), slope),
        case("slope 0.01", signed(rng, *X_SIGNS), 0.01),
        case("slope zero", signed(rng, *X_SIGNS), 0.0),
    ]


EXERCISE = Exercise(
    "leaky_relu_forward",
    title="Leaky ReLU",
    minutes=3,
    section="activations.md#the-variants",
    parameters=("x", "slope"),
    returns=("y",),
    reference=reference.leaky_relu_forward,
    checks={
        "values": Check(
            points=1,
            public=[
                case("both signs and zero", [2, -3, 0, 0.5, -0.25], 0.2),
                case("sizes from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3], 0.1),
                case("slope 0.01", [3, -5], 0.01),
                case("slope zero", [3, -5], 0.0),
            ],
            held_out=lambda rng: drawn(rng, rng.uniform(0.1, 0.4)),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=in_memory(case, 0.25),
            held_out=lambda rng: drawn_in_memory(rng, case, rng.uniform(0.1, 0.4)),
        ),
    },
    mistakes={
        "plain-relu": edit(
            "Your function gives 0 left of 0, which is the plain ReLU: the leaky one gives a x.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(0, x)"),
        ),
        "fixed-slope": edit(
            "Your function always has slope 0.01 and ignores `slope`.", ("slope * x", "0.01 * x")
        ),
        "minimum": edit(
            "Your function has the slope on the positive side (the smaller of x and a x): "
            "positive inputs pass as they are, negative ones are multiplied by a.",
            ("np.where(x > 0, x, slope * x)", "np.minimum(x, slope * x)"),
        ),
        "slope-on-both-sides": edit(
            "Your function multiplies positive inputs by the slope, too: they pass as they are.",
            ("np.where(x > 0, x, slope * x)", "slope * x"),
        ),
        "reflected": edit(
            "Your function gives −a x left of 0, which is positive: it should be a x, negative "
            "like x.",
            ("slope * x", "-slope * x"),
        ),
        "slope-as-value": edit(
            "Your function returns the slope itself where x is negative: multiply it by x.",
            ("slope * x", "slope"),
        ),
        "slope-added": edit(
            "Your function adds a x on both sides, so positive inputs grow to (1 + a) x: a x "
            "belongs to the left side only.",
            ("np.where(x > 0, x, slope * x)", "np.maximum(0, x) + slope * x"),
        ),
        "exponential": edit(
            "Your function is the exponential linear unit (ELU), a(eˣ − 1) left of 0: the leaky "
            "ReLU has the straight line a x.",
            ("slope * x", "slope * (np.exp(np.minimum(x, 0)) - 1)"),
        ),
        "in-place": edit(
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            ("return np.where(x > 0, x, slope * x)", "x[x < 0] *= slope\n    return x"),
        ),
    },
    equivalents={
        "return np.where(x >= 0, x, slope * x)": "At 0 both sides are 0.",
    },
)
