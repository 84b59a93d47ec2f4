"""The live figure of the chapter on Adam: its numbers and, in a browser, its tasks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import optimizer_figure as figure
import pytest
import torch

from autograder.reference import adam_step, adamax_step

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
SETTINGS = {"pattern": "constant", "silence": 0, "gamma1": 0.9, "gamma2": 0.999, "correct": False}


def expected(
    gradients: list[float],
    silence: int,
    gamma1: float,
    gamma2: float,
    correct: bool,
    adamax: bool,
) -> list[float]:
    """Steps in units of α after ``silence`` gradients of 0, by the reference."""
    rule = adamax_step if adamax else adam_step
    zero = torch.zeros(1, dtype=torch.float64)
    theta, r, p = zero, zero, zero
    taken = []
    for t, g in enumerate([0.0] * silence + gradients, start=1):
        grad = torch.tensor([g], dtype=torch.float64)
        number = t if correct else math.inf
        after, r, p = rule(zero, r, p, grad, number, 1.0, gamma1, gamma2, 1e-12)
        taken.append(float(theta - after))
    return taken[silence:]


@pytest.mark.parametrize("pattern", ["constant", "alternating", "spike", "growing", "noise"])
@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("adamax", [True, False])
def test_steps_are_the_reference_s(node: Open, pattern: str, correct: bool, adamax: bool) -> None:
    gradients = node("adam-step", "gradients", pattern, 0.9, 0.999)
    assert len(gradients) == 60
    for silence, gamma1, gamma2 in [(0, 0.9, 0.999), (100, 0.9, 0.95), (1000, 0.5, 0.999)]:
        seen = node("adam-step", "steps", gradients, silence, gamma1, gamma2, correct, adamax)
        # AdaMax's ε stands beside |g| in the reference; 1e-12 does not show in either place.
        assert [entry["step"] for entry in seen] == pytest.approx(
            expected(gradients, silence, gamma1, gamma2, correct, adamax), rel=1e-9, abs=1e-9
        )


# ---- in a browser --------------------------------------------------------------------------------


def longest(page: Page) -> float:
    found = re.search(r"longest ([\d.]+) α", page.locator(".lf-readout").inner_text())
    assert found is not None
    return float(found[1])


def gamma2(page: Page, value: float) -> None:
    page.get_by_label("γ₂", exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        math.log10(1 / (1 - value)),
    )


@pytest.mark.browser
def test_what_the_caption_says_is_seen(figure_page: Open) -> None:
    with figure_page("adam-step", SETTINGS) as page:
        said = page.locator(".lf-readout").inner_text()
        assert said.startswith("First step 3.16 α, longest 6.57 α at step 12")
        page.get_by_label("bias correction", exact=True).check()
        assert page.locator(".lf-readout").inner_text() == (
            "First step 1.00 α, longest 1.00 α at step 1, last 1.00 α."
        )
        page.get_by_label("silence before", exact=True).select_option("1000")
        assert longest(page) > 5
        gamma2(page, 0.95)
        assert longest(page) < 1.2
        gamma2(page, 0.999)
        assert longest(page) > 5
        page.get_by_label("AdaMax", exact=True).check()
        assert longest(page) <= 1.01


@pytest.mark.browser
def test_the_worst_case_of_the_text_is_reached(figure_page: Open) -> None:
    with figure_page("adam-step", {**SETTINGS, "pattern": "growing"}) as page:
        assert longest(page) == pytest.approx(7.27, abs=0.02)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(figure_page: Open, theme: str) -> None:
    with figure_page("adam-step", SETTINGS, theme=theme, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


# ---- the optimizer figure of the chapter ---------------------------------------------------------


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_on_beale_s_function_adam_settles_and_rmsprop_jumps(rate: float) -> None:
    """The caption under Beale's function, at the rates that it names and between."""

    def late(method: str) -> list[float]:
        settings = figure.Settings(
            surface="beale", methods=(method,), start=(0.9, 1.2), steps=200, alpha=rate
        )
        points, diverged = figure.trajectory(method, settings)
        assert diverged is None
        return [math.dist(points[i], points[i - 1]) for i in range(-10, 0)]

    assert max(late("adam")) < 0.01
    assert max(late("rmsprop")) > 0.3 * rate
