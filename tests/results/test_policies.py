"""policies.toml: what it may hold, when it says that a hand-in is late, and what that costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course
from autograder.results.policies import FILE, Policies, read_policies

PS = "ps01-sums"
WHOLE = """
time_zone = "Europe/Berlin"

[late]
percent = 10
grace = "15 minutes"
at_most = 50
closes_after = "7 days"

[problem_set.ps01-sums]
due = "2026-10-24 23:59"    # the night in which the clocks go back

[group.evening]
students = ["ada", "bob"]

[[extension]]
group = "evening"
problem_set = "ps01-sums"
by = "2 days"
why = "The room was locked."

[[extension]]
student = "ada"
problem_set = "ps01-sums"
until = 2026-10-30T12:00:00Z

[term]
drop_lowest = 1
never_drop = ["ps01-sums"]
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> CourseDirectory:
    course = make_course(tmp_path_factory.mktemp("policies") / "course")
    (course.root / "spring").mkdir()
    return CourseDirectory(course.root / "spring", course)


def policies(directory: CourseDirectory, text: str) -> Policies:
    (directory.root / FILE).write_text(text, encoding="utf-8")
    return read_policies(directory)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_dates_are_in_their_zone_and_the_longest_extension_counts(
    directory: CourseDirectory,
) -> None:
    found = policies(directory, WHOLE)
    assert found.due(PS) == utc("2026-10-24 21:59")
    assert found.own_due(PS, "carl") == found.due(PS)
    # two days later it is 23:59 again, in winter time
    assert found.own_due(PS, "bob") == utc("2026-10-26 22:59")
    assert found.own_due(PS, "ada") == utc("2026-10-30 12:00")
    assert found.shown(utc("2026-10-26 22:59"), PS) == "2026-10-26 23:59 (UTC+01:00)"
    assert (found.drop_lowest, found.never_drop) == (1, {PS})
    assert found.students == {"ada", "bob"}
    (directory.root / FILE).unlink()
    assert read_policies(directory) == Policies(directory.root / FILE)


@pytest.mark.parametrize(
    ("rule", "hours", "percent"),
    [
        ("percent = 10", 0, 0),
        ("percent = 10", 0.001, 10),
        ("percent = 10", 24, 10),
        ("percent = 10", 24.01, 20),
        ("percent = 10", 2400, 100),
        ('percent = 10\nper = "day"', 36, 15),
        ('percent = 1.5\nper = "hour begun"', 2.5, 4.5),
        ('percent = 2\nper = "hour"', 2.5, 5),
        ("percent = 10\nat_most = 25", 240, 25),
        ('percent = 10\ngrace = "30 minutes"', 0.5, 0),
        ('percent = 10\ngrace = "30 minutes"', 24.4, 20),  # it forgives, and moves nothing
        ('percent = 10\ncloses_after = "2 days"', 48, 20),
        ('percent = 10\ncloses_after = "2 days"', 48.01, 100),
        ('closes_after = "1 hour"', 1, 0),
        ('closes_after = "1 hour"', 1.01, 100),
        ("percent = 0", 1000, 0),
    ],
)
def test_what_lateness_costs(
    directory: CourseDirectory, rule: str, hours: float, percent: float
) -> None:
    text = f'[late]\n{rule}\n[problem_set.{PS}]\ndue = "2026-11-30 23:59 UTC"\n'
    due = utc("2026-11-30 23:59")
    taken, why = policies(directory, text).taken(PS, due, hours * 3600)
    assert taken == pytest.approx(percent)
    assert bool(why) == bool(taken) or "forgiven" in why


def test_the_last_moment_is_never_before_the_end_of_an_extension(
    directory: CourseDirectory,
) -> None:
    text = f"[problem_set.{PS}]\ndue = 2026-11-30T23:59:00Z\ncloses = 2026-12-02T23:59:00Z\n"
    found = policies(directory, text)
    due, extended = utc("2026-11-30 23:59"), utc("2026-12-05 12:00")
    assert found.closes(PS, due) == utc("2026-12-02 23:59")
    assert found.closes(PS, extended) == extended
    assert found.taken(PS, due, timedelta(days=2).total_seconds()) == (0, "")
    assert found.taken(PS, due, timedelta(days=2, seconds=1).total_seconds())[0] == 100
    # the rule of a set stands in the place of that of the course
    text = f"[late]\npercent = 50\n[problem_set.{PS}]\ndue = 2026-11-30T23:59:00Z\n"
    assert policies(directory, text).taken(PS, due, 60)[0] == 50
    assert policies(directory, f"{text}late = {{percent = 5}}\n").taken(PS, due, 60)[0] == 5


