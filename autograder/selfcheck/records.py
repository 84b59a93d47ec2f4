"""Dataclasses as JSON and back, led by the types of their fields: no field is written down twice.

A field may be a text, a number, a truth value, an enumeration's member, another dataclass, or a
tuple, a frozenset or a mapping of such, and None besides any of these. A field of type ``Any``
holds a value of :mod:`.values`. One made with ``field(metadata=UNTOLD)`` is left out.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from .values import ValueRefused, decode, encode

UNTOLD = types.MappingProxyType({"told": False})  # metadata of a field that is not part of the JSON
FORMAT = 4  # of the texts that dumps() writes

_Told = Callable[[Any], Any]  # what becomes of a value, on its way out or in
_Turn = Callable[[Any, _Told], Any]  # what becomes of something of one type


def tree_of(item: Any, value: _Told = lambda value: value, *, sparse: bool = False) -> Any:
    """The JSON tree of a dataclass; ``sparse`` leaves out fields that have their default."""
    kind: Any = type(item)
    return _writer(kind, sparse)(item, value)


def record_of(kind: Any, tree: Any, value: _Told = lambda value: value) -> Any:
    """What :func:`tree_of` made a tree of. Fields that the tree lacks have their default.

    Raises ValueRefused if a field is missing, or not of its type.
    """
    return _reader(kind)(tree, value)


def dumps(kind: Any, item: Any) -> str:
    """JSON text of something of type ``kind``, arrays included."""
    buffers: list[bytes] = []
    content = _writer(kind, True)(item, lambda value: encode(value, buffers))
    texts = [base64.b64encode(buffer).decode("ascii") for buffer in buffers]
    tree = {"format": FORMAT, "content": content, "buffers": texts}
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def loads(kind: Any, text: str) -> Any:
    """What :func:`dumps` made a text of. Raises ValueError if it is none of this version."""
    tree = json.loads(text)
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        found = tree.get("format") if isinstance(tree, dict) else None
        raise ValueRefused(f"a text of format {found}; this version reads {FORMAT}")
    try:
        buffers = [base64.b64decode(buffer) for buffer in tree["buffers"]]
        content = tree["content"]
    except (KeyError, TypeError) as error:
        raise ValueRefused(f"a text without its parts: {error}") from None
    return _reader(kind)(content, lambda value: decode(value, buffers))


def _fields(kind: Any) -> list[tuple[dataclasses.Field[Any], Any]]:
    """The fields that are told, each with its type."""
    hints = typing.get_type_hints(kind)
    told = (each for each in dataclasses.fields(kind) if each.metadata.get("told", True))
    return [(each, hints[each.name]) for each in told]


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default  # MISSING, which nothing equals, if there is none


@cache
def _writer(kind: Any, sparse: bool) -> _Turn:
    if kind is Any:
        return lambda item, value: value(item)
    if dataclasses.is_dataclass(kind):
        fields = [(each.name, _default(each), _writer(of, sparse)) for each, of in _fields(kind)]
        if sparse:
            return lambda item, value: {
                name: write(content, value)
                for name, default, write in fields
                if (content := getattr(item, name)) is not default and not _equal(content, default)
            }
        return lambda item, value: {
            name: write(getattr(item, name), value) for name, _, write in fields
        }
    inner = [_writer(each, sparse) for each in _inner(kind)]
    if _is_optional(kind):
        return lambda item, value: None if item is None else inner[0](item, value)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return lambda item, value: [inner[0](part, value) for part in item]
    if origin is frozenset:
        return lambda item, value: sorted(inner[0](part, value) for part in item)
    if origin is Mapping:
        return lambda item, value: {key: inner[1](part, value) for key, part in item.items()}
    return lambda item, value: item


def _equal(content: Any, default: Any) -> bool:
    """Whether a field has its default; arrays, which compare in their own way, never have."""
    return type(content) is type(default) and bool(content == default)


@cache
def _reader(kind: Any) -> _Turn:
    if kind is Any:
        return lambda tree, value: value(tree)
    if dataclasses.is_dataclass(kind):
        return _record_reader(kind)
    plain = _plain(kind)
    if plain:
        return lambda tree, value: tree if type(tree) in plain else _be(plain[0], tree)
    inner = [_reader(each) for each in _inner(kind)]
    if _is_optional(kind):
        return lambda tree, value: None if tree is None else inner[0](tree, value)
    origin = typing.get_origin(kind)
    if origin in (tuple, frozenset):
        return lambda tree, value: origin([inner[0](part, value) for part in _be(list, tree)])
    if origin is Mapping:
        return lambda tree, value: {
            key: inner[1](part, value) for key, part in _be(dict, tree).items()
        }
    return lambda tree, value: kind(tree)  # a member of an enumeration


def _record_reader(kind: Any) -> _Turn:
    # a large class is read several times: scalars are checked here, without a further call
    fields = [(each.name, _plain(of), _reader(of)) for each, of in _fields(kind)]
    needed = {each.name for each, _ in _fields(kind) if _default(each) is dataclasses.MISSING}

    def read(tree: Any, value: _Told) -> Any:
        given = _be(dict, tree)
        if not needed <= given.keys():
            missing = ", ".join(sorted(needed - given.keys()))
            raise ValueRefused(f"{kind.__name__} without {missing}")
        arguments = {}
        for name, plain, turn in fields:
            if name in given:
                part = given[name]
                arguments[name] = part if type(part) in plain else turn(part, value)
        return kind(**arguments)

    return read


def _plain(kind: Any) -> tuple[type, ...]:
    """The types of what stands for itself in JSON, if this is such a kind."""
    if _is_optional(kind):
        (inner,) = _inner(kind)
        return (*_plain(inner), type(None)) if _plain(inner) else ()
    if kind is float:
        return (float, int)
    return (kind,) if kind in (str, int, bool) else ()


def _be(kind: type, tree: Any) -> Any:
    if type(tree) is not kind:
        raise ValueRefused(f"{type(tree).__name__} instead of {kind.__name__}")
    return tree


def _inner(kind: Any) -> list[Any]:
    """The types inside of one, such as that of a tuple's entries."""
    return [each for each in typing.get_args(kind) if each not in (type(None), ...)]


def _is_optional(kind: Any) -> bool:
    return type(None) in typing.get_args(kind)
