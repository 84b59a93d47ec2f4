"""The map of the course, and how long everything takes.

Every chapter says below its title how long it takes to read. A directive and a role show what is
known of all of them, and take it from the pages and the problem sets when the site is built::

    ```{course-map}
    ```
    {course-hours}`reading` hours, {course-hours}`exercises` hours, {course-hours}`sum` hours

``course-map`` lists the chapters in the order of ``_toc.yml`` (its numbered parts), each with what
it repairs of which other chapter, as ``book/course-map.yml`` says, and draws lines between them.

Reading time: ``WORDS`` words a minute, and ``PAUSE`` minutes for each displayed formula, figure and
table of a page; code and what is drawn by it is counted as one figure. The times of the problem
sets are those that their exercises state. A chapter without an entry in the map is a warning; an
entry without its chapter, as in a book with a shorter table of contents, is left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx_external_toc.api import SiteMap

WORDS, PAUSE = 180, 0.5
FOLDER = "book/"
MAP = FOLDER + "course-map.yml"
HOURS = ("reading", "exercises", "sum")
COLOURS = 6
_logger = logging.getLogger(__name__)


class Link(NamedTuple):
    """What a chapter repairs: ``failing`` of the chapter ``of``, both in the map's words."""

    of: str
    failing: str


class Place(NamedTuple):
    """A chapter on the map: what it repairs, or where that is nothing, what it is about."""

    chapter: str
    about: str
    repairs: list[Link]
    leaves: str


# ---- times ---------------------------------------------------------------------------------------


def reading_minutes(doctree: nodes.document) -> float:
    """How long a page takes to read, by the rule above."""
    words, pauses = 0, 0

    def count(node: nodes.Node) -> None:
        nonlocal words, pauses
        if isinstance(node, nodes.Element) and "cell" in node.get("classes", []):
            pauses += "tag_remove-cell" not in node["classes"]
        elif isinstance(node, nodes.math_block | nodes.table | nodes.figure | nodes.image):
            pauses += 1
        elif isinstance(node, nodes.Text):
            words += len(str(node).split())
        elif isinstance(node, nodes.math):
            words += 1
        elif not isinstance(
            node, nodes.literal_block | nodes.raw | nodes.comment | nodes.Invisible
        ):
            for child in node.children:
                count(child)

    count(doctree)
    return words / WORDS + PAUSE * pauses


def stated_minutes(folder: Path) -> int:
    """Sum of the times that the exercises in the released problem sets state."""
    total = 0
    for path in folder.glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        total += sum(map(int, re.findall(r"[Aa]bout ([0-9]+) minutes", text)))
    return total


def rounded(minutes: float) -> int:
    """To five minutes: nobody reads more exactly than that."""
    return max(5, 5 * round(minutes / 5))


# ---- chapters ------------------------------------------------------------------------------------


def parts(site_map: SiteMap) -> list[tuple[str, list[str]]]:
    """The numbered parts of the table of contents: their captions, and the names of their pages."""
    trees = site_map.root.subtrees
    return [(tree.caption or "", tree.files()) for tree in trees if tree.numbered]


def read_map(path: Path) -> dict[str, Place]:
    """The entries of ``course-map.yml`` by the names of their pages.

    Raises:
        ExtensionError: two entries for a chapter; an entry that says nothing, or names a chapter
            that does not come before it.
    """
    found: dict[str, Place] = {}
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        name = entry["chapter"]
        links = [Link(FOLDER + link["of"], link["failing"]) for link in entry.get("repairs", [])]
        if FOLDER + name in found:
            raise ExtensionError(f"{path.name}: {name} has two entries")
        if not links and not entry.get("about"):
            raise ExtensionError(f"{path.name}: {name} needs `repairs` or `about`")
        for link in links:
            if link.of not in found:
                other = link.of.removeprefix(FOLDER)
                raise ExtensionError(f"{path.name}: {name} repairs {other}, which is not above it")
        found[FOLDER + name] = Place(
            FOLDER + name, entry.get("about", ""), links, entry.get("leaves", "")
        )
    return found


