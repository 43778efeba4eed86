from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.demo.truth import ServiceTimes, nearest_rank


@pytest.mark.parametrize(
    ("n", "q", "expected"),
    [
        (1, 0.5, 1),
        (2, 0.5, 1),
        (20, 0.95, 19),
        (100, 0.07, 7),
        (100, 0.99, 99),
        (101, 0.99, 100),
        (5, 0, 1),
        (5, 1, 5),
    ],
)
def test_nearest_rank(n: int, q: float, expected: int) -> None:
    values = np.arange(n, 0, -1, dtype=float)
    assert nearest_rank(values, q) == expected


def test_nothing_has_no_quantile() -> None:
    assert nearest_rank(np.array([]), 0.5) is None


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_share_q_of_the_values_does_not_exceed_the_quantile(values: list[float], q: float) -> None:
    quantile = nearest_rank(np.array(values), q)
    assert quantile in values
    assert sum(value <= quantile for value in values) >= q * len(values) - 1e-6


def test_window_is_half_open_and_status_selects() -> None:
    times = ServiceTimes()
    for start, status in ((1.0, 200), (2.0, 500), (3.0, 200), (4.0, 200)):
        times.add(start_unix_s=start, service_time_ms=start * 10, status=status)
    assert times.summary().by_status == {200: 3, 500: 1}
    window = times.summary(start=2.0, end=4.0)
    assert (window.count, window.sum_ms, window.mean_ms, window.median_ms) == (2, 50, 25, 20)
    assert times.summary(start=2.0, status=200).count == 2


def test_an_empty_window_has_no_figures() -> None:
    summary = ServiceTimes().summary()
    assert (summary.count, summary.mean_ms, summary.median_ms, summary.p99_ms) == (0, None, None, None)
    assert summary.by_status == {}


def test_can_grow_after_a_summary() -> None:
    times = ServiceTimes()
    for _ in range(3):
        times.add(start_unix_s=0, service_time_ms=1, status=200)
        times.summary()
    assert times.summary().count == 3
