"""Problem set 2: correct solutions in other styles score full, and conventions are named."""

import numpy as np
import pytest

NAME = "ps02-momentum"


def step_in_loops(theta, v, grad, lr, mu):
    shape = np.shape(theta)
    new_v = [
        mu * float(a) + lr * float(g) for a, g in zip(np.ravel(v), np.ravel(grad), strict=True)
    ]
    new_theta = [float(t) - a for t, a in zip(np.ravel(theta), new_v, strict=True)]
    return [np.reshape(new_theta, shape).tolist(), np.reshape(new_v, shape).tolist()]


def step_rearranged(theta, v, grad, lr, mu):
    new_theta = theta - mu * v - lr * grad
    return new_theta, lr * grad + v * mu


def step_stacked(theta, v, grad, lr, mu):
    new_v = np.float64(lr) * grad + np.float64(mu) * v
    return np.stack([theta - new_v, new_v])


def step_on_copies(theta, v, grad, lr, mu):
    theta, v = np.array(theta), np.array(v)
    v *= mu
    v += lr * grad
    theta -= v
    return theta, v


def nag_from_the_lookahead(theta, v, grad_at_lookahead, lr, mu):
    y = theta - mu * v
    new_theta = y - lr * grad_at_lookahead
    return new_theta, mu * v + lr * grad_at_lookahead


def lookahead_in_loops(theta, v, mu):
    flat = [float(t) - mu * float(a) for t, a in zip(np.ravel(theta), np.ravel(v), strict=True)]
    return np.reshape(flat, np.shape(theta)).tolist()


def lookahead_by_ufuncs(theta, v, mu):
    return np.subtract(theta, np.multiply(np.float64(mu), v))


def lookahead_as_a_mixture(theta, v, mu):
    return (1 - mu) * theta + mu * (theta - v)


def quadratic_preallocated(A, b, theta0, lr, mu, steps, nesterov):
    trajectory = np.empty((steps + 1, len(theta0)))
    trajectory[0] = theta0
    v = 0.0
    for k in range(steps):
        y = trajectory[k] - (mu * v if nesterov else 0)
        v = mu * v + lr * (np.dot(A, y) - b)
        trajectory[k + 1] = trajectory[k] - v
    return trajectory


def quadratic_from_differences(A, b, theta0, lr, mu, steps, nesterov):
    points = [theta0, theta0]  # the velocity is the last difference
    for _ in range(steps):
        theta, move = points[-1], points[-1] - points[-2]
        y = theta + mu * move if nesterov else theta
        points.append(theta + mu * move - lr * (np.einsum("ij,j->i", A, y) - b))
    return [point.tolist() for point in points[1:]]


def quadratic_by_a_matrix(A, b, theta0, lr, mu, steps, nesterov):
    n = len(theta0)
    eye = np.eye(n)
    look = mu * (eye - lr * A) if nesterov else mu * eye
    M = np.block([[eye - lr * A, -look], [lr * A, look]])
    shift = np.concatenate([lr * b, -lr * b])
    state = np.concatenate([theta0, np.zeros(n)])
    rows = [state[:n]]
    for _ in range(steps):
        state = M @ state + shift
        rows.append(state[:n])
    return np.vstack(rows)


def effective_as_a_series(lr, mu):
    total, term = 0.0, lr
    while term > 1e-17 * total:
        total, term = total + term, term * mu
    return total


def effective_by_power(lr, mu):
    return np.array([lr]) * (1 - np.float64(mu)) ** -1


CORRECT = {
    "momentum_step": [step_in_loops, step_rearranged, step_stacked, step_on_copies],
    "nag_lookahead": [lookahead_in_loops, lookahead_by_ufuncs, lookahead_as_a_mixture],
    "nag_step": [step_in_loops, nag_from_the_lookahead, step_stacked, step_on_copies],
    "minimize_quadratic": [
        quadratic_preallocated,
        quadratic_from_differences,
        quadratic_by_a_matrix,
    ],
    "effective_lr": [effective_as_a_series, effective_by_power],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


@pytest.mark.parametrize("exercise", ["momentum_step", "nag_step"])
def test_the_families_of_conventions_are_told_apart(exercise, judged):
    def rate_outside(theta, b, g, lr, mu):
        b = g + mu * b
        return theta - lr * b, b

    def average(theta, v, g, lr, mu):
        v = v + (1 - mu) * (lr * g - v)
        return theta - v, v

    def added(theta, v, g, lr, mu):
        v = -lr * g + mu * v
        return theta + v, v

    named = {
        function.__name__: judged(exercise, function).named
        for function in (rate_outside, average, added)
    }
    assert named == {
        "rate_outside": {"rate-outside"},
        "average": {"averaged"},
        "added": {"velocity-of-opposite-sign"},
    }


def test_the_lectures_step_without_memory_earns_the_first_step(judged):
    failed = judged("nag_step", lambda t, v, g, lr, mu: (t - lr * g, lr * g)).failed
    assert "the first step" not in failed
    assert "the lecture's slide" in failed["a later step"].message


def test_momentum_for_nesterov_earns_half(judged):
    def ignoring(A, b, theta0, lr, mu, steps, nesterov):
        return quadratic_preallocated(A, b, theta0, lr, mu, steps, False)

    failed = judged("minimize_quadratic", ignoring).failed
    assert "with Nesterov's gradient" in failed
    assert not {"without momentum", "with momentum"} & set(failed)


def test_the_first_wrong_step_of_a_trajectory_is_named(judged):
    def slow_memory(theta, v, g, lr, mu):
        return theta - lr * g - mu * v, lr * g + 0.5 * v

    failed = judged("momentum_step", slow_memory).failed
    assert "call 2 of 4" in failed["several steps"].message
