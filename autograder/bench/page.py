"""How long a student waits on an exercise page: for the first result, on later visits, for a check.

Chromium opens the built site over loopback, presses *Check*, and waits for the result to stand on
the page. All outside requests fail. For a site that takes Python from elsewhere there is nothing
to measure here.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from autograder.course.errors import UserError
from autograder.definition.ids import check_id
from autograder.grading.sample import instructor_answers
from autograder.grading.settings import usable_cores

from .serving import serve
from .speed import Figure

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PROBLEM_SET, EXERCISE = "ps01-sgd", "sgd_step"
COLD, LATER, AGAIN = 7.0, 4.0, 0.150  # seconds: the goals on two idle cores
CHECKS = 20  # in each visit
_PATIENCE = 180_000  # milliseconds

# Presses the button, and resolves with the milliseconds until the result is there.
_CHECK = """(name) => new Promise((done) => {
  const cell = document.querySelector(`.live-cell[data-id="${name}"]`);
  const start = performance.now();
  const rest = document.querySelector(".live-stop");
  new MutationObserver((_, watch) => {
    if (!rest.disabled) return;
    watch.disconnect();
    done([performance.now() - start, cell.querySelector(".live-out").textContent]);
  }).observe(rest, {attributes: true});
  cell.querySelector(".live-run").click();
})"""


@dataclass(frozen=True)
class Wait:
    """How long a result took: on the clock, and in CPU time, which other programs change little."""

    seconds: float
    cpu_seconds: float


Open = Callable[[Path], AbstractContextManager["BrowserContext"]]


def run_page(site: Path, visits: int, say: Callable[[str], None]) -> Iterator[Figure]:
    """Measure the pages of a built site; raises UserError where that cannot be."""
    runtime = site / "_static" / "exercises" / "runtime.json"
    if not runtime.is_file():
        raise UserError(
            f"{site} is no built site whose exercises run on their pages: build it by make site"
        )
    if "://" in json.loads(runtime.read_text("utf-8"))["base"]:
        raise UserError(
            f"{site} takes Python from elsewhere: build it with `exercise_python: self` "
            "in _config.yml"
        )
    with _browser() as browser, serve(site) as address:
        cold: list[Wait] = []
        later: list[Wait] = []
        again: list[Wait] = []
        for number in range(1, visits + 1):
            say(f"visit {number} of {visits}")
            with tempfile.TemporaryDirectory() as profile:
                cold.append(_visit(browser, address, Path(profile))[0])
                first, checks = _visit(browser, address, Path(profile))
                later.append(first)
                again += checks
    yield _figure("first result on a first visit", cold, COLD)
    yield _figure("first result on a later visit", later, LATER)
    yield _figure("a check when Python runs", again, AGAIN)


def _figure(what: str, waits: Sequence[Wait], goal: float) -> Figure:
    times = [wait.seconds for wait in waits]
    raw = (
        f"median of {len(times)}, {min(times):.2f} to {max(times):.2f} s; "
        f"CPU time of the browser {median(wait.cpu_seconds for wait in waits):.2f} s; "
        f"{usable_cores()} cores"
    )
    return Figure(what, f"{median(times):.2f} s", f"at most {goal:g} s", median(times) <= goal, raw)


def _visit(browser: Open, address: str, profile: Path) -> tuple[Wait, list[Wait]]:
    """The wait for the first result, and for each further one, with a browser's profile."""
    with browser(profile) as context:
        page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        right = instructor_answers(PROBLEM_SET)[EXERCISE]
        key = f"/ exercises {PROBLEM_SET} {EXERCISE}"
        page.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(right)})")
        page.goto(f"{address}book/exercises/{PROBLEM_SET}.html", wait_until="networkidle")
        page.wait_for_selector(".live-on")
        first = _check(page)
        return first, [_check(page) for _ in range(CHECKS)]


def _check(page: Page) -> Wait:
    before = _cpu_seconds()
    milliseconds, shown = page.evaluate(_CHECK, check_id(EXERCISE))
    if "pass on the public cases" not in shown:
        raise UserError(f"the page does not give the result of a check, but: {shown[:200]}")
    return Wait(float(milliseconds) / 1000, _cpu_seconds() - before)


def _cpu_seconds() -> float:
    """CPU time of the browser's processes until now."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # one that ends meanwhile
            times = process.cpu_times()
            total += times.user + times.system
    return total


@contextmanager
def _browser() -> Iterator[Open]:
    """Opens Chromium with a profile of its own, in which files stay between two visits."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise UserError("Chromium is not installed, and measuring pages needs it")
    from playwright.sync_api import sync_playwright  # as long to import as all else here

    with sync_playwright() as started:

        @contextmanager
        def open_with(profile: Path) -> Iterator[BrowserContext]:
            context = started.chromium.launch_persistent_context(
                profile,
                executable_path=program,
                # outside names do not exist; nothing is intercepted, which would cost time
                args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
            )
            try:
                yield context
            finally:
                context.close()

        yield open_with
