"""Conjugate gradients."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, readonly, strided

from .quadratics import A2, NARROW, THREE_D, TWO_D, problem

case = case_maker("A", "b", "x0", "steps")


def steep(first: float, second: float) -> tuple[Array, Array, Array]:
    """A, b and x₀: after one step the residual is tiny, and x not at the minimum."""
    slopes = floats([2.0**17, 1])
    return np.diag(slopes), slopes * [first, 2.0**-10 * second], np.zeros(2)


def special(rng: Rng) -> list[Case]:
    a, b, x = problem(rng, 3)
    minimum = rng.integers(1, 5, size=3).astype(float)
    # powers of two, so that the residual at the minimum is exactly zero in any order of operations
    scales = 2.0 ** rng.integers(0, 4, size=3)
    # below thresholds at which implementations stop; the second scales the residual, and not x
    short, flat = 9e-5 / np.linalg.norm(b - a @ x), 9e-10 / np.linalg.norm(b - a @ x)
    return [
        case("no step at all", a, b, x, 0),
        case("a short residual", a, short * b, short * x, 1),
        case("a surface that is almost flat", flat * a, flat * b, x, 1),
        case("a steep direction and a flat one", *steep(*rng.uniform(1, 2, size=2)), 2),
        case("start at the minimum", np.diag(scales), scales * minimum, minimum, 3),
        case("more steps than dimensions", a, b, x, 4),
        case("read-only and strided data", strided(a), readonly(b), readonly(x), 2),
    ]


EXERCISE = Exercise(
    "conjugate_gradient",
    title="Conjugate gradients",
    minutes=20,
    section="curvature.md#conjugate-gradient-no-step-is-undone",
    parameters=("A", "b", "x0", "steps"),
    returns=("trajectory",),
    reference=reference.conjugate_gradient,
    checks={
        "the first step": Check(
            points=1,
            public=[
                case("two dimensions, one step", *TWO_D, 1),
                case("a diagonal matrix", NARROW, *TWO_D[1:], 1),
                case("three dimensions, one step", *THREE_D, 1),
            ],
            held_out=lambda rng: [
                case("two dimensions, one step", *problem(rng, 2), 1),
                case("three dimensions, one step", *problem(rng, 3), 1),
                case("five dimensions, one step", *problem(rng, 5), 1),
            ],
        ),
        "more steps": Check(
            points=2,
            public=[
                case("two dimensions", *TWO_D, 2),
                case("three dimensions", *THREE_D, 3),
                case("a narrow valley", NARROW, np.zeros(2), [10, 1], 2),
            ],
            held_out=lambda rng: [
                case("two dimensions", *problem(rng, 2), 2),
                case("four dimensions", *problem(rng, 4), 4),
                case("some steps of many", *problem(rng, 6), 3),
            ],
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                case("no step at all", *TWO_D, 0),
                case("start at the minimum", A2, [4, 3], [1, 1], 3),
                case("more steps than dimensions", *TWO_D, 3),
                case("a short residual", A2, [1e-5, -1e-5], [2e-5, 1.5e-5], 1),
                case("a surface that is almost flat", 1e-10 * A2, [1e-10, -1e-10], TWO_D[2], 1),
                case("a steep direction and a flat one", *steep(1, 1), 2),
                case("read-only and strided data", strided(A2), *map(readonly, TWO_D[1:]), 2),
            ],
            held_out=special,
        ),
    },
    mistakes={
        "uphill": edit(
            "Your first direction is the gradient Ax − b, and your steps climb: start from "
            "the residual r = b − Ax, the negative gradient.",
            ("b - A @ x0", "A @ x0 - b"),
        ),
        "plus-b": edit(
            "Your residual is −b − Ax: the gradient is Ax − b, so the residual is b − Ax.",
            ("b - A @ x0", "-b - A @ x0"),
        ),
        "steepest-descent": edit(
            "Your directions are the residuals alone, which is steepest descent: the next "
            "direction keeps a part of the old one, d ← r + βd.",
            ("r + (r @ r) / rr * d", "r"),
        ),
        "beta-inverted": edit(
            "Your β is the wrong way up: it is the new rᵀr divided by the old one.",
            ("(r @ r) / rr", "rr / (r @ r)"),
        ),
        "beta-one": edit(
            "Your β is 1, the same rᵀr above and below: keep the old one before you update r.",
            ("(r @ r) / rr * d", "d"),
        ),
        "beta-subtracted": edit(
            "Your new direction is r − βd: it is r + βd.", ("r + (r @ r) / rr", "r - (r @ r) / rr")
        ),
        "norms-not-squared": edit(
            "Your β is a ratio of norms: it is the ratio of their squares, rᵀr.",
            ("(r @ r) / rr", "np.sqrt((r @ r) / rr)"),
        ),
        "matrix-left-out": edit(
            "Your step length is rᵀr / dᵀd: the curvature along d belongs below, dᵀAd.",
            ("d @ A @ d", "d @ d"),
        ),
        "residual-in-the-denominator": edit(
            "Your step length has rᵀAr below, which is right in the first step only: it is dᵀAd.",
            ("d @ A @ d", "r @ A @ r"),
        ),
        "residual-not-updated": edit(
            "Your residual stays the one at the start: r ← r − αAd in each step.",
            ("r - alpha * (A @ d)", "r"),
        ),
        "no-stop": edit(
            "Your function divides 0 by 0 when the residual is zero, and the rest is NaN: at "
            "the minimum x stays.",
            ("rr > 0", "True"),
        ),
        "stops-early": edit(
            "Your x stays once the residual is small: how small it is depends on the units of f, "
            "so only a residual of exactly zero ends the steps.",
            ("rr > 0", "rr > 1e-10"),
            others=[[("rr > 0", "rr > 1e-8")]],
        ),
        "stops-at-a-share": edit(
            "Your x stays once the residual is small beside b or beside the first residual: where "
            "f is steep in one direction and flat in another, x may be far from the minimum then. "
            "Only a residual of exactly zero ends the steps.",
            ("rr > 0", "rr > 1e-10 * (b @ b)"),
        ),
        "stops-short": edit(
            "Your trajectory ends when the residual is zero: it has `steps + 1` rows always, "
            "and x stays.",
            ("rr = r @ r", "rr = r @ r\n        if rr == 0:\n            break"),
        ),
        "start-missing": edit(
            "Your trajectory lacks the start: row 0 is `x0`, and `steps` rows follow.",
            ("[x0]", "[]"),
        ),
        "only-the-last": edit(
            "Your function returns the last x only: return all of them as rows of one array, "
            "the start first.",
            ("np.array(trajectory)", "x"),
        ),
        "start-changed": edit(
            "Your function changes `x0` in place (`+=` does that to arrays): "
            "compute a new array in each step.",
            ("[x0]", "[x0.copy()]"),
            ("x = x + alpha", "x += alpha"),
            ("append(x)", "append(x.copy())"),
        ),
    },
)
