"""Distributions of several phases or runs as one: the same buckets, added up. Measures nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from govbench.results.run import Distribution

# Same resolution, whatever the last bit of a squared gamma says.
GAMMA_TOLERANCE = 1e-9


def merge_distributions(distributions: Iterable[Distribution]) -> Distribution | None:
    """All observations in one distribution, at the coarsest resolution among them; None of none.

    Raises:
        ValueError: their bucket boundaries never coincide.
    """
    parts = list(distributions)
    if not parts:
        return None
    gamma = max(part.gamma for part in parts)
    counts: Counter[int] = Counter()
    for part in parts:
        fitting = part
        while fitting.gamma < gamma * (1 - GAMMA_TOLERANCE):
            fitting = coarsen_distribution(fitting)
        if not math.isclose(fitting.gamma, gamma, rel_tol=GAMMA_TOLERANCE):
            raise ValueError(f"distributions of gamma {part.gamma} and {gamma} share no boundaries")
        for index, count in fitting.buckets:
            counts[index] += count
    return Distribution(gamma=gamma, buckets=tuple(sorted(counts.items())))


def coarsen_distribution(distribution: Distribution) -> Distribution:
    """The same observations in buckets twice as wide (on log scale): gamma squared, no boundary moved."""
    counts: Counter[int] = Counter()
    for index, count in distribution.buckets:
        counts[-(-index // 2)] += count
    return Distribution(gamma=distribution.gamma**2, buckets=tuple(sorted(counts.items())))
