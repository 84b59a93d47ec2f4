"""The lab on batch normalization: what is computed, and the command that stores it.

    python book/lab_batchnorm.py --data digits       # scikit-learn's digits: a minute on one core
    python book/lab_batchnorm.py --data mnist-10k    # MNIST's 10,000 test images: five minutes
    python book/lab_batchnorm.py --data mnist        # all of MNIST, on a GPU

One setting, ``--data``, chooses the size of everything. MNIST comes from ``python book/mnist.py``
(``--full`` for the last). Four networks of four hidden layers, with rectifiers or sigmoids, plain
or normalized, are trained by SGD at many rates with five seeds, and validated along the way. The
rates come in two families, s, 5s, 30s and s/20, 5s/20, 30s/20. Here s is the best rate of the plain
network with rectifiers, from a grid of factors two, refined by √2 around the best and extended if
the best is at an edge. The targets are the accuracies that this network reaches at s and at s/20.
Results go to ``book/data/batchnorm-DATA.json``.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import stored
from experiments import SEEDS, Digits, Runs, rule, train
from lab_command import clock, parser_of, run_lab
from mnist import load
from networks import CENTRED, Draw, Network, centred, he, network, xavier
from torch import Tensor

DEPTH = 4


class Scale(NamedTuple):
    """How large everything is for one set of data."""

    batch: int
    passes: int
    width: int
    every: int  # updates from one validation to the next
    device: str
    population: int  # training images for mean and variance at inference


SCALES = {
    "digits": Scale(50, 32, 32, 10, "cpu", 1297),
    "mnist-10k": Scale(60, 6, 100, 25, "cpu", 1000),
    "mnist": Scale(60, 12, 100, 100, "cuda", 10_000),
}
GRID = tuple(0.02 * 2**k for k in range(5))  # of the plain network with rectifiers
WIDE = tuple(0.04 * 4**k for k in range(4))  # of the others, beside the two families
CAUTIOUS = 1 / 20
FAMILY = (1, 5, 30)
# What the paper compares, with the factor of the rate.
SHOWN = (("plain", 1), ("BN", 1), ("BN", 5), ("BN", 30), ("BN, sigmoid", 5))
NETS: dict[str, tuple[str, Draw, bool]] = {
    "plain": ("relu", he, False),
    "BN": ("relu", he, True),
    "plain, sigmoid": ("sigmoid", xavier, False),
    "BN, sigmoid": ("sigmoid", xavier, True),
}


def images(name: str) -> Digits:
    """Return the data of a scale: every pixel with mean 0, all together with mean square 1.

    Raises:
        MnistError: MNIST has not been fetched.
    """
    if name == "digits":
        return CENTRED
    found = load(full=name == "mnist")
    return centred(Digits(found.X.float(), found.y, found.X_val.float(), found.y_val))


def build(name: str, net: str, data: Digits) -> Network:
    """Return one of the four networks for a scale."""
    scale = SCALES[name]
    activation, draw, normalize = NETS[net]
    seen = data._replace(X=data.X[: scale.population], y=data.y[: scale.population])
    return network(DEPTH, scale.width, activation, draw, normalize=normalize, data=seen)


def runs(
    name: str, net: str, data: Digits, rates: Sequence[float], seeds: Sequence[int] = SEEDS
) -> Runs:
    """Train a network at these rates; ``watched`` (records, R, S) is the validation accuracy."""
    scale = SCALES[name]
    built = build(name, net, data)
    count = scale.passes * (len(data.X) // scale.batch)

    def accuracy(theta: Tensor) -> Tensor:
        scores = built.problem.scores(theta, data.X_val)
        right = scores.argmax(-1) == data.y_val
        return (right & scores.isfinite().all(-1)).float().mean(-1)

    return train(
        built.problem,
        rule("sgd"),
        rates,
        batch=scale.batch,
        passes=scale.passes,
        seeds=seeds,
        data=data,
        records=max(1, count // scale.every),
        watch=accuracy,
        measured=scale.batch,
    )


def first(steps: Tensor, accuracy: Tensor, target: float) -> list[int | None]:
    """Return for each seed the first recorded step whose accuracy (records, S) is the target."""
    reached = accuracy >= target
    return [
        int(steps[column.int().argmax()]) if column.any() else None for column in reached.unbind(1)
    ]


def near(found: dict[float, Tensor], rate: float) -> Tensor:
    """Return what belongs to this rate, whatever its last digits."""
    return next(z for known, z in found.items() if math.isclose(known, rate))


def run(
    name: str,
    say: Callable[[str], None],
    device: str | None = None,
    seeds: Sequence[int] = SEEDS,
) -> None:
    """Train everything at one scale and store it."""
    place = device or SCALES[name].device
    data = Digits(*(part.to(place) for part in images(name)))
    begun = clock(place)
    steps: Tensor | None = None
    kept: dict[str, dict[float, Tensor]] = {net: {} for net in NETS}
    cost: dict[str, float] = {}

    def learn(net: str, rates: Sequence[float]) -> None:
        nonlocal steps
        fresh = [r for r in rates if not any(math.isclose(r, known) for known in kept[net])]
        before = clock(place)
        done = runs(name, net, data, fresh, seeds)
        cost.setdefault(net, (clock(place) - before) / len(fresh))
        steps = done.steps
        assert done.watched is not None
        for k, rate in enumerate(fresh):
            kept[net][rate] = done.watched[:, k]
        say(f"{net}: {', '.join(f'{r:.3g}' for r in fresh)}")

    def best(net: str) -> tuple[float, float]:
        top = {r: float(z.max(0).values.double().mean()) for r, z in kept[net].items()}
        rate = max(top, key=top.__getitem__)
        return rate, top[rate]

    learn("plain", GRID)
    while best("plain")[0] in (min(kept["plain"]), max(kept["plain"])):
        edge = best("plain")[0]
        learn("plain", [edge / 2, edge * 2])
    middle = best("plain")[0]
    learn("plain", [middle / math.sqrt(2), middle * math.sqrt(2)])
    searched = best("plain")[0]
    families = {"searched": searched, "cautious": searched * CAUTIOUS}
    rates = [base * factor for base in families.values() for factor in FAMILY]
    learn("plain", rates)
    for net in list(NETS)[1:]:
        learn(net, [*(rates if net == "BN" else [rates[1], rates[4]]), *WIDE])
    targets = {
        family: float(kept["plain"][base].max(0).values.double().mean())
        for family, base in families.items()
    }
    assert steps is not None

    def short(z: Tensor) -> list[float]:
        return [float(f"{float(part):.4g}") for part in z]

    results: dict[str, Any] = {
        "steps": [int(t) for t in steps],
        "base": families,
        "target": targets,
        "cost": {net: round(cost[net] / cost["plain"], 2) for net in NETS},
        "curves": {
            family: {
                f"{net} {factor}": short(near(kept[net], base * factor).mean(1))
                for net, factor in SHOWN
            }
            for family, base in families.items()
        },
        "found": {
            net: [
                {
                    "rate": rate,
                    "best": short(z.max(0).values),
                    **{family: first(steps, z, target) for family, target in targets.items()},
                }
                for rate, z in sorted(found.items())
            ]
            for net, found in kept.items()
        },
    }
    stored.save(f"batchnorm-{name}", results, seeds=seeds, seconds=clock(place) - begun)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the lab at one scale; return the exit status."""
    parser = parser_of("Steps to a plain network's best accuracy.", SCALES)
    return run_lab(parser, SCALES, lambda given, place, say: run(given.data, say, place), arguments)


if __name__ == "__main__":
    sys.exit(main())
