import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from autograder.reference import (
    dropout_test,
    dropout_train,
    early_stopping,
    ensemble_predict,
    inverted_dropout_backward,
    inverted_dropout_forward,
    l1_step,
    l2_step,
    random_crop_flip,
)


def exact(a, b):
    assert_close(a, b, rtol=1e-12, atol=1e-12)


# --- dropout ---------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0.3, 0.8, 1.0])
def test_inverted_dropout_is_torchs_forward_and_backward(keep, randn):
    x, grad = randn(5, 7).requires_grad_(), randn(5, 7)

    def torchs(values):
        torch.manual_seed(4)
        return torch.nn.functional.dropout(values, p=1 - keep, training=True)

    mask = (torchs(torch.ones_like(x)) != 0).double()
    y = torchs(x)
    y.backward(grad)
    exact(inverted_dropout_forward(x.detach(), mask, keep), y.detach())
    exact(inverted_dropout_backward(grad, mask, keep), x.grad)


def masks(n):
    return torch.tensor([[i >> j & 1 for j in range(n)] for i in range(2**n)]).double()


@pytest.mark.parametrize("keep", [0.25, 0.6, 1.0])
def test_both_forms_give_in_training_what_they_give_in_testing_on_average(keep, randn):
    x, W, b = randn(4), randn(3, 4), randn(3)
    every = masks(4).to(x.device)
    weight = keep ** every.sum(dim=1) * (1 - keep) ** (4 - every.sum(dim=1))
    lecture = (weight[:, None] * (dropout_train(x, every, keep) @ W.T + b)).sum(dim=0)
    scaled, bias = dropout_test(W, b, keep)
    exact(lecture, scaled @ x + bias)
    inverted = (weight[:, None] * inverted_dropout_forward(x, every, keep)).sum(dim=0)
    exact(inverted, x)


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.1, math.nan])
def test_a_keep_rate_that_is_none_is_refused(keep):
    x = torch.ones(2)
    for call in (
        lambda: dropout_train(x, x, keep),
        lambda: dropout_test(x, x, keep),
        lambda: inverted_dropout_forward(x, x, keep),
        lambda: inverted_dropout_backward(x, x, keep),
    ):
        with pytest.raises(ValueError, match="keep"):
            call()


# --- penalties -------------------------------------------------------------------------------


def test_l2_is_torchs_weight_decay_with_the_biases_in_a_group_of_their_own(randn):
    w, b = randn(3, 2), randn(3)
    twins = [w.clone().requires_grad_(), b.clone().requires_grad_()]
    optimizer = torch.optim.SGD(
        [{"params": twins[:1], "weight_decay": 0.3}, {"params": twins[1:]}], lr=0.1
    )
    for lr in (0.1, 0.1, 0.05, 0.01):
        grads = randn(3, 2), randn(3)
        for twin, grad, group in zip(twins, grads, optimizer.param_groups, strict=True):
            twin.grad = grad.clone()
            group["lr"] = lr
        optimizer.step()
        w, b = l2_step(w, b, *grads, lr, 0.3)
        exact(w, twins[0].detach())
        exact(b, twins[1].detach())


@pytest.mark.parametrize(
    ("step", "penalty"),
    [(l2_step, lambda w: 0.5 * (w**2).sum()), (l1_step, lambda w: w.abs().sum())],
)
def test_steps_are_gradient_descent_on_the_penalized_loss(step, penalty, randn):
    w, b, x, y = randn(2, 3), randn(2), randn(5, 3), randn(5, 2)
    for t in range(6):
        lr, lam = 0.1 / (t + 1), 0.4
        leaves = w.clone().requires_grad_(), b.clone().requires_grad_()
        loss = ((x @ leaves[0].T + leaves[1] - y) ** 2).mean()
        grads = torch.autograd.grad(loss, leaves, retain_graph=True)
        whole = torch.autograd.grad(loss + lam * penalty(leaves[0]), leaves)
        new = step(w, b, *grads, lr, lam)
        exact(new.w, w - lr * whole[0])
        exact(new.b, b - lr * whole[1])
        w, b = new


def test_a_weight_of_zero_feels_no_l1_penalty(device):
    zero = torch.zeros(2, dtype=torch.float64, device=device)
    exact(l1_step(zero, zero, zero + 1, zero, 0.5, 9.0).w, zero - 0.5)


