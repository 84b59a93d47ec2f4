"""From what a platform gives to ``submitted/STUDENT/PS/PS.ipynb``: whose is what, and since when.

Names of files and folders are as the platforms make them:

Canvas      doejane_123_456_ps01.ipynb, doejane_LATE_123_456_ps01-1.ipynb (user 123)
Moodle      Jane Doe_123456_assignsubmission_file[_]/ps01.ipynb, or …_file_ps01.ipynb
Gradescope  submission_456/ps01.ipynb, with submission_metadata.yml, which names all of a group
nbgrader    jane+ps01+2026-01-31 12:00:00 UTC+…/ps01.ipynb (the exchange's inbound folder)
GitHub      ps01-jane/ps01.ipynb (clones of GitHub Classroom), whose user name the roster knows
a folder    jane/ps01.ipynb, or jane.ipynb
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

from autograder.course.directory import Assignment
from autograder.course.errors import UserError
from autograder.course.files import write_whole

from .archive import Member, members
from .roster import Roster

METADATA = "submission_metadata.yml"
_CANVAS = re.compile(r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<entry>\d+)_(?P<file>.+)")
_MOODLE = re.compile(
    r"(?P<name>[^/]+?)_(?P<entry>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)"
)
_GRADESCOPE = re.compile(r"submission_\d+")
_EXCHANGE = re.compile(r"(?P<user>[^+]+)\+(?P<set>[^+]+)\+(?P<time>[^+]+)(?:\+.*)?")
_AGAIN = r"(?:-\d+| ?\(\d+\))?"  # what browsers and platforms add to a name that was there
PLATFORMS = ("canvas", "moodle", "gradescope", "nbgrader", "github", "folder")


@dataclass(frozen=True)
class Whose:
    """What the place of a file tells of it: the platform, how it names whom, and the file's name.

    ``names`` are pairs of what kind of name it is and the name; the first that the roster knows
    counts. ``fallback`` is the id where there is no roster. ``late`` says that the platform calls
    it late, without the time.
    """

    platform: str
    names: tuple[tuple[str, str], ...]
    fallback: str
    file: str
    time: str = ""
    late: bool = False


@dataclass
class _HandIn:
    """What one student has handed in: the notebooks by name, and the files of the exchange.

    ``sources`` say where the notebooks lay, ``left`` where those of older hand-ins.
    """

    notebooks: dict[str, Member] = field(default_factory=dict)
    beside: dict[str, bytes] = field(default_factory=dict)
    time: str = ""
    late: bool = False
    sources: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """A line of the table: what lay where, whose it is, and what was done, or why not."""

    source: str
    student: str
    what: str
    taken: bool


def collect(
    assignment: Assignment,
    source: Path,
    roster: Roster,
    platform: str | None = None,
    *,
    write: bool = True,
) -> list[Line]:
    """Put hand-ins from a folder or a zip file in their places; tell what was done with each.

    With ``write`` False, nothing is written. What lay in a place before is kept in ``replaced``.
    Raises UserError if the source cannot be read, or holds nothing of the platform's.
    """
    found = list(members(source))
    metadata = _metadata(found)
    lines: list[Line] = []
    files: defaultdict[str, list[tuple[Whose, Member]]] = defaultdict(list)
    for member in found:
        if member.name == METADATA:
            continue
        named = _whose(assignment, member, metadata, platform)
        if not named:
            told = "nothing says whose it is" + ("" if platform is None else f" on {platform}")
            lines.append(Line(_shown(member), "", member.why or told, False))
        for whose in named:
            student, why = student_of(whose, roster)
            if student is None or member.data is None:
                lines.append(Line(_shown(member), student or "", member.why or why, False))
            else:
                files[student].append((whose, member))
    if not found:
        raise UserError(f"{source} holds no notebook")
    handed = {student: _hand_in(own) for student, own in files.items()}
    for student, own in sorted(handed.items()):
        if own.notebooks:
            told = _place(assignment, student, own, write=write)
            lines.append(Line(", ".join(own.sources), student, told, True))
    absent = [student for student in roster if student.id not in handed]
    lines += [Line("", student.id, f"no hand-in ({student.name})", False) for student in absent]
    return lines


# whose it is


def _whose(
    assignment: Assignment, member: Member, metadata: Mapping[str, Any], platform: str | None
) -> Sequence[Whose]:
    """Whose a file is, which is several students' where they have handed in together."""
    readers: dict[str, Callable[[], Whose | None]] = {
        "moodle": lambda: _moodle(member),
        "nbgrader": lambda: _exchange(member, str(assignment)),
        "canvas": lambda: canvas_file(member),
        "github": lambda: _github(member, str(assignment)),
        "folder": lambda: _folder(member, str(assignment)),
    }
    if platform in (None, "gradescope"):
        group = _gradescope(member, metadata)
        if group:
            return group
    for name, read in readers.items():
        if platform in (None, name):
            found = read()
            if found is not None:
                return [found]
    return []


