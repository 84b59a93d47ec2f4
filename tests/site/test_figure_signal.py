"""The figure of initialization: its passes against torch, and what its caption promises."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from scipy import integrate
from torch import Tensor

from autograder.reference import relu_backward, relu_forward
from tests.site.figures import choose, read, said

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {"gain": 1}
Open = Callable[..., Any]
PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": relu_forward,
    "linear": lambda a: a,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("name", list(PHI))
@pytest.mark.parametrize("gain", [0.7, 1.6])
def test_a_pass_is_that_of_torch(node: Callable[..., Any], name: str, gain: float) -> None:
    generator = torch.Generator().manual_seed(3)
    depth, n = 5, 7
    normals = torch.randn(depth, n, n, generator=generator, dtype=torch.float64)
    x, back = torch.randn(2, n, generator=generator, dtype=torch.float64)
    signal, sums, h = [x], [], x
    for W in normals:
        a = (gain / math.sqrt(n) * W @ h).requires_grad_()
        a.retain_grad()
        sums.append(a)
        h = PHI[name](a)
        signal.append(h)
    (h * back).sum().backward()
    found = node("signal", "pass", normals.flatten(1), x, back, gain, name)
    sizes = [float(h.detach().square().mean().sqrt()) for h in signal]
    assert found["signal"] == pytest.approx(sizes, abs=1e-9)
    gradients = [float(a.grad.square().mean().sqrt()) for a in sums if a.grad is not None]
    assert found["gradient"] == pytest.approx(gradients, abs=1e-9)


def test_the_slope_of_relu_is_the_references(node: Callable[..., Any]) -> None:
    x = torch.tensor([[2.0], [-3.0]], dtype=torch.float64)
    one = torch.ones_like(x)
    for a, slope in zip(x, relu_backward(x, one), strict=True):
        found = node("signal", "pass", [[1.0]], a, [1.0], 1.0, "relu")
        assert found["gradient"] == [float(slope)]


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.414, 3.0])
@pytest.mark.parametrize("r", [1e-4, 0.3, 1.0, 40.0])
def test_the_map_is_an_integral_over_normal_inputs(
    node: Callable[..., Any], gain: float, r: float
) -> None:
    def moment(phi: Callable[[float], float]) -> float:
        density = lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # noqa: E731
        near = [-0.1 / (gain * r), 0.1 / (gain * r)] if gain * r > 1 else None
        value, _ = integrate.quad(
            lambda z: phi(gain * r * z) ** 2 * density(z),
            -12,
            12,
            epsabs=1e-14,
            epsrel=1e-13,
            points=near,
            limit=500,
        )
        return math.sqrt(value)

    rectified = moment(lambda a: max(a, 0.0))
    assert node("signal", "next", r, gain, "relu") == pytest.approx(rectified, rel=1e-9)
    assert node("signal", "next", r, gain, "linear") == pytest.approx(gain * r, rel=1e-12)
    assert node("signal", "next", r, gain, "tanh") == pytest.approx(moment(math.tanh), rel=1e-9)


def size_at_end(page: Page) -> float:
    found = re.search(r"After layer 30 the signal has size ([^(]+) \(theory", said(page))
    assert found is not None, said(page)
    return read(found[1])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("signal", SETTINGS, theme=theme, width=width) as page:
        below = re.search(r"below a thousandth at layer (\d+)", said(page))
        assert below is not None and 17 <= int(below[1]) <= 23, said(page)
        page.get_by_role("button", name="He: √2").click()
        assert 0.2 < size_at_end(page) < 5, "the line is about level"
        choose(page, "gain g", 1.6)
        assert size_at_end(page) > 5, "with more it explodes"
        page.get_by_label("activation").select_option("tanh")
        tanh = size_at_end(page)
        assert 0.5 < tanh < 0.8, "tanh stays at a fixed size"
        choose(page, "gain g", 3)
        assert tanh < size_at_end(page) < 1
        page.get_by_label("activation").select_option("relu")
        page.get_by_role("button", name="He: √2").click()
        wide, narrow = [], []
        for units, ends in ((7, wide), (3, narrow)):
            choose(page, "units in a layer", units)
            for _ in range(6):
                page.get_by_role("button", name="Draw again").click()
                ends.append(math.log10(max(size_at_end(page), 1e-30)))
        assert max(narrow) - min(narrow) > 2 > max(wide) - min(wide)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_by_keyboard_and_back(figure_page: Open) -> None:
    with figure_page("signal", SETTINGS) as page:
        before = said(page)
        page.get_by_label("gain g").focus()
        page.keyboard.press("ArrowRight")
        assert said(page) != before and "g = 1.01" in said(page)
        page.get_by_role("button", name="Draw again").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Reset").click()
        assert said(page).startswith("g = 1.00. After layer 0 the signal has size 1.0 ")
        page.get_by_role("button", name="Step").click()
        assert "After layer 1 " in said(page)
