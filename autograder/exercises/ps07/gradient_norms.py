"""Gradients through depth."""

from itertools import pairwise

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, floats, readonly, strided

case = case_maker("weights", "x", "activation")

W1 = floats([[0.5, -1], [1, 0.25], [-0.75, 0.5]])
W2 = floats([[1, -0.5, 0.5], [0.25, 1, -1]])
W3 = floats([[0.5, 1], [-1, 0.75]])
X = floats([[1, 2], [-0.5, 1], [2, -1], [0.25, -2]])


def network(rng: Rng, scale: float, *sizes: int) -> list[Array]:
    return [np.asarray(rng.normal(0, scale / np.sqrt(a), (b, a))) for a, b in pairwise(sizes)]


def drawn(rng: Rng, label: str, scale: float, sizes: list[int], n: int, activation: str) -> Case:
    return case(label, network(rng, scale, *sizes), rng.normal(size=(n, sizes[0])), activation)


def in_memory(weights: list[Array], x: Array) -> Case:
    first, second = weights
    put = [readonly(first), strided(second)]
    return case("read-only and strided data", put, readonly(x), "relu")


def tiny(rng: Rng, *shape: int) -> Array:
    return np.asarray(1e-8 * rng.normal(size=shape))


@mistake
def norms_of_the_weights(weights, x, activation):
    """Your function returns the norms of the weights themselves: return those of their
    gradients."""
    return np.array([np.linalg.norm(W) for W in weights])


