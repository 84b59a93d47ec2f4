"""Every reference computes on the device of its arguments, shown without a GPU."""

import numpy as np
import pytest
import torch

from autograder.course import problem_set_names
from autograder.definition import load_problem_set
from autograder.definition.evaluation import on_device
from autograder.selfcheck.calls import run_case

from .pretended_device import LeftBehind, Pretended, pretended_device

EXERCISES = [
    (name, exercise)
    for name in problem_set_names()
    for exercise in load_problem_set(name).exercises
]


def outputs(value, returns):
    return list(value) if len(returns) > 1 else [value]


@pytest.mark.parametrize(
    ("problem_set", "exercise"), EXERCISES, ids=[exercise.name for _, exercise in EXERCISES]
)
def test_nothing_is_left_on_the_cpu(problem_set, exercise):
    rng = np.random.default_rng(5)
    checks = exercise.checks.values()
    cases = [case for check in checks for case in (*check.public, *check.held_out(rng))]
    here = on_device(exercise.reference, "cpu")
    with pretended_device() as device:
        there = on_device(exercise.reference, device)
        found = [list(run_case(there, case)) for case in cases]
    for case, outcomes in zip(cases, found, strict=True):
        for want, got in zip(run_case(here, case), outcomes, strict=True):
            assert got.error is None, f"{case.label}: {got.error}: {got.detail}"
            assert got.after is None
            for left, right in zip(
                outputs(want.value, exercise.returns),
                outputs(got.value, exercise.returns),
                strict=True,
            ):
                np.testing.assert_allclose(right, left, rtol=1e-12, atol=0, err_msg=case.label)


def test_what_a_device_refuses_is_refused():
    with pretended_device() as device:
        x = torch.tensor([1.0, 2.0], device=device)
        assert isinstance(x, Pretended) and x.device == device
        for wrong in (
            lambda: x + torch.ones(2),
            lambda: torch.stack([x, torch.zeros(2)]),
            lambda: torch.where(torch.tensor([True, False]), x, x),
            lambda: x.index_add_(0, torch.tensor([0]), torch.ones(1)),
        ):
            with pytest.raises(LeftBehind):
                wrong()
        with pytest.raises(TypeError, match="copy it to the CPU first"):
            x.numpy()


def test_what_a_device_can_is_possible():
    with pretended_device() as device:
        x = torch.tensor([1.0, 2.0], device=device)
        y = x + torch.tensor(1.0) + torch.zeros(2, device=x.device) + torch.ones_like(x)
        y[y > 3.5] = 0.0
        y += 1.0
        assert isinstance(y, Pretended)
        assert y.cpu().numpy().tolist() == [4.0, 1.0]
        assert float(y[0]) == 4.0 and bool((y > 0).all())
        values, _ = torch.linalg.eigh(torch.eye(2, device=device))
        assert isinstance(values, Pretended)
        z = torch.zeros(2)
        z.copy_(y)
        assert not isinstance(z, Pretended) and z.tolist() == [4.0, 1.0]
    with pytest.raises(NotImplementedError):
        torch.zeros(1, device=device)
