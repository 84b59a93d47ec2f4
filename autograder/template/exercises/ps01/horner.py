"""Horner's rule."""

import numpy as np
from reference import rules

from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import case_maker

case = case_maker("c", "x")


@mistake
def changes_its_argument(c, x):
    """Your function writes into `x` (`*=` does that to arrays): compute a new array."""
    result = np.zeros_like(x)
    for coefficient in c[::-1]:
        result = result * x + coefficient
    x *= 0
    return result


EXERCISE = Exercise(
    "horner",
    title="Horner's rule",
    minutes=10,
    section="rules.md#horners-rule",
    parameters=("c", "x"),
    returns=("value",),
    reference=rules.horner,
    checks={
        "polynomials of several degrees": Check(
            points=2,
            public=[
                case("degree 2", [1, 2, 3], [0, 1, -1, 0.5]),
                case("a constant", [4], [7, -7]),
            ],
            held_out=lambda rng: [case("degree 5", rng.normal(size=6), rng.normal(size=4))],
        ),
        "many places at once": Check(
            points=1,
            public=[case("a table of places", [1, 0, -1], [[1, 2], [3, 1 / 3]])],
            held_out=lambda rng: [case("a table", rng.normal(size=4), rng.normal(size=(2, 3)))],
        ),
    },
    mistakes={
        "wrong-way-round": edit(
            "Your function takes the coefficients in the wrong order: `c[0]` is the constant.",
            ("c[::-1]", "c"),
        ),
        "constant-left-out": edit(
            "Your sum stops before the constant `c[0]`.",
            ("c[::-1]", "c[:0:-1]"),
        ),
        "no-powers": edit(
            "Your function adds up the coefficients: multiply by `x` before you add the next one.",
            ("result * x", "result"),
        ),
        "changes-its-argument": changes_its_argument,
    },
)
