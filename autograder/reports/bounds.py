"""How much of a hand-in is written to pages and notebooks, whatever it shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autograder.results.inert import inert_text
from autograder.results.result import GradedCell
from autograder.selfcheck.language import say, sentence

MAX_TEXT = 1_000_000  # bytes of sources and outputs together
MAX_PICTURES = 8 << 20  # bytes of base64
LEFT_OUT = sentence("… (the rest is left out: this is too much for one page)")


def bounded(cells: Iterable[GradedCell], *, sources: bool) -> list[GradedCell]:
    """The cells with as much of their outputs, and with ``sources`` of these too, as may be.

    These sources are for reading: their control characters are written out. Without ``sources``
    they stay as they are.
    """
    text, pictures = MAX_TEXT, MAX_PICTURES
    shown = []
    for cell in cells:
        source = cell.source
        if sources:
            source, text = _cut(source, text)
        attached = []
        for attachment in cell.attachments:
            pictures -= len(attachment.data)
            if pictures >= 0:
                attached.append(attachment)
        if len(attached) < len(cell.attachments):
            cell = replace(cell, attachments=tuple(attached))
        kept = []
        for picture in cell.output.pictures:
            pictures -= len(picture)
            if pictures >= 0:
                kept.append(picture)
        told, text = _cut(cell.output.text, text)
        left_out = "\n" + say(LEFT_OUT)
        if len(kept) < len(cell.output.pictures) and not told.endswith(left_out):
            told += left_out
        output = cell.output
        if told != output.text or len(kept) < len(output.pictures):
            output = replace(output, text=told, pictures=tuple(kept))
        if output is not cell.output or source != cell.source:
            cell = replace(cell, source=source, output=output)
        shown.append(cell)
    return shown


def _cut(text: str, room: int) -> tuple[str, int]:
    """As much of a text as there is room for, and the room that is left."""
    whole = inert_text(text, 10 * len(text))  # an escape sequence has at most ten characters
    size = len(whole.encode())
    if size <= room:
        return whole, room - size
    return f"{inert_text(whole, room)}\n{say(LEFT_OUT)}", 0
