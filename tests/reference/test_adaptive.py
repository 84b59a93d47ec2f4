import math

import pytest
import scipy.signal
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from autograder.reference import (
    AdadeltaState,
    AdagradState,
    RmspropMomentumState,
    RmspropState,
    RpropState,
    adadelta_step,
    adagrad_step,
    decay_weights,
    manhattan_step,
    nag_step,
    net_update,
    rmsprop_nesterov_step,
    rmsprop_step,
    rprop_step,
)


def exact(a, b):
    assert_close(a, b, rtol=1e-12, atol=1e-12)


def twin_of(start, optimizer, **options):
    twin = start.clone().requires_grad_()
    return twin, optimizer([twin], **options)


def torch_step(twin, optimizer, grad):
    twin.grad = grad.clone()
    optimizer.step()
    return optimizer.state[twin]


# --- Rprop -----------------------------------------------------------------------------------


def test_rprop_takes_the_steps_of_torch(randn):
    start = randn(4, 3)
    twin, optimizer = twin_of(
        start, torch.optim.Rprop, lr=0.3, etas=(0.4, 1.5), step_sizes=(0.05, 0.6)
    )
    state = RpropState(start, torch.full_like(start, 0.3), torch.zeros_like(start))
    for t in range(30):
        grad = randn(4, 3)
        if t % 5 == 4:
            grad = torch.zeros_like(grad)
        theirs = torch_step(twin, optimizer, grad)
        state = rprop_step(state.theta, state.delta, grad, state.prev_grad, 0.4, 1.5, 0.05, 0.6)
        exact(state.theta, twin.detach())
        exact(state.delta, theirs["step_size"])
        exact(state.prev_grad, theirs["prev"])
    assert state.delta.min() >= 0.05
    assert state.delta.max() <= 0.6


def test_rprops_defaults_are_torchs(randn):
    start = randn(3)
    twin, optimizer = twin_of(start, torch.optim.Rprop)
    state = RpropState(start, torch.full_like(start, 0.01), torch.zeros_like(start))
    for _ in range(12):
        grad = randn(3)
        torch_step(twin, optimizer, grad)
        state = rprop_step(state.theta, state.delta, grad, state.prev_grad)
        exact(state.theta, twin.detach())


def test_a_weight_pauses_for_one_step_after_a_change_of_sign(device):
    theta, delta, one = (torch.tensor([x], dtype=torch.float64) for x in (5.0, 1.0, 1.0))
    state = rprop_step(theta, delta, -one, one)
    assert [x.item() for x in state] == [5.0, 0.5, 0.0]
    state = rprop_step(state.theta, state.delta, -one, state.prev_grad)
    assert [x.item() for x in state] == [5.5, 0.5, -1.0]


def test_the_product_of_tiny_gradients_still_has_a_sign(device):
    tiny = torch.tensor([1e-200, -1e-200], dtype=torch.float64)
    state = rprop_step(0 * tiny, torch.ones_like(tiny), tiny, tiny.abs())
    exact(state.delta, torch.tensor([1.2, 0.5], dtype=torch.float64, device=device))


@given(st.integers(1, 30), st.floats(-30, 30))
def test_rprop_descends_a_parabola_whatever_its_scale(steps, exponent):
    paths = []
    for scale in (1.0, 10.0**exponent):
        theta = torch.tensor([3.0], dtype=torch.float64)
        state = RpropState(theta, torch.full_like(theta, 0.5), torch.zeros_like(theta))
        for _ in range(steps):
            state = rprop_step(state.theta, state.delta, scale * state.theta, state.prev_grad)
        paths.append(state.theta.item())
    assert paths[0] == paths[1]


def test_rprop_finds_the_minimum_of_a_separable_function(randn):
    curvature = torch.tensor([1e-3, 1.0, 1e3], dtype=torch.float64, device=randn(1).device)
    start = randn(3)
    state = RpropState(start, torch.full_like(start, 0.1), torch.zeros_like(start))
    for _ in range(200):
        grad = curvature * (state.theta - 2)
        state = rprop_step(state.theta, state.delta, grad, state.prev_grad)
    assert (state.theta - 2).abs().max() < 1e-5


# --- Manhattan -------------------------------------------------------------------------------


def test_manhattan_is_sgd_on_the_sign(randn):
    start = randn(2, 3)
    twin, optimizer = twin_of(start, torch.optim.SGD, lr=0.05)
    theta = start
    for _ in range(7):
        grad = randn(2, 3)
        torch_step(twin, optimizer, grad.sign())
        theta = manhattan_step(theta, 0.05, grad)
        exact(theta, twin.detach())


