"""The figure of batch normalization: transforms against the reference, and its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import batchnorm_forward, minimize_quadratic, whitening

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {"centre": [2.2, 0.8], "axis": [1.3, 0.4], "across": 0.35}
EPS = 1e-5
Open = Callable[..., Any]
Node = Callable[..., Any]


def batch(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(2, 2, generator=generator, dtype=torch.float64)
    return torch.randn(20, 2, generator=generator, dtype=torch.float64) @ mix + mix.sum(0)


def close(found: Any, expected: torch.Tensor) -> bool:
    return torch.allclose(torch.as_tensor(found, dtype=torch.float64), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_transforms_are_the_references(node: Node, seed: int) -> None:
    x = batch(seed)
    one, zero = torch.ones(2, dtype=torch.float64), torch.zeros(2, dtype=torch.float64)
    assert close(node("whiten", "transform", x, "raw"), x)
    assert close(node("whiten", "transform", x, "centred"), x - x.mean(0))
    normalized = batchnorm_forward(x, one, zero, EPS)
    assert close(node("whiten", "transform", x, "normalized"), normalized)
    c, U = whitening(x, EPS)
    assert close(node("whiten", "transform", x, "whitened"), (x - c) @ U.mT)


@pytest.mark.parametrize("seed", range(3))
def test_curvature_and_path_are_those_of_least_squares(node: Node, seed: int) -> None:
    x = batch(seed)
    found = node("whiten", "hessian", x)
    H = torch.func.hessian(lambda w: 0.5 * (x @ w).square().mean())(torch.zeros(2).double())
    assert close([[found["xx"], found["xy"]], [found["xy"], found["yy"]]], H)
    values, vectors = torch.linalg.eigh(H)
    parts = node("whiten", "eigen", found)
    assert close(parts["values"], values)
    rows = torch.tensor(parts["vectors"], dtype=torch.float64)
    assert close((rows @ vectors).abs(), torch.eye(2, dtype=torch.float64))
    goal, start = torch.tensor([0.9, 0.6]).double(), torch.tensor([-1.5, 1.6]).double()
    rate = float(2 / values.sum())
    path = minimize_quadratic(H, H @ goal, start, rate, 0.0, 25, False)
    assert close(node("whiten", "descend", found, rate, start, goal, 25), path)


def test_a_cloud_has_the_axes_that_were_asked_for(node: Node) -> None:
    base = node("whiten", "transform", batch(1), "whitened")
    points = node("whiten", "spread", base, [1.0, -2.0], [0.6, 0.8], 0.25)
    found = node("whiten", "statistics", points)
    assert found["c"] == pytest.approx([1, -2], abs=1e-9)
    parts = node("whiten", "eigen", {key: found[key] for key in ("xx", "xy", "yy")})
    assert parts["values"] == pytest.approx([0.25**2, 1], rel=1e-3)
    assert parts["vectors"][1] == pytest.approx([0.6, 0.8], abs=1e-3)


def said(page: Page) -> tuple[float, int, float]:
    """Condition number, steps for a thousandfold, and the distance after the last step."""
    text = page.locator(".lf-readout").inner_text()
    found = re.search(
        r"number ([\d.,]+): .* about ([\d,]+) step.* distance is (\S+( × \S+)?) of", text
    )
    assert found is not None, text
    tiny = "×" in found[3] or found[3] == "0"
    kappa, steps = (float(z.replace(",", "")) for z in found.groups()[:2])
    return kappa, int(steps), 0.0 if tiny else float(found[3])


def choose(page: Page, kind: str) -> tuple[float, int, float]:
    page.get_by_label("the unit reads the inputs").select_option(kind)
    return said(page)


def drag(page: Page, name: str, dx: float, dy: float) -> None:
    box = page.get_by_role("slider", name=name).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("whiten", SETTINGS, theme=theme, width=width) as page:
        page.locator(".lf-stage").first.scroll_into_view_if_needed()
        before, steps, rest = said(page)
        assert before > 20 and steps > 60 and rest > 0.01, "as they come, they are not learned"
        drag(page, "Centre of the cloud", 30, -10)
        farther = said(page)
        assert farther[0] > 1.3 * before and farther[1] > steps, "away from the origin it is worse"
        centred = choose(page, "centred")
        assert centred[0] < before / 2
        normalized = choose(page, "normalized")
        assert normalized[0] < centred[0], "normalizing repairs a part"
        drag(page, "Centre of the cloud", -60, 40)
        assert said(page)[0] == pytest.approx(normalized[0], rel=0.01), "the centre has no effect"
        whitened = choose(page, "whitened")
        assert whitened[0] == pytest.approx(1, abs=0.01) and whitened[1] == 1
        handle = page.get_by_role("slider", name="End of the long axis")
        # along an axis of the plot each feature by itself is enough
        choose(page, "normalized")
        handle.focus()
        for _ in range(4):
            page.keyboard.press("ArrowDown")
        assert said(page)[0] < 1.1
        assert choose(page, "centred")[0] > 3
        # at 45° it does nothing, and only whitening helps
        for _ in range(13):
            page.keyboard.press("ArrowUp")
        slanted = said(page)
        assert choose(page, "normalized")[0] == pytest.approx(slanted[0], rel=0.02)
        assert choose(page, "whitened")[0] == pytest.approx(1, abs=0.01)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_handles_by_keyboard_and_back(figure_page: Open) -> None:
    with figure_page("whiten", SETTINGS) as page:
        before = said(page)
        centre = page.get_by_role("slider", name="Centre of the cloud")
        centre.focus()
        page.keyboard.press("Shift+ArrowRight")
        assert "first input 3.2" in (centre.get_attribute("aria-valuetext") or "")
        assert said(page) != before
        page.get_by_role("button", name="Reset").click()
        assert said(page)[:2] == before[:2]
