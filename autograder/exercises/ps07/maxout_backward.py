"""The gradient of maxout."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    column_major,
    readonly,
    spread,
    strided,
)

from .signs import table

case = case_maker("winner", "pieces", "grad_out")

OF_TWO, OF_THREE = np.array([[1, 0, 1], [0, 0, 1]]), np.array([[2, 0], [1, 2]])


def winners(rng: Rng, pieces: int, *shape: int) -> Array:
    """Random winners; every piece wins somewhere if there is room for it."""
    size = int(np.prod(shape))
    return np.asarray(rng.permutation(np.arange(size) % pieces).reshape(shape))


@mistake
def to_all_pieces(winner, pieces, grad_out):
    """Your function gives the gradient to all pieces of a unit: only the winner moved the output,
    the others get 0."""
    return np.repeat(grad_out, pieces, axis=-1)


@mistake
def shared_out(winner, pieces, grad_out):
    """Your function shares the gradient out among the pieces, as an average would: the winner gets
    all of it."""
    return np.repeat(grad_out, pieces, axis=-1) / pieces


@mistake
def to_distant_pieces(winner, pieces, grad_out):
    """Your function lays the pieces of a unit far apart (0, u, 2u, …): in the course they are
    neighbours, unit j has jk … jk + k − 1."""
    won = winner[..., None, :] == np.arange(pieces)[:, None]
    return (won * grad_out[..., None, :]).reshape(*grad_out.shape[:-1], -1)


@mistake
def winner_as_position(winner, pieces, grad_out):
    """Your function takes the winner for a position in x: it counts within its group, so the
    position is j·pieces + winner."""
    grads = np.zeros((*grad_out.shape[:-1], grad_out.shape[-1] * pieces))
    np.put_along_axis(grads, winner, grad_out, axis=-1)
    return grads


EXERCISE = Exercise(
    "maxout_backward",
    title="The gradient of maxout",
    minutes=10,
    section="activations.md#the-variants",
    parameters=("winner", "pieces", "grad_out"),
    returns=("grad_x",),
    reference=reference.maxout_backward,
    checks={
        "the winner takes it all": Check(
            points=2,
            public=[
                case("groups of two", OF_TWO, 2, [[5, -6, 7], [-8, 9, 10]]),
                case("groups of three", OF_THREE, 3, [[5, -6], [7, -8]]),
                case(
                    "gradients from 1e-8 to 1000",
                    *(np.array([[1, 0, 1, 0]]), 2, [[1e-8, -1e3, 30, -1e-8]]),
                ),
                case("gradient zero", np.array([[1, 0]]), 2, np.zeros((1, 2))),
                case("one piece a unit", np.array([[0, 0]]), 1, [[3, -4]]),
            ],
            held_out=lambda rng: [
                case("groups of two", winners(rng, 2, 3, 4), 2, table(rng, 3, 4)),
                case("groups of three", winners(rng, 3, 4, 2), 3, table(rng, 4, 2)),
                case("gradients from 1e-8 to 1e3", winners(rng, 2, 3, 4), 2, spread(rng, 3, 4)),
                case("gradient zero", winners(rng, 2, 3, 2), 2, np.zeros((3, 2))),
                case("one piece a unit", np.zeros((2, 3), dtype=np.int64), 1, table(rng, 2, 3)),
            ],
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("1-d arrays", np.array([1, 0, 1]), 2, [5.1, -6.2, 7.3]),
                case("3-d arrays", OF_THREE[:, None], 3, [[[5, -6]], [[7, -8]]]),
                case("a gradient that skips memory", OF_THREE, 3, strided([[5, -6], [7, -8]])),
                case(
                    "a gradient stored by columns",
                    *(np.array([[1, 0], [1, 1]]), 2, column_major([[5, -6], [7, -8]])),
                ),
                case("a read-only gradient", np.array([[1, 0]]), 2, readonly([[5, -6]])),
            ],
            held_out=lambda rng: [
                case("1-d arrays", winners(rng, 2, 4), 2, rng.uniform(1, 2, 4)),
                case("3-d arrays", winners(rng, 3, 2, 2, 3), 3, rng.uniform(1, 2, (2, 2, 3))),
                case(
                    "a gradient that skips memory",
                    *(winners(rng, 3, 3, 4), 3, strided([[1, 2, 3, 4]] * 3)),
                ),
                case(
                    "a gradient stored by columns",
                    *(winners(rng, 2, 3, 4), 2, column_major(table(rng, 3, 4))),
                ),
                case("a read-only gradient", winners(rng, 2, 3, 4), 2, readonly(table(rng, 3, 4))),
            ],
        ),
    },
    mistakes={
        "to-all-pieces": to_all_pieces,
        "shared-out": shared_out,
        "to-the-losers": edit(
            "Your function gives the gradient to the pieces that lost: the winner gets all of it.",
            ("grad_out[..., None], 0.0", "0.0, grad_out[..., None]"),
        ),
        "to-the-first": edit(
            "Your function gives the gradient to the first piece always: give it to the winner.",
            ("winner[..., None] ==", "0 =="),
        ),
        "to-distant-pieces": to_distant_pieces,
        "winner-counted-from-one": edit(
            "Your function takes winners to count from 1: they count from 0.",
            ("np.arange(pieces)", "np.arange(pieces) + 1"),
        ),
        "winner-as-position": winner_as_position,
        "groups-kept": edit(
            "Your result has an axis for the pieces: x had them side by side in its last axis, so "
            "reshape to (…, u·pieces).",
            ("grads.reshape(*grad_out.shape[:-1], -1)", "grads"),
        ),
        "mask-alone": edit(
            "Your function returns 1 for the winner and 0 elsewhere: by the chain rule that "
            "multiplies `grad_out`.",
            ("np.where(won, grad_out[..., None], 0.0)", "won * 1.0"),
        ),
        "times-winner": edit(
            "Your function multiplies the gradient by the number of the winner: the number says "
            "where it goes, not how large it is.",
            ("grad_out[..., None]", "(winner * grad_out)[..., None]"),
        ),
    },
    equivalents={
        "return grads.reshape(*grad_out.shape[:-1], -2)": (
            "NumPy takes any negative number for the size that it is to find."
        ),
    },
)
