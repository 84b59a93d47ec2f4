"""Problem set 10: dropout, weight penalties, early stopping, ensembles and augmentation."""

# mypy: disable-error-code="no-untyped-def"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import (
    Array,
    MakeCase,
    case_maker,
    column_major,
    floats,
    readonly,
    spread,
    strided,
)
from autograder.selfcheck.spec import Case

# --- dropout: cases of dropout_train and of the two inverted functions -------------------------


def _masked(rng: np.random.Generator, keep: float, *shape: int) -> tuple[Array, Array]:
    """Activations and a mask in which one entry at least is kept and one is dropped."""
    mask = (rng.random(shape) < keep).astype(np.float64)
    mask.flat[0], mask.flat[-1] = 1.0, 0.0
    return rng.normal(size=shape), mask


def _layer_public(make: MakeCase) -> list[Case]:
    return [
        make("four units", floats([1, -2, 3, 0.5]), floats([1, 0, 1, 1]), 0.8),
        make("a batch", floats([[1, 2, -3], [-4, 0.5, 6]]), floats([[0, 1, 1], [1, 0, 1]]), 0.6),
        make("a small keep rate", floats([1, -2, 3, 4]), floats([0, 0, 1, 0]), 0.1),
    ]


def _layer_held_out(make: MakeCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        keep = float(rng.uniform(0.6, 0.9))
        return [
            make("six units", *_masked(rng, keep, 6), keep),
            make("a batch", *_masked(rng, keep, 4, 5), keep),
            make("a small keep rate", *_masked(rng, 0.2, 8), float(rng.uniform(0.1, 0.3))),
        ]

    return cases


def _limits_public(make: MakeCase) -> list[Case]:
    x, mask = floats([1, -2, 3]), floats([1, 0, 1])
    return [
        make("everything kept", x, np.ones(3), 1.0),
        make("everything dropped", x, np.zeros(3), 0.7),
        make("everything kept by chance", x, np.ones(3), 0.7),
        make("from 0 to 1000", floats([0, 1e-8, -1, 1e3]), floats([1, 1, 1, 0]), 0.9),
        make("a 3-d array", np.full((2, 1, 2), 3.0), floats([[[1, 0]], [[0, 0]]]), 0.3),
        make("read-only arrays", readonly(x), readonly(mask), 0.6),
        make("arrays that skip memory", strided(x), strided(mask), 0.6),
    ]


def _limits_held_out(make: MakeCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        keep = float(rng.uniform(0.6, 0.9))
        x, mask = _masked(rng, keep, 3, 4)
        return [
            make("everything kept", x, np.ones((3, 4)), 1.0),
            make("everything dropped", x, np.zeros((3, 4)), keep),
            make("everything kept by chance", x, np.ones((3, 4)), keep),
            make("from 1e-8 to 1e3", spread(rng, 3, 4), mask, keep),
            make("a 3-d array", *_masked(rng, keep, 2, 3, 2), keep),
            make("read-only arrays", readonly(x), readonly(mask), keep),
            make("arrays that skip memory", strided(x), strided(mask), keep),
            make("arrays stored by columns", column_major(x), column_major(mask), keep),
        ]

    return cases


def _every_mask(make: MakeCase, x: Array, keep: float) -> list[Case]:
    n = len(x)
    masks = [floats([i >> j & 1 for j in range(n)]) for i in range(2**n)]
    return [
        make(f"mask {i + 1} of {len(masks)} possible", x, mask, keep)
        for i, mask in enumerate(masks)
    ]


def _every_mask_held_out(make: MakeCase) -> Callable[[np.random.Generator], list[Case]]:
    def cases(rng: np.random.Generator) -> list[Case]:
        x = rng.choice([-1.0, 1.0], 3) * rng.uniform(0.5, 3, 3)
        return _every_mask(make, x, float(rng.uniform(0.6, 0.9)))

    return cases


def _dropout_checks(make: MakeCase) -> tuple[Check, ...]:
    return (
        Check("a layer", 1, _layer_public(make), _layer_held_out(make)),
        Check("limits and memory layouts", 1, _limits_public(make), _limits_held_out(make)),
    )


# --- dropout_train ---------------------------------------------------------------------------

_train = case_maker("x", "mask", "keep")


def _train_inverted(x, mask, keep):
    return x * mask / keep


def _train_swapped(x, mask, keep):
    return x * (1 - mask)


def _train_scaled_down(x, mask, keep):
    return x * mask * keep


def _train_no_mask(x, mask, keep):
    return x


def _train_expected(x, mask, keep):
    return x * keep


def _train_removed(x, mask, keep):
    return x[mask == 1]


def _train_added(x, mask, keep):
    return x + mask


def _train_in_place(x, mask, keep):
    x *= mask
    return x


_DROPOUT_TRAIN = Exercise(
    "dropout_train",
    title="Dropout in training, the lecture's form",
    minutes=5,
    section="notation.md#how-code-is-written",
    parameters=("x", "mask", "keep"),
    returns=("y",),
    reference=reference.dropout_train,
    checks=(
        *_dropout_checks(_train),
        Check(
            "the mean over all masks",
            1,
            _every_mask(_train, floats([2, -1, 0.5]), 0.75),
            _every_mask_held_out(_train),
            relation="mean_over_masks_is_kept_share",
        ),
    ),
    mistakes=(
        Mistake(
            "scaled-up-already",
            "Your function divides by the keep rate: that is the frameworks' convention, inverted "
            "dropout. In the lecture's form training scales nothing, and testing scales the "
            "weights.",
            _train_inverted,
        ),
        Mistake(
            "keep-and-drop-swapped",
            "Your function drops what the mask keeps: the mask is 1 where a unit is kept.",
            _train_swapped,
        ),
        Mistake(
            "scaled-down",
            "Your function multiplies by the keep rate in training: in the lecture's form that "
            "happens in testing, and only there.",
            _train_scaled_down,
        ),
        Mistake(
            "nothing-dropped",
            "Your function ignores the mask: multiply by it.",
            _train_no_mask,
        ),
        Mistake(
            "mean-instead-of-mask",
            "Your function returns keep · x, the mean over all masks: that is for testing; "
            "training uses the mask.",
            _train_expected,
        ),
        Mistake(
            "units-removed",
            "Your function takes the dropped units out of the array: set them to zero and keep "
            "the shape.",
            _train_removed,
        ),
        Mistake(
            "mask-added",
            "Your function adds the mask: multiply by it, so that dropped units are zero.",
            _train_added,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (`*=` does that to arrays): write `x * mask`, "
            "which makes a new array.",
            _train_in_place,
        ),
    ),
)

# --- dropout_test ----------------------------------------------------------------------------

_test = case_maker("W", "b", "keep")

_W = floats([[1, -2, 0.5], [0, 3, -1]])
_B = floats([0.5, -1])


def _test_weight_cases(rng: np.random.Generator) -> list[Case]:
    keep = float(rng.uniform(0.6, 0.9))
    return [
        _test("no bias", rng.normal(size=(3, 2)), np.zeros(3), keep),
        _test("weights from 1e-8 to 1e3", spread(rng, 4, 3), np.zeros(4), keep),
        _test(
            "a small keep rate", rng.normal(size=(2, 4)), np.zeros(2), float(rng.uniform(0.1, 0.3))
        ),
    ]


def _test_bias_cases(rng: np.random.Generator) -> list[Case]:
    keep = float(rng.uniform(0.6, 0.9))

    def layer(m: int, n: int) -> tuple[Array, Array]:
        return rng.normal(size=(m, n)), rng.normal(size=m)

    return [
        _test("a layer", *layer(3, 2), keep),
        _test("everything kept", *layer(3, 2), 1.0),
        _test("one output", *layer(1, 5), keep),
        _test("read-only arrays", *map(readonly, layer(2, 3)), keep),
        _test("arrays that skip memory", *map(strided, layer(2, 3)), keep),
        _test("arrays stored by columns", *map(column_major, layer(2, 3)), keep),
    ]


def _test_unscaled(W, b, keep):
    return W, b


def _test_divided(W, b, keep):
    return W / keep, b


def _test_drop_rate(W, b, keep):
    return (1 - keep) * W, b


def _test_bias_too(W, b, keep):
    return keep * W, keep * b


def _test_bias_missing(W, b, keep):
    return keep * W


def _test_root(W, b, keep):
    return np.sqrt(keep) * W, b


def _test_swapped(W, b, keep):
    return b, keep * W


def _test_in_place(W, b, keep):
    W *= keep
    return W, b


_DROPOUT_TEST = Exercise(
    "dropout_test",
    title="Dropout in testing, the lecture's form",
    minutes=5,
    section="notation.md#how-code-is-written",
    parameters=("W", "b", "keep"),
    returns=("W", "b"),
    reference=reference.dropout_test,
    checks=(
        Check(
            "the weights",
            1,
            [
                _test("no bias", _W, np.zeros(2), 0.8),
                _test(
                    "weights from 1e-8 to 1000", floats([[1e-8, 1], [-1e3, 0]]), np.zeros(2), 0.6
                ),
                _test("a small keep rate", _W, np.zeros(2), 0.1),
            ],
            _test_weight_cases,
        ),
        Check(
            "weights and bias",
            1,
            [
                _test("a layer", _W, _B, 0.8),
                _test("everything kept", _W, _B, 1.0),
                _test("one output", _W[:1].copy(), floats([2]), 0.7),
                _test("read-only arrays", readonly(_W), readonly(_B), 0.7),
                _test("arrays that skip memory", strided(_W), strided(_B), 0.7),
            ],
            _test_bias_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "not-scaled",
            "Your function leaves the weights as they are: that fits inverted dropout, which "
            "scales in training; in the lecture's form testing multiplies the weights by the keep "
            "rate.",
            _test_unscaled,
        ),
        Mistake(
            "divided-by-keep",
            "Your function divides by the keep rate: testing sees all units at once, more than "
            "training did, so the weights get smaller, W · keep.",
            _test_divided,
        ),
        Mistake(
            "drop-rate",
            "Your function multiplies by the share that is dropped, 1 − keep: multiply by `keep`. "
            "(torch's p is the drop rate; with it the factor would be 1 − p.)",
            _test_drop_rate,
        ),
        Mistake(
            "bias-scaled-too",
            "Your function scales the bias, too: the bias was never dropped, so it stays.",
            _test_bias_too,
        ),
        Mistake(
            "bias-not-returned",
            "Your function returns the weights only: return the weights and the bias.",
            _test_bias_missing,
        ),
        Mistake(
            "root-of-keep",
            "Your function scales by the root of the keep rate, which would keep variances: "
            "dropout keeps the mean, so the factor is `keep`.",
            _test_root,
        ),
        Mistake(
            "swapped",
            "Your function returns the bias first: return the weights, then the bias.",
            _test_swapped,
        ),
        Mistake(
            "in-place",
            "Your function changes `W` in place (`*=` does that to arrays): write `keep * W`, "
            "which makes a new array; training goes on with the old one.",
            _test_in_place,
        ),
    ),
)

# --- inverted_dropout_forward and inverted_dropout_backward ----------------------------------

_forward = case_maker("x", "mask", "keep")
_backward = case_maker("grad_y", "mask", "keep")


def _forward_lecture(x, mask, keep):
    return x * mask


def _forward_multiplied(x, mask, keep):
    return x * mask * keep


def _forward_drop_rate(x, mask, keep):
    return x * mask / (1 - keep)


def _forward_swapped(x, mask, keep):
    return x * (1 - mask) / keep


def _forward_both_swapped(x, mask, keep):
    return x * (1 - mask) / (1 - keep)


def _forward_counted(x, mask, keep):
    return x * mask / mask.mean()


def _forward_no_mask(x, mask, keep):
    return x / keep


def _forward_root(x, mask, keep):
    return x * mask / np.sqrt(keep)


def _forward_in_place(x, mask, keep):
    x *= mask / keep
    return x


_INVERTED_FORWARD = Exercise(
    "inverted_dropout_forward",
    title="Inverted dropout, forward",
    minutes=5,
    section="notation.md#how-code-is-written",
    parameters=("x", "mask", "keep"),
    returns=("y",),
    reference=reference.inverted_dropout_forward,
    checks=(
        *_dropout_checks(_forward),
        Check(
            "the mean over all masks",
            1,
            _every_mask(_forward, floats([2, -1, 0.5]), 0.75),
            _every_mask_held_out(_forward),
            relation="mean_over_masks_is_input",
        ),
    ),
    mistakes=(
        Mistake(
            "not-rescaled",
            "Your function does not rescale what is kept: that is the lecture's form, which "
            "scales the weights in testing. Inverted dropout divides by `keep` here.",
            _forward_lecture,
        ),
        Mistake(
            "multiplied-by-keep",
            "Your function multiplies by the keep rate: fewer units have to carry the same sum, "
            "so what is kept grows, divide by `keep`.",
            _forward_multiplied,
        ),
        Mistake(
            "divided-by-drop-rate",
            "Your function divides by 1 − keep: `keep` is the probability to KEEP a unit "
            "(torch's p is that to drop it), so divide by `keep`.",
            _forward_drop_rate,
        ),
        Mistake(
            "mask-swapped",
            "Your function drops what the mask keeps: the mask is 1 where a unit is kept.",
            _forward_swapped,
        ),
        Mistake(
            "keep-and-drop-swapped",
            "Your function takes keep for drop throughout: the mask is 1 where a unit is kept, "
            "and `keep` is the probability of that.",
            _forward_both_swapped,
        ),
        Mistake(
            "counted-share",
            "Your function divides by the share that this mask happens to keep: divide by the "
            "probability `keep`, or the mean over masks is wrong (and an empty mask divides by 0).",
            _forward_counted,
        ),
        Mistake(
            "nothing-dropped",
            "Your function scales but ignores the mask: x · mask / keep.",
            _forward_no_mask,
        ),
        Mistake(
            "root-of-keep",
            "Your function divides by the root of the keep rate: dropout keeps the mean, not the "
            "variance, so divide by `keep`.",
            _forward_root,
        ),
        Mistake(
            "in-place",
            "Your function changes `x` in place (`*=` does that to arrays): write "
            "`x * mask / keep`, which makes a new array.",
            _forward_in_place,
        ),
    ),
)


def _backward_unscaled(grad_y, mask, keep):
    return grad_y * mask


def _backward_no_mask(grad_y, mask, keep):
    return grad_y / keep


def _backward_identity(grad_y, mask, keep):
    return grad_y


def _backward_multiplied(grad_y, mask, keep):
    return grad_y * mask * keep


def _backward_inverse(grad_y, mask, keep):
    return grad_y * keep


def _backward_swapped(grad_y, mask, keep):
    return grad_y * (1 - mask) / keep


def _backward_drop_rate(grad_y, mask, keep):
    return grad_y * mask / (1 - keep)


def _backward_squared(grad_y, mask, keep):
    return grad_y * mask / keep**2


def _backward_in_place(grad_y, mask, keep):
    grad_y *= mask / keep
    return grad_y


_INVERTED_BACKWARD = Exercise(
    "inverted_dropout_backward",
    title="Inverted dropout, backward",
    minutes=5,
    section="notation.md#how-code-is-written",
    parameters=("grad_y", "mask", "keep"),
    returns=("grad_x",),
    reference=reference.inverted_dropout_backward,
    checks=_dropout_checks(_backward),
    mistakes=(
        Mistake(
            "not-scaled",
            "Your gradient lacks the factor 1/keep: y = x · mask / keep, so its derivative in x "
            "is mask / keep.",
            _backward_unscaled,
        ),
        Mistake(
            "mask-forgotten",
            "Your gradient ignores the mask: a dropped unit had no influence on the output, so "
            "its gradient is zero.",
            _backward_no_mask,
        ),
        Mistake(
            "passed-on",
            "Your function passes the gradient on as it is: multiply by mask / keep.",
            _backward_identity,
        ),
        Mistake(
            "multiplied-by-keep",
            "Your gradient is multiplied by the keep rate: the derivative of x · mask / keep is "
            "mask / keep, so divide.",
            _backward_multiplied,
        ),
        Mistake(
            "forward-undone",
            "Your function undoes the forward pass, multiplying by `keep`: a backward pass is no "
            "inverse but the chain rule, g · mask / keep.",
            _backward_inverse,
        ),
        Mistake(
            "mask-swapped",
            "Your gradient flows where the mask drops: it flows where the mask is 1.",
            _backward_swapped,
        ),
        Mistake(
            "divided-by-drop-rate",
            "Your function divides by 1 − keep: `keep` is the probability to KEEP a unit, so "
            "divide by `keep`.",
            _backward_drop_rate,
        ),
        Mistake(
            "scaled-twice",
            "Your gradient is divided by `keep` twice: once is right, mask / keep.",
            _backward_squared,
        ),
        Mistake(
            "in-place",
            "Your function changes `grad_y` in place (`*=` does that to arrays): write "
            "`grad_y * mask / keep`, which makes a new array.",
            _backward_in_place,
        ),
    ),
)

# --- l2_step and l1_step have the same form --------------------------------------------------

_penalty = case_maker("w", "b", "grad_w", "grad_b", "lr", "lam")

_PW, _PB = floats([[0.5, -2, 0.01], [1, 3, -0.02]]), floats([2, -1])
_PG, _PH = floats([[1, 0.5, 2], [-1, 0, -3]]), floats([-0.5, 4])


def _penalized(rng: np.random.Generator, m: int, n: int) -> list[Array]:
    w, b = rng.normal(size=(m, n)), rng.choice([-1.0, 1.0], m) * rng.uniform(0.5, 2, m)
    g, h = rng.normal(size=(m, n)), rng.normal(size=m)
    w[0, 0], g[0, 0] = 0.01, rng.uniform(1, 2)  # a step across zero
    return [w, b, g, h]


def _penalty_weight_cases(rng: np.random.Generator) -> list[Case]:
    lr, lam = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.2, 0.6))
    w, b, g, h = _penalized(rng, 2, 3)
    W, B, G, H = _penalized(rng, 4, 3)
    G *= 10.0 ** rng.integers(-8, 3, (4, 3))
    G[0, 0] = 1.5
    return [
        _penalty("biases zero", w, 0 * b, g, h, lr, lam),
        _penalty("gradients of very different size", W, 0 * B, G, H, lr, lam),
    ]


