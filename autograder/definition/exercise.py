"""What a problem set is made of: exercises, their checks and known mistakes, written questions."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from autograder.course.errors import UserError
from autograder.selfcheck.spec import Case

from .answers import body_at, without_docstrings
from .constants import Constants, count_of, filled, values_of


class DefinitionError(UserError):
    """A problem set that contradicts itself; the text says where."""


@dataclass(frozen=True)
class Mistake:
    """A wrong variant that students are known to write, made by :func:`mistake` or :func:`edit`.

    ``message`` is one sentence that tells the student what the variant does and what to do.
    ``code`` defines a function of the exercise's parameters as a student would write it, which
    needs nothing but np (or, where the exercise has a driver, a class, which may use torch). An
    edit has none until :meth:`of` applies its ``changes`` to the instructor's answer, which
    ``load_problem_set`` does. ``others`` are further forms of it, which give other values and are
    told by the same name.
    """

    message: str
    code: str = ""
    changes: tuple[tuple[str, str], ...] = ()
    others: tuple[Mistake, ...] = ()

    def of(self, answer: str) -> Mistake:
        """This mistake with its code, given the instructor's answer to the exercise."""
        others = tuple(other.of(answer) for other in self.others)
        code = _changed(answer, self.changes) if self.changes else self.code
        return replace(self, code=code, others=others)

    def with_constants(self, values: Mapping[str, Any]) -> Mistake:
        """This mistake with values in the place of the constants that its code names."""
        others = tuple(other.with_constants(values) for other in self.others)
        return replace(self, code=filled(self.code, values), others=others)

    def source(self, name: str) -> str:
        """The variant's code as a definition of a function called ``name``."""
        return re.sub(r"^(def|class) \w+", rf"\1 {name}", self.code, count=1, flags=re.MULTILINE)

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The variant itself."""
        names: dict[str, Any] = {"np": np}
        if "torch" in self.code:
            import torch  # takes seconds, and most mistakes do without

            names["torch"] = torch
        exec(self.source("answer"), names)
        function: Callable[..., Any] = names["answer"]
        return function


def mistake(function: Callable[..., Any]) -> Mistake:
    """Decorator: a known mistake as a student would write it; its message is the docstring."""
    message = " ".join((function.__doc__ or "").split())
    if not message:
        raise DefinitionError(
            f"mistake {function.__name__}: no docstring says what to tell the student"
        )
    code = re.sub(r"\A(@.*\n)+", "", textwrap.dedent(inspect.getsource(function)))
    return Mistake(message, without_docstrings(code))


def edit(
    message: str,
    *changes: tuple[str, str],
    others: Sequence[Sequence[tuple[str, str]]] = (),
) -> Mistake:
    """A known mistake that is the instructor's answer with a few changes.

    Each change is a pair of texts (old, new). All of them apply to the answer as it is, so two
    may exchange what they find. The old text must occur exactly once below the line with ``def``.
    ``others`` are the changes of further forms of the same mistake.
    """
    forms = tuple(Mistake(message, changes=tuple(other)) for other in others)
    return Mistake(message, changes=changes, others=forms)


def _changed(answer: str, changes: Sequence[tuple[str, str]]) -> str:
    start = body_at(answer)
    places = []
    for old, new in changes:
        found = answer.count(old, start)
        if found != 1:
            raise DefinitionError(
                f"the text “{old}” must occur once in the instructor's answer, and occurs {found} "
                "times"
            )
        places.append((answer.index(old, start), old, new))
    code, end = answer, len(answer)
    for place, old, new in sorted(places, reverse=True):
        if place + len(old) > end:
            raise DefinitionError(f"the change of “{old}” overlaps with the next one")
        code, end = code[:place] + new + code[place + len(old) :], place
    try:
        ast.parse(code)
    except SyntaxError as error:
        raise DefinitionError(f"what it makes is no Python: {error}") from None
    return code


@dataclass(frozen=True)
class Check:
    """A check with its points and cases.

    ``public`` cases are fixed and travel to students; ``held_out(rng)`` makes further ones from
    the seed of a grading run: at least one, for public expected values are known to students.
    With ``relation`` (a name in selfcheck.relations), that relation between the student's own
    outputs is checked as well as their values. ``accuracy`` and ``seconds`` are those of
    selfcheck.spec.CheckSpec.
    """

    points: int
    public: Sequence[Case]
    held_out: Callable[[np.random.Generator], Sequence[Case]]
    relation: str | None = None
    rtol: float = 1e-7
    atol: float = 1e-9
    accuracy: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Exercise:
    """A function for students to write, or a class that a driver runs on the cases.

    ``reference`` takes torch tensors where the case has arrays (float64, or int64 for integers),
    lists of them where it has lists, and plain numbers where it has numbers; it returns tensors
    or numbers. ``returns`` names the outputs; ``section`` is the page and heading of the book
    that explains the rule. Checks and known mistakes go by their names, in this order.

    ``equivalents`` says of mutants (by :attr:`.Mutant.key`) why no case can tell them from the
    right answer. ``answer`` is the instructor's, which ``load_problem_set`` puts in.

    A ``driver`` is a function that gets the student's class before the ``parameters``, and makes
    plain data of it. Its code becomes a locked cell of the notebook, and may use np and torch.

    ``constants`` are those of the problem set on which the right answer depends: the reference gets
    them by name, after the parameters. As each student has others, no case can be public.
    """

    name: str
    title: str
    minutes: int
    section: str
    parameters: tuple[str, ...]
    returns: tuple[str, ...]
    reference: Callable[..., Any]
    checks: Mapping[str, Check]
    mistakes: Mapping[str, Mistake]
    driver: Callable[..., Any] | None = None
    equivalents: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    constants: tuple[str, ...] = ()

    @property
    def entry(self) -> str | None:
        """Name of the function to call instead of the student's class; None without a driver."""
        return None if self.driver is None else f"run_{self.name}"

    def driver_source(self) -> str:
        """The code of the locked cell that defines the entry."""
        if self.driver is None:
            raise DefinitionError(f"{self.name} has no driver")
        driver = textwrap.dedent(inspect.getsource(self.driver)).rstrip()
        return (
            "import numpy as np\nimport torch\n\n\n"
            f"{driver}\n\n\n"
            f"def {self.entry}(*case):\n    return {self.driver.__name__}({self.name}, *case)"
        )

    def runnable(self, answer: Callable[..., Any]) -> Callable[..., Any]:
        """An answer as a function of the parameters."""
        return answer if self.driver is None else partial(self.driver, answer)

    def answered(self, answers: Mapping[str, str]) -> Exercise:
        """The same exercise, its mistakes made of the instructor's answers (by exercise)."""
        if self.name not in answers:
            if any(mistake.changes for mistake in self.mistakes.values()):
                raise DefinitionError(
                    f"{self.name}: mistakes are edits of the instructor's answer, and there is no "
                    f'cell exercise="{self.name}" with an answer that is Python'
                )
            return self
        mistakes = {}
        for name, mistake in self.mistakes.items():
            try:
                mistakes[name] = mistake.of(answers[self.name])
            except DefinitionError as error:
                raise DefinitionError(f"{self.name}, mistake {name}: {error}") from None
        return replace(self, mistakes=mistakes, answer=answers[self.name])

    def with_constants(self, values: Mapping[str, Any]) -> Exercise:
        """The same exercise for these values of the problem set's constants."""
        if not self.constants:
            return self
        own = {name: values[name] for name in self.constants}
        return replace(
            self,
            reference=partial(self.reference, **own),
            mistakes={name: each.with_constants(own) for name, each in self.mistakes.items()},
            answer=filled(self.answer, own),
        )

    @property
    def points(self) -> int:
        """Sum of the points of all checks."""
        return sum(check.points for check in self.checks.values())


@dataclass(frozen=True)
class Written:
    """A written question, graded by a person along the marking scheme in the solution."""

    name: str
    points: int


@dataclass(frozen=True)
class ProblemSet:
    """A notebook of exercises; ``name`` is its folder in ``solutions/``.

    ``torch`` says that answers need torch: it is loaded before a hand-in runs. With ``constants``
    there is a variant for each of their values, and each student gets one: the source names a
    constant as ``{{kappa}}``.
    """

    name: str
    title: str
    exercises: Sequence[Exercise]
    written: Sequence[Written]
    torch: bool = False
    constants: Constants = field(default_factory=dict)

    @property
    def variants(self) -> int:
        """How many variants there are, one without constants."""
        return count_of(self.constants)

    def variant(self, number: int) -> ProblemSet:
        """The problem set for the constants of one variant, which is counted from 0."""
        if not self.constants:
            return self
        values = values_of(self.constants, number)
        return replace(self, exercises=[each.with_constants(values) for each in self.exercises])
