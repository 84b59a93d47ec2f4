"""Problem set 7: correct solutions in other styles score full, and half-right earns half."""

import math

import numpy as np

NAME = "ps07-initialization"


def xavier_from_the_variance(fan_in, fan_out):
    variance = 2.0 / (fan_in + fan_out)
    return [math.sqrt(3 * variance)]


def xavier_by_powers(fan_in, fan_out):
    return np.array(6.0) ** 0.5 * np.float64(fan_in + fan_out) ** -0.5


def he_from_the_gain(fan_in, slope):
    gain = math.sqrt(2 / (1 + slope * slope))
    return gain / math.sqrt(fan_in)


def he_from_the_kept_fraction(fan_in, slope):
    kept = np.mean([1.0, slope**2])
    return np.array([(fan_in * kept) ** -0.5])


def in_loops(rule):
    """A rule for numbers as a function on arrays that returns nested lists."""

    def function(*arguments):
        arrays = [np.broadcast_to(a, np.shape(arguments[0])) for a in arguments]
        flat = [rule(*map(float, row)) for row in zip(*map(np.ravel, arrays), strict=True)]
        return np.reshape(flat, np.shape(arguments[0])).tolist()

    return function


def relu_by_a_mask(x):
    return x * (x > 0)


def relu_by_absolute_value(x):
    return (x + np.abs(x)) / 2


def relu_on_a_copy(x):
    y = np.array(x)
    y[y < 0] = 0
    return y


def relu_gradient_on_a_copy(x, grad_out):
    grads = np.array(grad_out)
    grads[x <= 0] = 0
    return grads


def relu_gradient_by_heaviside(x, grad_out):
    return np.heaviside(x, 0.0) * grad_out


def leaky_by_maximum(x, slope):
    return np.maximum(x, slope * x)


def leaky_as_a_mixture(x, slope):
    return slope * x + (1 - slope) * np.maximum(x, 0)


def leaky_gradient_by_factors(x, slope, grad_out):
    factor = np.full(np.shape(x), slope)
    factor[x > 0] = 1
    return factor * grad_out


def leaky_gradient_as_a_mixture(x, slope, grad_out):
    return grad_out * (slope + (1 - slope) * np.heaviside(x, 0.0))


def prelu_as_two_parts(x, slope):
    return np.maximum(x, 0) + slope * np.minimum(x, 0)


def prelu_by_columns(x, slope):
    columns = [np.where(x[:, j] > 0, 1.0, a) * x[:, j] for j, a in enumerate(slope)]
    return np.stack(columns, axis=1)


def prelu_by_einsum(x, slope):
    return np.clip(x, 0, None) + np.einsum("nd,d->nd", np.clip(x, None, 0), slope)


def prelu_gradients_in_loops(x, slope, grad_out):
    n, d = x.shape
    grad_x, grad_slope = [[0.0] * d for _ in range(n)], [0.0] * d
    for i in range(n):
        for j in range(d):
            if x[i, j] > 0:
                grad_x[i][j] = float(grad_out[i, j])
            else:
                grad_x[i][j] = float(slope[j] * grad_out[i, j])
                grad_slope[j] += float(grad_out[i, j] * x[i, j])
    return [grad_x, grad_slope]


def prelu_gradients_by_einsum(x, slope, grad_out):
    negative = (x <= 0).astype(float)
    grad_x = grad_out - grad_out * negative * (1 - slope)
    return grad_x, np.einsum("nd,nd,nd->d", grad_out, x, negative)


def prelu_gradients_by_a_difference(x, slope, grad_out):
    # the output is linear in the slopes, so a difference is exact
    def y(a):
        return np.where(x > 0, x, a * x)

    grad_slope = np.sum(grad_out * (y(slope + 1) - y(slope)), axis=0)
    return np.where(x > 0, 1, slope) * grad_out, grad_slope


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
    "xavier_bound": [xavier_from_the_variance, xavier_by_powers],
    "he_std": [he_from_the_gain, he_from_the_kept_fraction],
    "relu_forward": [
        in_loops(lambda x: x if x > 0 else 0.0),
        relu_by_a_mask,
        relu_by_absolute_value,
        relu_on_a_copy,
    ],
    "relu_backward": [
        in_loops(lambda x, g: g if x > 0 else 0.0),
        relu_gradient_on_a_copy,
        relu_gradient_by_heaviside,
    ],
    "leaky_relu_forward": [
        in_loops(lambda x, a: x if x > 0 else a * x),
        leaky_by_maximum,
        leaky_as_a_mixture,
    ],
    "leaky_relu_backward": [
        in_loops(lambda x, a, g: g if x > 0 else a * g),
        leaky_gradient_by_factors,
        leaky_gradient_as_a_mixture,
    ],
    "prelu_forward": [prelu_as_two_parts, prelu_by_columns, prelu_by_einsum],
    "prelu_backward": [
        prelu_gradients_in_loops,
        prelu_gradients_by_einsum,
        prelu_gradients_by_a_difference,
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
    failed = judged("relu_backward", lambda x, g: np.where(x < 0, 0, g)).failed
    assert set(failed) == {"at zero"}
    assert "as torch does" in failed["at zero"].message


def test_the_maximum_trick_earns_the_usual_slopes(judged):
    failed = judged("prelu_forward", lambda x, a: np.maximum(a * x, x)).failed
    assert set(failed) == {"slopes that learning may reach"}
    assert "only while a ≤ 1" in failed["slopes that learning may reach"].message


def test_one_slope_ignored_earns_the_plain_relu(judged):
    failed = judged("he_std", lambda n, a: math.sqrt(2 / n)).failed
    assert set(failed) == {"before a leaky ReLU"}


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
