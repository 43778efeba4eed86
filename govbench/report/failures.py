"""Which failures a headline has to name: of the test type whose errors decided the verdict, if they did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from govbench.results.comparison import Comparison, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How many requests failed of those that finished, and the commonest class of error among them."""

    failed: int
    finished: int
    commonest: Outcome
    commonest_count: int


def failures_of(results: Results) -> Failures | None:
    """The failures behind a missed bound or a regression of the candidate; None where there are none."""
    test_type = _loud(results.comparison) if results.comparison else None
    if test_type is None:
        return None
    side = len(results.summary.targets) - 1
    phases = [p for p in results.summary.phases if p.side == side and p.phase.test_type is test_type]
    errors: Counter[Outcome] = Counter()
    for phase in phases:
        errors.update(phase.accounting.errors)
    if not errors:
        return None
    (commonest, commonest_count), *_ = errors.most_common(1)
    return Failures(
        failed=errors.total(),
        finished=errors.total() + sum(phase.accounting.ok for phase in phases),
        commonest=commonest,
        commonest_count=commonest_count,
    )


def _loud(comparison: Comparison) -> TestType | None:
    """The test type whose failures led to the verdict: beyond a bound, or more than before."""
    if comparison.fault:
        return None
    for bound in comparison.missed:
        if bound.test_type and (bound.metric is MetricName.ERROR_RATE or bound.value is None):
            return bound.test_type
    regressed = (
        finding.test_type
        for finding in comparison.findings
        if finding.gated and finding.verdict is Verdict.REGRESSION and not finding.accepted
        if finding.metric is MetricName.ERROR_RATE
    )
    return next(regressed, None)
