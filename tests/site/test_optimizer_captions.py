"""What the captions of the optimizer figures promise, followed with the reference's paths.

A caption is a set of claims: try this and you see that. Each test takes the settings that stand on
the page, changes what the caption says to change, and looks for what the caption says is seen. The
browser tests show that the controls work; the paths on the page are the reference's to 1e-9.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optimizer_figure as extension
import pytest
import study_optimizers as study
from experiments import rule

BOOK = Path(__file__).resolve().parents[2] / "book"


Point = tuple[float, float]


def on_page(page: str) -> list[Any]:
    """The settings of each optimizer figure of a page, in order."""
    text = (BOOK / f"{page}.md").read_text("utf-8")
    found = []
    for block in re.findall(r"^```\{optimizer-figure\}\n(.*?)^```", text, re.M | re.S):
        given = dict(re.findall(r"^:([a-z-]+): *(.*)$", block, re.M))
        spec = extension.OptimizerFigure.option_spec
        options = {key: spec[key](value) for key, value in given.items()}
        found.append(extension.OptimizerFigure.settings(SimpleNamespace(options=options)))
    return found


class Figure:
    """A figure with some settings changed."""

    def __init__(self, settings: Any, **changed: Any):
        rates = {**settings.rates, **changed.pop("rates", {})}
        self.settings = dataclasses.replace(settings, rates=rates, **changed)
        self.minimum: Point = extension.VIEWS[self.settings.surface]["minima"][0]

    def path(self, method: str) -> list[Point]:
        points: list[Point] = extension.trajectory(method, self.settings)[0]
        return points

    def diverged(self, method: str) -> bool:
        return extension.trajectory(method, self.settings)[1] is not None

    def loss(self, method: str) -> float:
        return math.inf if self.diverged(method) else self.loss_at(self.path(method)[-1])

    def loss_at(self, point: Point) -> float:
        value: float = extension._loss(self.settings.surface, point)
        return value

    def arrival(self, method: str) -> int | None:
        """The step from which on the loss is below a thousandth of the start's height."""
        lowest = extension.VIEWS[self.settings.surface]["lowest"]
        heights = [self.loss_at(point) - lowest for point in self.path(method)]
        late = [t for t, height in enumerate(heights) if not height <= 1e-3 * heights[0]]
        if self.diverged(method) or late[-1] == len(heights) - 1:
            return None
        return late[-1] + 1

    def scaled(self, method: str, factor: float) -> Figure:
        """The figure with one method's rate multiplied."""
        return Figure(self.settings, rates={method: factor * self.settings.rates[method]})

    def on(self, surface: str) -> Figure:
        """The figure after another surface was chosen: its start, and the rates as they were."""
        return Figure(
            self.settings, surface=surface, start=tuple(extension.VIEWS[surface]["start"])
        )

    def distances(self, method: str) -> list[float]:
        return [math.dist(point, self.minimum) for point in self.path(method)]


def index(s: Any) -> None:
    assert any(Figure(s, alpha=0.06).loss(m) > 1e3 for m in s.methods), "something breaks"
    losses = {m: Figure(s).loss(m) for m in s.methods}
    assert losses["nag"] < losses["momentum"] < losses["gd"]


def sgd(s: Any) -> None:
    within, past = Figure(s, alpha=0.049).path("gd"), Figure(s, alpha=0.052).path("gd")
    assert abs(within[-1][1]) < abs(within[0][1]), "below 0.05 the swinging dies away"
    assert abs(past[-1][1]) > abs(past[0][1]), "past 0.05 it grows"
    floors = []
    for alpha in (s.alpha, s.alpha / 4):
        across = [y for _, y in Figure(s, alpha=alpha, steps=500).path("sgd")[-200:]]
        floors.append(sum(y * y for y in across) / len(across))
    assert floors[1] < 0.5 * floors[0], "a lower rate makes the end of SGD's path less ragged"


def momentum(s: Any) -> None:
    figure = Figure(s)
    assert figure.path("gd") == figure.path("momentum") == figure.path("nag"), "one path at μ = 0"
    for method in ("momentum", "nag"):
        losses = {mu: Figure(s, mu=mu / 100).loss(method) for mu in range(0, 100, 3)}
        best = min(losses, key=losses.__getitem__)
        assert 60 <= best <= 90
        assert losses[99] > 100 * losses[best], "above the best value it swings"


