"""The process that runs one student's notebook, forked from the zygote.

It obeys four orders, "run this cell", "keep this function as it is now", "tell which of these use
what was changed since" and "call this function on these cases", and answers with plain data. It
holds no reference and no expected value, and what it says is not believed further than an honest
return value would be.

Answers are held back until all orders at hand are done, or one took long: to wake the grader for
each would cost as much as most calls take. Which order is worked at is noted in a pipe, a byte for
each that is begun, and read when the worker is late or lost.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from autograder.selfcheck.calls import run_case
from autograder.selfcheck.language import say
from autograder.selfcheck.spec import Outcome
from autograder.selfcheck.values import Buffer, ValueRefused, encode

from .orders import answer_room, case_in
from .uses import Uses
from .wire import HELD_SECONDS, Channel, ChannelClosed, packed

_MAX_TEXT = 20_000  # characters of output a cell
_MAX_IMAGES = 8  # a cell
_MAX_IMAGE = 1 << 20  # characters of base64
_PROGRAMS = {"bash": ["bash"], "sh": ["sh"], "script": []}  # of cell magics
_MAX_HELD = 1 << 20  # bytes of answers that are held back to be sent together


class WorkerShell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal, history or event loop."""

    def enable_gui(self, gui: str | None = None) -> None:
        """Nothing to do: figures are drawn without a window."""

    def run_cell(
        self, raw_cell: str, store_history: bool = False, *given: Any, **named: Any
    ) -> ExecutionResult:
        """Run a cell. One that is Python, but for magics, takes no more than what it does.

        IPython would parse it three times. And whatever a worker is the first to run since the
        fork costs it copies of pages, so most of IPython's way to a plain cell is left out.
        """
        source = raw_cell if raw_cell.endswith("\n") else f"{raw_cell}\n"
        body = None
        if not (store_history or given or named or self._is_special(source)):
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                name = self.compile.cache(source, self.execution_count)
                body = self.compile.ast_parse(source, filename=name).body
            if body is None:  # with a magic or a command, or not valid, as IPython will tell
                with contextlib.suppress(Exception):
                    python = self.transform_cell(source)
                    name = self.compile.cache(python, self.execution_count, raw_code=raw_cell)
                    body = self.compile.ast_parse(python, filename=name).body
        if not body:
            return super().run_cell(raw_cell, store_history, *given, **named)
        result = ExecutionResult(None)
        result.execution_count = self.execution_count
        try:
            self.events.trigger("pre_execute")
            self._run_statements(body, name, result)
        finally:
            self.events.trigger("post_execute")
        return result

    def _is_special(self, source: str) -> bool:
        """Whether IPython may do more with a cell, or with any, than to run it as Python."""
        # the prompt of a pasted cell, which Python takes for a type; and what Python may warn of
        # when it is parsed, which is told once
        if any(sign in source for sign in ("In [", "await", "async", "\\")):
            return True
        told = (self.events.callbacks[event] for event in ("pre_run_cell", "post_run_cell"))
        own = self.ast_transformers, self.custom_exceptions, self.trio_runner
        usual = self.ast_node_interactivity == "last_expr" and not self.logger.log_active
        return any(told) or any(own) or not usual

    def _run_statements(self, body: list[ast.stmt], name: str, result: ExecutionResult) -> None:
        """Run statements as IPython does: each by itself, to the first that raises."""
        self.displayhook.exec_result = result
        hook, sys.excepthook = sys.excepthook, self.excepthook
        compiled = False
        try:
            for statement in body:
                compiled = False
                if statement is body[-1] and isinstance(statement, ast.Expr):
                    code = self.compile(ast.Interactive([statement]), name, "single")
                else:
                    code = self.compile(ast.Module([statement], []), name, "exec")
                compiled = True
                exec(code, self.user_global_ns, self.user_ns)
        except SystemExit as error:
            result.error_in_exec = error
            self.showtraceback(exception_only=True)
        except BaseException as error:
            if compiled:
                result.error_in_exec = error
            else:
                result.error_before_exec = error
            self.showtraceback(running_compiled_code=compiled)
        finally:
            sys.excepthook = hook
        self.last_execution_succeeded = result.success
        self.last_execution_result = result
        self.displayhook.exec_result = None

    @contextlib.contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        # IPython 9 keeps all that is printed in its history: here that would be without bound
        yield

    def system(self, cmd: str) -> None:
        """Run the shell command of a ``!`` line; IPython would want a terminal for it."""
        self.user_ns["_exit_code"] = _run_program(["/bin/sh", "-c", self.var_expand(cmd, depth=1)])

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        """Run ``%%bash`` and the like; IPython would wait for what they leave in the background."""
        words = shlex.split(line) if magic_name in _PROGRAMS else ["--"]
        if any(word.startswith("--") for word in words):  # IPython's own options
            return super().run_cell_magic(magic_name, line, cell)
        program = [*_PROGRAMS[magic_name], *words]
        status = _run_program(program, cell)
        if status != 0:
            raise subprocess.CalledProcessError(status, program)
        return None


