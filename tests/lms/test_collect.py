"""Hand-ins as the platforms give them: names, resubmissions, archives in archives, hostile ones."""

from __future__ import annotations

import io
import json
import re
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import cli
from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.lms import archive
from autograder.lms.collect import Line, collect
from autograder.lms.roster import Roster

PS = "ps01-sums"
ROSTER = """\
\ufeffid,first_name,last_name,email,canvas_id,gradescope_sid,github
jane,Jane,Doe,jane@example.org,101,s1,jdoe
zoe,Zoë,Ó Brien,zoe@example.org,102,s2,zob
max,Max,Müller,max@example.org,103,s3,mm
"""


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    course = make_course(tmp_path / "course")
    return CourseDirectory(course.root / "spring", course).assignment(PS)


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    (tmp_path / "students.csv").write_text(ROSTER, encoding="utf-8")
    return Roster.read(tmp_path / "students.csv")


def notebook(mark: str) -> bytes:
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": mark}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4}).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def give(tmp_path: Path) -> Callable[..., Path]:
    """Writes what a platform would give: a zip file, or a folder of the same."""

    def make(files: dict[str, bytes], *, folder: bool = False) -> Path:
        place = tmp_path / f"given-{len(list(tmp_path.iterdir()))}"
        if not folder:
            place.write_bytes(zipped(files))
            return place
        for name, data in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        return place

    return make


def source_of(path: Path) -> str:
    source: str = json.loads(path.read_bytes())["cells"][0]["source"]
    return source


def handed_in(assignment: Assignment) -> dict[str, str]:
    """What lies in the course directory: the text of each notebook, by student and file."""
    root = assignment.directory.submissions
    return {
        f"{path.parent.parent.name}/{path.name}": source_of(path)
        for path in sorted(root.glob(f"*/{PS}/*.ipynb"))
    }


def told(lines: list[Line]) -> dict[str, str]:
    return {line.source or line.student: line.what for line in lines}


METADATA = b"""\
submission_11:
  :submitters:
  - :name: Jane Doe
    :sid: s1
    :email: jane@example.org
  :created_at: 2026-01-31 12:30:00.123456000 +01:00
  :score: 3.0
submission_12:
  :submitters:
  - :name: Somebody Else
    :sid:
    :email: ZOE@example.org
  :created_at: 2026-01-31 13:00:00 Z
"""
GIVEN: dict[str, dict[str, bytes]] = {
    "canvas": {
        f"doejane_101_9001_{PS}.ipynb": notebook("jane"),
        f"obrienzoe_LATE_102_9002_{PS}-2.ipynb": notebook("zoe"),
        "doejane_101_9001_notes.pdf": b"%PDF",
    },
    "moodle": {
        f"Jane Doe_5001_assignsubmission_file/{PS}.ipynb": notebook("jane"),
        "Zoë Ó Brien_5002_assignsubmission_file_/Untitled.ipynb": notebook("zoe"),
        "Jane Doe_5001_assignsubmission_onlinetext/onlinetext.html": b"<p>",
    },
    "moodle, no folders": {
        f"Jane Doe_5001_assignsubmission_file_{PS}.ipynb": notebook("jane"),
        f"Zoë Ó Brien_5002_assignsubmission_file_{PS} (1).ipynb": notebook("zoe"),
    },
    "moodle, zips inside": {
        "Jane Doe_5001_assignsubmission_file_/work.zip": zipped(
            {f"work/{PS}.ipynb": notebook("jane"), "work/__MACOSX/._x.ipynb": b"x"}
        ),
        f"Zoë Ó Brien_5002_assignsubmission_file_/{PS}.ipynb": notebook("zoe"),
    },
    "gradescope": {
        f"assignment_1_export/submission_11/{PS}.ipynb": notebook("jane"),
        f"assignment_1_export/submission_12/{PS}.ipynb": notebook("zoe"),
        "assignment_1_export/submission_metadata.yml": METADATA,
    },
    "github": {
        f"{PS}-submissions/{PS}-jdoe/{PS}.ipynb": notebook("jane"),
        f"{PS}-submissions/{PS}-ZOB/{PS}.ipynb": notebook("zoe"),
        f"{PS}-submissions/{PS}-jdoe/.ipynb_checkpoints/{PS}-checkpoint.ipynb": notebook("old"),
    },
    "nbgrader": {
        f"jane+{PS}+2026-01-31 11:30:00 UTC+abc/{PS}.ipynb": notebook("jane"),
        f"jane+{PS}+2026-01-31 11:30:00 UTC+abc/submission_secret.txt": b"secret",
        f"zoe+{PS}+2026-01-31 13:00:00 UTC/{PS}.ipynb": notebook("zoe"),
    },
    "folder": {
        f"jane/{PS}.ipynb": notebook("jane"),
        "zoe@example.org.ipynb": notebook("zoe"),
    },
}


