"""The experiments of the chapter on strategies: ``python book/study_strategies.py``.

Writes ``book/data/strategies.json``: easy models against strong optimizers, supervised pretraining
layer by layer and from other data, and curricula. About eight minutes on one thread. It needs
MNIST's 10,000 images (``python book/mnist.py``) as data to pretrain on. Other seeds than the
book's: ``--seeds 5 6 7 8 9``.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import mnist
import torch
from architectures import PIXELS, problem
from experiments import SEEDS, Digits, Problem, Rule, rule, search, softmax_regression, train
from stored import save
from study_efficient import dense, stack
from torch import Tensor, nn

WIDTH = 64
CENTRED = PIXELS._replace(X=2 * PIXELS.X - 1, X_val=2 * PIXELS.X_val - 1)  # for the sigmoid network
Make = Callable[[], nn.Module]


class Residual(nn.Module):
    """h + scale · relu(W h + b)."""

    def __init__(self, width: int, scale: float):
        super().__init__()
        self.layer, self.scale = nn.Linear(width, width), scale

    def forward(self, h: Tensor) -> Tensor:
        return h + self.scale * torch.relu(self.layer(h))


def plain(depth: int, activation: Callable[[], nn.Module] = nn.ReLU) -> Make:
    """``depth`` hidden layers."""

    def make() -> nn.Module:
        parts: list[nn.Module] = []
        for i in range(depth):
            parts += [nn.Linear(64 if i == 0 else WIDTH, WIDTH), activation()]
        return nn.Sequential(*parts, nn.Linear(WIDTH, 10))

    return make


def residual(depth: int) -> Make:
    """A rectifier layer and depth − 1 residual blocks, with branches scaled by 1/√(depth − 1)."""
    scale = 1 / math.sqrt(depth - 1)
    return lambda: nn.Sequential(
        nn.Linear(64, WIDTH),
        nn.ReLU(),
        *[Residual(WIDTH, scale) for _ in range(depth - 1)],
        nn.Linear(WIDTH, 10),
    )


def from_weights(task: Problem, theta: Tensor) -> Problem:
    """The same problem, started from weights (S, P), or (R, S, P) for each rate its own."""
    return task._replace(start=lambda seeds: theta)


def summary(rate: float, loss: Tensor, accuracy: Tensor) -> dict[str, Any]:
    return {"rate": rate, "loss": loss.tolist(), "accuracy": accuracy.tolist()}


# ---- models that are easy to optimize ------------------------------------------------------------


def models(seeds: list[int]) -> dict[str, Any]:
    """Plain and residual networks, each with three optimizers at their best rates: 200 updates."""
    found: dict[str, Any] = {}
    for depth in (5, 30):
        for name, make in (("plain", plain(depth)), ("residual", residual(depth))):
            for method, low in (("sgd", 0.05), ("momentum", 0.005), ("adam", 0.0005)):
                best = search(
                    problem(make),
                    rule(method),
                    low,
                    4 * low,
                    data=PIXELS,
                    seeds=seeds,
                    batch=50,
                    passes=8,
                    records=10,
                )
                assert not best.at_edge, "the best rate is at the edge of the search"
                key = f"{name}, {depth}, {method}"
                found[key] = summary(best.rate, best.runs.end, best.accuracy)
    return found


# ---- supervised pretraining ----------------------------------------------------------------------

DEPTH, STAGE, FINE = 6, 3, 9  # hidden layers; passes of each stage, and of the last one
RATES = [0.025 * 2 ** (k / 2) for k in range(11)]


def greedy(seeds: list[int], freeze: bool) -> dict[str, Any]:
    """A sigmoid network that grows by a layer a stage; at the end all layers are trained.

    With ``freeze`` a stage trains its new layer and the output only. Momentum, one rate for all
    stages, the best of ``RATES``.
    """
    theta = torch.empty(0)
    for depth in range(1, DEPTH + 1):
        task = problem(plain(depth, nn.Sigmoid))
        fresh = task.start(seeds).expand(len(RATES), -1, -1).clone()
        old = 65 * WIDTH + (depth - 2) * (WIDTH + 1) * WIDTH if depth > 1 else 0
        fresh[..., :old] = theta[..., :old]
        last = depth == DEPTH
        grown = from_weights(task, fresh)
        if freeze and not last:
            grown = grown._replace(loss_and_gradient=_without(task, old))
        runs = train(
            grown,
            rule("momentum"),
            RATES,
            data=CENTRED,
            seeds=seeds,
            batch=50,
            passes=FINE if last else STAGE,
        )
        theta = runs.theta
    best = int(runs.end.mean(1).argmin())
    assert 0 < best < len(RATES) - 1, "the best rate is at the edge of the grid"
    hits = task.scores(theta[best], CENTRED.X_val).argmax(-1) == CENTRED.y_val
    return summary(RATES[best], runs.end[best], hits.double().mean(-1))


def _without(task: Problem, old: int) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The problem's loss, and its gradient with zeros for the first ``old`` parameters."""

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, gradient = task.loss_and_gradient(theta, X, y)
        gradient[..., :old] = 0
        return loss, gradient

    return loss_and_gradient


