"""The load levels of a test type: what each is called, and what a run gave at it. Judges nothing.

A level is named by its users or its arrival rate, so it is the same one in every run of a plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from govbench.results.metrics import METRICS, Metric, MetricName
from govbench.results.plan import Phase, TestType
from govbench.results.run import RunSummary


def is_levelled(name: MetricName) -> bool:
    """Whether a metric is judged level by level.

    Failures are few, and say most when they are counted together. A process keeps the memory that an earlier
    level made it take, so its peak is that of the whole test type.
    """
    return not METRICS[name].compared_as_difference and name is not MetricName.MEMORY_PEAK


def level_labels(phases: Sequence[Phase]) -> tuple[str, ...]:
    """What the level of each of these phases is called: ``50 users``, ``20 rps``.

    Where that does not tell two phases of a test type apart, the name of the phase is added.
    """
    plain = [(phase.test_type, _load_of(phase)) for phase in phases]
    counts = Counter(plain)
    return tuple(
        load if counts[test_type, load] == 1 else f"{load} ({phase.name})"
        for phase, (test_type, load) in zip(phases, plain, strict=True)
    )


def _load_of(phase: Phase) -> str:
    if phase.arrivals is None:
        return f"{phase.users} user{'' if phase.users == 1 else 's'}"
    rates = [point.rate_rps for point in phase.arrivals.points]
    low, high = min(rates), max(rates)
    return f"{high:g} rps" if low == high else f"{low:g} to {high:g} rps"


def most_loaded(levels: Iterable[str]) -> str | None:
    """Of these labels the one with the highest number of users, or rate; None of none."""
    return max(levels, key=lambda level: float(level.split()[0]), default=None)


def metrics_by_level(summary: RunSummary, test_type: TestType, side: int) -> dict[str, tuple[Metric, ...]]:
    """What each level of a test type gave on one side, in their order; empty where it has only one."""
    mine = [p for p in summary.phases if p.phase.test_type is test_type and p.side == side]
    if len(mine) < 2:
        return {}
    labels = level_labels([result.phase for result in mine])
    return {label: result.metrics for label, result in zip(labels, mine, strict=True)}
