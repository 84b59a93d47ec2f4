import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_linear_bn_weights
from torch.testing import assert_close

from autograder.reference import (
    RunningStatistics,
    batchnorm_backward,
    batchnorm_forward,
    batchnorm_inference,
    fold_into_linear,
    update_running,
)

EPS = 1e-5


def exact(a, b):
    assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 1e-5, 0.1])
def test_training_is_torchs(eps, randn):
    x, gamma, beta = 3 * randn(8, 5) + 2, randn(5), randn(5)
    exact(
        batchnorm_forward(x, gamma, beta, eps),
        F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps),
    )


def test_running_statistics_and_inference_are_those_of_a_torch_module(randn):
    module = nn.BatchNorm1d(4, eps=EPS, momentum=0.1, dtype=torch.float64)
    gamma, beta = randn(4), randn(4)
    with torch.no_grad():
        module.weight.copy_(gamma)
        module.bias.copy_(beta)
    state = RunningStatistics(0 * randn(4), 0 * randn(4) + 1)
    for step in range(7):
        x = (step + 1) * randn(6, 4) + step
        exact(batchnorm_forward(x, gamma, beta, EPS), module(x).detach())
        state = update_running(*state, x, 0.9)
        exact(state.mean, module.running_mean)
        exact(state.var, module.running_var)
    module.eval()
    for n in (1, 5):
        x = randn(n, 4)
        exact(batchnorm_inference(x, gamma, beta, *state, EPS), module(x).detach())


@pytest.mark.parametrize("eps", [1e-8, 1e-5, 0.1])
@pytest.mark.parametrize("n", [2, 3, 9])
def test_the_gradient_is_autograds(n, eps, randn):
    x, gamma, beta, grad_out = randn(n, 4) + 1, randn(4), randn(4), randn(n, 4)
    leaves = [item.clone().requires_grad_() for item in (x, gamma, beta)]
    y = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=eps)
    expected = torch.autograd.grad(y, leaves, grad_out)
    for got, want in zip(batchnorm_backward(grad_out, x, gamma, eps), expected, strict=True):
        exact(got, want)


def test_the_gradient_against_finite_differences(randn):
    x, gamma, beta, grad_out = randn(5, 3), randn(3), randn(3), randn(5, 3)
    h = 1e-6

    def loss(x, gamma, beta):
        return (grad_out * batchnorm_forward(x, gamma, beta, EPS)).sum().item()

    arguments = [x, gamma, beta]
    for number, gradient in enumerate(batchnorm_backward(grad_out, x, gamma, EPS)):
        flat = gradient.flatten()
        for index in range(flat.numel()):
            ends = []
            for sign in (1, -1):
                bumped = [item.clone() for item in arguments]
                bumped[number].view(-1)[index] += sign * h
                ends.append(loss(*bumped))
            assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(flat[index].item(), abs=1e-7)


@given(st.integers(2, 9), st.integers(0, 10_000), st.floats(1e-8, 1e-3))
def test_mean_and_variance_of_the_output(n, seed, eps):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, dtype=torch.float64, generator=generator)
    gamma, beta = torch.randn(2, 3, dtype=torch.float64, generator=generator)
    y = batchnorm_forward(x, gamma, beta, eps)
    variance = x.var(dim=0, correction=0)
    exact(y.mean(dim=0), beta)
    exact(y.var(dim=0, correction=0), gamma**2 * variance / (variance + eps))


@given(st.integers(2, 9), st.integers(0, 10_000))
def test_the_gradient_is_blind_to_a_shift_of_the_batch(n, seed):
    generator = torch.Generator().manual_seed(seed)
    x, grad_out = torch.randn(2, n, 3, dtype=torch.float64, generator=generator)
    gamma = torch.randn(3, dtype=torch.float64, generator=generator)
    grad_x, _, _ = batchnorm_backward(grad_out, x, gamma, 0.01)
    assert_close(grad_x.sum(dim=0), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-11)


