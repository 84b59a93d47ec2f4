"""The relations of batch normalization hold where they should, and say what fails."""

import numpy as np
import pytest

from autograder.selfcheck.relations import RELATIONS

RNG = np.random.default_rng(0)
X, G = RNG.normal(2, 3, (5, 3)), RNG.normal(size=(5, 3))
GAMMA, BETA, EPS = np.array([2.0, -0.5, 1.5]), np.array([0.5, -1.0, 3.0]), 1e-3
MEAN, VAR = np.array([0.5, -2.0, 1.0]), np.array([4.0, 0.25, 2.0])
W, B = RNG.normal(size=(3, 2)), RNG.normal(size=3)


def ask(name, given, *outputs):
    message = RELATIONS[name]([(given, list(outputs))], 1e-7, 1e-9)
    assert message is None or not any(character.isdigit() for character in message)
    return message


def test_mean_and_variance_of_a_normalized_batch():
    given = {"x": X, "gamma": GAMMA, "beta": BETA, "eps": EPS}
    y = GAMMA * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + EPS) + BETA
    assert ask("batch_is_normalized", given, y) is None
    assert "mean β" in ask("batch_is_normalized", given, y + 1e-6)
    assert "variance" in ask("batch_is_normalized", given, BETA + (y - BETA) * (1 + 1e-6))


def gradients():
    root = np.sqrt(X.var(axis=0) + EPS)
    x_hat = (X - X.mean(axis=0)) / root
    along = (G * x_hat).mean(axis=0)
    return [
        GAMMA / root * (G - G.mean(axis=0) - x_hat * along),
        (G * x_hat).sum(axis=0),
        G.sum(axis=0),
    ]


@pytest.mark.parametrize(("number", "name"), [(0, "x"), (1, "γ"), (2, "β")])
def test_gradients_are_compared_with_differences(number, name):
    relation = "batchnorm_gradient_is_that_of_differences"
    given = {"grad_out": G, "x": X, "gamma": GAMMA, "eps": EPS}
    assert ask(relation, given, *gradients()) is None
    wrong = gradients()
    wrong[number] = wrong[number] * (1 + 1e-6)
    assert f"gradient of {name} should agree with finite differences" in ask(
        relation, given, *wrong
    )


def test_real_differences_agree_with_what_the_relation_accepts():
    def loss(x):
        return (G * GAMMA * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPS)).sum()

    grad_x, h = gradients()[0], 1e-6
    for index in np.ndindex(X.shape):
        bump = np.zeros_like(X)
        bump[index] = h
        assert (loss(X + bump) - loss(X - bump)) / (2 * h) == pytest.approx(grad_x[index], abs=1e-8)


def test_folding_keeps_the_function():
    given = {"W": W, "b": B, "gamma": GAMMA, "beta": BETA}
    given |= {"running_mean": MEAN, "running_var": VAR, "eps": EPS}
    scale = GAMMA / np.sqrt(VAR + EPS)
    right = scale[:, None] * W, scale * (B - MEAN) + BETA
    assert ask("folding_keeps_the_function", given, *right) is None
    assert "folded layer" in ask("folding_keeps_the_function", given, W, right[1])
    assert "folded layer" in ask("folding_keeps_the_function", given, right[0], right[1] + 1e-6)
    assert "form" in ask("folding_keeps_the_function", given, right[0])
