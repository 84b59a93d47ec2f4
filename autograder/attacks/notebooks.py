"""Damaged notebooks, and notebooks whose metadata, cells or outputs are not what they were."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

from .attack import (
    ATTACKED,
    DAMAGED,
    MANUAL,
    MISSING,
    C,
    Corpus,
    E,
    G,
    M,
    Notebook,
    T,
    cell_of,
    code_cell,
    grade_id_of,
)

CHECK = f"check-{ATTACKED}"
EASY_QUESTION = "**Question (100 points).** Which letter comes after A?"
_RIGHT = f"def {ATTACKED}(theta, grad, lr):\n    return theta - lr * grad\n"
_STEP = "step(theta, lr * grad)"

# --- bytes that are no notebook ------------------------------------------------------------------

BYTES = Corpus("damaged files")
add = BYTES.text


def _tree(change: Callable[[Any], Any]) -> Callable[[str], bytes]:
    """Rewrite the JSON tree; ``change`` returns the new one."""
    return lambda text: json.dumps(change(json.loads(text))).encode()


def _with(**entries: Any) -> Callable[[str], bytes]:
    """Replace entries of the notebook itself."""
    return _tree(lambda tree: {**tree, **entries})


def _cell(**entries: Any) -> Callable[[str], bytes]:
    """Replace entries of its third cell."""

    def change(tree: Any) -> Any:
        tree["cells"][2].update(entries)
        return tree

    return _tree(change)


def _inside(found: str, put: str) -> Callable[[str], bytes]:
    """Replace a piece of the text."""
    return lambda text: text.replace(found, put, 1).encode("utf-8", "surrogatepass")


add("an empty file", lambda text: b"")
add("blanks", lambda text: b" \n\t\n" * 100)
add("cut off in the middle", lambda text: text.encode()[: len(text) // 2])
add("cut off by one character", lambda text: text.encode()[:-1])
add("noise", lambda text: bytes(range(256)) * 40)
add("UTF-16", lambda text: text.encode("utf-16"))
add("UTF-32", lambda text: text.encode("utf-32"))
add(
    "Latin-1",
    lambda text: json.dumps(json.loads(text), ensure_ascii=False).encode("latin-1", "replace"),
)
add("a byte order mark", lambda text: b"\xef\xbb\xbf" + text.encode(), G)
add("two byte order marks", lambda text: b"\xef\xbb\xbf" * 2 + text.encode())
add(
    "lines that end as on Windows",
    lambda text: json.dumps(json.loads(text), indent=1).replace("\n", "\r\n").encode(),
    G,
)
add("zero bytes at the end", lambda text: text.encode() + bytes(1000))
add("zero bytes alone", lambda text: bytes(10_000))
add("packed", lambda text: gzip.compress(text.encode()))
add("the page of a login", lambda text: b"<!doctype html><title>Log in</title>" + b" " * 1000)
add("Python source", lambda text: _RIGHT.encode())
add("another JSON document", lambda text: b'{"score": 27, "status": "graded", "student": "me"}')
add("a list", lambda text: b"[" + text.encode() + b"]")
add("a number", lambda text: b"27")
add("null", lambda text: b"null")
add("two notebooks, one after the other", lambda text: text.encode() * 2)
add("a comma too much", lambda text: text.encode()[:-1] + b",}")
add("NaN, which JSON does not have", _inside('"nbformat": 4', '"x": NaN, "nbformat": 4'), G)
add("an infinite number", _inside('"nbformat": 4', '"x": -Infinity, "nbformat": 4'), G)
add("NaN as the format", _inside('"nbformat": 4', '"nbformat": NaN'))
add(
    "a number too long to be read",
    _inside('"nbformat": 4', '"x": ' + "9" * 10_000 + ', "nbformat": 4'),
)
add("a number out of range", _inside('"nbformat": 4', '"x": 1e999, "nbformat": 4'), G, DAMAGED)
add(
    "lists in lists in lists",
    _inside('"nbformat": 4', '"x": ' + "[" * 50_000 + "]" * 50_000 + ', "nbformat": 4'),
)
add(
    "objects in objects in objects",
    _inside('"nbformat": 4', '"x": ' + '{"a":' * 50_000 + "0" + "}" * 50_000 + ', "nbformat": 4'),
)
add("the same key twice", _inside('"nbformat": 4', '"cells": [], "nbformat": 4'))
add(
    "the same key twice, once in disguise",
    _inside('"nbformat": 4', '"\\u0063ells": [], "nbformat": 4'),
)
add("half a character", _inside("import numpy as np", "import numpy as np # \\ud800"))
add("half a character as bytes", _inside("import numpy as np", "import numpy as np # \ud800"))
add(
    "a zero byte in the source", _inside("import numpy as np", "import numpy as np # \\u0000"), E, G
)
add("no cells", _tree(lambda tree: {k: v for k, v in tree.items() if k != "cells"}))
add("cells that are no list", _with(cells={"0": {}}))
add("cells that are null", _with(cells=[None] * 20))
add("cells in cells", _tree(lambda tree: {**tree, "cells": [tree["cells"]]}))
add(
    "the old format",
    _tree(lambda tree: {"worksheets": [{"cells": tree["cells"]}], "nbformat": 3, "metadata": {}}),
)
add("a format to come", _with(nbformat=5))
add("a format that is text", _with(nbformat="4"))
add("a format that orders a terminal about", _with(nbformat="\x1b]0;x\x07\x1b[2J\u202e"))
add("a format with a point", _with(nbformat=4.5))
add("a format that is true", _with(nbformat=True))
add("a minor format out of range", _with(nbformat_minor=10**9), G)
add("metadata that is a list", _with(metadata=[]), G)
add("a cell of no kind", _cell(cell_type=None))
add("a cell of an unknown kind", _cell(cell_type="heading"))
add("a cell whose kind is a list", _cell(cell_type=["code"]))
add("source that is a number", _cell(source=5))
add("source that is an object", _cell(source={"0": "x"}))
add("source in lists of lists", _cell(source=[["x"]]))
add("source of 200,001 characters", _cell(source="#" * 200_001))
add("a source as long as is allowed", _cell(source="import numpy as np\n#" + "x" * 199_000), G)
add("more cells than allowed", _tree(lambda tree: {**tree, "cells": tree["cells"] * 80}))
add("51 MB of metadata", _with(x="y" * (51 << 20)))
add(
    "51 MB of nothing but lists",
    _inside('"nbformat": 4', '"x": [' + "[]," * (16 << 20) + '0], "nbformat": 4'),
)
add("19 MB of metadata", _with(x="y" * (19 << 20)), G)
add(
    "was right, and is damaged when handed in again",
    lambda text: text.encode()[:-1],
    DAMAGED,
    regraded=True,
)
add("was right, and is empty when handed in again", lambda text: b"", DAMAGED, regraded=True)

# --- metadata ------------------------------------------------------------------------------------

METADATA = Corpus("changed cells and metadata")
change = METADATA.notebook


def _set(of: str, /, **entries: Any) -> Callable[[Notebook], None]:
    """Replace nbgrader's metadata of a cell; a value of ... deletes the entry."""

    def set_entries(notebook: Notebook) -> None:
        metadata = cell_of(notebook, of)["metadata"]["nbgrader"]
        for name, value in entries.items():
            if value is ...:
                metadata.pop(name, None)
            else:
                metadata[name] = value

    return set_entries


