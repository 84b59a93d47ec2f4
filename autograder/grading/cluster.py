"""Grading on a Dask cluster: hand-ins go to its workers, what comes back goes to one writer.

The coordinator reads the files, evaluates the reference, and writes. A worker opens a sandbox of
its own when the first hand-in reaches it. What all hand-ins share travels to a worker once, as the
result of a task of its own: so Dask makes it again when the workers that hold it are lost, and
lets go of it, and with it of the sandboxes, when the coordinator ends, however it ends.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import math
import platform
import socket
import statistics
import tempfile
import threading
import time
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, get_worker, wait
from distributed.comm.core import CommClosedError

from autograder import __version__
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.reading import Damaged, read_bytes
from autograder.release.fingerprints import of_grader
from autograder.release.released import Release
from autograder.results.result import Status
from autograder.sandbox.pool import Pool

from .executor import Graded, Job
from .handin import Handin
from .local import open_sandbox
from .settings import Settings

CONNECT_SECONDS = 10.0  # until a scheduler that does not answer is given up
WORKER_SECONDS = 60.0  # that a cluster may be without any worker
_TICK = 5.0  # seconds between looks at the cluster while nothing comes back
_AHEAD = 3  # tasks a thread: one being done, one waiting at the worker, one at the scheduler
_TASK_SECONDS = 0.1, 1.0  # of work in a task, at least and at most: sending one costs some 10 ms
_MOST_HANDINS = 32  # in a task
_MOST_BYTES = 4 << 20  # in a task of several hand-ins
_REMEMBERED = 64  # hand-ins whose time tells how many go into a task


# --- on the workers ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parcel:
    """The hand-ins of one task, with their bytes.

    (In a list of them Dask would look for results of other tasks.)
    """

    handins: tuple[tuple[Handin, bytes], ...]


@dataclass(frozen=True)
class Kit:
    """What a worker needs for a run; ``settings`` name the level of isolation.

    ``cases`` are the name and the text of the file of public cases.
    """

    job: Job
    settings: Settings
    directory: CourseDirectory
    cases: tuple[str, str]
    signature: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """A worker cannot grade, or would not grade as the others do; ``why`` names it."""

    why: str


class Workshop:
    """A kit, and on a worker that has begun to grade with it the sandbox for it.

    Sent to another worker, it takes the kit along and leaves the sandbox behind. When nobody
    holds it any more, the sandbox is closed.
    """

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._lock = threading.Lock()
        self._opened: tuple[ThreadPoolExecutor, Pool] | None = None

    def __reduce__(self) -> tuple[type[Workshop], tuple[Kit]]:
        return Workshop, (self.kit,)

    def grade(self, parcel: Parcel) -> list[Graded]:
        """Grade hand-ins here, one after the other. Raises UserError if that cannot be done."""
        threads, pool = self._open()

        def work() -> list[Graded]:
            done = [self.kit.job.do(handin, data, pool) for handin, data in parcel.handins]
            # the pages hold what the cells showed: there is no need to send it twice
            return [replace(each, result=replace(each.result, cells=())) for each in done]

        return threads.submit(work).result()

    def _open(self) -> tuple[ThreadPoolExecutor, Pool]:
        kit = self.kit
        with self._lock:
            if self._opened is None:
                libraries = kit.job.grader.release.libraries
                other = _difference(kit.signature, signature(libraries))
                if other:
                    raise UserError(other)
                # a zygote dies with the thread that started it, and Dask ends its threads
                threads = ThreadPoolExecutor(get_worker().state.nthreads)
                folder = tempfile.TemporaryDirectory(prefix="autograder-cases-")
                try:
                    name, text = kit.cases
                    cases = Path(folder.name) / name
                    cases.write_text(text, encoding="utf-8")
                    pool, _ = threads.submit(
                        open_sandbox, kit.settings, kit.directory, libraries, cases
                    ).result()
                except BaseException:
                    _close(threads, None, folder)
                    raise
                self._opened = threads, pool
                weakref.finalize(self, _close, threads, pool, folder)
            return self._opened


def _close(
    threads: ThreadPoolExecutor, pool: Pool | None, folder: tempfile.TemporaryDirectory[str]
) -> None:
    if pool is not None:
        pool.close()
    threads.shutdown(wait=False)
    folder.cleanup()


def _grade(workshop: Workshop, parcel: Parcel) -> list[Graded] | Refusal:
    """The task. It raises nothing: an exception that Dask cannot send would never be reported."""
    try:
        return workshop.grade(parcel)
    except UserError as error:
        told = str(error)
    except Exception as error:
        told = f"the grader failed there ({type(error).__name__}: {error}); please report"
    return Refusal(f"{_named(get_worker().address)} on {socket.gethostname()}: {told[:2000]}")


def signature(libraries: frozenset[str]) -> dict[str, str]:
    """What must be the same on two machines for the same hand-in to get the same grade there.

    The exercises and the reference are not in it: what they give travels with the job.
    """
    found = {
        "autograder": __version__,
        "Python": platform.python_version(),
        "NumPy": importlib.metadata.version("numpy"),
        "Dask": importlib.metadata.version("distributed"),
        "the grader, as a hash,": of_grader()[:12],
    }
    if "torch" in libraries:  # builds for the CPU and for CUDA differ after the plus sign
        found["torch"] = importlib.metadata.version("torch").partition("+")[0]
    return found


async def _level(
    libraries: frozenset[str], settings: Settings, directory: CourseDirectory
) -> tuple[str, Mapping[str, str]]:
    """The level of isolation that can be had on a worker, and why no stronger one can."""

    def try_it() -> tuple[str, Mapping[str, str]]:
        pool, reasons = open_sandbox(settings, directory, libraries)
        with pool:
            return pool.level.name, reasons

    return await asyncio.to_thread(try_it)


def _who_is_there(libraries: frozenset[str]) -> dict[str, str]:
    return {**signature(libraries), "host": socket.gethostname()}


# --- on the coordinator --------------------------------------------------------------------------


class ClusterExecutor:
    """Grades on the workers of a Dask cluster. Raises UserError if they cannot."""

    is_here = False  # a hand-in can kill a worker there, never this process

    def __init__(
        self, settings: Settings, directory: CourseDirectory, release: Release, cases: Path
    ) -> None:
        self._address = address = settings.scheduler or ""
        self._cases = cases.name, cases.read_text(encoding="utf-8")
        self._libraries = release.libraries
        # without the password of its gradebook
        self._directory = CourseDirectory(directory.root, directory.course)
        self._client = _connect(address)
        self._workshop: tuple[Job, Kit, Future[Workshop]] | None = None
        try:
            self.level, self.weaker_because = self._agree(settings)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise UserError(f"the scheduler at {address} was lost: {error}") from None
            raise
        self._settings = replace(settings, isolation=self.level)

    def close(self) -> None:
        """Leave the cluster, which lets go of the sandboxes there."""
        self._client.close(timeout=1)  # type: ignore[no-untyped-call]

    def run(self, job: Job, handins: Iterable[Handin]) -> Iterator[Graded]:
        """As :meth:`.executor.Executor.run` has it."""
        if self._workshop is None or self._workshop[0] is not job:
            there = signature(self._libraries)
            kit = Kit(job, self._settings, self._directory, self._cases, there)
            self._workshop = job, kit, self._client.submit(Workshop, kit, pure=False)
        yield from _Dispatch(self._client, self._address, job, self._workshop[2]).run(handins)

    def _agree(self, settings: Settings) -> tuple[str, Mapping[str, str]]:
        """The one level of isolation that all workers have, and why no stronger one."""
        no_worker = UserError(
            f"there is no worker at {self._address}; start some: dask worker {self._address}"
        )
        try:
            there = self._client.run_on_scheduler(  # type: ignore[no-untyped-call]
                _who_is_there, self._libraries
            )
        except Exception as error:
            raise _unable(f"the scheduler {self._address}", error) from None
        self._compare(f"the scheduler {self._address}", there)
        try:
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise no_worker from None
        names = {}
        for address, there in self._on_all(_who_is_there).items():
            names[address] = f"{_named(address)} on {there['host']}"
            self._compare(names[address], there)
        found: dict[str, tuple[str, dict[str, str]]] = self._on_all(
            _level, settings, self._directory
        )
        if not found:
            raise no_worker
        if len({level for level, _ in found.values()}) > 1:
            told = "; ".join(
                f"{names.get(address, address)}: {level}"
                + "".join(f" (not {name}: {reason})" for name, reason in reasons.items())
                for address, (level, reasons) in found.items()
            )
            raise UserError(
                "the workers do not isolate hand-ins alike, and one report has one level; "
                f"mend the weaker ones or take them off the cluster: {told}"
            )
        return next(iter(found.values()))

    def _compare(self, name: str, there: Mapping[str, str]) -> None:
        other = _difference(signature(self._libraries), there)
        if other:
            raise UserError(f"{name}: {other}")

    def _on_all(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """What a function of the libraries returns on each worker, by its address.

        Raises UserError if it fails on one.
        """
        results: dict[str, Any] = self._client.run(
            function, self._libraries, *arguments, on_error="return"
        )
        for address, result in list(results.items()):
            if isinstance(result, CommClosedError):  # it has gone since
                del results[address]
            elif isinstance(result, Exception):
                raise _unable(_named(address), result)
        return results


class _Dispatch:
    """The grading of some hand-ins: a bounded number of tasks at a time."""

    def __init__(self, client: Client, address: str, job: Job, workshop: Future[Workshop]) -> None:
        self.client = client
        self.address = address
        self.job = job
        self.workshop = workshop
        self.running: dict[Future[list[Graded] | Refusal], list[Handin]] = {}
        self.suspects: deque[Handin] = deque()  # from tasks that cost too many workers
        self.late: deque[Handin] = deque()  # what has lost points to time beside others
        self.convicting = False  # whether a suspect is graded, with nothing else of ours
        self.confirming = False  # whether one that was late is, in the same way
        self.taken = 0
        self.seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self.threads = 1
        self.looked = -math.inf
        self.last_worker = time.monotonic()  # when one was seen

    def run(self, handins: Iterable[Handin]) -> Iterator[Graded]:
        """Grade; yield the results as they come. Raises UserError when that cannot go on.

        What has lost points to time beside others is graded once more at the end, alone.
        """
        coming = iter(handins)
        todo: deque[Handin] = deque()
        while True:
            self._look()
            more = list(islice(coming, max(0, 2 * _MOST_HANDINS * self.threads - len(todo))))
            todo.extend(more)
            self.taken += len(more)
            if not (todo or self.running or self.suspects or self.late):
                return
            while todo and len(self.running) < _AHEAD * self.threads:
                yield from self._submit(todo, self._count(len(todo)))
            if not todo and not self.running:
                self.convicting = bool(self.suspects)
                self.confirming = not self.convicting
                yield from self._submit(self.suspects or self.late, 1)
            if self.running:
                yield from self._finished()

    def _look(self) -> None:
        """See now and then how many workers there are. Raises UserError when none comes."""
        now = time.monotonic()
        if now - self.looked < _TICK:
            return
        self.looked = now
        with self._lost_is_told():
            found = self.client.scheduler_info(n_workers=0)
        self.threads = max(1, found["total_threads"])
        if found["n_workers"]:
            self.last_worker = now
        elif now - self.last_worker > WORKER_SECONDS:
            raise UserError(
                f"no worker is left at {self.address}; start some, and run the same command "
                "again to go on"
            )

    @contextmanager
    def _lost_is_told(self) -> Iterator[None]:
        try:
            yield
        except (CancelledError, OSError):
            raise UserError(
                f"the scheduler at {self.address} was lost. What is graded so far is kept: "
                "run the same command again to go on"
            ) from None

    def _count(self, left: int) -> int:
        """How many hand-ins the next task should have, of some or all that are left."""
        if not self.seconds:
            return 1
        usual = max(statistics.median(self.seconds), 1e-3)
        least, most = (min(_MOST_HANDINS, int(each / usual)) for each in _TASK_SECONDS)
        share = math.ceil(left / (2 * self.threads))  # so that all end at about the same time
        return max(1, least, min(most, share))

    def _submit(self, todo: deque[Handin], count: int) -> list[Graded]:
        """Send off a task of ``count`` hand-ins; return those that cannot be read."""
        sent: list[tuple[Handin, bytes]] = []
        unread: list[Graded] = []
        size = 0
        while todo and len(sent) < count and size < _MOST_BYTES:
            handin = todo.popleft()
            try:
                data = read_bytes(handin.path)
            except Damaged as damaged:
                unread.append(self.job.leave(handin, Status.DAMAGED, str(damaged)))
                continue
            sent.append((handin, data))
            size += len(data)
        if sent:
            with self._lost_is_told(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a hand-in may be larger than Dask advises
                future = self.client.submit(_grade, self.workshop, Parcel(tuple(sent)), pure=False)
            self.running[future] = [handin for handin, _ in sent]
        return unread

    def _finished(self) -> Iterator[Graded]:
        """Wait for a task, but no longer than until the next look; yield what has come back."""
        with self._lost_is_told():
            try:
                done, _ = wait(  # type: ignore[no-untyped-call]
                    list(self.running), timeout=_TICK, return_when="FIRST_COMPLETED"
                )
            except TimeoutError:
                return
        for future in done:
            if future.status == "error":
                yield from self._failed(self.running.pop(future), future.exception())
                continue
            with self._lost_is_told():
                try:
                    graded = future.result(timeout=_TICK)
                except (
                    TimeoutError
                ):  # its worker died before the result was fetched: Dask has the task done again
                    continue
            if isinstance(graded, Refusal):
                raise UserError(f"{graded.why}. What is graded so far is kept")
            handins = self.running.pop(future)
            self.seconds.extend(each.result.seconds for each in graded)
            alone = self.convicting or self.confirming or self.threads == 1 or self.taken == 1
            for handin, each in zip(handins, graded, strict=True):
                if each.result.lost_to_time and not alone:
                    self.late.append(handin)
                else:
                    yield each

    def _failed(self, handins: list[Handin], error: BaseException | None) -> list[Graded]:
        """What comes of a task that could not be done. Raises UserError if none could be."""
        if not isinstance(error, KilledWorker):
            raise _unable(f"a worker at {self.address}", error)
        if (
            not self.convicting
        ):  # each is graded by itself later, which shows of which one the workers died
            self.suspects.extend(handins)
            return []
        times = error.allowed_failures + 1
        told = f"workers of the cluster died while grading it, {times} of {times} times"
        return [self.job.leave(handin, Status.CRASHED, told) for handin in handins]


def _connect(address: str) -> Client:
    for name in ("distributed", "distributed.client", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is told in one line
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that versions differ, is told below by name
        try:
            return Client(address, timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"no Dask scheduler can be reached at {address}: {error}") from None


def _named(address: str) -> str:
    return f"the worker {address}"


def _unable(name: str, error: BaseException | None) -> UserError:
    if isinstance(error, UserError):
        return UserError(f"{name}: {error}")
    told = " ".join(f"{type(error).__name__}: {error}".split())
    return UserError(
        f"{name} cannot run this grader ({told}); "
        "start it in an environment with the same version of it"
    )


def _difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """What a worker has that is not as at the coordinator, in words; empty if nothing."""
    told = [
        f"{name} {theirs.get(name, 'missing')} instead of {version}"
        for name, version in ours.items()
        if theirs.get(name) != version
    ]
    return f"it has {', '.join(told)}; install the same commit and versions" if told else ""
