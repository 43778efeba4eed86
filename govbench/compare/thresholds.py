"""Absolute bounds on the candidate, judged without a baseline, in every test type and at every level of it.

A bound cannot be kept by collapsing: a percentile counts failures as slower than any answer, a share is held
against the worst level, and where a planned test type lacks the figure, the bound was not measured there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from govbench.compare.verdict import judge_threshold, worse_sign
from govbench.config.settings import Threshold
from govbench.results.comparison import ThresholdResult, ThresholdState
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType, breaks_on_purpose
from govbench.results.run import PhaseResult, RunSummary, TestTypeResult

# Of fewer requests a percentile is the luck of a few; a p95 of twenty is the slowest but one.
FEWEST_FOR_A_PERCENTILE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """What a bound is held against; a ``value`` of None lies beyond every bound.

    ``excused``: of too few failures to be held against a bound.
    """

    value: float | None
    n: int
    failed: int | None = None
    phase: str | None = None
    excused: bool = False


def judge_thresholds(summary: RunSummary, thresholds: Sequence[Threshold]) -> tuple[ThresholdResult, ...]:
    """Every bound, against the last side; one without a test type in every planned one.

    It leaves out those whose business is to break the target, and the default those that have a bound of
    their own. A bound for a test type that this run was not to have is not measured, and not demanded either.
    """
    side = len(summary.targets) - 1
    planned = _planned(summary)
    return tuple(
        _judged(summary, side, threshold, test_type, is_planned=test_type in planned)
        for threshold in thresholds
        for test_type in _scope(threshold, planned, thresholds)
    )


def threshold_reason(thresholds: Sequence[ThresholdResult]) -> str | None:
    """Which bounds were missed or not measured though they ought to be, as part of a sentence, or None."""
    missed = _labels(t for t in thresholds if t.state is ThresholdState.MISSED)
    lacking = _labels(t for t in thresholds if t.state is ThresholdState.NOT_MEASURED and t.demanded)
    parts = [f"threshold missed: {missed}"] if missed else []
    parts += [f"threshold not measured: {lacking}"] if lacking else []
    return "; ".join(parts) or None


def _labels(thresholds: Iterable[ThresholdResult]) -> str:
    return ", ".join(dict.fromkeys(_label(threshold) for threshold in thresholds))


def _label(threshold: ThresholdResult) -> str:
    label = METRICS[threshold.metric].label
    return f"{label} ({threshold.test_type})" if threshold.test_type else label


def _planned(summary: RunSummary) -> tuple[TestType, ...]:
    """The test types that the run was to have; of an older file, those that it had."""
    had = {p.phase.test_type for p in summary.phases} | {t.test_type for t in summary.test_types}
    return summary.planned or tuple(t for t in TestType if t in had)


def _scope(
    threshold: Threshold, planned: Sequence[TestType], thresholds: Sequence[Threshold]
) -> Sequence[TestType]:
    if threshold.test_type is not None:
        return (threshold.test_type,)
    own = {t.test_type for t in thresholds if t.metric is threshold.metric} if threshold.default else set()
    return [t for t in planned if not breaks_on_purpose(t) and t not in own]


def _judged(
    summary: RunSummary, side: int, threshold: Threshold, test_type: TestType, *, is_planned: bool
) -> ThresholdResult:
    phases = [p for p in summary.phases if p.side == side and p.phase.test_type is test_type]
    whole = next((t for t in summary.test_types if t.side == side and t.test_type is test_type), None)
    figures = _figures(threshold, phases, whole)
    known = [figure for figure in figures if figure is not None]
    worst = max(known, key=lambda f: (not f.excused, _badness(threshold.metric, f)), default=None)
    state = _state(threshold, worst)
    if state is ThresholdState.MET and (whole is None or len(known) < len(figures)):
        state = ThresholdState.NOT_MEASURED
    return ThresholdResult(
        metric=threshold.metric,
        bound=threshold.bound,
        state=state,
        test_type=test_type,
        value=worst.value if worst else None,
        source=threshold.source,
        n=worst.n if worst else None,
        failed=worst.failed if worst else None,
        phase=worst.phase if worst and len(phases) > 1 else None,
        demanded=threshold.demanded and is_planned,
        default=threshold.default,
    )


def _state(threshold: Threshold, worst: _Figure | None) -> ThresholdState:
    if worst is None:
        return ThresholdState.NOT_MEASURED
    if worst.value is None:
        return ThresholdState.MISSED
    if worst.excused:
        return ThresholdState.MET
    return judge_threshold(threshold.metric, threshold.bound, worst.value)


def _badness(name: MetricName, figure: _Figure) -> float:
    return float("inf") if figure.value is None else worse_sign(name) * figure.value


def _figures(
    threshold: Threshold, phases: Sequence[PhaseResult], whole: TestTypeResult | None
) -> list[_Figure | None]:
    """What there is of a metric: per level where a level can hide among the others, else of the test type."""
    name = threshold.metric
    if name is MetricName.ERROR_RATE:
        return _shares(threshold, phases, whole)
    levels = [_percentile(phase, name) for phase in phases if phase.adjusted]
    if any(levels):
        return [*levels, *[None for phase in phases if not phase.adjusted]]
    if name is MetricName.THROUGHPUT and any(_answers_nothing(phase) for phase in phases):
        return [_Figure(value=0.0, n=sum(phase.accounting.failed for phase in phases))]
    metric = whole.metric(name) if whole else None
    return [_Figure(value=metric.value, n=metric.n) if metric else None]


def _percentile(phase: PhaseResult, name: MetricName) -> _Figure | None:
    found = next((each for each in phase.adjusted if each.name is name), None)
    if found is None or found.n < FEWEST_FOR_A_PERCENTILE:
        return None
    return _Figure(value=found.value, n=found.n, failed=found.failed, phase=phase.phase.name)


def _shares(
    threshold: Threshold, phases: Sequence[PhaseResult], whole: TestTypeResult | None
) -> list[_Figure | None]:
    """The error rate of every level and of all together."""
    rows = [(phase.metric(threshold.metric), phase.phase.name) for phase in phases]
    shares = [_share(metric, name, threshold.fewest) if metric else None for metric, name in rows]
    metric = whole.metric(threshold.metric) if whole else None
    return [*shares, _share(metric, None, threshold.fewest) if metric else None]


def _share(metric: Metric, phase: str | None, fewest: int) -> _Figure:
    failed = round(metric.value * metric.n)
    return _Figure(value=metric.value, n=metric.n, failed=failed, phase=phase, excused=failed < fewest)


def _answers_nothing(phase: PhaseResult) -> bool:
    """Whether requests ended at this level, and not one of them well: a throughput of 0, not an unknown."""
    return phase.accounting.failed > 0 and phase.accounting.ok == 0
