"""The engine with another course than this one: the template, played by the letter of its README.

Fast: in this process. Slow: as a wheel, installed into an environment of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course.course import VARIABLE, Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.definition import evaluate, load_problem_set
from autograder.grading.batch import grade_class
from autograder.grading.preflight import preflight
from autograder.grading.sample import sample_class
from autograder.grading.settings import Settings, TimeLimits
from autograder.layout import FOLDERS, PACKAGE
from autograder.release.build import is_released, publish, release
from autograder.release.downloads import build_downloads
from autograder.release.fingerprints import of_grading, of_release
from autograder.release.making import notebook_text
from autograder.results.result import Status

PS = "ps01-sums"
SCORES = {
    "ada": 6, "boris": 3, "chen": 3, "dana": 0, "emil": 3, "fatima": 0, "goran": 3, "hana": 0,
}  # fmt: skip
QUICK = Settings(isolation="auto", workers=2, time=TimeLimits(cell=3, call=1, notebook=20))

COMPOSED = '''"""Of ours one, and one of problem set 1."""

from autograder.definition import ProblemSet

from ..ps01 import horner
from . import own

PROBLEM_SET = ProblemSet(
    "ps02-more", title="More", exercises=(own.EXERCISE, horner.EXERCISE), written=()
)
'''


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return make_course(tmp_path_factory.mktemp("second") / "course")


@pytest.fixture(scope="module")
def assignment(course: Course) -> Assignment:
    """A class that takes the course, with the sample's hand-ins."""
    made = CourseDirectory.at(course.root / "spring").assignment(PS)
    assert made.directory.course == course
    release(made)
    for student, notebook in sample_class(made).items():
        path = made.submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(notebook), encoding="utf-8")
    return made


@pytest.fixture
def own(tmp_path: Path) -> Course:
    """A course to change, with a second problem set that takes an exercise from the first."""
    course = make_course(tmp_path / "own")
    package = course.root / "exercises" / "ps02"
    package.mkdir()
    (package / "__init__.py").write_text(COMPOSED)
    ours = (course.root / "exercises" / "ps01" / "trapezoid.py").read_text()
    (package / "own.py").write_text(ours.replace('"trapezoid"', '"area"'))
    source = course.material(PS).source.read_text()
    source = re.sub(r"\btrapezoid\b", "area", source)
    source = source[: source.index("# %% [markdown]\n# ## In your own words")]
    place = course.root / "solutions" / "ps02-more" / "ps02-more.py"
    place.parent.mkdir()
    place.write_text(source)
    return course


def test_a_class_of_it_is_graded(assignment: Assignment) -> None:
    graded = grade_class(assignment, QUICK)
    assert {result.student: result.score for result in graded.run.results} == SCORES
    assert graded.run.title == "Sums"
    assert graded.run.device == "cpu"
    assert "torch" not in graded.run.versions
    told = [
        check.message
        for result in graded.run.results
        for exercise in result.exercises
        for check in exercise.checks
        if check.mistake == "wrong-way-round"
    ]
    assert any("`c[0]` is the constant" in message for message in told)
    for student in SCORES:
        assert assignment.feedback(student).is_file()
    assert grade_class(assignment, QUICK).graded == 0


def test_students_get_it_with_selfcheck(assignment: Assignment, tmp_path: Path) -> None:
    course = replace(assignment.directory.course, site="https://example.org/sums")
    assert publish(assignment)
    assert not publish(assignment)
    bundle, wheel = build_downloads(course)
    with zipfile.ZipFile(wheel) as opened:
        about = opened.read("selfcheck-0.1.0.dist-info/METADATA").decode()
    assert "Check the exercises of the course Numerical methods at your own desk" in about
    assert "https://example.org/sums" in about
    with zipfile.ZipFile(bundle) as opened:
        opened.extractall(tmp_path)
    code = (
        "import numpy as np\nfrom selfcheck import check\n"
        "def trapezoid(y, h): return h * (np.sum(y) - (y[0] + y[-1]) / 2)\ncheck(trapezoid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / PS, capture_output=True, text=True
    )
    assert "trapezoid: 2 of 2 checks pass on the public cases" in done.stdout, done.stderr


