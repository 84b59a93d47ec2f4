"""Notebooks damaged at random: each ends in one status with a reason, and the grader lives on.

Two fuzzers: hypothesis builds things that are almost notebooks, and a seeded mutator damages real
ones, in their bytes, their JSON, their cells and metadata, their encoding, and as files. All of
them have every exercise wrong, so that whatever survives must score nothing.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.course.reading import Damaged, read_bytes
from autograder.grading.handin import HandedCell, Handin, parse
from autograder.grading.plan import make_plan
from autograder.grading.session import Session
from autograder.results.result import Result, Status

Notebook = dict[str, Any]

# statuses that say all by themselves; every other one comes with a reason
PLAIN = {Status.GRADED}
SECONDS = 5.0  # of CPU, to read and plan a notebook, however it is damaged

# --- the mutator ---------------------------------------------------------------------------------

SOURCES = [
    "",
    " ",
    "import numpy as np",
    "1 / 0",
    "def sgd_step(theta, grad, lr):\n    return theta + 2",
    "def sgd_step(:",
    "sgd_step = None",
    "del np",
    "raise NotImplementedError",
    "class clip_by_norm: pass",
    "check = 5",
    "check(sgd_step)",
    "%matplotlib inline",
    "%%bash\ntrue",
    "!true",
    "?print",
    "print('x' * 30_000)",
    "'\\ud800'",
    "\x00",
    "\x1b[31m\u202e",
    "import sys; sys.exit(1)",
    "import os; os._exit(1)",
    "import ctypes; ctypes.string_at(0)",
    "raise MemoryError",
    "# %% [markdown]",
    "await 5",
    "return",
    "\t x = 1",
    "x = (" + "(" * 300,
    "é = '名前'",
    "raise type('E\\n', (Exception,), {})('\\x00')",
]
NUMBERS = [0, -1, 1, 4, 4.0, 3, 1e308, 10**40, -(10**40), 2**63, 0.1, True, False]
TEXTS = ["", "code", "markdown", "sgd_step", "check-sgd_step", "x" * 5000, "\ud800", "\x00", "=1+1"]


def any_json(rng: random.Random, depth: int = 0) -> Any:
    """Some JSON value."""
    kind = rng.randrange(7 if depth < 3 else 4)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(TEXTS)
    if kind == 2:
        return None
    if kind == 3:
        return rng.choice([[], {}])
    if kind == 4:
        return [any_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice(TEXTS)[:20]: any_json(rng, depth + 1) for _ in range(rng.randrange(4))}
    nested: Any = 0
    for _ in range(rng.choice([5, 100, 300])):
        nested = [nested]
    return nested


def places(tree: Any) -> list[tuple[Any, Any]]:
    """All places in a tree: what holds it, and the key or index."""
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in list(items):
            found.append((node, key))
            if isinstance(value, (dict, list)):
                todo.append(value)
    return found


def damage_structure(rng: random.Random, notebook: Notebook) -> None:
    """Change something anywhere in the tree."""
    node, key = rng.choice(places(notebook))
    how = rng.randrange(5)
    if how == 0:
        node[key] = any_json(rng)
    elif how == 1:
        del node[key]
    elif how == 2 and isinstance(node, dict):
        node[rng.choice([*TEXTS, str(key).upper()])] = node.pop(key)
    elif how == 3 and isinstance(node, list):
        node.insert(rng.randrange(len(node) + 1), copy.deepcopy(node[key]))
    else:
        other, its = rng.choice(places(notebook))
        node[key], other[its] = copy.deepcopy(other[its]), copy.deepcopy(node[key])


def damage_cells(rng: random.Random, notebook: Notebook) -> None:
    """Move, copy, remove, mix or rewrite cells."""
    cells = notebook["cells"]
    at, other = rng.randrange(len(cells)), rng.randrange(len(cells))
    how = rng.randrange(8)
    if how == 0:
        rng.shuffle(cells)
    elif how == 1:
        cells.insert(at, copy.deepcopy(cells[other]))
    elif how == 2 and len(cells) > 1:
        del cells[at]
    elif how == 3:
        cells[at]["cell_type"] = rng.choice(["code", "markdown", "raw", "heading", ""])
    elif how == 4:
        cells[at]["source"] = rng.choice(SOURCES)
    elif how == 5:
        cells[at]["source"] = [*str(cells[at].get("source")), any_json(rng)][: rng.randrange(500)]
    elif how == 6:
        cells[at]["source"] = f"{cells[at].get('source')}\n{rng.choice(SOURCES)}"
    else:
        cells[at : at + 1] = [copy.deepcopy(cells[at]) for _ in range(rng.choice([0, 2, 30]))]


def damage_metadata(rng: random.Random, notebook: Notebook) -> None:
    """Change what nbgrader has written into cells."""
    cells = notebook["cells"]
    at, other = rng.choice(cells), rng.choice(cells)
    nbgrader = at["metadata"].get("nbgrader", {})
    how = rng.randrange(7)
    if how == 0:
        at["metadata"], other["metadata"] = other["metadata"], at["metadata"]
    elif how == 1:
        nbgrader[rng.choice(["points", "grade", "locked", "solution", "task"])] = any_json(rng)
    elif how == 2:
        nbgrader["grade_id"] = rng.choice([*TEXTS, any_json(rng)])
    elif how == 3:
        at["metadata"] = rng.choice([{}, None, [], "x", {"nbgrader": any_json(rng)}])
    elif how == 4:
        at["id"], other["id"] = other.get("id"), rng.choice([*TEXTS, any_json(rng)])
    elif how == 5:
        for cell in cells:
            cell["metadata"] = {}
    else:
        notebook["metadata"] = any_json(rng)
        notebook["nbformat_minor"] = any_json(rng)


def damage_text(rng: random.Random, text: str) -> str:
    """Write the JSON otherwise: other numbers, keys twice, other layout."""
    how = rng.randrange(6)
    if how == 0:
        return text.replace('"nbformat": 4', f'"nbformat": {rng.choice(["NaN", "1e999", "04"])}')
    if how == 1:
        return text.replace('"cells":', '"cells": [], "cells":', 1)
    if how == 2:
        return text.replace("{", "{" + " \n\t" * rng.randrange(200), rng.randrange(20))
    if how == 3:
        return text.replace('"', rng.choice(["'", "“", '\\"', "\x00"]), rng.randrange(3))
    if how == 4:
        return text.replace("\\n", rng.choice(["\\u000d\\n", "\\u2028", "\n", "\\n\\n"]))
    return text + rng.choice([text, "}", "\x00", " " * 1000, "// comment", ","])


def damage_bytes(rng: random.Random, data: bytes) -> bytes:
    """Flip, cut, insert, repeat or replace bytes."""
    if not data:
        return b"\x00"
    a, b = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    how = rng.randrange(7)
    if how == 0:
        flipped = bytearray(data)
        for _ in range(rng.choice([1, 1, 5, 100])):
            flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if how == 1:
        return data[:a]
    if how == 2:
        return data[:a] + data[min(b, a + 50) :]
    if how == 3:
        return data[:a] + rng.randbytes(rng.choice([1, 4, 100])) + data[a:]
    if how == 4:
        return data[:b] + data[a : min(b, a + 2000)] * rng.choice([1, 3]) + data[b:]
    if how == 5:
        return data.replace(rng.choice([b"{", b"}", b"[", b'"', b":", b","]), b"", rng.randrange(4))
    return (
        data[:a]
        + rng.choice([b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80"])
        + data[a:]
    )


def other_encoding(rng: random.Random, text: str) -> bytes:
    """The text in another encoding."""
    name = rng.choice(["utf-16", "utf-32", "latin-1", "utf-8-sig", "cp1252", "utf-7", "cp037"])
    return text.encode(name, "replace")


def damaged(rng: random.Random, bases: list[Notebook]) -> bytes:
    """A notebook damaged in one to four ways."""
    notebook = copy.deepcopy(rng.choice(bases))
    for _ in range(rng.choice([1, 1, 2, 4])):
        damage = rng.choice([damage_structure, damage_cells, damage_cells, damage_metadata])
        try:
            damage(rng, notebook)
        except (TypeError, AttributeError, KeyError, IndexError, ValueError):
            break  # it is damaged enough already for this kind of damage to have no place
    text = json.dumps(notebook, ensure_ascii=rng.random() < 0.7)
    if rng.random() < 0.1:
        text = damage_text(rng, text)
    if rng.random() < 0.05:
        return other_encoding(rng, text)
    data = text.encode("utf-8", "surrogatepass")
    while rng.random() < 0.25:
        data = damage_bytes(rng, data)
    return data


def put(rng: random.Random, folder: Path, data: bytes) -> Path:
    """The hand-in in a folder of its own; now and then something else than a file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = folder / "ps01-sgd.ipynb"
    how = rng.randrange(300)
    if how == 0:
        (folder / "elsewhere.ipynb").write_bytes(data)
        path.symlink_to(folder / "elsewhere.ipynb")
    elif how == 1:
        path.symlink_to(path)
    elif how == 2:
        os.mkfifo(path)
    elif how == 3:
        path.mkdir()
    elif how == 4:
        path.symlink_to(rng.choice(["/dev/zero", "/dev/stdin", "/proc/self/mem", "/nowhere"]))
    elif how == 5:
        with path.open("wb") as file:
            file.write(data)
            file.truncate(rng.choice([1 << 22, 1 << 36]))
    elif how == 6:
        pass  # nothing was handed in
    elif how == 7:
        (folder / "elsewhere.ipynb").write_bytes(data)
        path.hardlink_to(folder / "elsewhere.ipynb")
    else:
        path.write_bytes(data)
    return path


