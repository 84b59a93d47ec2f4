"""Problem set 1: gradients, the step of SGD, its rate and its limits."""

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
    positive_definite,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

# --- softmax_cross_entropy -------------------------------------------------------------------

_softmax = case_maker("logits", "labels")


def _softmax_shape_cases(rng: np.random.Generator) -> list[Case]:
    def logits(n: int, k: int) -> Array:
        return rng.normal(0, 2, (n, k))

    def labels(n: int, k: int) -> Array:
        return rng.integers(0, k, n)

    return [
        _softmax("a batch", logits(6, 4), labels(6, 4)),
        _softmax("one example", logits(1, 5), labels(1, 5)),
        _softmax("two classes", logits(7, 2), labels(7, 2)),
        _softmax("read-only logits", readonly(logits(3, 4)), labels(3, 4)),
        _softmax("logits that skip memory", strided(logits(4, 3)), labels(4, 3)),
        _softmax("logits stored by columns", column_major(logits(5, 3)), labels(5, 3)),
    ]


def _softmax_extreme_cases(rng: np.random.Generator) -> list[Case]:
    far = rng.choice([-1e4, 1e4], (4, 3)) + rng.normal(0, 3, (4, 3))
    one_up = rng.normal(0, 1, (3, 4))
    one_up[np.arange(3), [0, 1, 2]] += 1e4
    return [
        _softmax("logits of about ±10,000", far, rng.integers(0, 3, 4)),
        _softmax("the right class is certain", one_up, np.array([0, 1, 2])),
        _softmax("a wrong class is certain", one_up, np.array([3, 3, 3])),
        _softmax("all logits very negative", rng.normal(-9000, 2, (3, 3)), rng.integers(0, 3, 3)),
        _softmax("all logits very large", rng.normal(9000, 2, (3, 3)), rng.integers(0, 3, 3)),
    ]


def _softmax_shift_cases(rng: np.random.Generator) -> list[Case]:
    cases = []
    for size, label in ((3.0, "a small shift"), (2000.0, "a large shift")):
        logits, labels = rng.normal(0, 2, (4, 3)), rng.integers(0, 3, 4)
        shift = size * rng.uniform(0.5, 1.5, (4, 1)) * rng.choice([-1.0, 1.0], (4, 1))
        cases += [
            _softmax(f"before {label}", logits, labels),
            _softmax(f"after {label}", logits + shift, labels),
        ]
    return cases


def _softmax_row_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _softmax("a batch", rng.normal(0, 2, (5, 4)), rng.integers(0, 4, 5)),
        _softmax("many classes", rng.normal(0, 1, (3, 12)), rng.integers(0, 12, 3)),
    ]


def _no_max_subtracted(logits, labels):
    n = len(logits)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), labels]).mean()
    grad = p.copy()
    grad[np.arange(n), labels] -= 1
    return loss, grad / n


def _log_of_zero(logits, labels):
    n = len(logits)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), labels]).mean()
    grad = p.copy()
    grad[np.arange(n), labels] -= 1
    return loss, grad / n


def _log_with_epsilon(logits, labels):
    n = len(logits)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), labels] + 1e-12).mean()
    grad = p.copy()
    grad[np.arange(n), labels] -= 1
    return loss, grad / n


def _sum_over_batch(logits, labels):
    n = len(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].sum()
    grad = np.exp(log_p)
    grad[np.arange(n), labels] -= 1
    return loss, grad


def _gradient_of_sum(logits, labels):
    n = len(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].mean()
    grad = np.exp(log_p)
    grad[np.arange(n), labels] -= 1
    return loss, grad


def _no_one_hot(logits, labels):
    n = len(logits)
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(n), labels].mean()
    return loss, np.exp(log_p) / n


def _mean_over_classes(logits, labels):
    n, k = logits.shape
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    one_hot = np.eye(k)[labels]
    return -(one_hot * log_p).mean(), (np.exp(log_p) - one_hot) / (n * k)


def _likelihood_sign(logits, labels):
    n, k = logits.shape
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    one_hot = np.eye(k)[labels]
    return (one_hot * log_p).sum() / n, (one_hot - np.exp(log_p)) / n


def _softmax_over_batch(logits, labels):
    n, k = logits.shape
    z = logits - logits.max(axis=0)
    log_p = z - np.log(np.exp(z).sum(axis=0))
    one_hot = np.eye(k)[labels]
    return -(one_hot * log_p).sum() / n, (np.exp(log_p) - one_hot) / n


