"""Adam from the start."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, readonly, spread, strided

from ..epsilons import own_epsilon
from .steps import rates

path = case_maker("theta0", "grads", "lr", "gamma1", "gamma2", "eps")

START = [1, -1]
GIVEN = [[2, 1], [-1, 3], [0.5, -10], [0, 0.25]]
LARGE = 1e6 * floats(GIVEN)
SQUARES = [[[1, -1], [2, 0.5]], [[-3, 1], [1, 1]], [[0, 2], [-1, 4]]]
# ε shows in the check of all sizes only: who puts it elsewhere keeps the other points
USUAL, OTHER = (0.9, 0.999, 1e-15), (0.6, 0.7, 1e-15)


def large(rng: Rng, *shape: int) -> Array:
    """Gradients beside which no ε in use shows."""
    return np.asarray(rng.normal(size=shape) * 1e6)


def drawn_one(rng: Rng) -> list[Case]:
    drawn = rates(rng)
    return [
        path("one gradient", rng.normal(size=3), large(rng, 1, 3), *drawn, 1e-15),
        path("usual decay rates", rng.normal(size=3), large(rng, 1, 3), drawn[0], *USUAL),
    ]


def drawn_several(rng: Rng) -> list[Case]:
    drawn = rates(rng)
    return [
        path("six steps", rng.normal(size=3), large(rng, 6, 3), *drawn, 1e-15),
        path("usual decay rates", rng.normal(size=3), large(rng, 7, 3), drawn[0], *USUAL),
        path("many steps", rng.normal(size=2), large(rng, 60, 2), drawn[0], *USUAL),
    ]


def drawn_sizes(rng: Rng) -> list[Case]:
    lr, *gammas = rates(rng)
    return [
        path("gradients from 1e-8 to 1e3", np.zeros(6), spread(rng, 8, 6), lr, 0.9, 0.999, 1e-8),
        path("a large ε", np.zeros(3), rng.normal(size=(5, 3)), lr, *gammas, 0.1 + 0.1 * lr),
        path("zeros at first", np.ones(2), np.eye(5, 2, -3) * 3, lr, *gammas, 1e-8),
    ]


def drawn_layouts(rng: Rng) -> list[Case]:
    lr, *gammas = rates(rng)
    others = (*gammas, 1e-15)
    return [
        path("no gradient at all", rng.normal(size=3), np.zeros((0, 3)), lr, *others),
        path("learning rate zero", rng.normal(size=3), large(rng, 3, 3), 0.0, *others),
        path("a single number (0-d)", np.array(rng.normal()), large(rng, 4), lr, *others),
        path("2-d parameters", rng.normal(size=(2, 3)), large(rng, 4, 2, 3), lr, *others),
        path(
            "read-only and strided data",
            readonly(rng.normal(size=3)),
            strided(large(rng, 4, 3)),
            lr,
            *others,
        ),
    ]


EXERCISE = Exercise(
    "adam_trajectory",
    title="Adam from the start",
    minutes=15,
    section="adam.md#the-rule",
    parameters=("theta0", "grads", "lr", "gamma1", "gamma2", "eps"),
    returns=("trajectory",),
    reference=reference.adam_trajectory,
    checks={
        "one step": Check(
            points=1,
            public=[
                path("one gradient", START, LARGE[:1], 0.1, *USUAL),
                path("other decay rates", START, [[3e6, -5e5]], 0.5, *OTHER),
            ],
            held_out=drawn_one,
        ),
        "several steps": Check(
            points=2,
            public=[
                path("four gradients", START, LARGE, 0.1, *USUAL),
                path("other decay rates", START, LARGE, 0.5, *OTHER),
                path("the same gradient", START, np.full((5, 2), 3e6), 0.1, *USUAL),
            ],
            held_out=drawn_several,
        ),
        "gradients of all sizes": Check(
            points=1,
            public=[
                path(
                    "from 0 to 1000",
                    np.zeros(2),
                    [[0, 1e-8], [1e-8, 1], [1e3, 0], [-30, 1e3]],
                    0.5,
                    0.9,
                    0.999,
                    1e-8,
                ),
                path("a large ε", START, GIVEN, 0.5, 0.6, 0.7, 0.25),
                path("zeros at first", START, np.eye(4, 2, -2) * 5, 0.1, 0.9, 0.99, 1e-8),
            ],
            held_out=drawn_sizes,
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                path("no gradient at all", START, np.zeros((0, 2)), 0.1, *USUAL),
                path("learning rate zero", START, LARGE, 0.0, *USUAL),
                path("a single number (0-d)", np.array(2.0), [1e6, -1e6, 3e6], 0.1, *OTHER),
                path("2-d parameters", [[1, 2], [3, 4]], 1e6 * floats(SQUARES), 0.1, *OTHER),
                path("read-only and strided data", readonly(START), strided(LARGE), 0.1, *OTHER),
            ],
            held_out=drawn_layouts,
        ),
    },
    mistakes={
        "no-bias-correction": edit(
            "Your trajectory is that of Adam without bias correction: divide r by 1 − γ₁ᵗ and p by "
            "1 − γ₂ᵗ in each step.",
            (" / (1 - gamma1**t)", ""),
            (" / (1 - gamma2**t)", ""),
        ),
        "printed-correction": edit(
            "Your corrections are 1 − (1 − γ)ᵗ, as the lecture's slide prints them: here γ weighs "
            "the old value, so they are 1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            ("gamma1**t", "(1 - gamma1) ** t"),
            ("gamma2**t", "(1 - gamma2) ** t"),
        ),
        "counted-from-zero": edit(
            "Your t starts at 0, where 1 − γᵗ is zero and the first step divides by it: count "
            "from 1, for example with `enumerate(grads, start=1)`.",
            (", start=1", ""),
            ("(1 - gamma1**t)", "(np.float64(1) - gamma1**t)"),
            ("(1 - gamma2**t)", "(np.float64(1) - gamma2**t)"),
        ),
        "counted-from-two": edit(
            "Your t is one ahead: it is 1 in the first step.", ("start=1", "start=2")
        ),
        "t-stays-one": edit(
            "Your corrections stay those of the first step: t grows by one in each.",
            ("gamma1**t", "gamma1"),
            ("gamma2**t", "gamma2"),
        ),
        "state-reset": edit(
            "Your r and p start from zero again at each step: set them to zero once, before the "
            "loop.",
            ("gamma1 * r + ", ""),
            ("gamma2 * p + ", ""),
        ),
        "corrected-kept": edit(
            "Your r and p are overwritten by their corrected values, which the next step corrects "
            "again: keep r and p, and give r̂ and p̂ names of their own.",
            ("r_hat = ", "r = r_hat = "),
            ("p_hat = ", "p = p_hat = "),
        ),
        "eps-inside-root": edit(
            "Your ε stands inside the root, √(p̂ + ε): that convention exists and differs when "
            "gradients are tiny; the course has √p̂ + ε.",
            ("(np.sqrt(p_hat) + eps)", "np.sqrt(p_hat + eps)"),
        ),
        "root-missing": edit(
            "Your step divides by p̂ + ε: the root is missing, √p̂ + ε.", ("np.sqrt(p_hat)", "p_hat")
        ),
        "no-root-and-no-eps": edit(
            "Your steps divide by p̂ itself, with neither root nor ε: divide by √p̂ + ε.",
            ("(np.sqrt(p_hat) + eps)", "p_hat"),
        ),
        "own-eps": own_epsilon(
            "(np.sqrt(p_hat) + eps)", "(np.sqrt(p_hat) + {})", "np.sqrt(p_hat + {})"
        ),
        "moments-from-first-gradient": edit(
            "Your r and p start at the first gradient and its square, with no correction: another "
            "cure for the bias, right in the first step only; the course starts from zero and "
            "divides by 1 − γᵗ.",
            (
                "gamma1 * r + (1 - gamma1) * grad",
                "grad if t == 1 else gamma1 * r + (1 - gamma1) * grad",
            ),
            (
                "gamma2 * p + (1 - gamma2) * grad**2",
                "grad**2 if t == 1 else gamma2 * p + (1 - gamma2) * grad**2",
            ),
            (" / (1 - gamma1**t)", ""),
            (" / (1 - gamma2**t)", ""),
        ),
        "uphill": edit("Your steps add v and so climb: θ ← θ − v.", ("theta - lr", "theta + lr")),
        "start-missing": edit(
            "Your trajectory lacks the start: row 0 is `theta0`, and one row a gradient follows.",
            ("[theta]", "[]"),
        ),
        "last-step-missing": edit(
            "Your function takes one step too few: the start and one step a gradient make "
            "`len(grads) + 1` rows.",
            ("enumerate(grads,", "enumerate(grads[:-1],"),
        ),
        "only-the-end": edit(
            "Your function returns the last θ only: return all of them as rows of one array, the "
            "start first.",
            ("np.array(trajectory)", "theta"),
        ),
        "all-rows-the-same": edit(
            "All rows of your trajectory are the same array, which `-=` changes in each step: "
            "subtract with `-` and assign, which makes a new one.",
            ("= theta0,", "= theta0.copy(),"),
            ("theta = theta - lr", "theta -= lr"),
        ),
        "start-changed": edit(
            "Your function changes `theta0` in place (`-=` does that to arrays): "
            "subtract with `-` and assign, which makes a new array.",
            ("[theta]", "[theta.copy()]"),
            ("theta = theta - lr", "theta -= lr"),
            ("append(theta)", "append(theta.copy())"),
        ),
    },
)
