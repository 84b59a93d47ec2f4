"""Numbers along an axis: a picture where a notebook shows HTML, a table everywhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

_WIDTH, _HEIGHT = 300, 200  # of a picture, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 290, 28, 160  # where its curve is drawn
_MOST = 1e100  # what is larger is not drawn, nor is what is no number
_FINE = 40  # so many points have a dot each
_CURVE = "#3b82c4"  # stands out on white and on black


class Curves:
    """A picture of each column over the first one, beside one another.

    It is drawn by nothing but a browser, so a cell that makes it costs no more than one that
    prints: it imports nothing. Text and axes have the colour of the text around them.
    """

    def __init__(self, columns: Mapping[str, Sequence[float]]) -> None:
        """``columns`` are numbers by their names: the axis first, then at least one curve.

        Raises ValueError if there are fewer than two, or they are not equally long.
        """
        self._columns = {str(name): [float(v) for v in column] for name, column in columns.items()}
        if len(self._columns) < 2 or len({*map(len, self._columns.values())}) > 1:
            raise ValueError("curves are two or more columns of the same length, the axis first")

    def __repr__(self) -> str:
        columns = [[name, *(format(v, ".4g") for v in c)] for name, c in self._columns.items()]
        widths = [max(map(len, column)) for column in columns]
        rows = zip(*columns, strict=True)
        return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)

    def _repr_html_(self) -> str:
        (across, xs), *curves = self._columns.items()
        return f"<div>{' '.join(_picture(across, xs, name, ys) for name, ys in curves)}</div>"


def _picture(across: str, xs: Sequence[float], name: str, ys: Sequence[float]) -> str:
    """An SVG of one curve."""
    drawn = [abs(x) < _MOST and abs(y) < _MOST for x, y in zip(xs, ys, strict=True)]
    points = [(x, y) for x, y, is_drawn in zip(xs, ys, drawn, strict=True) if is_drawn]
    x_ticks, y_ticks = (_ticks([point[axis] for point in points]) for axis in (0, 1))

    def right(x: float) -> str:
        return _number(_LEFT + (_RIGHT - _LEFT) * (x - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]))

    def down(y: float) -> str:
        return _number(_BOTTOM - (_BOTTOM - _TOP) * (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]))

    parts = [_text(_LEFT, 16, "start", name, weight="bold")]
    for y in y_ticks:
        opacity = 0.7 if y == 0 else 0.2
        parts.append(
            f'<path d="M{_LEFT} {down(y)}H{_RIGHT}" stroke="currentColor" opacity="{opacity}"/>'
        )
        parts.append(_text(_LEFT - 6, float(down(y)) + 4, "end", format(y, "g")))
    for x in x_ticks:
        parts.append(_text(right(x), _BOTTOM + 16, "middle", format(x, "g")))
    parts.append(_text((_LEFT + _RIGHT) / 2, _HEIGHT - 6, "middle", across))
    for is_drawn, run in groupby(zip(drawn, xs, ys, strict=True), key=lambda each: each[0]):
        if is_drawn:
            places = " ".join(f"{right(x)},{down(y)}" for _, x, y in run)
            parts.append(
                f'<polyline points="{places}" fill="none" stroke="{_CURVE}" stroke-width="2"/>'
            )
    if len(points) <= _FINE:
        parts += [
            f'<circle cx="{right(x)}" cy="{down(y)}" r="2.5" fill="{_CURVE}"/>' for x, y in points
        ]
    told = f"{name}: {points[0][1]:.4g} … {points[-1][1]:.4g}" if points else name
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers, evenly spaced, that reach from 0 over all values."""
    low, high = min([0.0, *values]), max([0.0, *values])
    if high - low < 1 / _MOST:
        high = low + 1
    size = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(size * k for k in (1, 2, 2.5, 5, 10, 20) if 4 * size * k >= high - low)
    return [k * step for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _text(x: float | str, y: float, anchor: str, said: str, weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{_number(y)}" text-anchor="{anchor}" font-size="12" '
        f'font-weight="{weight}" fill="currentColor">{escape(said)}</text>'
    )


def _number(value: float) -> str:
    return format(value, ".1f").removesuffix(".0")