_SOFTMAX = Exercise(
    "softmax_cross_entropy",
    title="Softmax and cross-entropy",
    minutes=20,
    section="learning-as-optimization.md#overflow",
    parameters=("logits", "labels"),
    returns=("loss", "grad"),
    reference=reference.softmax_cross_entropy,
    checks=(
        Check(
            "ordinary logits",
            2,
            [
                _softmax("two examples", floats([[1, 2, 3], [0, 0, 0]]), np.array([2, 0])),
                _softmax("one example", floats([[0.5, -1.5, 2.0, 0.0]]), np.array([1])),
                _softmax(
                    "two classes",
                    floats([[0, 1], [2, -1], [-0.5, 0.25], [3, 3]]),
                    np.array([0, 0, 1, 1]),
                ),
                _softmax("read-only logits", readonly([[1, -2, 0.5], [2, 1, 0]]), np.array([1, 2])),
                _softmax(
                    "logits that skip memory", strided([[1, -1, 2], [0, 3, 1]]), np.array([0, 1])
                ),
            ],
            _softmax_shape_cases,
        ),
        Check(
            "extreme logits",
            2,
            [
                _softmax(
                    "logits of ±10,000",
                    floats([[1e4, 0, -1e4], [-1e4, 0, 1e4]]),
                    np.array([0, 0]),
                ),
                _softmax("all logits very large", floats([[1e4, 1e4 + 1, 1e4 + 2]]), np.array([0])),
                _softmax("all logits very negative", floats([[-1e4, -1e4 - 1]]), np.array([1])),
            ],
            _softmax_extreme_cases,
        ),
        Check(
            "shift invariance",
            1,
            [
                _softmax("before the shift", floats([[1, 2, 0], [3, 0, 1]]), np.array([1, 2])),
                _softmax(
                    "after the shift",
                    floats([[1, 2, 0], [3, 0, 1]]) + floats([[1000], [-5]]),
                    np.array([1, 2]),
                ),
            ],
            _softmax_shift_cases,
            relation="shift_invariant",
        ),
        Check(
            "gradient rows sum to zero",
            1,
            [
                _softmax(
                    "three classes", floats([[1, 2, 3], [0, 4, 0], [1, 1, 0]]), np.array([0, 1, 2])
                )
            ],
            _softmax_row_cases,
            relation="gradient_rows_sum_to_zero",
        ),
    ),
    mistakes=(
        Mistake(
            "no-max-subtracted",
            "Your function takes exp() of the logits as they are, which overflows above 709: "
            "subtract the largest logit of each row first, the result stays the same.",
            _no_max_subtracted,
        ),
        Mistake(
            "log-of-zero",
            "Your function takes the logarithm of a probability that has been rounded to 0: "
            "compute log p = z − log Σ exp z directly instead of log(exp z / Σ exp z).",
            _log_of_zero,
        ),
        Mistake(
            "log-with-epsilon",
            "Your function adds about 1e-12 inside the logarithm, so no loss can exceed 27.6: "
            "log p = z − log Σ exp z needs no such guard and is exact.",
            _log_with_epsilon,
        ),
        Mistake(
            "sum-over-batch",
            "Your function sums over the batch: the course takes the mean, so that loss and "
            "gradient do not grow with the size of the batch.",
            _sum_over_batch,
        ),
        Mistake(
            "gradient-of-sum",
            "Your loss is the mean over the batch, but your gradient is that of the sum: "
            "divide it by the number of examples n, too.",
            _gradient_of_sum,
        ),
        Mistake(
            "no-one-hot",
            "Your gradient is p / n: subtract 1 from the probability of the right class first, "
            "(p − one-hot) / n.",
            _no_one_hot,
        ),
        Mistake(
            "mean-over-classes",
            "Your function averages over all n·k entries: the mean goes over the n examples only.",
            _mean_over_classes,
        ),
        Mistake(
            "likelihood-sign",
            "Your function returns the mean log-likelihood, which is to be maximized: the loss is "
            "its negative, and so is the gradient.",
            _likelihood_sign,
        ),
        Mistake(
            "softmax-over-batch",
            "Your softmax normalizes each class over the batch (axis 0): probabilities sum to one "
            "over the classes of an example (axis 1).",
            _softmax_over_batch,
        ),
    ),
)

# --- minibatch_gradient ----------------------------------------------------------------------

_batch = case_maker("w", "X", "y", "idx")

_X = floats([[1, 2], [0, 1], [3, -1], [2, 2], [-1, 0.5]])
_Y = floats([1, -2, 0.5, 3, 2])
_W = floats([0.5, -1])


def _linear_data(rng: np.random.Generator, n: int, d: int) -> tuple[Array, Array, Array]:
    return rng.normal(size=d), rng.normal(size=(n, d)), rng.normal(size=n)


def _batch_cases(rng: np.random.Generator) -> list[Case]:
    w, x, y = _linear_data(rng, 12, 3)
    scale = 10.0 ** floats([-4, 0, 3])
    return [
        _batch("four of twelve examples", w, x, y, rng.permutation(12)[:4]),
        _batch("inputs of very different size", w, x * scale, y, rng.permutation(12)[:5]),
        _batch("one weight", w[:1].copy(), x[:, :1].copy(), y, rng.permutation(12)[:6]),
    ]


def _batch_edge_cases(rng: np.random.Generator) -> list[Case]:
    w, x, y = _linear_data(rng, 9, 3)
    repeated = np.append(rng.permutation(9)[:3], [0, 0, 0])
    return [
        _batch("an example drawn several times", w, x, y, repeated),
        _batch("one example", w, x, y, rng.integers(0, 9, 1)),
        _batch("all examples, shuffled", w, x, y, rng.permutation(9)),
        _batch("targets met exactly", w, x, x @ w, rng.permutation(9)[:4]),
        _batch(
            "read-only and strided data",
            readonly(w),
            strided(x),
            readonly(y),
            rng.permutation(9)[:4],
        ),
        _batch("inputs stored by columns", w, column_major(x), y, rng.permutation(9)[:4]),
    ]


