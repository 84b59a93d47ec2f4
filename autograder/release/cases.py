"""The public cases of a problem set, as they travel to students with the package ``selfcheck``."""

from __future__ import annotations

import shutil
from pathlib import Path

from autograder.course.course import Material
from autograder.definition import ProblemSetSpec
from autograder.definition.reference_process import ReferenceProcess, result_of
from autograder.layout import PACKAGE
from autograder.selfcheck.language import SHIPPED, table_file
from autograder.selfcheck.spec import dump

from .fingerprints import of_release

_PUBLIC_SEED = 0  # public cases are fixed; the seed makes the held-out ones


def write_cases(*materials: Material) -> list[Path]:
    """Write the public cases of problem sets for selfcheck, where they are not up to date.

    One process evaluates all, since to load torch takes longer than most evaluations.
    """
    due = [(each, now) for each in materials if (now := of_release(each)) != _written(each)]
    if due:
        with ReferenceProcess() as process:
            waiting = [process.submit(each, _PUBLIC_SEED, "cpu") for each, _ in due]
            for (material, now), future in zip(due, waiting, strict=True):
                text = public_cases(result_of(future).spec)
                material.cases.parent.mkdir(parents=True, exist_ok=True)
                material.cases.write_text(text, encoding="utf-8")
                _stamp(material).write_text(now)
    return [material.cases for material in materials]


def _written(material: Material) -> str | None:
    """The fingerprint of the version whose cases are there."""
    stamp = _stamp(material)
    return stamp.read_text() if material.cases.exists() and stamp.exists() else None


def _stamp(material: Material) -> Path:
    return material.cases.with_suffix(".fingerprint")


def public_cases(spec: ProblemSetSpec) -> str:
    """The public part of a spec as the JSON text that selfcheck reads."""
    return dump([exercise.public_part() for exercise in spec.exercises])


def copy_selfcheck(folder: Path, cases: list[Path], language: str) -> Path:
    """Put the package selfcheck, with these public cases, into a folder; it speaks ``language``."""
    target = folder / "selfcheck"
    shutil.rmtree(target, ignore_errors=True)
    (target / "cases").mkdir(parents=True)
    for file in sorted((PACKAGE / "selfcheck").glob("*.py")):
        shutil.copy(file, target / file.name)
    table = table_file(language)
    if table is not None:
        shutil.copy(table, target / SHIPPED.name)
    for file in cases:
        shutil.copy(file, target / "cases" / file.name)
    return target
