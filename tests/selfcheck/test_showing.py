"""Inputs in words."""

import numpy as np
import pytest

from autograder.selfcheck.showing import inputs_text


def readonly(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.1, "0.1"),
        (np.float64(0.1), "0.1"),
        (3, "3"),
        (True, "True"),
        ("momentum", "'momentum'"),
        ([1, 2], "[1, 2]"),
        (np.array([1e-8, 1000.0]), "[1.e-08, 1.e+03]"),
        (np.array(2.0), "2.  (an array without dimensions)"),
        (np.array([1, 2]), "[1, 2]"),
        (np.float32([0.5]), "[0.5]  (float32)"),
        (np.zeros((0, 3)), "[]  (shape (0, 3))"),
        (np.arange(100.0), "[ 0.,  1., ..., 98., 99.]  (shape (100,))"),
        (np.arange(8.0)[::2], "[0., 2., 4., 6.]  (entries apart in memory)"),
        (readonly(np.ones(2)), "[1., 1.]  (read-only)"),
        (np.asfortranarray(np.eye(2)), "[[1., 0.],\n       [0., 1.]]  (stored by columns)"),
        (np.zeros((2, 2, 2, 20)), "an array  (shape (2, 2, 2, 20))"),
        (list(range(50)), "[0, 1, …, 48, 49]  (50 entries)"),
        (
            [np.ones(1)] * 6,
            "a list of 6\n    [0] = [1.]\n    [1] = [1.]\n    [2] = [1.]\n    … and 3 more",
        ),
    ],
)
def test_an_argument_is_shown_as_short_as_it_can_be(value, says):
    assert inputs_text({"x": value}) == f"inputs:\n  x = {says}"


def test_nothing_that_is_fed_back_spoils_it():
    class Odd:
        def __repr__(self):
            raise RuntimeError("no")

    assert inputs_text({"x": Odd()}) == "inputs:\n  x = a Odd"
    assert len(inputs_text({"x": "a" * 10_000})) < 300
