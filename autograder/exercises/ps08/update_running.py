"""Running statistics."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker

from .batches import (
    FEATURE_SIZES,
    LARGE_MEAN,
    MANY,
    MEAN,
    VAR,
    X,
    batch,
    in_memory,
    of_large_mean,
    statistics,
)

case = case_maker(
    "running_mean", "running_var", "x", "keep", feedback=("running_mean", "running_var")
)

BATCHES = "batches of several sizes, a changing weight"


def start(d: int) -> tuple[Array, Array]:
    return np.zeros(d), np.ones(d)


def drawn(rng: Rng, n: int, d: int, sizes: Array | float = 1.0) -> list[Array]:
    return [*statistics(rng, d), batch(rng, n, d) * sizes]


def several(rng: Rng) -> list[Case]:
    equal = [{"x": batch(rng, 5, 3)} for _ in range(5)]
    changing = [{"x": batch(rng, n, 2), "keep": 1 - 1 / n} for n in (2, 3, 4, 6)]
    return [
        case("equal batches", *start(3), np.zeros((2, 3)), 0.9, steps=equal),
        case(BATCHES, *start(2), np.zeros((2, 2)), 0.9, steps=changing),
    ]


@mistake
def updated_twice(running_mean, running_var, x, keep):
    """Your function applies the update twice, so the new batch counts almost double: update once
    for each batch."""
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    for _ in range(2):
        running_mean = keep * running_mean + (1 - keep) * mean
        running_var = keep * running_var + (1 - keep) * var
    return running_mean, running_var


@mistake
def over_features(running_mean, running_var, x, keep):
    """Your function takes mean and variance of each example (axis 1): take those of each feature
    (axis 0)."""
    mean = x.mean(axis=1)
    var = ((x.T - mean) ** 2).sum(axis=0) / np.float64(x.shape[1] - 1)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * var


@mistake
def in_place(running_mean, running_var, x, keep):
    """Your function changes its arguments in place (`*=` and `+=` do that to arrays): compute new
    arrays."""
    running_mean *= keep
    running_mean += (1 - keep) * x.mean(axis=0)
    running_var *= keep
    running_var += (1 - keep) * x.var(axis=0, ddof=1)
    return running_mean, running_var


EXERCISE = Exercise(
    "update_running",
    title="Running statistics",
    minutes=15,
    section="batch-normalization.md#the-rule",
    parameters=("running_mean", "running_var", "x", "keep"),
    returns=("mean", "var"),
    reference=reference.update_running,
    checks={
        "the first batch": Check(
            points=1,
            public=[
                case("four examples", *start(3), X, 0.9),
                case("two examples", *start(3), X[:2], 0.9),
            ],
            held_out=lambda rng: [
                case("five examples", *start(3), batch(rng, 5, 3), 0.9),
                case("two examples", *start(2), batch(rng, 2, 2), 0.9),
            ],
        ),
        "a later batch": Check(
            points=2,
            public=[
                case("four examples", MEAN, VAR, X, 0.9),
                case("a fast average", MEAN, VAR, X, 0.3),
                case("two examples", MEAN, VAR, X[1:3], 0.99),
                case("all of the old kept", MEAN, VAR, X, 1.0),
                case("nothing old kept", MEAN, VAR, X, 0.0),
                case("features of very different size", MEAN, VAR, X * FEATURE_SIZES, 0.9),
                case("a large mean", MEAN, VAR, LARGE_MEAN, 0.5),
                case("a large batch", MEAN[:2], VAR[:2], MANY, 0.5),
            ],
            held_out=lambda rng: [
                case("six examples", *drawn(rng, 6, 3), 0.9),
                case("a fast average", *drawn(rng, 4, 3), 0.3),
                case("two examples", *drawn(rng, 2, 3), 0.99),
                case("all of the old kept", *drawn(rng, 4, 3), 1.0),
                case("nothing old kept", *drawn(rng, 4, 3), 0.0),
                case("features of very different size", *drawn(rng, 6, 3, FEATURE_SIZES), 0.9),
                case("a large mean", *statistics(rng, 3), of_large_mean(rng, 6, 3), 0.5),
                case("a large batch", *drawn(rng, 1500, 2), 0.5),
            ],
        ),
        "several batches": Check(
            points=1,
            public=[
                case(
                    "equal batches",
                    *(*start(3), np.zeros((2, 3)), 0.9),
                    steps={"x": [X, 2 * X - 1, X[::-1] + 3, -X]},
                ),
                case(
                    BATCHES,
                    *(*start(3), np.zeros((2, 3)), 0.9),
                    steps={"x": [X[:2], X[1:], X], "keep": [0.5, 0.75, 0.8]},
                ),
            ],
            held_out=several,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one feature", [0.5], [2], X[:, :1].copy(), 0.8),
                case("as many features as examples", MEAN, VAR, X[1:], 0.8),
                *in_memory(case, lambda: (MEAN, VAR, X), 0.8),
            ],
            held_out=lambda rng: [
                case("one feature", *drawn(rng, 5, 1), 0.8),
                case("as many features as examples", *drawn(rng, 3, 3), 0.8),
                *in_memory(case, lambda: drawn(rng, 5, 3), 0.8),
            ],
        ),
    },
    mistakes={
        "biased-variance": edit(
            "Your function averages the biased variance, divided by n: that is another convention "
            "(Keras's); the course, the paper and torch average the unbiased one, divided by "
            "n − 1.",
            (", ddof=1", ""),
        ),
        "weights-swapped": edit(
            "Your function gives the new batch the weight `keep`: that is how torch's argument "
            "`momentum` counts; in the course `keep` is the weight of the old value.",
            ("keep * running_mean + (1 - keep) * mean", "(1 - keep) * running_mean + keep * mean"),
            ("keep * running_var + (1 - keep) * var", "(1 - keep) * running_var + keep * var"),
        ),
        "weights-swapped-and-biased": edit(
            "Your function gives the new batch the weight `keep`, and averages the biased "
            "variance: `keep` is the weight of the old value, and the variance is divided by "
            "n − 1.",
            (", ddof=1", ""),
            ("keep * running_mean + (1 - keep) * mean", "(1 - keep) * running_mean + keep * mean"),
            ("keep * running_var + (1 - keep) * var", "(1 - keep) * running_var + keep * var"),
        ),
        "deviation-kept": edit(
            "Your function adds standard deviations to a running variance: average the variance, "
            "and take the root when it is used.",
            ("x.var", "x.std"),
        ),
        "biased-deviation-kept": edit(
            "Your function adds biased standard deviations to a running variance: average the "
            "variance, divided by n − 1, and take the root when it is used.",
            ("x.var(axis=0, ddof=1)", "x.std(axis=0)"),
        ),
        "deviation-with-epsilon": edit(
            "Your function adds deviations √(s² + ε) to a running variance: what is kept is the "
            "variance, and ε and the root come when it is used.",
            ("x.var(axis=0, ddof=1)", "np.sqrt(x.var(axis=0, ddof=1) + 1e-5)"),
        ),
        "biased-deviation-with-epsilon": edit(
            "Your function adds deviations √(s² + ε), of the biased variance, to a running "
            "variance: what is kept is the unbiased variance, and ε and the root come when it is "
            "used.",
            ("x.var(axis=0, ddof=1)", "np.sqrt(x.var(axis=0) + 1e-5)"),
        ),
        "epsilon-in-the-variance": edit(
            "Your function adds ε to the variance of the batch: what is kept is the variance as it "
            "is, for ε is added when it is used, and would be in it twice.",
            ("ddof=1)", "ddof=1) + 1e-5"),
        ),
        "biased-with-epsilon": edit(
            "Your function adds ε to the biased variance of the batch: what is kept is the "
            "unbiased variance as it is, for ε is added when it is used.",
            (", ddof=1)", ") + 1e-5"),
        ),
        "epsilon-each-time": edit(
            "Your function adds ε to the running variance, again with each batch: ε is added when "
            "the variance is used, and is no part of it.",
            ("new_mean, new_var", "new_mean, new_var + 1e-5"),
        ),
        "variance-from-moments": edit(
            "Your variance is the mean of the squares minus the square of the mean, which is right "
            "on paper only: where the mean is large, the two are almost equal and their difference "
            "has few right digits. Average squared deviations from the mean.",
            (
                "x.var(axis=0, ddof=1)",
                "len(x) / (len(x) - 1) * ((x**2).mean(axis=0) - x.mean(axis=0) ** 2)",
            ),
        ),
        "deviation-averaged": edit(
            "Your function averages standard deviations and squares the result: average the "
            "variances themselves.",
            ("x.var", "x.std"),
            (
                "keep * running_var + (1 - keep) * var",
                "(keep * np.sqrt(running_var) + (1 - keep) * var) ** 2",
            ),
        ),
        "updated-twice": updated_twice,
        "old-returned": edit(
            "Your function returns the old statistics: nothing would ever be learned from a batch.",
            ("new_mean, new_var", "running_mean.copy(), running_var.copy()"),
        ),
        "batch-only": edit(
            "Your function returns the statistics of this batch alone: mix them with the old "
            "ones, which have the weight `keep`.",
            ("new_mean, new_var", "mean, var"),
        ),
        "not-an-average": edit(
            "Your function adds the whole statistics of the batch: their weight is 1 − keep, or "
            "the sum grows to 1/(1 − keep) times what it should be.",
            ("(1 - keep) * mean", "mean"),
            ("(1 - keep) * var", "var"),
        ),
        "fixed-weight": edit(
            "Your function always has the weights 0.9 and 0.1: use the argument `keep`.",
            ("keep * running_mean + (1 - keep) * mean", "0.9 * running_mean + 0.1 * mean"),
            ("keep * running_var + (1 - keep) * var", "0.9 * running_var + 0.1 * var"),
        ),
        "about-the-running-mean": edit(
            "Your variance is taken about the running mean: take it about the mean of the batch.",
            ("x.var(axis=0, ddof=1)", "((x - running_mean) ** 2).sum(axis=0) / (len(x) - 1)"),
        ),
        "about-the-new-mean": edit(
            "Your variance is taken about the new running mean: take it about the mean of the "
            "batch.",
            ("new_var =", "var = ((x - new_mean) ** 2).sum(axis=0) / (len(x) - 1)\n    new_var ="),
        ),
        "variance-not-updated": edit(
            "Your function updates the mean and returns the old variance: update both.",
            ("new_mean, new_var", "new_mean, running_var.copy()"),
        ),
        "over-everything": edit(
            "Your function takes one mean and one variance of the whole batch: each feature has "
            "its own (axis 0).",
            ("x.mean(axis=0), x.var(axis=0, ddof=1)", "x.mean(), x.var(ddof=1)"),
        ),
        "over-features": over_features,
        "outputs-swapped": edit(
            "Your function returns the variance first: the order is (mean, var).",
            ("new_mean, new_var", "new_var, new_mean"),
        ),
        "mean-alone": edit(
            "Your function returns the mean alone: return both, (mean, var).", (", new_var", "")
        ),
        "in-place": in_place,
    },
)
