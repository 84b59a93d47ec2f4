"""Sources become notebooks, and what does not fit together is refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.course import problem_set_names
from autograder.course.course import Course
from autograder.course.directory import CourseDirectory
from autograder.definition import load_problem_set
from autograder.grading.sample import sample_class
from autograder.release.build import is_published
from autograder.release.source import SourceError, instructor_notebook


@pytest.mark.parametrize("name", problem_set_names())
def test_committed_notebooks_equal_a_fresh_build(name: str, course: CourseDirectory) -> None:
    assert is_published(course.assignment(name)), f"run: autograder release --publish {name}"


@pytest.mark.parametrize("name", problem_set_names())
def test_points_and_ids_come_from_the_definition(name: str) -> None:
    problem_set = load_problem_set(name)
    cells = json.loads(Course.find().material(name).notebook.read_text(encoding="utf-8"))["cells"]
    marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
    points = {mark["grade_id"]: mark["points"] for mark in marks if mark.get("grade")}
    assert points == {
        **{f"check-{exercise.name}": exercise.points for exercise in problem_set.exercises},
        **{f"written-{question.name}": question.points for question in problem_set.written},
    }


@pytest.mark.parametrize("name", problem_set_names())
def test_a_run_of_all_cells_goes_on_past_what_fails_but_not_past_an_answer(name: str) -> None:
    cells = json.loads(Course.find().material(name).notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    may_fail = [c for c in code if "raises-exception" in c["metadata"].get("tags", [])]
    checks = [c for c in code if c["metadata"].get("nbgrader", {}).get("grade")]
    assert checks and all(cell in may_fail for cell in checks)
    answers = {exercise.name for exercise in load_problem_set(name).exercises}
    assert not any(cell["id"] in answers for cell in may_fail)
    assert code[0] not in may_fail  # without the imports nothing works
    assert code[-1]["source"] == "check_all()"


@pytest.mark.parametrize("name", problem_set_names())
def test_stubs_name_the_function_that_is_to_be_written(name: str) -> None:
    cells = json.loads(Course.find().material(name).notebook.read_text(encoding="utf-8"))["cells"]
    for exercise in load_problem_set(name).exercises:
        (stub,) = (c["source"] for c in cells if c["id"] == exercise.name)
        assert f'raise NotImplementedError("{exercise.name}")' in stub
        assert "SOLUTION" not in stub
        compile(stub, exercise.name, "exec")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("### BEGIN SOLUTION", "### BEGIN SOLUTON", "looks like a marker|one pair of markers"),
        ("### BEGIN SOLUTION", "# begin solution", "looks like a marker"),
        ("### END SOLUTION", "", "one pair of markers"),
        ("def sgd_step(theta, grad, lr)", "def sgd_step(theta, lr, grad)", "parameters"),
        ("check(sgd_step)", "check(sgd_step); print(1)", "must be just"),
        ('exercise="sgd_step"', 'exercise="sdg_step"', "no exercise “sdg_step”"),
        ('exercise="sgd_step"', "", "must not hold markers"),
        ('check="sgd_step"', "", "no cell for check-sgd_step"),
        ('exercise="sgd_step"', 'excercise="sgd_step"', "options"),
    ],
)
def test_a_source_that_does_not_fit_is_refused(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    text = Course.find().material("ps01-sgd").source.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "ps01-sgd.py"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SourceError, match=told):
        instructor_notebook(load_problem_set("ps01-sgd"), path)


@pytest.mark.parametrize("name", problem_set_names())
def test_each_problem_set_has_a_sample_class(name: str, course: CourseDirectory) -> None:
    notebooks = sample_class(course.assignment(name))
    assert len(notebooks) == 8
    assert len({json.dumps(notebook) for notebook in notebooks.values()}) == 8
