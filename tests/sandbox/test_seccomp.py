"""The filter on system calls: refuses what it should, lets a notebook's own needs through, and
without libseccomp the level that promises it is not to be had."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from textwrap import dedent

import pytest

from autograder.sandbox import pool as pool_module
from autograder.sandbox import seccomp
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import Pool, SandboxError, open_pool
from autograder.sandbox.seccomp import DENIED, NoFilter, worker_filter

# newer than the libseccomp that some systems have; it leaves out what it does not know
RECENT = {"open_tree_attr", "statmount", "listmount", "set_mempolicy_home_node"}

REFUSED = {
    "a socket of the network": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "a socket of version 6": "socket.socket(socket.AF_INET6)",
    "a socket to the kernel": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "memory in a nameless file": "os.memfd_create('x')",
    "shared memory of System V": "call(libc.shmget, 0, 4096, 0o1600)",
    "a message queue": "call(libc.msgget, 0, 0o1600)",
    "namespaces": "call(libc.unshare, 0x10000000)",
    "namespaces by clone": "call(libc.syscall, 56, 0x10000000 | 17, 0, 0, 0, 0)",
    "a mount": "call(libc.mount, b'none', b'/tmp', b'tmpfs', 0, b'')",
    "another root": "os.chroot('/tmp')",
    "tracing": "call(libc.ptrace, 0, 0, 0, 0)",
    "another personality": "call(libc.personality, 0x0040000)",
    "a named pipe": "os.mkfifo('/tmp/pipe')",
    "files by their handles": "call(libc.open_by_handle_at, -100, 0, 0)",
    "the time of day": "time.clock_settime(time.CLOCK_REALTIME, 0)",
    "a further filter": "call(libc.syscall, 317, 0, 0, 0)",
}
ALLOWED = {
    "threads": """
        import threading
        found = []
        threads = [threading.Thread(target=found.append, args=(i,)) for i in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(sorted(found))""",
    "processes": """
        import multiprocessing
        with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-0, -1, 2]))""",
    "programs": """
        import subprocess
        print(list(map(int, subprocess.check_output(["echo", "012"], text=True).strip())))""",
    "sockets within": """
        import socket
        one, other = socket.socketpair()
        one.send(bytes([0, 1, 2]))
        print(list(other.recv(3)))""",
    "arrays on disk": """
        import numpy as np
        made = np.lib.format.open_memmap("x.npy", "w+", "i8", (3,))
        made[:] = range(3)
        print(np.load("x.npy").tolist())""",
    "an event loop": """
        import asyncio
        async def later(i):
            await asyncio.sleep(0.001)
            return i
        async def main(): return await asyncio.gather(*map(later, range(3)))
        print(asyncio.run(main()))""",
}
PRELUDE = """
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    try:
        opened, _ = open_pool("full", Surroundings(Limits()))
    except SandboxError as error:
        pytest.skip(str(error))
    with opened:
        yield opened


def run(pool: Pool, code: str) -> str:
    with pool.worker() as worker:
        deadline = time.monotonic() + 20
        worker.channel.send({"run": code}, deadline=deadline)
        answer, _ = worker.channel.receive(deadline)
    return str(answer["text"])


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused(pool: Pool, what: str) -> None:
    if "libc.syscall" in REFUSED[what] and platform.machine() != "x86_64":
        pytest.skip("the numbers here are those of x86-64")
    told = run(pool, f"{PRELUDE}\ntry:\n    {REFUSED[what]}\nexcept OSError as e: print(e.errno)")
    assert told.strip() == "1"  # EPERM


@pytest.mark.parametrize("what", ALLOWED)
def test_is_allowed(pool: Pool, what: str) -> None:
    assert run(pool, dedent(ALLOWED[what])).strip() == "[0, 1, 2]"


def test_every_name_in_the_list_is_that_of_a_system_call() -> None:
    library = pytest.importorskip("pyseccomp")
    names = [name for group in DENIED.values() for name in group.split()]
    assert len(names) == len(set(names))
    unknown = {name for name in names if library.resolve_syscall(0, name) == -1}
    assert unknown <= RECENT


def test_without_libseccomp_full_does_not_work_and_the_next_level_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing() -> bytes:
        raise NoFilter("libseccomp is not installed")

    monkeypatch.setattr(pool_module, "worker_filter", nothing)
    with pytest.raises(SandboxError, match=r"full does not work here .libseccomp"):
        open_pool("full", Surroundings(Limits()))
    opened, reasons = open_pool("auto", Surroundings(Limits()))
    with opened:
        assert "libseccomp" in reasons["full"]
        assert opened.level.name != "full"
        assert run(opened, "import socket; print(socket.AF_INET == 2)").strip() == "True"


def test_reason_is_told_for_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    with pytest.raises(NoFilter, match="pyseccomp is not installed"):
        worker_filter()


def test_library_that_cannot_make_it_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(library: object) -> bytes:
        raise OSError(22, "Invalid argument")

    pytest.importorskip("pyseccomp")
    monkeypatch.setattr(seccomp, "_compiled", broken)
    with pytest.raises(NoFilter, match="Invalid argument"):
        worker_filter()
