import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from autograder.reference import (
    AdamaxState,
    AdamState,
    AmsgradState,
    adam_step,
    adam_trajectory,
    adamax_step,
    adamw_step,
    amsgrad_step,
    bias_correction,
)

SIZES = (1.0, 1e-8, 1e3, 0.0, 1e-3, 30.0, 1e-8)


def exact(a, b):
    assert_close(a, b, rtol=1e-12, atol=1e-14)


def zeros(theta):
    return torch.zeros_like(theta), torch.zeros_like(theta)


@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("rates", [(0.1,) * 7, (0.5, 0.3, 0.1, 0.0, 0.2, 0.01, 1.0)])
def test_adam_takes_the_steps_of_torch(rates, eps, randn):
    state = AdamState(theta := randn(3, 2), *zeros(theta))
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([twin], betas=(0.8, 0.99), eps=eps)
    for t, (lr, size) in enumerate(zip(rates, SIZES, strict=True), start=1):
        grad = size * randn(3, 2)
        optimizer.param_groups[0]["lr"] = lr
        twin.grad = grad.clone()
        optimizer.step()
        state = adam_step(*state, grad, t, lr, 0.8, 0.99, eps)
        exact(state.theta, twin.detach())
        exact(state.r, optimizer.state[twin]["exp_avg"])
        exact(state.p, optimizer.state[twin]["exp_avg_sq"])


@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("rates", [(0.1,) * 7, (0.5, 0.3, 0.1, 0.0, 0.2, 0.01, 1.0)])
def test_adamax_takes_the_steps_of_torch(rates, eps, randn):
    state = AdamaxState(theta := randn(3, 2), *zeros(theta))
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.Adamax([twin], betas=(0.8, 0.99), eps=eps)
    for t, (lr, size) in enumerate(zip(rates, SIZES, strict=True), start=1):
        grad = size * randn(3, 2)
        optimizer.param_groups[0]["lr"] = lr
        twin.grad = grad.clone()
        optimizer.step()
        state = adamax_step(*state, grad, t, lr, 0.8, 0.99, eps)
        exact(state.theta, twin.detach())
        exact(state.r, optimizer.state[twin]["exp_avg"])
        exact(state.p, optimizer.state[twin]["exp_inf"])


@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("rates", [(0.1,) * 7, (0.5, 0.3, 0.1, 0.0, 0.2, 0.01, 1.0)])
def test_amsgrad_takes_the_steps_of_torch(rates, eps, randn):
    theta = randn(3, 2)
    state = AmsgradState(theta, *zeros(theta), torch.zeros_like(theta))
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([twin], betas=(0.8, 0.99), eps=eps, amsgrad=True)
    for t, (lr, size) in enumerate(zip(rates, SIZES, strict=True), start=1):
        grad = size * randn(3, 2)
        optimizer.param_groups[0]["lr"] = lr
        twin.grad = grad.clone()
        optimizer.step()
        state = amsgrad_step(*state, grad, t, lr, 0.8, 0.99, eps)
        exact(state.theta, twin.detach())
        exact(state.r, optimizer.state[twin]["exp_avg"])
        exact(state.p, optimizer.state[twin]["exp_avg_sq"])
        exact(state.p_max, optimizer.state[twin]["max_exp_avg_sq"])
    assert (state.p_max > state.p).any(), "gradients that grow for ever do not try the maximum"


def test_amsgrads_divisor_remembers_one_large_gradient_for_ever():
    """Closed form: after a gradient C, with γ₁ = 0, every −1 moves θ by α / (√(1 − γ₂) C)."""
    zero = torch.zeros(1, dtype=torch.float64)
    state, adam = AmsgradState(zero, zero, zero, zero), AdamState(zero, zero, zero)
    C, gamma2, lr = 100.0, 0.5, 0.01
    for t in range(40):
        grad = torch.full((1,), C if t == 0 else -1.0, dtype=torch.float64)
        before, adam_before = state.theta, adam.theta
        state = amsgrad_step(*state, grad, np.inf, lr, 0.0, gamma2, 0.0)
        adam = adam_step(*adam, grad, np.inf, lr, 0.0, gamma2, 0.0)
    expected = lr / (np.sqrt(1 - gamma2) * C)
    assert (state.theta - before).item() == pytest.approx(expected, rel=1e-12)
    # Adam has forgotten it: p → 1
    assert (adam.theta - adam_before).item() == pytest.approx(lr, rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.01, 0.5])
@pytest.mark.parametrize("rates", [(0.1,) * 7, (0.5, 0.3, 0.1, 0.0, 0.2, 0.01, 1.0)])
def test_adamw_takes_the_steps_of_torch(rates, decay, randn):
    state = AdamState(theta := randn(3, 2), *zeros(theta))
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.AdamW([twin], betas=(0.8, 0.99), eps=1e-8, weight_decay=decay)
    for t, (lr, size) in enumerate(zip(rates, SIZES, strict=True), start=1):
        grad = size * randn(3, 2)
        optimizer.param_groups[0]["lr"] = lr
        twin.grad = grad.clone()
        optimizer.step()
        state = adamw_step(*state, grad, t, lr, 0.8, 0.99, 1e-8, decay)
        exact(state.theta, twin.detach())
        exact(state.p, optimizer.state[twin]["exp_avg_sq"])


def test_adamw_shrinks_every_weight_alike(randn):
    theta = randn(5)
    state = AdamState(theta, *zeros(theta))
    for t in range(1, 11):
        state = adamw_step(*state, torch.zeros(5).to(theta), t, 0.1, 0.9, 0.999, 1e-8, 0.2)
    exact(state.theta, theta * (1 - 0.1 * 0.2) ** 10)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.999])
