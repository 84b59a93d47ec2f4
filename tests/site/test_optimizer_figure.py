"""The interactive figure: rules against torch, directive, weight, and use in Chromium."""

from __future__ import annotations

import contextlib
import functools
import http.server
import importlib.util
import io
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
EXTENSION = ROOT / "book" / "_ext" / "optimizer_figure.py"
ASSETS = [STATIC / f"optimizer-{name}" for name in ("figure.js", "rules.js", "figure.css")]
CHROMIUM = shutil.which("chromium")
NODE = shutil.which("node")


def load_extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location("optimizer_figure", EXTENSION)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["optimizer_figure"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


figure = load_extension()
SURFACES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = figure.SURFACES

# ---- the rules, against torch.optim ---------------------------------------------------------

STEPS = 50
SEED = 7
H = {"mu": 0.9, "gamma": 0.9, "gamma1": 0.9, "gamma2": 0.999}
# Rates small enough that 50 steps converge: where a run is chaotic, rounding alone decides.
RATES = {
    "valley": 0.02,
    "saddle": 0.1,
    "beale": 0.002,
    "rosenbrock": 0.0003,
    "himmelblau": 0.003,
    "plateau": 0.2,
}


def optimizer(method: str, theta: torch.Tensor, rate: float) -> torch.optim.Optimizer | None:
    betas = (H["gamma1"], H["gamma2"])
    table: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "gd": lambda: torch.optim.SGD([theta], lr=rate),
        "sgd": lambda: torch.optim.SGD([theta], lr=rate),
        "momentum": lambda: torch.optim.SGD([theta], lr=rate, momentum=H["mu"]),
        "nag": lambda: torch.optim.SGD([theta], lr=rate, momentum=H["mu"], nesterov=True),
        "rprop": lambda: torch.optim.Rprop([theta], lr=rate),
        "adagrad": lambda: torch.optim.Adagrad([theta], lr=rate),
        "rmsprop": lambda: torch.optim.RMSprop([theta], lr=rate, alpha=H["gamma"]),
        "adadelta": lambda: torch.optim.Adadelta([theta], lr=1.0, rho=H["gamma"]),
        "adam": lambda: torch.optim.Adam([theta], lr=rate, betas=betas),
        "adamax": lambda: torch.optim.Adamax([theta], lr=rate, betas=betas),
    }
    return table[method]() if method in table else None


def gradient(surface: str, at: torch.Tensor) -> torch.Tensor:
    point = at.detach().clone().requires_grad_(True)
    return torch.autograd.grad(SURFACES[surface](point[0], point[1]), point)[0]


def expected(method: str, surface: str, noise: list[float]) -> torch.Tensor:
    """The iterates torch holds: y for NAG, θ for everything else."""
    rate = RATES[surface]
    theta = torch.tensor(figure.VIEWS[surface]["start"], dtype=torch.float64)
    iterates = [theta.clone()]
    stepper = optimizer(method, theta, rate)
    v, r = torch.zeros_like(theta), torch.zeros_like(theta)
    for t in range(STEPS):
        if stepper is not None:
            theta.grad = gradient(surface, theta)
            if method == "sgd":
                theta.grad += figure.VIEWS[surface]["noise"] * torch.tensor(
                    noise[2 * t : 2 * t + 2], dtype=torch.float64
                )
            stepper.step()
        else:  # RMSProp with Nesterov momentum is not in torch.optim
            assert method == "rmsprop-nesterov"
            g = gradient(surface, theta - H["mu"] * v)
            r = H["gamma"] * r + (1 - H["gamma"]) * g**2
            v = H["mu"] * v + rate * g / (r.sqrt() + 1e-8)
            theta = theta - v
        iterates.append(theta.clone())
    return torch.stack(iterates)


CASES = [(method, surface) for method in figure.STYLES for surface in figure.VIEWS]


def grid(surface: str) -> list[list[float]]:
    x0, x1, y0, y1 = figure.VIEWS[surface]["window"]
    return [[x0 + (x1 - x0) * i / 6, y0 + (y1 - y0) * j / 6] for i in range(7) for j in range(7)]


POINTS = [{"surface": surface, "at": at} for surface in figure.VIEWS for at in grid(surface)]


