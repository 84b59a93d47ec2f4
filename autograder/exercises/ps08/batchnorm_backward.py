"""The gradient of batch normalization."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

from .batches import (
    ALMOST_CONSTANT,
    CONSTANT,
    EXAMPLE_SIZES,
    GAMMA,
    LARGE_MEAN,
    X,
    batch,
    hardly_varying,
    of_large_mean,
    scales,
)

case = case_maker("grad_out", "x", "gamma", "eps")

G = floats([[0.5, 1, -2], [-1, 3, 0.25], [2, -0.5, 1], [0.75, -2, 4]])
GIVEN = (G, X, GAMMA)
# columns of x̂ are ±1 here, and those of the gradient are orthogonal to them and to 1
X_CROSS = floats([[3, 1, 0], [1, -1, 4], [3, -1, 4], [1, 1, 0]])
G_CROSS = floats([[2, -3, 1], [2, 3, 1], [-2, -3, -1], [-2, 3, -1]])


def gradient(rng: Rng, n: int, d: int, mean: float = 1.0) -> Array:
    return rng.normal(mean, 1, (n, d))


def drawn(rng: Rng, n: int, d: int, mean: float = 1.0) -> tuple[Array, Array, Array]:
    return gradient(rng, n, d, mean), batch(rng, n, d), scales(rng, d)


def across(rng: Rng, n: int, d: int) -> tuple[Array, Array, Array]:
    """A gradient that has no part along 1 or along x in any column."""
    x = batch(rng, n, d)
    g, centred = rng.normal(size=(n, d)), x - x.mean(axis=0)
    g = g - g.mean(axis=0)
    g = g - centred * (g * centred).sum(axis=0) / (centred**2).sum(axis=0)
    return g, x, scales(rng, d)


def small(rng: Rng) -> list[Case]:
    constant, almost = hardly_varying(rng)
    return [
        case("constant features", gradient(rng, 4, 3), constant, scales(rng, 3), 1e-3),
        case("almost constant features", gradient(rng, 5, 3), almost, scales(rng, 3), 1e-3),
        case("a large ε", *drawn(rng, 5, 3), 0.5),
        case("two examples", *drawn(rng, 2, 3), 0.1),
        case("a large mean", gradient(rng, 5, 3), of_large_mean(rng, 5, 3), scales(rng, 3), 1e-5),
    ]


def unusual(rng: Rng) -> list[Case]:
    g, x, gamma = drawn(rng, 6, 3)
    sizes = 10.0 ** floats([[-8], [3], [-3], [0], [1], [2]])
    return [
        case("gradients from 1e-8 to 1e3", sizes * g, x, gamma, 1e-5),
        case("gradient zero", np.zeros((6, 3)), x, gamma, 1e-5),
        case("one feature", *drawn(rng, 5, 1), 1e-5),
        case("as many features as examples", *drawn(rng, 3, 3), 1e-5),
        *layouts(
            case,
            [1e-5],
            strided=drawn(rng, 5, 3),
            column_major=drawn(rng, 5, 3),
            readonly=drawn(rng, 5, 3),
        ),
    ]


EXERCISE = Exercise(
    "batchnorm_backward",
    title="The gradient of batch normalization",
    minutes=30,
    section="batch-normalization.md#backward-step-by-step",
    parameters=("grad_out", "x", "gamma", "eps"),
    returns=("grad_x", "grad_gamma", "grad_beta"),
    reference=reference.batchnorm_backward,
    checks={
        "where mean and variance play no part": Check(
            points=1,
            public=[
                case("four examples", G_CROSS, X_CROSS, GAMMA, 1e-5),
                case("two features", G_CROSS[:, :2], X_CROSS[:, :2], GAMMA[:2], 1e-5),
            ],
            held_out=lambda rng: [
                case("five examples", *across(rng, 5, 3), 1e-5),
                case("eight examples", *across(rng, 8, 2), 1e-5),
            ],
        ),
        "ordinary batches": Check(
            points=2,
            public=[
                case("four examples", *GIVEN, 1e-5),
                case("three examples", G[:3], X[:3], GAMMA, 1e-3),
            ],
            held_out=lambda rng: [
                case("six examples", *drawn(rng, 6, 3, 0.5), 1e-5),
                case("three examples", *drawn(rng, 3, 4, 0.5), 1e-3),
                case("nine examples", *drawn(rng, 9, 2, 0.5), 1e-5),
            ],
            relation="batchnorm_gradient_is_that_of_differences",
        ),
        "small variances": Check(
            points=1,
            public=[
                case("constant features", G, CONSTANT, GAMMA, 1e-3),
                case("almost constant features", G, ALMOST_CONSTANT, GAMMA, 1e-3),
                case("a large ε", *GIVEN, 0.5),
                case("two examples", G[:2], X[:2], GAMMA, 0.1),
                case("a large mean", G / 3, LARGE_MEAN, GAMMA, 1e-5),
            ],
            held_out=small,
        ),
        "sizes, shapes and memory layouts": Check(
            points=1,
            public=[
                case("gradients from 1e-8 to 1000", G * EXAMPLE_SIZES, X, GAMMA, 1e-5),
                case("gradient zero", np.zeros((4, 3)), X, GAMMA, 1e-5),
                case("one feature", G[:, :1].copy(), X[:, :1].copy(), [2], 1e-5),
                case("as many features as examples", G[1:], X[1:], GAMMA, 1e-5),
                *layouts(case, [1e-5], strided=GIVEN, column_major=GIVEN, readonly=GIVEN),
            ],
            held_out=unusual,
        ),
    },
    mistakes={
        "statistics-constant": edit(
            "Your gradient of x treats mean and variance as constants, which is right at "
            "inference only: in training both depend on every x, which adds two terms.",
            ("(grad_out - grad_beta / n - x_hat * grad_gamma / n)", "grad_out"),
        ),
        "variance-constant": edit(
            "Your gradient of x treats the variance as a constant: the term −x̂ · mean(g x̂) is "
            "missing.",
            (" - x_hat * grad_gamma / n", ""),
        ),
        "mean-constant": edit(
            "Your gradient of x treats the mean as a constant: the term −mean(g) is missing.",
            (" - grad_beta / n - x_hat * grad_gamma / n", " - x_hat * (grad_gamma / n)"),
        ),
        "sums-for-means": edit(
            "Your gradient of x subtracts sums over the batch: divide both terms by n.",
            ("grad_beta / n", "grad_beta"),
            ("grad_gamma / n", "grad_gamma"),
        ),
        "terms-added": edit(
            "Your gradient of x adds the terms of mean and variance: subtract them.",
            ("- grad_beta / n - x_hat", "+ grad_beta / n + x_hat"),
        ),
        "scale-forgotten": edit(
            "Your gradient of x forgets the scale γ: y = γ x̂ + β, so γ multiplies it.",
            ("gamma / root * ", ""),
            ("grad_gamma / n)", "grad_gamma / n) / root"),
        ),
        "root-forgotten": edit(
            "Your gradient of x is that of x̂ times γ without the division: divide by √(s² + ε).",
            ("gamma / root", "gamma"),
        ),
        "divided-by-the-variance": edit(
            "Your gradient of x divides by s² + ε: divide by its root.",
            ("gamma / root", "gamma / root**2"),
        ),
        "no-root-and-no-epsilon": edit(
            "Your function divides by the variance alone, for x̂ and for the gradient of x: the "
            "forward pass divides by the root of s² + ε.",
            ("np.sqrt(x.var(axis=0) + eps)", "x.var(axis=0)"),
        ),
        "scale-gradient-of-x": edit(
            "Your gradient of γ is Σ g x: γ multiplies the normalized x̂, so it is Σ g x̂.",
            ("grad_gamma, grad_beta", "np.sum(grad_out * x, axis=0), grad_beta"),
        ),
        "scale-gradient-not-divided": edit(
            "Your gradient of γ is Σ g (x − m): divide by √(s² + ε), it is Σ g x̂.",
            ("grad_gamma, grad_beta", "grad_gamma * root, grad_beta"),
        ),
        "means-for-parameters": edit(
            "Your gradients of γ and β are means over the batch: they are sums, for all examples "
            "share γ and β. (If the loss is a mean, g holds its 1/n already.)",
            ("np.sum(grad_out * x_hat", "np.mean(grad_out * x_hat"),
            ("np.sum(grad_out, ", "np.mean(grad_out, "),
            ("grad_beta / n - x_hat * grad_gamma / n", "grad_beta - x_hat * grad_gamma"),
        ),
        "parameters-not-summed": edit(
            "Your gradients of γ and β have a row for each example: sum over the examples "
            "(axis 0).",
            ("x_hat * grad_gamma / n", "x_hat * (grad_gamma / n)"),
            ("grad_gamma, grad_beta", "grad_out * x_hat, grad_out"),
        ),
        "shift-gradient-scaled": edit(
            "Your gradient of β is multiplied by γ: β is added after the scale, so it is Σ g.",
            ("grad_gamma, grad_beta", "grad_gamma, gamma * grad_beta"),
        ),
        "unbiased-variance": edit(
            "Your variance is the unbiased one, divided by n − 1: a batch is normalized with the "
            "biased one, divided by n.",
            ("x.var(axis=0)", "x.var(axis=0, ddof=1)"),
            ("grad_gamma / n", "grad_gamma / (n - 1)"),
        ),
        "epsilon-outside": edit(
            "Your function adds ε to the standard deviation: that convention is found elsewhere; "
            "here it stands inside the root, √(s² + ε).",
            ("x.var(axis=0) + eps)", "x.var(axis=0)) + eps"),
        ),
        "no-epsilon": edit(
            "Your function leaves ε out, so a constant feature gives NaN: divide by √(s² + ε).",
            (" + eps", ""),
        ),
        "outputs-swapped": edit(
            "Your function returns the gradients of γ and β in the other order: (grad_x, "
            "grad_gamma, grad_beta).",
            ("grad_gamma, grad_beta", "grad_beta, grad_gamma"),
        ),
        "in-place": edit(
            "Your function changes `grad_out` in place (`-=` and `*=` do that to arrays): compute "
            "new arrays.",
            (
                "grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)",
                "grad_out -= grad_beta / n + x_hat * grad_gamma / n\n    grad_out *= gamma / root",
            ),
            ("return grad_x", "return grad_out"),
        ),
    },
)
