"""Properties that a right answer has whatever its values: relations between outputs.

A relation gets the calls' arguments and outputs and returns None, or a sentence on what fails.
Its text goes to students for held-out cases too, and so holds no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any

import numpy as np

from .language import say

Calls = list[tuple[Mapping[str, Any], list[Any]]]  # per case: arguments by name, outputs
Relation = Callable[[Calls, float, float], str | None]

RELATIONS: dict[str, Relation] = {}


def relation(function: Relation) -> Relation:
    """Register a relation under its own name, made safe: whatever is returned, it never raises."""

    @wraps(function)
    def safe(calls: Calls, rtol: float, atol: float) -> str | None:
        try:
            with np.errstate(all="ignore"):
                return function(calls, rtol, atol)
        except Exception:  # an output that is no array of numbers, or of another shape
            return say("the outputs do not have the form that this property needs")

    RELATIONS[function.__name__] = safe
    return safe


def _array(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value, dtype=np.float64)


def _close(a: Any, b: Any, rtol: float, atol: float) -> bool:
    a, b = _array(a), _array(b)
    if a.size != b.size or (a.size > 1 and a.shape != b.shape):
        return False
    a, b = a.ravel(), b.ravel()
    return bool(np.all((np.abs(a - b) <= atol + rtol * np.abs(b)) & np.isfinite(a)))


def _pairs(calls: Calls) -> Iterator[tuple[list[Any], list[Any]]]:
    """Outputs of cases 0 and 1, of 2 and 3, and so on."""
    for (_, first), (_, second) in zip(calls[::2], calls[1::2], strict=True):
        yield first, second


@relation
def same_first_output(calls: Calls, rtol: float, atol: float) -> str | None:
    """The first output is the same in all cases."""
    first = calls[0][1][0]
    for _, outputs in calls[1:]:
        if not _close(outputs[0], first, rtol, atol):
            return say("the result should not change between these inputs, but it does")
    return None


@relation
def shift_invariant(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases come in pairs; the second has its rows shifted, which changes no output."""
    for first, second in _pairs(calls):
        for a, b in zip(first, second, strict=True):
            if not _close(b, a, rtol, atol):
                return say(
                    "adding the same number to all logits of an example should change nothing, "
                    "but it does"
                )
    return None


