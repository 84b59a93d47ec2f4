"""The optimizer figure: rules against the reference, directive, looks, and use in Chromium."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optimizer_figure as figure
import pytest
import torch
from live_figures import squeeze

from tests.site.colours import contrast
from tests.site.figures import read

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
EXTENSION = ROOT / "book" / "_ext" / "optimizer_figure.py"
ASSETS = [
    STATIC / name
    for name in (
        "optimizer-figure.js",
        "optimizer-rules.js",
        "figures/core.js",
        "figures/styles.js",
        "figures/core.css",
    )
]


Open = Callable[..., Any]
SURFACES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = figure.SURFACES

# ---- the rules, against the reference -------------------------------------------------------
#
# autograder.reference is the oracle. It is tested against torch.optim and closed forms itself.

STEPS = 50
SEED = 7
# Rates small enough that 50 steps converge: where a run is chaotic, rounding alone decides.
RATES = {
    "valley": 0.02,
    "tilted": 0.02,
    "saddle": 0.1,
    "beale": 0.002,
    "rosenbrock": 0.0003,
    "himmelblau": 0.003,
    "plateau": 0.2,
}


def settings(surface: str, **given: Any) -> Any:
    view = figure.VIEWS[surface]
    return figure.Settings(
        **{
            "surface": surface,
            "start": tuple(view["start"]),
            "steps": STEPS,
            "alpha": RATES[surface],
            "noise": view["noise"],
            "damping": 5.0,
            "seed": SEED,
            **given,
        }
    )


def gradient(surface: str, at: torch.Tensor) -> torch.Tensor:
    point = at.detach().clone().requires_grad_(True)
    return torch.autograd.grad(SURFACES[surface](point[0], point[1]), point)[0]


CASES = [(method, settings(surface)) for method in figure.STYLES for surface in figure.VIEWS] + [
    (method, settings(surface, **given))
    for methods, surface, given in [
        ("clip", "beale", {"norm": 0.3}),
        ("clip", "beale", {"norm": 1000.0}),
        ("rprop", "himmelblau", {"minus": 0.3, "plus": 1.5}),
        ("rprop", "valley", {"alpha": 1.0, "minus": 1.0, "plus": 1.0}),
        ("adagrad rmsprop rmsprop-nesterov adadelta", "tilted", {"eps": 0.05}),
        ("adam amsgrad adamw adamax", "tilted", {"eps": 0.05}),
        ("rmsprop rmsprop-nesterov", "beale", {"warm": True, "gamma": 0.99}),
        ("adam amsgrad adamw adamax", "beale", {"correct": False}),
        ("amsgrad", "himmelblau", {"gamma2": 0.5, "alpha": 0.05}),
        ("adamw", "rosenbrock", {"decay": 3.0}),
        ("newton", "saddle", {"damping": 0.0}),
        ("newton", "rosenbrock", {"damping": 0.0}),
    ]
    for method in methods.split()
]


def grid(surface: str) -> list[list[float]]:
    x0, x1, y0, y1 = figure.VIEWS[surface]["window"]
    return [[x0 + (x1 - x0) * i / 6, y0 + (y1 - y0) * j / 6] for i in range(7) for j in range(7)]


POINTS = [{"surface": surface, "at": at} for surface in figure.VIEWS for at in grid(surface)]


@pytest.fixture(scope="module")
def answer(node: Callable[..., Any]) -> dict[str, Any]:
    """What the script computes: one run of Node for all comparisons."""
    job = {
        "points": POINTS,
        "runs": [{"method": method, **dataclasses.asdict(given)} for method, given in CASES],
    }
    found: dict[str, Any] = node(Path(__file__).with_name("optimizer_rules.js"), "answer", job)
    return found


def test_every_rule_and_surface_has_its_table_entry(answer: dict[str, Any]) -> None:
    assert answer["rules"] == list(figure.STYLES)
    assert answer["surfaces"] == answer["views"] == list(SURFACES) == list(figure.VIEWS)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=lambda i: f"{CASES[i][0]}-{CASES[i][1].surface}-{i}"
)
def test_rule_agrees_with_the_reference(answer: dict[str, Any], number: int) -> None:
    """The same test for the picture: its paths are those that the reference makes."""
    method, given = CASES[number]
    found = answer["runs"][number]
    points, diverged = figure.trajectory(method, given)
    assert found["diverged"] is None
    assert diverged is None
    path = torch.tensor(found["theta"], dtype=torch.float64)
    assert path.shape == (STEPS + 1, 2)
    assert path.isfinite().all()
    assert (path[-1] - path[0]).norm() > 1e-3, "a path that stands still proves nothing"
    torch.testing.assert_close(path, torch.tensor(points, dtype=torch.float64), rtol=0, atol=1e-9)


def test_each_setting_makes_a_difference() -> None:
    """A comparison with a setting that nobody reads would prove nothing about it."""
    for method, given in CASES[len(figure.STYLES) * len(figure.VIEWS) :]:
        if given.norm == 1000.0:  # so long that nothing is clipped
            method_without, without = "gd", given
        else:
            method_without, without = method, settings(given.surface)
        same = figure.trajectory(method, given) == figure.trajectory(method_without, without)
        assert same == (given.norm == 1000.0), (method, given)


def test_the_picture_takes_no_rule_from_elsewhere() -> None:
    assert "torch.optim" not in EXTENSION.read_text("utf-8")


def test_surfaces_and_derivatives_agree_with_autograd(answer: dict[str, Any]) -> None:
    for point, found in zip(POINTS, answer["values"], strict=True):
        surface, at = str(point["surface"]), torch.tensor(point["at"], dtype=torch.float64)
        f = SURFACES[surface](at[0], at[1])
        (xx, xy), (_, yy) = torch.autograd.functional.hessian(
            lambda z, f=SURFACES[surface]: f(z[0], z[1]), at
        )
        hessian = torch.stack([xx, xy, yy])
        wanted = {"f": f, "grad": gradient(surface, at), "hess": hessian}
        for name, value in wanted.items():
            torch.testing.assert_close(
                torch.tensor(found[name], dtype=torch.float64), value, rtol=1e-12, atol=1e-9
            )


@pytest.mark.parametrize("surface", figure.VIEWS)
def test_minima_are_minima(surface: str) -> None:
    view = figure.VIEWS[surface]
    for minimum in view["minima"]:
        at = torch.tensor(minimum, dtype=torch.float64)
        assert gradient(surface, at).norm() < 1e-3
        assert abs(float(SURFACES[surface](at[0], at[1])) - view["lowest"]) < 1e-6


@pytest.mark.parametrize("z", [0.0, 0.06204, -1310.4, 99999.6, 3.14159e-7, 0.00099996, 12.5])
def test_picture_and_script_write_numbers_alike(node: Callable[..., Any], z: float) -> None:
    assert figure.number(z) == node("core", "number", z)


def test_divergence_is_noticed_and_dated(node: Callable[..., Any]) -> None:
    # The factor in θ₂ is 1 - 0.1 * 40 = -3: from 1.2 past 400 (100 windows) at step 6.
    run = node(ASSETS[1], "run", "gd", "valley", [-1.6, 1.2], {"alpha": 0.1}, STEPS)
    assert run["diverged"] == 6
    points, diverged = figure.trajectory("gd", figure.Settings(start=(-1.6, 1.2), alpha=0.1))
    assert diverged == 6
    assert len(points) == 6


def test_a_newton_step_from_a_singular_point_ends_the_path(node: Callable[..., Any]) -> None:
    start = (0.5, 3**-0.5)  # the curvature 3θ₂² − 1 of the saddle is 0 there, to rounding
    h = {"damping": 0.0}
    run = node(ASSETS[1], "run", "newton", "saddle", list(start), h, 5)
    _, diverged = figure.trajectory("newton", figure.Settings("saddle", start=start, steps=5))
    assert run["diverged"] == diverged == 1


# ---- weight and looks -----------------------------------------------------------------------


def test_script_and_style_weigh_less_than_45_kilobytes_in_the_site() -> None:
    served = [
        squeeze(path.read_text("utf-8")) if path.suffix == ".js" else path.read_text("utf-8")
        for path in ASSETS
    ]
    assert sum(len(text.encode()) for text in served) <= 45_000


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in ASSETS:
        assert not re.search(r"https?://|//cdn|@import", path.read_text("utf-8")), path.name


def test_every_optimizer_looks_different() -> None:
    looks = list(figure.STYLES.values())
    for name in ("label", "light", "dark", "dash", "marker"):
        assert len({json.dumps(look[name]) for look in looks}) == len(looks), name
    assert {look["marker"] for look in looks} <= set(figure.MARKERS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paths_stand_out_from_every_band(theme: str) -> None:
    """WCAG 1.4.11: graphics need a contrast of 3 to 1 to what they lie on."""
    script = ASSETS[2].read_text("utf-8")
    for end in ("low", "high"):
        found = re.search(rf"{theme}: {{.*?{end}: \[(\d+), (\d+), (\d+)\]", script)
        assert found is not None
        ground = [int(n) for n in found.groups()]
        for method, look in figure.STYLES.items():
            seen = contrast(look[theme], ground)
            assert seen >= 3, f"{method} on the {end} end, {theme}: {seen:.2f}"


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
extensions = ["myst_parser", "optimizer_figure", "live_figures"]
html_theme = "{theme}"
html_static_path = ["_static"]
numfig = True
"""


