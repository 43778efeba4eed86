"""Whether the last runs together are worse than those before, or a regression is still there.

Decides no verdict.

A change point needs three runs after it and is looked for at every place. What the runs of the last days say
together needs fewer and is looked for at two places only, so it tells a change of level sooner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from govbench.compare.effects import logs_of
from govbench.compare.reference import ReferenceLevel, on_scale, worse_by
from govbench.compare.verdict import change_of
from govbench.results.comparison import Margin
from govbench.results.history import HistoryPoint, LevelChange
from govbench.stats import LogRatio, RunNoise, runs_log_ratio

# So many runs, the one under judgement the last of them, are looked at together.
TOGETHER = (2, 3)
# Beside fewer earlier runs what was believed beforehand weighs too much: where all are twice as noisy, three
# in two hundred rose together although nothing happened.
FEWEST_BEFORE = 8
# By so much of the margin each of them has to be worse, so that none speaks for the others.
EACH = 0.5
# One-sided, of each number of runs, before a second measurement has to bear it out; the gated metrics and
# their load levels share it (Bonferroni).
FALSE_ALARM = 0.0175


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a rise of a metric is held to.

    Attributes:
        worse: +1 where more is worse, -1 where less is, 0 where any change is.
        margin: beyond which a change counts.
        noise: of one run, as known beforehand.
        earlier: logarithms of the metric while it had other levels, level by level.
        level: of the intervals.
        tests: metrics and load levels that share the chance of a false alarm.
    """

    worse: int
    margin: Margin
    noise: RunNoise
    earlier: Sequence[Sequence[float]]
    level: float
    tests: int = 1


def recent_rise(points: Sequence[HistoryPoint], counted: ReferenceLevel, held: Held) -> ReferenceLevel | None:
    """The level that counts without the last runs, where these together are worse than it beyond doubt.

    Args:
        points: the metric of each run, the one under judgement last.
        counted: the level that the stored ones of them give.
        held: what they are held to.
    """
    if any(point.metric.value <= 0.0 or point.metric.spec.compared_as_difference for point in points):
        return None
    for together in TOGETHER:
        recent, stored = points[-together:], counted.points[: 1 - together]
        before = tuple(point for point in stored if not point.suspect)
        is_last = [p.run_id for p in counted.points[1 - together :]] == [p.run_id for p in recent[:-1]]
        if len(before) < FEWEST_BEFORE or not is_last:
            continue
        margin = on_scale(held.margin, recent[-1].metric)
        direction = held.worse or (1 if _shift(recent[-1:], before) > 0.0 else -1)
        if min(worse_by([point], before, direction) for point in recent) <= EACH * margin:
            continue
        effect = _together(recent, before, held)
        if effect.effect * direction <= margin or effect.p_value >= 2.0 * FALSE_ALARM / held.tests:
            continue
        return ReferenceLevel(points=before, rise=_rise(points, len(points) - together, effect))
    return None


def open_regression(
    points: Sequence[HistoryPoint], counted: ReferenceLevel, worse: int
) -> tuple[HistoryPoint, ...]:
    """The stored regressions that nobody accepted, at the end of the points; none where there are none.

    Args:
        points: of the stored runs, oldest first.
        counted: the level that counts of them.
        worse: +1 where more is worse, -1 where less is, 0 where any change is.
    """
    start = len(points)
    while start and points[start - 1].open:
        start -= 1
    found = tuple(points[start:])
    return found if found and worse_by(found, counted.window, worse) > 0.0 else ()


def is_mended(
    values: Sequence[HistoryPoint],
    opened: Sequence[HistoryPoint],
    counted: ReferenceLevel,
    margin: Margin,
) -> bool:
    """Whether measurements of a run are back: within half the margin of the level that counts.

    Or nearer to it than to the open regression, where this is less. What was measured then is no better
    guide: it was flagged for being far.
    """
    level = counted.window
    opened_by = _shift(opened, level)
    least = min(abs(opened_by), on_scale(margin, values[-1].metric)) / 2.0
    return _shift(values, level) * math.copysign(1.0, opened_by) < least


def _shift(some: Sequence[HistoryPoint], level: Sequence[HistoryPoint]) -> float:
    return worse_by(some, level, 1)


def _together(recent: Sequence[HistoryPoint], before: Sequence[HistoryPoint], held: Held) -> LogRatio:
    window = logs_of([point.metric for point in before])
    return runs_log_ratio(
        window=window,
        window_se=_error(before),
        runs=logs_of([point.metric for point in recent]),
        runs_se=_error(recent),
        noise=held.noise.learned([window, *held.earlier]),
        level=held.level,
    )


def _error(points: Sequence[HistoryPoint]) -> float:
    errors = [point.metric.standard_error or 0.0 for point in points]
    return math.sqrt(sum(error * error for error in errors) / len(errors))


def _rise(points: Sequence[HistoryPoint], index: int, effect: LogRatio) -> LevelChange:
    return LevelChange(
        index=index,
        after_commit=points[index - 1].commit,
        commit=points[index].commit,
        change=change_of(effect),
        p_value=effect.p_value,
    )
