"""Messages over a socket: whole ones come through, and nothing hostile gets further."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.sandbox.wire import (
    MAX_BODY,
    MAX_HEADER,
    BadMessage,
    Channel,
    ChannelClosed,
    DeadlineMissed,
)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    yield Channel(ours), theirs
    ours.close()
    theirs.close()


def soon() -> float:
    return time.monotonic() + 0.3


def prefix(header: int, body: int) -> bytes:
    return struct.pack(">BII", 1, header, body)


def frame(header: bytes, body: bytes = b"") -> bytes:
    return prefix(len(header), len(body)) + header + body


def test_message_and_buffers_come_through(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    other = Channel(theirs)
    sent = [b"", b"\x00\xff" * 1000, bytes(300_000)]
    sender = threading.Thread(target=channel.send, args=({"ä": [1, None, "x"]}, sent, soon() + 5))
    sender.start()
    assert other.receive(soon() + 5) == ({"ä": [1, None, "x"]}, sent)
    sender.join()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (prefix(MAX_HEADER + 1, 0), "header over the size limit"),
        (b"\xff" * 9, "header over the size limit"),
        (prefix(2, MAX_BODY + 1), "buffers over the size limit"),
        (frame(b"nothing like JSON"), "not JSON"),
        (frame(b""), "not JSON"),
        (frame(b"\xff\xfe"), "not JSON"),
        (frame(b"[" * 100_000), "not JSON"),
        (frame(b'{"buffers": [' + b"9" * 5000 + b"]}"), "not JSON"),
        (frame(b"[1, 2]"), "without its buffers"),
        (frame(b"5"), "without its buffers"),
        (frame(b"{}"), "without its buffers"),
        (frame(b'{"buffers": 5}'), "without its buffers"),
        (frame(b'{"buffers": [-1]}'), "without its buffers"),
        (frame(b'{"buffers": [true]}'), "without its buffers"),
        (frame(b'{"buffers": [1.5]}'), "without its buffers"),
        (frame(b'{"buffers": ["1"]}'), "without its buffers"),
        (frame(b'{"buffers": [NaN]}'), "without its buffers"),
        (frame(b'{"buffers": [4000000000]}'), "not as long as it says"),
        (frame(b'{"buffers": [3, 4]}', b"123456"), "not as long as it says"),
        (frame(b'{"buffers": []}', b"1"), "not as long as it says"),
    ],
)
def test_hostile_frame_is_refused(
    ends: tuple[Channel, socket.socket], data: bytes, told: str
) -> None:
    channel, theirs = ends
    theirs.sendall(data)
    with pytest.raises(BadMessage, match=told):
        channel.receive(soon())


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00\x00", frame(b'{"buffers": []}')[:-1], frame(b'{"buffers": [4]}', b"abcd")[:-1]],
)
def test_part_of_a_frame_misses_the_deadline_or_finds_the_end(
    ends: tuple[Channel, socket.socket], data: bytes
) -> None:
    channel, theirs = ends
    theirs.sendall(data)
    with pytest.raises(DeadlineMissed):
        channel.receive(soon())


@pytest.mark.parametrize("data", [b"", b"\x00", frame(b'{"buffers": [4]}', b"abcd")[:-1]])
def test_end_of_the_connection_inside_a_frame(
    ends: tuple[Channel, socket.socket], data: bytes
) -> None:
    channel, theirs = ends
    theirs.sendall(data)
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.receive(soon())
    with pytest.raises(ChannelClosed):
        channel.send({"x": "y" * 10_000_000}, deadline=soon() + 60)


def test_no_more_is_taken_in_than_allowed() -> None:
    ours, theirs = socket.socketpair()
    channel, other = Channel(ours, allowance=1000), Channel(theirs)
    other.send({}, [b"x" * 500])
    channel.receive(soon())
    other.send({}, [b"x" * 500])
    with pytest.raises(BadMessage, match="more data"):
        channel.receive(soon())
    ours.close()
    theirs.close()


def test_slow_drip_meets_the_deadline(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(prefix(1000, 0))
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.02):
            theirs.send(b" ")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(DeadlineMissed):  # long before the last of the 1000 bytes
            channel.receive(soon())
    finally:
        stop.set()
        thread.join()


def test_sending_to_one_who_does_not_read_meets_the_deadline(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, _ = ends
    with pytest.raises(DeadlineMissed):
        channel.send({}, [bytes(50_000_000)], soon())


def test_deadline_in_the_past_is_missed_at_once(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(frame(b'{"buffers": []}'))
    with pytest.raises(DeadlineMissed):
        channel.receive(time.monotonic() - 1)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_noise_never_raises_anything_else(noise: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(noise)
        theirs.close()
        try:
            message, buffers = Channel(ours).receive(time.monotonic() + 1)
        except (BadMessage, ChannelClosed):
            return
        assert isinstance(message, dict)
        assert all(isinstance(item, bytes) for item in buffers)
