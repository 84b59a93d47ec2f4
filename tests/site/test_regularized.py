"""The network and the data of the chapters on dropout and regularization, against torch."""

from __future__ import annotations

import experiments
import pytest
import torch
from regularized import (
    mirrored,
    relu_network,
    shares_of_errors,
    shifted,
    split_digits,
)

pytestmark = pytest.mark.usefixtures("double_precision")


def test_splits_are_disjoint_and_only_training_labels_are_wrong() -> None:
    right = split_digits((3, 4), 300, 200)
    wrong = split_digits((3, 4), 300, 200, wrong=0.25)
    for a, b in zip(right, wrong, strict=True):
        assert torch.equal(a, b) == (a is not right.y)
    changed = (right.y != wrong.y).sum(1)
    assert changed.tolist() == [75, 75]
    assert not torch.equal(right.X[0], right.X[1]), "each seed has a split of its own"
    for seed in (0, 1):
        rows = torch.cat([right.X[seed], right.X_val[seed], right.X_test[seed]])
        assert len(rows) == 1797 and len(rows.unique(dim=0)) > 1780  # a few digits are there twice
        assert bool((rows[:, -1] == 1).all()) and float(rows.max()) == 1.0


def by_torch(theta: torch.Tensor, X: torch.Tensor, masks: list[torch.Tensor]) -> torch.Tensor:
    """Scores of a network 64-7-5-10 with torch's own layers, one copy of the parameters."""
    first, second, last = theta.split([65 * 7, 8 * 5, 6 * 10])
    h = X[:, :-1]
    for W, mask in zip(
        (first.view(65, 7), second.view(8, 5), last.view(6, 10)), masks, strict=True
    ):
        a = torch.nn.functional.linear(h * mask, W[:-1].T, W[-1])
        h = torch.relu(a)
    return a


def test_the_gradient_is_that_of_autograd_with_masks_and_penalties() -> None:
    seeds = (1, 2)
    data = split_digits(seeds, 30, 20, wrong=0.2)
    problem = relu_network(7, 5, keep=0.6, keep_input=0.9, l2=0.03, l1=0.01)
    assert problem.training is not None
    theta = problem.start(seeds)
    theta += 0.1 * torch.linspace(-1, 1, theta.shape[1]).sin()  # biases too
    found = problem.training(theta, data.X, data.y, torch.Generator().manual_seed(9))
    draw = torch.Generator().manual_seed(9)
    masks = [
        (torch.rand(2, 30, n, generator=draw, dtype=torch.float32) < keep) / keep
        for n, keep in ((64, 0.9), (7, 0.6), (5, 0.6))
    ]
    for i in range(2):
        leaf = theta[i].double().requires_grad_()
        scores = by_torch(leaf, data.X[i].double(), [mask[i].double() for mask in masks])
        loss = torch.nn.functional.cross_entropy(scores, data.y[i])
        weights = torch.cat(
            [leaf[: 64 * 7], leaf[65 * 7 :][: 7 * 5], leaf[65 * 7 + 8 * 5 :][: 5 * 10]]
        )
        loss = loss + 0.015 * weights.square().sum() + 0.01 * weights.abs().sum()
        (wanted,) = torch.autograd.grad(loss, leaf)
        torch.testing.assert_close(found[i].double(), wanted, rtol=1e-4, atol=1e-6)


def test_what_is_recorded_has_no_mask_and_no_penalty() -> None:
    data = split_digits((1,), 30, 20)
    problem = relu_network(7, 5, keep=0.5, l2=0.1)
    theta = problem.start((1,))
    loss, gradient = problem.loss_and_gradient(theta, data.X, data.y)
    leaf = theta[0].double().requires_grad_()
    scores = by_torch(leaf, data.X[0].double(), [torch.ones(1)] * 3)
    wanted = torch.nn.functional.cross_entropy(scores, data.y[0])
    torch.testing.assert_close(loss[0].double(), wanted.detach(), rtol=1e-5, atol=1e-6)
    (slope,) = torch.autograd.grad(wanted, leaf)
    torch.testing.assert_close(gradient[0].double(), slope, rtol=1e-4, atol=1e-6)
    found = problem.scores(theta, data.X)[0].double()
    torch.testing.assert_close(found, scores.detach(), rtol=1e-5, atol=1e-5)


def test_images_may_be_changed_in_training_only() -> None:
    data = split_digits((1,), 30, 20)
    blank = relu_network(7, change=lambda X, draw: torch.zeros_like(X))
    assert blank.training is not None
    theta = blank.start((1,))
    gradient = blank.training(theta, data.X, data.y, torch.Generator())
    assert not gradient[0, : 64 * 7].any() and gradient.any()
    assert blank.loss_and_gradient(theta, data.X, data.y)[1][0, : 64 * 7].any()


def test_shares_of_errors() -> None:
    data = split_digits((1, 2), 30, 20)
    problem = relu_network(7)
    zero = torch.zeros_like(problem.start((1, 2))).expand(4, 2, -1)
    shares = shares_of_errors(problem, data)(zero)  # equal scores: the answer is always 0
    assert shares.shape == (4, 2, 2)
    assert shares[0, 0, 0] == pytest.approx(float((data.y_val[0] != 0).double().mean()))
    assert shares[3, 1, 1] == pytest.approx(float((data.y_test[1] != 0).double().mean()))


def test_seeds_start_apart() -> None:
    start = relu_network(7).start((0, 1))
    assert start.dtype == torch.float32 and not torch.equal(start[0], start[1])
    assert not start[:, 64 * 7 : 65 * 7].any(), "biases are zero"
    assert float(start[0, : 64 * 7].std()) == pytest.approx((2 / 64) ** 0.5, rel=0.1)
    assert experiments.SEEDS == (0, 1, 2, 3, 4)


def test_shifts_and_mirror_images_are_what_they_say() -> None:
    images = torch.rand(200, 5, 5)
    X = torch.nn.functional.pad(images.flatten(-2), (0, 1), value=1.0)
    draw = torch.Generator().manual_seed(1)
    moved, turned = shifted(X, draw), mirrored(X, draw)
    assert bool((moved[:, -1] == 1).all()) and bool((turned[:, -1] == 1).all())
    seen = set()
    for image, out in zip(images, moved[:, :-1].unflatten(-1, (5, 5)), strict=True):
        padded = torch.nn.functional.pad(image, (1, 1, 1, 1))
        fits = [k for k in range(9) if torch.equal(out, padded[k // 3 :, k % 3 :][:5, :5])]
        assert len(fits) == 1
        seen.add(fits[0])
    assert seen == set(range(9))
    flipped = (turned[:, :-1].unflatten(-1, (5, 5)) == images.flip(-1)).all(-1).all(-1)
    same = (turned == X).all(-1)
    assert bool((flipped ^ same).all()) and 70 < int(flipped.sum()) < 130
