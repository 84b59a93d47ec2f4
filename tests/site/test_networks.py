"""The book's deep networks against torch.nn, and the results that are stored."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import networks
import pytest
import stored
import torch
from experiments import rule, train
from networks import CENTRED, RAW, he, lecture, network, scaled, xavier
from torch import nn

BOOK = Path(__file__).resolve().parents[2] / "book"


pytestmark = pytest.mark.usefixtures("double_precision")


DOUBLE = RAW._replace(X=RAW.X.double(), X_val=RAW.X_val.double())
MODULES = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.01),
    "gelu": nn.GELU,
    "prelu": lambda: nn.PReLU(6),
}


def twin(
    net: networks.Network, theta: torch.Tensor, activation: str, normalize: bool
) -> nn.Sequential:
    """The same network made of torch's modules, with the parameters of one row of θ."""
    parts: list[nn.Module] = []
    layers = net.layers(theta)
    for layer in layers:
        out, into = layer.W.shape
        linear = nn.Linear(into, out, bias=layer.b is not None)
        with torch.no_grad():
            linear.weight.copy_(layer.W)
            if layer.b is not None:
                linear.bias.copy_(layer.b)
        parts.append(linear)
        if layer is layers[-1]:
            break
        if normalize:
            norm = nn.BatchNorm1d(out, momentum=1.0)
            with torch.no_grad():
                norm.weight.copy_(layer.gamma)
                norm.bias.copy_(layer.beta)
            parts.append(norm)
        phi = MODULES[activation]()
        if layer.slope is not None:
            with torch.no_grad():
                phi.weight.copy_(layer.slope)
        parts.append(phi)
    return nn.Sequential(*parts)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("activation", list(MODULES))
def test_loss_and_gradient_are_those_of_torchs_modules(activation: str, normalize: bool) -> None:
    net = network(3, 6, activation, he, normalize=normalize, data=DOUBLE)
    theta = net.problem.start((0, 1))
    theta = theta + 0.1 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(9))
    X, y = DOUBLE.X[:40], DOUBLE.y[:40]
    loss, gradient = net.problem.loss_and_gradient(theta, X, y)
    for row in range(2):
        other = twin(net, theta[row], activation, normalize)
        expected = nn.functional.cross_entropy(other(X), y)
        assert float(loss[row]) == pytest.approx(expected.item(), abs=1e-12)
        expected.backward()
        found = [p for layer in net.layers(gradient[row]) for p in layer if p is not None]
        norms = sorted(float(p.norm()) for p in found)
        wanted = sorted(float(p.grad.norm()) for p in other.parameters() if p.grad is not None)
        assert norms == pytest.approx(wanted, abs=1e-10)
        first = next(other.parameters()).grad
        assert first is not None and torch.allclose(found[0], first, atol=1e-12)


def test_a_normalized_network_is_scored_with_the_statistics_of_its_training_images() -> None:
    net = network(2, 6, "relu", he, normalize=True, data=DOUBLE)
    theta = net.problem.start((4,))
    other = twin(net, theta[0], "relu", True)
    other.train()
    other(DOUBLE.X)  # with momentum 1 the running statistics are those of this batch
    other.eval()
    n = len(DOUBLE.X)
    for module in other:
        if isinstance(module, nn.BatchNorm1d) and module.running_var is not None:
            module.running_var *= (n - 1) / n  # torch keeps the unbiased variance
    found = net.problem.scores(theta, DOUBLE.X_val)
    assert torch.allclose(found[0], other(DOUBLE.X_val), atol=1e-9)


def test_maxout_has_two_pieces_a_unit() -> None:
    net = network(1, 5, "maxout", he, data=DOUBLE)
    theta = net.problem.start((0,))
    first, last = net.layers(theta[0])
    assert first.W.shape == (10, 64) and last.W.shape == (10, 5)
    h = (DOUBLE.X[:7] @ first.W.mT).reshape(7, 5, 2).amax(-1)
    assert torch.allclose(net.problem.scores(theta, DOUBLE.X[:7])[0], h @ last.W.mT)


@pytest.mark.parametrize(
    ("draw", "variance"),
    [
        (he, 2 / 300),
        (lecture, 1 / 900),
        (xavier, 2 / 700),
        (scaled(3.0), 9 / 300),
    ],
)
def test_variances_of_the_starts(draw: networks.Draw, variance: float) -> None:
    W = draw(300, 400, torch.Generator().manual_seed(0))
    assert W.shape == (400, 300)
    assert float(W.var()) == pytest.approx(variance, rel=0.02)
    assert abs(float(W.mean())) < 4 * math.sqrt(variance / W.numel())


def test_frozen_layers_stay_and_others_move() -> None:
    net = network(3, 6, "prelu", he, frozen=2)
    run = train(net.problem, rule("sgd"), [0.1], batch=50, passes=1, data=CENTRED, seeds=(0, 1))
    moved = [
        max(
            float((now - old).abs().max()) for now, old in zip(a, b, strict=True) if now is not None
        )
        for a, b in zip(
            net.layers(run.theta[0]), net.layers(net.problem.start((0, 1))), strict=True
        )
    ]
    assert moved[:2] == [0.0, 0.0] and min(moved[2:]) > 0


def test_centred_pixels() -> None:
    assert float(CENTRED.X.mean(0).abs().max()) < 1e-5
    assert float(CENTRED.X.square().mean()) == pytest.approx(1, abs=1e-5)
    k = float((CENTRED.X[0] - CENTRED.X[1]).norm() / (RAW.X[0] - RAW.X[1]).norm())
    assert torch.allclose(CENTRED.X_val - CENTRED.X[0], k * (RAW.X_val - RAW.X[0]), atol=1e-4)


def test_results_are_stored_with_what_made_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "DATA", tmp_path)
    monkeypatch.setattr(sys, "argv", ["/somewhere/book/study.py", "--fast"])
    stored.save("thing", {"loss": [0.5, 1]}, seeds=(0, 1, 2), seconds=125)
    found = stored.load("thing")
    assert found.results == {"loss": [0.5, 1]}
    assert "python book/study.py --fast" in found.origin and "3 seeds, 2 minutes" in found.origin
    assert "/somewhere" not in (tmp_path / "thing.json").read_text()
    with pytest.raises(ValueError, match="JSON"):
        stored.save("thing", float("nan"), seeds=(0,), seconds=1)


@pytest.mark.parametrize("path", sorted((BOOK / "data").glob("*.json")), ids=lambda p: p.stem)
def test_every_stored_file_tells_its_command_seeds_hardware_and_time(path: Path) -> None:
    made = json.loads(path.read_text(encoding="utf-8"))["made"]
    script = made["command"].split()[1]
    assert (BOOK.parent / script).is_file()
    assert len(made["seeds"]) >= 5 or made["seeds"] == [], "none where only time is measured"
    assert made["seconds"] > 0 and made["hardware"]
    assert path.stat().st_size < 250_000