@pytest.mark.parametrize("which", GIVEN)
@pytest.mark.parametrize("folder", [False, True])
def test_what_a_platform_gives_finds_its_students(
    which: str, folder: bool, assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    lines = collect(assignment, give(GIVEN[which], folder=folder), roster)
    assert handed_in(assignment) == {f"jane/{PS}.ipynb": "jane", f"zoe/{PS}.ipynb": "zoe"}
    assert sorted(line.student for line in lines if line.taken) == ["jane", "zoe"]
    assert told(lines)["max"] == "no hand-in (Max Müller)"
    (late,) = (line for line in lines if line.student == "zoe")
    assert ("late, as Canvas says" in late.what) == (which == "canvas")
    times = assignment.submitted("jane").with_name("timestamp.txt")
    if which in ("gradescope", "nbgrader"):
        assert times.read_text() == "2026-01-31 11:30:00 UTC"
    else:
        assert not times.exists()
    secret = assignment.submitted("jane").with_name("submission_secret.txt")
    assert secret.exists() == (which == "nbgrader")
    # the same again changes nothing
    again = collect(assignment, give(GIVEN[which], folder=folder), roster)
    assert {line.what.partition(";")[0] for line in again if line.taken} == {"as it was"}
    assert not (assignment.root / "replaced").exists()


def test_a_newer_hand_in_replaces_the_older_one_which_is_kept(
    assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    for mark in ("first", "second", "third"):
        collect(assignment, give({f"jane/{PS}.ipynb": notebook(mark)}), roster)
    assert handed_in(assignment) == {f"jane/{PS}.ipynb": "third"}
    kept = sorted((assignment.root / "replaced").rglob("*.ipynb"))
    assert [source_of(path) for path in kept] == ["first", "second"]


def test_of_several_the_one_that_is_named_like_the_set_is_taken(
    assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    files = {
        f"doejane_101_1_{PS}-1.ipynb": notebook("right"),
        "doejane_101_1_scratch.ipynb": notebook("scratch"),
        "obrienzoe_102_2_a.ipynb": notebook("a"),
        "obrienzoe_102_2_b.ipynb": notebook("b"),
    }
    lines = collect(assignment, give(files), roster)
    assert handed_in(assignment) == {
        f"jane/{PS}.ipynb": "right",
        "zoe/a.ipynb": "a",
        "zoe/b.ipynb": "b",
    }
    assert any("2 notebooks, of which none is named" in line.what for line in lines)


def test_all_of_a_group_get_what_it_has_handed_in(
    assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    """Who is not in the roster is told, and the newest of several hand-ins counts."""
    metadata = METADATA.replace(
        b"  :created_at: 2026-01-31 12",
        b"""\
  - :name: Zoe
    :sid: s2
    :email:
  - :name: A Guest
    :sid: s9
    :email: guest@example.org
  - not a submitter
  :created_at: 2026-01-31 12""",
    )
    files = {
        f"e/submission_11/{PS}.ipynb": notebook("of the group"),
        f"e/submission_12/{PS}.ipynb": notebook("later, of zoe alone"),
        "e/submission_metadata.yml": metadata,
    }
    lines = collect(assignment, give(files), roster)
    assert handed_in(assignment) == {
        f"jane/{PS}.ipynb": "of the group",
        f"zoe/{PS}.ipynb": "later, of zoe alone",
    }
    assert (
        assignment.submitted("zoe")
        .with_name("timestamp.txt")
        .read_text()
        .startswith("2026-01-31 13")
    )
    said = {(line.student, line.source.split("/")[1]): line.what for line in lines if line.source}
    assert said["jane", "submission_11"] == "taken"
    older = f"e/submission_11/{PS}.ipynb"
    assert said["zoe", "submission_12"] == f"taken; older, and left out: {older}"
    nobodys = [line.what for line in lines if line.source and not line.taken]
    assert len(nobodys) == 2
    assert "gradescope_sid “s9”" in nobodys[0]


def test_notebooks_of_one_name_are_all_kept(
    assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    """But for those that are the same; and none of them is preferred."""
    files = {
        f"jane/draft/{PS}.ipynb": notebook("draft"),
        f"jane/final/{PS}.ipynb": notebook("final"),
        f"jane/{PS} (1).ipynb": notebook("third"),
        f"zoe/a/{PS}.ipynb": notebook("same"),
        f"zoe/b/{PS}.ipynb": notebook("same"),
        "max/what?.ipynb": notebook("one"),
        "max/what*.ipynb": notebook("two"),
    }
    by_path = {f"{k.split('/')[0]}_5_assignsubmission_file_/{k}": v for k, v in files.items()}
    lines = collect(assignment, give(by_path), roster)
    assert handed_in(assignment) == {
        f"jane/{PS} (1).ipynb": "third",
        f"jane/{PS} (2).ipynb": "draft",
        f"jane/{PS} (3).ipynb": "final",
        f"zoe/{PS}.ipynb": "same",
        "max/what_ (1).ipynb": "two",
        "max/what_ (2).ipynb": "one",
    }
    said = {line.student: line.what for line in lines}
    assert said["jane"].startswith("3 notebooks, of which none is named ps01-sums.ipynb")
    assert said["zoe"] == "taken"


def test_what_is_nobodys_is_told_with_the_reason(
    assignment: Assignment, give: Callable[..., Path], tmp_path: Path
) -> None:
    twins = "id,first_name,last_name\na1,Jane,Doe\na2,Jane,Doe\n"
    (tmp_path / "twins.csv").write_text(twins)
    twice = f"doejane_7_1_{PS}.ipynb"
    nobody = f"roejohn_8_1_{PS}.ipynb"
    source = give({twice: notebook("x"), nobody: notebook("x")})
    found = told(collect(assignment, source, Roster.read(tmp_path / "twins.csv")))
    assert found[twice] == "the name “doejane” is that of a1 and a2"
    assert found[nobody] == "nobody in the roster has the canvas_id “8”, name “roejohn”"
    assert handed_in(assignment) == {}


def test_without_a_roster_the_names_are_the_platforms(
    assignment: Assignment, give: Callable[..., Path]
) -> None:
    collect(assignment, give(GIVEN["canvas"]), Roster())
    assert handed_in(assignment).keys() == {f"doejane/{PS}.ipynb", f"obrienzoe/{PS}.ipynb"}


def test_a_dry_run_writes_nothing(
    assignment: Assignment, roster: Roster, give: Callable[..., Path]
) -> None:
    lines = collect(assignment, give(GIVEN["canvas"]), roster, write=False)
    assert sum(line.taken for line in lines) == 2
    assert not assignment.directory.submissions.exists()


# --- hostile archives ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [f"../../jane/{PS}.ipynb", f"/etc/jane/{PS}.ipynb", f"jane\\..\\..\\{PS}.ipynb"]
)
def test_names_that_lead_out_of_the_archive_are_refused(
    name: str, assignment: Assignment, give: Callable[..., Path]
) -> None:
    (line,) = collect(assignment, give({name: notebook("x")}), Roster())
    assert (line.taken, line.what) == (False, "its name leads out of the archive")
    assert handed_in(assignment) == {}


def test_links_are_refused(assignment: Assignment, tmp_path: Path, roster: Roster) -> None:
    place = tmp_path / "links.zip"
    with zipfile.ZipFile(place, "w") as made:
        info = zipfile.ZipInfo(f"jane/{PS}.ipynb")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(info, "/etc/passwd")
    assert "symbolic link" in told(collect(assignment, place, roster))[f"jane/{PS}.ipynb"]
    folder = tmp_path / "links" / "zoe"
    folder.mkdir(parents=True)
    (folder / f"{PS}.ipynb").symlink_to("/etc/passwd")
    assert "symbolic link" in told(collect(assignment, folder.parent, roster))[f"zoe/{PS}.ipynb"]
    assert handed_in(assignment) == {}


def test_bombs_are_refused_whatever_size_they_tell(
    assignment: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    data = zipped({f"jane/{PS}.ipynb": b" " * (3 << 20)})
    (tmp_path / "honest.zip").write_bytes(data)
    size = struct.pack("<I", 3 << 20)
    assert data.count(size) == 2
    (tmp_path / "lying.zip").write_bytes(data.replace(size, struct.pack("<I", 5)))
    for name in ("honest", "lying"):
        (line,) = collect(assignment, tmp_path / f"{name}.zip", Roster())
        assert not line.taken
        assert re.search(r"more than the 1 MB|cannot be (read|unpacked)", line.what)
    assert handed_in(assignment) == {}


def test_archives_are_opened_to_a_depth(assignment: Assignment, give: Callable[..., Path]) -> None:
    data = notebook("deep")
    for depth in range(4):
        data = zipped({"x.zip" if depth else f"{PS}.ipynb": data})
    (line,) = collect(assignment, give({"jane/x.zip": data}), Roster())
    assert "an archive in 2 others" in line.what


@pytest.mark.parametrize("data", [b"PK\x03\x04 broken", zipped({"a.ipynb": b"x"})[:-30]])
def test_broken_archives_are_told(
    data: bytes, assignment: Assignment, give: Callable[..., Path], tmp_path: Path
) -> None:
    (line,) = collect(assignment, give({"jane/work.zip": data}), Roster())
    assert "cannot be read" in line.what
    (tmp_path / "broken.zip").write_bytes(data)
    with pytest.raises(UserError, match="no folder and no zip file"):
        collect(assignment, tmp_path / "broken.zip", Roster())


@pytest.mark.parametrize(
    "text",
    [b"submission_1: [", b"!!python/object/apply:os.system ['x']", b"[1, 2]", b"a: 2026-99-99"],
)
def test_metadata_of_any_kind_does_no_harm(
    text: bytes, assignment: Assignment, give: Callable[..., Path]
) -> None:
    source = give({f"x/submission_1/{PS}.ipynb": notebook("x"), "x/submission_metadata.yml": text})
    try:
        collect(assignment, source, Roster())
    except UserError as error:
        assert "submission_metadata.yml cannot be read" in str(error)


# --- the roster, the command ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name;mail\nx;y\n", "no column “id” in its first line, but: “name”, “mail”"),
        ("id,email,ID\na,b,c\n", "two columns “id”"),
        ("", "is empty; save it as CSV UTF-8"),
        (f'id\n"{"x" * 200_000}"\n', "is no CSV: field larger than field limit"),
        ("id\na\nA\n", "the id “a” is there twice"),
        ("id\n../x\n", "row 2: '../x' cannot be an id"),
        ("id,email\n,x@y\n", "row 2: '' cannot be an id"),
    ],
)
def test_a_roster_that_cannot_be_used_is_told(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(why)):
        Roster.read(path)


def test_the_command_tells_and_ends_with_a_status(
    assignment: Assignment, give: Callable[..., Path]
) -> None:
    assignment.root.mkdir()
    (assignment.root / "students.csv").write_text(ROSTER, encoding="utf-8")
    course = ["--course", str(assignment.directory.course.root)]
    options = [*course, "--course-dir", str(assignment.root)]
    good = give(GIVEN["canvas"])
    done = CliRunner().invoke(cli.app, ["collect", PS, str(good), *options])
    assert done.exit_code == 0, done.output
    assert "hand-ins taken: 2; files not: 0" in done.output
    assert "no hand-in (Max Müller)" in done.output
    bad = give({f"nobody_9_9_{PS}\x1b[2J.ipynb": notebook("x")})
    done = CliRunner().invoke(cli.app, ["collect", PS, str(bad), *options])
    assert isinstance(done.exception, UserError)
    assert "\x1b" not in done.output
