"""Students' Markdown: what is honest stays as it is, what could run is text, whatever reads it."""

from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.strings import strip_files_prefix

from autograder.attacks import pages
from autograder.grading.handin import MAX_SOURCE
from autograder.grading.session import Session
from autograder.nbgrader_pages import markdown_to_html
from autograder.reports.markdown import PLAIN_TAGS, inert_markdown
from autograder.reports.notebook import autograded_notebook
from autograder.results.inert import Attachment, inert_attachments
from autograder.results.result import GradedCell, Output, Result, Status

ROOT = Path(__file__).parents[2]
TEXTS = [text for kind in pages.TEXTS.values() for text in kind.values()]
SHOWN = PLAIN_TAGS | {"a", "img", "div", "span", "input"}  # what nbconvert makes of plain Markdown


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def careless(source: str) -> Page:
    """A page as nbconvert makes it by itself: with all HTML and all links that are in the text."""
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return Page(strip_files_prefix(MarkdownWithMath(renderer=renderer).render(source)))


def dangers(page: Page) -> list[str]:
    found = [tag for tag, _ in page.tags if tag not in SHOWN]
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            scheme = (value or "").strip().partition(":")[0].lower()
            if name.startswith("on") or (name == "style" and "url" in (value or "")):
                found.append(f"{tag} {name}={value}")
            elif name in ("href", "src") and scheme in ("javascript", "vbscript", "data"):
                kinds = ("data:image/png;", "data:image/jpeg;", "data:image/gif;")
                if not (value or "").startswith((*kinds, "data:image/webp;")):
                    found.append(f"{tag} {name}={value}")
    return found


def test_the_corpus_is_dangerous_where_it_is_not_made_inert() -> None:
    assert sum(bool(dangers(careless(text))) for text in TEXTS) > 60


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_of_the_corpus_is_left_for_a_careless_renderer(text: str) -> None:
    source = pages.running(text, "alert(1)")
    assert dangers(careless(inert_markdown(source))) == []
    # it is still what was written, but for spaces
    assert inert_markdown(source).replace(" ", "").replace("~~text", "~~").replace(
        "``text", "``"
    ) == source.replace(" ", "")


fragments = st.sampled_from(
    [
        *TEXTS,
        *("<", ">", "[x](", "[x]: ", "](", "]", ")", "![", "\n", "\n\n", " ", "\t", "> ", "- "),
        *("`", "```", "$", "$$", "\\", '"', "'", "&", "&#106;", "&colon;", "javascript:", "//"),
        *("files/", "/files/", "alert(1)", "img src=x onerror=alert(1)>", "script>", "<!--", "-->"),
        *("https://x.example", "data:text/html,x", "attachment:x", "\\href{", "mermaid", "]:\n"),
    ]
)


@settings(deadline=None)
@given(st.lists(fragments | st.text(max_size=5), max_size=12).map("".join))
@example("[x](/files/files/javascript:alert(1))")
@example("[x]\n\n[x]:<javascript:alert(1)>")
def test_no_mixture_is_dangerous_to_a_careless_renderer(text: str) -> None:
    source = inert_markdown(text)
    assert inert_markdown(source) == source
    assert dangers(careless(source)) == []


@settings(deadline=None)
@given(st.lists(fragments | st.text(max_size=5), max_size=12).map("".join))
def test_no_mixture_is_dangerous_on_nbgraders_pages(text: str) -> None:
    page = Page(strip_files_prefix(markdown_to_html({}, text)))
    assert dangers(page) == []
    for tag, attributes in page.tags:
        assert not ({"id", "name", "srcset", "xlink:href"} & set(attributes)), tag


def released_texts() -> list[str]:
    trees = [json.loads(path.read_text()) for path in (ROOT / "book" / "exercises").glob("*.ipynb")]
    return ["".join(c["source"]) for t in trees for c in t["cells"] if c["cell_type"] != "code"]


def test_released_texts_stay_as_they_are() -> None:
    texts = released_texts()
    assert len(texts) > 100
    for text in texts:
        assert inert_markdown(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "$a < b$, $x<\\theta$ and 1 < 2 > 0; a&b, R&D, &nbsp; &lt; &alpha;",
        "$$\n\\begin{aligned} a &< b \\\\ c &> d \\end{aligned}\n$$",
        "$\\mathcal{L}(\\theta) = [0, 1](x)$, $f: [0,1]\\to R$, $[a]: b$ and [0, 1]: $x$",
        "| a | b |\n| :-- | --: |\n| 1 | $x_2$ |",
        "[paper](https://arxiv.org/abs/1412.6980 'Adam') [a](#b) [c](notes/c.html)",
        "[mail](mailto:a@b.c) [nowhere]()",
        "see [1], [2]\n\n[1]: https://a.example/?x=1&y=2\n[2]: <https://b.example>",
        "<https://a.example/x?y=1&z=2> <ada@a.example>",
        "H<sub>2</sub>O, x<sup>2</sup><br>new line<br/><b>bold</b> <kbd>a</kbd>",
        '<img src="https://a.example/x.png" width="300" alt="my plot">',
        "<table>\n<tr><td>1</td></tr>\n</table>",
        "```python\nif a < b:\n    print(x[0](1), '&')\n```",
        "- [ ] to do\n- [x] done\n\n> quoted *text*, **bold** and `code < 1`",
        "![x](data:image/png;base64,AAAA) ![y](https://a.example/y.png)",
        "\\begin{cases} x & y < 1 \\\\ z & \\text{else} \\end{cases} $\\href{https://a.example}{x}$",
    ],
)
def test_what_is_honest_stays_as_it_is(text: str) -> None:
    assert inert_markdown(text) == text


