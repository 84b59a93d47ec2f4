"""Networks of many layers, for the chapters on initialization, activations and normalization.

A network is a ``Problem`` of ``experiments`` like any other, so that ``train`` and ``search`` run
it at many rates and seeds at once::

    deep = network(depth=10, width=64, activation="relu", draw=he)
    found = search(deep.problem, rule("sgd"), 0.01, 0.3, batch=50, passes=12, data=CENTRED)

Layers are written as in the course, h_l = φ(W_l h_(l−1) + b_l), one row of W_l for each unit. With
``normalize`` a hidden layer is φ(BN(W_l h_(l−1))), without b_l. Gradients come from torch's
autograd through the forward functions of ``autograder.reference``.

The data are scikit-learn's digits in single precision, without the column of ones that
``experiments`` has for models without biases: ``RAW`` as they are, with pixels from 0 to 1, and
``CENTRED``, where each pixel has mean 0 over the training images and all pixels together have mean
square 1.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from experiments import DIGITS, Digits, Problem
from torch import Tensor

from autograder import reference

RAW = Digits(DIGITS.X[:, :-1].float(), DIGITS.y, DIGITS.X_val[:, :-1].float(), DIGITS.y_val)


def centred(data: Digits) -> Digits:
    """Shift every pixel to mean 0, and scale all by one number to mean square 1, in training."""
    mean = data.X.mean(0)
    scale = (data.X - mean).square().mean().rsqrt()
    return data._replace(X=(data.X - mean) * scale, X_val=(data.X_val - mean) * scale)


CENTRED = centred(RAW)
EPS = 1e-5  # inside the root of batch normalization
LEAK = 0.01

# ---- the start -----------------------------------------------------------------------------------

Draw = Callable[[int, int, torch.Generator], Tensor]


def _uniform(bound: float, n_in: int, n_out: int, generator: torch.Generator) -> Tensor:
    return bound * (2 * torch.rand(n_out, n_in, generator=generator) - 1)


def scaled(gain: float) -> Draw:
    """Normal weights of standard deviation gain/√n_in."""
    return lambda n_in, n_out, g: gain / math.sqrt(n_in) * torch.randn(n_out, n_in, generator=g)


def lecture(n_in: int, n_out: int, generator: torch.Generator) -> Tensor:
    """L5's start, which torch.nn.Linear has too: uniform on ±1/√n_in."""
    return _uniform(1 / math.sqrt(n_in), n_in, n_out, generator)


def xavier(n_in: int, n_out: int, generator: torch.Generator) -> Tensor:
    """Glorot and Bengio's: uniform on ±√(6/(n_in + n_out))."""
    return _uniform(reference.xavier_bound(n_in, n_out), n_in, n_out, generator)


def he(n_in: int, n_out: int, generator: torch.Generator) -> Tensor:
    """He's, for rectifiers: normal with standard deviation √(2/n_in)."""
    return reference.he_std(n_in) * torch.randn(n_out, n_in, generator=generator)


# ---- the network ---------------------------------------------------------------------------------

Activation = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, Activation] = {
    "linear": lambda a: a,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": reference.relu_forward,
    "leaky": lambda a: reference.leaky_relu_forward(a, LEAK),
    "gelu": torch.nn.functional.gelu,
    "maxout": lambda a: reference.maxout_forward(a, 2)[0],
}


def activate(name: str, a: Tensor) -> Tensor:
    """Apply the activation of this name; "prelu" is not among them, for it has parameters."""
    return ACTIVATIONS[name](a)


class Layer(NamedTuple):
    """Parameters of a layer, each with the leading dimensions of θ; None where it has none.

    ``W`` (..., out, in), ``b`` (..., out); ``gamma`` and ``beta`` (..., out) of batch
    normalization; ``slope`` (..., out) of a PReLU.
    """

    W: Tensor
    b: Tensor | None = None
    gamma: Tensor | None = None
    beta: Tensor | None = None
    slope: Tensor | None = None


class Network(NamedTuple):
    """A network as a problem, and what is inside it.

    ``layers(theta)`` cuts parameters (..., P) into layers. ``signals(theta, X)`` returns the inputs
    of every layer, h_0 to h_(L−1), and the pre-activations a_1 to a_L, with the statistics of X
    itself where the network is normalized.
    """

    problem: Problem
    layers: Callable[[Tensor], list[Layer]]
    signals: Callable[[Tensor, Tensor], tuple[list[Tensor], list[Tensor]]]