def _around(grade_id: str, **entries: Any) -> Callable[[Notebook], None]:
    """Replace entries of a cell itself."""
    return lambda notebook: cell_of(notebook, grade_id).update(entries)


def _all(**entries: Any) -> Callable[[Notebook], None]:
    """Replace entries of all cells."""

    def set_entries(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell.update(copy.deepcopy(entries))

    return set_entries


def _swap_ids(notebook: Notebook) -> None:
    first, second = cell_of(notebook, ATTACKED), cell_of(notebook, "linear_decay")
    first["metadata"], second["metadata"] = second["metadata"], first["metadata"]


def _swap_checks(notebook: Notebook) -> None:
    first, second = cell_of(notebook, CHECK), cell_of(notebook, "check-linear_decay")
    first["metadata"], second["metadata"] = second["metadata"], first["metadata"]


def _right_under_other_id(notebook: Notebook) -> None:
    """The right function is there, in a cell that is run after the check only."""
    notebook["cells"].append(code_cell(_RIGHT))


def _right_by_a_later_helper(notebook: Notebook) -> None:
    """The answer is wrong at its check, and right in the end."""
    answer = cell_of(notebook, ATTACKED)
    answer["source"] = f"def step(a, b): return a + 1\n{_RIGHT.replace('theta - lr * grad', _STEP)}"
    notebook["cells"].append(code_cell("def step(a, b): return a - b"))


def _right_by_a_later_table(notebook: Notebook) -> None:
    answer = cell_of(notebook, ATTACKED)
    wrong = "table = {'step': lambda a, b: a + 1}\nstep = lambda a, b: table['step'](a, b)\n"
    answer["source"] = wrong + _RIGHT.replace("theta - lr * grad", _STEP)
    notebook["cells"].append(code_cell("table['step'] = lambda a, b: a - b"))


def _another_notebooks_ids(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if grade_id_of(cell):
            cell["metadata"]["nbgrader"]["grade_id"] += "-of-mine"
        cell["id"] = "x" + cell.get("id", "")[:40]


def _giant_ids(notebook: Notebook) -> None:
    for number, cell in enumerate(notebook["cells"]):
        if not grade_id_of(cell):
            cell["metadata"] = {"nbgrader": {"grade_id": str(number) * 100_000, "points": 10**6}}
    cell_of(notebook, CHECK)["metadata"]["nbgrader"]["grade_id"] = "\n<script>\x1b[2J"


def _more_grade_cells(notebook: Notebook) -> None:
    made = copy.deepcopy(cell_of(notebook, "check-linear_decay"))
    made["metadata"]["nbgrader"].update(grade_id="check-bonus", points=100)
    made["source"], made["id"] = "pass", "bonus"
    notebook["cells"].append(made)


change("points raised to 1000", _set(CHECK, points=1000))
change("points below zero", _set(CHECK, points=-1000))
change("points that are text", _set(CHECK, points="four"))
change("points of 10^400", _set(CHECK, points=10**400))
change("points that are gone", _set(CHECK, points=...))
change("points for the answer itself", _set(ATTACKED, grade=True, points=100))
change("a check that is not graded", _set(CHECK, grade=False))
change("a check that is not locked", _set(CHECK, locked=False))
change("a check that is a solution", _set(CHECK, solution=True, grade=True, locked=False))
change("a check that is a task", _set(CHECK, task=True, grade=False, points=4))
change("an answer that is locked", _set(ATTACKED, locked=True, solution=False))
change("schema_version of old", _set(CHECK, schema_version=0))
change("schema_version to come", _set(CHECK, schema_version=99))
change("schema_version that is text", _set(CHECK, schema_version="<3>"))
change("a checksum of its own", _set(CHECK, checksum="0" * 32))
change("a grade id that is a list", _set(CHECK, grade_id=["a"]))
change("a grade id that is a number", _set(ATTACKED, grade_id=5))
change("grade ids that are giant or markup", _giant_ids, G, E)
change("the ids of two answers swapped", _swap_ids)
change("the ids of two checks swapped", _swap_checks)
change("the answer's id on its check", _set(CHECK, grade_id=ATTACKED), G, E, MANUAL)
change("all ids renamed", _another_notebooks_ids, G, E)
change("nbgrader's metadata is a list", _around(CHECK, metadata={"nbgrader": [1]}))
change("nbgrader's metadata is text", _around(CHECK, metadata={"nbgrader": "x"}))
change("metadata of a cell is null", _around(CHECK, metadata=None))
change("metadata of all cells is gone", _all(metadata={}))
change("metadata and ids of all cells are gone", _all(metadata={}, id="x"), G, E)
change("a graded cell of its own", _more_grade_cells)
change(
    "tags that skip the check",
    lambda n: cell_of(n, CHECK)["metadata"].update(tags=["skip-execution"]),
)
change(
    "tags that forgive the check",
    lambda n: cell_of(n, CHECK)["metadata"].update(tags=["raises-exception"]),
)
change(
    "tags that remove the check",
    lambda n: cell_of(n, CHECK)["metadata"].update(
        tags=["remove_cell", "hide-output", "nbval-skip"]
    ),
)
change(
    "another kernel",
    lambda n: n["metadata"].update(
        kernelspec={"name": "bash", "display_name": "x", "language": "bash"}
    ),
)
change(
    "a kernel that is a program",
    lambda n: n["metadata"].update(
        kernelspec={"name": "../../bin/sh", "display_name": "x", "argv": ["/bin/sh"]}
    ),
)
change(
    "another language",
    lambda n: n["metadata"].update(language_info={"name": "<script>", "pygments_lexer": 5}),
)
change(
    "widgets with a giant state",
    lambda n: n["metadata"].update(
        widgets={
            "application/vnd.jupyter.widget-state+json": {
                "state": {str(i): {"x": "y" * 1000} for i in range(2000)},
                "version_major": 2,
            }
        }
    ),
)
change(
    "metadata that claims to be graded",
    lambda n: n["metadata"].update(autograder={"torch": True, "score": 27}, nbgrader={"score": 27}),
)

# --- cells ---------------------------------------------------------------------------------------

CELLS = Corpus("changed cells and metadata")
change = CELLS.notebook


def _insert_copy(grade_id: str, source: str, *, first: bool = False) -> Callable[[Notebook], None]:
    """Put a copy of a cell, with another source, at the end or the beginning."""

    def insert(notebook: Notebook) -> None:
        made = copy.deepcopy(cell_of(notebook, grade_id))
        made["source"] = source
        notebook["cells"].insert(0 if first else len(notebook["cells"]), made)

    return insert


def _become(kind: str) -> Callable[[Notebook], None]:
    """Make the check a cell of another kind."""

    def become(notebook: Notebook) -> None:
        check = cell_of(notebook, CHECK)
        check["cell_type"] = kind
        del check["outputs"], check["execution_count"]

    return become


def _delete(*grade_ids: str) -> Callable[[Notebook], None]:
    def delete(notebook: Notebook) -> None:
        notebook["cells"] = [c for c in notebook["cells"] if grade_id_of(c) not in grade_ids]

    return delete


def _order(key: Callable[[int], int]) -> Callable[[Notebook], None]:
    def order(notebook: Notebook) -> None:
        cells = notebook["cells"]
        notebook["cells"] = [cells[i] for i in sorted(range(len(cells)), key=key)]

    return order


def _double(notebook: Notebook) -> None:
    notebook["cells"] = [copy.deepcopy(c) for c in notebook["cells"] for _ in range(2)]


def _extra(*cells: dict[str, Any]) -> Callable[[Notebook], None]:
    return lambda notebook: notebook["cells"].extend(cells)


def _forged_outputs(notebook: Notebook) -> None:
    forged = [
        {"output_type": "stream", "name": "stdout", "text": "✓ 27 of 27 points"},
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "metadata": {},
            "data": {"text/plain": "4.0", "text/html": "<script>alert(1)</script>"},
        },
    ]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=copy.deepcopy(forged), execution_count=10**9)


