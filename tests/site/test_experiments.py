"""The book's training runs: gradients, updates and the search, against torch and closed forms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import course_style
import experiments
import pytest
import torch
from experiments import (
    DIGITS,
    NETWORK,
    SOFTMAX,
    Digits,
    Problem,
    rule,
    search,
    train,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.reference.pretended_device import pretended_device

pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.mark.parametrize(
    "problem", [SOFTMAX, NETWORK, experiments.softmax_regression(decay=0.1)], ids=str.__class__
)
def test_gradient_is_that_of_torchs_cross_entropy(problem: Problem) -> None:
    theta = problem.start((0, 1)) + torch.linspace(-0.2, 0.2, problem.start((0,)).shape[-1])
    X, y = DIGITS.X[:30], DIGITS.y[:30]
    loss, gradient = problem.loss_and_gradient(theta, X, y)
    leaf = theta.clone().requires_grad_()
    logits = problem.scores(leaf, X)
    expected = torch.stack([torch.nn.functional.cross_entropy(z, y) for z in logits])
    if problem not in (SOFTMAX, NETWORK):
        expected = expected + 0.05 * leaf.square().sum(-1)
    (wanted,) = torch.autograd.grad(expected.sum(), leaf)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(gradient, wanted)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_is_that_of_torch_on_the_same_batches(name: str) -> None:
    # from zero some gradients vanish but for rounding, of which rules that look at signs make steps
    first = torch.linspace(-0.2, 0.2, 650).sin()
    problem = SOFTMAX._replace(start=lambda seeds: first.expand(len(seeds), -1))
    runs = train(problem, rule(name), [0.1, 0.02], batch=100, passes=1, seeds=(3, 4))
    W = first.view(65, 10).clone().requires_grad_()
    optimizer = OPTIMIZERS[name]([W])
    draw = experiments.batches(len(DIGITS.X), 100, 4)
    for _ in range(12):
        chosen = next(draw)
        loss = torch.nn.functional.cross_entropy(DIGITS.X[chosen] @ W, DIGITS.y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(runs.theta[0, 1], W.detach().flatten(), rtol=1e-9, atol=1e-11)


def bowl(curvature: float) -> Problem:
    """½λ‖θ‖² from 1, the same for every batch."""
    return Problem(
        lambda seeds: torch.ones(len(seeds), 2),
        lambda theta, X, y: (curvature / 2 * theta.square().sum(-1), curvature * theta),
        lambda theta, X: theta[..., None, :1].expand(*theta.shape[:-1], len(X), 10),
    )


@pytest.mark.parametrize("low", [1e-3, 0.01, 5.0, 40.0])
def test_search_goes_beyond_its_grid_to_the_best_rate(low: float) -> None:
    found = search(bowl(4.0), rule("gd"), low, 2 * low, batch=None, passes=40, seeds=(0, 1))
    assert not found.at_edge
    assert found.rate == pytest.approx(0.25, rel=math.sqrt(2) - 1 + 1e-9)  # 1/λ ends in one step
    assert found.sd == 0
    assert all(math.isinf(mean) for rate, (mean, _) in found.tried.items() if rate > 0.5)


def test_schedule_and_divergence() -> None:
    runs = train(
        bowl(1.0),
        rule("gd"),
        [0.5, 5.0],
        batch=None,
        passes=2,
        seeds=(0,),
        schedule=lambda s: 1 - s,
    )
    assert float(runs.theta[0, 0, 0]) == pytest.approx(0.5 * 0.75)
    assert math.isinf(float(runs.end[1, 0]))
    assert runs.steps.tolist() == [0, 1, 2]


def test_steps_may_minimize_something_else_than_is_recorded() -> None:
    """Steps follow ``training``, and the rate is chosen by what ``watch`` has seen."""

    def training(
        theta: torch.Tensor, X: torch.Tensor, y: torch.Tensor, draw: torch.Generator
    ) -> torch.Tensor:
        return theta - 3.0 + 0 * torch.rand(1, generator=draw)

    # one step from 1 goes to 1 + 2α; what is watched is the distance to 2, which is 0 for α = ½
    problem = bowl(-1.0)._replace(training=training)
    found = search(
        problem,
        rule("gd"),
        0.125,
        1.0,
        batch=None,
        passes=1,
        seeds=(0, 1),
        records=1,
        watch=lambda theta: (theta[..., 0] - 2.0).abs(),
        by=lambda runs: runs.watched[-1] if runs.watched is not None else runs.end,
    )
    assert (found.rate, found.mean, found.at_edge) == (0.5, 0.0, False)
    assert found.runs.watched is not None and found.runs.watched.tolist() == [
        [1.0, 1.0],
        [0.0, 0.0],
    ]


def test_each_seed_may_have_images_of_its_own() -> None:
    problem = SOFTMAX._replace(start=lambda seeds: torch.zeros(len(seeds), 650))
    parts = [slice(0, 200), slice(400, 600)]
    own = DIGITS._replace(
        X=torch.stack([DIGITS.X[part] for part in parts]),
        y=torch.stack([DIGITS.y[part] for part in parts]),
    )
    together = train(problem, rule("sgd"), [0.5], batch=20, passes=2, seeds=(5, 6), data=own)
    for i, (seed, part) in enumerate(zip((5, 6), parts, strict=True)):
        alone = DIGITS._replace(X=DIGITS.X[part], y=DIGITS.y[part])
        single = train(problem, rule("sgd"), [0.5], batch=20, passes=2, seeds=(seed,), data=alone)
        torch.testing.assert_close(together.theta[:, i], single.theta[:, 0])
        torch.testing.assert_close(together.loss[:, :, i], single.loss[:, :, 0])


def test_training_on_another_device_is_the_same() -> None:
    problem = SOFTMAX._replace(start=lambda seeds: torch.zeros(len(seeds), 650))
    few = DIGITS._replace(X=DIGITS.X[:60], y=DIGITS.y[:60])
    settings: dict[str, Any] = {"batch": 20, "passes": 2, "seeds": (3, 4), "records": 2}
    here = train(problem, rule("adam"), [0.1, 0.02], data=few, **settings)
    with pretended_device() as device:
        away = Digits(*(part.to(device) for part in few))
        there = train(problem, rule("adam"), [0.1, 0.02], data=away, measured=60, **settings)
        found = search(problem, rule("sgd"), 0.1, 0.4, data=away, **settings)
        accuracy = found.accuracy.tolist()
    for a, b in zip(here[:4], there[:4], strict=True):
        assert b.device.type == "cpu"
        torch.testing.assert_close(a, b)
    assert all(0 <= share <= 1 for share in accuracy)


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(ValueError, match="sgdd"):
        rule("sgdd")


def test_climbing_ends_where_all_neighbours_are_worse() -> None:
    asked: list[tuple[float, ...]] = []

    def value(settings: list[dict[str, float]]) -> list[float]:
        asked.extend(tuple(z.values()) for z in settings)
        return [  # a long valley along rate = eps
            (math.log(z["rate"] / z["eps"]) ** 2 + 0.01 * math.log(z["eps"] / 1e-3) ** 2)
            for z in settings
        ]

    step = {"rate": 2**0.5, "eps": 2**0.5}
    best = experiments.climb(value, [{"rate": 1.0, "eps": 1.0}], step)
    assert best["eps"] == pytest.approx(1e-3, rel=0.25)
    assert best["rate"] == pytest.approx(best["eps"], rel=1e-6)
    assert len(set(asked)) == len(asked), "no setting is asked for twice"
    around = [
        {"rate": best["rate"] * 2 ** (m / 2), "eps": best["eps"] * 2 ** (n / 2)}
        for m, n in itertools.product((-1, 0, 1), repeat=2)
        if (m, n) != (0, 0)
    ]
    assert min(value(around)) > value([best])[0]


# ---- numbers for people --------------------------------------------------------------------------

PLAIN = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


def read(text: str) -> float:
    plain = text.translate(PLAIN).replace(",", "")
    if " × 10" in plain:
        factor, power = plain.split(" × 10")
        return float(factor.strip("() ")) * 10.0 ** int(power)
    if set(text) & set("⁻⁰¹²³⁴⁵⁶⁷⁸⁹"):
        sign, power = plain.split("10", 1)
        return float(f"{sign}1") * 10.0 ** int(power)
    return float(plain)


@given(st.floats(1e-12, 1e12), st.integers(2, 5), st.sampled_from([1, -1]))
def test_sci_keeps_the_digits_asked_for(size: float, digits: int, sign: int) -> None:
    text = course_style.sci(sign * size, digits)
    assert read(text) == pytest.approx(sign * size, rel=0.5001 * 10 ** (1 - digits))
    assert "e" not in text
    assert "-" not in text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (3.1e-7, 1, "3 × 10⁻⁷"),
        (1e-6, 1, "10⁻⁶"),
        (-241.3, 3, "−241"),
        (1310.4, 3, "1,310"),
        (0, 2, "0"),
    ],
)
def test_sci(value: float, digits: int, text: str) -> None:
    assert course_style.sci(value, digits) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.0973, 0.0091, "0.097 ± 0.009"),
        (0.0971, 0.0142, "0.097 ± 0.014"),
        (3.8e-4, 0.5e-4, "(3.8 ± 0.5) × 10⁻⁴"),
        (1292, 24, "1,290 ± 20"),
        (-0.004, 0.3, "0.0 ± 0.3"),
        (math.inf, math.nan, "∞"),
    ],
)
def test_pm_has_no_digit_finer_than_the_spread(mean: float, sd: float, text: str) -> None:
    assert course_style.pm(mean, sd) == text
