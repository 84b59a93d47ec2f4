"""Put MathJax into the built site, so that reading it makes no request to anywhere else.

The files come from the package ``sphinx-mathjax-offline`` (MathJax 3, Apache License 2.0). Only
what TeX input with HTML output can ask for is copied: 3 MB instead of the package's 24 MB.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

PACKAGE = "sphinx-mathjax-offline"
NEEDED = (
    "tex-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
)


def mathjax_folder() -> Path:
    """Return the folder of the installed package that holds MathJax.

    The package's folder has a hyphen in its name, so it cannot be imported by name.

    Raises:
        ExtensionError: the package is not installed.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise ExtensionError(f"{PACKAGE} is missing: pip install -r requirements.txt") from error
    return Path(str(package.locate_file(PACKAGE))) / "static" / "mathjax"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    source = mathjax_folder()
    target = Path(app.outdir) / "_static" / "vendor" / "mathjax"
    for name in NEEDED:
        into = target / name
        copy_asset(str(source / name), str(into if (source / name).is_dir() else into.parent))


def setup(app: Sphinx) -> dict[str, object]:
    mathjax_folder()
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
