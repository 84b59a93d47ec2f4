"""PRONG's figure 3: a deep autoencoder, by SGD, RMSProp, batch normalization, PRONG and others.

The page "PRONG's figure 3" draws what this command stores, and runs its smallest part itself::

    python book/lab_prong.py digits             # the default of the page; minutes on one core
    python book/lab_prong.py mnist              # MNIST's 10,000 test images, an hour or two
    python book/lab_prong.py mnist-full --device cuda

Results go to ``book/data/prong-SETTING.json``, with the command, seeds, hardware and time. All runs
of one call of ``train`` share a method and differ in learning rate, start, ε and seed. Their
parameters have a leading axis for the run, so that forty runs are one batched matrix product::

    task = digits_task()
    runs = [Run(rate=0.03, gain=4, eps=1e-2, seed=s) for s in SEEDS]
    train(task, METHODS["prong"], runs, updates=600).error       # (records, runs)

The update rules, whitening and projections come from ``autograder.reference``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from experiments import DIGITS, Setting, batches, climb
from mnist import MnistError, load
from stored import made_by
from torch import Tensor

from autograder import reference

SEEDS = (0, 1, 2, 3, 4)
DATA = Path(__file__).resolve().parent / "data"


class Task(NamedTuple):
    """Images to reproduce, and the network that does it: widths from input to output."""

    X: Tensor  # (n, pixels), grey values in [0, 1]
    X_val: Tensor
    widths: tuple[int, ...]
    batch: int
    samples: int  # N_s: images that means and covariances are estimated from
    measured: int  # images of the training set that the recorded error is taken over


class Method(NamedTuple):
    """A form of the network, an update rule for what is learned in it, and the whitening."""

    form: str = "plain"  # "plain", "bn" (batch normalization), "prong" or "prong+"
    rule: str = "sgd"  # "sgd", "momentum", "rmsprop" or "adam"
    T: int = 50  # updates from one whitening to the next; 0: never again
    at_start: bool = True  # whether to whiten before the first update
    reset: bool = True  # whether a projection sets velocities to zero
    white: str = "full"  # "full", "diagonal" (variances only) or "mean" (only c)
    normalized: bool = False  # whether the start gives every pre-activation mean 0, deviation gain


METHODS = {
    "sgd": Method(),
    "momentum": Method(rule="momentum"),
    "rmsprop": Method(rule="rmsprop"),
    "adam": Method(rule="adam"),
    "bn": Method("bn"),
    "bn-momentum": Method("bn", "momentum"),
    "prong": Method("prong"),
    "prong-momentum": Method("prong", "momentum"),
    "prong+": Method("prong+"),
    "prong-mean": Method("prong", white="mean"),
    "prong-diagonal": Method("prong", white="diagonal"),
    "sgd-normalized": Method(normalized=True),
    "prong-normalized": Method("prong", normalized=True),
}


class Run(NamedTuple):
    """What may differ between runs that are trained together."""

    rate: float
    gain: float = 1.0  # of the start: weights from N(0, gain² · 2/(n_in + n_out)), biases 0
    eps: float = 1e-2  # added to the variances of a layer's inputs
    seed: int = 0


class Curves(NamedTuple):
    """Updates made when the error was recorded, and the errors of the runs."""

    updates: list[int]
    error: Tensor  # (records, runs)
    validation: Tensor  # (runs,), at the end


# ---- the network ---------------------------------------------------------------------------------

# A layer is a dictionary of tensors with a leading axis for the run; biases are rows, (K, 1, out):
#   plain   W, b                 bn      W, gamma, d     (d takes the place of the bias)
#   prong   V, d, c, U           prong+  V, gamma, d, c, U
Layer = dict[str, Tensor]
FIXED = ("c", "U")


def start(task: Task, method: Method, runs: Sequence[Run]) -> list[Layer]:
    """Return the layers before the first update, nothing whitened yet."""
    draws = [torch.Generator().manual_seed(run.seed) for run in runs]
    like: dict[str, Any] = {"dtype": task.X.dtype, "device": task.X.device}
    gain = torch.tensor([run.gain for run in runs], **like)[:, None, None]
    whitened, h = method.form.startswith("prong"), task.X[: task.samples]
    layers = []
    for n_in, n_out in itertools.pairwise(task.widths):
        drawn = [torch.randn(n_out, n_in, generator=draw, dtype=torch.float64) for draw in draws]
        W = gain * math.sqrt(2 / (n_in + n_out)) * torch.stack(drawn).to(**like)
        b = torch.zeros(len(runs), 1, n_out, **like)
        if method.normalized:
            deviation, mean = torch.std_mean(h @ W.mT, dim=-2, correction=0, keepdim=True)
            W, b = W * (gain / deviation).mT, -gain * mean / deviation
            h = torch.sigmoid(h @ W.mT + b)
        layer = {"V" if whitened else "W": W}
        if method.form in ("bn", "prong+"):
            layer["gamma"] = torch.ones_like(b)
        layer["b" if method.form == "plain" else "d"] = b
        if whitened:
            layer["c"] = torch.zeros(len(runs), 1, n_in, **like)
            layer["U"] = torch.eye(n_in, **like).repeat(len(runs), 1, 1)
        layers.append(layer)
    return layers


def preactivation(layer: Layer, h: Tensor) -> Tensor:
    """a of a layer for inputs h, (K, n, in); batch statistics are those of h itself."""
    a = (h - layer["c"]) @ layer["U"].mT @ layer["V"].mT if "U" in layer else h @ layer["W"].mT
    if "gamma" in layer:
        variance, mean = torch.var_mean(a, dim=-2, correction=0, keepdim=True)
        a = layer["gamma"] * ((a - mean) / (variance + 1e-5).sqrt())
    return a + layer["b" if "b" in layer else "d"]


def forward(layers: list[Layer], X: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return the pre-activations of all layers, and the output, for images X of (K, n, pixels)."""
    h, a = X, []
    for layer in layers:
        a.append(preactivation(layer, h))
        h = torch.sigmoid(a[-1])
    return a, h


