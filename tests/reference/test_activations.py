import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.testing import assert_close

from autograder.reference import (
    leaky_relu_backward,
    leaky_relu_forward,
    maxout_backward,
    maxout_forward,
    prelu_backward,
    prelu_forward,
    rectifier_backward,
    rectifier_forward,
    relu_backward,
    relu_forward,
)


def with_zeros(x):
    """The same numbers, but about a quarter of them 0."""
    flat = x.flatten().clone()
    flat[::4] = 0
    return flat.reshape(x.shape)


def gradients(function, grad_out, *inputs):
    leaves = [item.clone().requires_grad_() for item in inputs]
    return torch.autograd.grad(function(*leaves), leaves, grad_out)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4)])
def test_relu_is_torchs_also_at_zero(shape, randn):
    x, grad_out = with_zeros(randn(1, *shape)[0]), randn(1, *shape)[0]
    assert_close(relu_forward(x), F.relu(x), rtol=0, atol=0)
    (expected,) = gradients(F.relu, grad_out, x)
    assert_close(relu_backward(x, grad_out), expected, rtol=0, atol=0)


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_leaky_relu_is_torchs_also_at_zero(shape, slope, randn):
    x, grad_out = with_zeros(randn(1, *shape)[0]), randn(1, *shape)[0]
    assert_close(leaky_relu_forward(x, slope), F.leaky_relu(x, slope), rtol=0, atol=0)
    (expected,) = gradients(lambda z: F.leaky_relu(z, slope), grad_out, x)
    assert_close(leaky_relu_backward(x, slope, grad_out), expected, rtol=0, atol=0)


def test_prelu_is_torchs_also_at_zero(randn):
    x, slope, grad_out = with_zeros(randn(6, 4)), 2 * randn(4), randn(6, 4)
    assert_close(prelu_forward(x, slope), F.prelu(x, slope), rtol=0, atol=0)
    expected = gradients(F.prelu, grad_out, x, slope)
    for got, want in zip(prelu_backward(x, slope, grad_out), expected, strict=True):
        assert_close(got, want, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("slopes", [(), (4,)])
def test_a_rectifier_is_torchs_prelu_with_one_slope_or_one_a_unit(slopes, randn):
    x, grad_out = with_zeros(randn(6, 4)), randn(6, 4)
    weight = 2 * randn(1, *(slopes or (1,)))[0]
    slope = weight if slopes else float(weight)
    assert_close(rectifier_forward(x, slope), F.prelu(x, weight), rtol=0, atol=0)
    grad_x, grad_slope = rectifier_backward(x, slope, grad_out)
    expected_x, expected_slope = gradients(F.prelu, grad_out, x, weight)
    assert_close(grad_x, expected_x, rtol=1e-14, atol=1e-14)
    assert_close(grad_slope, expected_slope.reshape(slopes), rtol=1e-13, atol=1e-13)


def test_prelu_against_finite_differences(randn):
    x, slope, grad_out = randn(5, 3), randn(3), randn(5, 3)
    h = 1e-6

    def loss(x, slope):
        return (grad_out * prelu_forward(x, slope)).sum()

    grad_x, grad_slope = prelu_backward(x, slope, grad_out)
    for j in range(3):
        bump = torch.zeros_like(slope)
        bump[j] = h
        difference = (loss(x, slope + bump) - loss(x, slope - bump)) / (2 * h)
        assert abs(difference - grad_slope[j]) < 1e-8
        bump = torch.zeros_like(x)
        bump[1, j] = h
        difference = (loss(x + bump, slope) - loss(x - bump, slope)) / (2 * h)
        assert abs(difference - grad_x[1, j]) < 1e-8


@pytest.mark.parametrize(("shape", "pieces"), [((6,), 2), ((4, 6), 3), ((2, 3, 4), 1), ((3, 5), 5)])
def test_maxout_is_torchs_max_pooling_of_neighbours(shape, pieces, randn):
    x = randn(*shape)
    y, winner = maxout_forward(x, pieces)

    def pool(z):
        rows = z.reshape(1, -1, z.shape[-1])
        pooled = F.max_pool1d(rows, pieces, stride=pieces)
        return pooled.reshape(*shape[:-1], shape[-1] // pieces)

    assert_close(y, pool(x), rtol=0, atol=0)
    grad_out = randn(*y.shape)
    (expected,) = gradients(pool, grad_out, x)
    assert_close(maxout_backward(winner, pieces, grad_out), expected, rtol=0, atol=0)


def test_maxout_by_hand(device):
    x = torch.tensor([[1.0, 5.0, 2.0, 2.0, -3.0, -4.0]], dtype=torch.float64)
    y, winner = maxout_forward(x, 2)
    assert y.tolist() == [[5, 2, -3]]
    assert winner.tolist() == [[1, 0, 0]]  # of equals the first
    assert winner.dtype == torch.int64
    grads = maxout_backward(winner, 2, torch.tensor([[10.0, 20.0, 30.0]], dtype=torch.float64))
    assert grads.tolist() == [[0, 10, 20, 0, 30, 0]]
    assert y.device == winner.device == grads.device == x.device


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000))
def test_maxout_with_pieces_x_and_zero_is_relu(rows, units, seed):
    x = torch.randn(rows, units, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    both = torch.stack([x, torch.zeros_like(x)], dim=-1).flatten(-2)
    assert torch.equal(maxout_forward(both, 2)[0], relu_forward(x))


@given(st.integers(0, 10_000), st.floats(1e-3, 100))
def test_rectifiers_are_positively_homogeneous(seed, scale):
    x = torch.randn(7, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    for function in (relu_forward, lambda z: leaky_relu_forward(z, 0.1)):
        assert_close(function(scale * x), scale * function(x), rtol=1e-14, atol=0)


def test_a_batch_of_problems(randn):
    x, slope, grad_out = randn(4, 5, 3), randn(4, 3), randn(4, 5, 3)
    grad_x, grad_slope = prelu_backward(x, slope, grad_out)
    y = prelu_forward(x, slope)
    for i in range(4):
        assert torch.equal(y[i], prelu_forward(x[i], slope[i]))
        one_x, one_slope = prelu_backward(x[i], slope[i], grad_out[i])
        assert_close(grad_x[i], one_x, rtol=1e-14, atol=1e-14)
        assert_close(grad_slope[i], one_slope, rtol=1e-14, atol=1e-14)


def test_arguments_are_left_alone_and_dtype_is_kept(randn):
    for dtype in (torch.float32, torch.float64):
        x, slope, grad = randn(3, 4).to(dtype), randn(4).to(dtype), randn(3, 4).to(dtype)
        copies = [item.clone() for item in (x, slope, grad)]
        results = [
            relu_forward(x),
            relu_backward(x, grad),
            leaky_relu_forward(x, 0.1),
            leaky_relu_backward(x, 0.1, grad),
            prelu_forward(x, slope),
            *prelu_backward(x, slope, grad),
            maxout_forward(x, 2)[0],
        ]
        assert all(result.dtype == dtype for result in results)
        assert all(torch.equal(a, b) for a, b in zip((x, slope, grad), copies, strict=True))


def test_pieces_must_fit(randn):
    with pytest.raises(ValueError, match="divide 5"):
        maxout_forward(randn(2, 5), 2)
    with pytest.raises(ValueError, match="pieces = 0"):
        maxout_forward(randn(2, 4), 0)
    with pytest.raises(ValueError, match="not in 0 … 1"):
        maxout_backward(torch.tensor([2]), 2, torch.ones(1, dtype=torch.float64))
