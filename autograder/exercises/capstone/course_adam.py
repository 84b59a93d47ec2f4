"""Adam as an optimizer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from autograder import reference
from autograder.definition import Case, Check, Exercise, edit
from autograder.definition.cases import Rng, away_from_zero, case_maker, spread, strided

PARAMETERS = ("thetas", "groups", "grads", "lrs", "beta1", "beta2", "eps", "restart")

run = case_maker(*PARAMETERS, lists=("groups", "lrs"))

Gradients = Sequence[Sequence[Any]]

THETAS = [[1, -2, 0.5], [[0.3, 1], [-1, 2]]]
GRADS = [
    [[1, -3, 0.2], [[0.5, -1], [2, 0.1]]],
    [[0.5, -1, -0.4], [[1.5, 0], [-1, 0.3]]],
    [[-2, 0.1, 0.3], [[0.2, -0.7], [0.4, -0.2]]],
    [[0.3, 2, 1], [[-0.6, 1], [1.2, 0.8]]],
]


def optimizer_trajectory(optimizer_class, thetas, groups, grads, lrs, beta1, beta2, eps, restart):
    """All parameters before and after every step, as the rows of an array.

    Parameter i belongs to the group groups[i]; grads[t][i] is its gradient in step t, or None;
    lrs[t][k] is the rate of group k. After ``restart`` steps, if that is not 0, the state is
    saved and loaded into a new optimizer, as for a training that goes on another day.
    """
    import io
    import sys

    for base in optimizer_class.__mro__:
        if base.__module__.startswith("torch.optim") and base is not torch.optim.Optimizer:
            raise TypeError(f"derive from torch.optim.Optimizer, not from torch's {base.__name__}")

    def refuse_ready_made(frame, event, called):
        module = frame.f_globals.get("__name__") or ""
        ready_made = module.startswith("torch.optim.") and module != "torch.optim.optimizer"
        if ready_made or (event == "c_call" and "_fused_" in called.__name__):
            raise TypeError("write the update yourself: torch's own optimizers are absent here")

    def members(parameters):
        return [
            [p for p, group in zip(parameters, groups, strict=True) if group == k]
            for k in range(len(lrs[0]))
        ]

    def row():
        return np.concatenate([p.detach().numpy().copy().ravel() for p in parameters])

    def make(groups, **settings):
        sys.setprofile(refuse_ready_made)
        try:
            return optimizer_class(groups, **settings)
        finally:
            sys.setprofile(None)

    def step(optimizer):
        sys.setprofile(refuse_ready_made)
        try:
            optimizer.step()
        finally:
            sys.setprofile(None)

    parameters = [torch.nn.Parameter(torch.tensor(theta)) for theta in thetas]
    optimizer = make(
        [{"params": some, "lr": lr} for some, lr in zip(members(parameters), lrs[0], strict=True)],
        betas=(beta1, beta2),
        eps=eps,
    )
    rows = [row()]
    for t, gradients in enumerate(grads):
        if t > 0 and t == restart:
            file = io.BytesIO()
            torch.save(optimizer.state_dict(), file)
            file.seek(0)
            parameters = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
            # rates, betas and eps are in the saved state, too
            optimizer = make([{"params": some} for some in members(parameters)])
            optimizer.load_state_dict(torch.load(file))
        if t > 0 and list(lrs[t]) != list(lrs[t - 1]):
            for group, lr in zip(optimizer.param_groups, lrs[t], strict=True):
                group["lr"] = lr
        for p, gradient in zip(parameters, gradients, strict=True):
            p.grad = None if gradient is None else torch.from_numpy(gradient)
        step(optimizer)
        rows.append(row())
    return np.stack(rows)


def case(
    label: str,
    thetas: Sequence[Any],
    grads: Gradients,
    *,
    groups: Sequence[int] = (),
    lrs: Sequence[Sequence[float]] = (),
    lr: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    restart: int = 0,
) -> Case:
    """A case of one group with the rate ``lr``, or of ``groups`` with the rates ``lrs``.

    Parameters and gradients may be lists of numbers; a gradient may be None.
    """
    groups = list(groups) or [0] * len(thetas)
    lrs = list(lrs) or [[lr] * (max(groups) + 1)] * len(grads)
    parameters = [np.asarray(theta, np.float64) for theta in thetas]
    gradients = [
        [None if gradient is None else np.asarray(gradient, np.float64) for gradient in at_step]
        for at_step in grads
    ]
    return run(label, parameters, groups, gradients, lrs, *betas, eps, restart)


def without(grads: Gradients, *gaps: tuple[int, int]) -> Gradients:
    """The gradients, with None for the pairs (step, parameter) in ``gaps``."""
    return [
        [None if (t, i) in gaps else gradient for i, gradient in enumerate(at_step)]
        for t, at_step in enumerate(grads)
    ]


def drawn(rng: Rng, steps: int, *shapes: tuple[int, ...]) -> tuple[list[Any], Gradients]:
    """Parameters of these shapes, and their gradients in every step."""
    thetas = [rng.normal(size=shape) for shape in shapes]
    return thetas, [[away_from_zero(rng, *shape) for shape in shapes] for _ in range(steps)]


def one_group(rng: Rng) -> list[Case]:
    lr = rng.uniform(0.01, 0.2)
    tiny = [[1e-8 * rng.normal(size=4)] for _ in range(3)]
    wide = [[spread(rng, 6)] for _ in range(5)]
    others = drawn(rng, 4, (2, 3), (), (2, 1, 2))
    skipping = [[strided(rng.normal(size=(2, 3)))] for _ in range(3)]
    return [
        case("several steps", *drawn(rng, 6, (3,), (2, 2)), lr=lr),
        case("arrays of other shapes", *others, lr=lr),
        case("tiny gradients", [rng.normal(size=4)], tiny, lr=lr),
        case("gradients of very different size", [rng.normal(size=6)], wide, lr=lr),
        case("other decay rates", *drawn(rng, 5, (3,)), lr=lr, betas=(0.8, 0.95)),
        case("a large epsilon", *drawn(rng, 4, (3,)), lr=lr, eps=0.1),
        case("gradients that skip memory", [rng.normal(size=(2, 3))], skipping, lr=lr),
    ]


# too small to be seen beside gradients that are not: where ε stands is asked for by "one group"
UNSEEN = 1e-12


def several_groups(rng: Rng) -> list[Case]:
    falling = [[0.2 / (t + 1), 0.03] for t in range(4)]
    rising = [[0.01 * (t + 1), 0.1, 0.0] for t in range(5)]
    return [
        case(
            "two groups",
            *drawn(rng, 4, (3,), (2, 2)),
            groups=[0, 1],
            lrs=[[0.1, 0.01]] * 4,
            eps=UNSEEN,
        ),
        case(
            "a rate that falls", *drawn(rng, 4, (3,), (2,)), groups=[0, 1], lrs=falling, eps=UNSEEN
        ),
        case(
            "three groups, one with rate zero",
            *drawn(rng, 5, (2,), (3,), (2,), (1,)),
            groups=[0, 1, 2, 1],
            lrs=rising,
            eps=UNSEEN,
        ),
    ]


def missing(thetas: list[Any], grads: Gradients) -> list[Case]:
    never = [(t, 0) for t in range(len(grads))]
    return [
        case("missing at first", thetas, without(grads, (0, 0), (1, 0)), eps=UNSEEN),
        case("missing in between", thetas, without(grads, (1, 1), (3, 0)), eps=UNSEEN),
        case("one parameter never has one", thetas, without(grads, *never), eps=UNSEEN),
    ]


def restarted(thetas: list[Any], grads: Gradients) -> list[Case]:
    return [
        case("saved after two of six steps", thetas, grads, restart=2, lr=0.05),
        case("saved before the last step", thetas, grads, restart=5, lr=0.05),
        case("two groups", thetas, grads, restart=3, groups=[0, 1], lrs=[[0.1, 0.02]] * 6),
        case("other decay rates and epsilon", thetas, grads, restart=2, betas=(0.7, 0.9), eps=0.01),
    ]


EXERCISE = Exercise(
    "CourseAdam",
    title="Adam as an optimizer",
    minutes=40,
    section="adam.md#the-rule",
    parameters=PARAMETERS,
    returns=("trajectory",),
    reference=reference.adam_on_groups,
    driver=optimizer_trajectory,
    checks={
        "one group": Check(
            points=3,
            public=[
                case("one step", THETAS, GRADS[:1]),
                case("four steps", THETAS, GRADS),
                case("tiny gradients", [[1, 2]], [[[1e-8, -3e-8]], [[2e-8, 0]], [[-1e-8, 1e-8]]]),
                case(
                    "gradients of very different size",
                    [[1, 2, 0]],
                    [[[1e3, -1e-8, 0]], [[-2, 1e-3, 1]]],
                ),
                case("other decay rates", THETAS, GRADS, betas=(0.8, 0.95)),
                case("a large epsilon", THETAS, GRADS, eps=0.1),
                case("a single number", [2], [[0.5], [-1]]),
            ],
            held_out=one_group,
        ),
        "groups and changing rates": Check(
            points=2,
            public=[
                case("two groups", THETAS, GRADS, groups=[0, 1], lrs=[[0.1, 0.01]] * 4),
                case(
                    "a rate that falls",
                    THETAS,
                    GRADS,
                    groups=[0, 1],
                    lrs=[[0.2, 0.03], [0.1, 0.03], [0.05, 0.03], [0.02, 0.03]],
                ),
            ],
            held_out=several_groups,
        ),
        "missing gradients": Check(
            points=1,
            public=[
                case("missing at first", THETAS, without(GRADS, (0, 0))),
                case("missing in between", THETAS, without(GRADS, (1, 1), (2, 0))),
                case(
                    "one parameter never has one",
                    THETAS,
                    without(GRADS, (0, 0), (1, 0), (2, 0), (3, 0)),
                ),
            ],
            held_out=lambda rng: missing(*drawn(rng, 5, (3,), (2,))),
        ),
        "saved and loaded": Check(
            points=2,
            public=[
                case("saved after two of four steps", THETAS, GRADS, restart=2),
                case("two groups", THETAS, GRADS, groups=[0, 1], lrs=[[0.1, 0.02]] * 4, restart=2),
                case(
                    "other decay rates and epsilon",
                    THETAS,
                    GRADS,
                    betas=(0.7, 0.9),
                    eps=0.01,
                    restart=1,
                ),
            ],
            held_out=lambda rng: restarted(*drawn(rng, 6, (3,), (2, 2))),
        ),
    },
    mistakes={
        "no-bias-correction": edit(
            "Your step equals Adam without bias correction, up to 3 times too large at first: "
            "divide r by 1 − γ₁ᵗ and p by 1 − γ₂ᵗ.",
            (' / (1 - gamma1 ** state["t"])', ""),
            (' / (1 - gamma2 ** state["t"])', ""),
        ),
        "correction-of-the-slide": edit(
            "Your correction is 1 − (1 − γ)ᵗ, as one of the lectures prints it, which belongs "
            "to the other convention for γ: divide by 1 − γᵗ.",
            ('gamma1 ** state["t"]', '(1 - gamma1) ** state["t"]'),
            ('gamma2 ** state["t"]', '(1 - gamma2) ** state["t"]'),
        ),
        "counted-too-late": edit(
            "Your step counts t after using it: in the first update t is 1.",
            ('gamma1 ** state["t"]', 'gamma1 ** max(state["t"] - 1, 1)'),
            ('gamma2 ** state["t"]', 'gamma2 ** max(state["t"] - 1, 1)'),
        ),
        "epsilon-inside": edit(
            "Your ε is inside the root: Adam has √p̂ + ε.",
            ('(p.sqrt() + group["eps"])', '(p + group["eps"]).sqrt()'),
        ),
        "epsilon-before-correction": edit(
            "Your ε is added to √p before the bias correction (the paper's “efficient” order): "
            "the course, like torch, adds it to √p̂.",
            (
                '(p.sqrt() + group["eps"])',
                '((state["p"].sqrt() + group["eps"]) / (1 - gamma2 ** state["t"]) ** 0.5)',
            ),
        ),
        "betas-swapped": edit(
            "Your step uses betas the other way round: the first is for r, the mean of "
            "gradients, the second for p, the mean of squares.",
            ("gamma1, gamma2 =", "gamma2, gamma1 ="),
        ),
        "wrong-sign": edit("Your step adds α r̂/(√p̂ + ε), uphill: subtract it.", ("w -= ", "w += ")),
        "parameter-not-changed": edit(
            "Your step computes new parameters but leaves the old ones: `w = w - …` only gives "
            "a name to a new tensor; change w itself, with `w -= …` or `w.sub_(…)`.",
            ("w -= ", "w = w - "),
        ),
        "rate-of-the-first-group": edit(
            'Your step uses the first group\'s rate for all groups: read group["lr"] in each.',
            ('group["lr"]', 'self.param_groups[0]["lr"]'),
        ),
        "rate-of-the-defaults": edit(
            "Your step takes the rate from the defaults of the constructor: every group has a rate "
            "of its own, which may change from step to step.",
            ('group["lr"]', 'self.defaults["lr"]'),
        ),
        "first-group-only": edit(
            "Your step updates the first group only: loop over self.param_groups.",
            ("self.param_groups", "self.param_groups[:1]"),
        ),
        "rate-at-the-start": edit(
            "Your step keeps the rates of the first step: they change, and a loaded state "
            'brings its own, so read group["lr"] in every step.',
            (
                '"eps": eps})',
                '"eps": eps})\n        self.rates = [group["lr"] for group in self.param_groups]',
            ),
            (
                "group in self.param_groups",
                "group, rate in zip(self.param_groups, self.rates, strict=True)",
            ),
            ('group["lr"]', "rate"),
        ),
        "none-as-zero": edit(
            "Your step takes a missing gradient for zero, so the parameter goes on moving and "
            "its state decays: skip parameters whose grad is None.",
            ("                if w.grad is None:\n                    continue\n", ""),
            ("g = w.grad", "g = torch.zeros_like(w) if w.grad is None else w.grad"),
        ),
        "stops-at-none": edit(
            "Your step ends at the first parameter without a gradient: `return` and `break` "
            "leave the others out, so use `continue`.",
            ("continue", "return"),
        ),
        "one-count-for-all": edit(
            "Your step counts t once for all parameters, in an attribute: each parameter needs "
            "its own in self.state, for a gradient may be missing, and attributes are not "
            "saved.",
            ('"eps": eps})', '"eps": eps})\n        self.t = 0'),
            ("for group in", "self.t += 1\n        for group in"),
            ('gamma1 ** state["t"]', "gamma1**self.t"),
            ('gamma2 ** state["t"]', "gamma2**self.t"),
        ),
        "one-count-raised-by-each": edit(
            "Your step has one count for all parameters, which each of them raises, so t grows by "
            "the number of parameters in a step: t counts the updates of one parameter.",
            ('"eps": eps})', '"eps": eps})\n        self.t = 0'),
            ('state["t"] += 1', "self.t += 1"),
            ('gamma1 ** state["t"]', "gamma1**self.t"),
            ('gamma2 ** state["t"]', "gamma2**self.t"),
        ),
        "one-count-for-a-group": edit(
            "Your step counts t once for a whole group: a parameter whose gradient was missing has "
            "had fewer updates than the others, so each needs its own count.",
            (
                "gamma1, gamma2 =",
                'group["t"] = group.get("t", 0) + 1\n            gamma1, gamma2 =',
            ),
            ('gamma1 ** state["t"]', 'gamma1 ** group["t"]'),
            ('gamma2 ** state["t"]', 'gamma2 ** group["t"]'),
        ),
        "one-count-and-the-rate-of-the-defaults": edit(
            "Your step is written for one group that never changes: it counts t once for all "
            "parameters and takes the rate from the defaults. Each parameter has its own count, "
            "and each group its own rate.",
            ('"eps": eps})', '"eps": eps})\n        self.t = 0'),
            ("for group in", "self.t += 1\n        for group in"),
            ('gamma1 ** state["t"]', "gamma1**self.t"),
            ('gamma2 ** state["t"]', "gamma2**self.t"),
            ('group["lr"]', 'self.defaults["lr"]'),
        ),
        "state-not-saved": edit(
            "Your state is in an attribute of your own, which state_dict() does not save: keep "
            "t, r and p in self.state[w].",
            ('"eps": eps})', '"eps": eps})\n        self.memory = {}'),
            ("self.state[w]", "self.memory.setdefault(w, {})"),
        ),
        "gradient-in-place": edit(
            "Your step changes w.grad in place: others may still need the gradient, so compute "
            "a new tensor.",
            ("g**2", "g.pow_(2)"),
        ),
    },
    equivalents={
        f"def __init__(self, params, {defaults}):": "The signature stands in the stub."
        for defaults in (
            "lr=0.00101, betas=(0.9, 0.999), eps=1e-08",
            "lr=0.001, betas=(0.909, 0.999), eps=1e-08",
            "lr=0.001, betas=(0.9, 1.00899), eps=1e-08",
            "lr=0.001, betas=(0.9, 0.999), eps=1.0100000000000001e-08",
        )
    },
)
