"""Writing files so that a reader never sees half of one, and what to say when it cannot be done."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from autograder.paths import UserError

PRIVATE = 0o600  # the mode of a file that holds the seed, or what follows from it


def write_whole(
    path: Path, content: bytes | str | Iterable[str], *, durable: bool = False, mode: int = 0o644
) -> None:
    """Write a file beside its place and move it there: old or new, never half.

    With ``durable`` that holds for a loss of power, too. The file beside it has always the same
    name, so that the next attempt takes away what a killed one left; so nobody else may write the
    same path at that time. Raises UserError if it cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            os.fchmod(file.fileno(), mode)
            if isinstance(content, bytes):
                file.write(content)
            else:
                parts = [content] if isinstance(content, str) else content
                file.writelines(encoded(part) for part in parts)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        _remove(beside)
        raise cannot_write(path, error) from None
    except BaseException:
        _remove(beside)
        raise


def encoded(text: str) -> bytes:
    """Text as it is written: UTF-8, with a question mark for half a character."""
    return text.encode("utf-8", "replace")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


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
