"""A rate that sets itself: vSGD."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Array, Rng, case_maker, layouts, readonly, spread, strided

STATE = ("theta", "g_bar", "v_bar", "h_bar", "tau")
PARAMETERS = (*STATE, "grad", "h")

case = case_maker(*PARAMETERS, feedback=STATE)

THETA, MEANS, TAU = [1, -2], ([0.3, -0.2], [0.5, 0.25], [2, 0.5]), [4, 2.5]
GIVEN = (THETA, *MEANS, TAU)
GRAD, H = [2, -1], [3, 1]
WIDE = "gradients from 1e-8 to 1e3"


def state(rng: Rng, *shape: int) -> list[Array]:
    """A state as training makes it: the mean of squares is above the square of the mean."""
    theta, g_bar = rng.normal(size=shape), rng.normal(size=shape) * 0.4
    v_bar = g_bar**2 + rng.uniform(0.1, 0.5, shape)
    return [theta, g_bar, v_bar, curvature(rng, *shape), rng.uniform(2, 8, shape)]


def curvature(rng: Rng, *shape: int) -> Array:
    return np.asarray(rng.uniform(0.5, 4, shape))


def drawn(rng: Rng, *shape: int) -> list[Array]:
    grad, h = rng.normal(size=shape), curvature(rng, *shape)
    return [*state(rng, *shape), grad, h]


def noisy(rng: Rng) -> list[Case]:
    start = drawn(rng, 3)
    steps = [{"grad": 0.5 + rng.normal(size=3), "h": curvature(rng, 3)} for _ in range(5)]
    return [case("five noisy gradients", *start, steps=steps)]


def fresh(rng: Rng) -> list[Case]:
    theta, *means, _ = state(rng, 3)
    grad = rng.uniform(0.5, 2, 3) * rng.choice([-1, 1], 3)
    h = curvature(rng, 3)
    return [
        case("everything forgotten", theta, *means, np.ones(3), grad, h),
        case("means zero", theta, *np.zeros((3, 3)), np.full(3, 2.0), grad, h),
    ]


@mistake
def in_place(theta, g_bar, v_bar, h_bar, tau, grad, h):
    """Your function changes its arguments in place (`*=`, `+=`, `-=` and writing to `x[i]` do
    that): compute new arrays."""
    w = 1 / tau
    g_bar += w * (grad - g_bar)
    v_bar += w * (grad**2 - v_bar)
    h_bar += w * (h - h_bar)
    alpha = g_bar**2 / (h_bar * v_bar)
    tau = (1 - g_bar**2 / v_bar) * tau + 1
    return theta - alpha * grad, g_bar, v_bar, h_bar, tau


EXERCISE = Exercise(
    "vsgd_step",
    title="A rate that sets itself: vSGD",
    minutes=15,
    section="rmsprop.md#fancy-rmsprop-no-rate-at-all",
    parameters=PARAMETERS,
    returns=STATE,
    reference=reference.vsgd_step,
    checks={
        "a step": Check(
            points=2,
            public=[
                case("gradient along its mean", *GIVEN, GRAD, H),
                case("gradient against its mean", *GIVEN, [-3, 4], H),
                case("gradient zero", *GIVEN, np.zeros(2), H),
                case("from 1e-8 to 1000", *GIVEN, [1e-8, 1e3], H),
            ],
            held_out=lambda rng: [
                case("in the middle of training", *drawn(rng, 4)),
                case("gradient zero", *state(rng, 4), np.zeros(4), curvature(rng, 4)),
                case(WIDE, *state(rng, 12), spread(rng, 12), curvature(rng, 12)),
            ],
        ),
        "several steps": Check(
            points=1,
            public=[
                case(
                    "three gradients",
                    *(*GIVEN, np.zeros(2), H),
                    steps={"grad": [[2, 1], [-1, 3], [0.5, -1]], "h": [[3, 1], [2, 1], [2, 4]]},
                )
            ],
            held_out=noisy,
        ),
        "a fresh memory": Check(
            points=1,
            public=[
                case("everything forgotten", THETA, *MEANS, np.ones(2), GRAD, H),
                case("means zero", THETA, *np.zeros((3, 2)), [2, 2], GRAD, H),
            ],
            held_out=fresh,
        ),
        "shapes and memory layouts": Check(
            points=1,
            public=[
                *layouts(
                    case,
                    numbers=(1, 0.3, 0.5, 2, 4, -1, 3),
                    two_d=[np.full((2, 1), x) for x in (1, 0.3, 0.5, 2, 4.0, -1, 3)],
                ),
                case(
                    "read-only and strided data",
                    *(strided(THETA), *map(readonly, (*MEANS, TAU, GRAD)), strided(H)),
                ),
            ],
            held_out=lambda rng: layouts(
                case,
                numbers=drawn(rng),
                two_d=drawn(rng, 3, 2),
                strided=drawn(rng, 3),
                readonly=drawn(rng, 3),
            ),
        ),
    },
    mistakes={
        "weights-swapped": edit(
            "Your means give the new value the weight 1 − 1/τ: it has 1/τ, so that a long "
            "memory changes slowly.",
            ("w = 1 / tau", "w = 1 - 1 / tau"),
        ),
        "new-memory-in-the-means": edit(
            "Your means use the new τ: all three use the old one, and τ is updated after them.",
            ("w = 1", "tau = (1 - g_bar**2 / v_bar) * tau + 1\n    w = 1"),
            ("    tau = (1 - g_bar**2 / v_bar) * tau + 1\n", ""),
        ),
        "rate-of-the-old-means": edit(
            "Your rate is computed from the means before the update: update them first.",
            ("w = 1", "alpha = g_bar**2 / (h_bar * v_bar)\n    w = 1"),
            ("    alpha = g_bar**2 / (h_bar * v_bar)\n", ""),
        ),
        "mean-gradient-in-the-step": edit(
            "Your step goes along the mean ḡ: vSGD steps along the gradient g itself, ḡ only "
            "sets the rate.",
            ("alpha * grad", "alpha * g_bar"),
        ),
        "curvature-forgotten": edit(
            "Your rate is ḡ²/v̄: the curvature belongs below, too, α = ḡ²/(h̄v̄).",
            ("(h_bar * v_bar)", "v_bar"),
        ),
        "curvature-not-averaged": edit(
            "Your rate divides by the newest h: the mean h̄ belongs there, and the new h̄ is "
            "returned.",
            ("h_bar * v_bar", "h * v_bar"),
        ),
        "mean-not-squared": edit(
            "Your rate has ḡ above: it is ḡ², which has the units of v̄.",
            ("g_bar**2 / (", "g_bar / ("),
        ),
        "rate-with-a-root": edit(
            "Your rate divides by √v̄, as RMSProp does: here it is α = ḡ²/(h̄v̄).",
            ("h_bar * v_bar", "h_bar * np.sqrt(v_bar)"),
        ),
        "memory-the-other-way": edit(
            "Your memory grows where gradients agree, τ ← (ḡ²/v̄)τ + 1: they should shorten "
            "it, τ ← (1 − ḡ²/v̄)τ + 1.",
            ("1 - g_bar**2 / v_bar", "g_bar**2 / v_bar"),
        ),
        "one-forgotten": edit(
            "Your memory can only shrink: the newest gradient adds one, τ ← (1 − ḡ²/v̄)τ + 1.",
            ("tau + 1", "tau"),
        ),
        "old-memory-returned": edit(
            "Your τ is returned as it came: return the new one, (1 − ḡ²/v̄)τ + 1.",
            ("tau = (1 - g", "new = (1 - g"),
        ),
        "squares-not-averaged": edit(
            "Your v̄ is the newest g² alone: it is a mean with the weights of the others.",
            ("(1 - w) * v_bar + w * grad**2", "grad**2"),
        ),
        "uphill": edit("Your step is added: θ ← θ − αg.", ("theta - ", "theta + ")),
        "in-place": in_place,
    },
)
