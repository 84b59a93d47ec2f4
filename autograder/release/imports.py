"""Which modules a module imports, of the engine and of the course; told without running any."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

Find = Callable[[str], Path | None]  # the file of a module, or None if it is somebody else's

_MOST_KEPT = 1_000  # files


def closure(modules: Iterable[str], find: Find) -> dict[str, Path]:
    """These modules and all that they import, also inside functions, with their files, by name.

    The packages that they are in are imported with them. What ``find`` does not know is left out,
    with all that it imports.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    count = len(_known())
    while waiting:
        module = waiting.pop()
        path = find(module)
        if path is None or module in found:
            continue
        found[module] = path
        waiting += imported(module, path)
        waiting.append(module.rpartition(".")[0])
    if len(_known()) > count:
        _keep()
    return dict(sorted(found.items()))


def imported(module: str, path: Path) -> set[str]:
    """The names of what a module imports.

    ``from a import b`` gives ``a`` and ``a.b``, for b may be a module or something in a.
    """
    now = path.stat()
    key = f"{module} {path} {now.st_ino} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}"
    if key not in _known():
        _known()[key] = sorted(_parsed(module, path))
    return set(_known()[key])


def _parsed(module: str, path: Path) -> set[str]:
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            names.add(source)
            names.update(f"{source}.{alias.name}" for alias in node.names)
    return names


# To parse all files takes a third of the start of a command, so what they import is kept.


def _place() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "autograder" / "imports.json"


@cache
def _known() -> dict[str, list[str]]:
    """What files import, as they are, by their names and what the system says of them."""
    with contextlib.suppress(OSError, ValueError, RuntimeError, TypeError, AttributeError):
        found = json.loads(_place().read_bytes())
        if len(found) < _MOST_KEPT:
            return {str(key): list(map(str, names)) for key, names in found.items()}
    return {}


def _keep() -> None:
    with contextlib.suppress(OSError, RuntimeError):
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=place.parent, delete=False) as file:
            json.dump(_known(), file)
        Path(file.name).replace(place)  # several may do this at a time
