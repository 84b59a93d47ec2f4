"""From outcomes to results: which checks pass, and one readable message for each that does not.

Pure: outcomes in, results out. The grader calls it outside the process of the student; students
call it on the public cases through :func:`.check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

from .calls import arguments, as_outputs, inputs
from .compare import Difference, difference, first_changed, share_right, too_few_right
from .language import say, sentence
from .records import UNTOLD
from .relations import RELATIONS
from .showing import inputs_text
from .spec import FORM, CaseSpec, CheckSpec, ExerciseSpec, Outcome

NO_ANSWER = "NotImplementedError"
AN_EXCEPTION = sentence("an exception")  # stands for the name of one that may not be told
# errors of outcomes that no exception of the student's made; the detail tells why
REFUSED = "ValueRefused"  # the value cannot be an answer
NONSENSE = "BadMessage"  # what came has not the form of an answer
_NO_EXCEPTION = {
    REFUSED: sentence("the result cannot be compared"),
    NONSENSE: sentence("the process of the notebook sent something else than results"),
}
CHANGED = "changes-argument"
_CASE, _HELD_OUT = sentence("case “{label}”"), sentence("held-out case “{label}”")
_RAISED = sentence("raised {error}")
# What an exception tells of the code that raised it, and nothing of the mistake behind it: a known
# mistake that raises one is itself mistaken, and a student's is not the same one.
ACCIDENTS = frozenset(
    {
        *("NameError", "UnboundLocalError", "AttributeError", "SyntaxError", "IndentationError"),
        *("ImportError", "ModuleNotFoundError"),
    }
)

# What an exception of a held-out call may be called in a message: the type's name is the
# student's to choose, and so must not carry a held-out input out.
_KNOWN_ERRORS = frozenset(
    name
    for name, item in vars(__import__("builtins")).items()
    if isinstance(item, type) and issubclass(item, BaseException)
) | {"LinAlgError", "AxisError", "UFuncTypeError", "_UFuncNoLoopError"}


@dataclass(frozen=True)
class CheckResult:
    """Result of one check; ``mistake`` is the name of the known mistake, if it is one.

    ``only_here`` says that it does not explain all that fails, so that the student may have made
    another one. ``raised`` is the line of the message that tells of an exception, if one does.
    """

    name: str
    passed: bool
    points: int
    message: str = ""
    mistake: str | None = None
    unanswered: bool = False
    error: str | None = None
    only_here: bool = False
    raised: str = ""
    # the public case that fails first
    case: str | None = field(default=None, compare=False, metadata=UNTOLD)


Outcomes = Sequence[Sequence[Sequence[Outcome]]]  # [check][case][call]


def _no_hurry() -> None:
    pass


def judge(
    spec: ExerciseSpec, outcomes: Outcomes, in_time: Callable[[], None] = _no_hurry
) -> list[CheckResult]:
    """Results of all checks of an exercise, given the outcome of every call.

    ``outcomes`` has one entry a check, in it one a case, in it one a call; a missing call counts
    as not passed. Never raises on what a student's function returned. ``in_time`` is called
    before each check is looked at, and may raise.
    """
    checks = list(zip(spec.checks, outcomes, strict=True))
    problems = []
    for check, of_check in checks:
        in_time()
        problems.append(_first_problem(spec, check, of_check))
    known = _Mistakes(spec, checks, [problem is not None for problem in problems], in_time)
    results = []
    for number, (check, problem) in enumerate(zip(spec.checks, problems, strict=True)):
        if problem is None:
            told = _share_right(check, outcomes[number])
            results.append(CheckResult(check.name, True, check.points, told))
            continue
        in_time()
        only_here = False
        mistake = known.everywhere or known.on(number) or problem.mistake
        message = problem.message
        if mistake is not None and mistake in spec.mistakes:
            told = spec.mistakes[mistake]
            only_here = known.everywhere is None
            if only_here:
                told = say(
                    "On this check your values are those of a known mistake, but not on all "
                    "others, so yours may be another one: “{mistake}”",
                    mistake=told,
                )
            message = f"{told}\n{message}"
            mistake = mistake.partition(FORM)[0]
        results.append(
            CheckResult(
                check.name,
                False,
                check.points,
                message,
                mistake,
                problem.unanswered,
                problem.error,
                only_here,
                problem.exception() if problem.exception else "",
                problem.case,
            )
        )
    return results


def messages(results: Sequence[CheckResult]) -> list[str]:
    """The messages of an exercise's checks for reading in a row.

    A mistake, and an exception with the lines that led to it, is told only once.
    """
    told: set[str] = set()
    shown = []
    exception = _exception_pattern(say(_CASE), say(_RAISED), say("inputs:"))
    for result in results:
        first, newline, rest = result.message.partition("\n")
        text = result.message
        if newline and first in told and result.mistake is not None:
            same = say("The same mistake as above.")
            if result.only_here:
                same = say("On this check, too, your values are those of the mistake above.")
            text = f"{same}\n{rest}"
        raised = exception.search(text)
        if raised is not None:
            if raised[1] in told:
                same = say("the same exception as above")
                text = text[: raised.start(1)] + same + text[raised.end() :]
            told.add(raised[1])
        shown.append(text)
        if result.mistake is not None:
            told.add(first)
    return shown


@cache
def _exception_pattern(case: str, raised: str, inputs: str) -> re.Pattern[str]:
    """Finds an exception on a public case, with the lines that led to it, up to the inputs."""
    case, raised = (re.escape(text.partition("{")[0]) for text in (case, raised))
    end = rf"(?=\n{re.escape(inputs)}|\Z)"
    return re.compile(rf"^{case}.*: ({raised}.+?){end}", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class _Problem:
    told: str | Callable[[], str]  # only the first one's message is read
    mistake: str | None = None
    unanswered: bool = False
    error: str | None = None
    case: str | None = None
    exception: Callable[[], str] | None = None  # the line that tells of one

    @property
    def message(self) -> str:
        return self.told if isinstance(self.told, str) else self.told()


def _first_problem(
    spec: ExerciseSpec, check: CheckSpec, outcomes: Sequence[Sequence[Outcome]]
) -> _Problem | None:
    first = None
    failed = 0
    for case, of_case in zip(check.cases, outcomes, strict=True):
        problem = _case_problem(spec, check, case, of_case)
        if problem is not None:
            failed += 1
            first = first or replace(problem, case=case.case.label if case.case.public else None)
    complete = all(
        len(of_case) == case.case.calls and of_case[-1].error is None
        for case, of_case in zip(check.cases, outcomes, strict=True)
    )
    if check.relation is not None and complete:
        broken = _broken_relation(spec, check, outcomes)
        if broken is not None:  # which property fails tells more than which value is wrong
            if first is None:
                return _Problem(broken)
            first = replace(first, told=f"{broken}\n{first.message}")
    if first is None:
        return None
    if failed > 1 and not first.unanswered:
        more = say("({n} of {all} cases of this check fail)", n=failed, all=len(check.cases))
        return replace(first, told=f"{first.message}\n{more}")
    return first


def _case_problem(
    spec: ExerciseSpec, check: CheckSpec, case: CaseSpec, outcomes: Sequence[Outcome]
) -> _Problem | None:
    public = case.case.public
    for step in range(case.case.calls):
        if step >= len(outcomes):
            return _Problem(f"{_where(case, step)}: {say('the function gave no result')}")
        outcome = outcomes[step]
        previous = outcomes[step - 1].value if step else None
        told = partial(_told, case, step, previous)
        if outcome.error == NO_ANSWER:
            return _Problem(say("not answered yet"), unanswered=True, error=NO_ANSWER)
        if outcome.error is not None:
            detail = f": {outcome.detail}" if public and outcome.detail else ""
            if outcome.error in _NO_EXCEPTION:
                what = f"{say(_NO_EXCEPTION[outcome.error])}{detail}"
                return _Problem(partial(told, what), error=outcome.error)
            known = outcome.error if public or outcome.error in _KNOWN_ERRORS else AN_EXCEPTION
            trace = f"\n{outcome.trace}" if public and outcome.trace else ""
            raised = say(_RAISED, error=say(known) if known == AN_EXCEPTION else known)
            line = partial(_line, case, step, f"{raised}{detail}")
            message = partial(told, f"{raised}{detail}{trace}")
            return _Problem(message, error=known, exception=line)
        wrong = _wrong(spec, check, case.expected[step].value, outcome.value)
        if wrong is not None:
            return _Problem(partial(told, wrong))
        changed = _changed(spec, case, step, previous, outcome)
        if changed:
            what = say(
                "your function changes its argument `{name}` in place; "
                "return a new array and leave the arguments as they were",
                name=changed,
            )
            return _Problem(partial(told, what), CHANGED)
    return None


def _line(case: CaseSpec, step: int, what: str) -> str:
    """The first line of the message on a call."""
    return f"{_where(case, step)}: {what}".splitlines()[0]


def _told(case: CaseSpec, step: int, previous: object, what: str | Difference) -> str:
    """The message on a call: where, what, and of a public case its inputs."""
    public = case.case.public
    text = f"{_where(case, step)}: {what if isinstance(what, str) else what.text(public)}"
    given = inputs(case.case, step, previous) if public else None
    return text if given is None else f"{text}\n{inputs_text(given)}"


def _share_right(check: CheckSpec, outcomes: Sequence[Sequence[Outcome]]) -> str:
    """Of a check that passes for a share of right labels: the share in its public cases."""
    if check.accuracy is None:
        return ""
    told = [
        share_right(case.expected[-1].value, of_case[-1].value)
        for case, of_case in zip(check.cases, outcomes, strict=True)
        if case.case.public
    ]
    return "; ".join(told)


def _wrong(
    spec: ExerciseSpec, check: CheckSpec, expected: object, got: object
) -> Difference | None:
    if check.accuracy is None:
        return difference(expected, got, spec.returns, check.rtol, check.atol)
    if got is None:
        return difference(expected, got, spec.returns, 0.0, 0.0)
    return too_few_right(expected, got, spec.returns[0], check.accuracy)


def _broken_relation(
    spec: ExerciseSpec, check: CheckSpec, outcomes: Sequence[Sequence[Outcome]]
) -> str | None:
    """How the relation of a check fails; None if it holds, or outputs have not even its form."""
    calls = []
    for case, of_case in zip(check.cases, outcomes, strict=True):
        outputs = as_outputs(of_case[-1].value, len(spec.returns))
        like = difference(
            case.expected[-1].value, of_case[-1].value, spec.returns, 0.0, float("inf")
        )
        if outputs is None or like is not None:  # told by the values
            return None
        calls.append((case.case.arguments, outputs))
    assert check.relation is not None
    return RELATIONS[check.relation](calls, check.rtol, check.atol)


def _where(case: CaseSpec, step: int) -> str:
    where = say(_CASE if case.case.public else _HELD_OUT, label=case.case.label)
    if case.case.calls == 1:
        return where
    return say("{where}, call {n} of {all}", where=where, n=step + 1, all=case.case.calls)


def _changed(
    spec: ExerciseSpec, case: CaseSpec, step: int, previous: object, outcome: Outcome
) -> str | None:
    """Name of the first argument that differs after the call from what it was before."""
    if outcome.after is None:
        return None
    before = arguments(case.case, step, previous)
    if before is None or len(before) != len(outcome.after):
        return None
    return first_changed(spec.parameters, before, outcome.after)


class _Mistakes:
    """Which known mistakes give the student's outcomes, in all checks or in some."""

    def __init__(
        self,
        spec: ExerciseSpec,
        checks: Sequence[tuple[CheckSpec, Sequence[Sequence[Outcome]]]],
        failed: Sequence[bool],
        in_time: Callable[[], None],
    ) -> None:
        wrong = [number for number, fails in enumerate(failed) if fails]
        # an exception of the same type comes from other mistakes as well: it is no sign of one
        telling = {k for k in wrong if any(o.error is None for case in checks[k][1] for o in case)}
        self._explained: dict[str, list[int]] = {}
        self.everywhere: str | None = None
        if not telling:
            return
        for name in spec.mistakes:
            in_time()
            explained = [k for k in wrong if _gives(spec, *checks[k], name)]
            # what passes counts too: a mistake that would fail there is not the student's
            if explained == wrong and all(
                _gives(spec, *checks[k], name) for k, fails in enumerate(failed) if not fails
            ):
                self.everywhere = name
                return
            self._explained[name] = [k for k in explained if k in telling]

    def on(self, check: int) -> str | None:
        """Of the mistakes that explain this check the one that explains most others."""
        fitting = [name for name, explained in self._explained.items() if check in explained]
        return max(fitting, key=lambda name: len(self._explained[name]), default=None)


