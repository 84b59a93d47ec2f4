"""One step of Adam."""

import numpy as np

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from ..epsilons import own_epsilon
from .steps import CHECKS, PARAMETERS, STATE


@mistake
def old_moments_used(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your function steps with the old r and p: update both first, then correct and step."""
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
    return theta, gamma1 * r + (1 - gamma1) * grad, gamma2 * p + (1 - gamma2) * grad**2


@mistake
def old_moments_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your θ is right, but you return the old r and p: return the new ones."""
    r_hat = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    p_hat = (gamma2 * p + (1 - gamma2) * grad**2) / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


@mistake
def in_place(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): compute
    new arrays."""
    r *= gamma1
    r += (1 - gamma1) * grad
    p *= gamma2
    p += (1 - gamma2) * grad**2
    theta -= lr * (r / (1 - gamma1**t)) / (np.sqrt(p / (1 - gamma2**t)) + eps)
    return theta, r, p


EXERCISE = Exercise(
    "adam_step",
    title="One step of Adam",
    minutes=20,
    section="adam.md#the-rule",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.adam_step,
    checks=CHECKS,
    mistakes={
        "no-bias-correction": edit(
            "Your step equals Adam without bias correction: with the usual decay rates it is 3.2 "
            "times too large at t = 1; divide r by 1 − γ₁ᵗ and p by 1 − γ₂ᵗ.",
            (" / (1 - gamma1**t)", ""),
            (" / (1 - gamma2**t)", ""),
        ),
        "printed-correction": edit(
            "Your corrections are 1 − (1 − γ)ᵗ, as the lecture's slide prints them: with the usual "
            "decay rates the first step is 3.5 times too large; here γ weighs the old value, so "
            "they are 1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            ("gamma1**t", "(1 - gamma1) ** t"),
            ("gamma2**t", "(1 - gamma2) ** t"),
        ),
        "first-moment-only": edit(
            "Your function corrects r but not p: p̂ = p/(1 − γ₂ᵗ) belongs under the root.",
            (" / (1 - gamma2**t)", ""),
        ),
        "second-moment-only": edit(
            "Your function corrects p but not r: the step needs r̂ = r/(1 − γ₁ᵗ).",
            (" / (1 - gamma1**t)", ""),
        ),
        "corrections-swapped": edit(
            "Your corrections are swapped: r is divided by 1 − γ₁ᵗ, p by 1 − γ₂ᵗ.",
            ("gamma1**t", "gamma2**t"),
            ("gamma2**t", "gamma1**t"),
        ),
        "corrections-without-power": edit(
            "Your corrections are 1 − γ at every update: that is right at t = 1 only; they are "
            "1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            ("gamma1**t", "gamma1"),
            ("gamma2**t", "gamma2"),
        ),
        "counted-from-zero": edit(
            "Your corrections have the power t + 1: t counts from 1 in this course, so the power "
            "is t itself.",
            ("gamma1**t", "gamma1 ** (t + 1)"),
            ("gamma2**t", "gamma2 ** (t + 1)"),
        ),
        "corrected-one-late": edit(
            "Your corrections come one update late, with the power t − 1: r and p hold t gradients "
            "when they are corrected, so the power is t.",
            ("(1 - gamma1**t)", "(1 - gamma1 ** (t - 1) if t > 1 else 1)"),
            ("(1 - gamma2**t)", "(1 - gamma2 ** (t - 1) if t > 1 else 1)"),
        ),
        "corrected-returned": edit(
            "Your function returns the corrected r̂ and p̂ as state, which the next step would "
            "correct once more: return r and p as they are before the correction.",
            ("eps), r, p", "eps), r_hat, p_hat"),
        ),
        "eps-inside-root": edit(
            "Your ε stands inside the root, √(p̂ + ε): that convention exists and differs when "
            "gradients are tiny; the course has √p̂ + ε.",
            ("(np.sqrt(p_hat) + eps)", "np.sqrt(p_hat + eps)"),
        ),
        "eps-before-correction": edit(
            "Your ε is added to √p before the correction, as in the paper's faster form: that ε "
            "has another size in the first steps; the course adds it to √p̂.",
            (
                "lr * r_hat / (np.sqrt(p_hat) + eps)",
                "lr * np.sqrt(1 - gamma2**t) / (1 - gamma1**t) * r / (np.sqrt(p) + eps)",
            ),
        ),
        "no-eps": edit(
            "Your divisor is √p̂ without ε, and a parameter whose gradients were all zero becomes "
            "NaN: divide by √p̂ + ε.",
            (" + eps", ""),
        ),
        "root-missing": edit(
            "Your step divides by p̂ + ε: the root is missing, √p̂ + ε.", ("np.sqrt(p_hat)", "p_hat")
        ),
        "no-root-and-no-eps": edit(
            "Your step divides by p̂ itself, with neither root nor ε: the smaller "
            "the gradients, the longer are your steps, and one that has always been zero "
            "gives 0/0; divide by √p̂ + ε.",
            ("(np.sqrt(p_hat) + eps)", "p_hat"),
        ),
        "eps-as-a-floor": edit(
            "Your divisor is the larger of √p̂ and ε: it is their sum, √p̂ + ε.",
            ("(np.sqrt(p_hat) + eps)", "np.maximum(np.sqrt(p_hat), eps)"),
        ),
        "own-eps": own_epsilon(
            "(np.sqrt(p_hat) + eps)", "(np.sqrt(p_hat) + {})", "np.sqrt(p_hat + {})"
        ),
        "both-in-one-list": edit(
            "Your function returns two values, (theta, [r, p]): return r and p one by one, as they "
            "came in.",
            ("eps), r, p", "eps), [r, p]"),
        ),
        "square-missing": edit(
            "Your p is a mean of |g|: it is a mean of squares, p ← γ₂p + (1 − γ₂)g².",
            ("grad**2", "np.abs(grad)"),
        ),
        "weights-swapped": edit(
            "Your means have their weights swapped: γ weighs the OLD value, r ← γ₁r + (1 − γ₁)g, "
            "and p likewise.",
            ("gamma1 * r + (1 - gamma1) * grad", "(1 - gamma1) * r + gamma1 * grad"),
            ("gamma2 * p + (1 - gamma2) * grad**2", "(1 - gamma2) * p + gamma2 * grad**2"),
        ),
        "other-convention": edit(
            "Your γ weighs the new value, in the means and in the corrections: a consistent "
            "convention (an early draft of the paper has it), but in this course γ weighs the old "
            "value, r ← γ₁r + (1 − γ₁)g, corrected by 1 − γ₁ᵗ.",
            ("gamma1 * r + (1 - gamma1) * grad", "(1 - gamma1) * r + gamma1 * grad"),
            ("gamma2 * p + (1 - gamma2) * grad**2", "(1 - gamma2) * p + gamma2 * grad**2"),
            ("gamma1**t", "(1 - gamma1) ** t"),
            ("gamma2**t", "(1 - gamma2) ** t"),
        ),
        "gammas-swapped": edit(
            "Your decay rates are swapped: γ₁ belongs to r, the mean of gradients, and γ₂ to p, "
            "the mean of squares.",
            ("gamma1 * r + (1 - gamma1) * grad", "gamma2 * r + (1 - gamma2) * grad"),
            ("gamma2 * p + (1 - gamma2) * grad**2", "gamma1 * p + (1 - gamma1) * grad**2"),
            ("gamma1**t", "gamma2**t"),
            ("gamma2**t", "gamma1**t"),
        ),
        "new-weights-missing": edit(
            "Your r and p are sums, γr + g: Adam keeps means, so the new value has the weight "
            "1 − γ.",
            ("(1 - gamma1) * grad", "grad"),
            ("(1 - gamma2) * grad**2", "grad**2"),
        ),
        "gradient-for-the-mean": edit(
            "Your step has the gradient g on top, which makes this a corrected RMSProp: Adam's "
            "step is α r̂/(√p̂ + ε).",
            ("lr * r_hat", "lr * grad"),
        ),
        "uphill": edit("Your step adds v and so climbs: θ ← θ − v.", ("theta - lr", "theta + lr")),
        "old-moments-used": old_moments_used,
        "old-moments-returned": old_moments_returned,
        "moments-exchanged": edit(
            "Your function returns p before r: the order is theta, r, p.",
            ("eps), r, p", "eps), p, r"),
        ),
        "theta-alone": edit(
            "Your function returns θ alone: return (theta, r, p), or the means are lost after "
            "each step.",
            ("eps), r, p", "eps)"),
        ),
        "in-place": in_place,
    },
)
