"""One step of AdaGrad."""

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

case = case_maker("theta", "r", "grad", "lr", "eps", feedback=("theta", "r"))

EPS = 1e-10
SOME = ([1, -2], [4, 0.25])  # theta and r
THREE = [[3, -1], [-4, 2], [1, 1]]
ROW = ([1, 2], [3, 4], [5, 6])


def run(label: str, theta: Any, lr: float, eps: float, steps: Steps) -> Case:
    zero = np.zeros(len(theta))
    return case(label, theta, zero, zero, lr, eps, steps=steps)


def tiny(rng: Rng, n: int) -> Array:
    return away_from_zero(rng, n, low=1, high=5) * 1e-8


def first(rng: Rng, lr: float) -> list[Case]:
    wide = "r zero, gradients from 1e-8 to 1e3"
    return [
        case("r zero", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, EPS),
        case(wide, rng.normal(size=12), np.zeros(12), spread(rng, 12), lr, EPS),
        case("all gradients zero", rng.normal(size=3), np.zeros(3), np.zeros(3), lr, EPS),
        case("a tiny gradient", rng.normal(size=3), np.zeros(3), tiny(rng, 3), lr, 1e-8),
        case("a large ε", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, 0.5 + lr),
    ]


def later(rng: Rng, lr: float) -> list[Case]:
    theta, r = rng.normal(size=4), rng.uniform(0.1, 3, 4)
    grad = away_from_zero(rng, 4)
    return [
        case("some r", theta, r, grad, lr, EPS),
        case("a large ε", theta, r, grad, lr, 0.5 + lr),
        case("tiny gradients", theta, r * 1e-16, grad * 1e-8, lr, EPS),
        case("huge gradients", theta, r * 1e6, grad * 1e3, lr, EPS),
        case("gradient zero", theta, r, np.zeros(4), lr, EPS),
        case("learning rate zero", theta, r, grad, 0.0, EPS),
    ]


