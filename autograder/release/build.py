"""Release: sources, released notebooks, public cases. Freshness is decided by fingerprints.

the course's solutions/PS/PS.py  -> COURSE/source/PS/PS.ipynb    the instructor's notebook
COURSE/source/PS                 -> COURSE/release/PS/PS.ipynb   by nbgrader generate_assignment
COURSE/release/PS/PS.ipynb       -> the course's notebooks/      what is published
the definition in exercises/     -> .autograder/cases/PS.json    public cases for students
"""

from __future__ import annotations

from autograder.course.directory import Assignment, CourseDirectory
from autograder.results.gradebook import knows

from .fingerprints import of_release
from .making import make_release, write_source


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

    The release itself is made by nbgrader, which also enters the assignment in the gradebook.
    """
    if is_released(assignment):
        return False
    prepare_course(assignment.directory)
    knows(assignment)  # a gradebook that cannot be used stops this before nbgrader does
    write_source(assignment)
    make_release(assignment)
    assignment.release.with_suffix(".fingerprint").write_text(of_release(assignment.material))
    return True


def publish(assignment: Assignment) -> bool:
    """Copy a release to where the course publishes it; True if that changed the file there."""
    text = assignment.release.read_text(encoding="utf-8")
    path = assignment.material.notebook
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def is_published(assignment: Assignment) -> bool:
    """Whether what is published is this release."""
    path = assignment.material.notebook
    return path.exists() and path.read_bytes() == assignment.release.read_bytes()
