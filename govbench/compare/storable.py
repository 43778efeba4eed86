"""Whether later runs could be compared with a run, if it were stored. Stores nothing."""

from __future__ import annotations

import math

from govbench.compare.findings import EXPECTED, fewest_samples, is_gated
from govbench.config.settings import CompareConfig
from govbench.results.metrics import METRICS, MetricName
from govbench.results.run import RunSummary, TestTypeResult


def too_few_samples(summary: RunSummary, side: int, config: CompareConfig) -> tuple[str, int] | None:
    """Which gated metrics rest on too little for a comparison, and how many seconds of a phase would do.

    The seconds are by the rate of this run; 0 where it gives none to go by. None where nothing is missing.
    """
    found, factor = [], 0.0
    for result in (t for t in summary.test_types if t.side == side):
        for name, n, needed in _lacking(result, config):
            found.append(f"{METRICS[name].label} of {result.test_type} has {n} of {needed} samples")
            factor = max(factor, needed / n) if n else math.inf
    if not found:
        return None
    longest = max((p.phase.steady_s for p in summary.phases if p.side == side), default=0.0)
    return ", ".join(found), math.ceil(longest * factor * 1.1) if math.isfinite(factor) else 0


def _lacking(result: TestTypeResult, config: CompareConfig) -> list[tuple[MetricName, int, int]]:
    """Gated metrics with fewer observations than a comparison needs: name, how many, how many it needs."""
    rows = []
    for name in MetricName:
        metric, needed = result.metric(name), fewest_samples(name, config)
        n = metric.n if metric else 0
        is_there = metric is not None or name in EXPECTED
        if is_there and is_gated(config, result.test_type, name) and n < needed:
            rows.append((name, n, needed))
    return rows
