"""ReLU."""

from autograder import reference
from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import case_maker, spread

from .rectifiers import drawn_in_memory, in_memory
from .signs import X_SIGNS, signed

case = case_maker("x")


EXERCISE = Exercise(
    "relu_forward",
    title="ReLU",
    minutes=3,
    section="activations.md#the-rule",
    parameters=("x",),
    returns=("y",),
    reference=reference.relu_forward,
    checks={
        "values": Check(
            points=1,
            public=[
                case("both signs and zero", [2, -3, 0, 0.3, -0.7]),
                case("sizes from 1e-8 to 1000", [1e-8, -1e-8, 1e3, -1e3, -0.0]),
                case("all negative", [-1, -2, -3]),
                case("all positive", [1, 2, 3]),
            ],
            held_out=lambda rng: [
                case("both signs", signed(rng, *X_SIGNS)),
                case("sizes from 1e-8 to 1e3", spread(rng, 12)),
                case("all negative", signed(rng, -1, -1, -1)),
                case("all positive", signed(rng, 1, 1, 1)),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=in_memory(case),
            held_out=lambda rng: drawn_in_memory(rng, case),
        ),
    },
    mistakes={
        "absolute-value": edit(
            "Your function takes the absolute value: ReLU sets negative inputs to 0.",
            ("np.maximum(0, x)", "np.abs(x)"),
        ),
        "other-side": edit(
            "Your function keeps the negative inputs: ReLU keeps the positive ones, max(0, x).",
            ("maximum", "minimum"),
        ),
        "step": edit(
            "Your function returns 0 or 1, which is the derivative of ReLU: positive inputs pass "
            "as they are.",
            ("np.maximum(0, x)", "(x > 0) * 1.0"),
        ),
        "leaky": edit(
            "Your function lets 0.01 x through left of 0: that is the leaky ReLU, which comes "
            "later; ReLU gives 0.",
            ("np.maximum(0, x)", "np.where(x > 0, x, 0.01 * x)"),
        ),
        "softplus": edit(
            "Your function is the softplus log(1 + eˣ), a smooth relative: ReLU is max(0, x).",
            ("maximum", "logaddexp"),
        ),
        "one-number": edit(
            "Your function returns the one largest number: ReLU compares each entry with 0 "
            "(np.maximum, not np.max).",
            ("np.maximum(0, x)", "np.max(np.append(x, 0))"),
        ),
        "positive-ones-selected": edit(
            "Your function drops the negative entries: they become 0 and stay in their place.",
            ("np.maximum(0, x)", "x[x > 0]"),
        ),
        "in-place": edit(
            "Your function changes `x` in place, which the backward pass still needs: compute a "
            "new array.",
            ("return np.maximum(0, x)", "x[x < 0] = 0\n    return x"),
        ),
    },
)
