"""Training on several processes with torch.distributed, for the chapter on parallel training.

A ``Team`` is a number of processes on this machine that can send each other tensors. They are
started once and run one job after another, each with its own rank::

    with Team(2) as team:
        results = team.run(data_parallel, task)  # data_parallel(task) in every process

Within a job, ``torch.distributed`` works as usual. The processes talk over the loopback interface
and find each other through a file, so no network, no host name and no free port is needed. Nobody
waits for ever: a call has a time limit, and if it passes, or a process fails, all are ended.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.func import functional_call

from autograder.reference import data_parallel_gradient, momentum_step, sgd_step

# ---- processes -----------------------------------------------------------------------------------


class WorkerError(RuntimeError):
    """A process of a team failed, ended, or took too long; the team is closed."""


def _loopback() -> str | None:
    names = [name for _, name in socket.if_nameindex()] if hasattr(socket, "if_nameindex") else []
    return next((name for name in names if name.startswith("lo")), None)


def _serve(rank: int, size: int, folder: str, limit: float, orders: Connection) -> None:
    """Do jobs until the pipe is closed: what a process of a team does all its life."""
    # What libraries print goes to a file: a page must not change with the mood of a network.
    printed = os.open(_printed(folder, rank), os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    if (name := _loopback()) is not None:
        os.environ["GLOO_SOCKET_IFNAME"] = name
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    try:
        dist.init_process_group(
            "gloo",
            init_method=(Path(folder) / "store").as_uri(),
            rank=rank,
            world_size=size,
            timeout=datetime.timedelta(seconds=limit),
        )
        while True:
            job, arguments = orders.recv()
            orders.send((True, job(*arguments)))
    except EOFError:
        pass  # the team was closed, or the process that started it is gone
    except BaseException:
        with contextlib.suppress(OSError):
            orders.send((False, traceback.format_exc()))


def _printed(folder: str, rank: int) -> Path:
    return Path(folder) / f"rank-{rank}.txt"


class Team:
    """``size`` processes joined by torch.distributed with the gloo backend.

    Args:
        size: how many processes; their ranks are 0 to size − 1.
        seconds: how long starting, or one job, may take. Collectives that wait longer fail, too.

    Close it when it is no longer needed, or use it in a ``with`` statement. The processes also end
    with the one that started them, however that one ends.

    Raises:
        ValueError: fewer than one process.
    """

    def __init__(self, size: int, seconds: float = 120):
        if size < 1:
            raise ValueError(f"a team has at least one process, not {size}")
        self.seconds = seconds
        self._folder = tempfile.TemporaryDirectory(prefix="workers-")
        context = mp.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for rank in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve,
                args=(rank, size, self._folder.name, seconds, theirs),
                daemon=True,
            )
            process.start()
            theirs.close()  # so that we notice when the process is gone
            self._pipes.append(ours)
            self._processes.append(process)

    def run(self, job: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> list:
        """Run ``job(*arguments)`` in every process, and return the results by rank.

        Job, arguments and results travel by pickle: the job must be a function of a module.

        Raises:
            WorkerError: a process failed, with what it said, or the time was up. All processes are
                ended then.
        """
        if not self._processes:
            raise WorkerError("the team is closed")
        limit = self.seconds if seconds is None else seconds
        until = time.monotonic() + limit
        results: dict[int, Any] = {}
        waiting = dict(zip(self._pipes, range(len(self._pipes)), strict=True))
        try:
            for pipe in waiting:
                pipe.send((job, arguments))
            while waiting:
                ready = wait(list(waiting), max(0.0, until - time.monotonic()))
                if not ready:
                    raise WorkerError(
                        f"{job.__name__}: no answer from rank {_join(waiting.values())} "
                        f"within {limit:g} seconds"
                    )
                for pipe in ready:
                    rank = waiting.pop(pipe)
                    fine, result = pipe.recv()
                    if not fine:
                        raise WorkerError(f"{job.__name__}: rank {rank} failed\n{result}")
                    results[rank] = result
        except (EOFError, BrokenPipeError, ConnectionResetError) as error:
            logs = sorted(Path(self._folder.name).glob("rank-*.txt"))
            last = "\n".join(log.read_text(errors="replace")[-1000:] for log in logs).strip()
            self.close()
            raise WorkerError(
                f"{job.__name__}: a process ended by itself\n{last}".strip()
            ) from error
        except BaseException:
            self.close()
            raise
        return [results[rank] for rank in range(len(results))]

    def close(self) -> None:
        """End the processes, by force where they do not go by themselves."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(0.5)
            if process.is_alive():
                process.kill()
                process.join()
        self._pipes, self._processes = [], []
        self._folder.cleanup()

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _join(ranks: Any) -> str:
    return " and ".join(str(rank) for rank in ranks)


