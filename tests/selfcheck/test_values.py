"""The codec: exact round trips of plain data, and refusal of everything else."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autograder.selfcheck.calls import fresh
from autograder.selfcheck.values import Room, Unsupported, ValueRefused, decode, encode

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
floats = st.floats(allow_nan=True, allow_infinity=True)
numbers = floats | st.integers(-(2**63), 2**63 - 1)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
any_array = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@st.composite
def laid_out(draw):
    """An array in any layout, read-only or not."""
    array = draw(any_array)
    layout = draw(st.sampled_from(["C", "F", "skip", "reverse", "transpose"]))
    if layout == "F":
        array = np.asfortranarray(array) if array.ndim else array
    elif layout == "skip" and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    elif layout == "reverse" and array.ndim:
        array = array[..., ::-1]
    elif layout == "transpose":
        array = array.T
    array.flags.writeable = draw(st.booleans())
    return array


plain = st.recursive(
    st.none() | st.booleans() | numbers | text | laid_out(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


def through_json(value):
    buffers = []
    tree = json.loads(json.dumps(encode(value, buffers), allow_nan=False))
    return decode(tree, buffers)


def layout_of(array):
    if array.flags.c_contiguous:
        return "C"
    return "F" if array.flags.f_contiguous else "strided"


def assert_same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert a.tobytes() == b.tobytes()  # NaN payloads and the sign of zero, too
        assert layout_of(a) == layout_of(b)
        assert a.flags.writeable == b.flags.writeable
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, float):
        assert np.float64(a).tobytes() == np.float64(b).tobytes() or a != a != b
    else:
        assert a == b


@given(plain)
def test_round_trip(value):
    assert_same(value, through_json(value))


@given(laid_out())
def test_fresh_keeps_what_a_case_asks_for(array):
    copy = fresh(array)
    assert_same(array, copy)
    assert array.size == 0 or not np.shares_memory(array, copy)


@given(laid_out())
def test_big_endian_arrays_keep_their_values(array):
    swapped = array.astype(array.dtype.newbyteorder(">"))
    back = through_json(swapped)
    assert back.shape == swapped.shape
    assert back.tobytes() == swapped.astype(swapped.dtype.newbyteorder("<")).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars_become_arrays_without_dimensions(dtype):
    back = through_json(np.ones(1, dtype)[0])
    assert back.shape == () and back.dtype == dtype and back == 1


def test_what_is_no_plain_data_is_named():
    class Model:
        pass

    class Sneaky(np.ndarray):
        def tobytes(self, *_):
            raise RuntimeError("never called")

    assert through_json(Model()) == Unsupported("Model")
    assert through_json({1: 2}) == Unsupported("dict")
    assert through_json(2**70) == Unsupported("int beyond 64 bits")
    assert through_json(np.array(["a"])) == Unsupported("array of <U1")
    assert through_json(np.array([Model()])) == Unsupported("array of object")
    assert type(through_json(np.ones(2).view(Sneaky))) is np.ndarray
    assert through_json(np.longdouble(0.5)).dtype == np.float64


def test_too_much_is_refused():
    nested = []
    for _ in range(30):
        nested = [nested]
    with pytest.raises(ValueRefused, match="nested"):
        encode(nested, [])
    with pytest.raises(ValueRefused, match="parts"):
        encode([0] * 200_000, [])
    with pytest.raises(ValueRefused, match="too large"):
        encode(np.zeros(1000), [], Room(size=100))
    own = []
    own.append(own)
    with pytest.raises(ValueRefused):
        encode(own, [])


json_leaves = st.none() | st.booleans() | st.integers() | floats | st.text(max_size=8)
words = st.sampled_from(
    ["array", "list", "tuple", "float", "unsupported", "dtype", "shape", "buffer", "layout"]
)
json_trees = st.recursive(
    json_leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(words | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
type_names = [
    "<f8",
    "<i4",
    "|b1",
    "<f2",
    "|V8",
    "<U1",
    "|O",
    "<f16",
    ">f8",
    "2f4",
    ",f4",
    ">i,f",
    "<f99",
    "<c16",
    "(f8",
    "<m8",
    "<M8",
]
array_trees = st.fixed_dictionaries(
    {
        "array": st.fixed_dictionaries(
            {
                "dtype": st.sampled_from(type_names) | json_leaves,
                "shape": st.lists(st.integers(-1, 4) | st.sampled_from([2**31 - 1, 2**62]))
                | json_leaves,
                "buffer": st.integers(-2, 3) | json_leaves,
                "layout": st.sampled_from(["C", "F", "strided"]) | json_leaves,
                "readonly": st.booleans() | json_leaves,
            }
        )
        | json_trees
    }
)


@settings(max_examples=400)
@given(
    json_trees | array_trees | st.lists(array_trees, max_size=3).map(lambda t: {"list": t}),
    st.lists(st.binary(max_size=33), max_size=3),
)
def test_garbage_is_refused_and_nothing_else_happens(tree, buffers):
    try:
        value = decode(tree, buffers)
    except ValueRefused:
        return
    encode(value, [])  # what is accepted is plain data


@pytest.mark.parametrize(
    "array",
    [
        {"dtype": ",f4"},  # np.dtype() raises SyntaxError
        {"dtype": "2f4"},  # an array inside a type
        {"dtype": "|O"},
        {"shape": [0, 2**31 - 1, 2**31 - 1, 2**31 - 1], "buffer": 1},
        {"shape": [True, 2]},
        {"shape": [3]},
        {"buffer": 2},
        {"buffer": -1},
        {"layout": "Z"},
        {"readonly": 1},
    ],
)
def test_hostile_arrays_are_refused(array):
    good = {"dtype": "<f8", "shape": [2], "buffer": 0, "layout": "C", "readonly": False}
    buffers = [bytes(16), b""]
    assert decode({"array": good}, buffers).tolist() == [0, 0]
    with pytest.raises(ValueRefused):
        decode({"array": {**good, **array}}, buffers)


def test_a_buffer_is_used_once():
    one = {"array": {"dtype": "<f8", "shape": [2], "buffer": 0, "layout": "C", "readonly": False}}
    with pytest.raises(ValueRefused):
        decode({"list": [one, one]}, [bytes(16)])
