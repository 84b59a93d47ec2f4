"""A fingerprint covers what its subject depends on, found by imports, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from autograder.course import problem_set_names
from autograder.course.course import Course
from autograder.definition.problem_set import module_of
from autograder.release import imports
from autograder.release.fingerprints import (
    find_module,
    grading_files,
    of_grading,
    of_release,
    release_files,
)
from autograder.release.imports import closure, imported


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder of modules that import one another in every way."""
    files: Mapping[str, str] = {
        "a/__init__.py": "",
        "a/one.py": "import os, a.two\nfrom numpy import linalg",
        "a/two.py": "from . import three, SOMETHING",
        "a/three.py": "def later():\n    from .b.four import name\n",
        "a/b/__init__.py": "from ..five import x",
        "a/b/four.py": "",
        "a/five.py": "",
        "a/other.py": "import a.one",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def find_in(folder: Path, module: str) -> Path | None:
    place = folder.joinpath(*module.split("."))
    return next((p for p in (place / "__init__.py", place.with_suffix(".py")) if p.is_file()), None)


def test_closure_follows_every_kind_of_import(made: Path) -> None:
    found = closure(["a.one"], lambda module: find_in(made, module))
    assert list(found) == ["a", "a.b", "a.b.four", "a.five", "a.one", "a.three", "a.two"]


def test_edit_of_a_module_is_noticed(made: Path) -> None:
    path = made / "a" / "two.py"
    assert "a.three" in imported("a.two", path)
    path.write_text("import a.other as another_name")
    assert imported("a.two", path) == {"a.other"}


def test_what_files_import_is_kept_for_the_next_process(
    made: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    place = folder / "autograder" / "imports.json"
    found = []
    for content in (None, "{", '{"a": 1}', "[]"):
        imports._known.cache_clear()
        if content is not None:
            place.write_text(content)  # as anything else could have left it
        found.append(closure(["a.one"], lambda module: find_in(made, module)))
        assert len(json.loads(place.read_text())) == len(found[0])
    assert all(each == found[0] for each in found)
    imports._known.cache_clear()
    monkeypatch.setattr(imports, "_parsed", None)  # there is nothing left to parse
    assert closure(["a.one"], lambda module: find_in(made, module)) == found[0]
    imports._known.cache_clear()


@pytest.mark.parametrize("name", problem_set_names())
def test_other_problem_sets_are_none_of_its_business(name: str) -> None:
    course = Course.find()
    files = {each: set(grading_files(course.material(each))) for each in problem_set_names()}
    own = module_of(course.material(name))
    assert own in release_files(course.material(name))
    assert [each for each, covered in files.items() if own in covered] == [name]


def test_what_decides_a_grade_is_covered_and_pages_are_not() -> None:
    named = grading_files(Course.find().material("ps01-sgd"))
    for module in (
        *("grading.grader", "grading.plan", "grading.handin", "grading.marking"),
        *("grading.conversation", "grading.verdict"),
        *("selfcheck.judge", "selfcheck.relations", "definition.cases", "definition.evaluation"),
        *("sandbox.worker", "sandbox.pool", "sandbox.confine", "sandbox.seccomp"),
        *("course.reading", "results.inert", "release.source", "release.stubs"),
        *("exercises.ps01", "reference.gradient_descent"),
    ):
        assert f"autograder.{module}" in named
    for module in (
        *("grading.batch", "grading.journal", "grading.cluster", "grading.preflight"),
        *("reports.pages", "reports.notebook", "cli", "doctor", "nbgrader_plugin"),
        *("sandbox.probes", "release.downloads"),
    ):
        assert f"autograder.{module}" not in named
        assert find_module(f"autograder.{module}") is not None


def test_fingerprints_differ() -> None:
    materials = [Course.find().material(name) for name in problem_set_names()]
    found = {of(material) for of in (of_release, of_grading) for material in materials}
    assert len(found) == 2 * len(materials)
