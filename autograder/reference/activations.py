"""Rectifiers and maxout, forward and backward.

All of them are piecewise linear. Where two pieces meet the derivative does not exist; like torch,
the course takes the left one, the slope for x < 0.
"""

from __future__ import annotations

import torch
from torch import Tensor


def relu_forward(x: Tensor) -> Tensor:
    """Rectified linear unit.

        y = max(0, x)

    Args:
        x: inputs, any shape.

    Returns:
        y, same shape.

    Source: L4 (ReLU); Glorot, Bordes, Bengio 2011; Goodfellow et al. 2016, section 6.3.1.
    """
    return torch.where(x > 0, x, torch.zeros_like(x))


def relu_backward(x: Tensor, grad_out: Tensor) -> Tensor:
    """Gradient of the loss with respect to the input of a ReLU.

        ∂L/∂x = ∂L/∂y · [x > 0]

    Args:
        x: inputs of the forward pass, any shape.
        grad_out: ∂L/∂y, same shape.

    Returns:
        ∂L/∂x, same shape.

    At x = 0 any slope from 0 to 1 is a subgradient; the course takes 0, as torch does.

    Source: Goodfellow et al. 2016, section 6.3.
    """
    return torch.where(x > 0, grad_out, torch.zeros_like(grad_out))


def leaky_relu_forward(x: Tensor, slope: float) -> Tensor:
    """Leaky rectified linear unit.

        y = x where x > 0,   a x elsewhere

    Args:
        x: inputs, any shape.
        slope: slope a left of 0, fixed; 0.01 is usual.

    Returns:
        y, same shape.

    Source: L4 (variants of ReLU); Maas, Hannun, Ng 2013.
    """
    return torch.where(x > 0, x, slope * x)


def leaky_relu_backward(x: Tensor, slope: float, grad_out: Tensor) -> Tensor:
    """Gradient of the loss with respect to the input of a leaky ReLU.

        ∂L/∂x = ∂L/∂y where x > 0,   a ∂L/∂y elsewhere

    Args:
        x: inputs of the forward pass, any shape.
        slope: slope a left of 0, and at 0.
        grad_out: ∂L/∂y, same shape as ``x``.

    Returns:
        ∂L/∂x, same shape.

    Source: Maas, Hannun, Ng 2013.
    """
    return torch.where(x > 0, grad_out, slope * grad_out)


def prelu_forward(x: Tensor, slope: Tensor) -> Tensor:
    """Parametric ReLU: a leaky ReLU whose slopes are learned, one a unit.

        y_ij = x_ij where x_ij > 0,   a_j x_ij elsewhere

    Args:
        x: inputs of shape (..., n, d): n examples, d units.
        slope: slopes a of shape (..., d); any size and sign.

    Returns:
        y, shape (..., n, d).

    torch.nn.PReLU(d) is the same on inputs of shape (n, d).

    Source: L4 (parametric ReLU); He, Zhang, Ren, Sun 2015, equation 1.
    """
    return torch.where(x > 0, x, slope.unsqueeze(-2) * x)


