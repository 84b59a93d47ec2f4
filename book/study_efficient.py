"""The experiments of the chapter on efficient models: ``python book/study_efficient.py``.

Writes ``book/data/efficient.json``, in about five minutes on one thread. Other seeds than the
book's: ``--seeds 5 6 7 8 9``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from architectures import PIXELS, Local, cost, problem
from experiments import SEEDS, Digits, rule, search
from stored import save
from torch import Tensor, nn

WIDTHS = (2, 4, 8, 16, 32, 64, 128)
QUARTERS = torch.arange(64).reshape(2, 4, 2, 4).transpose(1, 2).flatten()
SHUFFLED = torch.randperm(64, generator=torch.Generator().manual_seed(5))
Make = Callable[[], nn.Module]


class Rearranged(nn.Module):
    """The pixels in another order."""

    def __init__(self, order: Tensor):
        super().__init__()
        self.order = order

    def forward(self, X: Tensor) -> Tensor:
        return X[:, self.order]


def stack(*layers: Callable[[], nn.Module]) -> Make:
    """Layers with a rectifier after each but the last."""

    def make() -> nn.Module:
        parts: list[nn.Module] = []
        for i, layer in enumerate(layers):
            parts += [nn.ReLU()] * (i > 0) + [layer()]
        return nn.Sequential(*parts)

    return make


def dense(inputs: int, outputs: int) -> Callable[[], nn.Module]:
    return lambda: nn.Linear(inputs, outputs)


def local(blocks: int, inputs: int, outputs: int) -> Callable[[], nn.Module]:
    return lambda: Local(blocks, inputs, outputs)


def first_local(order: Tensor) -> Make:
    """Four blocks of 16 pixels to 16 units each, then dense layers."""
    return stack(
        lambda: nn.Sequential(Rearranged(order), Local(4, 16, 16)), dense(64, 64), dense(64, 10)
    )


def convolution(a: int, b: int, k: int, groups: int = 1) -> nn.Module:
    return nn.Conv2d(a, b, k, padding=k // 2, groups=groups)


def images(*middle: Callable[[], nn.Module], first: int = 16, second: int = 32) -> Make:
    """3×3 from one to ``first`` channels, the middle to ``second``, with 2×2 maxima; then dense."""
    return lambda: nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        convolution(1, first, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *(layer() for layer in middle),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * second, 10),
    )


NETWORKS: dict[str, Make] = {
    "dense, 64 and 64 units": stack(dense(64, 64), dense(64, 64), dense(64, 10)),
    "first layer local, quarters of the image": first_local(QUARTERS),
    "first layer local, pixels in disorder": first_local(SHUFFLED),
    "3×3 convolutions, 16 and 32 channels": images(lambda: convolution(16, 32, 3)),
    "the second in four groups": images(lambda: convolution(16, 32, 3, 4)),
    "the second separable": images(
        lambda: convolution(16, 16, 3, 16), lambda: convolution(16, 32, 1)
    ),
    "the second after a reduction to 4": images(
        lambda: convolution(16, 4, 1), lambda: convolution(4, 32, 3)
    ),
    "the same with a rectifier between": images(
        lambda: convolution(16, 4, 1), nn.ReLU, lambda: convolution(4, 32, 3)
    ),
    "3×3 convolutions, 8 and 8 channels": images(lambda: convolution(8, 8, 3), first=8, second=8),
}
PAIRS: dict[str, Make] = {
    "dense": stack(dense(128, 64), dense(64, 64), dense(64, 2)),
    "local": stack(local(2, 64, 32), local(2, 32, 32), dense(64, 2)),
    "local, wider and deeper": stack(*[local(2, 64, 64)] * 3, dense(128, 2)),
    "local, then one dense layer": stack(local(2, 64, 32), dense(64, 64), dense(64, 2)),
}


def pairs(X: Tensor, y: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n pairs of images side by side; the label says whether they show the same digit."""
    draw = torch.Generator().manual_seed(seed)
    left = torch.randint(len(X), (n,), generator=draw)
    same = torch.rand(n, generator=draw) < 0.5
    fits = (y[left, None] == y) == same[:, None]
    right = torch.multinomial(fits.float(), 1, generator=draw)[:, 0]
    return torch.cat([X[left], X[right]], dim=1), same.long()


def race(make: Make, low: float, high: float, data: Digits, seeds: list[int]) -> dict[str, Any]:
    """Momentum at its best rate: batches of 50, twelve passes."""
    settings: dict[str, Any] = {"data": data, "seeds": seeds, "batch": 50, "passes": 12}
    found = search(problem(make), rule("momentum"), low, high, records=10, **settings)
    assert not found.at_edge, "the best rate is at the edge of the search"
    params, ops = cost(make, data.X.shape[-1])
    return {
        "params": params,
        "ops": ops,
        "rate": found.rate,
        "loss": found.runs.end.tolist(),
        "accuracy": found.accuracy.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The experiments on efficient models.")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    seeds = parser.parse_args().seeds
    began = time.process_time()
    side_by_side = Digits(*pairs(*PIXELS[:2], 3000, 1), *pairs(*PIXELS[2:], 1000, 2))
    results: dict[str, dict[str, Any]] = {"width": {}, "digits": {}, "pairs": {}}
    for width in WIDTHS:
        make = stack(dense(64, width), dense(width, 10))
        results["width"][str(width)] = race(make, 0.1, 0.4, PIXELS, seeds)
    for name, make in NETWORKS.items():
        results["digits"][name] = race(make, 0.035, 0.14, PIXELS, seeds)
    for name, make in PAIRS.items():
        results["pairs"][name] = race(make, 0.02, 0.08, side_by_side, seeds)
    save("efficient", results, seeds=seeds, seconds=time.process_time() - began)


if __name__ == "__main__":
    main()
