"""How a percentile is defined: nearest rank, everywhere; says nothing of its uncertainty (``intervals``)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from govbench.errors import TooFewSamples
from govbench.stats.arrays import FloatsLike, as_samples

# Relative slack on n·q: 0.3 may arrive as 0.30000000000000004, and one such bit must not move the rank.
# Up to 1e9 samples it stays under a thousandth of a rank.
_RANK_SLACK = 1e-12
_BEYOND = 10  # samples above a quantile that make it an estimate


def nearest_rank(n: int, q: float) -> int:
    """Rank k = ceil(n q), counted from 1, of the ``q``-quantile of ``n`` samples; q = 0 is the minimum.

    Hyndman & Fan 1996, type 1. Rounding error in the product n q does not raise the rank.

    Raises:
        TooFewSamples: ``n`` is 0.
        ValueError: ``q`` is outside [0, 1].
    """
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"a quantile lies in [0, 1], got {q}")
    if n < 1:
        raise TooFewSamples("a quantile of no samples")
    return min(n, max(1, math.ceil(n * q * (1.0 - _RANK_SLACK))))


def quantile(values: FloatsLike, q: float) -> float:
    """Smallest observed value that a share ``q`` of the samples does not exceed.

    Nearest rank, k = ceil(n q) (Hyndman & Fan 1996, type 1): always an observed value, so failures
    may be counted as +inf.

    Args:
        values: n >= 1 values in any order, +inf allowed; not modified.
        q: share in [0, 1]; 0.95 for p95.

    Raises:
        TooFewSamples: ``values`` is empty.
    """
    return quantiles(values, (q,))[0]


def quantiles(values: FloatsLike, qs: Sequence[float]) -> tuple[float, ...]:
    """The quantiles ``qs`` of ``values``, in the order of ``qs``, from one partial sort; see ``quantile``.

    Raises:
        TooFewSamples: ``values`` is empty.
    """
    samples = as_samples(values)
    ranks = [nearest_rank(samples.size, q) for q in qs]
    return values_at_ranks(samples, ranks)


def values_at_ranks(values: FloatsLike, ranks: Sequence[int]) -> tuple[float, ...]:
    """The order statistics at ``ranks`` (1 = smallest), in the order of ``ranks``, from one partial sort."""
    samples = as_samples(values)
    if not ranks:
        return ()
    if min(ranks) < 1 or max(ranks) > samples.size:
        raise ValueError(f"ranks {tuple(ranks)} outside 1..{samples.size}")
    ordered = np.partition(samples, sorted({rank - 1 for rank in ranks}))
    return tuple(float(ordered[rank - 1]) for rank in ranks)


def needed(q: float) -> int:
    """The fewest samples of which the ``q``-quantile is estimable: 20 for p50, 200 for p95, 1000 for p99.

    Raises:
        ValueError: ``q`` is outside [0, 1); nothing lies above the largest sample.
    """
    if not 0.0 <= q < 1.0:
        raise ValueError(f"a quantile that something lies above is in [0, 1), got {q}")
    fewest = max(1, math.floor(_BEYOND / (1.0 - q)) - 1)  # less whatever rounding may have added
    while not is_estimable(fewest, q):
        fewest += 1
    return fewest


def is_estimable(n: int, q: float, *, beyond: int = _BEYOND) -> bool:
    """Whether ``n`` samples leave at least ``beyond`` of them above the ``q``-quantile.

    A p99 of 100 requests is their second slowest: a number, but no estimate of anything. Ten above it
    means 20 samples for p50, 200 for p95, 1000 for p99.
    """
    return n >= 1 and n - nearest_rank(n, q) >= beyond
