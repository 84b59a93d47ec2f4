"""What persons add to the machine's points: marks, comments, deadlines; where all that arrives."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autograder.cli import app
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.files import write_whole
from autograder.course.new import make_course
from autograder.grading import batch
from autograder.grading.batch import ClassResult, compare_class, grade_class
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings, TimeLimits
from autograder.lms.export import plain_csv
from autograder.lms.roster import Roster
from autograder.release.build import release
from autograder.results.gradebook import GradebookRow, Mark, rows_of_others
from autograder.results.late import require_one_rule
from autograder.results.policies import FILE as POLICIES
from autograder.results.policies import read_policies

PS = "ps01-sums"
WRITTEN = "written-halved_step"
QUICK = Settings(isolation="auto", workers=2, seed=5, time=TimeLimits(cell=3, call=1, notebook=20))
DUE = "2030-01-10 12:00:00 UTC"
TIMES = {"ada": "2030-01-10 11:00:00 UTC", "bob": "2030-01-10 14:00:00 UTC"}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a graded class: ada in time, bob two hours late, and carl without a hand-in."""
    course = make_course(tmp_path_factory.mktemp("marks") / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    release(assignment)
    with gradebook(assignment) as book:
        book.update_or_create_assignment(PS, duedate=DUE)
        book.add_student("carl", first_name="Çarl", last_name="Gauß", email="carl@example.org")
        book.add_student("ada", first_name="Ada", last_name="Lovelace")
    right = instructor_answers(assignment.material)
    for student, time in TIMES.items():
        path = assignment.submitted(student)
        path.parent.mkdir(parents=True)
        hand_in(assignment, student, right, "By four.")
        (path.parent / "timestamp.txt").write_text(time)
        (path.parent / "submission_secret.txt").write_text(f"secret of {student}")
    grade_class(assignment, QUICK)
    return course.root


@pytest.fixture
def assignment(graded: Path, tmp_path: Path) -> Assignment:
    shutil.copytree(graded, tmp_path / "course")
    return CourseDirectory.at(tmp_path / "course" / "spring").assignment(PS)


def hand_in(assignment: Assignment, student: str, answers: dict[str, str], words: str) -> None:
    notebook = with_answers(released_notebook(assignment), answers)
    for cell in notebook["cells"]:
        if cell["id"] == WRITTEN:
            cell["source"] = words
    assignment.submitted(student).write_text(json.dumps(notebook), encoding="utf-8")


@contextmanager
def gradebook(assignment: Assignment) -> Iterator[Any]:
    from nbgrader.api import Gradebook

    with Gradebook(assignment.directory.database_url) as book:
        yield book
        book.db.commit()


def mark(assignment: Assignment, student: str, cell: str, **values: Any) -> None:
    with gradebook(assignment) as book:
        grade = book.find_grade(cell, PS, PS, student)
        grade.needs_manual_grade = False
        for name, value in values.items():
            setattr(grade, name, value)


def comment(assignment: Assignment, student: str, cell: str, words: str) -> None:
    with gradebook(assignment) as book:
        book.find_comment(cell, PS, PS, student).manual_comment = words


def late_policy(assignment: Assignment, text: str) -> None:
    with (assignment.root / "nbgrader_config.py").open("a") as file:
        file.write(text)


def grade(assignment: Assignment) -> ClassResult:
    return grade_class(assignment, QUICK)


def row(assignment: Assignment, student: str) -> GradebookRow:
    return grade(assignment).rows[student]


def table(assignment: Assignment) -> dict[str, dict[str, str]]:
    path = assignment.reports / "grades.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbfassignment,")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {line["student_id"]: line for line in csv.DictReader(file)}


def page(assignment: Assignment, student: str) -> str:
    return assignment.feedback(student).read_text(encoding="utf-8")


def nbgraders_penalty(assignment: Assignment, student: str) -> float:
    with gradebook(assignment) as book:
        return float(book.find_submission(PS, student).late_submission_penalty)


