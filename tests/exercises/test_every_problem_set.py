"""What must hold for each problem set, whatever it asks."""

import ast
import importlib
import re
from itertools import combinations, pairwise
from pathlib import Path

import jupytext
import numpy as np
import pytest

import autograder.exercises
from autograder.definition import evaluate, load_problem_set
from autograder.definition.mutants import mutants_of, mutate
from autograder.selfcheck.judge import judge
from autograder.selfcheck.relations import RELATIONS
from autograder.selfcheck.spec import FORM, dump, load
from autograder.selfcheck.values import encode

ROOT = Path(__file__).parents[2]
FOLDER = Path(autograder.exercises.__file__).parent
NAMES = sorted(path.stem for path in (ROOT / "solutions").glob("ps*/ps*.py"))
EXERCISES = [
    (name, exercise.name) for name in NAMES for exercise in load_problem_set(name).exercises
]
MISTAKES = [
    (name, exercise.name, mistake)
    for name in NAMES
    for exercise in load_problem_set(name).exercises
    for mistake in exercise.mistakes
]
SEEDS = (0, 1, 2026)
CAPSTONE = "capstone-optimizer"  # has tests of its own for the rest


def _definition(name, exercise):
    return next(e for e in load_problem_set(name).exercises if e.name == exercise)


def _spec(spec_of, name, exercise, seed=0):
    return next(e for e in spec_of(name, seed).exercises if e.name == exercise)


def _plain(value):
    """A value as something that compares with ==, bit for bit."""
    buffers = []
    return encode(value, buffers), buffers


def _outcomes(check, held_out_only=False):
    return [
        (case.case.label, [_plain(outcome.value) for outcome in case.expected])
        for case in check.cases
        if not (held_out_only and case.case.public)
    ]


def _mistaken(definition, mistake):
    """The mistake as its source says it, which must need nothing but np."""
    namespace = {"np": np}
    exec(definition.mistakes[mistake].source(definition.name), namespace)
    return namespace[definition.name]


def test_every_module_has_a_solution():
    modules = {path.stem for path in FOLDER.glob("ps*")}
    assert modules == {name.split("-")[0] for name in NAMES}


@pytest.mark.parametrize("folder", sorted(FOLDER.glob("ps*")), ids=lambda path: path.name)
def test_an_exercise_stands_in_the_module_of_its_name(folder):
    for path in folder.glob("[!_]*.py"):
        module = importlib.import_module(f"autograder.exercises.{folder.name}.{path.stem}")
        exercise = getattr(module, "EXERCISE", None)
        assert exercise is None or exercise.name == path.stem


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.py")), ids=lambda path: path.stem)
def test_only_what_students_read_or_write_has_no_types(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    drivers = {
        k.value.id for k in ast.walk(tree) if isinstance(k, ast.keyword) and k.arg == "driver"
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in drivers:
            marks = [mark.id for mark in node.decorator_list if isinstance(mark, ast.Name)]
            parts = [n for n in ast.walk(node) if isinstance(n, ast.FunctionDef)]
            assert marks == ["mistake"] or all(part.returns for part in parts), node.name


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_the_instructors_answer_scores_full(name, exercise, seed, spec_of, answers, grade):
    results = grade(_spec(spec_of, name, exercise, seed), answers(name)[exercise])
    assert [r.message for r in results if not r.passed] == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "exercise", "mistake"), MISTAKES)
def test_every_mistake_loses_points_and_is_named(name, exercise, mistake, seed, spec_of, grade):
    definition = _definition(name, exercise)
    spec = _spec(spec_of, name, exercise, seed)
    for part in (spec, spec.public_part()):
        failed = [r for r in grade(part, _mistaken(definition, mistake)) if not r.passed]
        assert failed
        assert {r.mistake for r in failed} == {mistake}
        assert all(spec.mistakes[mistake] in r.message for r in failed)


