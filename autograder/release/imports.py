"""Which modules a module imports, of the engine and of the course; told without running any."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

Find = Callable[[str], Path | None]  # the file of a module, or None if it is somebody else's


def closure(modules: Iterable[str], find: Find) -> dict[str, Path]:
    """These modules and all that they import, also inside functions, with their files, by name.

    The packages that they are in are imported with them. What ``find`` does not know is left out,
    with all that it imports.
    """
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        path = find(module)
        if path is None or module in found:
            continue
        found[module] = path
        waiting += imported(module, path)
        waiting.append(module.rpartition(".")[0])
    return dict(sorted(found.items()))


def imported(module: str, path: Path) -> set[str]:
    """The names of what a module imports.

    ``from a import b`` gives ``a`` and ``a.b``, for b may be a module or something in a.
    """
    status = path.stat()
    return _imported(module, path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1000)
def _imported(module: str, path: Path, changed: int, size: int) -> set[str]:
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
