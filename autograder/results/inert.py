"""What student code shows, made harmless where it enters: bounded text, and plain pictures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import zlib
from typing import Any, NamedTuple

_MAX_PICTURE = 1 << 20  # characters of base64
_MAX_ATTACHED = 4 << 20  # the same, for one picture that a student attaches to a text: a photo
_MAX_ATTACHMENTS = 20  # to one cell
_MAX_PIXELS = 25_000_000  # what a browser unpacks a picture to is not bounded by its file's size
_MAX_CHUNKS = 1000
_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK = struct.Struct(">I4s")
# of the kinds of chunks those that are needed to draw the picture: no text, no profiles, no EXIF
_DRAWN = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"sRGB", b"pHYs"})
_MAX_OUTPUTS, _MAX_SAVED = 64, 8  # below a cell: outputs that are looked at, pictures kept
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


def inert_picture(text: Any, most: int = _MAX_PICTURE) -> str | None:
    """A PNG picture in base64 with nothing in it but the picture; None if it is no such thing."""
    if not isinstance(text, str) or len(text) > most:
        return None
    try:
        plain = _plain_png(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, struct.error):
        return None
    return base64.b64encode(plain).decode("ascii")


class Attachment(NamedTuple):
    """A picture attached to a cell: its name in the text, its MIME type, its data in base64."""

    name: str
    kind: str
    data: str


def inert_attachments(tree: Any) -> tuple[Attachment, ...]:
    """The attachments of a cell that are PNG or JPEG pictures; whatever else is left out."""
    found: list[Attachment] = []
    for name, bundle in tree.items() if isinstance(tree, dict) else ():
        if len(found) == _MAX_ATTACHMENTS:
            break
        if not isinstance(bundle, dict) or len(name) > 300:
            continue
        for kind, read in (("image/png", inert_picture), ("image/jpeg", _inert_photo)):
            data = bundle.get(kind)
            if isinstance(data, list) and all(isinstance(line, str) for line in data):
                data = "".join(data)
            if isinstance(data, str) and len(data) <= 2 * _MAX_ATTACHED:
                data = re.sub(r"\s+", "", data)
            picture = read(data, _MAX_ATTACHED)
            if picture is not None:
                found.append(Attachment(name, kind, picture))
                break
    return tuple(found)


def inert_outputs(outputs: Any) -> tuple[str, ...]:
    """The PNG pictures among the outputs that were saved below a cell, as base64."""
    found: list[str] = []
    for output in outputs[:_MAX_OUTPUTS] if isinstance(outputs, list) else ():
        bundle = output.get("data") if isinstance(output, dict) else None
        data = bundle.get("image/png") if isinstance(bundle, dict) else None
        if isinstance(data, list) and all(isinstance(line, str) for line in data):
            data = "".join(data)
        if isinstance(data, str) and len(data) <= 2 * _MAX_ATTACHED:
            picture = inert_picture(re.sub(r"\s+", "", data))
            if picture is not None:
                found.append(picture)
    return tuple(found[:_MAX_SAVED])


def _inert_photo(text: Any, most: int) -> str | None:
    """A JPEG picture in base64 of a size to be shown; None if it is no such thing.

    Nothing in it is struck out: a photo that has lost how it was held lies on its side.
    """
    if not isinstance(text, str) or len(text) > most:
        return None
    try:
        data = base64.b64decode(text, validate=True)
        width, height = _size_of_jpeg(data)
    except (binascii.Error, ValueError, struct.error, IndexError):
        return None
    return text if 0 < width * height <= _MAX_PIXELS else None


def _size_of_jpeg(data: bytes) -> tuple[int, int]:
    """Width and height. Raises ValueError, IndexError or struct.error if it is no JPEG picture."""
    if not data.startswith(b"\xff\xd8\xff"):
        raise ValueError("no JPEG")
    at = 2
    for _ in range(_MAX_CHUNKS):
        if data[at] != 0xFF:
            break
        kind = data[at + 1]
        (length,) = struct.unpack_from(">H", data, at + 2)
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame's header
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if kind == 0xDA or length < 2:
            break
        at += 2 + length
    raise ValueError("no frame")


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


def script_hash(script: str) -> str:
    """The hash by which a Content-Security-Policy allows one script, and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
