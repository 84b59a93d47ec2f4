"""What is told to the user in one line, without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """A mistake in what the user gave; the text says what, where, and what to do."""
