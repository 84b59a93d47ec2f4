"""The one comparison of values: equal within a tolerance, or a sentence on the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from .calls import as_outputs
from .language import say, sentence
from .values import Unsupported

_MOST_DIMENSIONS = 64  # of an array, for NumPy
_MOST_LISTED = 10_000  # numbers of a list that are shown
_MOST_SHOWN = 1300  # numbers of an array that are written out: what four dimensions may need
_MOST_TEXT = 100  # characters of a text that are quoted
_MOST_TYPE = 100  # characters of a type's name that are told
# what rounds more than float64, with how far that may take a result
_COARSE = {np.dtype(np.float32): 1e-5, np.dtype(np.float16): 2e-2}
_PLAIN = frozenset({int, float, bool, complex})
# types that people return by accident, and how they are called; the name in what a worker sends is
# the student's to choose, so of held-out calls only these are told
_KINDS = {
    "dict": sentence("a dictionary"),
    "set": sentence("a set"),
    "function": sentence("a function (is it to be called?)"),
    "method": sentence("a method (is it to be called?)"),
    "builtin_function_or_method": sentence("a function (is it to be called?)"),
    "generator": sentence("a generator"),
    "range": sentence("a range"),
    "Tensor": sentence("a PyTorch tensor"),
}

WHOLE = sentence("the result")  # what is named where it is not one of several outputs


class Sentences(NamedTuple):
    """How an output differs from what was expected.

    ``summary`` gives category and size, and no value; ``detail`` adds expected and got.
    ``rough`` is the summary for a held-out case, where it differs: in a size or a shape that the
    student's function may choose freely, it could tell the digits of a held-out input.
    """

    summary: str
    detail: str = ""
    rough: str = ""


@dataclass(frozen=True)
class Difference:
    """That an output differs. How is put into words on demand: most are only counted.

    ``put`` gets what differs as it is called in a sentence.
    """

    output: str
    put: Callable[[str], Sentences]

    @cached_property
    def sentences(self) -> Sentences:
        """How it differs."""
        return self.put(say(WHOLE) if self.output == WHOLE else f"`{self.output}`")

    def text(self, public: bool) -> str:
        """The sentence for a public case, or for a held-out one."""
        summary, detail, rough = self.sentences
        if not public:
            return rough or summary
        return summary + (f"\n{detail}" if detail else "")


def difference(
    expected: Any, got: Any, names: tuple[str, ...], rtol: float, atol: float
) -> Difference | None:
    """None if ``got`` agrees with ``expected`` in every output named in ``names``.

    Containers are read leniently (a list where an array is expected, an array of size one where
    a number is), values strictly: |got − expected| ≤ atol + rtol·|expected|. What comes in float32
    where float64 is expected must be as near as if it were float64, so it may hold 0.5, but not 0.1
    (the tolerances are for other ways to compute, and wider than its rounding). NaN and infinities
    differ from every number. They equal one another: the reference never gives them, known
    mistakes may, and where one way to write a mistake gives NaN another gives an infinity.
    """
    if got is None:
        return Difference(WHOLE, _is_none)
    if len(names) > 1:
        outputs = as_outputs(got, len(names))
        if outputs is None:
            return Difference(WHOLE, partial(_other_count, names, got))
        pairs = zip(names, expected, outputs, strict=True)
    else:
        if isinstance(got, (tuple, list)) and len(got) == 1 and np.ndim(expected) == 0:
            got = got[0]
        pairs = zip(names, [expected], [got], strict=True)
    for name, want, have in pairs:
        found = _one(name, want, have, rtol, atol)
        if found is not None:
            return found
    return None


def too_few_right(expected: Any, got: Any, name: str, accuracy: float) -> Difference | None:
    """None if at least the share ``accuracy`` of the labels is as expected.

    The sentence tells how many are right, and never which.
    """
    want = np.asarray(expected)
    form = difference(np.zeros(want.shape), got, (name,), 0.0, float("inf"))
    if form is not None:  # not numbers, or not one for each
        # without its detail, which would show zeros as if they were expected
        return Difference(name, lambda what: form.put(what)._replace(detail=""))
    right = int(np.sum(np.asarray(got) == want))
    if right >= accuracy * want.size:
        return None
    asked = f"{100 * accuracy:g}"
    low = 100 * right // want.size // 5 * 5

    def put(what: str) -> Sentences:
        return Sentences(
            say(
                "{what} has {share}; {asked} % are asked for",
                what=what,
                share=share_right(expected, got),
                asked=asked,
            ),
            rough=say(
                "{what} has {low} to {high} % right; {asked} % are asked for",
                what=what,
                low=low,
                high=low + 5,
                asked=asked,
            ),
        )

    return Difference(name, put)


def share_right(expected: Any, got: Any) -> str:
    """How many labels are right, of as many as are expected."""
    want = np.asarray(expected)
    right = int(np.sum(np.asarray(got) == want))
    share = f"{100 * right / want.size:.1f}"
    return say("{right} of {all} right, {share} %", right=right, all=want.size, share=share)


def first_changed(
    names: Sequence[str],
    before: Sequence[Any],
    after: Sequence[Any],
    rtol: float = 0.0,
    atol: float = 0.0,
) -> str | None:
    """Name of the first value that is not the same before and after; None if all are.

    Without tolerances the same means exactly the same.
    """
    if len(before) != len(after):
        return names[0]
    for name, was, is_now in zip(names, before, after, strict=True):
        if _identical(was, is_now):
            continue
        if isinstance(was, (list, tuple)) and isinstance(is_now, (list, tuple)):
            inner = [name] * len(was)
            if len(was) != len(is_now) or first_changed(inner, was, is_now, rtol, atol):
                return name
        elif was is None or isinstance(was, (str, bool)):
            if type(was) is not type(is_now) or was != is_now:
                return name
        elif _numeric(was) is None or is_now is None:  # no numbers: of objects only the type counts
            if type(was) is not type(is_now):
                return name
        elif _one(name, was, is_now, rtol, atol) is not None:
            return name
    return None


def describe(value: Any, *, exact: bool = True) -> str:
    """What a value is, in a few words, without the value.

    Unless ``exact``, without what the student may choose freely: its size, or its type's name.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        if value.ndim == 0:
            return say("a number")
        return say("an array of shape {shape}", shape=value.shape) if exact else say("an array")
    if isinstance(value, list):
        return say("a list of {n}", n=len(value)) if exact else say("a list")
    if isinstance(value, tuple):
        return say("a tuple of {n}", n=len(value)) if exact else say("a tuple")
    if value is None:
        return "None"
    if isinstance(value, (bool, str)):
        return say("a truth value") if isinstance(value, bool) else say("a text")
    if isinstance(value, (int, float, np.number)):
        return say("a number")
    if isinstance(value, complex):
        return say("a complex number")
    return _kind_of(value, exact)


