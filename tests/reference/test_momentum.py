import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from autograder.reference import (
    MomentumState,
    effective_lr,
    minimize_quadratic,
    momentum_step,
    nag_lookahead,
    nag_step,
    sgd_step,
)


def exact(a, b):
    assert_close(a, b, rtol=1e-12, atol=1e-12)


def torch_sgd(start, **options):
    twin = start.clone().requires_grad_()
    return twin, torch.optim.SGD([twin], **options)


def test_momentum_takes_the_steps_of_torch_at_a_constant_rate(randn):
    state = MomentumState(randn(3, 2), 0 * randn(3, 2))
    twin, optimizer = torch_sgd(state.theta, lr=0.07, momentum=0.9)
    for _ in range(7):
        grad = randn(3, 2)
        twin.grad = grad.clone()
        optimizer.step()
        state = momentum_step(*state, grad, 0.07, 0.9)
        exact(state.theta, twin.detach())
        exact(state.v, 0.07 * optimizer.state[twin]["momentum_buffer"])


def test_momentum_is_not_torchs_once_the_rate_changes(randn):
    state = MomentumState(randn(3), torch.zeros(3, dtype=torch.float64))
    twin, optimizer = torch_sgd(state.theta, lr=0.1, momentum=0.9)
    for lr in (0.1, 0.01):
        grad = randn(3)
        twin.grad = grad.clone()
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        state = momentum_step(*state, grad, lr, 0.9)
    assert (state.theta - twin.detach()).abs().max() > 1e-3


def test_torchs_nesterov_holds_the_lookaheads(device, randn):
    A = torch.diag(torch.tensor([1.0, 5.0, 0.3], dtype=torch.float64, device=device))
    theta, v = randn(3), torch.zeros(3, dtype=torch.float64, device=device)
    twin, optimizer = torch_sgd(theta, lr=0.1, momentum=0.8, nesterov=True)
    for _ in range(10):
        y = nag_lookahead(theta, v, 0.8)
        exact(y, twin.detach())
        twin.grad = A @ twin.detach()
        optimizer.step()
        theta, v = nag_step(theta, v, A @ y, 0.1, 0.8)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_diagonal_quadratic_is_a_power_of_a_2x2_matrix(nesterov, device):
    curvatures, lr, mu, steps = [0.5, 2.0, 9.0], 0.1, 0.7, 25
    A = torch.diag(torch.tensor(curvatures, dtype=torch.float64, device=device))
    start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, device=device)
    path = minimize_quadratic(A, 0 * start, start, lr, mu, steps, nesterov)
    assert path.shape == (steps + 1, 3)
    assert path.device == start.device
    for j, curvature in enumerate(curvatures):
        kept = mu * (1 - lr * curvature) if nesterov else mu
        M = np.array([[1 - lr * curvature, -kept], [lr * curvature, kept]])
        for k in (0, 1, 2, 10, steps):
            expected = (np.linalg.matrix_power(M, k) @ [start[j].item(), 0.0])[0]
            assert path[k, j].item() == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("nesterov", [False, True])
def test_without_momentum_it_is_gradient_descent(nesterov, randn):
    root = randn(3, 3)
    A, b, theta = root @ root.T, randn(3), randn(3)
    path = minimize_quadratic(A, b, theta, 0.05, 0.0, 6, nesterov)
    for row in path:
        exact(row, theta)
        theta = sgd_step(theta, A @ theta - b, 0.05)


@pytest.mark.parametrize("nesterov", [False, True])
def test_it_goes_to_the_minimum_and_stays_there(nesterov, randn):
    root = randn(3, 3)
    A, b = root @ root.T + torch.eye(3, dtype=torch.float64, device=root.device), randn(3)
    minimum = torch.linalg.solve(A, b)
    path = minimize_quadratic(A, b, randn(3), 0.05, 0.8, 1500, nesterov)
    exact(path[-1], minimum)
    still = minimize_quadratic(A, b, minimum, 0.05, 0.8, 5, nesterov)
    exact(still, minimum.expand(6, 3))


def test_the_gradient_of_the_quadratic_by_finite_differences(randn):
    root = randn(3, 3)
    A, b, theta = root @ root.T, randn(3), randn(3)

    def f(x):
        return 0.5 * x @ A @ x - b @ x

    path = minimize_quadratic(A, b, theta, 1.0, 0.0, 1, False)
    grad = path[0] - path[1]
    h = 1e-6
    for j in range(3):
        bump = torch.zeros_like(theta)
        bump[j] = h
        assert abs((f(theta + bump) - f(theta - bump)) / (2 * h) - grad[j]) < 1e-7


def test_a_batch_of_problems(randn):
    A, b, theta = randn(4, 3, 3), randn(4, 3), randn(4, 3)
    A = A @ A.mT / 10
    together = minimize_quadratic(A, b, theta, 0.1, 0.5, 5, True)
    assert together.shape == (4, 6, 3)
    for i in range(4):
        exact(together[i], minimize_quadratic(A[i], b[i], theta[i], 0.1, 0.5, 5, True))


def test_no_step_gives_the_start(randn):
    path = minimize_quadratic(randn(2, 2), randn(2), start := randn(2), 0.1, 0.5, 0, True)
    assert torch.equal(path, start.unsqueeze(0))
    with pytest.raises(ValueError, match="must not be negative"):
        minimize_quadratic(randn(2, 2), randn(2), start, 0.1, 0.5, -1, True)


@pytest.mark.parametrize("step", [momentum_step, nag_step])
def test_arguments_are_left_alone_and_dtype_is_kept(step, randn):
    for dtype in (torch.float32, torch.float64):
        arguments = [randn(3).to(dtype) for _ in range(3)]
        copies = [argument.clone() for argument in arguments]
        theta, v = step(*arguments, 0.1, 0.9)
        assert theta.dtype == v.dtype == dtype
        assert all(torch.equal(a, b) for a, b in zip(arguments, copies, strict=True))


@given(st.floats(0, 10), st.floats(0, 0.95))
def test_with_a_constant_gradient_the_velocity_tends_to_the_effective_rate(lr, mu):
    one = torch.ones(1, dtype=torch.float64)
    state = MomentumState(one, 0 * one)
    for _ in range(700):
        state = momentum_step(*state, one, lr, mu)
    assert state.v.item() == pytest.approx(effective_lr(lr, mu), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("mu", [-0.1, 1.0, 2.0])
def test_no_effective_rate_outside_zero_to_one(mu):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\)"):
        effective_lr(0.1, mu)
