"""Momentum and Nesterov's accelerated gradient (NAG)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class MomentumState(NamedTuple):
    """Parameters θ, and the velocity v: the step that was last subtracted from them."""

    theta: Tensor
    v: Tensor


def momentum_step(
    theta: Tensor, v: Tensor, grad: Tensor, lr: float | Tensor, mu: float | Tensor
) -> MomentumState:
    """One step of gradient descent with momentum.

        v ← μ v + α g
        θ ← θ − v

    Args:
        theta: parameters θ, any shape.
        v: velocity of the step before, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0.
        mu: momentum μ in [0, 1).

    Returns:
        The new θ and the new v.

    Three conventions are found. The course and L1 put the rate inside, v ← μv + αg. L2 and
    torch.optim.SGD keep b ← μb + g and subtract αb (L2's Δ is −b): the same θ while α is constant
    (v = αb), another one when α changes. An exponential average, v ← μv + (1 − μ)αg, takes steps
    1 − μ times as long. L3, L4 and L5 (Goodfellow, algorithm 8.2) add their v, which has the
    opposite sign.

    Source: L1 to L5 (momentum); Polyak 1964; Sutskever et al. 2013, equations 1 and 2.
    """
    v = mu * v + lr * grad
    return MomentumState(theta - v, v)


def nag_lookahead(theta: Tensor, v: Tensor, mu: float | Tensor) -> Tensor:
    """The point at which NAG takes the gradient.

        y = θ − μ v

    Args:
        theta: parameters θ, any shape.
        v: velocity of the step before, same shape.
        mu: momentum μ in [0, 1).

    Returns:
        The lookahead y, same shape.

    L1 calls it θ_(t+½). L3 and L5 write θ + αv, with α for the momentum and v of opposite sign.

    Source: L1, L3, L5 (NAG); Nesterov 1983; Sutskever et al. 2013, equation 3.
    """
    return theta - mu * v


def nag_step(
    theta: Tensor,
    v: Tensor,
    grad_at_lookahead: Tensor,
    lr: float | Tensor,
    mu: float | Tensor,
) -> MomentumState:
    """One step of Nesterov's accelerated gradient, given the gradient at the lookahead.

        v ← μ v + α f'(y),   y = θ − μ v
        θ ← θ − v

    Args:
        theta: parameters θ (not y), any shape.
        v: velocity of the step before, same shape; zeros at the start.
        grad_at_lookahead: gradient f'(y) at y = nag_lookahead(theta, v, mu), same shape.
        lr: learning rate α ≥ 0.
        mu: momentum μ in [0, 1).

    Returns:
        The new θ and the new v.

    L1 prints v_(t+1) = α f'(θ_(t+½)): the term μv is missing, so nothing would accumulate.
    torch.optim.SGD(nesterov=True) holds y, not θ: its iterates are this rule's lookaheads.

    Source: L3, L5, and L1 with the slip (NAG); Nesterov 1983; Sutskever et al. 2013, equations 3
    and 4.
    """
    return momentum_step(theta, v, grad_at_lookahead, lr, mu)


def minimize_quadratic(
    A: Tensor,
    b: Tensor,
    theta0: Tensor,
    lr: float,
    mu: float,
    steps: int,
    nesterov: bool,
) -> Tensor:
    """Iterates of momentum or NAG on f(θ) = ½ θᵀAθ − bᵀθ, whose gradient is Aθ − b.

        v ← μ v + α (A y − b),   y = θ − μ v for NAG, y = θ for momentum
        θ ← θ − v,               from v = 0

    Args:
        A: symmetric matrix of shape (..., n, n); positive definite if there is to be a minimum.
        b: vector of shape (..., n).
        theta0: start of shape (..., n).
        lr: learning rate α ≥ 0.
        mu: momentum μ in [0, 1); 0 is plain gradient descent.
        steps: number of steps, 0 or more.
        nesterov: True for NAG, False for momentum.

    Returns:
        The trajectory of shape (..., steps + 1, n); row 0 is ``theta0``.

    Raises:
        ValueError: ``steps`` is negative.

    Source: Goh 2017, "Why momentum really works".
    """
    if steps < 0:
        raise ValueError(f"steps = {steps} must not be negative")
    state = MomentumState(theta0, torch.zeros_like(theta0))
    trajectory = [theta0]
    for _ in range(steps):
        y = nag_lookahead(*state, mu) if nesterov else state.theta
        grad = (A @ y.unsqueeze(-1)).squeeze(-1) - b
        state = momentum_step(*state, grad, lr, mu)
        trajectory.append(state.theta)
    return torch.stack(trajectory, dim=-2)


def effective_lr(lr: float, mu: float) -> float:
    """Learning rate of plain gradient descent that moves as fast as momentum does in the end.

        α_eff = α / (1 − μ)

    Args:
        lr: learning rate α.
        mu: momentum μ in [0, 1).

    Returns:
        The effective rate: with a constant gradient g, v tends to α_eff g.

    Raises:
        ValueError: ``mu`` is not in [0, 1).

    It holds for v ← μv + αg. Where v is an average, v ← μv + (1 − μ)αg, it is α itself.

    Source: L1 and L2 (momentum); Goodfellow et al. 2016, section 8.3.2.
    """
    if not 0 <= mu < 1:
        raise ValueError(f"mu = {mu} must be in [0, 1)")
    return lr / (1 - mu)
