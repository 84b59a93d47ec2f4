"""How far back a running mean remembers."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import (
    case_maker,
)

case = case_maker("gamma", "t")


@mistake
def sums_to_one(gamma, t):
    """Your weights are scaled to sum to 1: that is what bias correction will do, in the problem set
    on Adam; a running mean that starts from zero has weights of sum 1 − γᵗ."""
    w = gamma ** np.arange(t - 1.0, -1, -1)
    return w / w.sum()


@mistake
def start_included(gamma, t):
    """Your array has the weight γᵗ of the start in front: return the weights of the t values
    only."""
    w = (1 - gamma) * gamma ** np.arange(t, -1.0, -1)
    w[0] = gamma**t
    return w


@mistake
def first_not_weighted(gamma, t):
    """Your mean starts at the first value (L4's start), whose weight is then γ^(t − 1): the course
    starts from zero, so the first enters with the factor 1 − γ, too."""
    w = (1 - gamma) * gamma ** np.arange(t - 1.0, -1, -1)
    w[0] = gamma ** (t - 1)
    return w


EXERCISE = Exercise(
    "decay_weights",
    title="How far back a running mean remembers",
    minutes=10,
    section="rmsprop.md#the-window",
    parameters=("gamma", "t"),
    returns=("weights",),
    reference=reference.decay_weights,
    checks={
        "the weights": Check(
            points=1,
            public=[
                case("three updates", 0.9, 3),
                case("a short memory", 0.25, 4),
                case("twenty updates", 0.8, 20),
            ],
            held_out=lambda rng: [
                case("several updates", rng.uniform(0.6, 0.95), int(rng.integers(4, 8))),
                case("a short memory", rng.uniform(0.1, 0.4), 4),
                case("many updates", rng.uniform(0.6, 0.95), int(rng.integers(20, 30))),
            ],
        ),
        "limits": Check(
            points=1,
            public=[
                case("one update", 0.9, 1),
                case("nothing kept", 0.0, 3),
                case("a long memory", 0.999, 10),
            ],
            held_out=lambda rng: [
                case("one update", rng.uniform(0.6, 0.95), 1),
                case("nothing kept", 0.0, int(rng.integers(2, 5))),
                case("a long memory", 1 - rng.uniform(0.001, 0.01), 12),
            ],
        ),
    },
    mistakes={
        "newest-first": edit(
            "Your weights start with the newest: the oldest comes first, as the gradients did.",
            ("np.arange(t - 1, -1, -1)", "np.arange(t)"),
        ),
        "factor-missing": edit(
            "Your weights are powers of γ: each value enters with the factor 1 − γ, so that "
            "w_i = (1 − γ)γ^(t − i).",
            ("(1 - gamma) * ", ""),
        ),
        "keep-drop-swapped": edit(
            "Your γ is the weight of the new value: in this course it is that of the old one, so "
            "the newest weight is 1 − γ.",
            ("(1 - gamma) * gamma", "gamma * (1 - gamma)"),
        ),
        "one-too-old": edit(
            "Your exponents are one too large: the newest value has not faded yet, its weight is "
            "1 − γ.",
            ("t - 1, -1, -1", "t, 0, -1"),
        ),
        "sums-to-one": sums_to_one,
        "start-included": start_included,
        "first-not-weighted": first_not_weighted,
        "sum": edit(
            "Your function returns the sum of the weights: return all t of them, as an array.",
            ("(1 - gamma) * gamma ** np.arange(t - 1, -1, -1)", "1 - gamma**t"),
        ),
        "equal": edit(
            "Your weights are all 1/t, those of a plain mean: a running mean lets old values "
            "fade, w_i = (1 − γ)γ^(t − i).",
            ("(1 - gamma) * gamma ** np.arange(t - 1, -1, -1)", "np.full(t, 1 / t)"),
        ),
    },
)
