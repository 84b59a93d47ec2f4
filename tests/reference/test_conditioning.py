import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.reference import condition_number, sgd_step


def positive_definite(seed, n, condition):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    return (q * np.geomspace(1, condition, n)) @ q.T


@given(st.integers(0, 100), st.integers(1, 6), st.floats(1, 1e5), st.floats(1e-6, 1e6))
def test_it_is_numpys_condition_number_whatever_the_scale(seed, n, condition, scale):
    H = positive_definite(seed, n, condition) * scale
    kappa = condition_number(torch.tensor(H)).item()
    assert kappa == pytest.approx(np.linalg.cond(H), rel=1e-9)
    assert kappa == pytest.approx(condition if n > 1 else 1, rel=1e-9)


def test_known_matrices(device):
    def kappa(rows):
        return condition_number(torch.tensor(rows, dtype=torch.float64, device=device))

    assert kappa([[1, 0], [0, 100]]).item() == pytest.approx(100)
    assert kappa([[3, 2], [2, 3]]).item() == pytest.approx(5)
    assert kappa([[7]]).item() == 1
    assert kappa([[[3, 2], [2, 3]], [[2, 1], [1, 2]]]).tolist() == pytest.approx([5, 3])


def test_gradient_descent_shrinks_by_what_the_condition_number_says():
    H = torch.tensor(positive_definite(3, 4, 30.0))
    kappa = condition_number(H)
    eigenvalues, vectors = torch.linalg.eigh(H)
    lr = 2 / (eigenvalues[0] + eigenvalues[-1])
    theta = vectors[:, 0] + vectors[:, -1]
    new = sgd_step(theta, H @ theta, lr)
    shrink = (new.norm() / theta.norm()).item()
    assert shrink == pytest.approx(((kappa - 1) / (kappa + 1)).item(), rel=1e-12)
