"""The command line."""

from __future__ import annotations

import errno
import functools
import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autograder import __version__
from autograder.course.course import FILE, VARIABLE, Course
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError, some
from autograder.course.files import PRIVATE, write_whole
from autograder.course.new import make_course
from autograder.definition import load_problem_set
from autograder.grading.settings import DRAW, KEEP, NONE, Settings
from autograder.lms import export, gradescope
from autograder.lms.collect import PLATFORMS, collect
from autograder.lms.roster import FILE as ROSTER
from autograder.lms.roster import Roster, require_id
from autograder.release import build
from autograder.release.cases import write_cases
from autograder.release.downloads import build_downloads
from autograder.release.making import notebook_text
from autograder.release.solutions import publish_solutions, withdraw_solutions
from autograder.release.variants import hand_out
from autograder.results.adjustments import FILE as ADJUSTMENTS
from autograder.results.adjustments import (
    MOST_POINTS,
    Action,
    Adjustment,
    read_adjustments,
    remove_adjustment,
    require_reason,
    split_target,
    write_adjustment,
)
from autograder.results.gradebook import FORM_GRADER, GradebookRow, rows_of_others
from autograder.results.policies import FILE as POLICIES
from autograder.results.policies import read_policies
from autograder.results.tables import Results, read_run
from autograder.results.term import NAME as TERM
from autograder.results.term import Term, term, term_csv
from autograder.sandbox.isolation import FULL, LEVELS
from autograder.selfcheck.language import speaking
from autograder.terminal import (
    GradingProgress,
    collection_table,
    err,
    grade_table,
    out,
    printable,
    tell_changes,
    tell_what_is_left,
)

if TYPE_CHECKING:
    from autograder.bench.account import Account
    from autograder.bench.speed import Figure

_MOST_ROWS = 60  # of the table of a class
_MOST_PAIRS = 10  # that are named in the terminal

Command = Callable[..., None]


def _dask_address(
    context: click.Context, parameter: click.Parameter, address: str | None
) -> str | None:
    if address is not None and not re.fullmatch(r"(tcp|tls)://[^/\s]+:\d+", address):
        raise click.BadParameter(f"{address} is not like tcp://HOST:PORT or tls://HOST:PORT")
    return address


def _web_address(context: click.Context, parameter: click.Parameter, address: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address):
        raise click.BadParameter(f"{address} is not like https://HOST/formgrader")
    return address


_COURSE = click.option(
    "--course",
    "course",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=VARIABLE,
    show_envvar=True,
    metavar="DIR",
    help=f"The folder of the course, which holds its {FILE}. By default it is the one that the "
    "course directory was released from, or lies in, or that you are in.",
)
_DIRECTORY = (
    _COURSE,
    click.option(
        "--course-dir",
        type=click.Path(file_okay=False, path_type=Path),
        default="course",
        show_default=True,
        metavar="DIR",
        help="The course directory.",
    ),
    click.option(
        "--db-url",
        envvar="AUTOGRADER_DB_URL",
        show_envvar=True,
        metavar="URL",
        help="Where the gradebook is, as postgresql+psycopg://USER@HOST/NAME; by default "
        "gradebook.db in the course directory.",
    ),
)
_GRADING = (
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the reference runs; auto takes a CUDA device if there is one.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Hand-ins graded at a time; by default one a core and two more.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="Seed of the held-out cases, to repeat a grading with its cases. Leave it out for a "
        "class: then it is that of the last grading, or a fresh one that nobody can guess.",
    ),
)
_FIGURES = click.option(
    "--figures",
    type=click.Choice([DRAW, KEEP, NONE]),
    default=DRAW,
    show_default=True,
    help="Whether the figures of hand-ins are drawn anew, which takes longer than all else; the "
    "pictures that were saved in them are kept instead; or none are shown. Scores do not depend "
    "on it.",
)
_SCHEDULER = click.option(
    "--scheduler",
    callback=_dask_address,
    metavar="ADDRESS",
    help="Grade on the workers of a Dask cluster, whose scheduler is at this address, as "
    "tcp://10.0.0.5:8786, instead of on this machine.",
)

_ROSTER = click.option(
    "--roster",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"The class, a CSV with the column id and others (see the book); by default {ROSTER} in "
    "the course directory, if it is there.",
)


def with_directory(command: Command) -> Command:
    """Give a command the options that name a course directory, and this as ``directory``."""

    @functools.wraps(command)
    def given(
        *arguments: object,
        course: Path | None,
        course_dir: Path,
        db_url: str | None,
        **options: object,
    ) -> None:
        named = None if course is None else Course.read(course)
        directory = CourseDirectory.at(course_dir, db_url, named)
        command(*arguments, directory=directory, **options)

    return functools.reduce(lambda made, option: option(made), reversed(_DIRECTORY), given)


def with_course(command: Command) -> Command:
    """Give a command the option that names a course, and this as ``course``."""

    @functools.wraps(command)
    def given(*arguments: object, course: Path | None, **options: object) -> None:
        named = Course.find() if course is None else Course.read(course)
        command(*arguments, course=named, **options)

    return _COURSE(given)


