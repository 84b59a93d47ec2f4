"""A course whose students are told in German: one line of course.toml, and the same scores."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import cli
from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.grading.batch import grade_class
from autograder.grading.sample import sample_class
from autograder.grading.settings import Settings, TimeLimits
from autograder.release.build import release
from autograder.release.fingerprints import of_grading
from autograder.release.making import notebook_text

PS = "ps01-sums"
SCORES = {"boris": 3, "goran": 3, "hana": 0}  # as in English
QUICK = Settings(isolation="auto", workers=2, time=TimeLimits(cell=3, call=1, notebook=20))
LATE = """
[late]
percent = 10
at_most = 50
[problem_set.ps01-sums]
due = "2026-11-30 23:59 Z"
[[extension]]
student = "goran"
problem_set = "ps01-sums"
by = "2 days"
why = "Krank."
"""
# what pages say in English, and what this course has written nowhere
ENGLISH = re.compile(
    r"\b(points?|checks?|status|graded|Exercise|late|Due|handed|raised|expected|got|inputs|case)\b"
)
# tags, and what the student and the course have written
WRITTEN = r"<style>.*?</style>|<code>.*?</code>|<pre class=.code.>.*?</pre>|<[^>]*>"
AT_A_DESK = """
from selfcheck import check
def trapezoid(y, h):
    return 2 * h * (sum(y) - (y[0] + y[-1]) / 2)
check(trapezoid)
"""


def speaks(course: Course, language: str) -> Course:
    file = course.root / "course.toml"
    text = re.sub(r"^language = .*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(f'{text}\nlanguage = "{language}"\n', encoding="utf-8")
    return Course.read(course.root)


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    """A class of such a course, with some of the sample's hand-ins; one checks for itself."""
    course = speaks(make_course(tmp_path_factory.mktemp("german") / "course"), "de")
    made = CourseDirectory.at(course.root / "spring").assignment(PS)
    release(made)
    sample = sample_class(made)
    asks = {"cell_type": "code", "id": "asks", "metadata": {}, "outputs": []}
    sample["boris"]["cells"].append({**asks, "execution_count": None, "source": "check(trapezoid)"})
    for student in SCORES:
        path = made.submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(sample[student]), encoding="utf-8")
        path.with_name("timestamp.txt").write_text("2026-12-01 12:00 UTC", encoding="utf-8")
    (made.root / "policies.toml").write_text(LATE, encoding="utf-8")
    return made


def test_an_unknown_language_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    with pytest.raises(UserError, match=r"“language” cannot be 'tlh': write one of en, "):
        speaks(course, "tlh")
    english = of_grading(course.material(PS))
    assert of_grading(speaks(course, "en").material(PS)) == english
    assert of_grading(speaks(course, "de").material(PS)) != english


def test_check_speaks_it_at_the_students_desk(assignment: Assignment) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AT_A_DESK],
        cwd=assignment.source.parent,
        capture_output=True,
        text=True,
    )
    assert "trapezoid: 0 von 2 Prüfungen bestanden, mit den öffentlichen Fällen" in done.stderr
    assert "ist 2-mal zu groß" in done.stderr, done.stderr


def test_a_class_is_graded_as_in_english_and_told_in_german(assignment: Assignment) -> None:
    graded = grade_class(assignment, QUICK)
    assert {result.student: result.score for result in graded.run.results} == SCORES
    head = json.loads(assignment.results.read_text(encoding="utf-8"))
    assert head["language"] == "de"
    told = {}
    for student in SCORES:
        page = assignment.feedback(student).read_text(encoding="utf-8")
        assert '<html lang="de">' in page
        told[student] = re.sub(WRITTEN, "", page, flags=re.DOTALL)
        assert ENGLISH.findall(told[student]) == []
    assert "Status: bewertet" in told["boris"]
    assert "bestanden, mit den öffentlichen Fällen" in told["boris"]  # as check said it
    costs = "10 % der Punkte werden abgezogen (10 % der Punkte für jeden angefangenen Tag, "
    assert f"abgegeben 2026-12-01 12:00 (UTC), 12 Stunden zu spät; {costs}" in told["boris"]
    assert "für dich verlängert bis 2026-12-02 23:59 (UTC) (Krank.)" in told["goran"]
    assert (
        "Status: Fehler (eine Zelle endete mit der Ausnahme SyntaxError: Zeile 1" in told["goran"]
    )
    assert "keine Aufgabe ist bearbeitet" in told["hana"]
    told_elsewhere(assignment)


def told_elsewhere(assignment: Assignment) -> None:
    """What a platform gets of the same class."""
    words = ["export", "gradescope", PS, "--course-dir", str(assignment.root)]
    ran = CliRunner().invoke(cli.app, words)
    assert ran.exit_code == 0, ran.output
    with zipfile.ZipFile(assignment.reports / "gradescope.zip") as packed:
        texts = [packed.read(name).decode() for name in packed.namelist()]
    assert (
        sum("Status: keine Antwort (keine Aufgabe ist bearbeitet)" in text for text in texts) == 1
    )
    assert sum("Abgezogen wegen verspäteter Abgabe: 0.3" in text for text in texts) == 1
