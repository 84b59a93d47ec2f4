"""Orders hold what a worker needs to make the calls of a check, and nothing that helps to pass."""

from __future__ import annotations

import socket
import time

import numpy as np

from autograder.sandbox import orders
from autograder.sandbox.wire import Channel
from autograder.selfcheck.spec import Case


def received(message: bytes) -> tuple[dict[str, object], list[bytes]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(message)
        return Channel(theirs).receive(time.monotonic() + 5)


def test_case_arrives_as_it_was_sent_but_for_its_label() -> None:
    frozen = np.arange(6.0).reshape(2, 3)
    frozen.flags.writeable = False
    given = {"x": frozen, "y": np.ones((2, 4))[:, ::2], "rate": 0.5, "names": ("a", [1, None])}
    sent = Case("a label that tells", given, ({}, {"rate": float("inf")}), ("x",))
    order, buffers = received(orders.call("f", "drive", [sent]))
    assert (order["call"], order["entry"]) == ("f", "drive")
    trees = order["cases"]
    assert isinstance(trees, list)
    (case,) = (orders.case_in(tree, buffers) for tree in trees)
    assert case.label == ""
    assert (case.steps, case.feedback) == (sent.steps, sent.feedback)
    assert list(case.arguments) == list(given)
    for name in ("x", "y"):
        np.testing.assert_array_equal(case.arguments[name], given[name])
    assert not case.arguments["x"].flags.writeable
    assert not case.arguments["y"].flags.c_contiguous
    assert (case.arguments["rate"], case.arguments["names"]) == (0.5, ("a", [1, None]))


def test_order_tells_neither_label_nor_whether_a_case_is_public() -> None:
    cases = [Case("told label", {"x": 1.0}, public=public) for public in (True, False)]
    first, second = (orders.call("f", "f", [case]) for case in cases)
    assert first == second
    assert b"told label" not in first


def test_orders_for_cells_and_functions() -> None:
    assert received(orders.run("1 + 1")) == ({"run": "1 + 1"}, [])
    assert received(orders.keep("f", "drive")) == ({"keep": "f", "entry": "drive"}, [])
