"""Gradient descent: the plain step, and the two gradients that the course starts from."""

from __future__ import annotations

import torch
from torch import Tensor


def sgd_step(theta: Tensor, grad: Tensor, lr: float | Tensor) -> Tensor:
    """One step of gradient descent, or of SGD if ``grad`` comes from a minibatch.

        v = α g
        θ ← θ − v

    Args:
        theta: parameters θ, any shape.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0.

    Returns:
        The new θ, same shape and dtype as ``theta``.

    The step v is the quantity that is *subtracted*, everywhere in the course. L1's slide on the
    units of an update prints θ + v, which climbs. The same as torch.optim.SGD without momentum.

    Source: L1 to L5 (SGD); Goodfellow, Bengio, Courville 2016, algorithm 8.1.
    """
    return theta - lr * grad


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of softmax outputs over a batch, and its gradient.

        p_ij = exp(z_ij) / Σ_c exp(z_ic)
        loss = −(1/n) Σ_i log p_(i, y_i)
        ∂loss/∂z_ij = (p_ij − [j = y_i]) / n

    Args:
        logits: scores z of shape (..., n, k): n examples, k classes; any size, ±1e4 included.
        labels: classes y of shape (..., n), integers in 0 … k − 1.

    Returns:
        The loss of shape (...) and the gradient of shape (..., n, k).

    Raises:
        RuntimeError: a label is not in 0 … k − 1 (from torch).

    Leading dimensions are independent batches. The mean (not the sum) over the batch is torch's
    default too, ``torch.nn.functional.cross_entropy(reduction="mean")``.

    Source: L4 (recap of SGD); Goodfellow et al. 2016, section 6.2.2.3.
    """
    labels = labels.to(torch.int64)
    log_sum = torch.logsumexp(logits, dim=-1)
    picked = logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    loss = (log_sum - picked).mean(dim=-1)
    one_hot = torch.zeros_like(logits).scatter(-1, labels.unsqueeze(-1), 1.0)
    grad = (torch.softmax(logits, dim=-1) - one_hot) / logits.shape[-2]
    return loss, grad


def minibatch_gradient(w: Tensor, X: Tensor, y: Tensor, idx: Tensor) -> Tensor:
    """Gradient of the mean squared error on a minibatch of a linear model.

        g = (1/|B|) Σ_(i ∈ B) (x_i · w − y_i) x_i,   the gradient of (1/|B|) Σ_B ½ (x_i · w − y_i)²

    Args:
        w: weights of shape (..., d).
        X: all inputs, shape (..., N, d); row i is x_i.
        y: all targets, shape (..., N).
        idx: the minibatch B, integers of shape (..., b) in 0 … N − 1; an index that occurs twice
            counts twice.

    Returns:
        The gradient of shape (..., d).

    Raises:
        RuntimeError or IndexError: an index is out of range (from torch).

    The ½ cancels the 2 of the square; texts without it have twice this gradient.

    Source: L2, L3, L5 (SGD).
    """
    idx = idx.to(torch.int64)
    rows = X.gather(-2, idx.unsqueeze(-1).expand(*idx.shape, X.shape[-1]))
    residual = (rows * w.unsqueeze(-2)).sum(dim=-1) - y.gather(-1, idx)
    return (residual.unsqueeze(-1) * rows).mean(dim=-2)
