"""The book's pages for instructors, followed command by command through a term with three students.

Commands are run in the order of the pages, in a folder in which only the course directory lies.
What a platform gives is made up here: a zip file of Canvas, its gradebook, a worksheet of Moodle.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from autograder import cli
from autograder.course.course import Course
from autograder.course.directory import CourseDirectory
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.layout import PACKAGE
from autograder.results.policies import read_policies

ROOT = PACKAGE.parent
FOLDER = ROOT / "book" / "instructors"
PS = "ps01-sgd"
WRITTEN = "written-batch_size_and_rate"
TERM = (
    "start-of-term",
    "collect",
    "grade",
    "mark-by-hand",
    "regrade",
    "return",
    "end-of-term",
)
ELSEWHERE = {
    "make course": "what this runs in was made by it",
    "autograder doctor": "tests/test_doctor.py",
    f"autograder preflight {PS}": "tests/grading/test_preflight.py",
    "(cd spring && jupyter lab)": "tests/nbgrader/test_pages_in_a_browser.py",
}
BLOCK = re.compile(r"^(.*)\n\n```\{code-block\} (\w+)\n((?:(?!```).*\n)*)```$", re.MULTILINE)
FILE = re.compile(r"`([\w/.-]+)`:$")  # before a block: the file that it belongs into


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The blocks of a page: the last line of the text before it, its kind, what is in it."""
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    found = BLOCK.findall(text)
    assert len(found) == text.count("```{code-block}")
    return found


def commands(block: str) -> list[str]:
    """The commands of a block, without their comments."""
    return [command for line in block.splitlines() if (command := re.sub(r"\s+#.*", "", line))]


def test_the_overview_names_commands_that_the_pages_explain() -> None:
    ((_, _, overview),) = blocks("index")
    explained = [
        command.strip()
        for page in TERM
        for _, _, block in blocks(page)
        for command in commands(block)
    ]
    for command in commands(overview):
        assert command in explained


def test_every_command_is_one_that_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on the pages that are about other machines, or later in a term."""
    monkeypatch.chdir(tmp_path)
    for name in ("submissions.zip", "canvas-export.csv", "worksheet.csv", "grades.csv"):
        (tmp_path / name).touch()
    (tmp_path / f"{PS}-submissions").mkdir()
    seen = set()
    for page in FOLDER.glob("*.md"):
        for _, kind, block in blocks(page.stem):
            if kind not in ("bash", "sh"):
                continue
            for command in commands(block):
                program, *words = shlex.split(command)
                if program == "autograder":
                    cli.app.commands[words[0]].make_context(words[0], words[1:])
                    seen.add(words[0])
    assert {"collect", "grade", "adjust", "export", "release", "doctor"} <= seen


def test_what_the_page_on_deadlines_shows_is_one_file(tmp_path: Path) -> None:
    text = "".join(block for _, kind, block in blocks("deadlines") if kind == "toml")
    spring = CourseDirectory.at(tmp_path, course=Course.read(ROOT))
    (tmp_path / "policies.toml").write_text(text, encoding="utf-8")
    policies = read_policies(spring)
    due = policies.due(PS)
    assert due is not None
    assert due.utctimetuple()[:5] == (2026, 11, 30, 22, 59)  # at 23:59 in Berlin
    extension = policies.extension(PS, "ada")
    assert extension is not None
    assert extension.why == "The room was locked."


class Term:
    """A folder in which commands are given, and what a platform puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spring = CourseDirectory.at(folder / "spring")

    def type(self, command: str) -> None:
        """Give a command, as it stands on a page."""
        words = shlex.split(command)
        if words[0] != "autograder":
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            return
        anywhere = ["--isolation", "auto"] if words[1] == "grade" else []
        ran = CliRunner().invoke(cli.app, [*words[1:], *anywhere])
        assert ran.exit_code == 0, f"{command}: {ran.output} {ran.exception!r}"

    def write(self, name: str, text: str) -> None:
        """A file that a page shows; what is there already stays above it."""
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    def hand_in(self) -> None:
        """Canvas's zip file, with all of it right by one student, and one exercise by another."""
        released = released_notebook(self.spring.assignment(PS))
        right = instructor_answers(PS)
        full = with_answers(
            released, right, {WRITTEN.removeprefix("written-"): "By the root of the size."}
        )
        one = with_answers(released, {"condition_number": right["condition_number"]})
        with zipfile.ZipFile(self.folder / "submissions.zip", "w") as made:
            for name, notebook in (("byronada_101_9001", full), ("karlssonboris_102_9002", one)):
                made.writestr(f"{name}_{PS}.ipynb", json.dumps(notebook))

    def mark(self) -> None:
        """What is done in the form grader."""
        with Gradebook(self.spring.database_url) as book:
            book.find_grade(WRITTEN, PS, PS, "ada").manual_score = 3
            book.find_comment(WRITTEN, PS, PS, "ada").manual_comment = "And the price?"
            book.db.commit()

    def export(self) -> None:
        """What Canvas and Moodle give for grades to be put in, and a table of one's own."""
        most = f"{max(float(row['max_score']) for row in self.grades()):g}"
        files = {
            "canvas-export.csv": "Student,ID,SIS Login ID,Section,ps01-sgd (77),Total (78)\n"
            f"    Points Possible,,,,{most},50\n"
            '"Byron, Ada",101,ada,A,,\n"Karlsson, Boris",102,boris,A,,\n'
            '"Ó Brien, Zoë",103,zoe,A,,\n',
            "worksheet.csv": "Identifier,Full name,Email address,Status,Grade,Maximum Grade\n"
            f"Participant 5001,Ada Byron,ada@example.org,Submitted,,{most}\n"
            f"Participant 5002,Boris Karlsson,boris@example.org,Submitted,,{most}\n",
            "grades.csv": "email,Midterm\nada@example.org,9\nboris@example.org,8\n"
            "zoe@example.org,7\n",
        }
        for name, text in files.items():
            self.write(name, text)

    def grades(self) -> list[dict[str, str]]:
        text = (self.spring.assignment(PS).reports / "grades.csv").read_text(encoding="utf-8-sig")
        return list(csv.DictReader(text.splitlines()))

    def page(self, student: str) -> str:
        return self.spring.assignment(PS).feedback(student).read_text(encoding="utf-8")


