"""A problem set with variants, from its source to the grades of students with other constants."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat import NotebookNode

from autograder import cli
from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.definition import DefinitionError, evaluate, load_problem_set
from autograder.definition.evaluation import ANOTHER_VARIANT
from autograder.grading.batch import grade_class
from autograder.grading.preflight import preflight
from autograder.grading.sample import Notebook, instructor_answers, with_answers
from autograder.grading.settings import Settings
from autograder.layout import PACKAGE
from autograder.nbgrader_pages import MarkingScheme
from autograder.release.build import is_published, publish
from autograder.release.downloads import build_downloads
from autograder.release.making import notebook_text
from autograder.release.released import read_release
from autograder.release.solutions import solutions_page
from autograder.release.source import SourceError, instructor_notebook
from autograder.release.variants import hand_out, variants_of
from autograder.results.result import Result
from autograder.selfcheck.report import Overview, Report
from autograder.selfcheck.spec import FORM, load
from autograder.similarity.compare import compare

PS = "ps01-sums"
QUICK = Settings(isolation="auto", workers=2)
LAMBDA = (10, 40, 7.5)  # of variants 1, 2 and 3
SECRET = "15" * 32  # ada gets variant 1 by it, and boris 2

EXERCISE = '''"""The largest step for which explicit Euler stays bounded."""

from autograder.definition import Check, Exercise, edit
from autograder.definition.cases import case_maker

case = case_maker()

EXERCISE = Exercise(
    "largest_step",
    title="The largest step",
    minutes=5,
    section="rules.md#the-trapezoidal-rule",
    parameters=(),
    returns=("h",),
    reference=lambda rate: 2 / rate,
    constants=("rate",),
    checks={
        "its value": Check(
            points=2, public=[], held_out=lambda rng: [case("your constants")], rtol=1e-3
        )
    },
    mistakes={
        "half": edit("Your step is half of the largest one.", ("2 / {{rate}}", "1 / {{rate}}")),
    },
)
'''
CELLS = r'''# %% [markdown]
# ## The largest step
#
# Explicit Euler solves $y' = -{{rate}}\,y$. Up to which step does the solution stay bounded?


# %% exercise="largest_step"
def largest_step():
    """The largest step for λ = {{rate}}.

    Returns:
        h: a number.
    """
    rate = {{rate}}  # yours
    ### BEGIN SOLUTION
    return 2 / {{rate}}
    ### END SOLUTION


# %% check="largest_step"
check(largest_step)

# %% [markdown]
# ## In your own words
#
# Answer for {{method}}.
'''


def edited(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """The template's course; its problem set has a numeric question, and three variants."""
    course = make_course(tmp_path / "course")
    package = course.root / "exercises" / "ps01"
    (package / "largest_step.py").write_text(EXERCISE, encoding="utf-8")
    edited(
        package / "__init__.py",
        ("import horner, ", "import horner, largest_step, "),
        ("horner.EXERCISE)", "horner.EXERCISE, largest_step.EXERCISE)"),
        (
            "3),),\n",
            f'3),),\n    constants={{"rate": {LAMBDA}, "method": ("Euler", "Heun", "Euler")}},\n',
        ),
    )
    edited(
        course.material(PS).source,
        ("# %% [markdown]\n# ## In your own words\n", CELLS),
        ("**A model answer.** By 4", "**A model answer.** With {{method}} by 4"),
    )
    return course


@pytest.fixture
def spring(course: Course) -> Assignment:
    made = CourseDirectory.at(course.root / "spring").assignment(PS)
    made.variants.parent.mkdir(parents=True)
    made.variants.write_text(json.dumps({"secret": SECRET, "students": {}}), encoding="utf-8")
    return made


def handed_in(assignment: Assignment, student: str, notebook: Notebook) -> None:
    path = assignment.submitted(student)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook_text(notebook), encoding="utf-8")


def graded(assignment: Assignment) -> tuple[int, dict[str, Result]]:
    """How many are graded anew, and all results."""
    done = grade_class(assignment, QUICK)
    return done.graded, {result.student: result for result in done.run.results}


def answered(value: float) -> str:
    return f"def largest_step():\n    return {value}"


def typed(command: str, *more: str) -> str:
    """What a command says, be it an error."""
    ran = CliRunner().invoke(cli.app, [*shlex.split(command)[1:], *more])
    assert ran.exit_code == 0 or isinstance(ran.exception, UserError), ran.output
    return str(ran.exception or ran.output)


