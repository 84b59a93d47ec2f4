"""Work on a page as a notebook file and back: notebook.js and store.js, in Node."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.course import problem_set_names
from autograder.course.course import Course

Notebook = dict[str, Any]

# read() as a value, for Node's way of telling an exception is a traceback
READ = """
import {read} from "../exercises/notebook.js";
export function tryRead(content, released, name) {
  try { return read(content, released, name); } catch (error) { return error.message; }
}
"""
KEEP = """
import {Store} from "../exercises/store.js";
class Memory extends Map {
  get length() { return this.size; }
  key(i) { return [...this.keys()][i]; }
  getItem(k) { return this.get(k) ?? null; }
  setItem(k, v) { this.set(k, v); }
  removeItem(k) { this.delete(k); }
}
const ADDED = {id: "a", after: "", type: "code", source: "1"};
export function keep() {
  const memory = new Memory([["/ exercises ps02 f", "another set's"], ["mode", "dark"]]);
  const store = new Store("/", "ps01", () => memory);
  const again = () => new Store("/", "ps01", () => memory).load();
  store.put("f", "one"); store.put("g", "two"); store.put("g", null); store.putAdded([ADDED]);
  const full = again();
  memory.setItem("/ exercises ps01 +", "{");
  const damaged = again();
  memory.setItem("/ exercises ps01 +", '[{"id": 1}, {"id": "a"}]');
  damaged.added.push(...again().added);
  store.clear();
  const none = new Store("/", "ps01", () => { throw new Error("denied"); });
  return {
    full, damaged, left: [...memory.keys()],
    kept: none.put("f", "x"), works: none.works, empty: none.load(),
    seen: store.changed({key: "/ exercises ps01 f"}),
    other: store.changed({key: "/ exercises ps02 f"}),
  };
}
"""


@pytest.fixture
def script(tmp_path: Path, node: Callable[..., Any]) -> Callable[..., Any]:
    """``script(text, function, *args)``: a function of a module beside the pages' scripts."""

    def call(text: str, function: str, *args: Any) -> Any:
        module = tmp_path / "asked.js"
        module.write_text(text)
        return node(module, function, *args)

    return call


def released(name: str = "ps01-sgd") -> Notebook:
    notebook: Notebook = json.loads(Course.find().material(name).notebook.read_text("utf-8"))
    return notebook


def cell(notebook: Notebook, name: str) -> Notebook:
    return next(each for each in notebook["cells"] if each["id"] == name)


AFTER = "check-condition_number"
COMPOSE = 'export {compose} from "../exercises/notebook.js";'


@pytest.mark.parametrize("name", problem_set_names())
def test_without_work_the_notebook_is_the_released_one(
    script: Callable[..., Any], name: str
) -> None:
    made = script(COMPOSE, "compose", released(name), {"cells": {}, "added": []})
    assert made == released(name)


def test_the_work_is_in_the_notebook_and_comes_back(script: Callable[..., Any]) -> None:
    work = {
        "cells": {"sgd_step": "def sgd_step(): ...", "written-batch_size_and_rate": "Mine."},
        "added": [
            {"id": "top", "after": "", "type": "markdown", "source": "First."},
            {"id": "one", "after": AFTER, "type": "code", "source": "1"},
            {"id": "two", "after": AFTER, "type": "code", "source": "2"},
        ],
    }
    shown = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    outputs = {"one": {"count": 3, "outputs": [shown]}}
    made = script(COMPOSE, "compose", released(), work, outputs)
    nbformat.validate(nbformat.from_dict(made))
    ids = [each["id"] for each in made["cells"]]
    assert ids[0] == "top"
    assert ids[ids.index(AFTER) :][:3] == [AFTER, "one", "two"]
    assert cell(made, "one")["outputs"] == [shown]
    assert cell(made, "one")["execution_count"] == 3
    again = script(READ, "tryRead", json.dumps(made), released(), "ps01-sgd")
    assert again == {"work": work, "notes": []}


def test_locked_cells_are_as_released(script: Callable[..., Any]) -> None:
    file = released()
    cell(file, "check-sgd_step")["source"] = "print('all checks pass')"
    work = {"cells": {"check-sgd_step": "1"}, "added": []}
    assert script(COMPOSE, "compose", released(), work) == released()
    read = script(READ, "tryRead", json.dumps(file), released(), "ps01-sgd")
    assert read["work"] == {"cells": {}, "added": []}


def test_cells_that_are_missing_double_or_strange_are_told_and_nothing_is_lost(
    script: Callable[..., Any],
) -> None:
    file = released()
    again = copy.deepcopy(cell(file, "sgd_step"))
    cell(file, "sgd_step")["source"] = ["def sgd_step():\n", "    return 1"]
    again["source"] = "def sgd_step():\n    return 2"
    file["cells"] = [each for each in file["cells"] if each["id"] != "clip_by_norm"]
    file["cells"] += [again, None, 7, {"cell_type": "raw", "source": "raw", "id": "not valid!"}]
    read = script(READ, "tryRead", json.dumps(file), released(), "ps01-sgd")
    assert read["work"]["cells"] == {"sgd_step": "def sgd_step():\n    return 1"}
    assert [each["source"] for each in read["work"]["added"]] == [again["source"], "raw"]
    notes = " ".join(read["notes"])
    assert "clip_by_norm" in notes
    assert "sgd_step" in notes
    made = script(COMPOSE, "compose", released(), read["work"])
    nbformat.validate(nbformat.from_dict(made))
    ids = [each["id"] for each in made["cells"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "does not hold JSON"),
        ("null", "format 4"),
        ('{"nbformat": 3, "worksheets": []}', "format 4"),
        ('{"nbformat": 4, "cells": {}}', "format 4"),
        ('{"nbformat": 4, "cells": [{}, [], "x"]}', "no answer cell"),
        (json.dumps(released("ps02-momentum")), "another problem set"),
    ],
)
def test_what_is_no_notebook_of_this_set_is_refused_in_words(
    script: Callable[..., Any], content: str, says: str
) -> None:
    told = script(READ, "tryRead", content, released(), "ps01-sgd")
    assert isinstance(told, str)
    assert says in told


def test_the_store_keeps_each_changed_cell_by_itself(script: Callable[..., Any]) -> None:
    found = script(KEEP, "keep")
    assert found["full"] == {
        "cells": {"f": "one"},
        "added": [{"id": "a", "after": "", "type": "code", "source": "1"}],
    }
    assert found["damaged"] == {"cells": {"f": "one"}, "added": []}
    assert found["left"] == ["/ exercises ps02 f", "mode"]
    assert found["kept"] is False
    assert found["works"] is False
    assert found["empty"] == {"cells": {}, "added": []}
    assert found["seen"] == "f"
    assert found["other"] is None
