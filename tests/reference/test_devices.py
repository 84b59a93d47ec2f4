"""The GPU gives what the CPU gives, on everything that is graded."""

from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.definition import evaluate

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "solutions").glob("ps*/ps*.py"))


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_expected_values_do_not_depend_on_the_device(name):
    if not torch.cuda.is_available():
        pytest.skip("torch.cuda.is_available() is False: no GPU to compare with")
    cpu, gpu = evaluate(name, 5, "cpu"), evaluate(name, 5, "cuda")
    for a, b in zip(cpu.exercises, gpu.exercises, strict=True):
        for x, y in zip(a.checks, b.checks, strict=True):
            for p, q in zip(x.cases, y.cases, strict=True):
                for want, got in zip(p.expected, q.expected, strict=True):
                    many = len(a.returns) > 1
                    pairs = (
                        zip(want.value, got.value, strict=True)
                        if many
                        else [(want.value, got.value)]
                    )
                    for left, right in pairs:
                        # eigenvalues of a badly conditioned matrix lose κ·1e-16
                        rtol = 1e-9 if a.name == "condition_number" else 1e-12
                        np.testing.assert_allclose(left, right, rtol=rtol, atol=1e-12)
