"""The figure of the chapter on strategies: blurs by quadrature, descent by the reference."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.reference import sgd_step
from tests.site.figures import choose, said

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(180)


def curve(name: str, x: Tensor) -> Tensor:
    if name == "waves":
        return x**2 / 20 - torch.cos(3 * (x - 0.4))
    narrow = 2 * torch.exp(-((x - 3) ** 2) / (2 * 0.4**2))
    return x**2 / 20 - narrow - torch.exp(-((x + 2) ** 2) / (2 * 1.5**2))


def blurred(name: str, x: Tensor, s: float) -> Tensor:
    """The mean of the curve around x by Gauss–Hermite quadrature."""
    z, w = (torch.as_tensor(part, dtype=torch.float64) for part in (NODES, WEIGHTS))
    return (curve(name, x[..., None] + s * z) * w).sum(-1) / math.sqrt(2 * math.pi)


def blur_at(s: float, t: int) -> float:
    return s * min(1.0, max(0.0, 2.5 - 3 * t / 600))


@pytest.mark.parametrize("name", ["waves", "wells"])
@pytest.mark.parametrize("s", [0.0, 0.5, 1.5])
def test_blurring_is_averaging(node: Callable[..., Any], name: str, s: float) -> None:
    for at in (-3.3, 0.0, 1.7, 3.1):
        x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
        value = blurred(name, x, s)
        (rise,) = torch.autograd.grad(value, x)
        assert node("continuation", "blurred", name, at, s) == pytest.approx(value.item(), abs=1e-9)
        assert node("continuation", "slope", name, at, s) == pytest.approx(rise.item(), abs=1e-9)


@pytest.mark.parametrize("name", ["waves", "wells"])
@pytest.mark.parametrize(("s", "lower"), [(0.0, True), (1.5, True), (1.2, False)])
def test_the_ball_goes_by_gradient_descent(
    node: Callable[..., Any], name: str, s: float, lower: bool
) -> None:
    found = node("continuation", "descend", name, 6.0, s, lower)
    theta = torch.tensor([6.0], dtype=torch.float64)
    path = [6.0]
    for t in range(600):
        leaf = theta.clone().requires_grad_()
        width = blur_at(s, t) if lower else s
        (g,) = torch.autograd.grad(blurred(name, leaf, width).sum(), leaf)
        theta = sgd_step(theta, g, 0.1)
        path.append(float(theta))
    assert np.allclose(found, path, rtol=0, atol=1e-9)


def test_the_blur_is_held_and_then_lowered(node: Callable[..., Any]) -> None:
    for t in (0, 299, 300, 400, 500, 600):
        assert node("continuation", "blurAt", 1.5, True, t) == pytest.approx(blur_at(1.5, t))
        assert node("continuation", "blurAt", 1.5, False, t) == 1.5


@pytest.mark.parametrize("name", ["waves", "wells"])
def test_the_lowest_point_is_the_lowest(node: Callable[..., Any], name: str) -> None:
    x = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    values = curve(name, x)
    assert node("continuation", "lowest", name) == pytest.approx(
        float(x[values.argmin()]), abs=2e-4
    )


def part(page: Page) -> float:
    found = re.search(r"starts between −8 and 8, ([\d.]+) % end there", said(page))
    assert found is not None, said(page)
    return float(found[1])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("continuation", {"start": 6}, theme=theme, width=width) as page:
        assert "It ends at 6." in said(page) and part(page) == 13  # the start is nearly a minimum
        choose(page, "width of the blur", 1.5)
        assert "It ends at the lowest point." in said(page) and part(page) == 100
        smallest = next(
            s / 20
            for s in range(51)
            if choose(page, "width of the blur", s / 20) is None and part(page) > 99
        )
        assert smallest == 0.95
        choose(page, "width of the blur", 1.5)
        page.get_by_label("lower s to 0").uncheck()
        assert "not at the lowest point" in said(page) and part(page) == 0
        page.get_by_label("lower s to 0").check()
        page.get_by_label("curve", exact=True).select_option("wells")
        assert "It ends at −1.6" in said(page) and part(page) == 0
        choose(page, "width of the blur", 0)
        assert part(page) == 39


@pytest.mark.browser
def test_the_ball_is_dropped_by_key_and_by_click(figure_page: Open) -> None:
    with figure_page("continuation", {"start": 6}) as page:
        handle = page.get_by_role("slider", name="Start")
        handle.focus()
        for _ in range(5):
            page.keyboard.press("Shift+ArrowLeft")
        assert handle.get_attribute("aria-valuenow") == "1"
        assert "It ends at the lowest point." in said(page)
        page.locator(".lf-stage canvas").first.click(position={"x": 60, "y": 60})
        assert float(handle.get_attribute("aria-valuenow") or 0) < -4
        page.get_by_role("button", name="Reset").click()
        assert handle.get_attribute("aria-valuenow") == "6"
