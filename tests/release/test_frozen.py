"""A release that students have stays whole: what a new version may change, and what it may not."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autograder import cli
from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.definition import load_problem_set
from autograder.grading.batch import ClassResult, grade_class
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.settings import Settings, TimeLimits
from autograder.release import making
from autograder.release.build import difference, has_release, is_released, release
from autograder.release.making import notebook_text
from autograder.results.adjustments import Action, Adjustment, write_adjustment

PS = "ps01-sums"
QUICK = Settings(isolation="auto", workers=2, seed=5, time=TimeLimits(cell=3, call=1, notebook=20))
HEADING = "# ## Horner's rule\n"


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a class that has handed in and was graded once."""
    course = make_course(tmp_path_factory.mktemp("frozen") / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment(PS)
    release(assignment)
    right = instructor_answers(assignment.material)
    for student, answers in {"ada": right, "bob": {}}.items():
        notebook = with_answers(released_notebook(assignment), answers)
        for cell in notebook["cells"] if student == "ada" else ():
            if cell["id"] == "written-halved_step":
                cell["source"] = "By four."
        path = assignment.submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(notebook), encoding="utf-8")
    assert grade(assignment) == {"ada": 6, "bob": 0}
    return course.root


@pytest.fixture
def assignment(graded: Path, tmp_path: Path) -> Assignment:
    """The same in a course that may be edited."""
    shutil.copytree(graded, tmp_path / "course")
    return CourseDirectory.at(tmp_path / "course" / "spring").assignment(PS)


def edit(course: Course, path: str, *changes: tuple[str, str]) -> None:
    """Edit a file of a course, and have it read anew."""
    file = course.root / path
    text = file.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")
    load_problem_set.cache_clear()
    for name in [n for n in sys.modules if n.split(".")[0] in ("exercises", "reference")]:
        del sys.modules[name]


def edit_source(assignment: Assignment, *changes: tuple[str, str]) -> None:
    edit(assignment.directory.course, f"solutions/{PS}/{PS}.py", *changes)


def grade_all(assignment: Assignment) -> ClassResult:
    return grade_class(assignment, QUICK)


def grade(assignment: Assignment) -> dict[str, int]:
    return {result.student: result.score for result in grade_all(assignment).run.results}


def files(assignment: Assignment) -> dict[str, bytes]:
    folders = (assignment.source.parent, assignment.release.parent)
    return {str(p): p.read_bytes() for f in folders for p in f.rglob("*") if p.is_file()}


def in_gradebook(assignment: Assignment) -> dict[str, Any]:
    from nbgrader.api import Gradebook

    with Gradebook(assignment.directory.database_url) as book:
        notebook = book.find_notebook(PS, PS)
        return {
            "points": {cell.name: cell.max_score for cell in notebook.grade_cells},
            "texts": {c.name: c.source for c in notebook.source_cells if c.name[:5] == "text-"},
            "scores": {s.student.id: s.score for s in book.assignment_submissions(PS)},
            "graded": {
                (s.student.id, grade.name): (grade.auto_score, grade.manual_score)
                for s in notebook.submissions
                for grade in s.grades
            },
        }


def grade_by_hand(assignment: Assignment, student: str, cell: str, score: float) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(assignment.directory.database_url) as book:
        grade = book.find_grade(cell, PS, PS, student)
        grade.manual_score, grade.needs_manual_grade = score, False
        book.db.commit()


@pytest.mark.slow
def test_texts_are_taken_over_with_hand_ins_and_grades_as_they_are(assignment: Assignment) -> None:
    grade_by_hand(assignment, "ada", "written-halved_step", 2)
    before = in_gradebook(assignment)
    edit_source(
        assignment,
        (HEADING, f"# A paragraph more.\n\n# %% [markdown]\n{HEADING}"),
        ("no power is needed", "no powers are needed"),
    )
    found = difference(assignment)
    assert found.breaking == ()
    assert "a text is new: text-horner-2" in found.harmless
    assert any("powers are needed" in line for line in found.texts if line[:1] == "+")
    assert release(assignment)
    after = in_gradebook(assignment)
    assert after["texts"].keys() - before["texts"].keys() == {"text-horner-2"}
    assert {k: v for k, v in after.items() if k != "texts"} == {
        k: v for k, v in before.items() if k != "texts"
    }
    assert "powers are needed" in after["texts"]["text-horner-2"]
    assert grade(assignment) == {"ada": 6, "bob": 0}
    shown = json.loads(assignment.autograded("ada").read_text(encoding="utf-8"))
    assert any("A paragraph more." in "".join(cell["source"]) for cell in shown["cells"])
    assert in_gradebook(assignment)["graded"]["ada", "written-halved_step"] == (None, 2)
    # and away again
    edit_source(assignment, (f"# A paragraph more.\n\n# %% [markdown]\n{HEADING}", HEADING))
    assert release(assignment)
    assert in_gradebook(assignment)["texts"].keys() == before["texts"].keys()


