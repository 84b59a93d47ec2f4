"""PRONG: a step between two projections."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Array, Rng, case_maker, floats, layouts

from .layers import B2, W23

case = case_maker("V", "d", "grad_V", "grad_d", "lr", feedback=("V", "d"))

GIVEN, ZERO = (W23, B2, -W23, B2), (np.zeros((2, 3)), np.zeros(2))
NOT_ROUND = [array / number for number, array in enumerate(GIVEN, start=6)]


def drawn(rng: Rng, m: int, n: int) -> list[Array]:
    return [np.asarray(rng.normal(size=shape)) for shape in ((m, n), (m,), (m, n), (m,))]


def single(rng: Rng, lr: float) -> list[Case]:
    V, d, g, e = drawn(rng, 2, 3)
    return [
        case("two outputs", V, d, g, e, lr),
        case("gradients from 1e-8 to 1e3", V, d, g * 10.0 ** floats([-8, 0, 3]), e * 100, lr),
        case("gradient zero", V, d, 0 * g, 0 * e, lr),
        case("learning rate zero", V, d, g, e, 0.0),
        *layouts(
            case,
            [lr],
            readonly=drawn(rng, 3, 2),
            strided=drawn(rng, 3, 2),
            column_major=drawn(rng, 3, 2),
        ),
    ]


def several(rng: Rng, label: str, falling: bool) -> Case:
    start, lr = drawn(rng, 2, 3), rng.uniform(0.2, 0.6)
    steps = [
        {
            "grad_V": rng.normal(size=(2, 3)),
            "grad_d": rng.normal(size=2),
            "lr": lr / t if falling else lr,
        }
        for t in range(1, 6)
    ]
    return case(label, *start, 0.0, steps=steps)


EXERCISE = Exercise(
    "prong_step",
    title="PRONG: a step between two projections",
    minutes=5,
    section="prong.md#a-step-in-v-is-a-preconditioned-step-in-w",
    parameters=("V", "d", "grad_V", "grad_d", "lr"),
    returns=("V", "d"),
    reference=reference.prong_step,
    checks={
        "one step": Check(
            points=1,
            public=[
                case("two outputs", W23, B2, [[1, 0, 2], [3, -1, 0]], B2 * 3, 0.1),
                case(
                    "gradients from 1e-8 to 1000",
                    *(W23, B2, [[1e-8, 1, 1e3], [0, -1e-8, 5]], [1e3, 1e-4], 0.5),
                ),
                case("gradient zero", W23, B2, *ZERO, 0.1),
                case("learning rate zero", W23, B2, W23, B2, 0.0),
                *layouts(case, [0.2], readonly=NOT_ROUND, strided=GIVEN),
            ],
            held_out=lambda rng: single(rng, rng.uniform(0.05, 0.5)),
        ),
        "several steps": Check(
            points=1,
            public=[
                case(
                    "falling rate",
                    *(W23, B2, *ZERO, 0.0),
                    steps={
                        "grad_V": [
                            [[2, 1, 0], [0, 1, 1]],
                            [[-1, 3, 1], [2, 0, 0]],
                            [[0.5, -10, 1], [1, 1, 1]],
                        ],
                        "grad_d": [[1, -1], [2, 0.5], [0, 4]],
                        "lr": [0.5, 0.25, 0.125],
                    },
                )
            ],
            held_out=lambda rng: [
                several(rng, "constant rate", falling=False),
                several(rng, "falling rate", falling=True),
            ],
        ),
    },
    mistakes={
        "uphill": edit(
            "Your step adds the gradient and so climbs, like the lecture's slide on units of "
            "SGD: subtract it, V ← V − αg.",
            ("V - ", "V + "),
            ("d - ", "d + "),
        ),
        "bias-frozen": edit(
            "Your function leaves d as it was: between two projections c and U stand still, but "
            "both V and d take steps.",
            ("d - lr * grad_d", "d"),
        ),
        "bias-without-rate": edit(
            "Your step in d forgets the learning rate: d ← d − αg_d.", ("lr * grad_d", "grad_d")
        ),
        "rate-forgotten": edit(
            "Your step forgets the learning rate: V ← V − αg_V, d ← d − αg_d.",
            ("lr * grad_V", "grad_V"),
            ("lr * grad_d", "grad_d"),
        ),
        "bias-uphill": edit("Your step in d climbs: subtract, d ← d − αg_d.", ("d - ", "d + ")),
        "step-returned": edit(
            "Your function returns the steps αg themselves: subtract them from V and d and return "
            "the new values.",
            ("V - ", ""),
            ("d - ", ""),
        ),
        "swapped": edit(
            "Your function returns d first: return V, then d.",
            ("V - lr * grad_V, d - lr * grad_d", "d - lr * grad_d, V - lr * grad_V"),
        ),
        "in-place": edit(
            "Your function changes `V` and `d` in place (`-=` does that to arrays): "
            "compute new arrays.",
            (
                "return V - lr * grad_V, d - lr * grad_d",
                "V -= lr * grad_V\n    d -= lr * grad_d\n    return V, d",
            ),
        ),
    },
)
