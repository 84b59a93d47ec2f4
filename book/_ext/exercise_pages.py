"""Make the pages of the problem sets run: their cells, and what Python and the editor need.

A released notebook becomes a page whose cells the script ``_static/exercises/exercise.js`` knows by
their classes; a panel below its title has the downloads, and one sentence for where it cannot run.

Where Python comes from says ``exercise_python`` in ``_config.yml``:

``auto``  the address that Pyodide's documentation names where the site has a public address
          (``site`` in ``course.toml``, or else ``html: baseurl``), otherwise as ``self``
``cdn``   that address
``self``  this site: ``scripts/page_runtime.py`` fetches it, once
``off``   from nowhere: the pages offer the downloads

``exercise_hub`` is an nbgitpuller link to a JupyterHub, with NOTEBOOK where the notebook's name
belongs; without it there is no such link.

Where something cannot be fetched, the build goes on, says what is missing, and does as with
``off``. What is fetched but is not what it must be ends the build.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

import page_runtime  # noqa: E402 - after the path to it

FOLDER = "book/exercises/"
SOURCES = ("auto", "cdn", "self", "off")
COLAB = "https://colab.research.google.com/#fileId="

SOLVE = (
    "Solve it on this page: write the function, then press <em>Check</em> below it. The first "
    "press loads Python ({megabytes} MB). Your work stays in this browser; hand in the notebook "
    "that <em>Download .ipynb</em> gives you."
)
CANNOT = (
    "Python does not run here, for it needs a page from a web server (not a file) and a browser of "
    "2023 or later with scripts and workers allowed: download this problem set, and solve it in "
    "Jupyter."
)
TORCH = "PyTorch does not run in a browser: download this problem set, and solve it in Jupyter."
WITHOUT = (
    "This copy of the site was built without the Python that runs in a browser: download this "
    "problem set, and solve it in Jupyter."
)
_logger = logging.getLogger(__name__)


def is_problem_set(app: Sphinx, page: str) -> bool:
    """Whether a page is a released notebook."""
    return page.startswith(FOLDER) and (Path(app.srcdir) / f"{page}.ipynb").is_file()


# --- the cells ---


def mark_cells(app: Sphinx, page: str, source: list[str]) -> None:
    """Give each cell classes by which the script finds it, and written answers an element.

    Links are again those to the pages of this site, which a released notebook cannot have.
    """
    if is_problem_set(app, page):
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            _link(cell)
            if not uses_torch(notebook):
                _mark(cell)
        source[0] = json.dumps(notebook)


def _link(cell: dict[str, Any]) -> None:
    text = "".join(cell["source"])
    for shown, link in cell["metadata"].get("autograder", {}).get("links", {}).items():
        text = text.replace(shown, link)
    cell["source"] = text


def _mark(cell: dict[str, Any]) -> None:
    nbgrader = cell["metadata"].get("nbgrader", {})
    if cell["cell_type"] == "code":
        role = (
            "check" if nbgrader.get("grade") else "answer" if nbgrader.get("solution") else "code"
        )
        tags = [f"cell-{cell['id']}", f"role-{role}", *(["locked"] * nbgrader.get("locked", False))]
        cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), *tags]
    elif nbgrader.get("solution"):
        shown = escape("".join(cell["source"]))
        cell["source"] = f'<div class="written" data-cell="{escape(cell["id"])}">{shown}</div>\n'


def uses_torch(notebook: dict[str, Any]) -> bool:
    """Whether a notebook needs PyTorch, of which there is none for browsers."""
    return bool(notebook["metadata"].get("autograder", {}).get("torch"))


# --- the panel ---


def add_panel(app: Sphinx, page: str, _template: str, context: dict[str, Any], _: Any) -> None:
    if not is_problem_set(app, page):
        return
    notebook = json.loads((Path(app.srcdir) / f"{page}.ipynb").read_text("utf-8"))
    context["body"] = context["body"].replace(
        "</h1>", f"</h1>\n{panel(app, page, notebook, context)}", 1
    )
    app.add_css_file("exercises/exercise.css")
    if runs(app, notebook):
        app.add_js_file("exercises/exercise.js", type="module")


def runs(app: Sphinx, notebook: dict[str, Any]) -> bool:
    return app.exercise_python is not None and not uses_torch(notebook)  # type: ignore[attr-defined]


def panel(app: Sphinx, page: str, notebook: dict[str, Any], context: dict[str, Any]) -> str:
    """The section below the title of a problem set."""
    name = Path(page).name
    here = {
        "zip": context["pathto"](f"_static/downloads/{name}.zip", 1),
        "notebook": context["pathto"](f"_sources/{page}.ipynb", 1),
    }
    links = [
        f'<a download href="{escape(here["zip"])}">{name}.zip</a>, the notebook and what checks it',
        f'<a download href="{escape(here["notebook"])}">{name}.ipynb</a>',
    ]
    if app.config.html_baseurl:
        address = f"{app.config.html_baseurl.rstrip('/')}/_sources/{page}.ipynb"
        links.append(f'<a href="{escape(COLAB + quote(address, safe=""))}">Open in Colab</a>')
    if app.config.exercise_hub:
        address = app.config.exercise_hub.replace("NOTEBOOK", quote(f"{name}.ipynb", safe=""))
        links.append(f'<a href="{escape(address)}">Open on the JupyterHub</a>')
    settings = ""
    if uses_torch(notebook):
        words = f"<p>{TORCH}</p>"
    elif not runs(app, notebook):
        words = f"<p>{WITHOUT}</p>"
    else:
        settings = f' data-settings="{escape(json.dumps({"name": name, **here}))}"'
        megabytes = round(sum(_light().values()) / 1e6)
        words = (
            f'<p class="live-lead">{SOLVE.format(megabytes=megabytes)}</p>'
            f'<p class="live-cannot">{CANNOT}</p><div class="live-buttons"></div>'
        )
    return (
        f'<section class="live" aria-label="Solve this problem set"{settings}>{words}'
        f'<p class="live-links">For Jupyter: {" · ".join(links)}</p></section>'
    )


# --- Python and the editor ---


def find_address(app: Sphinx, config: Config) -> None:
    """Take the site's address from the course, where its notebooks have it from, too."""
    from autograder.course.course import FILE, Course
    from autograder.course.errors import UserError

    if (Path(app.srcdir) / FILE).is_file():
        try:
            site = Course.read(Path(app.srcdir)).site
        except UserError as error:
            raise ExtensionError(str(error)) from None
        if site:
            config.html_baseurl = site


