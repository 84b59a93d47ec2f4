"""Data, models, training runs and the learning-rate search that the book's experiments share.

The update rules themselves are not here: they come from ``autograder.reference``, the tested
implementations that hand-ins are compared with.

An experiment compares rules, each at its own best learning rate, over several seeds. All rates and
seeds run at once, as one tensor of parameters of shape (rates, seeds, parameters): the rules act on
each entry by itself, so a search with five seeds costs little more than a single run. Typical use::

    found = search(SOFTMAX, rule("momentum", mu=0.9), 0.05, 5, batch=10, passes=5)
    found.rate, found.mean, found.sd          # the best rate; its end loss over the seeds
    found.runs.steps, found.runs.loss         # (records,) and (records, seeds): curves with a band
    found.accuracy                            # (seeds,), on the images kept for validation

``end loss`` is the training loss averaged over the last fifth of a run, as recorded ``records``
times. Batches are drawn without replacement, anew in each pass; the images that do not fill a
batch are left out of that pass.

Where the training loss is not the aim, as with regularization, ``watch`` records anything else
along the way, and ``by`` chooses the rate by it. ``Problem.training`` is what the steps minimize
where that is not the loss that is recorded: with units dropped, or with a penalty.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor

from autograder import reference

torch.set_num_threads(1)  # the arrays are small: more threads only cost
torch.set_default_dtype(torch.float64)

SEEDS = (0, 1, 2, 3, 4)


# ---- data ----------------------------------------------------------------------------------------


class Digits(NamedTuple):
    """scikit-learn's 1,797 images of 8x8 pixels in [0, 1], with a column of ones for the bias."""

    X: Tensor
    y: Tensor
    X_val: Tensor
    y_val: Tensor


def digits(validation: int = 500, seed: int = 0) -> Digits:
    """Return the data, shuffled once, the last ``validation`` images kept for validation."""
    data = load_digits()
    images = torch.tensor(data.data) / 16
    images = torch.cat([images, torch.ones(len(images), 1)], dim=1)
    labels = torch.tensor(data.target)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    fit, held = order[:-validation], order[-validation:]
    return Digits(images[fit], labels[fit], images[held], labels[held])