def rprop(s: Any) -> None:
    figure = Figure(s)
    x, y = figure.path("rprop")[5]
    assert abs(x - s.start[0]) == pytest.approx(abs(y - s.start[1])), "along the diagonal"
    assert figure.loss("rprop") < 1e-3 * figure.loss("momentum")
    view = extension.VIEWS["tilted"]
    tilted = Figure(s, surface="tilted", start=tuple(view["start"]), alpha=view["alpha"])
    assert tilted.loss("rprop") > 10 * tilted.loss("momentum"), "the advantage is gone"


def adagrad(s: Any) -> None:
    for start in (s.start, (1.5, 1.0), (-1.0, -1.4)):
        figure = Figure(s, start=start)
        path, distances = figure.path("adagrad"), figure.distances("adagrad")
        length = sum(math.dist(a, b) for a, b in itertools.pairwise(path))
        assert length < 1.1 * distances[0], "almost straight, from wherever it starts"
        assert distances[-1] < 0.01 * distances[0]
        crossings = sum(a[1] * b[1] < 0 for a, b in itertools.pairwise(path))
        assert crossings == 0
    valley = Figure(s).path("gd")
    assert sum(a[1] * b[1] < 0 for a, b in itertools.pairwise(valley)) > 5
    for surface in ("beale", "rosenbrock"):
        start = tuple(extension.VIEWS[surface]["start"])
        losses = [
            Figure(s, surface=surface, start=start, rates={"adagrad": 10 ** (k / 4)}).loss(
                "adagrad"
            )
            for k in range(-12, 3)
        ]
        assert 0 < losses.index(min(losses)) < len(losses) - 1, "there is a best rate to find"


def rmsprop(s: Any) -> None:
    figure = Figure(s)
    distances = figure.distances("rmsprop")
    assert min(distances[:21]) < 0.05, "at the minimum within twenty steps"
    assert max(distances[20:]) > 0.3, "thrown out"
    for rate in (s.rates["rmsprop"], s.rates["rmsprop"] / 2):
        for x, y in Figure(s, rates={"rmsprop": rate}).path("rmsprop")[-10:]:
            assert abs(x) == pytest.approx(rate / 2, rel=0.05), "±α/2 along both axes"
            assert abs(y) == pytest.approx(rate / 2, rel=0.05)
    assert figure.distances("adagrad")[-1] < 1e-6, "AdaGrad comes to rest"
    first = Figure(s, gamma=0.99).path("rmsprop")[1]
    assert math.dist(first, s.start) == pytest.approx(math.sqrt(2) * 10 * s.rates["rmsprop"])


def adadelta(s: Any) -> None:
    start = math.dist(s.start, (0, 0))
    assert Figure(s, eps=1e-8).distances("adadelta")[-1] > 0.85 * start, "hardly leaves the start"
    assert Figure(s, eps=1e-4).distances("adadelta")[-1] < 0.02 * start, "arrives"
    swinging = Figure(s, eps=1e-2).path("adadelta")[-20:]
    assert all(a[1] * b[1] < 0 for a, b in itertools.pairwise(swinging))
    assert min(abs(y) for _, y in swinging) > 0.3, "swings across the valley"
    x, y = Figure(s).path("adadelta")[100]
    ratio = abs(x - s.start[0]) / abs(y - s.start[1])
    assert 0.7 < ratio < 1.4, "about as fast both ways"


def adam(s: Any) -> None:
    for alpha in (s.alpha, 0.5):
        assert Figure(s, alpha=alpha).distances("adam")[-1] < 0.05, "Adam settles at the cross"
    jumps = [max(Figure(s, alpha=a).distances("rmsprop")[-40:]) for a in (s.alpha, 0.2, 0.5)]
    assert 0.1 < jumps[0] < jumps[1] < jumps[2], "the wider the larger α is"
    for method in ("adam", "amsgrad"):
        with_, without = (
            math.dist(Figure(s, correct=on).path(method)[1], s.start) for on in (True, False)
        )
        assert without == pytest.approx(math.sqrt(10) * with_, rel=0.01), "the first step"


def curvature(s: Any) -> None:
    figure = Figure(s)
    path = figure.path("newton")
    assert figure.loss_at(path[5]) < 1e-6 < figure.loss_at(path[4])
    x0, x1, y0, y1 = extension.VIEWS[s.surface]["window"]
    outside = [not (x0 <= x <= x1 and y0 <= y <= y1) for x, y in path]
    assert sum(outside) == 1, "one of the steps leads out of the picture"
    for method in ("gd", "momentum"):
        assert figure.distances(method)[-1] > 0.5, "still on their way"


