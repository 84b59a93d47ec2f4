"""Whatever a notebook shows: pages of bounded size that do nothing, and only real pictures."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder.grading.session import Session
from autograder.reports.bounds import LEFT_OUT, MAX_PICTURES, MAX_TEXT
from autograder.reports.notebook import autograded_text
from autograder.reports.pages import feedback_page, report_page
from autograder.results.gradebook import GradebookRow
from autograder.results.inert import inert_picture, inert_text
from autograder.results.result import ExerciseResult, GradedCell, Output, Result, Run, Status
from autograder.results.tables import results_json
from autograder.selfcheck.judge import CheckResult

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MARKUP = [
    "<script>window.ran = 1</script>",
    "</pre><img src=x onerror='window.ran = 1'>",
    "</style></title></textarea></template><svg onload=window.ran=1>",
    '" onmouseover="window.ran = 1" x=\'',
    "<a href='javascript:window.ran=1'>x</a><iframe src='http://x.example/'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://x.example/'><base href='http://x.example/'>",
    "<link rel=stylesheet href='//x.example/x.css'><style>@import 'http://x.example';</style>",
    "{{ 7 * 7 }}{% for x in y %}{{ cycler.__init__.__globals__ }}{% endfor %}",
    "&#x3c;script&#x3e;window.ran=1&#x3c;/script&#x3e;&lt;script&gt;",
    "--><!--><![CDATA[<script>window.ran=1</script>]]>",
    "\x1b]0;title\x07\x1b[2J\x9b31m\x08\x08\r\x7f\x00\u202etxt\u2066\ufeff\u200f",
    "\ud800<script>\udfff",
    "\U0001f600" * 50,
    "http://x.example/x.png ![x](http://x.example/x.png)",
]
hostile_text = st.lists(st.sampled_from(MARKUP) | st.text(), max_size=6).map("".join)
any_text = hostile_text | st.text(st.characters(), max_size=300)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 2, extra: bytes = b"", after: bytes = b"") -> bytes:
    """A grey picture, with ``extra`` chunks and with something ``after`` its end."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = zlib.compress(bytes((min(width, 50) + 1) * min(height, 50)))
    end = chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + extra + end + after


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_inert(text: str) -> None:
    """No script, no event handler, nothing loaded from elsewhere, no control characters."""
    for tag, attributes in Page(text).tags:
        assert tag not in (
            *("script", "iframe", "object", "embed", "form", "base", "link", "svg", "math"),
            *("template", "video", "audio", "input", "button"),
        )
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert value is not None
                assert value.startswith(("#", "data:image/png;base64,")), value
            if name == "http-equiv":
                assert value == "Content-Security-Policy"
    odd = {c for c in text if not c.isprintable() and c not in "\n\t\u200b\u200c\u200d"}
    assert not odd, odd


def result_of(**changes: Any) -> Result:
    fields: dict[str, Any] = {
        "student": "student",
        "status": Status.ERROR,
        "detail": "",
        "score": 0,
        "max_score": 27,
        "seconds": 0.0,
        "exercises": (),
    }
    return Result(**{**fields, **changes})


def row_of(student: str) -> GradebookRow:
    scores = (0.0, 0.0, 0.0, 31.0, False)
    return GradebookRow("ps01-sgd", "", "", student, "", "", "", *scores)


def run_of(*results: Result) -> Run:
    return Run("ps01-sgd", "A title", 7, "cpu", "full", {"numpy": "2"}, results=results)


def shown(text: str, picture: str = "", name: str = "") -> Output:
    """An output as the grader takes it in."""
    plain = inert_picture(picture)
    return Output(inert_text(text, 25_000), (plain,) if plain else (), inert_text(name, 100))


# --- text ----------------------------------------------------------------------------------------


@settings(deadline=None)
@given(any_text, st.integers(0, 400))
def test_text_is_bounded_in_bytes_and_holds_no_control_characters(text: str, most: int) -> None:
    inert = inert_text(text, most)
    assert len(inert.encode("utf-8")) <= most  # strict: half characters are no UTF-8 either
    assert all(c.isprintable() or c in "\n\t\u200c\u200d" for c in inert)
    assert inert_text(inert, most) == inert


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "M"])))
def test_text_that_only_shows_itself_stays_as_it_is(text: str) -> None:
    lines = f"{text}\n\tand a line: {text}\n"
    assert inert_text(lines, 10**6) == lines