def pretraining(seeds: list[int]) -> dict[str, Any]:
    """The same work, 24 passes, spent on all layers at once or on one after another."""
    total = (DEPTH - 1) * STAGE + FINE
    found: dict[str, Any] = {}
    for name, activation, data in (
        ("sigmoid, all layers at once", nn.Sigmoid, CENTRED),
        ("rectifiers, all layers at once", nn.ReLU, PIXELS),
    ):
        best = search(
            problem(plain(DEPTH, activation)),
            rule("momentum"),
            0.02,
            0.08,
            data=data,
            seeds=seeds,
            batch=50,
            passes=total,
        )
        found[name] = summary(best.rate, best.runs.end, best.accuracy)
    found["sigmoid, grown layer by layer"] = greedy(seeds, freeze=False)
    found["sigmoid, only the new layer in each stage"] = greedy(seeds, freeze=True)
    return found


SMALL = stack(dense(64, WIDTH), dense(WIDTH, WIDTH), dense(WIDTH, 10))


def few(data: Digits, each: int, classes: range, seed: int) -> Digits:
    """``each`` training images of every class, drawn by the seed; validation of these classes."""
    order = torch.randperm(len(data.y), generator=torch.Generator().manual_seed(300 + seed))
    chosen = torch.cat([order[data.y[order] == c][:each] for c in classes])
    held = (data.y_val >= classes.start) & (data.y_val < classes.stop)
    return Digits(data.X[chosen], data.y[chosen], data.X_val[held], data.y_val[held])


def shrunk_mnist() -> Digits:
    """MNIST's test images at the size of the digits: their 20 × 20 inner pixels, averaged."""
    images = mnist.load()

    def shrink(X: Tensor) -> Tensor:
        square = X.float().reshape(-1, 1, 28, 28)[..., 4:-4, 4:-4]
        return nn.functional.adaptive_avg_pool2d(square, 8).flatten(1)

    return Digits(shrink(images.X), images.y, shrink(images.X_val), images.y_val)


