"""Batch normalization at inference."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker

from .batches import (
    BETA,
    EXAMPLE_SIZES,
    GAMMA,
    MEAN,
    TINY,
    VAR,
    X,
    batch,
    in_memory,
    parameters,
    statistics,
)

case = case_maker("x", "gamma", "beta", "running_mean", "running_var", "eps")

GIVEN = (X, GAMMA, BETA, MEAN, VAR)


def drawn(rng: Rng, n: int, d: int) -> list[Array]:
    return [batch(rng, n, d), *parameters(rng, d), *statistics(rng, d)]


def fresh(x: Array, gamma: Array, beta: Array, *_: Array) -> Case:
    return case("five examples", x, gamma, beta, np.zeros(3), np.ones(3), 1e-5)


def later(rng: Rng) -> list[Case]:
    sizes = 10.0 ** rng.uniform(-8, 3, (6, 3))
    x, *rest = drawn(rng, 6, 3)
    return [
        case("six examples", *drawn(rng, 6, 3), 1e-5),
        case("another ε", *drawn(rng, 4, 2), 1e-3),
        case("inputs from 1e-8 to 1e3", x * sizes, *rest, 1e-5),
    ]


def small(rng: Rng) -> list[Case]:
    four, one = drawn(rng, 4, 3)[:4], drawn(rng, 1, 3)
    return [
        case("running variance zero", *four, np.zeros(3), 1e-3),
        case("tiny running variances", *four, TINY, 1e-5),
        case("a large ε", *drawn(rng, 4, 3), 0.5),
        case("one example", *one, 1e-5),
    ]


@mistake
def in_place(x, gamma, beta, running_mean, running_var, eps):
    """Your function changes `x` in place (`-=` and `/=` do that to arrays): compute new arrays."""
    x -= running_mean
    x /= np.sqrt(running_var + eps)
    return gamma * x + beta


EXERCISE = Exercise(
    "batchnorm_inference",
    title="Batch normalization at inference",
    minutes=10,
    section="batch-normalization.md#the-rule",
    parameters=("x", "gamma", "beta", "running_mean", "running_var", "eps"),
    returns=("y",),
    reference=reference.batchnorm_inference,
    checks={
        "running mean zero, running variance one": Check(
            points=1,
            public=[case("four examples", X, GAMMA, BETA, np.zeros(3), np.ones(3), 1e-5)],
            held_out=lambda rng: [fresh(*drawn(rng, 5, 3))],
        ),
        "running statistics": Check(
            points=2,
            public=[
                case("four examples", *GIVEN, 1e-5),
                case("another ε", *GIVEN, 1e-3),
                case("inputs from 1e-8 to 1000", X * EXAMPLE_SIZES, *GIVEN[1:], 1e-5),
            ],
            held_out=later,
        ),
        "small variances and a single example": Check(
            points=1,
            public=[
                case("running variance zero", *GIVEN[:4], np.zeros(3), 1e-3),
                case("tiny running variances", *GIVEN[:4], TINY, 1e-5),
                case("a large ε", *GIVEN, 0.5),
                case("one example", X[:1], *GIVEN[1:], 1e-5),
            ],
            held_out=small,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one feature", X[:, :1].copy(), [2], [3], [0.5], [4], 1e-5),
                case("as many features as examples", X[1:], *GIVEN[1:], 1e-5),
                *in_memory(case, lambda: GIVEN, 1e-5),
            ],
            held_out=lambda rng: [
                case("one feature", *drawn(rng, 5, 1), 1e-5),
                case("as many features as examples", *drawn(rng, 3, 3), 1e-5),
                *in_memory(case, lambda: drawn(rng, 5, 3), 1e-5),
            ],
        ),
    },
    mistakes={
        "batch-statistics": edit(
            "Your function normalizes with mean and variance of the batch, as in training: at "
            "inference use `running_mean` and `running_var`, so that no example depends on the "
            "others.",
            ("running_mean", "x.mean(axis=0)"),
            ("running_var", "x.var(axis=0)"),
        ),
        "mean-of-the-batch": edit(
            "Your function subtracts the mean of the batch: use `running_mean`.",
            ("running_mean", "x.mean(axis=0)"),
        ),
        "epsilon-outside": edit(
            "Your function adds ε to the standard deviation: training has it inside the root, "
            "√(s² + ε), and inference must do the same.",
            ("np.sqrt(running_var + eps)", "np.sqrt(running_var) + eps"),
        ),
        "no-epsilon": edit(
            "Your function leaves ε out: training divides by √(s² + ε), and inference must do the "
            "same.",
            (" + eps", ""),
        ),
        "fixed-epsilon": edit(
            "Your function always adds 1e-5: use the argument `eps`.", ("eps", "1e-5")
        ),
        "no-root": edit(
            "Your function divides by the running variance as if it were a standard deviation: "
            "take its root, √(s² + ε).",
            ("np.sqrt(running_var + eps)", "running_var + eps"),
        ),
        "no-root-and-no-epsilon": edit(
            "Your function divides by the running variance alone: training divides by the root of "
            "s² + ε, and inference must do the same.",
            ("np.sqrt(running_var + eps)", "running_var"),
        ),
        "variance-squared": edit(
            "Your function squares `running_var` as if it were a standard deviation: it is a "
            "variance already.",
            ("running_var", "running_var**2"),
        ),
        "unbiased-again": edit(
            "Your function multiplies the running variance by n/(n − 1): it is unbiased already, "
            "and the size of this batch must not matter.",
            ("running_var", "running_var * len(x) / np.float64(len(x) - 1)"),
        ),
        "scale-forgotten": edit(
            "Your function forgets the scale γ: y = γ x̂ + β.", ("gamma * ", "")
        ),
        "shift-forgotten": edit("Your function forgets the shift β: y = γ x̂ + β.", (" + beta", "")),
        "no-scale-and-no-shift": edit(
            "Your function normalizes, and stops there: the scale γ and the shift β are parameters "
            "that were learned in training, and count at inference, too.",
            ("gamma * ", ""),
            (" + beta", ""),
        ),
        "shift-scaled": edit(
            "Your function adds β before it multiplies by γ: first scale, then shift, γ x̂ + β.",
            ("(x - running_mean) / root + beta", "((x - running_mean) / root + beta)"),
        ),
        "mean-kept": edit(
            "Your function does not subtract the running mean.", ("(x - running_mean)", "x")
        ),
        "mean-added": edit("Your function adds the running mean: subtract it.", ("x - ", "x + ")),
        "in-place": in_place,
    },
)