def image_error(output: Tensor, X: Tensor) -> Tensor:
    """Squared error summed over the pixels, averaged over the images, for each run."""
    return (output - X).square().sum(-1).mean(-1)


# ---- PRONG's projection --------------------------------------------------------------------------


def whitening(h: Tensor, eps: Tensor, white: str) -> tuple[Tensor, Tensor]:
    """Return c and U, in double precision: the course's rule, or only a part of it."""
    c, U = reference.whitening(h.double(), eps.double())
    if white == "mean":
        U = torch.eye(U.shape[-1], dtype=U.dtype, device=U.device).expand_as(U)
    elif white == "diagonal":
        variance = h.double().var(dim=-2, correction=0, keepdim=True) + eps
        U = torch.diag_embed(variance.squeeze(-2).rsqrt())
    return c, U


@torch.no_grad()
def whiten(layers: list[Layer], X: Tensor, eps: Tensor, white: str = "full") -> None:
    """Give every layer a new c and U from the samples X, and V and d that keep its function."""
    h = X.expand(len(eps), -1, -1)
    for layer in layers:
        after = torch.sigmoid(preactivation(layer, h))
        old = layer["V"], layer["d"].squeeze(-2), layer["c"].squeeze(-2), layer["U"]
        W, b = reference.prong_canonical(*old)
        c, U = (z.to(h.dtype) for z in whitening(h, eps, white))
        V, d = reference.prong_project(W, b, c, U)
        layer.update(V=V, c=c.unsqueeze(-2), U=U)
        if "gamma" not in layer:  # batch normalization subtracts the mean again
            layer["d"] = d.unsqueeze(-2)
        h = after


# ---- update rules --------------------------------------------------------------------------------

Memory = dict[str, Tensor]


