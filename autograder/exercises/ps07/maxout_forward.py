"""Maxout."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

case = case_maker("x", "pieces")

X = floats([[1, 5, 2, -7, 0.5, 3.3], [-2, -1, -6, -4, 8.1, -9], [4, 3, -1, 2, 6.7, -5]])
ALL_NEGATIVE = -(np.arange(16.0).reshape(2, 2, 4) + 1)
LAST_TWO_EQUAL = floats([[-1, 4, 4, -2, -3, -3]])


def of_one_size(rng: Rng) -> Array:
    return np.asarray(rng.normal(size=(3, 8)) * 10.0 ** rng.uniform(-8, 3))


EXERCISE = Exercise(
    "maxout_forward",
    title="Maxout",
    minutes=10,
    section="activations.md#the-variants",
    parameters=("x", "pieces"),
    returns=("y", "winner"),
    reference=reference.maxout_forward,
    checks={
        "groups": Check(
            points=2,
            public=[
                case("groups of two", X, 2),
                case("groups of three", X, 3),
                case("all negative", [[-1, -2, -4, -3], [-8, -7, -5, -6]], 2),
                case("sizes from 1e-8 to 1000", [[1e-8, -1e3, 1e3, 30, -1e-8, -30]], 2),
                case("one piece a unit", X, 1),
            ],
            held_out=lambda rng: [
                case("groups of two", rng.normal(size=(4, 6)), 2),
                case("groups of three", rng.normal(size=(4, 6)), 3),
                case("all negative", -rng.uniform(1, 3, (3, 8)), 4),
                case("sizes from 1e-8 to 1e3", of_one_size(rng), 2),
                case("one piece a unit", rng.normal(size=(3, 4)), 1),
            ],
        ),
        "the first of equals": Check(
            points=1,
            public=[
                case("all inputs the same", np.ones((2, 4)), 2),
                case("whole numbers, with ties", [[1, 3, 3, 2, 2, 0]], 3),
                case("the last two are equal", LAST_TWO_EQUAL, 3),
            ],
            held_out=lambda rng: [
                case("all inputs the same", np.full((2, 4), rng.uniform(1, 2)), 2),
                case("whole numbers, with ties", rng.permutation([3.0, 3, 3, 1, 1, 1])[None], 3),
                case("the last two are equal", LAST_TWO_EQUAL * rng.uniform(1, 2), 3),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("a 1-d array", X[0], 2),
                case("a 3-d array", X[:, None], 3),
                case("a 3-d array, all negative", ALL_NEGATIVE, 2),
                *layouts(case, [2], strided=[X], column_major=[X]),
                *layouts(case, [3], readonly=[X]),
            ],
            held_out=lambda rng: [
                case("a 1-d array", rng.normal(size=6), 2),
                case("a 3-d array", rng.normal(size=(2, 3, 6)), 3),
                case("a 3-d array, all negative", -rng.uniform(1, 3, (2, 2, 8)), 2),
                *layouts(case, [2], strided=[rng.normal(size=(3, 6))]),
                *layouts(case, [2], column_major=[rng.normal(size=(3, 6))]),
                *layouts(case, [3], readonly=[rng.normal(size=(3, 6))]),
            ],
        ),
    },
    mistakes={
        "distant-groups": edit(
            "Your groups take inputs that lie far apart (0, u, 2u, …), a convention found "
            "elsewhere: in the course a group is `pieces` neighbours, jk … jk + k − 1.",
            ("-1, pieces", "pieces, -1"),
            ("max(axis=-1), groups.argmax(axis=-1)", "max(axis=-2), groups.argmax(axis=-2)"),
        ),
        "pieces-as-number-of-groups": edit(
            "Your function makes `pieces` groups: `pieces` is how many inputs a group has, so "
            "there are d / pieces groups.",
            ("-1, pieces", "pieces, -1"),
        ),
        "one-group": edit(
            "Your function takes the largest of all inputs: take the largest of each group of "
            "`pieces`.",
            ("groups.max(axis=-1), groups.argmax", "x.max(axis=-1), x.argmax"),
        ),
        "position-in-x": edit(
            "Your winner counts positions in the whole of x: count within the group, "
            "0 … pieces − 1.",
            ("groups.argmax", "pieces * np.arange(groups.shape[-2]) + groups.argmax"),
        ),
        "last-of-equals": edit(
            "Your winner is the last of equal pieces: the course takes the first, as argmax does.",
            ("groups.argmax", "pieces - 1 - groups[..., ::-1].argmax"),
        ),
        "counted-from-one": edit(
            "Your winner counts from 1: count from 0.", ("groups.argmax", "1 + groups.argmax")
        ),
        "largest-size": edit(
            "Your function takes the largest absolute value: maxout takes the largest value, "
            "which may be negative.",
            ("x.reshape", "np.abs(x).reshape"),
        ),
        "smallest": edit(
            "Your function takes the smallest of each group: maxout takes the largest.",
            ("groups.max", "groups.min"),
            ("groups.argmax", "groups.argmin"),
        ),
        "mean-of-group": edit(
            "Your function averages each group: maxout takes its largest entry.",
            ("groups.max", "groups.mean"),
        ),
        "rectified-too": edit(
            "Your function sets negative results to 0: maxout is no ReLU; the largest of a group "
            "may be negative.",
            ("groups.max(axis=-1)", "np.maximum(0, groups.max(axis=-1))"),
        ),
        "winner-missing": edit(
            "Your function returns y alone: the backward pass needs the winners, too. Return "
            "(y, winner).",
            (", groups.argmax(axis=-1)", ""),
        ),
        "outputs-swapped": edit(
            "Your function returns the winners first: the order is (y, winner).",
            ("groups.max", "groups.argmax"),
            ("groups.argmax", "groups.max"),
        ),
        "mask-for-winner": edit(
            "Your second output is a mask over all pieces: return the number of the winning "
            "piece, one integer a unit (argmax).",
            ("groups.argmax(axis=-1)", "(groups == groups.max(axis=-1)[..., None]) * 1"),
        ),
    },
    equivalents={
        "groups = x.reshape(*x.shape[:-1], -2, pieces)": (
            "NumPy takes any negative number for the size that it is to find."
        ),
        "winner in int32": "A winner may be of any type of whole numbers.",
    },
)