def transfer(seeds: list[int]) -> dict[str, Any]:
    """Few images of a task, from scratch or after pretraining on other images: 100 updates."""
    task = problem(SMALL)
    low = PIXELS.y < 5
    near = PIXELS._replace(X=PIXELS.X[low], y=PIXELS.y[low])
    sources: dict[str, tuple[Digits | None, range]] = {
        "0 to 4, scratch": (None, range(5, 10)),
        "0 to 4, pretrained": (near, range(5, 10)),
        "MNIST, scratch": (None, range(10)),
        "MNIST, pretrained": (shrunk_mnist(), range(10)),
    }
    rates = [0.01 * 2 ** (k / 2) for k in range(15)]
    found: dict[str, Any] = {}
    for name, (source, classes) in sources.items():
        theta = task.start(seeds)
        if source is not None:
            passes = 40 if len(source.y) < 1000 else 10
            fit: dict[str, Any] = {"data": source, "batch": 50, "passes": passes, "seeds": seeds}
            theta = search(task, rule("sgd"), 0.2, 0.8, records=5, **fit).runs.theta
        for each in (2, 5, 20, 50):
            hits = torch.zeros(len(rates), len(seeds))
            loss = torch.zeros(len(rates), len(seeds))
            for s, seed in enumerate(seeds):
                data = few(PIXELS, each, classes, seed)
                batch = min(50, len(data.y))
                runs = train(
                    from_weights(task, theta[s : s + 1]),
                    rule("sgd"),
                    rates,
                    data=data,
                    seeds=[seed],
                    batch=batch,
                    passes=100 / (len(data.y) // batch),
                    records=2,
                )
                half = len(data.y_val) // 2  # one half chooses the rate, the other is reported
                scores = task.scores(runs.theta[:, 0], data.X_val)
                loss[:, s] = _cross_entropy(scores[:, :half], data.y_val[:half])
                hits[:, s] = (scores.argmax(-1) == data.y_val)[:, half:].float().mean(-1)
            best = int(loss.mean(1).argmin())
            found[f"{name}, {each}"] = summary(rates[best], loss[best], hits[best])
    return found


def _cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    """Mean over the examples: scores (..., n, classes), labels (n,)."""
    target = y.expand(scores.shape[:-1])[..., None]
    return (scores.logsumexp(-1) - scores.gather(-1, target)[..., 0]).mean(-1)


# ---- curricula -----------------------------------------------------------------------------------


def difficulty(X: Tensor, y: Tensor) -> Tensor:
    """Loss of each example under softmax regression: (n,)."""
    linear = softmax_regression(X.shape[-1])
    runs = train(
        linear,
        rule("sgd"),
        [0.5],
        data=Digits(X.double(), y, X.double(), y),
        seeds=[0],
        batch=50,
        passes=10,
    )
    scores = linear.scores(runs.theta[0], X.double())[0]
    return nn.functional.cross_entropy(scores, y, reduction="none")


def taught(
    order: Tensor | None,
    y: Tensor,
    method: Rule,
    rates: list[float],
    updates: int,
    seeds: list[int],
) -> Tensor:
    """Weights (R, S, P) after updates with batches of 50 from a growing part of the data.

    ``order`` lists the examples from the first to the last to be shown; the part grows from a fifth
    to all over the first half of the run. None: always all of them.
    """
    task = problem(SMALL)
    draws = [torch.Generator().manual_seed(700 + seed) for seed in seeds]
    lr = torch.tensor(rates, dtype=torch.float32)[:, None, None]
    state = method.begin(task.start(seeds).expand(len(rates), -1, -1).clone(), lr)
    n = len(y)
    for t in range(updates):
        part = min(1.0, 0.2 + 1.6 * t / updates) if order is not None else 1.0
        seen = max(50, round(part * n))
        chosen = torch.stack([torch.randperm(seen, generator=draw)[:50] for draw in draws])
        if order is not None:
            chosen = order[chosen]

        def gradient(theta: Tensor, chosen: Tensor = chosen) -> Tensor:
            return task.loss_and_gradient(theta, PIXELS.X[chosen], y[chosen])[1]

        state = method.step(state, gradient, lr, t + 1)
    return state[0]


def curricula(seeds: list[int]) -> dict[str, Any]:
    """Random order, easy examples first, hard ones first; right labels and 30 % redrawn ones."""
    task = problem(SMALL)
    rates = [0.05 * 2 ** (k / 2) for k in range(10)]
    draw = torch.Generator().manual_seed(11)
    redrawn = torch.rand(len(PIXELS.y), generator=draw) < 0.3
    noisy = torch.where(redrawn, torch.randint(10, PIXELS.y.shape, generator=draw), PIXELS.y)
    half = len(PIXELS.y_val) // 2
    found: dict[str, Any] = {}
    for labels, y in (("right", PIXELS.y), ("noisy", noisy)):
        easy = difficulty(PIXELS.X, y).argsort()
        by_class = y.argsort(stable=True)
        orders = {"random": None, "easy first": easy, "hard first": easy.flip(0)}
        if labels == "right":
            orders["class by class"] = by_class
        for name, order in orders.items():
            for updates in (80, 200, 400):
                theta = taught(order, y, rule("sgd"), rates, updates, seeds)
                scores = task.scores(theta, PIXELS.X_val)
                loss = _cross_entropy(scores[..., :half, :], PIXELS.y_val[:half])
                hits = (scores.argmax(-1) == PIXELS.y_val)[..., half:].double().mean(-1)
                best = int(loss.mean(1).nan_to_num(nan=math.inf).argmin())
                assert 0 < best < len(rates) - 1, "the best rate is at the edge of the grid"
                found[f"{labels}, {name}, {updates}"] = summary(rates[best], loss[best], hits[best])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="The experiments on strategies.")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    seeds = parser.parse_args().seeds
    began = time.process_time()
    results = {
        "models": models(seeds),
        "pretraining": pretraining(seeds),
        "transfer": transfer(seeds),
        "curricula": curricula(seeds),
    }
    save("strategies", results, seeds=seeds, seconds=time.process_time() - began)


if __name__ == "__main__":
    main()