def test_manhattan_is_rprop_with_factors_of_one_until_a_sign_changes(randn):
    theta, delta, grad = randn(5), randn(5).abs(), randn(5)
    state = rprop_step(theta, delta, 2 * grad, grad, 1.0, 1.0)
    exact(state.theta, manhattan_step(theta, delta, grad))


def test_manhattan_moves_no_weight_without_a_gradient(randn):
    theta = randn(3)
    assert torch.equal(manhattan_step(theta, 0.5, 0 * theta), theta)


# --- AdaGrad ---------------------------------------------------------------------------------


def test_adagrad_takes_the_steps_of_torch(randn):
    start = randn(3, 2)
    twin, optimizer = twin_of(start, torch.optim.Adagrad, lr=0.3)
    state = AdagradState(start, torch.zeros_like(start))
    for t in range(9):
        grad = 10.0 ** (t - 6) * randn(3, 2)
        theirs = torch_step(twin, optimizer, grad)
        state = adagrad_step(*state, grad, 0.3)
        exact(state.theta, twin.detach())
        assert_close(state.r, theirs["sum"], rtol=1e-12, atol=0)


def test_adagrad_takes_torchs_steps_at_a_changing_rate_and_a_large_epsilon(randn):
    start = randn(4)
    twin, optimizer = twin_of(
        start, torch.optim.Adagrad, lr=0.0, eps=0.5, initial_accumulator_value=0.2
    )
    state = AdagradState(start, torch.full_like(start, 0.2))
    for lr in (0.1, 1.0, 0.3, 0.0):
        grad = randn(4)
        optimizer.param_groups[0]["lr"] = lr
        torch_step(twin, optimizer, grad)
        state = adagrad_step(*state, grad, lr, 0.5)
        exact(state.theta, twin.detach())


def test_with_a_constant_gradient_adagrads_steps_are_one_over_root_t(device):
    grad = torch.tensor([2.0, -1e-4], dtype=torch.float64)
    state = AdagradState(0 * grad, 0 * grad)
    for t in range(1, 20):
        old = state.theta
        state = adagrad_step(*state, grad, 0.7, 0.0)
        exact(old - state.theta, 0.7 * grad.sign() / math.sqrt(t))


# --- nine against one ------------------------------------------------------------------------

NINE_AGAINST_ONE = torch.tensor([0.1] * 9 + [-0.9], dtype=torch.float64)


def test_nine_against_one_in_closed_form():
    assert net_update(NINE_AGAINST_ONE, "sgd", 0.5).item() == pytest.approx(0, abs=1e-15)
    assert net_update(NINE_AGAINST_ONE, "rmsprop", 0.5).item() == pytest.approx(0, abs=1e-14)
    assert net_update(NINE_AGAINST_ONE, "manhattan", 0.5).item() == pytest.approx(-4)
    grown = (1.2**9 - 1) / 0.2  # the tenth step is the pause after the change of sign
    assert net_update(NINE_AGAINST_ONE, "rprop", 0.5).item() == pytest.approx(-0.5 * grown)


@pytest.mark.parametrize(
    ("rule", "optimizer", "transform"),
    [
        ("sgd", torch.optim.SGD, lambda g: g),
        ("manhattan", torch.optim.SGD, torch.sign),
        ("rprop", torch.optim.Rprop, lambda g: g),
    ],
)
def test_the_net_update_is_where_torchs_optimizer_ends(rule, optimizer, transform, randn):
    grads = randn(5, 12)
    twin, optimizer = twin_of(torch.zeros_like(grads[:, 0]), optimizer, lr=0.2)
    for grad in transform(grads).unbind(-1):
        torch_step(twin, optimizer, grad)
    exact(net_update(grads, rule, 0.2), twin.detach())


def test_the_divisor_is_what_torchs_rmsprop_tends_to_on_a_repeated_sequence():
    # with γ near 1, r has settled at the mean square and hardly changes in one round
    twin, optimizer = twin_of(
        torch.zeros(1, dtype=torch.float64), torch.optim.RMSprop, lr=0.1, alpha=0.9999
    )
    grads = torch.tensor([0.3, -0.1, 0.4, 0.2], dtype=torch.float64)
    for t in range(60_000):
        if t == 59_996:
            before = twin.item()
        torch_step(twin, optimizer, grads[t % 4 : t % 4 + 1])
    assert net_update(grads, "rmsprop", 0.1).item() == pytest.approx(
        twin.item() - before, rel=0.005
    )


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="must be 'sgd'"):
        net_update(NINE_AGAINST_ONE, "adam", 0.1)


