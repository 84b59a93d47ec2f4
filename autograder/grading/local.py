"""Grading on this machine: a sandbox, and threads that keep its workers busy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.reading import Damaged, read_bytes
from autograder.layout import PACKAGE
from autograder.release.released import read_release
from autograder.results.result import Status
from autograder.sandbox.isolation import Surroundings, python_folders
from autograder.sandbox.pool import Pool, SandboxError, open_pool

from .executor import Graded, Job
from .handin import Handin
from .journal import JOURNAL
from .settings import DRAW, Settings


class Sandbox(NamedTuple):
    """An open sandbox, and why it is no stronger one."""

    pool: Pool
    weaker_because: Mapping[str, str]


def open_sandbox(
    settings: Settings,
    directory: CourseDirectory,
    libraries: frozenset[str],
    cases: Path | None = None,
) -> Sandbox:
    """A sandbox as the settings want it, in which there are these public cases.

    Raises UserError.
    """
    secrets = tuple(secret_folders(directory))
    drawn = settings.figures == DRAW
    language = directory.course.language
    around = Surroundings(settings.limits, secrets, cases, libraries, drawn, language)
    try:
        return Sandbox(*open_pool(settings.isolation, around))
    except SandboxError as error:
        raise UserError(str(error)) from None


def secret_folders(directory: CourseDirectory) -> list[Path]:
    """Folders that student code must not see: the package, the course, the course directory."""
    course, python = directory.course.root, python_folders()
    parts = [folder for folder in course.glob("*") if folder.is_dir()]  # none on other machines
    own = [each for each in parts if not any(place.is_relative_to(each) for place in python)]
    if any(directory.root.is_relative_to(each) for each in own):  # it is hidden with that
        return [PACKAGE, *own]
    return [PACKAGE, *own, directory.root]


class Opening:
    """A sandbox that opens beside other work. In a ``with`` block: if nobody took it, it closes."""

    def __init__(
        self, assignment: Assignment, settings: Settings, *, everything: bool = False
    ) -> None:
        self._for = settings.isolation, settings.limits, settings.figures
        self._future: Future[Sandbox] | None = None
        # a course directory that is made later than the sandbox would not be hidden from hand-ins
        cases = assignment.material.cases
        there = assignment.release.exists() and cases.exists()
        if settings.scheduler is None and there and (everything or _seems_due(assignment)):

            def work() -> Sandbox:
                libraries = read_release(assignment.release).libraries
                return open_sandbox(settings, assignment.directory, libraries, cases)

            thread = ThreadPoolExecutor(1, thread_name_prefix="opening")
            self._future = thread.submit(work)
            thread.shutdown(wait=False)  # it ends with what it does

    def __enter__(self) -> Opening:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(UserError):
            future, self._future = self._future, None
            if future is not None:
                future.result().pool.close()

    def take(self, settings: Settings) -> Sandbox | None:
        """The sandbox, which is the taker's to close; None if there is none for these settings.

        Raises UserError if it cannot be opened.
        """
        if self._for != (settings.isolation, settings.limits, settings.figures):
            return None
        future, self._future = self._future, None
        return None if future is None else future.result()


def _seems_due(assignment: Assignment) -> bool:
    """Whether there is something to grade, as far as the times of files tell.

    Wrong, it costs time only: a sandbox is opened in vain, or not before it is needed.
    """
    try:
        graded = assignment.results.stat().st_mtime_ns
        places = [assignment.submitted(student) for student in assignment.students()]
        newest = [path.stat().st_ctime_ns for place in places for path in (place, place.parent)]
        return max(newest) > graded or (assignment.reports / JOURNAL).exists()
    except (OSError, UserError):  # nothing was graded, or a hand-in has another name
        return True


class LocalExecutor:
    """Grades in the workers of a sandbox, which is its own to close."""

    is_here = True

    def __init__(self, sandbox: Sandbox, workers: int) -> None:
        self.pool, self.weaker_because = sandbox
        self.level = self.pool.level.name
        self._workers = workers

    def run(self, job: Job, handins: Iterable[Handin]) -> Iterator[Graded]:
        """As :meth:`.executor.Executor.run` has it.

        What has lost points to time beside others is graded once more at the end, alone.
        """

        def work(handin: Handin) -> Graded:
            try:
                data = read_bytes(handin.path)
            except Damaged as damaged:
                return job.leave(handin, Status.DAMAGED, str(damaged))
            return job.do(handin, data, self.pool)

        with ThreadPoolExecutor(self._workers) as threads:
            running: dict[Future[Graded], Handin] = {}
            late: list[Handin] = []
            taken = 0

            def done(most: int) -> Iterator[Graded]:
                """What is done, when no more than ``most`` are running."""
                while len(running) > most:
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        handin, graded = running.pop(future), future.result()
                        if self._workers > 1 and taken > 1 and graded.result.lost_to_time:
                            late.append(handin)
                        else:
                            yield graded

            try:
                for taken, handin in enumerate(handins, start=1):  # noqa: B007
                    running[threads.submit(work, handin)] = handin
                    yield from done(2 * self._workers - 1)
                yield from done(0)
                for handin in late:
                    running[threads.submit(work, handin)] = handin
                    yield wait(running).done.pop().result()
                    running.clear()
            except BaseException as error:
                for future in running:
                    future.cancel()
                if isinstance(error, KeyboardInterrupt):
                    self.pool.close()  # ends what is running: nobody waits for it any more
                raise

    def close(self) -> None:
        """End the sandbox."""
        self.pool.close()
