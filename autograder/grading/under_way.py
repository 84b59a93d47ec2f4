"""Which hand-ins are being graded, as marks on disk that outlive the grader.

A hand-in whose grading kills the grader would kill it again in the next run. So the mark that it
leaves has it graded last, with nothing beside it; and when the grader dies once more, it is plain
which one it was, and it is set aside. An orderly end, such as Ctrl-C or a full disk, takes the
marks away, which needs no space.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from autograder.course.files import cannot_write, link_in_the_way

_ALONE = ".alone"


class UnderWay:
    """The marks of a problem set, in its folder of reports; read when this is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "under-way"
        names = {path.name for path in self._marks()}
        self._guilty = {name.removesuffix(_ALONE) for name in names if name.endswith(_ALONE)}
        self._left = {name.removesuffix(_ALONE) for name in names}
        self._now: dict[str, bool] = {}  # marks of this run: whether it is alone

    def _marks(self) -> list[Path]:
        with contextlib.suppress(OSError):
            if not self._folder.is_symlink():  # what is behind it are no marks
                return list(self._folder.iterdir())
        return []

    def was_left(self, student: str, fingerprint: str) -> bool:
        """Whether the grader died while it graded this hand-in."""
        return _name(student, fingerprint) in self._left

    def is_to_blame(self, student: str, fingerprint: str) -> bool:
        """Whether it did so while it graded nothing else."""
        return _name(student, fingerprint) in self._guilty

    def begin(self, student: str, fingerprint: str, *, alone: bool = False) -> None:
        """Mark a hand-in. Raises UserError if that cannot be done."""
        name = _name(student, fingerprint)
        path = self._folder / (name + _ALONE * alone)
        if self._folder.is_symlink():
            raise link_in_the_way(self._folder)
        try:
            self._folder.mkdir(exist_ok=True)
            with contextlib.suppress(
                FileExistsError
            ):  # with O_EXCL a symbolic link is not followed, and marks as well as a file
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        except OSError as error:
            raise cannot_write(path, error) from None
        self._now[name] = alone

    def end(self, student: str, fingerprint: str) -> None:
        """The result is on disk: take the marks away, also those of earlier runs."""
        name = _name(student, fingerprint)
        alone = self._now.pop(name, False)
        if alone or name in self._guilty:
            self._remove(name + _ALONE)
        self._remove(name)
        self._guilty.discard(name)
        self._left.discard(name)

    def stop(self) -> None:
        """The run ends in good order: nothing that it was at is to blame for that."""
        for name, alone in self._now.items():
            if alone:
                self._remove(name + _ALONE)
            elif name not in self._left:
                self._remove(name)
        self._now = {}

    def close(self, *, complete: bool) -> None:
        """The run came to its end. If all hand-ins are graded, marks of others mean nothing."""
        with contextlib.suppress(OSError):
            for path in self._marks() if complete else ():
                path.unlink()
            self._folder.rmdir()  # if nothing is left in it

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()


def _name(student: str, fingerprint: str) -> str:
    return hashlib.sha256(f"{student}\n{fingerprint}".encode()).hexdigest()[:32]