def _penalty_bias_cases(rng: np.random.Generator) -> list[Case]:
    lr, lam = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.2, 0.6))
    w, b, g, h = _penalized(rng, 3, 2)
    return [
        _penalty("with biases", *_penalized(rng, 2, 3), lr, lam),
        _penalty("no gradient, only the penalty", w, b, 0 * g, 0 * h, lr, lam),
    ]


def _penalty_several_cases(rng: np.random.Generator) -> list[Case]:
    lr, lam = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.2, 0.6))

    def steps(falling: bool) -> list[dict[str, Any]]:
        return [
            {
                "grad_w": rng.normal(size=(2, 3)),
                "grad_b": rng.normal(size=2),
                "lr": lr / (t + 1) if falling else lr,
            }
            for t in range(6)
        ]

    return [
        _penalty(label, *_penalized(rng, 2, 3), 0.0, lam, steps=steps(falling), feedback=("w", "b"))
        for label, falling in (("constant rate", False), ("falling rate", True))
    ]


def _penalty_limit_cases(rng: np.random.Generator) -> list[Case]:
    lr, lam = float(rng.uniform(0.2, 0.5)), float(rng.uniform(0.2, 0.6))
    w, b, g, h = _penalized(rng, 2, 3)
    zeros = w.copy()
    zeros[:, 1] = 0.0
    return [
        _penalty("weights that are zero", zeros, b, g, h, lr, lam),
        _penalty("no penalty", w, b, g, h, lr, 0.0),
        _penalty("learning rate zero", w, b, g, h, 0.0, lam),
        _penalty("read-only arrays", *map(readonly, (w, b, g, h)), lr, lam),
        _penalty("arrays that skip memory", *map(strided, (w, b, g, h)), lr, lam),
        _penalty("arrays stored by columns", *map(column_major, (w, b, g, h)), lr, lam),
    ]


