"""How much faster two single-core workers of a Dask cluster grade than one, on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

from distributed import Client

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.sandbox.confine import die_with_parent

# as the book advises: Dask otherwise wakes up 50 times a second on every machine
_SETTINGS = {"DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}
_START_SECONDS = 60.0
_END_SECONDS = 10.0
_ROUNDS = 3
_WARM_UP = 16  # hand-ins graded before the clock starts


class LoopbackCluster:
    """A Dask scheduler on this machine's loopback, and workers that come and go.

    Started as ``dask scheduler`` and ``dask worker`` on the command line, each with what it starts
    in a process group of its own. Use it in a ``with`` block: leaving ends everything.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = {**os.environ, **_SETTINGS, **(environment or {})}
        self._folder = tempfile.TemporaryDirectory(prefix="autograder-dask-")
        self._log = (Path(self._folder.name) / "log").open("wb")
        file = Path(self._folder.name) / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
        )
        try:
            self._wait(lambda: _address_in(file) is not None)
            self.address = str(_address_in(file))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> LoopbackCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_worker(self, *options: str, core: int | None = None) -> subprocess.Popen[bytes]:
        """Start a worker with one thread unless the options say otherwise, on one core if named."""
        folder = tempfile.mkdtemp(dir=self._folder.name)
        worker = self._start(
            *("worker", self.address, "--nworkers", "1", "--nthreads", "1"),
            *("--local-directory", folder, *options),
            core=core,
        )
        self.workers.append(worker)
        return worker

    def _start(self, *arguments: str, core: int | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=partial(_before, core),
        )

    def _wait(self, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            if self.scheduler.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"a Dask cluster does not start here: {self.log()[-500:]}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the scheduler and the workers have said so far."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def wait_for_workers(self, count: int) -> None:
        """Wait until the scheduler has this many workers, no more and no less."""
        with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            self._wait(lambda: client.scheduler_info(n_workers=0)["n_workers"] == count)

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker, or the scheduler, and all that it started."""
        worker.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(_END_SECONDS)
        self.kill(worker)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """End a worker, or the scheduler, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        """End the workers and the scheduler."""
        for process in (*self.workers, self.scheduler):
            self.end(process)
        self._log.close()
        self._folder.cleanup()


def _before(core: int | None) -> None:
    die_with_parent()
    if core is not None:
        os.sched_setaffinity(0, {core})


def _address_in(file: Path) -> str | None:
    """The address that a scheduler has written down; None until it has."""
    try:
        address: str = json.loads(file.read_text(encoding="utf-8"))["address"]
    except (FileNotFoundError, ValueError):
        return None
    return address


@dataclass(frozen=True)
class Speedup:
    """Hand-ins a second with ``one`` worker and with ``two``, in each round."""

    handins: int
    one: tuple[float, ...]
    two: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """How much faster two workers are than one: the median of the rounds."""
        return statistics.median(two / one for one, two in zip(self.one, self.two, strict=True))


def speedup(
    assignment: Assignment,
    handins: Sequence[Path],
    *,
    settings: Settings | None = None,
    rounds: int = _ROUNDS,
) -> Speedup:
    """Grade the same hand-ins with one worker and with two, in turn, each time warm.

    Each worker is held to a core of its own, and the coordinator and the scheduler to these two
    cores: beside one worker they have the other core to themselves, beside two they take their
    time from the workers. What is timed is grading and getting all results back, not writing
    them. The assignment must have been released. Raises UserError where there are no two cores.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise UserError("two workers want two cores, and there is only one here")
    work = partial(_speedup, assignment, settings or Settings(), rounds, cores)
    # in a process of its own, for the caller may use all cores
    ours, theirs = Pipe(duplex=False)
    given = [Handin(path.parent.parent.name, path) for path in handins]
    apart = get_context("spawn").Process(target=_tell, args=(theirs, work, given))
    apart.start()
    theirs.close()
    try:
        told = ours.recv()
    except EOFError:
        raise UserError("the process that measures the cluster died") from None
    finally:
        apart.join()
    if isinstance(told, BaseException):
        raise told
    speedup: Speedup = told
    return speedup


def _tell(
    connection: Connection, work: Callable[[Sequence[Handin]], Speedup], given: Sequence[Handin]
) -> None:
    try:
        connection.send(work(given))
    except Exception as error:
        connection.send(error)


def _speedup(
    assignment: Assignment,
    settings: Settings,
    rounds: int,
    cores: Sequence[int],
    handins: Sequence[Handin],
) -> Speedup:
    os.sched_setaffinity(0, cores)  # what is started from here inherits it
    rates: list[tuple[float, float]] = []
    with LoopbackCluster() as cluster:
        cluster.add_worker(core=cores[0])
        settings = replace(settings, scheduler=cluster.address)
        with Session(assignment, settings) as session:
            for _ in range(rounds):
                one = _rate(session, handins)
                second = cluster.add_worker(core=cores[1])
                cluster.wait_for_workers(2)
                rates.append((one, _rate(session, handins)))
                cluster.end(second)
                cluster.wait_for_workers(1)
    return Speedup(len(handins), tuple(one for one, _ in rates), tuple(two for _, two in rates))


def _rate(session: Session, handins: Sequence[Handin]) -> float:
    """Hand-ins a second, when the workers have graded some before."""
    for _ in session.grade_all(handins[:_WARM_UP]):
        pass
    started = time.monotonic()
    count = sum(1 for _ in session.grade_all(handins))
    return count / (time.monotonic() - started)
