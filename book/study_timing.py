"""Seconds beside operations, for the chapter on efficient models: ``python book/study_timing.py``.

Writes ``book/data/timing.json``. Less than a minute. All figures are ratios within one run: the
least processor time of one thread in many rounds, in which the things compared take turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from architectures import cost
from stored import save
from torch import nn

ROUNDS = 15
BLOCKS = (1, 2, 4, 8, 16, 64)
# Side of the output, then the row as in problem set 11: channels in, n₁, r₃, n₃, r₅, n₅, p
INCEPTION = {
    "3a": (28, 192, 64, 96, 128, 16, 32, 32),
    "3b": (28, 256, 128, 128, 192, 32, 96, 64),
    "4a": (14, 480, 192, 96, 208, 16, 48, 64),
    "4b": (14, 512, 160, 112, 224, 24, 64, 64),
    "4c": (14, 512, 128, 128, 256, 24, 64, 64),
    "4d": (14, 512, 112, 144, 288, 32, 64, 64),
    "4e": (14, 528, 256, 160, 320, 32, 128, 128),
    "5a": (7, 832, 256, 160, 320, 32, 128, 128),
    "5b": (7, 832, 384, 192, 384, 48, 128, 128),
}


class Inception(nn.Module):
    """A block of GoogLeNet; given as in problem set 11."""

    def __init__(self, c_in: int, n1: int, r3: int, n3: int, r5: int, n5: int, pool: int):
        super().__init__()

        def conv(a: int, b: int, k: int) -> nn.Module:
            return nn.Conv2d(a, b, k, padding=k // 2)

        self.branches = nn.ModuleList(
            [
                conv(c_in, n1, 1),
                nn.Sequential(conv(c_in, r3, 1), nn.ReLU(), conv(r3, n3, 3)),
                nn.Sequential(conv(c_in, r5, 1), nn.ReLU(), conv(r5, n5, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c_in, pool, 1)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1).relu()


def rows() -> dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]]:
    """The rows of the table with weights: how to make each, and the shape of the image it reads."""

    def first(groups: int, middle: int) -> nn.Module:
        return nn.Conv2d(3, middle, 7, stride=2, padding=3, groups=groups)

    made: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
        "c1": (
            lambda: nn.Sequential(first(3, 24), nn.Conv2d(24, 64, 1), nn.ReLU()),
            (3, 224, 224),
        ),
        "c1, plain": (lambda: nn.Sequential(first(1, 64), nn.ReLU()), (3, 224, 224)),
        "c2": (
            lambda: nn.Sequential(
                nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, padding=1), nn.ReLU()
            ),
            (64, 56, 56),
        ),
    }
    for name, (side, *channels) in INCEPTION.items():
        made[name] = (lambda c=channels: Inception(*c), (channels[0], side, side))
    made["out"] = (lambda: nn.Linear(1024, 1000), (1024,))
    return made


def race(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Least processor seconds of each job in ``ROUNDS`` rounds."""
    best = dict.fromkeys(jobs, float("inf"))
    for turn in range(ROUNDS + 1):
        for name, job in jobs.items():
            start = time.thread_time()
            job()
            took = time.thread_time() - start
            if turn > 0:  # the first round warms up
                best[name] = min(best[name], took)
    return best


def repeated(job: Callable[[], object], times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            job()

    return run


@torch.inference_mode()
def main() -> None:
    began = time.process_time()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    results: dict[str, object] = {"rounds": ROUNDS}

    blocks = {}
    for n, times in ((256, 40), (2048, 1)):
        jobs = {}
        for G in BLOCKS:
            x, W = torch.randn(G, 256, n // G), torch.randn(G, n // G, n // G)
            jobs[str(G)] = repeated(lambda x=x, W=W: torch.bmm(x, W), times)
        took = race(jobs)
        blocks[str(n)] = {G: took[G] / took["1"] for G in took}
    results["blocks"] = blocks

    n, batch = 512, 256
    W, X = torch.randn(n, n), torch.randn(n, batch)
    columns = [X[:, i].contiguous() for i in range(batch)]
    took = race(
        {
            "each unit of each example": lambda: [torch.dot(w, x) for x in columns[:8] for w in W],
            "each example": lambda: [torch.mv(W, x) for x in columns],
            "the whole batch": lambda: torch.mm(W, X),
        }
    )
    took["each unit of each example"] *= batch / 8
    results["whole"] = {name: t / took["the whole batch"] for name, t in took.items()}

    images = torch.randn(8, 64, 56, 56)
    plain = nn.Conv2d(64, 64, 3, padding=1)
    separable = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.Conv2d(64, 64, 1))
    took = race({"plain": lambda: plain(images), "separable": lambda: separable(images)})
    ops = [cost(lambda m=m: m, 64, 56, 56).ops for m in (plain, separable)]
    results["separable"] = {
        "operations": ops[0] / ops[1],
        "seconds": took["plain"] / took["separable"],
    }

    jobs, operations = {}, {}
    for name, (make, image) in rows().items():
        module, batch_of_images = make(), torch.randn(8, *image)
        jobs[name] = lambda m=module, x=batch_of_images: m(x)
        operations[name] = cost(make, *image).ops
    took = race(jobs)
    built = [name for name in took if name != "c1, plain"]
    results["table"] = {
        name: {
            "operations": operations[name] / sum(operations[other] for other in built),
            "seconds": took[name] / sum(took[other] for other in built),
        }
        for name in took
    }
    save("timing", results, seeds=(), seconds=time.process_time() - began)


if __name__ == "__main__":
    main()
