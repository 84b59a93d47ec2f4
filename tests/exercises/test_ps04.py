"""Problem set 4: correct solutions in other styles score full, and half-right earns half."""

import math

import numpy as np

NAME = "ps04-rmsprop-adadelta"


def _each(function, *arrays):
    """Results of a function of single numbers, as nested lists of the arrays' shape."""
    flat = zip(*(np.ravel(array).tolist() for array in arrays), strict=True)
    columns = zip(*(function(*numbers) for numbers in flat), strict=True)
    return [np.reshape(column, np.shape(arrays[0])).tolist() for column in columns]


def rmsprop_in_loops(theta, r, grad, lr, gamma, eps):
    def one(t, a, g):
        a = a - (1 - gamma) * (a - g * g)
        return t - lr * g / (math.sqrt(a) + eps), a

    return _each(one, theta, r, grad)


def rmsprop_by_average(theta, r, grad, lr, gamma, eps):
    new = np.average(np.stack([r, np.square(grad)]), axis=0, weights=[gamma, 1 - gamma])
    rate = np.float64(lr) / np.add(new**0.5, eps)
    return np.array([theta - rate * grad, new])


def rmsprop_on_copies(theta, r, grad, lr, gamma, eps):
    theta, r = np.array(theta), np.array(r)
    r *= gamma
    r += (grad - gamma * grad) * grad
    theta -= np.divide(grad, np.sqrt(r) + eps) * lr
    return theta, r


def decay_by_running_it(gamma, t):
    weights = []
    for _ in range(t):
        weights = [gamma * w for w in weights] + [1 - gamma]
    return weights


def decay_by_products(gamma, t):
    return np.cumprod(np.array([1 - gamma] + [gamma] * (t - 1)))[::-1]


def decay_by_differences(gamma, t):
    powers = np.power(float(gamma), np.arange(t + 1))
    return -np.diff(powers)[::-1]


def nesterov_in_loops(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    def one(t, u, a, g):
        a = gamma * a + g * (1 - gamma) * g
        move = mu * u + lr * (g / (a**0.5 + eps))
        return t - move, move, a

    return _each(one, theta, v, r, grad_at_lookahead)


def nesterov_in_two_moves(theta, v, r, grad_at_lookahead, lr, mu, gamma, eps):
    g = grad_at_lookahead
    r = r + (1 - gamma) * (g**2 - r)
    ahead = theta - mu * v
    new = ahead - lr / (eps + np.sqrt(r)) * g
    return [new, theta - new, r]


def adadelta_in_loops(theta, r, p, grad, lr, gamma1, gamma2, eps):
    def one(t, a, b, g):
        a = gamma1 * a + (1 - gamma1) * g * g
        step = lr * math.sqrt(b + eps) * g / math.sqrt(a + eps)
        return t - step, a, gamma2 * b + (1 - gamma2) * step * step

    return _each(one, theta, r, p, grad)


def adadelta_by_one_root(theta, r, p, grad, lr, gamma1, gamma2, eps):
    r = r - (1 - gamma1) * (r - grad**2)
    step = np.multiply(grad, np.sqrt((p + eps) / (r + eps))) * np.float64(lr)
    return np.array([theta - step, r, p + (1 - gamma2) * (step**2 - p)])


def adadelta_by_squares(theta, r, p, grad, lr, gamma1, gamma2, eps):
    squares = np.square(grad)
    r = np.einsum("k,k...->...", [gamma1, 1 - gamma1], np.stack([r, squares]))
    squared_step = lr**2 * squares * (p + eps) / (r + eps)
    p = gamma2 * p + (1 - gamma2) * squared_step
    return theta - np.sign(grad) * np.sqrt(squared_step), r, p


CORRECT = {
    "rmsprop_step": [rmsprop_in_loops, rmsprop_by_average, rmsprop_on_copies],
    "decay_weights": [decay_by_running_it, decay_by_products, decay_by_differences],
    "rmsprop_nesterov_step": [nesterov_in_loops, nesterov_in_two_moves],
    "adadelta_step": [adadelta_in_loops, adadelta_by_one_root, adadelta_by_squares],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_the_conventions_of_the_lectures_are_told_apart(judged):
    def inside(theta, r, g, lr, gamma, eps):
        r = r + (1 - gamma) * (g * g - r)
        return theta - lr * g * (eps + r) ** -0.5, r

    def new_weight(theta, r, g, lr, gamma, eps):
        return rmsprop_on_copies(theta, r, g, lr, 1 - gamma, eps)

    def root(theta, sigma, g, lr, gamma, eps):
        theta, r = rmsprop_on_copies(theta, sigma**2, g, lr, gamma, eps)
        return theta, r**0.5

    named = [judged("rmsprop_step", function).named for function in (inside, new_weight, root)]
    assert named == [{"epsilon-inside"}, {"keep-drop-swapped"}, {"root-kept"}]


def test_torchs_adadelta_is_right_while_the_rate_is_one(judged):
    def torchs(theta, r, p, grad, lr, gamma1, gamma2, eps):
        new, r, p = adadelta_by_one_root(theta, r, p, grad, 1.0, gamma1, gamma2, eps)
        return theta + lr * (new - theta), r, p

    results = judged("adadelta_step", torchs)
    assert results.named == {"rate-outside"}
    assert "the scale of the gradients does not matter" not in results.failed


def test_the_lectures_p_is_named(judged):
    def printed(theta, r, p, grad, lr, gamma1, gamma2, eps):
        new, r, _ = adadelta_by_one_root(theta, r, p, grad, lr, gamma1, gamma2, eps)
        step = theta - new
        return new, r, (1 - gamma2) * step * step + gamma2 * step

    failed = judged("adadelta_step", printed).failed
    assert all("the lecture's slide" in result.message for result in failed.values())
    assert failed


def test_without_memory_the_first_step_is_still_paid(judged):
    def forgetful(theta, v, r, g, lr, mu, gamma, eps):
        return nesterov_in_two_moves(theta, 0 * v, r, g, lr, mu, gamma, eps)

    results = judged("rmsprop_nesterov_step", forgetful)
    assert "the first step" not in results.failed
    assert results.named == {"no-momentum"}


def test_the_numbers_of_the_model_answer(answers):
    step = answers(NAME)["adadelta_step"]
    zero = np.zeros(2)
    theta, _, _ = step(zero, zero, zero, np.array([1.0, 1000.0]), 1.0, 0.95, 0.95, 1e-6)
    np.testing.assert_allclose(-theta, 0.0045, atol=5e-5)
