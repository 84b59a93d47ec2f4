"""The condition number."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Rng, case_maker, positive_definite, readonly, strided

case = case_maker("H")


def scaled(rng: Rng) -> list[Case]:
    small, large = positive_definite(rng, 3, 12), positive_definite(rng, 4, 60)
    return [
        case("a matrix", small),
        case("a multiple of it", small * rng.uniform(3, 9)),
        case("another matrix", large),
        case("a small multiple of it", large * 1e-3),
    ]


EXERCISE = Exercise(
    "condition_number",
    title="The condition number",
    minutes=10,
    section="learning-as-optimization.md#condition-number",
    parameters=("H",),
    returns=("kappa",),
    reference=reference.condition_number,
    checks={
        "diagonal matrices": Check(
            points=1,
            public=[
                case("a diagonal matrix", np.diag([2.0, 10.0])),
                case("almost round", np.diag([4.0, 3.0])),
                case("badly conditioned", np.diag([1.0, 1e3, 1e-2])),
                case("the identity", np.eye(3)),
                case("one by one", [[4]]),
            ],
            held_out=lambda rng: [
                case("a diagonal matrix", np.diag(rng.uniform(0.5, 20, 3))),
                case("badly conditioned", np.diag(rng.permutation(np.geomspace(1e-3, 1e3, 4)))),
                case("a multiple of the identity", np.eye(3) * rng.uniform(2, 5)),
                case("one by one", [[rng.uniform(2, 5)]]),
            ],
        ),
        "symmetric matrices": Check(
            points=2,
            public=[
                case("equal diagonal entries", [[2, 1], [1, 2]]),
                case("three by three", [[4, 1, 0], [1, 3, -1], [0, -1, 2]]),
                case("a negative coupling", [[5, -3], [-3, 2]]),
                case("a read-only matrix", readonly([[5, 1], [1, 2]])),
                case("a matrix that skips memory", strided([[5, 1], [1, 2]])),
            ],
            held_out=lambda rng: [
                case("two by two", positive_definite(rng, 2, 7)),
                case("five by five", positive_definite(rng, 5, 40)),
                case("badly conditioned", positive_definite(rng, 4, 1e5)),
                case("a read-only matrix", readonly(positive_definite(rng, 3, 9))),
                case("a matrix that skips memory", strided(positive_definite(rng, 3, 9))),
                case("small entries", positive_definite(rng, 3, 9) * 1e-6),
            ],
        ),
        "scaling the matrix": Check(
            points=1,
            public=[
                case("a matrix", [[3, 1], [1, 2]]),
                case("seven times it", [[21, 7], [7, 14]]),
            ],
            held_out=scaled,
            relation="scale_invariant",
        ),
    },
    mistakes={
        "inverse-ratio": edit(
            "Your result is λ_min/λ_max, at most 1: the condition number is λ_max/λ_min, at "
            "least 1. (eigvalsh returns the smallest eigenvalue first.)",
            ("eigenvalues[-1] / eigenvalues[0]", "eigenvalues[0] / eigenvalues[-1]"),
        ),
        "ratio-of-diagonal": edit(
            "Your function compares diagonal entries, which are the eigenvalues of diagonal "
            "matrices only: compute the eigenvalues.",
            ("np.linalg.eigvalsh(H)", "np.sort(np.diag(H))"),
        ),
        "ratio-of-entries": edit(
            "Your function compares entries of the matrix: the condition number is a ratio of "
            "eigenvalues.",
            ("np.linalg.eigvalsh(H)", "np.sort(np.abs(H), axis=None)"),
        ),
        "frobenius": edit(
            "Your function multiplies the Frobenius norms of H and its inverse: with the "
            "2-norm, which the course means, κ = λ_max/λ_min.",
            (
                "eigenvalues[-1] / eigenvalues[0]",
                "np.linalg.norm(H) * np.linalg.norm(np.linalg.inv(H))",
            ),
        ),
        "one-norm": edit(
            "Your function is the condition number in the 1-norm: the course uses the 2-norm, "
            "in which κ = λ_max/λ_min.",
            ("eigenvalues[-1] / eigenvalues[0]", "np.linalg.cond(H, 1)"),
        ),
        "determinant": edit(
            "Your function returns the determinant, which changes when H is scaled: take the "
            "ratio of the largest and the smallest eigenvalue.",
            ("eigenvalues[-1] / eigenvalues[0]", "np.linalg.det(H)"),
        ),
        "largest-eigenvalue": edit(
            "Your function returns λ_max alone: divide it by λ_min.", (" / eigenvalues[0]", "")
        ),
        "difference-of-eigenvalues": edit(
            "Your function subtracts the smallest eigenvalue from the largest: divide instead.",
            (" / ", " - "),
        ),
        "root-of-ratio": edit(
            "Your function takes the root of λ_max/λ_min: singular values of a matrix need a "
            "root of eigenvalues of HᵀH, the eigenvalues of H itself do not.",
            ("eigenvalues[-1] / eigenvalues[0]", "np.sqrt(eigenvalues[-1] / eigenvalues[0])"),
        ),
        "squared-ratio": edit(
            "Your function uses eigenvalues of HᵀH, which are squares: the result is κ². Use H.",
            ("eigvalsh(H)", "eigvalsh(H.T @ H)"),
        ),
    },
)
