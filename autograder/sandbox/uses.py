"""What a function uses of its notebook, and whether that has been changed since.

Restart & Run All calls an answer where its check stands. The grader calls it after all cells, and
there a helper's name may have been used again, or a table been filled. Then the calls are made in a
process that has run the notebook up to the check only. To look for such changes costs microseconds.
"""

from __future__ import annotations

import builtins
import contextlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_MOST_PARTS = 10_000
_MOST_BYTES = 64 << 20  # of arrays
_PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})
_BY_CONTENTS = frozenset({list, tuple, dict, set, frozenset, np.ndarray, bytearray})
_BY_TEXT = frozenset({"eval", "exec", "globals", "vars", "locals", "get_ipython", "__main__"})
_ABSENT = object()


class Uses:
    """What a function uses of the names of a notebook, directly or by what it calls.

    Names are those in its code, which may be too many. Contents of lists, dictionaries, arrays and
    objects count, up to a bound; the state of modules and of random generators does not. Nor do
    names that were not there at all: cells that were moved are read in the one way that works.
    """

    def __init__(self, function: Callable[..., Any], names: Mapping[str, Any]) -> None:
        self._function = function
        self._looked = False
        self._names = names
        self._missing: set[str] = set()
        self._before = self._parts()
        self._looked = True

    def changed(self) -> bool:
        """Whether any of it is not as it was; False if it cannot be told."""
        now = self._parts()
        return len(now) != len(self._before) or not all(map(_same, self._before, now))

    def _parts(self) -> list[Any]:
        walk = _Walk(self._names, self._missing, first=not self._looked)
        with contextlib.suppress(BaseException):  # an object that breaks when looked at
            walk.go(self._function)
        return walk.parts


class _Walk:
    """Goes through all that a value holds; ``parts`` is what it met."""

    def __init__(self, names: Mapping[str, Any], missing: set[str], *, first: bool) -> None:
        self.names = names
        self.missing = missing
        self.first = first
        self.parts: list[Any] = []
        self.room = _MOST_BYTES
        self.seen: set[int] = set()

    def go(self, first: Any) -> None:
        due = [first]  # no recursion: what a student has made may be deep
        while due and len(self.parts) < _MOST_PARTS:
            value = due.pop()
            self.parts.append(type(value) if type(value) in _BY_CONTENTS else value)
            if type(value) not in _PLAIN and id(value) not in self.seen:
                self.seen.add(id(value))
                due += self._within(value)

    def _within(self, value: Any) -> list[Any]:
        if isinstance(value, FunctionType):
            return self._of_function(value)
        if isinstance(value, (ModuleType, CodeType)):
            return []
        if isinstance(value, (list, tuple)):
            self.parts.append(len(value))
            return list(value)
        if isinstance(value, dict):
            self.parts.append(len(value))
            return [*value, *value.values()]
        if isinstance(value, (set, frozenset)):
            self.parts += [len(value), hash(frozenset(value))]
            return []
        if isinstance(value, (np.ndarray, bytearray)):
            self._note_array(value)
            return []
        if isinstance(value, type):
            own = value.__module__ == "__main__"
            return [*value.__bases__, *vars(value).values()] if own else []
        if isinstance(value, partial):
            return [value.func, *value.args, *value.keywords.values()]
        if isinstance(value, MethodType):
            return [value.__func__, value.__self__]
        version = getattr(value, "_version", None)  # torch counts the changes of a tensor
        held = getattr(value, "__dict__", None)
        return [version, type(value), *(held.values() if type(held) is dict else ())]

    def _of_function(self, function: FunctionType) -> list[Any]:
        found: list[Any] = []
        for cell in function.__closure__ or ():
            try:
                found.append(cell.cell_contents)
            except ValueError:  # not bound yet
                found.append(_ABSENT)
        if function.__globals__ is not self.names:  # a library's, or a wrapper made by one
            return found
        found += [
            function.__code__,
            function.__defaults__,
            function.__kwdefaults__,
            function.__dict__,
        ]
        for name in _names_in(function.__code__, self.names):
            value = self.names.get(name, getattr(builtins, name, _ABSENT))
            if value is _ABSENT and self.first:
                self.missing.add(name)
            if name not in self.missing:
                found.append(value)
        return found

    def _note_array(self, value: np.ndarray | bytearray) -> None:
        array = np.asarray(value)
        if array.dtype.hasobject:
            self.parts += array.ravel().tolist()[:_MOST_PARTS]
        elif array.nbytes <= self.room:
            self.room -= array.nbytes
            self.parts += [str(array.dtype), str(array.shape), zlib.crc32(array.tobytes())]


def _names_in(code: CodeType, names: Mapping[str, Any]) -> list[str]:
    found: dict[str, None] = {}
    due = [code]
    while due:
        each = due.pop()
        found.update(dict.fromkeys(each.co_names))
        due += [constant for constant in each.co_consts if isinstance(constant, CodeType)]
    if not _BY_TEXT.isdisjoint(found):
        found.update(dict.fromkeys(name for name in names if not name.startswith("_")))
    return list(found)


def _same(before: Any, now: Any) -> bool:
    if before is now:
        return True
    return type(before) is type(now) and type(before) in _PLAIN and bool(before == now)
