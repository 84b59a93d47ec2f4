"""Answers that agree beyond what a class makes likely are found; others are told to be chance's."""

from __future__ import annotations

import json
import random
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import chi2

from autograder.cli import app
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.release.build import release
from autograder.similarity.chance import chance_of, most_alike
from autograder.similarity.compare import compare
from autograder.similarity.tokens import code_lines, names_in, text_lines

PS = "ps01-sgd"
NAMES = names_in(
    "import numpy as np\ndef sgd_step(theta, grad, lr):\n    raise NotImplementedError"
)
ONE = '''def sgd_step(theta, grad, lr):
    """New parameters."""
    step = lr * grad  # the step
    return np.subtract(theta, step)
'''
OTHER = """def sgd_step( theta,grad , lr ) :

    delta=lr*grad
    # done
    return np . subtract(
        theta, delta)
"""


def tokens(source: str) -> tuple[str, ...]:
    return tuple(token for line in code_lines(source, NAMES) for token in line.tokens)


def test_names_comments_and_layout_do_not_count_and_all_else_does() -> None:
    assert tokens(ONE) == tokens(OTHER)
    for old, new in (("lr * grad", "grad * lr"), ("subtract", "add"), ("theta, step", "step, lr")):
        assert tokens(ONE.replace(old, new)) != tokens(ONE)
    last = code_lines(OTHER, NAMES)[-1]
    assert (last.first, last.last) == (5, 6)
    assert code_lines("a = 1\nb = (\n", NAMES)[0].tokens == ("a name", "=", "1")
    assert sum(len(line.tokens) for line in code_lines("x = 1\n" * 5000)) <= 3000
    assert [line.tokens for line in text_lines("The *noise*\n\nHELPS.")] == [
        ("the", "noise"),
        ("helps",),
    ]


def test_probability_is_fishers() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 12, 200)
    surprise = rng.exponential(1.0, 200) * counts
    assert chance_of(surprise, counts) == pytest.approx(chi2.sf(2 * surprise, 2 * counts))
    assert chance_of(np.zeros(1), np.zeros(1, int)) == [1.0]


def made_class(seed: int) -> dict[str, dict[int, tuple[str, ...]]]:
    """Forty students who each take one of five forms of an answer, and vary it, for themselves."""
    chance = random.Random(seed)
    answers = {}
    for exercise in "abcdef":
        forms = [tuple(chance.choices("abcdefgh", k=30)) for _ in range(5)]
        answers[exercise] = {}
        for student in range(40):
            form = list(chance.choice(forms[: chance.choice((1, 2, 5))]))
            for _ in range(chance.choice((0, 0, 3))):
                form[chance.randrange(30)] = chance.choice("abcdefghijk")
            answers[exercise][student] = tuple(form)
    return answers


def test_who_works_alone_agrees_no_more_than_chance_says() -> None:
    pairs = 40 * 39 / 2
    below = [
        sum(pair.chance * pairs <= 1 for pair in most_alike(40, made_class(seed), {}, 780))
        for seed in range(20)
    ]
    assert sum(below) / len(below) <= 1  # by chance one pair a class at most
    answers = made_class(99)
    for given in answers.values():
        given[7] = tuple(random.Random(str(given)).choices("abcdefgh", k=30))
        given[23] = given[7]
    first, second, *_ = most_alike(40, answers, {}, 5)
    assert (first.first, first.second) == (7, 23)
    assert first.chance * pairs < 0.05 < second.chance * pairs
    assert {(part.alike, part.others, part.of) for part in first.parts} == {(1.0, 1, 39)}
    for given in answers.values():
        given.update(dict.fromkeys(range(40), given[7]))
    assert most_alike(40, answers, {}, 1)[0].chance == 1.0  # what all have tells nothing


def common(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """The length of the longest common subsequence."""
    best = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b, start=1):
            before, best[j] = best[j], max(best[j], best[j - 1], before + (x == y))
    return best[-1]


