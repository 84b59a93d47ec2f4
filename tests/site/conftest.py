"""What the tests of the site share: the built site, a browser, and the figures' modules in Node.

The site is built once a session into .make/test-site, with the execution cache kept there: the
first run executes the pages, later runs only what changed. Where slow tests are left out, it is a
small one, in .make/test-site-small: small_book.py says what it has, and `of_pages` marks what is
asked of other pages as slow. COURSE_SITE=FOLDER tests a site that was built already, for example
_build/html.

For a live figure (see tests/site/test_live_figures.py for both in use):

    node("momentum-modes", "factor", 0.9, 0.5)       # an exported function of figures/NAME.js
    with figure_page("momentum-modes", {"mu": 0.9}, theme="dark", width=390) as page: ...
"""

from __future__ import annotations

import contextlib
import fcntl
import html
import itertools
import json
import math
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import page_runtime
import pytest
import torch
import yaml
from live_figures import squeeze

from autograder.bench.serving import serve

# The book computes in double precision throughout, from this import on; other tests must not.
_DEFAULT = torch.get_default_dtype()
import experiments  # noqa: E402, F401

torch.set_default_dtype(_DEFAULT)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "book" / "_static"
MADE = ROOT / ".make"


def copy_served(folder: Path, module: Path | None = None) -> None:
    """Copy the static files, and a module of a figure, with scripts as the site serves them."""
    shutil.copytree(STATIC, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("downloads"))
    if module is not None:
        shutil.copy(module, folder / "figures")
    for script in (*folder.glob("figures/*.js"), *folder.glob("*.js")):
        script.write_text(squeeze(script.read_text("utf-8")), "utf-8")


@pytest.fixture
def double_precision() -> Iterator[None]:
    """Computes as the book does."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(_DEFAULT)


@pytest.fixture(scope="session")
def site(whole: bool) -> Path:
    """The built site, without a warning; built once, if several processes test it."""
    given = os.environ.get("COURSE_SITE")
    if given:
        return Path(given).resolve()
    made = MADE / ("test-site" if whole else "test-site-small")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"process {os.getpid()}")
    made.mkdir(parents=True, exist_ok=True)
    with (made / "built-in").open("a+") as built:
        fcntl.flock(built, fcntl.LOCK_EX)
        built.seek(0)
        if built.read() != run:
            _build(made, ROOT / "_config.yml" if whole else _small(made / "_config.yml"))
            built.truncate(0)
            built.write(run)
    return made / "_build" / "html"


def _small(path: Path) -> Path:
    """Write the settings of the small site, which are the book's and one extension more."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    sphinx = config["sphinx"]
    folders = {name: str(ROOT / folder) for name, folder in sphinx["local_extensions"].items()}
    sphinx["local_extensions"] = folders | {"small_book": str(Path(__file__).parent)}
    sphinx["config"]["extensions"].append("small_book")
    path.write_text(yaml.safe_dump(config), "utf-8")
    return path


