"""How pages look and behave in a browser: accessibility, focus, weight, search, phones."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .pages import of_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Axe = Callable[["Page"], list[str]]
ROOT = Path(__file__).resolve().parents[2]
LIMIT = 1_000_000  # bytes on the wire for a first visit, with a server that compresses


def sources() -> list[str]:
    """Pages of the book, by their names in it; of the problem sets, which are alike, two."""
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    named = re.findall(r"(?:file|root): (book/\S+)", toc)
    return [*named, "book/exercises/ps01-sgd"]


PAGES = sources()


@pytest.fixture
def first_visit(browser: Browser) -> Iterator[Page]:
    """A browser that has never been here."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def settle(page: Page) -> None:
    """Wait until formulas are typeset, and fonts there."""
    page.evaluate("""async () => {
      await document.fonts.ready;
      if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
      await new Promise((done) => setTimeout(done, 100));
    }""")


TWO = [(1280, "light"), (390, "dark")]
ALL = [*TWO, (1280, "dark"), (390, "light")]


def states_of_pages() -> list[Any]:
    """Each page as it is looked at: those of the small site twice, others in one way or the other.

    Pages of a kind have their colours and widths from the same style sheets.
    """
    params = []
    for number, param in enumerate(of_pages([*PAGES, "search"])):
        (name,), marks = param.values, param.marks
        states = [TWO[number % 2]] if marks else TWO
        params.append(pytest.param(name, states, marks=marks, id=name))
        params.append(pytest.param(name, ALL, marks=pytest.mark.long, id=f"{name}-all"))
    return params


@pytest.mark.browser
@pytest.mark.parametrize(("name", "states"), states_of_pages())
def test_axe_finds_nothing_serious(
    address: str, first_visit: Page, axe: Axe, name: str, states: list[tuple[int, str]]
) -> None:
    page = first_visit
    page.goto(f"{address}{name}.html" + ("?q=momentum" if name == "search" else ""))
    settle(page)
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    for width, theme in states:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.wait_for_timeout(350)  # colours fade
        assert not axe(page), f"{theme}, {width} px"


@pytest.mark.browser
def test_axe_would_find_something(first_visit: Page, axe: Axe) -> None:
    first_visit.set_content("<html lang=en><title>t</title><main><img src='data:,'></main></html>")
    assert any(found.startswith("image-alt") for found in axe(first_visit))


@pytest.mark.browser
def test_a_first_visit_has_nothing_to_complain_of(address: str, first_visit: Page) -> None:
    said: list[str] = []
    first_visit.on(
        "console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None
    )
    first_visit.goto(f"{address}book/index.html")
    settle(first_visit)
    assert said == []


@pytest.mark.browser
@pytest.mark.parametrize("name", of_pages(PAGES))
def test_a_page_is_light(site: Path, address: str, first_visit: Page, name: str) -> None:
    loaded: set[str] = set()
    first_visit.on("requestfinished", lambda request: loaded.add(request.url))
    first_visit.goto(f"{address}{name}.html", wait_until="networkidle")
    settle(first_visit)
    weights = {}
    for url in loaded:
        path = site / url.removeprefix(address).split("?")[0].split("#")[0]
        if path.is_file():
            data = path.read_bytes()
            packed = path.suffix in (".png", ".woff", ".woff2", ".zip", ".whl")
            weights[path.name] = len(data) if packed else len(gzip.compress(data, 6))
    assert len(weights) > 10, "the page and what it loads"
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:6]
    assert sum(weights.values()) <= LIMIT, f"{sum(weights.values())} bytes; heaviest: {heaviest}"


def test_the_icon_font_holds_the_icons_in_use_and_no_others(site: Path) -> None:
    from fontTools.ttLib import TTFont

    font = site / "_static" / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.woff2"
    glyphs = set(TTFont(font).getBestCmap())
    # by their numbers in Font Awesome's list: bars, magnifying-glass, sun, moon, download, chevron
    assert {0xF0C9, 0xF002, 0xF185, 0xF186, 0xF019, 0xF078} <= glyphs
    assert font.stat().st_size < 12_000
    assert len(glyphs) < 60
    assert not list((site / "_static").rglob("fontawesome.js"))
    assert "fontawesome.js" not in (site / "book" / "index.html").read_text("utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("query", ["momentum", "learning rate", "Hessian"])
def test_search_quotes_words(address: str, first_visit: Page, query: str) -> None:
    first_visit.goto(f"{address}search.html?q={query}")
    first_visit.wait_for_selector("#search-results li p.context")
    first_visit.wait_for_timeout(1500)
    quotes = first_visit.locator("#search-results li p.context").all_inner_texts()
    assert quotes
    for quote in quotes:
        assert not re.search(r"\\[a-zA-Z(\[]|\.(md|pdf|ipynb)\b|\bimport \w", quote), quote


# What sticks out of its box, with what can be done about it; MathJax's own helpers are clipped.
CUT_OFF = """() => [...document.querySelectorAll(".bd-article *")]
  .filter((node) => (node.matches("span.math")
    ? node.firstElementChild.getBoundingClientRect().width : node.scrollWidth)
    > node.clientWidth + 1 && node.clientWidth > 40
    && !node.closest("mjx-assistive-mml, mjx-ext, svg, .visually-hidden, .sr-only")
    && getComputedStyle(node).overflowX !== "visible")
  .filter((node) => !node.classList.contains("scrolls") || node.tabIndex < 0
    || !["auto", "scroll"].includes(getComputedStyle(node).overflowX))
  .filter((node) => !node.matches("select, input, textarea"))
  .map((node) => `${node.tagName}.${node.className}: ${node.textContent.trim().slice(0, 60)}`)"""


@pytest.mark.browser
@pytest.mark.parametrize("name", of_pages(PAGES))
def test_nothing_is_cut_off_on_a_phone_without_a_sign(
    address: str, browser: Browser, name: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(f"{address}{name}.html")
    settle(page)
    page.evaluate("document.querySelectorAll('details').forEach((node) => (node.open = true))")
    page.wait_for_timeout(200)
    assert not page.evaluate(CUT_OFF)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for box in page.locator(".scrolls:visible").all()[:5]:
        more: Any = box.evaluate(
            "(node) => [getComputedStyle(node).maskImage, node.dataset.more, node.scrollLeft]"
        )
        assert "gradient" in more[0], "a fade shows that there is more"
        assert "right" in more[1]
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", of_pages(["book/which-optimizer", "book/momentum"]))
def test_focus_is_seen_on_every_control(address: str, first_visit: Page, name: str) -> None:
    first_visit.goto(f"{address}{name}.html")
    settle(first_visit)
    seen = set()
    for _ in range(70):
        first_visit.keyboard.press("Tab")
        state = first_visit.evaluate("""() => {
          const node = document.activeElement, look = getComputedStyle(node);
          return {tag: node.tagName, what: node.outerHTML.slice(0, 120),
            outline: look.outlineStyle === "none" ? 0 : parseFloat(look.outlineWidth),
            region: node.closest(".bd-sidebar-primary, .bd-header, .bd-header-article")?.className};
        }""")
        if state["tag"] == "BODY":
            break
        seen.add(state["region"])
        assert state["outline"] >= 2, f"no visible focus: {state['what']}"
    assert len(seen) >= 3, "sidebar, header and article were reached"
