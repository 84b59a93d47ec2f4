"""Sphinx directive ``optimizer-figure``: optimizers as paths on a loss surface, live on the page.

The figure itself is ``_static/optimizer-figure.js``. This extension writes the element the script
looks for, and a picture of the same paths for print, for readers without scripts and for other
builders. All paths of the picture come from the reference implementations; windows are read from
the table in ``_static/optimizer-rules.js``, and colours, dashes and markers from the one in
``_static/figures/styles.js``, so each is written once.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import math
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from torch import Tensor

__all__ = ["STYLES", "SURFACES", "VIEWS", "Settings", "draw", "setup", "trajectory"]

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve()
STATIC = HERE.parent.parent / "_static"
RULES_FILE = STATIC / "optimizer-rules.js"
STYLES_FILE = STATIC / "figures" / "styles.js"
MOST_STEPS = 500


def _table(file: Path, name: str) -> dict[str, dict[str, Any]]:
    """Read a JSON table of a script."""
    found = re.search(
        rf"^export const {name} = (\{{.*?^\}});",
        file.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        raise ValueError(
            f"{file.name} has no table {name}: expected a line 'export const {name} = {{'"
        )
    table: dict[str, dict[str, Any]] = json.loads(found[1])
    return table


VIEWS = _table(RULES_FILE, "VIEWS")
STYLES = _table(STYLES_FILE, "STYLES")

#: The surfaces for torch, so that the reference rules get their gradients from autograd. The script
#: holds them with gradients by hand; a test compares both.
SURFACES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "valley": lambda x, y: 0.5 * (x**2 + 40 * y**2),
    "tilted": lambda x, y: 0.25 * ((x + y) ** 2 + 40 * (y - x) ** 2),
    "saddle": lambda x, y: 0.5 * x**2 - 0.5 * y**2 + 0.25 * y**4,
    "beale": lambda x, y: (
        (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2
    ),
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "plateau": lambda x, y: 1 - (-0.5 * (x**2 + 4 * y**2)).exp(),
}


@dataclass(frozen=True)
class Settings:
    """What an author sets; ``rates`` holds the learning rates of methods with one of their own.

    ``eps`` is None where each rule has its own ε. ``warm`` starts RMSProp's mean at the first g².
    ``shown`` are the methods that the picture and the figure show at first; all if it is empty.
    """

    surface: str = "valley"
    methods: tuple[str, ...] = ("gd", "momentum")
    shown: tuple[str, ...] = ()
    start: tuple[float, float] = (0.0, 0.0)
    steps: int = 60
    alpha: float = 0.01
    rates: dict[str, float] = field(default_factory=dict)
    mu: float = 0.9
    gamma: float = 0.9
    gamma1: float = 0.9
    gamma2: float = 0.999
    eps: float | None = None
    correct: bool = True
    warm: bool = False
    minus: float = 0.5
    plus: float = 1.2
    norm: float = 1.0
    damping: float = 0.0
    decay: float = 0.1
    noise: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", self.shown or self.methods)


# ---- paths by the reference implementations ------------------------------------------------------


def _reference() -> Any:
    """Import the course's reference rules, also where the package itself is not installed."""
    try:
        import autograder.reference as reference
    except ModuleNotFoundError as missing:
        if missing.name not in ("autograder", "autograder.reference"):
            raise
        sys.path.append(str(HERE.parents[2]))
        import autograder.reference as reference
    return reference


Gradient = Callable[["Tensor"], "Tensor"]