def batches(n: int, size: int, seed: int) -> Iterator[Tensor]:
    """Yield index batches for ever: every pass is a fresh shuffle cut into full batches."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(n, generator=generator)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]


# ---- models --------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """A model and its loss, the parameters of each copy being one row of a tensor.

    ``start(seeds)`` returns the first parameters, shape (seeds, P). ``loss_and_gradient(theta, X,
    y)`` takes parameters of shape (..., P), images (..., n, 65) and labels (..., n) whose leading
    dimensions broadcast, and returns losses (...) and gradients (..., P). ``scores(theta, X)``
    returns the scores of the classes, (..., n, 10). ``training(theta, X, y, draw)``, if given, is
    the gradient that steps take, and ``draw`` a generator for what is random in it.
    """

    start: Callable[[Sequence[int]], Tensor]
    loss_and_gradient: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    scores: Callable[[Tensor, Tensor], Tensor]
    training: Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor] | None = None


def _cross_entropy(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return reference.softmax_cross_entropy(logits, y.expand(logits.shape[:-1]))


def softmax_regression(features: int = 65, classes: int = 10, decay: float = 0.0) -> Problem:
    """Softmax regression from zero; with ``decay`` λ its loss has the penalty ½λ‖θ‖²."""

    def scores(theta: Tensor, X: Tensor) -> Tensor:
        return X @ theta.unflatten(-1, (features, classes))

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        loss, slope = _cross_entropy(scores(theta, X), y)
        gradient = (X.mT @ slope).flatten(-2)
        if decay:
            loss, gradient = loss + decay / 2 * theta.square().sum(-1), gradient + decay * theta
        return loss, gradient

    def start(seeds: Sequence[int]) -> Tensor:
        return torch.zeros(len(seeds), features * classes)

    return Problem(start, loss_and_gradient, scores)


def tanh_network(features: int = 65, hidden: int = 32, classes: int = 10) -> Problem:
    """One hidden layer of tanh units; weights from N(0, 1/fan-in), biases from zero.

    The last feature is 1, so the first layer's last row of weights is its bias.
    """
    shapes = ((features, hidden), (hidden + 1, classes))
    sizes = [rows * columns for rows, columns in shapes]

    def layers(theta: Tensor) -> list[Tensor]:
        parts = theta.split(sizes, dim=-1)
        return [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True)]

    def forward(theta: Tensor, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        first, second = layers(theta)
        h = torch.tanh(X @ first)
        return h, h @ second[..., :-1, :] + second[..., -1:, :], second

    def loss_and_gradient(theta: Tensor, X: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        h, logits, second = forward(theta, X)
        loss, slope = _cross_entropy(logits, y)
        back = (slope @ second[..., :-1, :].mT) * (1 - h * h)
        parts = (X.mT @ back, h.mT @ slope, slope.sum(-2, keepdim=True))
        return loss, torch.cat([part.flatten(-2) for part in parts], dim=-1)

    def start(seeds: Sequence[int]) -> Tensor:
        rows = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            weights = []
            for fan, width in shapes:
                W = torch.randn(fan, width, generator=generator) / math.sqrt(fan - 1)
                W[-1] = 0.0
                weights.append(W.flatten())
            rows.append(torch.cat(weights))
        return torch.stack(rows)

    return Problem(start, loss_and_gradient, lambda theta, X: forward(theta, X)[1])


SOFTMAX = softmax_regression()
NETWORK = tanh_network()


# ---- rules ---------------------------------------------------------------------------------------

Gradient = Callable[[Tensor], Tensor]


class Rule(NamedTuple):
    """How a method updates: its state begins with θ, and ``step`` makes one update of it.

    ``begin(theta, lr)`` returns the first state; ``step(state, gradient, lr, t)`` the next
    one, with ``gradient`` a function of the parameters, and t = 1, 2, ... the number of the update.
    """

    begin: Callable[[Tensor, Tensor], tuple[Tensor, ...]]
    step: Callable[[tuple[Tensor, ...], Gradient, Tensor, int], tuple[Tensor, ...]]


def _with_zeros(count: int) -> Callable[[Tensor, Tensor], tuple[Tensor, ...]]:
    return lambda theta, lr: (theta, *(torch.zeros_like(theta) for _ in range(count)))


def rule(name: str, **hyper: Any) -> Rule:
    """Return a rule of the reference by its name in the book's figures, with its settings.

    ``hyper`` are the settings of the reference's function but for the learning rate: ``mu`` for
    momentum and nag, ``gamma`` for rmsprop, ``gamma1`` and ``gamma2`` for adam, ``eps``, and so on.
    Those left out have the course's usual values. For rprop and manhattan the rate is Δ (at first).
    """
    if name in ("gd", "sgd"):
        return Rule(_with_zeros(0), lambda s, g, lr, t: (reference.sgd_step(s[0], g(s[0]), lr),))
    if name == "momentum":
        mu = hyper.get("mu", 0.9)
        return Rule(
            _with_zeros(1), lambda s, g, lr, t: reference.momentum_step(*s, g(s[0]), lr, mu)
        )
    if name == "nag":
        mu = hyper.get("mu", 0.9)

        def nag(s: tuple[Tensor, ...], g: Gradient, lr: Tensor, t: int) -> tuple[Tensor, ...]:
            ahead = reference.nag_lookahead(s[0], s[1], mu)
            return reference.nag_step(s[0], s[1], g(ahead), lr, mu)

        return Rule(_with_zeros(1), nag)
    if name == "rprop":

        def begin(theta: Tensor, lr: Tensor) -> tuple[Tensor, ...]:
            return theta, lr.expand_as(theta).clone(), torch.zeros_like(theta)

        return Rule(
            begin, lambda s, g, lr, t: reference.rprop_step(s[0], s[1], g(s[0]), s[2], **hyper)
        )
    if name == "manhattan":
        return Rule(
            _with_zeros(0), lambda s, g, lr, t: (reference.manhattan_step(s[0], lr, g(s[0])),)
        )
    if name == "adagrad":
        return Rule(
            _with_zeros(1), lambda s, g, lr, t: reference.adagrad_step(*s, g(s[0]), lr, **hyper)
        )
    if name == "rmsprop":
        hyper = {"gamma": 0.9, **hyper}
        return Rule(
            _with_zeros(1), lambda s, g, lr, t: reference.rmsprop_step(*s, g(s[0]), lr, **hyper)
        )
    if name == "rmsprop-nesterov":
        hyper = {"mu": 0.9, "gamma": 0.9, **hyper}

        def both(s: tuple[Tensor, ...], g: Gradient, lr: Tensor, t: int) -> tuple[Tensor, ...]:
            ahead = reference.nag_lookahead(s[0], s[1], hyper["mu"])
            return reference.rmsprop_nesterov_step(*s, g(ahead), lr, **hyper)

        return Rule(_with_zeros(2), both)
    if name == "adadelta":
        return Rule(
            _with_zeros(2), lambda s, g, lr, t: reference.adadelta_step(*s, g(s[0]), lr, **hyper)
        )
    if name == "amsgrad":
        hyper = {"gamma1": 0.9, "gamma2": 0.999, "eps": 1e-8, **hyper}
        return Rule(
            _with_zeros(3), lambda s, g, lr, t: reference.amsgrad_step(*s, g(s[0]), t, lr, **hyper)
        )
    if name == "adamw":
        hyper = {"gamma1": 0.9, "gamma2": 0.999, "eps": 1e-8, "decay": 0.01, **hyper}
        return Rule(
            _with_zeros(2), lambda s, g, lr, t: reference.adamw_step(*s, g(s[0]), t, lr, **hyper)
        )
    if name in ("adam", "adamax"):
        hyper = {"gamma1": 0.9, "gamma2": 0.999, "eps": 1e-8, **hyper}
        function = reference.adam_step if name == "adam" else reference.adamax_step
        return Rule(_with_zeros(2), lambda s, g, lr, t: function(*s, g(s[0]), t, lr, **hyper))
    raise ValueError(f"there is no rule named {name!r}")


# ---- training and search -------------------------------------------------------------------------


class Runs(NamedTuple):
    """What became of runs at R learning rates with S seeds each.

    ``steps`` (records,): updates made when the loss was recorded, the first being 0; ``loss``
    (records, R, S): the training loss then; ``theta`` (R, S, P): the last parameters; ``end`` (R,
    S): the mean loss over the last fifth of the run, inf where the run diverged; ``watched``
    (records, R, S, ...): what ``watch`` returned, stacked.
    """

    steps: Tensor
    loss: Tensor
    theta: Tensor
    end: Tensor
    watched: Tensor | None = None


def train(
    problem: Problem,
    method: Rule,
    rates: Sequence[float],
    *,
    batch: int | None,
    passes: float,
    seeds: Sequence[int] = SEEDS,
    data: Digits | None = None,
    schedule: Callable[[float], float] | None = None,
    records: int = 20,
    watch: Callable[[Tensor], Tensor] | None = None,
    measured: int | None = None,
) -> Runs:
    """Train at every rate with every seed, all at once.

    ``data`` may hold other images for each seed, X of shape (S, n, features) and y of shape (S, n).
    ``batch`` None takes the full gradient. The run makes ⌊passes · n / batch⌋ updates, at least one
    (``passes`` updates with the full gradient). ``schedule`` maps the part of the run that is over,
    0 ≤ s < 1, to a factor of the learning rate. The seed sets the first parameters, where they are
    random, and the order of the batches. A run has diverged when its end loss is not finite or
    above the loss at its start. ``watch(theta)`` is called whenever the loss is recorded. The loss
    is that of all images, or of the first ``measured``.

    Everything is computed with the type and on the device of the images. Random numbers are drawn
    on the CPU, so that they are the same on every device; what is returned is on the CPU.
    """
    X, y = (data or DIGITS)[:2]
    known = X[..., :measured, :], y[..., :measured]
    n = X.shape[-2]
    own = (torch.arange(len(seeds), device=X.device)[:, None],) if X.dim() == 3 else ()
    noise = torch.Generator().manual_seed(seeds[0])
    count = max(1, math.floor(passes if batch is None else passes * (n // batch)))
    lr = torch.tensor(rates).to(X)[:, None, None]
    theta = problem.start(seeds).to(X).expand(len(rates), -1, -1).clone()
    draws = [batches(n, batch, seed) for seed in seeds] if batch is not None else []
    when = sorted({round(count * k / records) for k in range(records + 1)})
    state = method.begin(theta, lr)
    history, watched = [], []
    for t in range(count + 1):
        if t in when:
            history.append(problem.loss_and_gradient(state[0], *known)[0].cpu())
            if watch is not None:
                watched.append(watch(state[0]).cpu())
        if t == count:
            break
        if batch is None:
            images, labels = X, y
        else:
            chosen = (*own, torch.stack([next(draw) for draw in draws]).to(X.device))
            images, labels = X[chosen], y[chosen]

        def gradient(at: Tensor, images: Tensor = images, labels: Tensor = labels) -> Tensor:
            if problem.training is not None:
                return problem.training(at, images, labels, noise)
            return problem.loss_and_gradient(at, images, labels)[1]

        factor = 1.0 if schedule is None else schedule(t / count)
        state = method.step(state, gradient, lr * factor, t + 1)
    loss = torch.stack(history)
    late = loss[torch.tensor(when) > 0.8 * count].mean(0)
    good = late.isfinite() & (late <= loss[0])
    end = torch.where(good, late, math.inf)
    seen = torch.stack(watched) if watched else None
    return Runs(torch.tensor(when), loss, state[0].cpu(), end, seen)


class Found(NamedTuple):
    """The best of the learning rates tried, and what it gives."""

    rate: float
    mean: float  # of the end losses over the seeds, or of what ``by`` returned
    sd: float  # their standard deviation
    accuracy: Tensor  # (S,) on the validation images
    runs: Runs  # at this rate: loss of shape (records, S), theta (S, P), end (S,)
    tried: dict[float, tuple[float, float]]  # rate: mean and standard deviation; inf if diverged
    at_edge: bool  # the best rate is the smallest or the largest that was tried


def _spread(end: Tensor) -> tuple[float, float]:
    if not bool(end.isfinite().all()):
        return math.inf, math.nan
    return float(end.mean()), float(end.std()) if len(end) > 1 else 0.0


def search(
    problem: Problem,
    method: Rule,
    low: float,
    high: float,
    *,
    data: Digits | None = None,
    most: int = 60,
    by: Callable[[Runs], Tensor] | None = None,
    **settings: Any,
) -> Found:
    """Find the learning rate with the lowest mean end loss; ``settings`` are those of ``train``.

    ``by(runs)`` returns what is to be lowest instead, of shape (R, S); it matters only where the
    run did not diverge.

    The grid has steps of a factor of two from ``low`` to at least ``high``. While the best rate is
    at its edge it grows there, up to ``most`` rates; then the neighbours at a factor of √2 on both
    sides are tried. A rate at which any seed diverges is never the best.
    """
    data = data or DIGITS
    runs: dict[float, tuple[Runs, int]] = {}
    tried: dict[float, tuple[float, float]] = {}

    def attempt(rates: list[float]) -> None:
        some = train(problem, method, rates, data=data, **settings)
        judged = some.end if by is None else torch.where(some.end.isfinite(), by(some), math.inf)
        runs.update({rate: (some, i) for i, rate in enumerate(rates)})
        tried.update({rate: _spread(judged[i]) for i, rate in enumerate(rates)})

    def mean(rate: float) -> float:
        return tried[rate][0]

    attempt([low * 2**k for k in range(max(3, math.ceil(math.log2(high / low)) + 1))])
    while len(runs) < most:
        best = min(runs, key=mean)
        if math.isinf(mean(best)) or best == min(runs):  # all diverged: only smaller rates can help
            attempt([min(runs) / 2**k for k in (1, 2, 3)])
        elif best == max(runs):
            attempt([max(runs) * 2**k for k in (1, 2, 3)])
        else:
            break
    attempt([best * 2**-0.5, best * 2**0.5])
    best = min(runs, key=mean)
    some, i = runs[best]
    theta = some.theta[i]
    hits = problem.scores(theta.to(data.X_val), data.X_val).argmax(-1) == data.y_val
    watched = None if some.watched is None else some.watched[:, i]
    at_best = Runs(some.steps, some.loss[:, i], theta, some.end[i], watched)
    return Found(
        best,
        *tried[best],
        hits.double().mean(-1).cpu(),
        at_best,
        {rate: tried[rate] for rate in sorted(tried)},
        best in (min(runs), max(runs)),
    )


Setting = dict[str, float]


def climb(
    value: Callable[[list[Setting]], list[float]],
    first: list[Setting],
    step: dict[str, float],
    lengths: Sequence[int] = (4, 2, 1),
) -> Setting:
    """Walk from the best of some settings to better ones, until no neighbour is better.

    A neighbour differs by one step in one quantity, or in two: in the first quantity, usually the
    rate, and in one other. ``step`` are factors; the walk begins with steps four times as long.
    ``value`` returns one number for each setting, infinite where a run failed; every setting is
    asked for once. When the walk ends, all neighbours of the best setting have been tried.
    """
    tried: dict[tuple[float, ...], float] = {}

    def best_of(settings: list[Setting]) -> tuple[float, Setting]:
        keys = [tuple(float(f"{z:.6g}") for z in setting.values()) for setting in settings]
        fresh = {key: s for key, s in zip(keys, settings, strict=True) if key not in tried}
        tried.update(zip(fresh, value(list(fresh.values())) if fresh else [], strict=True))
        return min(((tried[k], s) for k, s in zip(keys, settings, strict=True)), key=lambda z: z[0])

    main, *others = first[0]
    ways = [{main: m, other: n} for other in others for m in (-1, 0, 1) for n in (-1, 1)]
    ways += [{main: -1}, {main: 1}]
    low, best = best_of(first)
    for length in lengths:
        while True:
            around = [
                best | {name: best[name] * step[name] ** (n * length) for name, n in way.items()}
                for way in ways
            ]
            lower, better = best_of(around)
            if not lower < low:
                break
            low, best = lower, better
    return best


DIGITS = digits()
