"""Problem sets solved on their pages, in Chromium, with the network off: to the grade.

Python and the editor come from the site itself, which fetched them when it was built; where they
cannot be had, these tests skip with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import page_runtime
import pytest

from autograder.course import problem_set_names
from autograder.definition import load_problem_set
from autograder.grading.sample import mistaken_answers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120_000  # ms; on a busy machine Python takes its time
CLIMBS = "def sgd_step(theta, grad, lr):\n    return theta + lr * grad\n"
STEP = "def sgd_step(theta, grad, lr):\n    return theta - lr * grad\n"
ENDLESS = "def sgd_step(theta, grad, lr):\n    while True:\n        theta = theta - lr * grad\n"

# from each folded hint to the paragraph below it, in CSS pixels
GAPS = """() => [...document.querySelectorAll("article details:not([open]) + p")].map((text) =>
  text.getBoundingClientRect().top - text.previousElementSibling.getBoundingClientRect().bottom)"""


class Desk:
    """A problem set's page, as a student uses it."""

    def __init__(self, page: Page):
        self.page = page
        page.set_default_timeout(PATIENCE)

    def cell(self, name: str) -> Locator:
        return self.page.locator(f'.live-cell[data-id="{name}"]')

    def editor(self, name: str) -> Locator:
        return self.cell(name).locator(".cm-content")

    def start(self) -> None:
        """Have the editors come: run the first cell."""
        self.page.locator(".live-cell .live-run").first.click()
        self.wait()

    def write(self, name: str, text: str) -> None:
        self.editor(name).focus()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def run(self, name: str) -> str:
        """Press the button of a cell; returns what it shows in the end."""
        self.cell(name).locator(".live-run").click()
        self.wait()
        return self.result(name)

    def scratch(self, text: str) -> str:
        """Run code in a new cell below the last function; returns what it shows."""
        self.cell("condition_number").get_by_role("button", name="Add a cell").click()
        cell = self.page.locator(".live-added:has(.cm-focused)")
        cell.wait_for()
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Shift+Enter")
        self.wait()
        return cell.locator(".live-out").inner_text()

    def check(self, name: str) -> str:
        return self.run(f"check-{name}")

    def wait(self) -> None:
        """Until nothing runs."""
        self.page.wait_for_function("() => document.querySelector('.live-stop').disabled")

    def result(self, name: str) -> str:
        return self.cell(name).locator(".live-out").inner_text()

    def marks(self, name: str) -> str:
        """The classes of a cell's result: live-pass, live-fail."""
        return self.cell(name).locator(".live-out").get_attribute("class") or ""

    @property
    def said(self) -> str:
        return self.page.locator(".live-said").inner_text()

    def code(self, name: str) -> str:
        """The source of a cell as the page shows it."""
        if self.editor(name).count():
            lines = self.editor(name).locator(".cm-line").all_inner_texts()
            return "\n".join(line.strip("\n") for line in lines)
        return self.cell(name).locator(".cell_input pre").inner_text()

    def press(self, words: str) -> None:
        self.page.get_by_role("button", name=words, exact=True).click()

    def download(self, folder: Path) -> Path:
        with self.page.expect_download() as coming:
            self.press("Download .ipynb")
        path = folder / coming.value.suggested_filename
        coming.value.save_as(path)
        return path

    def open(self, path: Path) -> None:
        self.page.locator(".live-file").set_input_files(path)


Sit = Callable[..., AbstractContextManager[Desk]]


@pytest.fixture
def sit(live_site: Path, address: str, visit: Any) -> Sit:
    """``with sit("ps01-sgd", width=390) as desk``: a first visit to a problem set."""

    @contextmanager
    def open_page(name: str, **options: Any) -> Iterator[Desk]:
        with visit(f"{address}book/exercises/{name}.html", **options) as page:
            page.wait_for_selector(".live-on")
            yield Desk(page)

    return open_page


@pytest.fixture(scope="module")
def desk(live_site: Path, address: str, visit: Any) -> Iterator[Desk]:
    """A page of problem set 1 with Python started, for tests that only write and run."""
    with visit(f"{address}book/exercises/ps01-sgd.html") as page:
        page.wait_for_selector(".live-on")
        made = Desk(page)
        made.start()
        yield made


