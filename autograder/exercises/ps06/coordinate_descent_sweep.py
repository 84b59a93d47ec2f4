"""One coordinate at a time."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, case_maker, layouts

from .quadratics import A2, A3, NARROW, THREE_D, TWO_D, problem

case = case_maker("A", "b", "x", feedback=("x",))


def special(a: Array, b: Array, x: Array) -> list[Case]:
    return [
        case("start at the minimum", a, a @ x, x),
        case("one dimension", a[:1, :1].copy(), b[:1], x[:1]),
        *layouts(case, strided=(a, b, x), readonly=(a, b, x)),
    ]


@mistake
def old_coordinates(A, b, x):
    """Your coordinates are all computed from the old x, which is Jacobi's method: each step uses
    the coordinates that are new already."""
    return x - (A @ x - b) / np.diag(A)


@mistake
def only_the_steepest(A, b, x):
    """Your function changes one coordinate only, that of the largest gradient: a sweep goes over
    all, in order."""
    g = A @ x - b
    i = np.argmax(np.abs(g))
    x = x.copy()
    x[i] = x[i] - g[i] / A[i, i]
    return x


EXERCISE = Exercise(
    "coordinate_descent_sweep",
    title="One coordinate at a time",
    minutes=10,
    section="curvature.md#coordinate-descent",
    parameters=("A", "b", "x"),
    returns=("x",),
    reference=reference.coordinate_descent_sweep,
    checks={
        "one sweep": Check(
            points=2,
            public=[
                case("two dimensions", *TWO_D),
                case("three dimensions", *THREE_D),
                case("a start from 1e-8 to 1000", A3, [1, -1, 2], [1e-8, 1e3, -1]),
            ],
            held_out=lambda rng: [
                case("two dimensions", *problem(rng, 2)),
                case("three dimensions", *problem(rng, 3)),
                case("five dimensions", *problem(rng, 5)),
            ],
        ),
        "several sweeps": Check(
            points=1,
            public=[case("three sweeps", *THREE_D, steps=[{}] * 3)],
            held_out=lambda rng: [case("six sweeps", *problem(rng, 3), steps=[{}] * 6)],
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                case("start at the minimum", A2, [4, 3], [1, 1]),
                case("a diagonal matrix", NARROW, *TWO_D[1:]),
                case("one dimension", [[2]], [1], [3]),
                *layouts(case, strided=TWO_D, readonly=TWO_D),
            ],
            held_out=lambda rng: special(*problem(rng, 3)),
        ),
    },
    mistakes={
        "old-coordinates": old_coordinates,
        "backwards": edit(
            "Your sweep goes from the last coordinate to the first: it goes from the first to "
            "the last.",
            ("range(len(x))", "range(len(x))[::-1]"),
        ),
        "curvature-forgotten": edit(
            "Your step subtracts the gradient itself: divide it by the curvature A_ii, which "
            "leads to the exact minimum.",
            (" / A[i, i]", ""),
        ),
        "divided-by-the-row": edit(
            "Your step divides by the sum of the row of A: the curvature along axis i is A_ii.",
            ("A[i, i]", "A[i].sum()"),
        ),
        "plus-b": edit(
            "Your gradient is Ax + b: the function is ½xᵀAx − bᵀx, so it is Ax − b.",
            ("- b[i]", "+ b[i]"),
        ),
        "diagonal-counted": edit(
            "Your new coordinate is (b_i − (Ax)_i)/A_ii, the change alone: add it to x_i (or "
            "leave A_ii x_i out of the sum).",
            ("x[i] - (A", "-(A"),
        ),
        "uphill": edit(
            "Your step is added and so climbs: x_i ← x_i − (Ax − b)_i / A_ii.",
            ("x[i] - (A", "x[i] + (A"),
        ),
        "only-the-steepest": only_the_steepest,
        "returns-early": edit(
            "Your function returns after the first coordinate: a sweep goes over all.",
            ("    return x", "        return x"),
        ),
        "later-coordinates-forgotten": edit(
            "Your sum stops at the diagonal: the coordinates that are still to come count, "
            "too, with their old values.",
            ("A[i] @ x", "A[i, : i + 1] @ x[: i + 1]"),
        ),
        "in-place": edit(
            "Your function changes `x` in place (writing to `x[i]` does that): start from a copy.",
            ("x = x.copy()\n    ", ""),
        ),
    },
)