_PENALTY_CHECKS = (
    Check(
        "the weights, with biases zero",
        1,
        [
            _penalty("two outputs", _PW, np.zeros(2), _PG, _PH, 0.2, 0.5),
            _penalty(
                "gradients from 0 to 1000",
                floats([[1, -2, 0.02, 3]]),
                np.zeros(1),
                floats([[0, 1e-8, 1, -1e3]]),
                floats([1]),
                0.25,
                0.4,
            ),
        ],
        _penalty_weight_cases,
    ),
    Check(
        "weights and biases",
        1,
        [
            _penalty("two outputs", _PW, _PB, _PG, _PH, 0.2, 0.5),
            _penalty("no gradient, only the penalty", _PW, _PB, 0 * _PG, 0 * _PH, 0.2, 0.5),
        ],
        _penalty_bias_cases,
    ),
    Check(
        "several steps",
        1,
        [
            _penalty(
                "falling rate",
                _PW,
                _PB,
                np.zeros((2, 3)),
                np.zeros(2),
                0.0,
                0.3,
                steps=[
                    {"grad_w": floats(g), "grad_b": floats(h), "lr": a}
                    for g, h, a in (
                        ([[2, 1, 0.7], [0.1, 1, 1]], [1, -1], 0.5),
                        ([[-1, 3, 1], [2, 0.2, -4]], [2, 0.5], 0.25),
                        ([[0.5, -9, 1], [1, 1, 1]], [0, 4], 0.125),
                    )
                ],
                feedback=("w", "b"),
            ),
        ],
        _penalty_several_cases,
    ),
    Check(
        "limits and memory layouts",
        1,
        [
            _penalty(
                "weights that are zero",
                floats([[0, 1, 0.01], [0, -2, 0]]),
                _PB,
                _PG,
                _PH,
                0.2,
                0.5,
            ),
            _penalty("no penalty", _PW, _PB, _PG, _PH, 0.2, 0.0),
            _penalty("learning rate zero", _PW, _PB, _PG, _PH, 0.0, 0.5),
            _penalty("read-only arrays", *map(readonly, (_PW, _PB, _PG, _PH)), 0.2, 0.5),
            _penalty("arrays that skip memory", *map(strided, (_PW, _PB, _PG, _PH)), 0.2, 0.5),
        ],
        _penalty_limit_cases,
    ),
)