def with_settings(isolation: str, *, cluster: bool = False) -> Callable[[Command], Command]:
    """Give a command the options that say how hand-ins are graded, and these as ``settings``.

    ``isolation`` is the level where none is named.
    """
    level = click.option(
        "--isolation",
        type=click.Choice(["auto", *(level.name for level in LEVELS)]),
        default=isolation,
        show_default=True,
        help="How hand-ins are kept apart from this machine (see: autograder doctor). Where that "
        "level does not work, nothing is graded; auto takes the strongest that works here.",
    )
    device, *others = _GRADING
    options = [device, level, *others, *([_SCHEDULER, _FIGURES] if cluster else [])]

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def given(
            *arguments: object,
            device: str,
            isolation: str,
            workers: int | None,
            seed: int | None,
            scheduler: str | None = None,
            figures: str = DRAW,
            **more: object,
        ) -> None:
            if workers and scheduler:
                told = "with --scheduler, the cluster says how many workers there are"
                raise click.UsageError(told)
            settings = Settings(
                device, isolation, workers, seed, scheduler=scheduler, figures=figures
            )
            command(*arguments, settings=settings, **more)

        return functools.reduce(lambda made, option: option(made), reversed(options), given)

    return add


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(version)s")
def app() -> None:
    """Release the exercises of a course, check them, and grade hand-ins.

    A course is a folder with a course.toml, which says where its parts lie; new-course makes one.
    A course directory is in nbgrader's layout: hand-ins lie in submitted/STUDENT/PS/PS.ipynb;
    gradebook.db, autograded/, feedback/ and reports/PS/ are written into it.
    """


@app.command("new-course")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def new_course(folder: Path) -> None:
    """Make a small course to start from: two exercises, and a README on what to do next."""
    course = make_course(folder)
    out.print(f"made the course “{course.title}” in {course.root}", markup=False)
    out.print(f"what is where, and what to do next: {course.root / 'README.md'}", markup=False)


@app.command()
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@with_directory
@click.option(
    "--publish",
    is_flag=True,
    help="Also write the notebooks and the downloads of the site, where course.toml says.",
)
@click.option("--check", is_flag=True, help="Fail unless the published notebooks are up to date.")
@click.option(
    "--diff",
    is_flag=True,
    help="Only tell what a new release would change in the one that is there.",
)
def release(
    problem_sets: tuple[str, ...],
    directory: CourseDirectory,
    publish: bool,
    check: bool,
    diff: bool,
) -> None:
    """Make the released notebooks from the course's sources.

    Writes source/PS and release/PS in the course directory, enters the assignment in the
    gradebook, and evaluates the reference for the first grading. Does nothing for a problem set
    that is up to date. All is made aside first, and the old release stays if that fails.

    When a problem set has been handed in, changed texts, points, cases and messages are taken over;
    a version that needs another notebook than students have is refused, with what it changes.
    """
    from autograder.grading.evaluations import prepare

    if diff:
        if publish or check:
            raise click.UsageError("--diff only tells; leave out --publish and --check")
        for assignment in _assignments(problem_sets, directory):
            _tell_difference(assignment)
        return
    stale = []
    assignments = _assignments(problem_sets, directory)
    write_cases(*(each.material for each in assignments))  # in one process, and not one for each
    for assignment in assignments:
        started = time.monotonic()
        out.print(f"{assignment}: ", end="")
        done = build.release(assignment)
        seconds = time.monotonic() - started
        out.print(f"released in {seconds:.1f} s" if done else "up to date")
        if done and assignment.has_hand_ins():
            again = f"to grade hand-ins with it: autograder grade {assignment.options}"
            out.print(f"  {again}", markup=False)
        if publish and build.publish(assignment):
            out.print(f"  wrote {assignment.material.notebook}", markup=False)
        elif (publish or done) and build.has_variants(assignment):
            told = ", so it is not published" if publish else ""
            again = f"autograder hand-out {assignment.problem_set} FOLDER {directory.options}"
            out.print(f"  it has variants{told}; to give each student one: {again}", markup=False)
        if check and not build.is_published(assignment):
            stale.append(str(assignment))
    prepare(assignments)
    if publish:
        build_downloads(directory.course)
    if stale:
        raise UserError(
            f"{directory.course.notebooks} is out of date for {', '.join(stale)}; "
            "run: autograder release --publish"
        )


