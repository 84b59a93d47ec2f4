"""clone(2): a fork whose child starts in new namespaces, as process 1 of its own pid namespace.

``os.unshare`` and a second fork come to the same, but copying the page tables of a process with
NumPy and matplotlib in it costs as much as all else that makes a worker, so it is done once.

In some containers there seems to be no clone3, since a filter on system calls cannot see its flags;
then the older call, clone, may still be allowed, and does the same.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal

_SYS_CLONE3 = 435  # on every architecture
_SYS_CLONE = {  # where its first argument are the flags; on s390x it is the stack
    "x86_64": 56,
    "aarch64": 220,
    "riscv64": 220,
    "ppc64le": 120,
}.get(platform.machine())
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
    pid, number = _call(_SYS_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if pid < 0 and number == errno.ENOSYS and _SYS_CLONE is not None:
        flags = ctypes.c_ulong(arguments.flags | arguments.exit_signal)
        # the id of the thread is the fourth argument on some machines, and the fifth on others;
        # the other one is for threads, and without effect here
        place = ctypes.c_void_p(arguments.child_tid)
        pid, number = _call(_SYS_CLONE, flags, None, None, place, place)
    if pid == 0:
        _after_fork_child()
        return 0
    _after_fork_parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid


def _call(number: int, *arguments: object) -> tuple[int, int]:
    """What a system call returns, and its error number if that is -1."""
    result: int = _syscall(ctypes.c_long(number), *arguments)
    return result, ctypes.get_errno() if result < 0 else 0
