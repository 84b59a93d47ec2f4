"""Released notebooks work wherever they are opened: links, and the import of selfcheck."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import exercise_pages
import jupytext
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from autograder.course import problem_set_names
from autograder.course.course import Course
from autograder.definition import load_problem_set
from autograder.release.source import instructor_notebook

SITE = "https://example.org/course/"
LINK = re.compile(r"\[[^][]*\]\(([^()\s]+)\)")


def notebook_of(name: str, site: str) -> dict[str, Any]:
    course = replace(Course.find(), site=site)
    path = course.material(name).source
    return instructor_notebook(load_problem_set(course.material(name)), path, course)


@pytest.mark.parametrize("site", ["", SITE])
def test_no_link_is_relative_and_the_sites_own_page_has_them_back(site: str) -> None:
    root, pages = Course.find().root, set()
    for name in problem_set_names():
        source = jupytext.read(Course.find().material(name).source, fmt="py:percent").cells
        cells = notebook_of(name, site)["cells"]
        for cell, written in zip(cells, source, strict=True):
            if cell["cell_type"] == "markdown":
                links = LINK.findall(cell["source"])
                assert all(link.startswith("https://") for link in links), (name, links)
                pages.update(links)
                exercise_pages._link(cell)
                assert cell["source"] == written["source"]
    if site:
        ours = {page.removeprefix(SITE).partition("#")[0] for page in pages if SITE in page}
        assert {"book/exercises/index.html", "book/exercises/ps02-momentum.html"} < ours
        for page in ours:
            place = root / page
            assert any(place.with_suffix(kind).is_file() for kind in (".md", ".ipynb")), page
    else:
        assert pages == set()


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ("", "install -q --no-index --find-links . selfcheck"),
        (SITE, f"install -q {SITE}_static/downloads/selfcheck-0.1.0-py3-none-any.whl"),
    ],
)
def test_the_first_cell_installs_selfcheck_where_it_is_missing(
    site: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in problem_set_names():
        code = [c["source"] for c in notebook_of(name, site)["cells"] if c["cell_type"] == "code"]
        line = next(text for text in code[0].splitlines() if text.startswith("    from selfcheck"))
        block = code[0][code[0].index("try:") : code[0].rindex(line) + len(line)]
        python = TransformerManager().transform_cell(block)
        ran: list[tuple[str, str]] = []

        class Shell:
            """IPython where selfcheck can be imported once pip has run."""

            def run_line_magic(self, magic: str, arguments: str) -> None:
                ran.append((magic, arguments))  # noqa: B023 - called in this turn of the loop

        def importing(module: str, *_: Any) -> Any:
            if not ran:  # noqa: B023 - called in this turn of the loop
                raise ModuleNotFoundError(f"No module named {module!r}", name=module)
            import autograder.selfcheck as selfcheck

            return selfcheck

        built_in = {"__import__": importing, "ModuleNotFoundError": ModuleNotFoundError}
        names: dict[str, Any] = {"get_ipython": Shell, "__builtins__": {**built_in, "print": print}}
        exec(python, names)
        assert ran == [("pip", told)]
        assert all(imported in names for imported in re.findall(r"\w+", line)[3:])
        assert "selfcheck is missing here; installing it." in capsys.readouterr().out
