"""The lab on Adam's figures: its settings, what it stores, and its refusals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lab_adam
import mnist
import pytest
import stored
import torch
from experiments import rule

pytestmark = pytest.mark.usefixtures("double_precision")


def test_every_rule_of_a_search_is_a_rule_of_the_course() -> None:
    for starts in lab_adam.STARTS.values():
        for name in starts:
            assert callable(rule(name.split(",")[0]).step)
    known = set(lab_adam.STARTS["logistic regression"])
    assert known - set(lab_adam.STARTS["network"]) == {"adagrad, decayed twice"}


def test_rates_fall_as_in_the_paper() -> None:
    given = lab_adam.settings("digits", "logistic regression", "adam")
    steps = 12 * (1297 // 32)
    assert given["schedule"](0.0) == 1
    assert given["schedule"](99 / steps) == pytest.approx(0.1)
    assert given["passes"] == 12 and given["batch"] == 32
    twice = lab_adam.settings("digits", "logistic regression", "adagrad, decayed twice")
    assert twice["schedule"] is not None
    for model, method in (("logistic regression", "adagrad"), ("network", "adam")):
        assert lab_adam.settings("digits", model, method)["schedule"] is None


def test_the_lowest_loss_has_no_slope() -> None:
    data = lab_adam.images("digits")
    problem = lab_adam.problems("digits")["logistic regression"]
    lowest = lab_adam.lowest("digits")
    theta = torch.zeros(1, 650)
    for _ in range(30):
        loss, slope = problem.loss_and_gradient(theta, data.X, data.y)
        theta = theta - 0.5 * slope
    # strongly convex with λ: f(θ) − f* ≤ ‖slope‖²/(2λ)
    assert 0 < float(loss) - lowest <= float(slope.square().sum()) / (2 * lab_adam.PENALTY)


def test_a_search_is_stored_once_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lab_adam.SCALES, "digits", lab_adam.Scale(300, 1, 1, 4, "cpu", 100))
    few = {model: {"sgd": 0.5} for model in lab_adam.STARTS}
    monkeypatch.setattr(lab_adam, "STARTS", few)
    monkeypatch.setattr(stored, "DATA", tmp_path / "new")
    said: list[str] = []
    lab_adam.run("digits", said.append, seeds=(1, 2))
    kept = stored.load("adam-digits")
    assert len(said) == 3 and set(kept.results["found"]) == set(few)
    found: dict[str, Any] = kept.results["found"]["network"]["sgd"]
    assert len(found["end"]) == len(found["accuracy"]) == 2
    assert len(found["passes"]) == len(found["mean"]) == len(found["sd"])
    assert found["passes"][-1] == 1 and found["mean"][-1] < found["mean"][0]
    assert "2 seeds" in kept.origin and kept.results["lowest"] > 0

    few["network"]["rprop"] = 1e30  # diverges at every rate that is tried
    lab_adam.run("digits", said.append, seeds=(1, 2))
    assert len(said) == 4, "what was stored is not searched again"
    again = stored.load("adam-digits").results["found"]["network"]
    assert again["sgd"] == found
    assert again["rprop"]["end"] == [None, None]


def test_refusals_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mnist, "default_folder", lambda: tmp_path / "nowhere")
    monkeypatch.setattr(stored, "DATA", tmp_path / "data")
    assert lab_adam.main(["--data", "mnist-10k"]) == 1
    assert "python book/mnist.py" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert lab_adam.main(["--data", "mnist"]) == 1
    assert "no CUDA device" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_part_is_searched_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lab_adam.SCALES, "digits", lab_adam.Scale(300, 1, 1, 4, "cpu", 100))
    monkeypatch.setattr(stored, "DATA", tmp_path)
    assert set(lab_adam.PAPER) < set(lab_adam.STARTS["logistic regression"])
    assert {model for part in lab_adam.FIGURES.values() for model in part} == set(lab_adam.STARTS)
    said: list[str] = []
    models, rules = lab_adam.FIGURES[1], ("sgd", "nag")
    lab_adam.run("digits", said.append, seeds=(1, 2), models=models, rules=rules)
    found = stored.load("adam-digits").results["found"]
    assert set(found) == {"logistic regression"} and set(found["logistic regression"]) == set(rules)


def test_stored_results_are_whole_and_inside_their_searches() -> None:
    kept = stored.load("adam-digits")
    assert "lab_adam.py --data digits</code>, 5 seeds" in kept.origin
    for model, starts in lab_adam.STARTS.items():
        assert set(kept.results["found"][model]) == set(starts)
        for method, found in kept.results["found"][model].items():
            ends = found["end"]
            assert len(ends) == 5
            diverged = any(end is None for end in ends)
            assert diverged or not found["at_edge"], f"{model}, {method}"
            assert not diverged or method == "rprop"
            if not diverged:
                tried = [loss for loss in found["tried"].values() if loss is not None]
                assert math.isclose(min(tried), sum(ends) / len(ends), rel_tol=1e-3)
