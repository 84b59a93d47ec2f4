"""Problem set 6: correct solutions in other styles score full, and conventions are named."""

from functools import partial

import numpy as np
import pytest

NAME = "ps06-curvature"


def newton_by_inverse(theta, grad, H, damping):
    return theta - np.linalg.inv(H + np.diag(np.full(len(grad), damping))) @ grad


def newton_by_eigenvalues(theta, grad, H, damping):
    values, vectors = np.linalg.eigh(H)
    return (theta - vectors @ np.diag(1 / (values + damping)) @ vectors.T @ grad).tolist()


def newton_by_elimination(theta, grad, H, damping):
    n = len(theta)
    rows = [[float(H[i, j]) + damping * (i == j) for j in range(n)] for i in range(n)]
    rest = [float(g) for g in grad]
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rest[k], rest[pivot] = rest[pivot], rest[k]
        for i in range(k + 1, n):
            f = rows[i][k] / rows[k][k]
            rows[i] = [a - f * c for a, c in zip(rows[i], rows[k], strict=True)]
            rest[i] -= f * rest[k]
    step = [0.0] * n
    for i in reversed(range(n)):
        known = sum(rows[i][j] * step[j] for j in range(i + 1, n))
        step[i] = (rest[i] - known) / rows[i][i]
    return [float(t) - v for t, v in zip(theta, step, strict=True)]


def cg_preallocated(A, b, x0, steps):
    path = np.empty((steps + 1, len(b)))
    path[0] = x0
    g = np.dot(A, x0) - b
    d = -g
    for k in range(steps):
        Ad = np.dot(A, d)
        curvature = np.dot(d, Ad)
        if curvature == 0:
            path[k + 1 :] = path[k]
            break
        path[k + 1] = path[k] - (np.dot(g, d) / curvature) * d
        old, g = np.dot(g, g), g + Ad * (-np.dot(g, d) / curvature)
        d = -g + np.dot(g, g) / old * d
    return path


def cg_in_krylov_spaces(A, b, x0, steps):
    r = b - A @ x0
    rows, basis = [x0.tolist()], []
    for _ in range(steps):
        if len(basis) < len(b) and np.linalg.norm(r) > 1e-13:
            w = r.copy()  # the residuals span the space; make them A-orthogonal one by one
            for q in basis:
                w = w - (q @ A @ w) / (q @ A @ q) * q
            basis.append(w)
        x = x0 + sum(((b - A @ x0) @ q) / (q @ A @ q) * q for q in basis)
        r = b - A @ x
        rows.append(np.asarray(x).tolist())
    return rows


def cg_with_fresh_residuals(A, b, x0, steps):
    path, d, old = [x0], None, None
    for _ in range(steps):
        x = path[-1]
        r = np.einsum("ij,j->i", A, -x) + b
        if not np.any(r):
            path.append(x)
            continue
        new = float(np.sum(r**2))
        d = r if d is None else r + np.float64(new / old) * d
        old = new
        path.append(x + new / float(np.einsum("i,ij,j", d, A, d)) * d)
    return np.vstack(path)


def bfgs_expanded(H_inv, s, y):
    sy = float(np.dot(s, y))
    if not sy > 0:
        return H_inv + 0.0
    Hy = H_inv @ y
    return H_inv + (sy + y @ Hy) / sy**2 * np.outer(s, s) - (np.outer(Hy, s) + np.outer(s, Hy)) / sy


def bfgs_in_loops(H_inv, s, y):
    n = len(s)
    sy = sum(float(a) * float(c) for a, c in zip(s, y, strict=True))
    H = [[float(H_inv[i, j]) for j in range(n)] for i in range(n)]
    if sy <= 0:
        return H
    L = [[float(i == j) - s[i] * y[j] / sy for j in range(n)] for i in range(n)]
    return [
        [
            sum(L[i][k] * H[k][m] * L[j][m] for k in range(n) for m in range(n)) + s[i] * s[j] / sy
            for j in range(n)
        ]
        for i in range(n)
    ]


def bfgs_by_the_direct_form(H_inv, s, y):
    if s @ y <= 0:
        return np.array(H_inv)
    B = np.linalg.inv(H_inv)
    Bs = B @ s
    return np.linalg.inv(B + np.outer(y, y) / (y @ s) - np.outer(Bs, Bs) / (s @ Bs))


def lbfgs_by_matrices(grad, S, Y):
    H = np.eye(len(grad))
    pairs = [(s, y) for s, y in zip(S, Y, strict=True) if s @ y > 0]
    if pairs:
        s, y = pairs[-1]
        H = H * (s @ y) / (y @ y)
    for s, y in pairs:
        H = bfgs_expanded(H, s, y)
    return H @ -grad


def lbfgs_recursive(grad, S, Y):
    good = np.einsum("ij,ij->i", S, Y) > 0
    S, Y = np.asarray(S)[good], np.asarray(Y)[good]

    def apply(q, m):
        if m == 0:
            return q * (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1]) if len(S) else q
        s, y = S[m - 1], Y[m - 1]
        rho = 1 / np.dot(s, y)
        a = rho * np.dot(s, q)
        z = apply(q - a * y, m - 1)
        return z - rho * np.dot(y, z) * s + a * s

    return (-apply(np.array(grad), len(S))).tolist()


