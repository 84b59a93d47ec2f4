"""What the doctor says of AppArmor's restriction, which only some machines have."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from autograder.doctor import apparmor


@pytest.mark.parametrize("content", ["0\n", None])
def test_nothing_is_said_where_it_is_not_set(tmp_path: Path, content: str | None) -> None:
    switch = tmp_path / "switch"
    if content is not None:
        switch.write_text(content)
    assert list(apparmor([], switch)) == []


def test_it_is_no_matter_where_namespaces_nest(tmp_path: Path) -> None:
    (tmp_path / "switch").write_text("1\n")
    (found,) = apparmor(["full", "limits"], tmp_path / "switch")
    assert found.fine
    assert "may nest them all the same" in found.text


@pytest.mark.parametrize(
    ("working", "why"),
    [
        (["limits"], "bubblewrap may make none."),
        (["bubblewrap", "limits"], "none may be made inside them."),
    ],
)
def test_else_the_remedy_is_given_as_commands(tmp_path: Path, working: list[str], why: str) -> None:
    (tmp_path / "switch").write_text("1\n")
    (found,) = apparmor(working, tmp_path / "switch")
    assert why in found.text
    printf, *_ = (line.strip() for line in found.text.splitlines() if "printf" in line)
    command, _, _ = printf.partition(" | sudo tee /etc/apparmor.d/bwrap")
    made = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert "  userns,\n" in made
    assert made.startswith("abi <abi/4.0>,\n")
    assert made.endswith("}\n")
    for line in found.text.splitlines()[1:]:
        assert shlex.split(line)
