"""Problem set 8: correct solutions in other styles score full, and conventions are named."""

import math

import numpy as np
import pytest

NAME = "ps08-batchnorm"


def forward_in_loops(x, gamma, beta, eps):
    n, d = x.shape
    y = [[0.0] * d for _ in range(n)]
    for j in range(d):
        column = [float(x[i, j]) for i in range(n)]
        mean = math.fsum(column) / n
        variance = math.fsum((value - mean) ** 2 for value in column) / n
        for i in range(n):
            x_hat = (column[i] - mean) / math.sqrt(variance + eps)
            y[i][j] = float(gamma[j]) * x_hat + float(beta[j])
    return y


def forward_as_an_affine_map(x, gamma, beta, eps):
    scale = gamma * (np.var(x, axis=0) + eps) ** -0.5
    return x * scale + (beta - np.mean(x, axis=0) * scale)


def forward_from_shifted_moments(x, gamma, beta, eps):
    z = x - x[0]
    mean = np.einsum("nd->d", x) / x.shape[0]
    variance = np.einsum("nd,nd->d", z, z) / x.shape[0] - z.mean(0) ** 2
    return beta + (x - mean) / np.sqrt(variance + eps) * gamma


def backward_step_by_step(grad_out, x, gamma, eps):
    # the computational graph, one node at a time
    n = x.shape[0]
    centred = x - x.sum(axis=0) / n
    variance = (centred**2).sum(axis=0) / n
    inverse = 1 / np.sqrt(variance + eps)
    x_hat = centred * inverse
    grad_x_hat = grad_out * gamma
    grad_inverse = (grad_x_hat * centred).sum(axis=0)
    grad_variance = -0.5 * grad_inverse * inverse**3
    grad_centred = grad_x_hat * inverse + 2 * centred * grad_variance / n
    grad_x = grad_centred - grad_centred.sum(axis=0) / n
    return grad_x, (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)


def backward_by_the_jacobian(grad_out, x, gamma, eps):
    n, d = x.shape
    grad_x, grad_gamma = np.zeros((n, d)), np.zeros(d)
    for j in range(d):
        root = np.sqrt(np.var(x[:, j]) + eps)
        x_hat = (x[:, j] - np.mean(x[:, j])) / root
        jacobian = (np.eye(n) - 1 / n - np.outer(x_hat, x_hat) / n) * gamma[j] / root
        grad_x[:, j] = jacobian.T @ grad_out[:, j]
        grad_gamma[j] = x_hat @ grad_out[:, j]
    return [grad_x.tolist(), grad_gamma.tolist(), np.ones(n) @ grad_out]


def backward_by_complex_steps(grad_out, x, gamma, eps):
    n, d = x.shape
    grad_x = np.zeros((n, d))
    centred = x - x.mean(axis=0)
    x_hat = centred / np.sqrt((centred**2).mean(axis=0) + eps)
    for i in range(n):
        z = x.astype(complex)
        z[i] += 1e-40j
        c = z - z.mean(axis=0)
        y = gamma * c / np.sqrt((c * c).mean(axis=0) + eps)
        grad_x[i] = (grad_out * y).sum(axis=0).imag / 1e-40
    return grad_x, np.einsum("nd,nd->d", grad_out, x_hat), np.einsum("nd->d", grad_out)


def inference_in_loops(x, gamma, beta, running_mean, running_var, eps):
    rows = []
    for row in x:
        triples = zip(row, running_mean, running_var, strict=True)
        x_hat = [float(v - m) / math.sqrt(float(s) + eps) for v, m, s in triples]
        rows.append([float(g) * h + float(b) for g, h, b in zip(gamma, x_hat, beta, strict=True)])
    return rows


def inference_as_an_affine_map(x, gamma, beta, running_mean, running_var, eps):
    scale = gamma / np.sqrt(running_var + eps)
    return np.einsum("nd,d->nd", x, scale) + (beta - scale * running_mean)


def inference_by_columns(x, gamma, beta, running_mean, running_var, eps):
    deviation = np.hypot(np.sqrt(running_var), np.sqrt(np.float64(eps)))
    columns = (x.T - running_mean[:, None]) / deviation[:, None]
    return (gamma[:, None] * columns + beta[:, None]).T


def update_by_covariance(running_mean, running_var, x, keep):
    cov = np.atleast_2d(np.cov(x, rowvar=False))
    mean = np.average(x, axis=0)
    return [
        running_mean + (1 - keep) * (mean - running_mean),
        running_var + (1 - keep) * (np.diag(cov) - running_var),
    ]


def update_with_bessels_correction(running_mean, running_var, x, keep):
    n = len(x)
    correction = n / (n - 1)
    return np.stack(
        [
            np.float64(keep) * running_mean + (1 - keep) * x.mean(0),
            np.float64(keep) * running_var + (1 - keep) * correction * x.var(0),
        ]
    )


