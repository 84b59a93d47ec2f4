"""The figure of the saddle: its path against the reference, and what its caption promises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder.reference import sgd_step

Node = Callable[..., Any]
SETTINGS = {"rate": 0.1, "delta": -2}


@pytest.mark.parametrize("delta", [0.1, 1e-4, -0.3])
def test_the_path_is_that_of_gradient_descent(node: Node, delta: float) -> None:
    theta = torch.tensor([-1.5, delta], dtype=torch.float64, requires_grad=True)
    expected = [theta.detach()]
    for _ in range(60):
        f = 0.5 * theta[0] ** 2 - 0.5 * theta[1] ** 2 + 0.25 * theta[1] ** 4
        (g,) = torch.autograd.grad(f, theta)
        theta = sgd_step(theta.detach(), g, 0.1).requires_grad_()
        expected.append(theta.detach())
    path = torch.tensor(node("saddle", "path", delta, 0.1, 60), dtype=torch.float64)
    torch.testing.assert_close(path, torch.stack(expected), atol=1e-9, rtol=0)


def test_noise_is_added_to_each_gradient(node: Node) -> None:
    calm = torch.tensor(node("saddle", "path", 0.0, 0.1, 1, 0))
    shaken = torch.tensor([node("saddle", "path", 0.0, 0.1, 1, scale)[1] for scale in (1e-3, 2e-3)])
    moved = shaken - calm[1]
    torch.testing.assert_close(moved[1], 2 * moved[0])
    assert 0 < float(moved[0].abs().max()) < 1e-3


def test_the_delay_is_logarithmic(node: Node) -> None:
    delays = [
        node("saddle", "delay", node("saddle", "path", d, 0.1, 340)) for d in (1e-2, 1e-4, 1e-12)
    ]
    assert delays == [43, 91, 284]
    for delta, delay in zip((1e-2, 1e-4, 1e-12), delays, strict=True):
        formula = math.log(0.5 / delta) / math.log(1.1)
        assert node("saddle", "theory", delta, 0.1) == pytest.approx(formula, abs=1e-9)
        assert delay == pytest.approx(formula, abs=3)
    assert node("saddle", "delay", node("saddle", "path", 0, 0.1, 340)) == math.inf


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "dark"), pytest.param(390, "light", marks=pytest.mark.slow)]
)
def test_every_hundredfold_costs_the_same_and_the_ridge_needs_noise(
    figure_page: Any, width: int, theme: str
) -> None:
    with figure_page("saddle", SETTINGS, width=width, theme=theme) as page:
        said = page.locator(".lf-readout")
        delays = []
        slider = page.get_by_role("slider", name="distance from the ridge")
        slider.focus()
        for _ in range(3):
            found = re.search(r"takes (\d+) steps", said.inner_text())
            assert found is not None, said.inner_text()
            delays.append(int(found[1]))
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowLeft")
        first, second = delays[1] - delays[0], delays[2] - delays[1]
        assert first == pytest.approx(math.log(100) / math.log(1.1), abs=2)
        assert second == pytest.approx(first, abs=2)
        page.get_by_label("start exactly on the ridge").check()
        assert "never will" in said.inner_text()
        page.get_by_label("noise in the gradient").select_option(label="10⁻⁴")
        assert re.search(r"From the ridge itself it takes \d+ steps", said.inner_text())
        page.get_by_role("button", name="Reset").click()
        assert page.locator(".lf-clock output").inner_text() == "0 of 340"
        page.get_by_role("button", name="Step").click()
        assert page.locator(".lf-clock output").inner_text() == "1 of 340"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
