"""What a problem set is made of: exercises, their checks and known mistakes, written questions."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.selfcheck.spec import Case


class DefinitionError(ValueError):
    """A problem set that contradicts itself; the text says where."""


@dataclass(frozen=True)
class Mistake:
    """A wrong variant that students are known to write.

    ``function`` is NumPy code as a student would write it, with the exercise's parameters (or,
    where the exercise has a driver, the class, which may use torch); ``message`` is one sentence
    that tells the student what the variant does and what to do.
    """

    name: str
    message: str
    function: Callable[..., Any]

    def source(self, name: str) -> str:
        """The variant's code as a definition of a function called ``name``."""
        text = textwrap.dedent(inspect.getsource(self.function))
        return re.sub(r"^(def|class) \w+", rf"\1 {name}", text, count=1, flags=re.MULTILINE)


@dataclass(frozen=True)
class Check:
    """A named check with its points and cases.

    ``public`` cases are fixed and travel to students; ``held_out(rng)`` makes further ones from
    the seed of a grading run: at least one, for public expected values are known to students.
    With ``relation`` (a name in selfcheck.relations), that relation between the student's own
    outputs is checked as well as their values. ``accuracy`` and ``seconds`` are those of
    selfcheck.spec.CheckSpec.
    """

    name: str
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
    that explains the rule.

    A ``driver`` is a function that gets the student's class before the ``parameters``, and makes
    plain data of it. Its code becomes a locked cell of the notebook, and may use np and torch.
    """

    name: str
    title: str
    minutes: int
    section: str
    parameters: tuple[str, ...]
    returns: tuple[str, ...]
    reference: Callable[..., Any]
    checks: Sequence[Check]
    mistakes: Sequence[Mistake]
    driver: Callable[..., Any] | None = None

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

    @property
    def points(self) -> int:
        """Sum of the points of all checks."""
        return sum(check.points for check in self.checks)


@dataclass(frozen=True)
class Written:
    """A written question, graded by a person along the marking scheme in the solution."""

    name: str
    points: int


@dataclass(frozen=True)
class ProblemSet:
    """A notebook of exercises; ``name`` is its folder in ``solutions/``.

    ``torch`` says that answers need torch: it is loaded before a hand-in runs.
    """

    name: str
    title: str
    exercises: Sequence[Exercise]
    written: Sequence[Written]
    torch: bool = False
