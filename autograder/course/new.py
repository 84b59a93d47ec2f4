"""A course to start from."""

from __future__ import annotations

import shutil
from pathlib import Path

from autograder.layout import PACKAGE

from .course import Course
from .errors import UserError

_TEMPLATE = PACKAGE / "template"


def make_course(folder: Path) -> Course:
    """Copy the template of a course into a folder that is new or empty. Raises UserError."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there already; name a new folder, or an empty one")
        shutil.copytree(
            _TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
        (folder / "gitignore").rename(folder / ".gitignore")
    except OSError as error:
        raise UserError(f"cannot make a course in {folder}: {error.strerror or error}") from None
    return Course.read(folder)
