"""How far a metric of the candidate lies from that of the baseline, with its error. Decides nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.stats import (
    LogRatio,
    Prediction,
    ProportionDifference,
    prediction_log_ratio,
    proportion_difference,
    unpaired_log_ratio,
)

Effect = LogRatio | Prediction | ProportionDifference

# Read off a process and not off requests: no error within the run is known, only the noise between runs.
_READINGS = frozenset({MetricName.CPU_PER_REQUEST, MetricName.MEMORY_PEAK})


def error_known(metric: Metric) -> bool:
    """Whether a metric's error within its run was estimated, or is none that could be."""
    return metric.standard_error is not None or metric.name in _READINGS or metric.spec.compared_as_difference


def unpaired_effect(baseline: Metric, candidate: Metric, *, noise_sd: float, level: float) -> Effect | None:
    """One run against another; ``noise_sd`` is the deviation of the log ratio of two runs of the same code.

    None where a ratio does not exist (a side that is 0), or where a side's own error is not known: taking
    it as 0 would make the least certain numbers look the most certain.
    """
    if METRICS[baseline.name].compared_as_difference:
        return _share_difference([baseline], candidate, level)
    if baseline.value <= 0 or candidate.value <= 0:
        return None
    if not (error_known(baseline) and error_known(candidate)):
        return None
    return unpaired_log_ratio(
        base_value=baseline.value,
        base_se=baseline.standard_error or 0.0,
        cand_value=candidate.value,
        cand_se=candidate.standard_error or 0.0,
        between_run_sd=noise_sd,
        level=level,
    )


def window_effect(
    window: Sequence[Metric], candidate: Metric, *, noise_sd: float, level: float
) -> Effect | None:
    """A run against earlier ones; ``noise_sd`` as in ``unpaired_effect``, that of one run is 1/√2 of it.

    None as in ``unpaired_effect``.
    """
    if METRICS[candidate.name].compared_as_difference:
        return _share_difference(window, candidate, level)
    if any(metric.value <= 0 or not error_known(metric) for metric in (candidate, *window)):
        return None
    errors = [metric.standard_error or 0.0 for metric in window]
    return prediction_log_ratio(
        window=[math.log(metric.value) for metric in window],
        window_se=math.sqrt(sum(e * e for e in errors) / len(errors)),
        candidate_log=math.log(candidate.value),
        candidate_se=candidate.standard_error or 0.0,
        floor_sd=noise_sd / math.sqrt(2),
        level=level,
    )


def at_level(effect: Effect, level: float) -> Effect:
    """The same effect with its interval at another level."""
    if isinstance(effect, Prediction) and effect.by_window is not None:
        return replace(effect, level=level, by_window=replace(effect.by_window, level=level))
    return replace(effect, level=level)


def pooled_window(window: Sequence[Metric]) -> Metric:
    """What stands for a window of runs in a report: the geometric mean (of shares, the pooled share)."""
    name, n = window[0].name, sum(metric.n for metric in window)
    if METRICS[name].compared_as_difference:
        return Metric(name=name, value=sum(m.value * m.n for m in window) / n, n=n)
    if any(metric.value <= 0 for metric in window):
        return Metric(name=name, value=sum(m.value for m in window) / len(window), n=n)
    return Metric(name=name, value=math.exp(sum(math.log(m.value) for m in window) / len(window)), n=n)


def _share_difference(window: Sequence[Metric], candidate: Metric, level: float) -> ProportionDifference:
    return proportion_difference(
        baseline_hits=sum(round(metric.value * metric.n) for metric in window),
        baseline_n=sum(metric.n for metric in window),
        candidate_hits=round(candidate.value * candidate.n),
        candidate_n=candidate.n,
        between_run_sd=0.0,
        level=level,
    )