def elementwise(rule: str, theta: Tensor, g: Tensor, lr: Tensor, old: Memory, t: int) -> Tensor:
    """One update by a rule that acts on each entry by itself; its memory is changed in place."""
    zero = torch.zeros_like(theta)
    if rule == "momentum":
        theta, old["v"] = reference.momentum_step(theta, old.get("v", zero), g, lr, 0.9)
    elif rule == "rmsprop":
        theta, old["r"] = reference.rmsprop_step(theta, old.get("r", zero), g, lr, 0.99)
    elif rule == "adam":
        state = old.get("r", zero), old.get("p", zero)
        theta, old["r"], old["p"] = reference.adam_step(
            theta, *state, g, t, lr, gamma1=0.9, gamma2=0.999, eps=1e-8
        )
    else:
        theta = reference.sgd_step(theta, g, lr)
    return theta


# ---- training ------------------------------------------------------------------------------------


def train(
    task: Task,
    method: Method,
    runs: Sequence[Run],
    *,
    updates: int,
    records: Sequence[int] | None = None,
) -> Curves:
    """Train all runs at once. The error is recorded after the given numbers of updates, or thirty.

    The seed of a run sets its weights at the start and the order of the batches. What diverges has
    an error that is not finite, or a large one: a sigmoid network saturates.
    """
    X, device = task.X, task.X.device
    when = sorted({*(records or (round(updates * k / 30) for k in range(31)))})

    def column(name: str) -> Tensor:
        values = [getattr(run, name) for run in runs]
        return torch.tensor(values, dtype=X.dtype, device=device)[:, None, None]

    lr, eps = column("rate"), column("eps")
    seeds = sorted({run.seed for run in runs})
    draws = [batches(len(X), task.batch, seed) for seed in seeds]
    place = torch.tensor([seeds.index(run.seed) for run in runs])
    samples = batches(len(X), task.samples, 1000)
    layers = start(task, method, runs)
    memories: list[dict[str, Memory]] = []
    errors = []

    @torch.no_grad()
    def measure(images: Tensor) -> Tensor:
        return image_error(forward(layers, images.expand(len(runs), -1, -1))[1], images)

    for t in range(updates + 1):
        if t in when:
            errors.append(measure(X[: task.measured]))
        if t == updates:
            break
        due = method.form.startswith("prong") and (t % method.T == 0 if method.T else t == 0)
        if t == 0 or (due and method.reset):
            memories = [{name: {} for name in layer} for layer in layers]
        if due and (t or method.at_start):
            whiten(layers, X[next(samples).to(device)], eps, method.white)
        batch = X[torch.stack([next(draw) for draw in draws])[place].to(device)]
        names = [[name for name in layer if name not in FIXED] for layer in layers]
        flat = [
            layer[n].requires_grad_() for layer, ns in zip(layers, names, strict=True) for n in ns
        ]
        loss = image_error(forward(layers, batch)[1], batch).sum()
        gradients = iter(torch.autograd.grad(loss, flat))
        for layer, ns, old in zip(layers, names, memories, strict=True):
            for n in ns:
                theta = layer[n].detach()
                layer[n] = elementwise(method.rule, theta, next(gradients), lr, old[n], t + 1)
    return Curves(when, torch.stack(errors), measure(task.X_val))


def digits_task() -> Task:
    """scikit-learn's digits, 8 × 8: 1,297 to train, 500 to validate."""
    X, X_val = (Z[:, :-1].float() for Z in (DIGITS.X, DIGITS.X_val))
    return Task(X, X_val, (64, 48, 32, 16, 8, 16, 32, 48, 64), 50, 500, 1297)


def mnist_task() -> Task:
    """MNIST's 10,000 test images, 14 × 14 by averaging: 8,000 to train, 2,000 to validate."""
    data = load()
    X, X_val = (
        torch.nn.functional.avg_pool2d(Z.float().view(-1, 1, 28, 28), 2).flatten(1)
        for Z in (data.X, data.X_val)
    )
    return Task(X, X_val, (196, 100, 50, 25, 10, 25, 50, 100, 196), 100, 1000, 2000)


