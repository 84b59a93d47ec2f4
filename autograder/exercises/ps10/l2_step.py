"""One step with an L2 penalty."""

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from .penalties import CHECKS, PARAMETERS, STATE


@mistake
def in_place(w, b, grad_w, grad_b, lr, lam):
    """Your function changes `w` in place (`*=` and `-=` do that to arrays): compute the new weights
    as a new array."""
    w *= 1 - lr * lam
    w -= lr * grad_w
    return w, b - lr * grad_b


EXERCISE = Exercise(
    "l2_step",
    title="One step with an L2 penalty",
    minutes=10,
    section="regularization.md#the-rule",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.l2_step,
    checks=CHECKS,
    mistakes={
        "biases-decayed": edit(
            "Your function shrinks the biases, too: the course's penalty is on the weights only; "
            "b ← b − αg.",
            ("b - lr", "(1 - lr * lam) * b - lr"),
        ),
        "factor-two": edit(
            "Your decay is twice as strong, 1 − 2αλ: the course's penalty is ½λΣw², with a ½ that "
            "cancels the 2.",
            ("1 - lr", "1 - 2 * lr"),
        ),
        "decay-without-rate": edit(
            "Your decay is 1 − λ, without the learning rate: that is the convention of decoupled "
            "weight decay; the course follows the gradient of the penalty, 1 − αλ.",
            ("lr * lam", "lam"),
        ),
        "growing": edit(
            "Your weights grow, 1 + αλ: the step subtracts the gradient λw of the penalty, so it "
            "is 1 − αλ.",
            ("1 - lr", "1 + lr"),
        ),
        "penalty-forgotten": edit(
            "Your function forgets the penalty: w ← (1 − αλ)w − αg.", ("(1 - lr * lam) * w", "w")
        ),
        "decay-after-the-step": edit(
            "Your function shrinks the weights after the step, gradient and all: shrink the old "
            "weights only, (1 − αλ)w − αg.",
            ("w - lr * grad_w", "(w - lr * grad_w)"),
        ),
        "absolute-penalty-instead": edit(
            "Your function subtracts αλ sign(w), which is the L1 penalty: the gradient of the L2 "
            "penalty is λw.",
            ("(1 - lr * lam) * w - lr * grad_w", "w - lr * grad_w - lr * lam * np.sign(w)"),
        ),
        "norm-not-squared": edit(
            "Your function uses the gradient w/‖w‖ of the norm: the penalty is the squared norm "
            "(the lecture's slide writes ‖θ‖₂ for it), whose gradient with the ½ is w.",
            ("(1 - lr * lam) * w - lr * grad_w", "w - lr * (grad_w + lam * w / np.linalg.norm(w))"),
        ),
        "uphill": edit(
            "Your step adds the gradient and so climbs: w ← (1 − αλ)w − αg.",
            ("w - lr", "w + lr"),
            ("b - lr", "b + lr"),
        ),
        "swapped": edit(
            "Your function returns the biases first: return the weights, then the biases.",
            (
                "(1 - lr * lam) * w - lr * grad_w, b - lr * grad_b",
                "b - lr * grad_b, (1 - lr * lam) * w - lr * grad_w",
            ),
        ),
        "biases-frozen": edit(
            "Your function leaves the biases as they were: they have no penalty, but they take "
            "their step, b ← b − αg.",
            ("b - lr * grad_b", "b"),
        ),
        "gradient-decayed": edit(
            "Your function shrinks the gradient in place of the weights: w ← (1 − αλ)w − αg.",
            ("(1 - lr * lam) * w - lr * grad_w", "w - lr * (1 - lr * lam) * grad_w"),
        ),
        "in-place": in_place,
    },
)
