"""Cases on their way between processes."""

import pickle

import numpy as np

from autograder.selfcheck.spec import Case


def test_a_case_keeps_read_only_flags_and_memory_layouts():
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    by_columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    skipping = np.zeros((2, 6))[:, ::2]
    case = Case(
        "label",
        {"a": frozen, "b": by_columns, "c": skipping, "k": 3, "rule": "sgd", "flag": True},
        steps=({"a": frozen}, {"a": frozen + 1, "k": 4}),
        feedback=("b",),
        public=False,
    )
    again = pickle.loads(pickle.dumps(case))
    assert (again.label, again.feedback, again.public) == (case.label, case.feedback, False)
    assert list(again.arguments) == list(case.arguments)
    for old, new in zip(
        (case.arguments, *case.steps), (again.arguments, *again.steps), strict=True
    ):
        assert old.keys() == new.keys()
        for name, value in old.items():
            assert type(new[name]) is type(value)
            np.testing.assert_array_equal(new[name], value)
            if isinstance(value, np.ndarray):
                assert new[name].flags.writeable == value.flags.writeable
                assert new[name].flags.c_contiguous == value.flags.c_contiguous
                assert new[name].flags.f_contiguous == value.flags.f_contiguous
