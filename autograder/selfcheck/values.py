"""Plain data: the only thing that crosses the border between a student's process and the grader.

A value is turned into a JSON tree plus raw byte buffers and back. Nothing is pickled, so decoding
can build nothing but the types listed here, and never runs code of the sender.

    None, bool, str          themselves
    int                      itself (beyond 64 bits: refused as unsupported)
    float                    itself; NaN and infinities as {"float": "nan"}
    list, tuple              {"list": [...]}, {"tuple": [...]}
    NumPy scalar or array    {"array": {"dtype", "shape", "buffer", "layout", "readonly"}}
    anything else            {"unsupported": "the type's name"}

``layout`` says how the array lies in memory ("C", "F" or "strided"): a case can ask for a
non-contiguous or a read-only array and the student's function gets just that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .language import say

Tree = Any  # a JSON tree, as described above
Buffer = bytes | memoryview

_MAX_DEPTH = 16
_MAX_TEXT = 10_000
_DTYPE = re.compile(r"[<|][biufc]\d{1,2}")
_FLOAT64 = np.dtype("<f8")
_TEXT_PART = 4  # characters of text that count as one part
_LIST_PARTS, _ARRAY_PARTS, _UNSUPPORTED_PARTS = 3, 8, 8  # what these take, in numbers of a list


class ValueRefused(ValueError):
    """A tree that is not plain data as described in this module, or is too large."""


@dataclass(frozen=True)
class Unsupported:
    """Stands for a value of a type that is not plain data."""

    type_name: str


@dataclass
class Room:
    """What values may still take, together: ``parts`` (numbers in lists), ``size`` of arrays.

    Whoever codes several values with the same room bounds their sum. An array counts each time
    that it is named, also if its bytes are the same ones.
    """

    parts: int = 100_000
    size: int = 1 << 26

    def take(self, parts: int, size: int = 0) -> bool:
        """Use up some of it; False if that is more than there is."""
        self.parts -= parts
        self.size -= size
        return self.parts >= 0 and self.size >= 0


def encode(value: Any, buffers: list[bytes], room: Room | None = None) -> Tree:
    """Return the JSON tree of ``value``; append the bytes of its arrays to ``buffers``.

    Raises ValueRefused if the value nests deeper than 16 levels, or does not fit into ``room``.
    """
    return _Encoder(buffers, room or Room()).tree(value, 0)


class _Encoder:
    def __init__(self, buffers: list[bytes], room: Room) -> None:
        self.buffers = buffers
        self.room = room

    def tree(self, value: Any, depth: int) -> Tree:
        if depth > _MAX_DEPTH:
            raise ValueRefused(say("the value is nested too deeply to be an answer"))
        self.take(1)
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        if kind is int:
            return value if -(2**63) <= value < 2**63 else self.unsupported("int beyond 64 bits")
        if kind is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if kind is str:
            text = value[:_MAX_TEXT]
            self.take(len(text) // _TEXT_PART)
            return text
        if isinstance(value, (np.ndarray, np.generic)):
            return self.array(value)
        if isinstance(value, (list, tuple)):
            self.take(_LIST_PARTS)
            name = "list" if isinstance(value, list) else "tuple"
            return {name: [self.tree(item, depth + 1) for item in value]}
        return self.unsupported(kind.__name__[:100])

    def take(self, parts: int) -> None:
        if not self.room.take(parts):
            raise ValueRefused(say("the value has too many parts to be an answer"))

    def unsupported(self, type_name: str) -> Tree:
        self.take(_UNSUPPORTED_PARTS)
        return {"unsupported": type_name}

    def array(self, value: np.ndarray[Any, Any] | np.generic) -> Tree:
        # np.ndarray.view drops subclasses, whose methods could say anything
        plain = value if type(value) is np.ndarray else np.asarray(value).view(np.ndarray)
        kind = plain.dtype
        if kind is not _FLOAT64:  # nearly all are, and need none of this
            if kind in (np.longdouble, np.clongdouble):
                plain = plain.astype(np.float64 if kind == np.longdouble else np.complex128)
            if plain.dtype.kind not in "biufc":
                return self.unsupported(f"array of {plain.dtype}"[:100])
            plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
        if not self.room.take(_ARRAY_PARTS, plain.nbytes):
            raise _too_large(plain.shape)
        flags = plain.flags
        layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"
        self.buffers.append(plain.tobytes())
        return {
            "array": {
                "dtype": plain.dtype.str,
                "shape": list(plain.shape),
                "buffer": len(self.buffers) - 1,
                "layout": layout,
                "readonly": isinstance(value, np.ndarray) and not value.flags.writeable,
            }
        }


def _too_large(shape: tuple[int, ...]) -> ValueRefused:
    return ValueRefused(say("with an array of shape {shape} the answer is too large", shape=shape))


def decode(tree: Tree, buffers: Sequence[Buffer]) -> Any:
    """Return the value that :func:`encode` turned into ``tree``; trust nothing in it.

    Raises ValueRefused for everything that :func:`encode` cannot have written.
    """
    return Decoder(buffers).value(tree)


class Decoder:
    """Decodes the values of one message, none of which has a buffer in common with another.

    With ``views``, arrays are read-only views of the buffers, whatever their layout was: values
    that are only looked at need no memory of their own.
    """

    def __init__(
        self, buffers: Sequence[Buffer], room: Room | None = None, *, views: bool = False
    ) -> None:
        self.buffers = buffers
        self.room = room or Room()
        self.views = views
        self.used: set[int] = set()

    def value(self, tree: Tree, depth: int = 0) -> Any:
        """The value of a tree. Raises ValueRefused as :func:`decode`."""
        if depth > _MAX_DEPTH:
            raise ValueRefused(say("the value is nested too deeply to be an answer"))
        self.take(1)
        if tree is None or isinstance(tree, bool):
            return tree
        if isinstance(tree, int) and -(2**63) <= tree < 2**63:
            return tree
        if isinstance(tree, float) and math.isfinite(tree):
            return tree
        if isinstance(tree, str):
            self.take(min(len(tree), _MAX_TEXT) // _TEXT_PART)
            return tree[:_MAX_TEXT]
        if not isinstance(tree, dict) or len(tree) != 1:
            raise ValueRefused(say("not plain data"))
        ((kind, content),) = tree.items()
        if kind == "float" and isinstance(content, str) and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind in ("list", "tuple") and isinstance(content, list):
            self.take(_LIST_PARTS)
            items = [self.value(item, depth + 1) for item in content]
            return items if kind == "list" else tuple(items)
        if kind == "array" and isinstance(content, dict):
            return self.array(content)
        if kind == "unsupported" and isinstance(content, str):
            self.take(_UNSUPPORTED_PARTS)
            return Unsupported("".join(c for c in content[:100] if c.isprintable()))
        raise ValueRefused(say("not plain data"))

    def take(self, parts: int) -> None:
        if not self.room.take(parts):
            raise ValueRefused(say("the value has too many parts to be an answer"))

    def array(self, content: dict[str, Any]) -> np.ndarray[Any, Any]:
        try:
            name, shape, index = content["dtype"], content["shape"], content["buffer"]
            layout, readonly = content["layout"], content["readonly"]
        except KeyError as missing:
            raise ValueRefused(say("an array without {name}", name=missing)) from None
        if not isinstance(name, str):
            raise ValueRefused(say("an array of a type that is not numeric"))
        dtype = _numeric(name)
        if layout not in ("C", "F", "strided") or not isinstance(readonly, bool):
            raise ValueRefused(say("an array of an unknown layout"))
        if (
            not isinstance(shape, list)
            or len(shape) > 32
            or not all(type(n) is int and 0 <= n < 2**31 for n in shape)
            or type(index) is not int
            or not 0 <= index < len(self.buffers)
            or index in self.used  # or a small message could ask for much memory
            or math.prod(shape) * dtype.itemsize != len(self.buffers[index])
        ):
            raise ValueRefused(say("an array whose shape does not fit its bytes"))
        self.used.add(index)
        if not self.room.take(_ARRAY_PARTS, len(self.buffers[index])):
            raise _too_large(tuple(shape))
        try:
            array = np.ndarray(shape, dtype, self.buffers[index])
            if not self.views:
                array = _laid_out(array, layout)
        except ValueError:  # no entries, yet dimensions too large for NumPy
            raise ValueRefused(say("an array of an impossible shape")) from None
        if readonly:
            array.flags.writeable = False
        return array


@lru_cache(64)
def _numeric(name: str) -> np.dtype[Any]:
    # np.dtype() reads a small language, of which these are the plain words
    if not _DTYPE.fullmatch(name):
        raise ValueRefused(say("an array of a type that is not numeric"))
    try:
        return np.dtype(name)
    except TypeError:
        raise ValueRefused(say("an array of an unknown type")) from None


def _laid_out(flat: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    """A copy that lies in memory as ``layout`` says."""
    if layout == "F":
        return np.array(flat, order="F")
    if layout == "strided" and flat.ndim > 0:
        wide: np.ndarray[Any, Any] = np.zeros((*flat.shape[:-1], 2 * flat.shape[-1]), flat.dtype)
        view = wide[..., ::2]
        view[...] = flat
        return view
    return np.array(flat, order="C")
