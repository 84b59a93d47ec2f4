"""Problem set 9: the Fisher matrix, the natural gradient, and PRONG."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from typing import Any

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
    strided,
)
from autograder.selfcheck.spec import Case

# --- fisher_softmax --------------------------------------------------------------------------

_fisher = case_maker("W", "X")

_FISHER_W = floats([[0.5, -1], [0, 0.25], [-0.5, 1.5]])
_FISHER_X = floats([[1, 2], [-1, 0.5], [0, -3], [2, 1]])


def _fisher_one_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _fisher("three classes", rng.normal(size=(3, 2)), rng.normal(size=(1, 2))),
        _fisher("two classes, three features", rng.normal(size=(2, 3)), rng.normal(size=(1, 3))),
    ]


def _fisher_batch_cases(rng: np.random.Generator) -> list[Case]:
    def weights(k: int, d: int) -> Array:
        return rng.normal(0, 0.7, (k, d))

    def inputs(n: int, d: int) -> Array:
        return rng.normal(0, 1.5, (n, d))

    size = 10.0 ** floats([-3, 0, 1])
    return [
        _fisher("three classes", weights(3, 2), inputs(6, 2)),
        _fisher("more classes than features", weights(5, 2), inputs(4, 2)),
        _fisher("features of very different size", weights(2, 3) / size, inputs(5, 3) * size),
        _fisher("weights zero", np.zeros((3, 2)), inputs(5, 2)),
        _fisher("read-only arrays", readonly(weights(3, 2)), readonly(inputs(4, 2))),
        _fisher("arrays that skip memory", strided(weights(2, 3)), strided(inputs(4, 3))),
        _fisher(
            "arrays stored by columns", column_major(weights(3, 2)), column_major(inputs(4, 2))
        ),
    ]


def _in_64ths(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(np.round(64 * rng.normal(size=shape)) / 64)


def _fisher_extreme_cases(rng: np.random.Generator) -> list[Case]:
    def high(level: float) -> Case:
        # multiples of 1/64: logits of this size are then exact in any order of operations
        W = np.column_stack([np.full(3, level), np.zeros(3)]) + _in_64ths(rng, 3, 2)
        X = np.column_stack([np.ones(4), _in_64ths(rng, 4)])
        sign = "large" if level > 0 else "negative"
        return _fisher(f"all logits very {sign}", W, X)

    certain = np.array([[9000.0, 0], [0, 0], [0, 0]]) + rng.normal(size=(3, 2))
    mixed = np.column_stack([[1.0, 0, 0, -1], rng.normal(size=4)])
    return [high(9000.0), high(-9000.0), _fisher("certain of some inputs", certain, mixed)]


def _fisher_property_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _fisher("three classes", rng.normal(size=(3, 2)), rng.normal(size=(6, 2))),
        _fisher("four classes", rng.normal(size=(4, 3)), rng.normal(size=(3, 3))),
    ]


def _fisher_sum(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return sum(
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    )


def _fisher_without_outer_product(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return sum(np.kron(np.diag(q), np.outer(x, x)) for q, x in zip(p, X, strict=True)) / len(X)


def _fisher_column_order(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    blocks = [
        np.kron(np.outer(x, x), np.diag(q) - np.outer(q, q)) for q, x in zip(p, X, strict=True)
    ]
    return sum(blocks) / len(X)


def _fisher_factored(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    spread = sum(np.diag(q) - np.outer(q, q) for q in p) / len(X)
    return np.kron(spread, X.T @ X / len(X))


def _fisher_of_likeliest(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    scores = np.eye(len(W))[p.argmax(axis=1)] - p
    g = (scores[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    return g.T @ g / len(X)


def _fisher_unweighted(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    F = np.zeros((W.size, W.size))
    for q, x in zip(p, X, strict=True):
        for y in range(len(W)):
            g = np.outer(np.eye(len(W))[y] - q, x).ravel()
            F = F + np.outer(g, g) / len(W)
    return F / len(X)


def _fisher_overflows(W, X):
    e = np.exp(X @ W.T)
    p = e / e.sum(axis=1, keepdims=True)
    blocks = [
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ]
    return sum(blocks) / len(X)


def _fisher_diagonal(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    blocks = [
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ]
    return np.diag(np.diag(sum(blocks))) / len(X)


def _fisher_negative(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    blocks = [
        np.kron(np.outer(q, q) - np.diag(q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ]
    return sum(blocks) / len(X)


def _fisher_over_inputs(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=0))
    p = e / e.sum(axis=0)
    blocks = [
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ]
    return sum(blocks) / len(X)


def _fisher_four_axes(W, X):
    e = np.exp(X @ W.T - (X @ W.T).max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    k, d = W.shape
    blocks = [
        np.kron(np.diag(q) - np.outer(q, q), np.outer(x, x)) for q, x in zip(p, X, strict=True)
    ]
    return np.mean(blocks, axis=0).reshape(k, d, k, d)


_FISHER_SOFTMAX = Exercise(
    "fisher_softmax",
    title="The Fisher matrix of softmax regression",
    minutes=25,
    section="learning-as-optimization.md#ill-conditioning",
    parameters=("W", "X"),
    returns=("F",),
    reference=reference.fisher_softmax,
    checks=(
        Check(
            "a single input",
            1,
            [
                _fisher("two classes, equally likely", np.zeros((2, 2)), floats([[1, 2]])),
                _fisher("three classes", _FISHER_W, floats([[1, -0.5]])),
                _fisher("one feature", floats([[1], [0], [-2]]), floats([[1.5]])),
            ],
            _fisher_one_cases,
        ),
        Check(
            "a batch of inputs",
            2,
            [
                _fisher("three classes", _FISHER_W, _FISHER_X),
                _fisher(
                    "two classes, three features",
                    _FISHER_W.T.copy(),
                    floats([[1, 0, 2], [3, -1, 1]]),
                ),
                _fisher("weights zero", np.zeros((3, 2)), _FISHER_X),
                _fisher("read-only arrays", readonly(_FISHER_W), readonly(_FISHER_X)),
                _fisher("arrays that skip memory", strided(_FISHER_W), strided(_FISHER_X)),
            ],
            _fisher_batch_cases,
        ),
        Check(
            "extreme logits",
            1,
            [
                _fisher(
                    "all logits very large",
                    floats([[9000, 1], [9001, -1], [9000.5, 0]]),
                    floats([[1, 2], [1, -1], [1, 0.5]]),
                ),
                _fisher(
                    "all logits very negative",
                    floats([[-9000, 1], [-9001, -1]]),
                    floats([[1, 2], [1, -1]]),
                ),
            ],
            _fisher_extreme_cases,
        ),
        Check(
            "symmetric, and blind to what all classes share",
            1,
            [_fisher("four classes", floats([[1, 0], [0, 2], [-1, 1], [0.5, 0]]), _FISHER_X)],
            _fisher_property_cases,
            relation="is_a_softmax_fisher_matrix",
        ),
    ),
    mistakes=(
        Mistake(
            "sum-not-mean",
            "Your F is the sum over the inputs: the course takes the mean, so that it does not "
            "grow with the size of the batch.",
            _fisher_sum,
        ),
        Mistake(
            "without-outer-product",
            "Your F has diag(p) where diag(p) − p pᵀ belongs: the score of class y is "
            "(one-hot − p), and its second moment is diag(p) − p pᵀ.",
            _fisher_without_outer_product,
        ),
        Mistake(
            "column-order",
            "Your F numbers the parameters column by column: the course takes rows, W[a, i] has "
            "the number a·d + i as in W.reshape(-1); so it is kron(diag(p) − p pᵀ, x xᵀ).",
            _fisher_column_order,
        ),
        Mistake(
            "factored",
            "Your F is the Kronecker product of two means, which is the approximation of K-FAC: "
            "the exact F is the mean of the Kronecker products of each input.",
            _fisher_factored,
        ),
        Mistake(
            "likeliest-label",
            "Your F uses the likeliest class of each input as if it were the label: take the "
            "expectation over all classes, each with its probability p_y.",
            _fisher_of_likeliest,
        ),
        Mistake(
            "classes-unweighted",
            "Your F averages over the classes as if they were equally likely: weight the class y "
            "with its probability p_y under the model.",
            _fisher_unweighted,
        ),
        Mistake(
            "no-max-subtracted",
            "Your softmax takes exp() of the logits as they are, which overflows above 709: "
            "subtract the largest logit of each input first.",
            _fisher_overflows,
        ),
        Mistake(
            "diagonal-only",
            "Your F keeps the diagonal only, an approximation that forgets how parameters act "
            "together: return the whole matrix.",
            _fisher_diagonal,
        ),
        Mistake(
            "opposite-sign",
            "Your F has the opposite sign, that of the Hessian of log p: F = E[∇log p ∇log pᵀ] "
            "is positive semidefinite, diag(p) − p pᵀ.",
            _fisher_negative,
        ),
        Mistake(
            "softmax-over-inputs",
            "Your softmax normalizes each class over the inputs (axis 0): probabilities sum to "
            "one over the classes of an input (axis 1).",
            _fisher_over_inputs,
        ),
        Mistake(
            "four-axes",
            "Your F has the right numbers on four axes (k, d, k, d): flatten both pairs to one "
            "matrix, `.reshape(k * d, k * d)`.",
            _fisher_four_axes,
        ),
    ),
)

# --- natural_gradient_step -------------------------------------------------------------------

_natural = case_maker("theta", "grad", "F", "lr", "damping")

_F2 = floats([[2, 1], [1, 3]])
_THETA, _GRAD = floats([1, -2]), floats([0.5, 4])
_F6 = np.diag([1.0, 2, 3, 4, 5, 6]) + 0.25


def _undamped_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.1, 0.9))
    gradient = rng.choice([-1.0, 1.0], 4) * floats([1e-8, 1e-3, 1, 1e3])
    return [
        _natural(
            "three parameters",
            rng.normal(size=3),
            rng.normal(size=3),
            positive_definite(rng, 3, 20),
            lr,
            0.0,
        ),
        _natural(
            "gradients from 1e-8 to 1e3",
            np.zeros(4),
            gradient,
            positive_definite(rng, 4, 5),
            lr,
            0.0,
        ),
        _natural(
            "a narrow valley",
            rng.normal(size=3),
            rng.normal(size=3),
            positive_definite(rng, 3, 1000),
            lr,
            0.0,
        ),
    ]


def _damped_cases(rng: np.random.Generator) -> list[Case]:
    lr, damping = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.05, 0.15))
    singular = np.zeros((3, 3))
    singular[:2, :2] = positive_definite(rng, 2, 4)
    steps = [
        {"grad": rng.normal(size=3), "lr": lr / (t + 1), "damping": damping / (t + 1)}
        for t in range(5)
    ]
    return [
        _natural(
            "three parameters",
            rng.normal(size=3),
            rng.normal(size=3),
            positive_definite(rng, 3, 20),
            lr,
            damping,
        ),
        _natural(
            "a parameter without information",
            rng.normal(size=3),
            rng.normal(size=3),
            singular,
            lr,
            damping,
        ),
        _natural(
            "no information at all",
            rng.normal(size=2),
            rng.normal(size=2),
            np.zeros((2, 2)),
            lr,
            damping,
        ),
        _natural(
            "several steps, rate and damping falling",
            rng.normal(size=3),
            np.zeros(3),
            positive_definite(rng, 3, 10),
            lr,
            damping,
            steps=steps,
            feedback=("theta",),
        ),
    ]


def _natural_layout_cases(rng: np.random.Generator) -> list[Case]:
    def two(*shape: int) -> list[Array]:
        return [np.asarray(rng.normal(size=shape)) for _ in range(2)]

    F6 = positive_definite(rng, 6, 10)
    return [
        _natural("a matrix of parameters", *two(2, 3), F6, 0.3, 0.1),
        _natural("a 3-d array of parameters", *two(3, 1, 2), F6, 0.3, 0.1),
        _natural("a single number (0-d)", *two(), floats([[rng.uniform(1, 2)]]), 0.3, 0.1),
        _natural(
            "arrays stored by columns", *map(column_major, two(2, 3)), column_major(F6), 0.3, 0.1
        ),
        _natural("arrays that skip memory", *map(strided, two(6)), strided(F6), 0.3, 0.1),
        _natural("read-only arrays", *map(readonly, two(6)), readonly(F6), 0.3, 0.1),
        _natural("learning rate zero", *two(6), F6, 0.0, 0.1),
    ]


def _in_units(
    label: str, theta: Array, grad: Array, F: Array, unit: Array, lr: float
) -> list[Case]:
    return [
        _natural(f"{label}, in one unit", theta, grad, F, lr, 0.0),
        _natural(
            f"{label}, in other units", theta / unit, grad * unit, F * np.outer(unit, unit), lr, 0.0
        ),
    ]


def _unit_cases(rng: np.random.Generator) -> list[Case]:
    F = positive_definite(rng, 3, 10)
    theta, grad = rng.normal(size=3), rng.uniform(0.5, 2, 3)
    lr = float(rng.uniform(0.2, 0.8))
    return _in_units("three parameters", theta, grad, F, rng.uniform(0.2, 5, 3), lr)


def _plain_gradient(theta, grad, F, lr, damping):
    return theta - lr * grad


def _no_damping(theta, grad, F, lr, damping):
    return theta - lr * np.linalg.solve(F, grad.reshape(-1)).reshape(theta.shape)


def _damping_subtracted(theta, grad, F, lr, damping):
    A = F - damping * np.eye(len(F))
    return theta - lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _damping_everywhere(theta, grad, F, lr, damping):
    A = F + damping
    return theta - lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _damping_after(theta, grad, F, lr, damping):
    A = np.linalg.inv(F) + damping * np.eye(len(F))
    return theta - lr * (A @ grad.reshape(-1)).reshape(theta.shape)


def _marquardt(theta, grad, F, lr, damping):
    A = F + damping * np.diag(np.diag(F))
    return theta - lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _not_inverted(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    return theta - lr * (A @ grad.reshape(-1)).reshape(theta.shape)


def _natural_uphill(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    return theta + lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _diagonal_fisher(theta, grad, F, lr, damping):
    v = grad.reshape(-1) / (np.diag(F) + damping)
    return theta - lr * v.reshape(theta.shape)


def _inverse_root(theta, grad, F, lr, damping):
    values, E = np.linalg.eigh(F + damping * np.eye(len(F)))
    v = E @ ((E.T @ grad.reshape(-1)) / np.sqrt(values))
    return theta - lr * v.reshape(theta.shape)


def _natural_without_rate(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    return theta - np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _rate_also_inside(theta, grad, F, lr, damping):
    A = F + lr * damping * np.eye(len(F))
    return theta - lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _step_returned(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    return lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)


def _columns_first(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    v = np.linalg.solve(A, grad.reshape(-1, order="F"))
    return theta - lr * v.reshape(theta.shape, order="F")


def _natural_in_place(theta, grad, F, lr, damping):
    A = F + damping * np.eye(len(F))
    theta -= lr * np.linalg.solve(A, grad.reshape(-1)).reshape(theta.shape)
    return theta


def _damping_added_in_place(theta, grad, F, lr, damping):
    F += damping * np.eye(len(F))
    return theta - lr * np.linalg.solve(F, grad.reshape(-1)).reshape(theta.shape)


_NATURAL_GRADIENT_STEP = Exercise(
    "natural_gradient_step",
    title="One natural gradient step",
    minutes=10,
    section="learning-as-optimization.md#ill-conditioning",
    parameters=("theta", "grad", "F", "lr", "damping"),
    returns=("theta",),
    reference=reference.natural_gradient_step,
    checks=(
        Check(
            "without damping",
            2,
            [
                _natural("two parameters", _THETA, _GRAD, _F2, 0.1, 0.0),
                _natural("F diagonal", _THETA, _GRAD, np.diag([0.5, 100.0]), 0.5, 0.0),
                _natural(
                    "gradients from 1e-8 to 1000",
                    np.zeros(3),
                    floats([1e-8, -0.5, 1e3]),
                    floats([[2, 1, 0], [1, 3, 1], [0, 1, 4]]),
                    0.2,
                    0.0,
                ),
                _natural("gradient zero", _THETA, np.zeros(2), _F2, 0.1, 0.0),
            ],
            _undamped_cases,
        ),
        Check(
            "with damping",
            2,
            [
                _natural("two parameters", _THETA, _GRAD, _F2, 0.1, 0.5),
                _natural(
                    "a parameter without information",
                    _THETA,
                    _GRAD,
                    np.diag([2.0, 0.0]),
                    0.5,
                    0.25,
                ),
                _natural("no information at all", _THETA, _GRAD, np.zeros((2, 2)), 0.1, 0.5),
                _natural(
                    "several steps, the rate falling",
                    _THETA,
                    np.zeros(2),
                    _F2,
                    0.0,
                    0.25,
                    steps=[
                        {"grad": floats(g), "lr": a}
                        for g, a in (([2, 1], 0.5), ([-1, 3], 0.25), ([0.5, -10], 0.125))
                    ],
                    feedback=("theta",),
                ),
            ],
            _damped_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _natural(
                    "a matrix of parameters",
                    floats([[1, 2, 3], [4, 5, 6]]),
                    floats([[0, 1, -1], [2, -3, 0.5]]),
                    _F6,
                    0.5,
                    0.25,
                ),
                _natural(
                    "a 3-d array of parameters",
                    np.ones((3, 1, 2)),
                    floats([[[1, 2]], [[3, -4]], [[5, 0]]]),
                    _F6,
                    0.5,
                    0.25,
                ),
                _natural("a single number (0-d)", floats(2), floats(-1), floats([[4]]), 0.5, 1.0),
                _natural(
                    "arrays that skip memory",
                    strided([1, 2]),
                    strided([3, 4]),
                    strided(_F2),
                    0.2,
                    0.5,
                ),
                _natural("read-only arrays", *map(readonly, (_THETA, _GRAD, _F2)), 0.2, 0.5),
                _natural("learning rate zero", _THETA, _GRAD, _F2, 0.0, 0.5),
            ],
            _natural_layout_cases,
        ),
        Check(
            "the same step in all units",
            1,
            _in_units("two parameters", _THETA, _GRAD, _F2, floats([10, 0.5]), 0.25),
            _unit_cases,
            relation="independent_of_units",
        ),
    ),
    mistakes=(
        Mistake(
            "plain-gradient",
            "Your step is plain gradient descent, without F: solve (F + λI) v = g first.",
            _plain_gradient,
        ),
        Mistake(
            "no-damping",
            "Your function forgets the damping: solve with F + λI, which can be inverted also "
            "where F cannot.",
            _no_damping,
        ),
        Mistake(
            "damping-subtracted",
            "Your function subtracts the damping, which makes F closer to singular: add it, "
            "F + λI.",
            _damping_subtracted,
        ),
        Mistake(
            "damping-everywhere",
            "Your function adds the damping to every entry of F (`F + damping` does that): add it "
            "to the diagonal only, F + λI with `np.eye`.",
            _damping_everywhere,
        ),
        Mistake(
            "damping-after-inverting",
            "Your function adds λI to the inverse of F: add it to F, and invert then.",
            _damping_after,
        ),
        Mistake(
            "marquardt",
            "Your damping is λ diag(F), the convention of Levenberg and Marquardt: the course "
            "adds λI.",
            _marquardt,
        ),
        Mistake(
            "not-inverted",
            "Your function multiplies the gradient by F + λI: multiply by its inverse, that is, "
            "solve (F + λI) v = g.",
            _not_inverted,
        ),
        Mistake(
            "uphill",
            "Your step adds v and so climbs: θ ← θ − α(F + λI)⁻¹g.",
            _natural_uphill,
        ),
        Mistake(
            "diagonal-only",
            "Your function divides by the diagonal of F: solve with the whole matrix.",
            _diagonal_fisher,
        ),
        Mistake(
            "inverse-root",
            "Your function uses the inverse root (F + λI)^(−1/2), as AdaGrad and Adam do: the "
            "natural gradient has the inverse itself.",
            _inverse_root,
        ),
        Mistake(
            "rate-forgotten",
            "Your function forgets the learning rate: θ ← θ − α(F + λI)⁻¹g.",
            _natural_without_rate,
        ),
        Mistake(
            "rate-inside-too",
            "Your damping is multiplied by the learning rate: it is λ alone, F + λI.",
            _rate_also_inside,
        ),
        Mistake(
            "step-returned",
            "Your function returns the step v: subtract it from θ and return the new θ.",
            _step_returned,
        ),
        Mistake(
            "columns-first",
            "Your function numbers the parameters column by column: F has them row by row, as "
            "`reshape(-1)` does.",
            _columns_first,
        ),
        Mistake(
            "theta-changed",
            "Your function changes `theta` in place (`-=` does that to arrays): return "
            "`theta - v`, which is a new array.",
            _natural_in_place,
        ),
        Mistake(
            "fisher-changed",
            "Your function changes `F` in place, so the damping adds up from step to step: write "
            "`F + damping * np.eye(n)`, which is a new array.",
            _damping_added_in_place,
        ),
    ),
)

# --- whitening -------------------------------------------------------------------------------

_white = case_maker("h", "eps")

_H2 = floats([[1, 2], [3, 1], [2, 6], [0, 0], [4, 3]])
_H3 = floats([[1, 0, 2], [-1, 3, 0], [2, 1, 7], [0, -2, 1], [3, 1, -1], [1, 4, 4]])
_DEAD = floats([[1, 2, 5], [3, 2, 4], [2, 2, 0], [-1, 2, 1]])


def _correlated(rng: np.random.Generator, N: int, n: int, offset: float = 2.0) -> Array:
    """Samples whose covariance has separate eigenvalues, so that U is well-determined."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    r, _ = np.linalg.qr(np.column_stack([np.ones(N), rng.normal(size=(N, n))]))
    size = np.geomspace(0.4, 4.0, n) * rng.uniform(0.9, 1.1, n)
    return np.asarray(r[:, 1:] * np.sqrt(N) * size @ q.T + rng.normal(0, offset, n))


