"""Problem set 6: methods that use curvature, and two relatives."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    case_maker,
    column_major,
    floats,
    positive_definite,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

_A = floats([[3, 1], [1, 2]])
_A3 = floats([[4, 1, -1], [1, 3, 0.5], [-1, 0.5, 2]])


def _saddle(rng: np.random.Generator, n: int) -> Array:
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    curvatures = rng.uniform(1, 4, size=n) * np.where(np.arange(n) % 2, 1, -1)
    matrix = (q * curvatures) @ q.T
    return np.asarray((matrix + matrix.T) / 2)


# --- newton_step ----------------------------------------------------------------------------------

_newton = case_maker("theta", "grad", "H", "damping")

_POINT, _SLOPE = floats([1, -2]), floats([0.5, -4])


def _undamped_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _newton(
            "a valley", rng.normal(size=3), rng.normal(size=3), positive_definite(rng, 3, 20), 0.0
        ),
        _newton("a saddle", rng.normal(size=3), rng.normal(size=3), _saddle(rng, 3), 0.0),
        _newton(
            "gradients from 1e-8 to 1e3",
            np.zeros(5),
            spread(rng, 5),
            positive_definite(rng, 5, 9),
            0.0,
        ),
    ]


def _damped_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _newton(
            f"{word} damping",
            rng.normal(size=3),
            rng.normal(size=3),
            positive_definite(rng, 3, 20),
            float(rng.uniform(0.5, 1) * size),
        )
        for word, size in (("little", 0.5), ("some", 2), ("much", 100))
    ]


def _newton_layouts(rng: np.random.Generator) -> list[Case]:
    H, theta, grad = positive_definite(rng, 3, 20), rng.normal(size=3), rng.normal(size=3)
    return [
        _newton("gradient zero", theta, np.zeros(3), H, 0.5),
        _newton("one dimension", theta[:1], grad[:1], H[:1, :1].copy(), 0.5),
        _newton("arrays that skip memory", strided(theta), strided(grad), strided(H), 0.5),
        _newton("read-only arrays", readonly(theta), readonly(grad), readonly(H), 0.5),
    ]


def _newton_no_damping(theta, grad, H, damping):
    damped = H
    return theta - np.linalg.solve(damped, grad)


def _newton_damping_subtracted(theta, grad, H, damping):
    damped = H - damping * np.eye(len(theta))
    return theta - np.linalg.solve(damped, grad)


def _newton_damping_on_all_entries(theta, grad, H, damping):
    damped = H + damping
    return theta - np.linalg.solve(damped, grad)


def _newton_damping_scaled(theta, grad, H, damping):
    damped = H + damping * np.diag(np.diag(H))
    return theta - np.linalg.solve(damped, grad)


def _newton_damping_as_a_rate(theta, grad, H, damping):
    damped = H * (1 + damping)
    return theta - np.linalg.solve(damped, grad)


def _newton_hessian_multiplied(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    return theta - damped @ grad


def _newton_diagonal_only(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    return theta - grad / np.diag(damped)


def _newton_entries_inverted(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    return theta - (1 / damped) @ grad


def _newton_absolute_curvatures(theta, grad, H, damping):
    values, vectors = np.linalg.eigh(H)
    return theta - vectors @ ((vectors.T @ grad) / (np.abs(values) + damping))


def _newton_uphill(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    return theta + np.linalg.solve(damped, grad)


def _newton_step_alone(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    return np.linalg.solve(damped, grad)


def _newton_in_place(theta, grad, H, damping):
    damped = H + damping * np.eye(len(theta))
    theta -= np.linalg.solve(damped, grad)
    return theta


_NEWTON_STEP = Exercise(
    "newton_step",
    title="One step of Newton's method",
    minutes=10,
    section="curvature.md#newton-minimizes-the-model",
    parameters=("theta", "grad", "H", "damping"),
    returns=("theta",),
    reference=reference.newton_step,
    checks=(
        Check(
            "without damping",
            1,
            [
                _newton("a valley", _POINT, _SLOPE, _A, 0.0),
                _newton("a diagonal Hessian", _POINT, _SLOPE, np.diag([1.0, 50.0]), 0.0),
                _newton("a saddle", _POINT, _SLOPE, floats([[1, 2], [2, -3]]), 0.0),
                _newton("gradients from 0 to 1000", np.zeros(3), floats([0, 1e-8, 1e3]), _A3, 0.0),
            ],
            _undamped_cases,
        ),
        Check(
            "with damping",
            2,
            [
                _newton("some damping", _POINT, _SLOPE, _A, 2.0),
                _newton("much damping", _POINT, _SLOPE, _A, 100.0),
                _newton("a diagonal Hessian", _POINT, _SLOPE, np.diag([1.0, 50.0]), 0.5),
            ],
            _damped_cases,
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _newton("gradient zero", _POINT, np.zeros(2), _A, 0.5),
                _newton("one dimension", floats([3]), floats([2]), floats([[4]]), 0.5),
                _newton("arrays that skip memory", *map(strided, (_POINT, _SLOPE, _A)), 0.5),
                _newton("read-only arrays", *map(readonly, (_POINT, _SLOPE, _A)), 0.5),
            ],
            _newton_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "no-damping",
            "Your step solves with H alone: add the damping to its diagonal, H + λI.",
            _newton_no_damping,
        ),
        Mistake(
            "damping-subtracted",
            "Your function subtracts the damping, H − λI, which can make a good Hessian "
            "singular: add it, H + λI.",
            _newton_damping_subtracted,
        ),
        Mistake(
            "damping-on-all-entries",
            "Your function adds λ to every entry of H (`H + damping` does that to arrays): λ "
            "belongs on the diagonal only, H + λI.",
            _newton_damping_on_all_entries,
        ),
        Mistake(
            "damping-scaled",
            "Your damping is λ times the diagonal of H, the scaled form of Levenberg and "
            "Marquardt: the course adds λ itself, H + λI.",
            _newton_damping_scaled,
        ),
        Mistake(
            "damping-as-a-rate",
            "Your damping divides the whole step by 1 + λ: it is added to the curvature "
            "instead, H + λI.",
            _newton_damping_as_a_rate,
        ),
        Mistake(
            "hessian-multiplied",
            "Your step multiplies the gradient by the Hessian: Newton's step divides by "
            "curvature, (H + λI)⁻¹g.",
            _newton_hessian_multiplied,
        ),
        Mistake(
            "diagonal-only",
            "Your step uses the diagonal of H only: the directions are coupled, so solve with "
            "the whole matrix.",
            _newton_diagonal_only,
        ),
        Mistake(
            "entries-inverted",
            "Your inverse is taken entry by entry (`1 / H` does that to arrays): use "
            "`np.linalg.solve`.",
            _newton_entries_inverted,
        ),
        Mistake(
            "absolute-curvatures",
            "Your step uses the absolute values of the curvatures, which avoids saddles: a "
            "good idea with a name of its own (saddle-free Newton); the course's step solves "
            "with H + λI as it is.",
            _newton_absolute_curvatures,
        ),
        Mistake(
            "uphill",
            "Your step is added: θ ← θ − (H + λI)⁻¹g.",
            _newton_uphill,
        ),
        Mistake(
            "step-alone",
            "Your function returns the step alone: return the new θ.",
            _newton_step_alone,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to "
            "`x[i]` do that): compute new arrays.",
            _newton_in_place,
        ),
    ),
)

# --- conjugate_gradient ---------------------------------------------------------------------------

_conjugate = case_maker("A", "b", "x0", "steps")

_B, _X0 = floats([1, -1]), floats([2, 1.5])
_B3, _X3 = floats([1, -1, 2]), floats([2, 1.5, -1])


def _cg_problem(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    return positive_definite(rng, n, 20), rng.normal(size=n), rng.normal(size=n) * 2


def _cg_first_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _conjugate(f"{word} dimensions, one step", *_cg_problem(rng, n), 1)
        for word, n in (("two", 2), ("three", 3), ("five", 5))
    ]


def _cg_later_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _conjugate("two dimensions", *_cg_problem(rng, 2), 2),
        _conjugate("four dimensions", *_cg_problem(rng, 4), 4),
        _conjugate("some steps of many", *_cg_problem(rng, 6), 3),
    ]


def _cg_edge_cases(rng: np.random.Generator) -> list[Case]:
    a, b, x = _cg_problem(rng, 3)
    minimum = floats(rng.integers(1, 5, size=3))
    # powers of two, so that the residual at the minimum is exactly zero in any order of operations
    scales = 2.0 ** rng.integers(0, 4, size=3)
    return [
        _conjugate("no step at all", a, b, x, 0),
        _conjugate("start at the minimum", np.diag(scales), scales * minimum, minimum, 3),
        _conjugate("more steps than dimensions", a, b, x, 4),
        _conjugate("read-only and strided data", strided(a), readonly(b), readonly(x), 2),
    ]


def _cg_uphill(A, b, x0, steps):
    x, r = x0, A @ x0 - b
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_plus_b(A, b, x0, steps):
    x, r = x0, -b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_steepest_descent(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r
        trajectory.append(x)
    return np.array(trajectory)


def _cg_beta_inverted(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + rr / (r @ r) * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_beta_one(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_beta_subtracted(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r - (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_norms_not_squared(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + np.sqrt((r @ r) / rr) * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_matrix_left_out(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_residual_in_the_denominator(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (r @ A @ r)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_residual_not_updated(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_no_stop(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_stops_short(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            break
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_start_missing(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, []
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return np.array(trajectory)


def _cg_only_the_last(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x = x + alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x)
    return x


def _cg_start_changed(A, b, x0, steps):
    x, r = x0, b - A @ x0
    d, trajectory = r, [x0.copy()]
    for _ in range(steps):
        rr = r @ r
        if rr == 0:
            trajectory.append(x)
            continue
        alpha = rr / (d @ A @ d)
        x += alpha * d
        r = r - alpha * (A @ d)
        d = r + (r @ r) / rr * d
        trajectory.append(x.copy())
    return np.array(trajectory)


_CONJUGATE_GRADIENT = Exercise(
    "conjugate_gradient",
    title="Conjugate gradients",
    minutes=20,
    section="curvature.md#conjugate-gradient-no-step-is-undone",
    parameters=("A", "b", "x0", "steps"),
    returns=("trajectory",),
    reference=reference.conjugate_gradient,
    checks=(
        Check(
            "the first step",
            1,
            [
                _conjugate("two dimensions, one step", _A, _B, _X0, 1),
                _conjugate("a diagonal matrix", np.diag([1.0, 50.0]), _B, _X0, 1),
                _conjugate("three dimensions, one step", _A3, _B3, _X3, 1),
            ],
            _cg_first_cases,
        ),
        Check(
            "more steps",
            2,
            [
                _conjugate("two dimensions", _A, _B, _X0, 2),
                _conjugate("three dimensions", _A3, _B3, _X3, 3),
                _conjugate(
                    "a narrow valley", np.diag([1.0, 50.0]), np.zeros(2), floats([10, 1]), 2
                ),
            ],
            _cg_later_cases,
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _conjugate("no step at all", _A, _B, _X0, 0),
                _conjugate("start at the minimum", _A, floats([4, 3]), floats([1, 1]), 3),
                _conjugate("more steps than dimensions", _A, _B, _X0, 3),
                _conjugate(
                    "read-only and strided data", strided(_A), readonly(_B), readonly(_X0), 2
                ),
            ],
            _cg_edge_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "uphill",
            "Your first direction is the gradient Ax − b, and your steps climb: start from "
            "the residual r = b − Ax, the negative gradient.",
            _cg_uphill,
        ),
        Mistake(
            "plus-b",
            "Your residual is −b − Ax: the gradient is Ax − b, so the residual is b − Ax.",
            _cg_plus_b,
        ),
        Mistake(
            "steepest-descent",
            "Your directions are the residuals alone, which is steepest descent: the next "
            "direction keeps a part of the old one, d ← r + βd.",
            _cg_steepest_descent,
        ),
        Mistake(
            "beta-inverted",
            "Your β is the wrong way up: it is the new rᵀr divided by the old one.",
            _cg_beta_inverted,
        ),
        Mistake(
            "beta-one",
            "Your β is 1, the same rᵀr above and below: keep the old one before you update r.",
            _cg_beta_one,
        ),
        Mistake(
            "beta-subtracted",
            "Your new direction is r − βd: it is r + βd.",
            _cg_beta_subtracted,
        ),
        Mistake(
            "norms-not-squared",
            "Your β is a ratio of norms: it is the ratio of their squares, rᵀr.",
            _cg_norms_not_squared,
        ),
        Mistake(
            "matrix-left-out",
            "Your step length is rᵀr / dᵀd: the curvature along d belongs below, dᵀAd.",
            _cg_matrix_left_out,
        ),
        Mistake(
            "residual-in-the-denominator",
            "Your step length has rᵀAr below, which is right in the first step only: it is dᵀAd.",
            _cg_residual_in_the_denominator,
        ),
        Mistake(
            "residual-not-updated",
            "Your residual stays the one at the start: r ← r − αAd in each step.",
            _cg_residual_not_updated,
        ),
        Mistake(
            "no-stop",
            "Your function divides 0 by 0 when the residual is zero, and the rest is NaN: at "
            "the minimum x stays.",
            _cg_no_stop,
        ),
        Mistake(
            "stops-short",
            "Your trajectory ends when the residual is zero: it has `steps + 1` rows always, "
            "and x stays.",
            _cg_stops_short,
        ),
        Mistake(
            "start-missing",
            "Your trajectory lacks the start: row 0 is `x0`, and `steps` rows follow.",
            _cg_start_missing,
        ),
        Mistake(
            "only-the-last",
            "Your function returns the last x only: return all of them as rows of one array, "
            "the start first.",
            _cg_only_the_last,
        ),
        Mistake(
            "start-changed",
            "Your function changes `x0` in place (`+=` does that to arrays): use `x = x + "
            "alpha * d`, which makes a new array.",
            _cg_start_changed,
        ),
    ),
)

# --- bfgs_update ----------------------------------------------------------------------------------

_bfgs = case_maker("H_inv", "s", "y")

_H = floats([[2, 0.5], [0.5, 1]])


def _pair(rng: np.random.Generator, a: Array) -> tuple[Array, Array]:
    """A step, and the change of the gradient along it where the Hessian is ``a``."""
    s = rng.normal(size=len(a))
    return s, a @ s


def _bfgs_cases(rng: np.random.Generator) -> list[Case]:
    a = positive_definite(rng, 3, 10)
    return [
        _bfgs("from the identity", np.eye(3), *_pair(rng, a)),
        _bfgs("from another estimate", positive_definite(rng, 3, 10), *_pair(rng, a)),
        _bfgs("a tiny step", positive_definite(rng, 3, 10), *(1e-3 * x for x in _pair(rng, a))),
    ]


def _bfgs_chain(rng: np.random.Generator) -> list[Case]:
    a = positive_definite(rng, 3, 10)
    pairs = [_pair(rng, a) for _ in range(4)]
    return [
        _bfgs(
            "four steps on a quadratic",
            np.eye(3),
            *pairs[0],
            steps=[{"s": s, "y": y} for s, y in pairs],
            feedback=("H_inv",),
        )
    ]


def _bfgs_skips(rng: np.random.Generator) -> list[Case]:
    a, h = positive_definite(rng, 3, 10), positive_definite(rng, 3, 10)
    s, y = _pair(rng, a)
    across, along = floats([1, 0, 0]), np.array([0.0, *rng.normal(size=2)])
    return [
        _bfgs("curvature negative", h, s, -y),
        _bfgs("curvature zero", h, across, along),
        _bfgs("no step", h, 0 * s, y),
        _bfgs("arrays that skip memory", strided(h), strided(s), strided(y)),
        _bfgs("a matrix stored by columns", column_major(h), s, y),
        _bfgs("read-only arrays", readonly(h), readonly(s), readonly(y)),
    ]


def _bfgs_never_skipped(H_inv, s, y):
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)


def _bfgs_reset_when_skipped(H_inv, s, y):
    if s @ y <= 0:
        return np.eye(len(s))
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)


def _bfgs_absolute_curvature(H_inv, s, y):
    if s @ y == 0:
        return H_inv.copy()
    rho = 1 / abs(s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)


def _bfgs_step_and_gradient_swapped(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(y, s)
    return left @ H_inv @ left.T + rho * np.outer(y, y)


def _bfgs_factors_exchanged(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left.T @ H_inv @ left + rho * np.outer(s, s)


def _bfgs_one_sided(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv + rho * np.outer(s, s)


def _bfgs_last_term_missing(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T


def _bfgs_last_term_without_rho(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + np.outer(s, s)


def _bfgs_last_term_of_gradients(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(y, y)


def _bfgs_rho_inverted(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = s @ y
    left = np.eye(len(s)) - rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)


def _bfgs_plus_in_the_factors(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) + rho * np.outer(s, y)
    return left @ H_inv @ left.T + rho * np.outer(s, s)


def _bfgs_dfp(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    Hy = H_inv @ y
    return H_inv - np.outer(Hy, Hy) / (y @ Hy) + np.outer(s, s) / (s @ y)


def _bfgs_in_place(H_inv, s, y):
    if s @ y <= 0:
        return H_inv.copy()
    rho = 1 / (s @ y)
    left = np.eye(len(s)) - rho * np.outer(s, y)
    H_inv[...] = left @ H_inv @ left.T + rho * np.outer(s, s)
    return H_inv


_BFGS_UPDATE = Exercise(
    "bfgs_update",
    title="The BFGS update",
    minutes=15,
    section="curvature.md#bfgs-learn-the-curvature-from-what-the-gradients-do",
    parameters=("H_inv", "s", "y"),
    returns=("H_inv",),
    reference=reference.bfgs_update,
    checks=(
        Check(
            "an update",
            2,
            [
                _bfgs("from the identity", np.eye(2), floats([1, 0.5]), floats([3, -1])),
                _bfgs("from another estimate", _H, floats([1, 0.5]), floats([3, -1])),
                _bfgs("three dimensions", _A3, floats([1, 0, -1]), floats([2, 1, -0.5])),
            ],
            _bfgs_cases,
        ),
        Check(
            "several updates",
            1,
            [
                _bfgs(
                    "three steps on a quadratic",
                    np.eye(2),
                    np.zeros(2),
                    np.zeros(2),
                    steps=[
                        {"s": floats(s), "y": _A @ floats(s)} for s in ([1, 0], [0.5, -2], [1, 1])
                    ],
                    feedback=("H_inv",),
                ),
            ],
            _bfgs_chain,
        ),
        Check(
            "steps to skip, and memory layouts",
            1,
            [
                _bfgs("curvature negative", _H, floats([1, 0.5]), floats([-3, 1])),
                _bfgs("curvature zero", _H, floats([1, 0]), floats([0, 2])),
                _bfgs("no step", _H, np.zeros(2), floats([0, 2])),
                _bfgs("arrays that skip memory", *map(strided, (_H, [1, 0.5], [3, -1]))),
                _bfgs("read-only arrays", *map(readonly, (_H, [1, 0.5], [3, -1]))),
            ],
            _bfgs_skips,
        ),
    ),
    mistakes=(
        Mistake(
            "never-skipped",
            "Your function updates also when sᵀy ≤ 0: then H would no longer be positive "
            "definite (or you divide by zero), so return H as it is.",
            _bfgs_never_skipped,
        ),
        Mistake(
            "reset-when-skipped",
            "Your function returns the identity when sᵀy ≤ 0: keep what is known, return H as "
            "it is.",
            _bfgs_reset_when_skipped,
        ),
        Mistake(
            "absolute-curvature",
            "Your function updates with |sᵀy| when sᵀy is negative: such a step is skipped, "
            "return H as it is.",
            _bfgs_absolute_curvature,
        ),
        Mistake(
            "step-and-gradient-swapped",
            "Your s and y are exchanged: that is the update of the Hessian itself (DFP's); "
            "for its inverse it is (I − ρsyᵀ)H(I − ρysᵀ) + ρssᵀ.",
            _bfgs_step_and_gradient_swapped,
        ),
        Mistake(
            "factors-exchanged",
            "Your two factors stand on the wrong sides: (I − ρsyᵀ) is on the left of H, its "
            "transpose on the right.",
            _bfgs_factors_exchanged,
        ),
        Mistake(
            "one-sided",
            "Your update has only the left factor, so that H is no longer symmetric: multiply "
            "by (I − ρysᵀ) from the right, too.",
            _bfgs_one_sided,
        ),
        Mistake(
            "last-term-missing",
            "Your update lacks its last term, + ρssᵀ, and H y is zero instead of s.",
            _bfgs_last_term_missing,
        ),
        Mistake(
            "last-term-without-rho",
            "Your last term is ssᵀ without ρ: it is ρssᵀ.",
            _bfgs_last_term_without_rho,
        ),
        Mistake(
            "last-term-of-gradients",
            "Your last term is ρyyᵀ: it is ρssᵀ, an inverse curvature.",
            _bfgs_last_term_of_gradients,
        ),
        Mistake(
            "rho-inverted",
            "Your ρ is sᵀy: it is its inverse, 1/sᵀy.",
            _bfgs_rho_inverted,
        ),
        Mistake(
            "plus-in-the-factors",
            "Your factors are I + ρsyᵀ: they have a minus.",
            _bfgs_plus_in_the_factors,
        ),
        Mistake(
            "dfp",
            "Your update is that of Davidon, Fletcher and Powell, H − HyyᵀH/yᵀHy + ssᵀ/sᵀy: "
            "it fits the step as well; the course has BFGS.",
            _bfgs_dfp,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to "
            "`x[i]` do that): compute new arrays.",
            _bfgs_in_place,
        ),
    ),
)

# --- lbfgs_direction ------------------------------------------------------------------------------

_lbfgs = case_maker("grad", "S", "Y")

_G2, _G3 = floats([0.5, -4]), floats([1, -2, 0.5])
_S2, _S3 = floats([[1, 0.5]]), floats([[1, 0, -1], [0.5, 2, 0], [-1, 1, 1]])
_Y3 = _S3 @ _A3 + 0.1 * floats([[0, 1, 0], [1, 0, 0], [0, 0, 1]])


def _pairs(rng: np.random.Generator, m: int, n: int) -> tuple[Array, Array, Array]:
    """A gradient, and m steps with changes of the gradient on a quadratic."""
    a, s = positive_definite(rng, n, 10), rng.normal(size=(m, n))
    return rng.normal(size=n), s, s @ a


def _one_pair_cases(rng: np.random.Generator) -> list[Case]:
    grad, s, y = _pairs(rng, 1, 3)
    return [
        _lbfgs("three dimensions", grad, s, y),
        _lbfgs("six dimensions", *_pairs(rng, 1, 6)),
        _lbfgs("gradients from 1e-8 to 1e3", spread(rng, 3), s, y),
    ]


def _many_pairs_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _lbfgs("two pairs", *_pairs(rng, 2, 3)),
        _lbfgs("three pairs", *_pairs(rng, 3, 5)),
        _lbfgs("more pairs than dimensions", *_pairs(rng, 4, 2)),
    ]


def _left_out_cases(rng: np.random.Generator) -> list[Case]:
    grad, s, y = _pairs(rng, 3, 4)
    cases = []
    for label, i in (("the oldest", 0), ("one between", 1), ("the newest", 2)):
        signs = np.where(np.arange(3) == i, -1.0, 1.0)[:, None]
        cases.append(_lbfgs(f"curvature negative in {label}", grad, s, signs * y))
    return [
        *cases,
        _lbfgs("curvature zero in the newest", grad, s, y * [[1], [1], [0]]),
        _lbfgs("no usable pair", grad, s, -y),
    ]


def _lbfgs_layouts(rng: np.random.Generator) -> list[Case]:
    grad, s, y = _pairs(rng, 2, 3)
    return [
        _lbfgs("no pair at all", grad, np.zeros((0, 3)), np.zeros((0, 3))),
        _lbfgs("gradient zero", np.zeros(3), s, y),
        _lbfgs("arrays that skip memory", strided(grad), strided(s), strided(y)),
        _lbfgs("arrays stored by columns", grad, column_major(s), column_major(y)),
        _lbfgs("read-only arrays", readonly(grad), readonly(s), readonly(y)),
    ]


def _lbfgs_opposite_sign(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return q


def _lbfgs_not_scaled(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept = grad.copy(), {}
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_scale_inverted(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (y @ y) / (s @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_scale_of_steps(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ s) / (s @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_scale_of_the_oldest(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[0]], Y[usable[0]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_scale_of_a_pair_left_out(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if len(S):
        s, y = S[-1], Y[-1]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_newest_first(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0][::-1]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_both_loops_alike(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in reversed(usable):
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_second_loop_missing(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    return -q


def _lbfgs_second_loop_added(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] + (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_steps_and_gradients_swapped(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (Y[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * S[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (S[i] @ q) / (S[i] @ Y[i])) * Y[i]
    return -q


def _lbfgs_never_left_out(grad, S, Y):
    usable = range(len(S))
    q, kept, scale = grad.copy(), {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q = q - kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q = scale * q
    for i in usable:
        q = q + (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


def _lbfgs_in_place(grad, S, Y):
    usable = [i for i in range(len(S)) if S[i] @ Y[i] > 0]
    q, kept, scale = grad, {}, 1.0
    for i in reversed(usable):
        kept[i] = (S[i] @ q) / (S[i] @ Y[i])
        q -= kept[i] * Y[i]
    if usable:
        s, y = S[usable[-1]], Y[usable[-1]]
        scale = (s @ y) / (y @ y)
    q *= scale
    for i in usable:
        q += (kept[i] - (Y[i] @ q) / (S[i] @ Y[i])) * S[i]
    return -q


_LBFGS_DIRECTION = Exercise(
    "lbfgs_direction",
    title="L-BFGS: the direction without the matrix",
    minutes=20,
    section="curvature.md#bfgs-learn-the-curvature-from-what-the-gradients-do",
    parameters=("grad", "S", "Y"),
    returns=("d",),
    reference=reference.lbfgs_direction,
    checks=(
        Check(
            "one pair",
            1,
            [
                _lbfgs("two dimensions", _G2, _S2, floats([[3, -1]])),
                _lbfgs("three dimensions", _G3, _S3[:1], _Y3[:1]),
                _lbfgs("gradients from 0 to 1000", floats([0, 1e-8, 1e3]), _S3[:1], _Y3[:1]),
            ],
            _one_pair_cases,
        ),
        Check(
            "several pairs",
            2,
            [
                _lbfgs("two pairs", _G3, _S3[:2], _Y3[:2]),
                _lbfgs("three pairs", _G3, _S3, _Y3),
                _lbfgs(
                    "more pairs than dimensions",
                    _G2,
                    floats([[1, 0], [0.5, -2], [1, 1]]),
                    floats([[3, 1], [-0.5, -3.5], [4, 2.5]]),
                ),
            ],
            _many_pairs_cases,
        ),
        Check(
            "pairs to leave out",
            1,
            [
                _lbfgs("curvature negative in the oldest", _G3, _S3, _Y3 * [[-1], [1], [1]]),
                _lbfgs("curvature negative in the newest", _G3, _S3, _Y3 * [[1], [1], [-1]]),
                _lbfgs("curvature zero in the newest", _G3, _S3, _Y3 * [[1], [1], [0]]),
                _lbfgs("no usable pair", _G3, _S3, -_Y3),
            ],
            _left_out_cases,
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _lbfgs("no pair at all", _G2, np.zeros((0, 2)), np.zeros((0, 2))),
                _lbfgs("gradient zero", np.zeros(3), _S3, _Y3),
                _lbfgs("arrays that skip memory", *map(strided, (_G3, _S3, _Y3))),
                _lbfgs("read-only arrays", *map(readonly, (_G3, _S3, _Y3))),
            ],
            _lbfgs_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "opposite-sign",
            "Your function returns H g, the step that is subtracted in other methods: here it "
            "returns the direction of descent, −H g.",
            _lbfgs_opposite_sign,
        ),
        Mistake(
            "not-scaled",
            "Your H starts from the identity: it starts from sᵀy/yᵀy times the identity, with "
            "the newest pair.",
            _lbfgs_not_scaled,
        ),
        Mistake(
            "scale-inverted",
            "Your scale is yᵀy/sᵀy, a curvature: H is an inverse, so it is sᵀy/yᵀy.",
            _lbfgs_scale_inverted,
        ),
        Mistake(
            "scale-of-steps",
            "Your scale is sᵀs/sᵀy, the other of two that are in use (Barzilai and Borwein's "
            "long one): the course has sᵀy/yᵀy.",
            _lbfgs_scale_of_steps,
        ),
        Mistake(
            "scale-of-the-oldest",
            "Your scale comes from the oldest pair: it comes from the newest, the last row.",
            _lbfgs_scale_of_the_oldest,
        ),
        Mistake(
            "scale-of-a-pair-left-out",
            "Your scale comes from the last row even if that pair is left out: it comes from "
            "the newest pair with sᵀy > 0.",
            _lbfgs_scale_of_a_pair_left_out,
        ),
        Mistake(
            "newest-first",
            "Your function takes row 0 for the newest pair: it is the oldest, the last row is "
            "the newest.",
            _lbfgs_newest_first,
        ),
        Mistake(
            "both-loops-alike",
            "Your two loops run in the same order: the first goes from the newest pair to the "
            "oldest, the second back.",
            _lbfgs_both_loops_alike,
        ),
        Mistake(
            "second-loop-missing",
            "Your function stops after the scaling: the second loop, from the oldest pair to "
            "the newest, is missing.",
            _lbfgs_second_loop_missing,
        ),
        Mistake(
            "second-loop-added",
            "Your second loop adds its two terms: it is (a − ρyᵀq)s with a minus.",
            _lbfgs_second_loop_added,
        ),
        Mistake(
            "steps-and-gradients-swapped",
            "Your S and Y are exchanged, as if for the Hessian itself: the first loop takes "
            "sᵀq and subtracts y, the second yᵀq and adds s.",
            _lbfgs_steps_and_gradients_swapped,
        ),
        Mistake(
            "never-left-out",
            "Your function uses also pairs with sᵀy ≤ 0, and the direction may point uphill "
            "(or be NaN): leave them out.",
            _lbfgs_never_left_out,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad` in place (`-=` does that to arrays): start from a copy.",
            _lbfgs_in_place,
        ),
    ),
)

# --- vsgd_step ------------------------------------------------------------------------------------

_VSGD = ("theta", "g_bar", "v_bar", "h_bar", "tau", "grad", "h")
_vsgd = case_maker(*_VSGD)

_MEANS = (floats([0.3, -0.2]), floats([0.5, 0.25]), floats([2, 0.5]), floats([4, 2.5]))


def _vsgd_state(rng: np.random.Generator, *shape: int) -> list[Array]:
    """A state as training makes it: the mean of squares is above the square of the mean."""
    theta, g_bar = rng.normal(size=shape), rng.normal(size=shape) * 0.4
    v_bar = g_bar**2 + rng.uniform(0.1, 0.5, size=shape)
    h_bar, tau = rng.uniform(0.5, 4, size=shape), rng.uniform(2, 8, size=shape)
    return [np.asarray(x) for x in (theta, g_bar, v_bar, h_bar, tau)]


def _vsgd_all(rng: np.random.Generator, *shape: int) -> list[Array]:
    grad, h = rng.normal(size=shape), rng.uniform(0.5, 4, size=shape)
    return [*_vsgd_state(rng, *shape), np.asarray(grad), np.asarray(h)]


def _vsgd_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _vsgd("in the middle of training", *_vsgd_all(rng, 4)),
        _vsgd("gradient zero", *_vsgd_state(rng, 4), np.zeros(4), rng.uniform(0.5, 4, size=4)),
        _vsgd(
            "gradients from 1e-8 to 1e3",
            *_vsgd_state(rng, 12),
            spread(rng, 12),
            rng.uniform(0.5, 4, size=12),
        ),
    ]


def _vsgd_chain(rng: np.random.Generator) -> list[Case]:
    return [
        _vsgd(
            "five noisy gradients",
            *_vsgd_all(rng, 3),
            steps=[
                {"grad": 0.5 + rng.normal(size=3), "h": rng.uniform(0.5, 4, size=3)}
                for _ in range(5)
            ],
            feedback=_VSGD[:5],
        )
    ]


def _vsgd_fresh(rng: np.random.Generator) -> list[Case]:
    theta, *means, _ = _vsgd_state(rng, 3)
    grad = rng.uniform(0.5, 2, size=3) * rng.choice([-1, 1], size=3)
    h = rng.uniform(0.5, 4, size=3)
    return [
        _vsgd("everything forgotten", theta, *means, np.ones(3), grad, h),
        _vsgd("means zero", theta, *(np.zeros(3),) * 3, np.full(3, 2.0), grad, h),
    ]


def _vsgd_layouts(rng: np.random.Generator) -> list[Case]:
    return [
        _vsgd("single numbers (0-d)", *_vsgd_all(rng)),
        _vsgd("2-d arrays", *_vsgd_all(rng, 3, 2)),
        _vsgd("arrays that skip memory", *map(strided, _vsgd_all(rng, 3))),
        _vsgd("read-only arrays", *map(readonly, _vsgd_all(rng, 3))),
    ]


def _vsgd_weights_swapped(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 - 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_new_memory_in_the_means(theta, g_bar, v_bar, h_bar, tau, grad, h):
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_rate_of_the_old_means(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    alpha = g_bar**2 / (h_bar * v_bar)
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_mean_gradient_in_the_step(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * g_bar, g_bar, v_bar, h_bar, tau


def _vsgd_curvature_forgotten(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / v_bar
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_curvature_not_averaged(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_mean_not_squared(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_rate_with_a_root(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * np.sqrt(v_bar))
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_memory_the_other_way(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_one_forgotten(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_old_memory_returned(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_squares_not_averaged(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_uphill(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar = (1 - w) * g_bar + w * grad
    v_bar = (1 - w) * v_bar + w * grad**2
    h_bar = (1 - w) * h_bar + w * h
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta + alpha * grad, g_bar, v_bar, h_bar, tau


def _vsgd_in_place(theta, g_bar, v_bar, h_bar, tau, grad, h):
    w = 1 / tau
    g_bar += w * (grad - g_bar)
    v_bar += w * (grad**2 - v_bar)
    h_bar += w * (h - h_bar)
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


_VSGD_STEP = Exercise(
    "vsgd_step",
    title="A rate that sets itself: vSGD",
    minutes=15,
    section="rmsprop.md#fancy-rmsprop-no-rate-at-all",
    parameters=("theta", "g_bar", "v_bar", "h_bar", "tau", "grad", "h"),
    returns=("theta", "g_bar", "v_bar", "h_bar", "tau"),
    reference=reference.vsgd_step,
    checks=(
        Check(
            "a step",
            2,
            [
                _vsgd("gradient along its mean", _POINT, *_MEANS, floats([2, -1]), floats([3, 1])),
                _vsgd(
                    "gradient against its mean", _POINT, *_MEANS, floats([-3, 4]), floats([3, 1])
                ),
                _vsgd("gradient zero", _POINT, *_MEANS, np.zeros(2), floats([3, 1])),
                _vsgd("from 1e-8 to 1000", _POINT, *_MEANS, floats([1e-8, 1e3]), floats([3, 1])),
            ],
            _vsgd_cases,
        ),
        Check(
            "several steps",
            1,
            [
                _vsgd(
                    "three gradients",
                    _POINT,
                    *_MEANS,
                    np.zeros(2),
                    floats([3, 1]),
                    steps=[
                        {"grad": floats(g), "h": floats(h)}
                        for g, h in (([2, 1], [3, 1]), ([-1, 3], [2, 1]), ([0.5, -1], [2, 4]))
                    ],
                    feedback=_VSGD[:5],
                ),
            ],
            _vsgd_chain,
        ),
        Check(
            "a fresh memory",
            1,
            [
                _vsgd(
                    "everything forgotten",
                    _POINT,
                    *_MEANS[:3],
                    np.ones(2),
                    floats([2, -1]),
                    floats([3, 1]),
                ),
                _vsgd(
                    "means zero",
                    _POINT,
                    *(np.zeros(2),) * 3,
                    np.full(2, 2.0),
                    floats([2, -1]),
                    floats([3, 1]),
                ),
            ],
            _vsgd_fresh,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _vsgd("single numbers (0-d)", *map(floats, (1, 0.3, 0.5, 2, 4, -1, 3))),
                _vsgd("2-d arrays", *(np.full((2, 1), x) for x in (1, 0.3, 0.5, 2, 4.0, -1, 3))),
                _vsgd(
                    "read-only and strided data",
                    strided(_POINT),
                    *map(readonly, _MEANS),
                    readonly([2, -1]),
                    strided([3, 1]),
                ),
            ],
            _vsgd_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "weights-swapped",
            "Your means give the new value the weight 1 − 1/τ: it has 1/τ, so that a long "
            "memory changes slowly.",
            _vsgd_weights_swapped,
        ),
        Mistake(
            "new-memory-in-the-means",
            "Your means use the new τ: all three use the old one, and τ is updated after them.",
            _vsgd_new_memory_in_the_means,
        ),
        Mistake(
            "rate-of-the-old-means",
            "Your rate is computed from the means before the update: update them first.",
            _vsgd_rate_of_the_old_means,
        ),
        Mistake(
            "mean-gradient-in-the-step",
            "Your step goes along the mean ḡ: vSGD steps along the gradient g itself, ḡ only "
            "sets the rate.",
            _vsgd_mean_gradient_in_the_step,
        ),
        Mistake(
            "curvature-forgotten",
            "Your rate is ḡ²/v̄: the curvature belongs below, too, α = ḡ²/(h̄v̄).",
            _vsgd_curvature_forgotten,
        ),
        Mistake(
            "curvature-not-averaged",
            "Your rate divides by the newest h: the mean h̄ belongs there, and the new h̄ is "
            "returned.",
            _vsgd_curvature_not_averaged,
        ),
        Mistake(
            "mean-not-squared",
            "Your rate has ḡ above: it is ḡ², which has the units of v̄.",
            _vsgd_mean_not_squared,
        ),
        Mistake(
            "rate-with-a-root",
            "Your rate divides by √v̄, as RMSProp does: here it is α = ḡ²/(h̄v̄).",
            _vsgd_rate_with_a_root,
        ),
        Mistake(
            "memory-the-other-way",
            "Your memory grows where gradients agree, τ ← (ḡ²/v̄)τ + 1: they should shorten "
            "it, τ ← (1 − ḡ²/v̄)τ + 1.",
            _vsgd_memory_the_other_way,
        ),
        Mistake(
            "one-forgotten",
            "Your memory can only shrink: the newest gradient adds one, τ ← (1 − ḡ²/v̄)τ + 1.",
            _vsgd_one_forgotten,
        ),
        Mistake(
            "old-memory-returned",
            "Your τ is returned as it came: return the new one, (1 − ḡ²/v̄)τ + 1.",
            _vsgd_old_memory_returned,
        ),
        Mistake(
            "squares-not-averaged",
            "Your v̄ is the newest g² alone: it is a mean with the weights of the others.",
            _vsgd_squares_not_averaged,
        ),
        Mistake(
            "uphill",
            "Your step is added: θ ← θ − αg.",
            _vsgd_uphill,
        ),
        Mistake(
            "in-place",
            "Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to "
            "`x[i]` do that): compute new arrays.",
            _vsgd_in_place,
        ),
    ),
)

# --- polyak_average -------------------------------------------------------------------------------

_polyak = case_maker("thetas")

_ITERATES = floats([[2, -1], [0, 3], [1, 1], [-2, 0.5]])


def _polyak_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _polyak("five iterates", rng.normal(size=(5, 3))),
        _polyak("many iterates", rng.normal(size=(40, 2))),
        _polyak("from 1e-8 to 1e3", spread(rng, 8, 4)),
    ]


def _polyak_layouts(rng: np.random.Generator) -> list[Case]:
    return [
        _polyak("one iterate", rng.normal(size=(1, 3))),
        _polyak("numbers (1-d)", rng.normal(size=6)),
        _polyak("matrices (3-d)", rng.normal(size=(4, 3, 2))),
        _polyak("an array that skips memory", strided(rng.normal(size=(4, 3)))),
        _polyak("an array stored by columns", column_major(rng.normal(size=(4, 3)))),
        _polyak("a read-only array", readonly(rng.normal(size=(4, 3)))),
    ]


def _polyak_sum_not_divided(thetas):
    return np.cumsum(thetas, axis=0)


def _polyak_all_by_the_same(thetas):
    return np.cumsum(thetas, axis=0) / len(thetas)


def _polyak_one_too_many(thetas):
    count = np.arange(2, len(thetas) + 2).reshape(-1, *[1] * (thetas.ndim - 1))
    return np.cumsum(thetas, axis=0) / count


def _polyak_exponential(thetas):
    averages = [thetas[0]]
    for theta in thetas[1:]:
        averages.append(0.9 * averages[-1] + 0.1 * theta)
    return np.array(averages)


def _polyak_halves(thetas):
    averages = [thetas[0]]
    for theta in thetas[1:]:
        averages.append((averages[-1] + theta) / 2)
    return np.array(averages)


def _polyak_start_left_out(thetas):
    averages = [thetas[0]]
    for k in range(1, len(thetas)):
        averages.append(thetas[1 : k + 1].mean(axis=0))
    return np.array(averages)


def _polyak_from_the_end(thetas):
    return np.array([thetas[k:].mean(axis=0) for k in range(len(thetas))])


def _polyak_newest_left_out(thetas):
    averages = [thetas[0]]
    for k in range(1, len(thetas)):
        averages.append(thetas[:k].mean(axis=0))
    return np.array(averages)


def _polyak_only_the_last(thetas):
    return thetas.mean(axis=0)


def _polyak_over_the_parameters(thetas):
    return np.cumsum(thetas, axis=-1) / np.arange(1, thetas.shape[-1] + 1)


def _polyak_in_place(thetas):
    for k in range(1, len(thetas)):
        thetas[k] = thetas[k - 1] + (thetas[k] - thetas[k - 1]) / (k + 1)
    return thetas


_POLYAK_AVERAGE = Exercise(
    "polyak_average",
    title="Averaging the iterates",
    minutes=10,
    section="curvature.md#averaging-newtons-rate-for-nothing",
    parameters=("thetas",),
    returns=("averages",),
    reference=reference.polyak_average,
    checks=(
        Check(
            "vectors",
            1,
            [
                _polyak("four iterates", _ITERATES),
                _polyak("the same iterate", np.full((5, 2), 3.0)),
                _polyak("from 0 to 1000", floats([[0, 1e-8], [1e3, 0], [-1, 30]])),
            ],
            _polyak_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _polyak("one iterate", _ITERATES[:1]),
                _polyak("numbers (1-d)", floats([4, 0, -1, 5])),
                _polyak("matrices (3-d)", np.arange(24.0).reshape(3, 4, 2) ** 1.5),
                _polyak("an array that skips memory", strided(_ITERATES)),
                _polyak("a read-only array", readonly(_ITERATES)),
            ],
            _polyak_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "sum-not-divided",
            "Your rows are sums: divide row k by the number of iterates in it, k + 1.",
            _polyak_sum_not_divided,
        ),
        Mistake(
            "all-by-the-same",
            "Your rows are all divided by the number of all iterates: row k holds k + 1 of them.",
            _polyak_all_by_the_same,
        ),
        Mistake(
            "one-too-many",
            "Your row k is divided by k + 2: it holds k + 1 iterates.",
            _polyak_one_too_many,
        ),
        Mistake(
            "exponential",
            "Your average is exponential with weight 0.9: that is the usual form for "
            "non-convex losses; here all iterates weigh the same.",
            _polyak_exponential,
        ),
        Mistake(
            "halves",
            "Your average takes half of the old mean and half of the new iterate, so that the "
            "newest weighs most: all weigh the same, m ← m + (θ − m)/(k + 1).",
            _polyak_halves,
        ),
        Mistake(
            "start-left-out",
            "Your means leave out the start, as torch.optim.ASGD does: here row k is the mean "
            "of rows 0 to k.",
            _polyak_start_left_out,
        ),
        Mistake(
            "from-the-end",
            "Your row k is the mean of the iterates from k to the end: it is that of the "
            "iterates up to k.",
            _polyak_from_the_end,
        ),
        Mistake(
            "newest-left-out",
            "Your row k is the mean of the iterates before k: iterate k belongs to it, too.",
            _polyak_newest_left_out,
        ),
        Mistake(
            "only-the-last",
            "Your function returns the mean of all iterates only: return the running means, "
            "one row an iterate.",
            _polyak_only_the_last,
        ),
        Mistake(
            "over-the-parameters",
            "Your means go over the parameters of one iterate (the last axis): they go over "
            "the iterates, axis 0.",
            _polyak_over_the_parameters,
        ),
        Mistake(
            "in-place",
            "Your function changes `thetas` in place: compute a new array.",
            _polyak_in_place,
        ),
    ),
)

# --- coordinate_descent_sweep ---------------------------------------------------------------------

_sweep = case_maker("A", "b", "x")


def _sweep_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _sweep(f"{word} dimensions", *_cg_problem(rng, n))
        for word, n in (("two", 2), ("three", 3), ("five", 5))
    ]


def _sweep_chain(rng: np.random.Generator) -> list[Case]:
    return [_sweep("six sweeps", *_cg_problem(rng, 3), steps=[{}] * 6, feedback=("x",))]


def _sweep_layouts(rng: np.random.Generator) -> list[Case]:
    a, b, x = _cg_problem(rng, 3)
    return [
        _sweep("start at the minimum", a, a @ x, x),
        _sweep("one dimension", a[:1, :1].copy(), b[:1], x[:1]),
        _sweep("arrays that skip memory", strided(a), strided(b), strided(x)),
        _sweep("read-only arrays", readonly(a), readonly(b), readonly(x)),
    ]


def _sweep_old_coordinates(A, b, x):
    return x - (A @ x - b) / np.diag(A)


def _sweep_backwards(A, b, x):
    x = x.copy()
    for i in range(len(x))[::-1]:
        x[i] = x[i] - (A[i] @ x - b[i]) / A[i, i]
    return x


def _sweep_curvature_forgotten(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] - (A[i] @ x - b[i])
    return x


def _sweep_divided_by_the_row(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] - (A[i] @ x - b[i]) / A[i].sum()
    return x


def _sweep_plus_b(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] - (A[i] @ x + b[i]) / A[i, i]
    return x


def _sweep_diagonal_counted(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = -(A[i] @ x - b[i]) / A[i, i]
    return x


def _sweep_uphill(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] + (A[i] @ x - b[i]) / A[i, i]
    return x


def _sweep_only_the_steepest(A, b, x):
    g = A @ x - b
    i = np.argmax(np.abs(g))
    x = x.copy()
    x[i] = x[i] - g[i] / A[i, i]
    return x


def _sweep_returns_early(A, b, x):
    x = x.copy()
    x[0] = x[0] - (A[0] @ x - b[0]) / A[0, 0]
    return x


def _sweep_later_coordinates_forgotten(A, b, x):
    x = x.copy()
    for i in range(len(x)):
        x[i] = x[i] - (A[i, : i + 1] @ x[: i + 1] - b[i]) / A[i, i]
    return x


def _sweep_in_place(A, b, x):
    for i in range(len(x)):
        x[i] = x[i] - (A[i] @ x - b[i]) / A[i, i]
    return x


_COORDINATE_DESCENT_SWEEP = Exercise(
    "coordinate_descent_sweep",
    title="One coordinate at a time",
    minutes=10,
    section="curvature.md#coordinate-descent",
    parameters=("A", "b", "x"),
    returns=("x",),
    reference=reference.coordinate_descent_sweep,
    checks=(
        Check(
            "one sweep",
            2,
            [
                _sweep("two dimensions", _A, _B, _X0),
                _sweep("three dimensions", _A3, _B3, _X3),
                _sweep("a start from 1e-8 to 1000", _A3, _B3, floats([1e-8, 1e3, -1])),
            ],
            _sweep_cases,
        ),
        Check(
            "several sweeps",
            1,
            [_sweep("three sweeps", _A3, _B3, _X3, steps=[{}] * 3, feedback=("x",))],
            _sweep_chain,
        ),
        Check(
            "special cases and memory layouts",
            1,
            [
                _sweep("start at the minimum", _A, floats([4, 3]), floats([1, 1])),
                _sweep("a diagonal matrix", np.diag([1.0, 50.0]), _B, _X0),
                _sweep("one dimension", floats([[2]]), floats([1]), floats([3])),
                _sweep("arrays that skip memory", *map(strided, (_A, _B, _X0))),
                _sweep("read-only arrays", *map(readonly, (_A, _B, _X0))),
            ],
            _sweep_layouts,
        ),
    ),
    mistakes=(
        Mistake(
            "old-coordinates",
            "Your coordinates are all computed from the old x, which is Jacobi's method: each "
            "step uses the coordinates that are new already.",
            _sweep_old_coordinates,
        ),
        Mistake(
            "backwards",
            "Your sweep goes from the last coordinate to the first: it goes from the first to "
            "the last.",
            _sweep_backwards,
        ),
        Mistake(
            "curvature-forgotten",
            "Your step subtracts the gradient itself: divide it by the curvature A_ii, which "
            "leads to the exact minimum.",
            _sweep_curvature_forgotten,
        ),
        Mistake(
            "divided-by-the-row",
            "Your step divides by the sum of the row of A: the curvature along axis i is A_ii.",
            _sweep_divided_by_the_row,
        ),
        Mistake(
            "plus-b",
            "Your gradient is Ax + b: the function is ½xᵀAx − bᵀx, so it is Ax − b.",
            _sweep_plus_b,
        ),
        Mistake(
            "diagonal-counted",
            "Your new coordinate is (b_i − (Ax)_i)/A_ii, the change alone: add it to x_i (or "
            "leave A_ii x_i out of the sum).",
            _sweep_diagonal_counted,
        ),
        Mistake(
            "uphill",
            "Your step is added and so climbs: x_i ← x_i − (Ax − b)_i / A_ii.",
            _sweep_uphill,
        ),
        Mistake(
            "only-the-steepest",
            "Your function changes one coordinate only, that of the largest gradient: a sweep "
            "goes over all, in order.",
            _sweep_only_the_steepest,
        ),
        Mistake(
            "returns-early",
            "Your function returns after the first coordinate: a sweep goes over all.",
            _sweep_returns_early,
        ),
        Mistake(
            "later-coordinates-forgotten",
            "Your sum stops at the diagonal: the coordinates that are still to come count, "
            "too, with their old values.",
            _sweep_later_coordinates_forgotten,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (writing to `x[i]` does that): start from a copy.",
            _sweep_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps06-curvature",
    title="Methods that use curvature",
    exercises=(
        _NEWTON_STEP,
        _CONJUGATE_GRADIENT,
        _BFGS_UPDATE,
        _LBFGS_DIRECTION,
        _VSGD_STEP,
        _POLYAK_AVERAGE,
        _COORDINATE_DESCENT_SWEEP,
    ),
    written=(Written("which_method", 4),),
)
