from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, optimize, sparse
from torch.testing import assert_close

from autograder.reference import (
    VsgdState,
    bfgs_update,
    conjugate_direction,
    conjugate_gradient,
    coordinate_descent_sweep,
    fletcher_reeves,
    lbfgs_direction,
    newton_step,
    polak_ribiere,
    polyak_average,
    vsgd_step,
)


def exact(a, b, tolerance=1e-10):
    assert_close(a, b, rtol=tolerance, atol=tolerance)


def on_cpu(*tensors):
    return [tensor.cpu().numpy() for tensor in tensors]


def spd(randn, *batch, n=4):
    root = randn(*batch, n, n)
    return root @ root.mT + torch.eye(n, dtype=root.dtype, device=root.device)


# --- Newton ----------------------------------------------------------------------------------


def test_newton_reaches_the_minimum_of_a_quadratic_in_one_step(randn):
    H, b, theta = spd(randn), randn(4), randn(4)
    end = newton_step(theta, H @ theta - b, H, 0.0)
    H, b, end = on_cpu(H, b, end)
    np.testing.assert_allclose(end, linalg.solve(H, b, assume_a="pos"), rtol=1e-9)


def test_newton_finds_the_root_as_quickly_as_scipy(device):
    theta = torch.tensor([2.0], dtype=torch.float64, device=device)
    for _ in range(6):  # f(θ) = eᶿ − 3θ: f' = eᶿ − 3, f'' = eᶿ
        theta = newton_step(theta, theta.exp() - 3, theta.exp().diag(), 0.0)
    root = optimize.newton(lambda x: np.exp(x) - 3, 2.0, fprime=np.exp)
    assert theta.item() == pytest.approx(root, rel=1e-12)


def test_the_hessian_of_autograd_and_a_damped_step(randn):
    theta = randn(3)

    def f(x):
        return (x**4).sum() + (x.prod() - 1) ** 2

    H = torch.autograd.functional.hessian(f, theta)
    grad = torch.autograd.functional.jacobian(f, theta)
    moved = newton_step(theta, grad, H, 0.7)
    values, vectors = torch.linalg.eigh(H)
    exact(moved, theta - vectors @ ((vectors.T @ grad) / (values + 0.7)))


def test_much_damping_is_gradient_descent(randn):
    H, grad, theta = spd(randn), randn(4), randn(4)
    moved = newton_step(theta, grad, H, 1e9)
    exact((theta - moved) * 1e9, grad, 1e-6)


# --- conjugate gradients ---------------------------------------------------------------------


def test_conjugate_gradients_take_the_steps_of_scipy(randn):
    A, b, x0 = spd(randn, n=6), randn(6), randn(6)
    path = conjugate_gradient(A, b, x0, 6).cpu().numpy()
    rows = []
    sparse.linalg.cg(
        A.cpu().numpy(),
        b.cpu().numpy(),
        x0.cpu().numpy(),
        maxiter=6,
        rtol=0.0,
        callback=lambda x: rows.append(x.copy()),
    )
    np.testing.assert_allclose(path[1:], rows, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(path[-1], linalg.solve(*on_cpu(A, b)), rtol=1e-7, atol=1e-8)


def test_each_iterate_is_the_best_of_its_krylov_space(randn):
    A, b, x0 = spd(randn, n=5), randn(5), randn(5)
    path = conjugate_gradient(A, b, x0, 5)
    A, b, x0, path = on_cpu(A, b, x0, path)
    basis = [b - A @ x0]
    for k in range(1, 6):
        K = linalg.orth(np.array(basis).T)
        best = x0 + K @ linalg.solve(K.T @ A @ K, K.T @ (b - A @ x0))
        np.testing.assert_allclose(path[k], best, rtol=1e-7, atol=1e-8)
        basis.append(A @ basis[-1])


def test_a_zero_residual_stays(device):
    A = torch.diag(torch.tensor([2.0, 4.0], dtype=torch.float64, device=device))
    b = torch.tensor([2.0, 8.0], dtype=torch.float64, device=device)
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, device=device)
    assert torch.equal(conjugate_gradient(A, b, x, 3), x.expand(4, 2))
    assert conjugate_gradient(A, b, 0 * x, 40).isfinite().all()
    assert torch.equal(conjugate_gradient(A, b, x, 0), x.expand(1, 2))
    with pytest.raises(ValueError, match="must not be negative"):
        conjugate_gradient(A, b, x, -1)


