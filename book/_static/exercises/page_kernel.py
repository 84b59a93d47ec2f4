"""Runs the cells of an exercise page: what a Jupyter kernel is to a notebook.

Loaded by ``worker.js`` into Python in the browser; it runs in any Python as well, which is how it
is tested. A cell's outputs are sent as they come about, in the form that nbformat gives them.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import io
import linecache
import re
import symtable
import sys
import time
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any

Output = dict[str, Any]
Send = Callable[[Output], None]

MOST_TEXT = 200_000  # characters that a cell may print: an endless loop must not fill the page
MOST_FRAMES = 2000  # of a traceback, from its end: to look at all of a recursion may take minutes
PAUSE = 0.1  # seconds between two messages with text, for each costs the page as much as a line
HEAVY = ("matplotlib", "mpl_toolkits", "pylab")  # loaded only for a cell that uses them
_FOR_JUPYTER = re.compile(r"(\s*)(?:%matplotlib\b|[%!]pip\b|%config\b|%load_ext\b|%autoreload\b).*")

_LIKE_A_DEFINITION = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)


class _Stream(io.TextIOBase):
    """What a cell prints, in few messages and not without end."""

    def __init__(self, name: str, send: Send) -> None:
        self.name = name
        self.send = send
        self.begin()

    def begin(self) -> None:
        self.waiting: list[str] = []
        self.left = MOST_TEXT
        self.sent = time.monotonic()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left > 0:
            self.waiting.append(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.waiting.append(f"\n… cut: a cell shows {MOST_TEXT:,} characters at most\n")
            if time.monotonic() - self.sent > PAUSE:
                self.flush()
        return len(text)

    def flush(self) -> None:
        text, self.waiting, self.sent = "".join(self.waiting), [], time.monotonic()
        if text:
            self.send({"output_type": "stream", "name": self.name, "text": text})


class HTML:
    """HTML to be shown, as IPython.display.HTML; the page leaves out of it what could run."""

    def __init__(self, data: str) -> None:
        self.data = data

    def _repr_html_(self) -> str:
        return self.data

    def __repr__(self) -> str:
        return "<HTML>"


class PageKernel:
    """One namespace in which cells run.

    ``send`` takes each output of the cell that runs. ``scale`` is the number of pixels of a figure
    for each that it has on the page.
    """

    def __init__(self, send: Send, scale: float = 1.0) -> None:
        self.send = send
        self.scale = scale
        self.main = types.ModuleType("__main__")
        self.namespace = vars(self.main)
        self.namespace["display"] = self.display
        self.postponed: dict[str, ast.stmt] = {}
        self.count = 0
        self.streams = (_Stream("stdout", send), _Stream("stderr", send))
        sys.modules["__main__"] = self.main
        builtins.input = _no_input
        self._stand_in_for_ipython()

    # --- before a cell ---

    def plan(self, cells: list[dict[str, str]], target: str) -> list[str]:
        """Ids of the cells to run so that the cell ``target`` can, in the order of the page.

        Those are the cells above it that define a name which it uses, or which one of them uses.
        Each cell has an ``id``, a ``source`` and a ``role``: of the checks of others none is run.
        """
        at = next(i for i, cell in enumerate(cells) if cell["id"] == target)
        above = [cell for cell in cells[:at] if cell["role"] != "check"]
        names = {cell["id"]: _names(cell["source"]) for cell in [*above, cells[at]]}
        needed = [target]
        wanted = set(names[target][1])
        if "check_all" in wanted:  # looks for the answers by itself
            wanted |= {
                n for cell in above if cell["role"] == "answer" for n in names[cell["id"]][0]
            }
        for cell in reversed(above):
            defined, used = names[cell["id"]]
            if defined & wanted:
                needed.append(cell["id"])
                wanted |= used
        return needed[::-1]

    def needs(self, source: str) -> bool:
        """Whether a cell uses Matplotlib, rather than only importing it for later cells."""
        try:
            tree = _parse(source, "<cell>")
        except SyntaxError:
            return False
        return self._uses_heavy(tree, _heavy_imports(tree))

    def _uses_heavy(self, tree: ast.Module, imports: dict[str, ast.stmt]) -> bool:
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if names & (set(imports) | set(self.postponed)):
            return True
        kept = set(imports.values())
        return any(
            _is_heavy(node)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom)) and node not in kept
        )

    # --- a cell ---

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell.

        Returns its number, and the name and text of the exception that ended it, if one did.
        """
        self.count += 1
        file = f"Cell [{self.count}]"
        lines = source.splitlines(keepends=True)
        linecache.cache[file] = (len(source), None, lines, file)
        told = {"count": self.count, "ename": None, "evalue": ""}
        for stream in self.streams:
            stream.begin()
        with (
            contextlib.redirect_stdout(self.streams[0]),
            contextlib.redirect_stderr(self.streams[1]),
        ):
            try:
                self._execute(source, file)
            except BaseException as error:  # also SystemExit, which must not end the page's Python
                self._flush()
                told["ename"], told["evalue"] = type(error).__name__, str(error)
                self.send(_error_output(error))
        self._flush()
        return told

    def _execute(self, source: str, file: str) -> None:
        tree = _parse(source, file)
        imports = _heavy_imports(tree)
        if self._uses_heavy(tree, imports):
            self._draw_here()
            before = ast.Module(list(self.postponed.values()), [])
            exec(compile(before, file, "exec"), self.namespace)
            self.postponed.clear()
        else:
            kept = set(imports.values())
            tree.body = [node for node in tree.body if node not in kept]
            self.postponed |= imports
        last = tree.body.pop() if _is_shown(tree, source) else None
        exec(compile(tree, file, "exec"), self.namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), file, "eval"), self.namespace)
            if value is not None:
                self.namespace["_"] = value
                self._show(value, "execute_result")
        self._send_figures()

    def _flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    # --- what is shown ---

    def display(self, *values: Any, **_: Any) -> None:
        """Show values as IPython's ``display`` does."""
        for value in values:
            self._show(value, "display_data")

    def _show(self, value: Any, kind: str) -> None:
        self._flush()
        if hasattr(value, "_ipython_display_") and not isinstance(value, type):
            value._ipython_display_()
            return
        output: Output = {"output_type": kind, "data": _bundle(value), "metadata": {}}
        if kind == "execute_result":
            output["execution_count"] = self.count
        self.send(output)

    def _draw_here(self) -> None:
        """Have ``plt.show()`` send the figures to the page."""
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt

        def show(*_: Any, **__: Any) -> None:
            self._send_figures()

        plt.show = show

    def _send_figures(self) -> None:
        plt = sys.modules.get("matplotlib.pyplot")
        if plt is None:
            return
        self._flush()
        for number in plt.get_fignums():
            self.send(_figure_output(plt.figure(number), self.scale))
        plt.close("all")

    def _stand_in_for_ipython(self) -> None:
        """What notebooks use of IPython: ``from IPython.display import HTML, display``."""
        shown = types.ModuleType("IPython.display")
        shown.display, shown.HTML = self.display, HTML  # type: ignore[attr-defined]
        shown.clear_output = lambda wait=False: None  # type: ignore[attr-defined]
        package = types.ModuleType("IPython")
        package.display = shown  # type: ignore[attr-defined]
        package.get_ipython = lambda: None  # type: ignore[attr-defined]
        package.version_info = (9, 0)  # type: ignore[attr-defined]  # Matplotlib asks for it
        sys.modules |= {"IPython": package, "IPython.display": shown}


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() does not work on this page: write the value into the cell")