# --- what is damaged -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bases(right_notebook: Callable[..., Any], ps01: Session) -> list[Notebook]:
    """Hand-ins with every exercise wrong, unanswered, or failing."""
    specs = ps01.evaluation.spec.exercises

    def answers(body: str) -> dict[str, str]:
        return {
            spec.name: f"def {spec.name}({', '.join(spec.parameters)}):\n    {body}\n"
            for spec in specs
        }

    bodies = ["return 77", "raise ValueError('no')", "print('x'); return None", "return ("]
    made = [right_notebook("ps01-sgd", answers(body)) for body in bodies]
    stub = answers("raise NotImplementedError")
    return [*made, right_notebook("ps01-sgd", stub), right_notebook("ps01-sgd", answers("pass"))]


def read(data: bytes) -> tuple[HandedCell, ...] | None:
    """The hand-in, or None if it is damaged, which must be said in a readable sentence."""
    try:
        return parse(data)
    except Damaged as found:
        told = str(found)
        assert told.strip()
        assert told.isprintable()
        assert len(told) < 300
        return None


def assert_definite(result: Result, full: int) -> None:
    """One status with a reason, and no points, for nothing in these hand-ins is right."""
    assert result.status in set(Status)
    assert result.max_score == full
    assert result.score == sum(exercise.score for exercise in result.exercises) == 0
    if result.status not in PLAIN:
        assert result.detail.strip(), result.status
    assert len(result.detail) < 1000
    assert all(char.isprintable() or char == "\n" for char in result.detail), ascii(result.detail)
    assert "the grader itself failed" not in result.detail