def valley(s: Any) -> None:
    figure, tilted = Figure(s), Figure(s).on("tilted")
    assert figure.arrival("adagrad") <= 5
    assert figure.arrival("newton") == 1
    assert abs(Figure(s, rates={"gd": 0.055}).path("gd")[-1][1]) > 2
    assert abs(Figure(s, rates={"gd": 0.049}).path("gd")[-1][1]) < 1.2
    assert figure.scaled("adam", 4).arrival("adam") is not None
    assert tilted.arrival("adagrad") > 10 * figure.arrival("adagrad")
    for method in ("momentum", "nag"):
        assert tilted.arrival(method) <= figure.arrival(method)
    assert figure.arrival("adamax") is not None
    assert tilted.arrival("adamax") is None
    for method in ("momentum", "adam"):
        assert max(x for x, _ in figure.path(method)) > 0.05, "rolls past the minimum"
    across = [y for _, y in figure.path("gd")[:12]]
    assert all(a * b < 0 for a, b in itertools.pairwise(across)), "jumps across the valley"
    steps = [math.dist(a, b) for a, b in itertools.pairwise(figure.path("rprop")[:5])]
    assert steps == sorted(steps), "Rprop's steps grow"


def saddle(s: Any) -> None:
    figure = Figure(s)
    arrivals = {m: figure.arrival(m) for m in s.shown}
    assert arrivals.pop("adadelta") is None
    assert min(arrivals, key=lambda m: arrivals[m] or math.inf) == "gd"
    assert math.dist(Figure(s, rates={"gd": 0.02}).path("gd")[-1], (0, 0)) < 0.2, "hangs there"
    ridge = Figure(s, start=(s.start[0], 0.0))
    for method in s.methods:
        assert (abs(ridge.path(method)[-1][1]) > 0.5) == (method == "sgd"), method
    assert math.dist(figure.path("newton")[-1], (0, 0)) < 1e-6
    assert math.dist(Figure(s, damping=0.5).path("newton")[-1], (0, 0)) < 0.1
    assert Figure(s, damping=1.5).arrival("newton") is not None


def beale(s: Any) -> None:
    figure = Figure(s)
    _, thrown = extension.trajectory("gd", figure.scaled("gd", 4).settings)
    assert thrown is not None and thrown <= 3
    assert figure.scaled("gd", 1 / 4).arrival("gd") is None
    assert abs(figure.scaled("adam", 1 / 4).arrival("adam") - figure.arrival("adam")) <= 5
    for factor in (1 / 4, 1, 4):
        assert figure.scaled("rprop", factor).arrival("rprop") <= 50, "Rprop does not care"
    assert math.dist(figure.path("newton")[-1], (0, 1)) < 1e-6
    assert Figure(s, damping=50.0).arrival("newton") is not None
    kin = {m: figure.arrival(m) for m in ("adam", "amsgrad", "adamw", "adamax")}
    assert [m for m, t in kin.items() if t is None] == ["adamw"]
    steps = [math.dist(a, b) for a, b in itertools.pairwise(figure.path("adagrad"))]
    assert steps[0] == max(steps), "AdaGrad's first step is its longest"


CLAIMS: dict[str, list[Callable[[Any], None]]] = {
    "index": [index],
    "sgd": [sgd],
    "momentum": [momentum],
    "rprop": [rprop],
    "adagrad": [adagrad],
    "rmsprop": [rmsprop],
    "adadelta": [adadelta],
    "adam": [adam],
    "curvature": [curvature],
    "labs/animations": [valley, saddle, beale],
}
PAGES = [
    page.relative_to(BOOK).with_suffix("").as_posix()
    for page in BOOK.rglob("*.md")
    if "{optimizer-figure}" in page.read_text("utf-8")
]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_caption_keeps_its_promises(page: str) -> None:
    figures = on_page(page)
    assert figures
    for settings, claim in zip(figures, CLAIMS[page], strict=True):
        claim(settings)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3), ids=["valley", "saddle", "beale"])
@pytest.mark.usefixtures("double_precision")
def test_the_rates_of_the_race_are_the_best_of_its_search(number: int) -> None:
    settings = on_page("labs/animations")[number]
    for method in study.ON_SURFACES:
        name = "gd" if method == "sgd" else method
        if name != "adadelta":
            found = study.on_surface(settings.surface, rule(method))
            assert settings.rates[name] == found["rate"], method
    for method, other in (("sgd", "gd"), ("clip", "gd"), ("adamw", "adam")):
        assert settings.rates[method] == settings.rates[other]
