"""The pages that nbgrader makes of autograded notebooks, with nothing in them that runs.

The form grader and ``nbgrader generate_feedback`` put a student's Markdown and outputs into a page
as they are. The settings give both a renderer and a preprocessor of this module. Autograded
notebooks that this package has written are inert by themselves (``reports/markdown.py``); these
pages are, too, if a notebook was written by nbgrader alone, or by an earlier version.

Below each answer in words the form grader, and nothing else, shows the instructor's own with the
marking scheme.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import sys
from functools import partial
from html import escape, unescape
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import Environment, pass_context
from markupsafe import Markup
from mistune import HTMLRenderer
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from autograder.release.variants import notebook_of, variant_given
from autograder.reports.markdown import PLAIN_TAGS, inert_markdown, inert_tex
from autograder.results.inert import script_hash

_MAX_MARKDOWN = 50_000  # characters; more than that is shown as plain text
_TAGS = PLAIN_TAGS | {"a", "div", "img", "input", "span"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]+")
_SCHEME = "marking_scheme"  # key in the metadata of a cell
# the classes are Bootstrap's, which the form grader has, and which no text of a student's can have
_PANEL = (
    '<details class="panel panel-info" open>'
    '<summary class="panel-heading">Model answer and marking scheme</summary>'
    '<div class="panel-body">{}</div></details>'
)
_STYLES = CSSSanitizer(allowed_css_properties=["text-align"])

# Of the form grader's page: no attribute of an element is a script but the two that it has itself,
# and it talks to its own server only. Its scripts, and MathJax 2, need 'unsafe-inline' elsewhere.
_HANDLERS = ("toggle_name(true);", "toggle_name(false);")
_POLICY = (
    "script-src-attr 'unsafe-hashes' {handlers}; object-src 'none'; "
    "frame-src 'none'; base-uri 'none'; form-action 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'self'"
)
_FEEDBACK_POLICY = (
    "script-src https://cdnjs.cloudflare.com 'unsafe-inline' 'unsafe-eval'; "
    "script-src-attr 'none'; object-src 'none'; frame-src 'none'; base-uri 'none'; "
    "form-action 'none'; connect-src 'none'; img-src data:"
)


@pass_context
def markdown_to_html(context: Any, source: str) -> str:
    """Markdown as HTML: text, formulas, tables, links, and pictures that the cell holds itself."""
    if len(source) > _MAX_MARKDOWN:
        return f"<pre>{escape(source)}</pre>"
    cell = context.get("cell", {})
    attachments = cell.get("attachments", {})
    source = inert_markdown(source, {name: name for name in attachments})
    html = MarkdownWithMath(renderer=_Renderer(attachments)).render(source)
    clean = bleach.clean(
        html,
        tags=_TAGS,
        attributes=_is_harmless,
        protocols=["http", "https", "mailto", "data"],
        css_sanitizer=_STYLES,
    )
    shown = inert_tex(clean)
    if cell.get("metadata", {}).get(_SCHEME):  # InertNotebook leaves nobody else this key
        return Markup(_PANEL).format(Markup(shown))
    return shown


class _Renderer(IPythonRenderer):
    def __init__(self, attachments: Any) -> None:
        super().__init__(escape=False, attachments=attachments, exclude_anchor_links=True)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture of the notebook's own; any other is a link, which a person may follow."""
        scheme, _, name = url.partition(":")
        if scheme == "attachment":
            kinds = self.attachments.get(unquote(name), {})
            url = next((f"data:{kind};base64,{data}" for kind, data in kinds.items()), "")
        if _PICTURE.fullmatch(url):
            return str(HTMLRenderer.image(self, text, url, title))
        return str(self.link(text or escape(url), url, title))

    def block_mermaidjs(self, code: str) -> str:
        """A diagram's description, as text."""
        return f"<pre>{escape(code)}</pre>"


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if tag == "a" and name == "href":
        return re.match(r"(?:https?://|mailto:|#)", value, re.IGNORECASE) is not None
    if tag == "img" and name == "src":
        return _PICTURE.fullmatch(value) is not None
    if tag == "input":  # of a list of tasks
        return (name, value) in (("type", "checkbox"), ("disabled", ""), ("checked", ""))
    if name in ("alt", "title"):
        return True
    if name in ("width", "height"):
        return tag == "img" and re.fullmatch(r"\d{1,5}%?", value) is not None
    if name == "style":
        return tag in ("td", "th")
    if name == "class":  # what highlights code
        return tag in ("div", "span") and re.fullmatch(r"highlight|\w{1,3}", value) is not None
    return name == "start" and tag == "ol" and value.isdecimal()


