"""A worker starts as if nothing had been done before, although the zygote has rehearsed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import Pool, SandboxError, open_pool


@pytest.fixture(scope="module", params=[(), ("matplotlib",)], ids=["plain", "figures"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    opened, _ = open_pool("auto", Surroundings(Limits(), libraries=frozenset(request.param)))
    with opened:
        yield opened


def said(pool: Pool, code: str) -> object:
    with pool.worker() as worker:
        worker.channel.send({"run": f"import json\nprint(json.dumps({code}))"})
        answer, _ = worker.channel.receive(time.monotonic() + 30)
        assert answer["error"] is None, answer
        assert answer["displays"] == []
        return json.loads(answer["text"])


def test_no_name_is_left(pool: Pool) -> None:
    usual = {"In", "Out", "exit", "quit", "open", "get_ipython", "json"}
    names = said(pool, "[name for name in globals() if not name.startswith('_')]")
    assert isinstance(names, list)
    assert set(names) <= usual
    assert said(pool, "[In, Out, globals().get('_', '')]") == [[""], {}, ""]


def test_no_figure_is_left(pool: Pool) -> None:
    code = "getattr(__import__('sys').modules.get('matplotlib.pyplot'), 'get_fignums', list)()"
    assert said(pool, code) == []


def test_first_figure_is_shown_whether_or_not_inline_is_asked_for(pool: Pool) -> None:
    with pool.worker(frozenset({"matplotlib"})) as worker:
        code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone"
        for source in (code, f"%matplotlib inline\n{code}"):
            worker.channel.send({"run": source})
            answer, _ = worker.channel.receive(time.monotonic() + 30)
            assert [list(display) for display in answer["displays"]] == [["image/png"]]


def test_cells_run_whichever_way_they_go_where_files_cannot_be_read() -> None:
    try:
        opened, _ = open_pool("limits", Surroundings(Limits()))
    except SandboxError as error:
        pytest.skip(f"level limits does not work here: {error}")
    ways = "%time x = 1", "x = '\\t'", "%%capture\nx = '\\n'"
    with opened, opened.worker() as worker:
        for source in ways:
            worker.channel.send({"run": source})
            answer, _ = worker.channel.receive(time.monotonic() + 30)
            assert answer["error"] is None, (source, answer)