# ---- what is trained -----------------------------------------------------------------------------


class Task(NamedTuple):
    """A classification task, and how to train on it.

    ``theta`` (P,): the first parameters of ``network``; ``X`` (n, features), ``y`` (n,): examples;
    ``batches`` (T, B): the indices of each step's batch; ``lr``, ``mu``: rate and momentum.
    """

    theta: Tensor
    X: Tensor
    y: Tensor
    batches: Tensor
    lr: float
    mu: float = 0.0


def network(features: int = 65, hidden: int = 32, classes: int = 10) -> nn.Module:
    """One hidden layer of tanh units."""
    return nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, classes))


def mean_gradient(theta: Tensor, X: Tensor, y: Tensor) -> Tensor:
    """Gradient (P,) of the mean cross-entropy over these examples; zero if there are none."""
    if not len(y):
        return torch.zeros_like(theta)
    with torch.device("meta"):
        model = network(X.shape[-1])
    shapes = {name: p.shape for name, p in model.named_parameters()}
    leaf = theta.detach().requires_grad_()
    parts = zip(shapes.items(), leaf.split([s.numel() for s in shapes.values()]), strict=True)
    scores = functional_call(model, {n: p.view(shape) for (n, shape), p in parts}, (X,))
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(scores, y), leaf)
    return gradient


def shard(batch: Tensor, workers: int, rank: int) -> Tensor:
    """The part of a batch that a worker gets; sizes differ by one at most."""
    return batch.tensor_split(workers)[rank]


def one_process(task: Task) -> Tensor:
    """Momentum on one machine: the parameters after each step, (T + 1, P)."""
    theta, v = task.theta, torch.zeros_like(task.theta)
    path = [theta]
    for batch in task.batches:
        g = mean_gradient(theta, task.X[batch], task.y[batch])
        theta, v = momentum_step(theta, v, g, task.lr, task.mu)
        path.append(theta)
    return torch.stack(path)


# ---- jobs: every process of a team runs the function, with its own rank --------------------------


def data_parallel(task: Task) -> Tensor:
    """Synchronous: every worker holds θ and v, takes its shard, and makes the same step."""
    rank, workers = dist.get_rank(), dist.get_world_size()
    theta, v = task.theta, torch.zeros_like(task.theta)
    path = [theta]
    for batch in task.batches:
        own = shard(batch, workers, rank)
        g = len(own) * mean_gradient(theta, task.X[own], task.y[own])
        dist.all_reduce(g)  # now the sum over all workers
        theta, v = momentum_step(theta, v, g / len(batch), task.lr, task.mu)
        path.append(theta)
    return torch.stack(path)


def synchronous_server(task: Task) -> Tensor:
    """Synchronous: rank 0 collects the gradients, makes the step, and sends θ to everybody.

    The server is a worker, too, so that a team of two has two workers.
    """
    rank, workers = dist.get_rank(), dist.get_world_size()
    theta, v = task.theta.clone(), torch.zeros_like(task.theta)
    path = [theta.clone()]
    for batch in task.batches:
        own = shard(batch, workers, rank)
        g = mean_gradient(theta, task.X[own], task.y[own])
        inbox = [torch.empty_like(g) for _ in range(workers)] if rank == 0 else None
        dist.gather(g, inbox)
        if inbox is not None:
            counts = [len(part) for part in batch.tensor_split(workers)]
            g = data_parallel_gradient(list(zip(inbox, counts, strict=True)))
            theta, v = momentum_step(theta, v, g, task.lr, task.mu)
        dist.broadcast(theta, src=0)
        path.append(theta.clone())
    return torch.stack(path)


class Log(NamedTuple):
    """What happened on the server of an asynchronous run.

    ``worker`` (T,): whose gradient update t used; ``version`` (T,): the number of the update after
    which that worker had fetched the parameters; ``path`` (T + 1, P): the parameters.
    """

    worker: Tensor
    version: Tensor
    path: Tensor