@app.command("hand-out")
@click.argument("problem_set", metavar="PS")
@click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@with_directory
@_ROSTER
@click.option(
    "--student",
    "students",
    multiple=True,
    metavar="ID",
    help="Only this student, who need not be in the roster; may be given several times.",
)
@click.option("--replace", is_flag=True, help="Replace notebooks in FOLDER that are others.")
def hand_out_(
    problem_set: str,
    folder: Path,
    directory: CourseDirectory,
    roster: Path | None,
    students: tuple[str, ...],
    replace: bool,
) -> None:
    """Write for each student of the roster the notebook of a problem set with variants.

    FOLDER/STUDENT/PS.ipynb is the release with the student's constants. Which variant a student has
    is drawn once and kept in variants/PS.json in the course directory, which only you can read;
    hand-ins are graded by it. So keep that file: without it nothing is graded.
    """
    (assignment,) = _assignments([problem_set], directory)
    if not build.has_release(assignment):
        raise UserError(
            f"{assignment} is not released; run: autograder release {assignment.options}"
        )
    for student in students:
        require_id(student, "--student")
    ids = students or tuple(student.id for student in _roster(roster, directory))
    if not ids:
        raise UserError(
            f"there is no roster in {directory.root / ROSTER}, and so nobody to hand out to; name "
            "one by --roster, or students by --student"
        )
    if not build.is_released(assignment):
        err.print(
            f"{assignment} has changed since its release, which is handed out as it is; what a new "
            f"one would change: autograder release --diff {assignment.options}",
            markup=False,
        )
    given = hand_out(assignment, ids, folder.resolve(), replace=replace)
    count = "1 notebook" if len(given) == 1 else f"{len(given)} notebooks"
    out.print(f"{count} in {folder.resolve()}", markup=False)
    out.print(f"who has which variant: {assignment.variants}", markup=False)


def _tell_difference(assignment: Assignment) -> None:
    """Print what a new release would change."""
    found = build.difference(assignment)
    if not found:
        out.print(f"{assignment}: a new release would change nothing that is handed out")
        return
    out.print(f"{assignment}: a new release would change this", markup=False)
    for heading, lines in (
        ("refused when it has been handed in, for students have another notebook:", found.breaking),
        ("taken over, with hand-ins as they are:", found.harmless),
        ("", found.texts),
    ):
        if lines:
            out.print(*([f"  {heading}"] if heading else []), *lines, sep="\n    ", markup=False)


@app.command()
@click.argument("problem_sets", metavar="PS...", nargs=-1, required=True)
@with_directory
@click.option(
    "--student",
    "students",
    multiple=True,
    metavar="NAME",
    help="Grade this student only; may be given several times.",
)
@with_settings(isolation=FULL.name, cluster=True)
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
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only tell whose points would change; what is graded for that is forgotten.",
)
@click.option(
    "--form-grader",
    default=FORM_GRADER,
    show_default=True,
    envvar="AUTOGRADER_FORM_GRADER",
    show_envvar=True,
    callback=_web_address,
    metavar="URL",
    help="Where the report links to for grading by hand.",
)
def grade(
    problem_sets: tuple[str, ...],
    directory: CourseDirectory,
    students: tuple[str, ...],
    settings: Settings,
    everything: bool,
    resume: bool,
    dry_run: bool,
    form_grader: str,
) -> None:
    """Grade the hand-ins of one or several problem sets.

    Reads submitted/STUDENT/PS/PS.ipynb in the course directory. Writes gradebook.db,
    autograded/, feedback/ and reports/PS/{results.json,grades.csv,report.html}. One bad hand-in
    never stops the others; each ends with a status. Only what changed is graded again. What
    adjustments.toml changes needs no grading. Results that are replaced by others stay in
    reports/PS/earlier.

    Ctrl-C enters what is graded until then. However a grading was cut short, the same command goes
    on with it.
    """
    from autograder.grading.batch import NothingToResume
    from autograder.grading.interrupt import Interrupted

    if dry_run and resume:
        raise click.UsageError("--dry-run only tells; leave out --resume")
    assignments = _assignments(problem_sets, directory)
    for assignment in assignments:
        assignment.students()  # complain about an empty course before anything is made
    resumed = False
    for assignment in assignments:
        if len(assignments) > 1:
            out.print(f"== grading {assignment}")
        try:
            if dry_run:
                _tell_changes(assignment, settings, students, everything)
                continue
            _grade(assignment, settings, students, everything, resume, form_grader)
            resumed = True
        except NothingToResume as nothing:
            if assignment == assignments[-1] and not resumed:
                raise
            out.print(str(nothing), markup=False)
        except Interrupted as stop:
            again = "run the same command again to go on"
            err.print(f"autograder: {str(stop) or f'interrupted; {again}'}", markup=False)
            raise click.exceptions.Exit(stop.exit_status) from None


