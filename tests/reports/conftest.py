"""What tests of pages share: the parts of a report that may stand there, checked and taken out."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.reports import pages

_SCRIPT = (Path(pages.__file__).parent / "templates" / "sort.js").read_text(encoding="utf-8")
_LINK = re.compile(
    r'href="(?:\.\./\.\./feedback/[\w.~%-]+/[\w-]+/[\w-]+\.html'
    r'|http://localhost:8888/formgrader/manage_students/[\w.~%-]+/[\w-]+/)"'
)


@pytest.fixture(scope="session")
def plain_report() -> Callable[[str], str]:
    """A report without its script, its histogram and its links to pages of students.

    The script must be the one of all reports, and all that the page's policy lets run.
    """

    def plain(text: str) -> str:
        script = _SCRIPT.rstrip("\n")
        hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        assert policy == (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'sha256-{hashed}'"
        )
        assert text.count(f"<script>{script}</script>") == 1
        text = text.replace(f"<script>{script}</script>", "")
        text, histograms = re.subn(r'<svg class="histogram".*?</svg>', "", text, flags=re.DOTALL)
        assert histograms == 1
        return _LINK.sub('href="#"', text)

    return plain