def check_map(app: Sphinx) -> None:
    """Warn of chapters that the map lacks."""
    known = read_map(Path(app.srcdir) / MAP)
    for _, pages in parts(app.config.external_site_map):
        for page in pages:
            if page not in known:
                _logger.warning("%s is not on the map: give it an entry in %s", page, MAP)


# ---- lines ---------------------------------------------------------------------------------------


def lanes(spans: list[tuple[int, int]]) -> list[int]:
    """A lane for each line from row to row, short ones first, so that no two share a place."""
    taken: list[list[tuple[int, int]]] = []
    chosen = [0] * len(spans)
    for i in sorted(range(len(spans)), key=lambda i: (spans[i][1] - spans[i][0], spans[i])):
        first, last = spans[i]
        for lane, others in enumerate(taken):  # noqa: B007 - used after the loop
            if all(last < a or b < first for a, b in others):
                break
        else:
            lane = len(taken)
            taken.append([])
        taken[lane].append(spans[i])
        chosen[i] = lane
    return chosen


def drawn(places: list[Place]) -> tuple[int, list[str]]:
    """How many lanes there are, and the lines of each row as HTML.

    A line leaves each chapter that others repair, goes down in a lane of its own, and turns off to
    each of them.
    """
    row = {place.chapter: i for i, place in enumerate(places)}
    ends: dict[int, list[int]] = {}
    for i, place in enumerate(places):
        for link in place.repairs:
            if link.of in row:
                ends.setdefault(row[link.of], []).append(i)
    starts = list(ends)
    lane = dict(zip(starts, lanes([(s, max(ends[s])) for s in starts]), strict=True))
    rows = []
    for i in range(len(places)):
        pieces = []
        for s in starts:
            style = f'style="--lane:{lane[s]}" data-colour="{s % COLOURS}"'
            if i == s:
                pieces.append(f'<i class="starts" {style}></i>')
            elif i in ends[s]:
                pieces.append(f'<i class="ends" {style}></i>')
                if i < max(ends[s]):
                    pieces.append(f'<i class="passes" {style}></i>')
            elif s < i < max(ends[s]):
                pieces.append(f'<i class="passes" {style}></i>')
        dot = f'<b data-colour="{i % COLOURS}"></b>'
        rows.append(f'<div class="lines" aria-hidden="true">{"".join(pieces)}{dot}</div>')
    return max(lane.values(), default=-1) + 1, rows


# ---- pages ---------------------------------------------------------------------------------------


class map_placeholder(nodes.General, nodes.Element):
    """Where the map goes once all pages have been read."""


class hours_placeholder(nodes.Inline, nodes.Element):
    """Where a number of hours goes: of ``reading`` or ``exercises``, or their ``sum``."""


class CourseMap(SphinxDirective):
    """``course-map``: all chapters, and what each repairs."""

    def run(self) -> list[nodes.Node]:
        _pages_with_placeholders(self.env).add(self.env.docname)
        return [map_placeholder()]


