"""What a hand-in uses as a whole: limits of the kernel count each process for itself.

The zygote looks now and then, and ends a worker whose processes together are over the limits.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

import psutil

from .confine import Limits

OTHERS_NICE = 15  # of all but the first thread of a hand-in
SECONDS = 0.1  # between two looks; a core fills at most a few hundred MB in that time
MEMORY, CPU = "memory", "cpu"
_HELD = re.compile(rb"^Vm(?:RSS|Swap):\s+(\d+) kB$", re.MULTILINE)


class Usage(NamedTuple):
    """Seconds of CPU time that a process and its descendants have taken, and that their threads
    have waited for a core that others had."""

    cpu: float
    waited: float


def usage(pid: int) -> Usage:
    """What process ``pid`` and its descendants have used since they began."""
    processes = _tree(pid)
    return Usage(sum(map(_cpu_seconds, processes)), sum(map(_waited, processes)))


def give_way(pid: int) -> None:
    """Have all threads of a hand-in but the first give way to other hand-ins.

    The kernel shares cores out by threads: who starts eight would get eight shares.
    """
    for process in _tree(pid):
        with contextlib.suppress(psutil.Error, OSError):
            others = [thread.id for thread in process.threads() if thread.id != pid]
            for other in others:
                if os.getpriority(os.PRIO_PROCESS, other) < OTHERS_NICE:
                    os.setpriority(os.PRIO_PROCESS, other, OTHERS_NICE)


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        top = psutil.Process(pid)
        return [top, *top.children(recursive=True)]
    return []


def _waited(process: psutil.Process) -> float:
    """Seconds that the threads of a process were ready to run, and did not."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += int((thread / "schedstat").read_bytes().split()[1])
    return total / 1e9


def held(pid: int) -> int:
    """Bytes of memory and swap that process ``pid`` holds; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    return sum(int(kilobytes) << 10 for kilobytes in _HELD.findall(status))


def overuse(pid: int, limits: Limits, shared: int) -> str | None:
    """MEMORY or CPU if process ``pid`` and its descendants use more of it than the limits say.

    ``shared`` is what they have in common with the zygote, which does not count as theirs.
    """
    processes = _tree(pid)
    allowed = limits.memory + shared
    # shared pages count in each process here, so this sum is an upper bound; the exact one is slow
    if sum(held(process.pid) for process in processes) > allowed and (
        sum(map(_share, processes)) > allowed
    ):
        return MEMORY
    return CPU if sum(map(_cpu_seconds, processes)) > limits.cpu_seconds else None


def _share(process: psutil.Process) -> int:
    """Bytes that a process holds; of pages that several hold, its share."""
    try:
        memory = process.memory_full_info()
        return int(memory.pss + memory.swap)
    except psutil.AccessDenied:  # it can forbid this, but then all counts as its own
        return held(process.pid)
    except psutil.Error:
        return 0


def _cpu_seconds(process: psutil.Process) -> float:
    """CPU time of a process, with that of its children that ended."""
    with contextlib.suppress(psutil.Error):
        return float(sum(process.cpu_times()[:4]))
    return 0.0
