"""Mutants of the instructor's answers: do the public cases tell each from the right answer?

Each is the answer with one small change, as tools for mutation testing make them. Public cases are
the same for every seed, so what they find out here is, too.
"""

from __future__ import annotations

import ast
import difflib
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np

from autograder.course.course import Material
from autograder.selfcheck.calls import run_case
from autograder.selfcheck.judge import judge
from autograder.selfcheck.spec import ExerciseSpec

from .exercise import Exercise, Mistake
from .problem_set import ProblemSetSpec, load_problem_set

_SECONDS = 10  # of CPU time, after which a mutant counts as endless
_THRESHOLD = 1e-6  # instead of the 0 of a comparison
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
}
_ORDERED = (ast.Sub, ast.Div, ast.Pow)
_FUNCTIONS = {
    "maximum": "minimum",
    "minimum": "maximum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "argmin": "argmax",
    "sum": "mean",
    "mean": "sum",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
    "zeros": "ones",
    "ones": "zeros",
}
_UNWRAPPED = frozenset({"sqrt", "abs", "sign", "exp", "log", "tanh", "reversed"})
_CHOOSING = frozenset({"where", "maximum", "minimum", "max", "min"})


# what is done to an output, where numbers of all sizes are expected and where whole ones are
_Changes = dict[str, Callable[[Any], Any]]
_OF_FLOATS: _Changes = {
    "in float32": lambda value: np.asarray(value, np.float32),
    "in float16": lambda value: np.asarray(value, np.float16),
    "in whole numbers": lambda value: np.asarray(value).astype(np.int64),
    "rounded to six places": lambda value: np.round(value, 6),
    "and a millionth of it": lambda value: np.multiply(value, 1 + 1e-6),
    "and a millionth": lambda value: np.add(value, 1e-6),
    "of the opposite sign": np.negative,
}
_OF_WHOLE: _Changes = {
    "in int32": lambda value: np.asarray(value).astype(np.int32),
    "and one": lambda value: np.add(value, 1),
    "of the opposite sign": np.negative,
}


@dataclass(frozen=True)
class Mutant:
    """An answer with one change, of its code or of what it returns.

    ``key`` is the line that is new or the one that is gone, or it says what is returned.
    """

    key: str
    code: str
    returned: Callable[[Any], Any] = field(default=lambda value: value, repr=False)


@dataclass(frozen=True)
class Mutation:
    """How many mutants lose points, how many are said to be equivalent, and what is wrong."""

    killed: int
    equivalent: int
    problems: tuple[str, ...]


def mutate(of: Material | str, spec: ProblemSetSpec) -> Mutation:
    """Judge the mutants of all answers of a problem set by its public cases."""
    killed = equivalent = 0
    problems: list[str] = []
    for exercise, its in zip(load_problem_set(of).exercises, spec.exercises, strict=True):
        mutants = mutants_of(exercise, its)
        living = survivors(exercise, its, mutants)
        killed += len(mutants) - len(living)
        equivalent += len(exercise.equivalents)
        for key in [key for key in living if key not in exercise.equivalents]:
            problems.append(
                f"{exercise.name}: the mutant “{key}” scores full marks; add a public case that "
                "tells it, or say in `equivalents` why none can"
            )
        for key in [key for key in exercise.equivalents if key not in living]:
            problems.append(
                f"{exercise.name}: of no mutant “{key}” need `equivalents` say anything: there is "
                "none, or it loses points"
            )
    return Mutation(killed, equivalent, tuple(problems))


def survivors(exercise: Exercise, spec: ExerciseSpec, mutants: Sequence[Mutant]) -> list[str]:
    """The keys of those of the mutants that score full on the public cases."""
    public = replace(spec.public_part(), mistakes={})
    checks = [replace(public, checks=(check,)) for check in public.checks]
    return [
        mutant.key
        for mutant in mutants
        if all(_passes(each, _runnable(exercise, mutant)) for each in checks)
    ]


def _runnable(exercise: Exercise, mutant: Mutant) -> Callable[..., Any]:
    function = exercise.runnable(Mistake("", mutant.code).function)
    return lambda *given: mutant.returned(function(*given))


def _passes(spec: ExerciseSpec, function: Callable[..., Any]) -> bool:
    (check,) = spec.checks
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"), _limited():
        outcomes = [list(run_case(function, case.case)) for case in check.cases]
    return all(result.passed for result in judge(spec, [outcomes]))


