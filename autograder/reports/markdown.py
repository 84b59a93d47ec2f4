"""Students' Markdown, so that nothing in it does anything wherever the notebook is opened.

Many programs make a page of a notebook: nbgrader's form grader and its feedback, JupyterLab,
whatever comes next; and they differ in what they let pass. So the text itself is made harmless,
without asking how any of them would read it: wherever something could begin that is more than
text, formulas, links and pictures, a space is put in, as in ``< script>``. It stays what the
student wrote, to be read. Each rule looks at a few characters only, so the time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

# what only sets text, as long as it has no attributes
PLAIN_TAGS = frozenset(
    {
        *("b", "blockquote", "br", "center", "code", "dd", "del", "details", "dl", "dt", "em"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p"),
        *("pre", "q", "s", "samp", "small", "strike", "strong", "sub", "summary", "sup"),
        *("tt", "u", "ul", "var"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "tr"),
    }
)
_SOURCE = (
    r"https?://[\w.,:/%?=+#~()!@*-]+|data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+"
    r"|attachment:[\w.-]+"
)
_PLAIN_TEXT = r"[\w .,:;/%?=+#~()!@*-]*"
_TAG = re.compile(
    rf"""<(?=[A-Za-z/!?])(?!
        /?(?:{"|".join(sorted(PLAIN_TAGS))})[ ]*/?>
        | img(?:[ ]+(?:
              src=(?:"(?:{_SOURCE})"|'(?:{_SOURCE})')
            | (?:alt|title|width|height)=(?:"{_PLAIN_TEXT}"|'{_PLAIN_TEXT}')
            | (?:width|height)=[0-9]{{1,5}}%?
          ))*[ ]*/?>
        | https?://[^\s<>"'`]*>
        | [\w.+-]{{1,64}}@[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{1,8}}>
    )""",
    re.VERBOSE | re.IGNORECASE,
)
# Links and the definitions of their names: ](where) and ]: where. A scheme begins with a letter,
# which may be written as &#106; and have spaces before it; nbconvert strikes out a "files/" at the
# beginning. What has no colon after it is a path.
_LINK = re.compile(
    r"""\](?=[(:])(?!
        [(:][\s>]{0,9}(?:
            <?(?:https?://|mailto:|\#|data:image/(?:png|jpeg|gif|webp);base64,|attachment:)
            | [^\s\x00-\x20\x7f-\xa0A-Za-z&\\<>/.]
            | [A-Za-z/.][^\s:&\\<>()]{0,200}(?=[\s()]|$)
            | $
        )
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ATTACHMENT = re.compile(r"([(:][\s<>]{0,9})attachment:([^\s()<>\"'\]]{0,300})", re.IGNORECASE)
# what MathJax makes links and styles of, unless it is told not to
_TEX = re.compile(
    r"\\(?=(?:href(?!\s{0,9}\{\s{0,9}https?://)|url|style|class|cssId|data|require|mmlToken"
    r"|includegraphics|html[A-Za-z]{0,9})(?![A-Za-z]))"
)
# characters by their number, with which all of these could be written
_ENTITY = re.compile(r"&(?=#|(?:bsol|colon|lpar|lbrack|lsqb|grave|Tab|NewLine)\b)")
_MERMAID = re.compile(r"([`~]{3})(?=[ \t]*(?:\{?\.?mermaid|[a-z]{0,8}[&\\]))", re.IGNORECASE)


def inert_markdown(source: str, attached: Mapping[str, str] | None = None) -> str:
    """The text of a Markdown or raw cell with nothing in it that runs.

    ``attached`` gives the names under which the cell's pictures are shown. A picture that is not
    there becomes text: nbconvert makes no page at all of a notebook that shows one.
    """

    def named(match: re.Match[str]) -> str:
        opening, name = match.groups()
        shown = (attached or {}).get(unquote(name))
        return f"{opening}attachment :{name}" if shown is None else f"{opening}attachment:{shown}"

    source = _ATTACHMENT.sub(named, source)
    source = _LINK.sub("] ", source)
    source = _TAG.sub("< ", source)
    source = inert_tex(source)
    source = _ENTITY.sub("& ", source)
    return _MERMAID.sub(r"\1text ", source)


def inert_tex(text: str) -> str:
    """The same text, in which formulas are no links and have no style of their own."""
    return _TEX.sub(r"\\ ", text)
