"""Make every build strict: a build that warned ends with a non-zero exit status.

`jupyter-book build .` by itself is green after a broken link or a duplicate label. Sphinx has the
switch (``-W --keep-going``), but a switch can be forgotten; this extension sets it for everyone.
All warnings are still listed before the build fails.
"""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, object]:
    app.keep_going = True
    return {"parallel_read_safe": True, "parallel_write_safe": True}
