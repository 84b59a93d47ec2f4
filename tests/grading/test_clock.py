"""Time in which others had the core is not charged; sleeping and computing are."""

from __future__ import annotations

from autograder.grading.clock import Clock
from autograder.sandbox.watch import Usage


def clock(*uses: Usage | None) -> Clock:
    told = iter(uses)
    return Clock(lambda: next(told))


def test_who_computes_alone_or_sleeps_is_charged_with_all_of_it() -> None:
    assert clock(Usage(3.0, 0.0)).charge(3.0) == 3.0
    assert clock(Usage(0.0, 0.0)).charge(3.0) == 3.0


def test_waiting_for_a_core_is_free() -> None:
    assert clock(Usage(1.0, 2.0)).charge(3.0) == 1.0
    assert clock(Usage(0.5, 2.0)).charge(3.0) == 1.0  # and half a second of sleep is not


def test_threads_that_wait_beside_one_that_computes_are_no_excuse() -> None:
    assert clock(Usage(3.0, 20.0)).charge(3.0) == 3.0
    assert clock(Usage(9.0, 20.0)).charge(3.0) == 3.0


def test_what_was_charged_before_is_not_charged_again() -> None:
    made = clock(Usage(3.0, 0.0), Usage(3.5, 4.0), Usage(3.0, 4.0))
    assert made.answered(0.1, late=False) == 0.1
    assert made.answered(2.9, late=True) == 2.9
    assert made.answered(0.2, late=False) == 0.2
    assert round(made.charge(4.3), 9) == 0.3
    assert made.charge(0.1) == 0.0  # never less than nothing


def test_a_worker_that_is_gone_is_charged_with_the_time() -> None:
    assert clock(None).charge(2.0) == 2.0
