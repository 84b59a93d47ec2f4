"""The process that runs one student's notebook, forked from the zygote.

It obeys three orders, "run this cell", "keep this function as it is now" and "call this function
on these cases", and answers with plain data. It holds no reference and no expected value, and what
it says is not believed further than an honest return value would be.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from autograder.selfcheck.calls import run_case
from autograder.selfcheck.spec import Case, Outcome
from autograder.selfcheck.values import ValueRefused, decode, encode

from .wire import Channel, ChannelClosed

_MAX_TEXT = 20_000  # characters of output a cell
_MAX_IMAGES = 8  # a cell
_MAX_IMAGE = 1 << 20  # characters of base64


class WorkerShell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal, history or event loop."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Nothing to do: figures are drawn without a window."""

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        # IPython 9 keeps all that is printed in its history: here that would be without bound
        yield

    def system(self, cmd: str) -> None:
        """Run the shell command of a ``!`` line; IPython would want a terminal for it."""
        done = subprocess.run(
            ["/bin/sh", "-c", self.var_expand(cmd, depth=1)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        print(done.stdout.decode("utf-8", "replace"), end="")
        self.user_ns["_exit_code"] = done.returncode


def prepare_shell() -> WorkerShell:
    """The shell that workers inherit, with inline figures switched on.

    Making it here, once, before the fork, is most of what makes a worker cheap.
    """
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"
    config.InteractiveShell.display_page = True
    shell: WorkerShell = WorkerShell.instance(config=config)
    shell.display_pub = CapturingDisplayPublisher(shell=shell)
    shell.displayhook.quiet = lambda: False
    shell.run_cell("%matplotlib inline", store_history=False)
    _CapturedResults(shell)
    return shell


class _CapturedResults:
    """Collects the value of a cell's last expression as display data."""

    def __init__(self, shell: WorkerShell) -> None:
        hook = shell.displayhook
        hook.write_output_prompt = lambda: None
        hook.finish_displayhook = lambda: None
        hook.write_format_data = lambda data, metadata=None: shell.display_pub.outputs.append(
            {"data": data}
        )


class BoundedText(io.TextIOBase):
    """A stdout that keeps the first characters and counts the rest."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.room = _MAX_TEXT

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Keep what fits."""
        if self.room > 0:
            self.parts.append(text[: self.room])
        self.room -= len(text)
        return len(text)

    def take(self) -> str:
        """The text so far, with a note where something was cut; empties the buffer."""
        text = "".join(self.parts)
        if self.room < 0:
            text += f"\n[... {-self.room} more characters of output are not shown]"
        self.__init__()  # type: ignore[misc]
        return text


def serve(channel: Channel, shell: WorkerShell) -> None:
    """Obey orders until the other side closes the channel."""
    me = os.getpid()
    kept: dict[str, Any] = {}  # functions, as they were where their checks stand
    sys.stdin = io.StringIO()
    while True:
        try:
            order, buffers = channel.receive()
        except ChannelClosed:
            return
        if "run" in order:
            answer = _run_cell(shell, order["run"])
            if os.getpid() != me:  # a fork of the student's that came back here
                os._exit(0)
            channel.send(answer)
        elif "keep" in order:
            kept[order["keep"]] = _function(shell, order["keep"], order["entry"])
        else:
            function = kept.get(order["call"]) or _function(shell, order["call"], order["entry"])
            _call_function(channel, function, order, buffers)
            if os.getpid() != me:
                os._exit(0)


def _function(shell: WorkerShell, name: str, entry: str) -> Any:
    """What is called for the answer ``name``: itself, or the driver that runs it."""
    return shell.user_ns.get(entry) if callable(shell.user_ns.get(name)) else None


def _run_cell(shell: WorkerShell, source: str) -> dict[str, Any]:
    text = BoundedText()
    shell.display_pub.outputs = []
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:  # IPython lets some through, e.g. from its own hooks
            error = raised
    return {
        "text": text.take(),
        "displays": _displays(shell.display_pub.outputs),
        "error": None if error is None else _error(error),
    }


def _displays(outputs: Any) -> list[dict[str, str]]:
    """Text and PNG pictures of what a cell displayed; other formats are left out."""
    room, images, kept = _MAX_TEXT, _MAX_IMAGES, []
    for output in outputs:
        data = output.get("data", {})
        picture = data.get("image/png")
        if isinstance(picture, bytes):
            import base64

            picture = base64.b64encode(picture).decode("ascii")
        if isinstance(picture, str) and images > 0 and len(picture) <= _MAX_IMAGE:
            images -= 1
            kept.append({"image/png": picture})
        elif isinstance(data.get("text/plain"), str) and room > 0:
            kept.append({"text/plain": data["text/plain"][:room]})
            room -= len(data["text/plain"])
    return kept


def _error(error: BaseException) -> dict[str, str]:
    try:
        text = str(error)
    except Exception:
        text = ""
    return {"name": type(error).__name__[:100], "text": text[:1000]}


def _call_function(
    channel: Channel, function: Any, order: dict[str, Any], buffers: list[bytes]
) -> None:
    if not callable(function):
        channel.send({"absent": order["call"]})
        return
    me = os.getpid()
    for tree in order["cases"]:
        case = Case(
            "",
            {name: decode(value, buffers) for name, value in tree["arguments"]},
            tuple({name: decode(value, buffers) for name, value in step} for step in tree["steps"]),
            tuple(tree["feedback"]),
        )
        quiet = BoundedText()
        outcomes = run_case(function, case)
        while True:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                try:
                    outcome = next(outcomes, None)
                except BaseException as raised:
                    outcome = Outcome(error=type(raised).__name__)
            if os.getpid() != me:
                return
            if outcome is None:
                break
            _send_outcome(channel, outcome)
            if outcome.error is not None:
                break
        channel.send({"end": "case"})


def _send_outcome(channel: Channel, outcome: Outcome) -> None:
    if outcome.error is None:
        buffers: list[bytes] = []
        try:
            trees = [encode(item, buffers, 1 << 24) for item in (outcome.value, *outcome.after)]
            channel.send({"value": trees[0], "after": trees[1:]}, buffers)
            return
        except ValueRefused as refused:
            outcome = Outcome(error="ValueRefused", detail=str(refused))
        except builtins.Exception as error:  # an object that breaks when looked at
            outcome = Outcome(error=type(error).__name__)
    channel.send({"error": outcome.error[:100] if outcome.error else "", "detail": outcome.detail})
