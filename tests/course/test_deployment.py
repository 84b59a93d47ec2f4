"""What the book gives for deployment: images, units, workflows and settings, as far as they can be
tried without an engine for containers, a running systemd, or GitHub."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from autograder import cli
from autograder.course.course import VARIABLE
from autograder.course.directory import CourseDirectory
from autograder.course.new import make_course
from autograder.layout import PACKAGE
from autograder.release.build import publish, release
from autograder.release.downloads import build_downloads

ROOT = PACKAGE.parent
FILES = ROOT / "book" / "instructors" / "files"
HERE = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FOR_CLASSES = [FILES / "check-answers.yml", FILES / "grade-class.yml"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def run(*command: str | Path, folder: Path | None = None, **environment: str) -> str:
    """What a command says; it must succeed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def targets(command: str) -> set[str]:
    """What a shell command has make do."""
    return set(re.findall(r"\bmake ([a-z]+)", command))


def understands(words: list[str]) -> None:
    """The command line of autograder takes these words; raises click.ClickException if not."""
    cli.app.commands[words[0]].make_context(words[0], words[1:])


# --- the image -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image() -> list[dict[str, str]]:
    """The instructions of the Dockerfile."""
    with (ROOT / "Dockerfile").open("rb") as file:
        parsed: list[dict[str, str]] = DockerfileParser(fileobj=file).structure
    return [line for line in parsed if line["instruction"] != "COMMENT"]


def values(image: list[dict[str, str]], instruction: str) -> list[str]:
    return [line["value"] for line in image if line["instruction"] == instruction]


def test_the_image_has_what_make_installs(image: list[dict[str, str]]) -> None:
    ran = values(image, "RUN")
    (apt,) = (command for command in ran if "apt-get install" in command)
    packages = set(apt.split("install", 1)[1].split("&&")[0].split())
    (needed,) = re.findall(r"@scripts/system-packages (.+)", MAKEFILE)
    assert {pair.partition("=")[0] for pair in needed.split()} <= packages
    assert {"make", "libseccomp2"} <= packages
    assert targets(ran[-1]) == {"install"}
    assert all(re.search(rf"^{name}:", MAKEFILE, re.M) for name in targets(ran[-1]))
    assert "-r requirements.txt" in ran[-2]
    assert "VENV := .venv" in MAKEFILE


