"""Problem set 3: a step size for each weight, by Rprop and by AdaGrad."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

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

# --- rprop_step ------------------------------------------------------------------------------

_rprop = case_maker(
    "theta", "delta", "grad", "prev_grad", "eta_minus", "eta_plus", "delta_min", "delta_max"
)
_USUAL = (0.5, 1.2, 1e-6, 50.0)
_FEEDBACK = ("theta", "delta", "prev_grad")


def _sizes(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(10.0 ** rng.uniform(-2, 1, shape))


def _agreeing_cases(rng: np.random.Generator) -> list[Case]:
    def case(label: str, grad: Array, prev: Array) -> Case:
        n = len(grad)
        return _rprop(label, rng.normal(size=n), _sizes(rng, n), grad, prev, *_USUAL)

    sign = rng.choice([-1.0, 1.0], 5)
    grad = spread(rng, 12)
    return [
        case("stored gradient zero", rng.normal(size=5), np.zeros(5)),
        case("gradients that agree", sign * _sizes(rng, 5), sign * _sizes(rng, 5)),
        case("gradients from 1e-8 to 1e3", grad, grad * rng.uniform(0.2, 5, 12)),
        case(
            "some zero, some stored as zero",
            floats([0, 0, 1, 1, -1, -1]) * _sizes(rng, 6),
            floats([1, -1, 0, 2, 0, -2]) * _sizes(rng, 6),
        ),
        _rprop(
            "other factors",
            rng.normal(size=5),
            _sizes(rng, 5),
            2 * sign,
            sign,
            0.3,
            float(rng.uniform(1.3, 2)),
            1e-9,
            1e3,
        ),
    ]


def _changing_cases(rng: np.random.Generator) -> list[Case]:
    grad = rng.choice([-1.0, 1.0], 4) * _sizes(rng, 4)
    mixed = floats([1, -1, 1, -1]) * _sizes(rng, 4)
    size = 10.0 ** rng.uniform(-8, 3, 8)
    start, sizes = rng.normal(size=4), _sizes(rng, 4)
    return [
        _rprop("all change their sign", start, sizes, grad, -grad * _sizes(rng, 4), *_USUAL),
        _rprop("half of them change their sign", start, sizes, mixed, np.abs(mixed) * 2, *_USUAL),
        _rprop(
            "changes of gradients from 1e-8 to 1e3",
            rng.normal(size=8),
            _sizes(rng, 8),
            size,
            -size[::-1].copy(),
            *_USUAL,
        ),
        _rprop(
            "another factor",
            start,
            sizes,
            grad,
            -grad,
            float(rng.uniform(0.2, 0.8)),
            1.1,
            1e-9,
            1e3,
        ),
        _rprop(
            "the steps after a change",
            start,
            sizes,
            np.zeros(4),
            np.zeros(4),
            *_USUAL,
            steps=[{"grad": grad * c} for c in (1, -2, -0.5, -1, 3, 3)],
            feedback=_FEEDBACK,
        ),
    ]


def _limit_cases(rng: np.random.Generator) -> list[Case]:
    low, high = float(rng.uniform(0.1, 0.2)), float(rng.uniform(2, 3))
    sizes = floats([low, 1.5 * low, 0.9 * high, high])
    up = floats([1, -1, 1, -1])
    limits = (0.5, 1.2, low, high)
    return [
        _rprop("growing up to the largest", rng.normal(size=4), sizes, up, 2 * up, *limits),
        _rprop("shrinking down to the smallest", rng.normal(size=4), sizes, up, -up, *limits),
        _rprop(
            "long growth",
            np.zeros(2),
            np.ones(2),
            np.zeros(2),
            np.zeros(2),
            *limits,
            steps=[{"grad": rng.uniform(0.5, 1, 2) * floats([1, -1])} for _ in range(9)],
            feedback=_FEEDBACK,
        ),
        _rprop(
            "long shrinking",
            np.zeros(2),
            np.ones(2),
            np.zeros(2),
            np.zeros(2),
            *limits,
            steps=[{"grad": s * rng.uniform(0.5, 1, 2)} for s in (1, -1, -1, 1, 1, -1, -1, 1, 1)],
            feedback=_FEEDBACK,
        ),
    ]


def _rprop_trajectories(rng: np.random.Generator) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        sizes = np.asarray(rng.normal(size=shape)), _sizes(rng, *shape)
        return [*sizes, *(np.asarray(rng.normal(size=shape)) for _ in range(2))]

    def changing(*shape: int) -> list[Array]:
        theta, delta, grad, _ = four(*shape)
        return [theta, delta, grad, np.asarray(-2 * grad)]

    return [
        _rprop(
            "eight random gradients",
            rng.normal(size=6),
            _sizes(rng, 6),
            np.zeros(6),
            np.zeros(6),
            *_USUAL,
            steps=[{"grad": rng.normal(size=6)} for _ in range(8)],
            feedback=_FEEDBACK,
        ),
        _rprop("a single number (0-d)", *changing(), *_USUAL),
        _rprop("2-d arrays", *four(3, 2), *_USUAL),
        _rprop("3-d arrays", *four(2, 2, 3), *_USUAL),
        _rprop("arrays that skip memory", *map(strided, changing(4)), *_USUAL),
        _rprop("arrays stored by columns", *map(column_major, four(2, 3)), *_USUAL),
        _rprop("read-only arrays", *map(readonly, changing(3)), *_USUAL),
    ]


def _rprop_climbs(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta + np.sign(grad) * delta, delta, grad


def _rprop_sign_missing(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - delta, delta, grad


def _rprop_times_gradient(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - grad * delta, delta, grad


def _rprop_moves_at_once(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    return theta - np.sign(grad) * delta, delta, grad.copy()


def _rprop_steps_back(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    new = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    new = np.clip(new, delta_min, delta_max)
    step = np.where(s < 0, -np.sign(prev_grad) * delta, np.sign(grad) * new)
    return theta - step, new, np.where(s < 0, 0.0, grad)


def _rprop_zero_not_stored(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    step = np.where(s < 0, 0.0, np.sign(grad) * delta)
    return theta - step, delta, grad.copy()


def _rprop_no_pause(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    return theta - np.sign(grad) * delta, delta, np.where(s < 0, 0.0, grad)


def _rprop_sign_stored(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    sign = np.sign(np.where(s < 0, 0.0, grad))
    return theta - sign * delta, delta, sign


def _rprop_etas_swapped(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_minus * delta, np.where(s < 0, eta_plus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_old_size_used(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    new = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    new = np.clip(new, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, new, grad


def _rprop_old_size_returned(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    new = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    new = np.clip(new, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * new, delta.copy(), grad


def _rprop_old_gradient_returned(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, prev_grad.copy()


def _rprop_zero_counts_as_agreement(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    delta = np.clip(np.where(s >= 0, eta_plus, eta_minus) * delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_zero_counts_as_change(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    delta = np.clip(np.where(s > 0, eta_plus, eta_minus) * delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_one_decision_for_all(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = np.sum(grad * prev_grad)
    factor = eta_plus if s > 0 else eta_minus if s < 0 else 1.0
    delta = np.clip(factor * delta, delta_min, delta_max)
    if s < 0:
        grad = np.zeros_like(grad)
    return theta - np.sign(grad) * delta, delta, grad.copy()


def _rprop_no_limits(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_no_upper_limit(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.maximum(delta, delta_min)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_no_lower_limit(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.minimum(delta, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_theta_alone(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta


def _rprop_gradient_in_place(
    theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max
):
    s = grad * prev_grad
    delta = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    delta = np.clip(delta, delta_min, delta_max)
    grad[s < 0] = 0.0
    return theta - np.sign(grad) * delta, delta, grad


def _rprop_sizes_in_place(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = grad * prev_grad
    delta[s > 0] *= eta_plus
    delta[s < 0] *= eta_minus
    np.clip(delta, delta_min, delta_max, out=delta)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


_RPROP_STEP = Exercise(
    "rprop_step",
    title="One step of Rprop",
    minutes=20,
    section="rprop.md#the-rule",
    parameters=(
        "theta",
        "delta",
        "grad",
        "prev_grad",
        "eta_minus",
        "eta_plus",
        "delta_min",
        "delta_max",
    ),
    returns=("theta", "delta", "prev_grad"),
    reference=reference.rprop_step,
    checks=(
        Check(
            "the first step, and gradients that agree",
            1,
            [
                _rprop(
                    "stored gradient zero",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    floats([2, -3]),
                    np.zeros(2),
                    *_USUAL,
                ),
                _rprop(
                    "gradients that agree",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    floats([2, -3]),
                    floats([0.1, -7]),
                    *_USUAL,
                ),
                _rprop(
                    "gradients from 0 to 1000",
                    np.zeros(6),
                    floats([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
                    floats([0, 1e-8, -1e-8, -1, 30, 1e3]),
                    floats([1, 1e-8, -1e3, -1e-8, 0, 2]),
                    *_USUAL,
                ),
                _rprop(
                    "gradient zero",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    np.zeros(2),
                    floats([1, -1]),
                    *_USUAL,
                ),
                _rprop(
                    "other factors",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    floats([2, -3]),
                    floats([1, -1]),
                    0.25,
                    1.5,
                    1e-9,
                    1e3,
                ),
            ],
            _agreeing_cases,
        ),
        Check(
            "gradients that change their sign",
            2,
            [
                _rprop(
                    "both change their sign",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    floats([2, -3]),
                    floats([-0.1, 7]),
                    *_USUAL,
                ),
                _rprop(
                    "one of three changes its sign",
                    floats([1, -2, 3]),
                    floats([0.5, 0.25, 1]),
                    floats([2, -3, 0]),
                    floats([-1, -1, 4]),
                    *_USUAL,
                ),
                _rprop(
                    "changes of gradients from 1e-8 to 1000",
                    np.zeros(4),
                    floats([0.1, 0.2, 0.3, 0.4]),
                    floats([1e-8, -1, 30, -1e3]),
                    floats([-1e-8, 1e3, -1e-8, 1]),
                    *_USUAL,
                ),
                _rprop(
                    "another factor",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    floats([2, -3]),
                    floats([-1, 1]),
                    0.25,
                    1.5,
                    1e-9,
                    1e3,
                ),
                _rprop(
                    "the steps after a change",
                    floats([1, -2]),
                    floats([0.5, 0.25]),
                    np.zeros(2),
                    np.zeros(2),
                    *_USUAL,
                    steps=[{"grad": c * floats([2, -3])} for c in (1, -2, -0.5, -1, 3)],
                    feedback=_FEEDBACK,
                ),
            ],
            _changing_cases,
        ),
        Check(
            "the limits of the step sizes",
            1,
            [
                _rprop(
                    "growing up to the largest",
                    floats([1, -2, 3]),
                    floats([0.1, 0.9, 1]),
                    floats([1, -1, 2]),
                    floats([2, -1, 3]),
                    0.5,
                    1.2,
                    0.1,
                    1.0,
                ),
                _rprop(
                    "shrinking down to the smallest",
                    floats([1, -2, 3]),
                    floats([0.1, 0.15, 1]),
                    floats([1, -1, 2]),
                    floats([-2, 1, -3]),
                    0.5,
                    1.2,
                    0.1,
                    1.0,
                ),
                _rprop(
                    "long growth",
                    np.zeros(2),
                    floats([20, 40]),
                    np.zeros(2),
                    np.zeros(2),
                    *_USUAL,
                    steps=[{"grad": floats([1, -2])} for _ in range(7)],
                    feedback=_FEEDBACK,
                ),
            ],
            _limit_cases,
        ),
        Check(
            "many steps, shapes and memory layouts",
            1,
            [
                _rprop(
                    "six gradients",
                    floats([1, -1, 0]),
                    floats([0.5, 0.5, 2]),
                    np.zeros(3),
                    np.zeros(3),
                    *_USUAL,
                    steps=[
                        {"grad": floats(g)}
                        for g in (
                            [1, -1, 2],
                            [2, 1, 1],
                            [0.5, 3, -1],
                            [-1, 2, 0],
                            [-2, -5, -3],
                            [4, -1, -0.1],
                        )
                    ],
                    feedback=_FEEDBACK,
                ),
                _rprop(
                    "a single number (0-d)", floats(2), floats(0.5), floats(-1), floats(3), *_USUAL
                ),
                _rprop(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.full((2, 2), 0.5),
                    floats([[0, 1], [-1, 2]]),
                    floats([[1, 1], [1, 0]]),
                    *_USUAL,
                ),
                _rprop(
                    "3-d arrays",
                    np.ones((2, 1, 2)),
                    np.ones((2, 1, 2)),
                    floats([[[1, -2]], [[3, -4]]]),
                    np.ones((2, 1, 2)),
                    *_USUAL,
                ),
                _rprop(
                    "arrays that skip memory",
                    *map(strided, ([1, 2], [0.5, 0.25], [3, -4], [1, 1])),
                    *_USUAL,
                ),
                _rprop(
                    "read-only arrays",
                    *map(readonly, ([1, 2], [0.5, 0.25], [3, -4], [1, 1])),
                    *_USUAL,
                ),
            ],
            _rprop_trajectories,
        ),
    ),
    mistakes=(
        Mistake(
            "climbs",
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − sign(g)Δ.",
            _rprop_climbs,
        ),
        Mistake(
            "sign-missing",
            "Your step is θ − Δ, as the lecture's slide (L1) prints it: sign(g) is missing there, "
            "so that θ only ever decreases; θ ← θ − sign(g)Δ.",
            _rprop_sign_missing,
        ),
        Mistake(
            "times-gradient",
            "Your step is gΔ: Rprop uses the gradient's sign only, θ ← θ − sign(g)Δ.",
            _rprop_times_gradient,
        ),
        Mistake(
            "moves-at-once",
            "Your function moves after a change of sign at once: that is the variant Rprop−; the "
            "course has iRprop−, which sets g := 0 there, so that the weight pauses.",
            _rprop_moves_at_once,
        ),
        Mistake(
            "steps-back",
            "Your function takes the last step back after a change of sign: that is the variant "
            "Rprop+; the course has iRprop−, which sets g := 0 there, so that the weight pauses.",
            _rprop_steps_back,
        ),
        Mistake(
            "zero-not-stored",
            "Your weights pause after a change of sign, as they should, but you return g itself: "
            "return the gradient with zeros there, or the next step compares with a sign that was "
            "never followed.",
            _rprop_zero_not_stored,
        ),
        Mistake(
            "no-pause",
            "Your function returns the gradient with zeros, as it should, but takes the step with "
            "the other one: set g := 0 where the sign changed before the step.",
            _rprop_no_pause,
        ),
        Mistake(
            "sign-stored",
            "Your function returns the gradient's sign to be stored: that would work, but the "
            "course stores the gradient itself, with zeros where its sign changed.",
            _rprop_sign_stored,
        ),
        Mistake(
            "etas-swapped",
            "Your function has the factors swapped: η⁺ lengthens the step where the sign stayed, "
            "η⁻ shortens it where the sign changed.",
            _rprop_etas_swapped,
        ),
        Mistake(
            "old-size-used",
            "Your step has the old length: compute the new Δ first, then step with it.",
            _rprop_old_size_used,
        ),
        Mistake(
            "old-size-returned",
            "Your θ is right, but you return the old step sizes: nothing would adapt. Return "
            "the new Δ.",
            _rprop_old_size_returned,
        ),
        Mistake(
            "old-gradient-returned",
            "Your function returns the gradient that was stored before: return the new one, with "
            "zeros where its sign changed, for the next step to compare with.",
            _rprop_old_gradient_returned,
        ),
        Mistake(
            "zero-counts-as-agreement",
            "Your Δ grows also where a gradient is zero: at gg₋ = 0, and so in the first step and "
            "after a pause, Δ stays as it is.",
            _rprop_zero_counts_as_agreement,
        ),
        Mistake(
            "zero-counts-as-change",
            "Your Δ shrinks also where a gradient is zero: at gg₋ = 0, and so in the first step "
            "and after a pause, Δ stays as it is.",
            _rprop_zero_counts_as_change,
        ),
        Mistake(
            "one-decision-for-all",
            "Your function decides once for all weights, by the sum of gg₋: Rprop decides for "
            "each weight by itself.",
            _rprop_one_decision_for_all,
        ),
        Mistake(
            "no-limits",
            "Your step sizes have no limits: after each change, limit Δ to Δmin … Δmax.",
            _rprop_no_limits,
        ),
        Mistake(
            "no-upper-limit",
            "Your step sizes can grow without limit: Δ is at most Δmax.",
            _rprop_no_upper_limit,
        ),
        Mistake(
            "no-lower-limit",
            "Your step sizes can shrink to nothing: Δ is at least Δmin.",
            _rprop_no_lower_limit,
        ),
        Mistake(
            "theta-alone",
            "Your function returns θ alone: return (theta, delta, prev_grad), or the step sizes "
            "are lost after each step.",
            _rprop_theta_alone,
        ),
        Mistake(
            "gradient-in-place",
            "Your function sets entries of its argument `grad` to zero: use np.where, or work on "
            "a copy.",
            _rprop_gradient_in_place,
        ),
        Mistake(
            "sizes-in-place",
            "Your function changes its argument `delta` in place: use np.where, or work on a copy.",
            _rprop_sizes_in_place,
        ),
    ),
)

# --- manhattan_step --------------------------------------------------------------------------

_manhattan = case_maker("theta", "delta", "grad")


def _manhattan_cases(rng: np.random.Generator) -> list[Case]:
    step = float(rng.uniform(0.05, 0.5))
    return [
        _manhattan("ordinary gradients", rng.normal(size=4), step, rng.normal(size=4)),
        _manhattan("gradients from 1e-8 to 1e3", rng.normal(size=12), step, spread(rng, 12)),
        _manhattan(
            "some gradients zero",
            rng.normal(size=4),
            step,
            floats([0, 1, 0, -1]) * rng.uniform(1, 2, 4),
        ),
        _manhattan("step zero", rng.normal(size=4), 0.0, rng.normal(size=4)),
        _manhattan("a step for each weight", rng.normal(size=4), _sizes(rng, 4), spread(rng, 4)),
        _manhattan(
            "several steps",
            rng.normal(size=4),
            step,
            np.zeros(4),
            steps=[{"grad": rng.normal(size=4)} for _ in range(5)],
            feedback=("theta",),
        ),
    ]


def _manhattan_pairs(rng: np.random.Generator) -> list[Case]:
    cases = []
    for label, scale in (("small", 1e-6), ("large", 1e5)):
        theta, step, grad = rng.normal(size=4), float(rng.uniform(0.1, 1)), rng.normal(size=4)
        cases += [
            _manhattan(f"before a {label} factor", theta, step, grad),
            _manhattan(f"after a {label} factor", theta, step, grad * scale),
        ]
    return cases


def _manhattan_layouts(rng: np.random.Generator) -> list[Case]:
    def three(*shape: int) -> list[Array]:
        normal = [np.asarray(rng.normal(size=shape)) for _ in range(2)]
        return [normal[0], _sizes(rng, *shape), normal[1]]

    return [
        _manhattan("a single number (0-d)", *three()),
        _manhattan("2-d arrays", *three(3, 2)),
        _manhattan("3-d arrays", *three(2, 2, 3)),
        _manhattan("arrays that skip memory", *map(strided, three(4))),
        _manhattan("arrays stored by columns", *map(column_major, three(2, 3))),
        _manhattan("read-only arrays", *map(readonly, three(3))),
    ]


def _manhattan_climbs(theta, delta, grad):
    return theta + delta * np.sign(grad)


def _manhattan_sign_missing(theta, delta, grad):
    return theta - delta


def _manhattan_times_gradient(theta, delta, grad):
    return theta - delta * grad


def _manhattan_unit_gradient(theta, delta, grad):
    return theta - delta * grad / np.linalg.norm(grad)


def _manhattan_largest_gradient(theta, delta, grad):
    return theta - delta * grad / np.abs(grad).max()


def _manhattan_epsilon(theta, delta, grad):
    return theta - delta * grad / (np.abs(grad) + 1e-8)


def _manhattan_zero_over_zero(theta, delta, grad):
    return theta - delta * grad / np.abs(grad)


def _manhattan_zero_steps_down(theta, delta, grad):
    return theta - delta * np.where(grad >= 0, 1.0, -1.0)


def _manhattan_zero_steps_up(theta, delta, grad):
    return theta - delta * np.where(grad > 0, 1.0, -1.0)


def _manhattan_sign_of_theta(theta, delta, grad):
    return theta - delta * np.sign(theta)


def _manhattan_in_place(theta, delta, grad):
    theta -= delta * np.sign(grad)
    return theta


_MANHATTAN_STEP = Exercise(
    "manhattan_step",
    title="One step of the Manhattan rule",
    minutes=5,
    section="rprop.md#only-the-sign",
    parameters=("theta", "delta", "grad"),
    returns=("theta",),
    reference=reference.manhattan_step,
    checks=(
        Check(
            "the step",
            1,
            [
                _manhattan("two weights", floats([1, -2]), 0.25, floats([3, -0.5])),
                _manhattan(
                    "gradients from 0 to 1000",
                    np.zeros(6),
                    0.5,
                    floats([0, 1e-8, -1e-8, -1, 30, 1e3]),
                ),
                _manhattan("step zero", floats([1, -2]), 0.0, floats([3, -0.5])),
                _manhattan(
                    "a step for each weight",
                    floats([1, -2, 3]),
                    floats([0.1, 0.2, 4]),
                    floats([3, -0.5, 1]),
                ),
                _manhattan(
                    "several steps",
                    floats([1, -2]),
                    0.25,
                    np.zeros(2),
                    steps=[{"grad": floats(g)} for g in ([3, 1], [0.1, -2], [-4, 0])],
                    feedback=("theta",),
                ),
            ],
            _manhattan_cases,
        ),
        Check(
            "the size of the gradient does not matter",
            1,
            [
                _manhattan("before a small factor", floats([1, 2]), 0.25, floats([3, -0.5])),
                _manhattan("after a small factor", floats([1, 2]), 0.25, floats([3e-6, -0.5e-6])),
                _manhattan("before a large factor", floats([1, 2]), 0.25, floats([3, -0.5])),
                _manhattan("after a large factor", floats([1, 2]), 0.25, floats([3e5, -0.5e5])),
            ],
            _manhattan_pairs,
            relation="same_for_scaled_gradients",
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _manhattan("a single number (0-d)", floats(2), floats(0.5), floats(-3)),
                _manhattan(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.full((2, 2), 0.5),
                    floats([[0, 2], [-3, 4e-8]]),
                ),
                _manhattan("3-d arrays", np.ones((2, 1, 2)), 0.5, np.full((2, 1, 2), 3.0)),
                _manhattan(
                    "arrays that skip memory", *map(strided, ([1, 2], [0.5, 0.25], [3, -4]))
                ),
                _manhattan("read-only arrays", *map(readonly, ([1, 2], [0.5, 0.25], [3, -4]))),
            ],
            _manhattan_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "climbs",
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − sign(g)Δ.",
            _manhattan_climbs,
        ),
        Mistake(
            "sign-missing",
            "Your step is θ − Δ, as the lecture's slide on Rprop (L1) prints it: sign(g) is "
            "missing there, so that θ only ever decreases.",
            _manhattan_sign_missing,
        ),
        Mistake(
            "times-gradient",
            "Your step is gΔ, which is plain gradient descent: use the gradient's sign only.",
            _manhattan_times_gradient,
        ),
        Mistake(
            "unit-gradient",
            "Your step divides the gradient by its norm: that keeps its direction; the Manhattan "
            "rule takes the sign of each entry by itself.",
            _manhattan_unit_gradient,
        ),
        Mistake(
            "largest-gradient",
            "Your step divides the gradient by its largest entry: take the sign of each entry by "
            "itself.",
            _manhattan_largest_gradient,
        ),
        Mistake(
            "epsilon",
            "Your sign is g/(|g| + ε), which is no sign for tiny gradients: np.sign needs no ε.",
            _manhattan_epsilon,
        ),
        Mistake(
            "zero-over-zero",
            "Your sign is g/|g|, which is NaN for a gradient of zero: np.sign(0) is 0, and the "
            "weight stays.",
            _manhattan_zero_over_zero,
        ),
        Mistake(
            "zero-steps-down",
            "Your function counts a gradient of zero as positive: sign(0) = 0, so the weight "
            "stays.",
            _manhattan_zero_steps_down,
        ),
        Mistake(
            "zero-steps-up",
            "Your function counts a gradient of zero as negative: sign(0) = 0, so the weight "
            "stays.",
            _manhattan_zero_steps_up,
        ),
        Mistake(
            "sign-of-theta",
            "Your step has the sign of θ, which only shrinks the weights: it is the sign of the "
            "gradient that counts.",
            _manhattan_sign_of_theta,
        ),
        Mistake(
            "in-place",
            "Your function changes its argument `theta` in place (`-=` does that to arrays): "
            "return a new array.",
            _manhattan_in_place,
        ),
    ),
)

# --- adagrad_step ----------------------------------------------------------------------------

_adagrad = case_maker("theta", "r", "grad", "lr", "eps")
_EPS = 1e-10


def _adagrad_first_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.05, 0.5))
    return [
        _adagrad("r zero", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, _EPS),
        _adagrad(
            "r zero, gradients from 1e-8 to 1e3",
            rng.normal(size=12),
            np.zeros(12),
            spread(rng, 12),
            lr,
            _EPS,
        ),
        _adagrad("all gradients zero", rng.normal(size=3), np.zeros(3), np.zeros(3), lr, _EPS),
        _adagrad(
            "a tiny gradient",
            rng.normal(size=3),
            np.zeros(3),
            rng.choice([-1.0, 1.0], 3) * rng.uniform(1, 5, 3) * 1e-8,
            lr,
            1e-8,
        ),
        _adagrad("a large ε", rng.normal(size=4), np.zeros(4), rng.normal(size=4), lr, 0.5 + lr),
    ]


def _adagrad_later_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.05, 0.5))
    theta, r = rng.normal(size=4), rng.uniform(0.1, 3, 4)
    grad = rng.choice([-1.0, 1.0], 4) * rng.uniform(0.5, 2, 4)
    return [
        _adagrad("some r", theta, r, grad, lr, _EPS),
        _adagrad("a large ε", theta, r, grad, lr, 0.5 + lr),
        _adagrad("tiny gradients", theta, r * 1e-16, grad * 1e-8, lr, _EPS),
        _adagrad("huge gradients", theta, r * 1e6, grad * 1e3, lr, _EPS),
        _adagrad("gradient zero", theta, r, np.zeros(4), lr, _EPS),
        _adagrad("learning rate zero", theta, r, grad, 0.0, _EPS),
    ]


def _adagrad_trajectories(rng: np.random.Generator) -> list[Case]:
    def run(label: str, steps: list[dict[str, object]], eps: float = _EPS) -> Case:
        return _adagrad(
            label,
            rng.normal(size=3),
            np.zeros(3),
            np.zeros(3),
            0.3,
            eps,
            steps=steps,
            feedback=("theta", "r"),
        )

    def three(*shape: int) -> list[Array]:
        first, last = (np.asarray(rng.normal(size=shape)) for _ in range(2))
        return [first, np.asarray(rng.uniform(0.1, 2, shape)), last]

    return [
        run("six gradients", [{"grad": rng.normal(size=3)} for _ in range(6)]),
        run("six gradients, a large ε", [{"grad": rng.normal(size=3)} for _ in range(6)], 0.1),
        run(
            "falling rate",
            [{"grad": rng.normal(size=3), "lr": 1 / (t + 1)} for t in range(6)],
        ),
        run(
            "one large gradient, then small ones",
            [{"grad": rng.normal(size=3) * s} for s in (1e3, 1, 1, 1)],
        ),
        _adagrad("a single number (0-d)", *three(), 0.2, _EPS),
        _adagrad("2-d arrays", *three(3, 2), 0.2, _EPS),
        _adagrad("3-d arrays", *three(2, 2, 3), 0.2, _EPS),
        _adagrad("arrays that skip memory", *map(strided, three(4)), 0.2, _EPS),
        _adagrad("arrays stored by columns", *map(column_major, three(2, 3)), 0.2, _EPS),
        _adagrad("read-only arrays", *map(readonly, three(3)), 0.2, _EPS),
    ]


def _adagrad_scaled_pair(label: str, theta: Array, gradients: Array, scale: float) -> list[Case]:
    return [
        _adagrad(
            f"{when} a {label} factor",
            theta,
            np.zeros_like(theta),
            np.zeros_like(theta),
            0.3,
            0.0,
            steps=[{"grad": c * g} for g in gradients],
            feedback=("theta", "r"),
        )
        for when, c in (("before", 1.0), ("after", scale))
    ]


def _adagrad_scale_cases(rng: np.random.Generator) -> list[Case]:
    return [
        case
        for label, scale in (("small", 1e-3), ("large", 1e3))
        for case in _adagrad_scaled_pair(label, rng.normal(size=3), rng.normal(size=(4, 3)), scale)
    ]


def _adagrad_theta_squared(theta, r, grad, lr, eps):
    r = r + theta**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_climbs(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta + lr * grad / (np.sqrt(r) + eps), r


def _adagrad_not_squared(theta, r, grad, lr, eps):
    r = r + np.abs(grad)
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_sizes_added(theta, r, grad, lr, eps):
    r = r + np.abs(grad)
    return theta - lr * grad / (r + eps), r


def _adagrad_nothing_kept(theta, r, grad, lr, eps):
    r = grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_averaged(theta, r, grad, lr, eps):
    r = 0.9 * r + 0.1 * grad**2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_old_returned(theta, r, grad, lr, eps):
    return theta - lr * grad / (np.sqrt(r + grad**2) + eps), r.copy()


def _adagrad_old_used(theta, r, grad, lr, eps):
    return theta - lr * grad / (np.sqrt(r) + eps), r + grad**2


def _adagrad_epsilon_inside(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta - lr * grad / np.sqrt(r + eps), r


def _adagrad_epsilon_kept(theta, r, grad, lr, eps):
    r = r + grad**2 + eps
    return theta - lr * grad / np.sqrt(r), r


def _adagrad_no_epsilon(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta - lr * grad / np.sqrt(r), r


def _adagrad_parentheses_missing(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta - lr * grad / np.sqrt(r) + eps, r


def _adagrad_no_root(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta - lr * grad / (r + eps), r


def _adagrad_one_for_all(theta, r, grad, lr, eps):
    r = r + np.sum(grad**2)
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_rate_inside(theta, r, grad, lr, eps):
    r = r + (lr * grad) ** 2
    return theta - lr * grad / (np.sqrt(r) + eps), r


def _adagrad_theta_alone(theta, r, grad, lr, eps):
    r = r + grad**2
    return theta - lr * grad / (np.sqrt(r) + eps)


def _adagrad_in_place(theta, r, grad, lr, eps):
    r += grad**2
    theta -= lr * grad / (np.sqrt(r) + eps)
    return theta, r


_ADAGRAD_STEP = Exercise(
    "adagrad_step",
    title="One step of AdaGrad",
    minutes=10,
    section="adagrad.md#the-rule",
    parameters=("theta", "r", "grad", "lr", "eps"),
    returns=("theta", "r"),
    reference=reference.adagrad_step,
    checks=(
        Check(
            "the first step",
            1,
            [
                _adagrad("r zero", floats([1, -2]), np.zeros(2), floats([0.5, -4]), 0.1, _EPS),
                _adagrad(
                    "gradients from 0 to 1000",
                    floats([1, 2, 3, 4, 5]),
                    np.zeros(5),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    0.5,
                    _EPS,
                ),
                _adagrad(
                    "a tiny gradient",
                    floats([1, -2]),
                    np.zeros(2),
                    floats([2e-8, -1e-8]),
                    0.5,
                    1e-8,
                ),
                _adagrad("a large ε", floats([1, -2]), np.zeros(2), floats([0.5, -4]), 0.1, 0.5),
            ],
            _adagrad_first_cases,
        ),
        Check(
            "a later step",
            2,
            [
                _adagrad(
                    "some r", floats([1, -2]), floats([4, 0.25]), floats([1.5, -2]), 0.1, _EPS
                ),
                _adagrad(
                    "a large ε", floats([1, -2]), floats([4, 0.25]), floats([1.5, -2]), 0.1, 0.5
                ),
                _adagrad(
                    "tiny gradients",
                    floats([1, -2]),
                    floats([4e-16, 1e-16]),
                    floats([1.5e-8, -2e-8]),
                    0.1,
                    _EPS,
                ),
                _adagrad("gradient zero", floats([1, -2]), floats([4, 0]), np.zeros(2), 0.1, _EPS),
                _adagrad(
                    "learning rate zero",
                    floats([1, -2]),
                    floats([4, 0.25]),
                    floats([1.5, -2]),
                    0.0,
                    _EPS,
                ),
            ],
            _adagrad_later_cases,
        ),
        Check(
            "several steps, shapes and memory layouts",
            1,
            [
                _adagrad(
                    "four gradients, falling rate, a large ε",
                    floats([1, -1]),
                    np.zeros(2),
                    np.zeros(2),
                    0.0,
                    0.1,
                    steps=[
                        {"grad": floats(g), "lr": a}
                        for g, a in (
                            ([3, 4], 0.5),
                            ([-4, 3], 0.25),
                            ([0, -12], 0.25),
                            ([1, 0], 0.1),
                        )
                    ],
                    feedback=("theta", "r"),
                ),
                _adagrad(
                    "one large gradient, then small ones",
                    floats([1, -1]),
                    np.zeros(2),
                    np.zeros(2),
                    0.5,
                    _EPS,
                    steps=[{"grad": s * floats([1, -2])} for s in (1e3, 1, 1)],
                    feedback=("theta", "r"),
                ),
                _adagrad("a single number (0-d)", floats(2), floats(9), floats(-4), 0.2, _EPS),
                _adagrad(
                    "2-d arrays",
                    floats([[1, 2], [3, 4]]),
                    np.ones((2, 2)),
                    floats([[0, 1], [-1, 2]]),
                    0.2,
                    _EPS,
                ),
                _adagrad(
                    "3-d arrays",
                    np.ones((2, 1, 2)),
                    np.ones((2, 1, 2)),
                    np.full((2, 1, 2), 3.0),
                    0.2,
                    _EPS,
                ),
                _adagrad(
                    "arrays that skip memory", *map(strided, ([1, 2], [3, 4], [5, 6])), 0.2, _EPS
                ),
                _adagrad("read-only arrays", *map(readonly, ([1, 2], [3, 4], [5, 6])), 0.2, _EPS),
            ],
            _adagrad_trajectories,
        ),
        Check(
            "the scale of the gradients does not matter",
            1,
            [
                case
                for label, scale in (("small", 1e-3), ("large", 1e3))
                for case in _adagrad_scaled_pair(
                    label, floats([1, -2]), floats([[3, -1], [-4, 2], [1, 1]]), scale
                )
            ],
            _adagrad_scale_cases,
            relation="same_for_scaled_gradients",
        ),
    ),
    mistakes=(
        Mistake(
            "theta-squared",
            "Your r adds up θ², as the lecture's slides (L1) print it: it is the gradient that is "
            "squared, r ← r + g².",
            _adagrad_theta_squared,
        ),
        Mistake(
            "climbs",
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − αg/(√r + ε).",
            _adagrad_climbs,
        ),
        Mistake(
            "not-squared",
            "Your r adds up |g| and then takes the root: add the squares, r ← r + g².",
            _adagrad_not_squared,
        ),
        Mistake(
            "sizes-added",
            "Your function divides by the sum of |g|, which grows faster than the root of the sum "
            "of squares: r ← r + g², and divide by √r + ε.",
            _adagrad_sizes_added,
        ),
        Mistake(
            "nothing-kept",
            "Your r forgets the past gradients, so the step is hardly more than a sign: "
            "r ← r + g².",
            _adagrad_nothing_kept,
        ),
        Mistake(
            "averaged",
            "Your r is a running mean of g²: that is RMSProp, which comes in the next problem "
            "set; AdaGrad adds up, r ← r + g².",
            _adagrad_averaged,
        ),
        Mistake(
            "old-r-returned",
            "Your θ is right, but you return the old r: nothing would add up. Return the new r.",
            _adagrad_old_returned,
        ),
        Mistake(
            "old-r-used",
            "Your step divides by the root of the old r: add g² first, then divide. From r = 0 "
            "your first step is enormous.",
            _adagrad_old_used,
        ),
        Mistake(
            "epsilon-inside",
            "Your function has ε inside the root, √(r + ε): that convention exists, and shortens "
            "the steps of small gradients a great deal; the course has √r + ε.",
            _adagrad_epsilon_inside,
        ),
        Mistake(
            "epsilon-kept",
            "Your function adds ε to r itself, so that it adds up with each step: ε belongs to "
            "the divisor only, √r + ε.",
            _adagrad_epsilon_kept,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out, so a gradient that has always been zero gives 0/0: divide "
            "by √r + ε.",
            _adagrad_no_epsilon,
        ),
        Mistake(
            "parentheses-missing",
            "Your ε is added to θ instead of the divisor: put parentheses around √r + ε.",
            _adagrad_parentheses_missing,
        ),
        Mistake(
            "no-root",
            "Your function divides by r without the root: divide by √r + ε, so that the units of "
            "the gradient cancel.",
            _adagrad_no_root,
        ),
        Mistake(
            "one-for-all",
            "Your r adds up the squares of all entries: each weight has its own sum of its own "
            "squares.",
            _adagrad_one_for_all,
        ),
        Mistake(
            "rate-inside",
            "Your r adds up (αg)², so that the learning rate cancels: r ← r + g².",
            _adagrad_rate_inside,
        ),
        Mistake(
            "theta-alone",
            "Your function returns θ alone: return both, (theta, r), or the sum is lost after "
            "each step.",
            _adagrad_theta_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`+=` and `-=` do that to arrays): "
            "compute new arrays.",
            _adagrad_in_place,
        ),
    ),
)

# --- net_update ------------------------------------------------------------------------------

_net = case_maker("grads", "rule", "lr")
_NINE_AGAINST_ONE = [0.1] * 9 + [-0.9]


def _public_net_cases(rule: str, *more: Case) -> list[Case]:
    return [
        _net("nine against one", floats(_NINE_AGAINST_ONE), rule, 0.1),
        _net("one against nine", floats(_NINE_AGAINST_ONE[::-1]), rule, 0.1),
        _net("gradients that do not cancel", floats([1, -2, 0.5, 0.25, 3]), rule, 0.2),
        _net("a single gradient", floats([-4]), rule, 0.5),
        _net("some gradients zero", floats([0, 2, 0, -1, -3, 0]), rule, 0.2),
        _net("all gradients zero", np.zeros(3), rule, 0.2),
        _net("gradients from 1e-8 to 1000", floats([1e-8, -1, 30, -1e3, 1e-8]), rule, 0.2),
        _net("memory that skips, read-only", strided([1, -2, 3, 4]), rule, 0.2),
        _net("read-only gradients", readonly([2, -2, 1, 4, -3]), rule, 0.2),
        *more,
    ]


def _held_out_net_cases(rule: str, rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.1, 0.5))
    n = int(rng.integers(5, 9))
    many = floats([1] * n + [-float(n)]) * rng.uniform(0.1, 1)
    pause = np.where(np.arange(8) % 3 == 0, 0.0, rng.normal(size=8))
    return [
        _net("many against one", many, rule, lr),
        _net("one against many", many[::-1].copy(), rule, lr),
        _net("random gradients", rng.normal(size=12), rule, lr),
        _net("mostly of one sign", rng.normal(size=12) + 1, rule, lr),
        _net("a single gradient", rng.normal(size=1) * 10, rule, lr),
        _net("some gradients zero", pause, rule, lr),
        _net("all gradients zero", np.zeros(4), rule, lr),
        _net("gradients from 1e-8 to 1e3", spread(rng, 9), rule, lr),
        _net("gradients that skip memory", strided(rng.normal(size=6)), rule, lr),
        _net("read-only gradients", readonly(rng.normal(size=6)), rule, lr),
    ]


def _net_sgd_cases(rng: np.random.Generator) -> list[Case]:
    return _held_out_net_cases("sgd", rng)


def _net_manhattan_cases(rng: np.random.Generator) -> list[Case]:
    return _held_out_net_cases("manhattan", rng)


def _net_rmsprop_cases(rng: np.random.Generator) -> list[Case]:
    tiny = rng.choice([-1.0, 1.0], 5) * rng.uniform(1, 5, 5) * 1e-8
    return [*_held_out_net_cases("rmsprop", rng), _net("tiny gradients", tiny, "rmsprop", 0.3)]


def _net_rprop_cases(rng: np.random.Generator) -> list[Case]:
    turning = floats([1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, -1]) * rng.uniform(0.5, 1, 12)
    return [
        *_held_out_net_cases("rprop", rng),
        _net("up to the largest step", rng.uniform(0.5, 1, 9), "rprop", 20 + rng.uniform(0, 5)),
        _net("down to the smallest step", turning, "rprop", float(rng.uniform(5e-6, 9e-6))),
    ]


def _net_minus_missing(grads, rule, lr):
    if rule == "sgd":
        return np.sum(lr * grads)
    if rule == "manhattan":
        return np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta + np.sign(prev) * delta
    return theta


def _net_mean(grads, rule, lr):
    if rule == "sgd":
        return -np.mean(lr * grads)
    if rule == "manhattan":
        return -np.mean(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.mean(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta / len(grads)


def _net_rate_forgotten(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(grads)
    if rule == "manhattan":
        return -np.sum(np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, 1.0, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_every_step(grads, rule, lr):
    if rule == "sgd":
        return -np.cumsum(lr * grads)
    if rule == "manhattan":
        return -np.cumsum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.cumsum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev, path = 0.0, lr, 0.0, []
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
        path.append(theta)
    return np.array(path)


def _net_sign_of_the_sum(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -lr * np.sign(np.sum(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_sizes_fixed(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    return -np.sum(lr * np.sign(grads))


def _net_no_pause(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = g
        theta = theta - np.sign(g) * delta
    return theta


def _net_grows_at_once(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, grads[0]
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_no_limits(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.mean(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_own_size(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(grads**2) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_running_mean(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    theta, delta, prev, r = 0.0, lr, 0.0, 0.0
    for g in grads:
        if rule == "rmsprop":
            r = 0.9 * r + 0.1 * g**2
            theta = theta - lr * g / (np.sqrt(r) + 1e-8)
            continue
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_sum_of_squares(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.sqrt(np.sum(grads**2)) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_no_root(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.mean(grads**2) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_standard_deviation(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / (np.std(grads) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_epsilon_inside(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / np.sqrt(np.mean(grads**2) + 1e-8))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_no_epsilon(grads, rule, lr):
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    if rule == "rmsprop":
        return -np.sum(lr * grads / np.sqrt(np.mean(grads**2)))
    theta, delta, prev = 0.0, lr, 0.0
    for g in grads:
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


def _net_in_place(grads, rule, lr):
    if rule == "sgd":
        grads *= lr
        return -np.sum(grads)
    if rule == "manhattan":
        grads[:] = lr * np.sign(grads)
        return -np.sum(grads)
    if rule == "rmsprop":
        grads /= np.sqrt(np.mean(grads**2)) + 1e-8
        return -lr * np.sum(grads)
    theta, delta, prev = 0.0, lr, 0.0
    for i in range(len(grads)):
        s = grads[i] * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        if s < 0:
            grads[i] = 0.0
        prev = grads[i]
        theta = theta - np.sign(prev) * delta
    return theta


_NET_UPDATE = Exercise(
    "net_update",
    title="Nine against one",
    minutes=20,
    section="rprop.md#nine-against-one",
    parameters=("grads", "rule", "lr"),
    returns=("change",),
    reference=reference.net_update,
    checks=(
        Check("the rule “sgd”", 1, _public_net_cases("sgd"), _net_sgd_cases),
        Check("the rule “manhattan”", 1, _public_net_cases("manhattan"), _net_manhattan_cases),
        Check(
            "the rule “rprop”",
            2,
            _public_net_cases(
                "rprop",
                _net("up to the largest step", np.ones(8), "rprop", 20.0),
                _net(
                    "down to the smallest step",
                    floats([1, -1, -1, 1, 1, -1, -1, 1, 1, 1]),
                    "rprop",
                    7e-6,
                ),
            ),
            _net_rprop_cases,
        ),
        Check(
            "the rule “rmsprop”",
            1,
            _public_net_cases(
                "rmsprop", _net("tiny gradients", floats([2e-8, -1e-8, 3e-8]), "rmsprop", 0.2)
            ),
            _net_rmsprop_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "minus-missing",
            "Your function adds up the steps: the steps are subtracted, so the change of the "
            "weight is minus their sum.",
            _net_minus_missing,
        ),
        Mistake(
            "mean",
            "Your function returns the mean change per minibatch: return the whole change, a sum.",
            _net_mean,
        ),
        Mistake(
            "rate-forgotten",
            "Your function leaves out `lr`: it is the learning rate of SGD and RMSProp, and the "
            "(first) step size of Manhattan and Rprop.",
            _net_rate_forgotten,
        ),
        Mistake(
            "every-step",
            "Your function returns the weight after every minibatch: return the last only, one "
            "number.",
            _net_every_step,
        ),
        Mistake(
            "sign-of-the-sum",
            "Your rule “manhattan” takes the sign of the sum: each minibatch makes its own step, "
            "so add up the signs.",
            _net_sign_of_the_sum,
        ),
        Mistake(
            "sizes-fixed",
            "Your rule “rprop” takes steps of constant size, which is the Manhattan rule: Δ grows "
            "by 1.2 where the sign stayed and is halved where it changed.",
            _net_sizes_fixed,
        ),
        Mistake(
            "no-pause",
            "Your rule “rprop” moves after a change of sign at once: the course's Rprop (iRprop−) "
            "sets that gradient to zero, for the step and for the next comparison.",
            _net_no_pause,
        ),
        Mistake(
            "grows-at-once",
            "Your rule “rprop” compares the first gradient with itself, so that Δ grows before "
            "the first step: the stored gradient is 0 at the start.",
            _net_grows_at_once,
        ),
        Mistake(
            "no-limits",
            "Your rule “rprop” lets Δ leave the limits 1e-6 and 50.",
            _net_no_limits,
        ),
        Mistake(
            "own-size",
            "Your rule “rmsprop” divides each gradient by its own size, which leaves the sign: "
            "divide all of them by one number, √r with r the mean of all g².",
            _net_own_size,
        ),
        Mistake(
            "running-mean",
            "Your rule “rmsprop” starts a running mean from zero, which divides the first "
            "gradients by far less than the last: here r is the mean of g² over the whole "
            "sequence, the same for all.",
            _net_running_mean,
        ),
        Mistake(
            "sum-of-squares",
            "Your rule “rmsprop” divides by the root of the sum of squares, as AdaGrad does: r is "
            "their mean.",
            _net_sum_of_squares,
        ),
        Mistake(
            "no-root",
            "Your rule “rmsprop” divides by r: divide by √r + ε, the root of the mean of squares.",
            _net_no_root,
        ),
        Mistake(
            "standard-deviation",
            "Your rule “rmsprop” divides by the standard deviation, which leaves out the mean: "
            "r is the mean of g², nothing subtracted.",
            _net_standard_deviation,
        ),
        Mistake(
            "epsilon-inside",
            "Your rule “rmsprop” has ε inside the root, √(r + ε): that convention exists; the "
            "course has √r + ε.",
            _net_epsilon_inside,
        ),
        Mistake(
            "no-epsilon",
            "Your rule “rmsprop” leaves ε out, so gradients that are all zero give 0/0: divide by "
            "√r + 1e-8.",
            _net_no_epsilon,
        ),
        Mistake(
            "in-place",
            "Your function changes its argument `grads` in place: compute new arrays.",
            _net_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps03-rprop-adagrad",
    title="Rprop and AdaGrad",
    exercises=(_RPROP_STEP, _MANHATTAN_STEP, _ADAGRAD_STEP, _NET_UPDATE),
    written=(Written("nine_against_one", 4),),
)
