"""Softmax and cross-entropy."""

from collections.abc import Callable

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, column_major, readonly, strided

case = case_maker("logits", "labels")


def drawn(
    rng: Rng, n: int, k: int, put: Callable[[Array], Array] = np.asarray
) -> tuple[Array, Array]:
    return put(rng.normal(0, 2, (n, k))), rng.integers(0, k, n)


def extreme(rng: Rng) -> list[Case]:
    far = rng.choice([-1e4, 1e4], (4, 3)) + rng.normal(0, 3, (4, 3))
    one_up = rng.normal(0, 1, (3, 4))
    one_up[np.arange(3), [0, 1, 2]] += 1e4
    return [
        case("logits of about ±10,000", far, rng.integers(0, 3, 4)),
        case("the right class is certain", one_up, np.array([0, 1, 2])),
        case("a wrong class is certain", one_up, np.array([3, 3, 3])),
        case("all logits very negative", rng.normal(-9000, 2, (3, 3)), rng.integers(0, 3, 3)),
        case("all logits very large", rng.normal(9000, 2, (3, 3)), rng.integers(0, 3, 3)),
    ]


def shifted(rng: Rng, size: float, label: str) -> list[Case]:
    logits, labels = drawn(rng, 4, 3)
    shift = size * rng.uniform(0.5, 1.5, (4, 1)) * rng.choice([-1.0, 1.0], (4, 1))
    return [case(f"before {label}", logits, labels), case(f"after {label}", logits + shift, labels)]


@mistake
def no_max_subtracted(logits, labels):
    """Your function takes exp() of the logits as they are, which overflows above 709: subtract the
    largest logit of each row first, the result stays the same."""
    n = len(logits)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), labels]).mean()
    grad = p.copy()
    grad[np.arange(n), labels] -= 1
    return loss, grad / n


@mistake
def mean_over_classes(logits, labels):
    """Your function averages over all n·k entries: the mean goes over the n examples only."""
    n, k = logits.shape
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    one_hot = np.eye(k)[labels]
    return -(one_hot * log_p).mean(), (np.exp(log_p) - one_hot) / (n * k)


@mistake
def likelihood_sign(logits, labels):
    """Your function returns the mean log-likelihood, which is to be maximized: the loss is its
    negative, and so is the gradient."""
    n, k = logits.shape
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    one_hot = np.eye(k)[labels]
    return (one_hot * log_p).sum() / n, (one_hot - np.exp(log_p)) / n


@mistake
def softmax_over_batch(logits, labels):
    """Your softmax normalizes each class over the batch (axis 0): probabilities sum to one over the
    classes of an example (axis 1)."""
    n, k = logits.shape
    z = logits - logits.max(axis=0)
    log_p = z - np.log(np.exp(z).sum(axis=0))
    one_hot = np.eye(k)[labels]
    return -(one_hot * log_p).sum() / n, (np.exp(log_p) - one_hot) / n


