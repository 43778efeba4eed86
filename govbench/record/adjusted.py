"""Percentiles of all finished requests, failures counted as slower than any answer: what bounds are held to.

A comparison takes the percentiles of good answers (``measure.py``), which a stack that fails most of its
requests may well improve.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from govbench.record.measure import inside, service_time_ms
from govbench.record.reader import SampleTable
from govbench.results.metrics import AdjustedPercentile, MetricName
from govbench.stats import FloatArray, quantile


def adjusted_percentiles(
    table: SampleTable, spans: Sequence[tuple[float, float]]
) -> tuple[AdjustedPercentile, ...]:
    """Of the requests due within ``spans``; those of times that no good answer has are left out.

    Where every request failed, no percentile is a time.
    """
    chosen = table.where(inside(table, spans))
    good, failed = chosen.where(chosen.ok), int(chosen.failed.sum())
    response = good.response_time_ms
    wanted: tuple[tuple[MetricName, float, FloatArray], ...] = (
        (MetricName.RESPONSE_TIME_P50, 0.50, response),
        (MetricName.RESPONSE_TIME_P95, 0.95, response),
        (MetricName.RESPONSE_TIME_P99, 0.99, response),
        (MetricName.SERVICE_TIME_P50, 0.50, service_time_ms(good)),
        (MetricName.TTFB_P50, 0.50, good.since_due_ms("first_byte_ms")),
        (MetricName.TTFT_P50, 0.50, good.since_due_ms("first_token_ms")),
    )
    found = (_percentile(name, q, times, failed) for name, q, times in wanted)
    return tuple(each for each in found if each is not None)


def _percentile(name: MetricName, q: float, times: FloatArray, failed: int) -> AdjustedPercentile | None:
    known = times[~np.isnan(times)]
    n = len(known) + failed
    if not n or (len(times) and not len(known)):
        return None
    value = quantile(np.concatenate([known, np.full(failed, np.inf)]), q)
    return AdjustedPercentile(name=name, value=value if np.isfinite(value) else None, n=n, failed=failed)
