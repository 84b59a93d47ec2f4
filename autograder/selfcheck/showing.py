"""Inputs in words: what a function was called with, an argument a line, long ones shortened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

_MOST_ENTRIES = 24  # of an array, or of a list of numbers, that is shown whole
_EDGE = 2  # entries at each end of one that is not
_MOST_ITEMS = 4  # of a list of arrays
_MOST_DIMENSIONS = 3  # of an array that is shown
_MOST_TEXT = 200  # characters of anything else


def inputs_text(given: Mapping[str, Any]) -> str:
    """The arguments, each on a line of its own, or on several if it is an array of several rows."""
    lines = [line for name, value in given.items() for line in _lines(f"  {name} = ", value)]
    return "\n".join(["inputs:", *lines])


def _lines(start: str, value: Any) -> Iterator[str]:
    if _is_list_of_arrays(value):
        kind = "list" if isinstance(value, list) else "tuple"
        yield f"{start}a {kind} of {len(value)}"
        shown = value if len(value) <= _MOST_ITEMS else value[: _MOST_ITEMS - 1]
        inner = " " * (len(start) - len(start.lstrip()) + 2)
        for number, item in enumerate(shown):
            yield from _lines(f"{inner}[{number}] = ", item)
        if len(shown) < len(value):
            yield f"{inner}… and {len(value) - len(shown)} more"
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
        return f"[{', '.join(ends)}]  ({len(value)} entries)"
    try:
        text = str(value) if isinstance(value, np.number) else repr(value)
    except Exception:  # an object of the student's own, fed back to the function
        text = f"a {type(value).__name__}"
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"


def _numbers(array: np.ndarray[Any, Any]) -> str:
    if array.ndim > _MOST_DIMENSIONS:
        return "an array"
    return np.array2string(
        array, precision=10, threshold=_MOST_ENTRIES, edgeitems=_EDGE, separator=", "
    ).replace("\n\n", "\n")


def _notes(array: np.ndarray[Any, Any]) -> Iterable[str]:
    """What the numbers of an array do not show."""
    if array.ndim == 0:
        yield "an array without dimensions"
    elif array.size > _MOST_ENTRIES or array.size == 0 or array.ndim > _MOST_DIMENSIONS:
        yield f"shape {array.shape}"
    if array.dtype.kind not in "iub" and array.dtype != np.float64:
        yield str(array.dtype)
    if not array.flags.c_contiguous:
        yield "stored by columns" if array.flags.f_contiguous else "entries apart in memory"
    if not array.flags.writeable:
        yield "read-only"
