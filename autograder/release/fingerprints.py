"""Fingerprints: hashes that tell whether a release, or a grade, is of what is there now.

Each covers the files that its subject really depends on, found by their imports, and no others: an
edit of one problem set's exercises, or of a page's template, outdates nobody else's grades.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from autograder.course.course import Course, Material
from autograder.definition.problem_set import module_of
from autograder.layout import PACKAGE
from autograder.selfcheck.language import table_file

from .imports import closure

# what is started or given by name is not found by imports: the zygote, nbgrader's preprocessors,
# the definition of a problem set
_MAKES_A_RELEASE = ("autograder.release.making", "autograder.release.stubs")
_GRADES = ("autograder.grading.grader", "autograder.sandbox.zygote")


def of_release(material: Material) -> str:
    """Hash of everything that a released notebook and its cases depend on."""
    course = material.course
    return _hash_of(release_files(material), course.site, course.notebooks, course.downloads)


def of_grading(material: Material) -> str:
    """Hash of everything that a grade depends on, besides the hand-in and the seed."""
    return _hash_of(grading_files(material))


def of_grader() -> str:
    """Hash of what runs and judges hand-ins, whatever the course is."""
    return _hash_of(closure(_GRADES, find_module))


def release_files(material: Material) -> dict[str, Path]:
    """The files that a released notebook and its cases depend on, each with a name."""

    def find(module: str) -> Path | None:
        return find_module(module, material.course)

    modules = [*_MAKES_A_RELEASE, module_of(material)]
    table = table_file(material.course.language)
    sentences = {} if table is None else {"the language": table}
    return {"the source": material.source, **sentences, **closure(modules, find)}


def grading_files(material: Material) -> dict[str, Path]:
    """The files that a grade depends on, each with a name."""
    return {**release_files(material), **closure(_GRADES, find_module)}


def find_module(module: str, course: Course | None = None) -> Path | None:
    """The file of a module of the engine, or of a course; None for one of somebody else's."""
    top, *parts = module.split(".")
    places = [str(PACKAGE)] if top == PACKAGE.name else []
    if course is not None and any(p.split(".")[0] == top for p in course.packages):
        places.append(f"{course.root}/{top}")
    for place in places:
        file = "/".join([place, *parts])
        for path in (f"{file}/__init__.py", f"{file}.py"):
            if os.path.isfile(path):  # noqa: PTH113 - asked a thousand times at each start
                return Path(path)
    return None


def _hash_of(files: Mapping[str, Path], *settings: str) -> str:
    digest = hashlib.sha256(repr(settings).encode())
    for name, file in sorted(files.items()):
        digest.update(name.encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
