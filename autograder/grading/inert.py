"""What student code shows, made harmless where it enters: bounded text, and plain pictures."""

from __future__ import annotations

import base64
import binascii
import re
import struct
import zlib
from typing import Any

_MAX_PICTURE = 1 << 20  # characters of base64
_MAX_PIXELS = 25_000_000  # what a browser unpacks a picture to is not bounded by its file's size
_MAX_CHUNKS = 1000
_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
# of the kinds of chunks those that are needed to draw the picture: no text, no profiles, no EXIF
_DRAWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"sRGB", b"pHYs"})
_JOINERS = "\u200c\u200d"  # not printable by themselves, but parts of words and of emoji


def inert_text(text: Any, most: int) -> str:
    """The first ``most`` bytes of a text, in which nothing does anything but stand there.

    Control characters, which give orders to terminals, and those that turn the direction of
    writing round, are written as escape sequences; line ends and tabs stay. Empty for what is no
    text.
    """
    if not isinstance(text, str):
        return ""
    shown: str = text[:most]
    if not shown.replace("\n", "").isprintable():
        shown = "".join(map(_shown, re.sub(r"\r\n?", "\n", shown)))
    return shown.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t" or character in _JOINERS:
        return character
    return ascii(character)[1:-1]


def inert_picture(text: Any) -> str | None:
    """A PNG picture in base64 with nothing in it but the picture; None if it is no such thing."""
    if not isinstance(text, str) or len(text) > _MAX_PICTURE:
        return None
    try:
        plain = _plain_png(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, struct.error):
        return None
    return base64.b64encode(plain).decode("ascii")


def _plain_png(data: bytes) -> bytes:
    """The chunks that are drawn, up to the last one. Raises ValueError or struct.error."""
    if not data.startswith(_PNG):
        raise ValueError("no PNG")
    kept, at = [_PNG], len(_PNG)
    for _ in range(_MAX_CHUNKS):
        length, kind = _CHUNK.unpack_from(data, at)
        end = at + _CHUNK.size + length + 4
        (checksum,) = struct.unpack_from(">I", data, end - 4)
        if checksum != zlib.crc32(data[at + 4 : end - 4]):
            raise ValueError("a chunk is damaged")
        if len(kept) == 1:
            width, height = struct.unpack_from(">II", data, at + _CHUNK.size)
            if kind != b"IHDR" or length != 13 or not 0 < width * height <= _MAX_PIXELS:
                raise ValueError("no picture of a size to be shown")
        if kind in _DRAWN:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    raise ValueError("too many chunks")