@app.command()
@click.argument("problem_set", metavar="PS")
@click.argument("target", metavar="[EXERCISE[/CHECK]]", required=False)
@with_directory
@click.option("--full-marks", is_flag=True, help="Everybody who has handed in gets its points.")
@click.option("--drop", is_flag=True, help="It gives no points, and counts for none.")
@click.option(
    "--points",
    type=click.IntRange(1, MOST_POINTS),
    metavar="N",
    help="It is worth N points instead; an exercise shares them out over its checks in proportion.",
)
@click.option("--remove", is_flag=True, help="Take the adjustment back.")
@click.option("--why", metavar="TEXT", help="The reason, which students read.")
def adjust(
    problem_set: str,
    target: str | None,
    directory: CourseDirectory,
    full_marks: bool,
    drop: bool,
    points: int | None,
    remove: bool,
    why: str | None,
) -> None:
    """Change the points of an exercise, or of one check, for everybody, with a reason.

    For a question that turned out to be unfair, or a check that was too strict. It is written to
    adjustments.toml in the course directory, and holds from the next autograder grade on, which
    runs no hand-in again for it. Without EXERCISE, tells what is adjusted.
    """
    (assignment,) = _assignments([problem_set], directory)
    ways = {
        Action.FULL_MARKS: full_marks,
        Action.DROP: drop,
        Action.POINTS: points is not None,
        None: remove,
    }
    chosen = [way for way, given in ways.items() if given]
    if target is None:
        if chosen or why:
            raise click.UsageError("name the exercise, as EXERCISE or EXERCISE/CHECK")
        there = read_adjustments(directory.root, problem_set)
        out.print(*(there.told or ("nothing is adjusted",)), sep="\n", markup=False)
        return
    if len(chosen) != 1:
        raise click.UsageError("give one of --full-marks, --drop, --points N and --remove")
    (action,) = chosen
    if (why is None) != (action is None):
        raise click.UsageError("give a reason by --why, except with --remove")
    if not directory.root.is_dir():
        raise UserError(f"there is no folder {directory.root}; name one by --course-dir")
    if action is None:
        exercise, _, check = target.partition("/")
        remove_adjustment(directory.root, problem_set, exercise, check)
        out.print(f"{target} of {problem_set} counts again as it was graded", markup=False)
    else:
        exercises = load_problem_set(assignment.material).exercises
        exercise, check = split_target(target, {each.name: list(each.checks) for each in exercises})
        made = Adjustment(exercise, check, action, require_reason(why or ""), points or 0)
        write_adjustment(directory.root, problem_set, made)
        out.print(f"{directory.root / ADJUSTMENTS}: {made.target}: {made.told}", markup=False)
    for what, option in (("see whose points change", " --dry-run"), ("have it hold", "")):
        out.print(f"to {what}: autograder grade {assignment.options}{option}", markup=False)


@app.command("draft-mistake")
@click.argument("problem_set", metavar="PS")
@click.argument("exercise", metavar="EXERCISE")
@with_directory
@click.option(
    "--student",
    metavar="NAME",
    help="Take the group in which this student is; by default it is the largest.",
)
@click.option(
    "--name",
    default="new-mistake",
    show_default=True,
    metavar="NAME",
    help="What the mistake shall be called.",
)
def draft_mistake(
    problem_set: str, exercise: str, directory: CourseDirectory, student: str | None, name: str
) -> None:
    """Draft a known mistake from answers that are wrong in the same way.

    Prints what to paste into the module of the exercise: the answer of a student of the group, and
    as comments what students are told of it now. The sentence for students is still to be written.
    The report shows the groups.
    """
    from autograder.reports.draft import NAME, draft
    from autograder.reports.notebook import graded_answer
    from autograder.results.tables import Overview

    if not NAME.fullmatch(name):
        raise click.BadParameter(f"{name} is not like no-rate", param_hint="--name")
    (assignment,) = _assignments([problem_set], directory)
    overview = Overview.of(_results(assignment))
    if exercise not in overview.exercises:
        names = ", ".join(overview.exercises)
        raise UserError(f"there are no results for {exercise}; the exercises are: {names}")
    groups = [each for each in overview.alike.groups() if each.exercise == exercise]
    if student is not None:
        groups = [each for each in groups if student in each.students]
    if not groups:
        told = f"no two answers to {exercise} are wrong in the same way by no known mistake"
        if student is not None:
            told = f"no other answer to {exercise} is wrong as that of {printable(student)} is"
        raise UserError(f"{told}: see {assignment.reports / 'report.html'}")
    group = groups[0]
    answers = (graded_answer(assignment, each, exercise) for each in group.students)
    click.echo(draft(group, answers, overview.exercises[exercise].count, name), nl=False)


@app.command()
@click.argument("problem_set", metavar="PS")
@with_directory
@click.option(
    "--most",
    type=click.IntRange(1, 1000),
    default=30,
    show_default=True,
    metavar="N",
    help="Pairs that are shown.",
)
def similar(problem_set: str, directory: CourseDirectory, most: int) -> None:
    """Show which answers agree more than this class makes likely, side by side.

    Compares the answers of all hand-ins, graded or not, in code and in words, without comments,
    names and what the release has. Writes reports/PS/similar.html, which only you can read. How
    likely an agreement is by chance comes from the class itself. Why answers agree, it cannot tell.
    """
    from autograder.similarity.compare import compare, similar_page

    (assignment,) = _assignments([problem_set], directory)
    found = compare(assignment, most)
    place = assignment.reports / "similar.html"
    write_whole(place, similar_page(found), mode=PRIVATE, below=assignment.root)
    for pair in found.pairs[:_MOST_PAIRS]:
        names = " and ".join(printable(found.students[n]) for n in (pair.first, pair.second))
        out.print(f"{names}: {found.expected(pair)}", markup=False)
    if found.left_out:
        told = ", ".join(map(printable, found.left_out))
        err.print(f"left out, since they cannot be read: {told}", markup=False)
    out.print(f"{len(found.pairs)} pairs side by side in {place}", markup=False)


