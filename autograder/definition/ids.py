"""Grade ids: the names by which nbgrader, the notebooks and the gradebook know a cell."""

from __future__ import annotations

CHECK, DRIVER, WRITTEN, TEXT = "check-", "driver-", "written-", "text-"


def check_id(exercise: str) -> str:
    """Grade id of the locked cell that checks an exercise."""
    return CHECK + exercise


def driver_id(exercise: str) -> str:
    """Grade id of the locked cell that runs the class of an exercise on a case."""
    return DRIVER + exercise


def written_id(question: str) -> str:
    """Grade id of the cell for the answer to a written question."""
    return WRITTEN + question


def text_id(below: str, number: int) -> str:
    """Grade id of a locked cell of text, by the cell that it leads to and its number above that.

    So a text that comes or goes leaves the ids of all others but its neighbours as they are.
    """
    return f"{TEXT}{below}-{number}"


def is_check(grade_id: str | None) -> bool:
    """Whether a cell checks an exercise."""
    return grade_id is not None and grade_id.startswith(CHECK)


def checked_exercise(check: str) -> str:
    """The exercise that the cell with this grade id checks."""
    return check[len(CHECK) :]
