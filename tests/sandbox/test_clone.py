"""A cloned process is as good as a forked one."""

from __future__ import annotations

import ctypes
import os

import pytest

from autograder.sandbox.clone import clone
from autograder.sandbox.confine import NAMESPACES


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
