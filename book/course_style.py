"""The look of every figure in the book.

A figure is drawn with matplotlib and put into the page as inline SVG whose texts and axes take the
colour of the page's text, so that it reads equally well on a light and on a dark background. Each
method has one colour and one dash pattern, the same on every page.
"""

import html
import io
import json
import math
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

INK = "#010203"  # stands for the page's text colour until the SVG is written
PANEL = (4.2, 3.1)  # inches; alone in the column
HALF = (3.35, 2.95)  # beside another: smaller, so that its letters stay as large


def _looks(name: str):
    """Read a table of colours and dashes from the live figures' module, its only home."""
    module = Path(__file__).parent / "_static" / "figures" / "styles.js"
    source = module.read_text(encoding="utf-8")
    found = re.search(rf"export const {name} = ([\[{{].*?^[\]}}]);", source, flags=re.S | re.M)
    return json.loads(found.group(1))


METHODS = _looks("STYLES")
# For curves that are not methods: colour on a light page, on a dark page, dash in CSS pixels.
SERIES = tuple((look["light"], look["dark"], tuple(look["dash"])) for look in _looks("SERIES"))
# Each colour pair gets a placeholder that becomes a CSS variable in the written SVG.
PAIRS = {
    **{name: (look["light"], look["dark"]) for name, look in METHODS.items()},
    **{f"series{i}": pair[:2] for i, pair in enumerate(SERIES)},
}
PLACEHOLDER = {name: f"#0103{i:02x}" for i, name in enumerate(PAIRS, start=16)}

mpl.rcParams.update(
    {
        "figure.figsize": PANEL,
        "figure.constrained_layout.use": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "font.size": 9.5,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#808080",
        "grid.alpha": 0.22,
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.8,
        "svg.fonttype": "none",
    }
)


def _dash(pattern) -> object:
    """Turn a dash in CSS pixels at two pixels' width into matplotlib's multiples of the width."""
    return (0, tuple(length / 2 for length in pattern)) if pattern else "solid"


def style(method: str) -> dict:
    """Keyword arguments for ``Axes.plot``: label, colour and dash of a method."""
    look = METHODS[method]
    return {
        "label": look["label"],
        "color": PLACEHOLDER[method],
        "linestyle": _dash(look["dash"]),
    }


def series(index: int) -> dict:
    """Colour and dash number ``index`` for a curve that is not a method."""
    index %= len(SERIES)
    return {"color": PLACEHOLDER[f"series{index}"], "linestyle": _dash(SERIES[index][2])}


def panel(title: str, xlabel: str, ylabel: str):
    """Return a figure and its axes, titled and labelled."""
    figure, axes = plt.subplots()
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def _svg(figure, name: str, alt: str) -> str:
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = text.replace(INK, "currentColor")
    for key, placeholder in PLACEHOLDER.items():
        text = text.replace(placeholder, f"var(--{key})")
    # matplotlib's style rule is meant for its own picture, not for the page around it.
    text = text.replace("*{stroke-linejoin", ".course-panel *{stroke-linejoin")
    # Several figures share a page: make their ids differ.
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r'(<svg[^>]*?) width="[^"]+"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]+"', r"\1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(alt)}" ', 1)


class Shown:
    """One or more panels side by side (stacked on a narrow screen) with a caption."""

    def __init__(self, markup: str, text: str):
        self.markup, self.text = markup, text

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/html": self.markup, "text/plain": self.text}


def show(name: str, caption: str, *panels) -> Shown:
    """Return ``panels``, pairs of (figure, text alternative), as one captioned figure.

    ``name`` identifies the figure on its page; ``caption`` may hold HTML.
    """
    return _figure(name, caption, panels)


def live(name: str, caption: str, settings: dict, *panels, id: str | None = None) -> Shown:
    """Return a figure that becomes live on the page, by the module ``_static/figures/NAME.js``.

    ``settings`` reach the module as JSON. ``panels``, pairs of (figure, text alternative), are the
    static picture for print and for readers without scripts: draw the same with values computed by
    ``autograder.reference``. ``id`` tells two figures of one module on one page apart.
    """
    data = html.escape(json.dumps(settings, ensure_ascii=False, allow_nan=False))
    attributes = f' data-figure="{html.escape(name)}" data-settings="{data}"'
    return _figure(id or name, caption, panels, attributes)


