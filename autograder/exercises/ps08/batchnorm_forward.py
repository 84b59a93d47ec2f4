"""Batch normalization in training."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker

from .batches import (
    ALMOST_CONSTANT,
    BETA,
    CONSTANT,
    FEATURE_SIZES,
    GAMMA,
    LARGE_MEAN,
    X,
    batch,
    hardly_varying,
    in_memory,
    of_large_mean,
    parameters,
)

case = case_maker("x", "gamma", "beta", "eps")

PLAIN = (np.ones(3), np.zeros(3))


def drawn(rng: Rng, n: int, d: int, sizes: Array | float = 1.0) -> tuple[Array, Array, Array]:
    return batch(rng, n, d) * sizes, *parameters(rng, d)


def small(rng: Rng) -> list[Case]:
    constant, almost = hardly_varying(rng)
    return [
        case("constant features", constant, *parameters(rng, 3), 1e-5),
        case("almost constant features", almost, *parameters(rng, 3), 1e-5),
        case("a large ε", *drawn(rng, 5, 3), 0.5),
        case("a tiny ε", almost, *parameters(rng, 3), 1e-8),
        case("a large mean", of_large_mean(rng, 5, 3), *parameters(rng, 3), 1e-5),
    ]


@mistake
def lectures_sums(x, gamma, beta, eps):
    """Your function divides sums of n terms by n − 1, as the lecture's slide does (i = 0 to m,
    divided by m): n terms, divided by n, for mean and variance."""
    m = np.float64(len(x) - 1)
    mean = x.sum(axis=0) / m
    variance = ((x - mean) ** 2).sum(axis=0) / m
    return gamma * (x - mean) / np.sqrt(variance + eps) + beta


@mistake
def in_place(x, gamma, beta, eps):
    """Your function changes `x` in place (`-=` and `/=` do that to arrays), which the backward pass
    still needs: compute new arrays."""
    x -= x.mean(axis=0)
    x /= np.sqrt((x**2).mean(axis=0) + eps)
    return gamma * x + beta


EXERCISE = Exercise(
    "batchnorm_forward",
    title="Batch normalization in training",
    minutes=15,
    section="batch-normalization.md#the-rule",
    parameters=("x", "gamma", "beta", "eps"),
    returns=("y",),
    reference=reference.batchnorm_forward,
    checks={
        "scale one and shift zero": Check(
            points=1,
            public=[
                case("four examples", X, *PLAIN, 1e-5),
                case("two examples", X[:2], *PLAIN, 1e-5),
            ],
            held_out=lambda rng: [
                case("six examples", batch(rng, 6, 3), *PLAIN, 1e-5),
                case("two examples", batch(rng, 2, 4), np.ones(4), np.zeros(4), 1e-5),
            ],
        ),
        "scale and shift": Check(
            points=2,
            public=[
                case("four examples", X, GAMMA, BETA, 1e-5),
                case("three examples", X[:3], GAMMA, BETA, 1e-3),
                case("features of very different size", X * FEATURE_SIZES, GAMMA, BETA, 1e-5),
            ],
            held_out=lambda rng: [
                case("six examples", *drawn(rng, 6, 3), 1e-5),
                case("three examples", *drawn(rng, 3, 4), 1e-3),
                case("features of very different size", *drawn(rng, 7, 3, FEATURE_SIZES), 1e-5),
            ],
            relation="batch_is_normalized",
        ),
        "small variances": Check(
            points=1,
            public=[
                case("constant features", CONSTANT, GAMMA, BETA, 1e-5),
                case("almost constant features", ALMOST_CONSTANT, GAMMA, BETA, 1e-5),
                case("a large ε", X, GAMMA, BETA, 0.5),
                case("a tiny ε", ALMOST_CONSTANT, GAMMA, BETA, 1e-8),
                case("a large mean", LARGE_MEAN, GAMMA, BETA, 1e-5),
            ],
            held_out=small,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one feature", X[:, :1].copy(), [2], [3], 1e-5),
                case("one example", X[:1], GAMMA, BETA, 1e-5),
                case("as many features as examples", X[1:], GAMMA, BETA, 1e-5),
                *in_memory(case, lambda: (X, GAMMA, BETA), 1e-5),
            ],
            held_out=lambda rng: [
                case("one feature", *drawn(rng, 5, 1), 1e-5),
                case("one example", *drawn(rng, 1, 3), 1e-5),
                case("as many features as examples", *drawn(rng, 3, 3), 1e-5),
                *in_memory(case, lambda: drawn(rng, 5, 3), 1e-5),
            ],
        ),
    },
    mistakes={
        "unbiased-variance": edit(
            "Your variance is the unbiased one, divided by n − 1: a batch is normalized with the "
            "biased one, divided by n (the unbiased one goes into the running variance).",
            ("x.var(axis=0)", "((x - x.mean(axis=0)) ** 2).sum(axis=0) / np.float64(len(x) - 1)"),
        ),
        "epsilon-outside": edit(
            "Your function adds ε to the standard deviation: that convention is found elsewhere; "
            "here it stands inside the root, √(s² + ε).",
            ("np.sqrt(variance + eps)", "np.sqrt(variance) + eps"),
        ),
        "no-epsilon": edit(
            "Your function leaves ε out, so a constant feature is 0/0 = NaN: divide by √(s² + ε).",
            (" + eps", ""),
        ),
        "fixed-epsilon": edit(
            "Your function always adds 1e-5: use the argument `eps`.", ("eps", "1e-5")
        ),
        "lectures-sums": lectures_sums,
        "no-root": edit(
            "Your function divides by the variance: divide by its root, √(s² + ε).",
            ("np.sqrt(variance + eps)", "variance + eps"),
        ),
        "no-root-and-no-epsilon": edit(
            "Your function divides by the variance alone: the root makes the deviation that of γ, "
            "and ε keeps a constant feature from dividing by zero.",
            ("np.sqrt(variance + eps)", "variance"),
        ),
        "variance-from-moments": edit(
            "Your variance is the mean of the squares minus the square of the mean, which is right "
            "on paper only: where the mean is large, the two are almost equal and their difference "
            "has few right digits. Average squared deviations from the mean.",
            ("x.var(axis=0)", "(x**2).mean(axis=0) - x.mean(axis=0) ** 2"),
        ),
        "over-features": edit(
            "Your function normalizes each example over its features (axis 1), which is layer "
            "normalization: batch normalization takes each feature over the examples (axis 0).",
            (
                "x.mean(axis=0), x.var(axis=0)",
                "x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
            ),
        ),
        "over-everything": edit(
            "Your function uses one mean and one variance for the whole batch: each feature has "
            "its own (axis 0).",
            ("x.mean(axis=0), x.var(axis=0)", "x.mean(), x.var()"),
        ),
        "scale-forgotten": edit(
            "Your function forgets the scale γ: y = γ x̂ + β.", ("gamma * ", "")
        ),
        "shift-forgotten": edit("Your function forgets the shift β: y = γ x̂ + β.", (" + beta", "")),
        "shift-scaled": edit(
            "Your function adds β before it multiplies by γ: first scale, then shift, γ x̂ + β.",
            ("(x - mean) / root + beta", "((x - mean) / root + beta)"),
        ),
        "mean-kept": edit(
            "Your function does not subtract the mean of the batch: x̂ = (x − m)/√(s² + ε).",
            ("(x - mean)", "x"),
        ),
        "in-place": in_place,
    },
)
