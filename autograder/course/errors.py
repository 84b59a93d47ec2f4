"""What is told to the user in one line, without a traceback."""

from __future__ import annotations

from collections.abc import Sequence


class UserError(Exception):
    """A mistake in what the user gave; the text says what, where, and what to do."""


def some(
    names: Sequence[str], count: int | None = None, *, most: int = 10, rest: str = "more"
) -> str:
    """The first of ``count`` names, which are these if it is not given, and how many are left."""
    shown = names[:most]
    left = (len(names) if count is None else count) - len(shown)
    return ", ".join(shown) + (f" and {left} {rest}" if left > 0 else "")
