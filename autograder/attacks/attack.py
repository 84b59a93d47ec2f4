"""What an attack is, and how it becomes a hand-in."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from autograder.results.result import Status

Notebook = dict[str, Any]
Where = Literal["call", "cell", "top", "end", "notebook", "text", "file"]

ROOT = Path(__file__).resolve().parents[2]  # of the sources
ATTACKED = "sgd_step"  # the exercise that is wrong in every hostile hand-in
PROBLEM_SET = "ps01-sgd"
MARKER = "hostile-hand-in"  # in every file and command line that an attack leaves
ARGUMENT = "86399.125"  # of the processes that try to survive: sleep 86399.125

# how a notebook that is run can end; the names are short because the tables are long
G, P, N = Status.GRADED, Status.PARTIAL, Status.NO_ANSWER
E, T, M, C = Status.ERROR, Status.TIMEOUT, Status.OUT_OF_MEMORY, Status.CRASHED
DAMAGED, MISSING, MANUAL = Status.DAMAGED, Status.MISSING_CELL, Status.MANUAL
ANY = frozenset({G, E, T, M, C, MISSING})

EXHAUSTS = "would only exhaust the machine"


@dataclass(frozen=True)
class Attack:
    """One hostile hand-in: right in every exercise but ``sgd_step``, which is wrong.

    ``where`` says where the attack is, and so which of the fields after it is used:

        call      ``code`` in the body of sgd_step, before ``return theta + 1``
        cell      ``code`` below the wrong sgd_step in its cell
        top, end  ``code`` in a cell of its own, the first or the last
        notebook  ``change`` changes the notebook, whose sgd_step is wrong already
        text      ``rewrite`` makes bytes of the notebook's JSON text
        file      ``put`` puts the bytes, or something else, at the place of the hand-in

    ``ends`` are the statuses with which grading may end. ``keeps`` says that the points of all
    other exercises must be there: an attack that harms only itself must cost nothing else, one
    that harms its own process may cost its own points. ``regraded``: the student's earlier
    hand-in, which was right, has been graded before this one. ``student`` is the name to hand it
    in under, if that is the attack. Stock nbgrader gets a course of its own for an attack that
    may harm the whole course (``alone``); ``not_at_stock`` says why it is not run at all.
    """

    kind: str
    name: str
    where: Where
    ends: frozenset[Status] = ANY
    code: str = ""
    change: Callable[[Notebook], object] | None = None
    rewrite: Callable[[str], bytes] | None = None
    put: Callable[[Path, bytes], object] | None = None
    keeps: bool = True
    regraded: bool = False
    student: str = ""
    alone: bool = False
    not_at_stock: str = ""

    def hand_in(self, right: Notebook, path: Path, course: Path) -> None:
        """Write the hostile hand-in to ``path``, given the right one (which is changed)."""
        data = self._bytes(right, course)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.put is not None:
            self.put(path, data)
        else:
            path.write_bytes(data)

    def _bytes(self, notebook: Notebook, course: Path) -> bytes:
        answer = cell_of(notebook, ATTACKED)
        answer["source"] = _wrong()
        if self.code:
            self._insert(notebook, answer, course)
        if self.change is not None:
            self.change(notebook)
        text = json.dumps(notebook)
        return text.encode() if self.rewrite is None else self.rewrite(text)

    def _insert(self, notebook: Notebook, answer: dict[str, Any], course: Path) -> None:
        code = self.code.replace("{ROOT}", str(ROOT)).replace("{COURSE}", str(course))
        code = code.replace("{HOME}", str(Path.home())).strip("\n")
        if self.where == "call":
            answer["source"] = _wrong(code)
        elif self.where == "cell":
            answer["source"] += "\n" + code
        else:
            at = 0 if self.where == "top" else len(notebook["cells"])
            notebook["cells"].insert(at, code_cell(code))


def _wrong(body: str = "") -> str:
    body = textwrap.indent(body, "    ") + "\n" if body else ""
    return f"import numpy as np\n\ndef {ATTACKED}(theta, grad, lr):\n{body}    return theta + 1\n"


def code_cell(source: str) -> dict[str, Any]:
    """A code cell that nbgrader does not know."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def cell_of(notebook: Notebook, grade_id: str) -> dict[str, Any]:
    """The cell with this grade id."""
    found: dict[str, Any] = next(c for c in notebook["cells"] if grade_id_of(c) == grade_id)
    return found


def grade_id_of(cell: dict[str, Any]) -> Any:
    """The grade id of a cell, or None."""
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


@dataclass
class Corpus:
    """Collects the attacks of one kind, as the modules of this package write them down."""

    kind: str
    attacks: list[Attack] = field(default_factory=list)

    def code(
        self,
        name: str,
        where: Where,
        code: str,
        *ends: Status,
        harms_itself: bool = False,
        regraded: bool = False,
        alone: bool = False,
        not_at_stock: str = "",
    ) -> None:
        """An attack by code; without ``ends`` it may end in any way that running code can."""
        self.attacks.append(
            Attack(
                self.kind,
                name,
                where,
                frozenset(ends) or ANY,
                code,
                keeps=not harms_itself,
                regraded=regraded,
                alone=alone,
                not_at_stock=not_at_stock,
            )
        )

    def notebook(
        self,
        name: str,
        change: Callable[[Notebook], object],
        *ends: Status,
        harms_itself: bool = False,
        regraded: bool = False,
        not_at_stock: str = "",
    ) -> None:
        """An attack by a changed notebook; without ``ends`` it is graded as if nothing was."""
        self.attacks.append(
            Attack(
                self.kind,
                name,
                "notebook",
                frozenset(ends) or frozenset({G}),
                change=change,
                keeps=not harms_itself and not set(ends) & {DAMAGED},
                regraded=regraded,
                not_at_stock=not_at_stock,
            )
        )

    def text(
        self, name: str, rewrite: Callable[[str], bytes], *ends: Status, regraded: bool = False
    ) -> None:
        """An attack by other bytes; without ``ends`` the file must be damaged."""
        self.attacks.append(
            Attack(
                self.kind,
                name,
                "text",
                frozenset(ends) or frozenset({DAMAGED}),
                rewrite=rewrite,
                keeps=bool(ends) and DAMAGED not in ends,
                regraded=regraded,
            )
        )

    def file(
        self,
        name: str,
        put: Callable[[Path, bytes], object],
        *ends: Status,
        student: str = "",
        not_at_stock: str = "",
    ) -> None:
        """An attack by what lies in the folder; without ``ends`` the file must be damaged."""
        self.attacks.append(
            Attack(
                self.kind,
                name,
                "file",
                frozenset(ends) or frozenset({DAMAGED}),
                put=put,
                keeps=bool(ends) and DAMAGED not in ends,
                student=student,
                not_at_stock=not_at_stock,
            )
        )
