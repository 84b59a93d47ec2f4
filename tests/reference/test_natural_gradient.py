import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from autograder.reference import (
    fisher_softmax,
    natural_gradient_step,
    prong_canonical,
    prong_forward,
    prong_gradient,
    prong_plus_forward,
    prong_project,
    prong_step,
    whitening,
)


def exact(a, b, rtol=1e-12):
    assert_close(a, b, rtol=rtol, atol=1e-12)


def log_p(w, X, k):
    return torch.log_softmax(X @ w.reshape(k, -1).T, dim=-1)


# --- the Fisher matrix -----------------------------------------------------------------------


def test_fisher_is_the_expected_outer_product_of_scores(randn):
    W, X = randn(3, 2), randn(4, 2)
    expected = torch.zeros(6, 6, dtype=torch.float64, device=W.device)
    for x in X:
        for y in range(3):
            w = W.reshape(-1).clone().requires_grad_()
            value = log_p(w, x[None], 3)[0, y]
            (score,) = torch.autograd.grad(value, w)
            expected += value.detach().exp() * torch.outer(score, score) / len(X)
    exact(fisher_softmax(W, X), expected)


def test_fisher_is_the_curvature_of_the_divergence(randn):
    W, X = randn(3, 2), randn(5, 2)
    here = log_p(W.reshape(-1), X, 3)

    def divergence(w):
        return (here.exp() * (here - log_p(w, X, 3))).sum(dim=-1).mean()

    hessian = torch.autograd.functional.hessian(divergence, W.reshape(-1))
    exact(fisher_softmax(W, X), hessian)


def test_fisher_is_the_hessian_of_cross_entropy_whatever_the_labels(randn):
    W, X = randn(4, 3), randn(6, 3)
    for labels in ([0, 1, 2, 3, 0, 1], [2] * 6):

        def loss(w, labels=tuple(labels)):
            target = torch.tensor(labels, device=X.device)
            return torch.nn.functional.cross_entropy(X @ w.reshape(4, 3).T, target)

        exact(fisher_softmax(W, X), torch.autograd.functional.hessian(loss, W.reshape(-1)))


def test_fisher_of_two_classes_is_that_of_the_logistic_function(device):
    W = torch.tensor([[0.0], [0.0]], dtype=torch.float64, device=device)
    X = torch.tensor([[2.0]], dtype=torch.float64, device=device)
    exact(fisher_softmax(W, X), torch.tensor([[1.0, -1], [-1, 1]], device=device).double())


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 3), st.integers(1, 5))
def test_fisher_is_symmetric_semidefinite_and_blind_to_a_common_shift(seed, k, d, n):
    rng = np.random.default_rng(seed)
    W, X = torch.tensor(rng.normal(0, 3, (k, d))), torch.tensor(rng.normal(0, 3, (n, d)))
    F = fisher_softmax(W, X)
    exact(F, F.T)
    assert torch.linalg.eigvalsh(F).min() >= -1e-12 * (1 + F.abs().max())
    common = torch.tensor(rng.normal(size=d)).repeat(k)
    exact(F @ common, torch.zeros_like(common))
    exact(F, fisher_softmax(W + torch.tensor(rng.normal(size=d)), X), rtol=1e-10)


def test_fisher_stands_large_logits(device):
    W = torch.tensor([[1e4], [-1e4], [1e4]], dtype=torch.float64, device=device)
    X = torch.ones(1, 1, dtype=torch.float64, device=device)
    half = torch.tensor([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]], device=device).double() / 4
    exact(fisher_softmax(W, X), half)


def test_fisher_takes_leading_dimensions_as_independent(randn):
    W, X = randn(2, 3, 4, 2), randn(2, 3, 5, 2)
    F = fisher_softmax(W, X)
    assert F.shape == (2, 3, 8, 8)
    assert F.device == W.device
    exact(F[1, 2], fisher_softmax(W[1, 2], X[1, 2]))


# --- natural gradient ------------------------------------------------------------------------


def spd(seed, n, condition=50.0):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return (q * np.geomspace(1, condition, n)) @ q.T


@given(st.integers(0, 1000), st.integers(1, 5), st.floats(0, 10), st.floats(0, 2))
def test_the_step_is_scipys_solution(seed, n, damping, lr):
    rng = np.random.default_rng(seed)
    F, theta, grad = spd(seed, n), rng.normal(size=n), rng.normal(size=n)
    expected = theta - lr * scipy.linalg.solve(F + damping * np.eye(n), grad, assume_a="pos")
    got = natural_gradient_step(*map(torch.tensor, (theta, grad, F)), lr, damping)
    exact(got, torch.tensor(expected), rtol=1e-10)


