"""Run the book's code again when something it imports has changed.

The execution cache knows a page by the code in its cells. It cannot know that a reference
implementation or a helper module changed, and would go on showing results of the old one. This
extension remembers a digest of those files beside the cache; when the digest differs, the cache is
dropped and every page is read anew.
"""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

IMPORTED = (
    "book/*.py",
    "book/data/*",
    "book/_static/figures/styles.js",
    "book/exercises/*.ipynb",
    "autograder/reference/*.py",
)
RECORD = "imported.sha256"


def digest(root: Path) -> str:
    """Return one digest of all the files that pages import or read."""
    total = hashlib.sha256()
    for pattern in IMPORTED:
        for path in sorted(root.glob(pattern)):
            total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def made_folder(app: Sphinx) -> Path:
    return Path(app.outdir).parent


def drop_stale_results(app: Sphinx, config: Config) -> None:
    record = made_folder(app) / RECORD
    before = record.read_text() if record.exists() else None
    app.results_are_stale = before != digest(Path(app.srcdir))  # type: ignore[attr-defined]
    if before is not None and app.results_are_stale:  # type: ignore[attr-defined]
        cache = config.nb_execution_cache_path or made_folder(app) / ".jupyter_cache"
        shutil.rmtree(cache, ignore_errors=True)


def remember(app: Sphinx, exception: Exception | None) -> None:
    """Record the digest only after a complete build: a broken one is read anew next time."""
    if exception is None:
        (made_folder(app) / RECORD).write_text(digest(Path(app.srcdir)))


def reread_all(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> Iterable[str]:
    return env.found_docs if app.results_are_stale else ()  # type: ignore[attr-defined]


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("config-inited", drop_stale_results, priority=100)
    app.connect("env-get-outdated", reread_all)
    app.connect("build-finished", remember)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