def _batch_singleton_cases(rng: np.random.Generator) -> list[Case]:
    w, x, y = _linear_data(rng, 6, 4)
    return _singletons(w, x, y)


def _singletons(w: Array, x: Array, y: Array) -> list[Case]:
    n = len(y)
    return [
        _batch("the full batch", w, x, y, np.arange(n)),
        *(_batch(f"example {i + 1} of {n} alone", w, x, y, np.array([i])) for i in range(n)),
    ]


def _whole_data_set(w, X, y, idx):
    return X.T @ (X @ w - y) / len(y)


def _sum_not_mean(w, X, y, idx):
    return X[idx].T @ (X[idx] @ w - y[idx])


def _factor_two(w, X, y, idx):
    return 2 * X[idx].T @ (X[idx] @ w - y[idx]) / len(idx)


def _divided_by_all(w, X, y, idx):
    return X[idx].T @ (X[idx] @ w - y[idx]) / len(y)


def _opposite_sign(w, X, y, idx):
    return X[idx].T @ (y[idx] - X[idx] @ w) / len(idx)


def _repeats_dropped(w, X, y, idx):
    batch = np.unique(idx)
    return X[batch].T @ (X[batch] @ w - y[batch]) / len(batch)


def _product_of_means(w, X, y, idx):
    return (X[idx] @ w - y[idx]).mean() * X[idx].mean(axis=0)


def _targets_not_indexed(w, X, y, idx):
    return X[idx].T @ (X[idx] @ w - y[: len(idx)]) / len(idx)


def _targets_forgotten(w, X, y, idx):
    return X[idx].T @ (X[idx] @ w) / len(idx)


_MINIBATCH = Exercise(
    "minibatch_gradient",
    title="The gradient of a minibatch",
    minutes=10,
    section="sgd.md#right-on-average",
    parameters=("w", "X", "y", "idx"),
    returns=("grad",),
    reference=reference.minibatch_gradient,
    checks=(
        Check(
            "a minibatch",
            2,
            [
                _batch("three of five examples", _W, _X, _Y, np.array([4, 0, 2])),
                _batch("two of five examples", _W, _X, _Y, np.array([1, 3])),
                _batch(
                    "inputs of very different size",
                    _W,
                    _X * floats([1e3, 1e-4]),
                    _Y,
                    np.array([3, 4, 1]),
                ),
            ],
            _batch_cases,
        ),
        Check(
            "unusual minibatches and memory layouts",
            1,
            [
                _batch("an example drawn twice", _W, _X, _Y, np.array([1, 2, 1])),
                _batch("one example", _W, _X, _Y, np.array([3])),
                _batch("all examples, shuffled", _W, _X, _Y, np.array([2, 0, 4, 3, 1])),
                _batch("targets met exactly", _W, _X, _X @ _W, np.array([0, 3])),
                _batch(
                    "read-only and strided data",
                    readonly(_W),
                    strided(_X),
                    readonly(_Y),
                    np.array([4, 1]),
                ),
            ],
            _batch_edge_cases,
        ),
        Check(
            "one-example gradients average to the full gradient",
            1,
            _singletons(_W, _X[:3], _Y[:3]),
            _batch_singleton_cases,
            relation="singletons_average_to_full",
        ),
    ),
    mistakes=(
        Mistake(
            "whole-data-set",
            "Your function uses all examples and ignores `idx`: take the rows X[idx] and the "
            "targets y[idx] only.",
            _whole_data_set,
        ),
        Mistake(
            "sum-not-mean",
            "Your function sums over the minibatch: divide by its size, so that the learning "
            "rate need not change with it.",
            _sum_not_mean,
        ),
        Mistake(
            "factor-two",
            "Your gradient is twice too large: the loss has a ½ before the square, which cancels "
            "the 2 of the derivative.",
            _factor_two,
        ),
        Mistake(
            "divided-by-all",
            "Your function divides by the number of all examples N: the mean goes over the |B| "
            "examples of the minibatch.",
            _divided_by_all,
        ),
        Mistake(
            "opposite-sign",
            "Your residual is y − x·w: the gradient of ½(x·w − y)² has (x·w − y), prediction minus "
            "target.",
            _opposite_sign,
        ),
        Mistake(
            "repeats-dropped",
            "Your function counts an example that was drawn twice only once: every entry of `idx` "
            "counts.",
            _repeats_dropped,
        ),
        Mistake(
            "product-of-means",
            "Your function multiplies the mean residual with the mean input: multiply each "
            "residual with its own input, then take the mean.",
            _product_of_means,
        ),
        Mistake(
            "targets-not-indexed",
            "Your function takes the rows X[idx] but the first |B| targets: take y[idx], the "
            "targets of the same examples.",
            _targets_not_indexed,
        ),
        Mistake(
            "targets-forgotten",
            "Your function forgets the targets: the residual is x·w − y.",
            _targets_forgotten,
        ),
    ),
)

# --- sgd_step --------------------------------------------------------------------------------

_sgd = case_maker("theta", "grad", "lr")