def full_mnist_task() -> Task:
    """MNIST's training images, 50,000 to train, 10,000 to validate; the usual deep autoencoder."""
    data = load(full=True)
    X, X_val = data.X.float(), data.X_val.float()
    widths = (784, 1000, 500, 250, 30, 250, 500, 1000, 784)
    return Task(X, X_val, widths, 200, 2000, 5000)


# ---- search --------------------------------------------------------------------------------------

# What each method has to choose, with a first guess.
GAIN = {"gain": 4.0}
WHITENED = {"gain": 4.0, "eps": 1e-2}
FIRST: dict[str, Setting] = {
    "sgd": {"rate": 0.7, **GAIN},
    "momentum": {"rate": 0.2, **GAIN},
    "rmsprop": {"rate": 0.006, **GAIN},
    "adam": {"rate": 0.006, **GAIN},
    "bn": {"rate": 2.0, **GAIN},
    "bn-momentum": {"rate": 0.4, **GAIN},
    "prong": {"rate": 0.06, **WHITENED},
    "prong-momentum": {"rate": 0.02, **WHITENED},
    "prong+": {"rate": 2.0, **WHITENED},
    "prong-mean": {"rate": 2.0, **GAIN},
    "prong-diagonal": {"rate": 0.1, **WHITENED},
    "sgd-normalized": {"rate": 0.2, "gain": 1.0},
    "prong-normalized": {"rate": 0.06, "gain": 1.0, "eps": 1e-2},
}
STEP = {"rate": 2**0.5, "gain": 2**0.5, "eps": 10**0.5}
TOGETHER = 40  # runs in one batch


class Tried(NamedTuple):
    """What one setting gave with every seed."""

    setting: Setting
    end: Tensor  # (seeds,): mean error over the last tenth of the run
    curve: Tensor  # (records, seeds)
    validation: Tensor  # (seeds,)
    updates: list[int]