def _kind_of(value: Any, exact: bool) -> str:
    """What a value is that is no plain data."""
    if isinstance(value, Unsupported):
        name = value.type_name
    elif isinstance(value, np.ndarray):
        name = f"array of {value.dtype}"
    else:
        name = type(value).__name__
    if name in _KINDS:
        return say(_KINDS[name])
    if not exact:
        return say("of a type that cannot be compared")
    name = "".join(c for c in name[:_MOST_TYPE] if c.isprintable())
    of_array, _, dtype = name.partition("array of ")
    if dtype and not of_array:
        return say("an array of {dtype}", dtype=dtype)
    return say("of the type {name}", name=name)


def _identical(a: Any, b: Any) -> bool:
    """Whether two values are the same to the last bit: the common case, told quickly."""
    if type(a) is not type(b):
        return False
    if type(a) is np.ndarray:
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    return type(a) in (float, int, bool, str) and bool(a == b)


def _one(name: str, expected: Any, got: Any, rtol: float, atol: float) -> Difference | None:
    """The difference of one output. Its cost depends on what is expected, not on what came."""
    if _identical(expected, got):
        return None
    if isinstance(expected, (str, bool)):
        return Difference(name, partial(_other_than, expected, got))
    want = np.asarray(expected)
    number = _fitting(got, want.shape)
    if number is None:
        return Difference(name, partial(_misfit, want, got))
    if np.iscomplexobj(want):  # only where an earlier answer is compared with itself
        same = np.array_equal(want, number, equal_nan=True)
        return None if same else Difference(name, lambda what: Sentences(_other(what)))
    if np.iscomplexobj(number):
        if np.any(number.imag != 0):
            with_imaginary = number
            return Difference(name, lambda what: _complex(want, with_imaginary, what))
        number = number.real
    with np.errstate(all="ignore"):
        wide = number.astype(np.float64)
        error = np.abs(wide - want)
        if want.dtype == np.float64 and number.dtype in _COARSE:
            rtol, atol = min(rtol, 1e-12), min(atol, 1e-15)
        # rtol times an infinite expected value (known mistakes may give one) would allow any number
        near = np.isfinite(want) & (error <= atol + rtol * np.abs(want))
        fine = near | (wide == want)
        fine |= ~np.isfinite(wide) & ~np.isfinite(want)
    if np.all(fine):
        return None

    def put(what: str) -> Sentences:
        told, rough = _category(want, wide, error, number.dtype, what)
        return Sentences(told, _where(want, number, fine, error), rough)

    return Difference(name, put)


