"""The figure of AdaGrad's chapter: its numbers against the reference, its caption in a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import adagrad_step, sgd_step
from tests.site.figures import choose

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {"start": [-1.6, 1.2], "every": 5, "adagrad": 0.086, "sgd": 0.016}
Open = Callable[..., Any]


def expected(
    method: str, rate: float, every: int, degrees: float, start: tuple[float, float], steps: int
) -> tuple[list[list[float]], list[list[float]]]:
    angle = math.radians(degrees)
    c, s = math.cos(angle), math.sin(angle)
    Q = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    theta, r = Q @ torch.tensor(start, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    points, sums = [theta.tolist()], [r.tolist()]
    for t in range(1, steps + 1):
        u = (Q.T @ theta).requires_grad_()
        loss = u[0].abs() + (u[1].abs() if t % every == 0 else 0 * u[1])
        (slope,) = torch.autograd.grad(loss, u)
        g = Q @ torch.where(u.detach().abs() < 1e-12, 0.0, slope)
        if method == "adagrad":
            theta, r = adagrad_step(theta, r, g, rate)
        else:
            theta, r = sgd_step(theta, g, rate), r + g**2
        points.append(theta.tolist())
        sums.append(r.tolist())
    return points, sums


@pytest.mark.parametrize("method", ["adagrad", "sgd"])
@pytest.mark.parametrize(("every", "degrees"), [(1, 0), (20, 0), (20, 45), (7, 30)])
def test_paths_are_the_reference(
    node: Callable[..., Any], method: str, every: int, degrees: float
) -> None:
    start, rate = (-1.6, 1.2), 0.08
    found = node("rare", "run", method, rate, every, degrees, list(start), 200)
    points, sums = expected(method, rate, every, degrees, start, 200)
    assert torch.allclose(
        torch.tensor(found["points"], dtype=torch.float64),
        torch.tensor(points, dtype=torch.float64),
        rtol=0,
        atol=1e-9,
    )
    assert torch.allclose(
        torch.tensor(found["sums"], dtype=torch.float64),
        torch.tensor(sums, dtype=torch.float64),
        rtol=0,
        atol=1e-9,
    )


def test_turning_there_and_back(node: Callable[..., Any]) -> None:
    there = node("rare", "turn", [1.0, 0.0], 30)
    assert there == pytest.approx([math.sqrt(3) / 2, 0.5])
    assert node("rare", "turn", there, 30, -1) == pytest.approx([1.0, 0.0])


def numbers(page: Page) -> tuple[float, float, float]:
    """What the figure says: the ratio of the rates, and what AdaGrad and SGD have left to go."""
    text = page.locator(".lf-readout").inner_text()
    found = re.search(r"is ([\d.]+) times that .*AdaGrad ([\d.]+), SGD ([\d.]+)\.", text)
    assert found is not None, text
    ratio, fast, slow = map(float, found.groups())
    return ratio, fast, slow


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("rare", SETTINGS, theme=theme, width=width) as page:
        choose(page, "one example in", 20)
        ratio, fast, slow = numbers(page)
        assert ratio == pytest.approx(math.sqrt(20), abs=0.01)
        assert 1.2 - fast > 1.8 * (1.2 - slow)  # about twice as far
        choose(page, "turn the valley", 45)
        ratio, fast, slow = numbers(page)
        assert ratio == pytest.approx(1, abs=0.12)
        assert fast > 0.85 * slow


@pytest.mark.browser
def test_the_start_moves_by_keyboard(figure_page: Open) -> None:
    with figure_page("rare", SETTINGS) as page:
        before = page.locator(".lf-readout").inner_text()
        page.get_by_role("slider", name="Start").focus()
        page.keyboard.press("ArrowUp")
        assert "θ₂ 1.3" in page.get_by_role("slider", name="Start").get_attribute("aria-valuetext")
        assert page.locator(".lf-readout").inner_text() != before
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("button", name="Step").click()
        assert page.locator(".lf-readout").inner_text().startswith("Step 1:")
