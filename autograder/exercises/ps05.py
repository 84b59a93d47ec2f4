"""Problem set 5: Adam and AdaMax."""

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

# --- bias_correction -------------------------------------------------------------------------

_correction = case_maker("x", "gamma", "t")

_CONSTANT = floats([2, -3, 0, 0.5])


def _constant(label: str, gamma: float, t: int) -> Case:
    """The mean of a constant after t updates; its correction is the constant."""
    return _correction(label, _CONSTANT * (1 - gamma**t), gamma, t)


def _early_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _correction("the first update", rng.normal(size=3), float(rng.uniform(0.6, 0.95)), 1),
        _correction("a later update", rng.normal(size=3), float(rng.uniform(0.6, 0.95)), 6),
        _correction("a long memory", rng.normal(size=3), 1 - float(rng.uniform(1e-3, 2e-3)), 5),
        _correction("means from 1e-8 to 1e3", spread(rng, 12), float(rng.uniform(0.6, 0.95)), 3),
    ]


def _constant_cases(rng: np.random.Generator) -> list[Case]:
    gamma = float(rng.uniform(0.6, 0.95))
    return [_constant(f"the same constant after {t} updates", gamma, t) for t in (1, 3, 8, 40)]


def _late_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _correction(
            "a short memory, long ago", rng.normal(size=3), float(rng.uniform(0.3, 0.5)), 90
        ),
        _correction("a million updates", rng.normal(size=3), 0.999, 10**6),
    ]


def _correction_layouts(rng: np.random.Generator) -> list[Case]:
    gamma = float(rng.uniform(0.6, 0.95))
    return [
        _correction("a single number (0-d)", np.asarray(rng.normal()), gamma, 4),
        _correction("a 2-d array", rng.normal(size=(3, 2)), gamma, 4),
        _correction("a 3-d array", rng.normal(size=(2, 2, 3)), gamma, 4),
        _correction("an array that skips memory", strided(rng.normal(size=4)), gamma, 4),
        _correction("an array stored by columns", column_major(rng.normal(size=(2, 3))), gamma, 4),
        _correction("a read-only array", readonly(rng.normal(size=3)), gamma, 4),
    ]


def _printed_correction(x, gamma, t):
    return x / (1 - (1 - gamma) ** t)


def _multiplied(x, gamma, t):
    return x * (1 - gamma**t)


def _without_power(x, gamma, t):
    return x / (1 - gamma)


def _product_for_power(x, gamma, t):
    return x / (1 - gamma * t)


def _one_update_less(x, gamma, t):
    return x / (1 - gamma ** (t - 1))


def _one_update_more(x, gamma, t):
    return x / (1 - gamma ** (t + 1))


def _plus_power(x, gamma, t):
    return x / (1 + gamma**t)


def _power_alone(x, gamma, t):
    return x / gamma**t


def _complement_to_the_power(x, gamma, t):
    return x / (1 - gamma) ** t


def _root_of_the_correction(x, gamma, t):
    return x / np.sqrt(1 - gamma**t)


def _nothing_corrected(x, gamma, t):
    return x.copy()


def _factor_alone(x, gamma, t):
    return 1 / (1 - gamma**t)


def _correction_in_place(x, gamma, t):
    x /= 1 - gamma**t
    return x


