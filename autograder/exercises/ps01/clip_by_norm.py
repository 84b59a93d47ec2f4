"""Gradient clipping."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, layouts

case = case_maker("grad", "max_norm")


def of_norm(rng: Rng, norm: float, *shape: int) -> Array:
    values = rng.normal(size=shape)
    return np.asarray(values * (norm / np.linalg.norm(values)))


def long(rng: Rng, limit: float) -> list[Case]:
    return [
        case("a bit too long", of_norm(rng, 1.3 * limit, 3), limit),
        case("much too long", of_norm(rng, 1e3, 5), limit),
        case("a small limit", of_norm(rng, 0.02, 4), 0.01),
        case("entries of very different size", of_norm(rng, 5, 3) * [1, 1e-6, 30], 0.5),
    ]


def short(rng: Rng, limit: float) -> list[Case]:
    return [
        case("short enough", of_norm(rng, 0.7 * limit, 3), limit),
        case("just short enough", of_norm(rng, (1 - 1e-7) * limit, 3), limit),
        case("a tiny gradient", of_norm(rng, 1e-8, 3), limit),
        case("gradient zero", np.zeros(3), limit),
    ]


@mistake
def in_place(grad, max_norm):
    """Your function changes `grad` in place (`*=` does that to arrays): compute a new array."""
    norm = np.linalg.norm(grad)
    if norm > max_norm:
        grad *= max_norm / norm
    return grad


EXERCISE = Exercise(
    "clip_by_norm",
    title="Gradient clipping",
    minutes=10,
    section="sgd.md#cliffs-and-clipping",
    parameters=("grad", "max_norm"),
    returns=("grad",),
    reference=reference.clip_by_norm,
    checks={
        "long gradients": Check(
            points=2,
            public=[
                case("norm 5, limit 1", [3, 4], 1.0),
                case("norm 5, limit 2", [3, -4], 2.0),
                case("a small limit", [0.03, 0.04], 0.01),
                case("entries of very different size", [1e3, 1e-3, -2], 0.5),
            ],
            held_out=lambda rng: long(rng, rng.uniform(0.5, 2)),
        ),
        "short and zero gradients": Check(
            points=1,
            public=[
                case("short enough", [0.3, 0.4], 1.0),
                case("exactly long enough", [3, 4], 5.0),
                case("a tiny gradient", [1e-8, 0], 1.0),
                case("gradient zero", np.zeros(3), 1.0),
            ],
            held_out=lambda rng: short(rng, rng.uniform(0.5, 2)),
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case("a single number (0-d)", np.array(-4.0), 1.5),
                case("a 2-d array", [[1, 2], [2, 4]], 2.5),
                case("a 3-d array", [[[1, 2]], [[2, 4]]], 2.5),
                *layouts(case, [2.5], strided=[[[1, 2], [2, 4]]]),
                *layouts(case, [5.0], readonly=[[6, 8]]),
            ],
            held_out=lambda rng: layouts(
                case,
                [1.5],
                number=[-rng.uniform(2, 3)],
                two_d=[of_norm(rng, 4, 3, 4)],
                three_d=[of_norm(rng, 4, 2, 3, 2)],
                strided=[of_norm(rng, 4, 3, 2)],
                column_major=[of_norm(rng, 4, 3, 2)],
                readonly=[of_norm(rng, 4, 3)],
            ),
        ),
        "norm and direction": Check(
            points=1,
            public=[
                case("a long gradient", [1.2, -1.6], 0.5),
                case("a short gradient", [0.1, 0.2], 0.5),
                case("a 2-d gradient", [[0.6, 0], [0, 0.8]], 0.5),
                case("gradient zero", np.zeros(2), 0.5),
            ],
            held_out=lambda rng: [
                case("a long gradient", of_norm(rng, 2, 4), 0.3),
                case("a short gradient", of_norm(rng, 0.2, 4), 0.3),
                case("a 2-d gradient", of_norm(rng, 0.7, 2, 3), 0.3),
                case("gradient zero", np.zeros(4), 0.3),
            ],
            relation="clipped",
        ),
    },
    mistakes={
        "elementwise": edit(
            "Your function clips every entry by itself, which turns the gradient to another "
            "direction: scale the whole gradient by max_norm / ‖g‖.",
            (
                "grad * max_norm / norm if norm > max_norm else grad.copy()",
                "np.clip(grad, -max_norm, max_norm)",
            ),
        ),
        "always-rescaled": edit(
            "Your function rescales every gradient to `max_norm`, also the short ones, and zero "
            "becomes NaN: leave it as it is if ‖g‖ ≤ max_norm.",
            (" if norm > max_norm else grad.copy()", ""),
        ),
        "short-ones-stretched": edit(
            "Your function stretches short gradients to `max_norm`: leave them as they are if "
            "‖g‖ ≤ max_norm.",
            ("norm > max_norm", "norm > 0"),
        ),
        "squared-norm": edit(
            "Your function uses the sum of squares, which is ‖g‖² (one of the lectures prints it "
            "as the norm): take its square root.",
            ("np.linalg.norm(grad)", "np.sum(grad**2)"),
        ),
        "torch-epsilon": edit(
            "Your function adds 1e-6 to the norm: that is the convention of torch's "
            "clip_grad_norm_; the course divides by ‖g‖ itself, and only if it is too long.",
            (
                "grad * max_norm / norm if norm > max_norm else grad.copy()",
                "grad * min(1.0, max_norm / (norm + 1e-6))",
            ),
        ),
        "largest-entry": edit(
            "Your function uses the largest entry as the norm (the ∞-norm): ‖g‖ is the root of "
            "the sum of squares.",
            ("np.linalg.norm(grad)", "np.max(np.abs(grad))"),
        ),
        "sum-of-sizes": edit(
            "Your function uses the sum of absolute values as the norm (the 1-norm): ‖g‖ is the "
            "root of the sum of squares.",
            ("np.linalg.norm(grad)", "np.sum(np.abs(grad))"),
        ),
        "unit-norm": edit(
            "Your function shortens long gradients to norm 1: they should have norm `max_norm`.",
            ("grad * max_norm / norm", "grad / norm"),
        ),
        "spectral-norm": edit(
            "Your function uses np.linalg.norm(grad, 2), which for matrices is the largest "
            "singular value: np.linalg.norm(grad) takes all entries of any shape.",
            ("np.linalg.norm(grad)", "np.linalg.norm(grad, 2)"),
        ),
        "in-place": in_place,
    },
    equivalents={
        "return grad * max_norm / norm if norm >= max_norm else grad.copy()": (
            "A gradient of just this norm is multiplied by 1."
        ),
    },
)
