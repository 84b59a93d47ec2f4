"""Read, execute and write the pages on all cores: Jupyter Book's command has no such option."""

from __future__ import annotations

import os

from sphinx.application import Sphinx

# It only sets section numbers when all pages have been read, and does not say that this is safe.
SILENT = "sphinx_multitoc_numbering"


def use_all_cores(app: Sphinx, *_: object) -> None:
    app.parallel = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    app.extensions[SILENT].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", use_all_cores)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
