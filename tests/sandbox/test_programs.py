"""Programs that cells run: their output is shown, and what they leave behind is not waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import Pool, open_pool


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    opened, _ = open_pool("auto", Surroundings(Limits()))
    with opened:
        yield opened


def answer(pool: Pool, code: str) -> dict[str, Any]:
    with pool.worker() as worker:
        worker.channel.send({"run": code})
        found: dict[str, Any] = worker.channel.receive(time.monotonic() + 200)[0]
        return found


@pytest.mark.parametrize(
    "code",
    [
        "%%bash\necho said\nsleep 600 &",
        "%%sh\necho said\n(sleep 600; echo later) & ",
        "%%script bash\nsleep 600 & disown\necho said",
        "!sleep 600 & echo said",
        "%%bash -s said\nsleep 600 &\necho $1",
    ],
)
def test_what_is_left_in_the_background_is_not_waited_for(pool: Pool, code: str) -> None:
    told = answer(pool, code)
    assert (told["text"], told["error"]) == ("said\n", None)


def test_errors_and_their_text_are_told(pool: Pool) -> None:
    told = answer(pool, "%%bash\necho said >&2\nexit 3")
    assert told["error"]["name"] == "CalledProcessError"
    assert "exit status 3" in told["error"]["text"]
    assert "said" in told["text"]
    assert answer(pool, "!exit 3\nprint(_exit_code)")["text"] == "3\n"


def test_options_of_ipython_still_work(pool: Pool) -> None:
    assert answer(pool, "%%bash --out found\necho said")["error"] is None


def test_much_output_is_cut_off(pool: Pool) -> None:
    told = answer(pool, "!head -c 1000000 /dev/zero | tr '\\0' x")
    assert 20_000 < len(told["text"]) < 30_000
    assert "not shown" in told["text"]
