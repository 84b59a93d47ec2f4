"""The live figure of the Rprop chapter: its paths and, in a browser, its tasks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import manhattan_step, rprop_step, sgd_step

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
LAW = {"q": 0.9, "common": 0.1, "rare": -0.9, "turn": False}
SETTINGS = {"q": 0.9, "common": 0.1, "rare": -0.9, "rate": 0.02}


@pytest.mark.parametrize("slope", [0.0, 1.0])
@pytest.mark.parametrize("method", ["sgd", "manhattan", "rprop"])
def test_a_path_is_the_reference_s(node: Open, method: str, slope: float) -> None:
    noises = node("majority", "noise", LAW | {"turn": slope == 0}, 120)
    theta, delta, before = (torch.tensor(z, dtype=torch.float64) for z in (0.5, 0.02, 0.0))
    expected = [0.5]
    for noise in noises:
        g = slope * theta + noise
        if method == "sgd":
            theta = sgd_step(theta, g, 0.02)
        elif method == "manhattan":
            theta = manhattan_step(theta, 0.02, g)
        else:
            theta, delta, before = rprop_step(theta, delta, g, before)
        expected.append(float(theta))
    seen = node("majority", "run", method, noises, slope, 0.02, 0.5)
    assert seen == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_noise_has_its_law(node: Open) -> None:
    drawn = torch.tensor(node("majority", "noise", LAW, 20_000), dtype=torch.float64)
    assert set(drawn.tolist()) == {0.1, -0.9}
    assert float((drawn > 0).double().mean()) == pytest.approx(0.9, abs=0.01)
    in_turn = node("majority", "noise", LAW | {"turn": True}, 30)
    assert in_turn == 3 * (9 * [0.1] + [-0.9])


@pytest.mark.parametrize(
    ("q", "rare", "mean", "median"),
    [
        (0.9, -0.9, 0.0, 0.1),
        (0.9, -2.0, -0.11, 0.1),
        (0.4, -0.9, -0.5, -0.9),
        (0.75, 1.0, 0.325, 0.1),
    ],
)
def test_mean_and_median(node: Open, q: float, rare: float, mean: float, median: float) -> None:
    seen = node("majority", "centre", LAW | {"q": q, "rare": rare})
    assert seen == {"mean": pytest.approx(mean), "median": median}


# ---- in a browser --------------------------------------------------------------------------------


def put(page: Page, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def rests(page: Page) -> dict[str, float]:
    words = page.locator(".lf-readout").inner_text().rsplit(": ", 1)[1].replace("−", "-")
    found = re.findall(r"(\w+) (-?[\d.,]+\d)", words)
    return {name: float(value.replace(",", "")) for name, value in found}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_tasks_of_the_caption(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("majority", SETTINGS, theme=theme, width=width) as page:
        # 1. the mean is zero: SGD rests there, the sign rules do not
        put(page, "step t", 300)
        page.get_by_role("button", name="Play").click()
        page.wait_for_function(
            "document.querySelector('.lf-readout').textContent.includes('step 400')"
        )
        at = rests(page)
        assert abs(at["SGD"]) < 0.05
        assert at["Manhattan"] == pytest.approx(-0.1, abs=0.02)
        assert at["Rprop"] == pytest.approx(-0.1, abs=0.03)
        # 2. SGD follows the rare value, the others do not notice
        put(page, "rare value", -2)
        moved = rests(page)
        assert moved["SGD"] > at["SGD"] + 0.05
        assert moved["Manhattan"] == pytest.approx(at["Manhattan"], abs=0.02)
        assert moved["Rprop"] == pytest.approx(at["Rprop"], abs=0.03)
        # 3. a new majority
        put(page, "rare value", -0.9)
        put(page, "its probability", 0.6)
        assert rests(page)["Manhattan"] > 0.7
        # 4. L1's stream: SGD stays at its start, the others leave, Rprop fastest
        page.get_by_role("button", name="Reset").click()
        page.get_by_label("gradient", exact=True).select_option("turn")
        put(page, "step t", 400)
        left = rests(page)
        assert left["SGD"] == pytest.approx(0.5, abs=0.02)
        assert left["Manhattan"] < -4
        assert left["Rprop"] < 10 * left["Manhattan"]


@pytest.mark.browser
def test_the_bar_of_the_rare_value_is_dragged_by_keys(figure_page: Open) -> None:
    with figure_page("majority", SETTINGS) as page:
        page.get_by_role("slider", name="Rare value and its probability").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        assert page.get_by_label("rare value", exact=True).input_value() == "-1"
        assert page.get_by_label("its probability", exact=True).input_value() == "0.15"
