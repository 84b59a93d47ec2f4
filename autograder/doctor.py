"""``autograder doctor``: what this machine offers, and whether grading can work on it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import __version__
from autograder.sandbox.cgroup import delegated
from autograder.sandbox.isolation import LEVELS, Surroundings
from autograder.sandbox.pool import Pool, SandboxError, open_pool
from autograder.sandbox.probes import PROBE_LIMITS, run_probes
from autograder.sandbox.seccomp import NoFilter, worker_filter

_NEEDED = ("numpy", "matplotlib", "nbgrader")
_APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_NESTED = {
    "full",
    "unfiltered",
}  # levels at which each hand-in is in namespaces within bubblewrap's
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
        secrets, best, working = Path(folder), None, []
        try:
            for level in LEVELS:
                try:
                    pool, _ = open_pool(level.name, Surroundings(PROBE_LIMITS, (secrets,)))
                except SandboxError as error:
                    yield Finding(f"isolation {level.name}", f"does not work here: {error}")
                    continue
                yield Finding(f"isolation {level.name}", f"works: {level.meaning}")
                working.append(level.name)
                if best is None:
                    best = pool
                else:
                    pool.close()
            yield from apparmor(working)
            if best is None:
                yield Finding("isolation", "no level works; hand-ins cannot be graded here", False)
                return
            yield Finding("isolation in use", best.level.name, best.level is LEVELS[0])
            yield from try_to_break(best, secrets)
        finally:
            if best is not None:
                best.close()


def apparmor(working: Collection[str], switch: Path = _APPARMOR) -> Iterator[Finding]:
    """What AppArmor's restriction of user namespaces leaves of the levels, and what to do.

    Ubuntu sets it from 23.10 on. ``working`` are the levels that work, by name.
    """
    with contextlib.suppress(OSError):
        if switch.read_text().strip() != "1":
            return
        subject = "AppArmor's restriction of user namespaces"
        if _NESTED & set(working):
            yield Finding(subject, "is set, and bubblewrap may nest them all the same", True)
            return
        if "bubblewrap" in working:
            why = "is set: bubblewrap may make user namespaces, and none may be made inside them"
        else:
            why = "is set: bubblewrap may make none"
        program = shutil.which("bwrap") or "/usr/bin/bwrap"
        yield Finding(subject, f"{why}. To allow them to bubblewrap alone:\n{_remedy(program)}")


def _remedy(program: str) -> str:
    """The commands that give bubblewrap a profile with which user namespaces are allowed."""
    lines = [
        "abi <abi/4.0>,",
        "include <tunables/global>",
        f"profile bwrap {program} flags=(unconfined) {{",
        "  userns,",
        "}",
    ]
    commands = [
        f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} | sudo tee /etc/apparmor.d/bwrap",
        "sudo apparmor_parser --replace /etc/apparmor.d/bwrap",
        "autograder doctor",
    ]
    restrict = Path("/etc/apparmor.d/bwrap-userns-restrict")
    if restrict.exists():  # which is for the same program, and lets namespaces not nest
        commands[:0] = [
            f"sudo apparmor_parser --remove {restrict}",
            f"sudo ln -s {restrict} /etc/apparmor.d/disable/",
        ]
    return "\n".join(f"        {command}" for command in commands)


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
