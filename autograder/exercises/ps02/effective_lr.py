"""How fast momentum really moves."""

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Rng, case_maker

case = case_maker("lr", "mu")


def limits(rng: Rng) -> list[Case]:
    lr = rng.uniform(0.01, 1)
    return [
        case("momentum zero", lr, 0.0),
        case("momentum close to one", lr, 1 - rng.uniform(0.001, 0.002)),
        case("learning rate zero", 0.0, rng.uniform(0.5, 0.95)),
    ]


EXERCISE = Exercise(
    "effective_lr",
    title="How fast momentum really moves",
    minutes=5,
    section="momentum.md#the-sum-of-past-gradients",
    parameters=("lr", "mu"),
    returns=("lr",),
    reference=reference.effective_lr,
    checks={
        "usual rates": Check(
            points=1,
            public=[
                case("momentum 0.9", 0.01, 0.9),
                case("momentum 0.5", 0.2, 0.5),
                case("a small rate", 1e-4, 0.7),
            ],
            held_out=lambda rng: [
                case("usual momentum", rng.uniform(0.01, 1), rng.uniform(0.6, 0.95)),
                case("little momentum", rng.uniform(0.01, 1), rng.uniform(0.1, 0.4)),
                case("a small rate", float(10.0 ** rng.uniform(-5, -3)), 0.9),
            ],
        ),
        "limits": Check(
            points=1,
            public=[
                case("momentum zero", 0.3, 0.0),
                case("momentum close to one", 0.1, 0.999),
                case("learning rate zero", 0.0, 0.9),
            ],
            held_out=limits,
        ),
    },
    mistakes={
        "shortened": edit(
            "Your rate is α(1 − μ), smaller than α: momentum adds up 1 + μ + μ² + … = 1/(1 − μ) "
            "steps, so divide.",
            (" / ", " * "),
        ),
        "plus-for-minus": edit(
            "Your rate is α/(1 + μ): the sum 1 + μ + μ² + … is 1/(1 − μ). (A gradient that "
            "changes its sign at each step gives 1/(1 + μ).)",
            ("1 - mu", "1 + mu"),
        ),
        "divided-by-mu": edit(
            "Your rate is α/μ: the sum 1 + μ + μ² + … is 1/(1 − μ).", ("(1 - mu)", "mu")
        ),
        "mu-squared": edit(
            "Your rate is α/(1 − μ²): the sum 1 + μ + μ² + … is 1/(1 − μ).", ("mu", "mu**2")
        ),
        "twice-divided": edit(
            "Your rate divides by 1 − μ twice: once is right, α/(1 − μ).",
            ("(1 - mu)", "(1 - mu) ** 2"),
        ),
        "rate-itself": edit(
            "Your rate is α itself: that holds where v is an average, μv + (1 − μ)αg; with the "
            "course's v ← μv + αg it is α/(1 − μ).",
            (" / (1 - mu)", ""),
        ),
        "two-terms": edit(
            "Your rate counts two steps, α(1 + μ): the sum 1 + μ + μ² + … goes on, to 1/(1 − μ).",
            ("/ (1 - mu)", "* (1 + mu)"),
        ),
        "first-left-out": edit(
            "Your rate leaves out the newest gradient: the sum starts with 1, not with μ.",
            ("lr /", "lr * mu /"),
        ),
    },
)