def _parse(source: str, file: str) -> ast.Module:
    """The syntax tree of a cell; a line that only Jupyter understands is left out."""
    try:
        return ast.parse(source, file)
    except SyntaxError:
        plain = "\n".join(_FOR_JUPYTER.sub(r"\1pass", line) for line in source.split("\n"))
        with contextlib.suppress(SyntaxError):
            return ast.parse(plain, file)
        raise


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell defines for others, and those that it uses of others."""
    try:
        top = symtable.symtable(ast.unparse(_parse(source, "<cell>")), "<cell>", "exec")
    except SyntaxError:  # what it would define, so that it is run and its error told
        return {name for pair in _LIKE_A_DEFINITION.findall(source) for name in pair if name}, set()
    defined = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    defined |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_imported()}
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    scopes = list(top.get_children())
    while scopes:
        scope = scopes.pop()
        used |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
        scopes += scope.get_children()
    return defined, used


def _is_heavy(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module]
    return any(name is not None and name.split(".")[0] in HEAVY for name in names)


def _heavy_imports(tree: ast.Module) -> dict[str, ast.stmt]:
    """The imports of Matplotlib at the top of a cell, by the name that each one binds.

    An import of several names is left where it is: it could not be put off for one of them.
    """
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and len(node.names) == 1:
            alias = node.names[0]
            if _is_heavy(node) and alias.name != "*":
                found[alias.asname or alias.name.split(".")[0]] = node
    return found


def _is_shown(tree: ast.Module, source: str) -> bool:
    """Whether the cell ends in an expression whose value is to be shown."""
    return bool(tree.body) and isinstance(tree.body[-1], ast.Expr) and source.rstrip()[-1:] != ";"


def _bundle(value: Any) -> dict[str, str]:
    """A value by type of media: text always, what it offers besides."""
    text = repr(value)
    if len(text) > MOST_TEXT:
        text = f"{text[:MOST_TEXT]}\n… cut: a cell shows {MOST_TEXT:,} characters at most"
    bundle = {"text/plain": text}
    if isinstance(value, type):
        return bundle
    for method, media in (("_repr_html_", "text/html"), ("_repr_png_", "image/png")):
        found = getattr(value, method, None)
        made = found() if callable(found) else None
        if isinstance(made, bytes):
            made = base64.b64encode(made).decode("ascii")
        if isinstance(made, str):
            bundle[media] = made
    return bundle


def _figure_output(figure: Any, scale: float) -> Output:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi * scale, bbox_inches="tight")
    data = buffer.getvalue()
    # a PNG has its size in its first chunk
    width, height = (int.from_bytes(data[at : at + 4], "big") / scale for at in (16, 20))
    return {
        "output_type": "display_data",
        "data": {
            "text/plain": _told(figure),
            "image/png": base64.b64encode(data).decode("ascii"),
        },
        "metadata": {"image/png": {"width": round(width), "height": round(height)}},
    }


def _told(figure: Any) -> str:
    """A figure in words, for those who do not see it: titles, axes, names of the lines."""
    parts = [figure.get_suptitle()]
    for axes in figure.axes:
        titles = [axes.get_title(loc) for loc in ("left", "center", "right")]
        labels = [*titles, axes.get_xlabel(), axes.get_ylabel()]
        lines = axes.get_legend_handles_labels()[1]
        parts += [*labels, *lines]
    told = [part.strip() for part in dict.fromkeys(parts) if part.strip()]
    return f"Figure: {'; '.join(told)}" if told else "Figure without a title"


def _error_output(error: BaseException) -> Output:
    return {
        "output_type": "error",
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": list(_lines_of(error)),
    }


def _lines_of(error: BaseException) -> Iterator[str]:
    """What is shown of an exception: the student's own lines, down to where it happened."""
    render = getattr(error, "_render_traceback_", None)  # as in IPython
    if callable(render):
        with contextlib.suppress(Exception):
            yield from "\n".join(render()).split("\n")
            return
    told = traceback.TracebackException.from_exception(error, limit=-MOST_FRAMES)
    seen: list[traceback.TracebackException | None] = [told]
    while seen:
        part = seen.pop()
        if part is not None:
            own = [frame for frame in part.stack if frame.filename.startswith("Cell [")]
            part.stack = traceback.StackSummary.from_list(own)
            seen += [part.__cause__, part.__context__]
    for line in "".join(told.format()).rstrip("\n").split("\n"):
        yield re.sub(r'File "(Cell \[\d+\])"', r"\1", line)
