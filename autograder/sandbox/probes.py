"""Attempts to break out of a worker, one for each layer of isolation: what ``doctor`` proves by.

Trusted side; the code of a probe runs in a worker, as a hand-in's cell would. It says ``held`` or
``broken`` with what it found; a probe that must be stopped from outside is judged by how it ended.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil

from . import orders
from .confine import Limits
from .isolation import LEVELS, Level
from .pool import Pool, SandboxError, Worker, WorkerExit
from .watch import CPU, MEMORY
from .wire import BadMessage, ChannelClosed, DeadlineMissed

# to fill memory must take far less CPU time than is allowed, on any machine
PROBE_LIMITS = Limits(memory=1 << 30, disk=16 << 20, cpu_seconds=8)
_PATIENCE = 120.0  # seconds that a probe may take, on a machine with much else to do
_MOST_OUTPUT = 1 << 20

_EVERY = frozenset(level.name for level in LEVELS)
_NAMESPACES = frozenset(level.name for level in LEVELS if level.namespaces)
_BUBBLEWRAP = frozenset(level.name for level in LEVELS if level.bubblewrap)
_FILTERED = frozenset(level.name for level in LEVELS if level.filtered)


@dataclass(frozen=True)
class Seen:
    """What a probe did, as seen from outside; ``end`` is None when it had to be ended.

    ``text`` is what it printed, ``sent`` the bytes of its answer, ``refused`` why that was not
    read, ``seconds`` how long its end took, ``left`` the processes that outlived it.
    """

    text: str = ""
    sent: int = 0
    refused: str = ""
    end: WorkerExit | None = None
    seconds: float = 0.0
    left: int = 0


Verdict = tuple[bool, str]  # whether the layer held, and what happened


@dataclass(frozen=True)
class Probe:
    """One attempt. ``promised`` names the levels at which it must fail. The code runs after
    ``_PRELUDE``, and finds in the dictionary ``p`` what there is outside."""

    name: str
    promised: frozenset[str]
    code: str
    judge: Callable[[Seen], Verdict]
    patience: float = _PATIENCE


@dataclass(frozen=True)
class Result:
    """How a probe went at a level; ``promised`` says whether the level must hold against it."""

    probe: str
    promised: bool
    held: bool
    text: str


def _told(seen: Seen) -> Verdict:
    lines = [line for line in seen.text.splitlines() if line.startswith(("held ", "broken "))]
    if not lines:
        return False, f"the probe itself failed: {_how(seen)}"
    broken = [line for line in lines if line.startswith("broken ")]
    return not broken, (broken or lines)[0].partition(" ")[2]


def _how(seen: Seen) -> str:
    lines = [seen.refused, *seen.text.strip().splitlines()]
    if any(lines):
        return lines[-1][:200]
    if seen.end is None:
        return "it was still running"
    if seen.end.overuse is not None:
        return f"it was ended for {seen.end.overuse}"
    return "it ended" if seen.end.signal is None else f"it ended by signal {seen.end.signal}"


def _ended_for(overuse: str) -> Callable[[Seen], Verdict]:
    def judge(seen: Seen) -> Verdict:
        if seen.end is not None and seen.end.overuse == overuse:
            return True, "it was ended"
        return False, _how(seen)

    return judge


def _small(seen: Seen) -> Verdict:
    if 0 < seen.sent <= _MOST_OUTPUT:
        return True, f"{seen.sent:,} bytes of it came out"
    return False, f"{seen.sent:,} bytes came out" if seen.sent else _how(seen)


def _refused(seen: Seen) -> Verdict:
    return bool(seen.refused), seen.refused or f"{seen.sent:,} bytes were taken"


def _ended_soon(seen: Seen) -> Verdict:
    if seen.left:
        return False, f"{seen.left} processes are still there"
    return True, f"gone after {seen.seconds:.2f} s"


_PRELUDE = """
import ctypes, errno, os, signal, socket, sys, tempfile, time
libc = ctypes.CDLL(None, use_errno=True)
def held(text): print("held", text)
def broken(text): print("broken", text)
def refusal(attempt, *arguments):
    try: attempt(*arguments)
    except OSError as error: return os.strerror(error.errno) if error.errno else str(error)
def number(result):
    return ctypes.get_errno() if result == -1 else 0
