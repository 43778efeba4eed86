"""How far two shares of failed requests lie apart, where failures may come in bursts. Decides nothing.

A burst of forty failures in a second is nearer to one event than to forty. How many times larger it makes the
variance than independent failures would (the design effect, Kish 1965) divides the counts. Between runs both
sides are divided by the larger of what the two show: failures come the same way to both, and the side without
any shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from govbench.results.metrics import Metric
from govbench.stats import ProportionDifference, count_design_effect, proportion_difference

# Fewer runs or rounds say nothing of how unevenly failures fall on them.
FEWEST_PARTS = 3


def share_difference(
    base: Sequence[tuple[float, int]], head: Sequence[tuple[float, int]], level: float
) -> ProportionDifference:
    """Failures over the rounds of either side: the share of each, and of how many requests it is that.

    Each side counts by the bursts of its own: what rounds flag has to show again in fresh ones, so a head
    that fails throughout a round is told, and forgotten where it was chance.
    """
    sides = [_counts(base), _counts(head)]
    return difference(sides, [count_design_effect(hits, sizes) for hits, sizes in sides], level)


def share_effect(window: Sequence[Metric], candidate: Metric, level: float) -> ProportionDifference:
    """The failures of one run against those of one or more others, by what bursts each of them shows.

    No fresh rounds have to bear it out, so an exact test of the counts has to.
    """
    parts = _counts([(metric.value, metric.n) for metric in window])
    inflated = max(burst_factor(metric) for metric in (*window, candidate))
    if len(window) >= FEWEST_PARTS:
        inflated = max(inflated, count_design_effect(*parts))
    sides = [parts, _counts([(candidate.value, candidate.n)])]
    return difference(sides, [inflated, inflated], level, exact=True)


def burst_factor(share: Metric) -> float:
    """The design effect that a share was measured with, as its standard error tells; 1 where unknown."""
    independent = share.value * (1.0 - share.value) / share.n
    if share.standard_error is None or independent <= 0.0:
        return 1.0
    return max(1.0, share.standard_error**2 / independent)


def difference(
    sides: Sequence[tuple[Sequence[float], Sequence[int]]],
    inflated: Sequence[float],
    level: float,
    *,
    exact: bool = False,
) -> ProportionDifference:
    """The difference of two sides of hits and sizes, each divided by its design effect."""
    (base_hits, base_n), (head_hits, head_n) = sides
    by_base, by_head = inflated
    return proportion_difference(
        baseline_hits=sum(base_hits) / by_base,
        baseline_n=sum(base_n) / by_base,
        candidate_hits=sum(head_hits) / by_head,
        candidate_n=sum(head_n) / by_head,
        between_run_sd=0.0,
        level=level,
        exact=exact,
    )


def _counts(parts: Sequence[tuple[float, int]]) -> tuple[list[float], list[int]]:
    return [float(round(share * n)) for share, n in parts], [n for _, n in parts]
