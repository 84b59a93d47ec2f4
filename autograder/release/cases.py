"""The public cases of a problem set, as they travel to students with the package ``selfcheck``."""

from __future__ import annotations

import shutil
from pathlib import Path

from autograder.course.course import Material
from autograder.definition import ProblemSetSpec
from autograder.definition.reference_process import evaluate_apart
from autograder.layout import PACKAGE
from autograder.selfcheck.language import SHIPPED, table_file
from autograder.selfcheck.spec import dump

from .fingerprints import of_release

_PUBLIC_SEED = 0  # public cases are fixed; the seed makes the held-out ones


def write_cases(material: Material) -> Path:
    """Write the public cases of a problem set for selfcheck, if they are not up to date."""
    stamp = material.cases.with_suffix(".fingerprint")
    now = of_release(material)
    if not material.cases.exists() or not stamp.exists() or stamp.read_text() != now:
        spec = evaluate_apart(material, _PUBLIC_SEED, "cpu").spec
        material.cases.parent.mkdir(parents=True, exist_ok=True)
        material.cases.write_text(public_cases(spec), encoding="utf-8")
        stamp.write_text(now)
    return material.cases


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