def vsgd_in_loops(theta, g_bar, v_bar, h_bar, tau, grad, h):
    shape, rows = np.shape(theta), []
    every = map(np.ravel, (theta, g_bar, v_bar, h_bar, tau, grad, h))
    for a, b, c, d, m, g, k in zip(*every, strict=True):
        b, c, d = b + (g - b) / m, c + (g * g - c) / m, d + (k - d) / m
        rows.append((a - b * b / d / c * g, b, c, d, m - b * b * m / c + 1))
    return [np.reshape(column, shape).tolist() for column in zip(*rows, strict=True)]


def vsgd_stacked(theta, g_bar, v_bar, h_bar, tau, grad, h):
    old, new = np.stack([g_bar, v_bar, h_bar]), np.stack([grad, np.square(grad), h])
    g_bar, v_bar, h_bar = ((tau - 1) * old + new) / tau
    agreement = np.power(g_bar, 2) / v_bar
    return np.stack(
        [theta - agreement * grad / h_bar, g_bar, v_bar, h_bar, 1 + tau * (1 - agreement)]
    )


def polyak_by_increments(thetas):
    means = [np.array(thetas[0])]
    for k, theta in enumerate(thetas[1:], start=2):
        means.append(means[-1] + (theta - means[-1]) / k)
    return np.array(means)


def polyak_by_a_matrix(thetas):
    n = len(thetas)
    weights = np.tril(np.ones((n, n))) / np.arange(1, n + 1)[:, None]
    return np.tensordot(weights, thetas, axes=1).tolist()


def sweep_by_sums(A, b, x):
    x = [float(value) for value in x]
    for i in range(len(x)):
        others = sum(float(A[i, j]) * x[j] for j in range(len(x)) if j != i)
        x[i] = (float(b[i]) - others) / float(A[i, i])
    return x


def sweep_by_a_triangle(A, b, x):
    return np.linalg.solve(np.tril(A), b - np.triu(A, 1) @ x)


def sweep_with_a_kept_gradient(A, b, x):
    x, g = np.array(x), A @ x - b
    for i, curvature in enumerate(np.diag(A)):
        step = np.float64(g[i] / curvature)
        x[i] -= step
        g = g - step * A[:, i]
    return x


CORRECT = {
    "newton_step": [newton_by_inverse, newton_by_eigenvalues, newton_by_elimination],
    "conjugate_gradient": [cg_preallocated, cg_in_krylov_spaces, cg_with_fresh_residuals],
    "bfgs_update": [bfgs_expanded, bfgs_in_loops, bfgs_by_the_direct_form],
    "lbfgs_direction": [lbfgs_by_matrices, lbfgs_recursive],
    "vsgd_step": [vsgd_in_loops, vsgd_stacked],
    "polyak_average": [polyak_by_increments, polyak_by_a_matrix],
    "coordinate_descent_sweep": [sweep_by_sums, sweep_by_a_triangle, sweep_with_a_kept_gradient],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_steepest_descent_earns_the_first_step(judged):
    def steepest(A, b, x0, steps):
        path = [x0]
        for _ in range(steps):
            r = b - A @ path[-1]
            path.append(path[-1] + ((r @ r) / (r @ A @ r) if np.any(r) else 0) * r)
        return np.array(path)

    results = judged("conjugate_gradient", steepest)
    assert "the first step" not in results.failed
    assert results.named == {"steepest-descent"}


def test_the_other_sign_of_the_direction_is_named(judged):
    results = judged("lbfgs_direction", lambda g, S, Y: -lbfgs_by_matrices(g, S, Y))
    assert results.named == {"opposite-sign"}


def test_an_update_that_is_never_skipped_earns_the_others(judged):
    def always(H, s, y):
        E = np.eye(len(s)) - np.outer(s, y) / (s @ y)
        return np.outer(s, s) / (s @ y) + E @ H @ E.T

    failed = judged("bfgs_update", always).failed
    assert {(r.name, r.mistake) for r in failed.values()} == {
        ("steps to skip, and memory layouts", "never-skipped")
    }


def test_plain_newton_earns_the_undamped_points(judged):
    results = judged("newton_step", lambda t, g, H, damping: t - np.linalg.inv(H) @ g)
    assert "without damping" not in results.failed
    assert results.named == {"no-damping"}


def test_jacobi_is_named(judged):
    def jacobi(A, b, x):
        return np.array([x[i] + (b - A @ x)[i] / A[i, i] for i in range(len(x))])

    results = judged("coordinate_descent_sweep", jacobi)
    assert results.named == {"old-coordinates"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [0.1, 1e-3, 1e-5, 1e-8])
def test_conjugate_gradients_that_stop_early_are_found(judged, threshold, seed):
    def stops_early(A, b, x0, steps, relative):
        x, r = x0, b - A @ x0
        d, trajectory = r, [x0]
        least = threshold * np.linalg.norm(r) if relative else threshold
        for _ in range(steps):
            if np.linalg.norm(r) > least:
                rr = r @ r
                alpha = rr / (d @ A @ d)
                x = x + alpha * d
                r = r - alpha * (A @ d)
                d = r + (r @ r) / rr * d
            trajectory.append(x)
        return np.array(trajectory)

    for relative in (False, True):
        failed = judged("conjugate_gradient", partial(stops_early, relative=relative), seed).failed
        assert "special cases and memory layouts" in failed
