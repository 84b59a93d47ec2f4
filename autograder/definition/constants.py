"""Constants of a problem set with variants: ``{{kappa}}`` in a text, and its values.

A constant has one value for each variant. Sources, the release and the instructor's notebook name
it; what a student gets, and what a hand-in is graded with, has the value in its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Constants = Mapping[str, Sequence[Any]]  # the values by variant: numbers, or texts of one line
_NAMED = re.compile(r"\{\{(\w+)\}\}")


def names_in(text: str) -> list[str]:
    """The names that stand in double braces in a text, each once."""
    return list(dict.fromkeys(_NAMED.findall(text)))


def count_of(constants: Constants) -> int:
    """How many variants there are, one without constants."""
    return len(next(iter(constants.values()), ("",)))


def values_of(constants: Constants, variant: int) -> dict[str, Any]:
    """The constants of a variant, which is counted from 0."""
    return {name: values[variant] for name, values in constants.items()}


def filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with values in the place of the constants; other names stay as they are."""

    def value(found: re.Match[str]) -> str:
        return written(values[found[1]]) if found[1] in values else found[0]

    return _NAMED.sub(value, text)


def written(value: Any) -> str:
    """A constant as it stands in a text, and in Python code."""
    return value if isinstance(value, str) else repr(value)