def _iterates(
    method: str, theta: Tensor, f: Gradient, g: Gradient, s: Settings
) -> Iterator[Tensor]:
    """θ after each update of a rule; ``g`` gives gradients of the loss ``f``, with any noise."""
    import torch

    ref = _reference()
    rate = s.rates.get(method, s.alpha)
    zero = torch.zeros_like(theta)
    betas = (rate, s.gamma1, s.gamma2)

    def eps(own: float) -> float:
        return own if s.eps is None else s.eps

    def count() -> Iterator[float]:  # what a correction takes for the number of the update
        return itertools.count(1) if s.correct else itertools.repeat(math.inf)

    if method in ("gd", "sgd"):
        while True:
            yield (theta := ref.sgd_step(theta, g(theta), rate))
    elif method == "clip":
        while True:
            yield (theta := ref.sgd_step(theta, ref.clip_by_norm(g(theta), s.norm), rate))
    elif method == "manhattan":
        while True:
            yield (theta := ref.manhattan_step(theta, rate, g(theta)))
    elif method == "newton":
        while True:
            hessian = torch.autograd.functional.hessian(f, theta)
            try:
                theta = ref.newton_step(theta, g(theta), hessian, s.damping)
            except torch.linalg.LinAlgError:  # no step there: the path ends
                theta = torch.full_like(theta, math.nan)
            yield theta
    elif method == "momentum":
        v = zero
        while True:
            theta, v = ref.momentum_step(theta, v, g(theta), rate, s.mu)
            yield theta
    elif method == "nag":
        v = zero
        while True:
            ahead = ref.nag_lookahead(theta, v, s.mu)
            theta, v = ref.nag_step(theta, v, g(ahead), rate, s.mu)
            yield theta
    elif method == "rprop":
        delta, before = zero + rate, zero
        while True:
            theta, delta, before = ref.rprop_step(theta, delta, g(theta), before, s.minus, s.plus)
            yield theta
    elif method == "adagrad":
        r = zero
        while True:
            theta, r = ref.adagrad_step(theta, r, g(theta), rate, eps(1e-10))
            yield theta
    elif method == "rmsprop":
        r = g(theta) ** 2 if s.warm else zero
        while True:
            theta, r = ref.rmsprop_step(theta, r, g(theta), rate, s.gamma, eps(1e-8))
            yield theta
    elif method == "rmsprop-nesterov":
        v, r = zero, g(theta) ** 2 if s.warm else zero
        while True:
            ahead = ref.nag_lookahead(theta, v, s.mu)
            theta, v, r = ref.rmsprop_nesterov_step(
                theta, v, r, g(ahead), rate, s.mu, s.gamma, eps(1e-8)
            )
            yield theta
    elif method == "adadelta":
        r = p = zero
        while True:
            theta, r, p = ref.adadelta_step(theta, r, p, g(theta), 1.0, s.gamma, s.gamma, eps(1e-6))
            yield theta
    elif method == "amsgrad":
        r = p = p_max = zero
        for t in count():
            theta, r, p, p_max = ref.amsgrad_step(
                theta, r, p, p_max, g(theta), t, *betas, eps(1e-8)
            )
            yield theta
    elif method in ("adam", "adamw", "adamax"):
        r = p = zero
        more = (s.decay,) if method == "adamw" else ()
        step = getattr(ref, f"{method}_step")
        for t in count():
            theta, r, p = step(theta, r, p, g(theta), t, *betas, eps(1e-8), *more)
            yield theta
    else:
        raise ValueError(f"no reference implementation for '{method}'")


def normals(seed: int) -> Iterator[float]:
    """Standard normal numbers, the same as the script's: mulberry32, then Box-Muller.

    A picture whose noise differs from the live figure's would belie the page's text.
    """
    state = seed

    def uniform() -> float:
        nonlocal state
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        z = ((state ^ (state >> 15)) * (1 | state)) & 0xFFFFFFFF
        z ^= (z + (((z ^ (z >> 7)) * (61 | z)) & 0xFFFFFFFF)) & 0xFFFFFFFF
        return (z ^ (z >> 14)) / 2**32

    while True:
        radius = math.sqrt(-2 * math.log(1 - uniform()))
        yield radius * math.cos(2 * math.pi * uniform())


def trajectory(method: str, settings: Settings) -> tuple[list[tuple[float, float]], int | None]:
    """The path of one method, from its start on.

    Returns the points for t = 0, 1, ... and, where the run diverged (a value that is not finite, or
    100 windows away), the step at which it did; the points stop before that step.
    """
    import torch

    f = SURFACES[settings.surface]
    x0, x1 = VIEWS[settings.surface]["window"][:2]
    noise = normals(settings.seed)

    def gradient(at: Tensor) -> Tensor:
        point = at.detach().clone().requires_grad_(True)
        (g,) = torch.autograd.grad(f(point[0], point[1]), point)
        if method == "sgd" and settings.noise > 0:
            draws = torch.tensor([next(noise), next(noise)], dtype=torch.float64)
            g = g + settings.noise * draws
        return g

    start = torch.tensor(settings.start, dtype=torch.float64)
    path = _iterates(method, start, lambda at: f(at[0], at[1]), gradient, settings)
    points = [settings.start]
    for t, theta in enumerate(itertools.islice(path, settings.steps), start=1):
        if not bool((theta.abs() <= 100 * (x1 - x0)).all()):
            return points, t
        points.append((float(theta[0]), float(theta[1])))
    return points, None


