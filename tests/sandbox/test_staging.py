"""What a killed grader leaves in the folder for temporary files is removed by the next one, and
nothing else is."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.sandbox.confine import NOBODY
from autograder.sandbox.staging import PREFIX, Staging, remove_left_over

KILLED = """
import os, signal
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import open_pool
pool, _ = open_pool("auto", Surroundings(Limits()))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of our own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def left_over(folder: Path, name: str = "left") -> Path:
    made = folder / f"{PREFIX}{name}"
    (made / "inner").mkdir(parents=True)
    (made / "inner" / "file").write_text("left over")
    return made


def test_what_a_killed_grader_left_is_removed_by_the_next(temporary: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list(temporary.glob(f"{PREFIX}*"))) == 1
    staging = Staging()
    assert list(temporary.iterdir()) == [staging.path]
    staging.close()
    assert list(temporary.iterdir()) == []


def test_folder_of_a_living_grader_stays(temporary: Path) -> None:
    living, other = Staging(), Staging()
    remove_left_over()
    assert living.path.is_dir()
    assert other.path.is_dir()
    living.close()
    assert list(temporary.iterdir()) == [other.path]
    other.close()


def test_folder_that_is_removed_before_it_is_locked_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []
    lock = fcntl.flock

    def late(descriptor: int, how: int) -> None:
        if not taken:
            taken.extend(temporary.iterdir())
            shutil.rmtree(taken[0])
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", late)
    staging = Staging()
    assert staging.path.is_dir()
    assert [staging.path] != taken
    staging.close()


def test_folder_of_another_user_stays(temporary: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can make a folder of another user's")
    theirs = left_over(temporary)
    os.chown(theirs, NOBODY, NOBODY)
    remove_left_over()
    assert (theirs / "inner" / "file").exists()


def test_links_are_neither_followed_nor_removed(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("precious")
    link = temporary / f"{PREFIX}link"
    link.symlink_to(precious)
    left = left_over(temporary)
    (left / "link").symlink_to(precious)
    remove_left_over()
    assert (precious / "file").read_text() == "precious"
    assert link.is_symlink()
    assert not left.exists()


def test_files_and_folders_of_other_names_stay(temporary: Path) -> None:
    file = temporary / f"{PREFIX}file"
    file.write_text("not a folder")
    other = temporary / "autograder-matplotlib-0"
    other.mkdir()
    remove_left_over()
    assert file.exists()
    assert other.exists()
