"""A falling learning rate."""

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Rng, case_maker

case = case_maker("k", "lr_start", "lr_end", "tau")


def ends(rng: Rng, rates: tuple[float, float], fall: tuple[float, float]) -> tuple[float, float]:
    """The first rate, and the last as a share of it."""
    start = rng.uniform(*rates)
    return start, start * rng.uniform(*fall)


def within(rng: Rng, tau: int) -> int:
    return int(rng.integers(2, tau - 1))


def during(rng: Rng) -> list[Case]:
    start, end = ends(rng, (0.1, 1), (0.01, 0.2))
    tau = 2 * int(rng.integers(25, 100))
    return [
        case("the first update", 0, start, end, tau),
        case("the second update", 1, start, end, tau),
        case("on the way", within(rng, tau), start, end, tau),
        case("the last update of the decay", tau - 1, start, end, tau),
        case("down to zero", within(rng, tau), start, 0.0, tau),
        case("tiny rates", within(rng, tau), 1e-3, 1e-5, tau),
        case("an odd number of updates", within(rng, tau), start, end, tau + 1),
    ]


def after(rng: Rng) -> list[Case]:
    start, end = ends(rng, (0.1, 1), (0.05, 0.2))
    tau = int(rng.integers(50, 200))
    return [
        case("when the decay ends", tau, start, end, tau),
        case("one update later", tau + 1, start, end, tau),
        case("long after", tau * int(rng.integers(3, 50)), start, end, tau),
        case("a decay of a single update", 1, start, end, 1),
    ]


def rising(rng: Rng) -> list[Case]:
    start, end = ends(rng, (0.001, 0.1), (2, 10))
    tau = 2 * int(rng.integers(10, 30))
    return [
        case("warm-up, on the way", within(rng, tau), start, end, tau),
        case("warm-up from zero", within(rng, tau), 0.0, end, tau),
        case("warm-up, after the end", 2 * tau, start, end, tau),
        case("equal rates", within(rng, tau), start, start, tau),
    ]


EXERCISE = Exercise(
    "linear_decay",
    title="A falling learning rate",
    minutes=10,
    section="sgd.md#schedules-how-the-rate-should-fall",
    parameters=("k", "lr_start", "lr_end", "tau"),
    returns=("lr",),
    reference=reference.linear_decay,
    checks={
        "during the decay": Check(
            points=2,
            public=[
                case("the first update", 0, 0.5, 0.005, 100),
                case("a quarter of the way", 25, 0.5, 0.005, 100),
                case("the last update of the decay", 99, 0.5, 0.005, 100),
                case("down to zero", 3, 0.8, 0.0, 12),
                case("an odd number of updates", 3, 0.5, 0.005, 7),
            ],
            held_out=during,
        ),
        "after the decay": Check(
            points=1,
            public=[
                case("when the decay ends", 100, 0.5, 0.005, 100),
                case("one update later", 101, 0.5, 0.005, 100),
                case("long after", 2500, 0.5, 0.005, 100),
            ],
            held_out=after,
        ),
        "rising rates": Check(
            points=1,
            public=[
                case("warm-up, half-way", 10, 0.01, 0.1, 20),
                case("warm-up from zero", 5, 0.0, 0.1, 20),
                case("warm-up, after the end", 30, 0.01, 0.1, 20),
                case("equal rates", 7, 0.1, 0.1, 20),
            ],
            held_out=rising,
        ),
    },
    mistakes={
        "never-constant": edit(
            "Your rate keeps falling after τ and becomes negative: from k = τ on it is constant, "
            "α_τ.",
            ("min(k / tau, 1.0)", "k / tau"),
        ),
        "ends-swapped": edit(
            "Your schedule has the two rates swapped: it should start at `lr_start` and end at "
            "`lr_end`.",
            (
                "(1 - fraction) * lr_start + fraction * lr_end",
                "fraction * lr_start + (1 - fraction) * lr_end",
            ),
        ),
        "down-to-zero": edit(
            "Your schedule falls to zero and ignores `lr_end`: add (k/τ)·α_τ.",
            (" + fraction * lr_end", ""),
        ),
        "zero-after": edit(
            "Your schedule stops training after τ with a rate of 0: the rate stays at α_τ.",
            ("return ", "return 0.0 if k >= tau else "),
        ),
        "start-after": edit(
            "Your schedule jumps back to the first rate after τ: it stays at α_τ.",
            ("return ", "return lr_start if k >= tau else "),
        ),
        "integer-division": edit(
            "Your fraction k // τ is cut to a whole number and stays 0 until τ: divide with `/`.",
            ("k / tau", "k // tau"),
        ),
        "exponential": edit(
            "Your schedule is the exponential one, α_0 (α_τ/α_0)^(k/τ): this exercise asks for a "
            "straight line.",
            (
                "(1 - fraction) * lr_start + fraction * lr_end",
                "lr_start * (lr_end / lr_start) ** fraction",
            ),
        ),
        "ends-added": edit(
            "Your schedule adds the whole of α_τ from the start: weigh it with k/τ.",
            ("fraction * lr_end", "lr_end"),
        ),
        "one-too-early": edit(
            "Your schedule reaches α_τ at k = τ − 1, one update too early: the fraction is k/τ.",
            ("k / tau", "k / max(tau - 1, 1)"),
        ),
    },
)
