"""The capstone: Adam as a torch.optim.Optimizer, and a network trained to a stated accuracy."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
# (known mistakes are written as students write them, without annotations)

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from autograder import reference
from autograder.definition import Check, Exercise, Mistake, ProblemSet, Written
from autograder.definition.cases import Array, case_maker, floats, spread, strided
from autograder.selfcheck.spec import Case

# --- CourseAdam ------------------------------------------------------------------------------

_run = case_maker(
    "thetas", "groups", "grads", "lrs", "beta1", "beta2", "eps", "restart", lists=("groups", "lrs")
)


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


def _adam_case(
    label: str,
    thetas: list[Array],
    grads: list[list[Array | None]],
    *,
    groups: list[int] | None = None,
    lrs: list[list[float]] | None = None,
    lr: float = 0.1,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    restart: int = 0,
) -> Case:
    groups = groups or [0] * len(thetas)
    lrs = lrs or [[lr] * (max(groups) + 1)] * len(grads)
    return _run(label, thetas, groups, grads, lrs, *betas, eps, restart)


_THETAS = [floats([1.0, -2.0, 0.5]), floats([[0.3, 1.0], [-1.0, 2.0]])]
_GRADS: list[list[Array | None]] = [
    [floats([1.0, -3.0, 0.2]), floats([[0.5, -1.0], [2.0, 0.1]])],
    [floats([0.5, -1.0, -0.4]), floats([[1.5, 0.0], [-1.0, 0.3]])],
    [floats([-2.0, 0.1, 0.3]), floats([[0.2, -0.7], [0.4, -0.2]])],
    [floats([0.3, 2.0, 1.0]), floats([[-0.6, 1.0], [1.2, 0.8]])],
]


def _without(grads: list[list[Array | None]], *gaps: tuple[int, int]) -> list[list[Array | None]]:
    """The gradients, with None for the pairs (step, parameter) in ``gaps``."""
    return [
        [None if (t, i) in gaps else gradient for i, gradient in enumerate(at_step)]
        for t, at_step in enumerate(grads)
    ]


def _random_run(
    rng: np.random.Generator, steps: int, *shapes: tuple[int, ...]
) -> tuple[list[Array], list[list[Array | None]]]:
    thetas = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    grads: list[list[Array | None]] = [
        [np.asarray(rng.normal(size=shape)) for shape in shapes] for _ in range(steps)
    ]
    return thetas, grads


def _one_group_cases(rng: np.random.Generator) -> list[Case]:
    lr = float(rng.uniform(0.01, 0.2))
    tiny: list[list[Array | None]] = [[1e-8 * rng.normal(size=4)] for _ in range(3)]
    wide: list[list[Array | None]] = [[spread(rng, 6)] for _ in range(5)]
    thetas, grads = _random_run(rng, 4, (2, 3), (), (2, 1, 2))
    skipping: list[list[Array | None]] = [[strided(rng.normal(size=(2, 3)))] for _ in range(3)]
    return [
        _adam_case("several steps", *_random_run(rng, 6, (3,), (2, 2)), lr=lr),
        _adam_case("arrays of other shapes", thetas, grads, lr=lr),
        _adam_case("tiny gradients", [rng.normal(size=4)], tiny, lr=lr),
        _adam_case("gradients of very different size", [rng.normal(size=6)], wide, lr=lr),
        _adam_case("other decay rates", *_random_run(rng, 5, (3,)), lr=lr, betas=(0.8, 0.95)),
        _adam_case("a large epsilon", *_random_run(rng, 4, (3,)), lr=lr, eps=0.1),
        _adam_case("gradients that skip memory", [rng.normal(size=(2, 3))], skipping, lr=lr),
    ]


def _group_cases(rng: np.random.Generator) -> list[Case]:
    falling = [[0.2 / (t + 1), 0.03] for t in range(4)]
    rising = [[0.01 * (t + 1), 0.1, 0.0] for t in range(5)]
    return [
        _adam_case(
            "two groups",
            *_random_run(rng, 4, (3,), (2, 2)),
            groups=[0, 1],
            lrs=[[0.1, 0.01]] * 4,
        ),
        _adam_case(
            "a rate that falls", *_random_run(rng, 4, (3,), (2,)), groups=[0, 1], lrs=falling
        ),
        _adam_case(
            "three groups, one with rate zero",
            *_random_run(rng, 5, (2,), (3,), (2,), (1,)),
            groups=[0, 1, 2, 1],
            lrs=rising,
        ),
    ]


def _gap_cases(rng: np.random.Generator) -> list[Case]:
    thetas, grads = _random_run(rng, 5, (3,), (2,))
    return [
        _adam_case("missing at first", thetas, _without(grads, (0, 0), (1, 0))),
        _adam_case("missing in between", thetas, _without(grads, (1, 1), (3, 0))),
        _adam_case(
            "one parameter never has one", thetas, _without(grads, *((t, 0) for t in range(5)))
        ),
    ]


def _restart_cases(rng: np.random.Generator) -> list[Case]:
    thetas, grads = _random_run(rng, 6, (3,), (2, 2))
    rates = [[0.1, 0.02]] * 6
    return [
        _adam_case("saved after two of six steps", thetas, grads, restart=2, lr=0.05),
        _adam_case("saved before the last step", thetas, grads, restart=5, lr=0.05),
        _adam_case("two groups", thetas, grads, restart=3, groups=[0, 1], lrs=rates),
        _adam_case(
            "other decay rates and epsilon", thetas, grads, restart=2, betas=(0.7, 0.9), eps=0.01
        ),
    ]


class _NoBiasCorrection(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"]
                p = state["p"]
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _LectureCorrection(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - (1 - gamma1) ** state["t"])
                p = state["p"] / (1 - (1 - gamma2) ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _CountedFromZero(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** max(state["t"], 1))
                p = state["p"] / (1 - gamma2 ** max(state["t"], 1))
                w -= group["lr"] * r / (p.sqrt() + group["eps"])
                state["t"] += 1


class _EpsilonInside(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p + group["eps"]).sqrt()


class _EpsilonUncorrected(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                w -= (
                    group["lr"]
                    * r
                    / ((state["p"].sqrt() + group["eps"]) / (1 - gamma2 ** state["t"]) ** 0.5)
                )


class _BetasSwapped(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma2, gamma1 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _Uphill(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w += group["lr"] * r / (p.sqrt() + group["eps"])


class _NotInPlace(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w = w - group["lr"] * r / (p.sqrt() + group["eps"])


class _FirstRate(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= self.param_groups[0]["lr"] * r / (p.sqrt() + group["eps"])


class _FirstGroup(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups[:1]:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _RateAtStart(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.rates = [group["lr"] for group in self.param_groups]

    @torch.no_grad()
    def step(self, closure=None):
        for group, rate in zip(self.param_groups, self.rates, strict=True):
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= rate * r / (p.sqrt() + group["eps"])


class _ZeroForNone(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                g = torch.zeros_like(w) if w.grad is None else w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _StopsAtNone(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    return
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _OneCount(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.t = 0

    @torch.no_grad()
    def step(self, closure=None):
        self.t += 1
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1**self.t)
                p = state["p"] / (1 - gamma2**self.t)
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _StateOutside(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})
        self.memory = {}

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                if w not in self.memory:
                    zero = torch.zeros_like(w)
                    self.memory[w] = {"t": 0, "r": zero, "p": zero}
                state = self.memory[w]
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g**2
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


class _GradientChanged(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            gamma1, gamma2 = group["betas"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                g = w.grad
                state = self.state[w]
                if not state:
                    state["t"] = 0
                    state["r"], state["p"] = torch.zeros_like(w), torch.zeros_like(w)
                state["t"] += 1
                state["r"] = gamma1 * state["r"] + (1 - gamma1) * g
                state["p"] = gamma2 * state["p"] + (1 - gamma2) * g.pow_(2)
                r = state["r"] / (1 - gamma1 ** state["t"])
                p = state["p"] / (1 - gamma2 ** state["t"])
                w -= group["lr"] * r / (p.sqrt() + group["eps"])


_COURSE_ADAM = Exercise(
    "CourseAdam",
    title="Adam as an optimizer",
    minutes=40,
    section="notation.md#the-same-thing-in-other-places",
    parameters=("thetas", "groups", "grads", "lrs", "beta1", "beta2", "eps", "restart"),
    returns=("trajectory",),
    reference=reference.adam_on_groups,
    driver=optimizer_trajectory,
    checks=(
        Check(
            "one group",
            3,
            [
                _adam_case("one step", _THETAS, _GRADS[:1]),
                _adam_case("four steps", _THETAS, _GRADS),
                _adam_case(
                    "tiny gradients",
                    [floats([1.0, 2.0])],
                    [[floats([1e-8, -3e-8])], [floats([2e-8, 0.0])], [floats([-1e-8, 1e-8])]],
                ),
                _adam_case(
                    "gradients of very different size",
                    [floats([1.0, 2.0, 0.0])],
                    [[floats([1e3, -1e-8, 0.0])], [floats([-2.0, 1e-3, 1.0])]],
                ),
                _adam_case("other decay rates", _THETAS, _GRADS, betas=(0.8, 0.95)),
                _adam_case("a large epsilon", _THETAS, _GRADS, eps=0.1),
                _adam_case("a single number", [floats(2.0)], [[floats(0.5)], [floats(-1.0)]]),
            ],
            _one_group_cases,
        ),
        Check(
            "groups and changing rates",
            2,
            [
                _adam_case("two groups", _THETAS, _GRADS, groups=[0, 1], lrs=[[0.1, 0.01]] * 4),
                _adam_case(
                    "a rate that falls",
                    _THETAS,
                    _GRADS,
                    groups=[0, 1],
                    lrs=[[0.2, 0.03], [0.1, 0.03], [0.05, 0.03], [0.02, 0.03]],
                ),
            ],
            _group_cases,
        ),
        Check(
            "missing gradients",
            1,
            [
                _adam_case("missing at first", _THETAS, _without(_GRADS, (0, 0))),
                _adam_case("missing in between", _THETAS, _without(_GRADS, (1, 1), (2, 0))),
                _adam_case(
                    "one parameter never has one",
                    _THETAS,
                    _without(_GRADS, (0, 0), (1, 0), (2, 0), (3, 0)),
                ),
            ],
            _gap_cases,
        ),
        Check(
            "saved and loaded",
            2,
            [
                _adam_case("saved after two of four steps", _THETAS, _GRADS, restart=2),
                _adam_case(
                    "two groups",
                    _THETAS,
                    _GRADS,
                    groups=[0, 1],
                    lrs=[[0.1, 0.02]] * 4,
                    restart=2,
                ),
                _adam_case(
                    "other decay rates and epsilon",
                    _THETAS,
                    _GRADS,
                    betas=(0.7, 0.9),
                    eps=0.01,
                    restart=1,
                ),
            ],
            _restart_cases,
        ),
    ),
    mistakes=(
        Mistake(
            "no-bias-correction",
            "Your step equals Adam without bias correction, up to 3 times too large at first: "
            "divide r by 1 − γ₁ᵗ and p by 1 − γ₂ᵗ.",
            _NoBiasCorrection,
        ),
        Mistake(
            "correction-of-the-slide",
            "Your correction is 1 − (1 − γ)ᵗ, as one of the lectures prints it, which belongs "
            "to the other convention for γ: divide by 1 − γᵗ.",
            _LectureCorrection,
        ),
        Mistake(
            "counted-too-late",
            "Your step counts t after using it: in the first update t is 1.",
            _CountedFromZero,
        ),
        Mistake(
            "epsilon-inside",
            "Your ε is inside the root: Adam has √p̂ + ε.",
            _EpsilonInside,
        ),
        Mistake(
            "epsilon-before-correction",
            "Your ε is added to √p before the bias correction (the paper's “efficient” order): "
            "the course, like torch, adds it to √p̂.",
            _EpsilonUncorrected,
        ),
        Mistake(
            "betas-swapped",
            "Your step uses betas the other way round: the first is for r, the mean of "
            "gradients, the second for p, the mean of squares.",
            _BetasSwapped,
        ),
        Mistake(
            "wrong-sign",
            "Your step adds α r̂/(√p̂ + ε), uphill: subtract it.",
            _Uphill,
        ),
        Mistake(
            "parameter-not-changed",
            "Your step computes new parameters but leaves the old ones: `w = w - …` only gives "
            "a name to a new tensor; change w itself, with `w -= …` or `w.sub_(…)`.",
            _NotInPlace,
        ),
        Mistake(
            "rate-of-the-first-group",
            'Your step uses the first group\'s rate for all groups: read group["lr"] in each.',
            _FirstRate,
        ),
        Mistake(
            "first-group-only",
            "Your step updates the first group only: loop over self.param_groups.",
            _FirstGroup,
        ),
        Mistake(
            "rate-at-the-start",
            "Your step keeps the rates of the first step: they change, and a loaded state "
            'brings its own, so read group["lr"] in every step.',
            _RateAtStart,
        ),
        Mistake(
            "none-as-zero",
            "Your step takes a missing gradient for zero, so the parameter goes on moving and "
            "its state decays: skip parameters whose grad is None.",
            _ZeroForNone,
        ),
        Mistake(
            "stops-at-none",
            "Your step ends at the first parameter without a gradient: `return` and `break` "
            "leave the others out, so use `continue`.",
            _StopsAtNone,
        ),
        Mistake(
            "one-count-for-all",
            "Your step counts t once for all parameters, in an attribute: each parameter needs "
            "its own in self.state, for a gradient may be missing, and attributes are not "
            "saved.",
            _OneCount,
        ),
        Mistake(
            "state-not-saved",
            "Your state is in an attribute of your own, which state_dict() does not save: keep "
            "t, r and p in self.state[w].",
            _StateOutside,
        ),
        Mistake(
            "gradient-in-place",
            "Your step changes w.grad in place: others may still need the gradient, so compute "
            "a new tensor.",
            _GradientChanged,
        ),
    ),
)

# --- train_and_predict -----------------------------------------------------------------------

_train = case_maker("X", "y", "X_val")

TRAINING_SECONDS = 20.0

_labels: dict[bytes, Array] = {}  # of validation images; a case does not hold them


def _key(images: Array) -> bytes:
    return np.ascontiguousarray(images, dtype=np.int64).tobytes()


@cache
def _digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    return np.asarray(data.data, dtype=np.int16), np.asarray(data.target, dtype=np.int64)


def _split_case(label: str, rng: np.random.Generator, images: Array, labels: Array) -> Case:
    """1347 images to learn from and 450 to predict."""
    order = rng.permutation(len(images))
    train, val = order[:1347], order[1347:]
    _labels[_key(images[val])] = labels[val]
    return _train(label, images[train], labels[train], images[val])


def _redrawn(images: Array, rng: np.random.Generator) -> Array:
    """The images, each turned, sheared, scaled and moved a little, with noise."""
    count = len(images)
    turn, shear = rng.uniform(-0.06, 0.06, (2, count))
    across, down = rng.uniform(0.96, 1.04, (2, count))
    cos, sin = np.cos(turn), np.sin(turn)
    grid = np.arange(8) - 3.5
    y, x = grid[None, :, None], grid[None, None, :]

    def each(values: Array) -> Array:
        return values[:, None, None]

    # where each pixel comes from
    rows = each(down) * (each(cos) * y + each(sin) * x) + each(rng.uniform(-0.2, 0.2, count)) + 3.5
    columns = (
        each(across) * (each(cos + shear) * x - each(sin) * y)
        + each(rng.uniform(-0.2, 0.2, count))
        + 3.5
    )
    framed = np.pad(images.reshape(count, 8, 8).astype(float), ((0, 0), (3, 3), (3, 3)))
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    lower, right = rows - top, columns - left
    number = np.arange(count)[:, None, None]
    values = sum(
        weight * framed[number, np.clip(top + i + 3, 0, 13), np.clip(left + j + 3, 0, 13)]
        for i, j, weight in (
            (0, 0, (1 - lower) * (1 - right)),
            (0, 1, (1 - lower) * right),
            (1, 0, lower * (1 - right)),
            (1, 1, lower * right),
        )
    )
    noisy = values + rng.normal(0.0, 0.5, (count, 8, 8))
    redrawn: Array = np.rint(np.clip(noisy, 0, 16)).astype(images.dtype).reshape(count, 64)
    return redrawn


def _true_labels(X: Tensor, y: Tensor, X_val: Tensor) -> Tensor:
    """The labels of the validation images, as kept when the case was made."""
    labels = _labels[_key(X_val.cpu().numpy())]
    return torch.tensor(labels, device=X_val.device)


def _public_split() -> list[Case]:
    return [_split_case("one way to split the digits", np.random.default_rng(2026), *_digits())]


def _held_out_split(rng: np.random.Generator) -> list[Case]:
    """Images that nobody has seen, with the classes numbered in another order.

    The digits are public: a table of them, or a network trained on them before, must not help.
    """
    images, labels = _digits()
    order = rng.permutation(10)
    numbers = np.empty_like(order)
    numbers[order] = np.roll(order, 1)  # one cycle: no class keeps its number
    redrawn = _redrawn(images, rng)
    return [_split_case("digits redrawn and renumbered", rng, redrawn, numbers[labels])]


def _all_zero(X, y, X_val):
    return np.zeros(len(X_val), dtype=np.int64)


def _training_labels(X, y, X_val):
    return y.copy()


def _scores(X, y, X_val):
    means = np.array([X[y == k].mean(axis=0) for k in range(10)])
    return -((X_val[:, None] - means) ** 2).sum(axis=2)


def _best_image_of_a_class(X, y, X_val):
    means = np.array([X[y == k].mean(axis=0) for k in range(10)])
    return np.argmin(((X_val[:, None] - means) ** 2).sum(axis=2), axis=0)


def _label_numbers(X, y, X_val):
    inputs = np.column_stack([X, np.ones(len(X))])
    weights = np.linalg.lstsq(inputs, y, rcond=None)[0]
    return np.clip(np.rint(np.column_stack([X_val, np.ones(len(X_val))]) @ weights), 0, 9)


def _counted_from_one(X, y, X_val):
    distances = ((X_val[:, None] - X[None, :].astype(float)) ** 2).sum(axis=2)
    return y[np.argmin(distances, axis=1)] + 1


def _shuffled_apart(X, y, X_val):
    X = np.random.default_rng(0).permutation(X)
    distances = ((X_val[:, None] - X[None, :].astype(float)) ** 2).sum(axis=2)
    return y[np.argmin(distances, axis=1)]


_TRAIN = Exercise(
    "train_and_predict",
    title="A network that reaches 93 %",
    minutes=40,
    section="momentum.md#on-data",
    parameters=("X", "y", "X_val"),
    returns=("labels",),
    reference=_true_labels,
    checks=tuple(
        Check(
            f"{100 * accuracy:g} % of the validation images",
            points,
            _public_split(),
            _held_out_split,
            accuracy=accuracy,
            seconds=TRAINING_SECONDS,
        )
        for accuracy, points in ((0.88, 2), (0.93, 3))
    ),
    mistakes=(
        Mistake(
            "all-zero",
            "Your function predicts 0 for every image: has the loss become NaN (argmax of NaN "
            "is 0)? Print it, and try a smaller rate.",
            _all_zero,
        ),
        Mistake(
            "training-labels",
            "Your function returns labels of the training images: predict those of X_val.",
            _training_labels,
        ),
        Mistake(
            "scores-returned",
            "Your function returns a score for every class: return the number of the best, "
            "argmax over the classes (axis 1).",
            _scores,
        ),
        Mistake(
            "best-image-of-a-class",
            "Your function takes the argmax over the images (axis 0): take it over the classes "
            "(axis 1).",
            _best_image_of_a_class,
        ),
        Mistake(
            "label-numbers",
            "Your function fits the label as a number, as if 3 lay between 2 and 4: labels are "
            "names, so use a score for each class and the cross-entropy.",
            _label_numbers,
        ),
        Mistake(
            "counted-from-one",
            "Your labels are one too large: the classes are 0 to 9.",
            _counted_from_one,
        ),
        Mistake(
            "shuffled-apart",
            "Your images and labels are shuffled in different orders: use the same permutation "
            "for both.",
            _shuffled_apart,
        ),
    ),
)

PROBLEM_SET = ProblemSet(
    "capstone-optimizer",
    title="Capstone: an optimizer, and a network trained with it",
    exercises=(_COURSE_ADAM, _TRAIN),
    written=(Written("your_choice", 6),),
    torch=True,
)
