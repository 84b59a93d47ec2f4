"""The live figure of Adam's bursts: its numbers and, in a browser, its tasks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import adam_step

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
SETTINGS = {"eps": 1e-8, "alpha": 0.01}


@pytest.mark.parametrize(
    ("curvature", "alpha", "eps"), [(1, 0.01, 1e-8), (10, 0.01, 1e-4), (0.5, 0.1, 1e-3)]
)
def test_a_run_is_the_reference_s(node: Open, curvature: float, alpha: float, eps: float) -> None:
    theta = torch.ones(1, dtype=torch.float64)
    state = (theta, torch.zeros_like(theta), torch.zeros_like(theta))
    distance, root, window = [1.0], [math.nan], 0.0
    for t in range(1, 601):
        state = adam_step(*state, curvature * state[0], t, alpha, 0.9, 0.999, eps)
        window = max(window, abs(float(state[0])))
        if t % 10 == 0:
            distance.append(window)
            root.append(math.sqrt(float(state[2]) / (1 - 0.999**t)))
            window = 0.0
    seen = node("adam-rest", "run", curvature, alpha, eps, 600, 10)
    assert seen["distance"] == pytest.approx(distance, rel=1e-9, abs=1e-12)
    assert seen["root"][1:] == pytest.approx(root[1:], rel=1e-9)


# ---- in a browser --------------------------------------------------------------------------------


def put(page: Page, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        math.log10(value),
    )


def bursts(page: Page) -> bool:
    words = page.locator(".lf-readout").inner_text()
    assert ("The first burst" in words) != ("No burst" in words)
    return "The first burst" in words


@pytest.mark.browser
def test_what_the_caption_says_is_seen(figure_page: Open) -> None:
    with figure_page("adam-rest", SETTINGS) as page:
        assert bursts(page)
        put(page, "ε", 2.8e-4)  # just above αλ/38 = 2.63e-4
        assert not bursts(page)
        put(page, "learning rate α", 0.02)
        assert bursts(page), "twice the rate: they are back"
        put(page, "ε", 5.6e-4)
        assert not bursts(page), "and gone with twice the ε"
        put(page, "curvature λ", 2)
        assert bursts(page), "the curvature counts as the rate does"


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(figure_page: Open, theme: str) -> None:
    with figure_page("adam-rest", SETTINGS, theme=theme, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