EXERCISE = Exercise(
    "gradient_norms",
    title="Gradients through depth",
    minutes=30,
    section="activations.md#almost-random-layer-by-layer",
    parameters=("weights", "x", "activation"),
    returns=("norms",),
    reference=reference.gradient_norms,
    checks={
        "linear layers": Check(
            points=1,
            public=[
                case("two layers", [W1, W2], X, "linear"),
                case("layers of one width", [W3, W3.T @ W3, W3], X, "linear"),
            ],
            held_out=lambda rng: [
                drawn(rng, "two layers", 1, [3, 4, 2], 5, "linear"),
                drawn(rng, "layers of one width", 1, [3, 3, 3, 3], 4, "linear"),
            ],
        ),
        "tanh and sigmoid layers": Check(
            points=2,
            public=[
                case("tanh, two layers", [W1, W2], X, "tanh"),
                case("tanh, layers of one width", [W3, -W3, W3], X, "tanh"),
                case("sigmoid, two layers", [W1, W2], X, "sigmoid"),
                case("sigmoid, layers of one width", [W3, -W3, W3], X, "sigmoid"),
            ],
            held_out=lambda rng: [
                drawn(rng, "tanh, two layers", 1.2, [3, 4, 2], 5, "tanh"),
                drawn(rng, "tanh, layers of one width", 1.2, [3, 3, 3, 3], 5, "tanh"),
                drawn(rng, "sigmoid, two layers", 1.2, [3, 4, 2], 5, "sigmoid"),
                drawn(rng, "sigmoid, layers of one width", 1.2, [3, 3, 3, 3], 5, "sigmoid"),
            ],
        ),
        "rectified layers": Check(
            points=1,
            public=[
                case("two layers", [W1, W2], X, "relu"),
                case("layers of one width", [W3, -W3, W3], X, "relu"),
                case("tiny inputs", [W1, W2], X * 1e-8, "relu"),
            ],
            held_out=lambda rng: [
                drawn(rng, "two layers", 1.4, [3, 6, 4], 6, "relu"),
                drawn(rng, "layers of one width", 1.4, [4, 4, 4, 4], 6, "relu"),
                case("tiny inputs", network(rng, 1.4, 3, 6, 4), tiny(rng, 6, 3), "relu"),
            ],
        ),
        "depth, special cases, memory layouts": Check(
            points=1,
            public=[
                case("vanishing: six sigmoid layers", [W3] * 6, X, "sigmoid"),
                case("exploding: six linear layers", [3 * W3] * 6, X, "linear"),
                case("a single layer", [W1], X, "tanh"),
                case("one example", [W1, W2], X[:1], "tanh"),
                in_memory([W1, W2], X),
            ],
            held_out=lambda rng: [
                drawn(rng, "vanishing: eight sigmoid layers", 1, [4] * 9, 5, "sigmoid"),
                drawn(rng, "exploding: eight linear layers", 5, [4] * 9, 5, "linear"),
                drawn(rng, "a single layer", 1, [3, 4], 6, "tanh"),
                drawn(rng, "one example", 1, [3, 4, 3], 1, "tanh"),
                in_memory(network(rng, 1, 3, 4, 3), rng.normal(size=(5, 3))),
            ],
        ),
    },
    mistakes={
        "last-layer-linear": edit(
            "Your function leaves out the derivative of the last activation: h_L = φ(a_L) as in "
            "the other layers, so Δ_L = φ'(a_L)/n.",
            ("slopes[-1]", "np.ones_like(h)"),
        ),
        "slopes-forgotten": edit(
            "Your way back multiplies by the weights only: each layer also multiplies by the "
            "derivative φ'(a_l) of its activation.",
            ("slopes[-1]", "np.ones_like(h)"),
            (" * slopes[layer - 1]", ""),
        ),
        "hidden-slopes-forgotten": edit(
            "Your way back has the derivative φ' at the last layer only: every layer that is "
            "passed multiplies by its own φ'(a_l).",
            (" * slopes[layer - 1]", ""),
        ),
        "slope-at-the-output": edit(
            "Your function takes the derivative φ' at the outputs h_l: take it at a_l, before the "
            "activation. (For tanh that is 1 − h², with h = tanh(a).)",
            ("h * (1 - h)", "1 / (1 + np.exp(-h)) * (1 - 1 / (1 + np.exp(-h)))"),
            ("1 - h**2", "1 - np.tanh(h) ** 2"),
        ),
        "tanh-square-missing": edit(
            "Your derivative of tanh is 1 − h: it is 1 − h².", ("1 - h**2", "1 - h")
        ),
        "sigmoid-factor-missing": edit(
            "Your derivative of the sigmoid is 1 − h: it is h(1 − h).", ("h * (1 - h)", "1 - h")
        ),
        "sum-over-batch": edit(
            "Your function sums over the examples: f is the mean over them, so divide by n.",
            (" / len(x)", ""),
        ),
        "last-layer-first": edit(
            "Your norms are in the order of the way back: return that of the first layer first.",
            ("norms[::-1]", "norms"),
        ),
        "squared": edit(
            "Your function returns sums of squares: the norm is their root.",
            ("np.linalg.norm(delta.T @ inputs[layer])", "np.sum((delta.T @ inputs[layer]) ** 2)"),
        ),
        "spectral-norm": edit(
            "Your function takes np.linalg.norm(…, 2), the largest singular value: the norm here "
            "is the root of the sum of all squares, np.linalg.norm(…).",
            ("inputs[layer])", "inputs[layer], 2)"),
        ),
        "gradient-of-the-signal": edit(
            "Your function returns the norms of Δ_l, the gradient of a_l: the gradient of the "
            "weights is Δ_lᵀ h_(l−1).",
            ("delta.T @ inputs[layer]", "delta"),
        ),
        "norms-of-the-weights": norms_of_the_weights,
        "weights-not-transposed": edit(
            "Your layers compute h W: rows of W belong to outputs here, so the way forward is "
            "h Wᵀ and the way back Δ W.",
            ("@ W.T", "@ W"),
            ("weights[layer])", "weights[layer].T)"),
        ),
        "transposed-on-the-way-back": edit(
            "Your way back multiplies by Wᵀ: forward is h Wᵀ, so back is Δ W.",
            ("weights[layer])", "weights[layer].T)"),
        ),
        "list-reversed": edit(
            "Your function reverses the list `weights` in place, for the caller as well: use "
            "reversed(weights) or weights[::-1], which leave it alone.",
            ("delta = slopes", "weights.reverse()\n    delta = slopes"),
            ("weights[layer])", "weights[-1 - layer])"),
        ),
    },
    equivalents={
        "slope = h * (h - 1)": "All gradients change their sign, or none: the norms stay.",
        "slope = h ** 2 - 1": "All gradients change their sign, or none: the norms stay.",
        "if layer > 1e-06:": "The number of a layer is whole.",
    },
)
