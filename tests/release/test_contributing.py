"""CONTRIBUTING's walk through an exercise and a problem set works when it is followed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from autograder.layout import PACKAGE

ROOT = PACKAGE.parent
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

_CACHES = shutil.ignore_patterns("__pycache__")
_NEEDED = (  # besides the package
    "course.toml",
    "pyproject.toml",
    "solutions/ps01-sgd/ps01-sgd.py",
    "book/sgd.md",
    "tests/conftest.py",
    "tests/exercises/conftest.py",
    "tests/exercises/test_every_problem_set.py",
    "tests/reference/test_schedules.py",
)


def follow(text: str, tree: Path) -> list[str]:
    """Do what the blocks say that begin with the path of a file; return these paths."""
    done = []
    for indent, kind, block in BLOCK.findall(text):
        head, body = textwrap.dedent(indent + block.removeprefix(indent)).split("\n", 1)
        path, _, how = head.removeprefix("# ").partition(", ")
        if not re.fullmatch(r"[\w/.-]+\.py", path):
            continue
        file = tree / path
        if kind == "diff":
            old, new = (
                "".join(line[1:] for line in body.splitlines(keepends=True) if line[0] == sign)
                for sign in "-+"
            )
            assert file.read_text(encoding="utf-8").count(old) == 1, f"{path}: {old}"
            file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        elif how == "at its end":
            with file.open("a", encoding="utf-8") as end:
                end.write(f"\n\n{body}")
        else:
            file.parent.mkdir(exist_ok=True)
            assert not file.exists()
            file.write_text(body, encoding="utf-8")
        done.append(path)
    return done


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which the walk was made."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "autograder", root / "autograder", ignore=_CACHES)
    for file in _NEEDED:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    done = follow((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), root)
    assert len(done) == 9
    source = (root / "solutions/ps01-sgd/ps01-sgd.py").read_text(encoding="utf-8")
    (cells,) = re.findall(
        r"^# %% \[markdown\]\n# ## A falling .*?^check\(linear_decay\)\n", source, re.M | re.S
    )
    with (root / "solutions/ps12-rates/ps12-rates.py").open("a", encoding="utf-8") as end:
        end.write(f"\n{cells}")
    return root


@pytest.mark.slow
def test_the_walk_makes_an_exercise_and_a_composed_problem_set(tree: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-v", "tests", "-k", "ps12 or schedule"]
    run = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    for name in ("straight-line", "exponential_decay-0-99", "one-too-early", "schedule_of_torch"):
        assert name in run.stdout