def several(rng: Rng) -> list[Case]:
    def drawn(label: str, grads: Array, eps: float = EPS, **columns: list[float]) -> Case:
        return run(label, rng.normal(size=3), 0.3, eps, {"grad": grads, **columns})

    falling = [1 / (t + 1) for t in range(6)]
    return [
        drawn("six gradients", rng.normal(size=(6, 3))),
        drawn("six gradients, a large ε", rng.normal(size=(6, 3)), 0.1),
        drawn("falling rate", rng.normal(size=(6, 3)), lr=falling),
        drawn(
            "one large gradient, then small ones",
            rng.normal(size=(4, 3)) * np.array([[1e3], [1], [1], [1]]),
        ),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def three(*shape: int) -> list[Array]:
        theta, grad = normals(rng, 2, *shape)
        return [theta, np.asarray(rng.uniform(0.1, 2, shape)), grad]

    return drawn_layouts(case, three, (0.2, EPS))


def scaled(label: str, theta: Any, gradients: Any, scale: float) -> list[Case]:
    return [
        run(f"before a {label} factor", theta, 0.3, 0.0, {"grad": gradients}),
        run(f"after a {label} factor", theta, 0.3, 0.0, {"grad": np.multiply(scale, gradients)}),
    ]


@mistake
def in_place(theta, r, grad, lr, eps):
    """Your function changes its arguments in place (`+=` and `-=` do that to arrays): compute new
    arrays."""
    r += grad**2
    theta -= lr * grad / (np.sqrt(r) + eps)
    return theta, r


EXERCISE = Exercise(
    "adagrad_step",
    title="One step of AdaGrad",
    minutes=10,
    section="adagrad.md#the-rule",
    parameters=("theta", "r", "grad", "lr", "eps"),
    returns=("theta", "r"),
    reference=reference.adagrad_step,
    checks={
        "the first step": Check(
            points=1,
            public=[
                case("r zero", [1, -2], [0, 0], [0.5, -4], 0.1, EPS),
                case(
                    "gradients from 0 to 1000",
                    *([1, 2, 3, 4, 5], np.zeros(5), [0, 1e-8, -1, 30, 1e3]),
                    *(0.5, EPS),
                ),
                case("a tiny gradient", [1, -2], [0, 0], [2e-8, -1e-8], 0.5, 1e-8),
                case("a large ε", [1, -2], [0, 0], [1 / 3, -4], 0.1, 0.5),
            ],
            held_out=lambda rng: first(rng, rng.uniform(0.05, 0.5)),
        ),
        "a later step": Check(
            points=2,
            public=[
                case("some r", *SOME, [1.5, -2], 0.1, EPS),
                case("a large ε", *SOME, [1.5, -2], 0.1, 0.5),
                case("tiny gradients", [1, -2], [4e-16, 1e-16], [1.5e-8, -2e-8], 0.1, EPS),
                case("gradient zero", [1, -2], [4, 0], [0, 0], 0.1, EPS),
                case("learning rate zero", *SOME, [1.5, -2], 0.0, EPS),
            ],
            held_out=lambda rng: later(rng, rng.uniform(0.05, 0.5)),
        ),
        "several steps, shapes and memory layouts": Check(
            points=1,
            public=[
                run(
                    "four gradients, falling rate, a large ε",
                    *([1, -1], 0.0, 0.1),
                    {"grad": [[3, 4], [-4, 3], [0, -12], [1, 0]], "lr": [0.5, 0.25, 0.25, 0.1]},
                ),
                run(
                    "one large gradient, then small ones",
                    *([1, -1], 0.5, EPS),
                    {"grad": [[1e3, -2e3], [1, -2], [1, -2]]},
                ),
                *layouts(
                    case,
                    (0.2, EPS),
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
            public=[
                *scaled("small", [1, -2], THREE, 1e-6),
                *scaled("large", [1, -2], THREE, 1e3),
            ],
            held_out=lambda rng: [
                *scaled("small", rng.normal(size=3), rng.normal(size=(4, 3)), 1e-6),
                *scaled("large", rng.normal(size=3), rng.normal(size=(4, 3)), 1e3),
            ],
            relation="same_for_scaled_gradients",
        ),
    },
    mistakes={
        "theta-squared": edit(
            "Your r adds up θ², as the lecture's slides (L1) print it: it is the gradient that is "
            "squared, r ← r + g².",
            ("grad**2", "theta**2"),
        ),
        "climbs": edit(
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − αg/(√r + ε).",
            ("theta - ", "theta + "),
        ),
        "not-squared": edit(
            "Your r adds up |g| and then takes the root: add the squares, r ← r + g².",
            ("grad**2", "np.abs(grad)"),
        ),
        "sizes-added": edit(
            "Your function divides by the sum of |g|, which grows faster than the root of the sum "
            "of squares: r ← r + g², and divide by √r + ε.",
            ("grad**2", "np.abs(grad)"),
            ("np.sqrt(r)", "r"),
        ),
        "nothing-kept": edit(
            "Your r forgets the past gradients, so the step is hardly more than a sign: "
            "r ← r + g².",
            ("r + grad**2", "grad**2"),
        ),
        "averaged": edit(
            "Your r is a running mean of g²: that is RMSProp, which comes in the next problem "
            "set; AdaGrad adds up, r ← r + g².",
            ("r + grad**2", "0.9 * r + 0.1 * grad**2"),
        ),
        "old-r-returned": edit(
            "Your θ is right, but you return the old r: nothing would add up. Return the new r.",
            ("r = r + grad**2", "new = r + grad**2"),
            ("np.sqrt(r)", "np.sqrt(new)"),
            ("eps), r", "eps), r.copy()"),
        ),
        "old-r-used": edit(
            "Your step divides by the root of the old r: add g² first, then divide. From r = 0 "
            "your first step is enormous.",
            ("r = r + grad**2", "new = r + grad**2"),
            ("eps), r", "eps), new"),
        ),
        "epsilon-inside": edit(
            "Your function has ε inside the root, √(r + ε): that convention exists, and shortens "
            "the steps of small gradients a great deal; the course has √r + ε.",
            ("(np.sqrt(r) + eps)", "np.sqrt(r + eps)"),
        ),
        "epsilon-kept": edit(
            "Your function adds ε to r itself, so that it adds up with each step: ε belongs to "
            "the divisor only, √r + ε.",
            ("grad**2", "grad**2 + eps"),
            ("(np.sqrt(r) + eps)", "np.sqrt(r)"),
        ),
        **ROOT_AND_EPSILON,
        "one-for-all": edit(
            "Your r adds up the squares of all entries: each weight has its own sum of its own "
            "squares.",
            ("grad**2", "np.sum(grad**2)"),
        ),
        "rate-inside": edit(
            "Your r adds up (αg)², so that the learning rate cancels: r ← r + g².",
            ("grad**2", "(lr * grad) ** 2"),
        ),
        "theta-alone": edit(
            "Your function returns θ alone: return both, (theta, r), or the sum is lost after "
            "each step.",
            ("eps), r", "eps)"),
        ),
        "in-place": in_place,
    },
)
