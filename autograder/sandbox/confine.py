"""Confinement of one worker: namespaces, mounts, capabilities, limits. Linux calls by ctypes.

Python 3.12 has os.unshare; everything else here (mount, prctl, capset) has no binding in the
standard library, and the sandbox should import little.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 1 << 18
_SYS_MOUNT_SETATTR, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, 0x8000, 1
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 38, 36
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
NAMESPACES = (
    _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
)
_SIGKILL = 9
NOBODY = 65534  # the user and group that student code runs as when the grader is root


@dataclass(frozen=True)
class Limits:
    """What one worker may use; sizes in bytes, times in seconds.

    ``memory`` is the address space of a process, and what all processes together may hold;
    ``disk`` the size of /tmp, of /dev/shm, and of a file; ``cpu_seconds`` counts all processes.
    """

    memory: int = 2 << 30
    disk: int = 64 << 20
    processes: int = 8
    open_files: int = 64
    cpu_seconds: int = 120


def _call(name: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option: int, argument: int) -> None:
    _call("prctl", _libc.prctl(option, argument, 0, 0, 0))


def _write(path: str, text: str) -> None:
    # every worker does this, several times; Path.write_text takes ten times as long
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    with contextlib.suppress(OSError, AttributeError):
        _prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of all descendants that lose theirs."""
    with contextlib.suppress(OSError, AttributeError):
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def offer_to_oom_killer() -> None:
    """When the machine runs out of memory, have the kernel end this process, not the grader."""
    with contextlib.suppress(OSError):
        _write("/proc/self/oom_score_adj", "1000")


def leave_root() -> None:
    """Go on as nobody, if root: limits on processes do not hold for root."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _prctl(_PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root, and uid_map with it


def furnish_namespaces(
    limits: Limits, hidden: Sequence[str], kept: Sequence[str], uid: int, gid: int
) -> None:
    """Set up the new namespaces that this process was cloned into, by user ``uid`` and ``gid``.

    All that is mounted becomes read-only; /tmp and /dev/shm become private and bounded; /proc,
    /dev/pts and the folders in ``hidden`` become empty. The folders in ``kept`` stay visible also
    where they lie below /tmp. Raises OSError where namespaces are not to be had.
    """
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"1000 {uid} 1")
    _write("/proc/self/gid_map", f"1000 {gid} 1")
    for kind in ("user", "mnt", "pid", "net"):  # and no further ones below these
        with contextlib.suppress(OSError):
            _write(f"/proc/sys/user/max_{kind}_namespaces", "0")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")
    _make_all_read_only()
    below_tmp = [
        (os.open(folder, os.O_PATH), folder)
        for folder in kept
        if folder.startswith("/tmp/") and Path(folder).is_dir()
    ]
    safe = _MS_NOSUID | _MS_NODEV
    _mount("tmpfs", "/tmp", "tmpfs", safe, f"size={limits.disk},nr_inodes=4096,mode=700")
    for descriptor, folder in below_tmp:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _mount(f"/proc/self/fd/{descriptor}", folder, "", _MS_BIND | _MS_REC, "")
        os.close(descriptor)
    _mount("tmpfs", "/dev/shm", "tmpfs", safe, f"size={limits.disk},nr_inodes=256,mode=700")
    for path in ("/proc", "/dev/pts", *hidden):
        if Path(path).is_dir():
            _mount("tmpfs", path, "tmpfs", safe | _MS_NOEXEC | _MS_RDONLY, "size=4k,mode=555")


def _make_all_read_only() -> None:
    """Make every mount read-only (mount_setattr, Linux 5.12; glibc has no older name for it)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    _call(
        "mount_setattr",
        _libc.syscall(_SYS_MOUNT_SETATTR, -1, b"/", _AT_RECURSIVE, ctypes.byref(attributes), 32),
    )


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    _call(
        f"mount {target}",
        _libc.mount(
            source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
        ),
    )


def drop_privileges() -> None:
    """Give up every capability, for good, and the means to get new ones."""
    with contextlib.suppress(OSError):  # beyond the last capability of this kernel
        for capability in range(64):
            _prctl(_PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    data = (ctypes.c_uint32 * 6)()
    _call("capset", _libc.capset(ctypes.byref(header), ctypes.byref(data)))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class _Program(ctypes.Structure):  # struct sock_fprog
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_system_calls(program: bytes) -> None:
    """Put this process and all it starts under a seccomp filter, a BPF program, for good."""
    loaded = _Program(len(program) // 8, program)
    address = ctypes.addressof(loaded)
    _call("seccomp", _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, address, 0, 0))


def limit_resources(limits: Limits, counts_whole_user: bool) -> None:
    """Set the limits, hard ones, on this process and all it starts.

    Without a user namespace of its own (``counts_whole_user``) the kernel counts all processes
    of the user, so the limit on processes is set above what runs already.
    """
    processes = limits.processes
    if counts_whole_user:
        with contextlib.suppress(OSError):
            processes += sum(len(list(p.glob("task/*"))) for p in Path("/proc").glob("[0-9]*"))
    for name, value in (
        ("RLIMIT_AS", limits.memory),
        ("RLIMIT_FSIZE", limits.disk),
        ("RLIMIT_NPROC", processes),
        ("RLIMIT_NOFILE", limits.open_files),
        # of one process; more than all may take together, so that the zygote notices first
        ("RLIMIT_CPU", limits.cpu_seconds + 2),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_MSGQUEUE", 0),
        ("RLIMIT_MEMLOCK", 0),
        ("RLIMIT_SIGPENDING", 64),
        ("RLIMIT_NICE", 0),
        ("RLIMIT_RTPRIO", 0),
    ):
        kind = getattr(resource, name, None)
        if kind is not None:
            with contextlib.suppress(ValueError, OSError):  # macOS has some of them in name only
                resource.setrlimit(kind, (value, value))
