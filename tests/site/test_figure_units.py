"""The live figure of the chapter on AdaDelta: its numbers and, in a browser, its tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import optimizer_figure as figure
import pytest
import torch

from autograder.reference import adadelta_step, newton_step, rmsprop_step, sgd_step

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
SETTINGS = {"scale": 1, "loss": 1}
STEPS = 200


def expected(method: str, s: float, c: float) -> list[float]:
    """Positions in metres on c·½x² from x = 1, the parameter being s·x, by the reference."""
    theta = torch.tensor([s], dtype=torch.float64)
    r = p = torch.zeros_like(theta)
    places = [1.0]
    for _ in range(STEPS):
        g = c * theta / s**2
        if method == "gd":
            theta = sgd_step(theta, g, 0.05)
        elif method == "rmsprop":
            theta, r = rmsprop_step(theta, r, g, 0.01, 0.9)
        elif method == "adadelta":
            theta, r, p = adadelta_step(theta, r, p, g)
        else:
            theta = newton_step(theta, g, torch.full((1, 1), c / s**2, dtype=torch.float64), 0.0)
        places.append(float(theta[0] / s))
    return places


@pytest.mark.parametrize(("s", "c"), [(1, 1), (1000, 1), (0.1, 1), (1, 1000), (10, 0.001)])
@pytest.mark.parametrize("method", ["gd", "rmsprop", "adadelta", "newton"])
def test_a_path_is_the_reference_s(node: Open, method: str, s: float, c: float) -> None:
    seen = node("units", "path", method, s, c, STEPS)
    # divergence ends in ∞ − ∞ on both sides
    assert seen == pytest.approx(expected(method, s, c), rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(("s", "c"), [(1000, 1), (0.001, 1), (1, 1000), (10, 0.01)])
def test_with_constants_that_carry_units_adadelta_moves_as_in_metres(
    node: Open, s: float, c: float
) -> None:
    seen = node("units", "path", "scaled", s, c, STEPS)
    assert seen == pytest.approx(expected("adadelta", 1, 1), abs=1e-9)


# ---- in a browser --------------------------------------------------------------------------------


def put(page: Page, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def noticed(page: Page) -> tuple[str, str]:
    """Who notices the change, and who does not, as the figure says it."""
    text = page.locator(".lf-readout").inner_text()
    one, other = text.removeprefix("These notice the change: ").split(". These do not: ")
    return one, other


@pytest.mark.browser
def test_what_the_caption_says_is_seen(figure_page: Open) -> None:
    with figure_page("units", SETTINGS) as page:
        put(page, "unit of the parameter", 3)  # millimetres
        assert noticed(page) == (
            "Gradient descent; RMSProp; AdaDelta",
            "AdaDelta, ε scaled too; Newton.",
        )
        put(page, "unit of the parameter", 0)
        put(page, "loss multiplied by", 3)
        assert noticed(page)[0] == "Gradient descent"
        put(page, "loss multiplied by", -3)
        assert noticed(page)[0] == "Gradient descent; AdaDelta"


@pytest.mark.browser
def test_a_diverged_method_is_named(figure_page: Open) -> None:
    with figure_page("units", {"scale": 1, "loss": 1000}) as page:
        entry = page.locator(".lf-entry").filter(has_text="Gradient descent")
        assert "diverged" in entry.inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_phone(figure_page: Open, theme: str) -> None:
    with figure_page("units", SETTINGS, theme=theme, width=390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


# ---- the optimizer figure of the chapter ---------------------------------------------------------


def test_epsilon_is_the_rate_in_the_long_valley() -> None:
    """The caption under the valley: hardly leaves, arrives, swings."""

    def end(eps: float) -> list[tuple[float, float]]:
        settings = figure.Settings(
            surface="valley",
            methods=("adadelta",),
            start=(-1.6, 1.2),
            steps=300,
            gamma=0.95,
            eps=eps,
        )
        points, diverged = figure.trajectory("adadelta", settings)
        assert diverged is None
        return list(points)

    x, y = end(1e-8)[-1]
    assert x < -1.4 and y > 1.0, "hardly leaves the start"
    x, y = end(1e-4)[-1]
    assert abs(x) < 0.05 and abs(y) < 0.05, "arrives"
    late = [y for _, y in end(1e-2)[-20:]]
    assert max(late) > 0.3 and min(late) < -0.3, "swings across the valley"
