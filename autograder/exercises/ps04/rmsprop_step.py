"""One step of RMSProp."""

from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    Steps,
    away_from_zero,
    case_maker,
    drawn_layouts,
    layouts,
    normals,
    spread,
)

from ..epsilons import ROOT_AND_EPSILON

case = case_maker("theta", "r", "grad", "lr", "gamma", "eps", feedback=("theta", "r"))

THETA, R, GRAD = [1, -2], [4, 0.25], [1.5, -2]
ROW = ([1, 2], [3, 4], [5, 6])
USUAL = (0.1, 0.9, 1e-8)


def run(label: str, theta: Any, steps: Steps, eps: float = 1e-8) -> Case:
    """Steps from r zero."""
    zero = np.zeros(len(theta))
    return case(label, theta, zero, zero, 0.1, 0.9, eps, steps=steps)


def first(rng: Rng) -> list[Case]:
    lr, gamma = rng.uniform(0.05, 0.5), rng.uniform(0.8, 0.95)

    def drawn(label: str, grad: Array, eps: float = 1e-8) -> Case:
        return case(label, rng.normal(size=len(grad)), 0 * grad, grad, lr, gamma, eps)

    return [
        drawn("r zero", away_from_zero(rng, 4)),
        drawn("r zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        drawn("all gradients zero", np.zeros(3)),
        drawn("tiny gradients", away_from_zero(rng, 3) * 2e-8),
        drawn("a large ε", away_from_zero(rng, 4), 0.5 + lr),
    ]


def later(rng: Rng) -> list[Case]:
    lr, gamma = rng.uniform(0.05, 0.5), rng.uniform(0.8, 0.95)
    theta, r, grad = rng.normal(size=4), rng.uniform(0.1, 3, 4), away_from_zero(rng, 4)
    return [
        case("some r", theta, r, grad, lr, gamma, 1e-8),
        case("a large ε", theta, r, grad, lr, gamma, 0.5 + lr),
        case("tiny gradients", theta, r * 1e-16, grad * 1e-8, lr, gamma, 1e-8),
        case("huge gradients", theta, r * 1e6, grad * 1e3, lr, gamma, 1e-8),
        case("gradient zero", theta, r, np.zeros(4), lr, gamma, 1e-8),
        case("nothing kept", theta, r, grad, lr, 0.0, 1e-8),
        case("learning rate zero", theta, r, grad, 0.0, gamma, 1e-8),
    ]


def several(rng: Rng) -> list[Case]:
    def drawn(label: str, sizes: list[float], eps: float = 1e-8, **columns: list[float]) -> Case:
        theta, grads = rng.normal(size=3), rng.normal(size=(len(sizes), 3))
        return run(label, theta, {"grad": grads * np.array(sizes)[:, None], **columns}, eps)

    return [
        drawn("six gradients", [1] * 6, 0.1),
        drawn("falling rate", [1] * 6, lr=[1 / (t + 1) for t in range(6)]),
        drawn("one large gradient, then small ones", [1e3, 1, 1, 1]),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def three(*shape: int) -> list[Array]:
        theta, grad = normals(rng, 2, *shape)
        return [theta, np.asarray(rng.uniform(0.1, 2, shape)), grad]

    return drawn_layouts(case, three, (0.2, 0.8, 1e-3))


def scaled(theta: Any, gradients: Any) -> list[Case]:
    return [
        run(f"{when} a {label} factor", theta, {"grad": np.multiply(c, gradients)}, 0.0)
        for label, scale in (("small", 1e-6), ("large", 1e3))
        for when, c in (("before", 1.0), ("after", scale))
    ]


@mistake
def in_place(theta, r, grad, lr, gamma, eps):
    """Your function changes its arguments in place (`*=`, `+=` and `-=` do that to arrays): compute
    new arrays."""
    r *= gamma
    r += (1 - gamma) * grad**2
    theta -= lr * grad / (np.sqrt(r) + eps)
    return theta, r


EXERCISE = Exercise(
    "rmsprop_step",
    title="One step of RMSProp",
    minutes=10,
    section="rmsprop.md#the-rule",
    parameters=("theta", "r", "grad", "lr", "gamma", "eps"),
    returns=("theta", "r"),
    reference=reference.rmsprop_step,
    checks={
        "the first step": Check(
            points=1,
            public=[
                case("r zero", THETA, [0, 0], [0.5, -4], *USUAL),
                case(
                    "gradients from 0 to 1000",
                    *([1, 2, 3, 4, 5], np.zeros(5), [0, 1e-8, -1, 30, 1e3]),
                    *(0.5, 0.9, 1e-8),
                ),
                case("a large ε", THETA, [0, 0], [0.5, -4], 0.1, 0.8, 0.5),
            ],
            held_out=first,
        ),
        "a later step": Check(
            points=2,
            public=[
                case("some r", THETA, R, GRAD, *USUAL),
                case("a large ε", THETA, R, GRAD, 0.1, 0.9, 0.5),
                case("tiny gradients", THETA, [4e-16, 1e-16], np.multiply(GRAD, 1e-8), *USUAL),
                case("gradient zero", THETA, [4, 0], [0, 0], *USUAL),
                case("nothing kept", THETA, R, GRAD, 0.1, 0.0, 1e-8),
                case("learning rate zero", THETA, R, GRAD, 0.0, 0.9, 1e-8),
            ],
            held_out=later,
        ),
        "several steps, shapes and memory layouts": Check(
            points=1,
            public=[
                run(
                    "four gradients, falling rate, a large ε",
                    THETA,
                    {"grad": [[3, 4], [-4, 3], [0, -12], [1, 0]], "lr": [0.5, 0.25, 0.25, 0.1]},
                    eps=0.1,
                ),
                run(
                    "one large gradient, then small ones",
                    THETA,
                    {"grad": [[1e3, -2e3], [1, -2], [1, -2]]},
                ),
                *layouts(
                    case,
                    (0.2, 0.9, 1e-8),
                    number=(2, 9, -4),
                    two_d=([[1, 2], [3, 4]], np.ones((2, 2)), [[0, 1], [-1, 2]]),
                    three_d=[np.full((2, 1, 2), x) for x in (1.0, 1.0, 3.0)],
                    strided=ROW,
                    readonly=ROW,
                ),
            ],
            held_out=lambda rng: [*several(rng), *in_memory(rng)],
        ),
        "the scale of the gradients does not matter": Check(
            points=1,
            public=scaled(THETA, [[3, -1], [-4, 2], [1, 1]]),
            held_out=lambda rng: scaled(rng.normal(size=3), away_from_zero(rng, 4, 3)),
            relation="same_for_scaled_gradients",
        ),
    },
    mistakes={
        "climbs": edit(
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − αg/(√r + ε).",
            ("theta - ", "theta + "),
        ),
        "keep-drop-swapped": edit(
            "Your γ is the weight of the new square: in this course a decay rate is the weight of "
            "the old value, r ← γr + (1 − γ)g².",
            ("gamma * r + (1 - gamma) * grad**2", "(1 - gamma) * r + gamma * grad**2"),
        ),
        "adds-up": edit(
            "Your r adds up all squares: that is AdaGrad; RMSProp lets old ones fade, "
            "r ← γr + (1 − γ)g².",
            ("gamma * r + (1 - gamma) * grad**2", "r + grad**2"),
        ),
        "whole-square": edit(
            "Your r adds the whole g²: then it is no mean, but 1/(1 − γ) times too large; "
            "r ← γr + (1 − γ)g².",
            ("(1 - gamma) * ", ""),
        ),
        "starts-at-the-first-gradient": edit(
            "Your r is g² at once where it was zero: that convention (L4's start) exists, and its "
            "first step is shorter by the factor √(1 − γ); the course starts from r = 0 and "
            "applies r ← γr + (1 − γ)g² always.",
            (
                "gamma * r + (1 - gamma) * grad**2",
                "np.where(r == 0, grad**2, gamma * r + (1 - gamma) * grad**2)",
            ),
        ),
        "root-kept": edit(
            "Your function keeps and returns the root: that convention (L4's σ) takes the root "
            "mean square as its state; the course keeps r, the mean of the squares itself.",
            ("gamma * r + (1 - gamma) * grad**2", "np.sqrt(gamma * r**2 + (1 - gamma) * grad**2)"),
            ("(np.sqrt(r) + eps)", "(r + eps)"),
        ),
        "theta-squared": edit(
            "Your r averages θ²: it is the gradient that is squared, r ← γr + (1 − γ)g².",
            ("grad**2", "theta**2"),
        ),
        "not-squared": edit(
            "Your r averages |g| and then takes the root: average the squares, r ← γr + (1 − γ)g².",
            ("grad**2", "np.abs(grad)"),
        ),
        "mean-of-sizes": edit(
            "Your function divides by a running mean of |g|: the course averages the squares and "
            "divides by the root, √r + ε.",
            ("grad**2", "np.abs(grad)"),
            ("np.sqrt(r)", "r"),
        ),
        "old-r-returned": edit(
            "Your θ is right, but you return the old r: it would stay zero. Return the new r.",
            ("r = gamma", "new = gamma"),
            ("np.sqrt(r)", "np.sqrt(new)"),
            ("eps), r", "eps), r.copy()"),
        ),
        "old-r-used": edit(
            "Your step divides by the root of the old r: compute the new r first. From r = 0 your "
            "first step is enormous.",
            ("r = gamma", "new = gamma"),
            ("eps), r", "eps), new"),
        ),
        "epsilon-inside": edit(
            "Your function has ε inside the root, √(r + ε): that convention exists (L3), and "
            "shortens the steps of small gradients a great deal; the course has √r + ε.",
            ("(np.sqrt(r) + eps)", "np.sqrt(r + eps)"),
        ),
        **ROOT_AND_EPSILON,
        "one-for-all": edit(
            "Your r averages over the weights, too: each weight has its own running mean of its "
            "own squares.",
            ("grad**2", "np.mean(grad**2)"),
        ),
        "theta-alone": edit(
            "Your function returns θ alone: return both, (theta, r), or the running mean is lost "
            "after each step.",
            ("eps), r", "eps)"),
        ),
        "in-place": in_place,
    },
)