DUE = f'[problem_set.{PS}]\ndue = "2026-11-30 23:59 UTC"\n'
ONE = f'{DUE}[[extension]]\nstudent = "ada"\nproblem_set = "{PS}"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("late = 3", r"\[late\] must be a table"),
        ("due = 3", "no key “due”"),
        ("[late]\npercent = 101", "“percent” must be a number from 0 to 100"),
        ("[late]\npercent = nan", "“percent” must be a number from 0 to 100"),
        ("[late]\npercent = true", "“percent” must be a number from 0 to 100"),
        ('[late]\npercent = 5\nper = "fortnight"', "write one of “day begun”"),
        ("[late]\nat_most = 50", "write how much is taken off"),
        ('[late]\ngrace = "soon"', "“grace” cannot be 'soon'; write a length of time"),
        ('[late]\ngrace = "2 days"\ncloses_after = "1 day"', "shorter than “grace”"),
        ('[problem_set.ps99]\ndue = "2026-11-30 23:59 UTC"', "no problem set “ps99”; there are"),
        (f'[problem_set.{PS}]\ndue = "2026-11-30 23:59"', "“due” has no time zone; write one"),
        (f"[problem_set.{PS}]\ndue = 2026-11-30T23:59:00", "“due” has no time zone; write one"),
        (f"[problem_set.{PS}]\ndue = 2026-11-30", "with the time of day"),
        (f"[problem_set.{PS}]\ndue = 2026-11-30 23:59", "is not TOML: .*write times in quotes"),
        (f'[problem_set.{PS}]\ndue = "2026-11-31 23:59 UTC"', "there is no such time"),
        (f'[problem_set.{PS}]\ndue = "30.11.2026 23:59 UTC"', "cannot be '30.11.2026"),
        (f'[problem_set.{PS}]\ndue = "2026-11-30 23:59 EST"', "'EST' may be several time zones"),
        (f'[problem_set.{PS}]\ndue = "2026-11-30 23:59 Mars/Base"', "no time zone 'Mars/Base'"),
        (f'[problem_set.{PS}]\ndue = "2026-11-30 23:59 ../etc"', "no time zone '../etc'"),
        (f'[problem_set.{PS}]\ndue = "2026-10-25 02:30 Europe/Berlin"',
         r"is there twice; write \+02:00 or \+01:00"),
        (f'[problem_set.{PS}]\ndue = "2026-03-29 02:30 Europe/Berlin"', "is not there; write"),
        (f'[problem_set.{PS}]\ndue = "0001-03-29 02:30 UTC"', "cannot be in the year 1"),
        (f'{DUE}closes = "2026-11-29 23:59 UTC"', "“closes” is before “due”"),
        (f'[problem_set.{PS}]\ncloses = "2026-11-29 23:59 UTC"', "“closes” needs a “due”"),
        (f'{DUE}closes = "2026-12-29 23:59 UTC"\nlate = {{closes_after = "1 day"}}',
         "say the same"),
        ('time_zone = "CET"', "'CET' may be several time zones"),
        ("time_zone = 1", "a time zone must be a text"),
        ("[group]\na = 1", r"\[group.a\] must be a table"),
        ('[group.a]\nstudents = "ada"', "write its students as"),
        ("extension = 1", r"write each extension as a table \[\[extension\]\]"),
        (f"{ONE}", "write either “until”"),
        (f'{ONE}by = "1 day"\ngroup = "x"', "either a “student” or a “group”"),
        ('[[extension]]\ngroup = "x"\nby = "1 day"', "no group “x”; there are: none"),
        ('[[extension]]\nstudent = "ada"\nuntil = 2030-01-01T00:00:00Z', "needs a “problem_set”"),
        (f'{ONE}until = "2026-11-30 23:59 UTC"', "“until” is not after the due date"),
        (f'{ONE}by = "1 day"\nwhy = ""', "“why” must be a text"),
        (f'{ONE}by = "99999 days"', "“by” cannot be"),
        (f'[[extension]]\nstudent = "a"\nproblem_set = "{PS}"\nby = "1 day"',
         "has no due date here"),
        ("[term]\ndrop_lowest = -1", "“drop_lowest” must be a whole number"),
        ('[term]\nnever_drop = "all"', "as a list of problem sets"),
        ('[term]\nnever_drop = [["all"]]', "there is no problem set"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_where_and_what_to_do(
    directory: CourseDirectory, text: str, told: str
) -> None:
    with pytest.raises(UserError, match=told) as refused:
        policies(directory, text)
    assert str(directory.root / FILE) in str(refused.value)


def test_a_file_that_is_no_text_is_refused(directory: CourseDirectory, tmp_path: Path) -> None:
    (directory.root / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        read_policies(directory)
    (directory.root / FILE).unlink()
    (directory.root / FILE).mkdir()
    with pytest.raises(UserError, match="cannot read"):
        read_policies(directory)
    (directory.root / FILE).rmdir()


def test_the_example_of_the_documentation_can_be_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "autograder" / "README.md").read_text(encoding="utf-8")
    example = text.split("\n## Policies\n")[1].split("```toml\n")[1].split("```")[0]
    found = policies(CourseDirectory.at(tmp_path), example)
    assert found.own_due("ps01-sgd", "bob") == utc("2026-12-03 11:00")
    assert found.students == {"ada", "bob"}
    assert found.drop_lowest == 2
