"""Ctrl-C and SIGTERM: a batch is told to stop, and stops where nothing is left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal told the grader to stop; the text says what is done, and how to go on."""

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(text)
        self.exit_status = 128 + number


class StopSignals:
    """Holds signals back, except while the program waits. Use it in a ``with`` block.

    The first signal is raised, as Interrupted, where the program says that it may be; a second one
    at once. Outside of the main thread nothing is changed.
    """

    def __init__(self) -> None:
        self.number = 0  # of the signal that came
        self._may_raise = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        again = bool(self.number)
        self.number = number
        if self._may_raise or again:
            raise Interrupted(number)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """A block in which a signal may be raised; also one that came before."""
        if self.number:
            raise Interrupted(self.number)
        self._may_raise = True
        try:
            yield
        finally:
            self._may_raise = False

    def while_waiting_for(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items; a signal may be raised while the next one is made, not while it is used."""
        remaining = iter(items)
        while True:
            with self.raised():
                item = next(remaining, None)
            if item is None:
                return
            yield item