@pytest.mark.parametrize("name", NAMES)
def test_the_public_cases_tell_ten_mutants_of_each_answer(name, spec_of):
    spec = spec_of(name, 0)
    for exercise, its in zip(load_problem_set(name).exercises, spec.exercises, strict=True):
        assert len(mutants_of(exercise, its)) >= 10 + len(exercise.equivalents)
    assert mutate(name, spec).problems == ()


@pytest.mark.long
@pytest.mark.parametrize("name", [*NAMES, CAPSTONE])
def test_no_score_and_no_name_depends_on_the_seed(name):
    """Which checks a known mistake fails, and what it is called, is the same for 20 seeds."""
    found = {}
    for seed in range(20):
        for spec in evaluate(name, seed, "cpu").exercises:
            for mistake in spec.mistakes:
                outcomes = [[case.mistakes[mistake] for case in k.cases] for k in spec.checks]
                verdict = [(r.passed, r.mistake) for r in judge(spec, outcomes)]
                found.setdefault((spec.name, mistake), []).append(verdict)
    assert {key for key, verdicts in found.items() if verdicts != verdicts[:1] * 20} == set()


@pytest.mark.parametrize("name", NAMES)
def test_each_form_of_a_mistake_is_told_by_its_name(name, spec_of):
    for exercise in spec_of(name, 0).exercises:
        for form in exercise.mistakes:
            told, _, number = form.partition(FORM)
            passed = []
            for part in (exercise, exercise.public_part()) if number else ():
                results = judge(part, [[k.mistakes[form] for k in c.cases] for c in part.checks])
                assert {r.mistake for r in results if not r.passed} == {told}
                passed.append([r.name for r in results if r.passed])
            assert passed[1:] == passed[:1]


@pytest.mark.parametrize(("name", "exercise", "mistake"), MISTAKES)
def test_what_fails_in_the_grader_fails_at_the_students_desk(
    name, exercise, mistake, spec_of, grade
):
    wrong = _mistaken(_definition(name, exercise), mistake)
    spec = _spec(spec_of, name, exercise)
    passed = [
        {result.name for result in grade(part, wrong) if result.passed}
        for part in (spec, spec.public_part())
    ]
    assert passed[0] == passed[1]


