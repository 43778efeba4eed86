"""One round of a paired comparison: how far apart its two sides were, and how sure that is.

Knows one round only; ``rounds.combine_rounds`` makes a decision's worth of several.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, IntArray, as_samples
from govbench.stats.blocks import block_mean_variance
from govbench.stats.comparison import log_ratio
from govbench.stats.distributions import chi_square_quantile
from govbench.stats.intervals import block_quantile_interval
from govbench.stats.quantiles import is_estimable

MIN_PAIRS = 6  # as many as a 95 % interval of a median needs (``order_statistic_ranks``)

# Half the interval whose width gives the error of the median, in standard errors of its share: wide enough to
# hold several of twenty pairs, narrow enough for the density within to be that at the median.
_REACH = 2.0
_BLOCKS_ALPHA = 0.05
_TAIL_LEVEL = 0.9  # of the interval behind a tail's error: wide, yet inside the data of a short round


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedEstimate:
    """What one round says: the effect on log scale, its standard error within the round, and its pairs."""

    effect: float
    se: float
    n: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.effect) and 0.0 <= self.se < math.inf and self.n >= 1):
            raise ValueError(f"effect {self.effect} with error {self.se} of {self.n} pairs")


def paired_median(log_ratios: FloatsLike, blocks: IntArray) -> PairedEstimate:
    """Median of paired log ratios, log(candidate / baseline), with an error that blocks of time make honest.

    The median is the mean of the two middle values where n is even: the only median that turns its sign, and
    nothing else, when the sides are swapped. Its error is that of the share below it, carried to values
    (Woodruff 1952): with sₑ the standard error of the mean of sign(x - median)/2, as a ratio between blocks
    (``blocks.block_mean_variance``), or the binomial 1/(2√n) where that explains how blocks differ,

        se = sₑ (n+1) (x₍n-k₎ - x₍k+1₎) / (n-1-2k),     k = ⌊(n-1)/2 - 2 n sₑ⌋, at least 0

    the last factors being one over the density at the median (Siddiqui 1960; Bloch & Gastwirth 1968). Where
    all pairs fall into one block they are taken as independent; only further rounds can tell then. Values
    that are all equal have no error.

    Args:
        log_ratios: n finite values, any order.
        blocks: block of each value (``block_ids``), shared by both sides.

    Raises:
        TooFewSamples: fewer than 6 pairs.
        ValueError: a value is not finite.
    """
    values = _finite(log_ratios, "log ratios")
    if len(blocks) != values.size:
        raise ValueError(f"{values.size} log ratios but {len(blocks)} block ids")
    n = values.size
    lower, upper = (n - 1) // 2, n // 2
    middle = np.partition(values, (lower, upper))
    median = 0.5 * (float(middle[lower]) + float(middle[upper]))
    share_se = _share_se(np.sign(values - median), np.asarray(blocks))
    k = max(0, math.floor((n - 1) / 2 - _REACH * n * share_se))
    ends = np.partition(values, (k, n - 1 - k))
    width = float(ends[n - 1 - k]) - float(ends[k])
    return PairedEstimate(effect=median, se=share_se * (n + 1) * width / (n - 1 - 2 * k), n=n)


def quantile_log_ratio(
    baseline: FloatsLike,
    baseline_blocks: IntArray,
    candidate: FloatsLike,
    candidate_blocks: IntArray,
    q: float,
) -> PairedEstimate | None:
    """Log ratio of the ``q``-quantiles (nearest rank) of two sides of one round, for tails.

    A quantile of the ratios of pairs says nothing of the tails, so each side has its own, with its own
    block-robust error on log scale; the two add in squares. Slow moments that both sides share are thus
    counted twice, which can only overstate the error.

    Returns:
        None where a side leaves fewer than ten samples above its quantile (``is_estimable``), lasts less than
        two blocks, or has an interval that reaches beyond the data, or to a value without a logarithm (0 or
        an infinite one). ``n`` is that of the smaller side.

    Raises:
        ValueError: blocks do not match their values.
    """
    sides = ((baseline, baseline_blocks), (candidate, candidate_blocks))
    if not all(is_estimable(len(values), q) for values, _ in sides):
        return None
    old, new = (block_quantile_interval(values, blocks, q, _TAIL_LEVEL) for values, blocks in sides)
    if old is None or new is None or old.log_se is None or new.log_se is None:
        return None
    return PairedEstimate(
        effect=log_ratio(new.value, old.value),
        se=math.hypot(old.log_se, new.log_se),
        n=min(len(baseline), len(candidate)),
    )


def ratio_of_means(baseline: FloatsLike, candidate: FloatsLike) -> PairedEstimate:
    """Log ratio of the means of paired counts, such as tokens per answer.

    Linearised (delta method; Cochran 1977, §6.4, divided by the ratio): with dᵢ = cᵢ/c̄ - bᵢ/b̄ the variance of
    the log ratio is Σ dᵢ²/(n(n-1)). What varies from question to question alike on both sides cancels in dᵢ.

    Args:
        baseline: n finite values.
        candidate: the value of the same question on the other side, in the same order.

    Raises:
        TooFewSamples: fewer than 6 pairs.
        ValueError: the sides differ in length, or a mean is not positive.
    """
    old, new = _finite(baseline, "baseline"), _finite(candidate, "candidate")
    if old.size != new.size:
        raise ValueError(f"{old.size} values against {new.size} are no pairs")
    n = old.size
    old_mean, new_mean = float(old.mean()), float(new.mean())
    effect = log_ratio(new_mean, old_mean)
    deviations = new / new_mean - old / old_mean
    variance = float(np.dot(deviations, deviations)) / (n * (n - 1.0))
    return PairedEstimate(effect=effect, se=math.sqrt(variance), n=n)


def _finite(values: FloatsLike, name: str) -> npt.NDArray[np.float64]:
    samples = as_samples(values, least=MIN_PAIRS)
    if not np.isfinite(samples).all():
        raise ValueError(f"an infinite value among the {name}: a failed request has no pair")
    return samples


def _share_se(signs: npt.NDArray[np.float64], blocks: IntArray) -> float:
    """Standard error of the share of values below the median; half signs, so that ties favour no side.

    The blocks count where they vary by more than independent values would in one of twenty rounds. The larger
    of the two variances as it comes would make every error a tenth too large: ten blocks know their own
    variance to a third only.
    """
    independent = 0.25 / signs.size
    try:
        between, count = block_mean_variance(0.5 * signs, blocks)
    except TooFewSamples:  # a single block
        return math.sqrt(independent)
    by_chance = chi_square_quantile(1.0 - _BLOCKS_ALPHA, count - 1.0) / (count - 1.0)
    return math.sqrt(between if between > by_chance * independent else independent)
