"""The one comparison of values: equal within a tolerance, or a sentence on the difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from .calls import as_outputs
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
    "dict": "a dictionary",
    "set": "a set",
    "function": "a function (is it to be called?)",
    "method": "a method (is it to be called?)",
    "builtin_function_or_method": "a function (is it to be called?)",
    "generator": "a generator",
    "range": "a range",
    "Tensor": "a PyTorch tensor",
}

WHOLE = "the result"  # what is named where it is not one of several outputs


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
    """That an output differs. How is put into words on demand: most are only counted."""

    output: str
    put: Callable[[], Sentences]

    @cached_property
    def sentences(self) -> Sentences:
        """How it differs."""
        return self.put()

    def text(self, public: bool) -> str:
        """The sentence for a public case, or for a held-out one."""
        summary, detail, rough = self.sentences
        what = self.output if self.output == WHOLE else f"`{self.output}`"
        if not public:
            return f"{what} {rough or summary}"
        return f"{what} {summary}" + (f"\n{detail}" if detail else "")


def differs(output: str, summary: str, detail: str = "", rough: str = "") -> Difference:
    """The difference with these sentences."""
    return Difference(output, lambda: Sentences(summary, detail, rough))


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
        return differs(WHOLE, "is None: does your function end with `return`?")
    if len(names) > 1:
        outputs = as_outputs(got, len(names))
        if outputs is None:
            what = f"should be the {len(names)} values ({', '.join(names)}), not"
            rough = f"{what} {describe(got, exact=False)}"
            return differs(WHOLE, f"{what} {describe(got)}", rough=rough)
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
        return Difference(name, lambda: form.sentences._replace(detail=""))
    right = int(np.sum(np.asarray(got) == want))
    if right >= accuracy * want.size:
        return None
    asked = f"{100 * accuracy:g} % are asked for"
    low = 100 * right // want.size // 5 * 5
    return differs(
        name,
        f"has {share_right(expected, got)}; {asked}",
        rough=f"has {low} to {low + 5} % right; {asked}",
    )


def share_right(expected: Any, got: Any) -> str:
    """How many labels are right, of as many as are expected."""
    want = np.asarray(expected)
    right = int(np.sum(np.asarray(got) == want))
    return f"{right} of {want.size} right, {100 * right / want.size:.1f} %"


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
            return "a number"
        return f"an array of shape {value.shape}" if exact else "an array"
    if isinstance(value, (tuple, list)):
        kind = "list" if isinstance(value, list) else "tuple"
        return f"a {kind} of {len(value)}" if exact else f"a {kind}"
    if value is None:
        return "None"
    if isinstance(value, (bool, str)):
        return "a truth value" if isinstance(value, bool) else "a text"
    if isinstance(value, (int, float, np.number)):
        return "a number"
    if isinstance(value, complex):
        return "a complex number"
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
        return _KINDS[name]
    if not exact:
        return "of a type that cannot be compared"
    name = "".join(c for c in name[:_MOST_TYPE] if c.isprintable())
    return f"an {name}" if name.startswith("array of ") else f"of the type {name}"


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
        return None if same else differs(name, "is not what was expected")
    if np.iscomplexobj(number):
        if np.any(number.imag != 0):
            with_imaginary = number
            return Difference(name, lambda: Sentences("is complex", _values(want, with_imaginary)))
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

    def put() -> Sentences:
        told, rough = _category(want, wide, error, number.dtype)
        return Sentences(told, _where(want, number, fine, error), rough)

    return Difference(name, put)


def _other_than(expected: str | bool, got: Any) -> Sentences:
    """How something differs from a text or a truth value."""
    plain = got is None or isinstance(got, (bool, int, float))
    short = isinstance(got, str) and len(got) <= _MOST_TEXT
    told = repr(got) if plain or short else describe(got)
    return Sentences("is not what was expected", f"expected {expected!r}, got {told}")


def _misfit(want: np.ndarray[Any, Any], got: Any) -> Sentences:
    """How something differs that is not numeric, or not of the right shape."""
    form = _form(got)
    if form is None:
        what = "should be numeric, but is"
        return Sentences(f"{what} {describe(got)}", rough=f"{what} {describe(got, exact=False)}")
    shape, number = form
    expected_shape = f"expected {want.shape}"
    told = f"has shape {shape}, {expected_shape}"
    rough = told if _is_near(shape, want.shape) else f"has another shape, {expected_shape}"
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


def _category(want: Any, got: Any, error: Any, dtype: np.dtype[Any]) -> tuple[str, str]:
    """What is wrong with the numbers, with the size of the error; and the same, roughly."""
    is_or_holds = "is" if want.ndim == 0 else "holds"
    if np.any(np.isnan(got) & ~np.isnan(want)):
        return f"{is_or_holds} NaN", ""
    if np.any(np.isinf(got) & ~np.isinf(want)):
        return ("is infinite" if want.ndim == 0 else "holds an infinity"), ""
    factor = _COARSE.get(dtype, 0)
    if factor and np.all(error <= factor * np.abs(want) + factor / 10):
        return f"{is_or_holds} {dtype}, which is too coarse: keep float64", ""
    if dtype.kind in "iu" and np.all(error < 1):
        return f"has integer type {dtype}, so fractions were cut off", ""
    with np.errstate(all="ignore"):
        ratio = _common_ratio(want, got)
        if ratio is not None and np.isclose(ratio, -1, rtol=1e-6):
            return "has the opposite sign", ""
        if want.size == 1 and _is_whole(want) and _is_whole(got):
            return _counted(want, got, error)
        if np.all(error <= 1e-6 * np.abs(want)):
            return _nearly(want, got, error)
        largest = float(np.max(error))
        relative = float(np.max(error / np.maximum(np.abs(want), 1e-300)))
    if ratio is not None:
        return _ratio(ratio)
    size = "error" if want.size == 1 else "largest error"
    if 0 < relative < 1e100:
        return (
            f"is wrong ({size} {largest:.3g}, relative {relative:.2g})",
            f"is wrong ({size} {_magnitude(largest)}, relative {_magnitude(relative)})",
        )
    return f"is wrong ({size} {largest:.3g})", f"is wrong ({size} {_magnitude(largest)})"


def _is_whole(numbers: Any) -> bool:
    return bool(np.all(numbers == np.round(numbers)))


def _counted(want: Any, got: Any, error: Any) -> tuple[str, str]:
    """How a count or an index differs: no one asks for the ratio of two of them."""
    way = "too large" if np.all(got > want) else "too small"
    size = float(np.max(error))
    return f"is {size:.10g} {way}", f"is {way}, by {_magnitude(size)}"


def _nearly(want: Any, got: Any, error: Any) -> tuple[str, str]:
    """How numbers differ that agree in the first six digits."""
    relative = float(np.max(error / np.abs(np.where(want == 0, 1, want))))
    if np.array_equal(got, got.astype(np.float32)) and np.any(want != want.astype(np.float32)):
        why = "its numbers have the digits of float32: keep float64 in all steps"
    else:
        why = "more than float64 rounds; look for float32 on the way, or for a small constant"
    return (
        f"is almost right (relative error {relative:.3g}): {why}",
        f"is almost right (relative error {_magnitude(relative)}): {why}",
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


def _ratio(ratio: float) -> tuple[str, str]:
    sign = "" if ratio > 0 else " with the opposite sign"
    size = max(abs(ratio), 1 / abs(ratio))
    way = "too large" if abs(ratio) >= 1 else "too small"
    if size < 1.001:
        return (
            f"is {way} by a relative {abs(abs(ratio) - 1):.3g}{sign}",
            f"is {way} by a relative error of {_magnitude(size - 1)}{sign}",
        )
    if _is_small_whole(size):
        return f"is {size:.4g} times {way}{sign}", ""
    return (
        f"is {size:.4g} times {way}{sign}",
        f"is {way} by one factor, {_magnitude(size)}{sign}",
    )


def _magnitude(size: float) -> str:
    """The order of magnitude of a positive number: that, and no digit of it."""
    if not 1e-12 <= size <= 1e12:
        return "below 1e-12" if size < 1 else "above 1e12"
    return f"about {10.0 ** round(math.log10(size)):g}"


def _where(want: Any, got: Any, fine: Any, error: Any) -> str:
    near = np.all(error[~fine] <= 1e-4 * np.abs(want[~fine]))  # then it takes more digits to see
    # −0 and 0 are one value here, and the sign would be read as a part of the difference
    want, got = (np.where(array == 0, np.zeros_like(array), array) for array in (want, got))
    text = _values(want, got, digits=10 if near else 6)
    wrong = np.argwhere(~fine)
    if want.ndim and want.size > 1 and len(wrong):
        index = tuple(int(i) for i in wrong[0])
        label = index[0] if len(index) == 1 else index
        text += (
            f"\n{len(wrong)} of {want.size} entries differ; the first is at index {label}: "
            f"expected {want[index]:.10g}, got {got[index]:.10g}"
        )
    return text


def _values(want: Any, got: Any, digits: int = 6) -> str:
    return f"expected {_short(want, digits)}\ngot      {_short(got, digits)}"


def _short(array: Any, digits: int) -> str:
    if array.ndim == 0:
        return f"{array[()]:.10g}"
    if array.size > 30 and math.prod(min(size, 6) for size in array.shape) > _MOST_SHOWN:
        return f"an array of {array.ndim} dimensions, too many to be shown"  # NumPy shortens each
    text = np.array2string(
        array, precision=digits, threshold=30, edgeitems=3, separator=", ", suppress_small=False
    )
    return text.replace("\n", "\n         ")