def _outputs_of_wrong_types(notebook: Notebook) -> None:
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["outputs"] = [5, [None], {"a": {}}, "x" * 1000, None][number % 5]
            cell["execution_count"] = "<b>"


def _attachments(notebook: Notebook) -> None:
    evil = {"x.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["attachments"] = evil
    notebook["cells"].append(
        {
            "cell_type": "markdown",
            "metadata": {},
            "attachments": [5],
            "source": "![x](attachment:x.svg)",
        }
    )


def _other_questions(**entries: Any) -> Callable[[Notebook], None]:
    """Write something easy in the place of every locked text."""

    def rewrite(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("text-"):
                cell.update(source=EASY_QUESTION, **copy.deepcopy(entries))

    return rewrite


def _lost_and_hard_to_find(source: str, count: int = 60) -> Callable[[Notebook], None]:
    """The answer's cell has lost its ids, and there are many cells to search for it."""

    def lose(notebook: Notebook) -> None:
        answer = cell_of(notebook, ATTACKED)
        answer.update(metadata={}, id="lost")
        notebook["cells"] += [code_cell(source) for _ in range(count)]

    return lose


_LARGE_PICTURES = """
import os, struct, zlib
from IPython.display import display
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
head = b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 9, 9, 8, 0, 0, 0, 0))
data = head + chunk(b'IDAT', os.urandom(380_000)) + chunk(b'IEND', b'')
for i in range(8): display({'image/png': data}, raw=True)
"""
_wrong = f"def {ATTACKED}(theta, grad, lr):\n    return theta + 2\n"
change("a second wrong answer with the same id", _insert_copy(ATTACKED, _wrong), MANUAL)
change("a second wrong answer above the first", _insert_copy(ATTACKED, _wrong, first=True), MANUAL)
change("a copy of the check that passes", _insert_copy(CHECK, "print('✓')"))
change(
    "a copy of the check above all",
    _insert_copy(CHECK, f"check = lambda *a: None\n{_RIGHT}", first=True),
)
change("a check that defines the answer", _around(CHECK, source=_RIGHT))
change("a check that checks nothing", _around(CHECK, source="pass"))
change("a check that is text", _become("markdown"))
change("a check that is raw", _become("raw"))
change("no check", _delete(CHECK))
change("no answer and no check", _delete(ATTACKED, CHECK), MISSING)
change("no answer", _delete(ATTACKED), MISSING)
change(
    "was right, and has no answer when handed in again", _delete(ATTACKED), MISSING, regraded=True
)
change("was right, and has no check when handed in again", _delete(CHECK), regraded=True)
change(
    "a hundred copies of the check",
    lambda n: n["cells"].extend(copy.deepcopy(cell_of(n, CHECK)) for _ in range(100)),
)
change("all cells twice", _double)
change("cells in reverse", _order(lambda i: -i))
change("cells shuffled", _order(lambda i: i * 7919 % 31))
change("the right answer after the check", _right_under_other_id)
change("a helper that is right only after the check", _right_by_a_later_helper)
change("a table that is right only after the check", _right_by_a_later_table)
change("the same cell ids everywhere", _all(id=ATTACKED))
change("cell ids that are no text", _all(id=[5]))
change("asks easier questions", _other_questions())
change("asks easier questions in cells of its own", _other_questions(metadata={}, id="own"))
change("asks easier questions in code", _other_questions(cell_type="code", outputs=[]))
change("outputs that claim full marks", _forged_outputs)
change("outputs of wrong types", _outputs_of_wrong_types)
change("attachments", _attachments)
change("a thousand cells", _extra(*[code_cell("x = 1")] * 950))
change(
    "many slow cells",
    _extra(*[code_cell("import time; time.sleep(1.5)")] * 30),
    T,
    harms_itself=True,
)
change(
    "many cells with large pictures",
    _extra(*[code_cell(_LARGE_PICTURES)] * 60),
    G,
    C,
    T,
    M,
    harms_itself=True,
)
change(
    "many cells with much output",
    _extra(*[code_cell("print('\U0001f600' * 10**5)")] * 300),
    G,
    T,
    harms_itself=True,
)
change(
    "a text cell of 190,000 tags",
    _extra({"cell_type": "markdown", "metadata": {}, "source": "<b>" * 63_000}),
)
change(
    "text with scripts and links",
    _extra(
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": "<script>alert(1)</script> [x](javascript:alert(1)) "
            "![x](http://x.example/x.png) {{7*7}} {% raw %}",
        }
    ),
)
for told, source, ends in (
    ("brackets", "[" * 90_000, (E,)),
    ("a chain of names", "a" + ".b" * 90_000, (E,)),
    ("a tower of signs", "-" * 190_000 + "1", (E, M)),
):
    change(f"an answer to search for in {told}", _lost_and_hard_to_find(source, 6), *ends)
change(
    "an answer to search for in 16 MB of lists",
    _lost_and_hard_to_find("x = [" + "0," * 90_000 + "]", 90),
    G,
    T,
    harms_itself=True,
    not_at_stock="would only take long",
)

ATTACKS = [*BYTES.attacks, *METADATA.attacks, *CELLS.attacks]
