"""How fast grading is: each figure a ratio of two measurements in one run, on one machine."""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from autograder.course.course import Material
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.definition.ids import check_id
from autograder.definition.reference_process import evaluate_apart
from autograder.grading.evaluations import first_seed, kept, prepare
from autograder.grading.settings import usable_cores
from autograder.layout import PACKAGE
from autograder.release import build
from autograder.sandbox.confine import adopt_orphans

from .account import Account, account_of
from .classroom import RIGHT, write_class
from .floor import calls_of

_SEED = 1
_FLOOR_HANDINS = 300  # at most: hand-ins of a class are much alike, and figures take long
_CLUSTER_HANDINS = 600  # at least: then it hardly counts when one worker ends before the other


@dataclass(frozen=True)
class Figure:
    """One line of the benchmark: what was compared, the ratio, the goal, and the raw numbers."""

    what: str
    figure: str
    goal: str
    met: bool
    raw: str


@dataclass(frozen=True)
class Usage:
    """What a command took: wall and CPU seconds with all its children, its own peak memory."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Sizes:
    """How much is measured: hand-ins of a class, of a large class, and of stock's sample."""

    handins: int = 1000
    many: int = 10_000
    sample: int = 10


def run_speed(
    material: Material, sizes: Sizes, say: Callable[[str], None]
) -> Iterator[Figure | Account]:
    """Measure everything, one figure after the other; ``say`` is told what is going on."""
    with tempfile.TemporaryDirectory(prefix="autograder-bench-") as name:
        folder = Path(name)
        assignment = _released(folder / "course", material)
        files = write_class(assignment, sizes.handins)
        say(f"grading {sizes.handins} hand-ins")
        ours = _grade(assignment)
        say(f"stock nbgrader on {sizes.sample} of the same files")
        theirs = _Stock(folder / "stock", assignment).grade(files, sizes.sample)
        say("the floor: their own cells and all calls, in forks of a warm Python")
        floor = floor_of(assignment, files)
        yield _against_stock(files, ours, theirs, floor, "without a figure", 100)
        say("the same class again, with an account of where the time goes")
        account = account_of(assignment, "without a figure")
        yield _against_floor(files, account, floor)
        yield account

        drawing = _released(folder / "drawing", material)
        drawn = write_class(drawing, sizes.handins, figure=True)
        say(f"grading {sizes.handins} hand-ins that draw a figure")
        ours_drawing = _grade(drawing)
        say(f"stock nbgrader on {sizes.sample} of the same files")
        theirs = _Stock(folder / "stock drawing", drawing).grade(drawn, sizes.sample)
        floor = floor_of(drawing, drawn)
        yield _against_stock(drawn, ours_drawing, theirs, floor, "with a figure", 40)
        account = account_of(drawing, "with a figure")
        yield _against_floor(drawn, account, floor)
        yield account

        if usable_cores() > 1:
            say("two single-core workers of a Dask cluster against one")
            yield _cluster(assignment, files)
        usages = []
        counts = sizes.handins // 5, sizes.handins, sizes.many
        for count in counts[::2]:
            other = _released(folder / str(count), material)
            write_class(other, count)
            say(f"grading {count} hand-ins")
            usages.append(_grade(other))
        few, large = usages
        say("evaluating the reference")
        yield _reference(material, few, counts[0])
        yield from _growth(counts, [few, ours, large])


def _released(root: Path, material: Material) -> Assignment:
    assignment = CourseDirectory(root, material.course).assignment(material.name)
    build.release(assignment)
    prepare([assignment])
    return assignment


def _grade(assignment: Assignment) -> Usage:
    return measure(
        [
            *(sys.executable, "-m", "autograder.cli", "grade", assignment.problem_set),
            *("--course-dir", str(assignment.root), "--isolation", "auto"),
            *("--course", str(assignment.directory.course.root)),
        ],
        assignment.root,
    )


def measure(command: Sequence[str], folder: Path) -> Usage:
    """Run a command; raise UserError with what it said if it fails."""
    adopt_orphans()  # bubblewrap may end before what it started: count that, too
    others = _children()
    with tempfile.TemporaryFile() as said:
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        peak = _Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            text = said.read().decode("utf-8", "replace")[-2000:]
            raise UserError(f"{' '.join(command)} failed:\n{text}")
    cpu = usage.ru_utime + usage.ru_stime
    while orphans := _children() - others:
        _, _, usage = os.wait4(orphans.pop(), 0)
        cpu += usage.ru_utime + usage.ru_stime
    return Usage(seconds, cpu, peak.take())


