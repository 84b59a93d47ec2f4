"""The language in which the grader speaks to students: each sentence is looked up in one table.

The key of a sentence is its English text, with names in braces where values stand. A table is a
file in ``languages/``, named by its language; the copy of this package that students get has at
most one, as ``language.json``. Where none is in force, a sentence is what it says.

Sentences are found in the source by the calls of :func:`say`, :func:`say_count` and
:func:`sentence`, so their texts stand there as they are. A table is a JSON object. Its key ``""``
has the language's code and the rule for plurals as PO files have it; the translation of a sentence
with a count, whose key is the form for one, is the list of the forms that this rule numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ENGLISH = "en"
TABLES = Path(__file__).parent / "languages"
SHIPPED = Path(__file__).with_name("language.json")


@dataclass(frozen=True)
class Language:
    """A table: translations by sentence, and which of its forms a count takes.

    The translation of a sentence with a count, whose key is that for one, is a list of forms.
    """

    code: str
    sentences: Mapping[str, Any]
    form: Callable[[int], int]


def _read(path: Path) -> Language | None:
    """The table in a file; None if there is no file."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    from gettext import c2py  # reads the rule as PO files have it; English needs none

    head = table.pop("")
    return Language(head["language"], table, c2py(head["plural"]))


def languages() -> list[str]:
    """The codes of the languages that there are, English first."""
    return [ENGLISH, *sorted(path.stem for path in TABLES.glob("*.json"))]


def table_file(code: str) -> Path | None:
    """The file of a language's table; None for English, which needs none."""
    return None if code == ENGLISH else TABLES / f"{code}.json"


@cache
def _table(code: str) -> Language | None:
    path = table_file(code)
    return None if path is None else _read(path)


_at_first = _read(SHIPPED)
_in_force: ContextVar[Language | None] = ContextVar("language", default=_at_first)


def speak(code: str) -> None:
    """Say everything in this language from now on, in this thread."""
    _in_force.set(_table(code))


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Say everything in this language within the block, in this thread."""
    token = _in_force.set(_table(code))
    try:
        yield
    finally:
        _in_force.reset(token)


def spoken() -> str:
    """The code of the language that is in force."""
    now = _in_force.get()
    return ENGLISH if now is None else now.code


def say(text: str, /, **values: object) -> str:
    """A sentence in the language in force, with these values in their places."""
    now = _in_force.get()
    if now is not None:
        text = now.sentences.get(text, text)
    return text.format(**values) if values else text


def say_count(one: str, many: str, n: int, /, **values: object) -> str:
    """A sentence in the form that the count ``n`` takes, which is a value of this name, too."""
    now = _in_force.get()
    if now is None or one not in now.sentences:
        text = one if n == 1 else many
    else:
        text = now.sentences[one][now.form(n)]
    return text.format(n=n, **values)


def sentence(text: str) -> str:
    """The same text: a sentence that is said later, by :func:`say`."""
    return text
