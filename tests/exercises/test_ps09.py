"""Problem set 9: correct solutions in other styles score full, and conventions are named."""

import numpy as np
import pytest

NAME = "ps09-natural-gradient"


def softmax(z):
    log_sum = np.logaddexp.reduce(z, axis=-1, keepdims=True)
    return np.exp(z - log_sum)


def fisher_from_scores(W, X):
    k, d = W.shape
    F = np.zeros((k * d, k * d))
    for x in X:
        p = softmax(W @ x)
        for y in range(k):
            score = np.array([[((a == y) - p[a]) * x[i] for i in range(d)] for a in range(k)])
            F = F + p[y] * np.outer(score.ravel(), score.ravel())
    return (F / len(X)).tolist()


def fisher_by_einsum(W, X):
    p = softmax(np.einsum("ni,ai->na", X, W))
    k, d = W.shape
    spread = np.einsum("na,ab->nab", p, np.eye(k)) - np.einsum("na,nb->nab", p, p)
    F = np.einsum("nab,ni,nj->aibj", spread, X, X / len(X))
    return F.reshape(k * d, k * d)


def fisher_in_blocks(W, X):
    p, n = softmax(X @ W.T), len(X)
    rows = []
    for a in range(len(W)):
        row = []
        for b in range(len(W)):
            weight = p[:, a] * ((a == b) - p[:, b])
            row.append((X * weight[:, None]).T @ X / n)
        rows.append(row)
    return np.block(rows)


def natural_by_inverse(theta, grad, F, lr, damping):
    inverse = np.linalg.inv(np.diag([np.float64(damping)] * len(F)) + F)
    return theta - (inverse @ (lr * np.ravel(grad))).reshape(np.shape(theta))


def natural_by_eigenvectors(theta, grad, F, lr, damping):
    values, E = np.linalg.eigh(F)
    v = E @ (E.T @ grad.flatten() / (values + damping))
    return np.reshape(theta.flatten() - lr * v, theta.shape).tolist()


def natural_by_cholesky(theta, grad, F, lr, damping):
    A = F.copy()
    A[np.diag_indices(len(A))] += damping
    L = np.linalg.cholesky(A)
    v = np.linalg.solve(L.T, np.linalg.solve(L, grad.reshape(-1, 1)))
    new = np.array(theta, dtype=float)
    new -= lr * v.reshape(theta.shape)
    return new


def whitening_by_svd(h, eps):
    N, n = h.shape
    c = np.sum(h, axis=0) / N
    _, s, Vt = np.linalg.svd((h - c) / np.sqrt(N), full_matrices=True)
    variances = np.zeros(n)
    variances[: len(s)] = s**2
    order = np.argsort(variances, kind="stable")
    rows = []
    for i in order:
        row = Vt[i] / (variances[i] + eps) ** 0.5
        rows.append((row if max(row) == max(abs(row)) else -row).tolist())
    return c.tolist(), rows


def whitening_by_numpys_covariance(h, eps):
    covariance = np.atleast_2d(np.cov(h, rowvar=False, bias=True))
    values, E = np.linalg.eigh(covariance)
    U = np.diag((values + eps) ** -0.5) @ E.T
    for row in U:
        if row[np.argmax(np.abs(row))] < 0:
            row *= -1
    return np.average(h, axis=0), U


def whitening_by_a_general_solver(h, eps):
    c = np.mean(h, axis=0)
    second = np.einsum("ni,nj->ij", h - c, h - c) / h.shape[0] + eps * np.identity(h.shape[1])
    values, E = np.linalg.eig((second + second.T) / 2)
    E = E[:, np.argsort(values)]
    E = E * np.sign(E[np.abs(E).argmax(axis=0), range(len(E))])
    return [c, np.transpose(E / np.sort(values) ** 0.5)]


def project_by_inverse(W, b, c, U):
    return W @ np.linalg.inv(U), np.dot(W, c) + b


def project_row_by_row(W, b, c, U):
    V = [np.linalg.lstsq(U.T, w, rcond=None)[0].tolist() for w in W]
    d = [
        float(b[a]) + sum(float(w) * float(m) for w, m in zip(W[a], c, strict=True))
        for a in range(len(W))
    ]
    return [V, d]


def project_through_V(W, b, c, U):
    V = np.linalg.solve(U.T, W.T).T
    return V, b + V @ (U @ c)


def canonical_in_loops(V, d, c, U):
    m, n = V.shape
    W = [[sum(float(V[a, k] * U[k, i]) for k in range(n)) for i in range(n)] for a in range(m)]
    b = [float(d[a]) - sum(W[a][i] * float(c[i]) for i in range(n)) for a in range(m)]
    return W, b


def canonical_by_einsum(V, d, c, U):
    return np.einsum("ak,ki->ai", V, U), d - np.einsum("ak,ki,i->a", V, U, c)


def canonical_through_U(V, d, c, U):
    shift = U @ c
    return np.matmul(V, U), -(V @ shift) + d


def gradient_in_two_terms(grad_W, grad_b, c, U):
    return grad_W @ U.T - np.outer(grad_b, U @ c), grad_b


def gradient_by_einsum(grad_W, grad_b, c, U):
    g = np.einsum("ai,ki->ak", grad_W, U) - np.einsum("a,i,ki->ak", grad_b, c, U)
    return [g.tolist(), grad_b.tolist()]