def test_a_letter_after_a_less_than_sign_moves_by_a_space() -> None:
    assert inert_markdown("$a<b$ and `x[i]<y`") == "$a< b$ and `x[i]< y`"


PIECES = [
    *("](", "](\n", '<img src="data:image/png;base64,', "]:", "```   ", "` ~~~ ", "\\href ", "&#"),
    *('<img alt="a ', "](<", "(attachment:", "](a", "<a@", "\\htmlx", "[", "<", "> ", "\\href{"),
]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", " ", "a", "`", ">", "\n"])
def test_time_is_linear(piece: str, end: str) -> None:
    for text in (piece * (MAX_SOURCE // len(piece)), piece + end * MAX_SOURCE):
        started = time.process_time()
        inert_markdown(text)
        assert time.process_time() - started < 3  # a square would be minutes


# --- pictures ------------------------------------------------------------------------------------


def png(width: int = 2, height: int = 2) -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    text = chunk(b"tEXt", b"x\0<script>")
    rows = chunk(b"IDAT", zlib.compress(bytes(6))) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + text + rows).decode()


def jpeg(width: int = 2, height: int = 2, kind: int = 0xC0) -> str:
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 4) + b"a\xffb\xff"
    frame = bytes([0xFF, kind]) + struct.pack(">HBHHB", 8, 8, height, width, 0)
    return base64.b64encode(b"\xff\xd8" + comment + frame + b"\xff\xd9").decode()


def test_pictures_attached_are_read() -> None:
    lines = [png()[:20] + "\n", png()[20:]]
    tree = {"a.png": {"image/png": lines}, "b c.jpg": {"image/jpeg": jpeg(), "text/html": "x"}}
    first, second = inert_attachments(tree)
    assert (first.name, first.kind) == ("a.png", "image/png")
    assert b"<script>" not in base64.b64decode(first.data)
    assert second == Attachment("b c.jpg", "image/jpeg", jpeg())


@pytest.mark.parametrize(
    "bundle",
    [
        {"image/svg+xml": base64.b64encode(b"<svg/>").decode()},
        {"text/html": "PGI+"},
        {"image/png": "<script>"},
        {"image/png": jpeg()},
        {"image/png": png(60_000, 60_000)},
        {"image/jpeg": png()},
        {"image/jpeg": jpeg(60_000, 60_000)},
        {"image/jpeg": jpeg(0, 5)},
        {"image/jpeg": jpeg(kind=0xC4)},
        {"image/jpeg": jpeg() + '"><script>'},
        {"image/jpeg": base64.b64encode(b"\xff\xd8\xff").decode()},
        {"image/jpeg": "A" * (5 << 20)},
        {"image/jpeg": [1, 2]},
        {"image/png": None},
        "x",
        None,
    ],
)
def test_what_is_no_picture_is_left_out(bundle: Any) -> None:
    assert inert_attachments({"x": bundle}) == ()


@pytest.mark.parametrize("tree", [None, [], "x", 5, {}])
def test_attachments_may_be_anything(tree: Any) -> None:
    assert inert_attachments(tree) == ()


def test_pictures_keep_their_places_in_the_autograded_notebook(ps01: Session) -> None:
    attached = (
        Attachment("a.png", "image/png", png()),
        Attachment('b "c" ü.jpg', "image/jpeg", jpeg()),
    )
    source = "![a](attachment:a.png) ![b](attachment:b%20%22c%22%20%C3%BC.jpg) ![](attachment:d)"
    cell = GradedCell("markdown", source, None, None, Output(), attached)
    result = Result("a", Status.GRADED, "", 0, 27, cells=(cell,))
    (tree,) = autograded_notebook(result, ps01.release)["cells"]
    assert tree["source"] == (
        "![a](attachment:a.png) ![b](attachment:picture-2) ![](attachment :d)"
    )
    assert tree["attachments"] == {
        "a.png": {"image/png": png()},
        "picture-2": {"image/jpeg": jpeg()},
    }
    html = markdown_to_html({"cell": tree}, tree["source"])
    shown = [attributes["src"] for tag, attributes in Page(html).tags if tag == "img"]
    assert shown == [f"data:image/png;base64,{png()}", f"data:image/jpeg;base64,{jpeg()}"]


def test_pictures_from_elsewhere_are_links() -> None:
    html = markdown_to_html({}, "![my plot](https://a.example/x.png)\n\n<img src='/logout'>")
    assert [tag for tag, _ in Page(html).tags] == ["p", "a", "p"]
    assert "my plot" in Page(html).text


def test_a_text_without_end_is_shown_as_it_is() -> None:
    html = markdown_to_html({}, "*a* <b>" * 20_000)
    assert html == "<pre>" + "*a* &lt;b&gt;" * 20_000 + "</pre>"
