"""Pre-flight finds what is wrong with a problem set, before a class meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.cli import app
from autograder.course.course import Course
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.grading.preflight import Preflight, preflight
from autograder.grading.settings import Settings, TimeLimits
from autograder.selfcheck.judge import CheckResult, judge
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome

PS = "ps01-sums"
QUICK = Settings(isolation="auto", workers=2, time=TimeLimits(cell=3, call=1, notebook=20))


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


@pytest.fixture
def changed(course: Course) -> Callable[[str, str, str], None]:
    """Replaces a text, which must be there, in a file of the course."""

    def change(file: str, old: str, new: str) -> None:
        path = course.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def found(course: Course) -> Preflight:
    assignment = CourseDirectory(course.root / "scratch", course).assignment(PS)
    (only,) = preflight([assignment], QUICK)
    return only


TRAPEZOID, HORNER = "exercises/ps01/trapezoid.py", "exercises/ps01/horner.py"
SOURCE = "solutions/ps01-sums/ps01-sums.py"
INITIAL = "exercises/ps01/__init__.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            SOURCE,
            "return h * (y[0] / 2 + y[1:-1].sum() + y[-1] / 2)",
            "return h * (y[0] / 2 + y[1:-1].sum() + y[-1] / 2) * (1 if len(y) < 12 else 2)",
            "the instructor's answers score 4 of 6",
        ),
        pytest.param(
            TRAPEZOID,
            "rng.normal(size=12), rng.uniform",
            "__import__('numpy').random.normal(size=12), rng.uniform",
            "trapezoid, a few values: with the same seed the cases differ; draw them from the",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            TRAPEZOID,
            "rng.normal(size=2), rng.uniform",
            "[__import__('random').random(), 1.0], rng.uniform",
            "trapezoid, two values: with the same seed the cases differ",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            TRAPEZOID,
            "rules.md#the-trapezoidal-rule",
            "rules.md#the-trapezodial-rule",
            "no heading with the anchor “the-trapezodial-rule”; is it “the-trapezoidal-rule”?",
            marks=pytest.mark.slow,
        ),
        (
            HORNER,
            "rules.md#horner",
            "rule.md#horner",
            "horner: its section is “rule.md#horners-rule”",
        ),
        pytest.param(
            TRAPEZOID,
            "[0.1, 0.2, -0.7], 1 / 3",
            "[1, 2, 4], 0.5",
            "trapezoid: the mutant “area in float32” scores full marks; add a public case",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            HORNER,
            "mistakes={",
            'equivalents={"break": "It ends."}, mistakes={',
            "horner: of no mutant “break” need `equivalents` say anything",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_problem_is_found_and_told(
    course: Course,
    changed: Callable[[str, str, str], None],
    file: str,
    old: str,
    new: str,
    told: str,
) -> None:
    changed(file, old, new)
    assert any(told in problem for problem in found(course).problems)


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (TRAPEZOID, "points=1", "points=0.5", "trapezoid, two values: 0.5 points; write a whole"),
        (TRAPEZOID, "points=1", "points=0", "trapezoid, two values: 0 points"),
        (TRAPEZOID, "points=1", "points=True", "trapezoid, two values: True points"),
        (INITIAL, '"halved_step", 3', '"halved_step", 1.5', "halved_step: 1.5 points"),
        (HORNER, "x *= 0", "x *= zero", "changes-its-argument: it raises NameError by accident"),
        (
            HORNER,
            "x *= 0",
            "x.fill_with(0)",
            "changes-its-argument: it raises AttributeError by accident",
        ),
        (
            HORNER,
            '("result * x", "result")',
            '("result * x", "result * y")',
            "no-powers: it raises NameError by accident: name 'y' is not defined",
        ),
        (
            HORNER,
            '("result * x", "result")',
            '("result * x", "x * result")',
            "no public case tells the mistake no-powers from the right answer",
        ),
    ],
)
def test_a_definition_that_is_wrong_is_refused_before_anything_is_graded(
    course: Course,
    changed: Callable[[str, str, str], None],
    file: str,
    old: str,
    new: str,
    told: str,
) -> None:
    changed(file, old, new)
    with pytest.raises(UserError) as error:
        found(course)
    assert told in str(error.value)


@pytest.mark.slow
def test_where_no_pages_are_named_no_section_is_looked_for(
    course: Course, changed: Callable[[str, str, str], None]
) -> None:
    changed("course.toml", 'pages = "pages"', "")
    changed(HORNER, "rules.md#horner", "rule.md#horner")
    assert found(Course.read(course.root)).problems == ()


def test_nothing_to_check_is_an_error_that_says_why(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course.root / SOURCE).unlink()
    monkeypatch.chdir(course.root)
    done = CliRunner().invoke(app, ["preflight", "--all"])
    assert done.exit_code == 1
    assert isinstance(done.exception, UserError)
    assert f"there is no problem set in {course.root / 'solutions'}" in str(done.exception)
    done = CliRunner().invoke(app, ["preflight"])
    assert "name the problem sets to check, or give --all" in str(done.exception)


@pytest.mark.parametrize("error", ["NameError", "AttributeError", "UnboundLocalError"])
def test_an_accident_of_a_known_mistake_is_not_named_in_a_students_code(error: str) -> None:
    def judged(error: str) -> CheckResult:
        cases = (
            CaseSpec(Case("one", {"x": 1.0}), (Outcome(2.0),), {"typo": (Outcome(error=error),)}),
            CaseSpec(Case("two", {"x": 2.0}), (Outcome(3.0),), {"typo": (Outcome(5.0),)}),
        )
        spec = ExerciseSpec("f", ("x",), ("y",), (CheckSpec("c", 1, cases),), {"typo": "A typo."})
        (result,) = judge(spec, [[[Outcome(error=error, detail="told")], [Outcome(5.0)]]])
        return result

    assert judged(error).mistake is None
    assert "A typo." not in judged(error).message
    assert judged("ZeroDivisionError").mistake == "typo"