def build(source: Path, text: str, builder: str = "html", theme: str = "basic") -> tuple[Path, str]:
    """Build a site of one page; return the output folder and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    for asset in ASSETS:
        place = source / "_static" / asset.relative_to(STATIC)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(asset, place)
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
    assert re.search(r'<figure class="live-figure[^>]* id="fig-valley"', first)
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


ETAS = "η⁻ after a change of sign|η⁺ while the sign stays"
CONTROLS = """\
# Controls

```{{optimizer-figure}}
:methods: {methods}
{options}
Caption.
```
"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("methods", "options", "labels"),
    [
        (
            "rprop manhattan",
            "",
            "learning rate α|η⁻ after a change of sign|η⁺ while the sign stays",
        ),
        pytest.param(
            "rprop",
            ":etas: 0.3 1.4",
            "first step Δ₀|η⁻ after a change of sign|η⁺ while the sign stays",
            marks=pytest.mark.slow,
        ),
        pytest.param("adagrad", ":epsilon: 0.001", "learning rate α|ε", marks=pytest.mark.slow),
        pytest.param(
            "rmsprop",
            ":epsilon: 0.001",
            "learning rate α|decay γ|ε|r starts at g²",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "rmsprop-nesterov",
            "",
            "learning rate α|momentum μ|decay γ|r starts at g²",
            marks=pytest.mark.slow,
        ),
        pytest.param("adadelta", ":epsilon: 0.001", "decay γ|ε", marks=pytest.mark.slow),
        pytest.param(
            "adam amsgrad",
            "",
            "learning rate α|decay γ₁|decay γ₂|corrected means",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "adamw",
            "",
            "learning rate α|decay γ₁|decay γ₂|weight decay λ|corrected means",
            marks=pytest.mark.slow,
        ),
        ("gd clip", ":max-norm: 2", "learning rate α|longest gradient c"),
        ("newton", ":damping: 3\n:surface: valley\n:steps: 5", "damping λ"),
    ],
)
def test_each_rule_has_its_own_controls_and_each_control_works(
    visit: Open,
    serve: Callable[..., Any],
    tmp_path: Path,
    methods: str,
    options: str,
    labels: str,
) -> None:
    if "surface" not in options:
        options += "\n:surface: beale\n:steps: 30"
    out, warnings = build(tmp_path, CONTROLS.format(methods=methods, options=options))
    assert warnings == ""
    with serve(out) as url, visit(url + "index.html") as page:
        found = page.locator(".lf-controls > :not(:has(select, [type=number])) label")
        assert "|".join(found.all_inner_texts()) == labels
        for label in labels.split("|"):
            control = page.get_by_label(label, exact=True)
            page.get_by_role("button", name="Reset").click()
            page.get_by_label("step t", exact=True).press("End")
            before = losses(page)
            if control.get_attribute("type") == "checkbox":
                control.click()
            else:
                control.press("End" if label == "ε" else "PageDown")
            assert losses(page) != before, f"{label} of {methods} does nothing"