def _build(folder: Path, config: Path) -> None:
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [str(tool), "build", str(ROOT), "--path-output", str(folder), "--all"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        [*command, "--config", str(config)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    log = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    warnings = [line for line in log.splitlines() if re.search(r"\b(WARNING|ERROR):", line)]
    assert not warnings, "the build warned:\n" + "\n".join(warnings)
    assert done.returncode == 0, f"the build failed:\n{log[-4000:]}"


@pytest.fixture(scope="session")
def fetched() -> None:
    """Python and the editor for the exercise pages are in the cache; skips where they cannot be."""
    for part in page_runtime.PARTS:
        try:
            page_runtime.fetch(part)
        except page_runtime.RuntimeRefused:
            raise
        except page_runtime.RuntimeMissing as error:
            pytest.skip(f"the exercises cannot run on their pages: {error}")


@pytest.fixture(scope="session")
def live_site(fetched: None, site: Path) -> Path:
    """The built site with Python and the editor in it, by which its exercises run."""
    assert (site / "_static" / "exercises" / "runtime.json").exists(), "build the site anew"
    return site


@pytest.fixture(scope="session", name="serve")
def serve_fixture() -> Callable[[Path], contextlib.AbstractContextManager[str]]:
    """Serves a folder: ``with serve(folder) as address``."""
    return serve


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the built site is served."""
    with serve(site) as url:
        yield url


Visit = Callable[..., contextlib.AbstractContextManager["Page"]]


@pytest.fixture(scope="session")
def visit(browser: Browser) -> Visit:
    """``with visit(url, theme="dark", width=390) as page``, in a context of its own.

    The test fails on any request outside that server, any script error, and any word on the
    console but the theme's notes on its own doings. Further options go to
    ``Browser.new_context``, for example ``reduced_motion="reduce"``. A width below 500 is a phone
    with a touch screen.
    """

    @contextlib.contextmanager
    def open_page(
        url: str, theme: str = "light", width: int = 1280, **options: Any
    ) -> Iterator[Page]:
        phone = {"has_touch": True, "device_scale_factor": 2} if width < 500 else {}
        options = {"viewport": {"width": width, "height": 900}, "color_scheme": theme} | options
        context = browser.new_context(**phone, **options)
        context.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        )
        troubles: list[str] = []
        home = re.match(r"http://[^/]*/", url)
        assert home is not None

        def gate(route: Any) -> None:
            if route.request.url.startswith((home[0], "data:", "blob:")):
                route.continue_()
            else:
                troubles.append(f"outside request: {route.request.url}")
                route.abort()

        context.route("**/*", gate)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"script error: {error}"))

        def listen(said: Any) -> None:
            if not said.text.startswith(("[PST]: ", "[togglebutton]")):
                troubles.append(f"console: {said.text}")

        page.on("console", listen)
        page.goto(url)
        try:
            yield page
            assert not troubles, "\n".join(troubles)
        finally:
            context.close()

    return open_page


AXE = """async () => (await axe.run(document, {resultTypes: ["violations"], preload: false}))
  .violations.filter(({impact}) => impact === "serious" || impact === "critical")
  .flatMap(({id, nodes}) => nodes.map(({html}) => `${id}: ${html.slice(0, 160)}`))"""


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """``axe(page)``: what axe-core finds serious or critical on a page, as it is now."""
    base = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")
    script = Path(base.__file__).with_name("axe.min.js").read_text("utf-8")

    def find(page: Page) -> list[str]:
        page.evaluate(script)
        found: list[str] = page.evaluate(AXE)
        return found

    return find


PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{name}</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="_static/course.css">
<link rel="stylesheet" href="_static/figures/core.css">
<style>:root {{ --pst-color-primary: #176de8; }}
body {{ font: 16px system-ui, sans-serif; margin: 1rem; }}
[data-theme=dark] {{ --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
--pst-color-border: #48566b; --pst-color-background: #14181e; --pst-color-primary: #6cb6ff; }}
[data-theme=dark] body {{ background: #14181e; color: #ced6dd; }}</style></head><body>
<figure class="course-figure live-figure" data-figure="{name}" data-settings="{settings}">
<div class="course-panels"><div class="course-panel"><svg role="img" aria-label="static picture"
viewBox="0 0 40 20"><text x="2" y="12" font-size="4">static</text></svg></div></div>
<figcaption>Caption.</figcaption></figure>
<script type="module" src="_static/figures/{name}.js"></script></body></html>
"""


@pytest.fixture
def figure_page(visit: Visit, tmp_path: Path) -> Visit:
    """``with figure_page(NAME, settings, theme=…, width=…) as page``: one live figure by itself.

    Needs no build of the book. ``module`` is a file NAME.js that does not lie in figures/.
    """

    @contextlib.contextmanager
    def open_page(
        name: str,
        settings: dict[str, Any],
        *,
        module: Path | None = None,
        theme: str = "light",
        **options: Any,
    ) -> Iterator[Page]:
        folder = tmp_path / f"page-{len(list(tmp_path.iterdir()))}"
        copy_served(folder / "_static", module)
        given = html.escape(json.dumps(settings))
        (folder / "index.html").write_text(
            PAGE.format(name=name, theme=theme, settings=given), "utf-8"
        )
        with serve(folder) as url, visit(url, theme=theme, **options) as page:
            page.wait_for_selector("figure.lf-on")
            yield page

    return open_page


# JSON has no NaN and no infinity: they travel as {"$": "NaN"}.
RUN = """
import {createInterface} from "node:readline";
const revive = (key, z) => (z && typeof z === "object" && "$" in z ? Number(z.$) : z);
for await (const line of createInterface({input: process.stdin})) {
  const reply = {};
  try {
    const {module, name, args} = JSON.parse(line, revive);
    const found = (await import(module))[name];
    if (found === undefined) throw new Error(`${module} exports no ${name}`);
    reply.result = (typeof found === "function" ? found(...args) : found) ?? null;
  } catch (error) {
    reply.error = String(error?.stack ?? error);
  }
  console.log(JSON.stringify(reply, (key, z) =>
    typeof z === "number" && !Number.isFinite(z) ? {$: String(z)}
      : ArrayBuffer.isView(z) ? Array.from(z) : z));
}
"""
ANSWER_WITHIN = 60  # seconds


def _pack(z: Any) -> Any:
    if isinstance(z, float) and not math.isfinite(z):
        return {"$": "NaN" if math.isnan(z) else "Infinity" if z > 0 else "-Infinity"}
    if isinstance(z, dict):
        return {key: _pack(value) for key, value in z.items()}
    if isinstance(z, list | tuple):
        return [_pack(value) for value in z]
    return z.tolist() if hasattr(z, "tolist") else z


def _unpack(z: dict[str, Any]) -> Any:
    return float(z["$"]) if set(z) == {"$"} else z


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """``node(module, function, *args)``: the result of an exported function (or an export itself).

    ``module`` is the NAME of figures/NAME.js or the path of a module file. Arguments may hold
    tensors and arrays. One process answers all, so a module keeps its state between calls.
    """
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed: the figures' modules cannot run outside a browser")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module"}')  # else .js means CommonJS
    (folder / "run.mjs").write_text(RUN)
    copy_served(folder)
    started = subprocess.Popen(
        [program, str(folder / "run.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdin is not None and started.stdout is not None
    numbers = itertools.count()

    def call(module: str | Path, name: str, *args: Any) -> Any:
        if isinstance(module, str):
            module = STATIC / "figures" / f"{module}.js"
        if STATIC in module.parents:
            address = (folder / module.relative_to(STATIC)).as_uri()
        else:  # copied and imported anew: several tests may write modules of one name
            copy = folder / "figures" / module.name
            copy.write_text(squeeze(module.read_text("utf-8")), "utf-8")
            address = f"{copy.as_uri()}?{next(numbers)}"
        job = json.dumps({"module": address, "name": name, "args": _pack(list(args))})
        started.stdin.write(job.encode() + b"\n")
        started.stdin.flush()
        if not select.select([started.stdout], [], [], ANSWER_WITHIN)[0]:
            started.kill()
            pytest.fail(f"{name} of {module.name} does not end")
        reply = json.loads(started.stdout.readline(), object_hook=_unpack)
        assert "error" not in reply, reply["error"]
        return reply["result"]

    yield call
    started.stdin.close()
    started.wait(timeout=ANSWER_WITHIN)
