"""Natural gradient: the exact Fisher matrix of softmax regression, and PRONG."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Whitening(NamedTuple):
    """Mean c of a layer's inputs, and the matrix U for which U(h − c) is white."""

    c: Tensor
    U: Tensor


class WhitenedLayer(NamedTuple):
    """Weights V and bias d of a layer that reads whitened inputs, h' = V U (h − c) + d."""

    V: Tensor
    d: Tensor


class CanonicalLayer(NamedTuple):
    """Weights W and bias b of a layer in its usual form, h' = W h + b."""

    W: Tensor
    b: Tensor


def fisher_softmax(W: Tensor, X: Tensor) -> Tensor:
    """Exact Fisher matrix of softmax regression, averaged over the inputs.

        p = softmax(W x)
        F = (1/n) Σ_x Σ_y p_y ∇log p_y ∇log p_yᵀ = (1/n) Σ_x (diag(p) − p pᵀ) ⊗ x xᵀ

    Args:
        W: weights of shape (..., k, d); the logits of an input x are W x.
        X: inputs of shape (..., n, d), one a row; logits may have any size, ±1e4 included.

    Returns:
        F of shape (..., k·d, k·d), symmetric and positive semidefinite. Parameter W[a, i] has
        the number a·d + i, the order of ``W.reshape(-1)``.

    The expectation is over the model's own y: no labels are needed. With the labels of the data
    in place of it one gets the *empirical* Fisher matrix, which is another one. Adding one vector
    to all rows of W changes no p, so F is singular: d of its eigenvalues are zero. For softmax
    regression F is the Hessian of the mean cross-entropy as well, whatever the labels.

    Source: Amari 1998; Martens 2020, sections 5 and 9.2. L1 has F without its formula.
    """
    p = torch.softmax(X @ W.mT, dim=-1)
    spread = torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
    fisher: Tensor = torch.einsum("...nab,...ni,...nj->...aibj", spread, X, X) / X.shape[-2]
    size = W.shape[-2] * W.shape[-1]
    return fisher.reshape(*W.shape[:-2], size, size)


def natural_gradient_step(
    theta: Tensor, grad: Tensor, F: Tensor, lr: float | Tensor, damping: float | Tensor
) -> Tensor:
    """One step of natural gradient descent, damped.

        v = α (F + λI)⁻¹ g
        θ ← θ − v

    Args:
        theta: parameters θ; its leading dimensions are those of ``F``, the others any shape.
        grad: gradient g at θ, same shape.
        F: Fisher matrix of shape (..., N, N), N the number of parameters, numbered in row order
            (that of ``theta.reshape(-1)``).
        lr: learning rate α ≥ 0.
        damping: λ ≥ 0, which F + λI needs to be regular where F is not.

    Returns:
        The new θ, same shape.

    Raises:
        torch.linalg.LinAlgError: F + λI is exactly singular.

    λI is the plain damping. Levenberg–Marquardt's λ diag(F) is found too; it keeps the step
    independent of the units of the parameters, as λ = 0 does.

    Source: L1 (natural gradient, undamped); Amari 1998; Pascanu and Bengio 2014, section 3.
    """
    N = F.shape[-1]
    flat = grad.reshape(*F.shape[:-2], N, 1)
    damped = F + damping * torch.eye(N, dtype=F.dtype, device=F.device)
    v: Tensor = torch.linalg.solve(damped, flat)
    return theta - lr * v.reshape(theta.shape)


def whitening(h: Tensor, eps: float) -> Whitening:
    """Mean of a layer's inputs and the matrix that whitens them.

        c = mean(h),   Σ = (1/N) Σ (h − c)(h − c)ᵀ
        Σ + εI = E Λ Eᵀ
        U = Λ^(−1/2) Eᵀ

    Args:
        h: samples of shape (..., N, n), one a row.
        eps: ε ≥ 0, added to every variance; positive if Σ may be singular.

    Returns:
        c of shape (..., n) and U of shape (..., n, n), with U(Σ + εI)Uᵀ = I.

    Any Q U with orthogonal Q whitens as well. The course makes U unique: eigenvalues rise from
    row to row (the order of eigh), and in each row the entry of largest size is positive. That
    leaves equal eigenvalues, and rows with two entries of equal largest size, undetermined.
    Σ is the biased covariance, divided by N as in batch normalization; numpy.cov and torch.cov
    divide by N − 1. The symmetric E Λ^(−1/2) Eᵀ is known as ZCA; PRONG leaves the last E out.

    Source: L1 (PRONG); Desjardins et al. 2015, section 3 and algorithm 1.
    """
    c = h.mean(dim=-2)
    centered = h - c.unsqueeze(-2)
    n = h.shape[-1]
    covariance = centered.mT @ centered / h.shape[-2]
    eye = torch.eye(n, dtype=h.dtype, device=h.device)
    eigenvalues, E = torch.linalg.eigh(covariance + eps * eye)
    U = E.mT / eigenvalues.sqrt().unsqueeze(-1)
    largest = U.gather(-1, U.abs().argmax(dim=-1, keepdim=True))
    return Whitening(c, torch.where(largest < 0, -U, U))


