"""Training on several processes: the same as on one, within limits of time, without leftovers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import workers
from torch import nn
from workers import Task, Team, WorkerError

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


PATIENCE = 120  # seconds; for a machine with other things to do


def make_task(batch: int, mu: float, steps: int = 8) -> Task:
    draw = torch.Generator().manual_seed(1)
    X = torch.randn(90, 7, generator=draw, dtype=torch.float64)
    y = torch.randint(3, (90,), generator=draw)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        theta = nn.utils.parameters_to_vector(workers.network(7).double().parameters()).detach()
    batches = torch.stack([torch.randperm(90, generator=draw)[:batch] for _ in range(steps)])
    return Task(theta, X, y, batches, lr=0.3, mu=mu)


def with_torch(task: Task) -> torch.Tensor:
    """The last parameters of the same run with torch.optim, on one process."""
    model = workers.network(7).double()
    nn.utils.vector_to_parameters(task.theta.clone(), model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=task.lr, momentum=task.mu)
    for batch in task.batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(task.X[batch]), task.y[batch]).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def pids(team: Team) -> list[int]:
    return [process.pid or 0 for process in team._processes]


def alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(processes: list[int], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(map(alive, processes)) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(map(alive, processes))


@pytest.fixture(
    scope="module",
    params=[1, 2, pytest.param(3, marks=pytest.mark.long)],
    ids=lambda n: f"{n}-processes",
)
def team(request: pytest.FixtureRequest) -> Iterator[Team]:
    made = Team(request.param, PATIENCE)
    started = pids(made)
    yield made
    made.close()
    assert not any(map(alive, started))


@pytest.mark.parametrize("job", [workers.data_parallel, workers.synchronous_server])
@pytest.mark.parametrize("batch", [12, 13])  # 13 cannot be cut into equal shards
def test_parallel_training_is_that_of_one_process(team: Team, job: object, batch: int) -> None:
    task = make_task(batch, mu=0.8)
    paths = team.run(job, task)  # type: ignore[arg-type]
    alone = workers.one_process(task)
    assert torch.allclose(alone[-1], with_torch(task), rtol=0, atol=1e-12)
    for path in paths:
        assert torch.allclose(path, alone, rtol=0, atol=1e-12)


def test_workers_without_an_example_take_part(team: Team) -> None:
    task = make_task(1, mu=0.0)
    for path in team.run(workers.data_parallel, task):
        assert torch.allclose(path[-1], with_torch(task), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [60, 61, 2])
def test_the_ring_sums_and_sends_what_the_formula_says(team: Team, size: int) -> None:
    results = team.run(workers.compare_rings, size)
    K = len(results)
    for gap, sent in results:
        assert gap < 1e-12
        if size % K == 0:
            assert sent == 2 * (K - 1) * size * 8 // K
    assert sum(sent for _, sent in results) == 2 * (K - 1) * size * 8


@pytest.mark.slow
def test_torchs_own_class_takes_the_plain_mean_of_shards(team: Team) -> None:
    K = len(pids(team))
    task = make_task(12, mu=0.0)
    whole = workers.mean_gradient(task.theta, task.X[task.batches[0]], task.y[task.batches[0]])
    equal = team.run(workers.distributed_data_parallel, task, [12 // K] * K)
    assert torch.allclose(equal[0], whole, rtol=0, atol=1e-12)
    if K > 1:
        counts = [12 - 2 * (K - 1), *[2] * (K - 1)]
        found = team.run(workers.distributed_data_parallel, task, counts)[0]
        parts = task.batches[0].split(counts)
        each = [workers.mean_gradient(task.theta, task.X[part], task.y[part]) for part in parts]
        assert torch.allclose(found, torch.stack(each).mean(0), rtol=0, atol=1e-12)
        assert not torch.allclose(found, whole, rtol=0, atol=1e-3)


def test_an_asynchronous_run_is_sgd_with_the_logged_delays(team: Team) -> None:
    K = len(pids(team)) - 1
    if K < 1:
        pytest.skip("a server and no worker")
    task = make_task(10, mu=0.0, steps=40)
    log = team.run(workers.asynchronous, task, [0.0] * K)[0]
    path, gradients = workers.replay(task, log, K)
    assert torch.allclose(path, log.path, rtol=0, atol=1e-12)
    assert torch.allclose(task.theta - task.lr * gradients.sum(0), path[-1], rtol=0, atol=1e-12)
    staleness = torch.arange(40) - log.version
    assert int(staleness.min()) >= 0
    assert K - 1 - K * K / 40 <= float(staleness.double().mean()) <= K - 1


def test_a_failure_is_reported_and_ends_all() -> None:
    team = Team(2, PATIENCE)
    started = pids(team)
    with pytest.raises(WorkerError, match=r"data_parallel: rank \d failed(.|\n)*IndexError"):
        team.run(workers.data_parallel, make_task(6, 0.0)._replace(y=torch.zeros(1).long()))
    assert gone(started, 10)
    with pytest.raises(WorkerError, match="closed"):
        team.run(workers.lonely_barrier)


@pytest.mark.slow
def test_a_job_that_hangs_ends_in_time() -> None:
    team = Team(2, PATIENCE)
    started = pids(team)
    team.run(workers.compare_rings, 4)  # all are there
    with pytest.raises(WorkerError, match="lonely_barrier: no answer from rank 0 and 1 within 1 s"):
        team.run(workers.lonely_barrier, seconds=1)
    assert gone(started, 10)


def test_a_process_that_dies_is_noticed() -> None:
    team = Team(2, PATIENCE)
    team.run(workers.compare_rings, 4)
    os.kill(pids(team)[1], signal.SIGKILL)
    with pytest.raises(WorkerError, match="compare_rings"):
        team.run(workers.compare_rings, 4)


def test_what_workers_print_stays_off_the_page(capfd: pytest.CaptureFixture[str]) -> None:
    with Team(1, PATIENCE) as team:
        team.run(print, "said by a worker")
    out, err = capfd.readouterr()
    assert out == err == ""


def test_no_process_outlives_the_one_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        sys.path[:0] = [{str(BOOK)!r}, {str(ROOT)!r}]
        from workers import Team, compare_rings
        if __name__ == "__main__":
            team = Team(2, {PATIENCE})
            team.run(compare_rings, 4)
            print(*[process.pid for process in team._processes], flush=True)
            time.sleep(600)
        """)
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    started = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(started) == 2 and all(map(alive, started))
    parent.kill()
    parent.wait()
    assert gone(started, 30)


@pytest.mark.slow
def test_no_network_is_needed(tmp_path: Path) -> None:
    """Only a loopback interface: no other interface, no name that could be looked up."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        pytest.skip("bubblewrap is not installed")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(BOOK)!r}, {str(ROOT)!r}]
        from workers import Team, compare_rings
        if __name__ == "__main__":
            with Team(2, {PATIENCE}) as team:
                print(team.run(compare_rings, 4))
        """)
    )
    view = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", "/tmp", "/tmp"]
    hidden = ["--bind", str(tmp_path), str(tmp_path), "--unshare-net", "--unshare-uts"]
    command = [bubblewrap, *view, *hidden, "--hostname", "nowhere.invalid", "--"]
    probe = subprocess.run([*command, "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("bubblewrap may not make a network namespace here")
    done = subprocess.run(
        [*command, sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("(0.0, 32)") == 2


def test_a_team_has_somebody() -> None:
    with pytest.raises(ValueError, match="at least one process, not 0"):
        Team(0)