def _one_unit_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _white("usual samples", rng.normal(3, 2, (8, 1)), 1e-5),
        _white("a large ε", rng.normal(-1, 1, (6, 1)), 0.5),
        _white("small variance", rng.normal(1, 0.05, (7, 1)), 0.01),
    ]


def _correlated_cases(rng: np.random.Generator) -> list[Case]:
    eps = float(rng.uniform(0.05, 0.3))
    return [
        _white("two units", _correlated(rng, 8, 2), eps),
        _white("three units", _correlated(rng, 12, 3), eps),
        _white("four units, tiny ε", _correlated(rng, 10, 4), 1e-8),
        _white("two units, large ε", _correlated(rng, 9, 2), 1.0),
        _white("read-only samples", readonly(_correlated(rng, 7, 3)), eps),
        _white("samples that skip memory", strided(_correlated(rng, 7, 3)), eps),
        _white("samples stored by columns", column_major(_correlated(rng, 7, 3)), eps),
    ]


def _singular_cases(rng: np.random.Generator) -> list[Case]:
    dead = np.insert(_correlated(rng, 9, 2), 1, 0.0, axis=1)
    return [
        _white("a dead unit", dead, float(rng.uniform(0.02, 0.1))),
        _white("as many samples as units", _correlated_rows(rng, 3), float(rng.uniform(0.02, 0.1))),
    ]