def test_each_student_is_asked_and_judged_by_own_constants(spring: Assignment) -> None:
    """The heart of it, without a run of anything: notebooks, right values, who has which."""
    material = spring.material
    notebook = instructor_notebook(load_problem_set(material), material.source)
    spring.release.parent.mkdir(parents=True)
    spring.release.write_text(notebook_text(notebook), encoding="utf-8")
    release, out = read_release(spring.release), spring.root / "out"
    assert hand_out(spring, ["ada", "boris"], out) == {"ada": 0, "boris": 1}
    for student, own, others in (("ada", "-10", ("-40", "7.5")), ("boris", "-40", ("-10", "7.5"))):
        text = (out / student / f"{PS}.ipynb").read_text(encoding="utf-8")
        assert own in text and not any(other in text for other in (*others, "{{", "constants"))

    spec = evaluate(material, 1, "cpu")
    for number, rate in enumerate(LAMBDA):
        (exercise,) = (e for e in spec.variant(number).exercises if e.name == "largest_step")
        (case,) = exercise.checks[0].cases
        assert not case.case.public
        assert [outcome.value for outcome in case.expected] == [2 / rate]
        told = {name: outcome.value for name, (outcome, *_) in case.mistakes.items()}
        others = {
            f"{ANOTHER_VARIANT}{FORM}{other}": 2 / value
            for other, value in enumerate(LAMBDA, start=1)
            if value != rate
        }
        assert told == {"half": 1 / rate, **others}
        assert f"λ = {rate}." in release.variant(number).cell("largest_step").source

    # who comes late gets one by the secret, and the others keep what they have
    kept = variants_of(spring, release, ["zoe", "boris"])
    assert kept["boris"] == 1
    fewer = replace(release, constants={name: v[:2] for name, v in release.constants.items()})
    assert variants_of(spring, fewer, ["boris"]) == {"boris": 1}
    edited(spring.variants, ('"boris": 2', '"boris": 3'))
    with pytest.raises(UserError, match=r"boris: .* has variant 3 .* only 2 now"):
        variants_of(spring, fewer, ["boris"])
    spring.variants.unlink()
    with pytest.raises(UserError, match="says who was given which"):
        variants_of(spring, release, ["boris"])