class Hours(SphinxRole):
    """``{course-hours}`reading``` and so on: whole hours."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text not in HOURS:
            message = f"course-hours: one of {', '.join(HOURS)}, not {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        _pages_with_placeholders(self.env).add(self.env.docname)
        return [hours_placeholder(what=self.text)], []


def _minutes(env: BuildEnvironment) -> dict[str, float]:
    if not hasattr(env, "course_minutes"):
        env.course_minutes = {}  # type: ignore[attr-defined]
    found: dict[str, float] = env.course_minutes  # type: ignore[attr-defined]
    return found


def _pages_with_placeholders(env: BuildEnvironment) -> set[str]:
    if not hasattr(env, "course_map_pages"):
        env.course_map_pages = set()  # type: ignore[attr-defined]
    found: set[str] = env.course_map_pages  # type: ignore[attr-defined]
    return found


def measure(app: Sphinx, doctree: nodes.document) -> None:
    """Remember how long a chapter takes, and say it below its title."""
    page = app.env.docname
    if all(page not in pages for _, pages in parts(app.config.external_site_map)):
        return
    minutes = _minutes(app.env)[page] = reading_minutes(doctree)
    section = next(iter(doctree.findall(nodes.section)))
    said = f"About {rounded(minutes)} minutes to read"
    section.insert(1, nodes.paragraph("", said, classes=["reading-time"]))


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    _minutes(env).pop(page, None)
    _pages_with_placeholders(env).discard(page)


def merge(app: Sphinx, env: BuildEnvironment, pages: list[str], other: BuildEnvironment) -> None:
    _minutes(env).update((p, m) for p, m in _minutes(other).items() if p in pages)
    _pages_with_placeholders(env).update(_pages_with_placeholders(other) & set(pages))


def pages_to_write(app: Sphinx, env: BuildEnvironment) -> set[str]:
    """Pages that show what is known of all others are always written anew."""
    return _pages_with_placeholders(env) & set(env.found_docs)


def hours(app: Sphinx) -> dict[str, int]:
    """Hours of reading, of the problem sets, and of both."""
    read = sum(map(rounded, _minutes(app.env).values())) / 60
    solve = stated_minutes(Path(app.srcdir) / FOLDER / "exercises") / 60
    whole = {"reading": round(read), "exercises": round(solve)}
    return {**whole, "sum": sum(whole.values())}


def fill(app: Sphinx, doctree: nodes.document, page: str) -> None:
    for spot in list(doctree.findall(hours_placeholder)):
        spot.replace_self(nodes.Text(str(hours(app)[spot["what"]])))
    for spot in list(doctree.findall(map_placeholder)):
        spot.replace_self(_map(app, page))


def _map(app: Sphinx, page: str) -> nodes.container:
    known = read_map(Path(app.srcdir) / MAP)
    minutes = _minutes(app.env)

    def link(to: str, short: bool = False) -> nodes.Node:
        if to not in app.env.titles:
            return nodes.Text(to.removeprefix(FOLDER))
        title = app.env.titles[to].astext()
        uri = app.builder.get_relative_uri(page, to)
        return nodes.reference(
            "", title.split(":")[0] if short else title, internal=True, refuri=uri
        )

    listed = [
        (caption if i == 0 else "", known[chapter])
        for caption, pages in parts(app.config.external_site_map)
        for i, chapter in enumerate(pages)
        if chapter in known
    ]
    width, lines = drawn([place for _, place in listed])
    whole = nodes.container(classes=["course-map"])
    whole += nodes.raw("", f'<div class="rows" style="--lanes:{width}">', format="html")
    for (caption, place), row in zip(listed, lines, strict=True):
        first = " first" if caption else ""
        whole += nodes.raw(
            "", f'<div class="chapter{first}">{row}<div class="words">', format="html"
        )
        if caption:
            whole += nodes.paragraph("", caption, classes=["part"])
        title = nodes.paragraph("", "", link(place.chapter), classes=["title"])
        if place.chapter in minutes:
            title += nodes.inline("", f" {rounded(minutes[place.chapter])} min", classes=["time"])
        whole += title
        if place.about:
            whole += nodes.paragraph("", place.about)
        for of, failing in place.repairs:
            line = nodes.paragraph("", "", nodes.strong("", "repairs"), classes=["repairs"])
            line += [nodes.Text(f" {failing} ← "), link(of, short=True)]
            whole += line
        if place.leaves:
            line = nodes.paragraph("", "", nodes.emphasis("", "leaves"), classes=["leaves"])
            line += nodes.Text(f" {place.leaves}")
            whole += line
        whole += nodes.raw("", "</div></div>", format="html")
    whole += nodes.raw("", "</div>", format="html")
    return whole


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_node(map_placeholder)
    app.add_node(hours_placeholder)
    app.add_directive("course-map", CourseMap)
    app.add_role("course-hours", Hours())
    app.connect("builder-inited", check_map)
    app.connect("doctree-read", measure)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", pages_to_write)
    app.connect("doctree-resolved", fill)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
