"""Functions that are missing, or as they were before, since their cell has an error of syntax."""

from __future__ import annotations

import re
from typing import Any

from .language import say
from .traces import shell

_DEFINED = re.compile(r"^(?:def|class)[ \t]+(\w+)", re.MULTILINE)

# of a function by its name: what is wrong with its cell, and what the name stood for then
_broken: dict[str, tuple[str, object]] = {}


class Undefined:
    """Stands for a function that never was defined, so that one learns why when one uses it."""

    def __init__(self, name: str, error: str) -> None:
        self._told = say(
            "`{name}` is not defined, for its cell has an error of syntax ({error}).",
            name=name,
            error=error,
        )

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise NameError(self._told)

    def __repr__(self) -> str:
        return self._told


def watch() -> None:
    """Have Jupyter's kernel tell of cells that are no Python; elsewhere nothing happens.

    Not where the grader runs cells, which has its own way for this, and a fast one without hooks.
    """
    ipython = shell()
    if ipython is None or getattr(ipython, "kernel", None) is None:
        return
    if _note not in ipython.events.callbacks["post_run_cell"]:
        ipython.events.register("post_run_cell", _note)


def _note(result: Any) -> None:
    """Called after each cell with what IPython knows of it."""
    error = result.error_before_exec
    for name in _DEFINED.findall(result.info.raw_cell or ""):
        if isinstance(error, SyntaxError):
            told = say("line {line}: {error}", line=error.lineno, error=error.msg)
            defined = shell().user_ns
            if name not in defined or isinstance(defined[name], Undefined):
                defined[name] = Undefined(name, told)
            _broken[name] = (told, defined[name])
        else:
            _broken.pop(name, None)


def why_stale(name: str, function: object) -> str | None:
    """What is wrong with the cell of a function, if it defined nothing since: "line 2: …"."""
    told, then = _broken.get(name, (None, None))
    return told if function is then else None
