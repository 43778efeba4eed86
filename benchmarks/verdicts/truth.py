"""What happened in a recorded history, found offline with all of it at hand. Knows no rule that judges it.

A history is cut into levels by least squares on its logarithms (optimal partitioning, Jackson et al. 2005),
with spikes drawn in to the running median so that none makes a level; a level has ten runs or more.
Neighbours whose medians differ by less than a tenth, or by less than two robust deviations of the noise, are
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEAST_RUNS = 10
REACH = 5
SPIKE = 3.0
PENALTY = 6.0
SMALLEST = np.log(1.10)
DEVIATIONS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The runs of ``start`` to ``stop``, which is none of them; ``median`` is of their logarithms."""

    start: int
    stop: int
    median: float

    def __len__(self) -> int:
        return self.stop - self.start


def levels(logs: Array) -> list[Level]:
    """The lasting levels of a history, oldest first."""
    noise = _deviation(np.diff(logs)) / np.sqrt(2.0) or 1e-9
    cuts = _cuts(_without_spikes(logs, SPIKE * noise), noise)
    while True:
        edges = [0, *cuts, logs.size]
        found = [Level(start=a, stop=b, median=float(np.median(logs[a:b]))) for a, b in pairwise(edges)]
        steps = [abs(b.median - a.median) for a, b in pairwise(found)]
        least = max(float(SMALLEST), DEVIATIONS * noise)
        if not steps or min(steps) >= least:
            return found
        del cuts[int(np.argmin(steps))]


def slowdowns(found: Sequence[Level]) -> list[int]:
    """Where a level begins that is worse than the one before (more is worse)."""
    return [b.start for a, b in pairwise(found) if b.median > a.median]


def residuals(logs: Array, found: Sequence[Level]) -> Array:
    """Each run's distance from the median of its level."""
    left = logs.copy()
    for level in found:
        left[level.start : level.stop] -= level.median
    return left


def _deviation(values: Array) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _without_spikes(logs: Array, limit: float) -> Array:
    around = [float(np.median(logs[max(0, i - REACH) : i + REACH + 1])) for i in range(logs.size)]
    return np.clip(logs, np.array(around) - limit, np.array(around) + limit)


def _cuts(values: Array, noise: float) -> list[int]:
    n = values.size
    penalty = PENALTY * noise**2 * np.log(n)
    sums = np.concatenate(([0.0], np.cumsum(values - values.mean())))
    squares = np.concatenate(([0.0], np.cumsum((values - values.mean()) ** 2)))
    cost, origin = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=np.int64)
    cost[0] = -penalty
    for end in range(LEAST_RUNS, n + 1):
        start = np.arange(0, end - LEAST_RUNS + 1)
        within = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - start)
        total = cost[start] + within + penalty
        origin[end] = int(np.argmin(total))
        cost[end] = total[origin[end]]
    cuts: list[int] = []
    end = n
    while (end := int(origin[end])) > 0:
        cuts.append(end)
    return cuts[::-1]