@pytest.fixture(scope="module")
def node() -> dict[str, Any]:
    """What the script computes: one run of Node for all comparisons."""
    if NODE is None:
        pytest.skip("Node is not installed: the figure's rules cannot run outside a browser")
    job = {
        "seed": SEED,
        "normals": 2 * STEPS,
        "points": POINTS,
        "runs": [
            {
                "method": method,
                "surface": surface,
                "start": figure.VIEWS[surface]["start"],
                "h": {**H, "alpha": RATES[surface], "noise": figure.VIEWS[surface]["noise"]},
                "steps": STEPS,
            }
            for method, surface in CASES
        ]
        + [
            {
                "method": "gd",
                "surface": "valley",
                "start": [-1.6, 1.2],
                "h": {"alpha": 0.1},
                "steps": STEPS,
            }
        ],
    }
    script = Path(__file__).with_name("optimizer_rules.mjs")
    done = subprocess.run(
        [NODE, script, ASSETS[1]],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_rule_and_surface_has_its_table_entry(node: dict[str, Any]) -> None:
    assert node["rules"] == list(figure.STYLES)
    assert node["surfaces"] == node["views"] == list(SURFACES) == list(figure.VIEWS)


@pytest.mark.parametrize(("method", "surface"), CASES)
def test_rule_agrees_with_torch(node: dict[str, Any], method: str, surface: str) -> None:
    answer = node["runs"][CASES.index((method, surface))]
    assert answer["diverged"] is None
    found = torch.tensor(answer["ahead" if method == "nag" else "theta"], dtype=torch.float64)
    assert found.shape == (STEPS + 1, 2)
    assert found.isfinite().all()
    assert (found[-1] - found[0]).norm() > 1e-3, "a path that stands still proves nothing"
    torch.testing.assert_close(found, expected(method, surface, node["normals"]), rtol=0, atol=1e-9)


def test_surfaces_and_gradients_agree_with_autograd(node: dict[str, Any]) -> None:
    for point, found in zip(POINTS, node["values"], strict=True):
        surface, at = str(point["surface"]), torch.tensor(point["at"], dtype=torch.float64)
        f = SURFACES[surface](at[0], at[1])
        torch.testing.assert_close(
            torch.tensor(found["f"], dtype=torch.float64), f, rtol=1e-12, atol=1e-9
        )
        g = torch.tensor(found["grad"], dtype=torch.float64)
        torch.testing.assert_close(g, gradient(surface, at), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("surface", figure.VIEWS)
def test_minima_are_minima(surface: str) -> None:
    view = figure.VIEWS[surface]
    for minimum in view["minima"]:
        at = torch.tensor(minimum, dtype=torch.float64)
        assert gradient(surface, at).norm() < 1e-3
        assert abs(float(SURFACES[surface](at[0], at[1])) - view["lowest"]) < 1e-6


def test_divergence_is_noticed_and_dated(node: dict[str, Any]) -> None:
    # The factor in θ₂ is 1 - 0.1 * 40 = -3: from 1.2 past 400 (100 windows) at step 6.
    assert node["runs"][-1]["diverged"] == 6
    settings = figure.Settings(start=(-1.6, 1.2), alpha=0.1, steps=STEPS)
    points, diverged = figure.trajectory("gd", settings)
    assert diverged == 6
    assert len(points) == 6


def assert_same_path(found: list[tuple[float, float]], wanted: list[list[float]]) -> None:
    torch.testing.assert_close(
        torch.tensor(found, dtype=torch.float64),
        torch.tensor(wanted, dtype=torch.float64),
        rtol=0,
        atol=1e-9,
    )


@pytest.mark.parametrize("method", figure.STYLES)
def test_static_picture_draws_the_same_path(node: dict[str, Any], method: str) -> None:
    start = tuple(figure.VIEWS["beale"]["start"])
    settings = figure.Settings(
        "beale",
        start=start,
        steps=STEPS,
        alpha=RATES["beale"],
        noise=figure.VIEWS["beale"]["noise"],
        seed=SEED,
    )
    points, _ = figure.trajectory(method, settings)
    found = node["runs"][CASES.index((method, "beale"))]["theta"]
    assert_same_path(points, found)


# ---- weight and looks -----------------------------------------------------------------------


def test_script_and_style_weigh_less_than_40_kilobytes() -> None:
    assert sum(path.stat().st_size for path in ASSETS) <= 40_000


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in ASSETS:
        assert not re.search(r"https?://|//cdn|@import", path.read_text("utf-8")), path.name


def test_every_optimizer_looks_different() -> None:
    looks = list(figure.STYLES.values())
    for name in ("label", "light", "dark", "dash", "marker"):
        assert len({json.dumps(look[name]) for look in looks}) == len(looks), name
    assert {look["marker"] for look in looks} <= set(figure.MARKERS)


def luminance(colour: tuple[int, ...]) -> float:
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paths_stand_out_from_every_band(theme: str) -> None:
    """WCAG 1.4.11: graphics need a contrast of 3 to 1 to what they lie on."""
    script = ASSETS[0].read_text("utf-8")
    for end in ("low", "high"):
        found = re.search(rf"{theme}: {{.*?{end}: \[(\d+), (\d+), (\d+)\]", script)
        assert found is not None
        ground = luminance(tuple(int(n) for n in found.groups()))
        for method, look in figure.STYLES.items():
            ink = luminance(tuple(bytes.fromhex(look[theme][1:])))
            contrast = (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05)
            assert contrast >= 3, f"{method} on the {end} end, {theme}: {contrast:.2f}"


# ---- the directive --------------------------------------------------------------------------

GOOD = """\
# Momentum

Some text.

```{optimizer-figure}
:surface: valley
:methods: gd momentum nag
:learning-rate: 0.02
:momentum: 0.9
:start: -1.6 1.2
:steps: 60
:name: fig-valley
:alt: Three paths in a long valley.
Gradient descent and **NAG**; drag the start.
```

See {numref}`fig-valley`.

```{optimizer-figure}
:surface: saddle
:methods: sgd adam
:learning-rate: 0.1 adam=0.05
Noise leaves a saddle.
```
"""
CONF = """\
extensions = ["myst_parser", "optimizer_figure"]
html_theme = "{theme}"
html_static_path = ["_static"]
numfig = True
"""


def build(source: Path, text: str, builder: str = "html", theme: str = "basic") -> tuple[Path, str]:
    """Build a site of one page; return the output folder and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    static = source / "_static"
    static.mkdir(parents=True, exist_ok=True)
    for asset in ASSETS:
        shutil.copy(asset, static)
    (source / "conf.py").write_text(CONF.format(theme=theme), "utf-8")
    (source / "index.md").write_text(text, "utf-8")
    out, warnings = source / "_build" / builder, io.StringIO()
    # The directive in use is the one of this checkout, wherever the tests run.
    with docutils_namespace():
        app = Sphinx(
            source,
            source,
            out,
            source / "_build" / "doctrees",
            builder,
            status=None,
            warning=warnings,
            parallel=2,
        )
        app.build()
    return out, re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, warnings = build(tmp_path_factory.mktemp("site"), GOOD)
    assert warnings == ""
    return out


def test_page_holds_a_real_figure_with_picture_and_caption(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    first, second = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert re.search(r'<figure class="optfig[^>]* id="fig-valley"', first)
    assert 'alt="Three paths in a long valley."' in first
    assert re.search(r"<figcaption>.*<strong>NAG</strong>.*</figcaption>", first, re.DOTALL)
    assert first.count("<figcaption>") == first.count("</figcaption>") == 1
    assert "data-optimizer-figure=" in first
    alt = re.search(r'alt="([^"]*)"', second)
    assert alt is not None
    assert "saddle point" in alt[1] and "Adam loss" in alt[1]
    for picture in re.findall(r'src="(_images/[^"]+)"', page):
        assert (site / picture).read_bytes().startswith(b"\x89PNG")
        assert (site / picture).stat().st_size < 150_000
    assert re.search(r'<script type="module" src="_static/optimizer-figure.js', page)
    assert "Fig. 1" in page


def test_a_page_without_the_figure_does_not_load_it(tmp_path: Path) -> None:
    out, warnings = build(tmp_path, "# Plain\n\nNothing here.\n")
    assert warnings == ""
    assert "optimizer-figure" not in (out / "index.html").read_text("utf-8")


@pytest.mark.parametrize("builder", ["text", "latex"])
def test_other_builders_get_picture_and_caption(tmp_path: Path, builder: str) -> None:
    out, warnings = build(tmp_path, GOOD, builder)
    assert warnings == ""
    if builder == "latex":
        (tex,) = out.glob("*.tex")
        text = tex.read_text("utf-8")
        assert text.count(r"\sphinxincludegraphics") == 2
        assert len(list(out.glob("optimizers-*.png"))) == 2
    else:
        text = (out / "index.txt").read_text("utf-8")
    assert "Noise leaves a saddle." in text


def directive(options: str, caption: str = "A caption.") -> str:
    return f"# Page\n\n```{{optimizer-figure}}\n{options}\n{caption}\n```\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (":surface: valey", r"unknown surface 'valey'; known: valley, saddle"),
        (":methods: gd adamm", r"unknown method 'adamm'; known: gd, sgd"),
        (":methods: gd gd", "a method is named twice"),
        (":learning-rate: fast", r"the learning rate is 'fast'; expected a number from 0.0001"),
        (":learning-rate: 0.1 0.2", "two learning rates for all methods"),
        (":learning-rate: 0.1 adam=0.2", "'adam', which is not among the methods"),
        (":methods: adadelta\n:learning-rate: adadelta=1", "AdaDelta has no learning rate"),
        (":momentum: 1", "the momentum is '1'; expected a number from 0 to 0.99"),
        (":decay: nan", "the decay is 'nan'"),
        (":decays: 0.9", "expected two numbers"),
        (":start: 3 0", "start 3 0 lies outside the window of 'valley', which is -2 to 2"),
        (":steps: 0", "the number of steps is '0'; expected a whole number from 1 to 500"),
        (":speed: 3", "speed"),
    ],
)
def test_a_wrong_option_is_a_warning_with_its_place(
    tmp_path: Path, options: str, said: str
) -> None:
    _, warnings = build(tmp_path, directive(options), "dummy")
    assert said in warnings
    assert re.search(r"index\.md:\d+: WARNING", warnings)
    assert "Traceback" not in warnings


@pytest.mark.parametrize("caption", ["", "One.\n\nTwo.", "- a list"])
def test_a_caption_is_one_paragraph(tmp_path: Path, caption: str) -> None:
    _, warnings = build(tmp_path, directive(":surface: valley\n", caption), "dummy")
    assert "expected a caption of one paragraph" in warnings
    assert re.search(r"index\.md:\d+: WARNING", warnings)


# ---- in the browser -------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with serve(site) as url:
        yield url


@pytest.fixture(scope="module")
def book_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same page in the book's own theme."""
    pytest.importorskip("sphinx_book_theme", reason="sphinx-book-theme is not installed")
    out, warnings = build(tmp_path_factory.mktemp("book"), GOOD, theme="sphinx_book_theme")
    assert warnings == ""
    with serve(out) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the figure cannot be tried in a browser")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@contextlib.contextmanager
def visit(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page in a context of its own; any outside request or script error fails the test."""
    context: BrowserContext = browser.new_context(**options)
    outside: list[str] = []
    errors: list[str] = []
    home = address.rsplit("/", 1)[0]

    def gate(route: Any) -> None:
        if route.request.url.startswith(home):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context.route("**/*", gate)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    try:
        yield page
        assert outside == []
        assert errors == []
    finally:
        context.close()


def value(page: Page, label: str) -> str:
    return page.locator("figure").first.get_by_label(label, exact=True).input_value()


def button(page: Page, name: str) -> Any:
    return page.locator("figure").first.get_by_role("button", name=name, exact=True)


def losses(page: Page) -> list[str]:
    return page.locator("figure").first.locator(".optfig-loss").all_inner_texts()


def pixels(page: Page) -> str:
    shot: str = page.evaluate("document.querySelector('.optfig-stage canvas').toDataURL()")
    return shot


@pytest.mark.browser
def test_live_figure_replaces_the_picture(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        assert page.locator("figure.optfig-live").count() == 2
        assert not page.locator("figure img").first.is_visible()
        canvas = page.get_by_role("img", name="Three paths in a long valley.")
        assert canvas.is_visible()
        assert value(page, "step t") == "60"
        # The script and the torch reference say the same about where the paths end.
        settings = figure.Settings(start=(-1.6, 1.2), alpha=0.02)
        for method, said in zip(("gd", "momentum", "nag"), losses(page), strict=True):
            last = figure.trajectory(method, settings)[0][-1]
            assert float(said.replace("−", "-")) == pytest.approx(
                figure._loss("valley", last), rel=0.05
            )


@pytest.mark.browser
def test_drag_click_and_keys_move_the_start(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        handle = page.get_by_role("slider", name="Start point").first
        handle.scroll_into_view_if_needed()
        before, box = losses(page), handle.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 40
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 40, steps=4)
        page.mouse.up()
        page.mouse.move(x + 200, y + 90)  # released: must not follow
        stage = page.locator(".optfig-stage").first.bounding_box()
        assert stage is not None
        moved = -1.6 + 60 * 4 / stage["width"]
        assert float(value(page, "start θ₁")) == pytest.approx(moved, abs=0.02)
        assert float(value(page, "start θ₂")) == pytest.approx(
            1.2 - 40 * 3 / stage["height"], abs=0.02
        )
        assert losses(page) != before

        handle.focus()
        at = float(value(page, "start θ₁"))
        page.keyboard.press("ArrowRight")
        assert float(value(page, "start θ₁")) == pytest.approx(at + 0.04, abs=1e-6)
        at = float(value(page, "start θ₂"))
        page.keyboard.press("Shift+ArrowDown")
        assert float(value(page, "start θ₂")) == pytest.approx(at - 0.2, abs=1e-6)
        assert "θ₁" in str(handle.get_attribute("aria-valuetext"))
        for _ in range(30):
            page.keyboard.press("Shift+ArrowLeft")
        assert float(value(page, "start θ₁")) == -2, "the start stays in the window"

        page.mouse.click(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 4)
        assert float(value(page, "start θ₁")) == pytest.approx(0, abs=0.02)
        assert float(value(page, "start θ₂")) == pytest.approx(0.75, abs=0.02)


@pytest.mark.browser
def test_everything_is_reached_by_keyboard_and_named(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        first = page.locator("figure").first
        unnamed = first.evaluate(
            """figure => [...figure.querySelectorAll("input, select")].filter(
                 e => !e.labels?.length).map(e => e.outerHTML)"""
        )
        assert unnamed == []
        reached = []
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate(
                    """(() => { const e = document.activeElement;
                       if (!e.closest("figure")) return "";
                       const name = e.labels?.[0]?.textContent ?? e.ariaLabel ?? e.textContent;
                       const s = getComputedStyle(e), r = getComputedStyle(e, "::after");
                       const seen = s.outlineStyle !== "none" || r.boxShadow !== "none";
                       return name + (seen ? "" : " UNSEEN"); })()"""
                )
            )
        text = "|".join(reached)
        for name in ("Start point", "Play", "Step", "Reset", "step t", "Gradient descent"):
            assert name in text
        for name in ("learning rate α", "momentum μ", "surface", "start θ₁", "start θ₂"):
            assert name in text
        assert "UNSEEN" not in text

        number = first.get_by_label("start θ₁", exact=True)
        number.fill("1.5")
        handle = page.get_by_role("slider", name="Start point").first
        assert handle.get_attribute("aria-valuenow") == "1.5"
        rate = first.get_by_label("learning rate α", exact=True)
        rate.focus()
        page.keyboard.press("End")
        assert "diverged at step" in losses(page)[0], "divergence is said"
        page.wait_for_function(
            "document.querySelector('.optfig-status').textContent.includes('diverged at step')"
        )


@pytest.mark.browser
def test_step_play_reset_and_slider_of_time(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        button(page, "Reset").click()
        assert value(page, "step t") == "0"
        assert len(set(losses(page))) == 1, "all start at the same loss"
        button(page, "Step").click()
        button(page, "Step").click()
        assert value(page, "step t") == "2"
        button(page, "Play").click()
        button(page, "Pause").click()
        assert 2 <= int(value(page, "step t")) < 60
        button(page, "Play").click()
        button(page, "Play").wait_for(timeout=20_000)
        assert value(page, "step t") == "60"
        button(page, "Step").click()
        assert value(page, "step t") == "61", "Step goes on past the end"
        page.locator("figure").first.get_by_label("surface", exact=True).select_option("beale")
        assert value(page, "start θ₁") == "0.9"
        button(page, "Reset").click()
        assert value(page, "surface") == "valley"
        assert value(page, "start θ₁") == "-1.6"


@pytest.mark.browser
def test_boxes_hide_paths_and_noise_is_the_same_each_time(browser: Browser, address: str) -> None:
    with visit(browser, address) as page:
        before = pixels(page)
        box = page.locator("figure").first.get_by_role("checkbox", name=re.compile("Momentum"))
        box.uncheck()
        assert pixels(page) != before
        box.check()
        assert pixels(page) == before
        second = page.locator("figure").nth(1).locator(".optfig-loss").all_inner_texts()
        assert page.locator("figure").nth(1).get_by_label("α of Adam").count() == 1
        page.reload()
        again = page.locator("figure").nth(1).locator(".optfig-loss").all_inner_texts()
        assert again == second


@pytest.mark.browser
def test_dark_theme_is_followed_at_once(browser: Browser, address: str) -> None:
    with visit(browser, address, color_scheme="light") as page:
        light = pixels(page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function(
            "b => document.querySelector('.optfig-stage canvas').toDataURL() !== b", arg=light
        )
        dark = pixels(page)
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        page.wait_for_function(
            "b => document.querySelector('.optfig-stage canvas').toDataURL() === b", arg=light
        )
        page.evaluate("delete document.documentElement.dataset.theme")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "b => document.querySelector('.optfig-stage canvas').toDataURL() === b", arg=dark
        )


@pytest.mark.browser
def test_theme_button_of_the_book_changes_the_figure(browser: Browser, book_address: str) -> None:
    with visit(browser, book_address, color_scheme="light") as page:
        before = pixels(page)
        for _ in range(2):  # auto, light, dark in an order the theme chooses
            page.locator("button.theme-switch-button:visible").first.click()
            if page.evaluate("document.documentElement.dataset.theme") == "dark":
                break
        page.wait_for_function(
            "b => document.querySelector('.optfig-stage canvas').toDataURL() !== b", arg=before
        )


@pytest.mark.browser
def test_reduced_motion_jumps(browser: Browser, address: str) -> None:
    with visit(browser, address, reduced_motion="reduce") as page:
        button(page, "Reset").click()
        button(page, "Play").click()
        assert value(page, "step t") == "60"
        assert button(page, "Play").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 390, 768])
def test_narrow_pages_do_not_scroll_sideways(
    browser: Browser, book_address: str, width: int
) -> None:
    options = {"viewport": {"width": width, "height": 740}, "has_touch": True, "is_mobile": True}
    with visit(browser, book_address, device_scale_factor=2, **options) as page:
        # is_mobile widens the page instead of scrolling it, so the width itself is asked for
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.evaluate(
            """[...document.querySelectorAll(
                 "figure :is(button, select, input[type=range], .optfig-entry)")]
               .map(e => e.getBoundingClientRect().height)"""
        )
        assert min(sizes) >= 40
        backing = page.evaluate("document.querySelector('.optfig-stage canvas').width")
        shown = page.locator(".optfig-stage").first.evaluate("e => e.clientWidth")
        assert backing == 2 * shown
        stage = page.locator(".optfig-stage").first.bounding_box()
        assert stage is not None
        page.touchscreen.tap(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
        assert float(value(page, "start θ₁")) == pytest.approx(0, abs=0.05)


@pytest.mark.browser
def test_without_scripts_and_in_print_the_picture_shows(browser: Browser, address: str) -> None:
    with visit(browser, address, java_script_enabled=False) as page:
        picture = page.get_by_alt_text("Three paths in a long valley.")
        assert picture.is_visible()
        box = picture.bounding_box()
        assert box is not None
        assert box["height"] > 200
        assert not page.locator("[data-optimizer-figure]").first.is_visible()
    with visit(browser, address) as page:
        page.emulate_media(media="print")
        assert page.locator("figure img").first.is_visible()
        assert not page.locator("[data-optimizer-figure]").first.is_visible()
