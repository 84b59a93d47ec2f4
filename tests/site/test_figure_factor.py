"""The live figure of the momentum chapter: its numbers and, in a browser, its tasks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import minimize_quadratic
from tests.site.figures import said

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
SETTINGS = {"kappa": 100, "rate": 1.5, "mu": 0}


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize(("a", "mu"), [(0.02, 0.0), (0.5, 0.9), (1.2, 0.5), (3.0, 0.669)])
def test_a_path_is_the_reference_s(node: Open, a: float, mu: float, nesterov: bool) -> None:
    eye = torch.eye(1, dtype=torch.float64)
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    expected = minimize_quadratic(eye, zero, one, a, mu, 60, nesterov).flatten().tolist()
    seen = node("factor", "path", a, mu, nesterov, 60)
    assert seen == pytest.approx(expected, rel=1e-9, abs=1e-9)


def eigenvalue(a: float, mu: float, nesterov: bool) -> float:
    """Largest modulus, from the matrix of one direction."""
    memory = mu * (1 - a) if nesterov else mu
    matrix = torch.tensor([[1 - a, -memory], [a, memory]], dtype=torch.float64)
    return float(torch.linalg.eigvals(matrix).abs().max())


@pytest.mark.parametrize("nesterov", [False, True])
def test_the_factor_is_the_largest_eigenvalue(node: Open, nesterov: bool) -> None:
    for a, mu in [(0.001, 0.3), (0.03, 0.0), (0.5, 0.81), (1.0, 0.5), (1.3, 0.99), (3.7, 0.81)]:
        # a double eigenvalue is computed to half the digits only
        expected = pytest.approx(eigenvalue(a, mu, nesterov), abs=1e-7)
        assert node("factor", "factor", a, mu, nesterov) == expected


@pytest.mark.parametrize("method", ["gd", "momentum", "nag"])
@pytest.mark.parametrize("kappa", [10, 100, 1000])
def test_no_setting_nearby_is_better_than_the_best(node: Open, method: str, kappa: int) -> None:
    rate, mu = node("factor", "best", method, kappa)

    def highest(rate: float, mu: float) -> float:
        shares = torch.logspace(-math.log10(kappa), 0, 9, dtype=torch.float64).tolist()
        return max(eigenvalue(share * rate, mu, method == "nag") for share in shares)

    best = highest(rate, mu)
    s, q = math.sqrt(3 * kappa + 1), math.sqrt(kappa)
    promised = {"gd": (kappa - 1) / (kappa + 1), "momentum": (q - 1) / (q + 1), "nag": 1 - 2 / s}
    assert best == pytest.approx(promised[method], abs=1e-4)
    for up in (0.99, 1.01):
        assert highest(rate * up, mu) > best
        if method != "gd":
            assert highest(rate, min(mu * up, 0.999)) > best
            assert highest(rate * 1.005, mu * up) > best


@pytest.mark.parametrize(
    ("a", "mu", "nesterov"), [(0.02, 0.9, False), (0.7, 0.6, True), (3, 0.8, False)]
)
def test_a_swinging_path_touches_its_envelope(
    node: Open, a: float, mu: float, nesterov: bool
) -> None:
    path = torch.tensor(node("factor", "path", a, mu, nesterov, 60), dtype=torch.float64)
    factor = node("factor", "factor", a, mu, nesterov)
    envelope = node("factor", "amplitude", a, mu, nesterov) * factor ** torch.arange(61.0)
    share = path.abs() / envelope
    assert float(share.max()) <= 1 + 1e-9
    assert float(share.max()) > 0.97


def test_the_comb_goes_from_flat_to_steep(node: Open) -> None:
    teeth = node("factor", "comb", 100)
    expected = torch.logspace(-2, 0, 20, dtype=torch.float64).tolist()
    assert teeth == pytest.approx(expected, abs=1e-12)


# ---- in a browser --------------------------------------------------------------------------------


def put(page: Page, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def highest(page: Page) -> float:
    found = re.search(r"Highest dot ([\d.]+)", said(page))
    assert found is not None
    return float(found[1])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_tasks_of_the_caption(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("factor", SETTINGS, theme=theme, width=width) as page:
        # 1. without momentum nothing is below 0.980
        seen = []
        for rate in [1.0, 1.5, 1.9, 1.97, 1.98, 1.99, 2.0]:
            put(page, "αλmax", rate)
            seen.append(highest(page))
        assert min(seen) == 0.980
        assert seen[-1] == 1.0
        # 2. with momentum 0.82 is possible, by hand and by the button
        put(page, "momentum μ", 0.67)
        put(page, "αλmax", 3.3)
        assert round(highest(page), 2) == 0.82
        page.get_by_role("button", name="Best setting").click()
        assert highest(page) == 0.818
        # 3. the components fall while it plays
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("button", name="Best setting").click()
        page.get_by_label("step t", exact=True).evaluate(
            "(node) => { node.value = 0; node.dispatchEvent(new Event('input', {bubbles: true})); }"
        )
        assert "After step 0 the largest component is 1.00." in said(page)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function(
            "document.querySelector('.lf-readout').textContent.includes('After step 100')"
        )
        left = re.search(r"largest component is ([\d.]+)( × 10)?", said(page))
        assert left is not None
        assert left[2] or float(left[1]) < 1e-2
        # 4. NAG leaves its limit
        put(page, "αλmax", 1.5)
        put(page, "momentum μ", 0.9)
        assert highest(page) < 1
        page.get_by_label("method").select_option("nag")
        assert highest(page) > 1
        assert "does not shrink" in said(page)


@pytest.mark.browser
def test_the_watched_direction_has_the_regimes_of_an_oscillator(figure_page: Open) -> None:
    with figure_page("factor", SETTINGS) as page:
        put(page, "momentum μ", 0.5)
        put(page, "αλmax", 2.95)
        seen = {}
        for direction in (1, 10, 20):
            put(page, "watched direction", direction)
            seen[direction] = said(page).rsplit(": ", 1)[1]
        assert "overdamped" in seen[1]
        assert "underdamped" in seen[10]
        assert "jumps from side to side" in seen[20]
        put(page, "αλmax", 3.1)
        assert "it grows" in said(page)


@pytest.mark.browser
def test_the_comb_is_dragged_by_keys(figure_page: Open) -> None:
    with figure_page("factor", SETTINGS) as page:
        handle = page.get_by_role("slider", name="Steepest direction")
        handle.focus()
        page.keyboard.press("Shift+ArrowRight")
        rate = float(page.get_by_label("αλmax", exact=True).input_value())
        assert 1.5 * 1.005**9 < rate < 1.5 * 1.005**11
