"""The figure of the two stand-ins: its curves, and what its caption promises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch

from autograder.reference import softmax_cross_entropy

Node = Callable[..., Any]
SETTINGS = {"slope": 2, "flipped": 0.1}
POINTS = [[-2.0, -1], [-0.7, 1], [-0.1, -1], [0.4, -1], [0.9, 1], [2.2, 1]]


@pytest.mark.parametrize("b", [-3.0, -0.2, 0.0, 1.7, 40.0])
def test_the_surrogate_is_cross_entropy_and_its_slope_the_derivative(node: Node, b: float) -> None:
    x, label = torch.tensor(POINTS, dtype=torch.float64).T
    at = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    scores = torch.stack([torch.zeros_like(x), 2 * (x - at)], dim=-1)
    loss, _ = softmax_cross_entropy(scores, (label > 0).long())
    (slope,) = torch.autograd.grad(loss, at)
    assert node("stand-ins", "surrogate", POINTS, b, 2) == pytest.approx(loss.item(), abs=1e-9)
    assert node("stand-ins", "surrogateSlope", POINTS, b, 2) == pytest.approx(
        slope.item(), abs=1e-9
    )


def test_the_surrogate_is_lowest_where_its_slope_is_zero(node: Node) -> None:
    low = node("stand-ins", "bestSurrogate", POINTS, 2)
    assert node("stand-ins", "surrogateSlope", POINTS, low, 2) == pytest.approx(0, abs=1e-9)
    assert node("stand-ins", "surrogate", POINTS, low, 2) < node(
        "stand-ins", "surrogate", POINTS, low + 0.01, 2
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_flat_minimum_is_the_best_of_all_thresholds(node: Node, seed: int) -> None:
    points = node("stand-ins", "draw", 12, 0.1, seed)
    xs = [x for x, _ in points]
    assert xs == sorted(xs)
    between = [xs[0] - 1, *[(a + b) / 2 for a, b in pairwise(xs)], xs[-1] + 1]
    errors = [sum((x > b) != (label > 0) for x, label in points) / 12 for b in between]
    assert [node("stand-ins", "stepError", points, b) for b in between] == pytest.approx(errors)
    low, high = node("stand-ins", "bestStep", points)
    best = errors.index(min(errors))
    assert low == (xs[best - 1] if best else -math.inf)
    assert high == (xs[best] if best < 12 else math.inf)


@pytest.mark.parametrize("b", [-6.0, -3.2, -0.5, 0.0, 2.0, 5.5])
def test_risk_is_that_of_two_normal_classes_with_flipped_labels(node: Node, b: float) -> None:
    normal = torch.distributions.Normal(torch.tensor(0.0, dtype=torch.float64), 1.0)
    clean = 0.5 * (normal.cdf(torch.tensor(b - 1)) + 1 - normal.cdf(torch.tensor(b + 1)))
    assert node("stand-ins", "risk", b, 0.1) == pytest.approx(0.1 + 0.8 * clean.item(), abs=1e-9)


def test_draws_come_from_the_world_of_the_risk(node: Node) -> None:
    points = node("stand-ins", "draw", 40_000, 0.1, 5)
    for b in (-1.0, 0.0, 0.7):
        wrong = sum((x > b) != (label > 0) for x, label in points) / len(points)
        assert wrong == pytest.approx(node("stand-ins", "risk", b, 0.1), abs=0.01)
    assert node("stand-ins", "deviation", [1, 2, 4, 9]) == pytest.approx(
        float(torch.tensor([1.0, 2.0, 4.0, 9.0]).std()), abs=1e-6
    )


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)]
)
def test_the_minima_wander_less_with_more_examples(
    figure_page: Any, width: int, theme: str
) -> None:
    with figure_page("stand-ins", SETTINGS, width=width, theme=theme) as page:
        said = page.locator(".lf-readout")
        slider = page.get_by_label("threshold b")
        slider.focus()
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
            assert "with slope 0, the surrogate" in said.inner_text()
        slope = re.search(r"with slope (−?[\d.]+)\.", said.inner_text())
        assert slope is not None and float(slope[1].replace("−", "-")) != 0
        wander = {}
        for n in ("10", "1,000"):
            page.get_by_label("examples n").select_option(label=n)
            assert "wandered" not in said.inner_text(), "a new n begins a new trail"
            for _ in range(10):
                page.get_by_role("button", name="Draw again").click()
            found = re.search(
                r"last 11 draws the two minima wandered by ([\d.]+) and ([\d.]+)", said.inner_text()
            )
            assert found is not None, said.inner_text()
            wander[n] = [float(z) for z in found.groups()]
        assert wander["1,000"][0] < wander["10"][0] / 2
        assert wander["1,000"][1] < wander["10"][1] / 2
        assert wander["1,000"][1] < wander["1,000"][0], "the surrogate is the steadier one"
        inside = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert inside, "nothing sticks out at this width"
