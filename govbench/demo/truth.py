"""The service times that the instance measured itself, all kept; tests hold a load generator against them.

The quantile is written here on purpose and not taken from ``stats``: a truth must not share its judge's code.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTimeSummary:
    """Service times of the chat requests of a window; None where there were none."""

    count: int
    sum_ms: float
    median_ms: float | None
    p90_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    by_status: dict[int, int]

    @property
    def mean_ms(self) -> float | None:
        """Arithmetic mean."""
        return self.sum_ms / self.count if self.count else None


class ServiceTimes:
    """Start, service time and status of every chat request, 18 bytes each."""

    def __init__(self) -> None:
        self._starts = array("d")
        self._times = array("d")
        self._statuses = array("H")

    def add(self, *, start_unix_s: float, service_time_ms: float, status: int) -> None:
        """Keep one finished request."""
        self._starts.append(start_unix_s)
        self._times.append(service_time_ms)
        self._statuses.append(status)

    def summary(
        self, *, start: float | None = None, end: float | None = None, status: int | None = None
    ) -> ServiceTimeSummary:
        """Summary of the requests that began in [start, end) and, if given, were answered with ``status``."""
        # Copies: a live view would forbid the arrays to grow.
        starts, times, statuses = np.array(self._starts), np.array(self._times), np.array(self._statuses)
        chosen = np.ones(len(times), dtype=np.bool_)
        if start is not None:
            chosen &= starts >= start
        if end is not None:
            chosen &= starts < end
        if status is not None:
            chosen &= statuses == status
        times = times[chosen]
        codes, counts = np.unique(statuses[chosen], return_counts=True)
        return ServiceTimeSummary(
            count=len(times),
            sum_ms=float(times.sum()),
            median_ms=nearest_rank(times, 0.5),
            p90_ms=nearest_rank(times, 0.9),
            p95_ms=nearest_rank(times, 0.95),
            p99_ms=nearest_rank(times, 0.99),
            by_status=dict(zip(codes.tolist(), counts.tolist(), strict=True)),
        )


def nearest_rank(values: npt.NDArray[np.float64], q: float) -> float | None:
    """The k-th smallest value with k = ceil(n q) (Hyndman & Fan 1996, type 1); None without values."""
    if len(values) == 0:
        return None
    # The rounding keeps n q exact where binary fractions are not: 0.07 · 100 is 7, not 7.000000000000001.
    rank = max(math.ceil(round(len(values) * q, 9)), 1)
    return float(np.partition(values, rank - 1)[rank - 1])