@pytest.mark.browser
def test_rules_that_are_not_shown_at_first_come_with_their_sliders(
    visit: Open, serve: Callable[..., Any], tmp_path: Path
) -> None:
    options = ":shown: gd\n:learning-rate: gd=0.02 adam=0.1 momentum=0.005"
    text = CONTROLS.format(methods="gd momentum adam newton", options=options)
    out, warnings = build(tmp_path, text)
    assert warnings == ""
    assert "Adam" not in re.findall(r'alt="([^"]*)"', (out / "index.html").read_text("utf-8"))[0]
    with serve(out) as url, visit(url + "index.html") as page:
        labels = page.locator(".lf-controls .lf-slider label:visible")
        assert labels.all_inner_texts() == ["α of Gradient descent"]
        status = page.locator(".lf-readout")
        assert "Adam" not in status.text_content()
        page.get_by_label("Adam").first.press("Space")
        own = ["α of Gradient descent", "α of Adam", "decay γ₁", "decay γ₂"]
        assert sorted(labels.all_inner_texts()) == sorted(own)
        assert "Adam loss" in status.text_content()
        page.get_by_label("Newton").press("Space")
        assert "damping λ" in labels.all_inner_texts()
        button(page, "Reset").click()
        assert labels.all_inner_texts() == ["α of Gradient descent"]


