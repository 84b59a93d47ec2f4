"""Cases on their way between processes, and to students."""

import pickle

import numpy as np

from autograder.selfcheck.calls import run_case
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, dump, load


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


def test_arguments_after_a_call_survive_whether_changed_or_not():
    def careful(v, k):
        return v + k

    def careless(v, k):
        v += k
        return v

    case = Case(
        "label", {"v": np.zeros(2), "k": 1.0}, steps=({"k": 1.0}, {"k": 2.0}), feedback=("v",)
    )
    traces = [tuple(run_case(function, case)) for function in (careful, careless)]
    spec = CaseSpec(case, traces[0], {"careless": traces[1]})
    exercise = ExerciseSpec(
        "f", ("v", "k"), ("v",), (CheckSpec("c", 1, (spec,)),), {"careless": "."}
    )
    text = dump([exercise])
    read = load(text)[0].checks[0].cases[0]
    for trace, again in zip(traces, (read.expected, read.mistakes["careless"]), strict=True):
        for old, new in zip(trace, again, strict=True):
            np.testing.assert_array_equal(new.value, old.value)
            assert (new.after is None) is (old.after is None)
            if new.after is not None:
                np.testing.assert_array_equal(new.after[0], old.after[0])
                assert new.after[1] == old.after[1]
    assert text.count('"after"') == 2  # of the careless function's calls