def test_damaged_notebooks_are_read_and_planned(bases: list[Notebook], ps01: Session) -> None:
    readable = 0
    for number in range(1000):
        rng = random.Random(number)
        data = damaged(rng, bases)
        started = time.process_time()
        handin = read(data)
        if handin is not None:
            readable += 1
            plan = make_plan(handin, ps01.release)
            assert {step.check for step in plan.steps} >= set(ps01.release.exercises)
            assert all(isinstance(note, str) and note for note in plan.notes)
        assert time.process_time() - started < SECONDS
    assert 300 < readable < 900  # neither is the damage too small, nor too large


def test_damaged_files_are_read_or_refused(bases: list[Notebook], tmp_path: Path) -> None:
    refused = 0
    for number in range(600):
        rng = random.Random(number)
        path = put(rng, tmp_path / "x", b"{}")
        try:
            assert len(read_bytes(path)) < 1 << 25
        except Damaged as found:
            refused += 1
            assert str(found).strip()
    assert refused > 5


# --- almost notebooks ----------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What is usual, and now and then anything."""
    return st.integers(0, 9).flatmap(lambda roll: json_values if roll == 0 else usual)


grade_ids = st.sampled_from(["sgd_step", "check-sgd_step", "linear_decay", "text-1", "x"])
metadata = st.fixed_dictionaries(
    {},
    optional={
        "nbgrader": mostly(
            st.fixed_dictionaries(
                {"grade_id": mostly(grade_ids)},
                optional={"points": json_values, "locked": json_values, "grade": json_values},
            )
        ),
        "tags": json_values,
    },
)
sources = st.sampled_from(SOURCES) | st.text(max_size=50)
cells = st.fixed_dictionaries(
    {
        "cell_type": mostly(st.sampled_from(["code", "markdown", "raw"])),
        "metadata": mostly(metadata),
    },
    optional={
        "id": mostly(st.text(max_size=10)),
        "source": mostly(sources | st.lists(sources, max_size=3)),
        "outputs": json_values,
        "execution_count": json_values,
    },
)
notebooks = st.fixed_dictionaries(
    {"nbformat": mostly(st.just(4)), "cells": mostly(st.lists(mostly(cells), max_size=8))},
    optional={"metadata": json_values, "nbformat_minor": json_values},
)