def find_python(app: Sphinx) -> None:
    """Decide where Python comes from, and fetch what that takes."""
    asked = app.config.exercise_python
    if asked not in SOURCES:
        raise ExtensionError(f"exercise_python is {asked!r}; it may be {', '.join(SOURCES)}")
    if asked == "auto":
        asked = "cdn" if app.config.html_baseurl else "self"
    app.exercise_python = None if asked == "off" else asked  # type: ignore[attr-defined]
    app.exercise_trouble = None  # type: ignore[attr-defined]
    try:
        for part in {"off": (), "cdn": ("editor",), "self": ("editor", "python")}[asked]:
            page_runtime.fetch(part, Path(app.config.exercise_cache))
    except page_runtime.RuntimeRefused as error:
        raise ExtensionError(str(error)) from None
    except (page_runtime.RuntimeMissing, OSError) as error:
        app.exercise_python = None  # type: ignore[attr-defined]
        app.exercise_trouble = str(error)  # type: ignore[attr-defined]


def ship(app: Sphinx, exception: Exception | None) -> None:
    """Put Python and the editor into the site, and tell the worker where they are."""
    if exception is not None or app.builder.format != "html":
        return
    if app.exercise_trouble:  # type: ignore[attr-defined]
        _logger.info(
            "exercises do not run on the pages of this site, which offer the downloads: %s. "
            "Build again with a package index at hand, or see: python scripts/page_runtime.py -h",
            app.exercise_trouble,  # type: ignore[attr-defined]
            color="yellow",
        )
    source = app.exercise_python  # type: ignore[attr-defined]
    if source is None:
        return
    static = Path(app.outdir) / "_static"
    cache = Path(app.config.exercise_cache)
    pins = page_runtime.pins()
    for part in ("editor", *(["python"] if source == "self" else [])):
        into = static / "vendor" / part
        into.mkdir(parents=True, exist_ok=True)
        for name in pins[part]["files"]:
            shutil.copy(page_runtime.folder(part, cache) / name, into / name)
    (wheel,) = (static / "downloads").glob("selfcheck-*.whl")
    # the version in the address keeps a browser from using the wheel of an earlier site
    version = hashlib.sha256(wheel.read_bytes()).hexdigest()[:16]
    light = _light()
    files = pins["python"]["files"]
    runtime = {
        "base": "../vendor/python/" if source == "self" else pins["python"]["address"],
        "wheel": f"../downloads/{wheel.name}?v={version}",
        "light": light,
        "heavy": {name: file["size"] for name, file in files.items() if name not in light},
        "lock": page_runtime.lock(),
    }
    (static / "exercises" / "runtime.json").write_text(json.dumps(runtime), "utf-8")


def _light() -> dict[str, int]:
    """The files that the first press loads, with their sizes: Python and NumPy."""
    python = page_runtime.pins()["python"]
    numpy = python["lock"]["packages"]["numpy"]["file_name"]
    return {name: python["files"][name]["size"] for name in [*python["core"], numpy]}


def setup(app: Sphinx) -> dict[str, object]:
    """Register with Sphinx."""
    app.add_config_value("exercise_python", "auto", "html", [str])
    app.add_config_value("exercise_hub", "", "html", [str])
    app.add_config_value("exercise_cache", str(page_runtime.CACHE), "", [str])
    app.connect("config-inited", find_address)
    app.connect("builder-inited", find_python)
    app.connect("source-read", mark_cells)
    app.connect("html-page-context", add_panel)
    app.connect("build-finished", ship)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
