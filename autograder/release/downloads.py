"""What students download from the site: the selfcheck wheel, and a bundle per problem set.

A bundle is a zip file with the released notebook and the folder ``selfcheck`` beside it, for
machines on which nothing can be installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from autograder.course.course import Course, Material
from autograder.course.errors import UserError
from autograder.definition import load_problem_set
from autograder.layout import PACKAGE

from .cases import copy_selfcheck, write_cases
from .fingerprints import of_release

_EPOCH = "1767225600"  # 2026-01-01: the same content gives the same bytes
_DESCRIPTION = '"Check the exercises of a course at your own desk"'  # in selfcheck/pyproject.toml


def build_downloads(course: Course) -> list[Path]:
    """Write the wheel and the bundles into the course's downloads, unless they are up to date."""
    folder = course.root / course.downloads
    materials = [course.material(name) for name in course.problem_sets()]
    published = [each for each in materials if each.notebook.exists()]
    missing = [
        each.notebook.name
        for each in materials
        # what has variants is no one notebook, so there is nothing to download
        if each not in published and not load_problem_set(each).constants
    ]
    if missing:
        raise UserError(
            f"{course.notebooks} lacks {', '.join(missing)}; run: autograder release --publish"
        )
    stamp = folder / ".fingerprint"
    parts = [course.title, course.site, *map(of_release, materials)]
    parts += [each.notebook.read_text(encoding="utf-8") for each in published]
    now = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != now:
        cases = write_cases(*materials)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _wheel(folder, course, cases)
        for each in published:
            _bundle(folder / f"{each}.zip", each)
        stamp.write_text(now, encoding="utf-8")
    return sorted(p for p in folder.iterdir() if p.suffix in (".whl", ".zip"))


def _wheel(folder: Path, course: Course, cases: list[Path]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = copy_selfcheck(Path(scratch), cases, course.language)
        settings = (PACKAGE / "selfcheck" / "pyproject.toml").read_text(encoding="utf-8")
        if course.site:
            settings += f"\n[project.urls]\nHomepage = {json.dumps(course.site)}\n"
        described = f"Check the exercises of the course {course.title} at your own desk"
        settings = settings.replace(_DESCRIPTION, json.dumps(described, ensure_ascii=False))
        (source / "pyproject.toml").write_text(settings, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder.resolve()],
            cwd=source,
            env={**os.environ, "SOURCE_DATE_EPOCH": _EPOCH},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise UserError(f"the selfcheck wheel could not be built:\n{done.stderr.strip()}")


def _bundle(path: Path, material: Material) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch) / material.name
        top.mkdir()
        shutil.copy(material.notebook, top)
        copy_selfcheck(top, [material.cases], material.course.language)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for file in sorted(p for p in top.rglob("*") if p.is_file()):
                info = zipfile.ZipInfo(file.relative_to(scratch).as_posix(), (2026, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                bundle.writestr(info, file.read_bytes())
