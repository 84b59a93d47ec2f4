"""How a course defines its exercises, and how the definitions become plain data.

``exercise`` holds what definitions are made of and ``cases`` helps to write them; ``answers``
reads what known mistakes may be edits of. ``evaluation`` computes the reference and the known
mistakes on all cases, in a process of its own (``reference_process``), since that needs torch and
may need a GPU. ``mutants`` changes the answers a little, to find out what the cases do not tell.
"""

from autograder.selfcheck.spec import Case

from .evaluation import evaluate
from .exercise import (
    Check,
    DefinitionError,
    Exercise,
    Mistake,
    ProblemSet,
    Written,
    edit,
    mistake,
)
from .problem_set import ProblemSetSpec, load_problem_set

__all__ = [
    "Case",
    "Check",
    "DefinitionError",
    "Exercise",
    "Mistake",
    "ProblemSet",
    "ProblemSetSpec",
    "Written",
    "edit",
    "evaluate",
    "load_problem_set",
    "mistake",
]
