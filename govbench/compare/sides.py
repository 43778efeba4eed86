"""Which figure of a run is held against which, level by level. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from govbench.compare.effects import error_known, logs_of, pooled_window, window_effect
from govbench.compare.findings import Sides
from govbench.results.baseline import BaselineEntry
from govbench.results.levels import is_levelled, metrics_by_level
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary
from govbench.stats import RunNoise

# A metric at each load level, and over all of them (None).
MetricAt = Mapping[str | None, Metric | None]

# From so many stored runs with figures of each level on, those without are left out. A run that an earlier
# govbench stored has none.
FEWEST_WITH_LEVELS = 3
# What the scatter of a metric at its other levels counts for: as much as a configured noise.
OTHER_LEVELS_DF = 4.0
_NONE_EARLIER: Mapping[str | None, Sequence[Sequence[float]]] = {}


def pooled_metric(summary: RunSummary, test_type: TestType, side: int, name: MetricName) -> Metric | None:
    """A metric over all levels of a test type."""
    found = next((t for t in summary.test_types if t.test_type is test_type and t.side == side), None)
    return found.metric(name) if found else None


def level_metrics(
    summary: RunSummary, side: int, test_type: TestType, name: MetricName
) -> Mapping[str, Metric | None]:
    """A metric at each level of a test type; empty where it is judged over all, or there is only one."""
    whole = any(t.test_type is test_type and t.side == side for t in summary.test_types)
    if not (whole and is_levelled(name)):
        return {}
    return {
        level: next((metric for metric in metrics if metric.name is name), None)
        for level, metrics in metrics_by_level(summary, test_type, side).items()
    }


def alone(summary: RunSummary, side: int, test_type: TestType, name: MetricName) -> list[Sides]:
    """A metric of a run that nothing is held against."""
    levels = level_metrics(summary, side, test_type, name)
    if not levels:
        metric = pooled_metric(summary, test_type, side, name)
        return [Sides(baseline=None, candidate=metric, effect=None)]
    return [
        Sides(level=level, baseline=None, candidate=metric, effect=None) for level, metric in levels.items()
    ]


def level_pairs(
    baseline: RunSummary, of_candidate: tuple[RunSummary, int], test_type: TestType, name: MetricName
) -> list[tuple[str | None, Metric | None, Metric | None]]:
    """Each level with the metric of the first side of the baseline and of a side of the candidate."""
    candidate, side = of_candidate
    old, new = (
        level_metrics(baseline, 0, test_type, name),
        level_metrics(candidate, side, test_type, name),
    )
    if not (old and new):
        pooled = pooled_metric(baseline, test_type, 0, name), pooled_metric(candidate, test_type, side, name)
        return [(None, *pooled)]
    return [(level, old.get(level), new.get(level)) for level in {**new, **old}]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelWindow:
    """What stored runs measured of a metric at one level, newest first, and what the candidate did."""

    level: str | None
    stored: tuple[Metric, ...]
    candidate: Metric | None


def labels_of(
    entries: Sequence[BaselineEntry], metrics: MetricAt, test_type: TestType
) -> tuple[str | None, ...]:
    """The levels at which a metric is held against stored runs.

    Where too few of these have figures of each level, it is one over all of them (None).

    Args:
        entries: the stored runs.
        metrics: the metric of the run at each level, and over all of them (None).
        test_type: of the metric.
    """
    new = [level for level in metrics if level is not None]
    results = [result for entry in entries if (result := entry.test_type(test_type))]
    split = [result for result in results if result.levels]
    if not new or len(split) < min(FEWEST_WITH_LEVELS, len(results)):
        return (None,)
    return tuple(dict.fromkeys([*new, *(level.level for result in split for level in result.levels)]))


def metrics_at(summary: RunSummary, side: int, test_type: TestType, name: MetricName) -> MetricAt:
    """A metric of a run over all levels (None), and at each where it is judged level by level."""
    pooled = pooled_metric(summary, test_type, side, name)
    found: dict[str | None, Metric | None] = {None: pooled}
    found.update(level_metrics(summary, side, test_type, name))
    return found


def with_known_errors(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """Those with a known error, where there are any."""
    measured = tuple(metrics)
    return tuple(metric for metric in measured if error_known(metric)) or measured


def window_sides(
    windows: Sequence[LevelWindow],
    *,
    noise: RunNoise,
    level: float,
    earlier: Mapping[str | None, Sequence[Sequence[float]]] = _NONE_EARLIER,
) -> list[Sides]:
    """Both sides at each load level, with how far apart they are.

    The noise of a load level is learned from its own window and what it was before its figures last changed,
    and a little from the windows of the others, each about its own mean.

    Args:
        windows: of each load level.
        noise: what is known besides.
        level: of the intervals.
        earlier: of each load level the logarithms that stored runs measured before the window, or after it,
            stretch by stretch in which the figures stayed.
    """
    logs = [logs_of(window.stored) for window in windows]
    found = []
    for at, window in enumerate(windows):
        hinted = noise.hinted([*logs[:at], *logs[at + 1 :]], at_most=OTHER_LEVELS_DF)
        learned = hinted.learned([logs[at], *earlier.get(window.level, ())])
        old = pooled_window(window.stored) if window.stored else None
        effect = None
        if old is not None and window.candidate is not None:
            effect = window_effect(window.stored, window.candidate, noise=learned, level=level)
        found.append(Sides(level=window.level, baseline=old, candidate=window.candidate, effect=effect))
    return found


def without_levels(entries: Sequence[BaselineEntry], candidate: RunSummary, side: int) -> str | None:
    """Of which test types levels are compared together, for the stored runs do not know them apart."""
    names = []
    for test_type in TestType:
        metrics = metrics_at(candidate, side, test_type, MetricName.RESPONSE_TIME_P50)
        stored = any(entry.test_type(test_type) for entry in entries)
        if len(metrics) > 1 and stored and labels_of(entries, metrics, test_type) == (None,):
            names.append(test_type.value)
    if not names:
        return None
    which = ", ".join(names)
    return f"Too few stored runs have figures of each load level: {which} is compared over all levels."