def prelu_backward(x: Tensor, slope: Tensor, grad_out: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the loss with respect to input and slopes of a parametric ReLU.

        ∂L/∂x_ij = ∂L/∂y_ij where x_ij > 0,   a_j ∂L/∂y_ij elsewhere
        ∂L/∂a_j = Σ_i ∂L/∂y_ij · min(0, x_ij)

    Args:
        x: inputs of the forward pass, shape (..., n, d).
        slope: slopes a of shape (..., d).
        grad_out: ∂L/∂y, shape (..., n, d).

    Returns:
        ∂L/∂x of shape (..., n, d) and ∂L/∂a of shape (..., d).

    The second is a *sum* over the batch: if L is a mean, ``grad_out`` holds its 1/n already.

    Source: He, Zhang, Ren, Sun 2015, equations 2 and 3.
    """
    grad_x = torch.where(x > 0, grad_out, slope.unsqueeze(-2) * grad_out)
    grad_slope = (grad_out * x.clamp(max=0)).sum(dim=-2)
    return grad_x, grad_slope


def rectifier_forward(x: Tensor, slope: float | Tensor) -> Tensor:
    """ReLU, leaky ReLU or parametric ReLU, by the slope left of 0.

        y = x where x > 0,   a x elsewhere

    Args:
        x: inputs; any shape if all units share one slope, else of shape (..., n, d).
        slope: the slope a that all units share (0 is ReLU), or slopes of shape (..., d), one a
            unit.

    Returns:
        y, same shape as ``x``.

    Source: L4 (ReLU, its variants, parametric ReLU).
    """
    return prelu_forward(x, slope) if isinstance(slope, Tensor) else leaky_relu_forward(x, slope)


def rectifier_backward(x: Tensor, slope: float | Tensor, grad_out: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of the loss with respect to input and slope of :func:`rectifier_forward`.

        ∂L/∂x = ∂L/∂y where x > 0,   a ∂L/∂y elsewhere
        ∂L/∂a = Σ ∂L/∂y · min(0, x)      (over all outputs that the slope has moved)

    Args:
        x: inputs of the forward pass.
        slope: the slope that all units share, or slopes of shape (..., d), one a unit.
        grad_out: ∂L/∂y, same shape as ``x``.

    Returns:
        ∂L/∂x in the shape of ``x``, and ∂L/∂a in that of ``slope`` (0-d for a number).

    torch.nn.PReLU() has one slope that all units share, torch.nn.PReLU(d) one a unit.

    Source: He, Zhang, Ren, Sun 2015, equations 2 and 3.
    """
    if isinstance(slope, Tensor):
        return prelu_backward(x, slope, grad_out)
    return leaky_relu_backward(x, slope, grad_out), (grad_out * x.clamp(max=0)).sum()


def maxout_forward(x: Tensor, pieces: int) -> tuple[Tensor, Tensor]:
    """Maxout: the largest of each group of ``pieces`` neighbouring inputs, and which one it was.

        y_j = max_m x_(jk + m),   winner_j = the first m that attains it,   m = 0 … k − 1

    Args:
        x: inputs of shape (..., u·k); inputs jk … jk + k − 1 belong to unit j.
        pieces: number k ≥ 1 of pieces of a unit.

    Returns:
        y of shape (..., u) and winner, integers (int64) of shape (..., u).

    Raises:
        ValueError: ``pieces`` does not divide the last dimension of ``x``, or is less than 1.

    Which inputs form a group is a convention; the course groups neighbours.

    Source: L4 (maxout); Goodfellow, Warde-Farley, Mirza, Courville, Bengio 2013.
    """
    if pieces < 1 or x.shape[-1] % pieces:
        raise ValueError(f"pieces = {pieces} must be ≥ 1 and divide {x.shape[-1]}")
    groups = x.reshape(*x.shape[:-1], x.shape[-1] // pieces, pieces)
    y = groups.amax(dim=-1)
    winner = (groups == y.unsqueeze(-1)).to(torch.int8).argmax(dim=-1)
    return y, winner


def maxout_backward(winner: Tensor, pieces: int, grad_out: Tensor) -> Tensor:
    """Gradient of the loss with respect to the inputs of maxout units.

        ∂L/∂x_(jk + m) = ∂L/∂y_j where m = winner_j,   0 elsewhere

    Args:
        winner: from the forward pass, integers in 0 … k − 1, shape (..., u).
        pieces: number k ≥ 1 of pieces of a unit.
        grad_out: ∂L/∂y, shape (..., u).

    Returns:
        ∂L/∂x, shape (..., u·k), in the order of ``maxout_forward``.

    Raises:
        ValueError: a winner is not in 0 … k − 1.

    Source: Goodfellow et al. 2013.
    """
    if ((winner < 0) | (winner >= pieces)).any():
        raise ValueError(f"a winner is not in 0 … {pieces - 1}")
    piece = torch.arange(pieces, device=winner.device)
    won = winner.unsqueeze(-1) == piece
    grads = torch.where(won, grad_out.unsqueeze(-1), torch.zeros_like(grad_out).unsqueeze(-1))
    return grads.flatten(-2)
