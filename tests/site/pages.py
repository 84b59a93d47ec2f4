"""Which pages a test is about, in the whole site and in the small one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from .small_book import KEPT

GENERATED = ("search", "genindex")


def of_pages(names: Iterable[str]) -> list[Any]:
    """Parameters for these pages, marked as slow if the small site lacks their contents."""
    return [
        pytest.param(name, marks=[] if name in (*KEPT, *GENERATED) else [pytest.mark.slow])
        for name in names
    ]


def pages_with_contents(site: Path, whole: bool) -> list[Path]:
    """The site's pages, without those that the small site only has for links to them."""
    pages = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    kept = {site / f"{name}.html" for name in (*KEPT, *GENERATED)}
    return [page for page in pages if whole or page in kept]