def test_preflight_is_content_with_it(course: Course, tmp_path: Path) -> None:
    directory = CourseDirectory(tmp_path / "scratch", course)
    (found,) = preflight([directory.assignment(PS)], QUICK)
    assert (found.problems, found.mistakes, found.losing, found.named) == ((), 8, 8, 8)


def test_a_reference_in_numpy_needs_no_torch(course: Course) -> None:
    code = (
        "import sys; from pathlib import Path; sys.modules['torch'] = None\n"
        "from autograder.course.course import Course\n"
        "from autograder.definition.reference_process import evaluate_here\n"
        "material = Course.read(Path(sys.argv[1])).material(sys.argv[2])\n"
        "print(evaluate_here(material, 7, 'auto').spec.max_score)\n"
        "try: evaluate_here(material, 7, 'cuda')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", code, str(course.root), PS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=course.root.parent)
    assert done.stdout.splitlines() == [
        "6",
        "UserError --device cuda: the reference of this course is in NumPy; use cpu or auto",
    ], done.stderr


def test_two_courses_in_one_process_do_not_mix(course: Course, own: Course) -> None:
    module = own.root / "exercises" / "ps01" / "__init__.py"
    module.write_text(module.read_text().replace('title="Sums"', 'title="Other sums"'))
    assert load_problem_set(course.material(PS)).title == "Sums"
    assert load_problem_set(own.material(PS)).title == "Other sums"
    assert load_problem_set(replace(course, title="again").material(PS)).title == "Sums"
    assert load_problem_set("ps01-sgd").title == "Gradient descent and SGD"


def edited(path: Path) -> None:
    path.write_text(path.read_text() + "# one more line\n")


def test_what_outdates_a_grade_and_what_does_not(own: Course) -> None:
    first, composed = own.material(PS), own.material("ps02-more")
    assert [e.name for e in load_problem_set(composed).exercises] == ["area", "horner"]

    def changes(path: str) -> tuple[bool, bool]:
        """Whether an edit changes the fingerprint of problem set 1, and of the composed one."""
        before = [(of_release(each), of_grading(each)) for each in (first, composed)]
        edited(own.root / path)
        after = [(of_release(each), of_grading(each)) for each in (first, composed)]
        kept = [old == new for old, new in zip(before, after, strict=True)]
        return not kept[0], not kept[1]

    assert changes("exercises/ps02/own.py") == (False, True)
    assert changes("exercises/ps01/horner.py") == (True, True)
    assert changes("reference/rules.py") == (True, True)
    assert changes("solutions/ps01-sums/ps01-sums.py") == (True, False)
    assert changes("solutions/ps02-more/ps02-more.py") == (False, True)
    assert changes("pages/rules.md") == (False, False)
    assert changes("README.md") == (False, False)


@pytest.mark.slow
def test_a_class_is_outdated_by_what_its_set_is_made_of_alone(own: Course) -> None:
    assignment = CourseDirectory.at(own.root / "spring").assignment("ps02-more")
    release(assignment)
    path = assignment.submitted("ada")
    path.parent.mkdir(parents=True)
    shutil.copy(assignment.release, path)
    assert grade_class(assignment, QUICK).graded == 1
    edited(own.root / "pages" / "rules.md")
    edited(own.material(PS).source)
    assert is_released(assignment)
    assert grade_class(assignment, QUICK).graded == 0
    edited(own.root / "exercises" / "ps01" / "horner.py")
    assert not is_released(assignment)
    assert grade_class(assignment, QUICK).graded == 1


def _no_module(course: Course) -> None:
    shutil.rmtree(course.root / "exercises" / "ps02")