def network(
    depth: int,
    width: int,
    activation: str,
    draw: Draw,
    *,
    normalize: bool = False,
    data: Digits = CENTRED,
    last: Draw | None = None,
    frozen: int = 0,
) -> Network:
    """Return a classifier with ``depth`` hidden layers of ``width`` units.

    ``draw`` makes the first weights of a layer, ``last`` those of the output layer if they are to
    differ; biases start at 0, γ at 1, β at 0, slopes of PReLU at ¼. "maxout" has two pieces a unit.
    The first ``frozen`` layers keep their first weights. A normalized network is scored with mean
    and variance over the images of ``data``, which stand for the population.
    """
    features, classes = data.X.shape[-1], int(data.y.max()) + 1
    pieces = 2 if activation == "maxout" else 1
    phi = ACTIVATIONS.get(activation)
    fans = [features, *[width] * depth]
    outs = [*[width * pieces] * depth, classes]
    shapes: list[tuple[int, ...]] = []
    for i, (n_in, n_out) in enumerate(zip(fans, outs, strict=True)):
        hidden = i < depth
        shapes += [(n_out, n_in), (n_out,)]  # W, and b or β
        shapes += [(n_out,)] * (hidden and normalize) + [(n_out,)] * (hidden and phi is None)
    sizes = [math.prod(shape) for shape in shapes]

    def layers(theta: Tensor) -> list[Layer]:
        pieces_of_theta = zip(theta.split(sizes, -1), shapes, strict=True)
        parts = iter(piece.unflatten(-1, shape) for piece, shape in pieces_of_theta)
        found = []
        for i in range(depth + 1):
            W, shift = next(parts), next(parts)
            gamma = next(parts) if normalize and i < depth else None
            slope = next(parts) if phi is None and i < depth else None
            if gamma is None:
                found.append(Layer(W, b=shift, slope=slope))
            else:
                found.append(Layer(W, gamma=gamma, beta=shift, slope=slope))
        return found

    def pre(layer: Layer, h: Tensor) -> Tensor:
        a = h @ layer.W.mT
        return a if layer.b is None else a + layer.b.unsqueeze(-2)

    def act(layer: Layer, a: Tensor) -> Tensor:
        return phi(a) if phi is not None else reference.prelu_forward(a, layer.slope)

    def signals(theta: Tensor, X: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        inputs, sums = [X], []
        for i, layer in enumerate(layers(theta)):
            a = pre(layer, inputs[-1])
            if layer.gamma is not None:
                a = reference.batchnorm_forward(a, layer.gamma, layer.beta, EPS)
            sums.append(a)
            if i < depth:
                inputs.append(act(layer, a))
        return inputs, sums

    def scores(theta: Tensor, X: Tensor) -> Tensor:
        if not normalize:
            return signals(theta, X)[1][-1]
        seen, h = data.X, X
        for i, layer in enumerate(layers(theta)):
            a, population = pre(layer, h), pre(layer, seen)
            if i == depth:
                return a
            m, s2 = population.mean(-2), population.var(-2, correction=0)
            fixed = (layer.gamma, layer.beta, m, s2, EPS)
            h = act(layer, reference.batchnorm_inference(a, *fixed))
            seen = act(layer, reference.batchnorm_inference(population, *fixed))
        raise AssertionError("a network has an output layer")

    still = sum(sizes[: frozen * (2 + normalize + (phi is None))])

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            leaf = theta.detach().requires_grad_()
            z = signals(leaf, X)[1][-1]
            target = y.expand(z.shape[:-1])
            each = torch.logsumexp(z, -1) - z.gather(-1, target.unsqueeze(-1)).squeeze(-1)
            loss = each.mean(-1)
            (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        if still:
            gradient[..., :still] = 0
        return loss.detach(), gradient

    def start(seeds: Sequence[int]) -> Tensor:
        rows = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            parts = []
            for i, (n_in, n_out) in enumerate(zip(fans, outs, strict=True)):
                chosen = last if i == depth and last is not None else draw
                parts += [chosen(n_in, n_out, generator).flatten(), torch.zeros(n_out)]
                if i < depth:
                    parts += [torch.ones(n_out)] * normalize
                    parts += [torch.full((n_out,), 0.25)] * (phi is None)
            rows.append(torch.cat(parts))
        return torch.stack(rows).to(data.X.dtype)

    return Network(Problem(start, loss_and_gradient, scores), layers, signals)
