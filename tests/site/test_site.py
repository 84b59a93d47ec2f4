"""The built site: no warning, no outside request, no leaked answer, nothing broken or unreadable.

How the site is built for them says tests/site/conftest.py.
"""

from __future__ import annotations

import functools
import html
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from autograder.definition import load_problem_set

from .pages import of_pages, pages_with_contents

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = [
    "learning-as-optimization",
    *("sgd", "momentum"),
    *("rprop", "adagrad", "rmsprop", "adadelta", "adam"),
    "curvature",
    "initialization",
    "activations",
    "batch-normalization",
    *("natural-gradient", "prong"),
    *("dropout", "regularization"),
    "efficient-models",
    "parallel-training",
    "strategies",
    "which-optimizer",
]
PARTS = [  # in this order
    "Why",
    "One step by hand",
    "The rule",
    "Why it works",
    "On data",
    "What goes wrong",
    "In practice",
    "In the lectures",
    "Exercise",
    "Check yourself",
    "Further reading",
]


class Parsed(HTMLParser):
    """What the tests ask of a page: its tags with attributes, its ids, its headings."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.ids: set[str] = set()
        self.styles: list[str] = []
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        self.tags.append((tag, values))
        self.ids.update(values[key] for key in ("id", "name") if key in values)
        self._in_style = tag == "style"
        if "style" in values:
            self.styles.append(values["style"])

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)
            self._in_style = False


@functools.cache
def parsed(page: Path) -> Parsed:
    return Parsed(page.read_text(encoding="utf-8"))


def pages(site: Path) -> list[Path]:
    found = sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)
    assert len(found) > len(CHAPTERS)
    return found


def is_outside(url: str) -> bool:
    return url.strip().startswith(("http:", "https:", "//"))


def test_a_build_that_warns_fails(tmp_path: Path) -> None:
    """Plain `jupyter-book build .` is strict: a dangling link ends it with a non-zero status."""
    (tmp_path / "strict.py").write_bytes((ROOT / "book" / "_ext" / "strict.py").read_bytes())
    (tmp_path / "index.md").write_text("# Title\n\n[nowhere](missing.md)\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (tmp_path / "_config.yml").write_text("sphinx:\n  local_extensions:\n    strict: .\n")
    tool = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run(
        [str(tool), "build", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "missing" in done.stdout + done.stderr


def test_nothing_is_loaded_from_outside(site: Path) -> None:
    outside = []
    for page in pages(site):
        for tag, attrs in parsed(page).tags:
            if tag in ("script", "img", "iframe", "source", "video", "audio", "embed", "object"):
                urls = [attrs.get("src", ""), attrs.get("data", "")]
            elif tag == "link" and attrs.get("rel", "") not in ("license", "author", "canonical"):
                urls = [attrs.get("href", "")]
            else:
                continue
            outside += [f"{page.name}: <{tag}> {url}" for url in urls if is_outside(url)]
        for style in parsed(page).styles:
            outside += [f"{page.name}: {url}" for url in urls_in_css(style) if is_outside(url)]
    for sheet in site.rglob("*.css"):
        found = urls_in_css(sheet.read_text(encoding="utf-8"))
        outside += [f"{sheet.name}: {url}" for url in found if is_outside(url)]
    assert not outside, "\n".join(outside)


def urls_in_css(text: str) -> list[str]:
    linked = re.findall(r"url\(\s*['\"]?([^'\")]+)", text)
    imported = re.findall(r"@import\s+['\"]([^'\"]+)", text)
    return linked + imported


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def solution_lines() -> dict[str, str]:
    """Lines that only an answer has, without white space, and where they stand.

    A line counts if it has twelve characters or more, opens no block and stands nowhere in its
    file outside the solution markers, nor in a driver.
    """
    found: dict[str, str] = {}
    for source in sorted((ROOT / "solutions").glob("*/*.py")):
        inside, answers, rest = False, [], []
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1):
            mark = line.strip()
            if mark in ("### BEGIN SOLUTION", "### END SOLUTION"):
                inside = mark == "### BEGIN SOLUTION"
            elif inside:
                answers.append((number, mark))
            else:
                rest.append(line)
        # what students get as locked cells is no answer, either
        exercises = load_problem_set(source.stem).exercises
        rest += [exercise.driver_source() for exercise in exercises if exercise.driver]
        public = squeezed("\n".join(rest))
        for number, line in answers:
            plain = squeezed(line)
            opens_block = line.endswith(":") or line.startswith(("import ", "from ", "#"))
            seeds = re.fullmatch(r"torch\.manual_seed\(\d+\)", line)  # anyone writes this line
            if len(plain) >= 12 and not opens_block and not seeds and plain not in public:
                found[plain] = f"{source.name}:{number}"
    return found


def texts_of(path: Path, data: bytes) -> Iterator[tuple[str, str]]:
    """Yield every text in a file: as it stands, as a reader sees it, and inside archives."""
    if path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                for name, text in texts_of(Path(member), archive.read(member)):
                    yield f"{path.name}/{name}", text
        return
    text = data.decode("utf-8", errors="ignore")
    yield path.name, text
    if path.suffix == ".html":
        yield path.name, html.unescape(re.sub(r"<[^>]*>", "", text))
    if path.suffix in (".ipynb", ".json"):
        yield path.name, "\n".join(strings(json.loads(text)))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        if all(isinstance(part, str) for part in value):
            yield "".join(value)
        else:
            for part in value:
                yield from strings(part)


def leaks_in(folder: Path) -> list[str]:
    answers = solution_lines()
    leaks = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if "vendor" in path.parts or path.suffix in (".woff", ".woff2", ".ttf", ".png"):
            continue
        for name, text in texts_of(path, path.read_bytes()):
            plain = squeezed(text)
            leaks += [
                f"{path.relative_to(folder)} ({name}) holds {where}: {line}"
                for line, where in answers.items()
                if line in plain
            ]
    return sorted(set(leaks))


def test_no_answer_is_in_the_site(site: Path) -> None:
    assert len(solution_lines()) >= 10
    leaks = leaks_in(site)
    assert not leaks, "\n".join(leaks)


@pytest.mark.parametrize("form", ["html", "ipynb", "zip"])
def test_a_leaked_answer_would_be_found(tmp_path: Path, form: str) -> None:
    """The leak test itself: an answer hidden in a page, a notebook or an archive is noticed."""
    line = next(iter(solution_lines()))
    if form == "html":
        page = "".join(f"<span>{html.escape(c)}</span> " for c in line)
        (tmp_path / "page.html").write_text(page)
    elif form == "ipynb":
        (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [{"source": [line[:5], line[5:]]}]}))
    else:
        with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
            archive.writestr("inner.py", line)
    assert leaks_in(tmp_path)


def test_internal_links_lead_somewhere(site: Path) -> None:
    broken = []
    for page in pages(site):
        for tag, attrs in parsed(page).tags:
            url = attrs.get("href" if tag in ("a", "link") else "src", "")
            parts = urlsplit(url)
            if (
                not url
                or parts.scheme
                or is_outside(url)
                or tag not in ("a", "link", "script", "img")
            ):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append(f"{page.relative_to(site)}: {url}: no such file")
            elif tag == "a" and parts.fragment and target.suffix == ".html":
                fragment = unquote(parts.fragment)
                if fragment not in parsed(target).ids:
                    broken.append(f"{page.relative_to(site)}: {url}: no such place")
    assert not broken, "\n".join(broken)


def test_every_picture_has_a_text(site: Path) -> None:
    silent = []
    for page in pages(site):
        for tag, attrs in parsed(page).tags:
            if tag == "img" and not attrs.get("alt", "").strip():
                silent.append(f"{page.name}: {attrs.get('src')}")
            if tag == "svg" and attrs.get("role") == "img" and not attrs.get("aria-label"):
                silent.append(f"{page.name}: an SVG")
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("chapter", of_pages(f"book/{chapter}" for chapter in CHAPTERS))
def test_a_chapter_has_its_parts(site: Path, chapter: str) -> None:
    text = (site / f"{chapter}.html").read_text(encoding="utf-8")
    headings = [
        html.unescape(re.sub(r"<[^>]*>", "", found)).strip("# \n")
        for found in re.findall(r"<h2>(.*?)</h2>", text, flags=re.S)
    ]
    assert [heading for heading in headings if heading in PARTS] == PARTS
    assert text.index('class="question') < text.index("data-figure=") < text.index("<h2>Why<")
    assert 'class="question' in text
    assert text.count("<details") - text.count("hide above-input") >= 3
    assert 'class="algorithm admonition' in text or chapter == "book/learning-as-optimization"
    assert re.search(r'href="exercises/ps\d\d', text)
    assert 'href="bibliography.html#' in text
    assert re.search(r'href="errata.html#', text)
    assert re.search(r'class="[^"]*pasted-text', text), "numbers in the text come from the run"


# --- in a browser -------------------------------------------------------------------------------


class Visit:
    """A page with everything outside 127.0.0.1 blocked, and a list of what went wrong."""

    def __init__(self, browser: Browser, address: str, theme: str, width: int):
        self.troubles: list[str] = []
        self.address = address
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
        )
        context.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        )
        context.route("**/*", self._gate)
        self.context = context
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.troubles.append(f"script error: {error}"))
        self.page.on(
            "console",
            lambda said: self.troubles.append(said.text) if said.type == "error" else None,
        )

    def _gate(self, route) -> None:  # type: ignore[no-untyped-def]
        url = route.request.url
        if url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.troubles.append(f"outside request: {url}")
            route.abort()

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="load")
        return self.page


READY = """async () => {
  await document.fonts.ready;
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  await new Promise((done) => setTimeout(done, 150));
  return {
    wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    raw: [...document.querySelectorAll('.bd-article .math')]
      .filter((node) => !node.querySelector('mjx-container')).map((node) => node.textContent),
    wrong: [...document.querySelectorAll('mjx-merror')].map((node) => node.textContent),
    figures: [...document.querySelectorAll('figure canvas')]
      .filter((canvas) => canvas.getBoundingClientRect().width > 200).length,
    theme: document.documentElement.dataset.theme,
    wide: [...document.querySelectorAll('.course-panel svg')]
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 1).length,
  };
}"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_in_a_browser(
    site: Path, address: str, browser: Browser, whole: bool, theme: str, width: int
) -> None:
    visit = Visit(browser, address, theme, width)
    for file in pages_with_contents(site, whole):
        path = file.relative_to(site).as_posix()
        if path == "index.html":  # only sends the reader on
            continue
        state = visit.open(path).evaluate(READY)
        if state["wider"] > 0:
            visit.troubles.append(f"{state['wider']} px wider than the screen")
        if state["wide"]:
            visit.troubles.append("a figure sticks out")
        visit.troubles += [f"formula not typeset: {text}" for text in state["raw"]]
        visit.troubles += [f"formula wrong: {text}" for text in state["wrong"]]
        if path in figured() and not state["figures"]:
            visit.troubles.append("the interactive figure is not drawn")
        assert state["theme"] == theme
        assert not visit.troubles, f"{path}: " + "; ".join(visit.troubles)
    visit.context.close()


def figured() -> set[str]:
    """The pages whose sources ask for an interactive figure."""
    return {
        source.relative_to(ROOT).with_suffix(".html").as_posix()
        for source in (ROOT / "book").rglob("*.md")
        if "```{optimizer-figure}" in source.read_text(encoding="utf-8")
    }


@pytest.mark.browser
def test_search_finds_a_chapter(address: str, browser: Browser) -> None:
    visit = Visit(browser, address, "light", 1280)
    page = visit.open("search.html?q=Nesterov")
    page.wait_for_selector("#search-results li a")
    hits = page.locator("#search-results li a").all_inner_texts()
    assert any("Momentum" in hit for hit in hits)
    assert not visit.troubles
    visit.context.close()


@pytest.mark.slow
@pytest.mark.browser
def test_answers_unfold(address: str, browser: Browser) -> None:
    visit = Visit(browser, address, "light", 1280)
    page = visit.open("book/momentum.html")
    answer = page.get_by_text("that keeps the effective rate")
    assert not answer.is_visible()
    page.get_by_text("You tuned SGD and found").click()
    assert answer.is_visible()
    visit.context.close()