@pytest.mark.parametrize("something", [None, 5, [], {}, b"text", ["text"], True])
def test_what_is_no_text_is_none(something: Any) -> None:
    assert inert_text(something, 100) == ""


def test_a_carriage_return_ends_a_line_and_other_orders_are_written_out() -> None:
    assert inert_text("10 %\r20 %\r\ndone\x1b[31m\u202e\ud800", 99) == (
        "10 %\n20 %\ndone\\x1b[31m\\u202e\\ud800"
    )


# --- pictures ------------------------------------------------------------------------------------


def test_a_picture_is_kept_without_what_does_not_draw() -> None:
    evil = b"<script>window.ran = 1</script>"
    text, exif = chunk(b"tEXt", b"Comment\0" + evil), chunk(b"eXIf", evil)
    profile, own = chunk(b"iCCP", b"x\0\0" + zlib.compress(evil)), chunk(b"evIl", evil)
    inert = inert_picture(encoded(png(extra=text + exif + profile + own, after=evil)))
    assert inert == encoded(png())


def test_figures_of_matplotlib_stay_whole() -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    figure = Figure()
    figure.add_subplot().plot([1, 2, 4])
    file = io.BytesIO()
    figure.savefig(file, format="png")
    inert = inert_picture(encoded(file.getvalue()))
    assert inert is not None
    before, after = Image.open(file), Image.open(io.BytesIO(base64.b64decode(inert)))
    assert np.array_equal(np.asarray(before), np.asarray(after))
    assert before.info["dpi"] == after.info["dpi"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<script>" + png(),
        b"GIF89a" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
        png()[:-1],
        png()[:-12],
        png(width=0),
        png(width=10**5, height=10**5),
        png(width=2**31, height=1),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"x" * 14) + chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**32 - 1, b"IHDR") + bytes(100),
        png(extra=chunk(b"tEXt", b"") * 2000),
        png().replace(b"IDAT", b"IDAU"),
    ],
)
def test_what_is_no_picture_to_be_shown_is_left_out(data: bytes) -> None:
    assert inert_picture(encoded(data)) is None


@pytest.mark.parametrize(
    "text", [None, 5, b"x", ["x"], "<script>", "!!!!", encoded(png()) + "=", "é", "\ud800"]
)
def test_what_is_no_base64_is_no_picture(text: Any) -> None:
    assert inert_picture(text) is None


def test_a_picture_over_a_megabyte_is_left_out() -> None:
    noise = random.Random(0).randbytes(900_000)
    assert inert_picture(encoded(png(extra=chunk(b"IDAT", noise)))) is None


@given(st.binary(max_size=200), st.integers(0, 200), st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_damaged_pictures_are_left_out_or_plain(data: bytes, at: int, lost: int) -> None:
    whole = png(extra=chunk(b"pHYs", bytes(9)))
    damaged = whole[:at] + data + whole[at + lost :]
    inert = inert_picture(encoded(damaged))
    if inert is not None:
        plain = base64.b64decode(inert)
        assert plain.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        assert plain.endswith(chunk(b"IEND", b""))
        assert inert_picture(inert) == inert


# --- pages ---------------------------------------------------------------------------------------


@given(
    outputs=st.lists(st.tuples(any_text, any_text, any_text), max_size=4),
    told=st.lists(any_text, min_size=2, max_size=2),
    name=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=50),
)
@example(outputs=[(text, text, text) for text in MARKUP], told=MARKUP[:2], name=MARKUP[0])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_of_anything_are_inert(
    outputs: list[tuple[str, str, str]],
    told: list[str],
    name: str,
    ps01: Session,
    plain_report: Callable[[str], str],
) -> None:
    cells = [
        GradedCell(kind, inert_source(source), None, None, shown(text, encoded(png()), error))
        for source, text, error in outputs
        for kind in ("code", "markdown", "raw")
    ]
    detail, message = (inert_text(text, 500) for text in told)
    error = inert_text(told[0], 100)
    checks = (
        CheckResult("one", False, 4, message, "inverted", error=error),
        CheckResult("two", False, 4, message, error=error),
    )
    result = result_of(
        student=name,
        detail=detail,
        cells=tuple(cells),
        notes=(detail,),
        exercises=(ExerciseResult("sgd_step", 0, 4, checks),),
    )
    assert_inert(feedback_page(result, run_of(result)))
    classmate = replace(result, student=f"{name}2")  # with whom there is a group
    rows = {each: row_of(each) for each in (name, f"{name}2")}
    answers = ["".join(source for source, _, _ in outputs)]
    report = report_page(
        run_of(result, classmate), rows, None, lambda *_: inert_text(answers[0], 500)
    )
    assert_inert(plain_report("".join(report)))
    notebook = json.loads(autograded_text(result, ps01.release))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            assert set(output.get("data", {})) <= {"text/plain", "image/png"}
    json.loads("".join(results_json(run_of(result))))


