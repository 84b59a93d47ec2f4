"""What the tests share: a released course, open grading sessions, and writing hand-ins."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autograder.course import problem_set_names
from autograder.course.directory import CourseDirectory
from autograder.grading.handin import Handin
from autograder.grading.sample import instructor_answers, released_notebook, with_answers
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.release.build import release
from autograder.release.cases import write_cases

if TYPE_CHECKING:
    from playwright.sync_api import Browser

QUICK = TimeLimits(cell=3, call=2, notebook=20)
SEED = 20260

Notebook = dict[str, Any]


# What takes longest, to be begun first: else one process works on at the end, and the others wait.
FIRST = (
    "tests/site/test_looks.py",  # waits for the site, which takes all cores for minutes
    "tests/nbgrader/test_stock_commands.py",
    "tests/hostile/test_hostile.py",
    "tests/site/test_exercises_in_browser.py",
    "tests/site/test_site.py",
    "tests/exercises/test_every_problem_set.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take longest, each with its tests in order."""
    root = Path(__file__).parents[1]
    rank = {root / file: number for number, file in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give the tests of a file to one process, for they share what took long to make.

    So do those of ``hostile``, which look for what attacks leave behind.
    """
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # it would begin with the files of most tests

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "hostile" if file.startswith("tests/hostile/") else file

    return ByFile(config, log)


@pytest.fixture(scope="session")
def whole(pytestconfig: pytest.Config) -> bool:
    """Whether slow tests are run, too: what is made for all of them must be whole then."""
    return "not slow" not in pytestconfig.option.markexpr


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    """A course directory with all problem sets released, and nothing handed in.

    Where several processes test, the first one releases, and each has a copy of its own.
    """
    mine = tmp_path_factory.mktemp("course")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _released(mine)
    shared = tmp_path_factory.getbasetemp().parent / "released"  # of this run's processes
    with shared.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            _released(shared.with_suffix(".made")).root.rename(shared)
    shutil.copytree(shared, mine, dirs_exist_ok=True)
    return CourseDirectory.at(mine)


def _released(root: Path) -> CourseDirectory:
    root.mkdir(exist_ok=True)
    made = CourseDirectory.at(root)
    assignments = [made.assignment(name) for name in problem_set_names()]
    write_cases(*(each.material for each in assignments))
    for assignment in assignments:
        release(assignment)
    return made


@pytest.fixture(scope="session")
def quick_settings() -> Settings:
    """Settings with short time limits and a fixed seed."""
    return Settings(device="cpu", isolation="auto", seed=SEED, workers=3, time=QUICK)


@pytest.fixture(scope="session")
def session_of(
    course: CourseDirectory, quick_settings: Settings
) -> Iterator[Callable[[str], Session]]:
    """An open grading session of a problem set, by its name."""
    opened: dict[str, Session] = {}

    def session(name: str) -> Session:
        if name not in opened:
            opened[name] = Session(course.assignment(name), quick_settings)
        return opened[name]

    yield session
    for each in opened.values():
        each.close()


@pytest.fixture(scope="session")
def ps01(session_of: Callable[[str], Session]) -> Session:
    """An open grading session of problem set 1."""
    return session_of("ps01-sgd")


@cache
def _right(problem_set: str) -> dict[str, str]:
    return instructor_answers(problem_set)


@pytest.fixture(scope="session")
def right_answers() -> Callable[[str], dict[str, str]]:
    """The instructor's answers to a problem set: exercise -> source of its cell."""
    return lambda problem_set: dict(_right(problem_set))


@pytest.fixture(scope="session")
def right_notebook(course: CourseDirectory) -> Callable[..., Notebook]:
    """A hand-in with the instructor's answers; further arguments replace some of them."""

    def make(problem_set: str, answers: Mapping[str, str] | None = None) -> Notebook:
        released = released_notebook(course.assignment(problem_set))
        return with_answers(released, {**_right(problem_set), **(answers or {})})

    return make


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[Notebook | bytes], Path]:
    """Writes a hand-in, given as a notebook or as bytes, and returns its path."""

    def write(content: Notebook | bytes) -> Path:
        path = tmp_path / f"hand-in-{len(list(tmp_path.iterdir()))}.ipynb"
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def grade_notebook(ps01: Session, hand_in: Callable[..., Path]) -> Callable[..., Any]:
    """Grades a hand-in to problem set 1."""
    return lambda content: ps01.grade(Handin("student", hand_in(content))).result


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once: no process can have two of Playwright's sessions."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()
