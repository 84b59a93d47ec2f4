"""Gradients that arrive late."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts, spread

from .sizes import size

case = case_maker("grads", "delay", "lr")

FIVE = floats([[1, -2], [0, 4], [3, 1], [-1, 0.5], [2, 2]])


def rate(rng: Rng) -> float:
    return rng.uniform(0.05, 0.5)


def late(rng: Rng, lr: float) -> list[Case]:
    return [
        case("one update late", rng.normal(size=(5, 3)), 1, lr),
        case("two updates late", rng.normal(size=(7, 2)), 2, lr),
        case("three updates late", rng.normal(size=(6, 2)), 3, lr),
        case("of very different size", spread(rng, 8, 3), 2, lr),
    ]


def very_late(rng: Rng, lr: float) -> list[Case]:
    return [
        case("only the first arrives", rng.normal(size=(4, 2)), 3, lr),
        case("none arrives", rng.normal(size=(4, 2)), 4, lr),
        case("a delay beyond the end", rng.normal(size=(3, 2)), size(rng, 5, 9), lr),
        case("rate zero", rng.normal(size=(4, 2)), 2, 0.0),
    ]


def in_memory(rng: Rng, lr: float, grads: Array) -> list[Case]:
    return [
        case("one number a gradient (0-d)", rng.normal(size=6), 2, lr),
        case("2-d gradients", grads, 2, lr),
        case("3-d gradients", rng.normal(size=(4, 2, 1, 2)), 2, lr),
        *layouts(
            case, (2, lr), noun="an array", readonly=[grads], strided=[grads], column_major=[grads]
        ),
    ]


EXERCISE = Exercise(
    "stale_sgd",
    title="Gradients that arrive late",
    minutes=15,
    section="parallel-training.md#delay-lowers-the-largest-rate",
    parameters=("grads", "delay", "lr"),
    returns=("trajectory",),
    reference=reference.stale_sgd,
    checks={
        "no delay": Check(
            points=1,
            public=[
                case("five gradients", FIVE, 0, 0.1),
                case("of very different size", [[1e3, 1e-8], [0, -2], [1e-3, 5]], 0, 0.5),
                case("rate zero", FIVE, 0, 0.0),
                case("a single gradient", FIVE[:1], 0, 0.1),
            ],
            held_out=lambda rng: [
                case("five gradients", rng.normal(size=(5, 3)), 0, rate(rng)),
                case("of very different size", spread(rng, 6, 2), 0, rate(rng)),
                case("rate zero", rng.normal(size=(3, 2)), 0, 0.0),
                case("a single gradient", rng.normal(size=(1, 3)), 0, rate(rng)),
            ],
        ),
        "a few updates late": Check(
            points=2,
            public=[
                case("one update late", FIVE, 1, 0.1),
                case("two updates late", FIVE, 2, 0.1),
                case("three updates late", FIVE, 3, 0.5),
            ],
            held_out=lambda rng: late(rng, rate(rng)),
        ),
        "long delays": Check(
            points=1,
            public=[
                case("only the first arrives", FIVE, 4, 0.1),
                case("none arrives", FIVE, 5, 0.1),
                case("a delay beyond the end", FIVE, 8, 0.1),
                case("rate zero", FIVE, 2, 0.0),
            ],
            held_out=lambda rng: very_late(rng, rate(rng)),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("one number a gradient (0-d)", [1, -2, 3, 5], 2, 0.1),
                case("2-d gradients", np.arange(16.0).reshape(4, 2, 2) - 5, 2, 0.1),
                *layouts(case, (2, 0.1), noun="an array", readonly=[FIVE], strided=[FIVE]),
            ],
            held_out=lambda rng: in_memory(rng, rate(rng), rng.normal(size=(5, 2, 3))),
        ),
    },
    mistakes={
        "delay-ignored": edit(
            "Your function uses every gradient at once, which is SGD without a delay: update t "
            "uses the gradient number t − τ.",
            ("t >= delay", "t >= 0"),
            ("t - delay", "t"),
        ),
        "one-update-too-late": edit(
            "Your gradients arrive one update too late: with τ = 0 update t uses gradient t.",
            ("t >= delay", "t > delay"),
            ("t - delay", "t - delay - 1"),
        ),
        "one-update-too-early": edit(
            "Your gradients arrive one update too early: with τ = 1 the first update has none yet.",
            ("t >= delay", "t + 1 >= delay"),
            ("t - delay", "min(t, t + 1 - delay)"),
        ),
        "first-gradient-lost": edit(
            "Your function never uses the first gradient: it arrives at t = τ, and is used "
            "at once.",
            ("t >= delay", "t > delay"),
        ),
        "wrapped-around": edit(
            "Your index t − τ is negative at first and so counts from the end: gradients that "
            "nobody has computed yet; skip these updates.",
            ("t >= delay", "t >= 0"),
            ("t - delay", "(t - delay) % len(grads)"),
        ),
        "first-gradient-repeated": edit(
            "Your function uses the first gradient again and again while waiting: nothing has "
            "arrived before t = τ, so θ stays where it is.",
            ("t >= delay", "t >= 0"),
            ("t - delay", "max(t - delay, 0)"),
        ),
        "fresh-while-waiting": edit(
            "Your function uses fresh gradients in the first τ updates, and then again: nothing "
            "has arrived before t = τ, so θ stays where it is.",
            ("t >= delay", "t >= 0"),
            ("t - delay", "t - delay if t >= delay else t"),
        ),
        "wrong-sign": edit(
            "Your function adds the gradients, uphill: subtract α g.", ("theta - lr", "theta + lr")
        ),
        "start-missing": edit(
            "Your trajectory begins after the first update: its first row is the start, zero, and "
            "it has T + 1 rows.",
            ("[theta]", "[]"),
        ),
        "flushed-at-the-end": edit(
            "Your function adds the gradients still under way to the last row: they never arrive.",
            (
                "return",
                "waiting = grads[max(len(grads) - delay, 0) :]\n    "
                "trajectory[-1] = theta - lr * waiting.sum(axis=0)\n    return",
            ),
        ),
        "rate-divided-by-delay": edit(
            "Your function divides the rate by the delay, as staleness-aware SGD does (Zhang et "
            "al. 2016): the course leaves the rate as it is.",
            ("lr *", "lr / max(delay, 1) *"),
        ),
        "steps-not-summed": edit(
            "Your rows are single steps: a row is the sum of all steps up to it.",
            ("theta - lr", "-lr"),
        ),
        "last-point-only": edit(
            "Your function returns the last point: return all T + 1 of them as rows.",
            ("np.array(trajectory)", "theta"),
        ),
    },
)