def prong_project(W: Tensor, b: Tensor, c: Tensor, U: Tensor) -> WhitenedLayer:
    """Rewrite a layer W h + b so that it reads whitened inputs; its function does not change.

        V = W U⁻¹
        d = b + W c

    Args:
        W: weights of shape (..., m, n).
        b: bias of shape (..., m).
        c: mean of the inputs, shape (..., n).
        U: whitening matrix of shape (..., n, n), invertible.

    Returns:
        V of shape (..., m, n) and d of shape (..., m): V U (h − c) + d = W h + b for every h.

    Raises:
        torch.linalg.LinAlgError: U is exactly singular.

    L1's algorithm 1, as the paper's, has "c ← b − V c" at this place (line 10), and computes
    b = d + W c for the way back (line 7): with either sign the output of the network changes.

    Source: L1 (PRONG); Desjardins et al. 2015, algorithm 1.
    """
    V = torch.linalg.solve(U, W, left=False)
    return WhitenedLayer(V, b + (W @ c.unsqueeze(-1)).squeeze(-1))


def prong_canonical(V: Tensor, d: Tensor, c: Tensor, U: Tensor) -> CanonicalLayer:
    """Rewrite a whitened layer V U (h − c) + d in its usual form; its function does not change.

        W = V U
        b = d − W c

    Args:
        V: weights of shape (..., m, n).
        d: bias of shape (..., m).
        c: mean of the inputs, shape (..., n).
        U: whitening matrix of shape (..., n, n).

    Returns:
        W of shape (..., m, n) and b of shape (..., m): W h + b = V U (h − c) + d for every h.

    L1 prints b = d + W c, as the paper does, which changes the output by 2 W c.

    Source: L1 (PRONG); Desjardins et al. 2015, algorithm 1.
    """
    W = V @ U
    return CanonicalLayer(W, d - (W @ c.unsqueeze(-1)).squeeze(-1))


def prong_gradient(grad_W: Tensor, grad_b: Tensor, c: Tensor, U: Tensor) -> WhitenedLayer:
    """Gradient of a loss in V and d, from its gradient in W and b.

        g_V = (g_W − g_b cᵀ) Uᵀ
        g_d = g_b

    Args:
        grad_W: gradient g_W in the canonical weights W = V U, shape (..., m, n).
        grad_b: gradient g_b in the canonical bias b = d − W c, shape (..., m).
        c: mean of the inputs, shape (..., n).
        U: whitening matrix of shape (..., n, n).

    Returns:
        g_V of shape (..., m, n) and g_d of shape (..., m).

    The chain rule with c and U held fixed. A step −α g_V in V moves W by
    −α (g_W − g_b cᵀ) UᵀU = −α (g_W − g_b cᵀ)(Σ + εI)⁻¹: gradients are multiplied by Uᵀ where
    weights are multiplied by U⁻¹, and that is what makes PRONG a natural gradient.

    Source: Desjardins et al. 2015, section 3.
    """
    g_V = (grad_W - grad_b.unsqueeze(-1) * c.unsqueeze(-2)) @ U.mT
    return WhitenedLayer(g_V, grad_b)


def prong_step(
    V: Tensor, d: Tensor, grad_V: Tensor, grad_d: Tensor, lr: float | Tensor
) -> WhitenedLayer:
    """One step of PRONG between two projections: plain SGD on V and d, with c and U left alone.

        V ← V − α g_V
        d ← d − α g_d

    Args:
        V: weights of shape (..., m, n).
        d: bias of shape (..., m).
        grad_V: gradient in V, same shape as V.
        grad_d: gradient in d, same shape as d.
        lr: learning rate α ≥ 0.

    Returns:
        The new V and d.

    With momentum, set the velocity to zero at each projection: it belongs to the old V.

    Source: L1 (PRONG); Desjardins et al. 2015, algorithm 1.
    """
    return WhitenedLayer(V - lr * grad_V, d - lr * grad_d)


def prong_forward(V: Tensor, d: Tensor, c: Tensor, U: Tensor, h: Tensor) -> Tensor:
    """Output of a whitened layer before its nonlinearity.

        a = V U (h − c) + d

    Args:
        V: weights of shape (..., m, n).
        d: bias of shape (..., m).
        c: mean of the inputs, shape (..., n).
        U: whitening matrix of shape (..., n, n).
        h: inputs of shape (..., N, n), one a row.

    Returns:
        a of shape (..., N, m).

    Source: L1 (PRONG); Desjardins et al. 2015, section 3.
    """
    return (h - c.unsqueeze(-2)) @ U.mT @ V.mT + d.unsqueeze(-2)


def prong_plus_forward(
    V: Tensor, gamma: Tensor, d: Tensor, c: Tensor, U: Tensor, h: Tensor, eps: float = 1e-5
) -> Tensor:
    """Output of a PRONG⁺ layer before its nonlinearity: PRONG with batch normalization.

        a = V U (h − c)
        y = γ (a − mean(a)) / √(var(a) + ε) + d

    Args:
        V: weights of shape (..., m, n).
        gamma: scale γ of shape (..., m).
        d: shift of shape (..., m); it takes the place of the bias.
        c: mean of the inputs, shape (..., n).
        U: whitening matrix of shape (..., n, n).
        h: inputs of shape (..., N, n), one a row; mean and (biased) variance are over these N.
        eps: ε > 0, inside the root.

    Returns:
        y of shape (..., N, m).

    Batch normalization subtracts the mean again, so here c changes nothing and a projection
    leaves d alone: V ← W U⁻¹ is all that keeps the function.

    Source: Desjardins et al. 2015, section 4; Ioffe and Szegedy 2015, algorithm 1.
    """
    a = prong_forward(V, torch.zeros_like(d), c, U, h)
    variance, mean = torch.var_mean(a, dim=-2, correction=0, keepdim=True)
    normal = (a - mean) / (variance + eps).sqrt()
    return gamma.unsqueeze(-2) * normal + d.unsqueeze(-2)
