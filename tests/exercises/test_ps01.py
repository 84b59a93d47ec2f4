"""Problem set 1: correct solutions in other styles score full, and half-right earns half."""

import math

import numpy as np
import pytest

NAME = "ps01-sgd"


def softmax_in_loops(logits, labels):
    n, k = len(logits), len(logits[0])
    total, grad = 0.0, [[0.0] * k for _ in range(n)]
    for i in range(n):
        top = max(float(z) for z in logits[i])
        log_sum = top + math.log(sum(math.exp(float(z) - top) for z in logits[i]))
        total += log_sum - float(logits[i][labels[i]])
        for j in range(k):
            p = math.exp(float(logits[i][j]) - log_sum)
            grad[i][j] = (p - (1 if j == labels[i] else 0)) / n
    return [total / n, grad]


def softmax_by_logaddexp(logits, labels):
    n = logits.shape[0]
    log_sum = np.logaddexp.reduce(logits, axis=1)
    loss = np.mean(log_sum - np.take_along_axis(logits, labels[:, None], 1)[:, 0])
    grad = np.exp(logits - log_sum[:, None])
    grad[np.arange(n), labels] -= 1.0
    grad /= n
    return float(loss), grad


def softmax_with_global_maximum_of_rows(logits, labels):
    top = np.amax(logits, axis=-1)
    e = np.exp((logits.T - top).T)
    sums = np.einsum("ij->i", e)
    rows = np.arange(len(labels))
    loss = np.array([np.average(np.log(sums) + top - logits[rows, labels])])
    hot = (labels[:, None] == np.arange(logits.shape[1])).astype(float)
    return np.asarray(loss), (e / sums[:, None] - hot) * (1 / len(labels))


def minibatch_in_loops(w, X, y, idx):
    grad = [0.0] * len(w)
    for i in idx:
        error = sum(float(X[i][j]) * float(w[j]) for j in range(len(w))) - float(y[i])
        for j in range(len(w)):
            grad[j] += error * float(X[i][j]) / len(idx)
    return grad


def minibatch_by_einsum(w, X, y, idx):
    rows, targets = np.take(X, idx, axis=0), np.take(y, idx)
    quadratic = np.einsum("bi,bj,j->i", rows, rows, w)
    return (quadratic - np.einsum("bi,b->i", rows, targets)) / np.size(idx)


def minibatch_as_a_mean_of_outer_products(w, X, y, idx):
    return np.mean([(X[i].dot(w) - y[i]) * X[i] for i in idx.tolist()], axis=0)


def sgd_in_loops(theta, grad, lr):
    flat = [float(t) - lr * float(g) for t, g in zip(np.ravel(theta), np.ravel(grad), strict=True)]
    return np.array(flat).reshape(np.shape(theta)).tolist()


def sgd_by_ufuncs(theta, grad, lr):
    new = np.array(theta, dtype=np.float64, copy=True)
    new += np.multiply(grad, -lr)
    return new


def sgd_from_the_other_side(theta, grad, lr):
    return -(np.float64(lr) * grad - theta)


def decay_with_clip(k, lr_start, lr_end, tau):
    return np.float64(lr_start + (lr_end - lr_start) * np.clip(k / tau, 0, 1))


def decay_by_interp(k, lr_start, lr_end, tau):
    return np.interp(k, [0, tau], [lr_start, lr_end])


def decay_with_an_if(k, lr_start, lr_end, tau):
    if k < tau:
        return [((tau - k) * lr_start + k * lr_end) / tau]
    return np.array(lr_end)


def clip_by_scale(grad, max_norm):
    norm = np.linalg.norm(grad)
    return grad * min(1.0, max_norm / norm) if norm > 0 else np.zeros_like(grad)


def clip_by_division(grad, max_norm):
    return grad / max(1.0, np.linalg.norm(grad) / max_norm)


def clip_in_loops(grad, max_norm):
    norm = math.sqrt(math.fsum(float(g) ** 2 for g in np.ravel(grad)))
    if norm <= max_norm:
        return np.asarray(grad).tolist()
    return np.reshape([float(g) * max_norm / norm for g in np.ravel(grad)], np.shape(grad)).tolist()


