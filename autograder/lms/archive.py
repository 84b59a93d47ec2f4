"""Notebooks out of what a platform gives: a zip file or a folder, read and never unpacked.

A member's name says whose it is, and is no path that anything is written to. Archives within an
archive are read, too, as deep as platforms make them. What is hostile is refused with its reason.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.course.errors import UserError
from autograder.course.reading import MAX_BYTES, Damaged, read_bytes

_MOST_MEMBERS = 50_000
_MOST_BYTES = 20 << 30  # of all notebooks together
_MOST_NESTED_BYTES = 200 << 20
_DEEPEST = 2  # archives within the archive
_WANTED = (".ipynb",)
_READ_TOO = ("submission_metadata.yml", "timestamp.txt", "submission_secret.txt")


@dataclass(frozen=True)
class Member:
    """A file of a collection: its parts from the top on, and its content.

    ``data`` is None if it is not taken, and then ``why`` says why not.
    """

    parts: tuple[str, ...]
    data: bytes | None
    why: str = ""

    @property
    def name(self) -> str:
        return self.parts[-1]


def members(source: Path) -> Iterator[Member]:
    """The notebooks of a folder or a zip file, what belongs to them, and what is refused.

    Other files are left out. Raises UserError if the source is neither, or holds too much.
    """
    if source.is_dir():
        found = _in_folder(source, source)
    elif zipfile.is_zipfile(source):
        found = _in_zip(source, (), 0)
    else:
        raise UserError(f"{source} is no folder and no zip file; give what the platform gave you")
    size = 0
    for count, member in enumerate(found):
        size += len(member.data or b"")
        if count >= _MOST_MEMBERS or size > _MOST_BYTES:
            raise UserError(f"{source} holds more than a class can hand in; is it the right one?")
        yield member


def _in_folder(folder: Path, root: Path) -> Iterator[Member]:
    for path in sorted(folder.iterdir()):
        parts = path.relative_to(root).parts
        if path.name.startswith(".") or path.name == "__MACOSX":
            continue
        if path.is_symlink():
            yield Member(parts, None, "it is a symbolic link, which is not followed")
        elif path.is_dir():
            yield from _in_folder(path, root)
        elif path.suffix.lower() == ".zip":
            yield from _nested(path, parts, 1)
        elif _is_wanted(path.name):
            try:
                yield Member(parts, read_bytes(path))
            except Damaged as damaged:
                yield Member(parts, None, str(damaged))


def _nested(content: Path | bytes, parts: tuple[str, ...], depth: int) -> Iterator[Member]:
    if depth > _DEEPEST:
        yield Member(parts, None, f"it is an archive in {_DEEPEST} others, and is not opened")
        return
    above = (*parts[:-1], PurePosixPath(parts[-1]).stem)
    yield from _in_zip(content, above, depth, parts)


def _in_zip(
    content: Path | bytes, above: tuple[str, ...], depth: int, own: tuple[str, ...] = ("",)
) -> Iterator[Member]:
    opened: Path | io.BytesIO = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        with zipfile.ZipFile(opened) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_MEMBERS:
                yield Member(own, None, f"it is an archive of more than {_MOST_MEMBERS:,} files")
                return
            for info in sorted(infos, key=lambda info: info.filename):
                if not info.is_dir():
                    yield from _member(archive, info, above, depth)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        yield Member(own, None, f"it is an archive that cannot be read: {error}")


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, above: tuple[str, ...], depth: int
) -> Iterator[Member]:
    inner = PurePosixPath(info.filename.replace("\\", "/")).parts
    parts = (*above, *inner)
    name = parts[-1]
    if any(part.startswith(".") and part != ".." for part in inner) or "__MACOSX" in inner:
        return
    is_archive = name.lower().endswith(".zip")
    if not (is_archive or _is_wanted(name)):
        return
    allowed = _MOST_NESTED_BYTES if is_archive else MAX_BYTES
    why = _why_refused(info, inner, allowed)
    data = None
    if not why:
        try:
            with archive.open(info) as file:
                data = file.read(allowed + 1)  # the size that is told need not be true
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
            why = f"it cannot be read: {error}"
        except Exception as error:  # zlib's and lzma's own
            why = f"it cannot be unpacked: {error}"
        if data is not None and len(data) > allowed:
            why, data = f"it has more than the {allowed >> 20} MB allowed", None
    if data is None:
        yield Member(parts, None, why)
    elif is_archive:
        yield from _nested(data, parts, depth + 1)
    else:
        yield Member(parts, data)


def _why_refused(info: zipfile.ZipInfo, inner: tuple[str, ...], allowed: int) -> str:
    if info.filename.startswith(("/", "\\")) or ".." in inner or os.path.isabs(info.filename):  # noqa: PTH117
        return "its name leads out of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a symbolic link, which is not followed"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.file_size > allowed:
        return f"it has {info.file_size >> 20} MB, more than the {allowed >> 20} MB allowed"
    return ""


def _is_wanted(name: str) -> bool:
    return name.lower().endswith(_WANTED) or name in _READ_TOO
