"""The figure of the chapter on parallel training: its runs against the reference, its caption."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from autograder.reference import sgd_step, stale_sgd
from tests.site.figures import choose, said

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]


@pytest.mark.parametrize("tau", [0, 1, 2, 4, 8])
def test_the_limit_is_where_a_root_reaches_the_circle(node: Callable[..., Any], tau: int) -> None:
    found = node("staleness", "limit", tau)
    for a, inside in ((0.999 * found, True), (1.001 * found, False)):
        polynomial = [1, -1, *[0] * (tau - 1), a] if tau else [1, a - 1]  # z^(τ+1) − z^τ + a
        assert (np.abs(np.roots(polynomial)).max() < 1) == inside


@pytest.mark.parametrize(("workers", "a"), [(1, 0.5), (2, 0.9), (5, 0.3), (8, 0.4)])
def test_equal_workers_are_a_constant_delay(
    node: Callable[..., Any], workers: int, a: float
) -> None:
    found = node("staleness", "simulate", workers, 1, "async", a, 12)
    path = torch.tensor([z for _, z in found["path"]], dtype=torch.float64)
    delay = workers - 1
    # all workers fetch the start before anything arrives: as if θ had rested there for a while
    grads = a * torch.cat([path[:1].expand(delay), path[:-1]])
    moved = stale_sgd(grads, delay, 1.0)[delay:]
    assert torch.allclose(path - 1, moved, rtol=0, atol=1e-9)
    assert [bar["stale"] for bar in found["bars"][workers:]] == [delay] * (
        len(found["bars"]) - workers
    )


@pytest.mark.parametrize(
    ("workers", "slow", "a"), [(2, 3, 0.4), (5, 2.5, 0.2), (4, 5, 0.7), (1, 2, 1.5)]
)
def test_the_asynchronous_run_is_that_of_an_event_queue(
    node: Callable[..., Any], workers: int, slow: float, a: float
) -> None:
    found = node("staleness", "simulate", workers, slow, "async", a, 20)
    takes = [1.0] * (workers - 1) + [slow]
    theta = [torch.ones(1, dtype=torch.float64)]
    fetched = [0] * workers
    queue = [(k / workers + takes[k], k) for k in range(workers)]
    heapq.heapify(queue)
    stale = []
    while queue[0][0] <= 20:
        now, k = heapq.heappop(queue)
        stale.append((k, len(theta) - 1 - fetched[k]))
        theta.append(sgd_step(theta[-1], theta[fetched[k]], a))
        fetched[k] = len(theta) - 1
        heapq.heappush(queue, (now + takes[k], k))
    assert [(bar["k"], bar["stale"]) for bar in found["bars"]] == stale
    path = torch.tensor([z for _, z in found["path"]], dtype=torch.float64)
    assert torch.allclose(path, torch.cat(theta), rtol=0, atol=1e-9 * float(path.abs().max()))


def test_the_synchronous_run_is_gradient_descent(node: Callable[..., Any]) -> None:
    found = node("staleness", "simulate", 4, 3, "sync", 0.3, 30)
    assert [t for t, _ in found["path"]] == [3.0 * t for t in range(11)]
    theta = torch.ones(1, dtype=torch.float64)
    for _, z in found["path"]:
        assert z == pytest.approx(float(theta), abs=1e-9)
        theta = sgd_step(theta, theta, 0.3)
    assert {bar["stale"] for bar in found["bars"]} == {0}


def test_the_mean_delay_is_one_less_than_the_workers(node: Callable[..., Any]) -> None:
    found = node("staleness", "simulate", 5, 3, "async", 0.1, 400)
    stale = [bar["stale"] for bar in found["bars"]]
    assert sum(stale) / len(stale) == pytest.approx(4, abs=0.02)


def largest_that_settles(page: Page) -> float:
    """Raise αλ by the arrow key until the component no longer settles."""
    slider = page.get_by_label("αλ", exact=True)
    slider.focus()
    last = 0.0
    for _ in range(250):
        if "does not settle" in said(page):
            return last
        last = float(slider.get_attribute("aria-valuetext") or "nan")
        page.keyboard.press("ArrowRight")
    raise AssertionError("it always settles")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("staleness", {}, theme=theme, width=width) as page:
        assert "A gradient is 4 updates late" in said(page) or "3.9 updates late" in said(page)
        assert "It settles." in said(page)
        assert largest_that_settles(page) == pytest.approx(0.347, rel=0.03)
        choose(page, "workers", 1, exact=True)
        choose(page, "αλ", math.log10(1.5), exact=True)
        assert "It settles." in said(page)
        assert largest_that_settles(page) == pytest.approx(2, rel=0.03)
        page.get_by_role("button", name="Reset").click()
        choose(page, "time, in quarters", 160, exact=True)
        choose(page, "the last worker is slower by", 3, exact=True)
        late = re.search(
            r"([\d.]+) updates late on average, the last worker's ([\d.]+)", said(page)
        )
        assert late is not None and float(late[2]) > 2.5 * float(late[1])
        assert "Nobody waits" in said(page)
        page.get_by_label("scheme").select_option("sync")
        assert "fast workers wait 67 %" in said(page) and "No gradient is late" in said(page)


@pytest.mark.browser
def test_the_lanes_are_drawn_as_time_goes_on(figure_page: Open) -> None:
    with figure_page("staleness", {}) as page:
        shots = set()
        for at in (0, 20, 80):
            choose(page, "time, in quarters", at, exact=True)
            shots.add(page.locator("canvas").first.evaluate("(c) => c.toDataURL()"))
        assert len(shots) == 3
