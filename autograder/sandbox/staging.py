"""Folders of a running grader's in the system's folder for temporary files.

Each is locked as long as its grader lives, and the kernel unlocks what a killed one leaves: so the
next can tell what is left over, and remove it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "autograder-sandbox-"


class Staging:
    """A new folder of this process's, gone when it is closed."""

    def __init__(self) -> None:
        remove_left_over()
        while True:
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            with contextlib.suppress(FileNotFoundError):  # not locked yet, it seemed left over
                self._descriptor = _open(self.path)
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
                if self.path.exists():
                    return
                os.close(self._descriptor)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def remove_left_over() -> None:
    """Remove the folders of this user's graders that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            descriptor = _open(path)
        except OSError:  # a link, a file, or another user's
            continue
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # rmtree follows no link, and in a sticky folder nobody else can move this one
                shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass  # its grader lives
        finally:
            os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
