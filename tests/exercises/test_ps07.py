"""Problem set 7: correct solutions in other styles score full, and half-right earns half."""

import math

import numpy as np

NAME = "ps07-initialization"


def weights_from_the_variance(draws, recipe, slope):
    n_out, n_in = np.shape(draws)
    variance = 2.0 / (n_in + n_out) if recipe == "glorot" else 1 / (n_in * (1 + slope**2) / 2)
    deviation = 1 / math.sqrt(3) if recipe == "glorot" else 1.0
    return [[math.sqrt(variance) / deviation * z for z in row] for row in draws.tolist()]


def weights_by_powers(draws, recipe, slope):
    fans = draws.shape
    scales = {
        "glorot": 6.0**0.5 * np.float64(sum(fans)) ** -0.5,
        "he": (fans[-1] * np.mean([1.0, slope**2])) ** -0.5,
    }
    return np.multiply(draws, scales[recipe])


def weights_from_the_gain(draws, recipe, slope):
    if recipe == "he":
        return draws * math.sqrt(2 / (1 + slope * slope)) / math.sqrt(len(draws[0]))
    return draws * np.sqrt(3 / np.mean(draws.shape))


def in_loops(x, slope):
    slopes = np.broadcast_to(slope, x.shape).ravel().tolist()
    flat = [v if v > 0 else a * v for v, a in zip(x.ravel().tolist(), slopes, strict=True)]
    return np.reshape(flat, x.shape).tolist()


def in_two_parts(x, slope):
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def by_absolute_value(x, slope):
    return ((1 + slope) * x + (1 - slope) * np.abs(x)) / 2


def on_a_copy(x, slope):
    y = np.array(x)
    slopes = np.broadcast_to(slope, y.shape)
    y[y < 0] *= slopes[y < 0]
    return y


def by_columns(x, slope):
    if np.ndim(slope) == 0:
        return np.piecewise(x, [x > 0], [lambda v: v, lambda v: slope * v])
    columns = [np.where(x[:, j] > 0, 1.0, a) * x[:, j] for j, a in enumerate(slope)]
    return np.stack(columns, axis=1)


def gradients_in_loops(x, slope, grad_out):
    slopes = np.broadcast_to(slope, x.shape)
    grad_x, grad_slope = np.zeros(x.shape), np.zeros(np.shape(slope))
    for at in np.ndindex(x.shape):
        if x[at] > 0:
            grad_x[at] = grad_out[at]
        else:
            grad_x[at] = slopes[at] * grad_out[at]
            grad_slope[at[1:] if grad_slope.ndim else ()] += grad_out[at] * x[at]
    return [grad_x.tolist(), grad_slope.tolist()]


def gradients_by_heaviside(x, slope, grad_out):
    factor = slope + (1 - slope) * np.heaviside(x, 0.0)
    terms = grad_out * x * (x <= 0)
    return grad_out * factor, np.sum(terms, axis=0 if np.ndim(slope) else None)


def gradients_on_a_copy(x, slope, grad_out):
    grads = np.array(grad_out)
    negative = x <= 0
    grads[negative] *= np.broadcast_to(slope, x.shape)[negative]
    if np.ndim(slope):
        return grads, np.einsum("nd,nd,nd->d", grad_out, x, negative.astype(float))
    return grads, float(np.vdot(grad_out, np.clip(x, None, 0)))


def gradients_by_a_difference(x, slope, grad_out):
    # the output is linear in the slopes, so a difference is exact
    def y(a):
        return np.where(x > 0, x, a * x)

    terms = grad_out * (y(slope + 1) - y(slope))
    while terms.ndim > np.ndim(slope):
        terms = terms.sum(axis=0)
    return np.where(x > 0, 1, slope) * grad_out, terms


def maxout_by_slices(x, pieces):
    stacked = np.stack([x[..., m::pieces] for m in range(pieces)])
    return np.max(stacked, axis=0), np.argmax(stacked, axis=0)


