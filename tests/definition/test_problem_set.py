"""Which files a problem set is made of: its own, and those of problem sets it takes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.definition import problem_set
from autograder.definition.problem_set import definition_files

FILES = {
    "__init__.py": "",
    "ps96.py": "from .ps97 import first",
    "ps97/__init__.py": "from . import first",
    "ps97/first.py": "from .steps import CHECKS",
    "ps97/steps.py": "import numpy as np",
    "ps98/__init__.py": "from ..ps97 import first",
    "ps99/__init__.py": "from autograder.exercises import ps98",
}


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("ps97-alone", []),
        ("ps98-composed", ["ps97"]),
        ("ps99-through-another", ["ps97", "ps98"]),
        ("ps96-one-module", ["ps97"]),
    ],
)
def test_a_definition_is_made_of_what_it_imports(
    name: str, others: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file, text in FILES.items():
        path = tmp_path / "exercises" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(problem_set, "PACKAGE", tmp_path)
    found = {path.relative_to(tmp_path / "exercises").as_posix() for path in definition_files(name)}
    wanted = [*others, name[:4]]
    assert found == {f for f in FILES if f == "__init__.py" or f[:4] in wanted}


def test_a_name_that_is_none_is_no_problem_set() -> None:
    with pytest.raises(KeyError):
        definition_files("../ps01")
