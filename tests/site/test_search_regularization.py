"""The search behind the chapter on regularization: its choices, and what it stores."""

from __future__ import annotations

from pathlib import Path

import mnist
import pytest
import search_regularization as searching
import stored
import torch

pytestmark = pytest.mark.usefixtures("double_precision")


def test_stopping_takes_the_errors_of_the_best_validation_pass() -> None:
    validation = torch.tensor(
        [0.9, 0.5, 0.3, 0.4, 0.2, 0.3, 0.3, 0.1]
    )  # the first: before training
    test = torch.arange(8) / 10
    watched = torch.stack([validation, test], -1)[:, None, None]  # one rate, one seed
    assert searching.accuracy_at_stop(watched, 2)[0, 0].tolist() == pytest.approx([0.2, 0.4])
    assert searching.accuracy_at_stop(watched, 9)[0, 0].tolist() == pytest.approx([0.1, 0.7])
    both = torch.cat([watched, watched.flip(0)], dim=1)
    assert searching.accuracy_at_stop(both, 2)[1, 0].tolist() == pytest.approx([0.2, 0.4])


def test_the_fewest_validation_errors_are_chosen_and_test_errors_reported() -> None:
    def errors(validation: list[float]) -> torch.Tensor:
        mine = torch.tensor(validation)[:, None].expand(-1, 2)
        return torch.stack([mine, mine + 0.1], -1)

    found = searching.choose(
        {0.1: errors([0.5, 0.4, 0.3]), 0.2: errors([0.5, 0.2, 0.6]), 0.4: errors([0.3, 0.3, 0.3])},
        range(3),
    )
    assert (found["strength"], found["rate"]) == (0.2, searching.RATES[1])
    assert found["test"] == pytest.approx([0.7, 0.7]) and not found["at_edge"]
    assert found["curve"] == [[0.1, 0.7], [0.2, 0.8], [0.4, 0.7]]
    one = searching.choose({0.0: errors([0.5, 0.4, 0.3])}, [1])
    assert one["rate"] == searching.RATES[1] and not one["at_edge"]
    edge = searching.choose({0.0: errors([0.1, 0.4, 0.3])}, range(3))
    assert edge["at_edge"]
    top = searching.choose({0.0: errors([0.5, 0.4]), 0.1: errors([0.5, 0.2])}, [1])
    none = searching.choose({0.0: errors([0.5, 0.1]), 0.1: errors([0.5, 0.2])}, [1])
    assert top["at_edge"] and not none["at_edge"], "no penalty at all is no edge"


def test_stored_results_are_whole() -> None:
    for part, command in (("digits", ""), ("mnist", " --mnist")):
        origin = stored.load(f"regularization-{part}").origin
        assert f"python book/search_regularization.py{command}</code>, 5 seeds" in origin
    for methods in stored.load("regularization-digits").results.values():
        assert {"none", "early stopping", *searching.STRENGTHS, "ensemble of 5"} <= set(methods)
        for ways in methods.values():
            assert len(ways["searched"]["test"]) == len(searching.SEEDS)


def test_without_mnist_it_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mnist, "default_folder", lambda: tmp_path / "nowhere")
    monkeypatch.setattr(stored, "DATA", tmp_path / "data")
    assert searching.main(["--mnist"]) == 1
    assert "python book/mnist.py" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
