"""The book's page on one's own content, followed by the letter on the course that it makes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from autograder.course.course import Course
from autograder.course.new import make_course
from autograder.definition import evaluate, load_problem_set
from autograder.layout import PACKAGE
from autograder.release.source import instructor_notebook

PAGE = PACKAGE.parent / "book" / "instructors" / "your-own-content.md"
PS = "ps01-sums"
INIT = "exercises/ps01/__init__.py"
SOURCE = f"solutions/{PS}/{PS}.py"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two edits may be of the same second
    return make_course(tmp_path / "numerics")


def blocks() -> list[str]:
    """What is to be written, in the order of the page."""
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(r"^```\{code-block\} (?:python|toml)\n((?:(?!```).*\n)*)```$", text, re.M)


def points(course: Course) -> dict[str, int]:
    """The points of a problem set, by the cell that has them; its source must fit."""
    material = course.material(PS)
    load_problem_set.cache_clear()  # a command would be a process of its own
    for name in [name for name in sys.modules if name.split(".")[0] in course.packages]:
        del sys.modules[name]
    found = load_problem_set(material)
    cells = instructor_notebook(found, material.source, course)["cells"]
    return {
        cell["id"]: cell["metadata"]["nbgrader"]["points"]
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("grade")
    }


def test_what_the_page_says_is_all_that_it_takes(course: Course) -> None:
    root = course.root
    check, question, without, reference, module, with_it, cells, language = blocks()

    def change(file: str, old: str, new: str) -> None:
        text = (root / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (root / file).write_text(text.replace(old, new), encoding="utf-8")

    def add(file: str, text: str) -> None:
        with (root / file).open("a", encoding="utf-8") as opened:
            opened.write(text)

    def set_up(text: str) -> None:
        before = (root / INIT).read_text(encoding="utf-8")
        (root / INIT).write_text(before.partition("from . import")[0] + text, encoding="utf-8")

    assert points(course) == {"check-trapezoid": 3, "check-horner": 3, "written-halved_step": 3}
    change("exercises/ps01/trapezoid.py", check.replace("points=4", "points=2"), check)
    change(INIT, question.replace("5", "3"), question)
    assert points(course) == {"check-trapezoid": 5, "check-horner": 3, "written-halved_step": 5}

    set_up(without)
    source = (root / SOURCE).read_text(encoding="utf-8")
    horner = r"# %% \[markdown\]\n# ## Horner's rule.*?check\(horner\)\n\n"
    (root / SOURCE).write_text(re.sub(horner, "", source, flags=re.S), encoding="utf-8")
    assert points(course) == {"check-trapezoid": 5, "written-halved_step": 5}

    add("reference/rules.py", reference)
    add("exercises/ps01/midpoint.py", module)
    set_up(with_it)
    add(SOURCE, cells)
    assert points(course)["check-midpoint"] == 2
    spec = evaluate(course.material(PS), 1, "cpu")  # refuses a mistake that nothing tells
    assert "width" in spec.exercises[1].mistakes["width-forgotten"]

    add("course.toml", language)
    assert Course.read(root).language == "de"
