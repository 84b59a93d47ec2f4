"""The live figure of the bake-off: the expected best of k trials, and its tasks in a browser."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
STORED = Path(__file__).resolve().parents[2] / "book" / "data" / "optimizers.json"


def by_counting(losses: list[float], k: int) -> float:
    """The mean of the lowest over all ways to draw k losses with replacement."""
    draws = list(itertools.product(losses, repeat=k))
    return sum(map(min, draws)) / len(draws)


@pytest.mark.parametrize("losses", [[0.1, 1.0, 2.0], [0.3, 0.4, 0.5], [1.0, 1.0, 0.2, 7.0]])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_expected_best_is_the_mean_over_all_draws(
    node: Open, losses: list[float], k: int
) -> None:
    assert node("budget", "expected", losses, k) == pytest.approx(
        by_counting(losses, k), rel=1e-9, abs=1e-9
    )


def test_what_diverged_or_learned_nothing_has_the_loss_of_knowing_nothing(node: Open) -> None:
    assert node("budget", "capped", [0.5, None, 9.0], 2.3) == [0.5, 2.3, 2.3]


def test_the_ranking_turns_with_the_budget(node: Open) -> None:
    """The example of the chapter: A has the better best, B the better chance."""
    task = {"level": 5.0, "ends": {"sgd": [0.1, 1.0, 2.0], "adam": [0.3, 0.4, 0.5]}}
    for k, first in ((1, "adam"), (2, "adam"), (10, "sgd")):
        found = node("budget", "ranking", task, k)
        assert found[0][0] == first
        for method, value in found:
            assert value == pytest.approx(by_counting(task["ends"][method], k), rel=1e-9)


# ---- in a browser --------------------------------------------------------------------------------


def settings() -> dict[str, Any]:
    """What the page hands to the figure."""
    results = json.loads(STORED.read_text("utf-8"))["results"]
    names = [name for name in results if name in LEVELS]
    return {
        "rates": results["rates"],
        "shown": ["sgd", "nag", "adagrad", "rmsprop-nesterov", "adadelta", "adam"],
        "k": 4,
        "tasks": {
            name: {
                "label": name,
                "level": LEVELS[name],
                "ends": {m: means(found["tried"]) for m, found in results[name].items()},
            }
            for name in names
        },
    }


LEVELS = {
    "softmax": 2.303,
    "relu": 2.303,
    "relu, falling": 2.303,
    "autoencoder": 4.684,
    "sigmoid": 2.303,
}


def means(tried: list[list[float | None]]) -> list[float | None]:
    return [None if None in row else sum(row) / len(row) for row in tried]  # type: ignore[arg-type]


def put(page: Page, label: str, value: float) -> None:
    page.get_by_label(label, exact=True).evaluate(
        "(node, value) => {"
        " node.value = value; node.dispatchEvent(new Event('input', {bubbles: true})); }",
        value,
    )


def order(page: Page) -> list[str]:
    """The methods as the figure ranks them."""
    said = page.locator(".lf-readout").inner_text()
    return re.findall(r"\d+\. ([A-Za-z +]+?) [\d.]", said)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_tasks_of_the_caption(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("budget", settings(), theme=theme, width=width) as page:
        choose = page.get_by_label("network", exact=True)
        choose.select_option("relu")
        # 1. with one trial AdaDelta is first, with twenty RMSProp with Nesterov momentum
        put(page, "trials k", 1)
        first = order(page)
        put(page, "trials k", 20)
        last = order(page)
        assert first[0] == "AdaDelta"
        assert last[0] == "RMSProp + Nesterov"
        assert first.index("NAG") > 6 > 2 > last.index("NAG")
        # 2. softmax regression turns the same way
        choose.select_option("softmax")
        assert order(page)[0] == "RMSProp + Nesterov"
        put(page, "trials k", 1)
        assert order(page)[0] == "AdaDelta"
        # 3. the line is dragged by keys
        page.get_by_role("slider", name="Number of trials k").focus()
        page.keyboard.press("ArrowRight")
        assert page.get_by_label("trials k", exact=True).input_value() == "2"
        # 4. the sigmoids: SGD and momentum have learned next to nothing in four trials
        choose.select_option("sigmoid")
        put(page, "trials k", 4)
        said = page.locator(".lf-readout").inner_text()
        found = dict(re.findall(r"\d+\. ([A-Za-z +]+?) (\d[\d.]*\d)", said))
        assert float(found["SGD"]) > 1.9
        assert float(found["Momentum"]) > 1.9
        assert float(found["Adam"]) < 1.2
