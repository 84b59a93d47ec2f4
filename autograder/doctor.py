"""``autograder doctor``: what this machine offers, and whether grading can work on it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from autograder import __version__
from autograder.paths import ROOT, CourseDirectory
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import LEVELS
from autograder.sandbox.pool import SandboxError, open_pool

_PACKAGES = ("numpy", "torch", "nbgrader", "jupyter-book", "jupyterlab", "matplotlib")


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; ``fine`` is None for what is only told."""

    subject: str
    text: str
    fine: bool | None = None


def examine() -> Iterator[Finding]:
    """Look at versions, the GPU and the isolation levels, one after the other."""
    yield Finding("autograder", __version__)
    version = platform.python_version()
    yield Finding("Python", f"{version} at {sys.executable}", sys.version_info >= (3, 11))
    for package in _PACKAGES:
        try:
            yield Finding(package, importlib.metadata.version(package), True)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "not installed; run: make course", False)
    yield _gpu()
    yield _bubblewrap()
    yield from _levels()


def _gpu() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("GPU", "unknown, for torch is not installed", False)
    if torch.cuda.is_available():
        return Finding("GPU", f"{torch.cuda.get_device_name()} (used by the reference)")
    return Finding("GPU", "none that torch can use; the reference runs on the CPU, equally well")


def _bubblewrap() -> Finding:
    program = shutil.which("bwrap")
    if program is None:
        text = "not installed; on Debian and Ubuntu: apt-get install bubblewrap"
        return Finding("bubblewrap", text, False)
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return Finding("bubblewrap", told.stdout.strip() or program, True)


def _levels() -> Iterator[Finding]:
    best = None
    for level in LEVELS:
        try:
            pool, _ = open_pool(level.name, Limits(), [CourseDirectory(ROOT / "course").root])
        except SandboxError as error:
            yield Finding(f"isolation {level.name}", f"does not work here: {error}")
            continue
        pool.close()
        best = best or level
        yield Finding(f"isolation {level.name}", f"works: {level.meaning}")
    if best is None:
        yield Finding("isolation", "no level works; hand-ins cannot be graded here", False)
    else:
        strongest = best is LEVELS[0]
        yield Finding("isolation in use", best.name, strongest)
