"""The bake-off's computation: arrivals on surfaces, the autoencoder, the budget, what is stored."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import lab_prong
import pytest
import study_optimizers as study
import torch
from experiments import rule

BOOK = Path(__file__).resolve().parents[2] / "book"


pytestmark = pytest.mark.usefixtures("double_precision")


def test_arrival_in_the_valley_is_when_the_closed_form_says() -> None:
    """θ₁ shrinks by 1 − α a step, θ₂ by 1 − 40α."""
    alpha, seeds = 0.02, (0, 1, 2)
    found = study.arrivals("valley", rule("sgd"), [alpha], seeds)
    for seed, steps in enumerate(found[0].tolist()):
        x, y = study.surface("valley").start((seed,))[0].tolist()

        def height(t: float, x: float = x, y: float = y) -> float:
            return (x * (1 - alpha) ** t) ** 2 / 2 + 20 * (y * (1 - 40 * alpha) ** t) ** 2

        assert height(steps) <= 1e-3 * height(0) < height(steps - 1)


def test_a_run_that_leaves_the_picture_has_not_arrived() -> None:
    """AdaGrad's first step is α along each axis: one of 8 ends outside, and the next returns."""
    assert bool(study.arrivals("valley", rule("adagrad"), [8.0], (0, 1)).isinf().all())
    assert bool(study.arrivals("valley", rule("adagrad"), [1.6], (0, 1)).isfinite().all())


def test_a_run_that_is_too_slow_or_diverges_has_not_arrived() -> None:
    found = study.arrivals("valley", rule("sgd"), [1e-3, 0.02, 0.06], (0,))[:, 0]
    assert found.isfinite().tolist() == [False, True, False]


def test_the_seeds_scatter_the_start() -> None:
    starts = study.surface("saddle").start(range(200))
    assert float(starts[:, 0].std()) == pytest.approx(0.1, rel=0.2)
    assert float(starts[:, 1].std()) == pytest.approx(0.01, rel=0.2)
    assert starts.mean(0).tolist() == pytest.approx([-1.7, 0.01], abs=0.03)


def test_the_autoencoder_is_that_of_the_lab() -> None:
    """The same start, and after some updates the same error, as in the lab's own training."""
    lab = lab_prong.digits_task()
    task = study.TASKS["autoencoder"]._replace(passes=0.24)  # six updates of 25 a pass
    runs = study.run(task, rule("sgd"), [0.5], (3, 4))
    both = [lab_prong.Run(rate=0.5, gain=4.0, seed=s) for s in (3, 4)]
    wanted = lab_prong.train(lab, lab_prong.METHODS["sgd"], both, updates=6, records=(0, 6)).error
    assert int(runs.steps[-1]) == 6
    torch.testing.assert_close(runs.loss[0, 0], wanted[0], rtol=1e-4, atol=0, check_dtype=False)
    torch.testing.assert_close(runs.loss[-1, 0], wanted[1], rtol=1e-3, atol=0, check_dtype=False)


def test_the_budget_is_the_same_for_all_and_wide() -> None:
    assert len(study.RATES) == 20
    assert all(
        b / a == pytest.approx(2, rel=1e-3)
        for a, b in zip(study.RATES, study.RATES[1:], strict=False)
    )
    assert not set(study.SEEDS) & set(study.FRESH)
    assert len(study.FRESH) == 5


def test_the_state_is_counted() -> None:
    found = study.price(size=1000, rounds=1, steps=1)
    counted = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "amsgrad": 3, "rprop": 2}
    assert {m: found[m]["state"] for m in counted} == counted
    assert found["sgd"]["time"] == 1.0


def test_where_all_rates_fail_the_first_is_taken() -> None:
    values = torch.tensor([[math.inf, 1.0], [2.0, math.nan], [math.inf, math.inf]])
    assert study.best_of(values) == 0
    assert study.best_of(torch.tensor([[3.0, math.inf], [5.0, 5.0], [4.0, 5.0]])) == 2


def test_the_command_goes_on_where_it_was_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import stored

    monkeypatch.setattr(study, "DATA", tmp_path)
    monkeypatch.setattr(stored, "DATA", tmp_path)
    monkeypatch.setattr(study, "price", lambda: {"sgd": {"time": 1.0, "state": 0.0}})
    monkeypatch.setattr(study, "RATES", (0.01, 0.02))
    monkeypatch.setattr(study, "ON_SURFACES", ("sgd",))
    monkeypatch.setattr(study, "RULES", ("sgd",))
    few = study.TASKS["softmax"]._replace(passes=0.05)
    monkeypatch.setattr(study, "TASKS", {"softmax": few})
    assert study.main([]) == 0
    first = capsys.readouterr().out
    assert [line.split("  ")[-1] for line in first.splitlines()] == [
        "price",
        *(f"{name}, sgd" for name in ("valley", "tilted", "saddle", "beale", "softmax")),
    ]
    kept = json.loads((tmp_path / "optimizers.json").read_text())
    del kept["results"]["tilted"]
    (tmp_path / "optimizers.json").write_text(json.dumps(kept))
    assert study.main([]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("tilted, sgd")
    again = json.loads((tmp_path / "optimizers.json").read_text())
    assert set(again["results"]) == {
        *("rates", "fresh seeds", "steps", "price", "softmax"),
        *("valley", "tilted", "saddle", "beale"),
    }
    assert len(again["results"]["softmax"]["sgd"]["accuracy"]) == 5


def test_what_is_stored_is_whole() -> None:
    kept: dict[str, Any] = json.loads((BOOK / "data" / "optimizers.json").read_text())
    results = kept["results"]
    assert results["rates"] == list(study.RATES)
    assert set(results["price"]) == set(study.RULES)
    for name in study.LOOKED_AT:
        assert set(results[name]) == set(study.ON_SURFACES)
    for name, task in study.TASKS.items():
        assert set(results[name]) == set(study.RULES)
        for found in results[name].values():
            assert [len(row) for row in found["tried"]] == [5] * 20
            assert len(found["again"]) == 5
            assert ("accuracy" in found) == task.labels


def test_a_stored_result_comes_out_again() -> None:
    kept = json.loads((BOOK / "data" / "optimizers.json").read_text())["results"]["softmax"]
    for method in ("momentum", "adagrad"):
        found = kept[method]
        again = study.run(study.TASKS["softmax"], rule(method), [found["rate"]], study.FRESH).end
        assert again[0].tolist() == pytest.approx(found["again"], rel=0.02)
