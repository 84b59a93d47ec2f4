"""The scale of initial weights, and what it does to gradients through depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def xavier_bound(fan_in: int, fan_out: int) -> float:
    """Bound of the uniform distribution that Glorot and Bengio draw weights from.

        w ~ U(−a, a),   a = √(6 / (n_in + n_out)),   so that Var[w] = 2 / (n_in + n_out)

    Args:
        fan_in: number n_in of inputs that a unit sums, ≥ 0.
        fan_out: number n_out of units that an input feeds, ≥ 0; not both are 0.

    Returns:
        The bound a, a number.

    Raises:
        ValueError: a fan is negative, or both are 0.

    The variance is a compromise: 1/n_in keeps the size of signals on the way forward, 1/n_out
    that of gradients on the way back, where units are linear near 0. A uniform distribution on
    (−a, a) has variance a²/3, hence the 6. The same as torch.nn.init.xavier_uniform_.

    Source: Glorot, Bengio 2010, equation 16; Goodfellow et al. 2016, equation 8.23. L5 prints
    another bound, 1/√n_in.
    """
    if fan_in < 0 or fan_out < 0 or fan_in + fan_out == 0:
        raise ValueError(
            f"fan_in = {fan_in} and fan_out = {fan_out} must not be negative or both 0"
        )
    return math.sqrt(6 / (fan_in + fan_out))


def he_std(fan_in: int, slope: float = 0.0) -> float:
    """Standard deviation of initial weights before (leaky) rectifiers.

        σ = √(2 / ((1 + a²) n_in))

    Args:
        fan_in: number n_in of inputs that a unit sums, ≥ 1.
        slope: slope a of the rectifier left of 0; 0 is ReLU, 1 is linear (σ = 1/√n_in).

    Returns:
        The standard deviation σ, a number.

    Raises:
        ValueError: ``fan_in`` is less than 1.

    A rectifier keeps the fraction (1 + a²)/2 of the mean square of a symmetric signal; σ makes
    up for it. The same as torch.nn.init.kaiming_normal_ with its default mode "fan_in".

    Source: He, Zhang, Ren, Sun 2015, equations 10 and 15.
    """
    if fan_in < 1:
        raise ValueError(f"fan_in = {fan_in} must be at least 1")
    return math.sqrt(2 / ((1 + slope**2) * fan_in))


def initial_weights(draws: Tensor, recipe: str, slope: float = 0.0) -> Tensor:
    """Weights of a layer, made of random numbers by Glorot's recipe or by He's.

        "glorot":  W = a U,   a = √(6 / (n_in + n_out)),       U uniform on (−1, 1)
        "he":      W = σ Z,   σ = √(2 / ((1 + a²) n_in)),      Z standard normal

    Args:
        draws: the random numbers, shape (n_out, n_in).
        recipe: "glorot" or "he".
        slope: slope of the rectifier left of 0; Glorot's recipe does not look at it.

    Returns:
        The weights, same shape.

    Raises:
        ValueError: ``recipe`` is neither.

    The same as torch.nn.init.xavier_uniform_ and kaiming_normal_ make of their generator.

    Source: that of :func:`xavier_bound` and :func:`he_std`.
    """
    n_out, n_in = draws.shape
    if recipe == "glorot":
        return xavier_bound(n_in, n_out) * draws
    if recipe == "he":
        return he_std(n_in, slope) * draws
    raise ValueError(f"recipe = {recipe!r} must be glorot or he")


def _value_and_derivative(a: Tensor, activation: str) -> tuple[Tensor, Tensor]:
    if activation == "linear":
        return a, torch.ones_like(a)
    if activation == "sigmoid":
        h = torch.sigmoid(a)
        return h, h * (1 - h)
    if activation == "tanh":
        h = torch.tanh(a)
        return h, 1 - h**2
    if activation == "relu":
        return a.clamp(min=0), (a > 0).to(a.dtype)
    raise ValueError(f"activation = {activation!r} must be linear, sigmoid, tanh or relu")


def gradient_norms(weights: Sequence[Tensor], x: Tensor, activation: str) -> Tensor:
    """Norm of the gradient for every weight matrix of a network without biases.

        h_0 = x,   a_l = h_(l−1) W_lᵀ,   h_l = φ(a_l)            l = 1 … L
        f = (1/n) Σ_i Σ_j h_L,ij                                  mean over examples, sum over units
        Δ_L = φ'(a_L)/n,   Δ_(l−1) = (Δ_l W_l) ⊙ φ'(a_(l−1))
        result_l = ‖∂f/∂W_l‖ = ‖Δ_lᵀ h_(l−1)‖                     the root of the sum of squares

    Args:
        weights: matrices W_1 … W_L; W_l has shape (..., d_l, d_(l−1)).
        x: inputs, shape (..., n, d_0), one example a row.
        activation: φ of all layers, the last included: "linear", "sigmoid", "tanh" or "relu",
            with relu'(0) = 0.

    Returns:
        The norms, shape (..., L), of the first layer first.

    Raises:
        ValueError: ``activation`` is none of the four, or ``weights`` is empty.

    Tiny norms are vanishing gradients, huge ones exploding gradients. Where all widths are equal
    and φ is linear or ReLU, all layers have about the same: what the signal h has lost on its
    way to a layer and what Δ has lost on its way back add up.

    Source: Glorot, Bengio 2010, section 4.2; Goodfellow et al. 2016, section 8.2.5.
    """
    if not weights:
        raise ValueError("weights must hold at least one matrix")
    inputs, slopes = [x], []
    for W in weights:
        h, slope = _value_and_derivative(inputs[-1] @ W.mT, activation)
        inputs.append(h)
        slopes.append(slope)
    delta = slopes[-1] / x.shape[-2]
    norms = []
    for layer in reversed(range(len(weights))):
        norms.append(torch.linalg.matrix_norm(delta.mT @ inputs[layer]))
        if layer > 0:
            delta = (delta @ weights[layer]) * slopes[layer - 1]
    return torch.stack(norms[::-1], dim=-1)