"""

PROBES = (
    Probe(
        "opens a connection to this machine",
        _EVERY - {"limits"},
        """
        def connect():
            with socket.socket() as tried: tried.connect((b"127.0.0.1", p["port"]))
        why = refusal(connect)
        held(why) if why else broken("it is connected")
        """,
        _told,
    ),
    Probe(
        "looks for other processes and signals one",
        _EVERY - {"limits"},
        """
        seen = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try: command = open(f"/proc/{pid}/cmdline").read()
            except OSError: continue
            if p["mark"] in command: seen.append(pid)
        why = refusal(os.kill, p["victim"], 0)
        if seen: broken("it sees them in /proc")
        elif why is None: broken("it may signal one")
        else: held(why)
        """,
        _told,
    ),
    Probe(
        "signals the process that started it",
        _NAMESPACES,
        """
        parent = os.getppid()
        if parent == 0: held("there is none that it can see")
        else:
            why = refusal(os.kill, parent, 0)
            held(why) if why else broken(f"it may signal process {parent}")
        """,
        _told,
    ),
    Probe(
        "reads a file of the course",
        _EVERY - {"limits"},
        """
        why = refusal(open, p["secret"])
        held(why) if why else broken("it is open")
        """,
        _told,
    ),
    Probe(
        "reads /etc/passwd and files in the home folder",
        _BUBBLEWRAP,
        """
        readable = [path for path in p["files"] if refusal(open, path) is None]
        broken(", ".join(readable)) if readable else held("No such file or directory")
        """,
        _told,
    ),
    Probe(
        "writes outside /tmp",
        _EVERY - {"limits"},
        """
        import numpy
        written = []
        for folder in ("/", "/etc", "/usr", "/var/tmp", "/dev", "/run", "/proc", sys.prefix,
                       os.path.dirname(numpy.__file__), p["open"]):
            path = os.path.join(folder, p["mark"])
            why = refusal(open, path, "w")
            if why is None:
                written.append(path)
                os.unlink(path)
        broken(", ".join(written)) if written else held("no folder lets it")
        """,
        _told,
    ),
    Probe(
        "fills /tmp and /dev/shm",
        _EVERY - {"limits"},
        """
        for folder in (os.getcwd(), "/dev/shm"):
            files, filled = [], 0
            try:
                while filled <= 3 * p["disk"]:
                    files.append(tempfile.TemporaryFile(dir=folder, buffering=0))
                    filled += files[-1].write(bytes(1 << 20))
            except OSError as error:
                text = f"{os.strerror(error.errno)} after {filled >> 20} MiB"
                held(text) if filled <= p["disk"] else broken(text)
            else: broken(f"{filled >> 20} MiB in {folder}")
            for file in files: file.close()
        """,
        _told,
    ),
    Probe(
        "makes a file larger than allowed",
        _EVERY,
        """
        with tempfile.TemporaryFile() as file:
            why = refusal(os.truncate, file.fileno(), p["disk"] + 1)
        held(why) if why else broken("it is made")
        """,
        _told,
    ),
    Probe(
        "takes more memory in one process than allowed",
        _EVERY,
        """
        try: taken = len(bytearray(p["memory"]))
        except MemoryError: held("MemoryError")
        else: broken(f"it has {taken >> 20} MiB")
        """,
        _told,
    ),
    Probe(
        "takes more memory in eight processes than allowed",
        _NAMESPACES,
        """
        for _ in range(3): os.fork()
        taken = b"1" * (p["memory"] // 6)
        time.sleep(30)
        """,
        _ended_for(MEMORY),
    ),
    Probe(
        "hides memory from the limits (memfd_create, System V)",
        _FILTERED,
        """
        why = [refusal(os.memfd_create, "x"), os.strerror(number(libc.shmget(0, 4096, 0o1600)))]
        held(why[0]) if set(why) == {os.strerror(errno.EPERM)} else broken(str(why))
        """,
        _told,
    ),
    Probe(
        "starts more processes than allowed",
        _NAMESPACES,
        """
        started = []
        try:
            while len(started) <= 4 * p["processes"]:
                pid = os.fork()
                if pid == 0:
                    time.sleep(600)
                    os._exit(0)
                started.append(pid)
        except OSError as error: why = os.strerror(error.errno)
        else: why = "no end"
        text = f"{why} after {len(started)}"
        held(text) if len(started) < p["processes"] else broken(text)
        for pid in started: os.kill(pid, signal.SIGKILL)
        """,
        _told,
    ),
    Probe(
        "makes namespaces, to be root in them",
        _NAMESPACES,
        """
        flags = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "network": 0x40000000}
        made = [kind for kind, flag in flags.items() if libc.unshare(flag | 0x10000000) == 0]
        broken(", ".join(made)) if made else held(os.strerror(ctypes.get_errno()))
        """,
        _told,
    ),
    Probe(
        "makes system calls that no notebook needs",
        _FILTERED,
        """
        libc.personality.argtypes = [ctypes.c_ulong]
        calls = {
            "personality": lambda: libc.personality(0xFFFFFFFF),
            "ptrace": lambda: libc.ptrace(0, 0, 0, 0),
            "process_vm_readv": lambda: libc.process_vm_readv(os.getpid(), 0, 0, 0, 0, 0),
            "io_uring_setup": lambda: libc.syscall(425, 1, 0),
            "open_tree": lambda: libc.syscall(428, -100, b"/", 0),
            "pidfd_open": lambda: libc.syscall(434, os.getpid(), 0),
        }
        made = [name for name, call in calls.items() if number(call()) != errno.EPERM]
        if libc.prctl(21, 0, 0, 0, 0) != 2: broken("there is no filter on system calls")
        else: broken(", ".join(made)) if made else held(f"{len(calls)} of {len(calls)} refused")
        """,
        _told,
    ),
    Probe(
        "becomes root or gains capabilities",
        _EVERY,
        """
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        sets = (ctypes.c_uint32 * 6)()
        libc.capget(ctypes.byref(header), ctypes.byref(sets))
        if refusal(os.setuid, 0) is None: broken("it is root")
        elif any(sets): broken("it has capabilities")
        elif libc.prctl(39, 0, 0, 0, 0) != 1: broken("it can gain privileges by running programs")
        elif p["own"] and libc.prctl(23, 21, 0, 0, 0) != 0: broken("capabilities can come back")
        else: held("no capability, and no way to one")
        """,
        _told,
    ),
    Probe(
        "opens more files than allowed",
        _EVERY,
        """
        files = []
        try:
            while len(files) <= 4 * p["open_files"]: files.append(os.open("/dev/null", 0))
        except OSError as error: held(f"{os.strerror(error.errno)} after {len(files)}")
        else: broken(f"{len(files)} are open")
        """,
        _told,
    ),
    Probe("prints 100 MB", _EVERY, "for _ in range(100): print('x' * 1_000_000)", _small),
    Probe(
        "floods the grader with what is no message",
        _EVERY,
        """
        channel = socket.socket(fileno=3)
        for _ in range(100): channel.sendall(b"\\xff" * 1_000_000)
        """,
        _refused,
    ),
    Probe(
        "computes for longer than allowed, in three processes",
        _NAMESPACES,
        """
        if os.fork() != 0: os.fork()
        while True: pass
        """,
        _ended_for(CPU),
    ),
    Probe(
        "refuses to stop when its time is up",
        _EVERY,
        """
        for one in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(one, signal.SIG_IGN)
        time.sleep(600)
        """,
        _ended_soon,
        0.3,
    ),
    Probe(
        "leaves a process behind",
        _EVERY,
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)",
                                          p["mark"]])
            os._exit(0)
        os.wait()
        print("held")
        """,
        _ended_soon,
    ),
    Probe("follows all these, and is right", _EVERY, "held(6 * 7)", _told),
)


