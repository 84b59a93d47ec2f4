"""The trusted side of the sandbox: starts zygotes, gets workers from them, ends both."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any

from . import orders
from .cgroup import MemoryGroup, delegated
from .confine import Limits
from .isolation import LEVELS, Level, Surroundings, level_named, python_folders, sandbox_command
from .seccomp import NoFilter, worker_filter
from .staging import Staging
from .watch import Usage
from .wire import BadMessage, Channel, ChannelClosed, DeadlineMissed

_START_SECONDS = 60.0
_EXIT_SECONDS = 30.0  # after which a zygote counts as dead: no machine is busier than that
_SLACK = 64 << 20  # of memory in a group, for what the kernel keeps


class SandboxError(RuntimeError):
    """The sandbox itself failed, not the code in it."""


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended: exit ``status``, or the ``signal`` that killed it.

    ``overuse`` is "memory" or "cpu" if it was killed because its processes together used too much
    of it; ``had_to_be_killed`` says that it did not end by itself.
    """

    status: int | None
    signal: int | None
    overuse: str | None = None
    had_to_be_killed: bool = False


class Worker:
    """One sandboxed process for one notebook. Use it in a ``with`` block: leaving kills it."""

    def __init__(self, zygote: Zygote, name: str, channel: Channel, notes: int) -> None:
        self._zygote = zygote
        self._name = name
        self.channel = channel
        self._notes: int | None = notes  # a pipe in which it notes each order that it begins
        self._begun = 0
        self._exit: WorkerExit | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def complaint(self) -> str:
        """The last line that the sandbox wrote about itself."""
        return self._zygote.complaint()

    def usage(self) -> Usage | None:
        """What it and all that it started have used, or None if it is gone."""
        return self._zygote.usage(self._name)

    def begun(self) -> int:
        """How many orders it says it has begun; it can lie."""
        if self._notes is not None:
            with contextlib.suppress(BlockingIOError):
                self._begun += len(os.read(self._notes, 1 << 16))
        return self._begun

    def end(self, patience: float = 0.0) -> WorkerExit:
        """Have the worker and everything it started killed; return how it ended.

        ``patience`` is how many seconds a worker that seems gone gets to be reported as such
        before it is killed.
        """
        if self._exit is None:
            self.channel.close()
            self.begun()  # read what there is, to be asked for later
            if self._notes is not None:
                os.close(self._notes)
                self._notes = None
            self._exit = self._zygote.end_worker(self._name, patience)
        return self._exit


