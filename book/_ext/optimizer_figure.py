"""Sphinx directive ``optimizer-figure``: optimizers as paths on a loss surface, live on the page.

The figure itself is ``_static/optimizer-figure.js``. This extension writes the element the script
looks for, and a picture of the same paths for print, for readers without scripts and for other
builders. The paths of the picture come from the PyTorch reference implementations; windows,
colours, dashes and markers are read from the two JSON tables in ``_static/optimizer-rules.js``, so
each is written once.
"""

from __future__ import annotations

import hashlib
import io
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
RULES_FILE = HERE.parent.parent / "_static" / "optimizer-rules.js"
MOST_STEPS = 500


def _table(name: str) -> dict[str, dict[str, Any]]:
    """Read one of the JSON tables of the script."""
    found = re.search(
        rf"^export const {name} = (\{{.*?^\}});",
        RULES_FILE.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    if found is None:
        raise ValueError(
            f"{RULES_FILE.name} has no table {name}: expected a line 'export const {name} = {{'"
        )
    table: dict[str, dict[str, Any]] = json.loads(found[1])
    return table


VIEWS = _table("VIEWS")
STYLES = _table("STYLES")

#: The surfaces for torch, so that the reference rules get their gradients from autograd. The script
#: holds them with gradients by hand; a test compares both.
SURFACES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "valley": lambda x, y: 0.5 * (x**2 + 40 * y**2),
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
    """What an author sets; ``rates`` holds the learning rates of methods with one of their own."""

    surface: str = "valley"
    methods: tuple[str, ...] = ("gd", "momentum")
    start: tuple[float, float] = (0.0, 0.0)
    steps: int = 60
    alpha: float = 0.01
    rates: dict[str, float] = field(default_factory=dict)
    mu: float = 0.9
    gamma: float = 0.9
    gamma1: float = 0.9
    gamma2: float = 0.999
    noise: float = 0.0
    seed: int = 1


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


def _stepper(
    method: str, theta: Tensor, gradient: Callable[[Tensor], Tensor], s: Settings
) -> Callable[[], Tensor]:
    """A function that makes one more update at each call and returns the new parameters."""
    import torch

    rate = s.rates.get(method, s.alpha)
    velocity = torch.zeros_like(theta)

    if method in ("gd", "sgd", "momentum", "nag"):
        reference = _reference()

        def step() -> Tensor:
            nonlocal theta, velocity
            if method == "momentum":
                theta, velocity = reference.momentum_step(
                    theta, velocity, gradient(theta), rate, s.mu
                )
            elif method == "nag":
                ahead = reference.nag_lookahead(theta, velocity, s.mu)
                theta, velocity = reference.nag_step(theta, velocity, gradient(ahead), rate, s.mu)
            else:
                theta = reference.sgd_step(theta, gradient(theta), rate)
            return theta

        return step

    if method == "rmsprop-nesterov":  # not in torch.optim (Goodfellow et al., algorithm 8.6)
        mean_square = torch.zeros_like(theta)

        def nesterov() -> Tensor:
            nonlocal theta, velocity, mean_square
            g = gradient(theta - s.mu * velocity)
            mean_square = s.gamma * mean_square + (1 - s.gamma) * g**2
            velocity = s.mu * velocity + rate * g / (mean_square.sqrt() + 1e-8)
            theta = theta - velocity
            return theta

        return nesterov

    parameter = theta.clone()
    betas = (s.gamma1, s.gamma2)
    make: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "rprop": lambda: torch.optim.Rprop([parameter], lr=rate),
        "adagrad": lambda: torch.optim.Adagrad([parameter], lr=rate, eps=1e-10),
        "rmsprop": lambda: torch.optim.RMSprop([parameter], lr=rate, alpha=s.gamma, eps=1e-8),
        "adadelta": lambda: torch.optim.Adadelta([parameter], lr=1.0, rho=s.gamma, eps=1e-6),
        "adam": lambda: torch.optim.Adam([parameter], lr=rate, betas=betas, eps=1e-8),
        "adamax": lambda: torch.optim.Adamax([parameter], lr=rate, betas=betas, eps=1e-8),
    }
    optimizer = make[method]()

    def library() -> Tensor:
        parameter.grad = gradient(parameter)
        optimizer.step()
        return parameter.clone()

    return library


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

    theta = torch.tensor(settings.start, dtype=torch.float64)
    step = _stepper(method, theta, gradient, settings)
    points = [settings.start]
    for t in range(1, settings.steps + 1):
        theta = step()
        if not bool((theta.abs() <= 100 * (x1 - x0)).all()):
            return points, t
        points.append((float(theta[0]), float(theta[1])))
    return points, None


def _loss(surface: str, point: tuple[float, float]) -> float:
    import torch

    x, y = torch.tensor(point, dtype=torch.float64)
    return float(SURFACES[surface](x, y))


# ---- the picture ---------------------------------------------------------------------------------

MARKERS = {
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
    for method in settings.methods:
        points, diverged = trajectory(method, settings)
        look = STYLES[method]
        loss = _loss(settings.surface, points[-1])
        end = (
            f"loss {loss:.3g}".replace("-", "−")
            if diverged is None
            else f"diverged at step {diverged}"
        )
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
        "learning-rate": _rates,
        "momentum": _between(0, 0.99, "the momentum"),
        "decay": _between(0.5, 0.999, "the decay"),
        "decays": _decays,
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

        code = HERE.read_bytes() + RULES_FILE.read_bytes()
        key = hashlib.sha256(code + json.dumps(asdict(settings)).encode()).hexdigest()[:16]
        picture = Path(self.env.doctreedir) / "optimizer_figures" / f"optimizers-{key}.png"
        words = picture.with_suffix(".txt")
        if not (picture.exists() and words.exists()):
            words.parent.mkdir(parents=True, exist_ok=True)
            words.write_text(draw(settings, picture), "utf-8")
        for source in (HERE, RULES_FILE):
            self.env.note_dependency(str(source))

        # Sphinx finds images by a path relative to the source folder, wherever they lie.
        uri = "/" + Path(os.path.relpath(picture, self.env.srcdir)).as_posix()
        alt = " ".join(self.options.get("alt", "").split()) or words.read_text("utf-8")
        figure = nodes.figure(
            "", nodes.image(uri=uri, alt=alt), optimizer_mount(data=asdict(settings))
        )
        figure += caption
        figure["classes"] += ["optfig", *self.options.get("class", [])]
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
        for method in rates:
            if method not in methods:
                raise ValueError(f"a learning rate for '{method}', which is not among the methods")
            if method == "adadelta":
                raise ValueError("AdaDelta has no learning rate")
        start = options.get("start", tuple(view["start"]))
        x0, x1, y0, y1 = view["window"]
        if not (x0 <= start[0] <= x1 and y0 <= start[1] <= y1):
            raise ValueError(
                f"start {start[0]:g} {start[1]:g} lies outside the window of '{surface}', "
                f"which is {x0:g} to {x1:g} by {y0:g} to {y1:g}"
            )
        gamma1, gamma2 = options.get("decays", (Settings.gamma1, Settings.gamma2))
        return Settings(
            surface=surface,
            methods=methods,
            start=start,
            steps=options.get("steps", Settings.steps),
            alpha=alpha,
            rates=rates,
            mu=options.get("momentum", Settings.mu),
            gamma=options.get("decay", Settings.gamma),
            gamma1=gamma1,
            gamma2=gamma2,
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
        app.add_css_file("optimizer-figure.css")
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
