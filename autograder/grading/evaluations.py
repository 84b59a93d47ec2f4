"""Evaluated specs kept in the course directory, so that the reference runs once for each seed.

Loading torch takes longer than grading fifty hand-ins. So a release already draws the seed of the
first grading and evaluates; a later grading with the same seed finds the spec here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import secrets
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from autograder.course.directory import Assignment
from autograder.course.files import PRIVATE, write_whole
from autograder.definition.reference_process import Evaluation, ReferenceProcess, result_of
from autograder.release.fingerprints import of_grading
from autograder.selfcheck.records import dumps, loads

_SEED_BITS = 128  # too many to find by trying seeds until one agrees with a message


@dataclass(frozen=True)
class _Kept:
    """An evaluation on disk: of which version of all that it depends on, on which hardware."""

    fingerprint: str
    hardware: str
    evaluation: Evaluation


def fresh_seed() -> int:
    """A seed that nobody can foresee."""
    return secrets.randbits(_SEED_BITS)


def first_seed(assignment: Assignment) -> int:
    """The seed of a first grading: that of the spec that is kept, or a fresh one."""
    seed = kept_seed(assignment)
    return fresh_seed() if seed is None else seed


def prepare(assignments: Iterable[Assignment]) -> None:
    """Draw the seed of the first grading and evaluate, where that has not been done yet."""
    due = [
        (assignment, fresh_seed())
        for assignment in assignments
        if kept_seed(assignment) is None and not assignment.results.exists()
    ]
    if not due:
        return
    with ReferenceProcess() as process:
        waiting = [(each, process.submit(each.material, seed, "auto")) for each, seed in due]
        for assignment, future in waiting:
            keep(assignment, "auto", result_of(future))


class PendingEvaluation:
    """An evaluation that is kept, or is computed beside other work and kept then."""

    def __init__(self, assignment: Assignment, seed: int, device: str) -> None:
        self._key = assignment, seed, device
        self._lock = threading.Lock()
        self._result = kept(assignment, seed, device)
        self._process: ReferenceProcess | None = None
        self._future: Future[Evaluation] | None = None
        if self._result is None:
            self._process = ReferenceProcess()
            self._future = self._process.submit(assignment.material, seed, device)

    def result(self) -> Evaluation:
        """The evaluation; waits for it. Raises UserError."""
        with self._lock:
            if self._result is None:
                assert self._future is not None
                found = result_of(self._future)
                self.close()
                assignment, seed, device = self._key
                keep(assignment, device, found)
                # as it is read back, so that the first grading is no other than the next ones
                self._result = kept(assignment, seed, device) or found
            return self._result

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.close()
            self._process = None


def kept_seed(assignment: Assignment) -> int | None:
    """The seed of the spec that is kept, if it is of this version of the course."""
    found = _read(assignment)
    return None if found is None else found.evaluation.spec.seed


def kept(assignment: Assignment, seed: int, device: str) -> Evaluation | None:
    """The spec that was evaluated with this seed and ``device``, by this version of the course."""
    found = _read(assignment)
    if found is None or found.hardware != _hardware(device):
        return None
    return found.evaluation if found.evaluation.spec.seed == seed else None


def keep(assignment: Assignment, device: str, evaluation: Evaluation) -> None:
    """Keep a spec; the one that was kept before is forgotten."""
    made = _Kept(_fingerprint(assignment), _hardware(device), evaluation)
    # it holds what students must not know
    text = dumps(_Kept, made)
    write_whole(assignment.evaluation, text, mode=PRIVATE, below=assignment.root)


def _read(assignment: Assignment) -> _Kept | None:
    """What is kept, if it is of this version."""
    with contextlib.suppress(OSError, ValueError):
        found: _Kept = loads(_Kept, assignment.evaluation.read_text(encoding="utf-8"))
        of_this_version = found.fingerprint == _fingerprint(assignment)
        return found if of_this_version and found.evaluation.spec.seed >= 0 else None
    return None


def _fingerprint(assignment: Assignment) -> str:
    digest = hashlib.sha256(of_grading(assignment.material).encode())
    for package in sorted({"numpy", assignment.material.course.library}):
        digest.update(importlib.metadata.version(package).encode())
    return digest.hexdigest()


def _hardware(device: str) -> str:
    """What "auto" would choose here may change: told without loading torch."""
    has_gpu = Path("/proc/driver/nvidia/version").exists() and bool(
        os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    )
    return f"{device}, {'with' if has_gpu else 'without'} a GPU"