@pytest.mark.parametrize("beta_of", [fletcher_reeves, polak_ribiere])
def test_nonlinear_weights_give_scipys_linear_steps_on_a_quadratic(beta_of, randn):
    A, b, x = spd(randn, n=5), randn(5), randn(5)
    rows = []
    sparse.linalg.cg(
        A.cpu().numpy(),
        b.cpu().numpy(),
        x.cpu().numpy(),
        maxiter=5,
        rtol=0.0,
        callback=lambda y: rows.append(y.copy()),
    )
    grad = A @ x - b
    d = -grad
    for row in rows:
        x = x - (grad @ d) / (d @ A @ d) * d
        np.testing.assert_allclose(x.cpu().numpy(), row, rtol=1e-7, atol=1e-8)
        before, grad = grad, A @ x - b
        d = conjugate_direction(grad, d, beta_of(grad, before))


def test_scipys_nonlinear_steps_point_along_polak_ribiere():
    result = optimize.fmin_cg(
        optimize.rosen, [-1.2, 1.0], optimize.rosen_der, retall=True, disp=False, maxiter=12
    )
    points = [torch.tensor(point) for point in result[1]]
    before = torch.tensor(optimize.rosen_der(points[0].numpy()))
    d = -before
    restarts = 0
    for here, there in pairwise(points):
        step = there - here
        assert (step @ d / (step.norm() * d.norm())).item() == pytest.approx(1, abs=1e-9)
        grad = torch.tensor(optimize.rosen_der(there.numpy()))
        beta = polak_ribiere(grad, before)
        restarts += beta.item() == 0
        d, before = conjugate_direction(grad, d, beta), grad
    assert restarts  # the maximum was needed


def test_the_weights_by_hand(device):
    g = torch.tensor([3.0, 4.0], dtype=torch.float64, device=device)
    old = torch.tensor([0.0, 5.0], dtype=torch.float64, device=device)
    assert fletcher_reeves(g, old).item() == 1
    assert polak_ribiere(g, old).item() == pytest.approx(0.2)
    assert polak_ribiere(old / 5, old).item() == 0
    assert fletcher_reeves(g, 0 * g).item() == 0


# --- BFGS and L-BFGS -------------------------------------------------------------------------


def test_scipys_bfgs_has_the_same_estimate():
    points = [np.array([-1.2, 1.0])]
    result = optimize.minimize(
        optimize.rosen,
        points[0],
        jac=optimize.rosen_der,
        method="BFGS",
        callback=lambda x: points.append(x.copy()),
        options={"maxiter": 12},
    )
    H = torch.eye(2, dtype=torch.float64)
    for a, b in pairwise(points):
        s, y = torch.tensor(b - a), torch.tensor(optimize.rosen_der(b) - optimize.rosen_der(a))
        H = bfgs_update(H, s, y)
    np.testing.assert_allclose(H.numpy(), result.hess_inv, rtol=1e-9, atol=1e-12)


def test_the_update_is_symmetric_positive_and_fits_the_last_step(randn):
    H, s, y = spd(randn), randn(4), randn(4)
    y = y if s @ y > 0 else -y
    new = bfgs_update(H, s, y)
    exact(new @ y, s)
    exact(new, new.T)
    assert torch.linalg.eigvalsh(new).min() > 0
    assert torch.equal(bfgs_update(H, s, -y), H)
    assert torch.equal(bfgs_update(H, 0 * s, y), H)


