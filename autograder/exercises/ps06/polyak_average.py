"""Averaging the iterates."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import case_maker, layouts, spread

case = case_maker("thetas")

ITERATES = [[2, -1], [0, 3], [1, 1], [-2, 0.5]]


@mistake
def sum_not_divided(thetas):
    """Your rows are sums: divide row k by the number of iterates in it, k + 1."""
    return np.cumsum(thetas, axis=0)


@mistake
def all_by_the_same(thetas):
    """Your rows are all divided by the number of all iterates: row k holds k + 1 of them."""
    return np.cumsum(thetas, axis=0) / len(thetas)


@mistake
def one_too_many(thetas):
    """Your row k is divided by k + 2: it holds k + 1 iterates."""
    count = np.arange(2, len(thetas) + 2).reshape(-1, *[1] * (thetas.ndim - 1))
    return np.cumsum(thetas, axis=0) / count


@mistake
def exponential(thetas):
    """Your average is exponential with weight 0.9: that is the usual form for non-convex losses;
    here all iterates weigh the same."""
    averages = [thetas[0]]
    for theta in thetas[1:]:
        averages.append(0.9 * averages[-1] + 0.1 * theta)
    return np.array(averages)


@mistake
def halves(thetas):
    """Your average takes half of the old mean and half of the new iterate, so that the newest
    weighs most: all weigh the same, m ← m + (θ − m)/(k + 1)."""
    averages = [thetas[0]]
    for theta in thetas[1:]:
        averages.append((averages[-1] + theta) / 2)
    return np.array(averages)


@mistake
def only_the_last(thetas):
    """Your function returns the mean of all iterates only: return the running means, one row an
    iterate."""
    return thetas.mean(axis=0)


@mistake
def over_the_parameters(thetas):
    """Your means go over the parameters of one iterate (the last axis): they go over the iterates,
    axis 0."""
    return np.cumsum(thetas, axis=-1) / np.arange(1, thetas.shape[-1] + 1)


@mistake
def in_place(thetas):
    """Your function changes `thetas` in place: compute a new array."""
    for k in range(1, len(thetas)):
        thetas[k] = thetas[k - 1] + (thetas[k] - thetas[k - 1]) / (k + 1)
    return thetas


EXERCISE = Exercise(
    "polyak_average",
    title="Averaging the iterates",
    minutes=10,
    section="curvature.md#averaging-newtons-rate-for-nothing",
    parameters=("thetas",),
    returns=("averages",),
    reference=reference.polyak_average,
    checks={
        "vectors": Check(
            points=1,
            public=[
                case("four iterates", ITERATES),
                case("the same iterate", np.full((5, 2), 3.0)),
                case("from 0 to 1000", [[0, 1e-8], [1e3, 0], [-1, 30]]),
            ],
            held_out=lambda rng: [
                case("five iterates", rng.normal(size=(5, 3))),
                case("many iterates", rng.normal(size=(40, 2))),
                case("from 1e-8 to 1e3", spread(rng, 8, 4)),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one iterate", ITERATES[:1]),
                case("numbers (1-d)", [4, 0, -1, 5]),
                case("matrices (3-d)", np.arange(24.0).reshape(3, 4, 2) ** 1.5),
                *layouts(case, strided=[ITERATES], readonly=[ITERATES]),
            ],
            held_out=lambda rng: [
                case("one iterate", rng.normal(size=(1, 3))),
                case("numbers (1-d)", rng.normal(size=6)),
                case("matrices (3-d)", rng.normal(size=(4, 3, 2))),
                *layouts(
                    case,
                    strided=[rng.normal(size=(4, 3))],
                    column_major=[rng.normal(size=(4, 3))],
                    readonly=[rng.normal(size=(4, 3))],
                ),
            ],
        ),
    },
    mistakes={
        "sum-not-divided": sum_not_divided,
        "all-by-the-same": all_by_the_same,
        "one-too-many": one_too_many,
        "exponential": exponential,
        "halves": halves,
        "start-left-out": edit(
            "Your means leave out the start, as torch.optim.ASGD does: here row k is the mean "
            "of rows 0 to k.",
            ("[: k + 1]", "[min(k, 1) : k + 1]"),
        ),
        "from-the-end": edit(
            "Your row k is the mean of the iterates from k to the end: it is that of the "
            "iterates up to k.",
            ("[: k + 1]", "[k:]"),
        ),
        "newest-left-out": edit(
            "Your row k is the mean of the iterates before k: iterate k belongs to it, too.",
            ("[: k + 1]", "[: max(k, 1)]"),
        ),
        "only-the-last": only_the_last,
        "over-the-parameters": over_the_parameters,
        "in-place": in_place,
    },
)