def _loss(surface: str, point: tuple[float, float]) -> float:
    import torch

    x, y = torch.tensor(point, dtype=torch.float64)
    return float(SURFACES[surface](x, y))


SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(z: float) -> str:
    """Write a number as the script does: 0.0620, 1,310, −3.14 × 10⁻⁷."""
    if z == 0 or not math.isfinite(z):
        return {0.0: "0", math.inf: "∞", -math.inf: "−∞"}.get(z, "not a number")
    factor, e = f"{z:.2e}".split("e")
    power = int(e)
    if -4 < power < 5:
        return f"{float(f'{factor}e{e}'):,.{max(0, 2 - power)}f}".replace("-", "−")
    return f"{factor} × 10{str(power).translate(SUPERSCRIPT)}".replace("-", "−")


# ---- the picture ---------------------------------------------------------------------------------

MARKERS: dict[str, Any] = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "hexagon": "H",
    "pentagon": "p",
    "down": "v",
    "left": "<",
    "right": ">",
    "star": "*",
    "plus": "P",
    "cross": "X",
    "octagon": "8",
    "thin": "d",
    "star4": (4, 1, 0),
    "star6": (6, 1, 0),
}


def draw(settings: Settings, path: Path) -> str:
    """Write the static picture (PNG) to ``path``; return a sentence that says what it shows."""
    import torch
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from PIL import Image

    view = VIEWS[settings.surface]
    x0, x1, y0, y1 = view["window"]
    x, y = torch.meshgrid(
        torch.linspace(x0, x1, 321, dtype=torch.float64),
        torch.linspace(y0, y1, 241, dtype=torch.float64),
        indexing="xy",
    )
    height = (SURFACES[settings.surface](x, y) - view["lowest"]).clamp(min=0) ** view["power"]

    figure = Figure(figsize=(7.2, 6.2), layout="constrained")
    axes = figure.add_subplot()
    levels = [float(height.max()) * k / 14 for k in range(15)]
    blue = LinearSegmentedColormap.from_list("bands", ["#cbd8e3", "#f9fbfc"])
    grid = (x.numpy(), y.numpy(), height.numpy())
    axes.contourf(*grid, levels=levels, cmap=blue)
    axes.contour(*grid, levels=levels[1:], colors="#b4c3d0", linewidths=0.6)
    for minimum in view["minima"]:
        axes.plot(*minimum, "+", color="#33414d", markersize=9)
    said = []
    for method in settings.shown:
        points, diverged = trajectory(method, settings)
        look = STYLES[method]
        loss = _loss(settings.surface, points[-1])
        end = f"loss {number(loss)}" if diverged is None else f"diverged at step {diverged}"
        said.append(f"{look['label']} {end}")
        # matplotlib counts dashes in line widths, the script in pixels
        dashes: dict[str, Any] = (
            {"dashes": [d / 2.25 for d in look["dash"]]} if look["dash"] else {}
        )
        axes.plot(
            *zip(*points, strict=True),
            color=look["light"],
            linewidth=1.8,
            marker=MARKERS[look["marker"]],
            markevery=[len(points) - 1],
            markersize=8,
            label=f"{look['label']}: {end}",
            **dashes,
        )
    axes.plot(
        *settings.start, "o", markersize=10, markerfacecolor="white", markeredgecolor="#1d2730"
    )
    axes.set(xlim=(x0, x1), ylim=(y0, y1), aspect="equal", xlabel="$θ_1$", ylabel="$θ_2$")
    for side in axes.spines.values():
        side.set_color("#9aa9b6")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, handlelength=4)
    # Builds run several readers at once: the file appears whole or not at all.
    path.parent.mkdir(parents=True, exist_ok=True)
    full = io.BytesIO()
    figure.savefig(full, dpi=150, metadata={"Software": None})
    handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".png")
    with os.fdopen(handle, "wb") as file:  # 256 colours look the same and weigh half
        Image.open(full).convert("RGB").quantize(256).save(file, "PNG", optimize=True)
    Path(unfinished).chmod(0o644)
    Path(unfinished).replace(path)
    return (
        f"Contours of the surface “{view['label']}” with the paths of optimizers from "
        f"({settings.start[0]:g}, {settings.start[1]:g}) after {settings.steps} steps: "
        f"{'; '.join(said)}."
    )


# ---- options -------------------------------------------------------------------------------------