def _run_program(program: Sequence[str], told: str = "") -> int:
    """Run a program, print what it has written when it ends, and return its exit status."""
    with tempfile.TemporaryFile() as output:  # a pipe would stay open for what it leaves behind
        done = subprocess.run(
            program,
            input=f"{told}\n".encode("utf-8", "replace"),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        written = output.tell()
        output.seek(0)
        print(output.read(4 * _MAX_TEXT).decode("utf-8", "replace"), end="")
        if written > 4 * _MAX_TEXT:
            print(f"\n[... {written - 4 * _MAX_TEXT} more bytes of output are not shown]")
    return done.returncode


def prepare_shell() -> WorkerShell:
    """The shell that workers inherit.

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
    _CapturedResults(shell)
    # they stand as long as the shell does: to set them for each cell would touch many a page
    shell.builtin_trap.__enter__()
    shell.display_trap.__enter__()
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


class Outbox:
    """Holds answers back, to be sent together; but what took long at once."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held: list[bytes] = []
        self._size = 0
        self._sent = time.monotonic()

    def put(self, message: bytes) -> None:
        """Take in a message; send all if it is time to."""
        self._held.append(message)
        self._size += len(message)
        if self._size > _MAX_HELD or self.is_due():
            self.flush()

    def is_due(self) -> bool:
        """Whether what there is to send should not wait any longer."""
        return time.monotonic() - self._sent > HELD_SECONDS

    def flush(self) -> None:
        """Send what is held. Raises ChannelClosed."""
        if self._held:
            self._channel.send_packed(b"".join(self._held))
            self._held, self._size = [], 0
        self._sent = time.monotonic()


def serve(channel: Channel, notes: int, shell: WorkerShell) -> None:
    """Obey orders until the other side closes the channel.

    ``notes`` is the descriptor, not blocking, that is told of each order when it is begun.
    """
    me = os.getpid()
    kept: dict[str, Any] = {}  # functions, as they were where their checks stand
    uses: dict[str, Uses] = {}
    changed: list[str] = []
    outbox = Outbox(channel)
    sys.stdin = io.StringIO()
    with contextlib.suppress(ChannelClosed):
        while True:
            if not channel.has_more:
                outbox.flush()
            order, buffers = channel.receive()
            with contextlib.suppress(OSError):  # if it is full or gone, the notebook saw to that
                os.write(notes, b".")
            if "run" in order:
                answer = _run_cell(shell, order["run"])
                if os.getpid() == me:
                    outbox.put(packed(answer))
            elif "keep" in order:
                name = order["keep"]
                kept[name] = _function(shell, name, order["entry"])
                if kept[name] is not None:
                    uses[name] = Uses(kept[name], shell.user_ns)
            elif "changed" in order:
                changed = [name for name, use in uses.items() if use.changed()]
                outbox.put(packed({"changed": changed}))
            elif order["call"] in changed:
                outbox.put(packed({"outcomes": []}))
            else:
                name, entry = order["call"], order["entry"]
                _call_function(
                    outbox, kept.get(name) or _function(shell, name, entry), order, buffers
                )
            if os.getpid() != me:  # a fork of the student's that came back here
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
        # the name of its file, which str() adds, is one that nobody has given
        if isinstance(error, SyntaxError) and error.lineno is not None:
            text = say("line {line}: {error}", line=error.lineno, error=error.msg)
        else:
            text = str(error)
    except Exception:
        text = ""
    return {"name": type(error).__name__[:100], "text": text[:1000]}


def _call_function(
    outbox: Outbox, function: Any, order: dict[str, Any], buffers: Sequence[Buffer]
) -> None:
    if not callable(function):
        outbox.put(packed({"absent": order["call"]}))
        return
    me = os.getpid()
    answer = _Answer(outbox)
    quiet = BoundedText()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        for index, tree in enumerate(order["cases"]):
            outcomes = run_case(function, case_in(tree, buffers))
            while True:
                try:
                    outcome = next(outcomes, None)
                except BaseException as raised:
                    outcome = Outcome(error=type(raised).__name__)
                if os.getpid() != me:
                    return
                if outcome is None:
                    break
                answer.add(index, outcome)
                if outcome.error is not None:
                    break
    answer.send(last=True)


class _Answer:
    """Collects the outcomes of an order's calls; what took long goes before the next call."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.outcomes: list[dict[str, Any]] = []
        self.buffers: list[bytes] = []
        self.size = 0
        self.room = answer_room()

    def add(self, case: int, outcome: Outcome) -> None:
        """Take in the outcome of a call."""
        count = len(self.buffers)
        try:
            tree = self.tree(outcome)
        except Exception as error:  # an object that breaks when looked at
            del self.buffers[count:]
            detail = str(error) if isinstance(error, ValueRefused) else ""
            tree = {"error": type(error).__name__[:100], "detail": detail}
        self.outcomes.append({"case": case, **tree})
        self.size += sum(len(buffer) for buffer in self.buffers[count:])
        if self.size > _MAX_HELD or self.outbox.is_due():
            self.send(last=False)

    def tree(self, outcome: Outcome) -> dict[str, Any]:
        if outcome.error is not None:
            return {"error": outcome.error[:100], "detail": outcome.detail}
        tree = {"value": encode(outcome.value, self.buffers, self.room)}
        if outcome.after is not None:
            tree["after"] = [encode(item, self.buffers, self.room) for item in outcome.after]
        return tree

    def send(self, *, last: bool) -> None:
        """Hand over what has been collected."""
        self.outbox.put(packed({"outcomes": self.outcomes}, self.buffers, last=last))
        self.outcomes, self.buffers, self.size = [], [], 0
