"""Inputs in words: what a function was called with, an argument a line, long ones shortened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from .language import say

_MOST_ENTRIES = 24  # of an array, or of a list of numbers, that is shown whole
_EDGE = 2  # entries at each end of one that is not
_MOST_ITEMS = 4  # of a list of arrays
_MOST_DIMENSIONS = 3  # of an array that is shown
_MOST_TEXT = 200  # characters of anything else


def inputs_text(given: Mapping[str, Any]) -> str:
    """The arguments, each on a line of its own, or on several if it is an array of several rows."""
    lines = [line for name, value in given.items() for line in _lines(f"  {name} = ", value)]
    return "\n".join([say("inputs:"), *lines])


def _lines(start: str, value: Any) -> Iterator[str]:
    if _is_list_of_arrays(value):
        kind = "a list of {n}" if isinstance(value, list) else "a tuple of {n}"
        yield start + say(kind, n=len(value))  # as compare.py describes one
        shown = value if len(value) <= _MOST_ITEMS else value[: _MOST_ITEMS - 1]
        inner = " " * (len(start) - len(start.lstrip()) + 2)
        for number, item in enumerate(shown):
            yield from _lines(f"{inner}[{number}] = ", item)
        if len(shown) < len(value):
            yield inner + say("… and {n} more", n=len(value) - len(shown))
        return
    first, *rest = _text(value).split("\n")
    yield start + first
    yield from (" " * len(start) + line for line in rest)


def _is_list_of_arrays(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(item, (np.ndarray, list, tuple)) for item in value
    )


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        notes = ", ".join(_notes(value))
        return _numbers(value) + (f"  ({notes})" if notes else "")
    if isinstance(value, (list, tuple)) and len(value) > _MOST_ENTRIES:
        ends = [*map(repr, value[:_EDGE]), "…", *map(repr, value[-_EDGE:])]
        return f"[{', '.join(ends)}]  ({say('{n} entries', n=len(value))})"
    try:
        text = str(value) if isinstance(value, np.number) else repr(value)
    except Exception:  # an object of the student's own, fed back to the function
        text = say("a {type}", type=type(value).__name__)
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _numbers(array: np.ndarray[Any, Any]) -> str:
    if array.ndim > _MOST_DIMENSIONS:
        return say("an array")
    return np.array2string(
        array, precision=10, threshold=_MOST_ENTRIES, edgeitems=_EDGE, separator=", "
    ).replace("\n\n", "\n")


def _notes(array: np.ndarray[Any, Any]) -> Iterable[str]:
    """What the numbers of an array do not show."""
    if array.ndim == 0:
        yield say("an array without dimensions")
    elif array.size > _MOST_ENTRIES or array.size == 0 or array.ndim > _MOST_DIMENSIONS:
        yield say("shape {shape}", shape=array.shape)
    if array.dtype.kind not in "iub" and array.dtype != np.float64:
        yield str(array.dtype)
    if not array.flags.c_contiguous:
        by_columns = array.flags.f_contiguous
        yield say("stored by columns" if by_columns else "entries apart in memory")
    if not array.flags.writeable:
        yield say("read-only")