def _known(name: str, table: Sequence[str] | dict[str, Any], what: str) -> str:
    if name not in table:
        raise ValueError(f"unknown {what} '{name}'; known: {', '.join(table)}")
    return name


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"{what} is '{text}'; expected a number from {low:g} to {high:g}")
    return value


def _words(argument: str | None, what: str) -> list[str]:
    words = (argument or "").replace(",", " ").split()
    if not words:
        raise ValueError(f"{what} is empty")
    return words


def _surface(argument: str | None) -> str:
    return _known((argument or "").strip(), VIEWS, "surface")


def _methods(argument: str | None) -> tuple[str, ...]:
    methods = tuple(
        _known(word, STYLES, "method") for word in _words(argument, "the list of methods")
    )
    if len(set(methods)) != len(methods):
        raise ValueError(f"a method is named twice in '{argument}'")
    return methods


def _rates(argument: str | None) -> dict[str, float]:
    """'0.02 adam=0.1' becomes {"": 0.02, "adam": 0.1}."""
    rates: dict[str, float] = {}
    for word in _words(argument, "the learning rate"):
        method, _, value = word.rpartition("=")
        if method:
            _known(method, STYLES, "method")
        if method in rates:
            raise ValueError(f"two learning rates for {method or 'all methods'} in '{argument}'")
        rates[method] = _number(value, 1e-4, 3.0, "the learning rate")
    return rates


def _pair(argument: str | None) -> tuple[float, float]:
    words = _words(argument, "the pair of numbers")
    if len(words) != 2:
        raise ValueError(f"expected two numbers, found '{argument}'")
    first, second = (_number(word, -1e6, 1e6, "the value") for word in words)
    return first, second


def _decays(argument: str | None) -> tuple[float, float]:
    first, second = _pair(argument)
    return _number(str(first), 0, 0.99, "γ₁"), _number(str(second), 0.5, 0.999, "γ₂")


def _etas(argument: str | None) -> tuple[float, float]:
    minus, plus = _pair(argument)
    return _number(str(minus), 0.1, 1, "η⁻"), _number(str(plus), 1, 2, "η⁺")


def _switch(argument: str | None) -> bool:
    return directives.choice(argument, ("on", "off")) == "on"


def _whole(low: int, high: int, what: str) -> Callable[[str | None], int]:
    def convert(argument: str | None) -> int:
        text = (argument or "").strip()
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"{what} is '{text}'; expected a whole number from {low} to {high}")
        return int(text)

    return convert


def _between(low: float, high: float, what: str) -> Callable[[str | None], float]:
    return lambda argument: _number((argument or "").strip(), low, high, what)


# ---- the directive -------------------------------------------------------------------------------


class optimizer_mount(nodes.General, nodes.Element):  # type: ignore[misc]
    """Where the script builds the figure; empty on the page as written."""


