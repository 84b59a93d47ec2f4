"""Batch normalization: training, its gradient, inference, and folding into a linear layer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class RunningStatistics(NamedTuple):
    """Running mean, and running unbiased variance, of every feature to date."""

    mean: Tensor
    var: Tensor


class LinearLayer(NamedTuple):
    """Weights W of shape (..., out, in), and biases b of shape (..., out): y = W h + b."""

    W: Tensor
    b: Tensor


def batchnorm_forward(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """Batch normalization with the statistics of the batch itself, as in training.

        m_j = (1/n) Σ_i x_ij,   s²_j = (1/n) Σ_i (x_ij − m_j)²
        y_ij = γ_j (x_ij − m_j) / √(s²_j + ε) + β_j

    Args:
        x: inputs of shape (..., n, d): n ≥ 1 examples, d features.
        gamma: scales γ of shape (..., d).
        beta: shifts β of shape (..., d).
        eps: ε > 0, inside the root; 1e-5 is usual.

    Returns:
        y, shape (..., n, d).

    The variance is the biased one, divided by n. L1 prints sums from i = 0 to m divided by m,
    which have one term too many, and no ε; without ε a constant feature divides by 0.

    Source: L1, L5, and L3 without γ and β (batch normalization); Ioffe, Szegedy 2015, algorithm 1.
    """
    centred = x - x.mean(dim=-2, keepdim=True)
    variance = (centred**2).mean(dim=-2, keepdim=True)
    normalized = centred / torch.sqrt(variance + eps)
    return gamma.unsqueeze(-2) * normalized + beta.unsqueeze(-2)


def batchnorm_backward(
    grad_out: Tensor, x: Tensor, gamma: Tensor, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the loss with respect to x, γ and β, through the batch's own statistics.

        x̂ = (x − m) / √(s² + ε),   g = ∂L/∂y
        ∂L/∂β_j = Σ_i g_ij,   ∂L/∂γ_j = Σ_i g_ij x̂_ij
        ∂L/∂x_ij = γ_j / √(s²_j + ε) · (g_ij − (1/n) ∂L/∂β_j − x̂_ij (1/n) ∂L/∂γ_j)

    Args:
        grad_out: g = ∂L/∂y, shape (..., n, d).
        x: inputs of the forward pass, shape (..., n, d).
        gamma: scales γ of shape (..., d).
        eps: ε > 0, inside the root.

    Returns:
        ∂L/∂x of shape (..., n, d), ∂L/∂γ and ∂L/∂β of shape (..., d).

    The two subtracted terms come from m and s², which depend on every example. They make
    ∂L/∂x blind to a shift and (up to ε) to a change of scale of the batch.

    Source: Ioffe, Szegedy 2015, section 3; the sums are simplified as in torch's native kernels.
    """
    centred = x - x.mean(dim=-2, keepdim=True)
    root = torch.sqrt((centred**2).mean(dim=-2, keepdim=True) + eps)
    normalized = centred / root
    along = (grad_out * normalized).mean(dim=-2, keepdim=True)
    rest = grad_out - grad_out.mean(dim=-2, keepdim=True) - normalized * along
    grad_x = gamma.unsqueeze(-2) / root * rest
    return grad_x, (grad_out * normalized).sum(dim=-2), grad_out.sum(dim=-2)


def batchnorm_inference(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> Tensor:
    """Batch normalization with running statistics, as after training.

        y_ij = γ_j (x_ij − m_j) / √(s²_j + ε) + β_j,   m and s² the running ones

    Args:
        x: inputs of shape (..., n, d); each example is treated by itself, so n = 1 is fine.
        gamma: scales γ of shape (..., d).
        beta: shifts β of shape (..., d).
        running_mean: m of shape (..., d).
        running_var: s² ≥ 0 of shape (..., d); a variance, not its root.
        eps: ε > 0, inside the root.

    Returns:
        y, shape (..., n, d).

    Source: L3 (running averages at test time); Ioffe, Szegedy 2015, algorithm 2.
    """
    scale = gamma / torch.sqrt(running_var + eps)
    return scale.unsqueeze(-2) * (x - running_mean.unsqueeze(-2)) + beta.unsqueeze(-2)


def update_running(
    running_mean: Tensor, running_var: Tensor, x: Tensor, keep: float = 0.9
) -> RunningStatistics:
    """Running statistics after one more training batch.

        m ← keep · m + (1 − keep) m_batch
        s² ← keep · s² + (1 − keep) s²_batch,   s²_batch = (1/(n − 1)) Σ_i (x_i − m_batch)²

    Args:
        running_mean: m of shape (..., d); zeros at the start.
        running_var: s² of shape (..., d); ones at the start.
        x: the batch, shape (..., n, d), n ≥ 2.
        keep: weight of the *old* value, in [0, 1]; 0.9 is usual.

    Returns:
        The new running mean and variance.

    Raises:
        ValueError: the batch has fewer than two examples.

    Two conventions. torch averages the *unbiased* variance, divided by n − 1 (while it
    normalizes with the biased one), and so do the paper and the course; Keras averages the
    biased one. And torch's ``momentum`` is the weight of the *new* value, 1 − keep.

    Source: Ioffe, Szegedy 2015, algorithm 2, line 10 (unbiased variance); torch.nn.BatchNorm1d.
    """
    n = x.shape[-2]
    if n < 2:
        raise ValueError(f"a batch of {n} has no unbiased variance; 2 examples are needed")
    mean = x.mean(dim=-2)
    var = ((x - mean.unsqueeze(-2)) ** 2).sum(dim=-2) / (n - 1)
    return RunningStatistics(
        keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * var
    )


def fold_into_linear(
    W: Tensor,
    b: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
) -> LinearLayer:
    """The linear layer that does what a linear layer and the batch normalization after it do.

        c_j = γ_j / √(s²_j + ε)
        W'_jk = c_j W_jk,   b'_j = c_j (b_j − m_j) + β_j
        so that W' h + b' = batchnorm_inference(W h + b) for every h

    Args:
        W: weights of shape (..., out, in).
        b: biases of shape (..., out).
        gamma, beta: scales γ and shifts β of shape (..., out).
        running_mean, running_var: m and s² of shape (..., out).
        eps: ε > 0, inside the root.

    Returns:
        The new weights and biases, in the shapes of ``W`` and ``b``.

    torch.nn.utils.fusion.fuse_linear_bn_weights is the same.

    Source: Ioffe, Szegedy 2015, algorithm 2, line 11 (an affine map at inference).
    """
    scale = gamma / torch.sqrt(running_var + eps)
    return LinearLayer(scale.unsqueeze(-1) * W, scale * (b - running_mean) + beta)
