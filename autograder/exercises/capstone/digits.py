"""The digits of the capstone: 1797 images of 8 × 8 pixels, and others made from them."""

from functools import cache

import numpy as np

from autograder.definition.cases import Array, Rng


@cache
def digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    return np.asarray(data.data, dtype=np.int16), np.asarray(data.target, dtype=np.int64)


def redrawn(images: Array, rng: Rng) -> Array:
    """The images, each turned, sheared, scaled and moved a little, with noise."""
    count = len(images)
    turn, shear = rng.uniform(-0.06, 0.06, (2, count))
    across, down = rng.uniform(0.96, 1.04, (2, count))
    cos, sin = np.cos(turn), np.sin(turn)
    grid = np.arange(8) - 3.5
    y, x = grid[None, :, None], grid[None, None, :]

    def each(values: Array) -> Array:
        return values[:, None, None]

    # where each pixel comes from
    rows = each(down) * (each(cos) * y + each(sin) * x) + each(rng.uniform(-0.2, 0.2, count)) + 3.5
    columns = (
        each(across) * (each(cos + shear) * x - each(sin) * y)
        + each(rng.uniform(-0.2, 0.2, count))
        + 3.5
    )
    framed = np.pad(images.reshape(count, 8, 8).astype(float), ((0, 0), (3, 3), (3, 3)))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    lower, right = rows - top, columns - left
    number = np.arange(count)[:, None, None]
    values = sum(
        weight * framed[number, np.clip(top + i + 3, 0, 13), np.clip(left + j + 3, 0, 13)]
        for i, j, weight in (
            (0, 0, (1 - lower) * (1 - right)),
            (0, 1, (1 - lower) * right),
            (1, 0, lower * (1 - right)),
            (1, 1, lower * right),
        )
    )
    noisy = values + rng.normal(0.0, 0.5, (count, 8, 8))
    return np.asarray(np.rint(np.clip(noisy, 0, 16)).astype(images.dtype).reshape(count, 64))
