"""One step of Newton's method."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import (
    Array,
    Rng,
    case_maker,
    layouts,
    normals,
    positive_definite,
    spread,
)

from .quadratics import A2, A3, NARROW

case = case_maker("theta", "grad", "H", "damping")

GIVEN = ([1, -2], [0.5, -4])  # theta and the gradient
IN_MEMORY = (*GIVEN, A2)
WIDE = "gradients from 1e-8 to 1e3"


def saddle(rng: Rng, n: int) -> Array:
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    curvatures = rng.uniform(1, 4, size=n) * np.where(np.arange(n) % 2, 1, -1)
    matrix = (q * curvatures) @ q.T
    return np.asarray((matrix + matrix.T) / 2)


def damped(rng: Rng, amount: str, size: float) -> Case:
    theta, grad, H = *normals(rng, 2, 3), positive_definite(rng, 3, 20)
    return case(f"{amount} damping", theta, grad, H, rng.uniform(0.5, 1) * size)


def flat(rng: Rng) -> Case:
    theta, grad = normals(rng, 2, 3)
    sizes = rng.permutation([1e-9, 0.5, 2])
    return case("an almost flat direction", theta, grad * sizes, np.diag(sizes), 0.0)


def special(rng: Rng) -> list[Case]:
    H, theta, grad = positive_definite(rng, 3, 20), *normals(rng, 2, 3)
    return [
        case("gradient zero", theta, np.zeros(3), H, 0.5),
        case("one dimension", theta[:1], grad[:1], H[:1, :1].copy(), 0.5),
        *layouts(case, [0.5], strided=(theta, grad, H), readonly=(theta, grad, H)),
    ]


@mistake
def absolute_curvatures(theta, grad, H, damping):
    """Your step uses the absolute values of the curvatures, which avoids saddles: a good idea with
    a name of its own (saddle-free Newton); the course's step solves with H + λI as it is."""
    values, vectors = np.linalg.eigh(H)
    return theta - vectors @ ((vectors.T @ grad) / (np.abs(values) + damping))


@mistake
def small_curvatures_raised(theta, grad, H, damping):
    """Your step raises small curvatures to a least one, so that no step is long: that is a remedy
    of its own, beside the damping; the course's step solves with H + λI as it is."""
    values, vectors = np.linalg.eigh(H)
    values = np.where(np.abs(values) < 1e-6, 1e-6, values) + damping
    return theta - vectors @ ((vectors.T @ grad) / values)


@mistake
def in_place(theta, grad, H, damping):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to `x[i]` do
    that): compute new arrays."""
    damped = H + damping * np.eye(len(theta))
    theta -= np.linalg.solve(damped, grad)
    return theta


EXERCISE = Exercise(
    "newton_step",
    title="One step of Newton's method",
    minutes=10,
    section="curvature.md#newton-minimizes-the-model",
    parameters=("theta", "grad", "H", "damping"),
    returns=("theta",),
    reference=reference.newton_step,
    checks={
        "without damping": Check(
            points=1,
            public=[
                case("a valley", *GIVEN, A2, 0.0),
                case("a diagonal Hessian", *GIVEN, NARROW, 0.0),
                case("a saddle", *GIVEN, [[1, 2], [2, -3]], 0.0),
                case("an almost flat direction", [1, -2], [3e-9, -4], np.diag([1e-9, 2]), 0.0),
                case("gradients from 0 to 1000", np.zeros(3), [0, 1e-8, 1e3], A3, 0.0),
            ],
            held_out=lambda rng: [
                case("a valley", *normals(rng, 2, 3), positive_definite(rng, 3, 20), 0.0),
                case("a saddle", *normals(rng, 2, 3), saddle(rng, 3), 0.0),
                flat(rng),
                case(WIDE, np.zeros(5), spread(rng, 5), positive_definite(rng, 5, 9), 0.0),
            ],
        ),
        "with damping": Check(
            points=2,
            public=[
                case("some damping", *GIVEN, A2, 2.0),
                case("much damping", *GIVEN, A2, 100.0),
                case("a diagonal Hessian", *GIVEN, NARROW, 0.5),
            ],
            held_out=lambda rng: [
                damped(rng, "little", 0.5),
                damped(rng, "some", 2),
                damped(rng, "much", 100),
            ],
        ),
        "special cases and memory layouts": Check(
            points=1,
            public=[
                case("gradient zero", *GIVEN[:1], np.zeros(2), A2, 0.5),
                case("one dimension", [3], [2], [[4]], 0.5),
                *layouts(case, [0.5], strided=IN_MEMORY, readonly=IN_MEMORY),
            ],
            held_out=special,
        ),
    },
    mistakes={
        "no-damping": edit(
            "Your step solves with H alone: add the damping to its diagonal, H + λI.",
            (" + damping * np.eye(len(theta))", ""),
        ),
        "damping-subtracted": edit(
            "Your function subtracts the damping, H − λI, which can make a good Hessian "
            "singular: add it, H + λI.",
            ("H + damping", "H - damping"),
        ),
        "damping-on-all-entries": edit(
            "Your function adds λ to every entry of H (`H + damping` does that to arrays): λ "
            "belongs on the diagonal only, H + λI.",
            (" * np.eye(len(theta))", ""),
        ),
        "damping-scaled": edit(
            "Your damping is λ times the diagonal of H, the scaled form of Levenberg and "
            "Marquardt: the course adds λ itself, H + λI.",
            ("np.eye(len(theta))", "np.diag(np.diag(H))"),
        ),
        "damping-as-a-rate": edit(
            "Your damping divides the whole step by 1 + λ: it is added to the curvature "
            "instead, H + λI.",
            ("H + damping * np.eye(len(theta))", "H * (1 + damping)"),
        ),
        "hessian-multiplied": edit(
            "Your step multiplies the gradient by the Hessian: Newton's step divides by "
            "curvature, (H + λI)⁻¹g.",
            ("np.linalg.solve(damped, grad)", "damped @ grad"),
        ),
        "diagonal-only": edit(
            "Your step uses the diagonal of H only: the directions are coupled, so solve with "
            "the whole matrix.",
            ("np.linalg.solve(damped, grad)", "grad / np.diag(damped)"),
        ),
        "entries-inverted": edit(
            "Your inverse is taken entry by entry (`1 / H` does that to arrays): use "
            "`np.linalg.solve`.",
            ("np.linalg.solve(damped, grad)", "(1 / damped) @ grad"),
        ),
        "absolute-curvatures": absolute_curvatures,
        "small-curvatures-raised": small_curvatures_raised,
        "uphill": edit("Your step is added: θ ← θ − (H + λI)⁻¹g.", ("theta - ", "theta + ")),
        "step-alone": edit(
            "Your function returns the step alone: return the new θ.", ("theta - ", "")
        ),
        "in-place": in_place,
    },
)