def condition_by_singular_values(H):
    s = np.linalg.svd(H, compute_uv=False)
    return float(s[0] / s[-1])


def condition_by_numpy(H):
    return np.linalg.cond(H)


def condition_by_the_inverse(H):
    return [np.linalg.norm(H, 2) * np.linalg.norm(np.linalg.inv(H), 2)]


CORRECT = {
    "softmax_cross_entropy": [
        softmax_in_loops,
        softmax_by_logaddexp,
        softmax_with_global_maximum_of_rows,
    ],
    "minibatch_gradient": [
        minibatch_in_loops,
        minibatch_by_einsum,
        minibatch_as_a_mean_of_outer_products,
    ],
    "sgd_step": [sgd_in_loops, sgd_by_ufuncs, sgd_from_the_other_side],
    "linear_decay": [decay_with_clip, decay_by_interp, decay_with_an_if],
    "clip_by_norm": [clip_by_scale, clip_by_division, clip_in_loops],
    "condition_number": [
        condition_by_singular_values,
        condition_by_numpy,
        condition_by_the_inverse,
    ],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_an_unstable_softmax_earns_the_ordinary_logits(judged):
    def naive(logits, labels):
        p = np.exp(logits)
        p = p / p.sum(axis=1, keepdims=True)
        hot = np.eye(logits.shape[1])[labels]
        return -np.log((p * hot).sum(axis=1)).mean(), (p - hot) / len(labels)

    results = judged("softmax_cross_entropy", naive)
    assert "ordinary logits" in results.passed
    assert "extreme logits" not in results.passed
    assert results.named == {"no-max-subtracted"}


def test_the_ratio_of_the_diagonal_earns_the_diagonal_matrices(judged):
    results = judged("condition_number", lambda H: max(np.diag(H)) / min(np.diag(H)))
    assert results.passed == {"diagonal matrices"}


def test_a_decay_that_goes_on_earns_the_decay(judged):
    results = judged("linear_decay", lambda k, a, b, tau: a + (b - a) * k / tau)
    assert results.passed == {"during the decay"}
    assert all("negative" in r.message for r in results if not r.passed)


def test_clipping_that_forgets_short_gradients_earns_the_long_ones(judged):
    results = judged("clip_by_norm", lambda g, m: g * (m / max(np.linalg.norm(g), 1e-300)))
    assert "long gradients" in results.passed
    assert "short and zero gradients" not in results.passed


def test_float32_is_named(judged):
    results = judged("condition_number", lambda H: np.linalg.cond(H.astype(np.float32)))
    assert any("float32" in r.message for r in results)


def test_changing_an_argument_is_named(judged):
    def careless(grad, max_norm):
        norm = np.linalg.norm(grad)
        result = grad * min(1, max_norm / max(norm, 1e-300))
        if grad.flags.writeable:
            grad[...] = 0
        return result

    results = judged("clip_by_norm", careless)
    assert "`grad` in place" in next(r for r in results if not r.passed).message


def test_held_out_messages_hold_no_value(spec, judged):
    held_out = next(c for c in spec("sgd_step").checks[0].cases if not c.case.public)
    seen = held_out.case.arguments["theta"].tolist()

    def wrong_where_held_out(theta, grad, lr):
        wrong = theta.tolist() == seen
        return theta - lr * grad * (1 + wrong)

    message = next(r for r in judged("sgd_step", wrong_where_held_out) if not r.passed).message
    assert "held-out case" in message
    assert "expected" not in message and "got" not in message


@pytest.mark.parametrize("seed", range(5))
def test_a_decay_that_is_wrong_for_an_odd_number_of_updates_is_found(judged, seed):
    def even_only(k, lr_start, lr_end, tau):
        tau = tau // 2 * 2
        return lr_start + min(k / tau, 1) * (lr_end - lr_start)

    failed = judged("linear_decay", even_only, seed).failed
    assert set(failed) == {"during the decay", "after the decay"}  # a single update is odd, too
