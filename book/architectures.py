"""Any module of torch.nn as a problem of the experiments, and what its layers cost.

``problem(make)`` turns a function that makes a module into a ``Problem``, so that ``train`` and
``search`` run it at many rates and seeds at once. ``cost(make, image)`` has torch count its weights
and operations. Everything is in single precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from experiments import DIGITS, Digits, Problem
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from autograder.reference.at_scale import Cost

PIXELS = Digits(  # without the column of ones: modules have biases
    DIGITS.X[:, :64].float(), DIGITS.y, DIGITS.X_val[:, :64].float(), DIGITS.y_val
)


class Local(nn.Module):
    """A linear layer with a block-diagonal matrix: G pieces of ``inputs``, each to ``outputs``."""

    def __init__(self, blocks: int, inputs: int, outputs: int):
        super().__init__()
        self.convolution = nn.Conv1d(blocks * inputs, blocks * outputs, 1, groups=blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, G · inputs) to (n, G · outputs)."""
        return self.convolution(x.unsqueeze(-1)).squeeze(-1)


def cost(make: Callable[[], nn.Module], *image: int) -> Cost:
    """Weights, without biases, and operations on one image of this shape, as torch counts them.

    Nothing is computed: module and image lie on the meta device. torch counts a multiplication and
    its addition as two operations; here they are one.
    """
    with torch.device("meta"):
        module = make()
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(1, *image))
    params = sum(p.numel() for name, p in module.named_parameters() if name.endswith("weight"))
    return Cost(params, counter.get_total_flops() // 2)


def problem(make: Callable[[], nn.Module]) -> Problem:
    """Classification by a module that maps (n, features) to the scores (n, classes).

    Weights of linear layers and convolutions start as He's, N(0, 2/fan-in), and biases from zero.
    """
    module = make().float()
    shapes = {name: p.shape for name, p in module.named_parameters()}
    sizes = [math.prod(shape) for shape in shapes.values()]

    def one(theta: Tensor, X: Tensor) -> Tensor:
        parts = zip(shapes.items(), theta.split(sizes), strict=True)
        return functional_call(module, {n: p.view(shape) for (n, shape), p in parts}, (X,))

    def loss(theta: Tensor, X: Tensor, y: Tensor) -> Tensor:
        return cross_entropy(one(theta, X), y)

    def flat(theta: Tensor, *data: Tensor) -> list[Tensor]:
        lead = theta.shape[:-1]
        spread = (z.expand(*lead, *z.shape[-k:]) for z, k in zip(data, (2, 1), strict=False))
        return [z.reshape(-1, *z.shape[len(lead) :]) for z in (theta, *spread)]

    def scores(theta: Tensor, X: Tensor) -> Tensor:
        return vmap(one)(*flat(theta, X)).unflatten(0, theta.shape[:-1])

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        gradients, losses = vmap(grad_and_value(loss))(*flat(theta, X, y))
        return losses.unflatten(0, theta.shape[:-1]), gradients.unflatten(0, theta.shape[:-1])

    def start(seeds: Sequence[int]) -> Tensor:
        rows = []
        for seed in seeds:
            draw = torch.Generator().manual_seed(seed)
            for name, p in module.named_parameters():
                if name.endswith("bias"):
                    nn.init.zeros_(p)
                else:
                    nn.init.kaiming_normal_(p, nonlinearity="relu", generator=draw)
            rows.append(torch.cat([p.detach().flatten() for p in module.parameters()]))
        return torch.stack(rows)

    return Problem(start, loss_and_gradient, scores)
