"""Evaluated specs kept in the course directory, so that the reference runs once for each seed.

Loading torch takes longer than grading fifty hand-ins. So a release already draws the seed of the
first grading and evaluates; a later grading with the same seed finds the spec here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.definition import ProblemSetSpec, Written
from autograder.definition.reference_process import Evaluation, ReferenceProcess, result_of
from autograder.paths import CourseDirectory
from autograder.release.build import grading_fingerprint
from autograder.reports.files import PRIVATE, write_whole
from autograder.selfcheck.spec import dump, load

_SEED_BITS = 128  # so many that nobody finds it by trying, whatever a message lets slip


def fresh_seed() -> int:
    """A seed that nobody can foresee."""
    return secrets.randbits(_SEED_BITS)


def prepare(problem_sets: Iterable[str], course: CourseDirectory) -> None:
    """Draw the seed of the first grading and evaluate, where that has not been done yet."""
    due = [
        (name, fresh_seed())
        for name in problem_sets
        if kept_seed(course, name) is None and not course.results(name).exists()
    ]
    if not due:
        return
    with ReferenceProcess() as process:
        waiting = [(name, seed, process.submit(name, seed, "auto")) for name, seed in due]
        for name, seed, future in waiting:
            keep(course, name, seed, "auto", result_of(future))


def kept_seed(course: CourseDirectory, problem_set: str) -> int | None:
    """The seed of the spec that is kept, if it is of this version of the course."""
    tree = _read(course, problem_set)
    if tree is None or tree["fingerprint"] != _fingerprint(problem_set):
        return None
    seed = tree["seed"]
    return seed if type(seed) is int and seed >= 0 else None


def kept(course: CourseDirectory, problem_set: str, seed: int, device: str) -> Evaluation | None:
    """The spec that was evaluated with this seed and ``device``, by this version of the course."""
    tree = _read(course, problem_set)
    wanted = [_fingerprint(problem_set), seed, _hardware(device)]
    if tree is None or [tree["fingerprint"], tree["seed"], tree["hardware"]] != wanted:
        return None
    spec = ProblemSetSpec(
        problem_set,
        tree["title"],
        seed,
        tree["device"],
        tuple(load(tree["exercises"])),
        tuple(Written(name, points) for name, points in tree["written"]),
        tree["minutes"],
    )
    return Evaluation(spec, tree["device_name"], tree["torch"])


def keep(
    course: CourseDirectory, problem_set: str, seed: int, device: str, evaluation: Evaluation
) -> None:
    """Keep a spec; the one that was kept before is forgotten."""
    spec = evaluation.spec
    tree = {
        "fingerprint": _fingerprint(problem_set),
        "seed": seed,
        "hardware": _hardware(device),
        "title": spec.title,
        "device": spec.device,
        "device_name": evaluation.device,
        "torch": evaluation.torch_version,
        "written": [[question.name, question.points] for question in spec.written],
        "minutes": spec.minutes,
        "exercises": dump(list(spec.exercises)),
    }
    path = course.evaluation(problem_set)
    # it holds what students must not know
    write_whole(path, json.dumps(tree), mode=PRIVATE, below=course.root)


def _read(course: CourseDirectory, problem_set: str) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        tree = json.loads(course.evaluation(problem_set).read_text(encoding="utf-8"))
        return tree if isinstance(tree, dict) and "fingerprint" in tree else None
    return None


def _fingerprint(problem_set: str) -> str:
    digest = hashlib.sha256(grading_fingerprint(problem_set).encode())
    for package in ("numpy", "torch"):
        digest.update(importlib.metadata.version(package).encode())
    return digest.hexdigest()


def _hardware(device: str) -> str:
    """What "auto" would choose here may change: told without loading torch."""
    has_gpu = Path("/proc/driver/nvidia/version").exists() and bool(
        os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    )
    return f"{device}, {'with' if has_gpu else 'without'} a GPU"
