"""Nine against one."""

import numpy as np

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit, mistake
from autograder.definition.cases import Rng, away_from_zero, case_maker, readonly, spread, strided

case = case_maker("grads", "rule", "lr")

NINE_AGAINST_ONE = [0.1] * 9 + [-0.9]
TURNING = [1, -1, -1, 1, 1, -1, -1, 1, 1]


def public(rule: str) -> list[Case]:
    return [
        case("nine against one", NINE_AGAINST_ONE, rule, 0.1),
        case("one against nine", NINE_AGAINST_ONE[::-1], rule, 0.1),
        case("gradients that do not cancel", [1, -2, 0.5, 0.25, 3], rule, 0.2),
        case("a single gradient", [-4], rule, 0.5),
        case("some gradients zero", [0, 2, 0, -1, -3, 0], rule, 0.2),
        case("all gradients zero", np.zeros(3), rule, 0.2),
        case("gradients from 1e-8 to 1000", [1e-8, 2e-8, -1, 30, -1e3, 1e-8], rule, 0.2),
        case("memory that skips, read-only", strided([1, -2, 3, 4]), rule, 0.2),
        case("read-only gradients", readonly([2, -2, 1, 4, -3]), rule, 0.2),
    ]


def drawn(rng: Rng, rule: str) -> list[Case]:
    lr = rng.uniform(0.1, 0.5)
    n = int(rng.integers(5, 9))
    many = np.array([1] * n + [-n]) * rng.uniform(0.1, 1)
    pause = np.where(np.arange(8) % 3 == 0, 0.0, rng.normal(size=8))
    return [
        case("many against one", many, rule, lr),
        case("one against many", many[::-1].copy(), rule, lr),
        case("random gradients", rng.normal(size=12), rule, lr),
        case("mostly of one sign", rng.normal(size=12) + 1, rule, lr),
        case("a single gradient", rng.normal(size=1) * 10, rule, lr),
        case("some gradients zero", pause, rule, lr),
        case("all gradients zero", np.zeros(4), rule, lr),
        case("gradients from 1e-8 to 1e3", spread(rng, 9), rule, lr),
        case("gradients that skip memory", strided(rng.normal(size=6)), rule, lr),
        case("read-only gradients", readonly(rng.normal(size=6)), rule, lr),
    ]


def drawn_rprop(rng: Rng) -> list[Case]:
    turning = np.array([*TURNING, -1, -1, -1]) * rng.uniform(0.5, 1, 12)
    return [
        *drawn(rng, "rprop"),
        case("up to the largest step", rng.uniform(0.5, 1, 9), "rprop", 20 + rng.uniform(0, 5)),
        case("down to the smallest step", turning, "rprop", rng.uniform(5e-6, 9e-6)),
    ]


def drawn_rmsprop(rng: Rng) -> list[Case]:
    tiny = away_from_zero(rng, 5, low=1, high=5) * 1e-8
    return [*drawn(rng, "rmsprop"), case("tiny gradients", tiny, "rmsprop", 0.3)]


@mistake
def running_mean(grads, rule, lr):
    """Your rule “rmsprop” starts a running mean from zero, which divides the first gradients by far
    less than the last: here r is the mean of g² over the whole sequence, the same for all."""
    if rule == "sgd":
        return -np.sum(lr * grads)
    if rule == "manhattan":
        return -np.sum(lr * np.sign(grads))
    theta, delta, prev, r = 0.0, lr, 0.0, 0.0
    for g in grads:
        if rule == "rmsprop":
            r = 0.9 * r + 0.1 * g**2
            theta = theta - lr * g / (np.sqrt(r) + 1e-8)
            continue
        s = g * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        prev = 0.0 if s < 0 else g
        theta = theta - np.sign(prev) * delta
    return theta


@mistake
def in_place(grads, rule, lr):
    """Your function changes its argument `grads` in place: compute new arrays."""
    if rule == "sgd":
        grads *= lr
        return -np.sum(grads)
    if rule == "manhattan":
        grads[:] = lr * np.sign(grads)
        return -np.sum(grads)
    if rule == "rmsprop":
        grads /= np.sqrt(np.mean(grads**2)) + 1e-8
        return -lr * np.sum(grads)
    theta, delta, prev = 0.0, lr, 0.0
    for i in range(len(grads)):
        s = grads[i] * prev
        delta = min(max(delta * (1.2 if s > 0 else 0.5 if s < 0 else 1.0), 1e-6), 50.0)
        if s < 0:
            grads[i] = 0.0
        prev = grads[i]
        theta = theta - np.sign(prev) * delta
    return theta


