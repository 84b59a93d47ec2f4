"""Release: sources, released notebooks, public cases. Freshness is decided by fingerprints.

the course's solutions/PS/PS.py  -> COURSE/source/PS/PS.ipynb    the instructor's notebook
COURSE/source/PS                 -> COURSE/release/PS/PS.ipynb   by nbgrader generate_assignment
COURSE/release/PS/PS.ipynb       -> the course's notebooks/      what is published
the definition in exercises/     -> .autograder/cases/PS.json    public cases for students
"""

from __future__ import annotations

from collections.abc import Sequence

from autograder.course.directory import Assignment, CourseDirectory
from autograder.course.errors import UserError
from autograder.results.gradebook import has_submissions, knows

from .changes import Changes, changes
from .fingerprints import of_release
from .making import made_aside, put_in_place
from .released import read_release


def prepare_course(directory: CourseDirectory) -> None:
    """Make a course directory: the folder, and nbgrader's configuration in it."""
    directory.root.mkdir(parents=True, exist_ok=True)
    directory.remember_course()
    config = directory.root / "nbgrader_config.py"
    if not config.exists():
        config.write_text(_CONFIG, encoding="utf-8")


_CONFIG = '''"""Makes nbgrader's commands and its JupyterLab pages work on this course directory."""

from pathlib import Path

from autograder.nbgrader_plugin import configure

c = get_config()  # noqa: F821 - provided by nbgrader
configure(c, Path(__file__).resolve().parent)
'''


def is_released(assignment: Assignment) -> bool:
    """Whether the release in the course directory is made of the present sources."""
    stamp = assignment.release.with_suffix(".fingerprint")
    return (
        assignment.release.exists()
        and stamp.exists()
        and stamp.read_text() == of_release(assignment.material)
        and assignment.material.cases.exists()
        and knows(assignment)
    )


def release(assignment: Assignment) -> bool:
    """Release a problem set into its course directory, unless it is up to date; True if done.

    It is made aside by nbgrader, entered in the gradebook, and moved to its place when all that
    worked; so what was there before stays whole if it does not. Where there are hand-ins, only
    what leaves their cells as they are is taken over. Raises UserError.
    """
    if is_released(assignment):
        return False
    prepare_course(assignment.directory)
    knows(assignment)  # a gradebook that cannot be used stops this before nbgrader does
    with made_aside(assignment) as made:
        breaking = changes(assignment, made).breaking
        if breaking and is_handed_in(assignment):
            raise _is_frozen(assignment, breaking)
        put_in_place(made, assignment)
    return True


def has_release(assignment: Assignment) -> bool:
    """Whether there is a release to grade with, be it of older sources. Raises UserError."""
    return assignment.release.exists() and knows(assignment)


def is_handed_in(assignment: Assignment) -> bool:
    """Whether there are hand-ins, or were when a class was graded. Raises UserError."""
    return assignment.has_hand_ins() or has_submissions(assignment)


def difference(assignment: Assignment) -> Changes:
    """What a release of the present sources would change in the one that is there.

    Nothing is written but the public cases. Raises UserError if there is no release.
    """
    if not assignment.release.exists():
        raise UserError(
            f"{assignment} is not released; run: autograder release {assignment.options}"
        )
    if is_released(assignment):
        return Changes()
    with made_aside(assignment) as made:
        return changes(assignment, made)


def _is_frozen(assignment: Assignment, breaking: Sequence[str]) -> UserError:
    listed = "".join(f"\n  {line}" for line in breaking)
    return UserError(
        f"{assignment} has been handed in, and its new version needs another notebook than "
        f"students have:{listed}\n"
        "The release stays as it is, and hand-ins are graded with it. Take these changes back, or "
        "give the new version a name of its own. If all hand-ins were only for trying out: move "
        f"submitted/*/{assignment} away, and run in {assignment.root}: "
        f"nbgrader db assignment remove {assignment} --force"
    )


def publish(assignment: Assignment) -> bool:
    """Copy a release to where the course publishes it; True if that changed the file there.

    One that has variants is for each student another notebook, and is not published. Raises
    UserError if it was before it had them.
    """
    text = assignment.release.read_text(encoding="utf-8")
    path = assignment.material.notebook
    if has_variants(assignment):
        if path.exists():
            raise UserError(
                f"{assignment} has variants now, and {path} is still published, without the "
                "constants of any student; remove it"
            )
        return False
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def is_published(assignment: Assignment) -> bool:
    """Whether what is published is this release."""
    path = assignment.material.notebook
    if has_variants(assignment):
        return not path.exists()
    return path.exists() and path.read_bytes() == assignment.release.read_bytes()


def has_variants(assignment: Assignment) -> bool:
    """Whether what is released is for each student another notebook."""
    return bool(read_release(assignment.release).constants)