def gradient_transposed(grad_W, grad_b, c, U):
    return (U @ (grad_W.T - c[:, None] * grad_b)).T, np.array(grad_b)


def step_in_loops(V, d, grad_V, grad_d, lr):
    new_V = [
        [float(v) - lr * float(g) for v, g in zip(*rows, strict=True)]
        for rows in zip(V, grad_V, strict=True)
    ]
    return new_V, [float(v) - lr * float(g) for v, g in zip(d, grad_d, strict=True)]


def step_on_copies(V, d, grad_V, grad_d, lr):
    V, d = V.copy(), np.array(d)
    V -= np.multiply(grad_V, np.float64(lr))
    d += -lr * grad_d
    return [V, d]


CORRECT = {
    "fisher_softmax": [fisher_from_scores, fisher_by_einsum, fisher_in_blocks],
    "natural_gradient_step": [natural_by_inverse, natural_by_eigenvectors, natural_by_cholesky],
    "whitening": [
        whitening_by_svd,
        whitening_by_numpys_covariance,
        whitening_by_a_general_solver,
    ],
    "prong_project": [project_by_inverse, project_row_by_row, project_through_V],
    "prong_canonical": [canonical_in_loops, canonical_by_einsum, canonical_through_U],
    "prong_gradient": [gradient_in_two_terms, gradient_by_einsum, gradient_transposed],
    "prong_step": [step_in_loops, step_on_copies],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_other_whitenings_are_named_as_conventions(judged):
    def inverse_root(h, eps):
        values, E = np.linalg.eigh(np.atleast_2d(np.cov(h.T, bias=True)) + eps * np.eye(h.shape[1]))
        return h.mean(axis=0), np.einsum("ik,k,jk->ij", E, values**-0.5, E)

    def falling(h, eps):
        c, U = whitening_by_numpys_covariance(h, eps)
        return c, U[::-1]

    def unbiased(h, eps):
        N = len(h)
        _, U = whitening_by_numpys_covariance(h * np.sqrt(N / (N - 1)), eps)
        return h.mean(axis=0), U

    assert judged("whitening", inverse_root).named == {"zca"}
    assert judged("whitening", falling).named == {"falling-order"}
    assert judged("whitening", unbiased).named == {"unbiased"}


def test_what_whitens_in_another_way_passes_the_single_unit(judged):
    def cholesky(h, eps):
        covariance = np.atleast_2d(np.cov(h.T, bias=True)) + eps * np.eye(h.shape[1])
        return h.mean(axis=0), np.linalg.solve(np.linalg.cholesky(covariance), np.eye(h.shape[1]))

    failed = judged("whitening", cholesky).failed
    assert "a single unit" not in failed
    assert "whitens as well" in failed["correlated units"].message


@pytest.mark.parametrize(
    ("exercise", "printed"),
    [
        ("prong_project", lambda W, b, c, U: (np.linalg.solve(U.T, W.T).T, b - W @ c)),
        ("prong_canonical", lambda V, d, c, U: (V @ U, d + V @ (U @ c))),
    ],
)
def test_the_lectures_sign_earns_the_weights_and_is_named(exercise, printed, judged):
    results = judged(exercise, printed)
    assert "with mean zero" not in results.failed
    assert results.named == {"sign-of-the-mean"}
    assert "slide" in results.failed["the function stays the same"].message


def test_a_relation_speaks_first(judged):
    failed = judged(
        "prong_project", lambda W, b, c, U: (W @ np.linalg.inv(U), b + 0.5 * W @ c)
    ).failed
    assert "biases do not match" in failed["the function stays the same"].message
    failed = judged("whitening", lambda h, eps: (h.mean(axis=0), np.eye(h.shape[1]))).failed
    assert "identity" in failed["what comes out is white"].message


def test_kfacs_factors_are_exact_for_one_input(judged):
    def factors(W, X):
        p = softmax(X @ W.T)
        spread = np.mean([np.diag(q) - np.outer(q, q) for q in p], axis=0)
        return np.kron(spread, X.T @ X / len(X))

    failed = judged("fisher_softmax", factors).failed
    assert "a single input" not in failed
    assert "K-FAC" in failed["a batch of inputs"].message


@pytest.mark.parametrize("seed", range(3))
def test_small_eigenvalues_that_are_clipped_are_found(judged, seed):
    def step(theta, grad, F, lr, damping):
        values, E = np.linalg.eigh(F + damping * np.eye(len(F)))
        v = E @ (E.T @ grad.reshape(-1) / np.maximum(values, 1e-4))
        return theta - lr * v.reshape(theta.shape)

    def whitening(h, eps, least):
        values, E = np.linalg.eigh(np.atleast_2d(np.cov(h, rowvar=False, bias=True)))
        U = (E / np.sqrt(np.maximum(values + eps, least))).T
        return h.mean(axis=0), U * np.sign(U[range(len(U)), np.abs(U).argmax(axis=1)])[:, None]

    failed = judged("natural_gradient_step", step, seed).failed
    assert set(failed) == {"without damping", "with damping"}
    for least, found in ((1e-6, {"a singular covariance"}), (1e-8, set())):
        results = judged("whitening", lambda h, eps, least=least: whitening(h, eps, least), seed)
        assert set(results.failed) == {"correlated units", *found}
