"""How hand-ins are graded: where, by how many at a time, within which limits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import FULL

DRAW, KEEP, NONE = "draw", "keep", "none"  # what is done about figures


@dataclass(frozen=True)
class TimeLimits:
    """Seconds for a cell, for a call of a check, and for a whole notebook each time it is run.

    Time in which other processes had the core does not count.
    """

    cell: float = 20.0
    call: float = 5.0
    notebook: float = 120.0


@dataclass(frozen=True)
class Settings:
    """How to grade. ``workers`` None means all cores; ``seed`` None means a fresh one.

    ``figures``: "draw" draws those of hand-ins, "keep" shows the pictures that were saved in them
    instead, "none" shows none.
    ``scheduler`` is the address of a Dask cluster to grade on; None means this machine.
    """

    device: str = "auto"
    isolation: str = FULL.name
    workers: int | None = None
    seed: int | None = None
    time: TimeLimits = field(default_factory=TimeLimits)
    limits: Limits = field(default_factory=Limits)
    scheduler: str | None = None
    figures: str = DRAW

    @property
    def worker_count(self) -> int:
        """How many hand-ins are graded at a time: as told, or one for each core and two more.

        Hand-ins wait too, for their worker to begin or the grader to read: a core would stand idle.
        """
        return self.workers or usable_cores() + 2


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
