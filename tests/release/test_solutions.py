"""Worked solutions become a page of the site when nobody can hand in any more, and never before."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from autograder.cli import app
from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.release.nbgrader_settings import put_environment_on_path
from autograder.release.solutions import (
    _enter_in_contents,
    publish_solutions,
    solutions_page,
    withdraw_solutions,
)
from autograder.results.policies import read_policies

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
ROOT = Path(__file__).parents[2]
PS = "ps01-sums"
DUE = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
DATES = """
time_zone = "Europe/Berlin"
[problem_set.ps01-sums]
due = "2026-11-30 23:59"
"""
EXTENSION = """
[[extension]]
student = "ada"
problem_set = "ps01-sums"
by = "2 days"
"""
SECOND = timedelta(seconds=1)


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    course = make_course(tmp_path / "course")
    (course.root / "spring").mkdir()
    return CourseDirectory(course.root / "spring", course).assignment(PS)


def test_solutions_appear_after_the_last_deadline_and_not_before(assignment: Assignment) -> None:
    policies = assignment.root / "policies.toml"
    root = assignment.directory.course.root
    page = root / "pages" / "solutions" / f"{PS}.md"

    def refused(now: datetime, match: str) -> None:
        with pytest.raises(UserError, match=match):
            publish_solutions(assignment, now, read_policies(assignment.directory))
        assert not page.exists()

    far = DUE + timedelta(days=3000)
    refused(far, r"nobody knows until when .* write its due date in .*\n\[problem_set.ps01-sums\]")
    assert not assignment.directory.gradebook.exists()
    policies.write_text(DATES + EXTENSION)
    refused(DUE + SECOND, r"can be handed in until 2026-12-02 23:59 \(UTC\+01:00\)")
    refused(DUE + timedelta(days=2), "not before")  # the last moment is still one
    policies.write_text(f'{DATES}[late]\npercent = 5\ncloses_after = "4 days"\n{EXTENSION}')
    refused(DUE + timedelta(days=6), "until 2026-12-06 23:59")
    policies.write_text(f'{DATES}[late]\npercent = 5\ngrace = "1 hour"\n')
    refused(DUE + timedelta(minutes=60), "until 2026-12-01 00:59")

    # what only the gradebook knows counts, too
    put_environment_on_path()
    from nbgrader.api import Gradebook

    with Gradebook(assignment.directory.database_url) as book:
        book.add_assignment(PS, duedate="2026-11-30 23:00:00 UTC")
        book.add_notebook(PS, PS)
        book.add_student("bob")
        book.add_submission(PS, "bob")
        book.grant_extension(PS, "bob", hours=5)
    policies.unlink()
    refused(datetime(2026, 12, 1, 4, tzinfo=UTC), r"until 2026-12-01 04:00 \(UTC\)")
    policies.write_text(DATES)
    refused(datetime(2026, 12, 1, 4, tzinfo=UTC), r"until 2026-12-01 05:00 \(UTC\+01:00\)")

    # there is no table of contents, so the line for one is told
    after = datetime(2026, 12, 1, 4, 0, 1, tzinfo=UTC)
    done, line = publish_solutions(assignment, after, read_policies(assignment.directory))
    assert (done, line) == (page, f"- file: pages/solutions/{PS}")
    assert withdraw_solutions(assignment.material) and not page.exists()
    assert not withdraw_solutions(assignment.material)


def test_the_command_says_what_it_did_and_why_not(assignment: Assignment) -> None:
    policies = assignment.root / "policies.toml"
    arguments = ["publish-solutions", PS, "--course-dir", str(assignment.root)]
    arguments += ["--course", str(assignment.directory.course.root)]

    def run(*more: str) -> Any:
        return CliRunner().invoke(app, [*arguments, *more])

    policies.write_text(DATES.replace("2026", "2999"))
    result = run()
    assert isinstance(result.exception, UserError)
    policies.write_text(DATES.replace("2026", "1999"))
    assert run().exit_code == 0
    page = assignment.directory.course.root / "pages" / "solutions" / f"{PS}.md"
    assert page.is_file()
    assert run("--remove").exit_code == 0
    assert not page.exists()


def test_the_page_has_answers_and_known_mistakes_and_links_that_lead_somewhere() -> None:
    course = Course.find(ROOT)
    for name in course.problem_sets():
        material = course.material(name)
        text = solutions_page(material)
        assert "SOLUTION" not in text and "raise NotImplementedError" not in text
        assert text.count("```python") * 2 == text.count("```"), name
        for target in _links(text):
            assert (ROOT / "book" / "solutions" / target).resolve().is_file(), (name, target)
    text = solutions_page(course.material("ps01-sgd"))
    assert text.startswith("# Solutions: ")
    assert "](../exercises/ps01-sgd.ipynb)" in text and "](../exercises/index.md)" in text
    assert "**A model answer.**" in text
    assert "Manhattan rule" in text  # a known mistake
    assert "check(sgd_step)" not in text


def _links(text: str) -> list[str]:
    return re.findall(r"\]\((?![a-z]+:|#)([^()\s#]+)[^()\s]*\)", text)


def test_the_page_is_entered_behind_the_problem_sets_and_taken_out_again(tmp_path: Path) -> None:
    for name in ("_toc.yml", "course.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("solutions", "autograder", "book"):
        (tmp_path / name).symlink_to(ROOT / name)
    course = Course.find(tmp_path)
    contents = tmp_path / "_toc.yml"
    before = contents.read_text()
    for name in ("ps01-sgd", "ps02-momentum", "ps01-sgd"):
        assert _enter_in_contents(course.material(name)) == ""
    parts = yaml.safe_load(contents.read_text())["parts"]
    (practice,) = [part for part in parts if part["caption"] == "Practice"]
    assert [next(iter(each.values())) for each in practice["chapters"][0]["sections"]] == [
        "book/exercises/ps*",
        "book/exercises/capstone-optimizer",
        "book/solutions/ps01-sgd",
        "book/solutions/ps02-momentum",
    ]
    for name in ("ps01-sgd", "ps02-momentum"):
        withdraw_solutions(course.material(name))
    assert contents.read_text() == before


def test_no_solutions_are_published_with_the_course() -> None:
    assert not (ROOT / "book" / "solutions").exists()
    assert "book/solutions" not in (ROOT / "_toc.yml").read_text(encoding="utf-8")
