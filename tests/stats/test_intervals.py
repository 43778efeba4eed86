"""Intervals: printed examples, scipy, and whether they cover as often as they say."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatArray
from govbench.stats.blocks import block_ids
from govbench.stats.intervals import (
    Interval,
    block_quantile_interval,
    half_width,
    order_statistic_interval,
    order_statistic_ranks,
    wilson_interval,
)
from govbench.stats.quantiles import quantile


def slack(p: float, repetitions: int) -> float:
    """Four standard errors of a simulated share: a seeded test that passes is no accident."""
    return 4 * math.sqrt(p * (1 - p) / repetitions)


@pytest.mark.parametrize(
    ("n", "ranks"), [(5, None), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))]
)
def test_ranks_for_the_median_as_printed(n: int, ranks: tuple[int, int] | None) -> None:
    # Altman, Machin, Bryant & Gardner 2000, "Statistics with Confidence", table for the median, 95 %.
    assert order_statistic_ranks(n, 0.5, 0.95) == ranks


@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_smallest_sample_with_an_interval(q: float, n: int) -> None:
    # Both tails need q^n <= 0.025.
    assert order_statistic_ranks(n - 1, q, 0.95) is None
    ranks = order_statistic_ranks(n, q, 0.95)
    assert ranks is not None
    assert ranks[1] == n


@pytest.mark.parametrize("n", [37, 400, 5000, 250_000])
@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("level", [0.9, 0.99])
def test_ranks_against_scipy(n: int, q: float, level: float) -> None:
    ranks = order_statistic_ranks(n, q, level)
    low = int(scipy.stats.binom.ppf((1 - level) / 2, n, q))
    high = int(scipy.stats.binom.ppf((1 + level) / 2, n, q)) + 1
    assert ranks == ((low, high) if low >= 1 and high <= n else None)
    if ranks is not None:
        assert scipy.stats.binom.cdf(high - 1, n, q) - scipy.stats.binom.cdf(low - 1, n, q) >= level


@pytest.mark.parametrize(("q", "n"), [(0.5, 40), (0.9, 150)])
def test_order_statistic_interval_covers(q: float, n: int) -> None:
    rng = np.random.default_rng(11)
    truth = float(np.exp(scipy.stats.norm.ppf(q)))
    intervals = [order_statistic_interval(np.sort(rng.lognormal(size=n)), q, 0.95) for _ in range(2000)]
    covered = np.mean([interval is not None and interval.contains(truth) for interval in intervals])
    assert 0.95 - slack(0.95, 2000) <= covered <= 0.99


def test_order_statistic_interval_reaches_into_failures() -> None:
    values = np.array([*range(1, 96), *[math.inf] * 5], dtype=float)
    interval = order_statistic_interval(values, 0.95, 0.95)
    assert interval is not None
    assert interval.high == math.inf
    assert order_statistic_interval(values[:50], 0.95, 0.95) is None


def bursts(rng: np.random.Generator, seconds: int, per_second: int) -> tuple[FloatArray, np.ndarray]:
    """Log-normal response times whose level is shared within a second: log variance 0.09 + 0.16 = 0.25."""
    level = np.repeat(rng.normal(scale=0.3, size=seconds), per_second)
    times_s = np.repeat(np.arange(seconds), per_second) + rng.random(seconds * per_second)
    return np.exp(level + rng.normal(scale=0.4, size=level.size)), times_s


@pytest.mark.parametrize(("q", "least"), [(0.5, 0.95), (0.9, 0.93)])
def test_block_interval_covers_where_independence_would_not(q: float, least: float) -> None:
    rng = np.random.default_rng(12)
    truth = float(np.exp(0.5 * scipy.stats.norm.ppf(q)))
    covered, covered_if_independent, repetitions = 0, 0, 800
    for _ in range(repetitions):
        values, times_s = bursts(rng, 40, 25)
        estimate = block_quantile_interval(values, block_ids(times_s), q, 0.95)
        naive = order_statistic_interval(np.sort(values), q, 0.95)
        assert estimate is not None
        assert naive is not None
        covered += estimate.interval.contains(truth)
        covered_if_independent += naive.contains(truth)
    # Asymptotic in the number of blocks: with 40 of them a tail may miss a percent or two.
    assert least - slack(least, repetitions) <= covered / repetitions <= 0.99
    assert covered_if_independent / repetitions < 0.85


def test_log_se_is_the_spread_of_the_estimate() -> None:
    rng = np.random.default_rng(13)
    logs, errors = [], []
    for _ in range(400):
        values, times_s = bursts(rng, 40, 25)
        estimate = block_quantile_interval(values, block_ids(times_s), 0.5, 0.95)
        assert estimate is not None
        assert estimate.log_se is not None
        logs.append(math.log(estimate.value))
        errors.append(estimate.log_se)
    assert np.mean(errors) == pytest.approx(np.std(logs, ddof=1), rel=0.15)


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 9)), min_size=30, max_size=200),
    st.sampled_from([0.3, 0.5, 0.8]),
)
def test_blocks_never_narrow_the_interval(rows: list[tuple[float, int]], q: float) -> None:
    values = np.array([value for value, _ in rows])
    estimate = block_quantile_interval(values, np.array([block for _, block in rows]), q, 0.95)
    if estimate is None:
        return
    independent = order_statistic_interval(np.sort(values), q, 0.95)
    assert independent is not None
    assert estimate.interval.low <= independent.low
    assert estimate.interval.high >= independent.high
    assert estimate.value == quantile(values, q)


@given(st.randoms(use_true_random=False))
def test_block_interval_is_unmoved_by_order(shuffler: random.Random) -> None:
    rng = np.random.default_rng(14)
    values, times_s = bursts(rng, 20, 10)
    order = list(range(len(values)))
    shuffler.shuffle(order)
    blocks = block_ids(times_s)
    here = block_quantile_interval(values, blocks, 0.5, 0.99)
    there = block_quantile_interval(values[order], blocks[order], 0.5, 0.99)
    assert here == there


def test_block_interval_scales_with_its_values() -> None:
    values, times_s = bursts(np.random.default_rng(15), 30, 20)
    one = block_quantile_interval(values, block_ids(times_s), 0.9, 0.95)
    two = block_quantile_interval(values * 2, block_ids(times_s), 0.9, 0.95)
    assert one is not None
    assert two is not None
    assert two.interval == Interval(low=2 * one.interval.low, high=2 * one.interval.high, level=0.95)
    assert two.log_se == pytest.approx(one.log_se)


def test_block_interval_with_failures_has_no_log_error() -> None:
    values = np.array([*np.linspace(1, 2, 90), *[math.inf] * 10])
    estimate = block_quantile_interval(values, np.arange(100) % 20, 0.9, 0.95)
    assert estimate is not None
    assert estimate.interval.high == math.inf
    assert estimate.log_se is None


def test_block_interval_of_too_little() -> None:
    values = np.linspace(1, 2, 100)
    assert block_quantile_interval(values, np.zeros(100, dtype=np.int64), 0.5, 0.95) is None  # one block
    assert block_quantile_interval(values[:5], np.arange(5), 0.5, 0.95) is None
    # Two blocks, one fast and one slow: a t of one degree of freedom reaches beyond every rank.
    assert block_quantile_interval(values, np.repeat([0, 1], 50), 0.5, 0.95) is None
    with pytest.raises(TooFewSamples):
        block_quantile_interval([], np.array([], dtype=np.int64), 0.5, 0.95)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_printed(hits: int, n: int, low: float, high: float) -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    interval = wilson_interval(hits, n, 0.95)
    assert interval.low == pytest.approx(low, abs=5e-5)
    assert interval.high == pytest.approx(high, abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_against_scipy_and_its_mirror(case: tuple[int, int]) -> None:
    hits, n = case
    interval = wilson_interval(hits, n, 0.99)
    oracle = scipy.stats.binomtest(hits, n).proportion_ci(0.99, method="wilson")
    assert interval.low == pytest.approx(oracle.low, abs=1e-12)
    assert interval.high == pytest.approx(oracle.high, abs=1e-12)
    mirror = wilson_interval(n - hits, n, 0.99)
    assert mirror.low == pytest.approx(1 - interval.high, abs=1e-12)
    assert interval.contains(hits / n)


def test_half_width_of_one_part_is_the_textbook_one() -> None:
    assert half_width(se=0.5, df=10, known_se=0, level=0.95) == pytest.approx(0.5 * 2.228, abs=5e-4)
    assert half_width(se=0, df=10, known_se=2, level=0.95) == pytest.approx(2 * 1.95996, abs=1e-4)
    assert half_width(se=3, df=None, known_se=4, level=0.95) == pytest.approx(5 * 1.95996, abs=1e-4)


def test_refuses_what_is_no_interval() -> None:
    with pytest.raises(ValueError, match="interval"):
        Interval(low=2, high=1, level=0.95)
    with pytest.raises(ValueError, match="interval"):
        Interval(low=math.nan, high=1, level=0.95)
    with pytest.raises(ValueError, match="level"):
        Interval(low=0, high=1, level=95)
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(3, 2, 0.95)
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(0, 0, 0.95)
