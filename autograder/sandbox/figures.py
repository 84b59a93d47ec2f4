"""What a notebook shows of a figure. To draw one takes longer than all else in most hand-ins.

IPython cuts a picture to what is in it, and for that Matplotlib goes through the whole figure
twice: once to measure, once to draw. Here it is drawn once, and the edges are cut off afterwards;
only where something lies beyond them does IPython do it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .worker import WorkerShell

_PADDING = 0.1  # inches around what is drawn, as IPython leaves


def show_figures(shell: WorkerShell, *, drawn: bool) -> None:
    """Have the shell draw each figure once, or, unless they are to be ``drawn``, not at all."""
    from matplotlib.figure import Figure

    formatter = shell.display_formatter.formatters["image/png"]
    formatter.for_type(Figure, _picture if drawn else _nothing)


def _nothing(_: Figure) -> None:
    return None


def _picture(figure: Figure) -> Any:
    """A figure as PNG; None if there is nothing in it."""
    from IPython.core.pylabtools import print_figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.image import imsave

    canvas = figure.canvas
    if not isinstance(canvas, FigureCanvasAgg) or not (figure.axes or figure.lines):
        return print_figure(figure, base64=True, bbox_inches="tight")
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())
    drawn = (pixels != pixels[0, 0]).any(axis=2)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows) or _reaches_edge(drawn) or _has_text_outside(figure):
        return print_figure(figure, base64=True, bbox_inches="tight")
    pad = round(_PADDING * figure.dpi)
    picture = pixels[
        max(0, rows[0] - pad) : rows[-1] + pad + 1, max(0, columns[0] - pad) : columns[-1] + pad + 1
    ]
    file = io.BytesIO()
    imsave(file, np.ascontiguousarray(picture), format="png", pil_kwargs={"compress_level": 3})
    return file.getvalue()


def _reaches_edge(drawn: np.ndarray[Any, np.dtype[np.bool_]]) -> bool:
    sides = drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]
    return any(bool(side.any()) for side in sides)


def _has_text_outside(figure: Figure) -> bool:
    """Whether a text that was put anywhere lies beyond the edges, where it was not drawn."""
    width, height = figure.bbox.size
    texts = [*figure.texts, *(text for axes in figure.axes for text in [*axes.texts, axes.title])]
    for text in texts:
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height:
                return True
    return False
