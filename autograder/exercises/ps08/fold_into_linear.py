"""Folding it away."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats

from .batches import BETA, GAMMA, MEAN, TINY, VAR, in_memory, parameters, shifts, statistics

case = case_maker("W", "b", "gamma", "beta", "running_mean", "running_var", "eps")

W = floats([[1, -2], [0.5, 3], [-1, 0.25]])
W_SQUARE = floats([[1, -2, 0.5], [0.5, 3, -1], [-1, 0.25, 2]])
W_WIDE = [[1, 2, -1, 0.5], [0, -2, 3, 1], [2, 1, 1, -3]]
REST = (floats([0.5, -1.5, 2]), GAMMA, BETA, MEAN, VAR)
ZERO = np.zeros(3)
LARGE_AND_SMALL = floats([[1e3, 1], [1e-8, 1e-3], [1, 1e2]])


def layer(rng: Rng, out: int, into: int) -> list[Array]:
    W = rng.normal(size=(out, into))
    return [W, shifts(rng, out), *parameters(rng, out), *statistics(rng, out)]


def scale_alone(label: str, W: Array, b: Array, gamma: Array, *rest: Array) -> Case:
    zero = np.zeros(len(b))
    return case(label, W, zero, gamma, zero, zero, rest[-1], 1e-5)


def small(rng: Rng) -> list[Case]:
    first, second, third = layer(rng, 3, 4), layer(rng, 3, 2), layer(rng, 3, 2)
    return [
        case("running variance zero", *first[:5], ZERO, 1e-3),
        case("tiny running variances", *second[:5], TINY, 1e-5),
        case("a large ε", *layer(rng, 3, 2), 0.5),
        case("entries from 1e-8 to 1e3", third[0] * LARGE_AND_SMALL, *third[1:], 1e-5),
    ]


EXERCISE = Exercise(
    "fold_into_linear",
    title="Folding it away",
    minutes=15,
    section="batch-normalization.md#folding-it-away",
    parameters=("W", "b", "gamma", "beta", "running_mean", "running_var", "eps"),
    returns=("W", "b"),
    reference=reference.fold_into_linear,
    checks={
        "the scale alone": Check(
            points=1,
            public=[
                scale_alone("more units than inputs", W, *REST),
                scale_alone("as many units as inputs", W_SQUARE, *REST),
            ],
            held_out=lambda rng: [
                scale_alone("more units than inputs", *layer(rng, 4, 2)),
                scale_alone("as many units as inputs", *layer(rng, 4, 4)),
            ],
        ),
        "the same function": Check(
            points=2,
            public=[
                case("more units than inputs", W, *REST, 1e-5),
                case("fewer units than inputs", W_WIDE, *REST, 1e-3),
                case("as many units as inputs", W_SQUARE, *REST, 1e-5),
            ],
            held_out=lambda rng: [
                case("more units than inputs", *layer(rng, 4, 2), 1e-5),
                case("fewer units than inputs", *layer(rng, 3, 5), 1e-3),
                case("as many units as inputs", *layer(rng, 3, 3), 1e-5),
            ],
            relation="folding_keeps_the_function",
        ),
        "small variances, entries of very different size": Check(
            points=1,
            public=[
                case("running variance zero", W, *REST[:4], ZERO, 1e-3),
                case("tiny running variances", W, *REST[:4], TINY, 1e-5),
                case("a large ε", W, *REST, 0.5),
                case("entries from 1e-8 to 1000", W * LARGE_AND_SMALL, *REST, 1e-5),
            ],
            held_out=small,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one unit", [[1, -2, 3]], [0.5], [2], [-1], [0.25], [4], 1e-5),
                case("one input", [[1], [-2], [3]], *REST, 1e-5),
                *in_memory(case, lambda: (W, *REST), 1e-5, stored="a matrix"),
            ],
            held_out=lambda rng: [
                case("one unit", *layer(rng, 1, 3), 1e-5),
                case("one input", *layer(rng, 3, 1), 1e-5),
                *in_memory(case, lambda: layer(rng, 3, 2), 1e-5, stored="a matrix"),
            ],
        ),
    },
    mistakes={
        "columns-scaled": edit(
            "Your function scales the columns of W: a unit is a row of W, so the scale of unit j "
            "multiplies row j.",
            ("scale[:, np.newaxis] * W", "W * scale"),
        ),
        "normalization-before": edit(
            "Your function folds a normalization that stands before the linear layer: here it "
            "comes after it, so it scales the rows of W and the old bias.",
            ("scale[:, np.newaxis] * W", "W * scale"),
            ("scale * (b - running_mean) + beta", "b + W @ (beta - scale * running_mean)"),
        ),
        "weights-not-scaled": edit(
            "Your function leaves W as it was: its rows are multiplied by γ/√(s² + ε).",
            ("scale[:, np.newaxis] * W", "W.copy()"),
        ),
        "bias-not-scaled": edit(
            "Your function leaves the old bias unscaled: it is normalized like the rest of the "
            "layer's output, c (b − m) + β.",
            ("scale * (b - running_mean)", "b - scale * running_mean"),
        ),
        "mean-not-scaled": edit(
            "Your function subtracts the running mean unscaled: it is c (b − m) + β.",
            ("scale * (b - running_mean)", "scale * b - running_mean"),
        ),
        "old-bias-dropped": edit(
            "Your function drops the old bias: in training the batch's own mean cancels it, at "
            "inference it counts, c (b − m) + β.",
            ("scale * (b - running_mean) + beta", "beta - scale * running_mean"),
        ),
        "mean-forgotten": edit(
            "Your function forgets the running mean: the new bias is c (b − m) + β.",
            ("(b - running_mean)", "b"),
        ),
        "mean-added": edit(
            "Your function adds the running mean: subtract it, c (b − m) + β.", ("b - ", "b + ")
        ),
        "shift-forgotten": edit(
            "Your function forgets the shift β: the new bias is c (b − m) + β.", (" + beta", "")
        ),
        "shift-scaled": edit(
            "Your function scales the shift β, too: it is added after the scale, c (b − m) + β.",
            ("running_mean) + beta", "running_mean + beta)"),
        ),
        "scale-forgotten": edit(
            "Your function forgets the scale γ: the factor is c = γ/√(s² + ε).", ("gamma /", "1 /")
        ),
        "epsilon-outside": edit(
            "Your function adds ε to the standard deviation: it stands inside the root, "
            "c = γ/√(s² + ε), or the folded layer computes another function.",
            ("np.sqrt(running_var + eps)", "(np.sqrt(running_var) + eps)"),
        ),
        "no-epsilon": edit(
            "Your function leaves ε out: the factor is c = γ/√(s² + ε), or the folded layer "
            "computes another function.",
            (" + eps", ""),
        ),
        "no-root": edit(
            "Your function divides by the variance: divide by its root, c = γ/√(s² + ε).",
            ("np.sqrt(running_var + eps)", "(running_var + eps)"),
        ),
        "no-root-and-no-epsilon": edit(
            "Your function divides by the variance alone: batch normalization divides by the root "
            "of s² + ε, or the folded layer computes another function.",
            ("np.sqrt(running_var + eps)", "running_var"),
        ),
        "outputs-swapped": edit(
            "Your function returns the bias first: the order is (W, b).",
            (
                "scale[:, np.newaxis] * W, scale * (b - running_mean) + beta",
                "scale * (b - running_mean) + beta, scale[:, np.newaxis] * W",
            ),
        ),
        "weights-alone": edit(
            "Your function returns the weights alone: return both, (W, b).",
            (", scale * (b - running_mean) + beta", ""),
        ),
        "in-place": edit(
            "Your function changes `W` in place (`*=` does that to arrays): compute a new array.",
            ("return scale[:, np.newaxis] * W", "W *= scale[:, np.newaxis]\n    return W"),
        ),
    },
)
