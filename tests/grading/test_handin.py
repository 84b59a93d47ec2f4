"""Hand-ins that cannot be read: each is “damaged”, with a sentence, and never an exception."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.course import reading
from autograder.course.reading import Damaged, read_bytes
from autograder.grading.handin import HandedCell, Handin, parse
from autograder.grading.plan import make_plan
from autograder.grading.session import Session
from autograder.results.result import Status


def notebook(*cells: Any, **changes: Any) -> bytes:
    tree = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}
    return json.dumps(tree).encode()


CELL = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}

UNREADABLE = {
    "empty": (b"", "empty"),
    "only spaces": (b" \n\t ", "empty"),
    "not JSON": (b"PK\x03\x04 a zip file", "not valid JSON"),
    "HTML": (b"<!DOCTYPE html><html></html>", "not valid JSON"),
    "cut off": (notebook(CELL, CELL)[:-40], "not valid JSON"),
    "more behind it": (notebook(CELL) + b"{}", "not valid JSON"),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8"),
    "Latin 1": (notebook(CELL).replace(b"code", b"c\xf6de"), "not UTF-8"),
    "null bytes": (bytes(1000), "not valid JSON"),
    "the same key twice": (b'{"cells": [], "cells": [], "nbformat": 4}', "same key twice"),
    "the same key twice, deep": (
        notebook(CELL).replace(b'"source"', b'"outputs": [], "source"'),
        "same key twice",
    ),
    "NaN as its format": (notebook(CELL, nbformat=float("nan")), "format NaN"),
    "an infinity as its cells": (notebook(cells=float("-inf")), "no list of cells"),
    "NaN as a source": (notebook({**CELL, "source": float("nan")}), "source of cell 1"),
    "two million lists": (
        notebook(CELL, x=777).replace(b"777", b"[7" + b",[]" * 2_000_000 + b"]"),
        "too many parts",
    ),
    "nested 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "objects nested 100,000 deep": (b'{"a":' * 100_000, "nested too deeply"),
    "a number of 10,000 digits": (notebook(CELL, x=1).replace(b"1", b"1" * 10_000), "JSON"),
    "a list": (b"[]", "no list of cells"),
    "a number": (b"5", "no list of cells"),
    "null": (b"null", "no list of cells"),
    "no cells": (b'{"nbformat": 4}', "no list of cells"),
    "cells of another type": (notebook(cells={"a": 1}), "no list of cells"),
    "format 3": (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format"),
    "format 5": (notebook(CELL, nbformat=5), "format 5"),
    "format as text": (notebook(CELL, nbformat="4" * 1000), "format 4444"),
    "no format": (b'{"cells": []}', "format None"),
    "a cell that is a number": (notebook(CELL, 5), "cell 2 is not an object"),
    "a cell that is null": (notebook(None), "cell 1 is not an object"),
    "a cell of no type": (notebook({"source": ""}), "cell 1 has no known type"),
    "a cell of an odd type": (notebook({**CELL, "cell_type": ["code"]}), "no known type"),
    "a heading cell": (notebook({**CELL, "cell_type": "heading"}), "no known type"),
    "a source that is a number": (notebook({**CELL, "source": 5}), "source of cell 1"),
    "a source that is missing": (notebook({"cell_type": "code"}), "source of cell 1"),
    "a source of numbers": (notebook({**CELL, "source": ["a", 5]}), "source of cell 1"),
    "a source of lists": (notebook({**CELL, "source": [["a"]]}), "source of cell 1"),
    "half a character": (notebook({**CELL, "source": "\ud800"}), "half a character"),
    "a huge cell": (notebook({**CELL, "source": "x" * 300_000}), "300000 characters"),
    "5000 cells": (notebook(*[CELL] * 5000), "5000 cells"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable_handin_is_damaged_with_a_sentence(
    name: str, grade_notebook: Callable[..., Any]
) -> None:
    data, told = UNREADABLE[name]
    result = grade_notebook(data)
    assert result.status is Status.DAMAGED
    assert told in result.detail
    assert len(result.detail) < 200
    assert result.score == 0
    assert [e.score for e in result.exercises] == [0] * 6


def test_oddities_that_are_harmless_are_read() -> None:
    with_mark = b"\xef\xbb\xbf" + notebook(CELL)
    assert parse(with_mark)[0].source == "1"
    odd = {
        "cell_type": "code",
        "source": ["a\n", "b"],
        "metadata": [],
        "id": 5,
        "outputs": "x",
        "execution_count": {"a": 1},
    }
    assert parse(notebook(odd, metadata=None, nbformat_minor="x"))[0].source == "a\nb"
    lying = {**CELL, "metadata": {"nbgrader": {"grade_id": ["sgd_step"], "points": 1e9}}}
    assert parse(notebook(lying))[0].grade_id is None
    assert parse(notebook(CELL, metadata={"big": 10**400}))


@pytest.mark.parametrize("kind", ["missing", "directory", "FIFO", "socket", "device", "link"])
def test_what_is_no_regular_file_is_damaged_at_once(
    kind: str,
    tmp_path: Path,
    ps01: Session,
    hand_in: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "ps01-sgd.ipynb"
    if kind == "directory":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            monkeypatch.chdir(tmp_path)  # for the name of a socket must be short
            server.bind(path.name)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "link":
        path.symlink_to(hand_in(notebook(CELL)))
    result = ps01.grade(Handin("student", path)).result
    assert result.status is Status.DAMAGED
    told = {"missing": "there is no file", "link": "symbolic link", "socket": "cannot be opened"}
    assert told.get(kind, "not a regular file") in result.detail


def test_file_that_may_not_be_read_is_damaged(
    monkeypatch: pytest.MonkeyPatch, hand_in: Callable[..., Path], ps01: Session
) -> None:
    path = hand_in(notebook(CELL))

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading.os, "open", refuse)
    result = ps01.grade(Handin("student", path)).result
    assert (result.status, "Permission denied" in result.detail) == (Status.DAMAGED, True)


def test_large_file_is_damaged_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(60 << 20)
    with pytest.raises(Damaged, match="60 MB, more than the 50 MB"):
        read_bytes(path)


@pytest.mark.parametrize(
    "output",
    [
        {"data": {"image/png": "A" * (25 << 20)}},
        {"text": ['[1, 2, 3], {"a": "b"}, \\n'] * 1_000_000},
        {"data": {"application/json": [float("nan"), float("inf")]}},
    ],
    ids=["25 MB", "a million lines", "NaN"],
)
def test_saved_outputs_are_not_needed_and_do_no_harm(output: dict[str, object]) -> None:
    data = notebook({**CELL, "outputs": [output]})
    assert parse(data) == parse(notebook(CELL))


def test_mistake_of_the_grader_stops_no_batch_and_asks_for_a_person(
    monkeypatch: pytest.MonkeyPatch, grade_notebook: Callable[..., Any]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("autograder.grading.marking.Marking.judge", fail)
    monkeypatch.setattr("autograder.grading.conversation._death", fail)
    right = {"cell_type": "code", "metadata": {}, "source": "def sgd_step(a, b, c): return a"}
    result = grade_notebook(notebook(right))
    assert (result.status, result.score) == (Status.MANUAL, 0)
    assert "ZeroDivisionError: oh" in result.detail


# --- fuzzing: whatever is done to a real notebook, it is read or damaged, and planned if read ----

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _read(data: bytes, session: Session) -> None:
    try:
        read = parse(data)
    except Damaged as damaged:
        assert str(damaged).strip()
        return
    assert all(isinstance(cell, HandedCell) for cell in read)
    plan = make_plan(read, session.release)
    checked = [step.check for step in plan.steps if step.check]
    assert sorted(checked) == sorted(session.release.exercises)  # each once, whatever came


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_bytes_of_a_notebook_may_be_anything(
    data: st.DataObject, ps01: Session, right_notebook: Callable[..., Any]
) -> None:
    content = bytearray(json.dumps(right_notebook("ps01-sgd")).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.sampled_from([0, 1, 2, 50, 5000]))
        content[start : start + length] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]", b",", b"\\u", b"1e999"])
        )
    _read(bytes(content), ps01)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_tree_of_a_notebook_may_be_anything(
    data: st.DataObject, ps01: Session, right_notebook: Callable[..., Any]
) -> None:
    tree = right_notebook("ps01-sgd")
    for _ in range(data.draw(st.integers(1, 5))):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            inside = isinstance(node[key], (dict, list)) and data.draw(st.integers(0, 3)) > 0
            if not inside:
                action = data.draw(st.sampled_from(["replace", "delete", "copy"]))
                if action == "replace":
                    node[key] = data.draw(_JSON)
                elif action == "delete":
                    del node[key]
                elif isinstance(node, list):
                    node.insert(data.draw(st.integers(0, len(node))), node[key])
                break
            node = node[key]
    _read(json.dumps(tree).encode(), ps01)


def test_a_link_to_the_folder_of_another_student_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "ada" / "ps01-sgd").mkdir(parents=True)
    (tmp_path / "ada" / "ps01-sgd" / "ps01-sgd.ipynb").write_text("{}")
    (tmp_path / "mallory").mkdir()
    (tmp_path / "mallory" / "ps01-sgd").symlink_to(tmp_path / "ada" / "ps01-sgd")
    (tmp_path / "oscar").symlink_to(tmp_path / "ada")
    for student in ("mallory", "oscar"):
        with pytest.raises(Damaged, match="symbolic link"):
            read_bytes(tmp_path / student / "ps01-sgd" / "ps01-sgd.ipynb")
