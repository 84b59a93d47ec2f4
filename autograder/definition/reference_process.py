"""The process that evaluates the reference: the only one with torch, and the only one on a GPU.

Specs are computed once per (problem set, seed) in a process of their own, so that the
coordinator stays small and starts at once.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import numpy as np

from autograder.course.course import Material
from autograder.course.errors import UserError
from autograder.selfcheck.records import UNTOLD

from .evaluation import evaluate
from .exercise import DefinitionError
from .problem_set import ProblemSetSpec, material_of


@dataclass(frozen=True)
class Evaluation:
    """A spec, and where it was computed: ``device`` is "cpu", or the name of the GPU.

    ``torch_version`` is empty for a reference in NumPy. ``seconds`` is how long that took, torch
    being loaded; None if it was read from disk.
    """

    spec: ProblemSetSpec
    device: str
    torch_version: str
    seconds: float | None = field(default=None, metadata=UNTOLD)


def evaluate_here(
    of: Material | str, seed: int, device: str, *, stirred: bool = False
) -> Evaluation:
    """Evaluate in this process. ``device`` is "auto", "cpu" or "cuda".

    ``stirred`` puts the global generators of random numbers into another state before: what comes
    of it must be the same.
    """
    material = material_of(of)
    if material.course.library == "torch":
        used, name, version = _device(device)
    elif device == "cuda":
        raise UserError("--device cuda: the reference of this course is in NumPy; use cpu or auto")
    else:
        used, name, version = "cpu", "cpu", ""
    started = time.monotonic()
    if stirred:
        _stir()
    spec = evaluate(material, seed, used)
    return Evaluation(spec, name, version, time.monotonic() - started)


def _stir() -> None:
    random.seed(20_260)
    np.random.seed(20_260)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(20_260)


def _device(device: str) -> tuple[str, str, str]:
    """What torch is to compute on here: as torch calls it, and by name; and torch's version."""
    try:
        import torch
    except ImportError:
        raise UserError(
            "the reference of this course needs torch, which is not installed; "
            "install it: pip install autograder[torch]"
        ) from None
    torch.set_num_threads(1)
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch finds no CUDA device here; use cpu or auto")
    used = "cuda" if device == "cuda" or (device == "auto" and has_gpu) else "cpu"
    name = torch.cuda.get_device_name() if used == "cuda" else "cpu"
    return used, name, str(torch.__version__)


class _RememberingContext(SpawnContext):
    """Knows the processes that it has made: the pool that asks for them tells nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[SpawnProcess] = []

    def Process(self, *arguments: Any, **more: Any) -> SpawnProcess:  # type: ignore[override]
        """As the class that it stands for."""
        self.made.append(SpawnProcess(*arguments, **more))
        return self.made[-1]


class ReferenceProcess:
    """Evaluates specs in one process of its own, started at once and ended by :meth:`close`."""

    def __init__(self) -> None:
        self._context = _RememberingContext()
        self._pool = ProcessPoolExecutor(1, mp_context=self._context, initializer=_end_with_parent)

    def __enter__(self) -> ReferenceProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self, material: Material, seed: int, device: str, *, stirred: bool = False
    ) -> Future[Evaluation]:
        """Start an evaluation, as :func:`evaluate_here` does it."""
        # the process that starts here inherits the mask: Ctrl-C reaches the whole group, and only
        # the coordinator is to act on it
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            return self._pool.submit(evaluate_here, material, seed, device, stirred=stirred)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in self._context.made:  # from Python 3.14 on, the pool has kill_workers()
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


def evaluate_apart(of: Material | str, seed: int, device: str) -> Evaluation:
    """Evaluate one problem set in a process of its own."""
    with ReferenceProcess() as process:
        return result_of(process.submit(material_of(of), seed, device))
