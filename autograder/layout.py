"""The folders of this package, each with its role. This table is what all else goes by.

An import may only point to a folder that its own names here; what is not the engine's is not in its
wheel; student code finds nothing but what is inside; and a grade may depend on nothing but what
decides. ``tests/test_layout.py`` draws the imports, and fails on a folder that is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Folder:
    """A folder of the package: its name, what is in it, and the folders that it may import.

    ``content``: it belongs to this one course and not to the engine.
    ``inside``: it exists where student code runs; everything else of the package is hidden there.
    ``decides``: grades may depend on its modules, so an edit there may outdate them.
    """

    name: str
    what: str
    imports: frozenset[str]
    content: bool = False
    inside: bool = False
    decides: bool = False


def _folder(name: str, what: str, imports: str = "", roles: str = "") -> Folder:
    given = roles.split()
    return Folder(
        name,
        what,
        frozenset(imports.split()),
        content="content" in given,
        inside="inside" in given,
        decides="decides" in given,
    )


FOLDERS = (
    _folder(
        "selfcheck",
        "the data of exercises, the one comparison, the messages; what students install",
        roles="inside decides",
    ),
    _folder(
        "course",
        "what lies where, and how files are read and written safely",
        "selfcheck",
        "decides",
    ),
    _folder(
        "definition",
        "what exercises are made of; their evaluation, in a process of its own",
        "selfcheck course",
        "decides",
    ),
    _folder(
        "reference",
        "the update rules in PyTorch, float64, batched, on CPU or CUDA",
        roles="content decides",
    ),
    _folder(
        "exercises",
        "cases, points and known mistakes: one folder a problem set, one module an exercise",
        "selfcheck definition reference",
        "content decides",
    ),
    _folder(
        "template",
        "a course to start from, which `autograder new-course` copies",
        "selfcheck definition",
    ),
    _folder(
        "sandbox",
        "`zygote` and `worker` run inside, `isolation` and `pool` outside",
        "selfcheck",
        "inside decides",
    ),
    _folder(
        "results",
        "what grading gives: results.json, grades.csv, the gradebook",
        "selfcheck course definition",
        "decides",
    ),
    _folder(
        "release",
        "from `solutions/` to released notebooks, public cases, wheel and bundles; fingerprints",
        "selfcheck course definition results",
        "decides",
    ),
    _folder(
        "reports",
        "report.html, feedback pages, autograded notebooks",
        "selfcheck course definition results release",
    ),
    _folder(
        "lms",
        "hand-ins from learning platforms, and grades back to them",
        "selfcheck course results",
    ),
    _folder(
        "grading",
        "reading hand-ins, planning, running, judging; batches, here and on a cluster",
        "selfcheck course definition sandbox results release reports",
        "decides",
    ),
    _folder(
        "similarity",
        "answers of a class that are alike, and how likely that is by chance",
        "course definition results release reports grading",
    ),
    _folder(
        "attacks",
        "hostile hand-ins, as data",
        "results",
        "content",
    ),
    _folder(
        "bench",
        "what attacks gain, how fast grading is, how long a student waits on an exercise page",
        "selfcheck course definition sandbox results release reports grading attacks",
    ),
)

# the ways in, which may import everything; and this table, which imports nothing
MODULES = ("cli", "doctor", "nbgrader_pages", "nbgrader_plugin", "terminal")

INSIDE = tuple(folder.name for folder in FOLDERS if folder.inside)
