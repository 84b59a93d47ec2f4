"""Tables that people and platforms give, as spreadsheets in any country save them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

from autograder.course.errors import UserError
from autograder.results.tables import points_text

_DELIMITERS = (",", ";", "\t")  # of equals the first
_BYTE_ORDER_MARK = "\ufeff"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WITH_COMMA = re.compile(r"-?\d+,\d+")


@dataclass(frozen=True)
class Table:
    """A CSV: its rows, all as long as the first, and how it is written.

    ``comma`` says that its numbers have a comma where others have a point.
    """

    rows: tuple[list[str], ...]
    delimiter: str = ","
    comma: bool = False
    marked: bool = False

    def number(self, text: str) -> float | None:
        """The number in a cell; None if there is none."""
        try:
            return float(text.replace(",", ".") if self.comma else text)
        except ValueError:
            return None

    def shown(self, number: float) -> str:
        """A number as this table writes it, to a hundredth."""
        text = points_text(number)
        return text.replace(".", ",") if self.comma else text

    def text(self, rows: Iterable[Sequence[str]]) -> str:
        """Rows as this table writes them, but for those in which nothing is."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator="\r\n")
        writer.writerows(row for row in rows if any(row))
        return _BYTE_ORDER_MARK * self.marked + out.getvalue()


def read_table(path: Path, advice: str) -> Table:
    """Read a CSV in UTF-8, or UTF-16 as Excel writes it, with commas, semicolons or tabs.

    Raises UserError, with the advice where it is something else.
    """
    text = _text(path, advice)
    bare = text.removeprefix(_BYTE_ORDER_MARK)
    head = next((line for line in bare.splitlines() if line.strip()), "")
    try:
        delimiter = max(_DELIMITERS, key=lambda each: len(next(_rows(head, each), [])))
        rows = list(dropwhile(lambda row: not any(row), _rows(bare, delimiter)))
    except csv.Error as error:
        raise UserError(f"{path} is no CSV: {error}; {advice}") from None
    if not rows:
        raise UserError(f"{path} is empty; {advice}")
    width = len(rows[0])
    for number, row in enumerate(rows, start=1):
        if any(row[width:]):
            raise UserError(
                f"{path}, row {number}, has {len(row)} cells, and the first row {width}; {advice}"
            )
        row[:] = [*row, *[""] * (width - len(row))][:width]
    comma = delimiter != "," and any(_WITH_COMMA.fullmatch(cell) for row in rows for cell in row)
    return Table(tuple(rows), delimiter, comma, text != bare)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _text(path: Path, advice: str) -> str:
    """The text of the file, with its byte order mark if it has one."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; {advice}") from None
    if "\0" in text:
        raise UserError(f"{path} is no text; {advice}")
    return _BYTE_ORDER_MARK + text if data.startswith(_UTF_16) else text