def _sgd_cases(rng: np.random.Generator) -> list[Case]:
    def rate() -> float:
        return float(10.0 ** rng.uniform(-3, 0))

    return [
        _sgd("an ordinary step", rng.normal(size=5), rng.normal(size=5), rate()),
        _sgd("gradients from 1e-8 to 1e3", rng.normal(size=16), spread(rng, 16), rate()),
        _sgd("a tiny gradient", np.zeros(3), rng.normal(size=3) * 1e-8, 100 * (1 + rate())),
        _sgd("gradient zero", rng.normal(size=4), np.zeros(4), rate()),
        _sgd("learning rate zero", rng.normal(size=4), rng.normal(size=4), 0.0),
    ]


def _sgd_layout_cases(rng: np.random.Generator) -> list[Case]:
    def values(*shape: int) -> Array:
        return np.asarray(rng.normal(size=shape))

    return [
        _sgd("a single number (0-d)", values(), values(), 0.3),
        _sgd("a 2-d array", values(3, 4), values(3, 4), 0.3),
        _sgd("a 3-d array", values(2, 3, 2), values(2, 3, 2), 0.3),
        _sgd("arrays that skip memory", strided(values(4)), strided(values(4)), 0.3),
        _sgd("arrays stored by columns", column_major(values(2, 3)), column_major(values(2, 3)), 3),
        _sgd("read-only arrays", readonly(values(3)), readonly(values(3)), 0.3),
    ]


def _sgd_trajectory_cases(rng: np.random.Generator) -> list[Case]:
    steps = [
        {"grad": rng.normal(size=3) * 10.0 ** rng.uniform(-2, 1), "lr": 0.5 / (t + 1)}
        for t in range(6)
    ]
    return [
        _sgd(
            "six steps, falling rate",
            rng.normal(size=3),
            np.zeros(3),
            0.0,
            steps=steps,
            feedback=("theta",),
        )
    ]


def _uphill(theta, grad, lr):
    return theta + lr * grad


def _in_place(theta, grad, lr):
    theta -= lr * grad
    return theta


def _normalized(theta, grad, lr):
    return theta - lr * grad / np.linalg.norm(grad)


def _rate_twice(theta, grad, lr):
    return theta - lr * lr * grad


def _no_rate(theta, grad, lr):
    return theta - grad


def _only_the_step(theta, grad, lr):
    return lr * grad


def _sign_only(theta, grad, lr):
    return theta - lr * np.sign(grad)


_SGD_STEP = Exercise(
    "sgd_step",
    title="One step of SGD",
    minutes=5,
    section="sgd.md#the-rule",
    parameters=("theta", "grad", "lr"),
    returns=("theta",),
    reference=reference.sgd_step,
    checks=(
        Check(
            "one step",
            2,
            [
                _sgd("two parameters", floats([1, -2]), floats([0.5, -4]), 0.1),
                _sgd(
                    "gradients from 0 to 1000",
                    floats([1, 2, 3, 4, 5]),
                    floats([0, 1e-8, -1, 30, 1e3]),
                    0.02,
                ),
                _sgd("a tiny gradient", np.zeros(2), floats([1e-8, -3e-8]), 200.0),
                _sgd("gradient zero", floats([3, -1]), np.zeros(2), 0.1),
                _sgd("learning rate zero", floats([3, -1]), floats([2, 5]), 0.0),
            ],
            _sgd_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _sgd("a single number (0-d)", floats(2.0), floats(-0.5), 0.2),
                _sgd("a 2-d array", floats([[1, 2], [3, 4]]), floats([[0, 1], [-1, 2]]), 0.2),
                _sgd("a 3-d array", np.ones((2, 1, 2)), floats([[[1, 2]], [[3, 4]]]), 0.2),
                _sgd("arrays that skip memory", strided([1, 2, 3]), strided([3, 2, 1]), 0.2),
                _sgd("read-only arrays", readonly([1, 2]), readonly([0.5, -0.5]), 0.2),
            ],
            _sgd_layout_cases,
        ),
        Check(
            "several steps, changing rate",
            1,
            [
                _sgd(
                    "three steps, falling rate",
                    floats([1, -1]),
                    np.zeros(2),
                    0.0,
                    steps=[
                        {"grad": floats([2, 1]), "lr": 0.5},
                        {"grad": floats([-1, 3]), "lr": 0.25},
                        {"grad": floats([0.5, 10]), "lr": 0.125},
                    ],
                    feedback=["theta"],
                )
            ],
            _sgd_trajectory_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "uphill",
            "Your step adds αg and so climbs (one of the lecture's slides has this sign wrong): "
            "the course subtracts, θ ← θ − αg.",
            _uphill,
        ),
        Mistake(
            "in-place",
            "Your function changes `theta` in place (`-=` does that to arrays): compute "
            "`theta - lr * grad`, which is a new array.",
            _in_place,
        ),
        Mistake(
            "normalized",
            "Your step divides the gradient by its norm, so every step is equally long, and a "
            "zero gradient gives NaN: use the gradient as it is.",
            _normalized,
        ),
        Mistake(
            "rate-twice",
            "Your step multiplies by the learning rate twice: once is enough, θ ← θ − αg.",
            _rate_twice,
        ),
        Mistake(
            "no-rate",
            "Your step ignores the learning rate: multiply the gradient by `lr`.",
            _no_rate,
        ),
        Mistake(
            "only-the-step",
            "Your function returns the step αg alone: return the new parameters θ − αg.",
            _only_the_step,
        ),
        Mistake(
            "sign-only",
            "Your step uses the sign of the gradient only: that is the Manhattan rule of a later "
            "chapter; SGD uses the gradient itself.",
            _sign_only,
        ),
    ),
)