def test_one_text_more_leaves_the_ids_of_other_sections(assignment: Assignment) -> None:
    def ids() -> list[str]:
        return [cell["id"] for cell in json.loads(assignment.release.read_text())["cells"]]

    before = ids()
    edit_source(assignment, (HEADING, f"# A paragraph more.\n\n# %% [markdown]\n{HEADING}"))
    release(assignment)
    after = ids()
    assert [name for name in after if name != "text-horner-2"] == before
    assert len(set(after)) == len(after)


def test_points_change_when_they_are_taken_over_and_not_before(assignment: Assignment) -> None:
    edit(
        assignment.directory.course,
        "exercises/ps01/horner.py",
        ("points=2", "points=4"),
    )
    with pytest.raises(UserError, match=r"horner gives 5 points in the course, and 3 in the"):
        grade(assignment)
    assert difference(assignment).breaking == ()
    assert "the points of horner change from 3 to 5" in difference(assignment).harmless
    assert release(assignment)
    assert grade(assignment) == {"ada": 8, "bob": 0}
    assert in_gradebook(assignment)["points"]["check-horner"] == 5
    assert in_gradebook(assignment)["scores"]["ada"] == 8

    # what is adjusted is so at once, and not only from the next grading on
    dropped = Adjustment("trapezoid", "two values", Action.DROP, "Too hard.")
    write_adjustment(assignment.root, PS, dropped)
    grade_all(assignment)
    points = in_gradebook(assignment)["points"]
    edit(assignment.directory.course, "exercises/ps01/horner.py", ("points=4", "points=3"))
    assert release(assignment)
    assert in_gradebook(assignment)["points"] == {**points, "check-horner": 4}
    assert points["check-trapezoid"] < 3


def test_cases_are_those_of_the_course(assignment: Assignment) -> None:
    edit(
        assignment.directory.course,
        "exercises/ps01/horner.py",
        ("[7, -7]", "[7, -7, 8]"),
    )
    assert "the checks, cases or messages of horner change" in difference(assignment).harmless
    before = files(assignment)
    assert grade_all(assignment).graded == 2
    assert files(assignment) == before


def _drop_horner(assignment: Assignment) -> None:
    text = assignment.material.source.read_text()
    start, end = (
        text.index("# %% [markdown]\n# ## Horner's"),
        text.index("# %% [markdown]\n# ## In"),
    )
    edit_source(assignment, (text[start:end], ""))
    package = "exercises/ps01/__init__.py"
    edit(assignment.directory.course, package, (", horner.EXERCISE", ","), ("horner, ", ""))


def _add_question(assignment: Assignment) -> None:
    source = assignment.material.source
    source.write_text(source.read_text() + '\n# %% [markdown] written="why"\n# Because.\n')
    edit(
        assignment.directory.course,
        "exercises/ps01/__init__.py",
        ('Written("halved_step", 3),', 'Written("halved_step", 3), Written("why", 1)'),
    )


def _rename_parameter(assignment: Assignment) -> None:
    edit_source(assignment, ("def horner(c, x)", "def horner(a, x)"), ("in c[::-1]", "in a[::-1]"))
    edit(
        assignment.directory.course,
        "exercises/ps01/horner.py",
        ('case_maker("c"', 'case_maker("a"'),
        ('parameters=("c"', 'parameters=("a"'),
        ("def changes_its_argument(c", "def changes_its_argument(a"),
        ("in c[::-1]", "in a[::-1]"),
        ('("c[::-1]", "c")', '("a[::-1]", "a")'),
        ('("c[::-1]", "c[:0:-1]")', '("a[::-1]", "a[:0:-1]")'),
    )
    edit(assignment.directory.course, "reference/rules.py", ("def horner(c", "def horner(a"))
    text = (assignment.directory.course.root / "reference/rules.py").read_text()
    body = text[text.index("def horner") :]
    fixed = re.sub(r"\bc\b", "a", body)
    edit(assignment.directory.course, "reference/rules.py", (body, fixed))


