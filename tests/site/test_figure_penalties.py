"""The figure of the chapter on regularization: against the reference, its caption in a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import l1_step, l2_step, minimize_quadratic
from tests.site.figures import choose, said

if TYPE_CHECKING:
    pass

Open = Callable[..., Any]
STAR = [1.2, 0.6]
SETTINGS = {"star": STAR, "lambda": 0.2, "kappa": 10, "degrees": 30}
SHAPES = [(10, 30), (1, 0), (100, 75)]


def double(z: Any) -> torch.Tensor:
    return torch.tensor(z, dtype=torch.float64)


@pytest.mark.parametrize(("kappa", "degrees"), SHAPES)
def test_the_hessian_has_the_curvatures_asked_for(node: Open, kappa: int, degrees: int) -> None:
    H = double(node("penalties", "hessian", kappa, degrees))
    assert torch.linalg.eigvalsh(H).tolist() == pytest.approx([1 / kappa, 1], abs=1e-9)
    steep = double([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    torch.testing.assert_close(H @ steep, steep)
    theta = double([0.3, -0.7])
    wanted = 0.5 * (theta - double(STAR)) @ H @ (theta - double(STAR))
    assert node("penalties", "loss", H, STAR, theta) == pytest.approx(float(wanted), abs=1e-9)


@pytest.mark.parametrize(("kappa", "degrees"), SHAPES)
@pytest.mark.parametrize("lam", [0.01, 0.3, 5.0])
def test_the_ridge_is_where_l2_steps_come_to_rest(
    node: Open, kappa: int, degrees: int, lam: float
) -> None:
    H = double(node("penalties", "hessian", kappa, degrees))
    w, b = torch.zeros(2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for _ in range(6000):
        w, b = l2_step(w, b, H @ (w - double(STAR)), torch.zeros_like(b), 1 / (1 + lam), lam)
    assert node("penalties", "ridge", H, STAR, lam) == pytest.approx(w.tolist(), abs=1e-9)


@pytest.mark.parametrize(("kappa", "degrees"), SHAPES)
@pytest.mark.parametrize("lam", [0.001, 0.05, 0.3, 0.7, 5.0])
@pytest.mark.parametrize("star", [STAR, [0.2, -1.1], [-0.4, -0.4]])
def test_the_lasso_satisfies_its_optimality_conditions(
    node: Open, kappa: int, degrees: int, lam: float, star: list[float]
) -> None:
    H = double(node("penalties", "hessian", kappa, degrees))
    w = double(node("penalties", "lasso", H, star, lam))
    slope = H @ (w - double(star))
    for z, g in zip(w.tolist(), slope.tolist(), strict=True):
        if z:
            assert g == pytest.approx(-lam * math.copysign(1, z), abs=1e-9)
        else:
            assert abs(g) <= lam + 1e-9
    # where no weight is zero, the step of the reference stays
    if bool((w != 0).all()):
        zero = torch.zeros(1, dtype=torch.float64)
        after = l1_step(w, zero, slope, zero, 0.1, lam)
        torch.testing.assert_close(after.w, w)


@pytest.mark.parametrize(("kappa", "degrees"), SHAPES)
def test_early_stopping_is_the_reference_s_gradient_descent(
    node: Open, kappa: int, degrees: int
) -> None:
    H = double(node("penalties", "hessian", kappa, degrees))
    zero = torch.zeros(2, dtype=torch.float64)
    path = minimize_quadratic(H, H @ double(STAR), zero, 0.1, 0.0, 50, False)
    for t in (0, 1, 7, 50):
        found = node("penalties", "stopped", kappa, degrees, STAR, 0.1, t)
        assert found == pytest.approx(path[t].tolist(), abs=1e-9)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("penalties", SETTINGS, theme=theme, width=width) as page:
        for strength in (-1, 0, 1, 2):  # powers of ten
            choose(page, "strength λ", strength)
            assert "zero" not in said(page), "L2 never arrives"
        page.get_by_label("penalty", exact=True).select_option("l1")
        choose(page, "strength λ", -2)
        assert "zero" not in said(page)
        choose(page, "strength λ", -0.5)
        assert "One weight is exactly zero" in said(page)
        choose(page, "strength λ", 1)
        assert "Both weights are exactly zero" in said(page)

        page.get_by_label("penalty", exact=True).select_option("l2")
        page.get_by_label("early stopping").check()
        apart = []
        for k in range(-30, 21, 2):
            choose(page, "strength λ", k / 10)
            found = re.search(r"is at \(.*\), ([\d.]+(?: × 10⁻.)?) away", said(page))
            assert found is not None
            apart.append(float(found[1].split(" ")[0]) if "×" not in found[1] else 0.0)
        assert max(apart) == max(apart[3:-6]) and max(apart) < 0.27 * math.hypot(*STAR)
        assert apart[-1] < 0.2 * max(apart) and apart[0] < 0.2 * max(apart)

        page.get_by_role("button", name="Reset").click()
        ring = page.get_by_role("slider", name="Minimum without a penalty")
        ring.focus()
        for _ in range(12):
            page.keyboard.press("ArrowDown")
        assert "θ₁ 1.2, θ₂ 0" in (ring.get_attribute("aria-valuetext") or "")
        page.wait_for_timeout(700)
        assert "With λ = 0.2 the L2 penalty" in page.locator(".lf-status").inner_text()


@pytest.mark.browser
def test_a_click_sets_the_strength(figure_page: Open) -> None:
    with figure_page("penalties", SETTINGS) as page:
        canvas = page.locator(".lf-stage canvas").nth(1)
        box = canvas.bounding_box()
        assert box is not None
        canvas.click(position={"x": box["width"] - 20, "y": box["height"] / 2})
        assert float(re.findall(r"λ = ([\d.]+)", said(page))[0]) > 50
