"""What a worker is told to do: four orders, each a message of :mod:`wire`.

    {"run": source}                                run a cell; answered with what it shows
    {"keep": name, "entry": name}                  keep a function as it is now; not answered
    {"changed": null}                              which of these use something that was changed
                                                   since? Answered with their names under "changed"
    {"call": name, "entry": name, "cases": [...]}  call it on these cases; answered with outcomes,
                                                   none if it was named as changed

``entry`` is what is called to check the function ``name``: itself, or a driver that runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograder.selfcheck.spec import Case
from autograder.selfcheck.values import Buffer, Room, decode, encode

from .wire import packed

_ANSWER_PARTS = 6_000
_ANSWER_SIZE = 1 << 19


def answer_room() -> Room:
    """What all values of one answer may take together.

    Right answers take a fifth of it at most, unless they are lists of NumPy's numbers.
    """
    return Room(_ANSWER_PARTS, _ANSWER_SIZE)


def run(source: str) -> bytes:
    """The order to run a cell."""
    return packed({"run": source})


def keep(name: str, entry: str) -> bytes:
    """The order to keep a function for the calls to come."""
    return packed({"keep": name, "entry": entry})


def changed() -> bytes:
    """The order to look which of the functions that were kept depend on what came later."""
    return packed({"changed": None})


def call(name: str, entry: str, cases: Iterable[Case]) -> bytes:
    """The order to call a function on cases. Labels and all that tells what is right stay here."""
    buffers: list[bytes] = []
    trees = [_tree(case, buffers) for case in cases]
    return packed({"call": name, "entry": entry, "cases": trees}, buffers)


def _tree(case: Case, buffers: list[bytes]) -> dict[str, Any]:
    return {
        "arguments": [[name, encode(value, buffers)] for name, value in case.arguments.items()],
        "steps": [
            [[name, encode(value, buffers)] for name, value in step.items()] for step in case.steps
        ],
        "feedback": list(case.feedback),
    }


def case_in(tree: dict[str, Any], buffers: Sequence[Buffer]) -> Case:
    """The case that an entry of ``cases`` stands for. The worker believes what it is told."""
    return Case(
        "",
        {name: _value(value, buffers) for name, value in tree["arguments"]},
        tuple({name: _value(value, buffers) for name, value in step} for step in tree["steps"]),
        tuple(tree["feedback"]),
    )


def _value(tree: Any, buffers: Sequence[Buffer]) -> Any:
    """As decode, but for arrays, of which a case has most, without doubt."""
    if type(tree) is not dict:
        return tree
    array = tree.get("array")
    if array is None or array["layout"] != "C":
        return decode(tree, buffers)
    value = np.ndarray(array["shape"], array["dtype"], buffers[array["buffer"]]).copy()
    if array["readonly"]:
        value.flags.writeable = False
    return value
