"""Methods that use curvature: Newton, conjugate gradients, BFGS, vSGD; and two relatives.

Vectors are last dimensions, (..., n), matrices the last two, (..., n, n); everything before them
are independent problems.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class VsgdState(NamedTuple):
    """Parameters θ; means of gradients, of their squares, of curvatures; memory τ in updates."""

    theta: Tensor
    g_bar: Tensor
    v_bar: Tensor
    h_bar: Tensor
    tau: Tensor


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)


def _times(A: Tensor, x: Tensor) -> Tensor:
    return (A @ x.unsqueeze(-1)).squeeze(-1)


def _outer(a: Tensor, b: Tensor) -> Tensor:
    return a.unsqueeze(-1) * b.unsqueeze(-2)


def _ratio_or_zero(a: Tensor, b: Tensor) -> Tensor:
    usable = b > 0
    return torch.where(usable, a / torch.where(usable, b, torch.ones_like(b)), torch.zeros_like(a))


def newton_step(theta: Tensor, grad: Tensor, H: Tensor, damping: float) -> Tensor:
    """One step of Newton's method, damped.

        θ ← θ − (H + λI)⁻¹ g

    Args:
        theta: parameters θ, shape (..., n).
        grad: gradient g at θ, same shape.
        H: Hessian at θ, symmetric, shape (..., n, n).
        damping: λ ≥ 0; 0 is the plain method.

    Returns:
        The new θ, same shape.

    Raises:
        RuntimeError: H + λI is singular (torch.linalg.LinAlgError).

    A large λ makes it gradient descent with rate 1/λ. With λ = 0 and an H that has eigenvalues of
    both signs the step goes to a saddle or upwards. Levenberg–Marquardt in its scaled form adds
    λ diag(H) instead of λI.

    Source: L1 (Hessian updates, undamped); Goodfellow et al. 2016, equations 8.27 and 8.28.
    """
    identity = torch.eye(H.shape[-1], dtype=H.dtype, device=H.device)
    step: Tensor = torch.linalg.solve(H + damping * identity, grad.unsqueeze(-1)).squeeze(-1)
    return theta - step


def conjugate_gradient(A: Tensor, b: Tensor, x0: Tensor, steps: int) -> Tensor:
    """Iterates of linear conjugate gradients on f(x) = ½ xᵀAx − bᵀx, that is on Ax = b.

        r = b − A x₀,  d = r
        each step:  α = rᵀr / dᵀAd;  x ← x + α d;  r₊ = r − α A d
                    β = r₊ᵀr₊ / rᵀr;  d ← r₊ + β d;  r ← r₊

    Args:
        A: symmetric positive definite matrix, shape (..., n, n). Neither is checked.
        b: vector, shape (..., n).
        x0: start, shape (..., n).
        steps: number of steps, 0 or more. More than n is allowed.

    Returns:
        The trajectory of shape (..., steps + 1, n); row 0 is ``x0``. Once the residual r is zero,
        x stays.

    Raises:
        ValueError: ``steps`` is negative.

    The residual is the negative gradient, r = −f'(x); Goodfellow et al. write the direction as
    −g + βd. L1 and L5 name the method without printing it.

    Source: Hestenes and Stiefel 1952; Nocedal and Wright 2006, algorithm 5.2.
    """
    if steps < 0:
        raise ValueError(f"steps = {steps} must not be negative")
    x, r = x0, b - _times(A, x0)
    d, rr = r, _dot(r, r)
    trajectory = [x0]
    for _ in range(steps):
        Ad = _times(A, d)
        alpha = _ratio_or_zero(rr, _dot(d, Ad))
        x, r = x + alpha * d, r - alpha * Ad
        rr, before = _dot(r, r), rr
        d = r + _ratio_or_zero(rr, before) * d
        trajectory.append(x)
    return torch.stack(trajectory, dim=-2)


def fletcher_reeves(grad: Tensor, previous_grad: Tensor) -> Tensor:
    """Weight of the old direction after Fletcher and Reeves.

        β = gᵀg / g₋ᵀg₋

    Args:
        grad: gradient g here, shape (..., n).
        previous_grad: gradient g₋ one iterate before, same shape.

    Returns:
        β ≥ 0, shape (..., 1); 0 where g₋ is zero.

    Source: Fletcher and Reeves 1964; Goodfellow et al. 2016, equation 8.30.
    """
    return _ratio_or_zero(_dot(grad, grad), _dot(previous_grad, previous_grad))


def polak_ribiere(grad: Tensor, previous_grad: Tensor) -> Tensor:
    """Weight of the old direction after Polak and Ribière, never negative ("PR+").

        β = max(0, gᵀ(g − g₋) / g₋ᵀg₋)

    Args:
        grad: gradient g here, shape (..., n).
        previous_grad: gradient g₋ one iterate before, same shape.

    Returns:
        β ≥ 0, shape (..., 1); 0 where g₋ is zero.

    Without the maximum (as in Goodfellow et al.) β may be negative, and the method need not
    converge; β = 0 starts again from steepest descent.

    Source: Polak and Ribière 1969; Nocedal and Wright 2006,
    equation 5.45.
    """
    beta = _ratio_or_zero(_dot(grad, grad - previous_grad), _dot(previous_grad, previous_grad))
    return beta.clamp(min=0)


def conjugate_direction(grad: Tensor, direction: Tensor, beta: Tensor) -> Tensor:
    """The next direction of nonlinear conjugate gradients, to be added: θ ← θ + αd.

        d ← −g + β d

    Args:
        grad: gradient g here, shape (..., n).
        direction: direction d of the step before, same shape.
        beta: weight β, shape (..., 1), of :func:`fletcher_reeves` or :func:`polak_ribiere`.

    Returns:
        The new direction, shape (..., n).

    On a quadratic with exact line searches both weights give the linear method.

    Source: Goodfellow et al. 2016, equation 8.29.
    """
    return -grad + beta * direction


def bfgs_update(H_inv: Tensor, s: Tensor, y: Tensor) -> Tensor:
    """Update of the inverse Hessian's estimate (Broyden, Fletcher, Goldfarb and Shanno).

        ρ = 1 / sᵀy
        H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ    if sᵀy > 0,   else H as it was

    Args:
        H_inv: estimate H of the INVERSE Hessian, symmetric positive definite, shape (..., n, n).
        s: change of the parameters, θ₊ − θ, shape (..., n).
        y: change of the gradient, g₊ − g, shape (..., n).

    Returns:
        The new H, shape (..., n, n): symmetric, positive definite, and H y = s.

    With s and y exchanged the formula is the DFP update of the Hessian itself, not of its inverse.

    Source: Nocedal and Wright 2006, equation 6.17; Goodfellow et al. 2016, section 8.6.3. L5 names
    the method.
    """
    rho = _ratio_or_zero(torch.ones_like(s[..., :1]), _dot(s, y)).unsqueeze(-1)
    identity = torch.eye(s.shape[-1], dtype=s.dtype, device=s.device)
    left = identity - rho * _outer(s, y)
    return left @ H_inv @ left.mT + rho * _outer(s, s)


def lbfgs_direction(grad: Tensor, S: Tensor, Y: Tensor) -> Tensor:
    """Descent direction of L-BFGS: −H g without ever forming H (the two-loop recursion).

        H starts from c I with c = sᵀy / yᵀy of the newest pair, and gets one BFGS update a pair,
        the oldest first; pairs with sᵀy ≤ 0 are left out

    Args:
        grad: gradient g, shape (..., n).
        S: changes of the parameters, shape (..., m, n); row 0 is the oldest. m may be 0.
        Y: changes of the gradient that belong to them, same shape.

    Returns:
        d = −H g, shape (..., n): to be ADDED, θ ← θ + αd. Without usable pairs it is −g.

    Source: Nocedal 1980; Nocedal and Wright 2006, algorithm 7.4 and equation 7.20.
    """
    pairs = range(S.shape[-2])
    one = torch.ones_like(grad[..., :1])
    rho = [_ratio_or_zero(one, _dot(S[..., i, :], Y[..., i, :])) for i in pairs]
    scale = one
    for i in pairs:  # the newest usable pair has the last word
        y = Y[..., i, :]
        scale = torch.where(rho[i] > 0, _ratio_or_zero(_dot(S[..., i, :], y), _dot(y, y)), scale)
    q, kept = grad, {}
    for i in reversed(pairs):
        kept[i] = rho[i] * _dot(S[..., i, :], q)
        q = q - kept[i] * Y[..., i, :]
    q = scale * q
    for i in pairs:
        q = q + (kept[i] - rho[i] * _dot(Y[..., i, :], q)) * S[..., i, :]
    return -q


def vsgd_step(
    theta: Tensor,
    g_bar: Tensor,
    v_bar: Tensor,
    h_bar: Tensor,
    tau: Tensor,
    grad: Tensor,
    h: Tensor,
) -> VsgdState:
    """One step of vSGD-l, SGD that sets its own learning rate for each parameter; elementwise.

        ḡ ← (1 − 1/τ) ḡ + (1/τ) g
        v̄ ← (1 − 1/τ) v̄ + (1/τ) g²
        h̄ ← (1 − 1/τ) h̄ + (1/τ) h
        α = ḡ² / (h̄ v̄)
        τ ← (1 − ḡ²/v̄) τ + 1
        θ ← θ − α g

    Args:
        theta: parameters θ, any shape.
        g_bar: mean ḡ of gradients, same shape.
        v_bar: mean v̄ of squared gradients, same shape; positive after the update.
        h_bar: mean h̄ of curvatures, same shape; positive after the update.
        tau: memory size τ ≥ 1 in updates, same shape.
        grad: gradient g of one example or minibatch, same shape.
        h: its curvature: the diagonal of the Hessian, in absolute value; same shape.

    Returns:
        The new θ, ḡ, v̄, h̄ and τ. All means use the old τ; α and the new τ use the new means.

    There is no learning rate to choose, and no ε: start v̄ and h̄ from a few examples, as the paper
    does. Where gradients agree, ḡ² ≈ v̄, the rate is 1/h̄ (Newton) and the memory short; where
    they are noise, the rate falls and the memory grows.

    Source: Schaul, Zhang and LeCun 2013, "No more pesky learning rates", algorithm 1.
    """
    weight = 1 / tau
    g_bar = (1 - weight) * g_bar + weight * grad
    v_bar = (1 - weight) * v_bar + weight * grad**2
    h_bar = (1 - weight) * h_bar + weight * h
    agreement = g_bar**2 / v_bar
    tau = (1 - agreement) * tau + 1
    return VsgdState(theta - agreement / h_bar * grad, g_bar, v_bar, h_bar, tau)


def polyak_average(thetas: Tensor) -> Tensor:
    """Running means of iterates (Polyak averaging).

        m_k = (θ_0 + … + θ_k) / (k + 1)

    Args:
        thetas: iterates in order, shape (steps, ...) with at least one.

    Returns:
        The means, same shape; entry k is the mean of entries 0 to k.

    All iterates weigh the same. For non-convex losses an exponential mean is common instead. Some
    leave the start θ_0 out; torch.optim.ASGD does.

    Source: L5 (8.7.3, in words); Polyak and Juditsky 1992; Goodfellow et al. 2016, section 8.7.3.
    """
    count = torch.arange(1, len(thetas) + 1, dtype=thetas.dtype, device=thetas.device)
    return thetas.cumsum(0) / count.reshape(-1, *[1] * (thetas.ndim - 1))


def coordinate_descent_sweep(A: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """One sweep of coordinate descent on f(x) = ½ xᵀAx − bᵀx: each coordinate once, in order.

        for i = 0 … n − 1:   x_i ← x_i − (A x − b)_i / A_ii    with the newest x

    Args:
        A: symmetric matrix with positive diagonal, shape (..., n, n).
        b: vector, shape (..., n).
        x: where to start, shape (..., n).

    Returns:
        x after the sweep, shape (..., n).

    Each step is the exact minimum along its axis. On a quadratic this is the Gauss–Seidel method;
    with the old x throughout it would be Jacobi's, which need not descend.

    Source: L5 (8.7.2, in words); Goodfellow et al. 2016, section 8.7.2.
    """
    entries = list(x.unbind(-1))
    for i in range(len(entries)):
        gradient = (A[..., i, :] * torch.stack(entries, dim=-1)).sum(-1) - b[..., i]
        entries[i] = entries[i] - gradient / A[..., i, i]
    return torch.stack(entries, dim=-1)
