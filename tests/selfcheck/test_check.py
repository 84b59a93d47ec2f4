"""``check(function)`` as a student meets it."""

import sys

import numpy as np
import pytest

from autograder.definition import evaluate
from autograder.selfcheck import CheckFailed, check
from autograder.selfcheck.spec import dump, load
from autograder.selfcheck.values import ValueRefused

module = sys.modules["autograder.selfcheck.check"]  # its name in the package is the function's


@pytest.fixture(autouse=True)
def cases(tmp_path, monkeypatch):
    spec = evaluate("ps01-sgd", 0, "cpu")
    text = dump([exercise.public_part() for exercise in spec.exercises])
    (tmp_path / "ps01-sgd.json").write_text(text, encoding="utf-8")
    monkeypatch.setattr(module, "CASES", tmp_path)
    module._read.cache_clear()
    yield tmp_path
    module._read.cache_clear()


def sgd_step(theta, grad, lr):
    return theta - lr * grad


def clip_by_norm(grad, max_norm):
    raise NotImplementedError("clip_by_norm")


def linear_decay(k, lr_start, lr_end, tau):
    return lr_start + (lr_end - lr_start) * k / tau


def test_a_right_answer_prints_a_line_a_check(capsys):
    check(sgd_step)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sgd_step: 3 of 3 checks pass on the public cases"
    assert [line.strip()[0] for line in lines[1:]] == ["✓"] * 3


def test_a_wrong_answer_names_the_mistake_and_shows_no_traceback():
    with pytest.raises(CheckFailed) as caught:
        check(linear_decay)
    text = str(caught.value)
    assert "1 of 3 checks pass" in text
    assert "becomes negative" in text
    assert caught.value._render_traceback_() == [text]


def test_a_stub_is_asked_for_kindly():
    with pytest.raises(CheckFailed, match="not answered yet"):
        check(clip_by_norm)


def test_a_function_that_is_no_exercise_is_told_which_there_are():
    with pytest.raises(CheckFailed, match=r"no cases for `dot` here.*sgd_step"):
        check(np.dot)


def test_missing_cases_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CASES", tmp_path / "none")
    module._read.cache_clear()
    with pytest.raises(CheckFailed, match="Install the selfcheck wheel"):
        check(sgd_step)


def test_cases_of_another_format_are_refused():
    with pytest.raises(ValueRefused, match="format 99"):
        load('{"format": 99}')


def test_a_file_of_another_version_does_not_spoil_the_others(cases, capsys):
    right = (cases / "ps01-sgd.json").read_text(encoding="utf-8")
    (cases / "ps00-old.json").write_text('{"format": 0, "exercises": []}', encoding="utf-8")
    (cases / "ps99-cut.json").write_text(right[:1000], encoding="utf-8")
    check(sgd_step)
    assert "checks pass" in capsys.readouterr().out