def maxout_in_loops(x, pieces):
    rows = np.reshape(x, (-1, np.shape(x)[-1]))
    ys, winners = [], []
    for row in rows.tolist():
        groups = [row[k : k + pieces] for k in range(0, len(row), pieces)]
        ys.append([max(group) for group in groups])
        winners.append([group.index(max(group)) for group in groups])
    shape = (*np.shape(x)[:-1], -1)
    return [np.reshape(ys, shape).tolist(), np.reshape(winners, shape).tolist()]


def maxout_one_piece_at_a_time(x, pieces):
    y = np.array(x[..., ::pieces])
    winner = np.zeros(y.shape)
    for m in range(1, pieces):
        piece = x[..., m::pieces]
        winner = np.where(piece > y, m, winner)
        y = np.maximum(y, piece)
    return y, winner


def maxout_gradient_by_slices(winner, pieces, grad_out):
    grads = np.zeros((*grad_out.shape[:-1], pieces * grad_out.shape[-1]))
    for m in range(pieces):
        grads[..., m::pieces] = np.where(winner == m, grad_out, 0)
    return grads


def maxout_gradient_by_positions(winner, pieces, grad_out):
    u = grad_out.shape[-1]
    grads = np.zeros((*grad_out.shape[:-1], pieces * u))
    np.put_along_axis(grads, winner + pieces * np.arange(u), grad_out, axis=-1)
    return grads


def maxout_gradient_by_one_hot_rows(winner, pieces, grad_out):
    hot = np.eye(pieces)[winner]
    return np.einsum("...up,...u->...up", hot, grad_out).reshape(*grad_out.shape[:-1], -1).tolist()


PHI = {
    "linear": (lambda a: a, lambda h: 1.0 + 0 * h),
    "sigmoid": (lambda a: 0.5 * (1 + np.tanh(a / 2)), lambda h: h - h * h),
    "tanh": (np.tanh, lambda h: (1 - h) * (1 + h)),
    "relu": (lambda a: a * (a > 0), lambda h: np.sign(h)),
}


def norms_one_example_at_a_time(weights, x, activation):
    phi, slope = PHI[activation]
    totals = [np.zeros(W.shape) for W in weights]
    for row in x:
        hs = [row]
        for W in weights:
            hs.append(phi(W @ hs[-1]))
        delta = slope(hs[-1])
        for k in range(len(weights) - 1, -1, -1):
            totals[k] += np.outer(delta, hs[k]) / len(x)
            delta = weights[k].T @ delta * slope(hs[k])
    return [math.sqrt(float((total**2).sum())) for total in totals]


def norms_by_recursion(weights, x, activation):
    phi, slope = PHI[activation]

    def back(h, layer):
        if layer == len(weights):
            return np.full(h.shape, 1 / len(x)), []
        out = phi(h @ weights[layer].T)
        grad_out, norms = back(out, layer + 1)
        delta = grad_out * slope(out)
        gradient = np.einsum("no,ni->oi", delta, h)
        return delta @ weights[layer], [np.sqrt(np.sum(np.square(gradient))), *norms]

    return np.array(back(x, 0)[1])


def norms_by_complex_steps(weights, x, activation):
    def f(matrices):
        h = x.astype(complex)
        for W in matrices:
            a = h @ W.T
            h = {
                "linear": a,
                "sigmoid": 1 / (1 + np.exp(-a)),
                "tanh": np.tanh(a),
                "relu": np.where(a.real > 0, a, 0),
            }[activation]
        return h.sum() / len(x)

    norms = []
    for k, W in enumerate(weights):
        gradient = np.zeros(W.shape)
        for index in np.ndindex(W.shape):
            bumped = [V.astype(complex) for V in weights]
            bumped[k][index] += 1e-30j
            gradient[index] = f(bumped).imag / 1e-30
        norms.append(np.linalg.norm(gradient))
    return norms