@app.command("collect")
@click.argument("problem_set", metavar="PS")
@click.argument("source", metavar="FILE-OR-FOLDER", type=click.Path(exists=True, path_type=Path))
@with_directory
@click.option(
    "--from",
    "platform",
    type=click.Choice(PLATFORMS),
    help="Whose file names they are; without it, each is tried.",
)
@_ROSTER
@click.option("--dry-run", is_flag=True, help="Only tell what would be taken, and write nothing.")
def collect_(
    problem_set: str,
    source: Path,
    directory: CourseDirectory,
    platform: str | None,
    roster: Path | None,
    dry_run: bool,
) -> None:
    """Put hand-ins from a learning platform into the course directory.

    Takes the zip file of Canvas's "Download Submissions", of Moodle's "Download all submissions",
    of Gradescope's "Export Submissions", clones of GitHub Classroom, the inbound folder of
    nbgrader's exchange, or a folder with one of each student. Nothing is unpacked: notebooks are
    read, and written to submitted/STUDENT/PS. What lay there before is kept in replaced.

    Each file is one line of a table; the exit status is 1 if one is nobody's.
    """
    (assignment,) = _assignments([problem_set], directory)
    known = _roster(roster, directory)
    lines = collect(assignment, source, known, platform, write=not dry_run)
    out.print(collection_table(lines))
    refused = [line for line in lines if line.source and not line.taken]
    taken = sum(line.taken for line in lines)
    would = "would be taken" if dry_run else "taken"
    out.print(f"hand-ins {would}: {taken}; files not: {len(refused)}")
    if refused:
        raise UserError("some files are nobody's; mend the roster or the names, and collect again")


@app.command("export")
@click.argument("platform", type=click.Choice(export.PLATFORMS))
@click.argument("problem_set", metavar="PS|term")
@click.argument(
    "table", metavar="[FILE]", required=False, type=click.Path(exists=True, path_type=Path)
)
@with_directory
@_ROSTER
@click.option(
    "--column",
    metavar="NAME",
    help="Canvas's column, or how its name begins, by default the problem set; of another table "
    "the column for the points, by default score. For the term it is total, by default.",
)
@click.option("--scale", is_flag=True, help="Convert points to the platform's maximum.")
@click.option(
    "--submissions",
    type=click.Path(exists=True, path_type=Path),
    metavar="ZIP",
    help="Canvas's “Download Submissions”: write canvas-feedback.zip, too.",
)
def export_(
    platform: str,
    problem_set: str,
    table: Path | None,
    directory: CourseDirectory,
    roster: Path | None,
    column: str | None,
    scale: bool,
    submissions: Path | None,
) -> None:
    """Put the grades of a problem set, or of the term, into what a platform takes.

    FILE is Canvas's "Export Entire Gradebook", Moodle's grading worksheet, or any CSV with a column
    id, email or the like. PLATFORM.csv, which is written beside the reports, is to be imported
    there. Without FILE, csv makes a table of its own. Feedback comes with it: moodle-feedback.zip
    for "Upload multiple feedback files in a zip", canvas-feedback.zip for "Upload Submissions". For
    Gradescope it is gradescope.zip, to be uploaded as the autograder, which brings results and runs
    no hand-in. Grades are those in the gradebook, with what persons gave and penalties. Rows of
    students without a hand-in stay as they are.

    In the place of PS, the word term stands for the total of the term, as autograder term adds it
    up. It is a share of the points, so it is put in as that share of the platform's maximum, or in
    per cent where the table has none; for everybody in the gradebook, into term-PLATFORM.csv.

    The exit status is 1 if somebody with a grade is not in the table.
    """
    if table is None and platform in ("canvas", "moodle"):
        raise click.UsageError(f"name the FILE that {platform.capitalize()} exported")
    if submissions is not None and platform != "canvas":
        raise click.UsageError("--submissions is for Canvas")
    if table is not None and platform == "gradescope":
        raise click.UsageError("Gradescope has no table to fill; leave out FILE")
    if problem_set == TERM and TERM not in directory.course.problem_sets():
        _export_term(platform, table, directory, roster, column, submissions)
        return
    (assignment,) = _assignments([problem_set], directory)
    with speaking(directory.course.language):  # to students, to whom most of it goes
        _export_set(platform, assignment, table, roster, column, scale, submissions)