def test_a_constant_feature_is_no_division_by_zero(randn):
    x, gamma, beta = randn(4, 1).expand(4, 4).T.contiguous(), randn(4), randn(4)
    exact(batchnorm_forward(x, gamma, beta, EPS), beta.expand(4, 4))
    grads = batchnorm_backward(randn(4, 4), x, gamma, EPS)
    assert all(torch.isfinite(grad).all() for grad in grads)


def test_folding_is_torchs_fusion_and_keeps_the_function(randn):
    W, b = randn(4, 3), randn(4)
    gamma, beta, mean, var = randn(4), randn(4), randn(4), randn(4) ** 2
    folded = fold_into_linear(W, b, gamma, beta, mean, var, EPS)
    fused = fuse_linear_bn_weights(nn.Parameter(W), nn.Parameter(b), mean, var, EPS, gamma, beta)
    exact(folded.W, fused[0].detach())
    exact(folded.b, fused[1].detach())
    h = randn(6, 3)
    exact(F.linear(h, *folded), batchnorm_inference(F.linear(h, W, b), gamma, beta, mean, var, EPS))


def test_running_statistics_converge_to_those_of_one_batch_repeated(randn):
    x = 2 * randn(6, 3) + 5
    state = RunningStatistics(torch.zeros_like(x[0]), torch.ones_like(x[0]))
    for _ in range(400):
        state = update_running(*state, x, 0.9)
    exact(state.mean, x.mean(dim=0))
    exact(state.var, x.var(dim=0))
    assert all(
        torch.equal(a, b)
        for a, b in zip(update_running(*state, randn(6, 3), 1.0), state, strict=True)
    )


def test_a_batch_of_one_has_no_variance(randn):
    with pytest.raises(ValueError, match="2 examples are needed"):
        update_running(randn(3), randn(3), randn(1, 3), 0.9)


def test_a_batch_of_problems(randn):
    x, gamma, beta, grad_out = randn(2, 6, 3), randn(2, 3), randn(2, 3), randn(2, 6, 3)
    mean, var, W, b = randn(2, 3), randn(2, 3) ** 2, randn(2, 3, 4), randn(2, 3)
    y = batchnorm_forward(x, gamma, beta, EPS)
    grads = batchnorm_backward(grad_out, x, gamma, EPS)
    at_test = batchnorm_inference(x, gamma, beta, mean, var, EPS)
    state = update_running(mean, var, x, 0.8)
    folded = fold_into_linear(W, b, gamma, beta, mean, var, EPS)
    for i in range(2):
        exact(y[i], batchnorm_forward(x[i], gamma[i], beta[i], EPS))
        exact(at_test[i], batchnorm_inference(x[i], gamma[i], beta[i], mean[i], var[i], EPS))
        pairs = [
            (grads, batchnorm_backward(grad_out[i], x[i], gamma[i], EPS)),
            (state, update_running(mean[i], var[i], x[i], 0.8)),
            (folded, fold_into_linear(W[i], b[i], gamma[i], beta[i], mean[i], var[i], EPS)),
        ]
        for together, one in pairs:
            for a, c in zip(together, one, strict=True):
                exact(a[i], c)


def test_arguments_are_left_alone_and_dtype_and_device_are_kept(randn):
    for dtype in (torch.float32, torch.float64):
        x, grad_out, W = (randn(4, 4).to(dtype) for _ in range(3))
        gamma, beta, mean, b = (randn(4).to(dtype) for _ in range(4))
        var = mean**2
        given_ = [x, grad_out, W, gamma, beta, mean, b, var]
        copies = [item.clone() for item in given_]
        results = [
            batchnorm_forward(x, gamma, beta, EPS),
            *batchnorm_backward(grad_out, x, gamma, EPS),
            batchnorm_inference(x, gamma, beta, mean, var, EPS),
            *update_running(mean, var, x, 0.9),
            *fold_into_linear(W, b, gamma, beta, mean, var, EPS),
        ]
        assert all(item.dtype == dtype and item.device == x.device for item in results)
        assert all(torch.equal(a, c) for a, c in zip(given_, copies, strict=True))
