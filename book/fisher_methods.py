"""Softmax regression by the natural gradient, and by cheaper stand-ins for the Fisher matrix.

The chapter on the natural gradient compares them. Its search of rates and dampings takes minutes,
so what it found is stored; the page runs each method again at its best setting::

    python book/fisher_methods.py         # writes book/data/natural-gradient.json

The loss is the mean cross-entropy with the penalty ½ρ‖W‖², ρ = 0.001, which makes the minimum
finite. Weights have shape (10, 65), numbered in row order. Nothing is random but the split of the
digits into 1,297 images to train and 500 to validate, and the labels that "sampled" draws.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from experiments import SOFTMAX, Digits, Setting, climb, digits
from stored import DATA, load, save
from torch import Tensor

from autograder import reference

PENALTY = 1e-3
SPLITS = (0, 1, 2, 3, 4)
HORIZONS = (10, 30)  # steps; the second not for the methods whose steps are dear
CLASSES, FEATURES = 10, 65
STORED = "natural-gradient"


class Problem(NamedTuple):
    """One split of the digits, and the minimum of its loss."""

    data: Digits
    minimum: float


def objective(W: Tensor, data: Digits) -> tuple[float, Tensor]:
    """The loss with its penalty, and the gradient in W."""
    loss, g = SOFTMAX.loss_and_gradient(W.mT.reshape(-1), data.X, data.y)
    g = g.view(FEATURES, CLASSES).mT
    return float(loss + PENALTY / 2 * W.square().sum()), g + PENALTY * W


def problem(split: int) -> Problem:
    """Return a split with its minimum, found by Newton's method: here F + ρI is the Hessian."""
    data = digits(seed=split)
    W = torch.zeros(CLASSES, FEATURES)
    for _ in range(8):
        W = W - direction_exact(W, objective(W, data)[1], data, PENALTY)
    loss, g = objective(W, data)
    assert float(g.abs().max()) < 1e-10, "Newton's method has not arrived"
    return Problem(data, loss)


# ---- directions ----------------------------------------------------------------------------------

Direction = Callable[[Tensor, Tensor, Digits, float], Tensor]  # of W, g, the data and the damping


def outer_sum(weights: Tensor, X: Tensor) -> Tensor:
    """(1/n) Σ w_n ⊗ x_n x_nᵀ for symmetric w of shape (n, 10, 10), as a matrix (650, 650)."""
    upper = torch.triu_indices(CLASSES, CLASSES)
    blocks = (weights[:, upper[0], upper[1]].mT[:, :, None] * X).mT @ X / len(X)
    whole = torch.empty(CLASSES, CLASSES, FEATURES, FEATURES)
    whole[upper[0], upper[1]] = blocks
    whole[upper[1], upper[0]] = blocks
    return whole.transpose(1, 2).reshape(CLASSES * FEATURES, -1)


def solve(F: Tensor, g: Tensor, damping: float) -> Tensor:
    zero = torch.zeros_like(g)
    return -reference.natural_gradient_step(zero, g, F, 1.0, damping)


def probabilities(W: Tensor, data: Digits) -> Tensor:
    return torch.softmax(data.X @ W.mT, dim=-1)


def fisher_exact(W: Tensor, data: Digits) -> Tensor:
    """The same matrix as ``reference.fisher_softmax``, several times faster at this size."""
    p = probabilities(W, data)
    return outer_sum(torch.diag_embed(p) - p[:, :, None] * p[:, None, :], data.X)


def fisher_of_labels(W: Tensor, data: Digits, labels: Tensor) -> Tensor:
    """(1/n) Σ ∇log p_y ∇log p_yᵀ for given labels: those of the data, or drawn from the model."""
    score = torch.nn.functional.one_hot(labels, CLASSES) - probabilities(W, data)
    return outer_sum(score[:, :, None] * score[:, None, :], data.X)


def fisher_empirical(W: Tensor, data: Digits) -> Tensor:
    return fisher_of_labels(W, data, data.y)


def fisher_sampled(W: Tensor, data: Digits, draw: torch.Generator) -> Tensor:
    labels = torch.multinomial(probabilities(W, data), 1, generator=draw)[:, 0]
    return fisher_of_labels(W, data, labels)


def direction_exact(W: Tensor, g: Tensor, data: Digits, damping: float) -> Tensor:
    return solve(fisher_exact(W, data), g, damping)


def direction_empirical(W: Tensor, g: Tensor, data: Digits, damping: float) -> Tensor:
    return solve(fisher_empirical(W, data), g, damping)


def sampled() -> Direction:
    draw = torch.Generator().manual_seed(0)
    return lambda W, g, data, damping: solve(fisher_sampled(W, data, draw), g, damping)


def direction_diagonal(W: Tensor, g: Tensor, data: Digits, damping: float) -> Tensor:
    p = probabilities(W, data)
    diagonal = (p * (1 - p)).mT @ data.X.square() / len(data.X)
    return g / (diagonal + damping)


def factors(W: Tensor, data: Digits) -> tuple[Tensor, Tensor]:
    """Mean of δδᵀ under the model, (10, 10), and mean of xxᵀ, (65, 65)."""
    p = probabilities(W, data)
    outputs = torch.diag(p.mean(0)) - p.mT @ p / len(p)
    return outputs, data.X.mT @ data.X / len(data.X)


def damped_solve(M: Tensor, right: Tensor, damping: float) -> Tensor:
    return torch.linalg.solve(M + damping * torch.eye(len(M)), right)


