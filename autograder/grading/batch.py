"""Grading a class: what changed is graded, everything is written, nothing old is left standing.

For each hand-in that is graded a line is appended to a journal, then its files (autograded
notebook, feedback) are put in their places; the gradebook and the reports are written at the end.
A run that did not come to its end goes on from the journal. Memory holds of a hand-in little more
than its name: results stay on disk. A hand-in during whose grading a run was killed is graded last
and alone, and set aside when that happens again: no hand-in can stop a class for ever.
"""

from __future__ import annotations

import hashlib
import signal
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path

from autograder.course.directory import EXCHANGED, Assignment
from autograder.course.errors import UserError, some
from autograder.course.files import (
    PRIVATE,
    PUBLIC,
    LinkInTheWay,
    encoded,
    find_link,
    make_folder,
    write_whole,
)
from autograder.course.reading import Damaged, read_bytes
from autograder.release.fingerprints import of_grading
from autograder.release.released import Release, read_release
from autograder.release.variants import variants_of
from autograder.reports.notebook import graded_answer, regraded_text
from autograder.reports.pages import (
    has_marks,
    marks_part,
    regraded_page,
    report_page,
    with_marks,
)
from autograder.results.adjustments import FILE as ADJUSTMENTS
from autograder.results.adjustments import Adjustments, read_adjustments
from autograder.results.comparison import Comparison, keep_earlier
from autograder.results.gradebook import (
    FORM_GRADER,
    GradebookRow,
    expected_rows,
    rows_of_others,
    save,
)
from autograder.results.late import require_one_rule
from autograder.results.policies import read_policies
from autograder.results.result import Result, Run, Status
from autograder.results.tables import Overview, grades_csv, read_run, results_json
from autograder.selfcheck.language import speaking

from .executor import Graded
from .handin import Handin
from .interrupt import Interrupted, StopSignals
from .journal import Entry, Request, Store, alone
from .local import Opening
from .locate import Located, locate
from .session import Session
from .settings import Settings
from .under_way import UnderWay

_MOST_EXCHANGED = 1000  # bytes of a file of nbgrader's exchange
_HEAD_OF_A_PAGE = 20_000  # characters in which the marks begin, if there are not many notes
_MOST_OTHERS = 5  # students with the same file that are named
Progress = Callable[[int, int, Result], None]


@dataclass(frozen=True)
class ClassResult:
    """A graded class: the run with the results, the class at a glance, and the gradebook's rows.

    ``graded`` is how many hand-ins were graded anew; ``links`` are symbolic links in the places of
    folders, so that what belongs there was not written. ``comparison`` is with the last grading.
    ``told`` is what a person should know of due dates and extensions.
    """

    run: Run
    overview: Overview
    rows: dict[str, GradebookRow]
    graded: int
    weaker_because: Mapping[str, str]
    links: Sequence[Path] = ()
    comparison: Comparison = field(default_factory=Comparison)
    told: Sequence[str] = ()


class NothingToResume(UserError):
    """No run of the problem set was cut short."""


def grade_class(
    assignment: Assignment,
    settings: Settings,
    *,
    students: Sequence[str] | None = None,
    everything: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
    opening: Opening | None = None,
    form_grader: str = FORM_GRADER,
) -> ClassResult:
    """Grade the hand-ins of a problem set and write gradebook, notebooks, feedback and reports.

    Only hand-ins that changed since the last run are graded, or all with ``everything``; and of
    these only those of ``students``, if given: the reports then hold the others as last graded,
    marked where that is outdated. The seed of the last run is used again unless the settings give
    one. A run that was cut short is gone on with when it is asked for again; with ``resume`` it
    is whatever it was told, and nothing else is done. The sandbox may be ``opening`` already.
    The report links to the ``form_grader`` at this address.

    Raises UserError, and Interrupted when a signal ends the run: then gradebook and reports hold
    what was graded until then.
    """
    asked = _Asked.of(settings, students, everything)
    with _class_run(assignment, form_grader) as batch:
        result = batch.grade(batch.resumed(asked) if resume else asked, progress, opening)
        signals = batch.signals
    # it came when everything was being written, which was not worth breaking off
    if signals.number:
        raise Interrupted(signals.number, f"{assignment} is graded, and everything is written")
    return result


