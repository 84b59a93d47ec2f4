"""L-BFGS: the direction without the matrix."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    floats,
    layouts,
    positive_definite,
    spread,
)

from .quadratics import A3

case = case_maker("grad", "S", "Y")

GRAD = [1, -2, 0.5]
S = floats([[1, 0, -1], [0.5, 2, 0], [-1, 1, 1]])
Y = S @ A3 + 0.1 * floats([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
IN_MEMORY = (GRAD, S, Y)
# fewer steps than dimensions, all in directions of their own: each pair counts
TURNS = np.round(2 * np.cos(np.arange(24)[:, None] * np.arange(1, 27) ** 2), 1)
MANY = (np.ones(26), TURNS, TURNS * (1 + np.arange(26) % 5))
# what Y is multiplied by, so that some pairs have no positive curvature
OLDEST, BETWEEN, NEWEST = [[-1], [1], [1]], [[1], [-1], [1]], [[1], [1], [-1]]
NEWEST_ZERO = [[1], [1], [0]]


def pairs(rng: Rng, m: int, n: int) -> tuple[Array, Array, Array]:
    """A gradient, and m steps with changes of the gradient on a quadratic."""
    a, s = positive_definite(rng, n, 10), rng.normal(size=(m, n))
    return rng.normal(size=n), s, s @ a


def one_pair(rng: Rng, grad: Array, s: Array, y: Array) -> list[Case]:
    return [
        case("three dimensions", grad, s, y),
        case("six dimensions", *pairs(rng, 1, 6)),
        case("gradients from 1e-8 to 1e3", spread(rng, 3), s, y),
    ]


def tiny(grad: Array, s: Array, y: Array) -> Case:
    return case("three tiny steps", grad, s * 1e-6, y * 1e-6)


def left_out(grad: Array, s: Array, y: Array) -> list[Case]:
    return [
        case("curvature negative in the oldest", grad, s, y * OLDEST),
        case("curvature negative in one between", grad, s, y * BETWEEN),
        case("curvature negative in the newest", grad, s, y * NEWEST),
        case("curvature zero in the newest", grad, s, y * NEWEST_ZERO),
        case("no usable pair", grad, s, -y),
    ]


def special(grad: Array, s: Array, y: Array) -> list[Case]:
    return [
        case("no pair at all", grad, np.zeros((0, 3)), np.zeros((0, 3))),
        case("gradient zero", np.zeros(3), s, y),
        *layouts(case, strided=(grad, s, y), column_major=(grad, s, y), readonly=(grad, s, y)),
    ]


EXERCISE = Exercise(
    "lbfgs_direction",
    title="L-BFGS: the direction without the matrix",
    minutes=20,
    section="curvature.md#bfgs-learn-the-curvature-from-what-the-gradients-do",
    parameters=("grad", "S", "Y"),
    returns=("d",),
    reference=reference.lbfgs_direction,
    checks={
        "one pair": Check(
            points=1,
            public=[
                case("two dimensions", [0.5, -4], [[1, 0.5]], [[3, -1]]),
                case("three dimensions", GRAD, S[:1], Y[:1]),
                case("gradients from 0 to 1000", [0, 1e-8, 1e3], S[:1], Y[:1]),
            ],
            held_out=lambda rng: one_pair(rng, *pairs(rng, 1, 3)),
        ),
        "several pairs": Check(
            points=2,
            public=[
                case("two pairs", GRAD, S[:2], Y[:2]),
                case("three pairs", GRAD, S, Y),
                case("three tiny steps", GRAD, S * 1e-6, Y * 1e-6),
                case("24 pairs", *MANY),
                case(
                    "more pairs than dimensions",
                    *([0.5, -4], [[1, 0], [0.5, -2], [1, 1]], [[3, 1], [-0.5, -3.5], [4, 2.5]]),
                ),
            ],
            held_out=lambda rng: [
                case("two pairs", *pairs(rng, 2, 3)),
                case("three pairs", *pairs(rng, 3, 5)),
                tiny(*pairs(rng, 3, 5)),
                case("24 pairs", *pairs(rng, 24, 26)),
                case("more pairs than dimensions", *pairs(rng, 4, 2)),
            ],
        ),
        "pairs to leave out": Check(
            points=1,
            public=[
                case("curvature negative in the oldest", GRAD, S, Y * OLDEST),
                case("curvature negative in the newest", GRAD, S, Y * NEWEST),
                case("curvature zero in the newest", GRAD, S, Y * NEWEST_ZERO),
                case("no usable pair", GRAD, S, -Y),
            ],
            held_out=lambda rng: left_out(*pairs(rng, 3, 4)),
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                case("no pair at all", [0.5, -4], np.zeros((0, 2)), np.zeros((0, 2))),
                case("gradient zero", np.zeros(3), S, Y),
                *layouts(case, strided=IN_MEMORY, readonly=IN_MEMORY),
            ],
            held_out=lambda rng: special(*pairs(rng, 2, 3)),
        ),
    },
    mistakes={
        "opposite-sign": edit(
            "Your function returns H g, the step that is subtracted in other methods: here it "
            "returns the direction of descent, −H g.",
            ("return -q", "return q"),
        ),
        "not-scaled": edit(
            "Your H starts from the identity: it starts from sᵀy/yᵀy times the identity, with "
            "the newest pair.",
            ("(s @ y) / (y @ y) * q", "q"),
        ),
        "scale-inverted": edit(
            "Your scale is yᵀy/sᵀy, a curvature: H is an inverse, so it is sᵀy/yᵀy.",
            ("(s @ y) / (y @ y)", "(y @ y) / (s @ y)"),
        ),
        "scale-of-steps": edit(
            "Your scale is sᵀs/sᵀy, the other of two that are in use (Barzilai and Borwein's "
            "long one): the course has sᵀy/yᵀy.",
            ("(s @ y) / (y @ y)", "(s @ s) / (s @ y)"),
        ),
        "scale-of-the-oldest": edit(
            "Your scale comes from the oldest pair: it comes from the newest, the last row.",
            ("S[usable[-1]], Y[usable[-1]]", "S[usable[0]], Y[usable[0]]"),
        ),
        "scale-of-a-pair-left-out": edit(
            "Your scale comes from the last row even if that pair is left out: it comes from "
            "the newest pair with sᵀy > 0.",
            ("if usable:", "if len(S):"),
            ("S[usable[-1]], Y[usable[-1]]", "S[-1], Y[-1]"),
        ),
        "newest-first": edit(
            "Your function takes row 0 for the newest pair: it is the oldest, the last row is "
            "the newest.",
            ("> 0]", "> 0][::-1]"),
        ),
        "both-loops-alike": edit(
            "Your two loops run in the same order: the first goes from the newest pair to the "
            "oldest, the second back.",
            ("in usable:", "in reversed(usable):"),
        ),
        "second-loop-missing": edit(
            "Your function stops after the scaling: the second loop, from the oldest pair to "
            "the newest, is missing.",
            ("for i in usable:", "return -q\n    for i in usable:"),
        ),
        "second-loop-added": edit(
            "Your second loop adds its two terms: it is (a − ρyᵀq)s with a minus.",
            ("kept[i] - (Y", "kept[i] + (Y"),
        ),
        "steps-and-gradients-swapped": edit(
            "Your S and Y are exchanged, as if for the Hessian itself: the first loop takes "
            "sᵀq and subtracts y, the second yᵀq and adds s.",
            ("(S[i] @ q)", "(Y[i] @ q)"),
            ("kept[i] * Y[i]", "kept[i] * S[i]"),
            ("(Y[i] @ q)", "(S[i] @ q)"),
            (")) * S[i]", ")) * Y[i]"),
        ),
        "never-left-out": edit(
            "Your function uses also pairs with sᵀy ≤ 0, and the direction may point uphill "
            "(or be NaN): leave them out.",
            (" if S[i] @ Y[i] > 0", ""),
        ),
        "curvature-threshold": edit(
            "Your function leaves out also pairs whose sᵀy is small and positive: after tiny steps "
            "sᵀy is tiny, too, and tells as much; leave out only those with sᵀy ≤ 0.",
            ("> 0", "> 1e-10"),
        ),
        "few-pairs-kept": edit(
            "Your function takes the last ten pairs only: how many are kept is for who calls to "
            "say, so use all rows.",
            ("range(len(S))", "range(max(len(S) - 10, 0), len(S))"),
            others=[
                [("range(len(S))", f"range(max(len(S) - {kept}, 0), len(S))")]
                for kept in (5, 7, 20)
            ],
        ),
        "in-place": edit(
            "Your function changes `grad` in place (`-=` does that to arrays): start from a copy.",
            ("q = q - ", "q -= "),
            ("q = (s @ y) / (y @ y) * q", "q *= (s @ y) / (y @ y)"),
            ("q = q + ", "q += "),
        ),
    },
)
