"""The filter on system calls that every worker runs under, made by libseccomp.

Trusted side. The filter is compiled once, to a BPF program; a worker loads that with one system
call (``confine.filter_system_calls``), so that nothing of libseccomp is needed inside.

Denied is what a notebook never needs and what has let programs out of sandboxes, hides memory from
the limits, or tells of files what others have done with them: hand-ins can read the same libraries,
and by these a hand-in could leave word for another, or for itself when it is graded again. All else
is allowed, for NumPy, torch and the C library differ in what they call.
"""

from __future__ import annotations

import errno
import tempfile
from functools import cache
from typing import Any

# by what they would give a hand-in; those that libseccomp does not know are left out
DENIED = {
    "mounts": (
        "mount umount umount2 pivot_root chroot mount_setattr open_tree open_tree_attr move_mount "
        "fsopen fsconfig fsmount fspick statmount listmount quotactl quotactl_fd swapon swapoff"
    ),
    "namespaces": "unshare setns",
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp "
        "pidfd_getfd pidfd_open migrate_pages move_pages"
    ),
    "the kernel": (
        "kexec_load kexec_file_load init_module finit_module delete_module create_module "
        "query_module reboot bpf perf_event_open userfaultfd io_uring_setup io_uring_enter "
        "io_uring_register add_key request_key keyctl syslog acct lookup_dcookie uselib "
        "personality modify_ldt iopl ioperm vm86 vm86old nfsservctl _sysctl sysfs ustat vhangup "
        "fanotify_init fanotify_mark seccomp"
    ),
    "files by handle": "open_by_handle_at name_to_handle_at",
    "special files": "mknod mknodat",
    "the machine": (
        "settimeofday clock_settime clock_adjtime adjtimex stime sethostname setdomainname mbind "
        "set_mempolicy set_mempolicy_home_node"
    ),
    # pages that belong to no process's address space, where no limit of a process counts them
    "hidden memory": (
        "memfd_create memfd_secret shmget shmat shmctl shmdt semget semctl semop semtimedop "
        "msgget msgsnd msgrcv msgctl mq_open mq_unlink vmsplice"
    ),
    # which pages of a file are in memory, and when another process opens it
    "traces in shared files": "mincore cachestat inotify_init inotify_init1",
}
_FCNTL_DENIED = (
    1024,  # F_SETLEASE
    1026,  # F_NOTIFY
    1031,  # F_SETPIPE_SZ: what all pipes of a user hold is counted together
    1035,  # F_GET_RW_HINT, and F_SET_RW_HINT: a note on a file that anybody may leave
    1036,
    1037,  # the same two, F_..._FILE_RW_HINT
    1038,
)
# Locks seem to be had, and lock nothing: files that a hand-in can write are its own, and the only
# others that see them are its own processes. SQLite and others would fail if locks were refused.
_FCNTL_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW
_DONT_NEED = 4  # of posix_fadvise: drop the pages of a file from memory
_CLONE_NEW = (
    0x00020000,  # mount
    0x02000000,  # cgroup
    0x04000000,  # UTS
    0x08000000,  # IPC
    0x10000000,  # user
    0x20000000,  # pid
    0x40000000,  # network
)
_AF_UNIX = 1
_INT = 0xFFFFFFFF
_UNKNOWN = -1  # what libseccomp calls a system call that it does not know


class NoFilter(Exception):
    """Why there can be no filter here."""


def worker_filter() -> bytes:
    """The filter as a BPF program for this machine's kernel. Raises NoFilter."""
    try:
        import pyseccomp
    except ImportError:
        raise NoFilter("the Python package pyseccomp is not installed") from None
    except RuntimeError:  # what it raises when it finds no libseccomp.so
        raise NoFilter(
            "libseccomp is not installed (on Debian and Ubuntu: apt-get install libseccomp2)"
        ) from None
    try:
        return _compiled(pyseccomp)
    except (OSError, AttributeError) as error:
        raise NoFilter(f"libseccomp cannot make it: {error}") from None


@cache
def _compiled(library: Any) -> bytes:
    made = library.SyscallFilter(library.ALLOW)
    made.set_attr(library.Attr.ACT_BADARCH, library.KILL_PROCESS)
    denied = library.ERRNO(errno.EPERM)
    for names in DENIED.values():
        for name in names.split():
            if library.resolve_syscall(library.Arch.NATIVE, name) != _UNKNOWN:
                made.add_rule(denied, name)
    for flag in _CLONE_NEW:
        made.add_rule(denied, "clone", library.Arg(0, library.MASKED_EQ, flag, flag))
    # its flags lie in memory, where a filter cannot look; the C library then takes clone
    made.add_rule(library.ERRNO(errno.ENOSYS), "clone3")
    made.add_rule(denied, "socket", library.Arg(0, library.NE, _AF_UNIX))
    for name in ("preadv2", "pwritev2"):  # RWF_NOWAIT tells whether a page is in memory
        made.add_rule(denied, name, library.Arg(5, library.NE, 0))
    made.add_rule(denied, "fadvise64", library.Arg(3, library.MASKED_EQ, _INT, _DONT_NEED))
    # of an argument that is an int the kernel looks at the lower half
    for command in _FCNTL_DENIED:
        made.add_rule(denied, "fcntl", library.Arg(1, library.MASKED_EQ, _INT, command))
    nothing = library.ERRNO(0)
    for command in _FCNTL_LOCKS:
        made.add_rule(nothing, "fcntl", library.Arg(1, library.MASKED_EQ, _INT, command))
    made.add_rule(nothing, "flock")
    # as a binary tree: the kernel tries every call when it loads the program
    made.set_attr(library.Attr.CTL_OPTIMIZE, 2)
    with tempfile.TemporaryFile() as file:
        made.export_bpf(file)
        file.seek(0)
        return file.read()
