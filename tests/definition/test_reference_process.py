"""The process of the reference answers or its end is told, and it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course.errors import UserError
from autograder.definition.problem_set import material_of
from autograder.definition.reference_process import ReferenceProcess, result_of

ROOT = Path(__file__).resolve().parents[2]
MAPS = """
from pathlib import Path
from autograder.definition.problem_set import material_of
from autograder.definition.reference_process import ReferenceProcess, result_of
if __name__ == "__main__":
    with ReferenceProcess() as process:
        found = result_of(process.submit(material_of("ps01-sgd"), 5, "cpu"))
        print(found.spec.seed)
        for pid in ("self", process.pid):
            print(Path(f"/proc/{pid}/maps").read_text())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_semaphore_is_there_that_a_kill_would_leave(tmp_path: Path) -> None:
    """One that is open is mapped; and its name stays when everything is killed at once."""
    script = tmp_path / "script.py"
    script.write_text(MAPS)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seed, *maps = done.stdout.splitlines()
    assert seed == "5"
    assert len(maps) > 100
    assert not [line for line in maps if "/dev/shm" in line]


def test_errors_come_as_sentences() -> None:
    with ReferenceProcess() as process:
        process.kill()
        missing = process.submit(material_of("ps01-sgd"), 5, "cpu")
        with pytest.raises(UserError, match="the process that evaluates the reference died"):
            result_of(missing)
