"""The figure of activations: gradients through depth against the reference, and its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import gradient_norms, leaky_relu_forward
from tests.site.figures import choose, read

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTINGS = {"gain": 1, "depth": 10}
Open = Callable[..., Any]


def net(depth: int, gain: float) -> tuple[list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(depth)
    shape = {"generator": generator, "dtype": torch.float64}
    return [gain * torch.randn(6, 6, **shape) for _ in range(depth)], torch.randn(4, 6, **shape)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize(("depth", "gain"), [(1, 0.4), (2, 1.5), (7, 0.4)])
def test_gradients_are_the_references(
    node: Callable[..., Any], name: str, depth: int, gain: float
) -> None:
    weights, x = net(depth, gain)
    found = node("depth", "through", weights, x, name)
    expected = gradient_norms(weights, x, name)
    assert found["norms"] == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-9)


def test_the_leaky_rectifier_is_the_references(node: Callable[..., Any]) -> None:
    weights, x = net(4, 0.5)
    for W in weights:
        W.requires_grad_()
    h, sums, sizes = x, [], []
    for W in weights:
        sums.append(h @ W.mT)
        h = leaky_relu_forward(sums[-1], 0.1)
        sizes.append(float(h.detach().square().mean().sqrt()))
    h.sum(1).mean().backward()
    found = node("depth", "through", [W.detach() for W in weights], x, "leaky")
    norms = [float(W.grad.norm()) for W in weights if W.grad is not None]
    assert found["norms"] == pytest.approx(norms, abs=1e-9)
    assert found["sizes"] == pytest.approx(sizes, abs=1e-9)
    for mine, theirs in zip(found["sums"], sums, strict=True):
        assert torch.allclose(torch.tensor(mine, dtype=torch.float64), theirs.detach(), atol=1e-9)


def said(page: Page) -> tuple[float, float, float, float]:
    """Ratio of first to last gradient, factor a layer, mean slope, share of far units in %."""
    text = page.locator(".lf-readout").inner_text()
    found = re.search(
        r"layer \d+: ([^,]+), a factor ([\d.]+) a layer\. Layer \d+: mean slope ([\d.]+); (\S+) %",
        text,
    )
    assert found is not None, text
    return read(found[1]), float(found[2]), float(found[3]), float(found[4])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("depth", SETTINGS, theme=theme, width=width) as page:
        ratio, factor, slope, far = said(page)
        assert ratio < 1e-4 and 0.19 < factor < 0.3, "sigmoid: a quarter a layer"
        assert 0.2 < slope <= 0.25 and far < 1, "the dots sit on the hump"
        choose(page, "gain g", 1.0)  # 10: the slider counts powers of ten
        ratio, factor, slope, far = said(page)
        assert 0.75 < factor < 1.3, "a gain of about ten repairs it"
        assert slope < 0.15 and far > 25, "and the dots move out to the flats"
        page.get_by_label("activation φ").select_option("relu")
        choose(page, "gain g", 0.1505)  # √2
        ratio, factor, slope, _ = said(page)
        assert 0.8 < factor < 1.25 and 0.4 < slope < 0.6, "ReLU is level, half of the units are on"
        choose(page, "gain g", -0.24)  # L5's: all bars sink, and stay level
        assert 0.7 < said(page)[1] < 1.4
        page.get_by_label("activation φ").select_option("tanh")
        choose(page, "gain g", 0)
        assert 0.8 < said(page)[1] < 1.25
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_fewer_layers_by_keyboard(figure_page: Open) -> None:
    with figure_page("depth", SETTINGS) as page:
        choose(page, "show the units of layer", 9)
        page.get_by_label("layers", exact=True).focus()
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        text = page.locator(".lf-readout").inner_text()
        assert "that of layer 5:" in text and "Layer 5: mean slope" in text
        page.get_by_role("button", name="Draw again").focus()
        page.keyboard.press("Enter")
        assert page.locator(".lf-readout").inner_text() != text
