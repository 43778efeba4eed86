"""A run that every later one would be invalid beside is known before it is stored."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from govbench.compare.storable import too_few_samples
from govbench.config.settings import CompareConfig, MetricRule
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

BuildUsual = Callable[..., tuple[Metric, ...]]
BuildRun = Callable[..., RunSummary]
P50 = MetricName.RESPONSE_TIME_P50


@pytest.mark.parametrize(("n", "enough"), [(29, False), (30, True)])
def test_a_comparison_needs_so_many(summary: BuildRun, usual: BuildUsual, n: int, enough: bool) -> None:
    found = too_few_samples(summary({TestType.BASELINE: usual(n=n)}), 0, CompareConfig())
    assert (found is None) is enough


def test_it_says_which_and_how_long_would_do(summary: BuildRun, usual: BuildUsual) -> None:
    """Ten seconds gave 25: twelve would give thirty, and a tenth more is safe."""
    run = summary({TestType.BASELINE: usual(), TestType.CONCURRENT: usual(n=25)})
    found = too_few_samples(run, 0, CompareConfig())
    assert found is not None
    assert found[0].startswith(
        "response time p50 of concurrent has 25 of 30 samples, throughput of concurrent"
    )
    assert found[1] == 14


def test_a_gated_metric_that_is_not_there_at_all(summary: BuildRun, usual: BuildUsual) -> None:
    run = summary({TestType.BASELINE: usual()[1:]})
    assert too_few_samples(run, 0, CompareConfig()) == (
        "response time p50 of baseline has 0 of 30 samples",
        0,
    )
    ungated = CompareConfig(metrics={P50: MetricRule(gate=False)})
    assert too_few_samples(run, 0, ungated) is None