CORRECT = {
    "initial_weights": [weights_from_the_variance, weights_by_powers, weights_from_the_gain],
    "rectifier_forward": [in_loops, in_two_parts, by_absolute_value, on_a_copy, by_columns],
    "rectifier_backward": [
        gradients_in_loops,
        gradients_by_heaviside,
        gradients_on_a_copy,
        gradients_by_a_difference,
    ],
    "maxout_forward": [maxout_by_slices, maxout_in_loops, maxout_one_piece_at_a_time],
    "maxout_backward": [
        maxout_gradient_by_slices,
        maxout_gradient_by_positions,
        maxout_gradient_by_one_hot_rows,
    ],
    "gradient_norms": [norms_one_example_at_a_time, norms_by_recursion, norms_by_complex_steps],
}


def test_other_styles_score_full(right_answer):
    assert right_answer.failed == {}


def test_the_other_derivative_at_zero_loses_that_check_only(judged):
    def rounded_up(x, slope, grad_out):
        grad_x, grad_slope = gradients_by_heaviside(x, slope, grad_out)
        return np.where(x == 0, grad_out, grad_x), grad_slope

    failed = judged("rectifier_backward", rounded_up).failed
    assert set(failed) == {"at zero"}
    assert "as torch does" in failed["at zero"].message


def test_a_gradient_for_one_slope_only_earns_what_is_about_one(judged):
    def one_slope(x, slope, grad_out):
        grad_x = np.where(x > 0, grad_out, slope * grad_out)
        return grad_x, np.sum(grad_out * np.minimum(0, x))

    results = judged("rectifier_backward", one_slope)
    assert results.passed == {"one slope for all units"}
    assert results.named == {"slope-summed-over-all"}


def test_the_maximum_trick_earns_the_usual_slopes(judged):
    failed = judged("rectifier_forward", lambda x, a: np.maximum(a * x, x)).failed
    assert set(failed) == {"slopes that learning may reach"}
    assert "only while a ≤ 1" in failed["slopes that learning may reach"].message


def test_relu_alone_earns_relu(judged):
    results = judged("rectifier_forward", lambda x, a: np.maximum(0, x))
    assert results.passed == {"ReLU, slope 0"}


def test_one_recipe_earns_its_half(judged):
    def glorot(draws, recipe, slope):
        return weights_by_powers(draws, "glorot", slope)

    failed = judged("initial_weights", glorot).failed
    assert set(failed) == {"He, before a ReLU", "He, before a leaky ReLU"}


def test_one_slope_ignored_earns_the_plain_relu(judged):
    failed = judged("initial_weights", lambda u, r, a: weights_by_powers(u, r, 0)).failed
    assert set(failed) == {"He, before a leaky ReLU"}


def test_a_network_without_slopes_earns_the_linear_layers(judged):
    def no_slopes(weights, x, activation):
        phi = PHI[activation][0]
        hs = [x]
        for W in weights:
            hs.append(phi(hs[-1] @ W.T))
        delta, norms = np.ones(hs[-1].shape) / len(x), []
        for W, h in zip(reversed(weights), reversed(hs[:-1]), strict=True):
            norms.insert(0, np.linalg.norm(delta.T @ h))
            delta = delta @ W
        return norms

    results = judged("gradient_norms", no_slopes)
    assert "linear layers" not in results.failed
    assert results.named == {"slopes-forgotten"}


def test_ties_are_the_only_thing_that_the_last_winner_loses(judged):
    def last(x, pieces):
        groups = x.reshape(*x.shape[:-1], -1, pieces)
        y = groups.max(axis=-1)
        return y, pieces - 1 - np.argmax(groups[..., ::-1] == y[..., None], axis=-1)

    failed = judged("maxout_forward", last).failed
    assert set(failed) == {"the first of equals"}


def test_changing_a_matrix_in_the_list_is_named(judged):
    def careless(weights, x, activation):
        norms = norms_by_recursion(weights, x, activation)
        if weights[0].flags.writeable:
            weights[0][...] = 0
        return norms

    results = judged("gradient_norms", careless)
    assert "`weights` in place" in next(r for r in results if not r.passed).message
