"""A class is graded once, what changed is graded again, and no score is ever stale."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.course.course import Material
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.definition.reference_process import Evaluation, evaluate_here
from autograder.grading import batch
from autograder.grading.batch import ClassResult, NothingToResume, compare_class, grade_class
from autograder.grading.handin import Handin
from autograder.grading.interrupt import Interrupted
from autograder.grading.journal import alone
from autograder.grading.session import Session
from autograder.grading.settings import Settings
from autograder.release.build import release
from autograder.results.adjustments import FILE as ADJUSTMENTS
from autograder.results.adjustments import (
    Action,
    Adjustment,
    remove_adjustment,
    write_adjustment,
)
from autograder.results.result import Result

PS = "ps01-sgd"
LOOP = "def sgd_step(theta, grad, lr):\n    while True:\n        pass\n"
WRONG = "def sgd_step(theta, grad, lr):\n    return theta + 1\n"


class Klass:
    """A course directory of one's own, with ways to hand in, grade, and look at what came out."""

    def __init__(self, course: CourseDirectory, settings: Settings, right: Callable[..., Any]):
        self.course, self.settings, self.right = course, settings, right

    @property
    def assignment(self) -> Assignment:
        return self.course.assignment(PS)

    def hand_in(self, student: str, answers: dict[str, str] | None = None) -> Path:
        return self.hand_in_bytes(student, json.dumps(self.right(PS, answers)).encode())

    def hand_in_bytes(self, student: str, data: bytes) -> Path:
        path = self.assignment.submitted(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def grade(self, **options: Any) -> ClassResult:
        return grade_class(self.assignment, self.settings, **options)

    def results(self) -> dict[str, Any]:
        text = self.assignment.results.read_text(encoding="utf-8")
        return {entry["student"]: entry for entry in json.loads(text)["submissions"]}

    def head(self) -> dict[str, Any]:
        tree: dict[str, Any] = json.loads(self.assignment.results.read_text())
        return tree

    def csv(self) -> dict[str, dict[str, str]]:
        with (self.assignment.reports / "grades.csv").open(
            newline="", encoding="utf-8-sig"
        ) as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def gradebook(self) -> dict[str, float]:
        from nbgrader.api import Gradebook

        with Gradebook(self.course.database_url) as gradebook:
            return {
                submission.student.id: submission.score
                for submission in gradebook.assignment_submissions(PS)
            }

    def scores(self, student: str) -> tuple[float, float, float]:
        """The score of a student in results.json, in the CSV and in the gradebook."""
        return (
            self.results()[student]["score"],
            float(self.csv()[student]["score"]),
            self.gradebook()[student],
        )

    def grade_by_hand(self, student: str, cell: str, score: float) -> None:
        from nbgrader.api import Gradebook

        with Gradebook(self.course.database_url) as gradebook:
            grade = gradebook.find_grade(cell, PS, PS, student)
            grade.manual_score = score
            grade.needs_manual_grade = False
            gradebook.db.commit()

    def needs_hand(self, student: str, cell: str) -> tuple[float | None, bool]:
        from nbgrader.api import Gradebook

        with Gradebook(self.course.database_url) as gradebook:
            grade = gradebook.find_grade(cell, PS, PS, student)
            return grade.manual_score, bool(grade.needs_manual_grade)


class ReferenceHere:
    """Stands for ReferenceProcess: evaluates here, and a seed once, to save starting torch."""

    def submit(self, material: Material, seed: int, device: str) -> Future[Evaluation]:
        future: Future[Evaluation] = Future()
        future.set_result(_evaluated(material, seed, device))
        return future

    def close(self) -> None:
        pass


@cache
def _evaluated(material: Material, seed: int, device: str) -> Evaluation:
    return evaluate_here(material, seed, device)


@pytest.fixture(autouse=True)
def nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the sources (someone may be editing them) nor where the reference runs."""
    monkeypatch.setattr("autograder.grading.evaluations.ReferenceProcess", ReferenceHere)
    monkeypatch.setattr(batch, "of_grading", lambda name: "as they were")


@pytest.fixture(scope="session")
def empty_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released course directory to be copied."""
    root = tmp_path_factory.mktemp("empty")
    release(CourseDirectory.at(root).assignment(PS))
    return root


@pytest.fixture
def klass(
    empty_course: Path, tmp_path: Path, quick_settings: Settings, right_notebook: Callable[..., Any]
) -> Iterator[Klass]:
    import shutil

    shutil.copytree(empty_course, tmp_path / "course")
    course = CourseDirectory.at(tmp_path / "course")
    yield Klass(course, replace(quick_settings, seed=None), right_notebook)


def test_second_grading_finds_nothing_to_do_and_says_the_same(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob", {"sgd_step": WRONG})
    first = klass.grade()
    texts = {p.name: p.read_text() for p in klass.assignment.reports.iterdir()}
    second = klass.grade()
    assert (first.graded, second.graded) == (2, 0)
    assert second.run.seed == first.run.seed
    assert {p.name: p.read_text() for p in klass.assignment.reports.iterdir()} == texts
    assert set(texts) == {"results.json", "grades.csv", "report.html", ".lock"}


def test_worse_hand_in_replaces_the_old_score_everywhere(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")
    klass.grade()
    assert klass.scores("ada") == (27, 27, 27)
    klass.hand_in("ada", {"sgd_step": WRONG})
    assert klass.grade().graded == 1
    assert klass.scores("ada") == (23, 23, 23)
    assert klass.scores("bob") == (27, 27, 27)
    klass.hand_in("ada", {"sgd_step": LOOP})
    klass.grade()
    assert klass.scores("ada") == (23, 23, 23)
    assert klass.results()["ada"]["status"] == "timeout"
    klass.hand_in_bytes("ada", b"{ broken")
    klass.grade()
    assert klass.scores("ada") == (0, 0, 0)
    assert klass.csv()["ada"]["status"] == "damaged"
    klass.assignment.submitted("ada").unlink()
    klass.grade()
    assert klass.scores("ada") == (0, 0, 0)
    assert "no file" in klass.results()["ada"]["detail"]
    klass.hand_in("ada")
    klass.grade()
    assert klass.scores("ada") == (27, 27, 27)


def test_bad_hand_ins_stop_nobody_else(klass: Klass) -> None:
    klass.hand_in("good one")
    klass.hand_in("good two")
    klass.hand_in_bytes("cut", json.dumps(klass.right(PS)).encode()[:5000])
    klass.hand_in_bytes("noise", bytes(range(256)) * 50)
    klass.hand_in_bytes("gone", b"").unlink()
    klass.hand_in_bytes("folder", b"").unlink()
    klass.assignment.submitted("folder").mkdir()
    klass.hand_in("=1+1")
    result = klass.grade()
    assert result.graded == 7
    scores = {name: entry["score"] for name, entry in klass.results().items()}
    assert scores == {
        "good one": 27,
        "good two": 27,
        "=1+1": 27,
        "cut": 0,
        "noise": 0,
        "gone": 0,
        "folder": 0,
    }
    assert klass.gradebook() == scores


def test_grading_one_student_keeps_the_others_in_the_reports(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob", {"sgd_step": WRONG})
    klass.grade()
    klass.hand_in("ada", {"sgd_step": WRONG})
    assert klass.grade(students=["ada"]).graded == 1
    assert {name: row["score"] for name, row in klass.csv().items()} == {
        "ada": "23.0",
        "bob": "23.0",
    }
    assert klass.grade(students=["bob"], everything=True).graded == 1
    assert set(klass.results()) == {"ada", "bob"}
    with pytest.raises(UserError, match="no hand-in of ps01-sgd by carl"):
        klass.grade(students=["carl"])


def test_grading_one_student_marks_others_that_have_changed(klass: Klass) -> None:
    for name in ("ada", "bob", "cem"):
        klass.hand_in(name)
    klass.grade()
    klass.hand_in("ada", {"sgd_step": WRONG})
    klass.hand_in("bob", {"sgd_step": WRONG})
    klass.hand_in("dov")
    result = klass.grade(students=["ada"])
    assert (result.graded, result.overview.outdated, result.run.not_graded) == (1, 1, ("dov",))
    assert {name: row["outdated"] for name, row in klass.csv().items()} == {
        "ada": "no",
        "bob": "yes",
        "cem": "no",
    }
    assert klass.scores("bob") == (27, 27, 27)
    assert "1 of these have changed" in (klass.assignment.reports / "report.html").read_text()
    result = klass.grade()
    assert (result.graded, result.overview.outdated, result.run.not_graded) == (2, 0, ())
    assert klass.scores("bob") == (23, 23, 23)


def test_grading_one_student_with_another_seed_marks_all_others(klass: Klass) -> None:
    for name in ("ada", "bob"):
        klass.hand_in(name)
    klass.grade()
    klass.settings = replace(klass.settings, seed=99)
    klass.grade(students=["ada"])
    assert {name: entry["outdated"] for name, entry in klass.results().items()} == {
        "ada": False,
        "bob": True,
    }
    assert klass.grade().graded == 1  # bob, whose result is of another seed


def test_hand_in_that_is_written_to_while_it_is_graded_is_graded_again(klass: Klass) -> None:
    for name in ("ada", "bob"):
        klass.hand_in(name)
    klass.settings = replace(klass.settings, workers=1)

    def replace_bob(done: int, *_: object) -> None:
        if done == 1:
            klass.hand_in("bob", {"sgd_step": WRONG})

    klass.grade(progress=replace_bob)
    assert klass.results()["bob"]["outdated"]
    assert klass.grade().graded == 1
    assert klass.scores("bob") == (23, 23, 23)
    assert not klass.results()["bob"]["outdated"]


def test_hand_ins_that_vanish_with_their_folder_are_not_missing(klass: Klass) -> None:
    for number in range(6):
        klass.hand_in(f"s{number}")
    away = klass.course.root / "away"

    def vanish(done: int, *_: object) -> None:
        if done == 2:
            klass.course.submissions.rename(away)

    with pytest.raises(UserError, match="submitted is not there any more; bring it back"):
        klass.grade(progress=vanish)
    away.rename(klass.course.submissions)
    assert klass.grade().graded == 4
    assert set(klass.gradebook().values()) == {27}


def test_folders_whose_names_are_no_text_are_skipped_and_named(klass: Klass) -> None:
    klass.hand_in("ada")
    for name in (b"b\xffd", b"two\nlines", b".hidden"):
        (klass.course.submissions / os.fsdecode(name) / PS).mkdir(parents=True)
    result = klass.grade()
    assert result.graded == 1
    assert klass.head()["skipped"] == [
        r"'b\xffd' (the name is not printable text; rename it)",
        r"'two\nlines' (the name is not printable text; rename it)",
    ]
    report = (klass.assignment.reports / "report.html").read_text()
    assert "2 skipped" in report
    assert r"b\xffd" in report


def test_everything_is_graded_again_on_demand(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")
    assert [klass.grade().graded, klass.grade(everything=True).graded] == [2, 2]


def test_changed_sources_grade_everything_again(
    klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    klass.hand_in("ada")
    klass.grade()
    monkeypatch.setattr(batch, "of_grading", lambda name: "a case was added")
    assert [klass.grade().graded, klass.grade().graded] == [1, 0]


def test_another_seed_grades_everything_again(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.grade()
    klass.settings = replace(klass.settings, seed=99)
    result = klass.grade()
    assert (result.graded, result.run.seed) == (1, 99)


def test_another_level_of_isolation_grades_everything_again(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.settings = replace(klass.settings, isolation="limits")
    assert klass.grade().run.isolation == "limits"
    klass.hand_in("bob")
    klass.settings = replace(klass.settings, isolation="auto")
    result = klass.grade()
    if result.run.isolation == "limits":
        pytest.skip("no stronger level than limits works here")
    assert result.graded == 2  # a report must not claim what was not in force for all


# --- manual grades -------------------------------------------------------------------------------


def test_manual_scores_are_kept_and_looked_at_again_when_the_hand_in_changed(klass: Klass) -> None:
    klass.hand_in("ada", {"sgd_step": WRONG})
    klass.grade()
    klass.grade_by_hand("ada", "check-sgd_step", 3)
    klass.grade()
    assert klass.needs_hand("ada", "check-sgd_step") == (3, False)
    assert klass.gradebook()["ada"] == 26
    assert float(klass.csv()["ada"]["score"]) == 26
    klass.hand_in("ada", {"sgd_step": LOOP})
    klass.grade()
    assert klass.needs_hand("ada", "check-sgd_step") == (3, True)
    assert klass.csv()["ada"]["needs_manual_grade"] == "yes"


def test_manual_score_of_an_interrupted_regrading_is_looked_at_again(
    klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    klass.hand_in("ada", {"sgd_step": WRONG})
    klass.grade()
    klass.grade_by_hand("ada", "check-sgd_step", 3)
    klass.hand_in("ada", {"sgd_step": LOOP})
    with monkeypatch.context() as patch:
        patch.setattr(batch, "save", _die)
        with pytest.raises(KeyboardInterrupt):
            klass.grade()
    assert klass.grade().graded == 0  # it is in the journal
    assert klass.needs_hand("ada", "check-sgd_step") == (3, True)


def test_written_answers_wait_for_a_person(klass: Klass, course: CourseDirectory) -> None:
    from autograder.grading.sample import with_answers

    essay = with_answers(klass.right(PS), {}, {"batch_size_and_rate": "Because."})
    klass.hand_in_bytes("ada", json.dumps(essay).encode())
    klass.hand_in("bob")
    klass.grade()
    cell = "written-batch_size_and_rate"
    assert klass.needs_hand("ada", cell) == (None, True)
    assert klass.needs_hand("bob", cell) == (None, False)
    assert [klass.csv()[s]["needs_manual_grade"] for s in ("ada", "bob")] == ["yes", "no"]
    klass.grade_by_hand("ada", cell, 4)
    klass.grade(everything=False)
    assert klass.gradebook()["ada"] == 31


# --- interruption --------------------------------------------------------------------------------


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


# --- adjusting -----------------------------------------------------------------------------------


def adjust(klass: Klass, action: Action, why: str, points: int = 0, check: str = "") -> None:
    made = Adjustment("sgd_step", check, action, why, points)
    write_adjustment(klass.course.root, PS, made)


def pages(klass: Klass, student: str) -> tuple[str, str]:
    """The texts of a student's feedback page and of the output below the check, if it is there."""
    notebook = json.loads(klass.assignment.autograded(student).read_text(encoding="utf-8"))
    outputs = [
        cell["outputs"][0]["data"]["text/plain"]
        for cell in notebook["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "check-sgd_step"
    ]
    return klass.assignment.feedback(student).read_text(encoding="utf-8"), "".join(outputs)


def worth(klass: Klass) -> set[float]:
    """What nbgrader takes for the points that can be had, written answers left out."""
    from nbgrader.api import Gradebook

    with Gradebook(klass.course.database_url) as gradebook:
        written = gradebook.find_graded_cell("written-batch_size_and_rate", PS, PS).max_score
        return {each.max_score - written for each in gradebook.assignment_submissions(PS)}


def files_of(klass: Klass) -> dict[str, bytes]:
    """All files of gradings but the results kept from earlier ones, without how long each took."""
    folders = ("autograded", "feedback", "reports")
    paths = [p for folder in folders for p in (klass.course.root / folder).rglob("*.*")]
    return {
        str(p.relative_to(klass.course.root)): re.sub(
            rb'"seconds": [0-9.]+|<td class="number">[0-9.]+</td></tr>', b"", p.read_bytes()
        )
        for p in paths
        if p.suffix in (".json", ".csv", ".html", ".ipynb")
    }


def test_adjusted_points_hold_everywhere_and_go_without_a_trace(
    klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob", {"sgd_step": WRONG})
    klass.hand_in_bytes("cem", b"no notebook")
    klass.grade()
    first = files_of(klass)
    monkeypatch.setattr(Session, "__init__", _die)  # no student code is run again
    adjust(klass, Action.FULL_MARKS, "The text was <wrong>.")
    foreseen = compare_class(klass.assignment, klass.settings)
    assert files_of(klass) == first
    graded = klass.grade()
    assert graded.comparison == foreseen
    assert foreseen.told == "2 students change, +8 points"
    assert [klass.scores(name)[0] for name in ("ada", "bob", "cem")] == [27, 27, 4]
    assert klass.scores("bob") == (27, 27, 27)
    for student in ("bob", "cem"):
        page, output = pages(klass, student)
        assert "4 of 4 points" in page
        assert "has full marks for this exercise. The text was &lt;wrong&gt;." in page
        assert "<wrong>" in output or student == "cem"
    assert "The text was &lt;wrong&gt;" in (klass.assignment.reports / "report.html").read_text()
    assert [p.name for p in (klass.assignment.reports / "earlier").iterdir()] == [
        "results-0001.json.gz"
    ]
    adjust(klass, Action.DROP, "Nobody could know this.")
    assert klass.grade().comparison.told == "3 students change, +0 points; 3 lose 12"
    assert klass.scores("bob") == (23, 23, 23)
    assert worth(klass) == {23}
    remove_adjustment(klass.course.root, PS, "sgd_step", "")
    assert klass.grade().graded == 0
    assert files_of(klass) == first
    assert worth(klass) == {27}


def test_hand_ins_graded_later_are_adjusted_as_those_before(klass: Klass) -> None:
    klass.hand_in("bob", {"sgd_step": WRONG})
    klass.grade()
    adjust(klass, Action.POINTS, "It was long.", 9)
    klass.hand_in("ada")
    klass.hand_in("cem", {"sgd_step": WRONG})
    foreseen = compare_class(klass.assignment, klass.settings)
    graded = klass.grade()
    assert (graded.graded, graded.comparison) == (2, foreseen)
    assert klass.scores("ada") == (32, 32, 32)
    assert klass.scores("bob") == klass.scores("cem") == (23, 23, 23)
    page_of = {name: pages(klass, name) for name in ("bob", "cem")}
    assert page_of["bob"][1] == page_of["cem"][1]
    assert page_of["bob"][0] == page_of["cem"][0].replace("cem", "bob")
    assert "0 of 9 points" in page_of["bob"][0]


def test_adjusting_killed_at_any_file_is_made_good(
    klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "bob"):
        klass.hand_in(name, {"sgd_step": WRONG})
    klass.grade()
    first = files_of(klass)
    adjust(klass, Action.FULL_MARKS, "Too strict.")
    with monkeypatch.context() as patch:
        patch.setattr(batch, "save", _die)
        with pytest.raises(KeyboardInterrupt):
            klass.grade()
    assert files_of(klass) != first
    (klass.course.root / ADJUSTMENTS).unlink()
    klass.grade()
    assert files_of(klass) == first
    adjust(klass, Action.FULL_MARKS, "Too strict.")
    assert klass.grade().graded == 0
    assert klass.scores("ada") == (27, 27, 27)


def test_adjustments_after_an_interruption_are_of_all(klass: Klass) -> None:
    for name in ("ada", "bob"):
        klass.hand_in(name, {"sgd_step": WRONG})
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    adjust(klass, Action.FULL_MARKS, "Too strict.")
    with pytest.raises(UserError, match="has changed since the grading was cut short"):
        klass.grade(resume=True)
    klass.grade()
    assert klass.scores("ada") == klass.scores("bob") == (27, 27, 27)
    assert "4 of 4 points" in pages(klass, "ada")[0]


def test_person_looks_again_where_adjusting_changes_points_that_were_graded_by_hand(
    klass: Klass,
) -> None:
    klass.hand_in("ada", {"sgd_step": WRONG})
    klass.grade()
    klass.grade_by_hand("ada", "check-sgd_step", 3)
    klass.grade_by_hand("ada", "check-linear_decay", 2)
    klass.grade()
    adjust(klass, Action.FULL_MARKS, "Too strict.")
    klass.grade()
    assert klass.needs_hand("ada", "check-sgd_step") == (3, True)
    assert klass.needs_hand("ada", "check-linear_decay") == (2, False)


def test_adjustment_of_what_is_not_there_is_told_and_nothing_is_written(klass: Klass) -> None:
    klass.hand_in("ada")
    adjust(klass, Action.DROP, "why", check="nothing")
    with pytest.raises(UserError, match="sgd_step has no check “nothing”; its checks are: “"):
        klass.grade()
    (klass.course.root / ADJUSTMENTS).unlink()
    klass.grade()
    first = files_of(klass)
    adjust(klass, Action.DROP, "why", check="nothing")
    for grade in (klass.grade, lambda: compare_class(klass.assignment, klass.settings)):
        with pytest.raises(UserError, match=r"adjustments\.toml: sgd_step has no check"):
            grade()
    assert files_of(klass) == first


def test_interrupted_grading_goes_on_from_the_journal(klass: Klass) -> None:
    for number in range(6):
        klass.hand_in(f"s{number}", {"sgd_step": WRONG} if number % 2 else None)

    def interrupt(done: int, total: int, submission: Result) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="3 of 6 hand-ins are graded"):
        klass.grade(progress=interrupt)
    journal = klass.assignment.reports / "journal.jsonl"
    journal.write_text(journal.read_text() + '{"student": "s5", "sco')  # killed while writing
    result = klass.grade()
    assert result.graded == 3
    assert not journal.exists()
    expected = {f"s{n}": 23.0 if n % 2 else 27.0 for n in range(6)}
    assert klass.gradebook() == expected
    assert {name: e["score"] for name, e in klass.results().items()} == expected
    assert klass.grade().graded == 0


def test_journal_of_a_changed_hand_in_is_not_used(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")

    def interrupt(done: int, *_: object) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        klass.grade(progress=interrupt)
    klass.hand_in("ada", {"sgd_step": WRONG})
    assert klass.grade().graded == 1
    assert klass.scores("ada") == (23, 23, 23)


def test_resuming_does_what_the_interrupted_grading_was_told(klass: Klass) -> None:
    for number in range(4):
        klass.hand_in(f"s{number}")
    klass.settings = replace(klass.settings, seed=5)
    with pytest.raises(NothingToResume):
        klass.grade(resume=True)
    klass.grade()
    with pytest.raises(Interrupted):
        klass.grade(everything=True, students=("s3", "s1", "s2"), progress=_die)
    klass.settings = replace(klass.settings, seed=None)
    assert klass.grade(resume=True).graded == 2  # of three that had not changed
    with pytest.raises(NothingToResume):
        klass.grade(resume=True)


def test_interrupted_grading_goes_on_with_the_long_seed_that_it_drew(klass: Klass) -> None:
    for number in range(3):
        klass.hand_in(f"s{number}")
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    drawn = klass.head()["seed"]
    assert isinstance(drawn, str)
    assert int(drawn).bit_length() > 100  # fails once in 2^28 runs
    shutil.rmtree(klass.assignment.evaluation.parent)  # the journal knows it, too
    done = klass.grade(resume=True)
    assert (done.graded, str(done.run.seed), klass.head()["seed"]) == (2, drawn, drawn)
    klass.hand_in("s0", {"sgd_step": WRONG})
    klass.grade()
    assert klass.head()["seed"] == drawn


def test_seed_that_an_older_version_showed_to_students_is_not_used_again(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.grade()
    path = klass.assignment.results
    text = path.read_text()
    path.write_text(re.sub(r'"seed": "\d+"', '"seed": 17', text).replace('on": 2', 'on": 1', 1))
    assert (klass.head()["version"], klass.head()["seed"]) == (1, 17)
    assert klass.grade().graded == 1
    assert (klass.head()["version"], klass.head()["seed"] == 17) == (2, False)


def test_only_who_grades_can_read_the_files_that_hold_the_seed(klass: Klass) -> None:
    klass.hand_in("ada")
    journal = klass.assignment.reports / "journal.jsonl"
    seen: list[tuple[int, bool]] = []

    def look(*_: object) -> None:
        order = json.loads(journal.read_text().splitlines()[0])
        seen.append((stat.S_IMODE(journal.stat().st_mode), order["run"]["seed"].isdecimal()))

    klass.grade(progress=look)
    assert seen == [(0o600, True)]
    for path in (klass.assignment.results, klass.assignment.evaluation):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["results.json", "journal.jsonl"])
def test_results_that_another_user_may_not_read_are_no_reason_to_begin_anew(
    klass: Klass, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    klass.hand_in("ada")
    klass.grade()
    before = klass.head()
    open_it = Path.open

    def refused(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == name:  # root, who may run this test, would be let in
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return open_it(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refused)
        with pytest.raises(UserError, match=f"{name}: permission denied; .*grade as that user"):
            klass.grade()
    assert klass.head() == before


def test_repeated_command_goes_on_with_grading_everything(klass: Klass) -> None:
    for number in range(4):
        klass.hand_in(f"s{number}")
    klass.grade()
    with pytest.raises(Interrupted):
        klass.grade(everything=True, progress=_die)
    assert [klass.grade(everything=True).graded, klass.grade(everything=True).graded] == [3, 4]


def test_resuming_refuses_to_begin_anew(klass: Klass, monkeypatch: pytest.MonkeyPatch) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")
    klass.settings = replace(klass.settings, seed=5)
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    asked = klass.settings
    for told, settings, options in (
        ("has another seed", replace(asked, seed=6), {}),
        ("has isolation", replace(asked, isolation="namespaces"), {}),
        ("as it was told", asked, {"everything": True}),
        ("as it was told", asked, {"students": ["ada"]}),
    ):
        klass.settings = settings
        with pytest.raises(UserError, match=told):
            klass.grade(resume=True, **options)
    klass.settings = asked
    with monkeypatch.context() as patch:
        patch.setattr(batch, "of_grading", lambda name: "a case was added")
        with pytest.raises(UserError, match="has changed since the grading was cut short"):
            klass.grade(resume=True)
    assert klass.grade(resume=True).graded == 1


def test_interrupted_grading_enters_what_is_done_and_marks_the_rest(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")
    klass.grade()
    for name in ("ada", "bob", "cem"):
        klass.hand_in(name, {"sgd_step": WRONG})
    klass.settings = replace(klass.settings, workers=1)
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    assert klass.scores("ada") == (23, 23, 23)
    assert klass.scores("bob") == (27, 27, 27)
    assert {name: entry["outdated"] for name, entry in klass.results().items()} == {
        "ada": False,
        "bob": True,
    }
    assert klass.head()["not_graded"] == ["cem"]
    report = (klass.assignment.reports / "report.html").read_text()
    assert "1 not graded yet: cem" in report
    assert klass.grade().graded == 2
    assert klass.scores("bob") == (23, 23, 23)
    assert klass.head()["not_graded"] == []


def test_results_of_a_killed_grading_are_entered_when_the_next_one_is_stopped(
    klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "bob"):
        klass.hand_in(name)
    with monkeypatch.context() as patch:
        patch.setattr(batch, "save", _die)  # as if killed: nothing is entered
        with pytest.raises(KeyboardInterrupt):
            klass.grade(progress=_die)
    assert klass.gradebook() == {}
    with monkeypatch.context() as patch:
        patch.setattr(Session, "grade_all", _die)
        with pytest.raises(Interrupted, match="before anything was graded"):
            klass.grade()
    assert len(klass.gradebook()) == len(klass.results()) == 1
    assert klass.grade(students=["bob", "ada", "ada"]).graded == 1


@pytest.mark.parametrize("signals", [1, 2])
def test_signal_while_the_gradebook_is_written_waits_but_a_second_does_not(
    signals: int, klass: Klass, monkeypatch: pytest.MonkeyPatch
) -> None:
    klass.hand_in("ada")
    save = batch.save

    def interrupted(*arguments: Any, **named: Any) -> Any:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGTERM)
        return save(*arguments, **named)

    monkeypatch.setattr(batch, "save", interrupted)
    with pytest.raises(Interrupted) as told:
        klass.grade()
    assert told.value.exit_status == 143
    assert klass.gradebook() == ({"ada": 27} if signals == 1 else {})
    monkeypatch.setattr(batch, "save", save)
    assert klass.grade().graded == 0
    assert klass.gradebook() == {"ada": 27}


def test_files_that_did_not_get_to_their_places_are_made_again(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.hand_in("bob")
    klass.hand_in("cem")
    with pytest.raises(Interrupted):
        klass.grade(progress=lambda done, *_: _die() if done == 3 else None)
    expected = klass.assignment.feedback("ada").read_bytes()
    klass.assignment.feedback("ada").write_bytes(expected[:100])
    klass.assignment.autograded("bob").write_bytes(b"")
    assert klass.grade().graded == 2
    assert klass.assignment.feedback("ada").read_bytes() == expected
    assert b"27 of 31 points" in expected


def test_a_line_cut_off_in_the_journal_costs_no_other_line(klass: Klass) -> None:
    for number in range(4):
        klass.hand_in(f"s{number}")
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    journal = klass.assignment.reports / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(journal.read_bytes()[-100:-50])
    with pytest.raises(Interrupted):
        klass.grade(progress=_die)
    assert klass.grade().graded == 2


def test_only_one_grades_a_problem_set_of_a_course_at_a_time(klass: Klass) -> None:
    klass.hand_in("ada")
    with (
        alone(klass.assignment.reports),
        pytest.raises(UserError, match=r"process \d+ on .* is grad"),
    ):
        klass.grade()
    assert klass.grade().graded == 1


@pytest.mark.parametrize("garbage", ["", "5", "[]", "{}", "{", '{"seed": 1}', "\x00", "null\n[]"])
def test_garbage_in_the_files_of_the_last_run_is_no_obstacle(klass: Klass, garbage: str) -> None:
    klass.hand_in("ada")
    folder = klass.assignment.reports
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(garbage)
    (folder / "journal.jsonl").write_text(garbage)
    assert klass.grade().graded == 1
    assert klass.scores("ada") == (27, 27, 27)


def test_deleted_feedback_is_made_again(klass: Klass) -> None:
    klass.hand_in("ada")
    klass.grade()
    klass.assignment.feedback("ada").unlink()
    assert klass.grade().graded == 1
    assert klass.assignment.feedback("ada").exists()


def test_serial_and_parallel_grading_give_the_same(klass: Klass) -> None:
    for number in range(6):
        klass.hand_in(f"s{number}", {"sgd_step": WRONG} if number % 2 else None)
    results = []
    for workers in (1, 4):
        klass.settings = replace(klass.settings, seed=7, workers=workers)
        klass.grade(everything=True)
        entries = klass.results()
        for entry in entries.values():
            del entry["seconds"]
        results.append(entries)
    assert results[0] == results[1]


def test_class_without_hand_ins_is_an_error_that_says_where_they_belong(klass: Klass) -> None:
    with pytest.raises(UserError, match="submitted"):
        klass.grade()


def test_open_session_grades_at_most_a_few_ahead(
    ps01: Session, hand_in: Callable[..., Path]
) -> None:
    taken = []

    def handins() -> Iterator[Handin]:
        for number in range(100):
            taken.append(number)
            yield Handin(str(number), hand_in(b"{"))

    first = next(iter(ps01.grade_all(handins())))
    assert first.result.student in map(str, range(100))
    assert len(taken) <= 2 * ps01.settings.worker_count
