"""A Sphinx extension by which tests build the book quickly: with most of its pages all but empty.

A page that is not ``KEPT`` loses everything but its title, headings and labels: nothing in it is
executed, and links to it still lead somewhere. What is kept has a page of each kind.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

KEPT = (
    "book/index",  # with the map of the course, and an interactive figure
    "book/how-to-use",
    "book/notation",
    "book/which-optimizer",  # a chapter: it is executed, and has a live figure
    "book/labs/animations",
    "book/exercises/index",
    "book/exercises/ps01-sgd",
    "book/exercises/capstone-optimizer",
    "book/instructors/index",
    "book/bibliography",
)
FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FENCED = re.compile(r"^(`{3,}).*?^\1$", re.DOTALL | re.MULTILINE)
LINKED_TO = re.compile(r"#+ .*|\([\w-]+\)=")


def reduced(text: str) -> str:
    """Return a page's title, headings and labels."""
    lines = FENCED.sub("", FRONT.sub("", text)).splitlines()
    return "\n\n".join(line for line in lines if LINKED_TO.fullmatch(line)) + "\n"


def reduce(app: Sphinx, page: str, source: list[str]) -> None:
    if page not in KEPT and not page.startswith("book/exercises/"):  # these are never executed
        source[0] = reduced(source[0])


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("source-read", reduce)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