def _figure(name: str, caption: str, panels, attributes: str = "") -> Shown:
    for figure, _ in panels if len(panels) > 1 else ():
        figure.set_size_inches(*HALF)
    drawings = "".join(
        f'<div class="course-panel">{_svg(figure, f"{name}-{i}", alt)}</div>'
        for i, (figure, alt) in enumerate(panels)
    )
    light = "".join(f"--{key}:{pair[0]};" for key, pair in PAIRS.items() if f"--{key})" in drawings)
    dark = "".join(f"--{key}:{pair[1]};" for key, pair in PAIRS.items() if f"--{key})" in drawings)
    colours = f"#fig-{name}{{{light}}} html[data-theme=dark] #fig-{name}{{{dark}}}"
    markup = (
        f"<style>{colours}</style>"
        f'<figure class="course-figure{" live-figure" if attributes else ""}" id="fig-{name}"'
        f'{attributes}><div class="course-panels">{drawings}</div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
    return Shown(markup, " ".join(alt for _, alt in panels))


def table(head: list[str], rows: list[list[object]], caption: str = "") -> Shown:
    """Return a small table; numbers are aligned right."""

    def cell(value: object) -> str:
        plain = re.sub(r"</?b>", "", str(value))
        number = re.fullmatch(r"[<>≈(−-]?[\d.,%×±∞()⁻⁰¹²³⁴⁵⁶⁷⁸⁹ −]+(e[-+]?\d+)?", plain) is not None
        return f"<td{' class=number' if number else ''}>{value}</td>"

    body = "".join("<tr>" + "".join(cell(v) for v in row) + "</tr>" for row in rows)
    header = "".join(f'<th scope="col">{h}</th>' for h in head)
    title = f"<caption>{caption}</caption>" if caption else ""
    markup = (
        f'<div class="course-table"><table class="table">{title}<thead><tr>{header}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
    return Shown(markup, "\n".join("  ".join(str(v) for v in row) for row in [head, *rows]))


SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _minus(text: str) -> str:
    return text.replace("-", "−")


def sci(value: float, digits: int = 2) -> str:
    """Format a number for people with ``digits`` significant digits: 0.062, 1,310, 3.1 × 10⁻⁷."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "not a number"
    if value == 0:
        return "0"
    power = int(f"{abs(value):.{digits - 1}e}".split("e")[1])  # of the rounded value
    if -4 < power < 5:
        return _minus(f"{round(value, digits - 1 - power):,.{max(digits - 1 - power, 0)}f}")
    factor = _minus(f"{value / 10.0**power:.{digits - 1}f}")
    ten = "10" + str(power).translate(SUPERSCRIPT)
    return {"1": ten, "−1": f"−{ten}"}.get(factor, f"{factor} × {ten}")


def pm(mean: float, sd: float) -> str:
    """Format a mean with its spread, no digit finer than the spread: 0.097 ± 0.009.

    The spread has one significant digit, two if the first is a 1.
    """
    if not (math.isfinite(mean) and math.isfinite(sd)):
        return sci(mean)
    if sd <= 0:
        return sci(mean, 3)

    def last(scale: float) -> int:  # decimals that the spread leaves
        size = f"{sd / scale:.1e}"
        return (1 if size.startswith("1") else 0) - int(size.split("e")[1])

    power = int(f"{max(abs(mean), sd):.0e}".split("e")[1])
    scale = 1.0 if -4 < power < 5 else 10.0**power
    digits = last(scale)
    # adding zero makes a zero of minus zero
    a, b = (f"{round(z / scale, digits) + 0.0:,.{max(digits, 0)}f}" for z in (mean, sd))
    text = _minus(f"{a} ± {b}")
    return text if scale == 1.0 else f"({text}) × 10{str(power).translate(SUPERSCRIPT)}"
