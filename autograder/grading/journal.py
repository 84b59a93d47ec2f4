"""What is known on disk of the grading of a problem set: results, and the journal of a run.

Results live in files and are read when they are needed; memory holds where each one lies. The
journal has a line with what a run was told to do, then one for each hand-in that it graded:

    {"run": {...}, "graded_with": "...", "everything": false, "students": null}
    {"checksums": [notebook, feedback], "result": {... as in results.json ...}}

A line is appended whole, before the two files are put in their places: the checksums tell whether
they got there. What a kill, a full disk or a loss of power leaves of a last line is ignored.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from autograder.course.errors import UserError
from autograder.course.files import (
    PRIVATE,
    cannot_read,
    cannot_write,
    encoded,
    link_in_the_way,
    put_on_disk,
    write_whole,
)
from autograder.results.result import Result, Run
from autograder.results.tables import read_result, read_run
from autograder.selfcheck.records import record_of, tree_of

JOURNAL = "journal.jsonl"
_SYNC_SECONDS = 1.0  # of grading that a loss of power may cost


@dataclass(frozen=True)
class Request:
    """What a run was told to do, and with what: ``run`` is without results.

    ``graded_with`` is the hash of all that grades depend on besides the hand-ins.
    """

    run: Run
    graded_with: str
    everything: bool = False
    students: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return {**tree_of(self), "run": self.run.to_json()}

    @staticmethod
    def from_json(tree: dict[str, Any]) -> Request:
        """Raises ValueError or KeyError."""
        run = Run.from_json(tree["run"])
        request: Request = record_of(Request, {**tree, "run": tree_of(run)})
        return request

    def is_continued_by(self, other: Request) -> bool:
        """Whether to do the other is to go on with this one."""
        return self.run.is_comparable_to(other.run) and replace(self, run=other.run) == other


@dataclass(frozen=True, slots=True)
class Entry:
    """A result on disk: in the journal or in results.json, from which byte on, of what.

    ``checksums`` are those of the files that were written with it, of what the journal holds.
    ``of_request`` says that it was made by the run that the journal's last request is about.
    """

    journaled: bool
    offset: int
    fingerprint: str
    outdated: bool = False
    checksums: tuple[int, int] | None = None
    of_request: bool = False


class Store:
    """The results of a problem set in its folder of reports. Use it in a ``with`` block.

    ``last`` is the run of results.json, ``request`` what a run was told that did not come to its
    end; ``finished`` and ``journaled`` are the results of the two, by student. Raises
    UserError if there is one that this user may not read.
    """

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results.json"
        self.path = folder / JOURNAL
        self.last: Run | None = None
        self.request: Request | None = None
        self.finished: dict[str, Entry] = {}
        self.journaled: dict[str, Entry] = {}
        # both stay open: a new results.json takes the place of the old one while that is read
        self._results: BinaryIO | None = None
        self._journal: BinaryIO | None = None
        self._out = -1  # the journal, to append to
        self._end = 0  # of the last whole line of the journal
        self._synced = 0.0
        try:
            self._read_results()
        except (
            PermissionError
        ) as error:  # if it counted as none, the class would be graded anew with another seed
            raise cannot_read(self.results, error) from None
        except (OSError, ValueError):  # none, or not ours
            pass
        try:
            self._read_journal()
        except PermissionError as error:
            raise cannot_read(self.path, error) from None
        except OSError:
            pass

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._results, self._journal):
            if file is not None:
                file.close()
        if self._out >= 0:
            os.close(self._out)

    def _read_results(self) -> None:
        self.last, results = read_run(self.results)
        for offset, result in results.with_offsets():
            self.finished[result.student] = Entry(
                False, offset, result.fingerprint, result.outdated
            )
        self._results = self.results.open("rb")

    def _read_journal(self) -> None:
        if self.path.is_symlink():  # none of ours
            return
        self._journal = self.path.open("rb")
        for line in self._journal:
            if not line.endswith(b"\n"):
                break
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._take(json.loads(line))
            self._end += len(line)

    def _take(self, tree: dict[str, Any]) -> None:
        """Take in what a line of the journal says."""
        if "result" not in tree:
            request = Request.from_json(tree)
            if self.request is not None and not self.request.is_continued_by(request):
                self._close_request()
            self.request = request
        elif self.request is not None:
            result = Result.from_json(tree["result"])
            notebook, feedback = tree["checksums"]
            self._enter(result, (notebook, feedback))

    def _enter(self, result: Result, checksums: tuple[int, int]) -> Entry:
        entry = Entry(
            True, self._end, result.fingerprint, result.outdated, checksums, of_request=True
        )
        self.journaled[result.student] = entry
        return entry

    def _close_request(self) -> None:
        for student, entry in self.journaled.items():
            self.journaled[student] = replace(entry, of_request=False)

    def known(self, student: str) -> Entry | None:
        """The newest result of a student's."""
        return self.journaled.get(student) or self.finished.get(student)

    def made_with(self, entry: Entry, run: Run) -> bool:
        """Whether a result, and the files written with it, are of a run's seed and level.

        A journal's must be adjusted as this run adjusts, too: results.json can be adjusted anew.
        """
        # a journal of another seed means that files of results.json may have been overwritten
        runs = [] if self.request is None else [self.request.run]
        if entry.journaled and any(each.adjustments != run.adjustments for each in runs):
            return False
        if not entry.journaled and self.last is not None:
            runs.append(self.last)
        return not entry.outdated and all(
            (each.seed, each.isolation) == (run.seed, run.isolation) for each in runs
        )

    def read(self, entry: Entry) -> Result:
        """The result itself."""
        file = self._journal if entry.journaled else self._results
        assert file is not None
        file.seek(entry.offset)
        line = file.readline()
        if entry.journaled:
            return Result.from_json(json.loads(line)["result"])
        return read_result(line)

    def begin(self, request: Request) -> None:
        """Start the journal of a run, or go on with that of one that did not come to its end.

        Results of another seed or level are dropped from it. Raises UserError.
        """
        before = self.request
        self.request = request
        line = _line(request.to_json())
        alike = before is not None and before.run.is_comparable_to(request.run)
        if before is not None and not before.is_continued_by(request):
            self._close_request()
        if not alike:
            self.journaled = {}
            self._end = 0
            write_whole(self.path, [""], durable=True, mode=PRIVATE)
        if self._journal is not None:
            self._journal.close()
        try:
            self._out = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            os.ftruncate(self._out, self._end)  # what is left of a last line
            self._journal = self.path.open("rb")
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self._append(line)
        put_on_disk(self.path.parent)

    def add(self, result: Result, checksums: tuple[int, int]) -> Entry:
        """Append a result. Raises UserError if that cannot be done."""
        tree = {"checksums": list(checksums), "result": result.to_json()}
        entry = self._enter(result, checksums)
        self._append(_line(tree))
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self.sync()
        return entry

    def _append(self, line: bytes) -> None:
        try:
            written = 0
            while written < len(line):
                written += os.write(self._out, line[written:])
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self._end += len(line)

    def sync(self) -> None:
        """Have the journal survive a loss of power. Raises UserError."""
        if self._out < 0:
            return
        try:
            os.fdatasync(self._out)
        except OSError as error:
            raise cannot_write(self.path, error) from None
        self._synced = time.monotonic()

    def forget_journal(self) -> None:
        """The run came to its end: results.json holds all that the journal does."""
        put_on_disk(self.path.parent)
        self.path.unlink(missing_ok=True)


def _line(tree: dict[str, Any]) -> bytes:
    return encoded(json.dumps(tree, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A block that one process at a time is in, by a lock that ends with the process.

    Raises UserError if another one is.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        append = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        file = open(os.open(path, append, 0o644), "a+b", buffering=0)  # noqa: PTH123, SIM115
    except OSError as error:
        if path.is_symlink():
            raise link_in_the_way(path) from None
        raise cannot_write(path, error) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read(200).decode(errors="replace") or "another process"
            raise UserError(
                f"{holder} is grading this problem set into {folder}; wait until it is done"
            ) from None
        except OSError as error:
            raise cannot_write(path, error) from None
        with contextlib.suppress(OSError):  # a full disk will be told of soon enough
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
