"""Costs against torch.nn, block-diagonal layers against dense ones, gradients against autograd."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from autograder.reference import (
    conv_cost,
    data_parallel_gradient,
    inception_cost,
    local_matmul,
    stale_sgd,
)

# Szegedy et al. 2015, table 1: the columns of nine blocks, and what is printed for them
PUBLISHED = {
    "3a": ((28, 28, 192, 64, 96, 128, 16, 32, 32), 159, 128),
    "3b": ((28, 28, 256, 128, 128, 192, 32, 96, 64), 380, 304),
    "4a": ((14, 14, 480, 192, 96, 208, 16, 48, 64), 364, 73),
    "4b": ((14, 14, 512, 160, 112, 224, 24, 64, 64), 437, 88),
    "4c": ((14, 14, 512, 128, 128, 256, 24, 64, 64), 463, 100),
    "4d": ((14, 14, 512, 112, 144, 288, 32, 64, 64), 580, 119),
    "4e": ((14, 14, 528, 256, 160, 320, 32, 128, 128), 840, 170),
    "5a": ((7, 7, 832, 256, 160, 320, 32, 128, 128), 1072, 54),
    "5b": ((7, 7, 832, 384, 192, 384, 48, 128, 128), 1388, 71),
}
small = st.integers(1, 5)


class Inception(nn.Module):
    """The block as a network, to be counted by torch itself."""

    def __init__(self, c_in, n1, r3, n3, r5, n5, pool):
        super().__init__()

        def conv(a, b, k):
            return nn.Conv2d(a, b, k, padding=k // 2, bias=False)

        self.branches = nn.ModuleList(
            [
                conv(c_in, n1, 1),
                nn.Sequential(conv(c_in, r3, 1), conv(r3, n3, 3)),
                nn.Sequential(conv(c_in, r5, 1), conv(r5, n5, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(c_in, pool, 1)),
            ]
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def counted(network, image):
    with FlopCounterMode(display=False) as counter:
        network(image)
    # torch counts a multiplication and an addition as two
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2


@settings(deadline=None)  # the first call of a layer loads libraries
@given(h=small, w=small, c_in=small, c_out=small, k=st.sampled_from([1, 3, 5]))
def test_a_convolution_costs_what_torch_counts(h, w, c_in, c_out, k):
    layer = nn.Conv2d(c_in, c_out, k, padding=k // 2, bias=False)
    assert conv_cost(h, w, c_in, c_out, k) == counted(layer, torch.zeros(1, c_in, h, w))


@settings(deadline=None)  # the first call of a layer loads libraries
@given(h=small, w=small, c_in=small, c_out=small, k=st.sampled_from([1, 3, 5]))
def test_a_convolution_is_a_matrix_product_of_unfolded_pixels(h, w, c_in, c_out, k):
    patches = nn.functional.unfold(torch.zeros(1, c_in, h, w), k, padding=k // 2)
    _, inputs, places = patches.shape
    assert conv_cost(h, w, c_in, c_out, k) == (c_out * inputs, c_out * inputs * places)


def test_the_stem_of_the_network():
    stem = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
    assert conv_cost(112, 112, 3, 64, 7) == counted(stem, torch.zeros(1, 3, 224, 224))
    assert conv_cost(112, 112, 3, 64, 7) == (9_408, 118_013_952)


def test_the_stem_that_was_built_is_separable_and_printed_right():
    colours = nn.Conv2d(3, 24, 7, stride=2, padding=3, groups=3, bias=False)
    stem = nn.Sequential(colours, nn.Conv2d(24, 64, 1, bias=False))
    params, ops = counted(stem, torch.zeros(1, 3, 224, 224))
    each, mixed = conv_cost(112, 112, 1, 24, 7), conv_cost(112, 112, 24, 64, 1)
    assert (params, ops) == (each.params + mixed.params, each.ops + mixed.ops)
    assert (params, ops) == (2_712, 34_019_328)
    assert (round(params / 1000, 1), round(ops / 1e6)) == (2.7, 34)  # as printed


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_block_costs_what_torch_counts(name):
    row = PUBLISHED[name][0]
    cost = inception_cost(torch.tensor(row))
    assert cost == counted(Inception(*row[2:]), torch.zeros(1, row[2], *row[:2]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_table_is_right_but_for_what_the_errata_say(name):
    row, printed_params, printed_ops = PUBLISHED[name]
    params, ops = inception_cost(torch.tensor(row))
    right_params = abs(params / 1024 / printed_params - 1) < 0.02
    right_ops = abs(ops / 1e6 - printed_ops) < 1
    assert right_params == (name != "4c" and name != "5a")
    assert right_ops == (name != "5a")


def test_many_blocks_at_once(device):
    rows = torch.tensor([row for row, _, _ in PUBLISHED.values()])
    params, ops = inception_cost(rows)
    for i, row in enumerate(rows):
        assert (params[i], ops[i]) == inception_cost(row)
    assert ops.device.type == device.type


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
@pytest.mark.parametrize(("count", "n", "m"), [(1, 2, 3), (3, 2, 2), (4, 3, 1), (2, 1, 5)])
def test_local_matmul_is_the_dense_product_with_a_block_diagonal_matrix(shape, count, n, m, randn):
    x, blocks = randn(*shape, count * m), randn(count, n, m)
    dense = nn.functional.linear(x, torch.block_diag(*blocks))
    torch.testing.assert_close(local_matmul(x, blocks), dense, rtol=1e-12, atol=1e-12)


def test_local_matmul_is_a_grouped_convolution(randn):
    x, blocks = randn(6, 8), randn(4, 3, 2)
    grouped = nn.functional.conv1d(x[..., None], blocks.reshape(12, 2, 1), groups=4)[..., 0]
    torch.testing.assert_close(local_matmul(x, blocks), grouped, rtol=1e-12, atol=1e-12)


def test_local_matmul_needs_pieces_that_fit(randn):
    with pytest.raises(ValueError, match="need 6 inputs, not 5"):
        local_matmul(randn(5), randn(2, 1, 3))


@pytest.mark.parametrize("sizes", [(12,), (6, 6), (1, 4, 7), (5, 0, 7)])
def test_the_gradient_of_shards_is_the_gradient_of_the_batch(sizes, randn):
    x, y, w = randn(12, 3), randn(12), randn(3)

    def gradient(part):
        point = w.clone().requires_grad_()
        if len(x[part]) == 0:
            return torch.zeros_like(w)
        ((x[part] @ point - y[part]) ** 2).mean().backward()
        return point.grad

    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    shards = [(gradient(slice(s, s + n)), n) for s, n in zip(starts, sizes, strict=True)]
    whole = gradient(slice(0, 12))
    torch.testing.assert_close(data_parallel_gradient(shards), whole, rtol=1e-12, atol=1e-12)


def test_shards_without_examples_are_refused():
    with pytest.raises(ValueError, match="no examples"):
        data_parallel_gradient([(torch.zeros(2), 0)])


@pytest.mark.parametrize("delay", [0, 1, 3, 7, 20])
def test_stale_sgd_is_torch_sgd_fed_from_a_queue(delay, randn):
    grads = randn(7, 2, 3)
    theta = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.3)
    rows, queue = [theta.detach().clone()], []
    for gradient in grads:
        queue.append(gradient)
        theta.grad = queue.pop(0) if len(queue) > delay else None
        optimizer.step()
        rows.append(theta.detach().clone())
    torch.testing.assert_close(stale_sgd(grads, delay, 0.3), torch.stack(rows))


def test_a_delay_on_a_quadratic_costs_stability():
    # θ_{t+1} = θ_t − αλ θ_{t−τ} is stable for αλ < 2 sin(π / (4τ + 2)): for τ = 1, below 1
    def far(rate, delay):
        points = [torch.ones(1, dtype=torch.float64)] * (delay + 1)
        for _ in range(400):
            row = stale_sgd(points[-1 - delay][None], 0, rate)[-1]
            points.append(points[-1] + row)
        return abs(points[-1].item())

    assert far(1.9, 0) < 1e-6
    assert far(0.95, 1) < 1e-3
    assert far(1.05, 1) > 1e3


def test_a_negative_delay_is_refused(randn):
    with pytest.raises(ValueError, match="must not be negative"):
        stale_sgd(randn(3), -1, 0.1)


def test_arguments_stay_as_they_were(randn):
    x, blocks, grads = randn(6), randn(2, 2, 3), randn(4, 2)
    shards = [(randn(2), 3), (randn(2), 4)]
    before = [t.clone() for t in (x, blocks, grads, shards[0][0], shards[1][0])]
    local_matmul(x, blocks)
    stale_sgd(grads, 1, 0.1)
    data_parallel_gradient(shards)
    for was, now in zip(before, (x, blocks, grads, shards[0][0], shards[1][0]), strict=True):
        assert torch.equal(was, now)
