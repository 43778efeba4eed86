"""How long the load was on within each moment of a timeline. Draws nothing.

The last moment is cut short by the end of the run, and between the rounds of a comparison nothing is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from govbench.results.run import RunSummary, TimelinePoint

# A moment that is covered less than the others says little of the rate.
LEAST_SHARE = 0.5


def covered_s(summary: RunSummary, points: Sequence[TimelinePoint]) -> tuple[float, ...]:
    """The seconds of each point that lie within the run, and where there are rounds within one of them."""
    step_s = width_s(points)
    start_s = first_s(summary)
    spans = [(each.start_s - start_s, each.end_s - start_s) for each in summary.rounds]
    spans = spans or [(0.0, last_s(summary) - start_s)]
    return tuple(
        sum(max(0.0, min(end, at + step_s) - max(begin, at)) for begin, end in spans)
        for at in (point.at_s for point in points)
    )


def width_s(points: Sequence[TimelinePoint]) -> float:
    """How many seconds a point stands for: from one to the next."""
    return points[1].at_s - points[0].at_s if len(points) > 1 else 1.0


def first_s(summary: RunSummary) -> float:
    """When the first phase began, Unix seconds; the timeline counts from then."""
    return min((p.window.start_s for p in summary.phases), default=0.0)


def last_s(summary: RunSummary) -> float:
    """When the last phase ended, Unix seconds."""
    return max((p.window.end_s for p in summary.phases), default=0.0)


def rates(counts: Sequence[int], seconds: Sequence[float]) -> list[float | None]:
    """Per second of the covered time; None where hardly any of it is."""
    least_s = LEAST_SHARE * max(seconds, default=0.0)
    return [
        count / covered if covered > 0 and covered >= least_s else None
        for count, covered in zip(counts, seconds, strict=True)
    ]