def test_the_update_is_the_inverse_of_the_direct_update(randn):
    H, s, y = spd(randn), randn(4), randn(4)
    y = y if s @ y > 0 else -y
    new = bfgs_update(H, s, y)
    H, s, y, new = on_cpu(H, s, y, new)
    B = linalg.inv(H)
    direct = B + np.outer(y, y) / (y @ s) - np.outer(B @ s, B @ s) / (s @ B @ s)
    np.testing.assert_allclose(linalg.inv(new), direct, rtol=1e-7, atol=1e-8)


def test_lbfgs_takes_the_directions_of_torch(randn):
    theta = randn(6).requires_grad_()
    A, b = spd(randn, n=6), randn(6)
    optimizer = torch.optim.LBFGS([theta], lr=0.3, max_iter=1, history_size=3)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * theta @ A @ theta - b @ theta + (theta**4).sum()
        loss.backward()
        return loss

    points, grads = [], []
    for _ in range(9):
        points.append(theta.detach().clone())
        optimizer.step(closure)
        # the gradient at the point where the step began
        here = points[-1].clone().requires_grad_()
        (0.5 * here @ A @ here - b @ here + (here**4).sum()).backward()
        grads.append(here.grad)
        pairs = range(max(0, len(points) - 4), len(points) - 1)
        S = [points[i + 1] - points[i] for i in pairs]
        Y = [grads[i + 1] - grads[i] for i in pairs]
        empty = torch.zeros(0, 6, dtype=torch.float64, device=theta.device)
        d = lbfgs_direction(grads[-1], *(torch.stack(x) if x else empty for x in (S, Y)))
        exact(d, optimizer.state[theta]["d"], 1e-9)


def test_lbfgs_is_scipys_product_when_the_scale_is_one(randn):
    n, m = 5, 3
    S, grad = randn(m, n), randn(n)
    A = spd(randn, n=n)
    Y = S @ A
    Y[-1] *= (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])  # then sᵀy = yᵀy for the newest pair
    d = lbfgs_direction(grad, S, Y)
    d, S, Y, grad = on_cpu(d, S, Y, grad)
    np.testing.assert_allclose(d, -(optimize.LbfgsInvHessProduct(S, Y) @ grad), rtol=1e-8)


def test_lbfgs_leaves_out_pairs_without_curvature(randn):
    A, S, grad = spd(randn), randn(3, 4), randn(4)
    Y = S @ A
    bad = torch.cat([S[:1], -S[1:2], S[1:], 0 * S[:1]]), torch.cat([Y[:1], Y[1:2], Y[1:], Y[:1]])
    exact(lbfgs_direction(grad, *bad), lbfgs_direction(grad, S, Y))
    assert torch.equal(lbfgs_direction(grad, S, -Y), -grad)
    assert torch.equal(lbfgs_direction(grad, S[:0], Y[:0]), -grad)


# --- vSGD ------------------------------------------------------------------------------------


def test_vsgd_without_noise_is_newtons_method(device):
    h = torch.tensor([0.5, 3.0, 20.0], dtype=torch.float64, device=device)
    theta, one = torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64, device=device), h / h
    state = vsgd_step(theta, 0 * h, 0 * h, 0 * h, one, h * theta, h)
    exact(state.theta, 0 * h)
    exact(state.tau, one)


def test_vsgd_with_pure_noise_stops_and_remembers_everything(device):
    one = torch.ones(1, dtype=torch.float64, device=device)
    state = VsgdState(one, 0 * one, one, one, one)
    state = state._replace(tau=2 * one)
    count = 2
    for k in range(40):
        sign = 1 if k % 2 else -1
        state = vsgd_step(*state, sign * one, one)
        count += 1
        assert state.tau.item() <= count
    assert abs(state.g_bar.item()) < 0.1
    assert state.tau.item() > 30