@pytest.mark.slow
def test_students_with_other_constants(spring: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers right and swapped, and the commands of the page for instructors."""
    monkeypatch.chdir(spring.root.parent)
    page = PACKAGE.parent / "book" / "instructors" / "variants.md"
    first, handing, by_name, telling, again = re.findall(
        r"^autograder .*$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    roster = spring.root / "students.csv"
    roster.write_text("id\nada\nboris\n", encoding="utf-8")
    assert "it has variants; to give each student one: autograder hand-out" in typed(first)
    assert "2 notebooks" in typed(handing)
    places = {name: spring.root.parent / "out" / name / f"{PS}.ipynb" for name in ("ada", "boris")}
    own = {name: json.loads(place.read_text(encoding="utf-8")) for name, place in places.items()}
    texts = {name: place.read_text(encoding="utf-8") for name, place in places.items()}
    assert "-10\\\\,y" in texts["ada"] and "λ = 10." in texts["ada"]
    assert "-40\\\\,y" in texts["boris"] and "for Heun" in texts["boris"]
    for text in texts.values():
        assert "{{" not in text and "7.5" not in text
    assert spring.variants.stat().st_mode & 0o077 == 0

    right = instructor_answers(spring.material)
    values = {"ada": 2 / 10, "boris": 0.05}
    for name, value in values.items():
        answers = {**right, "largest_step": answered(value)}
        handed_in(spring, name, with_answers(own[name], answers))
    _, results = graded(spring)
    assert {name: result.score for name, result in results.items()} == {"ada": 8, "boris": 8}
    assert all(not result.notes for result in results.values())
    assert "$y' = -40" in spring.autograded("boris").read_text(encoding="utf-8")
    for place in (spring.feedback("boris"), spring.autograded("boris")):
        assert "{{" not in place.read_text(encoding="utf-8")
    page_of_boris = spring.feedback("boris").read_text(encoding="utf-8")
    assert "<code>method = Heun</code>, <code>rate = 40</code>." in page_of_boris
    assert graded(spring)[0] == 0
    # what the notebook gives is nobody's answer, in any variant
    handed_in(spring, "boris", own["boris"])
    assert set(compare(spring, 10).answers["largest_step"]) == {"ada"}

    # swapped: exactly these points, and the message is true; so it is in the other's notebook
    handed_in(spring, "ada", with_answers(own["ada"], {**right, "largest_step": answered(0.05)}))
    others = with_answers(own["ada"], {**right, "largest_step": answered(0.2)})
    # whose constants were edited to those of nobody, which changes nothing, too
    edited_text = json.loads(json.dumps(others).replace("-10", "-99"))
    assert edited_text != others
    handed_in(spring, "boris", edited_text)
    odd = "o'brien & co"  # in no roster, and so is the variant that follows from the id
    handed_in(spring, odd, with_answers(own["ada"], {}))
    _, results = graded(spring)
    for name in ("ada", "boris"):
        (lost,) = [c for e in results[name].exercises for c in e.checks if not c.passed]
        assert (results[name].score, lost.points, lost.mistake) == (6, 2, ANOTHER_VARIANT)
        assert "the constants of another variant" in lost.message
        assert not re.search(r"0\.2|0\.05", lost.message)
    assert results[odd].score == 0
    assert any("not all texts" in note for note in results["boris"].notes)
    page = spring.autograded("boris").read_text(encoding="utf-8")
    assert page.index("-40") < page.index("-99")
    given = json.loads(spring.variants.read_text(encoding="utf-8"))["students"]
    assert {name: given[name] for name in ("ada", "boris")} == {"ada": 1, "boris": 2}
    assert set(given) == {"ada", "boris", odd}

    # the roster changes, and nobody's constants
    typed(by_name)
    roster.write_text("id\nyuri\nboris\n", encoding="utf-8")
    typed(handing)
    assert places["boris"].read_text(encoding="utf-8") == texts["boris"]
    now = json.loads(spring.variants.read_text(encoding="utf-8"))["students"]
    assert now.items() > given.items()
    assert now.keys() - given == {"yuri", "zoe"}
    assert graded(spring)[0] == 0

    # no notebook is replaced unawares, and no name leads elsewhere
    places["boris"].write_text("mine", encoding="utf-8")
    places["ada"].unlink()
    assert "other notebooks of boris" in typed(handing, "--student", "ada", "--student", "boris")
    assert not places["ada"].exists()
    assert "1 notebook" in typed(handing, "--student", "boris", "--replace")
    assert places["boris"].read_text(encoding="utf-8") == texts["boris"]
    assert "cannot be an id" in typed(handing, "--student", "../ada")

    # the model answer that a marker sees has the student's constants
    for student, method in (("ada", "Euler"), ("boris", "Heun"), ("nobody", "{{method}}")):
        scheme = MarkingScheme()
        scheme.config.CourseDirectory.root = str(spring.root)
        cell = NotebookNode(metadata={"nbgrader": {"grade_id": "written-halved_step"}})
        shown, _ = scheme.preprocess(
            NotebookNode(cells=[cell]),
            {"submission_id": "1", "assignment_id": PS, "notebook_id": PS, "student": student},
        )
        assert f"With {method} by 4" in shown.cells[1].source

    # a constant changes: nothing is graded until that is released, and then everything is
    edited(definition_of(spring), ("(10, 40, 7.5)", "(20, 40, 7.5)"))
    with pytest.raises(UserError, match="other constants in the course than in the release"):
        graded(spring)
    assert "the constant rate of variant 1 changes from 10 to 20" in typed(telling)
    assert "released in" in typed(again)
    many, results = graded(spring)
    assert (many, results["boris"].score) == (3, 6)
    assert "the constants of another variant" not in str(results["boris"])  # 0.2 is of nobody

    # without the file nobody knows what students were asked
    kept = spring.variants.rename(spring.variants.with_suffix(".kept"))
    with pytest.raises(UserError, match="says who was given which; bring it back"):
        graded(spring)
    for text in ("{", '{"secret": "00", "students": {}}', '{"students": {"ada": 0}}'):
        spring.variants.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="is not as it was written"):
            graded(spring)
    kept.replace(spring.variants)
    edited(spring.variants, ('"boris": 2', '"boris": 4'))
    with pytest.raises(UserError, match=r"boris: .* has variant 4 of ps01-sums, .* only 3 now"):
        graded(spring)


def definition_of(assignment: Assignment) -> Path:
    """The module that defines the problem set, which is about to be edited."""
    load_problem_set.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "exercises"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return assignment.directory.course.root / "exercises" / "ps01" / "__init__.py"


@pytest.mark.slow
def test_it_is_handed_out_and_not_published(course: Course, tmp_path: Path) -> None:
    """What is released, what students can download, what pre-flight and the solutions say."""
    assignment = CourseDirectory.at(tmp_path / "scratch", course=course).assignment(PS)
    (found,) = preflight([assignment], QUICK)
    assert (found.problems, found.mistakes, found.named) == ((), 27, 27)
    assert not assignment.variants.exists()
    assert "{{rate}}" in assignment.release.read_text(encoding="utf-8")
    assert not publish(assignment)
    assert is_published(assignment)
    (wheel,) = build_downloads(course)
    assert wheel.suffix == ".whl"
    course.material(PS).notebook.parent.mkdir()
    course.material(PS).notebook.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"is still published.*remove it"):
        publish(assignment)
    assert not is_published(assignment)

    *_, numeric = load(course.material(PS).cases.read_text(encoding="utf-8"))
    assert (numeric.name, numeric.checks) == ("largest_step", ())
    assert "not checked here" in repr(Report(numeric, []))
    assert "not checked here" in repr(Overview(PS, [(numeric, "not defined")]))

    page = solutions_page(course.material(PS))
    assert "those of the first: rate = 10, method = Euler." in page
    assert "return 2 / 10" in page and "{{" not in page
    assert f"{PS}.ipynb" not in page  # which is published nowhere

    plain = make_course(tmp_path / "plain")
    without = CourseDirectory.at(plain.root / "spring").assignment(PS)
    without.release.parent.mkdir(parents=True)
    without.release.write_text('{"cells": [], "metadata": {}}', encoding="utf-8")
    with pytest.raises(UserError, match="has no variants: all students get the same notebook"):
        hand_out(without, ["ada"], tmp_path / "out")
    assert not without.variants.exists()


def test_what_does_not_fit_together_is_refused(course: Course, tmp_path: Path) -> None:
    assignment = CourseDirectory.at(tmp_path / "scratch", course=course).assignment(PS)
    module = definition_of(assignment)
    good = module.read_text(encoding="utf-8")
    constants = good[good.index("constants=") : good.rindex("}") + 1]
    for wrong, told in (
        ('{"rate": (10,)}', "from 2 to 100"),
        ('{"rate": "ab"}', "needs a tuple"),
        ('{"rate": (10, 20), "method": ("a", "b", "c")}', "“method” has 3, “rate” has 2"),
        ('{"rate": (10, float("nan"))}', "cannot be nan"),
        ('{"rate": (10, True)}', "cannot be True"),
        ('{"rate": (10, "{{rate}}")}', "cannot be '{{rate}}'"),
        ('{"rate 1": (10, 20)}', "“rate 1” needs a name"),
        ('{"method": ("a", "b")}', "depends on the constant rate, .* its constants are: method"),
        ("{}", "its constants are: none"),
    ):
        definition_of(assignment).write_text(good.replace(constants, f"constants={wrong}"))
        with pytest.raises(DefinitionError, match=told):
            load_problem_set(course.material(PS))
    definition_of(assignment).write_text(good)

    exercise = module.with_name("largest_step.py")
    for old, new, told in (
        ("public=[]", 'public=[case("one")]', "largest_step, its value: a public case would show"),
        ("2 / rate", "2 + 0 * rate", "variants 1 and 2 have the same right values"),
    ):
        edited(exercise, (old, new))
        definition_of(assignment)
        with pytest.raises(DefinitionError, match=told):
            evaluate(course.material(PS), 1, "cpu")
        edited(exercise, (new, old))
    definition_of(assignment)

    problem_set = load_problem_set(course.material(PS))
    source = course.material(PS).source
    for old, new, told in (
        (
            "y' = -{{rate}}",
            "y' = -{{rat}}",
            r"text-largest_step-1” \(“## The largest step”\) names {{rat}}",
        ),
        (
            "λ = {{rate}}",
            "λ = {{method}}",
            r"largest_step does not depend.*\(\"method\",\)",
        ),
        (
            "for {{method}}",
            "by a method",
            "not see the constant method: .* {{method}}",
        ),
    ):
        edited(source, (old, new))
        with pytest.raises(SourceError, match=rf"ps01-sums\.py: .*{told}"):
            instructor_notebook(problem_set, source)
        edited(source, (new, old))