def _gives(
    spec: ExerciseSpec, check: CheckSpec, outcomes: Sequence[Sequence[Outcome]], name: str
) -> bool:
    """Whether a known mistake gives these outcomes in all cases of a check."""
    return all(
        _equals_mistake(spec, check, case, of_case, name)
        for case, of_case in zip(check.cases, outcomes, strict=True)
    )


def _equals_mistake(
    spec: ExerciseSpec,
    check: CheckSpec,
    case: CaseSpec,
    outcomes: Sequence[Outcome],
    name: str,
) -> bool:
    theirs = case.mistakes.get(name)
    if theirs is None or len(theirs) != len(outcomes):
        return False
    for mistaken, outcome in zip(theirs, outcomes, strict=True):
        if mistaken.error != outcome.error or mistaken.error in ACCIDENTS:
            return False
        if mistaken.error is not None:
            continue
        if not _same_value(spec, check, mistaken.value, outcome.value):
            return False
        if check.accuracy is not None:  # the data are large, and not kept for each mistake
            continue
        if mistaken.after is None or outcome.after is None:
            if mistaken.after is not outcome.after:
                return False
            continue
        # not exactly: what a trajectory feeds back is rounded in the student's own way
        after = mistaken.after, outcome.after
        if first_changed(spec.parameters, *after, check.rtol, check.atol) is not None:
            return False
    return True


def _same_value(spec: ExerciseSpec, check: CheckSpec, mistaken: object, got: object) -> bool:
    if mistaken is None or isinstance(mistaken, str):
        return type(mistaken) is type(got) and bool(mistaken == got)
    wanted = as_outputs(mistaken, len(spec.returns))
    if wanted is None:  # the mistake itself returns the wrong number of outputs
        names = tuple(f"output {i}" for i in range(_count(mistaken)))
        return _count(got) == len(names) and (
            difference(mistaken, got, names, check.rtol, check.atol) is None
        )
    if len(spec.returns) == 1:
        return difference(mistaken, got, spec.returns, check.rtol, check.atol) is None
    return difference(wanted, got, spec.returns, check.rtol, check.atol) is None


def _count(value: object) -> int:
    return len(value) if isinstance(value, (tuple, list)) else 1
