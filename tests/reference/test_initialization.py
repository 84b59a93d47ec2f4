import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from autograder.reference import (
    gradient_norms,
    he_std,
    initial_weights,
    relu_forward,
    xavier_bound,
)

FANS = st.integers(1, 5000)
ACTIVATIONS = {
    "linear": lambda a: a,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


@given(FANS, FANS)
def test_a_uniform_distribution_on_the_bound_has_the_variance_of_the_paper(fan_in, fan_out):
    assert xavier_bound(fan_in, fan_out) ** 2 / 3 == pytest.approx(2 / (fan_in + fan_out))


def test_xavier_is_torchs(device):
    W = torch.empty(300, 500)
    nn.init.xavier_uniform_(W, generator=torch.Generator(W.device).manual_seed(0))
    bound = xavier_bound(500, 300)
    assert W.abs().max().item() <= bound * (1 + 1e-6)
    assert W.abs().max().item() > 0.9999 * bound
    assert W.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)


@given(FANS, st.floats(-2, 2))
def test_he_is_torchs_gain_over_the_root_of_the_fan(fan_in, slope):
    gain = nn.init.calculate_gain("leaky_relu", slope)
    assert he_std(fan_in, slope) == pytest.approx(gain / math.sqrt(fan_in))
    assert he_std(fan_in) == pytest.approx(nn.init.calculate_gain("relu") / math.sqrt(fan_in))


def test_he_is_the_deviation_that_torch_draws(device):
    W = torch.empty(400, 700, dtype=torch.float64)
    nn.init.kaiming_normal_(W, a=0.3, generator=torch.Generator(W.device).manual_seed(0))
    assert W.std().item() == pytest.approx(he_std(700, 0.3), rel=0.01)


def test_weights_are_torchs_of_the_same_random_numbers():
    def generator():
        return torch.Generator().manual_seed(3)

    W = torch.empty(40, 70, dtype=torch.float64, device="cpu")
    draws = torch.empty_like(W).uniform_(-1, 1, generator=generator())
    nn.init.xavier_uniform_(W, generator=generator())
    assert_close(initial_weights(draws, "glorot"), W, rtol=1e-12, atol=1e-15)
    draws.normal_(generator=generator())
    nn.init.kaiming_normal_(W, a=0.3, generator=generator())
    assert_close(initial_weights(draws, "he", 0.3), W, rtol=1e-12, atol=1e-15)


def test_he_keeps_the_mean_square_of_a_relu_network(randn):
    h = randn(200, 256)
    before = (h**2).mean().item()
    for _ in range(10):
        h = relu_forward(h @ (randn(256, 256) * he_std(256)).T)
    assert 0.3 < (h**2).mean().item() / before < 3


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_norms_are_autograds(name, randn):
    sizes = [4, 6, 3, 5, 2]
    weights = [randn(b, a).requires_grad_() for a, b in pairwise(sizes)]
    x = randn(7, 4)
    h = x
    for W in weights:
        h = ACTIVATIONS[name](h @ W.T)
    h.sum(dim=1).mean().backward()
    expected = torch.stack([W.grad.norm() for W in weights])
    got = gradient_norms([W.detach() for W in weights], x, name)
    assert got.shape == (4,)
    assert_close(got, expected, rtol=1e-12, atol=1e-13)


def test_norms_against_finite_differences(randn):
    weights, x, h = [randn(3, 2), randn(2, 3)], randn(4, 2), 1e-6

    def f(weights):
        a = x
        for W in weights:
            a = torch.tanh(a @ W.T)
        return a.sum() / 4

    got = gradient_norms(weights, x, "tanh")
    for layer, W in enumerate(weights):
        squares = 0.0
        for i in range(W.shape[0]):
            for j in range(W.shape[1]):
                ends = []
                for sign in (1, -1):
                    bumped = [V.clone() for V in weights]
                    bumped[layer][i, j] += sign * h
                    ends.append(f(bumped).item())
                squares += ((ends[0] - ends[1]) / (2 * h)) ** 2
        assert math.sqrt(squares) == pytest.approx(got[layer].item(), rel=1e-7)


def test_a_linear_chain_of_scalars_in_closed_form(device):
    w = [2.0, 0.5, -3.0]
    weights = [torch.tensor([[value]], dtype=torch.float64) for value in w]
    x = torch.tensor([[5.0]], dtype=torch.float64)
    got = gradient_norms(weights, x, "linear")
    product = 2.0 * 0.5 * -3.0 * 5.0
    assert got.tolist() == pytest.approx([abs(product / value) for value in w])
    assert got.device == x.device


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_a_relu_layer_scales_the_gradients_of_the_others(seed, scale):
    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(3, 3, dtype=torch.float64, generator=generator) for _ in range(3)]
    x = torch.randn(4, 3, dtype=torch.float64, generator=generator)
    before = gradient_norms(weights, x, "relu")
    after = gradient_norms([weights[0], scale * weights[1], weights[2]], x, "relu")
    factors = torch.tensor([scale, 1.0, scale], dtype=torch.float64)
    assert_close(after, factors * before, rtol=1e-10, atol=1e-12)


def test_a_batch_of_networks(randn):
    weights, x = [randn(5, 3, 2), randn(5, 4, 3)], randn(5, 6, 2)
    together = gradient_norms(weights, x, "sigmoid")
    assert together.shape == (5, 2)
    for i in range(5):
        one = gradient_norms([W[i] for W in weights], x[i], "sigmoid")
        assert_close(together[i], one, rtol=1e-12, atol=1e-14)


def test_what_makes_no_sense_is_refused(randn):
    with pytest.raises(ValueError, match="must not be negative or both 0"):
        xavier_bound(0, 0)
    with pytest.raises(ValueError, match="must be at least 1"):
        he_std(0)
    with pytest.raises(ValueError, match="glorot or he"):
        initial_weights(randn(2, 3), "lecun")
    with pytest.raises(ValueError, match="'softplus' must be"):
        gradient_norms([randn(2, 2)], randn(3, 2), "softplus")
    with pytest.raises(ValueError, match="at least one matrix"):
        gradient_norms([], randn(3, 2), "tanh")
