"""Every rule of the course at twenty rates: the data of the chapter "Which optimizer?".

    python book/study_optimizers.py            # writes book/data/optimizers.json, in some minutes

What is stored already is not computed again, so the same command goes on where it was ended.

Each rule has the same budget on each task: one trial at each of ``RATES``, with five seeds. All its
other settings have their usual values. The rate with the lowest mean is then run again with five
seeds that nothing was chosen by. The rules are those of ``autograder.reference``.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lab_prong
import torch
from experiments import (
    DIGITS,
    SEEDS,
    SOFTMAX,
    Digits,
    Problem,
    Rule,
    Runs,
    rule,
    train,
)
from networks import CENTRED, RAW, he, network, xavier
from stored import DATA, save
from torch import Tensor

from autograder import reference

sys.path.append(str(Path(__file__).resolve().parent / "_ext"))

from optimizer_figure import SURFACES, VIEWS

RULES = (
    *("sgd", "momentum", "nag", "manhattan", "rprop", "adagrad", "rmsprop", "rmsprop-nesterov"),
    *("adadelta", "adam", "amsgrad", "adamw", "adamax"),
)
RATES = tuple(float(f"{1e-4 * 2**k:.4g}") for k in range(20))  # to 52
FRESH = (10, 11, 12, 13, 14)
# Weight decay pulls to 0, where some of these minima are; without it AdamW is Adam.
ON_SURFACES = tuple(name for name in RULES if name != "adamw")
LOOKED_AT = ("valley", "tilted", "saddle", "beale")
STEPS = 300  # on a surface
NEAR = 1e-3  # of the height of the start above the minimum: there a run has arrived


def linear(part: float) -> float:
    """A rate that falls linearly to zero."""
    return 1.0 - part


def method(name: str) -> Rule:
    """A rule of the reference by its name; the rate of AdaDelta is √ε, which is its scale."""
    if name != "adadelta":
        return rule(name)
    return Rule(
        rule(name).begin,
        lambda s, g, lr, t: reference.adadelta_step(*s, g(s[0]), 1.0, eps=lr**2),
    )


# ---- surfaces ------------------------------------------------------------------------------------


def surface(name: str) -> Problem:
    """A surface as a problem; the images are not looked at.

    The seeds scatter the start around the one of the figures: by 0.1 in both directions, at the
    saddle by 0.1 along and 0.01 across.
    """
    f, view = SURFACES[name], VIEWS[name]

    def start(seeds: Sequence[int]) -> Tensor:
        scatter = torch.tensor([0.1, 0.01 if name == "saddle" else 0.1])
        draws = [torch.randn(2, generator=torch.Generator().manual_seed(s)) for s in seeds]
        return torch.tensor(view["start"]) + scatter * torch.stack(draws)

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            loss = f(leaf[..., 0], leaf[..., 1])
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach(), gradient

    return Problem(start, loss_and_gradient, lambda theta, X: torch.zeros(len(X), 1))


def arrivals(name: str, by: Rule, rates: Sequence[float], seeds: Sequence[int]) -> Tensor:
    """Steps until a run has arrived for good, (rates, seeds).

    Infinite if it has not after ``STEPS``, or if it left the picture on its way.
    """
    problem, view = surface(name), VIEWS[name]
    settings = {"batch": None, "passes": STEPS, "records": STEPS, "seeds": seeds}
    runs = train(problem, by, rates, watch=lambda theta: theta, **settings)
    height = runs.loss - view["lowest"]
    away = ~(height <= NEAR * height[0])
    number = torch.arange(STEPS + 1)[:, None, None]
    last = torch.where(away, number, -1).amax(0)
    low, high = torch.tensor(view["window"]).view(2, 2).T
    assert runs.watched is not None
    stayed = ((runs.watched >= low) & (runs.watched <= high)).all(-1).all(0)
    return torch.where((last < STEPS) & stayed, (last + 1).double(), math.inf)


# ---- networks ------------------------------------------------------------------------------------


def autoencoder(gain: float = 4.0) -> Problem:
    """The network of the lab on PRONG, with the weights at its start flattened to one row."""
    task = lab_prong.digits_task()
    shapes = [(n_out, n_in + 1) for n_in, n_out in zip(task.widths, task.widths[1:], strict=False)]

    def start(seeds: Sequence[int]) -> Tensor:
        runs = [lab_prong.Run(rate=0.0, gain=gain, seed=s) for s in seeds]
        layers = lab_prong.start(task, lab_prong.METHODS["sgd"], runs)
        parts = [torch.cat([z["W"], z["b"].mT], dim=-1).flatten(-2) for z in layers]
        return torch.cat(parts, dim=-1)

    def layers(theta: Tensor) -> list[lab_prong.Layer]:
        pieces = theta.split([a * b for a, b in shapes], dim=-1)
        both = [z.unflatten(-1, shape) for z, shape in zip(pieces, shapes, strict=True)]
        return [{"W": z[..., :-1], "b": z[..., -1:].mT} for z in both]

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            loss = lab_prong.image_error(lab_prong.forward(layers(leaf), X)[1], X)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach(), gradient

    return Problem(start, loss_and_gradient, lambda theta, X: torch.zeros(len(X), 1))


class Task(NamedTuple):
    """A network, its images, and how long it is trained."""

    make: Callable[[], Problem]
    data: Digits
    batch: int
    passes: float
    schedule: Callable[[float], float] | None = None
    labels: bool = True  # whether there is an accuracy


def rectifiers() -> Problem:
    return network(2, 32, "relu", he, data=RAW).problem


def sigmoids(*, normalize: bool = False) -> Problem:
    return network(4, 32, "sigmoid", xavier, normalize=normalize, data=CENTRED).problem


TASKS = {
    "softmax": Task(lambda: SOFTMAX, DIGITS, 32, 6),
    "relu": Task(rectifiers, RAW, 32, 6),
    "relu, falling": Task(rectifiers, RAW, 32, 6, linear),
    "autoencoder": Task(autoencoder, RAW, 50, 10, labels=False),
    "sigmoid": Task(sigmoids, CENTRED, 50, 8),
    "normalized": Task(functools.partial(sigmoids, normalize=True), CENTRED, 50, 8),
}


def run(task: Task, by: Rule, rates: Sequence[float], seeds: Sequence[int]) -> Runs:
    """Train the network of a task at every rate with every seed."""
    return train(
        task.make(),
        by,
        rates,
        batch=task.batch,
        passes=task.passes,
        seeds=seeds,
        data=task.data,
        schedule=task.schedule,
        records=5,
    )


def short(values: Tensor) -> list[Any]:
    """Nested lists with four digits, None for what is not finite: small in a file."""
    if values.ndim:
        return [short(row) for row in values]
    return float(f"{float(values):.4g}") if values.isfinite() else None  # type: ignore[return-value]


def best_of(values: Tensor) -> int:
    """The row with the lowest mean; the first if all have a run that is not finite."""
    return int(values.mean(1).nan_to_num(math.inf, math.inf).argmin())


def on_surface(name: str, by: Rule) -> dict[str, Any]:
    """Arrivals at every rate, and with fresh starts at the best."""
    tried = arrivals(name, by, RATES, SEEDS)
    rate = RATES[best_of(tried)]
    again = arrivals(name, by, [rate], FRESH)[0]
    return {"tried": short(tried), "rate": rate, "again": short(again)}


def on_network(task: Task, by: Rule) -> dict[str, Any]:
    """End losses at every rate, and with fresh seeds at the best, with the accuracy if any."""
    tried = run(task, by, RATES, SEEDS).end
    rate = RATES[best_of(tried)]
    fresh = run(task, by, [rate], FRESH)
    found = {"tried": short(tried), "rate": rate, "again": short(fresh.end[0])}
    if task.labels:
        problem = task.make()
        hits = problem.scores(fresh.theta[0], task.data.X_val).argmax(-1) == task.data.y_val
        found["accuracy"] = short(hits.double().mean(-1))
    return found


# ---- price ---------------------------------------------------------------------------------------


def price(size: int = 100_000, rounds: int = 100, steps: int = 3) -> dict[str, dict[str, float]]:
    """Time of an update in units of SGD's, the least of rounds in turns; numbers of state a weight.

    The update is the reference's, of ``size`` weights in single precision on one thread; the
    gradient is there and costs nothing.
    """
    draw = torch.Generator().manual_seed(0)
    theta, g = (torch.randn(1, 1, size, generator=draw, dtype=torch.float32) for _ in range(2))
    lr = torch.full((1, 1, 1), 1e-3, dtype=torch.float32)
    rules = {name: method(name) for name in RULES}
    states = {name: rules[name].begin(theta, lr) for name in RULES}
    least = dict.fromkeys(RULES, math.inf)
    for _ in range(rounds):
        for name in RULES:
            state = states[name]
            begun = time.process_time()
            for t in range(1, steps + 1):
                state = rules[name].step(state, lambda at: g, lr, t)
            least[name] = min(least[name], time.process_time() - begun)
    return {
        name: {
            "time": float(f"{least[name] / least['sgd']:.3g}"),
            "state": sum(z.numel() for z in states[name][1:]) / size,
        }
        for name in RULES
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is not stored yet, storing each part as it ends; return the exit status."""
    parser = argparse.ArgumentParser(description="Compute the bake-off of all rules.")
    parser.parse_args(arguments)
    torch.set_flush_denormal(True)  # a run that dies slowly would cost ten times as much
    path = DATA / "optimizers.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else None
    results: dict[str, Any] = before["results"] if before else {}
    earlier = before["made"]["seconds"] if before else 0.0
    results.update({"rates": RATES, "fresh seeds": FRESH, "steps": STEPS})

    def keep(said: str) -> None:
        spent = earlier + time.process_time()
        save("optimizers", results, seeds=SEEDS, seconds=spent)
        print(f"{spent:6.0f} s  {said}", flush=True)

    if "price" not in results:
        results["price"] = price()
        keep("price")
    jobs: list[tuple[str, str, Callable[[Rule], Any]]] = []
    for name in LOOKED_AT:
        jobs += [(name, m, functools.partial(on_surface, name)) for m in ON_SURFACES]
    for name, task in TASKS.items():
        jobs += [(name, m, functools.partial(on_network, task)) for m in RULES]
    for name, m, compute in jobs:
        done = results.setdefault(name, {})
        if m not in done:
            done[m] = compute(method(m))
            keep(f"{name}, {m}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