def canvas_file(member: Member) -> Whose | None:
    """Whose a file of Canvas's download is; None if its name is none of Canvas's."""
    for part in member.parts:
        match = _CANVAS.fullmatch(part)
        if match:
            name, user = match["name"], match["user"]
            file = match["file"] if part == member.name else member.name
            kinds = (("canvas_id", user), ("name", name))
            return Whose("canvas", kinds, name, file, late=bool(match["late"]))
    return None


def _moodle(member: Member) -> Whose | None:
    for part in member.parts:
        match = _MOODLE.fullmatch(part)
        if match:
            name = match["name"]
            file = match["file"] if part == member.name else member.name
            kinds = (("name", name), ("id", name), ("email", name))
            return Whose("moodle", kinds, name.replace(" ", "_"), file)
    return None


def _gradescope(member: Member, metadata: Mapping[str, Any]) -> list[Whose]:
    for part in member.parts[:-1]:
        if not _GRADESCOPE.fullmatch(part):
            continue
        about = _mapping(metadata.get(part))
        submitters = about.get(":submitters")
        group = submitters if isinstance(submitters, list) and submitters else [{}]
        time = _time(about.get(":created_at"))
        return [_submitter(member, _mapping(each), time) for each in group]
    return []


def _submitter(member: Member, about: Mapping[str, Any], time: str) -> Whose:
    sid, email, name = (str(about.get(f":{key}") or "") for key in ("sid", "email", "name"))
    kinds = (("gradescope_sid", sid), ("id", sid), ("email", email), ("name", name))
    return Whose("gradescope", kinds, sid or email.partition("@")[0], member.name, time)


def _mapping(value: Any) -> Mapping[str, Any]:
    """What should be a mapping, or an empty one."""
    return value if isinstance(value, dict) else {}


def _exchange(member: Member, problem_set: str) -> Whose | None:
    for part in member.parts[:-1]:
        match = _EXCHANGE.fullmatch(part)
        if match and match["set"] == problem_set:
            user = match["user"]
            return Whose("nbgrader", (("id", user),), user, member.name, match["time"])
    return None


def _github(member: Member, problem_set: str) -> Whose | None:
    for part in member.parts[:-1]:
        if part.startswith(f"{problem_set}-") and part != f"{problem_set}-submissions":
            user = part[len(problem_set) + 1 :]
            return Whose("github", (("github", user), ("id", user)), user, member.name)
    return None


def _folder(member: Member, problem_set: str) -> Whose | None:
    above = [part for part in member.parts[:-1] if part != problem_set]
    stem = re.sub(r"\.ipynb$", "", member.name, flags=re.IGNORECASE)
    name, file = (above[-1], member.name) if above else (stem, f"{problem_set}.ipynb")
    kinds = (("id", name), ("email", name), ("login", name), ("name", name))
    return Whose("folder", kinds, name, file)


def student_of(whose: Whose, roster: Roster) -> tuple[str | None, str]:
    """The id of the student, or None with why it is nobody's."""
    if not roster:
        safe = re.sub(r"[^\w.@+-]", "_", whose.fallback).lstrip(".")
        return (safe, "") if safe else (None, "nothing says whose it is")
    for kind, value in whose.names:
        students = roster.find(kind, value)
        if len(students) == 1:
            return students[0].id, ""
        if students:
            told = " and ".join(student.id for student in students)
            return None, f"the {kind} “{value}” is that of {told}"
    named = ", ".join(f"{kind} “{value}”" for kind, value in whose.names if value)
    return None, f"nobody in the roster has the {named}"


def _metadata(found: Iterable[Member]) -> Mapping[str, Any]:
    """What Gradescope tells of its submissions. Raises UserError if it cannot be read."""
    import yaml

    merged: dict[str, Any] = {}
    for member in found:
        if member.name != METADATA or member.data is None:
            continue
        try:
            tree = yaml.safe_load(member.data)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"{'/'.join(member.parts)} cannot be read: {reason}") from None
        if isinstance(tree, dict):
            merged.update(tree)
    return merged