class Zygote:
    """A running zygote. Start it from a thread that outlives it: the kernel ties them."""

    def __init__(self, level: Level, around: Surroundings) -> None:
        self._level = level
        self._around = replace(around, secrets=tuple(each.resolve() for each in around.secrets))
        self._names = itertools.count()
        self._lock = threading.Condition()
        self._exits: dict[str, WorkerExit] = {}
        self._usages: dict[str, Usage | None] = {}
        self._alive = True
        self._staging = Staging()
        self._group: MemoryGroup | None = None
        self._live = 0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self._process, self._control = self._start()
        except BaseException:
            self._release()
            raise
        threading.Thread(target=self._listen, daemon=True).start()

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        program = self._filter()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # in /run are sockets of services, by which a hand-in could have others do what it may not
        hidden = [] if self._level.bubblewrap else [*map(str, self._around.secrets), "/run"]
        settings = {
            "namespaces": self._level.namespaces,
            "hidden": hidden,
            "kept": [str(folder) for folder in (*python_folders(), self._staging.path)],
            "limits": asdict(self._around.limits),
            "libraries": sorted(self._around.libraries),
            "drawn": self._around.drawn,
            "language": self._around.language,
            "filter": program,
        }
        try:
            command, environment = sandbox_command(
                self._level,
                theirs.fileno(),
                json.dumps(settings),
                self._around,
                self._staging.path,
            )
            place = delegated()
            if place is not None:
                self._group = MemoryGroup(place)
                command = self._group.command(command)
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
                pass_fds=[theirs.fileno()],
            )
        except OSError as error:
            ours.close()
            raise SandboxError(str(error)) from None
        finally:
            theirs.close()
        ours.settimeout(_START_SECONDS)
        try:
            hello = ours.recv(4096)
        except OSError:
            hello = b""
        if not hello:
            process.kill()
            process.wait()
            raise SandboxError(self.complaint() or "the zygote did not start")
        ours.settimeout(None)
        self._warm_memory = self._group.used if self._group is not None else 0
        return process, ours

    def _filter(self) -> str:
        try:
            return base64.b64encode(worker_filter()).decode()
        except NoFilter as why:
            if self._level.filtered:
                raise SandboxError(str(why)) from None
            return ""

    def _admit(self) -> None:
        """Let the group of the zygote hold the memory of one more worker."""
        self._live += 1
        if self._group is not None:
            limits = self._around.limits
            most = limits.memory + 2 * limits.disk
            self._group.allow(self._warm_memory + self._live * most + _SLACK)

    def complaint(self) -> str:
        if self._errors.closed:
            return ""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:500] if lines else ""

    def _listen(self) -> None:
        while True:
            try:
                data = self._control.recv(4096)
            except OSError:
                data = b""
            with self._lock:
                if not data:
                    self._alive = False
                else:
                    self._note(json.loads(data))
                self._lock.notify_all()
            if not data:
                return

    def _note(self, report: dict[str, Any]) -> None:
        if "usage" in report:
            seconds = report["seconds"]
            self._usages[report["usage"]] = None if seconds is None else Usage(*seconds)
            return
        self._live -= 1
        self._exits[report["exit"]] = WorkerExit(
            report["status"], report["signal"], report["overuse"]
        )

    @property
    def alive(self) -> bool:
        """Whether the zygote still answers."""
        return self._alive

    def worker(self) -> Worker:
        """A fresh worker."""
        name = str(next(self._names))
        ours, theirs = socket.socketpair()
        notes, noting = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            with self._lock:
                self._admit()
                order = json.dumps({"fork": name}).encode()
                socket.send_fds(self._control, [order], [theirs.fileno(), noting])
        except OSError:
            ours.close()
            os.close(notes)
            self._alive = False
            raise SandboxError(self.complaint() or "the zygote is gone") from None
        finally:
            theirs.close()
            os.close(noting)
        return Worker(self, name, Channel(ours), notes)

    def usage(self, name: str) -> Usage | None:
        with self._lock:
            self._usages.pop(name, None)
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"usage": name}).encode())
                self._lock.wait_for(lambda: name in self._usages or not self._alive, _EXIT_SECONDS)
            return self._usages.pop(name, None)

    def end_worker(self, name: str, patience: float) -> WorkerExit:
        with self._lock:
            self._lock.wait_for(lambda: name in self._exits or not self._alive, patience)
            if name in self._exits:
                return self._exits.pop(name)
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"kill": name}).encode())
            self._lock.wait_for(lambda: name in self._exits or not self._alive, _EXIT_SECONDS)
            if name not in self._exits:
                self._alive = False  # it does not do as told, which is as good as dead
                raise SandboxError(self.complaint() or "the zygote is gone")
            return replace(self._exits.pop(name), had_to_be_killed=True)

    def kill(self) -> None:
        """Kill the zygote, and with it its workers; who uses it will close it."""
        self._process.kill()

    def close(self) -> None:
        """End the zygote and all its workers."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        self._release()

    def _release(self) -> None:
        self._errors.close()
        if self._group is not None:
            self._group.close()
        self._staging.close()


class Pool:
    """Gives workers at one level of isolation; starts zygotes as they are needed.

    Each library that is loaded costs every worker time, so there is a zygote for each set of them
    that is asked for; that of the surroundings is started first.
    """

    def __init__(self, level: Level, around: Surroundings) -> None:
        self.level = level
        self._around = around
        self._lock = threading.Lock()
        self._closed = False
        self._busy: set[Zygote] = set()  # of one hand-in each
        # the kernel ends a zygote with the thread that started it
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="zygotes")
        self._usual = around.libraries
        self._zygotes = {self._usual: self._fresh(self._usual)}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def worker(self, libraries: frozenset[str] | None = None) -> Any:
        """A context with one fresh Worker, gone when it is left.

        It has ``libraries`` loaded, or those of the pool.
        """
        wanted = self._usual if libraries is None else libraries
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            zygote = self._zygotes.pop(wanted, None)
            if zygote is not None and not zygote.alive:
                zygote.close()
                zygote = None
            zygote = zygote or self._fresh(wanted)
            if self.level.reusable:
                self._zygotes[wanted] = zygote
            else:
                self._busy.add(zygote)
        try:
            with zygote.worker() as worker:
                yield worker
        finally:
            if not self.level.reusable:
                self._busy.discard(zygote)
                zygote.close()

    def _fresh(self, libraries: frozenset[str]) -> Zygote:
        around = replace(self._around, libraries=libraries)
        return self._starter.submit(Zygote, self.level, around).result()

    def close(self) -> None:
        """End everything, also workers that are in use, and start nothing any more."""
        with self._lock:
            self._closed = True
            for zygote in self._busy.copy():
                zygote.kill()
            for zygote in self._zygotes.values():
                zygote.close()
            self._zygotes.clear()
            self._starter.shutdown(wait=False)


def open_pool(isolation: str, around: Surroundings) -> tuple[Pool, dict[str, str]]:
    """A pool at the level named, or, for "auto", at the strongest that works on this machine.

    Also returns why each stronger level does not work. Raises SandboxError if none does.
    """
    candidates = LEVELS if isolation == "auto" else (level_named(isolation),)
    reasons: dict[str, str] = {}
    for level in candidates:
        try:
            return _working_pool(level, around), reasons
        except SandboxError as error:
            reasons[level.name] = str(error)
    if isolation != "auto":
        raise SandboxError(_refusal(isolation, reasons[isolation], around.limits))
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxError(f"no way to run hand-ins apart from the grader works here ({told})")


def _working_pool(level: Level, around: Surroundings) -> Pool:
    pool = Pool(level, around)
    try:
        _try_out(pool)
    except BaseException:
        pool.close()
        raise
    return pool


def _refusal(isolation: str, reason: str, limits: Limits) -> str:
    """Why a level is not to be had, and how to allow what can be had."""
    working = []
    for level in LEVELS:
        if level.name != isolation:
            with contextlib.suppress(SandboxError):
                _working_pool(level, Surroundings(limits)).close()
                working.append(level.name)
    if not working:
        return f"isolation {isolation} does not work here ({reason}), nor does any other level"
    return (
        f"isolation {isolation} does not work here ({reason}). What works: {', '.join(working)} "
        "(autograder doctor tells what each gives). To allow the strongest of them, say "
        "--isolation auto; to allow one, say its name (under nbgrader: c.GradeInSandbox.isolation)"
    )


def _try_out(pool: Pool) -> None:
    with pool.worker() as worker:
        deadline = time.monotonic() + _START_SECONDS
        try:
            worker.channel.send_packed(orders.run("1 + 1"), deadline)
            answer, _ = worker.channel.receive(deadline)
        except (ChannelClosed, DeadlineMissed, BadMessage):
            worker.end(patience=2.0)
            why = worker.complaint() or "it gives no reason"
            raise SandboxError(f"a worker does not come up: {why}") from None
        if answer.get("error") is not None:
            raise SandboxError("a worker comes up, but cannot run a cell")
