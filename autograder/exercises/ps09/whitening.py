"""Whitening the inputs of a layer."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts, readonly, strided

case = case_maker("h", "eps")

H2 = floats([[1, 2], [3, 1], [2, 6], [0, 0], [4, 3]])
H3 = floats([[1, 0, 2], [-1, 3, 0], [2, 1, 7], [0, -2, 1], [3, 1, -1], [1, 4, 4]])


def correlated(rng: Rng, N: int, n: int) -> Array:
    """Samples whose covariance has separate eigenvalues, so that U is well-determined."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    r, _ = np.linalg.qr(np.column_stack([np.ones(N), rng.normal(size=(N, n))]))
    size = np.geomspace(0.4, 4.0, n) * rng.uniform(0.9, 1.1, n)
    return np.asarray(r[:, 1:] * np.sqrt(N) * size @ q.T + rng.normal(0, 2, n))


def three_samples(rng: Rng) -> Array:
    """Three samples of three units: they span a plane, so one eigenvalue is zero, and is alone."""
    wide = correlated(rng, 9, 2)[:3]
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return np.asarray(np.column_stack([wide * floats([1, 3]), np.zeros(3)]) @ q.T + 1.0)


def several(rng: Rng, eps: float) -> list[Case]:
    return [
        case("two units", correlated(rng, 8, 2), eps),
        case("three units", correlated(rng, 12, 3), eps),
        case("four units, tiny ε", correlated(rng, 10, 4), 1e-8),
        case("two units, large ε", correlated(rng, 9, 2), 1.0),
        case("tiny samples, tinier ε", correlated(rng, 8, 2) * 1e-6, 1e-13),
        *layouts(
            case,
            [eps],
            noun="samples",
            readonly=[correlated(rng, 7, 3)],
            strided=[correlated(rng, 7, 3)],
            column_major=[correlated(rng, 7, 3)],
        ),
    ]


def singular(rng: Rng) -> list[Case]:
    dead = np.insert(correlated(rng, 9, 2), 1, 0.0, axis=1)
    return [
        case("a dead unit", dead, rng.uniform(0.02, 0.1)),
        case("as many samples as units", three_samples(rng), rng.uniform(0.02, 0.1)),
        case("a dead unit, tiny ε", np.insert(correlated(rng, 9, 2), 0, 0.0, axis=1), 1e-8),
    ]


