"""``check(function)`` as a student meets it."""

import re
import sys

import numpy as np
import pytest

from autograder.definition import evaluate
from autograder.selfcheck import CheckFailed, check, stale
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


def test_a_wrong_answer_names_the_mistake_and_shows_no_traceback(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython.display", raising=False)  # as in plain Python
    with pytest.raises(CheckFailed) as caught:
        check(linear_decay)
    text = str(caught.value)
    assert "1 of 3 checks pass" in text
    assert "becomes negative" in text
    assert caught.value._render_traceback_() == text.splitlines()


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


# --- what a failing case shows -------------------------------------------------------------------


def climbs(theta, grad, lr):
    return theta + lr * grad


def test_a_failing_case_shows_its_inputs_and_how_to_replay_it():
    sgd_step = climbs
    with pytest.raises(CheckFailed) as caught:
        check_as("sgd_step", sgd_step)
    text = str(caught.value)
    assert "      inputs:\n        theta = [ 1., -2.]\n        grad = [ 0.5, -4. ]\n" in text
    assert "        lr = 0.1\n" in text
    assert 'check(sgd_step, case="two parameters")' in text


def check_as(name, function, **options):
    """Check a function under the name that a notebook gives it."""
    namespace = {"check": check, name: function, "options": options}
    return eval(f"check({name}, **options)", namespace)


def test_a_case_can_be_replayed():
    replay = check_as("sgd_step", climbs, case="two parameters")
    assert list(replay.inputs) == ["theta", "grad", "lr"]
    np.testing.assert_allclose(replay.expected, [0.95, -1.6])
    np.testing.assert_allclose(replay.result, [1.05, -2.4])
    inputs, _, result = replay
    np.testing.assert_array_equal(result, climbs(**inputs))
    assert repr(replay).splitlines() == [
        "inputs:",
        "  theta = [ 1., -2.]",
        "  grad = [ 0.5, -4. ]",
        "  lr = 0.1",
        "expected = [ 0.95, -1.6 ]",
        "result = [ 1.05, -2.4 ]",
    ]


def test_a_replayed_trajectory_stands_at_the_call_that_goes_wrong():
    def late(theta, grad, lr):
        return theta - lr * grad if lr > 0.2 else theta + lr * grad

    replay = check_as("sgd_step", late, case="three steps, falling rate")
    assert replay.inputs["lr"] < 0.2  # in the last of three calls
    np.testing.assert_array_equal(replay.result, climbs(**replay.inputs))
    np.testing.assert_allclose(replay.expected, sgd_step(**replay.inputs))
    right = check_as("sgd_step", sgd_step, case="three steps, falling rate")
    np.testing.assert_allclose(right.result, right.expected)


def test_an_unknown_case_is_told_which_there_are():
    with pytest.raises(CheckFailed, match=r"Did you mean “two parameters”\? Its cases are: “two"):
        check_as("sgd_step", sgd_step, case="two parameter")


def test_a_replay_lets_exceptions_through():
    with pytest.raises(ZeroDivisionError):
        check_as("sgd_step", lambda theta, grad, lr: 1 / 0, case="two parameters")


# --- exceptions of the student's -----------------------------------------------------------------


def _notebook(*cells):
    """Run cells as IPython does; returns what each displayed, and the exception of the last."""
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shown = []
    try:
        for cell in ("from autograder.selfcheck import check, check_all", *cells):
            shell.display_pub = CapturingDisplayPublisher(shell=shell)
            result = shell.run_cell(cell, store_history=True, silent=False)
            shown.append([output["data"] for output in shell.display_pub.outputs])
    finally:
        InteractiveShell.clear_instance()
    return shown[1:], result.error_in_exec


FAILS = """\
def helper(x):
    return x @ [1.0] * 7

def sgd_step(theta, grad, lr):
    theta = theta - 0
    return helper(theta)
"""


def test_a_replay_that_raises_shows_none_of_our_lines(capsys):
    _notebook(FAILS, 'check(sgd_step, case="two parameters")')
    told = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "return helper(theta)" in told and "return x @ [1.0] * 7" in told
    assert "ValueError" in told
    assert "_replay" not in told and "_run_through" not in told


def test_an_exception_is_told_once_with_the_students_lines(capsys):
    shown, error = _notebook(FAILS, "check(sgd_step)")
    text = shown[-1][0]["text/plain"]
    start = "Cell In[2], line 6, in sgd_step\n            return helper(theta)\n"
    assert f"        {start}        Cell In[2], line 2, in helper\n" in text
    assert "selfcheck" not in text and "calls.py" not in text
    assert "the same exception as above" in text
    first = capsys.readouterr().out.splitlines()
    assert first[0] == "sgd_step: 0 of 3 checks pass on the public cases"
    assert "raised ValueError" in first[1] and len(first) == 2
    again = error._render_traceback_()  # as %tb does
    assert again[0].startswith("Traceback") and again[-1].startswith("ValueError")
    assert not any("selfcheck" in line for line in again)
    assert error.__cause__.__traceback__.tb_frame.f_code.co_name == "sgd_step"  # for %debug
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    assert trace.tb_frame.f_code.co_name == "helper"


def test_a_deep_recursion_is_told_in_few_lines():
    code = "def sgd_step(theta, grad, lr):\n    return sgd_step(theta, grad, lr)\n"
    shown, _ = _notebook(code, "check(sgd_step)")
    text = shown[-1][0]["text/plain"]
    assert "raised RecursionError" in text and "more calls …" in text
    assert text.count("in sgd_step") == 12


# --- how it looks --------------------------------------------------------------------------------


def test_a_notebook_shows_html_that_says_what_the_text_says():
    code = "def linear_decay(k, lr_start, lr_end, tau):\n"
    code += "    return lr_start + (lr_end - lr_start) * k / tau\n"
    (_, shown), error = _notebook(code, "check(linear_decay)")
    (data,) = shown
    assert data["text/plain"].startswith("linear_decay: 1 of 3 checks pass")
    html = data["text/html"]
    # what passes is folded to a line, the first failure is open, the others are folded
    assert [part.split(">")[0] for part in html.split("<details")[1:]] == [
        ' style="margin:0.3em 0;padding:0"',
        ' open style="margin:0.3em 0;padding:0"',
        ' style="margin:0.3em 0;padding:0"',
    ]
    assert "1 check passes" in html
    assert "becomes negative" in html and "<script" not in html
    assert str(error) == data["text/plain"]


def test_what_students_write_is_escaped():
    code = "def sgd_step(theta, grad, lr):\n    raise ValueError('<img src=x onerror=y>')\n"
    (_, shown), _ = _notebook(code, "check(sgd_step)")
    assert "<img" not in shown[0]["text/html"]
    assert "&lt;img src=x" in shown[0]["text/html"]


def _luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_are_readable_on_any_page():
    # text on a coloured ground brings both colours along; all other text has the page's colour
    (_, shown), _ = _notebook("def sgd_step(t, g, lr):\n    return t - g\n", "check(sgd_step)")
    html = shown[0]["text/html"]
    grounds = set(re.findall(r"background-color:(#\w{6})", html))
    assert len(grounds) >= 1
    for ground in grounds:
        assert 1.05 / (_luminance(ground) + 0.05) >= 4.5
    assert set(re.findall(r"(?<!-)color:(#\w{6})", html)) == {"#ffffff"}
    assert html.count("background-color") == html.count('style="color:#ffffff')


def test_without_a_kernel_no_hook_slows_cells_down():
    hooks = "get_ipython().events.callbacks['post_run_cell']"
    _, error = _notebook(
        "from autograder.selfcheck.stale import watch; watch()", f"assert not {hooks}"
    )
    assert error is None


def test_an_old_function_is_not_checked_when_its_cell_has_a_syntax_error(capsys):
    watch = "get_ipython().kernel = 1\nfrom autograder.selfcheck.stale import watch\nwatch()"
    right = "def sgd_step(theta, grad, lr):\n    return theta - lr * grad"
    broken = "def sgd_step(theta, grad, lr):\n    return theta -"
    never = "def clip_by_norm(grad, max_norm):\n    return (\n"
    try:
        shown, error = _notebook(watch, right, broken, never, "check_all()", "check(sgd_step)")
        assert shown[-1] == [] and "line 2: invalid syntax" in str(error)
        overview = shown[-2][0]["text/plain"]
        assert re.search(r"sgd_step +error of syntax in its cell, line 2: invalid syntax", overview)
        assert re.search(r"clip_by_norm +error of syntax in its cell, line 2: ", overview)
        # mended, or given otherwise, the function is checked again
        for again in (right, "sgd_step = lambda theta, grad, lr: theta - lr * grad"):
            shown, error = _notebook(watch, right, broken, again, "check(sgd_step)")
            assert error is None and "3 of 3 checks pass" in shown[-1][0]["text/plain"]
        # what never was defined says why, when it is checked and when it is called
        _, error = _notebook(watch, never, "check(clip_by_norm)")
        assert re.match(r"clip_by_norm: not checked, .* \(line 2: .*\)\. Mend that", str(error))
        for call in ("clip_by_norm(1, 2)", "check(clip_by_norm)"):
            wrong = never.replace("(\n", "1 +\n")  # mended wrongly
            _, error = _notebook(watch, never, wrong, call)
            assert "error of syntax (line 2: invalid syntax)" in str(error)
    finally:
        stale._broken.clear()


# --- the set as a whole --------------------------------------------------------------------------


def test_the_points_of_a_set_are_summed(capsys):
    module._checked.clear()
    namespace = {
        "check_all": module.check_all,
        "check": check,
        "sgd_step": sgd_step,
        "clip_by_norm": clip_by_norm,
        "linear_decay": linear_decay,
    }
    exec("check_all()", namespace)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ps01-sgd: ") and "so far, on the public cases" in lines[0]
    told = {line.split()[1]: line for line in lines[1:]}
    assert "✓ sgd_step" in told["sgd_step"] and "4 of 4 points" in told["sgd_step"]
    assert "✗ linear_decay" in told["linear_decay"]
    assert "not answered yet (of" in told["clip_by_norm"]
    assert "not defined" in told["condition_number"]
    points = sum(int(line.split()[2]) for line in lines[1:] if line.split()[0] in "✓✗")
    assert f"ps01-sgd: {points} of 27 points" in lines[0]


def test_what_was_checked_and_is_the_same_is_not_run_again(capsys):
    calls = []

    def counted(theta, grad, lr):
        calls.append(lr)
        return theta - lr * grad

    namespace = {"check_all": module.check_all, "check": check, "sgd_step": counted}
    exec("check(sgd_step)", namespace)
    before = len(calls)
    exec("check_all()", namespace)
    assert len(calls) == before
    namespace["sgd_step"] = lambda *given: counted(*given)
    exec("check_all()", namespace)
    assert len(calls) == 2 * before
    assert "4 of 4 points" in capsys.readouterr().out
