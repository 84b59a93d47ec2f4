"""nbgrader's own commands on a course directory, and whether they agree with ours."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.batch import grade_class
from autograder.grading.sample import sample_class
from autograder.grading.session import Settings
from autograder.paths import CourseDirectory
from autograder.release.build import notebook_text, release, write_source

PROBLEM_SET = "ps01-sgd"
ANY_LEVEL = "--GradeInSandbox.isolation=auto"  # whatever this machine can do


def nbgrader(
    course: CourseDirectory, *arguments: str, folder: Path | None = None, status: int = 0
) -> str:
    """Run an nbgrader command as a person in the course directory would."""
    program = Path(sys.executable).parent / "nbgrader"
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(program), *arguments],
        cwd=folder or course.root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == status, done.stderr + done.stdout
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    """A course directory in which everything is done by nbgrader's own commands."""
    course = CourseDirectory(tmp_path_factory.mktemp("stock"))
    write_source(PROBLEM_SET, course)
    nbgrader(course, "generate_assignment", PROBLEM_SET, "--create")
    _hand_in(course)
    nbgrader(course, "autograde", PROBLEM_SET, "--create", ANY_LEVEL)
    nbgrader(course, "generate_feedback", PROBLEM_SET)
    return course


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    """The same class graded by the project's own command."""
    course = CourseDirectory(tmp_path_factory.mktemp("ours"))
    release(PROBLEM_SET, course)
    _hand_in(course)
    grade_class(PROBLEM_SET, course, Settings(isolation="auto", seed=1))
    return course


def _hand_in(course: CourseDirectory) -> None:
    for student, notebook in sample_class(PROBLEM_SET, course).items():
        path = course.submitted(PROBLEM_SET, student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(notebook), encoding="utf-8")


def test_level_of_isolation_that_does_not_work_is_told_in_one_line(
    stock: CourseDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = CourseDirectory(tmp_path / "course")
    shutil.copytree(stock.root, copy.root)
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "bwrap").write_text("#!/bin/sh\necho no namespaces for you >&2\nexit 1\n")
    (broken / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(broken), prepend=os.pathsep)
    told = nbgrader(copy, "autograde", PROBLEM_SET, "--force", status=1)
    assert told.count("isolation full does not work here (no namespaces for you)") == 1
    assert "c.GradeInSandbox.isolation" in told
    assert "Traceback" not in told
    first = sorted(path.name for path in (copy.root / "submitted").iterdir())[0]
    assert not (copy.root / "autograded" / first / PROBLEM_SET).exists()


def exported(course: CourseDirectory) -> dict[str, tuple[float, float]]:
    """Score and maximum of each student, by ``nbgrader export``."""
    nbgrader(course, "export", "--to", "exported.csv")
    with (course.root / "exported.csv").open(newline="") as file:
        return {
            row["student_id"]: (float(row["score"]), float(row["max_score"]))
            for row in csv.DictReader(file)
        }


def test_stock_autograde_gives_the_same_scores(
    stock: CourseDirectory, ours: CourseDirectory
) -> None:
    scores = exported(stock)
    assert scores == exported(ours)
    results = json.loads((ours.reports(PROBLEM_SET) / "results.json").read_text())
    assert {s["student"]: s["score"] for s in results["submissions"]} == {
        student: score for student, (score, _) in scores.items()
    }
    assert len({score for score, _ in scores.values()}) > 3  # the class differs, so this says much


def test_stock_release_equals_ours(stock: CourseDirectory, ours: CourseDirectory) -> None:
    def sources(course: CourseDirectory) -> list[str]:
        tree = json.loads(course.release(PROBLEM_SET).read_text())
        return ["".join(cell["source"]) for cell in tree["cells"]]

    assert sources(stock) == sources(ours)


