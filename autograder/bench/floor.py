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

from IPython.core.inputtransformer2 import TransformerManager

from autograder.definition import ProblemSetSpec
from autograder.definition.ids import is_check
from autograder.grading.plan import Step
from autograder.sandbox.rehearsal import warm_up
from autograder.selfcheck.calls import run_case
from autograder.selfcheck.spec import Case

_TO_PYTHON = TransformerManager()
Calls = Sequence[tuple[str, Sequence[Case]]]  # what is called to check an exercise, and on what


def calls_of(spec: ProblemSetSpec) -> Calls:
    """All calls that a hand-in is asked for."""
    return [
        (each.entry or each.name, [case.case for check in each.checks for case in check.cases])
        for each in spec.exercises
    ]


def main() -> None:
    """Grade the notebooks named on the command line, after a file with the calls; print the seconds
    of CPU time that they took, how many calls were made, how many of these raised, and how many of
    them because a name was not defined."""
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
                os.write(told_write, b"%d %d %d\n" % _graded(sources, calls))
            os._exit(0)
        os.waitpid(pid, 0)
    seconds = _cpu_seconds() - before
    os.close(told_write)
    with os.fdopen(told_read) as lines:
        counts = [[int(word) for word in line.split()] for line in lines]
    made, raised, undefined = (sum(column) for column in zip(*counts, strict=True))
    told = {"seconds": seconds, "calls": made, "raised": raised, "undefined": undefined}
    print(json.dumps(told))


def _own_cells(notebook: dict[str, Any]) -> Sequence[str]:
    return [
        step.source
        for cell in notebook["cells"]
        if not is_check(cell["metadata"].get("nbgrader", {}).get("grade_id"))
        and (step := Step(cell["cell_type"], "".join(cell["source"]))).runs
    ]


def _graded(sources: Sequence[str], calls: Calls) -> tuple[int, int, int]:
    """Run the cells, each to its first error, and make the calls.

    Returns how many it made, how many raised, and how many of these for want of a name.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for source in sources:
        with contextlib.suppress(Exception):
            exec(_compiled(source), names)
    made = 0
    errors: list[str] = []
    for entry, cases in calls:
        function = names.get(entry)
        if callable(function):
            outcomes = [outcome for case in cases for outcome in run_case(function, case)]
            made += len(outcomes)
            errors += [outcome.error for outcome in outcomes if outcome.error is not None]
    return made, len(errors), errors.count(NameError.__name__)


def _compiled(source: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(source, "<cell>", "exec")
        except SyntaxError:  # as IPython writes what is not plain Python, such as %pip
            return compile(_TO_PYTHON.transform_cell(source), "<cell>", "exec")


def _cpu_seconds() -> float:
    of = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in of)


if __name__ == "__main__":
    main()
