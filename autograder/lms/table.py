"""Tables that people and platforms give, as text."""

from __future__ import annotations

from pathlib import Path

from autograder.course.errors import UserError


def read_table(path: Path, advice: str) -> str:
    """The text of a CSV in UTF-8. Raises UserError, with the advice where it is something else."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; {advice}") from None
