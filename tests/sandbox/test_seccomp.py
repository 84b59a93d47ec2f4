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
RECENT = {"cachestat", "open_tree_attr", "statmount", "listmount", "set_mempolicy_home_node"}

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
    "reading only what is in memory": "os.preadv(shared, [bytearray(9)], 0, os.RWF_NOWAIT)",
    "reading with another flag": "os.preadv(shared, [bytearray(9)], 0, os.RWF_HIPRI)",
    "writing only what is in memory": "os.pwritev(0, [b'x'], 0, 8)",
    "asking what is in memory": "call(libc.mincore, 0, 0, 0)",
    "asking what was in memory": "call(libc.syscall, 451, shared, 0, 0, 0)",
    "dropping a file from memory": "os.posix_fadvise(shared, 0, 0, os.POSIX_FADV_DONTNEED)",
    "watching who opens a file": "call(libc.inotify_init1, 0)",
    "a lease on a file": "fcntl.fcntl(shared, fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "a notice of changes in a folder": "fcntl.fcntl(shared, 1026, 1)",
    "a hint on a file": "fcntl.fcntl(shared, 1036, bytes(8))",
    "asking for a hint on a file": "fcntl.fcntl(shared, 1035, bytes(8))",
    "a larger pipe": "fcntl.fcntl(os.pipe()[0], 1031, 1 << 17)",
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
    "reading in pieces": """
        import os
        parts = [bytearray(1), bytearray(2)]
        with open("x", "wb+") as file:
            os.pwritev(file.fileno(), [bytes([0]), bytes([1, 2])], 0)
            os.preadv(file.fileno(), parts, 0)
        print([*parts[0], *parts[1]])""",
    "a database in a file": """
        import sqlite3
        with sqlite3.connect("x.db") as made:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("CREATE TABLE t (x)")
            made.executemany("INSERT INTO t VALUES (?)", [(0,), (1,), (2,)])
        print([x for x, in sqlite3.connect("x.db").execute("SELECT x FROM t")])""",
    "locks": """
        import fcntl
        with open("x", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            print([0, 1, 2])""",
    "locks of processes": """
        import multiprocessing
        lock = multiprocessing.Lock()
        with multiprocessing.Pool(2) as pool, lock: print(pool.map(abs, [0, -1, 2]))""",
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
import ctypes, fcntl, os, socket, time
shared = os.open(os.__file__, os.O_RDONLY)
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


def test_locks_of_a_hand_in_are_seen_by_no_other(pool: Pool) -> None:
    """Locks on a library would tell a hand-in that is graded beside what to do."""
    take = """
    import fcntl, os, struct
    file = open(os.__file__, 'rb')
    seen = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 7, 1, 0)
    for command in (37, fcntl.F_SETLK):
        fcntl.fcntl(file, command, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 7, 1, 0))
    fcntl.flock(file, fcntl.LOCK_EX)
    """
    look = """
    found = [struct.unpack('hhqqi4x', fcntl.fcntl(file, c, seen))[0] for c in (36, fcntl.F_GETLK)]
    print(found == [fcntl.F_UNLCK] * 2)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    """
    with pool.worker() as other:
        deadline = time.monotonic() + 20
        other.channel.send({"run": dedent(take)}, deadline=deadline)
        answer, _ = other.channel.receive(deadline)
        assert answer["error"] is None
        assert run(pool, dedent(take) + dedent(look)) == "True\n"


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
