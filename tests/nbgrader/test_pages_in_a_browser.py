"""Nothing of a student's runs on a page that a marker or another student opens: in Chromium.

Each thing in the corpus of pages calls ``top.ran.push`` with a number of its own if it runs.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import importlib.util
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from autograder import reports
from autograder.attacks import pages
from autograder.course.directory import CourseDirectory
from autograder.grading.batch import grade_class
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings
from autograder.release.build import release

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROBLEM_SET = "ps01-sgd"
TOKEN = "t"
MATHJAX = (
    "https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.7/latest.js?config=TeX-AMS_CHTML-full,Safe"
)
# as careless as MathJax can be: every macro, and no check of links and styles
CARELESS = """
window.MathJax = {
    tex: {inlineMath: [['$', '$'], ['\\\\(', '\\\\)']], processEscapes: true}
};
"""

NUMBERS = {
    (kind, name): number
    for number, (kind, name) in enumerate(
        (kind, name) for kind in pages.KINDS for name in pages.cells_of(kind)
    )
}
METADATA, NAMED = 1000, 2000
WRITTEN_AND_CHECKED = 7
SORTING = (Path(reports.__file__).parent / "templates" / "sort.js").read_text().rstrip("\n")


def run(number: int) -> str:
    return f"top.ran.push({number})"


def cells(kind: str) -> list[dict[str, Any]]:
    return [
        pages.running(cell, run(NUMBERS[kind, name])) for name, cell in pages.cells_of(kind).items()
    ]


def picture(red: int) -> str:
    """A picture of 3 by 2 pixels in base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress((b"\0" + bytes((red, 0, 0)) * 3) * 2))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b"")).decode()


# a JPEG picture of 1 by 1 pixel
PHOTO = (
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////"
    "////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)
HONEST = f"""\
## My derivation

The step *shrinks* if $a<b$ and $\\|g\\| > 1$, so **not** when `x < y & z`:

$$
\\begin{{aligned}} a &< b \\\\ c &> d \\end{{aligned}}
$$

| rule | rate |
| :--- | ---: |
| SGD  | $10^{{-2}}$ |

1. see [the paper](https://arxiv.org/abs/1412.6980) and <https://pytorch.org>
2. H<sub>2</sub>O<br>next line

![plot](attachment:my%20plot.png) ![data](data:image/png;base64,{picture(9)})
![photo](attachment:photo.jpg)

```python
if a < b: print("<b>")
```
"""


def hand_in(course: CourseDirectory, student: str, notebook: dict[str, Any]) -> None:
    path = course.assignment(PROBLEM_SET).submitted(student)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


@dataclass
class Class:
    """A graded class: the hostile, ``honest``, and ``old``.

    The autograded notebook of ``old`` is what was handed in, as if another program had written it.
    """

    course: CourseDirectory
    hostile: list[str]

    @property
    def students(self) -> list[str]:
        return ["honest", "old", *self.hostile]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    course = CourseDirectory.at(tmp_path_factory.mktemp("pages"))
    release(course.assignment(PROBLEM_SET))
    right = with_answers(
        released_notebook(course.assignment(PROBLEM_SET)),
        instructor_answers(PROBLEM_SET),
    )
    made = Class(course, ["everything"])
    notebook = copy.deepcopy(right)
    hostile = [cell for kind in pages.KINDS for cell in cells(kind)]
    notebook["cells"] += hostile
    pages.answer_of(notebook)["source"] = "\n\n".join(cell["source"] for cell in hostile)
    pages.hostile_metadata(notebook, run(METADATA))
    for student in ("everything", "old"):
        hand_in(course, student, notebook)
    (course.assignment(PROBLEM_SET).submitted("everything").parent / "beside.html").write_text(
        "<script>"
    )
    for number, name in enumerate(pages.NAMES.values(), start=NAMED):
        student = pages.running(name, run(number))
        hand_in(course, student, right)
        made.hostile.append(student)
    notebook = copy.deepcopy(right)
    answer = pages.answer_of(notebook)
    answer["source"] = HONEST
    answer["attachments"] = {
        "my plot.png": {"image/png": picture(200)},
        "photo.jpg": {"image/jpeg": PHOTO},
    }
    hand_in(course, "honest", notebook)
    grade_class(course.assignment(PROBLEM_SET), Settings(isolation="auto", seed=1))
    tree = json.loads(course.assignment(PROBLEM_SET).submitted("old").read_bytes())
    for number, cell in enumerate(tree["cells"]):  # as far as any program would write it
        cell["id"] = f"cell-{number}"
        cell.get("attachments", {}).pop("y.png", None)
    text = json.dumps(tree)
    nbformat.validate(nbformat.reads(text, as_version=4))
    course.assignment(PROBLEM_SET).autograded("old").write_text(text, encoding="utf-8")
    return made


class Seen:
    """A page in a browser, and what happened there."""

    def __init__(self, browser: Browser) -> None:
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 2000}).new_page()
        self.happened: list[str] = []
        self.page.add_init_script("window.ran = window.ran || []")
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.page.route("**/*", self._answer)

    def _dialog(self, dialog: Any) -> None:
        self.happened.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if "hostile-hand-in" in request.url:
            self.happened.append(f"request: {request.url}")

    def _answer(self, route: Any) -> None:
        url = route.request.url
        if url == MATHJAX:
            found = importlib.util.find_spec("sphinx-mathjax-offline")
            assert found is not None and found.origin is not None
            script = Path(found.origin).parent / "static" / "mathjax" / "tex-chtml-full.js"
            body = CARELESS + script.read_text(encoding="utf-8")
            route.fulfill(content_type="text/javascript", body=body)
        elif url.startswith(("http://127.0.0.1", "file:", "data:", "blob:")):
            route.continue_()
        else:
            route.abort()

    def log_in(self, server: str) -> None:
        """As a marker, who may do everything."""
        self.page.context.request.get(f"{server}/api/contents?token={TOKEN}")

    def open(self, address: str) -> None:
        self.page.goto(address, wait_until="load")

    def settle(self) -> None:
        """Wait for formulas, and for what begins when the page is there."""
        self.page.evaluate(TYPESET)
        self.page.wait_for_timeout(300)

    @property
    def ran(self) -> set[int]:
        return set(self.page.evaluate("window.ran"))

    def scripts_in(self, selector: str) -> list[str]:
        """Attributes and elements inside which could run or load something, if only by a click."""
        found: list[str] = self.page.evaluate(WOULD_RUN, selector)
        return found


