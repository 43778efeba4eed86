"""How far a metric of the candidate lies from that of the baseline, with its error. Decides nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from govbench.compare.shares import share_effect
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.stats import (
    LogRatio,
    ProportionDifference,
    RunNoise,
    prediction_log_ratio,
)

Effect = LogRatio | ProportionDifference

# Read off a process and not off requests: no error within the run is known, only the noise between runs.
_READINGS = frozenset({MetricName.CPU_PER_REQUEST, MetricName.MEMORY_PEAK})


def error_known(metric: Metric) -> bool:
    """Whether a metric's error within its run was estimated, or is none that could be."""
    return metric.standard_error is not None or metric.name in _READINGS or metric.spec.compared_as_difference


def window_effect(
    window: Sequence[Metric], candidate: Metric, *, noise: RunNoise, level: float
) -> Effect | None:
    """A run against one or more others; ``noise`` is that of one run, with what these others taught of it.

    None where a ratio does not exist (a side that is 0), or where a side's own error is not known: taking
    it as 0 would make the least certain numbers look the most certain.
    """
    if METRICS[candidate.name].compared_as_difference:
        return share_effect(window, candidate, level)
    if any(metric.value <= 0 or not error_known(metric) for metric in (candidate, *window)):
        return None
    errors = [metric.standard_error or 0.0 for metric in window]
    return prediction_log_ratio(
        window=logs_of(window),
        window_se=math.sqrt(sum(e * e for e in errors) / len(errors)),
        candidate_log=math.log(candidate.value),
        candidate_se=candidate.standard_error or 0.0,
        noise=noise,
        level=level,
    )


def logs_of(metrics: Sequence[Metric]) -> list[float]:
    """Their logarithms, to learn the noise of one run from; none of shares, and where one has none."""
    if any(metric.value <= 0 or METRICS[metric.name].compared_as_difference for metric in metrics):
        return []
    return [math.log(metric.value) for metric in metrics]


def at_level(effect: Effect, level: float) -> Effect:
    """The same effect with its interval at another level."""
    return replace(effect, level=level)


def pooled_window(window: Sequence[Metric]) -> Metric:
    """What stands for a window of runs in a report: the geometric mean (of shares, the pooled share)."""
    name, n = window[0].name, sum(metric.n for metric in window)
    if METRICS[name].compared_as_difference:
        return Metric(name=name, value=sum(m.value * m.n for m in window) / n, n=n)
    if any(metric.value <= 0 for metric in window):
        return Metric(name=name, value=sum(m.value for m in window) / len(window), n=n)
    return Metric(name=name, value=math.exp(sum(math.log(m.value) for m in window) / len(window)), n=n)
