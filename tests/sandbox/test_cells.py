"""A plain cell is run without IPython's way around it, and nothing can tell the difference."""

from __future__ import annotations

import json
import subprocess
import sys

CELLS = (
    "1 + 1",
    "x = 3",
    "x; x + 1;",
    "print('a')\nx",
    "_",
    "'''a text'''\ny = 2",
    "from __future__ import annotations",
    "def f(a: Unknown): return a\nf.__annotations__",
    "def g():\n    raise ValueError('deep')\ng()",
    "first = 1\n1 / 0\nsecond = 2",
    "first, 'second' in globals()",
    "third = 1\nreturn 5",
    "third",
    "if True:\n    'not shown'",
    "def f(:",
    "  indented = 1\nfive = 5",
    "",
    "# only a comment",
    "undefined",
    "import sys\nsys.exit(3)",
    "raise KeyboardInterrupt",
    "%who_ls",
    "!echo shell",
    "%%bash\necho cell",
    "x?",
    "In [1]: 2 + 3",
    "import asyncio\nawait asyncio.sleep(0)",
    "import warnings\nwarnings.warn('told')",
    "'\\d'",
    "import inspect\nprint(inspect.getsource(g))",
    "get_ipython().ast_node_interactivity = 'all'",
    "1\n2",
    "get_ipython().ast_node_interactivity = 'last_expr'",
    "get_ipython().events.register('pre_run_cell', lambda info: print('hook', info.raw_cell))",
    "6",
    "display('shown')",
    "x" * 10 + " = 1\n" * 3 + "7",
)

PLAY = """
import json, re, sys
from IPython.core.interactiveshell import InteractiveShell
from autograder.sandbox import worker
if sys.argv[1] == "usual":
    worker.WorkerShell.run_cell = InteractiveShell.run_cell
shell = worker.prepare_shell()
said = [worker._run_cell(shell, cell) for cell in json.load(sys.stdin)]
print(json.dumps(said))
"""


def test_a_plain_cell_does_what_it_does_in_ipython() -> None:
    plain, usual = (
        json.loads(
            subprocess.run(
                [sys.executable, "-c", PLAY, way],
                input=json.dumps(CELLS),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for way in ("plain", "usual")
    )
    for cell, ours, theirs in zip(CELLS, plain, usual, strict=True):
        if "sys.exit" in cell:  # IPython goes on to tell how to leave it
            theirs["text"] = theirs["text"][: len(ours["text"])]
        assert ours == theirs, cell
