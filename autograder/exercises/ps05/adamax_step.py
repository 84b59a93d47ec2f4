"""One step of AdaMax."""

import numpy as np

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from ..epsilons import own_epsilon
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
    mistakes={
        "no-bias-correction": edit(
            "Your r is not corrected: the step needs r/(1 − γ₁ᵗ), or the first steps are too "
            "small.",
            (" / (1 - gamma1**t)", ""),
        ),
        "printed-correction": edit(
            "Your correction is 1 − (1 − γ₁)ᵗ, as the lecture's slide prints it: with γ₁ = 0.9 the "
            "first step is 9 times too small; here γ₁ weighs the old value, so it is 1 − γ₁ᵗ.",
            ("lr * r_hat", "lr * r / (1 - (1 - gamma1) ** t)"),
        ),
        "maximum-corrected-too": edit(
            "Your function corrects p as well: a maximum is not pulled towards its start, only r "
            "is corrected.",
            ("r_hat / p", "r_hat / (p / (1 - gamma2**t))"),
        ),
        "counted-from-zero": edit(
            "Your correction has the power t + 1: t counts from 1 in this course, so the power is "
            "t itself.",
            ("lr * r_hat", "lr * r / (1 - gamma1 ** (t + 1))"),
        ),
        "correction-of-the-other": edit(
            "Your correction is 1 − γ₂ᵗ: r decays with γ₁, so its correction is 1 − γ₁ᵗ.",
            ("lr * r_hat", "lr * r / (1 - gamma2**t)"),
        ),
        "corrected-returned": edit(
            "Your function returns the corrected mean as r, which the next step would correct "
            "once more: return r as it is before the correction.",
            ("/ p, r, p", "/ p, r_hat, p"),
        ),
        "eps-in-divisor": edit(
            "Your ε is added to the divisor, p + ε, and not to |g|: that convention exists; the "
            "course has it inside the maximum, p ← max(γ₂p, |g| + ε), as torch does.",
            (" + eps", ""),
            ("r_hat / p", "r_hat / (p + eps)"),
        ),
        "eps-after-maximum": edit(
            "Your ε is added to the maximum, so that it piles up in p: it belongs beside |g|, "
            "p ← max(γ₂p, |g| + ε).",
            (" + eps)", ") + eps"),
        ),
        "no-eps": edit(
            "Your p is max(γ₂p, |g|) without ε, as in the paper: while all gradients of a "
            "parameter are zero its step is 0/0; the course has p ← max(γ₂p, |g| + ε).",
            (" + eps", ""),
        ),
        "sum-for-maximum": edit(
            "Your p adds γ₂p and |g| + ε: AdaMax takes the larger of the two.",
            ("np.maximum(gamma2 * p, np.abs(grad) + eps)", "gamma2 * p + np.abs(grad) + eps"),
        ),
        "absolute-value-missing": edit(
            "Your maximum compares with g + ε: negative gradients are large, too, so it is "
            "|g| + ε.",
            ("np.abs(grad)", "grad"),
        ),
        "maximum-never-decays": edit(
            "Your p is the largest |g| ever seen: the old one decays, p ← max(γ₂p, |g| + ε).",
            ("gamma2 * p", "p"),
        ),
        "one-maximum-for-all": edit(
            "Your p is one maximum over all parameters: each parameter keeps its own; "
            "`np.maximum` compares elementwise.",
            (
                "np.maximum(gamma2 * p, np.abs(grad) + eps)",
                "np.full_like(p, max(gamma2 * np.max(p), np.max(np.abs(grad)) + eps))",
            ),
        ),
        "one-number-for-p": edit(
            "Your p is one number, the largest of all entries: `np.max` does that to arrays; "
            "compare the two arrays entry by entry.",
            (
                "np.maximum(gamma2 * p, np.abs(grad) + eps)",
                "np.max([gamma2 * p, np.abs(grad) + eps])",
            ),
        ),
        "eps-as-a-floor": edit(
            "Your p is the largest of γ₂p, |g| and ε: ε is added to |g|, p ← max(γ₂p, |g| + ε).",
            (
                "np.maximum(gamma2 * p, np.abs(grad) + eps)",
                "np.maximum(np.maximum(gamma2 * p, np.abs(grad)), eps)",
            ),
        ),
        "own-eps": own_epsilon("np.abs(grad) + eps", "np.abs(grad) + {}"),
        "both-in-one-list": edit(
            "Your function returns two values, (theta, [r, p]): return r and p one by one, as they "
            "came in.",
            ("/ p, r, p", "/ p, [r, p]"),
        ),
        "other-order": edit(
            "Your function returns (theta, p, r): the order is (theta, r, p), that of the "
            "arguments.",
            ("/ p, r, p", "/ p, p, r"),
        ),
        "mean-of-squares": mean_of_squares,
        "maximum-of-squares": edit(
            "Your p is a maximum of squares: AdaMax keeps |g| + ε itself and takes no root.",
            ("np.abs(grad)", "grad**2"),
            ("r_hat / p", "r_hat / np.sqrt(p)"),
        ),
        "gammas-swapped": edit(
            "Your decay rates are swapped: γ₁ belongs to r, the mean of gradients, and γ₂ to p, "
            "the maximum.",
            ("gamma1 * r + (1 - gamma1) * grad", "gamma2 * r + (1 - gamma2) * grad"),
            ("gamma2 * p", "gamma1 * p"),
            ("gamma1**t", "gamma2**t"),
        ),
        "weights-swapped": edit(
            "Your function weighs the old values with 1 − γ: γ weighs the OLD value, "
            "r ← γ₁r + (1 − γ₁)g and p ← max(γ₂p, |g| + ε).",
            ("gamma1 * r + (1 - gamma1) * grad", "(1 - gamma1) * r + gamma1 * grad"),
            ("gamma2 * p", "(1 - gamma2) * p"),
        ),
        "gradient-for-the-mean": edit(
            "Your step has the gradient g on top: AdaMax's step is α r/((1 − γ₁ᵗ) p).",
            ("lr * r_hat", "lr * grad"),
        ),
        "uphill": edit("Your step adds v and so climbs: θ ← θ − v.", ("theta - lr", "theta + lr")),
        "old-state-returned": old_state_returned,
        "in-place": in_place,
    },
)
