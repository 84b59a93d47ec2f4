"""One step of AdaMax."""

import numpy as np

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from .steps import CHECKS, PARAMETERS, STATE


@mistake
def mean_of_squares(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your step equals Adam's: AdaMax replaces the mean of squares by a maximum, p ← max(γ₂p, |g| +
    ε), and takes no root."""
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


@mistake
def old_state_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your θ is right, but you return the old r and p: return the new ones."""
    r_hat = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    return theta - lr * r_hat / np.maximum(gamma2 * p, np.abs(grad) + eps), r, p


@mistake
def in_place(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): compute
    new arrays."""
    r *= gamma1
    r += (1 - gamma1) * grad
    p *= gamma2
    np.maximum(p, np.abs(grad) + eps, out=p)
    theta -= lr * (r / (1 - gamma1**t)) / p
    return theta, r, p


EXERCISE = Exercise(
    "adamax_step",
    title="One step of AdaMax",
    minutes=15,
    section="adam.md#adamax",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.adamax_step,
    checks=CHECKS,
    mistakes=(
        edit(
            "no-bias-correction",
            "Your r is not corrected: the step needs r/(1 − γ₁ᵗ), or the first steps are too "
            "small.",
            (" / (1 - gamma1**t)", ""),
        ),
        edit(
            "printed-correction",
            "Your correction is 1 − (1 − γ₁)ᵗ, as the lecture's slide prints it: with γ₁ = 0.9 the "
            "first step is 9 times too small; here γ₁ weighs the old value, so it is 1 − γ₁ᵗ.",
            ("lr * r_hat", "lr * r / (1 - (1 - gamma1) ** t)"),
        ),
        edit(
            "maximum-corrected-too",
            "Your function corrects p as well: a maximum is not pulled towards its start, only r "
            "is corrected.",
            ("r_hat / p", "r_hat / (p / (1 - gamma2**t))"),
        ),
        edit(
            "counted-from-zero",
            "Your correction has the power t + 1: t counts from 1 in this course, so the power is "
            "t itself.",
            ("lr * r_hat", "lr * r / (1 - gamma1 ** (t + 1))"),
        ),
        edit(
            "correction-of-the-other",
            "Your correction is 1 − γ₂ᵗ: r decays with γ₁, so its correction is 1 − γ₁ᵗ.",
            ("lr * r_hat", "lr * r / (1 - gamma2**t)"),
        ),
        edit(
            "corrected-returned",
            "Your function returns the corrected mean as r, which the next step would correct "
            "once more: return r as it is before the correction.",
            ("/ p, r, p", "/ p, r_hat, p"),
        ),
        edit(
            "eps-in-divisor",
            "Your ε is added to the divisor, p + ε, and not to |g|: that convention exists; the "
            "course has it inside the maximum, p ← max(γ₂p, |g| + ε), as torch does.",
            (" + eps", ""),
            ("r_hat / p", "r_hat / (p + eps)"),
        ),
        edit(
            "eps-after-maximum",
            "Your ε is added to the maximum, so that it piles up in p: it belongs beside |g|, "
            "p ← max(γ₂p, |g| + ε).",
            (" + eps)", ") + eps"),
        ),
        edit(
            "no-eps",
            "Your p is max(γ₂p, |g|) without ε, as in the paper: while all gradients of a "
            "parameter are zero its step is 0/0; the course has p ← max(γ₂p, |g| + ε).",
            (" + eps", ""),
        ),
        edit(
            "sum-for-maximum",
            "Your p adds γ₂p and |g| + ε: AdaMax takes the larger of the two.",
            ("np.maximum(gamma2 * p, np.abs(grad) + eps)", "gamma2 * p + np.abs(grad) + eps"),
        ),
        edit(
            "absolute-value-missing",
            "Your maximum compares with g + ε: negative gradients are large, too, so it is "
            "|g| + ε.",
            ("np.abs(grad)", "grad"),
        ),
        edit(
            "maximum-never-decays",
            "Your p is the largest |g| ever seen: the old one decays, p ← max(γ₂p, |g| + ε).",
            ("gamma2 * p", "p"),
        ),
        edit(
            "one-maximum-for-all",
            "Your p is one maximum over all parameters: each parameter keeps its own; "
            "`np.maximum` compares elementwise.",
            (
                "np.maximum(gamma2 * p, np.abs(grad) + eps)",
                "np.full_like(p, max(gamma2 * np.max(p), np.max(np.abs(grad)) + eps))",
            ),
        ),
        mean_of_squares,
        edit(
            "maximum-of-squares",
            "Your p is a maximum of squares: AdaMax keeps |g| + ε itself and takes no root.",
            ("np.abs(grad)", "grad**2"),
            ("r_hat / p", "r_hat / np.sqrt(p)"),
        ),
        edit(
            "gammas-swapped",
            "Your decay rates are swapped: γ₁ belongs to r, the mean of gradients, and γ₂ to p, "
            "the maximum.",
            ("gamma1 * r + (1 - gamma1) * grad", "gamma2 * r + (1 - gamma2) * grad"),
            ("gamma2 * p", "gamma1 * p"),
            ("gamma1**t", "gamma2**t"),
        ),
        edit(
            "weights-swapped",
            "Your function weighs the old values with 1 − γ: γ weighs the OLD value, "
            "r ← γ₁r + (1 − γ₁)g and p ← max(γ₂p, |g| + ε).",
            ("gamma1 * r + (1 - gamma1) * grad", "(1 - gamma1) * r + gamma1 * grad"),
            ("gamma2 * p", "(1 - gamma2) * p"),
        ),
        edit(
            "gradient-for-the-mean",
            "Your step has the gradient g on top: AdaMax's step is α r/((1 − γ₁ᵗ) p).",
            ("lr * r_hat", "lr * grad"),
        ),
        edit("uphill", "Your step adds v and so climbs: θ ← θ − v.", ("theta - lr", "theta + lr")),
        old_state_returned,
        in_place,
    ),
)
