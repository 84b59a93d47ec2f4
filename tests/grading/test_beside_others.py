"""What is graded beside a hand-in costs it no points: a busy neighbour takes time, not marks."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.grading.executor import Graded
from autograder.grading.handin import Handin
from autograder.grading.local import LocalExecutor, Sandbox
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.results.result import Result, Status

PS = "ps01-sgd"
BUSY = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        while True: pass
time.sleep(2)
"""
SLOW = """
import time
end = time.process_time() + 1
while time.process_time() < end: pass
"""


def handed_in(right: dict[str, Any], path: Path, first: str) -> Path:
    notebook = copy.deepcopy(right)
    cell = {"cell_type": "code", "metadata": {}, "source": first, "outputs": []}
    notebook["cells"].insert(0, cell)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def test_busy_neighbours_cost_no_points(
    course: CourseDirectory,
    quick_settings: Settings,
    right_notebook: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Six graded at a time, three of which keep seven processes busy each."""
    limits = TimeLimits(cell=3, call=1, notebook=20)
    handins = []
    for number in range(3):
        for name, code in (("busy", BUSY), ("slow", SLOW)):
            path = handed_in(right_notebook(PS), tmp_path / f"{name}{number}.ipynb", code)
            handins.append(Handin(path.stem, path))
    settings = replace(quick_settings, workers=6, time=limits)
    with Session(course.assignment(PS), settings) as session:
        results = [graded.result for graded in session.grade_all(handins)]
    assert {r.student: r.score for r in results} == dict.fromkeys(
        (h.student for h in handins), results[0].max_score
    )
    assert {r.status for r in results if r.student.startswith("slow")} == {Status.GRADED}


class Job:
    """Grades by name: what is late beside others is right when it is alone."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running = 0
        self.most: dict[str, list[int]] = {}  # at a time, for each grading of a hand-in
        self.both = threading.Barrier(2)

    def do(self, handin: Handin, data: bytes, pool: object) -> Graded:
        with self.lock:
            self.running += 1
            first = handin.student not in self.most
            self.most.setdefault(handin.student, []).append(self.running)
        if first:
            self.both.wait(30)
        late = handin.student != "right" and (first or handin.student == "endless")
        status, score = (Status.TIMEOUT, 1) if late else (Status.GRADED, 2)
        with self.lock:
            self.running -= 1
        return Graded(Result(handin.student, status, "", score, 2), "", "")


@pytest.mark.parametrize("workers", [2, 1])
def test_what_is_lost_to_time_is_graded_again_alone(tmp_path: Path, workers: int) -> None:
    (tmp_path / "x").write_text("{}")
    handins = [Handin(name, tmp_path / "x") for name in ("late", "right", "endless", "right too")]
    job: Any = Job()
    if workers == 1:
        job.both = threading.Barrier(1)
    pool: Any = SimpleNamespace(level=SimpleNamespace(name="none"))
    executor = LocalExecutor(Sandbox(pool, {}), workers)
    results = [graded.result for graded in executor.run(job, handins)]
    assert sorted(result.student for result in results) == sorted(h.student for h in handins)
    scores = {result.student: result.score for result in results}
    assert scores["right"] == 2
    assert scores["endless"] == 1
    assert len(job.most["right"]) == 1
    if workers == 2:
        # graded once more after all others, in the order in which they were first lost to time
        assert {result.student for result in results[-3:]} == {"late", "endless", "right too"}
        assert scores["late"] == scores["right too"] == 2
        for name in ("late", "endless", "right too"):
            assert job.most[name][1:] == [1]
    else:
        assert {len(times) for times in job.most.values()} == {1}  # it was alone


@pytest.mark.parametrize("threads", [2, 1])
def test_a_cluster_grades_again_alone_what_is_lost_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    cluster = pytest.importorskip("autograder.grading.cluster")
    (tmp_path / "x").write_text("{}")
    handins = [Handin(name, tmp_path / "x") for name in ("late", "right", "endless", "right too")]
    at_once: dict[str, list[int]] = {}  # tasks, for each grading of a hand-in
    dispatch: Any = None

    def submit(_: object, __: object, parcel: Any, **___: object) -> Any:
        found = []
        for handin, _data in parcel.handins:
            times = at_once.setdefault(handin.student, [])
            late = handin.student == "endless" or (handin.student == "late" and not times)
            times.append(len(dispatch.running) + len(parcel.handins))
            status, score = (Status.TIMEOUT, 1) if late else (Status.GRADED, 2)
            found.append(Graded(Result(handin.student, status, "", score, 2), "", ""))
        return SimpleNamespace(status="finished", result=lambda timeout: found, key=id(found))

    class Future(SimpleNamespace):
        __hash__ = object.__hash__

    client: Any = SimpleNamespace(
        scheduler_info=lambda n_workers: {"total_threads": threads, "n_workers": 1},
        submit=lambda *given, **named: Future(**vars(submit(*given, **named))),
    )
    monkeypatch.setattr(cluster, "wait", lambda running, **_: (running[-1:], []))
    dispatch = cluster._Dispatch(client, "tcp://nowhere", None, None)
    results = [graded.result for graded in dispatch.run(handins)]
    assert sorted(result.student for result in results) == sorted(h.student for h in handins)
    scores = {result.student: result.score for result in results}
    assert scores == {"late": 2 if threads > 1 else 1, "right": 2, "endless": 1, "right too": 2}
    if threads > 1:
        assert {result.student for result in results[-2:]} == {"late", "endless"}
        assert at_once["late"][1:] == at_once["endless"][1:] == [1]
    else:
        assert {len(times) for times in at_once.values()} == {1}
