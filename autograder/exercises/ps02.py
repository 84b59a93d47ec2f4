"""Problem set 2: momentum and Nesterov's accelerated gradient."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    case_maker,
    column_major,
    floats,
    positive_definite,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

# --- momentum_step and nag_step have the same form -------------------------------------------

_momentum = case_maker("theta", "v", "grad", "lr", "mu")
_nag = case_maker("theta", "v", "grad_at_lookahead", "lr", "mu")

StepCase = Callable[..., Case]


def _first_step(make: StepCase) -> list[Case]:
    return [
        make("velocity zero", floats([1, -2]), np.zeros(2), floats([0.5, -4]), 0.1, 0.9),
        make(
            "gradients from 0 to 1000",
            np.zeros(5),
            np.zeros(5),
            floats([0, 1e-8, -1, 30, 1e3]),
            20.0,
            0.5,
        ),
    ]


def _held_out_first_step(make: StepCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        lr, mu = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.5, 0.95))
        return [
            make("velocity zero", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, mu),
            make(
                "velocity zero, gradients from 1e-8 to 1e3",
                rng.normal(size=12),
                np.zeros(12),
                spread(rng, 12),
                lr,
                mu,
            ),
            make(
                "velocity zero, a tiny gradient",
                np.zeros(3),
                np.zeros(3),
                rng.normal(size=3) * 1e-8,
                100 * (1 + lr),
                mu,
            ),
        ]

    return cases


def _later_step(make: StepCase) -> list[Case]:
    theta, v = floats([1, -2]), floats([0.3, -0.2])
    return [
        make("velocity along the gradient", theta, v, floats([2, -1]), 0.1, 0.9),
        make("velocity against the gradient", theta, v, floats([-3, 4]), 0.1, 0.9),
        make("gradient zero", theta, v, np.zeros(2), 0.1, 0.9),
        make("momentum zero", theta, v, floats([2, -1]), 0.1, 0.0),
        make("learning rate zero", theta, v, floats([2, -1]), 0.0, 0.9),
    ]


def _held_out_later_step(make: StepCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        lr, mu = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.5, 0.95))
        theta, v, grad = rng.normal(size=4), rng.normal(size=4), rng.normal(size=4)
        return [
            make("moving", theta, v, grad, lr, mu),
            make("gradients from 1e-8 to 1e3", theta, v, spread(rng, 4), lr, mu),
            make("gradient zero", theta, v, np.zeros(4), lr, mu),
            make("momentum zero", theta, v, grad, lr, 0.0),
            make("learning rate zero", theta, v, grad, 0.0, mu),
        ]

    return cases


def _several_steps(make: StepCase, grad: str) -> list[Case]:
    gradients = ([2, 1], [-1, 3], [0.5, -10], [0, 0.25])
    rates = (0.5, 0.25, 0.125, 0.125)
    return [
        make(
            "constant rate",
            floats([1, -1]),
            np.zeros(2),
            np.zeros(2),
            0.1,
            0.9,
            steps=[{grad: floats(g)} for g in gradients],
            feedback=("theta", "v"),
        ),
        make(
            "falling rate",
            floats([1, -1]),
            np.zeros(2),
            np.zeros(2),
            0.0,
            0.9,
            steps=[{grad: floats(g), "lr": a} for g, a in zip(gradients, rates, strict=True)],
            feedback=("theta", "v"),
        ),
    ]


def _held_out_several_steps(
    make: StepCase, grad: str
) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        constant = [{grad: rng.normal(size=3)} for _ in range(6)]
        falling = [
            {grad: rng.normal(size=3), "lr": float(rng.uniform(0.3, 0.6)) / (t + 1)}
            for t in range(6)
        ]
        growing = [{grad: rng.normal(size=3), "mu": 1 - 1 / (t + 2), "lr": 0.1} for t in range(6)]
        return [
            make(
                label,
                rng.normal(size=3),
                np.zeros(3),
                np.zeros(3),
                0.2,
                0.8,
                steps=steps,
                feedback=("theta", "v"),
            )
            for label, steps in (
                ("constant rate", constant),
                ("falling rate", falling),
                ("growing momentum", growing),
            )
        ]

    return cases


def _step_layouts(make: StepCase) -> list[Case]:
    square = [[1, 2], [3, 4]]
    return [
        make("a single number (0-d)", floats(2), floats(0.5), floats(-1), 0.2, 0.9),
        make("2-d arrays", floats(square), np.ones((2, 2)), floats([[0, 1], [-1, 2]]), 0.2, 0.9),
        make(
            "3-d arrays", np.ones((2, 1, 2)), np.ones((2, 1, 2)), np.full((2, 1, 2), 3.0), 0.2, 0.9
        ),
        make(
            "arrays that skip memory", strided([1, 2]), strided([3, 4]), strided([5, 6]), 0.2, 0.9
        ),
        make("read-only arrays", *map(readonly, ([1, 2], [3, 4], [5, 6])), 0.2, 0.9),
    ]


def _held_out_step_layouts(make: StepCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        def three(*shape: int) -> list[Array]:
            return [np.asarray(rng.normal(size=shape)) for _ in range(3)]

        return [
            make("a single number (0-d)", *three(), 0.2, 0.7),
            make("2-d arrays", *three(3, 2), 0.2, 0.7),
            make("3-d arrays", *three(2, 2, 3), 0.2, 0.7),
            make("arrays that skip memory", *map(strided, three(4)), 0.2, 0.7),
            make("arrays stored by columns", *map(column_major, three(2, 3)), 0.2, 0.7),
            make("read-only arrays", *map(readonly, three(3)), 0.2, 0.7),
        ]

    return cases


def _step_checks(make: StepCase, grad: str) -> tuple[Check, ...]:
    return (
        Check("the first step", 1, _first_step(make), _held_out_first_step(make)),
        Check("a later step", 2, _later_step(make), _held_out_later_step(make)),
        Check(
            "several steps",
            1,
            _several_steps(make, grad),
            _held_out_several_steps(make, grad),
        ),
        Check("shapes and memory layouts", 1, _step_layouts(make), _held_out_step_layouts(make)),
    )


# --- momentum_step ---------------------------------------------------------------------------


def _uphill(theta, v, grad, lr, mu):
    v = mu * v + lr * grad
    return theta + v, v


def _rate_outside(theta, v, grad, lr, mu):
    v = mu * v + grad
    return theta - lr * v, v


def _averaged(theta, v, grad, lr, mu):
    v = mu * v + (1 - mu) * lr * grad
    return theta - v, v


def _averaged_rate_outside(theta, v, grad, lr, mu):
    v = mu * v + (1 - mu) * grad
    return theta - lr * v, v


def _rate_on_both(theta, v, grad, lr, mu):
    v = lr * (mu * v + grad)
    return theta - v, v


def _velocity_of_opposite_sign(theta, v, grad, lr, mu):
    v = mu * v - lr * grad
    return theta + v, v


def _gradient_subtracted(theta, v, grad, lr, mu):
    v = mu * v - lr * grad
    return theta - v, v


def _no_momentum(theta, v, grad, lr, mu):
    v = lr * grad
    return theta - v, v


def _old_velocity_returned(theta, v, grad, lr, mu):
    return theta - (mu * v + lr * grad), v


def _old_velocity_used(theta, v, grad, lr, mu):
    return theta - v, mu * v + lr * grad


def _velocity_not_returned(theta, v, grad, lr, mu):
    v = mu * v + lr * grad
    return theta - v


def _step_in_place(theta, v, grad, lr, mu):
    v *= mu
    v += lr * grad
    theta -= v
    return theta, v


_MOMENTUM_STEP = Exercise(
    "momentum_step",
    title="One step with momentum",
    minutes=10,
    section="momentum.md#the-rule",
    parameters=("theta", "v", "grad", "lr", "mu"),
    returns=("theta", "v"),
    reference=reference.momentum_step,
    checks=_step_checks(_momentum, "grad"),
    mistakes=(
        Mistake(
            "uphill",
            "Your step adds the velocity and so climbs: in this course v is what is subtracted, "
            "θ ← θ − v.",
            _uphill,
        ),
        Mistake(
            "rate-outside",
            "Your function keeps v ← μv + g and steps by αv: that is torch.optim's convention, "
            "which differs as soon as α changes; the course has the rate inside, v ← μv + αg.",
            _rate_outside,
        ),
        Mistake(
            "averaged",
            "Your velocity is an exponential average, μv + (1 − μ)αg: that convention takes "
            "steps 1 − μ times as long; the course adds the whole αg, v ← μv + αg.",
            _averaged,
        ),
        Mistake(
            "averaged-rate-outside",
            "Your velocity is an exponential average of gradients, μv + (1 − μ)g, with the rate "
            "applied outside: the course has v ← μv + αg and θ ← θ − v.",
            _averaged_rate_outside,
        ),
        Mistake(
            "rate-on-both",
            "Your function multiplies the old velocity by the learning rate, too: the rate "
            "belongs to the gradient only, v ← μv + αg.",
            _rate_on_both,
        ),
        Mistake(
            "velocity-of-opposite-sign",
            "Your function has v ← μv − αg and θ ← θ + v: that is the textbook's convention (L3 to "
            "L5), whose v has the opposite sign; the course has v ← μv + αg and θ ← θ − v.",
            _velocity_of_opposite_sign,
        ),
        Mistake(
            "gradient-subtracted",
            "Your function subtracts twice, v ← μv − αg and θ ← θ − v, and so climbs: "
            "v ← μv + αg, θ ← θ − v.",
            _gradient_subtracted,
        ),
        Mistake(
            "no-momentum",
            "Your function forgets the old velocity, so that this is plain gradient descent: "
            "v ← μv + αg.",
            _no_momentum,
        ),
        Mistake(
            "old-velocity-returned",
            "Your θ is right, but you return the old velocity: nothing would accumulate. "
            "Return the new v.",
            _old_velocity_returned,
        ),
        Mistake(
            "old-velocity-used",
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            _old_velocity_used,
        ),
        Mistake(
            "velocity-not-returned",
            "Your function returns θ alone: return both, (theta, v), or the velocity is lost "
            "after each step.",
            _velocity_not_returned,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): "
            "compute new arrays.",
            _step_in_place,
        ),
    ),
)

# --- nag_lookahead ---------------------------------------------------------------------------

_lookahead = case_maker("theta", "v", "mu")


def _lookahead_cases(rng: np.random.Generator) -> list[Case]:
    mu = float(rng.uniform(0.55, 0.95))
    return [
        _lookahead("moving", rng.normal(size=4), rng.normal(size=4), mu),
        _lookahead("velocities from 1e-8 to 1e3", rng.normal(size=12), spread(rng, 12), mu),
        _lookahead("velocity zero", rng.normal(size=3), np.zeros(3), mu),
        _lookahead("momentum zero", rng.normal(size=3), rng.normal(size=3), 0.0),
        _lookahead("momentum almost one", rng.normal(size=3), rng.normal(size=3), 0.999),
    ]


def _lookahead_layout_cases(rng: np.random.Generator) -> list[Case]:
    def two(*shape: int) -> list[Array]:
        return [np.asarray(rng.normal(size=shape)) for _ in range(2)]

    return [
        _lookahead("a single number (0-d)", *two(), 0.7),
        _lookahead("2-d arrays", *two(3, 2), 0.7),
        _lookahead("3-d arrays", *two(2, 2, 3), 0.7),
        _lookahead("arrays that skip memory", *map(strided, two(4)), 0.7),
        _lookahead("arrays stored by columns", *map(column_major, two(2, 3)), 0.7),
        _lookahead("read-only arrays", *map(readonly, two(3)), 0.7),
    ]


def _look_back(theta, v, mu):
    return theta + mu * v


def _whole_velocity(theta, v, mu):
    return theta - v


def _no_lookahead(theta, v, mu):
    return theta.copy()


def _one_minus_mu(theta, v, mu):
    return theta - (1 - mu) * v


def _shrunk_theta(theta, v, mu):
    return mu * (theta - v)


def _only_the_distance(theta, v, mu):
    return mu * v


def _lookahead_in_place(theta, v, mu):
    theta -= mu * v
    return theta


_NAG_LOOKAHEAD = Exercise(
    "nag_lookahead",
    title="Where NAG looks",
    minutes=5,
    section="momentum.md#nesterov-jump-first-then-correct",
    parameters=("theta", "v", "mu"),
    returns=("y",),
    reference=reference.nag_lookahead,
    checks=(
        Check(
            "the lookahead",
            1,
            [
                _lookahead("two parameters", floats([1, -2]), floats([0.5, 4]), 0.9),
                _lookahead(
                    "velocities from 0 to 1000",
                    np.zeros(5),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    0.5,
                ),
                _lookahead("velocity zero", floats([1, -2]), np.zeros(2), 0.9),
                _lookahead("momentum zero", floats([1, -2]), floats([0.5, 4]), 0.0),
            ],
            _lookahead_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _lookahead("a single number (0-d)", floats(2), floats(0.5), 0.9),
                _lookahead("2-d arrays", floats([[1, 2], [3, 4]]), floats([[0, 1], [2, 0]]), 0.9),
                _lookahead("3-d arrays", np.ones((2, 1, 2)), np.full((2, 1, 2), 3.0), 0.9),
                _lookahead("arrays that skip memory", strided([1, 2]), strided([3, 4]), 0.9),
                _lookahead("read-only arrays", readonly([1, 2]), readonly([3, 4]), 0.9),
            ],
            _lookahead_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "look-back",
            "Your lookahead is θ + μv, behind the parameters: v is subtracted in this course, "
            "so ahead is y = θ − μv. (Texts that add v write θ + μv.)",
            _look_back,
        ),
        Mistake(
            "whole-velocity",
            "Your lookahead subtracts the whole velocity: only μv of it will be carried over, "
            "y = θ − μv.",
            _whole_velocity,
        ),
        Mistake(
            "no-lookahead",
            "Your function returns θ itself, which makes NAG plain momentum: y = θ − μv.",
            _no_lookahead,
        ),
        Mistake(
            "one-minus-mu",
            "Your lookahead has the weight 1 − μ, which belongs to averages: y = θ − μv.",
            _one_minus_mu,
        ),
        Mistake(
            "shrunk-theta",
            "Your function multiplies θ by μ, too: only the velocity has this factor, y = θ − μv.",
            _shrunk_theta,
        ),
        Mistake(
            "only-the-distance",
            "Your function returns μv, the distance to the lookahead: return the point y = θ − μv.",
            _only_the_distance,
        ),
        Mistake(
            "in-place",
            "Your function changes `theta` in place (`-=` does that to arrays), and the step "
            "would start from the wrong point: compute a new array.",
            _lookahead_in_place,
        ),
    ),
)

# --- nag_step --------------------------------------------------------------------------------


def _nag_uphill(theta, v, grad_at_lookahead, lr, mu):
    v = mu * v + lr * grad_at_lookahead
    return theta + v, v


def _momentum_missing(theta, v, grad_at_lookahead, lr, mu):
    v = lr * grad_at_lookahead
    return theta - v, v


def _from_lookahead(theta, v, grad_at_lookahead, lr, mu):
    y = theta - mu * v
    v = mu * v + lr * grad_at_lookahead
    return y - v, v


def _gradient_step_at_lookahead_only(theta, v, grad_at_lookahead, lr, mu):
    v_new = lr * grad_at_lookahead
    return theta - mu * v - v_new, v_new


def _next_lookahead(theta, v, grad_at_lookahead, lr, mu):
    v = mu * v + lr * grad_at_lookahead
    return theta - (mu * v + lr * grad_at_lookahead), v


def _nag_rate_outside(theta, v, grad_at_lookahead, lr, mu):
    v = mu * v + grad_at_lookahead
    return theta - lr * v, v


def _nag_averaged(theta, v, grad_at_lookahead, lr, mu):
    v = mu * v + (1 - mu) * lr * grad_at_lookahead
    return theta - v, v


def _nag_velocity_of_opposite_sign(theta, v, grad_at_lookahead, lr, mu):
    v = mu * v - lr * grad_at_lookahead
    return theta + v, v


def _nag_old_velocity_returned(theta, v, grad_at_lookahead, lr, mu):
    return theta - (mu * v + lr * grad_at_lookahead), v


def _nag_old_velocity_used(theta, v, grad_at_lookahead, lr, mu):
    return theta - v, mu * v + lr * grad_at_lookahead


def _nag_in_place(theta, v, grad_at_lookahead, lr, mu):
    v *= mu
    v += lr * grad_at_lookahead
    theta -= v
    return theta, v


_NAG_STEP = Exercise(
    "nag_step",
    title="One step of NAG",
    minutes=10,
    section="momentum.md#the-rule",
    parameters=("theta", "v", "grad_at_lookahead", "lr", "mu"),
    returns=("theta", "v"),
    reference=reference.nag_step,
    checks=_step_checks(_nag, "grad_at_lookahead"),
    mistakes=(
        Mistake(
            "momentum-missing",
            "Your velocity is αf'(y) alone, as the lecture's slide prints it: the term μv is "
            "missing there, so no momentum accumulates; v ← μv + αf'(y).",
            _momentum_missing,
        ),
        Mistake(
            "gradient-step-at-lookahead-only",
            "Your θ is right, but your velocity is the gradient step αf'(y) alone: the new v is "
            "the whole step, μv + αf'(y).",
            _gradient_step_at_lookahead_only,
        ),
        Mistake(
            "from-lookahead",
            "Your step starts at the lookahead y and subtracts the whole new v, so μv counts "
            "twice: either θ − v with the new v, or y − αf'(y).",
            _from_lookahead,
        ),
        Mistake(
            "next-lookahead",
            "Your function returns θ − (μv + αg) with the new v: that is the form of torch.optim, "
            "which holds the lookahead y instead of θ; the course returns θ − v.",
            _next_lookahead,
        ),
        Mistake(
            "uphill",
            "Your step adds the velocity and so climbs: θ ← θ − v.",
            _nag_uphill,
        ),
        Mistake(
            "rate-outside",
            "Your function keeps v ← μv + g and steps by αv: that is torch.optim's convention, "
            "which differs as soon as α changes; the course has the rate inside, v ← μv + αf'(y).",
            _nag_rate_outside,
        ),
        Mistake(
            "averaged",
            "Your velocity is an exponential average, μv + (1 − μ)αg: the course adds the whole "
            "αf'(y), v ← μv + αf'(y).",
            _nag_averaged,
        ),
        Mistake(
            "velocity-of-opposite-sign",
            "Your function has v ← μv − αg and θ ← θ + v: that is the textbook's convention (L3, "
            "L5), whose v has the opposite sign; the course has v ← μv + αf'(y) and θ ← θ − v.",
            _nag_velocity_of_opposite_sign,
        ),
        Mistake(
            "old-velocity-returned",
            "Your θ is right, but you return the old velocity: return the new v.",
            _nag_old_velocity_returned,
        ),
        Mistake(
            "old-velocity-used",
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            _nag_old_velocity_used,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): "
            "compute new arrays.",
            _nag_in_place,
        ),
    ),
)

# --- minimize_quadratic ----------------------------------------------------------------------

_quadratic = case_maker("A", "b", "theta0", "lr", "mu", "steps", "nesterov")

_A = floats([[3, 1], [1, 2]])
_B = floats([1, -1])
_START = floats([2, 1.5])


def _problem(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array, float]:
    a = positive_definite(rng, n, 20)
    rate = float(rng.uniform(0.3, 0.8) / np.linalg.eigvalsh(a)[-1])
    return a, rng.normal(size=n), rng.normal(size=n) * 3, rate


def _descent_cases(rng: np.random.Generator) -> list[Case]:
    a, b, start, rate = _problem(rng, 3)
    return [
        _quadratic("momentum zero", a, b, start, rate, 0.0, 6, False),
        _quadratic("momentum zero, Nesterov", a, b, start, rate, 0.0, 6, True),
        _quadratic("a rate that diverges", a, b, start, 8 * rate, 0.0, 6, False),
    ]


def _method_cases(nesterov: bool) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        a, b, start, rate = _problem(rng, 3)
        mu = float(rng.uniform(0.6, 0.9))
        return [
            _quadratic("three dimensions", a, b, start, rate, mu, 8, nesterov),
            _quadratic("two dimensions", a[:2, :2].copy(), b[:2], start[:2], rate, mu, 8, nesterov),
            _quadratic("a single step", a, b, start, rate, mu, 1, nesterov),
            _quadratic("many steps", a, b, start, rate, mu, 60, nesterov),
        ]

    return cases


def _quadratic_edge_cases(rng: np.random.Generator) -> list[Case]:
    a, b, start, rate = _problem(rng, 3)
    minimum = np.linalg.solve(a, b)
    return [
        _quadratic("no step at all", a, b, start, rate, 0.8, 0, False),
        _quadratic("start at the minimum", a, b, minimum, rate, 0.8, 4, True),
        _quadratic("learning rate zero", a, b, start, 0.0, 0.8, 3, True),
        _quadratic("one dimension", a[:1, :1].copy(), b[:1], start[:1], rate, 0.8, 5, True),
        _quadratic(
            "read-only and strided data",
            strided(a),
            readonly(b),
            readonly(start),
            rate,
            0.8,
            5,
            False,
        ),
    ]


def _gradient_with_plus_b(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y + b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _b_forgotten(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _half_of_A(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y / 2 - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _climbing(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta + v
        trajectory.append(theta)
    return np.array(trajectory)


def _start_missing(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = []
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _last_step_missing(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps - 1):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _one_step_too_many(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps + 1):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _only_the_last(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
    return theta


def _nesterov_ignored(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        v = mu * v + lr * (A @ theta - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _always_nesterov(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        v = mu * v + lr * (A @ (theta - mu * v) - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _looks_back(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta + mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _steps_from_lookahead(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = y - v
        trajectory.append(theta)
    return np.array(trajectory)


def _velocity_reset(A, b, theta0, lr, mu, steps, nesterov):
    theta = theta0
    trajectory = [theta]
    for _ in range(steps):
        v = np.zeros_like(theta0)
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _velocity_averaged(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + (1 - mu) * lr * (A @ y - b)
        theta = theta - v
        trajectory.append(theta)
    return np.array(trajectory)


def _all_rows_the_same(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0.copy(), np.zeros_like(theta0)
    trajectory = [theta]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta -= v
        trajectory.append(theta)
    return np.array(trajectory)


def _start_changed(A, b, theta0, lr, mu, steps, nesterov):
    theta, v = theta0, np.zeros_like(theta0)
    trajectory = [theta.copy()]
    for _ in range(steps):
        y = theta - mu * v if nesterov else theta
        v = mu * v + lr * (A @ y - b)
        theta -= v
        trajectory.append(theta.copy())
    return np.array(trajectory)


_MINIMIZE_QUADRATIC = Exercise(
    "minimize_quadratic",
    title="Down a quadratic valley",
    minutes=20,
    section="momentum.md#one-direction-is-two-numbers",
    parameters=("A", "b", "theta0", "lr", "mu", "steps", "nesterov"),
    returns=("trajectory",),
    reference=reference.minimize_quadratic,
    checks=(
        Check(
            "without momentum",
            1,
            [
                _quadratic("momentum zero", _A, _B, _START, 0.2, 0.0, 3, False),
                _quadratic("momentum zero, Nesterov", _A, _B, _START, 0.2, 0.0, 3, True),
                _quadratic("a rate that diverges", _A, _B, _START, 0.9, 0.0, 4, False),
            ],
            _descent_cases,
        ),
        Check(
            "with momentum",
            2,
            [
                _quadratic("two dimensions", _A, _B, _START, 0.2, 0.5, 4, False),
                _quadratic("a single step", _A, _B, _START, 0.2, 0.9, 1, False),
                _quadratic(
                    "a narrow valley",
                    np.diag([1.0, 50.0]),
                    np.zeros(2),
                    floats([10, 1]),
                    0.03,
                    0.8,
                    12,
                    False,
                ),
            ],
            _method_cases(False),
        ),
        Check(
            "with Nesterov's gradient",
            2,
            [
                _quadratic("two dimensions", _A, _B, _START, 0.2, 0.5, 4, True),
                _quadratic("a single step", _A, _B, _START, 0.2, 0.9, 1, True),
                _quadratic(
                    "a narrow valley",
                    np.diag([1.0, 50.0]),
                    np.zeros(2),
                    floats([10, 1]),
                    0.015,
                    0.8,
                    12,
                    True,
                ),
            ],
            _method_cases(True),
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _quadratic("no step at all", _A, _B, _START, 0.2, 0.5, 0, True),
                _quadratic(
                    "start at the minimum", _A, floats([4, 3]), floats([1, 1]), 0.2, 0.5, 3, True
                ),
                _quadratic("learning rate zero", _A, _B, _START, 0.0, 0.5, 2, False),
                _quadratic(
                    "one dimension", floats([[2]]), floats([1]), floats([3]), 0.2, 0.5, 3, False
                ),
                _quadratic(
                    "read-only and strided data",
                    strided(_A),
                    readonly(_B),
                    readonly(_START),
                    0.2,
                    0.5,
                    3,
                    True,
                ),
            ],
            _quadratic_edge_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "gradient-with-plus-b",
            "Your gradient is Aθ + b: the function is ½θᵀAθ − bᵀθ, so its gradient is Aθ − b.",
            _gradient_with_plus_b,
        ),
        Mistake(
            "b-forgotten",
            "Your gradient is Aθ and forgets b: the gradient of ½θᵀAθ − bᵀθ is Aθ − b.",
            _b_forgotten,
        ),
        Mistake(
            "half-of-A",
            "Your gradient is ½Aθ − b: the derivative of θᵀAθ brings a 2, which cancels the ½.",
            _half_of_A,
        ),
        Mistake(
            "climbing",
            "Your steps add the velocity and so climb: θ ← θ − v.",
            _climbing,
        ),
        Mistake(
            "start-missing",
            "Your trajectory has `steps` rows because the start is missing: row 0 is `theta0`, "
            "and `steps` rows follow.",
            _start_missing,
        ),
        Mistake(
            "last-step-missing",
            "Your function takes one step too few: the start and `steps` steps make "
            "`steps + 1` rows.",
            _last_step_missing,
        ),
        Mistake(
            "one-step-too-many",
            "Your function takes one step too many: the start and `steps` steps make "
            "`steps + 1` rows.",
            _one_step_too_many,
        ),
        Mistake(
            "only-the-last",
            "Your function returns the last θ only: return all of them as rows of one array, the "
            "start first.",
            _only_the_last,
        ),
        Mistake(
            "nesterov-ignored",
            "Your function takes the gradient at θ also with `nesterov=True`: NAG takes it at the "
            "lookahead y = θ − μv.",
            _nesterov_ignored,
        ),
        Mistake(
            "always-nesterov",
            "Your function takes the gradient at the lookahead also with `nesterov=False`: "
            "momentum takes it at θ.",
            _always_nesterov,
        ),
        Mistake(
            "looks-back",
            "Your lookahead is θ + μv, behind the parameters: in this course y = θ − μv.",
            _looks_back,
        ),
        Mistake(
            "steps-from-lookahead",
            "Your NAG step starts at the lookahead, so μv counts twice: θ ← θ − v from θ itself.",
            _steps_from_lookahead,
        ),
        Mistake(
            "velocity-reset",
            "Your velocity starts from zero again at each step, which makes this plain gradient "
            "descent: set v to zero once, before the loop.",
            _velocity_reset,
        ),
        Mistake(
            "velocity-averaged",
            "Your velocity is an exponential average, μv + (1 − μ)αg: the course has v ← μv + αg.",
            _velocity_averaged,
        ),
        Mistake(
            "all-rows-the-same",
            "All rows of your trajectory are the same array, which `-=` changes in each step: "
            "subtract with `-` and assign, which makes a new one.",
            _all_rows_the_same,
        ),
        Mistake(
            "start-changed",
            "Your function changes `theta0` in place (`-=` does that to arrays): "
            "subtract with `-` and assign, which makes a new array.",
            _start_changed,
        ),
    ),
)

# --- effective_lr ----------------------------------------------------------------------------

_effective = case_maker("lr", "mu")


def _effective_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _effective("usual momentum", float(rng.uniform(0.01, 1)), float(rng.uniform(0.6, 0.95))),
        _effective("little momentum", float(rng.uniform(0.01, 1)), float(rng.uniform(0.1, 0.4))),
        _effective("a small rate", float(10.0 ** rng.uniform(-5, -3)), 0.9),
    ]


def _effective_limit_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.01, 1))
    return [
        _effective("momentum zero", lr, 0.0),
        _effective("momentum close to one", lr, 1 - float(rng.uniform(0.001, 0.002))),
        _effective("learning rate zero", 0.0, float(rng.uniform(0.5, 0.95))),
    ]


def _shortened(lr, mu):
    return lr * (1 - mu)


def _plus_for_minus(lr, mu):
    return lr / (1 + mu)


def _divided_by_mu(lr, mu):
    return lr / mu


def _mu_squared(lr, mu):
    return lr / (1 - mu**2)


def _twice_divided(lr, mu):
    return lr / (1 - mu) ** 2


def _rate_itself(lr, mu):
    return lr


def _two_terms(lr, mu):
    return lr * (1 + mu)


def _first_left_out(lr, mu):
    return lr * mu / (1 - mu)


_EFFECTIVE_LR = Exercise(
    "effective_lr",
    title="How fast momentum really moves",
    minutes=5,
    section="momentum.md#the-sum-of-past-gradients",
    parameters=("lr", "mu"),
    returns=("lr",),
    reference=reference.effective_lr,
    checks=(
        Check(
            "usual rates",
            1,
            [
                _effective("momentum 0.9", 0.01, 0.9),
                _effective("momentum 0.5", 0.2, 0.5),
                _effective("a small rate", 1e-4, 0.8),
            ],
            _effective_cases,
        ),
        Check(
            "limits",
            1,
            [
                _effective("momentum zero", 0.3, 0.0),
                _effective("momentum close to one", 0.1, 0.999),
                _effective("learning rate zero", 0.0, 0.9),
            ],
            _effective_limit_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "shortened",
            "Your rate is α(1 − μ), smaller than α: momentum adds up 1 + μ + μ² + … = 1/(1 − μ) "
            "steps, so divide.",
            _shortened,
        ),
        Mistake(
            "plus-for-minus",
            "Your rate is α/(1 + μ): the sum 1 + μ + μ² + … is 1/(1 − μ). (A gradient that "
            "changes its sign at each step gives 1/(1 + μ).)",
            _plus_for_minus,
        ),
        Mistake(
            "divided-by-mu",
            "Your rate is α/μ: the sum 1 + μ + μ² + … is 1/(1 − μ).",
            _divided_by_mu,
        ),
        Mistake(
            "mu-squared",
            "Your rate is α/(1 − μ²): the sum 1 + μ + μ² + … is 1/(1 − μ).",
            _mu_squared,
        ),
        Mistake(
            "twice-divided",
            "Your rate divides by 1 − μ twice: once is right, α/(1 − μ).",
            _twice_divided,
        ),
        Mistake(
            "rate-itself",
            "Your rate is α itself: that holds where v is an average, μv + (1 − μ)αg; with the "
            "course's v ← μv + αg it is α/(1 − μ).",
            _rate_itself,
        ),
        Mistake(
            "two-terms",
            "Your rate counts two steps, α(1 + μ): the sum 1 + μ + μ² + … goes on, to 1/(1 − μ).",
            _two_terms,
        ),
        Mistake(
            "first-left-out",
            "Your rate leaves out the newest gradient: the sum starts with 1, not with μ.",
            _first_left_out,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps02-momentum",
    title="Momentum and Nesterov's gradient",
    exercises=(
        _MOMENTUM_STEP,
        _NAG_LOOKAHEAD,
        _NAG_STEP,
        _MINIMIZE_QUADRATIC,
        _EFFECTIVE_LR,
    ),
    written=(Written("missing_term", 4),),
)
