"""Both error rates of the verdict on simulated runs: how often it cries wolf, how often it misses one.

The runs are drawn as the model of docs/verdicts.md says; what really happens on a machine is shown by
comparing equal stacks there. Every count is of whole comparisons, with all their gated metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from govbench.compare.compare import compare_runs
from govbench.compare.confirmation import again_of
from govbench.compare.stored import compare_window
from govbench.config.settings import CompareConfig
from govbench.results.baseline import BaselineEntry
from govbench.results.comparison import Comparison, Reference, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType
from govbench.results.run import RunSummary

BuildMetric = Callable[..., Metric]
BuildRun = Callable[..., RunSummary]
BuildEntry = Callable[..., BaselineEntry]

pytestmark = pytest.mark.slow

P50, TTFT = MetricName.RESPONSE_TIME_P50, MetricName.TTFT_P50
ERRORS, THROUGHPUT = MetricName.ERROR_RATE, MetricName.THROUGHPUT
CONFIG = CompareConfig()
RUN_SD = CONFIG.between_run_sd / math.sqrt(2)  # of one run: the setting is that of two runs' log ratio
WITHIN = 0.01
N = 1000


def share_of(comparisons: list[Comparison], verdict: Verdict) -> float:
    return sum(c.verdict is verdict for c in comparisons) / len(comparisons)


def metrics_of(
    rng: np.random.Generator, metric: BuildMetric, *, sd: float, factor: float = 1.0, error_rate: float = 0.01
) -> tuple[Metric, ...]:
    """The metrics of one run: each with the noise of the run and its own error within it."""
    noise = np.exp(np.hypot(sd, WITHIN) * rng.standard_normal(3))
    return (
        metric(P50, 100 * factor * noise[0], N, WITHIN),
        metric(TTFT, 20 * factor * noise[1], N, WITHIN),
        metric(THROUGHPUT, 50 / factor * noise[2], N, WITHIN),
        metric(ERRORS, rng.binomial(N, error_rate) / N, N),
    )


def unpaired(
    metric: BuildMetric, summary: BuildRun, *, factor: float, repetitions: int, seed: int
) -> list[Comparison]:
    rng = np.random.default_rng(seed)

    def run(by: float) -> RunSummary:
        return summary({t: metrics_of(rng, metric, sd=RUN_SD, factor=by) for t in TestType})

    return [compare_runs(run(1.0), run(factor), CONFIG) for _ in range(repetitions)]


def test_two_equal_runs_are_rarely_told_apart(metric: BuildMetric, summary: BuildRun) -> None:
    equal = unpaired(metric, summary, factor=1.0, repetitions=1000, seed=1)
    assert share_of(equal, Verdict.REGRESSION) <= 0.01


def test_twice_as_slow_is_found_between_two_runs(metric: BuildMetric, summary: BuildRun) -> None:
    slower = unpaired(metric, summary, factor=2.0, repetitions=300, seed=2)
    assert share_of(slower, Verdict.REGRESSION) >= 0.95


@pytest.mark.parametrize(("runs", "times_noisier"), [(1, 1.0), (5, 1.0), (8, 2.0)])
def test_a_run_like_the_stored_ones_is_rarely_told_apart(
    metric: BuildMetric, summary: BuildRun, entry: BuildEntry, runs: int, times_noisier: float
) -> None:
    """Also where the runs are twice as noisy as assumed, once the window is long enough to show it."""
    rng = np.random.default_rng(5)
    sd = RUN_SD * times_noisier
    equal = [
        compare_window(
            [entry(metrics_of(rng, metric, sd=sd), number=i) for i in range(runs)],
            Reference(label="stored"),
            summary({TestType.BASELINE: metrics_of(rng, metric, sd=sd)}),
            CONFIG,
            again=again_of(summary({TestType.BASELINE: metrics_of(rng, metric, sd=sd)})),
        )
        for _ in range(700)
    ]
    assert share_of(equal, Verdict.REGRESSION) <= 0.01


def test_half_as_slow_again_is_found_by_a_window(
    metric: BuildMetric, summary: BuildRun, entry: BuildEntry
) -> None:
    rng = np.random.default_rng(6)
    slower = [
        compare_window(
            [entry(metrics_of(rng, metric, sd=RUN_SD), number=i) for i in range(8)],
            Reference(label="stored"),
            summary({TestType.BASELINE: metrics_of(rng, metric, sd=RUN_SD, factor=1.5)}),
            CONFIG,
            again=again_of(summary({TestType.BASELINE: metrics_of(rng, metric, sd=RUN_SD, factor=1.5)})),
        )
        for _ in range(200)
    ]
    assert share_of(slower, Verdict.REGRESSION) >= 0.95


@pytest.mark.parametrize(("factor", "least", "most"), [(1.0, 0.0, 0.03), (1.2, 0.7, 1.0), (1.3, 0.95, 1.0)])
def test_a_window_that_holds_an_improvement(
    metric: BuildMetric, summary: BuildRun, entry: BuildEntry, factor: float, least: float, most: float
) -> None:
    """Fifteen runs, then eight that take 1/1.3 of the time: these count, also for one at the old level."""
    rng = np.random.default_rng(8)
    found = [
        compare_window(
            [
                entry(metrics_of(rng, metric, sd=RUN_SD, factor=1.0 if i < 8 else 1.3), number=i)
                for i in range(23)
            ],
            Reference(label="stored"),
            summary({TestType.BASELINE: metrics_of(rng, metric, sd=RUN_SD, factor=factor)}),
            CONFIG,
            again=again_of(summary({TestType.BASELINE: metrics_of(rng, metric, sd=RUN_SD, factor=factor)})),
        )
        for _ in range(100)
    ]
    assert least <= share_of(found, Verdict.REGRESSION) <= most


def test_error_rates_of_equal_stacks_are_rarely_told_apart(metric: BuildMetric, summary: BuildRun) -> None:
    rng = np.random.default_rng(7)

    def run(rate: float) -> RunSummary:
        shares = (metric(P50, 100), metric(THROUGHPUT, 50), metric(ERRORS, rng.binomial(N, rate) / N, N))
        return summary({TestType.BASELINE: shares})

    for rate in (0.001, 0.02, 0.3):
        equal = [compare_runs(run(rate), run(rate), CONFIG) for _ in range(500)]
        assert share_of(equal, Verdict.REGRESSION) <= 0.01
    worse = [compare_runs(run(0.01), run(0.05), CONFIG) for _ in range(300)]
    assert share_of(worse, Verdict.REGRESSION) >= 0.9
