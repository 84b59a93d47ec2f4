"""One natural gradient step."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    floats,
    layouts,
    normals,
    positive_definite,
)

case = case_maker("theta", "grad", "F", "lr", "damping", feedback=("theta",))

THETA, GRAD, F2 = floats([1, -2]), [0.5, 4], floats([[2, 1], [1, 3]])
FLAT = floats([[0.36, 0.48], [0.48, 0.64]]) + 1e-6 * floats([[0.64, -0.48], [-0.48, 0.36]])
F6 = np.diag([1.0, 2, 3, 4, 5, 6]) + 0.25


def drawn(rng: Rng, condition: float) -> list[Array]:
    return [*normals(rng, 2, 3), positive_definite(rng, 3, condition)]


def undamped(rng: Rng) -> list[Case]:
    lr = rng.uniform(0.1, 0.9)
    sizes = rng.choice([-1.0, 1.0], 4) * floats([1e-8, 1e-3, 1, 1e3])
    theta, grad, valley = drawn(rng, 1e6)
    return [
        case("three parameters", *drawn(rng, 20), lr, 0.0),
        case(
            "gradients from 1e-8 to 1e3",
            *(np.zeros(4), sizes, positive_definite(rng, 4, 5), lr, 0.0),
        ),
        case("a narrow valley", *drawn(rng, 1000), lr, 0.0),
        case("hardly any information", theta, 1e-3 * grad, 1e-6 * valley, lr, 0.0),
    ]


def damped(rng: Rng) -> list[Case]:
    lr, damping = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.15)
    singular = np.zeros((3, 3))
    singular[:2, :2] = positive_definite(rng, 2, 4)
    falling = [
        {"grad": rng.normal(size=3), "lr": lr / t, "damping": damping / t} for t in range(1, 6)
    ]
    return [
        case("three parameters", *drawn(rng, 20), lr, damping),
        case("a parameter without information", *normals(rng, 2, 3), singular, lr, damping),
        case("tiny damping", *normals(rng, 2, 3), singular, lr, 1e-6),
        case("no information at all", *normals(rng, 2, 2), np.zeros((2, 2)), lr, damping),
        case(
            "several steps, rate and damping falling",
            *(rng.normal(size=3), np.zeros(3), positive_definite(rng, 3, 10), lr, damping),
            steps=falling,
        ),
    ]


def shapes(rng: Rng, F: Array) -> list[Case]:
    rates = (0.3, 0.1)
    return [
        case("a matrix of parameters", *normals(rng, 2, 2, 3), F, *rates),
        case("a 3-d array of parameters", *normals(rng, 2, 3, 1, 2), F, *rates),
        case("a single number (0-d)", *normals(rng, 2), [[rng.uniform(1, 2)]], *rates),
        *layouts(
            case,
            rates,
            column_major=(*normals(rng, 2, 2, 3), F),
            strided=(*normals(rng, 2, 6), F),
            readonly=(*normals(rng, 2, 6), F),
        ),
        case("learning rate zero", *normals(rng, 2, 6), F, 0.0, 0.1),
    ]


def in_units(label: str, unit: Array, theta: Array, grad: Array, F: Array, lr: float) -> list[Case]:
    other = (theta / unit, grad * unit, F * np.outer(unit, unit))
    return [
        case(f"{label}, in one unit", theta, grad, F, lr, 0.0),
        case(f"{label}, in other units", *other, lr, 0.0),
    ]


def drawn_in_units(rng: Rng) -> list[Case]:
    F = positive_definite(rng, 3, 10)
    theta, grad = rng.normal(size=3), rng.uniform(0.5, 2, 3)
    lr = rng.uniform(0.2, 0.8)
    return in_units("three parameters", rng.uniform(0.2, 5, 3), theta, grad, F, lr)


EXERCISE = Exercise(
    "natural_gradient_step",
    title="One natural gradient step",
    minutes=10,
    section="natural-gradient.md#the-rule",
    parameters=("theta", "grad", "F", "lr", "damping"),
    returns=("theta",),
    reference=reference.natural_gradient_step,
    checks={
        "without damping": Check(
            points=2,
            public=[
                case("two parameters", THETA, GRAD, F2, 0.1, 0.0),
                case("F diagonal", THETA, GRAD, np.diag([0.5, 100.0]), 0.5, 0.0),
                case(
                    "gradients from 1e-8 to 1000",
                    *(np.zeros(3), [1e-8, -0.5, 1e3], [[2, 1, 0], [1, 3, 1], [0, 1, 4]], 0.2, 0.0),
                ),
                case("hardly any information", THETA, [3e-3, -1e-3], FLAT, 0.1, 0.0),
                case("gradient zero", THETA, np.zeros(2), F2, 0.1, 0.0),
            ],
            held_out=undamped,
        ),
        "with damping": Check(
            points=2,
            public=[
                case("two parameters", THETA, GRAD, F2, 0.1, 0.5),
                case(
                    "a parameter without information", THETA, GRAD, np.diag([2.0, 0.0]), 0.5, 0.25
                ),
                case("tiny damping", THETA, GRAD, np.diag([2.0, 0.0]), 0.5, 1e-6),
                case("no information at all", THETA, GRAD, np.zeros((2, 2)), 0.1, 0.5),
                case(
                    "several steps, the rate falling",
                    *(THETA, np.zeros(2), F2, 0.0, 0.25),
                    steps={"grad": [[2, 1], [-1, 3], [0.5, -10]], "lr": [0.5, 0.25, 0.125]},
                ),
            ],
            held_out=damped,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                case(
                    "a matrix of parameters",
                    *([[1, 2, 3], [4, 5, 6]], [[0, 1, -1], [2, -3, 0.5]], F6, 0.5, 0.25),
                ),
                case(
                    "a 3-d array of parameters",
                    *(np.ones((3, 1, 2)), [[[1, 2]], [[3, -4]], [[5, 0]]], F6, 0.5, 0.25),
                ),
                case("a single number (0-d)", floats(2), floats(-1), [[4]], 0.5, 1.0),
                *layouts(
                    case, (0.2, 0.5), strided=([1, 2], [3, 4], F2), readonly=(THETA, GRAD, F2)
                ),
                case("learning rate zero", THETA, GRAD, F2, 0.0, 0.5),
            ],
            held_out=lambda rng: shapes(rng, positive_definite(rng, 6, 10)),
        ),
        "the same step in all units": Check(
            points=1,
            public=in_units("two parameters", floats([10, 0.5]), THETA, floats(GRAD), F2, 0.25),
            held_out=drawn_in_units,
            relation="independent_of_units",
        ),
    },
    mistakes={
        "plain-gradient": edit(
            "Your step is plain gradient descent, without F: solve (F + λI) v = g first.",
            ("v.reshape(theta.shape)", "grad"),
        ),
        "no-damping": edit(
            "Your function forgets the damping: solve with F + λI, which can be inverted also "
            "where F cannot.",
            (" + damping * np.eye(len(F))", ""),
        ),
        "damping-subtracted": edit(
            "Your function subtracts the damping, which makes F closer to singular: add it, "
            "F + λI.",
            ("F + ", "F - "),
        ),
        "damping-everywhere": edit(
            "Your function adds the damping to every entry of F (`F + damping` does that): add it "
            "to the diagonal only, F + λI with `np.eye`.",
            (" * np.eye(len(F))", ""),
        ),
        "damping-after-inverting": edit(
            "Your function adds λI to the inverse of F: add it to F, and invert then.",
            ("F + damping", "np.linalg.inv(F) + damping"),
            ("np.linalg.solve(A, grad.reshape(-1))", "A @ grad.reshape(-1)"),
        ),
        "marquardt": edit(
            "Your damping is λ diag(F), the convention of Levenberg and Marquardt: the course "
            "adds λI.",
            ("np.eye(len(F))", "np.diag(np.diag(F))"),
        ),
        "not-inverted": edit(
            "Your function multiplies the gradient by F + λI: multiply by its inverse, that is, "
            "solve (F + λI) v = g.",
            ("np.linalg.solve(A, grad.reshape(-1))", "A @ grad.reshape(-1)"),
        ),
        "uphill": edit(
            "Your step adds v and so climbs: θ ← θ − α(F + λI)⁻¹g.", ("theta - ", "theta + ")
        ),
        "diagonal-only": edit(
            "Your function divides by the diagonal of F: solve with the whole matrix.",
            ("np.linalg.solve(A, grad.reshape(-1))", "grad.reshape(-1) / np.diag(A)"),
        ),
        "inverse-root": edit(
            "Your function uses the inverse root (F + λI)^(−1/2), as AdaGrad and Adam do: the "
            "natural gradient has the inverse itself.",
            (
                "v = np.linalg.solve(A, grad.reshape(-1))",
                "e, E = np.linalg.eigh(A)\n    v = E @ ((E.T @ grad.reshape(-1)) / np.sqrt(e))",
            ),
        ),
        "rate-forgotten": edit(
            "Your function forgets the learning rate: θ ← θ − α(F + λI)⁻¹g.", ("lr * ", "")
        ),
        "rate-inside-too": edit(
            "Your damping is multiplied by the learning rate: it is λ alone, F + λI.",
            ("F + damping", "F + lr * damping"),
        ),
        "step-returned": edit(
            "Your function returns the step v: subtract it from θ and return the new θ.",
            ("theta - ", ""),
        ),
        "columns-first": edit(
            "Your function numbers the parameters column by column: F has them row by row, as "
            "`reshape(-1)` does.",
            ("reshape(-1)", 'reshape(-1, order="F")'),
            ("theta.shape)", 'theta.shape, order="F")'),
        ),
        "theta-changed": edit(
            "Your function changes `theta` in place (`-=` does that to arrays): "
            "compute a new array.",
            (
                "return theta - lr * v.reshape(theta.shape)",
                "theta -= lr * v.reshape(theta.shape)\n    return theta",
            ),
        ),
        "fisher-changed": edit(
            "Your function changes `F` in place, so the damping adds up from step to step: "
            "compute a new array.",
            ("A = F + ", "F += "),
            ("solve(A", "solve(F"),
        ),
    },
    equivalents={
        "v = np.linalg.solve(A, grad.reshape(-2))": "NumPy reads any negative length as −1."
    },
)