def test_undamped_steps_do_not_depend_on_the_coordinates(randn):
    theta, A = randn(4), randn(4, 4)
    F = torch.tensor(spd(2, 4)).to(theta.device)
    grad = randn(4)
    step = natural_gradient_step(theta, grad, F, 0.3, 0.0)
    phi = torch.linalg.solve(A, theta)  # theta = A phi
    other = natural_gradient_step(phi, A.T @ grad, A.T @ F @ A, 0.3, 0.0)
    exact(A @ other, step, rtol=1e-9)


def test_on_a_quadratic_with_its_own_curvature_one_step_arrives(randn):
    theta, goal = randn(3), randn(3)
    H = torch.tensor(spd(4, 3)).to(theta.device)
    exact(natural_gradient_step(theta, H @ (theta - goal), H, 1.0, 0.0), goal)


def test_a_zero_fisher_matrix_leaves_gradient_descent_over_the_damping(randn):
    theta, grad = randn(2, 3), randn(2, 3)
    zero = torch.zeros(6, 6, dtype=torch.float64, device=theta.device)
    exact(natural_gradient_step(theta, grad, zero, 0.1, 0.5), theta - 0.2 * grad)
    with pytest.raises(torch.linalg.LinAlgError):
        natural_gradient_step(theta.cpu(), grad.cpu(), zero.cpu(), 0.1, 0.0)


def test_steps_take_leading_dimensions_as_independent(randn):
    theta, grad = randn(2, 3, 2), randn(2, 3, 2)
    F = torch.stack([torch.tensor(spd(s, 6)) for s in (1, 2)]).to(theta.device)
    both = natural_gradient_step(theta, grad, F, 0.1, 0.2)
    exact(both[1], natural_gradient_step(theta[1], grad[1], F[1], 0.1, 0.2))


def test_newton_on_softmax_regression_is_the_natural_gradient(randn):
    X = randn(20, 2)
    labels = (X[:, 0] + 0.5 * randn(20) > 0).long()

    def loss(W):
        return torch.nn.functional.cross_entropy(X @ W.T, labels) + 0.05 * (W**2).sum()

    W = torch.zeros(2, 2, dtype=torch.float64, device=X.device)
    for _ in range(8):
        grad = torch.autograd.functional.jacobian(loss, W)
        W = natural_gradient_step(W, grad, fisher_softmax(W, X), 1.0, 0.1)
    assert torch.autograd.functional.jacobian(loss, W).abs().max() < 1e-12


