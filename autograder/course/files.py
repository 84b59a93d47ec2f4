"""Writing files so that a reader never sees half of one, and what to say when it cannot be done."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.course.errors import UserError

PUBLIC = 0o644
PRIVATE = 0o600  # the mode of a file that holds the seed, or what follows from it
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class LinkInTheWay(UserError):
    """A folder to write to is a symbolic link, which could lead anywhere."""


def find_link(path: Path, below: Path) -> Path | None:
    """The first symbolic link on the way from the folder ``below`` to ``path``, itself included."""
    place = str(below)
    for part in path.relative_to(below).parts:
        place = os.path.join(place, part)  # noqa: PTH118 - a large class asks this often
        if os.path.islink(place):  # noqa: PTH114
            return Path(place)
    return None


def make_folder(folder: Path, below: Path) -> None:
    """Make a folder and those above it. Raises UserError, and LinkInTheWay at a link."""
    try:
        with open_folder(folder, below):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from None


@contextmanager
def open_folder(folder: Path, below: Path | None = None) -> Iterator[int]:
    """A descriptor of a folder, which is made if there is none.

    With ``below``, a folder above it, no symbolic link between the two is followed: the folders
    are opened one in the other, so that nobody can put a link there just then. Raises OSError,
    and LinkInTheWay at a link.
    """
    start = folder if below is None else below
    parts = () if below is None else folder.relative_to(below).parts
    start.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(start, _FOLDER)
    try:
        for number, part in enumerate(parts, start=1):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            try:
                inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            except OSError:
                if _is_link(part, descriptor):
                    raise link_in_the_way(start.joinpath(*parts[:number])) from None
                raise
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _is_link(name: str, folder: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False


def link_in_the_way(path: Path) -> LinkInTheWay:
    """What to tell of a link where there should be a folder or a file of the grader's."""
    return LinkInTheWay(
        f"{path} is a symbolic link, which is not followed; "
        "remove it and run the same command again"
    )


def write_whole(
    path: Path,
    content: bytes | str | Iterable[str],
    *,
    durable: bool = False,
    mode: int = PUBLIC,
    below: Path | None = None,
) -> None:
    """Write a file beside its place and move it there: old or new, never half.

    With ``durable`` that holds for a loss of power, too. The file beside it has always the same
    name, so that the next attempt takes away what a killed one left; so nobody else may write the
    same path at that time. A link in the place of either file is replaced, and never written
    through; of links to folders see :func:`open_folder`.

    Raises UserError if it cannot be written, and LinkInTheWay at a link below ``below``.
    """
    try:
        with open_folder(path.parent, below) as folder:
            _write_into(folder, path.name, content, durable=durable, mode=mode)
    except OSError as error:
        raise cannot_write(path, error) from None


def _write_into(
    folder: int, name: str, content: bytes | str | Iterable[str], *, durable: bool, mode: int
) -> None:
    beside = f".{name}.new"
    _remove(beside, folder)  # it may be a link, too, also a hard one
    new = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(beside, new, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            if isinstance(content, bytes):
                file.write(content)
            else:
                parts = [content] if isinstance(content, str) else content
                file.writelines(encoded(part) for part in parts)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _remove(beside, folder)
        raise


def encoded(text: str) -> bytes:
    """Text as it is written: UTF-8, with a question mark for half a character."""
    return text.encode("utf-8", "replace")


def _remove(name: str, folder: int) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=folder)


def cannot_write(path: Path, error: OSError) -> UserError:
    """What to tell when a file cannot be written: which, why, and what to do."""
    what = "run the same command again when it can be written"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        what = "free some space and run the same command again"
    elif error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        what = "make it writable and run the same command again"
    reason = (error.strerror or str(error)).lower()
    return UserError(f"cannot write {path}: {reason}; {what}: no grading is lost")


def cannot_read(path: Path, error: OSError) -> UserError:
    """What to tell when a file of an earlier grading is not for this user to read."""
    reason = (error.strerror or str(error)).lower()
    return UserError(
        f"cannot read {path}: {reason}; it is readable by the user who graded, for it holds the "
        "seed: grade as that user, or make it readable"
    )


def put_on_disk(folder: Path) -> None:
    """Have the system write out what it still holds in memory of the folder's file system."""
    with contextlib.suppress(OSError):
        subprocess.run(["sync", "--file-system", str(folder)], check=False, capture_output=True)