def _l2_biases_too(w, b, grad_w, grad_b, lr, lam):
    return (1 - lr * lam) * w - lr * grad_w, (1 - lr * lam) * b - lr * grad_b


def _l2_factor_two(w, b, grad_w, grad_b, lr, lam):
    return (1 - 2 * lr * lam) * w - lr * grad_w, b - lr * grad_b


def _l2_without_rate(w, b, grad_w, grad_b, lr, lam):
    return (1 - lam) * w - lr * grad_w, b - lr * grad_b


def _l2_growing(w, b, grad_w, grad_b, lr, lam):
    return (1 + lr * lam) * w - lr * grad_w, b - lr * grad_b


def _l2_none(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w, b - lr * grad_b


def _l2_afterwards(w, b, grad_w, grad_b, lr, lam):
    return (1 - lr * lam) * (w - lr * grad_w), b - lr * grad_b


def _l2_as_l1(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w - lr * lam * np.sign(w), b - lr * grad_b


def _l2_norm_itself(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (grad_w + lam * w / np.linalg.norm(w)), b - lr * grad_b


def _l2_uphill(w, b, grad_w, grad_b, lr, lam):
    return (1 - lr * lam) * w + lr * grad_w, b + lr * grad_b


def _l2_biases_frozen(w, b, grad_w, grad_b, lr, lam):
    return (1 - lr * lam) * w - lr * grad_w, b


def _l2_gradient_decayed(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (1 - lr * lam) * grad_w, b - lr * grad_b


def _l2_in_place(w, b, grad_w, grad_b, lr, lam):
    w *= 1 - lr * lam
    w -= lr * grad_w
    return w, b - lr * grad_b


_L2_STEP = Exercise(
    "l2_step",
    title="One step with an L2 penalty",
    minutes=10,
    section="sgd.md#the-rule",
    parameters=("w", "b", "grad_w", "grad_b", "lr", "lam"),
    returns=("w", "b"),
    reference=reference.l2_step,
    checks=_PENALTY_CHECKS,
    mistakes=(
        Mistake(
            "biases-decayed",
            "Your function shrinks the biases, too: the course's penalty is on the weights only; "
            "b ← b − αg.",
            _l2_biases_too,
        ),
        Mistake(
            "factor-two",
            "Your decay is twice as strong, 1 − 2αλ: the course's penalty is ½λΣw², with a ½ that "
            "cancels the 2.",
            _l2_factor_two,
        ),
        Mistake(
            "decay-without-rate",
            "Your decay is 1 − λ, without the learning rate: that is the convention of decoupled "
            "weight decay; the course follows the gradient of the penalty, 1 − αλ.",
            _l2_without_rate,
        ),
        Mistake(
            "growing",
            "Your weights grow, 1 + αλ: the step subtracts the gradient λw of the penalty, so it "
            "is 1 − αλ.",
            _l2_growing,
        ),
        Mistake(
            "penalty-forgotten",
            "Your function forgets the penalty: w ← (1 − αλ)w − αg.",
            _l2_none,
        ),
        Mistake(
            "decay-after-the-step",
            "Your function shrinks the weights after the step, gradient and all: shrink the old "
            "weights only, (1 − αλ)w − αg.",
            _l2_afterwards,
        ),
        Mistake(
            "absolute-penalty-instead",
            "Your function subtracts αλ sign(w), which is the L1 penalty: the gradient of the L2 "
            "penalty is λw.",
            _l2_as_l1,
        ),
        Mistake(
            "norm-not-squared",
            "Your function uses the gradient w/‖w‖ of the norm: the penalty is the squared norm "
            "(the lecture's slide writes ‖θ‖₂ for it), whose gradient with the ½ is w.",
            _l2_norm_itself,
        ),
        Mistake(
            "uphill",
            "Your step adds the gradient and so climbs: w ← (1 − αλ)w − αg.",
            _l2_uphill,
        ),
        Mistake(
            "biases-frozen",
            "Your function leaves the biases as they were: they have no penalty, but they take "
            "their step, b ← b − αg.",
            _l2_biases_frozen,
        ),
        Mistake(
            "gradient-decayed",
            "Your function shrinks the gradient in place of the weights: w ← (1 − αλ)w − αg.",
            _l2_gradient_decayed,
        ),
        Mistake(
            "in-place",
            "Your function changes `w` in place (`*=` and `-=` do that to arrays): compute the "
            "new weights as a new array.",
            _l2_in_place,
        ),
    ),
)


def _l1_biases_too(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (grad_w + lam * np.sign(w)), b - lr * (grad_b + lam * np.sign(b))


def _l1_growing(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w + lr * lam * np.sign(w), b - lr * grad_b


def _l1_none(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w, b - lr * grad_b


def _l1_without_rate(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w - lam * np.sign(w), b - lr * grad_b


def _l1_no_sign(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w - lr * lam, b - lr * grad_b


def _l1_sign_of_gradient(w, b, grad_w, grad_b, lr, lam):
    return w - lr * grad_w - lr * lam * np.sign(grad_w), b - lr * grad_b


def _l1_sign_of_new(w, b, grad_w, grad_b, lr, lam):
    new = w - lr * grad_w
    return new - lr * lam * np.sign(new), b - lr * grad_b


def _l1_zero_is_positive(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (grad_w + lam * np.where(w >= 0, 1, -1)), b - lr * grad_b


def _l1_soft_threshold(w, b, grad_w, grad_b, lr, lam):
    new = w - lr * grad_w
    return np.sign(new) * np.maximum(np.abs(new) - lr * lam, 0), b - lr * grad_b


def _l1_as_l2(w, b, grad_w, grad_b, lr, lam):
    return (1 - lr * lam) * w - lr * grad_w, b - lr * grad_b


def _l1_absolute(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (grad_w + lam * np.abs(w)), b - lr * grad_b


def _l1_biases_frozen(w, b, grad_w, grad_b, lr, lam):
    return w - lr * (grad_w + lam * np.sign(w)), b


def _l1_in_place(w, b, grad_w, grad_b, lr, lam):
    w -= lr * (grad_w + lam * np.sign(w))
    return w, b - lr * grad_b


_L1_STEP = Exercise(
    "l1_step",
    title="One step with an L1 penalty",
    minutes=10,
    section="sgd.md#the-rule",
    parameters=("w", "b", "grad_w", "grad_b", "lr", "lam"),
    returns=("w", "b"),
    reference=reference.l1_step,
    checks=_PENALTY_CHECKS,
    mistakes=(
        Mistake(
            "biases-penalized",
            "Your function penalizes the biases, too: the course's penalty is on the weights "
            "only; b ← b − αg.",
            _l1_biases_too,
        ),
        Mistake(
            "growing",
            "Your penalty pushes weights away from zero: subtract αλ sign(w).",
            _l1_growing,
        ),
        Mistake(
            "penalty-forgotten",
            "Your function forgets the penalty: w ← w − αg − αλ sign(w).",
            _l1_none,
        ),
        Mistake(
            "penalty-without-rate",
            "Your penalty lacks the learning rate: it is part of the gradient, αλ sign(w).",
            _l1_without_rate,
        ),
        Mistake(
            "no-sign",
            "Your function subtracts αλ from every weight, which drives negative ones away from "
            "zero: subtract αλ sign(w).",
            _l1_no_sign,
        ),
        Mistake(
            "sign-of-the-gradient",
            "Your function takes the sign of the gradient: the penalty has the sign of the "
            "weight, αλ sign(w).",
            _l1_sign_of_gradient,
        ),
        Mistake(
            "sign-of-the-new-weight",
            "Your function takes the sign after the gradient step: the gradient of the penalty is "
            "taken at the old w, like that of the loss.",
            _l1_sign_of_new,
        ),
        Mistake(
            "zero-counts-as-positive",
            "Your function treats a weight of zero as positive: sign(0) = 0, a weight that is "
            "zero is not pushed.",
            _l1_zero_is_positive,
        ),
        Mistake(
            "soft-threshold",
            "Your function is the proximal step (soft thresholding), another convention that "
            "stops at zero: the course takes the plain step w − αg − αλ sign(w).",
            _l1_soft_threshold,
        ),
        Mistake(
            "squared-penalty-instead",
            "Your function shrinks weights in proportion, which is the L2 penalty: L1 takes the "
            "same amount αλ from all of them.",
            _l1_as_l2,
        ),
        Mistake(
            "absolute-value",
            "Your function uses |w| as the gradient: |w| is the penalty itself, its derivative is "
            "sign(w).",
            _l1_absolute,
        ),
        Mistake(
            "biases-frozen",
            "Your function leaves the biases as they were: they have no penalty, but they take "
            "their step, b ← b − αg.",
            _l1_biases_frozen,
        ),
        Mistake(
            "in-place",
            "Your function changes `w` in place (`-=` does that to arrays): compute the new "
            "weights as a new array.",
            _l1_in_place,
        ),
    ),
)

# --- early_stopping --------------------------------------------------------------------------

_stopping = case_maker("val_losses", "patience")

# After the best epoch: a small rise, a partial recovery, and a new best that comes too late.
_TOO_LATE = [0.5, 0.6, 0.55, 0.58, 0.57, 0.2, 0.1, 0.15]
# Bad epochs in between, more than the patience in total, but never in a row.
_INTERRUPTED = [0.9, 0.95, 0.8, 0.85, 0.7, 0.75, 0.72, 0.6, 0.65]


def _learned(rng: np.random.Generator, pattern: list[float]) -> Array:
    """Losses that fall for some epochs and then follow the pattern; equal ones stay equal."""
    before = np.cumsum(rng.uniform(0.1, 0.3, rng.integers(1, 6)))[::-1] + pattern[0]
    scale, offset = rng.uniform(0.5, 3), rng.uniform(0, 1)
    return scale * np.concatenate([before, pattern]) + offset


def _stopped_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _stopping("a new best comes too late", _learned(rng, _TOO_LATE), 3),
        _stopping("a longer patience", _learned(rng, [*_TOO_LATE[:5], 0.59, 0.56, 0.58, 0.1]), 5),
        _stopping(
            "bad epochs before the best", _learned(rng, [*_INTERRUPTED, 0.7, 0.68, 0.5, 0.4]), 3
        ),
    ]


def _not_stopped_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _stopping("bad epochs, but never enough", _learned(rng, _INTERRUPTED), 3),
        _stopping("falling throughout", _learned(rng, [0.5, 0.4, 0.3, 0.2]), 2),
        _stopping("a patience longer than training", _learned(rng, _TOO_LATE), 40),
    ]


def _tie_cases(rng: np.random.Generator) -> list[Case]:
    value = float(rng.uniform(0.1, 2))
    return [
        _stopping("a plateau", _learned(rng, [0.5, 0.5, 0.5, 0.5, 0.4, 0.3]), 3),
        _stopping("the first epoch is the best", value + np.arange(7.0), 3),
        _stopping("a single epoch", floats([value]), 3),
        _stopping("patience one", _learned(rng, [0.5, 0.6, 0.4, 0.3]), 1),
        _stopping("read-only losses", readonly(_learned(rng, [*_TOO_LATE, 0.3, 0.3])), 3),
        _stopping("losses that skip memory", strided(_learned(rng, [0.5, 0.5, 0.6, 0.7, 0.3])), 2),
    ]


def _one_epoch_too_late(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best > patience:
            return best, t
    return best, len(val_losses) - 1


def _one_epoch_too_early(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= max(patience - 1, 1):
            return best, t
    return best, len(val_losses) - 1


def _ties_count(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] <= val_losses[best]:
            best = t
        if t - best >= patience:
            return best, t
    return best, len(val_losses) - 1


def _looks_into_the_future(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return int(np.argmin(val_losses)), t
    return best, len(val_losses) - 1


def _counter_never_reset(val_losses, patience):
    best, bad = 0, 0
    for t in range(1, len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        else:
            bad += 1
        if bad >= patience:
            return best, t
    return best, len(val_losses) - 1


def _compares_with_the_last(val_losses, patience):
    best, bad = 0, 0
    for t in range(1, len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        bad = 0 if val_losses[t] < val_losses[t - 1] else bad + 1
        if bad >= patience:
            return best, t
    return best, len(val_losses) - 1


def _maximizes(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] > val_losses[best]:
            best = t
        if t - best >= patience:
            return best, t
    return best, len(val_losses) - 1


def _loss_returned(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return val_losses[best], t
    return val_losses[best], len(val_losses) - 1


def _stop_first(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return t, best
    return len(val_losses) - 1, best


def _counted_from_one(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return best + 1, t + 1
    return best + 1, len(val_losses)


def _number_of_epochs(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return best, t + 1
    return best, len(val_losses)


def _last_epoch_kept(val_losses, patience):
    best = 0
    for t in range(len(val_losses)):
        if val_losses[t] < val_losses[best]:
            best = t
        if t - best >= patience:
            return t, t
    return len(val_losses) - 1, len(val_losses) - 1


def _never_stops(val_losses, patience):
    return int(np.argmin(val_losses)), len(val_losses) - 1


_EARLY_STOPPING = Exercise(
    "early_stopping",
    title="Early stopping",
    minutes=15,
    section="learning-as-optimization.md#the-surrogate-keeps-working",
    parameters=("val_losses", "patience"),
    returns=("best", "stop"),
    reference=reference.early_stopping,
    checks=(
        Check(
            "the patience runs out",
            2,
            [
                _stopping("a new best comes too late", floats([3, 2, *_TOO_LATE]), 3),
                _stopping(
                    "bad epochs before the best",
                    floats([1.5, *_INTERRUPTED, 0.7, 0.68, 0.5, 0.4]),
                    3,
                ),
                _stopping(
                    "a longer patience", floats([2, *_TOO_LATE[:5], 0.59, 0.56, 0.58, 0.1]), 5
                ),
            ],
            _stopped_cases,
        ),
        Check(
            "the patience does not run out",
            1,
            [
                _stopping("bad epochs, but never enough", floats([2, *_INTERRUPTED]), 3),
                _stopping("falling throughout", floats([4, 3, 2.5, 2.4]), 2),
                _stopping("a patience longer than training", floats([2, *_TOO_LATE]), 40),
            ],
            _not_stopped_cases,
        ),
        Check(
            "ties and short runs",
            1,
            [
                _stopping("a plateau", floats([3, 2, 2, 2, 2, 1, 0]), 3),
                _stopping("the first epoch is the best", floats([1, 2, 3, 4, 5]), 3),
                _stopping("a single epoch", floats([0.7]), 3),
                _stopping("patience one", floats([3, 2, 2.5, 1]), 1),
                _stopping("read-only losses", readonly([3, *_TOO_LATE]), 3),
                _stopping("losses that skip memory", strided([3, 2, 2, 2.5, 3, 1]), 2),
            ],
            _tie_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "one-epoch-too-late",
            "Your function stops when MORE than `patience` epochs brought nothing, the convention "
            "of ReduceLROnPlateau: in this course `patience` of them are enough, "
            "t − best ≥ patience.",
            _one_epoch_too_late,
        ),
        Mistake(
            "one-epoch-too-early",
            "Your function stops one epoch too early: wait until t − best ≥ patience, with the "
            "epoch after the best one as the first that brought nothing.",
            _one_epoch_too_early,
        ),
        Mistake(
            "ties-count",
            "Your function takes an equal loss for an improvement: only a lower one is "
            "(`<`, not `<=`).",
            _ties_count,
        ),
        Mistake(
            "looks-into-the-future",
            "Your best epoch is the lowest loss of all: what comes after the stop was never "
            "trained, so take the best up to there.",
            _looks_into_the_future,
        ),
        Mistake(
            "counter-never-reset",
            "Your function counts all bad epochs together: a new best sets the count to zero.",
            _counter_never_reset,
        ),
        Mistake(
            "compares-with-the-last",
            "Your function compares each epoch with the one before: compare with the best so far.",
            _compares_with_the_last,
        ),
        Mistake(
            "maximizes",
            "Your function looks for the highest value, as one does with accuracies: losses are "
            "to be low.",
            _maximizes,
        ),
        Mistake(
            "loss-returned",
            "Your function returns the best loss: return the epoch at which it occurred.",
            _loss_returned,
        ),
        Mistake(
            "stop-first",
            "Your function returns the last epoch first: return the best, then the last.",
            _stop_first,
        ),
        Mistake(
            "counted-from-one",
            "Your function counts epochs from 1: the first one has the number 0.",
            _counted_from_one,
        ),
        Mistake(
            "number-of-epochs",
            "Your second value is how many epochs were trained: return the number of the last "
            "one, which is one less.",
            _number_of_epochs,
        ),
        Mistake(
            "last-epoch-kept",
            "Your function returns the last epoch as the best: the parameters to keep are those "
            "of the epoch with the lowest loss.",
            _last_epoch_kept,
        ),
        Mistake(
            "never-stops",
            "Your function never stops: stop at the first epoch with t − best ≥ patience.",
            _never_stops,
        ),
    ),
)

# --- ensemble_predict ------------------------------------------------------------------------

_ensemble = case_maker("probs")

# Two models lean to the first class, one is sure of the second: the mean follows the sure one.
_SPLIT = floats([[0.5, 0.3, 0.2], [0.5, 0.4, 0.1], [0.02, 0.9, 0.08]])


def _models(rng: np.random.Generator, n: int, k: int) -> Array:
    """Three models, k ≥ 3 classes; the first example splits them, the labels all differ enough."""
    probs = rng.dirichlet(np.ones(k), size=(3, n))
    split = np.zeros((3, k))
    split[:, :3] = _SPLIT
    shift = rng.uniform(-0.02, 0.02, 3)
    split[:, 0] += shift
    split[:, 1] -= shift
    probs[:, 0] = split
    return np.asarray(probs)


def _ensemble_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _ensemble("four examples", _models(rng, 4, 3)),
        _ensemble("many classes", _models(rng, 5, 8)),
        _ensemble("eight examples", _models(rng, 8, 4)),
    ]


def _ensemble_shape_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _ensemble("a single model", rng.dirichlet(np.ones(3), size=(1, 5))),
        _ensemble("a single example", _models(rng, 1, 4)),
        _ensemble("read-only probabilities", readonly(_models(rng, 4, 3))),
        _ensemble("probabilities that skip memory", strided(_models(rng, 4, 3))),
        _ensemble("probabilities stored by columns", column_major(_models(rng, 4, 3))),
    ]


def _majority_vote(probs):
    votes = probs.argmax(axis=2)
    k = probs.shape[2]
    counts = np.stack([(votes == label).sum(axis=0) for label in range(k)], axis=1)
    return probs.mean(axis=0), counts.argmax(axis=1)


def _geometric_mean(probs):
    p = np.exp(np.log(probs).mean(axis=0))
    p = p / p.sum(axis=1, keepdims=True)
    return p, p.argmax(axis=1)


def _product(probs):
    p = probs.prod(axis=0)
    return p, p.argmax(axis=1)


def _summed(probs):
    p = probs.sum(axis=0)
    return p, p.argmax(axis=1)


def _surest_model(probs):
    p = probs.max(axis=0)
    return p, p.argmax(axis=1)


def _median(probs):
    p = np.median(probs, axis=0)
    return p, p.argmax(axis=1)


def _over_examples(probs):
    p = probs.mean(axis=1)
    return p, p.argmax(axis=1)


def _argmax_over_examples(probs):
    p = probs.mean(axis=0)
    return p, p.argmax(axis=0)


def _softmax_again(probs):
    p = np.exp(probs.mean(axis=0))
    p = p / p.sum(axis=1, keepdims=True)
    return p, p.argmax(axis=1)


def _first_model(probs):
    return probs[0], probs[0].argmax(axis=1)


def _largest_probability(probs):
    p = probs.mean(axis=0)
    return p, p.max(axis=1)


def _labels_only(probs):
    return probs.mean(axis=0).argmax(axis=1)


def _labels_from_one(probs):
    p = probs.mean(axis=0)
    return p, p.argmax(axis=1) + 1


_ENSEMBLE_PREDICT = Exercise(
    "ensemble_predict",
    title="The prediction of an ensemble",
    minutes=5,
    section="notation.md#how-code-is-written",
    parameters=("probs",),
    returns=("p", "labels"),
    reference=reference.ensemble_predict,
    checks=(
        Check(
            "several models",
            2,
            [
                _ensemble(
                    "three models, two examples",
                    np.stack([_SPLIT, _SPLIT[:, ::-1]], axis=1),
                ),
                _ensemble(
                    "three models, four classes",
                    np.stack(
                        [
                            np.column_stack([_SPLIT, np.zeros(3)]),
                            floats([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0, 0, 0, 1]]),
                            floats([[0.7, 0.1, 0.1, 0.1], [0.6, 0.2, 0, 0.2], [0.1, 0.2, 0.7, 0]]),
                        ],
                        axis=1,
                    ),
                ),
            ],
            _ensemble_cases,
        ),
        Check(
            "shapes and memory layouts",
            1,
            [
                _ensemble("a single model", floats([[[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]]])),
                _ensemble("a single example", _SPLIT[:, None, :]),
                _ensemble(
                    "read-only probabilities", readonly(np.stack([_SPLIT, _SPLIT[:, ::-1]], axis=1))
                ),
                _ensemble(
                    "probabilities that skip memory",
                    strided(np.stack([_SPLIT[:, ::-1], _SPLIT], axis=1)),
                ),
            ],
            _ensemble_shape_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "majority-vote",
            "Your labels are a majority vote: two models that hardly lean outvote one that is "
            "sure; take the argmax of the mean probabilities.",
            _majority_vote,
        ),
        Mistake(
            "geometric-mean",
            "Your probabilities are the normalized geometric mean, which is what dropout's test "
            "rule approximates: the course averages the probabilities themselves.",
            _geometric_mean,
        ),
        Mistake(
            "product",
            "Your function multiplies the models' probabilities: take their mean.",
            _product,
        ),
        Mistake(
            "sum-not-mean",
            "Your function adds the probabilities up: divide by the number of models, so that "
            "they sum to one.",
            _summed,
        ),
        Mistake(
            "surest-model",
            "Your function takes the largest probability that a model gives: take the mean over "
            "the models.",
            _surest_model,
        ),
        Mistake(
            "median",
            "Your function takes the median over the models, whose probabilities need not sum to "
            "one: take the mean.",
            _median,
        ),
        Mistake(
            "averaged-over-examples",
            "Your function averages over the examples (axis 1): the models are axis 0.",
            _over_examples,
        ),
        Mistake(
            "argmax-over-examples",
            "Your labels are an argmax over the examples: each example gets the class with the "
            "largest probability, along the last axis.",
            _argmax_over_examples,
        ),
        Mistake(
            "softmax-again",
            "Your function applies softmax to probabilities: they are probabilities already, and "
            "so is their mean.",
            _softmax_again,
        ),
        Mistake(
            "first-model-only",
            "Your function uses the first model only: average over all of them.",
            _first_model,
        ),
        Mistake(
            "largest-probability",
            "Your second value is the largest probability: return the class that has it, argmax.",
            _largest_probability,
        ),
        Mistake(
            "labels-only",
            "Your function returns the labels only: return the mean probabilities and the labels.",
            _labels_only,
        ),
        Mistake(
            "labels-from-one",
            "Your labels count classes from 1: the first class has the number 0.",
            _labels_from_one,
        ),
    ),
)

# --- random_crop_flip ------------------------------------------------------------------------

_crop = case_maker("img", "dy", "dx", "flip")

_IMG = floats([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]])


def _offset(rng: np.random.Generator) -> int:
    return int(rng.choice([-2, -1, 1, 2]))


def _two_offsets(rng: np.random.Generator) -> tuple[int, int]:
    """Two offsets of different size, neither zero, of either sign."""
    sizes = rng.permutation([1, 2]) * rng.choice([-1, 1], 2)
    return int(sizes[0]), int(sizes[1])


def _picture(rng: np.random.Generator, *shape: int) -> Array:
    return rng.uniform(0.1, 1.0, shape)


def _crop_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _crop("by rows", _picture(rng, 5, 4), _offset(rng), 0, False),
        _crop("by columns", _picture(rng, 4, 5), 0, _offset(rng), False),
        _crop("by both", _picture(rng, 5, 6), *_two_offsets(rng), False),
        _crop("a square image", _picture(rng, 5, 5), *_two_offsets(rng), False),
        _crop("one part beyond the edge", _picture(rng, 4, 4), 3, -3, False),
        _crop("no offset", _picture(rng, 3, 4), 0, 0, False),
    ]


def _flip_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _crop("mirrored", _picture(rng, 4, 5), 0, 0, True),
        _crop("an odd number of columns", _picture(rng, 2, 3), 0, 0, True),
        _crop("not mirrored", _picture(rng, 4, 5), 0, 0, False),
    ]


def _crop_flip_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _crop("by rows and columns", _picture(rng, 5, 6), *_two_offsets(rng), True),
        _crop("by columns", _picture(rng, 4, 5), 0, _offset(rng), True),
        _crop("a square image", _picture(rng, 5, 5), *_two_offsets(rng), True),
    ]


def _channel_cases(rng: np.random.Generator) -> list[Case]:
    return [
        _crop("three channels", _picture(rng, 3, 4, 5), *_two_offsets(rng), True),
        _crop("one channel", _picture(rng, 1, 5, 4), *_two_offsets(rng), True),
        _crop("all of it beyond the edge", _picture(rng, 2, 3, 3), 3, 0, False),
        _crop("a read-only image", readonly(_picture(rng, 4, 5)), *_two_offsets(rng), True),
        _crop("an image that skips memory", strided(_picture(rng, 4, 5)), *_two_offsets(rng), True),
        _crop(
            "an image stored by columns",
            column_major(_picture(rng, 4, 5)),
            *_two_offsets(rng),
            True,
        ),
    ]


def _other_way(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i - dy < H and 0 <= j - dx < W:
                out[..., i, j] = img[..., i - dy, j - dx]
    return out[..., ::-1] if flip else out


def _rows_and_columns_swapped(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dx < H and 0 <= j + dy < W:
                out[..., i, j] = img[..., i + dx, j + dy]
    return out[..., ::-1] if flip else out


def _wraps_around(img, dy, dx, flip):
    out = np.roll(img, (-dy, -dx), axis=(-2, -1))
    return out[..., ::-1] if flip else out


def _edge_repeated(img, dy, dx, flip):
    H, W = img.shape[-2:]
    rows = np.clip(np.arange(H) + dy, 0, H - 1)
    columns = np.clip(np.arange(W) + dx, 0, W - 1)
    out = img[..., rows, :][..., columns]
    return out[..., ::-1] if flip else out


def _flipped_first(img, dy, dx, flip):
    H, W = img.shape[-2:]
    source = img[..., ::-1] if flip else img
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                out[..., i, j] = source[..., i + dy, j + dx]
    return out


def _upside_down(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                out[..., i, j] = img[..., i + dy, j + dx]
    return out[..., ::-1, :] if flip else out


def _never_flipped(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                out[..., i, j] = img[..., i + dy, j + dx]
    return out


def _flip_reversed(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.zeros_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                out[..., i, j] = img[..., i + dy, j + dx]
    return out if flip else out[..., ::-1]


def _not_cropped(img, dy, dx, flip):
    return img[..., ::-1].copy() if flip else img.copy()


def _smaller(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = img[..., max(dy, 0) : max(H + min(dy, 0), 0), max(dx, 0) : max(W + min(dx, 0), 0)]
    return out[..., ::-1] if flip else out


def _padded(img, dy, dx, flip):
    H, W = img.shape[-2:]
    p, q = abs(dy), abs(dx)
    out = np.zeros((*img.shape[:-2], H + 2 * p, W + 2 * q))
    out[..., p : p + H, q : q + W] = img
    return out[..., ::-1] if flip else out


def _ones_outside(img, dy, dx, flip):
    H, W = img.shape[-2:]
    out = np.ones_like(img)
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                out[..., i, j] = img[..., i + dy, j + dx]
    return out[..., ::-1] if flip else out


def _blanked_in_place(img, dy, dx, flip):
    H, W = img.shape[-2:]
    source = img.copy()
    img[...] = 0
    for i in range(H):
        for j in range(W):
            if 0 <= i + dy < H and 0 <= j + dx < W:
                img[..., i, j] = source[..., i + dy, j + dx]
    return img[..., ::-1] if flip else img


_RANDOM_CROP_FLIP = Exercise(
    "random_crop_flip",
    title="More data: crops and mirror images",
    minutes=15,
    section="notation.md#how-code-is-written",
    parameters=("img", "dy", "dx", "flip"),
    returns=("img",),
    reference=reference.random_crop_flip,
    checks=(
        Check(
            "a crop",
            2,
            [
                _crop("one row down", _IMG, 1, 0, False),
                _crop("two columns to the left", _IMG, 0, -2, False),
                _crop("by rows and columns", _IMG, -1, 2, False),
                _crop("a square image", _IMG[:, :3].copy(), 2, 1, False),
                _crop("no offset", _IMG, 0, 0, False),
            ],
            _crop_cases,
        ),
        Check(
            "a mirror image",
            1,
            [
                _crop("mirrored", _IMG, 0, 0, True),
                _crop("an odd number of columns", _IMG[:, :3].copy(), 0, 0, True),
                _crop("not mirrored", _IMG, 0, 0, False),
            ],
            _flip_cases,
        ),
        Check(
            "a crop, mirrored",
            1,
            [
                _crop("by rows and columns", _IMG, 1, -2, True),
                _crop("by columns", _IMG, 0, 1, True),
                _crop("a square image", _IMG[:, :3].copy(), -1, 2, True),
            ],
            _crop_flip_cases,
        ),
        Check(
            "channels and memory layouts",
            1,
            [
                _crop("two channels", np.stack([_IMG, -_IMG[::-1]]), 1, 2, True),
                _crop("one channel", _IMG[None], -1, 2, True),
                _crop("all of it beyond the edge", np.stack([_IMG, _IMG]), 3, 0, False),
                _crop("a read-only image", readonly(_IMG), 2, 1, True),
                _crop("an image that skips memory", strided(_IMG), -1, -2, True),
            ],
            _channel_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "opposite-direction",
            "Your window moves the other way: pixel (i, j) of the result is pixel "
            "(i + dy, j + dx) of the image.",
            _other_way,
        ),
        Mistake(
            "rows-and-columns-swapped",
            "Your function takes dx for rows and dy for columns: y goes with rows, x with columns.",
            _rows_and_columns_swapped,
        ),
        Mistake(
            "wraps-around",
            "What leaves your image on one side comes back on the other (np.roll does that): "
            "outside of the image there is zero.",
            _wraps_around,
        ),
        Mistake(
            "edge-repeated",
            "Your function repeats the edge of the image: the convention of the course is zero "
            "outside of it.",
            _edge_repeated,
        ),
        Mistake(
            "mirrored-first",
            "Your function mirrors before it crops, so the window moves the wrong way in the "
            "image: crop first.",
            _flipped_first,
        ),
        Mistake(
            "upside-down",
            "Your function turns the image upside down: mirror left and right, which reverses the "
            "last axis.",
            _upside_down,
        ),
        Mistake(
            "never-mirrored",
            "Your function ignores `flip`: reverse the columns where it is True.",
            _never_flipped,
        ),
        Mistake(
            "mirrored-where-it-should-not",
            "Your function mirrors when `flip` is False, and does not when it is True.",
            _flip_reversed,
        ),
        Mistake(
            "not-cropped",
            "Your function ignores the offset: take the window that begins at row dy and column "
            "dx.",
            _not_cropped,
        ),
        Mistake(
            "smaller",
            "Your result is smaller than the image: fill up with zeros where the window reaches "
            "beyond it, so that the shape stays.",
            _smaller,
        ),
        Mistake(
            "padded-only",
            "Your function returns the padded image: cut the window of the old size out of it.",
            _padded,
        ),
        Mistake(
            "ones-outside",
            "Your function fills with ones: outside of the image there is zero.",
            _ones_outside,
        ),
        Mistake(
            "in-place",
            "Your function writes into `img`, which the next epoch needs as it was: write into a "
            "new array.",
            _blanked_in_place,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "ps10-regularization",
    title="Regularization",
    exercises=(
        _DROPOUT_TRAIN,
        _DROPOUT_TEST,
        _INVERTED_FORWARD,
        _INVERTED_BACKWARD,
        _L2_STEP,
        _L1_STEP,
        _EARLY_STOPPING,
        _ENSEMBLE_PREDICT,
        _RANDOM_CROP_FLIP,
    ),
    written=(Written("two_kinds_of_scaling", 4),),
)
