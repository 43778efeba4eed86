"""The headline names the failures that led to a verdict, and no others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govbench.compare.conclude import settled
from govbench.report import format as fmt
from govbench.report.headline import headline
from govbench.results.comparison import Comparison, Results, ThresholdResult, ThresholdState
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.run import Accounting, Outcome

ERRORS, P95 = MetricName.ERROR_RATE, MetricName.RESPONSE_TIME_P95


def missed(**changes: object) -> ThresholdResult:
    bound = ThresholdResult(
        metric=ERRORS,
        bound=0.05,
        state=ThresholdState.MISSED,
        test_type=TestType.CONCURRENT,
        value=0.9,
        n=480,
        failed=432,
        source="the default of thresholds.error_rate",
        default=True,
    )
    return replace(bound, **changes)  # type: ignore[arg-type]


def failing(results: Results, bound: ThresholdResult, **errors: int) -> Results:
    """Head fails so often in every phase of ``concurrent``, and nothing else is wrong with it."""
    assert results.comparison is not None
    side = len(results.summary.targets) - 1
    counts = {Outcome(name): count for name, count in errors.items()}
    failed = sum(counts.values())
    accounting = Accounting(offered=failed + 20, sent=failed + 20, ok=20, failed=failed, errors=counts)
    phases = tuple(
        replace(p, accounting=accounting)
        if p.side == side and p.phase.test_type is TestType.CONCURRENT
        else p
        for p in results.summary.phases
    )
    comparison: Comparison = replace(results.comparison, findings=(), thresholds=(bound,))
    return replace(results, summary=replace(results.summary, phases=phases), comparison=settled(comparison))


def test_the_headline_names_the_commonest_class_with_its_count(passing: Results) -> None:
    levels = sum(
        p.phase.test_type is TestType.CONCURRENT and p.side == len(passing.summary.targets) - 1
        for p in passing.summary.phases
    )
    said = headline(failing(passing, missed(), http_5xx=430, timeout=2))
    assert said.partition(": ")[2] == (
        "error rate of concurrent is 90.0 %, above its bound of 5.00 % (the default of thresholds.error_rate)"
        f"; {432 * levels} of {452 * levels} requests failed, {430 * levels} of them with http_5xx"
    )
    assert "requests failed, all with timeout" in headline(failing(passing, missed(), timeout=9))


def test_a_percentile_that_falls_on_a_failure_says_how_many_failed(passing: Results) -> None:
    bound = missed(metric=P95, bound=500.0, value=None, default=False, phase="users_50")
    said = headline(failing(passing, bound, timeout=9))
    assert "p95 of concurrent in users_50 falls on a failure, as 432 of 480 requests failed" in said
    assert fmt.threshold_value(bound) == "a failure (n 480)"


@pytest.mark.parametrize(
    "bound",
    [missed(state=ThresholdState.MET, value=0.01), missed(metric=P95, bound=500.0, value=900.0)],
    ids=["met", "slow"],
)
def test_failures_that_decided_nothing_are_not_in_it(passing: Results, bound: ThresholdResult) -> None:
    assert "requests failed" not in headline(failing(passing, bound, timeout=9))


def test_a_crooked_run_says_only_that(passing: Results) -> None:
    crooked = failing(passing, missed(), timeout=9)
    assert crooked.comparison is not None
    crooked = replace(crooked, comparison=settled(replace(crooked.comparison, fault="saturated")))
    assert headline(crooked).endswith(": saturated")


def test_a_verdict_on_head_alone_says_that_base_failed(passing: Results) -> None:
    loud = failing(passing, missed(), timeout=9)
    assert loud.comparison is not None
    alone = replace(loud, comparison=settled(replace(loud.comparison, base_failure="git:main: no build")))
    assert "the base could not be measured; head alone: " in headline(alone)
