"""The trusted side of the sandbox: starts zygotes, gets workers from them, ends both."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from .confine import Limits
from .isolation import LEVELS, Level, level_named, python_folders, sandbox_command
from .wire import BadMessage, Channel, ChannelClosed, DeadlineMissed

_START_SECONDS = 60.0
_EXIT_SECONDS = 10.0


class SandboxError(RuntimeError):
    """The sandbox itself failed, not the code in it."""


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended: exit ``status``, or the ``signal`` that killed it.

    ``had_to_be_killed`` says that it did not end by itself.
    """

    status: int | None
    signal: int | None
    max_rss: int = 0
    cpu_seconds: float = 0.0
    had_to_be_killed: bool = False


class Worker:
    """One sandboxed process for one notebook. Use it in a ``with`` block: leaving kills it."""

    def __init__(self, zygote: Zygote, name: str, channel: Channel) -> None:
        self._zygote = zygote
        self._name = name
        self.channel = channel
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

    def end(self, patience: float = 0.0) -> WorkerExit:
        """Have the worker and everything it started killed; return how it ended.

        ``patience`` is how many seconds a worker that seems gone gets to be reported as such
        before it is killed.
        """
        if self._exit is None:
            self.channel.close()
            self._exit = self._zygote.end_worker(self._name, patience)
        return self._exit


class Zygote:
    """A running zygote. Start it from a thread that outlives it: the kernel ties them."""

    def __init__(
        self, level: Level, limits: Limits, secrets: Sequence[Path], torch: bool = False
    ) -> None:
        self._level = level
        self._limits = limits
        self._torch = torch
        self._secrets = [secret.resolve() for secret in secrets]
        self._names = itertools.count()
        self._lock = threading.Condition()
        self._exits: dict[str, WorkerExit] = {}
        self._alive = True
        self._staging = Path(tempfile.mkdtemp(prefix="autograder-"))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self._process, self._control = self._start()
        except BaseException:
            self._errors.close()
            shutil.rmtree(self._staging, ignore_errors=True)
            raise
        threading.Thread(target=self._listen, daemon=True).start()

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        hidden = [] if self._level.bubblewrap else [str(s) for s in self._secrets]
        settings = {
            "namespaces": self._level.namespaces,
            "hidden": hidden,
            "kept": [str(folder) for folder in (*python_folders(), self._staging)],
            "limits": asdict(self._limits),
            "torch": self._torch,
        }
        try:
            command, environment = sandbox_command(
                self._level, theirs.fileno(), json.dumps(settings), self._secrets, self._staging
            )
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
        return process, ours

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
                    report = json.loads(data)
                    self._exits[report["exit"]] = WorkerExit(
                        report["status"],
                        report["signal"],
                        report["max_rss"],
                        report["cpu_seconds"],
                    )
                self._lock.notify_all()
            if not data:
                return

    @property
    def alive(self) -> bool:
        """Whether the zygote still answers."""
        return self._alive

    def worker(self) -> Worker:
        """A fresh worker."""
        name = str(next(self._names))
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                socket.send_fds(
                    self._control, [json.dumps({"fork": name}).encode()], [theirs.fileno()]
                )
        except OSError:
            ours.close()
            self._alive = False
            raise SandboxError(self.complaint() or "the zygote is gone") from None
        finally:
            theirs.close()
        return Worker(self, name, Channel(ours))

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
        self._errors.close()
        shutil.rmtree(self._staging, ignore_errors=True)


class Pool:
    """Gives workers at one level of isolation; starts zygotes as that level needs them.

    With ``torch``, torch is loaded in them.
    """

    def __init__(
        self, level: Level, limits: Limits, secrets: Sequence[Path], torch: bool = False
    ) -> None:
        self.level = level
        self._limits = limits
        self._torch = torch
        self._secrets = secrets
        self._lock = threading.Lock()
        self._zygote: Zygote | None = Zygote(level, limits, secrets, torch)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def worker(self) -> Any:
        """A context with one fresh Worker, gone when it is left."""
        if self.level.reusable:
            with self._lock:
                if self._zygote is None or not self._zygote.alive:
                    if self._zygote is not None:
                        self._zygote.close()
                    self._zygote = Zygote(self.level, self._limits, self._secrets, self._torch)
                zygote = self._zygote
            with zygote.worker() as worker:
                yield worker
            return
        with self._lock:
            zygote, self._zygote = self._zygote or self._fresh(), None
        try:
            with zygote.worker() as worker:
                yield worker
        finally:
            zygote.close()

    def _fresh(self) -> Zygote:
        return Zygote(self.level, self._limits, self._secrets, self._torch)

    def close(self) -> None:
        """End everything."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


def open_pool(
    isolation: str, limits: Limits, secrets: Sequence[Path], torch: bool = False
) -> tuple[Pool, dict[str, str]]:
    """A pool at the level named, or, for "auto", at the strongest that works on this machine.

    With ``torch``, torch is loaded before a worker starts. Also returns why each stronger level
    does not work. Raises SandboxError if none does.
    """
    candidates = LEVELS if isolation == "auto" else (level_named(isolation),)
    reasons: dict[str, str] = {}
    for level in candidates:
        pool = None
        try:
            pool = Pool(level, limits, secrets, torch)
            _try_out(pool)
            return pool, reasons
        except SandboxError as error:
            reasons[level.name] = str(error)
            if pool is not None:
                pool.close()
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxError(f"no way to run hand-ins apart from the grader works here ({told})")


def _try_out(pool: Pool) -> None:
    with pool.worker() as worker:
        deadline = time.monotonic() + _START_SECONDS
        try:
            worker.channel.send({"run": "1 + 1"}, deadline=deadline)
            answer, _ = worker.channel.receive(deadline)
        except (ChannelClosed, DeadlineMissed, BadMessage):
            worker.end(patience=2.0)
            why = worker.complaint() or "it gives no reason"
            raise SandboxError(f"a worker does not come up: {why}") from None
        if answer.get("error") is not None:
            raise SandboxError("a worker comes up, but cannot run a cell")