EXERCISE = Exercise(
    "net_update",
    title="Nine against one",
    minutes=20,
    section="rprop.md#nine-against-one",
    parameters=("grads", "rule", "lr"),
    returns=("change",),
    reference=reference.net_update,
    checks={
        "the rule “sgd”": Check(
            points=1,
            public=public("sgd"),
            held_out=lambda rng: drawn(rng, "sgd"),
        ),
        "the rule “manhattan”": Check(
            points=1,
            public=public("manhattan"),
            held_out=lambda rng: drawn(rng, "manhattan"),
        ),
        "the rule “rprop”": Check(
            points=2,
            public=[
                *public("rprop"),
                case("up to the largest step", np.ones(8), "rprop", 20.0),
                case("down to the smallest step", [*TURNING, 1], "rprop", 7e-6),
            ],
            held_out=drawn_rprop,
        ),
        "the rule “rmsprop”": Check(
            points=1,
            public=[
                *public("rmsprop"),
                case("tiny gradients", [2e-8, -1e-8, 3e-8], "rmsprop", 0.2),
            ],
            held_out=drawn_rmsprop,
        ),
    },
    mistakes={
        "minus-missing": edit(
            "Your function adds up the steps: the steps are subtracted, so the change of the "
            "weight is minus their sum.",
            ("-np.sum(lr * grads)", "np.sum(lr * grads)"),
            ("-np.sum(lr * np.sign", "np.sum(lr * np.sign"),
            ("-np.sum(lr * grads /", "np.sum(lr * grads /"),
            ("theta - ", "theta + "),
        ),
        "mean": edit(
            "Your function returns the mean change per minibatch: return the whole change, a sum.",
            ("np.sum(lr * grads)", "np.mean(lr * grads)"),
            ("np.sum(lr * np.sign", "np.mean(lr * np.sign"),
            ("np.sum(lr * grads /", "np.mean(lr * grads /"),
            ("return theta", "return theta / len(grads)"),
        ),
        "rate-forgotten": edit(
            "Your function leaves out `lr`: it is the learning rate of SGD and RMSProp, and the "
            "(first) step size of Manhattan and Rprop.",
            ("lr * grads)", "grads)"),
            ("lr * np.sign", "np.sign"),
            ("lr * grads /", "grads /"),
            ("0.0, lr, 0.0", "0.0, 1.0, 0.0"),
        ),
        "every-step": edit(
            "Your function returns the weight after every minibatch: return the last only, one "
            "number.",
            ("np.sum(lr * grads)", "np.cumsum(lr * grads)"),
            ("np.sum(lr * np.sign", "np.cumsum(lr * np.sign"),
            ("np.sum(lr * grads /", "np.cumsum(lr * grads /"),
            ("for g in", "path = []\n    for g in"),
            ("* delta\n", "* delta\n        path.append(theta)\n"),
            ("return theta", "return np.array(path)"),
        ),
        "sign-of-the-sum": edit(
            "Your rule “manhattan” takes the sign of the sum: each minibatch makes its own step, "
            "so add up the signs.",
            ("-np.sum(lr * np.sign(grads))", "-lr * np.sign(np.sum(grads))"),
        ),
        "sizes-fixed": edit(
            "Your rule “rprop” takes steps of constant size, which is the Manhattan rule: Δ grows "
            "by 1.2 where the sign stayed and is halved where it changed.",
            ('rule == "manhattan"', 'rule in ("manhattan", "rprop")'),
        ),
        "no-pause": edit(
            "Your rule “rprop” moves after a change of sign at once: the course's Rprop (iRprop−) "
            "sets that gradient to zero, for the step and for the next comparison.",
            ("0.0 if s < 0 else g", "g"),
        ),
        "grows-at-once": edit(
            "Your rule “rprop” compares the first gradient with itself, so that Δ grows before "
            "the first step: the stored gradient is 0 at the start.",
            ("0.0, lr, 0.0", "0.0, lr, grads[0]"),
        ),
        "no-limits": edit(
            "Your rule “rprop” lets Δ leave the limits 1e-6 and 50.",
            ("min(max(factor * delta, 1e-6), 50.0)", "factor * delta"),
        ),
        "own-size": edit(
            "Your rule “rmsprop” divides each gradient by its own size, which leaves the sign: "
            "divide all of them by one number, √r with r the mean of all g².",
            ("np.mean(grads**2)", "grads**2"),
        ),
        "running-mean": running_mean,
        "sum-of-squares": edit(
            "Your rule “rmsprop” divides by the root of the sum of squares, as AdaGrad does: r is "
            "their mean.",
            ("np.mean(grads**2)", "np.sum(grads**2)"),
        ),
        "no-root": edit(
            "Your rule “rmsprop” divides by r: divide by √r + ε, the root of the mean of squares.",
            ("np.sqrt(np.mean(grads**2))", "np.mean(grads**2)"),
        ),
        "standard-deviation": edit(
            "Your rule “rmsprop” divides by the standard deviation, which leaves out the mean: "
            "r is the mean of g², nothing subtracted.",
            ("np.sqrt(np.mean(grads**2))", "np.std(grads)"),
        ),
        "epsilon-inside": edit(
            "Your rule “rmsprop” has ε inside the root, √(r + ε): that convention exists; the "
            "course has √r + ε.",
            ("(np.sqrt(np.mean(grads**2)) + 1e-8)", "np.sqrt(np.mean(grads**2) + 1e-8)"),
        ),
        "no-epsilon": edit(
            "Your rule “rmsprop” leaves ε out, so gradients that are all zero give 0/0: divide by "
            "√r + 1e-8.",
            ("(np.sqrt(np.mean(grads**2)) + 1e-8)", "np.sqrt(np.mean(grads**2))"),
        ),
        "in-place": in_place,
    },
)