def _export_set(
    platform: str,
    assignment: Assignment,
    table: Path | None,
    roster: Path | None,
    column: str | None,
    scale: bool,
    submissions: Path | None,
) -> None:
    """Put the grades of a problem set into a platform's table, and feedback beside it."""
    handed_in = set(assignment.students())
    rows = rows_of_others(assignment, ())
    grades = {student: row for student, row in rows.items() if student in handed_in}
    known = _roster(roster, assignment.directory)
    if platform == "gradescope":
        _export_to_gradescope(assignment, grades, known)
        return
    place = assignment.reports / f"{platform}.csv"
    if table is None:
        write_whole(place, export.plain_csv(rows, known), below=assignment.root)
        out.print(f"{len(rows)} grades in {place}", markup=False)
        return
    wanted = column or (assignment.problem_set if platform == "canvas" else None)
    filled = export.fill(platform, table, grades, known, wanted, scale=scale)
    write_whole(place, filled.text, below=assignment.root)
    out.print(f"{len(filled.filled)} grades in {place}", markup=False)
    if platform == "moodle":
        place = place.with_name("moodle-feedback.zip")
        write_whole(place, export.feedback_zip(table, known, assignment), below=assignment.root)
        out.print(f"feedback in {place}", markup=False)
    if submissions is not None:
        place = place.with_name("canvas-feedback.zip")
        packed, whose = export.canvas_feedback_zip(submissions, known, assignment, grades)
        write_whole(place, packed, below=assignment.root)
        out.print(f"feedback for {len(whose)} in {place}", markup=False)
    _tell_filled(filled, table, {name for name, row in grades.items() if row.needs_manual_grade})


def _export_term(
    platform: str,
    table: Path | None,
    directory: CourseDirectory,
    roster: Path | None,
    column: str | None,
    submissions: Path | None,
) -> None:
    """Put the totals of the term into a platform's table."""
    if platform == "gradescope" or submissions is not None:
        raise click.UsageError("the total of a term goes into tables only, and without feedback")
    if table is None:
        raise click.UsageError("name the FILE to fill; a table by itself makes: autograder term")
    standings = {each.student.student_id: each for each in _added_up(directory).standings}
    shares = {student: each.share for student, each in standings.items()}
    known = _roster(roster, directory)
    filled = export.fill(platform, table, shares, known, column or "total", scale=True)
    place = directory.root / "reports" / f"{TERM}-{platform}.csv"
    write_whole(place, filled.text, below=directory.root)
    out.print(f"{len(filled.filled)} totals in {place}", markup=False)
    waiting = {student for student, each in standings.items() if each.needs_manual_grade}
    _tell_filled(filled, table, waiting)


def _tell_filled(filled: export.Filled, table: Path, waiting: Collection[str]) -> None:
    """Tell what is left to do. Raises UserError if somebody with a grade is not in the table."""
    for told, names in (
        ("not all graded by hand yet", [each for each in filled.filled if each in waiting]),
        ("in the table, and nobody in the roster", filled.unknown),
    ):
        if names:
            err.print(f"{told}: {', '.join(map(printable, names))}", markup=False)
    if filled.nowhere:
        raise UserError(
            f"these have a grade and no row in {table}: {', '.join(filled.nowhere)}; "
            "mend the roster, or add them there"
        )


@app.command("term")
@with_directory
def term_(directory: CourseDirectory) -> None:
    """Add up the term: the points of all graded problem sets, less those that are dropped.

    Writes reports/term.csv in the course directory, with a line for each student of the gradebook.
    How many problem sets are dropped says policies.toml: those without which the student's share of
    points is largest.
    """
    added = _added_up(directory)
    place = directory.root / "reports" / "term.csv"
    write_whole(place, term_csv(added.graded, added.standings), below=directory.root)
    waiting = [each.student.student_id for each in added.standings if each.needs_manual_grade]
    if waiting:
        told = some([printable(student) for student in waiting], len(waiting))
        err.print(f"not all graded by hand yet: {told}", markup=False)
    out.print(f"total      {place}", markup=False)


def _added_up(directory: CourseDirectory) -> Term:
    """The term, of which it is told what there is. Raises UserError if nothing is graded."""
    added = term(directory)
    names = ", ".join(map(str, added.graded))
    out.print(f"{len(added.standings)} students; graded so far: {names}", markup=False)
    if added.drop_lowest >= len(added.graded):
        out.print(
            f"{added.drop_lowest} are to be dropped, and one always counts: totals will change"
        )
    return added


@app.command("publish-solutions")
@click.argument("problem_set", metavar="PS")
@with_directory
@click.option("--remove", is_flag=True, help="Take the page out of the site again.")
def publish_solutions_(problem_set: str, directory: CourseDirectory, remove: bool) -> None:
    """Make a page of the site of the worked solutions, when nobody can hand in any more.

    Refuses until the last deadline of the class has passed, with all extensions, grace periods and
    time in which late hand-ins count. Writes solutions/PS.md in the folder of the course's pages,
    and enters it in _toc.yml, behind the problem sets.
    """
    (assignment,) = _assignments([problem_set], directory)
    if remove:
        there = withdraw_solutions(assignment.material)
        out.print("removed" if there else "there was no such page")
        return
    now = datetime.now(UTC)
    policies = read_policies(directory)
    page, line = publish_solutions(assignment, now, policies)
    out.print(f"wrote {page}", markup=False)
    if line:
        out.print(f"add it to the table of contents of your site, as “{line}”", markup=False)
    if policies.closes(problem_set, now) is None:
        err.print(
            "late hand-ins may still count something, though the solutions are there now; to end "
            f"that, write a last moment in {directory.root / POLICIES}: “closes”, or in [late] "
            "“closes_after”",
            markup=False,
        )


