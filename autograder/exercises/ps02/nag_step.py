"""One step of NAG."""

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from .steps import checks


@mistake
def in_place(theta, v, grad_at_lookahead, lr, mu):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): compute
    new arrays."""
    v *= mu
    v += lr * grad_at_lookahead
    theta -= v
    return theta, v


EXERCISE = Exercise(
    "nag_step",
    title="One step of NAG",
    minutes=10,
    section="momentum.md#the-rule",
    parameters=("theta", "v", "grad_at_lookahead", "lr", "mu"),
    returns=("theta", "v"),
    reference=reference.nag_step,
    checks=checks("grad_at_lookahead"),
    mistakes={
        "momentum-missing": edit(
            "Your velocity is αf'(y) alone, as the lecture's slide prints it: the term μv is "
            "missing there, so no momentum accumulates; v ← μv + αf'(y).",
            ("mu * v + ", ""),
        ),
        "gradient-step-at-lookahead-only": edit(
            "Your θ is right, but your velocity is the gradient step αf'(y) alone: the new v is "
            "the whole step, μv + αf'(y).",
            ("v = mu * v + lr * grad_at_lookahead", "v_new = lr * grad_at_lookahead"),
            ("theta - v, v", "theta - mu * v - v_new, v_new"),
        ),
        "from-lookahead": edit(
            "Your step starts at the lookahead y and subtracts the whole new v, so μv counts "
            "twice: either θ − v with the new v, or y − αf'(y).",
            ("v = mu", "y = theta - mu * v\n    v = mu"),
            ("theta - v", "y - v"),
        ),
        "next-lookahead": edit(
            "Your function returns θ − (μv + αg) with the new v: that is the form of torch.optim, "
            "which holds the lookahead y instead of θ; the course returns θ − v.",
            ("theta - v", "theta - (mu * v + lr * grad_at_lookahead)"),
        ),
        "torch-nesterov": edit(
            "Your function is that of torch.optim, v ← μv + g and θ − α(g + μv): it keeps the rate "
            "outside and holds the lookahead y instead of θ; the course has v ← μv + αf'(y) and "
            "θ ← θ − v.",
            ("lr * grad_at_lookahead", "grad_at_lookahead"),
            ("theta - v", "theta - lr * (mu * v + grad_at_lookahead)"),
        ),
        "other-order": edit(
            "Your function returns (v, theta): the order is (theta, v), that of the arguments.",
            ("theta - v, v", "v, theta - v"),
        ),
        "uphill": edit(
            "Your step adds the velocity and so climbs: θ ← θ − v.", ("theta - v", "theta + v")
        ),
        "rate-outside": edit(
            "Your function keeps v ← μv + g and steps by αv: that is torch.optim's convention, "
            "which differs as soon as α changes; the course has the rate inside, v ← μv + αf'(y).",
            ("lr * grad_at_lookahead", "grad_at_lookahead"),
            ("theta - v", "theta - lr * v"),
        ),
        "averaged": edit(
            "Your velocity is an exponential average, μv + (1 − μ)αg: the course adds the whole "
            "αf'(y), v ← μv + αf'(y).",
            ("lr * grad_at_lookahead", "(1 - mu) * lr * grad_at_lookahead"),
        ),
        "velocity-of-opposite-sign": edit(
            "Your function has v ← μv − αg and θ ← θ + v: that is the textbook's convention (L3, "
            "L5), whose v has the opposite sign; the course has v ← μv + αf'(y) and θ ← θ − v.",
            ("mu * v + lr", "mu * v - lr"),
            ("theta - v", "theta + v"),
        ),
        "old-velocity-returned": edit(
            "Your θ is right, but you return the old velocity: return the new v.",
            ("v = mu * v + lr * grad_at_lookahead", "v_new = mu * v + lr * grad_at_lookahead"),
            ("theta - v", "theta - v_new"),
        ),
        "old-velocity-used": edit(
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            ("v = mu * v + lr * grad_at_lookahead", "v_new = mu * v + lr * grad_at_lookahead"),
            ("theta - v, v", "theta - v, v_new"),
        ),
        "in-place": in_place,
    },
)