@contextmanager
def _limited() -> Iterator[None]:
    """Have what is endless raise, by the clock that counts the time of this process alone."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def mutants_of(exercise: Exercise, spec: ExerciseSpec) -> list[Mutant]:
    """The mutants of the instructor's answer to an exercise.

    There are none where accuracy is asked for: a change is no error there; and none where the
    answer depends on constants, for then no case is public.
    """
    if exercise.constants or not exercise.answer:
        return []
    if any(check.accuracy is not None for check in spec.checks):
        return []
    tree = ast.parse(exercise.answer)
    before = ast.unparse(tree)
    codes = {before: ""}
    for node, put in _places(tree):
        for other in _instead_of(node):
            put(other)
            code = ast.unparse(ast.fix_missing_locations(tree))
            codes.setdefault(code, _unique(_key(before, code), codes.values()))
            put(node)
    del codes[before]
    changed = [Mutant(key, code) for code, key in codes.items()]
    if exercise.driver is None:
        changed += [Mutant(key, before, returned) for key, returned in _of_outputs(spec)]
    return changed


def _key(before: str, after: str) -> str:
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    new, gone = ("; ".join(x[2:].strip() for x in lines if x[:2] == mark) for mark in ("+ ", "- "))
    return new or f"without {gone}"


def _unique(key: str, keys: Iterable[str]) -> str:
    taken = set(keys)
    numbered = (f"{key} ({number})" for number in count(2))
    return next(each for each in chain([key], numbered) if each not in taken)


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None]]]:
    """Each node below this one, and a function that puts another in its place."""
    for name, value in ast.iter_fields(tree):
        if isinstance(value, ast.AST):
            yield value, partial(setattr, tree, name)
            yield from _places(value)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                checks_lengths = isinstance(item, ast.keyword) and item.arg == "strict"
                if isinstance(item, ast.AST) and not checks_lengths:
                    yield item, partial(value.__setitem__, number)
                    yield from _places(item)


def _instead_of(node: ast.AST) -> Iterator[ast.AST]:
    """What a node is exchanged for, one after the other."""
    match node:
        case ast.Compare(left, [operator], [right]):
            if type(operator) in _COMPARISONS:
                yield ast.Compare(left, [_COMPARISONS[type(operator)]()], [right])
            if isinstance(right, ast.Constant) and right.value == 0:
                yield ast.Compare(left, [operator], [ast.Constant(_THRESHOLD)])
        case ast.Compare(left, operators, rights):  # 0 <= x < n
            for number, operator in enumerate(operators):
                if type(operator) in _COMPARISONS:
                    others = list(operators)
                    others[number] = _COMPARISONS[type(operator)]()
                    yield ast.Compare(left, others, rights)
        case ast.BinOp(left, operator, right):
            if type(operator) in _ARITHMETIC:
                yield ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
            if isinstance(operator, _ORDERED):
                yield ast.BinOp(right, operator, left)
            yield from (left, right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(float(value)):
            yield ast.Constant(1.01 * value if value else _THRESHOLD)
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.If(_, body, orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.comprehension(target, iterated, [_, *_], is_async):
            yield ast.comprehension(target, iterated, [], is_async)
        case ast.For(target, iterated, body, orelse):
            yield ast.For(target, iterated, [*body, ast.Break()], orelse)
        case ast.Call(function, [argument], []) if _name(function) in _UNWRAPPED:
            yield argument
        case ast.Call(function, arguments, keywords):
            name = _name(function)
            if name in _FUNCTIONS:
                yield ast.Call(_renamed(function, _FUNCTIONS[name]), arguments, keywords)
            if name in _CHOOSING and not keywords:
                yield from arguments[-2:]
        case ast.AugAssign() | ast.Expr() | ast.Assign([ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(name) | ast.Attribute(_, name):
            return name
    return ""


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, ast.Load())
    return ast.Name(name, ast.Load())


def _of_outputs(spec: ExerciseSpec) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What is done to the outputs of the right answer, and its name."""
    for place, name in enumerate(spec.returns):
        for told, change in (_OF_WHOLE if _is_whole(spec, place) else _OF_FLOATS).items():
            yield f"{name} {told}", partial(_changed, place, len(spec.returns), change)
    if len(spec.returns) > 1:
        names = ", ".join(reversed(spec.returns))
        yield f"returns ({names})", lambda values: tuple(reversed(values))


def _is_whole(spec: ExerciseSpec, place: int) -> bool:
    """Whether an output is a whole number, or an array of them."""
    value = spec.checks[0].cases[0].expected[0].value
    output = value[place] if len(spec.returns) > 1 else value
    return np.asarray(output).dtype.kind in "iu"


def _changed(place: int, outputs: int, change: Callable[[Any], Any], value: Any) -> Any:
    if outputs == 1:
        return change(value)
    return tuple(change(v) if number == place else v for number, v in enumerate(value))
