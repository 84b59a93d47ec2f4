"""Adam and its kin: a mean of gradients, divided by a measure of their size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class AdamState(NamedTuple):
    """Parameters θ; running means of gradients (r) and of their squares (p), not corrected."""

    theta: Tensor
    r: Tensor
    p: Tensor


class AdamaxState(NamedTuple):
    """Parameters θ, the running mean of gradients r (uncorrected), and their decaying maximum p."""

    theta: Tensor
    r: Tensor
    p: Tensor


class AmsgradState(NamedTuple):
    """Parameters θ, running means r and p as in Adam, and the largest p so far; none corrected."""

    theta: Tensor
    r: Tensor
    p: Tensor
    p_max: Tensor


def bias_correction(x: Tensor, gamma: float, t: float) -> Tensor:
    """A running mean that started from zero, freed from its pull towards zero.

        x̂ = x / (1 − γᵗ)

    Args:
        x: running mean after t updates x ← γx + (1 − γ)·new from x = 0; any shape.
        gamma: decay rate γ in [0, 1), the weight of the OLD value.
        t: number of updates so far, counted from 1; with ``math.inf`` the mean stays as it is.

    Returns:
        The corrected mean, same shape.

    Raises:
        ValueError: ``t`` is below 1 or ``gamma`` not in [0, 1).

    The t weights (1 − γ)γᵏ of the values seen so far add up to 1 − γᵗ, hence the divisor. L1
    prints 1 − (1 − γ)ᵗ: that belongs to the convention in which γ weighs the NEW value, which L1
    does not use otherwise (drafts of the paper differ in it).

    Source: L1 (Adam, with the mixed conventions); Kingma and Ba 2015, section 3.
    """
    if t < 1:
        raise ValueError(f"t = {t} must be at least 1: updates are counted from 1")
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma} must be in [0, 1)")
    remaining: float = gamma**t  # the weight that the zero at the start still has
    return x / (1 - remaining)


def adam_step(
    theta: Tensor,
    r: Tensor,
    p: Tensor,
    grad: Tensor,
    t: float,
    lr: float,
    gamma1: float,
    gamma2: float,
    eps: float,
) -> AdamState:
    """One step of Adam, elementwise.

        r ← γ₁ r + (1 − γ₁) g
        p ← γ₂ p + (1 − γ₂) g²
        r̂ = r / (1 − γ₁ᵗ),   p̂ = p / (1 − γ₂ᵗ)
        v = α r̂ / (√p̂ + ε)
        θ ← θ − v

    Args:
        theta: parameters θ, any shape.
        r: running mean of gradients, same shape; zeros at the start.
        p: running mean of squared gradients, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        t: number of this update, counted from 1; ``math.inf`` leaves the correction out.
        lr: learning rate α ≥ 0; about the largest change of a parameter in one step.
        gamma1: decay rate γ₁ in [0, 1), usually 0.9.
        gamma2: decay rate γ₂ in [0, 1), usually 0.999.
        eps: small constant ε > 0, usually 1e-8, in the units of a gradient.

    Returns:
        The new θ, r and p. The state holds r and p, not r̂ and p̂.

    Raises:
        ValueError: ``t`` is below 1, or a decay rate not in [0, 1).

    Names: the m, v, β₁, β₂ of the paper, L2 and L4 are r, p, γ₁, γ₂ here; L3 and L5 write s, r, ρ₁,
    ρ₂. L1 prints the corrections as 1 − (1 − γ)ᵗ, see :func:`bias_correction`. The paper's faster
    form α√(1 − γ₂ᵗ)/(1 − γ₁ᵗ) · r/(√p + ε) has another ε; torch and the course have ε beside √p̂.

    Source: L1 to L5 (Adam); Kingma and Ba 2015, algorithm 1.
    """
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    v = lr * bias_correction(r, gamma1, t) / (bias_correction(p, gamma2, t).sqrt() + eps)
    return AdamState(theta - v, r, p)


def adamax_step(
    theta: Tensor,
    r: Tensor,
    p: Tensor,
    grad: Tensor,
    t: float,
    lr: float,
    gamma1: float,
    gamma2: float,
    eps: float,
) -> AdamaxState:
    """One step of AdaMax, elementwise.

        r ← γ₁ r + (1 − γ₁) g
        p ← max(γ₂ p, |g| + ε)
        v = α r / ((1 − γ₁ᵗ) p)
        θ ← θ − v

    Args:
        theta: parameters θ, any shape.
        r: running mean of gradients, same shape; zeros at the start.
        p: decaying maximum of absolute gradients, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        t: number of this update, counted from 1; ``math.inf`` leaves the correction out.
        lr: learning rate α ≥ 0; the largest change of a parameter in the first step.
        gamma1: decay rate γ₁ in [0, 1), usually 0.9.
        gamma2: decay rate γ₂ in [0, 1), usually 0.999.
        eps: small constant ε > 0, usually 1e-8, in the units of a gradient.

    Returns:
        The new θ, r and p.

    Raises:
        ValueError: ``t`` is below 1, or a decay rate not in [0, 1).

    p needs no correction: a maximum is not pulled towards its start. The paper has no ε
    (p ← max(γ₂p, |g|), undefined while all gradients are zero); torch.optim.Adamax adds it to |g|
    as here; others add it to the divisor. L1 prints the correction as 1 − (1 − γ₁)ᵗ.

    Source: L1 (AdaMax); Kingma and Ba 2015, algorithm 2.
    """
    r = gamma1 * r + (1 - gamma1) * grad
    p = torch.maximum(gamma2 * p, grad.abs() + eps)
    v = lr * bias_correction(r, gamma1, t) / p
    return AdamaxState(theta - v, r, p)


def amsgrad_step(
    theta: Tensor,
    r: Tensor,
    p: Tensor,
    p_max: Tensor,
    grad: Tensor,
    t: float,
    lr: float,
    gamma1: float,
    gamma2: float,
    eps: float,
) -> AmsgradState:
    """One step of AMSGrad, elementwise: Adam that divides by the largest mean of squares so far.

        r ← γ₁ r + (1 − γ₁) g
        p ← γ₂ p + (1 − γ₂) g²
        p_max ← max(p_max, p)
        v = α r̂ / (√p̂_max + ε),   r̂ = r / (1 − γ₁ᵗ),   p̂_max = p_max / (1 − γ₂ᵗ)
        θ ← θ − v

    Args:
        theta: parameters θ, any shape.
        r: running mean of gradients, same shape; zeros at the start.
        p: running mean of squared gradients, same shape; zeros at the start.
        p_max: the largest p so far, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        t: number of this update, counted from 1; ``math.inf`` leaves the correction out.
        lr: learning rate α ≥ 0.
        gamma1: decay rate γ₁ in [0, 1), usually 0.9.
        gamma2: decay rate γ₂ in [0, 1), usually 0.999.
        eps: small constant ε > 0, usually 1e-8, in the units of a gradient.

    Returns:
        The new θ, r, p and p_max.

    Raises:
        ValueError: ``t`` is below 1, or a decay rate not in [0, 1).

    The paper has no correction and no ε. torch.optim.Adam(amsgrad=True) corrects as above: the
    maximum is taken of p, not of p̂, so that the divisor can still shrink while 1 − γ₂ᵗ grows;
    without correction it never does.

    Source: Reddi, Kale, Kumar 2018, algorithm 2. No lecture has it.
    """
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    p_max = torch.maximum(p_max, p)
    v = lr * bias_correction(r, gamma1, t) / (bias_correction(p_max, gamma2, t).sqrt() + eps)
    return AmsgradState(theta - v, r, p, p_max)


def adamw_step(
    theta: Tensor,
    r: Tensor,
    p: Tensor,
    grad: Tensor,
    t: float,
    lr: float,
    gamma1: float,
    gamma2: float,
    eps: float,
    decay: float,
) -> AdamState:
    """One step of AdamW, elementwise: Adam, and beside it weight decay.

        θ ← θ − α λ θ
        then one step of Adam with the gradient g, taken at the old θ

    Args:
        theta: parameters θ, any shape.
        r: running mean of gradients, same shape; zeros at the start.
        p: running mean of squared gradients, same shape; zeros at the start.
        grad: gradient g of the loss alone at θ, same shape; λθ is not part of it.
        t: number of this update, counted from 1; ``math.inf`` leaves the correction out.
        lr: learning rate α ≥ 0.
        gamma1: decay rate γ₁ in [0, 1), usually 0.9.
        gamma2: decay rate γ₂ in [0, 1), usually 0.999.
        eps: small constant ε > 0, usually 1e-8, in the units of a gradient.
        decay: weight decay λ ≥ 0.

    Returns:
        The new θ, r and p.

    Raises:
        ValueError: ``t`` is below 1, or a decay rate not in [0, 1).

    In Adam with g + λθ for g, the divisor √p̂ takes the decay away from weights with large
    gradients; here every weight shrinks by the same factor 1 − αλ. The paper keeps λ apart from α
    and multiplies both with one schedule; torch.optim.AdamW has αλ as here.

    Source: Loshchilov and Hutter 2019, algorithm 2. No lecture has it.
    """
    return adam_step(theta - lr * decay * theta, r, p, grad, t, lr, gamma1, gamma2, eps)


def adam_trajectory(
    theta0: Tensor, grads: Tensor, lr: float, gamma1: float, gamma2: float, eps: float
) -> Tensor:
    """Iterates of Adam on gradients that are given in advance.

        r = p = 0;   for t = 1, 2, …: one step of Adam with the gradient number t

    Args:
        theta0: start, any shape S.
        grads: gradients in order, shape (steps, *S).
        lr: learning rate α ≥ 0.
        gamma1: decay rate γ₁ in [0, 1).
        gamma2: decay rate γ₂ in [0, 1).
        eps: small constant ε > 0.

    Returns:
        The trajectory of shape (steps + 1, *S); the first entry is ``theta0``.

    Raises:
        ValueError: the gradients do not have the shape of ``theta0`` after the first dimension.

    Source: L2 to L5 (Adam, as an algorithm with its loop); Kingma and Ba 2015, algorithm 1.
    """
    if grads.shape[1:] != theta0.shape:
        raise ValueError(
            f"grads of shape {tuple(grads.shape)} for a start of {tuple(theta0.shape)}"
        )
    state = AdamState(theta0, torch.zeros_like(theta0), torch.zeros_like(theta0))
    trajectory = [theta0]
    for t, grad in enumerate(grads, start=1):
        state = adam_step(*state, grad, t, lr, gamma1, gamma2, eps)
        trajectory.append(state.theta)
    return torch.stack(trajectory)