def _correlated_rows(rng: np.random.Generator, n: int) -> Array:
    # n samples span n − 1 directions: one eigenvalue is zero, and it is alone
    wide = _correlated(rng, 3 * n, n - 1)[:n]
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return np.asarray(np.column_stack([wide * floats([1, 3]), np.zeros(n)]) @ q.T + 1.0)


def _white_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _white("three units", _correlated(rng, 15, 3), 0.1),
        _white("four units", _correlated(rng, 15, 4), 0.01),
    ]


def _unbiased(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / (len(h) - 1) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _eps_outside_root(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h))
    U = (E / (np.sqrt(np.maximum(values, 0)) + eps)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _eps_forgotten(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _falling_order(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T[::-1]
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _signs_left_open(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    return c, (E / np.sqrt(values)).T


def _first_entry_positive(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    return c, np.where(U[:, :1] < 0, -1, 1) * U


def _zca(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    return c, (E / np.sqrt(values)) @ E.T


def _cholesky_white(h, eps):
    c = h.mean(axis=0)
    L = np.linalg.cholesky((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    return c, np.linalg.inv(L)


def _not_transposed(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, (signs[:, None] * U).T


def _rotated_only(h, eps):
    c = h.mean(axis=0)
    _, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = E.T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _no_root(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = (E / values).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _coloring(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) / len(h) + eps * np.eye(h.shape[1]))
    U = (E * np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


def _not_centered(h, eps):
    values, E = np.linalg.eigh(h.T @ h / len(h) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return h.mean(axis=0), signs[:, None] * U


def _standardized(h, eps):
    return h.mean(axis=0), np.diag(1 / np.sqrt(h.var(axis=0) + eps))


def _covariance_not_averaged(h, eps):
    c = h.mean(axis=0)
    values, E = np.linalg.eigh((h - c).T @ (h - c) + eps * np.eye(h.shape[1]))
    U = (E / np.sqrt(values)).T
    signs = np.sign(U[np.arange(len(U)), np.abs(U).argmax(axis=1)])
    return c, signs[:, None] * U


_WHITENING = Exercise(
    "whitening",
    title="Whitening the inputs of a layer",
    minutes=20,
    section="learning-as-optimization.md#ill-conditioning",
    parameters=("h", "eps"),
    returns=("c", "U"),
    reference=reference.whitening,
    checks=(
        Check(
            "a single unit",
            1,
            [
                _white("four samples", floats([[1], [2], [3], [6]]), 0.5),
                _white("a tiny ε", floats([[10], [14], [13]]), 1e-8),
                _white("small variance", floats([[1.1], [0.9], [1.0]]), 0.01),
            ],
            _one_unit_cases,
        ),
        Check(
            "correlated units",
            2,
            [
                _white("two units", _H2, 0.1),
                _white("three units", _H3, 0.1),
                _white("three units, tiny ε", _H3, 1e-8),
                _white("two units, large ε", _H2, 1.0),
                _white("read-only samples", readonly(_H3[:, ::-1]), 0.1),
                _white("samples that skip memory", strided(_H3 * floats([1, 2, 0.5])), 0.1),
            ],
            _correlated_cases,
        ),
        Check(
            "a singular covariance",
            1,
            [
                _white("a dead unit", _DEAD, 0.05),
                _white("as many samples as units", _H3[:3], 0.1),
            ],
            _singular_cases,
        ),
        Check(
            "what comes out is white",
            1,
            [
                _white("two units", _H2 - floats([5, 1]), 0.05),
                _white("three units", _H3[:, [2, 0, 1]] * floats([1, -1, 1]), 0.02),
            ],
            _white_cases,
            relation="whitens",
        ),
    ),
    mistakes=(
        Mistake(
            "unbiased",
            "Your covariance is the unbiased one, divided by N − 1 (np.cov's convention): the "
            "course divides by N, as in batch normalization.",
            _unbiased,
        ),
        Mistake(
            "eps-outside-the-root",
            "Your ε stands outside the root, 1/(√λ + ε): the course adds it to the covariance, "
            "so it is 1/√(λ + ε).",
            _eps_outside_root,
        ),
        Mistake(
            "eps-forgotten",
            "Your function forgets ε: without it a direction of variance zero is divided by zero.",
            _eps_forgotten,
        ),
        Mistake(
            "falling-order",
            "Your rows come with falling eigenvalues: that whitens as well, but the course's "
            "convention is rising eigenvalues, as np.linalg.eigh returns them.",
            _falling_order,
        ),
        Mistake(
            "signs-left-open",
            "Your rows have the signs that eigh happened to give: that whitens as well, but the "
            "course's convention is that the entry of largest size in each row is positive.",
            _signs_left_open,
        ),
        Mistake(
            "first-entry-positive",
            "Your rows have a positive first entry: that whitens as well, but the course's "
            "convention is that the entry of largest size in each row is positive.",
            _first_entry_positive,
        ),
        Mistake(
            "zca",
            "Your U is the symmetric root E Λ^(−1/2) Eᵀ, known as ZCA: it whitens as well, but "
            "the course's U = Λ^(−1/2) Eᵀ does without the last rotation.",
            _zca,
        ),
        Mistake(
            "cholesky",
            "Your U is the inverse of a Cholesky factor, which whitens as well: the course takes "
            "eigenvectors, U = Λ^(−1/2) Eᵀ.",
            _cholesky_white,
        ),
        Mistake(
            "not-transposed",
            "Your U is E Λ^(−1/2), with eigenvectors as columns: they are the rows of "
            "U = Λ^(−1/2) Eᵀ.",
            _not_transposed,
        ),
        Mistake(
            "rotated-only",
            "Your U is Eᵀ, which makes the units uncorrelated but leaves their variances: divide "
            "row i by √λ_i.",
            _rotated_only,
        ),
        Mistake(
            "root-forgotten",
            "Your U divides row i by λ_i: dividing by its root √λ_i makes the variance one.",
            _no_root,
        ),
        Mistake(
            "multiplied-by-the-root",
            "Your U multiplies row i by √λ_i: divide by it, Λ has the power −1/2.",
            _coloring,
        ),
        Mistake(
            "not-centered",
            "Your covariance is that of h, not of h − c: subtract the mean first.",
            _not_centered,
        ),
        Mistake(
            "standardized",
            "Your U divides each unit by its own standard deviation, as batch normalization does: "
            "whitening removes the correlations between units, too.",
            _standardized,
        ),
        Mistake(
            "covariance-not-averaged",
            "Your covariance is a sum over the samples: divide by their number N.",
            _covariance_not_averaged,
        ),
    ),
)

# --- prong_project and prong_canonical -------------------------------------------------------

_project = case_maker("W", "b", "c", "U")
_canonical = case_maker("V", "d", "c", "U")

_W23 = floats([[1, -2, 0.5], [0, 3, 1]])
_B2 = floats([0.5, -1])
_C3 = floats([1, 2, -1])
_U3 = floats([[2, 1, 0], [0, 1, -1], [1, 0, 1.5]])


def _mixing(rng: np.random.Generator, n: int) -> Array:
    """An invertible matrix, neither symmetric nor orthogonal."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    r, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return np.asarray((q * np.geomspace(0.5, 3.0, n)) @ r)


def _some_layer(rng: np.random.Generator, m: int, n: int) -> tuple[Array, Array, Array, Array]:
    return (
        rng.normal(size=(m, n)),
        rng.normal(size=m),
        rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n),
        _mixing(rng, n),
    )


def _layer_checks(make: Any) -> tuple[Check, ...]:
    def mean_zero(rng: np.random.Generator) -> list[Case]:
        W, b, c, U = _some_layer(rng, 2, 3)
        A, a, e, Q = _some_layer(rng, 3, 3)
        return [make("three inputs", W, b, 0 * c, U), make("as many outputs", A, a, 0 * e, Q)]

    def no_rotation(rng: np.random.Generator) -> list[Case]:
        W, b, c, _ = _some_layer(rng, 3, 2)
        A, a, e, _ = _some_layer(rng, 3, 3)
        return [make("two inputs", W, b, c, np.eye(2)), make("as many outputs", A, a, e, np.eye(3))]

    def both(rng: np.random.Generator) -> list[Case]:
        size = 10.0 ** floats([-3, 0, 2])
        W, b, c, U = _some_layer(rng, 2, 3)
        return [
            make("three inputs", *_some_layer(rng, 2, 3)),
            make("as many outputs as inputs", *_some_layer(rng, 4, 4)),
            make("one input", *_some_layer(rng, 3, 1)),
            make("one output", *_some_layer(rng, 1, 3)),
            make("weights of very different size", W * size, b, c, U),
            make("bias zero", W, np.zeros(2), c, U),
            make("read-only arrays", *map(readonly, _some_layer(rng, 2, 3))),
            make("arrays that skip memory", *map(strided, _some_layer(rng, 2, 3))),
            make("arrays stored by columns", *map(column_major, _some_layer(rng, 2, 3))),
        ]

    def function_cases(rng: np.random.Generator) -> list[Case]:
        return [
            make("three inputs", *_some_layer(rng, 2, 3)),
            make("two inputs", *_some_layer(rng, 4, 2)),
        ]

    square = floats([[1, 2, 0], [-1, 0.5, 3], [0, 1, 1]])
    return (
        Check(
            "with mean zero",
            1,
            [
                make("three inputs", _W23, _B2, np.zeros(3), _U3),
                make("as many outputs", square, _C3, np.zeros(3), _U3),
            ],
            mean_zero,
        ),
        Check(
            "with U the identity",
            1,
            [
                make("three inputs", _W23, _B2, _C3, np.eye(3)),
                make("as many outputs", square, floats([0, 1, 2]), _C3, np.eye(3)),
            ],
            no_rotation,
        ),
        Check(
            "both, shapes and memory layouts",
            2,
            [
                make("three inputs", _W23, _B2, _C3, _U3),
                make("as many outputs as inputs", square, floats([1, 0, -1]), _C3, _U3),
                make("one input", floats([[2], [-1]]), _B2, floats([3]), floats([[0.25]])),
                make("bias zero", _W23, np.zeros(2), _C3, _U3),
                make("read-only arrays", *map(readonly, (_W23, _B2, _C3, _U3))),
                make("arrays that skip memory", *map(strided, (_W23, _B2, _C3, _U3))),
            ],
            both,
        ),
        Check(
            "the function stays the same",
            1,
            [make("three inputs", -_W23, _B2, floats([0.5, -1, 2]), _U3.T.copy())],
            function_cases,
            relation="same_function",
        ),
    )


def _project_lectures_sign(W, b, c, U):
    return W @ np.linalg.inv(U), b - W @ c


def _project_with_V(W, b, c, U):
    V = W @ np.linalg.inv(U)
    return V, b + V @ c


def _project_slides_last_line(W, b, c, U):
    V = W @ np.linalg.inv(U)
    return V, b - V @ c


def _project_multiplied(W, b, c, U):
    return W @ U, b + W @ c


def _project_transposed(W, b, c, U):
    return W @ U.T, b + W @ c


def _project_inverse_transposed(W, b, c, U):
    return W @ np.linalg.inv(U).T, b + W @ c


def _project_left(W, b, c, U):
    return np.linalg.inv(U) @ W, b + W @ c


def _project_bias_alone(W, b, c, U):
    return W @ np.linalg.inv(U), b


def _project_only_mean(W, b, c, U):
    return W, b + W @ c


def _project_white_mean(W, b, c, U):
    return W @ np.linalg.inv(U), b + W @ (U @ c)


def _project_swapped(W, b, c, U):
    return b + W @ c, W @ np.linalg.inv(U)


def _project_in_place(W, b, c, U):
    b += W @ c
    return W @ np.linalg.inv(U), b


_PRONG_PROJECT = Exercise(
    "prong_project",
    title="PRONG: into whitened coordinates",
    minutes=10,
    section="notation.md#how-code-is-written",
    parameters=("W", "b", "c", "U"),
    returns=("V", "d"),
    reference=reference.prong_project,
    checks=_layer_checks(_project),
    mistakes=(
        Mistake(
            "sign-of-the-mean",
            "Your d is b − Wc, the sign of the lecture's slide: the layer subtracts c from its "
            "input, so the bias has to add it again, d = b + Wc.",
            _project_lectures_sign,
        ),
        Mistake(
            "mean-through-V",
            "Your d is b + Vc: the mean passes through VU = W, so d = b + Wc.",
            _project_with_V,
        ),
        Mistake(
            "last-line-of-the-slide",
            "Your d is b − Vc, as line 10 of the lecture's algorithm has it: that changes "
            "the function. d = b + VUc = b + Wc.",
            _project_slides_last_line,
        ),
        Mistake(
            "multiplied-by-U",
            "Your V is WU: the whitened inputs come multiplied by U already, so V must undo it, "
            "V = WU⁻¹.",
            _project_multiplied,
        ),
        Mistake(
            "transpose-for-inverse",
            "Your V is WUᵀ: the transpose is the inverse of orthogonal matrices only, and U also "
            "scales; V = WU⁻¹.",
            _project_transposed,
        ),
        Mistake(
            "inverse-transposed",
            "Your V is W(U⁻¹)ᵀ: there is one transposition too many (perhaps "
            "`solve(U, W.T).T`), V = WU⁻¹.",
            _project_inverse_transposed,
        ),
        Mistake(
            "inverse-on-the-left",
            "Your V is U⁻¹W: U acts on the inputs of the layer, so its inverse stands right of W, "
            "V = WU⁻¹.",
            _project_left,
        ),
        Mistake(
            "bias-left-alone",
            "Your d is b: subtracting c from the inputs moves the outputs by −Wc, so d = b + Wc.",
            _project_bias_alone,
        ),
        Mistake(
            "weights-left-alone",
            "Your V is W: the layer now reads inputs multiplied by U, so V = WU⁻¹.",
            _project_only_mean,
        ),
        Mistake(
            "mean-whitened",
            "Your d is b + WUc: W reads inputs that are not whitened, so d = b + Wc.",
            _project_white_mean,
        ),
        Mistake(
            "swapped",
            "Your function returns d first: return V, then d.",
            _project_swapped,
        ),
        Mistake(
            "b-changed",
            "Your function changes `b` in place (`+=` does that to arrays): write `d = b + W @ c`, "
            "which makes a new array.",
            _project_in_place,
        ),
    ),
)


def _canonical_lectures_sign(V, d, c, U):
    W = V @ U
    return W, d + W @ c


def _canonical_with_V(V, d, c, U):
    return V @ U, d - V @ c


def _canonical_inverse(V, d, c, U):
    W = V @ np.linalg.inv(U)
    return W, d - W @ c


def _canonical_transposed(V, d, c, U):
    W = V @ U.T
    return W, d - W @ c


def _canonical_left(V, d, c, U):
    W = U @ V
    return W, d - W @ c


def _canonical_bias_alone(V, d, c, U):
    return V @ U, d


def _canonical_weights_alone(V, d, c, U):
    return V, d - V @ U @ c


def _canonical_mean_twice(V, d, c, U):
    W = V @ U
    return W, d - W @ (U @ c)


def _canonical_swapped(V, d, c, U):
    W = V @ U
    return d - W @ c, W


def _canonical_in_place(V, d, c, U):
    W = V @ U
    d -= W @ c
    return W, d


_PRONG_CANONICAL = Exercise(
    "prong_canonical",
    title="PRONG: back to the usual form",
    minutes=10,
    section="notation.md#how-code-is-written",
    parameters=("V", "d", "c", "U"),
    returns=("W", "b"),
    reference=reference.prong_canonical,
    checks=_layer_checks(_canonical),
    mistakes=(
        Mistake(
            "sign-of-the-mean",
            "Your b is d + Wc, as the lecture's slide prints: V U (h − c) + d = W h + (d − Wc), so "
            "b = d − Wc.",
            _canonical_lectures_sign,
        ),
        Mistake(
            "mean-through-V",
            "Your b is d − Vc: the mean passes through U, too, so b = d − VUc = d − Wc.",
            _canonical_with_V,
        ),
        Mistake(
            "inverse-of-U",
            "Your W is VU⁻¹, which is the way into whitened coordinates: the way back is W = VU.",
            _canonical_inverse,
        ),
        Mistake(
            "U-transposed",
            "Your W is VUᵀ: the layer computes V U (h − c), so W = VU.",
            _canonical_transposed,
        ),
        Mistake(
            "U-on-the-left",
            "Your W is UV: U acts on the inputs first and V on what it returns, so W = VU.",
            _canonical_left,
        ),
        Mistake(
            "bias-left-alone",
            "Your b is d: the layer subtracts c from its inputs, which moves the outputs by −Wc, "
            "so b = d − Wc.",
            _canonical_bias_alone,
        ),
        Mistake(
            "weights-left-alone",
            "Your W is V: V reads inputs that are multiplied by U, so W = VU.",
            _canonical_weights_alone,
        ),
        Mistake(
            "mean-whitened-twice",
            "Your b is d − WUc: W = VU holds U already, so b = d − Wc.",
            _canonical_mean_twice,
        ),
        Mistake(
            "swapped",
            "Your function returns b first: return W, then b.",
            _canonical_swapped,
        ),
        Mistake(
            "d-changed",
            "Your function changes `d` in place (`-=` does that to arrays): write `b = d - W @ c`, "
            "which makes a new array.",
            _canonical_in_place,
        ),
    ),
)

# --- prong_gradient --------------------------------------------------------------------------

_pulled = case_maker("grad_W", "grad_b", "c", "U")


def _gradient_projected(grad_W, grad_b, c, U):
    return (grad_W - np.outer(grad_b, c)) @ np.linalg.inv(U), grad_b


def _gradient_not_transposed(grad_W, grad_b, c, U):
    return (grad_W - np.outer(grad_b, c)) @ U, grad_b


def _gradient_mean_forgotten(grad_W, grad_b, c, U):
    return grad_W @ U.T, grad_b


def _gradient_mean_added(grad_W, grad_b, c, U):
    return (grad_W + np.outer(grad_b, c)) @ U.T, grad_b


def _gradient_mean_not_whitened(grad_W, grad_b, c, U):
    return grad_W @ U.T - np.outer(grad_b, c), grad_b


def _gradient_unchanged(grad_W, grad_b, c, U):
    return grad_W, grad_b


def _gradient_natural(grad_W, grad_b, c, U):
    return (grad_W - np.outer(grad_b, c)) @ U.T @ U, grad_b


def _gradient_d_shifted(grad_W, grad_b, c, U):
    return (grad_W - np.outer(grad_b, c)) @ U.T, grad_b + grad_W @ c


def _gradient_swapped(grad_W, grad_b, c, U):
    return grad_b, (grad_W - np.outer(grad_b, c)) @ U.T


def _gradient_in_place(grad_W, grad_b, c, U):
    grad_W -= np.outer(grad_b, c)
    return grad_W @ U.T, grad_b


_PRONG_GRADIENT = Exercise(
    "prong_gradient",
    title="PRONG: the gradient in whitened coordinates",
    minutes=15,
    section="learning-as-optimization.md#ill-conditioning",
    parameters=("grad_W", "grad_b", "c", "U"),
    returns=("grad_V", "grad_d"),
    reference=reference.prong_gradient,
    checks=_layer_checks(_pulled)[:3],
    mistakes=(
        Mistake(
            "projected-like-weights",
            "Your gradient is multiplied by U⁻¹, as the weights are: the chain rule through "
            "W = VU multiplies gradients by Uᵀ.",
            _gradient_projected,
        ),
        Mistake(
            "not-transposed",
            "Your gradient is multiplied by U: the chain rule through W = VU gives Uᵀ, on the "
            "right.",
            _gradient_not_transposed,
        ),
        Mistake(
            "mean-forgotten",
            "Your gradient in V is g_W Uᵀ: V also acts through the bias b = d − VUc, which adds "
            "−g_b cᵀUᵀ.",
            _gradient_mean_forgotten,
        ),
        Mistake(
            "sign-of-the-mean",
            "Your gradient in V is (g_W + g_b cᵀ)Uᵀ, which fits the lecture's slip b = d + Wc: "
            "with b = d − Wc it is (g_W − g_b cᵀ)Uᵀ.",
            _gradient_mean_added,
        ),
        Mistake(
            "mean-not-whitened",
            "Your gradient in V is g_W Uᵀ − g_b cᵀ: the bias holds VUc, so the second term needs "
            "Uᵀ as well.",
            _gradient_mean_not_whitened,
        ),
        Mistake(
            "unchanged",
            "Your function returns the gradients in W and b: V and d are other coordinates, so "
            "the gradient in V is (g_W − g_b cᵀ)Uᵀ.",
            _gradient_unchanged,
        ),
        Mistake(
            "already-in-W",
            "Your gradient is multiplied by UᵀU: that is how W moves in the end; V itself has "
            "the gradient (g_W − g_b cᵀ)Uᵀ.",
            _gradient_natural,
        ),
        Mistake(
            "bias-gradient-shifted",
            "Your gradient in d has an extra term: d appears in b = d − Wc only, with factor one, "
            "so g_d = g_b.",
            _gradient_d_shifted,
        ),
        Mistake(
            "swapped",
            "Your function returns the gradient in d first: return that in V, then that in d.",
            _gradient_swapped,
        ),
        Mistake(
            "gradient-changed",
            "Your function changes `grad_W` in place (`-=` does that to arrays): write "
            "`grad_W - np.outer(grad_b, c)`, which is a new array.",
            _gradient_in_place,
        ),
    ),
)

# --- prong_step ------------------------------------------------------------------------------

_prong = case_maker("V", "d", "grad_V", "grad_d", "lr")


def _prong_arrays(rng: np.random.Generator, m: int, n: int) -> list[Array]:
    return [np.asarray(rng.normal(size=shape)) for shape in ((m, n), (m,), (m, n), (m,))]


def _prong_single_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.05, 0.5))
    V, d, g, e = _prong_arrays(rng, 2, 3)
    return [
        _prong("two outputs", V, d, g, e, lr),
        _prong("gradients from 1e-8 to 1e3", V, d, g * 10.0 ** floats([-8, 0, 3]), e * 100, lr),
        _prong("gradient zero", V, d, 0 * g, 0 * e, lr),
        _prong("learning rate zero", V, d, g, e, 0.0),
        _prong("read-only arrays", *map(readonly, _prong_arrays(rng, 3, 2)), lr),
        _prong("arrays that skip memory", *map(strided, _prong_arrays(rng, 3, 2)), lr),
        _prong("arrays stored by columns", *map(column_major, _prong_arrays(rng, 3, 2)), lr),
    ]


def _prong_several_cases(rng: np.random.Generator) -> list[Case]:
    def steps(falling: bool) -> list[dict[str, Any]]:
        lr = float(rng.uniform(0.2, 0.6))
        return [
            {
                "grad_V": rng.normal(size=(2, 3)),
                "grad_d": rng.normal(size=2),
                "lr": lr / (t + 1) if falling else lr,
            }
            for t in range(5)
        ]

    return [
        _prong(
            label,
            *_prong_arrays(rng, 2, 3),
            0.0,
            steps=steps(label == "falling rate"),
            feedback=("V", "d"),
        )
        for label in ("constant rate", "falling rate")
    ]


def _prong_uphill(V, d, grad_V, grad_d, lr):
    return V + lr * grad_V, d + lr * grad_d


def _prong_bias_frozen(V, d, grad_V, grad_d, lr):
    return V - lr * grad_V, d


def _prong_bias_without_rate(V, d, grad_V, grad_d, lr):
    return V - lr * grad_V, d - grad_d


def _prong_without_rate(V, d, grad_V, grad_d, lr):
    return V - grad_V, d - grad_d


def _prong_bias_uphill(V, d, grad_V, grad_d, lr):
    return V - lr * grad_V, d + lr * grad_d


def _prong_step_returned(V, d, grad_V, grad_d, lr):
    return lr * grad_V, lr * grad_d


def _prong_swapped(V, d, grad_V, grad_d, lr):
    return d - lr * grad_d, V - lr * grad_V


def _prong_in_place(V, d, grad_V, grad_d, lr):
    V -= lr * grad_V
    d -= lr * grad_d
    return V, d


_PRONG_STEP = Exercise(
    "prong_step",
    title="PRONG: a step between two projections",
    minutes=5,
    section="sgd.md#the-rule",
    parameters=("V", "d", "grad_V", "grad_d", "lr"),
    returns=("V", "d"),
    reference=reference.prong_step,
    checks=(
        Check(
            "one step",
            1,
            [
                _prong("two outputs", _W23, _B2, floats([[1, 0, 2], [3, -1, 0]]), _B2 * 3, 0.1),
                _prong(
                    "gradients from 1e-8 to 1000",
                    _W23,
                    _B2,
                    floats([[1e-8, 1, 1e3], [0, -1e-8, 5]]),
                    floats([1e3, 1e-4]),
                    0.5,
                ),
                _prong("gradient zero", _W23, _B2, np.zeros((2, 3)), np.zeros(2), 0.1),
                _prong("learning rate zero", _W23, _B2, _W23, _B2, 0.0),
                _prong("read-only arrays", *map(readonly, (_W23, _B2, -_W23, _B2)), 0.2),
                _prong("arrays that skip memory", *map(strided, (_W23, _B2, -_W23, _B2)), 0.2),
            ],
            _prong_single_cases,
        ),
        Check(
            "several steps",
            1,
            [
                _prong(
                    "falling rate",
                    _W23,
                    _B2,
                    np.zeros((2, 3)),
                    np.zeros(2),
                    0.0,
                    steps=[
                        {"grad_V": floats(g), "grad_d": floats(e), "lr": a}
                        for g, e, a in (
                            ([[2, 1, 0], [0, 1, 1]], [1, -1], 0.5),
                            ([[-1, 3, 1], [2, 0, 0]], [2, 0.5], 0.25),
                            ([[0.5, -10, 1], [1, 1, 1]], [0, 4], 0.125),
                        )
                    ],
                    feedback=("V", "d"),
                ),
            ],
            _prong_several_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "uphill",
            "Your step adds the gradient and so climbs, like the lecture's slide on units of "
            "SGD: subtract it, V ← V − αg.",
            _prong_uphill,
        ),
        Mistake(
            "bias-frozen",
            "Your function leaves d as it was: between two projections c and U stand still, but "
            "both V and d take steps.",
            _prong_bias_frozen,
        ),
        Mistake(
            "bias-without-rate",
            "Your step in d forgets the learning rate: d ← d − αg_d.",
            _prong_bias_without_rate,
        ),
        Mistake(
            "rate-forgotten",
            "Your step forgets the learning rate: V ← V − αg_V, d ← d − αg_d.",
            _prong_without_rate,
        ),
        Mistake(
            "bias-uphill",
            "Your step in d climbs: subtract, d ← d − αg_d.",
            _prong_bias_uphill,
        ),
        Mistake(
            "step-returned",
            "Your function returns the steps αg themselves: subtract them from V and d and return "
            "the new values.",
            _prong_step_returned,
        ),
        Mistake(
            "swapped",
            "Your function returns d first: return V, then d.",
            _prong_swapped,
        ),
        Mistake(
            "in-place",
            "Your function changes `V` and `d` in place (`-=` does that to arrays): write "
            "`V - lr * grad_V`, which makes a new array.",
            _prong_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps09-natural-gradient",
    title="Natural gradient and PRONG",
    exercises=(
        _FISHER_SOFTMAX,
        _NATURAL_GRADIENT_STEP,
        _WHITENING,
        _PRONG_PROJECT,
        _PRONG_CANONICAL,
        _PRONG_GRADIENT,
        _PRONG_STEP,
    ),
    written=(Written("whitening_and_signs", 4),),
)