def _export_to_gradescope(
    assignment: Assignment, grades: Mapping[str, GradebookRow], roster: Roster
) -> None:
    """Write the zip file for Gradescope, and tell whose result is in it."""
    results = _results(assignment)
    packed, given, left = gradescope.autograder_zip(assignment, results, grades, roster)
    place = assignment.reports / "gradescope.zip"
    write_whole(place, packed, below=assignment.root)
    out.print(f"results of {len(given)} in {place}", markup=False)
    if left:
        told = ", ".join(map(printable, left))
        err.print(f"outdated, and so not in it: {told}; grade again", markup=False)


def _results(assignment: Assignment) -> Results:
    """The results of the last grading. Raises UserError if there are none."""
    try:
        _, results = read_run(assignment.results)
    except (OSError, ValueError):
        raise UserError(
            f"there are no results in {assignment.results}; "
            f"run: autograder grade {assignment.options}"
        ) from None
    return results


def _roster(named: Path | None, directory: CourseDirectory) -> Roster:
    """The roster that is named, or that lies in the course directory, or an empty one."""
    place = named or directory.root / ROSTER
    return Roster.read(place) if named or place.is_file() else Roster()


def _tell_changes(
    assignment: Assignment, settings: Settings, students: Sequence[str], everything: bool
) -> None:
    """Print what grading would change in the points."""
    from autograder.grading.batch import compare_class
    from autograder.grading.local import Opening

    if not build.has_release(assignment):
        raise UserError(
            f"{assignment} is not released, so there is nothing to compare with; "
            f"run: autograder release {assignment.options}"
        )
    with (
        Opening(assignment, settings, everything=everything) as opening,
        GradingProgress() as progress,
    ):
        found = compare_class(
            assignment,
            settings,
            students=students,
            everything=everything,
            progress=progress,
            opening=opening,
        )
    out.print(f"{assignment} would be graded so: {found.told}", markup=False)
    tell_changes(found)


def _grade(
    assignment: Assignment,
    settings: Settings,
    students: Sequence[str],
    everything: bool,
    resume: bool,
    form_grader: str,
) -> None:
    """Grade one problem set and tell how it went."""
    from autograder.grading.batch import grade_class
    from autograder.grading.local import Opening

    with Opening(assignment, settings, everything=everything) as opening:
        if not build.has_release(assignment):
            out.print(f"{assignment}: releasing it into {assignment.root} first")
            build.release(assignment)
        elif not build.is_released(assignment):
            out.print(
                f"{assignment} has changed since its release, with which hand-ins are graded; "
                f"what a new one would change: autograder release --diff {assignment.options}",
                markup=False,
            )
        with GradingProgress() as progress:
            graded = grade_class(
                assignment,
                settings,
                students=students,
                everything=everything,
                resume=resume,
                progress=progress,
                opening=opening,
                form_grader=form_grader,
            )
    for level, reason in graded.weaker_because.items():
        err.print(f"isolation {level} is not available: {reason}", markup=False)
    run, overview = graded.run, graded.overview
    out.print(grade_table(islice(run.results, _MOST_ROWS)))
    if overview.count > _MOST_ROWS:
        out.print(f"… and {overview.count - _MOST_ROWS} more; all are in grades.csv")
    unchanged = overview.count - graded.graded - overview.outdated
    out.print(
        f"{graded.graded} graded, {unchanged} unchanged; "
        f"reference on {run.device}, isolation {run.isolation}"
    )
    out.print(f"{progress.seconds:.1f} s, {graded.graded / progress.seconds:.1f} hand-ins/s")
    if graded.comparison.changes:
        out.print(f"since the last grading: {graded.comparison.told}", markup=False)
        tell_changes(graded.comparison)
    tell_what_is_left(graded)
    folder = assignment.reports
    out.print(f"report     {folder / 'report.html'}", markup=False)
    out.print(f"grades     {folder / 'grades.csv'}", markup=False)
    out.print(f"results    {folder / 'results.json'}", markup=False)
    out.print(f"feedback   {assignment.root / 'feedback'}", markup=False)
    out.print(f"gradebook  {assignment.directory.gradebook_name}", markup=False)


