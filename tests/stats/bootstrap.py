"""The moving-block bootstrap: slow, and with no formula to get wrong; the oracle of ``pairs``.

A million values take minutes, so it serves here and no verdict waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatArray, FloatsLike, as_samples, check_share
from govbench.stats.intervals import Interval
from govbench.stats.quantiles import quantiles


def moving_block_bootstrap(
    series: FloatArray,
    statistic: Callable[[FloatArray], float],
    *,
    block_length: int,
    replicates: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """``statistic`` of resampled series, whose blocks of neighbours keep their order (Künsch 1989).

    Each of the replicates strings together blocks that start anywhere with equal probability, n - l + 1
    places, cut to the n of the series.

    Args:
        series: n observations in order of time; columns stay together, such as baseline and candidate.
        statistic: of a series of the same shape.
        block_length: l observations, long against the correlation, short against n; 1 is Efron's bootstrap.
        replicates: how many.
        rng: the only source of randomness.

    Raises:
        TooFewSamples: the series is empty or shorter than a block.
        ValueError: ``block_length`` or ``replicates`` is below 1.
    """
    n = len(series)
    if block_length < 1 or replicates < 1:
        raise ValueError(f"{replicates} replicates of blocks of {block_length}")
    if n < block_length:
        raise TooFewSamples(f"{n} observations are less than a block of {block_length}")
    offsets = np.arange(block_length)
    blocks = math.ceil(n / block_length)
    drawn = np.empty(replicates)
    for i in range(replicates):
        starts = rng.integers(0, n - block_length + 1, size=blocks)
        drawn[i] = statistic(series[(starts[:, None] + offsets).ravel()[:n]])
    return drawn


def bootstrap_interval(replicates: FloatsLike, level: float) -> Interval:
    """The percentile interval: the central share ``level`` of the replicates (Efron & Tibshirani 1993, §13).

    Raises:
        TooFewSamples: there are none.
    """
    check_share("level", level)
    low, high = quantiles(as_samples(replicates), ((1.0 - level) / 2.0, (1.0 + level) / 2.0))
    return Interval(low=low, high=high, level=level)
