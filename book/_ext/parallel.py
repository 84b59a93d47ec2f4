"""Read, execute and write the pages on all cores: Jupyter Book's command has no such option."""

from __future__ import annotations

import os

from jupyter_cache import get_cache
from sphinx.application import Sphinx

# It only sets section numbers when all pages have been read, and does not say that this is safe.
SILENT = "sphinx_multitoc_numbering"


def use_all_cores(app: Sphinx, *_: object) -> None:
    app.parallel = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    app.extensions[SILENT].parallel_read_safe = True


def begin_cache(app: Sphinx) -> None:
    """Make the cache of executed pages before the processes that share it race to make it."""
    config = app.env.mystnb_config  # type: ignore[attr-defined]
    if config.execution_mode == "cache":
        _ = get_cache(config.execution_cache_path).db  # made on access


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("builder-inited", use_all_cores)
    app.connect("builder-inited", begin_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
