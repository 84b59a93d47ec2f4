"""Gradient clipping."""

from __future__ import annotations

import torch
from torch import Tensor


def clip_by_norm(grad: Tensor, max_norm: float) -> Tensor:
    """The gradient, shortened to ``max_norm`` if it is longer.

        g ← g · g_max / ‖g‖   if ‖g‖ > g_max,   else g

    Args:
        grad: gradient g, any shape; ‖g‖ is the Euclidean norm over all its entries.
        max_norm: largest norm g_max ≥ 0 that is let through.

    Returns:
        An array of the same shape and direction, with norm at most g_max. A zero gradient stays
        zero.

    Raises:
        ValueError: ``max_norm`` is negative.

    torch.nn.utils.clip_grad_norm_ divides by ‖g‖ + 1e-6 instead, which leaves the result a
    little shorter than g_max. L4 prints ‖θ‖₂ = Σw²; that is the *squared* norm.

    Source: L3 (cliffs); Pascanu, Mikolov, Bengio 2013, algorithm 1; Goodfellow et
    al. 2016, equation 10.49.
    """
    if max_norm < 0:
        raise ValueError(f"max_norm = {max_norm} must not be negative")
    norm = torch.linalg.vector_norm(grad)
    too_long = norm > max_norm
    safe = torch.where(too_long, norm, torch.ones_like(norm))
    return torch.where(too_long, grad * (max_norm / safe), grad)
