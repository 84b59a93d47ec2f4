"""Calling a function on a case, the same way at the student's desk and in the grader."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .spec import Case, Outcome

_IMMUTABLE = frozenset({float, int, bool, str, type(None)})


def fresh(value: Any) -> Any:
    """A copy that keeps the memory layout and the read-only flag of arrays."""
    if type(value) in _IMMUTABLE:
        return value
    if isinstance(value, np.ndarray):
        flags = value.flags
        if flags.forc or value.ndim == 0:
            array = value.copy(order="K")
        else:
            array = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)[..., ::2]
            array[...] = value
        if not flags.writeable:
            array.flags.writeable = False
        return array
    if isinstance(value, (list, tuple)):
        return type(value)(fresh(item) for item in value)
    return copy.copy(value)


def arguments(case: Case, step: int, previous: Any) -> list[Any] | None:
    """Arguments of call number ``step`` of a case, given the value of the call before.

    None if that value does not have the outputs which must be fed back.
    """
    given = inputs(case, step, previous)
    return None if given is None else [fresh(value) for value in given.values()]


def inputs(case: Case, step: int, previous: Any) -> dict[str, Any] | None:
    """As :func:`arguments`, by name; but these belong to the case and must not be handed out."""
    given = dict(case.arguments)
    if case.steps:
        given.update(case.steps[step])
        if step > 0 and case.feedback:
            outputs = as_outputs(previous, len(case.feedback))
            if outputs is None:
                return None
            for name, output in zip(case.feedback, outputs, strict=True):
                given[name] = fresh(_like(given[name], output))  # who returned it has it, too
    return given


def _like(argument: Any, output: Any) -> Any:
    """The output, as an array if it is a list of numbers where the case has an array."""
    if isinstance(argument, np.ndarray) and isinstance(output, (list, tuple)):
        try:
            array = np.asarray(output)
        except Exception:  # ragged, or objects that refuse
            return output
        return array if array.dtype.kind in "iufc" else output
    return output


def as_outputs(value: Any, count: int) -> list[Any] | None:
    """The ``count`` outputs in a returned value, or None if it does not hold so many.

    Several outputs may come as a tuple, a list, or one array with them along its first axis.
    """
    if count == 1:
        return [value]
    if isinstance(value, (tuple, list)) and len(value) == count:
        return list(value)
    if isinstance(value, np.ndarray) and value.ndim > 0 and len(value) == count:
        return list(value)
    return None


def run_case(
    function: Callable[..., Any],
    case: Case,
    caught: Callable[[BaseException], str] = lambda error: "",
) -> Iterator[Outcome]:
    """Call the function on the case, yielding one outcome a call; stop after an error.

    ``caught`` gets the exception that ended it, and returns where that happened.
    """
    value: Any = None
    for step in range(case.calls):
        by_name = inputs(case, step, value)
        if by_name is None:
            return
        before = list(by_name.values())
        given = [fresh(item) for item in before]
        try:
            try:
                value = function(*given)
            except (FloatingPointError, RuntimeWarning):
                # the notebook has NumPy raise what it warns of; that alone makes no answer wrong
                given = [fresh(item) for item in before]
                with np.errstate(all="ignore"):
                    value = function(*given)
        except (Exception, SystemExit) as error:
            detail = str(error)[:500]
            yield Outcome(error=type(error).__name__, detail=detail, trace=caught(error))
            return
        yield Outcome(value, after=None if _unchanged(before, given) else tuple(given))


def _unchanged(before: Any, after: Any) -> bool:
    """Whether two values are the same to the last bit."""
    if before is after:  # what cannot change, such as a number
        return True
    if type(before) is not type(after):
        return False
    if isinstance(before, (np.ndarray, np.generic)):
        alike = before.dtype == after.dtype and before.shape == after.shape
        return bool(alike and before.tobytes() == after.tobytes())
    if isinstance(before, (list, tuple)):
        if len(before) != len(after):
            return False
        for item, other in zip(before, after, strict=True):  # a loop takes half the time of all()
            if item is not other and not _unchanged(item, other):
                return False
        return True
    return False