# --- RMSProp ---------------------------------------------------------------------------------


def test_rmsprop_takes_the_steps_of_torch(randn):
    start = randn(3, 2)
    twin, optimizer = twin_of(start, torch.optim.RMSprop, lr=0.02, alpha=0.9)
    state = RmspropState(start, torch.zeros_like(start))
    for t in range(9):
        grad = 10.0 ** (t - 6) * randn(3, 2)
        theirs = torch_step(twin, optimizer, grad)
        state = rmsprop_step(*state, grad, 0.02, 0.9)
        exact(state.theta, twin.detach())
        assert_close(state.r, theirs["square_avg"], rtol=1e-12, atol=0)


def test_rmsprop_takes_torchs_steps_at_a_changing_rate_and_a_large_epsilon(randn):
    start = randn(4)
    twin, optimizer = twin_of(start, torch.optim.RMSprop, lr=0.0, alpha=0.5, eps=0.3)
    state = RmspropState(start, torch.zeros_like(start))
    for lr in (0.1, 1.0, 0.3, 0.0):
        grad = randn(4)
        optimizer.param_groups[0]["lr"] = lr
        torch_step(twin, optimizer, grad)
        state = rmsprop_step(*state, grad, lr, 0.5, 0.3)
        exact(state.theta, twin.detach())


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.999])
def test_the_running_mean_is_a_linear_filter(gamma, randn):
    grads = randn(25, 3)
    b, a = [1 - gamma], [1, -gamma]
    filtered = scipy.signal.lfilter(b, a, grads.square().cpu().numpy(), axis=0)
    state = RmspropState(grads[0], torch.zeros_like(grads[0]))
    for grad, r in zip(grads, filtered, strict=True):
        state = rmsprop_step(*state, grad, 0.1, gamma)
        exact(state.r.cpu(), torch.as_tensor(r))
    weights = decay_weights(gamma, 25).to(grads.device)
    exact(weights @ grads.square(), state.r)


def test_the_decay_weights_are_a_filters_response_and_leave_out_gamma_to_the_t():
    impulse = torch.zeros(12, dtype=torch.float64)
    impulse[0] = 1
    response = scipy.signal.lfilter([0.2], [1, -0.8], impulse.numpy())
    exact(decay_weights(0.8, 12), torch.as_tensor(response[::-1].copy()))
    for t in (1, 2, 10, 1000):
        assert decay_weights(0.99, t).shape == (t,)
        assert decay_weights(0.99, t).sum().item() == pytest.approx(1 - 0.99**t, rel=1e-12)
    assert decay_weights(0.0, 3).tolist() == [0, 0, 1]


@pytest.mark.parametrize(("gamma", "t"), [(-0.1, 3), (1.0, 3), (0.9, 0)])
def test_decay_weights_refuses_what_is_no_running_mean(gamma, t):
    with pytest.raises(ValueError, match="must be"):
        decay_weights(gamma, t)


def test_rmsprop_with_momentum_takes_torchs_steps_given_the_same_gradients(randn):
    start = randn(3, 2)
    twin, optimizer = twin_of(start, torch.optim.RMSprop, lr=0.02, alpha=0.9, momentum=0.8)
    state = RmspropMomentumState(start, torch.zeros_like(start), torch.zeros_like(start))
    for t in range(9):
        grad = 10.0 ** (t - 6) * randn(3, 2)
        theirs = torch_step(twin, optimizer, grad)
        state = rmsprop_nesterov_step(*state, grad, 0.02, 0.8, 0.9)
        exact(state.theta, twin.detach())
        exact(state.v, 0.02 * theirs["momentum_buffer"])
        assert_close(state.r, theirs["square_avg"], rtol=1e-12, atol=0)


def test_without_the_division_it_is_nag(randn):
    theta, v, grad = randn(3), randn(3), randn(3)
    # ε far above √r is a constant divisor
    state = rmsprop_nesterov_step(theta, v, 0 * v, grad, 0.1 * 1e15, 0.9, 0.5, 1e15)
    exact(state.theta, nag_step(theta, v, grad, 0.1, 0.9).theta)


# --- AdaDelta --------------------------------------------------------------------------------


