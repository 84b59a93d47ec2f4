"""nbgrader's own commands on a course directory, and whether they agree with ours."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.grading.batch import grade_class
from autograder.grading.sample import sample_class
from autograder.grading.settings import Settings
from autograder.release.build import prepare_course, release
from autograder.release.making import notebook_text, write_source
from autograder.results.adjustments import (
    Action,
    Adjustment,
    remove_adjustment,
    write_adjustment,
)
from autograder.results.policies import FILE as POLICIES

PROBLEM_SET = "ps01-sgd"
DATES = """
[late]
percent = 10
[problem_set.ps01-sgd]
due = "2030-01-01 11:00 UTC"
[[extension]]
student = "chen"
by = "1 hour"
"""
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
    course = CourseDirectory.at(tmp_path_factory.mktemp("stock"))
    prepare_course(course)
    write_source(course.assignment(PROBLEM_SET))
    nbgrader(course, "generate_assignment", PROBLEM_SET, "--create")
    _hand_in(course)
    nbgrader(course, "autograde", PROBLEM_SET, "--create", ANY_LEVEL)
    nbgrader(course, "generate_feedback", PROBLEM_SET)
    return course


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    """The same class graded by the project's own command."""
    course = CourseDirectory.at(tmp_path_factory.mktemp("ours"))
    release(course.assignment(PROBLEM_SET))
    _hand_in(course)
    grade_class(course.assignment(PROBLEM_SET), Settings(isolation="auto", seed=1))
    return course


def _hand_in(course: CourseDirectory) -> None:
    for student, notebook in sample_class(course.assignment(PROBLEM_SET), endless=False).items():
        path = course.assignment(PROBLEM_SET).submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(notebook_text(notebook), encoding="utf-8")