class Search:
    """Tries settings of a method, each once, with all seeds.

    A run fails if it ends no better than the mean image. The value of a setting is its mean end,
    and infinite if one of its runs fails, or one at √2 times its rate: what only just did not fail
    would fail with other seeds.
    """

    def __init__(
        self,
        task: Task,
        method: Method,
        updates: int,
        seeds: Sequence[int],
        fixed: Setting | None = None,
        records: Sequence[int] | None = None,
    ):
        self.task, self.method, self.updates, self.seeds = task, method, updates, seeds
        self.fixed, self.records = fixed or {}, records
        self.limit = float(image_error(task.X.mean(0), task.X))
        self.tried: dict[tuple[float, ...], Tried] = {}

    def attempt(self, settings: Sequence[Setting]) -> list[Tried]:
        """Run what has not been run yet, and return what each setting gave."""
        keys = [tuple(float(f"{z:.6g}") for z in setting.values()) for setting in settings]
        fresh = [(k, s) for k, s in zip(keys, settings, strict=True) if k not in self.tried]
        size = max(1, TOGETHER // len(self.seeds))
        for first in range(0, len(fresh), size):
            some = fresh[first : first + size]
            runs = [
                Run(**{**self.fixed, **setting}, seed=seed)
                for _, setting in some
                for seed in self.seeds
            ]
            curves = train(self.task, self.method, runs, updates=self.updates, records=self.records)
            late = torch.tensor(curves.updates) > 0.9 * self.updates
            error = curves.error.cpu().unflatten(1, (len(some), len(self.seeds)))
            validation = curves.validation.cpu().view(len(some), -1)
            for i, (key, setting) in enumerate(some):
                end = error[late, i].mean(0)
                self.tried[key] = Tried(setting, end, error[:, i], validation[i], curves.updates)
        return [self.tried[key] for key in keys]

    def fails(self, one: Tried) -> bool:
        return not bool((one.end < self.limit).all())  # NaN is no better, either

    def value(self, settings: Sequence[Setting]) -> list[float]:
        """The values of settings, as the class says."""
        above = [setting | {"rate": setting["rate"] * STEP["rate"]} for setting in settings]
        found = self.attempt([*settings, *above])
        here, there = found[: len(settings)], found[len(settings) :]
        return [
            math.inf if self.fails(one) or self.fails(other) else float(one.end.mean())
            for one, other in zip(here, there, strict=True)
        ]


# ---- the studies of the page ---------------------------------------------------------------------

FRESH = tuple(range(10, 20))  # seeds for what is reported: others than those of the search
PERIODS = (10, 50, 200, 0)
WHITENINGS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
PUBLISHED = ("sgd", "rmsprop", "bn", "prong")
MORE = (
    *("momentum", "adam", "bn-momentum", "prong-momentum", "prong+"),
    *("sgd-normalized", "prong-normalized"),
)
PARTS = ("prong-mean", "prong-diagonal")


class Scale(NamedTuple):
    """How much is computed of one setting."""

    updates: int
    methods: tuple[str, ...]
    lengths: tuple[int, ...]  # of the steps of the search
    seeds: tuple[int, ...]  # of the results
    around: bool  # whether ε and T are varied, too


SCALES = {
    "digits": Scale(600, (*PUBLISHED, *MORE, *PARTS), (2, 1), FRESH, True),
    "mnist": Scale(1000, (*PUBLISHED, "adam", "prong-normalized"), (1,), FRESH[:5], False),
    "mnist-full": Scale(5000, (*PUBLISHED, *MORE), (1,), FRESH[:5], True),
}


def rounded(values: Tensor) -> list[Any]:
    """Nested lists with four digits, None for what is not finite: small in a file."""
    if values.ndim:
        return [rounded(row) for row in values]
    return float(f"{float(values):.4g}") if values.isfinite() else None  # type: ignore[return-value]


def repeat(task: Task, method: Method, setting: Setting, scale: Scale) -> dict[str, Any]:
    """Run a setting with the fresh seeds, and return what came out for the file."""
    setting = {name: float(f"{z:.4g}") for name, z in setting.items()}
    (fresh,) = Search(task, method, scale.updates, scale.seeds).attempt([setting])
    return {
        "setting": setting,
        "updates": fresh.updates,
        "curve": rounded(fresh.curve),
        "end": rounded(fresh.end),
        "validation": rounded(fresh.validation),
    }


def study(
    task: Task, method: Method, first: Sequence[Setting], scale: Scale, fixed: Setting | None = None
) -> dict[str, Any]:
    """Search a method's setting, run it with fresh seeds, and return both for the file.

    The search begins at the best of ``first``; ``fixed`` are further quantities of a run.
    """
    begin = time.process_time()
    late = [round(scale.updates * k / 30) for k in (0, 28, 29, 30)]  # the same tenth, and no more
    search = Search(task, method, scale.updates, SEEDS, fixed, late)
    (best,) = search.attempt([climb(search.value, list(first), STEP, scale.lengths)])
    return {
        **repeat(task, method, {**(fixed or {}), **best.setting}, scale),
        "end of the search": rounded(best.end),
        "tried": len(search.tried),
        "CPU minutes": round((time.process_time() - begin) / 60, 1),
    }


def seconds_an_update(task: Task, names: Sequence[str], updates: int, rounds: int = 12) -> Any:
    """Time of an update of single runs in units of SGD's, the least of rounds in turns.

    Processor time, or on a GPU time by the clock. T should divide ``updates``.
    """
    clock = time.perf_counter if task.X.is_cuda else time.process_time
    least = dict.fromkeys(names, math.inf)
    for _ in range(rounds):
        for name in names:
            begin = clock()
            train(task, METHODS[name], [Run(rate=1e-3)], updates=updates, records=[updates])
            if task.X.is_cuda:
                torch.cuda.synchronize()
            least[name] = min(least[name], (clock() - begin) / updates)
    return {name: float(f"{z / least['sgd']:.3g}") for name, z in least.items()}


# ---- the command ---------------------------------------------------------------------------------


def first_guess(setting: str, name: str) -> Setting:
    """Where a search begins: at what the next smaller setting found, if that is stored."""
    smaller = {"mnist": "digits", "mnist-full": "mnist"}.get(setting)
    path = DATA / f"prong-{smaller}.json"
    if smaller and path.exists():
        found = json.loads(path.read_text(encoding="utf-8"))["studies"].get(name)
        if found:
            return dict(found["setting"])
    return FIRST[name]


def studies(task: Task, setting: str, scale: Scale, done: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be computed: names, and functions without arguments.

    The studies of ε and of T come last. They keep the start, and T's the ε, that PRONG had best.
    """
    jobs: dict[str, Any] = {}
    for name in scale.methods:
        first = first_guess(setting, name)
        jobs[name] = functools.partial(study, task, METHODS[name], [first], scale)

    def around(method: Method, **fixed: float) -> dict[str, Any]:
        """A variant of PRONG at its own best rate, which may be hundreds of times smaller."""
        best = done["prong"]["setting"]
        first = [{"rate": best["rate"] * 4.0**k} for k in range(-5, 3)]
        return study(task, method, first, scale, fixed=best | fixed)

    def kept() -> dict[str, Any]:
        """PRONG with momentum, its velocities kept over projections, all else equal."""
        method = METHODS["prong-momentum"]._replace(reset=False)
        return repeat(task, method, done["prong-momentum"]["setting"], scale)

    if "prong-momentum" in scale.methods:
        jobs["prong-momentum-kept"] = kept
    for eps in WHITENINGS if scale.around else ():
        jobs[f"eps {eps:g}"] = functools.partial(around, METHODS["prong"], eps=eps)
    for T in PERIODS if scale.around else ():
        for at_start in (True, False) if T else (True,):
            name = f"T {T}" if at_start else f"T {T} later"
            jobs[name] = functools.partial(around, Method("prong", T=T, at_start=at_start))
    jobs["time"] = functools.partial(seconds_an_update, task, scale.methods, 50)
    return jobs


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute what is not stored yet; return the exit status."""
    parser = argparse.ArgumentParser(description="Compute the lab on PRONG's figure 3.")
    parser.add_argument("setting", choices=list(SCALES), help="data and network")
    parser.add_argument("--device", default="cpu", help="where to compute: cpu or cuda")
    parser.add_argument("--updates", type=int, help="of each run (for a trial)")
    parser.add_argument("--only", nargs="+", metavar="STUDY", help="nothing but these studies")
    parser.add_argument("--again", action="store_true", help="compute what is stored, too")
    parser.add_argument("--output", type=Path, help="file (else book/data/prong-SETTING.json)")
    given = parser.parse_args(arguments)
    path = given.output or DATA / f"prong-{given.setting}.json"
    scale = SCALES[given.setting]
    scale = scale._replace(updates=given.updates or scale.updates)
    try:
        tasks = {"digits": digits_task, "mnist": mnist_task, "mnist-full": full_mnist_task}
        task = tasks[given.setting]()
        task = task._replace(X=task.X.to(given.device), X_val=task.X_val.to(given.device))
        stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (MnistError, RuntimeError, AssertionError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    stored = {
        "widths": task.widths,
        "batch": task.batch,
        "samples": task.samples,
        "error of the mean image": float(f"{float(image_error(task.X.mean(0), task.X)):.4g}"),
        "seeds of the search": SEEDS,
        "studies": stored.get("studies", {}),
    }
    done = stored["studies"]
    jobs = studies(task, given.setting, scale, done)
    unknown = set(given.only or ()) - set(jobs)
    if unknown:
        print(f"There is no study {', '.join(sorted(unknown))}: there are {', '.join(jobs)}.")
        return 2
    for name in given.only or jobs:
        if name in done and not given.again:
            continue
        done[name] = jobs[name]()
        minutes = sum(one.get("CPU minutes", 0) for one in done.values())
        command = f"python book/lab_prong.py {given.setting}"
        made = made_by(command, scale.seeds, 60 * minutes)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"made": made, **stored}) + "\n", encoding="utf-8")
        part.replace(path)
        print(name, done[name].get("setting", ""), done[name].get("end", done[name]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