def test_adadelta_takes_the_steps_of_torch(randn):
    start = randn(3, 2)
    twin, optimizer = twin_of(start, torch.optim.Adadelta, lr=1.0, rho=0.95, eps=1e-6)
    state = AdadeltaState(start, torch.zeros_like(start), torch.zeros_like(start))
    for t in range(9):
        grad = 10.0 ** (t - 6) * randn(3, 2)
        theirs = torch_step(twin, optimizer, grad)
        state = adadelta_step(*state, grad)
        exact(state.theta, twin.detach())
        assert_close(state.r, theirs["square_avg"], rtol=1e-12, atol=0)
        assert_close(state.p, theirs["acc_delta"], rtol=1e-12, atol=0)


def test_adadeltas_rate_scales_the_step_that_p_remembers(randn):
    theta, r, p, grad = randn(3), randn(3) ** 2, randn(3) ** 2, randn(3)
    twin, optimizer = twin_of(theta, torch.optim.Adadelta, lr=1.0, rho=0.8, eps=0.01)
    torch_step(twin, optimizer, grad)  # makes the state, which is then replaced
    with torch.no_grad():
        twin.copy_(theta)
    optimizer.state[twin].update(square_avg=r.clone(), acc_delta=p.clone())
    theirs = torch_step(twin, optimizer, grad)
    state = adadelta_step(theta, r, p, grad, 0.3, 0.8, 0.8, 0.01)
    exact(theta - state.theta, 0.3 * (theta - twin.detach()))
    exact(state.r, theirs["square_avg"])
    exact(state.p - 0.8 * p, 0.09 * (theirs["acc_delta"] - 0.8 * p))


def test_adadeltas_decay_rates_belong_to_r_and_to_p(randn):
    theta, r, p, grad = randn(3), randn(3) ** 2, randn(3) ** 2, randn(3)
    keep_r = adadelta_step(theta, r, p, grad, 1.0, 0.999999, 0.0, 1e-6)
    assert_close(keep_r.r, r, rtol=0, atol=1e-4)
    exact(keep_r.p, (theta - keep_r.theta) ** 2)


def test_adadelta_has_the_units_of_theta(randn):
    """θ in another unit: gradients scale by 1/c, steps and √p by c, as in Newton's method."""
    theta, r, p, grad = randn(3), randn(3) ** 2, randn(3) ** 2, randn(3)
    c = 1000.0
    a = adadelta_step(theta, r, p, grad, eps=1e-300)
    b = adadelta_step(c * theta, r / c**2, p * c**2, grad / c, eps=1e-300)
    exact(b.theta / c, a.theta)
    exact(b.p / c**2, a.p)


# --- all of them -----------------------------------------------------------------------------


@given(st.floats(-5, 5))
def test_the_scale_of_the_gradients_does_not_matter(exponent):
    generator = torch.Generator().manual_seed(3)
    grads = torch.randn(6, 4, dtype=torch.float64, generator=generator)
    scale = 10.0**exponent
    ends = []
    for c in (1.0, scale):
        zero, one = torch.zeros_like(grads[0]), torch.ones_like(grads[0])
        ada, rms = AdagradState(zero, zero), RmspropState(zero, zero)
        nest, delta = RmspropMomentumState(zero, zero, zero), AdadeltaState(zero, zero, one)
        for grad in c * grads:
            ada = adagrad_step(*ada, grad, 0.1, 0.0)
            rms = rmsprop_step(*rms, grad, 0.1, 0.9, 0.0)
            nest = rmsprop_nesterov_step(*nest, grad, 0.1, 0.5, 0.9, 0.0)
            delta = adadelta_step(*delta, grad, eps=1e-300)
        ends.append([ada.theta, rms.theta, nest.theta, delta.theta])
    for a, b in zip(*ends, strict=True):
        assert_close(a, b, rtol=1e-10, atol=1e-10)


STEPS = {
    rprop_step: (4, ()),
    manhattan_step: (3, ()),
    adagrad_step: (3, (0.1,)),
    rmsprop_step: (3, (0.1, 0.9)),
    rmsprop_nesterov_step: (4, (0.1, 0.8, 0.9)),
    adadelta_step: (4, ()),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_arguments_are_left_alone_and_dtype_and_device_are_kept(step, dtype, randn):
    count, numbers = STEPS[step]
    arguments = [(randn(2, 3) ** 2 + 0.1).to(dtype) for _ in range(count)]
    copies = [argument.clone() for argument in arguments]
    outputs = step(*arguments, *numbers)
    for output in [outputs] if isinstance(outputs, torch.Tensor) else outputs:
        assert output.dtype == dtype
        assert output.device == arguments[0].device
        assert output.shape == (2, 3)
    assert all(torch.equal(a, b) for a, b in zip(arguments, copies, strict=True))