def _computes(code):
    """Whether a piece of Python in a message combines names to what an answer would hold."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError:
        return False
    return any(
        (isinstance(node, ast.Assign) and not isinstance(node.value, ast.Constant))
        or (
            isinstance(node, ast.BinOp)
            and any(isinstance(n, ast.Name) for n in ast.walk(node.left))
            and any(isinstance(n, ast.Name) for n in ast.walk(node.right))
        )
        for node in nodes
    )


@pytest.mark.parametrize("name", [*NAMES, CAPSTONE])
def test_no_message_prints_the_answer_as_code(name):
    for exercise in load_problem_set(name).exercises:
        for mistake in exercise.mistakes.values():
            told = [code for code in re.findall("`([^`]+)`", mistake.message) if _computes(code)]
            # what the student wrote may be quoted
            assert told == [] or f"(`{told[0]}` does that" in mistake.message


@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_mistakes_are_told_from_one_another(name, exercise, spec_of):
    spec = _spec(spec_of, name, exercise)

    def trace(mistake):
        return [
            [(o.error, _plain(o.value), _plain(o.after)) for o in case.mistakes[mistake]]
            for check in spec.checks
            for case in check.cases
            if case.case.public
        ]

    traces = {mistake: trace(mistake) for mistake in spec.mistakes}
    assert [pair for pair in combinations(traces, 2) if traces[pair[0]] == traces[pair[1]]] == []


@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_a_stub_is_unanswered_everywhere(name, exercise, spec_of, grade):
    def stub(*_):
        raise NotImplementedError(exercise)

    results = grade(_spec(spec_of, name, exercise), stub)
    assert all(r.unanswered and not r.passed and r.mistake is None for r in results)


@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_nonsense_scores_nothing_and_never_raises(name, exercise, spec_of, grade):
    spec = _spec(spec_of, name, exercise)
    for nonsense in (None, "text", object(), {}, [], [[1], [1, 2]], np.array("x"), 1j, {1}):
        results = grade(spec, lambda *_, value=nonsense: value)
        assert not any(r.passed for r in results)
        assert all(r.message for r in results)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_and_another_gives_others(name, spec_of):
    first, again, other = spec_of(name, 0), evaluate(name, 0, "cpu"), spec_of(name, 1)
    for a, b, c in zip(first.exercises, again.exercises, other.exercises, strict=True):
        for x, y, z in zip(a.checks, b.checks, c.checks, strict=True):
            assert _outcomes(x) == _outcomes(y)
            assert [_plain(dict(i.case.arguments)) for i in x.cases] == [
                _plain(dict(i.case.arguments)) for i in y.cases
            ]
            inputs = [
                [
                    _plain([*i.case.arguments.values(), *(list(s.values()) for s in i.case.steps)])
                    for i in check.cases
                    if not i.case.public
                ]
                for check in (x, z)
            ]
            assert inputs[0] != inputs[1]
            assert [i.case.label for i in x.cases] == [i.case.label for i in z.cases]


@pytest.mark.parametrize("name", NAMES)
def test_the_public_part_survives_dump_and_load(name, spec_of):
    public = [exercise.public_part() for exercise in spec_of(name, 0).exercises]
    text = dump(public)
    assert dump(load(text)) == text
    for before, after in zip(public, load(text), strict=True):
        assert before.name == after.name
        assert before.mistakes == after.mistakes
        assert before.max_score == after.max_score
        for x, y in zip(before.checks, after.checks, strict=True):
            assert _outcomes(x) == _outcomes(y)
            assert (x.name, x.points, x.relation) == (y.name, y.points, y.relation)


@pytest.mark.parametrize("name", NAMES)
def test_public_cases_do_not_depend_on_the_seed(name, spec_of):
    texts = {
        dump([exercise.public_part() for exercise in spec_of(name, seed).exercises])
        for seed in SEEDS
    }
    assert len(texts) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_public_cases_are_small_enough_to_download(name, spec_of):
    text = dump([exercise.public_part() for exercise in spec_of(name, 0).exercises])
    assert len(text) < 1_000_000


@pytest.mark.parametrize(("name", "exercise"), EXERCISES)
def test_definitions_keep_the_courses_rules(name, exercise):
    definition = _definition(name, exercise)
    assert len(definition.mistakes) >= 4
    assert 2 <= len(definition.checks) <= 4
    for name, mistake in definition.mistakes.items():
        assert re.fullmatch(r"[a-zA-Z]+(-[a-zA-Z]+)*", name)
        assert mistake.message.rstrip()[-1] in ".)"
        assert mistake.changes or re.match(rf"def {name.replace('-', '_')}\b", mistake.code)
    for check in definition.checks.values():
        assert check.points > 0
        assert check.public
        assert check.relation in {None, *RELATIONS}
        held_out = check.held_out(np.random.default_rng(5))
        assert held_out
        labels = [case.label for case in held_out]
        assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_the_section_that_explains_an_exercise_exists(name):
    for exercise in load_problem_set(name).exercises:
        page, anchor = exercise.section.split("#")
        path = ROOT / "book" / page
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        assert anchor in slugs, f"{exercise.name}: no heading #{anchor} in {page}"


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_asks_what_is_defined(name):
    problem_set = load_problem_set(name)
    text = (ROOT / "solutions" / name / f"{name}.py").read_text(encoding="utf-8")
    cells = jupytext.reads(text, fmt="py:percent").cells
    order = [cell.metadata["exercise"] for cell in cells if "exercise" in cell.metadata]
    assert order == [exercise.name for exercise in problem_set.exercises]
    for cell, following in pairwise(cells):
        if "exercise" in cell.metadata:
            assert following.metadata["check"] == cell.metadata["exercise"]
    written = [cell.metadata["written"] for cell in cells if "written" in cell.metadata]
    assert written == [question.name for question in problem_set.written]
    for exercise in problem_set.exercises:
        assert f"About {exercise.minutes} minutes" in text
