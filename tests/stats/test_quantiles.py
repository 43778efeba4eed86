"""Percentiles are nearest rank, to the last bit."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.quantiles import (
    is_estimable,
    nearest_rank,
    needed,
    quantile,
    quantiles,
    values_at_ranks,
)

VALUES = st.lists(st.floats(min_value=0, allow_nan=False, allow_infinity=True), min_size=1, max_size=60)
SHARES = st.floats(min_value=0, max_value=1)


@pytest.mark.parametrize(("q", "expected"), [(0.05, 15), (0.3, 20), (0.4, 20), (0.5, 35), (1.0, 50)])
def test_nearest_rank_example(q: float, expected: float) -> None:
    # The worked example of the nearest-rank method in Wikipedia, "Percentile".
    assert quantile([35.0, 20.0, 15.0, 50.0, 40.0], q) == expected


@pytest.mark.parametrize("percent", range(1, 101))
@pytest.mark.parametrize("n", [20, 100, 700, 1_000_000])
def test_rank_is_exact_in_whole_percents(n: int, percent: int) -> None:
    assert nearest_rank(n, percent / 100) == -(-n * percent // 100)


def test_a_rounding_error_in_q_does_not_raise_the_rank() -> None:
    assert 0.1 * 3 > 0.3
    assert nearest_rank(10, 0.1 * 3) == 3
    assert nearest_rank(20, 0.95) == 19


@given(VALUES, SHARES)
def test_the_definition_of_type_1(values: list[float], q: float) -> None:
    ordered = sorted(values)
    k = nearest_rank(len(values), q)
    assert quantile(values, q) == ordered[k - 1]
    # Type 1: at least a share q lies at or below the quantile, and less than that below the value before it.
    assert k >= len(values) * q * (1 - 1e-11)
    assert k == 1 or (k - 1) < len(values) * q


@pytest.mark.parametrize("q", [0.1, 0.25, 0.5, 0.9, 0.99])
def test_against_numpy_inverted_cdf(q: float) -> None:
    values = np.random.default_rng(1).lognormal(size=997)
    assert quantile(values, q) == np.quantile(values, q, method="inverted_cdf")


@given(VALUES, SHARES, SHARES)
def test_monotone_in_q(values: list[float], q: float, other: float) -> None:
    low, high = quantiles(values, sorted((q, other)))
    assert low <= high


@given(VALUES, SHARES, st.randoms(use_true_random=False))
def test_unmoved_by_order(values: list[float], q: float, shuffler: random.Random) -> None:
    shuffled = shuffler.sample(values, len(values))
    assert quantile(shuffled, q) == quantile(values, q)


def test_failures_count_as_infinite() -> None:
    values = [*range(1, 19), math.inf, math.inf]
    assert quantiles(values, (0.9, 0.95)) == (18.0, math.inf)


def test_many_quantiles_keep_the_order_asked_for_and_the_input() -> None:
    values = np.array([3.0, 1.0, 2.0])
    assert quantiles(values, (1.0, 0.0, 0.5)) == (3.0, 1.0, 2.0)
    assert values.tolist() == [3.0, 1.0, 2.0]
    assert quantiles(values, ()) == ()


@pytest.mark.parametrize(("q", "n"), [(0.5, 20), (0.9, 100), (0.95, 200), (0.99, 1000), (0.999, 10_000)])
def test_estimable_from_ten_samples_above(q: float, n: int) -> None:
    assert needed(q) == n
    assert is_estimable(n, q)
    assert not is_estimable(n - 1, q)
    assert not is_estimable(0, q)
    assert is_estimable(n // 10, q, beyond=1)


@given(st.floats(0.0, 0.9999))
def test_one_sample_fewer_than_needed_is_too_few(q: float) -> None:
    assert is_estimable(needed(q), q)
    assert not is_estimable(needed(q) - 1, q)


def test_nothing_lies_above_the_largest() -> None:
    with pytest.raises(ValueError, match="lies above"):
        needed(1.0)


def test_nothing_from_nothing() -> None:
    with pytest.raises(TooFewSamples):
        quantile([], 0.5)
    with pytest.raises(TooFewSamples):
        nearest_rank(0, 0.5)


def test_refuses_what_is_no_sample() -> None:
    with pytest.raises(ValueError, match="NaN"):
        quantile([1.0, math.nan], 0.5)
    with pytest.raises(ValueError, match="one-dimensional"):
        quantile(np.ones((2, 2)), 0.5)
    with pytest.raises(ValueError, match="lies in"):
        quantile([1.0], 1.5)
    with pytest.raises(ValueError, match="outside"):
        values_at_ranks([1.0], [2])
