"""How much of a hand-in is written to pages and notebooks, whatever it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autograder.grading.results import GradedCell

MAX_TEXT = 1_000_000  # characters of sources and outputs together
MAX_PICTURES = 8 << 20  # characters of base64
LEFT_OUT = "\n… (the rest is left out: this is too much for one page)"


def bounded(cells: Iterable[GradedCell], *, sources: bool) -> list[GradedCell]:
    """The cells with as much of their outputs, and with ``sources`` of these too, as may be."""
    text, pictures = MAX_TEXT, MAX_PICTURES
    shown = []
    for cell in cells:
        source = _cut(cell.source, text) if sources else cell.source
        text -= len(cell.source) if sources else 0
        output = cell.output
        kept = []
        for picture in output.pictures:
            pictures -= len(picture)
            if pictures >= 0:
                kept.append(picture)
        told = _cut(output.text, text)
        text -= len(output.text)
        if len(kept) < len(output.pictures) and not told.endswith(LEFT_OUT):
            told += LEFT_OUT
        shown.append(
            replace(cell, source=source, output=replace(output, text=told, pictures=tuple(kept)))
        )
    return shown


def _cut(text: str, room: int) -> str:
    return text if len(text) <= max(0, room) else text[: max(0, room)] + LEFT_OUT
