"""Messages over a socket: lengths, a JSON header, raw buffers. No pickle, no code.

    1 byte    1 if this message ends an answer, 0 if more of it follows
    4 bytes   length of the header, big-endian
    4 bytes   length of the body, big-endian
    header    JSON object; "buffers" lists the lengths of the buffers
    body      the buffers, one after the other

The receiving side sets the limits and the deadline, and trusts nothing that it reads.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.selfcheck.language import say

MAX_HEADER = 1 << 22
MAX_BODY = 1 << 22
MAX_STRUCTURE = 1 << 17  # brackets, commas and colons of a header: JSON takes much memory for each
HELD_SECONDS = 0.05  # for which a worker may hold an answer back, to send several together
_READ_AHEAD = 1 << 18
_PREFIX = struct.Struct(">BII")


class ChannelClosed(Exception):
    """The other side is gone."""


class DeadlineMissed(Exception):
    """No whole message came (or could be sent) in time."""


class BadMessage(Exception):
    """What came is not a message of this protocol, or is over the limits."""


@dataclass(frozen=True)
class Frame:
    """A message as received, its parts not looked at yet."""

    last: bool
    header: bytes
    body: bytes

    def open(self) -> tuple[dict[str, Any], list[memoryview]]:
        """The message and its buffers, which are views of the body. Raises BadMessage."""
        if sum(map(self.header.count, (b"{", b"[", b",", b":"))) > MAX_STRUCTURE:
            raise BadMessage(say("a header of too many parts"))
        try:
            message = json.loads(self.header.decode("utf-8"))
        except (ValueError, RecursionError):
            raise BadMessage(say("a header that is not JSON")) from None
        lengths = message.pop("buffers", None) if isinstance(message, dict) else None
        if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
            raise BadMessage(say("a header without its buffers"))
        if sum(lengths) != len(self.body):
            raise BadMessage(say("buffers that are not as long as it says"))
        buffers, at = [], 0
        body = memoryview(self.body)
        for length in lengths:
            buffers.append(body[at : at + length])
            at += length
        return message, buffers


def packed(message: dict[str, Any], buffers: Sequence[bytes] = (), *, last: bool = True) -> bytes:
    """The bytes of one message."""
    parts = {name: json.dumps(item) for name, item in message.items()}
    return packed_parts(parts, buffers, last=last)


def packed_parts(
    parts: Mapping[str, str], buffers: Sequence[bytes] = (), *, last: bool = True
) -> bytes:
    """The bytes of a message whose items are JSON texts already."""
    items = [f'"{name}":{text}' for name, text in parts.items()]
    items.append(f'"buffers":[{",".join(str(len(b)) for b in buffers)}]')
    header = f"{{{','.join(items)}}}".encode()
    prefix = _PREFIX.pack(last, len(header), sum(len(b) for b in buffers))
    return b"".join([prefix, header, *buffers])


class Channel:
    """One end of a conversation in messages; at most ``allowance`` bytes are taken in."""

    def __init__(self, connection: socket.socket, allowance: float = float("inf")) -> None:
        self._socket = connection
        self._ahead = bytearray()
        self.allowance = allowance

    def send(
        self, message: dict[str, Any], buffers: Sequence[bytes] = (), deadline: float | None = None
    ) -> None:
        """Send one message; ``deadline`` is a time.monotonic() value."""
        self.send_packed(packed(message, buffers), deadline)

    def send_packed(self, data: bytes, deadline: float | None = None) -> None:
        """Send what :func:`packed` made. Raises ChannelClosed or DeadlineMissed."""
        try:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(data)
        except TimeoutError:
            raise DeadlineMissed from None
        except OSError as error:
            raise ChannelClosed(str(error)) from None

    def receive(self, deadline: float | None = None) -> tuple[dict[str, Any], list[memoryview]]:
        """Receive one message with its buffers; ``deadline`` is a time.monotonic() value.

        Raises ChannelClosed, DeadlineMissed or BadMessage.
        """
        return self.receive_frame(deadline).open()

    def receive_frame(self, deadline: float | None = None) -> Frame:
        """Receive one message, to be opened later. Raises as :meth:`receive`.

        After DeadlineMissed it can be called again, and goes on with the same message.
        """
        self._await(_PREFIX.size, deadline)
        last, header, body = _PREFIX.unpack_from(self._ahead)
        if header > MAX_HEADER:
            raise BadMessage(say("a header over the size limit"))
        if body > MAX_BODY:
            raise BadMessage(say("buffers over the size limit"))
        end = _PREFIX.size + header
        whole = end + body
        if whole > self.allowance:
            self.allowance = 0
            raise BadMessage(say("more data than a notebook may return in all"))
        self._await(whole, deadline)
        self.allowance -= whole
        with memoryview(self._ahead) as ahead:
            frame = Frame(last != 0, bytes(ahead[_PREFIX.size : end]), bytes(ahead[end:whole]))
        del self._ahead[:whole]
        return frame

    @property
    def has_more(self) -> bool:
        """Whether some of the next message has been read already."""
        return bool(self._ahead)

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _await(self, count: int, deadline: float | None) -> None:
        # messages are small and many: read ahead, so that most cost no system call
        while len(self._ahead) < count:
            try:
                self._socket.settimeout(_left(deadline))
                received = self._socket.recv(_READ_AHEAD)
            except TimeoutError:
                raise DeadlineMissed from None
            except OSError as error:
                raise ChannelClosed(str(error)) from None
            if not received:
                raise ChannelClosed("the other side is gone")
            self._ahead += received


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineMissed
    return left
