"""The gradient of a minibatch."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, column_major, readonly, strided

case = case_maker("w", "X", "y", "idx")

X = np.array([[1, 2], [0, 1], [3, -1], [2, 2], [-1, 0.5]])
Y = np.array([1, -2, 0.5, 3, 2])
W = np.array([0.5, -1])
IN_MEMORY = readonly(W), strided(X), readonly(Y)


def linear(rng: Rng, n: int, d: int) -> tuple[Array, Array, Array]:
    return rng.normal(size=d), rng.normal(size=(n, d)), rng.normal(size=n)


def ordinary(rng: Rng) -> list[Case]:
    w, x, y = linear(rng, 12, 3)
    unequal = x * 10.0 ** np.array([-4, 0, 3])
    return [
        case("four of twelve examples", w, x, y, rng.permutation(12)[:4]),
        case("inputs of very different size", w, unequal, y, rng.permutation(12)[:5]),
        case("one weight", w[:1].copy(), x[:, :1].copy(), y, rng.permutation(12)[:6]),
    ]


def unusual(rng: Rng) -> list[Case]:
    w, x, y = linear(rng, 9, 3)
    repeated = np.append(rng.permutation(9)[:3], [0, 0, 0])
    in_memory = readonly(w), strided(x), readonly(y)
    return [
        case("an example drawn several times", w, x, y, repeated),
        case("one example", w, x, y, rng.integers(0, 9, 1)),
        case("all examples, shuffled", w, x, y, rng.permutation(9)),
        case("targets met exactly", w, x, x @ w, rng.permutation(9)[:4]),
        case("read-only and strided data", *in_memory, rng.permutation(9)[:4]),
        case("inputs stored by columns", w, column_major(x), y, rng.permutation(9)[:4]),
    ]


def singletons(w: Array, x: Array, y: Array) -> list[Case]:
    n = len(y)
    return [
        case("the full batch", w, x, y, np.arange(n)),
        *(case(f"example {i + 1} of {n} alone", w, x, y, np.array([i])) for i in range(n)),
    ]


EXERCISE = Exercise(
    "minibatch_gradient",
    title="The gradient of a minibatch",
    minutes=10,
    section="sgd.md#right-on-average",
    parameters=("w", "X", "y", "idx"),
    returns=("grad",),
    reference=reference.minibatch_gradient,
    checks={
        "a minibatch": Check(
            points=2,
            public=[
                case("three of five examples", W, X, Y, np.array([4, 0, 2])),
                case("two of five examples", W, X, Y, np.array([1, 3])),
                case("inputs of very different size", W, X * [1e3, 1e-4], Y, np.array([3, 4, 1])),
            ],
            held_out=ordinary,
        ),
        "unusual minibatches and memory layouts": Check(
            points=1,
            public=[
                case("an example drawn twice", W, X, Y, np.array([1, 2, 1])),
                case("one example", W, X, Y, np.array([3])),
                case("all examples, shuffled", W, X, Y, np.array([2, 0, 4, 3, 1])),
                case("targets met exactly", W, X, X @ W, np.array([0, 3])),
                case("read-only and strided data", *IN_MEMORY, np.array([4, 1])),
            ],
            held_out=unusual,
        ),
        "one-example gradients average to the full gradient": Check(
            points=1,
            public=singletons(W, X[:3], Y[:3]),
            held_out=lambda rng: singletons(*linear(rng, 6, 4)),
            relation="singletons_average_to_full",
        ),
    },
    mistakes={
        "whole-data-set": edit(
            "Your function uses all examples and ignores `idx`: take the rows X[idx] and the "
            "targets y[idx] only.",
            ("X[idx], y[idx]", "X, y"),
            ("len(idx)", "len(y)"),
        ),
        "sum-not-mean": edit(
            "Your function sums over the minibatch: divide by its size, so that the learning "
            "rate need not change with it.",
            (" / len(idx)", ""),
        ),
        "factor-two": edit(
            "Your gradient is twice too large: the loss has a ½ before the square, which cancels "
            "the 2 of the derivative.",
            ("rows.T", "2 * rows.T"),
        ),
        "divided-by-all": edit(
            "Your function divides by the number of all examples N: the mean goes over the |B| "
            "examples of the minibatch.",
            ("len(idx)", "len(y)"),
        ),
        "opposite-sign": edit(
            "Your residual is y − x·w: the gradient of ½(x·w − y)² has (x·w − y), prediction minus "
            "target.",
            ("rows @ w - targets", "targets - rows @ w"),
        ),
        "repeats-dropped": edit(
            "Your function counts an example that was drawn twice only once: every entry of `idx` "
            "counts.",
            ("rows, targets", "idx = np.unique(idx)\n    rows, targets"),
        ),
        "product-of-means": edit(
            "Your function multiplies the mean residual with the mean input: multiply each "
            "residual with its own input, then take the mean.",
            (
                "rows.T @ (rows @ w - targets) / len(idx)",
                "(rows @ w - targets).mean() * rows.mean(axis=0)",
            ),
        ),
        "targets-not-indexed": edit(
            "Your function takes the rows X[idx] but the first |B| targets: take y[idx], the "
            "targets of the same examples.",
            ("y[idx]", "y[: len(idx)]"),
        ),
        "targets-forgotten": edit(
            "Your function forgets the targets: the residual is x·w − y.", (" - targets", "")
        ),
    },
)