def _children() -> set[int]:
    return {process.pid for process in psutil.Process().children()}


class _Peak:
    """Watches the peak of a process's own memory; wait4 would tell that of its children, too."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._bytes = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while True:
            try:
                lines = self._status.read_text().splitlines()
            except OSError:
                return
            found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
            if not found:  # it has ended
                return
            self._bytes = int(found[0]) << 10
            time.sleep(0.02)

    def take(self) -> int:
        self._thread.join()
        return self._bytes


@dataclass(frozen=True)
class StockTime:
    """Seconds that stock nbgrader takes to start, and for each hand-in; from how many of them."""

    start: float
    each: float
    sample: int


class _Stock:
    """A course of stock nbgrader with the same notebook; its test cells call ``check``."""

    def __init__(self, root: Path, assignment: Assignment) -> None:
        self.root = root
        self.assignment = assignment
        self.problem_set = assignment.problem_set
        shutil.copytree(assignment.source.parent, root / "source" / self.problem_set)
        (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
        self._run("generate_assignment")

    def _run(self, command: str) -> Usage:
        start = "from nbgrader.apps.nbgraderapp import main; main()"
        return measure([sys.executable, "-c", start, command, self.problem_set], self.root)

    def _hand_in(self, files: Sequence[Path]) -> None:
        shutil.rmtree(self.root / "submitted", ignore_errors=True)
        for file in files:
            student = file.parent.parent.name
            target = self.root / "submitted" / student / self.problem_set / file.name
            target.parent.mkdir(parents=True)
            shutil.copy(file, target)

    def grade(self, files: Sequence[Path], count: int) -> StockTime:
        """Grade one hand-in, then the others of a sample of so many."""
        step = max(1, len(files) // count)
        sample = list(files[::step])[:count]
        self._hand_in(sample[:1])
        one = self._run("autograde").seconds
        self._hand_in(sample[1:])
        more = self._run("autograde").seconds
        each = (more - one) / (len(sample) - 2)
        self._same_scores(sample)
        return StockTime(one - each, each, len(sample))

    def _same_scores(self, sample: Sequence[Path]) -> None:
        """Right answers must score full with both, or the times say nothing."""
        from nbgrader.api import Gradebook

        right = [file.parent.parent.name for file in sample if RIGHT in str(file)]
        results = json.loads(self.assignment.results.read_text(encoding="utf-8"))
        full = {entry["student"]: entry["score"] for entry in results["submissions"]}
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            for student in right:
                notebook = gradebook.find_submission_notebook(
                    self.problem_set, self.problem_set, student
                )
                names = [check_id(e["name"]) for e in results["submissions"][0]["exercises"]]
                stock = sum(grade.auto_score for grade in notebook.grades if grade.name in names)
                if stock != full[student] or not stock:
                    raise UserError(f"{student} scores {full[student]} here, {stock} with stock")


def _against_stock(
    files: Sequence[Path], ours: Usage, stock: StockTime, floor: float, kind: str, goal: int
) -> Figure:
    whole = stock.start + stock.each * len(files)
    ratio = whole / ours.seconds
    best = whole / (floor / usable_cores())
    return Figure(
        f"throughput against stock nbgrader, {len(files)} hand-ins {kind}",
        f"{ratio:.0f} times",
        f"at least {goal}",
        ratio >= goal,
        f"here {ours.seconds:.2f} s, start and end included, on {usable_cores()} cores; stock "
        f"{stock.start:.1f} s and {stock.each:.2f} s a hand-in, from {stock.sample} of the same "
        f"files; the floor, spread over these cores, would be {best:.0f} times as fast as stock",
    )


def floor_of(assignment: Assignment, files: Sequence[Path]) -> float:
    """Seconds of CPU time that grading these hand-ins takes at least, told from the first ones."""
    measured = files[:_FLOOR_HANDINS]
    evaluation = kept(assignment, first_seed(assignment), "auto")
    if evaluation is None:
        raise UserError(f"there are no evaluated cases of {assignment}: release it")
    calls = calls_of(evaluation.spec)
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "calls"
        given.write_bytes(pickle.dumps(calls))
        (Path(folder) / "selfcheck").symlink_to(PACKAGE / "selfcheck")
        done = subprocess.run(
            [sys.executable, "-m", "autograder.bench.floor", str(given), *map(str, measured)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([folder, str(PACKAGE.parent)]),
                "MPLBACKEND": "module://matplotlib_inline.backend_inline",
                "OPENBLAS_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=True,
        )
    told = json.loads(done.stdout)
    most = len(measured) * sum(case.calls for _, cases in calls for case in cases)
    if not most / 2 < told["calls"] <= most:  # only unanswered exercises raise, at their first call
        raise UserError(f"the floor made {told['calls']} calls of {most}")
    if told["undefined"]:  # of what the class answers nothing does
        raise UserError(f"{told['undefined']} calls of the floor lacked a name: its cells failed")
    return float(told["seconds"]) * len(files) / len(measured)


def _against_floor(files: Sequence[Path], account: Account, floor: float) -> Figure:
    least = 1e3 * floor / len(files)
    ratio = account.used / least
    return Figure(
        f"CPU time of a further hand-in against the floor, {account.kind}",
        f"{ratio:.2f} times",
        "at most 2",
        ratio <= 2,
        f"{account.used:.1f} ms; floor {least:.1f} ms",
    )


def _cluster(assignment: Assignment, files: Sequence[Path]) -> Figure:
    from .cluster import speedup  # Dask takes a while to load

    times = math.ceil(_CLUSTER_HANDINS / len(files))
    found = speedup(assignment, [*files] * times)
    return Figure(
        "two single-core Dask workers against one, on the cores that they share with the rest",
        f"{found.ratio:.2f} times",
        "at least 1.8",
        found.ratio >= 1.8,
        f"{max(found.one):.0f} and {max(found.two):.0f} hand-ins/s on {found.handins} hand-ins, "
        f"the best of {len(found.one)} rounds",
    )


def _reference(material: Material, ours: Usage, handins: int) -> Figure:
    evaluate_apart(material, _SEED, "cpu")  # what is read from disk is then in memory
    started = time.monotonic()
    seconds = evaluate_apart(material, _SEED, "cpu").seconds or 0.0
    with_start = time.monotonic() - started
    share = seconds / ours.seconds
    return Figure(
        f"evaluating the reference, against grading {handins} hand-ins",
        f"{100 * share:.1f} %",
        "at most 5 %",
        share <= 0.05,
        f"{seconds:.2f} s for all exercises, once for each seed; {with_start:.1f} s with the "
        "start of torch, at release or beside the start of the sandbox",
    )


def _growth(counts: Sequence[int], usages: Sequence[Usage]) -> Iterator[Figure]:
    """How time and memory grow; the start of a run drops out of the differences."""
    few, more, many = usages
    early, late = (
        1e3 * (usages[i + 1].seconds - usages[i].seconds) / (counts[i + 1] - counts[i])
        for i in (0, 1)
    )
    yield Figure(
        f"time a further hand-in, {counts[1]} to {counts[2]} against {counts[0]} to {counts[1]}",
        f"{late / early:.2f} times",
        "at most 1.1",
        late / early <= 1.1,
        f"{late:.1f} ms and {early:.1f} ms; {few.seconds:.1f}, {more.seconds:.1f} and "
        f"{many.seconds:.1f} s in all",
    )
    growth = (many.peak_bytes - few.peak_bytes) / (1 << 20)
    yield Figure(
        f"the coordinator's peak memory, {counts[2]} hand-ins against {counts[0]}",
        f"{growth:+.0f} MB",
        "at most +50 MB",
        growth <= 50,
        f"{many.peak_bytes >> 20} MB and {few.peak_bytes >> 20} MB",
    )


def markdown(told: Sequence[Figure | Account]) -> str:
    """The figures as a table in Markdown, and each account as another one."""
    figures = [each for each in told if isinstance(each, Figure)]
    accounts = [each for each in told if isinstance(each, Account)]
    lines = ["| what | measured | goal | the numbers |", "| --- | --- | --- | --- |"]
    lines += [f"| {f.what} | {f.figure} | {f.goal} | {f.raw} |" for f in figures]
    met = sum(figure.met for figure in figures)
    goals = f"Of the {len(figures)} goals, {met} are met in this run.\n"
    return "\n".join(["\n".join(lines), "", goals, *(each.markdown() for each in accounts)])