def test_others_that_are_as_much_alike_are_counted() -> None:
    chance = random.Random(3)
    given = {n: tuple(chance.choices("abc", k=chance.randrange(3, 9))) for n in range(0, 24, 2)}
    usual = tuple("abcabc")

    def alike(a: tuple[str, ...], b: tuple[str, ...]) -> float:
        return 2 * common(a, b) / (len(a) + len(b))

    pairs = most_alike(24, {"one": given}, {"one": usual}, 1000)
    assert len(pairs) == 12 * 11 / 2
    for pair in pairs:
        (part,) = pair.parts
        a, b = given[pair.first], given[pair.second]
        counts = []
        for own, number in ((a, pair.first), (b, pair.second)):
            everybody = [form for n, form in given.items() if n != number] + [usual]
            counts.append(sum(alike(own, form) >= alike(a, b) - 1e-6 for form in everybody))
        assert (part.others, part.of) == (max(counts), 12)
        assert part.alike == pytest.approx(alike(a, b))
        assert pair.chance == pytest.approx(max(counts) / 12)


EVIL = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    course = CourseDirectory.at(tmp_path_factory.mktemp("similar"))
    release(course.assignment(PS))
    return course


def test_a_class_is_compared_and_told_without_an_accusation(
    released: CourseDirectory,
    right_notebook: Callable[..., Any],
    right_answers: Callable[[str], dict[str, str]],
) -> None:
    assignment = released.assignment(PS)

    def call(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["similar", PS, "--course-dir", *arguments])
        if isinstance(done.exception, UserError):
            assert status == 1
            return str(done.exception)
        assert done.exit_code == status, done.output
        return done.output

    def hand_in(student: str, notebook: Any) -> None:
        path = assignment.submitted(student)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook))

    assert "nobody has handed in" in call(str(_with_nobody(released)), status=1)
    chance = random.Random(1)
    right = right_answers(PS)
    hand_in("alone", right_notebook(PS))
    hand_in("cut", '{"cells": [')
    told = call(str(released.root), status=1)
    assert "no two hand-ins of ps01-sgd that can be compared (cut: it is not valid JSON" in told

    def own(names: str) -> dict[str, str]:
        """Answers that are right, with some lines of their own."""
        made = {}
        for name, source in right.items():
            extra = "".join(
                f"    {names} = {chance.choice(['lr', '2', '3.5'])} {chance.choice('+*-')} {n}\n"
                for n in range(chance.randrange(1, 6))
            )
            head, body = source.split("\n", 1)
            made[name] = f"{head}\n{extra}{body}"
        return made

    for number in range(12):
        hand_in(f"student{number}", right_notebook(PS, own("x")))
    shared = own("mine")
    shared["sgd_step"] += f"    print({EVIL!r})  # {EVIL}\n"
    hand_in(f"<b>{EVIL.replace('/', ' ')}", right_notebook(PS, shared))
    theirs = {
        name: re.sub(r"\bmine\b", "yours", source).replace("    yours", "    # my own\n    yours")
        for name, source in shared.items()
    }
    hand_in("zoe", right_notebook(PS, theirs))
    told = call(str(released.root), "--most", "5")
    assert re.search(r"^<b>.* and zoe: chance alone gives such a pair in", told, re.MULTILINE)
    assert told.splitlines()[0].count("zoe") == 1
    assert "left out, since they cannot be read: cut" in told
    place = assignment.reports / "similar.html"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    page = place.read_text(encoding="utf-8")
    assert page.count("<section>") == 5
    assert "script-src" not in page and "default-src 'none'" in page
    tags = set(re.findall(r"<(/?[a-z]\w*)", page))
    assert not tags & {"script", "img", "iframe", "form", "link", "base", "object", "svg", "a"}
    assert "&lt;script&gt;alert(1)" in page
    first = page.split("<section>")[1]
    assert "100 % of the tokens agree" in first
    assert '<span class="same">    yours = ' in first
    assert "<span>    # my own</span>" in first
    for word in ("cheat", "plagiar", "copied", "copying", "suspicio", "guilt", "fraud"):
        assert word not in page.lower()
    found = compare(assignment, 3)
    assert found.students[0] == min(found.students) and "cut" not in found.students
    assert not any(line.tokens[0] == "def" for line in found.answers["sgd_step"]["zoe"].lines)
    assert [pair.chance for pair in found.pairs] == sorted(pair.chance for pair in found.pairs)


def _with_nobody(course: CourseDirectory) -> Path:
    """A course directory with a folder for hand-ins and none in it."""
    root = course.root.with_name("nobody")
    (root / "submitted" / "ada").mkdir(parents=True, exist_ok=True)
    return root


def test_without_a_release_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "submitted" / "ada" / PS).mkdir(parents=True)
    with pytest.raises(UserError, match=r"there is no release in .*; run: autograder release"):
        compare(CourseDirectory.at(tmp_path).assignment(PS), 5)