_BIAS_CORRECTION = Exercise(
    "bias_correction",
    title="A mean that starts from zero",
    minutes=5,
    section="adam.md#the-correction",
    parameters=("x", "gamma", "t"),
    returns=("x",),
    reference=reference.bias_correction,
    checks=(
        Check(
            "the first updates",
            1,
            [
                _correction("the first update", floats([0.1, -2]), 0.9, 1),
                _correction("the third update", floats([0.1, -2]), 0.9, 3),
                _correction("a long memory", floats([0.1, -2]), 0.999, 3),
                _correction("no memory", floats([0.1, -2]), 0.0, 2),
                _correction("means from 0 to 1000", floats([0, 1e-8, -1, 30, 1e3]), 0.75, 2),
            ],
            _early_cases,
        ),
        Check(
            "a constant comes back",
            1,
            [
                _constant("a constant after one update", 0.9, 1),
                _constant("the same constant after two", 0.9, 2),
                _constant("the same constant after 20", 0.9, 20),
                _constant("the same constant, a long memory", 0.999, 7),
            ],
            _constant_cases,
            relation="same_first_output",
        ),
        Check(
            "long after the start",
            1,
            [
                _correction("a short memory, 100 updates", floats([1, -2]), 0.25, 100),
                _correction("ten thousand updates", floats([1, -2]), 0.99, 10_000),
            ],
            _late_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _correction("a single number (0-d)", floats(2), 0.8, 3),
                _correction("a 2-d array", floats([[1, 2], [3, 4]]), 0.8, 3),
                _correction("a 3-d array", np.full((2, 1, 2), 3.0), 0.8, 3),
                _correction("an array that skips memory", strided([1, 2, 3]), 0.8, 3),
                _correction("a read-only array", readonly([1, 2]), 0.8, 3),
            ],
            _correction_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "printed-correction",
            "Your divisor is 1 − (1 − γ)ᵗ, as the lecture's slide prints it: that belongs to the "
            "other convention, where γ weighs the new value; here γ weighs the old one, so "
            "divide by 1 − γᵗ.",
            _printed_correction,
        ),
        Mistake(
            "multiplied",
            "Your function multiplies by 1 − γᵗ: the mean is too small by this factor, so divide.",
            _multiplied,
        ),
        Mistake(
            "without-power",
            "Your divisor is 1 − γ at every update: that is right at t = 1 only; it is 1 − γᵗ.",
            _without_power,
        ),
        Mistake(
            "product-for-power",
            "Your divisor is 1 − γt: γ is taken to the power t, 1 − γᵗ.",
            _product_for_power,
        ),
        Mistake(
            "one-update-less",
            "Your divisor is 1 − γ to the power t − 1, zero at the first update: t counts from 1, "
            "so the power is t itself.",
            _one_update_less,
        ),
        Mistake(
            "one-update-more",
            "Your divisor is 1 − γ to the power t + 1: t counts from 1 already, so the power is t.",
            _one_update_more,
        ),
        Mistake("plus-power", "Your divisor is 1 + γᵗ: it is 1 − γᵗ.", _plus_power),
        Mistake(
            "power-alone",
            "Your divisor is γᵗ, the weight that the zero at the start still has: the weight of "
            "the values is the rest, 1 − γᵗ.",
            _power_alone,
        ),
        Mistake(
            "complement-to-the-power",
            "Your divisor is (1 − γ)ᵗ: take the power first, then subtract, 1 − γᵗ.",
            _complement_to_the_power,
        ),
        Mistake(
            "root-of-the-correction",
            "Your divisor is the root of 1 − γᵗ: that appears where a root of p is taken before "
            "the correction; here divide by 1 − γᵗ.",
            _root_of_the_correction,
        ),
        Mistake(
            "nothing-corrected",
            "Your function returns x as it is: divide it by 1 − γᵗ.",
            _nothing_corrected,
        ),
        Mistake(
            "factor-alone",
            "Your function returns the factor 1/(1 − γᵗ) alone: return x times it.",
            _factor_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (`/=` does that to arrays), and the mean that is "
            "to be carried on would be lost: compute a new array.",
            _correction_in_place,
        ),
    ),
)

# --- adam_step and adamax_step have the same form --------------------------------------------

_PARAMETERS = ("theta", "r", "p", "grad", "t", "lr", "gamma1", "gamma2", "eps")
_step = case_maker(*_PARAMETERS)
_STATE = ("theta", "r", "p")

_ZERO = np.zeros(2)
_THETA, _R, _P = floats([1, -2]), floats([0.3, -0.2]), floats([0.5, 0.25])


def _first_step(label: str, grad: Array, *rates: float) -> Case:
    zero = np.zeros_like(grad)
    return _step(label, np.ones_like(grad), zero, zero, grad, 1, *rates)


_FIRST_STEP = [
    _first_step("the usual decay rates", floats([0.5, -4]), 0.1, 0.9, 0.999, 1e-8),
    _first_step("gradients from 0 to 1000", floats([0, 1e-8, -1, 30, 1e3]), 2.0, 0.9, 0.99, 1e-8),
    _first_step("other decay rates and a large ε", floats([0.5, -4, 0]), 0.1, 0.6, 0.7, 0.25),
]


def _rates(rng: np.random.Generator) -> tuple[float, float, float]:
    return (
        float(rng.uniform(0.05, 0.5)),
        float(rng.uniform(0.6, 0.85)),
        float(rng.uniform(0.9, 0.99)),
    )


