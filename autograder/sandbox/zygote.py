"""The process that workers are forked from: Python with NumPy, matplotlib and IPython loaded.

It runs inside the sandbox, obeys the trusted side over one socket, and never runs student code
itself. Orders and reports are lines of JSON:

    {"fork": id} with two descriptors  start a worker that talks over the first, a socket, and
                                       notes in the second, a pipe, what it begins
    {"kill": id}                       kill the worker and all it started
    {"usage": id}                      answered with {"usage": id, "seconds": [CPU, waited] or null}
    {"exit": id, "status", "signal", "overuse"}   when a worker is gone

A worker is cloned into its own namespaces, process 1 of its pid namespace: with it dies everything
that it started. Where there are no namespaces, a warden between zygote and worker sees to that.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import gc
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.selfcheck.language import speak

from . import confine, watch
from .clone import clone
from .rehearsal import warm_up
from .wire import Channel
from .worker import serve


def main() -> None:
    """Serve over descriptor ``argv[1]`` with the settings in ``argv[2]`` (JSON)."""
    settings = json.loads(sys.argv[2])
    _Server(socket.socket(fileno=int(sys.argv[1])), settings).serve()


class _Server:
    """The zygote's side of its control socket."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self.control = control
        self.namespaces: bool = settings["namespaces"]
        self.hidden: list[str] = settings["hidden"]
        self.kept: list[str] = settings["kept"]
        self.limits = self.together = confine.Limits(**settings["limits"])
        self.filter = base64.b64decode(settings["filter"])
        speak(settings["language"])
        # a warden needs a signal that it can act on; a namespace ends with its process 1
        self.ending = signal.SIGKILL if self.namespaces else signal.SIGTERM
        self.children: dict[int, str] = {}  # pid -> id of the worker
        self.grown: set[int] = set()  # those that were there at the last look
        self.overuse: dict[int, str] = {}
        self.next_look = 0.0
        self.shell = warm_up("matplotlib" in settings["libraries"], drawn=settings["drawn"])
        if "torch" in settings["libraries"]:
            _warm_up_torch()
            # a limit on the address space must leave room for torch's libraries
            self.limits = replace(self.limits, memory=self.limits.memory + _address_space())

    def serve(self) -> None:
        confine.adopt_orphans()
        with contextlib.suppress(OSError):  # stays root where it may not be nobody
            confine.leave_root()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self.control, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        gc.collect()
        gc.freeze()  # a collection in a worker would touch, and so copy, every page
        self.warm_memory = watch.held(os.getpid())
        self.report({"ready": os.getpid()})
        while True:
            for key, _ in selector.select(watch.SECONDS if self.children else None):
                if key.fileobj is self.control:
                    self.obey()
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake_read, 4096)
                    self.reap()
            if time.monotonic() >= self.next_look:
                self.look()

    def report(self, message: dict[str, Any]) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def obey(self) -> None:
        # the control socket keeps message boundaries (SOCK_SEQPACKET): one order a read
        data, descriptors, _, _ = socket.recv_fds(self.control, 4096, 4)
        if not data:
            self.kill_all()
            os._exit(0)
        order = json.loads(data)
        if "fork" in order:
            pid = self.start(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            self.children[pid] = order["fork"]
        elif "kill" in order:
            for pid, worker in self.children.items():
                if worker == order["kill"]:
                    os.kill(pid, self.ending)
        elif "usage" in order:
            pids = [pid for pid, worker in self.children.items() if worker == order["usage"]]
            used = watch.usage(pids[0]) if pids else None
            self.report({"usage": order["usage"], "seconds": used})

    def look(self) -> None:
        """End the workers that use more than they may; most are gone before they are looked at."""
        for pid in self.grown & self.children.keys() - self.overuse.keys():
            watch.give_way(pid)
            found = watch.overuse(pid, self.together, self.warm_memory)
            if found is not None:
                self.overuse[pid] = found
                os.kill(pid, self.ending)
        self.grown = set(self.children)
        self.next_look = time.monotonic() + watch.SECONDS

    def start(self, descriptors: Sequence[int]) -> int:
        """Start a worker, or its warden; return the process id."""
        if not self.namespaces:
            pid = os.fork()
            if pid == 0:
                self.be_warden(descriptors)
            return pid
        uid, gid = os.getuid(), os.getgid()
        pid = clone(confine.NAMESPACES)
        if pid == 0:
            self.forget_zygote()
            with _complaining():
                confine.offer_to_oom_killer()
                confine.furnish_namespaces(self.limits, self.hidden, self.kept, uid, gid)
                folder = Path(f"/tmp/work-{os.getpid()}")  # /tmp is private
                folder.mkdir(mode=0o700)
                os.chdir(folder)
                self.be_worker(descriptors)
        return pid

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self.children.pop(pid, None)
            if worker is None:
                continue  # an orphan of a worker's, adopted
            code = os.waitstatus_to_exitcode(status)
            self.report(
                {
                    "exit": worker,
                    "status": code if code >= 0 else None,
                    "signal": -code if code < 0 else None,
                    "overuse": self.overuse.pop(pid, None),
                }
            )
            if not self.namespaces and not self.children:
                _kill_strays()

    def kill_all(self) -> None:
        for pid in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, self.ending)
        while self.children:
            pid, _ = os.wait()
            self.children.pop(pid, None)
        if not self.namespaces:
            _kill_strays()

    def forget_zygote(self) -> None:
        """In a child: undo what only the zygote needs."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.control.close()
        confine.die_with_parent()

    def be_warden(self, descriptors: Sequence[int]) -> None:
        """Start the worker, wait for it, kill what it left, end as it ended; never return."""
        self.forget_zygote()
        worker = 0

        def stop(*_: object) -> None:
            if not worker:
                os._exit(0)
            _kill_group(worker)

        signal.signal(signal.SIGTERM, stop)
        with _complaining():
            confine.offer_to_oom_killer()
            folder = tempfile.mkdtemp(prefix="work-")
            os.chdir(folder)
            confine.adopt_orphans()
            worker = os.fork()
            if worker == 0:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                confine.die_with_parent()
                self.be_worker(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            _, status = os.waitpid(worker, 0)
            _kill_group(worker)
            _kill_strays()
            shutil.rmtree(folder, ignore_errors=True)
            code = os.waitstatus_to_exitcode(status)
            if code >= 0:
                os._exit(code)
            with contextlib.suppress(OSError):  # SIGKILL has no handler to reset
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)

    def be_worker(self, descriptors: Sequence[int]) -> None:
        """Confine this process and run the student's notebook; never return."""
        os.setsid()
        confine.drop_privileges()
        confine.limit_resources(self.limits, counts_whole_user=not self.namespaces)
        if self.filter:
            confine.filter_system_calls(self.filter)
        null = os.open(os.devnull, os.O_RDWR)  # from here on, nothing is told on stderr
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        # first copy both to numbers above 4: dup2 onto 3 would close the other one if it came as 3
        copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 5) for descriptor in descriptors]
        connection = os.dup2(copies[0], 3, inheritable=False)
        notes = os.dup2(copies[1], 4, inheritable=False)
        os.closerange(5, 1 << 16)
        serve(Channel(socket.socket(fileno=connection)), notes, self.shell)
        os._exit(0)


@contextlib.contextmanager
def _complaining() -> Iterator[None]:
    """What fails before student code runs is told on stderr, and ends the process."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(BaseException):
            os.write(2, f"worker could not be confined: {error}\n".encode())
        os._exit(97)


def _kill_group(worker: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker, signal.SIGKILL)


def _kill_strays() -> None:
    """Kill every descendant of this process, until there is none (they may be forking)."""
    import psutil

    for _ in range(100):
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        found = psutil.Process().children(recursive=True)
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.005)


def _warm_up_torch() -> None:
    import torch

    torch.set_num_threads(1)
    # a first step imports much; a backward pass must wait, for its engine does not survive a fork
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    torch.optim.Adam([weight]).step()


def _address_space() -> int:
    """Bytes of address space that this process has taken."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:  # no such file: then there is no such limit either
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
