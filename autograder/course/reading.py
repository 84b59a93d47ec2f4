"""Reading a file that a student has put there: hostile input, like all that is handed in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from autograder.selfcheck.language import say

MAX_BYTES = 50 << 20


class Damaged(Exception):
    """A file that is not a notebook that can be graded; the text is one sentence on why."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a hand-in. Raises Damaged if it is no regular file, too large, or unreadable."""
    # a link to another student's folder would hand in that student's work
    for folder in path.parents[:2]:
        if os.path.islink(folder):  # noqa: PTH114 - which raises nothing
            raise Damaged(
                say("the folder {name} is a symbolic link, which is not followed", name=folder.name)
            )
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise Damaged(say("there is no file {name}", name=path.name)) from None
    except OSError as error:
        if os.path.islink(path):  # noqa: PTH114
            raise Damaged(say("the file is a symbolic link, which is not followed")) from None
        raise Damaged(say("the file cannot be opened: {error}", error=error.strerror)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Damaged(say("it is not a regular file"))
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > MAX_BYTES:
            size, allowed = status.st_size >> 20, MAX_BYTES >> 20
            raise Damaged(
                say(
                    "the file has {size} MB, more than the {allowed} MB allowed",
                    size=size,
                    allowed=allowed,
                )
            )
        try:
            data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise Damaged(say("the file cannot be read: {error}", error=error.strerror)) from None
    if len(data) > MAX_BYTES:
        raise Damaged(
            say("the file has more than the {allowed} MB allowed", allowed=MAX_BYTES >> 20)
        )
    return data