@given(tree=notebooks)
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_almost_notebooks_are_read_and_planned(tree: Any, ps01: Session) -> None:
    handin = read(json.dumps(tree).encode())
    if handin is not None:
        plan = make_plan(handin, ps01.release)
        assert {step.check for step in plan.steps} >= set(ps01.release.exercises)


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
)
@settings(max_examples=200)
def test_anything_is_read_or_refused(data: bytes) -> None:
    read(data)


@given(json_values)
def test_any_json_is_read_or_refused(tree: Any) -> None:
    read(json.dumps(tree).encode())


def test_a_notebook_to_search_for_answers_is_planned_quickly(ps01: Session) -> None:
    lists = "x = [" + "0," * 90_000 + "]"
    tree = {
        "cells": [
            {"cell_type": "code", "metadata": {}, "source": source}
            for source in [lists] * 60 + ["(" * 100_000, "a" + ".b" * 90_000, "-" * 190_000] * 10
        ],
        "nbformat": 4,
    }
    started = time.process_time()
    plan = make_plan(parse(json.dumps(tree).encode()), ps01.release)
    assert time.process_time() - started < SECONDS
    assert set(plan.missing) == set(ps01.release.exercises)


# --- through the whole grader --------------------------------------------------------------------


def handed_in(count: int, first: int, bases: list[Notebook], folder: Path) -> Iterator[Handin]:
    """Damaged hand-ins, made as they are asked for, in folders that are used again."""
    for number in range(first, first + count):
        rng = random.Random(number)
        path = put(rng, folder / str(number % 64), damaged(rng, bases))
        yield Handin(str(number), path)


def test_damaged_notebooks_are_graded(
    bases: list[Notebook], ps01: Session, right_notebook: Callable[..., Any], tmp_path: Path
) -> None:
    full = ps01.evaluation.spec.max_score
    handins = handed_in(100, 10**6, bases, tmp_path / "fuzz")
    results = [graded.result for graded in ps01.grade_all(handins)]
    assert len(results) == 100
    for result in results:
        assert_definite(result, full)
    (tmp_path / "right.ipynb").write_text(json.dumps(right_notebook("ps01-sgd")))
    assert ps01.grade(Handin("right", tmp_path / "right.ipynb")).result.score == full


@pytest.mark.long
def test_ten_thousand_damaged_notebooks(
    bases: list[Notebook],
    ps01: Session,
    right_notebook: Callable[..., Any],
    tmp_path: Path,
) -> None:
    count, full = 10_000, ps01.evaluation.spec.max_score
    right = tmp_path / "right.ipynb"
    notebook = right_notebook("ps01-sgd")
    notebook["cells"][0] |= {"cell_type": "code", "source": "%matplotlib inline", "metadata": {}}
    right.write_text(json.dumps(notebook))
    assert (
        ps01.grade(Handin("first", right)).result.score == full
    )  # with it come all processes of the sandbox
    me = psutil.Process()
    running = {process.pid for process in me.children(recursive=True)}
    started, seen = time.monotonic(), Counter[Status]()
    memory = 0
    handins = handed_in(count, 0, bases, tmp_path / "fuzz")
    for number, graded in enumerate(ps01.grade_all(handins), start=1):
        assert_definite(graded.result, full)
        assert len(graded.feedback.encode()) < 20 << 20
        assert json.loads(graded.notebook)["nbformat"] == 4
        seen[graded.result.status] += 1
        if number == 1000:
            memory = me.memory_info().rss
    seconds = time.monotonic() - started
    grown = me.memory_info().rss - memory
    print(f"{count} in {seconds:.0f} s, {grown >> 20} MB more memory, {seen.most_common()}")
    assert seen.total() == count
    assert len(seen) >= 6
    assert grown < 50 << 20
    assert ps01.grade(Handin("last", right)).result.score == full
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = {process.pid for process in me.children(recursive=True)} - running
        if not left:
            break
        time.sleep(0.05)
    assert not left