# --- linear_decay ----------------------------------------------------------------------------

_decay = case_maker("k", "lr_start", "lr_end", "tau")


def _decay_cases(rng: np.random.Generator) -> list[Case]:
    start = float(rng.uniform(0.1, 1))
    end = start * float(rng.uniform(0.01, 0.2))
    tau = int(rng.integers(50, 200))
    return [
        _decay("the first update", 0, start, end, tau),
        _decay("the second update", 1, start, end, tau),
        _decay("on the way", int(rng.integers(2, tau - 1)), start, end, tau),
        _decay("the last update of the decay", tau - 1, start, end, tau),
        _decay("down to zero", int(rng.integers(2, tau - 1)), start, 0.0, tau),
        _decay("tiny rates", int(rng.integers(2, tau - 1)), 1e-3, 1e-5, tau),
    ]


def _decay_tail_cases(rng: np.random.Generator) -> list[Case]:
    start = float(rng.uniform(0.1, 1))
    end = start * float(rng.uniform(0.05, 0.2))
    tau = int(rng.integers(50, 200))
    return [
        _decay("when the decay ends", tau, start, end, tau),
        _decay("one update later", tau + 1, start, end, tau),
        _decay("long after", tau * int(rng.integers(3, 50)), start, end, tau),
        _decay("a decay of a single update", 1, start, end, 1),
    ]


def _decay_rising_cases(rng: np.random.Generator) -> list[Case]:
    start = float(rng.uniform(0.001, 0.1))
    end = start * float(rng.uniform(2, 10))
    tau = int(rng.integers(20, 60))
    return [
        _decay("warm-up, on the way", int(rng.integers(2, tau - 1)), start, end, tau),
        _decay("warm-up from zero", int(rng.integers(2, tau - 1)), 0.0, end, tau),
        _decay("warm-up, after the end", 2 * tau, start, end, tau),
        _decay("equal rates", int(rng.integers(2, tau - 1)), start, start, tau),
    ]


def _never_constant(k, lr_start, lr_end, tau):
    return (1 - k / tau) * lr_start + k / tau * lr_end


def _ends_swapped(k, lr_start, lr_end, tau):
    fraction = min(k / tau, 1)
    return fraction * lr_start + (1 - fraction) * lr_end


def _down_to_zero(k, lr_start, lr_end, tau):
    return lr_start * (1 - min(k / tau, 1))


def _zero_after(k, lr_start, lr_end, tau):
    if k >= tau:
        return 0.0
    return (1 - k / tau) * lr_start + k / tau * lr_end


def _start_after(k, lr_start, lr_end, tau):
    if k >= tau:
        return lr_start
    return (1 - k / tau) * lr_start + k / tau * lr_end


