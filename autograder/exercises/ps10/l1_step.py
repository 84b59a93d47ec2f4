"""One step with an L1 penalty."""

import numpy as np

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from .penalties import CHECKS, PARAMETERS, STATE


@mistake
def sign_of_the_new_weight(w, b, grad_w, grad_b, lr, lam):
    """Your function takes the sign after the gradient step: the gradient of the penalty is taken at
    the old w, like that of the loss."""
    new = w - lr * grad_w
    return new - lr * lam * np.sign(new), b - lr * grad_b


@mistake
def soft_threshold(w, b, grad_w, grad_b, lr, lam):
    """Your function is the proximal step (soft thresholding), another convention that stops at
    zero: the course takes the plain step w − αg − αλ sign(w)."""
    new = w - lr * grad_w
    return np.sign(new) * np.maximum(np.abs(new) - lr * lam, 0), b - lr * grad_b


@mistake
def in_place(w, b, grad_w, grad_b, lr, lam):
    """Your function changes `w` in place (`-=` does that to arrays): compute the new weights as a
    new array."""
    w -= lr * (grad_w + lam * np.sign(w))
    return w, b - lr * grad_b


EXERCISE = Exercise(
    "l1_step",
    title="One step with an L1 penalty",
    minutes=10,
    section="regularization.md#l1-makes-zeros",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.l1_step,
    checks=CHECKS,
    mistakes={
        "biases-penalized": edit(
            "Your function penalizes the biases, too: the course's penalty is on the weights "
            "only; b ← b − αg.",
            ("grad_b", "(grad_b + lam * np.sign(b))"),
        ),
        "growing": edit(
            "Your penalty pushes weights away from zero: subtract αλ sign(w).",
            ("(grad_w + lam * np.sign(w))", "grad_w + lr * lam * np.sign(w)"),
        ),
        "penalty-forgotten": edit(
            "Your function forgets the penalty: w ← w − αg − αλ sign(w).",
            ("(grad_w + lam * np.sign(w))", "grad_w"),
        ),
        "penalty-without-rate": edit(
            "Your penalty lacks the learning rate: it is part of the gradient, αλ sign(w).",
            ("(grad_w + lam * np.sign(w))", "grad_w - lam * np.sign(w)"),
        ),
        "no-sign": edit(
            "Your function subtracts αλ from every weight, which drives negative ones away from "
            "zero: subtract αλ sign(w).",
            ("(grad_w + lam * np.sign(w))", "grad_w - lr * lam"),
        ),
        "sign-of-the-gradient": edit(
            "Your function takes the sign of the gradient: the penalty has the sign of the "
            "weight, αλ sign(w).",
            ("(grad_w + lam * np.sign(w))", "grad_w - lr * lam * np.sign(grad_w)"),
        ),
        "sign-of-the-new-weight": sign_of_the_new_weight,
        "zero-counts-as-positive": edit(
            "Your function treats a weight of zero as positive: sign(0) = 0, a weight that is "
            "zero is not pushed.",
            ("np.sign(w)", "np.where(w >= 0, 1, -1)"),
        ),
        "soft-threshold": soft_threshold,
        "squared-penalty-instead": edit(
            "Your function shrinks weights in proportion, which is the L2 penalty: L1 takes the "
            "same amount αλ from all of them.",
            ("w - lr * (grad_w + lam * np.sign(w))", "(1 - lr * lam) * w - lr * grad_w"),
        ),
        "absolute-value": edit(
            "Your function uses |w| as the gradient: |w| is the penalty itself, its derivative is "
            "sign(w).",
            ("np.sign", "np.abs"),
        ),
        "swapped": edit(
            "Your function returns the biases first: return the weights, then the biases.",
            (
                "w - lr * (grad_w + lam * np.sign(w)), b - lr * grad_b",
                "b - lr * grad_b, w - lr * (grad_w + lam * np.sign(w))",
            ),
        ),
        "biases-frozen": edit(
            "Your function leaves the biases as they were: they have no penalty, but they take "
            "their step, b ← b − αg.",
            ("b - lr * grad_b", "b"),
        ),
        "in-place": in_place,
    },
)
