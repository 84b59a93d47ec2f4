"""The figure of the metric: its steps against the reference, and what its caption promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from autograder.reference import natural_gradient_step, sgd_step
from tests.site.figures import choose, read, said

if TYPE_CHECKING:
    from playwright.sync_api import Page

Node = Callable[..., Any]
Open = Callable[..., Any]
SETTINGS = {"start": [-1.5, 3], "alpha": 0.02}
# a coordinate of σ, and the σ of a coordinate
COORDINATES: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "sigma": (lambda s: s, lambda z: z),
    "log": (torch.log, torch.exp),
    "precision": (lambda s: s**-2, lambda z: z**-0.5),
}


def divergence(theta: Tensor, other: Tensor, name: str) -> Tensor:
    back = COORDINATES[name][1]
    p, q = (Normal(z[0], back(z[1])) for z in (theta, other))
    return kl_divergence(p, q)


def objective(theta: Tensor, name: str) -> Tensor:
    """Mean negative log-likelihood of data with mean 1 and variance 1, but for a constant."""
    s = COORDINATES[name][1](theta[1])
    return torch.log(s) + (1 + (theta[0] - 1) ** 2) / (2 * s**2)


def expected(natural: bool, start: list[float], name: str, alpha: float, steps: int) -> Tensor:
    of, back = COORDINATES[name]
    theta = torch.tensor(start, dtype=torch.float64)
    theta = torch.stack([theta[0], of(theta[1])])
    points = [theta]
    for _ in range(steps):
        at = points[-1]
        g = torch.func.grad(objective)(at, name)
        if natural:  # the Fisher matrix is the second derivative of the divergence
            F = torch.func.hessian(divergence, argnums=1)(at, at, name)
            points.append(natural_gradient_step(at, g, F, alpha, 0.0))
        else:
            points.append(sgd_step(at, g, alpha))
    return torch.stack([torch.stack([point[0], back(point[1])]) for point in points])


@pytest.mark.parametrize("name", list(COORDINATES))
@pytest.mark.parametrize("natural", [False, True])
@pytest.mark.parametrize("start", [[-1.5, 3.0], [0.5, 0.8], [2.0, 5.0]])
def test_paths_are_the_reference(node: Node, natural: bool, name: str, start: list[float]) -> None:
    found = node("metric", "path", natural, start, name, 0.05, 40)
    wanted = expected(natural, start, name, 0.05, 40)
    assert torch.allclose(torch.tensor(found, dtype=torch.float64), wanted, rtol=0, atol=1e-9)


def test_the_loss_is_zero_at_its_minimum(node: Node) -> None:
    at = torch.tensor([0.3, 2.0], dtype=torch.float64)
    wanted = float(objective(at, "sigma")) - 0.5
    assert node("metric", "loss", 0.3, 2.0) == pytest.approx(wanted, abs=1e-9)
    assert node("metric", "loss", 1, 1) == 0


@pytest.mark.parametrize("name", list(COORDINATES))
def test_equal_length_is_nearly_equal_divergence_or_equal_distance(node: Node, name: str) -> None:
    of = COORDINATES[name][0]
    small, center = 1e-3, torch.tensor([0.3, 2.0], dtype=torch.float64)
    in_coordinates = torch.stack([center[0], of(center[1])])
    for natural in (True, False):
        points = torch.tensor(
            node("metric", "sphere", natural, center.tolist(), name, small), dtype=torch.float64
        )
        there = torch.stack([points[:, 0], of(points[:, 1])], dim=1)
        if natural:
            lengths = torch.stack([2 * divergence(in_coordinates, z, name) for z in there]).sqrt()
        else:
            lengths = (there - in_coordinates).norm(dim=1)
        assert torch.allclose(
            lengths, torch.full_like(lengths, small), rtol=3e-3 if natural else 1e-9
        )


def test_how_far_paths_are_apart(node: Node) -> None:
    paths = [[[0, 1], [1, 1], [2, 2]], [[0, 1], [1, 2], [2, 2]], [[0, 1], [1, 1], [5, 2]]]
    assert node("metric", "apart", paths, 0) == 0
    assert node("metric", "apart", paths, 1) == pytest.approx(torch.tensor(2.0).log().item())
    assert node("metric", "apart", paths, 2) == 3


# ---- what the caption promises -------------------------------------------------------------------


def numbers(page: Page) -> tuple[float, float, float, float]:
    """First steps in μ, and how far apart the three paths are: gradient descent, natural."""
    found = re.search(
        r"gradient descent ([−\d.]+), natural gradient ([−\d.]+)\. .* apart by at most "
        r"(\S+(?: × \S+)?) and (\S+(?: × \S+)?)\.$",
        said(page),
    )
    assert found is not None, said(page)
    a, b, c, d = map(read, found.groups())
    return a, b, c, d


def to_sigma(page: Page, handle: str, target: float) -> None:
    slider = page.get_by_role("slider", name=handle)
    slider.focus()
    for _ in range(60):
        text = re.search(r"σ ([\d.]+)", slider.get_attribute("aria-valuetext") or "")
        assert text is not None
        now = float(text[1])
        if abs(now / target - 1) < 0.02:
            return
        page.keyboard.press("ArrowUp" if now < target else "ArrowDown")
    raise AssertionError(f"the start does not reach σ = {target}")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("metric", SETTINGS, theme=theme, width=width) as page:
        # the three paths: one for the natural gradient, three for gradient descent
        _, _, plain, natural = numbers(page)
        assert plain > 0.5
        assert natural < 0.03
        # the first step in μ at a small and a large σ
        to_sigma(page, "Start, natural gradient", 0.5)
        narrow = numbers(page)
        to_sigma(page, "Start, gradient descent", 4.0)
        wide = numbers(page)
        assert narrow[0] / wide[0] == pytest.approx(64, rel=0.05)
        assert narrow[1] == wide[1] == pytest.approx(0.05)
        # another choice of coordinates changes gradient descent only
        before = said(page)
        page.get_by_label("coordinates").select_option("precision")
        after = said(page)
        ends = [
            re.findall(r"is at \(([^)]*)\), natural gradient at \(([^)]*)\)", z)[0]
            for z in (before, after)
        ]
        assert ends[0][0] != ends[1][0]
        assert ends[0][1] == ends[1][1]
        # a large rate drives the natural paths apart
        choose(page, "learning rate", -0.523)
        assert numbers(page)[3] > 2 * natural


@pytest.mark.browser
def test_a_step_out_of_the_possible_is_said(figure_page: Open) -> None:
    with figure_page("metric", SETTINGS) as page:
        to_sigma(page, "Start, gradient descent", 0.5)
        page.get_by_label("coordinates").select_option("precision")
        choose(page, "learning rate", -0.523)
        assert "no longer positive" in said(page)
        page.get_by_role("button", name="Reset").click()
        assert "no longer positive" not in said(page)