def direction_whitened(W: Tensor, g: Tensor, data: Digits, damping: float) -> Tensor:
    return damped_solve(factors(W, data)[1], g.mT, damping).mT


def direction_kronecker(W: Tensor, g: Tensor, data: Digits, damping: float) -> Tensor:
    """Both factors, each damped by its share: π√λ and √λ/π, π² the ratio of mean eigenvalues."""
    outputs, inputs = factors(W, data)
    pi = math.sqrt(float(inputs.diagonal().mean() / outputs.diagonal().mean()))
    half = damped_solve(outputs, g, math.sqrt(damping) / pi)
    return damped_solve(inputs, half.mT, math.sqrt(damping) * pi).mT


class Method(NamedTuple):
    """What makes the direction, afresh for each run, and where the search begins."""

    make: Callable[[], Direction]
    rate: float
    damping: float | None = None
    dear: bool = False  # whether a step needs a matrix of all parameters


METHODS = {
    "gradient descent": Method(lambda: lambda W, g, data, damping: g, 2.0),
    "diagonal of F": Method(lambda: direction_diagonal, 0.1, 1e-2),
    "whitened inputs": Method(lambda: direction_whitened, 10.0, 1e-3),
    "Kronecker": Method(lambda: direction_kronecker, 1.0, 1e-3),
    "empirical F": Method(lambda: direction_empirical, 1.0, 1e-3, True),
    "sampled F": Method(sampled, 1.0, 1e-3, True),
    "exact F": Method(lambda: direction_exact, 1.0, 1e-3, True),
}


class Path(NamedTuple):
    """Loss above its minimum, from step 0 on, and share of validation images right at the end."""

    excess: list[float]
    accuracy: float


def descend(name: str, rate: float, damping: float | None, steps: int, where: Problem) -> Path:
    """Take so many steps from W = 0. A path that diverges ends early, its last excess infinite."""
    direction, data = METHODS[name].make(), where.data
    W = torch.zeros(CLASSES, FEATURES)
    excess = []
    for t in range(steps + 1):
        loss, g = objective(W, data)
        excess.append(loss - where.minimum)
        if t == steps:
            break
        try:
            W = W - rate * direction(W, g, data, damping or 0.0)
        except torch.linalg.LinAlgError:
            W = W * math.nan
        if not bool(W.isfinite().all()):
            excess.append(math.inf)
            break
    hits = (data.X_val @ W.mT).argmax(1) == data.y_val
    return Path(excess, float(hits.double().mean()))


# ---- the command ---------------------------------------------------------------------------------


def search(name: str, steps: int, where: list[Problem]) -> dict[str, Any]:
    """Find the rate and the damping with the lowest mean excess after so many steps."""
    _, rate, damping, dear = METHODS[name]
    begin = time.process_time()
    paths: dict[tuple[float, float | None], list[Path]] = {}

    def value(settings: list[Setting]) -> list[float]:
        means = []
        for setting in settings:
            key = setting["rate"], setting.get("damping")
            paths[key] = [descend(name, *key, steps, one) for one in where]
            mean = sum(path.excess[-1] for path in paths[key]) / len(where)
            means.append(max(mean, 1e-14))  # less is rounding
        return means

    first = {"rate": rate} | ({"damping": damping} if damping else {})
    best = climb(
        value, [first], {"rate": 2**0.5, "damping": 10**0.5}, (2, 1) if dear else (4, 2, 1)
    )
    found = paths[best["rate"], best.get("damping")]
    return {
        **{key: float(f"{z:.6g}") for key, z in best.items()},
        "tried": len(paths),
        "excess": [path.excess[-1] for path in found],
        "accuracy": [path.accuracy for path in found],
        "CPU minutes": round((time.process_time() - begin) / 60, 1),
    }


def seconds_a_step(where: Problem, rounds: int = 5) -> dict[str, float]:
    """Time of one direction, the least of some rounds in which the methods take turns."""
    W = torch.zeros(CLASSES, FEATURES)
    least = dict.fromkeys(METHODS, math.inf)
    for _ in range(rounds):
        for name, method in METHODS.items():
            direction, begin = method.make(), time.perf_counter()
            direction(W, objective(W, where.data)[1], where.data, 1e-3)
            least[name] = min(least[name], time.perf_counter() - begin)
    return least


def main() -> int:
    """Search what is not stored yet, and store it."""
    parser = argparse.ArgumentParser(description="Search rates and dampings for the chapter.")
    parser.add_argument("--again", action="store_true", help="search what is stored, too")
    given = parser.parse_args()
    where = [problem(split) for split in SPLITS]
    found: dict[str, dict[str, Any]] = {}
    if (DATA / f"{STORED}.json").exists() and not given.again:
        found = load(STORED).results["found"]
    for name, method in METHODS.items():
        if name not in found:
            horizons = HORIZONS[:1] if method.dear else HORIZONS
            found[name] = {str(steps): search(name, steps, where) for steps in horizons}
            print(name, found[name], flush=True)
        relative = seconds_a_step(where[0])
        price = {
            key: float(f"{z / relative['gradient descent']:.2g}") for key, z in relative.items()
        }
        minutes = sum(z["CPU minutes"] for one in found.values() for z in one.values())
        save(
            STORED,
            {"time of a step, gradient descent = 1": price, "found": found},
            seeds=SPLITS,
            seconds=60 * minutes,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