@pytest.mark.slow
def test_who_handed_in_nothing_is_in_the_table_with_the_name(assignment: Assignment) -> None:
    lines = table(assignment)
    assert list(lines) == ["ada", "bob", "carl"]
    carl = lines["carl"]
    assert (carl["first_name"], carl["last_name"]) == ("Çarl", "Gauß")
    assert (carl["status"], carl["score"], carl["max_score"]) == ("no hand-in", "0.0", "9.0")
    assert carl["horner"] == ""
    assert lines["ada"]["last_name"] == "Lovelace"


def test_the_sums_of_the_table_agree(assignment: Assignment) -> None:
    late_policy(assignment, "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    mark(assignment, "ada", WRITTEN, manual_score=2.0, extra_credit=0.5)
    mark(assignment, "ada", "check-horner", manual_score=1.0)
    grade(assignment)
    for line in table(assignment).values():
        values = {name: float(line[name]) for name in line if "score" in name or "credit" in name}
        late = float(line["late_submission_penalty"])
        parts = values["machine_score"] + values["manual_score"] + values["extra_credit"]
        assert values["raw_score"] == parts
        assert values["score"] == max(0, parts - late)
        assert values["machine_score"] == sum(float(line[n] or 0) for n in ("trapezoid", "horner"))
    ada = table(assignment)["ada"]
    assert (ada["machine_score"], ada["manual_score"], ada["extra_credit"]) == ("6.0", "0.0", "0.5")
    assert float(table(assignment)["bob"]["score"]) == 0


def test_a_late_penalty_comes_and_goes_with_its_reason(assignment: Assignment) -> None:
    assert row(assignment, "bob").late_submission_penalty == 0
    late_policy(assignment, "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    assert row(assignment, "bob").late_submission_penalty == 6
    assert row(assignment, "ada").late_submission_penalty == 0
    assert nbgraders_penalty(assignment, "bob") == 6
    assert "6 taken off because it was handed in late" in page(assignment, "bob")
    mark(assignment, "bob", WRITTEN, manual_score=2.0)
    assert row(assignment, "bob").late_submission_penalty == 8
    with gradebook(assignment) as book:
        book.grant_extension(PS, "bob", hours=3)
    assert row(assignment, "bob").late_submission_penalty == 0
    assert nbgraders_penalty(assignment, "bob") == 0
    assert "late" not in page(assignment, "bob").split("<h2>Your notebook")[0]
    with gradebook(assignment) as book:
        book.grant_extension(PS, "bob", hours=1)
    assert row(assignment, "bob").late_submission_penalty == 8
    time = assignment.submitted("bob").with_name("timestamp.txt")
    time.write_text("2030-01-10 09:00:00 UTC")
    assert row(assignment, "bob").late_submission_penalty == 0


POLICY = """
from nbgrader.plugins import BasePlugin

class Hourly(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {}
"""


@pytest.mark.parametrize(
    ("given", "taken"),
    [("1.5 * total_seconds_late / 3600", 3.0), ("-2", 0.0), ("100", 6.0), ("None", 0.0)],
)
def test_a_plugin_of_the_courses_own_is_asked(
    assignment: Assignment, given: str, taken: float
) -> None:
    (assignment.root / f"own_{abs(hash(given))}.py").write_text(POLICY.format(given))
    name = f"own_{abs(hash(given))}.Hourly"
    late_policy(assignment, f"\nc.AssignLatePenalties.plugin_class = '{name}'\n")
    assert row(assignment, "bob").late_submission_penalty == taken


@pytest.mark.parametrize(
    "text", ["\nc.AssignLatePenalties.plugin_class = 'nowhere.Own'\n", "\nraise KeyError('x')\n"]
)
def test_a_policy_that_fails_is_told_and_costs_nobody_anything(
    assignment: Assignment, text: str
) -> None:
    late_policy(assignment, text)
    with pytest.raises(UserError, match=r"plugin for late submissions in .*nbgrader_config\.py"):
        grade(assignment)
    assert nbgraders_penalty(assignment, "bob") == 0


DATES = """
time_zone = "Europe/Berlin"

[problem_set.ps01-sums]
due = "2030-01-10 13:00"
"""
TEN_PERCENT = """
[late]
percent = 10
grace = "15 minutes"
closes_after = "1 day"
"""
EXTENDED = """
[[extension]]
group = "evening"
problem_set = "ps01-sums"
by = "1 hour"
why = "The room was locked."

[group.evening]
students = ["bob", "nobody"]
"""


def test_dates_of_the_course_directory_reach_gradebook_page_and_tables(
    assignment: Assignment,
) -> None:
    policies = assignment.root / POLICIES

    def told(*parts: str) -> list[str]:
        policies.write_text("".join(parts), encoding="utf-8")
        return list(grade(assignment).told)

    def bob() -> tuple[str, str, str, float]:
        line = table(assignment)["bob"]
        assert float(line["late_submission_penalty"]) == nbgraders_penalty(assignment, "bob")
        names = ("extension_hours", "hours_late", "penalty_reason")
        hours, late, why = (line[name] for name in names)
        return hours, late, why, nbgraders_penalty(assignment, "bob")

    # the same moment as in the gradebook, so nothing is to be told
    assert told(DATES) == []
    assert bob() == ("0.0", "2.0", "", 0)
    assert "handed in 2030-01-10 15:00 (UTC+01:00), 2 hours late." in page(assignment, "bob")
    assert "handed in 2030-01-10 12:00 (UTC+01:00), in time." in page(assignment, "ada")

    told(DATES, TEN_PERCENT)
    reason = "10 % of the points are taken off (10 % of the points for each day begun; "
    assert bob()[2].startswith(reason)
    assert bob()[3] == 0.6
    assert reason in page(assignment, "bob")
    assert "0.6 taken off because it was handed in late" in page(assignment, "bob")
    plain = plain_csv(rows_of_others(assignment, ()), Roster())
    assert f",0.6,yes,{reason}" in plain.replace('"', "")

    # an hour for a group: one hour late is left; then two hours, and nothing is
    (unknown,) = told(DATES, TEN_PERCENT.replace("1 day", "30 minutes"), EXTENDED)
    assert "has extensions for nobody, and the gradebook nobody of that name" in unknown
    assert (bob()[0], bob()[1], bob()[3]) == ("1.0", "1.0", 6)
    assert "after 2030-01-10 14:30 (UTC+01:00) nothing counts" in page(assignment, "bob")
    told(DATES, TEN_PERCENT, EXTENDED.replace("1 hour", "105 minutes"))
    assert bob()[:2] == ("1.75", "0.25")
    assert (bob()[2], bob()[3]) == ("that is in time, for up to 15 minutes are forgiven", 0)
    changes = told(DATES, TEN_PERCENT, EXTENDED.replace("1 hour", "2 hours"))
    assert "the extension of bob was 1.8 hours in the gradebook, and is now 2 hours" in changes[0]
    assert bob() == ("2.0", "0.0", "", 0)
    assert "extended to 2030-01-10 15:00 (UTC+01:00) (The room was locked.); handed in" in page(
        assignment, "bob"
    )
    with gradebook(assignment) as book:
        assert book.find_submission(PS, "bob").total_seconds_late == 0
        assert book.find_submission(PS, "bob").extension == timedelta(hours=2)

    # what nbgrader was told otherwise gives way to the file, and that is said
    with gradebook(assignment) as book:
        book.update_or_create_assignment(PS, duedate="2030-01-10 13:00:00 UTC")
        book.grant_extension(PS, "ada", hours=5)
    changes = told(DATES, TEN_PERCENT)
    assert changes == [
        "the due date was 2030-01-10 14:00 (UTC+01:00) in the gradebook, and is now 2030-01-10 "
        f"13:00 (UTC+01:00), as in {policies}",
        f"the extension of ada was 5 hours in the gradebook, and goes, as in {policies}",
        f"the extension of bob was 2 hours in the gradebook, and goes, as in {policies}",
    ]
    assert bob()[3] == 0.6
    assert told(DATES, TEN_PERCENT) == []

    # without a time of handing in nobody is late
    with gradebook(assignment) as book:
        book.find_submission(PS, "bob").timestamp = None
    assignment.submitted("bob").with_name("timestamp.txt").unlink()
    (missing,) = told(DATES, TEN_PERCENT)
    assert missing == "no timestamp.txt says when bob handed in: this counts as in time"
    assert bob()[3] == 0


def test_nbgrader_and_the_course_directory_do_not_both_take_points_off(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies = assignment.root / POLICIES
    policies.write_text(DATES + EXTENDED, encoding="utf-8")
    late_policy(assignment, "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    # the plugin works on with the dates of the file
    assert row(assignment, "bob").late_submission_penalty == 6
    assert "6 points are taken off" in page(assignment, "bob")
    policies.write_text(DATES + TEN_PERCENT, encoding="utf-8")
    both = "both say what lateness costs, and one must"
    with pytest.raises(UserError, match=both):
        grade(assignment)
    assert nbgraders_penalty(assignment, "bob") == 6
    # also where nobody is late, before anything is graded or only told
    policies.write_text(DATES.replace("13:00", "23:00") + TEN_PERCENT, encoding="utf-8")
    for begin in (grade_class, compare_class):
        with pytest.raises(UserError, match=both):
            begin(assignment, QUICK)
    assert nbgraders_penalty(assignment, "bob") == 6
    said = read_policies(assignment.directory)

    def unreadable(path: Path, *given: str) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as here:
        here.setattr(Path, "read_text", unreadable)
        with pytest.raises(UserError, match=r"fails: PermissionError: .*nbgrader_config"):
            require_one_rule(assignment.root, said, PS)
    policies.write_text("[late]\npercent = x\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"policies\.toml is not TOML"):
        grade(assignment)


def test_the_term_is_added_up(assignment: Assignment) -> None:
    (assignment.root / POLICIES).write_text("[term]\ndrop_lowest = 1\n", encoding="utf-8")
    mark(assignment, "ada", WRITTEN, manual_score=2.0)
    grade(assignment)
    assert "the problem set without which your share of the points is largest" in page(
        assignment, "ada"
    )
    arguments = ["--course-dir", str(assignment.root)]
    arguments += ["--course", str(assignment.directory.course.root)]
    result = CliRunner().invoke(app, ["term", *arguments])
    assert result.exit_code == 0
    with (assignment.root / "reports" / "term.csv").open(newline="", encoding="utf-8-sig") as file:
        lines = {line["student_id"]: line for line in csv.DictReader(file)}
    found = {name: (line["score"], line["percent"]) for name, line in lines.items()}
    assert found == {"ada": ("8.0", "88.89"), "bob": ("6.0", "66.67"), "carl": ("0.0", "0.0")}
    assert {line["dropped"] for line in lines.values()} == {""}  # one always counts
    assert lines["bob"]["needs_manual_grade"] == "yes"

    # into what a platform exported, here with the semicolons and commas of other countries
    exported = assignment.root / "exported.csv"
    exported.write_text(
        "Student;ID;SIS Login ID;Section;Total (7)\n"
        "    Points Possible;;;;45,00\n"
        "Ada;1;ada;;\nBob;2;bob;;\n",
        encoding="utf-8",
    )
    into = ["export", "canvas", "term", str(exported), *arguments]
    result = CliRunner().invoke(app, into)
    assert "these have a grade and no row in" in str(result.exception)  # carl has none
    assert "not all graded by hand yet: bob" in result.output
    made = (assignment.root / "reports" / "term-canvas.csv").read_text(encoding="utf-8")
    assert made.splitlines()[2:] == ["Ada;1;ada;;40", "Bob;2;bob;;30"]
    exported.write_text("id,points\nada,1\nbob,2\ncarl,3\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["export", "csv", "term", str(exported), *arguments])
    assert result.exit_code == 0, result.output
    made = (assignment.root / "reports" / "term-csv.csv").read_text(encoding="utf-8")
    assert made.splitlines() == ["id,points,total", "ada,1,88.89", "bob,2,66.67", "carl,3,0"]
    for words, told in (
        (["gradescope", "term"], "goes into tables only"),
        (["csv", "term"], "a table by itself makes: autograder term"),
    ):
        assert told in CliRunner().invoke(app, ["export", *words, *arguments]).output

    assignment.results.unlink()
    result = CliRunner().invoke(app, ["term", *arguments])
    assert isinstance(result.exception, UserError)
    assert "no problem set is graded" in str(result.exception)


def test_what_a_person_gives_and_says_reaches_the_page(assignment: Assignment) -> None:
    assert "Your grade" not in page(assignment, "ada")
    mark(assignment, "ada", WRITTEN, manual_score=2.5, extra_credit=1.0)
    comment(assignment, "ada", WRITTEN, "Why <b>four</b>?\nBut well put.")
    comment(assignment, "ada", "horner", "Elegant.")
    result = grade(assignment)
    assert result.graded == 0
    assert set(result.rows["ada"].marks) == {
        Mark("halved_step", 2.5, 3.0, 1.0, "Why <b>four</b>?\nBut well put."),
        Mark("horner", None, 3.0, 0.0, "Elegant."),
    }
    text = page(assignment, "ada")
    assert "<strong>9.5 of 9 points</strong>:\n6 by machine, 2.5 by a person, 1 extra" in text
    assert "Why &lt;b&gt;four&lt;/b&gt;?\nBut well put." in text
    assert "Elegant." in text
    assert "Your grade" not in page(assignment, "bob")
    before = assignment.feedback("ada").stat().st_mtime_ns
    assert grade(assignment).graded == 0
    assert assignment.feedback("ada").stat().st_mtime_ns == before
    # graded anew, it is there again
    grade_class(assignment, QUICK, everything=True)
    assert "Elegant." in page(assignment, "ada")
    # and it goes when it is taken back
    mark(assignment, "ada", WRITTEN, manual_score=None, extra_credit=None)
    comment(assignment, "ada", WRITTEN, "")
    comment(assignment, "ada", "horner", "")
    grade(assignment)
    assert "Your grade" not in page(assignment, "ada")


def test_what_the_exchange_needs_is_beside_the_feedback(assignment: Assignment) -> None:
    for student, time in TIMES.items():
        for graded in (assignment.autograded(student), assignment.feedback(student)):
            assert graded.with_name("timestamp.txt").read_text() == time
            assert graded.with_name("submission_secret.txt").read_text() == f"secret of {student}"
    assignment.submitted("ada").with_name("timestamp.txt").unlink()
    assignment.submitted("bob").with_name("submission_secret.txt").write_text("x" * 5000)
    assert grade(assignment).graded == 0
    assert not assignment.feedback("ada").with_name("timestamp.txt").exists()
    assert not assignment.feedback("bob").with_name("submission_secret.txt").exists()


@pytest.mark.parametrize(
    ("change", "looked_at_again"),
    [
        (lambda right: ({**right, "horner": right["horner"] + "\n# more"}, "By four."), {"horner"}),
        (lambda right: (right, "By five."), {"halved_step"}),
        (lambda right: (right, "By four."), set()),
    ],
)
def test_a_persons_grade_stands_while_its_own_answer_does(
    assignment: Assignment, change: Callable[..., Any], looked_at_again: set[str]
) -> None:
    mark(assignment, "ada", WRITTEN, manual_score=2.0)
    mark(assignment, "ada", "check-horner", manual_score=1.0)
    mark(assignment, "ada", "check-trapezoid", manual_score=1.0)
    assert not row(assignment, "ada").needs_manual_grade
    hand_in(assignment, "ada", *change(instructor_answers(assignment.material)))
    grade_class(assignment, QUICK, everything=True)
    with gradebook(assignment) as book:
        grades = book.find_submission_notebook(PS, PS, "ada").grades
        waiting = {each.name.partition("-")[2] for each in grades if each.needs_manual_grade}
        scores = {each.name.partition("-")[2]: each.manual_score for each in grades}
    assert waiting == looked_at_again
    assert scores == {"halved_step": 2.0, "horner": 1.0, "trapezoid": 1.0}


def test_a_page_is_written_once_where_a_person_adds_nothing(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(assignment, "bob", WRITTEN, manual_score=1.0)
    written: list[Path] = []

    def counted(path: Path, *args: Any, **options: Any) -> None:
        written.append(path)
        write_whole(path, *args, **options)

    monkeypatch.setattr(batch, "write_whole", counted)
    grade_class(assignment, QUICK, everything=True)
    assert written.count(assignment.feedback("ada")) == 1
    assert "Ada Lovelace, " in page(assignment, "ada")
    assert written.count(assignment.feedback("bob")) == 2