def _is_none(what: str) -> Sentences:
    return Sentences(say("{what} is None: does your function end with `return`?", what=what))


def _other_count(names: tuple[str, ...], got: Any, what: str) -> Sentences:
    """How a result differs that does not have so many outputs."""

    def told(kind: str) -> str:
        return say(
            "{what} should be the {n} values ({names}), not {kind}",
            what=what,
            n=len(names),
            names=", ".join(names),
            kind=kind,
        )

    return Sentences(told(describe(got)), rough=told(describe(got, exact=False)))


def _other(what: str) -> str:
    return say("{what} is not what was expected", what=what)


def _complex(want: np.ndarray[Any, Any], got: np.ndarray[Any, Any], what: str) -> Sentences:
    return Sentences(say("{what} is complex", what=what), _values(want, got))


def _other_than(expected: str | bool, got: Any, what: str) -> Sentences:
    """How something differs from a text or a truth value."""
    plain = got is None or isinstance(got, (bool, int, float))
    short = isinstance(got, str) and len(got) <= _MOST_TEXT
    told = repr(got) if plain or short else describe(got)
    values = say("expected {expected}, got {told}", expected=repr(expected), told=told)
    return Sentences(_other(what), values)


def _misfit(want: np.ndarray[Any, Any], got: Any, what: str) -> Sentences:
    """How something differs that is not numeric, or not of the right shape."""
    form = _form(got)
    if form is None:
        told, rough = (
            say("{what} should be numeric, but is {kind}", what=what, kind=kind)
            for kind in (describe(got), describe(got, exact=False))
        )
        return Sentences(told, rough=rough)
    shape, number = form
    expected = want.shape
    told = say(
        "{what} has shape {shape}, expected {expected}", what=what, shape=shape, expected=expected
    )
    rough = told
    if not _is_near(shape, want.shape):
        rough = say("{what} has another shape, expected {expected}", what=what, expected=expected)
    return Sentences(told, "" if number is None else _values(want, number), rough)