def inert_source(text: str) -> str:
    """A source as a readable hand-in can have it: without half characters."""
    return text.encode("utf-8", "replace").decode()


@pytest.mark.parametrize("character", ["x", '"', "<", "\U0001f600", "\x1b", "\u202e", "\n", "&"])
def test_pages_and_notebooks_are_bounded_in_bytes(character: str, ps01: Session) -> None:
    picture = encoded(png(extra=chunk(b"IDAT", random.Random(0).randbytes(700_000))))
    output = shown(character * 10**5, picture)
    assert output.pictures
    output = Output(output.text, output.pictures * 8)
    cells = [GradedCell("code", character * 20_000, None, None, output) for _ in range(200)]
    result = result_of(cells=tuple(cells), detail=inert_text(character * 500, 500))
    page = feedback_page(result, run_of(result))
    # a quotation mark takes five bytes on a page, and one byte elsewhere
    assert len(page.encode()) < MAX_PICTURES + 6 * MAX_TEXT
    assert LEFT_OUT in page
    assert_inert(page)
    sources = sum(len(json.dumps(cell.source)) for cell in cells)
    notebook = autograded_text(result, ps01.release)
    assert len(notebook.encode()) < MAX_PICTURES + 6 * MAX_TEXT + 2 * sources


def test_what_a_notebook_shows_reaches_its_pages_inert_and_bounded(
    ps01: Session, grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    rng = random.Random(20260)
    texts = [
        "".join(rng.choice([*MARKUP, chr(rng.randrange(0x300)), chr(rng.randrange(0x11000))]))
        for _ in range(30)
    ]
    notebook = right_notebook("ps01-sgd")
    for text in [*texts, "\U0001f600" * 10**6, '"' * 10**6]:
        short = text if len(text) < 1000 else None
        value = ascii(text) if short is not None else f"{text[0]!r} * {len(text)}"
        source = f"text = {value}\nprint(text)\ntext"
        notebook["cells"].append(
            {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        )
        raised = f"raise type('E' + {value}[:50], (Exception,), {{}})({value}[:200])"
        notebook["cells"].append(
            {"cell_type": "code", "metadata": {}, "source": raised, "outputs": []}
        )
    result = grade_notebook(notebook)
    assert result.score == result.max_score
    for cell in result.cells:
        assert len(cell.output.text.encode()) <= 25_000
    page = feedback_page(result, run_of(result))
    assert_inert(page)
    assert len(page.encode()) < 1_000_000
    assert "&lt;script&gt;window.ran = 1" in page
    assert "\\x1b]0;title" in page
    text = "".join(results_json(run_of(result)))
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.browser
def test_opening_a_feedback_page_runs_and_loads_nothing(browser: Browser, tmp_path: Path) -> None:
    evil = b"<script>window.ran = 1</script>"
    picture = encoded(png(extra=chunk(b"tEXt", b"x\0" + evil), after=evil))
    cells = [
        GradedCell(kind, inert_source(text), None, None, shown(text, picture, text))
        for text in MARKUP
        for kind in ("code", "markdown")
    ]
    result = result_of(student=MARKUP[0], cells=tuple(cells), detail="".join(MARKUP[:8]))
    path = tmp_path / "feedback.html"
    path.write_text(feedback_page(result, run_of(result)), encoding="utf-8")
    asked: list[str] = []
    with contextlib.closing(browser.new_page()) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append("dialog"))
        page.goto(path.as_uri())
        page.wait_for_load_state("load")
        for image in page.locator("img").all():
            assert image.evaluate("each => each.complete && each.naturalWidth") == 2
        page.locator("body").hover()
        assert page.evaluate("window.ran") is None
        assert page.evaluate("document.scripts.length") == 0
    assert {url for url in asked if not url.startswith("data:image/png;")} == {path.as_uri()}