def _integer_division(k, lr_start, lr_end, tau):
    fraction = min(k // tau, 1)
    return (1 - fraction) * lr_start + fraction * lr_end


def _exponential(k, lr_start, lr_end, tau):
    return lr_start * (lr_end / lr_start) ** min(k / tau, 1)


def _ends_added(k, lr_start, lr_end, tau):
    fraction = min(k / tau, 1)
    return (1 - fraction) * lr_start + lr_end


def _one_too_early(k, lr_start, lr_end, tau):
    if k >= tau - 1:
        return lr_end
    fraction = k / (tau - 1)
    return (1 - fraction) * lr_start + fraction * lr_end


_LINEAR_DECAY = Exercise(
    "linear_decay",
    title="A falling learning rate",
    minutes=10,
    section="sgd.md#schedules-how-the-rate-should-fall",
    parameters=("k", "lr_start", "lr_end", "tau"),
    returns=("lr",),
    reference=reference.linear_decay,
    checks=(
        Check(
            "during the decay",
            2,
            [
                _decay("the first update", 0, 0.5, 0.005, 100),
                _decay("a quarter of the way", 25, 0.5, 0.005, 100),
                _decay("the last update of the decay", 99, 0.5, 0.005, 100),
                _decay("down to zero", 3, 0.8, 0.0, 12),
            ],
            _decay_cases,
        ),
        Check(
            "after the decay",
            1,
            [
                _decay("when the decay ends", 100, 0.5, 0.005, 100),
                _decay("one update later", 101, 0.5, 0.005, 100),
                _decay("long after", 2500, 0.5, 0.005, 100),
            ],
            _decay_tail_cases,
        ),
        Check(
            "rising rates",
            1,
            [
                _decay("warm-up, half-way", 10, 0.01, 0.1, 20),
                _decay("warm-up from zero", 5, 0.0, 0.1, 20),
                _decay("warm-up, after the end", 30, 0.01, 0.1, 20),
                _decay("equal rates", 7, 0.1, 0.1, 20),
            ],
            _decay_rising_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "never-constant",
            "Your rate keeps falling after τ and becomes negative: from k = τ on it is constant, "
            "α_τ.",
            _never_constant,
        ),
        Mistake(
            "ends-swapped",
            "Your schedule has the two rates swapped: it should start at `lr_start` and end at "
            "`lr_end`.",
            _ends_swapped,
        ),
        Mistake(
            "down-to-zero",
            "Your schedule falls to zero and ignores `lr_end`: add (k/τ)·α_τ.",
            _down_to_zero,
        ),
        Mistake(
            "zero-after",
            "Your schedule stops training after τ with a rate of 0: the rate stays at α_τ.",
            _zero_after,
        ),
        Mistake(
            "start-after",
            "Your schedule jumps back to the first rate after τ: it stays at α_τ.",
            _start_after,
        ),
        Mistake(
            "integer-division",
            "Your fraction k // τ is cut to a whole number and stays 0 until τ: divide with `/`.",
            _integer_division,
        ),
        Mistake(
            "exponential",
            "Your schedule is the exponential one, α_0 (α_τ/α_0)^(k/τ): this exercise asks for a "
            "straight line.",
            _exponential,
        ),
        Mistake(
            "ends-added",
            "Your schedule adds the whole of α_τ from the start: weigh it with k/τ.",
            _ends_added,
        ),
        Mistake(
            "one-too-early",
            "Your schedule reaches α_τ at k = τ − 1, one update too early: the fraction is k/τ.",
            _one_too_early,
        ),
    ),
)

# --- clip_by_norm ----------------------------------------------------------------------------

_clip = case_maker("grad", "max_norm")


def _of_norm(rng: np.random.Generator, norm: float, *shape: int) -> Array:
    values = rng.normal(size=shape)
    return np.asarray(values * (norm / np.linalg.norm(values)))


def _clip_long_cases(rng: np.random.Generator) -> list[Case]:
    limit = float(rng.uniform(0.5, 2))
    return [
        _clip("a bit too long", _of_norm(rng, 1.3 * limit, 3), limit),
        _clip("much too long", _of_norm(rng, 1e3, 5), limit),
        _clip("a small limit", _of_norm(rng, 0.02, 4), 0.01),
        _clip("entries of very different size", _of_norm(rng, 5, 3) * [1, 1e-6, 30], 0.5),
    ]


def _clip_short_cases(rng: np.random.Generator) -> list[Case]:
    limit = float(rng.uniform(0.5, 2))
    return [
        _clip("short enough", _of_norm(rng, 0.7 * limit, 3), limit),
        _clip("just short enough", _of_norm(rng, (1 - 1e-7) * limit, 3), limit),
        _clip("a tiny gradient", _of_norm(rng, 1e-8, 3), limit),
        _clip("gradient zero", np.zeros(3), limit),
    ]


def _clip_layout_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _clip("a single number (0-d)", floats(-rng.uniform(2, 3)), 1.5),
        _clip("a 2-d array", _of_norm(rng, 4, 3, 4), 1.5),
        _clip("a 3-d array", _of_norm(rng, 4, 2, 3, 2), 1.5),
        _clip("an array that skips memory", strided(_of_norm(rng, 4, 3, 2)), 1.5),
        _clip("an array stored by columns", column_major(_of_norm(rng, 4, 3, 2)), 1.5),
        _clip("a read-only array", readonly(_of_norm(rng, 4, 3)), 1.5),
    ]


def _clip_relation_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _clip("a long gradient", _of_norm(rng, 2, 4), 0.3),
        _clip("a short gradient", _of_norm(rng, 0.2, 4), 0.3),
        _clip("a 2-d gradient", _of_norm(rng, 0.7, 2, 3), 0.3),
        _clip("gradient zero", np.zeros(4), 0.3),
    ]


def _elementwise(grad, max_norm):
    return np.clip(grad, -max_norm, max_norm)


def _always_rescaled(grad, max_norm):
    return grad * max_norm / np.linalg.norm(grad)


def _rescaled_unless_zero(grad, max_norm):
    norm = np.linalg.norm(grad)
    if norm == 0:
        return grad
    return grad * max_norm / norm


def _squared_norm(grad, max_norm):
    norm = np.sum(grad**2)
    if norm > max_norm:
        return grad * max_norm / norm
    return grad


def _torch_epsilon(grad, max_norm):
    return grad * min(1.0, max_norm / (np.linalg.norm(grad) + 1e-6))


def _largest_entry(grad, max_norm):
    norm = np.max(np.abs(grad))
    if norm > max_norm:
        return grad * max_norm / norm
    return grad


def _sum_of_sizes(grad, max_norm):
    norm = np.sum(np.abs(grad))
    if norm > max_norm:
        return grad * max_norm / norm
    return grad


def _unit_norm(grad, max_norm):
    norm = np.linalg.norm(grad)
    if norm > max_norm:
        return grad / norm
    return grad


def _spectral_norm(grad, max_norm):
    norm = np.linalg.norm(grad, 2)
    if norm > max_norm:
        return grad * max_norm / norm
    return grad


def _clip_in_place(grad, max_norm):
    norm = np.linalg.norm(grad)
    if norm > max_norm:
        grad *= max_norm / norm
    return grad


