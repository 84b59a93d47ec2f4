"""One step with momentum."""

from autograder import reference
from autograder.definition import Exercise, edit, mistake

from .steps import checks


@mistake
def in_place(theta, v, grad, lr, mu):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): compute
    new arrays."""
    v *= mu
    v += lr * grad
    theta -= v
    return theta, v


EXERCISE = Exercise(
    "momentum_step",
    title="One step with momentum",
    minutes=10,
    section="momentum.md#the-rule",
    parameters=("theta", "v", "grad", "lr", "mu"),
    returns=("theta", "v"),
    reference=reference.momentum_step,
    checks=checks("grad"),
    mistakes={
        "uphill": edit(
            "Your step adds the velocity and so climbs: in this course v is what is subtracted, "
            "θ ← θ − v.",
            ("theta - v", "theta + v"),
        ),
        "rate-outside": edit(
            "Your function keeps v ← μv + g and steps by αv: that is torch.optim's convention, "
            "which differs as soon as α changes; the course has the rate inside, v ← μv + αg.",
            ("lr * grad", "grad"),
            ("theta - v", "theta - lr * v"),
        ),
        "averaged": edit(
            "Your velocity is an exponential average, μv + (1 − μ)αg: that convention takes "
            "steps 1 − μ times as long; the course adds the whole αg, v ← μv + αg.",
            ("lr * grad", "(1 - mu) * lr * grad"),
        ),
        "averaged-rate-outside": edit(
            "Your velocity is an exponential average of gradients, μv + (1 − μ)g, with the rate "
            "applied outside: the course has v ← μv + αg and θ ← θ − v.",
            ("lr * grad", "(1 - mu) * grad"),
            ("theta - v", "theta - lr * v"),
        ),
        "rate-on-both": edit(
            "Your function multiplies the old velocity by the learning rate, too: the rate "
            "belongs to the gradient only, v ← μv + αg.",
            ("mu * v + lr * grad", "lr * (mu * v + grad)"),
        ),
        "velocity-of-opposite-sign": edit(
            "Your function has v ← μv − αg and θ ← θ + v: that is the textbook's convention (L3 to "
            "L5), whose v has the opposite sign; the course has v ← μv + αg and θ ← θ − v.",
            ("mu * v + lr", "mu * v - lr"),
            ("theta - v", "theta + v"),
        ),
        "gradient-subtracted": edit(
            "Your function subtracts twice, v ← μv − αg and θ ← θ − v, and so climbs: "
            "v ← μv + αg, θ ← θ − v.",
            ("mu * v + lr", "mu * v - lr"),
        ),
        "no-momentum": edit(
            "Your function forgets the old velocity, so that this is plain gradient descent: "
            "v ← μv + αg.",
            ("mu * v + ", ""),
        ),
        "old-velocity-returned": edit(
            "Your θ is right, but you return the old velocity: nothing would accumulate. "
            "Return the new v.",
            ("v = mu * v + lr * grad", "v_new = mu * v + lr * grad"),
            ("theta - v", "theta - v_new"),
        ),
        "old-velocity-used": edit(
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            ("v = mu * v + lr * grad", "v_new = mu * v + lr * grad"),
            ("theta - v, v", "theta - v, v_new"),
        ),
        "velocity-not-returned": edit(
            "Your function returns θ alone: return both, (theta, v), or the velocity is lost "
            "after each step.",
            ("theta - v, v", "theta - v"),
        ),
        "torch-nesterov": edit(
            "Your function is NAG as torch.optim has it, with θ − α(g + μv) for v ← μv + g: here "
            "momentum without a lookahead is asked for, and the rate is inside, v ← μv + αg and "
            "θ ← θ − v.",
            ("lr * grad", "grad"),
            ("theta - v", "theta - lr * (mu * v + grad)"),
        ),
        "next-lookahead": edit(
            "Your function subtracts αg + μv with the new v: that is a form of NAG; momentum "
            "subtracts the new v alone.",
            ("theta - v", "theta - (mu * v + lr * grad)"),
        ),
        "other-order": edit(
            "Your function returns (v, theta): the order is (theta, v), that of the arguments.",
            ("theta - v, v", "v, theta - v"),
        ),
        "in-place": in_place,
    },
)
