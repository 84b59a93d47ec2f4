"""What is planted in the course directory leads no file of the grader's out of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.files import LinkInTheWay, find_link, write_whole
from autograder.grading import batch
from autograder.grading.batch import grade_class
from autograder.grading.journal import alone
from autograder.grading.settings import Settings
from autograder.grading.under_way import UnderWay
from autograder.nbgrader_plugin import _remove_what_else_was_handed_in
from autograder.release.build import release

from .test_batch import PS, WRONG, Klass, ReferenceHere

SECRET = "nothing of the grader's"


@pytest.fixture(autouse=True)
def nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the sources nor where the reference runs."""
    monkeypatch.setattr("autograder.grading.evaluations.ReferenceProcess", ReferenceHere)
    monkeypatch.setattr(batch, "of_grading", lambda name: "as they were")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("released")
    release(CourseDirectory.at(root).assignment(PS))
    return root


@pytest.fixture
def klass(
    released: Path, tmp_path: Path, quick_settings: Settings, right_notebook: Callable[..., Any]
) -> Klass:
    shutil.copytree(released, tmp_path / "course")
    course = CourseDirectory.at(tmp_path / "course")
    return Klass(course, replace(quick_settings, seed=7), right_notebook)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder outside of the course directory, in which nothing may change."""
    folder = tmp_path / "outside"
    for name in (
        f"{PS}.html",
        f"{PS}.ipynb",
        f".{PS}.html.new",
        f"{PS}/{PS}.html",
        f"bob/{PS}/{PS}.html",
        "results.json",
        "mark",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    before = _tree(folder)
    yield folder
    assert _tree(folder) == before


def _tree(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def link(place: Path, target: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    return place


@pytest.mark.parametrize("folder", ["feedback", "autograded"])
@pytest.mark.parametrize("below", ["bob", f"bob/{PS}"])
def test_link_to_a_folder_is_refused_for_one_hand_in(
    klass: Klass, outside: Path, folder: str, below: str
) -> None:
    for name in ("ada", "bob", "cem"):
        klass.hand_in(name, {"sgd_step": WRONG} if name == "bob" else None)
    planted = link(klass.course.root / folder / below, outside)
    result = klass.grade()
    assert (result.graded, result.links) == (3, (planted,))
    entries = klass.results()
    assert {name: entry["score"] for name, entry in entries.items()} == klass.gradebook()
    assert [entries[name]["score"] for name in ("ada", "bob", "cem")] == [27, 23, 27]
    told = [note for note in entries["bob"]["notes"] if "is not written" in note]
    assert len(told) == 1
    assert f"{planted} is a symbolic link, which is not followed; remove it" in told[0]
    assert not any("link" in note for name in ("ada", "cem") for note in entries[name]["notes"])
    written = (
        klass.assignment.autograded("bob"),
        klass.assignment.feedback("bob"),
    )
    assert [find_link(path, klass.course.root) for path in written].count(None) == 1
    assert all(klass.assignment.feedback(name).exists() for name in ("ada", "cem"))

    assert klass.grade().graded == 1  # bob: the page is still owed
    planted.unlink()
    result = klass.grade()
    assert (result.graded, result.links) == (1, ())
    assert all(path.stat().st_size > len(SECRET) for path in written)
    assert not any("link" in note for note in klass.results()["bob"]["notes"])
    assert klass.grade().graded == 0


def test_link_in_the_place_of_a_file_is_replaced(klass: Klass, outside: Path) -> None:
    klass.hand_in("bob")
    page, notebook = (
        klass.assignment.feedback("bob"),
        klass.assignment.autograded("bob"),
    )
    link(page, outside / page.name)
    link(page.with_name(f".{PS}.html.new"), outside / "mark")
    link(notebook, outside / notebook.name)
    # a hard link to the file that is written beside would lead out, too
    os.link(outside / "results.json", notebook.with_name(f".{PS}.ipynb.new"))
    result = klass.grade()
    assert (result.graded, result.links) == (1, ())
    assert not page.is_symlink()
    assert not notebook.is_symlink()
    assert "<html" in page.read_text()
    assert klass.grade().graded == 0


def test_link_behind_which_all_is_as_it_should_be_is_not_taken_for_the_page(klass: Klass) -> None:
    klass.hand_in("bob")
    klass.grade()
    page = klass.assignment.feedback("bob")
    page.rename(page.with_name("other.html"))
    page.symlink_to(page.with_name("other.html"))
    assert klass.grade().graded == 1
    assert not page.is_symlink()


@pytest.mark.parametrize("place", ["reports", f"reports/{PS}", f"reports/{PS}/under-way"])
def test_reports_go_nowhere_else(klass: Klass, outside: Path, place: str) -> None:
    klass.hand_in("bob")
    planted = link(klass.course.root / place, outside)
    with pytest.raises(LinkInTheWay, match="is a symbolic link, which is not followed") as raised:
        klass.grade()
    assert str(planted) in str(raised.value)
    planted.unlink()
    assert klass.grade().graded == 1


def test_links_in_the_reports_are_not_written_through(klass: Klass, outside: Path) -> None:
    klass.hand_in("bob")
    reports = klass.assignment.reports
    names = ("results.json", "grades.csv", "report.html", "journal.jsonl")
    for name in names:
        link(reports / name, outside / "results.json")
    klass.grade()
    assert not any((reports / name).is_symlink() for name in names)
    assert klass.scores("bob") == (27, 27, 27)


def test_the_lock_is_no_way_out(tmp_path: Path, outside: Path) -> None:
    link(tmp_path / "reports" / ".lock", outside / "mark")
    with pytest.raises(UserError, match="is a symbolic link"), alone(tmp_path / "reports"):
        pass


def test_marks_under_way_are_no_way_out(tmp_path: Path, outside: Path) -> None:
    marks = UnderWay(tmp_path)
    marks.begin("ada", "1")
    [name] = [path.name for path in (tmp_path / "under-way").iterdir()]
    (tmp_path / "under-way" / name).unlink()
    link(tmp_path / "under-way" / name, outside / "made")
    marks = UnderWay(tmp_path)
    marks.begin("ada", "1")
    marks.end("ada", "1")
    marks.close(complete=True)
    assert not (tmp_path / "under-way").exists()
    link(tmp_path / "under-way", outside)
    UnderWay(tmp_path).close(complete=True)


def test_course_directory_may_be_a_link(klass: Klass, tmp_path: Path) -> None:
    klass.hand_in("ada")
    through = CourseDirectory.at(link(tmp_path / "link", klass.course.root))
    result = grade_class(through.assignment(PS), klass.settings)
    assert (result.graded, result.links) == (1, ())
    assert klass.assignment.feedback("ada").exists()


def test_file_is_written_where_the_folder_was_opened(tmp_path: Path, outside: Path) -> None:
    """A link that takes the folder's place while the file is written is too late."""
    folder = tmp_path / "course" / "feedback"
    folder.mkdir(parents=True)

    def parts() -> Iterator[str]:
        yield "begin, "
        folder.rename(tmp_path / "moved")
        folder.symlink_to(outside)
        yield "end"

    write_whole(folder / "results.json", parts(), below=tmp_path / "course")
    assert (tmp_path / "moved" / "results.json").read_text() == "begin, end"


