"""The least that grading a class can cost: in forks of a warm Python, each hand-in's own cells by
the leanest way that is right, then all calls of all cases, and the end.

Nothing is kept apart, compared or written, and the cells with checks are not run, as in grading.
Run as a process of its own: it forks, and it runs the cells of hand-ins without a sandbox, so only
of hand-ins that were made by this package.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import pickle
import resource
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from autograder.definition import ProblemSetSpec
from autograder.definition.ids import is_check
from autograder.sandbox.rehearsal import warm_up
from autograder.selfcheck.calls import run_case
from autograder.selfcheck.spec import Case

Calls = Sequence[tuple[str, Sequence[Case]]]  # what is called to check an exercise, and on what


def calls_of(spec: ProblemSetSpec) -> Calls:
    """All calls that a hand-in is asked for."""
    return [
        (each.entry or each.name, [case.case for check in each.checks for case in check.cases])
        for each in spec.exercises
    ]


def main() -> None:
    """Grade the notebooks named on the command line, after a file with the calls; print the seconds
    of CPU time that they took, and how many calls were made and how many of them raised."""
    calls: Calls = pickle.loads(Path(sys.argv[1]).read_bytes())
    notebooks = [json.loads(Path(name).read_text(encoding="utf-8")) for name in sys.argv[2:]]
    cells = [list(_own_cells(notebook)) for notebook in notebooks]
    warm_up(figures=any("matplotlib" in source for sources in cells for source in sources))
    told_read, told_write = os.pipe()
    gc.collect()
    gc.freeze()
    before = _cpu_seconds()
    for sources in cells:
        pid = os.fork()
        if pid == 0:
            quiet = io.StringIO()
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                os.write(told_write, b"%d %d\n" % _graded(sources, calls))
            os._exit(0)
        os.waitpid(pid, 0)
    seconds = _cpu_seconds() - before
    os.close(told_write)
    with os.fdopen(told_read) as lines:
        pairs = [[int(word) for word in line.split()] for line in lines]
    made, raised = (sum(column) for column in zip(*pairs, strict=True))
    print(json.dumps({"seconds": seconds, "calls": made, "raised": raised}))


def _own_cells(notebook: dict[str, Any]) -> Sequence[str]:
    return [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        and not is_check(cell["metadata"].get("nbgrader", {}).get("grade_id"))
    ]


def _graded(sources: Sequence[str], calls: Calls) -> tuple[int, int]:
    """Run the cells, each to its first error, and make the calls; how many, and how many raised."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for source in sources:
        with contextlib.suppress(Exception):
            exec(_compiled(source), names)
    made = raised = 0
    for entry, cases in calls:
        function = names.get(entry)
        if callable(function):
            outcomes = [outcome for case in cases for outcome in run_case(function, case)]
            made += len(outcomes)
            raised += sum(outcome.error is not None for outcome in outcomes)
    return made, raised


def _compiled(source: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, "<cell>", "exec")


def _cpu_seconds() -> float:
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in of)


if __name__ == "__main__":
    main()
