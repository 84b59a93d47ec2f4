"""Control groups (cgroup v2): a limit on all memory of a zygote and what runs in it, of any kind.

Trusted side. Only where this process's own group was given to its user, as root has it in some
containers, and as ``systemd-run --user --scope -p Delegate=yes autograder ...`` gives it. Groups of
version 1 are left alone: those are not handed over.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from functools import cache
from pathlib import Path

import psutil

_PREFIX = "autograder-"
_OWN = f"{_PREFIX}itself"
_REMOVAL_SECONDS = 2.0
_numbers = itertools.count()


class MemoryGroup:
    """A new control group below ``parent``, removed when it is closed."""

    def __init__(self, parent: Path) -> None:
        self.path = parent / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        self.allowed = 0
        with contextlib.suppress(FileNotFoundError):  # a kernel without swap
            (self.path / "memory.swap.max").write_text("0")

    def command(self, command: list[str]) -> list[str]:
        """The command line that runs ``command`` inside the group, from its very beginning."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return ["/bin/sh", "-c", enter, str(self.path / "cgroup.procs"), *command]

    @property
    def used(self) -> int:
        """Bytes of memory in use, with all that the kernel keeps for it."""
        return int((self.path / "memory.current").read_text())

    def allow(self, memory: int) -> None:
        """Set the limit to ``memory`` bytes, unless more is allowed already."""
        if memory > self.allowed:
            self.allowed = memory
            (self.path / "memory.max").write_text(str(memory))

    def close(self) -> None:
        """End what is still running in the group, and remove it."""
        with contextlib.suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")
        end = time.monotonic() + _REMOVAL_SECONDS
        while time.monotonic() < end:
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:  # its last process is still ending
                time.sleep(0.01)


@cache
def delegated() -> Path | None:
    """The group in which this process may make others that limit memory, or None."""
    own = _own_group()
    if own is None or not os.access(own / "cgroup.procs", os.W_OK):
        return None
    if "memory" not in (own / "cgroup.controllers").read_text().split():
        return None
    try:
        _share_memory_controller(own)
    except OSError:
        return None
    _remove_left_over(own)
    return own


def _own_group() -> Path | None:
    mounts = [m.mountpoint for m in psutil.disk_partitions(all=True) if m.fstype == "cgroup2"]
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if mounts and line.startswith("0::/"):
                own = Path(mounts[0]) / line[4:]
                return own.parent if own.name == _OWN else own
    return None


def _share_memory_controller(own: Path) -> None:
    """Let groups below ``own`` limit memory. Raises OSError where that cannot be."""
    switches = own / "cgroup.subtree_control"
    if "memory" in switches.read_text().split():
        return
    try:
        switches.write_text("+memory")
        return
    except OSError:  # but for the root, a group has either processes or groups with limits
        inside = {int(pid) for pid in (own / "cgroup.procs").read_text().split()}
        me = psutil.Process()
        if not inside <= {me.pid, *(child.pid for child in me.children(recursive=True))}:
            raise  # others are in it, and not ours to move
    leaf = own / _OWN
    leaf.mkdir(exist_ok=True)
    for pid in inside:
        with contextlib.suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(str(pid))
    switches.write_text("+memory")


def _remove_left_over(own: Path) -> None:
    """Remove the groups of graders that were killed; those with processes in them stay."""
    for path in own.glob(f"{_PREFIX}*-*"):
        grader = path.name.removeprefix(_PREFIX).split("-")[0]
        if grader.isdigit() and not psutil.pid_exists(int(grader)):
            with contextlib.suppress(OSError):
                path.rmdir()
