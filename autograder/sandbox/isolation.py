"""How the zygote is started: the levels of isolation, strongest first, and what each one gives.

Trusted side. A level is chosen by trying: a zygote is started and a worker must come up in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.layout import INSIDE, PACKAGE
from autograder.selfcheck.language import ENGLISH, SHIPPED, table_file

from .confine import Limits


@dataclass(frozen=True)
class Level:
    """A named level of isolation.

    ``bubblewrap``: the zygote sees only the Python environment and the worker code, no network.
    ``namespaces``: each worker has its own user, pid, network, IPC, mount and UTS namespaces.
    ``filtered``: does not work without the filter on system calls; other levels use it if they can.
    ``reusable``: one zygote may serve many hand-ins; otherwise each hand-in gets its own.
    """

    name: str
    bubblewrap: bool
    namespaces: bool
    filtered: bool
    meaning: str

    @property
    def reusable(self) -> bool:
        return self.namespaces or not self.bubblewrap


LEVELS = (
    Level(
        "full",
        True,
        True,
        True,
        "bubblewrap around the zygote, and for each hand-in namespaces of its own and a filter on "
        "system calls",
    ),
    Level(
        "unfiltered",
        True,
        True,
        False,
        "as full, but with no filter on system calls where libseccomp is missing",
    ),
    Level(
        "bubblewrap",
        True,
        False,
        False,
        "bubblewrap around each hand-in; slower, for every hand-in starts Python anew",
    ),
    Level(
        "namespaces",
        False,
        True,
        False,
        "namespaces for each hand-in, without bubblewrap: the course's own folders are hidden, "
        "other readable files of this machine are not",
    ),
    Level(
        "limits",
        False,
        False,
        False,
        "resource limits only: a hand-in can read files of this machine and see its processes, and "
        "without libseccomp use the network; grade only hand-ins that you trust",
    ),
)

FULL = LEVELS[0]  # what is wanted where nothing else is said


def level_named(name: str) -> Level:
    """The level of that name; KeyError if there is none."""
    return {level.name: level for level in LEVELS}[name]


@dataclass(frozen=True)
class Surroundings:
    """What hand-ins have around them: limits, and what of this machine is there for them.

    ``secrets`` are folders that must not be visible inside. ``cases`` is the file of public cases
    with which a notebook can call ``check``. ``libraries`` ("matplotlib", "torch") are loaded
    before a worker starts. Unless figures are ``drawn``, plotting shows none. ``language`` is what
    ``check`` speaks there.
    """

    limits: Limits
    secrets: tuple[Path, ...] = ()
    cases: Path | None = None
    libraries: frozenset[str] = frozenset()
    drawn: bool = True
    language: str = ENGLISH


def sandbox_command(
    level: Level, control: int, settings: str, around: Surroundings, staging: Path
) -> tuple[list[str], dict[str, str]]:
    """Command line and environment that start a zygote talking over descriptor ``control``.

    ``staging`` is a folder for the copy of the worker code that levels without mounts need.
    """
    root = "/grader" if level.bubblewrap else str(staging)
    start = (
        f"import sys; sys.path.insert(0, {root!r}); "
        "from autograder.sandbox.zygote import main; main()"
    )
    python = [sys.executable, "-I", "-c", start, str(control), settings]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLCONFIGDIR": "/tmp/mpl" if level.bubblewrap else str(staging / "mpl"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": "/tmp/ipython" if level.bubblewrap else str(staging / "ipython"),
        "PYTHONDONTWRITEBYTECODE": "1",
        # one thread a worker: cores are shared by running several workers
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",  # the GPU is the reference's
    }
    if not level.bubblewrap:
        _stage(staging, worker_code(around.cases, around.language))
        if not level.namespaces:  # what a hand-in leaves goes with the staging folder
            environment["HOME"] = environment["TMPDIR"] = str(_open_folder(staging / "tmp"))
        return python, environment
    return [*_bubblewrap(level, around), *python], environment


def worker_code(cases: Path | None = None, language: str = ENGLISH) -> list[tuple[Path, str]]:
    """The files and folders that exist inside the sandbox: (here, there)."""
    student_package = sorted((PACKAGE / "selfcheck").glob("*.py"))
    table = table_file(language)
    return [
        (PACKAGE / "__init__.py", "autograder/__init__.py"),
        *((PACKAGE / folder, f"autograder/{folder}") for folder in INSIDE),
        *((file, f"selfcheck/{file.name}") for file in student_package),
        *([] if table is None else [(table, f"selfcheck/{SHIPPED.name}")]),
        *([] if cases is None else [(cases, f"selfcheck/cases/{cases.name}")]),
    ]


def _stage(staging: Path, code: list[tuple[Path, str]]) -> None:
    for here, there in code:
        target = staging / there
        target.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(
                here, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
            )
        else:
            shutil.copy(here, target)
    for name in ("mpl", "ipython"):
        (staging / name).mkdir(exist_ok=True)
    for folder in (staging, *staging.rglob("*")):  # readable for the user it runs as
        folder.chmod(0o755 if folder.is_dir() else 0o644)


def _open_folder(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


def _bubblewrap(level: Level, around: Surroundings) -> list[str]:
    program = shutil.which("bwrap")
    if program is None:
        raise FileNotFoundError("bubblewrap (bwrap) is not installed")
    command = [
        program,
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--hostname",
        "grader",
    ]
    if os.getuid() == 0:
        # root needs no user namespace, and keeps just enough to become nobody in the zygote
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
    for system in ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin"):
        path = Path(system)
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), system]
        elif path.is_dir():
            command += ["--ro-bind", system, system]
    command += _open_parents(Path("/etc/any"))
    for file in ("/etc/ld.so.cache", "/etc/fonts", "/etc/localtime", "/etc/alternatives"):
        command += ["--ro-bind-try", file, file]
    command += ["--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    # a worker in namespaces of its own mounts its own over these
    size = [] if level.namespaces else ["--size", str(around.limits.disk)]
    for private in ("/tmp", "/dev/shm"):  # before those of Python, which may lie below /tmp
        command += ["--perms", "1777", *size, "--tmpfs", private]
    mounted = [Path("/usr"), *python_folders()]
    for folder in mounted[1:]:
        command += [*_open_parents(folder), "--ro-bind", str(folder), str(folder)]
    for secret in around.secrets:
        if any(secret.is_relative_to(folder) for folder in mounted) and secret.is_dir():
            command += ["--tmpfs", str(secret), "--remount-ro", str(secret)]
    for here, there in worker_code(around.cases, around.language):
        target = Path("/grader") / there
        command += _open_parents(target)
        if PACKAGE / "selfcheck" in here.parents:
            # it is there already, and each worker pays for each mount
            command += ["--symlink", f"../autograder/{here.relative_to(PACKAGE)}", str(target)]
        else:
            command += ["--ro-bind", str(here), str(target)]
    command += ["--perms", "0777", "--dir", "/tmp/mpl"]
    for cached in font_cache().glob("fontlist-*.json"):
        command += ["--ro-bind", str(cached), f"/tmp/mpl/{cached.name}"]
    return [*command, "--remount-ro", "/", "--chdir", "/tmp", "--"]


def _open_parents(path: Path) -> list[str]:
    """Make the folders above ``path`` open to all; bubblewrap would make them 0700."""
    arguments = []
    for parent in reversed(path.parents[:-1]):
        arguments += ["--perms", "0755", "--dir", str(parent)]
    return arguments


def python_folders() -> list[Path]:
    """The folders that the running Python environment is made of, outermost first."""
    found = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    found |= {Path(sys.prefix), Path(sys.base_prefix)}  # also by the names Python uses
    outside = [p for p in sorted(found) if not p.is_relative_to("/usr")]
    return [p for p in outside if not any(p != o and p.is_relative_to(o) for o in outside)]


def font_cache() -> Path:
    """Folder with matplotlib's list of fonts, which takes seconds to make and is made once."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "autograder" / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"autograder-matplotlib-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    if not any(folder.glob("fontlist-*.json")):
        subprocess.run(
            [sys.executable, "-c", "import matplotlib.font_manager"],
            env={**os.environ, "MPLCONFIGDIR": str(folder)},
            check=False,
            capture_output=True,
            timeout=120,
        )
    return folder
