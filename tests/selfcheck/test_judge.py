"""From outcomes to results: points, names of mistakes, and no surprise from strange outcomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.selfcheck.calls import run_case
from autograder.selfcheck.judge import CHANGED, judge, messages
from autograder.selfcheck.relations import RELATIONS
from autograder.selfcheck.spec import Case, CaseSpec, CheckSpec, ExerciseSpec, Outcome
from autograder.selfcheck.values import Unsupported


def step(x, v):
    return x - v, 0.5 * v


def mistakes():
    def nothing_returned(x, v):
        return None

    def text_returned(x, v):
        return "done"

    def one_returned(x, v):
        return x - v

    def plus(x, v):
        return x + v, 0.5 * v

    def overflow(x, v):
        return x - v * np.inf, 0.5 * v

    return {f.__name__: f for f in (nothing_returned, text_returned, one_returned, plus, overflow)}


def _spec(relation=None):
    vector = np.array([1.0, 2.0, 4.0])
    cases = [
        Case("one", {"x": vector, "v": vector / 3}),
        Case("two", {"x": vector, "v": vector}, ({}, {}, {}), ("x", "v")),
        Case("hidden", {"x": vector * 1.7, "v": vector}, public=False),
    ]

    def of(case):
        with np.errstate(all="ignore"):
            wrong = {name: tuple(run_case(f, case)) for name, f in mistakes().items()}
        return CaseSpec(case, tuple(run_case(step, case)), wrong)

    checks = (
        CheckSpec("values", 2, tuple(map(of, cases[:2]))),
        CheckSpec("hidden values", 1, (of(cases[2]),), relation),
    )
    names = {name: f"You wrote {name}." for name in mistakes()}
    return ExerciseSpec("step", ("x", "v"), ("x", "v"), checks, names)


SPEC = _spec()


def grade(function, spec=SPEC):
    with np.errstate(all="ignore"):
        return judge(
            spec, [[list(run_case(function, c.case)) for c in k.cases] for k in spec.checks]
        )


def test_the_right_answer_passes():
    assert [(r.name, r.passed, r.points, r.message) for r in grade(step)] == [
        ("values", True, 2, ""),
        ("hidden values", True, 1, ""),
    ]


@pytest.mark.parametrize("name", mistakes())
def test_mistakes_are_named_whatever_they_return(name):
    for result in grade(mistakes()[name]):
        assert not result.passed
        assert result.mistake == name
        assert result.message.startswith(f"You wrote {name}.")


def test_a_mistake_that_explains_one_check_of_two_is_told_for_that_one_only():
    def two_mistakes(x, v):
        return (x + v, 0.5 * v) if np.array_equal(x, [1.7, 3.4, 6.8]) else (x - 2 * v, v)

    values, hidden = grade(two_mistakes)
    assert not values.passed and values.mistake is None
    assert hidden.mistake == "plus"
    assert hidden.message.startswith("On this check your values are those of a known mistake")
    assert "“You wrote plus.”" in hidden.message


def test_a_mistake_that_would_fail_where_the_answer_is_right_is_no_name_for_it():
    def only_there(x, v):
        return x + v if np.array_equal(x, [1.7, 3.4, 6.8]) else x - v, 0.5 * v

    values, hidden = grade(only_there)
    assert values.passed
    assert hidden.message.startswith("On this check your values are those of a known mistake")


def test_of_the_mistakes_on_a_check_the_one_that_explains_most_is_told():
    cases = [
        Case(label, {"x": np.array([1.0, value])})
        for label, value in zip("abc", (2, 3, 4), strict=True)
    ]

    def spec_of(*functions):
        checks = tuple(
            CheckSpec(
                case.label,
                1,
                (
                    CaseSpec(
                        case,
                        tuple(run_case(lambda x: x, case)),
                        {f.__name__: tuple(run_case(f, case)) for f in functions},
                    ),
                ),
            )
            for case in cases
        )
        names = {f.__name__: f"You wrote {f.__name__}." for f in functions}
        return ExerciseSpec("same", ("x",), ("x",), checks, names)

    def first(x):
        return 2 * x if x[1] == 2 else x - 7

    def second(x):
        return 2 * x if x[1] < 4 else x - 9

    for functions in ((first, second), (second, first)):
        results = grade(lambda x: 2 * x, spec_of(*functions))
        assert [result.mistake for result in results] == ["second", "second", None]
    shown = messages(results)
    assert shown[1].startswith("On this check, too, your values are those of the mistake above.")


def test_an_exception_alone_is_no_sign_of_a_mistake():
    def fails(x):
        raise ValueError("shapes")

    case = Case("a", {"x": np.ones(2)})
    outcomes = tuple(run_case(fails, case))
    check = CheckSpec("a", 1, (CaseSpec(case, (Outcome(np.ones(2)),), {"fails": outcomes}),))
    spec = ExerciseSpec("same", ("x",), ("x",), (check,), {"fails": "You wrote fails."})
    (result,) = grade(fails, spec)
    assert result.mistake is None
    assert result.message.startswith("case “a”: raised ValueError: shapes")


def test_a_mistake_is_named_though_it_is_rounded_otherwise():
    results = grade(lambda x, v: (-(-x - v * (1 + 1e-13)), v / 2))
    assert {r.mistake for r in results} == {"plus"}


def test_lists_are_fed_back_as_arrays():
    assert all(r.passed for r in grade(lambda x, v: [(x - v).tolist(), (0.5 * v).tolist()]))


def test_changing_an_argument_fails_though_the_value_is_right():
    def in_place(x, v):
        x -= v
        return x, 0.5 * v

    result = grade(in_place)[0]
    assert not result.passed and result.mistake == CHANGED
    assert "argument `x` in place" in result.message


def test_an_exception_is_told_on_public_cases_and_named_only_on_held_out_ones():
    class Theta77(Exception):
        pass

    def fails(x, v):
        raise Theta77(f"x is {x}")

    public, hidden = grade(fails)
    assert "raised Theta77: x is" in public.message
    assert "raised an exception" in hidden.message
    assert "Theta77" not in hidden.message + str(hidden.error)


def test_a_stub_is_unanswered():
    def stub(x, v):
        raise NotImplementedError("step")

    assert all(r.unanswered and r.message == "not answered yet" for r in grade(stub))


def test_exiting_is_an_error_like_others():
    def leave(x, v):
        raise SystemExit(0)

    assert all(not r.passed and "SystemExit" in r.message for r in grade(leave))


def test_the_first_wrong_call_of_a_trajectory_is_named():
    def forgets(x, v):
        return x - v, 0.25 * v if v[0] < 0.9 else 0.5 * v

    assert "“two”, call 2 of 3" in grade(forgets)[0].message or "“one”" in grade(forgets)[0].message


class Refuses:
    def __array__(self, *_, **__):
        raise RuntimeError("no")

    def __eq__(self, other):
        raise RuntimeError("no")

    __hash__ = None


odd = [None, True, "x", 1, 1.5, 2j, np.nan, np.inf, 2**80, object(), Refuses(), Unsupported("M")]
odd += [np.array("x"), np.array([None]), np.zeros(3), np.zeros((2, 3)), np.zeros(0), {}, {1}]
values = st.recursive(
    st.sampled_from(odd), lambda v: st.lists(v, max_size=3) | st.tuples(v, v), max_leaves=6
)
outcomes = st.builds(Outcome, values) | st.builds(
    Outcome,
    values,
    st.none() | st.text(max_size=5),
    st.text(max_size=5),
    st.lists(values, max_size=3).map(tuple),
)


@given(
    st.tuples(
        st.tuples(st.lists(outcomes, max_size=4), st.lists(outcomes, max_size=4)),
        st.tuples(st.lists(outcomes, max_size=2)),
    ),
    st.sampled_from([None, *RELATIONS]),
)
def test_strange_outcomes_never_raise_and_never_pass(given_outcomes, relation):
    results = judge(_spec(relation), given_outcomes)
    assert [r.points for r in results] == [2, 1]
    for result in results:
        assert not result.passed
        assert result.message


@given(st.sampled_from(sorted(RELATIONS)), st.lists(st.lists(values, max_size=3), max_size=4))
def test_relations_never_raise(name, outputs):
    calls = [({"grad": np.ones(2), "max_norm": 1.0}, each) for each in outputs]
    message = RELATIONS[name](calls, 1e-7, 1e-9)
    assert message is None or isinstance(message, str)
