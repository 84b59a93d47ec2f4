"""A mean that starts from zero."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import case_maker, drawn_layouts, layouts, normals, spread

case = case_maker("x", "gamma", "t")


def constant(label: str, gamma: float, t: int) -> Case:
    """The mean of a constant after t updates; its correction is the constant."""
    return case(label, np.array([2, -3, 0, 0.5]) * (1 - gamma**t), gamma, t)


def constants(gamma: float) -> list[Case]:
    return [constant(f"the same constant after {t} updates", gamma, t) for t in (1, 3, 8, 40)]


@mistake
def in_place(x, gamma, t):
    """Your function changes `x` in place (`/=` does that to arrays), and the mean that is to be
    carried on would be lost: compute a new array."""
    x /= 1 - gamma**t
    return x


EXERCISE = Exercise(
    "bias_correction",
    title="A mean that starts from zero",
    minutes=5,
    section="adam.md#the-correction",
    parameters=("x", "gamma", "t"),
    returns=("x",),
    reference=reference.bias_correction,
    checks={
        "the first updates": Check(
            points=1,
            public=[
                case("the first update", [0.1, -2], 0.9, 1),
                case("the third update", [0.1, -2], 0.9, 3),
                case("a long memory", [0.1, -2], 0.999, 3),
                case("no memory", [0.1, -2], 0.0, 2),
                case("means from 0 to 1000", [0, 1e-8, -1, 30, 1e3], 0.75, 2),
            ],
            held_out=lambda rng: [
                case("the first update", rng.normal(size=3), rng.uniform(0.6, 0.95), 1),
                case("a later update", rng.normal(size=3), rng.uniform(0.6, 0.95), 6),
                case("a long memory", rng.normal(size=3), 1 - rng.uniform(1e-3, 2e-3), 5),
                case("means from 1e-8 to 1e3", spread(rng, 12), rng.uniform(0.6, 0.95), 3),
            ],
        ),
        "a constant comes back": Check(
            points=1,
            public=[
                constant("a constant after one update", 0.9, 1),
                constant("the same constant after two", 0.9, 2),
                constant("the same constant after 20", 0.9, 20),
                constant("the same constant, a long memory", 0.999, 7),
            ],
            held_out=lambda rng: constants(rng.uniform(0.6, 0.95)),
            relation="same_first_output",
        ),
        "long after the start": Check(
            points=1,
            public=[
                case("a short memory, 100 updates", [1, -2], 0.25, 100),
                case("ten thousand updates", [1, -2], 0.99, 10_000),
            ],
            held_out=lambda rng: [
                case("a short memory, long ago", rng.normal(size=3), rng.uniform(0.3, 0.5), 90),
                case("a million updates", rng.normal(size=3), 0.999, 10**6),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=layouts(
                case,
                (0.8, 3),
                number=[2],
                two_d=[[[1, 2], [3, 4]]],
                three_d=[np.full((2, 1, 2), 3.0)],
                strided=[[1, 2, 3]],
                readonly=[[1, 2]],
            ),
            held_out=lambda rng: drawn_layouts(
                case, lambda *shape: normals(rng, 1, *shape), (rng.uniform(0.6, 0.95), 4)
            ),
        ),
    },
    mistakes={
        "printed-correction": edit(
            "Your divisor is 1 − (1 − γ)ᵗ, as the lecture's slide prints it: that belongs to the "
            "other convention, where γ weighs the new value; here γ weighs the old one, so "
            "divide by 1 − γᵗ.",
            ("gamma**t", "(1 - gamma) ** t"),
        ),
        "multiplied": edit(
            "Your function multiplies by 1 − γᵗ: the mean is too small by this factor, so divide.",
            ("x / ", "x * "),
        ),
        "without-power": edit(
            "Your divisor is 1 − γ at every update: that is right at t = 1 only; it is 1 − γᵗ.",
            ("gamma**t", "gamma"),
        ),
        "product-for-power": edit(
            "Your divisor is 1 − γt: γ is taken to the power t, 1 − γᵗ.", ("gamma**t", "gamma * t")
        ),
        "one-update-less": edit(
            "Your divisor is 1 − γ to the power t − 1, zero at the first update: t counts from 1, "
            "so the power is t itself.",
            ("**t", " ** (t - 1)"),
        ),
        "one-update-more": edit(
            "Your divisor is 1 − γ to the power t + 1: t counts from 1 already, so the power is t.",
            ("**t", " ** (t + 1)"),
        ),
        "plus-power": edit("Your divisor is 1 + γᵗ: it is 1 − γᵗ.", ("1 - gamma", "1 + gamma")),
        "power-alone": edit(
            "Your divisor is γᵗ, the weight that the zero at the start still has: the weight of "
            "the values is the rest, 1 − γᵗ.",
            ("(1 - gamma**t)", "gamma**t"),
        ),
        "complement-to-the-power": edit(
            "Your divisor is (1 − γ)ᵗ: take the power first, then subtract, 1 − γᵗ.",
            ("(1 - gamma**t)", "(1 - gamma) ** t"),
        ),
        "root-of-the-correction": edit(
            "Your divisor is the root of 1 − γᵗ: that appears where a root of p is taken before "
            "the correction; here divide by 1 − γᵗ.",
            ("(1 - gamma**t)", "np.sqrt(1 - gamma**t)"),
        ),
        "nothing-corrected": edit(
            "Your function returns x as it is: divide it by 1 − γᵗ.",
            ("x / (1 - gamma**t)", "x.copy()"),
        ),
        "factor-alone": edit(
            "Your function returns the factor 1/(1 − γᵗ) alone: return x times it.",
            ("x / ", "1 / "),
        ),
        "in-place": in_place,
    },
)
