"""Variants of a problem set: who has which, and the notebook of each student.

A student's variant follows from the student's id and a secret that is drawn when the first notebook
is handed out. It is written down, and then it is as it was written: neither the roster nor another
number of variants changes it. The release itself names the constants.
"""

from __future__ import annotations

import fcntl
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autograder.course.directory import Assignment
from autograder.course.errors import UserError, some
from autograder.course.files import PRIVATE, cannot_write, open_folder, write_whole
from autograder.definition.constants import filled, values_of

from .making import notebook_text
from .released import Release, read_release
from .source import Notebook

_SECRET_BYTES = 32
_MOST_NAMED = 5


def variants_of(
    assignment: Assignment, release: Release, students: Iterable[str], *, first: bool = False
) -> dict[str, int]:
    """The variant, counted from 0, of each of these students; none if there are no variants.

    Who has none yet is given one, which is written down. Only what hands out notebooks may do that
    ``first``: without the file of those who have one, nobody knows what students were asked. Raises
    UserError.
    """
    if not release.constants:
        return {}
    try:
        with open_folder(assignment.variants.parent, assignment.root) as folder:
            fcntl.flock(folder, fcntl.LOCK_EX)  # until it is closed
            secret, given = _read(assignment, first=first)
            fresh = {s: _drawn(secret, assignment, s, release.variants) for s in students}
            missing = {student: fresh[student] for student in fresh.keys() - given.keys()}
            if missing:
                _write(assignment, secret, given | missing)
    except OSError as error:
        raise cannot_write(assignment.variants, error) from None
    given |= missing
    gone = sorted(student for student in fresh if given[student] >= release.variants)
    if gone:
        raise UserError(
            f"{some(gone, most=_MOST_NAMED)}: {assignment.variants} has variant "
            f"{given[gone[0]] + 1} of {assignment}, of which there are only {release.variants} "
            "now; bring back the constants that these students were given"
        )
    return {student: given[student] for student in fresh}


def variant_given(path: Path, student: str) -> int | None:
    """The variant, counted from 0, that a student has by the file that says so; None if none."""
    try:
        number = json.loads(path.read_text(encoding="utf-8"))["students"][student]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return number - 1 if type(number) is int and number > 0 else None


def hand_out(
    assignment: Assignment, students: Sequence[str], folder: Path, *, replace: bool = False
) -> dict[str, int]:
    """Write FOLDER/STUDENT/PS.ipynb for each of these students; return their variants.

    Notebooks that are there with another content are replaced only if that is wanted; else nothing
    is written at all. Raises UserError.
    """
    release = read_release(assignment.release)
    if not release.constants:
        raise UserError(
            f"{assignment} has no variants: all students get the same notebook, "
            f"{assignment.release}"
        )
    variants = variants_of(assignment, release, students, first=True)
    text = assignment.release.read_text(encoding="utf-8")
    made = {
        number: notebook_text(notebook_of(json.loads(text), number))
        for number in sorted(set(variants.values()))
    }
    places = {student: folder / student / f"{assignment}.ipynb" for student in variants}
    due = {s: place for s, place in places.items() if not _is(place, made[variants[s]])}
    there = sorted(s for s, place in due.items() if place.exists() or place.is_symlink())
    if there and not replace:
        raise UserError(
            f"{folder} has other notebooks of {some(there, most=_MOST_NAMED)}, and nothing was "
            "written; name another folder, or give --replace"
        )
    for student, place in due.items():
        write_whole(place, made[variants[student]], below=folder)
    return variants


def notebook_of(released: Notebook, variant: int) -> Notebook:
    """A released notebook, or a hand-in made of it, with the constants of one variant."""
    about = dict(released["metadata"].get("autograder", {}))
    values = values_of(about.pop("constants", {}), variant)
    if not values:
        return released
    metadata = {name: each for name, each in released["metadata"].items() if name != "autograder"}
    cells = [
        {**cell, "source": filled("".join(cell["source"]), values)} for cell in released["cells"]
    ]
    about = {"autograder": about} if about else {}
    return {**released, "cells": cells, "metadata": {**metadata, **about}}


def _is(place: Path, text: str) -> bool:
    try:
        return place.read_bytes() == text.encode()
    except OSError:
        return False


def _drawn(secret: str, assignment: Assignment, student: str, count: int) -> int:
    """The variant that follows from the secret and the id."""
    told = f"{assignment}\0{student}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hmac.digest(bytes.fromhex(secret), told, "sha256")) % count


def _read(assignment: Assignment, *, first: bool) -> tuple[str, dict[str, int]]:
    """The secret, and who has which variant. Raises UserError."""
    path = assignment.variants
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        secret, students = tree["secret"], tree["students"]
        if len(bytes.fromhex(secret)) < _SECRET_BYTES or not _are_numbers(students):
            raise ValueError
    except FileNotFoundError:
        if first:
            return secrets.token_hex(_SECRET_BYTES), {}
        raise UserError(
            f"{assignment} has variants, and {path} is not there, which says who was given which; "
            "bring it back, or if nothing was handed out yet run: autograder hand-out "
            f"{assignment.problem_set} FOLDER {assignment.directory.options}"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {(error.strerror or str(error)).lower()}; only the user who "
            "hands out and grades can read who was given which variant"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} is not as it was written: it needs the secret, and for each student a number "
            "from 1 on; bring back an older version of the file"
        ) from None
    return secret, {student: number - 1 for student, number in students.items()}


def _are_numbers(students: Any) -> bool:
    return isinstance(students, dict) and all(type(n) is int and n > 0 for n in students.values())


def _write(assignment: Assignment, secret: str, given: Mapping[str, int]) -> None:
    students = {student: number + 1 for student, number in sorted(given.items())}
    text = json.dumps({"secret": secret, "students": students}, indent=1, ensure_ascii=False)
    write_whole(assignment.variants, f"{text}\n", durable=True, mode=PRIVATE, below=assignment.root)
