"""The figure of whitening: its matrices and steps against the reference, and its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from autograder import reference
from tests.site.figures import choose

if TYPE_CHECKING:
    from playwright.sync_api import Page

Node = Callable[..., Any]
Open = Callable[..., Any]
SETTINGS = {"mean": [1, 0], "rho": 0, "eps": 0.0001}


def tensor(z: Any) -> Tensor:
    return torch.tensor(z, dtype=torch.float64)


def inputs(mean: list[float], rho: float) -> Tensor:
    """Four inputs of that mean, with variances 1 and correlation rho, exactly."""
    root = torch.linalg.cholesky(tensor([[1, rho], [rho, 1]]))
    corners = tensor([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    return corners @ root.T + tensor(mean)


CASES = [([1.0, 0.0], 0.95, 1e-3), ([5.0, -2.0], -0.6, 0.5), ([0.0, 0.0], 0.99, 1e-4)]


@pytest.mark.parametrize(("mean", "rho", "eps"), CASES)
def test_whitening_is_the_reference(node: Node, mean: list[float], rho: float, eps: float) -> None:
    c, U = reference.whitening(inputs(mean, rho), eps)
    found = node("whitened", "whitening", node("whitened", "covariance", rho, 1), eps)
    # eigenvectors of equal entries leave the sign of a row undetermined; UᵀU is not
    assert torch.allclose(tensor(found).abs(), U.abs(), rtol=0, atol=1e-9)
    assert torch.allclose(tensor(found).T @ tensor(found), U.T @ U, rtol=1e-9, atol=1e-9)
    assert torch.allclose(c, tensor(mean), atol=1e-12)


@pytest.mark.parametrize("n", [2, 3])
def test_eigenvalues_are_torchs(node: Node, n: int) -> None:
    A = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    S = A @ A.T
    found = node("whitened", "eigen", S.tolist())
    assert torch.allclose(tensor(found["values"]), torch.linalg.eigvalsh(S), rtol=0, atol=1e-9)
    rows = tensor(found["rows"])
    assert torch.allclose(rows @ S @ rows.T, tensor(found["values"]).diag(), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("mean", "rho", "eps"), CASES)
@pytest.mark.parametrize("stale", [False, True])
def test_steps_are_prongs_on_the_squared_error(
    node: Node, mean: list[float], rho: float, eps: float, stale: bool
) -> None:
    """By the reference: gradients in W and b, taken to V and d, from W = 0 and b = 0."""
    h = inputs(mean, rho)
    c, U = reference.whitening(inputs([0.5, 1.0], 0.3) if stale else h, eps)
    H = node("whitened", "hessian", [[1, rho], [rho, 1]], mean, c.tolist(), U.tolist())
    goal = node("whitened", "project", [1, -1, 0.5], c.tolist(), U.tolist())
    V, d = reference.prong_project(tensor([[1, -1]]), tensor([0.5]), c, U)
    assert goal == pytest.approx([*V[0].tolist(), float(d)], abs=1e-9)
    e = torch.linalg.eigvalsh(tensor(H))
    rate = 2 / float(e[0] + e[-1])
    found = node("whitened", "descend", H, goal, [0, 0, 0], 0, 6)
    V, d = torch.zeros(1, 2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    target = h @ tensor([1, -1]) + 0.5
    for point in found:
        assert point == pytest.approx([*V[0].tolist(), float(d)], abs=1e-9)
        error = reference.prong_forward(V, d, c, U, h)[:, 0] - target
        mean_loss = 0.5 * float(error.square().mean())
        assert node("whitened", "loss", H, goal, point) == pytest.approx(mean_loss, abs=1e-9)
        g_W, g_b = (error @ h / 4)[None], error.mean()[None]
        V, d = reference.prong_step(V, d, *reference.prong_gradient(g_W, g_b, c, U), rate)


def test_descent_ends_at_its_share(node: Node) -> None:
    H, goal = [[4, 0, 0], [0, 1, 0], [0, 0, 1]], [1, 1, 1]
    points = node("whitened", "descend", H, goal, [0, 0, 0], 1e-3, 100)
    losses = [node("whitened", "loss", H, goal, point) for point in points]
    assert losses[-1] <= 1e-3 * losses[0] < losses[-2]
    assert len(node("whitened", "descend", H, goal, [0, 0, 0], 1e-30, 5)) == 6


# ---- what the caption promises -------------------------------------------------------------------


def told(page: Page) -> tuple[float, int, float, int]:
    """Condition number and steps in (w, b), and in (V, d)."""
    text = page.locator(".lf-readout").inner_text()
    found = re.findall(r"condition number ([\d.,]+), (?:more than )?([\d,]+) step", text)
    assert len(found) == 2, text
    (a, b), (c, d) = ([float(z.replace(",", "")) for z in pair] for pair in found)
    return a, int(b), c, int(d)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("whitened", SETTINGS, theme=theme, width=width) as page:
        project = page.get_by_role("button", name="Project")
        assert told(page)[3] == 1
        choose(page, "correlation", 0.95)
        _, usual_steps, _, stale_steps = told(page)
        assert usual_steps > 100
        assert 10 < stale_steps < usual_steps
        project.click()
        assert told(page)[2:] == (1, 1)
        # away with the mean: worse than the correlation, in both
        mean = page.get_by_role("slider", name="Mean of the inputs")
        mean.focus()
        for _ in range(8):
            page.keyboard.press("ArrowRight")
        assert "h₁ 5" in (mean.get_attribute("aria-valuetext") or "")
        far = told(page)
        assert far[1] > 5 * usual_steps
        assert far[3] > 100
        project.click()
        assert told(page)[2:] == (1, 1)
        page.get_by_label("subtract the mean").uncheck()
        project.click()
        assert told(page)[3] > 100
        # with ε the whitening is partial
        page.get_by_label("subtract the mean").check()
        choose(page, "ε", 0)
        project.click()
        assert 5 < told(page)[2] < 40
        page.get_by_role("button", name="Reset").click()
        assert told(page)[3] == 1