@pytest.mark.slow
def test_level_of_isolation_that_does_not_work_is_told_in_one_line(
    stock: CourseDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = CourseDirectory.at(tmp_path / "course")
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


@pytest.mark.slow
def test_stock_autograde_keeps_nothing_from_beside_a_hand_in(
    stock: CourseDirectory, tmp_path: Path
) -> None:
    copy = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(stock.root, copy.root)
    folder = copy.assignment(PROBLEM_SET).submitted("ada").parent
    (folder / "page.html").write_text("<script>")
    (folder / "more" / "more").mkdir(parents=True)
    (folder / "more" / "more" / "page.svg").write_text("<svg>")
    (folder / "more" / "of the release.csv").write_text("the student's")
    (folder / "timestamp.txt").write_text("2030-01-01 12:00:00 UTC")
    (copy.root / "source" / PROBLEM_SET / "more").mkdir()
    (copy.root / "source" / PROBLEM_SET / "more" / "of the release.csv").write_text("released")
    nbgrader(copy, "autograde", PROBLEM_SET, "--student", "ada", "--force", ANY_LEVEL)
    graded = copy.assignment(PROBLEM_SET).autograded("ada").parent
    found = {path.relative_to(graded).as_posix() for path in graded.rglob("*")}
    source = copy.root / "source" / PROBLEM_SET
    released = {path.relative_to(source).as_posix() for path in source.rglob("*")}
    assert found - released == {"timestamp.txt"}
    assert {f"{PROBLEM_SET}.ipynb", "more/of the release.csv"} <= found
    assert (graded / "more" / "of the release.csv").read_text() == "released"


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
    results = json.loads(ours.assignment(PROBLEM_SET).results.read_text())
    assert {s["student"]: s["score"] for s in results["submissions"]} == {
        student: score for student, (score, _) in scores.items()
    }
    assert len({score for score, _ in scores.values()}) > 3  # the class differs, so this says much


def test_stock_release_equals_ours(stock: CourseDirectory, ours: CourseDirectory) -> None:
    def sources(course: CourseDirectory) -> list[str]:
        tree = json.loads(course.assignment(PROBLEM_SET).release.read_text())
        return ["".join(cell["source"]) for cell in tree["cells"]]

    assert sources(stock) == sources(ours)


@pytest.mark.parametrize("which", ["stock", "ours"])
def test_stock_feedback_shows_our_messages_and_no_held_out_case(
    which: str, request: pytest.FixtureRequest
) -> None:
    course: CourseDirectory = request.getfixturevalue(which)
    if which == "ours":  # our own pages are replaced by nbgrader's
        nbgrader(course, "generate_feedback", PROBLEM_SET, "--force")
    page = course.assignment(PROBLEM_SET).feedback("dana").read_text(encoding="utf-8")
    assert "cases of this check fail" in page
    assert "held-out case" not in page or "expected" not in page.split("held-out case")[1][:80]


@pytest.mark.parametrize("student", ["ada", "hana"])
def test_validate_judges_a_notebook_in_the_plain_kernel(
    student: str, ours: CourseDirectory, tmp_path: Path
) -> None:
    shutil.copytree(ours.assignment(PROBLEM_SET).release.parent, tmp_path / "work")
    shutil.copy(ours.assignment(PROBLEM_SET).submitted(student), tmp_path / "work")
    told = nbgrader(ours, "validate", f"{PROBLEM_SET}.ipynb", folder=tmp_path / "work")
    if student == "ada":
        assert "Success! Your notebook passes all the tests" in told
    else:
        assert "VALIDATION FAILED" in told
        assert "sgd_step: not answered yet" in told


def test_a_run_of_all_cells_goes_on_past_failing_checks(
    ours: CourseDirectory, tmp_path: Path
) -> None:
    import nbformat
    from nbclient import NotebookClient

    folder = tmp_path / "work"
    shutil.copytree(ours.assignment(PROBLEM_SET).release.parent, folder)
    notebook = nbformat.read(folder / f"{PROBLEM_SET}.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}).execute()
    shown = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    error = shown["check(sgd_step)"][-1]
    assert (error.output_type, error.ename) == ("error", "CheckFailed")
    (points,) = shown["check_all()"]  # the last cell, which ran all the same
    assert points.data["text/plain"].startswith(f"{PROBLEM_SET}: 0 of ")
    assert "text/html" in points.data


@pytest.mark.slow
def test_a_manual_grade_survives_both_ways_of_grading(
    ours: CourseDirectory, tmp_path: Path
) -> None:
    from nbgrader.api import Gradebook

    course = CourseDirectory.at(tmp_path / "course")
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

    grade_class(course.assignment(PROBLEM_SET), Settings(isolation="auto", seed=1))
    assert manual() == (3.0, False)
    nbgrader(course, "autograde", PROBLEM_SET, "--student", "ada", "--force", ANY_LEVEL)
    assert manual()[0] == 3.0
    grade_class(course.assignment(PROBLEM_SET), Settings(isolation="auto", seed=2), everything=True)
    assert manual() == (3.0, True)  # nbgrader's command has asked for a second look


@pytest.mark.slow
def test_adjusted_points_are_the_same_by_both_ways_of_grading(
    ours: CourseDirectory, tmp_path: Path
) -> None:
    course = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(ours.root, course.root)
    assignment = course.assignment(PROBLEM_SET)
    settings = Settings(isolation="auto", seed=1)
    grade_class(assignment, settings)
    before = points_of(course, "boris")
    made = Adjustment("condition_number", "", Action.POINTS, "It took longer.", 9)
    write_adjustment(course.root, PROBLEM_SET, made)
    write_adjustment(
        course.root, PROBLEM_SET, Adjustment("clip_by_norm", "", Action.DROP, "It came too late.")
    )
    grade_class(assignment, settings)
    adjusted = points_of(course, "boris")
    assert adjusted["check-condition_number"] == (0, 9)
    assert adjusted["check-clip_by_norm"] == (0, 0)
    nbgrader(course, "autograde", PROBLEM_SET, "--student", "boris", "--force", ANY_LEVEL)
    assert points_of(course, "boris") == adjusted
    nbgrader(course, "generate_feedback", PROBLEM_SET, "--student", "boris", "--force")
    page = assignment.feedback("boris").read_text(encoding="utf-8")
    assert "this exercise is worth 9 points. It took longer." in page
    assert "(Score: 0.0 / 9.0)" in page
    for name in ("condition_number", "clip_by_norm"):
        remove_adjustment(course.root, PROBLEM_SET, name, "")
    grade_class(assignment, settings)
    assert points_of(course, "boris") == before


def points_of(course: CourseDirectory, student: str) -> dict[str, tuple[float | None, float]]:
    """Points of each cell that has some, and of how many, as nbgrader has them."""
    from nbgrader.api import Gradebook

    with Gradebook(course.database_url) as gradebook:
        notebook = gradebook.find_submission_notebook(PROBLEM_SET, PROBLEM_SET, student)
        return {grade.name: (grade.auto_score, grade.max_score) for grade in notebook.grades}


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


@pytest.mark.slow
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


# --- hand-ins that cannot be read ----------------------------------------------------------------


def _write(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "ada": _write(b"{ broken"),
    "boris": _write("{}".encode("utf-16")),
    "chen": Path.mkdir,
    "dana": lambda path: path.symlink_to(path.parent / "nowhere.ipynb"),
    "emil": os.mkfifo,
    "fatima": _write(b'{"worksheets": [], "metadata": {}, "nbformat": 3, "nbformat_minor": 0}'),
    "goran": _write(b"[" * 200_000),
    "hana": _write(b""),
}


@pytest.fixture
def damaged(ours: CourseDirectory, tmp_path: Path) -> CourseDirectory:
    """The graded class, after which nobody's new hand-in can be read; and a manual grade."""
    return _damaged(ours, tmp_path / "course")


def _damaged(ours: CourseDirectory, root: Path) -> CourseDirectory:
    from nbgrader.api import Gradebook

    course = CourseDirectory.at(root)
    shutil.copytree(ours.root, course.root)
    with Gradebook(course.database_url) as gradebook:
        grade = gradebook.find_grade("check-sgd_step", PROBLEM_SET, PROBLEM_SET, "ada")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    for student, make in UNREADABLE.items():
        path = course.assignment(PROBLEM_SET).submitted(student)
        path.unlink()
        make(path)
    return course


def entered(course: CourseDirectory) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Grades and comments of each student, read by nbgrader."""
    from nbgrader.api import Gradebook

    with Gradebook(course.database_url) as gradebook:
        return {
            submission.student.id: {
                **{
                    grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
                    for grade in submission.notebooks[0].grades
                },
                **{f"on {c.name}": (c.auto_comment,) for c in submission.notebooks[0].comments},
                "on time": ((submission.late_submission_penalty, submission.total_seconds_late),),
            }
            for submission in gradebook.assignment_submissions(PROBLEM_SET)
        }


@pytest.mark.slow
def test_stock_autograde_replaces_the_score_of_what_cannot_be_read(
    damaged: CourseDirectory,
) -> None:
    before = entered(damaged)
    nbgrader(damaged, "autograde", PROBLEM_SET, "--force", ANY_LEVEL)
    after = entered(damaged)
    assert after.keys() == before.keys() == UNREADABLE.keys()
    assert sum(grade[0] or 0 for grade in before["boris"].values() if len(grade) > 1) > 10
    for student, grades in after.items():
        kept = {"check-sgd_step": (0.0, 1.5, True)} if student == "ada" else {}
        for name, grade in grades.items():
            if not name.startswith("on "):
                assert grade == kept.get(name, (0.0, None, False)), (student, name)
        text = damaged.assignment(PROBLEM_SET).autograded(student).read_text(encoding="utf-8")
        assert "This notebook could not be graded: " in text
    nbgrader(damaged, "generate_feedback", PROBLEM_SET, "--force")
    assert "could not be graded" in damaged.assignment(PROBLEM_SET).feedback("emil").read_text()


@pytest.mark.slow
def test_both_ways_of_grading_enter_the_same(ours: CourseDirectory, tmp_path: Path) -> None:
    readable = ("boris", "chen", "dana", "hana")
    courses = [_damaged(ours, tmp_path / name) for name in ("stock", "own")]
    for course in courses:
        (course.root / POLICIES).write_text(DATES, encoding="utf-8")
        for student in readable:
            path = course.assignment(PROBLEM_SET).submitted(student)
            shutil.rmtree(path.parent)
            path.parent.mkdir()
            text = notebook_text(sample_class(course.assignment(PROBLEM_SET))[student])
            path.write_text(text.replace("return", "return  "), encoding="utf-8")
            (path.parent / "timestamp.txt").write_text("2030-01-01 12:00:00 UTC")
    nbgrader(courses[0], "autograde", PROBLEM_SET, "--force", ANY_LEVEL)
    grade_class(courses[1].assignment(PROBLEM_SET), Settings(isolation="auto", seed=1))
    assert entered(courses[0]) == entered(courses[1])
    assert len({str(entered(courses[0])[student]) for student in readable}) == 4
    found = {student: entered(courses[0])[student]["on time"][0] for student in readable}
    assert found["chen"] == (0, 0)
    assert found["boris"][1] == 3600 and found["boris"][0] > 1


@pytest.mark.slow
def test_button_of_the_form_grader_replaces_the_score_of_what_cannot_be_read(
    damaged: CourseDirectory,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUTTON, str(damaged.root), PROBLEM_SET],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [True, True]
    for student in ("ada", "emil"):
        assert not any(grade[0] for grade in entered(damaged)[student].values() if len(grade) > 1)


BUTTON = """
import json, sys
from pathlib import Path
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from autograder.nbgrader_plugin import configure
config = Config()
configure(config, Path(sys.argv[1]))
config.GradeInSandbox.isolation = "auto"
api = NbGraderAPI(config=config)
for student in ("ada", "emil"):
    print(json.dumps(api.autograde(sys.argv[2], student)["success"]))
"""
