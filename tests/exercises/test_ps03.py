"""Problem set 3: correct solutions in other styles score full, and half-right earns half."""

import math

import numpy as np

NAME = "ps03-rprop-adagrad"


def rprop_in_loops(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    rows = []
    for t, d, g, p in zip(*map(np.ravel, (theta, delta, grad, prev_grad)), strict=True):
        t, d, g = float(t), float(d), float(g)
        if (g > 0 and p > 0) or (g < 0 and p < 0):
            d = min(d * eta_plus, delta_max)
        elif (g > 0 and p < 0) or (g < 0 and p > 0):
            d = max(d * eta_minus, delta_min)
            g = 0.0
        rows.append((t - math.copysign(d, g) if g else t, d, g))
    return [np.reshape(column, np.shape(theta)).tolist() for column in zip(*rows, strict=True)]


def rprop_by_masks(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    theta, delta, grad = (np.array(x, dtype=float) for x in (theta, delta, grad))
    agree, differ = np.sign(grad) * np.sign(prev_grad) == 1, grad * prev_grad < 0
    delta[agree] = np.minimum(delta[agree] * eta_plus, delta_max)
    delta[differ] = np.maximum(delta[differ] * eta_minus, delta_min)
    grad[differ] = 0
    theta[grad > 0] -= delta[grad > 0]
    theta[grad < 0] += delta[grad < 0]
    return theta, delta, grad


def rprop_by_powers(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    s = np.sign(grad * prev_grad)
    log = np.log(delta) + np.maximum(s, 0) * np.log(eta_plus) - np.minimum(s, 0) * np.log(eta_minus)
    new = np.exp(np.clip(log, np.log(delta_min), np.log(delta_max)))
    kept = grad * (s >= 0)
    return theta + new * np.sign(-kept), new, kept


def manhattan_in_loops(theta, delta, grad):
    sizes = np.broadcast_to(delta, np.shape(theta))
    flat = [
        float(t) - ((g > 0) - (g < 0)) * float(d)
        for t, g, d in zip(*(np.ravel(x).tolist() for x in (theta, grad, sizes)), strict=True)
    ]
    return np.reshape(flat, np.shape(theta)).tolist()


def manhattan_by_cases(theta, delta, grad):
    down, up = np.subtract(theta, delta), np.add(theta, delta)
    return np.select([grad > 0, grad < 0], [down, up], default=theta)


def manhattan_by_division(theta, delta, grad):
    size = np.where(grad == 0, 1.0, np.abs(grad))
    return theta - (grad / size) * delta


def adagrad_in_loops(theta, r, grad, lr, eps):
    new_r = [
        float(a) + float(g) * float(g) for a, g in zip(np.ravel(r), np.ravel(grad), strict=True)
    ]
    new_theta = [
        float(t) - lr * float(g) / (math.sqrt(a) + eps)
        for t, g, a in zip(np.ravel(theta), np.ravel(grad), new_r, strict=True)
    ]
    shape = np.shape(theta)
    return [np.reshape(new_theta, shape).tolist(), np.reshape(new_r, shape).tolist()]


def adagrad_by_the_rate(theta, r, grad, lr, eps):
    new_r = np.add(r, np.square(grad))
    rate = np.float64(lr) / (eps + new_r**0.5)
    return np.array([theta - rate * grad, new_r])


def adagrad_by_hypot(theta, r, grad, lr, eps):
    size = np.hypot(np.sqrt(r), grad)
    return theta - grad * (size + eps) ** -1 * lr, size**2


def net_by_dispatch(grads, rule, lr):
    def rprop():
        change, delta, prev = 0.0, lr, 0.0
        for g in map(float, grads):
            if g * prev > 0:
                delta = min(1.2 * delta, 50.0)
            elif g * prev < 0:
                delta, g = max(0.5 * delta, 1e-6), 0.0
            change -= delta * ((g > 0) - (g < 0))
            prev = g
        return change

    return {
        "sgd": lambda: -lr * math.fsum(grads),
        "manhattan": lambda: lr * float(np.sum(grads < 0) - np.sum(grads > 0)),
        "rmsprop": lambda: -lr * sum(grads) / (np.linalg.norm(grads) / len(grads) ** 0.5 + 1e-8),
        "rprop": rprop,
    }[rule]()


def net_by_simulation(grads, rule, lr):
    theta = np.zeros(1)
    delta, prev = np.array([lr]), np.zeros(1)
    r = np.dot(grads, grads) / np.size(grads)
    for g in np.reshape(grads, (-1, 1)):
        if rule == "sgd":
            theta = theta - lr * g
        elif rule == "manhattan":
            theta = manhattan_by_cases(theta, lr, g)
        elif rule == "rmsprop":
            theta = theta - lr / (math.sqrt(r) + 1e-8) * g
        else:
            theta, delta, prev = rprop_by_masks(theta, delta, g, prev, 0.5, 1.2, 1e-6, 50.0)
    return theta


CORRECT = {
    "rprop_step": [rprop_in_loops, rprop_by_masks, rprop_by_powers],
    "manhattan_step": [manhattan_in_loops, manhattan_by_cases, manhattan_by_division],
    "adagrad_step": [adagrad_in_loops, adagrad_by_the_rate, adagrad_by_hypot],
    "net_update": [net_by_dispatch, net_by_simulation],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_a_mistake_is_named_in_whatever_style_it_is_written(judged):
    def inside(theta, r, grad, lr, eps):
        r = np.square(grad) + r
        return theta - grad * lr * (eps + r) ** -0.5, r

    results = judged("adagrad_step", inside)
    assert results.named == {"epsilon-inside"}
    assert "the scale of the gradients does not matter" not in results.failed


def test_without_limits_rprop_loses_one_check_only(judged):
    def unlimited(theta, delta, grad, prev_grad, eta_minus, eta_plus, *_):
        return rprop_by_masks(theta, delta, grad, prev_grad, eta_minus, eta_plus, 0.0, np.inf)

    failed = judged("rprop_step", unlimited).failed
    assert set(failed) == {"the limits of the step sizes"}


def test_each_rule_of_the_net_update_is_paid_by_itself(judged):
    for rule in ("sgd", "manhattan", "rprop", "rmsprop"):

        def others(grads, given, lr, missing=rule):
            return 1.0 if given == missing else net_by_dispatch(grads, given, lr)

        assert set(judged("net_update", others).failed) == {f"the rule “{rule}”"}


def test_the_numbers_of_the_model_answer(answers):
    net_update = answers(NAME)["net_update"]
    grads = np.array([0.1] * 9 + [-0.9])
    changes = [net_update(grads, rule, 0.1) for rule in ("sgd", "manhattan", "rprop", "rmsprop")]
    np.testing.assert_allclose(changes, [0, -0.8, -2.08, 0], atol=0.005)
