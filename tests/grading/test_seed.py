"""The seed of the held-out cases is long, makes them alone, and is nowhere that a student looks."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from functools import reduce
from operator import and_, or_
from pathlib import Path

import pytest

from autograder.course.directory import CourseDirectory
from autograder.definition import ProblemSetSpec, evaluate
from autograder.grading.batch import grade_class
from autograder.grading.evaluations import fresh_seed
from autograder.grading.sample import sample_class
from autograder.grading.settings import Settings
from autograder.release.build import release
from autograder.release.making import notebook_text
from autograder.selfcheck.spec import dump

PS = "ps01-sgd"
LONG = 0xB5AD4ECEDA1CE2A9_2545F4914F6CDD1D


def test_fresh_seeds_have_128_bits_all_of_them_drawn() -> None:
    seeds = [fresh_seed() for _ in range(100)]
    assert len(set(seeds)) == 100
    assert reduce(or_, seeds) == 2**128 - 1  # each bit was 1, and each was 0: but for once in 2^92
    assert reduce(and_, seeds) == 0


def _cases(spec: ProblemSetSpec, *, public: bool) -> list[bytes]:
    """The arguments of each check's public or held-out cases."""
    return [
        pickle.dumps([(c.arguments, c.steps) for c in cases if c.public is public])
        for exercise in spec.exercises
        for cases in ([spec.case for spec in check.cases] for check in exercise.checks)
    ]


def test_same_seed_makes_the_same_cases() -> None:
    first, second = evaluate(PS, LONG, "cpu"), evaluate(PS, LONG, "cpu")
    assert dump(list(first.exercises)) == dump(list(second.exercises))


@pytest.mark.parametrize("bit", [0, 31, 32, 63, 64, 96, 127])
def test_held_out_cases_depend_on_every_part_of_the_seed(bit: int) -> None:
    one, other = evaluate(PS, LONG, "cpu"), evaluate(PS, LONG ^ (1 << bit), "cpu")
    assert _cases(one, public=True) == _cases(other, public=True)
    held_out = zip(_cases(one, public=False), _cases(other, public=False), strict=True)
    assert all(a != b for a, b in held_out)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    """A class with every kind of hand-in of the sample, graded with a seed drawn for it."""
    course = CourseDirectory.at(tmp_path_factory.mktemp("graded"))
    release(course.assignment(PS))
    for student, notebook in sample_class(course.assignment(PS), endless=False).items():
        path = course.assignment(PS).submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(notebook), encoding="utf-8")
    grade_class(course.assignment(PS), Settings(isolation="auto"))
    return course


def _holding(folder: Path, seed: int) -> set[str]:
    """The files below a folder in which the seed stands, in decimal, in hex or as bytes."""
    forms = [str(seed).encode(), f"{seed:x}".encode()]
    raw = [seed.to_bytes(16, "big"), seed.to_bytes(16, "little")]
    found = set()
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(form in content.lower() for form in forms) or any(r in content for r in raw):
                found.add(path.relative_to(folder).as_posix())
    return found


def test_seed_stands_in_no_file_that_a_student_gets(graded: CourseDirectory) -> None:
    seed = int(json.loads(graded.assignment(PS).results.read_text())["seed"])
    assert seed.bit_length() > 100  # else its digits could stand anywhere by chance
    students = sorted(path.name for path in graded.submissions.iterdir())
    for student in students:
        assert graded.assignment(PS).feedback(student).is_file()
        assert graded.assignment(PS).autograded(student).is_file()
    assert _holding(graded.root, seed) == {f"reports/{PS}/results.json", f"evaluated/{PS}.json"}

    page = graded.assignment(PS).feedback(students[0])
    ours = page.read_text(encoding="utf-8")
    program = Path(sys.executable).parent / "nbgrader"
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        [str(program), "generate_feedback", PS, "--force"],
        cwd=graded.root,
        env=environment,
        capture_output=True,
        check=True,
        timeout=300,
    )
    assert page.read_text(encoding="utf-8") != ours  # nbgrader's takes its place
    assert _holding(graded.root, seed) == {f"reports/{PS}/results.json", f"evaluated/{PS}.json"}


def test_seed_is_not_named_on_the_pages(graded: CourseDirectory) -> None:
    pages = [*graded.root.rglob("feedback/**/*.html"), *graded.root.rglob("autograded/**/*.ipynb")]
    assert pages
    for path in pages:
        assert not re.search(r"\bseeds?\b\W{0,3}\d", path.read_text(encoding="utf-8")), path
