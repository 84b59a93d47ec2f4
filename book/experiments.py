"""Data, models and the learning-rate search that the book's experiments share.

The update rules themselves are not here: the chapters take them from ``autograder.reference``,
the tested implementations that hand-ins are compared with.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits

from autograder.reference import softmax_cross_entropy

torch.set_num_threads(1)  # the arrays are small: more threads only cost
torch.set_default_dtype(torch.float64)


class Digits(NamedTuple):
    """scikit-learn's 1,797 images of 8x8 pixels in [0, 1], with a column of ones for the bias."""

    X: torch.Tensor
    y: torch.Tensor
    X_val: torch.Tensor
    y_val: torch.Tensor


def digits(validation: int = 500, seed: int = 0) -> Digits:
    """Return the data, shuffled once, the last ``validation`` images kept for validation."""
    data = load_digits()
    images = torch.tensor(data.data) / 16
    images = torch.cat([images, torch.ones(len(images), 1)], dim=1)
    labels = torch.tensor(data.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    fit, held = order[:-validation], order[-validation:]
    return Digits(images[fit], labels[fit], images[held], labels[held])


def linear_loss(W: torch.Tensor, X: torch.Tensor, y: torch.Tensor):
    """Softmax regression: the mean cross-entropy of ``X @ W`` and its gradient for ``W``."""
    loss, slope = softmax_cross_entropy(X @ W, y)
    return float(loss), X.mT @ slope


def accuracy(W: torch.Tensor, X: torch.Tensor, y: torch.Tensor) -> float:
    return float(((X @ W).argmax(dim=1) == y).double().mean())


def batches(n: int, size: int, seed: int):
    """Yield index batches for ever: every epoch is a fresh shuffle cut into full batches."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(n, generator=generator)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]


class Search(NamedTuple):
    """What a learning-rate search found."""

    best: float
    loss: float  # final loss at the best rate
    scores: dict[float, float]  # rate: final loss, inf where the run diverged


def search_rate(
    final_loss: Callable[[float], float], rates: list[float], start_loss: float = math.inf
) -> Search:
    """Try every rate and keep the one with the lowest final loss.

    A run has diverged, and counts as inf, when it ends above ``start_loss`` or not finite.
    """
    scores = {}
    for rate in rates:
        value = final_loss(rate)
        scores[rate] = value if math.isfinite(value) and value <= start_loss else math.inf
    best = min(scores, key=lambda rate: scores[rate])
    return Search(best, scores[best], scores)
