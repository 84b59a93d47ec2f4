"""One gradient from many workers."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, floats, readonly, spread, strided

from .sizes import size

TWELVE = floats([[k % 5 - 1, k * k % 7] for k in range(12)])


def case(label: str, shards: Iterable[tuple[Any, int]]) -> Case:
    """A case whose gradients may be numbers, or lists of them."""
    arrays = [(np.asarray(gradient, np.float64), n) for gradient, n in shards]
    return Case(label, {"shards": arrays})


def split(gradients: Array, *sizes: int) -> list[tuple[Array, int]]:
    """Shards of a batch with these gradients of single examples: mean gradient and size."""
    ends = np.cumsum(sizes)
    return [
        (gradients[end - n : end].mean(axis=0) if n else np.zeros(gradients.shape[1:]), n)
        for end, n in zip(ends, sizes, strict=True)
    ]


def drawn(rng: Rng, shape: tuple[int, ...], *sizes: int) -> list[tuple[Array | float, int]]:
    return [(rng.normal(size=shape), n) for n in sizes]


def unequal(rng: Rng) -> list[Case]:
    sizes = [int(n) for n in rng.permutation(np.arange(2, 40))[:4]]
    first, second = sizes[:2]
    return [
        case("two workers", drawn(rng, (3,), first, second)),
        case("four workers", drawn(rng, (2, 3), *sizes)),
        case("a 3-d gradient", drawn(rng, (2, 1, 3), *sizes[:3])),
        case("a single number (0-d)", drawn(rng, (), *sizes[:3])),
        case("gradients of very different size", [(spread(rng, 5), n) for n in sizes]),
        case(
            "read-only and strided gradients",
            [(readonly(rng.normal(size=4)), first), (strided(rng.normal(size=4)), second)],
        ),
    ]


def few(rng: Rng, n: int) -> list[Case]:
    idle = [(np.zeros(2), 0)]
    return [
        case("one worker", drawn(rng, (3,), n)),
        case(
            "a worker without examples",
            [*drawn(rng, (2,), n), *idle, *drawn(rng, (2,), n + 2)],
        ),
        case("the first worker without examples", [*idle, *drawn(rng, (2,), n)]),
        case("only the last has examples", [*idle, *idle, *drawn(rng, (2,), n)]),
        case("a worker with one example", drawn(rng, (2,), 1, n)),
    ]


def split_again(rng: Rng) -> list[Case]:
    small, large = rng.normal(size=(12, 3)), rng.normal(size=(30, 2, 2))
    cut = size(rng, 3, 9)
    return [
        case("twelve examples", split(small, cut, 12 - cut)),
        case("the same, split another way", split(small, 2, 1, 9)),
        case("thirty examples", split(large, 20, 4, 6)),
        case("the same, in another order", split(large, 20, 4, 6)[::-1]),
    ]


@mistake
def one_less(shards):
    """Your function weighs with n − 1, as in an unbiased variance: a mean over n examples has
    weight n."""
    weights = np.array([max(n - 1, 0) for gradient, n in shards])
    gradients = np.array([gradient for gradient, n in shards])
    return np.tensordot(weights, gradients, 1) / weights.sum()


@mistake
def inverse_weights(shards):
    """Your function weighs with 1/n, so the smallest shard counts most: weigh with n."""
    weights = np.array([1 / n if n else 0 for gradient, n in shards])
    gradients = np.array([gradient for gradient, n in shards])
    return np.tensordot(weights, gradients, 1) / weights.sum()


@mistake
def means_of_means(shards):
    """Your function averages with one worker after the other, so the last counts as much as all
    before it: add n_k g_k over all, then divide once."""
    result, _n = shards[0]
    for gradient, _m in shards[1:]:
        result = (result + gradient) / 2
    return result


@mistake
def in_place(shards):
    """Your function adds up in the first worker's array (`*=` and `+=` change it in place): start
    from a new array."""
    total = shards[0][0]
    total *= shards[0][1]
    for gradient, n in shards[1:]:
        total += n * gradient
    total /= sum(n for gradient, n in shards)
    return total


EXERCISE = Exercise(
    "data_parallel_gradient",
    title="One gradient from many workers",
    minutes=10,
    section="parallel-training.md#the-mean-of-the-shards-is-the-mean",
    parameters=("shards",),
    returns=("grad",),
    reference=reference.data_parallel_gradient,
    checks={
        "shards of equal size": Check(
            points=1,
            public=[
                case("two workers", [([1, -2, 4], 4), ([3, 0, -1], 4)]),
                case("three workers", [([[k, 1], [2, -k]], 32) for k in (1, 2, 5)]),
                case("gradients of very different size", [([1e3, 1e-8, 0], 2), ([-1, 3e-8, 2], 2)]),
            ],
            held_out=lambda rng: [
                case("two workers", drawn(rng, (3,), 4, 4)),
                case("five workers", drawn(rng, (2, 2), 32, 32, 32, 32, 32)),
                case("gradients of very different size", [(spread(rng, 4), 2) for _ in range(3)]),
            ],
        ),
        "shards of different size": Check(
            points=2,
            public=[
                case("two workers", [([1, -2, 4], 1), ([3, 0, -1], 3)]),
                case(
                    "four workers",
                    [([[k, 1], [2, -k]], n) for k, n in ((1, 32), (2, 32), (5, 32), (3, 7))],
                ),
                case("a 3-d gradient", [([[[1, 2]]], 2), ([[[3, -1]]], 5)]),
                case("a single number (0-d)", [(2, 3), (-1, 9)]),
                case("read-only gradients", [(readonly([2, 1]), 3), (readonly([0, 4]), 8)]),
            ],
            held_out=unequal,
        ),
        "one worker, and none to do": Check(
            points=1,
            public=[
                case("one worker", [([1, -2], 5)]),
                case("a worker without examples", [([1, -2], 3), ([0, 0], 0), ([3, 1], 5)]),
                case("the first worker without examples", [([0, 0], 0), ([1, -2], 3)]),
                case("only the last has examples", [([0], 0), ([0], 0), ([3], 5)]),
                case("a worker with one example", [([1, -2], 1), ([3, 1], 6)]),
            ],
            held_out=lambda rng: few(rng, size(rng, 3, 20)),
        ),
        "any split gives the same": Check(
            points=1,
            public=[
                case("twelve examples", split(TWELVE, 4, 8)),
                case("the same, split another way", split(TWELVE, 2, 1, 9)),
                case("in another order", split(TWELVE, 2, 1, 9)[::-1]),
                case("on one worker", split(TWELVE, 12)),
            ],
            held_out=split_again,
            relation="splits_agree",
        ),
    },
    mistakes={
        "unweighted-mean": edit(
            "Your function gives every worker the same weight, as torch's DistributedDataParallel "
            "does: with shards of different size weigh each gradient by its n.",
            ("n * gradient", "gradient"),
            ("/ total", "/ len(shards)"),
        ),
        "sum-of-means": edit(
            "Your function adds the workers' gradients: the result grows with the number of "
            "workers; take the mean over all examples.",
            ("n * gradient", "gradient"),
            (" / total", ""),
        ),
        "weighted-sum": edit(
            "Your function is the gradient of the summed loss, Σ n_k g_k: divide by the number of "
            "all examples.",
            (" / total", ""),
        ),
        "divided-by-workers": edit(
            "Your function divides Σ n_k g_k by the number of workers: divide by the number of "
            "examples, Σ n_k.",
            ("/ total", "/ len(shards)"),
        ),
        "sums-expected": edit(
            "Your function divides Σ g_k by Σ n_k, which is right for summed gradients: these are "
            "means, so multiply each by its n first.",
            ("n * gradient", "gradient"),
        ),
        "one-less": one_less,
        "inverse-weights": inverse_weights,
        "means-of-means": means_of_means,
        "first-worker-only": edit(
            "Your function returns the first worker's gradient: use all of them.",
            ("sum(n * gradient for gradient, n in shards) / total", "1.0 * shards[0][0]"),
        ),
        "in-place": in_place,
    },
)
