"""Conditioning of a quadratic."""

from __future__ import annotations

import torch
from torch import Tensor


def condition_number(H: Tensor) -> Tensor:
    """Condition number of a symmetric positive definite matrix.

        κ(H) = λ_max / λ_min

    Args:
        H: Hessian of shape (..., n, n), symmetric and positive definite. Neither is checked; of
            an asymmetric matrix only the lower triangle is read.

    Returns:
        κ ≥ 1, of shape (...).

    Gradient descent with the best constant rate shrinks the error by (κ − 1)/(κ + 1) a step.
    For other matrices κ is the ratio of singular values; here the two agree. L3 prints the ratio of
    eigenvalues for any matrix.

    Source: L2 (Hessian-based analysis); Goodfellow et al. 2016, equation 4.2 and section 8.2.1.
    """
    eigenvalues: Tensor = torch.linalg.eigvalsh(H)
    return eigenvalues[..., -1] / eigenvalues[..., 0]