def test_the_image_grades_as_nobody_special(image: list[dict[str, str]]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (base,) = values(image, "FROM")
    version = re.fullmatch(r"python:3\.(\d+)-slim-\w+", base)
    assert version is not None
    assert int(version[1]) >= int(project["requires-python"].removeprefix(">=3."))
    assert values(image, "USER") == ["$UID"]
    order = [line["instruction"] for line in image]
    assert order.index("USER") < order.index("COPY")
    (entry,) = values(image, "ENTRYPOINT")
    assert json.loads(entry)[0] in project["scripts"]
    assert f"{VARIABLE}={values(image, 'WORKDIR')[0]}" in " ".join(values(image, "ENV"))
    (first,) = values(image, "CMD")
    understands(json.loads(first))


def test_what_is_made_stays_out_of_the_image() -> None:
    ignored = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n"))
    made = re.findall(r"^/(\w+)/$", (ROOT / ".gitignore").read_text(encoding="utf-8"), re.M)
    assert {*made, ".venv", ".git"} <= ignored
    sources = {path.name for path in ROOT.iterdir()} & {"autograder", "solutions", "book"}
    assert not sources & ignored


def test_the_page_on_containers_gives_commands_that_grade() -> None:
    text = (ROOT / "book" / "instructors" / "container.md").read_text(encoding="utf-8")
    (options,) = re.findall(r"^docker run \$flags --volume \S+ course (.+)$", text, re.M)
    understands(shlex.split(options))
    (flags,) = re.findall(r'^flags="(.+)"$', text, re.M)
    for flag in re.findall(r"^\| `(--security-opt \S+)` \|", text, re.M):
        assert flag in flags
    assert flags.count("--security-opt") == 3
    profile = re.search(
        r"^profile (\S+) .*\{\n  userns,\n\}$", _file("course-grading.apparmor"), re.M
    )
    assert profile is not None
    assert f"apparmor={profile[1]}" in flags


def _file(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


# --- the units -----------------------------------------------------------------------------------


def test_the_units_are_as_systemd_wants_them(tmp_path: Path) -> None:
    units = {}
    for name in ("grade@.service", "grade@.timer"):
        # the paths of the page do not exist here
        text = _file(name).replace("/srv/course/.venv/bin", str(Path(sys.executable).parent))
        text = text.replace("/srv/course", str(ROOT)).replace("User=grader\n", "User=root\n")
        (tmp_path / name).write_text(text, encoding="utf-8")
        units[name] = RawConfigParser(strict=True)
        units[name].optionxform = str  # type: ignore[assignment, method-assign]
        units[name].read_string(text)
    service = units["grade@.service"]["Service"]
    assert service["Type"] == "oneshot"
    (tmp_path / "incoming").mkdir()
    for key in ("ExecStartPre", "ExecStart"):
        program, *words = service[key].removeprefix("-").replace("%i", "ps01-sgd").split()
        assert Path(program).name == "autograder"
        where = {"/srv/incoming/ps01-sgd": str(tmp_path / "incoming")}
        understands([where.get(word, word) for word in words])
    assert units["grade@.timer"]["Install"]["WantedBy"] == "timers.target"
    if shutil.which("systemd-analyze"):
        named = [tmp_path / f"grade@ps01-sgd.{kind}" for kind in ("service", "timer")]
        assert run("systemd-analyze", "verify", *named) == ""
        with (tmp_path / "grade@.service").open("a", encoding="utf-8") as file:
            file.write("Nonsense=yes\n")
        assert "Nonsense" in run("systemd-analyze", "verify", named[0])


# --- the workflows -------------------------------------------------------------------------------


def steps(path: Path) -> list[dict[str, Any]]:
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [step for job in tree["jobs"].values() for step in job["steps"]]


def test_workflows_are_what_github_takes(tmp_path: Path) -> None:
    check = (
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
    )
    run(*check, *HERE, *FOR_CLASSES)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(HERE[0].read_text(encoding="utf-8").replace("runs-on:", "runs:"))
    done = subprocess.run([*check, str(wrong)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "runs-on" in done.stdout


@pytest.mark.parametrize("path", [*HERE, *FOR_CLASSES], ids=lambda path: path.name)
def test_workflows_run_what_is_there(path: Path) -> None:
    for step in steps(path):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
            continue
        for name in targets(step["run"]):
            assert re.search(rf"^{name}:", MAKEFILE, re.M), name
        if step["run"] == ".ci/run":
            assert (ROOT / ".ci" / "run").is_file()
        for command in re.findall(r"^\.venv/bin/autograder (.+)$", step["run"], re.M):
            given = {"$PROBLEM_SET": "ps01-sgd", "clones": str(ROOT)}
            words = shlex.split(command.removesuffix(" || true"))
            understands([given.get(word, word) for word in words])


def test_students_get_nothing_that_decides(tmp_path: Path) -> None:
    """The workflow of their repositories runs the checks of a bundle, and names no secret."""
    workflow = FILES / "check-answers.yml"
    text = workflow.read_text(encoding="utf-8")
    assert not re.search(r"secrets|autograder|TOKEN", text)
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment("ps01-sums")
    release(assignment)
    publish(assignment)
    build_downloads(course)
    repository = tmp_path / "repository"
    with zipfile.ZipFile(course.root / course.downloads / "ps01-sums.zip") as bundle:
        bundle.extractall(repository)
    (notebook,) = repository.rglob("*.ipynb")
    summary = tmp_path / "summary.md"
    summary.touch()
    for step in steps(workflow):
        if "run" in step and "pip install" not in step["run"]:
            told = {"GITHUB_STEP_SUMMARY": str(summary)}
            run("bash", "-e", "-c", step["run"], folder=notebook.parent, **told)
    assert "horner: " in summary.read_text(encoding="utf-8")
    given = {path.name for path in repository.rglob("*") if path.is_file()}
    assert not {name for name in given if "source" in name or name == "reference"}


# --- the hub -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_exchange_of_a_hub_hides_hand_ins(tmp_path: Path) -> None:
    """With the page's setting: what is in ``inbound`` only its owner can list."""
    course = make_course(tmp_path / "course")
    assignment = CourseDirectory(course.root / "spring", course).assignment("ps01-sums")
    release(assignment)
    settings = tmp_path / "etc"
    settings.mkdir()
    text = _file("nbgrader_config.py")
    exchange = tmp_path / "exchange"
    assert text.count("/srv/nbgrader/exchange") == 1
    (settings / "nbgrader_config.py").write_text(
        text.replace("/srv/nbgrader/exchange", str(exchange)), encoding="utf-8"
    )
    exchange.mkdir()
    exchange.chmod(0o777)
    student = tmp_path / "student"
    student.mkdir()
    told = {
        "JUPYTER_CONFIG_PATH": str(settings),
        "AUTOGRADER_COURSE": str(course.root),
        "HOME": str(student),
    }
    for command, folder in (
        ("release_assignment", assignment.root),
        ("fetch_assignment", student),
        ("submit", student),
        ("collect", assignment.root),
    ):
        run("nbgrader", command, "ps01-sums", folder=folder, **told)
    inbound = exchange / "spring" / "inbound"
    assert stat.S_IMODE(inbound.stat().st_mode) & 0o077 == 0o033
    (handed_in,) = inbound.iterdir()
    assert len(handed_in.name.split("+")) == 4  # student, set, time, and what nobody can guess
    assert len(list(assignment.directory.submissions.iterdir())) == 1


def test_an_option_that_is_not_there_would_be_found() -> None:
    with pytest.raises(click.ClickException):
        understands(["grade", "ps01-sgd", "--nightly"])
