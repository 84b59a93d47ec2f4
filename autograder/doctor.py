"""``autograder doctor``: what this machine offers, and whether grading can work on it."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import __version__
from autograder.sandbox.cgroup import delegated
from autograder.sandbox.isolation import LEVELS, Surroundings
from autograder.sandbox.pool import Pool, SandboxError, open_pool
from autograder.sandbox.probes import PROBE_LIMITS, run_probes
from autograder.sandbox.seccomp import NoFilter, worker_filter

_NEEDED = ("numpy", "matplotlib", "nbgrader")
_EXTRAS = {  # by package: the extra of autograder that installs it, and what for
    "torch": ("torch", "courses whose reference or answers need it"),
    "distributed": ("cluster", "--scheduler"),
    "psycopg": ("postgresql", "a gradebook on PostgreSQL"),
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; ``fine`` is None for what is only told."""

    subject: str
    text: str
    fine: bool | None = None


def examine() -> Iterator[Finding]:
    """Look at versions, the GPU and the isolation levels, and try to break the strongest."""
    yield Finding("autograder", __version__)
    version = platform.python_version()
    yield Finding("Python", f"{version} at {sys.executable}", sys.version_info >= (3, 11))
    for package in _NEEDED:
        version = _version(package)
        yield Finding(package, version or "not installed; install autograder anew", bool(version))
    for package, (extra, use) in _EXTRAS.items():
        missing = f"not installed; needed for {use}: pip install autograder[{extra}]"
        yield Finding(package, _version(package) or missing)
    if _version("torch"):
        yield _gpu()
    yield _bubblewrap()
    yield _filter()
    yield _control_group()
    yield from _levels()


def _version(package: str) -> str:
    """The version of an installed package, or nothing."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _gpu() -> Finding:
    import torch

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


def _filter() -> Finding:
    try:
        size = len(worker_filter())
    except NoFilter as why:
        return Finding("filter on system calls", str(why), False)
    return Finding("filter on system calls", f"made by libseccomp, {size:,} bytes", True)


def _control_group() -> Finding:
    group = delegated()
    if group is not None:
        return Finding("memory control group", f"made in {group}", True)
    text = "none that this user may make; a hand-in's memory is watched and limited without"
    return Finding("memory control group", text)


def _levels() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        secrets, best = Path(folder), None
        try:
            for level in LEVELS:
                try:
                    pool, _ = open_pool(level.name, Surroundings(PROBE_LIMITS, (secrets,)))
                except SandboxError as error:
                    yield Finding(f"isolation {level.name}", f"does not work here: {error}")
                    continue
                yield Finding(f"isolation {level.name}", f"works: {level.meaning}")
                if best is None:
                    best = pool
                else:
                    pool.close()
            if best is None:
                yield Finding("isolation", "no level works; hand-ins cannot be graded here", False)
                return
            yield Finding("isolation in use", best.level.name, best.level is LEVELS[0])
            yield from try_to_break(best, secrets)
        finally:
            if best is not None:
                best.close()


def try_to_break(pool: Pool, secrets: Path) -> Iterator[Finding]:
    """What a hand-in can do that should not be possible, at the level of a pool."""
    for result in run_probes(pool, PROBE_LIMITS, secrets):
        subject = f"a hand-in that {result.probe}"
        if result.promised:
            yield Finding(subject, result.text, result.held)
        elif result.held:
            yield Finding(subject, f"{result.text} (isolation {pool.level.name} promises nothing)")
        else:
            yield Finding(
                subject, f"isolation {pool.level.name} does not prevent it: {result.text}"
            )
