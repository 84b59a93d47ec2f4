"""Where the time of a further hand-in goes: of each core, on the clock, from a run of a class.

The class is graded by the code that ``autograder grade`` runs, in a process of its own that counts
the CPU time of its own steps. That of the sandbox is the kernel's count, and so is what the cores
did besides. The start and the end of the run are not in it: it is measured from the first hand-in
that is taken to the last result that is written.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from autograder.course.course import Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.grading import batch, executor, grader, local
from autograder.grading.conversation import Conversation
from autograder.grading.settings import Settings, usable_cores
from autograder.grading.under_way import UnderWay

USER, KERNEL = "its worker: in Python", "its worker: in the kernel"
STARTING = "the process that workers are cloned from"
OTHERS = "other programs, and what the kernel does by itself"
IDLE = "no program: a core was idle"
_COLLECTOR = "grader: Python's garbage collector"
_REST = "grader: handing out, threads, what is not listed"
_STEPS: Sequence[tuple[str, Any, Sequence[str]]] = (
    ("grader: finding, reading and hashing it", batch._ClassRun, ("_hand",)),
    ("grader: finding, reading and hashing it", local, ("read_bytes",)),
    ("grader: marks of what is under way", UnderWay, ("begin", "end")),
    ("grader: reading its cells against the release", grader, ("parse", "make_plan")),
    ("grader: asking its worker and taking the answers", Conversation, ("hold",)),
    ("grader: judging the answers", grader, ("verdict",)),
    ("grader: making notebook and feedback page", executor.Job, ("_made",)),
    ("grader: writing notebook, feedback page and journal", batch._ClassRun, ("_record",)),
)


@dataclass(frozen=True)
class Account:
    """Milliseconds of a further hand-in, of all cores together, by what they were spent on."""

    spent: Mapping[str, float]
    kind: str

    @property
    def used(self) -> float:
        """Milliseconds of CPU time that the hand-in takes."""
        return sum(ms for what, ms in self.spent.items() if what not in (IDLE, OTHERS))

    def markdown(self) -> str:
        """The account as a table in Markdown."""
        lines = [
            f"| where the time of a further hand-in goes, {self.kind} | milliseconds |",
            "| --- | --- |",
            *(f"| {what} | {ms:.2f} |" for what, ms in self.spent.items()),
            f"| CPU time of a further hand-in | {self.used:.2f} |",
            f"| of all {usable_cores()} cores, on the clock | {sum(self.spent.values()):.2f} |",
        ]
        return "\n".join(lines) + "\n"


def account_of(assignment: Assignment, kind: str) -> Account:
    """Grade a class anew, in a process that counts what it does."""
    command = [sys.executable, "-m", "autograder.bench.account", str(assignment.root)]
    command += [assignment.problem_set, str(assignment.directory.course.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Account(json.loads(done.stdout), kind)


class _Meter:
    """CPU time of the threads of this process, by what they were doing."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._here = threading.local()
        self._lock = threading.Lock()

    def begin(self) -> None:
        stack = self._here.__dict__.setdefault("stack", [])
        stack.append([time.thread_time(), 0.0])

    def end(self, step: str) -> None:
        began, within = self._here.stack.pop()
        whole = time.thread_time() - began
        if self._here.stack:
            self._here.stack[-1][1] += whole
        with self._lock:
            self.seconds[step] += whole - within

    def measured(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            self.begin()
            try:
                return function(*given, **named)
            finally:
                self.end(step)

        return call

    def collected(self, phase: str, _: object) -> None:
        """For ``gc.callbacks``."""
        if phase == "start":
            self.begin()
        else:
            self.end(_COLLECTOR)


class _Look:
    """All counters at one moment."""

    def __init__(self, meter: _Meter) -> None:
        self.wall = time.monotonic()
        self.own = time.process_time()
        self.steps = dict(meter.seconds)
        times = [process.cpu_times() for process in _zygotes()]
        self.starting = sum(each.user + each.system for each in times)
        self.user = sum(each.children_user for each in times)
        self.kernel = sum(each.children_system for each in times)
        cores = psutil.cpu_times(percpu=True)
        mine = sorted(os.sched_getaffinity(0))
        self.idle = sum(cores[core].idle + cores[core].iowait for core in mine)


def main() -> None:
    """Grade the class in ``argv[1]`` anew; print the milliseconds of a hand-in by what they were
    spent on, as JSON."""
    name, problem_set, course = sys.argv[1:]
    assignment = CourseDirectory(Path(name), Course.find(Path(course))).assignment(problem_set)
    meter = _Meter()
    for step, owner, functions in _STEPS:
        for function in functions:
            setattr(owner, function, meter.measured(step, getattr(owner, function)))
    looks: list[_Look] = []
    _look_around_run(meter, looks)
    gc.callbacks.append(meter.collected)
    result = batch.grade_class(assignment, Settings(), everything=True)
    before, after = looks
    print(json.dumps(_spent(before, after, result.graded)))


def _look_around_run(meter: _Meter, looks: list[_Look]) -> None:
    """Have counters read before the first hand-in is taken, and after the last one is written."""
    run = local.LocalExecutor.run

    def watched(
        self: local.LocalExecutor, job: executor.Job, handins: Iterable[Any]
    ) -> Iterator[executor.Graded]:
        for libraries in (None, frozenset[str](), frozenset({"matplotlib"})):
            with self.pool.worker(libraries):
                pass  # what workers are cloned from is there, whatever the hand-ins import
        looks.append(_Look(meter))
        yield from run(self, job, handins)
        looks.append(_Look(meter))

    local.LocalExecutor.run = watched  # type: ignore[method-assign]


def _zygotes() -> list[psutil.Process]:
    """The processes that workers are cloned from: the innermost ones, when there is no worker."""
    below = psutil.Process().children(recursive=True)
    return [process for process in below if not process.children()]


def _spent(before: _Look, after: _Look, handins: int) -> dict[str, float]:
    """Milliseconds a hand-in, of all cores together, by what they were spent on."""
    whole = (after.wall - before.wall) * usable_cores()
    steps = {
        step: after.steps[step] - before.steps.get(step, 0.0)
        for step in dict.fromkeys([*(step for step, _, _ in _STEPS), _COLLECTOR])
        if step in after.steps
    }
    spent = {
        USER: after.user - before.user,
        KERNEL: after.kernel - before.kernel,
        STARTING: after.starting - before.starting,
        **steps,
        _REST: after.own - before.own - sum(steps.values()),
    }
    spent[IDLE] = after.idle - before.idle
    spent[OTHERS] = max(0.0, whole - sum(spent.values()))
    return {step: 1e3 * seconds / handins for step, seconds in spent.items()}


if __name__ == "__main__":
    main()
