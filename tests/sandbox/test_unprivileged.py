"""The sandbox also works for a user who is not root. (Run by such a user, all tests show that;
run by root, this one gives up root in a process of its own.)"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox.confine import NOBODY, Limits
from autograder.sandbox.isolation import Surroundings
from autograder.sandbox.pool import SandboxError, open_pool

PROGRAM = """
import os, time
from autograder.sandbox.confine import Limits
from autograder.sandbox.pool import open_pool

assert os.getuid() == {uid}
pool, reasons = open_pool("auto", Surroundings(Limits()))
with pool, pool.worker() as worker:
    worker.channel.send({{"run": "print(6 * 7)"}}, deadline=time.monotonic() + 20)
    answer, _ = worker.channel.receive(time.monotonic() + 20)
print(pool.level.name, answer["text"].strip(), reasons)
"""


def test_strongest_level_of_root_works_for_nobody_too(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("this user is not root: every other test shows it")
    try:
        pool, _ = open_pool("auto", Surroundings(Limits()))
        pool.close()
    except SandboxError as error:
        pytest.skip(f"no level works here: {error}")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    for folder in (home, *list(home.parents)[:-2]):
        folder.chmod(0o755)
    root = str(Path(__file__).parents[2])
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": root}
    options = {
        "user": NOBODY,
        "group": NOBODY,
        "extra_groups": [],
        "env": environment,
        "cwd": "/",
        "capture_output": True,
        "text": True,
        "check": False,
    }
    try:
        done = subprocess.run([sys.executable, "-c", "import autograder, numpy"], **options)
        reason = done.stderr.strip()
    except PermissionError as error:
        reason = str(error)
    if reason:
        pytest.skip(f"user {NOBODY} cannot run this Python or read this checkout: {reason[-200:]}")
    done = subprocess.run([sys.executable, "-c", PROGRAM.format(uid=NOBODY)], **options)
    assert done.stdout.startswith(f"{pool.level.name} 42"), done.stdout + done.stderr