def test_nbgraders_cleaning_up_stays_in_the_course_directory(tmp_path: Path, outside: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    planted = link(tmp_path / "autograded" / "bob" / PS, outside)
    _remove_what_else_was_handed_in(planted, source)
    planted.unlink()
    (planted / "folder").mkdir(parents=True)
    (planted / "folder" / "page.html").write_text("")
    _remove_what_else_was_handed_in(planted, source)
    assert list(planted.iterdir()) == []


def test_hard_link_to_anothers_hand_in_is_noted(klass: Klass, tmp_path: Path) -> None:
    original = klass.hand_in("ada")
    copy = klass.assignment.submitted("bob")
    copy.parent.mkdir(parents=True)
    os.link(original, copy)
    klass.hand_in("cem")  # the same answers, in a file of its own
    os.link(klass.hand_in("dov"), tmp_path / "backup")
    klass.grade()
    entries = klass.results()
    notes = {name: [n for n in entry["notes"] if "disk" in n] for name, entry in entries.items()}
    told = "the file is the same one on disk as that of {} (a hard link)"
    assert notes == {"ada": [told.format("bob")], "bob": [told.format("ada")], "cem": [], "dov": []}
    assert {entry["score"] for entry in entries.values()} == {27}
    assert told.format("ada") in (klass.assignment.reports / "report.html").read_text()
    assert "ada" not in klass.assignment.feedback("bob").read_text()  # the instructor's to know


def test_hard_links_of_many_are_told_in_one_short_note(klass: Klass) -> None:
    original = klass.hand_in_bytes("s00", b"{ broken")
    for number in range(1, 12):
        path = klass.assignment.submitted(f"s{number:02}")
        path.parent.mkdir(parents=True)
        os.link(original, path)
    klass.grade()
    assert klass.results()["s00"]["notes"] == [
        "the file is the same one on disk as that of s01, s02, s03, s04, s05 and 6 others "
        "(a hard link)"
    ]
