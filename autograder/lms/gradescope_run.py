#!/usr/bin/env python3
"""Gives a submission on Gradescope the result that was made for it elsewhere; runs nothing of it.

It goes into a zip file as ``run_autograder`` and needs nothing but Python 3.6. The argument is for
tests: the folder that is ``/autograder`` there.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Iterator  # noqa: UP035 - as Python 3.6 has it

_MOST_BYTES = 50 << 20  # of a notebook that was graded
_UNKNOWN = (
    "Nobody with your e-mail address or student ID is among those who are graded so far. If it "
    "stays so, tell your instructor."
)
_NOT_YET = (
    "This version of your notebook is not graded yet. It is graded on another machine; its result "
    "comes here when the instructor has uploaded it."
)


def main(root: Path) -> None:
    source = root / "source"
    index = json.loads((source / "index.json").read_text(encoding="utf-8"))
    about = json.loads((root / "submission_metadata.json").read_text(encoding="utf-8"))
    names = [user.get(kind) for user in about.get("users", []) for kind in ("sid", "email")]
    files = {index[str(name).casefold()] for name in names if str(name).casefold() in index}
    told = {"score": 0, "output": _NOT_YET if files else _UNKNOWN}
    handed_in = set(digests(root / "submission"))
    for file in sorted(files):
        entry = json.loads((source / "results" / file).read_text(encoding="utf-8"))
        if handed_in & set(entry["sha256"]):
            told = entry["result"]
    place = root / "results" / "results.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(told), encoding="utf-8")


def digests(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*.ipynb"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MOST_BYTES:
            yield hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/autograder"))
