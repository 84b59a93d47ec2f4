"""Results for Gradescope: what it calls an autograder, which brings results that are made already.

Gradescope runs an autograder as root in a container, beside the hand-in. There is no place there
where student code could not read reference answers and held-out cases. So nothing of a hand-in
runs there: the zip file has a result for each hand-in that was graded on the course's own machine,
and a script that looks up whose it is and of which file.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.course.reading import Damaged, read_bytes
from autograder.results.gradebook import GradebookRow
from autograder.results.result import Result
from autograder.selfcheck.judge import messages
from autograder.selfcheck.language import say

from .roster import Roster

_SCRIPT = Path(__file__).with_name("gradescope_run.py")
_SETUP = """\
#!/bin/sh
set -e
command -v python3 >/dev/null || { apt-get update; apt-get install -y python3; }
"""
_EXECUTABLE = 0o100755 << 16
_KEYS = ("gradescope_sid", "sis_id", "id", "email", "login")


def autograder_zip(
    assignment: Assignment,
    results: Iterable[Result],
    rows: Mapping[str, GradebookRow],
    roster: Roster,
) -> tuple[bytes, list[str], list[str]]:
    """The zip file to upload as the autograder; whose result is in it, and whose is outdated.

    Raises UserError if two students are called the same.
    """
    buffer = io.BytesIO()
    index: dict[str, str] = {}
    given: list[str] = []
    left: list[str] = []
    known = {student.id: student for student in roster}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in (
            ("setup.sh", _SETUP),
            ("run_autograder", _SCRIPT.read_text(encoding="utf-8")),
        ):
            info = zipfile.ZipInfo(name)
            info.external_attr = _EXECUTABLE
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, text)
        for result in results:
            row = rows.get(result.student)
            if result.outdated or row is None:
                left.append(result.student)
                continue
            file = f"{len(given) + 1:06}.json"
            student = known.get(result.student)
            names = [result.student, row.email]
            names += [value for kind, value in student.keys if kind in _KEYS] if student else []
            for name in {name.casefold() for name in names if name}:
                if name in index:
                    raise UserError(
                        f"both {given[int(index[name][:6]) - 1]} and {result.student} are called "
                        f"“{name}”; mend the roster, or the e-mail addresses in the gradebook"
                    )
                index[name] = file
            entry = {
                "sha256": _digests(assignment.submitted(result.student).parent),
                "result": student_result(result, row),
            }
            made.writestr(f"results/{file}", json.dumps(entry, ensure_ascii=False))
            given.append(result.student)
        made.writestr("index.json", json.dumps(index, ensure_ascii=False))
    return buffer.getvalue(), given, left


def student_result(result: Result, row: GradebookRow) -> dict[str, Any]:
    """The results.json of a hand-in, in Gradescope's form: its score is that in the gradebook."""
    tests: list[dict[str, Any]] = []
    told = [say("Status: {status}", status=say(result.status))]
    if result.detail:
        told[0] += f" ({result.detail})"
    told += [say("Put right before grading: {note}", note=note) for note in result.notes]
    for number, exercise in enumerate(result.exercises, start=1):
        told += [f"{exercise.name}: {sentence}" for sentence in exercise.adjusted]
        texts = messages(exercise.checks)
        for part, (check, text) in enumerate(zip(exercise.checks, texts, strict=True), start=1):
            test = _test(f"{exercise.name}: {check.name}", f"{number}.{part}", text)
            test |= {
                "score": check.points if check.passed else 0,
                "max_score": check.points,
                "status": "passed" if check.passed else "failed",
            }
            tests.append(test)
    for number, mark in enumerate(row.marks, start=len(result.exercises) + 1):
        test = _test(say("{name} (graded by a person)", name=mark.name), str(number), mark.comment)
        if mark.score is not None:
            test |= {"score": mark.score + mark.extra_credit, "max_score": mark.max_score}
        tests.append(test)
    if row.late_submission_penalty:
        taken = f"{row.late_submission_penalty:g}"
        told.append(say("Taken off because it was handed in late: {points}", points=taken))
    if row.late is not None:
        told.append(row.late.told)
    if row.needs_manual_grade:
        told.append(say("A part is still to be graded by a person."))
    return {
        "score": row.score,
        "output": "\n".join(told),
        "output_format": "text",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _test(name: str, number: str, text: str) -> dict[str, Any]:
    shown = {"output_format": "text", "name_format": "text", "visibility": "visible"}
    return {"name": name, "number": number, "output": text, **shown}


def _digests(folder: Path) -> list[str]:
    """Hashes of the notebooks that a student has handed in."""
    found = []
    for path in sorted(folder.glob("*.ipynb")):
        try:
            found.append(hashlib.sha256(read_bytes(path)).hexdigest())
        except Damaged:
            continue
    return found
