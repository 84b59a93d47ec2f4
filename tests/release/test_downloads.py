"""What students download: it works with NumPy alone, and holds no answer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import problem_set_names
from autograder.course.course import Course
from autograder.definition import load_problem_set
from autograder.grading.sample import instructor_answers
from autograder.release.downloads import build_downloads

_DESK = """
import sys
sys.path[:0] = [sys.argv[1]]
import numpy as np
from selfcheck import check, CheckFailed

def sgd_step(theta, grad, lr):
    return theta - lr * np.asarray(grad)

check(sgd_step)
right = sgd_step
sgd_step = lambda theta, grad, lr: theta + lr * grad
try:
    check(sgd_step)
except CheckFailed as failed:
    print(failed)
outside = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
print(sorted(name for name in outside if not name.startswith("_")))
"""
_OLD_DESK = """
import ast, json, sys
sys.path[:0] = sys.argv[1:3]
import numpy as np
from selfcheck import check, digits

assert np.__version__.startswith(sys.argv[3] + "."), np.__version__
assert digits()[0].shape == (1000, 64)
sources = json.load(sys.stdin)
for source in sources:
    exec(source)
    name = next(n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    check(globals()[name])
print(len(sources), "answers pass")
"""


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("site") / "downloads"
    made = build_downloads(replace(Course.find(), downloads=str(folder)))
    return {path.suffix if path.suffix == ".whl" else path.stem: path for path in made}


@pytest.mark.slow
def test_there_is_a_wheel_and_a_bundle_for_each_problem_set(downloads: dict[str, Path]) -> None:
    assert set(downloads) == {".whl", *problem_set_names()}


def test_selfcheck_as_pip_installs_it_needs_numpy_alone(
    downloads: dict[str, Path], tmp_path: Path
) -> None:
    zipfile.ZipFile(downloads[".whl"]).extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-c", _DESK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "sgd_step: 3 of 3 checks pass" in done.stdout
    assert "Your step adds αg and so climbs" in done.stdout
    assert done.stdout.splitlines()[-1] == "['numpy', 'selfcheck']"


def test_the_wheel_names_its_only_dependency(downloads: dict[str, Path]) -> None:
    with zipfile.ZipFile(downloads[".whl"]) as wheel:
        (metadata,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
        lines = wheel.read(metadata).decode().splitlines()
    assert [line for line in lines if line.startswith("Requires")] == [
        "Requires-Python: >=3.10",
        "Requires-Dist: numpy>=1.26",
    ]


@pytest.mark.slow
def test_right_answers_pass_with_the_oldest_numpy_that_the_wheel_takes(
    downloads: dict[str, Path], tmp_path: Path
) -> None:
    with zipfile.ZipFile(downloads[".whl"]) as wheel:
        (metadata,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
        oldest = re.findall(r"^Requires-Dist: numpy>=(.+)$", wheel.read(metadata).decode(), re.M)
        wheel.extractall(tmp_path / "desk")
    place = Course.find().root / ".make" / f"numpy-{oldest[0]}"  # kept, for it never changes
    if not (place / "numpy" / "__init__.py").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        pip += ["--no-deps", "--only-binary", ":all:", "--target", str(place)]
        done = subprocess.run(
            [*pip, f"numpy=={oldest[0]}.*"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"NumPy {oldest[0]} cannot be had: {done.stderr.strip()[-300:]}")
    names = [name for name in problem_set_names() if not load_problem_set(name).torch]
    sources = [source for name in names for source in instructor_answers(name).values()]
    done = subprocess.run(
        [sys.executable, "-I", "-c", _OLD_DESK, str(place), str(tmp_path / "desk"), oldest[0]],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{len(sources)} answers pass"


@pytest.mark.parametrize("name", problem_set_names())
def test_a_bundle_is_the_notebook_with_selfcheck_beside_it(
    name: str, downloads: dict[str, Path]
) -> None:
    with zipfile.ZipFile(downloads[name]) as bundle:
        files = bundle.namelist()
        assert f"{name}/{name}.ipynb" in files
        assert f"{name}/selfcheck/check.py" in files
        cases = json.loads(bundle.read(f"{name}/selfcheck/cases/{name}.json"))
    known = {exercise.name for exercise in load_problem_set(name).exercises}
    assert {exercise["name"] for exercise in cases["content"]} == known


def test_public_cases_hold_no_held_out_label(downloads: dict[str, Path]) -> None:
    with zipfile.ZipFile(downloads[".whl"]) as wheel:
        text = wheel.read("selfcheck/cases/ps01-sgd.json").decode()
    from numpy.random import default_rng

    exercise = load_problem_set("ps01-sgd").exercises[0]
    public = {case.label for check in exercise.checks.values() for case in check.public}
    drawn = [check.held_out(default_rng(0)) for check in exercise.checks.values()]
    hidden = {case.label for cases in drawn for case in cases} - public
    assert hidden, "this test needs a label that only held-out cases have"
    assert not [label for label in hidden if json.dumps(label, ensure_ascii=False) in text]


def test_a_second_build_changes_nothing(downloads: dict[str, Path]) -> None:
    folder = downloads[".whl"].parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    build_downloads(replace(Course.find(), downloads=str(folder)))
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
