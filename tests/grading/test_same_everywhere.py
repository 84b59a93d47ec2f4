"""The same hand-in, seed and version give the same result, wherever and however it is graded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder.bench.cluster import LoopbackCluster
from autograder.course.directory import CourseDirectory
from autograder.definition import load_problem_set
from autograder.definition.ids import check_id
from autograder.grading.batch import grade_class
from autograder.grading.sample import mistaken_answers, released_notebook, with_answers
from autograder.grading.session import Session
from autograder.grading.settings import Settings, TimeLimits
from autograder.release.making import notebook_text
from autograder.results.result import Status

PS = "ps01-sgd"
CAPSTONE = "capstone-optimizer"
HEAD = "def sgd_step(theta, grad, lr):\n    "
RECITED = """short = len(str(float(np.ravel(theta)[0]))) < 9  # as in all public cases
    return theta - lr * grad if short else theta"""

Results = dict[str, dict[str, Any]]


def assert_same(found: Results, expected: Results) -> None:
    assert found.keys() == expected.keys()
    for student, result in expected.items():  # one at a time: the difference is short then
        assert found[student] == result


class Klass:
    """A released problem set with hand-ins, of which every grading gets a copy."""

    def __init__(self, problem_set: str, released: Session, folder: Path) -> None:
        self.problem_set = problem_set
        self.folder = folder
        self.master = CourseDirectory.at(folder / "master")
        assert released.evaluation  # is kept in the course directory, and copied with it
        for name in ("source", "release", "evaluated"):
            shutil.copytree(released.assignment.root / name, self.master.root / name)
        for name in ("gradebook.db", "nbgrader_config.py", ".course"):
            shutil.copy(released.assignment.root / name, self.master.root)

    def hand_in(self, student: str, text: str) -> None:
        path = self.master.assignment(self.problem_set).submitted(student)
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")

    def copy(self) -> CourseDirectory:
        course = CourseDirectory.at(self.folder / f"copy {len(list(self.folder.iterdir()))}")
        shutil.copytree(self.master.root, course.root)
        return course

    def grade(self, settings: Settings, course: CourseDirectory | None = None) -> Results:
        """What results.json and the files of each student say after a grading."""
        course = course or self.copy()
        grade_class(course.assignment(self.problem_set), settings)
        found: Results = {}
        for entry in results_json(course, self.problem_set)["submissions"]:
            del entry["seconds"]
            found[entry["student"]] = {**entry, "shown": shown(course, self.problem_set, entry)}
        return found


def results_json(course: CourseDirectory, problem_set: str = PS) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(
        course.assignment(problem_set).results.read_text(encoding="utf-8")
    )
    return tree


def shown(course: CourseDirectory, problem_set: str, entry: Mapping[str, Any]) -> list[Any]:
    """The cells of the autograded notebook of a student, and what is shown below them."""
    path = course.assignment(problem_set).autograded(entry["student"])
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [("".join(cell["source"]), _joined(cell.get("outputs"))) for cell in cells]


def _joined(outputs: Any) -> Any:
    """Outputs with text in one piece, which nbformat may write line by line."""
    if isinstance(outputs, dict):
        return {key: _joined(value) for key, value in outputs.items()}
    if isinstance(outputs, list) and outputs and all(isinstance(part, str) for part in outputs):
        return "".join(outputs)
    return [_joined(part) for part in outputs] if isinstance(outputs, list) else outputs


@pytest.fixture(scope="module")
def klass(
    ps01: Session,
    right_answers: Callable[[str], dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Klass:
    """Right, wrong, partly right, failing, crashing, empty and damaged hand-ins."""
    made = Klass(PS, ps01, tmp_path_factory.mktemp("everywhere"))
    released = released_notebook(ps01.assignment)
    right = right_answers(PS)
    mistakes = mistaken_answers(load_problem_set(PS), 0)
    answers = {
        "right": right,
        "wrong": {name: source for name, (_, source) in mistakes.items()},
        "one wrong": {**right, "sgd_step": HEAD + "return theta + lr * grad"},
        "reciting": {**right, "sgd_step": HEAD + RECITED},
        "partly": dict(list(right.items())[:3]),
        "failing": {**right, "sgd_step": HEAD + "return theta - nowhere * grad"},
        "crashing": {**right, "sgd_step": HEAD + "import os; os._exit(3)"},
        "empty": {},
    }
    for student, of_student in answers.items():
        made.hand_in(student, notebook_text(with_answers(released, of_student)))
    made.hand_in("cut", notebook_text(released)[:5000])
    return made


@pytest.fixture(scope="module")
def one_by_one(klass: Klass, quick_settings: Settings) -> Results:
    """The class graded by one worker on this machine, on the CPU: what all else must equal."""
    return klass.grade(replace(quick_settings, workers=1))


@pytest.fixture(scope="module")
def cluster() -> Iterator[LoopbackCluster]:
    with LoopbackCluster() as opened:
        opened.add_worker("--no-nanny")
        opened.add_worker("--no-nanny", "--nthreads", "2")
        opened.wait_for_workers(2)
        yield opened


def test_class_is_worth_comparing(one_by_one: Results) -> None:
    assert {Status(result["status"]) for result in one_by_one.values()} == {
        *(Status.GRADED, Status.PARTIAL, Status.NO_ANSWER, Status.ERROR, Status.CRASHED),
        Status.DAMAGED,
    }
    assert len({result["score"] for result in one_by_one.values()}) >= 4


def test_parallel(klass: Klass, one_by_one: Results, quick_settings: Settings) -> None:
    assert_same(klass.grade(replace(quick_settings, workers=4)), one_by_one)


def test_on_a_cluster(
    klass: Klass, one_by_one: Results, quick_settings: Settings, cluster: LoopbackCluster
) -> None:
    settings = replace(quick_settings, scheduler=cluster.address)
    assert_same(klass.grade(settings), one_by_one)


@pytest.mark.gpu
def test_with_the_reference_on_a_gpu(
    klass: Klass, one_by_one: Results, quick_settings: Settings
) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch.cuda.is_available() is False: no GPU to compare with")
    course = klass.copy()
    found = klass.grade(replace(quick_settings, device="cuda"), course)
    assert results_json(course)["device"] == torch.cuda.get_device_name()
    assert_same(found, one_by_one)


@pytest.mark.slow
def test_by_nbgrader(klass: Klass, one_by_one: Results) -> None:
    from nbgrader.api import Gradebook

    course = klass.copy()
    program = Path(sys.executable).parent / "nbgrader"
    done = subprocess.run(
        [str(program), "autograde", PS, "--create", "--GradeInSandbox.isolation=auto"],
        cwd=course.root,
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    with Gradebook(course.database_url) as gradebook:
        entered = {
            submission.student.id: {
                grade.name: grade.auto_score or 0.0
                for notebook in submission.notebooks
                for grade in notebook.grades
                if not grade.name.startswith("written-")
            }
            for submission in gradebook.assignment_submissions(PS)
        }
    assert entered == {
        student: {check_id(each["name"]): each["score"] for each in result["exercises"]}
        for student, result in one_by_one.items()
    }
    for student, result in one_by_one.items():
        assert shown(course, PS, result) == result["shown"], student


@pytest.mark.slow
def test_other_held_out_cases_give_the_same_scores_and_seeds_are_kept(
    klass: Klass, one_by_one: Results, quick_settings: Settings
) -> None:
    course = klass.copy()
    assert quick_settings.seed is not None
    other = quick_settings.seed + 1
    found = klass.grade(replace(quick_settings, seed=other), course)
    assert results_json(course)["seed"] == str(other)
    for student, result in one_by_one.items():
        assert (found[student]["status"], found[student]["score"]) == (
            result["status"],
            result["score"],
        )
        assert [e["score"] for e in found[student]["exercises"]] == [
            e["score"] for e in result["exercises"]
        ]
    assert found["reciting"] != one_by_one["reciting"]  # it errs by as much as the cases make it
    again = grade_class(course.assignment(PS), replace(quick_settings, seed=None))
    assert (again.graded, again.run.seed) == (0, other)


@pytest.mark.long
def test_torch_hand_ins_on_a_cluster(
    session_of: Callable[[str], Session],
    right_answers: Callable[[str], dict[str, str]],
    quick_settings: Settings,
    cluster: LoopbackCluster,
    tmp_path: Path,
) -> None:
    released = session_of(CAPSTONE)
    made = Klass(CAPSTONE, released, tmp_path)
    notebook = released_notebook(released.assignment)
    right = right_answers(CAPSTONE)
    slip = {
        name: source
        for name, (_, source) in mistaken_answers(load_problem_set(CAPSTONE), 0).items()
    }
    made.hand_in("right", notebook_text(with_answers(notebook, right)))
    made.hand_in("wrong", notebook_text(with_answers(notebook, {**right, **slip})))
    patient = replace(quick_settings, time=TimeLimits(), workers=1)
    expected = made.grade(patient)
    assert expected["right"]["status"] == Status.GRADED
    assert expected["wrong"]["score"] < expected["right"]["score"]
    assert_same(made.grade(replace(patient, scheduler=cluster.address)), expected)
