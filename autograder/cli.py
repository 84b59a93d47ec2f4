"""The command line."""

from __future__ import annotations

import errno
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from autograder import __version__
from autograder.grading.results import Status, Submission
from autograder.grading.session import Settings
from autograder.paths import (
    DOWNLOADS,
    CourseDirectory,
    UserError,
    problem_set_names,
    require_problem_set,
)
from autograder.release import build
from autograder.release.downloads import build_downloads
from autograder.release.source import SourceError
from autograder.sandbox.isolation import FULL, LEVELS

if TYPE_CHECKING:
    from autograder.bench.speed import Figure
    from autograder.grading.batch import ClassResult

# in a file or a pipe there is no window to fit the table of points into
out = Console(
    highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 200
)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

course_option = click.option(
    "--course-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default="course",
    show_default=True,
    metavar="DIR",
    help="The course directory.",
)
_device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the reference runs; auto takes a CUDA device if there is one.",
)
db_url_option = click.option(
    "--db-url",
    envvar="AUTOGRADER_DB_URL",
    show_envvar=True,
    metavar="URL",
    help="Where the gradebook is, as postgresql+psycopg://USER@HOST/NAME; by default gradebook.db "
    "in the course directory.",
)
_grading_options = (
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Hand-ins graded at a time; by default one a core.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="Seed of the held-out cases, to repeat a grading with its cases. Leave it out for a "
        "class: then it is that of the last grading, or a fresh one that nobody can guess.",
    ),
)


def _isolation_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--isolation",
        type=click.Choice(["auto", *(level.name for level in LEVELS)]),
        default=default,
        show_default=True,
        help="How hand-ins are kept apart from this machine (see: autograder doctor). Where that "
        "level does not work, nothing is graded; auto takes the strongest that works here.",
    )