def directive(options: str, caption: str = "A caption.") -> str:
    return f"# Page\n\n```{{optimizer-figure}}\n{options}\n{caption}\n```\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (":surface: valey", r"unknown surface 'valey'; known: valley, tilted"),
        (":methods: gd adamm", r"unknown method 'adamm'; known: gd, sgd"),
        (":methods: gd gd", "a method is named twice"),
        (":methods: gd adam\n:shown: nag", "'nag' is to be shown, which is not among the methods"),
        (":learning-rate: fast", r"the learning rate is 'fast'; expected a number from 0.0001"),
        (":learning-rate: 0.1 0.2", "two learning rates for all methods"),
        (":learning-rate: 0.1 adam=0.2", "'adam', which is not among the methods"),
        (":methods: adadelta\n:learning-rate: adadelta=1", "AdaDelta has no learning rate"),
        (":methods: newton\n:learning-rate: newton=1", "Newton has no learning rate"),
        (":etas: 0.5 0.9", "η⁺ is '0.9'; expected a number from 1 to 2"),
        (":correction: maybe", "choose from"),
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


@pytest.fixture(scope="module")
def address(site: Path, serve: Callable[..., Any]) -> Iterator[str]:
    with serve(site) as url:
        yield url + "index.html"


@pytest.fixture(scope="module")
def book_address(
    tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., Any]
) -> Iterator[str]:
    """The same page in the book's own theme."""
    pytest.importorskip("sphinx_book_theme", reason="sphinx-book-theme is not installed")
    out, warnings = build(tmp_path_factory.mktemp("book"), GOOD, theme="sphinx_book_theme")
    assert warnings == ""
    with serve(out) as url:
        yield url + "index.html"


def value(page: Page, label: str) -> str:
    return page.locator("figure").first.get_by_label(label, exact=True).input_value()


def button(page: Page, name: str) -> Any:
    return page.locator("figure").first.get_by_role("button", name=name, exact=True)


def losses(page: Page) -> list[str]:
    return page.locator("figure").first.locator(".lf-value").all_inner_texts()


def pixels(page: Page) -> str:
    shot: str = page.evaluate("document.querySelector('.lf-stage canvas').toDataURL()")
    return shot


@pytest.mark.browser
def test_live_figure_replaces_the_picture(visit: Open, address: str) -> None:
    with visit(address) as page:
        assert page.locator("figure.lf-on").count() == 2
        assert not page.locator("figure img").first.is_visible()
        canvas = page.get_by_role("img", name="Three paths in a long valley.")
        assert canvas.is_visible()
        assert value(page, "step t") == "60"
        # The script and the torch reference say the same about where the paths end.
        settings = figure.Settings(start=(-1.6, 1.2), alpha=0.02)
        for method, said in zip(("gd", "momentum", "nag"), losses(page), strict=True):
            last = figure.trajectory(method, settings)[0][-1]
            assert read(said) == pytest.approx(figure._loss("valley", last), rel=0.05)


@pytest.mark.browser
def test_drag_click_and_keys_move_the_start(visit: Open, address: str) -> None:
    with visit(address) as page:
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
        stage = page.locator(".lf-stage").first.bounding_box()
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
        assert float(value(page, "start θ₁")) == pytest.approx(at + 0.02, abs=1e-6)
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
@pytest.mark.parametrize("width", [360, 1280])
def test_the_ridge_of_the_saddle_is_hit_by_dragging_and_by_keys(
    visit: Open, address: str, width: int
) -> None:
    """On the ridge θ₂ = 0 gradient descent stays at the saddle, where the loss is 0, for ever."""
    with visit(address, width=width) as page:
        second = page.locator("figure").nth(1)
        field = second.get_by_label("start θ₂", exact=True)
        handle = second.get_by_role("slider", name="Start point")
        handle.scroll_into_view_if_needed()
        assert field.input_value() == "0.01"
        box = second.locator(".lf-stage").bounding_box()
        spot = handle.bounding_box()
        assert box is not None and spot is not None
        page.mouse.move(spot["x"] + 22, spot["y"] + 22)
        page.mouse.down()
        page.mouse.move(spot["x"] + 60, box["y"] + box["height"] / 4)
        assert float(field.input_value()) == pytest.approx(0.75, abs=0.03)
        page.mouse.move(spot["x"] + 60, box["y"] + box["height"] / 2 + 1)  # nobody hits the pixel
        page.mouse.up()
        assert field.input_value() == "0"
        field.fill("0.013")  # a number field takes what is typed
        assert handle.get_attribute("aria-valuetext").endswith("θ₂ 0.013")
        handle.focus()
        page.keyboard.press("ArrowDown")
        assert field.input_value() == "0"


