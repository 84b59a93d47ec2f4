"""Adjustments: what they do to points, how they are undone, and what is refused in their file."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.course.errors import UserError
from autograder.results.adjustments import (
    FILE,
    UNADJUSTED,
    Action,
    Adjustment,
    Adjustments,
    read_adjustments,
    remove_adjustment,
    shared_out,
    split_target,
    write_adjustment,
)
from autograder.results.comparison import Comparison, keep_earlier
from autograder.results.result import ExerciseResult, Result, Status
from autograder.selfcheck.judge import CheckResult

PS = "ps01-sums"
FULL, DROP, POINTS = Action.FULL_MARKS, Action.DROP, Action.POINTS


def exercise(name: str, *checks: tuple[str, bool, int]) -> ExerciseResult:
    made = tuple(CheckResult(check, passed, points, "told") for check, passed, points in checks)
    score = sum(check.points for check in made if check.passed)
    return ExerciseResult(name, score, sum(check.points for check in made), made)


JUDGED = Result(
    "ada",
    Status.GRADED,
    "",
    4,
    9,
    exercises=(
        exercise("step", ("values", True, 3), ("shapes", False, 2)),
        exercise("rate", ("half/half", False, 3), ("rest", True, 1)),
    ),
)


def points(result: Result) -> list[list[tuple[bool, int]]]:
    return [[(check.passed, check.points) for check in each.checks] for each in result.exercises]


@pytest.mark.parametrize(
    ("adjustments", "score", "worth"),
    [
        ([("step", "", FULL, 0)], 6, 9),
        ([("step", "shapes", FULL, 0)], 6, 9),
        ([("step", "", DROP, 0)], 1, 4),
        ([("rate", "half/half", DROP, 0)], 4, 6),
        ([("step", "values", POINTS, 7)], 8, 13),
        ([("step", "", POINTS, 10)], 7, 14),  # shared out as 6 and 4
        ([("step", "", POINTS, 7)], 5, 11),  # 4.2 and 2.8, so 4 and 3
        ([("step", "", POINTS, 10), ("step", "shapes", FULL, 0)], 11, 14),
        ([("step", "", DROP, 0), ("step", "shapes", FULL, 0)], 1, 4),
        ([("step", "", DROP, 0), ("rate", "", DROP, 0)], 0, 0),
    ],
)
def test_an_adjustment_changes_points_and_is_told_and_can_be_undone(
    adjustments: list[tuple[str, str, Action, int]], score: int, worth: int
) -> None:
    made = [Adjustment(e, c, action, "It was unfair.", n) for e, c, action, n in adjustments]
    own = Adjustments(tuple(made))
    result = own.applied(JUDGED)
    assert (result.score, result.max_score) == (score, worth)
    assert sum(result.worth.values()) == worth
    told = [sentence for each in result.exercises for sentence in each.adjusted]
    assert len(told) == len(made)
    assert all(sentence.endswith("It was unfair.") for sentence in told)
    assert own.applied(result) == result
    assert Result.from_json(result.to_json()) == result
    assert UNADJUSTED.applied(result) == JUDGED
    other = Adjustments((Adjustment("rate", "", FULL, "why"),))
    assert other.applied(result) == other.applied(JUDGED)


@given(st.integers(1, 1000), st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_points_are_shared_out_whole_and_in_proportion(given: int, among: list[int]) -> None:
    shares = shared_out(given, among)
    assert sum(shares) == given
    total = sum(among)
    if total:
        assert all(abs(s - given * w / total) < 1 for s, w in zip(shares, among, strict=True))
    assert shared_out(total, among) == among or not total


def test_the_file_keeps_comments_and_one_adjustment_for_each_target(tmp_path: Path) -> None:
    path = tmp_path / FILE
    first = Adjustment("step", "", FULL, 'The text said "or", and \\ too.')
    write_adjustment(tmp_path, PS, first)
    path.write_text(path.read_text() + "# ask Zoë about this\n", encoding="utf-8")
    second = Adjustment("rate", "half/half", POINTS, "Worth more.", 5)
    write_adjustment(tmp_path, PS, second)
    write_adjustment(tmp_path, "ps02-more", first)
    assert read_adjustments(tmp_path, PS).all == (first, second)
    again = Adjustment("step", "", DROP, "On second thought.")
    write_adjustment(tmp_path, PS, again)
    assert read_adjustments(tmp_path, PS).all == (second, again)
    assert read_adjustments(tmp_path, "ps02-more").all == (first,)
    assert "# ask Zoë about this" in path.read_text(encoding="utf-8")
    remove_adjustment(tmp_path, PS, "step", "")
    assert read_adjustments(tmp_path, PS).all == (second,)
    with pytest.raises(UserError, match="no adjustment of ps01-sums to step; there are: rate/half"):
        remove_adjustment(tmp_path, PS, "step", "")
    remove_adjustment(tmp_path, PS, "rate", "half/half")
    remove_adjustment(tmp_path, "ps02-more", "step", "")
    assert read_adjustments(tmp_path, PS).all == ()


ENTRY = (
    f'[[adjustment]]\nproblem_set = "{PS}"\nexercise = "step"\naction = "drop"\nwhy = "unfair"\n'
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[", "is not TOML"),
        ("\0", "is not TOML"),
        ("a = " + "[" * 5000, "is not TOML"),
        ("other = 1", "there is no key “other”"),
        ("adjustment = 1", r"as a table \[\[adjustment\]\]"),
        ('[adjustment]\nwhy = "x"', r"as a table \[\[adjustment\]\]"),
        (ENTRY + "who = 1", "adjustment 1: there is no key “who”"),
        (ENTRY.replace('"step"', "7"), "“exercise” must be a text in quotes, not 7"),
        (ENTRY.replace('"drop"', '"raise"'), "“action” cannot be 'raise'; write one of “full ma"),
        (ENTRY.replace('"drop"', '"points"'), "a whole number from 1 to 1000, not None"),
        (ENTRY + "points = 3", "goes with the action “points” only"),
        (ENTRY.replace("drop", "points") + "points = true", "a whole number .* not True"),
        (ENTRY.replace('"unfair"', '"  "'), "write the reason, which students read"),
        (ENTRY.replace('"unfair"', f'"{"x" * 501}"'), "write the reason"),
        (ENTRY.replace('"unfair"', '"a\\u202eb"'), "“why” must be a text"),
        (ENTRY + ENTRY, "step of ps01-sums is adjusted twice"),
    ],
)
def test_a_file_that_cannot_be_is_refused_and_left(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told) as caught:
        read_adjustments(tmp_path, PS)
    assert str(tmp_path / FILE) in str(caught.value)
    with pytest.raises(UserError, match=told):
        write_adjustment(tmp_path, PS, Adjustment("step", "", DROP, "why"))
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text


def test_what_is_written_in_another_way_holds_and_is_changed_by_hand(tmp_path: Path) -> None:
    text = f'adjustment = [{{problem_set="{PS}", exercise="step", action="drop", why="unfair"}}]\n'
    (tmp_path / FILE).write_text(text)
    assert read_adjustments(tmp_path, PS).all == (Adjustment("step", "", DROP, "unfair"),)
    with pytest.raises(UserError, match="or change it there"):
        remove_adjustment(tmp_path, PS, "step", "")
    with pytest.raises(UserError, match="or change it there"):
        write_adjustment(tmp_path, PS, Adjustment("rate", "", DROP, "unfair"))
    assert (tmp_path / FILE).read_text() == text


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_adjustments(tmp_path, PS)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(UserError, match="cannot read"):
        read_adjustments(tmp_path, PS)


def test_a_target_is_an_exercise_or_a_check_of_one() -> None:
    checks = {each.name: [check.name for check in each.checks] for each in JUDGED.exercises}
    assert split_target("step", checks) == ("step", "")
    assert split_target("rate/half/half", checks) == ("rate", "half/half")
    with pytest.raises(UserError, match="no exercise “steps”; the exercises are: step, rate"):
        split_target("steps", checks)
    with pytest.raises(UserError, match="step has no check “value”; its checks are: “values”, “sh"):
        split_target("step/value", checks)


def test_a_comparison_counts_who_gains_and_who_loses() -> None:
    found = Comparison()
    found.add(JUDGED, JUDGED)
    assert found.told == "nobody's points change"
    found.add(None, JUDGED)
    for action, target in ((FULL, "step"), (FULL, "rate"), (DROP, "rate")):
        own = Adjustments((Adjustment(target, "", action, "why"),))
        found.add(JUDGED, own.applied(JUDGED))
    assert found.told == "3 students change, +5 points; 1 loses 1; 1 graded for the first time"


def test_earlier_results_are_kept_each_once(tmp_path: Path) -> None:
    results = tmp_path / "reports" / "results.json"
    keep_earlier(results, tmp_path)  # there is none yet
    results.parent.mkdir()
    for text in ("one", "one", "two", "one"):
        results.write_text(text)
        keep_earlier(results, tmp_path)
    kept = sorted((results.parent / "earlier").iterdir())
    assert [path.name for path in kept] == [f"results-000{n}.json.gz" for n in (1, 2, 3)]
    assert [gzip.decompress(path.read_bytes()) for path in kept] == [b"one", b"two", b"one"]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
