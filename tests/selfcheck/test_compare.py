"""The comparison: lenient with containers, strict with values, and never a traceback."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograder.selfcheck.compare import (
    WHOLE,
    describe,
    difference,
    first_changed,
    too_few_right,
)
from autograder.selfcheck.values import Unsupported

RTOL, ATOL = 1e-7, 1e-9
WANT = np.array([1.5, 2.5, 3.25])


class Refuses:
    """An object that refuses to be an array."""

    def __array__(self, *_, **__):
        raise RuntimeError("no")


weird = st.sampled_from(
    [
        None,
        True,
        "text",
        Unsupported("Model"),
        [],
        (),
        [[1], [1, 2]],
        {},
        set(),
        object(),
        Refuses(),
        2**80,
        -(2**63),
        1j,
        complex("nan+infj"),
        float("nan"),
        float("inf"),
        np.float16(3),
        np.longdouble(1),
        np.array("x"),
        np.array([None]),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.datetime64("2020-01-01"),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.uint8(200),
        range(3),
    ]
)
anything = weird | arrays(
    st.sampled_from(["f8", "f4", "i8", "u1", "c16", "?"]), array_shapes(min_dims=0, max_dims=3)
)
anything = anything | st.lists(anything, max_size=3) | st.tuples(anything, anything)
finite = arrays("f8", array_shapes(min_dims=0, max_dims=2), elements=st.floats(-1e6, 1e6))


def compare(expected, got, names=("x",)):
    return difference(expected, got, names, RTOL, ATOL)


@given(finite | st.floats(-1e6, 1e6) | st.booleans() | st.text(), anything)
def test_never_raises_on_one_output(expected, got):
    found = compare(expected, got)
    if found is not None:
        named = found.output if found.output == WHOLE else f"`{found.output}`"
        assert found.text(True).startswith(f"{named} ")
        assert found.text(True).startswith(found.sentences.summary)
        assert found.text(False) == (found.sentences.rough or found.sentences.summary)


@given(finite, finite, anything)
def test_never_raises_on_two_outputs(first, second, got):
    found = compare((first, second), got, ("a", "b"))
    assert found is None or found.sentences.summary


@given(anything, anything)
def test_arguments_can_be_anything(before, after):
    first_changed(("x",), [before], [after])
    describe(before)


@given(finite)
def test_equal_is_equal_in_any_container(array):
    assert compare(array, array) is None
    assert compare(array, array.tolist()) is None
    assert compare(array, np.asfortranarray(array)) is None or array.ndim == 0
    assert compare(array, array.astype(complex)) is None
    assert compare((array, array), [array, array.tolist()], ("a", "b")) is None
    assert compare((array, array), np.stack([array, array]), ("a", "b")) is None


@given(finite, st.floats(1e-6, 1e3))
def test_what_is_beyond_the_tolerance_differs(array, error):
    assert compare(array, array + error + np.abs(array) * 1e-6) is not None


def test_a_number_may_come_as_an_array_of_one():
    for expected in (2.0, np.array(2.0)):
        for got in (2, 2.0, np.float64(2), np.array([2.0]), [2.0], (2,), [[2.0]]):
            assert compare(expected, got) is None
    assert compare(np.array([2.0]), 2.0) is not None


@pytest.mark.parametrize(
    ("got", "says"),
    [
        (None, "is None"),
        (Unsupported("Model"), "should be numeric, but is of the type Model"),
        ({"theta": 1.0}, "should be numeric, but is a dictionary"),
        (Unsupported("dict"), "should be numeric, but is a dictionary"),
        ({1.0, 2.0}, "should be numeric, but is a set"),
        (lambda: 1.0, "should be numeric, but is a function (is it to be called?)"),
        (np.array([None] * 3), "should be numeric, but is an array of object"),
        ("1.5", "should be numeric, but is a text"),
        ([1.0, 2.0], "has shape (2,), expected (3,)"),
        ([1.0, np.nan, 3.0], "holds NaN"),
        ([1.0, np.inf, 3.0], "holds an infinity"),
        ([-1.5, -2.5, -3.25], "has the opposite sign"),
        ([3.0, 5.0, 6.5], "is 2 times too large"),
        ([0.15, 0.25, 0.325], "is 10 times too small"),
        ([1, 2, 3], "has integer type"),
        (np.array([1.5, 2.5, 3.25j]), "is complex"),
        ([1.5, 2.5, 3.35], "is wrong (largest error 0.1, relative 0.031)"),
        (np.float32([1.5, 2.5000005, 3.25]), "float32"),
    ],
)
def test_the_difference_is_named(got, says):
    found = compare(np.array([1.5, 2.5, 3.25]), got)
    assert says in found.text(True)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("error", "public", "rough"),
    [
        (3e-4, "too large by a relative 0.0003", "too large by a relative error of about 0.0001"),
        (-2e-5, "too small by a relative 2e-05", "too small by a relative error of about 1e-05"),
    ],
)
def test_a_ratio_near_one_is_told_by_its_relative_error(error, public, rough, sign):
    found = compare(WANT, sign * WANT * (1 + error))
    for told, says in ((found.text(True), public), (found.text(False), rough)):
        assert says in told
        assert ("opposite sign" in told) == (sign < 0)
        assert " times " not in told


def test_digits_that_agree_are_shown_on_to_those_that_do_not():
    found = compare(np.array([1 / 3]), [1 / 3 + 1e-6]).text(True)
    assert "0.3333333333" in found and "0.3333343333" in found


def test_the_sign_of_a_zero_is_not_shown():
    text = compare(np.array([2.0, -0.0, -0.5]), np.array([2.0, -3.0, -0.0])).text(True)
    assert "-0." not in text.replace("-0.5", "")
    assert "expected 0, got -3" in text


@pytest.mark.parametrize("coarse", [np.float32, np.float16])
def test_a_coarse_type_is_right_only_if_it_holds_the_numbers(coarse):
    exact, others = np.array([0.5, -3.0, 0.0]), np.array([0.1, 0.0])
    assert difference(exact + 1e-17, coarse(exact), ("x",), 1e-7, 1e-9) is None
    said = difference(others, coarse(others), ("x",), 1e-7, 1e-9).text(True)
    assert f"holds {np.dtype(coarse)}, which is too coarse: keep float64" in said
    assert difference(others, others + 1e-9, ("x",), 1e-7, 1e-9) is None


def test_float32_in_a_float64_answer_is_recognised():
    want = np.array([1 / 3, 2 / 3, 10 / 7])
    rounded = want.astype(np.float32).astype(np.float64)
    for got in (rounded, rounded.tolist()):
        said = difference(want, got, ("x",), 1e-9, 0).text(True)
        assert "is almost right (relative error" in said
        assert "its numbers have the digits of float32" in said
    later = difference(want, 3 * rounded / 3 + 1e-12, ("x",), 1e-9, 0).text(True)
    assert "look for float32 on the way, or for a small constant" in later


@pytest.mark.parametrize(
    ("expected", "got", "says", "rough"),
    [
        (3, 18, "is 15 too large", "is too large, by about 10"),
        (np.array(1024.0), 512.0, "is 512 too small", "is too small, by about 1000"),
        (np.array([2.0]), [8.0], "is 6 too large", "is too large, by about 10"),
        (3, -3, "has the opposite sign", "has the opposite sign"),
        (3, 3.5, "is wrong (error 0.5", "is wrong (error about 1"),
        (0.25, 0.4, "is wrong (error 0.15, relative 0.6)", "is wrong (error about 0.1"),
        (0.25, 0.75, "is 3 times too large", "is 3 times too large"),
        (np.array([0.0, 0.25, 0.0]), [0.0, 0.3, 0.0], "is wrong (largest error", "is wrong"),
        (np.array([1, 2, 3]), [2, 4, 6], "is wrong (largest error 3", "is wrong"),
    ],
)
def test_ratios_are_told_only_where_they_say_something(expected, got, says, rough):
    found = compare(expected, got)
    assert says in found.text(True)
    assert rough in found.text(False)


def test_a_held_out_difference_holds_no_value():
    found = compare(np.array([1.25, 77.5]), np.array([1.25, 78.125]))
    assert "77.5" in found.text(True) and "index 1" in found.text(True)
    assert "77.5" not in found.text(False) and "78" not in found.text(False)


SECRET = 0.7391846
DIGITS = 7391846


@pytest.mark.parametrize(
    "got",
    [
        np.array([1.0, 2.0]) + SECRET,
        np.array([1.0, 2.0]) + SECRET * 1e-4,
        np.array([1.0, 2.0]) + SECRET * 1e40,
        np.array([1.0, 2.0]) * SECRET,
        np.array([1.0, 2.0]) * -SECRET,
        np.array([1.0, 2.0]) / SECRET,
        np.array([1.0, 2.0]) * DIGITS,
        np.zeros((DIGITS, 0)),
        np.zeros([int(digit) for digit in str(DIGITS)] + [0]),
        np.zeros([1] * 7),
        [0.0] * 73918,
        [SECRET] * 7,
        (SECRET,) * 7,
        [[SECRET], [SECRET, SECRET]],
        SECRET,
        str(SECRET),
        np.array(str(SECRET)),
        Unsupported(str(SECRET)),
        type("L" + str(DIGITS), (list,), {})([1, 2, 3]),
    ],
)
def test_a_held_out_difference_holds_no_digits(got):
    for expected, names in ((np.array([1.0, 2.0]), ("x",)), ((1.0, np.ones(2)), ("x", "y"))):
        found = compare(expected, got, names)
        digits = re.sub(r"\D", "", found.text(False))
        assert not any(str(DIGITS)[at : at + 3] in digits for at in range(5)), found.text(False)
        assert len(found.text(False)) < 150


@pytest.mark.parametrize(
    ("got", "says"),
    [
        ([1.5, 2.5, 3.35], "is wrong (largest error about 0.1, relative about 0.01)"),
        ([1.5, 2.5, 3.25 + 1e-5], "is wrong (largest error about 1e-05, relative about 1e-06)"),
        ([1.5, 2.5, 1e300], "is wrong (largest error above 1e12)"),
        ([3.0, 5.0, 6.5], "is 2 times too large"),
        ([-3.0, -5.0, -6.5], "is 2 times too large with the opposite sign"),
        ([0.15, 0.25, 0.325], "is 10 times too small"),
        ([18.0, 30.0, 39.0], "is too large by one factor, about 10"),
        ([1.0, 2.0], "has shape (2,), expected (3,)"),
        ([[1.0, 2.0, 3.0]], "has shape (1, 3), expected (3,)"),
        (np.zeros((3, 3)), "has shape (3, 3), expected (3,)"),
        (np.zeros((3, 77)), "has another shape, expected (3,)"),
        ([[1.0], [1.0, 2.0]], "should be numeric, but is a list"),
    ],
)
def test_a_held_out_difference_still_tells_its_kind_and_order_of_magnitude(got, says):
    assert says in compare(np.array([1.5, 2.5, 3.25]), got).text(False)


def test_of_held_out_labels_a_share_in_steps_of_five_percent_is_told():
    expected = np.arange(200)
    found = too_few_right(expected, np.where(expected < 147, expected, -1), "labels", 0.93)
    assert "147 of 200 right, 73.5 %; 93 %" in found.text(True)
    assert "has 70 to 75 % right; 93 %" in found.text(False)


def test_of_labels_in_another_shape_nothing_is_made_up():
    found = too_few_right(np.arange(1, 201), np.ones((200, 10)), "labels", 0.9)
    assert found.text(True) == "`labels` has shape (200, 10), expected (200,)"


def test_a_type_name_is_told_on_public_cases_only():
    found = compare(1.0, Unsupported("theta_was_77"))
    assert "theta_was_77" in found.text(True)
    assert "theta_was_77" not in found.text(False)


def test_infinities_are_no_tolerance():
    assert compare(np.array([np.inf]), [5.0]) is not None
    assert compare(np.array([np.inf]), [np.nan]) is None
    assert compare(np.array([np.inf]), [np.inf]) is None
    assert compare(np.array([1.0]), [np.inf]) is not None


def test_the_first_changed_argument_is_named():
    a = np.ones(2)
    assert first_changed(("a", "b"), [a, a], [a, a]) is None
    assert first_changed(("a", "b"), [a, a], [a, a + 1e-15]) == "b"
    assert first_changed(("a", "b"), [a, a], [a, a + 1e-15], 1e-7, 1e-9) is None
    assert first_changed(("a", "b"), [a, None], [a, 0]) == "b"
    assert first_changed(("a", "b"), [a, [a, True]], [a, [a, False]]) == "b"
