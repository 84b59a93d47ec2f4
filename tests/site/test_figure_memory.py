"""The figure of RMSProp's chapter: its numbers against the reference, its caption in a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import adagrad_step, rmsprop_step
from tests.site.figures import choose, said

if TYPE_CHECKING:
    pass

SETTINGS = {"gamma": 0.9, "where": 60}
Open = Callable[..., Any]


def test_the_strip_has_one_spike(node: Callable[..., Any]) -> None:
    assert node("memory", "strip", 3, 100, 5) == [1, 1, 100, 1, 1]


@pytest.mark.parametrize("method", ["rmsprop", "adagrad"])
@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("first", [False, True])
def test_responses_are_the_reference(
    node: Callable[..., Any], method: str, gamma: float, first: bool
) -> None:
    generator = torch.Generator().manual_seed(3)
    gradients = torch.randn(40, generator=generator, dtype=torch.float64) * 5
    found = node("memory", "respond", method, gamma, first, gradients)
    r = gradients[:1] ** 2 if first else torch.zeros(1, dtype=torch.float64)
    for t, g in enumerate(gradients):
        here = torch.zeros(1, dtype=torch.float64)
        if method == "rmsprop":
            moved, r = rmsprop_step(here, r, g[None], 1.0, gamma)
        else:  # a sum that holds the first square already does not count it twice
            before = torch.zeros_like(r) if first and t == 0 else r
            moved, r = adagrad_step(here, before, g[None], 1.0)
        assert found["steps"][t] == pytest.approx(-float(moved), abs=1e-9)
        assert found["divisors"][t] == pytest.approx(math.sqrt(float(r)), abs=1e-9)


@pytest.mark.parametrize("gamma", [0.8, 0.9, 0.99])
def test_recovery_is_the_closed_form(node: Callable[..., Any], gamma: float) -> None:
    # after a long calm r = 1, so m steps after a spike s it is 1 + γᵐ(1 − γ)(s² − 1)
    quiet = math.log(3 / ((1 - gamma) * (100**2 - 1))) / math.log(gamma)
    assert node("memory", "recovery", gamma, True, 60, 100) == math.ceil(quiet)


def test_a_mean_without_end_does_not_recover(node: Callable[..., Any]) -> None:
    assert node("memory", "recovery", 0.9, True, 60, 100, 20) == math.inf


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("memory", SETTINGS, theme=theme, width=width) as page:
        assert "No spike" in said(page) and "first step is 3.16 α" in said(page)
        spike = page.get_by_role("slider", name="Spike")
        spike.focus()
        for _ in range(2):  # ten steps of a tenth of a power of ten each
            page.keyboard.press("Shift+ArrowUp")
        text = said(page)
        assert "gradient of 100 at step 60 makes a step of 3.16 α" in text
        assert "next one is 0.0333 α; it takes 56 quiet steps" in text
        choose(page, "decay", 0.5)
        fewer = re.search(r"takes (\d+) quiet", said(page))
        assert fewer is not None and int(fewer[1]) < 20
        page.get_by_role("button", name="No spike").click()
        page.get_by_label("mean starts").select_option("square")
        assert "first step is 1.00 α" in said(page) and "No spike" in said(page)


@pytest.mark.browser
def test_a_spike_by_mouse(figure_page: Open) -> None:
    with figure_page("memory", SETTINGS) as page:
        ring = page.get_by_role("slider", name="Spike").bounding_box()
        assert ring is not None
        x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y - 60, steps=4)
        page.mouse.up()
        assert "The gradient of" in said(page)
        page.locator(".lf-stage canvas").first.click(position={"x": 200, "y": 60})
        assert "at step 60 makes" not in said(page)
