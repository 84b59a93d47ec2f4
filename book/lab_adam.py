"""The lab on Adam's figures 1 and 2: what is computed, and the command that stores it.

    python book/lab_adam.py --data digits       # scikit-learn's digits: minutes on one core
    python book/lab_adam.py --data mnist-10k    # MNIST's 10,000 test images
    python book/lab_adam.py --data mnist        # all of MNIST, 1,000 units a layer, on a GPU

One setting, ``--data``, chooses the size of everything. MNIST comes from ``python book/mnist.py``
(``--full`` for the last). Every rule of the course trains three models: logistic regression with an
L2 penalty, a network of two hidden layers of rectifiers, and the same with dropout. Each has its
own best learning rate, from ``experiments.search`` with five seeds: steps of two, refined by √2
around the winner, and beyond the grid if the winner is at its edge. Results go to
``book/data/adam-DATA.json`` after each search, and the same command goes on where it was ended.
``--figure`` and ``--paper`` choose a part: one figure, and the rules that the paper shows.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import stored
import torch
from experiments import DIGITS, SEEDS, Digits, Found, Problem, rule, search, softmax_regression
from lab_command import clock, parser_of, run_lab
from mnist import load
from regularized import relu_network
from scipy.optimize import minimize

PENALTY = 1e-3  # λ of the logistic regression; the paper does not state its own
DECAY = 1e-4  # λ of the network without dropout, likewise
KEEP = 0.5  # of the hidden units; the paper does not state its rate


class Scale(NamedTuple):
    """How large everything is for one set of data; passes for the regression and the network."""

    batch: int
    passes: int
    network_passes: int
    hidden: int
    device: str
    measured: int | None  # training images on which the loss is recorded; all if None


SCALES = {
    "digits": Scale(32, 12, 12, 32, "cpu", None),
    "mnist-10k": Scale(128, 45, 10, 100, "cpu", None),
    "mnist": Scale(128, 45, 45, 1000, "cuda", 10_000),
}

# Where a search begins: the rate in the middle of its first three.
STARTS: dict[str, dict[str, float]] = {
    "logistic regression": {
        "sgd": 2.0,
        "momentum": 0.5,
        "nag": 1.0,
        "manhattan": 0.05,
        "rprop": 0.001,
        "adagrad": 0.1,
        "adagrad, decayed twice": 0.5,
        "rmsprop": 0.08,
        "rmsprop-nesterov": 0.01,
        "adadelta": 16.0,
        "adam": 0.1,
        "amsgrad": 0.1,
        "adamax": 0.2,
    },
    "network": {
        "sgd": 0.3,
        "momentum": 0.05,
        "nag": 0.05,
        "manhattan": 0.001,
        "rprop": 0.001,
        "adagrad": 0.03,
        "rmsprop": 0.001,
        "rmsprop-nesterov": 0.0002,
        "adadelta": 1.0,
        "adam": 0.003,
        "amsgrad": 0.003,
        "adamax": 0.005,
    },
}
STARTS["network with dropout"] = STARTS["network"]
PAPER = ("nag", "adagrad", "adagrad, decayed twice", "adam")
FIGURES = {1: ("logistic regression",), 2: ("network", "network with dropout")}


def images(name: str) -> Digits:
    """Return the data of a scale, with a column of ones for the bias.

    Raises:
        MnistError: MNIST has not been fetched.
    """
    if name == "digits":
        return DIGITS
    found = load(full=name == "mnist")
    X, X_val = (
        torch.nn.functional.pad(z.float(), (0, 1), value=1.0) for z in (found.X, found.X_val)
    )
    return Digits(X, found.y, X_val, found.y_val)


def problems(name: str) -> dict[str, Problem]:
    """Return the three models for a scale."""
    pixels = 64 if name == "digits" else 784
    layers = (SCALES[name].hidden,) * 2
    return {
        "logistic regression": softmax_regression(pixels + 1, decay=PENALTY),
        "network": relu_network(*layers, l2=DECAY, inputs=pixels),
        "network with dropout": relu_network(*layers, keep=KEEP, inputs=pixels),
    }


def settings(name: str, model: str, method: str) -> dict[str, Any]:
    """Return what ``train`` needs for a method on a model, but for data, rates and seeds.

    The rate of the logistic regression falls as α/√t, as in the paper. AdaGrad's falls by itself;
    decayed twice it does both. Rprop sets its own.
    """
    scale = SCALES[name]
    logistic = model == "logistic regression"
    n = {"digits": len(DIGITS.X), "mnist-10k": 8_000, "mnist": 50_000}[name]
    passes = scale.passes if logistic else scale.network_passes
    steps = passes * (n // scale.batch)
    falls = logistic and method not in ("adagrad", "rprop")
    return {
        "batch": scale.batch,
        "passes": passes,
        "measured": scale.measured,
        "schedule": (lambda part: 1 / math.sqrt(part * steps + 1)) if falls else None,
    }


@functools.cache
def lowest(name: str) -> float:
    """Return the lowest loss of the penalized regression, by L-BFGS in double precision."""
    data = images(name)
    X, y = data.X.double(), data.y
    problem = problems(name)["logistic regression"]

    def value_and_slope(w: Any) -> tuple[float, Any]:
        loss, slope = problem.loss_and_gradient(torch.tensor(w)[None], X, y)
        return float(loss), slope[0].numpy()

    start = torch.zeros(X.shape[1] * 10).numpy()
    options = {"maxiter": 5000, "maxfun": 10_000, "ftol": 1e-14, "gtol": 1e-8}
    return float(minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options=options).fun)


def summary(found: Found, passes: int) -> dict[str, Any]:
    """Return what is stored of a search: five digits of each number, null where it diverged.

    ``end`` and ``accuracy`` have a number a seed; ``mean`` and ``sd`` are the curve of the loss.
    """

    def short(z: Any) -> Any:
        if not isinstance(z, float) and z.dim():
            return [short(part) for part in z]
        return float(f"{float(z):.5g}") if math.isfinite(z) else None

    return {
        "rate": found.rate,
        "at_edge": found.at_edge,
        "tried": {f"{rate:.5g}": short(mean) for rate, (mean, _) in found.tried.items()},
        "end": short(found.runs.end),
        "accuracy": short(found.accuracy),
        "passes": short(found.runs.steps / found.runs.steps[-1] * passes),
        "mean": short(found.runs.loss.mean(1)),
        "sd": short(found.runs.loss.std(1)),
    }


def run(
    name: str,
    say: Callable[[str], None],
    device: str | None = None,
    seeds: Sequence[int] = SEEDS,
    models: Sequence[str] | None = None,
    rules: Sequence[str] | None = None,
) -> None:
    """Do the searches that are not stored yet, and store each as it ends.

    ``models`` and ``rules`` choose a part; all if None.
    """
    place = device or SCALES[name].device
    data = Digits(*(part.to(place) for part in images(name)))
    path = stored.DATA / f"adam-{name}.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else None
    results: dict[str, Any] = before["results"] if before else {"found": {}}
    spent = before["made"]["seconds"] if before else 0.0
    if name != "mnist":
        results.setdefault("lowest", lowest(name))
    for model, problem in problems(name).items():
        if models is not None and model not in models:
            continue
        done = results["found"].setdefault(model, {})
        for method, middle in STARTS[model].items():
            if method in done or (rules is not None and method not in rules):
                continue
            begun = clock(place)
            given = settings(name, model, method)
            found = search(
                problem,
                rule(method.split(",")[0]),
                middle / 2,
                middle * 2,
                data=data,
                seeds=seeds,
                most=12,
                records=20,
                **given,
            )
            done[method] = summary(found, given["passes"])
            spent += clock(place) - begun
            stored.save(f"adam-{name}", results, seeds=seeds, seconds=spent)
            say(f"{model}, {method}: α = {found.rate:.3g}, loss {found.mean:.4g} ± {found.sd:.2g}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the lab at one scale; return the exit status."""
    parser = parser_of("Adam's figures 1 and 2.", SCALES)
    parser.add_argument("--figure", type=int, choices=FIGURES, help="only this figure's models")
    parser.add_argument("--paper", action="store_true", help="only the paper's rules")

    def work(given: argparse.Namespace, place: str, say: Callable[[str], None]) -> None:
        models, rules = FIGURES.get(given.figure), PAPER if given.paper else None
        run(given.data, say, place, models=models, rules=rules)

    return run_lab(parser, SCALES, work, arguments)


if __name__ == "__main__":
    sys.exit(main())