def grading_options(isolation: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options that say how hand-ins are graded, with the default level of isolation."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        for option in reversed((_device_option, _isolation_option(isolation), *_grading_options)):
            function = option(function)
        return function

    return add


def _dask_address(
    context: click.Context, parameter: click.Parameter, address: str | None
) -> str | None:
    if address is not None and not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", address):
        raise click.BadParameter(f"{address} is not like tcp://HOST:PORT or tls://HOST:PORT")
    return address


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(version)s")
def app() -> None:
    """Release the exercises of the course, check them, and grade hand-ins.

    A course directory is in nbgrader's layout: hand-ins lie in submitted/STUDENT/PS/PS.ipynb;
    gradebook.db, autograded/, feedback/ and reports/PS/ are written into it.
    """


@app.command()
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@course_option
@db_url_option
@click.option(
    "--publish",
    is_flag=True,
    help="Also write book/exercises/PS.ipynb, which are committed, and the downloads of the site.",
)
@click.option("--check", is_flag=True, help="Fail unless book/exercises/PS.ipynb are up to date.")
def release(
    problem_sets: tuple[str, ...],
    course_dir: Path,
    db_url: str | None,
    publish: bool,
    check: bool,
) -> None:
    """Make the released notebooks from the sources in solutions/.

    Writes source/PS and release/PS in the course directory, enters the assignment in the
    gradebook, and evaluates the reference for the first grading. Does nothing for a problem set
    that is up to date.
    """
    from autograder.grading.evaluations import prepare

    course = CourseDirectory(course_dir, db_url)
    stale = []
    for name in _names(problem_sets):
        started = time.monotonic()
        out.print(f"{name}: ", end="")
        done = build.release(name, course)
        seconds = time.monotonic() - started
        out.print(f"released in {seconds:.1f} s" if done else "up to date")
        if publish and build.publish(name, course):
            out.print(f"  wrote book/exercises/{name}.ipynb")
        if check and not build.is_published(name, course):
            stale.append(name)
    prepare(_names(problem_sets), course)
    if publish:
        build_downloads(DOWNLOADS)
    if stale:
        raise UserError(
            f"book/exercises is out of date for {', '.join(stale)}; "
            "run: autograder release --publish"
        )


@app.command()
@click.argument("problem_sets", metavar="PS...", nargs=-1, required=True)
@course_option
@db_url_option
@click.option(
    "--student",
    "students",
    multiple=True,
    metavar="NAME",
    help="Grade this student only; may be given several times.",
)
@grading_options(isolation=FULL.name)
@click.option(
    "--scheduler",
    callback=_dask_address,
    metavar="ADDRESS",
    help="Grade on the workers of a Dask cluster, whose scheduler is at this address, as "
    "tcp://10.0.0.5:8786, instead of on this machine.",
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Grade also what has not changed since the last time.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Only go on with a grading that was interrupted, as it was told then.",
)
def grade(
    problem_sets: tuple[str, ...],
    course_dir: Path,
    db_url: str | None,
    students: tuple[str, ...],
    device: str,
    isolation: str,
    workers: int | None,
    seed: int | None,
    scheduler: str | None,
    everything: bool,
    resume: bool,
) -> None:
    """Grade the hand-ins of one or several problem sets.

    Reads submitted/STUDENT/PS/PS.ipynb in the course directory. Writes gradebook.db,
    autograded/, feedback/ and reports/PS/{results.json,grades.csv,report.html}. One bad hand-in
    never stops the others; each ends with a status. Only what changed is graded again.

    Ctrl-C enters what is graded until then. However a grading was cut short, the same command goes
    on with it.
    """
    from autograder.grading.batch import NothingToResume
    from autograder.grading.interrupt import Interrupted

    if workers and scheduler:
        raise click.UsageError("with --scheduler, the cluster says how many workers there are")
    settings = Settings(
        device=device, isolation=isolation, workers=workers, seed=seed, scheduler=scheduler
    )
    course = CourseDirectory(course_dir, db_url)
    for problem_set in _names(problem_sets):
        course.students(problem_set)  # complain about an empty course before anything is made
    resumed = False
    for problem_set in problem_sets:
        if len(problem_sets) > 1:
            out.print(f"== grading {problem_set}")
        try:
            _grade(problem_set, course, settings, students, everything, resume)
            resumed = True
        except NothingToResume as nothing:
            if problem_set == problem_sets[-1] and not resumed:
                raise
            out.print(str(nothing), markup=False)
        except Interrupted as stop:
            again = "run the same command again to go on"
            err.print(f"autograder: {str(stop) or f'interrupted; {again}'}", markup=False)
            raise click.exceptions.Exit(stop.exit_status) from None


def _grade(
    problem_set: str,
    course: CourseDirectory,
    settings: Settings,
    students: Sequence[str],
    everything: bool,
    resume: bool,
) -> None:
    """Grade one problem set and tell how it went."""
    from autograder.grading.batch import grade_class
    from autograder.grading.session import Opening

    with Opening(problem_set, course, settings) as opening:
        if not build.is_released(problem_set, course):
            out.print(f"{problem_set}: releasing it into {course.root} first")
            build.release(problem_set, course)
        with _Progress() as progress:
            result: ClassResult = grade_class(
                problem_set,
                course,
                settings,
                students=students,
                everything=everything,
                resume=resume,
                progress=progress,
                opening=opening,
            )
    for level, reason in result.weaker_because.items():
        err.print(f"isolation {level} is not available: {reason}", markup=False)
    run, overview = result.run, result.overview
    out.print(_grade_table(islice(run.submissions, _MOST_ROWS)))
    if overview.count > _MOST_ROWS:
        out.print(f"… and {overview.count - _MOST_ROWS} more; all are in grades.csv")
    unchanged = overview.count - result.graded - overview.outdated
    out.print(
        f"{result.graded} graded, {unchanged} unchanged; "
        f"reference on {run.device}, isolation {run.isolation}"
    )
    out.print(f"{progress.seconds:.1f} s, {result.graded / progress.seconds:.1f} hand-ins/s")
    _tell_what_is_left(result)
    folder = course.reports(problem_set)
    out.print(f"report     {folder / 'report.html'}", markup=False)
    out.print(f"grades     {folder / 'grades.csv'}", markup=False)
    out.print(f"results    {folder / 'results.json'}", markup=False)
    out.print(f"feedback   {course.root / 'feedback'}", markup=False)
    out.print(f"gradebook  {course.gradebook_name}", markup=False)


@app.command()
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All problem sets.")
@grading_options(isolation="auto")  # what is run is the course's own
def preflight(
    problem_sets: tuple[str, ...],
    every: bool,
    device: str,
    isolation: str,
    workers: int | None,
    seed: int | None,
) -> None:
    """Check a problem set itself, before a class is graded with it.

    The instructor's answers must score full, the release 0, each known mistake must lose points,
    95 % of the mistakes must be named as what they are, and grading twice must give the same.
    """
    from autograder.grading.preflight import preflight as run_preflight

    if bool(problem_sets) == every:
        raise UserError("name the problem sets to check, or give --all")
    failed = []
    settings = Settings(device=device, isolation=isolation, workers=workers, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        course = CourseDirectory(Path(folder))
        for name in _names(problem_sets):
            started = time.monotonic()
            build.release(name, course)
            result = run_preflight(name, course, settings)
            out.print(
                f"{name}: {'ok' if not result.problems else 'NOT ok'}; known mistakes: "
                f"{result.mistakes}, losing points: {result.losing}, named: {result.named}; "
                f"isolation {result.isolation}, seed {result.seed}, "
                f"{time.monotonic() - started:.1f} s"
            )
            for problem in result.problems:
                out.print(f"  {problem}", markup=False)
            if result.problems:
                failed.append(name)
    if failed:
        raise UserError(f"not fit for grading: {', '.join(failed)}")


@app.command()
def doctor() -> None:
    """Tell versions, GPU and isolation level, and whether grading can work here.

    Starts workers at the strongest level that works, and tries to break out of them: each thing
    that a hand-in must not be able to do is one line.
    """
    from autograder.doctor import examine

    bad = 0
    for finding in examine():
        mark = {True: "ok  ", False: "BAD ", None: "    "}[finding.fine]
        out.print(f"{mark}{finding.subject}: {finding.text}", markup=False)
        bad += finding.fine is False
    if bad:
        raise UserError(f"{bad} thing{'s' if bad > 1 else ''} to mend")


@app.command("sample")
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@course_option
@db_url_option
def sample_(problem_sets: tuple[str, ...], course_dir: Path, db_url: str | None) -> None:
    """Put a sample class of hand-ins into the course directory: right, wrong, endless, empty.

    Hand-ins that are there already stay as they are.
    """
    from autograder.grading.sample import sample_class

    course = CourseDirectory(course_dir, db_url)
    for name in _names(problem_sets):
        build.release(name, course)
        made = 0
        for student, notebook in sample_class(name, course).items():
            path = course.submitted(name, student)
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
                path.write_text(build.notebook_text(notebook), encoding="utf-8")
                made += 1
        out.print(f"{name}: {made} hand-ins made in {course.root / 'submitted'}")


@app.group(invoke_without_command=True)
@click.pass_context
@click.option("--problem-set", default="ps01-sgd", show_default=True, metavar="PS")
@click.option(
    "--handins",
    type=click.IntRange(20),
    default=200,
    show_default=True,
    metavar="N",
    help="Hand-ins of the class.",
)
@click.option(
    "--many",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Hand-ins of the large class, for the growth of time and memory.",
)
@click.option(
    "--sample",
    type=click.IntRange(4),
    default=12,
    show_default=True,
    metavar="N",
    help="Hand-ins that stock nbgrader grades.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the table to this file, as Markdown.",
)
def bench(
    context: click.Context,
    problem_set: str,
    handins: int,
    many: int,
    sample: int,
    output: Path | None,
) -> None:
    """Measure the grader, beside stock nbgrader.

    Without a subcommand: its speed, as ratios of measurements in one run. Close other programs
    first; all of it takes about ten minutes, most of them for stock nbgrader and the large class.
    """
    if context.invoked_subcommand is not None:
        return
    from autograder.bench.speed import Sizes, markdown, run_speed
    from autograder.reports.files import write_whole

    sizes = Sizes(handins, many, sample)
    figures = _print_figures(run_speed(require_problem_set(problem_set), sizes, out.print))
    if output is not None:
        write_whole(output, markdown(figures))
        out.print(f"written    {output}", markup=False)


def _print_figures(figures: Iterable[Figure]) -> list[Figure]:
    """Print each figure as it comes; returns them all."""
    told = []
    for figure in figures:
        told.append(figure)
        mark = "ok " if figure.met else "NOT"
        out.print(f"{mark} {figure.what}: {figure.figure} (goal: {figure.goal})", markup=False)
        out.print(f"    {figure.raw}", markup=False)
    return told


@bench.command()
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="TEXT",
    help="Only the kinds of attacks that have this in their names; may be given several times.",
)
@click.option("--stock/--no-stock", default=True, help="Whether to run stock nbgrader, too.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the tables to this file, as Markdown.",
)
@grading_options(isolation=FULL.name)
def attacks(
    kinds: tuple[str, ...],
    stock: bool,
    output: Path | None,
    device: str,
    isolation: str,
    workers: int | None,
    seed: int | None,
) -> None:
    """Grade the corpus of hostile hand-ins, and have stock nbgrader grade it as well.

    Every one of them has one exercise wrong, by which it must gain nothing. Stock nbgrader runs
    inside bubblewrap, since it has no sandbox of its own. All of it takes ten to twenty minutes.
    """
    from autograder.bench.attacks import markdown, run_attacks, sums
    from autograder.reports.files import write_whole

    settings = Settings(device=device, isolation=isolation, workers=workers, seed=seed)
    rows = run_attacks(settings, with_stock=stock, kinds=kinds, progress=out.print)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("kind of attack", "attacks", "unearned points", "harmed", "at stock: run"):
        table.add_column(head, justify="left" if head == "kind of attack" else "right")
    table.add_column("gain points", justify="right")
    table.add_column("harm the next", justify="right")
    for of in sums(rows):
        counts = (len(of.rows), f"{of.gained_here:g}", of.harmed_here)
        theirs = (len(of.at_stock), of.gaining_at_stock, of.harmful_at_stock)
        table.add_row(of.kind, *map(str, (*counts, *theirs)))
    out.print(table)
    if output is not None:
        write_whole(output, markdown(rows))
        out.print(f"written    {output}", markup=False)


@bench.command()
@click.option(
    "--site",
    type=click.Path(file_okay=False, path_type=Path),
    default="_build/html",
    show_default=True,
    metavar="DIR",
    help="The built site.",
)
@click.option(
    "--visits",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="First visits, each with a later one after it.",
)
def page(site: Path, visits: int) -> None:
    """Measure how long a student waits on an exercise page, in Chromium over loopback.

    For the first result on a first visit and on a later one, and for a check when Python runs.
    Close other programs first.
    """
    from autograder.bench.page import run_page

    _print_figures(run_page(site, visits, out.print))


def _names(given: Sequence[str]) -> list[str]:
    """The problem sets named, or all."""
    return [require_problem_set(name) for name in given] if given else problem_set_names()


def _tell_what_is_left(result: ClassResult) -> None:
    """What a person has to do about a graded class."""
    overview, run = result.overview, result.run
    by_hand = sum(row.needs_manual_grade for row in result.rows.values())
    out.print(f"{', '.join(f'{n} {status}' for status, n in overview.statuses.most_common())}")
    if by_hand:
        out.print(f"{by_hand} to grade by hand (needs_manual_grade in grades.csv)")
    if overview.urgent:
        named = [f"{each.student} ({each.status})" for each in overview.urgent]
        out.print(f"to look at: {_some(named, overview.urgent_count)}", markup=False)
    if overview.outdated:
        out.print(
            f"{overview.outdated} changed since graded (outdated in grades.csv): "
            "grade the whole class again"
        )
    if run.not_graded:
        told = _some(run.not_graded, len(run.not_graded))
        out.print(f"{len(run.not_graded)} not graded yet: {told}", markup=False)
    if result.links:
        places = [str(link) for link in result.links]
        err.print(
            "symbolic links are not followed, so not all was written (see notes in report.html); "
            f"remove {_some(places, len(places))} and grade again",
            markup=False,
        )
    if run.skipped:
        told = _some(run.skipped, len(run.skipped))
        err.print(f"{len(run.skipped)} skipped: {told}", markup=False)


def _some(names: Sequence[str], count: int) -> str:
    """The first of ``count`` names."""
    shown = names[:_MOST_NAMED]
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return ", ".join(shown) + more


class _Progress:
    """Tells how far a batch is, how fast, how it goes, and how long it will take.

    On a terminal that is one line, kept up to date, elsewhere a line every few seconds.
    """

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.seconds = 0.0
        self.first = 0.0  # when the first hand-in was done: before it, things are being started
        self.shown = False
        self.last = 0.0
        self.statuses: Counter[str] = Counter()

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.started
        if self.shown:
            sys.stdout.write("\n")

    def __call__(self, done: int, total: int, submission: Submission) -> None:
        self.statuses[str(submission.status)] += 1
        now = time.monotonic()
        self.first = self.first or now
        live = sys.stdout.isatty()
        if done < total and now - self.last < (0.1 if live else 5.0):
            return
        self.last = now
        text = f"graded {done} of {total}"
        if done > 1:
            rate = (done - 1) / max(now - self.first, 1e-9)
            text += f", {rate:.1f}/s, {(total - done) / rate:.0f} s left"
        text += f"; {', '.join(f'{n} {status}' for status, n in self.statuses.most_common())}"
        if live:
            text = f"\r{text[: shutil.get_terminal_size().columns - 1]}\x1b[K"
        sys.stdout.write(text if live else f"{text}\n")
        sys.stdout.flush()
        self.shown = live


_STYLES = {Status.GRADED: "green", Status.PARTIAL: "yellow", Status.NO_ANSWER: "yellow"}
_MOST_ROWS = 60
_MOST_NAMED = 10


def _grade_table(submissions: Iterable[Submission]) -> Table:
    shown = list(submissions)
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(dict.fromkeys(e.name for s in shown for e in s.exercises))
    table.add_column("student")
    table.add_column("status", no_wrap=True)
    table.add_column("points", justify="right", no_wrap=True)
    for name in names:
        table.add_column(name.replace("_", "\n"), justify="right")
    for submission in shown:
        points = {e.name: f"{e.score}/{e.max_score}" for e in submission.exercises}
        status = str(submission.status)
        style = _STYLES.get(submission.status, "red")
        table.add_row(
            _plain(submission.student),
            f"[{style}]{status}[/{style}]",
            f"{submission.score}/{submission.max_score}",
            *(points.get(name, "") for name in names),
        )
    return table


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def main() -> None:
    """Entry point: errors of the user become one line and exit status 1, or 2 for options."""
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (UserError, SourceError) as error:
        err.print(f"autograder: {error}", markup=False, style="bold red")
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        err.print("autograder: interrupted; run the same command again to go on")
        sys.exit(130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where += ": free some space and run the same command again"
        err.print(f"autograder: {error.strerror or error}{where}", markup=False, style="bold red")
        sys.exit(1)


if __name__ == "__main__":
    main()
