"""RMSProp with Nesterov's momentum."""

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

from ..epsilons import ROOT_AND_EPSILON

PARAMETERS = ("theta", "v", "r", "grad_at_lookahead", "lr", "mu", "gamma", "eps")
STATE = ("theta", "v", "r")

case = case_maker(*PARAMETERS, feedback=STATE)

THETA, SPEED, R, GRAD = [1, -2], [0.3, -0.2], [4, 0.25], [1.5, -2]
MOVING = (THETA, SPEED, R)
TINY = (np.multiply(R, 1e-16), np.multiply(GRAD, 1e-8))  # r and the gradient
USUAL = (0.1, 0.8, 0.9, 1e-8)
ROW = ([1, 2], [3, 4], [5, 6], [7, 8])


def run(label: str, theta: Any, grads: Any, eps: float = 1e-8, **columns: list[float]) -> Case:
    """Steps from v and r zero."""
    zero, steps = np.zeros(len(theta)), {"grad_at_lookahead": grads, **columns}
    return case(label, theta, zero, zero, zero, 0.1, 0.8, 0.9, eps, steps=steps)


def first(rng: Rng) -> list[Case]:
    lr, gamma = rng.uniform(0.05, 0.5), rng.uniform(0.85, 0.95)

    def drawn(label: str, grad: Array, eps: float = 1e-8) -> Case:
        zero = 0 * grad
        return case(label, rng.normal(size=len(grad)), zero, zero, grad, lr, 0.7, gamma, eps)

    return [
        drawn("v and r zero", away_from_zero(rng, 4)),
        drawn("v and r zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        drawn("all gradients zero", np.zeros(3)),
        drawn("tiny gradients", away_from_zero(rng, 3) * 2e-8),
        drawn("a large ε", away_from_zero(rng, 4), 0.5 + lr),
    ]


def later(rng: Rng) -> list[Case]:
    lr, gamma = rng.uniform(0.05, 0.5), rng.uniform(0.85, 0.95)
    theta, v, r = rng.normal(size=4), away_from_zero(rng, 4), rng.uniform(0.1, 3, 4)
    grad, mu = away_from_zero(rng, 4), rng.uniform(0.5, 0.8)
    return [
        case("moving", theta, v, r, grad, lr, mu, gamma, 1e-8),
        case("a large ε", theta, v, r, grad, lr, mu, gamma, 0.5 + lr),
        case("tiny gradients", theta, v, r * 1e-16, grad * 1e-8, lr, mu, gamma, 1e-8),
        case("gradient zero", theta, v, r, np.zeros(4), lr, mu, gamma, 1e-8),
        case("momentum zero", theta, v, r, grad, lr, 0.0, gamma, 1e-8),
        case("learning rate zero", theta, v, r, grad, 0.0, mu, gamma, 1e-8),
    ]


def several(rng: Rng) -> list[Case]:
    def drawn(label: str, count: int, eps: float = 1e-8, **columns: list[float]) -> Case:
        theta = rng.normal(size=3)
        grads = [away_from_zero(rng, 3) for _ in range(count)]
        return run(label, theta, grads, eps, **columns)

    return [
        drawn("six gradients, a large ε", 6, 0.1),
        drawn("falling rate", 6, lr=[1 / (t + 1) for t in range(6)]),
        drawn("growing momentum", 5, mu=[1 - 1 / (t + 2) for t in range(5)]),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        theta, v, grad = normals(rng, 3, *shape)
        return [theta, v, np.asarray(rng.uniform(0.1, 2, shape)), grad]

    return drawn_layouts(case, four, (0.2, 0.7, 0.9, 0.1))


@mistake
def in_place(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    """Your function changes its arguments in place (`*=`, `+=` and `-=` do that to arrays): compute
    new arrays."""
    r *= gamma
    r += (1 - gamma) * grad_at_lookahead**2
    v *= mu
    v += lr * grad_at_lookahead / (np.sqrt(r) + eps)
    theta -= v
    return theta, v, r


EXERCISE = Exercise(
    "rmsprop_nesterov_step",
    title="RMSProp with Nesterov's momentum",
    minutes=15,
    section="rmsprop.md#with-nesterov-momentum",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.rmsprop_nesterov_step,
    checks={
        "the first step": Check(
            points=1,
            public=[
                case("v and r zero", THETA, [0, 0], [0, 0], [0.5, -4], *USUAL),
                case(
                    "gradients from 0 to 1000",
                    *([1, 2, 3, 4, 5], np.zeros(5), np.zeros(5), [0, 1e-8, -1, 30, 1e3]),
                    *(0.5, 0.8, 0.9, 1e-8),
                ),
                case("a large ε", THETA, [0, 0], [0, 0], [1 / 3, -4], 0.1, 0.7, 0.9, 0.5),
            ],
            held_out=first,
        ),
        "a later step": Check(
            points=2,
            public=[
                case("moving", *MOVING, GRAD, *USUAL),
                case("a large ε", *MOVING, GRAD, 0.1, 0.8, 0.9, 0.5),
                case("tiny gradients", THETA, SPEED, *TINY, *USUAL),
                case("gradient zero", THETA, SPEED, [4, 0], [0, 0], *USUAL),
                case("momentum zero", *MOVING, GRAD, 0.1, 0.0, 0.9, 1e-8),
                case("learning rate zero", *MOVING, GRAD, 0.0, 0.8, 0.9, 1e-8),
            ],
            held_out=later,
        ),
        "several steps": Check(
            points=1,
            public=[
                run(
                    "falling rate, a large ε",
                    *(THETA, [[3, 4], [-4, 3], [0, -12]], 0.1),
                    lr=[0.5, 0.25, 0.25],
                ),
                run("growing momentum", THETA, [[3, 4], [-4, 3], [1, -2]], mu=[0.5, 0.7, 0.8]),
            ],
            held_out=several,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=layouts(
                case,
                (0.2, 0.8, 0.9, 0.1),
                number=(2, 0.5, 9, -4),
                two_d=([[1, 2], [3, 4]], np.full((2, 2), 0.5), np.ones((2, 2)), [[0, 1], [-1, 2]]),
                three_d=[np.full((2, 1, 2), x) for x in (1.0, 0.5, 2.0, 3.0)],
                strided=ROW,
                readonly=ROW,
            ),
            held_out=in_memory,
        ),
    },
    mistakes={
        "climbs": edit(
            "Your step adds the velocity and so climbs: in this course v is what is subtracted, "
            "θ ← θ − v.",
            ("theta - v", "theta + v"),
        ),
        "no-momentum": edit(
            "Your function forgets the old velocity, so that this is plain RMSProp: "
            "v ← μv + αg/(√r + ε).",
            ("mu * v + ", ""),
        ),
        "no-division": edit(
            "Your velocity is that of NAG: the gradient is divided by √r + ε before it is added.",
            (" / (np.sqrt(r) + eps)", ""),
        ),
        "velocity-divided": edit(
            "Your function divides the old velocity by √r + ε, too: only the new gradient is "
            "divided, v ← μv + αg/(√r + ε).",
            ("mu * v + lr * grad_at_lookahead", "(mu * v + lr * grad_at_lookahead)"),
        ),
        "division-outside": edit(
            "Your function divides the finished velocity when it steps: the division belongs into "
            "the velocity, to the gradient only, v ← μv + αg/(√r + ε).",
            (" / (np.sqrt(r) + eps)", ""),
            ("theta - v", "theta - v / (np.sqrt(r) + eps)"),
        ),
        "rate-outside": edit(
            "Your function keeps v ← μv + g/(√r + ε) and steps by αv: that is torch.optim's "
            "convention, which differs as soon as α changes; the course has the rate inside.",
            ("lr * ", ""),
            ("theta - v", "theta - lr * v"),
        ),
        "velocity-of-opposite-sign": edit(
            "Your velocity has the opposite sign and is added: that is the textbook's convention "
            "(L5); the course has v ← μv + αg/(√r + ε) and θ ← θ − v.",
            ("mu * v + lr", "mu * v - lr"),
            ("theta - v", "theta + v"),
        ),
        "averaged": edit(
            "Your velocity is an exponential average with 1 − μ: the course adds the whole "
            "αg/(√r + ε).",
            ("lr * ", "(1 - mu) * lr * "),
        ),
        "from-lookahead": edit(
            "Your step starts at the lookahead, so μv counts twice: θ ← θ − v from θ itself.",
            ("v = mu", "new = mu"),
            ("theta - v, v", "theta - mu * v - new, new"),
        ),
        "old-velocity-used": edit(
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            ("v = mu", "new = mu"),
            ("theta - v, v", "theta - v, new"),
        ),
        "old-velocity-returned": edit(
            "Your θ is right, but you return the old velocity: return the new v.",
            ("v = mu * v + lr", "step = lr"),
            ("theta - v, v", "theta - mu * v - step, v.copy()"),
        ),
        "old-r-used": edit(
            "Your function divides by the root of the old r: compute the new r first. From r = 0 "
            "your first step is enormous.",
            ("r = gamma", "new = gamma"),
            ("v, v, r", "v, v, new"),
        ),
        "old-r-returned": edit(
            "Your θ and v are right, but you return the old r: it would stay zero. Return the "
            "new r.",
            ("r = gamma", "new = gamma"),
            ("np.sqrt(r)", "np.sqrt(new)"),
            ("v, v, r", "v, v, r.copy()"),
        ),
        "keep-drop-swapped": edit(
            "Your γ is the weight of the new square: in this course a decay rate is the weight of "
            "the old value, r ← γr + (1 − γ)g².",
            (
                "gamma * r + (1 - gamma) * grad_at_lookahead**2",
                "(1 - gamma) * r + gamma * grad_at_lookahead**2",
            ),
        ),
        "mu-and-gamma-exchanged": edit(
            "Your function has μ and γ exchanged: μ belongs to the velocity, γ to the running "
            "mean r.",
            (
                "gamma * r + (1 - gamma) * grad_at_lookahead**2",
                "mu * r + (1 - mu) * grad_at_lookahead**2",
            ),
            ("mu * v", "gamma * v"),
        ),
        "adds-up": edit(
            "Your r adds up all squares, as AdaGrad does: r ← γr + (1 − γ)g².",
            ("gamma * r + (1 - gamma) * grad_at_lookahead**2", "r + grad_at_lookahead**2"),
        ),
        "epsilon-inside": edit(
            "Your function has ε inside the root, √(r + ε): that convention exists (L3); the "
            "course has √r + ε.",
            ("(np.sqrt(r) + eps)", "np.sqrt(r + eps)"),
        ),
        "no-epsilon": edit(
            "Your function leaves ε out (as the textbook's rule does), so a gradient that has "
            "always been zero gives 0/0: divide by √r + ε.",
            ("(np.sqrt(r) + eps)", "np.sqrt(r)"),
        ),
        "no-root-and-no-epsilon": ROOT_AND_EPSILON["no-root-and-no-epsilon"],
        "no-root": edit(
            "Your function divides by r + ε without the root: divide by √r + ε, so that the units "
            "of the gradient cancel.",
            ("np.sqrt(r)", "r"),
        ),
        "epsilon-as-a-floor": ROOT_AND_EPSILON["epsilon-as-a-floor"],
        "own-epsilon": ROOT_AND_EPSILON["own-epsilon"],
        "next-lookahead": edit(
            "Your function subtracts μv + αg/(√r + ε) with the new v, and so returns the next "
            "lookahead: the course returns θ − v.",
            ("theta - v", "theta - (mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps))"),
        ),
        "other-order": edit(
            "Your function returns (theta, r, v): the order is (theta, v, r), that of the "
            "arguments.",
            ("v, v, r", "v, r, v"),
        ),
        "in-place": in_place,
    },
)