class InertNotebook(Preprocessor):
    """Leaves of a notebook what is text or a picture, and escapes what the template does not."""

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The notebook and the resources as the template may have them."""
        nb.metadata = NotebookNode(language_info=NotebookNode(name="python"))
        nb.cells = [self._cell(cell) for cell in nb.cells]
        for key in ("student", "first_name", "last_name", "notebook_path", "notebook_id"):
            if isinstance(resources.get(key), str):
                resources[key] = escape(resources[key])
        return nb, resources

    def _cell(self, cell: Any) -> Any:
        inert = NotebookNode(cell_type="markdown", metadata=NotebookNode(), source=cell.source)
        nbgrader = cell.metadata.get("nbgrader")
        if nbgrader and _GRADE_ID.fullmatch(str(nbgrader.get("grade_id"))):
            inert.metadata.nbgrader = nbgrader
        if cell.cell_type == "code":
            outputs = [_output(each) for each in cell.outputs]
            inert.update(cell_type="code", outputs=outputs, execution_count=None)
        elif cell.cell_type == "markdown":
            inert.attachments = NotebookNode(
                {name: found for name, each in cell.get("attachments", {}).items()
                 if (found := _pictures(each))}
            )  # fmt: skip
        else:  # what only some formats are meant to show
            inert.source = "".join(f"    {line}\n" for line in cell.source.splitlines())
        return inert


class MarkingScheme(Preprocessor):
    """Puts the instructor's answer, which has the marking scheme in it, below each one in words.

    It comes from ``source`` in the course directory. Only the form grader tells which submission
    it shows; on any other page nothing is added.
    """

    def preprocess(self, nb: Any, resources: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The notebook with a cell more for each answer in words, and the resources."""
        if "submission_id" not in resources:
            return nb, resources
        names = (resources["assignment_id"], f"{resources['notebook_id']}.ipynb")
        place = Path(self.config.CourseDirectory.root).joinpath("source", *names)
        schemes = _written_answers(place, unescape(resources.get("student", "")))
        cells = []
        for cell in nb.cells:
            cells.append(cell)
            scheme = schemes.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if scheme is not None:
                metadata = NotebookNode({_SCHEME: True})
                cells.append(NotebookNode(cell_type="markdown", metadata=metadata, source=scheme))
        nb.cells = cells
        return nb, resources


def _written_answers(path: Path, student: str) -> dict[str, str]:
    """The instructor's answers in words, by the ids of their cells; none without a notebook.

    Where there are variants, they have the constants of the student.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if notebook["metadata"].get("autograder", {}).get("constants"):
        given = path.parents[2] / "variants" / f"{path.stem}.json"
        variant = variant_given(given, student)
        if variant is not None:  # else the constants show by their names
            notebook = notebook_of(notebook, variant)
    cells = notebook["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "markdown" and cell["metadata"].get("nbgrader", {}).get("solution")
    }


def _output(output: Any) -> Any:
    if output.output_type == "stream":
        return NotebookNode(output_type="stream", name="stdout", text=output.text)
    if output.output_type == "error":
        lines = [str(line) for line in output.get("traceback", [])]
        return NotebookNode(output_type="stream", name="stdout", text="\n".join(lines))
    data = _pictures(output.data)
    if not data:
        left_out = f"(not shown here: {', '.join(output.data)})"
        data = NotebookNode({"text/plain": output.data.get("text/plain", left_out)})
    return NotebookNode(output_type="display_data", metadata=NotebookNode(), data=data)


def _pictures(bundle: Any) -> Any:
    """Of the forms of a picture those that are bytes, in base64."""
    found = NotebookNode()
    for kind in ("image/png", "image/jpeg"):
        try:
            base64.b64decode("".join(bundle[kind].split()), validate=True)
        except (KeyError, AttributeError, ValueError, binascii.Error):
            continue
        found[kind] = bundle[kind]
    return found


class FeedbackPage(HTMLExporter):
    """A page of ``nbgrader generate_feedback`` that says what it may run and load."""

    def from_notebook_node(
        self, nb: Any, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, and its resources."""
        page, resources = super().from_notebook_node(nb, resources, **options)
        rule = f'<meta http-equiv="Content-Security-Policy" content="{_FEEDBACK_POLICY}">'
        return page.replace("<head>", f"<head>\n{rule}", 1), resources


def guard_form_grader() -> None:
    """In a Jupyter server: escape what the form grader's own pages name, and limit its main page.

    A student's name, which may be chosen with care, stands in them as it is.
    """
    form_grader: ModuleType | None = sys.modules.get(
        "nbgrader.server_extensions.formgrader.formgrader"
    )
    if form_grader is None:
        return
    form_grader.Environment = partial(  # type: ignore[attr-defined]
        Environment, autoescape=True, finalize=_in_text_or_string
    )
    policy = _POLICY.format(handlers=" ".join(f"'{script_hash(each)}'" for each in _HANDLERS))
    form_grader.handlers.SubmissionHandler.content_security_policy = property(lambda _: policy)


def _in_text_or_string(value: Any) -> Any:
    """Text that ends neither the element, nor the attribute, nor the string that it stands in.

    It need not be escaped more than that: scripts use names as they are, with ' and &.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return Markup(value.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"))
