"""The command line as a stranger meets it: help, bad input, exit statuses, no traceback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.cli import app
from autograder.course.course import VARIABLE, Course
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.grading.sample import sample_class
from autograder.release.making import notebook_text
from autograder.results.result import Result, Status
from autograder.terminal import GradingProgress

PS = "ps01-sgd"
ANY = ("--isolation", "auto")  # whatever this machine can do


def run(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "autograder"
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env={**os.environ, VARIABLE: str(Course.find().root)},  # the folder may be no course's
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("command", ["", "release", "grade", "collect", "preflight", "doctor"])
def test_help_says_what_a_command_does(command: str) -> None:
    done = run(*command.split(), "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout
    assert len(done.stdout.splitlines()) > 4


@pytest.mark.parametrize(
    ("arguments", "told", "status"),
    [
        (["grade", "ps99"], "; the problem sets are: ps01-sgd, ps02-", 1),
        (["grade", "../../etc/passwd"], "there is no problem set", 1),
        (["grade", PS, "--course-dir", "nowhere"], "there is no folder", 1),
        (["grade", PS, "--course-dir", "empty"], "nobody has handed in ps01-sgd", 1),
        (["grade", PS, "--course-dir", "file"], "is a file", 2),
        (["grade", PS, "--seed", "many"], "not a valid integer", 2),
        (["grade", PS, "--device", "tpu"], "is not one of", 2),
        (["grade", PS, "--isolation", "none"], "is not one of", 2),
        (["grade", PS, "--resume", "--course-dir", "nowhere"], "there is no folder", 1),
        (["grade", PS, "--workers", "0"], "is not in the range", 2),
        (["grade", PS, "--frobnicate"], "No such option", 2),
        (["grade"], "Missing argument", 2),
        (["release", "ps99"], "there is no problem set", 1),
        (["preflight"], "name the problem sets to check", 1),
        (["preflight", PS, "--all"], "or give --all", 1),
        (["sample", "ps99"], "there is no problem set", 1),
        (["mark", PS], "No such command", 2),
    ],
)
def test_bad_input_gets_one_message_and_no_traceback(
    arguments: list[str], told: str, status: int, tmp_path: Path
) -> None:
    (tmp_path / "empty" / "submitted").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture(scope="module")
def class_course(
    course: CourseDirectory, tmp_path_factory: pytest.TempPathFactory
) -> CourseDirectory:
    """A released course with the sample class, and some bad hand-ins among them."""
    copy = CourseDirectory.at(tmp_path_factory.mktemp("cli") / "course")
    shutil.copytree(course.root, copy.root)
    for student, notebook in sample_class(copy.assignment(PS)).items():
        if student in ("ada", "dana", "hana"):
            path = copy.assignment(PS).submitted(student)
            path.parent.mkdir(parents=True)
            path.write_text(notebook_text(notebook), encoding="utf-8")
    for student, content in {"cut": '{"cells": [', "none": None, "=cmd": "[]"}.items():
        path = copy.assignment(PS).submitted(student)
        path.parent.mkdir(parents=True)
        if content is not None:
            path.write_text(content)
    return copy


def test_grading_prints_a_table_and_writes_what_it_says(class_course: CourseDirectory) -> None:
    done = run("grade", PS, "--course-dir", str(class_course.root), "--seed", "5", *ANY)
    assert done.returncode == 0, done.stderr
    assert re.search(r"ada +graded +27/27", done.stdout)
    assert re.search(r"hana +no answer +0/27", done.stdout)
    assert re.search(r"cut +damaged +0/27", done.stdout)
    assert re.search(r"none +damaged +0/27", done.stdout)
    for line in done.stdout.splitlines():
        name, _, path = line.partition(" ")
        if name in ("report", "grades", "results", "feedback", "gradebook"):
            assert Path(path.strip()).exists(), line
    results = json.loads(class_course.assignment(PS).results.read_text(encoding="utf-8"))
    assert results["seed"] == "5"
    details = {s["student"]: s["detail"] for s in results["submissions"]}
    assert details["none"] == "there is no file ps01-sgd.ipynb"
    assert "not valid JSON" in details["cut"]
    again = run("grade", PS, "--course-dir", str(class_course.root), *ANY)
    assert "0 graded, 6 unchanged; reference on" in again.stdout
    assert "seed" not in done.stdout + again.stdout
    after = json.loads(class_course.assignment(PS).results.read_text(encoding="utf-8"))
    assert after == results


def test_adjusting_is_told_and_written_and_holds_from_the_next_grading_on(
    class_course: CourseDirectory, tmp_path: Path
) -> None:
    copy = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(class_course.root, copy.root)

    def call(*arguments: str, status: int = 0, command: str = "adjust") -> str:
        given = [command, PS, *arguments, "--course-dir", str(copy.root)]
        done = CliRunner().invoke(app, given)
        if isinstance(done.exception, UserError):
            assert status == 1
            return str(done.exception)
        assert done.exit_code == status, done.output
        return done.output

    path = copy.root / "adjustments.toml"
    for arguments, told, status in (
        ((), "nothing is adjusted", 0),
        (("--drop", "--why", "x"), "name the exercise", 2),
        (("sgd_step", "--why", "x"), "give one of --full-marks", 2),
        (("sgd_step", "--drop", "--full-marks", "--why", "x"), "give one of --full-marks", 2),
        (("sgd_step", "--drop"), "give a reason by --why", 2),
        (("sgd_step", "--drop", "--why", " "), "write the reason, which students read", 1),
        (("sgd_step", "--points", "0", "--why", "x"), "is not in the range", 2),
        (("sgd", "--drop", "--why", "x"), "the exercises are: softmax_cross_entropy,", 1),
        (("sgd_step/one", "--drop", "--why", "x"), "its checks are: “one step”,", 1),
        (("sgd_step", "--remove"), "has no adjustment of ps01-sgd to sgd_step", 1),
    ):
        assert told in call(*arguments, status=status)
        assert not path.exists()
    assert "sgd_step/one step: Changed after" in call(
        "sgd_step/one step", "--full-marks", "--why", "The [text] was wrong."
    )
    assert "“one step”. The [text] was wrong." in call()
    path.rename(tmp_path / "kept")
    call(*ANY, "--seed", "5", command="grade")
    (tmp_path / "kept").rename(path)
    before = copy.assignment(PS).results.read_bytes()
    told = "5 students change, +10 points"
    foreseen = call(*ANY, "--dry-run", command="grade")
    assert f"{PS} would be graded so: {told}\n  =cmd: 0/27 to 2/27 (+2)" in foreseen
    assert copy.assignment(PS).results.read_bytes() == before
    graded = call(*ANY, command="grade")
    assert f"since the last grading: {told}\n" in graded
    assert "0 graded, 6 unchanged" in graded
    call("sgd_step/one step", "--remove")
    assert "5 students change, +0 points; 5 lose 10" in call(*ANY, command="grade")


def test_folder_that_cannot_be_a_students_is_told_and_does_no_harm(
    class_course: CourseDirectory, tmp_path: Path
) -> None:
    copy = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(class_course.root, copy.root)
    (copy.submissions / os.fsdecode(b"b\xffd") / PS).mkdir(parents=True)
    done = run("grade", PS, "--course-dir", str(copy.root), "--student", "hana", *ANY)
    assert done.returncode == 0, done.stderr
    assert r"1 skipped: 'b\xffd' (the name is not printable text; rename it)" in done.stderr
    done.stdout.encode("ascii", "strict")


def test_progress_tells_pace_and_statuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("autograder.terminal.time.monotonic", lambda: now)
    graded, error = (Result("x", status, "", 0, 1) for status in (Status.GRADED, Status.ERROR))
    with GradingProgress() as progress:
        for done in range(1, 41):
            now = 10 + done * 0.5  # the first one takes longest: things are being started
            progress(done, 40, error if done % 4 == 0 else graded)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "graded 11 of 40, 2.0/s, 14 s left; 9 graded, 2 error"
    assert lines[-1] == "graded 40 of 40, 2.0/s, 0 s left; 30 graded, 10 error"
    assert len(lines) == 5  # one in five seconds, and the last
    assert progress.seconds == 30


def test_an_unknown_student_is_a_mistake_of_the_caller(class_course: CourseDirectory) -> None:
    done = run("grade", PS, "--course-dir", str(class_course.root), "--student", "zoe")
    assert done.returncode == 1
    assert "no hand-in of ps01-sgd by zoe" in done.stderr


def test_a_gradebook_that_is_none_is_told_in_one_line(
    class_course: CourseDirectory, tmp_path: Path
) -> None:
    copy = CourseDirectory.at(tmp_path / "course")
    shutil.copytree(class_course.root, copy.root)
    copy.gradebook.write_bytes(b"this is not a database" * 100)
    done = run("grade", PS, "--course-dir", str(copy.root), "--student", "ada", *ANY)
    assert done.returncode == 1
    assert "gradebook" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_names_versions_gpu_and_isolation() -> None:
    done = run("doctor")
    for subject in ("Python:", "torch:", "GPU:", "bubblewrap:", "isolation in use:"):
        assert subject in done.stdout
    assert "Traceback" not in done.stderr


def test_release_check_is_content_with_what_is_committed(class_course: CourseDirectory) -> None:
    done = run("release", PS, "--check", "--course-dir", str(class_course.root))
    assert done.returncode == 0, done.stderr