# --- whitening -------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(2, 12), st.floats(1e-3, 1.0))
def test_whitening_is_the_inverse_covariance_whatever_the_signs(seed, n, samples, eps):
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(samples, n)) @ rng.normal(size=(n, n)) + rng.normal(size=n)
    c, U = (item.numpy() for item in whitening(torch.tensor(h), eps))
    sigma = np.cov(h, rowvar=False, bias=True).reshape(n, n) + eps * np.eye(n)
    np.testing.assert_allclose(c, h.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(U.T @ U, scipy.linalg.inv(sigma), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(U @ sigma @ U.T, np.eye(n), atol=1e-9)


def test_whitened_samples_are_white(randn):
    h = randn(40, 4) @ randn(4, 4) + 3 * randn(4)
    c, U = whitening(h, 1e-12)
    white = ((h - c) @ U.T).cpu()
    np.testing.assert_allclose(white.mean(dim=0), 0, atol=1e-12)
    np.testing.assert_allclose(torch.cov(white.T, correction=0), np.eye(4), atol=1e-9)


def test_whitening_follows_the_convention(randn):
    h = randn(50, 5) @ randn(5, 5)
    U = whitening(h, 0.01).U
    assert (U.norm(dim=-1).diff() < 0).all()  # rising eigenvalues, falling rows
    assert (U.max(dim=-1).values == U.abs().max(dim=-1).values).all()


def test_whitening_by_hand(device):
    h = torch.tensor([[1.0, 0], [-1, 0], [0, 2], [0, -2]], dtype=torch.float64, device=device)
    c, U = whitening(h + 5, 0.5)
    exact(c, torch.full_like(c, 5.0))
    exact(U, torch.diag(torch.tensor([1.0, 2.5**-0.5], dtype=torch.float64, device=device)))


def test_whitening_takes_leading_dimensions_as_independent(randn):
    h = randn(2, 3, 9, 4)
    both, one = whitening(h, 0.1), whitening(h[1, 2], 0.1)
    exact(both.c[1, 2], one.c)
    exact(both.U[1, 2], one.U, rtol=1e-9)
    assert both.U.device == h.device


# --- PRONG -----------------------------------------------------------------------------------


def layer(randn, m=3, n=4, *lead):
    return randn(*lead, m, n), randn(*lead, m), randn(*lead, n), randn(*lead, n, n)


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
def test_projection_and_its_inverse_change_no_function(randn, lead):
    W, b, c, U = layer(randn, 3, 4, *lead)
    h = randn(*lead, 7, 4)
    V, d = prong_project(W, b, c, U)
    usual = h @ W.mT + b.unsqueeze(-2)
    exact(prong_forward(V, d, c, U, h), usual, rtol=1e-9)
    again = prong_canonical(V, d, c, U)
    exact(again.W, W, rtol=1e-9)
    exact(again.b, b, rtol=1e-9)
    exact(h @ again.W.mT + again.b.unsqueeze(-2), usual, rtol=1e-9)


def test_a_network_keeps_its_function_through_repeated_projections(randn):
    layers = [(randn(5, 4), randn(5)), (randn(2, 5), randn(2))]
    x = randn(30, 4)

    def network(x, layers):
        hidden = torch.tanh(x @ layers[0][0].T + layers[0][1])
        return hidden, hidden @ layers[1][0].T + layers[1][1]

    before = network(x, layers)[1]
    for _ in range(5):
        hidden = network(x, layers)[0]
        projected = []
        for inputs, (W, b) in zip((x, hidden), layers, strict=True):
            c, U = whitening(inputs, 1e-3)
            projected.append(prong_canonical(*prong_project(W, b, c, U), c, U))
        layers = projected
    exact(network(x, layers)[1], before, rtol=1e-10)


def test_the_lectures_signs_change_the_function(randn):
    W, b, c, U = layer(randn)
    _, d = prong_project(W, b, c, U)
    printed = d + W @ c  # L1: b = d + W c
    assert (printed - b).abs().max() > 0.1
    exact(printed - b, 2 * W @ c)


def test_gradients_are_autograds(randn):
    W, b, c, U = layer(randn)
    h, target = randn(6, 4), randn(6, 3)

    def loss(outputs):
        return ((torch.tanh(outputs) - target) ** 2).sum()

    V, d = (item.clone().requires_grad_() for item in prong_project(W, b, c, U))
    W, b = W.requires_grad_(), b.requires_grad_()
    expected = torch.autograd.grad(loss((h - c) @ U.T @ V.T + d), (V, d))
    usual = torch.autograd.grad(loss(h @ W.T + b), (W, b))
    got = prong_gradient(*usual, c, U)
    exact(got.V, expected[0], rtol=1e-9)
    exact(got.d, expected[1], rtol=1e-9)


def test_a_step_in_V_is_a_natural_step_in_W(randn):
    h = randn(30, 4) @ randn(4, 4) + randn(4)
    W, b = randn(3, 4), randn(3)
    grad_W, grad_b = randn(3, 4), randn(3)
    c, U = whitening(h, 0.1)
    sigma = np.cov(h.cpu(), rowvar=False, bias=True) + 0.1 * np.eye(4)
    new = prong_step(*prong_project(W, b, c, U), *prong_gradient(grad_W, grad_b, c, U), 0.2)
    moved = prong_canonical(*new, c, U).W - W
    right = (grad_W - torch.outer(grad_b, c)).cpu().numpy()
    np.testing.assert_allclose(
        moved.cpu(), -0.2 * scipy.linalg.solve(sigma, right.T).T, rtol=1e-9, atol=1e-9
    )


def test_steps_are_those_of_torch(randn):
    V, d = randn(3, 2), randn(3)
    twins = [V.clone().requires_grad_(), d.clone().requires_grad_()]
    optimizer = torch.optim.SGD(twins, lr=0.1)
    for lr in (0.1, 0.1, 0.03):
        grads = randn(3, 2), randn(3)
        for twin, grad in zip(twins, grads, strict=True):
            twin.grad = grad.clone()
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        V, d = prong_step(V, d, *grads, lr)
        exact(V, twins[0].detach())
        exact(d, twins[1].detach())


def test_prong_plus_is_torchs_batch_norm_of_whitened_inputs(randn):
    V, d, c, U = layer(randn)
    gamma, h = randn(3), randn(8, 4)
    expected = torch.nn.functional.batch_norm(
        (h - c) @ U.T @ V.T, None, None, gamma, d, training=True, eps=1e-5
    )
    exact(prong_plus_forward(V, gamma, d, c, U, h), expected, rtol=1e-10)


def test_prong_plus_keeps_its_function_with_the_weights_alone(randn):
    W, d, c, U = layer(randn)
    gamma, h = randn(3), randn(8, 4)
    V = prong_project(W, d, c, U).V
    expected = torch.nn.functional.batch_norm(h @ W.T, None, None, gamma, d, training=True)
    exact(prong_plus_forward(V, gamma, d, c, U, h), expected, rtol=1e-9)
