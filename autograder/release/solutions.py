"""The worked solutions of a problem set as a page of the site, when nobody can hand in any more.

The page is ``solutions/PS.md`` in the folder of the course's pages: the text of the problem set,
with the instructor's answers and the mistakes that the grader knows by name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from autograder.course.course import FILE as COURSE
from autograder.course.course import Material
from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.course.files import write_whole
from autograder.definition import load_problem_set
from autograder.definition.answers import BEGIN, END
from autograder.definition.constants import filled, values_of, written
from autograder.definition.exercise import Exercise
from autograder.definition.ids import checked_exercise, is_check
from autograder.results.gradebook import last_deadline
from autograder.results.policies import FILE as POLICIES
from autograder.results.policies import Policies

from .source import instructor_notebook

_FOLDER = "solutions"
_TOC = "_toc.yml"
_LINK = re.compile(r"(\]\()(?![a-z]+:)([^()\s#]+)(?=[^()\s]*\))")
_MARKUP = re.compile(r"(`[^`]*`)|([\\*_<>$\[\]{}|~#])")  # code, or a sign of Markdown's
_HEADING = re.compile(r"\A#\s+.*\n?")


def publish_solutions(
    assignment: Assignment, now: datetime, policies: Policies
) -> tuple[Path, str]:
    """Write the page; return it, and what is to be added to the table of contents by hand, if so.

    Raises UserError until the last deadline of the class, extensions included, has passed, and
    where nobody knows it.
    """
    material = assignment.material
    page = page_of(material)
    deadline = last_deadline(assignment, policies)
    if deadline is None:
        raise UserError(
            f"nobody knows until when {assignment} can be handed in; write its due date in "
            f"{assignment.root / POLICIES}, as\n"
            f'[problem_set.{assignment}]\ndue = "2026-11-30 23:59 UTC"'
        )
    moment, told = deadline
    if now <= moment:
        raise UserError(
            f"{assignment} can be handed in until {told}; its solutions are published after that, "
            f"and not before (due dates and extensions are those in {assignment.root / POLICIES}, "
            "and those that the last grading has entered in the gradebook)"
        )
    write_whole(page, solutions_page(material))
    return page, _enter_in_contents(material)


def withdraw_solutions(material: Material) -> bool:
    """Remove the page, and its line in the table of contents; return whether there was one."""
    page, contents = page_of(material), material.course.root / _TOC
    there = page.exists()
    page.unlink(missing_ok=True)
    if contents.is_file():
        text = _text(contents)
        left = re.sub(
            rf"^ *- file: {re.escape(_entry(material))} *\n", "", text, flags=re.MULTILINE
        )
        if left != text:
            write_whole(contents, left)
    return there


def page_of(material: Material) -> Path:
    """Where the page of the solutions is. Raises UserError if the course has no pages."""
    if not material.course.pages:
        raise UserError(
            f"{material.course.root / COURSE} names no folder of pages, to which the solutions "
            'would go; write one, as pages = "pages"'
        )
    return material.course.root / f"{_entry(material)}.md"


def solutions_page(material: Material) -> str:
    """The text of the page, in MyST Markdown."""
    defined = load_problem_set(material)
    problem_set = defined.variant(0)
    exercises = {exercise.name: exercise for exercise in problem_set.exercises}
    course = material.course
    what, values = "the problem set", values_of(problem_set.constants, 0)
    if not values:  # else no notebook of it is published
        notebook = f"{course.notebooks}/{material}.ipynb"
        what = f"[{what}]({posixpath.relpath(notebook, f'{course.pages}/{_FOLDER}')})"
    parts = [
        f"# Solutions: {problem_set.title}",
        f"The instructor's answers to {what}. Others are as right if they give the same values.",
    ]
    if values:
        told = ", ".join(f"{name} = {written(value)}" for name, value in values.items())
        parts.append(
            f"Students had variants with other constants; here they are those of the first: {told}."
        )
    cells = instructor_notebook(problem_set, material.source)["cells"]
    for number, cell in enumerate(cells):
        source = filled(str(cell["source"]), values)
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if cell["cell_type"] == "markdown":
            text = _HEADING.sub("", source) if number == 0 else source
            parts.append(_with_links_from(text, course.notebooks, f"{course.pages}/{_FOLDER}"))
        elif is_check(grade_id):
            parts += _mistakes(exercises[checked_exercise(grade_id)])
        else:
            lines = [line for line in source.splitlines() if line.strip() not in (BEGIN, END)]
            parts.append("\n".join(["```python", *lines, "```"]))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _mistakes(exercise: Exercise) -> Iterator[str]:
    """What the grader says of the mistakes that it knows, folded."""
    if exercise.mistakes:
        yield "<details><summary>Mistakes that are often made</summary>"
        said = (mistake.message for mistake in exercise.mistakes.values())
        yield "\n".join(f"- {_MARKUP.sub(_as_it_is, message)}" for message in said)
        yield "</details>"


def _as_it_is(found: re.Match[str]) -> str:
    """Code as it is, and other signs so that they are shown as they are."""
    return found[1] or f"\\{found[2]}"


def _with_links_from(text: str, old: str, new: str) -> str:
    """A text with its links to pages as they are to be written in another folder."""

    def moved(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(old, found[2]))
        return f"{found[1]}{posixpath.relpath(target, new)}"

    return _LINK.sub(moved, text)


def _entry(material: Material) -> str:
    """The page as a table of contents names it."""
    return f"{material.course.pages}/{_FOLDER}/{material}"


def _text(contents: Path) -> str:
    """The text of a table of contents. Raises UserError."""
    try:
        return contents.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot read {contents}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{contents} is not UTF-8 text; save it as UTF-8") from None


def _enter_in_contents(material: Material) -> str:
    """Enter the page in Jupyter Book's table of contents, behind the problem sets.

    Returns the line to be added by hand where there is no such place; nothing else is changed.
    """
    contents, line = material.course.root / _TOC, f"- file: {_entry(material)}"
    if not contents.is_file():
        return line
    text = _text(contents)
    lines = text.splitlines(keepends=True)
    if any(each.strip() == line for each in lines):
        return ""
    folders = (material.course.notebooks, f"{material.course.pages}/{_FOLDER}")
    places = [
        number
        for number, each in enumerate(lines)
        if any(re.match(rf" *- (file|glob): {re.escape(folder)}/", each) for folder in folders)
    ]
    behind = lines[places[-1] + 1] if places and places[-1] + 1 < len(lines) else ""
    indent = re.match(" *", lines[places[-1]])[0] if places else ""  # type: ignore[index]
    if not places or len(re.match(" *", behind)[0]) > len(indent):  # type: ignore[index]
        return line  # the last problem set has more lines than one
    lines.insert(places[-1] + 1, f"{indent}{line}\n")
    write_whole(contents, "".join(lines))
    return ""
