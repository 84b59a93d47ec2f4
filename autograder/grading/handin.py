"""Reading a hand-in. It is hostile input: sized, decoded, parsed and checked before it is used."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.course.reading import Damaged
from autograder.results.inert import Attachment, inert_attachments, inert_outputs
from autograder.selfcheck.language import say

MAX_PARTS = 3_000_000  # brackets, commas and colons outside of texts: each takes much memory
MAX_CELLS = 1000
MAX_SOURCE = 200_000  # characters a cell


_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


@dataclass(frozen=True)
class Handin:
    """A notebook that a student has handed in: whose it is, and where it lies.

    ``fingerprint`` is put into its result, to tell later whether it has changed. ``variant`` is
    the student's, counted from 0, where the problem set has several.
    """

    student: str
    path: Path
    fingerprint: str = ""
    variant: int = 0


@dataclass(frozen=True)
class HandedCell:
    """A cell as handed in: ``kind`` is "code", "markdown" or "raw"."""

    kind: str
    source: str
    grade_id: str | None
    identifier: str | None
    attachments: tuple[Attachment, ...] = ()
    pictures: tuple[str, ...] = ()


def parse(data: bytes, *, pictures: bool = False) -> tuple[HandedCell, ...]:
    """The cells of a notebook, given as its bytes. Raises Damaged with what is wrong.

    Of what was saved below its cells only ``pictures`` may be wanted.
    """
    if not data.strip():
        raise Damaged(say("the file is empty"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Damaged(say("it is not UTF-8 text (byte {number})", number=error.start)) from None
    # by far most bytes of a large notebook lie in texts: pictures, and what cells have printed
    if len(data) > MAX_PARTS:
        outside = _TEXT.sub(b"", data)
        if sum(map(outside.count, (b"[", b"{", b",", b":"))) > MAX_PARTS:
            raise Damaged(say("it has too many parts to be a notebook"))
    try:
        # outputs may hold NaN, which JSON does not have but Python writes; nothing here reads them
        tree = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_Constant)
    except RecursionError:
        raise Damaged(say("the JSON is nested too deeply")) from None
    except Damaged:
        raise
    except ValueError as error:
        told = say("it is not valid JSON: the file may be cut off")
        if isinstance(error, json.JSONDecodeError):
            told = say(
                "it is not valid JSON (line {line}): the file may be cut off", line=error.lineno
            )
        raise Damaged(told) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        if isinstance(tree, dict) and isinstance(tree.get("worksheets"), list):
            raise Damaged(say("the notebook has an old format (3); open and save it in JupyterLab"))
        raise Damaged(say("it is not a notebook: there is no list of cells"))
    if tree.get("nbformat") != 4:
        told = "".join(c for c in str(tree.get("nbformat"))[:20] if c.isprintable())
        raise Damaged(say("the notebook has format {told}; 4 is expected", told=told))
    if len(tree["cells"]) > MAX_CELLS:
        raise Damaged(
            say(
                "the notebook has {n} cells, more than {most}", n=len(tree["cells"]), most=MAX_CELLS
            )
        )
    cells = tuple(_cell(index, cell) for index, cell in enumerate(tree["cells"], start=1))
    if not pictures:
        return cells
    return tuple(
        replace(cell, pictures=inert_outputs(raw.get("outputs"))) if cell.kind == "code" else cell
        for cell, raw in zip(cells, tree["cells"], strict=True)
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Damaged(say("a JSON object has the same key twice"))
    return result


@dataclass(frozen=True)
class _Constant:
    """NaN or an infinity: no value of any kind that is looked for in a notebook."""

    name: str

    def __str__(self) -> str:
        return self.name


def _cell(index: int, cell: Any) -> HandedCell:
    if not isinstance(cell, dict):
        raise Damaged(say("cell {number} is not an object", number=index))
    kind = cell.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        raise Damaged(say("cell {number} has no known type", number=index))
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise Damaged(say("the source of cell {number} is not text", number=index))
    if len(source) > MAX_SOURCE:
        raise Damaged(
            say(
                "cell {number} has {n} characters, more than {most}",
                number=index,
                n=len(source),
                most=MAX_SOURCE,
            )
        )
    try:
        source.encode("utf-8")
    except UnicodeEncodeError:
        raise Damaged(
            say("cell {number} holds half a character (a lone surrogate)", number=index)
        ) from None
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    identifier = cell.get("id")
    return HandedCell(
        kind,
        source,
        grade_id if isinstance(grade_id, str) else None,
        identifier if isinstance(identifier, str) else None,
        inert_attachments(cell.get("attachments")) if kind == "markdown" else (),
    )