def compare_class(
    assignment: Assignment,
    settings: Settings,
    *,
    students: Sequence[str] | None = None,
    everything: bool = False,
    progress: Progress | None = None,
    opening: Opening | None = None,
) -> Comparison:
    """What :func:`grade_class` would change in the points of the class, which stay as they are.

    Hand-ins that have changed are graded, and that is forgotten. Raises as that does.
    """
    with _class_run(assignment) as batch:
        return batch.compare(_Asked.of(settings, students, everything), progress, opening)


@dataclass(frozen=True)
class _Asked:
    """What is to be graded, and how: these students or all, and what has not changed, too."""

    settings: Settings
    students: tuple[str, ...] | None
    everything: bool

    @staticmethod
    def of(settings: Settings, students: Sequence[str] | None, everything: bool) -> _Asked:
        named = tuple(sorted(set(students))) if students else None
        return _Asked(settings, named, everything)


@dataclass
class _Task:
    """What a run has to do. ``due`` are the hand-ins to grade, if all is as it is aimed at.

    There is no aim, and nothing is known to be due, where there was no run before.
    """

    asked: _Asked
    wanted: set[str]
    aim: Request | None
    due: list[str] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be graded."""
        return self.aim is not None and not self.due


@contextmanager
def _class_run(assignment: Assignment, form_grader: str = FORM_GRADER) -> Iterator[_ClassRun]:
    """A run that is the only one of its problem set."""
    everyone = assignment.students()
    make_folder(assignment.reports, assignment.root)
    with (
        alone(assignment.reports),
        StopSignals() as signals,
        Store(assignment.reports) as store,
        speaking(assignment.directory.course.language),
    ):
        yield _ClassRun(assignment, everyone, store, signals, form_grader)


def _graded_with(assignment: Assignment) -> str:
    """Hash of all that grades depend on besides the hand-ins and the seed."""
    digest = hashlib.sha256(of_grading(assignment.material).encode())
    if assignment.release.exists():
        digest.update(assignment.release.read_bytes())
    return digest.hexdigest()


_State = tuple[int, int, int, int] | None


def _state(path: Path) -> _State:
    """What shows that a file has been written or put in place; None if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _small_file(path: Path) -> bytes | None:
    """The content of a file of nbgrader's exchange; None if it is none that can be carried on."""
    try:
        if path.lstat().st_size > _MOST_EXCHANGED:
            return None
        return read_bytes(path)
    except (OSError, Damaged):
        return None


def _hard_link(path: Path) -> tuple[int, int] | None:
    """Which file on disk this is, if it is a regular one that has further names."""
    try:
        status = path.lstat()
    except OSError:
        return None
    if status.st_nlink < 2 or not stat.S_ISREG(status.st_mode):
        return None
    return status.st_dev, status.st_ino


def _with_notes(result: Result, notes: Sequence[str]) -> Result:
    """With notes for the instructor before those that are there."""
    return replace(result, notes=(*notes, *result.notes)) if notes else result


class _Results:
    """The results that entries stand for, read from disk in the order of the students."""

    def __init__(
        self, store: Store, entries: Mapping[str, Entry], adjustments: Adjustments
    ) -> None:
        self.store = store
        self.entries = entries
        self.adjustments = adjustments

    def __iter__(self) -> Iterator[Result]:
        for _, entry in sorted(self.entries.items()):
            result = self.adjustments.applied(self.store.read(entry))
            yield replace(result, outdated=entry.outdated)