def test_without_a_loss_l2_decays_by_a_power_and_l1_along_a_line(randn):
    start = randn(4).abs() + 1
    zero = torch.zeros_like(start)
    w = v = start
    for _ in range(10):
        w = l2_step(w, zero, zero, zero, 0.1, 0.5).w
        v = l1_step(v, zero, zero, zero, 0.1, 0.5).w
    exact(w, start * 0.95**10)
    exact(v, start - 0.5)


# --- early stopping --------------------------------------------------------------------------

losses = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=25)


@given(losses, st.integers(1, 6))
def test_it_stops_where_torchs_scheduler_would_cut_the_rate(values, patience):
    # the scheduler waits for more than its patience: patience − 1 is the same rule
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, patience=patience - 1, threshold=0.0, threshold_mode="abs"
    )
    stop = len(values) - 1
    for t, value in enumerate(values):
        scheduler.step(value)
        if optimizer.param_groups[0]["lr"] < 1:
            stop = t
            break
    found = early_stopping(torch.tensor(values), patience)
    assert found.stop.item() == stop
    assert found.best.item() == int(np.argmin(values[: stop + 1]))


@given(losses, st.integers(1, 6), st.lists(st.floats(-9, 9), max_size=5))
def test_what_comes_after_the_stop_has_no_influence(values, patience, future):
    best, stop = early_stopping(torch.tensor(values), patience)
    if stop < len(values) - 1:
        changed = torch.tensor([*values[: stop + 1], *future, 0.0])
        assert early_stopping(changed, patience) == (best, stop)


def test_early_stopping_of_many_runs_and_of_diverged_ones(device):
    runs = torch.tensor(
        [[3, 2, 1, 2, 2, 0], [1, 1, 1, 1, 1, 1], [6, 5, 4, 3, 2, 1]], device=device
    ).double()
    best, stop = early_stopping(runs, 2)
    assert best.tolist() == [2, 0, 5]
    assert stop.tolist() == [4, 2, 5]
    assert best.device == runs.device
    nan = torch.tensor([2, 1, math.nan, math.nan, 0], device=device).double()
    assert [item.item() for item in early_stopping(nan, 2)] == [1, 3]


def test_early_stopping_refuses_what_makes_no_sense():
    with pytest.raises(ValueError, match="patience"):
        early_stopping(torch.ones(3), 0)
    with pytest.raises(ValueError, match="number of losses"):
        early_stopping(torch.ones(0), 1)


# --- ensembles -------------------------------------------------------------------------------


def test_the_ensembles_prediction_is_numpys_average(randn):
    probs = torch.softmax(randn(2, 5, 7, 3), dim=-1)
    p, labels = ensemble_predict(probs)
    average = np.average(probs.cpu(), axis=1)
    np.testing.assert_allclose(p.cpu(), average, rtol=1e-12)
    assert labels.tolist() == average.argmax(axis=-1).tolist()
    exact(p.sum(dim=-1), torch.ones_like(p[..., 0]))


@given(st.integers(0, 1000))
def test_the_mean_is_never_worse_than_its_models_are_on_average(seed):
    rng = np.random.default_rng(seed)
    probs = torch.tensor(rng.dirichlet(np.ones(3), size=(4, 6)))
    labels = torch.tensor(rng.integers(0, 3, 6))

    def loss(p):
        return torch.nn.functional.nll_loss(p.log(), labels)

    assert loss(ensemble_predict(probs).probs) <= sum(map(loss, probs)) / 4 + 1e-12


# --- crops -----------------------------------------------------------------------------------


@pytest.mark.parametrize("flip", [False, True])
@given(st.integers(-6, 6), st.integers(-6, 6))
def test_a_crop_is_a_window_of_the_padded_image(flip, dy, dx):
    img = torch.arange(2 * 4 * 5).reshape(2, 4, 5).double() + 1
    padded = torch.nn.functional.pad(img, (6, 6, 6, 6))
    expected = padded[:, 6 + dy : 10 + dy, 6 + dx : 11 + dx]
    if flip:
        expected = torch.fliplr(expected.permute(1, 2, 0)).permute(2, 0, 1)
    exact(random_crop_flip(img, dy, dx, flip), expected)


def test_a_crop_stays_on_its_device_and_leaves_the_image_alone(randn):
    img = randn(3, 4)
    before = img.clone()
    out = random_crop_flip(img, 1, -1, True)
    assert out.device == img.device
    exact(img, before)
    exact(random_crop_flip(img, 0, 0, False), img)