class OptimizerFigure(SphinxDirective):
    """A figure with its caption as content; see the options below for what an author can set."""

    has_content = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = {
        "surface": _surface,
        "methods": _methods,
        "shown": _methods,
        "learning-rate": _rates,
        "momentum": _between(0, 0.99, "the momentum"),
        "decay": _between(0.5, 0.999, "the decay"),
        "decays": _decays,
        "epsilon": _between(1e-10, 10, "ε"),
        "etas": _etas,
        "correction": _switch,
        "warm-start": _switch,
        "max-norm": _between(0.01, 1000, "the longest gradient"),
        "damping": _between(0, 50, "the damping"),
        "weight-decay": _between(0, 5, "the weight decay"),
        "noise": _between(0, 1e6, "the noise"),
        "seed": _whole(0, 2**32 - 1, "the seed"),
        "start": _pair,
        "steps": _whole(1, MOST_STEPS, "the number of steps"),
        "alt": directives.unchanged,
        "name": directives.unchanged,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        try:
            settings = self.settings()
            caption = self.caption()
        except ValueError as problem:
            logger.warning("optimizer-figure: %s", problem, location=self.get_location())
            return []

        sources = (HERE, RULES_FILE, STYLES_FILE)
        code = b"".join(source.read_bytes() for source in sources)
        key = hashlib.sha256(code + json.dumps(asdict(settings)).encode()).hexdigest()[:16]
        picture = Path(self.env.doctreedir) / "optimizer_figures" / f"optimizers-{key}.png"
        words = picture.with_suffix(".txt")
        if not (picture.exists() and words.exists()):
            words.parent.mkdir(parents=True, exist_ok=True)
            words.write_text(draw(settings, picture), "utf-8")
        for source in sources:
            self.env.note_dependency(str(source))

        # Sphinx finds images by a path relative to the source folder, wherever they lie.
        uri = "/" + Path(os.path.relpath(picture, self.env.srcdir)).as_posix()
        alt = " ".join(self.options.get("alt", "").split()) or words.read_text("utf-8")
        figure = nodes.figure(
            "", nodes.image(uri=uri, alt=alt), optimizer_mount(data=asdict(settings))
        )
        figure += caption
        figure["classes"] += ["live-figure", *self.options.get("class", [])]
        self.set_source_info(figure)
        self.add_name(figure)
        return [figure]

    def settings(self) -> Settings:
        """All settings, the surface's defaults filled in; ValueError where two do not fit."""
        options = self.options
        surface = options.get("surface", "valley")
        view = VIEWS[surface]
        methods = options.get("methods", Settings.methods)
        rates = dict(options.get("learning-rate", {}))
        alpha = rates.pop("", view["alpha"])
        shown = options.get("shown", ())
        for method in shown:
            if method not in methods:
                raise ValueError(f"'{method}' is to be shown, which is not among the methods")
        for method in rates:
            if method not in methods:
                raise ValueError(f"a learning rate for '{method}', which is not among the methods")
            if method in ("adadelta", "newton"):
                raise ValueError(f"{STYLES[method]['label']} has no learning rate")
        start = options.get("start", tuple(view["start"]))
        x0, x1, y0, y1 = view["window"]
        if not (x0 <= start[0] <= x1 and y0 <= start[1] <= y1):
            raise ValueError(
                f"start {start[0]:g} {start[1]:g} lies outside the window of '{surface}', "
                f"which is {x0:g} to {x1:g} by {y0:g} to {y1:g}"
            )
        gamma1, gamma2 = options.get("decays", (Settings.gamma1, Settings.gamma2))
        minus, plus = options.get("etas", (Settings.minus, Settings.plus))
        return Settings(
            surface=surface,
            methods=methods,
            shown=shown,
            start=start,
            steps=options.get("steps", Settings.steps),
            alpha=alpha,
            rates=rates,
            mu=options.get("momentum", Settings.mu),
            gamma=options.get("decay", Settings.gamma),
            gamma1=gamma1,
            gamma2=gamma2,
            eps=options.get("epsilon", Settings.eps),
            correct=options.get("correction", Settings.correct),
            warm=options.get("warm-start", Settings.warm),
            minus=minus,
            plus=plus,
            norm=options.get("max-norm", Settings.norm),
            damping=options.get("damping", Settings.damping),
            decay=options.get("weight-decay", Settings.decay),
            noise=options.get("noise", view["noise"]),
            seed=options.get("seed", Settings.seed),
        )

    def caption(self) -> nodes.caption:
        parsed = nodes.Element()
        self.state.nested_parse(self.content, self.content_offset, parsed)
        # A paragraph of problems is the parser's own report; it reaches the log by itself.
        content = [node for node in parsed if not isinstance(node, nodes.system_message)]
        if len(content) != 1 or not isinstance(content[0], nodes.paragraph):
            raise ValueError(
                f"expected a caption of one paragraph as content, found {len(content)} blocks"
            )
        paragraph = content[0]
        caption = nodes.caption(paragraph.rawsource, "", *paragraph.children)
        caption.source, caption.line = paragraph.source, paragraph.line
        return caption


def _visit_html(translator: Any, node: optimizer_mount) -> None:
    if translator.builder.format == "html" and translator.builder.name != "epub":
        data = json.dumps(node["data"], separators=(",", ":"))
        attributes = {"data-optimizer-figure": data}
        translator.body.append(translator.starttag(node, "div", "", **attributes) + "</div>\n")
    raise nodes.SkipNode


def _skip(_translator: Any, _node: optimizer_mount) -> None:
    raise nodes.SkipNode


def _load(app: Sphinx, _page: str, _template: str, _context: dict[str, Any], doctree: Any) -> None:
    """Load script and style only on pages that hold a figure."""
    if doctree is not None and next(doctree.findall(optimizer_mount), None) is not None:
        app.add_css_file("figures/core.css")
        app.add_js_file("optimizer-figure.js", type="module")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive. The folder with script and style must be in ``html_static_path``."""
    skip = (_skip, None)
    app.add_node(
        optimizer_mount, html=(_visit_html, None), latex=skip, text=skip, man=skip, texinfo=skip
    )
    app.add_directive("optimizer-figure", OptimizerFigure)
    app.connect("html-page-context", _load)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