def test_an_infinite_number_of_updates_means_no_correction(gamma, randn):
    assert torch.equal(bias_correction(x := randn(4), gamma, np.inf), x)


def test_the_trajectory_is_torchs(randn):
    theta, grads = randn(2, 3), randn(9, 2, 3)
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.Adam([twin], lr=0.07, betas=(0.9, 0.999), eps=1e-8)
    path = adam_trajectory(theta, grads, 0.07, 0.9, 0.999, 1e-8)
    assert path.shape == (10, 2, 3)
    assert torch.equal(path[0], theta)
    for grad, row in zip(grads, path[1:], strict=True):
        twin.grad = grad.clone()
        optimizer.step()
        exact(row, twin.detach())


def test_the_trajectory_through_autograd_on_a_curved_valley(device):
    def f(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    start = torch.tensor([-1.2, 1.0], dtype=torch.float64, device=device)
    twin = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([twin], lr=0.05)
    grads, points = [], [start]
    for _ in range(50):
        optimizer.zero_grad()
        f(twin).backward()
        grads.append(twin.grad.clone())
        optimizer.step()
        points.append(twin.detach().clone())
    path = adam_trajectory(start, torch.stack(grads), 0.05, 0.9, 0.999, 1e-8)
    assert_close(path, torch.stack(points), rtol=1e-11, atol=1e-11)


@given(st.floats(0, 0.9999), st.integers(1, 200), st.floats(-1e3, 1e3))
def test_the_corrected_mean_of_a_constant_is_the_constant(gamma, t, value):
    mean = torch.zeros(1, dtype=torch.float64)
    for _ in range(t):
        mean = gamma * mean + (1 - gamma) * value
    assert bias_correction(mean, gamma, t).item() == pytest.approx(value, rel=1e-9, abs=1e-12)


@given(st.floats(0, 0.999), st.integers(1, 30))
def test_the_correction_is_the_weighted_mean_with_weights_that_add_up_to_one(gamma, t):
    values = np.cos(np.arange(t))
    mean = torch.zeros(1, dtype=torch.float64)
    for value in values:
        mean = gamma * mean + (1 - gamma) * value
    expected = np.average(values, weights=float(gamma) ** np.arange(t)[::-1])
    assert bias_correction(mean, gamma, t).item() == pytest.approx(expected, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("step", [adam_step, adamax_step])
@pytest.mark.parametrize("gammas", [(0.0, 0.0), (0.9, 0.999), (0.5, 0.2)])
def test_the_first_step_has_the_length_of_the_rate(step, gammas, device):
    theta = torch.zeros(4, dtype=torch.float64, device=device)
    grad = torch.tensor([1e-3, -2.0, 1e3, 0.0], dtype=torch.float64, device=device)
    moved = step(theta, theta, theta, grad, 1, 0.3, *gammas, 1e-15).theta
    expected = torch.tensor([-0.3, 0.3, -0.3, 0.0], dtype=torch.float64, device=device)
    assert_close(moved, expected, rtol=1e-10, atol=1e-12)


def test_what_the_slide_prints_is_wrong_by_the_stated_factors(device):
    r, p = (1 - 0.9) * 1.0, (1 - 0.999) * 1.0  # after one gradient of 1
    right = bias_correction(torch.tensor(r), 0.9, 1), bias_correction(torch.tensor(p), 0.999, 1)
    printed = r / (1 - (1 - 0.9)), p / (1 - (1 - 0.999))
    adam = (printed[0] / printed[1] ** 0.5) / (right[0] / right[1] ** 0.5).item()
    assert adam == pytest.approx(3.5, abs=0.02)
    assert right[0].item() / printed[0] == pytest.approx(9, rel=1e-6)


@pytest.mark.parametrize("step", [adam_step, adamax_step])
def test_the_step_does_not_depend_on_the_scale_of_the_gradients(step, randn):
    grads = randn(6, 5)
    ends = []
    for scale in (1.0, 1e4):
        state = (torch.zeros_like(grads[0]),) * 3
        for t, grad in enumerate(grads, start=1):
            state = step(*state, scale * grad, t, 0.1, 0.9, 0.99, 1e-14)
        ends.append(state[0])
    assert_close(ends[0], ends[1], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("step", [adam_step, adamax_step])
def test_arguments_are_left_alone_and_dtype_and_device_are_kept(step, randn):
    for dtype in (torch.float32, torch.float64):
        arguments = [randn(3).to(dtype).abs() for _ in range(4)]
        copies = [argument.clone() for argument in arguments]
        state = step(*arguments, 3, 0.1, 0.9, 0.999, 1e-8)
        assert all(part.dtype == dtype for part in state)
        assert all(part.device == arguments[0].device for part in state)
        assert all(torch.equal(a, b) for a, b in zip(arguments, copies, strict=True))


@pytest.mark.parametrize("t", [0, -1])
def test_updates_are_counted_from_one(t):
    one = torch.ones(1)
    with pytest.raises(ValueError, match="counted from 1"):
        bias_correction(one, 0.9, t)
    with pytest.raises(ValueError, match="counted from 1"):
        adam_step(one, one, one, one, t, 0.1, 0.9, 0.9, 1e-8)


@pytest.mark.parametrize("gamma", [-0.1, 1.0])
def test_no_decay_rate_outside_zero_to_one(gamma):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\)"):
        bias_correction(torch.ones(1), gamma, 2)


def test_no_step_gives_the_start_and_shapes_must_fit(randn):
    start = randn(3)
    assert torch.equal(adam_trajectory(start, randn(0, 3), 0.1, 0.9, 0.9, 1e-8), start[None])
    with pytest.raises(ValueError, match="grads of shape"):
        adam_trajectory(start, randn(4, 2), 0.1, 0.9, 0.9, 1e-8)