def asynchronous(task: Task, pauses: list[float]) -> Log | None:
    """Rank 0 is the server; each other process sends a gradient when it has one, and goes on.

    Worker k takes the batches number k, k + K, k + 2K, … and rests ``pauses[k]`` seconds for each,
    as if it were a slower machine. The run ends after T updates; gradients that are under way then
    are lost. Returns the server's log, None in the other processes.
    """
    rank, workers = dist.get_rank(), dist.get_world_size() - 1
    updates = len(task.batches)
    if rank == 0:
        theta = task.theta.clone()
        path, who, when = [theta], [], []
        fetched = [0] * workers
        inbox = torch.empty_like(theta)
        for t in range(updates + workers):  # the last messages only tell the workers to stop
            sender = dist.recv(inbox)  # from whoever comes first
            k = sender - 1
            if t < updates:
                who.append(k)
                when.append(fetched[k])
                theta = sgd_step(theta, inbox, task.lr)
                path.append(theta)
                fetched[k] = t + 1
            # one more number says whether to go on
            dist.send(torch.cat([theta, theta.new_tensor([float(t < updates)])]), dst=sender)
        return Log(torch.tensor(who), torch.tensor(when), torch.stack(path))
    k, count = rank - 1, 0
    theta = task.theta
    while True:
        batch = task.batches[(k + count * workers) % updates]
        g = mean_gradient(theta, task.X[batch], task.y[batch])
        time.sleep(pauses[k])
        dist.send(g, dst=0)
        answer = torch.empty(len(theta) + 1, dtype=theta.dtype)
        dist.recv(answer, src=0)
        theta, count = answer[:-1], count + 1
        if not answer[-1]:
            return None


def replay(task: Task, log: Log, workers: int) -> tuple[Tensor, Tensor]:
    """Repeat an asynchronous run in one process, from the log's workers and versions alone.

    Returns the parameters (T + 1, P) and the gradients in the order of the updates (T, P).
    """
    theta, counts = task.theta, [0] * workers
    path, gradients = [theta], []
    for k, version in zip(log.worker.tolist(), log.version.tolist(), strict=True):
        batch = task.batches[(k + counts[k] * workers) % len(task.batches)]
        counts[k] += 1
        g = mean_gradient(path[version], task.X[batch], task.y[batch])
        path.append(sgd_step(path[-1], g, task.lr))
        gradients.append(g)
    return torch.stack(path), torch.stack(gradients)


def ring_all_reduce(x: Tensor) -> tuple[Tensor, int]:
    """The sum of x over all workers, by a ring of neighbours; and the bytes that this worker sent.

    x is cut into K pieces. In each of K − 1 rounds every worker sends one piece to the right and
    adds what comes from the left: then each worker has one piece of the sum. In K − 1 more rounds
    the finished pieces go around.
    """
    rank, workers = dist.get_rank(), dist.get_world_size()
    pieces = [piece.clone() for piece in x.tensor_split(workers)]
    right, left = (rank + 1) % workers, (rank - 1) % workers
    sent = 0
    for turn in range(2 * (workers - 1)):
        out, into = (rank - turn) % workers, (rank - turn - 1) % workers
        arriving = torch.empty_like(pieces[into])
        sending = dist.isend(pieces[out], dst=right)
        dist.recv(arriving, src=left)
        sending.wait()
        pieces[into] = pieces[into] + arriving if turn < workers - 1 else arriving
        sent += pieces[out].nbytes
    return torch.cat(pieces), sent


def compare_rings(size: int) -> tuple[float, int]:
    """The ring beside torch's own all-reduce: largest difference, and bytes sent by this worker."""
    x = torch.randn(size, generator=torch.Generator().manual_seed(dist.get_rank()))
    total, sent = ring_all_reduce(x)
    dist.all_reduce(x)
    return float((total - x).abs().max()), sent


def distributed_data_parallel(task: Task, counts: list[int]) -> Tensor:
    """The gradient that torch's DistributedDataParallel leaves in θ, with ``counts`` examples each.

    The worker's examples are those of the first batch, cut in the order of the ranks.
    """
    rank = dist.get_rank()
    model = network(task.X.shape[-1])
    nn.utils.vector_to_parameters(task.theta, model.parameters())
    wrapped = nn.parallel.DistributedDataParallel(model)
    own = task.batches[0][: sum(counts)].split(counts)[rank]
    nn.functional.cross_entropy(wrapped(task.X[own]), task.y[own]).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def lonely_barrier() -> None:
    """All but the last worker wait for it at a barrier; the last one never comes."""
    if dist.get_rank() < dist.get_world_size() - 1 or dist.get_world_size() == 1:
        dist.barrier()
    else:
        time.sleep(3600)
