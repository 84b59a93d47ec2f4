from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.reference import linear_decay

rates = st.floats(0, 10)


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.01), (0.5, 0.0), (0.1, 0.4)])
def test_it_is_the_linear_schedule_of_torch(start, end):
    top = max(start, end)  # LinearLR takes the two rates as factors, at most 1, of another one
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=top)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, start / top, end / top, 20)
    for k in range(30):
        rate = optimizer.param_groups[0]["lr"]
        assert linear_decay(k, start, end, 20) == pytest.approx(rate, rel=1e-12, abs=1e-15)
        optimizer.step()
        scheduler.step()


def test_down_to_zero_it_is_the_polynomial_schedule_of_power_one():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=12, power=1.0)
    for k in range(20):
        rate = optimizer.param_groups[0]["lr"]
        assert linear_decay(k, 0.3, 0.0, 12) == pytest.approx(rate, rel=1e-12, abs=1e-15)
        optimizer.step()
        scheduler.step()


@given(st.integers(0, 1000), rates, rates, st.integers(0, 500))
def test_it_stays_between_its_ends(k, start, end, tau):
    rate = linear_decay(k, start, end, tau)
    assert min(start, end) - 1e-12 <= rate <= max(start, end) + 1e-12
    if k >= tau:
        assert rate == end
    elif k == 0:
        assert rate == start


@given(st.integers(1, 400), rates, rates)
def test_the_steps_down_are_all_equal(tau, start, end):
    values = [linear_decay(k, start, end, tau) for k in range(tau + 1)]
    for a, b in pairwise(values):
        assert b - a == pytest.approx((end - start) / tau, abs=1e-12)


@pytest.mark.parametrize(("k", "tau"), [(-1, 10), (1, -10)])
def test_negative_counts_raise(k, tau):
    with pytest.raises(ValueError, match="must not be negative"):
        linear_decay(k, 0.1, 0.01, tau)
