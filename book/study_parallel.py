"""The experiments of the chapter on parallel training: ``python book/study_parallel.py``.

Writes ``book/data/parallel.json``: what late gradients cost, and how many updates larger batches
save. About two minutes on one thread. Other seeds than the book's: ``--seeds 5 6 7 8 9``.
"""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

import torch
from architectures import PIXELS, problem
from experiments import SEEDS, Gradient, Rule, rule, search, train
from stored import save
from study_efficient import dense, stack
from torch import Tensor

DELAYS = (0, 1, 4, 16)
LONGEST = {8: 800, 16: 500, 32: 350, 64: 250, 128: 250, 256: 250, 512: 250, 1024: 250}  # updates
GOAL, EVERY = 0.1, 5
NETWORK = problem(stack(dense(64, 64), dense(64, 64), dense(64, 10)))


def late(method: Rule, delay: int) -> Rule:
    """The same method with gradients that arrive ``delay`` updates late; until then θ rests."""
    if delay == 0:
        return method

    def begin(theta: Tensor, lr: Tensor) -> tuple[Tensor, ...]:
        return (*method.begin(theta, lr), theta.new_zeros(delay, *theta.shape))

    def step(
        state: tuple[Tensor, ...], gradient: Gradient, lr: Tensor, t: int
    ) -> tuple[Tensor, ...]:
        *inner, waiting = state
        arrived, waiting = waiting[0], torch.cat([waiting[1:], gradient(inner[0])[None]])
        if t <= delay:
            return (*inner, waiting)
        return (*method.step(tuple(inner), lambda _: arrived, lr, t - delay), waiting)

    return Rule(begin, step)


def cost_of_delay(seeds: list[int]) -> dict[str, Any]:
    """End loss at the best rate for each delay, for SGD and momentum: 300 updates of 50."""
    found: dict[str, Any] = {}
    for name, start in (("sgd", 0.2), ("momentum", 0.02)):
        found[name] = {}
        for delay in DELAYS:
            low = start / (1 + delay)
            best = search(
                NETWORK,
                late(rule(name), delay),
                low,
                4 * low,
                data=PIXELS,
                seeds=seeds,
                batch=50,
                passes=12,
            )
            assert not best.at_edge, "the best rate is at the edge of the search"
            found[name][str(delay)] = {
                "rate": best.rate,
                "loss": best.runs.end.tolist(),
                "accuracy": best.accuracy.tolist(),
            }
    return found


def updates_needed(seeds: list[int]) -> dict[str, Any]:
    """Updates of SGD until the training loss is below ``GOAL``, at the rate that needs fewest."""
    found = {}
    n = len(PIXELS.X)
    for batch, longest in LONGEST.items():
        rates = [0.1 * 2 ** (k / 2) for k in range(9)]
        runs = train(
            NETWORK,
            rule("sgd"),
            rates,
            data=PIXELS,
            seeds=seeds,
            batch=batch,
            passes=longest / (n // batch),
            records=longest // EVERY,
        )
        there = runs.loss < GOAL
        first = torch.where(there.any(0), runs.steps[there.int().argmax(0)].double(), math.inf)
        best = int(first.mean(1).argmin())
        assert 0 < best < len(rates) - 1, "the best rate is at the edge of the grid"
        assert bool(first[best].isfinite().all()), "the runs are too short"
        found[str(batch)] = {"rate": rates[best], "updates": first[best].tolist()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="The experiments on parallel training.")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    seeds = parser.parse_args().seeds
    began = time.process_time()
    results = {
        "delay": cost_of_delay(seeds),
        "batch": updates_needed(seeds),
        "goal": GOAL,
        "examples": len(PIXELS.X),
    }
    save("parallel", results, seeds=seeds, seconds=time.process_time() - began)


if __name__ == "__main__":
    main()
