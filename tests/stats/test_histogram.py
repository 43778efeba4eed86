"""Buckets lose at most their relative error, and nothing by counting apart."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.stats.histogram import log_buckets

VALUES = st.lists(st.floats(1e-9, 1e9), max_size=50)


@given(st.floats(1e-9, 1e9), st.sampled_from([0.001, 0.01, 0.05]))
def test_what_stands_for_a_bucket_is_near_each_of_its_values(value: float, error: float) -> None:
    ((index, count),) = log_buckets([value], relative_error=error)
    gamma = (1 + error) / (1 - error)
    assert count == 1
    assert abs(2 * gamma**index / (gamma + 1) - value) <= value * error * (1 + 1e-9)


@given(VALUES, VALUES)
def test_counting_apart_is_counting_together(a: list[float], b: list[float]) -> None:
    apart = Counter(dict(log_buckets(a, relative_error=0.01))) + Counter(
        dict(log_buckets(b, relative_error=0.01))
    )
    together = log_buckets([*a, *b], relative_error=0.01)
    assert together == tuple(sorted(apart.items()))
    assert sum(count for _, count in together) == len(a) + len(b)


def test_size_claimed_by_the_paper() -> None:
    # Masson, Rim & Lee 2019, §2.2: at 1 %, 2048 buckets hold 80 microseconds to one year.
    values = np.geomspace(80e-6, 365 * 24 * 3600, 200_000)
    assert len(log_buckets(values, relative_error=0.01)) <= 2048


@pytest.mark.parametrize("bad", [-1.0, 0.0, math.inf])
def test_refuses_what_has_no_bucket(bad: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        log_buckets([1.0, bad], relative_error=0.01)


@pytest.mark.parametrize("error", [0.0, 0.5, 0.9, -0.1])
def test_refuses_an_error_that_is_none(error: float) -> None:
    with pytest.raises(ValueError, match="relative error"):
        log_buckets([1.0], relative_error=error)
