"""How alike the answers of two students are, and how likely that is by chance in this class.

Short functions look alike, and a right one has few forms. So what counts is not how alike two
answers are, but how many others in the class are as much like the one as the other is. Of m others,
k are (the other student among them): by chance this has the probability k/m, from either side, and
the larger one is taken. The answers of a student to several exercises are put together by Fisher's
method: with q_i for exercise i of n, −2 Σ log q_i is chi-squared with 2n degrees of freedom,

    p = exp(−s) · Σ_{i<n} s^i / i!,    s = −Σ log q_i,

if the exercises are independent and nobody worked together. Ties make p too large, never too small.
People with the same habits, or the same textbook, are not independent: that p does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

Array = np.ndarray[Any, Any]
Tokens = tuple[str, ...]
_LARGEST = 0x10FFFF - 0x800  # characters that stand for tokens


@dataclass(frozen=True)
class Part:
    """One exercise of a pair: the share of tokens in common, and its probability by chance.

    ``others`` of ``of`` classmates are as much like one of the two.
    """

    name: str
    alike: float
    others: int
    of: int


@dataclass(frozen=True)
class Pair:
    """Two students by their places, the probability by chance, and their exercises."""

    first: int
    second: int
    chance: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Compared:
    """An exercise: who has answered it, how alike all are, how many are as alike as each."""

    name: str
    who: Array
    alike: Array
    others: Array
    of: int


def most_alike(
    students: int,
    answers: Mapping[str, Mapping[int, Tokens]],
    usual: Mapping[str, Tokens],
    most: int,
) -> list[Pair]:
    """The ``most`` pairs that are least likely by chance, the least likely first.

    ``answers`` has the tokens of each answer by exercise and student, who is a number below
    ``students``. ``usual`` are the instructor's answers, which count as one more student's.
    """
    surprise, counts = np.zeros((students, students)), np.zeros((students, students), int)
    compared = []
    for name, given in answers.items():
        if len(given) < 2:
            continue
        each = _compare(name, given, usual.get(name))
        compared.append(each)
        where = np.ix_(each.who, each.who)
        surprise[where] -= np.log(each.others / each.of)
        counts[where] += 1
    first, second = np.triu_indices(students, 1)
    chances = chance_of(surprise[first, second], counts[first, second])
    best = np.argsort(chances, kind="stable")[:most]
    return [
        Pair(i, j, float(chances[n]), tuple(_parts(compared, i, j)))
        for n in best
        if counts[i := int(first[n]), j := int(second[n])]
    ]


def chance_of(surprise: Array, counts: Array) -> Array:
    """Fisher's probability of −Σ log q for so many q; 1 for none."""
    term, total = np.ones_like(surprise), np.zeros_like(surprise)
    for number in range(int(counts.max(initial=0))):
        total += np.where(number < counts, term, 0.0)
        term = term * surprise / (number + 1)
    return np.where(counts > 0, np.exp(-surprise) * total, 1.0)


def _compare(name: str, given: Mapping[int, Tokens], usual: Tokens | None) -> _Compared:
    who = np.array(sorted(given))
    told = [given[each] for each in who.tolist()] + ([] if usual is None else [usual])
    forms = {form: place for place, form in enumerate(dict.fromkeys(told))}
    texts = _as_texts(list(forms))
    of_forms = cdist(texts, texts, scorer=Indel.normalized_similarity, dtype=np.float32)
    place = np.array([forms[form] for form in told])
    alike = of_forms[np.ix_(place[: len(who)], place)]
    # of each line: how many are as alike as each, but for the student, who is most alike
    others = np.empty((len(who), len(who)), int)
    for student, line in enumerate(alike):
        ordered = np.sort(np.delete(line, student))
        others[student] = len(ordered) - np.searchsorted(ordered, line[: len(who)], side="left")
    others = np.maximum(others, others.T)
    np.fill_diagonal(others, len(told) - 1)
    return _Compared(name, who, alike[:, : len(who)], others, len(told) - 1)


def _as_texts(forms: Sequence[Tokens]) -> list[str]:
    """Texts with a character for each token, which is what is compared fast."""
    numbers: dict[str, int] = {}
    texts = []
    for form in forms:
        places = (numbers.setdefault(token, len(numbers)) % _LARGEST for token in form)
        texts.append("".join(chr(n if n < 0xD800 else n + 0x800) for n in places))
    return texts


def _parts(compared: Sequence[_Compared], first: int, second: int) -> list[Part]:
    parts = []
    for each in compared:
        i, j = (np.flatnonzero(each.who == student) for student in (first, second))
        if i.size and j.size:
            at = i[0], j[0]
            parts.append(Part(each.name, float(each.alike[at]), int(each.others[at]), each.of))
    return parts
