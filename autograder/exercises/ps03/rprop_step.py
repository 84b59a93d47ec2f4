"""One step of Rprop."""

from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, layouts, normals, spread

from .sizes import sizes

STATE = ("theta", "delta", "prev_grad")
LIMITS = ("eta_minus", "eta_plus", "delta_min", "delta_max")
PARAMETERS = ("theta", "delta", "grad", "prev_grad", *LIMITS)

case = case_maker(*PARAMETERS, feedback=STATE)

ONES = np.ones((2, 1, 2))
USUAL = (0.5, 1.2, 1e-6, 50.0)
NARROW = (0.5, 1.2, 0.1, 1.0)
OTHER = (0.25, 1.5, 1e-9, 1e3)
TWO = ([1, -2], [0.5, 0.25])  # theta and delta
ROW = ([1, 2], [0.5, 0.25], [3, -4], [1, 1])
SQUARES = ([[1, 2], [3, 4]], np.full((2, 2), 0.5), [[0, 1], [-1, 2]], [[1, 1], [1, 0]])
SIX = [[1, -1, 2], [2, 1, 1], [0.5, 3, -1], [-1, 2, 0], [-2, -5, -3], [4, -1, -0.1]]


def run(label: str, theta: Any, delta: Any, grads: Any, limits: tuple[float, ...]) -> Case:
    """Steps from a stored gradient of zero, one a gradient."""
    zero = np.zeros(len(theta))
    return case(label, theta, delta, zero, zero, *limits, steps={"grad": grads})


def agreeing(rng: Rng) -> list[Case]:
    def drawn(label: str, grad: Array, prev: Array) -> Case:
        n = len(grad)
        return case(label, rng.normal(size=n), sizes(rng, n), grad, prev, *USUAL)

    sign = rng.choice([-1.0, 1.0], 5)
    grad = spread(rng, 12)
    return [
        drawn("stored gradient zero", rng.normal(size=5), np.zeros(5)),
        drawn("gradients that agree", sign * sizes(rng, 5), sign * sizes(rng, 5)),
        drawn("gradients from 1e-8 to 1e3", grad, grad * rng.uniform(0.2, 5, 12)),
        drawn(
            "some zero, some stored as zero",
            np.array([0, 0, 1, 1, -1, -1]) * sizes(rng, 6),
            np.array([1, -1, 0, 2, 0, -2]) * sizes(rng, 6),
        ),
        case(
            "other factors",
            *(rng.normal(size=5), sizes(rng, 5), 2 * sign, sign),
            *(0.3, rng.uniform(1.3, 2), 1e-9, 1e3),
        ),
    ]


def changing(rng: Rng) -> list[Case]:
    grad = rng.choice([-1.0, 1.0], 4) * sizes(rng, 4)
    mixed = np.array([1, -1, 1, -1]) * sizes(rng, 4)
    size = 10.0 ** rng.uniform(-8, 3, 8)
    start = rng.normal(size=4), sizes(rng, 4)
    wide = "changes of gradients from 1e-8 to 1e3"
    turns = np.array([[1], [-2], [-0.5], [-1], [3], [3]])
    return [
        case("all change their sign", *start, grad, -grad * sizes(rng, 4), *USUAL),
        case("half of them change their sign", *start, mixed, np.abs(mixed) * 2, *USUAL),
        case(wide, rng.normal(size=8), sizes(rng, 8), size, -size[::-1].copy(), *USUAL),
        case("another factor", *start, grad, -grad, rng.uniform(0.2, 0.8), 1.1, 1e-9, 1e3),
        run("the steps after a change", *start, grad * turns, USUAL),
    ]


def limited(rng: Rng) -> list[Case]:
    low, high = rng.uniform(0.1, 0.2), rng.uniform(2, 3)
    delta = [low, 1.5 * low, 0.9 * high, high]
    up = np.array([1.0, -1.0, 1.0, -1.0])
    limits = (0.5, 1.2, low, high)
    turns = np.array([[1], [-1], [-1], [1], [1], [-1], [-1], [1], [1]])
    return [
        case("growing up to the largest", rng.normal(size=4), delta, up, 2 * up, *limits),
        case("shrinking down to the smallest", rng.normal(size=4), delta, up, -up, *limits),
        run("long growth", [0, 0], [1, 1], rng.uniform(0.5, 1, (9, 2)) * [1, -1], limits),
        run("long shrinking", [0, 0], [1, 1], rng.uniform(0.5, 1, (9, 2)) * turns, limits),
    ]


def in_memory(rng: Rng) -> list[Case]:
    def four(*shape: int) -> list[Array]:
        return [*normals(rng, 1, *shape), sizes(rng, *shape), *normals(rng, 2, *shape)]

    def turned(*shape: int) -> list[Array]:
        theta, delta, grad, _ = four(*shape)
        return [theta, delta, grad, np.asarray(-2 * grad)]

    return layouts(
        case,
        USUAL,
        number=turned(),
        two_d=four(3, 2),
        three_d=four(2, 2, 3),
        strided=turned(4),
        column_major=four(2, 3),
        readonly=turned(3),
    )