EXERCISE = Exercise(
    "softmax_cross_entropy",
    title="Softmax and cross-entropy",
    minutes=20,
    section="learning-as-optimization.md#overflow",
    parameters=("logits", "labels"),
    returns=("loss", "grad"),
    reference=reference.softmax_cross_entropy,
    checks={
        "ordinary logits": Check(
            points=2,
            public=[
                case("two examples", [[1, 2, 3], [0, 0, 0]], np.array([2, 0])),
                case("one example", [[0.5, -1.5, 2.0, 0.0]], np.array([1])),
                case(
                    "two classes", [[0, 1], [2, -1], [-0.5, 0.25], [3, 3]], np.array([0, 0, 1, 1])
                ),
                case("read-only logits", readonly([[1, -2, 0.5], [2, 1, 0]]), np.array([1, 2])),
                case("logits that skip memory", strided([[1, -1, 2], [0, 3, 1]]), np.array([0, 1])),
            ],
            held_out=lambda rng: [
                case("a batch", *drawn(rng, 6, 4)),
                case("one example", *drawn(rng, 1, 5)),
                case("two classes", *drawn(rng, 7, 2)),
                case("read-only logits", *drawn(rng, 3, 4, readonly)),
                case("logits that skip memory", *drawn(rng, 4, 3, strided)),
                case("logits stored by columns", *drawn(rng, 5, 3, column_major)),
            ],
        ),
        "extreme logits": Check(
            points=2,
            public=[
                case("logits of ±10,000", [[1e4, 0, -1e4], [-1e4, 0, 1e4]], np.array([0, 0])),
                case("two rows, two classes", [[1e4, 0], [0, 2e4]], np.array([0, 1])),
                case("all logits very large", [[1e4, 1e4 + 1, 1e4 + 2]], np.array([0])),
                case("all logits very negative", [[-1e4, -1e4 - 1]], np.array([1])),
            ],
            held_out=extreme,
        ),
        "shift invariance": Check(
            points=1,
            public=[
                case("before the shift", [[1, 2, 0], [3, 0, 1]], np.array([1, 2])),
                case("after the shift", [[1001, 1002, 1000], [-2, -5, -4]], np.array([1, 2])),
            ],
            held_out=lambda rng: [
                *shifted(rng, 3.0, "a small shift"),
                *shifted(rng, 2000.0, "a large shift"),
            ],
            relation="shift_invariant",
        ),
        "gradient rows sum to zero": Check(
            points=1,
            public=[case("three classes", [[1, 2, 3], [0, 4, 0], [1, 1, 0]], np.array([0, 1, 2]))],
            held_out=lambda rng: [
                case("a batch", *drawn(rng, 5, 4)),
                case("many classes", rng.normal(0, 1, (3, 12)), rng.integers(0, 12, 3)),
            ],
            relation="gradient_rows_sum_to_zero",
        ),
    },
    mistakes={
        "no-max-subtracted": no_max_subtracted,
        "log-of-zero": edit(
            "Your function takes the logarithm of a probability that has been rounded to 0: "
            "compute log p = z − log Σ exp z directly instead of log(exp z / Σ exp z).",
            (
                "log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))",
                "p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)",
            ),
            ("log_p[np.arange(n), labels]", "np.log(p[np.arange(n), labels])"),
            ("np.exp(log_p)", "p.copy()"),
        ),
        "log-with-epsilon": edit(
            "Your function adds about 1e-12 inside the logarithm, so no loss can exceed 27.6: "
            "log p = z − log Σ exp z needs no such guard and is exact.",
            (
                "log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))",
                "p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)",
            ),
            ("log_p[np.arange(n), labels]", "np.log(p[np.arange(n), labels] + 1e-12)"),
            ("np.exp(log_p)", "p.copy()"),
        ),
        "sum-over-batch": edit(
            "Your function sums over the batch: the course takes the mean, so that loss and "
            "gradient do not grow with the size of the batch.",
            (".mean()", ".sum()"),
            ("grad / n", "grad"),
        ),
        "gradient-of-sum": edit(
            "Your loss is the mean over the batch, but your gradient is that of the sum: "
            "divide it by the number of examples n, too.",
            ("grad / n", "grad"),
        ),
        "no-one-hot": edit(
            "Your gradient is p / n: subtract 1 from the probability of the right class first, "
            "(p − one-hot) / n.",
            ("    grad[np.arange(n), labels] -= 1\n", ""),
        ),
        "labels-of-all-rows": edit(
            "Your function takes from each row the entries of all labels (a slice `:` beside an "
            "array of labels does that): each row has its own label, so number the rows, too.",
            ("log_p[np.arange(n), labels]", "log_p[:, labels]"),
            ("grad[np.arange(n), labels]", "grad[:, labels]"),
            others=[[("log_p[np.arange(n), labels]", "log_p[:, labels]")]],
        ),
        "other-order": edit(
            "Your function returns (grad, loss): the loss comes first.",
            ("loss, grad / n", "grad / n, loss"),
        ),
        "mean-over-classes": mean_over_classes,
        "likelihood-sign": likelihood_sign,
        "softmax-over-batch": softmax_over_batch,
    },
)
