"""Which stored runs a metric is held against, and whether its level rose since; decides no verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from govbench.results.comparison import Margin
from govbench.results.history import HistoryPoint, LevelChange
from govbench.results.metrics import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceLevel:
    """The level that counts: the newest that is no unaccepted change for the worse.

    ``rise`` is the first change after it that lies beyond the margin, for the worse, and that nobody
    accepted; None where the level that counts is the last one.
    """

    points: tuple[HistoryPoint, ...]
    rise: LevelChange | None = None

    @property
    def window(self) -> tuple[HistoryPoint, ...]:
        """Its runs without the suspects; where all are suspects, these."""
        return tuple(point for point in self.points if not point.suspect) or self.points


def reference_level(
    points: Sequence[HistoryPoint], changes: Sequence[LevelChange], *, worse: int, margin: Margin | None
) -> ReferenceLevel:
    """Walks from the oldest level to the newest.

    A level that is better than the one that counts takes its place, and so does one that is worse by no more
    than the margin; what is worse by more takes it once a person accepted it, all runs since the change with
    it. An acceptance within a level, where no change was seen, begins a level of its own.

    Args:
        points: the metric of each run, oldest first, at least one.
        changes: where its level changed.
        worse: +1 where more is worse, -1 where less is, 0 where any change is.
        margin: beyond which a change has to be accepted; None of an advisory metric: of
            these no change has to be.
    """
    counts, rise = tuple(points[:0]), None
    edges = [0, *(change.index for change in changes), len(points)]
    for place, (start, stop) in enumerate(pairwise(edges)):
        level = tuple(points[start:stop])
        accepted = [i for i, point in enumerate(level) if point.begins_level]
        risen = (
            margin is not None
            and place > 0
            and worse_by(level, counts, worse) > on_scale(margin, counts[-1].metric)
        )
        if risen and not accepted:
            rise = rise or changes[place - 1]
            continue
        begin = accepted[-1] if accepted and not (risen and len(accepted) == 1) else 0
        # Whoever accepts a change accepts the runs that were regressions because of it.
        while accepted and begin > 0 and level[begin - 1].open:
            begin -= 1
        counts = tuple(replace(p, suspect=False) if accepted and p.open else p for p in level[begin:])
        rise = None
    return ReferenceLevel(points=counts, rise=rise)


def worse_by(level: Sequence[HistoryPoint], reference: Sequence[HistoryPoint], worse: int) -> float:
    """How much worse the mean of one level is than that of another, on the scale of effects."""
    shift = _mean(level) - _mean(reference)
    return shift * worse if worse else abs(shift)


def on_scale(margin: Margin, near: Metric) -> float:
    """A margin on the scale of the effect, the absolute one relative to a value of the metric."""
    if near.spec.compared_as_difference:
        return margin.absolute
    return math.log1p(max(margin.relative, margin.absolute / near.value if near.value > 0 else 0.0))


def _mean(level: Sequence[HistoryPoint]) -> float:
    plain = level[0].metric.spec.compared_as_difference
    return math.fsum(p.metric.value if plain else math.log(p.metric.value) for p in level) / len(level)
