"""More data: crops and mirror images."""

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    column_major,
    floats,
    readonly,
    strided,
)

case = case_maker("img", "dy", "dx", "flip")

IMG = floats([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])
SQUARE = IMG[:, :3].copy()


def offset(rng: Rng) -> int:
    return int(rng.choice([-2, -1, 1, 2]))


def offsets(rng: Rng) -> tuple[int, int]:
    """Two offsets of different size, neither zero, of either sign."""
    sizes = rng.permutation([1, 2]) * rng.choice([-1, 1], 2)
    return int(sizes[0]), int(sizes[1])


def picture(rng: Rng, *shape: int) -> Array:
    return np.asarray(rng.uniform(0.1, 1.0, shape))


@mistake
def wraps_around(img, dy, dx, flip):
    """What leaves your image on one side comes back on the other (np.roll does that): outside of
    the image there is zero."""
    out = np.roll(img, (-dy, -dx), axis=(-2, -1))
    return out[..., ::-1] if flip else out


@mistake
def edge_repeated(img, dy, dx, flip):
    """Your function repeats the edge of the image: the convention of the course is zero outside of
    it."""
    H, W = img.shape[-2:]
    rows = np.clip(np.arange(H) + dy, 0, H - 1)
    columns = np.clip(np.arange(W) + dx, 0, W - 1)
    out = img[..., rows, :][..., columns]
    return out[..., ::-1] if flip else out


@mistake
def not_cropped(img, dy, dx, flip):
    """Your function ignores the offset: take the window that begins at row dy and column dx."""
    return img[..., ::-1].copy() if flip else img.copy()


@mistake
def smaller(img, dy, dx, flip):
    """Your result is smaller than the image: fill up with zeros where the window reaches beyond it,
    so that the shape stays."""
    H, W = img.shape[-2:]
    out = img[..., max(dy, 0) : max(H + min(dy, 0), 0), max(dx, 0) : max(W + min(dx, 0), 0)]
    return out[..., ::-1] if flip else out


@mistake
def padded_only(img, dy, dx, flip):
    """Your function returns the padded image: cut the window of the old size out of it."""
    H, W = img.shape[-2:]
    p, q = abs(dy), abs(dx)
    out = np.zeros((*img.shape[:-2], H + 2 * p, W + 2 * q))
    out[..., p : p + H, q : q + W] = img
    return out[..., ::-1] if flip else out


@mistake
def in_place(img, dy, dx, flip):
    """Your function writes into `img`, which the next epoch needs as it was: write into a new
    array."""
    H, W = img.shape[-2:]
    source = img.copy()
    img[...] = 0
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                img[..., i, j] = source[..., i + dy, j + dx]
    return img[..., ::-1] if flip else img