class _ClassRun:
    """One run. ``entries`` are the results that the reports would hold now, by student."""

    def __init__(
        self,
        assignment: Assignment,
        everyone: Sequence[str],
        store: Store,
        signals: StopSignals,
        form_grader: str = FORM_GRADER,
    ) -> None:
        self.assignment = assignment
        self.form_grader = form_grader
        self.store = store
        self.signals = signals
        self.graded_with = _graded_with(assignment)
        self._located: dict[str, Located] = {}  # only where the name is not the right one
        self.everyone = everyone
        self.entries: dict[str, Entry] = {}
        self.graded = 0
        self.handed: dict[str, tuple[_State, str]] = {}  # files being graded, with fingerprints
        self.under_way = UnderWay(assignment.reports)
        self.weaker_because: Mapping[str, str] = {}
        self.links: dict[Path, None] = {}  # in the way, in the order in which they were met
        self._hard_links: dict[tuple[int, int], list[str]] | None = None
        self.adjustments = read_adjustments(assignment.root, assignment.problem_set)
        # what cannot be is refused before anything is graded
        self.policies = read_policies(assignment.directory)
        require_one_rule(assignment.root, self.policies, assignment.problem_set)

    # what to do

    def _wanted(self, students: Sequence[str] | None) -> set[str]:
        if students is None:
            return set(self.everyone)
        unknown = sorted(set(students) - set(self.everyone))
        if unknown:
            told = ", ".join(unknown)
            raise UserError(f"no hand-in of {self.assignment} by {told} in {self.assignment.root}")
        return set(students)

    @property
    def last_run(self) -> Run | None:
        """What was in force when the newest results were made."""
        return self.store.last if self.store.request is None else self.store.request.run

    def resumed(self, asked: _Asked) -> _Asked:
        """What the run that was cut short was told. Raises UserError if it cannot go on."""
        request, settings = self.store.request, asked.settings
        if request is None:
            raise NothingToResume(
                f"no grading of {self.assignment} in {self.assignment.root} was cut short: "
                "there is nothing to resume"
            )
        anew = "leave out --resume to grade anew"
        if asked.students or asked.everything:
            raise UserError(f"what to grade is as it was told before the interruption; {anew}")
        if settings.seed not in (None, request.run.seed):
            raise UserError(
                "the grading that was cut short has another seed than the one given: "
                f"leave out --seed, or {anew}"
            )
        level, was = settings.isolation, request.run.isolation
        if level not in ("auto", was):
            raise UserError(
                f"the grading that was cut short has isolation {was}, not {level}: "
                f"give --isolation {was}, or {anew}"
            )
        if request.graded_with != self.graded_with:
            raise UserError(
                f"{self.assignment} or the grader has changed since the grading was cut short: "
                f"its results do not count any more; {anew}"
            )
        if request.run.adjustments != self.adjustments.told:
            raise UserError(
                f"{self.assignment.root / ADJUSTMENTS} has changed since the grading was cut "
                f"short; {anew}"
            )
        settings = replace(settings, seed=request.run.seed, isolation=request.run.isolation)
        return _Asked.of(settings, request.students, request.everything)

    def grade(
        self, asked: _Asked, progress: Progress | None, opening: Opening | None
    ) -> ClassResult:
        task = self._task(asked)
        if task.is_done:
            self._require_adjustments()
            assert self.last_run is not None
            return self._finish(self.last_run)
        begun: Run | None = None
        try:
            with self._opened(task, opening) as session:
                with self.signals.raised():
                    expected = self._expected_rows()
                    run = session.job.run
                self.store.begin(self._request(task, run))
                begun = run
                handins = self._graded(session, task.due)
                for graded in self.signals.while_waiting_for(handins):
                    result = self._record(graded, expected)
                    if progress is not None:
                        progress(self.graded, len(task.due), result)
        except UserError:
            self.under_way.stop()
            raise
        except KeyboardInterrupt as stop:
            self.under_way.stop()
            if begun is not None and self.store.journaled:
                self._finish(begun, cut_short=True)
            told = self._told(len(task.due))
            raise Interrupted(self.signals.number or signal.SIGINT, told) from stop
        return self._finish(run)

    @contextmanager
    def _opened(self, task: _Task, opening: Opening | None) -> Iterator[Session]:
        with self.signals.raised():
            session = Session(self.assignment, task.asked.settings, opening)
        with session:
            self.weaker_because = session.executor.weaker_because
            if session.adjustments != self.adjustments:
                raise UserError(
                    f"{self.assignment.root / ADJUSTMENTS} has just been changed; "
                    "run the same command again"
                )
            yield session

    def compare(
        self, asked: _Asked, progress: Progress | None, opening: Opening | None
    ) -> Comparison:
        """What :meth:`grade` would change in the points."""
        task = self._task(asked)
        fresh: dict[str, Result] = {}
        if task.is_done:
            self._require_adjustments()
        else:
            try:
                with self._opened(task, opening) as session:
                    with self.signals.raised():
                        run = session.job.run
                    self._request(task, run)
                    handins, left = self._handed(session, task.due)
                    fresh.update((each.result.student, each.result) for each in left)
                    graded = session.grade_all(map(self._hand, handins))
                    for each in self.signals.while_waiting_for(graded):
                        fresh[each.result.student] = replace(each.result, cells=())
                        if progress is not None:
                            progress(len(fresh), len(task.due), each.result)
            except KeyboardInterrupt as stop:
                told = "interrupted; nothing was written"
                raise Interrupted(self.signals.number or signal.SIGINT, told) from stop
        comparison = Comparison()
        for student in sorted({*self.entries, *fresh}):
            known = self.store.finished.get(student) or self.entries.get(student)
            before = None if known is None else self.store.read(known)
            after = fresh.get(student) or self._result(self.entries[student])
            comparison.add(before, after)
        return comparison

    def _result(self, entry: Entry) -> Result:
        """A result that is kept, as it counts now."""
        return self.adjustments.applied(self.store.read(entry))

    def _require_adjustments(self) -> None:
        """Raise UserError if what is adjusted is not there, by a result that is up to date."""
        entry = next((each for each in self.entries.values() if not each.outdated), None)
        if entry is not None:
            exercises = self.store.read(entry).exercises
            self.adjustments.require(exercises, self.assignment.root / ADJUSTMENTS)

    def _task(self, asked: _Asked) -> _Task:
        """What is to be done, if it is done as in the last run."""
        wanted, last = self._wanted(asked.students), self.last_run
        if last is None:
            return _Task(asked, wanted, None)
        settings = asked.settings
        seed = last.seed if settings.seed is None else settings.seed
        level = last.isolation if settings.isolation == "auto" else settings.isolation
        like_last = replace(last, seed=seed, isolation=level, adjustments=self.adjustments.told)
        asked = replace(asked, settings=replace(settings, seed=seed))
        aim = Request(like_last, self.graded_with, asked.everything, asked.students)
        return _Task(asked, wanted, aim, self._due(wanted, aim))

    def _request(self, task: _Task, run: Run) -> Request:
        """What is done in fact, by which it is settled what is due."""
        request = Request(run, self.graded_with, task.asked.everything, task.asked.students)
        if task.aim is None or not task.aim.is_continued_by(request):
            task.due = self._due(task.wanted, request)
        return request

    def _due(self, wanted: set[str], request: Request) -> list[str]:
        """The hand-ins to grade; ``entries`` are then the results that there are already."""
        goes_on = self.store.request is not None and self.store.request.is_continued_by(request)
        due = []
        self.entries = {}
        for student in self.everyone:
            entry = self.store.known(student)
            again = request.everything and not (goes_on and entry is not None and entry.of_request)
            current = entry is not None and self._is_current(student, entry, request.run)
            if student in wanted and (again or not current):
                due.append(student)
            if entry is not None:
                self.entries[student] = replace(entry, outdated=not current)
        return due

    def _is_current(self, student: str, entry: Entry, run: Run) -> bool:
        """Whether a result is of the hand-in as it is now, and its files are where they belong."""
        return (
            self.store.made_with(entry, run)
            and entry.fingerprint == self._fingerprint(student)
            and self._files_fit(student, entry)
        )

    def _files_fit(self, student: str, entry: Entry) -> bool:
        files = (
            self.assignment.autograded(student),
            self.assignment.feedback(student),
        )
        if any(find_link(path, self.assignment.root) for path in files):
            return False
        try:
            if entry.checksums is None:
                return all(path.stat().st_size for path in files)
            return tuple(zlib.crc32(path.read_bytes()) for path in files) == entry.checksums
        except OSError:
            return False

    def _fingerprint(self, student: str) -> str:
        """Hash of the hand-in and of everything that its grade depends on."""
        digest = hashlib.sha256(self.graded_with.encode())
        located = self._locate(student)
        digest.update(f"{located.note}{located.unclear}".encode())
        if student in self._variants:
            digest.update(f"variant {self._variants[student]}".encode())
        try:
            digest.update(read_bytes(located.path))
        except Damaged as damaged:
            digest.update(str(damaged).encode())
        return digest.hexdigest()

    def _locate(self, student: str) -> Located:
        """Where the hand-in of a student is, looked for once in a run if it is misnamed."""
        found = self._located.get(student)
        if found is None:
            found = locate(self.assignment, student, self._release)
            if found.note or found.unclear:
                self._located[student] = found
        return found

    @cached_property
    def _variants(self) -> Mapping[str, int]:
        """Which variant each student has, where the problem set has several."""
        return variants_of(self.assignment, self._release, self.everyone)

    @cached_property
    def _release(self) -> Release:
        return read_release(self.assignment.release)

    # doing it

    def _graded(self, session: Session, due: Sequence[str]) -> Iterator[Graded]:
        """Grade these: first those of which nothing speaks against, then each other one alone."""
        suspects: list[str] = []
        clear, left = self._handed(session, due)
        yield from left
        yield from session.grade_all(self._handins(session, clear, suspects))
        for student in suspects:
            handin = self._hand(student)
            if self.under_way.is_to_blame(student, handin.fingerprint):
                told = (
                    "the grader was killed while it graded this hand-in, and again while it graded "
                    "nothing else; look at it by hand"
                )
                yield session.job.leave(handin, Status.CRASHED, told)
            else:
                self.under_way.begin(student, handin.fingerprint, alone=True)
                yield from session.grade_all([handin])

    def _handed(self, session: Session, due: Sequence[str]) -> tuple[list[str], Iterator[Graded]]:
        """Who of these has one hand-in, and what becomes of those who have several."""
        clear = [student for student in due if not self._locate(student).unclear]
        left = (
            session.job.leave(self._hand(student), Status.MANUAL, told)
            for student in due
            if (told := self._locate(student).unclear)
        )
        return clear, left

    def _handins(
        self, session: Session, due: Sequence[str], suspects: list[str]
    ) -> Iterator[Handin]:
        """Hand out what is due; what a grader died of, perhaps, goes to ``suspects``."""
        for student in due:
            handin = self._hand(student)
            if self.under_way.was_left(student, handin.fingerprint):
                suspects.append(student)
                continue
            if session.executor.is_here:
                self.under_way.begin(student, handin.fingerprint)
            yield handin

    def _hand(self, student: str) -> Handin:
        path = self._locate(student).path
        state = _state(path)
        fingerprint = self._fingerprint(student)
        self.handed[student] = state, fingerprint
        return Handin(student, path, fingerprint, self._variants.get(student, 0))

    def _expected_rows(self) -> Callable[[Result], GradebookRow] | None:
        """What tells the row that a result will most likely have; None if nobody can say now."""
        try:
            return expected_rows(self.assignment, self.policies)
        except UserError:  # no reason not to grade: it is needed at the end
            return None

    def _record(self, graded: Graded, expected: Callable[[Result], GradebookRow] | None) -> Result:
        """Put down a result, and the files of the hand-in."""
        self._require_hand_ins()
        result = graded.result
        student = result.student
        path = self._locate(student).path
        state, fingerprint = self.handed.pop(student)
        if state != _state(
            path
        ):  # it was written to while it was graded: nobody knows which version was
            result = replace(result, fingerprint="", outdated=True)
        result = _with_notes(result, self._notes(student))
        page = graded.feedback
        if expected is not None:  # then most pages need not be written again at the end
            page = with_marks(page, marks_part(expected(result))) or page
        notebook, feedback = encoded(graded.notebook), encoded(page)
        checksums = zlib.crc32(notebook), zlib.crc32(feedback)
        self.entries[student] = self.store.add(result, checksums)
        unwritten = []
        for name, place, content in (
            ("autograded notebook", self.assignment.autograded(student), notebook),
            ("feedback page", self.assignment.feedback(student), feedback),
        ):
            try:
                write_whole(place, content, below=self.assignment.root)
            except LinkInTheWay as link:
                unwritten.append(f"the {name} is not written: {link}")
                self.links[find_link(place, self.assignment.root) or place] = None
        if unwritten:  # of two lines for a student the later one counts
            result = _with_notes(result, unwritten)
            self.entries[student] = self.store.add(result, checksums)
        self.under_way.end(student, fingerprint)
        self.graded += 1
        return result

    def _notes(self, student: str) -> list[str]:
        """What the instructor should know of a hand-in, and its student need not be told."""
        located = self._locate(student)
        misnamed = [located.note] if located.note else []
        key = _hard_link(located.path)
        if key is None:
            return misnamed
        if self._hard_links is None:
            self._hard_links = {}
            for each in self.everyone:
                place = _hard_link(self._locate(each).path)
                if place is not None:
                    self._hard_links.setdefault(place, []).append(each)
        others = [each for each in self._hard_links.get(key, []) if each != student]
        if not others:  # as backups by hard links are made
            return misnamed
        told = some(others, most=_MOST_OTHERS, rest="others")
        return [*misnamed, f"the file is the same one on disk as that of {told} (a hard link)"]

    def _require_hand_ins(self) -> None:
        """Raise UserError if the folder of hand-ins is gone: they would all seem to be missing."""
        folder = self.assignment.directory.submissions
        if not folder.is_dir():
            raise UserError(
                f"{folder} is not there any more; bring it back and run the same command again: "
                "no grading is lost"
            )

    def _finish(self, run: Run, *, cut_short: bool = False) -> ClassResult:
        """Write gradebook and reports, results.json last: what is in it has been entered."""
        self._require_hand_ins()
        run = replace(
            run,
            results=_Results(self.store, self.entries, self.adjustments),
            adjustments=self.adjustments.told,
            not_graded=tuple(each for each in self.everyone if each not in self.entries),
            skipped=tuple(self.assignment.skipped()),
        )
        unchanged = {
            student
            for student, entry in self.entries.items()
            if student in self.store.finished
            and entry.fingerprint == self.store.finished[student].fingerprint != ""
        }
        self.store.sync()
        comparison, unchanged = self._compared(), unchanged - self._adjust_anew()
        overview = Overview()
        counted = overview.counted(run.results)
        told: list[str] = []
        rows = save(
            self.assignment,
            counted,
            unchanged,
            same_answers=cache(self._same_answers),
            worth=self._worth(),
            tell=told.append,
            policies=self.policies,
        )
        everybody = {**rows, **rows_of_others(self.assignment, rows, self.policies)}
        for student in rows:
            self._carry_on(student)
        folder = self.assignment.reports
        answer_of = partial(graded_answer, self.assignment)
        report = report_page(run, rows, overview, answer_of, self.form_grader)
        if comparison.changes:
            keep_earlier(self.assignment.results, self.assignment.root)
        for name, text, mode in (
            ("grades.csv", grades_csv(run, everybody, overview), PUBLIC),
            ("report.html", report, PUBLIC),
            ("results.json", results_json(run), PRIVATE),
        ):
            write_whole(folder / name, text, durable=True, mode=mode, below=self.assignment.root)
        self._adjusting.unlink(missing_ok=True)
        if not cut_short:
            outdated = any(entry.outdated for entry in self.entries.values())
            self.under_way.close(complete=not (outdated or run.not_graded))
            self.store.forget_journal()
            # not before: the journal tells that a page is whole by what it was when it was made
            for row in rows.values():
                self._add_marks(row)
        written, results = read_run(folder / "results.json")
        run = replace(written, results=results)
        links = tuple(self.links)
        because = self.weaker_because
        return ClassResult(run, overview, rows, self.graded, because, links, comparison, told)

    @property
    def _adjusting(self) -> Path:
        """A file that is there while pages and notebooks may be adjusted otherwise than results."""
        return self.assignment.reports / ".adjusting"

    def _adjust_anew(self) -> set[str]:
        """Adjust pages and notebooks of hand-ins that are not graded anew; return whose changed."""
        last, killed = self.store.last, self._adjusting.exists()
        if last is None or (last.adjustments == self.adjustments.told and not killed):
            return set()
        write_whole(self._adjusting, "", durable=True, below=self.assignment.root)
        changed = set()
        for student, entry in self.entries.items():
            if entry.journaled:  # made with these adjustments
                continue
            before = self.store.read(entry)
            after = self.adjustments.applied(before)
            if after != before:
                changed.add(student)
            if after != before or killed:
                self._adjust_files(after)
        return changed

    def _adjust_files(self, result: Result) -> None:
        """Put other points into the autograded notebook and on the feedback page of a student."""
        for place, regraded in (
            (self.assignment.autograded(result.student), regraded_text),
            (self.assignment.feedback(result.student), regraded_page),
        ):
            if find_link(place, self.assignment.root):
                continue
            try:
                text = regraded(place.read_text(encoding="utf-8"), result)
            except (OSError, ValueError):  # not there, or not ours
                continue
            write_whole(place, text, below=self.assignment.root)

    def _worth(self) -> Mapping[str, float]:
        """The points that can be had for each exercise, by a result that is up to date."""
        current = (each for each in self.entries.values() if not each.outdated)
        return next((self._result(entry).worth for entry in current), {})

    def _compared(self) -> Comparison:
        """What this grading changes in the points."""
        comparison = Comparison()
        last = self.store.last
        as_before = last is not None and last.adjustments == self.adjustments.told
        for student, entry in self.entries.items():
            before = self.store.finished.get(student)
            if before is None:
                comparison.new += 1
            elif entry.journaled or not as_before:
                comparison.add(self.store.read(before), self._result(entry))
        return comparison

    def _same_answers(self, student: str) -> frozenset[str]:
        """Of a hand-in that was graded anew: the cells whose answer is what it was before."""
        before = self.store.finished.get(student)
        if before is None:
            return frozenset()
        return self._result(self.entries[student]).same_answers(self.store.read(before))

    def _carry_on(self, student: str) -> None:
        """Put what nbgrader's exchange has left beside a hand-in beside its feedback, too."""
        handed_in = self.assignment.submitted(student).parent
        for name in EXCHANGED:
            content = _small_file(handed_in / name)
            for graded in (self.assignment.autograded(student), self.assignment.feedback(student)):
                place = graded.with_name(name)
                if content == _small_file(place) or find_link(place, self.assignment.root):
                    continue
                if content is None:
                    place.unlink(missing_ok=True)
                else:
                    write_whole(place, content, below=self.assignment.root)

    def _add_marks(self, row: GradebookRow) -> None:
        """Put what persons have given, and a penalty, on the page of a student."""
        place = self.assignment.feedback(row.student_id)
        if find_link(place, self.assignment.root):
            return
        part = marks_part(row)
        try:
            with place.open(encoding="utf-8") as file:
                if has_marks(file.read(_HEAD_OF_A_PAGE), part):
                    return
            page = with_marks(place.read_text(encoding="utf-8"), part)
        except (OSError, ValueError):  # not there, or not ours
            return
        if page is not None:  # else it was made by nbgrader, with what was said until then
            write_whole(place, page, below=self.assignment.root)

    def _told(self, total: int) -> str:
        if not self.graded:
            return "interrupted before anything was graded; run the same command again"
        return (
            f"interrupted: {self.graded} of {total} hand-ins are graded, and these are in the "
            "gradebook and the reports; to go on, run the same command again or with --resume"
        )
