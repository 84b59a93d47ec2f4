"""Figures are drawn once, and cut to what is in them as IPython cuts them."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import matplotlib
import numpy as np
import pytest
from IPython.core.pylabtools import print_figure
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from autograder.sandbox import figures


def plain(figure: Figure) -> None:
    axes = figure.subplots()
    axes.plot([1, 2, 3], label="a line")
    axes.set_xlabel("step")
    axes.legend()


def legend_outside(figure: Figure) -> None:
    plain(figure)
    figure.axes[0].legend(bbox_to_anchor=(1.05, 1))


def title_outside(figure: Figure) -> None:
    plain(figure)
    figure.suptitle("beyond the edge", y=1.2)


def note_outside(figure: Figure) -> None:
    plain(figure)
    figure.axes[0].text(0.5, 1.4, "far above", transform=figure.axes[0].transAxes)


def grey(figure: Figure) -> None:
    figure.set_facecolor("silver")
    plain(figure)


def nothing_in_axes(figure: Figure) -> None:
    figure.subplots().set_axis_off()


@pytest.mark.parametrize("draw", [plain, legend_outside, title_outside, note_outside, grey])
def test_a_figure_looks_as_ipython_draws_it(draw: Callable[[Figure], None]) -> None:
    shown = []
    for picture_of in (figures._picture, lambda f: print_figure(f, bbox_inches="tight")):
        with matplotlib.rc_context():
            matplotlib.rcdefaults()  # whatever style another test has left
            matplotlib.rcParams["figure.dpi"] = 72
            figure = Figure()
            FigureCanvasAgg(figure)
            draw(figure)
            data = picture_of(figure)
        data = base64.b64decode(data) if isinstance(data, str) else data
        shown.append(np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float))
    ours, theirs = shown
    assert np.abs(np.subtract(ours.shape, theirs.shape)).max() <= 2
    assert ours.mean() == pytest.approx(theirs.mean(), abs=2)


def test_empty_figures_show_what_they_show_in_ipython() -> None:
    figure = Figure()
    FigureCanvasAgg(figure)
    assert figures._picture(figure) is None
    nothing_in_axes(figure)
    assert figures._picture(figure)