TYPESET = """
() => Promise.race([
    window.MathJax?.startup?.promise, new Promise(resolve => setTimeout(resolve, 5000))])
"""
WOULD_RUN = """
selector => {
    const found = [];
    const addresses = ["href", "xlink:href", "src", "action", "formaction", "data", "srcdoc"];
    const schemes = ["http:", "https:", "mailto:", "file:", "blob:", "attachment:"];
    const own = ["toggle_name(true);", "toggle_name(false);"];
    for (const root of document.querySelectorAll(selector)) {
        for (const element of [root, ...root.querySelectorAll("*")]) {
            const name = element.localName;
            const loads = ["iframe", "object", "embed", "form", "base", "meta", "link", "style",
                           "foreignobject", "animate", "set", "math", "frame"].includes(name);
            if (loads && !element.closest("mjx-container"))
                found.push(`<${name}>`);
            if (name === "script" && !element.textContent.includes(".tooltip("))
                found.push(`<script>${element.textContent}`);
            for (const {name: key, value} of element.attributes) {
                if (key.startsWith("on") && !own.includes(value)) found.push(`${key}=${value}`);
                if (addresses.includes(key)) {
                    let url = {protocol: "unreadable:"};
                    try { url = new URL(value, document.baseURI); } catch {}
                    const picture = /^data:image\\/(png|jpeg|gif|webp)[;,]/.test(value);
                    if (!schemes.includes(url.protocol) && !picture) found.push(`${key}=${value}`);
                }
                if (key === "style" && /url\\(|fixed|absolute|javascript/.test(value))
                    found.push(`style=${value}`);
            }
        }
    }
    return found;
}
"""


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    made = Seen(browser)
    yield made
    made.page.context.close()