def _is_near(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a shape is a mistake as people make it: an axis lost, added or moved, one too few."""
    common = {1, *(size + more for size in wanted for more in (-1, 0, 1))}
    return len(shape) <= len(wanted) + 1 and common.issuperset(shape)


def _fitting(value: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """The numbers in a value as an array of this shape; None if it does not hold just these.

    Nothing is converted before it is plain that it fits: to make an array of a list that holds
    one long text, or lists of all lengths, could take any time and any memory.
    """
    if not shape:  # a number may come as a container of one
        for _ in range(_MOST_DIMENSIONS):
            if not isinstance(value, (list, tuple)) or len(value) != 1:
                break
            value = value[0]
    if isinstance(value, (np.ndarray, np.generic)):
        if value.shape != shape and (shape or value.size != 1):
            return None
    elif isinstance(value, (list, tuple)) and not _holds(value, shape):
        return None
    number = _numeric(value)
    if number is None or (number.shape != shape and (shape or number.size != 1)):
        return None
    return number.reshape(shape)


def _holds(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether lists nested in just this shape hold nothing but numbers, or arrays of them."""
    if isinstance(value, (list, tuple)):
        if not shape or len(value) != shape[0]:
            return False
        if len(shape) == 1 and _PLAIN.issuperset(map(type, value)):
            return True
        return all(_holds(item, shape[1:]) for item in value)
    if isinstance(value, (np.ndarray, np.generic)):
        return bool(value.shape == shape and value.dtype.kind in "biufc")
    return not shape and isinstance(value, (int, float, complex))


def _form(value: Any) -> tuple[tuple[int, ...], np.ndarray[Any, Any] | None] | None:
    """Shape and numbers of a value; without the numbers if a list has too many to be shown.

    None if it is not numeric.
    """
    if isinstance(value, (list, tuple)):
        shape = _apparent_shape(value)
        if shape is None or not _holds(value, shape):
            return None
        if math.prod(shape) > _MOST_LISTED:
            return shape, None
    number = _numeric(value)
    return None if number is None else (number.shape, number)


def _apparent_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists if all are as the first ones; None if they nest too deeply."""
    shape: list[int] = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        if len(shape) > _MOST_DIMENSIONS:
            return None
        if not value:
            return tuple(shape)
        value = value[0]
    if isinstance(value, (np.ndarray, np.generic)):
        shape += value.shape
    return tuple(shape)


def _numeric(value: Any) -> np.ndarray[Any, Any] | None:
    """A value as an array of numbers, or None. Of a list it must be known that it holds them."""
    if isinstance(value, (bool, str, Unsupported)) or value is None:
        return None
    try:
        array = np.asarray(value)
    except Exception:  # objects that refuse in ways of their own
        return None
    return array if array.dtype.kind in "iufc" else None


def _category(want: Any, got: Any, error: Any, dtype: Any, what: str) -> tuple[str, str]:
    """What is wrong with the numbers, with the size of the error; and the same, roughly."""
    single = want.ndim == 0
    if np.any(np.isnan(got) & ~np.isnan(want)):
        return say("{what} is NaN" if single else "{what} holds NaN", what=what), ""
    if np.any(np.isinf(got) & ~np.isinf(want)):
        return say("{what} is infinite" if single else "{what} holds an infinity", what=what), ""
    factor = _COARSE.get(dtype, 0)
    if factor and np.all(error <= factor * np.abs(want) + factor / 10):
        coarse = sentence("{what} holds {dtype}, which is too coarse: keep float64")
        if single:
            coarse = sentence("{what} is {dtype}, which is too coarse: keep float64")
        return say(coarse, what=what, dtype=dtype), ""
    if dtype.kind in "iu" and np.all(error < 1):
        cut_off = sentence("{what} has integer type {dtype}, so fractions were cut off")
        return say(cut_off, what=what, dtype=dtype), ""
    with np.errstate(all="ignore"):
        ratio = _common_ratio(want, got)
        if ratio is not None and np.isclose(ratio, -1, rtol=1e-6):
            return say("{what} has the opposite sign", what=what), ""
        if want.size == 1 and _is_whole(want) and _is_whole(got):
            return _counted(want, got, error, what)
        if np.all(error <= 1e-6 * np.abs(want)):
            return _nearly(want, got, error, what)
        largest = float(np.max(error))
        relative = float(np.max(error / np.maximum(np.abs(want), 1e-300)))
    if ratio is not None:
        return _ratio(ratio, what)
    if 0 < relative < 1e100:
        wrong = sentence("{what} is wrong (largest error {size}, relative {relative})")
        if want.size == 1:
            wrong = sentence("{what} is wrong (error {size}, relative {relative})")
        return (
            say(wrong, what=what, size=f"{largest:.3g}", relative=f"{relative:.2g}"),
            say(wrong, what=what, size=_magnitude(largest), relative=_magnitude(relative)),
        )
    wrong = sentence("{what} is wrong (largest error {size})")
    if want.size == 1:
        wrong = sentence("{what} is wrong (error {size})")
    return (
        say(wrong, what=what, size=f"{largest:.3g}"),
        say(wrong, what=what, size=_magnitude(largest)),
    )


def _is_whole(numbers: Any) -> bool:
    return bool(np.all(numbers == np.round(numbers)))


def _counted(want: Any, got: Any, error: Any, what: str) -> tuple[str, str]:
    """How a count or an index differs: no one asks for the ratio of two of them."""
    size = float(np.max(error))
    told, roughly = (
        sentence("{what} is {size} too small"),
        sentence("{what} is too small, by {size}"),
    )
    if np.all(got > want):
        told = sentence("{what} is {size} too large")
        roughly = sentence("{what} is too large, by {size}")
    return (
        say(told, what=what, size=f"{size:.10g}"),
        say(roughly, what=what, size=_magnitude(size)),
    )


def _nearly(want: Any, got: Any, error: Any, what: str) -> tuple[str, str]:
    """How numbers differ that agree in the first six digits."""
    relative = float(np.max(error / np.abs(np.where(want == 0, 1, want))))
    if np.array_equal(got, got.astype(np.float32)) and np.any(want != want.astype(np.float32)):
        nearly = sentence(
            "{what} is almost right (relative error {size}): its numbers have the digits of "
            "float32: keep float64 in all steps"
        )
    else:
        nearly = sentence(
            "{what} is almost right (relative error {size}): more than float64 rounds; look for "
            "float32 on the way, or for a small constant"
        )
    return (
        say(nearly, what=what, size=f"{relative:.3g}"),
        say(nearly, what=what, size=_magnitude(relative)),
    )


def _common_ratio(want: Any, got: Any) -> float | None:
    """The ratio of what came to what was expected, if it is one and tells something.

    Two single numbers always have a ratio: it tells something only if it is small and whole.
    """
    nonzero = want != 0
    if want.dtype.kind in "iu" and want.size > 1:  # indices, labels, counts
        return None
    if not np.any(nonzero) or np.any(got[~nonzero] != 0):
        return None
    ratios = (got[nonzero] / want[nonzero]).ravel()
    first = float(ratios[0])
    if first == 0 or not np.allclose(ratios, first, rtol=1e-6, atol=0):
        return None
    return first if ratios.size > 1 or _is_small_whole(max(abs(first), 1 / abs(first))) else None


def _is_small_whole(size: float) -> bool:
    return size < 10.5 and bool(np.isclose(size, round(size), rtol=1e-6))


# by whether it is too large, and of the right sign: by a small share, told exactly and roughly;
# by a factor, told exactly and roughly
_RATIOS = {
    (True, True): (
        sentence("{what} is too large by a relative {size}"),
        sentence("{what} is too large by a relative error of {size}"),
        sentence("{what} is {size} times too large"),
        sentence("{what} is too large by one factor, {size}"),
    ),
    (True, False): (
        sentence("{what} is too large by a relative {size} with the opposite sign"),
        sentence("{what} is too large by a relative error of {size} with the opposite sign"),
        sentence("{what} is {size} times too large with the opposite sign"),
        sentence("{what} is too large by one factor, {size} with the opposite sign"),
    ),
    (False, True): (
        sentence("{what} is too small by a relative {size}"),
        sentence("{what} is too small by a relative error of {size}"),
        sentence("{what} is {size} times too small"),
        sentence("{what} is too small by one factor, {size}"),
    ),
    (False, False): (
        sentence("{what} is too small by a relative {size} with the opposite sign"),
        sentence("{what} is too small by a relative error of {size} with the opposite sign"),
        sentence("{what} is {size} times too small with the opposite sign"),
        sentence("{what} is too small by one factor, {size} with the opposite sign"),
    ),
}


def _ratio(ratio: float, what: str) -> tuple[str, str]:
    size = max(abs(ratio), 1 / abs(ratio))
    share, rough_share, factor, rough_factor = _RATIOS[abs(ratio) >= 1, ratio > 0]
    if size < 1.001:
        return (
            say(share, what=what, size=f"{abs(abs(ratio) - 1):.3g}"),
            say(rough_share, what=what, size=_magnitude(size - 1)),
        )
    told = say(factor, what=what, size=f"{size:.4g}")
    if _is_small_whole(size):
        return told, ""
    return told, say(rough_factor, what=what, size=_magnitude(size))


def _magnitude(size: float) -> str:
    """The order of magnitude of a positive number: that, and no digit of it."""
    if not 1e-12 <= size <= 1e12:
        return say("below 1e-12") if size < 1 else say("above 1e12")
    return say("about {size}", size=f"{10.0 ** round(math.log10(size)):g}")


def _where(want: Any, got: Any, fine: Any, error: Any) -> str:
    near = np.all(error[~fine] <= 1e-4 * np.abs(want[~fine]))  # then it takes more digits to see
    # −0 and 0 are one value here, and the sign would be read as a part of the difference
    want, got = (np.where(array == 0, np.zeros_like(array), array) for array in (want, got))
    text = _values(want, got, digits=10 if near else 6)
    wrong = np.argwhere(~fine)
    if want.ndim and want.size > 1 and len(wrong):
        index = tuple(int(i) for i in wrong[0])
        label = index[0] if len(index) == 1 else index
        text += "\n" + say(
            "{wrong} of {all} entries differ; the first is at index {index}: expected {expected}, "
            "got {got}",
            wrong=len(wrong),
            all=want.size,
            index=label,
            expected=f"{want[index]:.10g}",
            got=f"{got[index]:.10g}",
        )
    return text


def _values(want: Any, got: Any, digits: int = 6) -> str:
    words = say("expected"), say("got")
    width = max(map(len, words)) + 1  # both begin in one column
    return "\n".join(
        word.ljust(width) + _short(array, digits, width)
        for word, array in zip(words, (want, got), strict=True)
    )


def _short(array: Any, digits: int, width: int) -> str:
    if array.ndim == 0:
        return f"{array[()]:.10g}"
    if array.size > 30 and math.prod(min(size, 6) for size in array.shape) > _MOST_SHOWN:
        # NumPy shortens each dimension
        return say("an array of {n} dimensions, too many to be shown", n=array.ndim)
    text = np.array2string(
        array, precision=digits, threshold=30, edgeitems=3, separator=", ", suppress_small=False
    )
    return text.replace("\n", "\n" + " " * width)
