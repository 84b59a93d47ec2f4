"""Step sizes of each weight's own: Rprop, Manhattan, AdaGrad, RMSProp and AdaDelta.

All rules act on each entry by itself, so a tensor of any shape is a batch of weights.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

Number = float | Tensor


class RpropState(NamedTuple):
    """Parameters θ, step sizes Δ, and the gradient to compare signs with (0 after a change)."""

    theta: Tensor
    delta: Tensor
    prev_grad: Tensor


class AdagradState(NamedTuple):
    """Parameters θ, and the sum r of all squared gradients so far."""

    theta: Tensor
    r: Tensor


class RmspropState(NamedTuple):
    """Parameters θ, and the running mean r of squared gradients."""

    theta: Tensor
    r: Tensor


class RmspropMomentumState(NamedTuple):
    """Parameters θ, velocity v (the step last subtracted), running mean r of squared gradients."""

    theta: Tensor
    v: Tensor
    r: Tensor


class AdadeltaState(NamedTuple):
    """Parameters θ, running mean r of squared gradients, running mean p of squared steps."""

    theta: Tensor
    r: Tensor
    p: Tensor


def rprop_step(
    theta: Tensor,
    delta: Tensor,
    grad: Tensor,
    prev_grad: Tensor,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    delta_min: float = 1e-6,
    delta_max: float = 50.0,
) -> RpropState:
    """One step of Rprop (the variant iRprop−): the sign of the gradient, a step size of its own.

        s = g g₋
        Δ ← η⁺ Δ if s > 0,   η⁻ Δ if s < 0,   Δ if s = 0;   then limited to [Δmin, Δmax]
        g ← 0 where s < 0
        θ ← θ − sign(g) Δ
        g₋ ← g

    Args:
        theta: parameters θ, any shape.
        delta: step sizes Δ > 0, same shape, in the units of θ.
        grad: gradient g at θ, same shape.
        prev_grad: g₋ as the step before returned it, same shape; zeros at the start.
        eta_minus: factor η⁻ in (0, 1) after a change of sign.
        eta_plus: factor η⁺ > 1 while the sign stays.
        delta_min: smallest step size Δmin.
        delta_max: largest step size Δmax.

    Returns:
        The new θ, the new Δ, and the gradient to store: g, with zeros where the sign changed.

    A weight whose gradient changes its sign stays where it is for one step and, because the
    stored gradient is zero, takes the next one with Δ as it is. Two other variants exist: Rprop−
    moves at once, Rprop+ takes the last step back. L1 prints θ_(t+1) = θ_t − v_t with v the step
    size: sign(f') is missing, so θ would only ever decrease. The same as torch.optim.Rprop.

    Source: L1 (Rprop); Riedmiller and Braun 1993; Igel and Hüsken 2000, algorithm iRprop−.
    """
    agreement = torch.sign(grad) * torch.sign(prev_grad)  # a product of tiny gradients is 0
    changed = agreement < 0
    delta = torch.where(agreement > 0, eta_plus * delta, delta)
    delta = torch.where(changed, eta_minus * delta, delta).clamp(delta_min, delta_max)
    grad = torch.where(changed, torch.zeros_like(grad), grad)
    return RpropState(theta - torch.sign(grad) * delta, delta, grad)


def manhattan_step(theta: Tensor, delta: Number, grad: Tensor) -> Tensor:
    """One step of the Manhattan rule: as far as ever, against the sign of the gradient.

        θ ← θ − sign(g) Δ,   sign(0) = 0

    Args:
        theta: parameters θ, any shape.
        delta: step size Δ ≥ 0, one number or one for each entry, in the units of θ.
        grad: gradient g at θ, same shape as ``theta``.

    Returns:
        The new θ, same shape.

    Rprop with η⁻ = η⁺ = 1, without the pause after a change of sign. Known as sign descent, too.

    Source: L1 (Manhattan); Riedmiller and Braun 1993, section II.
    """
    return theta - torch.sign(grad) * delta


def adagrad_step(
    theta: Tensor, r: Tensor, grad: Tensor, lr: Number, eps: float = 1e-10
) -> AdagradState:
    """One step of AdaGrad.

        r ← r + g²
        θ ← θ − α g / (√r + ε)

    Args:
        theta: parameters θ, any shape.
        r: sum of squared gradients so far, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, in the units of θ.
        eps: ε ≥ 0, in the units of g. With ε = 0 a gradient of 0 at r = 0 gives NaN.

    Returns:
        The new θ and the new r.

    L1 prints r_t = θ_t² + r_(t−1), twice: it is the gradient that is squared. L1 and L4 have no ε.
    ε stands outside the root here, in Goodfellow et al. and in torch.optim.Adagrad; other texts
    write √(r + ε), which differs when gradients are small.

    Source: L1, L3, L4, L5 (AdaGrad); Duchi, Hazan, Singer 2011; Goodfellow et al. 2016, algorithm
    8.4.
    """
    r = r + grad**2
    return AdagradState(theta - lr * grad / (torch.sqrt(r) + eps), r)


def net_update(grads: Tensor, rule: str, lr: float) -> Tensor:
    """Change of a weight after a sequence of given gradients, under one of four rules.

        "sgd":        −Σ α g_i
        "manhattan":  −Σ α sign(g_i)
        "rprop":      Rprop from Δ = α and g₋ = 0, with η⁻ = 0.5, η⁺ = 1.2, Δmin = 1e-6, Δmax = 50
        "rmsprop":    −Σ α g_i / (√r + ε),   r = (1/n) Σ g_i²,   ε = 1e-8

    Args:
        grads: gradients of shape (..., n): n minibatches in order, n ≥ 1.
        rule: "sgd", "manhattan", "rprop" or "rmsprop".
        lr: learning rate, or first step size, α ≥ 0.

    Returns:
        θ_end − θ_start of shape (...).

    Raises:
        ValueError: no such rule.

    The question is Hinton's: nine minibatches with gradient 0.1 and one with −0.9 should leave a
    weight where it is. They do when every gradient is divided by the same number, and do not when
    each is divided by its own size. "rmsprop" has r fixed at the mean over the sequence: the
    limit of the running mean for γ near 1, where neighbouring minibatches share a divisor.

    Source: L1 (problems with Rprop); Hinton, Srivastava, Swersky 2012, lecture 6e.
    """
    if rule == "sgd":
        steps = lr * grads
    elif rule == "manhattan":
        steps = lr * torch.sign(grads)
    elif rule == "rmsprop":
        r = grads.square().mean(dim=-1, keepdim=True)
        steps = lr * grads / (torch.sqrt(r) + 1e-8)
    elif rule == "rprop":
        zero = torch.zeros_like(grads[..., 0])
        state = RpropState(zero, zero + lr, zero)
        for grad in grads.unbind(-1):
            state = rprop_step(state.theta, state.delta, grad, state.prev_grad)
        return state.theta
    else:
        raise ValueError(f"rule = {rule!r} must be 'sgd', 'manhattan', 'rprop' or 'rmsprop'")
    return -steps.sum(dim=-1)


def rmsprop_step(
    theta: Tensor, r: Tensor, grad: Tensor, lr: Number, gamma: Number, eps: float = 1e-8
) -> RmspropState:
    """One step of RMSProp.

        r ← γ r + (1 − γ) g²
        θ ← θ − α g / (√r + ε)

    Args:
        theta: parameters θ, any shape.
        r: running mean of squared gradients, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, in the units of θ.
        gamma: decay rate γ in [0, 1), the weight of the old value.
        eps: ε ≥ 0, in the units of g. With ε = 0 a gradient of 0 at r = 0 gives NaN.

    Returns:
        The new θ and the new r.

    L3 and Goodfellow et al. write 1/√(δ + r), L5 and torch.optim.RMSprop (where γ is ``alpha``)
    1/(δ + √r) as here: they differ when gradients are small. L1 has no ε. L4 starts at r = g²
    instead of 0, which makes its first step shorter by the factor √(1 − γ).

    Source: L1, L3, L4, L5 (RMSProp); Hinton, Srivastava, Swersky 2012, lecture 6e; Goodfellow et
    al. 2016, algorithm 8.5.
    """
    r = gamma * r + (1 - gamma) * grad**2
    return RmspropState(theta - lr * grad / (torch.sqrt(r) + eps), r)


def decay_weights(gamma: float, t: int) -> Tensor:
    """Weights with which the last ``t`` values enter a running mean that started from zero.

        w_i = (1 − γ) γ^(t − i)   for i = 1, …, t

    Args:
        gamma: decay rate γ in [0, 1), the weight of the old value.
        t: number of updates so far, 1 or more.

    Returns:
        w of shape (t,), float64, the oldest first: r_t = Σ w_i g_i². Its sum is 1 − γᵗ.

    Raises:
        ValueError: ``gamma`` is not in [0, 1), or ``t`` is less than 1.

    Source: Kingma and Ba 2015, equation 1.
    """
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma = {gamma} must be in [0, 1)")
    if t < 1:
        raise ValueError(f"t = {t} must be 1 or more")
    age = torch.arange(t - 1, -1, -1, dtype=torch.float64)
    return (1 - gamma) * torch.pow(torch.tensor(gamma, dtype=torch.float64), age)


def rmsprop_nesterov_step(
    theta: Tensor,
    v: Tensor,
    r: Tensor,
    grad_at_lookahead: Tensor,
    lr: Number,
    mu: Number,
    gamma: Number,
    eps: float = 1e-8,
) -> RmspropMomentumState:
    """One step of RMSProp with Nesterov momentum, given the gradient at the lookahead.

        r ← γ r + (1 − γ) g²,   g = f'(y),   y = θ − μ v
        v ← μ v + α g / (√r + ε)
        θ ← θ − v

    Args:
        theta: parameters θ (not y), any shape.
        v: velocity of the step before, same shape; zeros at the start.
        r: running mean of squared gradients, same shape; zeros at the start.
        grad_at_lookahead: gradient g = f'(y) at y = nag_lookahead(theta, v, mu), same shape.
        lr: learning rate α ≥ 0, in the units of θ.
        mu: momentum μ in [0, 1).
        gamma: decay rate γ in [0, 1), the weight of the old value.
        eps: ε ≥ 0, in the units of g.

    Returns:
        The new θ, the new v and the new r.

    Only the new gradient is divided by √r, not the velocity. L5 (Goodfellow) adds its v, which
    has the opposite sign, and has no ε. torch.optim.RMSprop(momentum=μ) takes the gradient at θ
    and keeps the rate outside: given the same gradients its θ is the same while α is constant.

    Source: L5 (RMSProp with Nesterov momentum, printed with two minus signs); Goodfellow et al.
    2016, algorithm 8.6.
    """
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (torch.sqrt(r) + eps)
    return RmspropMomentumState(theta - v, v, r)


def adadelta_step(
    theta: Tensor,
    r: Tensor,
    p: Tensor,
    grad: Tensor,
    lr: Number = 1.0,
    gamma1: Number = 0.95,
    gamma2: Number = 0.95,
    eps: float = 1e-6,
) -> AdadeltaState:
    """One step of AdaDelta.

        r ← γ₁ r + (1 − γ₁) g²
        v = α √(p + ε) / √(r + ε) · g
        θ ← θ − v
        p ← γ₂ p + (1 − γ₂) v²

    Args:
        theta: parameters θ, any shape.
        r: running mean of squared gradients, same shape; zeros at the start.
        p: running mean of squared steps, same shape; zeros at the start.
        grad: gradient g at θ, same shape.
        lr: learning rate α ≥ 0, without units; 1 in the paper.
        gamma1: decay rate γ₁ in [0, 1) of r, the weight of the old value.
        gamma2: decay rate γ₂ in [0, 1) of p.
        eps: ε > 0, inside both roots; without it, p = 0 would stay 0.

    Returns:
        The new θ, the new r and the new p.

    The step has the units of θ because √p has. L1 prints the last line as (1 − γ₂)v² + γ₂v: the old
    *p* is what is kept. L1 has no ε either, so its rule would never start. torch.optim.Adadelta has
    one decay rate, and its p holds the steps before they are multiplied by α: the same for α = 1.

    Source: L1 (AdaDelta); Zeiler 2012, algorithm 1.
    """
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * torch.sqrt(p + eps) / torch.sqrt(r + eps) * grad
    return AdadeltaState(theta - v, r, gamma2 * p + (1 - gamma2) * v**2)
