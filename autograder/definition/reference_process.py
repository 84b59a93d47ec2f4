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
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np

from autograder.course.course import Material
from autograder.course.errors import UserError
from autograder.selfcheck.records import UNTOLD

from .evaluation import evaluate
from .exercise import DefinitionError
from .problem_set import ProblemSetSpec, material_of

_T = TypeVar("_T")


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


class _Died(Exception):
    """The process is gone, and what it was to evaluate with it."""


class ReferenceProcess:
    """Evaluates specs in one process of its own, ended by :meth:`close`.

    It is talked to over a pipe: a pool of processes would have semaphores, which stay in /dev/shm
    when everything is killed at once.
    """

    def __init__(self) -> None:
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="reference")
        self._ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        # the process that starts here inherits the mask: Ctrl-C reaches the whole group, and only
        # the coordinator is to act on it
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        # at the end of Python it would be waited for, and it does not act on SIGTERM
        weakref.finalize(self, self._process.kill)

    def __enter__(self) -> ReferenceProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self, material: Material, seed: int, device: str, *, stirred: bool = False
    ) -> Future[Evaluation]:
        """Start an evaluation, as :func:`evaluate_here` does it."""
        return self.call(evaluate_here, material, seed, device, stirred=stirred)

    def call(self, function: Callable[..., _T], *given: Any, **named: Any) -> Future[_T]:
        """Start a call of a function that can be pickled, as can what it gets and returns."""
        return self._asking.submit(self._ask, partial(function, *given, **named))

    def _ask(self, asked: Callable[[], _T]) -> _T:
        try:
            self._ours.send(asked)
            answer = self._ours.recv()
        except (OSError, EOFError):
            raise _Died from None
        if isinstance(answer, BaseException):
            raise answer
        result: _T = answer
        return result

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    def kill(self) -> None:
        """End the process, whatever it is doing; what it was asked for ends with it."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """End the process, and forget what it was asked for."""
        self._asking.shutdown(wait=False, cancel_futures=True)
        self.kill()


def _serve(connection: Connection) -> None:
    """Answer what comes over the connection, until the other side is gone."""
    _end_with_parent()
    while True:
        try:
            asked = connection.recv()
        except EOFError:
            return
        try:
            connection.send(asked())
        except Exception as error:
            connection.send(error)


def _end_with_parent() -> None:
    """Have this process end when its parent does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def result_of(future: Future[_T]) -> _T:
    """Wait for what was asked for; errors become UserError with a readable text."""
    try:
        return future.result()
    except DefinitionError as error:
        raise UserError(f"the definition of the problem set is wrong: {error}") from None
    except _Died:
        raise UserError("the process that evaluates the reference died; is memory short?") from None


def evaluate_apart(of: Material | str, seed: int, device: str) -> Evaluation:
    """Evaluate one problem set in a process of its own."""
    with ReferenceProcess() as process:
        return result_of(process.submit(material_of(of), seed, device))
