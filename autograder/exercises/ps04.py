"""Problem set 4: running means of squared gradients, in RMSProp and in AdaDelta."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    case_maker,
    column_major,
    floats,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

_THETA, _GRAD = floats([1, -2]), floats([1.5, -2])  # two weights, for the public cases


def _away_from_zero(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 2, shape))


# --- rmsprop_step ----------------------------------------------------------------------------

_rmsprop = case_maker("theta", "r", "grad", "lr", "gamma", "eps")
_EPS = 1e-8


def _rmsprop_run(
    label: str,
    theta: Array,
    steps: Sequence[Mapping[str, Any]],
    lr: float = 0.1,
    gamma: float = 0.9,
    eps: float = _EPS,
) -> Case:
    zero = np.zeros_like(theta)
    return _rmsprop(label, theta, zero, zero, lr, gamma, eps, steps=steps, feedback=("theta", "r"))


def _rmsprop_first_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.8, 0.95))

    def case(label: str, grad: Array, eps: float = _EPS) -> Case:
        return _rmsprop(label, rng.normal(size=len(grad)), 0 * grad, grad, lr, gamma, eps)

    return [
        case("r zero", _away_from_zero(rng, 4)),
        case("r zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        case("all gradients zero", np.zeros(3)),
        case("tiny gradients", _away_from_zero(rng, 3) * 2e-8),
        case("a large ε", _away_from_zero(rng, 4), 0.5 + lr),
    ]


def _rmsprop_later_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.8, 0.95))
    theta, r, grad = rng.normal(size=4), rng.uniform(0.1, 3, 4), _away_from_zero(rng, 4)
    return [
        _rmsprop("some r", theta, r, grad, lr, gamma, _EPS),
        _rmsprop("a large ε", theta, r, grad, lr, gamma, 0.5 + lr),
        _rmsprop("tiny gradients", theta, r * 1e-16, grad * 1e-8, lr, gamma, _EPS),
        _rmsprop("huge gradients", theta, r * 1e6, grad * 1e3, lr, gamma, _EPS),
        _rmsprop("gradient zero", theta, r, np.zeros(4), lr, gamma, _EPS),
        _rmsprop("nothing kept", theta, r, grad, lr, 0.0, _EPS),
        _rmsprop("learning rate zero", theta, r, grad, 0.0, gamma, _EPS),
    ]


def _rmsprop_trajectories(rng: np.random.Generator) -> list[Case]:
    def three(*shape: int) -> list[Array]:
        first, last = (np.asarray(rng.normal(size=shape)) for _ in range(2))
        return [first, np.asarray(rng.uniform(0.1, 2, shape)), last]

    def theta() -> Array:
        return rng.normal(size=3)

    usual = (0.2, 0.8, 1e-3)
    return [
        _rmsprop_run("six gradients", theta(), [{"grad": theta()} for _ in range(6)], eps=0.1),
        _rmsprop_run(
            "falling rate", theta(), [{"grad": theta(), "lr": 1 / (t + 1)} for t in range(6)]
        ),
        _rmsprop_run(
            "one large gradient, then small ones",
            theta(),
            [{"grad": theta() * s} for s in (1e3, 1, 1, 1)],
        ),
        _rmsprop("a single number (0-d)", *three(), *usual),
        _rmsprop("2-d arrays", *three(3, 2), *usual),
        _rmsprop("3-d arrays", *three(2, 2, 3), *usual),
        _rmsprop("arrays that skip memory", *map(strided, three(4)), *usual),
        _rmsprop("arrays stored by columns", *map(column_major, three(2, 3)), *usual),
        _rmsprop("read-only arrays", *map(readonly, three(3)), *usual),
    ]


def _rmsprop_scaled_pairs(theta: Array, gradients: Array) -> list[Case]:
    return [
        _rmsprop_run(
            f"{when} a {label} factor", theta, [{"grad": c * g} for g in gradients], eps=0.0
        )
        for label, scale in (("small", 1e-3), ("large", 1e3))
        for when, c in (("before", 1.0), ("after", scale))
    ]


def _rmsprop_scale_cases(rng: np.random.Generator) -> list[Case]:
    return _rmsprop_scaled_pairs(rng.normal(size=3), _away_from_zero(rng, 4, 3))


def _rmsprop_climbs(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta + lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_keep_drop_swapped(theta, r, grad, lr, gamma, eps):
    r = (1 - gamma) * r + gamma * grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_adds_up(theta, r, grad, lr, gamma, eps):
    r = r + grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_whole_square(theta, r, grad, lr, gamma, eps):
    r = gamma * r + grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_starts_at_gradient(theta, r, grad, lr, gamma, eps):
    r = np.where(r == 0, grad**2, gamma * r + (1 - gamma) * grad**2)
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_root_kept(theta, r, grad, lr, gamma, eps):
    r = np.sqrt(gamma * r**2 + (1 - gamma) * grad**2)
    return theta - lr * grad / (r + eps), r


def _rmsprop_theta_squared(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * theta**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_not_squared(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * np.abs(grad)
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_mean_of_sizes(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * np.abs(grad)
    return theta - lr * grad / (r + eps), r


def _rmsprop_old_returned(theta, r, grad, lr, gamma, eps):
    new = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / (np.sqrt(new) + eps), r.copy()


def _rmsprop_old_used(theta, r, grad, lr, gamma, eps):
    return theta - lr * grad / (np.sqrt(r) + eps), gamma * r + (1 - gamma) * grad**2


def _rmsprop_epsilon_inside(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / np.sqrt(r + eps), r


def _rmsprop_no_epsilon(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / np.sqrt(r), r


def _rmsprop_parentheses_missing(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / np.sqrt(r) + eps, r


def _rmsprop_no_root(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / (r + eps), r


def _rmsprop_one_for_all(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * np.mean(grad**2)
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _rmsprop_theta_alone(theta, r, grad, lr, gamma, eps):
    r = gamma * r + (1 - gamma) * grad**2
    return theta - lr * grad / (np.sqrt(r) + eps)


def _rmsprop_in_place(theta, r, grad, lr, gamma, eps):
    r *= gamma
    r += (1 - gamma) * grad**2
    theta -= lr * grad / (np.sqrt(r) + eps)
    return theta, r


_RMSPROP_STEP = Exercise(
    "rmsprop_step",
    title="One step of RMSProp",
    minutes=10,
    section="rmsprop.md#the-rule",
    parameters=("theta", "r", "grad", "lr", "gamma", "eps"),
    returns=("theta", "r"),
    reference=reference.rmsprop_step,
    checks=(
        Check(
            "the first step",
            1,
            [
                _rmsprop("r zero", _THETA, np.zeros(2), floats([0.5, -4]), 0.1, 0.9, _EPS),
                _rmsprop(
                    "gradients from 0 to 1000",
                    floats([1, 2, 3, 4, 5]),
                    np.zeros(5),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    0.5,
                    0.9,
                    _EPS,
                ),
                _rmsprop("a large ε", _THETA, np.zeros(2), floats([0.5, -4]), 0.1, 0.8, 0.5),
            ],
            _rmsprop_first_cases,
        ),
        Check(
            "a later step",
            2,
            [
                _rmsprop("some r", _THETA, floats([4, 0.25]), _GRAD, 0.1, 0.9, _EPS),
                _rmsprop("a large ε", _THETA, floats([4, 0.25]), _GRAD, 0.1, 0.9, 0.5),
                _rmsprop(
                    "tiny gradients", _THETA, floats([4e-16, 1e-16]), _GRAD * 1e-8, 0.1, 0.9, _EPS
                ),
                _rmsprop("gradient zero", _THETA, floats([4, 0]), np.zeros(2), 0.1, 0.9, _EPS),
                _rmsprop("nothing kept", _THETA, floats([4, 0.25]), _GRAD, 0.1, 0.0, _EPS),
                _rmsprop("learning rate zero", _THETA, floats([4, 0.25]), _GRAD, 0.0, 0.9, _EPS),
            ],
            _rmsprop_later_cases,
        ),
        Check(
            "several steps, shapes and memory layouts",
            1,
            [
                _rmsprop_run(
                    "four gradients, falling rate, a large ε",
                    _THETA,
                    [
                        {"grad": floats(g), "lr": a}
                        for g, a in (
                            ([3, 4], 0.5),
                            ([-4, 3], 0.25),
                            ([0, -12], 0.25),
                            ([1, 0], 0.1),
                        )
                    ],
                    eps=0.1,
                ),
                _rmsprop_run(
                    "one large gradient, then small ones",
                    _THETA,
                    [{"grad": s * floats([1, -2])} for s in (1e3, 1, 1)],
                ),
                _rmsprop("a single number (0-d)", floats(2), floats(9), floats(-4), 0.2, 0.9, _EPS),
                _rmsprop(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.ones((2, 2)),
                    floats([[0, 1], [-1, 2]]),
                    0.2,
                    0.9,
                    _EPS,
                ),
                _rmsprop(
                    "3-d arrays",
                    np.ones((2, 1, 2)),
                    np.ones((2, 1, 2)),
                    np.full((2, 1, 2), 3.0),
                    0.2,
                    0.9,
                    _EPS,
                ),
                _rmsprop(
                    "arrays that skip memory",
                    *map(strided, ([1, 2], [3, 4], [5, 6])),
                    0.2,
                    0.9,
                    _EPS,
                ),
                _rmsprop(
                    "read-only arrays", *map(readonly, ([1, 2], [3, 4], [5, 6])), 0.2, 0.9, _EPS
                ),
            ],
            _rmsprop_trajectories,
        ),
        Check(
            "the scale of the gradients does not matter",
            1,
            _rmsprop_scaled_pairs(_THETA, floats([[3, -1], [-4, 2], [1, 1]])),
            _rmsprop_scale_cases,
            relation="same_for_scaled_gradients",
        ),
    ),
    mistakes=(
        Mistake(
            "climbs",
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − αg/(√r + ε).",
            _rmsprop_climbs,
        ),
        Mistake(
            "keep-drop-swapped",
            "Your γ is the weight of the new square: in this course a decay rate is the weight of "
            "the old value, r ← γr + (1 − γ)g².",
            _rmsprop_keep_drop_swapped,
        ),
        Mistake(
            "adds-up",
            "Your r adds up all squares: that is AdaGrad; RMSProp lets old ones fade, "
            "r ← γr + (1 − γ)g².",
            _rmsprop_adds_up,
        ),
        Mistake(
            "whole-square",
            "Your r adds the whole g²: then it is no mean, but 1/(1 − γ) times too large; "
            "r ← γr + (1 − γ)g².",
            _rmsprop_whole_square,
        ),
        Mistake(
            "starts-at-the-first-gradient",
            "Your r is g² at once where it was zero: that convention (L4's start) exists, and its "
            "first step is shorter by the factor √(1 − γ); the course starts from r = 0 and "
            "applies r ← γr + (1 − γ)g² always.",
            _rmsprop_starts_at_gradient,
        ),
        Mistake(
            "root-kept",
            "Your function keeps and returns the root: that convention (L4's σ) takes the root "
            "mean square as its state; the course keeps r, the mean of the squares itself.",
            _rmsprop_root_kept,
        ),
        Mistake(
            "theta-squared",
            "Your r averages θ²: it is the gradient that is squared, r ← γr + (1 − γ)g².",
            _rmsprop_theta_squared,
        ),
        Mistake(
            "not-squared",
            "Your r averages |g| and then takes the root: average the squares, r ← γr + (1 − γ)g².",
            _rmsprop_not_squared,
        ),
        Mistake(
            "mean-of-sizes",
            "Your function divides by a running mean of |g|: the course averages the squares and "
            "divides by the root, √r + ε.",
            _rmsprop_mean_of_sizes,
        ),
        Mistake(
            "old-r-returned",
            "Your θ is right, but you return the old r: it would stay zero. Return the new r.",
            _rmsprop_old_returned,
        ),
        Mistake(
            "old-r-used",
            "Your step divides by the root of the old r: compute the new r first. From r = 0 your "
            "first step is enormous.",
            _rmsprop_old_used,
        ),
        Mistake(
            "epsilon-inside",
            "Your function has ε inside the root, √(r + ε): that convention exists (L3), and "
            "shortens the steps of small gradients a great deal; the course has √r + ε.",
            _rmsprop_epsilon_inside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out, so a gradient that has always been zero gives 0/0: divide "
            "by √r + ε.",
            _rmsprop_no_epsilon,
        ),
        Mistake(
            "parentheses-missing",
            "Your ε is added to θ instead of the divisor: put parentheses around √r + ε.",
            _rmsprop_parentheses_missing,
        ),
        Mistake(
            "no-root",
            "Your function divides by r without the root: divide by √r + ε, so that the units of "
            "the gradient cancel.",
            _rmsprop_no_root,
        ),
        Mistake(
            "one-for-all",
            "Your r averages over the weights, too: each weight has its own running mean of its "
            "own squares.",
            _rmsprop_one_for_all,
        ),
        Mistake(
            "theta-alone",
            "Your function returns θ alone: return both, (theta, r), or the running mean is lost "
            "after each step.",
            _rmsprop_theta_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=` and `-=` do that to "
            "arrays): compute new arrays.",
            _rmsprop_in_place,
        ),
    ),
)

# --- decay_weights ---------------------------------------------------------------------------

_decay = case_maker("gamma", "t")


def _decay_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _decay("several updates", float(rng.uniform(0.6, 0.95)), int(rng.integers(4, 8))),
        _decay("a short memory", float(rng.uniform(0.1, 0.4)), 4),
        _decay("many updates", float(rng.uniform(0.6, 0.95)), int(rng.integers(20, 30))),
    ]


def _decay_edge_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _decay("one update", float(rng.uniform(0.6, 0.95)), 1),
        _decay("nothing kept", 0.0, int(rng.integers(2, 5))),
        _decay("a long memory", 1 - float(rng.uniform(0.001, 0.01)), 12),
    ]


def _decay_newest_first(gamma, t):
    return (1 - gamma) * gamma ** np.arange(t)


def _decay_factor_missing(gamma, t):
    return gamma ** np.arange(t - 1, -1, -1)


def _decay_keep_drop_swapped(gamma, t):
    return gamma * (1 - gamma) ** np.arange(t - 1, -1, -1)


def _decay_one_too_old(gamma, t):
    return (1 - gamma) * gamma ** np.arange(t, 0, -1)


def _decay_sums_to_one(gamma, t):
    w = gamma ** np.arange(t - 1.0, -1, -1)
    return w / w.sum()


def _decay_start_included(gamma, t):
    w = (1 - gamma) * gamma ** np.arange(t, -1.0, -1)
    w[0] = gamma**t
    return w


def _decay_first_not_weighted(gamma, t):
    w = (1 - gamma) * gamma ** np.arange(t - 1.0, -1, -1)
    w[0] = gamma ** (t - 1)
    return w


def _decay_sum(gamma, t):
    return 1 - gamma**t


def _decay_equal(gamma, t):
    return np.full(t, 1 / t)


_DECAY_WEIGHTS = Exercise(
    "decay_weights",
    title="How far back a running mean remembers",
    minutes=10,
    section="rmsprop.md#the-window",
    parameters=("gamma", "t"),
    returns=("weights",),
    reference=reference.decay_weights,
    checks=(
        Check(
            "the weights",
            1,
            [
                _decay("three updates", 0.9, 3),
                _decay("a short memory", 0.25, 4),
                _decay("twenty updates", 0.8, 20),
            ],
            _decay_cases,
        ),
        Check(
            "limits",
            1,
            [
                _decay("one update", 0.9, 1),
                _decay("nothing kept", 0.0, 3),
                _decay("a long memory", 0.999, 10),
            ],
            _decay_edge_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "newest-first",
            "Your weights start with the newest: the oldest comes first, as the gradients did.",
            _decay_newest_first,
        ),
        Mistake(
            "factor-missing",
            "Your weights are powers of γ: each value enters with the factor 1 − γ, so that "
            "w_i = (1 − γ)γ^(t − i).",
            _decay_factor_missing,
        ),
        Mistake(
            "keep-drop-swapped",
            "Your γ is the weight of the new value: in this course it is that of the old one, so "
            "the newest weight is 1 − γ.",
            _decay_keep_drop_swapped,
        ),
        Mistake(
            "one-too-old",
            "Your exponents are one too large: the newest value has not faded yet, its weight is "
            "1 − γ.",
            _decay_one_too_old,
        ),
        Mistake(
            "sums-to-one",
            "Your weights are scaled to sum to 1: that is what bias correction will do, in the "
            "problem set on Adam; a running mean that starts from zero has weights of sum 1 − γᵗ.",
            _decay_sums_to_one,
        ),
        Mistake(
            "start-included",
            "Your array has the weight γᵗ of the start in front: return the weights of the t "
            "values only.",
            _decay_start_included,
        ),
        Mistake(
            "first-not-weighted",
            "Your mean starts at the first value (L4's start), whose weight is then γ^(t − 1): "
            "the course starts from zero, so the first enters with the factor 1 − γ, too.",
            _decay_first_not_weighted,
        ),
        Mistake(
            "sum",
            "Your function returns the sum of the weights: return all t of them, as an array.",
            _decay_sum,
        ),
        Mistake(
            "equal",
            "Your weights are all 1/t, those of a plain mean: a running mean lets old values "
            "fade, w_i = (1 − γ)γ^(t − i).",
            _decay_equal,
        ),
    ),
)

# --- rmsprop_nesterov_step -------------------------------------------------------------------

_nesterov = case_maker("theta", "v", "r", "grad_at_lookahead", "lr", "mu", "gamma", "eps")
_SPEED = floats([0.3, -0.2])


def _nesterov_run(
    label: str, theta: Array, steps: Sequence[Mapping[str, Any]], eps: float = _EPS
) -> Case:
    zero = np.zeros_like(theta)
    return _nesterov(
        label,
        theta,
        zero,
        zero,
        zero,
        0.1,
        0.8,
        0.9,
        eps,
        steps=steps,
        feedback=("theta", "v", "r"),
    )


def _nesterov_first_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.85, 0.95))

    def case(label: str, grad: Array, eps: float = _EPS) -> Case:
        theta = rng.normal(size=len(grad))
        return _nesterov(label, theta, 0 * grad, 0 * grad, grad, lr, 0.7, gamma, eps)

    return [
        case("v and r zero", _away_from_zero(rng, 4)),
        case("v and r zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        case("all gradients zero", np.zeros(3)),
        case("tiny gradients", _away_from_zero(rng, 3) * 2e-8),
        case("a large ε", _away_from_zero(rng, 4), 0.5 + lr),
    ]


def _nesterov_later_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.85, 0.95))
    theta, v, r = rng.normal(size=4), _away_from_zero(rng, 4), rng.uniform(0.1, 3, 4)
    grad, mu = _away_from_zero(rng, 4), float(rng.uniform(0.5, 0.8))
    return [
        _nesterov("moving", theta, v, r, grad, lr, mu, gamma, _EPS),
        _nesterov("a large ε", theta, v, r, grad, lr, mu, gamma, 0.5 + lr),
        _nesterov("tiny gradients", theta, v, r * 1e-16, grad * 1e-8, lr, mu, gamma, _EPS),
        _nesterov("gradient zero", theta, v, r, np.zeros(4), lr, mu, gamma, _EPS),
        _nesterov("momentum zero", theta, v, r, grad, lr, 0.0, gamma, _EPS),
        _nesterov("learning rate zero", theta, v, r, grad, 0.0, mu, gamma, _EPS),
    ]


def _nesterov_trajectories(rng: np.random.Generator) -> list[Case]:
    def theta() -> Array:
        return rng.normal(size=3)

    return [
        _nesterov_run(
            "six gradients, a large ε",
            theta(),
            [{"grad_at_lookahead": _away_from_zero(rng, 3)} for _ in range(6)],
            0.1,
        ),
        _nesterov_run(
            "falling rate",
            theta(),
            [{"grad_at_lookahead": _away_from_zero(rng, 3), "lr": 1 / (t + 1)} for t in range(6)],
        ),
        _nesterov_run(
            "growing momentum",
            theta(),
            [
                {"grad_at_lookahead": _away_from_zero(rng, 3), "mu": 1 - 1 / (t + 2)}
                for t in range(5)
            ],
        ),
    ]


def _nesterov_layouts(rng: np.random.Generator) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        theta, v, grad = (np.asarray(rng.normal(size=shape)) for _ in range(3))
        return [theta, v, np.asarray(rng.uniform(0.1, 2, shape)), grad]

    usual = (0.2, 0.7, 0.9, 0.1)
    return [
        _nesterov("a single number (0-d)", *four(), *usual),
        _nesterov("2-d arrays", *four(3, 2), *usual),
        _nesterov("3-d arrays", *four(2, 2, 3), *usual),
        _nesterov("arrays that skip memory", *map(strided, four(4)), *usual),
        _nesterov("arrays stored by columns", *map(column_major, four(2, 3)), *usual),
        _nesterov("read-only arrays", *map(readonly, four(3)), *usual),
    ]


def _nesterov_climbs(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta + v, v, r


def _nesterov_no_momentum(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_no_division(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead
    return theta - v, v, r


def _nesterov_velocity_divided(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = (mu * v + lr * grad_at_lookahead) / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_division_outside(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead
    return theta - v / (np.sqrt(r) + eps), v, r


def _nesterov_rate_outside(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - lr * v, v, r


def _nesterov_opposite_sign(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v - lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta + v, v, r


def _nesterov_averaged(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + (1 - mu) * lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_from_lookahead(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    new = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - mu * v - new, new, r


def _nesterov_old_velocity_used(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    return theta - v, mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps), r


def _nesterov_old_velocity_returned(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    return theta - mu * v - lr * grad_at_lookahead / (np.sqrt(r) + eps), v.copy(), r


def _nesterov_old_r_used(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, gamma * r + (1 - gamma) * grad_at_lookahead**2


def _nesterov_old_r_returned(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    new = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(new) + eps)
    return theta - v, v, r.copy()


def _nesterov_keep_drop_swapped(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = (1 - gamma) * r + gamma * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_mu_gamma_exchanged(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = mu * r + (1 - mu) * grad_at_lookahead**2
    v = gamma * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_adds_up(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = r + grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, v, r


def _nesterov_epsilon_inside(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / np.sqrt(r + eps)
    return theta - v, v, r


def _nesterov_no_epsilon(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / np.sqrt(r)
    return theta - v, v, r


def _nesterov_other_order(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r = gamma * r + (1 - gamma) * grad_at_lookahead**2
    v = mu * v + lr * grad_at_lookahead / (np.sqrt(r) + eps)
    return theta - v, r, v


def _nesterov_in_place(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    r *= gamma
    r += (1 - gamma) * grad_at_lookahead**2
    v *= mu
    v += lr * grad_at_lookahead / (np.sqrt(r) + eps)
    theta -= v
    return theta, v, r


_R = floats([4, 0.25])

_NESTEROV_STEP = Exercise(
    "rmsprop_nesterov_step",
    title="RMSProp with Nesterov's momentum",
    minutes=15,
    section="rmsprop.md#with-nesterov-momentum",
    parameters=("theta", "v", "r", "grad_at_lookahead", "lr", "mu", "gamma", "eps"),
    returns=("theta", "v", "r"),
    reference=reference.rmsprop_nesterov_step,
    checks=(
        Check(
            "the first step",
            1,
            [
                _nesterov(
                    "v and r zero",
                    _THETA,
                    np.zeros(2),
                    np.zeros(2),
                    floats([0.5, -4]),
                    0.1,
                    0.8,
                    0.9,
                    _EPS,
                ),
                _nesterov(
                    "gradients from 0 to 1000",
                    floats([1, 2, 3, 4, 5]),
                    np.zeros(5),
                    np.zeros(5),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    0.5,
                    0.8,
                    0.9,
                    _EPS,
                ),
                _nesterov(
                    "a large ε",
                    _THETA,
                    np.zeros(2),
                    np.zeros(2),
                    floats([0.5, -4]),
                    0.1,
                    0.7,
                    0.9,
                    0.5,
                ),
            ],
            _nesterov_first_cases,
        ),
        Check(
            "a later step",
            2,
            [
                _nesterov("moving", _THETA, _SPEED, _R, _GRAD, 0.1, 0.8, 0.9, _EPS),
                _nesterov("a large ε", _THETA, _SPEED, _R, _GRAD, 0.1, 0.8, 0.9, 0.5),
                _nesterov(
                    "tiny gradients", _THETA, _SPEED, _R * 1e-16, _GRAD * 1e-8, 0.1, 0.8, 0.9, _EPS
                ),
                _nesterov(
                    "gradient zero",
                    _THETA,
                    _SPEED,
                    floats([4, 0]),
                    np.zeros(2),
                    0.1,
                    0.8,
                    0.9,
                    _EPS,
                ),
                _nesterov("momentum zero", _THETA, _SPEED, _R, _GRAD, 0.1, 0.0, 0.9, _EPS),
                _nesterov("learning rate zero", _THETA, _SPEED, _R, _GRAD, 0.0, 0.8, 0.9, _EPS),
            ],
            _nesterov_later_cases,
        ),
        Check(
            "several steps",
            1,
            [
                _nesterov_run(
                    "falling rate, a large ε",
                    _THETA,
                    [
                        {"grad_at_lookahead": floats(g), "lr": a}
                        for g, a in (([3, 4], 0.5), ([-4, 3], 0.25), ([0, -12], 0.25))
                    ],
                    0.1,
                ),
                _nesterov_run(
                    "growing momentum",
                    _THETA,
                    [
                        {"grad_at_lookahead": floats(g), "mu": mu}
                        for g, mu in (([3, 4], 0.5), ([-4, 3], 0.7), ([1, -2], 0.8))
                    ],
                ),
            ],
            _nesterov_trajectories,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _nesterov(
                    "a single number (0-d)", *map(floats, (2, 0.5, 9, -4)), 0.2, 0.8, 0.9, 0.1
                ),
                _nesterov(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.full((2, 2), 0.5),
                    np.ones((2, 2)),
                    floats([[0, 1], [-1, 2]]),
                    0.2,
                    0.8,
                    0.9,
                    0.1,
                ),
                _nesterov(
                    "3-d arrays",
                    *(np.full((2, 1, 2), x) for x in (1.0, 0.5, 2.0, 3.0)),
                    0.2,
                    0.8,
                    0.9,
                    0.1,
                ),
                _nesterov(
                    "arrays that skip memory",
                    *map(strided, ([1, 2], [3, 4], [5, 6], [7, 8])),
                    0.2,
                    0.8,
                    0.9,
                    0.1,
                ),
                _nesterov(
                    "read-only arrays",
                    *map(readonly, ([1, 2], [3, 4], [5, 6], [7, 8])),
                    0.2,
                    0.8,
                    0.9,
                    0.1,
                ),
            ],
            _nesterov_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "climbs",
            "Your step adds the velocity and so climbs: in this course v is what is subtracted, "
            "θ ← θ − v.",
            _nesterov_climbs,
        ),
        Mistake(
            "no-momentum",
            "Your function forgets the old velocity, so that this is plain RMSProp: "
            "v ← μv + αg/(√r + ε).",
            _nesterov_no_momentum,
        ),
        Mistake(
            "no-division",
            "Your velocity is that of NAG: the gradient is divided by √r + ε before it is added.",
            _nesterov_no_division,
        ),
        Mistake(
            "velocity-divided",
            "Your function divides the old velocity by √r + ε, too: only the new gradient is "
            "divided, v ← μv + αg/(√r + ε).",
            _nesterov_velocity_divided,
        ),
        Mistake(
            "division-outside",
            "Your function divides the finished velocity when it steps: the division belongs into "
            "the velocity, to the gradient only, v ← μv + αg/(√r + ε).",
            _nesterov_division_outside,
        ),
        Mistake(
            "rate-outside",
            "Your function keeps v ← μv + g/(√r + ε) and steps by αv: that is torch.optim's "
            "convention, which differs as soon as α changes; the course has the rate inside.",
            _nesterov_rate_outside,
        ),
        Mistake(
            "velocity-of-opposite-sign",
            "Your velocity has the opposite sign and is added: that is the textbook's convention "
            "(L5); the course has v ← μv + αg/(√r + ε) and θ ← θ − v.",
            _nesterov_opposite_sign,
        ),
        Mistake(
            "averaged",
            "Your velocity is an exponential average with 1 − μ: the course adds the whole "
            "αg/(√r + ε).",
            _nesterov_averaged,
        ),
        Mistake(
            "from-lookahead",
            "Your step starts at the lookahead, so μv counts twice: θ ← θ − v from θ itself.",
            _nesterov_from_lookahead,
        ),
        Mistake(
            "old-velocity-used",
            "Your function steps with the old velocity: compute the new v first, then subtract it.",
            _nesterov_old_velocity_used,
        ),
        Mistake(
            "old-velocity-returned",
            "Your θ is right, but you return the old velocity: return the new v.",
            _nesterov_old_velocity_returned,
        ),
        Mistake(
            "old-r-used",
            "Your function divides by the root of the old r: compute the new r first. From r = 0 "
            "your first step is enormous.",
            _nesterov_old_r_used,
        ),
        Mistake(
            "old-r-returned",
            "Your θ and v are right, but you return the old r: it would stay zero. Return the "
            "new r.",
            _nesterov_old_r_returned,
        ),
        Mistake(
            "keep-drop-swapped",
            "Your γ is the weight of the new square: in this course a decay rate is the weight of "
            "the old value, r ← γr + (1 − γ)g².",
            _nesterov_keep_drop_swapped,
        ),
        Mistake(
            "mu-and-gamma-exchanged",
            "Your function has μ and γ exchanged: μ belongs to the velocity, γ to the running "
            "mean r.",
            _nesterov_mu_gamma_exchanged,
        ),
        Mistake(
            "adds-up",
            "Your r adds up all squares, as AdaGrad does: r ← γr + (1 − γ)g².",
            _nesterov_adds_up,
        ),
        Mistake(
            "epsilon-inside",
            "Your function has ε inside the root, √(r + ε): that convention exists (L3); the "
            "course has √r + ε.",
            _nesterov_epsilon_inside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out (as the textbook's rule does), so a gradient that has "
            "always been zero gives 0/0: divide by √r + ε.",
            _nesterov_no_epsilon,
        ),
        Mistake(
            "other-order",
            "Your function returns (theta, r, v): the order is (theta, v, r), that of the "
            "arguments.",
            _nesterov_other_order,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=` and `-=` do that to "
            "arrays): compute new arrays.",
            _nesterov_in_place,
        ),
    ),
)

# --- adadelta_step ---------------------------------------------------------------------------

_adadelta = case_maker("theta", "r", "p", "grad", "lr", "gamma1", "gamma2", "eps")
_P = floats([0.09, 1])


def _adadelta_run(
    label: str,
    theta: Array,
    p: Array,
    gradients: Array,
    lr: float,
    eps: float,
) -> Case:
    zero = np.zeros_like(theta)
    return _adadelta(
        label,
        theta,
        zero,
        p,
        zero,
        lr,
        0.9,
        0.8,
        eps,
        steps=[{"grad": g} for g in gradients],
        feedback=("theta", "r", "p"),
    )


def _adadelta_first_cases(rng: np.random.Generator) -> list[Case]:
    gamma1, gamma2 = float(rng.uniform(0.9, 0.97)), float(rng.uniform(0.7, 0.85))

    def case(label: str, grad: Array, lr: float = 1.0, eps: float = 1e-6) -> Case:
        theta = rng.normal(size=len(grad))
        return _adadelta(label, theta, 0 * grad, 0 * grad, grad, lr, gamma1, gamma2, eps)

    return [
        case("r and p zero", _away_from_zero(rng, 4)),
        case("r and p zero, gradients from 1e-8 to 1e3", spread(rng, 12)),
        case("all gradients zero", np.zeros(3)),
        case("a large ε", _away_from_zero(rng, 4), eps=float(rng.uniform(0.1, 0.2))),
        case("another rate", _away_from_zero(rng, 4), float(rng.uniform(0.3, 0.6)), 0.05),
    ]


def _adadelta_later_cases(rng: np.random.Generator) -> list[Case]:
    gamma1, gamma2 = float(rng.uniform(0.9, 0.97)), float(rng.uniform(0.7, 0.85))
    theta, grad = rng.normal(size=4), _away_from_zero(rng, 4)
    r, p = rng.uniform(0.5, 3, 4), rng.uniform(0.05, 0.5, 4)
    return [
        _adadelta("some r and p", theta, r, p, grad, 1.0, gamma1, gamma2, 1e-6),
        _adadelta("a large ε", theta, r, p, grad, 1.0, gamma1, gamma2, 0.1),
        _adadelta("another rate", theta, r, p, grad, 0.4, gamma1, gamma2, 1e-6),
        _adadelta("tiny gradients", theta, r * 1e-16, p, grad * 1e-8, 1.0, gamma1, gamma2, 1e-16),
        _adadelta("huge gradients", theta, r * 1e6, p, grad * 1e3, 1.0, gamma1, gamma2, 1e-6),
        _adadelta("gradient zero", theta, r, p, np.zeros(4), 1.0, gamma1, gamma2, 1e-6),
        _adadelta("learning rate zero", theta, r, p, grad, 0.0, gamma1, gamma2, 1e-6),
    ]


def _adadelta_trajectories(rng: np.random.Generator) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        theta, grad = (np.asarray(rng.normal(size=shape)) for _ in range(2))
        r, p = (np.asarray(rng.uniform(0.1, 2, shape)) for _ in range(2))
        return [theta, r, p, grad]

    usual = (1.0, 0.9, 0.8, 0.01)
    return [
        _adadelta_run(
            "six gradients", rng.normal(size=3), np.zeros(3), rng.normal(size=(6, 3)), 1.0, 1e-6
        ),
        _adadelta_run(
            "another rate", rng.normal(size=3), np.zeros(3), _away_from_zero(rng, 6, 3), 0.5, 0.01
        ),
        _adadelta("a single number (0-d)", *four(), *usual),
        _adadelta("2-d arrays", *four(3, 2), *usual),
        _adadelta("3-d arrays", *four(2, 2, 3), *usual),
        _adadelta("arrays that skip memory", *map(strided, four(4)), *usual),
        _adadelta("arrays stored by columns", *map(column_major, four(2, 3)), *usual),
        _adadelta("read-only arrays", *map(readonly, four(3)), *usual),
    ]


def _adadelta_scaled_pairs(theta: Array, gradients: Array) -> list[Case]:
    return [
        _adadelta_run(
            f"{when} a {label} factor", theta, np.ones_like(theta), c * gradients, 1.0, 0.0
        )
        for label, scale in (("small", 1e-3), ("large", 1e3))
        for when, c in (("before", 1.0), ("after", scale))
    ]


def _adadelta_scale_cases(rng: np.random.Generator) -> list[Case]:
    return _adadelta_scaled_pairs(rng.normal(size=3), _away_from_zero(rng, 3, 3))


def _adadelta_climbs(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta + v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_v_kept(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, (1 - gamma2) * v**2 + gamma2 * v


def _adadelta_p_of_gradients(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * grad**2


def _adadelta_p_of_theta(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * theta**2


def _adadelta_epsilon_outside(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * (np.sqrt(p) + eps) / (np.sqrt(r) + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_epsilon_below_only(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_epsilon_above_only(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_no_numerator(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * grad / np.sqrt(r + eps)
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_inverted(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(r + eps) / np.sqrt(p + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_no_roots(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * (p + eps) / (r + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_old_r_used(theta, r, p, grad, lr, gamma1, gamma2, eps):
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    r = gamma1 * r + (1 - gamma1) * grad**2
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_old_r_returned(theta, r, p, grad, lr, gamma1, gamma2, eps):
    new = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(new + eps) * grad
    return theta - v, r.copy(), gamma2 * p + (1 - gamma2) * v**2


def _adadelta_old_p_returned(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, p.copy()


def _adadelta_keep_drop_swapped(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = (1 - gamma1) * r + gamma1 * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, (1 - gamma2) * p + gamma2 * v**2


def _adadelta_rates_exchanged(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma2 * r + (1 - gamma2) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma1 * p + (1 - gamma1) * v**2


def _adadelta_one_rate(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma1 * p + (1 - gamma1) * v**2


def _adadelta_rate_outside(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - lr * v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_rate_left_out(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, gamma2 * p + (1 - gamma2) * v**2


def _adadelta_adds_up(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = r + grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, r, p + v**2


def _adadelta_other_order(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    return theta - v, gamma2 * p + (1 - gamma2) * v**2, r


def _adadelta_in_place(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r *= gamma1
    r += (1 - gamma1) * grad**2
    v = lr * np.sqrt(p + eps) / np.sqrt(r + eps) * grad
    theta -= v
    p *= gamma2
    p += (1 - gamma2) * v**2
    return theta, r, p


_ADADELTA_STEP = Exercise(
    "adadelta_step",
    title="One step of AdaDelta",
    minutes=15,
    section="adadelta.md#the-rule",
    parameters=("theta", "r", "p", "grad", "lr", "gamma1", "gamma2", "eps"),
    returns=("theta", "r", "p"),
    reference=reference.adadelta_step,
    checks=(
        Check(
            "the first step",
            1,
            [
                _adadelta(
                    "r and p zero",
                    _THETA,
                    np.zeros(2),
                    np.zeros(2),
                    floats([0.5, -4]),
                    1.0,
                    0.95,
                    0.8,
                    1e-6,
                ),
                _adadelta(
                    "gradients from 0 to 1000",
                    floats([1, 2, 3, 4, 5]),
                    np.zeros(5),
                    np.zeros(5),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    1.0,
                    0.95,
                    0.8,
                    1e-6,
                ),
                _adadelta(
                    "a large ε, another rate",
                    _THETA,
                    np.zeros(2),
                    np.zeros(2),
                    floats([0.5, -4]),
                    0.5,
                    0.95,
                    0.8,
                    0.1,
                ),
            ],
            _adadelta_first_cases,
        ),
        Check(
            "a later step",
            2,
            [
                _adadelta("some r and p", _THETA, _R, _P, _GRAD, 1.0, 0.9, 0.8, 1e-6),
                _adadelta("a large ε", _THETA, _R, _P, _GRAD, 1.0, 0.9, 0.8, 0.1),
                _adadelta("another rate", _THETA, _R, _P, _GRAD, 0.5, 0.9, 0.8, 1e-6),
                _adadelta(
                    "tiny gradients", _THETA, _R * 1e-16, _P, _GRAD * 1e-8, 1.0, 0.9, 0.8, 1e-16
                ),
                _adadelta(
                    "gradient zero", _THETA, floats([4, 0]), _P, np.zeros(2), 1.0, 0.9, 0.8, 1e-6
                ),
                _adadelta("learning rate zero", _THETA, _R, _P, _GRAD, 0.0, 0.9, 0.8, 1e-6),
            ],
            _adadelta_later_cases,
        ),
        Check(
            "several steps, shapes and memory layouts",
            1,
            [
                _adadelta_run(
                    "three gradients, another rate, a large ε",
                    _THETA,
                    np.zeros(2),
                    floats([[3, 4], [-4, 3], [1, -12]]),
                    0.5,
                    0.01,
                ),
                _adadelta(
                    "a single number (0-d)", *map(floats, (2, 9, 0.5, -4)), 1.0, 0.9, 0.8, 0.01
                ),
                _adadelta(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.ones((2, 2)),
                    np.full((2, 2), 0.5),
                    floats([[0, 1], [-1, 2]]),
                    1.0,
                    0.9,
                    0.8,
                    0.01,
                ),
                _adadelta(
                    "3-d arrays",
                    *(np.full((2, 1, 2), x) for x in (1.0, 2.0, 0.5, 3.0)),
                    1.0,
                    0.9,
                    0.8,
                    0.01,
                ),
                _adadelta(
                    "arrays that skip memory",
                    *map(strided, ([1, 2], [3, 4], [5, 6], [7, 8])),
                    1.0,
                    0.9,
                    0.8,
                    0.01,
                ),
                _adadelta(
                    "read-only arrays",
                    *map(readonly, ([1, 2], [3, 4], [5, 6], [7, 8])),
                    1.0,
                    0.9,
                    0.8,
                    0.01,
                ),
            ],
            _adadelta_trajectories,
        ),
        Check(
            "the scale of the gradients does not matter",
            1,
            _adadelta_scaled_pairs(_THETA, floats([[3, -1], [-4, 2]])),
            _adadelta_scale_cases,
            relation="same_for_scaled_gradients",
        ),
    ),
    mistakes=(
        Mistake(
            "climbs",
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − v.",
            _adadelta_climbs,
        ),
        Mistake(
            "v-kept",
            "Your p keeps γ₂v, as the lecture's slide (L1) prints it: it is the old p that fades, "
            "p ← γ₂p + (1 − γ₂)v².",
            _adadelta_v_kept,
        ),
        Mistake(
            "p-of-gradients",
            "Your p averages the squared gradients: it averages the squared steps, "
            "p ← γ₂p + (1 − γ₂)v².",
            _adadelta_p_of_gradients,
        ),
        Mistake(
            "p-of-theta",
            "Your p averages the squared parameters: it averages the squared steps, "
            "p ← γ₂p + (1 − γ₂)v².",
            _adadelta_p_of_theta,
        ),
        Mistake(
            "epsilon-outside",
            "Your function has ε outside the roots, as RMSProp does in this course: AdaDelta has "
            "it inside both, √(p + ε)/√(r + ε), and starts much more slowly otherwise.",
            _adadelta_epsilon_outside,
        ),
        Mistake(
            "epsilon-below-only",
            "Your function has ε in the denominator only: from p = 0 the step is then 0 for ever; "
            "√(p + ε)/√(r + ε).",
            _adadelta_epsilon_below_only,
        ),
        Mistake(
            "epsilon-above-only",
            "Your function has ε in the numerator only, so a gradient that has always been zero "
            "gives 0/0: √(p + ε)/√(r + ε).",
            _adadelta_epsilon_above_only,
        ),
        Mistake(
            "no-numerator",
            "Your step leaves √(p + ε) out, so that it is RMSProp's and has not the units of θ: "
            "v = α √(p + ε)/√(r + ε) · g.",
            _adadelta_no_numerator,
        ),
        Mistake(
            "inverted",
            "Your fraction is upside down: past steps go above, past gradients below, "
            "√(p + ε)/√(r + ε).",
            _adadelta_inverted,
        ),
        Mistake(
            "no-roots",
            "Your fraction has no roots: √(p + ε)/√(r + ε), so that the units of the gradient "
            "cancel and those of θ remain.",
            _adadelta_no_roots,
        ),
        Mistake(
            "old-r-used",
            "Your step divides by the root of the old r: r is updated before the step, p after it.",
            _adadelta_old_r_used,
        ),
        Mistake(
            "old-r-returned",
            "Your θ and p are right, but you return the old r: it would stay zero. Return the "
            "new r.",
            _adadelta_old_r_returned,
        ),
        Mistake(
            "old-p-returned",
            "Your θ and r are right, but you return the old p: it would stay zero. Return the "
            "new p.",
            _adadelta_old_p_returned,
        ),
        Mistake(
            "keep-drop-swapped",
            "Your decay rates are the weights of the new squares: in this course a decay rate is "
            "the weight of the old value, r ← γ₁r + (1 − γ₁)g², and p likewise.",
            _adadelta_keep_drop_swapped,
        ),
        Mistake(
            "rates-exchanged",
            "Your function has γ₁ and γ₂ exchanged: γ₁ belongs to r, γ₂ to p.",
            _adadelta_rates_exchanged,
        ),
        Mistake(
            "one-rate",
            "Your function uses γ₁ for p, too, as the paper and torch.optim do with their one "
            "rate: in this course p has its own, γ₂.",
            _adadelta_one_rate,
        ),
        Mistake(
            "rate-outside",
            "Your p averages the steps before they are multiplied by α: that is torch.optim's "
            "convention, the same for α = 1; in this course v contains α, v = α √(p + ε)/√(r + ε) "
            "· g.",
            _adadelta_rate_outside,
        ),
        Mistake(
            "rate-left-out",
            "Your function leaves the rate α out: v = α √(p + ε)/√(r + ε) · g.",
            _adadelta_rate_left_out,
        ),
        Mistake(
            "adds-up",
            "Your r and p add up all squares, as AdaGrad does: AdaDelta lets old ones fade, "
            "r ← γ₁r + (1 − γ₁)g², p ← γ₂p + (1 − γ₂)v².",
            _adadelta_adds_up,
        ),
        Mistake(
            "other-order",
            "Your function returns (theta, p, r): the order is (theta, r, p), that of the "
            "arguments.",
            _adadelta_other_order,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=` and `-=` do that to "
            "arrays): compute new arrays.",
            _adadelta_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps04-rmsprop-adadelta",
    title="RMSProp and AdaDelta",
    exercises=(_RMSPROP_STEP, _DECAY_WEIGHTS, _NESTEROV_STEP, _ADADELTA_STEP),
    written=(Written("units", 4),),
)