def test_a_term_by_the_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOGRADER_COURSE", str(ROOT))
    term = Term(tmp_path)
    before: dict[str, Callable[[], None]] = {
        "collect": term.hand_in,
        "return": term.export,
    }
    elsewhere = dict(ELSEWHERE)
    for page in TERM:
        before.get(page, lambda: None)()
        for line, kind, block in blocks(page):
            if kind != "bash":
                (name,) = FILE.findall(line)
                term.write(name, block)
                continue
            for command in commands(block):
                if command in elsewhere:
                    del elsewhere[command]
                    if command.endswith("jupyter lab)"):
                        term.mark()
                    continue
                term.type(command)
    assert elsewhere == {}

    ada, boris, zoe = sorted(term.grades(), key=lambda row: row["student_id"])
    assert (ada["last_name"], ada["manual_score"], zoe["status"]) == ("Byron", "3.0", "no hand-in")
    # 27 and 4 points, 2 more for an exercise
    assert [float(ada[key]) for key in ("max_score", "machine_score", "score")] == [33, 29, 32]
    assert 6 < float(boris["score"]) < 29  # the exercise, and the check that all are given
    assert "And the price?" in term.page("ada")
    assert "The text left the sign open." in term.page("boris")
    reports = term.spring.assignment(PS).reports
    assert "Byron, Ada" in (reports / "canvas.csv").read_text(encoding="utf-8")
    made = {path.name for path in reports.iterdir()}
    assert {"canvas-feedback.zip", "moodle.csv", "moodle-feedback.zip", "gradescope.zip"} <= made
    assert "Homework 1" in (reports / "csv.csv").read_text(encoding="utf-8")
    with Gradebook(term.spring.database_url) as book:
        assert str(book.find_assignment(PS).duedate) == "2026-11-30 23:59:00"
    total = (tmp_path / "spring" / "reports" / "term.csv").read_text(encoding="utf-8-sig")
    assert {"ada", "boris", "zoe"} <= {line.split(",")[0] for line in total.splitlines()}
    reports = tmp_path / "spring" / "reports"
    in_canvas = (reports / "term-canvas.csv").read_text(encoding="utf-8")
    share = float(ada["score"]) / float(ada["max_score"])
    assert f"ada,A,{50 * share:.2f}" in in_canvas
    assert "zoe,A,0" in in_canvas
    assert f"ada@example.org,9,{100 * share:.2f}" in (reports / "term-csv.csv").read_text()
    assert (tmp_path / "spring.tar.gz").stat().st_size > 10_000
