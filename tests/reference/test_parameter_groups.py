"""Adam over parameter groups against torch.optim.Adam."""

import pytest
import torch

from autograder.reference import adam_on_groups

SHAPES = ((3,), (2, 2), (1,))


def torch_trajectory(thetas, groups, grads, lrs, betas, eps):
    parameters = [torch.nn.Parameter(theta.clone()) for theta in thetas]
    optimizer = torch.optim.Adam(
        [
            {"params": [p for p, group in zip(parameters, groups, strict=True) if group == k]}
            for k in range(len(lrs[0]))
        ],
        betas=betas,
        eps=eps,
    )
    rows = [torch.cat([p.detach().clone().reshape(-1) for p in parameters])]
    for at_step, rates in zip(grads, lrs, strict=True):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        for p, gradient in zip(parameters, at_step, strict=True):
            p.grad = gradient
        optimizer.step()
        rows.append(torch.cat([p.detach().clone().reshape(-1) for p in parameters]))
    return torch.stack(rows)


@pytest.mark.parametrize("gaps", [(), ((0, 0), (1, 0)), ((2, 1), (3, 1), (5, 2)), ((0, 2), (4, 0))])
@pytest.mark.parametrize(("betas", "eps"), [((0.9, 0.999), 1e-8), ((0.7, 0.8), 0.1)])
def test_it_is_torchs_adam(gaps, betas, eps, randn):
    thetas = [randn(*shape) for shape in SHAPES]
    grads = [[randn(*shape) for shape in SHAPES] for _ in range(7)]
    grads = [[None if (t, i) in gaps else g for i, g in enumerate(a)] for t, a in enumerate(grads)]
    groups, lrs = [0, 1, 0], [[0.1, 0.02 * (t + 1)] for t in range(7)]
    ours = adam_on_groups(thetas, groups, grads, lrs, *betas, eps, 0)
    wanted = torch_trajectory(thetas, groups, grads, lrs, betas, eps)
    torch.testing.assert_close(ours, wanted, rtol=1e-12, atol=1e-13)
    assert torch.equal(ours, adam_on_groups(thetas, groups, grads, lrs, *betas, eps, 3))


def test_the_first_step_is_as_long_as_the_rate(device):
    theta = [torch.zeros(3, dtype=torch.float64)]
    gradient = torch.tensor([5.0, -1e-3, 0.0], dtype=torch.float64)
    rows = adam_on_groups(theta, [0], [[gradient]], [[0.1]], 0.9, 0.999, 1e-12, 0)
    torch.testing.assert_close(rows[1], -0.1 * gradient.sign(), rtol=1e-8, atol=0)


def test_arguments_stay_as_they_were(randn):
    thetas, grads = [randn(2)], [[randn(2)], [None]]
    before = thetas[0].clone(), grads[0][0].clone()
    adam_on_groups(thetas, [0], grads, [[0.1], [0.1]], 0.9, 0.999, 1e-8, 0)
    assert torch.equal(thetas[0], before[0])
    assert torch.equal(grads[0][0], before[1])
