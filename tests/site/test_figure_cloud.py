"""The figure of the cloud: its steps against the reference, and what its caption promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder.reference import sgd_step

Node = Callable[..., Any]
SETTINGS = {"rate": 0.02, "batch": 1, "curvatures": [1, 10], "start": [1, 0.35]}


def test_a_step_is_that_of_sgd_with_a_noisy_gradient(node: Node) -> None:
    theta = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    normals = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    curvatures = torch.tensor([1.0, 10.0], dtype=torch.float64)
    expected = sgd_step(theta, curvatures * theta - normals / 2, 0.15)
    points, noise = theta.flatten().tolist(), normals.flatten().tolist()
    new = node("cloud", "advance", points, 0.15, 4, [1, 10], noise)
    assert new == pytest.approx(expected.flatten().tolist(), abs=1e-9)
    both = node("cloud", "squares", points)
    assert both == pytest.approx(theta.square().mean(0).tolist(), abs=1e-9)
    loss = 0.5 * (curvatures * theta.square()).sum(1).mean()
    assert node("cloud", "meanLoss", both, [1, 10]) == pytest.approx(float(loss), abs=1e-9)


@pytest.mark.parametrize(("rate", "batch", "lam"), [(0.3, 1, 1), (0.1, 10, 0.25), (0.15, 10, 10)])
def test_the_variance_reproduces_itself(node: Node, rate: float, batch: int, lam: float) -> None:
    v = node("cloud", "variance", rate, batch, lam)
    assert v > 0
    assert (1 - rate * lam) ** 2 * v + rate**2 / batch == pytest.approx(v, abs=1e-12)


def sizes(text: str) -> list[float]:
    found = re.search(
        r"measures ([\d.]+) along x \(formula ([\d.]+)\) and ([\d.]+) along y \(formula ([\d.]+)\)",
        text,
    )
    assert found is not None, text
    return [float(z) for z in found.groups()]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("width", "theme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)]
)
def test_doubling_the_batch_undoes_doubling_the_rate(
    figure_page: Any, width: int, theme: str
) -> None:
    # with reduced motion time jumps to its end, which spares the test the waiting
    with figure_page("cloud", SETTINGS, width=width, theme=theme, reduced_motion="reduce") as page:
        said = page.locator(".lf-readout")

        def press(name: str) -> list[float]:
            page.get_by_role("button", name=name, exact=True).click()
            return sizes(said.inner_text())

        def at(step: int) -> list[float]:
            page.locator(".lf-clock input").fill(str(step))
            return sizes(said.inner_text())

        early = at(100)
        at(240)
        first = press("Play")
        assert first[0] == pytest.approx(first[1], rel=0.2), "the cloud fills the ellipse"
        assert first[2] == pytest.approx(first[3], rel=0.2)
        doubled = press("Double α")
        assert doubled[1] == pytest.approx(first[1] * 2**0.5, rel=0.06)
        assert doubled[0] > 1.2 * first[0], "the cloud follows its ellipse"
        undone = press("Double B")
        assert undone[1] == pytest.approx(first[1], rel=0.06)
        assert undone[3] == pytest.approx(first[3], rel=0.15)
        assert undone[0] < doubled[0]
        assert page.locator(".lf-clock output").inner_text() == "720 of 720", "time went on"
        press("Reset")
        assert page.locator(".lf-clock output").inner_text() == "0 of 240"
        press("Halve α")
        small = press("Halve α")
        assert small[1] == pytest.approx(first[1] / 2, rel=0.06), "a smaller ellipse"
        assert at(100)[0] > 1.2 * early[0], "and the cloud needs longer to get there"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
def test_it_moves_and_pauses(figure_page: Any) -> None:
    with figure_page("cloud", SETTINGS) as page:
        clock = page.locator(".lf-clock output")
        page.get_by_role("button", name="Play").click()
        page.wait_for_function("document.querySelector('.lf-clock input').value > 5")
        page.get_by_role("button", name="Pause").click()
        stopped = clock.inner_text()
        assert not stopped.startswith("240")
        page.get_by_role("button", name="Double α").click()
        page.wait_for_function(
            f"document.querySelector('.lf-clock input').value > {stopped.split()[0]}"
        )
        assert page.get_by_role("button", name="Pause").is_visible(), "a change sets it going"
