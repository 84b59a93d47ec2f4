"""Problem set 8: batch normalization in training, backward, at inference, and folded away."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import Array, case_maker, column_major, floats, readonly, strided
from autograder.selfcheck.spec import Case

_SECTION = "learning-as-optimization.md#ill-conditioning"

_X = floats([[1, -2, 0.5], [3, 0, 4], [-2, 1, 1.5], [0.5, 5, -3]])
_GAMMA = floats([2, -0.5, 1.5])
_BETA = floats([0.25, -1, 3])
_MEAN = floats([0.5, -2, 1])
_VAR = floats([4, 0.25, 2])


def _batch(rng: np.random.Generator, n: int, d: int) -> Array:
    """A batch whose features have means and deviations of their own, none of them near 0."""
    centre = rng.uniform(0.5, 3, d) * rng.choice([-1.0, 1.0], d)
    return np.asarray(centre + rng.uniform(0.5, 2, d) * rng.normal(size=(n, d)))


def _scales(rng: np.random.Generator, d: int) -> Array:
    return np.asarray(rng.uniform(0.3, 0.8, d) + np.arange(d) * rng.choice([-1.0, 1.0]))


def _shifts(rng: np.random.Generator, d: int) -> Array:
    return np.asarray(rng.uniform(0.5, 2, d) * rng.choice([-1.0, 1.0], d))


def _variances(rng: np.random.Generator, d: int) -> Array:
    return np.asarray(np.where(np.arange(d) % 2, rng.uniform(0.1, 0.6, d), rng.uniform(2, 9, d)))


# --- batchnorm_forward -----------------------------------------------------------------------

_forward = case_maker("x", "gamma", "beta", "eps")


def _forward_plain_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _forward("six examples", _batch(rng, 6, 3), np.ones(3), np.zeros(3), 1e-5),
        _forward("two examples", _batch(rng, 2, 4), np.ones(4), np.zeros(4), 1e-5),
    ]


def _forward_cases(rng: np.random.Generator) -> list[Case]:
    sizes = 10.0 ** floats([-4, 0, 3])
    return [
        _forward("six examples", _batch(rng, 6, 3), _scales(rng, 3), _shifts(rng, 3), 1e-5),
        _forward("three examples", _batch(rng, 3, 4), _scales(rng, 4), _shifts(rng, 4), 1e-3),
        _forward(
            "features of very different size",
            _batch(rng, 7, 3) * sizes,
            _scales(rng, 3),
            _shifts(rng, 3),
            1e-5,
        ),
    ]


def _forward_small_cases(rng: np.random.Generator) -> list[Case]:
    constant = np.tile(rng.uniform(1, 5, 3), (4, 1))
    small = rng.uniform(1, 2, 3) + rng.normal(size=(5, 3)) * 10.0 ** floats([-2, -3, -5])
    return [
        _forward("constant features", constant, _scales(rng, 3), _shifts(rng, 3), 1e-5),
        _forward("almost constant features", small, _scales(rng, 3), _shifts(rng, 3), 1e-5),
        _forward("a large ε", _batch(rng, 5, 3), _scales(rng, 3), _shifts(rng, 3), 0.5),
        _forward("a tiny ε", small, _scales(rng, 3), _shifts(rng, 3), 1e-8),
    ]


def _forward_layout_cases(rng: np.random.Generator) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return _batch(rng, n, d), _scales(rng, d), _shifts(rng, d)

    return [
        _forward("one feature", *three(5, 1), 1e-5),
        _forward("one example", *three(1, 3), 1e-5),
        _forward("as many features as examples", *three(3, 3), 1e-5),
        _forward("arrays that skip memory", *map(strided, three(5, 3)), 1e-5),
        _forward("an array stored by columns", *map(column_major, three(5, 3)), 1e-5),
        _forward("read-only arrays", *map(readonly, three(5, 3)), 1e-5),
    ]


def _forward_unbiased(x, gamma, beta, eps):
    centred = x - x.mean(axis=0)
    variance = (centred**2).sum(axis=0) / np.float64(len(x) - 1)
    return gamma * centred / np.sqrt(variance + eps) + beta


def _forward_epsilon_outside(x, gamma, beta, eps):
    return gamma * (x - x.mean(axis=0)) / (np.sqrt(x.var(axis=0)) + eps) + beta


def _forward_no_epsilon(x, gamma, beta, eps):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0)) + beta


def _forward_fixed_epsilon(x, gamma, beta, eps):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta


def _forward_lecture_sums(x, gamma, beta, eps):
    m = np.float64(len(x) - 1)
    mean = x.sum(axis=0) / m
    variance = ((x - mean) ** 2).sum(axis=0) / m
    return gamma * (x - mean) / np.sqrt(variance + eps) + beta


def _forward_no_root(x, gamma, beta, eps):
    return gamma * (x - x.mean(axis=0)) / (x.var(axis=0) + eps) + beta


def _forward_over_features(x, gamma, beta, eps):
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + eps) + beta


def _forward_over_everything(x, gamma, beta, eps):
    return gamma * (x - x.mean()) / np.sqrt(x.var() + eps) + beta


def _forward_no_scale(x, gamma, beta, eps):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta


def _forward_no_shift(x, gamma, beta, eps):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps)


def _forward_shift_scaled(x, gamma, beta, eps):
    return gamma * ((x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta)


def _forward_mean_kept(x, gamma, beta, eps):
    return gamma * x / np.sqrt(x.var(axis=0) + eps) + beta


def _forward_in_place(x, gamma, beta, eps):
    x -= x.mean(axis=0)
    x /= np.sqrt((x**2).mean(axis=0) + eps)
    return gamma * x + beta


_BATCHNORM_FORWARD = Exercise(
    "batchnorm_forward",
    title="Batch normalization in training",
    minutes=15,
    section=_SECTION,
    parameters=("x", "gamma", "beta", "eps"),
    returns=("y",),
    reference=reference.batchnorm_forward,
    checks=(
        Check(
            "scale one and shift zero",
            1,
            [
                _forward("four examples", _X, np.ones(3), np.zeros(3), 1e-5),
                _forward("two examples", _X[:2], np.ones(3), np.zeros(3), 1e-5),
            ],
            _forward_plain_cases,
        ),
        Check(
            "scale and shift",
            2,
            [
                _forward("four examples", _X, _GAMMA, _BETA, 1e-5),
                _forward("three examples", _X[:3], _GAMMA, _BETA, 1e-3),
                _forward(
                    "features of very different size",
                    _X * floats([1e-4, 1, 1e3]),
                    _GAMMA,
                    _BETA,
                    1e-5,
                ),
            ],
            _forward_cases,
            relation="batch_is_normalized",
        ),
        Check(
            "small variances",
            1,
            [
                _forward("constant features", np.tile([2.0, 5, -3], (4, 1)), _GAMMA, _BETA, 1e-5),
                _forward(
                    "almost constant features", 2 + _X * [1e-2, 1e-3, 1e-5], _GAMMA, _BETA, 1e-5
                ),
                _forward("a large ε", _X, _GAMMA, _BETA, 0.5),
                _forward("a tiny ε", 2 + _X * [1e-2, 1e-3, 1e-5], _GAMMA, _BETA, 1e-8),
            ],
            _forward_small_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _forward("one feature", _X[:, :1].copy(), floats([2]), floats([3]), 1e-5),
                _forward("one example", _X[:1], _GAMMA, _BETA, 1e-5),
                _forward("as many features as examples", _X[1:], _GAMMA, _BETA, 1e-5),
                _forward("arrays that skip memory", *map(strided, (_X, _GAMMA, _BETA)), 1e-5),
                _forward("an array stored by columns", column_major(_X), _GAMMA, _BETA, 1e-5),
                _forward("read-only arrays", *map(readonly, (_X, _GAMMA, _BETA)), 1e-5),
            ],
            _forward_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "unbiased-variance",
            "Your variance is the unbiased one, divided by n − 1: a batch is normalized with the "
            "biased one, divided by n (the unbiased one goes into the running variance).",
            _forward_unbiased,
        ),
        Mistake(
            "epsilon-outside",
            "Your function adds ε to the standard deviation: that convention is found elsewhere; "
            "here it stands inside the root, √(s² + ε).",
            _forward_epsilon_outside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out, so a constant feature is 0/0 = NaN: divide by √(s² + ε).",
            _forward_no_epsilon,
        ),
        Mistake(
            "fixed-epsilon",
            "Your function always adds 1e-5: use the argument `eps`.",
            _forward_fixed_epsilon,
        ),
        Mistake(
            "lectures-sums",
            "Your function divides sums of n terms by n − 1, as the lecture's slide does (i = 0 "
            "to m, divided by m): n terms, divided by n, for mean and variance.",
            _forward_lecture_sums,
        ),
        Mistake(
            "no-root",
            "Your function divides by the variance: divide by its root, √(s² + ε).",
            _forward_no_root,
        ),
        Mistake(
            "over-features",
            "Your function normalizes each example over its features (axis 1), which is layer "
            "normalization: batch normalization takes each feature over the examples (axis 0).",
            _forward_over_features,
        ),
        Mistake(
            "over-everything",
            "Your function uses one mean and one variance for the whole batch: each feature has "
            "its own (axis 0).",
            _forward_over_everything,
        ),
        Mistake(
            "scale-forgotten",
            "Your function forgets the scale γ: y = γ x̂ + β.",
            _forward_no_scale,
        ),
        Mistake(
            "shift-forgotten",
            "Your function forgets the shift β: y = γ x̂ + β.",
            _forward_no_shift,
        ),
        Mistake(
            "shift-scaled",
            "Your function adds β before it multiplies by γ: first scale, then shift, γ x̂ + β.",
            _forward_shift_scaled,
        ),
        Mistake(
            "mean-kept",
            "Your function does not subtract the mean of the batch: x̂ = (x − m)/√(s² + ε).",
            _forward_mean_kept,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (`-=` and `/=` do that to arrays), which the "
            "backward pass still needs: compute new arrays.",
            _forward_in_place,
        ),
    ),
)

# --- batchnorm_backward ----------------------------------------------------------------------

_backward = case_maker("grad_out", "x", "gamma", "eps")

_G = floats([[0.5, 1, -2], [-1, 3, 0.25], [2, -0.5, 1], [0.75, -2, 4]])
# columns of x̂ are ±1 here, and those of the gradient are orthogonal to them and to 1
_X_CROSS = floats([[3, 1, 0], [1, -1, 4], [3, -1, 4], [1, 1, 0]])
_G_CROSS = floats([[2, -3, 1], [2, 3, 1], [-2, -3, -1], [-2, 3, -1]])


def _blind_gradient(rng: np.random.Generator, x: Array) -> Array:
    """A random gradient without a part along 1 or along x in any column."""
    g = np.asarray(rng.normal(size=x.shape))
    centred = x - x.mean(axis=0)
    g = g - g.mean(axis=0)
    return np.asarray(g - centred * (g * centred).sum(axis=0) / (centred**2).sum(axis=0))


def _backward_blind_cases(rng: np.random.Generator) -> list[Case]:
    cases = []
    for label, n, d in (("five examples", 5, 3), ("eight examples", 8, 2)):
        x = _batch(rng, n, d)
        cases.append(_backward(label, _blind_gradient(rng, x), x, _scales(rng, d), 1e-5))
    return cases


def _backward_cases(rng: np.random.Generator) -> list[Case]:
    def case(label: str, n: int, d: int, eps: float) -> Case:
        return _backward(label, rng.normal(0.5, 1, (n, d)), _batch(rng, n, d), _scales(rng, d), eps)

    return [
        case("six examples", 6, 3, 1e-5),
        case("three examples", 3, 4, 1e-3),
        case("nine examples", 9, 2, 1e-5),
    ]


def _backward_small_cases(rng: np.random.Generator) -> list[Case]:
    constant = np.tile(rng.uniform(1, 5, 3), (4, 1))
    small = rng.uniform(1, 2, 3) + rng.normal(size=(5, 3)) * 10.0 ** floats([-2, -3, -5])
    return [
        _backward("constant features", rng.normal(1, 1, (4, 3)), constant, _scales(rng, 3), 1e-3),
        _backward(
            "almost constant features", rng.normal(1, 1, (5, 3)), small, _scales(rng, 3), 1e-3
        ),
        _backward("a large ε", rng.normal(1, 1, (5, 3)), _batch(rng, 5, 3), _scales(rng, 3), 0.5),
        _backward(
            "two examples", rng.normal(1, 1, (2, 3)), _batch(rng, 2, 3), _scales(rng, 3), 0.1
        ),
    ]


def _backward_layout_cases(rng: np.random.Generator) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return rng.normal(1, 1, (n, d)), _batch(rng, n, d), _scales(rng, d)

    g, x, gamma = three(6, 3)
    sizes = 10.0 ** floats([[-8], [3], [-3], [0], [1], [2]])
    return [
        _backward("gradients from 1e-8 to 1e3", sizes * g, x, gamma, 1e-5),
        _backward("gradient zero", np.zeros((6, 3)), x, gamma, 1e-5),
        _backward("one feature", *three(5, 1), 1e-5),
        _backward("as many features as examples", *three(3, 3), 1e-5),
        _backward("arrays that skip memory", *map(strided, three(5, 3)), 1e-5),
        _backward("arrays stored by columns", *map(column_major, three(5, 3)), 1e-5),
        _backward("read-only arrays", *map(readonly, three(5, 3)), 1e-5),
    ]


def _statistics_constant(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    return gamma / root * grad_out, (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)


def _variance_constant(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_x = gamma / root * (grad_out - grad_out.mean(axis=0))
    return grad_x, (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)


def _mean_constant(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_x = gamma / root * (grad_out - x_hat * (grad_out * x_hat).mean(axis=0))
    return grad_x, (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)


def _sums_for_means(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    return gamma / root * (grad_out - grad_beta - x_hat * grad_gamma), grad_gamma, grad_beta


def _terms_added(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out + grad_beta / n + x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta


def _scale_forgotten(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    return (grad_out - grad_beta / n - x_hat * grad_gamma / n) / root, grad_gamma, grad_beta


def _root_forgotten(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    return gamma * (grad_out - grad_beta / n - x_hat * grad_gamma / n), grad_gamma, grad_beta


def _divided_by_variance(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root**2 * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta


def _scale_gradient_of_x(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, (grad_out * x).sum(axis=0), grad_beta


def _scale_gradient_not_divided(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma * root, grad_beta


def _parameter_means(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).mean(axis=0), grad_out.mean(axis=0)
    return gamma / root * (grad_out - grad_beta - x_hat * grad_gamma), grad_gamma, grad_beta


def _parameters_not_summed(grad_out, x, gamma, eps):
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    along = (grad_out * x_hat).mean(axis=0)
    grad_x = gamma / root * (grad_out - grad_out.mean(axis=0) - x_hat * along)
    return grad_x, grad_out * x_hat, grad_out


def _shift_gradient_scaled(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, gamma * grad_beta


def _backward_unbiased(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0, ddof=1) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / (n - 1))
    return grad_x, grad_gamma, grad_beta


def _backward_epsilon_outside(grad_out, x, gamma, eps):
    n = len(x)
    std = np.sqrt(x.var(axis=0))
    x_hat = (x - x.mean(axis=0)) / (std + eps)
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / (std + eps) * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta


def _backward_no_epsilon(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0))
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_gamma, grad_beta


def _backward_outputs_swapped(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_x = gamma / root * (grad_out - grad_beta / n - x_hat * grad_gamma / n)
    return grad_x, grad_beta, grad_gamma


def _backward_in_place(grad_out, x, gamma, eps):
    n = len(x)
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    grad_gamma, grad_beta = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
    grad_out -= grad_beta / n + x_hat * grad_gamma / n
    grad_out *= gamma / root
    return grad_out, grad_gamma, grad_beta


_BATCHNORM_BACKWARD = Exercise(
    "batchnorm_backward",
    title="The gradient of batch normalization",
    minutes=30,
    section=_SECTION,
    parameters=("grad_out", "x", "gamma", "eps"),
    returns=("grad_x", "grad_gamma", "grad_beta"),
    reference=reference.batchnorm_backward,
    checks=(
        Check(
            "gradients across mean and variance",
            1,
            [
                _backward("four examples", _G_CROSS, _X_CROSS, _GAMMA, 1e-5),
                _backward("two features", _G_CROSS[:, :2], _X_CROSS[:, :2], _GAMMA[:2], 1e-5),
            ],
            _backward_blind_cases,
        ),
        Check(
            "ordinary batches",
            2,
            [
                _backward("four examples", _G, _X, _GAMMA, 1e-5),
                _backward("three examples", _G[:3], _X[:3], _GAMMA, 1e-3),
            ],
            _backward_cases,
            relation="batchnorm_gradient_is_that_of_differences",
        ),
        Check(
            "small variances",
            1,
            [
                _backward("constant features", _G, np.tile([2.0, 5, -3], (4, 1)), _GAMMA, 1e-3),
                _backward(
                    "almost constant features", _G, 2 + _X * [1e-2, 1e-3, 1e-5], _GAMMA, 1e-3
                ),
                _backward("a large ε", _G, _X, _GAMMA, 0.5),
                _backward("two examples", _G[:2], _X[:2], _GAMMA, 0.1),
            ],
            _backward_small_cases,
        ),
        Check(
            "sizes, shapes and memory layouts",
            1,
            [
                _backward(
                    "gradients from 1e-8 to 1000",
                    _G * floats([[1e-8], [1e3], [1], [1e-3]]),
                    _X,
                    _GAMMA,
                    1e-5,
                ),
                _backward("gradient zero", np.zeros((4, 3)), _X, _GAMMA, 1e-5),
                _backward("one feature", _G[:, :1].copy(), _X[:, :1].copy(), floats([2]), 1e-5),
                _backward("as many features as examples", _G[1:], _X[1:], _GAMMA, 1e-5),
                _backward("arrays that skip memory", *map(strided, (_G, _X, _GAMMA)), 1e-5),
                _backward(
                    "arrays stored by columns", column_major(_G), column_major(_X), _GAMMA, 1e-5
                ),
                _backward("read-only arrays", *map(readonly, (_G, _X, _GAMMA)), 1e-5),
            ],
            _backward_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "statistics-constant",
            "Your gradient of x treats mean and variance as constants, which is right at "
            "inference only: in training both depend on every x, which adds two terms.",
            _statistics_constant,
        ),
        Mistake(
            "variance-constant",
            "Your gradient of x treats the variance as a constant: the term −x̂ · mean(g x̂) is "
            "missing.",
            _variance_constant,
        ),
        Mistake(
            "mean-constant",
            "Your gradient of x treats the mean as a constant: the term −mean(g) is missing.",
            _mean_constant,
        ),
        Mistake(
            "sums-for-means",
            "Your gradient of x subtracts sums over the batch: divide both terms by n.",
            _sums_for_means,
        ),
        Mistake(
            "terms-added",
            "Your gradient of x adds the terms of mean and variance: subtract them.",
            _terms_added,
        ),
        Mistake(
            "scale-forgotten",
            "Your gradient of x forgets the scale γ: y = γ x̂ + β, so γ multiplies it.",
            _scale_forgotten,
        ),
        Mistake(
            "root-forgotten",
            "Your gradient of x is that of x̂ times γ without the division: divide by √(s² + ε).",
            _root_forgotten,
        ),
        Mistake(
            "divided-by-the-variance",
            "Your gradient of x divides by s² + ε: divide by its root.",
            _divided_by_variance,
        ),
        Mistake(
            "scale-gradient-of-x",
            "Your gradient of γ is Σ g x: γ multiplies the normalized x̂, so it is Σ g x̂.",
            _scale_gradient_of_x,
        ),
        Mistake(
            "scale-gradient-not-divided",
            "Your gradient of γ is Σ g (x − m): divide by √(s² + ε), it is Σ g x̂.",
            _scale_gradient_not_divided,
        ),
        Mistake(
            "means-for-parameters",
            "Your gradients of γ and β are means over the batch: they are sums, for all examples "
            "share γ and β. (If the loss is a mean, g holds its 1/n already.)",
            _parameter_means,
        ),
        Mistake(
            "parameters-not-summed",
            "Your gradients of γ and β have a row for each example: sum over the examples "
            "(axis 0).",
            _parameters_not_summed,
        ),
        Mistake(
            "shift-gradient-scaled",
            "Your gradient of β is multiplied by γ: β is added after the scale, so it is Σ g.",
            _shift_gradient_scaled,
        ),
        Mistake(
            "unbiased-variance",
            "Your variance is the unbiased one, divided by n − 1: a batch is normalized with the "
            "biased one, divided by n.",
            _backward_unbiased,
        ),
        Mistake(
            "epsilon-outside",
            "Your function adds ε to the standard deviation: that convention is found elsewhere; "
            "here it stands inside the root, √(s² + ε).",
            _backward_epsilon_outside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out, so a constant feature gives NaN: divide by √(s² + ε).",
            _backward_no_epsilon,
        ),
        Mistake(
            "outputs-swapped",
            "Your function returns the gradients of γ and β in the other order: (grad_x, "
            "grad_gamma, grad_beta).",
            _backward_outputs_swapped,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad_out` in place (`-=` and `*=` do that to arrays): compute "
            "new arrays.",
            _backward_in_place,
        ),
    ),
)

# --- batchnorm_inference ---------------------------------------------------------------------

_inference = case_maker("x", "gamma", "beta", "running_mean", "running_var", "eps")


def _five(rng: np.random.Generator, n: int, d: int) -> tuple[Array, Array, Array, Array, Array]:
    return (
        _batch(rng, n, d),
        _scales(rng, d),
        _shifts(rng, d),
        _shifts(rng, d),
        _variances(rng, d),
    )


def _inference_fresh_cases(rng: np.random.Generator) -> list[Case]:
    x, gamma, beta, _, _ = _five(rng, 5, 3)
    return [_inference("five examples", x, gamma, beta, np.zeros(3), np.ones(3), 1e-5)]


def _inference_cases(rng: np.random.Generator) -> list[Case]:
    sizes = 10.0 ** rng.uniform(-8, 3, (6, 3))
    x, gamma, beta, mean, var = _five(rng, 6, 3)
    return [
        _inference("six examples", *_five(rng, 6, 3), 1e-5),
        _inference("another ε", *_five(rng, 4, 2), 1e-3),
        _inference("inputs from 1e-8 to 1e3", x * sizes, gamma, beta, mean, var, 1e-5),
    ]


def _inference_small_cases(rng: np.random.Generator) -> list[Case]:
    x, gamma, beta, mean, _ = _five(rng, 4, 3)
    one, gamma_, beta_, mean_, var_ = _five(rng, 1, 3)
    return [
        _inference("running variance zero", x, gamma, beta, mean, np.zeros(3), 1e-3),
        _inference(
            "tiny running variances", x, gamma, beta, mean, floats([1e-4, 1e-6, 1e-8]), 1e-5
        ),
        _inference("a large ε", *_five(rng, 4, 3), 0.5),
        _inference("one example", one, gamma_, beta_, mean_, var_, 1e-5),
    ]


def _inference_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _inference("one feature", *_five(rng, 5, 1), 1e-5),
        _inference("as many features as examples", *_five(rng, 3, 3), 1e-5),
        _inference("arrays that skip memory", *map(strided, _five(rng, 5, 3)), 1e-5),
        _inference("an array stored by columns", *map(column_major, _five(rng, 5, 3)), 1e-5),
        _inference("read-only arrays", *map(readonly, _five(rng, 5, 3)), 1e-5),
    ]


def _batch_statistics(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta


def _batch_mean(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(running_var + eps) + beta


def _inference_epsilon_outside(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / (np.sqrt(running_var) + eps) + beta


def _inference_no_epsilon(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / np.sqrt(running_var) + beta


def _inference_fixed_epsilon(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / np.sqrt(running_var + 1e-5) + beta


def _inference_no_root(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / (running_var + eps) + beta


def _inference_squared(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / np.sqrt(running_var**2 + eps) + beta


def _inference_unbiased_again(x, gamma, beta, running_mean, running_var, eps):
    unbiased = running_var * len(x) / np.float64(len(x) - 1)
    return gamma * (x - running_mean) / np.sqrt(unbiased + eps) + beta


def _inference_no_scale(x, gamma, beta, running_mean, running_var, eps):
    return (x - running_mean) / np.sqrt(running_var + eps) + beta


def _inference_no_shift(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x - running_mean) / np.sqrt(running_var + eps)


def _inference_shift_scaled(x, gamma, beta, running_mean, running_var, eps):
    return gamma * ((x - running_mean) / np.sqrt(running_var + eps) + beta)


def _inference_mean_kept(x, gamma, beta, running_mean, running_var, eps):
    return gamma * x / np.sqrt(running_var + eps) + beta


def _inference_mean_added(x, gamma, beta, running_mean, running_var, eps):
    return gamma * (x + running_mean) / np.sqrt(running_var + eps) + beta


def _inference_in_place(x, gamma, beta, running_mean, running_var, eps):
    x -= running_mean
    x /= np.sqrt(running_var + eps)
    return gamma * x + beta


_FIVE = (_X, _GAMMA, _BETA, _MEAN, _VAR)

_BATCHNORM_INFERENCE = Exercise(
    "batchnorm_inference",
    title="Batch normalization at inference",
    minutes=10,
    section=_SECTION,
    parameters=("x", "gamma", "beta", "running_mean", "running_var", "eps"),
    returns=("y",),
    reference=reference.batchnorm_inference,
    checks=(
        Check(
            "running mean zero, running variance one",
            1,
            [_inference("four examples", _X, _GAMMA, _BETA, np.zeros(3), np.ones(3), 1e-5)],
            _inference_fresh_cases,
        ),
        Check(
            "running statistics",
            2,
            [
                _inference("four examples", *_FIVE, 1e-5),
                _inference("another ε", *_FIVE, 1e-3),
                _inference(
                    "inputs from 1e-8 to 1000",
                    _X * floats([[1e-8], [1e3], [1], [1e-3]]),
                    *_FIVE[1:],
                    1e-5,
                ),
            ],
            _inference_cases,
        ),
        Check(
            "small variances and a single example",
            1,
            [
                _inference("running variance zero", *_FIVE[:4], np.zeros(3), 1e-3),
                _inference("tiny running variances", *_FIVE[:4], floats([1e-4, 1e-6, 1e-8]), 1e-5),
                _inference("a large ε", *_FIVE, 0.5),
                _inference("one example", _X[:1], *_FIVE[1:], 1e-5),
            ],
            _inference_small_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _inference(
                    "one feature",
                    _X[:, :1].copy(),
                    floats([2]),
                    floats([3]),
                    floats([0.5]),
                    floats([4]),
                    1e-5,
                ),
                _inference("as many features as examples", _X[1:], *_FIVE[1:], 1e-5),
                _inference("arrays that skip memory", *map(strided, _FIVE), 1e-5),
                _inference("an array stored by columns", *map(column_major, _FIVE), 1e-5),
                _inference("read-only arrays", *map(readonly, _FIVE), 1e-5),
            ],
            _inference_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "batch-statistics",
            "Your function normalizes with mean and variance of the batch, as in training: at "
            "inference use `running_mean` and `running_var`, so that no example depends on the "
            "others.",
            _batch_statistics,
        ),
        Mistake(
            "mean-of-the-batch",
            "Your function subtracts the mean of the batch: use `running_mean`.",
            _batch_mean,
        ),
        Mistake(
            "epsilon-outside",
            "Your function adds ε to the standard deviation: training has it inside the root, "
            "√(s² + ε), and inference must do the same.",
            _inference_epsilon_outside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out: training divides by √(s² + ε), and inference must do the "
            "same.",
            _inference_no_epsilon,
        ),
        Mistake(
            "fixed-epsilon",
            "Your function always adds 1e-5: use the argument `eps`.",
            _inference_fixed_epsilon,
        ),
        Mistake(
            "no-root",
            "Your function divides by the running variance as if it were a standard deviation: "
            "take its root, √(s² + ε).",
            _inference_no_root,
        ),
        Mistake(
            "variance-squared",
            "Your function squares `running_var` as if it were a standard deviation: it is a "
            "variance already.",
            _inference_squared,
        ),
        Mistake(
            "unbiased-again",
            "Your function multiplies the running variance by n/(n − 1): it is unbiased already, "
            "and the size of this batch must not matter.",
            _inference_unbiased_again,
        ),
        Mistake(
            "scale-forgotten",
            "Your function forgets the scale γ: y = γ x̂ + β.",
            _inference_no_scale,
        ),
        Mistake(
            "shift-forgotten",
            "Your function forgets the shift β: y = γ x̂ + β.",
            _inference_no_shift,
        ),
        Mistake(
            "shift-scaled",
            "Your function adds β before it multiplies by γ: first scale, then shift, γ x̂ + β.",
            _inference_shift_scaled,
        ),
        Mistake(
            "mean-kept",
            "Your function does not subtract the running mean.",
            _inference_mean_kept,
        ),
        Mistake(
            "mean-added",
            "Your function adds the running mean: subtract it.",
            _inference_mean_added,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (`-=` and `/=` do that to arrays): compute new "
            "arrays.",
            _inference_in_place,
        ),
    ),
)

# --- update_running --------------------------------------------------------------------------

_update = case_maker("running_mean", "running_var", "x", "keep")


def _update_start_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _update("five examples", np.zeros(3), np.ones(3), _batch(rng, 5, 3), 0.9),
        _update("two examples", np.zeros(2), np.ones(2), _batch(rng, 2, 2), 0.9),
    ]


def _update_later_cases(rng: np.random.Generator) -> list[Case]:
    sizes = 10.0 ** floats([-4, 0, 3])
    return [
        _update("six examples", _shifts(rng, 3), _variances(rng, 3), _batch(rng, 6, 3), 0.9),
        _update("a fast average", _shifts(rng, 3), _variances(rng, 3), _batch(rng, 4, 3), 0.3),
        _update("two examples", _shifts(rng, 3), _variances(rng, 3), _batch(rng, 2, 3), 0.99),
        _update("all of the old kept", _shifts(rng, 3), _variances(rng, 3), _batch(rng, 4, 3), 1.0),
        _update("nothing old kept", _shifts(rng, 3), _variances(rng, 3), _batch(rng, 4, 3), 0.0),
        _update(
            "features of very different size",
            _shifts(rng, 3),
            _variances(rng, 3),
            _batch(rng, 6, 3) * sizes,
            0.9,
        ),
    ]


def _update_several_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _update(
            "equal batches",
            np.zeros(3),
            np.ones(3),
            np.zeros((2, 3)),
            0.9,
            steps=[{"x": _batch(rng, 5, 3)} for _ in range(5)],
            feedback=("running_mean", "running_var"),
        ),
        _update(
            "batches of several sizes, a changing weight",
            np.zeros(2),
            np.ones(2),
            np.zeros((2, 2)),
            0.9,
            steps=[{"x": _batch(rng, n, 2), "keep": 1 - 1 / n} for n in (2, 3, 4, 6)],
            feedback=("running_mean", "running_var"),
        ),
    ]


def _update_layout_cases(rng: np.random.Generator) -> list[Case]:
    def three(n: int, d: int) -> tuple[Array, Array, Array]:
        return _shifts(rng, d), _variances(rng, d), _batch(rng, n, d)

    return [
        _update("one feature", *three(5, 1), 0.8),
        _update("as many features as examples", *three(3, 3), 0.8),
        _update("arrays that skip memory", *map(strided, three(5, 3)), 0.8),
        _update("an array stored by columns", *map(column_major, three(5, 3)), 0.8),
        _update("read-only arrays", *map(readonly, three(5, 3)), 0.8),
    ]


def _update_biased(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * var


def _update_swapped_weights(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    return (1 - keep) * running_mean + keep * mean, (1 - keep) * running_var + keep * var


def _update_biased_and_swapped(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0)
    return (1 - keep) * running_mean + keep * mean, (1 - keep) * running_var + keep * var


def _update_deviation(running_mean, running_var, x, keep):
    mean, std = x.mean(axis=0), x.std(axis=0, ddof=1)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * std


def _update_biased_deviation(running_mean, running_var, x, keep):
    mean, std = x.mean(axis=0), x.std(axis=0)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * std


def _update_averaged_deviation(running_mean, running_var, x, keep):
    mean, std = x.mean(axis=0), x.std(axis=0, ddof=1)
    return (
        keep * running_mean + (1 - keep) * mean,
        (keep * np.sqrt(running_var) + (1 - keep) * std) ** 2,
    )


def _update_twice(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    for _ in range(2):
        running_mean = keep * running_mean + (1 - keep) * mean
        running_var = keep * running_var + (1 - keep) * var
    return running_mean, running_var


def _update_old_returned(running_mean, running_var, x, keep):
    return running_mean.copy(), running_var.copy()


def _update_batch_only(running_mean, running_var, x, keep):
    return x.mean(axis=0), x.var(axis=0, ddof=1)


def _update_added(running_mean, running_var, x, keep):
    return keep * running_mean + x.mean(axis=0), keep * running_var + x.var(axis=0, ddof=1)


def _update_fixed_weight(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    return 0.9 * running_mean + 0.1 * mean, 0.9 * running_var + 0.1 * var


def _update_about_running_mean(running_mean, running_var, x, keep):
    var = ((x - running_mean) ** 2).sum(axis=0) / (len(x) - 1)
    mean = keep * running_mean + (1 - keep) * x.mean(axis=0)
    return mean, keep * running_var + (1 - keep) * var


def _update_about_new_mean(running_mean, running_var, x, keep):
    mean = keep * running_mean + (1 - keep) * x.mean(axis=0)
    var = ((x - mean) ** 2).sum(axis=0) / (len(x) - 1)
    return mean, keep * running_var + (1 - keep) * var


def _update_variance_forgotten(running_mean, running_var, x, keep):
    return keep * running_mean + (1 - keep) * x.mean(axis=0), running_var.copy()


def _update_over_everything(running_mean, running_var, x, keep):
    mean, var = x.mean(), x.var(ddof=1)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * var


def _update_over_features(running_mean, running_var, x, keep):
    mean = x.mean(axis=1)
    var = ((x.T - mean) ** 2).sum(axis=0) / np.float64(x.shape[1] - 1)
    return keep * running_mean + (1 - keep) * mean, keep * running_var + (1 - keep) * var


def _update_outputs_swapped(running_mean, running_var, x, keep):
    mean, var = x.mean(axis=0), x.var(axis=0, ddof=1)
    return keep * running_var + (1 - keep) * var, keep * running_mean + (1 - keep) * mean


def _update_mean_alone(running_mean, running_var, x, keep):
    return keep * running_mean + (1 - keep) * x.mean(axis=0)


def _update_in_place(running_mean, running_var, x, keep):
    running_mean *= keep
    running_mean += (1 - keep) * x.mean(axis=0)
    running_var *= keep
    running_var += (1 - keep) * x.var(axis=0, ddof=1)
    return running_mean, running_var


_UPDATE_RUNNING = Exercise(
    "update_running",
    title="Running statistics",
    minutes=15,
    section=_SECTION,
    parameters=("running_mean", "running_var", "x", "keep"),
    returns=("mean", "var"),
    reference=reference.update_running,
    checks=(
        Check(
            "the first batch",
            1,
            [
                _update("four examples", np.zeros(3), np.ones(3), _X, 0.9),
                _update("two examples", np.zeros(3), np.ones(3), _X[:2], 0.9),
            ],
            _update_start_cases,
        ),
        Check(
            "a later batch",
            2,
            [
                _update("four examples", _MEAN, _VAR, _X, 0.9),
                _update("a fast average", _MEAN, _VAR, _X, 0.3),
                _update("two examples", _MEAN, _VAR, _X[1:3], 0.99),
                _update("all of the old kept", _MEAN, _VAR, _X, 1.0),
                _update("nothing old kept", _MEAN, _VAR, _X, 0.0),
                _update("features of very different size", _MEAN, _VAR, _X * [1e-4, 1, 1e3], 0.9),
            ],
            _update_later_cases,
        ),
        Check(
            "several batches",
            1,
            [
                _update(
                    "equal batches",
                    np.zeros(3),
                    np.ones(3),
                    np.zeros((2, 3)),
                    0.9,
                    steps=[{"x": _X}, {"x": 2 * _X - 1}, {"x": _X[::-1] + 3}, {"x": -_X}],
                    feedback=("running_mean", "running_var"),
                ),
                _update(
                    "batches of several sizes, a changing weight",
                    np.zeros(3),
                    np.ones(3),
                    np.zeros((2, 3)),
                    0.9,
                    steps=[
                        {"x": _X[:2], "keep": 0.5},
                        {"x": _X[1:], "keep": 0.75},
                        {"x": _X, "keep": 0.8},
                    ],
                    feedback=("running_mean", "running_var"),
                ),
            ],
            _update_several_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _update("one feature", floats([0.5]), floats([2]), _X[:, :1].copy(), 0.8),
                _update("as many features as examples", _MEAN, _VAR, _X[1:], 0.8),
                _update("arrays that skip memory", *map(strided, (_MEAN, _VAR, _X)), 0.8),
                _update("an array stored by columns", _MEAN, _VAR, column_major(_X), 0.8),
                _update("read-only arrays", *map(readonly, (_MEAN, _VAR, _X)), 0.8),
            ],
            _update_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "biased-variance",
            "Your function averages the biased variance, divided by n: that is another convention "
            "(Keras's); the course, the paper and torch average the unbiased one, divided by "
            "n − 1.",
            _update_biased,
        ),
        Mistake(
            "weights-swapped",
            "Your function gives the new batch the weight `keep`: that is how torch's argument "
            "`momentum` counts; in the course `keep` is the weight of the old value.",
            _update_swapped_weights,
        ),
        Mistake(
            "weights-swapped-and-biased",
            "Your function gives the new batch the weight `keep`, and averages the biased "
            "variance: `keep` is the weight of the old value, and the variance is divided by "
            "n − 1.",
            _update_biased_and_swapped,
        ),
        Mistake(
            "deviation-kept",
            "Your function adds standard deviations to a running variance: average the variance, "
            "and take the root when it is used.",
            _update_deviation,
        ),
        Mistake(
            "biased-deviation-kept",
            "Your function adds biased standard deviations to a running variance: average the "
            "variance, divided by n − 1, and take the root when it is used.",
            _update_biased_deviation,
        ),
        Mistake(
            "deviation-averaged",
            "Your function averages standard deviations and squares the result: average the "
            "variances themselves.",
            _update_averaged_deviation,
        ),
        Mistake(
            "updated-twice",
            "Your function applies the update twice, so the new batch counts almost double: "
            "update once for each batch.",
            _update_twice,
        ),
        Mistake(
            "old-returned",
            "Your function returns the old statistics: nothing would ever be learned from a batch.",
            _update_old_returned,
        ),
        Mistake(
            "batch-only",
            "Your function returns the statistics of this batch alone: mix them with the old "
            "ones, which have the weight `keep`.",
            _update_batch_only,
        ),
        Mistake(
            "not-an-average",
            "Your function adds the whole statistics of the batch: their weight is 1 − keep, or "
            "the sum grows to 1/(1 − keep) times what it should be.",
            _update_added,
        ),
        Mistake(
            "fixed-weight",
            "Your function always has the weights 0.9 and 0.1: use the argument `keep`.",
            _update_fixed_weight,
        ),
        Mistake(
            "about-the-running-mean",
            "Your variance is taken about the running mean: take it about the mean of the batch.",
            _update_about_running_mean,
        ),
        Mistake(
            "about-the-new-mean",
            "Your variance is taken about the new running mean: take it about the mean of the "
            "batch.",
            _update_about_new_mean,
        ),
        Mistake(
            "variance-not-updated",
            "Your function updates the mean and returns the old variance: update both.",
            _update_variance_forgotten,
        ),
        Mistake(
            "over-everything",
            "Your function takes one mean and one variance of the whole batch: each feature has "
            "its own (axis 0).",
            _update_over_everything,
        ),
        Mistake(
            "over-features",
            "Your function takes mean and variance of each example (axis 1): take those of each "
            "feature (axis 0).",
            _update_over_features,
        ),
        Mistake(
            "outputs-swapped",
            "Your function returns the variance first: the order is (mean, var).",
            _update_outputs_swapped,
        ),
        Mistake(
            "mean-alone",
            "Your function returns the mean alone: return both, (mean, var).",
            _update_mean_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=` and `+=` do that to arrays): "
            "compute new arrays.",
            _update_in_place,
        ),
    ),
)

# --- fold_into_linear ------------------------------------------------------------------------

_fold = case_maker("W", "b", "gamma", "beta", "running_mean", "running_var", "eps")

_W = floats([[1, -2], [0.5, 3], [-1, 0.25]])
_W_SQUARE = floats([[1, -2, 0.5], [0.5, 3, -1], [-1, 0.25, 2]])
_B = floats([0.5, -1.5, 2])
_ZERO = np.zeros(3)

_Layer = tuple[Array, Array, Array, Array, Array, Array]


def _layer(rng: np.random.Generator, out: int, into: int) -> _Layer:
    return (
        rng.normal(size=(out, into)),
        _shifts(rng, out),
        _scales(rng, out),
        _shifts(rng, out),
        _shifts(rng, out),
        _variances(rng, out),
    )


def _fold_scale_cases(rng: np.random.Generator) -> list[Case]:
    cases = []
    for label, into in (("more units than inputs", 2), ("as many units as inputs", 4)):
        W, _, gamma, _, _, var = _layer(rng, 4, into)
        nothing = np.zeros(4)
        cases.append(_fold(label, W, nothing, gamma, nothing, nothing, var, 1e-5))
    return cases


def _fold_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _fold("more units than inputs", *_layer(rng, 4, 2), 1e-5),
        _fold("fewer units than inputs", *_layer(rng, 3, 5), 1e-3),
        _fold("as many units as inputs", *_layer(rng, 3, 3), 1e-5),
    ]


def _fold_small_cases(rng: np.random.Generator) -> list[Case]:
    first, second = _layer(rng, 3, 4), _layer(rng, 3, 2)
    return [
        _fold("running variance zero", *first[:5], np.zeros(3), 1e-3),
        _fold("tiny running variances", *second[:5], floats([1e-4, 1e-6, 1e-8]), 1e-5),
        _fold("a large ε", *_layer(rng, 3, 2), 0.5),
    ]


def _fold_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _fold("one unit", *_layer(rng, 1, 3), 1e-5),
        _fold("one input", *_layer(rng, 3, 1), 1e-5),
        _fold("arrays that skip memory", *map(strided, _layer(rng, 3, 2)), 1e-5),
        _fold("a matrix stored by columns", *map(column_major, _layer(rng, 3, 2)), 1e-5),
        _fold("read-only arrays", *map(readonly, _layer(rng, 3, 2)), 1e-5),
    ]


def _columns_scaled(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return W * scale, scale * (b - running_mean) + beta


def _normalization_before(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return W * scale, b + W @ (beta - scale * running_mean)


def _weights_not_scaled(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return W.copy(), scale * (b - running_mean) + beta


def _bias_not_scaled(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, b - scale * running_mean + beta


def _mean_not_scaled(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * b - running_mean + beta


def _old_bias_dropped(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, beta - scale * running_mean


def _fold_mean_forgotten(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * b + beta


def _fold_mean_added(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * (b + running_mean) + beta


def _fold_shift_forgotten(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * (b - running_mean)


def _fold_shift_scaled(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * (b - running_mean + beta)


def _fold_scale_forgotten(W, b, gamma, beta, running_mean, running_var, eps):
    scale = 1 / np.sqrt(running_var + eps)
    return scale[:, None] * W, scale * (b - running_mean) + beta


def _fold_epsilon_outside(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / (np.sqrt(running_var) + eps)
    return scale[:, None] * W, scale * (b - running_mean) + beta


def _fold_no_epsilon(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var)
    return scale[:, None] * W, scale * (b - running_mean) + beta


def _fold_no_root(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / (running_var + eps)
    return scale[:, None] * W, scale * (b - running_mean) + beta


def _fold_weights_alone(W, b, gamma, beta, running_mean, running_var, eps):
    return (gamma / np.sqrt(running_var + eps))[:, None] * W


def _fold_in_place(W, b, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    W *= scale[:, None]
    return W, scale * (b - running_mean) + beta


_FOLD_INTO_LINEAR = Exercise(
    "fold_into_linear",
    title="Folding it away",
    minutes=15,
    section=_SECTION,
    parameters=("W", "b", "gamma", "beta", "running_mean", "running_var", "eps"),
    returns=("W", "b"),
    reference=reference.fold_into_linear,
    checks=(
        Check(
            "the scale alone",
            1,
            [
                _fold("more units than inputs", _W, _ZERO, _GAMMA, _ZERO, _ZERO, _VAR, 1e-5),
                _fold(
                    "as many units as inputs", _W_SQUARE, _ZERO, _GAMMA, _ZERO, _ZERO, _VAR, 1e-5
                ),
            ],
            _fold_scale_cases,
        ),
        Check(
            "the same function",
            2,
            [
                _fold("more units than inputs", _W, _B, _GAMMA, _BETA, _MEAN, _VAR, 1e-5),
                _fold(
                    "fewer units than inputs",
                    floats([[1, 2, -1, 0.5], [0, -2, 3, 1], [2, 1, 1, -3]]),
                    _B,
                    _GAMMA,
                    _BETA,
                    _MEAN,
                    _VAR,
                    1e-3,
                ),
                _fold("as many units as inputs", _W_SQUARE, _B, _GAMMA, _BETA, _MEAN, _VAR, 1e-5),
            ],
            _fold_cases,
            relation="folding_keeps_the_function",
        ),
        Check(
            "small variances",
            1,
            [
                _fold("running variance zero", _W, _B, _GAMMA, _BETA, _MEAN, _ZERO, 1e-3),
                _fold(
                    "tiny running variances",
                    _W,
                    _B,
                    _GAMMA,
                    _BETA,
                    _MEAN,
                    floats([1e-4, 1e-6, 1e-8]),
                    1e-5,
                ),
                _fold("a large ε", _W, _B, _GAMMA, _BETA, _MEAN, _VAR, 0.5),
            ],
            _fold_small_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _fold(
                    "one unit",
                    floats([[1, -2, 3]]),
                    *map(floats, ([0.5], [2], [-1], [0.25], [4])),
                    1e-5,
                ),
                _fold("one input", floats([[1], [-2], [3]]), _B, _GAMMA, _BETA, _MEAN, _VAR, 1e-5),
                _fold(
                    "arrays that skip memory",
                    *map(strided, (_W, _B, _GAMMA, _BETA, _MEAN, _VAR)),
                    1e-5,
                ),
                _fold(
                    "a matrix stored by columns",
                    *map(column_major, (_W, _B, _GAMMA, _BETA, _MEAN, _VAR)),
                    1e-5,
                ),
                _fold(
                    "read-only arrays",
                    *map(readonly, (_W, _B, _GAMMA, _BETA, _MEAN, _VAR)),
                    1e-5,
                ),
            ],
            _fold_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "columns-scaled",
            "Your function scales the columns of W: a unit is a row of W, so the scale of unit j "
            "multiplies row j, scale[:, None] * W.",
            _columns_scaled,
        ),
        Mistake(
            "normalization-before",
            "Your function folds a normalization that stands before the linear layer: here it "
            "comes after it, so it scales the rows of W and the old bias.",
            _normalization_before,
        ),
        Mistake(
            "weights-not-scaled",
            "Your function leaves W as it was: its rows are multiplied by γ/√(s² + ε).",
            _weights_not_scaled,
        ),
        Mistake(
            "bias-not-scaled",
            "Your function leaves the old bias unscaled: it is normalized like the rest of the "
            "layer's output, c (b − m) + β.",
            _bias_not_scaled,
        ),
        Mistake(
            "mean-not-scaled",
            "Your function subtracts the running mean unscaled: it is c (b − m) + β.",
            _mean_not_scaled,
        ),
        Mistake(
            "old-bias-dropped",
            "Your function drops the old bias: in training the batch's own mean cancels it, at "
            "inference it counts, c (b − m) + β.",
            _old_bias_dropped,
        ),
        Mistake(
            "mean-forgotten",
            "Your function forgets the running mean: the new bias is c (b − m) + β.",
            _fold_mean_forgotten,
        ),
        Mistake(
            "mean-added",
            "Your function adds the running mean: subtract it, c (b − m) + β.",
            _fold_mean_added,
        ),
        Mistake(
            "shift-forgotten",
            "Your function forgets the shift β: the new bias is c (b − m) + β.",
            _fold_shift_forgotten,
        ),
        Mistake(
            "shift-scaled",
            "Your function scales the shift β, too: it is added after the scale, c (b − m) + β.",
            _fold_shift_scaled,
        ),
        Mistake(
            "scale-forgotten",
            "Your function forgets the scale γ: the factor is c = γ/√(s² + ε).",
            _fold_scale_forgotten,
        ),
        Mistake(
            "epsilon-outside",
            "Your function adds ε to the standard deviation: it stands inside the root, "
            "c = γ/√(s² + ε), or the folded layer computes another function.",
            _fold_epsilon_outside,
        ),
        Mistake(
            "no-epsilon",
            "Your function leaves ε out: the factor is c = γ/√(s² + ε), or the folded layer "
            "computes another function.",
            _fold_no_epsilon,
        ),
        Mistake(
            "no-root",
            "Your function divides by the variance: divide by its root, c = γ/√(s² + ε).",
            _fold_no_root,
        ),
        Mistake(
            "weights-alone",
            "Your function returns the weights alone: return both, (W, b).",
            _fold_weights_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes `W` in place (`*=` does that to arrays): compute a new array.",
            _fold_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps08-batchnorm",
    title="Batch normalization",
    exercises=(
        _BATCHNORM_FORWARD,
        _BATCHNORM_BACKWARD,
        _BATCHNORM_INFERENCE,
        _UPDATE_RUNNING,
        _FOLD_INTO_LINEAR,
    ),
    written=(Written("one_at_a_time", 4),),
)