def run_probes(
    pool: Pool, limits: Limits, secrets: Path, probes: Sequence[Probe] = PROBES
) -> Iterator[Result]:
    """Try the probes in fresh workers of a pool that was opened with these limits, and with the
    folder ``secrets`` among those that it hides."""
    with _surroundings(pool.level, limits, secrets) as given:
        for probe in probes:
            promised = pool.level.name in probe.promised
            try:
                held, text = probe.judge(_run(probe, pool, given))
            except SandboxError as error:
                held, text = False, f"the sandbox failed: {error}"
            yield Result(probe.name, promised, held, text)


@contextlib.contextmanager
def _surroundings(level: Level, limits: Limits, secrets: Path) -> Iterator[dict[str, Any]]:
    """What there is to find outside: a port that answers, a process, a secret, an open folder."""
    secret = secrets / "secret"
    secret.write_text("secret")
    home = Path.home()
    own = [path for path in home.iterdir() if path.is_file() and os.access(path, os.R_OK)]
    mark = f"autograder-probe-{os.getpid()}"
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)", f"{mark}-victim"]
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(sleeper) as victim,
    ):
        Path(folder).chmod(0o777)
        try:
            yield {
                "port": server.getsockname()[1],
                "victim": victim.pid,
                "mark": mark,
                "secret": str(secret),
                "files": ["/etc/passwd", *map(str, own[:3])],
                "open": folder,
                "own": level.namespaces,
                "memory": limits.memory,
                "disk": limits.disk,
                "processes": limits.processes,
                "open_files": limits.open_files,
            }
        finally:
            victim.kill()


def _run(probe: Probe, pool: Pool, given: dict[str, Any]) -> Seen:
    source = f"{_PRELUDE}\np = {given!r}\n{dedent(probe.code)}"
    text, sent, refused, end = "", 0, "", None
    with pool.worker() as worker:
        try:
            text, sent = _answer(worker, source, probe.patience)
        except BadMessage as error:
            refused = str(error)
        except ChannelClosed:
            end = worker.end(patience=2.0)
        except DeadlineMissed:
            pass
        started = time.monotonic()
        worker.end()
    running = psutil.process_iter(["cmdline"])
    left = [process for process in running if given["mark"] in (process.info["cmdline"] or [])]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return Seen(text, sent, refused, end, time.monotonic() - started, len(left))


def _answer(worker: Worker, source: str, patience: float) -> tuple[str, int]:
    deadline = time.monotonic() + patience
    worker.channel.send_packed(orders.run(source), deadline)
    frame = worker.channel.receive_frame(deadline)
    text = frame.open()[0].get("text")
    return text if isinstance(text, str) else "", len(frame.header) + len(frame.body)
