import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.testing import assert_close

from autograder.reference import minibatch_gradient, sgd_step, softmax_cross_entropy


def exact(a, b):
    assert_close(a, b, rtol=1e-13, atol=1e-13)


def test_sgd_takes_the_steps_of_torch(device, randn):
    theta = randn(4, 3)
    twin = theta.clone().requires_grad_()
    optimizer = torch.optim.SGD([twin], lr=1.0)
    for k in range(7):
        grad, lr = randn(4, 3), 0.3 / (k + 1)
        twin.grad = grad.clone()
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        theta = sgd_step(theta, grad, lr)
        exact(theta, twin.detach())


def test_sgd_on_a_diagonal_quadratic_is_a_power(device):
    curvature = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64, device=device)
    theta = start = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, device=device)
    for _ in range(20):
        theta = sgd_step(theta, curvature * theta, 0.4)
    exact(theta, (1 - 0.4 * curvature) ** 20 * start)


def test_the_rate_may_differ_by_problem(randn):
    theta, grad = randn(5, 3), randn(5, 3)
    rates = torch.linspace(0, 1, 5, dtype=torch.float64).unsqueeze(-1)
    together = sgd_step(theta, grad, rates)
    exact(together, torch.stack([sgd_step(theta[i], grad[i], rates[i]) for i in range(5)]))


def test_arguments_are_left_alone(randn):
    arguments = randn(3, 4), torch.tensor([1, 0, 2])
    copies = [argument.clone() for argument in arguments]
    softmax_cross_entropy(*arguments)
    assert all(torch.equal(a, b) for a, b in zip(arguments, copies, strict=True))


def test_cross_entropy_is_that_of_torch(device, randn):
    logits = (5 * randn(6, 4)).requires_grad_()
    labels = torch.tensor([0, 3, 1, 1, 2, 0], device=device)
    torch_loss = torch.nn.functional.cross_entropy(logits, labels)
    torch_loss.backward()
    loss, grad = softmax_cross_entropy(logits.detach(), labels)
    exact(loss, torch_loss.detach())
    exact(grad, logits.grad)
    assert loss.device == grad.device == logits.device


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_are_exact(size, device):
    logits = torch.tensor([[size, 0.0], [0.0, size]], dtype=torch.float64, device=device)
    loss, grad = softmax_cross_entropy(logits, torch.tensor([0, 0], device=device))
    assert loss.item() == 5000.0  # one example is certain, the other is wrong by 10,000
    wrong = 1 if size > 0 else 0
    expected = torch.zeros(2, 2, dtype=torch.float64, device=device)
    expected[wrong] = torch.tensor([-0.5, 0.5])
    exact(grad, expected)


def test_cross_entropy_of_a_batch_of_batches(randn):
    logits, labels = randn(2, 3, 5, 4), torch.randint(0, 4, (2, 3, 5))
    loss, grad = softmax_cross_entropy(logits, labels)
    assert loss.shape == (2, 3) and grad.shape == logits.shape
    one = softmax_cross_entropy(logits[1, 2], labels[1, 2])
    exact(loss[1, 2], one[0])
    exact(grad[1, 2], one[1])


def test_integer_types_of_labels_do_not_matter(randn):
    logits = randn(3, 4)
    for dtype in (torch.uint8, torch.int32):
        labels = torch.tensor([1, 0, 3], dtype=dtype)
        exact(
            softmax_cross_entropy(logits, labels)[0],
            softmax_cross_entropy(logits, labels.long())[0],
        )


def test_a_label_out_of_range_raises():  # on the CPU: on a GPU it would end the process
    with pytest.raises(RuntimeError):
        softmax_cross_entropy(torch.zeros(2, 3), torch.tensor([0, 3]))


logit_batches = arrays(np.float64, (3, 4), elements=st.floats(-1e4, 1e4, allow_nan=False, width=32))


@settings(max_examples=50, deadline=None)
@given(logit_batches, st.lists(st.integers(0, 3), min_size=3, max_size=3))
def test_gradient_rows_sum_to_zero_and_shifts_do_not_matter(logits, labels):
    logits, labels = torch.tensor(logits), torch.tensor(labels)
    loss, grad = softmax_cross_entropy(logits, labels)
    assert torch.isfinite(loss) and loss >= 0
    assert_close(grad.sum(dim=-1), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    shifted = softmax_cross_entropy(logits + torch.tensor([[7.0], [-300.0], [0.0]]), labels)
    assert_close(shifted[0], loss, rtol=1e-12, atol=1e-9)
    assert_close(shifted[1], grad, rtol=0, atol=1e-9)


def test_gradient_of_cross_entropy_by_finite_differences(randn):
    logits, labels = randn(3, 4), torch.tensor([2, 0, 1])
    grad = softmax_cross_entropy(logits, labels)[1]
    h = 1e-6
    for i, j in np.ndindex(3, 4):
        bump = torch.zeros(3, 4, dtype=torch.float64)
        bump[i, j] = h
        up = softmax_cross_entropy(logits + bump, labels)[0]
        down = softmax_cross_entropy(logits - bump, labels)[0]
        assert abs((up - down) / (2 * h) - grad[i, j]) < 1e-8


def test_minibatch_gradient_is_that_of_autograd(device, randn):
    w, X, y = randn(3).requires_grad_(), randn(9, 3), randn(9)
    idx = torch.tensor([4, 0, 4, 8], device=device)
    (0.5 * (X[idx] @ w - y[idx]) ** 2).mean().backward()
    exact(minibatch_gradient(w.detach(), X, y, idx), w.grad)


def test_minibatch_gradient_of_a_batch_of_problems(randn):
    w, X, y, idx = randn(2, 3), randn(2, 9, 3), randn(2, 9), torch.randint(0, 9, (2, 4))
    together = minibatch_gradient(w, X, y, idx)
    exact(
        together,
        torch.stack([minibatch_gradient(w[i], X[i], y[i], idx[i]) for i in range(2)]),
    )


def test_singletons_average_to_the_full_gradient(randn):
    w, X, y = randn(3), randn(7, 3), randn(7)
    singles = [minibatch_gradient(w, X, y, torch.tensor([i])) for i in range(7)]
    exact(torch.stack(singles).mean(dim=0), minibatch_gradient(w, X, y, torch.arange(7)))


def test_an_index_out_of_range_raises():  # on the CPU: on a GPU it would end the process
    with pytest.raises((RuntimeError, IndexError)):
        minibatch_gradient(torch.ones(3), torch.ones(7, 3), torch.ones(7), torch.tensor([7]))
