"""One step of AdaDelta."""

from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    away_from_zero,
    case_maker,
    drawn_layouts,
    layouts,
    normals,
    spread,
)

from ..epsilons import own_epsilon

PARAMETERS = ("theta", "r", "p", "grad", "lr", "gamma1", "gamma2", "eps")
STATE = ("theta", "r", "p")

case = case_maker(*PARAMETERS, feedback=STATE)

THETA, R, P, GRAD = [1, -2], [4, 0.25], [0.09, 1], [1.5, -2]
SOME = (THETA, R, P)
USUAL = (1.0, 0.9, 0.8, 1e-6)
SQUARES = ([[1, 2], [3, 4]], np.ones((2, 2)), np.full((2, 2), 0.5), [[0, 1], [-1, 2]])
ROW = ([1, 2], [3, 4], [5, 6], [7, 8])


def run(label: str, theta: Any, p: Any, grads: Any, lr: float, eps: float) -> Case:
    """Steps from r zero."""
    zero = np.zeros(len(theta))
    return case(label, theta, zero, p, zero, lr, 0.9, 0.8, eps, steps={"grad": grads})


def first(rng: Rng) -> list[Case]:
    gammas = rng.uniform(0.9, 0.97), rng.uniform(0.7, 0.85)

    def drawn(label: str, grad: Array, lr: float = 1.0, eps: float = 1e-6) -> Case:
        zero = 0 * grad
        return case(label, rng.normal(size=len(grad)), zero, zero, grad, lr, *gammas, eps)

    return [
        drawn("r and p zero", away_from_zero(rng, 4)),
        drawn("r and p zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        drawn("all gradients zero", np.zeros(3)),
        drawn("a large ε", away_from_zero(rng, 4), eps=rng.uniform(0.1, 0.2)),
        drawn("another rate", away_from_zero(rng, 4), rng.uniform(0.3, 0.6), 0.05),
    ]


def later(rng: Rng) -> list[Case]:
    gammas = rng.uniform(0.9, 0.97), rng.uniform(0.7, 0.85)
    theta, grad = rng.normal(size=4), away_from_zero(rng, 4)
    r, p = rng.uniform(0.5, 3, 4), rng.uniform(0.05, 0.5, 4)
    return [
        case("some r and p", theta, r, p, grad, 1.0, *gammas, 1e-6),
        case("a large ε", theta, r, p, grad, 1.0, *gammas, 0.1),
        case("another rate", theta, r, p, grad, 0.4, *gammas, 1e-6),
        case("tiny gradients", theta, r * 1e-16, p, grad * 1e-8, 1.0, *gammas, 1e-16),
        case("huge gradients", theta, r * 1e6, p, grad * 1e3, 1.0, *gammas, 1e-6),
        case("gradient zero", theta, r, p, np.zeros(4), 1.0, *gammas, 1e-6),
        case("learning rate zero", theta, r, p, grad, 0.0, *gammas, 1e-6),
    ]


def several(rng: Rng) -> list[Case]:
    normal, zero = rng.normal, np.zeros(3)
    return [
        run("six gradients", normal(size=3), zero, normal(size=(6, 3)), 1.0, 1e-6),
        run("another rate", normal(size=3), zero, away_from_zero(rng, 6, 3), 0.5, 0.01),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        theta, grad = normals(rng, 2, *shape)
        r, p = (np.asarray(rng.uniform(0.1, 2, shape)) for _ in range(2))
        return [theta, r, p, grad]

    return drawn_layouts(case, four, (1.0, 0.9, 0.8, 0.01))


def scaled(theta: Any, gradients: Any) -> list[Case]:
    one = np.ones(len(theta))
    return [
        run(f"{when} a {label} factor", theta, one, np.multiply(c, gradients), 1.0, 0.0)
        for label, scale in (("small", 1e-6), ("large", 1e3))
        for when, c in (("before", 1.0), ("after", scale))
    ]


@mistake
def in_place(theta, r, p, grad, lr, gamma1, gamma2, eps):
    """Your function changes its arguments in place (`*=`, `+=` and `-=` do that to arrays): compute
    new arrays."""
    r *= gamma1
    r += (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    theta -= v
    p *= gamma2
    p += (1 - gamma2) * v**2
    return theta, r, p


EXERCISE = Exercise(
    "adadelta_step",
    title="One step of AdaDelta",
    minutes=15,
    section="adadelta.md#the-rule",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.adadelta_step,
    checks={
        "the first step": Check(
            points=1,
            public=[
                case("r and p zero", THETA, [0, 0], [0, 0], [0.5, -4], 1.0, 0.95, 0.8, 1e-6),
                case(
                    "gradients from 0 to 1000",
                    *([1, 2, 3, 4, 5], np.zeros(5), np.zeros(5), [0, 1e-8, -1, 30, 1e3]),
                    *(1.0, 0.95, 0.8, 1e-6),
                ),
                case(
                    "a large ε, another rate",
                    *(THETA, [0, 0], [0, 0], [0.5, -4]),
                    *(0.5, 0.95, 0.8, 0.1),
                ),
            ],
            held_out=first,
        ),
        "a later step": Check(
            points=2,
            public=[
                case("some r and p", *SOME, GRAD, *USUAL),
                case("a large ε", *SOME, GRAD, 1.0, 0.9, 0.8, 0.1),
                case("another rate", *SOME, GRAD, 0.5, 0.9, 0.8, 1e-6),
                case(
                    "tiny gradients",
                    *(THETA, np.multiply(R, 1e-16), P, np.multiply(GRAD, 1e-8)),
                    *(1.0, 0.9, 0.8, 1e-16),
                ),
                case("gradient zero", THETA, [4, 0], P, [0, 0], *USUAL),
                case("learning rate zero", *SOME, GRAD, 0.0, 0.9, 0.8, 1e-6),
            ],
            held_out=later,
        ),
        "several steps, shapes and memory layouts": Check(
            points=1,
            public=[
                run(
                    "three gradients, another rate, a large ε",
                    *(THETA, [0, 0], [[3, 4], [-4, 3], [1, -12]]),
                    *(0.5, 0.01),
                ),
                *layouts(
                    case,
                    (1.0, 0.9, 0.8, 0.01),
                    number=(2, 9, 0.5, -4),
                    two_d=SQUARES,
                    three_d=[np.full((2, 1, 2), x) for x in (1.0, 2.0, 0.5, 3.0)],
                    strided=ROW,
                    readonly=ROW,
                ),
            ],
            held_out=lambda rng: [*several(rng), *in_memory(rng)],
        ),
        "the scale of the gradients does not matter": Check(
            points=1,
            public=scaled(THETA, [[3, -1], [-4, 2]]),
            held_out=lambda rng: scaled(rng.normal(size=3), away_from_zero(rng, 3, 3)),
            relation="same_for_scaled_gradients",
        ),
    },
    mistakes={
        "climbs": edit(
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − v.",
            ("theta - v", "theta + v"),
        ),
        "v-kept": edit(
            "Your p keeps γ₂v, as the lecture's slide (L1) prints it: it is the old p that fades, "
            "p ← γ₂p + (1 − γ₂)v².",
            ("gamma2 * p + (1 - gamma2) * v**2", "(1 - gamma2) * v**2 + gamma2 * v"),
        ),
        "p-of-gradients": edit(
            "Your p averages the squared gradients: it averages the squared steps, "
            "p ← γ₂p + (1 − γ₂)v².",
            ("v**2", "grad**2"),
        ),
        "p-of-theta": edit(
            "Your p averages the squared parameters: it averages the squared steps, "
            "p ← γ₂p + (1 − γ₂)v².",
            ("v**2", "theta**2"),
        ),
        "epsilon-outside": edit(
            "Your function has ε outside the roots, as RMSProp does in this course: AdaDelta has "
            "it inside both, √(p + ε)/√(r + ε), and starts much more slowly otherwise.",
            ("np.sqrt(p + eps)", "(np.sqrt(p) + eps)"),
            ("np.sqrt(r + eps)", "(np.sqrt(r) + eps)"),
        ),
        "epsilon-below-only": edit(
            "Your function has ε in the denominator only: from p = 0 the step is then 0 for ever; "
            "√(p + ε)/√(r + ε).",
            ("p + eps", "p"),
        ),
        "epsilon-above-only": edit(
            "Your function has ε in the numerator only, so a gradient that has always been zero "
            "gives 0/0: √(p + ε)/√(r + ε).",
            ("r + eps", "r"),
        ),
        "no-numerator": edit(
            "Your step leaves √(p + ε) out, so that it is RMSProp's and has not the units of θ: "
            "v = α √(p + ε)/√(r + ε) · g.",
            ("np.sqrt(p + eps) / np.sqrt(r + eps) * grad", "grad / np.sqrt(r + eps)"),
        ),
        "inverted": edit(
            "Your fraction is upside down: past steps go above, past gradients below, "
            "√(p + ε)/√(r + ε).",
            ("p + eps", "r + eps"),
            ("r + eps", "p + eps"),
        ),
        "no-roots": edit(
            "Your fraction has no roots: √(p + ε)/√(r + ε), so that the units of the gradient "
            "cancel and those of θ remain.",
            ("np.sqrt(p + eps)", "(p + eps)"),
            ("np.sqrt(r + eps)", "(r + eps)"),
        ),
        "old-r-used": edit(
            "Your step divides by the root of the old r: r is updated before the step, p after it.",
            ("r = gamma1", "new = gamma1"),
            ("v, r, p", "v, new, p"),
        ),
        "old-r-returned": edit(
            "Your θ and p are right, but you return the old r: it would stay zero. Return the "
            "new r.",
            ("r = gamma1", "new = gamma1"),
            ("r + eps", "new + eps"),
            ("v, r, p", "v, r.copy(), p"),
        ),
        "old-p-returned": edit(
            "Your θ and r are right, but you return the old p: it would stay zero. Return the "
            "new p.",
            ("gamma2 * p + (1 - gamma2) * v**2", "p.copy()"),
        ),
        "keep-drop-swapped": edit(
            "Your decay rates are the weights of the new squares: in this course a decay rate is "
            "the weight of the old value, r ← γ₁r + (1 − γ₁)g², and p likewise.",
            ("gamma1 * r + (1 - gamma1) * grad**2", "(1 - gamma1) * r + gamma1 * grad**2"),
            ("gamma2 * p + (1 - gamma2) * v**2", "(1 - gamma2) * p + gamma2 * v**2"),
        ),
        "rates-exchanged": edit(
            "Your function has γ₁ and γ₂ exchanged: γ₁ belongs to r, γ₂ to p.",
            ("gamma1 * r + (1 - gamma1) * grad**2", "gamma2 * r + (1 - gamma2) * grad**2"),
            ("gamma2 * p + (1 - gamma2) * v**2", "gamma1 * p + (1 - gamma1) * v**2"),
        ),
        "one-rate": edit(
            "Your function uses γ₁ for p, too, as the paper and torch.optim do with their one "
            "rate: in this course p has its own, γ₂.",
            ("gamma2 * p + (1 - gamma2) * v**2", "gamma1 * p + (1 - gamma1) * v**2"),
        ),
        "one-rate-and-no-alpha": edit(
            "Your function is that of the paper, with one decay rate and no α: here p fades with "
            "its own rate γ₂, and the whole step is multiplied by α.",
            ("lr * ", ""),
            ("gamma2 * p + (1 - gamma2) * v**2", "gamma1 * p + (1 - gamma1) * v**2"),
        ),
        "own-epsilon": own_epsilon(
            "np.sqrt(p + eps) / np.sqrt(r + eps)",
            "np.sqrt(p + {0}) / np.sqrt(r + {0})",
            "(np.sqrt(p) + {0}) / (np.sqrt(r) + {0})",
        ),
        "rate-outside": edit(
            "Your p averages the steps before they are multiplied by α: that is torch.optim's "
            "convention, the same for α = 1; in this course v contains α, v = α √(p + ε)/√(r + ε) "
            "· g.",
            ("lr * ", ""),
            ("theta - v", "theta - lr * v"),
        ),
        "rate-left-out": edit(
            "Your function leaves the rate α out: v = α √(p + ε)/√(r + ε) · g.", ("lr * ", "")
        ),
        "adds-up": edit(
            "Your r and p add up all squares, as AdaGrad does: AdaDelta lets old ones fade, "
            "r ← γ₁r + (1 − γ₁)g², p ← γ₂p + (1 − γ₂)v².",
            ("gamma1 * r + (1 - gamma1) * grad**2", "r + grad**2"),
            ("gamma2 * p + (1 - gamma2) * v**2", "p + v**2"),
        ),
        "other-order": edit(
            "Your function returns (theta, p, r): the order is (theta, r, p), that of the "
            "arguments.",
            ("v, r, p", "v, p, r"),
        ),
        "in-place": in_place,
    },
)