def test_a_wrong_answer_is_named_and_a_right_one_passes(desk: Desk) -> None:
    assert "not answered yet" in desk.check("clip_by_norm")
    desk.write("sgd_step", CLIMBS)
    assert "0 of 3 checks pass" in desk.check("sgd_step")  # what is written is run first
    assert "climbs" in desk.result("check-sgd_step")
    assert "live-fail" in desk.marks("check-sgd_step")
    desk.write("sgd_step", STEP)
    assert "3 of 3 checks pass" in desk.check("sgd_step")
    assert "live-pass" in desk.marks("check-sgd_step")
    assert desk.said.startswith("sgd_step: 3 of 3 checks pass")


def test_stop_ends_an_endless_loop_and_the_work_survives(sit: Sit) -> None:
    with sit("ps01-sgd") as desk:
        desk.start()
        desk.write("sgd_step", ENDLESS)
        desk.cell("check-sgd_step").locator(".live-run").click()
        desk.page.wait_for_timeout(1500)
        assert desk.page.get_by_role("button", name="Stop").is_enabled()
        desk.press("Stop")
        assert desk.page.get_by_role("button", name="Stop").is_disabled()
        assert desk.said.startswith("Stopped.")
        assert "while True" in desk.code("sgd_step")
        desk.write("sgd_step", STEP)
        assert "3 of 3 checks pass" in desk.check("sgd_step")


@pytest.mark.slow
def test_a_reload_in_the_middle_loses_nothing(sit: Sit) -> None:
    with sit("ps01-sgd") as desk:
        desk.start()
        desk.write("sgd_step", STEP)
        desk.cell("written-batch_size_and_rate").locator("textarea").fill("By a factor of ten.")
        desk.page.reload()
        desk.page.wait_for_selector(".live-on")
        assert desk.code("sgd_step").strip() == STEP.strip()
        assert "back" in desk.said
        field = desk.cell("written-batch_size_and_rate").locator("textarea")
        assert field.input_value() == "By a factor of ten."
        assert "3 of 3 checks pass" in desk.check("sgd_step")


# --- from the page to the grade -----------------------------------------------------------------

SETS = ("ps01-sgd", "ps05-adam", "ps08-batchnorm")