@relation
def scale_invariant(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases come in pairs; the second is a multiple of the first, with the same outputs."""
    for first, second in _pairs(calls):
        for a, b in zip(first, second, strict=True):
            if not _close(b, a, rtol, atol):
                return say(
                    "multiplying the whole matrix by a positive number should not change the "
                    "result, but it does"
                )
    return None


@relation
def gradient_rows_sum_to_zero(calls: Calls, rtol: float, atol: float) -> str | None:
    """The entries of each row of the last output sum to zero."""
    for _, outputs in calls:
        sums = _array(outputs[-1]).sum(axis=-1)
        if not _close(sums, np.zeros_like(sums), rtol, atol):
            return say(
                "every row of the gradient should sum to zero (what one class gains the others "
                "lose), but a row does not"
            )
    return None


@relation
def clipped(calls: Calls, rtol: float, atol: float) -> str | None:
    """The output has at most the norm ``max_norm``, and the direction of ``grad``."""
    for given, outputs in calls:
        before, after = _array(given["grad"]).ravel(), _array(outputs[0]).ravel()
        limit = float(given["max_norm"])
        length, norm = float(np.linalg.norm(before)), float(np.linalg.norm(after))
        if not norm <= limit * (1 + rtol) + atol:
            return say("the norm of the result should be at most `max_norm`, but it is larger")
        if length > 0 and not norm > 0:
            return say("a gradient that is not zero should not become zero, but it does")
        if length > 0 and not _close(after * (length / norm), before, rtol, atol * length / norm):
            return say("the result should point in the direction of the gradient, but it does not")
    return None


@relation
def singletons_average_to_full(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases with the same X: the mean of the one-example gradients is the full gradient."""
    groups: dict[bytes, list[tuple[int, Any]]] = {}
    for given, outputs in calls:
        key = _array(given["X"]).tobytes() + _array(given["w"]).tobytes()
        groups.setdefault(key, []).append((len(given["idx"]), _array(outputs[0])))
    for group in groups.values():
        single = [gradient for size, gradient in group if size == 1]
        full = [gradient for size, gradient in group if size > 1]
        if not all(_close(np.mean(single, axis=0), gradient, rtol, atol) for gradient in full):
            return say(
                "the mean of the gradients of all examples, taken one at a time, should be the "
                "gradient of the full batch, but it is not"
            )
    return None


@relation
def is_a_softmax_fisher_matrix(calls: Calls, rtol: float, atol: float) -> str | None:
    """The output is symmetric, and zero along changes that all classes share."""
    for given, outputs in calls:
        k, d = np.shape(given["W"])
        fisher = _array(outputs[0])
        if not _close(fisher, fisher.T, rtol, atol):
            return say("a Fisher matrix should be symmetric, but this one is not")
        shared = fisher.reshape(k, d, k, d).sum(axis=2)
        if not _close(shared, np.zeros_like(shared), rtol, atol * k):
            return say(
                "adding one vector to all rows of W changes no probability, so the Fisher matrix "
                "times such a change should be zero, but it is not"
            )
    return None


@relation
def independent_of_units(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases come in pairs; the second has each parameter in another unit, and so its result."""
    for (given, first), (other, second) in zip(calls[::2], calls[1::2], strict=True):
        unit = _array(given["grad"]) / _array(other["grad"])
        if not _close(_array(second[0]) / unit, first[0], rtol, atol):
            return say(
                "with parameters measured in other units (θ, g and F changed accordingly) the "
                "undamped step should be the same one, but it is not"
            )
    return None


@relation
def whitens(calls: Calls, rtol: float, atol: float) -> str | None:
    """U(Σ + εI)Uᵀ is the identity, for the biased covariance Σ of the samples."""
    for given, outputs in calls:
        h, U = _array(given["h"]), _array(outputs[1])
        eye = np.eye(h.shape[1])
        damped = np.cov(h, rowvar=False, bias=True) + given["eps"] * eye
        if not _close(U @ damped @ U.T, eye, rtol, atol):
            return say("U(Σ + εI)Uᵀ should be the identity (that is whitening), but it is not")
    return None


@relation
def same_function(calls: Calls, rtol: float, atol: float) -> str | None:
    """The layer W h + b and the whitened layer V U (h − c) + d have the same outputs."""
    for given, outputs in calls:
        if "W" in given:
            (W, b), (V, d) = (given["W"], given["b"]), outputs
        else:
            (V, d), (W, b) = (given["V"], given["d"]), outputs
        mixing, shift = _array(V) @ _array(given["U"]), _array(d) - _array(b)
        if not _close(mixing, W, rtol, atol):
            return say("V U (h − c) + d should change with h as W h + b does, but V U is not W")
        if not _close(shift, mixing @ _array(given["c"]), rtol, atol):
            return say(
                "V U (h − c) + d should equal W h + b for every h, but the biases do not match"
            )
    return None


@relation
def splits_agree(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases come in pairs: the same examples in other shards, with the same outputs."""
    for first, second in _pairs(calls):
        if not _close(second[0], first[0], rtol, atol):
            return say(
                "the gradient of the batch should not depend on how its examples are split over "
                "workers, but it does"
            )
    return None


@relation
def same_for_scaled_gradients(calls: Calls, rtol: float, atol: float) -> str | None:
    """Cases come in pairs; the second has all gradients scaled, with the same first output."""
    for first, second in _pairs(calls):
        if not _close(second[0], first[0], rtol, atol):
            return say(
                "multiplying all gradients by the same positive number should not change the "
                "steps, but it does"
            )
    return None


def _batchnorm(x: Any, gamma: Any, beta: Any, eps: Any) -> Any:
    centred = x - x.mean(axis=0)
    return gamma * centred / np.sqrt((centred**2).mean(axis=0) + eps) + beta


@relation
def batch_is_normalized(calls: Calls, rtol: float, atol: float) -> str | None:
    """Every feature of the output has mean β and biased variance γ² s²/(s² + ε)."""
    for given, outputs in calls:
        x, gamma, beta = (_array(given[name]) for name in ("x", "gamma", "beta"))
        y, variance = _array(outputs[0]), x.var(axis=0)
        if not _close(y.mean(axis=0), beta, rtol, atol):
            return say(
                "every feature of the output should have the mean β over the batch, but has not"
            )
        if not _close(y.var(axis=0), gamma**2 * variance / (variance + given["eps"]), rtol, atol):
            return say(
                "the variance of every feature of the output should be that of γ x̂, with ε inside "
                "the root, but it is not"
            )
    return None


@relation
def batchnorm_gradient_is_that_of_differences(calls: Calls, rtol: float, atol: float) -> str | None:
    """The three outputs are the derivatives of Σ grad_out · y, found by differences.

    The differences are taken along the imaginary axis, where nothing cancels: they are exact to
    rounding, as no difference of two real values is.
    """
    step = 1e-30
    for given, outputs in calls:
        grad_out, eps = _array(given["grad_out"]), given["eps"]
        points = [_array(given["x"]), _array(given["gamma"]), np.zeros_like(_array(given["gamma"]))]
        for number, (name, output) in enumerate(zip(("x", "γ", "β"), outputs, strict=True)):
            gradient = np.zeros_like(points[number])
            for index in np.ndindex(gradient.shape):
                moved = [point.astype(np.complex128) for point in points]
                moved[number][index] += 1j * step
                x, gamma, beta = moved
                y = _batchnorm(x, gamma, beta, eps)
                gradient[index] = (grad_out * y).sum().imag / step
            if not _close(output, gradient, rtol, atol):
                return say(
                    "your gradient of {name} should agree with finite differences of the loss, "
                    "but it does not",
                    name=name,
                )
    return None


@relation
def folding_keeps_the_function(calls: Calls, rtol: float, atol: float) -> str | None:
    """W' h + b' is the normalized W h + b for h = 0 and all unit vectors, so for every h."""
    for given, outputs in calls:
        W, b = _array(given["W"]), _array(given["b"])
        h = np.vstack([np.zeros(W.shape[1]), np.eye(W.shape[1])])
        scale = _array(given["gamma"]) / np.sqrt(_array(given["running_var"]) + given["eps"])
        before = scale * (h @ W.T + b - _array(given["running_mean"])) + _array(given["beta"])
        after = h @ _array(outputs[0]).T + _array(outputs[1])
        if not _close(after, before, rtol, atol):
            return say(
                "the folded layer should compute for every input what the layer and its "
                "normalization compute, but it does not"
            )
    return None


def _mean_over_masks(calls: Calls) -> Iterator[tuple[Any, float, Any]]:
    """For each x and keep among the cases, which hold all masks: x, keep, the mean output."""
    groups: dict[tuple[bytes, float], list[tuple[Any, Any, float]]] = {}
    for given, outputs in calls:
        x, mask, keep = _array(given["x"]), _array(given["mask"]), float(given["keep"])
        kept = float(mask.sum())
        weight = keep**kept * (1 - keep) ** (mask.size - kept)
        groups.setdefault((x.tobytes(), keep), []).append((x, _array(outputs[0]), weight))
    for (_, keep), group in groups.items():
        yield group[0][0], keep, sum(weight * output for _, output, weight in group)


@relation
def mean_over_masks_is_input(calls: Calls, rtol: float, atol: float) -> str | None:
    """On average over all masks, inverted dropout returns its input."""
    for x, _, mean in _mean_over_masks(calls):
        if not _close(mean, x, rtol, atol):
            return say("on average over all masks the output should be the input, but it is not")
    return None


@relation
def mean_over_masks_is_kept_share(calls: Calls, rtol: float, atol: float) -> str | None:
    """On average over all masks, dropout in the lecture's form returns keep times its input."""
    for x, keep, mean in _mean_over_masks(calls):
        if not _close(mean, keep * x, rtol, atol):
            return say(
                "on average over all masks the output should be `keep` times the input (which is "
                "what testing uses), but it is not"
            )
    return None
