"""The code editor of the exercise pages: its colours, in Node."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_runtime
import pytest

from tests.site.colours import contrast

ASK = """
import * as cm from "{address}";
import {{colours}} from "../exercises/editor.js";
export const specs = (isDark) => colours(cm, isDark).specs
  .map(({{tag, color}}) => [String(tag), color]).filter(([, color]) => color);
"""


@pytest.mark.parametrize(("theme", "page"), [("light", "#ffffff"), ("dark", "#121212")])
def test_every_colour_of_code_is_legible_on_the_page(
    fetched: None, tmp_path: Path, node: Callable[..., Any], theme: str, page: str
) -> None:
    """WCAG 1.4.3: a text needs a contrast of 4.5 to 1. What is written in has the page's ground."""
    place = tmp_path / "editor"
    shutil.copytree(page_runtime.folder("editor"), place)
    (place / "package.json").write_text('{"type": "module"}')  # else .js means CommonJS
    module = tmp_path / "asked.js"
    module.write_text(ASK.format(address=(place / "index.js").as_uri()))
    specs = dict(node(module, "specs", theme == "dark"))
    assert any("special(string)" in tag for tag in specs), "f-strings have a colour"
    pale = {tag: ink for tag, ink in specs.items() if contrast(ink, page) < 4.5}
    assert pale == {}
