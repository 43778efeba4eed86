"""One round: its estimate, mirrored when the sides are swapped, and its error against the bootstrap."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatArray
from govbench.stats.pairs import PairedEstimate, paired_median, quantile_log_ratio, ratio_of_means
from govbench.stats.quantiles import quantile
from tests.stats.bootstrap import moving_block_bootstrap

# Student 1908 (R, ?sleep): hours of sleep gained with each of two drugs by the same ten patients.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
ROWS = st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 5)), min_size=6, max_size=60)


def test_median_worked_by_hand() -> None:
    # Sorted 0, .8, 1, 1.2, 1.3, 1.3, 1.4, 1.8, 2.4, 4.6: median 1.3; share error 1/(2√10) = .1581, for every
    # block is one value; k = ⌊4.5 - 2·10·.1581⌋ = 1, so .1581 · 11 · (2.4 - 0.8)/7.
    result = paired_median(SLEEP, np.arange(10))
    assert result.effect == pytest.approx(1.3)
    assert result.se == pytest.approx(0.158114 * 11 * 1.6 / 7, rel=1e-5)
    assert result.n == 10


def test_the_even_median_is_the_mean_of_the_two_middle_values() -> None:
    assert paired_median([5.0, 1.0, 2.0, 4.0, 9.0, -7.0], np.arange(6)).effect == 3.0
    assert paired_median([5.0, 1.0, 2.0, 4.0, 9.0, -7.0, 3.5], np.arange(7)).effect == 3.5


@given(ROWS)
def test_median_turns_its_sign_when_the_sides_are_swapped(rows: list[tuple[float, int]]) -> None:
    values, blocks = np.array([x for x, _ in rows]), np.array([block for _, block in rows])
    one, two = paired_median(values, blocks), paired_median(-values, blocks)
    assert two.effect == -one.effect
    assert two == replace(one, effect=two.effect)


@given(st.lists(st.sampled_from([-0.1, 0.0, 0.1]), min_size=6, max_size=40))
def test_ties_favour_no_side(values: list[float]) -> None:
    blocks = np.arange(len(values)) // 4
    one, two = paired_median(values, blocks), paired_median([-x for x in values], blocks)
    assert (two.effect, two.se) == (-one.effect, one.se)


@given(ROWS)
def test_blocks_never_lower_the_error_below_that_of_independent_pairs_at_the_same_reach(
    rows: list[tuple[float, int]],
) -> None:
    values = np.array([x for x, _ in rows])
    n = values.size
    se = paired_median(values, np.array([block for _, block in rows])).se
    ordered = np.sort(values)
    # 1/(2√n) over any density that a window around the median shows: the narrowest window gives the bound.
    halves = [(ordered[n - 1 - k] - ordered[k]) / (n - 1 - 2 * k) for k in range((n - 1) // 2)]
    assert se >= (n + 1) / (2 * math.sqrt(n)) * min(halves) * (1 - 1e-9)


def test_equal_values_have_no_error() -> None:
    assert paired_median([0.25] * 8, np.arange(8)) == PairedEstimate(effect=0.25, se=0.0, n=8)


def test_one_block_counts_as_independent_pairs() -> None:
    values = np.random.default_rng(51).normal(size=50)
    assert paired_median(values, np.zeros(50, dtype=np.int64)) == paired_median(values, np.arange(50) * 0 + 3)
    assert paired_median(values, np.zeros(50, dtype=np.int64)).se > 0


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_error_scales_with_the_values(scale: float) -> None:
    values = np.random.default_rng(52).normal(size=101)
    blocks = np.arange(101) // 10
    assert paired_median(scale * values, blocks).se == pytest.approx(scale * paired_median(values, blocks).se)


@pytest.mark.parametrize("n", [20, 200, 2000])
@pytest.mark.parametrize("tails", ["normal", "t2", "lognormal"])
def test_error_is_the_spread_of_the_median(n: int, tails: str) -> None:
    rng = np.random.default_rng(53)
    estimates = []
    for _ in range(500):
        draw = {
            "normal": rng.normal(size=n),
            "t2": rng.standard_t(2, size=n),
            "lognormal": rng.lognormal(size=n),
        }[tails]
        estimates.append(paired_median(draw, np.arange(n) // 5))
    spread = np.std([estimate.effect for estimate in estimates], ddof=1)
    ratio = np.mean([estimate.se for estimate in estimates]) / spread
    assert 0.9 <= ratio <= (1.6 if n == 20 else 1.2)


def test_error_counts_seconds_that_are_slow_together() -> None:
    rng = np.random.default_rng(54)
    estimates, independent = [], []
    blocks = np.repeat(np.arange(20), 25)
    for _ in range(400):
        values = np.repeat(rng.normal(scale=0.5, size=20), 25) + rng.normal(size=500)
        estimates.append(paired_median(values, blocks))
        independent.append(paired_median(values, np.arange(500)).se)
    spread = np.std([estimate.effect for estimate in estimates], ddof=1)
    assert np.mean([estimate.se for estimate in estimates]) == pytest.approx(spread, rel=0.15)
    assert np.mean(independent) < 0.6 * spread


def test_error_agrees_with_the_block_bootstrap() -> None:
    rng = np.random.default_rng(55)
    values = np.repeat(rng.normal(scale=0.3, size=40), 50) + rng.laplace(size=2000)
    result = paired_median(values, np.arange(2000) // 50)
    drawn = moving_block_bootstrap(
        values, lambda series: float(np.median(series)), block_length=50, replicates=600, rng=rng
    )
    assert result.se == pytest.approx(drawn.std(ddof=1), rel=0.2)


def test_median_of_too_little() -> None:
    with pytest.raises(TooFewSamples):
        paired_median([0.1] * 5, np.arange(5))
    with pytest.raises(ValueError, match="block ids"):
        paired_median([0.1] * 6, np.arange(5))
    with pytest.raises(ValueError, match="infinite"):
        paired_median([0.1] * 6 + [math.inf], np.arange(7))
    with pytest.raises(ValueError, match="pairs"):
        PairedEstimate(effect=math.nan, se=0.1, n=3)


def sides(rng: np.random.Generator, n: int, change: float) -> tuple[FloatArray, FloatArray]:
    return rng.lognormal(0.0, 0.4, n), rng.lognormal(change, 0.4, n)


def test_quantile_ratio_and_its_mirror() -> None:
    blocks = np.arange(600) // 30
    baseline, candidate = sides(np.random.default_rng(56), 600, 0.2)
    one = quantile_log_ratio(baseline, blocks, candidate, blocks, 0.95)
    two = quantile_log_ratio(candidate, blocks, baseline, blocks, 0.95)
    assert one is not None
    assert two is not None
    assert one.effect == pytest.approx(math.log(quantile(candidate, 0.95) / quantile(baseline, 0.95)))
    assert two == replace(one, effect=-one.effect)
    assert one.n == 600


def test_quantile_ratio_errors_add_in_squares_as_their_spread_says() -> None:
    rng = np.random.default_rng(57)
    blocks = np.arange(800) // 20
    rounds = [sides(rng, 800, 0.0) for _ in range(300)]
    found = [quantile_log_ratio(a, blocks, b, blocks, 0.9) for a, b in rounds]
    estimates = [estimate for estimate in found if estimate is not None]
    assert len(estimates) == 300
    spread = np.std([estimate.effect for estimate in estimates], ddof=1)
    assert np.mean([estimate.se for estimate in estimates]) == pytest.approx(spread, rel=0.2)


def test_quantile_ratio_agrees_with_the_block_bootstrap() -> None:
    rng = np.random.default_rng(58)
    pairs = np.column_stack(sides(rng, 2000, 0.1))
    blocks = np.arange(2000) // 50

    def ratio(series: FloatArray) -> float:
        return math.log(quantile(series[:, 1], 0.95)) - math.log(quantile(series[:, 0], 0.95))

    result = quantile_log_ratio(pairs[:, 0], blocks, pairs[:, 1], blocks, 0.95)
    drawn = moving_block_bootstrap(pairs, ratio, block_length=50, replicates=500, rng=rng)
    assert result is not None
    assert result.se == pytest.approx(drawn.std(ddof=1), rel=0.3)


def test_quantile_ratio_that_cannot_be_estimated() -> None:
    rng = np.random.default_rng(59)
    baseline, candidate = sides(rng, 400, 0.0)
    blocks = np.arange(400) // 20
    assert quantile_log_ratio(baseline[:199], blocks[:199], candidate, blocks, 0.95) is None  # nine above
    assert quantile_log_ratio(baseline, blocks * 0, candidate, blocks, 0.5) is None  # one block
    assert quantile_log_ratio(baseline * 0, blocks, candidate, blocks, 0.5) is None  # no logarithm
    failing = np.where(np.arange(400) < 60, math.inf, candidate)
    assert quantile_log_ratio(baseline, blocks, failing, blocks, 0.9) is None
    assert quantile_log_ratio([], blocks[:0], [], blocks[:0], 0.5) is None


def test_ratio_of_means_worked_by_hand() -> None:
    # Means 20 and 30; d = c/30 - b/20 = ±1/6 four times, else 0: Σd² = 1/9, over 6 · 5.
    baseline = [20.0, 20.0, 20.0, 20.0, 20.0, 20.0]
    candidate = [35.0, 25.0, 35.0, 25.0, 30.0, 30.0]
    result = ratio_of_means(baseline, candidate)
    assert result.effect == pytest.approx(math.log(1.5))
    assert result.se == pytest.approx(math.sqrt(1 / 9 / 30))
    assert result.n == 6


@given(st.lists(st.tuples(st.floats(1, 500), st.floats(1, 500)), min_size=6, max_size=40))
def test_ratio_of_means_under_swap(rows: list[tuple[float, float]]) -> None:
    one = ratio_of_means([b for b, _ in rows], [c for _, c in rows])
    two = ratio_of_means([c for _, c in rows], [b for b, _ in rows])
    assert two == replace(one, effect=-one.effect)


def test_what_both_sides_share_costs_nothing() -> None:
    rng = np.random.default_rng(60)
    length = rng.uniform(50, 500, 80)
    paired = ratio_of_means(length, 1.1 * length)
    assert paired.effect == pytest.approx(math.log(1.1))
    assert paired.se < 1e-12
    assert ratio_of_means(length, 1.1 * rng.permutation(length)).se > 0.05


def test_ratio_of_means_error_is_its_spread() -> None:
    rng = np.random.default_rng(61)
    estimates = []
    for _ in range(600):
        length = rng.uniform(50, 500, 60)
        old, new = (length * rng.lognormal(0, 0.2, 60) for _ in range(2))
        estimates.append(ratio_of_means(old, new))
    spread = np.std([estimate.effect for estimate in estimates], ddof=1)
    assert np.mean([estimate.se for estimate in estimates]) == pytest.approx(spread, rel=0.12)


def test_ratio_of_means_of_too_little() -> None:
    with pytest.raises(TooFewSamples):
        ratio_of_means([1.0] * 5, [1.0] * 5)
    with pytest.raises(ValueError, match="pairs"):
        ratio_of_means([1.0] * 6, [1.0] * 7)
    with pytest.raises(ValueError, match="positive"):
        ratio_of_means([0.0] * 6, [1.0] * 6)