EXERCISE = Exercise(
    "random_crop_flip",
    title="More data: crops and mirror images",
    minutes=15,
    section="regularization.md#augmentation-a-statement-about-the-world",
    parameters=("img", "dy", "dx", "flip"),
    returns=("img",),
    reference=reference.random_crop_flip,
    checks={
        "a crop": Check(
            points=2,
            public=[
                case("one row down", IMG, 1, 0, False),
                case("two columns to the left", IMG, 0, -2, False),
                case("by rows and columns", IMG, -1, 2, False),
                case("a square image", SQUARE, 2, 1, False),
                case("no offset", IMG, 0, 0, False),
                case("far beyond the edges", IMG, -4, 6, False),
                case("beyond one edge only", IMG, 1, -6, False),
                case("far, but inside", [list(range(1, 13))], 0, 9, False),
            ],
            held_out=lambda rng: [
                case("by rows", picture(rng, 5, 4), offset(rng), 0, False),
                case("by columns", picture(rng, 4, 5), 0, offset(rng), False),
                case("by both", picture(rng, 5, 6), *offsets(rng), False),
                case("a square image", picture(rng, 5, 5), *offsets(rng), False),
                case("one part beyond the edge", picture(rng, 4, 4), 3, -3, False),
                case("no offset", picture(rng, 3, 4), 0, 0, False),
                case("far beyond the edges", picture(rng, 3, 4), 4, -5, False),
                case("beyond one edge only", picture(rng, 4, 5), -6, 1, False),
                case("far, but inside", picture(rng, 14, 2), -10, 0, False),
            ],
        ),
        "a mirror image": Check(
            points=1,
            public=[
                case("mirrored", IMG, 0, 0, True),
                case("an odd number of columns", SQUARE, 0, 0, True),
                case("not mirrored", IMG, 0, 0, False),
            ],
            held_out=lambda rng: [
                case("mirrored", picture(rng, 4, 5), 0, 0, True),
                case("an odd number of columns", picture(rng, 2, 3), 0, 0, True),
                case("not mirrored", picture(rng, 4, 5), 0, 0, False),
            ],
        ),
        "a crop, mirrored": Check(
            points=1,
            public=[
                case("by rows and columns", IMG, 1, -2, True),
                case("by columns", IMG, 0, 1, True),
                case("a square image", SQUARE, -1, 2, True),
            ],
            held_out=lambda rng: [
                case("by rows and columns", picture(rng, 5, 6), *offsets(rng), True),
                case("by columns", picture(rng, 4, 5), 0, offset(rng), True),
                case("a square image", picture(rng, 5, 5), *offsets(rng), True),
            ],
        ),
        "channels and memory layouts": Check(
            points=1,
            public=[
                case("two channels", np.stack([IMG, -IMG[::-1]]), 1, 2, True),
                case("one channel", IMG[None], -1, 2, True),
                case("all of it beyond the edge", np.stack([IMG, IMG]), 3, 0, False),
                case("a read-only image", readonly(IMG), 2, 1, True),
                case("an image that skips memory", strided(IMG / 3), -1, -2, True),
            ],
            held_out=lambda rng: [
                case("three channels", picture(rng, 3, 4, 5), *offsets(rng), True),
                case("one channel", picture(rng, 1, 5, 4), *offsets(rng), True),
                case("all of it beyond the edge", picture(rng, 2, 3, 3), 3, 0, False),
                case("a read-only image", readonly(picture(rng, 4, 5)), *offsets(rng), True),
                case(
                    "an image that skips memory", strided(picture(rng, 4, 5)), *offsets(rng), True
                ),
                case(
                    "an image stored by columns",
                    *(column_major(picture(rng, 4, 5)), *offsets(rng), True),
                ),
            ],
        ),
    },
    mistakes={
        "opposite-direction": edit(
            "Your window moves the other way: pixel (i, j) of the result is pixel "
            "(i + dy, j + dx) of the image.",
            ("i + dy, j + dx", "i - dy, j - dx"),
        ),
        "rows-and-columns-swapped": edit(
            "Your function takes dx for rows and dy for columns: y goes with rows, x with columns.",
            ("i + dy, j + dx", "i + dx, j + dy"),
        ),
        "wraps-around": wraps_around,
        "edge-repeated": edge_repeated,
        "mirrored-first": edit(
            "Your function mirrors before it crops, so the window moves the wrong way in the "
            "image: crop first.",
            ("img[..., y, x]", "img[..., y, W - 1 - x if flip else x]"),
            ("window[..., ::-1] if flip else window", "window"),
        ),
        "upside-down": edit(
            "Your function turns the image upside down: mirror left and right, which reverses the "
            "last axis.",
            ("[..., ::-1] if", "[..., ::-1, :] if"),
        ),
        "never-mirrored": edit(
            "Your function ignores `flip`: reverse the columns where it is True.",
            ("window[..., ::-1] if flip else window", "window"),
        ),
        "mirrored-where-it-should-not": edit(
            "Your function mirrors when `flip` is False, and does not when it is True.",
            ("if flip", "if not flip"),
        ),
        "not-cropped": not_cropped,
        "smaller": smaller,
        "padded-only": padded_only,
        "ones-outside": edit(
            "Your function fills with ones: outside of the image there is zero.",
            ("zeros_like", "ones_like"),
        ),
        "in-place": in_place,
    },
)
