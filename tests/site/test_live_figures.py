"""What all live figures share: numbers, axes, controls, keyboard, phone, theme, motion, print."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import course_style as style
import live_figures as extension
import pytest
from live_figures import squeeze

from tests.site.colours import contrast

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
FIGURES = STATIC / "figures"
CORE = [FIGURES / name for name in ("core.js", "styles.js", "core.css")]
HALVING = Path(__file__).with_name("halving.js")
SETTINGS = {"start": 1.5, "rate": 0.25}
Open = Callable[..., Any]


# ---- in Node ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.062, "0.0620"),
        (1310, "1,310"),
        (-3.14e-7, "−3.14 × 10⁻⁷"),
        (99999.6, "1.00 × 10⁵"),
        (0.0009996, "9.996e-4"),
        (float("inf"), "∞"),
        (float("nan"), "not a number"),
    ],
)
def test_numbers_are_for_people(node: Callable[..., Any], value: float, said: str) -> None:
    if said == "9.996e-4":  # rounding must not cross the border between the two forms unnoticed
        said = "0.00100"
    assert node("core", "number", value) == said


def test_the_example_computes_its_path(node: Callable[..., Any]) -> None:
    assert node(HALVING, "path", 0.25, 1.5, 3) == [1.5 * 0.75**t for t in range(4)]


def test_what_is_not_finite_travels_from_and_to_node(node: Callable[..., Any]) -> None:
    assert node(HALVING, "path", float("inf"), 1.0, 1) == [1.0, float("-inf")]


# ---- weight -------------------------------------------------------------------------------------


def served(path: Path) -> int:
    """Bytes of a file as the site serves it."""
    text = path.read_text("utf-8")
    return len((squeeze(text) if path.suffix == ".js" else text).encode())


def test_the_core_and_each_figure_stay_small() -> None:
    assert served(FIGURES / "core.js") <= 22_000
    for path in FIGURES.glob("*.js"):
        if path not in CORE:
            assert path.stat().st_size <= 7_000, path.name


@pytest.mark.parametrize("page", sorted((ROOT / "book").rglob("*.md")), ids=lambda page: page.stem)
def test_a_page_loads_at_most_60_kilobytes_of_figures(page: Path) -> None:
    text = page.read_text("utf-8")
    names = set(re.findall(r"\blive\(\s*[\"']([a-z0-9-]+)[\"']", text))
    files = [FIGURES / f"{name}.js" for name in names]
    if "{optimizer-figure}" in text:
        files += [STATIC / "optimizer-figure.js", STATIC / "optimizer-rules.js"]
    assert sum(map(served, files + (CORE if files else []))) <= 60_000


def test_squeezing_takes_comments_and_indentation_and_nothing_else() -> None:
    source = """// a comment
const a = "x // y", b = `/* z */`; // so
/**
 * More.
 */
  const c = a  * b;
"""
    assert squeeze(source) == 'const a = "x // y", b = `/* z */`;\nconst c = a  * b;\n'
    literal = "const a = `\n   kept`;  // also\n"
    assert squeeze(literal) == literal


# ---- looks --------------------------------------------------------------------------------------


def test_static_and_live_figures_share_colours_and_dashes(node: Callable[..., Any]) -> None:
    assert node("styles", "STYLES") == style.METHODS
    found = [(s["light"], s["dark"], tuple(s["dash"])) for s in node("styles", "SERIES")]
    assert found == list(style.SERIES)


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#14181e")])
def test_curves_stand_out_from_the_page_and_from_contours(
    node: Callable[..., Any], theme: str, page: str
) -> None:
    """WCAG 1.4.11: graphics need a contrast of 3 to 1 to what they lie on, texts 4.5 to 1."""
    looks, themes = node("styles", "SERIES"), node("core", "THEMES")[theme]
    inks = [(look[theme], 3) for look in looks] + [(themes["text"], 4.5), (themes["muted"], 4.5)]
    for ground in (page, themes["low"], themes["high"]):
        for ink, least in inks:
            least = 3 if ink == themes["muted"] and ground != page else least
            assert contrast(ink, ground) >= least, (ink, ground)


# ---- in the page --------------------------------------------------------------------------------


def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> tuple[str, str]:
    """Build one page with raw HTML; return it and the warnings."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    shutil.copytree(FIGURES, tmp_path / "_static" / "figures")
    modules = tmp_path / "_static" / "figures"
    monkeypatch.setattr(extension, "MODULES", modules)
    shutil.copy(HALVING, modules)
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_parser", "live_figures"]\nhtml_theme = "basic"\n'
        'html_static_path = ["_static"]\n'
    )
    (tmp_path / "index.md").write_text(f"# Page\n\n{body}\n\n```{{toctree}}\nother\n```\n", "utf-8")
    (tmp_path / "other.md").write_text("# Other\n\nNo figure here.\n")
    warnings = io.StringIO()
    with docutils_namespace():
        app = Sphinx(
            tmp_path,
            tmp_path,
            tmp_path / "out",
            tmp_path / "trees",
            "html",
            status=None,
            warning=warnings,
        )
        app.build()
    assert "figures" not in (tmp_path / "out" / "other.html").read_text("utf-8")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    return page, re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())


