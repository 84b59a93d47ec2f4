"""Calling a function on a case: fresh arguments each time, outputs fed back, errors caught."""

import numpy as np
import pytest

from autograder.selfcheck.calls import arguments, as_outputs, run_case
from autograder.selfcheck.spec import Case

ONE = Case("one", {"x": np.ones(2), "k": 3})
PATH = Case("path", {"x": np.ones(2), "k": 0}, ({"k": 1}, {"k": 2}, {}), ("x",))


def test_arguments_are_given_by_position_and_fresh_each_time():
    first, second = arguments(ONE, 0, None), arguments(ONE, 0, None)
    assert first[1] == 3
    first[0] += 1
    assert second[0].tolist() == ONE.arguments["x"].tolist() == [1, 1]


def test_steps_replace_arguments_and_outputs_are_fed_back():
    values = [outcome.value.tolist() for outcome in run_case(lambda x, k: x + k, PATH)]
    assert values == [[2, 2], [4, 4], [4, 4]]


def test_what_a_function_keeps_cannot_change_a_later_call():
    kept = []

    def meddling(x, k):
        for old in kept:
            old += 100
        kept.append(x)
        return x + k

    after = [outcome.value.tolist() for outcome in run_case(meddling, PATH)]
    assert after == [[2, 2], [4, 4], [4, 4]]


def test_a_trajectory_ends_where_nothing_can_be_fed_back():
    two = Case("two", {"x": 1.0, "v": 1.0}, ({}, {}), ("x", "v"))
    assert len(list(run_case(lambda x, v: x, two))) == 1


@pytest.mark.parametrize("error", [ValueError("text"), SystemExit(1), NotImplementedError("f")])
def test_an_error_ends_the_case(error):
    def fails(x, k):
        raise error

    (outcome,) = run_case(fails, PATH)
    assert outcome.error == type(error).__name__
    assert outcome.detail == str(error)


def test_an_interrupt_is_not_swallowed():
    def interrupted(x, k):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_case(interrupted, ONE))


@pytest.mark.parametrize("value", [(1, 2), [1, 2], np.array([1, 2])])
def test_two_outputs_come_in_several_containers(value):
    assert as_outputs(value, 2) == [1, 2]


@pytest.mark.parametrize("value", [None, 1, (1, 2, 3), np.array(1), "ab", {1, 2}])
def test_what_does_not_hold_two_outputs(value):
    assert as_outputs(value, 2) is None


def test_lists_of_numbers_are_fed_back_as_arrays_and_others_as_they_are():
    assert isinstance(arguments(PATH, 1, [1.0, 2.0])[0], np.ndarray)
    assert arguments(PATH, 1, ["a"])[0] == ["a"]
    assert arguments(PATH, 1, [[1], [1, 2]])[0] == [[1], [1, 2]]


def test_what_a_function_keeps_and_changes_later_is_no_changed_argument():
    kept = np.zeros(2)

    def reusing(x, k):
        kept[:] = x + k
        return kept

    assert [outcome.after for outcome in run_case(reusing, PATH)] == [None, None, None]


def test_a_changed_argument_is_told_at_each_call():
    def changing(x, k):
        x += 1
        return x + k

    after = [outcome.after for outcome in run_case(changing, PATH)]
    assert [x.tolist() for x, _ in after] == [[2, 2], [4, 4], [7, 7]]
    assert PATH.arguments["x"].tolist() == [1, 1]