def update_by_welford(running_mean, running_var, x, keep):
    mean, squares = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for count, row in enumerate(x, start=1):
        delta = row - mean
        mean = mean + delta / count
        squares = squares + delta * (row - mean)
    var = squares / (count - 1)
    pairs = zip([*running_mean, *running_var], [*mean, *var], strict=True)
    flat = [keep * float(old) + (1 - keep) * float(new) for old, new in pairs]
    return flat[: len(mean)], flat[len(mean) :]


def fold_by_a_diagonal_matrix(W, b, gamma, beta, running_mean, running_var, eps):
    scale = np.diag(gamma / np.sqrt(running_var + eps))
    return scale @ W, scale @ b + (beta - scale @ running_mean)


def fold_in_loops(W, b, gamma, beta, running_mean, running_var, eps):
    weights, biases = [], []
    for j, row in enumerate(W):
        c = float(gamma[j]) / math.sqrt(float(running_var[j]) + eps)
        weights.append([c * float(w) for w in row])
        biases.append(c * float(b[j]) - c * float(running_mean[j]) + float(beta[j]))
    return [weights, biases]


def fold_by_probing(W, b, gamma, beta, running_mean, running_var, eps):
    h = np.vstack([np.zeros(W.shape[1]), np.eye(W.shape[1])])
    y = inference_as_an_affine_map(h @ W.T + b, gamma, beta, running_mean, running_var, eps)
    return (y[1:] - y[0]).T, y[0]


CORRECT = {
    "batchnorm_forward": [forward_in_loops, forward_as_an_affine_map, forward_from_shifted_moments],
    "batchnorm_backward": [
        backward_step_by_step,
        backward_by_the_jacobian,
        backward_by_complex_steps,
    ],
    "batchnorm_inference": [inference_in_loops, inference_as_an_affine_map, inference_by_columns],
    "update_running": [update_by_covariance, update_with_bessels_correction, update_by_welford],
    "fold_into_linear": [fold_by_a_diagonal_matrix, fold_in_loops, fold_by_probing],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_conventions_of_the_running_variance_are_told_apart(judged):
    def keras(m, v, x, keep):
        return m * keep + x.mean(0) * (1 - keep), v * keep + x.var(0) * (1 - keep)

    def torch(m, v, x, momentum):
        new_m = m + momentum * (x.mean(0) - m)
        return new_m, v + momentum * (x.var(0, ddof=1) - v)

    named = {
        function.__name__: judged("update_running", function).named for function in (keras, torch)
    }
    assert named == {"keras": {"biased-variance"}, "torch": {"weights-swapped"}}


def test_a_forgotten_scale_and_shift_earn_the_plain_batch(judged):
    failed = judged(
        "batchnorm_forward", lambda x, g, b, eps: (x - x.mean(0)) / np.sqrt(x.var(0) + eps)
    ).failed
    assert "scale one and shift zero" not in failed
    assert "mean β" in failed["scale and shift"].message


def test_constant_statistics_earn_gradients_that_they_leave_alone(judged):
    def as_at_inference(g, x, gamma, eps):
        root = np.sqrt(x.var(0) + eps)
        return g * gamma / root, (g * (x - x.mean(0)) / root).sum(0), g.sum(0)

    results = judged("batchnorm_backward", as_at_inference)
    assert "where mean and variance play no part" not in results.failed
    assert results.named == {"statistics-constant"}
    assert "finite differences" in results.failed["ordinary batches"].message


def test_an_epsilon_outside_the_root_at_test_time_only_is_named(judged):
    results = judged(
        "batchnorm_inference", lambda x, g, b, m, v, eps: g * ((x - m) / (np.sqrt(v) + eps)) + b
    )
    assert results.named == {"epsilon-outside"}


def test_a_forgotten_bias_in_folding_earns_the_scale(judged):
    def no_bias(W, b, gamma, beta, m, v, eps):
        return (W.T * gamma / np.sqrt(v + eps)).T, b

    failed = judged("fold_into_linear", no_bias).failed
    assert "the scale alone" not in failed
    assert "the folded layer" in failed["the same function"].message


@pytest.mark.parametrize("seed", range(3))
def test_what_is_right_for_small_batches_and_small_means_only_is_found(judged, seed):
    def for_small_batches(m, v, x, keep):
        var = x.var(axis=0, ddof=1 if len(x) < 1000 else 0)
        return keep * m + (1 - keep) * x.mean(axis=0), keep * v + (1 - keep) * var

    def from_moments(grad_out, x, gamma, eps):
        mean = x.mean(axis=0)
        root = np.sqrt((x**2).mean(axis=0) - mean**2 + eps)
        x_hat = (x - mean) / root
        along, total = (grad_out * x_hat).sum(axis=0), grad_out.sum(axis=0)
        return gamma / root * (grad_out - (total + x_hat * along) / len(x)), along, total

    assert set(judged("update_running", for_small_batches, seed).failed) == {"a later batch"}
    assert set(judged("batchnorm_backward", from_moments, seed).failed) == {"small variances"}
