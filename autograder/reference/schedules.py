"""Learning-rate schedules."""

from __future__ import annotations


def linear_decay(k: float, lr_start: float, lr_end: float, tau: float) -> float:
    """Learning rate of update ``k`` when it falls linearly until ``tau`` and is constant after.

        α_k = (1 − k/τ) α_0 + (k/τ) α_τ   for k < τ
        α_k = α_τ                         for k ≥ τ

    Args:
        k: number of the update, counted from 0.
        lr_start: α_0, the rate of update 0.
        lr_end: α_τ, the rate from update τ on.
        tau: number of updates τ that the decay takes; 0 gives ``lr_end`` at once.

    Returns:
        The learning rate, a number.

    Raises:
        ValueError: ``k`` or ``tau`` is negative.

    torch writes the same schedule as LinearLR, with factors of the initial rate. L5 has both
    lines. L3 has the first, and says that it meets Σα = ∞, Σα² < ∞: with a constant tail the second
    fails, without a tail the first.

    Source: L5 (8.3.1), L3 up to τ; Goodfellow et al. 2016, equation 8.14.
    """
    if k < 0 or tau < 0:
        raise ValueError(f"k = {k} and tau = {tau} must not be negative")
    if k >= tau:
        return lr_end
    fraction = k / tau
    return (1 - fraction) * lr_start + fraction * lr_end
