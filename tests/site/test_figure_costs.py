"""The figure of the chapter on efficient models: its bill against torch's, its caption."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from autograder.reference import conv_cost, inception_cost
from tests.site.figures import said

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
AS_PRINTED = {"reductions": True, "width": 1, "separable": False}


@pytest.fixture(scope="module")
def columns(node: Callable[..., Any]) -> dict[str, list[int]]:
    """The columns of the table by row, as the figure has them."""
    return {name: numbers for name, *numbers in node("costs", "TABLE")}


def branch(c: int, r: int, n: int, k: int, choice: dict[str, Any]) -> nn.Module:
    """A reduction and a convolution, as the figure's choices make them."""
    seen = max(1, round(r * choice["width"])) if choice["reductions"] else c
    parts: list[nn.Module] = []
    if choice["reductions"]:
        parts.append(nn.Conv2d(c, seen, 1, bias=False))
    if choice["separable"]:
        parts.append(nn.Conv2d(seen, seen, k, padding=k // 2, groups=seen, bias=False))
        parts.append(nn.Conv2d(seen, n, 1, bias=False))
    else:
        parts.append(nn.Conv2d(seen, n, k, padding=k // 2, bias=False))
    return nn.Sequential(*parts)


def counted(parts: list[nn.Module], c: int, side: int) -> tuple[int, int]:
    """Weights and multiply-adds of layers that read the same image, as torch counts them."""
    image = torch.zeros(1, c, side, side, device="meta")
    with FlopCounterMode(display=False) as counter:
        for part in parts:
            part.to("meta")(image)
    return sum(
        p.numel() for part in parts for p in part.parameters()
    ), counter.get_total_flops() // 2


def test_the_table_is_the_references(
    node: Callable[..., Any], columns: dict[str, list[int]]
) -> None:
    found = {row["name"]: (row["params"], row["ops"]) for row in node("costs", "bill", AS_PRINTED)}
    for name, (side, *numbers) in columns.items():
        if name not in ("c1", "out"):
            cost = inception_cost(torch.tensor([side, side, *numbers]))
            assert found[name] == (int(cost.params), int(cost.ops)), name
    assert found["c1"] == (2_712, 34_019_328)
    assert found["out"] == conv_cost(1, 1, 1024, 1000, 1)
    plain = node("costs", "bill", {**AS_PRINTED, "first": "plain"})
    assert (plain[0]["params"], plain[0]["ops"]) == conv_cost(112, 112, 3, 64, 7)


@pytest.mark.parametrize("reductions", [True, False])
@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize(("width", "side"), [(1, 224), (0.5, 448), (1.75, 64)])
def test_every_choice_costs_what_torch_counts(
    node: Callable[..., Any],
    columns: dict[str, list[int]],
    reductions: bool,
    separable: bool,
    width: float,
    side: int,
) -> None:
    choice = {"reductions": reductions, "width": width, "separable": separable}
    for row in node("costs", "bill", {**choice, "side": side}):
        out, c, n1, r3, n3, r5, n5, pool = columns[row["name"]]
        if row["name"] in ("c1", "out"):
            continue
        parts: list[nn.Module] = [nn.Conv2d(c, n, 1, bias=False) for n in (n1, pool) if n]
        parts += [branch(c, r, n, k, choice) for r, n, k in ((r3, n3, 3), (r5, n5, 5)) if n]
        params, ops = counted(parts, c, out * side // 224)
        assert (row["params"], row["ops"]) == (params, ops), row["name"]


def times(page: Page) -> tuple[float, float]:
    """Weights and operations as multiples of the table's."""
    found = re.search(r"weights, ([\d.]+) times .* operations, ([\d.]+) times", said(page))
    assert found is not None, said(page)
    return float(found[1]), float(found[2])


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("costs", {}, theme=theme, width=width) as page:
        assert "Most weights: 5b (21 %) and 5a (15 %)" in said(page)
        assert "Most operations: c2 (24 %) and 3b (20 %)" in said(page)
        assert times(page) == (1, 1) and "suffers" not in said(page)
        page.get_by_label("1×1 reductions").uncheck()
        assert times(page)[1] == pytest.approx(2.89)
        assert "suffers most is 5a: 5.16 times" in said(page)
        page.get_by_label("1×1 reductions").check()
        page.get_by_label("separable 3×3").check()
        assert max(times(page)) < 0.6
        page.get_by_label("separable 3×3").uncheck()
        page.get_by_label("side of the image").select_option("112")
        weights, operations = times(page)
        assert weights == 1 and operations == pytest.approx(0.25, abs=0.002)


@pytest.mark.browser
def test_the_first_row_as_it_reads_and_the_other_scale(figure_page: Open) -> None:
    with figure_page("costs", {}) as page:
        page.get_by_label("first row").select_option("plain")
        assert "1,580 million operations" in said(page)
        before = page.locator("canvas").first.evaluate("(c) => c.toDataURL()")
        page.get_by_label("scale").select_option("log")
        assert page.locator("canvas").first.evaluate("(c) => c.toDataURL()") != before
