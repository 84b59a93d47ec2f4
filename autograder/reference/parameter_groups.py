"""Adam as an optimizer runs it: several parameters, groups with rates of their own, gaps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .adam import adam_step


def adam_on_groups(
    thetas: Sequence[Tensor],
    groups: Sequence[int],
    grads: Sequence[Sequence[Tensor | None]],
    lrs: Sequence[Sequence[float]],
    beta1: float,
    beta2: float,
    eps: float,
    restart: int,
) -> Tensor:
    """All parameters before and after every step of Adam.

        r ← γ₁r + (1 − γ₁)g,  p ← γ₂p + (1 − γ₂)g²
        θ ← θ − α (r/(1 − γ₁ᵗ)) / (√(p/(1 − γ₂ᵗ)) + ε)

    Args:
        thetas: the parameters at the start, of any shapes.
        groups: for each parameter the number of its group.
        grads: for each step a gradient for each parameter, or None where there is none: that
            parameter and its state, its count t of steps included, then stay as they are.
        lrs: for each step the learning rate of each group.
        beta1, beta2: decay rates γ₁ and γ₂ in [0, 1).
        eps: ε > 0.
        restart: after how many steps the state is saved and loaded, 0 for never. It makes no
            difference here, and should make none anywhere.

    Returns:
        Shape (steps + 1, n) for n numbers in all parameters, flattened one after the other.

    torch.optim.Adam counts the steps of each parameter by itself, as here; a single count for
    all differs as soon as a gradient is missing.

    Source: L2 to L5 (Adam); Kingma and Ba 2015, algorithm 1; torch.optim.Adam.
    """
    values = [theta.reshape(-1) for theta in thetas]
    state = [(0, torch.zeros_like(value), torch.zeros_like(value)) for value in values]
    rows = [torch.cat(values)]
    for at_step, rates in zip(grads, lrs, strict=True):
        for i, gradient in enumerate(at_step):
            if gradient is None:
                continue
            t, r, p = state[i]
            t, g, rate = t + 1, gradient.reshape(-1), rates[groups[i]]
            values[i], r, p = adam_step(values[i], r, p, g, t, rate, beta1, beta2, eps)
            state[i] = t, r, p
        rows.append(torch.cat(values))
    return torch.stack(rows)
