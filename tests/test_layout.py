"""The house has one floor plan: imports point one way, and every folder has a declared role."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from autograder.course.course import Course
from autograder.layout import FOLDERS, INSIDE, MODULES, PACKAGE
from autograder.release.fingerprints import find_module, grading_files, release_files
from autograder.release.imports import imported
from autograder.sandbox.isolation import worker_code

ROOT = PACKAGE.parent
ROLES = {folder.name: folder for folder in FOLDERS}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def folder_of(path: Path) -> str:
    """The folder of the package in which a file lies; its own name for a module at the top."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def graph() -> dict[str, dict[str, Path]]:
    """Each module of the package with the modules of it that it imports, lazily or not."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        names = imported(module_name(path), path)
        files = ((name, find_module(name)) for name in names)
        found[module_name(path)] = {name: file for name, file in files if file is not None}
    return found


def test_every_folder_and_module_is_declared() -> None:
    folders = {folder_of(path) for path in PACKAGE.glob("*/**/*.py")}
    assert folders == set(ROLES)
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules == {"__init__", "layout", *MODULES}


def test_declared_imports_point_down_the_table() -> None:
    above: set[str] = set()
    for folder in FOLDERS:
        assert folder.imports <= above, folder.name
        above.add(folder.name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_imports_point_where_the_table_says(folder: object) -> None:
    allowed = {"__init__", "layout", folder.name, *folder.imports}  # type: ignore[attr-defined]
    wrong = [
        f"{module} imports {target}"
        for module, targets in graph().items()
        if folder_of(find_module(module) or Path()) == folder.name  # type: ignore[attr-defined]
        for target, file in targets.items()
        if folder_of(file) not in allowed
    ]
    assert wrong == []


def test_imports_form_no_circle() -> None:
    imports = {
        module: {module_name(file) for file in targets.values()} - {module}
        for module, targets in graph().items()
    }
    while free := {module for module, targets in imports.items() if not targets}:
        imports = {m: targets - free for m, targets in imports.items() if m not in free}
    assert imports == {}


def test_grades_depend_on_what_decides_and_on_nothing_else() -> None:
    decides = {folder.name for folder in FOLDERS if folder.decides}
    material = Course.find().material("ps01-sgd")
    files = grading_files(material)
    assert set(release_files(material)) < set(files)
    assert files.pop("the source") == material.source
    assert {folder_of(path) for path in files.values()} == {*decides, "__init__", "layout"}


def test_wheel_leaves_out_what_is_the_courses() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    content = [f"autograder/{folder.name}" for folder in FOLDERS if folder.content]
    assert wheel["exclude"] == content


def test_inside_is_what_the_table_says() -> None:
    there = {target for _, target in worker_code()}
    student_package = (PACKAGE / "selfcheck").glob("*.py")
    assert there == {
        "autograder/__init__.py",
        *(f"selfcheck/{file.name}" for file in student_package),
        *(f"autograder/{folder}" for folder in INSIDE),
    }


def test_readme_has_the_table() -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)/` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [
        (folder.name, folder.what, ", ".join(sorted(folder.imports, key=list(ROLES).index)) or "–")
        for folder in FOLDERS
    ]


def test_what_the_engine_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    declared = {
        re.split(r"[<>=\[]", name)[0].lower() for name in [*project["dependencies"], *extras]
    }
    owners = packages_distributions()
    missing = set()
    for path in PACKAGE.rglob("*.py"):
        role = ROLES.get(folder_of(path))
        if role is None or (not role.content and role.name != "template"):
            for top in {name.split(".")[0] for name in imported(module_name(path), path)}:
                ours = top in ("", "autograder") or top in sys.stdlib_module_names
                if not ours and not declared & {each.lower() for each in owners.get(top, ())}:
                    missing.add(f"{module_name(path)} imports {top}")
    assert missing == set()