def _time(value: Any) -> str:
    """A moment as nbgrader writes it in timestamp.txt; empty if it is none."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d 00:00:00 UTC")
    return ""


# putting it there


def _shown(member: Member) -> str:
    return "/".join(member.parts)


def _hand_in(files: Sequence[tuple[Whose, Member]]) -> _HandIn:
    """What a student's files make together.

    Of several hand-ins whose times are told, the newest counts. Notebooks of one name that are not
    the same are all kept, each with a number, so that none of them is the one that is wanted.
    """
    own = _HandIn(time=max(whose.time for whose, _ in files), late=any(w.late for w, _ in files))
    named: defaultdict[str, list[Member]] = defaultdict(list)
    for whose, member in files:
        is_notebook = member.name.lower().endswith(".ipynb")
        if whose.time and whose.time != own.time:
            own.left += [_shown(member)] if is_notebook else []
        elif is_notebook:
            own.sources.append(_shown(member))
            same_name = named[_safe(whose.file)]
            if member.data not in [other.data for other in same_name]:
                same_name.append(member)
        elif member.data is not None:
            own.beside[member.name] = member.data
    for file, same_name in named.items():
        if len(same_name) == 1:
            own.notebooks[file] = same_name[0]
            continue
        numbered = (f"{file[: -len('.ipynb')]} ({number}).ipynb" for number in count(1))
        free = (name for name in numbered if name not in named)
        own.notebooks |= dict(zip(free, same_name, strict=False))
    return own


def _place(assignment: Assignment, student: str, own: _HandIn, *, write: bool) -> str:
    """Write what a student has handed in; tell what was done."""
    expected = f"{assignment}.ipynb"
    chosen = _chosen(own.notebooks, str(assignment))
    files: dict[str, bytes] = {}
    for file, member in own.notebooks.items():
        if chosen in (None, file):
            assert member.data is not None
            files[expected if chosen else file] = member.data
    if chosen is None:
        told = f"{len(files)} notebooks, of which none is named {expected}: grading chooses"
    elif chosen == expected:
        told = "taken"
    else:
        told = f"{chosen} taken as {expected}"
    beside = dict(own.beside)
    if own.time and "timestamp.txt" not in beside:
        beside["timestamp.txt"] = own.time.encode()
    folder = assignment.submitted(student).parent
    old = _old(folder, files)
    if all((folder / name).is_file() and (folder / name).read_bytes() == data
           for name, data in files.items()):  # fmt: skip
        told = "as it was"
    elif old:
        told += "; what was there is in replaced"
    if own.late:
        told += "; late, as Canvas says, but not since when: without a timestamp.txt it is in time"
    if own.left:
        told += f"; older, and left out: {', '.join(own.left)}"
    if write:
        _keep(assignment, student, old)
        for name, data in {**files, **beside}.items():
            write_whole(folder / name, data, below=assignment.root)
    return told


def _chosen(notebooks: Mapping[str, Member], problem_set: str) -> str | None:
    """The name of the one to take; None if that is not clear."""
    if len(notebooks) == 1:
        return next(iter(notebooks))
    pattern = re.compile(re.escape(problem_set) + _AGAIN + r"\.ipynb", re.IGNORECASE)
    own = [name for name in notebooks if pattern.fullmatch(name)]
    return own[0] if len(own) == 1 else None


def _safe(name: str) -> str:
    """The name of a file as it may be in a folder."""
    return re.sub(r"[^\w .()+-]", "_", name).lstrip(".")[-100:] or "notebook.ipynb"


def _old(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """The notebooks that lie there and would not be any more."""
    if not folder.is_dir() or folder.is_symlink():
        return []
    return [
        path
        for path in sorted(folder.glob("*.ipynb"))
        if path.is_file() and not path.is_symlink() and files.get(path.name) != path.read_bytes()
    ]


def _keep(assignment: Assignment, student: str, old: Iterable[Path]) -> None:
    """Move hand-ins that are replaced out of the way, each under a number of its own."""
    for path in old:
        folder = assignment.root / "replaced" / student / str(assignment)
        number = 1
        while (folder / f"{path.stem}.{number}.ipynb").exists():
            number += 1
        kept = folder / f"{path.stem}.{number}.ipynb"
        write_whole(kept, path.read_bytes(), below=assignment.root)
        path.unlink()
