"""Running cells as the exercise pages do, in this Python instead of the browser's."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "book/_static/exercises/page_kernel.py"


class Notebook:
    """A kernel with what its last cell sent."""

    def __init__(self, module: Any):
        self.outputs: list[dict[str, Any]] = []
        self.kernel = module.PageKernel(self.outputs.append)

    def run(self, source: str) -> dict[str, Any]:
        self.outputs.clear()
        told: dict[str, Any] = self.kernel.run(source)
        return told

    @property
    def text(self) -> str:
        return "".join(each["text"] for each in self.outputs if each["output_type"] == "stream")

    @property
    def trace(self) -> str:
        (error,) = (each for each in self.outputs if each["output_type"] == "error")
        return "\n".join(error["traceback"])


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    spec = importlib.util.spec_from_file_location("page_kernel", SOURCE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("__main__", "IPython", "IPython.display"):
        monkeypatch.setitem(sys.modules, name, sys.modules.get(name, module))
    monkeypatch.setattr(builtins, "input", builtins.input)
    yield Notebook(module)


def test_what_is_printed_and_the_last_value_are_shown(notebook: Notebook) -> None:
    told = notebook.run("print('a')\nx = 2\nx + 1")
    assert told == {"count": 1, "ename": None, "evalue": ""}
    assert notebook.text == "a\n"
    result = notebook.outputs[-1]
    assert result["output_type"] == "execute_result"
    assert result["data"] == {"text/plain": "3"}
    assert result["execution_count"] == 1
    notebook.run("x;")
    assert notebook.outputs == []
    notebook.run("None")
    assert notebook.outputs == []
    notebook.run("   ")
    assert notebook.outputs == []


def test_a_traceback_has_the_students_lines_and_no_others(notebook: Notebook) -> None:
    notebook.run(
        "import numpy as np\ndef outer(x):\n    return inner(x)\n"
        "def inner(x):\n    return np.linalg.inv(x)"
    )
    told = notebook.run("outer(np.zeros((2, 2)))")
    assert told["ename"] == "LinAlgError"
    lines = notebook.trace.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.strip() for line in lines if "line" in line] == [
        "Cell [2], line 1, in <module>",
        "Cell [1], line 3, in outer",
        "Cell [1], line 5, in inner",
    ]
    assert "    return np.linalg.inv(x)" in lines
    assert lines[-1] == "numpy.linalg.LinAlgError: Singular matrix"


def test_the_cause_of_an_exception_is_told_as_well(notebook: Notebook) -> None:
    notebook.run(
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('no') from error"
    )
    assert "line 2, in <module>" in notebook.trace
    assert "direct cause" in notebook.trace
    assert "page_kernel" not in notebook.trace


@pytest.mark.parametrize(
    ("source", "line"),
    [("x = (1,\n", "line 1"), ("def f(:\n    pass", "line 1"), ("x = 1\n  y", "line 2")],
)
def test_a_syntax_error_names_its_line(notebook: Notebook, source: str, line: str) -> None:
    told = notebook.run(source)
    assert told["ename"] in ("SyntaxError", "IndentationError")
    assert f"Cell [1], {line}" in notebook.trace
    assert "Traceback" not in notebook.trace


def test_an_exception_with_words_of_its_own_is_shown_by_them(notebook: Notebook) -> None:
    notebook.run(
        "class Failed(Exception):\n    def _render_traceback_(self):\n"
        "        return ['in words']\nraise Failed('no')"
    )
    assert notebook.trace == "in words"


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise KeyboardInterrupt", "input('?')"])
def test_nothing_ends_the_kernel(notebook: Notebook, end: str) -> None:
    assert notebook.run(end)["ename"] is not None
    assert notebook.run("1 + 1")["ename"] is None


def test_deep_recursion_is_told_in_few_lines(notebook: Notebook) -> None:
    assert notebook.run("def f(n):\n    return f(n + 1)\nf(0)")["ename"] == "RecursionError"
    assert "more times" in notebook.trace
    assert len(notebook.trace.splitlines()) < 20


def test_output_without_end_is_cut(notebook: Notebook) -> None:
    notebook.run("for _ in range(5000):\n    print('x' * 100)")
    assert 200_000 <= len(notebook.text) < 200_200
    assert notebook.text.rstrip().endswith("at most")
    assert len(notebook.outputs) < 100
    notebook.run("print('again')")
    assert notebook.text == "again\n"


def test_lines_for_jupyter_alone_are_left_out(notebook: Notebook) -> None:
    told = notebook.run("%matplotlib inline\nif True:\n    %pip install selfcheck\nx = 7 % 4\nx")
    assert told["ename"] is None
    assert notebook.outputs[-1]["data"]["text/plain"] == "3"
    assert notebook.run("!rm -r x")["ename"] == "SyntaxError"
    notebook.run("'''\n%pip\n'''")  # in a text it stays
    assert notebook.outputs[-1]["data"]["text/plain"] == repr("\n%pip\n")


def test_display_and_html(notebook: Notebook) -> None:
    notebook.run(
        "from IPython.display import HTML, display\ndisplay(HTML('<b>a</b>'), 3)\nprint('b')"
    )
    kinds = [each["output_type"] for each in notebook.outputs]
    assert kinds[:3] == ["display_data", "display_data", "stream"]
    assert notebook.outputs[0]["data"]["text/html"] == "<b>a</b>"


# --- Matplotlib ---


def test_matplotlib_is_wanted_by_cells_that_use_it_only(notebook: Notebook) -> None:
    needs = notebook.kernel.needs
    head = "import matplotlib.pyplot as plt\nimport numpy as np"
    assert not needs(head)
    assert needs(f"{head}\nplt.plot([1])")
    assert needs("from matplotlib import colormaps, cm")  # two names: not put off
    assert needs("def f():\n    import matplotlib")
    assert not needs("plt.plot([1])")  # plt is unknown yet
    assert not needs("x = (")
    notebook.run(head)
    assert needs("plt.plot([1])")
    assert needs("def draw():\n    plt.plot([1])")
    assert not needs("np.ones(2)")
    assert notebook.run("'plt' in globals(), np.__name__")["ename"] is None
    assert notebook.outputs[-1]["data"]["text/plain"] == "(False, 'numpy')"


def test_figures_are_shown_once_in_their_place_and_told_in_words(notebook: Notebook) -> None:
    notebook.run("import matplotlib.pyplot as plt")
    notebook.run(
        "figure, ax = plt.subplots()\nax.plot([1, 2], label='loss')\n"
        "ax.set(title='T', xlabel='step')\nax.legend()\nplt.show()\n"
        "print('after')\nplt.plot([1, 2]);"
    )
    kinds = [kind for kind, _ in groupby(each["output_type"] for each in notebook.outputs)]
    assert kinds == ["display_data", "stream", "display_data"]
    first, second = notebook.outputs[0], notebook.outputs[-1]
    assert first["data"]["text/plain"] == "Figure: T; step; loss"
    assert second["data"]["text/plain"] == "Figure without a title"
    assert first["metadata"]["image/png"]["width"] > 300
    notebook.run("1")
    assert len(notebook.outputs) == 1


# --- what a cell needs ---

CELLS = [
    {"id": "setup", "role": "code", "source": "import numpy as np\nfrom selfcheck import check"},
    {"id": "helper", "role": "code", "source": "def helper(x):\n    return np.abs(x)"},
    {"id": "f", "role": "answer", "source": "def f(x):\n    return helper(x)"},
    {"id": "check-f", "role": "check", "source": "check(f)"},
    {"id": "picture", "role": "code", "source": "x = f(3)\nplt.plot(x)"},
    {
        "id": "g",
        "role": "answer",
        "source": "def g(x):\n    y = [x for x in x]\n    return np.sum(y)",
    },
    {"id": "check-g", "role": "check", "source": "check(g)"},
    {"id": "all", "role": "code", "source": "check_all()"},
]


def plan(notebook: Notebook, target: str, **sources: str) -> list[str]:
    cells = [{**cell, "source": sources.get(cell["id"], cell["source"])} for cell in CELLS]
    found: list[str] = notebook.kernel.plan(cells, target)
    return found


def test_a_cell_brings_those_that_define_what_it_uses(notebook: Notebook) -> None:
    assert plan(notebook, "setup") == ["setup"]
    assert plan(notebook, "check-f") == ["setup", "helper", "f", "check-f"]
    # x in g is its own: the picture, which defines another, is not drawn
    assert plan(notebook, "check-g") == ["setup", "g", "check-g"]
    assert plan(notebook, "picture") == ["setup", "helper", "f", "picture"]


def test_a_check_of_everything_brings_every_answer(notebook: Notebook) -> None:
    setup = "import numpy as np\nfrom selfcheck import check, check_all"
    assert plan(notebook, "all", setup=setup) == ["setup", "helper", "f", "g", "all"]


def test_a_cell_with_a_syntax_error_is_brought_by_what_it_would_define(notebook: Notebook) -> None:
    assert plan(notebook, "check-f", f="def f(x):\n    return (x") == ["setup", "f", "check-f"]