EXERCISE = Exercise(
    "whitening",
    title="Whitening the inputs of a layer",
    minutes=20,
    section="prong.md#whiten-what-a-layer-reads",
    parameters=("h", "eps"),
    returns=("c", "U"),
    reference=reference.whitening,
    checks={
        "a single unit": Check(
            points=1,
            public=[
                case("four samples", [[1], [2], [3], [6]], 0.5),
                case("a tiny ε", [[10], [14], [13]], 1e-8),
                case("small variance", [[1.1], [0.9], [1.0]], 0.01),
            ],
            held_out=lambda rng: [
                case("usual samples", rng.normal(3, 2, (8, 1)), 1e-5),
                case("a large ε", rng.normal(-1, 1, (6, 1)), 0.5),
                case("small variance", rng.normal(1, 0.05, (7, 1)), 0.01),
            ],
        ),
        "correlated units": Check(
            points=2,
            public=[
                case("two units", H2, 0.1),
                case("three units", H3, 0.1),
                case("three units, tiny ε", H3, 1e-8),
                case("two units, large ε", H2, 1.0),
                case("read-only samples", readonly(H3[:, ::-1]), 0.1),
                case("samples that skip memory", strided(H3 * [1, 2, 0.5]), 0.1),
                case("tiny samples, tinier ε", H2 * 1e-6, 1e-13),
            ],
            held_out=lambda rng: several(rng, rng.uniform(0.05, 0.3)),
        ),
        "a singular covariance": Check(
            points=1,
            public=[
                case("a dead unit", [[1, 2, 5], [3, 2, 4], [2, 2, 0], [-1, 2, 1]], 0.05),
                case("as many samples as units", H3[:3], 0.1),
                case("a dead unit, tiny ε", [[1, 2, 0], [0, 2, 1], [0, 2, 0], [-1, 2, 1]], 1e-8),
            ],
            held_out=singular,
        ),
        "what comes out is white": Check(
            points=1,
            public=[
                case("two units", H2 - [5, 1], 0.05),
                case("three units", H3[:, [2, 0, 1]] * [1, -1, 1], 0.02),
            ],
            held_out=lambda rng: [
                case("three units", correlated(rng, 15, 3), 0.1),
                case("four units", correlated(rng, 15, 4), 0.01),
            ],
            relation="whitens",
        ),
    },
    mistakes={
        "unbiased": edit(
            "Your covariance is the unbiased one, divided by N − 1 (np.cov's convention): the "
            "course divides by N, as in batch normalization.",
            ("/ len(h)", "/ (len(h) - 1)"),
        ),
        "eps-outside-the-root": edit(
            "Your ε stands outside the root, 1/(√λ + ε): the course adds it to the covariance, "
            "so it is 1/√(λ + ε).",
            (" + eps * np.eye(h.shape[1])", ""),
            ("np.sqrt(values)", "(np.sqrt(np.maximum(values, 0)) + eps)"),
        ),
        "eps-forgotten": edit(
            "Your function forgets ε: without it a direction of variance zero is divided by zero.",
            (" + eps * np.eye(h.shape[1])", ""),
        ),
        "eps-as-a-floor": edit(
            "Your ε is the least value that you let an eigenvalue have, which changes the small "
            "ones only: the course adds ε to all of them.",
            (" + eps * np.eye(h.shape[1])", ""),
            ("np.sqrt(values)", "np.sqrt(np.maximum(values, eps))"),
        ),
        "floor-of-ones-own": edit(
            "Your eigenvalues have a least value that you chose, which changes all that are "
            "smaller: they are at least ε already, and that is enough.",
            ("np.sqrt(values)", "np.sqrt(np.maximum(values, 1e-8))"),
            others=[
                [("np.sqrt(values)", f"np.sqrt(np.maximum(values, {least}))")]
                for least in ("1e-6", "1e-10")
            ],
        ),
        "falling-order": edit(
            "Your rows come with falling eigenvalues: that whitens as well, but the course's "
            "convention is rising eigenvalues, as np.linalg.eigh returns them.",
            ("(E / np.sqrt(values)).T", "(E / np.sqrt(values)).T[::-1]"),
        ),
        "signs-left-open": edit(
            "Your rows have the signs that eigh happened to give: that whitens as well, but the "
            "course's convention is that the entry of largest size in each row is positive.",
            ("signs[:, None] * U", "U"),
        ),
        "first-entry-positive": edit(
            "Your rows have a positive first entry: that whitens as well, but the course's "
            "convention is that the entry of largest size in each row is positive.",
            ("signs[:, None] * U", "np.where(U[:, :1] < 0, -1, 1) * U"),
        ),
        "zca": edit(
            "Your U is the symmetric root E Λ^(−1/2) Eᵀ, known as ZCA: it whitens as well, but "
            "the course's U = Λ^(−1/2) Eᵀ does without the last rotation.",
            ("signs[:, None] * U", "(E / np.sqrt(values)) @ E.T"),
        ),
        "cholesky": edit(
            "Your U is the inverse of a Cholesky factor, which whitens as well: the course takes "
            "eigenvectors, U = Λ^(−1/2) Eᵀ.",
            (
                "signs[:, None] * U",
                "np.linalg.inv(np.linalg.cholesky(covariance + eps * np.eye(h.shape[1])))",
            ),
        ),
        "not-transposed": edit(
            "Your U is E Λ^(−1/2), with eigenvectors as columns: they are the rows of "
            "U = Λ^(−1/2) Eᵀ.",
            ("signs[:, None] * U", "(signs[:, None] * U).T"),
        ),
        "rotated-only": edit(
            "Your U is Eᵀ, which makes the units uncorrelated but leaves their variances: divide "
            "row i by √λ_i.",
            ("(E / np.sqrt(values))", "E"),
        ),
        "root-forgotten": edit(
            "Your U divides row i by λ_i: dividing by its root √λ_i makes the variance one.",
            ("np.sqrt(values)", "values"),
        ),
        "multiplied-by-the-root": edit(
            "Your U multiplies row i by √λ_i: divide by it, Λ has the power −1/2.", ("E / ", "E * ")
        ),
        "not-centered": edit(
            "Your covariance is that of h, not of h − c: subtract the mean first.",
            ("(h - c).T @ (h - c)", "h.T @ h"),
        ),
        "swapped": edit(
            "Your function returns U first: return the mean c, then U.",
            ("c, signs[:, None] * U", "signs[:, None] * U, c"),
        ),
        "standardized": edit(
            "Your U divides each unit by its own standard deviation, as batch normalization does: "
            "whitening removes the correlations between units, too.",
            ("signs[:, None] * U", "np.diag(1 / np.sqrt(h.var(axis=0) + eps))"),
        ),
        "covariance-not-averaged": edit(
            "Your covariance is a sum over the samples: divide by their number N.",
            (" / len(h)", ""),
        ),
    },
    equivalents={
        f"covariance = {product} / len(h)": "A multiple of c adds nothing: h − c sums to zero."
        for product in (
            "(h + c).T @ (h - c)",
            "h.T @ (h - c)",
            "(h - c).T @ (h + c)",
            "(h - c).T @ h",
        )
    },
)
