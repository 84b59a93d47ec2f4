"""A cloned process is as good as a forked one."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from autograder.sandbox.clone import clone
from autograder.sandbox.confine import NAMESPACES, Limits
from autograder.sandbox.isolation import LEVELS, Surroundings
from autograder.sandbox.pool import SandboxError, open_pool


def _holder_of_a_lock() -> int:
    """The thread id that the C library writes into a lock that this thread takes."""
    libc = ctypes.CDLL(None)
    mutex = (ctypes.c_int * 16)()
    libc.pthread_mutex_lock(ctypes.byref(mutex))
    return mutex[2]


def _told_by_a_clone(namespaces: int) -> bytes:
    reading, writing = os.pipe()
    pid = clone(namespaces)
    if pid == 0:
        os.write(writing, f"{os.getpid()} {_holder_of_a_lock()}".encode())
        os._exit(3)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    return told


def test_the_c_library_knows_the_id_of_the_cloned_thread() -> None:
    pid, holder = map(int, _told_by_a_clone(0).split())
    assert pid == holder != os.getpid()


def test_a_clone_in_namespaces_is_process_1() -> None:
    try:
        assert _told_by_a_clone(NAMESPACES) == b"1 1"
    except PermissionError as error:
        pytest.skip(f"namespaces are not to be had here: {error}")


REFUSED = """
import errno, sys
import pyseccomp
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import open_pool
from autograder.sandbox import orders

refusal = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refusal.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
refusal.load()
pool, reasons = open_pool(sys.argv[1], Surroundings(Limits()))
with pool, pool.worker() as worker:
    worker.channel.send_packed(orders.run("import os; print(os.getpid(), 6 * 7)"))
    print(worker.channel.receive()[0]["text"])
"""


def test_where_clone3_is_refused_workers_have_their_namespaces_all_the_same() -> None:
    """As some containers do it: the filter holds for this process and all that it starts."""
    level = _strongest_level_with_namespaces()
    command = [sys.executable, "-c", REFUSED, level]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "1 42", done.stderr


def _strongest_level_with_namespaces() -> str:
    for level in LEVELS:
        if level.namespaces:
            try:
                open_pool(level.name, Surroundings(Limits()))[0].close()
            except SandboxError:
                continue
            return level.name
    pytest.skip("no level with namespaces works here")
