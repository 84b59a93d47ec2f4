"""From answers that are wrong in the same way to the draft of a known mistake.

A draft is text for the module of an exercise. Nothing of an answer is run to make it: what it gives
shows when pre-flight runs the mistake, after an instructor has read it and put it there.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.course.errors import UserError
from autograder.results.alike import Group

from .notebook import LONGEST_ANSWER

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MOST_TOLD = 8  # lines of a message
_DOCUMENTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_THERE = {*dir(builtins), "np"}  # where a known mistake runs


@dataclass(frozen=True)
class _Answer:
    """The code of an answer as a mistake has it, and the names that it lacks there."""

    code: str
    lacking: tuple[str, ...]


def draft(group: Group, answers: Iterable[str], of: int, name: str) -> str:
    """The text of a known mistake called ``name``, from the answers of a group.

    Of those it takes one that needs nothing else, the shortest if there are several. ``of`` is how
    many hand-ins there are. It has no sentence for students yet, and is refused without one.
    Raises UserError if no answer will do.
    """
    function = name.replace("-", "_")
    found = [made for answer in answers if (made := _read(answer, group.exercise, function))]
    if not found:
        raise UserError(
            f"no answer of this group defines {group.exercise} in valid Python of at most "
            f"{LONGEST_ANSWER} characters, so there is nothing to make a mistake of"
        )
    taken = min(found, key=lambda answer: (len(answer.lacking), len(answer.code)))
    lines = [f"# {len(group.students)} of {of} hand-ins give this. What students are told now:"]
    for check in group.checks[:1]:
        told = f"{check.name}: {check.message}".splitlines()
        lines += [f"#     {line}".rstrip() for line in told[:_MOST_TOLD]]
        lines += ["#     …"] * (len(told) > _MOST_TOLD)
    lines.append(
        "# A student wrote the code: read it, for it will run as you do. Write the sentence for"
    )
    lines.append("# students between the quotes: what the answer does, and why that is wrong.")
    if taken.lacking:
        lines.append(f"# Only np is there, so define these in it: {', '.join(taken.lacking)}")
    lines += ["@mistake", taken.code, "", ""]
    lines += ["# and among the mistakes of EXERCISE:", f'#     "{name}": {function},']
    return "\n".join(lines) + "\n"


def _read(answer: str, exercise: str, function: str) -> _Answer | None:
    """The definition in an answer, under another name, without comments and docstrings."""
    if len(answer) > LONGEST_ANSWER:  # of hostile code of any length, parsing may take minutes
        return None
    try:
        tree = ast.parse(answer)
        defined = [
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == exercise
        ]
        if not defined:
            return None
        taken = defined[-1]
        taken.name, taken.decorator_list = function, []
        for node in ast.walk(taken):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        taken.body.insert(0, ast.Expr(ast.Constant("")))  # for the sentence
        code = ast.unparse(taken)
        lacking = _global_names(symtable.symtable(code, "answer", "exec")) - {*_THERE, function}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _Answer(code, tuple(sorted(lacking)))


def _global_names(table: symtable.SymbolTable) -> set[str]:
    """The names that code takes from its module."""
    found: set[str] = set()
    for part in table.get_children():
        found |= {each.get_name() for each in part.get_symbols() if each.is_global()}
        found |= _global_names(part)
    return found