_CLIP_BY_NORM = Exercise(
    "clip_by_norm",
    title="Gradient clipping",
    minutes=10,
    section="sgd.md#cliffs-and-clipping",
    parameters=("grad", "max_norm"),
    returns=("grad",),
    reference=reference.clip_by_norm,
    checks=(
        Check(
            "long gradients",
            2,
            [
                _clip("norm 5, limit 1", floats([3, 4]), 1.0),
                _clip("norm 5, limit 2", floats([3, -4]), 2.0),
                _clip("a small limit", floats([0.03, 0.04]), 0.01),
                _clip("entries of very different size", floats([1e3, 1e-3, -2]), 0.5),
            ],
            _clip_long_cases,
        ),
        Check(
            "short and zero gradients",
            1,
            [
                _clip("short enough", floats([0.3, 0.4]), 1.0),
                _clip("exactly long enough", floats([3, 4]), 5.0),
                _clip("a tiny gradient", floats([1e-8, 0]), 1.0),
                _clip("gradient zero", np.zeros(3), 1.0),
            ],
            _clip_short_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _clip("a single number (0-d)", floats(-4.0), 1.5),
                _clip("a 2-d array", floats([[1, 2], [2, 4]]), 2.5),
                _clip("a 3-d array", floats([[[1, 2]], [[2, 4]]]), 2.5),
                _clip("an array that skips memory", strided([[1, 2], [2, 4]]), 2.5),
                _clip("a read-only array", readonly([6, 8]), 5.0),
            ],
            _clip_layout_cases,
        ),
        Check(
            "norm and direction",
            1,
            [
                _clip("a long gradient", floats([1.2, -1.6]), 0.5),
                _clip("a short gradient", floats([0.1, 0.2]), 0.5),
                _clip("a 2-d gradient", floats([[0.6, 0], [0, 0.8]]), 0.5),
                _clip("gradient zero", np.zeros(2), 0.5),
            ],
            _clip_relation_cases,
            relation="clipped",
        ),
    ),
    mistakes=(
        Mistake(
            "elementwise",
            "Your function clips every entry by itself, which turns the gradient to another "
            "direction: scale the whole gradient by max_norm / ‖g‖.",
            _elementwise,
        ),
        Mistake(
            "always-rescaled",
            "Your function rescales every gradient to `max_norm`, also the short ones, and zero "
            "becomes NaN: leave it as it is if ‖g‖ ≤ max_norm.",
            _always_rescaled,
        ),
        Mistake(
            "short-ones-stretched",
            "Your function stretches short gradients to `max_norm`: leave them as they are if "
            "‖g‖ ≤ max_norm.",
            _rescaled_unless_zero,
        ),
        Mistake(
            "squared-norm",
            "Your function uses the sum of squares, which is ‖g‖² (one of the lectures prints it "
            "as the norm): take its square root.",
            _squared_norm,
        ),
        Mistake(
            "torch-epsilon",
            "Your function adds 1e-6 to the norm: that is the convention of torch's "
            "clip_grad_norm_; the course divides by ‖g‖ itself, and only if it is too long.",
            _torch_epsilon,
        ),
        Mistake(
            "largest-entry",
            "Your function uses the largest entry as the norm (the ∞-norm): ‖g‖ is the root of "
            "the sum of squares.",
            _largest_entry,
        ),
        Mistake(
            "sum-of-sizes",
            "Your function uses the sum of absolute values as the norm (the 1-norm): ‖g‖ is the "
            "root of the sum of squares.",
            _sum_of_sizes,
        ),
        Mistake(
            "unit-norm",
            "Your function shortens long gradients to norm 1: they should have norm `max_norm`.",
            _unit_norm,
        ),
        Mistake(
            "spectral-norm",
            "Your function uses np.linalg.norm(grad, 2), which for matrices is the largest "
            "singular value: np.linalg.norm(grad) takes all entries of any shape.",
            _spectral_norm,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad` in place (`*=` does that to arrays): compute a new "
            "array.",
            _clip_in_place,
        ),
    ),
)

# --- condition_number ------------------------------------------------------------------------

_condition = case_maker("H")


def _diagonal_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _condition("a diagonal matrix", np.diag(rng.uniform(0.5, 20, 3))),
        _condition("badly conditioned", np.diag(rng.permutation(np.geomspace(1e-3, 1e3, 4)))),
        _condition("a multiple of the identity", np.eye(3) * rng.uniform(2, 5)),
        _condition("one by one", floats([[rng.uniform(2, 5)]])),
    ]


def _matrix_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _condition("two by two", positive_definite(rng, 2, 7)),
        _condition("five by five", positive_definite(rng, 5, 40)),
        _condition("badly conditioned", positive_definite(rng, 4, 1e5)),
        _condition("a read-only matrix", readonly(positive_definite(rng, 3, 9))),
        _condition("a matrix that skips memory", strided(positive_definite(rng, 3, 9))),
        _condition("small entries", positive_definite(rng, 3, 9) * 1e-6),
    ]


def _scaling_cases(rng: np.random.Generator) -> list[Case]:
    small, large = positive_definite(rng, 3, 12), positive_definite(rng, 4, 60)
    return [
        _condition("a matrix", small),
        _condition("a multiple of it", small * rng.uniform(3, 9)),
        _condition("another matrix", large),
        _condition("a small multiple of it", large * 1e-3),
    ]


def _inverse_ratio(H):
    eigenvalues = np.linalg.eigvalsh(H)
    return eigenvalues[0] / eigenvalues[-1]


def _ratio_of_diagonal(H):
    return np.diag(H).max() / np.diag(H).min()


def _ratio_of_entries(H):
    return np.abs(H).max() / np.abs(H).min()


def _frobenius(H):
    return np.linalg.norm(H) * np.linalg.norm(np.linalg.inv(H))


def _one_norm(H):
    return np.linalg.cond(H, 1)


def _determinant(H):
    return np.linalg.det(H)


def _largest_eigenvalue(H):
    return np.linalg.eigvalsh(H)[-1]


def _difference_of_eigenvalues(H):
    eigenvalues = np.linalg.eigvalsh(H)
    return eigenvalues[-1] - eigenvalues[0]


def _root_of_ratio(H):
    eigenvalues = np.linalg.eigvalsh(H)
    return np.sqrt(eigenvalues[-1] / eigenvalues[0])


def _squared_ratio(H):
    eigenvalues = np.linalg.eigvalsh(H.T @ H)
    return eigenvalues[-1] / eigenvalues[0]


_CONDITION_NUMBER = Exercise(
    "condition_number",
    title="The condition number",
    minutes=10,
    section="learning-as-optimization.md#condition-number",
    parameters=("H",),
    returns=("kappa",),
    reference=reference.condition_number,
    checks=(
        Check(
            "diagonal matrices",
            1,
            [
                _condition("a diagonal matrix", np.diag([2.0, 10.0])),
                _condition("badly conditioned", np.diag([1.0, 1e3, 1e-2])),
                _condition("the identity", np.eye(3)),
                _condition("one by one", floats([[4]])),
            ],
            _diagonal_cases,
        ),
        Check(
            "symmetric matrices",
            2,
            [
                _condition("equal diagonal entries", floats([[2, 1], [1, 2]])),
                _condition("three by three", floats([[4, 1, 0], [1, 3, -1], [0, -1, 2]])),
                _condition("a negative coupling", floats([[5, -3], [-3, 2]])),
                _condition("a read-only matrix", readonly([[5, 1], [1, 2]])),
                _condition("a matrix that skips memory", strided([[5, 1], [1, 2]])),
            ],
            _matrix_cases,
        ),
        Check(
            "scaling the matrix",
            1,
            [
                _condition("a matrix", floats([[3, 1], [1, 2]])),
                _condition("seven times it", floats([[21, 7], [7, 14]])),
            ],
            _scaling_cases,
            relation="scale_invariant",
        ),
    ),
    mistakes=(
        Mistake(
            "inverse-ratio",
            "Your result is λ_min/λ_max, at most 1: the condition number is λ_max/λ_min, at "
            "least 1. (eigvalsh returns the smallest eigenvalue first.)",
            _inverse_ratio,
        ),
        Mistake(
            "ratio-of-diagonal",
            "Your function compares diagonal entries, which are the eigenvalues of diagonal "
            "matrices only: compute the eigenvalues.",
            _ratio_of_diagonal,
        ),
        Mistake(
            "ratio-of-entries",
            "Your function compares entries of the matrix: the condition number is a ratio of "
            "eigenvalues.",
            _ratio_of_entries,
        ),
        Mistake(
            "frobenius",
            "Your function multiplies the Frobenius norms of H and its inverse: with the "
            "2-norm, which the course means, κ = λ_max/λ_min.",
            _frobenius,
        ),
        Mistake(
            "one-norm",
            "Your function is the condition number in the 1-norm: the course uses the 2-norm, "
            "in which κ = λ_max/λ_min.",
            _one_norm,
        ),
        Mistake(
            "determinant",
            "Your function returns the determinant, which changes when H is scaled: take the "
            "ratio of the largest and the smallest eigenvalue.",
            _determinant,
        ),
        Mistake(
            "largest-eigenvalue",
            "Your function returns λ_max alone: divide it by λ_min.",
            _largest_eigenvalue,
        ),
        Mistake(
            "difference-of-eigenvalues",
            "Your function subtracts the smallest eigenvalue from the largest: divide instead.",
            _difference_of_eigenvalues,
        ),
        Mistake(
            "root-of-ratio",
            "Your function takes the root of λ_max/λ_min: singular values of a matrix need a "
            "root of eigenvalues of HᵀH, the eigenvalues of H itself do not.",
            _root_of_ratio,
        ),
        Mistake(
            "squared-ratio",
            "Your function uses eigenvalues of HᵀH, which are squares: the result is κ². Use H.",
            _squared_ratio,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps01-sgd",
    title="Gradient descent and SGD",
    exercises=(
        _SOFTMAX,
        _MINIBATCH,
        _SGD_STEP,
        _LINEAR_DECAY,
        _CLIP_BY_NORM,
        _CONDITION_NUMBER,
    ),
    written=(Written("batch_size_and_rate", 4),),
)