@pytest.mark.parametrize(
    ("change", "told", "grading"),
    [
        (_drop_horner, "the exercise horner is gone", "released with horner, which the course"),
        (_add_question, "the question written-why is new", None),
        (
            _rename_parameter,
            r"the parameters of horner change from \(c, x\) to \(a, x\)",
            r"released with horner\(c, x\), and the course now defines horner\(a, x\)",
        ),
    ],
)
def test_what_needs_another_notebook_is_refused_and_nothing_is_lost(
    assignment: Assignment,
    change: Callable[[Assignment], None],
    told: str,
    grading: str | None,
) -> None:
    before, entered = files(assignment), in_gradebook(assignment)
    change(assignment)
    assert re.search(told, "\n".join(difference(assignment).breaking))
    with pytest.raises(UserError, match=told):
        release(assignment)
    assert files(assignment) == before
    assert in_gradebook(assignment) == entered
    assert not is_released(assignment)
    assert has_release(assignment)
    assert not list(assignment.root.glob(".release-*"))
    if grading is None:  # it is graded with what was released
        assert grade(assignment) == {"ada": 6, "bob": 0}
        return
    with pytest.raises(UserError, match=grading):
        grade(assignment)


@pytest.mark.slow
def test_without_hand_ins_a_release_may_become_another_one(assignment: Assignment) -> None:
    fresh = CourseDirectory(assignment.root.parent / "autumn", assignment.directory.course)
    other = fresh.assignment(PS)
    release(other)
    _drop_horner(assignment)
    assert release(other)
    assert set(in_gradebook(other)["points"]) == {"check-trapezoid", "written-halved_step"}


def test_a_release_that_fails_leaves_the_old_one(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, entered = files(assignment), in_gradebook(assignment)
    edit_source(assignment, ("no power is needed", "no powers are needed"))

    def fail(made: Assignment) -> None:
        made.release.parent.mkdir(parents=True)
        raise UserError("no")

    with monkeypatch.context() as patched:
        patched.setattr(making, "make_release", fail)
        with pytest.raises(UserError, match="no"):
            release(assignment)
    assert files(assignment) == before
    assert in_gradebook(assignment) == entered
    assert release(assignment)


def test_further_files_of_the_instructor_stay_and_are_released(assignment: Assignment) -> None:
    (assignment.source.parent / "data.csv").write_text("1,2\n")
    edit_source(assignment, ("no power is needed", "no powers are needed"))
    release(assignment)
    assert (assignment.source.parent / "data.csv").read_text() == "1,2\n"
    assert (assignment.release.parent / "data.csv").read_text() == "1,2\n"


def test_the_commands_tell_what_is_new_and_grade_with_what_is_released(
    assignment: Assignment,
) -> None:
    edit_source(assignment, ("no power is needed", "no powers are needed"))
    options = [PS, "--course-dir", str(assignment.root)]
    before = files(assignment)
    told = CliRunner().invoke(cli.app, ["release", "--diff", *options])
    assert told.exit_code == 0, told.output
    assert "what is written in text-horner-1 changes" in told.output
    assert "no powers are needed" in told.output
    assert files(assignment) == before
    done = CliRunner().invoke(cli.app, ["grade", "--isolation", "auto", *options])
    assert done.exit_code == 0, done.output
    assert files(assignment) == before
    assert "has changed since its release, with which hand-ins are graded" in done.output


def test_a_gradebook_that_lost_its_release_is_not_changed_by_force(assignment: Assignment) -> None:
    shutil.rmtree(assignment.release.parent)
    _drop_horner(assignment)
    entered = in_gradebook(assignment)
    with pytest.raises(UserError, match="no cell that holds an answer or points can come or go"):
        release(assignment)
    assert in_gradebook(assignment) == entered