@pytest.mark.browser
def test_everything_is_reached_by_keyboard_and_named(visit: Open, address: str) -> None:
    with visit(address) as page:
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
            "document.querySelector('.lf-status').textContent.includes('diverged at step')"
        )


@pytest.mark.browser
def test_step_play_reset_and_slider_of_time(visit: Open, address: str) -> None:
    with visit(address) as page:
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
def test_boxes_hide_paths_and_noise_is_the_same_each_time(visit: Open, address: str) -> None:
    with visit(address) as page:
        before = pixels(page)
        box = page.locator("figure").first.get_by_role("checkbox", name=re.compile("Momentum"))
        box.uncheck()
        assert pixels(page) != before
        box.check()
        assert pixels(page) == before
        second = page.locator("figure").nth(1).locator(".lf-value").all_inner_texts()
        assert page.locator("figure").nth(1).get_by_label("α of Adam").count() == 1
        page.reload()
        again = page.locator("figure").nth(1).locator(".lf-value").all_inner_texts()
        assert again == second


@pytest.mark.browser
def test_dark_theme_is_followed_at_once(visit: Open, address: str) -> None:
    with visit(address, color_scheme="light") as page:
        light = pixels(page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() !== b", arg=light
        )
        dark = pixels(page)
        page.evaluate("document.documentElement.dataset.theme = 'light'")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() === b", arg=light
        )
        page.evaluate("delete document.documentElement.dataset.theme")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() === b", arg=dark
        )


@pytest.mark.browser
def test_theme_button_of_the_book_changes_the_figure(visit: Open, book_address: str) -> None:
    with visit(book_address, color_scheme="light") as page:
        before = pixels(page)
        for _ in range(2):  # auto, light, dark in an order the theme chooses
            page.locator("button.theme-switch-button:visible").first.click()
            if page.evaluate("document.documentElement.dataset.theme") == "dark":
                break
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() !== b", arg=before
        )


@pytest.mark.browser
def test_reduced_motion_jumps(visit: Open, address: str) -> None:
    with visit(address, reduced_motion="reduce") as page:
        button(page, "Reset").click()
        button(page, "Play").click()
        assert value(page, "step t") == "60"
        assert button(page, "Play").is_visible()


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 390, 768])
def test_narrow_pages_do_not_scroll_sideways(visit: Open, book_address: str, width: int) -> None:
    options = {"viewport": {"width": width, "height": 740}, "has_touch": True, "is_mobile": True}
    with visit(book_address, device_scale_factor=2, **options) as page:
        # is_mobile widens the page instead of scrolling it, so the width itself is asked for
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.evaluate(
            """[...document.querySelectorAll(
                 "figure :is(button, select, input[type=range], .lf-entry)")]
               .map(e => e.getBoundingClientRect().height)"""
        )
        assert min(sizes) >= 40
        backing = page.evaluate("document.querySelector('.lf-stage canvas').width")
        shown = page.locator(".lf-stage").first.evaluate("e => e.clientWidth")
        assert backing == 2 * shown
        stage = page.locator(".lf-stage").first.bounding_box()
        assert stage is not None
        page.touchscreen.tap(stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2)
        assert float(value(page, "start θ₁")) == pytest.approx(0, abs=0.05)


@pytest.mark.browser
def test_without_scripts_and_in_print_the_picture_shows(visit: Open, address: str) -> None:
    with visit(address, java_script_enabled=False) as page:
        picture = page.get_by_alt_text("Three paths in a long valley.")
        assert picture.is_visible()
        box = picture.bounding_box()
        assert box is not None
        assert box["height"] > 200
        assert not page.locator("[data-optimizer-figure]").first.is_visible()
    with visit(address) as page:
        page.emulate_media(media="print")
        assert page.locator("figure img").first.is_visible()
        assert not page.locator("[data-optimizer-figure]").first.is_visible()
