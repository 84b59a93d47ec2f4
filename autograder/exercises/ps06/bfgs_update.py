"""The BFGS update."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    column_major,
    floats,
    layouts,
    positive_definite,
)

from .quadratics import A2, A3

case = case_maker("H_inv", "s", "y", feedback=("H_inv",))

H = [[2, 0.5], [0.5, 1]]
MOVES = floats([[1, 0], [0.5, -2], [1, 1]])
IN_MEMORY = (H, [1, 0.5], [3, -1])


def pair(rng: Rng, a: Array) -> tuple[Array, Array]:
    """A step, and the change of the gradient along it where the Hessian is ``a``."""
    s = rng.normal(size=len(a))
    return s, a @ s


def one(rng: Rng) -> list[Case]:
    a = positive_definite(rng, 3, 10)
    return [
        case("from the identity", np.eye(3), *pair(rng, a)),
        case("from another estimate", positive_definite(rng, 3, 10), *pair(rng, a)),
        case("a tiny step", positive_definite(rng, 3, 10), *(1e-6 * x for x in pair(rng, a))),
    ]


def several(rng: Rng) -> list[Case]:
    a = positive_definite(rng, 3, 10)
    s, y = zip(*(pair(rng, a) for _ in range(4)), strict=True)
    return [case("four steps on a quadratic", np.eye(3), s[0], y[0], steps={"s": s, "y": y})]


def special(rng: Rng) -> list[Case]:
    a, h = positive_definite(rng, 3, 10), positive_definite(rng, 3, 10)
    s, y = pair(rng, a)
    return [
        case("curvature negative", h, s, -y),
        case("curvature zero", h, [1, 0, 0], [0, *rng.normal(size=2)]),
        case("no step", h, 0 * s, y),
        *layouts(case, strided=(h, s, y)),
        case("a matrix stored by columns", column_major(h), s, y),
        *layouts(case, readonly=(h, s, y)),
    ]


@mistake
def dfp(H_inv, s, y):
    """Your update is that of Davidon, Fletcher and Powell, H − HyyᵀH/yᵀHy + ssᵀ/sᵀy: it fits the
    step as well; the course has BFGS."""
    if s @ y <= 0:
        return H_inv.copy()
    Hy = H_inv @ y
    return H_inv - np.outer(Hy, Hy) / (y @ Hy) + np.outer(s, s) / (s @ y)


@mistake
def update_of_the_hessian(H_inv, s, y):
    """Your update is BFGS's for the Hessian itself, B − BssᵀB/sᵀBs + yyᵀ/sᵀy: what comes in and
    goes out here is its inverse."""
    if s @ y <= 0:
        return H_inv.copy()
    Bs = H_inv @ s
    return H_inv - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)


EXERCISE = Exercise(
    "bfgs_update",
    title="The BFGS update",
    minutes=15,
    section="curvature.md#bfgs-learn-the-curvature-from-what-the-gradients-do",
    parameters=("H_inv", "s", "y"),
    returns=("H_inv",),
    reference=reference.bfgs_update,
    checks={
        "an update": Check(
            points=2,
            public=[
                case("from the identity", np.eye(2), [1, 0.5], [3, -1]),
                case("from another estimate", H, [1, 0.5], [3, -1]),
                case("three dimensions", A3, [1, 0, -1], [2, 1, -0.5]),
                case("a tiny step", H, [1e-6, 5e-7], [3e-6, -1e-6]),
            ],
            held_out=one,
        ),
        "several updates": Check(
            points=1,
            public=[
                case(
                    "three steps on a quadratic",
                    *(np.eye(2), np.zeros(2), np.zeros(2)),
                    steps={"s": MOVES, "y": MOVES @ A2},
                )
            ],
            held_out=several,
        ),
        "steps to skip, and memory layouts": Check(
            points=1,
            public=[
                case("curvature negative", H, [1, 0.5], [-3, 1]),
                case("curvature zero", H, [1, 0], [0, 2]),
                case("no step", H, np.zeros(2), [0, 2]),
                *layouts(case, strided=IN_MEMORY, readonly=IN_MEMORY),
            ],
            held_out=special,
        ),
    },
    mistakes={
        "never-skipped": edit(
            "Your function updates also when sᵀy ≤ 0: then H would no longer be positive "
            "definite (or you divide by zero), so return H as it is.",
            ("if s @ y <= 0:\n        return H_inv.copy()\n    ", ""),
        ),
        "reset-when-skipped": edit(
            "Your function returns the identity when sᵀy ≤ 0: keep what is known, return H as "
            "it is.",
            ("H_inv.copy()", "np.eye(len(s))"),
        ),
        "absolute-curvature": edit(
            "Your function updates with |sᵀy| when sᵀy is negative: such a step is skipped, "
            "return H as it is.",
            ("s @ y <= 0", "s @ y == 0"),
            ("1 / (s @ y)", "1 / abs(s @ y)"),
        ),
        "step-and-gradient-swapped": edit(
            "Your s and y are exchanged: that is the update of the Hessian itself (DFP's); "
            "for its inverse it is (I − ρsyᵀ)H(I − ρysᵀ) + ρssᵀ.",
            ("np.outer(s, y)", "np.outer(y, s)"),
            ("np.outer(s, s)", "np.outer(y, y)"),
        ),
        "factors-exchanged": edit(
            "Your two factors stand on the wrong sides: (I − ρsyᵀ) is on the left of H, its "
            "transpose on the right.",
            ("left @ H_inv @ left.T", "left.T @ H_inv @ left"),
        ),
        "one-sided": edit(
            "Your update has only the left factor, so that H is no longer symmetric: multiply "
            "by (I − ρysᵀ) from the right, too.",
            (" @ left.T", ""),
        ),
        "last-term-missing": edit(
            "Your update lacks its last term, + ρssᵀ, and H y is zero instead of s.",
            (" + rho * np.outer(s, s)", ""),
        ),
        "last-term-without-rho": edit(
            "Your last term is ssᵀ without ρ: it is ρssᵀ.",
            ("rho * np.outer(s, s)", "np.outer(s, s)"),
        ),
        "last-term-of-gradients": edit(
            "Your last term is ρyyᵀ: it is ρssᵀ, an inverse curvature.",
            ("np.outer(s, s)", "np.outer(y, y)"),
        ),
        "rho-inverted": edit("Your ρ is sᵀy: it is its inverse, 1/sᵀy.", ("1 / (s @ y)", "s @ y")),
        "plus-in-the-factors": edit(
            "Your factors are I + ρsyᵀ: they have a minus.",
            ("np.eye(len(s)) - ", "np.eye(len(s)) + "),
        ),
        "dfp": dfp,
        "update-of-the-hessian": update_of_the_hessian,
        "curvature-threshold": edit(
            "Your function skips also steps whose sᵀy is small and positive: after a tiny step sᵀy "
            "is tiny, too, and tells as much; skip only where sᵀy ≤ 0.",
            ("s @ y <= 0", "s @ y <= 1e-10"),
        ),
        "in-place": edit(
            "Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to "
            "`x[i]` do that): compute new arrays.",
            ("return left", "H_inv[...] = left"),
            ("np.outer(s, s)", "np.outer(s, s)\n    return H_inv"),
        ),
    },
    equivalents={
        "left = rho * np.outer(s, y) - np.eye(len(s))": "It is a factor twice: its sign cancels.",
    },
)