@mistake
def steps_back(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    """Your function takes the last step back after a change of sign: that is the variant Rprop+;
    the course has iRprop−, which sets g := 0 there, so that the weight pauses."""
    s = grad * prev_grad
    new = np.where(s > 0, eta_plus * delta, np.where(s < 0, eta_minus * delta, delta))
    new = np.clip(new, delta_min, delta_max)
    step = np.where(s < 0, -np.sign(prev_grad) * delta, np.sign(grad) * new)
    return theta - step, new, np.where(s < 0, 0.0, grad)


@mistake
def sizes_in_place(theta, delta, grad, prev_grad, eta_minus, eta_plus, delta_min, delta_max):
    """Your function changes its argument `delta` in place: use np.where, or work on a copy."""
    s = grad * prev_grad
    delta[s > 0] *= eta_plus
    delta[s < 0] *= eta_minus
    np.clip(delta, delta_min, delta_max, out=delta)
    grad = np.where(s < 0, 0.0, grad)
    return theta - np.sign(grad) * delta, delta, grad


EXERCISE = Exercise(
    "rprop_step",
    title="One step of Rprop",
    minutes=20,
    section="rprop.md#the-rule",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.rprop_step,
    checks={
        "the first step, and gradients that agree": Check(
            points=1,
            public=[
                case("stored gradient zero", *TWO, [2, -3], [0, 0], *USUAL),
                case("gradients that agree", *TWO, [2, -3], [0.1, -7], *USUAL),
                case(
                    "gradients from 0 to 1000",
                    np.zeros(6),
                    [0.1, 0.2, 0.3, 1 / 7, 0.5, 0.6],
                    [0, 1e-8, -1e-8, -1, 30, 1e3],
                    [1, 1e-8, -1e3, -1e-8, 0, 2],
                    *USUAL,
                ),
                case("gradient zero", *TWO, [0, 0], [1, -1], *USUAL),
                case("other factors", *TWO, [2, -3], [1, -1], *OTHER),
            ],
            held_out=agreeing,
        ),
        "gradients that change their sign": Check(
            points=2,
            public=[
                case("both change their sign", *TWO, [2, -3], [-0.1, 7], *USUAL),
                case(
                    "one of three changes its sign",
                    *([1, -2, 3], [0.5, 0.25, 1], [2, -3, 0], [-1, -1, 4]),
                    *USUAL,
                ),
                case(
                    "changes of gradients from 1e-8 to 1000",
                    np.zeros(4),
                    [0.1, 0.2, 0.3, 0.4],
                    [1e-8, -1, 30, -1e3],
                    [-1e-8, 1e3, -1e-8, 1],
                    *USUAL,
                ),
                case("another factor", *TWO, [2, -3], [-1, 1], *OTHER),
                run(
                    "the steps after a change",
                    *TWO,
                    [[2, -3], [-4, 6], [-1, 1.5], [-2, 3], [6, -9]],
                    USUAL,
                ),
            ],
            held_out=changing,
        ),
        "the limits of the step sizes": Check(
            points=1,
            public=[
                case(
                    "growing up to the largest",
                    *([1, -2, 3], [0.1, 0.9, 1], [1, -1, 2], [2, -1, 3]),
                    *NARROW,
                ),
                case(
                    "shrinking down to the smallest",
                    *([1, -2, 3], [0.1, 0.15, 1], [1, -1, 2], [-2, 1, -3]),
                    *NARROW,
                ),
                run("long growth", [0, 0], [20, 40], [[1, -2]] * 7, USUAL),
            ],
            held_out=limited,
        ),
        "many steps, shapes and memory layouts": Check(
            points=1,
            public=[
                run("six gradients", [1, -1, 0], [0.5, 0.5, 2], SIX, USUAL),
                *layouts(
                    case,
                    USUAL,
                    number=(2, 0.5, -1, 3),
                    two_d=SQUARES,
                    three_d=(ONES, ONES, [[[1, -2]], [[3, -4]]], ONES),
                    strided=ROW,
                    readonly=ROW,
                ),
            ],
            held_out=lambda rng: [
                run(
                    "eight random gradients",
                    *(rng.normal(size=6), sizes(rng, 6), rng.normal(size=(8, 6))),
                    USUAL,
                ),
                *in_memory(rng),
            ],
        ),
    },
    mistakes={
        "climbs": edit(
            "Your step goes in the direction of the gradient and so climbs: θ ← θ − sign(g)Δ.",
            ("theta - ", "theta + "),
        ),
        "sign-missing": edit(
            "Your step is θ − Δ, as the lecture's slide (L1) prints it: sign(g) is missing there, "
            "so that θ only ever decreases; θ ← θ − sign(g)Δ.",
            ("np.sign(grad) * delta", "delta"),
        ),
        "times-gradient": edit(
            "Your step is gΔ: Rprop uses the gradient's sign only, θ ← θ − sign(g)Δ.",
            ("np.sign(grad)", "grad"),
        ),
        "moves-at-once": edit(
            "Your function moves after a change of sign at once: that is the variant Rprop−; the "
            "course has iRprop−, which sets g := 0 there, so that the weight pauses.",
            ("    grad = np.where(s < 0, 0.0, grad)\n", ""),
            ("delta, delta, grad", "delta, delta, grad.copy()"),
        ),
        "steps-back": steps_back,
        "zero-not-stored": edit(
            "Your weights pause after a change of sign, as they should, but you return g itself: "
            "return the gradient with zeros there, or the next step compares with a sign that was "
            "never followed.",
            ("grad = np.where", "used = np.where"),
            ("np.sign(grad)", "np.sign(used)"),
            ("delta, delta, grad", "delta, delta, grad.copy()"),
        ),
        "no-pause": edit(
            "Your function returns the gradient with zeros, as it should, but takes the step with "
            "the other one: set g := 0 where the sign changed before the step.",
            ("grad = np.where", "stored = np.where"),
            ("delta, delta, grad", "delta, delta, stored"),
        ),
        "sign-stored": edit(
            "Your function returns the gradient's sign to be stored: that would work, but the "
            "course stores the gradient itself, with zeros where its sign changed.",
            ("np.where(s < 0, 0.0, grad)", "np.sign(np.where(s < 0, 0.0, grad))"),
        ),
        "etas-swapped": edit(
            "Your function has the factors swapped: η⁺ lengthens the step where the sign stayed, "
            "η⁻ shortens it where the sign changed.",
            ("eta_plus", "eta_minus"),
            ("eta_minus", "eta_plus"),
        ),
        "old-size-used": edit(
            "Your step has the old length: compute the new Δ first, then step with it.",
            ("delta = np.clip", "new = np.clip"),
            ("delta, delta, grad", "delta, new, grad"),
        ),
        "old-size-returned": edit(
            "Your θ is right, but you return the old step sizes: nothing would adapt. Return "
            "the new Δ.",
            ("delta = np.clip", "new = np.clip"),
            ("delta, delta, grad", "new, delta.copy(), grad"),
        ),
        "old-gradient-returned": edit(
            "Your function returns the gradient that was stored before: return the new one, with "
            "zeros where its sign changed, for the next step to compare with.",
            ("delta, delta, grad", "delta, delta, prev_grad.copy()"),
        ),
        "zero-counts-as-agreement": edit(
            "Your Δ grows also where a gradient is zero: at gg₋ = 0, and so in the first step and "
            "after a pause, Δ stays as it is.",
            ("s > 0", "s >= 0"),
        ),
        "zero-counts-as-change": edit(
            "Your Δ shrinks also where a gradient is zero: at gg₋ = 0, and so in the first step "
            "and after a pause, Δ stays as it is.",
            ("np.where(s < 0, eta_minus, 1.0)", "eta_minus"),
        ),
        "one-decision-for-all": edit(
            "Your function decides once for all weights, by the sum of gg₋: Rprop decides for "
            "each weight by itself.",
            ("grad * prev_grad", "np.sum(grad * prev_grad)"),
            ("delta, delta, grad", "delta, delta, grad.copy()"),
        ),
        "no-limits": edit(
            "Your step sizes have no limits: after each change, limit Δ to Δmin … Δmax.",
            ("np.clip(factor * delta, delta_min, delta_max)", "factor * delta"),
        ),
        "no-upper-limit": edit(
            "Your step sizes can grow without limit: Δ is at most Δmax.",
            (
                "np.clip(factor * delta, delta_min, delta_max)",
                "np.maximum(factor * delta, delta_min)",
            ),
        ),
        "no-lower-limit": edit(
            "Your step sizes can shrink to nothing: Δ is at least Δmin.",
            (
                "np.clip(factor * delta, delta_min, delta_max)",
                "np.minimum(factor * delta, delta_max)",
            ),
        ),
        "theta-alone": edit(
            "Your function returns θ alone: return (theta, delta, prev_grad), or the step sizes "
            "are lost after each step.",
            ("delta, delta, grad", "delta"),
        ),
        "other-order": edit(
            "Your function returns (theta, prev_grad, delta): the order is (theta, delta, "
            "prev_grad).",
            ("delta, delta, grad", "delta, grad, delta"),
        ),
        "gradient-in-place": edit(
            "Your function sets entries of its argument `grad` to zero: use np.where, or work on "
            "a copy.",
            ("grad = np.where(s < 0, 0.0, grad)", "grad[s < 0] = 0.0"),
        ),
        "sizes-in-place": sizes_in_place,
    },
)
