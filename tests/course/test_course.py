"""A course is what its course.toml says, and is found from where one is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course.course import FILE, VARIABLE, Course
from autograder.course.directory import CourseDirectory
from autograder.course.errors import UserError
from autograder.course.new import make_course


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody is in a course, and none is named."""
    monkeypatch.delenv(VARIABLE, raising=False)
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path / "course")


def test_the_template_is_a_course(course: Course) -> None:
    assert course.title == "Numerical methods"
    assert course.library == "numpy"
    assert course.problem_sets() == ["ps01-sums"]
    material = course.material("ps01-sums")
    assert material.source.is_file()
    assert material.notebook == course.root / "notebooks" / "ps01-sums.ipynb"
    assert (course.root / ".gitignore").is_file()


def test_sections_have_an_address_where_there_is_a_website(course: Course) -> None:
    section = "sums.md#the-rule"
    assert course.address(section) == section
    online = replace(course, site="https://example.org/course/", pages="book")
    assert online.address(section) == "https://example.org/course/book/sums.html#the-rule"
    assert replace(online, pages="").address("sums.md") == "https://example.org/course/sums.html"
    assert online.address("") == ""


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="is there already"):
        make_course(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError):
            make_course(place)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "needs a title"),
        ('title = "  "', "needs a title"),
        ('title = "A"\ntitel = "B"', "no key “titel”; the keys are: title, site"),
        ("title = 3", "“title” must be a text in quotes, not 3"),
        ('title = "A"\n[folders]\nsolutions = "s"', "no key “folders”"),
        ('title = "A\\u001b"', "“title” has characters that cannot be shown"),
        ('title = "A', "is not TOML: "),
        ('title = "A"\nlibrary = "jax"', "“library” cannot be 'jax': write torch or numpy"),
        ('title = "A"\nsite = "example.org"', "“site” cannot be .*https://"),
        ('title = "A"\nsite = "javascript:alert(1)"', "“site” cannot be"),
        ('title = "A"\nsolutions = "/etc"', "“solutions” cannot be '/etc': write the path"),
        ('title = "A"\nnotebooks = "../out"', "“notebooks” cannot be"),
        ('title = "A"\ndownloads = ""', "“downloads” cannot be '': write the path"),
        ('title = "A"\nexercises = "my-exercises"', "“exercises” cannot be .*it is imported"),
        ('title = "A"\nsolutions = "sources"', "“solutions” is sources, and there is no folder"),
        ('title = "A"\npages = "site"', "“pages” is site, and there is no folder"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_key(course: Course, text: str, told: str) -> None:
    path = course.root / FILE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told) as error:
        Course.read(course.root)
    assert str(path) in str(error.value)


def test_a_file_that_is_no_text_is_told(course: Course) -> None:
    (course.root / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="is not TOML"):
        Course.read(course.root)


def test_it_is_found_from_below(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course.root / "exercises" / "ps01")
    assert Course.find() == course
    assert CourseDirectory.at(Path("spring")).course == course


def test_it_is_found_from_the_course_directory(course: Course) -> None:
    assert CourseDirectory.at(course.root / "classes" / "spring").course == course


def test_it_is_named_by_the_environment(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(course.root))
    assert Course.find() == course


def test_none_is_told_with_what_to_do(elsewhere: Path) -> None:
    with pytest.raises(UserError, match=rf"no course\.toml in {elsewhere} or above it; .*--course"):
        Course.find()
    with pytest.raises(UserError, match="autograder new-course DIR"):
        Course.read(elsewhere)


def test_a_directory_elsewhere_remembers_its_course(
    course: Course, elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spring = CourseDirectory(elsewhere / "spring", course)
    spring.root.mkdir()
    spring.remember_course()
    assert CourseDirectory.at(spring.root).course == course
    other = make_course(tmp_path / "other")
    assert CourseDirectory.at(spring.root, course=other).course == other
    monkeypatch.chdir(other.root)
    assert CourseDirectory.at(spring.root).course == course
    course.root.rename(tmp_path / "moved")
    with pytest.raises(UserError, match=r"released from the course in .*--course DIR"):
        CourseDirectory.at(spring.root)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "moved"))
    assert CourseDirectory.at(spring.root).course.root == tmp_path / "moved"


def test_a_problem_set_that_is_not_there_is_told(course: Course) -> None:
    with pytest.raises(UserError, match=r"no problem set “ps9”.*are: ps01-sums"):
        course.material("ps9")
