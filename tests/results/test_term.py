"""The total of a term, and which problem sets are dropped of it."""

from __future__ import annotations

import csv
import io
from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autograder.course.directory import CourseDirectory
from autograder.results.gradebook import GradebookRow
from autograder.results.policies import Policies
from autograder.results.term import _standing, lowest, term_csv


def share(points: list[tuple[float, float]], gone: set[int]) -> float:
    kept = [each for index, each in enumerate(points) if index not in gone]
    return sum(score for score, _ in kept) / sum(most for _, most in kept)


points = st.integers(1, 40).flatmap(
    lambda most: st.tuples(st.integers(0, most).map(float), st.just(float(most)))
)


@given(st.lists(points, min_size=1, max_size=7), st.integers(0, 3), st.data())
def test_no_other_choice_leaves_a_larger_share(
    sets: list[tuple[float, float]], count: int, data: st.DataObject
) -> None:
    free = sorted(data.draw(st.sets(st.sampled_from(range(len(sets))))))
    gone = lowest(sets, free, count)
    assert gone <= set(free)
    assert len(gone) == min(count, len(free), len(sets) - 1)
    best = max(share(sets, set(choice)) for choice in combinations(free, len(gone)))
    assert abs(share(sets, gone) - best) < 1e-9


def test_the_table_says_what_is_dropped_and_what_is_left(tmp_path: Path) -> None:
    def row(name: str, score: float, most: float, waits: bool = False) -> GradebookRow:
        return GradebookRow(
            name, "", "", "=ada", "Lovelace", "Ada", "", score, 0, score, most, waits
        )

    rows = {
        "ps01-sgd": row("ps01-sgd", 10, 20),
        "ps02-momentum": row("ps02-momentum", 3, 10),
        "ps03-rprop-adagrad": row("ps03-rprop-adagrad", 9, 10, waits=True),
        "capstone-optimizer": row("capstone-optimizer", 0, 50),
    }
    always = frozenset(["capstone-optimizer"])
    graded = [CourseDirectory.at(tmp_path).assignment(name) for name in rows]
    policies = Policies(tmp_path, drop_lowest=2, never_drop=always)
    standing = _standing(rows, policies)
    assert standing.dropped == ("ps01-sgd", "ps02-momentum")
    text = term_csv(graded, [standing])
    head, line = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    found = dict(zip(head, line, strict=True))
    assert found["student_id"] == "'=ada"
    assert (found["ps02-momentum"], found["ps02-momentum_max_score"]) == ("3", "10")
    assert (found["score"], found["max_score"], found["percent"]) == ("9", "60", "15.0")
    assert found["dropped"] == "ps01-sgd, ps02-momentum"
    assert found["needs_manual_grade"] == "yes"
    # all of it, and none of it
    everything = _standing(rows, Policies(tmp_path))
    assert (everything.dropped, everything.score, everything.max_score) == ((), 22, 90)
    (one,) = [_standing({"ps01-sgd": rows["ps01-sgd"]}, policies)]
    assert (one.dropped, one.share.score) == ((), 50)
    assert "in any case" in policies.of_the_term("capstone-optimizer")
    assert "the 2 problem sets without which" in policies.of_the_term("ps01-sgd")
    assert Policies(tmp_path).of_the_term("ps01-sgd") == ""
