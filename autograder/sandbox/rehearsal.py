"""What makes a worker quick: before the zygote forks any, it does once what each of them will do.

First uses import modules, fill caches, and let Python specialize its bytecode. What was done before
the fork, no worker does again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograder.selfcheck.values import encode

from .wire import Channel, packed
from .worker import WorkerShell, prepare_shell, serve

_ROUNDS = 4
_CELLS = (
    "import numpy as np\nfrom selfcheck import check",
    '''def rehearsed(parameters, gradient, rate=0.1, state=None):
    """Something like an answer."""
    if state is None:
        state = np.zeros_like(parameters)
    state = 0.9 * state - rate * gradient
    total = 0.0
    for value in np.ravel(gradient):
        total += float(value) ** 2
    scale = np.sqrt(np.mean(gradient**2)) + np.exp(-total).sum()
    return parameters + state / scale, state
''',
    "class Rehearsed:\n    def __init__(self):\n        self.rate = 0.1\nprint(Rehearsed().rate)",
    "rng = np.random.default_rng(0)\nx = rng.normal(size=(4, 3))\nx @ x.T",
    "f'{np.linalg.norm(x):.3f}'",
    "raise ValueError('as rehearsed')",
    "undefined_name",
)
_FIGURE = """import matplotlib.pyplot as plt
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
left.plot([0, 1, 2], [1e-3, 1, 1e2], "o--", label="$f(x)$")
left.set_yscale("log")
left.set_xlabel("step")
left.set_title("A figure")
left.legend()
left.grid(True)
right.contour(np.arange(12.0).reshape(3, 4))
plt.show()
plt.plot([1, 2, 3])
plt.ylabel("loss")
plt.show()"""


def warm_up(figures: bool) -> WorkerShell:
    """A shell for workers to inherit, its first uses behind it; ``figures``: matplotlib's, too."""
    shell = prepare_shell()
    for _ in range(_ROUNDS):
        _play(shell, [*map(_run, _CELLS), *_calls()])
    if figures:
        _play(shell, [_run("%matplotlib inline"), _run(_FIGURE)])
    shell.reset(new_session=True)
    if figures:
        _play(shell, [_run("%matplotlib inline")])
    return shell


def _play(shell: WorkerShell, orders: Sequence[bytes]) -> None:
    """Be a worker that gets these orders; its answers fit into the buffer of the socket."""
    ours, theirs = socket.socketpair()
    notes = os.open(os.devnull, os.O_WRONLY)
    try:
        with ours, theirs:
            ours.sendall(b"".join(orders))
            ours.shutdown(socket.SHUT_WR)
            serve(Channel(theirs), notes, shell)
    finally:
        os.close(notes)


def _run(source: str) -> bytes:
    return packed({"run": source})


def _calls() -> list[bytes]:
    array = np.arange(6.0).reshape(2, 3)
    frozen = array.copy()
    frozen.flags.writeable = False
    cases: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"parameters": array, "gradient": np.asfortranarray(array), "rate": 0.5}, []),
        ({"parameters": frozen, "gradient": np.ones((2, 6))[:, ::2], "rate": np.float64(1)}, []),
        ({"parameters": np.ones(3, "float32"), "gradient": np.arange(3), "rate": 1}, []),
        (
            {"parameters": array, "gradient": array, "rate": 0.1, "state": array},
            [{}, {"rate": 1.0}],
        ),
        ({"parameters": [1.0, "text", None], "gradient": (True, float("nan"))}, []),
    ]
    kept = packed({"keep": "rehearsed", "entry": "rehearsed"})
    return [kept, *(_call(given, steps) for given, steps in cases)]


def _call(given: dict[str, Any], steps: list[dict[str, Any]]) -> bytes:
    buffers: list[bytes] = []
    case = {
        "arguments": [[name, encode(value, buffers)] for name, value in given.items()],
        "steps": [
            [[name, encode(value, buffers)] for name, value in step.items()] for step in steps
        ],
        "feedback": ["parameters", "state"] if steps else [],
    }
    return packed({"call": "rehearsed", "entry": "rehearsed", "cases": [case]}, buffers)
