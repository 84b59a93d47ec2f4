"""The page "Which lecture says what": no row without a place in the book, and no dead link.

These tests read the sources, so they tell in a second what a build would warn of. That every link
of the built site leads somewhere is tested in test_site.py.
"""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = BOOK / "lectures.md"
LINK = re.compile(r"\[[^]]+\]\(([^)#]*)(?:#([^)]+))?\)")
ROWS_OF_THE_LECTURES = 48


def rows() -> list[tuple[str, str, str]]:
    """Return the rows of the page's tables: lecture and slide, what it says, where."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if re.match(r"\| L\d", line):
            slide, text = (cell.strip() for cell in line.strip("|").split("|"))
            says, arrow, where = text.partition(" → ")
            assert arrow, f"no arrow to a place in the book: {line}"
            found.append((slide, says, where))
    return found


def anchors(path: Path) -> set[str]:
    """Return the anchors that MyST gives to the headings of a page (the slugs of GitHub)."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    slugs: set[str] = set()
    for title in re.findall(r"^#{1,4} +(.+?) *$", text, flags=re.M):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number, unique = 0, slug
        while unique in slugs:
            number += 1
            unique = f"{slug}-{number}"
        slugs.add(unique)
    return slugs


def links(text: str) -> list[tuple[str, str]]:
    """Return the targets (file or "", anchor or "") of the links in a piece of Markdown."""
    return LINK.findall(text)


def test_no_row_is_dropped():
    assert len(rows()) == ROWS_OF_THE_LECTURES
    slides = [slide for slide, _, _ in rows()]
    assert len(set(slides)) == len(slides), "two rows for one slide"
    for lecture in ("L1", "L2", "L3", "L4", "L5"):
        assert any(lecture in slide for slide in slides)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_every_row_has_a_section(row):
    slide, says, where = row
    assert says, f"{slide}: nothing said"
    assert links(where), f"{slide}: no place in the book"
    for file, anchor in links(where):
        if file.startswith("exercises/") or file == "index.md":
            continue
        assert anchor, f"{slide}: {file} without a section"


PAGES = sorted(
    path.relative_to(BOOK).as_posix()
    for folder in ("", "labs/", "instructors/")
    for path in BOOK.glob(f"{folder}*.md")
)


@pytest.mark.parametrize("page", PAGES)
def test_no_link_is_dead(page):
    dead = []
    for file, anchor in links((BOOK / page).read_text(encoding="utf-8")):
        if "://" in file:
            continue
        target = (BOOK / page).parent / file if file else BOOK / page
        if not target.exists():
            dead.append(file)
        elif anchor and anchor not in anchors(target):
            dead.append(f"{file}#{anchor}")
    assert not dead


def test_every_chapter_of_a_lecture_is_linked():
    linked = {file for _, _, where in rows() for file, _ in links(where)}
    for chapter in (
        "learning-as-optimization",
        "sgd",
        "momentum",
        "rprop",
        "adagrad",
        "rmsprop",
        "adadelta",
        "adam",
        "curvature",
        "initialization",
        "activations",
        "batch-normalization",
        "natural-gradient",
        "prong",
        "dropout",
        "regularization",
        "efficient-models",
        "parallel-training",
        "strategies",
        "which-optimizer",
    ):
        assert f"{chapter}.md" in linked


def test_every_entry_of_the_errata_is_in_its_table_and_back():
    text = (BOOK / "errata.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### (.+)$", text, flags=re.M)
    listed = re.findall(r"^\| \[(.+?)\]\(#(.+?)\)", text, flags=re.M)
    assert [title for title, _ in listed] == entries
    assert {anchor for _, anchor in listed} <= anchors(BOOK / "errata.md")


def entries() -> list[tuple[str, str]]:
    """Return (anchor, chapter) of every entry of the errata whose chapter there is."""
    text = (BOOK / "errata.md").read_text(encoding="utf-8")
    found = []
    for entry in re.split(r"^### ", text, flags=re.M)[1:]:
        title = entry.partition("\n")[0]
        anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        chapters = [file for file, target in links(entry) if target == "in-the-lectures"]
        found += [(anchor, chapter) for chapter in chapters]
    return found


@pytest.mark.parametrize(("anchor", "chapter"), entries())
def test_the_chapter_links_its_errata(anchor, chapter):
    assert f"(errata.md#{anchor})" in (BOOK / chapter).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("## Why −g is steepest\n", {"why-g-is-steepest"}),
        ("## A b\n\n```python\n## no heading\n```\n## A b\n", {"a-b", "a-b-1"}),
    ],
)
def test_the_reading_of_headings(tmp_path, markdown, expected):
    page = tmp_path / "page.md"
    page.write_text(markdown, encoding="utf-8")
    assert anchors(page) == expected
