import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch.testing import assert_close

from autograder.reference import clip_by_norm

gradients = arrays(np.float64, array_shapes(min_dims=0, max_dims=3), elements=st.floats(-1e3, 1e3))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_it_is_torchs_clipping_but_for_its_epsilon(scale, device, randn):
    grad = randn(3, 4) * scale
    parameter = torch.zeros(3, 4, dtype=torch.float64, device=device, requires_grad=True)
    parameter.grad = grad.clone()
    norm = torch.nn.utils.clip_grad_norm_([parameter], 0.5)
    ours = clip_by_norm(grad, 0.5)
    factor = (norm + 1e-6) / norm if norm > 0.5 else 1.0
    assert_close(ours, parameter.grad * factor, rtol=1e-13, atol=1e-13)
    assert ours.device == grad.device


@given(gradients, st.floats(1e-3, 1e3))
def test_the_norm_is_limited_and_the_direction_kept(grad, limit):
    grad = torch.tensor(grad)
    before = grad.clone()
    clipped = clip_by_norm(grad, limit)
    norm, new_norm = torch.linalg.vector_norm(grad), torch.linalg.vector_norm(clipped)
    assert clipped.shape == grad.shape
    assert new_norm <= limit * (1 + 1e-12)
    assert_close(clipped * norm, grad * new_norm, rtol=1e-9, atol=1e-9)
    if norm <= limit:
        assert torch.equal(clipped, grad)
    assert torch.equal(grad, before)


@given(gradients, st.floats(1e-3, 1e3))
def test_clipping_twice_is_clipping_once(grad, limit):
    once = clip_by_norm(torch.tensor(grad), limit)
    assert_close(clip_by_norm(once, limit), once, rtol=1e-12, atol=0)


def test_special_gradients(device):
    zero = torch.zeros(3, dtype=torch.float64, device=device)
    assert torch.equal(clip_by_norm(zero, 1.0), zero)
    assert torch.equal(clip_by_norm(zero, 0.0), zero)
    assert torch.equal(clip_by_norm(zero + 1, 0.0), zero)
    assert clip_by_norm(zero[:0], 1.0).shape == (0,)
    assert clip_by_norm(zero[0] - 4, 1.5).item() == -1.5


def test_a_negative_limit_raises():
    with pytest.raises(ValueError, match="must not be negative"):
        clip_by_norm(torch.ones(2), -1.0)
