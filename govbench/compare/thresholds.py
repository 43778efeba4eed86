"""Absolute bounds on the candidate, judged without a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from govbench.compare.verdict import judge_threshold, worse_sign
from govbench.config.settings import Threshold
from govbench.results.comparison import ThresholdResult, ThresholdState
from govbench.results.metrics import METRICS
from govbench.results.run import RunSummary


def judge_thresholds(summary: RunSummary, thresholds: Sequence[Threshold]) -> tuple[ThresholdResult, ...]:
    """Every configured bound, against the last side; one without a test type is held against the worst."""
    side = len(summary.targets) - 1
    return tuple(_judge_threshold(summary, side, threshold) for threshold in thresholds)


def _judge_threshold(summary: RunSummary, side: int, threshold: Threshold) -> ThresholdResult:
    values = [
        metric.value
        for t in summary.test_types
        if t.side == side and threshold.test_type in {None, t.test_type}
        if (metric := t.metric(threshold.metric)) is not None
    ]
    worst = (max if worse_sign(threshold.metric) > 0 else min)(values, default=None)
    return ThresholdResult(
        metric=threshold.metric,
        bound=threshold.bound,
        state=judge_threshold(threshold.metric, threshold.bound, worst),
        test_type=threshold.test_type,
        value=worst,
        source=threshold.source,
    )


def threshold_reason(thresholds: Sequence[ThresholdResult]) -> str | None:
    """Which bounds were missed or not measured though they ought to be, as part of a sentence, or None."""
    missed = _labels(t for t in thresholds if t.state is ThresholdState.MISSED)
    lacking = _labels(t for t in thresholds if t.state is ThresholdState.NOT_MEASURED and t.demanded)
    parts = [f"threshold missed: {missed}"] if missed else []
    parts += [f"threshold not measured: {lacking}"] if lacking else []
    return "; ".join(parts) or None


def _labels(thresholds: Iterable[ThresholdResult]) -> str:
    return ", ".join(dict.fromkeys(METRICS[threshold.metric].label for threshold in thresholds))