def _not_python(course: Course) -> None:
    (course.root / "exercises" / "ps02" / "own.py").write_text("def (")


def _no_problem_set(course: Course) -> None:
    (course.root / "exercises" / "ps02" / "__init__.py").write_text("PROBLEM_SET = 3")


def _other_name(course: Course) -> None:
    path = course.root / "exercises" / "ps02" / "__init__.py"
    path.write_text(path.read_text().replace("ps02-more", "ps02-less"))


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_module, r"ps02-more: its module exercises\.ps02 cannot be imported: ModuleNotFound"),
        (_not_python, r"ps02-more: its module exercises\.ps02 cannot be imported: SyntaxError"),
        (_no_problem_set, r"must define PROBLEM_SET, a ProblemSet with the name “ps02-more”"),
        (_other_name, r"must define PROBLEM_SET, a ProblemSet with the name “ps02-more”"),
    ],
)
def test_a_definition_that_is_wrong_is_told_in_one_line(
    own: Course, spoil: Callable[[Course], None], told: str
) -> None:
    spoil(own)
    with pytest.raises(UserError, match=told):
        load_problem_set(own.material("ps02-more"))


def test_evaluation_is_that_of_its_own_course(course: Course) -> None:
    spec = evaluate(course.material(PS), 5, "cpu")
    assert [exercise.name for exercise in spec.exercises] == ["trapezoid", "horner"]


# --- by the letter, with the wheel ---------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment with nothing but the wheel and what it declares to need."""
    folder = tmp_path_factory.mktemp("bare")
    source = PACKAGE.parent
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    names = {path.split("/")[1] for path in zipfile.ZipFile(wheel).namelist() if "/" in path}
    assert not {each.name for each in FOLDERS if each.content} & names
    venv.create(folder / "environment", with_pip=True)
    pip = [str(folder / "environment" / "bin" / "python"), "-m", "pip", "install", "-q"]
    done = subprocess.run([*pip, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield folder / "environment" / "bin"


@pytest.mark.long
def test_the_wheel_plays_the_readme_of_a_new_course(bare: Path, tmp_path: Path) -> None:
    environment = {"PATH": f"{bare}:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}

    def run(command: str, folder: Path, status: int = 0) -> str:
        done = subprocess.run(
            command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    looked = "python -c \"from importlib.util import find_spec as f; print(f('torch'))\""
    assert run(looked, tmp_path) == "None\n"
    assert "no course.toml" in run("autograder preflight --all", tmp_path, 1)
    run("autograder new-course mine", tmp_path)
    course = tmp_path / "mine"
    readme = (course / "README.md").read_text()
    commands = re.findall(r"^    (autograder .*)$", readme, re.MULTILINE)
    assert [command.split()[1] for command in commands] == [
        *("release", "preflight", "sample", "grade"),
    ]
    for command in commands:
        run(command.replace("grade ps01", "grade --isolation auto ps01"), course)
    results = json.loads((course / "spring" / "reports" / PS / "results.json").read_text())
    assert {each["student"]: each["score"] for each in results["submissions"]} == SCORES
    assert {each["status"] for each in results["submissions"]} > {Status.GRADED, Status.TIMEOUT}
    assert (course / "notebooks" / f"{PS}.ipynb").is_file()
    assert {path.suffix for path in (course / "downloads").iterdir()} >= {".whl", ".zip"}
    assert not (course / "spring" / ".course").exists()
    told = run(
        f"nbgrader autograde {PS} --force --GradeInSandbox.isolation=auto", course / "spring"
    )
    assert "ERROR" not in told
    run(f"nbgrader generate_feedback {PS} --force", course / "spring")
    shutil.rmtree(course / "solutions" / PS)
    assert "no problem set in" in run("autograder preflight --all", course, 1)
    assert "not part of the installed grader" in run("autograder bench attacks", course, 1)
    assert VARIABLE not in os.environ