@app.command()
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All problem sets.")
@with_course
@with_settings(isolation="auto", cluster=True)  # what is run is the course's own
def preflight(
    problem_sets: tuple[str, ...], every: bool, course: Course, settings: Settings
) -> None:
    """Check a problem set itself, before a class is graded with it.

    The instructor's answers must score full, the release 0, each known mistake must lose points,
    95 % of the mistakes must be named as what they are, and grading twice must give the same. Cases
    must follow from the seed alone, the public ones must tell each mutant of the instructor's
    answers that is not said to be equivalent, and sections must be on the pages that course.toml
    names.
    """
    from autograder.grading import preflight as before

    if bool(problem_sets) == every:
        raise UserError("name the problem sets to check, or give --all")
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        directory = CourseDirectory(Path(folder) / "course", course)
        started = time.monotonic()
        for found in before.preflight(_assignments(problem_sets, directory), settings):
            out.print(
                f"{found.problem_set}: {'ok' if not found.problems else 'NOT ok'}; known mistakes: "
                f"{found.mistakes}, losing points: {found.losing}, named: {found.named}; "
                f"mutants losing points: {found.mutants}, equivalent: {found.equivalent}; "
                f"isolation {found.isolation}, seed {found.seed}, "
                f"{time.monotonic() - started:.1f} s"
            )
            for problem in found.problems:
                out.print(f"  {problem}", markup=False)
            if found.problems:
                failed.append(found.problem_set)
            started = time.monotonic()
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
@with_directory
def sample_(problem_sets: tuple[str, ...], directory: CourseDirectory) -> None:
    """Put a sample class of hand-ins into the course directory: right, wrong, endless, empty.

    Hand-ins that are there already stay as they are.
    """
    from autograder.grading.sample import sample_class

    for assignment in _assignments(problem_sets, directory):
        if not build.has_release(assignment):
            build.release(assignment)
        made = 0
        for student, notebook in sample_class(assignment).items():
            path = assignment.submitted(student)
            if not path.parent.exists():
                path.parent.mkdir(parents=True)
                path.write_text(notebook_text(notebook), encoding="utf-8")
                made += 1
        out.print(f"{assignment}: {made} hand-ins made in {directory.submissions}")


@app.group(invoke_without_command=True)
@click.pass_context
@with_course
@click.option(
    "--problem-set", metavar="PS", help="What is graded; by default the course's first one."
)
@click.option(
    "--handins",
    type=click.IntRange(20),
    default=1000,
    show_default=True,
    metavar="N",
    help="Hand-ins of the class; a fifth of it is the small one for the growth.",
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
    course: Course,
    problem_set: str | None,
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
    from autograder.course.files import write_whole

    material = course.material(problem_set or _all_names(course)[0])
    sizes = Sizes(handins, many, sample)
    figures = _print_figures(run_speed(material, sizes, out.print))
    if output is not None:
        write_whole(output, markdown(figures))
        out.print(f"written    {output}", markup=False)


def _print_figures(figures: Iterable[Figure | Account]) -> list[Figure | Account]:
    """Print each figure and each account as it comes; returns them all."""
    from autograder.bench.account import Account

    told = []
    for figure in figures:
        told.append(figure)
        if isinstance(figure, Account):
            out.print(figure.markdown(), markup=False)
            continue
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
@with_course
@with_settings(isolation=FULL.name)
def attacks(
    kinds: tuple[str, ...], stock: bool, output: Path | None, course: Course, settings: Settings
) -> None:
    """Grade the corpus of hostile hand-ins, and have stock nbgrader grade it as well.

    Every one of them has one exercise wrong, by which it must gain nothing. Stock nbgrader runs
    inside bubblewrap, since it has no sandbox of its own. All of it takes ten to twenty minutes.
    """
    try:
        from autograder.bench.attacks import markdown, run_attacks, sums
    except ModuleNotFoundError as error:
        if error.name != "autograder.attacks":
            raise
        raise UserError(
            "the hostile hand-ins are not part of the installed grader: they are about exercises "
            "of the course Optimization for Deep Networks; run this in a checkout of it"
        ) from None
    from autograder.course.files import write_whole

    rows = run_attacks(course, settings, with_stock=stock, kinds=kinds, progress=out.print)
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


@bench.command("term")
@click.argument("problem_sets", metavar="[PS]...", nargs=-1)
@click.option(
    "--handins",
    type=click.IntRange(10),
    default=300,
    show_default=True,
    metavar="N",
    help="Hand-ins of the class.",
)
@with_course
def bench_term(problem_sets: tuple[str, ...], handins: int, course: Course) -> None:
    """Measure what a class takes beside grading, over the problem sets of a term.

    Collecting, the report, comparing answers and exporting, each against grading. Close other
    programs first; all of it takes some minutes.
    """
    from autograder.bench.term import run_term

    names = [course.material(name).name for name in problem_sets] or _all_names(course)
    _print_figures(run_term(course, names, handins, out.print))


def _assignments(given: Sequence[str], directory: CourseDirectory) -> list[Assignment]:
    """The problem sets named, or all, in a course directory."""
    names = [directory.course.material(name).name for name in given]
    return [directory.assignment(name) for name in names or _all_names(directory.course)]


def _all_names(course: Course) -> list[str]:
    """All problem sets of a course. Raises UserError if it has none."""
    names = course.problem_sets()
    if not names:
        raise UserError(
            f"there is no problem set in {course.root / course.solutions}; "
            "one is a folder PS with a source PS/PS.py"
        )
    return names


def main() -> None:
    """Entry point: errors of the user become one line and exit status 1, or 2 for options."""
    try:
        code = app(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except UserError as error:
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
