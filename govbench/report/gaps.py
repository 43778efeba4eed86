"""The time between the rounds of a paired comparison, in which nothing was asked. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence

from govbench.results.run import RunSummary, TimelinePoint

# A moment that is covered less says little of the rate.
LEAST_SHARE = 0.25


def covered(summary: RunSummary, points: Sequence[TimelinePoint], width_s: float = 1.0) -> tuple[float, ...]:
    """The share of each point, ``width_s`` long, that lies in a round; all of it where there are none."""
    if not summary.rounds:
        return (1.0,) * len(points)
    start_s = first_s(summary)
    spans = [(each.start_s - start_s, each.end_s - start_s) for each in summary.rounds]
    return tuple(
        sum(max(0.0, min(end, at + width_s) - max(begin, at)) for begin, end in spans) / width_s
        for at in (point.at_s - points[0].at_s for point in points)
    )


def first_s(summary: RunSummary) -> float:
    """When the first phase began, Unix seconds; the timeline counts from then."""
    return min((p.window.start_s for p in summary.phases), default=0.0)


def rates(counts: Sequence[int], shares: Sequence[float], width_s: float = 1.0) -> list[float | None]:
    """Per second of the covered time; None where hardly any of it is."""
    return [
        count / (width_s * share) if share >= LEAST_SHARE else None
        for count, share in zip(counts, shares, strict=True)
    ]