@pytest.fixture(scope="module")
def server(graded: Class, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Jupyter server in the course directory, with the form grader and JupyterLab."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).parent
    home = tmp_path_factory.mktemp("jupyter")
    tracker = home / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    (tracker / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    process = subprocess.Popen(
        [
            str(program / "jupyter"), "server", "--no-browser", "--allow-root", f"--port={port}",
            f"--IdentityProvider.token={TOKEN}",
            "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True, "
            "'jupyterlab': True}",
        ],
        cwd=graded.course.root,
        env={
            **os.environ,
            "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=2)
                break
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def nbgrader(course: CourseDirectory, *arguments: str) -> None:
    program = Path(sys.executable).parent
    subprocess.run(
        [str(program / "nbgrader"), *arguments],
        cwd=course.root,
        env={**os.environ, "PATH": f"{program}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=300,
    )


def form_grader_page(graded: Class, server: str, student: str) -> str:
    from nbgrader.api import Gradebook

    with Gradebook(graded.course.database_url) as gradebook:
        entry = gradebook.find_submission_notebook(PROBLEM_SET, PROBLEM_SET, student).id
    return f"{server}/formgrader/submissions/{entry}/"


RUN_AT_ONCE = {
    "tags in a text": (
        *("script", "script module", "picture", "picture with a tab", "drawing", "frame"),
        *("drawing with a script", "details", "video", "field", "comment that ends twice", "table"),
    ),
    "formulas and code in a text": ("diagram", "diagram with spaces", "diagram in a list"),
}
RUN_BY_A_CLICK = {
    "links in a text": (
        *("link", "link by number", "link below the server's files", "link on the next line"),
        *("link that is defined in a quotation", "link that is its own text", "link to data"),
    ),
    "formulas and code in a text": (
        *("formula that is a link", "formula that defines a link"),
        *("formula by numbers", "formula with two backslashes"),
    ),
}


# --- the corpus does what it is there for --------------------------------------------------------


@pytest.mark.browser
def test_the_corpus_runs_on_a_page_that_nbconvert_makes_by_itself(
    seen: Seen, tmp_path: Path
) -> None:
    from nbconvert.exporters import HTMLExporter

    exporter = HTMLExporter(template_name="classic")
    for kind in pages.TEXTS:
        for name in (*RUN_AT_ONCE.get(kind, ()), *RUN_BY_A_CLICK.get(kind, ())):
            # alone: one that opens a comment would hide those after it
            number = NUMBERS[kind, name]
            source = pages.running(pages.TEXTS[kind][name], run(number))
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(source)])
            path = tmp_path / "page.html"
            path.write_text(exporter.from_notebook_node(notebook)[0], encoding="utf-8")
            seen.open(path.as_uri())
            seen.settle()
            ran = {number} if name in RUN_AT_ONCE.get(kind, ()) else set()
            assert seen.ran == ran, name
            assert seen.scripts_in("#notebook") != [], name


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_form_grader_runs_nothing_of_a_hand_in(graded: Class, server: str, seen: Seen) -> None:
    seen.log_in(server)
    for student in graded.students:
        seen.open(form_grader_page(graded, server, student))
        seen.settle()
        assert seen.ran == set(), student
        assert seen.scripts_in("body") == [], student
        # the fields of the marker are those of the page, and no others
        assert seen.page.locator("input:not([type=checkbox])").count() == 2 * WRITTEN_AND_CHECKED
        assert seen.page.locator("nav .glyphicon-eye-open").count() == 1, student
    assert seen.happened == []


@pytest.mark.browser
def test_the_form_grader_still_works(graded: Class, server: str, seen: Seen) -> None:
    seen.log_in(server)
    (student,) = (name for name in graded.students if name.startswith("<img"))
    seen.open(form_grader_page(graded, server, student))
    seen.settle()
    shown = seen.page.locator("nav a.name-shown")
    seen.page.locator("nav .glyphicon-eye-open").click()  # an attribute that is a script, allowed
    assert student in shown.inner_text()
    scheme = seen.page.locator("details.panel")  # the class that no text of a hand-in can have
    assert "4 points" in scheme.inner_text()
    assert scheme.locator("mjx-container").count() > 3
    above = "xpath=ancestor::div[contains(@class, 'text_cell ')]/preceding-sibling::div[1]"
    assert scheme.locator(above).locator("#written-batch_size_and_rate").count() == 1
    score = seen.page.locator("input.score").last
    score.fill("1")
    with seen.page.expect_response(lambda answer: "/formgrader/api/grade/" in answer.url) as saved:
        score.press("Tab")
    assert saved.value.ok
    for path in ("manage_submissions", "gradebook", "manage_students"):
        end = f"/{PROBLEM_SET}" if path == "manage_submissions" else ""
        seen.open(f"{server}/formgrader/{path}{end}")
        seen.page.locator("tbody td").first.wait_for()
    for name in [*graded.hostile, "O'Brien & Co"]:
        quoted = urllib.parse.quote(name)
        seen.open(f"{server}/formgrader/manage_students/{quoted}")
        seen.settle()
        assert seen.ran == set(), name
        assert name in seen.page.locator(".breadcrumb").inner_text()
    assert seen.page.evaluate("student_id") == "O'Brien & Co"
    assert seen.happened == []


def _sorts_by_what_is_clicked(page: Page) -> None:
    """The report's own script does run: a table goes by its heading, one way and the other."""
    table = page.locator("#checks ~ .map table")
    heading = table.locator("thead tr").last.locator("th").first
    orders = []
    for order in ("ascending", "descending"):
        heading.get_by_role("button").press("Enter")
        assert heading.get_attribute("aria-sort") == order
        orders.append(table.locator("tbody th").all_inner_texts())
    assert len(set(orders[0])) > 1
    assert orders[0] == orders[1][::-1]


@pytest.mark.browser
def test_pages_of_feedback_run_nothing_of_a_hand_in(
    graded: Class, seen: Seen, tmp_path: Path
) -> None:
    own, report = graded.course.root / "feedback", graded.course.assignment(PROBLEM_SET).reports
    found = [*own.rglob("*.html"), *report.rglob("*.html")]
    assert len(found) == len(graded.students) + 1  # and the report
    for path in found:
        seen.open(path.as_uri())
        seen.settle()
        assert seen.ran == set(), path
        sorting = [f"<script>{SORTING}"] if path.name == "report.html" else []
        assert seen.scripts_in("body") == sorting, path
        assert seen.page.evaluate("document.scripts.length") == len(sorting), path
        if sorting:
            _sorts_by_what_is_clicked(seen.page)
    # nbgrader's take their place
    copied = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(graded.course.root, copied.root)
    nbgrader(copied, "generate_feedback", PROBLEM_SET, "--force")
    for student in graded.students:
        page = copied.assignment(PROBLEM_SET).feedback(student)
        text = page.read_text(encoding="utf-8")
        assert "Student's answer" in text, student
        assert text.count("marking scheme") == 0, student
        seen.open(page.as_uri())
        seen.settle()
        assert seen.ran == set(), student
        assert seen.scripts_in("body") == [], student
    assert seen.happened == []


@pytest.mark.browser
def test_jupyterlab_runs_nothing_of_an_autograded_notebook(
    graded: Class, server: str, browser: Browser
) -> None:
    for student in ("honest", *graded.hostile):
        seen = Seen(browser)
        seen.log_in(server)
        path = (
            graded.course.assignment(PROBLEM_SET)
            .autograded(student)
            .relative_to(graded.course.root)
        )
        address = urllib.parse.quote(path.as_posix())
        seen.open(f"{server}/lab/workspaces/{len(student)}/tree/{address}?reset")
        notebook = seen.page.locator(".jp-Notebook")
        notebook.locator(".jp-RenderedMarkdown").last.wait_for(state="attached", timeout=60_000)
        seen.page.wait_for_timeout(2000)
        tree = json.loads(graded.course.assignment(PROBLEM_SET).autograded(student).read_bytes())
        assert notebook.locator(".jp-Cell").count() == len(tree["cells"]), student
        assert seen.ran == set(), student
        assert seen.scripts_in(".jp-Notebook .jp-RenderedMarkdown") == [], student
        assert seen.scripts_in(".jp-Notebook .jp-OutputArea") == [], student
        assert seen.happened == []
        if student == "honest":
            assert_honest(seen, notebook)
        seen.page.context.close()


# --- what is honest is shown ---------------------------------------------------------------------


def assert_honest(seen: Seen, place: Any) -> None:
    answer = place.locator(".nbgrader_cell, .jp-MarkdownCell").filter(has_text="My derivation")
    assert answer.locator("mjx-container").count() == 4  # two in text, one block, one in the table
    assert answer.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert answer.locator("td").all_inner_texts()[0] == "SGD"
    addresses = answer.locator("a[href]").evaluate_all("all => all.map(each => each.href)")
    for address in ("https://arxiv.org/abs/1412.6980", "https://pytorch.org/"):
        assert address in addresses
    widths = "all => all.map(each => each.complete && each.naturalWidth)"
    assert answer.locator("img").evaluate_all(widths) == [3, 3, 1]
    assert answer.locator("em").all_inner_texts() == ["shrinks"]
    assert answer.locator("sub").all_inner_texts() == ["2"]
    assert "x < y & z" in answer.inner_text()
    assert 'if a < b: print("<b>")' in answer.inner_text().replace("\xa0", " ")


@pytest.mark.browser
def test_the_form_grader_shows_what_is_honest(graded: Class, server: str, seen: Seen) -> None:
    seen.log_in(server)
    seen.open(form_grader_page(graded, server, "honest"))
    seen.settle()
    assert_honest(seen, seen.page.locator("#notebook"))
