"""The pages of the problem sets as built: cells marked, downloads offered, Python from where told.

Each test builds a small book with two released notebooks, since what it asks differs from what the
course's own site is built with.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_runtime
import pytest

ROOT = Path(__file__).resolve().parents[2]
CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "exercise_pages"]
myst_enable_extensions = ["amsmath", "dollarmath"]
nb_execution_mode = "off"
root_doc = "index"
html_static_path = ["_static"]
suppress_warnings = ["myst"]
html_sourcelink_suffix = ""
html_baseurl = {address!r}
exercise_python = {python!r}
exercise_hub = {hub!r}
exercise_cache = {cache!r}
"""

Build = Callable[..., tuple[Path, str]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """``build(python="cdn", address="https://…")``: the site, and what the build said."""

    def make(
        python: str = "auto",
        address: str = "",
        cache: Path | None = None,
        fails: bool = False,
        course: str = "",
        hub: str = "",
    ) -> tuple[Path, str]:
        source = tmp_path / "source"
        exercises = source / "book" / "exercises"
        exercises.mkdir(parents=True)
        for name in ("ps01-sgd", "capstone-optimizer"):
            shutil.copy(ROOT / "book/exercises" / f"{name}.ipynb", exercises)
        (source / "index.md").write_text(
            "# Course\n\n```{toctree}\n:glob:\n\nbook/exercises/*\n```\n"
        )
        shutil.copytree(ROOT / "book/_static/exercises", source / "_static" / "exercises")
        (source / "_static" / "downloads").mkdir()
        (source / "_static" / "downloads" / "selfcheck-1-py3-none-any.whl").write_bytes(b"wheel")
        if course:
            for folder in ("solutions", "exercises", "reference"):
                (source / folder).mkdir()
            (source / "course.toml").write_text(course)
        settings = {
            "hub": hub,
            "ext": str(ROOT / "book/_ext"),
            "cache": str(cache or ROOT / ".make/page-runtime"),
        }
        (source / "conf.py").write_text(CONF.format(python=python, address=address, **settings))
        command = [sys.executable, "-m", "sphinx", "-b", "html"]
        done = subprocess.run(
            [*command, str(source), str(tmp_path / "site")],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
            if cache
            else None,
        )
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        assert (done.returncode != 0) == fails, said
        return tmp_path / "site", said

    return make


def page(site: Path, name: str = "ps01-sgd") -> str:
    return (site / "book" / "exercises" / f"{name}.html").read_text("utf-8")


def runtime(site: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((site / "_static/exercises/runtime.json").read_text("utf-8"))
    return found


def runs(text: str) -> bool:
    return "data-settings=" in text and "exercises/exercise.js" in text


def test_without_a_public_address_python_is_in_the_site(build: Build, fetched: None) -> None:
    site, _ = build()
    text = page(site)
    assert runs(text)
    told = runtime(site)
    place = site / "_static/exercises" / told["base"]
    for name in [*told["light"], *told["heavy"]]:
        assert (place / name).is_file()
    assert told["lock"]["packages"]["numpy"]["file_name"] in told["light"]
    assert (site / "_static/exercises" / told["wheel"].split("?")[0]).is_file()
    assert "colab" not in text.lower()
    assert "JupyterHub" not in text
    assert "/pyodide/" not in text


@pytest.mark.slow
def test_with_a_public_address_python_comes_from_the_one_pyodide_names(
    build: Build, fetched: None
) -> None:
    hub = "https://hub.example.org/hub/user-redirect/git-pull?repo=r&urlpath=lab/tree/r/NOTEBOOK"
    site, _ = build(course='title = "C"\nsite = "https://example.org/course/"\n', hub=hub)
    text = page(site)
    assert runs(text)
    version = page_runtime.pins()["python"]["version"]
    assert runtime(site)["base"] == f"https://cdn.jsdelivr.net/pyodide/v{version}/full/"
    assert not (site / "_static/vendor/python").exists()
    assert (site / "_static/vendor/editor/index.js").is_file()
    colab = re.search(r'href="(https://colab[^"]+)"', text)
    assert colab is not None
    assert html.unescape(colab[1]).endswith(
        "#fileId=https%3A%2F%2Fexample.org%2Fcourse%2F_sources%2Fbook%2Fexercises%2Fps01-sgd.ipynb"
    )
    assert (site / "_sources/book/exercises/ps01-sgd.ipynb").is_file()
    pulled = re.search(r'href="([^"]+)">Open on the JupyterHub<', text)
    assert pulled is not None
    assert html.unescape(pulled[1]) == hub.replace("NOTEBOOK", "ps01-sgd.ipynb")


@pytest.mark.slow
def test_one_setting_puts_python_into_a_published_site(build: Build, fetched: None) -> None:
    site, _ = build(python="self", address="https://example.org/course/")
    assert runtime(site)["base"] == "../vendor/python/"
    assert (site / "_static/vendor/python/pyodide.asm.wasm").is_file()


@pytest.mark.slow
def test_the_build_goes_on_without_it_and_says_what_is_missing(
    build: Build, tmp_path: Path
) -> None:
    site, said = build(cache=tmp_path / "empty")
    assert "exercises do not run on the pages" in said
    assert "nicegui" in said
    text = page(site)
    assert not runs(text)
    assert "built without the Python that runs in a browser" in text
    assert 'href="../../_static/downloads/ps01-sgd.zip"' in text
    assert not (site / "_static/exercises/runtime.json").exists()


@pytest.mark.slow
def test_the_capstone_says_why_it_does_not_run(build: Build, fetched: None) -> None:
    site, _ = build()
    text = page(site, "capstone-optimizer")
    assert not runs(text)
    assert "PyTorch does not run in a browser" in text
    assert 'href="../../_static/downloads/capstone-optimizer.zip"' in text
    assert 'href="../../_sources/book/exercises/capstone-optimizer.ipynb"' in text


def test_every_cell_is_marked_and_the_source_for_download_is_not(build: Build) -> None:
    site, _ = build(python="off")
    text = page(site)
    released = json.loads((ROOT / "book/exercises/ps01-sgd.ipynb").read_text("utf-8"))
    for cell in released["cells"]:
        if cell["cell_type"] == "code":
            (classes,) = re.findall(rf'class="(cell [^"]*\btag_cell-{cell["id"]}\b[^"]*)"', text)
            assert ("tag_locked" in classes) == (cell["id"].startswith("check-"))
    assert (
        '<div class="written" data-cell="written-batch_size_and_rate">YOUR ANSWER HERE</div>'
        in text
    )
    source = json.loads((site / "_sources/book/exercises/ps01-sgd.ipynb").read_text("utf-8"))
    assert source == released


def test_an_unknown_setting_is_refused(build: Build) -> None:
    _, said = build(python="somewhere", fails=True)
    assert "exercise_python is 'somewhere'; it may be auto, cdn, self, off" in said
