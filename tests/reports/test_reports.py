"""What people read afterwards: documented fields, safe in a spreadsheet, inert in a browser, and
without what only the grader may know."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from autograder.course.directory import CourseDirectory
from autograder.course.files import write_whole
from autograder.grading.handin import Handin
from autograder.grading.session import Session
from autograder.reports import pages
from autograder.reports.notebook import autograded_notebook, autograded_text, exercise_text
from autograder.reports.pages import feedback_page, marks_part
from autograder.results.gradebook import GradebookRow
from autograder.results.result import ExerciseResult, Judged, Result, Run, Status
from autograder.results.tables import grades_csv, read_result, read_run, results_json
from autograder.selfcheck.judge import CheckResult


def report_page(*arguments: Any) -> str:
    return "".join(pages.report_page(*arguments))


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{7*7}}"


@pytest.fixture(scope="module")
def run_of(ps01: Session) -> Callable[..., Run]:
    """A run that consists of some results."""
    evaluation = ps01.evaluation
    level = ps01.executor.level
    return lambda *results: Run(
        "ps01-sgd", evaluation.spec.title, ps01.seed, "cpu", level, {"numpy": "2"}, results=results
    )


def row(student: str, **changes: Any) -> GradebookRow:
    fields: dict[str, Any] = {
        "assignment": "ps01-sgd",
        "duedate": "",
        "timestamp": "",
        "student_id": student,
        "last_name": "",
        "first_name": "",
        "email": "",
        "raw_score": 1.0,
        "late_submission_penalty": 0.0,
        "score": 1.0,
        "max_score": 31.0,
        "needs_manual_grade": False,
    }
    return GradebookRow(**{**fields, **changes})


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def assert_inert(text: str) -> None:
    """No script, no event handler, nothing loaded from elsewhere."""
    for tag, attributes in Page(text).tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "base", "link", "svg")
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src"):
                assert value is not None
                assert value.startswith(("#", "data:image/png;base64,")), value
    assert not re.search(r"url\(|@import|javascript:", text)


# --- results.json --------------------------------------------------------------------------------

FIELDS = {
    "student",
    "status",
    "detail",
    "score",
    "max_score",
    "seconds",
    "notes",
    "written_answered",
    "fingerprint",
    "outdated",
    "exercises",
    "answers",
}


def test_results_hold_the_documented_fields_and_read_back(
    run_of: Callable[..., Run],
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
) -> None:
    wrong = {"sgd_step": "def sgd_step(t, g, r):\n    return t + r * g\n"}
    result = grade_notebook(right_notebook("ps01-sgd", wrong))
    tree = json.loads("".join(results_json(run_of(result))))
    assert set(tree) == {
        "version",
        "problem_set",
        "title",
        "seed",
        "device",
        "isolation",
        "versions",
        "figures",
        "not_graded",
        "skipped",
        "adjustments",
        "language",
        "submissions",
    }
    (entry,) = tree["submissions"]
    assert set(entry) == FIELDS
    told = {"name", "score", "max_score", "checks", "adjusted", "judged", "section"}
    assert set(entry["exercises"][0]) == told
    assert {"name", "passed", "points", "message", "mistake"} <= set(
        entry["exercises"][0]["checks"][0]
    )
    assert entry["score"] == sum(e["score"] for e in entry["exercises"]) == 23
    assert entry["exercises"][2]["checks"][0]["mistake"]
    back = Result.from_json(entry)
    assert back.to_json() == entry
    assert back.exercises == result.exercises


def test_documentation_names_every_field_of_the_results() -> None:
    text = (Path(__file__).parents[2] / "autograder" / "README.md").read_text(encoding="utf-8")
    for field in FIELDS:
        assert f"`{field}`" in text or f'"{field}"' in text, field


# --- grades.csv ----------------------------------------------------------------------------------


def result_of(student: str, **changes: Any) -> Result:
    fields: dict[str, Any] = {
        "status": Status.DAMAGED,
        "detail": "",
        "score": 0,
        "max_score": 27,
        "seconds": 0.0,
        "exercises": (),
    }
    return Result(student, **{**fields, **changes})


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "－", " ="])
def test_spreadsheet_takes_no_cell_for_a_formula(start: str, run_of: Callable[..., Run]) -> None:
    name = f'{start}cmd|"/C calc"!A0'
    fields = {"last_name": f"{start}1", "first_name": f"{start}HYPERLINK()", "email": f"{start}@x"}
    text = "".join(grades_csv(run_of(result_of(name)), {name: row(name, **fields)}))
    head, line = csv.reader(io.StringIO(text, newline=""))
    assert line[head.index("student_id")] == "'" + name
    for field, value in fields.items():
        assert line[head.index(field)] == "'" + value
    assert not any(cell[:1] in tuple("=+-@\t\r") for cell in line)


def test_spreadsheet_that_parts_at_semicolons_takes_no_part_for_a_formula(
    run_of: Callable[..., Run],
) -> None:
    fields = {"last_name": "x;=1+1", "first_name": "a; ＝1;b", "email": "a;b"}
    text = "".join(grades_csv(run_of(result_of("ada")), {"ada": row("ada", **fields)}))
    head, line = csv.reader(io.StringIO(text, newline=""))
    assert line[head.index("last_name")] == "x;'=1+1"
    assert line[head.index("first_name")] == "a; '＝1;b"
    assert line[head.index("email")] == "a;b"


def test_table_is_rfc_4180_and_begins_with_nbgraders_columns(run_of: Callable[..., Run]) -> None:
    names = ['quote " here', "comma, here", "line\nbreak", "Ünïcode 名", "-dash"]
    results = [result_of(name) for name in names]
    text = "".join(grades_csv(run_of(*results), {name: row(name) for name in names}))
    assert text[0] == "\ufeff"
    text = text[1:]
    assert text.endswith("\r\n")
    assert '"quote "" here"' in text
    head, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head[:11] == [
        "assignment",
        "duedate",
        "timestamp",
        "student_id",
        "last_name",
        "first_name",
        "email",
        "raw_score",
        "late_submission_penalty",
        "score",
        "max_score",
    ]
    assert [line[3].removeprefix("'") for line in lines] == names
    assert {len(line) for line in lines} == {len(head)}


# --- pages ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def evil(
    ps01: Session, right_notebook: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Result:
    """A hand-in that writes markup wherever it can."""
    notebook = right_notebook(
        "ps01-sgd",
        {
            "sgd_step": f"def sgd_step(t, g, r):\n    return {EVIL!r}\n",
            "clip_by_norm": f"def clip_by_norm(g, m):\n    raise type({EVIL!r}, (Exception,), {{}})"
            f"({EVIL!r})\n",
            "linear_decay": f"def linear_decay(*a):\n    return type({EVIL!r}, (), {{}})()\n",
        },
    )
    shown = f"from IPython.display import display, HTML, SVG, Javascript\nprint({EVIL!r})\n"
    shown += f"display(HTML({EVIL!r}), Javascript('alert(1)'))\n{EVIL!r}"
    notebook["cells"] += [
        code(shown),
        code(f"raise ValueError({EVIL!r})"),
        {"cell_type": "markdown", "metadata": {}, "source": EVIL},
        {"cell_type": "raw", "metadata": {}, "source": EVIL},
    ]
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("written"):
            cell["source"] = EVIL
    path = tmp_path_factory.mktemp("evil") / "x.ipynb"
    path.write_text(json.dumps(notebook))
    return ps01.grade(Handin(EVIL.replace("/", " "), path)).result


def test_feedback_of_markup_is_inert_text(evil: Result, run_of: Callable[..., Run]) -> None:
    text = feedback_page(evil, run_of(evil))
    assert_inert(text)
    assert "&lt;script&gt;alert(1)" in text
    assert "49" not in re.findall(r"&amp;(\d+)", text)  # templates in it are not evaluated


def test_report_of_markup_is_inert_text(
    evil: Result, run_of: Callable[..., Run], plain_report: Callable[[str], str]
) -> None:
    classmate = replace(evil, student="'\"><b>")
    rows = {each.student: row(each.student, first_name=EVIL) for each in (evil, classmate)}
    text = report_page(run_of(evil, classmate), rows, None, lambda *_: EVIL)
    assert "2 answers to <code>sgd_step</code>" in text
    assert_inert(plain_report(text))
    assert "&lt;script&gt;alert(1)" in text


def test_feedback_folds_what_passed_and_names_the_section_for_what_did_not() -> None:
    checks = (
        CheckResult("one step", True, 2),
        CheckResult("shapes", False, 1, "entry 3 is <2>"),
        CheckResult("several", True, 1, "98 % right"),
    )
    site = "https://example.org/course/book/momentum.html#the-rule"
    exercises = (
        ExerciseResult("step", 3, 4, checks, section=site),
        ExerciseResult("rate", 3, 3, checks[::2], section=site),
        ExerciseResult("clip", 0, 1, checks[1:2], section="sgd.md#long-gradients"),
        ExerciseResult("last", 0, 1, checks[1:2]),
    )
    result = result_of("ada", exercises=exercises)
    text = feedback_page(result, Run("ps01-sgd", "A title", 1, "cpu", "full", {}))
    links = [a["href"] for tag, a in Page(text).tags if tag == "a"]
    assert [link for link in links if link != site] == ["#step", "#rate", "#clip", "#last"]
    assert links.count(site) == 1
    assert text.count("To read again") == 2
    assert "To read again: sgd, long gradients." in text
    step, rate, clip, _ = text.split("<h2 id=")[1:]
    open_part, folded = step.split("<details>")
    assert "✗ shapes" in open_part and "entry 3 is &lt;2&gt;" in open_part and "✓" not in open_part
    assert "✓ 2 of 3 checks passed" in folded and "one step" in folded and "98 % right" in folded
    assert "✓ 2 of 2 checks passed" in rate and "✗" not in rate
    assert "<details>" not in clip
    told = exercise_text(exercises[0])
    assert f"  to read again: momentum, the rule ({site})" in told.splitlines()


def test_marks_begin_with_name_and_total() -> None:
    waits = replace(row("ada", first_name="Ada <b>", last_name="Lovelace"), needs_manual_grade=True)
    text = marks_part(waits)
    assert "Ada &lt;b&gt; Lovelace, " in text
    assert "so far: a part is still to be graded by a person" in text
    assert "Your grade" not in text
    assert "<strong>1 of 31 points</strong>." in marks_part(row("=x"))


def test_pages_are_one_file_that_loads_nothing(
    run_of: Callable[..., Run],
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
    plain_report: Callable[[str], str],
) -> None:
    notebook = right_notebook("ps01-sgd")
    notebook["cells"].append(code("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"))
    result = grade_notebook(notebook)
    text = feedback_page(result, run_of(result))
    assert_inert(text)
    pictures = [a["src"] for tag, a in Page(text).tags if tag == "img"]
    assert len(pictures) == 1
    assert_inert(plain_report(report_page(run_of(result), {"student": row("student")})))


def test_report_of_nobody_and_of_hand_ins_without_results(
    run_of: Callable[..., Run], plain_report: Callable[[str], str]
) -> None:
    assert_inert(plain_report(report_page(run_of(), {})))
    assert_inert(plain_report(report_page(run_of(result_of("a")), {"a": row("a")})))
    assert_inert(feedback_page(result_of("a", detail="it is empty"), run_of()))


def test_report_of_a_large_class_has_its_hand_ins_in_tables_to_open(
    run_of: Callable[..., Run], plain_report: Callable[[str], str]
) -> None:
    names = [f"student{number:04}" for number in range(600)]
    rows = {name: row(name) for name in names}
    results = [result_of(name, status=Status.GRADED) for name in names]
    text = plain_report(report_page(run_of(*results), rows))
    assert_inert(text)
    tables = ["student0000 to student0499", "student0500 to student0599"]
    assert re.findall(r"<summary>(.*?)</summary>", text) == [*tables, *tables]
    assert all(text.count(f"<bdi>{name}</bdi>") == 2 for name in names)
    assert "<details>" not in report_page(run_of(*results[:500]), rows)


def test_report_names_first_what_someone_should_look_at(
    run_of: Callable[..., Run], plain_report: Callable[[str], str]
) -> None:
    results = [
        result_of("ada", status=Status.GRADED, outdated=True),
        result_of("bob", detail=EVIL),
        result_of("cem", status=Status.TIMEOUT),
    ]
    rows = {s.student: row(s.student, needs_manual_grade=True) for s in results}
    run = replace(run_of(*results), not_graded=("dov", EVIL), skipped=(r"'e\xff'",))
    text = plain_report(report_page(run, rows))
    assert_inert(text)
    assert "1 of these have changed" in text
    assert "2 not graded yet: dov, &lt;script&gt;" in text
    assert r"1 skipped: &#39;e\xff&#39;" in text
    assert "3 hand-ins to grade by hand" in text
    first = text[text.index('<h2 id="look">') : text.index('<h2 id="checks">')]
    assert re.findall(r"<bdi>(\w+)</bdi></a>", first) == ["bob"]


def wrong(student: str, *, answer: str = "0.955", **changes: Any) -> Result:
    """A hand-in whose only exercise is wrong, by no known mistake."""
    first = CheckResult("one step", False, 2, f"case “two”: `theta` is wrong\ngot {answer}")
    checks = (replace(first, **changes), CheckResult("shapes", True, 2))
    exercise = ExerciseResult("sgd_step", 2, 4, checks)
    return result_of(student, status=Status.GRADED, score=2, max_score=4, exercises=(exercise,))


def test_report_puts_together_what_is_wrong_in_the_same_way(run_of: Callable[..., Run]) -> None:
    raised = "case “two”: raised ValueError: no"
    lines = raised + "\n  line 3: {}\ninputs:\n  lr = 1"
    climbs = "Your step climbs: subtract.\ncase “two”: `theta` is wrong"
    results = [
        wrong("ada"),
        wrong("bob", answer="1.0"),
        wrong("cem", message=lines.format("return theta"), error="ValueError", raised=raised),
        wrong("dov", message=climbs, mistake="uphill"),
        wrong("eve"),
        wrong("fay", message=lines.format("return lr"), error="ValueError", raised=raised),
        wrong("gil", message=climbs, mistake="uphill", only_here=True),
        wrong("hal", message=climbs, mistake="uphill"),
        wrong("ivy", message="not answered yet", unanswered=True),
        wrong("joy", message=climbs, mistake="uphill"),
    ]
    given = wrong("kim", passed=True).exercises[0]  # full marks for what the judge called wrong
    judged = (Judged(False, 2), Judged(True, 2))
    results.append(result_of("kim", exercises=(replace(given, judged=judged),)))
    rows = {each.student: row(each.student) for each in results}
    rows["ada"] = row("ada", first_name="Ada", last_name="<Lovelace>")
    asked = []

    def answer_of(student: str, exercise: str) -> str:
        asked.append((student, exercise))
        return f"def {exercise}(): <{student}>"

    text = report_page(run_of(*results), rows, None, answer_of, "https://hub.example/formgrader/")
    sections = dict(re.findall(r'<h2 id="([\w-]+)">(.*?)(?=<h2|</body>)', text, re.DOTALL))
    groups = sections["alike"].split("<section")[1:]
    assert [re.findall(r"feedback/(\w+)/", group) for group in groups] == [
        ["ada", "eve", "kim"],
        ["cem", "fay"],
    ]
    assert asked == [("ada", "sgd_step"), ("cem", "sgd_step")]
    assert "def sgd_step(): &lt;ada&gt;" in groups[0] and "got 0.955" in groups[0]
    assert "Ada &lt;Lovelace&gt;</bdi></a> <bdi" in groups[0]
    (known,) = re.findall(r'<tr id="mistake.*?</tr>', sections["mistakes"], re.DOTALL)
    assert "Your step climbs: subtract." in known and "(uphill)" in known
    assert re.findall(r"feedback/(\w+)/", known) == ["dov", "hal", "joy"]
    assert "Mean 1.82 and median 2 of 27 points" in sections["scores"]
    lines = re.findall(r'<tr><th scope="row">.*?</tr>', sections["checks"], re.DOTALL)
    assert len(lines) == len(results)
    signs = {
        re.findall(r"feedback/(\w+)/", line)[0]: re.findall(r'<td class="(\w)">(.*?)</td>', line)
        for line in lines
    }
    keys = re.findall(r'id="(alike-\w+)"', sections["alike"])
    assert signs["ada"] == [("f", f'<a href="#{keys[0]}">✗</a>'), ("p", "✓")]
    assert signs["bob"] == [("f", "✗"), ("p", "✓")]
    assert signs["fay"][0] == ("e", f'<a href="#{keys[1]}">!</a>')
    assert signs["dov"][0] == ("k", '<a href="#mistake-1">▲</a>')
    assert signs["gil"][0] == ("f", "✗")
    assert signs["ivy"][0] == ("u", "–")
    assert signs["kim"] == [("p", "✓"), ("p", "✓")]
    assert "https://hub.example/formgrader/manage_students/ada/ps01-sgd/" in sections["hand-ins"]


def test_results_are_read_back_one_by_one(run_of: Callable[..., Run], tmp_path: Path) -> None:
    results = [result_of(name) for name in ("ada", 'b"ob', "c\u2028em", "dov]")]
    run = replace(run_of(*results), not_graded=(' "submissions": [',))
    path = tmp_path / "results.json"
    write_whole(path, results_json(run))
    head, read = read_run(path)
    assert head == replace(run, results=())
    assert list(read) == results
    lines = path.read_bytes().splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if b"ob" in line)
    path.write_bytes(b"".join([*lines[:index], b'{"student": 5}\n{"st\n\xff\n', *lines[index:]]))
    assert list(read) == results
    data = path.read_bytes()
    for offset, result in read.with_offsets():
        assert read_result(data[offset:].splitlines()[0]) == result


def test_autograded_notebook_is_valid_and_holds_no_markup_that_runs(
    evil: Result, ps01: Session
) -> None:
    notebook = nbformat.reads(autograded_text(evil, ps01.release), as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            kinds = set(output.get("data", {}))
            assert kinds <= {"text/plain", "image/png"}, kinds


def test_autograded_notebook_has_each_grade_cell_once_as_released(
    ps01: Session, grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    notebook = right_notebook("ps01-sgd")
    notebook["cells"] += [json.loads(json.dumps(cell)) for cell in notebook["cells"]]
    for cell in notebook["cells"]:
        cell["metadata"].get("nbgrader", {})["points"] = 999
    tree = autograded_notebook(grade_notebook(notebook), ps01.release)
    found = [c["metadata"]["nbgrader"] for c in tree["cells"] if "nbgrader" in c["metadata"]]
    ids = [metadata["grade_id"] for metadata in found]
    assert len(ids) == len(set(ids))
    for name in (*ps01.release.exercises, *ps01.release.written):
        assert name in ids
    assert all(metadata.get("points", 0) < 999 for metadata in found)


# --- held-out cases stay with the grader ---------------------------------------------------------

TELLING = {
    "raises its input": "raise ValueError(repr((theta, grad, lr)))",
    "raises its input as a known error": "raise KeyError(repr((theta, grad, lr)))",
    "names an error like its input": "raise type('E' + repr((theta, grad, lr)), (Exception,), {})",
    "names a type like its input": "return type('T' + repr((theta, grad, lr)), (), {})()",
    "returns its input as text": "return 'R' + repr((theta, grad, lr))",
    "returns its input in a list": "return ['R' + repr((theta, grad, lr))] * 2",
    "returns an array of its input as text": "return np.array([repr((theta, grad, lr))])",
    "prints its input": "print(theta, grad, lr)\n    return theta",
    "shows its input": "get_ipython().display_pub.publish({'text/plain': repr(theta)})\n"
    "    return theta",
    "exits with its input": "raise SystemExit(repr((theta, grad, lr)))",
    "warns of its input": "import warnings; warnings.warn(repr(theta)); return theta",
    "names a dtype like its input": "return np.zeros(1, dtype=[(repr(theta)[:50], float)])",
}


# right on the public cases, so that the messages are those of held-out ones
RIGHT_IN_PUBLIC = """from selfcheck.check import public_exercises


