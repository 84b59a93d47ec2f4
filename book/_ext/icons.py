"""Ship the few icons that the pages use, not the theme's whole collection.

The theme draws its icons twice: a script of 1.5 MB (Font Awesome as SVG), and web fonts of some
hundred kilobytes for the icons that style sheets name. The fonts suffice. After each build this
extension takes the script out of the pages, and leaves in the font, by fontTools, only the glyphs
that a page or a style sheet asks for. Font Awesome Free: icons CC BY 4.0, fonts SIL OFL 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter, load_font, save_font
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SCRIPT = re.compile(
    r'\s*<script[^>]*\bsrc="[^"]*_static/scripts/fontawesome\.js[^"]*"[^>]*></script>'
)
CLASS = re.compile(r'\bclass="([^"]*\bfa-[^"]*)"')
RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]{2,5})"\}')
NAMED = re.compile(r'--pst-icon-[\w-]+:"(.)"|content:\s*"(?:\\(f[0-9a-f]{3})|([\ue000-\uf8ff]))"')
FONTS = Path("vendor", "fontawesome", "webfonts")
SOLID = "fa-solid-900.woff2"
WHOLE = (
    Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static" / FONTS / SOLID
)


def code_points(static: Path, classes: set[str]) -> set[int]:
    """The characters of the icon font that these classes show, or the style sheets themselves."""
    points: set[int] = set()
    for sheet in static.rglob("*.css"):
        text = sheet.read_text("utf-8")
        for names, code in RULE.findall(text):
            if classes.intersection(re.findall(r"fa-[\w-]+", names)):
                points.add(int(code, 16))
        for drawn, code, glyph in NAMED.findall(RULE.sub("", text)):
            points.add(int(code, 16) if code else ord(drawn or glyph))
    return points


def pages(app: Sphinx) -> Iterator[Path]:
    return (path for path in Path(app.outdir).rglob("*.html") if "_static" not in path.parts)


def lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    classes: set[str] = set()
    for page in pages(app):
        text = page.read_text("utf-8")
        classes.update(name for found in CLASS.findall(text) for name in found.split())
        lighter = SCRIPT.sub("", text)
        if lighter != text:
            page.write_text(lighter, "utf-8")
    wanted = code_points(static, classes)
    options = Options(flavor="woff2")
    font = load_font(str(WHOLE), options)
    if not wanted & set(font.getBestCmap()):
        raise ExtensionError("no icon of the pages is in the theme's font; see book/_ext/icons.py")
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    save_font(font, str(static / FONTS / SOLID), options)
    for path in (*(static / "scripts").glob("fontawesome.js*"), *(static / FONTS).glob("*.ttf")):
        path.unlink()


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
