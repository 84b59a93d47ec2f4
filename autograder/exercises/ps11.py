"""Problem set 11: what layers cost, and training on several machines."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    case_maker,
    column_major,
    floats,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

# --- conv_cost -------------------------------------------------------------------------------

_conv = case_maker("h", "w", "c_in", "c_out", "k")


def _size(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high))


def _two_sizes(rng: np.random.Generator, low: int, high: int) -> tuple[int, int]:
    """Two different sizes."""
    first, second = rng.permutation(np.arange(low, high))[:2]
    return int(first), int(second)


def _pointwise_cases(rng: np.random.Generator) -> list[Case]:
    h, w = _two_sizes(rng, 5, 60)
    c_in, c_out = _two_sizes(rng, 2, 200)
    return [
        _conv("a square image", h, h, c_in, c_out, 1),
        _conv("an image that is not square", h, w, c_in, c_out, 1),
        _conv("few channels", w, h, 3, 2, 1),
    ]


def _kernel_cases(rng: np.random.Generator) -> list[Case]:
    h, w = _two_sizes(rng, 8, 60)
    c_in, c_out = _two_sizes(rng, 2, 200)
    return [
        _conv("3 × 3 kernels", h, h, c_in, c_out, 3),
        _conv("5 × 5 kernels", h, h, c_out, c_in, 5),
        _conv("an image that is not square", h, w, c_in, c_out, 3),
        _conv("a large layer", 224, 224, 64 + c_in, 64 + c_out, 7),
    ]


def _edge_cost_cases(rng: np.random.Generator) -> list[Case]:
    h, w = _two_sizes(rng, 4, 30)
    c_in, c_out = _two_sizes(rng, 2, 300)
    return [
        _conv("an image of one pixel", 1, 1, c_in, c_out, 1),
        _conv("one input channel", h, w, 1, c_out, 3),
        _conv("one output channel", h, w, c_in, 1, 3),
        _conv("an image of one row", 1, w, c_in, c_out, 3),
    ]


def _conv_biases(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return weights + c_out, h * w * weights


def _conv_two_operations(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return weights, 2 * h * w * weights


def _conv_kernel_side(h, w, c_in, c_out, k):
    weights = k * c_in * c_out
    return weights, h * w * weights


def _conv_no_padding(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return weights, (h - k + 1) * (w - k + 1) * weights


def _conv_swapped(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return h * w * weights, weights


def _conv_weights_for_each_pixel(h, w, c_in, c_out, k):
    ops = h * w * k * k * c_in * c_out
    return ops, ops


def _conv_ops_of_one_pixel(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return weights, weights


def _conv_one_input_channel(h, w, c_in, c_out, k):
    weights = k * k * c_out
    return weights, h * w * weights


def _conv_separable(h, w, c_in, c_out, k):
    weights = k * k * c_in + c_in * c_out
    return weights, h * w * weights


def _conv_square_image(h, w, c_in, c_out, k):
    weights = k * k * c_in * c_out
    return weights, h * h * weights


def _conv_channels_added(h, w, c_in, c_out, k):
    weights = k * k * (c_in + c_out)
    return weights, h * w * weights


_CONV_COST = Exercise(
    "conv_cost",
    title="What a convolution costs",
    minutes=10,
    section="efficient-models.md#the-rule",
    parameters=("h", "w", "c_in", "c_out", "k"),
    returns=("params", "ops"),
    reference=reference.conv_cost,
    checks=(
        Check(
            "1 × 1 kernels",
            1,
            [
                _conv("a square image", 28, 28, 192, 64, 1),
                _conv("an image that is not square", 6, 8, 3, 5, 1),
                _conv("few channels", 4, 5, 3, 2, 1),
            ],
            _pointwise_cases,
        ),
        Check(
            "larger kernels",
            2,
            [
                _conv("the first convolution of GoogLeNet", 112, 112, 3, 64, 7),
                _conv("the second, without its reduction", 56, 56, 64, 192, 3),
                _conv("5 × 5 kernels", 14, 14, 24, 64, 5),
                _conv("an image that is not square", 9, 12, 2, 5, 3),
            ],
            _kernel_cases,
        ),
        Check(
            "one pixel, one channel",
            1,
            [
                _conv("an image of one pixel (a linear layer)", 1, 1, 1024, 1000, 1),
                _conv("one input channel", 6, 5, 1, 4, 3),
                _conv("one output channel", 5, 6, 4, 1, 3),
                _conv("an image of one row", 1, 7, 2, 3, 3),
            ],
            _edge_cost_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "with-biases",
            "Your function counts c_out biases, too, as torch's Conv2d has them: the course "
            "counts weights only, as the table of GoogLeNet does.",
            _conv_biases,
        ),
        Mistake(
            "two-operations-each",
            "Your function counts a multiplication and its addition as two operations, a common "
            "convention: the course, like the table of GoogLeNet, counts them as one.",
            _conv_two_operations,
        ),
        Mistake(
            "side-of-the-kernel",
            "Your function multiplies by k: a kernel has k × k entries, so multiply by k².",
            _conv_kernel_side,
        ),
        Mistake(
            "without-padding",
            "Your function takes h and w for the size of an input without padding: they are the "
            "size of the output, and each of its h·w pixels takes k² c_in c_out operations.",
            _conv_no_padding,
        ),
        Mistake(
            "swapped-outputs",
            "Your function returns the operations first: return params, then ops.",
            _conv_swapped,
        ),
        Mistake(
            "weights-for-each-pixel",
            "Your function has weights of its own for each pixel: a convolution uses the same "
            "weights at all of them, so params does not depend on h and w.",
            _conv_weights_for_each_pixel,
        ),
        Mistake(
            "operations-of-one-pixel",
            "Your function counts the operations of one pixel of the output: there are h·w pixels.",
            _conv_ops_of_one_pixel,
        ),
        Mistake(
            "one-input-channel",
            "Your function leaves c_in out: each output channel has a kernel for every input "
            "channel.",
            _conv_one_input_channel,
        ),
        Mistake(
            "separable",
            "Your function is the cost of a depthwise separable convolution, k² c_in + c_in c_out: "
            "an ordinary one has k² c_in c_out weights.",
            _conv_separable,
        ),
        Mistake(
            "square-image",
            "Your function uses the height for the width, too: the output has h·w pixels.",
            _conv_square_image,
        ),
        Mistake(
            "channels-added",
            "Your function adds the numbers of channels: every input channel is connected to "
            "every output channel, so multiply them.",
            _conv_channels_added,
        ),
    ),
)

# --- inception_cost --------------------------------------------------------------------------

_inception = case_maker("row")


def _row(*numbers: int) -> Array:
    return np.array(numbers, dtype=np.int64)


def _random_row(rng: np.random.Generator, h: int, w: int) -> Array:
    """A block with widths like those of GoogLeNet: reductions are narrower than their input."""
    c_in = 16 * _size(rng, 12, 52)
    n1, pool = 16 * _size(rng, 4, 24), 8 * _size(rng, 4, 16)
    r3, r5 = 16 * _size(rng, 6, 12), 8 * _size(rng, 2, 6)
    return _row(
        h, w, c_in, n1, r3, r3 + 16 * _size(rng, 2, 12), r5, r5 + 8 * _size(rng, 2, 10), pool
    )


def _only(row: Array, *kept: int) -> Array:
    """The row with the channels of all other branches set to 0."""
    return np.where(np.isin(np.arange(9), [0, 1, 2, *kept]), row, 0)


def _block_cases(rng: np.random.Generator) -> list[Case]:
    return [_inception(f"a block on {n} × {n} pixels", _random_row(rng, n, n)) for n in (28, 14, 7)]


def _pointwise_branch_cases(rng: np.random.Generator) -> list[Case]:
    row = _random_row(rng, 14, 14)
    return [
        _inception("only the 1 × 1 branch", _only(row, 3)),
        _inception("only the pool branch", _only(row, 8)),
        _inception("both", _only(row, 3, 8)),
    ]


def _kernel_branch_cases(rng: np.random.Generator) -> list[Case]:
    row = _random_row(rng, 14, 14)
    return [
        _inception("only the 3 × 3 branch", _only(row, 4, 5)),
        _inception("only the 5 × 5 branch", _only(row, 6, 7)),
        _inception("both", _only(row, 4, 5, 6, 7)),
    ]


def _oblong_block_cases(rng: np.random.Generator) -> list[Case]:
    h, w = _two_sizes(rng, 4, 40)
    return [
        _inception("higher than wide", _random_row(rng, max(h, w), min(h, w))),
        _inception("wider than high", _random_row(rng, min(h, w), max(h, w))),
    ]


def _inception_naive(row):
    h, w, c, n1, _r3, n3, _r5, n5, p = row
    params = c * n1 + 9 * c * n3 + 25 * c * n5 + c * p
    return params, h * w * params


def _inception_reductions_free(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + 9 * r3 * n3 + 25 * r5 * n5 + c * p
    return params, h * w * params


def _inception_no_pool(row):
    h, w, c, n1, r3, n3, r5, n5, _p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5
    return params, h * w * params


def _inception_pool_three(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + 9 * c * p
    return params, h * w * params


def _inception_biases(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    weights = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + c * p
    return weights + n1 + r3 + n3 + r5 + n5 + p, h * w * weights


def _inception_two_operations(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + c * p
    return params, 2 * h * w * params


def _inception_kibi(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + c * p
    return params / 1024, h * w * params / 1e6


def _inception_sides(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 3 * r3 * n3 + c * r5 + 5 * r5 * n5 + c * p
    return params, h * w * params


def _inception_two_threes(row):
    h, w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 9 * r5 * n5 + 9 * n5 * n5 + c * p
    return params, h * w * params


def _inception_columns_swapped(row):
    h, w, c, n1, n3, r3, n5, r5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + c * p
    return params, h * w * params


def _inception_square(row):
    h, _w, c, n1, r3, n3, r5, n5, p = row
    params = c * n1 + c * r3 + 9 * r3 * n3 + c * r5 + 25 * r5 * n5 + c * p
    return params, h * h * params


_BLOCK_3A = _row(28, 28, 192, 64, 96, 128, 16, 32, 32)
_BLOCK_4C = _row(14, 14, 512, 128, 128, 256, 24, 64, 64)
_BLOCK_5A = _row(7, 7, 832, 256, 160, 320, 32, 128, 128)

_INCEPTION_COST = Exercise(
    "inception_cost",
    title="What an Inception block costs",
    minutes=15,
    section="efficient-models.md#the-table-row-by-row",
    parameters=("row",),
    returns=("params", "ops"),
    reference=reference.inception_cost,
    checks=(
        Check(
            "whole blocks",
            2,
            [
                _inception("block 3a of GoogLeNet", _BLOCK_3A),
                _inception("block 4c of GoogLeNet", _BLOCK_4C),
                _inception("block 5a of GoogLeNet", _BLOCK_5A),
            ],
            _block_cases,
        ),
        Check(
            "the 1 × 1 and pool branches",
            1,
            [
                _inception("only the 1 × 1 branch", _only(_BLOCK_3A, 3)),
                _inception("only the pool branch", _only(_BLOCK_3A, 8)),
                _inception("both", _only(_BLOCK_4C, 3, 8)),
            ],
            _pointwise_branch_cases,
        ),
        Check(
            "the 3 × 3 and 5 × 5 branches",
            2,
            [
                _inception("GoogLeNet's second convolution", _row(56, 56, 64, 0, 64, 192, 0, 0, 0)),
                _inception("only the 3 × 3 branch", _only(_BLOCK_3A, 4, 5)),
                _inception("only the 5 × 5 branch", _only(_BLOCK_3A, 6, 7)),
                _inception("both", _only(_BLOCK_5A, 4, 5, 6, 7)),
            ],
            _kernel_branch_cases,
        ),
        Check(
            "images that are not square",
            1,
            [
                _inception("higher than wide", _row(20, 12, 48, 16, 8, 24, 4, 12, 8)),
                _inception("wider than high", _row(3, 10, 48, 16, 8, 24, 4, 12, 8)),
            ],
            _oblong_block_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "naive-block",
            "Your 3×3 and 5×5 kernels see all input channels (the naive block): they come after "
            "their 1×1 reductions, and see r3 and r5 channels.",
            _inception_naive,
        ),
        Mistake(
            "reductions-not-counted",
            "Your function leaves the 1×1 reductions out: they have c_in·r3 and c_in·r5 weights.",
            _inception_reductions_free,
        ),
        Mistake(
            "pool-branch-missing",
            "Your function leaves the pool branch out: the maximum is free here, the 1×1 "
            "convolution after it has c_in·p weights.",
            _inception_no_pool,
        ),
        Mistake(
            "pool-with-weights",
            "Your pool branch has 3×3 kernels with weights: the 3×3 window is that of the "
            "maximum, and the convolution after it is 1×1.",
            _inception_pool_three,
        ),
        Mistake(
            "with-biases",
            "Your function counts biases, too, as torch's Conv2d has them: the course counts "
            "weights only, as the table of GoogLeNet does.",
            _inception_biases,
        ),
        Mistake(
            "two-operations-each",
            "Your function counts a multiplication and its addition as two operations, a common "
            "convention: the course, like the table of GoogLeNet, counts them as one.",
            _inception_two_operations,
        ),
        Mistake(
            "table-units",
            "Your function returns thousands (of 1024) and millions, the units of the printed "
            "table: return plain numbers of weights and operations.",
            _inception_kibi,
        ),
        Mistake(
            "sides-of-kernels",
            "Your function multiplies by 3 and 5: kernels have 9 and 25 entries.",
            _inception_sides,
        ),
        Mistake(
            "five-as-two-threes",
            "Your 5×5 branch is two 3×3 convolutions, as in the later Inception-v2: in this block "
            "it is one with 25·r5·n5 weights.",
            _inception_two_threes,
        ),
        Mistake(
            "columns-swapped",
            "Your function takes the reductions for the outputs: the row is "
            "(h, w, c_in, n1, r3, n3, r5, n5, p), each reduction before its kernels.",
            _inception_columns_swapped,
        ),
        Mistake(
            "square-image",
            "Your function uses the height for the width, too: there are h·w pixels.",
            _inception_square,
        ),
    ),
)

# --- local_matmul ----------------------------------------------------------------------------

_local = case_maker("x", "blocks")

_ROTATIONS = floats([[[0, -1], [1, 0]], [[1, 1], [0, 1]]])
_WIDE = floats([[[1, 0, 2], [0, -1, 1]], [[2, 1, 0], [1, 1, -3]]])  # two blocks, 2 × 3
_TALL = floats([[[1], [2]], [[3], [-1]], [[0.5], [4]]])  # three blocks, 2 × 1


def _vector_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _local("two blocks", rng.normal(size=6), rng.normal(size=(2, 3, 3))),
        _local("four blocks", rng.normal(size=8), rng.normal(size=(4, 2, 2))),
        _local("entries of very different size", spread(rng, 6), rng.normal(size=(3, 2, 2))),
    ]


def _batch_matmul_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _local("five inputs", rng.normal(size=(5, 6)), rng.normal(size=(2, 3, 3))),
        _local("a 3-d batch", rng.normal(size=(2, 3, 8)), rng.normal(size=(4, 2, 2))),
        _local("a batch of one", rng.normal(size=(1, 9)), rng.normal(size=(3, 3, 3))),
    ]


def _oblong_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _local("fewer outputs than inputs", rng.normal(size=(4, 8)), rng.normal(size=(2, 3, 4))),
        _local("more outputs than inputs", rng.normal(size=(4, 6)), rng.normal(size=(3, 5, 2))),
        _local("one output a block", rng.normal(size=6), rng.normal(size=(2, 1, 3))),
    ]


def _local_layout_cases(rng: np.random.Generator) -> list[Case]:
    x, blocks = rng.normal(size=(3, 6)), rng.normal(size=(2, 3, 3))
    return [
        _local("one block (a dense layer)", x, rng.normal(size=(1, 6, 6))),
        _local("read-only arrays", readonly(x), readonly(blocks)),
        _local("arrays that skip memory", strided(x), strided(blocks)),
        _local("arrays stored by columns", column_major(x), column_major(blocks)),
        _local("inputs zero", np.zeros((2, 6)), blocks),
    ]


def _local_transposed(x, blocks):
    count = len(blocks)
    pieces = np.split(x, count, axis=-1)
    return np.concatenate([pieces[b] @ blocks[b] for b in range(count)], axis=-1)


def _local_summed(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    return sum(piece @ W.T for piece, W in zip(pieces, blocks, strict=False))


def _local_first_block(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    return np.concatenate([piece @ blocks[0].T for piece in pieces], axis=-1)


def _local_interleaved_input(x, blocks):
    count = len(blocks)
    return np.concatenate([x[..., b::count] @ blocks[b].T for b in range(count)], axis=-1)


def _local_interleaved_output(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    y = np.stack([piece @ W.T for piece, W in zip(pieces, blocks, strict=False)], axis=-1)
    return y.reshape(*x.shape[:-1], -1)


def _local_not_joined(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    return np.stack([piece @ W.T for piece, W in zip(pieces, blocks, strict=False)], axis=-2)


def _local_reversed(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    return np.concatenate([p @ W.T for p, W in zip(pieces, blocks[::-1], strict=False)], axis=-1)


def _local_outputs_reversed(x, blocks):
    pieces = np.split(x, len(blocks), axis=-1)
    return np.concatenate([p @ W.T for p, W in zip(pieces, blocks, strict=False)][::-1], axis=-1)


def _local_everywhere(x, blocks):
    total = x.reshape(*x.shape[:-1], len(blocks), -1).sum(axis=-2)
    return np.concatenate([total @ W.T for W in blocks], axis=-1)


_LOCAL_MATMUL = Exercise(
    "local_matmul",
    title="A layer that splits over machines",
    minutes=15,
    section="efficient-models.md#blocks-divide-both-bills",
    parameters=("x", "blocks"),
    returns=("y",),
    reference=reference.local_matmul,
    checks=(
        Check(
            "one input",
            1,
            [
                _local("two blocks", floats([1, 2, 3, 4]), _ROTATIONS),
                _local(
                    "three blocks",
                    floats([1, 2, 3, 4, 5, 6]),
                    floats([[[1, 2], [3, 4]], [[0, 1], [-1, 0]], [[2, 0], [1, 3]]]),
                ),
                _local("entries of very different size", floats([1e3, 1e-8, 0, -1]), _ROTATIONS),
            ],
            _vector_cases,
        ),
        Check(
            "a batch of inputs",
            2,
            [
                _local(
                    "three inputs", floats([[1, 2, 3, 4], [0, 1, -1, 2], [5, 0, 0, 1]]), _ROTATIONS
                ),
                _local("a 3-d batch", np.arange(16.0).reshape(2, 2, 4) - 5, _ROTATIONS),
                _local("a batch of one", floats([[1, -2, 3, 0.5]]), _ROTATIONS),
            ],
            _batch_matmul_cases,
        ),
        Check(
            "blocks that are not square",
            1,
            [
                _local(
                    "fewer outputs than inputs",
                    floats([[1, 2, 3, 4, 5, 6], [0, 1, 0, -1, 2, 1]]),
                    _WIDE,
                ),
                _local("more outputs than inputs", floats([[1, 2, 3], [4, -1, 2]]), _TALL),
                _local("one output a block", floats([1, 2, 3, 5]), floats([[[1, 2]], [[3, -1]]])),
            ],
            _oblong_cases,
        ),
        Check(
            "one block, and memory layouts",
            1,
            [
                _local(
                    "one block (a dense layer)",
                    floats([[1, 2], [3, 4]]),
                    floats([[[1, 2], [0, 3]]]),
                ),
                _local("read-only arrays", readonly([[1, 2, 3, 4]]), readonly(_ROTATIONS)),
                _local("arrays that skip memory", strided([[1, 2, 3, 4]]), strided(_ROTATIONS)),
                _local(
                    "arrays stored by columns",
                    column_major([[1, 2, 3, 4], [4, 3, 1, 2]]),
                    column_major(_ROTATIONS),
                ),
                _local("inputs zero", np.zeros((2, 4)), _ROTATIONS),
            ],
            _local_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "transposed-blocks",
            "Your function multiplies by the blocks' transposes: a piece of one input is W_b x_b, "
            "which for rows of a batch is `piece @ blocks[b].T`.",
            _local_transposed,
        ),
        Mistake(
            "summed",
            "Your function adds the blocks' outputs: they are different outputs, so put them one "
            "after the other.",
            _local_summed,
        ),
        Mistake(
            "first-block-only",
            "Your function uses the first block for every piece: the b-th piece has block b.",
            _local_first_block,
        ),
        Mistake(
            "interleaved-inputs",
            "Your function takes every G-th entry of x for a piece: a piece is m neighbouring "
            "entries.",
            _local_interleaved_input,
        ),
        Mistake(
            "interleaved-outputs",
            "Your outputs are in the order first of each block, second of each block, …: the "
            "outputs of a block stay together.",
            _local_interleaved_output,
        ),
        Mistake(
            "not-joined",
            "Your function keeps an axis for the blocks: join it with the last, so that the result "
            "has the shape (..., G·n).",
            _local_not_joined,
        ),
        Mistake(
            "blocks-reversed",
            "Your function takes the blocks in the opposite order: the first piece has the first "
            "block.",
            _local_reversed,
        ),
        Mistake(
            "outputs-reversed",
            "Your function joins the outputs in the opposite order: the first block's come first.",
            _local_outputs_reversed,
        ),
        Mistake(
            "blocks-see-all-pieces",
            "Your blocks all see the sum of the pieces, so every machine needs every input: block "
            "b sees piece b only.",
            _local_everywhere,
        ),
    ),
)

# --- data_parallel_gradient ------------------------------------------------------------------

_shards = case_maker("shards")


def _split(gradients: Array, *sizes: int) -> list[tuple[Array, int]]:
    """Shards of a batch with these gradients of single examples: mean gradient and size."""
    ends = np.cumsum(sizes)
    return [
        (gradients[end - n : end].mean(axis=0) if n else np.zeros(gradients.shape[1:]), n)
        for end, n in zip(ends, sizes, strict=True)
    ]


def _equal_shards(rng: np.random.Generator) -> list[Case]:
    return [
        _shards("two workers", [(rng.normal(size=3), 4), (rng.normal(size=3), 4)]),
        _shards("five workers", [(rng.normal(size=(2, 2)), 32) for _ in range(5)]),
        _shards("gradients of very different size", [(spread(rng, 4), 2) for _ in range(3)]),
    ]


def _unequal_shards(rng: np.random.Generator) -> list[Case]:
    sizes = [int(n) for n in rng.permutation(np.arange(2, 40))[:4]]
    return [
        _shards("two workers", [(rng.normal(size=3), sizes[0]), (rng.normal(size=3), sizes[1])]),
        _shards("four workers", [(rng.normal(size=(2, 3)), n) for n in sizes]),
        _shards("a 3-d gradient", [(rng.normal(size=(2, 1, 3)), n) for n in sizes[:3]]),
        _shards("a single number (0-d)", [(floats(rng.normal()), n) for n in sizes[:3]]),
        _shards("gradients of very different size", [(spread(rng, 5), n) for n in sizes]),
        _shards(
            "read-only and strided gradients",
            [(readonly(rng.normal(size=4)), sizes[0]), (strided(rng.normal(size=4)), sizes[1])],
        ),
    ]


def _edge_shards(rng: np.random.Generator) -> list[Case]:
    n = _size(rng, 3, 20)
    return [
        _shards("one worker", [(rng.normal(size=3), n)]),
        _shards(
            "a worker without examples",
            [(rng.normal(size=2), n), (np.zeros(2), 0), (rng.normal(size=2), n + 2)],
        ),
        _shards("a worker with one example", [(rng.normal(size=2), 1), (rng.normal(size=2), n)]),
    ]


def _resplit_shards(rng: np.random.Generator) -> list[Case]:
    small, large = rng.normal(size=(12, 3)), rng.normal(size=(30, 2, 2))
    cut = _size(rng, 3, 9)
    return [
        _shards("twelve examples", _split(small, cut, 12 - cut)),
        _shards("the same, split another way", _split(small, 2, 1, 9)),
        _shards("thirty examples", _split(large, 20, 4, 6)),
        _shards("the same, in another order", _split(large, 20, 4, 6)[::-1]),
    ]


def _shards_unweighted(shards):
    return sum(gradient for gradient, n in shards) / len(shards)


def _shards_summed(shards):
    return sum(gradient for gradient, n in shards)


def _shards_weighted_sum(shards):
    return sum(n * gradient for gradient, n in shards)


def _shards_over_workers(shards):
    return sum(n * gradient for gradient, n in shards) / len(shards)


def _shards_sums_taken(shards):
    return sum(gradient for gradient, n in shards) / sum(n for gradient, n in shards)


def _shards_one_less(shards):
    weights = np.array([max(n - 1, 0) for gradient, n in shards])
    gradients = np.array([gradient for gradient, n in shards])
    return np.tensordot(weights, gradients, 1) / weights.sum()


def _shards_inverse(shards):
    weights = np.array([1 / n if n else 0 for gradient, n in shards])
    gradients = np.array([gradient for gradient, n in shards])
    return np.tensordot(weights, gradients, 1) / weights.sum()


def _shards_pairwise(shards):
    result, _n = shards[0]
    for gradient, _m in shards[1:]:
        result = (result + gradient) / 2
    return result


def _shards_first(shards):
    return 1.0 * shards[0][0]


def _shards_in_place(shards):
    total = shards[0][0]
    total *= shards[0][1]
    for gradient, n in shards[1:]:
        total += n * gradient
    total /= sum(n for gradient, n in shards)
    return total


_TWELVE = floats([[k % 5 - 1, k * k % 7] for k in range(12)])

_DATA_PARALLEL = Exercise(
    "data_parallel_gradient",
    title="One gradient from many workers",
    minutes=10,
    section="sgd.md#how-large-a-batch",
    parameters=("shards",),
    returns=("grad",),
    reference=reference.data_parallel_gradient,
    checks=(
        Check(
            "shards of equal size",
            1,
            [
                _shards("two workers", [(floats([1, -2, 4]), 4), (floats([3, 0, -1]), 4)]),
                _shards("three workers", [(floats([[k, 1], [2, -k]]), 32) for k in (1, 2, 5)]),
                _shards(
                    "gradients of very different size",
                    [(floats([1e3, 1e-8, 0]), 2), (floats([-1, 3e-8, 2]), 2)],
                ),
            ],
            _equal_shards,
        ),
        Check(
            "shards of different size",
            2,
            [
                _shards("two workers", [(floats([1, -2, 4]), 1), (floats([3, 0, -1]), 3)]),
                _shards(
                    "four workers",
                    [
                        (floats([[k, 1], [2, -k]]), n)
                        for k, n in ((1, 32), (2, 32), (5, 32), (3, 7))
                    ],
                ),
                _shards("a 3-d gradient", [(floats([[[1, 2]]]), 2), (floats([[[3, -1]]]), 5)]),
                _shards("a single number (0-d)", [(floats(2), 3), (floats(-1), 9)]),
                _shards("read-only gradients", [(readonly([2, 1]), 3), (readonly([0, 4]), 8)]),
            ],
            _unequal_shards,
        ),
        Check(
            "one worker, and none to do",
            1,
            [
                _shards("one worker", [(floats([1, -2]), 5)]),
                _shards(
                    "a worker without examples",
                    [(floats([1, -2]), 3), (floats([0, 0]), 0), (floats([3, 1]), 5)],
                ),
                _shards("a worker with one example", [(floats([1, -2]), 1), (floats([3, 1]), 6)]),
            ],
            _edge_shards,
        ),
        Check(
            "any split gives the same",
            1,
            [
                _shards("twelve examples", _split(_TWELVE, 4, 8)),
                _shards("the same, split another way", _split(_TWELVE, 2, 1, 9)),
                _shards("in another order", _split(_TWELVE, 2, 1, 9)[::-1]),
                _shards("on one worker", _split(_TWELVE, 12)),
            ],
            _resplit_shards,
            relation="splits_agree",
        ),
    ),
    mistakes=(
        Mistake(
            "unweighted-mean",
            "Your function gives every worker the same weight, as torch's DistributedDataParallel "
            "does: with shards of different size weigh each gradient by its n.",
            _shards_unweighted,
        ),
        Mistake(
            "sum-of-means",
            "Your function adds the workers' gradients: the result grows with the number of "
            "workers; take the mean over all examples.",
            _shards_summed,
        ),
        Mistake(
            "weighted-sum",
            "Your function is the gradient of the summed loss, Σ n_k g_k: divide by the number of "
            "all examples.",
            _shards_weighted_sum,
        ),
        Mistake(
            "divided-by-workers",
            "Your function divides Σ n_k g_k by the number of workers: divide by the number of "
            "examples, Σ n_k.",
            _shards_over_workers,
        ),
        Mistake(
            "sums-expected",
            "Your function divides Σ g_k by Σ n_k, which is right for summed gradients: these are "
            "means, so multiply each by its n first.",
            _shards_sums_taken,
        ),
        Mistake(
            "one-less",
            "Your function weighs with n − 1, as in an unbiased variance: a mean over n examples "
            "has weight n.",
            _shards_one_less,
        ),
        Mistake(
            "inverse-weights",
            "Your function weighs with 1/n, so the smallest shard counts most: weigh with n.",
            _shards_inverse,
        ),
        Mistake(
            "means-of-means",
            "Your function averages with one worker after the other, so the last counts as much as "
            "all before it: add n_k g_k over all, then divide once.",
            _shards_pairwise,
        ),
        Mistake(
            "first-worker-only",
            "Your function returns the first worker's gradient: use all of them.",
            _shards_first,
        ),
        Mistake(
            "in-place",
            "Your function adds up in the first worker's array (`*=` and `+=` change it in place): "
            "start from a new array.",
            _shards_in_place,
        ),
    ),
)

# --- stale_sgd -------------------------------------------------------------------------------

_stale = case_maker("grads", "delay", "lr")


def _no_delay_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _stale("five gradients", rng.normal(size=(5, 3)), 0, float(rng.uniform(0.05, 0.5))),
        _stale("of very different size", spread(rng, 6, 2), 0, float(rng.uniform(0.05, 0.5))),
        _stale("rate zero", rng.normal(size=(3, 2)), 0, 0.0),
    ]


def _delay_cases(rng: np.random.Generator) -> list[Case]:
    rate = float(rng.uniform(0.05, 0.5))
    return [
        _stale("one update late", rng.normal(size=(5, 3)), 1, rate),
        _stale("two updates late", rng.normal(size=(7, 2)), 2, rate),
        _stale("three updates late", rng.normal(size=(6, 2)), 3, rate),
        _stale("of very different size", spread(rng, 8, 3), 2, rate),
    ]


def _long_delay_cases(rng: np.random.Generator) -> list[Case]:
    rate = float(rng.uniform(0.05, 0.5))
    return [
        _stale("only the first arrives", rng.normal(size=(4, 2)), 3, rate),
        _stale("none arrives", rng.normal(size=(4, 2)), 4, rate),
        _stale("a delay beyond the end", rng.normal(size=(3, 2)), _size(rng, 5, 9), rate),
        _stale("rate zero", rng.normal(size=(4, 2)), 2, 0.0),
    ]


def _stale_layout_cases(rng: np.random.Generator) -> list[Case]:
    rate = float(rng.uniform(0.05, 0.5))
    grads = rng.normal(size=(5, 2, 3))
    return [
        _stale("one number a gradient (0-d)", rng.normal(size=6), 2, rate),
        _stale("2-d gradients", grads, 2, rate),
        _stale("3-d gradients", rng.normal(size=(4, 2, 1, 2)), 2, rate),
        _stale("a read-only array", readonly(grads), 2, rate),
        _stale("an array that skips memory", strided(grads), 2, rate),
        _stale("an array stored by columns", column_major(grads), 2, rate),
    ]


def _stale_fresh(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        theta = theta - lr * grads[t]
        rows.append(theta)
    return np.array(rows)


def _stale_one_more(grads, delay, lr):
    delay = delay + 1
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t >= delay:
            theta = theta - lr * grads[t - delay]
        rows.append(theta)
    return np.array(rows)


def _stale_one_less(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t + 1 >= delay:
            theta = theta - lr * grads[min(t, t + 1 - delay)]
        rows.append(theta)
    return np.array(rows)


def _stale_strictly_after(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t > delay:
            theta = theta - lr * grads[t - delay]
        rows.append(theta)
    return np.array(rows)


def _stale_wrapped(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        theta = theta - lr * grads[(t - delay) % len(grads)]
        rows.append(theta)
    return np.array(rows)


def _stale_first_repeated(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        theta = theta - lr * grads[max(t - delay, 0)]
        rows.append(theta)
    return np.array(rows)


def _stale_fresh_while_waiting(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        theta = theta - lr * grads[t - delay if t >= delay else t]
        rows.append(theta)
    return np.array(rows)


def _stale_uphill(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t >= delay:
            theta = theta + lr * grads[t - delay]
        rows.append(theta)
    return np.array(rows)


def _stale_no_start(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = []
    for t in range(len(grads)):
        if t >= delay:
            theta = theta - lr * grads[t - delay]
        rows.append(theta)
    return np.array(rows)


def _stale_flushed(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t >= delay:
            theta = theta - lr * grads[t - delay]
        rows.append(theta)
    waiting = grads[max(len(grads) - delay, 0) :]
    rows[-1] = theta - lr * waiting.sum(axis=0)
    return np.array(rows)


def _stale_smaller_rate(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    rows = [theta]
    for t in range(len(grads)):
        if t >= delay:
            theta = theta - lr / max(delay, 1) * grads[t - delay]
        rows.append(theta)
    return np.array(rows)


def _stale_steps_only(grads, delay, lr):
    rows = [np.zeros_like(grads[0])]
    for t in range(len(grads)):
        rows.append(-lr * grads[t - delay] if t >= delay else np.zeros_like(grads[0]))
    return np.array(rows)


def _stale_last_only(grads, delay, lr):
    theta = np.zeros_like(grads[0])
    for t in range(delay, len(grads)):
        theta = theta - lr * grads[t - delay]
    return theta


_FIVE = floats([[1, -2], [0, 4], [3, 1], [-1, 0.5], [2, 2]])

_STALE_SGD = Exercise(
    "stale_sgd",
    title="Gradients that arrive late",
    minutes=15,
    section="learning-as-optimization.md#inexact-gradients",
    parameters=("grads", "delay", "lr"),
    returns=("trajectory",),
    reference=reference.stale_sgd,
    checks=(
        Check(
            "no delay",
            1,
            [
                _stale("five gradients", _FIVE, 0, 0.1),
                _stale("of very different size", floats([[1e3, 1e-8], [0, -2], [1e-3, 5]]), 0, 0.5),
                _stale("rate zero", _FIVE, 0, 0.0),
            ],
            _no_delay_cases,
        ),
        Check(
            "a few updates late",
            2,
            [
                _stale("one update late", _FIVE, 1, 0.1),
                _stale("two updates late", _FIVE, 2, 0.1),
                _stale("three updates late", _FIVE, 3, 0.5),
            ],
            _delay_cases,
        ),
        Check(
            "long delays",
            1,
            [
                _stale("only the first arrives", _FIVE, 4, 0.1),
                _stale("none arrives", _FIVE, 5, 0.1),
                _stale("a delay beyond the end", _FIVE, 8, 0.1),
                _stale("rate zero", _FIVE, 2, 0.0),
            ],
            _long_delay_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _stale("one number a gradient (0-d)", floats([1, -2, 3, 5]), 2, 0.1),
                _stale("2-d gradients", np.arange(16.0).reshape(4, 2, 2) - 5, 2, 0.1),
                _stale("a read-only array", readonly(_FIVE), 2, 0.1),
                _stale("an array that skips memory", strided(_FIVE), 2, 0.1),
            ],
            _stale_layout_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "delay-ignored",
            "Your function uses every gradient at once, which is SGD without a delay: update t "
            "uses the gradient number t − τ.",
            _stale_fresh,
        ),
        Mistake(
            "one-update-too-late",
            "Your gradients arrive one update too late: with τ = 0 update t uses gradient t.",
            _stale_one_more,
        ),
        Mistake(
            "one-update-too-early",
            "Your gradients arrive one update too early: with τ = 1 the first update has none yet.",
            _stale_one_less,
        ),
        Mistake(
            "first-gradient-lost",
            "Your function never uses the first gradient: it arrives at t = τ, so compare with "
            "t >= delay.",
            _stale_strictly_after,
        ),
        Mistake(
            "wrapped-around",
            "Your index t − τ is negative at first and so counts from the end: gradients that "
            "nobody has computed yet; skip these updates.",
            _stale_wrapped,
        ),
        Mistake(
            "first-gradient-repeated",
            "Your function uses the first gradient again and again while waiting: nothing has "
            "arrived before t = τ, so θ stays where it is.",
            _stale_first_repeated,
        ),
        Mistake(
            "fresh-while-waiting",
            "Your function uses fresh gradients in the first τ updates, and then again: nothing "
            "has arrived before t = τ, so θ stays where it is.",
            _stale_fresh_while_waiting,
        ),
        Mistake(
            "wrong-sign",
            "Your function adds the gradients, uphill: subtract α g.",
            _stale_uphill,
        ),
        Mistake(
            "start-missing",
            "Your trajectory begins after the first update: its first row is the start, zero, and "
            "it has T + 1 rows.",
            _stale_no_start,
        ),
        Mistake(
            "flushed-at-the-end",
            "Your function adds the gradients still under way to the last row: they never arrive.",
            _stale_flushed,
        ),
        Mistake(
            "rate-divided-by-delay",
            "Your function divides the rate by the delay, as staleness-aware SGD does (Zhang et "
            "al. 2016): the course leaves the rate as it is.",
            _stale_smaller_rate,
        ),
        Mistake(
            "steps-not-summed",
            "Your rows are single steps: a row is the sum of all steps up to it.",
            _stale_steps_only,
        ),
        Mistake(
            "last-point-only",
            "Your function returns the last point: return all T + 1 of them as rows.",
            _stale_last_only,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps11-at-scale",
    title="Large networks and many machines",
    exercises=(_CONV_COST, _INCEPTION_COST, _LOCAL_MATMUL, _DATA_PARALLEL, _STALE_SGD),
    written=(Written("more_workers", 4),),
)
