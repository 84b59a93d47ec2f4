"""Search rates and strengths for the chapter on regularization, and store what comes out.

    python book/search_regularization.py            # digits: some five minutes on one core
    python book/search_regularization.py --mnist    # MNIST, if it was fetched: two minutes

Results go to ``book/data/regularization-digits.json`` and ``-mnist.json``. Every setting is trained
at all rates at once with five seeds, each seed having its own split of the data. A method's rate
and strength are those with the fewest validation errors on average; what is stored for the table
are the test accuracies there. The page reads the files and runs some of the settings again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import stored
import torch
from experiments import Runs, rule, train
from mnist import MnistError, load
from regularized import (
    Split,
    mirrored,
    relu_network,
    shares_of_errors,
    shifted,
    split_digits,
)
from torch import Tensor

from autograder.reference import early_stopping, ensemble_predict

SEEDS = tuple(range(100, 105))
RATES = tuple(0.04 * 2 ** (k / 2) for k in range(12))  # 0.04 … 1.81
LARGE = RATES[8]  # 0.64: the rate at which the plain network learns the wrong labels by heart
BATCH, PASSES, PATIENCE, MEMBERS, HIDDEN = 40, 60, 10, 5, 64
DATA = {"a quarter wrong": 0.25, "right": 0.0}
# Argument of the network; the value that does nothing, which may win as well; values to try.
STRENGTHS: dict[str, tuple[str, float, tuple[float, ...]]] = {
    "L2": ("l2", 0.0, tuple(0.00125 * 2**k for k in range(6))),
    "L1": ("l1", 0.0, tuple(0.00025 * 2**k for k in range(6))),
    "dropout": ("keep", 1.0, (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)),
}


def accuracy_at_stop(watched: Tensor, patience: int = PATIENCE) -> Tensor:
    """Return (R, S, 2): errors where early stopping on the validation errors would have ended.

    ``watched`` (records, R, S, 2) holds validation and test errors, the first before training.
    """
    best = early_stopping(watched[1:, ..., 0].movedim(0, -1), patience).best + 1
    index = best[None, ..., None].expand(1, *watched.shape[1:])
    return watched.gather(0, index)[0]


def attempt(data: Split, seeds: Sequence[int], **settings: Any) -> Runs:
    """Train one setting at all rates; errors are recorded before training and after each pass."""
    network = relu_network(HIDDEN, **settings)
    return train(
        network,
        rule("sgd"),
        RATES,
        data=data,
        batch=BATCH,
        passes=PASSES,
        seeds=seeds,
        records=PASSES,
        watch=shares_of_errors(network, data),
    )


def choose(errors: dict[float, Tensor], rates: Sequence[int]) -> dict[str, Any]:
    """Return the setting with the fewest validation errors among strengths and rates.

    ``errors`` maps strengths to (R, S, 2); ``rates`` are the rates that may be chosen.
    """
    table = {s: e[list(rates), :, 0].mean(1) for s, e in errors.items()}
    strength = min(table, key=lambda s: float(table[s].min()))
    rate = rates[int(table[strength].argmin())]
    order = sorted(errors)
    edges = {order[0], order[-1]} - {0.0, 1.0}  # nothing is less than no penalty, or keeping all
    chosen = errors[strength][rate]
    return {
        "strength": strength,
        "rate": RATES[rate],
        "validation": 1 - float(chosen[:, 0].mean()),
        "test": [round(1 - float(e), 5) for e in chosen[:, 1]],
        "at_edge": strength in edges or (len(rates) > 1 and rate in (rates[0], rates[-1])),
        "curve": [[s, round(1 - float(table[s].min()), 5)] for s in order],
    }


def both_ways(errors: dict[float, Tensor]) -> dict[str, Any]:
    """Choose at the one large rate, and among all rates."""
    return {
        "one rate": choose(errors, [RATES.index(LARGE)]),
        "searched": choose(errors, range(len(RATES))),
    }


def ensembles(wrong: float, rate: float) -> dict[str, Any]:
    """Return test accuracies of ensembles and of their members, trained on the same images."""
    members = [100 * seed + m for seed in SEEDS for m in range(MEMBERS)]
    single = split_digits(SEEDS, wrong=wrong)
    data = Split(*(part.repeat_interleave(MEMBERS, dim=0) for part in single))
    network = relu_network(HIDDEN)
    runs = train(
        network,
        rule("sgd"),
        [rate],
        data=data,
        batch=BATCH,
        passes=PASSES,
        seeds=members,
        records=1,
    )
    probs = torch.softmax(network.scores(runs.theta[0], data.X_test), dim=-1)
    probs = probs.unflatten(0, (len(SEEDS), MEMBERS))
    alone = (probs.argmax(-1) == single.y_test[:, None]).double().mean((1, 2))
    together = (ensemble_predict(probs).labels == single.y_test).double().mean(-1)
    return {
        "rate": rate,
        "test": [round(float(z), 5) for z in together],
        "members": [round(float(z), 5) for z in alone],
    }


def search_digits(say: Callable[[str], None]) -> dict[str, Any]:
    """Search all methods on digits with wrong and with right labels."""
    found: dict[str, Any] = {}
    for title, wrong in DATA.items():
        data = split_digits(SEEDS, wrong=wrong)
        methods: dict[str, Any] = {}
        plain = attempt(data, SEEDS).watched
        assert plain is not None
        methods["none"] = both_ways({0.0: plain[-1]})
        methods["early stopping"] = both_ways({0.0: accuracy_at_stop(plain)})
        for name, (argument, nothing, strengths) in STRENGTHS.items():
            end, stopped = {nothing: plain[-1]}, {nothing: accuracy_at_stop(plain)}
            for strength in strengths:
                watched = attempt(data, SEEDS, **{argument: strength}).watched
                assert watched is not None
                end[strength], stopped[strength] = watched[-1], accuracy_at_stop(watched)
                say(f"{title}: {name} {strength:g}")
            methods[name] = both_ways(end)
            methods[f"{name} and early stopping"] = both_ways(stopped)
        for name, change in (("shifts by a pixel", shifted), ("mirror images", mirrored)):
            watched = attempt(data, SEEDS, change=change).watched
            assert watched is not None
            methods[name] = both_ways({0.0: watched[-1]})
            say(f"{title}: {name}")
        methods["ensemble of 5"] = {
            way: ensembles(wrong, methods["none"][way]["rate"]) for way in ("one rate", "searched")
        }
        found[title] = methods
    return found


def mnist_split(seeds: Sequence[int], train: int = 1000, test: int = 2000) -> Split:
    """Draw as many images to train as to validate, and others to test, for each seed."""
    images = load()
    X = torch.cat([images.X, images.X_val]).float()
    X, y = torch.nn.functional.pad(X, (0, 1), value=1.0), torch.cat([images.y, images.y_val])
    cuts = (0, train, 2 * train, 2 * train + test)
    parts: list[list[Tensor]] = [[] for _ in Split._fields]
    for seed in seeds:
        order = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))
        for k in range(3):
            some = order[cuts[k] : cuts[k + 1]]
            parts[2 * k].append(X[some])
            parts[2 * k + 1].append(y[some])
    return Split(*(torch.stack(part) for part in parts))


def search_mnist(say: Callable[[str], None]) -> dict[str, Any]:
    """Train on 1,000 images of MNIST with and without shifts by a pixel."""
    seeds, rates = SEEDS, [0.1 * 2 ** (k / 2) for k in range(8)]
    data = mnist_split(seeds)
    found: dict[str, Any] = {}
    for name, change in (("none", None), ("shifts by a pixel", shifted)):
        network = relu_network(HIDDEN, inputs=784, change=change)
        watched = train(
            network,
            rule("sgd"),
            rates,
            data=data,
            batch=50,
            passes=30,
            seeds=seeds,
            records=2,
            watch=shares_of_errors(network, data),
        ).watched
        assert watched is not None
        best = int(watched[-1, :, :, 0].mean(1).argmin())
        found[name] = {
            "rate": rates[best],
            "at_edge": best in (0, len(rates) - 1),
            "test": [round(1 - float(e), 5) for e in watched[-1, best, :, 1]],
        }
        say(f"MNIST: {name}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a search and store it; return the exit status."""
    parser = argparse.ArgumentParser(description="Search for the chapter on regularization.")
    parser.add_argument("--mnist", action="store_true", help="the part on MNIST instead of digits")
    given = parser.parse_args(arguments)

    def say(what: str) -> None:
        print(f"{time.process_time():6.0f} s  {what}", flush=True)

    try:
        found = search_mnist(say) if given.mnist else search_digits(say)
    except MnistError as error:
        print(error, file=sys.stderr)
        return 1
    name = "regularization-mnist" if given.mnist else "regularization-digits"
    path = stored.save(name, found, seeds=SEEDS, seconds=time.process_time())
    print(f"{path} is made anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
