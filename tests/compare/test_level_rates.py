"""How often levels are flagged against a stored window: simulated runs, judged by the product's functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from govbench.compare.calibration import InForce
from govbench.compare.findings import Sides, findings_of
from govbench.compare.levels import by_metric
from govbench.compare.sides import LevelWindow, window_sides
from govbench.config.settings import CompareConfig
from govbench.results.comparison import Finding, Method, Verdict
from govbench.results.metrics import Metric, MetricName
from govbench.results.plan import TestType

pytestmark = pytest.mark.slow

CONCURRENT, P50 = TestType.CONCURRENT, MetricName.RESPONSE_TIME_P50
CONFIG = CompareConfig()
SD = CONFIG.between_run_sd / math.sqrt(2)  # of one run: what is configured is right
FLAGGED = {Verdict.REGRESSION, Verdict.IMPROVEMENT}
SHARED = 0.6  # of the variance of a run: noise that all of its levels have in common
RUNS = 2_000


def metric(log: float) -> Metric:
    return Metric(name=P50, value=100.0 * math.exp(log), n=1000, standard_error=0.0)


def judged(logs: np.ndarray, *, pooled: bool) -> Finding:
    """A last run against those before it; rows are runs, columns are levels."""
    if pooled:
        logs = logs.mean(axis=1, keepdims=True)
    windows = [
        LevelWindow(
            level=None if pooled else f"{at + 1} users",
            stored=tuple(metric(log) for log in column[:-1]),
            candidate=metric(column[-1]),
        )
        for at, column in enumerate(logs.T)
    ]
    noise = InForce().run_noise(CONFIG, CONCURRENT, P50)

    def sides_of(_: TestType, name: MetricName) -> list[Sides]:
        return window_sides(windows, noise=noise, level=CONFIG.level) if name is P50 else []

    findings = findings_of([CONCURRENT], sides_of, CONFIG, Method.STORED_WINDOW)
    (finding,) = by_metric([f for f in findings if f.metric is P50], {})
    return finding


def share(
    verdicts: set[Verdict], *, noise: Sequence[float], runs: int, change: float = 0.0, pooled: bool = False
) -> float:
    """How often the finding has one of these verdicts; the change is that of the last level alone."""
    rng = np.random.default_rng(20_261_125)
    seen = 0
    for _ in range(RUNS):
        common = math.sqrt(SHARED) * rng.standard_normal((runs + 1, 1))
        own = math.sqrt(1 - SHARED) * rng.standard_normal((runs + 1, len(noise)))
        logs = (common + own) * SD * np.asarray(noise)
        logs[-1, -1] += math.log1p(change)
        seen += judged(logs, pooled=pooled).verdict in verdicts
    return seen / RUNS


@pytest.mark.parametrize("runs", [3, 7, 20])
@pytest.mark.parametrize(
    ("noise", "at_most"),
    [
        # one in a hundred is promised of all levels together; three standard errors of 2,000 are 0.7 %
        ((1.0,) * 3, 0.017),
        ((1.0,) * 7, 0.017),
        # a highest level that is three times as noisy as the others, and half as noisy again as configured
        ((0.5, 0.5, 1.5), 0.03),
        ((0.5,) * 6 + (1.5,), 0.02),
    ],
)
def test_a_family_of_levels_is_flagged_without_a_change_as_seldom_as_promised(
    noise: Sequence[float], at_most: float, runs: int
) -> None:
    assert share(FLAGGED, noise=noise, runs=runs) <= at_most


@pytest.mark.parametrize(
    ("levels", "runs", "found", "found_pooled"),
    [(3, 7, 0.80, 0.15), (3, 20, 0.90, 0.20), (7, 7, 0.65, 0.02), (7, 20, 0.85, 0.02)],
)
def test_a_fifth_at_the_highest_level_is_found_where_a_mean_of_levels_hides_it(
    levels: int, runs: int, found: float, found_pooled: float
) -> None:
    noise = (1.0,) * levels
    assert share({Verdict.REGRESSION}, noise=noise, runs=runs, change=0.2) >= found
    assert share({Verdict.REGRESSION}, noise=noise, runs=runs, change=0.2, pooled=True) <= found_pooled