def _held_out_first_step(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    return [
        _first_step("moments zero", rng.normal(size=4), lr, gamma1, gamma2, 1e-8),
        _first_step("moments zero, usual rates", rng.normal(size=4), lr, 0.9, 0.999, 1e-8),
        _first_step("gradients from 1e-8 to 1e3", spread(rng, 12), lr, gamma1, gamma2, 1e-8),
        _first_step("tiny gradients", rng.normal(size=3) * 1e-8, 1 + lr, gamma1, gamma2, 1e-8),
        _first_step(
            "a large ε", rng.normal(size=3), lr, gamma1, gamma2, float(rng.uniform(0.1, 0.4))
        ),
    ]


def _trajectory(label: str, theta: Array, grads: list[Array], *rates: float) -> Case:
    zero = np.zeros_like(theta)
    return _step(
        label,
        theta,
        zero,
        zero,
        zero,
        1,
        *rates,
        steps=[{"grad": g, "t": t} for t, g in enumerate(grads, start=1)],
        feedback=_STATE,
    )


def _falling(label: str, theta: Array, grads: list[Array], lr: float, *others: float) -> Case:
    zero = np.zeros_like(theta)
    return _step(
        label,
        theta,
        zero,
        zero,
        zero,
        1,
        lr,
        *others,
        steps=[{"grad": g, "t": t, "lr": lr / t} for t, g in enumerate(grads, start=1)],
        feedback=_STATE,
    )


_GRADS = [floats(g) for g in ([2, 1], [-1, 3], [0, 1e-8])]

_EARLY_STEPS = [
    _step("the fourth update", _THETA, _R, _P, floats([2, -1]), 4, 0.1, 0.9, 0.99, 1e-8),
    _step("gradient zero", _THETA, _R, _P, _ZERO, 4, 0.1, 0.9, 0.99, 1e-8),
    _step("against the mean, a large ε", _THETA, _R, _P, floats([-3, 4]), 3, 0.1, 0.6, 0.8, 0.25),
    _falling("several updates, falling rate", floats([1, -1]), _GRADS, 0.5, 0.7, 0.8, 1e-3),
]


def _held_out_early_steps(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    theta, r, grad = rng.normal(size=4), rng.normal(size=4) * 0.3, rng.normal(size=4)
    p = r**2 + rng.uniform(0.1, 0.5, size=4)
    grads = [np.asarray(rng.normal(size=3)) for _ in range(6)]
    sizes = [g * s for g, s in zip(grads, (1.0, 1e-8, 1e3, 0.0, 1e-3, 30.0), strict=True)]
    return [
        _step("an early update", theta, r, p, grad, 5, lr, gamma1, gamma2, 1e-8),
        _step("gradient zero", theta, r, p, np.zeros(4), 5, lr, gamma1, gamma2, 1e-8),
        _step("a small gradient", theta, r, p, grad * 0.01, 2, lr, gamma1, gamma2, 1e-8),
        _step("a large ε", theta, r, p, grad, 3, lr, gamma1, gamma2, float(rng.uniform(0.1, 0.4))),
        _trajectory("several updates", rng.normal(size=3), grads, lr, gamma1, gamma2, 1e-8),
        _trajectory("gradients of all sizes", rng.normal(size=3), sizes, lr, 0.9, 0.999, 1e-8),
        _falling("a falling rate", rng.normal(size=3), grads, lr, gamma1, gamma2, 1e-3),
    ]


# ε is too small to show from here on: who puts it elsewhere loses the points above, not these
_LATE_STEPS = [
    _step("a million updates", _THETA, _R, _P, floats([2, -1]), 10**6, 0.1, 0.9, 0.999, 1e-15),
    _step("gradient zero", _THETA, _R, _P, _ZERO, 10**6, 0.1, 0.9, 0.999, 1e-15),
    _step("learning rate zero", _THETA, _R, _P, floats([2, -1]), 10**6, 0.0, 0.9, 0.999, 1e-15),
]


def _held_out_late_steps(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.05, 0.5))
    theta, r, grad = rng.normal(size=4), rng.normal(size=4) * 0.3, rng.normal(size=4)
    p = r**2 + rng.uniform(0.1, 0.5, size=4)
    return [
        _step("long after the start", theta, r, p, grad, 10**6, lr, 0.9, 0.999, 1e-15),
        _step("a small gradient", theta, r, p, grad * 0.01, 10**6, lr, 0.9, 0.999, 1e-15),
        _step("gradient zero", theta, r, p, np.zeros(4), 10**6, lr, 0.9, 0.999, 1e-15),
        _step("learning rate zero", theta, r, p, grad, 10**6, 0.0, 0.9, 0.999, 1e-15),
    ]


_RATES = (3, 0.2, 0.8, 0.9, 1e-15)

_LAYOUTS = [
    _step("single numbers (0-d)", *map(floats, (2, 0.5, 0.75, -1)), *_RATES),
    _step(
        "2-d arrays",
        floats([[1, 2], [3, 4]]),
        np.full((2, 2), 0.5),
        floats([[1, 2], [0.5, 0.25]]),
        floats([[0, 1], [-1, 2]]),
        *_RATES,
    ),
    _step("3-d arrays", *(np.full((2, 1, 2), x) for x in (1.0, 0.5, 2.0, 3.0)), *_RATES),
    _step("arrays that skip memory", *map(strided, ([1, 2], [0.3, 1], [2, 3], [5, 6])), *_RATES),
    _step("read-only arrays", *map(readonly, ([1, 2], [0.3, 1], [2, 3], [5, 6])), *_RATES),
]


def _held_out_layouts(rng: np.random.Generator) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        theta, r, grad = (np.asarray(rng.normal(size=shape)) for _ in range(3))
        return [theta, r, np.asarray(r**2 + rng.uniform(0.1, 0.5, size=shape)), grad]

    return [
        _step("single numbers (0-d)", *four(), *_RATES),
        _step("2-d arrays", *four(3, 2), *_RATES),
        _step("3-d arrays", *four(2, 2, 3), *_RATES),
        _step("arrays that skip memory", *map(strided, four(4)), *_RATES),
        _step("arrays stored by columns", *map(column_major, four(2, 3)), *_RATES),
        _step("read-only arrays", *map(readonly, four(3)), *_RATES),
    ]


_STEP_CHECKS = (
    Check("the first update", 1, _FIRST_STEP, _held_out_first_step),
    Check("the next updates", 2, _EARLY_STEPS, _held_out_early_steps),
    Check("long after the start", 1, _LATE_STEPS, _held_out_late_steps),
    Check("shapes and memory layouts", 1, _LAYOUTS, _held_out_layouts),
)

# --- adam_step -------------------------------------------------------------------------------


def _uncorrected(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    return theta - lr * r / (np.sqrt(p) + eps), r, p


def _as_printed(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat = r / (1 - (1 - gamma1) ** t)
    p_hat = p / (1 - (1 - gamma2) ** t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _first_moment_only(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat = r / (1 - gamma1**t)
    return theta - lr * r_hat / (np.sqrt(p) + eps), r, p


def _second_moment_only(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    p_hat = p / (1 - gamma2**t)
    return theta - lr * r / (np.sqrt(p_hat) + eps), r, p


def _corrections_swapped(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma2**t), p / (1 - gamma1**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _corrections_without_power(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1), p / (1 - gamma2)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _counted_from_zero(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1 ** (t + 1)), p / (1 - gamma2 ** (t + 1))
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _corrected_one_late(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r, p
    if t > 1:
        r_hat, p_hat = r / (1 - gamma1 ** (t - 1)), p / (1 - gamma2 ** (t - 1))
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _corrected_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    p = (gamma2 * p + (1 - gamma2) * grad**2) / (1 - gamma2**t)
    return theta - lr * r / (np.sqrt(p) + eps), r, p


def _eps_inside(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / np.sqrt(p_hat + eps), r, p


def _eps_before_correction(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    rate = lr * np.sqrt(1 - gamma2**t) / (1 - gamma1**t)
    return theta - rate * r / (np.sqrt(p) + eps), r, p


def _no_eps(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / np.sqrt(p_hat), r, p


def _root_missing(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (p_hat + eps), r, p


def _square_missing(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * np.abs(grad)
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _weights_swapped(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = (1 - gamma1) * r + gamma1 * grad
    p = (1 - gamma2) * p + gamma2 * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _other_convention(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = (1 - gamma1) * r + gamma1 * grad
    p = (1 - gamma2) * p + gamma2 * grad**2
    r_hat, p_hat = r / (1 - (1 - gamma1) ** t), p / (1 - (1 - gamma2) ** t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _gammas_swapped(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma2 * r + (1 - gamma2) * grad
    p = gamma1 * p + (1 - gamma1) * grad**2
    r_hat, p_hat = r / (1 - gamma2**t), p / (1 - gamma1**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _new_weights_missing(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + grad
    p = gamma2 * p + grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _gradient_for_the_mean(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    p_hat = p / (1 - gamma2**t)
    return theta - lr * grad / (np.sqrt(p_hat) + eps), r, p


def _adam_uphill(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta + lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _adam_old_moments_used(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
    return theta, gamma1 * r + (1 - gamma1) * grad, gamma2 * p + (1 - gamma2) * grad**2


def _adam_old_moments_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r_hat = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    p_hat = (gamma2 * p + (1 - gamma2) * grad**2) / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _adam_moments_exchanged(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), p, r


def _adam_theta_alone(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps)


def _adam_in_place(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r *= gamma1
    r += (1 - gamma1) * grad
    p *= gamma2
    p += (1 - gamma2) * grad**2
    theta -= lr * (r / (1 - gamma1**t)) / (np.sqrt(p / (1 - gamma2**t)) + eps)
    return theta, r, p


_ADAM_STEP = Exercise(
    "adam_step",
    title="One step of Adam",
    minutes=20,
    section="adam.md#the-rule",
    parameters=_PARAMETERS,
    returns=_STATE,
    reference=reference.adam_step,
    checks=_STEP_CHECKS,
    mistakes=(
        Mistake(
            "no-bias-correction",
            "Your step equals Adam without bias correction: with the usual decay rates it is 3.2 "
            "times too large at t = 1; divide r by 1 − γ₁ᵗ and p by 1 − γ₂ᵗ.",
            _uncorrected,
        ),
        Mistake(
            "printed-correction",
            "Your corrections are 1 − (1 − γ)ᵗ, as the lecture's slide prints them: with the usual "
            "decay rates the first step is 3.5 times too large; here γ weighs the old value, so "
            "they are 1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            _as_printed,
        ),
        Mistake(
            "first-moment-only",
            "Your function corrects r but not p: p̂ = p/(1 − γ₂ᵗ) belongs under the root.",
            _first_moment_only,
        ),
        Mistake(
            "second-moment-only",
            "Your function corrects p but not r: the step needs r̂ = r/(1 − γ₁ᵗ).",
            _second_moment_only,
        ),
        Mistake(
            "corrections-swapped",
            "Your corrections are swapped: r is divided by 1 − γ₁ᵗ, p by 1 − γ₂ᵗ.",
            _corrections_swapped,
        ),
        Mistake(
            "corrections-without-power",
            "Your corrections are 1 − γ at every update: that is right at t = 1 only; they are "
            "1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            _corrections_without_power,
        ),
        Mistake(
            "counted-from-zero",
            "Your corrections have the power t + 1: t counts from 1 in this course, so the power "
            "is t itself.",
            _counted_from_zero,
        ),
        Mistake(
            "corrected-one-late",
            "Your corrections come one update late, with the power t − 1: r and p hold t gradients "
            "when they are corrected, so the power is t.",
            _corrected_one_late,
        ),
        Mistake(
            "corrected-returned",
            "Your function returns the corrected r̂ and p̂ as state, which the next step would "
            "correct once more: return r and p as they are before the correction.",
            _corrected_returned,
        ),
        Mistake(
            "eps-inside-root",
            "Your ε stands inside the root, √(p̂ + ε): that convention exists and differs when "
            "gradients are tiny; the course has √p̂ + ε.",
            _eps_inside,
        ),
        Mistake(
            "eps-before-correction",
            "Your ε is added to √p before the correction, as in the paper's faster form: that ε "
            "has another size in the first steps; the course adds it to √p̂.",
            _eps_before_correction,
        ),
        Mistake(
            "no-eps",
            "Your divisor is √p̂ without ε, and a parameter whose gradients were all zero becomes "
            "NaN: divide by √p̂ + ε.",
            _no_eps,
        ),
        Mistake(
            "root-missing",
            "Your step divides by p̂ + ε: the root is missing, √p̂ + ε.",
            _root_missing,
        ),
        Mistake(
            "square-missing",
            "Your p is a mean of |g|: it is a mean of squares, p ← γ₂p + (1 − γ₂)g².",
            _square_missing,
        ),
        Mistake(
            "weights-swapped",
            "Your means have their weights swapped: γ weighs the OLD value, r ← γ₁r + (1 − γ₁)g, "
            "and p likewise.",
            _weights_swapped,
        ),
        Mistake(
            "other-convention",
            "Your γ weighs the new value, in the means and in the corrections: a consistent "
            "convention (an early draft of the paper has it), but in this course γ weighs the old "
            "value, r ← γ₁r + (1 − γ₁)g, corrected by 1 − γ₁ᵗ.",
            _other_convention,
        ),
        Mistake(
            "gammas-swapped",
            "Your decay rates are swapped: γ₁ belongs to r, the mean of gradients, and γ₂ to p, "
            "the mean of squares.",
            _gammas_swapped,
        ),
        Mistake(
            "new-weights-missing",
            "Your r and p are sums, γr + g: Adam keeps means, so the new value has the weight "
            "1 − γ.",
            _new_weights_missing,
        ),
        Mistake(
            "gradient-for-the-mean",
            "Your step has the gradient g on top, which makes this a corrected RMSProp: Adam's "
            "step is α r̂/(√p̂ + ε).",
            _gradient_for_the_mean,
        ),
        Mistake(
            "uphill",
            "Your step adds v and so climbs: θ ← θ − v.",
            _adam_uphill,
        ),
        Mistake(
            "old-moments-used",
            "Your function steps with the old r and p: update both first, then correct and step.",
            _adam_old_moments_used,
        ),
        Mistake(
            "old-moments-returned",
            "Your θ is right, but you return the old r and p: return the new ones.",
            _adam_old_moments_returned,
        ),
        Mistake(
            "moments-exchanged",
            "Your function returns p before r: the order is theta, r, p.",
            _adam_moments_exchanged,
        ),
        Mistake(
            "theta-alone",
            "Your function returns θ alone: return (theta, r, p), or the means are lost after "
            "each step.",
            _adam_theta_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): "
            "compute new arrays.",
            _adam_in_place,
        ),
    ),
)

# --- adamax_step -----------------------------------------------------------------------------


def _max_uncorrected(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * r / p, r, p


def _max_as_printed(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * r / (1 - (1 - gamma1) ** t) / p, r, p


def _max_corrected_too(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * (r / (1 - gamma1**t)) / (p / (1 - gamma2**t)), r, p


def _max_counted_from_zero(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * r / (1 - gamma1 ** (t + 1)) / p, r, p


def _max_correction_of_the_other(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * r / (1 - gamma2**t) / p, r, p


def _max_corrected_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * r / p, r, p


def _eps_in_the_divisor(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad))
    return theta - lr * (r / (1 - gamma1**t)) / (p + eps), r, p


def _eps_after_the_max(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad)) + eps
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _max_no_eps(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad))
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _sum_for_max(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + np.abs(grad) + eps
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _absolute_missing(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, grad + eps)
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _never_decays(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(p, np.abs(grad) + eps)
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _one_maximum_for_all(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.full_like(p, max(gamma2 * np.max(p), np.max(np.abs(grad)) + eps))
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _mean_of_squares(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = gamma2 * p + (1 - gamma2) * grad**2
    r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
    return theta - lr * r_hat / (np.sqrt(p_hat) + eps), r, p


def _maximum_of_squares(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, grad**2 + eps)
    return theta - lr * (r / (1 - gamma1**t)) / np.sqrt(p), r, p


def _max_gammas_swapped(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma2 * r + (1 - gamma2) * grad
    p = np.maximum(gamma1 * p, np.abs(grad) + eps)
    return theta - lr * (r / (1 - gamma2**t)) / p, r, p


def _max_weights_swapped(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = (1 - gamma1) * r + gamma1 * grad
    p = np.maximum((1 - gamma2) * p, np.abs(grad) + eps)
    return theta - lr * (r / (1 - gamma1**t)) / p, r, p


def _max_uphill(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta + lr * (r / (1 - gamma1**t)) / p, r, p


def _gradient_over_maximum(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = gamma1 * r + (1 - gamma1) * grad
    p = np.maximum(gamma2 * p, np.abs(grad) + eps)
    return theta - lr * grad / p, r, p


def _max_old_returned(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r_hat = (gamma1 * r + (1 - gamma1) * grad) / (1 - gamma1**t)
    return theta - lr * r_hat / np.maximum(gamma2 * p, np.abs(grad) + eps), r, p


def _max_in_place(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r *= gamma1
    r += (1 - gamma1) * grad
    p *= gamma2
    np.maximum(p, np.abs(grad) + eps, out=p)
    theta -= lr * (r / (1 - gamma1**t)) / p
    return theta, r, p


_ADAMAX_STEP = Exercise(
    "adamax_step",
    title="One step of AdaMax",
    minutes=15,
    section="adam.md#adamax",
    parameters=_PARAMETERS,
    returns=_STATE,
    reference=reference.adamax_step,
    checks=_STEP_CHECKS,
    mistakes=(
        Mistake(
            "no-bias-correction",
            "Your r is not corrected: the step needs r/(1 − γ₁ᵗ), or the first steps are too "
            "small.",
            _max_uncorrected,
        ),
        Mistake(
            "printed-correction",
            "Your correction is 1 − (1 − γ₁)ᵗ, as the lecture's slide prints it: with γ₁ = 0.9 the "
            "first step is 9 times too small; here γ₁ weighs the old value, so it is 1 − γ₁ᵗ.",
            _max_as_printed,
        ),
        Mistake(
            "maximum-corrected-too",
            "Your function corrects p as well: a maximum is not pulled towards its start, only r "
            "is corrected.",
            _max_corrected_too,
        ),
        Mistake(
            "counted-from-zero",
            "Your correction has the power t + 1: t counts from 1 in this course, so the power is "
            "t itself.",
            _max_counted_from_zero,
        ),
        Mistake(
            "correction-of-the-other",
            "Your correction is 1 − γ₂ᵗ: r decays with γ₁, so its correction is 1 − γ₁ᵗ.",
            _max_correction_of_the_other,
        ),
        Mistake(
            "corrected-returned",
            "Your function returns the corrected mean as r, which the next step would correct "
            "once more: return r as it is before the correction.",
            _max_corrected_returned,
        ),
        Mistake(
            "eps-in-divisor",
            "Your ε is added to the divisor, p + ε, and not to |g|: that convention exists; the "
            "course has it inside the maximum, p ← max(γ₂p, |g| + ε), as torch does.",
            _eps_in_the_divisor,
        ),
        Mistake(
            "eps-after-maximum",
            "Your ε is added to the maximum, so that it piles up in p: it belongs beside |g|, "
            "p ← max(γ₂p, |g| + ε).",
            _eps_after_the_max,
        ),
        Mistake(
            "no-eps",
            "Your p is max(γ₂p, |g|) without ε, as in the paper: while all gradients of a "
            "parameter are zero its step is 0/0; the course has p ← max(γ₂p, |g| + ε).",
            _max_no_eps,
        ),
        Mistake(
            "sum-for-maximum",
            "Your p adds γ₂p and |g| + ε: AdaMax takes the larger of the two.",
            _sum_for_max,
        ),
        Mistake(
            "absolute-value-missing",
            "Your maximum compares with g + ε: negative gradients are large, too, so it is "
            "|g| + ε.",
            _absolute_missing,
        ),
        Mistake(
            "maximum-never-decays",
            "Your p is the largest |g| ever seen: the old one decays, p ← max(γ₂p, |g| + ε).",
            _never_decays,
        ),
        Mistake(
            "one-maximum-for-all",
            "Your p is one maximum over all parameters: each parameter keeps its own; "
            "`np.maximum` compares elementwise.",
            _one_maximum_for_all,
        ),
        Mistake(
            "mean-of-squares",
            "Your step equals Adam's: AdaMax replaces the mean of squares by a maximum, "
            "p ← max(γ₂p, |g| + ε), and takes no root.",
            _mean_of_squares,
        ),
        Mistake(
            "maximum-of-squares",
            "Your p is a maximum of squares: AdaMax keeps |g| + ε itself and takes no root.",
            _maximum_of_squares,
        ),
        Mistake(
            "gammas-swapped",
            "Your decay rates are swapped: γ₁ belongs to r, the mean of gradients, and γ₂ to p, "
            "the maximum.",
            _max_gammas_swapped,
        ),
        Mistake(
            "weights-swapped",
            "Your function weighs the old values with 1 − γ: γ weighs the OLD value, "
            "r ← γ₁r + (1 − γ₁)g and p ← max(γ₂p, |g| + ε).",
            _max_weights_swapped,
        ),
        Mistake(
            "gradient-for-the-mean",
            "Your step has the gradient g on top: AdaMax's step is α r/((1 − γ₁ᵗ) p).",
            _gradient_over_maximum,
        ),
        Mistake("uphill", "Your step adds v and so climbs: θ ← θ − v.", _max_uphill),
        Mistake(
            "old-state-returned",
            "Your θ is right, but you return the old r and p: return the new ones.",
            _max_old_returned,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` do that to arrays): "
            "compute new arrays.",
            _max_in_place,
        ),
    ),
)

# --- adam_trajectory -------------------------------------------------------------------------

_path = case_maker("theta0", "grads", "lr", "gamma1", "gamma2", "eps")

# ε shows in the check of all sizes only: who puts it elsewhere keeps the other points
_START = floats([1, -1])
_GIVEN = floats([[2, 1], [-1, 3], [0.5, -10], [0, 0.25]])


def _one_step_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    return [
        _path(
            "one gradient", rng.normal(size=3), rng.normal(size=(1, 3)), lr, gamma1, gamma2, 1e-15
        ),
        _path(
            "usual decay rates", rng.normal(size=3), rng.normal(size=(1, 3)), lr, 0.9, 0.999, 1e-15
        ),
    ]


def _path_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    return [
        _path("six steps", rng.normal(size=3), rng.normal(size=(6, 3)), lr, gamma1, gamma2, 1e-15),
        _path(
            "usual decay rates", rng.normal(size=3), rng.normal(size=(7, 3)), lr, 0.9, 0.999, 1e-15
        ),
        _path("many steps", rng.normal(size=2), rng.normal(size=(60, 2)), lr, 0.9, 0.999, 1e-15),
    ]


def _size_cases(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    return [
        _path("gradients from 1e-8 to 1e3", np.zeros(6), spread(rng, 8, 6), lr, 0.9, 0.999, 1e-8),
        _path(
            "a large ε", np.zeros(3), rng.normal(size=(5, 3)), lr, gamma1, gamma2, 0.1 + 0.1 * lr
        ),
        _path("zeros at first", np.ones(2), np.eye(5, 2, -3) * 3, lr, gamma1, gamma2, 1e-8),
    ]


def _path_layouts(rng: np.random.Generator) -> list[Case]:
    lr, gamma1, gamma2 = _rates(rng)
    rates = (lr, gamma1, gamma2, 1e-15)
    return [
        _path("no gradient at all", rng.normal(size=3), np.zeros((0, 3)), *rates),
        _path("learning rate zero", rng.normal(size=3), rng.normal(size=(3, 3)), 0.0, *rates[1:]),
        _path("a single number (0-d)", np.asarray(rng.normal()), rng.normal(size=4), *rates),
        _path("2-d parameters", rng.normal(size=(2, 3)), rng.normal(size=(4, 2, 3)), *rates),
        _path(
            "read-only and strided data",
            readonly(rng.normal(size=3)),
            strided(rng.normal(size=(4, 3))),
            *rates,
        ),
    ]


def _path_uncorrected(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for g in grads:
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        theta = theta - lr * r / (np.sqrt(p) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_as_printed(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - (1 - gamma1) ** t), p / (1 - (1 - gamma2) ** t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_from_zero(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat = r / (np.float64(1) - gamma1**t)
        p_hat = p / (np.float64(1) - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_from_two(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=2):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_t_stays_one(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for g in grads:
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1), p / (1 - gamma2)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_state_reset(theta0, grads, lr, gamma1, gamma2, eps):
    theta = theta0
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r, p = (1 - gamma1) * g, (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_corrected_kept(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = (gamma1 * r + (1 - gamma1) * g) / (1 - gamma1**t)
        p = (gamma2 * p + (1 - gamma2) * g**2) / (1 - gamma2**t)
        theta = theta - lr * r / (np.sqrt(p) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_eps_inside(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / np.sqrt(p_hat + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_root_missing(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (p_hat + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_moments_from_the_first(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, None, None
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = g if t == 1 else gamma1 * r + (1 - gamma1) * g
        p = g**2 if t == 1 else gamma2 * p + (1 - gamma2) * g**2
        theta = theta - lr * r / (np.sqrt(p) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_uphill(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta + lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_start_missing(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = []
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_last_missing(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads[:-1], start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_only_the_end(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta = theta - lr * r_hat / (np.sqrt(p_hat) + eps)
    return theta


def _path_rows_the_same(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0.copy(), np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta -= lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta)
    return np.array(trajectory)


def _path_start_changed(theta0, grads, lr, gamma1, gamma2, eps):
    theta, r, p = theta0, np.zeros_like(theta0), np.zeros_like(theta0)
    trajectory = [theta.copy()]
    for t, g in enumerate(grads, start=1):
        r = gamma1 * r + (1 - gamma1) * g
        p = gamma2 * p + (1 - gamma2) * g**2
        r_hat, p_hat = r / (1 - gamma1**t), p / (1 - gamma2**t)
        theta -= lr * r_hat / (np.sqrt(p_hat) + eps)
        trajectory.append(theta.copy())
    return np.array(trajectory)


_ADAM_TRAJECTORY = Exercise(
    "adam_trajectory",
    title="Adam from the start",
    minutes=15,
    section="adam.md#the-rule",
    parameters=("theta0", "grads", "lr", "gamma1", "gamma2", "eps"),
    returns=("trajectory",),
    reference=reference.adam_trajectory,
    checks=(
        Check(
            "one step",
            1,
            [
                _path("one gradient", _START, _GIVEN[:1], 0.1, 0.9, 0.999, 1e-15),
                _path("other decay rates", _START, floats([[3, -0.5]]), 0.5, 0.6, 0.7, 1e-15),
            ],
            _one_step_cases,
        ),
        Check(
            "several steps",
            2,
            [
                _path("four gradients", _START, _GIVEN, 0.1, 0.9, 0.999, 1e-15),
                _path("other decay rates", _START, _GIVEN, 0.5, 0.6, 0.7, 1e-15),
                _path("the same gradient", _START, np.full((5, 2), 3.0), 0.1, 0.9, 0.999, 1e-15),
            ],
            _path_cases,
        ),
        Check(
            "gradients of all sizes",
            1,
            [
                _path(
                    "from 0 to 1000",
                    np.zeros(2),
                    floats([[0, 1e-8], [1e-8, 1], [1e3, 0], [-30, 1e3]]),
                    0.5,
                    0.9,
                    0.999,
                    1e-8,
                ),
                _path("a large ε", _START, _GIVEN, 0.5, 0.6, 0.7, 0.25),
                _path("zeros at first", _START, np.eye(4, 2, -2) * 5, 0.1, 0.9, 0.99, 1e-8),
            ],
            _size_cases,
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _path("no gradient at all", _START, np.zeros((0, 2)), 0.1, 0.9, 0.999, 1e-15),
                _path("learning rate zero", _START, _GIVEN, 0.0, 0.9, 0.999, 1e-15),
                _path("a single number (0-d)", floats(2), floats([1, -1, 3]), 0.1, 0.6, 0.7, 1e-15),
                _path(
                    "2-d parameters",
                    floats([[1, 2], [3, 4]]),
                    floats([[[1, -1], [2, 0.5]], [[-3, 1], [1, 1]], [[0, 2], [-1, 4]]]),
                    0.1,
                    0.6,
                    0.7,
                    1e-15,
                ),
                _path(
                    "read-only and strided data",
                    readonly(_START),
                    strided(_GIVEN),
                    0.1,
                    0.6,
                    0.7,
                    1e-15,
                ),
            ],
            _path_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "no-bias-correction",
            "Your trajectory is that of Adam without bias correction: divide r by 1 − γ₁ᵗ and p by "
            "1 − γ₂ᵗ in each step.",
            _path_uncorrected,
        ),
        Mistake(
            "printed-correction",
            "Your corrections are 1 − (1 − γ)ᵗ, as the lecture's slide prints them: here γ weighs "
            "the old value, so they are 1 − γ₁ᵗ and 1 − γ₂ᵗ.",
            _path_as_printed,
        ),
        Mistake(
            "counted-from-zero",
            "Your t starts at 0, where 1 − γᵗ is zero and the first step divides by it: count "
            "from 1, for example with `enumerate(grads, start=1)`.",
            _path_from_zero,
        ),
        Mistake(
            "counted-from-two",
            "Your t is one ahead: it is 1 in the first step.",
            _path_from_two,
        ),
        Mistake(
            "t-stays-one",
            "Your corrections stay those of the first step: t grows by one in each.",
            _path_t_stays_one,
        ),
        Mistake(
            "state-reset",
            "Your r and p start from zero again at each step: set them to zero once, before the "
            "loop.",
            _path_state_reset,
        ),
        Mistake(
            "corrected-kept",
            "Your r and p are overwritten by their corrected values, which the next step corrects "
            "again: keep r and p, and give r̂ and p̂ names of their own.",
            _path_corrected_kept,
        ),
        Mistake(
            "eps-inside-root",
            "Your ε stands inside the root, √(p̂ + ε): that convention exists and differs when "
            "gradients are tiny; the course has √p̂ + ε.",
            _path_eps_inside,
        ),
        Mistake(
            "root-missing",
            "Your step divides by p̂ + ε: the root is missing, √p̂ + ε.",
            _path_root_missing,
        ),
        Mistake(
            "moments-from-first-gradient",
            "Your r and p start at the first gradient and its square, with no correction: another "
            "cure for the bias, right in the first step only; the course starts from zero and "
            "divides by 1 − γᵗ.",
            _path_moments_from_the_first,
        ),
        Mistake("uphill", "Your steps add v and so climb: θ ← θ − v.", _path_uphill),
        Mistake(
            "start-missing",
            "Your trajectory lacks the start: row 0 is `theta0`, and one row a gradient follows.",
            _path_start_missing,
        ),
        Mistake(
            "last-step-missing",
            "Your function takes one step too few: the start and one step a gradient make "
            "`len(grads) + 1` rows.",
            _path_last_missing,
        ),
        Mistake(
            "only-the-end",
            "Your function returns the last θ only: return all of them as rows of one array, the "
            "start first.",
            _path_only_the_end,
        ),
        Mistake(
            "all-rows-the-same",
            "All rows of your trajectory are the same array, which `-=` changes in each step: "
            "subtract with `-` and assign, which makes a new one.",
            _path_rows_the_same,
        ),
        Mistake(
            "start-changed",
            "Your function changes `theta0` in place (`-=` does that to arrays): "
            "subtract with `-` and assign, which makes a new array.",
            _path_start_changed,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps05-adam",
    title="Adam and AdaMax",
    exercises=(_BIAS_CORRECTION, _ADAM_STEP, _ADAMAX_STEP, _ADAM_TRAJECTORY),
    written=(Written("two_conventions", 4),),
)
