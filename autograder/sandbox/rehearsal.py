"""What makes a worker quick: before the zygote forks any, it does once what each of them will do.

First uses import modules and fill caches. What was done before the fork, no worker does again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

import numpy as np

from autograder.selfcheck.spec import Case

from . import orders
from .figures import show_figures
from .wire import Channel
from .worker import WorkerShell, prepare_shell, serve

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
    # by IPython's own way, which the backslash leads to, and which imports what some workers cannot
    # read
    "%time rate = 0.1\nprint('\\t')",
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


def warm_up(figures: bool, *, drawn: bool = True) -> WorkerShell:
    """A shell for workers to inherit, its first uses behind it; ``figures``: matplotlib's, too.

    Without ``drawn`` it will show figures as text only.
    """
    shell = prepare_shell()
    _play(shell, [*map(orders.run, _CELLS), *_calls()])
    if figures:
        _play(shell, [orders.run("%matplotlib inline")])
        show_figures(shell, drawn=drawn)
        _play(shell, [orders.run(_FIGURE)])
    shell.reset(new_session=True)
    return shell


def _play(shell: WorkerShell, told: Sequence[bytes]) -> None:
    """Be a worker that gets these orders; its answers fit into the buffer of the socket."""
    ours, theirs = socket.socketpair()
    notes = os.open(os.devnull, os.O_WRONLY)
    try:
        with ours, theirs:
            ours.sendall(b"".join(told))
            ours.shutdown(socket.SHUT_WR)
            serve(Channel(theirs), notes, shell)
    finally:
        os.close(notes)


def _calls() -> list[bytes]:
    array = np.arange(6.0).reshape(2, 3)
    frozen = array.copy()
    frozen.flags.writeable = False
    every_second = np.ones((2, 6))[:, ::2]
    cases = (
        Case("", {"parameters": array, "gradient": np.asfortranarray(array), "rate": 0.5}),
        Case("", {"parameters": frozen, "gradient": every_second, "rate": np.float64(1)}),
        Case("", {"parameters": np.ones(3, "float32"), "gradient": np.arange(3), "rate": 1}),
        Case(
            "",
            {"parameters": array, "gradient": array, "rate": 0.1, "state": array},
            ({}, {"rate": 1.0}),
            ("parameters", "state"),
        ),
        Case("", {"parameters": [1.0, "text", None], "gradient": (True, float("nan"))}),
    )
    name = "rehearsed"
    return [orders.keep(name, name), *(orders.call(name, name, [case]) for case in cases)]
