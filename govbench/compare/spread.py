"""The latencies of a baseline as reports draw them beside those of a run. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import BaseDistribution
from govbench.results.distributions import merge_distributions
from govbench.results.levels import level_labels, metrics_by_level
from govbench.results.plan import TestType
from govbench.results.run import Distribution, RunSummary


def of_stored(
    candidate: RunSummary, side: int, window: Callable[[TestType], Sequence[BaselineEntry]]
) -> tuple[BaseDistribution, ...]:
    """Of the stored runs that each test type is held against, together; level by level where it has several.

    Args:
        candidate: the run under judgement.
        side: the one of its sides.
        window: the stored runs of a test type.
    """
    found = []
    for test_type in dict.fromkeys(p.phase.test_type for p in candidate.phases if p.side == side):
        entries = window(test_type)
        for level in tuple(metrics_by_level(candidate, test_type, side)) or (None,):
            parts = [part for entry in entries if (part := _stored(entry, test_type, level)) is not None]
            if (merged := _merged(parts)) is not None:
                found.append(
                    BaseDistribution(test_type=test_type, level=level, distribution=merged, runs=len(parts))
                )
    return tuple(found)


def of_run(baseline: RunSummary) -> tuple[BaseDistribution, ...]:
    """Of the first side of a run, phase by phase."""
    found = []
    for test_type in TestType:
        phases = [p for p in baseline.phases if p.phase.test_type is test_type and p.side == 0]
        labels = level_labels([result.phase for result in phases])
        found += [
            BaseDistribution(
                test_type=test_type,
                level=label if len(phases) > 1 else None,
                distribution=result.distribution,
                runs=1,
            )
            for label, result in zip(labels, phases, strict=True)
            if result.distribution is not None
        ]
    return tuple(found)


def _stored(entry: BaselineEntry, test_type: TestType, level: str | None) -> Distribution | None:
    stored = entry.test_type(test_type)
    if stored is None:
        return None
    if level is None:
        return stored.distribution
    at = stored.at_level(level)
    return None if at is None else at.distribution


def _merged(parts: Sequence[Distribution]) -> Distribution | None:
    """All in one; None where they share no boundaries, as after a change of their resolution."""
    try:
        return merge_distributions(parts)
    except ValueError:
        return None
