"""The usual ways to find a regression, held against the same measurements. Pure.

Each looks at one side of one comparison at a time: what stands in the history is base, what is new is head of
the comparison after it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from benchmarks.verdicts.store import Run, known
from govbench.stats import student_quantile

LAST_POINT_RATIO = 2.0  # the default of github-action-benchmark: alert-threshold 200 %
P95_RATIO = 1.10
HISTORY, FEWEST = 20, 5
T_LEVEL = 0.95

# Whether the newest of these comparisons would be called a regression; None where that cannot be told yet.
Way = Callable[[Sequence[Run]], bool | None]


def last_point(runs: Sequence[Run]) -> bool | None:
    """Median at least twice that of the last point."""
    return _ratio_beyond(runs, lambda run: run.p50_ms, LAST_POINT_RATIO)


def p95_threshold(runs: Sequence[Run]) -> bool | None:
    """p95 more than 10 % above that measured before."""
    return _ratio_beyond(runs, lambda run: run.p95_ms, P95_RATIO)


def t_test(runs: Sequence[Run]) -> bool | None:
    """Median above the history's 95 % prediction interval: t of n-1 times s sqrt(1 + 1/n)."""
    history = known([run.p50_ms[0] for run in runs[:-1]])[-HISTORY:]
    new = runs[-1].p50_ms[1] if runs else None
    if new is None or len(history) < FEWEST:
        return None
    n = len(history)
    reach = student_quantile(0.5 + T_LEVEL / 2, n - 1.0) * statistics.stdev(history) * math.sqrt(1 + 1 / n)
    return new > statistics.fmean(history) + reach


WAYS: dict[str, Way] = {
    "200 % of the last point (median)": last_point,
    "10 % on p95, one after the other": p95_threshold,
    "t-test on the history (median, 95 %)": t_test,
}


def alarms(runs: Sequence[Run], way: Way, kinds: frozenset[str]) -> list[bool]:
    """What a way says of each comparison of these kinds, all earlier ones being its history."""
    said = [way(runs[: place + 1]) for place, run in enumerate(runs) if run.kind in kinds]
    return [each for each in said if each is not None]


def _ratio_beyond(
    runs: Sequence[Run], sides: Callable[[Run], tuple[float | None, float | None]], most: float
) -> bool | None:
    if len(runs) < 2:
        return None
    before, new = sides(runs[-2])[0], sides(runs[-1])[1]
    return new / before > most if before and new else None
