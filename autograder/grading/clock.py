"""What time a hand-in is charged with: not that in which other processes had the core.

Else a busy neighbour would cost points. Who sleeps is charged, and who computes; so on a machine
with nothing else to do it is the time that passes.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.sandbox.watch import Usage


class Clock:
    """Charges one worker. ``usage`` tells what it has used since it began, or None if it is gone.

    To ask costs time, so it is done only for answers that are late.
    """

    def __init__(self, usage: Callable[[], Usage | None]) -> None:
        self._usage = usage
        self._mark = Usage(0.0, 0.0)  # at the last look
        self._heard = 0.0  # seconds that answers took since then; they were charged as they were

    def charge(self, seconds: float) -> float:
        """What is charged for an answer that has been awaited for this long and is not there."""
        return self._charge(seconds, self._usage())

    def answered(self, seconds: float, *, late: bool) -> float:
        """What is charged for an answer that came after this time."""
        used = self._usage() if late else None
        if used is None:
            self._heard += seconds
            return seconds
        charged = self._charge(seconds, used)
        self._mark, self._heard = used, 0.0
        return charged

    def _charge(self, seconds: float, used: Usage | None) -> float:
        if used is None:
            return seconds
        heard = self._heard + seconds
        waited, computed = used.waited - self._mark.waited, used.cpu - self._mark.cpu
        # threads that wait for a core beside one that has it are no excuse
        return max(heard - waited, min(computed, heard), self._heard) - self._heard
