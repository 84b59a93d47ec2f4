"""Memory of any kind is limited by a control group where one may be made.

Few machines give one, so a slow test boots user-mode Linux, which does, and runs the others in it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.layout import PACKAGE
from autograder.sandbox import cgroup
from autograder.sandbox import pool as pool_module
from autograder.sandbox.cgroup import MemoryGroup, delegated
from autograder.sandbox.confine import Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import Pool, open_pool
from autograder.sandbox.seccomp import NoFilter

LIMITS = Limits(memory=400 << 20)
HIDDEN = """
import os
files = []
while len(files) < 40:
    files.append(os.memfd_create("x"))
    for _ in range(60): os.write(files[-1], bytes(1 << 20))
"""


@pytest.fixture
def place() -> Path:
    found = delegated()
    if found is None:
        pytest.skip("this user may make no control groups here")
    return found


@pytest.fixture
def unfiltered(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool without the filter, which would refuse what the group is to limit."""

    def nothing() -> bytes:
        raise NoFilter("not here")

    monkeypatch.setattr(pool_module, "worker_filter", nothing)
    with open_pool("auto", Surroundings(LIMITS))[0] as pool:
        yield pool


def test_memory_that_no_process_holds_is_limited(unfiltered: Pool) -> None:
    with unfiltered.worker() as worker:
        worker.channel.send({"run": HIDDEN})
        with pytest.raises(pool_module.ChannelClosed):
            worker.channel.receive(time.monotonic() + 60)
        end = worker.end(patience=2)
    assert (end.signal, end.overuse) == (9, None)
    with unfiltered.worker() as worker:  # and the next one is well
        worker.channel.send({"run": "print(6 * 7)"})
        assert worker.channel.receive(time.monotonic() + 60)[0]["text"] == "42\n"


def test_group_is_gone_with_its_pool(place: Path) -> None:
    before = set(place.iterdir())
    with open_pool("auto", Surroundings(LIMITS))[0]:
        (group,) = set(place.iterdir()) - before
        assert int((group / "memory.max").read_text()) > LIMITS.memory
        assert (group / "cgroup.procs").read_text().split()
    assert set(place.iterdir()) == before


def test_group_of_a_killed_grader_is_removed_by_the_next(place: Path) -> None:
    left = place / "autograder-4194304-0"  # no process has so high a number
    left.mkdir()
    delegated.cache_clear()
    assert delegated() == place
    assert not left.exists()


def test_no_group_without_a_hierarchy_of_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup.psutil, "disk_partitions", lambda all: [])
    assert delegated.__wrapped__() is None


def test_group_that_is_not_ours_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cgroup, "_own_group", lambda: tmp_path)
    assert delegated.__wrapped__() is None  # it has not even a list of processes
    (tmp_path / "cgroup.procs").touch()
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert delegated.__wrapped__() is None  # no memory to be limited
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cgroup.controllers",
        "cgroup.procs",
    ]


def test_command_line_enters_the_group_first(tmp_path: Path) -> None:
    group = MemoryGroup(tmp_path)
    done = subprocess.run(
        group.command(["/bin/sh", "-c", "echo $$ $0", "a b"]),
        capture_output=True,
        text=True,
        check=True,
    )
    entered = (group.path / "cgroup.procs").read_text()
    assert done.stdout == f"{entered.strip()} a b\n"


INIT = """#!/bin/sh
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /tmp
mkdir -p /dev/shm && mount -t tmpfs none /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
echo +memory > /sys/fs/cgroup/cgroup.subtree_control; mkdir /sys/fs/cgroup/scope
export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp PYTHONDONTWRITEBYTECODE=1
cd {root}
sh -c 'echo $$ > /sys/fs/cgroup/scope/cgroup.procs && exec "$@"' sh \\
    {python} -m pytest -q --color=no -p no:cacheprovider {this} 2>&1
{python} -c "import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)"
"""


@pytest.mark.long
def test_these_tests_pass_where_groups_may_be_made(tmp_path: Path) -> None:
    linux = shutil.which("linux.uml")
    if linux is None:
        pytest.skip("user-mode Linux is not installed (Debian: apt-get install user-mode-linux)")
    if delegated() is not None:
        pytest.skip("they are run here already")
    init = tmp_path / "init"
    init.write_text(INIT.format(root=PACKAGE.parent, python=sys.executable, this=Path(__file__)))
    init.chmod(0o755)
    done = subprocess.run(
        [
            *(linux, "mem=3G", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}"),
            *("con=null", "con0=null,fd:1"),
        ],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=600,
    )
    told = done.stdout.decode(errors="replace")
    assert re.search(r"^\d+ passed, 1 deselected in", told, re.MULTILINE), told[-3000:]
