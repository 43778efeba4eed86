"""How sure a single number is: intervals of quantiles and proportions; compares nothing (``comparison``)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from govbench.stats.arrays import FloatArray, FloatsLike, IntArray, as_samples, check_share
from govbench.stats.blocks import block_mean_variance
from govbench.stats.distributions import binomial_window, normal_quantile, student_quantile, two_sided
from govbench.stats.quantiles import nearest_rank, quantile, values_at_ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided confidence (or prediction) interval; an end may be +inf where failures count so."""

    low: float
    high: float
    level: float

    def __post_init__(self) -> None:
        check_share("level", self.level)
        if not self.low <= self.high:
            raise ValueError(f"interval from {self.low} to {self.high}")

    def contains(self, value: float) -> bool:
        """Whether ``value`` lies within, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileEstimate:
    """A quantile with its interval, and its standard error on log scale.

    ``log_se`` is the interval's width in logarithms over twice the multiplier that made it: what
    ``prediction_log_ratio`` wants. None where a logarithm does not exist (an end that is 0 or infinite).
    """

    value: float
    interval: Interval
    log_se: float | None


def half_width(*, se: float, df: float | None, known_se: float, level: float) -> float:
    """Half the width of an interval whose error has an estimated and a known part.

    sqrt((t · se)² + (z · known_se)²): each part brings the half width it would have alone, and these add
    in squares, as the variances they recover do (MOVER; Zou & Donner 2008, eq. 3 with independent
    parts). With one part alone it is the exact t or z interval. Multiplying t with both would let a
    few pairs make a calibrated noise look uncertain; z with both would ignore that se is estimated.

    Args:
        se: estimated standard error.
        df: its degrees of freedom; None when it too is as good as known.
        known_se: standard deviation of the part that was calibrated beforehand.
        level: such as 0.99.
    """
    p = two_sided(level)
    z = normal_quantile(p)
    t = z if df is None else student_quantile(p, df)
    return math.hypot(t * se, z * known_se)


def order_statistic_ranks(n: int, q: float, level: float) -> tuple[int, int] | None:
    """Ranks l, u (from 1) with P(x₍l₎ <= true q-quantile <= x₍u₎) >= ``level``, whatever the distribution.

    l is the largest rank with P(Bin(n, q) < l) <= α/2, u the smallest with P(Bin(n, q) < u) >= 1-α/2
    (David & Nagaraja 2003, §7.1). The binomial is summed exactly for every n.

    Returns:
        None when n is too small for such ranks to exist.
    """
    alpha = 1.0 - level
    check_share("level", level)
    first, cdf = binomial_window(n, q)
    low = first + int(np.searchsorted(cdf, alpha / 2.0, side="right"))
    high = first + int(np.searchsorted(cdf, 1.0 - alpha / 2.0, side="left")) + 1
    return (low, high) if low >= 1 and high <= n else None


def order_statistic_interval(sorted_values: FloatArray, q: float, level: float) -> Interval | None:
    """Distribution-free interval of the ``q``-quantile of independent samples; see ``order_statistic_ranks``.

    Args:
        sorted_values: ascending; +inf allowed at the end.
        q: in (0, 1).
        level: such as 0.95.

    Returns:
        None when there are too few samples: a 95 % interval of p50 needs 6, of p95 72, of p99 368.
    """
    ranks = order_statistic_ranks(len(sorted_values), q, level)
    if ranks is None:
        return None
    return Interval(
        low=float(sorted_values[ranks[0] - 1]), high=float(sorted_values[ranks[1] - 1]), level=level
    )


def block_quantile_interval(
    values: FloatsLike, blocks: IntArray, q: float, level: float
) -> QuantileEstimate | None:
    """The ``q``-quantile of autocorrelated samples, with an interval that blocks of time make honest.

    Woodruff 1952: the interval of the *share* at or below the quantile, q ± t·se, carried back to values
    through the ranks. se is that of a ratio between blocks, with t of B-1 degrees of freedom; the
    interval is never narrower than that of independent samples (``order_statistic_ranks``).

    Args:
        values: n values in any order, +inf allowed.
        blocks: block of each value (``block_ids``).
        q: in (0, 1).
        level: such as 0.99.

    Returns:
        None when there are too few samples, or fewer than two blocks, for an interval to exist.

    Raises:
        TooFewSamples: ``values`` is empty.
    """
    samples = as_samples(values)
    n = samples.size
    exact = order_statistic_ranks(n, q, level)
    first_block = np.asarray(blocks)[:1]
    if exact is None or bool((blocks == first_block).all()):
        return None
    below = (samples <= quantile(samples, q)).astype(np.float64)
    variance, count = block_mean_variance(below, blocks)
    binomial_se = math.sqrt(q * (1.0 - q) / n)
    block_se = math.sqrt(variance)
    half = student_quantile(two_sided(level), count - 1.0) * block_se
    low = min(exact[0], math.floor(n * (q - half) + 0.5))
    high = max(exact[1], math.ceil(n * (q + half) + 0.5))
    if low < 1 or high > n:
        return None
    multiplier = max(normal_quantile(two_sided(level)), half / max(block_se, binomial_se))
    ends = values_at_ranks(samples, (low, nearest_rank(n, q), high))
    return _estimate(ends, level, multiplier)


def wilson_interval(successes: float, n: float, level: float) -> Interval:
    """Score interval of a proportion (Wilson 1927); holds its level also near 0 and 1.

    Both counts may be fractions: divided by a design effect, when requests are not independent.

    Raises:
        ValueError: not 0 <= successes <= n, or n is 0.
    """
    if not (n > 0.0 and 0.0 <= successes <= n):
        raise ValueError(f"{successes} successes of {n}")
    z = normal_quantile(two_sided(level))
    p = successes / n
    centre = p + z * z / (2.0 * n)
    half = z * math.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    scale = 1.0 + z * z / n
    low = 0.0 if successes == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if successes == n else min(1.0, (centre + half) / scale)
    return Interval(low=min(low, p), high=max(high, p), level=level)


def _estimate(ends: tuple[float, ...], level: float, multiplier: float) -> QuantileEstimate:
    low, value, high = ends
    log_se = None
    if low > 0.0 and math.isfinite(high):
        log_se = (math.log(high) - math.log(low)) / (2.0 * multiplier)
    return QuantileEstimate(value=value, interval=Interval(low=low, high=high, level=level), log_se=log_se)
