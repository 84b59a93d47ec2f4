"""The lab on batch normalization: what it counts, what it stores, and its refusals."""

from __future__ import annotations

import math
from pathlib import Path

import lab_batchnorm as lab
import mnist
import pytest
import stored
import torch

pytestmark = pytest.mark.usefixtures("double_precision")


def test_the_first_step_that_reaches_a_target() -> None:
    steps = torch.tensor([0, 10, 20, 30])
    accuracy = torch.tensor([[0.1, 0.1, 0.9], [0.8, 0.2, 0.1], [0.7, 0.3, 0.1], [0.9, 0.4, 0.1]])
    assert lab.first(steps, accuracy, 0.75) == [10, None, 0]
    assert lab.first(steps, accuracy, 0.4) == [10, 30, 0]


@pytest.mark.parametrize("net", lab.NETS)
def test_a_network_is_validated_as_torch_does_it(net: str) -> None:
    """One update by torch.nn and torch.optim, then the statistics of the population."""
    data, rate, scale = lab.CENTRED, 0.3, lab.SCALES["digits"]
    built = lab.build("digits", net, data)
    theta = built.problem.start([3])[0]
    sigmoid, normalized = "sigmoid" in net, "BN" in net
    modules: list[torch.nn.Module] = []
    for i, layer in enumerate(built.layers(theta)):
        linear = torch.nn.Linear(*layer.W.T.shape, bias=layer.b is not None).float()
        linear.weight.data = layer.W.clone()
        if layer.b is not None:
            linear.bias.data = layer.b.clone()
        modules.append(linear)
        if i < lab.DEPTH:
            if normalized:
                modules.append(torch.nn.BatchNorm1d(scale.width, momentum=1.0).float())
            modules.append(torch.nn.Sigmoid() if sigmoid else torch.nn.ReLU())
    model = torch.nn.Sequential(*modules)
    optimizer = torch.optim.SGD(model.parameters(), rate)
    X, y = data.X[:50], data.y[:50]
    torch.nn.functional.cross_entropy(model(X), y).backward()
    optimizer.step()
    _, gradient = built.problem.loss_and_gradient(theta, X, y)
    with torch.no_grad():
        # momentum 1 keeps the last batch's statistics; its variance has n − 1, the network's has n
        model(data.X)
        for module in model:
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_var *= (len(data.X) - 1) / len(data.X)  # type: ignore[operator]
        model.eval()
        expected = model(data.X_val)
    found = built.problem.scores(theta - rate * gradient, data.X_val)
    assert torch.allclose(found, expected, atol=2e-3)


def test_a_run_is_stored_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lab.SCALES, "digits", lab.Scale(200, 2, 4, 3, "cpu", 300))
    monkeypatch.setattr(stored, "DATA", tmp_path / "new")
    said: list[str] = []
    lab.run("digits", said.append, seeds=(1, 2))
    kept = stored.load("batchnorm-digits")
    assert "2 seeds" in kept.origin and len(said) >= 5
    results = kept.results
    assert set(results["found"]) == set(lab.NETS)
    assert results["steps"][0] == 0 and results["steps"][-1] == 12
    again = lab.runs("digits", "BN", lab.CENTRED, [results["base"]["searched"]], (1, 2))
    assert again.watched is not None
    entry = next(
        e for e in results["found"]["BN"] if math.isclose(e["rate"], results["base"]["searched"])
    )
    assert entry["best"] == pytest.approx(again.watched[:, 0].max(0).values.tolist(), abs=1e-4)


def test_refusals_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mnist, "default_folder", lambda: tmp_path / "nowhere")
    monkeypatch.setattr(stored, "DATA", tmp_path / "data")
    assert lab.main(["--data", "mnist-10k"]) == 1
    assert "python book/mnist.py" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert lab.main(["--data", "mnist"]) == 1
    assert "no CUDA device" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        lab.main(["--device", "abacus"])
    assert "choose cpu or cuda" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["digits", "mnist-10k"])
def test_stored_results_are_whole_and_the_searched_rate_is_inside_its_search(name: str) -> None:
    kept = stored.load(f"batchnorm-{name}")
    assert f"lab_batchnorm.py --data {name}</code>, 5 seeds" in kept.origin
    results, last = kept.results, kept.results["steps"][-1]
    plain = {entry["rate"]: entry["best"] for entry in results["found"]["plain"]}
    for name_of, base in results["base"].items():
        at = next(best for rate, best in plain.items() if math.isclose(rate, base))
        assert results["target"][name_of] == pytest.approx(sum(at) / 5, abs=1e-4)
        assert len(results["curves"][name_of]) == len(lab.SHOWN)
    searched = results["base"]["searched"]
    assert results["base"]["cautious"] == pytest.approx(searched * lab.CAUTIOUS)
    assert min(plain) < searched < max(plain)
    family = [base * factor for base in results["base"].values() for factor in lab.FAMILY]
    others = [r for r in plain if not any(math.isclose(r, known) for known in family)]
    assert len(others) >= 6 and sum(plain[searched]) >= max(sum(plain[r]) for r in others)
    for entries in results["found"].values():
        assert [e["rate"] for e in entries] == sorted(e["rate"] for e in entries)
        for entry in entries:
            for family, target in results["target"].items():
                assert len(entry[family]) == len(entry["best"]) == 5
                for step, best in zip(entry[family], entry["best"], strict=True):
                    assert (step is not None) == (best >= target - 1e-6)
                    assert step is None or 0 < step <= last
    for curves in results["curves"].values():
        for curve in curves.values():
            assert len(curve) == len(results["steps"])
