"""Large networks and many machines: what layers cost, local layers, averaged and late gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Cost(NamedTuple):
    """Weights of a layer, and the multiply-adds that it takes on one image."""

    params: int | Tensor
    ops: int | Tensor


def conv_cost(
    h: int | Tensor, w: int | Tensor, c_in: int | Tensor, c_out: int | Tensor, k: int | Tensor
) -> Cost:
    """Weights and operations of a convolution with k × k kernels.

        params = k² c_in c_out
        ops    = h w · params

    Args:
        h: height of the output in pixels; at stride 1 with padding, also that of the input.
        w: width of the output in pixels.
        c_in: channels of the input.
        c_out: channels of the output.
        k: side of the kernel in pixels.
        All are whole numbers, or integer tensors of one shape for many layers at once.

    Returns:
        The number of weights, and the number of operations on one image.

    A multiplication with its addition is one operation, and biases are not counted: the
    convention of L2's table (Szegedy et al.). Others count two operations, or add c_out biases
    as torch.nn.Conv2d has them.

    Source: L2 (the table of Inception-v1); Szegedy et al. 2015, table 1.
    """
    params = k * k * c_in * c_out
    return Cost(params, h * w * params)


def inception_cost(row: Tensor) -> Cost:
    """Weights and operations of an Inception block, from its row of the table.

        1×1 branch:   c_in → n1
        3×3 branch:   c_in → r3 by 1×1, then r3 → n3 by 3×3
        5×5 branch:   c_in → r5 by 1×1, then r5 → n5 by 5×5
        pool branch:  3×3 maximum, which costs nothing here, then c_in → p by 1×1

    Args:
        row: the numbers (h, w, c_in, n1, r3, n3, r5, n5, p), an integer tensor of shape (..., 9).

    Returns:
        The sums over the six convolutions, integer tensors of shape (...).

    Counted as in :func:`conv_cost`. The published table writes K for 1024 weights and M for
    10⁶ operations; its entries for blocks 4c and 5a are not what its own columns give. Those of
    the first convolution are right for the separable 7×7 that was built: 8 filters a colour, then
    1×1, 2,712 weights and 34.02M operations.

    Source: L2 (the table of Inception-v1); Szegedy et al. 2015, table 1 and figure 2b.
    """
    h, w, c_in, n1, r3, n3, r5, n5, pool = row.unbind(-1)
    params = c_in * (n1 + r3 + r5 + pool) + 9 * r3 * n3 + 25 * r5 * n5
    return Cost(params, h * w * params)


def local_matmul(x: Tensor, blocks: Tensor) -> Tensor:
    """A linear layer whose matrix is block-diagonal, without making that matrix.

        y = diag(W₁, …, W_G) x:   the b-th piece of y is W_b times the b-th piece of x

    Args:
        x: inputs, shape (..., G·m); the last axis is cut into G pieces of m neighbours.
        blocks: the matrices W_b, shape (G, n, m).

    Returns:
        Shape (..., G·n).

    Raises:
        ValueError: the last axis of x is not G·m long.

    It is torch.nn.Conv1d with groups=G and kernel size 1. Each piece can lie on a machine of its
    own: none needs another's.

    Source: L2 (local connectivity).
    """
    count, _, m = blocks.shape
    if x.shape[-1] != count * m:
        raise ValueError(
            f"{count} blocks of {m} columns need {count * m} inputs, not {x.shape[-1]}"
        )
    pieces = x.reshape(*x.shape[:-1], count, m)
    return torch.einsum("...bm,bnm->...bn", pieces, blocks).flatten(-2)


def data_parallel_gradient(shards: Sequence[tuple[Tensor, int]]) -> Tensor:
    """The gradient of the whole batch from the gradients of its shards.

        g = Σ n_k g_k / Σ n_k

    Args:
        shards: for each worker the mean gradient g_k over its examples, any shape and the same
            for all, and the number n_k ≥ 0 of these examples.

    Returns:
        The mean gradient over all examples, of the same shape.

    Raises:
        ValueError: there is no example at all.

    torch's DistributedDataParallel takes the plain mean over workers, which is the same for
    shards of equal size only.

    Source: L2 (distributed training, in words).
    """
    total = sum(n for _, n in shards)
    if total < 1:
        raise ValueError("the shards hold no examples")
    weighted = torch.stack([n * gradient for gradient, n in shards])
    return weighted.sum(0) / total


def stale_sgd(grads: Tensor, delay: int, lr: float | Tensor) -> Tensor:
    """Where SGD goes when each gradient arrives some updates late.

        θ_{t+1} = θ_t − α g_{t−τ}      for t ≥ τ
        θ_{t+1} = θ_t                  for t < τ, while the first gradient is under way

    Args:
        grads: gradients g_0, …, g_{T−1} in the order in which they were computed, shape (T, ...).
        delay: the staleness τ ≥ 0, a whole number of updates.
        lr: learning rate α ≥ 0.

    Returns:
        Displacements θ_t − θ_0 for t = 0, …, T, shape (T + 1, ...); row 0 is zero. The last τ
        gradients never arrive.

    Raises:
        ValueError: a negative delay.

    Staleness-aware variants divide the rate by τ (Zhang et al. 2016); this one does not.

    Source: Dean et al. 2012, the origin of L2's slide on distributed training.
    """
    if delay < 0:
        raise ValueError(f"the delay must not be negative, but is {delay}")
    waiting = min(delay, len(grads))
    arrived = grads[: len(grads) - waiting]
    still = torch.zeros_like(grads[:1]).expand(waiting + 1, *grads.shape[1:])
    return -lr * torch.cat([still, arrived]).cumsum(0)