def test_vsgd_means_are_weighted_means_of_numpy(randn):
    grads, hs = randn(5, 3), randn(5, 3).abs()
    state = VsgdState(
        randn(3), randn(3) * 0.1, randn(3).abs() + 1, randn(3).abs() + 1, 2 + 0 * hs[0]
    )
    for grad, h in zip(grads, hs, strict=True):
        before, state = state, vsgd_step(*state, grad, h)
        old, g, hh = (x.cpu().numpy() for x in (torch.stack(before[1:4]), grad, h))
        w = 1 / before.tau.cpu().numpy()
        g_bar, v_bar, h_bar = old + w * (np.stack([g, g**2, hh]) - old)
        np.testing.assert_allclose(state.g_bar.cpu(), g_bar, rtol=1e-12)
        np.testing.assert_allclose(state.v_bar.cpu(), v_bar, rtol=1e-12)
        np.testing.assert_allclose(state.h_bar.cpu(), h_bar, rtol=1e-12)
        rate = g_bar**2 / h_bar / v_bar
        np.testing.assert_allclose(state.theta.cpu(), before.theta.cpu().numpy() - rate * g)
        tau = before.tau.cpu().numpy()
        np.testing.assert_allclose(state.tau.cpu(), tau + 1 - tau * g_bar**2 / v_bar)


# --- Polyak averaging, coordinate descent ----------------------------------------------------


def test_polyak_averages_are_torchs(randn):
    thetas = randn(7, 3)
    means = polyak_average(thetas)
    model = torch.nn.Linear(3, 1, bias=False, dtype=torch.float64, device=thetas.device)
    averaged = torch.optim.swa_utils.AveragedModel(model)
    for theta, mean in zip(thetas, means, strict=True):
        model.weight.data = theta[None].clone()
        averaged.update_parameters(model)
        exact(averaged.module.weight.data[0], mean)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_polyak_averages_are_means_of_numpy(values):
    means = polyak_average(torch.tensor(values, dtype=torch.float64))
    for k, mean in enumerate(means):
        assert mean.item() == pytest.approx(np.mean(values[: k + 1]), rel=1e-9, abs=1e-6)


def test_a_sweep_is_gauss_seidel(randn):
    A, b, x = spd(randn), randn(4), randn(4)
    swept = coordinate_descent_sweep(A, b, x)
    A, b, x, swept = on_cpu(A, b, x, swept)
    expected = linalg.solve_triangular(np.tril(A), b - np.triu(A, 1) @ x, lower=True)
    np.testing.assert_allclose(swept, expected, rtol=1e-10, atol=1e-12)


def test_each_coordinate_goes_to_scipys_line_minimum(randn):
    A, b, x = spd(randn, n=3), randn(3), randn(3)
    swept = coordinate_descent_sweep(A, b, x).cpu().numpy()
    A, b, x = on_cpu(A, b, x)
    for i in range(3):

        def f(value, i=i, x=x):
            y = x.copy()
            y[i] = value
            return 0.5 * y @ A @ y - b @ y

        x = x.copy()
        x[i] = optimize.minimize_scalar(f).x
    np.testing.assert_allclose(swept, x, rtol=1e-6, atol=1e-6)


# --- all -------------------------------------------------------------------------------------


def test_leading_dimensions_are_independent_problems(randn):
    A, b, x = spd(randn, 2, 3), randn(2, 3, 4), randn(2, 3, 4)
    S = randn(2, 3, 5, 4)
    Y = S @ A
    Y[0, 1, 4] *= -1  # one problem has a pair to leave out
    Y[1, 2] *= -1  # and one has no usable pair
    for function, arguments in (
        (lambda a, c, z: newton_step(z, c, a, 0.3), (A, b, x)),
        (lambda a, c, z: conjugate_gradient(a, c, z, 4), (A, b, x)),
        (coordinate_descent_sweep, (A, b, x)),
        (bfgs_update, (A, b, x)),
        (lbfgs_direction, (b, S, Y)),
    ):
        copies = [argument.clone() for argument in arguments]
        together = function(*arguments)
        assert together.dtype == x.dtype
        assert together.device == x.device
        for i in range(2):
            for j in range(3):
                exact(together[i, j], function(*(argument[i, j] for argument in arguments)))
        assert all(torch.equal(c, a) for c, a in zip(copies, arguments, strict=True))
