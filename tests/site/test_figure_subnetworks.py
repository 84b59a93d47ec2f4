"""The figure of dropout's chapter: its numbers against the reference, its caption in a browser."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.reference import dropout_test, dropout_train, sgd_step
from tests.site.figures import choose

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., Any]
START = [
    [0.78, -0.45, -0.64, -2.41],
    [1.57, -0.95, 0.86, 0.81],
    [-0.2, -0.52, 0.66, 0.37],
    [0.0],
]
X = torch.linspace(-2.6, 2.6, 27, dtype=torch.float64)
Y = (X.abs() < 1).double()
SETTINGS = {"keep": 0.5, "start": START, "x": X.tolist(), "y": Y.tolist()}
DATA = {"x": SETTINGS["x"], "y": SETTINGS["y"]}


def leaves() -> list[torch.Tensor]:
    return [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in START]


def answer(net: list[torch.Tensor], x: torch.Tensor, mask: Any) -> torch.Tensor:
    w, b, v, c = net
    on = torch.as_tensor(mask, dtype=torch.float64)
    return torch.sigmoid(dropout_train(torch.tanh(x[:, None] * w + b), on, 0.5) @ v + c)


def test_there_are_sixteen_masks_and_their_chances_add_up(node: Open) -> None:
    masks = node("subnetworks", "MASKS")
    assert sorted(map(tuple, masks)) == sorted(itertools.product((0, 1), repeat=4))
    assert [sum(mask) for mask in masks] == sorted(sum(mask) for mask in masks)
    for keep in (0.2, 0.5, 1.0):
        chances = node("subnetworks", "chances", keep)
        wanted = [keep ** sum(mask) * (1 - keep) ** (4 - sum(mask)) for mask in masks]
        assert chances == pytest.approx(wanted, abs=1e-12)
        assert sum(chances) == pytest.approx(1)


@pytest.mark.parametrize("mask", [[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]])
def test_a_step_is_gradient_descent_on_the_sub_network(node: Open, mask: list[int]) -> None:
    net = leaves()
    loss = torch.nn.functional.binary_cross_entropy(answer(net, X, mask), Y)
    slopes = torch.autograd.grad(loss, net)
    wanted = [sgd_step(part, slope, 0.5) for part, slope in zip(net, slopes, strict=True)]
    found = node("subnetworks", "step", START, mask, DATA)
    for got, part in zip(found, wanted, strict=True):
        assert got == pytest.approx(part.tolist(), abs=1e-9)


def test_training_repeats_steps_with_the_masks_it_tells(node: Open) -> None:
    run = node("subnetworks", "train", START, DATA, 0.5, 40)
    assert len(run["nets"]) == len(run["masks"]) == 41 and run["masks"][0] is None
    drawn = torch.tensor(run["masks"][1:], dtype=torch.float64)
    assert 0.3 < float(drawn.mean()) < 0.7
    net = leaves()
    for mask in run["masks"][1:]:
        loss = torch.nn.functional.binary_cross_entropy(answer(net, X, mask), Y)
        slopes = torch.autograd.grad(loss, net)
        net = [
            sgd_step(part.detach(), slope, 0.5).requires_grad_()
            for part, slope in zip(net, slopes, strict=True)
        ]
    for got, part in zip(run["nets"][-1], net, strict=True):
        assert got == pytest.approx(part.tolist(), abs=1e-9)
    only = node("subnetworks", "train", START, DATA, 0.5, 3, [1, 1, 0, 0])
    assert only["masks"][1:] == [[1, 1, 0, 0]] * 3


@pytest.mark.parametrize("keep", [0.3, 0.5, 1.0])
def test_answers_are_the_reference_s(node: Open, keep: float) -> None:
    x = torch.tensor([-2.0, 0.1, 1.3], dtype=torch.float64)
    net = [part.detach() for part in leaves()]
    found = node("subnetworks", "answers", START, x, keep)
    masks, chances = node("subnetworks", "MASKS"), node("subnetworks", "chances", keep)
    each = torch.stack([answer(net, x, mask) for mask in masks])
    torch.testing.assert_close(
        torch.tensor(found["each"], dtype=torch.float64), each, atol=1e-9, rtol=0
    )
    mean = torch.tensor(chances, dtype=torch.float64) @ each
    assert found["mean"] == pytest.approx(mean.tolist(), abs=1e-9)
    v, c = dropout_test(net[2], net[3], keep)
    assert found["scaled"] == pytest.approx(
        answer([net[0], net[1], v, c], x, [1, 1, 1, 1]).tolist(), abs=1e-9
    )
    # one layer: weights × keep is the normalized geometric mean
    logs = torch.stack([each.log(), (1 - each).log()])
    geometric = (logs * torch.tensor(chances, dtype=torch.float64)[:, None]).sum(1).exp()
    assert found["scaled"] == pytest.approx((geometric[0] / geometric.sum(0)).tolist(), abs=1e-9)


def test_the_loss_is_cross_entropy(node: Open) -> None:
    p = [0.2, 0.9, 0.6]
    wanted = torch.nn.functional.binary_cross_entropy(
        torch.tensor(p, dtype=torch.float64), torch.tensor([0, 1, 0], dtype=torch.float64)
    )
    assert node("subnetworks", "loss", p, [0, 1, 0]) == pytest.approx(float(wanted), abs=1e-9)


def said(page: Page) -> dict[str, float]:
    text: str = page.locator(".lf-readout").inner_text()
    found = re.search(
        r"has the loss ([\d.]+); an average one ([\d.]+); the mean of all answers ([\d.]+); "
        r"weights × keep ([\d.]+)\.",
        text,
    )
    assert found is not None, text
    return dict(zip(("mine", "average", "mean", "scaled"), map(float, found.groups()), strict=True))


def tick(page: Page, on: tuple[int, ...]) -> None:
    for unit in (1, 2, 3, 4):
        page.get_by_label(f"unit {unit}").set_checked(unit in on)


def losses(page: Page, units: int) -> list[float]:
    """Losses of all sub-networks with so many units on."""
    found = []
    for on in itertools.combinations((1, 2, 3, 4), units):
        tick(page, on)
        found.append(said(page)["mine"])
    return found


def turn(page: Page, keep: float) -> None:
    choose(page, "keep", keep, exact=True)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1280), pytest.param("dark", 390, marks=pytest.mark.slow)]
)
def test_the_caption_keeps_its_promises(figure_page: Open, theme: str, width: int) -> None:
    with figure_page("subnetworks", SETTINGS, theme=theme, width=width) as page:
        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for()
        page.get_by_role("button", name="Play").wait_for(timeout=30_000)
        assert page.get_by_label("update t").input_value() == "600"
        first = said(page)
        assert first["scaled"] < first["mean"] < first["average"], "nearer to 0 and 1"
        assert "differ most at x" in page.locator(".lf-readout").inner_text()
        (all_on,), lacking = losses(page, 4), losses(page, 3)
        assert max(lacking) < 3 * all_on

        turn(page, 1.0)
        assert "The two agree everywhere" in page.locator(".lf-readout").inner_text()
        (alone,), missed = losses(page, 4), losses(page, 3)
        assert alone < all_on / 2, "the whole net fits better than before"
        assert max(missed) > 10 * alone, "but it misses a unit"

        turn(page, 0.5)
        tick(page, (1, 2))
        page.get_by_label("train", exact=True).select_option("ticked")
        choose(page, "update t", 0)
        before = {}
        for on in ((1, 2), (1, 2, 3), (1, 2, 4), (1, 2, 3, 4), (1,), (2,), (3, 4)):
            tick(page, on)
            before[on] = said(page)["mine"]
        tick(page, (1, 2))
        choose(page, "update t", 600)
        assert said(page)["mine"] < before[1, 2] / 2
        page.wait_for_timeout(700)
        assert "with units 1, 2" in page.locator(".lf-status").inner_text()


@pytest.mark.browser
def test_a_bar_picks_its_sub_network(figure_page: Open) -> None:
    with figure_page("subnetworks", SETTINGS) as page:
        canvas = page.locator(".lf-stage canvas").nth(1)
        box = canvas.bounding_box()
        assert box is not None
        canvas.click(position={"x": box["width"] - 20, "y": box["height"] / 2})
        assert "with units 1, 2, 3, 4" in page.locator(".lf-readout").inner_text()
        canvas.click(position={"x": 62, "y": box["height"] / 2})
        assert "without any unit" in page.locator(".lf-readout").inner_text()


def test_a_pair_trained_together_teaches_those_that_contain_both(node: Open) -> None:
    """The answer to the caption's last question, as the chapter gives it."""
    run = node("subnetworks", "train", START, DATA, 0.5, 600, [1, 1, 0, 0])
    after = {}
    for when in (0, -1):
        net = [torch.tensor(part, dtype=torch.float64) for part in run["nets"][when]]
        for mask in node("subnetworks", "MASKS"):
            loss = torch.nn.functional.binary_cross_entropy(answer(net, X, mask), Y)
            after[when, tuple(mask)] = float(loss)
    for mask in itertools.product((0, 1), repeat=4):
        learned = after[-1, mask]
        if mask[0] and mask[1]:
            assert learned < 0.1
        elif mask[0] or mask[1]:
            assert 0.3 < learned < 1
        else:
            assert learned > 1.2 * after[0, mask]
