"""Down a quadratic valley."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, positive_definite, readonly, strided

case = case_maker("A", "b", "theta0", "lr", "mu", "steps", "nesterov")

A = np.array([[3.0, 1.0], [1.0, 2.0]])
GIVEN = (A, [1, -1], [2, 1.5])
NARROW = (np.diag([1.0, 50.0]), np.zeros(2), [10, 1])
IN_MEMORY = (strided(A), readonly([1, -1]), readonly([2, 1.5]))


def problem(rng: Rng, n: int) -> tuple[Array, Array, Array, float]:
    """A, b, theta0 and a rate with which gradient descent converges."""
    a = positive_definite(rng, n, 20)
    rate = float(rng.uniform(0.3, 0.8) / np.linalg.eigvalsh(a)[-1])
    return a, rng.normal(size=n), rng.normal(size=n) * 3, rate


def descent(a: Array, b: Array, start: Array, rate: float) -> list[Case]:
    return [
        case("momentum zero", a, b, start, rate, 0.0, 6, False),
        case("momentum zero, Nesterov", a, b, start, rate, 0.0, 6, True),
        case("a rate that diverges", a, b, start, 8 * rate, 0.0, 6, False),
    ]


def method(rng: Rng, nesterov: bool) -> list[Case]:
    a, b, start, rate = problem(rng, 3)
    mu = rng.uniform(0.6, 0.9)
    return [
        case("three dimensions", a, b, start, rate, mu, 8, nesterov),
        case("two dimensions", a[:2, :2].copy(), b[:2], start[:2], rate, mu, 8, nesterov),
        case("a single step", a, b, start, rate, mu, 1, nesterov),
        case("many steps", a, b, start, rate, mu, 60, nesterov),
    ]


def special(a: Array, b: Array, start: Array, rate: float) -> list[Case]:
    in_memory = strided(a), readonly(b), readonly(start)
    return [
        case("no step at all", a, b, start, rate, 0.8, 0, False),
        case("start at the minimum", a, b, np.linalg.solve(a, b), rate, 0.8, 4, True),
        case("learning rate zero", a, b, start, 0.0, 0.8, 3, True),
        case("one dimension", a[:1, :1].copy(), b[:1], start[:1], rate, 0.8, 5, True),
        case("read-only and strided data", *in_memory, rate, 0.8, 5, False),
    ]


EXERCISE = Exercise(
    "minimize_quadratic",
    title="Down a quadratic valley",
    minutes=20,
    section="momentum.md#one-direction-is-two-numbers",
    parameters=("A", "b", "theta0", "lr", "mu", "steps", "nesterov"),
    returns=("trajectory",),
    reference=reference.minimize_quadratic,
    checks={
        "without momentum": Check(
            points=1,
            public=[
                case("momentum zero", *GIVEN, 0.2, 0.0, 3, False),
                case("momentum zero, Nesterov", *GIVEN, 0.2, 0.0, 3, True),
                case("a rate that diverges", *GIVEN, 0.9, 0.0, 4, False),
            ],
            held_out=lambda rng: descent(*problem(rng, 3)),
        ),
        "with momentum": Check(
            points=2,
            public=[
                case("two dimensions", *GIVEN, 0.2, 0.5, 4, False),
                case("a single step", *GIVEN, 0.2, 0.9, 1, False),
                case("a narrow valley", *NARROW, 0.03, 0.8, 12, False),
            ],
            held_out=lambda rng: method(rng, False),
        ),
        "with Nesterov's gradient": Check(
            points=2,
            public=[
                case("two dimensions", *GIVEN, 0.2, 0.5, 4, True),
                case("a single step", *GIVEN, 0.2, 0.9, 1, True),
                case("a narrow valley", *NARROW, 0.015, 0.8, 12, True),
            ],
            held_out=lambda rng: method(rng, True),
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                case("no step at all", *GIVEN, 0.2, 0.5, 0, True),
                case("start at the minimum", A, [4, 3], [1, 1], 0.2, 0.5, 3, True),
                case("learning rate zero", *GIVEN, 0.0, 0.5, 2, False),
                case("one dimension", [[2]], [1], [3], 0.2, 0.5, 3, False),
                case("read-only and strided data", *IN_MEMORY, 0.2, 0.5, 3, True),
            ],
            held_out=lambda rng: special(*problem(rng, 3)),
        ),
    },
    mistakes={
        "gradient-with-plus-b": edit(
            "Your gradient is Aθ + b: the function is ½θᵀAθ − bᵀθ, so its gradient is Aθ − b.",
            ("A @ y - b", "A @ y + b"),
        ),
        "b-forgotten": edit(
            "Your gradient is Aθ and forgets b: the gradient of ½θᵀAθ − bᵀθ is Aθ − b.",
            (" - b", ""),
        ),
        "half-of-A": edit(
            "Your gradient is ½Aθ − b: the derivative of θᵀAθ brings a 2, which cancels the ½.",
            ("A @ y", "A @ y / 2"),
        ),
        "climbing": edit(
            "Your steps add the velocity and so climb: θ ← θ − v.", ("theta - v", "theta + v")
        ),
        "start-missing": edit(
            "Your trajectory has `steps` rows because the start is missing: row 0 is `theta0`, "
            "and `steps` rows follow.",
            ("[theta]", "[]"),
        ),
        "last-step-missing": edit(
            "Your function takes one step too few: the start and `steps` steps make "
            "`steps + 1` rows.",
            ("range(steps)", "range(steps - 1)"),
        ),
        "one-step-too-many": edit(
            "Your function takes one step too many: the start and `steps` steps make "
            "`steps + 1` rows.",
            ("range(steps)", "range(steps + 1)"),
        ),
        "only-the-last": edit(
            "Your function returns the last θ only: return all of them as rows of one array, the "
            "start first.",
            ("np.array(trajectory)", "theta"),
        ),
        "nesterov-ignored": edit(
            "Your function takes the gradient at θ also with `nesterov=True`: NAG takes it at the "
            "lookahead y = θ − μv.",
            ("theta - mu * v if nesterov else theta", "theta"),
        ),
        "always-nesterov": edit(
            "Your function takes the gradient at the lookahead also with `nesterov=False`: "
            "momentum takes it at θ.",
            (" if nesterov else theta", ""),
        ),
        "looks-back": edit(
            "Your lookahead is θ + μv, behind the parameters: in this course y = θ − μv.",
            ("theta - mu", "theta + mu"),
        ),
        "steps-from-lookahead": edit(
            "Your NAG step starts at the lookahead, so μv counts twice: θ ← θ − v from θ itself.",
            ("theta - v", "y - v"),
        ),
        "rows-are-lookaheads": edit(
            "Your NAG takes the gradient at the last row and steps by μv + αg with the new v: that "
            "is the form of torch.optim, whose rows are the lookaheads y; here the rows are θ.",
            ("theta - mu * v if nesterov else theta", "theta"),
            ("theta - v", "theta - (mu * v + lr * (A @ y - b) if nesterov else v)"),
        ),
        "velocity-moves-first": edit(
            "Your lookahead is θ − μ²v, for the velocity is multiplied by μ before it is used: "
            "look ahead by μv, with the v of the step before.",
            ("theta - mu * v if", "theta - mu * (mu * v) if"),
        ),
        "velocity-reset": edit(
            "Your velocity starts from zero again at each step, which makes this plain gradient "
            "descent: set v to zero once, before the loop.",
            ("range(steps):", "range(steps):\n        v = np.zeros_like(theta0)"),
        ),
        "velocity-averaged": edit(
            "Your velocity is an exponential average, μv + (1 − μ)αg: the course has v ← μv + αg.",
            ("lr * (A", "(1 - mu) * lr * (A"),
        ),
        "all-rows-the-same": edit(
            "All rows of your trajectory are the same array, which `-=` changes in each step: "
            "subtract with `-` and assign, which makes a new one.",
            ("= theta0,", "= theta0.copy(),"),
            ("theta = theta - v", "theta -= v"),
        ),
        "start-changed": edit(
            "Your function changes `theta0` in place (`-=` does that to arrays): "
            "subtract with `-` and assign, which makes a new array.",
            ("[theta]", "[theta.copy()]"),
            ("theta = theta - v", "theta -= v"),
            ("append(theta)", "append(theta.copy())"),
        ),
    },
)
