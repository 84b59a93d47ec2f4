"""The figure of the quadratic model: its steps against the reference, and what its caption says."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder.reference import newton_step

Node = Callable[..., Any]
SETTINGS = {"start": [0.5, 0.1], "damping": 0}


def saddle(z: torch.Tensor) -> torch.Tensor:
    return 0.5 * z[0] ** 2 - 0.5 * z[1] ** 2 + 0.25 * z[1] ** 4


def expected(start: list[float], damping: float, absolute: bool, steps: int) -> torch.Tensor:
    z = torch.tensor(start, dtype=torch.float64)
    points = [z]
    for _ in range(steps):
        leaf = z.clone().requires_grad_()
        (g,) = torch.autograd.grad(saddle(leaf), leaf)
        H = torch.autograd.functional.hessian(saddle, z)
        z = newton_step(z, g, H.abs() if absolute else H, damping)  # H is diagonal
        points.append(z)
    return torch.stack(points)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("damping", [0.0, 0.5, 1.5])
def test_the_steps_are_those_of_the_reference(node: Node, damping: float, absolute: bool) -> None:
    start = [0.5, 0.1]
    found = torch.tensor(node("model", "path", start, damping, absolute, 12), dtype=torch.float64)
    torch.testing.assert_close(found, expected(start, damping, absolute, 12), atol=1e-9, rtol=0)


@pytest.mark.parametrize("start", [[0.5, 0.1], [-1.0, 1.2]])
def test_the_contour_is_that_of_the_model(node: Node, start: list[float]) -> None:
    z = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    value = saddle(z)
    (g,) = torch.autograd.grad(value, z)
    H = torch.autograd.functional.hessian(saddle, z.detach())
    level = float(value.detach()) + 0.15
    on = [p for p in node("model", "contour", start, level) if all(map(math.isfinite, p))]
    assert len(on) > 50
    d = torch.tensor(on, dtype=torch.float64) - z.detach()
    model = value.detach() + d @ g.detach() + 0.5 * ((d @ H) * d).sum(1)
    torch.testing.assert_close(model, torch.full_like(model, level), atol=1e-9, rtol=0)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "dark"), pytest.param(390, "light", marks=pytest.mark.slow)]
)
def test_the_task_of_the_caption(figure_page: Any, width: int, theme: str) -> None:
    with figure_page("model", SETTINGS, width=width, theme=theme) as page:
        said = page.locator(".lf-readout")
        slider = page.get_by_role("slider", name="damping")

        def run_to_the_end() -> list[float]:
            page.get_by_role("slider", name="step t").evaluate(
                "(node) => { node.value = node.max; node.dispatchEvent(new Event('input')); }"
            )
            text = said.inner_text().replace("−", "-")
            pair = re.search(r"at \(([^,]*), ([^)]*)\)", text)
            assert pair is not None, text
            return [0.0 if " × 10" in z else float(z) for z in pair.groups()]

        assert "uphill" in said.inner_text()
        assert run_to_the_end() == [0, 0], "Newton stays at the saddle"
        while "uphill" in said.inner_text():
            slider.press("ArrowRight")
        assert 0.97 <= float(slider.input_value()) <= 1.03
        end = run_to_the_end()
        assert end[0] == pytest.approx(0, abs=1e-3)
        assert end[1] == pytest.approx(1, abs=1e-2), "with enough damping it finds a minimum"
        slider.fill("0.5")
        assert "uphill" in said.inner_text()
        page.get_by_role("combobox").select_option(label="|H| + λ")
        assert "downhill" in said.inner_text(), "with absolute values it never goes uphill"
