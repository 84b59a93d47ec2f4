"""Hostile hand-ins as data: what each does, and how its grading may end. One module a few kinds.

All are hand-ins to one problem set of this course; ``bench/attacks.py`` has them graded.
"""

from . import files, messages, notebooks, pages, patches, resources, secrets, time_and_ends, values
from .attack import ARGUMENT, ATTACKED, MARKER, PROBLEM_SET, Attack, Notebook

ATTACKS: tuple[Attack, ...] = (
    *patches.ATTACKS,
    *values.ATTACKS,
    *secrets.ATTACKS,
    *messages.ATTACKS,
    *time_and_ends.ATTACKS,
    *resources.ATTACKS,
    *notebooks.ATTACKS,
    *files.ATTACKS,
    *pages.ATTACKS,
)

__all__ = ["ARGUMENT", "ATTACKED", "ATTACKS", "MARKER", "PROBLEM_SET", "Attack", "Notebook"]
