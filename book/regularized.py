"""Digits with wrong labels; a rectifier network with dropout and penalties; changed images.

The chapters on dropout and on regularization share them. Everything is in single precision, which
is enough for accuracies and twice as fast.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from experiments import SEEDS, Problem, Runs
from sklearn.datasets import load_digits
from torch import Tensor

from autograder import reference


class Split(NamedTuple):
    """Digits for each of S seeds: to train on, to choose settings by, and to report.

    Images have the shape (S, n, 65): 64 grey values in [0, 1], and a 1 for the bias; labels (S, n).
    """

    X: Tensor
    y: Tensor
    X_val: Tensor
    y_val: Tensor
    X_test: Tensor
    y_test: Tensor


def split_digits(
    seeds: Sequence[int] = SEEDS, train: int = 400, validation: int = 400, wrong: float = 0.0
) -> Split:
    """Split scikit-learn's 1,797 digits anew for each seed; the rest is for testing.

    Of the labels to train on the part ``wrong`` is replaced by another digit, each of the nine
    alike. Validation and test labels stay right.
    """
    source = load_digits()
    images = torch.tensor(source.data, dtype=torch.float32) / 16
    images = torch.nn.functional.pad(images, (0, 1), value=1.0)
    labels = torch.tensor(source.target)
    parts: list[list[Tensor]] = [[] for _ in Split._fields]
    for seed in seeds:
        draw = torch.Generator().manual_seed(5000 + seed)
        order = torch.randperm(len(images), generator=draw)
        X, y = images[order], labels[order]
        shift = torch.randint(1, 10, (train,), generator=draw)
        changed = torch.randperm(train, generator=draw) < round(wrong * train)
        fit = torch.where(changed, (y[:train] + shift) % 10, y[:train])
        end = train + validation
        pieces = (X[:train], fit, X[train:end], y[train:end], X[end:], y[end:])
        for part, piece in zip(parts, pieces, strict=True):
            part.append(piece)
    return Split(*(torch.stack(part) for part in parts))


def relu_network(
    *hidden: int,
    keep: float = 1.0,
    keep_input: float = 1.0,
    l2: float = 0.0,
    l1: float = 0.0,
    change: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    inputs: int = 64,
    classes: int = 10,
) -> Problem:
    """Layers of rectifiers with what is done against overfitting, in single precision.

    Weights start from N(0, 2/fan-in) and biases from zero. In training each hidden unit is kept
    with probability ``keep`` and each pixel with ``keep_input`` (inverted dropout, one mask an
    example, the same at all rates), weights but not biases have the penalty ½ ``l2`` ‖w‖₂² + ``l1``
    ‖w‖₁, and ``change(X, draw)`` may return other images. What is recorded is the cross-entropy of
    the whole network, without any of this.
    """
    widths = (inputs, *hidden, classes)
    shapes = [(n + 1, m) for n, m in itertools.pairwise(widths)]
    sizes = [n * m for n, m in shapes]

    def layers(theta: Tensor) -> list[Tensor]:
        parts = theta.split(sizes, dim=-1)
        return [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True)]

    def forward(
        weights: list[Tensor], X: Tensor, masks: list[Tensor | None]
    ) -> tuple[list[Tensor], Tensor]:
        """Return what each layer reads, after its mask, and the scores."""
        read: list[Tensor] = []
        a = X
        for W, mask in zip(weights, masks, strict=True):
            h = torch.relu(a) if read else a
            read.append(h if mask is None else h * mask)
            a = read[-1] @ W[..., :-1, :] + W[..., -1:, :]
        return read, a

    nothing: list[Tensor | None] = [None] * len(shapes)

    def descend(
        theta: Tensor, X: Tensor, y: Tensor, masks: list[Tensor | None]
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        weights = layers(theta)
        read, z = forward(weights, X[..., :-1], masks)
        loss, back = reference.softmax_cross_entropy(z, y.expand(z.shape[:-1]))
        gradients: list[Tensor] = []
        for k in reversed(range(len(weights))):
            gradients.insert(0, torch.cat([read[k].mT @ back, back.sum(-2, keepdim=True)], dim=-2))
            if k:
                mask = masks[k]
                back = back @ weights[k][..., :-1, :].mT * (read[k] > 0)
                back = back if mask is None else back * mask
        return loss, weights, gradients

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, _, gradients = descend(theta, X, y, nothing)
        return loss, torch.cat([g.flatten(-2) for g in gradients], dim=-1)

    def training(theta: Tensor, X: Tensor, y: Tensor, draw: torch.Generator) -> Tensor:
        if change is not None:
            X = change(X, draw)
        masks: list[Tensor | None] = []
        for k, n in enumerate(widths[:-1]):
            p = keep if k else keep_input
            chance = torch.rand(*y.shape, n, generator=draw, dtype=X.dtype)
            masks.append((chance < p).to(X) / p if p < 1 else None)
        _, weights, gradients = descend(theta, X, y, masks)
        for g, W in zip(gradients, weights, strict=True):
            if l2 or l1:
                w = W[..., :-1, :]
                g[..., :-1, :] += l2 * w + l1 * torch.sign(w)
        return torch.cat([g.flatten(-2) for g in gradients], dim=-1)

    def start(seeds: Sequence[int]) -> Tensor:
        rows = []
        for seed in seeds:
            draw = torch.Generator().manual_seed(seed)
            parts = []
            for n, m in shapes:
                W = torch.randn(n, m, generator=draw, dtype=torch.float32) * math.sqrt(2 / (n - 1))
                W[-1] = 0.0
                parts.append(W.flatten())
            rows.append(torch.cat(parts))
        return torch.stack(rows)

    def scores(theta: Tensor, X: Tensor) -> Tensor:
        return forward(layers(theta), X[..., :-1], nothing)[1]

    return Problem(start, loss_and_gradient, scores, training)


def shares_of_errors(problem: Problem, data: Split) -> Callable[[Tensor], Tensor]:
    """Return a function for ``watch``: parts of validation and test images that are wrong."""

    def watch(theta: Tensor) -> Tensor:
        pairs = ((data.X_val, data.y_val), (data.X_test, data.y_test))
        wrong = [(problem.scores(theta, X).argmax(-1) != y).double().mean(-1) for X, y in pairs]
        return torch.stack(wrong, dim=-1)

    return watch


def last_validation(runs: Runs) -> Tensor:
    """For ``by``: the part of validation images that are wrong at the end of a run."""
    assert runs.watched is not None
    return runs.watched[-1, ..., 0]


# ---- augmentation --------------------------------------------------------------------------------


def shifted(X: Tensor, draw: torch.Generator) -> Tensor:
    """Move each image by −1, 0 or 1 pixel in both directions; what comes in is black.

    Images are rows of their grey values and a 1 for the bias, as in ``Split``, of any square size.
    """
    side = math.isqrt(X.shape[-1] - 1)
    images = X[..., :-1].unflatten(-1, (side, side))
    drawn = torch.randint(0, 9, images.shape[:-2], generator=draw)
    which = drawn.to(X.device)[..., None, None]
    moved = images
    for k in range(9):
        here = reference.random_crop_flip(images, k // 3 - 1, k % 3 - 1, False)
        moved = torch.where(which == k, here, moved)
    return torch.cat([moved.flatten(-2), X[..., -1:]], dim=-1)


def mirrored(X: Tensor, draw: torch.Generator) -> Tensor:
    """Mirror every second image left to right, at random; images are as for ``shifted``."""
    side = math.isqrt(X.shape[-1] - 1)
    images = X[..., :-1].unflatten(-1, (side, side))
    heads = (torch.rand(images.shape[:-2], generator=draw) < 0.5).to(X.device)[..., None, None]
    turned = torch.where(heads, reference.random_crop_flip(images, 0, 0, True), images)
    return torch.cat([turned.flatten(-2), X[..., -1:]], dim=-1)
