"""Helpers for writing cases: what is an array, how several steps are written, memory layouts."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.definition.cases import away_from_zero, case_maker, drawn_layouts, layouts, normals


def test_lists_of_numbers_are_float_arrays_and_nothing_else_is() -> None:
    case = case_maker("x", "batches", "labels", "groups", "lr", lists=("groups",))
    arguments = case("a label", [1, 2], [[1, 2], np.ones(3)], np.array([1]), [0, 1], 0.5)
    x, batches, labels, groups, lr = arguments.arguments.values()
    assert x.dtype == np.float64
    assert isinstance(batches, list)
    assert [item.dtype for item in batches] == [np.float64, np.float64]
    assert labels.dtype == np.int64
    assert groups == [0, 1]
    assert lr == 0.5


def test_an_argument_too_many_or_too_few_is_refused() -> None:
    for values in ((1,), (1, 2, 3)):
        with pytest.raises(ValueError, match="zip"):
            case_maker("a", "b")("a label", *values)


def test_steps_may_be_columns_or_rows() -> None:
    step = case_maker("theta", "grad", "lr", feedback=("theta",))
    columns = step("a label", [0], [0], 0.1, steps={"grad": [[1], [2]], "lr": [0.5, 0.25]})
    rows = step("a label", [0], [0], 0.1, steps=[{"grad": [g], "lr": 0.5 / g} for g in (1, 2)])
    for case in (columns, rows):
        assert [(s["grad"].tolist(), s["lr"]) for s in case.steps] == [([1.0], 0.5), ([2.0], 0.25)]
        assert case.feedback == ("theta",)
    assert step("a label", [0], [0], 0.1).feedback == ()


def test_layouts_say_how_arrays_lie_in_memory() -> None:
    square = [[1, 2], [3, 4]]
    one = layouts(
        case_maker("x", "lr"),
        [0.5],
        number=[2],
        two_d=[square],
        strided=[square],
        column_major=[square],
        readonly=[square],
    )
    assert [case.label for case in one] == [
        "a single number (0-d)",
        "a 2-d array",
        "an array that skips memory",
        "an array stored by columns",
        "a read-only array",
    ]
    number, plain, skipping, columns, fixed = (case.arguments["x"] for case in one)
    assert number.shape == ()
    assert plain.flags.c_contiguous
    assert not (skipping.flags.c_contiguous or skipping.flags.f_contiguous)
    assert columns.flags.f_contiguous
    assert not columns.flags.c_contiguous
    assert not fixed.flags.writeable
    assert all(np.array_equal(x, square) for x in (plain, skipping, columns, fixed))
    assert [case.arguments["lr"] for case in one] == [0.5] * 5


def test_layouts_speak_of_several_arrays_and_of_what_they_are() -> None:
    two = drawn_layouts(case_maker("x", "y"), lambda *s: normals(np.random.default_rng(0), 2, *s))
    assert [case.label for case in two] == [
        "a single number (0-d)",
        "2-d arrays",
        "3-d arrays",
        "arrays that skip memory",
        "arrays stored by columns",
        "read-only arrays",
    ]
    one = case_maker("x")
    (matrix,) = layouts(one, noun="a matrix", strided=[[1, 2]])
    (logits,) = layouts(one, noun="logits", readonly=[[1, 2]])
    assert (matrix.label, logits.label) == ("a matrix that skips memory", "read-only logits")


def test_numbers_away_from_zero_have_both_signs_and_sizes_in_between() -> None:
    drawn = away_from_zero(np.random.default_rng(0), 50, low=1, high=5)
    assert (abs(drawn) >= 1).all()
    assert (abs(drawn) <= 5).all()
    assert set(np.sign(drawn)) == {-1.0, 1.0}
