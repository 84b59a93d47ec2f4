"""Sphinx extension: makes the students' downloads before a build, so that pages can link them.

They are written to ``book/_static/downloads``, which no one commits. Also lets this build and the
kernels of its pages import the package from the checkout, installed or not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

_ROOT = Path(__file__).resolve().parents[2]
_logger = logging.getLogger(__name__)


def _build(app: Sphinx) -> None:
    from autograder.course.course import Course
    from autograder.course.errors import UserError
    from autograder.release.downloads import build_downloads

    try:
        made = build_downloads(Course.read(_ROOT))
    except UserError as error:
        raise ExtensionError(str(error)) from None
    _logger.info("downloads for students: %s", ", ".join(path.name for path in made))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    sys.path.insert(0, str(_ROOT))
    path = [str(_ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    app.connect("builder-inited", _build)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
