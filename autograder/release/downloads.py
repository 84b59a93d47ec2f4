"""What students download from the site: the selfcheck wheel, and a bundle per problem set.

A bundle is a zip file with the released notebook and the folder ``selfcheck`` beside it, for
machines on which nothing can be installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from autograder.paths import PACKAGE, RELEASED, UserError, problem_set_names

from .build import copy_selfcheck, fingerprint, write_cases

_EPOCH = "1767225600"  # 2026-01-01: the same content gives the same bytes


def build_downloads(folder: Path) -> list[Path]:
    """Write the wheel and the bundles into ``folder``, unless they are up to date."""
    names = problem_set_names()
    cases = [write_cases(name) for name in names]
    stamp = folder / ".fingerprint"
    released = [RELEASED / f"{name}.ipynb" for name in names]
    missing = [path.name for path in released if not path.exists()]
    if missing:
        raise UserError(
            f"book/exercises lacks {', '.join(missing)}; run: autograder release --publish"
        )
    parts = [*map(fingerprint, names), *(p.read_text("utf-8") for p in released)]
    now = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != now:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _wheel(folder)
        for notebook, file in zip(released, cases, strict=True):
            _bundle(folder / f"{notebook.stem}.zip", notebook, file)
        stamp.write_text(now, encoding="utf-8")
    return sorted(p for p in folder.iterdir() if p.suffix in (".whl", ".zip"))


def _wheel(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "selfcheck"
        shutil.copytree(PACKAGE / "selfcheck", source, ignore=shutil.ignore_patterns("__pycache__"))
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


def _bundle(path: Path, notebook: Path, cases: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch) / notebook.stem
        top.mkdir()
        shutil.copy(notebook, top)
        copy_selfcheck(top, [cases])
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for file in sorted(p for p in top.rglob("*") if p.is_file()):
                info = zipfile.ZipInfo(file.relative_to(scratch).as_posix(), (2026, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                bundle.writestr(info, file.read_bytes())