@pytest.mark.parametrize("which", ["stock", "ours"])
def test_stock_feedback_shows_our_messages_and_no_held_out_case(
    which: str, request: pytest.FixtureRequest
) -> None:
    course: CourseDirectory = request.getfixturevalue(which)
    if which == "ours":  # our own pages are replaced by nbgrader's
        nbgrader(course, "generate_feedback", PROBLEM_SET, "--force")
    page = course.feedback(PROBLEM_SET, "dana").read_text(encoding="utf-8")
    assert "cases of this check fail" in page
    assert "held-out case" not in page or "expected" not in page.split("held-out case")[1][:80]


@pytest.mark.parametrize("student", ["ada", "hana"])
def test_validate_judges_a_notebook_in_the_plain_kernel(
    student: str, ours: CourseDirectory, tmp_path: Path
) -> None:
    shutil.copytree(ours.release(PROBLEM_SET).parent, tmp_path / "work")
    shutil.copy(ours.submitted(PROBLEM_SET, student), tmp_path / "work")
    told = nbgrader(ours, "validate", f"{PROBLEM_SET}.ipynb", folder=tmp_path / "work")
    if student == "ada":
        assert "Success! Your notebook passes all the tests" in told
    else:
        assert "VALIDATION FAILED" in told
        assert "sgd_step: not answered yet" in told


def test_a_manual_grade_survives_both_ways_of_grading(
    ours: CourseDirectory, tmp_path: Path
) -> None:
    from nbgrader.api import Gradebook

    course = CourseDirectory(tmp_path / "course")
    shutil.copytree(ours.root, course.root)
    with Gradebook(course.database_url) as gradebook:
        notebook = gradebook.find_submission_notebook(PROBLEM_SET, PROBLEM_SET, "ada")
        (written,) = (grade for grade in notebook.grades if grade.name.startswith("written-"))
        name = written.name
        written.manual_score = 3.0
        written.needs_manual_grade = False
        gradebook.db.commit()

    def manual() -> tuple[float | None, bool]:
        with Gradebook(course.database_url) as gradebook:
            grade = gradebook.find_grade(name, PROBLEM_SET, PROBLEM_SET, "ada")
            return grade.manual_score, grade.needs_manual_grade

    grade_class(PROBLEM_SET, course, Settings(isolation="auto", seed=1))
    assert manual() == (3.0, False)
    nbgrader(course, "autograde", PROBLEM_SET, "--student", "ada", "--force", ANY_LEVEL)
    assert manual()[0] == 3.0
    grade_class(PROBLEM_SET, course, Settings(isolation="auto", seed=2), everything=True)
    assert manual() == (3.0, True)  # graded anew: a person should look again


@pytest.fixture
def lab(ours: CourseDirectory, tmp_path: Path) -> Iterator[str]:
    """A Jupyter server in the course directory; its address with the token."""
    import socket
    import time
    import urllib.request

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).parent
    server = subprocess.Popen(
        [
            str(program / "jupyter"), "server", "--no-browser", "--allow-root",
            f"--port={port}", "--IdentityProvider.token=t",
            "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
        ],
        cwd=ours.root,
        env={**os.environ, "PATH": f"{program}{os.pathsep}{os.environ['PATH']}",
             "JUPYTER_DATA_DIR": str(tmp_path / "data")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/status?token=t", timeout=2)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def test_the_form_grader_shows_a_graded_notebook(ours: CourseDirectory, lab: str) -> None:
    import urllib.request

    from nbgrader.api import Gradebook

    with Gradebook(ours.database_url) as gradebook:
        notebook = gradebook.find_submission_notebook(PROBLEM_SET, PROBLEM_SET, "boris").id
    opener = urllib.request.build_opener()
    pages = {}
    for path in (
        "formgrader/manage_assignments",
        f"formgrader/gradebook/{PROBLEM_SET}/{PROBLEM_SET}",
        f"formgrader/submissions/{notebook}",
    ):
        with opener.open(f"{lab}/{path}?token=t", timeout=60) as answer:
            pages[path] = answer.read().decode()
    assert "condition_number: 0 of" in pages[f"formgrader/submissions/{notebook}"]
