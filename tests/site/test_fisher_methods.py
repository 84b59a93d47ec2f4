"""The directions that the chapter on the natural gradient compares, and what it stored of them."""

from __future__ import annotations

import experiments
import fisher_methods as methods
import pytest
import stored
import torch

from autograder import reference

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.fixture
def few() -> experiments.Digits:
    """Forty images: matrices of all weights stay as large, sums over images are quick."""
    X, y, X_val, y_val = experiments.DIGITS
    return experiments.Digits(X[:40], y[:40], X_val, y_val)


@pytest.fixture
def W() -> torch.Tensor:
    return 0.3 * torch.randn(10, 65, generator=torch.Generator().manual_seed(0))


def test_the_gradient_is_that_of_torch(W: torch.Tensor, few: experiments.Digits) -> None:
    loss, g = methods.objective(W, few)
    leaf = W.clone().requires_grad_()
    wanted = torch.nn.functional.cross_entropy(few.X @ leaf.mT, few.y)
    wanted = wanted + methods.PENALTY / 2 * leaf.square().sum()
    (slope,) = torch.autograd.grad(wanted, leaf)
    assert loss == pytest.approx(float(wanted.detach()))
    torch.testing.assert_close(g, slope)


def test_exact_and_empirical_matrices(W: torch.Tensor, few: experiments.Digits) -> None:
    exact = methods.fisher_exact(W, few)
    torch.testing.assert_close(exact, reference.fisher_softmax(W, few.X))

    def log_likelihood(W: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax(W @ x, 0)[y]

    scores = torch.stack(
        [
            torch.func.grad(log_likelihood)(W, x, y).reshape(-1)
            for x, y in zip(few.X, few.y, strict=True)
        ]
    )
    torch.testing.assert_close(methods.fisher_empirical(W, few), scores.mT @ scores / 40)


def test_sampled_matrices_are_right_on_average(W: torch.Tensor, few: experiments.Digits) -> None:
    draw = torch.Generator().manual_seed(0)
    mean = torch.stack([methods.fisher_sampled(W, few, draw) for _ in range(60)]).mean(0)
    exact = methods.fisher_exact(W, few)
    one = methods.fisher_sampled(W, few, draw)
    assert float((mean - exact).norm()) < 0.25 * float((one - exact).norm())


def test_cheap_directions_solve_with_what_they_keep_of_the_matrix(
    W: torch.Tensor, few: experiments.Digits
) -> None:
    _, g = methods.objective(W, few)
    F = methods.fisher_exact(W, few)
    diagonal = methods.direction_diagonal(W, g, few, 1e-2)
    torch.testing.assert_close(diagonal.reshape(-1), g.reshape(-1) / (F.diagonal() + 1e-2))
    outputs, inputs = methods.factors(W, few)
    whitened = methods.direction_whitened(W, g, few, 1e-2)
    torch.testing.assert_close(whitened @ (inputs + 1e-2 * torch.eye(65)), g)
    # both factors, each damped: their traces share the damping in proportion
    pi = (inputs.diagonal().mean() / outputs.diagonal().mean()).sqrt()
    damped = torch.kron(outputs + 0.1 / pi * torch.eye(10), inputs + 0.1 * pi * torch.eye(65))
    kronecker = methods.direction_kronecker(W, g, few, 1e-2)
    torch.testing.assert_close(damped @ kronecker.reshape(-1), g.reshape(-1))


def test_for_one_image_the_product_of_the_factors_is_exact(W: torch.Tensor) -> None:
    X, y, *rest = experiments.DIGITS
    one = experiments.Digits(X[:1], y[:1], *rest)
    outputs, inputs = methods.factors(W, one)
    torch.testing.assert_close(torch.kron(outputs, inputs), methods.fisher_exact(W, one))


def test_a_path_that_diverges_ends_in_infinity() -> None:
    where = methods.Problem(experiments.DIGITS, 0.0)
    path = methods.descend("gradient descent", 1e308, None, 5, where)
    assert path.excess[-1] == float("inf")


def test_every_method_is_stored_with_its_search() -> None:
    found = stored.load(methods.STORED).results["found"]
    assert set(found) == set(methods.METHODS)
    for name, method in methods.METHODS.items():
        for steps in methods.HORIZONS[: 1 if method.dear else None]:
            one = found[name][str(steps)]
            assert len(one["excess"]) == len(one["accuracy"]) == len(methods.SPLITS)
            assert one["tried"] >= 7
