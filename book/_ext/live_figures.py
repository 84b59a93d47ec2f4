"""Load each live figure's script on those pages that hold the figure, and on no other.

A page holds ``<figure data-figure="NAME">`` where ``course_style.live`` wrote it; its module is
``_static/figures/NAME.js``. A NAME without a module is a warning, which fails the build. The site
gets the modules without comments and indentation, which are a fifth of their size.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

logger = logging.getLogger(__name__)

MODULES = Path(__file__).resolve().parent.parent / "_static" / "figures"
SHARED = ("core", "styles")  # imported by figures, no figures themselves


def _load(app: Sphinx, page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    names = sorted(
        set(re.findall(r'<figure\b[^>]*\bdata-figure="([^"]*)"', context.get("body", "")))
    )
    if names:
        app.add_css_file("figures/core.css")
    for name in names:
        if (
            name in SHARED
            or not re.fullmatch(r"[a-z0-9-]+", name)
            or not (MODULES / f"{name}.js").is_file()
        ):
            logger.warning(
                "live figure %r: there is no module book/_static/figures/%s.js",
                name,
                name,
                location=page,
            )
        else:
            app.add_js_file(f"figures/{name}.js", type="module")


def squeeze(source: str) -> str:
    """Take comments and indentation from a script.

    A template literal over several lines would lose its spaces: such a script stays as it is.
    """
    if any(line.count("`") % 2 for line in source.splitlines()):
        return source
    code = re.sub(r"^ */\*.*?\*/\n", "", source, flags=re.MULTILINE | re.DOTALL)
    code = re.sub(r"^ *//.*\n", "", code, flags=re.MULTILINE)
    code = re.sub(r" // [^\"'`\n]*$", "", code, flags=re.MULTILINE)  # in a string a quote follows
    return re.sub(r"^\s+", "", code, flags=re.MULTILINE)


def _squeeze_all(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        static = Path(app.outdir) / "_static"
        for script in (*static.glob("figures/*.js"), *static.glob("optimizer-*.js")):
            script.write_text(squeeze(script.read_text("utf-8")), "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Watch every page. The folder ``_static`` must be in ``html_static_path``."""
    app.connect("html-page-context", _load)
    app.connect("build-finished", _squeeze_all)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
