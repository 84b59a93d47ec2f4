"""Messages over a socket: a length, a JSON header, raw buffers. No pickle, no code.

    4 bytes   length of the header, big-endian
    header    JSON object; "buffers" lists the lengths of the buffers
    buffers   raw bytes

The receiving side sets the limits and the deadline, and trusts nothing that it reads.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

MAX_HEADER = 1 << 22
MAX_BUFFERS = 1 << 25
_READ_AHEAD = 1 << 18
_LENGTH = struct.Struct(">I")


class ChannelClosed(Exception):
    """The other side is gone."""


class DeadlineMissed(Exception):
    """No whole message came (or could be sent) in time."""


class BadMessage(Exception):
    """What came is not a message of this protocol, or is over the limits."""


class Channel:
    """One end of a conversation in messages."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._ahead = bytearray()

    def send(
        self, message: dict[str, Any], buffers: Sequence[bytes] = (), deadline: float | None = None
    ) -> None:
        """Send one message; ``deadline`` is a time.monotonic() value."""
        header = json.dumps({**message, "buffers": [len(b) for b in buffers]}).encode()
        data = b"".join([_LENGTH.pack(len(header)), header, *buffers])
        try:
            self._socket.settimeout(_left(deadline))
            self._socket.sendall(data)
        except TimeoutError:
            raise DeadlineMissed from None
        except OSError as error:
            raise ChannelClosed(str(error)) from None

    def receive(self, deadline: float | None = None) -> tuple[dict[str, Any], list[bytes]]:
        """Receive one message with its buffers; ``deadline`` is a time.monotonic() value.

        Raises ChannelClosed, DeadlineMissed or BadMessage.
        """
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))
        if length > MAX_HEADER:
            raise BadMessage("a header over the size limit")
        try:
            message = json.loads(self._exactly(length, deadline).decode("utf-8"))
        except (ValueError, RecursionError):
            raise BadMessage("a header that is not JSON") from None
        lengths = message.pop("buffers", None) if isinstance(message, dict) else None
        if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
            raise BadMessage("a header without its buffers")
        if sum(lengths) > MAX_BUFFERS:
            raise BadMessage("buffers over the size limit")
        return message, [self._exactly(n, deadline) for n in lengths]

    def close(self) -> None:
        """Close this end."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _exactly(self, count: int, deadline: float | None) -> bytes:
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
        data = bytes(self._ahead[:count])
        del self._ahead[:count]
        return data


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineMissed
    return left