def key(grad, lr):
    return np.asarray(grad).tobytes(), float(lr)


public = set()
for check_ in public_exercises()["sgd_step"].checks:
    for case in check_.cases:
        for step in case.case.steps or ({},):
            given = {**case.case.arguments, **step}
            public.add(key(given["grad"], given["lr"]))
"""


@pytest.fixture(scope="module")
def held_out_numbers(ps01: Session) -> set[str]:
    """The numbers in inputs and expected values of held-out cases, as text, if they are long."""
    spec = next(e for e in ps01.evaluation.spec.exercises if e.name == "sgd_step")

    def numbers(value: Any) -> Iterator[str]:
        for number in np.ravel(np.asarray(value, dtype=object)):
            text = f"{abs(float(number)):.8f}"
            if len(text.rstrip("0")) > 8:  # not a round number that stands elsewhere, too
                yield text[:7]

    found: dict[bool, set[str]] = {True: set(), False: set()}
    for check in spec.checks:
        for case in check.cases:
            values = [*case.case.arguments.values()]
            values += [v for step in case.case.steps for v in step.values()]
            values += [outcome.value for outcome in case.expected]
            for value in values:
                found[case.case.public].update(numbers(value))
    held_out = found[False] - found[True]
    assert len(held_out) > 30
    return held_out


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("name", TELLING)
def test_nothing_of_a_held_out_case_reaches_the_student(
    name: str,
    everywhere: bool,
    held_out_numbers: set[str],
    ps01: Session,
    course: CourseDirectory,
    run_of: Callable[..., Run],
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
) -> None:
    source = f"import numpy as np\n{RIGHT_IN_PUBLIC}\n\ndef sgd_step(theta, grad, lr):\n"
    if not everywhere:
        source += "    if key(grad, lr) in public: return theta - lr * grad\n"
    source += f"    {TELLING[name]}\n"
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": source}))
    assert result.score <= result.max_score - 4
    messages = [c.message for e in result.exercises for c in e.checks if not c.passed]
    assert len(messages) == 3
    assert all(message.startswith("held-out") for message in messages) or everywhere, messages
    for text in (
        "".join(results_json(run_of(result))),
        feedback_page(result, run_of(result)),
        autograded_text(result, ps01.release),
        report_page(run_of(result), {"student": row("student")}),
    ):
        assert len(text) > 1000
        leaked = [number for number in held_out_numbers if number in text]
        assert not leaked


def test_numbers_are_found_where_they_do_stand(held_out_numbers: set[str], ps01: Session) -> None:
    spec = next(e for e in ps01.evaluation.spec.exercises if e.name == "sgd_step")
    case = next(c for k in spec.checks for c in k.cases if not c.case.public)
    text = repr(list(case.case.arguments.values()))
    assert any(number in text for number in held_out_numbers)


def test_messages_of_public_cases_do_show_their_values(
    grade_notebook: Callable[..., Any], right_notebook: Callable[..., Any]
) -> None:
    source = "def sgd_step(theta, grad, lr):\n    raise ValueError('my own text')\n"
    result = grade_notebook(right_notebook("ps01-sgd", {"sgd_step": source}))
    assert "my own text" in result.exercises[2].checks[0].message


def test_held_out_inputs_come_when_no_cell_can_show_them_any_more(
    held_out_numbers: set[str],
    ps01: Session,
    run_of: Callable[..., Run],
    grade_notebook: Callable[..., Any],
    right_notebook: Callable[..., Any],
) -> None:
    keeps = "import numpy as np\nseen = []\n\n\ndef sgd_step(theta, grad, lr):\n"
    keeps += "    seen.append(repr((theta, grad, lr)))\n    return theta - lr * grad\n"
    tells = "def linear_decay(k, lr_start, lr_end, tau):\n    raise ValueError(' '.join(seen))\n"
    notebook = right_notebook("ps01-sgd", {"sgd_step": keeps, "linear_decay": tells})
    last = {"cell_type": "code", "metadata": {}, "source": "print(len(seen), seen)", "outputs": []}
    notebook["cells"].append(last)
    result = grade_notebook(notebook)
    told = feedback_page(result, run_of(result))
    assert "ValueError" in told
    for text in (
        told,
        "".join(results_json(run_of(result))),
        autograded_text(result, ps01.release),
    ):
        assert not [number for number in held_out_numbers if number in text]