def grade(course: Path, *sets: str) -> dict[str, dict[str, Any]]:
    """What ``autograder grade`` says of a class of one, by problem set and exercise."""
    program = Path(sys.executable).parent / "autograder"
    command = [str(program), "grade", *sets, "--course-dir", str(course), "--isolation", "auto"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for name in sets:
        results = json.loads((course / "reports" / name / "results.json").read_text("utf-8"))
        (submission,) = results["submissions"]
        found[name] = {each["name"]: each for each in submission["exercises"]}
    return found


@pytest.mark.slow
def test_what_is_solved_on_the_page_is_graded_as_it_deserves(
    sit: Sit, right_answers: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    """Three problem sets, each with one known mistake: full marks but there, and it is named."""
    slips = {}
    for name in SETS:
        definition = load_problem_set(name)
        last = definition.exercises[-1].name
        mistake, source = mistaken_answers(definition, 0)[last]
        slips[name] = (last, mistake)
        answers = right_answers(name) | {last: source}
        with sit(name) as desk:
            desk.start()
            for exercise, source in answers.items():
                desk.write(exercise, source)
                assert desk.code(exercise).rstrip() == source.rstrip()
            desk.page.locator(".written textarea").fill("My answer.")
            desk.press("Run all")
            desk.wait()
            for exercise in answers:
                passed = "live-pass" in desk.marks(f"check-{exercise}")
                assert passed == (exercise != last), desk.result(f"check-{exercise}")
            folder = tmp_path / "course" / "submitted" / "ada" / name
            folder.mkdir(parents=True)
            path = desk.download(folder)
        notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
        nbformat.validate(notebook)
        assert path.name == f"{name}.ipynb"
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                assert cell.cell_type == "markdown" or cell.outputs, "the checks show their results"
    graded = grade(tmp_path / "course", *SETS)
    for name, (slip, mistake) in slips.items():
        for exercise, result in graded[name].items():
            if exercise == slip:
                assert result["score"] < result["max_score"]
                assert mistake in {check["mistake"] for check in result["checks"]}
            else:
                assert result["score"] == result["max_score"], (exercise, result)


ALL = [name for name in problem_set_names() if not load_problem_set(name).torch]


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_right_answers_pass_all_checks_of_every_set(
    sit: Sit, right_answers: Callable[[str], dict[str, str]], name: str
) -> None:
    """Python in the browser has 32 bits, and versions of its own: no check may depend on that."""
    with sit(name) as desk:
        desk.start()
        for exercise, source in right_answers(name).items():
            desk.write(exercise, source)
        desk.press("Run all")
        desk.wait()
        for exercise in right_answers(name):
            shown = desk.result(f"check-{exercise}")
            assert "live-pass" in desk.marks(f"check-{exercise}"), shown
        assert desk.page.locator(".live-fail").count() == 0
        pictures = desk.page.locator("img.live-picture").count()
        assert pictures or "plt.show()" not in desk.page.inner_text(".bd-article")


def test_stock_nbgrader_finds_the_notebook_valid(sit: Sit, tmp_path: Path) -> None:
    """The grade ids, locks and checksums are those of the release, in the same order."""
    with sit("ps01-sgd") as desk:
        path = desk.download(tmp_path)
    made = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(made)
    released = nbformat.read(ROOT / "book/exercises/ps01-sgd.ipynb", as_version=nbformat.NO_CONVERT)
    assert made == released


@pytest.mark.slow
def test_a_notebook_comes_back_with_the_cells_that_were_added(sit: Sit, tmp_path: Path) -> None:
    released = json.loads((ROOT / "book/exercises/ps01-sgd.ipynb").read_text("utf-8"))
    at = next(i for i, cell in enumerate(released["cells"]) if cell["id"] == "sgd_step")
    released["cells"][at]["source"] = (
        "def sgd_step(theta, grad, lr):\n    return step(theta, lr * grad)"
    )
    helper = {"cell_type": "code", "id": "helper", "metadata": {}, "outputs": []}
    helper |= {"execution_count": None, "source": "def step(theta, v):\n    return theta - v"}
    note = {"cell_type": "markdown", "id": "note", "metadata": {}, "source": "A *note*."}
    released["cells"][at:at] = [note, helper]
    mine = tmp_path / "mine.ipynb"
    mine.write_text(json.dumps(released), encoding="utf-8")
    with sit("ps01-sgd") as desk:
        desk.open(mine)
        desk.page.wait_for_function(
            "() => document.querySelector('.live-said').textContent.includes('is open')"
        )
        assert desk.code("helper").startswith("def step")
        assert desk.cell("note").locator("textarea").input_value() == "A *note*."
        assert "3 of 3 checks pass" in desk.check("sgd_step")  # with the cell that it needs
        back = json.loads(desk.download(tmp_path).read_text("utf-8"))
    assert [cell["id"] for cell in back["cells"]] == [cell["id"] for cell in released["cells"]]
    assert [c["source"] for c in back["cells"]] == [c["source"] for c in released["cells"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "does not hold JSON"),
        ("[]", "not a notebook of Jupyter's format 4"),
        ('{"nbformat": 4, "cells": []}', "no answer cell of ps01-sgd"),
        ((ROOT / "book/exercises/ps02-momentum.ipynb").read_text("utf-8"), "another problem set"),
    ],
)
def test_what_is_no_notebook_of_the_set_is_not_opened(
    sit: Sit, tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "mine.ipynb"
    path.write_text(content, encoding="utf-8")
    with sit("ps01-sgd") as desk:
        desk.cell("written-batch_size_and_rate").locator("textarea").fill("Mine.")
        desk.open(path)
        desk.page.wait_for_function(
            "() => document.querySelector('.live-said').textContent.includes('is not opened')"
        )
        assert says in desk.said
        field = desk.cell("written-batch_size_and_rate").locator("textarea")
        assert field.input_value() == "Mine."


# --- the work stays -----------------------------------------------------------------------------


@pytest.mark.slow
def test_reset_and_open_ask_first(sit: Sit, tmp_path: Path) -> None:
    with sit("ps01-sgd") as desk:
        field = desk.cell("written-batch_size_and_rate").locator("textarea")
        released = desk.download(tmp_path)
        field.fill("Mine.")
        desk.press("Reset …")
        assert desk.page.get_by_role("dialog").is_visible()
        assert desk.page.evaluate("document.activeElement.textContent") == "Keep my work"
        desk.press("Keep my work")
        assert field.input_value() == "Mine."
        desk.open(released)
        desk.page.get_by_role("dialog").wait_for()
        desk.page.keyboard.press("Escape")
        assert field.input_value() == "Mine."
        desk.press("Reset …")
        desk.press("Delete my work")
        desk.page.wait_for_function("() => document.querySelector('.live-said').textContent")
        assert field.input_value() == "YOUR ANSWER HERE"
        desk.page.reload()
        desk.page.wait_for_selector(".live-on")
        assert field.input_value() == "YOUR ANSWER HERE"


@pytest.mark.slow
def test_two_windows_do_not_write_over_each_other(sit: Sit) -> None:
    with sit("ps01-sgd") as desk:
        other = desk.page.context.new_page()
        other.goto(desk.page.url)
        other.wait_for_selector(".live-on")
        written = "[data-id=written-batch_size_and_rate] textarea"
        other.locator(written).fill("From the other window.")
        desk.page.wait_for_function(
            f"() => document.querySelector('{written}').value.startsWith('From')"
        )
        desk.start()
        desk.write("sgd_step", STEP)
        other.reload()
        other.wait_for_selector(".live-on")
        assert other.locator(written).input_value() == "From the other window."
        shown = other.locator('[data-id="sgd_step"] .cell_input pre').inner_text()
        assert shown.strip() == STEP.strip()


def test_where_the_browser_keeps_nothing_the_page_says_so(sit: Sit) -> None:
    with sit("ps01-sgd") as desk:
        desk.page.add_init_script(
            "const plain = Storage.prototype.setItem;"
            "Storage.prototype.setItem = function (key, text) {"
            "  if (key.includes(' exercises ')) throw new DOMException('full');"
            "  plain.call(this, key, text);"
            "}"
        )
        desk.page.goto(desk.page.url)
        desk.page.wait_for_selector(".live-on")
        desk.cell("written-batch_size_and_rate").locator("textarea").fill("Mine.")
        assert "keeps nothing" in desk.said


# --- what runs, and what is shown ---------------------------------------------------------------


@pytest.mark.slow
def test_nothing_is_loaded_before_the_first_press(sit: Sit) -> None:
    with sit("ps02-momentum") as desk:
        asked: list[str] = []
        desk.page.on("request", lambda request: asked.append(request.url.split("/_static/")[-1]))
        desk.page.reload(wait_until="networkidle")
        own = {url for url in asked if url.startswith(("exercises/", "vendor/", "downloads/"))}
        assert {
            url.split("?")[0] for url in own if "mathjax" not in url and "awesome" not in url
        } == {
            f"exercises/{name}"
            for name in ("exercise.css", "exercise.js", "kernel.js", "notebook.js", "outputs.js")
        } | {"exercises/store.js"}
        desk.start()
        assert any("pyodide.asm.wasm" in url for url in asked)
        # the first cell imports Matplotlib for others, and does not use it
        assert not any("matplotlib" in url for url in asked)


@pytest.mark.slow
def test_a_figure_is_drawn_and_told(sit: Sit, right_answers: Any) -> None:
    with sit("ps02-momentum") as desk:
        desk.start()
        name = "minimize_quadratic"
        desk.write(name, right_answers("ps02-momentum")[name])
        picture = desk.page.locator(".live-cell:has(.cm-content)").filter(has_text="plt.show()")
        picture.locator(".live-run").click()
        desk.wait()
        image = picture.locator("img.live-picture")
        assert image.evaluate("node => node.naturalWidth") > 300
        assert image.get_attribute("alt").startswith("Figure: ")


def test_an_error_shows_the_students_own_lines(desk: Desk) -> None:
    desk.write("sgd_step", "def sgd_step(theta, grad, lr):\n    return helper(theta)\n")
    shown = desk.scratch(
        "def helper(z):\n    return z.no_such_thing\n\n\nsgd_step(np.ones(2), 0, 0.1)"
    )
    assert re.search(r"Cell \[\d+\], line 2, in sgd_step\n\s+return helper\(theta\)", shown)
    assert re.search(r"Cell \[\d+\], line 2, in helper\n\s+return z.no_such_thing", shown)
    assert shown.rstrip().endswith("has no attribute 'no_such_thing'")
    assert "page_kernel" not in shown
    assert desk.said.startswith("AttributeError: ")


def test_a_check_says_that_its_function_has_a_syntax_error(desk: Desk) -> None:
    desk.write("sgd_step", "def sgd_step(theta, grad, lr):\n    return theta -\n")
    shown = desk.check("sgd_step")
    assert "Not run" in shown
    assert "invalid syntax" in shown
    assert "line 2" in shown
    assert "line 2" in desk.result("sgd_step")
    assert desk.said == shown


def test_what_cells_show_cannot_run_on_the_page(desk: Desk) -> None:
    shown = desk.scratch(
        "from IPython.display import HTML\n"
        'HTML(\'<p class="live-cell" onclick="alert(1)"\'\n'
        "     ' style=\"color: inherit; position: fixed\">words</p>'\n"
        '     \'<script>document.title = "taken"</script><img src=x onerror="alert(2)">\'\n'
        '     \'<a href="javascript:alert(3)">link</a><iframe src="//example.com"></iframe>\')'
    )
    assert "words" in shown
    out = desk.page.locator(".live-added .live-out").last
    assert out.locator("p").get_attribute("style") == "color: inherit;"
    assert out.locator("p[onclick], p[class]").count() == 0
    assert out.locator("a").get_attribute("href") is None
    assert out.locator("script, img, iframe").count() == 0
    assert desk.page.title() != "taken"


HOSTILE_DRAWING = """
<svg width="80" height="20" onload="document.title='taken'" style="position: fixed; inset: 0">
  <script>document.title = "taken"</script><style>* { display: none }</style>
  <foreignObject><p>foreign</p><img src=x onerror="document.title='taken'"></foreignObject>
  <a href="javascript:document.title='taken'"><text y="9">linked</text></a>
  <use href="#shape" xlink:href="//example.com/a.svg#b"/><image href="//example.com/a.png"/>
  <animate attributeName="href" values="javascript:1" onbegin="document.title='taken'"/>
  <set attributeName="onclick" to="document.title='taken'"/>
  <filter id="shape"><feImage href="//example.com/a.png"/></filter>
  <path d="M0 0H9" fill="url(//example.com/a.svg#b)" stroke="red" id="main" class="live-run"
    style="fill: url(//example.com)" onclick="document.title='taken'"/>
  <path d="M0 9H9" fill="u\\72l(//example.com)" stroke="src('//example.com')" opacity="0.5"/>
  <g transform="scale(2)"><text y="9" fill="rgb(1, 2, 3)" aria-label="a url\\(b)">words</text></g>
</svg><math><a href="javascript:1">maths</a></math>
"""


def test_drawings_are_shapes_and_words_and_nothing_else(desk: Desk) -> None:
    shown = desk.scratch(f"from IPython.display import HTML\nHTML({HOSTILE_DRAWING!r})")
    assert shown.split() == ["words"]
    out = desk.page.locator(".live-added .live-out").last
    kept = out.evaluate(
        """(box) => [...box.querySelectorAll("svg, svg *")].map((shape) => [
          shape.localName,
          Object.fromEntries([...shape.attributes].map(({name, value}) => [name, value])),
        ])"""
    )
    assert kept == [
        ["svg", {"width": "80", "height": "20"}],
        ["path", {"d": "M0 0H9", "stroke": "red"}],
        ["path", {"d": "M0 9H9", "opacity": "0.5"}],
        ["g", {"transform": "scale(2)"}],
        ["text", {"y": "9", "fill": "rgb(1, 2, 3)", "aria-label": "a url\\(b)"}],
    ]
    assert out.locator("p, a, img, math").count() == 0
    assert desk.page.title() != "taken"


def test_much_output_is_cut(desk: Desk) -> None:
    shown = desk.scratch("for number in range(100_000):\n    print('number', number)")
    assert shown.startswith("number 0\nnumber 1\n")
    assert "cut" in shown[-200:]
    assert len(shown) < 250_000


# --- for everyone -------------------------------------------------------------------------------


def test_the_keyboard_alone_suffices(desk: Desk) -> None:
    keys = desk.page.keyboard
    label = "document.activeElement.ariaLabel"
    desk.editor("sgd_step").focus()
    keys.press("ControlOrMeta+a")
    for line in ("def sgd_step(theta, grad, lr):", "return theta - lr * grad"):
        keys.type(line)
        keys.press("Enter")  # the editor indents
    keys.press("Tab")  # a tab in the text
    assert desk.page.evaluate(label) == "Code of sgd_step"
    keys.press("Shift+Enter")
    desk.wait()
    assert "3 of 3 checks pass" in desk.result("check-sgd_step")
    keys.press("Escape")
    keys.press("Tab")
    assert desk.page.evaluate(label) == "Run sgd_step"
    seen = []
    while "Check sgd_step" not in seen and len(seen) < 5:
        keys.press("Tab")
        seen.append(desk.page.evaluate(label))
    keys.press("Enter")
    desk.wait()
    assert desk.page.evaluate(label) == "Check sgd_step"
    keys.press("Shift+Tab")


@pytest.mark.slow
def test_after_python_breaks_down_the_next_press_starts_it_anew(
    live_site: Path, address: str, browser: Browser
) -> None:
    context = browser.new_context()  # where the console may say what happened
    page = context.new_page()
    page.goto(f"{address}book/exercises/ps01-sgd.html")
    page.wait_for_selector(".live-on")
    desk = Desk(page)
    desk.start()
    deep = "import sys\nsys.setrecursionlimit(10**6)\ndef f(n):\n    return f(n + 1)\nf(0)"
    assert "RecursionError" in desk.scratch(deep)
    assert desk.said.startswith("Python broke down: ")
    desk.write("sgd_step", STEP)
    assert "3 of 3 checks pass" in desk.check("sgd_step")
    context.close()


@pytest.mark.slow
def test_axe_finds_nothing_serious_while_solving(
    desk: Desk, axe: Callable[[Page], list[str]]
) -> None:
    desk.write("sgd_step", CLIMBS)
    desk.check("sgd_step")
    desk.write("clip_by_norm", "def clip_by_norm(grad, max_norm):\n    return 'a', 1.5  # note\n")
    desk.check("clip_by_norm")
    for width in (390, 1280):
        for theme in ("dark", "light"):
            desk.page.set_viewport_size({"width": width, "height": 900})
            desk.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            desk.page.wait_for_timeout(400)
            assert not axe(desk.page), f"{theme}, {width} px"


@pytest.mark.slow
def test_a_phone_shows_all_of_it(sit: Sit) -> None:
    with sit("ps01-sgd", width=390) as desk:
        desk.start()
        desk.write("sgd_step", STEP)
        assert "3 of 3 checks pass" in desk.check("sgd_step")
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= 390
        for box in desk.page.locator(".live-button:visible").all():
            place = box.bounding_box()
            assert place["height"] >= 40
            assert place["x"] >= 0
            assert place["x"] + place["width"] <= 390
        code = desk.editor("sgd_step")
        assert code.evaluate("node => node.scrollWidth <= node.clientWidth + 1"), "long lines wrap"
        letters = code.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")
        assert letters >= 16, "else a phone zooms in"
        gaps = desk.page.evaluate(GAPS)
        assert gaps
        assert min(gaps) >= 10, "a text does not stick to the hint above it"


def test_the_table_of_problem_sets_fits_a_phone(address: str, visit: Any) -> None:
    with visit(f"{address}book/exercises/index.html", width=390) as page:
        links = page.locator(".course-table a[download]")
        assert links.count() >= 12
        for link in links.all():
            place = link.bounding_box()
            assert place["x"] >= 0
            assert place["x"] + place["width"] <= 390


# --- Python from elsewhere, and how long it takes ---


@pytest.mark.slow
def test_python_can_come_from_the_address_that_pyodide_names(
    live_site: Path, address: str, browser: Browser
) -> None:
    """As on a published site; the test stands in for that address, with the same files."""
    elsewhere = page_runtime.pins()["python"]["address"]
    told = json.loads((live_site / "_static/exercises/runtime.json").read_text("utf-8"))
    files = page_runtime.folder("python")
    asked: list[str] = []

    def give(route: Any) -> None:
        asked.append(route.request.url.removeprefix(elsewhere))
        route.fulfill(path=files / asked[-1], headers={"access-control-allow-origin": "*"})

    context = browser.new_context()
    context.route("**/runtime.json", lambda route: route.fulfill(json={**told, "base": elsewhere}))
    context.route(f"{elsewhere}**", give)
    page = context.new_page()
    page.goto(f"{address}book/exercises/ps01-sgd.html")
    page.wait_for_selector(".live-on")
    desk = Desk(page)
    assert "not answered yet" in desk.check("sgd_step")
    assert set(asked) == set(told["light"])
    context.close()


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "autograder"
    command = [str(program), "bench", "page", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.slow
def test_the_benchmark_tells_how_long_one_waits(live_site: Path) -> None:
    done = bench("--site", str(live_site), "--visits", "1")
    assert done.returncode == 0, done.stderr
    for what in ("a first visit", "a later visit", "a check when Python runs"):
        assert re.search(rf"{what}: \d+\.\d\d s \(goal: at most [\d.]+ s\)", done.stdout), (
            done.stdout
        )


def test_the_benchmark_says_what_it_needs(tmp_path: Path) -> None:
    done = bench("--site", str(tmp_path))
    assert done.returncode == 1
    assert "make site" in done.stderr
    assert "Traceback" not in done.stderr


# --- where it cannot run ------------------------------------------------------------------------


def offers_the_download(page: Page, words: str) -> bool:
    sentence = page.get_by_text(words)
    sentence.wait_for(timeout=10_000)
    return page.locator('section.live a[href$="ps01-sgd.zip"]').is_visible()


def test_a_page_opened_as_a_file_says_that_it_cannot_run(live_site: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((live_site / "book/exercises/ps01-sgd.html").as_uri())
    assert offers_the_download(page, "Python does not run here")
    assert page.locator(".live-run").count() == 0
    page.close()


def test_a_browser_without_workers_says_that_it_cannot_run(
    live_site: Path, address: str, browser: Browser
) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.Worker")
    page.goto(f"{address}book/exercises/ps01-sgd.html")
    assert offers_the_download(page, "Python does not run here")
    page.close()


@pytest.mark.parametrize("how", ["policy", "refused", "wasm", "mjs"])
def test_a_worker_that_does_not_come_is_told_in_a_sentence(
    live_site: Path, address: str, browser: Browser, how: str
) -> None:
    """Workers forbidden by the server's policy or by the browser; Python missing on the server."""
    context = browser.new_context()
    page = context.new_page()
    if how == "policy":
        context.route(
            "**/ps01-sgd.html",
            lambda route: route.fulfill(
                path=live_site / "book/exercises/ps01-sgd.html",
                headers={
                    "content-type": "text/html",
                    "content-security-policy": "worker-src 'none'",
                },
            ),
        )
    elif how == "refused":
        page.add_init_script("window.Worker = function () { throw new DOMException('no'); }")
    else:
        context.route(f"**/pyodide.asm.{how}", lambda route: route.fulfill(status=404))
    page.goto(f"{address}book/exercises/ps01-sgd.html")
    page.locator(".live-run").first.click()
    page.get_by_text("Python does not run here").last.wait_for(timeout=PATIENCE)
    assert page.locator('.live-bar a[href$="ps01-sgd.zip"]').is_visible()
    assert page.get_by_role("button", name="Download .ipynb").is_enabled()
    context.close()
