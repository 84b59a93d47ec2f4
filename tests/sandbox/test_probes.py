"""The attempts to break out by which the doctor proves isolation: they fail at the level that
promises so, and tell when a layer is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import doctor
from autograder.cli import app
from autograder.layout import PACKAGE
from autograder.sandbox import isolation
from autograder.sandbox.isolation import FULL, LEVELS, Surroundings
from autograder.sandbox.pool import Pool, SandboxError, open_pool
from autograder.sandbox.probes import PROBE_LIMITS, PROBES, Probe, Result, run_probes

LOOKS = "looks for other processes and signals one"
SIGNALS_PARENT = "signals the process that started it"
READS_FILES = "reads /etc/passwd and files in the home folder"
FILLS = "fills /tmp and /dev/shm"
GROWS = "makes a file larger than allowed"
HOARDS = "takes more memory in one process than allowed"
HOARDS_TOGETHER = "takes more memory in eight processes than allowed"
HIDES = "hides memory from the limits (memfd_create, System V)"
FORKS = "starts more processes than allowed"
CALLS = "makes system calls that no notebook needs"
RISES = "becomes root or gains capabilities"
OPENS = "opens more files than allowed"
PRINTS = "prints 100 MB"
COMPUTES = "computes for longer than allowed, in three processes"


def _pool(level: str, secrets: Path) -> Pool:
    try:
        return open_pool(level, Surroundings(PROBE_LIMITS, (secrets,)))[0]
    except SandboxError as error:
        pytest.skip(f"level {level} does not work here: {error}")


def _results(level: str, secrets: Path, probes: tuple[Probe, ...] = PROBES) -> list[Result]:
    with _pool(level, secrets) as pool:
        return list(run_probes(pool, PROBE_LIMITS, secrets, probes))


def test_every_probe_has_its_own_name_and_a_level_that_holds_against_it() -> None:
    assert len({probe.name for probe in PROBES}) == len(PROBES) >= 20
    for probe in PROBES:
        assert FULL.name in probe.promised
        assert probe.promised <= {level.name for level in LEVELS}


def test_full_holds_against_every_probe(tmp_path: Path) -> None:
    results = _results(FULL.name, tmp_path)
    assert all(result.promised for result in results)
    assert [(r.probe, r.text) for r in results if not r.held] == []
    assert len(results) == len(PROBES)


NOT_PREVENTED = {
    "unfiltered": (),
    "bubblewrap": (SIGNALS_PARENT, FORKS),
    "namespaces": (READS_FILES,),
    "limits": (LOOKS, SIGNALS_PARENT, READS_FILES, FILLS, FORKS),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "level",
    [pytest.param(n, marks=[pytest.mark.long] if n == "bubblewrap" else []) for n in NOT_PREVENTED],
)
def test_weaker_level_holds_what_it_promises_and_tells_the_rest(level: str, tmp_path: Path) -> None:
    with _pool(level, tmp_path) as pool:
        found = {finding.subject: finding for finding in doctor.try_to_break(pool, tmp_path)}
    assert [finding for finding in found.values() if finding.fine is False] == []
    assert found[f"a hand-in that {OPENS}"].fine is True
    for name in NOT_PREVENTED[level]:
        finding = found[f"a hand-in that {name}"]
        assert finding.fine is None
        assert f"isolation {level} does not prevent it" in finding.text


BREAKS = {
    "capabilities are kept": ("confine", "def drop_privileges(): pass", {RISES}),
    "no limits of the kernel": (
        "confine",
        "def limit_resources(*arguments, **named): pass",
        {GROWS, HOARDS, FORKS, OPENS},
    ),
    "no filter": ("confine", "def filter_system_calls(program): pass", {HIDES, CALLS}),
    "mounts without bound": (
        "confine",
        "bounded = _mount\n"
        "def _mount(source, target, kind, flags, options):\n"
        "    options = options.replace('size=16777216', 'size=1000000000')\n"
        "    bounded(source, target, kind, flags, options)",
        {FILLS},
    ),
    "nobody watches": (
        "watch",
        "def overuse(*arguments): return None",
        {HOARDS_TOGETHER, COMPUTES},
    ),
    "output without bound": ("worker", "_MAX_TEXT = 1 << 30", {PRINTS}),
}


@pytest.fixture
def broken_sandbox(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[set[str]]:
    """A sandbox with one layer missing; yields the names of the probes that must tell."""
    module, change, probes = BREAKS[request.param]
    copy = tmp_path / "sandbox"
    shutil.copytree(PACKAGE / "sandbox", copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\n{change}\n")
    code = [
        (copy if there == "autograder/sandbox" else here, there)
        for here, there in isolation.worker_code()
    ]
    monkeypatch.setattr(isolation, "worker_code", lambda *cases: code)
    yield probes


@pytest.mark.parametrize("broken_sandbox", BREAKS, indirect=True)
def test_probe_tells_when_its_layer_is_missing(broken_sandbox: set[str], tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    probes = tuple(replace(probe, patience=3.0) for probe in PROBES if probe.name in broken_sandbox)
    results = _results(FULL.name, secrets, probes)
    assert {result.probe for result in results if not result.held} == broken_sandbox
    assert all(result.promised and result.text for result in results)


def test_a_layer_that_does_not_hold_is_bad_and_the_exit_status_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leaking = [Result("reads a file of the course", True, False, "it is open")]
    monkeypatch.setattr(doctor, "run_probes", lambda *arguments: iter(leaking))
    done = CliRunner().invoke(app, ["doctor"])
    assert "BAD a hand-in that reads a file of the course: it is open" in done.stdout
    assert done.exit_code == 1
