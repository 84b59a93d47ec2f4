"""Each relation holds where it should and says what fails where it should not."""

import numpy as np
import pytest

from autograder.selfcheck.relations import RELATIONS

X = np.arange(6.0).reshape(3, 2)


def singles(*gradients):
    given = [{"X": X, "w": np.ones(2), "idx": np.arange(3)}]
    given += [{"X": X, "w": np.ones(2), "idx": np.array([i])} for i in range(3)]
    return [(arguments, [np.asarray(g)]) for arguments, g in zip(given, gradients, strict=True)]


def clip(before, after, limit=1.0):
    return [({"grad": np.array(before), "max_norm": limit}, [np.array(after)])]


def fisher(F):
    return [({"W": np.zeros((2, 1)), "X": np.ones((1, 1))}, [np.array(F)])]


def units(second):
    grads = [{"grad": np.array([1.0, 1.0])}, {"grad": np.array([2.0, 0.5])}]  # units 1/2 and 2
    return [(grads[0], [np.array([3.0, 4.0])]), (grads[1], [np.array(second)])]


def white(U):
    return [({"h": np.array([[1.0, 3.0], [-1.0, 3.0]]), "eps": 1.0}, [np.zeros(2), U])]


def all_masks(factor):
    x, masks = np.array([3.0, -1.0]), [[0, 0], [0, 1], [1, 0], [1, 1]]
    return [({"x": x, "mask": np.array(mask), "keep": 0.8}, [factor * x * mask]) for mask in masks]


def rewritten(V, d):
    given = {"W": np.array([[6.0]]), "b": np.array([1.0]), "c": np.array([2.0])}
    return [({**given, "U": np.array([[3.0]])}, [np.array([[V]]), np.array([d])])]


@pytest.mark.parametrize(
    ("name", "calls", "holds"),
    [
        ("same_first_output", [({}, [1.0]), ({}, [1.0])], True),
        ("same_first_output", [({}, [1.0]), ({}, [1.1])], False),
        ("shift_invariant", [({}, [1.0, X]), ({}, [[1.0], X])], True),
        ("shift_invariant", [({}, [1.0, X]), ({}, [1.0, X + 1])], False),
        ("shift_invariant", [({}, [1.0, X]), ({}, [np.nan, X])], False),
        ("scale_invariant", [({}, [5.0]), ({}, [5.0]), ({}, [7.0]), ({}, [7.0])], True),
        ("scale_invariant", [({}, [5.0]), ({}, [5.0]), ({}, [7.0]), ({}, [9.0])], False),
        ("same_for_scaled_gradients", [({}, [X, 1.0]), ({}, [X, 9.0])], True),
        ("same_for_scaled_gradients", [({}, [X, 1.0]), ({}, [X + 1, 1.0])], False),
        ("is_a_softmax_fisher_matrix", fisher([[1.0, -1.0], [-1.0, 1.0]]), True),
        ("is_a_softmax_fisher_matrix", fisher([[1.0, 0.0], [0.0, 1.0]]), False),
        ("is_a_softmax_fisher_matrix", fisher([[1.0, -1.0], [-2.0, 2.0]]), False),
        ("independent_of_units", units([1.5, 8.0]), True),
        ("independent_of_units", units([3.0, 4.0]), False),
        ("whitens", white(np.diag([-(2**-0.5), 1.0])), True),
        ("whitens", white(np.diag([1.0, 1.0])), False),
        ("same_function", rewritten(2.0, 13.0), True),
        ("mean_over_masks_is_input", all_masks(1.25), True),
        ("mean_over_masks_is_input", all_masks(1.0), False),
        ("mean_over_masks_is_kept_share", all_masks(1.0), True),
        ("mean_over_masks_is_kept_share", all_masks(1.25), False),
        ("same_function", rewritten(2.0, -11.0), False),
        ("same_function", rewritten(18.0, 13.0), False),
        ("gradient_rows_sum_to_zero", [({}, [0.5, [[1, -1], [2, -2]]])], True),
        ("gradient_rows_sum_to_zero", [({}, [0.5, [[1, -1], [-1, 2]]])], False),
        ("clipped", clip([3.0, 4.0], [0.6, 0.8]), True),
        ("clipped", clip([3.0, 4.0], [1.2, 1.6]), False),
        ("clipped", clip([3.0, 4.0], [0.0, 1.0]), False),
        ("clipped", clip([3.0, 4.0], [-0.6, -0.8]), False),
        ("clipped", clip([3.0, 4.0], [0.0, 0.0]), False),
        ("clipped", clip([0.0, 0.0], [0.0, 0.0]), True),
        ("clipped", clip([0.0, 0.0], [np.nan, 0.0]), False),
        ("singletons_average_to_full", singles([2, 3], [1, 2], [2, 3], [3, 4]), True),
        ("singletons_average_to_full", singles([6, 9], [1, 2], [2, 3], [3, 4]), False),
        ("splits_agree", [({}, [X]), ({}, [X]), ({}, [X + 1]), ({}, [X + 1])], True),
        ("splits_agree", [({}, [X]), ({}, [X]), ({}, [X]), ({}, [X + 1])], False),
    ],
)
def test_relation(name, calls, holds):
    message = RELATIONS[name](calls, 1e-7, 1e-9)
    assert (message is None) == holds
    assert holds or not any(character.isdigit() for character in message)


def test_outputs_of_another_form_are_no_error():
    assert "form" in RELATIONS["shift_invariant"]([({}, [1.0])], 1e-7, 1e-9)
    assert "form" in RELATIONS["clipped"]([({}, ["text"])], 1e-7, 1e-9)
