"""What an Inception block costs."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker

from .sizes import size, two_sizes

case = case_maker("row")


def row(*numbers: int) -> Array:
    return np.array(numbers, dtype=np.int64)


BLOCK_3A = row(28, 28, 192, 64, 96, 128, 16, 32, 32)
BLOCK_4C = row(14, 14, 512, 128, 128, 256, 24, 64, 64)
BLOCK_5A = row(7, 7, 832, 256, 160, 320, 32, 128, 128)


def drawn(rng: Rng, h: int, w: int) -> Array:
    """A block with widths like those of GoogLeNet: reductions are narrower than their input."""
    c_in = 16 * size(rng, 12, 52)
    n1, p = 16 * size(rng, 4, 24), 8 * size(rng, 4, 16)
    r3, r5 = 16 * size(rng, 6, 12), 8 * size(rng, 2, 6)
    return row(h, w, c_in, n1, r3, r3 + 16 * size(rng, 2, 12), r5, r5 + 8 * size(rng, 2, 10), p)


# makes numbers of channels odd: then neither float32 nor int32 has the digits for all operations
ODD = row(0, 0, 1, 1, 1, 1, 1, 1, 0)


def only(block: Array, *kept: int) -> Array:
    """The row with the channels of all other branches set to 0."""
    return np.where(np.isin(np.arange(9), [0, 1, 2, *kept]), block, 0)


def pointwise(block: Array) -> list[Case]:
    return [
        case("only the 1 × 1 branch", only(block, 3)),
        case("only the pool branch", only(block, 8)),
        case("both", only(block, 3, 8)),
        case("more weights than int32 holds", row(1, 1, 50000 + block[2], 50257, *[0] * 5)),
    ]


def kernels(block: Array) -> list[Case]:
    return [
        case("only the 3 × 3 branch", only(block, 4, 5)),
        case("only the 5 × 5 branch", only(block, 6, 7)),
        case("both", only(block, 4, 5, 6, 7)),
    ]


def oblong(rng: Rng, *sides: int) -> list[Case]:
    return [
        case("a large image, odd numbers of channels", drawn(rng, 225, 223) + ODD),
        case("higher than wide", drawn(rng, max(sides), min(sides))),
        case("wider than high", drawn(rng, min(sides), max(sides))),
    ]


EXERCISE = Exercise(
    "inception_cost",
    title="What an Inception block costs",
    minutes=15,
    section="efficient-models.md#the-table-row-by-row",
    parameters=("row",),
    returns=("params", "ops"),
    reference=reference.inception_cost,
    checks={
        "whole blocks": Check(
            points=2,
            public=[
                case("block 3a of GoogLeNet", BLOCK_3A),
                case("block 4c of GoogLeNet", BLOCK_4C),
                case("block 5a of GoogLeNet", BLOCK_5A),
            ],
            held_out=lambda rng: [
                case(f"a block on {n} × {n} pixels", drawn(rng, n, n)) for n in (28, 14, 7)
            ],
        ),
        "the 1 × 1 and pool branches": Check(
            points=1,
            public=[
                case("only the 1 × 1 branch", only(BLOCK_3A, 3)),
                case("only the pool branch", only(BLOCK_3A, 8)),
                case("both", only(BLOCK_4C, 3, 8)),
                case("more weights than int32 holds", row(1, 1, 50257, 50257, 0, 0, 0, 0, 0)),
            ],
            held_out=lambda rng: pointwise(drawn(rng, 14, 14)),
        ),
        "the 3 × 3 and 5 × 5 branches": Check(
            points=2,
            public=[
                case("GoogLeNet's second convolution", row(56, 56, 64, 0, 64, 192, 0, 0, 0)),
                case("only the 3 × 3 branch", only(BLOCK_3A, 4, 5)),
                case("only the 5 × 5 branch", only(BLOCK_3A, 6, 7)),
                case("both", only(BLOCK_5A, 4, 5, 6, 7)),
            ],
            held_out=lambda rng: kernels(drawn(rng, 14, 14)),
        ),
        "images that are not square": Check(
            points=1,
            public=[
                case("higher than wide", row(20, 12, 48, 16, 8, 24, 4, 12, 8)),
                case("wider than high", row(3, 10, 48, 16, 8, 24, 4, 12, 8)),
                case(
                    "a large image, odd numbers of channels",
                    row(225, 223, 193, 65, 97, 129, 17, 33, 32),
                ),
            ],
            held_out=lambda rng: oblong(rng, *two_sizes(rng, 4, 40)),
            rtol=1e-9,
        ),
    },
    mistakes={
        "naive-block": edit(
            "Your 3×3 and 5×5 kernels see all input channels (the naive block): they come after "
            "their 1×1 reductions, and see r3 and r5 channels.",
            ("c_in * r3 + 9 * r3", "9 * c_in"),
            ("c_in * r5 + 25 * r5", "25 * c_in"),
        ),
        "reductions-not-counted": edit(
            "Your function leaves the 1×1 reductions out: they are convolutions with weights of "
            "their own.",
            ("c_in * r3 + ", ""),
            ("c_in * r5 + ", ""),
        ),
        "pool-branch-missing": edit(
            "Your function leaves the pool branch out: the maximum is free here, the 1×1 "
            "convolution after it has weights that count.",
            (" + c_in * p", ""),
        ),
        "pool-with-weights": edit(
            "Your pool branch has 3×3 kernels with weights: the 3×3 window is that of the "
            "maximum, and the convolution after it is 1×1.",
            ("c_in * p", "9 * c_in * p"),
        ),
        "with-biases": edit(
            "Your function counts biases, too, as torch's Conv2d has them: the course counts "
            "weights only, as the table of GoogLeNet does.",
            ("return params", "return params + n1 + r3 + n3 + r5 + n5 + p"),
        ),
        "two-operations-each": edit(
            "Your function counts a multiplication and its addition as two operations, a common "
            "convention: the course, like the table of GoogLeNet, counts them as one.",
            ("h * w", "2 * h * w"),
        ),
        "table-units": edit(
            "Your function returns thousands (of 1024) and millions, the units of the printed "
            "table: return plain numbers of weights and operations.",
            ("params, h * w * params", "params / 1024, h * w * params / 1e6"),
        ),
        "sides-of-kernels": edit(
            "Your function multiplies by 3 and 5: kernels have 9 and 25 entries.",
            ("9 *", "3 *"),
            ("25 *", "5 *"),
        ),
        "five-as-two-threes": edit(
            "Your 5×5 branch is two 3×3 convolutions, as in the later Inception-v2: in this block "
            "it is a single one.",
            ("25 * r5 * n5", "9 * r5 * n5 + 9 * n5 * n5"),
        ),
        "columns-swapped": edit(
            "Your function takes the reductions for the outputs: the row is "
            "(h, w, c_in, n1, r3, n3, r5, n5, p), each reduction before its kernels.",
            ("r3, n3, r5, n5, p = row", "n3, r3, n5, r5, p = row"),
        ),
        "square-image": edit(
            "Your function uses the height for the width, too: there are h·w pixels.",
            ("h * w", "h * h"),
        ),
    },
)
