"""Of an exception the lines that the student wrote, down to where it happened."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from .language import say

_MOST_FRAMES = 12  # of the student's; of more the first and the last half are shown
_IN_A_CELL = ("<ipython-input", "<stdin", "Cell [")  # names of code that lies in no file
_HERE = Path(__file__).parent
_FOREIGN = (
    *filter(None, map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))),
    str(Path(np.__file__).parent),
    str(_HERE),
)


def shell() -> Any:
    """The shell of IPython, or of what stands in for it; None where there is none."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def own_lines(error: BaseException) -> list[str]:
    """The student's lines in an exception's traceback, as ``Cell In[3], line 2, in f`` and code.

    Frames of this package and of libraries are left out.
    """
    frames = [
        (place, frame.lineno or 0, frame.name, frame.line or "")
        for frame in traceback.extract_tb(error.__traceback__)
        if (place := _place(frame.filename)) is not None
    ]
    if isinstance(error, SyntaxError) and error.filename and _place(error.filename) is not None:
        place = _place(error.filename) or ""
        frames.append((place, error.lineno or 0, "<module>", (error.text or "").strip()))
    skipped = len(frames) - _MOST_FRAMES
    lines = []
    for number, (place, line, name, code) in enumerate(frames):
        if skipped > 0 and number == _MOST_FRAMES // 2:
            lines.append(say("… {n} more calls …", n=skipped))
        if skipped > 0 and 0 <= number - _MOST_FRAMES // 2 < skipped:
            continue
        told = say("{place}, line {line}, in {name}", place=place, line=line, name=name)
        if name == "<module>":
            told = say("{place}, line {line}", place=place, line=line)
        lines += [told, *([f"    {code}"] if code else [])]
    return lines


def without_ours(error: BaseException) -> TracebackType | None:
    """The traceback of an exception from the first frame that is not of this package on."""
    found = error.__traceback__
    while found is not None and Path(found.tb_frame.f_code.co_filename).parent == _HERE:
        found = found.tb_next
    return found


def _place(file: str) -> str | None:
    """How a file of the student's is called; None for one that is not."""
    if file.startswith("Cell ["):  # on an exercise page
        return file
    shown = _cell_of(file)
    if shown is not None:
        return shown
    if file.startswith("<"):
        return say("Cell") if file.startswith(_IN_A_CELL) else None
    # a notebook may lie below a folder of libraries, but not the other way round
    if file.startswith(_FOREIGN):
        return None
    return Path(file).name


def _cell_of(file: str) -> str | None:
    """``Cell In[3]`` for the code of a notebook's cell, as IPython calls it."""
    told = getattr(getattr(shell(), "compile", None), "format_code_name", None)
    name = told(file) if told is not None else None
    return " ".join(name) if name else None
