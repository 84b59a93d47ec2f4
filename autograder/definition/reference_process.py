"""The process that evaluates the reference: the only one with torch, and the only one on a GPU.

Specs are computed once per (problem set, seed) in a process of their own, so that the
coordinator stays small and starts at once.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from autograder.paths import UserError

from .evaluation import evaluate
from .exercise import DefinitionError
from .problem_set import ProblemSetSpec


@dataclass(frozen=True)
class Evaluation:
    """A spec, and where it was computed: ``device`` is "cpu", or the name of the GPU.

    ``seconds`` is how long that took, torch being loaded; None if it was read from disk.
    """

    spec: ProblemSetSpec
    device: str
    torch_version: str
    seconds: float | None = None


def evaluate_here(problem_set: str, seed: int, device: str) -> Evaluation:
    """Evaluate in this process. ``device`` is "auto", "cpu" or "cuda"."""
    import torch

    torch.set_num_threads(1)
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch finds no CUDA device here; use cpu or auto")
    used = "cuda" if device == "cuda" or (device == "auto" and has_gpu) else "cpu"
    name = torch.cuda.get_device_name() if used == "cuda" else "cpu"
    started = time.monotonic()
    spec = evaluate(problem_set, seed, used)
    return Evaluation(spec, name, str(torch.__version__), time.monotonic() - started)


class ReferenceProcess:
    """Evaluates specs in one process of its own, started at once and ended by :meth:`close`."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_parent)

    def __enter__(self) -> ReferenceProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, problem_set: str, seed: int, device: str) -> Future[Evaluation]:
        """Start an evaluation."""
        # the process starts here and keeps this: Ctrl-C, or an end of the whole group, is for the
        # coordinator to act on
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            return self._pool.submit(evaluate_here, problem_set, seed, device)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        processes = list((self._pool._processes or {}).values())  # 3.14 has kill_workers()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
            process.join()


def _end_with_parent() -> None:
    """Have this process end when its parent does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def result_of(future: Future[Evaluation]) -> Evaluation:
    """Wait for an evaluation; errors become UserError with a readable text."""
    try:
        return future.result()
    except DefinitionError as error:
        raise UserError(f"the definition of the problem set is wrong: {error}") from None
    except BrokenProcessPool:
        raise UserError("the process that evaluates the reference died; is memory short?") from None


def evaluate_apart(problem_set: str, seed: int, device: str) -> Evaluation:
    """Evaluate one problem set in a process of its own."""
    with ReferenceProcess() as process:
        return result_of(process.submit(problem_set, seed, device))
