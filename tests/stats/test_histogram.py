"""Histograms lose at most their relative error, and nothing by merging or storing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.histogram import LogHistogram
from govbench.stats.quantiles import quantile

FINITE = st.one_of(st.just(0.0), st.floats(1e-9, 1e9))
VALUES = st.lists(st.one_of(FINITE, st.just(math.inf)), max_size=50)
SOME = st.lists(st.one_of(FINITE, st.just(math.inf)), min_size=1, max_size=50)


@given(SOME, st.floats(0, 1), st.sampled_from([0.001, 0.01, 0.05]))
def test_quantile_within_the_relative_error(values: list[float], q: float, error: float) -> None:
    exact = quantile(values, q)
    estimate = LogHistogram.from_values(values, relative_error=error).quantile(q)
    if exact in (0.0, math.inf):
        assert estimate == exact
    else:
        assert abs(estimate - exact) <= exact * error * (1 + 1e-9)


@given(SOME, st.floats(0, 1), st.floats(0, 1))
def test_monotone_in_q(values: list[float], q: float, other: float) -> None:
    histogram = LogHistogram.from_values(values)
    assert histogram.quantile(min(q, other)) <= histogram.quantile(max(q, other))


@given(VALUES, VALUES)
def test_merging_is_counting_together(a: list[float], b: list[float]) -> None:
    merged = LogHistogram.from_values(a).merge(LogHistogram.from_values(b))
    together = LogHistogram.from_values(a + b)
    assert merged.buckets == together.buckets
    assert (merged.zeros, merged.infinite, merged.count) == (together.zeros, together.infinite, len(a + b))
    assert (merged.minimum, merged.maximum) == (together.minimum, together.maximum)
    assert merged.total == pytest.approx(together.total)


@given(VALUES, VALUES, VALUES)
def test_merging_commutes_and_associates(a: list[float], b: list[float], c: list[float]) -> None:
    x, y, z = (LogHistogram.from_values(values) for values in (a, b, c))
    assert x.merge(y) == y.merge(x)
    left, right = x.merge(y).merge(z), x.merge(y.merge(z))
    assert left.to_pairs() == right.to_pairs()
    assert left.total == pytest.approx(right.total)  # a float sum depends on its order in the last bit
    assert left.count == right.count


@given(VALUES)
def test_json_and_back(values: list[float]) -> None:
    histogram = LogHistogram.from_values(values)
    pairs = json.loads(json.dumps(histogram.to_pairs()))
    again = LogHistogram.from_pairs(
        pairs,
        relative_error=histogram.relative_error,
        minimum=histogram.minimum,
        maximum=histogram.maximum,
        total=histogram.total,
        zeros=histogram.zeros,
        infinite=histogram.infinite,
    )
    assert again == histogram


def test_exact_fields() -> None:
    histogram = LogHistogram.from_values([3.0, 0.0, 0.1, 0.2, math.inf])
    assert (histogram.minimum, histogram.maximum) == (0.0, 3.0)
    assert histogram.total == math.fsum([3.0, 0.1, 0.2])
    assert (histogram.count, histogram.zeros, histogram.infinite) == (5, 1, 1)


def test_size_claimed_by_the_paper() -> None:
    # Masson, Rim & Lee 2019, §2.2: at 1 %, 2048 buckets hold 80 microseconds to one year.
    values = np.geomspace(80e-6, 365 * 24 * 3600, 200_000)
    assert len(LogHistogram.from_values(values, relative_error=0.01).buckets) <= 2048


def test_ranks_can_be_read() -> None:
    histogram = LogHistogram.from_values([0.0, 10.0, 20.0, math.inf])
    values = [histogram.value_at_rank(rank) for rank in (1, 2, 3, 4)]
    assert values == [0.0, pytest.approx(10, rel=0.01), pytest.approx(20, rel=0.01), math.inf]
    with pytest.raises(TooFewSamples):
        histogram.value_at_rank(5)


def test_empty() -> None:
    empty = LogHistogram.from_values([])
    assert empty.count == 0
    assert empty.merge(LogHistogram.from_values([1.0])) == LogHistogram.from_values([1.0])
    with pytest.raises(TooFewSamples):
        empty.quantile(0.5)


def test_refuses_what_does_not_belong() -> None:
    with pytest.raises(ValueError, match="negative"):
        LogHistogram.from_values([-1.0])
    with pytest.raises(ValueError, match="relative error"):
        LogHistogram.from_values([1.0], relative_error=0.9)
    with pytest.raises(ValueError, match="merge"):
        LogHistogram.from_values([1.0]).merge(LogHistogram.from_values([1.0], relative_error=0.02))


@pytest.mark.parametrize(
    ("pairs", "extremes", "message"),
    [
        ([[2, 1], [1, 1]], (1.0, 2.0), "rise"),
        ([[1, 0]], (1.0, 2.0), "counts"),
        ([[1, 1]], (None, None), "minimum"),
        ([], (1.0, 2.0), "minimum"),
        ([[1, 1]], (2.0, 1.0), "minimum"),
    ],
)
def test_refuses_a_damaged_file(
    pairs: list[list[int]], extremes: tuple[float | None, float | None], message: str
) -> None:
    low, high = extremes
    with pytest.raises(ValueError, match=message):
        LogHistogram.from_pairs(pairs, relative_error=0.01, minimum=low, maximum=high, total=1.0)
