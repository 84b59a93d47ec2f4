"""The lab on PRONG: its training against torch and the reference, its search, its command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import experiments
import lab_prong as lab
import pytest
import torch
from lab_prong import METHODS, Method, Run, Task, train
from torch import Tensor, nn

from autograder import reference

BOOK = Path(__file__).resolve().parents[2] / "book"


pytestmark = pytest.mark.usefixtures("double_precision")


@pytest.fixture
def task() -> Task:
    """Sixty images of nine correlated pixels, some to validate; double precision."""
    draw = torch.Generator().manual_seed(0)
    X = torch.sigmoid(torch.randn(80, 4, generator=draw) @ torch.randn(4, 9, generator=draw) - 1)
    return Task(X[:60], X[60:], (9, 6, 3, 6, 9), batch=20, samples=30, measured=60)


def network(layers: list[lab.Layer], run: int, normalized: bool) -> nn.Sequential:
    """A torch network with the weights of one run at the start."""
    parts: list[nn.Module] = []
    for layer in layers:
        W = layer["W"][run]
        linear = nn.Linear(W.shape[1], W.shape[0], bias=not normalized)
        linear.weight.data = W.clone()
        parts.append(linear)
        if normalized:
            parts.append(nn.BatchNorm1d(W.shape[0]))
        else:
            linear.bias.data.zero_()
        parts.append(nn.Sigmoid())
    return nn.Sequential(*parts)


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.2),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.2, alpha=0.99),
    "adam": lambda p: torch.optim.Adam(p, lr=0.2),
    "bn": lambda p: torch.optim.SGD(p, lr=0.2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_run_is_that_of_torch_on_the_same_batches(task: Task, name: str) -> None:
    runs = [Run(rate=0.1, seed=4), Run(rate=0.2, gain=2, seed=3)]
    method = METHODS[name]._replace(T=5)  # which concerns nothing that is not whitened
    found = train(task, method, runs, updates=12, records=range(13))
    model = network(lab.start(task, METHODS[name], runs), 1, name == "bn")
    optimizer = OPTIMIZERS[name](model.parameters())
    batches = experiments.batches(60, 20, 3)
    for t in range(13):
        error = (model(task.X) - task.X).square().sum(1).mean()
        assert float(found.error[t, 1]) == pytest.approx(float(error.detach()), rel=1e-8)
        batch = task.X[next(batches)]
        optimizer.zero_grad()
        (model(batch) - batch).square().sum(1).mean().backward()
        optimizer.step()


@pytest.mark.parametrize("rule", ["sgd", "momentum"])
def test_without_whitening_prong_is_its_rule(task: Task, rule: str) -> None:
    runs = [Run(rate=0.2, seed=s) for s in (0, 1)]
    plain = train(task, Method(rule=rule), runs, updates=10)
    never = train(task, Method("prong", rule, T=0, at_start=False), runs, updates=10)
    torch.testing.assert_close(plain.error, never.error)


def canonical_run(task: Task, run: Run, updates: int, T: int) -> list[float]:
    """PRONG written with the usual weights: gradients in W and b, taken to V and d by the rule."""
    layers = lab.start(task, METHODS["sgd"], [run])
    W, b = [z["W"][0] for z in layers], [z["b"][0, 0] for z in layers]
    c, U = [torch.zeros(w.shape[1]) for w in W], [torch.eye(w.shape[1]) for w in W]
    samples, batches = experiments.batches(60, 30, 1000), experiments.batches(60, 20, run.seed)

    def outputs(X: Tensor) -> list[Tensor]:
        h = [X]
        for w, z in zip(W, b, strict=True):
            h.append(torch.sigmoid(h[-1] @ w.mT + z))
        return h

    errors = []
    for t in range(updates):
        errors.append(float((outputs(task.X)[-1] - task.X).square().sum(1).mean()))
        if t % T == 0:
            inputs = outputs(task.X[next(samples)])
            c, U = zip(*(reference.whitening(h, run.eps) for h in inputs[:-1]), strict=True)
        batch = task.X[next(batches)]
        leaves = [*W, *b]
        for leaf in leaves:
            leaf.requires_grad_()
        loss = (outputs(batch)[-1] - batch).square().sum(1).mean()
        gradients = torch.autograd.grad(loss, leaves)
        for i, (g_W, g_b) in enumerate(zip(gradients[: len(W)], gradients[len(W) :], strict=True)):
            old = reference.prong_project(W[i].detach(), b[i].detach(), c[i], U[i])
            slope = reference.prong_gradient(g_W, g_b, c[i], U[i])
            W[i], b[i] = reference.prong_canonical(
                *reference.prong_step(*old, *slope, run.rate), c[i], U[i]
            )
    return errors


def test_prong_is_the_preconditioned_step_in_the_usual_weights(task: Task) -> None:
    run = Run(rate=0.05, gain=2, eps=1e-2, seed=5)
    found = train(task, Method("prong", T=4), [run], updates=10, records=range(11))
    assert found.error[:-1, 0].tolist() == pytest.approx(canonical_run(task, run, 10, 4), rel=1e-7)


@pytest.mark.parametrize("form", ["prong", "prong+"])
@pytest.mark.parametrize("white", ["full", "diagonal", "mean"])
def test_a_projection_changes_no_output(task: Task, form: str, white: str) -> None:
    runs = [Run(rate=0.1, gain=3, seed=s) for s in (0, 1)]
    layers = lab.start(task, Method(form), runs)
    eps = torch.tensor([1e-3, 1e-1])[:, None, None]
    before = lab.forward(layers, task.X.expand(2, -1, -1))[1]
    for _ in range(2):
        lab.whiten(layers, task.X[:30], eps, white)
        after = lab.forward(layers, task.X.expand(2, -1, -1))[1]
        torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_what_is_whitened(task: Task) -> None:
    eps = torch.full((1, 1, 1), 1e-2)
    h = task.X.expand(1, -1, -1)
    centered = h - h.mean(1, keepdim=True)
    covariance = (centered.mT @ centered / 60)[0] + 1e-2 * torch.eye(9)
    for white, wanted in (
        ("full", torch.eye(9)),
        ("mean", covariance),
        ("diagonal", covariance / covariance.diag().outer(covariance.diag()).sqrt()),
    ):
        c, U = lab.whitening(h, eps, white)
        torch.testing.assert_close(c, h.mean(1))
        torch.testing.assert_close((U @ covariance @ U.mT)[0], wanted)


def test_a_normalized_start_has_normal_preactivations(task: Task) -> None:
    runs = [Run(rate=0.1, gain=g) for g in (0.5, 2.0)]
    a, _ = lab.forward(
        lab.start(task, METHODS["sgd-normalized"], runs), task.X[:30].expand(2, -1, -1)
    )
    for one in a:
        deviation, mean = torch.std_mean(one, dim=1, correction=0)
        assert float(mean.abs().max()) < 1e-9
        torch.testing.assert_close(
            deviation, torch.tensor([0.5, 2.0])[:, None].expand_as(deviation)
        )


# ---- the search and the command ------------------------------------------------------------------


def test_a_setting_close_to_failing_does_not_count(task: Task) -> None:
    search = lab.Search(task, METHODS["sgd"], 3, (0,))
    made = lab.Curves

    def pretend(task: Task, method: Method, runs: list[Run], **_: object) -> lab.Curves:
        end = torch.tensor([1.0 / run.rate if run.rate < 4 else math.nan for run in runs])
        return made([0, 3], torch.stack([end + 9, end]), end)

    lab_train, lab.train = lab.train, pretend
    search.limit = 2.0
    try:
        values = search.value([{"rate": r, "gain": 1.0} for r in (0.4, 1.0, 2.0, 3.0, 5.0)])
        best = experiments.climb(search.value, [{"rate": 1.0, "gain": 1.0}], lab.STEP)
    finally:
        lab.train = lab_train
    assert values == [math.inf, 1.0, 0.5, math.inf, math.inf]
    assert best["rate"] == pytest.approx(2**1.0)


def test_the_command_stores_what_it_found_and_does_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    words = ["digits", "--updates", "2", "--only", "sgd", "--output", str(out)]
    assert lab.main(words) == 0
    stored = json.loads(out.read_text())
    one = stored["studies"]["sgd"]
    assert stored["made"]["seeds"] == list(range(10, 20))
    assert len(one["end"]) == len(one["validation"]) == len(one["curve"][0]) == 10
    assert set(one["setting"]) == {"rate", "gain"}
    assert one["tried"] >= 20
    capsys.readouterr()
    assert lab.main(words) == 0
    assert capsys.readouterr().out == ""
    assert lab.main([*words, "--only", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().out


def test_without_mnist_the_command_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNIST_FOLDER", str(tmp_path))
    assert lab.main(["mnist", "--output", str(tmp_path / "out.json")]) == 1
    assert "python book/mnist.py" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


STORED = sorted((BOOK / "data").glob("prong-*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_say_how_they_were_made(path: Path) -> None:
    stored = json.loads(path.read_text())
    setting = path.stem.removeprefix("prong-")
    assert stored["made"]["command"] == f"python book/lab_prong.py {setting}"
    assert len(stored["seeds of the search"]) >= 5
    scale = lab.SCALES[setting]
    for name in scale.methods:
        assert len(stored["studies"][name]["end"]) == len(scale.seeds)
        assert stored["studies"][name]["updates"][-1] == scale.updates


@pytest.mark.long
def test_a_stored_result_comes_out_again() -> None:
    stored = json.loads((BOOK / "data" / "prong-digits.json").read_text())
    for name in ("sgd", "prong", "bn"):
        one = stored["studies"][name]
        runs = [Run(**one["setting"], seed=s) for s in stored["made"]["seeds"]]
        again = train(lab.digits_task(), METHODS[name], runs, updates=one["updates"][-1])
        found, wanted = again.validation.mean(), torch.tensor(one["validation"]).mean()
        assert float(found) == pytest.approx(float(wanted), rel=0.05)
