"""The bootstrap: a printed example, Künsch's variance of a mean, and reproducible draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatArray
from tests.stats.bootstrap import bootstrap_interval, moving_block_bootstrap

# Efron & Tibshirani 1993, table 2.1: survival in days of seven treated mice.
MICE = np.array([94.0, 197.0, 16.0, 38.0, 99.0, 141.0, 23.0])


def mean(series: FloatArray) -> float:
    return float(np.mean(series))


def median(series: FloatArray) -> float:
    return float(np.median(series))


def test_mice_as_printed() -> None:
    # Table 2.2, infinitely many replicates: standard error 23.36 of the mean, 37.83 of the median.
    rng = np.random.default_rng(91)
    means = moving_block_bootstrap(MICE, mean, block_length=1, replicates=20_000, rng=rng)
    medians = moving_block_bootstrap(MICE, median, block_length=1, replicates=20_000, rng=rng)
    assert means.std(ddof=1) == pytest.approx(23.36, rel=0.025)
    assert medians.std(ddof=1) == pytest.approx(37.83, rel=0.025)


def test_variance_of_a_mean_is_that_of_the_block_means() -> None:
    # Künsch 1989: b independent draws of the n - l + 1 means of l neighbours.
    rng = np.random.default_rng(92)
    series = np.cumsum(rng.normal(size=60)) / 5
    length = 6
    block_means = np.convolve(series, np.full(length, 1 / length), mode="valid")
    drawn = moving_block_bootstrap(series, mean, block_length=length, replicates=20_000, rng=rng)
    assert block_means.size == 55
    assert drawn.var(ddof=1) == pytest.approx(block_means.var() / 10, rel=0.05)


def test_blocks_keep_their_order_and_columns_stay_together() -> None:
    rng = np.random.default_rng(93)
    pairs = np.column_stack((np.arange(50.0), np.arange(50.0) + 1000))
    seen: list[FloatArray] = []

    def look(series: FloatArray) -> float:
        seen.append(series.copy())
        return 0.0

    moving_block_bootstrap(pairs, look, block_length=7, replicates=5, rng=rng)
    for series in seen:
        assert series.shape == (50, 2)
        assert (series[:, 1] - series[:, 0] == 1000).all()
        steps = np.diff(series[:, 0]).reshape(-1)
        assert all(steps[i] == 1.0 for i in range(49) if (i + 1) % 7)


def test_autocorrelation_widens_what_independence_would_not() -> None:
    rng = np.random.default_rng(94)
    noise = rng.normal(size=3000)
    series = np.array([noise[i : i + 10].mean() for i in range(2990)])
    blocks, single = (
        moving_block_bootstrap(series, mean, block_length=length, replicates=400, rng=rng).std(ddof=1)
        for length in (60, 1)
    )
    truth = 1.0 / math.sqrt(2990)
    assert blocks == pytest.approx(truth, rel=0.2)
    assert single < 0.45 * truth


def test_a_seed_gives_the_same_draws() -> None:
    one, two = (
        moving_block_bootstrap(MICE, median, block_length=2, replicates=9, rng=np.random.default_rng(5))
        for _ in range(2)
    )
    assert one.tolist() == two.tolist()


def test_interval_is_the_central_share() -> None:
    interval = bootstrap_interval(np.arange(1.0, 1001.0), 0.9)
    assert (interval.low, interval.high, interval.level) == (50.0, 950.0, 0.9)


def test_refuses_what_cannot_be_resampled() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(TooFewSamples):
        moving_block_bootstrap(MICE, mean, block_length=8, replicates=10, rng=rng)
    with pytest.raises(ValueError, match="replicates"):
        moving_block_bootstrap(MICE, mean, block_length=0, replicates=10, rng=rng)
    with pytest.raises(ValueError, match="replicates"):
        moving_block_bootstrap(MICE, mean, block_length=1, replicates=0, rng=rng)
    with pytest.raises(TooFewSamples):
        bootstrap_interval([], 0.9)
