"""The instructor's answers, as text: what a known mistake may be an edit of.

The notebook of a problem set is written as py:percent text. Only the cells of exercises matter
here, and their first line says what they are, so this needs no jupytext, whose import takes a
second.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_CELL = re.compile(r'^# %% exercise="(\w+)"\n(.*?)(?=^# %%|\Z)', re.MULTILINE | re.DOTALL)
_DEFINITION = ast.FunctionDef | ast.ClassDef


def read_answers(path: Path) -> dict[str, str]:
    """The answer to each exercise: the definition in its cell, without docstrings and markers.

    An answer that is no Python, or does not end with a definition, is left out.
    """
    answers = {}
    for name, cell in _CELL.findall(path.read_text(encoding="utf-8")):
        lines = (line for line in cell.splitlines() if line.strip() not in (BEGIN, END))
        try:
            answer = without_docstrings("\n".join(lines).strip() + "\n")
            ends_with = ast.parse(answer).body[-1:]
        except SyntaxError:
            continue
        if ends_with and isinstance(ends_with[0], _DEFINITION):
            answers[name] = answer
    return answers


def without_docstrings(code: str) -> str:
    """The code without the docstrings of its functions and classes. Raises SyntaxError."""
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, _DEFINITION) and ast.get_docstring(node):
            text = node.body[0]
            dropped.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    lines = enumerate(code.splitlines(keepends=True), start=1)
    return "".join(line for number, line in lines if number not in dropped)


def body_at(answer: str) -> int:
    """Where the body of an answer begins, the place after its signature."""
    definition = ast.parse(answer).body[-1]
    assert isinstance(definition, _DEFINITION)
    lines = answer.splitlines(keepends=True)
    return sum(map(len, lines[: definition.body[0].lineno - 1]))
