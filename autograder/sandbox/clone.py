"""clone(2): a fork whose child starts in new namespaces, as process 1 of its own pid namespace.

``os.unshare`` and a second fork come to the same, but copying the page tables of a process with
NumPy and matplotlib in it costs as much as all else that makes a worker, so it is done once.
"""

from __future__ import annotations

import ctypes
import os
import signal

_SYS_CLONE3 = 435  # on every architecture
_CLONE_CHILD_SETTID, _CLONE_CHILD_CLEARTID = 0x01000000, 0x00200000
_PR_GET_TID_ADDRESS = 40
_syscall = ctypes.PyDLL(None, use_errno=True).syscall  # PyDLL: the interpreter stays locked
_prctl = ctypes.PyDLL(None).prctl
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
    own_id = ctypes.c_uint64()
    if _prctl(_PR_GET_TID_ADDRESS, ctypes.byref(own_id), 0, 0, 0) == 0:
        # where the C library keeps the thread's id, by which it tells who holds a lock: fork(3)
        # has the kernel put that right, too
        arguments.flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
        arguments.child_tid = own_id.value
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
