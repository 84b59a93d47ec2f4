"""Everything that grading a problem set needs, opened once: release, spec, sandbox."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from autograder import __version__
from autograder.definition.reference_process import Evaluation, ReferenceProcess, result_of
from autograder.paths import PACKAGE, ROOT, CourseDirectory, UserError
from autograder.reports.notebook import autograded_text
from autograder.reports.pages import feedback_page
from autograder.reports.tables import Run
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import FULL
from autograder.sandbox.pool import Pool, SandboxError, open_pool

from .evaluations import fresh_seed, keep, kept, kept_seed
from .grader import TimeLimits, grade_file
from .marking import Marking
from .plan import Release, read_release
from .results import Submission

_Result = TypeVar("_Result")
Handed = tuple[str, Path, str]  # student, file, fingerprint


@dataclass(frozen=True)
class Graded:
    """A graded hand-in as it is put on disk: ``submission`` is without the cells."""

    submission: Submission
    notebook: str
    feedback: str


def render(submission: Submission, release: Release, run: Run) -> Graded:
    """The autograded notebook and the feedback page of a graded hand-in."""
    return Graded(
        replace(submission, cells=()),
        autograded_text(submission, release),
        feedback_page(submission, run),
    )


@dataclass(frozen=True)
class Settings:
    """How to grade. ``workers`` None means all cores; ``seed`` None means a fresh one.

    ``scheduler`` is the address of a Dask cluster to grade on; None means this machine.
    """

    device: str = "auto"
    isolation: str = FULL.name
    workers: int | None = None
    seed: int | None = None
    time: TimeLimits = field(default_factory=TimeLimits)
    limits: Limits = field(default_factory=Limits)
    scheduler: str | None = None

    @property
    def worker_count(self) -> int:
        """How many hand-ins are graded at a time: as told, or one for each core."""
        return self.workers or usable_cores()


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


Sandbox = tuple[Pool, dict[str, str]]  # and why it is no stronger one


class Opening:
    """A sandbox that opens beside other work. In a ``with`` block: if nobody took it, it closes."""

    def __init__(self, problem_set: str, course: CourseDirectory, settings: Settings) -> None:
        self._for = settings.isolation, settings.limits
        self._future: Future[Sandbox] | None = None
        release = course.release(problem_set)
        # a course directory that is made later than the sandbox would not be hidden from hand-ins
        if settings.scheduler is None and release.exists():
            thread = ThreadPoolExecutor(1, thread_name_prefix="opening")
            self._future = thread.submit(
                lambda: open_sandbox(settings, course, read_release(release).libraries)
            )
            thread.shutdown(wait=False)  # it ends with what it does

    def __enter__(self) -> Opening:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(UserError):
            taken = self.take()
            if taken is not None:
                taken[0].close()

    def take(self, settings: Settings | None = None) -> Sandbox | None:
        """The sandbox, which is the taker's to close; None if there is none for these settings.

        Raises UserError if it cannot be opened.
        """
        if settings is not None and self._for != (settings.isolation, settings.limits):
            return None
        future, self._future = self._future, None
        return None if future is None else future.result()


class Session:
    """An open sandbox and the evaluated spec of one problem set. Use it in a ``with`` block.

    The sandbox starts while the reference is evaluated in its own process, or was ``opening``
    before. ``grades_here`` says that hand-ins are graded in this process.
    """

    grades_here = True

    def __init__(
        self,
        problem_set: str,
        course: CourseDirectory,
        settings: Settings,
        opening: Opening | None = None,
    ) -> None:
        self.problem_set = problem_set
        self.course = course
        self.settings = settings
        self.seed = settings.seed if settings.seed is not None else self._first_seed()
        self.release: Release = read_release(course.release(problem_set))
        self._evaluation = kept(course, problem_set, self.seed, settings.device)
        self._reference: ReferenceProcess | None = None
        if self._evaluation is None:
            self._reference = ReferenceProcess()
            self._future = self._reference.submit(problem_set, self.seed, settings.device)
        try:
            self._open(opening)
        except BaseException:
            self._end_reference()
            raise
        self._marking: Marking | None = None
        self._lock = threading.Lock()

    def _first_seed(self) -> int:
        seed = kept_seed(self.course, self.problem_set)
        return fresh_seed() if seed is None else seed

    def _end_reference(self) -> None:
        if self._reference is not None:
            self._reference.close()
            self._reference = None

    def _open(self, opening: Opening | None) -> None:
        opened = None if opening is None else opening.take(self.settings)
        if opened is None:
            opened = open_sandbox(self.settings, self.course, self.release.libraries)
        self.pool, self.weaker_because = opened

    @property
    def level(self) -> str:
        """The level of isolation, by its name."""
        return self.pool.level.name

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the sandbox and the reference process."""
        self.pool.close()
        self._end_reference()

    @property
    def evaluation(self) -> Evaluation:
        """The spec; waits for it when it is still being computed."""
        with self._lock:
            if self._evaluation is None:
                found = result_of(self._future)
                self._end_reference()
                key = self.course, self.problem_set, self.seed, self.settings.device
                keep(*key, found)
                # as it is read back, so that the first grading is no other than the next ones
                self._evaluation = kept(*key) or found
            return self._evaluation

    @property
    def marking(self) -> Marking:
        """What all hand-ins share of the spec; waits for it as :attr:`evaluation` does."""
        evaluation = self.evaluation
        with self._lock:
            if self._marking is None:
                self._marking = Marking(evaluation.spec)
            return self._marking

    def grade(self, student: str, path: Path, fingerprint: str = "") -> Submission:
        """Grade one hand-in."""
        return grade_file(
            student,
            path,
            self.release,
            self.marking,
            self.pool,
            self.settings.time,
            fingerprint,
        )

    def run(self, submissions: Sequence[Submission] = ()) -> Run:
        """What is in force here, for reports."""
        evaluation = self.evaluation
        return Run(
            self.problem_set,
            evaluation.spec.title,
            self.seed,
            evaluation.device,
            self.level,
            versions(evaluation),
            submissions,
        )

    def grade_all(self, handins: Iterable[Handed]) -> Iterator[Submission]:
        """Grade in parallel; yield the results as they come."""
        return self._parallel(lambda handed: self.grade(*handed), handins)

    def process_all(self, handins: Iterable[Handed]) -> Iterator[Graded]:
        """Grade in parallel, and make what is written for each hand-in."""
        run = self.run()
        return self._parallel(
            lambda handed: render(self.grade(*handed), self.release, run), handins
        )

    def _parallel(
        self, work: Callable[[Handed], _Result], handins: Iterable[Handed]
    ) -> Iterator[_Result]:
        """At most a few more than are being worked on are taken from ``handins`` at a time."""
        count = self.settings.worker_count
        with ThreadPoolExecutor(count) as threads:
            running: set[Future[_Result]] = set()
            try:
                for handed in handins:
                    running.add(threads.submit(work, handed))
                    if len(running) >= 2 * count:
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                while running:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            except BaseException as error:
                for future in running:
                    future.cancel()
                if isinstance(error, KeyboardInterrupt):
                    self.pool.close()  # ends what is running: nobody waits for it any more
                raise


def open_session(
    problem_set: str, course: CourseDirectory, settings: Settings, opening: Opening | None = None
) -> Session:
    """A session here, or on the cluster that the settings name."""
    if settings.scheduler is None:
        return Session(problem_set, course, settings, opening)
    from .cluster import ClusterSession  # Dask is loaded only where it is asked for

    return ClusterSession(problem_set, course, settings)


def open_sandbox(
    settings: Settings, course: CourseDirectory, libraries: Collection[str]
) -> Sandbox:
    """A sandbox as the settings want it, and why it is no stronger one. Raises UserError."""
    try:
        return open_pool(settings.isolation, settings.limits, secret_folders(course), libraries)
    except SandboxError as error:
        raise UserError(str(error)) from None


def secret_folders(course: CourseDirectory) -> list[Path]:
    """Folders that student code must not see: the sources, the package, the course directory."""
    names = ("definition", "exercises", "reference", "grading", "release", "reports")
    own = [PACKAGE / name for name in names]
    others = [ROOT / name for name in ("solutions", "tests", ".git")]
    return [*own, *(folder for folder in others if folder.is_dir()), course.root]


def versions(evaluation: Evaluation) -> dict[str, str]:
    """Versions that decide a score, for reports."""
    return {
        "autograder": __version__,
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "torch": evaluation.torch_version,
    }