def written(name: str) -> str:
    """What course_style.live writes for a figure."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    figure, axes = style.panel("Distance", "step", "θ")
    axes.plot([0, 1], [1, 0.5], **style.series(0))
    shown = style.live(name, "Drag the <b>start</b>.", {"text": 'a "b" <c>'}, (figure, "A line."))
    markup: str = shown._repr_mimebundle_()["text/html"]
    return markup


def test_a_page_loads_its_figures_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, warnings = build(tmp_path, monkeypatch, written("halving"))
    assert warnings == ""
    assert re.search(r'<script type="module" src="_static/figures/halving.js', page)
    assert "figures/core.css" in page
    assert page.count('type="module"') == 1
    assert re.search(r'<figure class="course-figure live-figure" id="fig-halving"', page)
    assert 'aria-label="A line."' in page
    assert "Drag the <b>start</b>." in page


@pytest.mark.parametrize("name", ["havling", "core", "../halving"])
def test_an_unknown_figure_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    page, warnings = build(tmp_path, monkeypatch, written(name))
    assert re.search(rf"index.*WARNING: live figure '{re.escape(name)}': there is no", warnings)
    assert 'type="module"' not in page


# ---- in the browser -----------------------------------------------------------------------------


def canvas(page: Page) -> str:
    shot: str = page.evaluate("document.querySelector('.lf-stage canvas').toDataURL()")
    return shot


@pytest.mark.browser
def test_example_lives(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING) as page:
        assert not page.locator("svg").is_visible()
        assert "Step 20: θ is 0.00476." in page.locator(".lf-readout").inner_text()
        page.get_by_role("button", name="Reset").click()
        assert "Step 0: θ is 1.50." in page.locator(".lf-readout").inner_text()
        page.get_by_role("button", name="Step").click()
        assert "Step 1: θ is 1.13." in page.locator(".lf-readout").inner_text()
        before = canvas(page)
        page.get_by_label("points").uncheck()
        assert canvas(page) != before
        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").wait_for()
        page.get_by_role("button", name="Play").wait_for(timeout=20_000)
        assert page.get_by_label("step t").input_value() == "20"
        status = page.locator(".lf-status")
        page.wait_for_function(
            "document.querySelector('.lf-status').textContent.includes('Step 20')"
        )
        assert "θ is" in status.inner_text()


@pytest.mark.browser
def test_handle_follows_pointer_and_keys(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING) as page:
        handle = page.get_by_role("slider", name="Start")
        assert handle.get_attribute("aria-valuetext") == "θ 1.5"
        handle.focus()
        page.keyboard.press("ArrowDown")
        assert handle.get_attribute("aria-valuenow") == "1.4"
        page.keyboard.press("Shift+ArrowDown")
        assert handle.get_attribute("aria-valuenow") == "0.4"
        box = handle.bounding_box()
        stage = page.locator(".lf-stage").bounding_box()
        assert box is not None and stage is not None
        assert min(box["width"], box["height"]) >= 44
        x, y = box["x"] + 22, box["y"] + 22
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 5, y + 400, steps=4)
        page.mouse.up()
        page.mouse.move(x, y)  # released: must not follow
        assert handle.get_attribute("aria-valuenow") == "-2", "it stays in the plot"
        page.get_by_role("button", name="Reset").click()
        assert handle.get_attribute("aria-valuenow") == "1.5"


@pytest.mark.browser
def test_a_finger_drags_the_handle_without_scrolling_the_page(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING, width=390) as page:
        page.set_viewport_size({"width": 390, "height": 300})  # so small that it could scroll
        handle = page.get_by_role("slider", name="Start")
        handle.scroll_into_view_if_needed()
        box, before = handle.bounding_box(), page.evaluate("scrollY")
        assert box is not None
        x, y = box["x"] + 22, box["y"] + 22
        touch = page.context.new_cdp_session(page)
        for kind, down in [("touchStart", 0), ("touchMove", 20), ("touchMove", 40)]:
            points = [{"x": x, "y": y + down}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        height = page.locator(".lf-stage").evaluate("e => e.clientHeight - 52")  # the frame's
        moved = float(str(handle.get_attribute("aria-valuenow")))
        assert moved == pytest.approx(1.5 - 40 * 4 / height, abs=0.15)
        assert page.evaluate("scrollY") == before


@pytest.mark.browser
def test_every_control_is_named_and_shows_focus(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING) as page:
        reached = []
        for _ in range(8):
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
        order = ["Start", "Play", "Step", "Reset", "step t", "rate α", "points", ""]
        assert reached == order
        assert page.get_by_label("rate α").get_attribute("aria-valuetext") == "0.25"


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_fits_the_screen(figure_page: Open, width: int) -> None:
    with figure_page("halving", SETTINGS, module=HALVING, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        least = page.evaluate(
            """Math.min(...[...document.querySelectorAll("button, input[type=range], .lf-check")]
               .map((e) => e.getBoundingClientRect().height))"""
        )
        assert least >= (44 if width < 500 else 24)


@pytest.mark.browser
def test_theme_is_followed_at_once(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING) as page:
        light = canvas(page)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() !== b", arg=light
        )
        page.evaluate("delete document.documentElement.dataset.theme")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() === b", arg=light
        )
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "b => document.querySelector('.lf-stage canvas').toDataURL() !== b", arg=light
        )


@pytest.mark.browser
def test_reduced_motion_jumps(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING, reduced_motion="reduce") as page:
        page.get_by_role("button", name="Reset").click()
        page.get_by_role("button", name="Play").click()
        assert page.get_by_label("step t").input_value() == "20"


@pytest.mark.browser
def test_print_shows_the_static_picture(figure_page: Open) -> None:
    with figure_page("halving", SETTINGS, module=HALVING) as page:
        page.emulate_media(media="print")
        assert page.locator("svg").is_visible()
        assert not page.locator(".lf").is_visible()
