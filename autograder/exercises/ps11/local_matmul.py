"""A layer that splits over machines."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts, spread

case = case_maker("x", "blocks")

ROTATIONS = floats([[[0, -1], [1, 0]], [[1, 1], [0, 1]]])
THREE = [[[1, 2], [3, 4]], [[0, 1], [-1, 0]], [[2, 0], [1, 3]]]
WIDE = [[[1, 0, 2], [0, -1, 1]], [[2, 1, 0], [1, 1, -3]]]  # two blocks, 2 × 3
TALL = [[[1], [2]], [[3], [-1]], [[0.5], [4]]]  # three blocks, 2 × 1


def drawn(rng: Rng, x: tuple[int, ...], blocks: tuple[int, ...]) -> tuple[Array, Array]:
    """Inputs and blocks of these shapes."""
    return rng.normal(size=x), rng.normal(size=blocks)


def in_memory(rng: Rng, x: Array, blocks: Array) -> list[Case]:
    given = (x, blocks)
    return [
        case("one block (a dense layer)", x, rng.normal(size=(1, 6, 6))),
        *layouts(case, readonly=given, strided=given, column_major=given),
        case("inputs zero", np.zeros((2, 6)), blocks),
    ]


EXERCISE = Exercise(
    "local_matmul",
    title="A layer that splits over machines",
    minutes=15,
    section="efficient-models.md#blocks-divide-both-bills",
    parameters=("x", "blocks"),
    returns=("y",),
    reference=reference.local_matmul,
    checks={
        "one input": Check(
            points=1,
            public=[
                case("two blocks", [1, 2, 3, 4], ROTATIONS),
                case("three blocks", [1, 2, 3, 4, 5, 6], THREE),
                case("entries of very different size", [1e3, 1e-8, 0, -1], ROTATIONS),
            ],
            held_out=lambda rng: [
                case("two blocks", *drawn(rng, (6,), (2, 3, 3))),
                case("four blocks", *drawn(rng, (8,), (4, 2, 2))),
                case("entries of very different size", spread(rng, 6), rng.normal(size=(3, 2, 2))),
            ],
        ),
        "a batch of inputs": Check(
            points=2,
            public=[
                case("three inputs", [[1, 2, 3, 4], [0, 1, -1, 2], [5, 0, 0, 1]], ROTATIONS),
                case("a 3-d batch", np.arange(16.0).reshape(2, 2, 4) - 5, ROTATIONS),
                case("a batch of one", [[1, -2, 3, 0.5]], ROTATIONS),
            ],
            held_out=lambda rng: [
                case("five inputs", *drawn(rng, (5, 6), (2, 3, 3))),
                case("a 3-d batch", *drawn(rng, (2, 3, 8), (4, 2, 2))),
                case("a batch of one", *drawn(rng, (1, 9), (3, 3, 3))),
            ],
        ),
        "blocks that are not square": Check(
            points=1,
            public=[
                case("fewer outputs than inputs", [[1, 2, 3, 4, 5, 6], [0, 1, 0, -1, 2, 1]], WIDE),
                case("more outputs than inputs", [[1, 2, 3], [4, -1, 2]], TALL),
                case("one output a block", [1, 2, 3, 5], [[[1, 2]], [[3, -1]]]),
            ],
            held_out=lambda rng: [
                case("fewer outputs than inputs", *drawn(rng, (4, 8), (2, 3, 4))),
                case("more outputs than inputs", *drawn(rng, (4, 6), (3, 5, 2))),
                case("one output a block", *drawn(rng, (6,), (2, 1, 3))),
            ],
        ),
        "one block, and memory layouts": Check(
            points=1,
            public=[
                case("one block (a dense layer)", [[1, 2], [3, 4]], [[[1, 2], [0, 3]]]),
                *layouts(
                    case,
                    readonly=(floats([[1, 2, 3, 4]]) / 3, ROTATIONS),
                    strided=([[1, 2, 3, 4]], ROTATIONS),
                    column_major=([[1, 2, 3, 4], [4, 3, 1, 2]], ROTATIONS),
                ),
                case("inputs zero", np.zeros((2, 4)), ROTATIONS),
            ],
            held_out=lambda rng: in_memory(rng, *drawn(rng, (3, 6), (2, 3, 3))),
        ),
    },
    mistakes={
        "transposed-blocks": edit(
            "Your function multiplies by the blocks' transposes: a piece of one input is W_b x_b, "
            "and the pieces of a batch are rows.",
            ("block.T", "block"),
        ),
        "summed": edit(
            "Your function adds the blocks' outputs: they are different outputs, so put them one "
            "after the other.",
            ("np.concatenate(outputs, axis=-1)", "sum(outputs)"),
        ),
        "first-block-only": edit(
            "Your function uses the first block for every piece: the b-th piece has block b.",
            ("block.T", "blocks[0].T"),
        ),
        "interleaved-inputs": edit(
            "Your function takes every G-th entry of x for a piece: a piece is m neighbouring "
            "entries.",
            (
                "np.split(x, len(blocks), axis=-1)",
                "[x[..., b :: len(blocks)] for b in range(len(blocks))]",
            ),
        ),
        "interleaved-outputs": edit(
            "Your outputs are in the order first of each block, second of each block, …: the "
            "outputs of a block stay together.",
            (
                "np.concatenate(outputs, axis=-1)",
                "np.stack(outputs, axis=-1).reshape(*x.shape[:-1], -1)",
            ),
        ),
        "not-joined": edit(
            "Your function keeps an axis for the blocks: join it with the last, so that the result "
            "has the shape (..., G·n).",
            ("np.concatenate(outputs, axis=-1)", "np.stack(outputs, axis=-2)"),
        ),
        "blocks-reversed": edit(
            "Your function takes the blocks in the opposite order: the first piece has the first "
            "block.",
            ("blocks, strict", "blocks[::-1], strict"),
        ),
        "outputs-reversed": edit(
            "Your function joins the outputs in the opposite order: the first block's come first.",
            ("outputs, axis", "outputs[::-1], axis"),
        ),
        "blocks-see-all-pieces": edit(
            "Your blocks all see the sum of the pieces, so every machine needs every input: block "
            "b sees piece b only.",
            ("piece @ block", "sum(pieces) @ block"),
        ),
    },
)
