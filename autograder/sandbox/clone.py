"""clone(2): a fork whose child starts in new namespaces, as process 1 of its own pid namespace.

``os.unshare`` and a second fork come to the same, but copying the page tables of a process with
NumPy and matplotlib in it costs as much as all else that makes a worker, so it is done once.
"""

from __future__ import annotations

import ctypes
import os
import signal

_SYS_CLONE3 = 435  # on every architecture
_syscall = ctypes.PyDLL(None, use_errno=True).syscall  # PyDLL: the interpreter stays locked
_before_fork = ctypes.pythonapi.PyOS_BeforeFork
_after_fork_parent = ctypes.pythonapi.PyOS_AfterFork_Parent
_after_fork_child = ctypes.pythonapi.PyOS_AfterFork_Child
for _hook in (_before_fork, _after_fork_parent, _after_fork_child):
    _hook.restype = None


class _CloneArguments(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
        )
    )


def clone(namespaces: int) -> int:
    """Fork into the new namespaces named by CLONE_NEW… flags; 0 in the child, else its pid.

    As ``os.fork``, for a process with a single thread. Raises OSError where the kernel refuses.
    """
    arguments = _CloneArguments(flags=namespaces, exit_signal=signal.SIGCHLD)
    _before_fork()
    pid: int = _syscall(_SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if pid == 0:
        _after_fork_child()
        return 0
    number = ctypes.get_errno()
    _after_fork_parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid
