"""What stored runs say of each metric: its course, where its level changed, which runs share the last one.

Each metric has change points of its own: a change that made answers slower says nothing of the memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from govbench.compare.alike import alike_part, of_entry
from govbench.compare.calibration import InForce
from govbench.compare.findings import ERROR_RATE_MARGIN
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Change
from govbench.results.history import HistoryPoint, LevelChange, MetricHistory
from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import TestType
from govbench.stats import FALSE_ALARM, ChangePoint, RunNoise, believed_error, change_points

# A level may move by this much before anybody needs to know.
SMALLEST_SHIFT = 0.02

Key = tuple[TestType, MetricName]
Histories = Mapping[Key, MetricHistory]
# A metric of a test type, over all its load levels (None) or at one.
LevelKey = tuple[TestType, MetricName, str | None]
# The calibration in force for a suite on a machine class.
KnownOf = Callable[[str, str], InForce]


def newest_first(entries: Iterable[BaselineEntry]) -> tuple[BaselineEntry, ...]:
    """By the time of their commits; where these are alike, by the time of measuring, else as given."""
    return tuple(sorted(entries, key=lambda entry: (entry.committed_at, entry.measured_at), reverse=True))


def histories_of(entries: Sequence[BaselineEntry], config: CompareConfig, known: InForce) -> Histories:
    """The history of every metric that one of these runs has; in the order of test types and metrics.

    Args:
        entries: of one suite, machine class, profile and suite version; newest first.
        config: the noise between runs where it is not known, and the level of the intervals.
        known: the calibration in force for these runs.
    """
    found = {}
    measured = {
        (result.test_type, m.name) for e in entries for result in e.test_types for m in result.metrics
    }
    for test_type in TestType:
        for name in (name for name in MetricName if (test_type, name) in measured):
            history = history_of(entries, (test_type, name, None), config, known)
            if history is not None:
                found[test_type, name] = history
    return found


def history_of(
    entries: Sequence[BaselineEntry], key: LevelKey, config: CompareConfig, known: InForce
) -> MetricHistory | None:
    """The history of a metric over all load levels or at one; None where none of the runs has it.

    Arguments are those of ``histories_of``.
    """
    test_type, name, _ = key
    points = _points(entries, key)
    if not points:
        return None
    noise = known.run_noise(config, test_type, name)
    return MetricHistory(
        suite=entries[0].suite,
        suite_version=entries[0].suite_version,
        profile=entries[0].profile,
        machine_class=entries[0].machine_class,
        test_type=test_type,
        metric=name,
        points=points,
        changes=changes_in(points, level=config.level, noise=noise),
    )


def all_histories(
    entries: Iterable[BaselineEntry], config: CompareConfig, known_of: KnownOf
) -> tuple[MetricHistory, ...]:
    """The histories of all plans on all machine classes, the plan that was stored last first.

    Runs of different suites, machine classes, profiles or suite versions share no level; ``known_of`` says
    which calibration is in force for a suite on a machine class.
    """
    plans: list[list[BaselineEntry]] = []
    for entry in newest_first(entries):
        _sort_in(entry, plans)
    return tuple(
        one
        for alike in plans
        for one in histories_of(alike, config, known_of(alike[0].suite, alike[0].machine_class)).values()
    )


def _sort_in(entry: BaselineEntry, plans: list[list[BaselineEntry]]) -> None:
    """Put each test type of an entry to the newest entry that it compares with, or else into a new plan."""
    left: BaselineEntry | None = entry
    for plan in plans:
        if left is None or plan[0].suite != left.suite:
            continue
        found = alike_part(left, of_entry(plan[0]))
        if found is not None:
            plan.append(found)
            taken = set(found.test_types)
            rest = tuple(result for result in left.test_types if result not in taken)
            left = replace(left, test_types=rest) if rest else None
    if left is not None:
        plans.append([left])


def plain_stretches(history: MetricHistory) -> list[tuple[HistoryPoint, ...]]:
    """The points level by level, suspects left out; an accepted change begins a level, seen or not."""
    found = []
    for level in history.levels:
        edges = [0, *(i for i, point in enumerate(level) if point.begins_level and i), len(level)]
        parts = (tuple(p for p in level[a:b] if not p.suspect) for a, b in pairwise(edges))
        found += [part for part in parts if part]
    return found


def plain_levels(history: MetricHistory | None) -> list[list[float]]:
    """Logarithms of a metric by ``plain_stretches``: what the noise of one run is learned from."""
    if history is None or METRICS[history.metric].compared_as_difference:
        return []
    levels = [[point.metric.value for point in level] for level in plain_stretches(history)]
    return [[math.log(value) for value in level] for level in levels if min(level) > 0]


def change_text(change: Change) -> str:
    """A change with its interval, as part of a sentence: ``+14.0 % [+5.1, +23.7]``."""
    unit = "pp" if change.difference else "%"
    estimate, low, high = (f"{100 * value:+.1f}" for value in (change.estimate, change.low, change.high))
    return f"{estimate} {unit} [{low}, {high}]"


def _points(entries: Sequence[BaselineEntry], key: LevelKey) -> tuple[HistoryPoint, ...]:
    test_type, name, level = key
    points = []
    for entry in reversed(entries):
        result = entry.test_type(test_type)
        at = result if result is None or level is None else result.at_level(level)
        metric = at.metric(name) if at else None
        if metric is not None:
            points.append(
                HistoryPoint(
                    commit=entry.commit,
                    committed_at=entry.committed_at,
                    run_id=entry.run_id,
                    metric=metric,
                    anchor=entry.anchor,
                    accepted=entry.accepted,
                    suspect=entry.is_suspect(*key),
                    open=entry.is_open(*key),
                    begins_level=entry.begins_level(*key),
                )
            )
    return tuple(points)


def changes_in(
    points: Sequence[HistoryPoint], *, level: float, noise: RunNoise, false_alarm: float = FALSE_ALARM
) -> tuple[LevelChange, ...]:
    """Where the level of a metric changed, oldest first.

    Args:
        points: the metric of each run, oldest first.
        level: of the intervals.
        noise: of one run, as far as it is known beforehand.
        false_alarm: chance of a change, either way, in a history that has none.
    """
    metrics = [point.metric for point in points]
    difference = metrics[0].spec.compared_as_difference
    return tuple(
        LevelChange(
            index=found.index,
            after_commit=points[found.index - 1].commit,
            commit=points[found.index].commit,
            change=_change(found, level, difference=difference),
            p_value=found.p_value,
        )
        for found in _change_points(metrics, noise, false_alarm)
    )


def _change_points(metrics: Sequence[Metric], noise: RunNoise, false_alarm: float) -> tuple[ChangePoint, ...]:
    """On the scale on which the metric is compared; no ratio exists where a value is 0."""
    if metrics[0].spec.compared_as_difference:
        return change_points(
            [metric.value for metric in metrics],
            noise_sd=_binomial_sd(metrics),
            min_shift=ERROR_RATE_MARGIN,
            false_alarm=false_alarm,
        )
    if any(metric.value <= 0 for metric in metrics):
        return ()
    logs = [math.log(metric.value) for metric in metrics]
    within = math.sqrt(sum((metric.standard_error or 0.0) ** 2 for metric in metrics) / len(metrics))
    # Neighbours differ by √2 of what one run varies by, wherever the level changed.
    steps = [(new - old) / math.sqrt(2.0) for old, new in pairwise(logs)]
    return change_points(
        logs,
        noise_sd=math.hypot(noise.sd, believed_error(within, steps, least=noise.sd)),
        noise_df=noise.df,
        min_shift=math.log1p(SMALLEST_SHIFT),
        false_alarm=false_alarm,
    )


def _binomial_sd(metrics: Sequence[Metric]) -> float:
    """Of one run's share, were it the same in all of them."""
    share = sum(metric.value * metric.n for metric in metrics) / sum(metric.n for metric in metrics)
    return math.sqrt(share * (1 - share) * sum(1 / metric.n for metric in metrics) / len(metrics))


def _change(point: ChangePoint, level: float, *, difference: bool) -> Change:
    interval = point.interval(level)
    if difference:
        return Change(
            estimate=point.shift, low=interval.low, high=interval.high, level=level, difference=True
        )
    return Change(
        estimate=math.expm1(point.shift),
        low=math.expm1(interval.low),
        high=math.expm1(interval.high),
        level=level,
    )
