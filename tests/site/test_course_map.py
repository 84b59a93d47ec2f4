"""The map of the course and its times: every chapter is there, and all numbers come from pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import course_map
import pytest
import yaml
from course_map import Link, Place
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
CHAPTERS = [c["file"] for part in TOC["parts"] if part.get("numbered") for c in part["chapters"]]
ENTRIES = yaml.safe_load((ROOT / course_map.MAP).read_text("utf-8"))
SHOWN = ["book/index", "book/how-to-use"]


# ---- what the map says ---------------------------------------------------------------------------


def test_the_map_names_every_chapter() -> None:
    named = [f"book/{entry['chapter']}" for entry in ENTRIES]
    assert len(named) == len(set(named))
    assert set(CHAPTERS) <= set(named)
    unlisted = [name for name in named if name not in CHAPTERS and (ROOT / f"{name}.md").exists()]
    assert not unlisted, "pages on the map that are no chapters"


def test_lines_lead_down() -> None:
    for entry in ENTRIES:
        for link in entry.get("repairs", []):
            pair = [f"book/{link['of']}", f"book/{entry['chapter']}"]
            if set(pair) <= set(CHAPTERS):
                assert CHAPTERS.index(pair[0]) < CHAPTERS.index(pair[1]), pair


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {chapter: a, about: x}\n- {chapter: a, about: y}", "a has two entries"),
        ("- {chapter: a, leaves: x}", "a needs `repairs` or `about`"),
        ("- {chapter: a, repairs: [{of: b, failing: x}]}", "a repairs b, which is not above it"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "map.yml").write_text(text)
    with pytest.raises(course_map.ExtensionError, match=re.escape(said)):
        course_map.read_map(tmp_path / "map.yml")


def test_a_chapter_that_is_not_on_the_map_fails_the_build(tmp_path: Path) -> None:
    for name in ("strict.py", "course_map.py"):
        (tmp_path / name).write_bytes((BOOK / "_ext" / name).read_bytes())
    book = tmp_path / "book"
    book.mkdir()
    (book / "index.md").write_text("# Title\n\n```{course-map}\n```\n")
    for name in ("known", "unknown"):
        (book / f"{name}.md").write_text(f"# A {name} chapter\n\nWords.\n")
    (book / "course-map.yml").write_text("- {chapter: known, about: something}\n")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n  - caption: Part\n    numbered: 1\n"
        "    chapters:\n      - file: book/known\n      - file: book/unknown\n"
    )
    (tmp_path / "_config.yml").write_text(
        "sphinx:\n  local_extensions:\n    strict: .\n    course_map: .\n"
    )
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [str(tool), "build", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "book/unknown is not on the map" in done.stdout + done.stderr
    page = (tmp_path / "_build/html/book/index.html").read_text("utf-8")
    assert "A known chapter" in page.split('class="course-map')[1]


# ---- lines ---------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)).map(lambda p: (p[0], sum(p)))))
def test_no_two_lines_share_a_place(spans: list[tuple[int, int]]) -> None:
    taken: set[tuple[int, int]] = set()
    for (first, last), lane in zip(spans, course_map.lanes(spans), strict=True):
        places = {(lane, row) for row in range(first, last + 1)}
        assert not places & taken
        taken |= places


@st.composite
def maps(draw: st.DrawFn) -> list[Place]:
    n = draw(st.integers(1, 9))
    found = []
    for i in range(n):
        of = draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else set()
        found.append(Place(str(i), "", [Link(str(j), "x") for j in sorted(of)], ""))
    return found


@given(maps())
def test_the_lines_are_those_of_the_map(places: list[Place]) -> None:
    """Follow every line from its chapter down; it turns off where that chapter is repaired."""
    _, rows = course_map.drawn(places)
    pieces = [re.findall(r'<i class="(\w+)" style="--lane:(\d+)"', row) for row in rows]
    followed = set()
    for start, row in enumerate(pieces):
        for lane in [lane for kind, lane in row if kind == "starts"]:
            at, goes_on = start + 1, True
            while goes_on:
                kinds = [kind for kind, other in pieces[at] if other == lane]
                assert kinds in (["passes"], ["ends"], ["ends", "passes"])
                if "ends" in kinds:
                    followed.add((str(start), str(at)))
                goes_on = "passes" in kinds
                at += 1
    assert followed == {(link.of, p.chapter) for p in places for link in p.repairs}
    drawn = sum(kind in ("starts", "ends") for row in pieces for kind, _ in row)
    assert drawn == len(followed) + len({start for start, _ in followed})


# ---- times ---------------------------------------------------------------------------------------


def test_reading_time_is_words_and_pauses() -> None:
    page = publish_doctree("word " * 360 + "\n\n.. math:: x\n\n.. image:: x.png\n\n::\n\n  code\n")
    assert course_map.reading_minutes(page) == pytest.approx(360 / 180 + 2 * 0.5)
    for classes, more in ((["cell"], 0.5), (["cell", "tag_remove-cell"], 0.0)):
        before = course_map.reading_minutes(page)
        page += nodes.container("", nodes.paragraph("", "seven words"), classes=classes)
        assert course_map.reading_minutes(page) == pytest.approx(before + more)


def article(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text("utf-8")


@pytest.mark.parametrize("name", SHOWN)
def test_the_map_has_each_chapter_with_its_reading_time(site: Path, name: str) -> None:
    rows = article(site, name).split('class="course-map')[1].split('<div class="chapter')[1:]
    titles = [row.split('class="title"')[1].split("</p>")[0] for row in rows]
    assert [re.findall(r'href="([\w-]+)\.html"', title) for title in titles] == [
        [chapter.removeprefix("book/")] for chapter in CHAPTERS
    ]
    for chapter, title in zip(CHAPTERS, titles, strict=True):
        said = re.search(r"About (\d+) minutes to read", article(site, chapter))
        shown = re.search(r"(\d+) min\b", title)
        assert said is not None and shown is not None and said[1] == shown[1]


def test_the_hours_are_the_sums_of_what_pages_say(site: Path) -> None:
    read = sum(
        int(re.findall(r"About (\d+) minutes to read", article(site, chapter))[0])
        for chapter in CHAPTERS
    )
    table = article(site, "book/exercises/index").split("<th>minutes</th>")[1].split("</table>")[0]
    solve = sum(int(cell) for cell in re.findall(r"</td><td>(\d+)</td><td>\d+</td>", table))
    words = re.sub(r"<[^>]+>", "", article(site, "book/how-to-use"))
    hours = re.search(r"About (\d+) hours in all: (\d+) for the chapters and (\d+) for", words)
    assert hours is not None
    assert [int(h) for h in hours.groups()] == [
        round(read / 60) + round(solve / 60),
        round(read / 60),
        round(solve / 60),
    ]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("name", SHOWN)
def test_lines_are_unbroken_and_reach_their_chapters(
    address: str, browser: Browser, name: str, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{address}{name}.html")
    found = page.evaluate("""() => {
      const box = (e) => e.getBoundingClientRect(), map = document.querySelector('.course-map');
      const rows = [...map.querySelectorAll('.chapter')], off = [], lane = (e) => e.style.cssText;
      for (const [k, row] of rows.entries()) {
        const dot = box(row.querySelector('.lines b')), y = (dot.top + dot.bottom) / 2;
        const title = box(row.querySelector('.title a')), first = title.top + 12;
        off.push(Math.abs(y - first));
        for (const line of row.querySelectorAll('.lines i')) {
          const {top, bottom, left} = box(line);
          if (left < box(map).left - 1) off.push(99);
          if (line.className === 'ends') off.push(Math.abs(bottom - y));
          if (line.className === 'starts') off.push(Math.abs(top - y));
          if (line.className !== 'ends') {
            const next = [...rows[k + 1].querySelectorAll('.lines i')];
            const below = next.filter((e) => lane(e) === lane(line));
            off.push(...below.map((e) => Math.abs(box(e).top - bottom)), below.length ? 0 : 99);
          }
        }
      }
      return {off: Math.max(...off), wide: document.documentElement.scrollWidth - innerWidth};
    }""")
    assert found["off"] < 4
    assert found["wide"] <= 0
    context.close()
