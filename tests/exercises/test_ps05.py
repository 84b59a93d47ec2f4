"""Problem set 5: correct solutions in other styles score full, and conventions are named."""

import math

import numpy as np
import pytest

NAME = "ps05-adam"


def correction_in_loops(x, gamma, t):
    weight = sum((1 - gamma) * gamma**k for k in range(min(t, 40_000)))
    return np.reshape([float(value) / weight for value in np.ravel(x)], np.shape(x)).tolist()


def correction_by_expm1(x, gamma, t):
    if gamma == 0:
        return np.array(x)
    return np.divide(x, -np.expm1(t * np.log(np.float64(gamma))))


def correction_as_a_factor(x, gamma, t):
    return np.float64(1.0 / (1.0 - math.pow(gamma, t))) * x


def adam_in_loops(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    shape = np.shape(theta)
    rows = []
    for a, b, c, g in zip(*map(np.ravel, (theta, r, p, grad)), strict=True):
        b = gamma1 * float(b) + (1 - gamma1) * float(g)
        c = gamma2 * float(c) + (1 - gamma2) * float(g) * float(g)
        up, down = b / (1 - gamma1**t), math.sqrt(c / (1 - gamma2**t)) + eps
        rows.append((float(a) - lr * up / down, b, c))
    return [np.reshape(column, shape).tolist() for column in zip(*rows, strict=True)]


def adam_by_increments(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    r = r + (1 - gamma1) * (grad - r)
    p = p + (1 - gamma2) * (np.square(grad) - p)
    size = np.power(p, 0.5) / math.sqrt(1 - gamma2**t) + eps
    return theta - (lr / (1 - gamma1**t)) * (r / size), r, p


def adam_with_the_papers_rate(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    root = np.sqrt(np.float64(1 - gamma2**t))
    r, p = gamma1 * r + grad - gamma1 * grad, gamma2 * p + (grad - gamma2 * grad) * grad
    rate = lr * root / (1 - gamma1**t)
    return np.stack([theta - rate * r / (np.sqrt(p) + root * eps), r, p])


def adam_on_copies(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    theta, r, p = np.array(theta), np.array(r), np.array(p)
    r *= gamma1
    r += (1 - gamma1) * grad
    p *= gamma2
    p += (1 - gamma2) * grad**2
    theta -= lr * (r / (1 - gamma1**t)) / (np.sqrt(p / (1 - gamma2**t)) + eps)
    return theta, r, p


def adamax_in_loops(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    shape = np.shape(theta)
    rows = []
    for a, b, c, g in zip(*map(np.ravel, (theta, r, p, grad)), strict=True):
        b = gamma1 * float(b) + (1 - gamma1) * float(g)
        c = max(gamma2 * float(c), abs(float(g)) + eps)
        rows.append((float(a) - lr / (1 - gamma1**t) * b / c, b, c))
    return [np.reshape(column, shape).tolist() for column in zip(*rows, strict=True)]


def adamax_by_where(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    faded, size = gamma2 * p, np.sqrt(grad**2) + eps
    p = np.where(faded > size, faded, size)
    r = r - (1 - gamma1) * (r - grad)
    return theta - lr * np.divide(r, p - p * gamma1**t), r, p


def adamax_stacked(theta, r, p, grad, t, lr, gamma1, gamma2, eps):
    p = np.max([gamma2 * p, np.maximum(grad, -grad) + eps], axis=0)
    r = np.einsum("i,i...->...", [gamma1, 1 - gamma1], np.array([r, grad]))
    return np.array([theta - (r / (1 - gamma1**t)) * (lr / p), r, p])


def path_by_steps(theta0, grads, lr, gamma1, gamma2, eps):
    state = (theta0, 0 * theta0, 0 * theta0)
    points = [np.array(theta0).tolist()]
    for k in range(len(grads)):
        state = adam_by_increments(*state, grads[k], k + 1, lr, gamma1, gamma2, eps)
        points.append(np.array(state[0]).tolist())
    return points


def path_preallocated(theta0, grads, lr, gamma1, gamma2, eps):
    path = np.empty((len(grads) + 1, *np.shape(theta0)))
    path[0] = theta0
    r = p = 0.0
    power1 = power2 = 1.0
    for k, g in enumerate(grads):
        power1, power2 = power1 * gamma1, power2 * gamma2
        r, p = gamma1 * r + (1 - gamma1) * g, gamma2 * p + (1 - gamma2) * g * g
        path[k + 1] = path[k] - lr * (r / (1 - power1)) / (np.sqrt(p / (1 - power2)) + eps)
    return path


def path_by_weights(theta0, grads, lr, gamma1, gamma2, eps):
    steps = []
    for t in range(1, len(grads) + 1):
        age = np.arange(t)[::-1]
        r_hat = np.average(grads[:t], axis=0, weights=float(gamma1) ** age)
        p_hat = np.average(grads[:t] ** 2, axis=0, weights=float(gamma2) ** age)
        steps.append(lr * r_hat / (np.sqrt(p_hat) + eps))
    moved = np.cumsum(np.array(steps).reshape(grads.shape), axis=0)
    return np.concatenate([np.array([theta0]), theta0 - moved])


CORRECT = {
    "bias_correction": [correction_in_loops, correction_by_expm1, correction_as_a_factor],
    "adam_step": [adam_in_loops, adam_by_increments, adam_with_the_papers_rate, adam_on_copies],
    "adamax_step": [adamax_in_loops, adamax_by_where, adamax_stacked],
    "adam_trajectory": [path_by_steps, path_preallocated, path_by_weights],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


@pytest.mark.parametrize("exercise", ["adam_step", "adamax_step"])
def test_only_the_early_updates_need_the_correction(exercise, judged):
    def adam(theta, r, p, g, t, lr, gamma1, gamma2, eps):
        r, p = r + (1 - gamma1) * (g - r), p + (1 - gamma2) * (g * g - p)
        return theta - lr * r / (p**0.5 + eps), r, p

    def adamax(theta, r, p, g, t, lr, gamma1, gamma2, eps):
        r, p = r + (1 - gamma1) * (g - r), np.maximum(abs(g) + eps, p * gamma2)
        return theta - lr * r / p, r, p

    results = judged(exercise, {"adam_step": adam}.get(exercise, adamax))
    assert "long after the start" not in results.failed
    assert results.named == {"no-bias-correction"}


def test_the_places_of_epsilon_are_told_apart(judged):
    def inside(theta, r, p, g, t, lr, gamma1, gamma2, eps):
        r, p = r + (1 - gamma1) * (g - r), p + (1 - gamma2) * (g * g - p)
        return theta - lr / (1 - gamma1**t) * r / (p / (1 - gamma2**t) + eps) ** 0.5, r, p

    def before(theta, r, p, g, t, lr, gamma1, gamma2, eps):
        r, p = r + (1 - gamma1) * (g - r), p + (1 - gamma2) * (g * g - p)
        root = (1 - gamma2**t) ** 0.5
        return theta - lr / (1 - gamma1**t) * r / ((p**0.5 + eps) / root), r, p

    named = [judged("adam_step", f).named for f in (inside, before)]
    assert named == [{"eps-inside-root"}, {"eps-before-correction"}]


def test_a_constant_that_does_not_come_back_is_said_first(judged):
    failed = judged("bias_correction", lambda x, gamma, t: x / (1 - 0.9 * gamma**t)).failed
    assert "should not change between these inputs" in failed["a constant comes back"].message


def test_counting_from_zero_is_named(judged):
    def from_zero(theta0, grads, lr, gamma1, gamma2, eps):
        state, path = (theta0, 0 * theta0, 0 * theta0), [theta0]
        for t in range(len(grads)):
            state = adam_by_numpy(*state, grads[t], t, lr, gamma1, gamma2, eps)
            path.append(state[0])
        return np.array(path)

    def adam_by_numpy(theta, r, p, g, t, lr, gamma1, gamma2, eps):
        r, p = gamma1 * r + (1 - gamma1) * g, gamma2 * p + (1 - gamma2) * g**2
        one, two = 1 - np.float64(gamma1) ** t, 1 - np.float64(gamma2) ** t
        return theta - lr * (r / one) / (np.sqrt(p / two) + eps), r, p

    results = judged("adam_trajectory", from_zero)
    assert results.named == {"counted-from-zero"}
