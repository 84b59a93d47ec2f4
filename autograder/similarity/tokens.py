"""What is compared of an answer: its lines as tokens, without what a student may choose freely.

Comments, docstrings, blanks and indentation are left out; names of the student's own are all the
same, and so are texts. Names of Python, of the released notebook and of attributes stay.
"""

from __future__ import annotations

import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_MOST_TOKENS = 3000  # of an answer: what a comparison costs grows with their product
_KEPT = frozenset({*keyword.kwlist, *dir(builtins)})
_WORD = re.compile(r"\w+")
_OWN, _TEXT = "a name", "a text"
_LEFT_OUT = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)


@dataclass(frozen=True)
class Line:
    """A line as it counts: its tokens, and the lines of the source that it is, from 1."""

    tokens: tuple[str, ...]
    first: int
    last: int


def names_in(source: str) -> set[str]:
    """The names that stand in some code."""
    return {each.string for each in _tokens(source) if each.type == tokenize.NAME}


def code_lines(source: str, names: Collection[str] = ()) -> list[Line]:
    """The lines of some code; ``names`` are those that are not a student's own.

    Of what is no Python, the lines before that.
    """
    lines: list[Line] = []
    own: list[tokenize.TokenInfo] = []
    for token in _tokens(source):
        if token.type != tokenize.NEWLINE:
            own.append(token)
            continue
        lines += _line(own, names)
        own = []
    lines += _line(own, names)
    return _first(lines)


def text_lines(source: str) -> list[Line]:
    """The lines of a text in words; their case does not count."""
    numbered = enumerate(source.splitlines(), start=1)
    found = ((tuple(_WORD.findall(line.casefold())), number) for number, line in numbered)
    return _first(Line(words, number, number) for words, number in found if words)


def _first(lines: Iterable[Line]) -> list[Line]:
    """As many lines as are compared."""
    taken, room = [], _MOST_TOKENS
    for line in lines:
        room -= len(line.tokens)
        if room < 0:
            break
        taken.append(line)
    return taken


def _tokens(source: str) -> Iterable[tokenize.TokenInfo]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in _LEFT_OUT:
                yield token
    except (tokenize.TokenError, SyntaxError):  # what comes after that is not read
        return


def _line(own: list[tokenize.TokenInfo], names: Collection[str]) -> Iterable[Line]:
    if all(token.type == tokenize.STRING for token in own):  # a docstring, or nothing
        return
    words = []
    before = ""
    for token in own:
        word = token.string
        if token.type == tokenize.STRING:
            word = _TEXT
        elif token.type == tokenize.NAME and before != "." and word not in _KEPT:
            word = word if word in names else _OWN
        words.append(word)
        before = token.string
    yield Line(tuple(words), own[0].start[0], own[-1].end[0])
